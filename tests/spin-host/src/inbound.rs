//! Inbound HTTP: what a component sees of a request, and what the client gets when it fails.

use std::net::SocketAddr;
use std::sync::Arc;

use http::header::{CONNECTION, HOST};
use http::request::Parts;
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use wasmtime_wasi_http::handler::ProxyHandler;
use wasmtime_wasi_http::{Error, WasiBody};

use crate::app::App;
use crate::kept_length::KeptLength;
use crate::outbound::forbidden;

pub(crate) async fn serve(listener: TcpListener, app: Arc<App>) {
    let Some(app) = Arc::into_inner(app) else { return };
    let handler = ProxyHandler::new(app);
    // Owning the connections' tasks ends them together with the server.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, peer)) = accepted {
                    connections.spawn(connection(stream, peer, handler.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, handler: ProxyHandler<App>) {
    let _ = stream.set_nodelay(true);
    let Ok((stream, kept)) = KeptLength::read(stream).await else { return };
    let service = service_fn(move |request| answer(kept.restore(request), peer, handler.clone()));
    // A connection fails when its client leaves, a body is cut off, or a request is refused without an answer, all of
    // which the tests bring about.
    let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
}

/// A refusal that Spin does not put into an answer: it closes the connection.
#[derive(Debug)]
struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the request is refused without an answer")
    }
}

impl std::error::Error for Closed {}

async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    handler: ProxyHandler<App>,
) -> Result<Response<WasiBody>, Closed> {
    if let Some(name) = request.uri().path().strip_prefix("/.well-known/spin/") {
        return Ok(status_only(if name == "health" { StatusCode::OK } else { StatusCode::NOT_FOUND }));
    }
    let outcome = match prepare(request, peer)? {
        Ok(request) => handler.handle((), request).await,
        Err(status) => return Ok(status_only(status)),
    };
    let outcome = outcome.and_then(|response| match forbidden(response.headers()) {
        Some(name) => Err(wasmtime::format_err!("the component may not set `{name}`")),
        None => Ok(response),
    });
    Ok(outcome.unwrap_or_else(|error| {
        eprintln!("a request failed: {error:?}");
        status_only(StatusCode::INTERNAL_SERVER_ERROR)
    }))
}

/// Makes the URI absolute, hides what Spin hides, and appends the headers that it adds.
fn prepare(request: Request<Incoming>, peer: SocketAddr) -> Result<Result<Request<WasiBody>, StatusCode>, Closed> {
    let (mut parts, body) = request.into_parts();
    let authority = authority(&parts)?;
    if parts.headers.values().any(|value| std::str::from_utf8(value.as_bytes()).is_err()) {
        return Ok(Err(StatusCode::INTERNAL_SERVER_ERROR));
    }
    let path = parts.uri.path_and_query().cloned().ok_or(Closed)?;
    let full = Uri::builder().scheme(Scheme::HTTP).authority(authority).path_and_query(path);
    parts.uri = full.build().map_err(|_| Closed)?;
    parts.headers.remove(CONNECTION);
    for (name, value) in [("spin-full-url", parts.uri.to_string()), ("spin-client-addr", peer.to_string())] {
        let value = HeaderValue::try_from(value).map_err(|_| Closed)?;
        parts.headers.append(name, value);
    }
    Ok(Ok(Request::from_parts(parts, body.map_err(Error::Hyper).boxed_unsync())))
}

/// The one host that a request names; Spin closes the connection of any other request, and of CONNECT.
fn authority(parts: &Parts) -> Result<Authority, Closed> {
    if parts.method == Method::CONNECT {
        return Err(Closed);
    }
    let host = match parts.headers.get(HOST) {
        Some(host) => Some(Authority::try_from(host.as_bytes()).map_err(|_| Closed)?),
        None => None,
    };
    let named = match (parts.uri.authority(), host) {
        (Some(target), Some(host)) if *target != host => return Err(Closed),
        (Some(target), _) => target.clone(),
        (None, Some(host)) => host,
        (None, None) => return Err(Closed),
    };
    if named.host().ends_with(".spin.internal") { Err(Closed) } else { Ok(named) }
}

pub(crate) fn status_only(status: StatusCode) -> Response<WasiBody> {
    let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response
}
