//! The reading of client addresses, hosts and paths.

use serde::Deserialize;

/// The reading of client addresses, hosts and paths.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Network {
    /// Addresses and networks (CIDR) whose `Forwarded` and `X-Forwarded-*` are believed; `unix:` is whoever connects over a
    /// Unix socket. Default: none.
    pub trusted_proxies: Vec<String>,
    /// Headers that state the caller's identity and that trusted proxies may send, out of those that are removed otherwise. A
    /// trailing `*` stands for any ending. Default: none.
    pub trusted_identity: Vec<String>,
    /// The fields in which trusted proxies state where clients are. Default: none.
    pub geo: Geo,
    /// Methods that are let in beside the usual ones, such as `PROPFIND` or `PURGE`; any other is answered with 501. At most 24.
    pub methods: Vec<String>,
    /// Other methods that a POST may ask for by a field. Default: none, and the fields for that are removed.
    pub method_override: MethodOverride,
    /// The zone that the gateway is in, as `${ZONE}`: places of upstreams in the same one are called first. Default: none.
    pub zone: Option<String>,
    /// The meaning of an encoded slash (`%2F`) in a path. Default: `keep`.
    pub encoded_slash: Option<EncodedSlash>,
    /// The paths that are let in. Default: `usual`.
    pub paths: Option<Paths>,
    /// The meaning of case in the paths of routes. Default: `sensitive`.
    pub path_case: Option<PathCase>,
    /// The meaning of a slash at the end of a path for routes. Default: `distinct`.
    pub final_slash: Option<FinalSlash>,
    /// The meaning of empty segments (`//`) in a path. Default: `merge`.
    pub empty_segments: Option<EmptySegments>,
}

/// Other methods that a POST may ask for by `X-HTTP-Method-Override`, `X-HTTP-Method` or `X-Method-Override`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct MethodOverride {
    /// The methods that may be asked for: `["PUT", "PATCH", "DELETE"]`. Such a request is one by that method from the beginning on. Default:
    /// none.
    pub methods: Vec<String>,
    /// Has the fields go on to upstreams, which may act by them; nothing here goes by the method that they name. Default: false.
    pub pass: bool,
}

/// The fields in which trusted proxies state where clients are. From anybody else they are removed.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Geo {
    /// The field of the country, by its code of ISO 3166-1: `cf-ipcountry`.
    pub country: Option<String>,
    /// The field of the autonomous system, by its number.
    pub asn: Option<String>,
}

/// The paths that are let in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Paths {
    /// All that have a safe normal form.
    #[default]
    Usual,
    /// Those alone that every decoder reads alike. Path parameters (`;x`), encoded slashes, percent signs that begin another
    /// encoding, and octets that are no UTF-8 are refused with 400.
    Strict,
}

/// The meaning of case in the paths of routes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum PathCase {
    /// `/Users` and `/users` are two paths.
    #[default]
    Sensitive,
    /// They are one to routes, as far as ASCII goes; upstreams are sent the path as it came.
    Insensitive,
}

/// The meaning of a slash at the end of a path for routes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum FinalSlash {
    /// `/users` and `/users/` are two paths.
    #[default]
    Distinct,
    /// They are one to routes; upstreams are sent the path as it came.
    Same,
}

/// The meaning of empty segments (`//`) in a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum EmptySegments {
    /// `//` is `/`.
    #[default]
    Merge,
    /// They stay: no literal segment and no `{name}` takes one, but prefixes and `{*name}` do.
    Keep,
}

/// The meaning of an encoded slash (`%2F`) in a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum EncodedSlash {
    /// It is data inside its segment, and stays encoded.
    #[default]
    Keep,
    /// It separates segments, like `/`.
    Decode,
    /// The request is refused with 400.
    Reject,
}
