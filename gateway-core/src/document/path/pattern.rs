//! Regular expressions of filters (I-Regexp, RFC 9485).

use regex_lite::{Regex, RegexBuilder};

/// The largest compiled expression, in bytes. It bounds the time: at most so many steps for each character.
const MOST_BYTES: usize = 8 << 10;

/// The expression `text`, over a whole text if it `is_whole`; none if it is none.
pub(super) fn compile(text: &str, is_whole: bool) -> Option<Regex> {
    let plain = translated(text)?;
    // By itself first: what is sound only between the parentheses below would mean something else.
    let build = |text: &str| RegexBuilder::new(text).size_limit(MOST_BYTES).build().ok();
    let alone = build(&plain)?;
    if is_whole { build(&["^(?:", &plain, ")$"].concat()) } else { Some(alone) }
}

/// RFC 9485 §5.3: a dot takes neither end of a line. What other expressions have beyond these is none here: groups that do not capture,
/// quantifiers of quantifiers (`a+?`), and the like.
fn translated(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut is_class = false;
    let mut is_quantified = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let is_quantifier = !is_class && matches!(character, '*' | '+' | '?' | '{');
        // RFC 9485 §3: `piece` has one at the most.
        if is_quantifier && is_quantified {
            return None;
        }
        is_quantified = is_quantifier;
        match character {
            '\\' => {
                let escaped = characters.next()?;
                // RFC 9485 §3: `SingleCharEsc`.
                if !"()*+-.?[\\]^nrt{|}".contains(escaped) {
                    return None;
                }
                plain.push('\\');
                plain.push(escaped);
            }
            '.' if !is_class => plain.push_str("[^\\n\\r]"),
            '[' if !is_class => {
                is_class = true;
                plain.push('[');
            }
            ']' if is_class => {
                is_class = false;
                plain.push(']');
            }
            // What has a meaning in classes elsewhere stands for itself here.
            '[' | '&' | '~' if is_class => plain.extend(['\\', character]),
            '{' if !is_class => {
                plain.push('{');
                loop {
                    let next = characters.next().filter(|next| matches!(next, '0'..='9' | ',' | '}'))?;
                    plain.push(next);
                    if next == '}' {
                        break;
                    }
                }
            }
            // RFC 9485 §3: `NormalChar` is neither.
            ']' | '}' if !is_class => return None,
            '(' if !is_class && characters.peek() == Some(&'?') => return None,
            _ => plain.push(character),
        }
    }
    Some(plain)
}
