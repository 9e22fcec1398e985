//! Requests that wait for one another, and are woken.

use core::cell::RefCell;
use core::future::poll_fn;
use core::pin::pin;
use core::task::{Poll, Waker};
use core::time::Duration;
use std::collections::BTreeMap;

use crate::world::World;

/// The notices for each key so far, and the requests to wake at the next.
#[derive(Default)]
pub(crate) struct Meetings(RefCell<BTreeMap<String, (u64, Vec<Waker>)>>);

impl Meetings {
    /// Waits for the next notice, for at most `at_most`; now and then, by chance, for less.
    pub(crate) fn wait(&self, world: &World, key: &str, at_most: Duration) -> impl Future<Output = ()> {
        let key = key.to_owned();
        let begun = self.notices(&key);
        let least = match world.chance.below(4) {
            0 => at_most.mul_f64(world.chance.below(4) as f64 / 4.0),
            _ => at_most,
        };
        async move {
            // A wait that ends at once still lets the others go first.
            world.linger().await;
            let mut sleep = pin!(world.sleep(least));
            poll_fn(|context| {
                if self.notices(&key) != begun {
                    return Poll::Ready(());
                }
                self.0.borrow_mut().entry(key.clone()).or_default().1.push(context.waker().clone());
                sleep.as_mut().poll(context)
            })
            .await;
        }
    }

    /// Ends the waits for `key` that have begun.
    pub(crate) fn notify(&self, key: &str) {
        let mut places = self.0.borrow_mut();
        let (notices, wakers) = places.entry(key.to_owned()).or_default();
        *notices += 1;
        wakers.drain(..).for_each(Waker::wake);
    }

    fn notices(&self, key: &str) -> u64 {
        self.0.borrow().get(key).map_or(0, |(notices, _)| *notices)
    }
}
