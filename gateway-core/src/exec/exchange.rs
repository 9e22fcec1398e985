//! The state of an exchange, as one phase hands it to the next.

use core::time::Duration;
use std::sync::Arc;

use http::header::ORIGIN;
use http::{HeaderMap, HeaderValue};

use super::body::Texts;
use super::fallback;
use super::idempotency::Keyed;
use super::limits::Taken;
use crate::config::THOROUGH;
use crate::error::Reject;
use crate::io::IoErrorKind;
use crate::outcome::After;
use crate::plan::{Plan, Route, Target};
use crate::policy::compress::Asked;
use crate::policy::cors::Cors;
use crate::policy::etag::Conditions;
use crate::policy::rate_limit::Standing;
use crate::policy::watch::Watch;
use crate::record::Record;
use crate::state::State;
use crate::trace::{Event, Trace};

/// The knowledge that later phases need of an exchange.
pub(super) struct Exchange<'p, 't> {
    pub(super) plan: &'p Plan,
    pub(super) state: &'p State,
    pub(super) route: Option<&'p Route>,
    pub(super) record: &'t mut Record,
    /// The cross-origin rules of the answer; those of `defaults` until a route is found.
    pub(super) cors: Option<&'p Cors>,
    /// The client's `Origin`, if there are cross-origin rules.
    pub(super) origin: Option<HeaderValue>,
    /// The values that the route's response edits take from the request, if there are such edits.
    pub(super) filled: Option<Box<Filled>>,
    /// The request's standings with the rate limits, of which the last may have refused it.
    pub(super) standings: Vec<Standing<'p>>,
    /// Set if the stored responses that it ends are gone.
    pub(super) has_ended_stored: bool,
    /// What it has taken of limits, as far as that may turn out to be less or more.
    pub(super) taken: Vec<Taken<'p>>,
    /// Set if the answer is for this client alone: its credential stands in the URL, which caches go by, or in a cookie.
    pub(super) private: Option<Box<Private>>,
    /// The scheme of the credential by which the caller came in.
    pub(super) scheme: &'static str,
    /// The signatures of its tokens that were none.
    pub(super) bad_signatures: u8,
    /// What is known for policies that few routes have.
    pub(super) rare: Option<Box<Rare<'p>>>,
    /// The upstream that it goes to, if the route does not choose one: it is a copy.
    pub(super) mirror: Option<&'p Target>,
    /// The work to do after the answer.
    pub(super) after: Vec<After>,
    /// The trace that `explain` reads, if one is kept.
    pub(super) trace: Option<&'t mut Trace>,
}

/// The values that response edits take from the request.
#[derive(Default)]
pub(super) struct Filled {
    /// Those of edits of header fields, in their order.
    pub(super) fields: Vec<Option<HeaderValue>>,
    /// Those of edits of content, if there are such edits.
    pub(super) bodies: Option<Texts>,
}

/// The knowledge that policies need which few routes have: in one place, so that no other request has room for it.
#[derive(Default)]
pub(super) struct Rare<'p> {
    /// What the answer tells of the version of the API, beyond what is known at load.
    pub(super) version: Option<OfVersion>,
    /// What the client says of the coding of its answer, if the route compresses any.
    pub(super) coding: Option<Asked>,
    /// What the client says of the response that it has, if the route answers by that.
    pub(super) conditions: Option<Conditions>,
    /// The fields that the client has sent, if the request is a batch.
    pub(super) sent: HeaderMap,
    /// The idempotency key of the request, if it has one.
    pub(super) keyed: Option<Keyed<'p>>,
    /// The failure of the last exchange with an upstream, if it has failed.
    pub(super) failed: Option<IoErrorKind>,
    /// The place that the client's cookie names, where the upstream goes by that.
    pub(super) place: Option<u64>,
    /// What comes next where an upstream fails, as far as it has come.
    pub(super) fallback: fallback::Progress,
}

/// What an answer tells of the version of an API, beyond what is known at load.
pub(super) struct OfVersion {
    /// Set if fields of the request have chosen it.
    pub(super) is_by_field: bool,
    /// The link to the same in the version to go on to.
    pub(super) successor: Option<HeaderValue>,
}

/// What is for this client alone.
#[derive(Default)]
pub(super) struct Private {
    /// The cookies that the answer sets.
    pub(super) cookies: Vec<HeaderValue>,
    /// What is known of the end of the session that the cookies keep.
    pub(super) session: Option<Arc<Watch>>,
    /// The token that the upstream is sent.
    pub(super) forwarded: Option<HeaderValue>,
    /// The answer of the first service that has refused the request.
    pub(super) denied: Option<Box<Reject>>,
}

impl<'p, 't> Exchange<'p, 't> {
    /// An exchange of which nothing is known yet.
    pub(super) const fn new(
        plan: &'p Plan,
        state: &'p State,
        record: &'t mut Record,
        trace: Option<&'t mut Trace>,
    ) -> Self {
        Self {
            plan,
            state,
            route: None,
            record,
            cors: None,
            origin: None,
            filled: None,
            standings: Vec::new(),
            has_ended_stored: false,
            taken: Vec::new(),
            private: None,
            scheme: "",
            bad_signatures: 0,
            rare: None,
            mirror: None,
            after: Vec::new(),
            trace,
        }
    }
}

impl<'p> Exchange<'p, '_> {
    /// What is known for policies that few routes have.
    pub(super) fn rare(&mut self) -> &mut Rare<'p> {
        self.rare.get_or_insert_default()
    }

    /// Takes the request's idempotency key, if it has one.
    pub(super) fn take_keyed(&mut self) -> Option<Keyed<'p>> {
        self.rare.as_mut()?.keyed.take()
    }

    /// Returns whether the upstream is taken to heed the idempotency keys of clients by itself.
    pub(super) fn heeds_keys(&self) -> bool {
        self.rare.as_ref().and_then(|rare| rare.keyed.as_ref()).is_none_or(Keyed::is_repeatable)
    }

    /// Returns whether the request has an idempotency key.
    pub(super) fn is_keyed(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.keyed.is_some())
    }

    /// The time that upstreams have had which failed.
    pub(super) fn spent(&self) -> Duration {
        self.rare.as_ref().map_or(Duration::ZERO, |rare| rare.fallback.spent)
    }

    /// Returns whether the answer is the fixed one that stands in for an upstream's.
    pub(super) fn stands_in(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.fallback.stands_in)
    }

    /// What is for this client alone: from now on, something is.
    pub(super) fn private(&mut self) -> &mut Private {
        self.private.get_or_insert_default()
    }

    /// Returns whether its answer depends on what the client has already.
    pub(super) fn has_conditions(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.conditions.is_some())
    }

    /// Returns whether the content of its answer is edited.
    pub(super) fn edits_content(&self) -> bool {
        self.filled.as_ref().is_some_and(|filled| filled.bodies.is_some())
    }

    /// The values that edits of the response's header fields take from the request.
    pub(super) fn filled(&self) -> &[Option<HeaderValue>] {
        self.filled.as_ref().map_or(&[], |filled| &filled.fields)
    }

    /// Applies the rules `cors` to the answer to the request with these `headers`.
    pub(super) fn take_cors(&mut self, cors: Option<&'p Cors>, headers: &HeaderMap) {
        self.cors = cors;
        if cors.is_some() && self.origin.is_none() {
            self.origin = headers.get(ORIGIN).cloned();
        }
    }

    /// Adds an event to the trace, if one is kept. Without a trace, `event` is never built.
    pub(super) fn note(&mut self, event: impl FnOnce() -> Event) {
        if THOROUGH && let Some(trace) = self.trace.as_deref_mut() {
            push(trace, event);
        }
    }
}

/// Out of the way of every exchange that keeps no trace.
#[cold]
#[inline(never)]
fn push(trace: &mut Trace, event: impl FnOnce() -> Event) {
    trace.events.push(event());
}
