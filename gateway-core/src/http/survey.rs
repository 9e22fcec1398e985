//! One look at the names of a request's fields that tells which of the header rules have anything to do.
//!
//! Each rule can be called without it; asking first spares a request that none of them concerns three passes and two lookups.

use http::HeaderMap;

use super::identity::IdentityNames;
use super::names::{Filter, Slot};
use super::{alias, forwarded, hop_by_hop, loop_guard, method_override};

/// The rules that have something to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Set if there are fields for [`IdentityNames::strip`].
    pub identity: bool,
    /// Set if there are fields for [`alias::strip`].
    pub aliases: bool,
    /// Set if there are fields for [`hop_by_hop::strip_request`].
    pub hop_by_hop: bool,
    /// Set if there are fields that [`TrustedProxies::drop_unbelieved`](forwarded::TrustedProxies::drop_unbelieved) may drop.
    pub forwarding: bool,
    /// Set if there are fields for [`LoopGuard::check`](loop_guard::LoopGuard::check).
    pub loop_fields: bool,
    /// Set if there is an `Expect`.
    pub expect: bool,
    /// Set if there is a `Content-Length`.
    pub length: bool,
    /// Set if there is a `Trailer`.
    pub trailer: bool,
    /// Set if there is an `Authorization`.
    pub authorization: bool,
    /// Set if there are fields for [`MethodOverride::take`](method_override::MethodOverride::take).
    pub method_override: bool,
    /// Set if there is a `traceparent` or `tracestate`.
    pub trace: bool,
    /// Set if there is an `Upgrade` or a `Sec-WebSocket-Key`.
    pub web_socket: bool,
    /// The length of all names and values, in bytes.
    pub bytes: usize,
}

const KEY: &str = "sec-websocket-key";
const HOP_BY_HOP: Filter = Filter::of(&hop_by_hop::NAMES);
const FORWARDING: Filter = Filter::of(&forwarded::CLAIMS);
const LOOP_FIELDS: Filter = Filter::of(&["via", "cdn-loop"]);
const SINGLE: Filter =
    Filter::of(&["expect", "content-length", "trailer", "authorization", "traceparent", "tracestate", KEY]);
const FIXED: Filter =
    HOP_BY_HOP.with(&FORWARDING).with(&LOOP_FIELDS).with(&SINGLE).with(&alias::KNOWN).with(&method_override::KNOWN);

impl Survey {
    /// Returns whether no field is about the connection alone, or about content that follows.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        !(self.hop_by_hop || self.trailer || self.expect)
    }

    /// Looks at each field once.
    #[must_use]
    pub fn of(headers: &HeaderMap, names: &IdentityNames) -> Self {
        let mut survey = Self::default();
        for (name, value) in headers {
            let name = name.as_str();
            survey.bytes += name.len() + value.len();
            let slot = Slot::of(name.as_bytes());
            if names.may_reserve(slot) {
                survey.identity |= names.is_reserved(name);
            }
            if !FIXED.may_contain(slot) || name == "host" {
                continue;
            }
            survey.aliases |= alias::KNOWN.may_contain(slot) && alias::is_alias(name);
            survey.hop_by_hop |= HOP_BY_HOP.may_contain(slot) && hop_by_hop::index(name).is_some();
            survey.forwarding |= FORWARDING.may_contain(slot) && forwarded::is_claim(name);
            survey.loop_fields |= loop_guard::is_mark(name);
            survey.expect |= name == "expect";
            survey.length |= name == "content-length";
            survey.trailer |= name == "trailer";
            survey.authorization |= name == "authorization";
            survey.method_override |= method_override::KNOWN.may_contain(slot) && method_override::is_override(name);
            survey.trace |= matches!(name, "traceparent" | "tracestate");
            survey.web_socket |= matches!(name, "upgrade" | KEY);
        }
        survey
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::fields;

    /// The survey of a field among ordinary ones, without the length.
    fn survey(name: &str) -> Survey {
        let headers = fields(&[("host", "a"), (name, "1"), ("accept", "*/*")]);
        Survey { bytes: 0, ..Survey::of(&headers, &IdentityNames::default()) }
    }

    #[test]
    fn all_names_and_values_count() {
        let survey = Survey::of(&fields(&[("a", "12"), ("bcd", ""), ("a", "3")]), &IdentityNames::default());
        assert_eq!(survey.bytes, 1 + 2 + 3 + 1 + 1);
    }

    #[test]
    fn ordinary_fields_concern_nobody() {
        for name in ["content-type", "cookie", "x-tenant", "user-agent", "x-request-id", "a"] {
            assert_eq!(survey(name), Survey::default(), "{name}");
        }
    }

    /// Nothing that a rule would act on is overlooked.
    #[test]
    fn every_name_of_every_rule_is_seen() {
        for name in hop_by_hop::NAMES {
            assert!(survey(name).hop_by_hop, "{name}");
        }
        for name in forwarded::CLAIMS {
            for name in [name.to_owned(), name.replace('-', "_"), name.replace('-', "!"), name.replace('-', "")] {
                assert!(survey(&name).forwarding, "{name}");
            }
        }
        for name in [
            "x-consumer-id",
            "x_consumer_id",
            "remote.user",
            "remote+user",
            "xconsumerid",
            "client-cert",
            "x-ssl-client-dn",
        ] {
            assert!(survey(name).identity, "{name}");
        }
        for name in ["x-http-method-override", "X_HTTP_Method", "x-method.override"] {
            assert!(survey(name).method_override, "{name}");
        }
        for name in ["via", "cdn-loop"] {
            assert!(survey(name).loop_fields, "{name}");
        }
    }

    /// RFC 3875 §4.1.18.
    #[test]
    fn other_spellings_of_guarded_names_are_seen() {
        for name in ["transfer_encoding", "content.length", "ho-st", "t-e", "x_request_id", "proxy_connection"] {
            assert_eq!(survey(name), Survey { aliases: true, ..Survey::default() }, "{name}");
        }
    }

    #[test]
    fn own_identity_names_are_seen() {
        let names = IdentityNames::new(&["q*".to_owned(), "my.org".to_owned()]).unwrap();
        for name in ["q", "qz", "q-z-z", "my-org", "my_org", "my*org", "myorg"] {
            assert!(Survey::of(&fields(&[(name, "1")]), &names).identity, "{name}");
        }
    }

    #[test]
    fn single_fields_are_seen() {
        assert_eq!(survey("expect"), Survey { expect: true, ..Survey::default() });
        assert_eq!(survey("content-length"), Survey { length: true, ..Survey::default() });
        assert_eq!(survey("trailer"), Survey { trailer: true, ..Survey::default() });
        assert_eq!(survey("authorization"), Survey { authorization: true, ..Survey::default() });
        assert_eq!(survey("upgrade"), Survey { web_socket: true, hop_by_hop: true, ..Survey::default() });
        assert_eq!(survey(KEY), Survey { web_socket: true, ..Survey::default() });
        for name in ["traceparent", "tracestate"] {
            assert_eq!(survey(name), Survey { trace: true, ..Survey::default() }, "{name}");
        }
    }
}
