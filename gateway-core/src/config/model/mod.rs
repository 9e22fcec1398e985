//! The members of `gateway.json`.

mod access;
mod access_log;
mod action;
mod admin;
mod aggregate;
mod api_key;
mod batch;
mod body;
mod cache;
mod cluster;
mod compress;
mod concurrency;
mod consumers;
mod cors;
mod counters;
mod discover;
mod edits;
mod etag;
mod external;
mod fallback;
mod fault;
mod idempotency;
mod identity;
mod introspection;
mod limits;
mod login;
mod maintenance;
mod matching;
mod network;
mod openapi;
mod policy;
mod rate_limit;
mod route;
mod server;
mod signature;
mod timeouts;
mod upstream;
mod upstream_credentials;
mod upstream_tls;
mod validate;
mod value;
mod versions;
mod web_security;
mod web_socket;
mod webhook;

use serde::Deserialize;

use crate::config::Entries;

pub use access::{Asns, Authorize, ClaimValue, ClaimValues, Clients, Condition, Countries, Steer, When};
pub use access_log::{AccessLog, AccessLogFormat};
pub use action::{KeyValueEntry, Mirror, Redirect, Respond, Rewrite, Rollout, Target};
pub use admin::Admin;
pub use aggregate::{Aggregate, AggregateCall, CallCondition, CallContent, PartialAnswer, UndoCall};
pub use api_key::{ApiKeyProof, ApiKeys, KeyStores};
pub use batch::Batch;
pub use body::{
    BodyEdits, ContentForm, EachStep, FormFields, JoinStep, JsonStep, Literal, OtherContent, ResponseBodyEdits,
    ScalarType, TextStep, XmlForm,
};
pub use cache::{Cache, CacheKey};
pub use cluster::{
    ActiveHealth, AdaptiveConcurrency, Backoff, Balance, BreakerOf, CheckKind, CheckMethod, CircuitBreaker, GrpcStatus,
    HashBalance, Health, Hedge, PassiveHealth, Priority, Retry, RetryOn, SameSite, StickyBalance, SuccessRate,
    TargetTls, UpstreamTarget,
};
pub use compress::{Compress, CompressLevels, ContentCoding};
pub use concurrency::Concurrency;
pub use consumers::{CertificateCredential, Consumer, Credential, KeyCredential, PasswordCredential, TokenCredential};
pub use cors::Cors;
pub use counters::{AddressPrefixes, CounterKey, CounterStore, FailMode, ResponseStore};
pub use discover::{
    ConsulSource, Discover, DnsRecord, DnsSource, EurekaSource, KubernetesSource, ListSource, ServicePort,
};
pub use edits::{FieldEdits, RequestEdits, ResponseEdits};
pub use etag::Etag;
pub use external::{ExternalProof, ExternalProtocol};
pub use fallback::{Fallback, FallbackOn};
pub use fault::Fault;
pub use idempotency::{Idempotency, UnknownOutcome};
pub use identity::{
    Authenticate, BasicProof, CertificateProof, CredentialPlace, Issuer, IssuerKey, Jwk, JwtProof, Proof,
    SecretEncoding,
};
pub use introspection::{IntrospectProof, Introspection};
pub use limits::Limits;
pub use login::{ForwardedToken, LoginClient, LoginProof};
pub use maintenance::Maintenance;
pub use matching::{Match, Matches, PathMatch, PathTest, Scheme, ValueMatch, ValueTest};
pub use network::{EmptySegments, EncodedSlash, FinalSlash, Geo, MethodOverride, Network, PathCase, Paths};
pub use openapi::{
    MockAnswers, OpenApi, RequestChecks, ResponseChecks, Undeclared, UndeclaredOperations, UndeclaredQuery,
};
pub use policy::{Policy, PolicyUse};
pub use rate_limit::{Accuracy, Cost, RateLimit, RateLimitAlgorithm, RateLimitLease, RateLimitTier, StatedCost};
pub use route::{Api, Defaults, Route, Ties};
pub use server::{CacheFile, HeaderCase, Server};
pub use signature::{DigestAlgorithm, RequestSignature, SignatureAlgorithm, SignatureCredential, SignatureProof};
pub use timeouts::Timeouts;
pub use upstream::{
    CloudflareUpstream, HostPolicy, Responses, SpinUpstream, Upstream, UpstreamConnections, UpstreamProtocol,
};
pub use upstream_credentials::{
    BasicCredentials, ClientAuthentication, ClientCredentials, HeaderCredentials, Sigv4, UpstreamCredentials,
};
pub use upstream_tls::UpstreamTls;
pub use validate::{JsonCaps, Validate, XmlCaps};
pub use value::{SecretRef, Value};
pub use versions::{ApiVersion, BrownOut, UnknownVersion, VersionDate, VersionSource, Versions};
pub use web_security::{Csrf, Hsts, Security};
pub use web_socket::{WebSocket, WebSocketLimits};
pub use webhook::{WebhookProof, WebhookScheme};

/// A whole `gateway.json`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    /// The location of the schema, for editors; the gateway ignores it.
    #[serde(rename = "$schema")]
    pub schema: Option<String>,
    /// Other files with `upstreams`, `consumers`, `openapi`, `policies`, `apis` and `routes` of this configuration: paths in its folder or below, where
    /// `*` stands for any part of a file's name. Their content is added; a name that is there twice is a mistake.
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
    /// The store of responses, instead of each platform's own.
    pub responses: ResponseStore,
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
    /// The issuers of the tokens that callers are known by, by name.
    pub issuers: Entries<Issuer>,
    /// The callers that have a name here, by it: limits, rules and templates refer to them.
    pub consumers: Entries<Consumer>,
    /// Settings of all API keys.
    pub api_keys: ApiKeys,
    /// Documents of OpenAPI 3.0 or 3.1, by name: the descriptions of `apis`.
    pub openapi: Entries<Literal>,
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
