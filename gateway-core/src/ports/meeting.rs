//! Waiting for another request of the same process.
//!
//! A request never waits for a future, a stream or a waker of another one: on Workers the promise of a request that is gone may
//! never settle, and on Spin a wake across tasks panics. It waits at a meeting, and looks afterwards into the state that both
//! share.

use core::hash::BuildHasher as _;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;

use rustc_hash::FxBuildHasher;

use super::Clock;

/// The place where requests wait for one another, by key.
///
/// A waiter loses no notice if it looks at the state between the call of [`wait`](Self::wait) and its `await`, and whoever
/// notifies has changed the state before:
///
/// ```text
/// let wait = platform.wait(key, at_most);      state.change();
/// if !state.is_changed() { wait.await }        platform.notify(key);
/// ```
///
/// Either the look sees the change, or the notice comes after the call of `wait`, and ends the wait.
pub trait Meeting {
    /// Waits until the next [`notify`](Self::notify) of `key`, and for `at_most` if none comes.
    ///
    /// **Invariant:** every notice after the call of this function counts, also one before the future is first polled.
    ///
    /// The wait may end early for no reason: keys can share a place. So the caller looks whether it has what it waited for.
    /// Dropping the future ends the wait.
    fn wait(&self, key: &str, at_most: Duration) -> impl Future<Output = ()>;

    /// Ends the waits for `key` that have begun. Where nobody waits, nothing is remembered.
    fn notify(&self, key: &str);
}

/// The places that a platform has for all keys. A key is hashed to its place, so that no key is ever kept.
pub const PLACES: usize = 1 << 10;

/// The place of `key`, below [`PLACES`].
fn place(key: &str) -> usize {
    // The high bits of this hash are the better ones.
    let high = FxBuildHasher.hash_one(key).checked_shr(48).unwrap_or_default();
    usize::try_from(high).unwrap_or_default() % PLACES
}

/// The first slice that a waiter sleeps for; each is twice as long as the one before it.
const FIRST_SLICE: Duration = Duration::from_millis(4);

/// The longest slice, and the latest that a notice is noticed.
const LONGEST_SLICE: Duration = Duration::from_millis(50);

/// Meetings for platforms on which no request may wake another: waiters sleep in short slices, and look after each whether a
/// generation of their place has ended.
#[derive(Debug)]
pub struct Generations([AtomicU64; PLACES]);

impl Default for Generations {
    fn default() -> Self {
        Self::new()
    }
}

impl Generations {
    /// Places where nobody waits.
    #[must_use]
    pub const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; PLACES])
    }

    /// Does as [`Meeting::wait`] says, by sleeps of `clock`.
    pub fn wait(&self, clock: &impl Clock, key: &str, at_most: Duration) -> impl Future<Output = ()> {
        let place = place(key);
        // Read at the call, so that a notice before the first poll counts.
        let begun = self.generation(place);
        async move {
            let (mut left, mut slice) = (at_most, FIRST_SLICE);
            while !left.is_zero() && self.generation(place) == begun {
                let next = slice.min(left);
                clock.sleep(next).await;
                left = left.saturating_sub(next);
                slice = slice.saturating_mul(2).min(LONGEST_SLICE);
            }
        }
    }

    /// Does as [`Meeting::notify`] says.
    pub fn notify(&self, key: &str) {
        if let Some(generation) = self.0.get(place(key)) {
            generation.fetch_add(1, Ordering::Release);
        }
    }

    fn generation(&self, place: usize) -> u64 {
        self.0.get(place).map_or(0, |generation| generation.load(Ordering::Acquire))
    }
}

#[cfg(test)]
mod tests {
    use core::cell::{Cell, RefCell};
    use core::pin::pin;
    use core::task::{Context, Poll, Waker};

    use super::*;
    use crate::time::Timestamp;

    /// A clock on which every sleep is over when it is polled again.
    #[derive(Default)]
    struct Slices {
        slept: RefCell<Vec<u64>>,
        total: Cell<Duration>,
    }

    impl Clock for Slices {
        fn now(&self) -> Timestamp {
            Timestamp::from_unix_millis(0)
        }

        fn monotonic(&self) -> Duration {
            self.total.get()
        }

        async fn sleep(&self, duration: Duration) {
            let mut polled = false;
            core::future::poll_fn(
                |_| {
                    if core::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }
                },
            )
            .await;
            self.slept.borrow_mut().push(u64::try_from(duration.as_millis()).unwrap());
            self.total.set(self.total.get() + duration);
        }
    }

    /// Polls `wait` until it ends, at most `times`.
    fn poll(wait: impl Future<Output = ()>, times: usize, mut between: impl FnMut(usize)) -> Option<usize> {
        let mut wait = pin!(wait);
        (0..times).find(|time| {
            between(*time);
            wait.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
        })
    }

    /// [`Meeting::wait`]: at most as long as it is told, in slices that grow.
    #[test]
    fn a_wait_without_a_notice_ends_when_its_time_is_over() {
        let (clock, meetings) = (Slices::default(), Generations::new());
        assert!(poll(meetings.wait(&clock, "a", Duration::from_millis(120)), 100, |_| ()).is_some());
        assert_eq!(*clock.slept.borrow(), [4, 8, 16, 32, 50, 10]);
        assert_eq!(poll(meetings.wait(&clock, "a", Duration::ZERO), 1, |_| ()), Some(0));
    }

    /// [`Meeting::wait`]: a notice ends the waits that have begun, at the end of their slice, and no later ones.
    #[test]
    fn a_notice_ends_the_waits_that_have_begun() {
        let (clock, meetings) = (Slices::default(), Generations::new());
        meetings.notify("a");
        let hour = Duration::from_secs(3_600);
        let ended = poll(meetings.wait(&clock, "a", hour), 10, |time| {
            if time == 2 {
                meetings.notify("a");
            }
        });
        assert_eq!(ended, Some(2));
        assert_eq!(poll(meetings.wait(&clock, "a", hour), 10, |_| ()), None);
    }

    /// [`Meeting::wait`]: every notice after the call counts.
    #[test]
    fn a_notice_before_the_first_poll_is_not_lost() {
        let (clock, meetings) = (Slices::default(), Generations::new());
        let wait = meetings.wait(&clock, "a", Duration::from_secs(3_600));
        meetings.notify("a");
        assert_eq!(poll(wait, 1, |_| ()), Some(0));
        assert_eq!(clock.total.get(), Duration::ZERO);
    }

    /// A place for each key, and keys that differ little all over the places.
    #[test]
    fn keys_are_spread_over_the_places() {
        let places: std::collections::BTreeSet<_> = (0..20_000).map(|n| place(&format!("flag:f{n}"))).collect();
        assert_eq!(places.into_iter().collect::<Vec<_>>(), (0..PLACES).collect::<Vec<_>>());
    }
}
