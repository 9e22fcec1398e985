//! The steps that a route's policies compile to. All knowledge about a kind of step is here, in exhaustive matches, so
//! that the compiler asks a new kind for all of it.

use std::sync::Arc;

use super::needs::{BodyUse, Needs};
use crate::config::RequestChecks;
use crate::policy::authenticate::Authenticate;
use crate::policy::authorize::Authorize;
use crate::policy::body_edit::BodyEdit;
use crate::policy::clients::Clients;
use crate::policy::concurrency::Concurrency;
use crate::policy::content_type::ContentTypes;
use crate::policy::csrf::Csrf;
use crate::policy::fault::Fault;
use crate::policy::header_edit::{HeaderEdit, RequestEdits};
use crate::policy::idempotency::Idempotency;
use crate::policy::maintenance::Maintenance;
use crate::policy::method_map::MethodMap;
use crate::policy::openapi::Checks;
use crate::policy::proof::Proof;
use crate::policy::query_edit::QueryEdit;
use crate::policy::rate_limit::RateLimit;
use crate::policy::status_map::StatusMap;
use crate::policy::steer::{self, Steer};
use crate::policy::validate::{MOST_CONTENT, Validate};
use crate::template::Template;

/// A change or check of a request before its action.
#[derive(Debug)]
pub enum RequestStep {
    /// Refuse during maintenance.
    Maintenance(Maintenance),
    /// Refuse requests of other origins' pages.
    Csrf(Box<Csrf>),
    /// Let in clients by their addresses.
    Clients(Box<Clients>),
    /// Ask for a proof of identity.
    Authenticate(Box<Authenticate>),
    /// Ask for a caller who may.
    Authorize(Box<Authorize>),
    /// Ask a rate limit for admission.
    RateLimit(Box<RateLimit>),
    /// Ask a limit on concurrency for a place.
    Concurrency(Concurrency),
    /// Say another media type of the content.
    ContentType(ContentTypes),
    /// Check the content.
    Validate(Box<Validate>),
    /// Look at it by the description of its API.
    OpenApi(Arc<Checks>),
    /// Have it fail on purpose.
    Fault(Box<Fault>),
    /// Read the idempotency key.
    Idempotency(Box<Idempotency>),
    /// Choose another upstream for some callers.
    Steer(Box<[Steer]>),
    /// Edit header fields.
    EditHeaders(RequestEdits),
    /// Edit query parameters.
    EditQuery(Box<[QueryEdit]>),
    /// Edit the content.
    EditBody(Arc<BodyEdit>),
    /// Ask the upstream with another method: done as the request leaves ([`Target::method`](super::Target::method)), so that all else goes by
    /// the client's.
    Method(MethodMap),
}

impl RequestStep {
    /// The proofs that it asks for, if it does.
    #[must_use]
    pub const fn authenticate(&self) -> Option<&Authenticate> {
        match self {
            Self::Authenticate(program) => Some(program),
            _ => None,
        }
    }

    /// The parts of an exchange that it needs beyond the request's head.
    pub(super) fn needs(&self) -> Needs {
        match self {
            // The flag is read again after the answer. An answer that is relayed past the core leaves no work.
            Self::Maintenance(maintenance) => Needs { head: maintenance.flag.is_some(), ..Needs::NONE },
            Self::Validate(_) => Needs { request: BodyUse::Whole { limit: MOST_CONTENT }, ..Needs::NONE },
            // The content of responses is looked at while it passes.
            Self::OpenApi(checks) => {
                let seen = checks.has_responses;
                let response = if seen { BodyUse::Chunks } else { BodyUse::Untouched };
                let request = if checks.request == RequestChecks::Off {
                    BodyUse::Untouched
                } else {
                    BodyUse::Whole { limit: MOST_CONTENT }
                };
                Needs { head: seen, end: seen, request, response }
            }
            Self::EditBody(edit) => Needs { request: content_use(edit), ..Needs::NONE },
            // The response states the cost, or its content does.
            Self::RateLimit(limit) => {
                let end = limit.cost.is_in_content();
                let response = if end { BodyUse::Chunks } else { BodyUse::Untouched };
                Needs { head: limit.cost.is_in_response(), end, response, ..Needs::NONE }
            }
            Self::Concurrency(_) => Needs { end: true, ..Needs::NONE },
            // The whole answer is kept.
            Self::Idempotency(rule) => {
                Needs { head: true, request: BodyUse::Whole { limit: rule.most_bytes }, ..Needs::NONE }
            }
            Self::Authenticate(program) => {
                let limits = program.proofs().filter_map(Proof::content_limit);
                let whole = |limit| Needs { request: BodyUse::Whole { limit }, ..Needs::NONE };
                limits.fold(Needs::NONE, |needs, limit| needs.and(whole(limit)))
            }
            Self::Clients(_)
            | Self::Csrf(_)
            | Self::Authorize(_)
            | Self::Steer(_)
            | Self::Fault(_)
            | Self::ContentType(_)
            | Self::EditHeaders(_)
            | Self::EditQuery(_)
            | Self::Method(_) => Needs::NONE,
        }
    }

    /// Returns whether it depends on the route's path parameters.
    pub(super) fn is_bound_to_path(&self) -> bool {
        match self {
            Self::Maintenance(_)
            | Self::Csrf(_)
            | Self::Clients(_)
            | Self::ContentType(_)
            | Self::Validate(_)
            | Self::OpenApi(_)
            | Self::Method(_) => false,
            Self::RateLimit(limit) => limit.is_bound_to_path(),
            Self::Concurrency(limit) => limit.key.is_bound_to_path(),
            Self::Idempotency(rule) => rule.is_bound_to_path(),
            Self::Fault(fault) => fault.is_bound_to_path(),
            Self::Authenticate(program) => program.proofs().any(Proof::is_bound_to_path),
            Self::Authorize(rule) => rule.condition.is_bound_to_path(),
            Self::Steer(ways) => ways.iter().any(|way| way.when.is_bound_to_path()),
            Self::EditHeaders(edits) => are_bound_to_path(edits.as_slice()),
            Self::EditQuery(edits) => edits.iter().filter_map(QueryEdit::template).any(Template::has_path_parameters),
            Self::EditBody(edit) => edit.templates.iter().any(Template::has_path_parameters),
        }
    }

    /// A few words for a list of policies, where the route's path has these `parameters`.
    #[must_use]
    pub fn describe(&self, parameters: &[&str]) -> String {
        match self {
            Self::Maintenance(maintenance) => maintenance.describe(),
            Self::Clients(clients) => clients.describe(),
            Self::Authorize(authorize) => authorize.describe(),
            Self::Authenticate(authenticate) => authenticate.words.to_string(),
            Self::Csrf(_) => "no other origins".to_owned(),
            Self::RateLimit(limit) => limit.describe(parameters),
            Self::Concurrency(limit) => {
                format!("at once {} {} by {}", limit.name, limit.limit, limit.key.describe(parameters))
            }
            Self::Idempotency(rule) => rule.describe(),
            Self::Fault(fault) => fault.describe(),
            Self::Steer(ways) => steer::describe(ways),
            Self::ContentType(types) => count(types.count(), "other media type"),
            Self::Validate(step) => step.describe(),
            Self::OpenApi(checks) => checks.describe(),
            Self::EditHeaders(edits) => count(edits.count(), "header edit"),
            Self::EditQuery(edits) => count(edits.len(), "query edit"),
            Self::EditBody(edit) => edit.describe(),
            Self::Method(map) => count(map.iter().count(), "other method"),
        }
    }
}

/// A change of a response after its action.
#[derive(Debug)]
pub enum ResponseStep {
    /// Edit header fields.
    EditHeaders(Box<[HeaderEdit]>),
    /// Edit the content.
    EditBody(Arc<BodyEdit>),
    /// Give it another status.
    MapStatus(StatusMap),
}

impl ResponseStep {
    /// The parts of an exchange that it needs.
    pub(super) fn needs(&self) -> Needs {
        match self {
            // Edits are listed without reading the fields, but for one that depends on them: see `EditFields`.
            Self::EditHeaders(edits) => {
                Needs { head: edits.iter().any(|edit| matches!(edit, HeaderEdit::Default(..))), ..Needs::NONE }
            }
            Self::EditBody(edit) => Needs { head: true, response: content_use(edit), ..Needs::NONE },
            Self::MapStatus(_) => Needs { head: true, ..Needs::NONE },
        }
    }

    /// The edits of content, if it is some.
    #[must_use]
    pub const fn body(&self) -> Option<&Arc<BodyEdit>> {
        match self {
            Self::EditHeaders(_) | Self::MapStatus(_) => None,
            Self::EditBody(edit) => Some(edit),
        }
    }

    /// The edits of header fields.
    #[must_use]
    pub const fn headers(&self) -> &[HeaderEdit] {
        match self {
            Self::EditHeaders(edits) => edits,
            Self::EditBody(_) | Self::MapStatus(_) => &[],
        }
    }

    /// Returns whether it depends on the route's path parameters.
    pub(super) fn is_bound_to_path(&self) -> bool {
        match self {
            Self::MapStatus(_) => false,
            Self::EditHeaders(edits) => are_bound_to_path(edits),
            Self::EditBody(edit) => edit.templates.iter().any(Template::has_path_parameters),
        }
    }

    /// A few words for a list of policies.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::EditHeaders(edits) => count(edits.len(), "response edit"),
            Self::EditBody(edit) => ["response: ", &edit.describe()].concat(),
            Self::MapStatus(map) if map.count() == 1 => "1 other status".to_owned(),
            Self::MapStatus(map) => format!("{} other statuses", map.count()),
        }
    }
}

/// The use of content that is edited.
fn content_use(edit: &BodyEdit) -> BodyUse {
    if edit.needs_whole() { BodyUse::Whole { limit: edit.most_bytes } } else { BodyUse::Chunks }
}

fn are_bound_to_path(edits: &[HeaderEdit]) -> bool {
    edits.iter().filter_map(HeaderEdit::template).any(Template::has_path_parameters)
}

fn count(number: usize, of: &str) -> String {
    format!("{number} {of}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use crate::capabilities::Capabilities;
    use crate::plan::load;
    use crate::plan::testing::NoSecrets;

    /// docs/platforms.md, Workers: an answer that is relayed past the core leaves no work, so a flag would never be read again.
    #[test]
    fn a_route_with_a_flag_has_the_heads_of_its_responses_come_in() {
        let needs_head = |maintenance: &str| {
            let text = format!(
                r#"{{"routes": [{{"name": "r", "respond": {{}}, "policies": [{{"maintenance": {maintenance}}}]}}]}}"#
            );
            load(&text, &Capabilities::NATIVE, &NoSecrets).unwrap().routes[0].needs.head
        };
        assert!(needs_head(r#"{"flag": "f"}"#));
        assert!(!needs_head(r#"{"until": "2026-12-02T02:00:00Z"}"#));
    }

    /// CONTRIBUTING.md, A new policy: the order of steps is fixed, however the policies are listed.
    #[test]
    fn steps_are_in_their_fixed_order() {
        let text = r#"{"routes": [{"name": "r", "respond": {}, "policies": [
            {"request": {"query": {"set": {"a": "1"}}, "headers": {"set": {"a": "1"}}}},
            {"concurrency": {"limit": 1}}, {"rateLimit": {"limit": 1, "window": "1s"}}, {"maintenance": {"flag": "f"}}]}]}"#;
        let plan = load(text, &Capabilities::NATIVE, &NoSecrets).unwrap();
        let steps: Vec<_> = plan.routes[0].request.iter().map(|step| step.describe(&[])).collect();
        assert_eq!(
            steps,
            [
                "maintenance by flag f",
                "limit r 1 per 1s by client address",
                "at once r 1 by client address",
                "1 header edit",
                "1 query edit"
            ]
        );
    }
}
