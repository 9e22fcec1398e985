//! A client that sends what a case says over HTTP/2 and TLS, as far as HTTP/2 can say it.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use edgeway_corpus::{Request, Response};
use futures_util::stream;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderName, HeaderValue, Method, Uri, Version};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A certificate for `localhost` that signs itself.
pub(crate) struct Certificate {
    /// The file of the chain.
    pub(crate) chain: PathBuf,
    /// The file of the key.
    pub(crate) key: PathBuf,
    /// What trusts this one alone, and asks for HTTP/2.
    pub(crate) connector: TlsConnector,
    _folder: tempfile::TempDir,
}

/// A new certificate.
///
/// # Errors
/// What went wrong.
pub(crate) fn certificate() -> Result<Certificate, String> {
    let text = |error: &dyn Error| error.to_string();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).map_err(|error| text(&error))?;
    let folder = tempfile::tempdir().map_err(|error| text(&error))?;
    let (chain, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
    std::fs::write(&chain, made.cert.pem()).map_err(|error| text(&error))?;
    std::fs::write(&key, made.signing_key.serialize_pem()).map_err(|error| text(&error))?;
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).map_err(|error| text(&error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| text(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Certificate { chain, key, connector: TlsConnector::from(Arc::new(config)), _folder: folder })
}

type Message = http::Request<BoxBody<Bytes, Infallible>>;

/// `request` as a message of HTTP/2.
///
/// # Errors
/// Why HTTP/2, or a client of it that keeps to the standard, can't say it.
pub(crate) fn message(request: &Request) -> Result<Message, &'static str> {
    let (_, authority, target) = request.parts();
    let mut hosts = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("host"));
    let authority = hosts.next().map_or(authority, |(_, value)| value);
    if hosts.next().is_some() {
        return Err("a request has one :authority (RFC 9113 §8.3.1)");
    }
    let mut message = http::Request::new(body(request));
    *message.version_mut() = Version::HTTP_2;
    *message.method_mut() =
        Method::from_bytes(request.method.as_bytes()).map_err(|_| "the method is no token (RFC 9110 §9.1)")?;
    *message.uri_mut() = uri(authority, target)?;
    for (name, value) in &request.headers {
        if name.eq_ignore_ascii_case("host") {
            continue;
        }
        // RFC 9113 §8.2: names are in small letters.
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| "the name is no token (RFC 9113 §8.2.1)")?;
        let value = HeaderValue::from_str(value)
            .or_else(|_| HeaderValue::from_bytes(value.as_bytes()))
            .map_err(|_| "a value has no line breaks (RFC 9113 §8.2.1)")?;
        if is_of_the_connection(&name, &value) {
            return Err("there are no fields of the connection (RFC 9113 §8.2.2)");
        }
        message.headers_mut().append(name, value);
    }
    if let Some(body) = request.body.as_ref().filter(|body| !body.is_chunked()) {
        let length = HeaderValue::from(body.bytes().len());
        message.headers_mut().entry(http::header::CONTENT_LENGTH).or_insert(length);
    }
    Ok(message)
}

fn uri(authority: &str, target: &str) -> Result<Uri, &'static str> {
    if target.contains("://") {
        return Err("there is no absolute form of a target (RFC 9113 §8.3.1)");
    }
    if authority.is_empty() {
        return Err("the client sends no request without :authority");
    }
    let authority = authority.parse::<Authority>().map_err(|_| "the client sends no such :authority")?;
    let target = target.parse::<PathAndQuery>().map_err(|_| "the client sends no such :path")?;
    Uri::builder()
        .scheme(Scheme::HTTPS)
        .authority(authority)
        .path_and_query(target)
        .build()
        .map_err(|_| "the client sends no such target")
}

fn is_of_the_connection(name: &HeaderName, value: &HeaderValue) -> bool {
    matches!(name.as_str(), "connection" | "keep-alive" | "proxy-connection" | "transfer-encoding" | "upgrade")
        || (name == http::header::TE && value != "trailers")
}

fn body(request: &Request) -> BoxBody<Bytes, Infallible> {
    match &request.body {
        None => Empty::new().boxed(),
        Some(body) if body.is_chunked() => {
            let frames: Vec<_> = body.pieces().into_iter().map(|piece| Ok(Frame::data(piece))).collect();
            StreamBody::new(stream::iter(frames)).boxed()
        }
        Some(body) => Full::new(body.bytes()).boxed(),
    }
}

/// Sends `request` to `address` on a connection of its own and reads the answer to its end.
///
/// # Errors
/// When there is no answer.
pub(crate) async fn send(address: SocketAddr, tls: &TlsConnector, request: &Request) -> io::Result<Response> {
    let message = message(request).map_err(io::Error::other)?;
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
    let stream = tls.connect(name, stream).await?;
    if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
        return Err(io::Error::other("the gateway does not agree to HTTP/2"));
    }
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let connection = tokio::spawn(connection);
    let answer = match sender.send_request(message).await {
        Ok(response) => Ok(receive(response).await),
        // RFC 9113 §8.1.1: a malformed request is a stream error, where HTTP/1.1 has a bare 400.
        Err(error) if is_malformed(&error) => Ok(Response { status: 400, ..Response::default() }),
        Err(error) => Err(io::Error::other(error)),
    };
    connection.abort();
    answer
}

fn is_malformed(error: &hyper::Error) -> bool {
    let error = error.source().and_then(|source| source.downcast_ref::<h2::Error>());
    error.is_some_and(|error| error.is_remote() && error.reason() == Some(h2::Reason::PROTOCOL_ERROR))
}

async fn receive(response: http::Response<Incoming>) -> Response {
    let status = response.status().as_u16();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = response.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let mut incoming = response.into_body();
    let (mut body, mut cut) = (BytesMut::new(), false);
    while let Some(frame) = incoming.frame().await {
        match frame.map(Frame::into_data) {
            Ok(Ok(data)) => body.extend_from_slice(&data),
            Ok(Err(_trailers)) => {}
            Err(_) => {
                cut = true;
                break;
            }
        }
    }
    Response { status, headers, body: body.freeze(), cut }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn said(request: Value) -> Result<Message, &'static str> {
        message(&serde_json::from_value(request).unwrap())
    }

    #[test]
    fn what_http2_can_say_is_said_as_the_case_has_it() {
        let message = said(json!({ "method": "PuT", "url": "http://gw.test/a/../%2e//b?x=%zz&",
            "headers": [["Host", "other.test:81"], ["X-A", "1"], ["te", "trailers"], ["x-a", "2"]], "body": "abc" }));
        let (head, _) = message.unwrap().into_parts();
        assert_eq!((head.method.as_str(), head.uri.authority().unwrap().as_str()), ("PuT", "other.test:81"));
        assert_eq!(head.uri.path_and_query().unwrap().as_str(), "/a/../%2e//b?x=%zz&");
        let fields: Vec<_> =
            head.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        assert_eq!(fields, [("x-a", "1"), ("x-a", "2"), ("te", "trailers"), ("content-length", "3")]);
        let star = said(json!({ "method": "OPTIONS", "url": "http://gw.test/", "target": "*" })).unwrap();
        assert_eq!(star.uri().path(), "*");
    }

    #[test]
    fn what_http2_can_not_say_has_a_reason() {
        for (request, reason) in [
            (json!({ "headers": [["connection", "close"]] }), "fields of the connection"),
            (json!({ "headers": [["te", "gzip"]] }), "fields of the connection"),
            (json!({ "headers": [["transfer-encoding", "chunked"]] }), "fields of the connection"),
            (json!({ "headers": [["host", "a"], ["host", "b"]] }), "one :authority"),
            (json!({ "headers": [["host", "a b"]] }), "no such :authority"),
            (json!({ "headers": [["x-a", "1\r\n 2"]] }), "line breaks"),
            (json!({ "headers": [["x-a ", "1"]] }), "no token"),
            (json!({ "target": "http://gw.test/" }), "absolute form"),
            (json!({ "target": "/a b" }), "no such :path"),
        ] {
            let mut whole = request.clone();
            whole["url"] = "http://gw.test/".into();
            let error = said(whole).unwrap_err();
            assert!(error.contains(reason), "{request}: {error}");
        }
    }
}
