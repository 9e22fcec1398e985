//! Numbers, and the words `true`, `false` and `null`.

use super::Parser;
use super::shown::short;
use crate::config::lazily;
use crate::config::tree::{Kind, Node};

impl<'t> Parser<'t> {
    pub(super) fn number(&mut self) -> Node<'t> {
        let start = self.at;
        let (range, text) = self.take_word();
        let fault = number_fault(text);
        if let Some((message, help)) = fault {
            self.fault(range, format_args!("{message}: `{}`", short(text)), help);
            let node = self.node(start, Kind::Null);
            node.reported.set(true);
            return node;
        }
        self.node(start, Kind::Number(text))
    }

    pub(super) fn word(&mut self) -> Node<'t> {
        let start = self.at;
        let (range, word) = self.take_word();
        let kind = match word {
            "true" => Kind::Bool(true),
            "false" => Kind::Bool(false),
            "null" => Kind::Null,
            _ => {
                let help = lazily(|| match &*word.to_ascii_lowercase() {
                    lower @ ("true" | "false" | "null") => format!("write `{lower}`"),
                    "yes" | "on" => "write `true`".to_owned(),
                    "no" | "off" => "write `false`".to_owned(),
                    "none" | "nil" | "undefined" => "leave the member out".to_owned(),
                    _ => {
                        let bare = without_typographic_quotes(word);
                        format!("text is written in double quotes: `\"{}\"`", short(bare))
                    }
                });
                self.fault(range, format_args!("expected a value, found `{}`", short(word)), help);
                let node = self.node(start, Kind::Null);
                node.reported.set(true);
                return node;
            }
        };
        self.node(start, kind)
    }

    pub(super) fn take_word(&mut self) -> (core::ops::Range<usize>, &'t str) {
        let start = self.at;
        let rest = self.rest();
        let length = rest.bytes().position(|c| !is_word(c)).unwrap_or(rest.len());
        self.at += length;
        (start..self.at, rest.get(..length).unwrap_or_default())
    }
}

/// The message and help for a `text` that is not a JSON number (RFC 8259 section 6).
fn number_fault(text: &str) -> Option<(&'static str, String)> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(m, e)| (m, Some(e)));
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(w, f)| (w, Some(f)));
    if digits(whole)
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|e| digits(e.strip_prefix(['+', '-']).unwrap_or(e)))
    {
        if whole.len() == 1 || !whole.starts_with('0') {
            let finite = serde_json::from_str::<f64>(text).is_ok();
            return (!finite).then(|| ("a number out of range", "write a smaller one".to_owned()));
        }
        let trimmed = text.trim_start_matches('0');
        return Some(("a number with a leading zero", format!("write `{}`", short(trimmed))));
    }
    let plain: String = text.chars().filter(|c| *c != '_').collect();
    let help = if plain != text && digits(&plain) {
        format!("write `{}`", short(&plain))
    } else {
        format!("a number is written like `5`, `-1` or `0.5`; text like `\"{}\"`", short(text))
    };
    Some(("not a number", help))
}

/// `word` without the quotes of word processors around it, which are letters here.
pub(super) fn without_typographic_quotes(word: &str) -> &str {
    word.trim_matches(['“', '”', '„', '‟', '‘', '’', '«', '»'])
}

/// The characters of numbers, literals and names without quotes.
pub(super) fn is_word(c: u8) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, b'_' | b'$' | b'+' | b'-' | b'.') || c >= 0x80
}
