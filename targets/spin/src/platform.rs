//! The abilities of Spin, its clock and its random numbers.

use std::future::ready;
use std::io::Write as _;
use std::num::NonZeroU64;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use gateway_core::jose::key::VerifyingKey;
use gateway_core::jose::signing_key::SigningKey;
use gateway_core::policy::counter::{CounterOp, CounterVerdict};
use gateway_core::ports::{
    Capabilities, Clock, Counters, Generations, Instance, KeyUnusable, KeyValue as _, Log, Meeting, NoRandom, Platform,
    Random, Sign, StoreFailure, Verify, fill_from,
};
use gateway_core::response_store;
use gateway_core::time::Timestamp;
use gateway_core::together::together;
use spin_sdk::wasip3::clocks::{monotonic_clock, system_clock};
use spin_sdk::wasip3::random::random;

use crate::counters::Cells;
use crate::counters::redis::Server;
use crate::expiries::Expiries;
use crate::key_value::Store;

/// The gateway's view of Spin; one per instance, and all of its copies are that.
#[derive(Clone)]
pub(crate) struct Spin {
    pub(crate) values: Rc<Store>,
    pub(crate) expiries: Expiries,
    /// The Redis that holds the values of the cache, in place of the key-value store.
    pub(crate) shared: Option<Rc<Server>>,
    pub(crate) cells: Rc<Cells>,
    meetings: Rc<Generations>,
}

impl Spin {
    /// The platform with counters in the Redis at `counters`, or in SQLite without one, and with stored responses in the one at `responses`, or
    /// in the key-value store. Values with an end are noted if `notes`.
    pub(crate) fn new(counters: Option<String>, responses: Option<String>, notes: bool) -> Self {
        Self {
            values: Rc::default(),
            expiries: Expiries::new(notes),
            shared: responses.map(|url| Rc::new(Server::new(url, "stored responses"))),
            cells: Rc::new(Cells::new(counters)),
            meetings: Rc::default(),
        }
    }
}

impl Instance for Spin {}

impl Platform for Spin {
    const CAPABILITIES: Capabilities = Capabilities::SPIN;
    const POOLED_BY_HOST: bool = true;
    const SWEEP_ONE_IN: Option<NonZeroU64> = NonZeroU64::new(64);

    fn purges_in_store(&self) -> bool {
        true
    }

    fn flights_in_store(&self) -> bool {
        true
    }

    async fn sweep(&self) {
        self.cells.sweep(self.now()).await;
        for key in self.expiries.take_expired(self.now()).await {
            // Whoever writes it at this moment loses a response, which is asked for again.
            let _ = self.delete(&key).await;
        }
    }
}

impl Verify for Spin {
    fn verify(
        &self,
        key: &VerifyingKey,
        signed: &[u8],
        signature: &[u8],
    ) -> impl Future<Output = Result<bool, KeyUnusable>> {
        ready(edgeway_verify_rust::verify(key, signed, signature))
    }
}

impl Sign for Spin {
    fn sign(&self, key: &SigningKey, signed: &[u8]) -> impl Future<Output = Result<Bytes, KeyUnusable>> {
        ready(edgeway_verify_rust::sign(key, signed).map(Bytes::from))
    }
}

impl Clock for Spin {
    fn now(&self) -> Timestamp {
        let now = system_clock::now();
        let seconds = u64::try_from(now.seconds).unwrap_or(0);
        let millis = seconds.saturating_mul(1000).saturating_add(u64::from(now.nanoseconds / 1_000_000));
        Timestamp::from_unix_millis(millis)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_nanos(monotonic_clock::now())
    }

    async fn sleep(&self, duration: Duration) {
        monotonic_clock::wait_for(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)).await;
    }
}

/// A wake across tasks panics here, so waiters sleep in slices.
impl Meeting for Spin {
    fn wait(&self, key: &str, at_most: Duration) -> impl Future<Output = ()> {
        self.meetings.wait(self, key, at_most)
    }

    fn notify(&self, key: &str) {
        self.meetings.notify(key);
    }
}

impl Log for Spin {
    fn log(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut lines = Vec::new();
        write(&mut lines);
        // If standard output is closed, there is nowhere to report that.
        let _ = std::io::stdout().lock().write_all(&lines);
    }
}

impl Random for Spin {
    fn next_u64(&self) -> u64 {
        HostRandom.next_u64()
    }

    fn fill_secret(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
        HostRandom.fill_secret(bytes)
    }
}

/// The host's random numbers, available before any gateway.
pub(crate) struct HostRandom;

impl Random for HostRandom {
    fn next_u64(&self) -> u64 {
        random::get_random_u64()
    }

    fn fill_secret(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
        fill_from(bytes, random::get_random_u64);
        Ok(())
    }
}

impl Counters for Spin {
    fn counter_store(&self) -> &'static str {
        self.cells.name()
    }

    fn asks_at_once(&self) -> bool {
        self.cells.asks_at_once()
    }

    async fn apply_all(&self, asked: &[(&str, CounterOp)]) -> Vec<Result<CounterVerdict, StoreFailure>> {
        self.cells.prepare().await;
        together(asked.iter().map(|(cell, op)| self.apply(cell, *op))).await
    }

    async fn apply(&self, cell: &str, op: CounterOp) -> Result<CounterVerdict, StoreFailure> {
        match self.shared.as_ref().filter(|_| response_store::is_cell(cell)) {
            None => self.cells.apply(cell, op, self.now()).await,
            Some(shared) => shared.apply(cell, op, self.now()).await,
        }
    }
}
