//! Opens WebSockets to upstreams: each on a connection of its own, which no other exchange uses.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gateway_core::http::websocket;
use gateway_core::ports::{Deadlines, Handshake, IoError, IoErrorKind};
use http::header::SEC_WEBSOCKET_KEY;
use http::{Request, StatusCode, Version};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::bound::Room;
use super::deadline::{Due, Point};
use super::exchange::{body, classify};
use super::lease::{Hold, Lease};
use super::pool::Pool;
use crate::stream::{Content, Stream};
use crate::transport::Transport;

/// An open WebSocket to an upstream.
#[derive(Debug)]
pub struct Socket {
    /// Its connection.
    pub(crate) transport: Transport,
    /// Bytes that came with the upstream's answer.
    pub(crate) early: Bytes,
    /// Its room among the connections to the place, where they are bounded.
    pub(crate) room: Option<Room>,
}

/// Sends a handshake, and returns the answer: a socket, or an ordinary response that declines it.
///
/// # Errors
/// As [`Fetch::open_socket`](gateway_core::ports::Fetch::open_socket).
pub async fn open_socket(
    pool: Option<&Arc<Pool>>,
    found: Option<Arc<Pool>>,
    request: Request<Content>,
    deadlines: Deadlines,
) -> Result<Handshake<Stream, Socket>, IoError> {
    let Some(pool) = pool.or(found.as_ref()) else { return Err(IoError::before_send(IoErrorKind::Other)) };
    // The deadlines have timers of their own: no ticker watches the connection.
    let due = Due::new(&deadlines, pool.ticker(), true);
    let handshake = shake(pool, request, deadlines.connect, &due);
    match due.head.and_then(Point::exact) {
        None => handshake.await,
        Some(instant) => match tokio::time::timeout_at(instant, handshake).await {
            Ok(result) => result,
            Err(_) => Err(IoError::new(due.head_error)),
        },
    }
}

async fn shake(
    pool: &Pool,
    mut request: Request<Content>,
    connect_within: Option<Duration>,
    due: &Due,
) -> Result<Handshake<Stream, Socket>, IoError> {
    let key = request.headers().get(SEC_WEBSOCKET_KEY).cloned();
    let key = key.ok_or(IoError::before_send(IoErrorKind::Other))?;
    *request.version_mut() = Version::HTTP_11;
    let begun = Instant::now();
    let room = pool.room_alone(connect_within).await?;
    let connect_within = connect_within.map(|within| within.saturating_sub(begun.elapsed()));
    let transport = pool.connect_alone(connect_within, due).await?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(transport)).await.map_err(|_| IoError::before_send(IoErrorKind::Protocol))?;
    // The task ends by itself: with the beginning of the tunnel, with the end of the response, or when its receiver is
    // gone.
    tokio::spawn(connection.with_upgrades());
    let mut response = sender.send_request(request).await.map_err(|error| classify(&error, false))?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(Handshake::Declined(response.map(|incoming| body(incoming, Lease::new(Hold::Outside, due)))));
    }
    if !websocket::is_opened(&key, response.status(), response.headers()) {
        return Err(IoError::new(IoErrorKind::Protocol));
    }
    let upgraded = hyper::upgrade::on(&mut response).await.map_err(|error| classify(&error, false))?;
    let parts = upgraded.downcast::<TokioIo<Transport>>().map_err(|_| IoError::new(IoErrorKind::Other))?;
    let socket = Socket { transport: parts.io.into_inner(), early: parts.read_buf, room };
    Ok(Handshake::Opened(response.map(drop), socket))
}
