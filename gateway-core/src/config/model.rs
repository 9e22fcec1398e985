//! The members of `gateway.json`.

use serde::Deserialize;

use super::{ByteSize, Certificates, Entries, Listen, Matches, Span, UpstreamTls};

/// A whole `gateway.json`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    /// The location of the schema, for editors; the gateway ignores it.
    #[serde(rename = "$schema")]
    pub schema: Option<String>,
    /// Other files with `upstreams`, `policies`, `apis` and `routes` of this configuration: paths in its folder or below, where `*`
    /// stands for any part of a file's name. Their content is added; a name that is there twice is a mistake.
    pub include: Vec<String>,
    /// The gateway's name: its pseudonym in `Via`, `CDN-Loop` and `Proxy-Status`. Default: `edgeway`.
    pub name: Option<String>,
    /// Settings of the native server only: addresses, TLS, logs.
    pub server: Server,
    /// The access log: one line for each exchange.
    pub access_log: AccessLog,
    /// The admin endpoints, under a path of the gateway's own.
    pub admin: Option<Admin>,
    /// The store of counters, instead of each platform's own.
    pub counters: CounterStore,
    /// The reading of client addresses, hosts and paths.
    pub network: Network,
    /// The largest requests that are let in.
    pub limits: Limits,
    /// Headers that state the caller's identity, beyond the built-in ones: removed from every request that comes in. A
    /// trailing `*` stands for any ending.
    pub identity_headers: Vec<String>,
    /// Content of your own for the gateway's errors: by status (`404`), class (`5xx`) or `default`, then by media type. Clients get what
    /// their `Accept` likes best; a problem in JSON (RFC 9457) goes first among equals. Variables are `{error.status}`,
    /// `{error.title}`, `{error.code}`, `{error.detail}` and `{request.id}`.
    pub errors: Entries<Entries<String>>,
    /// The services behind the gateway, by name.
    pub upstreams: Entries<Upstream>,
    /// Policies that routes, APIs and `defaults` use by name.
    pub policies: Entries<Policy>,
    /// Settings for every route, unless its API or the route itself says otherwise.
    pub defaults: Defaults,
    /// The choice between two routes that rank the same and could take the same request. Default: `refuse`.
    pub ties: Option<Ties>,
    /// Groups of routes that share a host, a path prefix and settings.
    pub apis: Vec<Api>,
    /// Routes outside any API.
    pub routes: Vec<Route>,
}

/// Settings of the native server; the other platforms ignore them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Server {
    /// The addresses to listen on: one as `host:port` or `unix:/path`, an object with settings, or a list of those.
    /// Default: `127.0.0.1:8080`.
    pub listen: Option<Listen>,
    /// Serve HTTPS with this certificate, or with these by the name that the client asks for, on each listener that does not
    /// say otherwise.
    pub tls: Option<Certificates>,
    /// The time from the signal to stop until connections are refused. Meanwhile requests are answered, and `/ready` says 503.
    /// Default: `0s`.
    pub grace: Option<Span>,
    /// The longest that open exchanges may go on once connections are refused. Default: `30s`.
    pub drain: Option<Span>,
    /// The most connections of clients at once, and the most streams of HTTP/2. A connection too many waits until another ends,
    /// a stream too many is refused. Default: 10,000, or less where the system's limit on open files leaves room for less.
    pub connections: Option<u32>,
    /// The form of the access log, where `accessLog.format` states none.
    pub access_log: Option<AccessLogFormat>,
    /// The case of header names in responses over HTTP/1.1, for clients that look at it. Default: `lower`.
    pub header_case: Option<HeaderCase>,
    /// The file of the key-value store; without one it is kept in memory.
    pub key_value_file: Option<String>,
    /// The address of the admin endpoints, as `host:port`, or a port of the loopback interface alone: `9901`. Anyone
    /// who can connect to it can read them. Default: none.
    pub admin: Option<String>,
}

/// The case of header names. It makes no difference by the standard (RFC 9110 §5.1), and HTTP/2 has small letters alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum HeaderCase {
    /// `content-type`.
    #[default]
    Lower,
    /// `Content-Type`.
    Title,
}

/// The access log: one line for each exchange. The native server and Spin write it to standard output, Workers to the
/// console, where `wrangler tail` and Workers Logs find it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AccessLog {
    /// The form of a line. Default: `json`.
    pub format: Option<AccessLogFormat>,
    /// Write the query too, which may hold confidential values. Default: false.
    pub query: Option<bool>,
}

/// The admin endpoints, under a path of the gateway's own, on every platform.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Admin {
    /// The path before each endpoint's own. Default: `/.edgeway`.
    pub path: Option<String>,
    /// The token that a request has to state in `Authorization: Bearer`. Without a token this path does not exist.
    pub token: Option<SecretRef>,
}

/// The form of the access log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum AccessLogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// One aligned line for people.
    Text,
    /// No access log.
    Off,
}

/// The store of counters.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CounterStore {
    /// The longest that a request waits for a counter; then `fail` of its limit decides. `10ms` to `30s`. Default:
    /// `2s`.
    pub timeout: Option<Span>,
    /// A Redis that several gateways share: `redis://host:6379`, or a secret that holds such a URL. One with a password is
    /// always in a secret. Without a Redis: Durable Objects on Cloudflare, SQLite on Spin, memory on the native server.
    pub redis: Option<Value>,
}

/// The reading of client addresses, hosts and paths.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Network {
    /// Addresses and networks (CIDR) whose `Forwarded` and `X-Forwarded-*` are believed. Default: none.
    pub trusted_proxies: Vec<String>,
    /// Headers that state the caller's identity and that trusted proxies may send, out of those that are removed otherwise. A
    /// trailing `*` stands for any ending. Default: none.
    pub trusted_identity: Vec<String>,
    /// Methods that are let in beside the usual ones, such as `PROPFIND` or `PURGE`; any other is answered with 501. At most 24.
    pub methods: Vec<String>,
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

/// The largest requests that are let in.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Limits {
    /// The number of header fields. Default: 100. Above: 431.
    pub headers: Option<u32>,
    /// All header names and values together. Default: `32KiB`. Above: 431.
    pub header_bytes: Option<ByteSize>,
    /// Path and query. Default: `8KiB`. Above: 414.
    pub url_bytes: Option<ByteSize>,
    /// The request body, which is never held in memory as a whole. Default: `100MiB`. Above: 413.
    pub body_bytes: Option<ByteSize>,
}

/// A service behind the gateway.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Upstream {
    /// Its URL: `http://host:port/base/path` or `https://…`.
    #[serde(default)]
    pub url: Option<String>,
    /// Its URLs, if several places answer alike: each is called in turn.
    #[serde(default)]
    pub urls: Vec<String>,
    /// The `Host` of requests to it. Default: `upstream`.
    #[serde(default)]
    pub host: Option<HostPolicy>,
    /// The longest that each phase of a request to it may take.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// The names and certificates of TLS to it, beyond the public authorities. Native server only.
    #[serde(default)]
    pub tls: Option<UpstreamTls>,
    /// The Worker that it is on Cloudflare Workers, in place of its URL.
    #[serde(default)]
    pub cloudflare: Option<CloudflareUpstream>,
    /// The component that it is on Spin, in place of its URL.
    #[serde(default)]
    pub spin: Option<SpinUpstream>,
    /// The protocol spoken to it, if its choice is not left to TLS. Native server only.
    #[serde(default)]
    pub protocol: Option<UpstreamProtocol>,
    /// The connections to it that are kept. Native server only.
    #[serde(default)]
    pub connections: Option<UpstreamConnections>,
    /// The rewriting of its answers, where they name its own address.
    #[serde(default)]
    pub responses: Responses,
}

/// The rewriting of an upstream's answers, where they name its own address or the path that it was sent: to what the client
/// asked for.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Responses {
    /// Rewrites `Location` of redirects and of 201. Default: true.
    pub location: Option<bool>,
    /// Rewrites `Domain` and `Path` of `Set-Cookie`. Default: false.
    pub cookies: Option<bool>,
}

/// An upstream that is a Worker: the call reaches it without a network between.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CloudflareUpstream {
    /// The service binding that `wrangler.toml` declares under `services`.
    pub service: String,
}

/// An upstream that is a component of the same Spin application: the call reaches it without a network between.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SpinUpstream {
    /// The component's name in `spin.toml`.
    pub component: String,
}

/// A protocol that is spoken to an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum UpstreamProtocol {
    /// HTTP/2 in the clear, without asking first. Over TLS the two sides agree on it by themselves.
    H2c,
}

/// The connections to an upstream that are kept for further requests.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpstreamConnections {
    /// The age from which one gets no more requests; `"0s"` means without limit. Default: `10m`.
    pub age: Option<Span>,
    /// The longest that one is kept without a request; `"0s"` means that none is. Default: `60s`.
    pub idle: Option<Span>,
}

/// The `Host` of requests to an upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum HostPolicy {
    /// The authority of the upstream's URL.
    #[default]
    Upstream,
    /// The client's own.
    Preserve,
    /// This name.
    Set(String),
}

/// The longest that each phase of a request to an upstream may take; `"0s"` means without limit.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Timeouts {
    /// Until the connection is open, TLS included. Default: `5s`.
    pub connect: Option<Span>,
    /// Until the response head has arrived. Default: `30s`.
    pub first_byte: Option<Span>,
    /// Until the response body has ended. Default: without limit.
    pub total: Option<Span>,
    /// Between two pieces of content, as long as the upstream is waited for: to take more of the request's, or to send more of the
    /// response's. Native server only. Default: `5m`.
    pub idle: Option<Span>,
}

/// Settings for every route, unless its API or the route itself says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Defaults {
    /// Policies, applied in this order before an API's and a route's own.
    pub policies: Vec<PolicyUse>,
    /// Deadlines, where nothing nearer to the route states any.
    pub timeouts: Timeouts,
    /// The `Host` of requests to upstreams that state none.
    pub host: Option<HostPolicy>,
}

/// The choice between two routes that rank the same and could take the same request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Ties {
    /// None: the configuration is refused.
    #[default]
    Refuse,
    /// The one that comes first in the file; those of `apis` come before those of `routes`.
    First,
}

/// A group of routes that share a host, a path prefix and settings.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Api {
    /// Its name; its routes are called `name/route`.
    pub name: String,
    /// The hosts of its routes, unless a route states its own.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// The prefix of each of its routes' paths.
    #[serde(default)]
    pub prefix: Option<String>,
    /// The upstream of its routes, unless a route states its own action.
    #[serde(default)]
    pub upstream: Option<String>,
    /// The choice between two routes that rank the same, for its routes. Default: that of the whole file.
    #[serde(default)]
    pub ties: Option<Ties>,
    /// Policies, applied after `defaults.policies` and before a route's own.
    #[serde(default)]
    pub policies: Vec<PolicyUse>,
    /// Deadlines of its routes.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// Its routes.
    pub routes: Vec<Route>,
}

/// A route: a choice of requests, and the action for them.
///
/// A route has exactly one action: `upstream`, `split`, `redirect`, `respond` or `keyValue`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Route {
    /// Its name, in logs and messages; unique in its API or among the routes outside any.
    pub name: String,
    /// The requests that it takes; of a list, those that any of its members takes.
    #[serde(default, rename = "match")]
    pub matches: Matches,
    /// Send the request to this upstream.
    #[serde(default)]
    pub upstream: Option<String>,
    /// Send the request to one of these upstreams, by weight.
    #[serde(default)]
    pub split: Vec<Target>,
    /// Answer with a redirect.
    #[serde(default)]
    pub redirect: Option<Box<Redirect>>,
    /// Answer with a fixed response.
    #[serde(default)]
    pub respond: Option<Box<Respond>>,
    /// Serve a value from the key-value store.
    #[serde(default)]
    pub key_value: Option<Box<KeyValueEntry>>,
    /// Change the path or host that the upstream is sent.
    #[serde(default)]
    pub rewrite: Option<Box<Rewrite>>,
    /// Policies, applied after those of `defaults` and of the API.
    #[serde(default)]
    pub policies: Vec<PolicyUse>,
    /// Deadlines of this route.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// The largest request body, instead of `limits.bodyBytes`.
    #[serde(default)]
    pub body_bytes: Option<ByteSize>,
    /// Takes WebSockets on a route to an upstream, or limits their time. Default: `true`, where the platform can.
    #[serde(default)]
    pub web_socket: Option<WebSocket>,
    /// Logs its exchanges in the access log. Default: true.
    #[serde(default)]
    pub access_log: Option<bool>,
}

/// A route's answer to WebSockets: takes them, refuses them, or takes them within limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(untagged))]
pub enum WebSocket {
    /// Taken within the usual limits; or refused with 501.
    Taken(bool),
    /// Taken within these limits.
    Within(WebSocketLimits),
}

/// The longest that a WebSocket may last; `"0s"` means without limit. Then it is closed with 1001 (going away). Native
/// server only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WebSocketLimits {
    /// Without a frame from either side, pings among them. Default: `10m`.
    pub idle: Option<Span>,
    /// From the handshake on. Default: `24h`.
    pub life: Option<Span>,
}

/// One of several upstreams of a route.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Target {
    /// The upstream's name.
    pub upstream: String,
    /// Its share, out of the sum of all weights; 0 to 1,000,000.
    pub weight: u32,
    /// Policies of this upstream alone, which can edit requests and responses: requests after the route's own edits,
    /// responses before them.
    #[serde(default)]
    pub policies: Vec<PolicyUse>,
}

/// A redirect.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Redirect {
    /// The new location, as a template: `https://{request.host}/new/{path.id}`.
    #[serde(default)]
    pub location: Option<String>,
    /// Instead of `location`: the replacement of the route's prefix, after which the rest of the path follows. A path, or a
    /// URL without query: `/new`, `https://new.example.com`. A template.
    #[serde(default)]
    pub prefix: Option<String>,
    /// 301, 302, 303, 307 or 308. Default: 308.
    #[serde(default)]
    pub status: Option<u16>,
    /// Append the request's query. Default: true.
    #[serde(default)]
    pub keep_query: Option<bool>,
}

/// A fixed response.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Respond {
    /// 200 to 599. Default: 200.
    pub status: Option<u16>,
    /// Header fields; values are templates.
    pub headers: Entries<String>,
    /// The content, as text; a template.
    pub body: Option<String>,
    /// The content, as JSON; sent as `application/json`.
    pub json: Option<serde_json::Value>,
}

/// A value in the key-value store, read by GET and HEAD; if `methods` says so, written by PUT and removed by DELETE.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyValueEntry {
    /// The key, as a template: `flags/{path.name}`.
    pub key: String,
    /// The media type of the value. Default: `application/octet-stream`.
    #[serde(default)]
    pub content_type: Option<String>,
    /// The longest that a written value is kept. Default: without limit; at least `60s`, the least that every platform
    /// has.
    #[serde(default)]
    pub ttl: Option<Span>,
    /// The largest value that PUT takes. Default: `1MiB`.
    #[serde(default)]
    pub value_bytes: Option<ByteSize>,
}

/// A change of the path or host that the upstream is sent.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Rewrite {
    /// The path, as a template: `/internal/{path.id}`. Parameters keep their encoding.
    pub path: Option<String>,
    /// Instead of the route's `prefix`: `/v1` makes `/api/users` with prefix `/api` into `/v1/users`. `/` removes the prefix; so
    /// does the empty text, and then `/api` alone becomes the upstream's base path without a slash after it.
    pub prefix: Option<String>,
    /// The `Host`, instead of the upstream's own setting.
    pub host: Option<String>,
}

/// A policy in a list: the name of one under `policies`, or one in place.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(untagged))]
pub enum PolicyUse {
    /// One under `policies`.
    Named(String),
    /// One in place.
    Inline(Box<Policy>),
}

/// A set of changes to requests and responses besides routing. Each member may be absent.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Policy {
    /// Cross-origin rules; of several on one route, the last holds.
    pub cors: Option<Cors>,
    /// A time in which requests are refused with 503; of several on one route, every one holds.
    pub maintenance: Option<Maintenance>,
    /// A rate limit; of several on one route, every one holds.
    pub rate_limit: Option<RateLimit>,
    /// A limit on concurrency; of several on one route, every one holds.
    pub concurrency: Option<Concurrency>,
    /// Edits of requests on their way to the upstream.
    pub request: Option<RequestEdits>,
    /// Edits of responses on their way to the client, also of those that the gateway makes itself.
    pub response: Option<ResponseEdits>,
}

/// Cross-origin rules (Fetch standard, CORS protocol).
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Cors {
    /// Origins that may read responses: `https://app.example.com`, `https://*.example.com`, `http://localhost:*` for every port,
    /// `https://*` for every one of this scheme, or `*` for any.
    pub origins: Vec<String>,
    /// Methods that a preflight allows beside GET, HEAD and POST; `*` for any. Default: the route's own.
    pub methods: Vec<String>,
    /// Request headers that a preflight allows; `*` for any but `authorization`, which has to be listed. Default: none beyond
    /// the safelisted ones.
    pub headers: Vec<String>,
    /// Response headers that scripts may read.
    pub expose: Vec<String>,
    /// Allows cookies and other credentials; not with origins of every host, nor with `*` in `expose`.
    pub credentials: bool,
    /// Lets public sites reach a gateway in a private network (Private Network Access). Default: false.
    pub private_network: bool,
    /// The longest that a browser may keep a preflight's answer. Default: `5s`, as in the Fetch standard; browsers cap
    /// it at `2h`.
    pub max_age: Option<Span>,
}

/// A time in which requests are refused with 503 (RFC 9110 §15.6.4): between `from` and `until`, and while `flag` is set.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Maintenance {
    /// The beginning, in UTC: `2026-12-01T22:00:00Z` (RFC 3339). Default, beside `until`: it has begun.
    pub from: Option<String>,
    /// The end, in UTC. Default, beside `from`: it stays until the configuration says otherwise.
    pub until: Option<String>,
    /// A flag that turns it on while it is set: the entry `flag:` and this name of the key-value store, at most 250 bytes.
    pub flag: Option<String>,
    /// Addresses and networks (CIDR) of the clients that are served all the same.
    pub bypass: Vec<String>,
    /// The wait that `Retry-After` asks for where no end is known; `1s` to `366d`. Default: `60s`.
    pub retry_after: Option<Span>,
    /// The decision while the flag can't be read and never could be. Default: `open`, which serves.
    pub fail: Option<FailMode>,
}

/// A rate limit.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateLimit {
    /// Its name in `RateLimit` and `RateLimit-Policy`, and of its counters. Default: the policy's name, or the route's.
    #[serde(default)]
    pub name: Option<String>,
    /// The requests that a window admits; 1 to 1,000,000,000.
    pub limit: u32,
    /// The window: `1s` to `366d`.
    pub window: Span,
    /// The way of counting requests. Default: `gcra`.
    #[serde(default)]
    pub algorithm: Option<RateLimitAlgorithm>,
    /// The requests that may come at once. Default: `limit`. Not with `slidingWindow`.
    #[serde(default)]
    pub burst: Option<u32>,
    /// The requests that are counted together. Default: `clientAddress`.
    #[serde(default)]
    pub key: Option<CounterKey>,
    /// The decision while the counter can't be reached. Default: `closed`, which refuses with 503.
    #[serde(default)]
    pub fail: Option<FailMode>,
}

/// A limit on concurrency: on the requests in flight at once, until their answers have ended. A route that calls an
/// upstream needs `timeouts.total` with it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Concurrency {
    /// Its name in problems, and of its counters. Default: the policy's name, or the route's.
    #[serde(default)]
    pub name: Option<String>,
    /// The requests that may be in flight at once; 1 to 10,000.
    pub limit: u32,
    /// The requests that are counted together. Default: `clientAddress`.
    #[serde(default)]
    pub key: Option<CounterKey>,
    /// The decision while the counter can't be reached. Default: `closed`, which refuses with 503.
    #[serde(default)]
    pub fail: Option<FailMode>,
}

/// The algorithm of a rate limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum RateLimitAlgorithm {
    /// The generic cell rate algorithm: the quota comes back evenly.
    #[default]
    Gcra,
    /// The sliding window counter: of the window before, the admitted requests count by the share of it that a window
    /// ending now still covers.
    SlidingWindow,
}

/// The requests that a limit counts together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum CounterKey {
    /// Those of one client address; IPv6 by its first 64 bits.
    #[default]
    ClientAddress,
    /// Those with one value of this header; those without it share one counter.
    Header(String),
    /// All.
    Everyone,
}

/// The decision while a store can't be reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum FailMode {
    /// Requests are refused with 503.
    #[default]
    Closed,
    /// Requests are admitted.
    Open,
}

/// Edits of requests on their way to the upstream.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RequestEdits {
    /// Edits of header fields.
    pub headers: FieldEdits,
    /// Edits of query parameters.
    pub query: FieldEdits,
}

/// Edits of responses on their way to the client.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ResponseEdits {
    /// Edits of header fields.
    pub headers: FieldEdits,
}

/// Edits of named fields, done in this order: rename, remove, set, append.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct FieldEdits {
    /// New names of fields, by their old ones.
    pub rename: Entries<String>,
    /// Fields to remove.
    pub remove: Vec<String>,
    /// Fields to set, in place of any values that they have.
    pub set: Entries<Value>,
    /// Fields to add a value to.
    pub append: Entries<Value>,
}

/// A value to set: a template such as `{header.x-tenant}`, or a secret by reference.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(untagged))]
pub enum Value {
    /// Text, in which `{…}` stands for a part of the request.
    Template(String),
    /// The value of a secret.
    Secret(SecretRef),
}

/// A secret by reference, resolved from Workers secrets, Spin variables, the environment or a file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretRef {
    /// Its name: capital letters, digits and `_`.
    pub secret: String,
}
