//! A bound on the bytes of an HTTP/1.1 connection that are framing, and carry no content.
//!
//! A chunk's size may have leading zeros, and be followed by whitespace, without end (RFC 9112 §7.1): hyper bounds extensions and
//! trailers, but not these. It takes them byte by byte, for as long as more of them have come.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The most bytes without content. It leaves room for what hyper allows, and for content that is read faster than it is
/// handed on.
const MOST: usize = 256 * 1024;

/// The most such bytes that the connection's task reads before other tasks have their turn.
const TURN: usize = 2 * 1024;

/// The bytes of a connection since the last content.
#[derive(Debug, Default)]
pub(crate) struct Framing {
    bytes: AtomicUsize,
    /// The value of `bytes` from which on others have their turn.
    until: AtomicUsize,
}

/// The way on for a connection that is about to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Read.
    Read,
    /// Read at most this many bytes.
    ReadLittle(usize),
    /// Let others have their turn first.
    Yield,
    /// Fail: there were too many bytes without content.
    Fail,
}

impl Framing {
    /// Records that this many bytes have come.
    pub(crate) fn read(&self, bytes: usize) {
        self.bytes.store(self.bytes.load(Ordering::Relaxed).saturating_add(bytes), Ordering::Relaxed);
    }

    /// Records that content has come, or a head.
    pub(crate) fn progress(&self) {
        self.bytes.store(0, Ordering::Relaxed);
        self.until.store(TURN, Ordering::Relaxed);
    }

    /// The way on.
    pub(crate) fn next(&self) -> Next {
        let bytes = self.bytes.load(Ordering::Relaxed);
        if bytes < TURN {
            Next::Read
        } else if bytes >= MOST {
            Next::Fail
        } else if bytes >= self.until.load(Ordering::Relaxed) {
            self.until.store(bytes.saturating_add(TURN), Ordering::Relaxed);
            Next::Yield
        } else {
            Next::ReadLittle(TURN)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_without_content_are_read_in_turns_and_only_so_many() {
        let framing = Framing::default();
        framing.progress();
        let (mut read, mut turns) = (0, 0);
        loop {
            match framing.next() {
                Next::Read => framing.read(TURN),
                Next::ReadLittle(most) => framing.read(most),
                Next::Yield => {
                    turns += 1;
                    continue;
                }
                Next::Fail => break,
            }
            read = framing.bytes.load(Ordering::Relaxed);
        }
        assert_eq!(read, MOST);
        assert_eq!(turns, MOST / TURN - 1);
    }

    #[test]
    fn content_is_read_without_bound() {
        let framing = Framing::default();
        for _ in 0..10_000 {
            framing.progress();
            assert_eq!(framing.next(), Next::Read);
            framing.read(64 * 1024);
        }
    }
}
