//! The service behind the proxy: answers every request with the same bytes from memory.

use std::error::Error;
use std::io::{ErrorKind, Read, Write};

use mio::net::TcpStream;

const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// One connection from the proxy.
pub(crate) struct Upstream {
    stream: TcpStream,
    buffer: Box<[u8]>,
    filled: usize,
    /// The length of the last whole head, which stays in the buffer until the next.
    last: usize,
}

impl Upstream {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, buffer: vec![0; 32 * 1024].into(), filled: 0, last: 0 }
    }

    /// The last request.
    pub(crate) fn last(&self) -> &[u8] {
        self.buffer.get(..self.last).unwrap_or_default()
    }

    /// Reads what there is and answers it, which `count` counts; tells whether the connection stands.
    pub(crate) fn serve(&mut self, response: &[u8], count: &mut usize) -> Result<bool, Box<dyn Error>> {
        loop {
            let free = self.buffer.get_mut(self.filled..).unwrap_or_default();
            let room = free.len();
            match self.stream.read(free) {
                Ok(0) => return Ok(false),
                Ok(length) => {
                    self.filled += length;
                    self.answer(response, count)?;
                    if length < room {
                        return Ok(true);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// All requests are GETs without content, and a proxy doesn't pipeline them: a head at the end is one request.
    fn answer(&mut self, response: &[u8], count: &mut usize) -> Result<(), Box<dyn Error>> {
        let received = self.buffer.get(..self.filled).unwrap_or_default();
        if received.ends_with(END_OF_HEAD) {
            self.stream.write_all(response)?;
            *count += 1;
            self.last = self.filled;
            self.filled = 0;
        } else if self.filled == self.buffer.len() {
            return Err("a request head is larger than 32 KiB".into());
        }
        Ok(())
    }
}
