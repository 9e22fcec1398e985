//! The metrics of a gateway: arrays whose size is known at load, one for each route and each upstream.
//!
//! Recording allocates nothing and waits for nobody. Each thread of the native server records into its own; they are added
//! up when they are read. They survive a reload by the name of what they are of.

mod histogram;
mod outcomes;
mod verdicts;
mod versions;

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;

pub(crate) use self::histogram::Distribution;
use self::histogram::Histogram;
use self::outcomes::Outcomes;
pub(crate) use self::verdicts::VERDICTS;
use self::verdicts::Verdicts;
use self::versions::Versions;
use crate::adopted::Adopted;
use crate::cache::status::WORDS;
use crate::error::STORE_UNAVAILABLE;
use crate::meter::{DESCRIBED, FALLBACKS, FAULTS, Meter, class, nanos};
use crate::plan::Plan;
use crate::policy::quota::Verdict;
use crate::policy::{etag, idempotency};
use crate::record::Record;

/// The metrics of one gateway.
#[derive(Debug)]
pub struct Metrics {
    pub(crate) overall: Arc<Overall>,
    pub(crate) routes: Adopted<String, Served>,
    pub(crate) upstreams: Adopted<String, ByClass>,
    pub(crate) versions: Versions,
}

/// The metrics of all requests together.
#[derive(Debug, Default)]
pub(crate) struct Overall {
    /// Requests begun and not ended.
    pub(crate) in_flight: AtomicU64,
    /// Requests that no route took.
    pub(crate) unrouted: Served,
    /// Failures of the counters.
    pub(crate) counter_errors: AtomicU64,
    /// Failures of the key-value store.
    pub(crate) key_value_errors: AtomicU64,
    /// Failures of the store of responses.
    pub(crate) cache_errors: AtomicU64,
    /// Purges, in the order of [`PURGES`].
    pub(crate) purges: [AtomicU64; PURGES.len()],
    /// Authentications, by their outcomes.
    pub(crate) authentications: Outcomes,
}

/// The metrics of a route.
#[derive(Debug, Default)]
pub(crate) struct Served {
    pub(crate) durations: ByClass,
    pub(crate) verdicts: Verdicts,
    /// The requests by what its cache did, in the order of [`WORDS`].
    pub(crate) cached: [AtomicU64; WORDS.len()],
    /// What the description of its API says, in the order of [`DESCRIBED`].
    pub(crate) described: [AtomicU64; DESCRIBED.len()],
    /// The requests with idempotency keys by what has become of them, in the order of the words.
    pub(crate) keyed: [AtomicU64; idempotency::OUTCOMES.len()],
    /// The responses with tags by what has become of them, in the order of the words.
    pub(crate) tagged: [AtomicU64; etag::OUTCOMES.len()],
    /// The answers in place of those of upstreams that have failed, in the order of [`FALLBACKS`].
    pub(crate) fell_back: [AtomicU64; FALLBACKS.len()],
    /// The requests with faults on purpose, in the order of [`FAULTS`].
    pub(crate) faults: [AtomicU64; FAULTS.len()],
}

/// Durations by the class of the status; the first are of exchanges without any.
#[derive(Debug, Default)]
pub(crate) struct ByClass(pub(crate) [Histogram; 6]);

/// The classes of statuses, by their labels.
pub(crate) const CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// The kinds of purges, by their labels.
pub(crate) const PURGES: [&str; 4] = ["url", "prefix", "tag", "all"];

impl Metrics {
    /// The metrics for `plan`: those of `previous` as far as the plan still names what they are of. None where nobody could
    /// read them.
    pub(crate) fn adopt(plan: &Plan, previous: Option<&Self>) -> Option<Self> {
        plan.admin.as_ref()?;
        Some(Self {
            overall: previous.map_or_else(Arc::default, |previous| Arc::clone(&previous.overall)),
            routes: Adopted::adopt(
                plan.routes.iter().map(|route| route.name.clone()),
                previous.map(|previous| &previous.routes),
            ),
            upstreams: Adopted::adopt(
                // Those that no route calls are the last.
                plan.upstreams
                    .iter()
                    .filter(|upstream| upstream.internal.is_none())
                    .map(|upstream| upstream.name.clone()),
                previous.map(|previous| &previous.upstreams),
            ),
            versions: Versions::adopt(plan, previous.map(|previous| &previous.versions)),
        })
    }

    /// Counts a request that begins at `now`.
    pub(crate) fn begin(&self, now: Duration) -> Meter {
        self.overall.in_flight.fetch_add(1, Ordering::Relaxed);
        Meter::begin(now)
    }

    /// Counts the `verdict` of the limit called `name` on a request to the route with this index; none if its store failed. One in the `shadow`
    /// refuses nothing.
    pub(crate) fn limited(&self, route: Option<usize>, name: &str, verdict: Option<Verdict>, shadow: bool) {
        let place = match verdict {
            Some(verdict) if verdict.admitted => 0,
            Some(_) if shadow => 3,
            Some(_) => 1,
            None => 2,
        };
        route.and_then(|index| self.routes.at(index)).unwrap_or(&self.overall.unrouted).verdicts.count(name, place);
        if verdict.is_none() {
            self.overall.counter_errors.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts purges, in the order of [`PURGES`].
    pub(crate) fn purged(&self, purges: [usize; PURGES.len()]) {
        for (count, purged) in self.overall.purges.iter().zip(purges) {
            count.fetch_add(purged as u64, Ordering::Relaxed);
        }
    }

    /// Counts the exchange of `record`, which has ended at `now`.
    pub(crate) fn ended(&self, record: &Record, meter: &Meter, now: Duration) {
        self.overall.in_flight.fetch_sub(1, Ordering::Relaxed);
        let route = record.route.and_then(|index| self.routes.at(index)).unwrap_or(&self.overall.unrouted);
        route.durations.observe(class(record.status), nanos(now).saturating_sub(meter.begun));
        if let Some(word) = meter.cached {
            let place = WORDS.iter().zip(&route.cached).find(|(known, _)| **known == word);
            if let Some((_, count)) = place {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
        count_bits(meter.described, &route.described);
        count_bits(meter.faults, &route.faults);
        let keyed = meter.keyed.and_then(|outcome| route.keyed.get(outcome as usize));
        let tagged = meter.tagged.and_then(|outcome| route.tagged.get(outcome as usize));
        let fell_back = meter.fell_back.and_then(|what| route.fell_back.get(what as usize));
        for count in keyed.into_iter().chain(tagged).chain(fell_back) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(index) = record.route {
            self.versions.count(index, meter.consumer);
        }
        self.asked(record, meter);
        if let Some(outcome) = meter.authentication {
            self.overall.authentications.count(outcome);
        }
        if record.error == Some(STORE_UNAVAILABLE.code) {
            self.overall.key_value_errors.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Metrics {
    /// Counts what the request of `record` has asked of its upstream and of the store of responses: also one for which no client waits.
    pub(crate) fn asked(&self, record: &Record, meter: &Meter) {
        if meter.cache_errors > 0 {
            self.overall.cache_errors.fetch_add(meter.cache_errors.into(), Ordering::Relaxed);
        }
        if let Some((took, class)) = meter.upstream
            && let Some(upstream) = record.upstream.and_then(|index| self.upstreams.at(index))
        {
            upstream.observe(class, took);
        }
    }
}

/// Counts each of `counts` whose bit is set in `bits`.
fn count_bits(bits: u8, counts: &[AtomicU64]) {
    if bits == 0 {
        return;
    }
    for (_, count) in counts.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 != 0) {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

impl ByClass {
    fn observe(&self, class: u8, nanos: u64) {
        if let Some(histogram) = self.0.get(usize::from(class)) {
            histogram.observe(nanos);
        }
    }
}
