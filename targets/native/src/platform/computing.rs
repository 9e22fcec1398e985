//! Work that takes long to compute, beside the threads that serve requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gateway_core::ports::Work;
use tokio::sync::Semaphore;

/// The work that may wait, by the time that it takes: who comes later is told at once that there is too much of it.
const MOST_WAITING: Duration = Duration::from_secs(2);

/// The threads that compute, and what waits for them.
#[derive(Debug)]
pub struct Computing {
    turns: Arc<Semaphore>,
    threads: u64,
    waiting: AtomicUsize,
    /// The time that a piece of work took lately, in microseconds.
    usual: AtomicU64,
}

impl Default for Computing {
    /// Half of the cores, so that the other half serves.
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1));
        Self {
            turns: Arc::new(Semaphore::new(threads)),
            threads: u64::try_from(threads).unwrap_or(1),
            waiting: AtomicUsize::new(0),
            usual: AtomicU64::new(0),
        }
    }
}

impl Computing {
    /// Does `work`, even if nobody waits for it any more; `None` if too much waits already, or it fails.
    pub async fn compute(self: &Arc<Self>, work: Work) -> Option<bool> {
        let waiting = u64::try_from(self.waiting.load(Ordering::Relaxed)).unwrap_or(u64::MAX);
        let micros = waiting.saturating_mul(self.usual.load(Ordering::Relaxed)) / self.threads;
        if Duration::from_micros(micros) > MOST_WAITING {
            return None;
        }
        let place = Place::new(Arc::clone(self));
        let task = tokio::spawn(async move {
            let turn = Arc::clone(&place.0.turns).acquire_owned().await.ok()?;
            let computed = tokio::task::spawn_blocking(move || {
                let begun = Instant::now();
                let result = work();
                place.0.took(begun.elapsed());
                drop((turn, place));
                result
            });
            computed.await.ok().flatten()
        });
        task.await.ok().flatten()
    }

    fn took(&self, time: Duration) {
        let time = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let usual = self.usual.load(Ordering::Relaxed);
        // Two that end at once may count as one: it is a guess.
        self.usual.store(usual / 4 * 3 + time / 4, Ordering::Relaxed);
    }
}

/// A piece of work that waits or is under way.
struct Place(Arc<Computing>);

impl Place {
    fn new(computing: Arc<Computing>) -> Self {
        computing.waiting.fetch_add(1, Ordering::Relaxed);
        Self(computing)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// docs/configuration.md, Names and passwords: where too much waits, who comes is told at once.
    #[tokio::test]
    async fn what_waits_is_bounded_by_the_time_that_it_takes() {
        let computing = Arc::new(Computing::default());
        assert_eq!(computing.compute(Box::new(|| Some(true))).await, Some(true));
        assert_eq!(computing.compute(Box::new(|| None)).await, None);
        computing.usual.store(1_000_000, Ordering::Relaxed);
        let places: Vec<Place> = (0..=2 * computing.threads).map(|_| Place::new(Arc::clone(&computing))).collect();
        assert_eq!(computing.compute(Box::new(|| Some(true))).await, None);
        drop(places);
        assert_eq!(computing.compute(Box::new(|| Some(false))).await, Some(false));
        assert_eq!(computing.waiting.load(Ordering::Relaxed), 0);
    }

    /// A client that leaves does not undo the work that it has asked for.
    #[tokio::test]
    async fn work_goes_on_without_whoever_has_asked_for_it() {
        let computing = Arc::new(Computing::default());
        let (done, is_done) = tokio::sync::oneshot::channel();
        let work = computing.compute(Box::new(move || done.send(()).ok().map(|()| true)));
        tokio::select! {
            biased;
            _ = work => panic!("it is done before it has begun"),
            () = std::future::ready(()) => {}
        }
        is_done.await.unwrap();
    }
}
