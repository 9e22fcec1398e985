//! What happens on a connection besides one request: more requests, and trailers.

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::{serve, text};
use crate::runtimes::Host;
use crate::upstream::Upstreams;
use crate::wire::{Framing, Reader};

/// RFC 9112 §9.3: several requests on one connection, sent before the first answer comes (§9.3.2), are answered in order.
pub(super) async fn pipelined(host: &Host) -> Result<(), String> {
    let upstreams = Upstreams::start(&["a.test".to_owned()]).await.map_err(text)?;
    upstreams.set_script(|call| {
        serde_json::from_value(serde_json::json!({ "headers": [["x-path", call.path]], "body": call.path }))
            .expect("a reply")
    });
    let config = r#"{"upstreams": {"a": {"url": "http://a.test"}}, "routes": [
        {"name": "r", "match": {"prefix": "/"}, "upstream": "a"}, {"name": "own", "match": {"path": "/own"}, "respond": {"body": "/own"}}]}"#;
    let gateway = serve(host, upstreams.place(config)).await?;
    let (read, mut write) = TcpStream::connect(gateway.address).await.map_err(text)?.into_split();
    const PATHS: [&str; 5] = ["/one", "/own", "/none", "/two", "/own"];
    for path in PATHS {
        let (method, body) = if path == "/two" { ("POST", "content-length: 5\r\n\r\nhello") } else { ("GET", "\r\n") };
        let request = format!("{method} {path} HTTP/1.1\r\nHost: gw.test\r\n{body}");
        write.write_all(request.as_bytes()).await.map_err(text)?;
    }
    let mut reader = Reader::new(read);
    for path in PATHS {
        let head = reader.response().await.map_err(text)?.ok_or("the connection ended early")?;
        let (body, cut) = reader.body(head.framing(Framing::UntilClose)).await;
        if head.status != 200 || cut || body != path {
            return Err(format!("{path} was answered with {} and {body:?}", head.status));
        }
    }
    Ok(())
}

/// RFC 9110 §6.5: trailers reach the other side, in both directions, but for those that belong into the head (§6.5.1) or state
/// who the caller is.
pub(super) async fn trailers(host: &Host) -> Result<(), String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(text)?;
    let address = listener.local_addr().map_err(text)?;
    let config = format!(
        r#"{{"upstreams": {{"a": {{"url": "http://{address}"}}}}, "routes": [{{"name": "r", "match": {{"prefix": "/"}}, "upstream": "a"}}]}}"#
    );
    let gateway = serve(host, config).await?;
    let upstream = tokio::spawn(async move {
        let (read, mut write) = listener.accept().await?.0.into_split();
        let mut reader = Reader::new(read);
        let head = reader.request().await?.ok_or(std::io::ErrorKind::UnexpectedEof)?;
        reader.each(head.framing(Framing::Length(0)), |_| {}).await?;
        let answer = concat!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-down, set-cookie, connection, content-length, location\r\n\r\n",
            "2\r\nok\r\n0\r\nset-cookie: a=b\r\nx-down: 2\r\nconnection: close\r\ncontent-length: 9\r\nlocation: /x\r\n\r\n"
        );
        write.write_all(answer.as_bytes()).await?;
        std::io::Result::Ok(reader.trailers)
    });
    let (read, mut write) = TcpStream::connect(gateway.address).await.map_err(text)?.into_split();
    let request = concat!(
        "POST /x HTTP/1.1\r\nHost: gw.test\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n",
        "Trailer: x-up, x!consumer!id, remote+user, x~forwarded~for, authorization\r\n\r\n",
        "2\r\nhi\r\n0\r\nX!Consumer!Id: root\r\nx-up: 1\r\nRemote+User: root\r\nX~Forwarded~For: 10.1.1.1\r\n",
        "Authorization: Basic YTpi\r\n\r\n"
    );
    write.write_all(request.as_bytes()).await.map_err(text)?;
    let mut reader = Reader::new(read);
    let head = reader.response().await.map_err(text)?.ok_or("no answer")?;
    let (_, cut) = reader.body(head.framing(Framing::UntilClose)).await;
    let up = upstream.await.map_err(text)?.map_err(text)?;
    let down = reader.trailers;
    if (up.as_slice(), down.as_slice(), cut) == (&["x-up: 1".to_owned()][..], &["x-down: 2".to_owned()][..], false) {
        Ok(())
    } else {
        Err(format!("trailers: {up:?} came up, {down:?} came down"))
    }
}
