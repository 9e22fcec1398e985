//! gRPC over HTTP/2, as far as a proxy has a part in it: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>.

use core::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};

/// The field with the time that a caller gives.
pub const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// The field with the status of a call: in the head of an answer that has nothing else, in its trailers otherwise.
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// The field with words about that, percent-encoded where they are no plain text.
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// The most digits of a timeout.
const MOST_DIGITS: usize = 8;

/// Returns whether a request with these fields is a call of gRPC.
#[must_use]
pub fn is_call(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map_or(&[][..], HeaderValue::as_bytes);
    let rest = kind.get(..16).filter(|start| start.eq_ignore_ascii_case(b"application/grpc")).and(kind.get(16..));
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

/// The time that a caller gives; none if it gives none, or in no form that there is.
#[must_use]
pub fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(GRPC_TIMEOUT)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let is_number = (1..=MOST_DIGITS).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = digits.parse().ok().filter(|_| is_number)?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3_600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

/// `time` as the field has it, in the smallest unit from milliseconds on in which it has no more digits than there may be.
#[must_use]
pub fn timeout_field(time: Duration) -> HeaderValue {
    let most = 10_u128.pow(MOST_DIGITS as u32);
    let (number, unit) =
        [(time.as_millis(), "m"), (time.as_secs().into(), "S"), (u128::from(time.as_secs() / 60), "M")]
            .into_iter()
            .find(|(number, _)| *number < most)
            .unwrap_or((most - 1, "M"));
    HeaderValue::try_from([itoa::Buffer::new().format(number), unit].concat()).unwrap_or(HeaderValue::from_static("0m"))
}

/// The status of a call in the head of its answer, if it is there.
#[must_use]
pub fn status(headers: &HeaderMap) -> Option<u8> {
    headers.get(GRPC_STATUS)?.to_str().ok()?.parse().ok()
}

/// The fields of an answer that has nothing else than this status of a call, and these words about it.
#[must_use]
pub fn trailers_only(status: u8, message: &'static str) -> Vec<(HeaderName, HeaderValue)> {
    vec![
        (CONTENT_TYPE, HeaderValue::from_static("application/grpc")),
        (GRPC_STATUS, HeaderValue::from(u16::from(status))),
        (GRPC_MESSAGE, HeaderValue::from_static(message)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::fields;

    #[test]
    fn calls_are_known_by_their_media_type() {
        for (kind, is) in [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("Application/GRPC; charset=x", true),
            ("application/grpc-web", false),
            ("application/json", false),
        ] {
            assert_eq!(is_call(&fields(&[("content-type", kind)])), is, "{kind}");
        }
        assert!(!is_call(&HeaderMap::new()));
    }

    /// PROTOCOL-HTTP2.md, Timeout: at most 8 digits and a unit.
    #[test]
    fn timeouts_are_read_in_every_unit_and_in_no_other_form() {
        for (text, time) in [
            ("1H", Some(Duration::from_secs(3_600))),
            ("2M", Some(Duration::from_secs(120))),
            ("3S", Some(Duration::from_secs(3))),
            ("99999999m", Some(Duration::from_millis(99_999_999))),
            ("5u", Some(Duration::from_micros(5))),
            ("6n", Some(Duration::from_nanos(6))),
            ("100000000m", None),
            ("S", None),
            ("", None),
            ("1s", None),
            ("-1S", None),
            ("1.5S", None),
        ] {
            assert_eq!(timeout(&fields(&[("grpc-timeout", text)])), time, "{text}");
        }
    }

    #[test]
    fn timeouts_are_written_as_they_are_read() {
        for (time, text) in [
            (Duration::from_millis(1_500), "1500m"),
            (Duration::from_micros(999), "0m"),
            (Duration::from_secs(100_000), "100000S"),
            (Duration::from_secs(100_000_000), "1666666M"),
        ] {
            assert_eq!(timeout_field(time), text);
        }
    }

    #[test]
    fn a_status_is_a_number_in_the_head() {
        assert_eq!(status(&fields(&[("grpc-status", "14")])), Some(14));
        assert_eq!(status(&fields(&[("grpc-status", "x")])), None);
        assert_eq!(status(&HeaderMap::new()), None);
    }
}
