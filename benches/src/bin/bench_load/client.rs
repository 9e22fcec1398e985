//! A client's connection.

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Instant;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

/// One connection with at most one request on it; made anew when the proxy closed it between two.
pub(crate) struct Client {
    proxy: SocketAddr,
    token: Token,
    stream: Option<TcpStream>,
    buffer: Box<[u8]>,
    filled: usize,
    /// When the request that is under way was due.
    due: Option<Instant>,
}

/// What reading brought.
pub(crate) enum Progress {
    /// The response is not complete.
    Waiting,
    /// It is.
    Answered {
        /// When the request was due.
        due: Instant,
    },
}

impl Client {
    pub(crate) fn new(proxy: SocketAddr, token: Token) -> Self {
        Self { proxy, token, stream: None, buffer: vec![0; 64 * 1024].into(), filled: 0, due: None }
    }

    /// The last response.
    pub(crate) fn last(&self) -> &[u8] {
        self.buffer.get(..self.filled).unwrap_or_default()
    }

    /// Sends `request`, which was due at `due`.
    pub(crate) fn send(&mut self, request: &[u8], due: Instant, registry: &Registry) -> Result<(), Box<dyn Error>> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                // Connecting may block: it happens before the first request only.
                let stream = std::net::TcpStream::connect(self.proxy)?;
                stream.set_nodelay(true)?;
                stream.set_nonblocking(true)?;
                let stream = self.stream.insert(TcpStream::from_std(stream));
                registry.register(stream, self.token, Interest::READABLE)?;
                stream
            }
        };
        self.filled = 0;
        self.due = Some(due);
        // A request is smaller than any socket buffer.
        Ok(stream.write_all(request)?)
    }

    /// Reads what there is.
    pub(crate) fn read(&mut self) -> Result<Progress, Box<dyn Error>> {
        let Some(stream) = &mut self.stream else { return Ok(Progress::Waiting) };
        loop {
            let free = self.buffer.get_mut(self.filled..).unwrap_or_default();
            let room = free.len();
            match stream.read(free) {
                Ok(0) if self.due.is_some() => return Err("the proxy closed a connection with a request on it".into()),
                Ok(0) => {
                    self.stream = None;
                    return Ok(Progress::Waiting);
                }
                Ok(length) => {
                    self.filled += length;
                    if length < room {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        if self.due.is_some()
            && is_complete(self.buffer.get(..self.filled).unwrap_or_default())?
            && let Some(due) = self.due.take()
        {
            return Ok(Progress::Answered { due });
        }
        Ok(Progress::Waiting)
    }
}

/// Whether `bytes` are a whole response; an error unless it is a 200 (RFC 9112 §6.3).
fn is_complete(bytes: &[u8]) -> Result<bool, Box<dyn Error>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(bytes)? else { return Ok(false) };
    if response.code != Some(200) {
        return Err(format!("unexpected response: {}", String::from_utf8_lossy(bytes)).into());
    }
    let body = bytes.get(head..).unwrap_or_default();
    for header in response.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            return Ok(body.len() >= std::str::from_utf8(header.value)?.parse::<usize>()?);
        }
        if header.name.eq_ignore_ascii_case("transfer-encoding") {
            return Ok(body.ends_with(b"0\r\n\r\n"));
        }
    }
    Err("the response has neither Content-Length nor Transfer-Encoding".into())
}
