//! The Content-Length that hyper 1.10, of Spin 4.1, keeps in a request with Transfer-Encoding after it. The hyper of this
//! host removes it (RFC 9112 §6.3).

use std::io::{self, Cursor};
use std::sync::{Arc, Mutex, PoisonError};

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderValue, Request};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::TcpStream;

/// The most bytes that are read for the end of a head.
const LONGEST_HEAD: usize = 64 * 1024;

/// The Content-Length of a connection's first request, until that request takes it.
#[derive(Clone)]
pub(crate) struct KeptLength(Arc<Mutex<Option<HeaderValue>>>);

impl KeptLength {
    /// Reads the first head from `stream`; returns a stream that begins with it again.
    ///
    /// # Errors
    /// When the connection breaks off.
    pub(crate) async fn read(stream: TcpStream) -> io::Result<(impl AsyncRead + AsyncWrite + Unpin + Send, Self)> {
        let (mut read, write) = stream.into_split();
        let mut head = Vec::new();
        while head.len() < LONGEST_HEAD && !head.windows(4).any(|end| end == b"\r\n\r\n") {
            if read.read_buf(&mut head).await? == 0 {
                break;
            }
        }
        let kept = Self(Arc::new(Mutex::new(length_before_coding(&head))));
        Ok((tokio::io::join(Cursor::new(head).chain(read), write), kept))
    }

    /// Gives the first request its Content-Length back.
    pub(crate) fn restore<B>(&self, mut request: Request<B>) -> Request<B> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if request.headers().contains_key(TRANSFER_ENCODING) {
            request.headers_mut().extend(kept.map(|length| (CONTENT_LENGTH, length)));
        }
        request
    }
}

/// The Content-Length that stands before a Transfer-Encoding in `head`.
fn length_before_coding(head: &[u8]) -> Option<HeaderValue> {
    let mut length = None;
    for line in head.split(|byte| *byte == b'\n').skip(1).map(<[u8]>::trim_ascii).take_while(|line| !line.is_empty()) {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = line.split_at(colon);
        if name.eq_ignore_ascii_case(b"content-length") {
            length = HeaderValue::from_bytes(value.trim_ascii_start().strip_prefix(b":")?.trim_ascii()).ok();
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            return length;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_kept_where_it_stands_before_a_coding() {
        let kept =
            |head: &str| length_before_coding(head.as_bytes()).map(|length| length.to_str().unwrap_or("").to_owned());
        let both = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:  3\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(kept(both).as_deref(), Some("3"));
        assert_eq!(kept("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"), None);
        assert_eq!(kept("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nTransfer-Encoding: chunked"), None);
    }
}
