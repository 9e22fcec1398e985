//! The framing of an upstream's response (RFC 9112 §6): nothing of it that is wrong may reach a client.
//!
//! The adapter's HTTP library has read the content by then. Whatever the head still states of its length goes on to the client,
//! who would frame by it once more.

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, StatusCode};

/// A head whose framing is wrong: the end of the response can't be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misframed;

/// Removes from a response's head what it may not say of its length, and makes one line of several that agree.
///
/// A `Transfer-Encoding` overrides a `Content-Length` (RFC 9112 §6.3), and a 204 has neither (RFC 9110 §8.6).
///
/// # Errors
/// [`Misframed`] for a coding other than `chunked`, which no hop here can decode (RFC 9112 §6.1), and for a length that is no
/// number or more than one (§6.3).
pub fn settle(status: StatusCode, headers: &mut HeaderMap) -> Result<(), Misframed> {
    // One pass: a response has few fields, and to look one up costs more.
    let (mut codings, mut lengths) = (0, 0);
    let (mut is_chunked, mut is_number) = (true, true);
    for (name, value) in &*headers {
        if *name == CONTENT_LENGTH {
            lengths += 1;
            is_number &= length(value.as_bytes()).is_some();
        } else if *name == TRANSFER_ENCODING {
            codings += 1;
            is_chunked &= value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked");
        }
    }
    if codings > 0 {
        headers.remove(CONTENT_LENGTH);
        return if is_chunked && codings == 1 { Ok(()) } else { Err(Misframed) };
    }
    if lengths == 0 || lengths == 1 && is_number && status != StatusCode::NO_CONTENT {
        return Ok(());
    }
    if status == StatusCode::NO_CONTENT {
        headers.remove(CONTENT_LENGTH);
        return Ok(());
    }
    let length = agreed(headers).ok_or(Misframed)?;
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    Ok(())
}

/// Returns whether a response with this head may be followed by bytes that belong to it, though it has no content: the next
/// response on its connection could not be told from them.
#[must_use]
pub fn is_ambiguous(status: StatusCode, headers: &HeaderMap) -> bool {
    let is_coded = headers.keys().any(|name| *name == TRANSFER_ENCODING);
    if status == StatusCode::NO_CONTENT {
        return is_coded || headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0");
    }
    is_coded && headers.contains_key(CONTENT_LENGTH)
}

/// The length that all lines and members state (RFC 9110 §8.6).
#[cold]
fn agreed(headers: &HeaderMap) -> Option<u64> {
    let members = headers.get_all(CONTENT_LENGTH).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    let mut lengths = members.map(|member| length(member.trim_ascii()));
    let first = lengths.next()??;
    lengths.all(|length| length == Some(first)).then_some(first)
}

/// `1*DIGIT` (RFC 9110 §8.6).
pub(super) fn length(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |length, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        length.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::{fields, lines};

    fn settled(status: u16, list: &[(&str, &str)]) -> Option<Vec<String>> {
        let mut headers = fields(list);
        let status = StatusCode::from_u16(status).unwrap();
        settle(status, &mut headers).ok().map(|()| lines(&headers))
    }

    /// RFC 9112 §6.3: "the Transfer-Encoding overrides the Content-Length".
    #[test]
    fn a_length_beside_a_coding_is_removed() {
        for coding in ["chunked", "Chunked", " chunked "] {
            let list = [("content-length", "5"), ("transfer-encoding", coding), ("content-length", "7")];
            let left = settled(200, &list).unwrap();
            assert_eq!(left.len(), 1, "{left:?}");
            assert!(left[0].starts_with("transfer-encoding"), "{left:?}");
        }
    }

    /// RFC 9112 §6.1: a coding that was never asked for.
    #[test]
    fn a_coding_other_than_chunked_is_refused() {
        for coding in ["gzip, chunked", "identity", "chunked, gzip", "chunked, chunked", "xchunked", "chunked;a=b", ""]
        {
            assert_eq!(settled(200, &[("transfer-encoding", coding)]), None, "{coding}");
        }
        assert_eq!(settled(200, &[("transfer-encoding", "gzip"), ("transfer-encoding", "chunked")]), None);
        assert_eq!(settled(200, &[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")]), None);
    }

    /// RFC 9110 §8.6: "a valid Content-Length field value consisting of a decimal number", once or the same several times.
    #[test]
    fn a_length_is_one_decimal_number() {
        for (list, expected) in [
            (&["5"][..], Some("5")),
            (&["0"], Some("0")),
            (&["5, 5"], Some("5")),
            (&["5", "5"], Some("5")),
            (&["5", "05"], Some("5")),
            (&["18446744073709551615"], Some("18446744073709551615")),
            (&["18446744073709551616"], None),
            (&["5, 6"], None),
            (&["5", "6"], None),
            (&["5", ""], None),
            (&["5,"], None),
            (&["+5"], None),
            (&["-5"], None),
            (&["0x5"], None),
            (&["5.0"], None),
            (&[""], None),
            (&["five"], None),
        ] {
            let fields: Vec<_> = list.iter().map(|value| ("content-length", *value)).collect();
            let expected = expected.map(|length| vec![format!("content-length: {length}")]);
            for status in [200, 304] {
                assert_eq!(settled(status, &fields), expected, "{list:?}");
            }
        }
    }

    /// RFC 9110 §8.6: "A server MUST NOT send a Content-Length header field in any response with a status code of 1xx
    /// (Informational) or 204 (No Content)."
    #[test]
    fn a_204_has_no_length() {
        assert_eq!(settled(204, &[("content-length", "5")]), Some(Vec::new()));
        assert_eq!(settled(204, &[("content-length", "+5")]), Some(Vec::new()));
    }

    /// RFC 9112 §6.3: bytes after such a head could be taken for the next response.
    #[test]
    fn a_head_that_could_have_content_all_the_same_is_ambiguous() {
        let ambiguous =
            |status: u16, list: &[(&str, &str)]| is_ambiguous(StatusCode::from_u16(status).unwrap(), &fields(list));
        assert!(ambiguous(204, &[("content-length", "5")]));
        assert!(ambiguous(204, &[("transfer-encoding", "chunked")]));
        assert!(ambiguous(200, &[("transfer-encoding", "chunked"), ("content-length", "5")]));
        assert!(!ambiguous(204, &[]));
        assert!(!ambiguous(204, &[("content-length", "0")]));
        assert!(!ambiguous(200, &[("content-length", "5")]));
        assert!(!ambiguous(304, &[("content-length", "5")]));
        assert!(!ambiguous(200, &[("transfer-encoding", "chunked")]));
    }
}
