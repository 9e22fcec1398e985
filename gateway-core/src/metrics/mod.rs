//! The metrics of a gateway: arrays whose size is known at load, one for each route and each upstream.
//!
//! Recording allocates nothing and waits for nobody. Each thread of the native server records into its own; they are added
//! up when they are read. They survive a reload by the name of what they are of.

mod histogram;
mod render;
mod snapshot;

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;

use http::StatusCode;

use self::histogram::Histogram;
pub(crate) use self::render::{OPENMETRICS, TEXT, open_metrics, text};
pub(crate) use self::snapshot::Snapshot;
use crate::error::STORE_UNAVAILABLE;
use crate::plan::Plan;
use crate::policy::quota::Verdict;
use crate::record::Record;
use crate::state::Adopted;

/// The metrics of one gateway.
#[derive(Debug)]
pub struct Metrics {
    overall: Arc<Overall>,
    routes: Adopted<String, Served>,
    upstreams: Adopted<String, ByClass>,
}

/// The metrics of all requests together.
#[derive(Debug, Default)]
struct Overall {
    /// Requests begun and not ended.
    in_flight: AtomicU64,
    /// Requests that no route took.
    unrouted: Served,
    /// Failures of the counters.
    counter_errors: AtomicU64,
    /// Failures of the key-value store.
    key_value_errors: AtomicU64,
}

/// The metrics of a route.
#[derive(Debug, Default)]
struct Served {
    durations: ByClass,
    /// The verdicts of its rate limits, in the order of [`VERDICTS`].
    verdicts: [AtomicU64; 3],
}

/// The verdicts of rate limits, by their labels.
const VERDICTS: [&str; 3] = ["admitted", "refused", "failed"];

/// Durations by the class of the status; the first are of exchanges without any.
#[derive(Debug, Default)]
struct ByClass([Histogram; 6]);

/// The classes of statuses, by their labels.
const CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// The measurements of one exchange, until it ends; times are in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Meter {
    begun: u64,
    sent_at: u64,
    /// The time until the head of the upstream's response came or failed, and the class of that.
    upstream: Option<(u64, u8)>,
    verdicts: [u16; 3],
}

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
                plan.upstreams.iter().map(|upstream| upstream.name.clone()),
                previous.map(|previous| &previous.upstreams),
            ),
        })
    }

    /// Counts a request that begins at `now`.
    pub(crate) fn begin(&self, now: Duration) -> Meter {
        self.overall.in_flight.fetch_add(1, Ordering::Relaxed);
        Meter { begun: nanos(now), ..Meter::default() }
    }

    /// Counts the exchange of `record`, which has ended at `now`.
    pub(crate) fn ended(&self, record: &Record, meter: &Meter, now: Duration) {
        self.overall.in_flight.fetch_sub(1, Ordering::Relaxed);
        let route = record.route.and_then(|index| self.routes.at(index)).unwrap_or(&self.overall.unrouted);
        route.durations.observe(class(record.status), nanos(now).saturating_sub(meter.begun));
        if meter.verdicts != [0; 3] {
            for (sum, count) in route.verdicts.iter().zip(meter.verdicts) {
                sum.fetch_add(count.into(), Ordering::Relaxed);
            }
            let [_, _, failed] = meter.verdicts;
            self.overall.counter_errors.fetch_add(failed.into(), Ordering::Relaxed);
        }
        if let Some((took, class)) = meter.upstream
            && let Some(upstream) = record.upstream.and_then(|index| self.upstreams.at(index))
        {
            upstream.observe(class, took);
        }
        if record.error == Some(STORE_UNAVAILABLE.code) {
            self.overall.key_value_errors.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl ByClass {
    fn observe(&self, class: u8, nanos: u64) {
        if let Some(histogram) = self.0.get(usize::from(class)) {
            histogram.observe(nanos);
        }
    }
}

impl Meter {
    /// Notes that the request leaves for an upstream.
    pub(crate) fn sent(&mut self, now: Duration) {
        self.sent_at = nanos(now);
    }

    /// Notes that the head of the upstream's response has come, with its status; or that the exchange with it has failed.
    pub(crate) fn answered(&mut self, status: Option<StatusCode>, now: Duration) {
        self.upstream = Some((nanos(now).saturating_sub(self.sent_at), class(status)));
    }

    /// Notes the verdict of a rate limit; none if its store failed.
    pub(crate) fn limited(&mut self, verdict: Option<Verdict>) {
        let [admitted, refused, failed] = &mut self.verdicts;
        let count = match verdict {
            Some(verdict) if verdict.admitted => admitted,
            Some(_) => refused,
            None => failed,
        };
        *count = count.saturating_add(1);
    }
}

/// The index of a status among [`CLASSES`]. A status above 599 is never sent.
fn class(status: Option<StatusCode>) -> u8 {
    status.map_or(0, |status| u8::try_from(status.as_u16() / 100).unwrap_or_default())
}

/// `u64::MAX` nanoseconds are more than 580 years.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
