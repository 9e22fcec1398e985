//! The versions of an API.

use serde::Deserialize;

use super::{OpenApi, PolicyUse, RequestEdits, ResponseEdits};
use crate::config::Entries;

/// The versions of an API: what they are called, where a request states one, and how long each is served.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Versions {
    /// The places where requests state a version; the first that states one counts. One in the path or in the host goes first.
    pub from: Vec<VersionSource>,
    /// The version of requests that state none. Without it, each has to state one.
    pub default: Option<String>,
    /// What becomes of requests that state a version that there is not. Default: `refuse`.
    pub unknown: Option<UnknownVersion>,
    /// Further names of versions, such as `latest`.
    pub aliases: Entries<String>,
    /// The versions, by name.
    pub list: Entries<ApiVersion>,
    /// The field of responses that tells which version has answered. Default: none does.
    pub tell: Option<String>,
}

/// A place where requests state a version.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum VersionSource {
    /// A segment of the path, behind the prefix of the API: `v{version}`. The upstream is not sent it.
    Path(String),
    /// A host: `{version}.api.example.com`.
    Host(String),
    /// A header field of this name.
    Header(String),
    /// A query parameter of this name.
    Query(String),
    /// A media type of `Accept`, or else of `Content-Type`: `application/vnd.acme.v{version}+json`.
    MediaType(String),
    /// A parameter of this name of a media type of `Accept`, or else of `Content-Type`.
    MediaTypeParameter(String),
    /// A date, which stands for the newest version that there was on that day.
    Date(VersionDate),
}

/// A place where requests state a date: `2026-05-01`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum VersionDate {
    /// A header field of this name.
    Header(String),
    /// A query parameter of this name.
    Query(String),
}

/// What becomes of requests that state a version that there is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum UnknownVersion {
    /// They are refused with 404.
    #[default]
    Refuse,
    /// They get the default version.
    Default,
}

/// A version of an API.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ApiVersion {
    /// The day from which on it is the newest one, for requests that state a date: `2026-05-01`. Default: its name, if that is a date.
    pub since: Option<String>,
    /// The version that this one is made from: it has the routes of that version, whose requests are made from those of this one by `request`,
    /// and whose responses are made into those of this one by `response`.
    pub from: Option<String>,
    /// The edits that make a request of the version in `from`.
    pub request: Option<RequestEdits>,
    /// The edits that make a response of this version.
    pub response: Option<ResponseEdits>,
    /// The upstream of its routes, unless a route states its own action. Default: that of the version in `from`, or of the API.
    pub upstream: Option<String>,
    /// Policies, applied after those of the API and before a route's own.
    pub policies: Vec<PolicyUse>,
    /// The description of this version, in place of that of the API. Upstreams answer, and mocks, as the version has it that it is made from in
    /// the end.
    pub openapi: Option<Box<OpenApi>>,
    /// The time from which on it is deprecated, which may be to come: responses tell it (RFC 9745).
    pub deprecated: Option<String>,
    /// The time from which on it is gone: responses tell it before (RFC 8594), and requests get 410 after.
    pub sunset: Option<String>,
    /// A page about its deprecation, which responses link to.
    pub link: Option<String>,
    /// The version to go on to.
    pub successor: Option<String>,
    /// Times before its sunset in which it is gone already, so that those who still call it notice.
    pub brown_outs: Vec<BrownOut>,
}

/// A time in which a version is gone.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BrownOut {
    /// Its beginning: `2026-12-01T22:00:00Z`.
    pub from: String,
    /// Its end.
    pub until: String,
}
