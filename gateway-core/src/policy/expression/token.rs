//! The tokens of an expression (CEL language definition, Syntax).

use super::{Mistake, foreign};
use crate::config::lazily;

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token<'t> {
    Name(&'t str),
    Text(String),
    Number(i64),
    /// A number with a fraction.
    Decimal(&'t str),
    /// A sign; of two characters, one stands for both: see [`PAIRS`].
    Sign(u8),
    End,
}

/// The signs of two characters, and the character that stands for each.
const PAIRS: [(&str, u8); 6] = [("==", b'='), ("!=", b'~'), ("<=", b'l'), (">=", b'g'), ("&&", b'&'), ("||", b'|')];

/// The signs of one character.
const SIGNS: &[u8] = b"!<>+-*/%?:.,()[]";

/// The tokens of a text, one by one.
pub(super) struct Tokens<'t> {
    pub(super) text: &'t str,
    /// The byte that the next one begins with.
    pub(super) at: usize,
    /// Set if numbers may have a fraction.
    pub(super) takes_fractions: bool,
}

impl<'t> Tokens<'t> {
    /// The next token, after the place where it begins.
    pub(super) fn next(&mut self) -> Result<(usize, Token<'t>), Mistake> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r']);
        self.at += rest.len() - trimmed.len();
        let start = self.at;
        let token = self.token(trimmed)?;
        Ok((start, token))
    }

    fn token(&mut self, rest: &'t str) -> Result<Token<'t>, Mistake> {
        let bytes = rest.as_bytes();
        let Some(first) = bytes.first().copied() else { return Ok(Token::End) };
        if let Some((pair, sign)) = PAIRS.iter().find(|(pair, _)| rest.starts_with(pair)) {
            self.at += pair.len();
            return Ok(Token::Sign(*sign));
        }
        if SIGNS.contains(&first) {
            self.at += 1;
            return Ok(Token::Sign(first));
        }
        match (first, bytes.get(1)) {
            (b'"' | b'\'', _) => return self.quoted(rest, 0),
            (b'r' | b'R', Some(b'"' | b'\'')) => return self.quoted(rest, 1),
            _ => {}
        }
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let word = rest.get(..bytes.iter().take_while(|byte| is_word(**byte)).count()).unwrap_or_default();
        if word.is_empty() {
            let sign = rest.chars().next().unwrap_or_default();
            let before = self.text.get(..self.at).unwrap_or_default();
            if let Some(pair) = ["==", "!="].into_iter().find(|pair| sign == '=' && before.ends_with(pair)) {
                return Err(Mistake::new(
                    self.at - pair.len(),
                    format_args!("`{pair}=` is no operator here"),
                    format_args!("write `{pair}`"),
                ));
            }
            let help = match sign {
                '=' if rest.starts_with("=~") => foreign::help("=~").unwrap_or_default(),
                '~' => foreign::help("=~").unwrap_or_default(),
                '=' => "write `==` to compare",
                '&' => "write `&&`",
                '|' => "write `||`",
                _ => {
                    "there are `==`, `!=`, `<`, `<=`, `>`, `>=`, `in`, `&&`, `||`, `!`, `+`, `-`, `*`, `/`, `%` and `? :`"
                }
            };
            return Err(Mistake::new(self.at, format_args!("`{sign}` is no operator here"), help));
        }
        if first.is_ascii_digit() {
            let is_fraction = bytes.get(word.len()) == Some(&b'.');
            let behind = rest.get(word.len() + 1..).unwrap_or_default();
            let fraction = behind.bytes().take_while(u8::is_ascii_digit).count();
            if self.takes_fractions && is_fraction && fraction > 0 && word.bytes().all(|byte| byte.is_ascii_digit()) {
                let length = word.len() + 1 + fraction;
                self.at += length;
                return Ok(Token::Decimal(rest.get(..length).unwrap_or_default()));
            }
            let number = word.parse().ok().filter(|_| !is_fraction);
            let wrong = || {
                let help = lazily(|| foreign::number(word));
                Mistake::new(self.at, format_args!("`{word}` is no whole number"), help)
            };
            let number = number.ok_or_else(wrong)?;
            self.at += word.len();
            return Ok(Token::Number(number));
        }
        self.at += word.len();
        Ok(Token::Name(word))
    }

    /// A text in quotes, after `prefix` bytes; with one, a backslash is itself.
    fn quoted(&mut self, rest: &'t str, prefix: usize) -> Result<Token<'t>, Mistake> {
        let start = self.at;
        let mut chars = rest.char_indices().skip(prefix);
        let quote = chars.next().map(|(_, quote)| quote);
        let mut text = String::new();
        while let Some((at, character)) = chars.next() {
            if Some(character) == quote {
                self.at += at + 1;
                return Ok(Token::Text(text));
            }
            if character != '\\' || prefix > 0 {
                text.push(character);
                continue;
            }
            let plain = match chars.next() {
                Some((_, 'n')) => '\n',
                Some((_, 't')) => '\t',
                Some((_, 'r')) => '\r',
                Some((_, plain @ ('\\' | '\'' | '"' | '`' | '?'))) => plain,
                _ => {
                    let help = "there are `\\\\`, `\\'`, `\\\"`, `\\n`, `\\r` and `\\t`; with `r` before the quote a backslash is itself";
                    return Err(Mistake::new(start + at, "this escape is not known", help));
                }
            };
            text.push(plain);
        }
        Err(Mistake::new(start, "the text has no end", "end it with the quote that it begins with"))
    }
}
