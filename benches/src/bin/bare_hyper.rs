//! A proxy with nothing but hyper: the floor of what a gateway built on it can cost.
//!
//! ```text
//! bare-hyper 127.0.0.1:8080 127.0.0.1:9000
//! ```

use std::error::Error;
use std::net::SocketAddr;

use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http::{HeaderName, HeaderValue, Request, Response, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let listen: SocketAddr = arguments.next().ok_or("usage: bare-hyper LISTEN UPSTREAM")?.parse()?;
    let upstream: Authority = arguments.next().ok_or("usage: bare-hyper LISTEN UPSTREAM")?.parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(serve(listen, upstream))
}

async fn serve(listen: SocketAddr, upstream: Authority) -> Result<(), Box<dyn Error>> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).build::<_, Incoming>(connector);
    let host = HeaderValue::from_str(upstream.as_str())?;
    let listener = TcpListener::bind(listen).await?;
    loop {
        let (stream, peer) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let forwarded_for = HeaderValue::from_str(&peer.ip().to_string())?;
        let (client, upstream, host) = (client.clone(), upstream.clone(), host.clone());
        let service = service_fn(move |request| {
            forward(client.clone(), request, upstream.clone(), host.clone(), forwarded_for.clone())
        });
        tokio::task::spawn(async move {
            // A client that leaves is no concern of a benchmark.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn forward(
    client: Client<HttpConnector, Incoming>,
    mut request: Request<Incoming>,
    upstream: Authority,
    host: HeaderValue,
    forwarded_for: HeaderValue,
) -> Result<Response<Incoming>, hyper_util::client::legacy::Error> {
    let mut uri = std::mem::take(request.uri_mut()).into_parts();
    uri.scheme = Some(Scheme::HTTP);
    uri.authority = Some(upstream);
    uri.path_and_query.get_or_insert_with(|| PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from_parts(uri).unwrap_or_default();
    let headers = request.headers_mut();
    headers.remove(header::CONNECTION);
    headers.insert(header::HOST, host);
    headers.insert(HeaderName::from_static("x-forwarded-for"), forwarded_for);
    let mut response = client.request(request).await?;
    response.headers_mut().remove(header::CONNECTION);
    Ok(response)
}
