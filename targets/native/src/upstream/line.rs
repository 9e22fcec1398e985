//! The line of those who wait for something that others return.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot::{self, Receiver, Sender};

/// The line: what is returned goes to whoever has waited longest, and to nobody who has come meanwhile.
#[derive(Debug)]
pub(super) struct Line<T>(Mutex<VecDeque<(Instant, Sender<T>)>>);

/// The turn of one who waits.
#[derive(Debug)]
pub(super) struct Turn<'l, T> {
    line: &'l Line<T>,
    since: Instant,
    receiver: Receiver<T>,
    /// Set once something was handed.
    is_over: bool,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Line<T> {
    /// Begins to wait, as one who has waited `since` then.
    pub(super) fn join(&self, since: Instant) -> Turn<'_, T> {
        let (sender, receiver) = oneshot::channel();
        let mut line = self.lock();
        let place = line.partition_point(|(other, _)| *other <= since);
        line.insert(place, (since, sender));
        Turn { line: self, since, receiver, is_over: false }
    }

    /// The time for which the longest one has waited, if one does.
    pub(super) fn longest(&self) -> Option<Duration> {
        self.lock().front().map(|(since, _)| since.elapsed())
    }

    /// Hands `one` to whoever has waited longest; gives it back if nobody waits.
    pub(super) fn hand(&self, one: T) -> Option<T> {
        let mut one = one;
        let mut line = self.lock();
        while let Some((_, sender)) = line.pop_front() {
            match sender.send(one) {
                Ok(()) => return None,
                Err(back) => one = back,
            }
        }
        Some(one)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Instant, Sender<T>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Turn<'_, T> {
    /// The beginning of the wait.
    pub(super) fn since(&self) -> Instant {
        self.since
    }

    /// What is handed, once it is; nothing afterwards.
    pub(super) async fn handed(&mut self) -> Option<T> {
        if self.is_over {
            return None;
        }
        let handed = (&mut self.receiver).await.ok();
        self.is_over = true;
        handed
    }
}

/// Whoever leaves passes on what was handed meanwhile.
impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        self.receiver.close();
        let left = if self.is_over { None } else { self.receiver.try_recv().ok() };
        self.line.lock().retain(|(_, sender)| !sender.is_closed());
        if let Some(one) = left {
            self.line.hand(one);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_has_waited_longest_is_first() {
        let line = Line::default();
        let now = Instant::now();
        let (mut first, mut second) = (line.join(now), line.join(now));
        assert_eq!(line.hand(1), None);
        // What it was handed was no use to it.
        assert_eq!((first.handed().await, first.handed().await), (Some(1), None));
        let mut again = line.join(first.since() - Duration::from_millis(1));
        assert_eq!((line.hand(2), line.hand(3), line.hand(4)), (None, None, Some(4)));
        assert_eq!((again.handed().await, second.handed().await), (Some(2), Some(3)));
    }

    #[tokio::test]
    async fn who_leaves_passes_on() {
        let line = Line::default();
        let now = Instant::now();
        let (first, mut second) = (line.join(now), line.join(now));
        assert_eq!(line.hand(1), None);
        drop(first);
        assert_eq!(second.handed().await, Some(1));
        drop(second);
        assert!(line.longest().is_none());
        assert_eq!(line.hand(2), Some(2));
    }
}
