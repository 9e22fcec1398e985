//! The edits of a response's head that are known before there is one.

use http::{HeaderValue, Version};

use crate::http::edit_fields::EditFields;
use crate::http::request_id::X_REQUEST_ID;
use crate::plan::{Plan, ResponseStep, Route};
use crate::policy::header_edit;
use crate::policy::rate_limit::{Standing, tell};

/// All edits of the head of an upstream's response, where they do not depend on that head.
///
/// So they can be told before the request is sent; and where heads are far away (across the border between wasm and
/// JavaScript), the response's need not come here at all. They are the edits that the core would make. Some responses have
/// to come here all the same: those with a status below 200 or above 599, those with 205, whose content is dropped, those with
/// 201 or 3xx, whose `Location` may be rewritten, those with 401, whose challenges are looked at
/// ([`Platform::POOLED_BY_HOST`](crate::ports::Platform::POOLED_BY_HOST)), those whose `Content-Length` is no number, and those
/// whose `Connection` lists fields.
#[derive(Clone, Copy, Debug)]
pub struct KnownEdits<'e> {
    plan: &'e Plan,
    route: &'e Route,
    filled: &'e [Option<HeaderValue>],
    standings: &'e [Standing<'e>],
    id: &'e HeaderValue,
}

impl<'e> KnownEdits<'e> {
    /// The edits that `plan` has for responses on `route`; `None` if a step needs the response's head for that.
    pub(crate) fn of(
        plan: &'e Plan,
        route: &'e Route,
        filled: &'e [Option<HeaderValue>],
        standings: &'e [Standing<'e>],
        id: &'e HeaderValue,
    ) -> Option<Self> {
        (!route.needs.head).then_some(Self { plan, route, filled, standings, id })
    }

    /// Makes them in the fields of a response that came as `version`.
    pub fn edit(&self, version: Version, fields: &mut impl EditFields) {
        fields.remove_hop_by_hop();
        self.plan.loop_guard.stamp_response(fields, version);
        respond(&self.route.response, self.filled, fields);
        tell(self.standings, fields);
        fields.set(&X_REQUEST_ID, self.id.clone());
    }
}

/// Does the route's response steps; `filled` are the values that they take from the request, in their order.
pub(crate) fn respond(steps: &[ResponseStep], filled: &[Option<HeaderValue>], fields: &mut impl EditFields) {
    let mut filled = filled.iter();
    for step in steps {
        header_edit::apply_to_response(step.headers(), &mut filled, fields);
    }
}
