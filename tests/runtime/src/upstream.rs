//! Upstreams on loopback that do as a case says and note what reached them, byte for byte.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use edgeway_corpus::{Call, Fault, Reply};
use socket2::{Domain, SockRef, Socket, Type};
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::wire::{Framing, Head, Reader, chunk, write_head};

/// What an upstream answers a call with.
type Script = Box<dyn Fn(&Call) -> Reply + Send>;

#[derive(Default)]
struct Shared {
    script: Mutex<Option<Script>>,
    calls: Mutex<Vec<Call>>,
}

/// The upstreams of one configuration; they end when dropped.
pub(crate) struct Upstreams {
    shared: Arc<Shared>,
    /// The authority in the configuration and where it really is.
    places: Vec<(String, SocketAddr)>,
    _servers: JoinSet<()>,
    _held: Vec<Socket>,
}

impl Upstreams {
    /// Starts one for each of `authorities`. `refused.test` refuses connections, `unreachable.test` never completes one.
    ///
    /// # Errors
    /// When no port can be had.
    pub(crate) async fn start(authorities: &[String]) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let mut upstreams = Self { shared, places: Vec::new(), _servers: JoinSet::new(), _held: Vec::new() };
        for authority in authorities {
            let address = match authority.split(':').next() {
                Some("refused.test") => upstreams.hold(None)?,
                Some("unreachable.test") => upstreams.hold(Some(0))?,
                _ => {
                    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
                    let address = listener.local_addr()?;
                    let shared = Arc::clone(&upstreams.shared);
                    upstreams._servers.spawn(listen(listener, authority.clone(), shared));
                    address
                }
            };
            upstreams.places.push((authority.clone(), address));
        }
        Ok(upstreams)
    }

    /// Holds a port: without `backlog`, connections to it are refused; with one, they wait for ever once it is full.
    fn hold(&mut self, backlog: Option<i32>) -> io::Result<SocketAddr> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        let address = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::Unsupported)?;
        if let Some(backlog) = backlog {
            socket.listen(backlog)?;
            for _ in 0..4 {
                let filler = Socket::new(Domain::IPV4, Type::STREAM, None)?;
                filler.set_nonblocking(true)?;
                let _ = filler.connect(&address.into());
                self._held.push(filler);
            }
        }
        self._held.push(socket);
        Ok(address)
    }

    /// The authorities in the configuration, and where they really are.
    pub(crate) fn places(&self) -> &[(String, SocketAddr)] {
        &self.places
    }

    /// The text of a configuration with the real places of these upstreams.
    pub(crate) fn place(&self, config: &str) -> String {
        let mut config = config.to_owned();
        for (authority, address) in &self.places {
            for end in ['"', '/'] {
                config = config.replace(&format!("\"http://{authority}{end}"), &format!("\"http://{address}{end}"));
            }
        }
        config
    }

    /// Text that came from the gateway, with the authorities of the configuration.
    pub(crate) fn unplace(&self, text: &str) -> String {
        self.places
            .iter()
            .fold(text.to_owned(), |text, (authority, address)| text.replace(&address.to_string(), authority))
    }

    /// The upstreams do as `script` says from now on.
    pub(crate) fn set_script(&self, script: impl Fn(&Call) -> Reply + Send + 'static) {
        *self.shared.script.lock().unwrap() = Some(Box::new(script));
    }

    /// What reached the upstreams since the last time.
    pub(crate) fn take_calls(&self) -> Vec<Call> {
        let mut calls = std::mem::take(&mut *self.shared.calls.lock().unwrap());
        for call in &mut calls {
            for (_, value) in &mut call.headers {
                *value = self.unplace(value);
            }
        }
        calls
    }
}

async fn listen(listener: TcpListener, authority: String, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        connections.spawn(serve(stream, authority.clone(), Arc::clone(&shared)));
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, authority: String, shared: Arc<Shared>) -> io::Result<()> {
    let here = stream.local_addr()?;
    let (read, mut write) = stream.into_split();
    let mut reader = Reader::new(read);
    while let Some(head) = reader.request().await? {
        if head.headers.iter().any(|(name, value)| name.eq_ignore_ascii_case("expect") && value == "100-continue") {
            write.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        let (body, cut) = reader.body(head.framing(Framing::Length(0))).await;
        if cut {
            // What did not arrive whole is no request.
            return Ok(());
        }
        let Head { method, target, headers, .. } = head;
        let is_head = method == "HEAD";
        let host = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host")).map(|(_, host)| host.clone());
        let call = Call { to: authority.clone(), method, path: target, headers, body, cut, host };
        let mut reply = shared.script.lock().unwrap().as_ref().map(|script| script(&call)).unwrap_or_default();
        for (name, value) in &mut reply.headers {
            name_really(&authority, here, name, value);
        }
        shared.calls.lock().unwrap().push(call);
        tokio::time::sleep(reply.delay.unwrap_or_default()).await;
        match reply.fail {
            Some(Fault::Hang) => {
                reader.closed().await;
                return Ok(());
            }
            Some(Fault::Reset) => {
                SockRef::from(write.as_ref()).set_linger(Some(Duration::ZERO))?;
                return Ok(());
            }
            Some(Fault::Garbage) => return write.write_all(b"this is not HTTP\r\n\r\n").await,
            Some(Fault::Cut) => return respond(&mut write, &reply, is_head).await,
            // What follows is no HTTP.
            None if reply.status() == 101 => {
                respond(&mut write, &reply, is_head).await?;
                reader.closed().await;
                return Ok(());
            }
            None => respond(&mut write, &reply, is_head).await?,
        }
    }
    Ok(())
}

/// Puts the real place of an upstream where its answer names its `authority`.
fn name_really(authority: &str, here: SocketAddr, name: &str, value: &mut String) {
    if name.eq_ignore_ascii_case("location") {
        *value = value.replace(&format!("//{authority}"), &format!("//{here}"));
    } else if name.eq_ignore_ascii_case("set-cookie") {
        *value = value.replace(&format!("Domain={authority}"), &format!("Domain={}", here.ip()));
    }
}

async fn respond(write: &mut OwnedWriteHalf, reply: &Reply, is_head: bool) -> io::Result<()> {
    let content = reply.content();
    let status = reply.status();
    let bodiless = matches!(status, 101 | 204 | 304);
    let length = content.bytes().len().to_string();
    let mut headers: Vec<(&str, &str)> = reply.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    if content.is_chunked() {
        headers.push(("Transfer-Encoding", "chunked"));
    } else if !bodiless && !reply.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
        headers.push(("Content-Length", &length));
    }
    let mut out = Vec::new();
    write_head(&mut out, &format!("{} {status} As Scripted", reply.version.as_str()), headers);
    if is_head || bodiless {
        return write.write_all(&out).await;
    }
    let pieces = content.pieces();
    let kept = if reply.fail == Some(Fault::Cut) { pieces.len() / 2 } else { pieces.len() };
    for (place, piece) in pieces.iter().take(kept).enumerate() {
        if let Some(pause) = reply.pause
            && place == pieces.len() / 2
        {
            write.write_all(&std::mem::take(&mut out)).await?;
            tokio::time::sleep(pause).await;
        }
        if content.is_chunked() { out.extend(chunk(piece)) } else { out.extend_from_slice(piece) }
    }
    if content.is_chunked() && kept == pieces.len() {
        out.extend_from_slice(b"0\r\n\r\n");
    }
    write.write_all(&out).await?;
    write.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::send;
    use crate::runtimes::{Gateway, Printed};

    /// Nothing between a case and what it expects may change a byte: the client speaks to an upstream with no gateway between.
    #[tokio::test]
    async fn what_is_sent_is_what_is_noted() {
        let upstreams = Upstreams::start(&["a.test".to_owned()]).await.unwrap();
        let gateway = Gateway::new(upstreams.places[0].1, None, Printed::default(), ());
        let request =
            serde_json::from_value(serde_json::json!({ "method": "PuT", "url": "http://gw.test/a/../%2e//b?x=%zz&",
            "headers": [["X-A", "1"], ["x-b", "two"], ["x-a", " 3"]], "body": { "chunks": ["a", "bc"] } }));
        let reply: Reply =
            serde_json::from_value(serde_json::json!({ "status": 207, "headers": [["x-r", "1"], ["x-r", "2"]],
            "body": { "chunks": ["x", "y"] } }))
            .unwrap();
        upstreams.set_script(move |_| reply.clone());
        let response = send(&gateway, &request.unwrap()).await.unwrap();
        assert_eq!((response.status, response.body.as_ref(), response.cut), (207, &b"xy"[..], false));
        let [call] = upstreams.take_calls().try_into().unwrap();
        assert_eq!((call.method.as_str(), call.path.as_str()), ("PuT", "/a/../%2e//b?x=%zz&"));
        assert_eq!((call.to.as_str(), call.body.as_ref()), ("a.test", &b"abc"[..]));
        let sent: Vec<(&str, &str)> = call.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(sent[..4], [("Host", "gw.test"), ("X-A", "1"), ("x-b", "two"), ("x-a", "3")]);
    }

    #[tokio::test]
    async fn a_refusing_upstream_refuses_and_an_unreachable_one_waits() {
        let upstreams = Upstreams::start(&["refused.test".to_owned(), "unreachable.test".to_owned()]).await.unwrap();
        let refused = TcpStream::connect(upstreams.places[0].1).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        let waits = tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(upstreams.places[1].1)).await;
        assert!(waits.is_err(), "{waits:?}");
    }

    #[tokio::test]
    async fn authorities_are_replaced_there_and_back() {
        let upstreams = Upstreams::start(&["a.test".to_owned(), "a.test:81".to_owned()]).await.unwrap();
        let config = r#"{"x": "http://a.test", "y": "http://a.test:81/base", "z": "http://a.tester", "n": "a.test"}"#;
        let placed = upstreams.place(config);
        assert!(placed.contains(r#""http://a.tester""#) && placed.contains(r#""a.test""#), "{placed}");
        assert!(!placed.contains("http://a.test\"") && !placed.contains("a.test:81"), "{placed}");
        assert_eq!(upstreams.unplace(&placed), config);
    }
}
