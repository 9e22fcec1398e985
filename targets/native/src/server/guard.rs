//! Checks for ambiguous HTTP/1.1 requests, beyond those that hyper itself refuses.
//!
//! hyper answers 400 to a malformed request line or field, to a folded line (RFC 9112 §5.2), whitespace before a colon
//! (§5.1), Content-Length values that differ or are no number (§6.3), Transfer-Encoding in HTTP/1.0 or not ending in
//! `chunked`. A request with both Content-Length and Transfer-Encoding it serves, and drops the former: such a request
//! is an attempt to smuggle another, and is refused here.

use gateway_core::error::Reject;
use http::Request;
use http::header::{CONNECTION, HeaderMap, HeaderValue, TRANSFER_ENCODING};

/// The first bytes of the heads that have come, which show fields that hyper hides.
#[derive(Debug, Default)]
pub(super) struct Heads(Vec<u8>);

/// The most bytes of a head that are kept: hyper refuses to read much more.
const MAX_KEPT: usize = 256 * 1024;

impl Heads {
    /// Keeps bytes that came while no exchange was open.
    pub(super) fn keep(&mut self, bytes: &[u8]) {
        if self.0.len() + bytes.len() <= MAX_KEPT {
            self.0.extend_from_slice(bytes);
        }
    }

    /// Returns whether there is nothing but line breaks, which may stand before a request (RFC 9112 §2.2).
    pub(super) fn is_blank(&self) -> bool {
        self.0.iter().all(u8::is_ascii_whitespace)
    }

    /// Forgets the bytes: the exchange has begun.
    pub(super) fn clear(&mut self) {
        if self.0.capacity() > 4096 {
            self.0 = Vec::new();
        } else {
            self.0.clear();
        }
    }

    /// Returns whether a field of the kept head states a Content-Length.
    ///
    /// The head of a pipelined request may have come before the previous exchange ended, and be missing here. hyper
    /// then goes by the transfer coding alone and closes the connection, as RFC 9112 §6.3 also allows.
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

/// Checks the head of an HTTP/1 request; `heads` are the bytes from before its exchange began.
///
/// # Errors
/// The refusal to answer; the connection must then be closed, since the next bytes may be body or request.
pub(super) fn check<B: http_body::Body>(request: &Request<B>, heads: &Heads) -> Result<(), Box<Reject>> {
    let headers = request.headers();
    // hyper takes a coded body for one that does not end yet; most requests have none.
    if request.body().is_end_stream() || !headers.contains_key(TRANSFER_ENCODING) {
        return Ok(());
    }
    check_coding(headers, heads)
}

#[cold]
fn check_coding(headers: &HeaderMap, heads: &Heads) -> Result<(), Box<Reject>> {
    let refuse = |reject: Reject| Err(Box::new(reject.with_header(CONNECTION, HeaderValue::from_static("close"))));
    if heads.state_content_length() {
        let detail = "the request has both `Content-Length` and `Transfer-Encoding`";
        return refuse(Reject::bad_request_framing().with_detail(detail));
    }
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => refuse(Reject::unknown_transfer_coding()),
    }
}
