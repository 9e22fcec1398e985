//! HTTP/2 streams that are reset in the middle of a body.
//!
//! RFC 9113 §8.1: only END_STREAM ends a message. A stream that is reset before, for whatever reason, carries a message that
//! was cut off.

use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use edgeway::server::Server;
use h2::{Reason, RecvStream};
use http::{Request, Response};
use tokio::net::{TcpListener, TcpStream};

use crate::frames::{DATA, END_HEADERS, HEADERS, POST, PREFACE, RST_STREAM, SETTINGS, frame};
use crate::support::{Folder, Wire, config, gateway, start, upstream, wait_until};
use crate::tls::{acceptor, certificate};

/// The reasons that a reset may have; the first could be taken for an end.
const REASONS: [Reason; 3] = [Reason::NO_ERROR, Reason::CANCEL, Reason::INTERNAL_ERROR];

/// The uploads that an upstream has seen.
#[derive(Clone, Debug, Default)]
struct Seen(Arc<Mutex<Uploads>>);

#[derive(Debug, Default)]
struct Uploads {
    begun: usize,
    /// For each that is over, whether it ended as a whole one does.
    over: Vec<bool>,
}

impl Seen {
    fn begin(&self) {
        self.0.lock().unwrap().begun += 1;
    }

    fn end(&self, whole: bool) {
        self.0.lock().unwrap().over.push(whole);
    }

    fn begun(&self) -> usize {
        self.0.lock().unwrap().begun
    }

    fn over(&self) -> Vec<bool> {
        self.0.lock().unwrap().over.clone()
    }
}

/// An upstream over HTTP/1.1 that reads one upload a connection.
fn http1_upstream() -> (SocketAddr, Seen) {
    let seen = Seen::default();
    let sees = seen.clone();
    let upstream = upstream(move |wire, _| {
        wire.head().unwrap();
        wire.stream.read_exact(&mut [0; 10]).unwrap();
        sees.begin();
        let mut rest = Vec::new();
        let _ = wire.stream.read_to_end(&mut rest);
        sees.end(rest.ends_with(b"0\r\n\r\n"));
    });
    (upstream.address, seen)
}

/// An upstream over HTTP/2 that hands each request to `serve`.
async fn http2_upstream<S, F>(folder: &Folder, serve: S) -> SocketAddr
where
    S: Fn(Request<RecvStream>, h2::server::SendResponse<Bytes>) -> F + Clone + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = acceptor(folder);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut connection = h2::server::handshake(acceptor.accept(stream).await.unwrap()).await.unwrap();
            let serve = serve.clone();
            tokio::spawn(async move {
                while let Some(Ok((request, respond))) = connection.accept().await {
                    tokio::spawn(serve(request, respond));
                }
            });
        }
    });
    address
}

/// A gateway to an upstream over HTTP/2 that shows the certificate in `folder`.
fn gateway_to_h2(folder: &Folder, upstream: SocketAddr) -> Server {
    let tls = format!(r#""tls": {{ "authorities": "{}/cert.pem" }}, "timeouts""#, folder.0.display());
    start(&config(upstream, "{}", "{}").replace("http://127.0.0.1", "https://localhost").replace(r#""timeouts""#, &tls))
}

/// Reads a body; returns what came, and the reason of its reset if it was cut off.
async fn read(mut body: RecvStream, begun: impl Fn()) -> (Vec<u8>, Option<Reason>) {
    let mut all = Vec::new();
    while let Some(data) = body.data().await {
        match data {
            Ok(data) => {
                if all.is_empty() {
                    begun();
                }
                all.extend_from_slice(&data);
            }
            Err(error) => return (all, error.reason().or(Some(Reason::INTERNAL_ERROR))),
        }
    }
    (all, None)
}

/// Begins an upload, and resets it for `reason` once an upstream has seen it begin. The last content comes in one piece with
/// the reset, so that the gateway hands it on when the stream is gone.
fn upload(server: &Server, seen: &Seen, reason: Reason) {
    let (over, begun) = (seen.over().len(), seen.begun());
    let mut client = Wire::connect(server.address());
    client.send([PREFACE, &frame(SETTINGS, 0, 0, b"")].concat());
    client.send(frame(HEADERS, END_HEADERS, 1, POST));
    client.send(frame(DATA, 0, 1, b"0123456789"));
    wait_until("the begin of the upload", || seen.begun() > begun);
    let code = u32::from(reason).to_be_bytes();
    client.send([frame(DATA, 0, 1, b"more"), frame(RST_STREAM, 0, 1, &code)].concat());
    wait_until("the end of the upload", || seen.over().len() > over);
    assert_eq!(seen.over().last(), Some(&false), "{reason:?}");
}

#[test]
fn a_reset_upload_never_reaches_an_upstream_as_whole() {
    let (address, seen) = http1_upstream();
    let server = gateway(address);
    for reason in REASONS.repeat(10) {
        upload(&server, &seen, reason);
    }
}

/// Nor is the reset passed on as one that the upstream could take for an end.
#[tokio::test(flavor = "multi_thread")]
async fn a_reset_upload_never_reaches_an_upstream_over_http2_as_whole() {
    let folder = Folder::new();
    certificate(&folder);
    let seen = Seen::default();
    let sees = seen.clone();
    let address = http2_upstream(&folder, move |request, _respond| {
        let sees = sees.clone();
        async move {
            let (_, reset) = read(request.into_body(), || sees.begin()).await;
            sees.end(matches!(reset, None | Some(Reason::NO_ERROR)));
        }
    })
    .await;
    let server = gateway_to_h2(&folder, address);
    for reason in REASONS.repeat(10) {
        upload(&server, &seen, reason);
    }
}

/// The same for a response; one that had come whole when its stream was reset is whole (RFC 9113 §8.1).
#[tokio::test(flavor = "multi_thread")]
async fn a_response_is_whole_only_by_its_end() {
    let folder = Folder::new();
    certificate(&folder);
    let address = http2_upstream(&folder, |request, mut respond| async move {
        let is_whole = request.uri().path() == "/whole";
        let mut body = respond.send_response(Response::new(()), false).unwrap();
        body.send_data(Bytes::from_static(b"hello"), is_whole).unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        body.send_reset(Reason::NO_ERROR);
    })
    .await;
    let server = gateway_to_h2(&folder, address);
    for (path, whole) in [("/cut", false), ("/whole", true)] {
        let stream = TcpStream::connect(server.address()).await.unwrap();
        let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        // It goes on with its upload: the reset is for that.
        let request = Request::post(format!("http://localhost{path}")).body(()).unwrap();
        let (response, mut upload) = client.send_request(request, false).unwrap();
        upload.send_data(Bytes::from_static(b"some"), false).unwrap();
        // The reset may overtake all that came before it.
        let (body, reset) = match response.await {
            Ok(response) => read(response.into_body(), || ()).await,
            Err(error) => (Vec::new(), error.reason()),
        };
        assert_eq!(!matches!(reset, Some(reason) if reason != Reason::NO_ERROR), whole, "{path}: {reset:?}");
        assert!(!whole || body == b"hello", "{path}: {body:?}");
    }
}
