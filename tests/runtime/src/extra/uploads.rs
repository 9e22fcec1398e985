//! Uploads slower than `firstByte`, which runs from their end.

use std::io;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use super::{serve, text};
use crate::runtimes::{Gateway, Host};
use crate::wire::{Framing, Reader};

/// Half of what an upload takes.
const FIRST_BYTE: &str = r#"{"firstByte": "1s"}"#;
const PIECES: usize = 20;

/// The framings of an upload, and one of its pieces.
const FRAMINGS: [(&str, &[u8]); 3] = [
    ("Content-Length: 2500", &[b'x'; 125]),
    // More than any buffer on the way holds.
    ("Content-Length: 2000000", &[b'x'; 100_000]),
    ("Transfer-Encoding: chunked", b"1\r\nx\r\n"),
];

/// A gateway before `listener`, with `timeouts`.
async fn gateway(host: &Host, listener: &TcpListener, timeouts: &str) -> Result<Gateway, String> {
    let address = listener.local_addr().map_err(text)?;
    let config = format!(
        r#"{{"defaults": {{"timeouts": {timeouts}}},
            "upstreams": {{"a": {{"url": "http://{address}"}}}},
            "routes": [{{"name": "r", "match": {{"prefix": "/"}}, "upstream": "a"}}]}}"#
    );
    serve(host, config).await
}

/// The status of an answer, and the connection: a client that closes it has left, and what it sent is not wanted any more.
type Answered = (u16, (Reader<OwnedReadHalf>, OwnedWriteHalf));

/// Sends a piece every 100 ms, and returns the status of the answer.
async fn upload(gateway: &Gateway, framing: &str, piece: &[u8], pieces: usize) -> io::Result<Answered> {
    let (read, mut write) = TcpStream::connect(gateway.address).await?.into_split();
    write.write_all(format!("POST / HTTP/1.1\r\nHost: gw.test\r\n{framing}\r\n\r\n").as_bytes()).await?;
    for _ in 0..pieces {
        tokio::time::sleep(Duration::from_millis(100)).await;
        write.write_all(piece).await?;
    }
    if framing.starts_with('T') {
        write.write_all(b"0\r\n\r\n").await?;
    }
    let mut reader = Reader::new(read);
    let head = reader.response().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok((head.status, (reader, write)))
}

/// docs/configuration.md, Timeouts: `firstByte` runs from the end of the request's content.
///
/// With `EDGEWAY_UPLOAD_SECONDS` it is an upload of 1 MB/s that takes so long, with the timeouts and limits that are by themselves: 100 for 100 MB.
pub(super) async fn slow(host: &Host) -> Result<(), String> {
    if let Some(seconds) = std::env::var("EDGEWAY_UPLOAD_SECONDS").ok().and_then(|text| text.parse::<usize>().ok()) {
        let framing = format!("Content-Length: {}", seconds * 1_000_000);
        return whole(host, "{}", &framing, &[b'x'; 100_000], seconds * 10).await;
    }
    for (framing, piece) in FRAMINGS {
        whole(host, FIRST_BYTE, framing, piece, PIECES).await?;
    }
    Ok(())
}

async fn whole(host: &Host, timeouts: &str, framing: &str, piece: &[u8], pieces: usize) -> Result<(), String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(text)?;
    let gateway = gateway(host, &listener, timeouts).await?;
    let upstream = async {
        let (read, mut write) = listener.accept().await?.0.into_split();
        let mut reader = Reader::new(read);
        let head = reader.request().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        reader.each(head.framing(Framing::Length(0)), |_| {}).await?;
        write.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await
    };
    match tokio::try_join!(upload(&gateway, framing, piece, pieces), upstream).map_err(text)? {
        ((200, _), ()) => Ok(()),
        ((status, _), ()) => Err(format!("the status is {status}, with `{framing}`")),
    }
}

/// RFC 9110 §7.5: an upstream may answer before it has the whole request.
pub(super) async fn answered_early(host: &Host) -> Result<(), String> {
    for (framing, piece) in FRAMINGS {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(text)?;
        let gateway = gateway(host, &listener, FIRST_BYTE).await?;
        let upstream = async {
            let (read, mut write) = listener.accept().await?.0.into_split();
            let mut reader = Reader::new(read);
            let head = reader.request().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
            write.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n").await?;
            reader.each(head.framing(Framing::Length(0)), |_| {}).await?;
            write.write_all(b"0\r\n\r\n").await
        };
        let ((status, _connection), ()) =
            tokio::try_join!(upload(&gateway, framing, piece, PIECES), upstream).map_err(text)?;
        if status != 200 {
            return Err(format!("the status is {status}, with `{framing}`"));
        }
    }
    Ok(())
}

/// The same: the upstream has all of the content, and is late.
pub(super) async fn unanswered(host: &Host) -> Result<(), String> {
    for (framing, piece) in FRAMINGS {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(text)?;
        let gateway = gateway(host, &listener, FIRST_BYTE).await?;
        let upstream = async {
            let mut reader = Reader::new(listener.accept().await?.0);
            let head = reader.request().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
            reader.each(head.framing(Framing::Length(0)), |_| {}).await?;
            reader.closed().await;
            Ok(())
        };
        let ((status, _connection), ()) =
            tokio::try_join!(upload(&gateway, framing, piece, PIECES), upstream).map_err(text)?;
        if status != 504 {
            return Err(format!("the status is {status}, with `{framing}`"));
        }
    }
    Ok(())
}
