//! Dictionaries of structured fields (RFC 8941 §3.2), read strictly and written anew in their one form.
//!
//! Stricter than the standard, for signatures hang on it: a key that comes twice is an error, and so is Base 64 without its padding.
//! Fields that are no proof are read with the last of such keys.

use core::fmt::Write as _;

use crate::base64;
use base64ct::{Base64, Encoding as _};

/// The most members of a dictionary, items of a list, or parameters.
const MOST: usize = 64;

/// A value without parameters (§3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bare {
    /// A whole number.
    Integer(i64),
    /// A number with up to three digits behind the point, as it is written anew.
    Decimal(String),
    /// A text in quotes.
    Text(String),
    /// A word.
    Token(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Yes or no.
    Boolean(bool),
}

/// Parameters, in their order (§3.1.2).
pub type Parameters = Vec<(String, Bare)>;

/// A value and its parameters (§3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The value.
    pub bare: Bare,
    /// Its parameters.
    pub parameters: Parameters,
}

/// A member of a dictionary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Member {
    /// One item.
    Item(Item),
    /// An inner list, and its parameters (§3.1.1).
    List(Vec<Item>, Parameters),
}

/// Reads a dictionary: the lines of a field, joined by commas (§4.2). `None` if it is none, or too large.
#[must_use]
pub fn dictionary(text: &str) -> Option<Vec<(String, Member)>> {
    read(text, Twice::Refused)
}

/// Reads a dictionary in which a key may come twice, as the standard has it: the last of them counts, in the place of the first (§4.2.2).
#[must_use]
pub fn dictionary_of_last(text: &str) -> Option<Vec<(String, Member)>> {
    read(text, Twice::Last)
}

/// What becomes of a key that comes twice.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Twice {
    Refused,
    Last,
}

fn read(text: &str, twice: Twice) -> Option<Vec<(String, Member)>> {
    let mut reader = Reader { rest: text.trim_matches(' ').as_bytes() };
    let mut members: Vec<(String, Member)> = Vec::new();
    while !reader.rest.is_empty() {
        let key = reader.key()?;
        let member = if reader.skip(b'=') {
            reader.member()?
        } else {
            Member::Item(Item { bare: Bare::Boolean(true), parameters: reader.parameters()? })
        };
        if let Some((_, known)) = members.iter_mut().find(|(known, _)| *known == key) {
            if twice == Twice::Refused {
                return None;
            }
            *known = member;
        } else if members.len() == MOST {
            return None;
        } else {
            members.push((key, member));
        }
        reader.blanks(true);
        if reader.rest.is_empty() {
            break;
        }
        if !reader.skip(b',') {
            return None;
        }
        reader.blanks(true);
        // No comma at the end.
        if reader.rest.is_empty() {
            return None;
        }
    }
    Some(members)
}

/// Reads an item that is all of `text` (§4.2.3).
#[must_use]
pub fn item(text: &str) -> Option<Item> {
    let mut reader = Reader { rest: text.as_bytes() };
    let item = reader.item()?;
    reader.rest.is_empty().then_some(item)
}

struct Reader<'t> {
    rest: &'t [u8],
}

impl Reader<'_> {
    fn next_is(&self, is_it: impl FnOnce(u8) -> bool) -> bool {
        self.rest.first().is_some_and(|byte| is_it(*byte))
    }

    fn take(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn skip(&mut self, byte: u8) -> bool {
        let is_there = self.next_is(|next| next == byte);
        if is_there {
            self.take();
        }
        is_there
    }

    fn blanks(&mut self, with_tabs: bool) {
        while self.skip(b' ') || (with_tabs && self.skip(b'\t')) {}
    }

    /// The longest beginning whose bytes all pass.
    fn word(&mut self, passes: impl Fn(u8) -> bool) -> String {
        let mut word = String::new();
        while self.next_is(&passes) {
            word.extend(self.take().map(char::from));
        }
        word
    }

    /// §4.2.3.3.
    fn key(&mut self) -> Option<String> {
        let begins = self.next_is(|byte| byte.is_ascii_lowercase() || byte == b'*');
        begins.then(|| self.word(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.*".contains(&byte)))
    }

    /// §4.2.1.1, §4.2.1.2.
    fn member(&mut self) -> Option<Member> {
        if !self.skip(b'(') {
            return self.item().map(Member::Item);
        }
        let mut items = Vec::new();
        loop {
            self.blanks(false);
            if self.skip(b')') {
                return Some(Member::List(items, self.parameters()?));
            }
            if items.len() == MOST {
                return None;
            }
            items.push(self.item()?);
            if !self.next_is(|byte| byte == b' ' || byte == b')') {
                return None;
            }
        }
    }

    fn item(&mut self) -> Option<Item> {
        Some(Item { bare: self.bare()?, parameters: self.parameters()? })
    }

    /// §4.2.3.2.
    fn parameters(&mut self) -> Option<Parameters> {
        let mut parameters = Parameters::new();
        while self.skip(b';') {
            self.blanks(false);
            let key = self.key()?;
            let bare = if self.skip(b'=') { self.bare()? } else { Bare::Boolean(true) };
            if parameters.len() == MOST || parameters.iter().any(|(known, _)| *known == key) {
                return None;
            }
            parameters.push((key, bare));
        }
        Some(parameters)
    }

    /// §4.2.3.1.
    fn bare(&mut self) -> Option<Bare> {
        match self.rest.first()? {
            b'"' => self.text().map(Bare::Text),
            b':' => {
                self.take();
                let content = self.word(|byte| byte != b':');
                self.skip(b':').then(|| base64::decode(&content))?.map(Bare::Bytes)
            }
            b'?' => {
                self.take();
                match self.take()? {
                    b'0' => Some(Bare::Boolean(false)),
                    b'1' => Some(Bare::Boolean(true)),
                    _ => None,
                }
            }
            b'-' | b'0'..=b'9' => self.number(),
            first if first.is_ascii_alphabetic() || *first == b'*' => {
                Some(Bare::Token(self.word(|byte| super::proxy_status::is_tchar(byte) || byte == b':' || byte == b'/')))
            }
            _ => None,
        }
    }

    /// §4.2.5.
    fn text(&mut self) -> Option<String> {
        self.take();
        let mut text = String::new();
        loop {
            match self.take()? {
                b'"' => return Some(text),
                b'\\' => text.push(char::from(self.take().filter(|byte| matches!(byte, b'"' | b'\\'))?)),
                byte @ b' '..=b'~' => text.push(char::from(byte)),
                _ => return None,
            }
        }
    }

    /// §4.2.4.
    fn number(&mut self) -> Option<Bare> {
        let sign = if self.skip(b'-') { "-" } else { "" };
        let whole = self.word(|byte| byte.is_ascii_digit());
        if !self.skip(b'.') {
            let number: i64 = (1..=15).contains(&whole.len()).then(|| whole.parse().ok())??;
            return Some(Bare::Integer(if sign.is_empty() { number } else { -number }));
        }
        let part = self.word(|byte| byte.is_ascii_digit());
        if !(1..=12).contains(&whole.len()) || !(1..=3).contains(&part.len()) {
            return None;
        }
        // §4.1.5: no zeros that say nothing.
        let (whole, part) = (whole.trim_start_matches('0'), part.trim_end_matches('0'));
        Some(Bare::Decimal([sign, or_zero(whole), ".", or_zero(part)].concat()))
    }
}

impl Bare {
    /// Writes it in its one form (§4.1.3.1).
    pub fn write(&self, out: &mut String) {
        match self {
            Self::Integer(number) => {
                // Writing to a text does not fail.
                let _ = write!(out, "{number}");
            }
            Self::Decimal(text) | Self::Token(text) => out.push_str(text),
            Self::Text(text) => {
                out.push('"');
                for char in text.chars() {
                    if matches!(char, '"' | '\\') {
                        out.push('\\');
                    }
                    out.push(char);
                }
                out.push('"');
            }
            Self::Bytes(bytes) => {
                out.push(':');
                out.push_str(&Base64::encode_string(bytes));
                out.push(':');
            }
            Self::Boolean(is) => out.push_str(if *is { "?1" } else { "?0" }),
        }
    }
}

impl Item {
    /// Writes it in its one form (§4.1.3).
    pub fn write(&self, out: &mut String) {
        self.bare.write(out);
        write_parameters(&self.parameters, out);
    }
}

impl Member {
    /// Writes it in its one form (§4.1.1.1, §4.1.3).
    pub fn write(&self, out: &mut String) {
        match self {
            Self::Item(item) => item.write(out),
            Self::List(items, parameters) => {
                for (i, item) in items.iter().enumerate() {
                    out.push(if i == 0 { '(' } else { ' ' });
                    item.write(out);
                }
                out.push_str(if items.is_empty() { "()" } else { ")" });
                write_parameters(parameters, out);
            }
        }
    }
}

/// Writes a dictionary in its one form (§4.1.2).
pub fn write_dictionary(members: &[(String, Member)], out: &mut String) {
    for (i, (key, member)) in members.iter().enumerate() {
        out.push_str(if i == 0 { "" } else { ", " });
        out.push_str(key);
        match member {
            Member::Item(Item { bare: Bare::Boolean(true), parameters }) => write_parameters(parameters, out),
            member => {
                out.push('=');
                member.write(out);
            }
        }
    }
}

fn or_zero(digits: &str) -> &str {
    if digits.is_empty() { "0" } else { digits }
}

/// §4.1.1.2.
fn write_parameters(parameters: &Parameters, out: &mut String) {
    for (key, bare) in parameters {
        out.push(';');
        out.push_str(key);
        if *bare != Bare::Boolean(true) {
            out.push('=');
            bare.write(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anew(text: &str) -> Option<String> {
        let mut out = String::new();
        write_dictionary(&dictionary(text)?, &mut out);
        Some(out)
    }

    /// RFC 8941 §3.2, §4.1: the examples of the standard, and other spellings of the same.
    #[test]
    fn a_dictionary_is_written_in_one_form() {
        for (text, form) in [
            (r#"en="Applepie", da=:w4ZibGV0w6ZydGU=:"#, r#"en="Applepie", da=:w4ZibGV0w6ZydGU=:"#),
            ("a=?0, b, c; foo=bar", "a=?0, b, c;foo=bar"),
            ("rating=1.50, feelings=(joy   sadness )", "rating=1.5, feelings=(joy sadness)"),
            ("a=(1 2), b=3, c=4;aa=bb, d=(5 6);valid", "a=(1 2), b=3, c=4;aa=bb, d=(5 6);valid"),
            ("a=1 \t,\t b=?1;x=?1", "a=1, b;x"),
            ("  a=-007, b=0.0, c=-0.10  ", "a=-7, b=0.0, c=-0.1"),
            (r#"a="q\"\\", *b=*x/y:z"#, r#"a="q\"\\", *b=*x/y:z"#),
            ("a=(), b=::", "a=(), b=::"),
            // §4.2.7: nothing fails for want of padding.
            ("a=:AAA:", "a=:AAA=:"),
            ("", ""),
        ] {
            assert_eq!(anew(text).as_deref(), Some(form), "{text}");
        }
    }

    /// RFC 8941 §4.2; keys that come twice are refused besides.
    #[test]
    fn what_is_no_dictionary_is_refused() {
        for text in [
            "a=1,",
            ",a=1",
            "a=1 b=2",
            "a=",
            "=1",
            "A=1",
            "1=a",
            "a=(1",
            "a=(1 2",
            "a=(1,2)",
            r#"a=("x""y")"#,
            "a=1;",
            "a=1;=2",
            "a=1;B",
            r#"a="x"#,
            "a=\"\u{7f}\"",
            "a=\"é\"",
            r#"a="\x""#,
            "a=:A",
            "a=:A:",
            "a=:A A=:",
            "a=:AB==:",
            "a=?2",
            "a=?",
            "a=1234567890123456",
            "a=1.",
            "a=1.2345",
            "a=.5",
            "a=1234567890123.1",
            "a=-",
            "a=--1",
            "a=1, a=2",
            "a=1;b;b",
            "a=@1",
            "\ta=1",
            "a=(1\t2)",
            "a=1;\tb",
            "a = 1",
            "a=%\"x\"",
        ] {
            assert_eq!(anew(text), None, "{text}");
        }
        let many: Vec<String> = (0..=MOST).map(|n| format!("a{n}=1")).collect();
        assert_eq!(anew(&many.join(", ")), None);
    }

    /// RFC 8941 §4.2.2.
    #[test]
    fn of_a_key_that_comes_twice_the_last_may_count() {
        let mut out = String::new();
        write_dictionary(&dictionary_of_last("a=1, b, a=2;x").unwrap(), &mut out);
        assert_eq!(out, "a=2;x, b");
    }

    #[test]
    fn an_item_is_all_of_its_text() {
        assert!(item(r#""@query-param";name="x""#).is_some());
        for text in ["", r#""a" "#, r#" "a""#, r#""a";"#, r#""a"b"#] {
            assert_eq!(item(text), None, "{text}");
        }
    }
}
