//! The places where requests of all threads wait for one another.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::time::Duration;

use gateway_core::ports::PLACES;
use tokio::sync::Notify;

/// Places by hash of the key, in a fixed number for any number of keys. The hash has a key of its own, so that nobody chooses who meets.
#[derive(Debug)]
pub struct Meetings {
    places: Box<[Notify]>,
    hasher: RandomState,
}

impl Default for Meetings {
    fn default() -> Self {
        Self { places: (0..PLACES).map(|_| Notify::new()).collect(), hasher: RandomState::new() }
    }
}

impl Meetings {
    fn place(&self, key: &str) -> Option<&Notify> {
        let place = self.hasher.hash_one(key) % PLACES as u64;
        self.places.get(usize::try_from(place).ok()?)
    }

    /// Waits until the next notice for `key`, and for `at_most` if none comes.
    pub fn wait(&self, key: &str, at_most: Duration) -> impl Future<Output = ()> {
        // INVARIANT: a `Notified` gets every `notify_waiters` from its creation on, polled or not. So it is created at
        // the call, and not in the `async` block, which does nothing before it is polled.
        let notified = self.place(key).map(Notify::notified);
        async move {
            match notified {
                Some(notified) => drop(tokio::time::timeout(at_most, notified).await),
                None => tokio::time::sleep(at_most).await,
            }
        }
    }

    /// Ends the waits for `key` that have begun, on any thread.
    pub fn notify(&self, key: &str) {
        if let Some(place) = self.place(key) {
            place.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    /// gateway-core, `Meeting::wait`: every notice after the call counts, also one before the first poll.
    #[tokio::test(start_paused = true)]
    async fn a_notice_before_the_first_poll_is_not_lost() {
        let meetings = Meetings::default();
        let begun = tokio::time::Instant::now();
        let wait = meetings.wait("a", HOUR);
        meetings.notify("a");
        wait.await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }

    /// gateway-core, `Meeting`: where nobody waits, nothing is remembered, and a wait ends with its time.
    #[tokio::test(start_paused = true)]
    async fn a_notice_that_nobody_waits_for_is_forgotten() {
        let meetings = Meetings::default();
        let begun = tokio::time::Instant::now();
        meetings.notify("a");
        meetings.wait("a", HOUR).await;
        assert!(begun.elapsed() >= HOUR);
    }

    /// gateway-core, `Meeting`: whoever looks between the call of `wait` and its `await` loses no notice, in whatever threads
    /// the two are. A lost one has its waiter wait for a minute, of a clock that is real here.
    #[test]
    fn no_notice_is_lost_between_threads() {
        const MINUTE: Duration = Duration::from_secs(60);
        const ROUNDS: usize = 2_000;
        const FOLLOWERS: usize = 8;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
        let meetings = Arc::new(Meetings::default());
        let (reached, passed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let followers = (0..FOLLOWERS).map(|_| {
            let (meetings, reached, passed) = (Arc::clone(&meetings), Arc::clone(&reached), Arc::clone(&passed));
            runtime.spawn(async move {
                for round in 1..=ROUNDS {
                    while reached.load(Ordering::SeqCst) < round {
                        let wait = meetings.wait("round", MINUTE);
                        if reached.load(Ordering::SeqCst) < round {
                            // Here the notice may come.
                            tokio::task::yield_now().await;
                            let begun = tokio::time::Instant::now();
                            wait.await;
                            assert!(begun.elapsed() < MINUTE, "a notice was lost");
                        }
                    }
                    passed.fetch_add(1, Ordering::SeqCst);
                }
            })
        });
        let followers: Vec<_> = followers.collect();
        let leader = std::thread::spawn(move || {
            for round in 1..=ROUNDS {
                reached.store(round, Ordering::SeqCst);
                meetings.notify("round");
                // Each round has one notice: no later one makes up for it.
                while passed.load(Ordering::SeqCst) < round * FOLLOWERS {
                    std::thread::yield_now();
                }
            }
        });
        leader.join().unwrap();
        for ended in runtime.block_on(join_all(followers)) {
            ended.unwrap();
        }
    }
}
