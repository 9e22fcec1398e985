//! Services that decide who may call.

use core::time::Duration;

use http::HeaderName;
use http::uri::PathAndQuery;

use super::Compiler;
use super::at::At;
use super::edits::{Edit, Parameters};
use crate::config::{self, ExternalProtocol, Span};
use crate::http::path::is_normalised;
use crate::policy::external::External;
use crate::policy::header_edit::HeaderEdit;
use crate::policy::key_source::Location;

/// The longest that a service is waited for, where the configuration does not say.
const TIMEOUT: Duration = Duration::from_secs(1);

/// The longest that it can be waited for.
const MOST_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest that its leave can be remembered.
const MOST_CACHE: Duration = Duration::from_secs(60);

impl Compiler<'_> {
    /// The proof by the word of a service; `None` if it is wrong.
    #[inline(never)]
    pub(super) fn external(
        &mut self,
        at: &At<'_>,
        proof: &config::ExternalProof,
        parameters: Parameters<'_>,
    ) -> Option<External> {
        let config::ExternalProof { upstream, path, protocol, headers, copy, consumer, timeout, cache_ttl } = proof;
        let is_opa = protocol.unwrap_or_default() == ExternalProtocol::Opa;
        let found = self.chosen_upstream(&at.member("upstream"), upstream);
        if !path.starts_with('/') || path.contains('#') || path.parse::<PathAndQuery>().is_err() {
            let help = "it begins with `/`, and may have a query: `/verify`";
            self.error_with(&at.member("path"), format_args!("`{path}` is no path"), help);
        } else if !is_normalised(path.split('?').next().unwrap_or_default()) {
            // RFC 3986 §6.2.2: of another form, nobody says which place it is.
            let help = "write it without `//`, `.`, `..` and needless escapes: `/verify`";
            self.error_with(&at.member("path"), format_args!("the path `{path}` is not in its normal form"), help);
        }
        let timeout = timeout.map_or(TIMEOUT, |Span(timeout)| timeout);
        if timeout.is_zero() || timeout > MOST_TIMEOUT {
            let help = "up to `30s`: every request waits for it";
            self.error_with(&at.member("timeout"), "no service is waited for so long", help);
        }
        let remember = cache_ttl.map_or(Duration::ZERO, |Span(life)| life);
        if remember > MOST_CACHE {
            let help = "up to `60s`: whoever may no longer call is let in for as long";
            self.error_with(&at.member("cacheTtl"), "no leave is remembered for so long", help);
        }
        if is_opa && consumer.is_some() {
            let help = "leave it out: the answer names one, `{\"result\": {\"allow\": true, \"consumer\": \"acme\"}}`";
            self.error_with(&at.member("consumer"), "only `forwardAuth` names consumers in a field", help);
        }
        let tell = self.field_names(&at.member("headers"), headers);
        let copy = self.field_names(&at.member("copy"), copy);
        let consumer = match consumer {
            Some(name) => Some(<HeaderEdit as Edit>::name(self, &at.member("consumer"), name)?),
            None => None,
        };
        // Only OPA is told of them.
        let parameters = parameters.filter(|_| is_opa).unwrap_or_default();
        Some(External {
            place: Location { upstream: found?, path: path.as_str().into() },
            name: upstream.as_str().into(),
            is_opa,
            tell: tell?,
            copy: copy?,
            consumer,
            deadline: timeout,
            remember,
            parameters: parameters.iter().map(|name| (*name).into()).collect(),
        })
    }

    /// The names of header fields, each once.
    fn field_names(&mut self, at: &At<'_>, names: &[String]) -> Option<Box<[HeaderName]>> {
        let mut read: Vec<HeaderName> = Vec::new();
        for (i, name) in names.iter().enumerate() {
            let at = at.index(i);
            let name = <HeaderEdit as Edit>::name(self, &at, name)?;
            if read.contains(&name) {
                self.error_with(&at, format_args!("`{name}` is there twice"), "leave one of them out");
            }
            read.push(name);
        }
        Some(read.into())
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use crate::capabilities::Capabilities;
    use crate::http::trailers::strip_request;
    use crate::plan::load;
    use crate::plan::testing::NoSecrets;

    /// docs/configuration.md, What every request gets: a backend may take a trailer for a field of the head (RFC 9110 §6.5.1).
    #[test]
    fn no_trailer_says_what_a_service_says() {
        let text = r#"{"upstreams": {"sso": {"url": "http://sso.test"}}, "routes": [{"name": "r", "respond": {},
            "policies": [{"authenticate": {"external": {"upstream": "sso", "path": "/", "copy": ["x-auth-user"]}}}]}]}"#;
        let plan = load(text, &Capabilities::NATIVE, &NoSecrets).unwrap();
        let mut trailers = HeaderMap::new();
        for name in ["x-auth-user", "x_auth_user", "x-sum"] {
            trailers.insert(name, "root".parse().unwrap());
        }
        strip_request(&mut trailers, &plan.identity);
        assert_eq!(trailers.keys().collect::<Vec<_>>(), ["x-sum"]);
    }
}
