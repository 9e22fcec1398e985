//! Reads the heads that come in.

use core::net::IpAddr;
use core::ops::Range;
use core::str::FromStr as _;
use std::sync::Arc;

use bytes::Bytes;
use edgeway_wire::Stated;
use gateway_core::body::Body;
use gateway_core::http::certificate::EdgeCertificate;
use gateway_core::http::geography::Geography;
use gateway_core::plan::Plan;
use gateway_core::ports::{Peer, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};

use super::outgoing::Origin;
use crate::platform::Handle;

/// The header in which Cloudflare's edge states the client's address, replacing any value from the client.
const CLIENT_ADDRESS: &str = "cf-connecting-ip";
/// The lines of a packed request before its fields: method, URL and the client's address. One more has what the edge says of the
/// client besides, where anything is asked for.
const REQUEST_LINES: usize = 3;

/// A packed head, and the places of its fields. The glue holds it as `Headers`, so that an outgoing head is written as
/// a difference.
#[derive(Debug, Default)]
pub(crate) struct Head {
    text: Bytes,
    pub(super) fields: Vec<Field>,
}

/// The place of a field in the text of its head.
#[derive(Debug)]
pub(super) struct Field {
    name: Range<usize>,
    value: Range<usize>,
}

impl Head {
    /// Reads the fields in `text` after its first `skip` lines.
    pub(super) fn read(text: Bytes, skip: usize) -> Option<(Self, HeaderMap)> {
        let mut lines = Lines::new(&text);
        for _ in 0..skip {
            lines.next()?;
        }
        let mut fields = Vec::with_capacity(24);
        let mut headers = HeaderMap::with_capacity(24);
        while let (Some(name), Some(value)) = (lines.next(), lines.next()) {
            let shared = HeaderValue::from_maybe_shared(text.slice(value.clone())).ok()?;
            headers.append(HeaderName::from_bytes(text.get(name.clone())?).ok()?, shared);
            fields.push(Field { name, value });
        }
        Some((Self { text, fields }, headers))
    }

    pub(super) fn name(&self, field: &Field) -> &[u8] {
        self.text.get(field.name.clone()).unwrap_or_default()
    }

    /// Returns whether `value` is a part of the text itself, not merely equal to one.
    pub(super) fn has(&self, value: &[u8]) -> bool {
        self.text.as_ptr_range().contains(&value.as_ptr())
    }

    /// Returns the position of the field that holds `value` itself: this place in memory, not an equal value.
    pub(super) fn position(&self, value: &[u8]) -> Option<usize> {
        let at = value.as_ptr().addr().checked_sub(self.text.as_ptr().addr())?;
        self.fields.binary_search_by(|field| field.value.start.cmp(&at)).ok()
    }

    /// Returns whether `value` is the value of `field` itself, at the same place in memory.
    pub(super) fn holds(&self, field: &Field, value: &[u8]) -> bool {
        self.text.get(field.value.clone()).is_some_and(|own| core::ptr::eq(own, value))
    }
}

/// Reads a packed request and its sender; `None` if it is malformed. More than an address is stated of the sender if `is_stated`.
pub(crate) fn read_request(
    text: &Bytes,
    has_body: bool,
    is_stated: bool,
) -> Option<(Head, Request<Body<Handle>>, Peer)> {
    let mut lines = Lines::new(text);
    let method = Method::from_bytes(text.get(lines.next()?)?).ok()?;
    let (scheme, target) = split_url(text.slice(lines.next()?))?;
    let uri = Uri::from_maybe_shared(target).ok()?;
    let socket = lines.next()?;
    let line = if is_stated { lines.next()? } else { 0..0 };
    let (head, headers) = Head::read(text.clone(), REQUEST_LINES + usize::from(is_stated))?;
    let stated =
        if socket.is_empty() { headers.get(CLIENT_ADDRESS).map(HeaderValue::as_bytes) } else { text.get(socket) };
    let address = stated.and_then(|text| IpAddr::from_str(core::str::from_utf8(text).ok()?).ok());
    let body = if has_body { Body::Stream(Handle::whole(Handle::REQUEST)) } else { Body::Empty };

    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    let peer = Peer::new(address, scheme);
    Some((head, request, if is_stated { stated_of(peer, text.get(line)?) } else { peer }))
}

/// What `plan` asks for of the things that the edge says of a client: a bit for each, by its number.
pub(crate) fn asks(plan: &Plan) -> u32 {
    const LOCATION: u32 = 1 << Stated::Country as u32 | 1 << Stated::Asn as u32;
    // The rest, which is all of a certificate.
    const CERTIFICATE: u32 = ((2 << Stated::ClientCert as u32) - 1) & !LOCATION;
    let asked = |bits, is_asked| if is_asked { bits } else { 0 };
    asked(LOCATION, plan.location.is_some()) | asked(CERTIFICATE, plan.certificates_asked)
}

/// `peer`, with what is stated of it in `line`.
#[cold]
#[inline(never)]
fn stated_of(peer: Peer, line: &[u8]) -> Peer {
    let text = |what: Stated| line.split(|byte| *byte == b'\t').nth(what as usize).unwrap_or_default();
    let certificate = EdgeCertificate {
        presented: text(Stated::Presented),
        verified: text(Stated::Verified),
        revoked: text(Stated::Revoked),
        sha256: text(Stated::Sha256),
        subject: text(Stated::Subject),
        issuer: text(Stated::Issuer),
        serial: text(Stated::Serial),
        expires: text(Stated::Expires),
        field: text(Stated::ClientCert),
    };
    let geography = Geography::read(text(Stated::Country), text(Stated::Asn));
    peer.located(geography).with_certificate(certificate.read().map(Arc::new))
}

/// Reads a packed response whose body is in `slot`.
pub(crate) fn read_response(
    status: u16,
    text: Bytes,
    has_body: bool,
    slot: u32,
) -> Option<(Head, Response<Body<Handle>>)> {
    let (head, headers) = Head::read(text, 0)?;
    let body = if has_body { Body::Stream(Handle::whole(slot)) } else { Body::Empty };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).ok()?;
    *response.headers_mut() = headers;
    response.extensions_mut().insert(Origin(slot));
    Some((head, response))
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

/// The places of the lines of packed text, without their line feeds.
struct Lines<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Lines<'t> {
    const fn new(text: &'t [u8]) -> Self {
        Self { text, at: 0 }
    }
}

impl Iterator for Lines<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let len = memchr::memchr(b'\n', self.text.get(self.at..)?)?;
        let line = self.at..self.at + len;
        self.at += len + 1;
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &'static str) -> Option<(Head, Request<Body<Handle>>, Peer)> {
        read_request(&Bytes::from_static(text.as_bytes()), false, false)
    }

    fn target(url: &str) -> String {
        let text = format!("GET\n{url}\n\n");
        read_request(&Bytes::from(text), false, false).unwrap().1.uri().to_string()
    }

    #[test]
    fn a_request_is_read_with_its_peer() {
        let (_, request, peer) =
            request("PUT\nhttps://h.test/a?b\n192.0.2.1\nx-a\n1\ncf-connecting-ip\n192.0.2.9\n").unwrap();
        assert_eq!(request.method(), "PUT");
        assert_eq!(request.uri(), "/a?b");
        assert_eq!(request.headers().get("x-a").unwrap(), "1");
        assert_eq!(peer, Peer::new(Some("192.0.2.1".parse().unwrap()), Scheme::Https));
    }

    #[test]
    fn the_edge_states_the_client_where_the_socket_does_not() {
        let (.., peer) = request("GET\nhttp://h/\n\ncf-connecting-ip\n2001:db8::7\n").unwrap();
        assert_eq!(peer.address(), Some("2001:db8::7".parse().unwrap()));
    }

    #[test]
    fn what_the_edge_states_is_read_where_it_is_asked_for() {
        let peer = |line: &'static str| {
            let text = Bytes::from(format!("GET\nhttp://h/\n192.0.2.1\n{line}\nx-a\n1\n"));
            let (_, request, peer) = read_request(&text, false, true).unwrap();
            assert_eq!(request.headers().get("x-a").unwrap(), "1");
            let digest = peer.certificate().map(|certificate| certificate.sha256.to_string());
            assert_eq!(digest, line.contains("SUCCESS").then(|| "0a".repeat(32)));
            peer.geography()
        };
        let shown = concat!(
            "DE\t64500\t1\tSUCCESS\t0\t",
            "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a\t\t\t\t"
        );
        assert_eq!(peer(shown), Geography::read(b"DE", b"64500"));
        assert_eq!(peer("DE\t64500"), Geography::read(b"DE", b"64500"));
        assert_eq!(peer("\t64500"), Geography::read(b"", b"64500"));
        assert_eq!(peer("DE\t"), Geography::read(b"DE", b""));
        assert_eq!(peer(""), Geography::UNKNOWN);
        assert!(read_request(&Bytes::from_static(b"GET\nhttp://h/\n\n"), false, true).is_none());
    }

    #[test]
    fn targets_are_left_as_they_came() {
        assert_eq!(target("http://h.test/a/../%2e%2F//b?x=%20"), "/a/../%2e%2F//b?x=%20");
        assert_eq!(target("http://h.test"), "/");
        assert_eq!(target("http://h.test*"), "*");
        assert_eq!(target("http://[::1]:80/x"), "/x");
    }

    #[test]
    fn what_is_no_request_is_none() {
        for text in
            ["", "GET", "GET\nftp://h/\n\n", "GET\nhttp://h/\n", "G T\nhttp://h/\n\n", "GET\nhttp://h/\n\na b\n1\n"]
        {
            assert!(request(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn lines_of_one_name_stay_apart() {
        let (_, response) =
            read_response(200, Bytes::from_static(b"set-cookie\na=1\nset-cookie\nb=2\n"), true, 1).unwrap();
        assert_eq!(response.headers().get_all("set-cookie").iter().collect::<Vec<_>>(), ["a=1", "b=2"]);
    }
}
