//! Field values that the gateway writes itself.

use bytes::Bytes;
use http::HeaderValue;

/// `text` as a field's value; nothing if it holds anything but printable ASCII.
///
/// Does what [`HeaderValue::from_bytes`] does, which looks at one byte at a time and costs more than writing the value.
pub(crate) fn printable(text: &[u8]) -> Option<HeaderValue> {
    // Without an early exit, so that the compiler checks many bytes at once.
    let is_printable = text.iter().fold(true, |so_far, byte| so_far & (byte.wrapping_sub(b' ') <= b'~' - b' '));
    // SAFETY: printable ASCII is a valid value (RFC 9110 §5.5); that is just what was checked.
    is_printable.then(|| unsafe { HeaderValue::from_maybe_shared_unchecked(Bytes::copy_from_slice(text)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printable_ascii_is_a_value_and_nothing_else() {
        for byte in 0..=u8::MAX {
            let text = [b'a', byte, b'z'];
            let expected = (b' '..=b'~').contains(&byte).then(|| HeaderValue::from_bytes(&text).unwrap());
            assert_eq!(printable(&text), expected, "{byte}");
        }
        assert_eq!(printable(b""), Some(HeaderValue::from_static("")));
    }
}
