//! The gateway: a plan on a platform.

use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};

use crate::access_log;
use crate::admin::Way;
use crate::body::Body;
use crate::error::Reject;
use crate::exec;
pub use crate::exec::DueCheck;
use crate::http::request_id;
pub use crate::outcome::{After, Outcome, Reply};
use crate::plan::Plan;
use crate::policy::counter::CounterOp;
use crate::ports::{Peer, Platform, StoreFailure};
use crate::problem;
pub use crate::record::{Ended, Length, Permit, Record};
use crate::report::{self, Asked};
use crate::state::State;
use crate::store_key::StoreKey;
use crate::trace::Trace;

/// The most bytes of the content of a request for an admin endpoint.
pub const MOST_ADMIN_CONTENT: u64 = exec::MOST_ADMIN_CONTENT;

/// A plan on a platform, and the state that outlives it.
#[derive(Debug)]
pub struct Gateway<P> {
    plan: Arc<Plan>,
    state: State,
    platform: P,
}

impl<P: Platform> Gateway<P> {
    /// A gateway that runs `plan` on `platform`.
    pub fn new(plan: Arc<Plan>, platform: P) -> Self {
        let state = State::adopt(&plan, None, platform.fleets());
        Self { plan, state, platform }
    }

    /// The gateway that takes over from this one: it runs `plan` on `platform`, and keeps the state of all that `plan` still
    /// names. Requests under way on this one go on, and their state is the same.
    pub fn reload(&self, plan: Arc<Plan>, platform: P) -> Self {
        let state = State::adopt(&plan, Some(&self.state), platform.fleets());
        Self { plan, state, platform }
    }

    /// The state that outlives requests and reloads.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The plan.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The platform.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// Begins the record of the exchange that `request` from `peer` opens.
    pub fn begin<B>(&self, request: &Request<B>, peer: &Peer) -> Record {
        exec::begin(&self.plan, &self.state, &self.platform, request, peer)
    }

    /// Answers `request`. Its URI is in origin form (or absolute, or `*`), exactly as the client sent it.
    ///
    /// Never fails: what goes wrong becomes a problem (RFC 9457). Dropping the future cancels the upstream exchange; what
    /// `record` holds by then still has to go to [`ended`](Self::ended).
    // No `async fn`: each layer of those copies the whole state of the next, some kilobytes, twice.
    pub fn handle(
        &self,
        request: Request<Body<P::Stream>>,
        peer: &Peer,
        record: &mut Record,
    ) -> impl Future<Output = Outcome<P>> {
        exec::run(&self.plan, &self.state, &self.platform, request, peer, record, None)
    }

    /// Answers `request` as [`handle`](Self::handle) does, and tells `trace` every step.
    pub async fn handle_traced(
        &self,
        request: Request<Body<P::Stream>>,
        peer: &Peer,
        record: &mut Record,
        trace: &mut Trace,
    ) -> Outcome<P> {
        exec::run(&self.plan, &self.state, &self.platform, request, peer, record, Some(trace)).await
    }

    /// The answer of the admin endpoint that `request` names, on a listener of its own: nobody is asked for a token. The
    /// adapter says on which way the request has come. Of content with more than [`MOST_ADMIN_CONTENT`] bytes, it need read one
    /// more.
    pub async fn admin(&self, request: &Request<Bytes>, way: Way) -> Response<Body<P::Stream>> {
        let (method, headers) = (request.method(), request.headers());
        let content = request.body().clone();
        let asked = Asked { path: request.uri().path(), method, headers, has_content: !content.is_empty(), way };
        let answer = match report::check_host(headers, request.version(), way) {
            Ok(()) => exec::answer_admin(&self.plan, &self.state, &self.platform, asked, Body::Full(content)).await,
            Err(reject) => Err(reject),
        };
        answer.unwrap_or_else(|reject| {
            problem::answer(reject, *method == Method::HEAD, request_id::of(headers, &self.platform))
        })
    }

    /// The answer to a request that the adapter refuses before the gateway could handle it, with `headers` as far as they
    /// are known: a problem as every other.
    pub fn refuse(
        &self,
        method: &Method,
        headers: &HeaderMap,
        reject: Reject,
        record: &mut Record,
    ) -> Response<Body<P::Stream>> {
        let id = request_id::of(headers, &self.platform);
        record.refused(&reject, &id);
        problem::answer(reject, *method == Method::HEAD, id)
    }

    /// Returns whether the route of `record` needs the end of the response's body: it is to be watched then, where the platform
    /// does not watch every one.
    pub fn needs_end(&self, record: &Record) -> bool {
        record.route.and_then(|route| self.plan.routes.get(route)).is_some_and(|route| route.needs.end)
    }

    /// Takes note that the exchange that `record` is of has ended: the body of its response, its tunnel, or the client's
    /// patience. Counts it, writes its line of the access log, and returns the work that is left.
    #[must_use = "the work has to be run"]
    pub fn ended(&self, record: Record, ended: &Ended) -> Vec<After> {
        exec::end(&self.plan, &self.state, &self.platform, record, ended)
    }

    /// Tells of a request for which no client waited: the metrics in any case, the access log of one that has failed.
    fn asked_again(&self, record: &Record) {
        if let (Some(metrics), Some(meter)) = (self.state.metrics(), &record.meter) {
            metrics.asked(record, meter);
        }
        if record.facts.is_some() {
            let now = self.platform.monotonic();
            self.platform.log(|out| access_log::write(&self.plan, record, &Ended::default(), now, out));
        }
    }

    /// Follows for a while where the upstream with this index is: asks its source, which may wait for a change. Returns the time after which to go on;
    /// none if nobody tells where it is.
    pub async fn follow(&self, upstream: usize) -> Option<core::time::Duration> {
        exec::follow_places((&self.plan, &self.state, &self.platform), upstream).await
    }

    /// Does work that was left by [`handle`](Self::handle) or [`ended`](Self::ended).
    pub async fn run_after(&self, work: After) {
        match work {
            After::Sweep => self.platform.sweep().await,
            After::Release(Permit { cell, holder }) => {
                // If the store can't be reached, the place is free once the lease has expired.
                let release = self.platform.apply(&cell, CounterOp::Release { holder });
                let _ = exec::within(&self.platform, self.plan.counter_timeout, release).await;
            }
            After::Settle(one) => {
                // If the store can't be reached, the request has cost what it took at first.
                let (cell, op) = *one;
                let settled = self.platform.apply(&cell, op);
                let _ = exec::within(&self.platform, self.plan.counter_timeout, settled).await;
            }
            After::GiveBack(cell) => {
                // Else it is given until its time is over.
                let back = self.platform.apply(&cell, CounterOp::Once { keep: Duration::ZERO });
                let _ = exec::within(&self.platform, self.plan.counter_timeout, back).await;
            }
            After::RefreshKeys { source } => exec::refresh_keys(&self.plan, &self.state, &self.platform, source).await,
            After::KeepKeys { source } => exec::keep_keys(&self.plan, &self.state, &self.platform, source).await,
            After::RefreshToken { source } => {
                exec::refresh_token(&self.plan, &self.state, &self.platform, source).await;
            }
            After::RefreshEntries(watch) => exec::refresh_entries(&self.platform, &watch).await,
            After::Revalidate(one) => {
                if let Some(record) = exec::revalidate(&self.plan, &self.state, &self.platform, *one).await {
                    self.asked_again(&record);
                }
            }
            After::Discover { upstream } => {
                exec::refresh_places((&self.plan, &self.state, &self.platform), upstream).await;
            }
            After::Mirror(one) => exec::send_copy(&self.plan, &self.state, &self.platform, *one).await,
            After::Rollout { route } => exec::refresh_rollout(&self.plan, &self.state, &self.platform, route).await,
            After::RefreshPurges => exec::refresh_purges(&self.state, &self.platform).await,
            After::RefreshChecks => exec::refresh_checks(&self.plan, &self.state, &self.platform).await,
            After::RefreshFlag { flag } => exec::refresh_flag(&self.plan, &self.state, &self.platform, flag).await,
        }
    }

    /// The checks of upstreams' places that are due, and the time until the next one is; none where no upstream is checked. Each of these has begun: it is
    /// made by [`check`](Self::check).
    pub fn due_checks(&self) -> (Vec<DueCheck>, Option<Duration>) {
        exec::due_checks(&self.plan, &self.state, &self.platform)
    }

    /// Makes a check that is due.
    pub async fn check(&self, due: DueCheck) {
        exec::check(&self.plan, &self.state, &self.platform, due).await;
    }

    /// Checks the places of all upstreams, whatever is due, and leaves what has come of it in the key-value store: for platforms on which this is called from
    /// time to time, by whoever has no memory in common with those who serve requests. Where an outcome speaks against what holds, the place is checked again,
    /// until that is decided.
    pub async fn check_all(&self) {
        exec::check_all(&self.plan, &self.state, &self.platform).await;
    }

    /// Returns whether places of upstreams are checked.
    pub fn checks(&self) -> bool {
        exec::are_checked(&self.plan)
    }

    /// Has `read` read the entry of every flag again, for the requests to come, without a request that asks for it. Returns each
    /// flag's key, and its value if it could be read. Sets no deadline: an adapter calls this where its ports may not work.
    pub async fn refresh_flags(
        &self,
        read: impl AsyncFn(&str) -> Result<Option<Bytes>, StoreFailure>,
    ) -> Vec<(&StoreKey, Option<bool>)> {
        exec::refresh_flags(&self.plan, &self.state, &self.platform, read).await
    }
}
