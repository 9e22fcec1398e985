//! A bound on what a peer sends without progress: bytes that carry no content, and no head that is due.
//!
//! HTTP has many ways to send without an end. A chunk's size may have leading zeros, and be followed by whitespace (RFC 9112 §7.1);
//! one interim response may follow another (RFC 9110 §15.2); PING, SETTINGS and PRIORITY may come at any time (RFC 9113 §10.5). The
//! libraries read them for as long as more of them have come. So each connection, to a client or to an upstream, counts what it
//! has read since its last progress. Above a little, it is read in turns with others; above the most, it fails.

mod http2;

use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) use self::http2::Frames;

/// The most bytes without progress. It leaves room for what the libraries allow, and for content that is read faster than it is
/// handed on.
const MOST: usize = 256 * 1024;

/// The most such bytes that the connection's task reads before other tasks have their turn.
const TURN: usize = 2 * 1024;

/// The bytes of a connection since its last progress.
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
    /// Fail: there were too many bytes without progress.
    Fail,
}

impl Framing {
    /// Records that this many bytes have come, which may be no progress.
    pub(crate) fn read(&self, bytes: usize) {
        self.bytes.store(self.bytes.load(Ordering::Relaxed).saturating_add(bytes), Ordering::Relaxed);
    }

    /// Records that content has come, or a head.
    pub(crate) fn progress(&self) {
        self.bytes.store(0, Ordering::Relaxed);
        self.until.store(TURN, Ordering::Relaxed);
    }

    /// Records progress that makes up for this many bytes and no more.
    fn make_up(&self, bytes: usize) {
        let left = self.bytes.load(Ordering::Relaxed).saturating_sub(bytes);
        self.bytes.store(left, Ordering::Relaxed);
        self.until.store(left.saturating_add(TURN), Ordering::Relaxed);
    }

    /// Returns whether there were too many bytes without progress.
    pub(crate) fn is_flooded(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) >= MOST
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
