//! Proxy-Status (RFC 9209): what went wrong between the gateway and an upstream, as far as a client may know.

use http::{HeaderName, HeaderValue, StatusCode};

use crate::error::Reject;
use crate::io::IoErrorKind;

/// `Proxy-Status`.
pub const PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");

/// The rejection for a failed exchange with an upstream, with `Proxy-Status` from the gateway called `name`.
///
/// Statuses are those that RFC 9209 §2.3 recommends for each error type.
#[must_use]
pub fn reject_for(kind: IoErrorKind, name: &str) -> Reject {
    let reject = match kind {
        IoErrorKind::Dns => Reject::upstream_dns(),
        IoErrorKind::Connect | IoErrorKind::Unroutable | IoErrorKind::Prohibited => Reject::upstream_unreachable(),
        IoErrorKind::ConnectionLimit | IoErrorKind::Other => Reject::upstream_unavailable(),
        IoErrorKind::Tls | IoErrorKind::TlsCertificate | IoErrorKind::TlsAlert => Reject::upstream_tls(),
        IoErrorKind::DnsTimeout
        | IoErrorKind::ConnectTimeout
        | IoErrorKind::FirstByteTimeout
        | IoErrorKind::TotalTimeout => Reject::upstream_timeout(),
        IoErrorKind::Closed | IoErrorKind::Protocol | IoErrorKind::HeadTooLarge => Reject::upstream_protocol_error(),
        // While the call is being sent, only the client's body is limited.
        IoErrorKind::BodyTooLarge => Reject::body_too_large(),
        // As for the limit: an upstream has not answered yet.
        IoErrorKind::Content => Reject::content_refused(),
        // A client that left reads no answer; one that broke its framing does (RFC 9112 §6.3).
        IoErrorKind::Client => {
            Reject::bad_request_framing().with_detail("the body is malformed, or ended before its end")
        }
        IoErrorKind::ClientTimeout => Reject::request_timeout(),
        IoErrorKind::LengthRequired => Reject::length_required(),
    };
    stamp(reject, name, error_type(kind))
}

/// The error type of a failed exchange with an upstream (RFC 9209 §2.3).
#[must_use]
pub const fn error_type(kind: IoErrorKind) -> &'static str {
    match kind {
        IoErrorKind::Dns => "dns_error",
        IoErrorKind::DnsTimeout => "dns_timeout",
        IoErrorKind::Connect => "connection_refused",
        IoErrorKind::Unroutable => "destination_ip_unroutable",
        IoErrorKind::Prohibited => "destination_ip_prohibited",
        IoErrorKind::ConnectionLimit => "connection_limit_reached",
        IoErrorKind::ConnectTimeout => "connection_timeout",
        IoErrorKind::Tls => "tls_protocol_error",
        IoErrorKind::TlsCertificate => "tls_certificate_error",
        IoErrorKind::TlsAlert => "tls_alert_received",
        IoErrorKind::FirstByteTimeout => "connection_read_timeout",
        IoErrorKind::TotalTimeout => "http_response_timeout",
        IoErrorKind::Closed => "connection_terminated",
        IoErrorKind::Protocol => "http_protocol_error",
        IoErrorKind::HeadTooLarge => "http_response_header_section_size",
        IoErrorKind::BodyTooLarge
        | IoErrorKind::Content
        | IoErrorKind::Client
        | IoErrorKind::ClientTimeout
        | IoErrorKind::LengthRequired => "http_request_error",
        IoErrorKind::Other => "destination_unavailable",
    }
}

/// The rejection of a request that goes round in circles (RFC 9209 §2.3.32): 508, as RFC 5842 §7.2 has it.
#[must_use]
pub fn reject_loop(name: &str) -> Reject {
    stamp(Reject::loop_detected(), name, "proxy_loop_detected")
}

/// Adds `Proxy-Status: name; error=type`. A name that no structured field can hold is left out, and the field with it.
fn stamp(reject: Reject, name: &str, error: &'static str) -> Reject {
    let Some(mut text) = structured_item(name) else { return reject };
    text.push_str("; error=");
    text.push_str(error);
    match HeaderValue::try_from(text) {
        Ok(value) => reject.with_header(PROXY_STATUS, value),
        Err(_) => reject,
    }
}

/// `Proxy-Status` of an answer that is `what` came next after a failure: of this `error` type, or an answer with this `status`. None where no structured field
/// can hold the `name`.
pub(crate) fn fell_back(
    name: &str,
    what: &str,
    error: Option<&str>,
    status: Option<StatusCode>,
) -> Option<HeaderValue> {
    let mut text = structured_item(name)?;
    if let Some(error) = error {
        text.push_str("; error=");
        text.push_str(error);
    }
    if let Some(status) = status {
        text.push_str("; received-status=");
        text.push_str(status.as_str());
    }
    text.push_str("; fallback=");
    text.push_str(what);
    HeaderValue::try_from(text).ok()
}

/// `text` as a token where it is one (RFC 9651 §3.3.4), else as a string (§3.3.3); `None` outside printable ASCII.
pub(crate) fn structured_item(text: &str) -> Option<String> {
    let starts_token = text.as_bytes().first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'*');
    if starts_token && text.bytes().all(|b| is_tchar(b) || matches!(b, b':' | b'/')) {
        return Some(text.to_owned());
    }
    if !text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return None;
    }
    Some(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// Returns whether a token may contain `byte` (RFC 9110 §5.6.2).
pub(crate) const fn is_tchar(byte: u8) -> bool {
    matches!(
        byte,
        b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
            | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each failure with the number of its error type in RFC 9209 §2.3, its name there, and the status recommended.
    const KINDS: [(IoErrorKind, u32, &str, u16); 18] = [
        (IoErrorKind::DnsTimeout, 1, "dns_timeout", 504),
        (IoErrorKind::Dns, 2, "dns_error", 502),
        (IoErrorKind::Other, 4, "destination_unavailable", 503),
        (IoErrorKind::Prohibited, 5, "destination_ip_prohibited", 502),
        (IoErrorKind::Unroutable, 6, "destination_ip_unroutable", 502),
        (IoErrorKind::Connect, 7, "connection_refused", 502),
        (IoErrorKind::Closed, 8, "connection_terminated", 502),
        (IoErrorKind::ConnectTimeout, 9, "connection_timeout", 504),
        (IoErrorKind::FirstByteTimeout, 10, "connection_read_timeout", 504),
        (IoErrorKind::ConnectionLimit, 12, "connection_limit_reached", 503),
        (IoErrorKind::Tls, 13, "tls_protocol_error", 502),
        (IoErrorKind::TlsCertificate, 14, "tls_certificate_error", 502),
        (IoErrorKind::TlsAlert, 15, "tls_alert_received", 502),
        (IoErrorKind::BodyTooLarge, 16, "http_request_error", 413),
        (IoErrorKind::LengthRequired, 16, "http_request_error", 411),
        (IoErrorKind::HeadTooLarge, 19, "http_response_header_section_size", 502),
        (IoErrorKind::TotalTimeout, 26, "http_response_timeout", 504),
        (IoErrorKind::Protocol, 28, "http_protocol_error", 502),
    ];

    /// RFC 9209 §2 and §2.3: a list of items, each a token or string, with the error type as a token.
    #[test]
    fn each_failure_has_its_type_and_the_recommended_status() {
        for (kind, section, error, status) in KINDS {
            let reject = reject_for(kind, "edgeway");
            assert_eq!(reject.headers, [(PROXY_STATUS, format!("edgeway; error={error}").parse().unwrap())]);
            assert_eq!(reject.status, status, "§2.3.{section}");
        }
    }

    /// RFC 9651 §4.1.6 and §4.1.7: what is no token becomes a quoted string; beyond ASCII nothing can be sent.
    #[test]
    fn names_become_tokens_or_strings() {
        assert_eq!(structured_item("edge-1.eu").as_deref(), Some("edge-1.eu"));
        assert_eq!(structured_item("1st").as_deref(), Some("\"1st\""));
        assert_eq!(structured_item("a \"b\" \\").as_deref(), Some(r#""a \"b\" \\""#));
        assert_eq!(structured_item("größe"), None);
        assert!(reject_for(IoErrorKind::Dns, "größe").headers.is_empty());
    }
}
