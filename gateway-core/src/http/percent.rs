//! Percent-encoding (RFC 3986 §2.1).

use std::borrow::Cow;

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// The bytes behind `text`, with every well-formed `%XX` decoded; text that is not UTF-8 afterwards is replaced.
#[must_use]
pub fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.as_bytes();
    while let [first, rest @ ..] = bytes {
        bytes = match (first, rest) {
            (b'%', [high, low, rest @ ..]) => match (hex_digit(*high), hex_digit(*low)) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    rest
                }
                _ => {
                    out.push(b'%');
                    rest
                }
            },
            _ => {
                out.push(*first);
                rest
            }
        };
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

/// The value of a hexadecimal digit.
#[must_use]
pub const fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Appends `text` as data of one path segment: everything but `pchar` is encoded (RFC 3986 §3.3).
pub fn encode_segment(text: &str, out: &mut String) {
    encode(text, out, |b| is_unreserved(b) || b"!$&'()*+,;=:@".contains(&b));
}

/// Appends `text` as a query value: everything but unreserved characters is encoded.
pub fn encode_query_value(text: &str, out: &mut String) {
    encode(text, out, is_unreserved);
}

/// Appends `text`, which is percent-encoded already, with the characters encoded that would end a query value.
pub fn encode_query_separators(text: &str, out: &mut String) {
    encode(text, out, |b| !matches!(b, b'&' | b'=' | b'#' | b'+' | b';'));
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn encode(text: &str, out: &mut String, keep: impl Fn(u8) -> bool) {
    for byte in text.bytes() {
        if byte.is_ascii() && keep(byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for digit in [byte >> 4, byte & 15] {
                out.push(HEX.get(usize::from(digit)).map_or('0', |d| char::from(*d)));
            }
        }
    }
}
