//! The members of a `match`.

use serde::Deserialize;

use crate::config::Entries;

/// The requests that a route takes: those of one match, or of any in a list. Each of a list is ranked by itself.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(untagged))]
pub enum Matches {
    /// Those of this one.
    One(Box<Match>),
    /// Those of any.
    Any(Vec<Match>),
}

/// The requests that a route takes: those that meet every member.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Match {
    /// The whole path: literal segments, `{name}` for one segment, `{*name}` at the end for one or more.
    pub path: Option<PathMatch>,
    /// The path's first segments; `/v2` takes `/v2` and `/v2/x`, never `/v2x`. May contain `{name}`.
    pub prefix: Option<String>,
    /// Hosts, without port: `api.example.com`, or `*.example.com` for any subdomain. Empty: every host.
    pub hosts: Vec<String>,
    /// Methods. Empty: every method. `GET` takes `HEAD` along.
    pub methods: Vec<String>,
    /// The scheme of the client's URL, `http` or `https`; a trusted proxy's word counts. A route with it goes before every
    /// route without.
    pub scheme: Option<Scheme>,
    /// Addresses and networks (CIDR) of clients: `10.0.0.0/8`. Empty: every client.
    pub client_address: Vec<String>,
    /// Header fields, by name.
    pub headers: Entries<ValueMatch>,
    /// Query parameters, by name; of a repeated one, the first.
    pub query: Entries<ValueMatch>,
    /// Cookies, by name.
    pub cookies: Entries<ValueMatch>,
}

/// A condition on the whole path; as a plain string, a template.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(untagged))]
pub enum PathMatch {
    /// Literal segments, `{name}` for one segment, `{*name}` at the end for one or more.
    Template(String),
    /// Another test.
    Test(PathTest),
}

/// A test of the whole path other than by a template.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PathTest {
    /// A regular expression, matched against the whole path in its normal form. Named groups are path parameters.
    pub regex: String,
}

/// The scheme of a client's URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Scheme {
    /// Cleartext HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

/// A condition on a header, query parameter or cookie; as a plain string, the exact value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(untagged, rename_all = "camelCase"))]
pub enum ValueMatch {
    /// This value.
    Exact(String),
    /// A test other than equality.
    Test(ValueTest),
}

/// A test of a value other than equality.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum ValueTest {
    /// Present with any value (`true`), or absent (`false`).
    Present(bool),
    /// One of these values.
    OneOf(Vec<String>),
    /// Begins with this text.
    Prefix(String),
    /// Ends with this text.
    Suffix(String),
    /// Is wholly matched by this regular expression.
    Regex(String),
}
