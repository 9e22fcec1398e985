//! The beginning and the end of an exchange, for whoever counts and logs it.

use core::time::Duration;

use http::Request;

use super::attempts;
use crate::access_log;
use crate::balance::Turn;
use crate::io::IoErrorKind;
use crate::outcome::After;
use crate::plan::Plan;
use crate::policy::rollout::Figures;
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
    if record.under_way.is_some() {
        content_ended(plan, state, platform, &record, ended.cut);
    }
    if let Some((trial, side)) = record.side.take()
        && record.error.is_none()
        && matches!(ended.cut, Some(IoErrorKind::Closed | IoErrorKind::Protocol))
    {
        trial.count(side, Figures::broken());
    }
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

/// Takes note of the end of a content for the place that it comes from.
fn content_ended(plan: &Plan, state: &State, platform: &impl Platform, record: &Record, cut: Option<IoErrorKind>) {
    // Of the client that left, of a deadline that may be the client's doing, and of the gateway's own answers nothing is told.
    let is_told = record.error.is_none() && matches!(cut, None | Some(IoErrorKind::Closed | IoErrorKind::Protocol));
    let upstream = record.upstream.filter(|_| is_told).and_then(|index| plan.upstreams.get(index));
    let passive = upstream.and_then(|upstream| upstream.cluster.as_ref()?.passive.as_ref());
    let group = upstream.and_then(|upstream| state.group(upstream));
    // An upload that ends in trouble ends the exchange as well, by whomever it was.
    let under_way = record.under_way.as_ref().filter(|under_way| cut.is_none() || !under_way.is_upload());
    let (Some(upstream), Some(passive), Some(group), Some(under_way)) = (upstream, passive, group, under_way) else {
        return;
    };
    let now = platform.monotonic();
    let places = group.places(upstream, now);
    let Some(index) = places.iter().position(|(_, vitals)| under_way.is_at(vitals)) else { return };
    let Some((endpoint, _)) = places.get(index) else { return };
    if passive.content_ended(endpoint.vitals(&group.vitals), index, now, cut.is_none()) {
        attempts::tell(platform, (upstream, endpoint, group), (None, Some(Turn::Out)), now);
    }
}
