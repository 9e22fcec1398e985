//! Base 64 as it is read here: all of its forms by one decoder, because each alphabet is compiled by itself.

use base64ct::{Base64UrlUnpadded, Encoding};

/// `bytes` in the standard alphabet, padded (RFC 4648 §4).
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = Base64UrlUnpadded::encode_string(bytes).replace('-', "+").replace('_', "/");
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

/// The bytes that `text` stands for in the standard alphabet (RFC 4648 §4), with its padding or without any.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    if text.contains(['-', '_']) {
        return None;
    }
    decode_url(&text.replace('+', "-").replace('/', "_"))
}

/// The bytes that `text` stands for in the alphabet for URLs (RFC 4648 §5), with its padding or without any (§3.2).
pub(crate) fn decode_url(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    // What is padded is padded to four characters.
    if padding > 0 && (padding > 2 || !text.len().is_multiple_of(4)) {
        return None;
    }
    Base64UrlUnpadded::decode_vec(digits).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4648 §10, and the two digits in which the alphabets differ.
    #[test]
    fn base64_is_written_with_its_padding() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(encode(bytes.as_bytes()), text);
        }
        assert_eq!(encode(&[0xfb, 0xff, 0xfe]), "+//+");
    }

    /// RFC 4648 §3.2, §3.5, §5: padding may be left out where the length is known otherwise; bits left over are zero.
    #[test]
    fn base64_is_read_with_its_padding_or_without_any() {
        for (text, bytes) in [
            ("AQI=", Some(&[1, 2][..])),
            ("AQI", Some(&[1, 2])),
            ("AQ==", Some(&[1])),
            ("AQ", Some(&[1])),
            ("", Some(&[])),
            ("AQ=", None),
            ("AQI==", None),
            ("AAAA====", None),
            ("====", None),
            ("A", None),
            ("AQJ", None),
            ("AQJ=", None),
            ("AQ I", None),
            ("AQ=I", None),
        ] {
            assert_eq!(decode(text).as_deref(), bytes, "{text}");
            assert_eq!(decode_url(text).as_deref(), bytes, "{text}");
        }
    }

    #[test]
    fn each_alphabet_has_its_own_two_last_digits() {
        assert_eq!((decode("+/A="), decode("+/A")), (Some(vec![0xfb, 0xf0]), Some(vec![0xfb, 0xf0])));
        assert_eq!((decode_url("-_A="), decode_url("-_A")), (Some(vec![0xfb, 0xf0]), Some(vec![0xfb, 0xf0])));
        assert_eq!((decode("-_A="), decode_url("+/A")), (None, None));
    }
}
