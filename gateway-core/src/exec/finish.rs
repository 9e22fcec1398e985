//! The last phases of every response, whoever made it.

use http::{HeaderValue, Response, Version};

use super::Exchange;
use crate::body::Body;
use crate::gateway::Outcome;
use crate::http::edit_fields::EditFields;
use crate::http::request_id::X_REQUEST_ID;
use crate::plan::{Plan, Route};
use crate::policy::header_edit;
use crate::policy::quota::Verdict;
use crate::policy::rate_limit::RateLimit;
use crate::trace::Event;

pub(super) fn finish<S>(mut exchange: Exchange<'_, '_>, mut response: Response<Body<S>>) -> Outcome<S> {
    let headers = response.headers_mut();
    if let Some(route) = exchange.route {
        if !route.response.is_empty() {
            header_edit::apply_to_response(&route.response, &exchange.filled, headers);
            exchange.note(|| Event::ResponseEdited { edits: route.response.len() });
        }
        for (limit, verdict) in &exchange.verdicts {
            limit.apply(verdict, headers);
        }
    }
    if let Some(cors) = exchange.cors {
        cors.apply(exchange.origin.as_ref(), headers);
    }
    headers.insert(X_REQUEST_ID, exchange.id);
    Outcome { response, record: exchange.record }
}

/// All that will be done to the head of an upstream's response, where that does not depend on what is in it.
///
/// So it can be told before the request is sent, and where heads are far away (across the border between wasm and
/// JavaScript), the response's need not come here at all. What it does is exactly what happens to a response that does
/// come, but for those that have to come: with a status that is no final one or above 599, with 205, whose content is dropped,
/// and with fields that `Connection` lists.
#[derive(Clone, Copy, Debug)]
pub struct Finish<'e> {
    plan: &'e Plan,
    route: &'e Route,
    filled: &'e [Option<HeaderValue>],
    verdicts: &'e [(&'e RateLimit, Verdict)],
    id: &'e HeaderValue,
}

impl<'e> Finish<'e> {
    /// What `exchange` will do; `None` if that depends on the response: cross-origin fields take the place of the upstream's.
    pub(super) fn of(exchange: &'e Exchange<'_, '_>, route: &'e Route) -> Option<Self> {
        let Exchange { plan, filled, verdicts, id, cors, .. } = exchange;
        cors.is_none().then_some(Self { plan, route, filled, verdicts, id })
    }

    /// Does it to the fields of a response that came as `version`.
    pub fn edit(&self, version: Version, fields: &mut impl EditFields) {
        fields.remove_hop_by_hop();
        self.plan.loop_guard.stamp_response(fields, version);
        header_edit::apply_to_response(&self.route.response, self.filled, fields);
        for (limit, verdict) in self.verdicts {
            limit.apply(verdict, fields);
        }
        fields.set(&X_REQUEST_ID, self.id.clone());
    }
}
