//! The compiled policies of a route, shared with routes that have the same ones.

use std::sync::Arc;

use crate::config::{self, JsonPath, PolicyUse, Priority};
use crate::fingerprint::Fingerprint;
use crate::plan::{RequestStep, ResponseStep};
use crate::policy::cache::Cache;
use crate::policy::compress::Compress;
use crate::policy::etag::Etag;

/// The compiled policies of a route.
#[derive(Clone)]
pub(super) struct Folded<'c> {
    /// The innermost cross-origin rules, and their place.
    pub(super) cors: Option<(JsonPath, &'c config::Cors)>,
    pub(super) request: Arc<[RequestStep]>,
    pub(super) cache: Option<Arc<Cache>>,
    /// A fingerprint of the edits of requests, and of responses where they are those of one upstream.
    pub(super) edits: Fingerprint,
    pub(super) response: Arc<[ResponseStep]>,
    pub(super) etag: Option<Etag>,
    pub(super) compress: Option<Arc<Compress>>,
    pub(super) priority: Priority,
}

impl Folded<'_> {
    /// Returns whether they depend on the route's path parameters.
    pub(super) fn is_bound_to_path(&self) -> bool {
        self.request.iter().any(RequestStep::is_bound_to_path)
            || self.response.iter().any(ResponseStep::is_bound_to_path)
            || self.cache.as_ref().is_some_and(|cache| cache.is_bound_to_path())
    }
}

/// The compiled policies of one route, for the next one.
pub(super) struct Shared<'c> {
    pub(super) api: Option<usize>,
    /// The index of the version of the API.
    pub(super) version: Option<usize>,
    pub(super) uses: &'c [PolicyUse],
    pub(super) folded: Folded<'c>,
}

impl Shared<'_> {
    /// Returns whether a route in `api` that lists `uses` has the same policies. Inline policies belong to one route
    /// alone.
    pub(super) fn is_for(&self, api: Option<usize>, version: Option<usize>, uses: &[PolicyUse]) -> bool {
        let same = |(one, other): (&PolicyUse, &PolicyUse)| matches!((one, other), (PolicyUse::Named(one), PolicyUse::Named(other)) if one == other);
        self.api == api
            && self.version == version
            && self.uses.len() == uses.len()
            && self.uses.iter().zip(uses).all(same)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capabilities::Capabilities;
    use crate::plan::testing::NoSecrets;
    use crate::plan::{Plan, load};

    /// A plan with a route for each path, all with the policy `p`; each `own` is a list of policies besides.
    fn plan(set: &str, routes: &[(&str, &str)]) -> Plan {
        let routes: Vec<String> = routes
            .iter()
            .enumerate()
            .map(|(i, (path, own))| {
                format!(r#"{{"name": "r{i}", "match": {{"path": "{path}"}}, "policies": ["p"{own}], "respond": {{}}}}"#)
            })
            .collect();
        let edits = format!(r#"{{"request": {{"headers": {{"set": {{"x-a": "{set}"}}}}}}}}"#);
        let text = format!(
            r#"{{"policies": {{"p": {edits}, "q": {{"rateLimit": {{"limit": 1, "window": "1s"}}}}}}, "routes": [{}]}}"#,
            routes.join(", ")
        );
        load(&text, &Capabilities::NATIVE, &NoSecrets).unwrap()
    }

    /// Tells for each route whether it shares the steps of the one before it.
    fn shared(plan: &Plan) -> Vec<bool> {
        plan.routes.windows(2).map(|pair| Arc::ptr_eq(&pair[0].request, &pair[1].request)).collect()
    }

    #[test]
    fn routes_with_the_same_policies_share_them() {
        let inline = r#", {"response": {"headers": {"remove": ["x-b"]}}}"#;
        let own = [("/a", ""), ("/b", ""), ("/{c}", ""), ("/d", r#", "q""#), ("/e", r#", "q""#), ("/f", inline)];
        let plan = plan("{header.x-b}", &own);
        assert_eq!(shared(&plan), [true, true, false, true, false]);
        assert_eq!(plan.routes[4].request.len(), 2);
        assert_eq!(plan.routes[5].response.len(), 1);
    }

    #[test]
    fn what_names_a_path_parameter_is_of_one_route() {
        let plan = plan("{path.id}", &[("/a/{id}", ""), ("/{b}/{id}", ""), ("/c/{id}", "")]);
        assert_eq!(shared(&plan), [false, false]);
        let steps = |route: usize| format!("{:?}", plan.routes[route].request);
        assert_ne!(steps(0), steps(1));
        assert_eq!(steps(0), steps(2));
    }
}
