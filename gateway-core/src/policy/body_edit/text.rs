//! Replacements in text, by regular expressions.
//!
//! `regex-lite` takes time linear in the text for one search, but a search for each match may look through all of the rest. So a search sees a
//! part of it, a match is no longer than half of that, and there is a bound to the number of matches.

use core::fmt::{self, Display};

use regex_lite::{Captures, Regex, RegexBuilder};

use crate::document::TooMuch;

/// The largest compiled expression, in bytes: it bounds the time for a character.
const MOST_PROGRAM: usize = 4 << 10;

/// The longest match, in bytes.
const LONGEST: usize = 2 << 10;

/// The most replacements in one content.
pub const MOST_REPLACEMENTS: usize = 10_000;

/// A replacement of all that an expression finds.
#[derive(Clone, Debug)]
pub struct Replacement {
    expression: Regex,
    with: Box<[Part]>,
}

/// A part of what is put in.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    /// The text of the group with this index.
    Group(usize),
}

/// A mistake in a replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// The expression is none, for this reason.
    Expression(Box<str>),
    /// A `$` stands for nothing.
    Dollar,
    /// The expression has no such group.
    Group(Box<str>),
}

impl Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expression(reason) => write!(f, "it is no regular expression that is taken: {reason}"),
            Self::Dollar => f.write_str("a `$` has no group behind it"),
            Self::Group(name) => write!(f, "the expression has no group `{name}`"),
        }
    }
}

impl Replacement {
    /// The replacement of what the expression `replace` finds by `with`, where `$1` and `$<name>` are its groups, and `$$` is a `$`.
    ///
    /// # Errors
    /// A mistake in either.
    pub fn compile(replace: &str, with: &str) -> Result<Self, Mistake> {
        let built = RegexBuilder::new(replace).size_limit(MOST_PROGRAM).build();
        let expression = built.map_err(|error| Mistake::Expression(error.to_string().into()))?;
        let mut parts = Vec::new();
        let mut rest = with;
        while let Some((text, behind)) = rest.split_once('$') {
            parts.push(Part::Text(text.into()));
            rest = behind;
            if let Some(behind) = rest.strip_prefix('$') {
                parts.push(Part::Text("$".into()));
                rest = behind;
                continue;
            }
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let (name, behind) = match rest.strip_prefix('<') {
                Some(inner) => inner.split_once('>').ok_or(Mistake::Dollar)?,
                None => rest.split_at_checked(digits).filter(|(name, _)| !name.is_empty()).ok_or(Mistake::Dollar)?,
            };
            let mut names = expression.capture_names();
            let group = match name.parse::<usize>() {
                Ok(index) => Some(index).filter(|index| *index < expression.captures_len()),
                Err(_) => names.position(|group| group == Some(name)),
            };
            parts.push(Part::Group(group.ok_or_else(|| Mistake::Group(name.into()))?));
            rest = behind;
        }
        parts.push(Part::Text(rest.into()));
        Ok(Self { expression, with: parts.into() })
    }

    /// The expression, as it is written.
    #[must_use]
    pub fn expression(&self) -> &str {
        self.expression.as_str()
    }

    /// Replaces all in `text`, which may become no longer than `most` bytes.
    ///
    /// # Errors
    /// There are too many matches, one is too long, or what comes of it is.
    pub fn apply(&self, text: &str, most: usize) -> Result<String, TooMuch> {
        let mut out = String::with_capacity(text.len());
        let (mut at, mut copied, mut count) = (0_usize, 0, 0_usize);
        while at <= text.len() {
            let end = floor(text, at.saturating_add(2 * LONGEST));
            let seen = text.get(..end).unwrap_or(text);
            let is_part = end < text.len();
            let further = floor(text, at.saturating_add(LONGEST));
            let Some((captures, (from, to))) = self.search(seen, at) else {
                if !is_part {
                    break;
                }
                at = further;
                continue;
            };
            if is_part && from >= further {
                // Again, with more of what is behind it.
                at = from;
                continue;
            }
            if from == to && count > 0 && from == copied {
                // Nothing, right behind what was found before.
                at = next(text, from);
                continue;
            }
            count = count.saturating_add(1);
            if count > MOST_REPLACEMENTS || is_part && to == end {
                return Err(TooMuch);
            }
            out.push_str(text.get(copied..from).unwrap_or_default());
            for part in &self.with {
                out.push_str(match part {
                    Part::Text(text) => text,
                    Part::Group(index) => captures.get(*index).map_or("", |group| group.as_str()),
                });
            }
            if out.len() > most {
                return Err(TooMuch);
            }
            copied = to;
            at = if to > from { to } else { next(text, to) };
        }
        out.push_str(text.get(copied..).unwrap_or_default());
        if out.len() > most { Err(TooMuch) } else { Ok(out) }
    }

    fn search<'t>(&self, text: &'t str, at: usize) -> Option<(Captures<'t>, (usize, usize))> {
        // `captures_at` panics behind the end.
        if at > text.len() {
            return None;
        }
        let captures = self.expression.captures_at(text, at)?;
        let all = captures.get(0)?.range();
        Some((captures, (all.start, all.end)))
    }
}

/// The last boundary of a character up to `at`.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at = at.saturating_sub(1);
    }
    at
}

/// The boundary behind the character at `at`.
fn next(text: &str, at: usize) -> usize {
    let length = text.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
    at.saturating_add(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(replace: &str, with: &str, text: &str) -> Result<String, TooMuch> {
        Replacement::compile(replace, with).unwrap().apply(text, 1 << 20)
    }

    /// docs/configuration.md, Text.
    #[test]
    fn all_that_is_found_is_replaced() {
        for (replace, with, text, after) in [
            ("a", "b", "banana", "bbnbnb"),
            (
                "https?://internal\\.test(?<port>:[0-9]+)?/",
                "https://x.test/",
                "http://internal.test:80/a https://internal.test/",
                "https://x.test/a https://x.test/",
            ),
            ("(\\w+) (?<last>\\w+)", "$<last>, $1$$", "Ann Lee", "Lee, Ann$"),
            ("x*", "-", "axb", "-a-b-"),
            ("$", "!", "a\nb", "a\nb!"),
            ("(?m)$", "!", "a\nb", "a!\nb!"),
            ("^", ">", "\u{e9}", ">\u{e9}"),
            ("", "|", "\u{e9}\u{e9}", "|\u{e9}|\u{e9}|"),
            ("none", "x", "", ""),
            ("(a)|b", "[$1]", "ab", "[a][]"),
        ] {
            assert_eq!(replaced(replace, with, text).as_deref(), Ok(after), "{replace}");
        }
    }

    /// The crate itself is the oracle, where no bound is met.
    #[test]
    fn a_long_text_is_searched_as_one() {
        let text: String = (0..4000).map(|n| format!("{n} \u{e9}{} ", "x".repeat(n % 7))).collect();
        for replace in ["[0-9]+ ", "\u{e9}x{3,5}", "^0", "x\\b", "99[0-9]", "$"] {
            let whole = Regex::new(replace).unwrap().replace_all(&text, "<>");
            assert_eq!(replaced(replace, "<>", &text).unwrap(), whole, "{replace}");
        }
    }

    #[test]
    fn time_and_room_are_bounded() {
        assert_eq!(replaced("a", "b", &"a".repeat(MOST_REPLACEMENTS + 1)), Err(TooMuch));
        assert_eq!(replaced("a+", "b", &"a".repeat(5000)), Err(TooMuch), "a match is too long");
        assert_eq!(replaced("a+", "b", &"a".repeat(4096)), Ok("b".into()));
        assert_eq!(replaced("a", &"x".repeat(1000), &"a".repeat(2000)), Err(TooMuch));
    }

    #[test]
    fn mistakes_are_found_before() {
        let mistake = |replace, with| Replacement::compile(replace, with).unwrap_err();
        assert!(matches!(mistake("(", ""), Mistake::Expression(_)));
        assert!(matches!(mistake("a{5000}", ""), Mistake::Expression(_)));
        assert_eq!(mistake("(a)", "$2"), Mistake::Group("2".into()));
        assert_eq!(mistake("(a)", "$<b>"), Mistake::Group("b".into()));
        assert_eq!(mistake("a", "5 $"), Mistake::Dollar);
        assert_eq!(mistake("a", "$<1"), Mistake::Dollar);
    }
}
