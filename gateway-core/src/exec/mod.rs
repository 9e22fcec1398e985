//! The only asynchronous code: it walks a route's plan and calls the ports.
//!
//! The phases, in their fixed order: bound the head → strip identity → normalise → preflight → match → maintenance → rate
//! limits → edit the request → upstream (or an answer of our own) → edit the response → cross-origin and signalling fields.

mod admin;
mod bounds;
mod finish;
mod flag;
mod key_value;
mod local;
mod maintenance;
mod proxy;
mod request;
mod socket;
mod target_uri;
mod within;

pub(crate) use admin::answer as answer_admin;
pub use finish::KnownEdits;
pub(crate) use flag::{refresh as refresh_flag, refresh_all as refresh_flags};
pub(crate) use request::run;
pub(crate) use within::within;

use http::header::ORIGIN;
use http::{HeaderMap, HeaderValue};

use crate::gateway::{After, Record};
use crate::plan::{Plan, Route};
use crate::policy::cors::Cors;
use crate::policy::quota::Verdict;
use crate::policy::rate_limit::RateLimit;
use crate::state::State;
use crate::trace::Trace;

/// The knowledge that the phases after the answer need of those before it.
struct Exchange<'p, 't> {
    plan: &'p Plan,
    state: &'p State,
    route: Option<&'p Route>,
    record: &'t mut Record,
    /// The cross-origin rules of the answer: those of `defaults` until there is a route.
    cors: Option<&'p Cors>,
    /// The client's `Origin`, if there are such rules.
    origin: Option<HeaderValue>,
    /// Values for the templates among the route's response edits.
    filled: Vec<Option<HeaderValue>>,
    /// The verdicts of the rate limits.
    verdicts: Vec<(&'p RateLimit, Verdict)>,
    /// The work that is left for after the answer.
    after: Vec<After>,
    /// The ear of `explain`.
    trace: Option<&'t mut Trace>,
}

impl<'p> Exchange<'p, '_> {
    /// Puts the answer to the request with these `headers` under these cross-origin rules.
    fn take_cors(&mut self, cors: Option<&'p Cors>, headers: &HeaderMap) {
        self.cors = cors;
        if cors.is_some() && self.origin.is_none() {
            self.origin = headers.get(ORIGIN).cloned();
        }
    }

    /// Tells the listener, if there is one; `event` is not even made otherwise.
    fn note(&mut self, event: impl FnOnce() -> crate::trace::Event) {
        if let Some(trace) = self.trace.as_deref_mut() {
            trace.events.push(event());
        }
    }
}
