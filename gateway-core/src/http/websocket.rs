//! The opening handshake of WebSocket (RFC 6455 §4), as it passes through an intermediary.
//!
//! A client's handshake is checked before it goes on, and an upstream's answer before the tunnel opens. What an upstream
//! calls switched but is not this protocol, in answer to this key, opens nothing: bytes of a client would otherwise reach it
//! unseen, as in the smuggling of cleartext HTTP/2.

use base64ct::{Base64, Encoding as _};
use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use sha1::{Digest, Sha1};

use crate::error::Reject;

/// The text that every key is joined with before it is hashed (RFC 6455 §1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The protocol's name in `Upgrade` and in the `:protocol` of HTTP/2 (RFC 6455 §11.2, RFC 8441 §5).
pub const PROTOCOL: &str = "websocket";

/// The one version that there is (RFC 6455 §4.1).
const VERSION: &str = "13";

/// A fault in a client's handshake (RFC 6455 §4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The method is not GET.
    Method,
    /// There is content.
    Content,
    /// `Connection` does not name `upgrade`.
    Connection,
    /// `Sec-WebSocket-Version` is not 13.
    Version,
    /// `Sec-WebSocket-Key` is not one key of 16 bytes.
    Key,
}

/// Returns whether a request asks for a WebSocket. One of HTTP/1.0 can't (RFC 9110 §7.8).
#[must_use]
pub fn is_requested(version: Version, headers: &HeaderMap) -> bool {
    version != Version::HTTP_10 && names(headers, &UPGRADE, PROTOCOL)
}

/// Returns whether a request came as an extended CONNECT for a WebSocket (RFC 8441 §4). Its adapter has made it a
/// [handshake](is_requested): HTTP/2 itself has no `Upgrade` (RFC 9113 §8.2.2).
#[must_use]
pub fn is_extended_connect(version: Version, headers: &HeaderMap) -> bool {
    version == Version::HTTP_2 && is_requested(version, headers)
}

/// Returns whether a request has the key of a handshake. Where the platform hides `Upgrade`, as Spin does, that alone is left to tell
/// it by; no browser lets a script send it with another request.
#[must_use]
pub fn has_key(version: Version, headers: &HeaderMap) -> bool {
    version != Version::HTTP_10 && headers.contains_key(SEC_WEBSOCKET_KEY)
}

/// Checks a request that [asks for a WebSocket](is_requested).
///
/// # Errors
/// The fault in its handshake.
pub fn check(method: &Method, headers: &HeaderMap, has_content: bool) -> Result<(), Fault> {
    if *method != Method::GET {
        return Err(Fault::Method);
    }
    if has_content || headers.contains_key(TRANSFER_ENCODING) {
        return Err(Fault::Content);
    }
    if !names(headers, &CONNECTION, "upgrade") {
        return Err(Fault::Connection);
    }
    if only(headers, &SEC_WEBSOCKET_VERSION).is_none_or(|version| version != VERSION) {
        return Err(Fault::Version);
    }
    if only(headers, &SEC_WEBSOCKET_KEY).is_none_or(|key| !is_key(key.as_bytes())) {
        return Err(Fault::Key);
    }
    Ok(())
}

impl From<Fault> for Reject {
    fn from(fault: Fault) -> Self {
        let malformed = |detail| Self::bad_websocket_handshake().with_detail(detail);
        match fault {
            Fault::Method => malformed("the handshake of a WebSocket is a GET"),
            Fault::Content => malformed("the handshake of a WebSocket has no content"),
            Fault::Connection => malformed("`Connection` does not name `upgrade`"),
            Fault::Key => malformed("`Sec-WebSocket-Key` has to be one key of 16 bytes in base64"),
            // RFC 6455 §4.4, and RFC 9110 §15.5.22 for the protocol.
            Fault::Version => Self::websocket_version()
                .with_header(SEC_WEBSOCKET_VERSION, HeaderValue::from_static(VERSION))
                .with_header(UPGRADE, HeaderValue::from_static(PROTOCOL))
                .with_header(CONNECTION, HeaderValue::from_static("upgrade")),
        }
    }
}

/// States in a request or a 101 what the hop to the next one begins with (RFC 6455 §4.1, §4.2.2).
pub fn switch(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static(PROTOCOL));
}

/// The `Sec-WebSocket-Key` of these bytes (RFC 6455 §4.1).
#[must_use]
pub fn key(nonce: [u8; 16]) -> HeaderValue {
    // Base64 is always a value.
    HeaderValue::try_from(Base64::encode_string(&nonce)).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// The `Sec-WebSocket-Accept` that answers `key` (RFC 6455 §4.2.2).
#[must_use]
pub fn accept(key: &HeaderValue) -> String {
    Base64::encode_string(&Sha1::new().chain_update(key.as_bytes()).chain_update(GUID).finalize())
}

/// Returns whether a response of `status` and these `headers` opens a WebSocket to who sent `key` (RFC 6455 §4.1).
#[must_use]
pub fn is_opened(key: &HeaderValue, status: StatusCode, headers: &HeaderMap) -> bool {
    status == StatusCode::SWITCHING_PROTOCOLS
        && only(headers, &UPGRADE).is_some_and(|protocol| protocol.as_bytes().eq_ignore_ascii_case(PROTOCOL.as_bytes()))
        && names(headers, &CONNECTION, "upgrade")
        && only(headers, &SEC_WEBSOCKET_ACCEPT).is_some_and(|answer| *answer == *accept(key))
}

/// The value of the only field of this name.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut lines = headers.get_all(name).iter();
    lines.next().filter(|_| lines.next().is_none())
}

/// Returns whether a list in the fields of this name has `token`, in any case.
fn names(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .any(|member| member.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

/// Returns whether `key` is 16 bytes in base64: 22 digits and the padding (RFC 6455 §4.1). The bits of the last digit that stand
/// for nothing may be set (RFC 4648 §3.5).
fn is_key(key: &[u8]) -> bool {
    key.len() == 24
        && key.strip_suffix(b"==").is_some_and(|digits| {
            digits.iter().all(|digit| digit.is_ascii_alphanumeric() || matches!(digit, b'+' | b'/'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::fields;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    fn handshake(changed: &str, value: &[&str]) -> HeaderMap {
        let mut headers = fields(&[
            ("host", "server.example.com"),
            ("upgrade", "websocket"),
            ("connection", "Upgrade"),
            ("sec-websocket-key", KEY),
            ("sec-websocket-version", "13"),
        ]);
        headers.remove(changed);
        for value in value {
            headers.append(HeaderName::try_from(changed).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn checked(changed: &str, value: &[&str]) -> Result<(), Fault> {
        check(&Method::GET, &handshake(changed, value), false)
    }

    /// RFC 6455 §1.3, the example.
    #[test]
    fn the_accept_value_of_the_standards_example_is_its_own() {
        assert_eq!(accept(&HeaderValue::from_static(KEY)), ACCEPT);
        assert_eq!(key(*b"the sample nonce"), KEY);
    }

    /// RFC 6455 §1.2, the example; §4.2.1, tokens in any case and among others.
    #[test]
    fn a_well_formed_handshake_is_taken() {
        assert_eq!(checked("origin", &["http://example.com"]), Ok(()));
        for connection in [&["upgrade"][..], &["keep-alive, Upgrade"], &["keep-alive", " UPGRADE ,"]] {
            assert_eq!(checked("connection", connection), Ok(()), "{connection:?}");
        }
        for key in ["AQIDBAUGBwgJCgsMDQ4PEC==", "+/+/+/+/+/+/+/+/+/+/+w=="] {
            assert_eq!(checked("sec-websocket-key", &[key]), Ok(()), "{key}");
        }
    }

    /// RFC 6455 §4.2.1.
    #[test]
    fn a_handshake_that_lacks_a_part_is_malformed() {
        let short = "dGhlIHNhbXBsZSBub25jZ===";
        for (name, values, fault) in [
            ("connection", &[][..], Fault::Connection),
            ("connection", &["keep-alive"], Fault::Connection),
            ("connection", &["upgraded"], Fault::Connection),
            ("sec-websocket-version", &[], Fault::Version),
            ("sec-websocket-version", &["8"], Fault::Version),
            ("sec-websocket-version", &["13, 8"], Fault::Version),
            ("sec-websocket-version", &["13", "13"], Fault::Version),
            ("sec-websocket-key", &[], Fault::Key),
            ("sec-websocket-key", &[KEY, KEY], Fault::Key),
            ("sec-websocket-key", &["dGhlIHNhbXBsZSBub25jZQ"], Fault::Key),
            ("sec-websocket-key", &["dGhlIHNhbXBsZSBub25j"], Fault::Key),
            ("sec-websocket-key", &[short], Fault::Key),
            ("sec-websocket-key", &["dGhlIHNhbXBsZSBub-5jZQ=="], Fault::Key),
            ("transfer-encoding", &["chunked"], Fault::Content),
        ] {
            assert_eq!(checked(name, values), Err(fault), "{name}: {values:?}");
        }
        let headers = handshake("x", &[]);
        assert_eq!(check(&Method::POST, &headers, false), Err(Fault::Method));
        assert_eq!(check(&Method::HEAD, &headers, false), Err(Fault::Method));
        assert_eq!(check(&Method::GET, &headers, true), Err(Fault::Content));
    }

    /// RFC 9110 §7.8: other protocols are not asked for by it, and an upgrade in HTTP/1.0 is ignored.
    #[test]
    fn only_websocket_asks_for_a_websocket() {
        for upgrade in ["websocket", "WebSocket", "h2c, websocket"] {
            assert!(is_requested(Version::HTTP_11, &handshake("upgrade", &[upgrade])), "{upgrade}");
            assert!(!is_requested(Version::HTTP_10, &handshake("upgrade", &[upgrade])), "{upgrade}");
        }
        for upgrade in ["h2c", "", "websocket/13", "websockets"] {
            assert!(!is_requested(Version::HTTP_11, &handshake("upgrade", &[upgrade])), "{upgrade}");
        }
        assert!(!is_requested(Version::HTTP_11, &handshake("upgrade", &[])));
    }

    /// RFC 8441 §4, §5; RFC 9110 §7.8: over HTTP/1.1 the handshake is a GET with `Upgrade`.
    #[test]
    fn only_over_http2_is_a_handshake_an_extended_connect() {
        assert!(is_extended_connect(Version::HTTP_2, &handshake("x", &[])));
        assert!(!is_extended_connect(Version::HTTP_11, &handshake("x", &[])));
        // A field that anyone may send, in an ordinary request.
        assert!(!is_extended_connect(Version::HTTP_2, &handshake("upgrade", &[])));
    }

    /// RFC 6455 §4.1: what a client has to check of the answer.
    #[test]
    fn only_a_fitting_101_opens_a_websocket() {
        let answer = |changed: &str, values: &[&str]| {
            let mut headers =
                fields(&[("upgrade", "WebSocket"), ("connection", "upgrade"), ("sec-websocket-accept", ACCEPT)]);
            headers.remove(changed);
            for value in values {
                headers.append(HeaderName::try_from(changed).unwrap(), HeaderValue::from_str(value).unwrap());
            }
            headers
        };
        let opened = |status: u16, headers: &HeaderMap| {
            is_opened(&HeaderValue::from_static(KEY), StatusCode::from_u16(status).unwrap(), headers)
        };
        assert!(opened(101, &answer("x", &[])));
        assert!(!opened(200, &answer("x", &[])));
        let other = accept(&HeaderValue::from_static("AQIDBAUGBwgJCgsMDQ4PEC=="));
        for (name, values) in [
            ("upgrade", &[][..]),
            ("upgrade", &["h2c"]),
            ("upgrade", &["websocket, h2c"]),
            ("upgrade", &["websocket", "h2c"]),
            ("connection", &[]),
            ("connection", &["close"]),
            ("sec-websocket-accept", &[]),
            ("sec-websocket-accept", &[&other]),
            ("sec-websocket-accept", &[ACCEPT, ACCEPT]),
            ("sec-websocket-accept", &["S3PPLMBITXAQ9KYGZZHZRBK+XOO="]),
        ] {
            assert!(!opened(101, &answer(name, values)), "{name}: {values:?}");
        }
    }

    /// RFC 6455 §4.4; RFC 9110 §15.5.22: 426 names the protocol in `Upgrade`.
    #[test]
    fn a_wrong_version_is_told_the_right_one() {
        let reject = Reject::from(Fault::Version);
        assert_eq!(reject.status, StatusCode::UPGRADE_REQUIRED);
        let has = |name: HeaderName, value: &str| reject.headers.iter().any(|(n, v)| *n == name && v == value);
        assert!(has(SEC_WEBSOCKET_VERSION, "13") && has(UPGRADE, "websocket") && has(CONNECTION, "upgrade"));
        for fault in [Fault::Method, Fault::Content, Fault::Connection, Fault::Key] {
            assert_eq!(Reject::from(fault).status, StatusCode::BAD_REQUEST, "{fault:?}");
        }
    }
}
