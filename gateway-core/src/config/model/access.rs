//! Access: who may do what, once it is known who calls.

use serde::Deserialize;

use crate::config::Entries;

/// A condition on the caller that requests have to meet; of several on one route, every one holds. All its members count together.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Authorize {
    /// Its name in the access log, as the `rule` that refuses a request. Default: its place in the configuration.
    pub name: Option<String>,
    /// The consumers who may call, by name.
    pub consumers: Option<Vec<String>>,
    /// The groups of which a caller needs one.
    pub groups: Option<Vec<String>>,
    /// The tiers of which a caller needs one.
    pub tiers: Option<Vec<String>>,
    /// The scopes that a credential needs, all of them (RFC 6749 §3.3).
    pub scopes: Option<Vec<String>>,
    /// The values that claims of the token need, by the claim's name, or by a JSON Pointer that begins with `/` (RFC 6901).
    pub claims: Entries<ClaimValues>,
    /// An expression in CEL that has to be true: `claims.tenant == params.tenant`.
    pub when: Option<String>,
}

/// The values of a claim that will do: one, or any of a list. A claim that is a list needs one of them among its items.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(untagged))]
pub enum ClaimValues {
    /// This one.
    One(ClaimValue),
    /// Any of these.
    Any(Vec<ClaimValue>),
}

/// A value of a claim: text, a whole number, `true` or `false`.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(untagged))]
pub enum ClaimValue {
    /// This text.
    Text(String),
    /// This number.
    Whole(
        #[cfg_attr(feature = "schema", schemars(range(min = -9_007_199_254_740_992_i64, max = 9_007_199_254_740_992_i64)))]
         i64,
    ),
    /// This truth.
    Boolean(bool),
}

impl ClaimValues {
    /// The values.
    #[must_use]
    pub fn as_slice(&self) -> &[ClaimValue] {
        match self {
            Self::One(value) => core::slice::from_ref(value),
            Self::Any(values) => values,
        }
    }
}

/// The clients that are let in, by where they are and before anybody has to prove anything. All its members count together; of several on
/// one route, every one holds.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Clients {
    /// Its name in the access log, as the `rule` that refuses a request. Default: its place in the configuration.
    pub name: Option<String>,
    /// Addresses and networks (CIDR) of the clients that are let in, and no others. Default: all.
    pub allow: Option<Vec<String>>,
    /// Addresses and networks (CIDR) of the clients that are not let in, be they in `allow` or not.
    pub deny: Option<Vec<String>>,
    /// The countries of the clients that are let in or not.
    pub countries: Option<Countries>,
    /// The autonomous systems (ASN) of the clients that are let in or not.
    pub asns: Option<Asns>,
}

/// Countries, by their codes of ISO 3166-1: two capital letters. `XX` is a country that is not known, and `T1` is Tor.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Countries {
    /// The countries of the clients that are let in, and no others. Default: all.
    pub allow: Option<Vec<String>>,
    /// The countries of the clients that are not let in.
    pub deny: Option<Vec<String>>,
}

/// Autonomous systems, by their numbers: `64500`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Asns {
    /// The systems of the clients that are let in, and no others. Default: all.
    pub allow: Option<Vec<u32>>,
    /// The systems of the clients that are not let in.
    pub deny: Option<Vec<u32>>,
}

/// A way to an upstream for some of a route's callers.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Steer {
    /// The callers whom it is for: a condition, or an expression in CEL alone.
    pub when: When,
    /// The upstream that their requests go to.
    pub upstream: String,
}

/// A condition on the caller, or an expression alone.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(untagged))]
pub enum When {
    /// An expression in CEL: `claims.plan == 'b2b'`.
    Expression(String),
    /// A condition.
    Condition(Box<Condition>),
}

/// A condition on the caller. All its members count together.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Condition {
    /// The consumers of whom the caller is one, by name.
    pub consumers: Option<Vec<String>>,
    /// The groups of which the caller has one.
    pub groups: Option<Vec<String>>,
    /// The tiers of which the caller has one.
    pub tiers: Option<Vec<String>>,
    /// The scopes that the credential has, all of them (RFC 6749 §3.3).
    pub scopes: Option<Vec<String>>,
    /// The values that claims of the token have, by the claim's name, or by a JSON Pointer that begins with `/` (RFC 6901).
    pub claims: Entries<ClaimValues>,
    /// An expression in CEL that is true: `claims.tenant == params.tenant`.
    pub when: Option<String>,
}
