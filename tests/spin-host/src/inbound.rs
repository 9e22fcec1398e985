//! Inbound HTTP: what a component sees of a request, and what the client gets when it fails.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};
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

pub(crate) async fn serve(listener: TcpListener, app: Arc<App>) {
    let Ok(local) = listener.local_addr() else { return };
    let Some(app) = Arc::into_inner(app) else { return };
    let handler = ProxyHandler::new(app);
    // Owning the connections' tasks ends them together with the server.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, peer)) = accepted {
                    connections.spawn(connection(stream, peer, local, handler.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, local: SocketAddr, handler: ProxyHandler<App>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer(request, peer, local, handler.clone()));
    // A connection fails when its client leaves or a body is cut off, both of which the tests bring about.
    let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    local: SocketAddr,
    handler: ProxyHandler<App>,
) -> Result<Response<WasiBody>, Infallible> {
    let outcome = match prepare(request, peer, local) {
        Ok(request) => handler.handle((), request).await,
        Err(status) => return Ok(status_only(status)),
    };
    Ok(outcome.unwrap_or_else(|error| {
        eprintln!("a request failed: {error:?}");
        status_only(StatusCode::INTERNAL_SERVER_ERROR)
    }))
}

/// Makes the URI absolute and appends the headers that Spin adds.
fn prepare(request: Request<Incoming>, peer: SocketAddr, local: SocketAddr) -> Result<Request<WasiBody>, StatusCode> {
    let (mut parts, body) = request.into_parts();
    if parts.headers.values().any(|value| std::str::from_utf8(value.as_bytes()).is_err()) {
        return Err(StatusCode::INTERNAL_SERVER_ERROR);
    }
    let authority = authority(&parts.uri, &parts.headers, local).ok_or(StatusCode::BAD_REQUEST)?;
    let path = parts.uri.path_and_query().cloned().ok_or(StatusCode::BAD_REQUEST)?;
    let full = Uri::builder().scheme(Scheme::HTTP).authority(authority).path_and_query(path);
    parts.uri = full.build().map_err(|_| StatusCode::BAD_REQUEST)?;
    for (name, value) in [("spin-full-url", parts.uri.to_string()), ("spin-client-addr", peer.to_string())] {
        let value = HeaderValue::try_from(value).map_err(|_| StatusCode::BAD_REQUEST)?;
        parts.headers.append(name, value);
    }
    Ok(Request::from_parts(parts, body.map_err(Error::Hyper).boxed_unsync()))
}

fn authority(uri: &Uri, headers: &HeaderMap, local: SocketAddr) -> Option<Authority> {
    if let Some(authority) = uri.authority() {
        return Some(authority.clone());
    }
    match headers.get(http::header::HOST) {
        Some(host) => Authority::try_from(host.as_bytes()).ok(),
        None => Authority::try_from(local.to_string()).ok(),
    }
}

fn status_only(status: StatusCode) -> Response<WasiBody> {
    let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response
}
