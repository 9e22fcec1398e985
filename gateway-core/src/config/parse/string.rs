//! Texts in quotes.

use std::borrow::Cow;

use super::Parser;
use super::shown::short;

impl<'t> Parser<'t> {
    /// Reads the text in double quotes that begins here.
    pub(in crate::config) fn string(&mut self) -> Cow<'t, str> {
        let start = self.at + 1;
        let end = start + self.plain_length(start);
        if self.text.as_bytes().get(end) == Some(&b'"') {
            self.at = end + 1;
            return Cow::Borrowed(self.text.get(start..end).unwrap_or_default());
        }
        self.escaped_string()
    }

    /// The number of plain bytes from `start` on: those that need no unescaping.
    fn plain_length(&self, start: usize) -> usize {
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        rest.iter().position(|&c| c == b'"' || c == b'\\' || c < 0x20).unwrap_or(rest.len())
    }

    /// Reads the text in double quotes that begins here, with escapes and mistakes in it.
    #[inline(never)]
    fn escaped_string(&mut self) -> Cow<'t, str> {
        let start = self.at;
        self.at += 1;
        let mut owned: Option<String> = None;
        loop {
            let from = self.at;
            self.at += self.plain_length(from);
            let piece = self.text.get(from..self.at).unwrap_or_default();
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return match owned {
                        None => Cow::Borrowed(piece),
                        Some(text) => Cow::Owned(text + piece),
                    };
                }
                Some(b'\\') => {
                    let text = owned.get_or_insert_default();
                    text.push_str(piece);
                    if let Some(c) = self.escape() {
                        text.push(c);
                    }
                }
                Some(c) if c != b'\n' && c != b'\r' => {
                    let message = format_args!("control character U+{c:04X} in text");
                    let written = if c == b'\t' { "write `\\t`".to_owned() } else { format!("write `\\u{c:04x}`") };
                    self.fault(self.at..self.at + 1, message, &written);
                    self.at += 1;
                    let text = owned.get_or_insert_default();
                    text.push_str(piece);
                    text.push(char::from(c));
                }
                _ => {
                    let help = "close it with `\"`; a line break in text is written `\\n`";
                    // The place of its end is a guess, and so is everything after it.
                    self.stop(start..self.at, "text is not closed", help);
                    return match owned {
                        None => Cow::Borrowed(piece),
                        Some(text) => Cow::Owned(text + piece),
                    };
                }
            }
            if self.stopped {
                return Cow::Owned(owned.unwrap_or_default());
            }
        }
    }

    /// Reads `\…`; a wrong escape is reported and yields nothing.
    fn escape(&mut self) -> Option<char> {
        let start = self.at;
        self.at += 1;
        let c = self.next()?;
        match c {
            '"' | '\\' | '/' => Some(c),
            'b' => Some('\u{8}'),
            'f' => Some('\u{c}'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'u' => self.unicode_escape(start),
            _ => {
                let help = "a backslash itself is written `\\\\`";
                self.fault(start..self.at, format_args!("unknown escape `\\{}`", c.escape_default()), help);
                None
            }
        }
    }

    fn unicode_escape(&mut self, start: usize) -> Option<char> {
        let unit = self.hex();
        let second = match unit {
            Some(0xD800..=0xDBFF) if self.rest().starts_with("\\u") => {
                self.at += 2;
                self.hex()
            }
            _ => None,
        };
        let units = [unit.unwrap_or(0xDC00), second.unwrap_or(0)];
        let taken = if second.is_some() { 2 } else { 1 };
        match char::decode_utf16(units.into_iter().take(taken)).next() {
            Some(Ok(c)) => Some(c),
            _ => {
                let help = "four hexadecimal digits name a character; one beyond U+FFFF is written as a pair";
                self.fault(start..self.at, "escape of no character", help);
                None
            }
        }
    }

    fn hex(&mut self) -> Option<u16> {
        let digits = self.text.get(self.at..self.at + 4).filter(|d| d.bytes().all(|c| c.is_ascii_hexdigit()))?;
        self.at += 4;
        u16::from_str_radix(digits, 16).ok()
    }

    /// `'text'`, which JSON does not have.
    #[cold]
    #[inline(never)]
    pub(super) fn single_quoted(&mut self) -> Cow<'t, str> {
        let start = self.at;
        let rest = self.text.get(start + 1..).unwrap_or_default();
        let length = rest.find(['\'', '\n', '\r']).unwrap_or(rest.len());
        let text = rest.get(..length).unwrap_or_default();
        let closed = usize::from(rest.as_bytes().get(length) == Some(&b'\''));
        self.at = start + 1 + length + closed;
        let help = format_args!("write `\"{}\"`", short(text));
        self.fault(start..self.at, "text in single quotes", help);
        Cow::Borrowed(text)
    }
}
