//! Regular expressions over a whole path or value. They take linear time, and their size is bounded.

use std::fmt;
use std::hash::{Hash, Hasher};

use regex_lite::{Regex, RegexBuilder};

/// The largest compiled expression, in bytes. It bounds the time: at most so many steps for each character.
const MOST_BYTES: usize = 8 << 10;

/// The largest compiled expression that is told from a mistake in the text.
const MOST_BYTES_LOOKED_AT: usize = 1 << 20;

/// A regular expression over a whole text.
#[derive(Clone, Debug)]
pub struct Expression {
    text: Box<str>,
    /// The text that everything it takes begins with.
    start: Box<str>,
    ignores_case: bool,
    regex: Regex,
}

/// A reason why text is no regular expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpressionError {
    /// A mistake in it.
    Syntax(String),
    /// It is larger than the bound, once it is compiled.
    TooLarge,
    /// It stands between slashes, as in JavaScript, and matches nothing; with the way to mend it.
    Delimited(String),
}

impl Expression {
    /// Reads `text`.
    ///
    /// # Errors
    /// The mistake in it, or that it is too large.
    pub fn parse(text: &str, ignores_case: bool) -> Result<Self, ExpressionError> {
        if let Some(bare) = without_delimiters(text) {
            return Err(ExpressionError::Delimited(format!("write `{bare}`: it is a match of the whole")));
        }
        let build = |text: &str, most: usize| {
            let mut builder = RegexBuilder::new(text);
            builder.size_limit(most).case_insensitive(ignores_case).dot_matches_new_line(true).build()
        };
        // By itself first: what is sound only between the parentheses below would mean something else.
        let bounded = build(text, MOST_BYTES).and_then(|_| build(&format!("^(?:{text})$"), MOST_BYTES));
        let regex = bounded.map_err(|error| match build(text, MOST_BYTES_LOOKED_AT) {
            Ok(_) => ExpressionError::TooLarge,
            Err(_) => ExpressionError::Syntax(error.to_string()),
        })?;
        let start = if ignores_case { String::new() } else { literal_start(text) };
        Ok(Self { text: text.into(), start: start.into(), ignores_case, regex })
    }

    /// The expression as its author wrote it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns whether it takes all of `text`.
    #[must_use]
    pub fn takes(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// The names of its groups, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.regex.capture_names().flatten()
    }

    /// The values of its named groups in `text`, in order, if it takes that; `None` for groups that took no part.
    #[must_use]
    pub(super) fn values<'t>(&self, text: &'t str) -> Option<Vec<Option<&'t str>>> {
        let captures = self.regex.captures(text)?;
        Some(self.names().map(|name| captures.name(name).map(|value| value.as_str())).collect())
    }

    /// A text that it takes, if one is easily found; else the beginning of those that it takes.
    pub(super) fn example(&self) -> String {
        let ends = ["", "x", "0", "1", "a", "/x", "x/x"].map(|end| format!("{}{end}", self.start));
        ends.into_iter().find(|text| self.takes(text)).unwrap_or_else(|| self.start.to_string())
    }

    /// The text that everything it takes begins with.
    pub(super) fn start(&self) -> &str {
        &self.start
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        (&self.text, self.ignores_case) == (&other.text, other.ignores_case)
    }
}

impl Eq for Expression {}

impl Hash for Expression {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.text, self.ignores_case).hash(state);
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(mistake) => write!(f, "not a regular expression: {mistake}"),
            Self::TooLarge => f.write_str("the regular expression is too large"),
            Self::Delimited(_) => f.write_str("the `/` at its ends would have to match, too, and nothing can"),
        }
    }
}

impl std::error::Error for ExpressionError {}

impl ExpressionError {
    /// The way to mend it.
    pub(super) fn help(&self) -> &str {
        match self {
            Self::Delimited(help) => help,
            Self::Syntax(_) => {
                "write it in the syntax of the crate `regex-lite`; there are no look-arounds and no back-references"
            }
            Self::TooLarge => "repeat fewer times: each repetition of `{n}` counts, up to 8 KiB in all",
        }
    }
}

/// An expression that `text` has between slashes, with an anchor beside one of them, so that nothing matches the whole.
fn without_delimiters(text: &str) -> Option<String> {
    let (inner, flags) = text.strip_prefix('/')?.rsplit_once('/').unwrap_or((text.get(1..)?, ""));
    let is_delimited =
        flags.bytes().all(|flag| flag.is_ascii_lowercase()) && (inner.starts_with('^') || inner.ends_with('$'));
    let inner = inner.strip_prefix('^').unwrap_or(inner);
    let inner = inner.strip_suffix('$').unwrap_or(inner).replace("\\/", "/");
    is_delimited.then(|| format!("{}{inner}", if flags.contains('i') { "(?i)" } else { "" }))
}

/// `text` as an expression for itself.
pub(super) fn escaped(text: &str) -> String {
    regex_lite::escape(text)
}

/// The text that every match of the expression `text` begins with, as far as it is plain to see.
fn literal_start(text: &str) -> String {
    let text = text.strip_prefix('^').unwrap_or(text);
    let mut start = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let literal = match c {
            '\\' => match chars.next() {
                // `\<` and `\>` are the ends of words.
                Some(escaped) if escaped.is_ascii_punctuation() && !matches!(escaped, '<' | '>') => escaped,
                _ => break,
            },
            '.' | '+' | '*' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '^' | '$' => break,
            c => c,
        };
        match chars.peek() {
            // The character before may be missing.
            Some('?' | '*' | '{') => break,
            _ => start.push(literal),
        }
    }
    // An alternative begins with something else, unless it is inside a group.
    let (mut depth, mut in_class, mut escaped) = (0_u32, false, false);
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class => depth += 1,
            ')' if !in_class => depth = depth.saturating_sub(1),
            '|' if !in_class && depth == 0 => return String::new(),
            _ => {}
        }
    }
    // Classes may hold brackets, and comments may hold anything, in ways that are not followed here.
    let obscure = ["[[", "[]", "[^]", "#"].iter().any(|part| text.contains(part));
    if in_class || obscure { String::new() } else { start }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expression(text: &str) -> Expression {
        Expression::parse(text, false).unwrap()
    }

    #[test]
    fn the_whole_text_counts() {
        for (pattern, text, takes) in [
            ("/users/[0-9]+", "/users/7", true),
            ("/users/[0-9]+", "/users/7/x", false),
            ("/users/[0-9]+", "x/users/7", false),
            ("^/x$", "/x", true),
            ("/a|/b", "/b", true),
            ("/a|/b", "/bc", false),
            ("(?i)/a", "/A", true),
            (".*", "a\nb", true),
        ] {
            assert_eq!(expression(pattern).takes(text), takes, "{pattern} {text}");
        }
        assert!(Expression::parse("/A", true).unwrap().takes("/a"));
    }

    #[test]
    fn what_is_none_or_too_large_is_refused() {
        for text in
            ["(", "a)|(b", "[", "\\", "a{2,1}", "(?<a>x)(?<a>y)", "[0-9]{1000}{1000}", "(?=x)", "\\1", "[a-z]{2000}"]
        {
            assert!(Expression::parse(text, false).is_err(), "{text}");
        }
    }

    #[test]
    fn the_beginning_of_all_matches_is_found() {
        for (text, start) in [
            ("/users/[0-9]+", "/users/"),
            ("^/a\\.b/", "/a.b/"),
            ("/users?", "/user"),
            ("/a+", "/a"),
            ("/a{0,1}", "/"),
            ("/a|/b", ""),
            ("/(a|b)", "/"),
            ("/x[|]y|z", ""),
            ("/x[|]y", "/x"),
            ("/x\\|y", "/x|y"),
            ("/\\d", "/"),
            ("(?i)/a", ""),
            ("/[]|]x|y", ""),
            ("/\\<a", "/"),
            ("/a(?x) # (\n|b", ""),
        ] {
            assert_eq!(literal_start(text), start, "{text}");
        }
        assert_eq!(Expression::parse("/a", true).unwrap().start(), "");
    }
}
