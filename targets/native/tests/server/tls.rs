//! TLS and HTTP/2, towards clients and upstreams.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use edgeway::server::{Options, Server};
use gateway_core::ports::Scheme;
use http::{HeaderMap, Request, Response, Version};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::support::{Folder, PATIENCE, config, gateway, load, ok_upstream, start, upstream};

/// A certificate for `localhost` that signs itself, in files of `folder`.
pub(crate) fn certificate(folder: &Folder) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    folder.write("cert.pem", &made.cert.pem());
    folder.write("key.pem", &made.signing_key.serialize_pem());
    made.cert.der().clone()
}

/// What an upstream accepts connections of HTTP/2 with, by the [`certificate`] in `folder`.
pub(crate) fn acceptor(folder: &Folder) -> TlsAcceptor {
    acceptor_of(folder, &["h2"])
}

/// What an upstream accepts connections with by the [`certificate`] in `folder`, if they speak one of `protocols`: the first
/// that it can.
pub(crate) fn acceptor_of(folder: &Folder, protocols: &[&str]) -> TlsAcceptor {
    let chain = CertificateDer::pem_file_iter(folder.0.join("cert.pem")).unwrap().map(Result::unwrap).collect();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_file(folder.0.join("key.pem")).unwrap())
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

fn tls_gateway(folder: &Folder, upstream: std::net::SocketAddr) -> Server {
    let files =
        format!(r#"{{ "tls": {{ "certificate": "{0}/cert.pem", "key": "{0}/key.pem" }} }}"#, folder.0.display());
    start(&config(upstream, "{}", &files))
}

/// The settings of a client that trusts these certificates alone.
pub(crate) fn trusting<'c>(certificates: impl IntoIterator<Item = &'c CertificateDer<'static>>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate.clone()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

pub(crate) async fn connect(
    server: &Server,
    certificate: &CertificateDer<'static>,
    alpn: &[&str],
) -> TlsStream<TcpStream> {
    let mut config = trusting([certificate]);
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

async fn ask_h2<I, B>(io: I, request: Request<B>) -> Response<Incoming>
where
    I: hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    sender.send_request(request).await.unwrap()
}

fn get(uri: &str) -> Request<Full<Bytes>> {
    Request::get(uri).body(Full::default()).unwrap()
}

async fn text(response: Response<Incoming>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// RFC 7301, RFC 9113 §3.2.
#[tokio::test]
async fn http2_by_alpn() {
    let (folder, upstream) = (Folder::new(), ok_upstream());
    let certificate = certificate(&folder);
    let server = tls_gateway(&folder, upstream.address);
    let stream = connect(&server, &certificate, &["h2", "http/1.1"]).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let response = ask_h2(TokioIo::new(stream), get("https://localhost/")).await;
    assert_eq!((response.status().as_u16(), response.version()), (200, Version::HTTP_2));
    assert_eq!(text(response).await, "ok");
}

#[tokio::test]
async fn http1_over_tls() {
    let (folder, upstream) = (Folder::new(), ok_upstream());
    let certificate = certificate(&folder);
    let server = tls_gateway(&folder, upstream.address);
    for alpn in [&["http/1.1"][..], &[]] {
        let stream = connect(&server, &certificate, alpn).await;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut request = get("/");
        request.headers_mut().insert("host", "localhost".parse().unwrap());
        assert_eq!(text(sender.send_request(request).await.unwrap()).await, "ok");
    }
}

/// docs/configuration.md, Server: HTTP in the clear to a listener of HTTPS is refused in the clear. Nothing of it is served.
#[tokio::test]
async fn a_request_in_the_clear_is_told_to_use_tls() {
    let (folder, upstream) = (Folder::new(), ok_upstream());
    certificate(&folder);
    let server = tls_gateway(&folder, upstream.address);
    let mut wire = crate::support::Wire::connect(server.address());
    for request in ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"] {
        let (status, body) = wire.ask(request).unwrap();
        assert_eq!((status, body.contains(r#""code":"tls_required""#)), (400, true), "{body}");
    }
    let stream = TcpStream::connect(server.address()).await.unwrap();
    assert_eq!(ask_h2(TokioIo::new(stream), get("https://localhost/")).await.status().as_u16(), 400);
    assert_eq!(upstream.connections.load(Ordering::SeqCst), 0);
}

/// A client that says nothing that could be TLS or HTTP gets nowhere and harms nobody.
#[tokio::test]
async fn garbage_instead_of_a_handshake() {
    let (folder, upstream) = (Folder::new(), ok_upstream());
    let certificate = certificate(&folder);
    let server = tls_gateway(&folder, upstream.address);
    let mut wire = crate::support::Wire::connect(server.address());
    wire.send("\x01\x02\x03 / HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut answer = Vec::new();
    let _ = std::io::Read::read_to_end(&mut wire.stream, &mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    let stream = connect(&server, &certificate, &["h2"]).await;
    assert_eq!(ask_h2(TokioIo::new(stream), get("https://localhost/")).await.status().as_u16(), 200);
}

/// RFC 9113 §3.3.
#[tokio::test]
async fn http2_with_prior_knowledge() {
    let upstream = ok_upstream();
    let server = gateway(upstream.address);
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let response = ask_h2(TokioIo::new(stream), get("http://localhost/")).await;
    assert_eq!(text(response).await, "ok");
}

/// RFC 9113 §8.2.3: the parts of `Cookie` are one field again before they reach an upstream over HTTP/1.1.
#[tokio::test]
async fn cookies_in_parts() {
    let upstream = upstream(|wire, _| {
        let head = wire.head().unwrap().to_lowercase();
        let cookies: Vec<_> = head.lines().filter(|line| line.starts_with("cookie:")).collect();
        let seen = cookies.join("|");
        wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{seen}", seen.len()));
    });
    let server = gateway(upstream.address);
    for (parts, seen) in [(&["a=1", "b=2; c=3", "d=4"][..], "cookie: a=1; b=2; c=3; d=4"), (&["a=1"], "cookie: a=1")] {
        let stream = TcpStream::connect(server.address()).await.unwrap();
        let mut request = get("http://localhost/");
        for part in parts {
            request.headers_mut().append("cookie", part.parse().unwrap());
        }
        assert_eq!(text(ask_h2(TokioIo::new(stream), request).await).await, seen);
    }
}

/// RFC 9110 §6.5: trailers of an HTTP/2 request reach an upstream over HTTP/1.1, and its trailers come back.
#[tokio::test]
async fn trailers_over_http2() {
    let upstream = upstream(|wire, _| {
        let head = wire.head().unwrap();
        wire.body(&head);
        let sum = wire.head().unwrap().trim().split_once(": ").unwrap().1.to_owned();
        wire.send("HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n");
        wire.send(format!("X-Sum: {sum}\r\n\r\n"));
    });
    let server = gateway(upstream.address);
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let trailers = HeaderMap::from_iter([("x-sum".parse().unwrap(), "42".parse().unwrap())]);
    let frames = [Ok::<_, std::io::Error>(Frame::data(Bytes::from("hello"))), Ok(Frame::trailers(trailers))];
    let request = Request::post("http://localhost/")
        .header("te", "trailers")
        .header("trailer", "x-sum")
        .body(StreamBody::new(futures_util::stream::iter(frames)))
        .unwrap();
    let response = ask_h2(TokioIo::new(stream), request).await;
    let collected = response.into_body().collect().await.unwrap();
    assert_eq!(collected.trailers().unwrap()["x-sum"], "42");
}

/// Many exchanges at once on one connection, with bodies that wait for each other's windows (RFC 9113 §5.2).
#[tokio::test]
async fn many_streams_on_one_connection() {
    let upstream = upstream(|wire, _| {
        while let Some(head) = wire.head() {
            let body = wire.body(&head);
            wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()));
            wire.send(body);
        }
    });
    let server = gateway(upstream.address);
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..50_usize {
        let mut sender = sender.clone();
        tasks.spawn(async move {
            let body = vec![u8::try_from(n).unwrap(); 10_000 * n];
            let request = Request::post("http://localhost/").body(Full::new(Bytes::from(body.clone()))).unwrap();
            let response = sender.send_request(request).await.unwrap();
            assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), body);
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

/// An upstream over TLS: HTTP/2 where it offers that, its certificate checked against the given authorities alone.
#[tokio::test]
async fn upstream_over_tls() {
    let (folder, origin) = (Folder::new(), ok_upstream());
    certificate(&folder);
    let second = tls_gateway(&folder, origin.address);
    let port = second.address().port();
    let config = |authorities: &str| {
        format!(
            r#"{{
              "server": {{ "listen": "127.0.0.1:0", "accessLog": "off" }},
              "upstreams": {{ "up": {{ "url": "https://localhost:{port}" {authorities} }} }},
              "routes": [ {{ "name": "all", "match": {{ "prefix": "/" }}, "upstream": "up" }} ]
            }}"#
        )
    };
    let trusting = format!(r#", "tls": {{ "authorities": "{}/cert.pem" }}"#, folder.0.display());
    let server = start(&config(&trusting));
    // The way in is a gateway of the same name: by `Via` it sees that its upstream was spoken to over HTTP/2.
    for _ in 0..3 {
        let address = server.address();
        let answer = tokio::task::spawn_blocking(move || crate::support::get(address)).await.unwrap();
        assert_eq!(answer.0, 200, "{}", answer.1);
    }
    let distrusting = start(&config(""));
    let address = distrusting.address();
    let answer = tokio::task::spawn_blocking(move || crate::support::get(address)).await.unwrap();
    assert_eq!(answer.0, 502);
}

/// A future of the whole way of a request can be moved between threads: a runtime that steals work may run it.
#[test]
fn an_exchange_is_send() {
    fn assert_send<T: Send>(_: &T) {}
    fn check(gateway: &gateway_core::gateway::Gateway<edgeway::platform::Native>) {
        let peer = gateway_core::ports::Peer::new(None, Scheme::Http);
        let request = Request::new(gateway_core::body::Body::Empty);
        let mut record = gateway.begin(&request, &peer);
        assert_send(&gateway.handle(request, &peer, &mut record));
    }
    let _ = check;
}

/// The future of a request is moved, and lives as long as the exchange: rare branches of the executor belong on the heap.
#[test]
fn the_future_of_a_request_stays_small() {
    use gateway_core::gateway::{Gateway, Record};
    use gateway_core::ports::{Fetch, Peer};
    type Platform = edgeway::platform::Native;
    type Body = gateway_core::body::Body<<Platform as Fetch>::Stream>;

    fn size<'g, F>(_: impl Fn(&'g Gateway<Platform>, Request<Body>, &'g Peer, &'g mut Record) -> F) -> usize {
        size_of::<F>()
    }
    // The bound is a little above what it takes today: raise it only for what every request needs.
    let bytes = size(Gateway::<Platform>::handle);
    assert!(bytes <= 4_096, "{bytes} bytes");
}

/// RFC 9113 §8.1: a body that the upstream cuts off resets the stream, and does not end it.
#[tokio::test]
async fn a_cut_off_body_resets_the_stream() {
    let upstream = upstream(|wire, _| {
        wire.head();
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    });
    let server = gateway(upstream.address);
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let mut body = ask_h2(TokioIo::new(stream), get("http://localhost/")).await.into_body();
    let mut failed = false;
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        failed |= frame.is_err();
        if failed {
            break;
        }
    }
    assert!(failed);
}

/// A stream that stalls loses its upstream's connection, though PINGs keep its own alive: one that takes nothing of its
/// response, and one that sends no more of its body.
#[tokio::test]
async fn stalled_streams_end() {
    let ended = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&ended);
    let upstream = upstream(move |wire, _| {
        let head = wire.head().unwrap();
        if head.starts_with("GET") {
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
            wire.send(vec![b'x'; 100_000_000]);
        }
        wire.stream.get_ref().set_read_timeout(None).unwrap();
        let _ = std::io::Read::read_to_end(&mut wire.stream, &mut Vec::new());
        seen.fetch_add(1, Ordering::SeqCst);
    });
    let (plan, settings) = load(&config(upstream.address, "{}", "{}"));
    let options = Options { stall_timeout: Duration::from_secs(1), ..Options::default() };
    let server = Server::start(plan, settings, &options).unwrap();
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let (mut sender, connection) = http2::Builder::new(TokioExecutor::new())
        .timer(hyper_util::rt::TokioTimer::new())
        .keep_alive_interval(Duration::from_millis(100))
        .handshake::<_, http_body_util::combinators::BoxBody<Bytes, std::io::Error>>(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = get("http://localhost/").map(|body| body.map_err(|never| match never {}).boxed());
    let taken_by_nobody = sender.send_request(request).await.unwrap();
    let frames = futures_util::stream::once(async { Ok(Frame::data(Bytes::from("x"))) });
    let body = StreamBody::new(futures_util::StreamExt::chain(frames, futures_util::stream::pending()));
    let request = Request::post("http://localhost/").body(body.boxed()).unwrap();
    let mut other = sender.clone();
    let post = tokio::spawn(async move { sender.send_request(request).await });
    let both = async {
        while ended.load(Ordering::SeqCst) < 2 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, both).await.is_ok(), "{ended:?} of 2 streams have ended");
    let request = get("http://localhost/").map(|body| body.map_err(|never| match never {}).boxed());
    assert_eq!(other.send_request(request).await.unwrap().status().as_u16(), 200);
    drop((taken_by_nobody, post));
}
