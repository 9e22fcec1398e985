//! The rules for single members, beyond their types.

use serde_json::{Map, Value, json};

/// A reference to a variable, in any part of a text.
pub(super) const VARIABLE: &str = r"\$\{[A-Z][A-Z0-9_]*(:-|\})";

/// The names of the usual methods, and of those that no route takes, in any case.
macro_rules! usual {
    () => {
        concat!(
            "[Gg][Ee][Tt]",
            "|[Hh][Ee][Aa][Dd]",
            "|[Pp][Oo][Ss][Tt]",
            "|[Pp][Uu][Tt]",
            "|[Pp][Aa][Tt][Cc][Hh]",
            "|[Dd][Ee][Ll][Ee][Tt][Ee]",
            "|[Oo][Pp][Tt][Ii][Oo][Nn][Ss]",
            "|[Qq][Uu][Ee][Rr][Yy]",
            "|[Cc][Oo][Nn][Nn][Ee][Cc][Tt]",
            "|[Tt][Rr][Aa][Cc][Ee]",
        )
    };
}

/// The header fields that can't be edited, in any case.
macro_rules! uneditable {
    () => {
        concat!(
            "[Cc][Oo][Nn][Nn][Ee][Cc][Tt][Ii][Oo][Nn]",
            "|[Tt][Ee]",
            "|[Kk][Ee][Ee][Pp]-[Aa][Ll][Ii][Vv][Ee]",
            "|[Pp][Rr][Oo][Xx][Yy]-[Cc][Oo][Nn][Nn][Ee][Cc][Tt][Ii][Oo][Nn]",
            "|[Pp][Rr][Oo][Xx][Yy]-[Aa][Uu][Tt][Hh][Ee][Nn][Tt][Ii][Cc][Aa][Tt][Ee]",
            "|[Pp][Rr][Oo][Xx][Yy]-[Aa][Uu][Tt][Hh][Oo][Rr][Ii][Zz][Aa][Tt][Ii][Oo][Nn]",
            "|[Pp][Rr][Oo][Xx][Yy]-[Aa][Uu][Tt][Hh][Ee][Nn][Tt][Ii][Cc][Aa][Tt][Ii][Oo][Nn]-[Ii][Nn][Ff][Oo]",
            "|[Tt][Rr][Aa][Nn][Ss][Ff][Ee][Rr]-[Ee][Nn][Cc][Oo][Dd][Ii][Nn][Gg]",
            "|[Uu][Pp][Gg][Rr][Aa][Dd][Ee]",
            "|[Hh][Tt][Tt][Pp]2-[Ss][Ee][Tt][Tt][Ii][Nn][Gg][Ss]",
            "|[Cc][Oo][Nn][Tt][Ee][Nn][Tt]-[Ll][Ee][Nn][Gg][Tt][Hh]",
            "|[Hh][Oo][Ss][Tt]",
            "|[Tt][Rr][Aa][Ii][Ll][Ee][Rr]",
            "|[Ee][Xx][Pp][Ee][Cc][Tt]",
            "|[Ss][Ee][Cc]-[Ww][Ee][Bb][Ss][Oo][Cc][Kk][Ee][Tt]-[Kk][Ee][Yy]",
            "|[Ss][Ee][Cc]-[Ww][Ee][Bb][Ss][Oo][Cc][Kk][Ee][Tt]-[Vv][Ee][Rr][Ss][Ii][Oo][Nn]",
            "|[Ss][Ee][Cc]-[Ww][Ee][Bb][Ss][Oo][Cc][Kk][Ee][Tt]-[Aa][Cc][Cc][Ee][Pp][Tt]",
        )
    };
}

/// A time zone without a table of them; the rule itself is checked at load.
const TIME_ZONE: &str =
    r"^(UTC|[+-]([01][0-9]|2[0-3]):[0-5][0-9]|([A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)[+-]?[0-9][0-9A-Za-z<>+:,./-]*)$";

/// A rule for the value of a member, or for each of its items.
enum Rule {
    /// Texts of this pattern, of which these are examples, or with a variable.
    Text(&'static str, &'static [&'static str]),
    /// Texts of this pattern without variables.
    Verbatim(&'static str, &'static [&'static str]),
    /// Any text, for example these.
    Free(&'static [&'static str]),
    /// A whole number from the first to the second.
    Whole(u32, u32),
    /// One of these numbers.
    Numbers(&'static [u16]),
    /// A list of at least one.
    Some,
    /// A list without repetitions.
    Unique,
    /// An object, the names in which have this pattern.
    Names(&'static str),
    /// An object of objects, the names in which have this pattern.
    InnerNames(&'static str),
    /// Edits of fields, the names of which have this pattern.
    Edited(&'static str),
}

use Rule::{Edited, Free, InnerNames, Names, Numbers, Some as AtLeastOne, Text, Unique, Verbatim, Whole};

const NAME: Rule = Text(".", &["users"]);
const TOKEN: &str = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$";
const FIELD: Rule = Text(TOKEN, &["x-tenant"]);
const HOST: Rule = Text(
    r"^(?!_$)(\*|(\*\.)?[0-9A-Za-z_-]+(\.[0-9A-Za-z_-]+)*\.?|\[[0-9A-Fa-f:.]+\])$",
    &["api.example.com", "*.example.com"],
);
/// A path of segments: a parameter, or text without what other programs take for a pattern, but for what is quoted.
const SEGMENTS: &str = r"^(/|(/(\{\*?[0-9A-Za-z_-]+\}|(?!:)([^/?#{}*()\[\]<>|^$]|\{'[^?#]*?'\})+))+/?)$";
const PATH: Rule = Text(SEGMENTS, &["/users/{id}", "/files/{*path}"]);
/// A path of the gateway's own.
const OWN_PATH: Rule = Text("^/[0-9A-Za-z._~/-]*$", &["/logout"]);
const PREFIX: Rule = Text(SEGMENTS, &["/api"]);
const ADDRESS: Rule = Text(
    r"^(unix:.+|(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+):\+?[0-9]+)$",
    &["0.0.0.0:8080", "[::]:8080", "unix:/run/edgeway.sock"],
);
/// Statuses of an answer: one, or a class.
const FAILED: &str = "^[2-5]([0-9][0-9]|xx)$";
const NETWORK: Rule = Text(r"^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$", &["10.0.0.0/8", "2001:db8::/32"]);
const PROXY: Rule = Text(r"^([0-9A-Fa-f:.]+(/[0-9]{1,3})?|unix:)$", &["10.0.0.0/8", "2001:db8::/32", "unix:"]);
const COUNTRY: Rule = Text("^([A-Z]{2}|T1)$", &["DE", "XX"]);
/// A field's name that requests can do without.
const GEO_FIELD: Rule = Text(r"^[!#$%&'+.^_`|~0-9A-Za-z-]+$", &["cf-ipcountry"]);
const URL: Rule = Text(
    r"^([Hh][Tt][Tt][Pp][Ss]?://[^/?#@\s]+(/[^?#\s]*)?(#.*)?|unix:[^?#\s]+)$",
    &["http://127.0.0.1:7101", "https://users.example.com/v1", "unix:/run/app.sock"],
);
const TIME: Rule = Text(
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|\+00:00)?$",
    &["2026-12-01T22:00:00Z"],
);
const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"];
/// The usual methods in capitals, or further ones: those of `network.methods`, which may be in any case.
const METHOD: &str = concat!(
    "^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|QUERY|(?!(\\*|PRI|",
    usual!(),
    ")$)[!#$%&'*+.^_`|~0-9A-Za-z-]+)$"
);
const FURTHER_METHOD: &str = concat!(r"^(?!(\*|PRI|", usual!(), ")$)[!#$%&'*+.^_`|~0-9A-Za-z-]+$");
/// A header field that can be edited: none of the connection, the framing or a handshake.
const EDITABLE: &str = concat!("^(?!(", uneditable!(), ")$)[!#$%&'*+.^_`|~0-9A-Za-z-]+$");
/// A media type in small letters (RFC 9110 §8.3.1).
const MEDIA_TYPE: &str = "^[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+$";
/// A file in the configuration's folder or below it; `*` is a part of its name alone.
const INCLUDED: &str = r"^(?!/)(?!(.*/)?\.\.(/|$))(?!.*\$\{)(?!.*\*.*/[^/])(?!(\./*)+$).";
/// A name or an address that a certificate covers.
const CERTIFIED: Rule = Text(r"^[0-9A-Za-z_.:-]+$", &["users.internal"]);
const FILE: Rule = Free(&["/run/secrets/cert.pem"]);

const ALGORITHMS: &[&str] = &[
    "RS256", "ES256", "EdDSA", "HS256", "HS384", "HS512", "RS384", "RS512", "PS256", "PS384", "PS512", "ES384",
    "Ed25519",
];
const ALGORITHM: &str = "^((HS|RS|PS)(256|384|512)|ES256|ES384|EdDSA|Ed25519)$";

/// A scope (RFC 6749 §3.3).
const SCOPE: &str = r"^[!#-\[\]-~]+$";

/// The rules by definition and member; the configuration itself has no name, and a rule without a member is for the definition.
#[rustfmt::skip]
const RULES: &[(&str, &str, Rule)] = &[
    ("", "name", Text(TOKEN, &["edge-1"])),
    ("", "include", Verbatim(INCLUDED, &["routes/*.json"])),
    ("", "include", Unique),
    ("", "identityHeaders", Text(r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+\*?$", &["x-tenant-*"])),
    ("", "errors", Names("^([45][0-9]{2}|[45]xx|default)$")),
    ("", "errors", InnerNames(MEDIA_TYPE)),
    ("Server", "connections", Whole(1, 1_000_000)),
    ("Server", "keyValueFile", Free(&["values.db"])),
    ("CacheFile", "path", FILE),
    ("Server", "admin", Text(r"^([0-9]{1,5}|(.*):[0-9]{1,5})$", &["9901", "10.0.0.5:9901"])),
    ("ListenAt", "", ADDRESS),
    ("Listener", "address", ADDRESS),
    ("ServerTls", "certificate", FILE),
    ("ServerTls", "key", FILE),
    ("ClientCertificates", "authorities", FILE),
    ("ClientCertificates", "revoked", FILE),
    ("UpstreamTls", "authorities", Free(&["/etc/ssl/internal.pem"])),
    ("UpstreamTls", "serverName", CERTIFIED),
    ("UpstreamTls", "names", CERTIFIED),
    ("UpstreamTls", "names", AtLeastOne),
    ("UpstreamTls", "names", Unique),
    ("UpstreamTls", "certificate", Free(&["client.pem"])),
    ("UpstreamTls", "key", Free(&["client.key"])),
    ("Admin", "path", Text("^(/[A-Za-z0-9._~-]+)+$", &["/.edgeway"])),
    ("CounterStore", "redis", Text("^rediss?://[^/?#]+", &["redis://127.0.0.1:6379"])),
    ("CounterStore", "authorities", FILE),
    ("ResponseStore", "redis", Text("^rediss?://[^/?#]+", &["redis://127.0.0.1:6379"])),
    ("ResponseStore", "authorities", FILE),
    ("Network", "trustedProxies", PROXY),
    ("Network", "methods", Text(FURTHER_METHOD, &["PROPFIND", "PURGE"])),
    ("Network", "methods", Unique),
    ("Limits", "headers", Whole(1, u32::MAX)),
    ("Upstream", "url", URL),
    ("Upstream", "urls", URL),
    ("Upstream", "urls", Unique),
    ("Upstream", "deadlineHeader", Text(EDITABLE, &["x-request-timeout-ms"])),
    ("UpstreamConnections", "maxIdle", Whole(1, 1_000_000)),
    ("UpstreamConnections", "maxRequests", Whole(1, 1_000_000)),
    ("UpstreamConnections", "max", Whole(1, 1_000_000)),
    ("UpstreamConnections", "maxWaiting", Whole(0, 1_000_000)),
    ("UpstreamTarget", "url", URL),
    ("UpstreamTarget", "weight", Whole(1, 1_000)),
    ("UpstreamTarget", "priority", Whole(0, 15)),
    ("UpstreamTarget", "host", Text(r"^[^@/?#\s]+$", &["users.internal"])),
    ("UpstreamTarget", "headers", Names(EDITABLE)),
    ("TargetTls", "serverName", CERTIFIED),
    ("HashBalance", "key", Text(r"\{.+\}", &["{cookie.session}", "{header.x-user}", "{client.address}"])),
    ("HashBalance", "mostPercent", Whole(101, 1_000)),
    ("SuccessRate", "stdevPercent", Whole(1, 1_000)),
    ("SuccessRate", "leastTargets", Whole(3, 1_000)),
    ("SuccessRate", "leastRequests", Whole(1, 1_000_000)),
    ("StickyBalance", "cookie", Text(TOKEN, &["place"])),
    ("StickyBalance", "path", Text("^/[^;\\s]*$", &["/"])),
    ("Retry", "attempts", Whole(0, 10)),
    ("Retry", "statuses", Text(FAILED, &["503", "5xx"])),
    ("Retry", "statuses", Unique),
    ("Retry", "on", Unique),
    ("Retry", "grpcStatuses", Unique),
    ("Hedge", "percentile", Whole(50, 99)),
    ("Retry", "methods", Text(TOKEN, &["GET", "POST"])),
    ("Retry", "methods", Unique),
    ("Retry", "budgetPercent", Whole(1, 1_000)),
    ("Fallback", "on", Unique),
    ("Fallback", "statuses", Text(FAILED, &["503", "5xx"])),
    ("Fallback", "statuses", Unique),
    ("Fallback", "methods", Text(TOKEN, &["POST"])),
    ("Fallback", "methods", Unique),
    ("PassiveHealth", "failures", Whole(1, 1_000)),
    ("PassiveHealth", "statuses", Text(FAILED, &["503", "5xx"])),
    ("PassiveHealth", "statuses", Unique),
    ("PassiveHealth", "failurePercent", Whole(1, 100)),
    ("PassiveHealth", "leastRequests", Whole(1, 1_000_000)),
    ("PassiveHealth", "mostEjectedPercent", Whole(0, 100)),
    ("ActiveHealth", "path", Text("^/[^#]*$", &["/healthz"])),
    ("ActiveHealth", "healthy", Whole(1, 100)),
    ("ActiveHealth", "unhealthy", Whole(1, 100)),
    ("ActiveHealth", "statuses", Text(FAILED, &["200", "2xx"])),
    ("ActiveHealth", "statuses", Unique),
    ("ActiveHealth", "headers", Names(TOKEN)),
    ("CircuitBreaker", "failures", Whole(1, 100_000)),
    ("AdaptiveConcurrency", "least", Whole(1, 10_000)),
    ("AdaptiveConcurrency", "most", Whole(1, 10_000)),
    ("AdaptiveConcurrency", "first", Whole(1, 10_000)),
    ("CircuitBreaker", "failurePercent", Whole(1, 100)),
    ("CircuitBreaker", "slowPercent", Whole(1, 100)),
    ("CircuitBreaker", "leastRequests", Whole(1, 1_000_000)),
    ("CircuitBreaker", "statuses", Text(FAILED, &["503", "5xx"])),
    ("CircuitBreaker", "statuses", Unique),
    ("CircuitBreaker", "probes", Whole(1, 100)),
    ("BasicCredentials", "user", Text("^[^:]*$", &["gateway"])),
    ("HeaderCredentials", "name", Text(EDITABLE, &["x-api-key"])),
    ("Sigv4", "region", Text("^[!-+.0-~-]+$", &["eu-central-1"])),
    ("Sigv4", "service", Text("^[!-+.0-~-]+$", &["execute-api", "lambda", "s3"])),
    ("Sigv4", "fields", Text(r"^x-amz-[!#$%&'+.^_`|~0-9a-z-]*\*?$", &["x-amz-meta-*"])),
    ("Sigv4", "accessKey", Text("^[!-+.0-~-]+$", &["AKIDEXAMPLE"])),
    ("ClientCredentials", "tokenUrl", Text("^https?://[^#@]+$", &["https://id.example.com/token"])),
    ("ClientCredentials", "client", Free(&["gateway"])),
    ("ClientCredentials", "scopes", Text(r"^[!#-\[\]-~]+$", &["users:read"])),
    ("ClientCredentials", "audience", Free(&["https://api.example.com"])),
    ("Introspection", "endpoint", Text("^https?://[^#@]+$", &["https://id.example.com/introspect"])),
    ("Introspection", "client", Free(&["gateway"])),
    ("IntrospectProof", "issuer", Free(&["corp"])),
    ("IntrospectProof", "audiences", Text(".", &["https://api.example.com"])),
    ("ExternalProof", "path", Text("^/[^#]*$", &["/verify"])),
    ("ExternalProof", "headers", Text(EDITABLE, &["authorization"])),
    ("ExternalProof", "headers", Unique),
    ("ExternalProof", "copy", Text(EDITABLE, &["x-auth-user"])),
    ("ExternalProof", "copy", Unique),
    ("ExternalProof", "consumer", Text(EDITABLE, &["x-auth-consumer"])),
    ("Issuer", "issuer", Text(".", &["https://id.example.com"])),
    ("Issuer", "keys", AtLeastOne),
    ("Issuer", "jwks", Text("^https?://[^#@]+$", &["https://id.example.com/jwks.json"])),
    ("Issuer", "origins", Text("^https?://[^/?#@]+/?$", &["https://keys.example.net"])),
    ("Issuer", "origins", Unique),
    ("Issuer", "algorithms", Text(ALGORITHM, ALGORITHMS)),
    ("Issuer", "types", Text("^(?!application/)[!-~]+$", &["at+jwt"])),
    ("Issuer", "consumer", Text(".", &["azp", "/client/id"])),
    ("Issuer", "groups", Text(".", &["/realm_access/roles"])),
    ("Consumer", "groups", Text(".", &["partners"])),
    ("Consumer", "groups", Unique),
    ("Consumer", "tier", Text(".", &["gold"])),
    ("Consumer", "metadata", Names(".")),
    ("KeyCredential", "id", Text(".", &["acme-1"])),
    ("KeyCredential", "sha256", Text("^[0-9a-fA-F]{64}$", &["f0e4c2f76c58916ec258f246851bea091d14d4247a2fc3e18694461b1816e13b"])),
    ("KeyCredential", "hmac", Text("^[0-9a-fA-F]{64}$", &["f0e4c2f76c58916ec258f246851bea091d14d4247a2fc3e18694461b1816e13b"])),
    ("KeyCredential", "expires", TIME),
    ("KeyCredential", "scopes", Text("^[^ ]+$", &["orders:read"])),
    ("PasswordCredential", "user", Text("^[^:]{1,255}$", &["ann"])),
    ("PasswordCredential", "hash", Text(r"^\$(argon2(id|i|d)|2[aby])\$", &["$argon2id$v=19$m=19456,t=2,p=1$…$…", "$2y$10$…"])),
    ("CertificateCredential", "sha256", Text("^[0-9a-fA-F]{2}(:?[0-9a-fA-F]{2}){31}$", &["bfaf1f7e070f9fa8dd62905f158da73f84a1136624fbafcc9393c8f7287a69eb"])),
    ("CertificateCredential", "san", Text(".", &["spiffe://example.com/billing", "device-7.example.com"])),
    ("CertificateCredential", "subject", Text(".", &["CN=device-7,O=Example"])),
    ("CertificateCredential", "issuer", Text(".", &["CN=Clients,O=Example"])),
    ("TokenCredential", "value", Text(".", &["acme-app"])),
    ("IssuerKey", "kid", Free(&["2026"])),
    ("IssuerKey", "algorithm", Text(ALGORITHM, ALGORITHMS)),
    ("IssuerKey", "pem", Free(&["-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA…\n-----END PUBLIC KEY-----"])),
    ("Jwk", "kty", Text("^(RSA|EC|OKP)$", &["RSA", "EC", "OKP"])),
    ("JwtProof", "issuers", Unique),
    ("JwtProof", "audiences", Text(".", &["https://api.example.com"])),
    ("WebhookProof", "secrets", AtLeastOne),
    ("JwtProof", "resource", Text(r"^https://[^/?#@\s]+(/[0-9A-Za-z._~/-]*)?$", &["https://api.example.com"])),
    ("LoginProof", "keys", AtLeastOne),
    ("LoginProof", "scopes", Text(r"^[!#-\[\]-~]+$", &["openid", "offline_access"])),
    ("LoginProof", "callback", OWN_PATH),
    ("LoginProof", "logout", OWN_PATH),
    ("LoginProof", "afterLogout", OWN_PATH),
    ("LoginProof", "backChannelLogout", OWN_PATH),
    ("LoginProof", "cookie", Text(TOKEN, &["__Host-session"])),
    ("LoginClient", "id", Text(".", &["shop"])),
    ("SignatureProof", "components", Text(r#"^(@(method|target-uri|authority|scheme|request-target|path|query)|@query-param;name="[^"]+"|[!#$%&'*+.^_`|~0-9a-z-]+(;.+)?)$"#, &["@method", "@target-uri", "content-digest"])),
    ("SignatureProof", "components", Unique),
    ("SignatureProof", "label", Text("^[a-z*][a-z0-9_.*-]*$", &["sig1"])),
    ("SignatureProof", "tag", Text("^[ -~]{1,256}$", &["shop"])),
    ("RequestSignature", "components", Text(r#"^(@(method|target-uri|authority|scheme|request-target|path|query)|@query-param;name="[^"]+"|[!#$%&'*+.^_`|~0-9a-z-]+(;.+)?)$"#, &["@method", "@target-uri", "content-digest"])),
    ("RequestSignature", "components", Unique),
    ("RequestSignature", "label", Text("^[a-z*][a-z0-9_.*-]*$", &["sig1"])),
    ("RequestSignature", "tag", Text("^[ -~]{1,256}$", &["shop"])),
    ("RequestSignature", "keyId", Text("^[ -~]{1,256}$", &["gateway-1"])),
    ("SignatureCredential", "keyId", Text("^[ -~]{1,256}$", &["acme-1"])),
    ("SignatureCredential", "pem", Free(&["-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA…\n-----END PUBLIC KEY-----"])),
    ("Api", "name", NAME),
    ("Api", "hosts", HOST),
    ("Api", "prefix", PREFIX),
    ("Api", "routes", AtLeastOne),
    ("Route", "name", NAME),
    ("Match", "path", PATH),
    ("Match", "prefix", PREFIX),
    ("Match", "hosts", HOST),
    ("Match", "hosts", Unique),
    ("Match", "methods", Text(METHOD, METHODS)),
    ("Match", "methods", Unique),
    ("Match", "headers", Names(TOKEN)),
    ("Match", "cookies", Names(TOKEN)),
    ("Target", "weight", Whole(0, 1_000_000)),
    ("Rollout", "steps", Whole(1, 100)),
    ("Rollout", "steps", AtLeastOne),
    ("Rollout", "steps", Unique),
    ("Rollout", "leastRequests", Whole(20, 100_000)),
    ("Rollout", "errorPoints", Whole(0, 100)),
    ("Rollout", "slowPercent", Whole(101, 10_000)),
    ("Rollout", "statuses", Text(FAILED, &["503", "5xx"])),
    ("Rollout", "statuses", Unique),
    ("Mirror", "percent", Whole(0, 100)),
    ("Mirror", "methods", Text(METHOD, METHODS)),
    ("Mirror", "methods", Unique),
    ("Mirror", "atOnce", Whole(1, 10_000)),
    ("Redirect", "location", Text(r"^(/|https?://|\{request\.scheme\})", &["/new/{path.id}", "https://{request.host}{request.path}"])),
    ("Redirect", "status", Numbers(&[301, 302, 303, 307, 308])),
    ("Respond", "status", Whole(200, 599)),
    ("Respond", "headers", Names(TOKEN)),
    ("Aggregate", "calls", Names("^(?!request$)[A-Za-z][A-Za-z0-9_]*$")),
    ("PartialAnswer", "status", Whole(200, 299)),
    ("Batch", "most", Whole(1, 100)),
    ("Batch", "atOnce", Whole(1, 100)),
    ("AggregateCall", "method", Text("^(GET|POST|PUT|PATCH|DELETE)$", &["GET", "POST", "PUT", "PATCH", "DELETE"])),
    ("AggregateCall", "path", Text("^/[^?#]*", &["/users/{path.id}", "/items/{@.itemId}"])),
    ("AggregateCall", "headers", Names(EDITABLE)),
    ("AggregateCall", "forward", Text(EDITABLE, &["authorization", "accept-language"])),
    ("AggregateCall", "each", Text(r"^\$", &["$.orders[*]"])),
    ("AggregateCall", "most", Whole(1, 1000)),
    ("AggregateCall", "atOnce", Whole(1, 1000)),
    ("AggregateCall", "tries", Whole(1, 5)),
    ("AggregateCall", "statuses", Text("^[2-5](xx|[0-9][0-9])$", &["2xx", "404"])),
    ("AggregateCall", "pass", Text("^[2-5](xx|[0-9][0-9])$", &["404", "4xx"])),
    ("CallCondition", "value", Free(&["{query.expand}", "{$.user.kind}"])),
    ("UndoCall", "method", Text("^(GET|POST|PUT|PATCH|DELETE)$", &["DELETE", "POST"])),
    ("UndoCall", "path", Text("^/[^?#]*", &["/orders/{$.order.id}"])),
    ("KeyValueEntry", "key", Text(".", &["flags/{path.name}"])),
    ("KeyValueEntry", "contentType", Text("/", &["application/json"])),
    ("Rewrite", "path", Text("^/[^?#]*$", &["/internal/{path.id}"])),
    ("Rewrite", "prefix", Text("^(/[^?#{]*)?$", &["/v1"])),
    ("Rewrite", "host", Text(r"^[^@/?#\s]+$", &["users.internal"])),
    ("Cors", "origins", Text(r"^(\*|[A-Za-z][A-Za-z0-9+.-]*://[^/?#\s]+)$", &["https://app.example.com", "https://*.example.com"])),
    ("Cors", "methods", Text("^(\\*|[!#$%&'*+.^_`|~0-9A-Za-z-]+)$", METHODS)),
    ("Cors", "headers", FIELD),
    ("Cors", "expose", FIELD),
    ("Fault", "percent", Whole(0, 100)),
    ("Fault", "status", Whole(400, 599)),
    ("Fault", "when", Text(r"\S", &["request.method == 'GET'"])),
    ("Csrf", "origins", Text(r"^[A-Za-z][A-Za-z0-9+.-]*://(?!\*$)[^/?#\s]+$", &["https://app.example.com", "https://*.example.com"])),
    ("Security", "frame", Text("^(deny|same-origin|unset)$", &["deny", "same-origin"])),
    ("Security", "referrer", Text("^(no-referrer(-when-downgrade)?|(strict-)?origin(-when-cross-origin)?|same-origin|unsafe-url|unset)$", &["strict-origin-when-cross-origin", "no-referrer"])),
    ("Security", "csp", Text(r"\S", &["default-src 'self'; frame-ancestors 'none'"])),
    ("Security", "permissions", Text(r"\S", &["camera=(), geolocation=(self)"])),
    ("Validate", "contentTypes", Text(r"^[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]*\*?[a-z0-9!#$&^_.+-]*$", &["application/json", "image/*"])),
    ("Compress", "codings", AtLeastOne),
    ("Compress", "codings", Unique),
    ("Compress", "types", AtLeastOne),
    ("Compress", "types", Text(r"^[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]*\*?[a-z0-9!#$&^_.+-]*$", &["text/*", "application/json"])),
    ("CompressLevels", "zstd", Whole(1, 19)),
    ("CompressLevels", "br", Whole(0, 11)),
    ("CompressLevels", "gzip", Whole(1, 9)),
    ("Cache", "statuses", Names("^([2-5]xx|(?!206$|304$|412$|416$|417$)[2-5][0-9][0-9])$")),
    ("Cache", "methods", Text("^(GET|HEAD|POST)$", &["GET", "HEAD", "POST"])),
    ("Cache", "methods", AtLeastOne),
    ("Cache", "methods", Unique),
    ("Cache", "bypass", Free(&["request.headers['x-preview'] == '1'"])),
    ("Cache", "targets", FIELD),
    ("Idempotency", "header", FIELD),
    ("Idempotency", "methods", Text("^(POST|PATCH|PUT|DELETE)$", &["POST", "PATCH", "PUT", "DELETE"])),
    ("Idempotency", "methods", AtLeastOne),
    ("Idempotency", "transient", Whole(400, 599)),
    ("CacheKey", "query", Text(r"^([^*]+\*?|\*)$", &["page", "filter_*"])),
    ("CacheKey", "ignoreQuery", Text(r"^([^*]+\*?|\*)$", &["utm_*"])),
    ("CacheKey", "headers", FIELD),
    ("CacheKey", "cookies", Text(r#"^[!#-+\--:<>-~]+$"#, &["lang"])),
    ("CacheKey", "claims", Text(".", &["tenant"])),
    ("JsonCaps", "depth", Whole(1, 1_000)),
    ("XmlCaps", "depth", Whole(1, 1_000)),
    ("Maintenance", "from", TIME),
    ("Maintenance", "until", TIME),
    ("Maintenance", "flag", Text(".", &["maintenance"])),
    ("Maintenance", "bypass", NETWORK),
    ("Clients", "name", Free(&["office"])),
    ("Clients", "allow", NETWORK),
    ("Clients", "allow", AtLeastOne),
    ("Clients", "deny", NETWORK),
    ("Clients", "deny", AtLeastOne),
    ("Countries", "allow", COUNTRY),
    ("Countries", "allow", AtLeastOne),
    ("Countries", "deny", COUNTRY),
    ("Countries", "deny", AtLeastOne),
    ("Asns", "allow", Whole(1, u32::MAX)),
    ("Asns", "allow", AtLeastOne),
    ("Asns", "deny", Whole(1, u32::MAX)),
    ("Asns", "deny", AtLeastOne),
    ("Geo", "country", GEO_FIELD),
    ("Geo", "asn", GEO_FIELD),
    ("Authorize", "name", Free(&["orders-write"])),
    ("Authorize", "when", Free(&["claims.tenant == params.tenant"])),
    ("Authorize", "consumers", Text(".", &["acme"])),
    ("Authorize", "consumers", AtLeastOne),
    ("Authorize", "groups", Text(".", &["ops"])),
    ("Authorize", "groups", AtLeastOne),
    ("Authorize", "tiers", Text(".", &["gold"])),
    ("Authorize", "tiers", AtLeastOne),
    ("Authorize", "scopes", Text(SCOPE, &["orders:write"])),
    ("Authorize", "scopes", AtLeastOne),
    ("Authorize", "claims", Names("^(?!(exp|nbf|iat)$).")),
    ("Condition", "when", Free(&["claims.plan == 'b2b'"])),
    ("Condition", "consumers", Text(".", &["acme"])),
    ("Condition", "consumers", AtLeastOne),
    ("Condition", "groups", Text(".", &["ops"])),
    ("Condition", "groups", AtLeastOne),
    ("Condition", "tiers", Text(".", &["gold"])),
    ("Condition", "tiers", AtLeastOne),
    ("Condition", "scopes", Text(SCOPE, &["orders:write"])),
    ("Condition", "scopes", AtLeastOne),
    ("Condition", "claims", Names("^(?!(exp|nbf|iat)$).")),
    ("RateLimit", "limit", Whole(1, 1_000_000_000)),
    ("RateLimit", "burst", Whole(1, 1_000_000_000)),
    ("RateLimit", "binding", Verbatim("^[A-Za-z_][0-9A-Za-z_]*$", &["API_LIMITER"])),
    ("StatedCost", "header", FIELD),
    ("StatedCost", "responseHeader", FIELD),
    ("StatedCost", "responseJson", Text("^(/([^/~]|~[01])*)+$", &["/usage/total_tokens"])),
    ("StatedCost", "query", Text(".", &["units"])),
    ("StatedCost", "expression", Free(&["request.method == 'POST' ? 5 : 1"])),
    ("StatedCost", "max", Whole(1, 1_000_000_000)),
    ("RateLimit", "tiers", Names("^[^\"]+$")),
    ("RateLimitLease", "units", Whole(2, 100_000)),
    ("RateLimitTier", "limit", Whole(1, 1_000_000_000)),
    ("RateLimitTier", "burst", Whole(1, 1_000_000_000)),
    ("AddressPrefixes", "ipv4", Whole(1, 32)),
    ("AddressPrefixes", "ipv6", Whole(1, 128)),
    ("RateLimit", "timeZone", Text(TIME_ZONE, &["UTC", "+01:00", "CET-1CEST,M3.5.0,M10.5.0/3"])),
    ("Concurrency", "limit", Whole(1, 10_000)),
    ("ResponseBodyEdits", "statuses", Text("^([2-5]xx|(?!204$|205$|304$)[2-5][0-9][0-9])$", &["2xx", "404"])),
    ("EachStep", "in", Text(r"^\$", &["$.items[*]"])),
    ("JoinStep", "in", Text(r"^\$", &["$.orders[*]"])),
    ("JoinStep", "from", Text(r"^\$", &["$.users[*]"])),
    ("JoinStep", "key", Text("^(/([^/~]|~[01])*)*$", &["/userId"])),
    ("JoinStep", "by", Text("^(/([^/~]|~[01])*)*$", &["/id"])),
    ("JoinStep", "to", Text("^(/([^/~]|~[01])*)+$", &["/user"])),
    ("EachStep", "steps", AtLeastOne),
    ("RequestEdits", "headers", Edited(EDITABLE)),
    ("ResponseEdits", "headers", Edited(EDITABLE)),
    ("SecretRef", "secret", Verbatim("^[A-Z][A-Z0-9_]*$", &["USERS_TOKEN"])),
];

/// `pattern`, or a text with a variable.
pub(in crate::config) fn or_variable(pattern: &str) -> String {
    format!("(?:{pattern})|{VARIABLE}")
}

/// The schema of a text whose value a variable gives.
pub(super) fn variable() -> Value {
    json!({ "type": "string", "pattern": VARIABLE, "description": "A value from the environment: `${NAME}`." })
}

/// Adds the rules of the definition called `name` to its `schema`.
pub(super) fn add(name: &str, schema: &mut Value) {
    for (_, member, rule) in RULES.iter().filter(|(definition, ..)| *definition == name) {
        let place = if member.is_empty() { String::new() } else { format!("/properties/{member}") };
        if let Some(value) = schema.pointer_mut(&place) {
            spell_out(value);
            apply(value, rule);
        }
    }
}

/// The definitions and members that have rules.
#[cfg(test)]
pub(super) fn members() -> impl Iterator<Item = (&'static str, &'static str)> {
    RULES.iter().map(|(definition, member, _)| (*definition, *member))
}

fn apply(value: &mut Value, rule: &Rule) {
    match rule {
        AtLeastOne => set(value, "minItems", json!(1)),
        Unique => set(value, "uniqueItems", json!(true)),
        Names(pattern) => set(value, "propertyNames", names(pattern)),
        InnerNames(pattern) => set(value, "additionalProperties", json!({ "propertyNames": names(pattern) })),
        Edited(pattern) => {
            let [by_name, list] = [json!({ "propertyNames": names(pattern) }), json!({ "items": text_of(pattern) })];
            let members = json!({ "set": by_name, "append": by_name, "rename": by_name, "remove": list });
            set(value, "properties", members);
        }
        Whole(least, most) => {
            let is_list = value.get("items").is_some();
            let place = if is_list { value.get_mut("items") } else { Some(value) };
            if let Some(place) = place {
                set(place, "minimum", json!(least));
                set(place, "maximum", json!(most));
            }
        }
        Numbers(numbers) => {
            let null = is_nullable(value).then_some(Value::Null);
            let numbers = numbers.iter().map(|number| json!(number)).chain(null);
            set(value, "enum", numbers.collect());
        }
        Verbatim(pattern, examples) => texts(value, |text| {
            text.insert("pattern".to_owned(), json!(pattern));
            text.insert("examples".to_owned(), json!(examples));
        }),
        Free(examples) => texts(value, |text| {
            text.insert("examples".to_owned(), json!(examples));
        }),
        Text(pattern, examples) => texts(value, |text| {
            text.insert("pattern".to_owned(), or_variable(pattern).into());
            text.insert("examples".to_owned(), json!(examples));
        }),
    }
}

/// The types that are a text or an object, and the definition of that object.
const TEXT_OR: [(&str, &str); 2] = [("Value", "SecretRef"), ("PathMatch", "PathTest")];

/// Writes out what a member of one of these types may be, so that its text can have a rule of its own.
fn spell_out(value: &mut Value) {
    let Some(choices) = value.get_mut("anyOf").and_then(Value::as_array_mut) else { return };
    let reference = |name: &str| json!({ "$ref": format!("#/$defs/{name}") });
    for (whole, object) in TEXT_OR {
        let whole = reference(whole);
        if choices.contains(&whole) {
            choices.retain(|choice| *choice != whole);
            choices.extend([json!({ "type": "string" }), reference(object)]);
        }
    }
}

/// The schema of the names of members.
fn names(pattern: &str) -> Value {
    json!({ "pattern": pattern })
}

/// The schema of a text that has `pattern`, or a variable.
fn text_of(pattern: &str) -> Value {
    json!({ "pattern": or_variable(pattern) })
}

fn set(value: &mut Value, keyword: &str, to: Value) {
    if let Value::Object(members) = value {
        members.insert(keyword.to_owned(), to);
    }
}

fn is_nullable(value: &Value) -> bool {
    value["type"].as_array().is_some_and(|types| types.contains(&json!("null")))
}

/// Calls `change` with the schema of a member's text: its own, that of its items, or one of those to choose from.
fn texts(value: &mut Value, change: impl FnOnce(&mut Map<String, Value>)) {
    let is_text = |value: &Value| match &value["type"] {
        Value::String(kind) => kind == "string",
        Value::Array(kinds) => kinds.contains(&json!("string")),
        _ => false,
    };
    let inner = if is_text(value) {
        Some(value)
    } else if value.get("items").is_some() {
        value.get_mut("items").filter(|items| is_text(items))
    } else {
        value.get_mut("anyOf").and_then(Value::as_array_mut).and_then(|choices| choices.iter_mut().find(|c| is_text(c)))
    };
    if let Some(text) = inner.and_then(Value::as_object_mut) {
        change(text);
    }
}
