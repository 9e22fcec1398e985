//! What makes an HTTP/1.1 request ambiguous, beyond what hyper refuses itself.
//!
//! hyper answers 400 to a request line or field that is malformed, to a folded line (RFC 9112 §5.2), whitespace before a
//! colon (§5.1), Content-Length values that differ or are no number (§6.3), Transfer-Encoding in HTTP/1.0 or not ending in
//! `chunked`. It serves what has both Content-Length and Transfer-Encoding, and drops the former: such a request is an
//! attempt to smuggle another, and is refused here.

use gateway_core::body::Body;
use http::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use http::{Request, Response, StatusCode, Version};

/// The first bytes of the heads that have come, kept to find what hyper does not show.
#[derive(Debug, Default)]
pub struct Heads(Vec<u8>);

/// More than this of a head isn't kept: hyper refuses to read on soon after.
const MAX_KEPT: usize = 256 * 1024;

impl Heads {
    /// Keeps what came while no exchange was open.
    pub fn keep(&mut self, bytes: &[u8]) {
        if self.0.len() + bytes.len() <= MAX_KEPT {
            self.0.extend_from_slice(bytes);
        }
    }

    /// Forgets what came: the exchange has begun.
    pub fn clear(&mut self) {
        if self.0.capacity() > 4096 {
            self.0 = Vec::new();
        } else {
            self.0.clear();
        }
    }

    /// Whether a field of the head that came states a Content-Length.
    ///
    /// Of a pipelined request the head may have come before the previous exchange ended, and not be here: hyper then goes
    /// by the transfer coding alone and closes the connection, as RFC 9112 §6.3 allows too.
    fn state_content_length(&self) -> bool {
        const NAME: &[u8] = b"content-length";
        self.0
            .split(|byte| *byte == b'\n')
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
            .skip_while(|line| line.is_empty())
            .take_while(|line| !line.is_empty())
            .any(|line| {
                line.get(..NAME.len()).is_some_and(|start| start.eq_ignore_ascii_case(NAME))
                    && line.get(NAME.len()) == Some(&b':')
            })
    }
}

/// Why a request is refused before the gateway sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not exactly one `Host` (RFC 9112 §3.2).
    Host,
    /// Both Content-Length and Transfer-Encoding (RFC 9112 §6.3).
    TwoLengths,
    /// A transfer coding other than `chunked` (RFC 9112 §6.1).
    TransferCoding,
}

/// Checks the head of an HTTP/1 request; `heads` is what came before it began.
///
/// # Errors
/// Why it is refused.
pub fn check<B>(request: &Request<B>, heads: &Heads) -> Result<(), Refusal> {
    let headers = request.headers();
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(_), None) => {}
        (None, _) if request.version() == Version::HTTP_10 => {}
        _ => return Err(Refusal::Host),
    }
    if headers.contains_key(TRANSFER_ENCODING) { check_coding(headers, heads) } else { Ok(()) }
}

#[cold]
fn check_coding(headers: &HeaderMap, heads: &Heads) -> Result<(), Refusal> {
    if heads.state_content_length() {
        return Err(Refusal::TwoLengths);
    }
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(Refusal::TransferCoding),
    }
}

impl Refusal {
    /// The stable code of the error.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Host => "bad_host",
            Self::TwoLengths => "ambiguous_length",
            Self::TransferCoding => "unknown_transfer_coding",
        }
    }

    /// The answer; it closes the connection, on which what follows can't be told apart from a body.
    pub fn response<S>(self) -> Response<Body<S>> {
        let (status, problem) = match self {
            Self::Host => (
                StatusCode::BAD_REQUEST,
                r#"{"type":"about:blank","title":"Bad Request","status":400,"detail":"the request has to have exactly one Host","code":"bad_host"}"#,
            ),
            Self::TwoLengths => (
                StatusCode::BAD_REQUEST,
                r#"{"type":"about:blank","title":"Bad Request","status":400,"detail":"the request has both Content-Length and Transfer-Encoding","code":"ambiguous_length"}"#,
            ),
            Self::TransferCoding => (
                StatusCode::NOT_IMPLEMENTED,
                r#"{"type":"about:blank","title":"Not Implemented","status":501,"detail":"the only transfer coding understood is chunked","code":"unknown_transfer_coding"}"#,
            ),
        };
        let mut response = Response::new(Body::Full(bytes::Bytes::from_static(problem.as_bytes())));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        response
    }
}
