//! The beginning and the end of an exchange, for whoever counts and logs it.

use core::time::Duration;

use http::Request;

use crate::access_log;
use crate::outcome::After;
use crate::plan::Plan;
use crate::ports::{Peer, Platform};
use crate::record::{Ended, Owed, Record};
use crate::state::State;

/// Begins the record of the exchange that `request` from `peer` opens.
pub(crate) fn begin<P: Platform, B>(
    plan: &Plan,
    state: &State,
    platform: &P,
    request: &Request<B>,
    peer: &Peer,
) -> Record {
    let mut record = Record::begin(plan, platform, request, peer);
    if let Some(metrics) = state.metrics() {
        let now = record.facts.as_ref().map_or_else(|| platform.monotonic(), |facts| facts.begun);
        record.meter = Some(metrics.begin(now));
    }
    record
}

/// Counts an exchange that has ended, writes its line of the access log, and returns the work that is left.
pub(crate) fn end<P: Platform>(
    plan: &Plan,
    state: &State,
    platform: &P,
    mut record: Record,
    ended: &Ended,
) -> Vec<After> {
    if record.facts.is_some() || record.meter.is_some() {
        if !record.owed.is_empty() {
            record.response_has_ended(ended.cut.is_none());
        }
        let now = platform.monotonic();
        if let (Some(metrics), Some(meter)) = (state.metrics(), &record.meter) {
            metrics.ended(&record, meter, now);
        }
        if record.facts.is_some() {
            record.content_has_ended();
            platform.log(|out| access_log::write(plan, &record, ended, now, out));
        }
    }
    let is_delivered = !record.is_undelivered();
    let is_due = |owed: &Owed| !(is_delivered && matches!(owed, Owed::GiveBack(_)));
    for owed in &mut record.owed {
        if let Owed::Claimed(claim) = owed
            && !is_delivered
        {
            claim.unknown = Duration::ZERO;
        }
    }
    record
        .owed
        .into_iter()
        .filter(is_due)
        .filter_map(|owed| After::of(owed, platform))
        .chain(record.permits.into_iter().map(After::Release))
        .collect()
}
