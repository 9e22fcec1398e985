//! The discovery of an upstream's places: the questions to its source, and the list that requests go by.
//!
//! A good list is never replaced by an empty one, and not by a failure: what was found holds until something else is.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use super::call_out::{self, Question};
use super::exchange::Exchange;
use super::within::within;
use crate::balance::discovery::{
    Discovery, MOST_BYTES, Seen, Service, Source, TIMEOUT, Told, USABLE_FOR, Untold, WAIT, registry,
};
use crate::balance::endpoint::Endpoint;
use crate::balance::found::Found;
use crate::balance::{Balance, level_of};
use crate::error::Reject;
use crate::net::Scheme;
use crate::plan::{Plan, Upstream, endpoint_of};
use crate::policy::key_source::Location;
use crate::policy::remembered::{Life, Look, Pause, Reading, Turn};
use crate::ports::Platform;
use crate::record::Owed;
use crate::state::{Group, State};
use crate::trace::Event;

/// The longest that a request waits for a list that another one reads.
const WAIT_FOR_OTHERS: Duration = TIMEOUT;

/// The age from which a read that requests wait for counts as lost.
const LOST_AFTER: Duration = Duration::from_secs(2);

/// The time that a request has for the task of reading after its answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The time for which a source is not asked again for those who wait, after it has failed.
const RETRY: Duration = Duration::from_millis(250);

/// The longest quotation of what a source says, in characters.
const LONGEST_QUOTE: usize = 200;

/// The longest round of whoever follows a source.
const LONGEST_ROUND: Duration = Duration::from_secs(45);

/// The longest pause after failures.
const LONGEST_PAUSE: u64 = 30;

/// The reason why a source tells of no places.
#[derive(Debug)]
enum Fault {
    Call(call_out::Fault),
    Untold(Untold),
    /// In the platform's words.
    Names(Box<str>),
    /// The key-value store fails.
    Store,
    /// None of its places can be called: the first one's fault.
    Unfit(Box<str>),
    Slow,
}

/// An endpoint, its weight and its priority.
type Weighted = (Endpoint, (u32, u32));

/// The means of asking.
type On<'o, P> = (&'o Plan, &'o State, &'o P);

/// Sees to it that there is a list of the places of `upstream`, if they are discovered. Has it read again after the request, if that is due.
///
/// # Errors
/// There is none, and its source can't be asked.
pub(super) async fn ready<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    upstream: &Upstream,
) -> Result<(), Reject> {
    let Some(discovery) = upstream.discovery.as_deref() else { return Ok(()) };
    let on = (exchange.plan, exchange.state, platform);
    let is_there = match look(on, (upstream, discovery)) {
        Some(is_due) => {
            if is_due {
                exchange.record.owed.push(Owed::Discover(upstream.index));
            }
            true
        }
        // Boxed, so that not every request has room for it.
        None => Box::pin(first(on, (upstream, discovery))).await,
    };
    if is_there {
        return Ok(());
    }
    exchange
        .note(|| Event::Policy { policy: "discover", verdict: format!("no place of `{}` is known", upstream.name) });
    Err(Reject::no_targets())
}

/// The same for calls of the gateway's own. Returns whether there is a list.
pub(super) async fn ready_for_own<P: Platform>(on: On<'_, P>, upstream: &Upstream) -> bool {
    let Some(discovery) = upstream.discovery.as_deref() else { return true };
    match look(on, (upstream, discovery)) {
        Some(is_due) => {
            if is_due {
                Box::pin(refresh(on, upstream.index)).await;
            }
            true
        }
        None => Box::pin(first(on, (upstream, discovery))).await,
    }
}

/// Returns whether the list of places is due to be read again; none if there is no list, and nothing in its place.
fn look<P: Platform>(on: On<'_, P>, (upstream, _): (&Upstream, &Discovery)) -> Option<bool> {
    let (_, state, platform) = on;
    let has_others = !upstream.endpoints.is_empty();
    match state.group(upstream)?.fleet.found.look(platform.monotonic(), PATIENCE) {
        Look::Known(found) => (found.is_some() || has_others).then_some(false),
        Look::Stale(found) => (found.is_some() || has_others).then_some(true),
        Look::Unread => has_others.then_some(true),
    }
}

/// Reads the list of places, or waits until another request has read it. Returns whether there is one.
async fn first<P: Platform>(on: On<'_, P>, (upstream, discovery): (&Upstream, &Discovery)) -> bool {
    let (_, state, platform) = on;
    let Some(group) = state.group(upstream) else { return false };
    let begun = platform.monotonic();
    let mut has_tried = false;
    loop {
        let now = platform.monotonic();
        let left = WAIT_FOR_OTHERS.saturating_sub(now.saturating_sub(begun));
        if left.is_zero() {
            return group.fleet.found.last(now).is_some();
        }
        match group.fleet.found.turn(now, LOST_AFTER) {
            Turn::Over(Some(_)) => return true,
            // It has just been asked in vain: once more, and not at once.
            Turn::Over(None) if has_tried => return false,
            Turn::Over(None) => platform.sleep(left.min(RETRY)).await,
            Turn::Read(reading) => {
                let reader = Reader { on, upstream, discovery, group, reading };
                return reader.read(left).await.is_some();
            }
            Turn::Wait(until_lost) => {
                has_tried = true;
                let key = meeting(upstream);
                let wait = platform.wait(&key, until_lost.min(left));
                // If the read has ended since `turn` looked, its notice may have come before the wait.
                if group.fleet.found.is_being_read() {
                    wait.await;
                }
            }
        }
    }
}

/// Where those meet who wait for a list.
fn meeting(upstream: &Upstream) -> String {
    ["discover:", &upstream.name].concat()
}

/// The request that reads. However it ends, those who wait go on.
struct Reader<'r, P: Platform> {
    on: On<'r, P>,
    upstream: &'r Upstream,
    discovery: &'r Discovery,
    group: &'r Group,
    reading: Reading,
}

impl<P: Platform> Reader<'_, P> {
    /// Asks the source, and returns the list to use.
    async fn read(self, limit: Duration) -> Option<Arc<Found>> {
        let Self { on, upstream, discovery, group, reading } = self;
        let told = within(on.2, limit, ask(on, discovery, None)).await.unwrap_or(Err(Fault::Slow));
        learn(on, (upstream, discovery, group), told, Some(reading))
    }
}

impl<P: Platform> Drop for Reader<'_, P> {
    fn drop(&mut self) {
        self.group.fleet.found.leave(self.reading);
        self.on.2.notify(&meeting(self.upstream));
    }
}

/// Draws the consequences of an answer; returns the list to use.
fn learn<P: Platform>(
    on: On<'_, P>,
    (upstream, discovery, group): (&Upstream, &Discovery, &Group),
    told: Result<Told, Fault>,
    reading: Option<Reading>,
) -> Option<Arc<Found>> {
    let platform = on.2;
    let now = platform.monotonic();
    let found = told.and_then(|told| {
        let (life, index) = (told.life, told.index);
        let endpoints = endpoints(discovery, told)?;
        // INVARIANT: what is discovered has a cluster.
        let balance = upstream.cluster.as_ref().map_or(&Balance::RoundRobin, |cluster| &cluster.balance);
        let found = Found::new((&group.fleet, balance), endpoints, index, now).ok_or(Fault::Untold(Untold::Empty))?;
        Ok((Arc::new(found), life))
    });
    platform.discovered(upstream.index, found.as_ref().err().map(|fault| fault as &dyn fmt::Display));
    match found {
        Ok((found, life)) => {
            let fresh = discovery.refresh.after(life, platform.next_u64());
            let life = Life { fresh, usable: USABLE_FOR, valid: USABLE_FOR };
            group.fleet.found.learn(found, life, now, reading)
        }
        Err(_) => group.fleet.found.fail(pause, now, reading),
    }
}

/// The time after a failure: 1 s, 2 s, 4 s and so on. While there is a list, no request waits.
fn pause(failures: u32, valid_for: Option<Duration>) -> Pause {
    let seconds = 1_u64.checked_shl(failures.saturating_sub(1).min(16)).unwrap_or(LONGEST_PAUSE);
    let fresh = Duration::from_secs(seconds.min(LONGEST_PAUSE));
    Pause { fresh, usable: valid_for.unwrap_or(RETRY) }
}

/// The endpoints that a source has told of. One that can't be called is left out.
fn endpoints(discovery: &Discovery, told: Told) -> Result<Vec<Weighted>, Fault> {
    let mut endpoints: Vec<Weighted> = Vec::with_capacity(told.places.len());
    let mut fault = None;
    for seen in told.places {
        match self::endpoint(discovery, &seen) {
            Ok(mut endpoint) => {
                if !endpoints.iter().any(|(other, _)| other.is_same_place(&endpoint)) {
                    let level = level_of(seen.priority, seen.zone.as_deref(), discovery.zone.as_deref());
                    endpoint.zone = seen.zone.as_deref().map(Box::from);
                    endpoints.push((endpoint, (seen.weight, level)));
                }
            }
            Err(other) => drop(fault.get_or_insert(other)),
        }
    }
    match fault {
        Some(fault) if endpoints.is_empty() => Err(Fault::Unfit(fault)),
        _ => Ok(endpoints),
    }
}

/// The endpoint of a place that a source has told of.
///
/// # Errors
/// It can't be called: why.
pub(super) fn endpoint(discovery: &Discovery, seen: &Seen) -> Result<Endpoint, Box<str>> {
    if let Some(fault) = seen.fault() {
        return Err(fault.into());
    }
    let endpoint = endpoint_of(&seen.url(&discovery.form))?;
    // Who says `https` has the gateway's credentials and its clients' requests go no other way.
    if discovery.form.scheme == Scheme::Https && endpoint.scheme == Scheme::Http {
        return Err(format!("{} is not `https`", endpoint.url()).into());
    }
    Ok(endpoint)
}

/// Asks a source; one that can wait answers once there is something else than at this `index`.
async fn ask<P: Platform>(on: On<'_, P>, discovery: &Discovery, index: Option<u64>) -> Result<Told, Fault> {
    let (_, _, platform) = on;
    match &discovery.source {
        Source::Service(service) => ask_service(on, service, index).await,
        Source::Names(name, record, server) => {
            platform.records(name, *record, *server).await.map_err(Fault::Names)?.some().map_err(Fault::Untold)
        }
        Source::Registry(key) => {
            let entry = platform.get(key.as_str()).await.map_err(|_| Fault::Store)?;
            registry::read(&entry.ok_or(Fault::Untold(Untold::Empty))?, platform.now()).map_err(Fault::Untold)
        }
    }
}

async fn ask_service<P: Platform>(on: On<'_, P>, service: &Service, index: Option<u64>) -> Result<Told, Fault> {
    let (method, headers, content) = service.question();
    let waiting = index.and_then(|index| service.waiting_path(index));
    let limit = if waiting.is_some() { WAIT + TIMEOUT } else { TIMEOUT };
    let place = match waiting {
        Some(path) => &Location { upstream: service.place.upstream, path: path.into() },
        None => &service.place,
    };
    let question = Question::own(method, headers, content).up_to(MOST_BYTES);
    let answer = call_out::ask_known(on, place, question, limit).await.map_err(Fault::Call)?;
    if answer.status != http::StatusCode::OK {
        return Err(Fault::Call(call_out::Fault::Status(answer.status)));
    }
    service.read(&answer.headers, &answer.content).map_err(Fault::Untold)
}

/// Reads the places of the upstream with this index again, for the requests to come, unless another request does.
pub(crate) async fn refresh<P: Platform>(on: On<'_, P>, upstream: usize) {
    let (plan, state, platform) = on;
    let Some(upstream) = plan.upstreams.get(upstream) else { return };
    let (Some(discovery), Some(group)) = (upstream.discovery.as_deref(), state.group(upstream)) else { return };
    if group.fleet.found.is_due(platform.monotonic()) {
        read(on, (upstream, discovery, group)).await;
    }
}

/// Reads the places of `upstream` now, since they have changed, unless another request does.
pub(super) async fn read_now<P: Platform>(on: On<'_, P>, upstream: &Upstream) {
    if let (Some(discovery), Some(group)) = (upstream.discovery.as_deref(), on.1.group(upstream)) {
        read(on, (upstream, discovery, group)).await;
    }
}

async fn read<P: Platform>(on: On<'_, P>, (upstream, discovery, group): (&Upstream, &Discovery, &Group)) {
    let platform = on.2;
    let Some(reading) = group.fleet.found.begin(platform.monotonic(), LOST_AFTER) else { return };
    Reader { on, upstream, discovery, group, reading }.read(TIMEOUT).await;
}

/// Follows the places of the upstream with this index for a while: asks its source, which may wait for a change. Returns the time after which to go on;
/// none if they are not discovered.
pub(crate) async fn follow<P: Platform>(on: On<'_, P>, upstream: usize) -> Option<Duration> {
    let (plan, state, platform) = on;
    let upstream = plan.upstreams.get(upstream)?;
    let (discovery, group) = (upstream.discovery.as_deref()?, state.group(upstream)?);
    // One that failed may have begun anew, and count from 1 again.
    let known = group.fleet.found.last(platform.monotonic()).filter(|_| !group.fleet.found.has_failed());
    let index = known.and_then(|found| found.index);
    let begun = platform.monotonic();
    // Each question has an end of its own; of many hosts that a name server tells, each is one.
    let told = within(platform, LONGEST_ROUND, ask(on, discovery, index)).await.unwrap_or(Err(Fault::Slow));
    let waits = told.as_ref().is_ok_and(|told| told.index.is_some());
    learn(on, (upstream, discovery, group), told, None);
    platform.notify(&meeting(upstream));
    let took = platform.monotonic().saturating_sub(begun);
    Some(match waits {
        // It waits by itself, but for one that says at once what has not changed.
        true => Duration::from_secs(1).saturating_sub(took),
        false => group.fleet.found.due_in(platform.monotonic()),
    })
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(fault) => fault.fmt(f),
            Self::Untold(untold) => untold.fmt(f),
            Self::Names(trouble) => f.write_str(trouble),
            Self::Store => f.write_str("the key-value store fails"),
            // It quotes what others have written.
            Self::Unfit(fault) => {
                let shown: String = fault.escape_debug().take(LONGEST_QUOTE).collect();
                write!(f, "none of its places can be called: {shown}")
            }
            Self::Slow => f.write_str("it takes too long"),
        }
    }
}
