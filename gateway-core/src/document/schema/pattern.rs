//! Regular expressions of schemas (JSON Schema Core §6.4), which are those of ECMA-262 with the flag `u`, as far as `regex-lite` has them.

use core::fmt::Write as _;

use regex_lite::{Regex, RegexBuilder};

/// The largest compiled expression, in bytes. It bounds the time: at most so many steps for each character.
const MOST_BYTES: usize = 8 << 10;

/// The largest compiled expression that is told from a mistake in the text.
const MOST_BYTES_LOOKED_AT: usize = 1 << 20;

/// ECMA-262 §12.2, §12.3: white space and the ends of lines, as ranges in their order.
const SPACES: [(char, char); 10] = [
    ('\t', '\r'),
    (' ', ' '),
    ('\u{a0}', '\u{a0}'),
    ('\u{1680}', '\u{1680}'),
    ('\u{2000}', '\u{200a}'),
    ('\u{2028}', '\u{2029}'),
    ('\u{202f}', '\u{202f}'),
    ('\u{205f}', '\u{205f}'),
    ('\u{3000}', '\u{3000}'),
    ('\u{feff}', '\u{feff}'),
];

/// A reason why a text is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is no expression of ECMA-262.
    Syntax,
    /// It looks around or back, which takes more than linear time.
    LookAround,
    /// It has a category of characters.
    Category,
    /// It is too large.
    TooLarge,
}

impl Refusal {
    pub(super) const fn message(self) -> &'static str {
        match self {
            Self::Syntax => "this is no regular expression (ECMA-262)",
            Self::LookAround => "look-arounds and back-references are not supported",
            Self::Category => "categories of characters such as `\\p{L}` are not supported",
            Self::TooLarge => "the regular expression is too large",
        }
    }

    pub(super) const fn help(self) -> &'static str {
        match self {
            Self::Syntax => "write it as in JavaScript, without slashes around it",
            Self::LookAround => "write what is looked for as schemas of its own, such as `allOf` and `not`",
            Self::Category => "write the characters as ranges",
            Self::TooLarge => {
                "repeat fewer times, and bound the length by `maxLength`: each repetition of `{n}` counts, up to 8 KiB in all"
            }
        }
    }
}

/// Returns whether `text` is an expression, whether or not it is supported.
pub(super) fn is_expression(text: &str) -> bool {
    !matches!(compile(text), Err(Refusal::Syntax))
}

/// Compiles `text`, which matches anywhere in a text unless it is anchored.
pub(super) fn compile(text: &str) -> Result<Regex, Refusal> {
    let plain = translated(text)?;
    let build = |most: usize| RegexBuilder::new(&plain).size_limit(most).build();
    build(MOST_BYTES).map_err(|_| match build(MOST_BYTES_LOOKED_AT) {
        Ok(_) => Refusal::TooLarge,
        Err(_) => Refusal::Syntax,
    })
}

/// `text` in the syntax of `regex-lite`. What means something else there, or is taken there alone, does not stay.
fn translated(text: &str) -> Result<String, Refusal> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    let mut is_class = false;
    while let Some(character) = rest.next() {
        match character {
            '\\' => escape(&mut rest, is_class, &mut plain)?,
            // ECMA-262 §22.2.2.7: a dot takes no end of a line.
            '.' if !is_class => plain.push_str("[^\\n\\r\\u2028\\u2029]"),
            '[' if !is_class => {
                if let Some(tail) = rest.as_str().strip_prefix(']') {
                    // A class of nothing.
                    plain.push_str("[^\\x00-\\u{10FFFF}]");
                    rest = tail.chars();
                } else if let Some(tail) = rest.as_str().strip_prefix("^]") {
                    plain.push_str("[\\x00-\\u{10FFFF}]");
                    rest = tail.chars();
                } else {
                    is_class = true;
                    plain.push('[');
                    if let Some(tail) = rest.as_str().strip_prefix('^') {
                        plain.push('^');
                        rest = tail.chars();
                    }
                }
            }
            ']' if is_class => {
                is_class = false;
                plain.push(']');
            }
            // What has a meaning in classes elsewhere stands for itself here.
            '[' | '&' | '~' | '^' if is_class => plain.extend(['\\', character]),
            '(' if !is_class => {
                plain.push('(');
                if let Some(group) = rest.as_str().strip_prefix('?') {
                    match group.as_bytes() {
                        [b':', ..] => {}
                        [b'=' | b'!', ..] | [b'<', b'=' | b'!', ..] => return Err(Refusal::LookAround),
                        [b'<', ..] => {}
                        _ => return Err(Refusal::Syntax),
                    }
                }
            }
            // With the flag `u` it is no character by itself.
            ']' => return Err(Refusal::Syntax),
            _ => plain.push(character),
        }
    }
    if is_class { Err(Refusal::Syntax) } else { Ok(plain) }
}

/// Translates what is behind a backslash (ECMA-262 §22.2.1, `AtomEscape` and `ClassEscape`).
fn escape(rest: &mut core::str::Chars<'_>, is_class: bool, plain: &mut String) -> Result<(), Refusal> {
    let kind = rest.next().ok_or(Refusal::Syntax)?;
    match kind {
        'd' | 'D' | 'w' | 'W' | 't' | 'n' | 'v' | 'f' | 'r' => plain.extend(['\\', kind]),
        's' => push_spaces(plain, is_class, false),
        'S' => push_spaces(plain, is_class, true),
        'b' if is_class => plain.push_str("\\x08"),
        'b' | 'B' if !is_class => plain.extend(['\\', kind]),
        '0' if !rest.as_str().starts_with(|next: char| next.is_ascii_digit()) => plain.push_str("\\x00"),
        '1'..='9' | 'k' => return Err(Refusal::LookAround),
        'p' | 'P' => return Err(Refusal::Category),
        'c' => {
            let letter = rest.next().filter(char::is_ascii_alphabetic).ok_or(Refusal::Syntax)?;
            push_code(plain, u32::from(letter) % 32)?;
        }
        'x' => {
            let code = digits(rest, 2).ok_or(Refusal::Syntax)?;
            push_code(plain, code)?;
        }
        'u' => {
            let code = unicode(rest).ok_or(Refusal::Syntax)?;
            push_code(plain, code)?;
        }
        '^' | '$' | '\\' | '.' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '-' => {
            plain.extend(['\\', kind]);
        }
        // It needs no escape, and has one by the grammar, or is widely written so.
        '/' | '@' | '#' | '%' | '&' | ',' | ':' | ';' | '<' | '=' | '>' | '~' | '!' | '"' | '\'' | '`' | '_' | ' ' => {
            push_code(plain, u32::from(kind))?;
        }
        _ => return Err(Refusal::Syntax),
    }
    Ok(())
}

/// The hexadecimal digits that come, which have to be so many.
fn digits(rest: &mut core::str::Chars<'_>, count: usize) -> Option<u32> {
    let digits = rest.as_str().get(..count).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let code = u32::from_str_radix(digits, 16).ok()?;
    *rest = rest.as_str().get(count..)?.chars();
    Some(code)
}

/// ECMA-262 §22.2.1, `RegExpUnicodeEscapeSequence`: two halves of a surrogate pair are one character.
fn unicode(rest: &mut core::str::Chars<'_>) -> Option<u32> {
    if let Some(braced) = rest.as_str().strip_prefix('{') {
        let (digits, tail) = braced.split_once('}')?;
        *rest = tail.chars();
        return u32::from_str_radix(digits, 16).ok();
    }
    let first = digits(rest, 4)?;
    if !(0xd800..0xdc00).contains(&first) {
        return Some(first);
    }
    let mut tail = rest.as_str().strip_prefix("\\u")?.chars();
    let second = digits(&mut tail, 4).filter(|second| (0xdc00..0xe000).contains(second))?;
    *rest = tail;
    Some(0x10000 + ((first & 0x3ff) << 10) + (second & 0x3ff))
}

fn push_code(plain: &mut String, code: u32) -> Result<(), Refusal> {
    char::from_u32(code).ok_or(Refusal::Syntax)?;
    let _ = write!(plain, "\\u{{{code:x}}}");
    Ok(())
}

/// White space, or all else if it `is_negated`, as a class or as a part of one.
fn push_spaces(plain: &mut String, is_class: bool, is_negated: bool) {
    if !is_class {
        plain.push('[');
    }
    let mut next = 0;
    for (first, last) in SPACES {
        let (first, last) = (u32::from(first), u32::from(last));
        if is_negated {
            push_range(plain, next, first.saturating_sub(1));
        } else {
            push_range(plain, first, last);
        }
        next = last.saturating_add(1);
    }
    if is_negated {
        push_range(plain, next, u32::from(char::MAX));
    }
    if !is_class {
        plain.push(']');
    }
}

fn push_range(plain: &mut String, first: u32, last: u32) {
    let _ = write!(plain, "\\u{{{first:x}}}-\\u{{{last:x}}}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        compile(pattern).unwrap().is_match(text)
    }

    /// ECMA-262 §22.2.1, §22.2.2.
    #[test]
    fn expressions_are_those_of_ecma_262() {
        for (pattern, text) in [
            ("a+", "xaay"),
            (r"^\s$", "\u{a0}"),
            (r"^[\s]$", "\u{feff}"),
            (r"^[\S]$", "x"),
            (r"^\cC$", "\u{3}"),
            (r"^\u0041\x42\u{43}$", "ABC"),
            (r"^\ud83d\udc32*$", "\u{1f432}\u{1f432}"),
            (r"^\ud840\udc00$", "\u{20000}"),
            ("^[^]$", "\n"),
            ("^[[&&a]$", "["),
            (r"^\/[\w\-.]+\@$", "/a-b.@"),
            ("^(?<year>[0-9]{4})(?:-x)?$", "2026"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("^abc$", "abc\n"),
            (r"^\d$", "\u{7c0}"),
            (r"^\w$", "\u{e9}"),
            ("^.$", "\u{2028}"),
            ("[]", "a"),
            (r"^\S$", "\u{2003}"),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    /// `docs/adr/0013`: what takes more than linear time is refused, and so is what is too large.
    #[test]
    fn what_is_not_supported_is_refused() {
        let refusal = |pattern: &str| compile(pattern).unwrap_err();
        for pattern in ["(?=a)", "(?!a)", "(?<=a)b", "(?<!a)b", r"(a)\1", r"(?<n>a)\k<n>"] {
            assert_eq!(refusal(pattern), Refusal::LookAround, "{pattern}");
        }
        assert_eq!(refusal(r"^\p{Letter}+$"), Refusal::Category);
        assert_eq!(refusal("(a{50}){100}"), Refusal::TooLarge);
        for pattern in ["(", "[a", "(?i)a", r"\a", r"^\S(|(.|\n)*\S)\Z", "*", "a]", r"\u12", r"\ud83d"] {
            assert_eq!(refusal(pattern), Refusal::Syntax, "{pattern}");
        }
    }
}
