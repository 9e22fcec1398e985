//! Requests that may be sent again, rebuilt from the bytes that were sent.

use http::{HeaderName, HeaderValue, Method, Request, Version};

use crate::stream::Content;

/// Returns whether `request` may be sent again after a failure: its method is idempotent (RFC 9110 §9.2.2), and it has
/// no body, which could be read only once.
pub(super) fn is_repeatable(request: &Request<Content>) -> bool {
    request.body().0.is_none()
        && matches!(
            *request.method(),
            Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE | Method::TRACE
        )
}

/// A copy of `request`, if it has no body. Whether it may be sent depends on what became of the first.
pub(super) fn copy(request: &Request<Content>) -> Option<Request<Content>> {
    request.body().0.is_none().then(|| {
        let mut copy = Request::new(Content(None));
        copy.method_mut().clone_from(request.method());
        copy.uri_mut().clone_from(request.uri());
        copy.headers_mut().clone_from(request.headers());
        copy
    })
}

/// Rebuilds the request without a body from `bytes`; `None` if its head is incomplete.
#[cold]
pub(super) fn from_bytes(bytes: &[u8]) -> Option<Request<Content>> {
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
    let mut fields = vec![httparse::EMPTY_HEADER; lines];
    let mut head = httparse::Request::new(&mut fields);
    if !head.parse(bytes).ok()?.is_complete() {
        return None;
    }
    let mut request = Request::new(Content(None));
    *request.method_mut() = Method::from_bytes(head.method?.as_bytes()).ok()?;
    *request.uri_mut() = head.path?.parse().ok()?;
    *request.version_mut() = Version::HTTP_11;
    for field in head.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
        request.headers_mut().append(name, HeaderValue::from_bytes(field.value).ok()?);
    }
    Some(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"PUT /a/%2e?x=1 HTTP/1.1\r\nhost: a.test:81\r\nx-a: 1\r\nx-b: caf\xe9\r\nx-a: 2\r\n\r\n";

    #[test]
    fn a_request_is_made_of_its_bytes() {
        let request = from_bytes(HEAD).unwrap();
        assert_eq!((request.method(), request.uri().to_string()), (&Method::PUT, "/a/%2e?x=1".to_owned()));
        let fields: Vec<_> = request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let expected: [(&str, &[u8]); 4] = [("host", b"a.test:81"), ("x-a", b"1"), ("x-a", b"2"), ("x-b", b"caf\xe9")];
        assert_eq!(fields, expected);
    }

    #[test]
    fn nothing_is_made_of_a_part() {
        for length in 0..HEAD.len() {
            assert!(from_bytes(&HEAD[..length]).is_none(), "{length}");
        }
    }
}
