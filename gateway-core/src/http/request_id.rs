//! `X-Request-Id`: one identifier for a request in every log that it leaves a trace in.

use http::header::Entry;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::digits::write_hex;
use super::value::printable;
use crate::random::Random;

/// `X-Request-Id`.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest identifier that is taken over from a client.
const MAX_LENGTH: usize = 128;

/// The request's identifier, which is also in `headers` afterwards.
///
/// A client's own is kept, whoever the client is, if it is one field of 1 to 128 characters out of `[A-Za-z0-9._~:/+=@-]`:
/// it only names the request, and these characters can't break a log line or a URI. Any other is replaced by 32 lower-case
/// hexadecimal digits.
pub fn ensure(headers: &mut HeaderMap, random: &impl Random) -> HeaderValue {
    match headers.entry(X_REQUEST_ID) {
        Entry::Occupied(mut entry) => {
            let mut values = entry.iter();
            if let (Some(value), None) = (values.next(), values.next())
                && is_sane(value.as_bytes())
            {
                return value.clone();
            }
            let value = made(random);
            entry.insert(value.clone());
            value
        }
        Entry::Vacant(entry) => entry.insert(made(random)).clone(),
    }
}

/// The identifier of a request with `headers`, which stay as they are; see [`ensure`].
pub fn of(headers: &HeaderMap, random: &impl Random) -> HeaderValue {
    let mut values = headers.get_all(X_REQUEST_ID).iter();
    match (values.next(), values.next()) {
        (Some(value), None) if is_sane(value.as_bytes()) => value.clone(),
        _ => made(random),
    }
}

fn made(random: &impl Random) -> HeaderValue {
    let mut text = [0; 32];
    let (high, low) = text.split_at_mut(16);
    write_hex(random.next_u64(), high);
    write_hex(random.next_u64(), low);
    // Digits are printable; the fallback is never taken.
    printable(&text).unwrap_or(HeaderValue::from_static("0"))
}

fn is_sane(value: &[u8]) -> bool {
    (1..=MAX_LENGTH).contains(&value.len())
        && value.iter().all(|b| {
            b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'~' | b':' | b'/' | b'+' | b'=' | b'@' | b'-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::Sequence;

    fn ensured(values: &[&str]) -> (HeaderValue, HeaderMap) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(X_REQUEST_ID, HeaderValue::from_str(value).unwrap());
        }
        let id = ensure(&mut headers, &Sequence::new([0x0123_4567_89ab_cdef, 1]));
        (id, headers)
    }

    const MADE: &str = "0123456789abcdef0000000000000001";

    #[test]
    fn a_sane_identifier_is_kept() {
        let longest = "a".repeat(128);
        for sane in ["a", "Az09._~:/+=@-", longest.as_str()] {
            let (id, headers) = ensured(&[sane]);
            assert_eq!(id, sane);
            assert_eq!(headers[X_REQUEST_ID], sane);
        }
    }

    #[test]
    fn any_other_is_replaced() {
        let too_long = "a".repeat(129);
        for values in [&[][..], &[""], &["a b"], &["a\"b"], &["a,b"], &["{}"], &[too_long.as_str()], &["a", "b"]] {
            let (id, headers) = ensured(values);
            assert_eq!(id, MADE, "{values:?}");
            assert_eq!(headers.get_all(X_REQUEST_ID).iter().collect::<Vec<_>>(), [MADE]);
        }
    }
}
