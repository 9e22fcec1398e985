//! What exists in a simulation.

use core::cell::{Cell, RefCell};
use core::future::poll_fn;
use core::task::{Poll, Waker};
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use edgeway_corpus::{Call, Reply};
use gateway_core::cache::resource::{Resource, Variant};
use gateway_core::policy::counter::State;
use gateway_core::ports::Generations;
use gateway_core::time::Timestamp;
use http::HeaderMap;

use crate::chance::Chance;
use crate::meetings::Meetings;

/// When every simulation begins: 2026-01-01T00:00:00Z.
const START: u64 = 1_767_225_600_000;

/// What an upstream does with a call.
type Script = Box<dyn FnMut(&Call) -> Reply>;

/// What exists: chance, time, stores and upstreams.
pub struct World {
    /// The seed's chance.
    pub chance: Chance,
    now: Cell<u64>,
    timers: RefCell<Vec<(u64, Waker)>>,
    script: RefCell<Script>,
    calls: RefCell<Vec<Call>>,
    /// Counter cells: state and when it may be forgotten.
    pub(crate) cells: RefCell<BTreeMap<String, (State, u64)>>,
    /// The key-value store: values and when they expire.
    pub(crate) values: RefCell<BTreeMap<String, (Bytes, Option<u64>)>>,
    /// The stored responses.
    pub(crate) responses: RefCell<BTreeMap<String, Arc<Resource>>>,
    /// Whether responses are stored in the key-value store: chance decides.
    pub stores_apart: bool,
    /// Whether the requests of several instances are one flight: chance decides.
    pub flights_in_store: Cell<bool>,
    /// Whether purges live in the key-value store: chance decides.
    pub purges_in_store: Cell<bool>,
    /// Set if the places that fail their checks stand in the store.
    pub checks_in_store: Cell<bool>,
    /// The reads of the key-value store.
    pub reads: Cell<usize>,
    /// Whether several cells are asked in one round trip: chance decides.
    pub asks_at_once: Cell<bool>,
    /// The round trips to counter cells.
    pub counts: Cell<usize>,
    /// Whether stores fail.
    pub stores_fail: Cell<bool>,
    /// Whether nothing can be written to the key-value store.
    pub is_unwritable: Cell<bool>,
    /// Whether stores never answer.
    pub stores_hang: Cell<bool>,
    /// How many request bodies were collected.
    pub collected: Cell<usize>,
    /// Whether responses of upstreams may be collected: some are stored.
    pub collects_responses: Cell<bool>,
    /// The heads that calls said their responses would have in the end.
    pub(crate) promised: RefCell<Vec<HeaderMap>>,
    /// The access log.
    pub(crate) log: RefCell<Vec<u8>>,
    /// Where requests wait for one another, if this world lets one wake another.
    pub(crate) meetings: Meetings,
    /// Where they do if it does not.
    pub(crate) generations: Generations,
    /// Whether waiters sleep in slices, as on Workers and Spin: chance decides.
    pub(crate) meets_in_slices: bool,
}

impl core::fmt::Debug for World {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("World").field("now", &self.now).field("calls", &self.calls).finish_non_exhaustive()
    }
}

impl World {
    /// A world of this seed, whose upstreams answer 200.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            chance: Chance::new(seed),
            now: Cell::new(START),
            timers: RefCell::default(),
            script: RefCell::new(Box::new(|_| Reply::default())),
            calls: RefCell::default(),
            cells: RefCell::default(),
            values: RefCell::default(),
            responses: RefCell::default(),
            stores_apart: Chance::new(seed).below(3) == 0,
            flights_in_store: Cell::new(Chance::new(seed).bits() & 1 << 9 == 0),
            checks_in_store: Cell::new(false),
            purges_in_store: Cell::new(Chance::new(seed).bits() & 1 << 8 == 0),
            asks_at_once: Cell::new(Chance::new(seed).bits() & 1 << 10 == 0),
            counts: Cell::new(0),
            reads: Cell::new(0),
            stores_fail: Cell::new(false),
            is_unwritable: Cell::new(false),
            stores_hang: Cell::new(false),
            collected: Cell::new(0),
            collects_responses: Cell::new(false),
            promised: RefCell::default(),
            log: RefCell::default(),
            meetings: Meetings::default(),
            generations: Generations::new(),
            // Of a sequence of its own, so that the rest of the run is the same either way.
            meets_in_slices: Chance::new(seed).below(2) == 0,
        }
    }

    /// Upstreams do as `script` says from now on.
    pub fn set_script(&self, script: impl FnMut(&Call) -> Reply + 'static) {
        *self.script.borrow_mut() = Box::new(script);
    }

    /// What upstreams do with `call`, which is noted.
    pub(crate) fn reply_to(&self, call: Call) -> Reply {
        let reply = (self.script.borrow_mut())(&call);
        self.calls.borrow_mut().push(call);
        reply
    }

    /// The calls that reached upstreams since the last time.
    pub fn take_calls(&self) -> Vec<Call> {
        self.calls.take()
    }

    /// The lines of the access log since the last time.
    pub fn take_log(&self) -> Vec<String> {
        String::from_utf8_lossy(&self.log.take()).lines().map(str::to_owned).collect()
    }

    /// Another program writes to the key-value store, or removes what is there.
    pub fn set_value(&self, key: &str, value: Option<&'static str>) {
        let mut values = self.values.borrow_mut();
        match value {
            Some(value) => values.insert(key.to_owned(), (Bytes::from(value), None)),
            None => values.remove(key),
        };
    }

    /// Puts a response among those to requests for `resource`.
    pub(crate) fn store(&self, resource: &str, variant: Arc<Variant>) {
        let mut responses = self.responses.borrow_mut();
        let known = responses.get(resource).cloned().unwrap_or_default();
        responses.insert(resource.to_owned(), Arc::new(known.with(variant)));
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.now.get())
    }

    /// Moves the clock on while nothing runs.
    pub fn advance(&self, duration: Duration) {
        self.now.set(self.now.get() + duration.as_millis() as u64);
    }

    /// Waits for `duration` of virtual time.
    pub async fn sleep(&self, duration: Duration) {
        let until = self.now.get() + duration.as_millis() as u64;
        poll_fn(|context| {
            if self.now.get() >= until {
                return Poll::Ready(());
            }
            self.timers.borrow_mut().push((until, context.waker().clone()));
            Poll::Pending
        })
        .await;
    }

    /// Lets others go first, as often as chance wants.
    pub async fn linger(&self) {
        for _ in 0..self.chance.below(4) {
            let mut waited = false;
            poll_fn(|context| {
                if waited {
                    return Poll::Ready(());
                }
                waited = true;
                context.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
        }
    }

    /// Moves the clock to the next timer and wakes what waits for it; `false` if there is none.
    pub(crate) fn next_timer(&self) -> bool {
        let mut timers = self.timers.borrow_mut();
        let Some(next) = timers.iter().map(|(until, _)| *until).min() else { return false };
        self.now.set(next.max(self.now.get()));
        timers.retain(|(until, waker)| {
            if *until <= next {
                waker.wake_by_ref();
            }
            *until > next
        });
        true
    }
}
