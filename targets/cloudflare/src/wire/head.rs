//! Reads the heads that come in.

use core::net::IpAddr;
use core::str::FromStr as _;

use bytes::Bytes;
use gateway_core::body::Body;
use gateway_core::ports::{Peer, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};

use crate::platform::Handle;

/// A packed request and who sent it; `None` if it is not one.
pub(crate) fn read_request(head: &Bytes, has_body: bool) -> Option<(Request<Body<Handle>>, Peer)> {
    let mut lines = Lines::new(head);
    let method = Method::from_bytes(&lines.next()?).ok()?;
    let (scheme, target) = split_url(lines.next()?)?;
    let uri = Uri::from_maybe_shared(target).ok()?;
    let address = lines.next()?;
    let address = core::str::from_utf8(&address).ok().and_then(|address| IpAddr::from_str(address).ok());
    let headers = read_fields(lines)?;
    let body = if has_body { Body::Stream(Handle::whole(Handle::REQUEST)) } else { Body::Empty };

    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    Some((request, Peer { address, scheme }))
}

/// A packed response whose body is in `slot`.
pub(crate) fn read_response(status: u16, head: &Bytes, has_body: bool, slot: u32) -> Option<Response<Body<Handle>>> {
    let body = if has_body { Body::Stream(Handle::whole(slot)) } else { Body::Empty };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).ok()?;
    *response.headers_mut() = read_fields(Lines::new(head))?;
    response.extensions_mut().insert(super::outgoing::Origin(slot));
    Some(response)
}

/// The scheme of an absolute URL, and its path and query as the client sent them.
fn split_url(url: Bytes) -> Option<(Scheme, Bytes)> {
    let (scheme, authority) = match url.as_ref() {
        [b'h', b't', b't', b'p', b's', b':', b'/', b'/', ..] => (Scheme::Https, 8),
        [b'h', b't', b't', b'p', b':', b'/', b'/', ..] => (Scheme::Http, 7),
        _ => return None,
    };
    // `OPTIONS *` arrives as `http://host*`.
    let end = url.iter().skip(authority).position(|byte| matches!(byte, b'/' | b'?' | b'*'));
    let target = end.map_or_else(|| Bytes::from_static(b"/"), |end| url.slice(authority + end..));
    Some((scheme, target))
}

fn read_fields(mut lines: Lines<'_>) -> Option<HeaderMap> {
    let mut headers = HeaderMap::with_capacity(32);
    while let (Some(name), Some(value)) = (lines.next(), lines.next()) {
        headers.append(HeaderName::from_bytes(&name).ok()?, HeaderValue::from_maybe_shared(value).ok()?);
    }
    Some(headers)
}

/// Lines of packed text, without their line feeds and without copying them.
struct Lines<'t> {
    text: &'t Bytes,
    at: usize,
}

impl<'t> Lines<'t> {
    fn new(text: &'t Bytes) -> Self {
        Self { text, at: 0 }
    }
}

impl Iterator for Lines<'_> {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let rest = self.text.get(self.at..)?;
        let len = rest.iter().position(|byte| *byte == b'\n')?;
        let line = self.text.slice(self.at..self.at + len);
        self.at += len + 1;
        Some(line)
    }
}
