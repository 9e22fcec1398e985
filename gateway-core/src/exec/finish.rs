//! The last phases of every response, whoever made it.

use http::{HeaderMap, HeaderValue, Response, Version};

use super::Exchange;
use crate::call::Call;
use crate::http::edit_fields::EditFields;
use crate::http::request_id::X_REQUEST_ID;
use crate::plan::{Plan, ResponseStep, Route};
use crate::policy::header_edit;
use crate::policy::quota::Verdict;
use crate::policy::rate_limit::RateLimit;
use crate::trace::Event;

/// The values that the route's response steps take from the request, in their order; to be asked for while that is there.
pub(super) fn fill(steps: &[ResponseStep], call: &Call) -> Vec<Option<HeaderValue>> {
    let mut filled = Vec::new();
    for step in steps {
        match step {
            ResponseStep::EditHeaders(edits) => filled.extend(header_edit::fill_for_response(edits, call)),
        }
    }
    filled
}

/// Does the route's response steps; `filled` are the values of [`fill`].
fn respond(steps: &[ResponseStep], filled: &[Option<HeaderValue>], fields: &mut impl EditFields) {
    let mut filled = filled.iter();
    for step in steps {
        match step {
            ResponseStep::EditHeaders(edits) => header_edit::apply_to_response(edits, &mut filled, fields),
        }
    }
}

pub(super) fn finish<B>(exchange: &mut Exchange<'_, '_>, response: &mut Response<B>, id: HeaderValue) {
    exchange.record.status = Some(response.status());
    finish_fields(exchange, response.headers_mut());
    response.headers_mut().insert(X_REQUEST_ID, id);
}

fn finish_fields(exchange: &mut Exchange<'_, '_>, headers: &mut HeaderMap) {
    if let Some(route) = exchange.route {
        if !route.response.is_empty() {
            respond(&route.response, &exchange.filled, headers);
            exchange.note(|| Event::ResponseEdited { edits: edits(&route.response) });
        }
        for (limit, verdict) in &exchange.verdicts {
            limit.apply(verdict, headers);
        }
    }
    if let Some(cors) = exchange.cors {
        cors.apply(exchange.origin.as_ref(), headers);
    }
}

/// The number of edits in `steps`.
fn edits(steps: &[ResponseStep]) -> usize {
    steps
        .iter()
        .map(|step| match step {
            ResponseStep::EditHeaders(edits) => edits.len(),
        })
        .sum()
}

/// All edits of the head of an upstream's response, where they do not depend on that head.
///
/// So they can be told before the request is sent; and where heads are far away (across the border between wasm and
/// JavaScript), the response's need not come here at all. They are the edits that the core would make. Some responses have
/// to come here all the same: those with a status below 200 or above 599, those with 205, whose content is dropped, and
/// those whose `Connection` lists fields.
#[derive(Clone, Copy, Debug)]
pub struct KnownEdits<'e> {
    plan: &'e Plan,
    route: &'e Route,
    filled: &'e [Option<HeaderValue>],
    verdicts: &'e [(&'e RateLimit, Verdict)],
    id: &'e HeaderValue,
}

impl<'e> KnownEdits<'e> {
    /// The edits that `exchange` will make; `None` if a step needs the response's head for that.
    pub(super) fn of(exchange: &'e Exchange<'_, '_>, route: &'e Route, id: &'e HeaderValue) -> Option<Self> {
        let Exchange { plan, filled, verdicts, .. } = exchange;
        (!route.needs.head).then_some(Self { plan, route, filled, verdicts, id })
    }

    /// Makes them in the fields of a response that came as `version`.
    pub fn edit(&self, version: Version, fields: &mut impl EditFields) {
        fields.remove_hop_by_hop();
        self.plan.loop_guard.stamp_response(fields, version);
        respond(&self.route.response, self.filled, fields);
        for (limit, verdict) in self.verdicts {
            limit.apply(verdict, fields);
        }
        fields.set(&X_REQUEST_ID, self.id.clone());
    }
}
