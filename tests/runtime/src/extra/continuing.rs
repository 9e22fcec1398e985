//! `Expect: 100-continue` (RFC 9110 §10.1.1).

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{serve, text};
use crate::runtimes::Host;
use crate::upstream::Upstreams;
use crate::wire::Reader;

pub(super) async fn waits_for_it(host: &Host) -> Result<(), String> {
    let upstreams = Upstreams::start(&["a.test".to_owned()]).await.map_err(text)?;
    let config = r#"{"upstreams": {"a": {"url": "http://a.test"}}, "routes": [{"name": "r", "match": {"prefix": "/"}, "upstream": "a"}]}"#;
    let gateway = serve(host, upstreams.place(config)).await?;
    let mut client = TcpStream::connect(gateway.address).await.map_err(text)?;
    let head = b"POST /x HTTP/1.1\r\nHost: gw.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    client.write_all(head).await.map_err(text)?;
    let mut interim = [0; 25];
    tokio::time::timeout(Duration::from_secs(10), client.read_exact(&mut interim))
        .await
        .map_err(|_| "no 100 (Continue) comes".to_owned())?
        .map_err(text)?;
    if !interim.starts_with(b"HTTP/1.1 100 ") {
        return Err(format!("instead of 100 (Continue) came {:?}", String::from_utf8_lossy(&interim)));
    }
    client.write_all(b"hello").await.map_err(text)?;
    let mut answer = Reader::new(client);
    let status = tokio::time::timeout(Duration::from_secs(10), answer.response()).await.map_err(text)?;
    let status = status.map_err(text)?.ok_or("no answer")?.status;
    match upstreams.take_calls().as_slice() {
        [call] if status == 200 && call.body == "hello" => Ok(()),
        calls => Err(format!("the answer is {status}, the upstream got {} calls", calls.len())),
    }
}
