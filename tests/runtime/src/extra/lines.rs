//! Streams far larger than memory whose lines are edited on their way.

use std::io;
use std::time::Instant;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::memory::Watch;
use super::{serve, text};
use crate::client::get;
use crate::runtimes::{Gateway, Host};
use crate::wire::{Framing, Reader};

/// The content that goes through, in bytes; `EDGEWAY_STREAM_BYTES` makes a quicker test of it.
fn length() -> u64 {
    std::env::var("EDGEWAY_STREAM_BYTES").ok().and_then(|bytes| bytes.parse().ok()).unwrap_or(500_000_000)
}

/// How much memory a gateway may take for it above what it holds at rest.
const GROWTH: u64 = 64 << 20;

const LINES: usize = 500;

/// Some lines, and what they are after the edits.
fn block() -> (Vec<u8>, Vec<u8>) {
    let line = |id: usize, secret: &str| {
        format!("{{\"id\":{id},{secret}\"price\":1.10,\"tags\":[\"a\",\"b\"],\"note\":\"{}\"}}\n", "n".repeat(60))
    };
    let all = |secret: &str| (0..LINES).map(|id| line(1000 + id, secret)).collect::<String>().into_bytes();
    (all("\"secret\":{\"key\":\"xxxxxxxxxxxxxxxx\"},"), all(""))
}

/// Writes as many blocks as have `bytes` in all, each in a chunk, and the end.
async fn write_chunks(to: &mut (impl AsyncWrite + Unpin), bytes: u64) -> io::Result<()> {
    let (block, _) = block();
    for _ in 0..bytes.div_ceil(block.len() as u64) {
        to.write_all(format!("{:x}\r\n", block.len()).as_bytes()).await?;
        to.write_all(&block).await?;
        to.write_all(b"\r\n").await?;
    }
    to.write_all(b"0\r\n\r\n").await?;
    to.flush().await
}

/// Checks what comes piece by piece.
#[derive(Default)]
struct Check {
    got: u64,
    wrong: Option<u64>,
}

impl Check {
    fn read(&mut self, piece: &[u8], edited: &[u8]) {
        let mut piece = piece;
        while !piece.is_empty() && self.wrong.is_none() {
            let at = usize::try_from(self.got % edited.len() as u64).unwrap_or(0);
            let same = &edited[at..edited.len().min(at + piece.len())];
            if !piece.starts_with(same) {
                self.wrong = Some(self.got);
            }
            self.got += same.len() as u64;
            piece = &piece[same.len().min(piece.len())..];
        }
    }

    fn end(&self) -> Result<(), String> {
        let (block, edited) = block();
        let expected = length().div_ceil(block.len() as u64) * edited.len() as u64;
        match self.wrong {
            Some(at) => Err(format!("other bytes came than should, near {at}")),
            None if self.got == expected => Ok(()),
            None => Err(format!("{} bytes came in place of {expected}", self.got)),
        }
    }
}

/// An upstream that checks what it gets, and answers with as much as the path says.
async fn upstream(listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            let (read, mut write) = stream.into_split();
            let mut reader = Reader::new(read);
            let (_, edited) = block();
            while let Some(head) = reader.request().await? {
                let mut check = Check::default();
                reader.each(head.framing(Framing::Length(0)), |piece| check.read(piece, &edited)).await?;
                let wanted: u64 = head.target.trim_start_matches('/').parse().unwrap_or(0);
                let verdict = check.end().err().unwrap_or_else(|| "whole".to_owned());
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nx-got: {verdict}\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n"
                );
                write.write_all(answer.as_bytes()).await?;
                write_chunks(&mut write, wanted).await?;
            }
            io::Result::Ok(())
        });
    }
}

struct Setup {
    gateway: Gateway,
    upstream: tokio::task::JoinHandle<io::Result<()>>,
}

impl Drop for Setup {
    fn drop(&mut self) {
        self.upstream.abort();
    }
}

async fn setup(host: &Host) -> Result<Setup, String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(text)?;
    let address = listener.local_addr().map_err(text)?;
    let body = r#"{"body": {"from": ["ndjson"], "json": [{"drop": ["$.secret"]}]}}"#;
    let config = format!(
        r#"{{"limits": {{"bodyBytes": "2GiB"}}, "upstreams": {{"a": {{"url": "http://{address}"}}}},
            "routes": [{{"name": "r", "match": {{"prefix": "/"}}, "upstream": "a", "policies": [{{"request": {body}, "response": {body}}}]}}]}}"#
    );
    let gateway = serve(host, config).await?;
    let upstream = tokio::spawn(upstream(listener));
    // Once through, so that everything is loaded.
    get(&gateway, "http://gw.test/100000").await.map_err(text)?;
    Ok(Setup { gateway, upstream })
}

/// Tells the figures where somebody asks for them.
fn tell(way: &str, begun: Instant, grown: u64) {
    if std::env::var_os("EDGEWAY_TELL").is_some() {
        let seconds = begun.elapsed().as_secs_f64();
        eprintln!(
            "lines {way}: {} bytes in {seconds:.1} s, the memory grew by {:.1} MiB",
            length(),
            grown as f64 / 1_048_576.0
        );
    }
}

pub(super) async fn down(host: &Host) -> Result<(), String> {
    let setup = setup(host).await?;
    let watch = Watch::start(setup.gateway.process)?;
    let begun = Instant::now();
    let mut stream = TcpStream::connect(setup.gateway.address).await.map_err(text)?;
    let request = format!("GET /{} HTTP/1.1\r\nHost: gw.test\r\n\r\n", length());
    stream.write_all(request.as_bytes()).await.map_err(text)?;
    let mut reader = Reader::new(stream);
    let head = reader.response().await.map_err(text)?.ok_or("no answer")?;
    let (_, edited) = block();
    let mut check = Check::default();
    reader.each(head.framing(Framing::UntilClose), |piece| check.read(piece, &edited)).await.map_err(text)?;
    check.end()?;
    tell("down", begun, watch.end(GROWTH)?);
    Ok(())
}

pub(super) async fn up(host: &Host) -> Result<(), String> {
    let setup = setup(host).await?;
    let watch = Watch::start(setup.gateway.process)?;
    let begun = Instant::now();
    let (read, mut write) = TcpStream::connect(setup.gateway.address).await.map_err(text)?.into_split();
    let head =
        "POST /0 HTTP/1.1\r\nHost: gw.test\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n";
    write.write_all(head.as_bytes()).await.map_err(text)?;
    write_chunks(&mut write, length()).await.map_err(text)?;
    let head = Reader::new(read).response().await.map_err(text)?.ok_or("no answer")?;
    let got = head.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-got")).map(|(_, value)| value.clone());
    if (head.status, got.as_deref()) != (200, Some("whole")) {
        return Err(format!("the status is {}, and of what the upstream got it says: {got:?}", head.status));
    }
    tell("up", begun, watch.end(GROWTH)?);
    Ok(())
}
