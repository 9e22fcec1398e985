//! The bytes that exchanges with an upstream have read, and that their clients have not taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The bytes held of all bodies, from which on each is read in small pieces. To read much at once is less work, and clients that
/// take what they get hold next to nothing; of those that take nothing, each holds some three pieces.
const MUCH: usize = 2 * 1024 * 1024;

/// A small piece: hyper's buffers are no smaller. It is one less than a power of two, or hyper would make its buffer twice as large.
const SMALL: usize = 8 * 1024 - 1;

/// The bytes that one exchange holds.
#[derive(Debug)]
pub(super) struct Held {
    own: AtomicUsize,
    /// Those of all exchanges with the upstream.
    all: Arc<AtomicUsize>,
}

impl Held {
    /// None yet, beside `all` that others hold.
    pub(super) fn new(all: Arc<AtomicUsize>) -> Self {
        Self { own: AtomicUsize::new(0), all }
    }

    /// Adds bytes that were read.
    pub(super) fn read(&self, count: usize) {
        self.own.fetch_add(count, Ordering::Relaxed);
        self.all.fetch_add(count, Ordering::Relaxed);
    }

    /// Takes away what was read so far: whoever asks for the next piece has room for it.
    pub(super) fn taken(&self) {
        let count = self.own.swap(0, Ordering::Relaxed);
        self.all.fetch_sub(count, Ordering::Relaxed);
    }

    /// The most that may be read at once.
    pub(super) fn piece(&self) -> usize {
        if self.all.load(Ordering::Relaxed) < MUCH { usize::MAX } else { SMALL }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.taken();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_is_read_at_once_while_much_is_held() {
        let all = Arc::default();
        let (one, other) = (Held::new(Arc::clone(&all)), Held::new(all));
        one.read(MUCH - 1);
        assert_eq!(other.piece(), usize::MAX);
        other.read(1);
        assert_eq!([one.piece(), other.piece()], [SMALL; 2]);
        other.taken();
        assert_eq!(one.piece(), usize::MAX);
        other.read(1);
        drop(one);
        assert_eq!(other.piece(), usize::MAX);
    }
}
