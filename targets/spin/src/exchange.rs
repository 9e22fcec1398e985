//! The client's side: its request for the gateway, and the gateway's answer for the host.

use std::net::{IpAddr, SocketAddr};

use gateway_core::body::Body;
use gateway_core::error::Reject;
use gateway_core::http::identity::IdentityNames;
use gateway_core::http::request_id::{self, X_REQUEST_ID};
use gateway_core::http::trailers;
use gateway_core::ports::{Peer, Scheme};
use gateway_core::problem;
use http::header::{CONTENT_LENGTH, HOST, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri};
use spin_sdk::wasip3::http::types as wasi;
use spin_sdk::wasip3::wit_bindgen::StreamReader;

use crate::after::Witness;
use crate::fetch::is_bodiless;
use crate::fields;
use crate::platform::HostRandom;
use crate::stream::{Ending, Stream, content_length, no_trailers, of_bytes};

const CLIENT_ADDRESS: HeaderName = HeaderName::from_static("spin-client-addr");

/// Returns a client's request, and its sender.
///
/// # Errors
/// The refusal of a request that violates RFC 9110.
pub(crate) async fn receive(
    request: wasi::Request,
    identity: &IdentityNames,
) -> Result<(Request<Body<Stream>>, Peer), Box<Refusal>> {
    let (mut headers, method, uri) = match head(&request) {
        Ok(head) => head,
        Err(reject) => return Err(Box::new(Refusal::of(&request, *reject))),
    };
    let scheme = match request.get_scheme() {
        Some(wasi::Scheme::Https) => Scheme::Https,
        _ => Scheme::Http,
    };
    let peer = Peer::new(client_address(&headers), scheme);
    remove_spin_fields(&mut headers);
    // The host may show it, but never the Connection without which it means nothing (RFC 9110 §7.8).
    headers.remove(UPGRADE);
    // The host sends only announced trailers.
    trailers::announce_request(&mut headers, identity);
    let content = content(&method, &headers);
    if !headers.contains_key(HOST) {
        let host = request.get_authority().and_then(|authority| HeaderValue::try_from(authority).ok());
        headers.extend(host.map(|host| (HOST, host)));
    }
    let body = match content {
        Content::None => None,
        Content::Some => Some(Stream::of_request(request, &headers)),
        Content::Likely => Stream::of_request(request, &headers).unless_over_at_once().await,
        Content::Unknown => Stream::of_request(request, &headers).unless_empty().await,
    };
    let body = body.map_or(Body::Empty, Body::Stream);
    let mut received = Request::new(body);
    *received.method_mut() = method;
    *received.uri_mut() = uri;
    *received.headers_mut() = headers;
    Ok((received, peer))
}

fn head(request: &wasi::Request) -> Result<(HeaderMap, Method, Uri), Box<Reject>> {
    let headers = fields::read(&request.get_headers()).ok_or_else(|| Box::new(Reject::bad_header()))?;
    check_framing(&headers)?;
    let method = method(&request.get_method()).ok_or_else(|| Box::new(Reject::method_not_implemented()))?;
    let target = request.get_path_with_query().unwrap_or_default();
    let target = if target.is_empty() || target.starts_with('?') { format!("/{target}") } else { target };
    let uri = Uri::try_from(target).map_err(|_| Box::new(Reject::bad_path()))?;
    Ok((headers, method, uri))
}

/// Refuses a request with two framings, which might be an attempt at request smuggling (RFC 9112 §6.3): Spin 4.1 reads it
/// by Transfer-Encoding, and keeps a Content-Length that stands before that.
fn check_framing(headers: &HeaderMap) -> Result<(), Box<Reject>> {
    if headers.contains_key(CONTENT_LENGTH) && headers.contains_key(TRANSFER_ENCODING) {
        let detail = "the request has both `Content-Length` and `Transfer-Encoding`";
        return Err(Box::new(Reject::bad_request_framing().with_detail(detail)));
    }
    Ok(())
}

/// Spin appends the address to the values that the client sent under this name, so the last one is its own.
fn client_address(headers: &HeaderMap) -> Option<IpAddr> {
    let text = headers.get_all(CLIENT_ADDRESS).iter().next_back()?.to_str().ok()?;
    text.parse::<SocketAddr>().map(|address| address.ip()).or_else(|_| text.parse()).ok()
}

fn remove_spin_fields(headers: &mut HeaderMap) {
    let names: Vec<HeaderName> = headers.keys().filter(|name| name.as_str().starts_with("spin-")).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

enum Content {
    None,
    Some,
    /// The method usually has content, and nothing states its framing.
    Likely,
    Unknown,
}

/// Determines whether a request has content. HTTP/1.1 states it in the head (RFC 9112 §6.3); HTTP/2 does not, and has
/// no `Host`.
///
/// The host hides `Host` from the component, so a request of HTTP/1.1 without framing looks like one of HTTP/2. A POST, PUT
/// or PATCH then has content unless that is over at once, and its upstream is called without waiting for the first piece.
/// For other methods the first piece of content decides, which comes with the head.
fn content(method: &Method, headers: &HeaderMap) -> Content {
    match content_length(headers) {
        Some(0) => Content::None,
        Some(_) => Content::Some,
        None if headers.contains_key(TRANSFER_ENCODING) || headers.contains_key(CONTENT_LENGTH) => Content::Some,
        None if headers.contains_key(HOST) => Content::None,
        None if matches!(*method, Method::POST | Method::PUT | Method::PATCH) => Content::Likely,
        None => Content::Unknown,
    }
}

fn method(method: &wasi::Method) -> Option<Method> {
    Some(match method {
        wasi::Method::Get => Method::GET,
        wasi::Method::Head => Method::HEAD,
        wasi::Method::Post => Method::POST,
        wasi::Method::Put => Method::PUT,
        wasi::Method::Delete => Method::DELETE,
        wasi::Method::Connect => Method::CONNECT,
        wasi::Method::Options => Method::OPTIONS,
        wasi::Method::Trace => Method::TRACE,
        wasi::Method::Patch => Method::PATCH,
        wasi::Method::Other(name) => Method::from_bytes(name.as_bytes()).ok()?,
    })
}

/// Converts the gateway's answer to a request with `method` for the host.
///
/// # Errors
/// When the host does not accept it; the client's answer is then a 500.
pub(crate) fn respond(
    method: &Method,
    response: Response<Body<Stream>>,
    witness: Witness,
) -> Result<wasi::Response, wasi::ErrorCode> {
    let (mut parts, body) = response.into_parts();
    let (bytes, ending) = match body {
        _ if is_bodiless(method, parts.status) => {
            witness.ended(0, None);
            (None, no_trailers())
        }
        Body::Empty => {
            witness.ended(0, None);
            parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(0));
            (None, no_trailers())
        }
        Body::Full(content) => {
            parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(content.len()));
            let witness = if witness.awaits_end() {
                Some(witness)
            } else {
                witness.ended(content.len() as u64, None);
                None
            };
            let (bytes, ending) = of_bytes(content, witness);
            (Some(bytes), ending)
        }
        Body::Stream(stream) => {
            announce_trailers(&mut parts.headers, &stream);
            let witness = if witness.awaits_end() || stream.is_watched() {
                Some(witness)
            } else {
                witness.handed_over(content_length(&parts.headers));
                None
            };
            let (bytes, ending) = stream.into_parts(witness);
            (Some(bytes), ending)
        }
    };
    send(&parts, bytes, ending)
}

fn send(
    parts: &http::response::Parts,
    bytes: Option<StreamReader<u8>>,
    ending: Ending,
) -> Result<wasi::Response, wasi::ErrorCode> {
    let headers = fields::write(&parts.headers).map_err(|_| wasi::ErrorCode::HttpResponseHeaderSectionSize(None))?;
    let (response, _) = wasi::Response::new(headers, bytes, ending);
    response.set_status_code(parts.status.as_u16()).map_err(|()| wasi::ErrorCode::InternalError(None))?;
    Ok(response)
}

/// Announces the trailers again: the gateway drops Trailer with the other fields of a connection, and the next
/// connection's has to state the same.
pub(crate) fn announce_trailers(headers: &mut HeaderMap, stream: &Stream) {
    if let Some(names) = stream.trailer() {
        headers.insert(TRAILER, names.clone());
    }
}

/// The answer to a request that the core never sees.
pub(crate) struct Refusal {
    reject: Reject,
    is_head: bool,
    request_id: Option<HeaderValue>,
}

impl Refusal {
    /// The refusal of every request while the configuration is wrong; only the log gives the reason.
    pub(crate) fn unavailable(request: &wasi::Request) -> Self {
        Self::of(request, Reject::internal())
    }

    fn of(request: &wasi::Request, reject: Reject) -> Self {
        let request_id = match request.get_headers().get(X_REQUEST_ID.as_str()).as_slice() {
            [id] => HeaderValue::from_bytes(id).ok(),
            // The core accepts none of several, either.
            _ => None,
        };
        Self { reject, is_head: matches!(request.get_method(), wasi::Method::Head), request_id }
    }

    /// Converts the answer for the host.
    ///
    /// # Errors
    /// As [`respond`].
    pub(crate) fn respond(self) -> Result<wasi::Response, wasi::ErrorCode> {
        let headers: HeaderMap = self.request_id.map(|id| (X_REQUEST_ID, id)).into_iter().collect();
        let id = request_id::of(&headers, &HostRandom);
        let (parts, body) = problem::answer::<Stream>(self.reject, self.is_head, id).into_parts();
        let (bytes, ending) = match body {
            Body::Full(content) => {
                let (bytes, ending) = of_bytes(content, None);
                (Some(bytes), ending)
            }
            Body::Empty | Body::Stream(_) => (None, no_trailers()),
        };
        send(&parts, bytes, ending)
    }
}
