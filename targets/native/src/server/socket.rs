//! The client's end of a WebSocket: from its handshake to the end of its tunnel.

use std::sync::Arc;

use bytes::Bytes;
use gateway_core::http::websocket;
use gateway_core::plan::{Action, WebSocketLimits};
use gateway_core::ports::IoErrorKind;
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use http::{Method, Request, Response, StatusCode};
use hyper::ext::Protocol;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;

use super::activity::Activity;
use super::exchange::{Ending, Exchange, Reply};
use crate::clock::{Tick, Ticker};
use crate::tapped::Tapped;
use crate::transport::Transport;
use crate::tunnel::{End, Ended, Limits, Reason, Tunnel};
use crate::upstream::Socket;

/// The upgrade of a request out of HTTP.
#[derive(Debug)]
pub(super) struct WayOut {
    on_upgrade: OnUpgrade,
    /// Set if it opens by a 2xx over HTTP/2 (RFC 8441 §4), and not by a 101 over HTTP/1.1 (RFC 9110 §7.8).
    is_connect: bool,
    /// The tick of the request's arrival.
    begun: Tick,
}

impl WayOut {
    /// Returns the upgrade that `request` asks for, if any. An extended CONNECT becomes the equivalent handshake of
    /// HTTP/1.1 (RFC 8441 §5): the gateway is itself the client of the upstream, with a key of its own.
    pub(super) fn of<B>(request: &mut Request<B>, ticker: &Ticker) -> Option<Self> {
        let extensions = request.extensions_mut();
        let on_upgrade = extensions.remove::<OnUpgrade>()?;
        let begun = ticker.now();
        let Some(protocol) = extensions.remove::<Protocol>() else {
            return Some(Self { on_upgrade, is_connect: false, begun });
        };
        if protocol.as_str() != websocket::PROTOCOL || *request.method() != Method::CONNECT {
            return None;
        }
        *request.method_mut() = Method::GET;
        websocket::switch(request.headers_mut());
        // RFC 6455 §4.1: the key need not be unpredictable, only different each time.
        let key = websocket::key(fastrand::u128(..).to_be_bytes());
        request.headers_mut().insert(SEC_WEBSOCKET_KEY, key);
        Some(Self { on_upgrade, is_connect: true, begun })
    }
}

/// Answers the client's handshake with `head`, and begins the tunnel to `upstream` once that is sent.
pub(super) fn open(
    exchange: Box<Exchange>,
    head: Response<()>,
    upstream: Socket,
    way_out: Option<WayOut>,
) -> Response<Reply> {
    let mut response = head.map(|()| Reply::without_body());
    let Some(WayOut { on_upgrade, is_connect, begun }) = way_out else {
        // INVARIANT: every request that the core can take for a handshake has an upgrade.
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        return response;
    };
    if is_connect {
        *response.status_mut() = StatusCode::OK;
        for name in [CONNECTION, UPGRADE, SEC_WEBSOCKET_ACCEPT] {
            response.headers_mut().remove(name);
        }
    }
    let limits = limits(&exchange, begun);
    tokio::spawn(async move {
        let mut exchange = exchange;
        // Otherwise the client has left, which is the exchange's default ending.
        if let Ok(client) = on_upgrade.await {
            let ended = pass(client, upstream, limits).await;
            note(&mut exchange, &ended);
        }
    });
    response
}

/// Passes on the bytes of both sides until they have ended.
async fn pass(client: Upgraded, upstream: Socket, limits: Arc<Limits>) -> Ended {
    let _room = upstream.room;
    let upstream = End { io: upstream.transport, early: upstream.early };
    let mask = fastrand::u32(..).to_be_bytes();
    match client.downcast::<TokioIo<Tapped<Activity>>>() {
        Ok(parts) => {
            let (io, unread) = parts.io.into_inner().into_inner();
            let client = End { io, early: joined(parts.read_buf, unread) };
            Tunnel::<Transport, _>::new(client, upstream, mask, limits).run().await
        }
        // A stream of HTTP/2.
        Err(client) => {
            let client = End { io: TokioIo::new(client), early: Bytes::new() };
            Tunnel::new(client, upstream, mask, limits).run().await
        }
    }
}

fn joined(first: Bytes, second: Bytes) -> Bytes {
    if second.is_empty() { first } else { [first, second].concat().into() }
}

/// The limits of the socket of `exchange`, which began at `begun`.
fn limits(exchange: &Exchange, begun: Tick) -> Arc<Limits> {
    let plan = exchange.serving.gateway.plan();
    let route = exchange.record.route.and_then(|route| plan.routes.get(route));
    let limits = match route.map(|route| &route.action) {
        Some(Action::Proxy(proxy)) => proxy.web_socket,
        _ => None,
    };
    let worker = &exchange.connection.worker;
    Limits::new(
        limits.unwrap_or(WebSocketLimits::DEFAULT),
        begun,
        worker.stall_timeout,
        &worker.ticker,
        &worker.shutdown,
    )
}

/// Records in `exchange` the end of its tunnel.
fn note(exchange: &mut Exchange, ended: &Ended) {
    exchange.sent = ended.to_client;
    exchange.received = Some(ended.to_upstream);
    exchange.ending = match ended.reason {
        // A shutdown closes both sides by the protocol.
        Reason::Closed | Reason::Drain => Ending::Whole,
        Reason::Client => Ending::Left,
        Reason::Upstream => Ending::Cut(IoErrorKind::Closed),
        Reason::Idle | Reason::Life => Ending::Cut(IoErrorKind::TotalTimeout),
    };
}
