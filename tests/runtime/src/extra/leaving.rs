//! Clients that leave.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::{serve, text};
use crate::runtimes::Host;
use crate::wire::{Framing, Reader};

/// How long the gateway may take to notice.
const PATIENCE: Duration = Duration::from_secs(15);

/// The gateway before `listener`, without deadlines, and a client that has just sent a request.
async fn exchange(host: &Host, listener: &TcpListener) -> Result<(crate::runtimes::Gateway, TcpStream), String> {
    let address = listener.local_addr().map_err(text)?;
    let config = format!(
        r#"{{"upstreams": {{"a": {{"url": "http://{address}", "timeouts": {{"firstByte": "0s"}}}}}},
            "routes": [{{"name": "r", "match": {{"prefix": "/"}}, "upstream": "a"}}]}}"#
    );
    let gateway = serve(host, config).await?;
    let mut client = TcpStream::connect(gateway.address).await.map_err(text)?;
    let request = b"GET /x HTTP/1.1\r\nHost: gw.test\r\n\r\n";
    client.write_all(request).await.map_err(text)?;
    Ok((gateway, client))
}

pub(super) async fn before_the_answer(host: &Host) -> Result<(), String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(text)?;
    let (gateway, client) = exchange(host, &listener).await?;
    let (stream, _) = listener.accept().await.map_err(text)?;
    let mut reader = Reader::new(stream);
    reader.request().await.map_err(text)?.ok_or("no request")?;
    if gateway.half_closes {
        // Only a reset tells it that nobody reads any more.
        socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO)).map_err(text)?;
    }
    drop(client);
    tokio::time::timeout(PATIENCE, reader.closed())
        .await
        .map_err(|_| "the upstream's connection stays open although the client left".to_owned())
}

pub(super) async fn within_the_answer(host: &Host) -> Result<(), String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(text)?;
    let (_gateway, client) = exchange(host, &listener).await?;
    let (stream, _) = listener.accept().await.map_err(text)?;
    let (read, mut write) = stream.into_split();
    Reader::new(read).request().await.map_err(text)?.ok_or("no request")?;
    write.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n").await.map_err(text)?;
    let endless = tokio::spawn(async move { while write.write_all(&[b'x'; 65_536]).await.is_ok() {} });
    let mut reader = Reader::new(client);
    reader.response().await.map_err(text)?.ok_or("no answer")?;
    reader.each(Framing::Length(1 << 20), |_| {}).await.map_err(text)?;
    drop(reader);
    tokio::time::timeout(PATIENCE, endless)
        .await
        .map_err(|_| "the upstream goes on sending although the client left".to_owned())?
        .map_err(text)
}
