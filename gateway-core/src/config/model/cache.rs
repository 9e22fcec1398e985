//! The HTTP cache of a route.

use serde::Deserialize;

use crate::config::{ByteSize, Entries, Span};

/// A cache of the responses of a route's upstreams, shared by all clients (RFC 9111). Without members, it keeps what the responses let
/// it keep.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Cache {
    /// Turns off the cache of `defaults` or an API, by `false`. Default: true.
    pub enabled: Option<bool>,
    /// The time for which responses are fresh, whatever they say themselves; `1s` to `366d`. What may not be stored at all by `no-store`,
    /// `private` or who asks, stays so. Default: what responses say.
    pub ttl: Option<Span>,
    /// The time for which responses are fresh that say nothing of it; `1s` to `366d`. Default: a tenth of the time since `Last-Modified`; without that
    /// they are not stored.
    pub default_ttl: Option<Span>,
    /// The longest time for which responses are fresh; `1s` to `366d`. Default: what responses say.
    pub max_ttl: Option<Span>,
    /// The time for which a stale response is served while it is asked for again (RFC 5861 §3), where it does not say itself; at most `366d`. Default: none.
    pub stale_while_revalidate: Option<Span>,
    /// The time for which a stale response is served where the upstream fails (RFC 5861 §4), where it does not say itself; at most `366d`. Default: none.
    pub stale_if_error: Option<Span>,
    /// The time for which responses with a status, or a class of them, are fresh that say nothing of it, or all of them beside `ttl`:
    /// `{"404": "30s", "5xx": "1s"}`. `0s`: they are not stored.
    pub statuses: Entries<Span>,
    /// The methods whose answers are stored: `GET`; `HEAD`, whose answers confirm or end what is stored; and `POST`, whose answers are stored for
    /// `GET` where they say that they are the same (RFC 9110 §9.3.3). Default: `GET` and `HEAD`.
    pub methods: Option<Vec<String>>,
    /// The parts of a request, beside its URL, by which responses are told apart, and the parts of its query that do not.
    pub key: CacheKey,
    /// An expression in CEL; requests for which it is true go past the cache: `request.headers['x-preview'] == '1'`.
    pub bypass: Option<String>,
    /// The largest content that is stored; up to `64MiB`. Default: `1MiB`.
    pub max_bytes: Option<ByteSize>,
    /// The longest that a request waits for the answer to another one that asks for the same; `0s` to `60s`. Default: `5s`.
    pub collapse: Option<Span>,
    /// The fields by which caches of one kind go before `Cache-Control` (RFC 9213), the first first. Default: `Edgeway-Cache-Control`, then
    /// `CDN-Cache-Control`.
    pub targets: Option<Vec<String>>,
    /// Stores responses that set cookies as others are, cookies included. Default: false, and they are stored only if they say `public`.
    pub set_cookies: Option<bool>,
    /// Serves stored responses to requests with cookies, and stores the responses to them, as if they had none. Default: false, and
    /// what such a request is answered is stored only if the response itself says for how long.
    pub ignore_cookies: Option<bool>,
}

/// The parts of a request by which stored responses are told apart, beside its method and its URL.
#[derive(Clone, Debug, Default, PartialEq, Hash, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CacheKey {
    /// The only query parameters that count, whatever their order: `page`, `filter_*`. A trailing `*` stands for any ending. Default: all of the
    /// query, as it came.
    pub query: Option<Vec<String>>,
    /// Query parameters that do not count: `utm_*`. A trailing `*` stands for any ending. Default: none.
    pub ignore_query: Vec<String>,
    /// Header fields whose values count.
    pub headers: Vec<String>,
    /// Cookies whose values count.
    pub cookies: Vec<String>,
    /// Claims of the caller's token whose values count.
    pub claims: Vec<String>,
    /// Keeps the responses of each caller apart: of each consumer, or else of each credential. What is for one caller alone (`private`, or an
    /// answer to a proof of identity) can be stored then. Default: false.
    pub caller: Option<bool>,
}
