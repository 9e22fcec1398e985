//! The places of an upstream that were discovered.

use core::time::Duration;
use std::sync::Arc;

use super::endpoint::Endpoint;
use super::fleet::Fleet;
use super::levels;
use super::vitals::Vitals;
use super::{Balance, Level};

/// The places of an upstream that were discovered at one time.
#[derive(Debug)]
pub struct Found {
    /// The places; not empty.
    pub endpoints: Box<[Arc<Endpoint>]>,
    /// The same by priority.
    pub levels: Box<[Level]>,
    /// What is known of each.
    pub vitals: Box<[Arc<Vitals>]>,
    /// The state of its source that it shows, where the source numbers them.
    pub index: Option<u64>,
    /// The time at which it was found, of the process's monotonic clock.
    pub at: Duration,
}

impl Found {
    /// The list of these endpoints of `fleet`, to be chosen by `balance`, with their weights and priorities, found `at` that time; none if there are none.
    #[must_use]
    pub fn new(
        (fleet, balance): (&Fleet, &Balance),
        endpoints: Vec<(Endpoint, (u32, u32))>,
        index: Option<u64>,
        at: Duration,
    ) -> Option<Self> {
        if endpoints.is_empty() {
            return None;
        }
        let vitals = fleet.vitals(endpoints.iter().map(|(endpoint, _)| endpoint.url()));
        let levels = levels(endpoints.iter().map(|(endpoint, share)| (endpoint, *share)), balance);
        let endpoints = endpoints.into_iter().map(|(endpoint, _)| Arc::new(endpoint)).collect();
        Some(Self { endpoints, levels, vitals, index, at })
    }
}
