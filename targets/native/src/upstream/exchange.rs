//! One exchange with an upstream.

use std::error::Error;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use gateway_core::body::Body;
use gateway_core::http::{connection_auth, framing};
use gateway_core::plan::Upstream;
use gateway_core::ports::{Deadlines, IoError, IoErrorKind, Repeat, Scheme, UpstreamCall};
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, HeaderValue, TE, TRANSFER_ENCODING};
use http::uri::Authority;
use http::{HeaderMap, Method, Request, Response, Uri, Version};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use tokio::time::Instant;

use super::deadline::{Due, Point};
use super::lease::{Connection, Hold, Lease};
use super::pool::{Found, Opened, Pool};
use super::repeat::{self, is_repeatable};
use super::shared::Occupied;
use crate::stream::{Content, Handing, Stream, StreamError};

/// A failed attempt at an exchange.
struct Unanswered {
    error: IoError,
    /// The request, if it may be sent on another connection: nothing of it was sent; or the upstream has said that it has not begun with it;
    /// or it is [repeatable](is_repeatable), and the upstream closed a reused connection instead of beginning a response (RFC 9112 §9.3.1).
    request: Option<Request<Content>>,
    /// Set if anything of it may have been sent: to send it again is another attempt.
    was_sent: bool,
}

impl Unanswered {
    /// Takes the request out that is to be sent to `upstream` on another connection, if `repeat` has an attempt left where it takes one.
    ///
    /// # Errors
    /// The failure, which is the last.
    fn again(self, (upstream, repeat): Left<'_, '_>) -> Result<(Request<Content>, IoError), IoError> {
        match self.request {
            Some(request)
                if !self.was_sent || repeat.take(upstream.cluster.as_deref(), request.method(), self.error.retry) =>
            {
                Ok((request, self.error))
            }
            _ => Err(self.error),
        }
    }
}

/// The attempt that is left to a call, and the upstream whose rules it goes by.
type Left<'l, 'c> = (&'l Upstream, &'l mut Repeat<'c>);

type Reply = Response<Body<Stream>>;

/// Sends the request of `call` and returns the response once its head has arrived.
///
/// The usual way, over an idle HTTP/1.1 connection, is all in this one function: each layer of `async fn` would copy
/// the request. Every other way continues in a future on the heap.
///
/// # Errors
/// As [`Fetch::fetch`](gateway_core::ports::Fetch::fetch).
pub async fn fetch(
    pool: Option<&Arc<Pool>>,
    found: Option<Arc<Pool>>,
    call: &mut UpstreamCall<'_, Stream>,
) -> Result<Reply, IoError> {
    let Some(pool) = pool.or(found.as_ref()) else { return Err(IoError::before_send(IoErrorKind::Other)) };
    let deadlines = call.deadlines;
    let mut request = call.take_request(Content::new);
    *request.version_mut() = Version::HTTP_11;
    // One pass: a request has few fields, and to look two of them up costs more.
    let (mut has_te, mut has_credentials) = (false, false);
    for name in request.headers().keys() {
        has_te |= *name == TE;
        has_credentials |= *name == AUTHORIZATION;
    }
    if has_te {
        // RFC 9110 §10.1.4.
        request.headers_mut().insert(CONNECTION, HeaderValue::from_static("te"));
    }
    if request.body().0.is_some() {
        state_coding(&mut request);
    }
    if let Some(handing) = request.body().handing().cloned() {
        let sent =
            Box::pin(upload(pool, request, (deadlines, (call.upstream, &mut call.repeat)), Arc::clone(&handing))).await;
        if sent.as_ref().is_err_and(|error| error.retry)
            && let Some(left) = handing.take_left()
        {
            call.body = left;
        }
        return sent;
    }
    let due = Due::new(&deadlines, pool.ticker(), pool.may_multiplex());
    if pool.may_multiplex() || due.head.and_then(Point::exact).is_some() {
        return Box::pin(within(pool, request, (deadlines.connect, (call.upstream, &mut call.repeat)), due)).await;
    }
    let Some(mut connection) = pool.take() else {
        return Box::pin(on_new(pool, request, deadlines.connect, due, true)).await;
    };
    let alone = has_credentials && connection_auth::has_credentials(request.headers());
    begin(&connection, alone, is_repeatable(&request), &due);
    let sent = connection.sender.try_send_request(request).await;
    match sent {
        Ok(response) => Ok(finish(pool, connection, response, &due)),
        Err(failed) => {
            let (request, error) = unanswered(failed, &connection, &due).again((call.upstream, &mut call.repeat))?;
            let again = Box::pin(on_new(pool, request, deadlines.connect, due, false)).await;
            again.map_err(|failed| after(&error, failed))
        }
    }
}

/// Connects to the upstream of `pool` within `limit`, over TLS if its URL says so, and closes that connection.
///
/// # Errors
/// As [`Fetch::connect`](gateway_core::ports::Fetch::connect).
pub async fn reach(pool: Option<&Arc<Pool>>, found: Option<Arc<Pool>>, limit: Duration) -> Result<(), IoError> {
    let Some(pool) = pool.or(found.as_ref()) else { return Err(IoError::before_send(IoErrorKind::Other)) };
    let due = Due::new(&Deadlines::default(), pool.ticker(), true);
    pool.connect_alone(Some(limit), &due).await.map(drop)
}

/// Runs an exchange whose deadlines need a timer.
async fn within(
    pool: &Arc<Pool>,
    request: Request<Content>,
    (connect_within, repeat): (Option<Duration>, Left<'_, '_>),
    due: Due,
) -> Result<Reply, IoError> {
    let exchange = unhurried(pool, request, (connect_within, repeat), due);
    match due.head.and_then(Point::exact) {
        None => exchange.await,
        Some(instant) => match tokio::time::timeout_at(instant, exchange).await {
            Ok(result) => result,
            Err(_) => Err(IoError::new(due.head_error)),
        },
    }
}

/// Runs an exchange whose request has content from a client, which takes its own time: `firstByte` runs from its end, and `idle`
/// while the upstream does not take more of it.
async fn upload(
    pool: &Arc<Pool>,
    request: Request<Content>,
    (deadlines, repeat): (Deadlines, Left<'_, '_>),
    handing: Arc<Handing>,
) -> Result<Reply, IoError> {
    // Timers of their own: the ticker ends connections at the deadline of their begin.
    let due = Due::new(&deadlines, pool.ticker(), true);
    let total = due.total.and_then(Point::exact);
    let at_most = |duration: Duration| duration.min(Duration::from_secs(86_400 * 365));
    let (first_byte, idle) = (deadlines.first_byte.map(at_most), deadlines.idle.map(at_most));
    let mut exchange = pin!(unhurried(pool, request, (deadlines.connect, repeat), due));
    // While the client is waited for, a look after so long is early enough.
    let look = |now: Instant| match handing.ended() {
        Some(ended) => first_byte.map(|first| ended + first),
        None => {
            let idle = idle.map(|idle| handing.offered().unwrap_or(now) + idle);
            first_byte.map(|first| now + first).into_iter().chain(idle).min()
        }
    };
    let is_late = |now: Instant| match handing.ended() {
        Some(ended) => first_byte.is_some_and(|first| ended + first <= now),
        None => idle.zip(handing.offered()).is_some_and(|(idle, offered)| offered + idle <= now),
    };
    loop {
        let (until, kind) = match (look(Instant::now()), total) {
            (Some(look), Some(total)) if total < look => (total, IoErrorKind::TotalTimeout),
            (Some(look), _) => (look, IoErrorKind::FirstByteTimeout),
            (None, Some(total)) => (total, IoErrorKind::TotalTimeout),
            (None, None) => return exchange.await,
        };
        match tokio::time::timeout_at(until, exchange.as_mut()).await {
            Ok(result) => return result,
            Err(_) if kind == IoErrorKind::TotalTimeout || is_late(until) => return Err(IoError::new(kind)),
            Err(_) => {}
        }
    }
}

/// Runs an exchange over an open connection, or else over a new one. The upstream may be about to close an open
/// connection: a repeatable request is then sent again, if `repeat` has an attempt left.
async fn unhurried(
    pool: &Arc<Pool>,
    request: Request<Content>,
    (connect_within, repeat): (Option<Duration>, Left<'_, '_>),
    due: Due,
) -> Result<Reply, IoError> {
    let sent = if !connection_auth::has_credentials(request.headers())
        && let Some(occupied) = pool.shared(&due)
    {
        let copy = repeat::copy(&request);
        send_h2(pool, occupied, request, copy, &due).await
    } else if let Some(connection) = pool.take() {
        let repeatable = is_repeatable(&request);
        send_h1(pool, connection, request, repeatable, &due).await
    } else {
        return on_new(pool, request, connect_within, due, true).await;
    };
    match sent {
        Ok(response) => Ok(response),
        Err(unanswered) => {
            let (request, error) = unanswered.again(repeat)?;
            let again = on_new(pool, request, connect_within, due, false).await;
            again.map_err(|failed| after(&error, failed))
        }
    }
}

/// The failure of a request that was made again after the `first` one: what may have reached the upstream then, may still have.
const fn after(first: &IoError, failed: IoError) -> IoError {
    IoError { retry: first.retry && failed.retry, ..failed }
}

/// Runs an exchange over a new connection, or where it `may_share` one, over one that another exchange has opened meanwhile.
async fn on_new(
    pool: &Arc<Pool>,
    request: Request<Content>,
    connect_within: Option<Duration>,
    due: Due,
    may_share: bool,
) -> Result<Reply, IoError> {
    // On a shared connection they would authenticate every client's exchanges.
    let alone = connection_auth::has_credentials(request.headers());
    let mut request = request;
    let mut left = connect_within;
    loop {
        let opened = match open(pool, (alone, may_share), &mut left, &due).await {
            Ok(opened) => opened,
            Err(error) => {
                request.into_body().leave();
                return Err(error);
            }
        };
        let sent = match opened {
            Opened::H1(connection) => send_h1(pool, connection, request, false, &due).await,
            Opened::H2(occupied) => send_h2(pool, occupied, request, None, &due).await,
        };
        match sent {
            Ok(response) => return Ok(response),
            // It had waited for a connection that ended in that moment.
            Err(Unanswered { request: Some(unsent), was_sent: false, .. }) if pool.is_bounded() => request = unsent,
            Err(unanswered) => return Err(unanswered.error),
        }
    }
}

/// Opens a connection, or takes what serves in its place: one that others share, if it `may_share`, or where connections are bounded one that has become idle. Takes what
/// it has waited for that off the time that is `left`.
async fn open(
    pool: &Pool,
    (alone, may_share): (bool, bool),
    left: &mut Option<Duration>,
    due: &Due,
) -> Result<Opened, IoError> {
    let begun = pool.is_bounded().then(Instant::now);
    let room = match pool.room(alone, *left, due).await? {
        Found::Room(room) => room,
        Found::Idle(connection) => return Ok(Opened::H1(connection)),
        Found::Shared(occupied) => return Ok(Opened::H2(occupied)),
    };
    if let (Some(left), Some(begun)) = (left.as_mut(), begun) {
        *left = left.saturating_sub(begun.elapsed());
    }
    let _permit = if alone { None } else { pool.may_open().await };
    let shared = if may_share && !alone { pool.shared(due) } else { None };
    match shared {
        Some(occupied) => Ok(Opened::H2(occupied)),
        None => pool.open(alone, room, *left, due).await,
    }
}

async fn send_h1(
    pool: &Arc<Pool>,
    mut connection: Connection,
    request: Request<Content>,
    repeatable: bool,
    due: &Due,
) -> Result<Reply, Unanswered> {
    begin(&connection, connection_auth::has_credentials(request.headers()), repeatable, due);
    match connection.sender.try_send_request(request).await {
        Ok(response) => Ok(finish(pool, connection, response, due)),
        Err(failed) => Err(unanswered(failed, &connection, due)),
    }
}

async fn send_h2(
    pool: &Pool,
    mut occupied: Occupied,
    mut request: Request<Content>,
    copy: Option<Request<Content>>,
    due: &Due,
) -> Result<Reply, Unanswered> {
    to_h2(&mut request, pool.scheme());
    if let Some(handing) = request.body().handing() {
        // Without a window it asks for nothing (RFC 9113 §5.2).
        handing.offer();
    }
    match occupied.sender.try_send_request(request).await {
        Ok(response) => {
            let Occupied { mut place, .. } = occupied;
            place.answered();
            if connection_auth::has_challenge(response.status(), response.headers()) {
                place.retire();
            }
            Ok(response.map(|incoming| body(incoming, Lease::new(Hold::Shared(place), due))))
        }
        Err(mut failed) => {
            let mut request = failed.take_message();
            if request.is_none() && occupied.place.is_flooded() {
                return Err(Unanswered { error: IoError::new(IoErrorKind::Protocol), request: None, was_sent: true });
            }
            if let Some(request) = &mut request {
                to_h1(request);
            }
            let was_sent = request.is_none();
            let is_unprocessed = was_sent && is_unprocessed(failed.error());
            let error = classify(failed.error(), !was_sent || is_unprocessed);
            let may_be =
                |copy: &Request<Content>| is_unprocessed || (is_repeatable(copy) && is_abandoned(failed.error()));
            Err(Unanswered { error, request: request.or_else(|| copy.filter(may_be)), was_sent })
        }
    }
}

/// Begins an exchange, after which the connection is left `alone` if the request authenticates it.
fn begin(connection: &Connection, alone: bool, repeatable: bool, due: &Due) {
    connection.watch.begin(due.head.and_then(Point::coarse), due.idle, repeatable);
    if alone {
        connection.watch.set_single();
    }
}

fn finish(pool: &Arc<Pool>, connection: Connection, response: Response<Incoming>, due: &Due) -> Reply {
    let (status, headers) = (response.status(), response.headers());
    // hyper reads content by its length only if there is no coding, which would go before it.
    let is_counted = hyper::body::Body::size_hint(response.body()).exact().is_some_and(|length| length > 0);
    let is_ambiguous = !is_counted && framing::is_ambiguous(status, headers);
    if is_ambiguous || connection_auth::has_challenge(status, headers) {
        connection.watch.set_single();
    }
    if !is_counted && !is_chunked(headers) && !hyper::body::Body::is_end_stream(response.body()) {
        connection.watch.set_unframed();
    }
    response.map(|incoming| body(incoming, Lease::new(Hold::Alone(connection, Arc::clone(pool)), due)))
}

/// Returns whether content is sent in chunks (RFC 9112 §6.3). Other codings end with the connection.
fn is_chunked(headers: &HeaderMap) -> bool {
    let last = headers.get_all(TRANSFER_ENCODING).iter().next_back().map(HeaderValue::as_bytes);
    let last = last.and_then(|line| line.rsplit(|byte| *byte == b',').next()).unwrap_or_default();
    last.trim_ascii().eq_ignore_ascii_case(b"chunked")
}

#[cold]
fn unanswered(mut failed: TrySendError<Request<Content>>, connection: &Connection, due: &Due) -> Unanswered {
    if connection.watch.overdue() {
        return Unanswered { error: IoError::new(due.head_error), request: None, was_sent: true };
    }
    let request = failed.take_message();
    if request.is_none() && connection.watch.is_flooded() {
        return Unanswered { error: IoError::new(IoErrorKind::Protocol), request: None, was_sent: true };
    }
    let was_sent = request.is_none();
    let error = classify(failed.error(), request.is_some());
    if request.is_none() && matches!(error.kind, IoErrorKind::Closed | IoErrorKind::TlsAlert) {
        let request = connection.watch.unanswered().and_then(|bytes| repeat::from_bytes(&bytes));
        return Unanswered { error, request, was_sent };
    }
    Unanswered { error, request, was_sent }
}

/// Returns whether a stream failed because its connection ended or fell silent.
fn is_abandoned(error: &hyper::Error) -> bool {
    error.is_timeout() || error.source().is_some_and(|source| source.is::<io::Error>())
}

/// Returns whether a stream failed because the upstream did not begin to process it: it went away and said that the stream is past the last one
/// that it has looked at (RFC 9113 §6.8), or refused the stream (§8.7).
fn is_unprocessed(error: &hyper::Error) -> bool {
    let error = error.source().and_then(|source| source.downcast_ref::<h2::Error>());
    error.is_some_and(|error| {
        error.is_remote() && (error.is_go_away() || error.reason() == Some(h2::Reason::REFUSED_STREAM))
    })
}

pub(super) fn body(incoming: Incoming, lease: Lease) -> Body<Stream> {
    if hyper::body::Body::is_end_stream(&incoming) {
        lease.give_back();
        Body::Empty
    } else {
        Body::Stream(Stream::from_upstream(incoming, lease))
    }
}

/// States the coding of content of unknown length: for GET and HEAD, hyper sends no content otherwise.
fn state_coding(request: &mut Request<Content>) {
    if matches!(*request.method(), Method::GET | Method::HEAD) && !request.headers().contains_key(CONTENT_LENGTH) {
        request.headers_mut().insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
}

/// Converts the target to HTTP/2, with scheme and authority beside the path, and without `Host` (RFC 9113 §8.3.1).
fn to_h2(request: &mut Request<Content>, scheme: Scheme) {
    *request.version_mut() = Version::HTTP_2;
    // RFC 9113 §8.2.2: `TE: trailers` stays, without a `Connection`.
    request.headers_mut().remove(CONNECTION);
    request.headers_mut().remove(TRANSFER_ENCODING);
    let Some(host) = request.headers_mut().remove(HOST) else { return };
    let Ok(authority) = Authority::from_maybe_shared(bytes::Bytes::copy_from_slice(host.as_bytes())) else { return };
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = Some(match scheme {
        Scheme::Http => http::uri::Scheme::HTTP,
        Scheme::Https => http::uri::Scheme::HTTPS,
    });
    parts.authority = Some(authority);
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
}

/// Undoes [`to_h2`]: the next connection may speak HTTP/1.1.
fn to_h1(request: &mut Request<Content>) {
    *request.version_mut() = Version::HTTP_11;
    if request.body().0.is_some() {
        state_coding(request);
    }
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = None;
    if let Some(host) = parts.authority.take().and_then(|name| name.as_str().parse().ok()) {
        request.headers_mut().insert(HOST, host);
    }
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
}

/// Classifies hyper's error of an exchange.
pub(super) fn classify(error: &hyper::Error, unsent: bool) -> IoError {
    // With TLS 1.3 an upstream refuses the gateway's certificate once the handshake is over here (RFC 8446 §4.4.2.4).
    let kind = if is_alert(error) { IoErrorKind::TlsAlert } else { IoErrorKind::Closed };
    if unsent {
        return IoError::before_send(kind);
    }
    if let Some(body) = error.source().and_then(|source| source.downcast_ref::<StreamError>()) {
        return IoError::new(body.kind);
    }
    let kind = if error.is_parse_too_large() {
        IoErrorKind::HeadTooLarge
    } else if error.is_parse() || error.is_parse_status() {
        IoErrorKind::Protocol
    } else {
        kind
    };
    IoError::new(kind)
}

/// Returns whether the upstream ended the connection with an alert of TLS.
fn is_alert(error: &hyper::Error) -> bool {
    let first: Option<&(dyn Error + 'static)> = error.source();
    std::iter::successors(first, |error| (*error).source())
        .any(|error| error.downcast_ref::<io::Error>().is_some_and(is_alert_in))
}

/// Returns whether reading failed on an alert of TLS.
pub(super) fn is_alert_in(error: &io::Error) -> bool {
    let source = error.get_ref().and_then(|source| source.downcast_ref::<rustls::Error>());
    matches!(source, Some(rustls::Error::AlertReceived(_)))
}
