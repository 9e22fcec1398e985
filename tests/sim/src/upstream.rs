//! Upstreams that follow a script, and fail as it says.

use std::rc::Rc;

use bytes::Bytes;
use core::time::Duration;
use edgeway_corpus::{Call, Content, Fault, Reply, Version};
use gateway_core::body::Body;
use gateway_core::http::{framing, websocket};
use gateway_core::ports::{Deadlines, Handshake, IoError, IoErrorKind, KnownEdits, UpstreamCall};
use http::{Response, header};

use crate::stream::{End, Sender, Stream};
use crate::world::World;

/// What only the two ends of a connection may say to each other (RFC 9110 §7.6.1), and what adapters add themselves.
const HOP_BY_HOP: [&str; 7] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

/// Sends `call`, a handshake, to the upstream that it names. A socket that opens has nothing to say.
pub(crate) async fn open(
    world: &Rc<World>,
    call: &mut UpstreamCall<'_, Stream>,
) -> Result<Handshake<Stream, ()>, IoError> {
    let headers = &*call.headers;
    let key = headers.get(header::SEC_WEBSOCKET_KEY).expect("a handshake has a key").clone();
    assert!(websocket::is_requested(http::Version::HTTP_11, headers), "a handshake names its protocol");
    assert_eq!(websocket::check(call.method, headers, !call.body.is_empty()), Ok(()));
    let response = answer(world, call).await?;
    if response.status() != http::StatusCode::SWITCHING_PROTOCOLS {
        return Ok(Handshake::Declined(response));
    }
    match websocket::is_opened(&key, response.status(), response.headers()) {
        true => Ok(Handshake::Opened(response.map(drop), ())),
        false => Err(IoError::new(IoErrorKind::Protocol)),
    }
}

/// Sends `call` to the upstream that it names.
pub(crate) async fn answer(
    world: &Rc<World>,
    call: &mut UpstreamCall<'_, Stream>,
) -> Result<Response<Body<Stream>>, IoError> {
    let started = world.now();
    let Deadlines { connect, first_byte, total, .. } = call.deadlines;
    world.linger().await;
    match call.endpoint.host.as_str() {
        "refused.test" => return Err(IoError::before_send(IoErrorKind::Connect)),
        "unroutable.test" => return Err(IoError::before_send(IoErrorKind::Unroutable)),
        "untrusted.test" => return Err(IoError::before_send(IoErrorKind::TlsCertificate)),
        "lost.test" => return Err(IoError::new(IoErrorKind::Other)),
        "unresolved.test" => return Err(IoError::before_send(IoErrorKind::Dns)),
        "unreachable.test" => {
            world.sleep(soonest(soonest(connect, first_byte), total).expect("a deadline")).await;
            return Err(IoError::before_send(IoErrorKind::ConnectTimeout));
        }
        _ => {}
    }
    let is_head = *call.method == http::Method::HEAD;
    let known_edits = call.known_edits.take();
    let sender = if asks_for_itself(call) { Sender::Service } else { Sender::Upstream };
    let to = call.endpoint.authority.to_str().expect("an authority").to_owned();
    let reply = world.reply_to(seen(to, call.take_request(|body| body)).await?);

    let patience = soonest(first_byte, total);
    let wait = if reply.fail == Some(Fault::Hang) { Duration::MAX } else { reply.delay.unwrap_or_default() };
    if patience.is_some_and(|patience| patience <= wait) {
        let elapsed = world.now().saturating_since(started);
        world.sleep(patience.unwrap_or_default().saturating_sub(elapsed)).await;
        let kind = if patience == first_byte { IoErrorKind::FirstByteTimeout } else { IoErrorKind::TotalTimeout };
        return Err(IoError::new(kind));
    }
    if wait == Duration::MAX {
        return core::future::pending().await;
    }
    world.sleep(wait).await;
    match reply.fail {
        Some(Fault::Reset) => Err(IoError::new(IoErrorKind::Closed)),
        Some(Fault::Garbage) => Err(IoError::new(IoErrorKind::Protocol)),
        _ => {
            let response = respond(world, &reply, (is_head, sender), total.map(|total| started.saturating_add(total)));
            if let Some(edits) = known_edits {
                promise(world, edits, &response);
            }
            Ok(response)
        }
    }
}

/// Notes what the head of `response` has to be in the end; see [`KnownEdits`] for those of which nothing is known beforehand.
fn promise(world: &World, edits: KnownEdits<'_>, response: &Response<Body<Stream>>) {
    let status = response.status();
    let is_ordinary = (200..=599).contains(&status.as_u16()) && status != 205 && status != 401;
    let mut fields = response.headers().clone();
    // Adapters that apply the edits have hosts that settle the framing.
    let is_framed = framing::settle(status, &mut fields).is_ok();
    let leads_on = matches!(status.as_u16(), 201 | 300..=399) && fields.contains_key(header::LOCATION);
    if is_ordinary && is_framed && !leads_on && !response.headers().contains_key(header::CONNECTION) {
        edits.edit(response.version(), &mut fields);
        world.promised.borrow_mut().push(fields);
    }
}

/// Returns whether the gateway makes `call` for itself, and not for a client.
fn asks_for_itself(call: &UpstreamCall<'_, Stream>) -> bool {
    call.headers.get(header::USER_AGENT).is_some_and(|agent| agent == "edgeway")
}

fn soonest(a: Option<Duration>, b: Option<Duration>) -> Option<Duration> {
    a.into_iter().chain(b).min()
}

/// The request as it arrives.
async fn seen(to: String, request: http::Request<Body<Stream>>) -> Result<Call, IoError> {
    let (head, body) = request.into_parts();
    // What `UpstreamCall` promises to adapters.
    assert!(head.uri.authority().is_none(), "the call's URI `{}` is not in origin form", head.uri);
    assert_eq!(head.headers.get_all(header::HOST).iter().count(), 1, "a call has one Host");
    let is_handshake = websocket::is_requested(http::Version::HTTP_11, &head.headers);
    for name in HOP_BY_HOP.into_iter().filter(|name| !is_handshake || !matches!(*name, "connection" | "upgrade")) {
        assert!(!head.headers.contains_key(name), "`{name}` was sent on to an upstream");
    }
    let chunked = matches!(body, Body::Stream(_)) && !head.headers.contains_key(header::CONTENT_LENGTH);
    let mut call = Call {
        to,
        method: head.method.to_string(),
        path: head.uri.path_and_query().map_or_else(|| head.uri.to_string(), ToString::to_string),
        headers: texts(&head.headers),
        ..Call::default()
    };
    match body {
        Body::Empty => {}
        Body::Full(bytes) => {
            call.headers.retain(|(name, _)| name != "content-length");
            call.headers.push(("content-length".to_owned(), bytes.len().to_string()));
            call.body = bytes;
        }
        Body::Stream(stream) => call.body = stream.read().await.map_err(|(_, error)| error)?,
    }
    if chunked {
        call.headers.push(("transfer-encoding".to_owned(), "chunked".to_owned()));
    }
    Ok(call)
}

/// The header fields as text.
pub(crate) fn texts(headers: &http::HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}

fn respond(
    world: &Rc<World>,
    reply: &Reply,
    (is_head, sender): (bool, Sender),
    deadline: Option<gateway_core::time::Timestamp>,
) -> Response<Body<Stream>> {
    let content = reply.content();
    let version = match reply.version {
        Version::Http10 => http::Version::HTTP_10,
        Version::Http11 => http::Version::HTTP_11,
    };
    let mut response = Response::builder().version(version).status(reply.status());
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    let framed = reply.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let bodiless = matches!(reply.status(), 101 | 204 | 304);
    if content.is_chunked() {
        response = response.header(header::TRANSFER_ENCODING, "chunked");
    } else if !framed && !bodiless {
        response = response.header(header::CONTENT_LENGTH, content.bytes().len());
    }
    let end = if reply.fail == Some(Fault::Cut) { End::Cut } else { End::Complete };
    let body = if is_head || bodiless || (content == Content::Text(String::new()) && end == End::Complete) {
        Body::Empty
    } else {
        Body::Stream(Stream::new(world, sender, &content, end).pausing(reply.pause).until(deadline))
    };
    response.body(body).expect("a well-formed reply")
}

/// Reads a response's body as the client does: what came, and why it was cut off, if it was.
pub(crate) async fn receive_body(body: Body<Stream>) -> (Bytes, Option<IoErrorKind>) {
    match body {
        Body::Empty => (Bytes::new(), None),
        Body::Full(bytes) => (bytes, None),
        Body::Stream(stream) => match stream.read().await {
            Ok(bytes) => (bytes, None),
            Err((bytes, error)) => (bytes, Some(error.kind)),
        },
    }
}
