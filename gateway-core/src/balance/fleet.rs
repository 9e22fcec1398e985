//! What is known of the places of upstreams, by all threads of a process, and beyond reloads.

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::adaptive::Load;
use super::breaker::Circuit;
use super::copies::Copies;
use super::found::Found;
use super::hedge::Latencies;
use super::retry::Budget;
use super::trial::Trial;
use super::vitals::Vitals;
use crate::numbers::Numbered;
use crate::policy::remembered::Remembered;

/// What is known of an upstream, and of its places.
#[derive(Debug, Default)]
pub struct Fleet {
    /// The further attempts that it may have.
    pub budget: Budget,
    /// The places that were discovered.
    pub found: Remembered<Arc<Found>>,
    /// How long its calls have taken, where somebody goes by that.
    pub latencies: Latencies,
    /// The further attempts that it had since the start.
    retries: AtomicU64,
    /// The copies of requests that it is sent.
    pub copies: Copies,
    circuit: Mutex<Circuit>,
    load: Mutex<Load>,
    places: Mutex<Vec<(Box<str>, Arc<Vitals>)>>,
}

impl Fleet {
    /// Takes a further attempt out of the budget, unless nobody has seen the last one, which is no load then; returns whether there was one.
    pub fn take_attempt(&self, was_seen: bool) -> bool {
        let is_there = !was_seen || self.budget.take();
        if is_there {
            self.retries.fetch_add(1, Ordering::Relaxed);
        }
        is_there
    }

    /// The further attempts since the start.
    #[must_use]
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// Does `work` with the state of its breaker.
    pub fn circuit<T>(&self, work: impl FnOnce(&mut Circuit) -> T) -> T {
        work(&mut self.circuit.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Does `work` with the state of its adaptive limit.
    pub fn load<T>(&self, work: impl FnOnce(&mut Load) -> T) -> T {
        work(&mut self.load.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is known of these places. One that is new beside others warms up. Others that nobody uses any more are forgotten.
    pub(crate) fn vitals(&self, names: impl Iterator<Item = String>) -> Box<[Arc<Vitals>]> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        // All that are there from the beginning are as warm as each other.
        let are_first = places.is_empty();
        let found = names
            .map(|name| match places.iter().find(|(known, _)| **known == *name) {
                Some((_, vitals)) => Arc::clone(vitals),
                None => {
                    let vitals = Arc::<Vitals>::default();
                    if !are_first {
                        vitals.arrives();
                    }
                    places.push((name.into(), Arc::clone(&vitals)));
                    vitals
                }
            })
            .collect();
        places.retain(|(_, vitals)| Arc::strong_count(vitals) > 1);
        found
    }
}

/// A call that a breaker has let through to try: it is given back if nothing is heard of it, as where its client has left.
#[derive(Debug)]
pub struct Probe {
    fleet: Option<Arc<Fleet>>,
    /// The times that the breaker had opened by then.
    opened: u64,
}

impl Probe {
    /// One that the breaker of `fleet` has let through.
    pub(crate) fn of(fleet: &Arc<Fleet>, opened: u64) -> Self {
        Self { fleet: Some(Arc::clone(fleet)), opened }
    }

    /// Notes that what has become of it was told.
    pub(super) fn heard(mut self) {
        self.fleet = None;
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        if let Some(fleet) = &self.fleet {
            fleet.circuit(|circuit| circuit.give_back(self.opened));
        }
    }
}

/// The fleets by the names of their upstreams.
#[derive(Debug, Default)]
pub struct Fleets {
    fleets: Mutex<Numbered<Arc<Fleet>>>,
    /// The roll-outs by their fingerprints.
    trials: Mutex<Numbered<Arc<Trial>>>,
}

impl Fleets {
    /// Forgets those that nobody uses any more.
    pub(crate) fn forget_unused(&self) {
        forget(&self.fleets);
        forget(&self.trials);
    }

    /// The fleet of the upstream called `name`.
    pub(crate) fn of(&self, name: &str) -> Arc<Fleet> {
        find(&self.fleets, name)
    }

    /// What is known of the roll-out with this fingerprint.
    pub(crate) fn trial(&self, id: &str) -> Arc<Trial> {
        find(&self.trials, id)
    }
}

fn forget<T: Default>(all: &Mutex<Numbered<Arc<T>>>) {
    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
    let mut used = Numbered::default();
    for (name, one) in all.iter().filter(|(_, one)| Arc::strong_count(one) > 1) {
        // INVARIANT: each name is there once.
        let _ = used.add(name, Arc::clone(one));
    }
    *all = used;
}

fn find<T: Default>(all: &Mutex<Numbered<Arc<T>>>, name: &str) -> Arc<T> {
    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
    all.of(name).map(|one| Arc::clone(one)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ARCHITECTURE.md, State: by what it is of, never by where it stands, and nothing of what is gone.
    #[test]
    fn places_are_known_by_their_names_for_as_long_as_they_are_used() {
        let fleets = Fleets::default();
        let of = |names: &[&str]| fleets.of("u").vitals(names.iter().map(|name| (*name).to_owned()));
        let first = of(&["a", "b"]);
        let second = of(&["b", "c", "b"]);
        assert!(Arc::ptr_eq(&first[1], &second[0]) && Arc::ptr_eq(&second[0], &second[2]));
        let a = Arc::downgrade(&first[0]);
        drop(first);
        drop(of(&["c"]));
        assert!(a.upgrade().is_none());
        let (u, v) = (fleets.of("u"), Arc::downgrade(&fleets.of("v")));
        assert!(Arc::ptr_eq(&u, &fleets.of("u")) && v.upgrade().is_some_and(|v| !Arc::ptr_eq(&u, &v)));
        fleets.forget_unused();
        assert!(Arc::ptr_eq(&u, &fleets.of("u")) && v.upgrade().is_none());
    }
}
