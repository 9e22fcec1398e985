//! The record of an exchange: what is known of it from its first byte to its last, however it ends.

use core::fmt::Display;
use core::net::IpAddr;
use core::sync::atomic::AtomicU64;
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{REFERER, USER_AGENT};
use http::{HeaderValue, Method, Request, StatusCode, Uri, Version};

use crate::balance::copies::Copy;
use crate::balance::trial::Trial;
use crate::balance::vitals::UnderWay;
use crate::cache::asked::Asked;
use crate::cache::flights::Flight;
use crate::cache::resource::Variant;
use crate::cache::status::Told;
use crate::call::Call;
use crate::caller::Caller;
use crate::caller::refusal::Refusal;
use crate::error::Reject;
use crate::http::forwarded::ClientInfo;
use crate::http::peer::Peer;
use crate::http::trace_context::TRACEPARENT;
use crate::io::{IoErrorKind, StoreFailure};
use crate::meter::{Described, FellBack, Meter};
use crate::net::Scheme;
use crate::plan::{Plan, Route};
use crate::policy::body_edit::lines::{Broken, Fault};
use crate::policy::cache::Asker;
use crate::policy::counter::CounterOp;
use crate::policy::openapi::Expected;
use crate::policy::quota::Verdict;
use crate::policy::response_cost::Unsettled;
use crate::policy::watch::Watch;
use crate::policy::{etag, idempotency};
use crate::time::{Clock, Timestamp};

/// The record of an exchange.
///
/// An adapter begins it with the request, has it filled by [`Gateway::handle`](crate::gateway::Gateway::handle), and hands it to
/// [`Gateway::ended`](crate::gateway::Gateway::ended) when the response's body has ended, or when the client has left
/// before there was a response: what the gateway owes then is in it.
#[derive(Debug, Default)]
pub struct Record {
    /// The index of the route in `Plan::routes`, unless none matched.
    pub route: Option<usize>,
    /// The index of the upstream in `Plan::upstreams`, unless none was called.
    pub upstream: Option<usize>,
    /// The status that the client is sent; none until there is a response.
    pub status: Option<StatusCode>,
    /// The stable code of the error, if the gateway made the response because of one.
    pub error: Option<&'static str>,
    /// The `Proxy-Status` error type of a failed exchange with an upstream (RFC 9209 §2.3).
    pub cause: Option<&'static str>,
    /// The client's address as `trustedProxies` yields it, unless the request was refused before that was asked.
    pub client: Option<IpAddr>,
    /// The request's identifier, as sent in `X-Request-Id`, once there is one.
    pub request_id: Option<HeaderValue>,
    /// The permits of the request, to be given back when the exchange has ended.
    pub(crate) permits: Vec<Permit>,
    /// The request under way at a place of the upstream, if the upstream has a choice of them.
    pub(crate) under_way: Option<UnderWay>,
    /// Set if the time that it takes may be the client's doing: its content is on the way, or it has shortened the time itself.
    pub(crate) is_clients_time: bool,
    /// The side of a roll-out that it has gone to.
    pub(crate) side: Option<(Arc<Trial>, usize)>,
    /// Set if the exchange with the upstream has failed before anything was sent.
    pub(crate) unsent: bool,
    /// Set if no client waits for it: nothing of it is told to one.
    pub(crate) is_background: bool,
    /// The bytes that are left for contents of the batch, if the request is one of a batch.
    pub(crate) room: Option<Arc<AtomicU64>>,
    /// Other work that is left, whoever answers.
    pub(crate) owed: Vec<Owed>,
    /// The parts that only the access log tells; none where nothing is logged.
    pub(crate) facts: Option<Box<Facts>>,
    /// Measurements; none where there are no metrics.
    pub(crate) meter: Option<Meter>,
}

/// A permit: a place in a counter cell that a request holds for as long as its exchange lasts.
#[derive(Debug)]
pub struct Permit {
    /// The cell.
    pub(crate) cell: String,
    /// The request, by a number of its own.
    pub(crate) holder: u64,
}

/// Work that an exchange leaves, be its answer the core's own or relayed past it.
#[derive(Debug)]
pub(crate) enum Owed {
    /// Ask for the keys of the source with this index again.
    RefreshKeys(usize),
    /// Write them to the key-value store.
    KeepKeys(usize),
    /// Ask for the token of the source with this index again.
    RefreshToken(usize),
    /// Read these entries of the key-value store again.
    RefreshEntries(Arc<Watch>),
    /// Ask for a stored response again.
    Revalidate(Box<Revalidation>),
    /// Read the purges of stored responses again.
    RefreshPurges,
    /// Ask where the upstream with this index is.
    Discover(usize),
    /// Read again which places fail their checks.
    RefreshChecks,
    /// Apply this operation to this cell of a rate limit, by which the request takes the units that its response states.
    Settle(Box<(String, CounterOp)>),
    /// Do so with the units that the content of the response has stated by then.
    Unsettled(Box<Unsettled>),
    /// Tell the log why a stream that is edited on its way has broken off, if it has.
    Filtered(Fault),
    /// Look at the response by the description of its API.
    Expected(Box<Expected>),
    /// Give this counter cell back, if the request has come to nobody: it may come again then.
    GiveBack(Box<str>),
    /// Send a copy of the request to another upstream.
    Mirror(Box<Mirrored>),
    /// Give up the claim on an idempotency key, if nobody else has: the exchange has been ended from outside.
    Claimed(Box<Claim>),
}

/// A claim on an idempotency key.
#[derive(Debug)]
pub(crate) struct Claim {
    /// The counter cell.
    pub(crate) cell: String,
    /// The request, by a number of its own.
    pub(crate) holder: u64,
    /// The time for which it is told that nobody knows what has become of it, if it has reached somebody.
    pub(crate) unknown: Duration,
}

/// A stored response that was served stale and is to be asked for again.
#[derive(Debug)]
pub struct Revalidation {
    /// The index of the route in `Plan::routes`.
    pub(crate) route: usize,
    /// The request, as the steps of the route have left it.
    pub(crate) call: Call,
    /// The resource.
    pub(crate) resource: String,
    /// What it says of caches.
    pub(crate) asked: Asked,
    /// Those whom the response may be for.
    pub(crate) asker: Asker,
    /// A hash of the values by which responses are chosen.
    pub(crate) chosen_by: Option<u64>,
    /// The stored response.
    pub(crate) variant: Arc<Variant>,
    /// The flight that it is: others do not ask as well.
    pub(crate) flight: Flight,
}

/// A copy of a request for another upstream.
#[derive(Debug)]
pub struct Mirrored {
    /// The index of the route in `Plan::routes`.
    pub(crate) route: usize,
    /// The index of the mirror among those of the route.
    pub(crate) mirror: usize,
    /// The request, as the steps of the route have left it.
    pub(crate) call: Call,
    /// Its content.
    pub(crate) content: Bytes,
    /// The room that it takes.
    pub(crate) place: Copy,
}

/// A rate limit that was asked.
#[derive(Debug)]
pub(crate) struct Limited {
    pub(crate) name: Box<str>,
    /// Its verdict; none if its store failed.
    pub(crate) verdict: Option<Verdict>,
    /// Set if it refuses nothing.
    pub(crate) shadow: bool,
    /// The units that the request takes.
    pub(crate) units: u32,
    /// The time for which it waits for its turn.
    pub(crate) wait: Duration,
}

/// The parts of an exchange that only the access log tells.
#[derive(Debug)]
pub(crate) struct Facts {
    /// The time of day at the beginning.
    pub(crate) time: Timestamp,
    /// The clock at the beginning.
    pub(crate) begun: Duration,
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) version: Version,
    pub(crate) scheme: Scheme,
    pub(crate) peer: Option<IpAddr>,
    pub(crate) host: Option<HeaderValue>,
    /// The host that the client asked for, where a trusted proxy states it.
    pub(crate) stated_host: Option<HeaderValue>,
    pub(crate) user_agent: Option<HeaderValue>,
    pub(crate) referer: Option<HeaderValue>,
    /// `traceparent` as the upstream is told.
    pub(crate) trace: Option<HeaderValue>,
    /// The clock when the request left for the upstream.
    pub(crate) sent_at: Duration,
    /// The times that it was sent again.
    pub(crate) further_attempts: u32,
    /// The time until the head of the upstream's response came, or until that failed.
    pub(crate) upstream_took: Option<Duration>,
    /// Each rate limit that was asked.
    pub(crate) limits: Vec<Limited>,
    /// Who makes the request, once that is proved.
    pub(crate) caller: Option<Arc<Caller>>,
    /// The caller whom a credential names that was refused.
    pub(crate) named: Option<Arc<Caller>>,
    /// The reason for which the caller was not believed.
    pub(crate) refusal: Option<Refusal>,
    /// The reason for which the gateway has no credentials for the upstream.
    pub(crate) upstream_auth: Option<Arc<str>>,
    /// The rule that refused the request, by its name, and the reason.
    pub(crate) rule: Option<(Box<str>, Box<str>)>,
    /// The flag that the request was refused for.
    pub(crate) flag: Option<Box<str>>,
    /// The reason why the content of the response does not state what the request has cost.
    pub(crate) unsettled: Option<&'static str>,
    /// What is not as the description of the API has it, and was let through.
    pub(crate) undescribed: Option<Box<str>>,
    /// What the cache did.
    pub(crate) cached: Option<&'static str>,
    /// The coding of the content, or the reason why it has none of the gateway's.
    pub(crate) coding: Option<&'static str>,
    /// Set if no client waits for it: the gateway asks again for a stored response.
    pub(crate) is_background: bool,
    /// The store that failed last, by its name.
    pub(crate) store: Option<(&'static str, StoreFailure)>,
    /// What few requests have.
    pub(crate) rare: Option<Box<Rare>>,
}

/// The parts that only the access log tells, and of few requests.
#[derive(Debug, Default)]
pub(crate) struct Rare {
    /// What has become of the idempotency key.
    pub(crate) keyed: Option<idempotency::Outcome>,
    /// What has become of the tag of the response.
    pub(crate) tagged: Option<etag::Outcome>,
    /// The method by which the request went on, where a field has asked for another.
    pub(crate) overridden: Option<Method>,
    /// The method that the upstream was asked with, where that is another.
    pub(crate) mapped: Option<Method>,
    /// What the answer is, if an upstream has failed and something else came next.
    pub(crate) fell_back: Option<FellBack>,
    /// The faults that were made on purpose.
    pub(crate) fault: Option<Box<str>>,
}

impl Facts {
    fn takes(&mut self, name: &str, units: u32) {
        for limited in self.limits.iter_mut().filter(|limited| *limited.name == *name) {
            limited.units = units;
        }
    }

    /// Those of a request that begins now, of which nothing else is known.
    fn at(clock: &impl Clock) -> Self {
        Self {
            time: clock.now(),
            begun: clock.monotonic(),
            method: Method::GET,
            uri: Uri::default(),
            version: Version::HTTP_11,
            scheme: Scheme::Http,
            peer: None,
            host: None,
            stated_host: None,
            user_agent: None,
            referer: None,
            trace: None,
            sent_at: Duration::ZERO,
            further_attempts: 0,
            upstream_took: None,
            limits: Vec::new(),
            caller: None,
            named: None,
            refusal: None,
            upstream_auth: None,
            rule: None,
            flag: None,
            unsettled: None,
            undescribed: None,
            cached: None,
            coding: None,
            is_background: false,
            store: None,
            rare: None,
        }
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }
}

impl Record {
    /// The record of the exchange that `request` begins.
    pub(crate) fn begin<B>(plan: &Plan, clock: &impl Clock, request: &Request<B>, peer: &Peer) -> Self {
        let facts = plan.access_log.is_on().then(|| {
            let field = |name| request.headers().get(name).cloned();
            Box::new(Facts {
                method: request.method().clone(),
                uri: request.uri().clone(),
                version: request.version(),
                scheme: peer.scheme(),
                peer: peer.address(),
                host: field(http::header::HOST),
                user_agent: field(USER_AGENT),
                referer: field(REFERER),
                ..Facts::at(clock)
            })
        });
        Self { facts, ..Self::default() }
    }

    /// The record of a request by which the gateway asks again for `call` of the route with this index, without a client.
    pub(crate) fn background(plan: &Plan, clock: &impl Clock, (route, call): (usize, &Call)) -> Self {
        let is_logged = plan.access_log.is_on() && plan.routes.get(route).is_some_and(|route| route.logged);
        let facts = is_logged.then(|| {
            Box::new(Facts {
                method: Method::GET,
                uri: call.uri().clone(),
                host: call.host_field().cloned(),
                scheme: call.client.scheme,
                is_background: true,
                ..Facts::at(clock)
            })
        });
        let request_id = Some(call.id.clone());
        Self { route: Some(route), request_id, is_background: true, facts, ..Self::default() }
    }

    /// Notes the client at the other end, as `trustedProxies` yields it.
    pub(crate) fn known(&mut self, client: &ClientInfo) {
        self.client = client.address;
        if let Some(facts) = &mut self.facts {
            facts.scheme = client.scheme;
            facts.stated_host.clone_from(&client.host);
        }
    }

    /// Notes that `route`, which has this index, takes the request.
    pub(crate) fn matched(&mut self, index: usize, route: &Route) {
        self.route = Some(index);
        if !route.logged {
            self.facts = None;
        }
    }

    /// Notes that `call` goes to the upstream with this index.
    pub(crate) fn sent(&mut self, upstream: usize, call: &Call, clock: &impl Clock) {
        self.upstream = Some(upstream);
        if !self.is_awaited() {
            return;
        }
        let now = clock.monotonic();
        if let Some(facts) = &mut self.facts {
            facts.trace = call.headers.get(TRACEPARENT).cloned();
            facts.sent_at = now;
        }
        if let Some(meter) = &mut self.meter {
            meter.sent(now);
        }
    }

    /// Notes that the head of the upstream's response has come, with its status; or that the exchange with it has failed.
    pub(crate) fn answered(&mut self, status: Option<StatusCode>, clock: &impl Clock) {
        if !self.is_awaited() {
            return;
        }
        let now = clock.monotonic();
        if let Some(facts) = &mut self.facts {
            facts.upstream_took = Some(now.saturating_sub(facts.sent_at));
        }
        if let Some(meter) = &mut self.meter {
            meter.answered(status, now);
        }
    }

    /// Notes that the request is sent once more.
    pub(crate) fn tried_again(&mut self) {
        if let Some(facts) = &mut self.facts {
            facts.further_attempts = facts.further_attempts.saturating_add(1);
        }
    }

    /// Returns whether the request is one of a batch.
    pub(crate) const fn is_part(&self) -> bool {
        self.room.is_some()
    }

    /// Returns whether the request has come to nobody: the gateway has refused it, or has not reached the upstream.
    pub(crate) const fn is_undelivered(&self) -> bool {
        match self.upstream {
            Some(_) => self.unsent,
            None => self.unsent || self.error.is_some() || self.status.is_none(),
        }
    }

    /// Returns whether somebody waits for the end of the exchange: else its body need not be watched.
    #[must_use]
    pub const fn is_awaited(&self) -> bool {
        self.facts.is_some() || !self.permits.is_empty() || self.meter.is_some()
    }

    /// Notes that the adapter has answered with the upstream's response by the edits that it was told, so that the core has
    /// not seen it.
    pub fn relayed(&mut self, status: StatusCode, clock: &impl Clock) {
        self.answered(Some(status), clock);
        self.status = Some(status);
    }

    /// Notes the verdict of a rate limit as it is told; none if its store could not say. One in the `shadow` refuses nothing. A request that is admitted
    /// takes these `units`, and waits that long for its turn.
    pub(crate) fn limited(
        &mut self,
        name: &str,
        verdict: Option<Verdict>,
        shadow: bool,
        (units, wait): (u32, Duration),
    ) {
        if let Some(facts) = &mut self.facts {
            let units = if verdict.is_some_and(|verdict| verdict.admitted) { units } else { 0 };
            facts.limits.push(Limited { name: name.into(), verdict, shadow, units, wait });
        }
    }

    /// Notes that the request takes these `units` of the rate limit called `name` in all.
    pub(crate) fn takes(&mut self, name: &str, units: u32) {
        if let Some(facts) = &mut self.facts {
            facts.takes(name, units);
        }
    }

    /// The reason why a stream that is edited on its way has broken off, if it has.
    pub(crate) fn broken(&self) -> Option<&Broken> {
        self.owed.iter().find_map(|owed| match owed {
            Owed::Filtered(fault) => fault.broken(),
            _ => None,
        })
    }

    /// Notes what the content of the response has said of the units that the request takes, and why a stream has broken off.
    pub(crate) fn content_has_ended(&mut self) {
        let Some(facts) = &mut self.facts else { return };
        for owed in &self.owed {
            match owed {
                Owed::Unsettled(one) => {
                    if let Some(units) = one.settled() {
                        facts.takes(&one.name, units);
                    }
                }
                Owed::Filtered(fault) => {
                    if let Some(broken) = fault.broken() {
                        facts.rule = Some(("body".into(), broken.to_string().into()));
                    }
                }
                _ => {}
            }
        }
    }

    /// Notes the reason why the content of the response does not state what the request has cost.
    pub(crate) fn unsettled(&mut self, reason: &'static str) {
        if let Some(facts) = &mut self.facts {
            facts.unsettled = Some(reason);
        }
    }

    /// Notes what the description of the API says of the request, or of its response.
    pub(crate) fn described(&mut self, outcome: Described) {
        if let Some(meter) = &mut self.meter {
            meter.described(outcome);
        }
    }

    /// Notes what is not as the description of the API has it, and was let through.
    pub(crate) fn not_as_described(&mut self, why: &str) {
        if let Some(facts) = &mut self.facts {
            facts.undescribed = Some(match &facts.undescribed {
                Some(before) => [before, "; ", why].concat().into(),
                None => why.into(),
            });
        }
    }

    /// Looks at the response by the description of its API, now that all of it is there; `is_whole` unless it was cut off.
    pub(crate) fn response_has_ended(&mut self, is_whole: bool) {
        let expected =
            self.owed.iter().find_map(|owed| if let Owed::Expected(expected) = owed { expected.check() } else { None });
        let (outcome, why) = match expected {
            None => return,
            Some(Ok(faults)) if faults.is_empty() => (Described::ResponseValid, None),
            Some(Ok(faults)) if is_whole => (Described::ResponseInvalid, faults.into_iter().next()),
            Some(Ok(_) | Err(_)) => (Described::ResponseUnchecked, None),
        };
        self.described(outcome);
        if let Some(why) = why {
            self.not_as_described(&["response: ", &why].concat());
        }
    }

    /// Notes what the cache did.
    pub(crate) fn cached(&mut self, told: &Told) {
        if let Some(meter) = &mut self.meter {
            meter.cached = Some(told.word());
        }
        if let Some(facts) = &mut self.facts {
            facts.cached = Some(told.word());
        }
    }

    /// Notes what the answer is, since an upstream has failed and something else came next.
    pub(crate) fn fell_back(&mut self, what: FellBack) {
        if let Some(meter) = &mut self.meter {
            meter.fell_back = Some(what);
        }
        if let Some(facts) = &mut self.facts {
            facts.rare().fell_back = Some(what);
        }
    }

    /// Notes a fault that is made on purpose: the one with this place among [`FAULTS`](crate::meter::FAULTS), in `words`.
    pub(crate) fn faulty(&mut self, place: usize, words: &str) {
        if let Some(meter) = &mut self.meter {
            meter.faults |= 1 << place;
        }
        if let Some(facts) = &mut self.facts {
            let before = &mut facts.rare().fault;
            *before = Some(match before {
                Some(before) => [before, ", ", words].concat().into(),
                None => words.into(),
            });
        }
    }

    /// Notes the coding of the content, or the reason why it has none of the gateway's.
    pub(crate) fn encoded(&mut self, word: &'static str) {
        if let Some(facts) = &mut self.facts {
            facts.coding = Some(word);
        }
    }

    /// Notes what has become of the idempotency key.
    pub(crate) fn keyed(&mut self, outcome: idempotency::Outcome) {
        if let Some(meter) = &mut self.meter {
            meter.keyed = Some(outcome);
        }
        if let Some(facts) = &mut self.facts {
            facts.rare().keyed = Some(outcome);
        }
    }

    /// Notes what has become of the tag of the response.
    pub(crate) fn tagged(&mut self, outcome: etag::Outcome) {
        if let Some(meter) = &mut self.meter {
            meter.tagged = Some(outcome);
        }
        if let Some(facts) = &mut self.facts {
            facts.rare().tagged = Some(outcome);
        }
    }

    /// Notes that the request goes on by `method`, for which a field has asked.
    pub(crate) fn overridden(&mut self, method: &Method) {
        if let Some(facts) = &mut self.facts {
            facts.rare().overridden = Some(method.clone());
        }
    }

    /// Notes that the upstream is asked with `method`, which is another than the request's.
    pub(crate) fn mapped(&mut self, method: &Method) {
        if let Some(facts) = &mut self.facts {
            facts.rare().mapped = Some(method.clone());
        }
    }

    /// Notes who makes the request.
    pub(crate) fn authenticated(&mut self, caller: &Arc<Caller>) {
        if let Some(meter) = &mut self.meter {
            meter.authentication = Some(if caller.is_anonymous() { "anonymous" } else { "accepted" });
        }
        if let Some(facts) = &mut self.facts {
            facts.caller = Some(Arc::clone(caller));
        }
    }

    /// Notes whom a credential names that is refused.
    pub(crate) fn named(&mut self, caller: &Arc<Caller>) {
        if let Some(facts) = &mut self.facts {
            facts.named = Some(Arc::clone(caller));
        }
    }

    /// Notes the reason for which whoever makes the request is not believed.
    pub(crate) fn unauthenticated(&mut self, refusal: Refusal) {
        if let Some(meter) = &mut self.meter {
            meter.authentication = Some(refusal.word());
        }
        if let Some(facts) = &mut self.facts {
            facts.refusal = Some(refusal);
        }
    }

    /// Notes that the rule of this name refuses the request, for this reason.
    pub(crate) fn ruled_out(&mut self, rule: &str, reason: &dyn Display) {
        if let Some(facts) = &mut self.facts {
            facts.rule = Some((rule.into(), reason.to_string().into()));
        }
    }

    /// Notes that the flag of this name has the request refused.
    pub(crate) fn flagged(&mut self, name: &str) {
        if let Some(facts) = &mut self.facts {
            facts.flag = Some(name.into());
        }
    }

    /// Notes that the store of this name has failed.
    pub(crate) fn store_failed(&mut self, name: &'static str, failure: StoreFailure) {
        if let Some(facts) = &mut self.facts {
            facts.store = Some((name, failure));
        }
    }

    /// Notes that the store of responses, of this name, has failed.
    pub(crate) fn cache_failed(&mut self, name: &'static str, failure: StoreFailure) {
        if let Some(meter) = &mut self.meter {
            meter.cache_errors = meter.cache_errors.saturating_add(1);
        }
        self.store_failed(name, failure);
    }

    /// Notes that the answer is `reject`, to the request with this `id`.
    pub(crate) fn refused(&mut self, reject: &Reject, id: &HeaderValue) {
        self.status = Some(reject.status);
        self.error = Some(reject.code);
        self.request_id = Some(id.clone());
    }
}

/// The end of an exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// The bytes of the request's body that were read; none where nobody counted them.
    pub received: Option<u64>,
    /// The bytes of the response's body.
    pub sent: Length,
    /// The reason why the response's body ended before its end: the client's, or that of the upstream's side; or why there
    /// was no response at all. None if all of it was sent.
    pub cut: Option<IoErrorKind>,
}

/// The length of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// So many bytes were sent.
    Counted(u64),
    /// The head states so many, and nobody watched the body; none if it states no length.
    Stated(Option<u64>),
}

impl Default for Length {
    fn default() -> Self {
        Self::Counted(0)
    }
}
