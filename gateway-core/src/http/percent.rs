//! Percent-encoding (RFC 3986 §2.1).

use std::borrow::Cow;

/// The text that `text` means, with every well-formed `%XX` decoded; what is not UTF-8 afterwards is replaced.
#[must_use]
pub fn decode(text: &str) -> Cow<'_, str> {
    if text.contains('%') { Cow::Owned(lossy(text.len(), octets(text))) } else { Cow::Borrowed(text) }
}

/// The text that a name or value of `application/x-www-form-urlencoded` means: `+` is a space, the rest as [`decode`].
#[must_use]
pub fn decode_form(text: &str) -> Cow<'_, str> {
    if text.contains(['%', '+']) { Cow::Owned(lossy(text.len(), form_octets(text))) } else { Cow::Borrowed(text) }
}

/// The same as [`decode`]; `None` for what is not UTF-8 afterwards.
#[must_use]
pub fn decode_whole(text: &str) -> Option<String> {
    String::from_utf8(octets(text).collect()).ok()
}

/// The same as [`decode_form`]; `None` for what is not UTF-8 afterwards.
#[must_use]
pub fn decode_form_whole(text: &str) -> Option<String> {
    String::from_utf8(form_octets(text).collect()).ok()
}

fn lossy(most: usize, octets: impl Iterator<Item = u8>) -> String {
    let mut decoded = Vec::with_capacity(most);
    decoded.extend(octets);
    String::from_utf8(decoded).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// The octets that `text` means. A `%` without two digits is itself.
pub fn octets(text: &str) -> impl Iterator<Item = u8> {
    decoded(text, |byte| byte)
}

/// The octets that a name or value of `application/x-www-form-urlencoded` means (URL standard §5.1).
pub fn form_octets(text: &str) -> impl Iterator<Item = u8> {
    decoded(text, |byte| if byte == b'+' { b' ' } else { byte })
}

/// The decoder of all the above; `plain` is told every byte that is not encoded.
fn decoded(text: &str, plain: impl Fn(u8) -> u8) -> impl Iterator<Item = u8> {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        let (byte, tail) = rest.split_first()?;
        rest = tail;
        if let (b'%', [high, low, after @ ..]) = (byte, tail)
            && let (Some(high), Some(low)) = (hex_digit(*high), hex_digit(*low))
        {
            rest = after;
            return Some(high << 4 | low);
        }
        Some(plain(*byte))
    })
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

/// Returns whether `byte` means the same with and without encoding (RFC 3986 §2.3).
#[must_use]
pub const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Appends `text` as data of one path segment: everything but `pchar` is encoded (RFC 3986 §3.3).
pub fn encode_segment(text: &str, out: &mut String) {
    encode(text, out, |b| is_unreserved(b) || b"!$&'()*+,;=:@".contains(&b));
}

/// Appends `text` as the name or value of a query parameter: everything but unreserved characters is encoded.
pub fn encode_query_value(text: &str, out: &mut String) {
    encode(text, out, is_unreserved);
}

/// Appends `text` as a part of a fragment: everything but `pchar`, `/` and `?` is encoded (RFC 3986 §3.5).
pub fn encode_fragment(text: &str, out: &mut String) {
    encode(text, out, |b| is_unreserved(b) || b"!$&'()*+,;=:@/?".contains(&b));
}

/// Appends `text`, which is percent-encoded already, with the characters encoded that would end a query value.
pub fn encode_query_separators(text: &str, out: &mut String) {
    encode(text, out, |b| !matches!(b, b'&' | b'=' | b'#' | b'+' | b';'));
}

fn encode(text: &str, out: &mut String, keep: impl Fn(u8) -> bool) {
    for byte in text.bytes() {
        if byte.is_ascii() && keep(byte) {
            out.push(char::from(byte));
        } else {
            push_encoded(out, byte);
        }
    }
}

/// Appends `byte` percent-encoded, in upper-case digits (RFC 3986 §2.1).
pub fn push_encoded(out: &mut String, byte: u8) {
    let digit = |nibble: u8| char::from(if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 });
    out.push('%');
    out.push(digit(byte >> 4));
    out.push(digit(byte & 0xF));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3986 §2.1: a percent-encoding is `%` and two hexadecimal digits of either case.
    #[test]
    fn only_whole_encodings_are_decoded() {
        for (text, decoded) in [
            ("a%2Fb", "a/b"),
            ("%c3%A9", "é"),
            ("%", "%"),
            ("%2", "%2"),
            ("%zz%41", "%zzA"),
            ("%%41", "%A"),
            ("+", "+"),
        ] {
            assert_eq!(decode(text), decoded, "{text}");
        }
        assert_eq!(decode("%ff"), "\u{FFFD}");
        assert_eq!((decode_whole("%ff"), decode_form_whole("+%ff")), (None, None));
        assert_eq!(
            (decode_whole("a+%c3%a9").as_deref(), decode_form_whole("a+%c3%a9").as_deref()),
            (Some("a+é"), Some("a é"))
        );
    }

    /// URL standard §5.1: `+` is replaced before percent-decoding, so that `%2B` stays a plus.
    #[test]
    fn in_a_form_a_plus_is_a_space() {
        assert_eq!(decode_form("a+b%2Bc%20d"), "a b+c d");
        assert!(matches!(decode_form("plain"), Cow::Borrowed("plain")));
    }

    #[test]
    fn what_is_encoded_decodes_to_itself() {
        let text = "a/b?c&d=e+f%20é\u{0}~";
        for encode in [encode_segment, encode_query_value] {
            let mut out = String::new();
            encode(text, &mut out);
            assert_eq!(decode(&out), text);
            assert_eq!(form_octets(&out.replace('+', "%2B")).collect::<Vec<_>>(), text.as_bytes());
        }
    }
}
