//! HTTP/1.1 as it is on the wire: no field is added, dropped, folded or changed, and no path is normalised.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The largest head that is read.
const HEAD: usize = 1 << 20;

/// The first line and the header fields of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// Method and target of a request; the status of a response comes in `status`.
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) status: u16,
    /// The minor version of HTTP/1.
    pub(crate) minor: u8,
    pub(crate) headers: Vec<(String, String)>,
}

/// How long a body is (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Length(u64),
    Chunked,
    UntilClose,
}

/// Reads messages from one end of a connection.
pub(crate) struct Reader<R> {
    io: R,
    buffer: BytesMut,
    /// The trailer fields of the body that was read last, each as `name: value`.
    pub(crate) trailers: Vec<String>,
}

fn invalid(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.into())
}

impl<R: AsyncRead + Unpin> Reader<R> {
    pub(crate) fn new(io: R) -> Self {
        Self { io, buffer: BytesMut::new(), trailers: Vec::new() }
    }

    /// More bytes; `false` at the end.
    async fn fill(&mut self) -> io::Result<bool> {
        self.buffer.reserve(65_536);
        Ok(self.io.read_buf(&mut self.buffer).await? > 0)
    }

    /// The next request's head; `None` if the connection ends before one.
    pub(crate) async fn request(&mut self) -> io::Result<Option<Head>> {
        self.head(|bytes| {
            let mut fields = [httparse::EMPTY_HEADER; 256];
            let mut request = httparse::Request::new(&mut fields);
            Ok(match request.parse(bytes).map_err(|error| error.to_string())? {
                httparse::Status::Partial => None,
                httparse::Status::Complete(length) => Some((
                    length,
                    Head {
                        method: request.method.unwrap_or_default().to_owned(),
                        target: request.path.unwrap_or_default().to_owned(),
                        status: 0,
                        minor: request.version.unwrap_or_default(),
                        headers: texts(request.headers),
                    },
                )),
            })
        })
        .await
    }

    /// The next response's head, after any interim ones (RFC 9110 §15.2).
    pub(crate) async fn response(&mut self) -> io::Result<Option<Head>> {
        loop {
            let head = self
                .head(|bytes| {
                    let mut fields = [httparse::EMPTY_HEADER; 256];
                    let mut response = httparse::Response::new(&mut fields);
                    Ok(match response.parse(bytes).map_err(|error| error.to_string())? {
                        httparse::Status::Partial => None,
                        httparse::Status::Complete(length) => Some((
                            length,
                            Head {
                                status: response.code.unwrap_or_default(),
                                minor: response.version.unwrap_or_default(),
                                headers: texts(response.headers),
                                ..Head::default()
                            },
                        )),
                    })
                })
                .await?;
            match head {
                Some(head) if head.status < 200 && head.status != 101 => {}
                head => return Ok(head),
            }
        }
    }

    async fn head(
        &mut self,
        parse: impl Fn(&[u8]) -> Result<Option<(usize, Head)>, String>,
    ) -> io::Result<Option<Head>> {
        loop {
            if !self.buffer.is_empty()
                && let Some((length, head)) = parse(&self.buffer).map_err(invalid)?
            {
                self.buffer.advance(length);
                return Ok(Some(head));
            }
            if self.buffer.len() > HEAD {
                return Err(invalid("the head is too large"));
            }
            if !self.fill().await? {
                return if self.buffer.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        }
    }

    /// A whole body, and whether it was cut off.
    pub(crate) async fn body(&mut self, framing: Framing) -> (Bytes, bool) {
        let mut whole = BytesMut::new();
        let cut = self.each(framing, |piece| whole.extend_from_slice(piece)).await.is_err();
        (whole.freeze(), cut)
    }

    /// Hands over a body piece by piece.
    pub(crate) async fn each(&mut self, framing: Framing, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        match framing {
            Framing::Length(length) => self.exactly(length, &mut take).await,
            Framing::UntilClose => loop {
                take(&self.buffer.split());
                if !self.fill().await? {
                    return Ok(());
                }
            },
            Framing::Chunked => loop {
                let line = self.line().await?;
                let size = line.split(';').next().unwrap_or_default().trim();
                let size = u64::from_str_radix(size, 16).map_err(|_| invalid(format!("`{line}` is no chunk size")))?;
                if size == 0 {
                    self.trailers.clear();
                    loop {
                        match self.line().await? {
                            line if line.is_empty() => return Ok(()),
                            line => self.trailers.push(line),
                        }
                    }
                }
                self.exactly(size, &mut take).await?;
                if !self.line().await?.is_empty() {
                    return Err(invalid("a chunk is longer than it says"));
                }
            },
        }
    }

    async fn exactly(&mut self, mut length: u64, take: &mut impl FnMut(&[u8])) -> io::Result<()> {
        while length > 0 {
            if self.buffer.is_empty() && !self.fill().await? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let now = self.buffer.len().min(usize::try_from(length).unwrap_or(usize::MAX));
            take(&self.buffer.split_to(now));
            length -= now as u64;
        }
        Ok(())
    }

    async fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.buffer.split_to(end);
                self.buffer.advance(2);
                return Ok(String::from_utf8_lossy(&line).into_owned());
            }
            if !self.fill().await? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Waits until the other side has closed the connection.
    pub(crate) async fn closed(&mut self) {
        while matches!(self.fill().await, Ok(true)) {
            self.buffer.clear();
        }
    }
}

fn texts(fields: &[httparse::Header<'_>]) -> Vec<(String, String)> {
    fields.iter().map(|field| (field.name.to_owned(), String::from_utf8_lossy(field.value).into_owned())).collect()
}

impl Head {
    fn field(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// How long the body is; without a statement a request has none and a response goes on until the end.
    pub(crate) fn framing(&self, otherwise: Framing) -> Framing {
        if self.field("transfer-encoding").is_some_and(|codings| codings.to_ascii_lowercase().ends_with("chunked")) {
            return Framing::Chunked;
        }
        self.field("content-length").and_then(|length| length.parse().ok()).map_or(otherwise, Framing::Length)
    }
}

/// Appends a message's head.
pub(crate) fn write_head<'h>(out: &mut Vec<u8>, first: &str, headers: impl IntoIterator<Item = (&'h str, &'h str)>) {
    out.extend_from_slice(first.as_bytes());
    out.extend_from_slice(b"\r\n");
    for (name, value) in headers {
        out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

/// A piece of content as one chunk.
pub(crate) fn chunk(piece: &[u8]) -> Vec<u8> {
    let mut out = format!("{:x}\r\n", piece.len()).into_bytes();
    out.extend_from_slice(piece);
    out.extend_from_slice(b"\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn body(wire: &[u8], framing: Framing) -> (Bytes, bool) {
        Reader::new(wire).body(framing).await
    }

    #[tokio::test]
    async fn heads_keep_every_byte() {
        let wire = b"GET /a/../%2e%2E//b?x=%zz HTTP/1.1\r\nHost: h\r\nX-A:  1 \r\nx-a: 2\r\n\r\n";
        let head = Reader::new(&wire[..]).request().await.unwrap().unwrap();
        assert_eq!((head.method.as_str(), head.target.as_str()), ("GET", "/a/../%2e%2E//b?x=%zz"));
        let names: Vec<&str> = head.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["Host", "X-A", "x-a"]);
    }

    #[tokio::test]
    async fn interim_responses_are_passed_over() {
        let wire = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 204 Gone\r\n\r\n";
        assert_eq!(Reader::new(&wire[..]).response().await.unwrap().unwrap().status, 204);
    }

    #[tokio::test]
    async fn a_body_that_ends_early_is_cut() {
        assert_eq!(body(b"hello", Framing::Length(5)).await, (Bytes::from("hello"), false));
        assert_eq!(body(b"hell", Framing::Length(5)).await, (Bytes::from("hell"), true));
        assert_eq!(
            body(b"2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n", Framing::Chunked).await,
            (Bytes::from("hello"), false)
        );
        assert_eq!(body(b"2\r\nhe\r\n", Framing::Chunked).await, (Bytes::from("he"), true));
        assert!(body(b"2\r\nhel\r\n", Framing::Chunked).await.1);
        assert_eq!(body(b"hello", Framing::UntilClose).await, (Bytes::from("hello"), false));
    }

    #[tokio::test]
    async fn trailers_are_kept() {
        let mut reader = Reader::new(&b"1\r\na\r\n0\r\nx-sum: 1\r\n\r\n"[..]);
        assert_eq!(reader.body(Framing::Chunked).await, (Bytes::from("a"), false));
        assert_eq!(reader.trailers, ["x-sum: 1"]);
    }
}
