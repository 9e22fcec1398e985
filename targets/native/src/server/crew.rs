//! The workers of the process, which the platforms of each can see.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use arc_swap::ArcSwap;
use gateway_core::ports::{Address, Clients, Connections, Operation};
use gateway_core::state::State;

use super::access_log::LogState;
use super::operation::Operations;
use super::refusals::Refusals;
use super::room::Room;
use super::worker::Serving;
use crate::upstream::PoolKey;

/// The workers of the process.
#[derive(Debug, Default)]
pub(crate) struct Crew {
    /// Set once the server is about to stop, though it still takes requests.
    pub(super) leaving: AtomicBool,
    /// Set once connections are refused.
    pub(super) shutdown: Arc<AtomicBool>,
    /// The room for clients.
    pub(super) room: Arc<Room>,
    /// What goes on beside requests.
    pub(super) operations: Operations,
    /// The certificates of clients that were refused.
    pub(super) refusals: Arc<Refusals>,
    /// The state of the access log.
    pub(super) log: Arc<LogState>,
    // Weak, because the serving state holds the crew in turn.
    members: Mutex<Vec<Weak<ArcSwap<Serving>>>>,
}

impl Crew {
    /// A crew without workers, with `room` for clients.
    pub(super) fn new(room: Room) -> Self {
        Self { room: Arc::new(room), ..Self::default() }
    }

    /// Adds a worker that runs on `serving`.
    pub(super) fn join(&self, serving: &Arc<ArcSwap<Serving>>) {
        self.members.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(serving));
    }

    /// Returns whether the server is about to stop, or drains.
    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    /// The lines of the access log that were lost.
    pub(crate) fn lost_log_lines(&self) -> u64 {
        self.log.health.failures()
    }

    /// What goes on beside requests.
    pub(crate) fn operation(&self) -> Operation {
        self.operations.now()
    }

    /// The connections of clients.
    pub(crate) fn clients(&self) -> Clients {
        self.room.clients()
    }

    /// Shows the state of each worker.
    pub(crate) fn each_state(&self, mut show: impl FnMut(&State)) {
        self.each(|serving| show(serving.gateway.state()));
    }

    /// The connections of all workers by `key`.
    pub(crate) fn connections(&self, key: &PoolKey) -> Connections {
        let mut all = Connections::default();
        self.each(|serving| {
            let of_worker = serving.gateway.platform().pool(key).map(|pool| pool.connections()).unwrap_or_default();
            all.open += of_worker.open;
            all.idle += of_worker.idle;
        });
        all
    }

    /// The addresses that the workers know by `key`. One counts as down if any worker skips it.
    pub(crate) fn addresses(&self, key: &PoolKey) -> Vec<Address> {
        let mut all: Vec<Address> = Vec::new();
        self.each(|serving| {
            for known in serving.gateway.platform().pool(key).map(|pool| pool.addresses()).unwrap_or_default() {
                match all.iter_mut().find(|listed| listed.address == known.address) {
                    Some(listed) => listed.down |= known.down,
                    None => all.push(known),
                }
            }
        });
        all
    }

    fn each(&self, mut show: impl FnMut(&Serving)) {
        for member in self.members.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if let Some(serving) = member.upgrade() {
                show(&serving.load());
            }
        }
    }
}
