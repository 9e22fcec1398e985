//! A client that sends what a case says, byte for byte.

use std::io;
use std::time::Duration;

use edgeway_corpus::{Request, Response, Version};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::runtimes::Gateway;
use crate::wire::{Framing, Reader, chunk, write_head};

/// How long an answer may take before the gateway counts as hanging.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Sends `request` to `gateway` on a connection of its own and reads the answer to its end.
///
/// # Errors
/// When there is no answer, or one that is not HTTP.
pub(crate) async fn send(gateway: &Gateway, request: &Request) -> io::Result<Response> {
    if let Some(tls) = &gateway.tls {
        let exchange = crate::h2::send(gateway.address, tls, request);
        return tokio::time::timeout(PATIENCE, exchange).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    }
    let exchange = async {
        let (read, mut write) = TcpStream::connect(gateway.address).await?.into_split();
        let (head, pieces) = serialise(request);
        // The answer may come before the whole request has left (413), and nobody reads the rest then.
        let send = async {
            let _: io::Result<()> = async {
                write.write_all(&head).await?;
                for piece in pieces {
                    write.write_all(&piece).await?;
                }
                write.flush().await
            }
            .await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            answer = receive(Reader::new(read), request) => answer,
            () = send => unreachable!("sending never ends"),
        }
    };
    tokio::time::timeout(PATIENCE, exchange).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Sends a GET request for `url`.
///
/// # Errors
/// When there is no answer, or one that is not HTTP.
pub(crate) async fn get(gateway: &Gateway, url: &str) -> io::Result<Response> {
    let request = serde_json::from_value(serde_json::json!({ "url": url }))?;
    send(gateway, &request).await
}

async fn receive(mut reader: Reader<tokio::net::tcp::OwnedReadHalf>, request: &Request) -> io::Result<Response> {
    let head = reader.response().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
    // RFC 9110 §2.5: whatever version an upstream answers as, a server sends the highest that the client takes.
    if request.version == Version::Http11 && head.minor != 1 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("answered as HTTP/1.{}", head.minor)));
    }
    // RFC 9112 §6.3: these never have content.
    let bodiless = request.method == "HEAD" || matches!(head.status, 101 | 204 | 304);
    let (body, cut) = if bodiless { Default::default() } else { reader.body(head.framing(Framing::UntilClose)).await };
    Ok(Response { status: head.status, headers: head.headers, body, cut })
}

/// The head, and the content in the pieces in which it goes out.
fn serialise(request: &Request) -> (Vec<u8>, Vec<Vec<u8>>) {
    let (_, authority, target) = request.parts();
    let has = |name: &str| request.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
    let length = request.body.as_ref().map(|body| body.bytes().len().to_string());
    let mut headers: Vec<(&str, &str)> = Vec::new();
    if !has("host") && !authority.is_empty() {
        headers.push(("Host", authority));
    }
    headers.extend(request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let mut pieces = Vec::new();
    if let (Some(body), Some(length)) = (&request.body, &length) {
        if body.is_chunked() {
            headers.push(("Transfer-Encoding", "chunked"));
            pieces.extend(body.pieces().iter().map(|piece| chunk(piece)));
            pieces.push(b"0\r\n\r\n".to_vec());
        } else {
            if !has("content-length") {
                headers.push(("Content-Length", length));
            }
            pieces.extend(body.pieces().iter().map(|piece| piece.to_vec()));
        }
    }
    let mut head = Vec::new();
    write_head(&mut head, &format!("{} {target} {}", request.method, request.version.as_str()), headers);
    (head, pieces)
}
