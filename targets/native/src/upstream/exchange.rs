//! One exchange with an upstream.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use gateway_core::body::Body;
use gateway_core::ports::{Deadlines, IoError, IoErrorKind};
use http::header::{CONNECTION, HOST, HeaderValue, TE};
use http::uri::Authority;
use http::{Method, Request, Response, Uri, Version};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http2};

use super::deadline::{Due, Point};
use super::lease::{Connection, Lease};
use super::pool::{Opened, Pool};
use crate::clock::Tick;
use crate::stream::{Content, Outgoing, Stream, StreamError};

/// An upstream that closes idle connections has hardly done so within this time: a request on a connection that was used
/// more recently is not kept for being sent again.
const FRESH_MILLIS: Tick = 500;

/// A request that was not answered.
struct Unsent {
    error: IoError,
    /// The request, if nothing of it was sent.
    request: Option<Request<Content>>,
}

type Reply = Response<Body<Stream>>;

/// Sends `request`, whose URI is in origin form, and returns the response once its head has arrived.
///
/// The usual way, over an idle HTTP/1.1 connection, is all in this one function: each layer of `async fn` would copy the
/// request. Every other way goes on in a future on the heap.
///
/// # Errors
/// As [`Fetch::fetch`](gateway_core::ports::Fetch::fetch).
pub async fn fetch(
    pool: Option<&Arc<Pool>>,
    request: Request<Body<Stream>>,
    deadlines: Deadlines,
) -> Result<Reply, IoError> {
    let Some(pool) = pool else { return Err(IoError::before_send(IoErrorKind::Other)) };
    let mut request = request.map(Content::new);
    *request.version_mut() = Version::HTTP_11;
    if request.headers().contains_key(TE) {
        // RFC 9110 §10.1.4.
        request.headers_mut().insert(CONNECTION, HeaderValue::from_static("te"));
    }
    let due = Due::new(&deadlines, pool.ticker(), pool.may_multiplex());
    if pool.may_multiplex() || due.head.and_then(Point::exact).is_some() {
        return Box::pin(within(pool, request, deadlines.connect, due)).await;
    }
    let Some((mut connection, idle_for)) = pool.take() else {
        return Box::pin(unhurried(pool, request, deadlines.connect, due)).await;
    };
    if idle_for > FRESH_MILLIS {
        return Box::pin(on_idle(pool, connection, request, deadlines.connect, due)).await;
    }
    connection.watch.set(due.head.and_then(Point::coarse));
    let sent = connection.sender.try_send_request(request).await;
    match sent {
        Ok(response) => Ok(finish(pool, connection, response, &due)),
        Err(failed) => match failure(failed, connection.watch.overdue(), &due) {
            Unsent { request: Some(request), .. } => Box::pin(on_new(pool, request, deadlines.connect, due)).await,
            Unsent { error, .. } => Err(error),
        },
    }
}

/// An exchange with deadlines that need a timer.
async fn within(
    pool: &Arc<Pool>,
    request: Request<Content>,
    connect_within: Option<Duration>,
    due: Due,
) -> Result<Reply, IoError> {
    let exchange = unhurried(pool, request, connect_within, due);
    match due.head.and_then(Point::exact) {
        None => exchange.await,
        Some(instant) => match tokio::time::timeout_at(instant, exchange).await {
            Ok(result) => result,
            Err(_) => Err(IoError::new(due.head_error)),
        },
    }
}

async fn unhurried(
    pool: &Arc<Pool>,
    request: Request<Content>,
    connect_within: Option<Duration>,
    due: Due,
) -> Result<Reply, IoError> {
    if let Some(sender) = pool.shared() {
        return match send_h2(sender, request, &due).await {
            Ok(response) => Ok(response),
            Err(Unsent { request: Some(request), .. }) => on_new(pool, request, connect_within, due).await,
            Err(unsent) => Err(unsent.error),
        };
    }
    match pool.take() {
        Some((connection, _)) => on_idle(pool, connection, request, connect_within, due).await,
        None => on_new(pool, request, connect_within, due).await,
    }
}

/// An exchange over a connection that the upstream may be about to close: if it does, one that may be repeated is.
async fn on_idle(
    pool: &Arc<Pool>,
    connection: Connection,
    request: Request<Content>,
    connect_within: Option<Duration>,
    due: Due,
) -> Result<Reply, IoError> {
    let copy = copy_if_repeatable(&request);
    let request = match send_h1(pool, connection, request, &due).await {
        Ok(response) => return Ok(response),
        Err(Unsent { request: Some(unsent), .. }) => unsent,
        // RFC 9110 §9.2.2, RFC 9112 §9.3.1.
        Err(Unsent { error, .. }) => match copy.filter(|_| error.kind == IoErrorKind::Closed) {
            Some(copy) => copy,
            None => return Err(error),
        },
    };
    on_new(pool, request, connect_within, due).await
}

async fn on_new(
    pool: &Arc<Pool>,
    request: Request<Content>,
    connect_within: Option<Duration>,
    due: Due,
) -> Result<Reply, IoError> {
    match pool.open(connect_within, &due).await? {
        Opened::H1(connection) => send_h1(pool, connection, request, &due).await,
        Opened::H2(sender) => send_h2(sender, request, &due).await,
    }
    .map_err(|unsent| unsent.error)
}

async fn send_h1(
    pool: &Arc<Pool>,
    mut connection: Connection,
    request: Request<Content>,
    due: &Due,
) -> Result<Reply, Unsent> {
    connection.watch.set(due.head.and_then(Point::coarse));
    match connection.sender.try_send_request(request).await {
        Ok(response) => Ok(finish(pool, connection, response, due)),
        Err(failed) => Err(failure(failed, connection.watch.overdue(), due)),
    }
}

async fn send_h2(
    mut sender: http2::SendRequest<Content>,
    mut request: Request<Content>,
    due: &Due,
) -> Result<Reply, Unsent> {
    to_h2(&mut request);
    match sender.try_send_request(request).await {
        Ok(response) => Ok(response.map(|incoming| body(incoming, Lease::new(None, due)))),
        Err(failed) => {
            let mut unsent = failure(failed, false, due);
            if let Some(request) = &mut unsent.request {
                to_h1(request);
            }
            Err(unsent)
        }
    }
}

fn finish(pool: &Arc<Pool>, connection: Connection, response: Response<Incoming>, due: &Due) -> Reply {
    response.map(|incoming| body(incoming, Lease::new(Some((connection, Arc::clone(pool))), due)))
}

#[cold]
fn failure(mut failed: TrySendError<Request<Content>>, overdue: bool, due: &Due) -> Unsent {
    if overdue {
        return Unsent { error: IoError::new(due.head_error), request: None };
    }
    let request = failed.take_message();
    Unsent { error: classify(failed.error(), request.is_some()), request }
}

fn body(incoming: Incoming, lease: Lease) -> Body<Stream> {
    if hyper::body::Body::is_end_stream(&incoming) {
        lease.give_back();
        Body::Empty
    } else {
        Body::Stream(Stream::from_upstream(incoming, lease))
    }
}

/// A copy of `request` for a second attempt, if its method is idempotent (RFC 9110 §9.2.2) and nothing of a body is lost.
fn copy_if_repeatable(request: &Request<Content>) -> Option<Request<Content>> {
    let idempotent = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE | Method::TRACE
    );
    let body = match request.body().0.as_deref() {
        None | Some(Outgoing(Body::Empty)) => Body::Empty,
        Some(Outgoing(Body::Full(bytes))) => Body::Full(bytes.clone()),
        Some(Outgoing(Body::Stream(_))) => return None,
    };
    if !idempotent {
        return None;
    }
    let mut copy = Request::new(Content::new(body));
    copy.method_mut().clone_from(request.method());
    copy.uri_mut().clone_from(request.uri());
    copy.headers_mut().clone_from(request.headers());
    Some(copy)
}

/// HTTP/2 has the target's scheme and authority beside the path, and no `Host` (RFC 9113 §8.3.1).
fn to_h2(request: &mut Request<Content>) {
    *request.version_mut() = Version::HTTP_2;
    // RFC 9113 §8.2.2: `TE: trailers` stays, without a `Connection`.
    request.headers_mut().remove(CONNECTION);
    let Some(host) = request.headers_mut().remove(HOST) else { return };
    let Ok(authority) = Authority::from_maybe_shared(bytes::Bytes::copy_from_slice(host.as_bytes())) else { return };
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = Some(http::uri::Scheme::HTTPS);
    parts.authority = Some(authority);
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
}

/// Undoes [`to_h2`], for the next connection may speak HTTP/1.1.
fn to_h1(request: &mut Request<Content>) {
    *request.version_mut() = Version::HTTP_11;
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = None;
    if let Some(host) = parts.authority.take().and_then(|name| name.as_str().parse().ok()) {
        request.headers_mut().insert(HOST, host);
    }
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
}

/// Why an exchange failed, as hyper tells it.
fn classify(error: &hyper::Error, unsent: bool) -> IoError {
    if unsent {
        return IoError::before_send(IoErrorKind::Closed);
    }
    if let Some(body) = error.source().and_then(|source| source.downcast_ref::<StreamError>()) {
        return IoError::new(body.kind);
    }
    let kind = if error.is_parse_too_large() {
        IoErrorKind::HeadTooLarge
    } else if error.is_parse() || error.is_parse_status() {
        IoErrorKind::Protocol
    } else {
        IoErrorKind::Closed
    };
    IoError::new(kind)
}
