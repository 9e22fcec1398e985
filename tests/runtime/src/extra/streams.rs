//! Bodies far larger than memory.

use std::io::{self, Write as _};

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::memory::Watch;
use super::{serve, text};
use crate::client::get;
use crate::runtimes::Host;
use crate::wire::{Framing, Reader};

/// How much goes through; `EDGEWAY_STREAM_BYTES` makes a quicker test of it.
fn length() -> u64 {
    std::env::var("EDGEWAY_STREAM_BYTES").ok().and_then(|bytes| bytes.parse().ok()).unwrap_or(1 << 30)
}

static BLOCK: [u8; 65_536] = [b'x'; 65_536];

/// How much memory a gateway may take for it above what it holds at rest.
const GROWTH: u64 = 64 << 20;

async fn write_blocks(to: &mut (impl AsyncWriteExt + Unpin), mut left: u64) -> io::Result<()> {
    while left > 0 {
        let now = BLOCK.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        to.write_all(&BLOCK[..now]).await?;
        left -= now as u64;
    }
    to.flush().await
}

/// An upstream that counts what it gets and answers with as much as the path says.
async fn upstream(listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            let (read, mut write) = stream.into_split();
            let mut reader = Reader::new(read);
            while let Some(head) = reader.request().await? {
                let mut got = 0;
                reader.each(head.framing(Framing::Length(0)), |piece| got += piece.len() as u64).await?;
                let wanted: u64 = head.target.trim_start_matches('/').parse().unwrap_or(0);
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nx-got: {got}\r\ncontent-type: text/plain\r\ncontent-length: {wanted}\r\n\r\n"
                );
                write.write_all(answer.as_bytes()).await?;
                write_blocks(&mut write, wanted).await?;
            }
            io::Result::Ok(())
        });
    }
}

struct Setup {
    gateway: crate::runtimes::Gateway,
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
    let config = format!(
        r#"{{"limits": {{"bodyBytes": "2GiB"}}, "upstreams": {{"a": {{"url": "http://{address}"}}}},
            "routes": [{{"name": "r", "match": {{"prefix": "/"}}, "upstream": "a", "policies": [{{"compress": {{"codings": ["gzip"]}}}}]}}]}}"#
    );
    let gateway = serve(host, config).await?;
    let upstream = tokio::spawn(upstream(listener));
    // Once through, so that everything is loaded.
    get(&gateway, "http://gw.test/100000").await.map_err(text)?;
    Ok(Setup { gateway, upstream })
}

pub(super) async fn down(host: &Host) -> Result<(), String> {
    let setup = setup(host).await?;
    let watch = Watch::start(setup.gateway.process)?;
    let length = length();
    let mut stream = TcpStream::connect(setup.gateway.address).await.map_err(text)?;
    let request = format!("GET /{length} HTTP/1.1\r\nHost: gw.test\r\n\r\n");
    stream.write_all(request.as_bytes()).await.map_err(text)?;
    let mut reader = Reader::new(stream);
    let head = reader.response().await.map_err(text)?.ok_or("no answer")?;
    let mut got = 0;
    reader.each(head.framing(Framing::UntilClose), |piece| got += piece.len() as u64).await.map_err(text)?;
    if (head.status, got) != (200, length) {
        return Err(format!("{got} of {length} bytes came, with status {}", head.status));
    }
    watch.end(GROWTH).map(drop)
}

/// Counts what is decoded.
#[derive(Default)]
struct Count(u64);

impl io::Write for Count {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.0 += piece.len() as u64;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(super) async fn compressed(host: &Host) -> Result<(), String> {
    let setup = setup(host).await?;
    let watch = Watch::start(setup.gateway.process)?;
    let length = length();
    let mut stream = TcpStream::connect(setup.gateway.address).await.map_err(text)?;
    let request = format!("GET /{length} HTTP/1.1\r\nHost: gw.test\r\nAccept-Encoding: gzip\r\n\r\n");
    stream.write_all(request.as_bytes()).await.map_err(text)?;
    let mut reader = Reader::new(stream);
    let head = reader.response().await.map_err(text)?.ok_or("no answer")?;
    let mut decoder = flate2::write::GzDecoder::new(Count::default());
    let mut decoded = Ok(());
    let each = |piece: &[u8]| {
        if decoded.is_ok() {
            decoded = decoder.write_all(piece);
        }
    };
    reader.each(head.framing(Framing::UntilClose), each).await.map_err(text)?;
    let Count(got) = decoded.and_then(|()| decoder.finish()).map_err(text)?;
    if (head.status, got) != (200, length) {
        return Err(format!("{got} of {length} bytes came, with status {}", head.status));
    }
    watch.end(GROWTH).map(drop)
}

pub(super) async fn up(host: &Host) -> Result<(), String> {
    let setup = setup(host).await?;
    let watch = Watch::start(setup.gateway.process)?;
    let length = length();
    let (read, mut write) = TcpStream::connect(setup.gateway.address).await.map_err(text)?.into_split();
    let head = format!("POST /0 HTTP/1.1\r\nHost: gw.test\r\nContent-Length: {length}\r\n\r\n");
    write.write_all(head.as_bytes()).await.map_err(text)?;
    write_blocks(&mut write, length).await.map_err(text)?;
    let head = Reader::new(read).response().await.map_err(text)?.ok_or("no answer")?;
    let got = head.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-got")).map(|(_, value)| value.clone());
    if (head.status, got.as_deref()) != (200, Some(length.to_string().as_str())) {
        return Err(format!("the upstream got {got:?} of {length} bytes, the status is {}", head.status));
    }
    watch.end(GROWTH).map(drop)
}
