//! The protection of web pages and of those who look at them.

use serde::Deserialize;

use crate::config::Span;

/// The fields by which a response tells browsers to be careful. Without members: `nosniff`, no frames, and the usual referrer.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Security {
    /// `Strict-Transport-Security` (RFC 6797), in answers to requests over HTTPS. Default: none.
    pub hsts: Option<Hsts>,
    /// `X-Content-Type-Options: nosniff`: the content is of its stated type (Fetch standard). Default: true.
    pub nosniff: Option<bool>,
    /// `X-Frame-Options`: the pages that may show this one in a frame (HTML standard): `deny`, `same-origin`, or `unset`, which leaves the
    /// field alone. Default: `deny`.
    pub frame: Option<String>,
    /// `Referrer-Policy`: the part of a page's address that other servers are told (Referrer Policy §3), in the words of the standard, or
    /// `unset`, which leaves the field alone. Default: `strict-origin-when-cross-origin`.
    pub referrer: Option<String>,
    /// `Content-Security-Policy` (CSP3 §3.1). Default: none.
    pub csp: Option<String>,
    /// `Permissions-Policy`: the abilities of browsers that a page may use, as in `camera=(), geolocation=(self)`. Default: none.
    pub permissions: Option<String>,
    /// Keeps a field that the response has already. Default: false, and these replace it.
    pub keep: Option<bool>,
}

/// A time in which browsers ask for the host over HTTPS alone (RFC 6797 §6.1).
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Hsts {
    /// The time, from each answer on; `0s` ends it. Default: `365d`.
    pub max_age: Option<Span>,
    /// Covers the hosts below this one, too. Default: false.
    pub subdomains: bool,
    /// Asks for a place in the lists that browsers bring along; needs `subdomains` and `365d`. Default: false.
    pub preload: bool,
}

/// A check of the origin of requests that change something: those of other origins' pages are refused with 403. It goes by
/// `Sec-Fetch-Site`, or else by `Origin`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Csrf {
    /// Other origins whose pages may make requests: `https://app.example.com`, `https://*.example.com`, `http://localhost:*`. Default:
    /// none.
    pub origins: Vec<String>,
}
