//! The answer to a request, and the work that it leaves.

use std::sync::Arc;

use http::Response;

use crate::body::Body;
use crate::policy::counter::CounterOp;
use crate::policy::watch::Watch;
use crate::ports::Platform;
use crate::record::{Claim, Mirrored, Owed, Permit, Revalidation};
use crate::time::Clock;

/// The answer to a request, and the work that is left when it has been given.
pub struct Outcome<P: Platform> {
    /// The answer.
    pub reply: Reply<P>,
    /// The work that is to be done after the answer, by [`Gateway::run_after`](crate::gateway::Gateway::run_after); mostly none.
    pub after: Vec<After>,
}

/// The answer to a request.
pub enum Reply<P: Platform> {
    /// A response.
    Http(Response<Body<P::Stream>>),
    /// The head of a 101 (Switching Protocols), and the upstream's end of the tunnel that opens with it.
    Upgrade(Response<()>, P::Socket),
}

/// Work that is left when a request has been answered, or when its exchange has ended.
#[derive(Debug)]
pub enum After {
    /// Clear out what has expired in the platform's stores.
    Sweep,
    /// Give a permit of the request back.
    Release(Permit),
    /// Ask an issuer for its keys again.
    RefreshKeys {
        /// The index of their source: see [`Plan::key_source`](crate::plan::Plan::key_source).
        source: usize,
    },
    /// Write the keys of an issuer to the key-value store, for other instances.
    KeepKeys {
        /// The index of their source.
        source: usize,
    },
    /// Ask for the token of an upstream again.
    RefreshToken {
        /// The index of its source: see [`Plan::token_source`](crate::plan::Plan::token_source).
        source: usize,
    },
    /// Read entries of the key-value store again.
    RefreshEntries(Arc<Watch>),
    /// Apply an operation to a cell of a rate limit.
    Settle(Box<(String, CounterOp)>),
    /// Give back a counter cell of a request that has come to nobody.
    GiveBack(Box<str>),
    /// Ask for a stored response again.
    Revalidate(Box<Revalidation>),
    /// Send a copy of a request to another upstream.
    Mirror(Box<Mirrored>),
    /// Read the purges of stored responses again.
    RefreshPurges,
    /// Ask where an upstream is again.
    Discover {
        /// Its index in [`Plan::upstreams`](crate::plan::Plan::upstreams).
        upstream: usize,
    },
    /// Read again which places fail their checks.
    RefreshChecks,
    /// Tell the store of a roll-out what was counted, and go by what it knows.
    Rollout {
        /// The index of its route in [`Plan::routes`](crate::plan::Plan::routes).
        route: usize,
    },
    /// Read a flag again.
    RefreshFlag {
        /// Its index in [`Plan::flags`](crate::plan::Plan::flags).
        flag: usize,
    },
}

impl After {
    /// What is left to do of `owed`.
    pub(crate) fn of(owed: Owed, clock: &impl Clock) -> Option<Self> {
        Some(match owed {
            Owed::RefreshKeys(source) => Self::RefreshKeys { source },
            Owed::KeepKeys(source) => Self::KeepKeys { source },
            Owed::RefreshToken(source) => Self::RefreshToken { source },
            Owed::RefreshEntries(watch) => Self::RefreshEntries(watch),
            Owed::Revalidate(one) => Self::Revalidate(one),
            Owed::Mirror(one) => Self::Mirror(one),
            Owed::RefreshPurges => Self::RefreshPurges,
            Owed::Discover(upstream) => Self::Discover { upstream },
            Owed::RefreshChecks => Self::RefreshChecks,
            Owed::GiveBack(cell) => Self::GiveBack(cell),
            Owed::Settle(one) => Self::Settle(one),
            Owed::Claimed(claim) => {
                let Claim { cell, holder, unknown } = *claim;
                Self::Settle(Box::new((cell, CounterOp::Conclude { holder, keep: unknown })))
            }
            Owed::Filtered(_) | Owed::Expected(_) => return None,
            Owed::Unsettled(one) => Self::Settle(Box::new(one.settle(clock)?)),
        })
    }
}
