//! The words of other gateways, for fields that have another name here, another place, or are not there.

mod advice;

use self::advice::{ADVICE, MISSING};
use super::suggest::suggest;

/// The kinds of objects that most foreign words are found in, each with a field that it alone has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Server,
    CacheFile,
    Upstream,
    UpstreamTarget,
    Sticky,
    Health,
    Checks,
    Passive,
    SuccessRate,
    Breaker,
    Load,
    UpstreamConnections,
    Discover,
    DnsSource,
    ConsulSource,
    Rollout,
    Fault,
    Policy,
    Route,
    Match,
    Respond,
    Edits,
    Maintenance,
    Authorize,
    Clients,
    Redirect,
    Listener,
    AccessLog,
    Limits,
    WebSocket,
    PathTest,
    Api,
    Rewrite,
    RateLimit,
    Certificate,
    Issuer,
    Credentials,
    ClientCredentials,
    IssuerKey,
    Introspection,
    Jwk,
    JwtProof,
    Proof,
    Hsts,
    JsonCaps,
    KeyCredential,
    Credential,
    PasswordCredential,
    BasicProof,
    Cache,
    CacheKey,
    Idempotency,
    Compress,
    CompressLevels,
    Each,
    Secret,
    Any,
}

impl Place {
    /// The kind of object whose fields are `expected`.
    fn of(expected: &[&str]) -> Self {
        let telling = [
            ("staleIfError", Self::Cache),
            ("candidate", Self::Rollout),
            ("ignoreQuery", Self::CacheKey),
            ("transient", Self::Idempotency),
            ("minBytes", Self::Compress),
            ("steps", Self::Each),
            ("identityHeaders", Self::Root),
            ("keyValueFile", Self::Server),
            ("urls", Self::Upstream),
            ("disabled", Self::UpstreamTarget),
            ("sameSite", Self::Sticky),
            ("unhealthy", Self::Checks),
            ("slowStart", Self::Health),
            ("mostEjectedPercent", Self::Passive),
            ("stdevPercent", Self::SuccessRate),
            ("probes", Self::Breaker),
            ("maxIdle", Self::UpstreamConnections),
            ("eureka", Self::Discover),
            ("datacenter", Self::ConsulSource),
            ("mostDelay", Self::Fault),
            ("maintenance", Self::Policy),
            ("keyValue", Self::Route),
            ("cookies", Self::Match),
            ("json", Self::Respond),
            ("rename", Self::Edits),
            ("bypass", Self::Maintenance),
            ("burst", Self::RateLimit),
            ("tiers", Self::Authorize),
            ("asns", Self::Clients),
            ("keepQuery", Self::Redirect),
            ("proxyProtocol", Self::Listener),
            ("format", Self::AccessLog),
            ("headerBytes", Self::Limits),
            ("life", Self::WebSocket),
            ("sigv4", Self::Credentials),
            ("tokenUrl", Self::ClientCredentials),
            ("leeway", Self::Issuer),
            ("encoding", Self::IssuerKey),
            ("cacheTtl", Self::Introspection),
            ("crv", Self::Jwk),
            ("audiences", Self::JwtProof),
            ("jwt", Self::Proof),
            ("preload", Self::Hsts),
            ("depth", Self::JsonCaps),
            ("hmac", Self::KeyCredential),
            ("apiKey", Self::Credential),
            ("hash", Self::PasswordCredential),
        ];
        let found = telling.iter().find(|(field, _)| expected.contains(field));
        match found {
            Some((_, place)) => *place,
            None if expected == ["least", "most", "first"] => Self::Load,
            None if expected.starts_with(&["name", "record"]) => Self::DnsSource,
            None if expected == ["path", "size"] => Self::CacheFile,
            None if expected == ["zstd", "br", "gzip"] => Self::CompressLevels,
            None if expected == ["secret"] => Self::Secret,
            None if expected == ["regex"] => Self::PathTest,
            None if expected == ["keep"] => Self::BasicProof,
            None if expected.starts_with(&["certificate", "key"]) => Self::Certificate,
            None if expected.contains(&"host") && expected.contains(&"prefix") => Self::Rewrite,
            None if expected.contains(&"hosts") && expected.contains(&"routes") => Self::Api,
            None => Self::Any,
        }
    }
}

/// Words for one field of an object: where they stand for it, the field, and the words.
const SYNONYMS: &[(Place, &str, &str)] = &[
    (Place::Root, "upstreams", "backends services clusters targets proxies origins upstream"),
    (
        Place::Root,
        "routes",
        "endpoints paths rules locations routers router mappings ingress location virtual_hosts virtualHosts",
    ),
    (Place::Root, "consumers", "consumer users clients accounts applications tenants"),
    (Place::Sticky, "cookie", "name cookieName cookie_name hash_on_cookie"),
    (Place::Sticky, "key", "secret"),
    (Place::Sticky, "ttl", "maxAge max_age maxlife maxidle expires expiry lifetime"),
    (Place::Sticky, "path", "cookiePath cookie_path hash_on_cookie_path"),
    (Place::Sticky, "sameSite", "samesite same_site"),
    (Place::UpstreamTarget, "disabled", "down drain draining maintenance maint inactive offline"),
    (Place::UpstreamTarget, "zone", "az availabilityZone availability_zone locality region"),
    (Place::UpstreamTarget, "host", "authority hostname hostHeader host_header upstreamHost upstream_host"),
    (Place::UpstreamTarget, "headers", "requestHeaders request_headers setHeaders metadata"),
    (Place::Issuer, "consumer", "consumerClaim consumer_claim key_claim_name clientIdClaim userClaim subjectClaim"),
    (Place::Issuer, "groups", "groupsClaim groups_claim rolesClaim roles_claim scopes_claim"),
    (
        Place::Proof,
        "anonymous",
        "optional guest allowAnonymous allow_anonymous anonymousConsumer allowMissing allow_missing",
    ),
    (Place::Root, "issuers", "issuer jwtProviders providers jwt_providers"),
    (Place::Each, "in", "path paths at of items over list"),
    (Place::Each, "steps", "do json edits apply then"),
    (Place::Issuer, "issuer", "iss"),
    (Place::Issuer, "leeway", "clockSkew clock_skew clockTolerance clock_skew_seconds tolerance skew"),
    (Place::Issuer, "algorithms", "alg algs algorithm alg_list"),
    (Place::Issuer, "types", "typ type"),
    (Place::Issuer, "keys", "key publicKey public_key publicKeys"),
    (Place::Issuer, "jwks", "jwksUri jwks_uri jwksUrl jwks_url jwksURL keysUrl remoteJwks remote_jwks"),
    (Place::Issuer, "discovery", "oidc openid openIdConnect openid_connect discover"),
    (
        Place::Issuer,
        "introspection",
        "introspectionEndpoint introspection_endpoint introspectionUrl introspection_url opaque",
    ),
    (Place::Introspection, "endpoint", "url uri introspectionUrl introspection_url"),
    (Place::Introspection, "client", "clientId client_id"),
    (Place::Introspection, "secret", "clientSecret client_secret"),
    (Place::Introspection, "cacheTtl", "cache ttl cacheTTL cache_ttl cacheDuration cache_duration"),
    (Place::Issuer, "lifetime", "maxAge max_age maxLifetime maximum_expiration ttl"),
    (
        Place::Credentials,
        "clientCredentials",
        "oauth2 oauth oAuth2 oauth_2 clientCredential client_credentials client-credentials oauth2ClientCredentials oidc token_url tokenUrl clientId",
    ),
    (Place::Credentials, "bearer", "token apiToken api_token accessToken access_token jwt"),
    (Place::Credentials, "basic", "basicAuth basic_auth password user username"),
    (Place::Credentials, "header", "apiKey api_key key headers"),
    (Place::Credentials, "sigv4", "aws awsSigv4 aws_sigv4 sigV4 awsSignature awsAuth"),
    (Place::Credentials, "signature", "sign httpSignature httpSignatures httpsig httpSig messageSignature rfc9421"),
    (Place::IssuerKey, "algorithm", "alg"),
    (Place::IssuerKey, "kid", "id name keyId key_id"),
    (Place::IssuerKey, "keyId", "kid id name key_id keyid"),
    (Place::IssuerKey, "pem", "publicKey public_key rsa_public_key certificate"),
    (Place::Authorize, "groups", "group roles role allowedGroups"),
    (Place::Authorize, "scopes", "scope permissions requiredScopes required_scopes"),
    (Place::Authorize, "when", "condition expression cel expr if rule match"),
    (Place::Authorize, "claims", "claim requiredClaims required_claims verify_claims"),
    (Place::Authorize, "consumers", "consumer users user allow whitelist"),
    (
        Place::Policy,
        "clients",
        "ipRestriction ip_restriction ip-restriction ipAllowList ipWhiteList ip ips allowlist denylist ipFilter",
    ),
    (Place::Policy, "authorize", "authorise acl rbac"),
    (Place::Policy, "etag", "etags entityTag entity_tag conditionalGet conditional_get"),
    (
        Place::Policy,
        "compress",
        "compression compressor gzip gzipStatic encode encoding brotli zstd deflate contentEncoding content_encoding",
    ),
    (
        Place::Policy,
        "cache",
        "caching proxyCache proxy_cache proxy-cache httpCache http-cache responseCache response_cache",
    ),
    (
        Place::Server,
        "cacheFile",
        "cachePath cache_path diskCache disk_cache proxy_cache_path cacheStorage cache_storage",
    ),
    (Place::Root, "responses", "responseStore response_store cacheStore cache_store cacheBackend cache_backend"),
    (Place::CacheFile, "path", "file name location filename"),
    (Place::CacheFile, "size", "max_size maxSize bytes sizeLimit limit maxBytes"),
    (Place::Compress, "codings", "encodings algorithms algorithm coding encoding methods order formats encoders"),
    (
        Place::Compress,
        "minBytes",
        "minLength min_length minimumLength minimum_length minSize minResponseBodyBytes min_content_length gzip_min_length threshold",
    ),
    (
        Place::Compress,
        "types",
        "contentTypes content_type contentType mimeTypes mime_types gzip_types includedContentTypes mediaTypes",
    ),
    (Place::CompressLevels, "br", "brotli"),
    (Place::CompressLevels, "zstd", "zstandard"),
    (Place::Compress, "levels", "level compressionLevel compression_level quality comp_level gzip_comp_level effort"),
    (Place::Cache, "ttl", "maxAge max_age cache_ttl cacheTtl expiration expires duration timeToLive"),
    (
        Place::Cache,
        "methods",
        "method allowedMethods cacheMethods cache_methods proxy_cache_methods request_method cacheableMethods",
    ),
    (Place::Cache, "statuses", "status response_code statusCodes status_codes cacheableStatusCodes cache_http_status"),
    (Place::Cache, "maxBytes", "maxSize max_size maxObject maxBodySize max_object_size sizeLimit"),
    (Place::Cache, "collapse", "lock coalesce coalescing cacheLock proxy_cache_lock requestCoalescing"),
    (Place::Cache, "bypass", "skip cache_bypass no_cache skipWhen"),
    (Place::Cache, "staleWhileRevalidate", "swr stale-while-revalidate stale_while_revalidate"),
    (Place::Cache, "staleIfError", "sie stale-if-error stale_if_error useStale proxy_cache_use_stale"),
    (
        Place::Policy,
        "idempotency",
        "idempotent idempotencyKey idempotencyKeys idempotency_key idempotency-key idempotencyHeader deduplication dedupe dedup",
    ),
    (Place::Idempotency, "header", "headers name field keyHeader headerName header_name"),
    (Place::Idempotency, "keep", "ttl expiration expires retention cacheTtl duration maxAge"),
    (Place::Idempotency, "wait", "lock lockTimeout timeout waitFor inProgressTimeout"),
    (Place::Idempotency, "required", "enforce mandatory must require"),
    (Place::Idempotency, "scope", "key by per keyedBy"),
    (Place::CacheKey, "headers", "vary varyHeaders vary_headers header"),
    (Place::CacheKey, "query", "queryParams query_params varyQuery vary_query_params parameters"),
    (Place::CacheKey, "caller", "consumer user consumerIsolation consumer_isolation"),
    (Place::Policy, "security", "securityHeaders security_headers secureHeaders secure_headers helmet"),
    (Place::Hsts, "subdomains", "includeSubDomains includeSubdomains include_subdomains"),
    (Place::Hsts, "maxAge", "max_age max-age seconds"),
    (Place::JsonCaps, "depth", "maxDepth max_depth nesting levels"),
    (Place::JsonCaps, "items", "maxItems max_items maxArrayLength elements"),
    (Place::JsonCaps, "keys", "maxKeys max_keys maxProperties members"),
    (Place::JsonCaps, "text", "maxText maxLength max_length maxStringLength strings"),
    (Place::Clients, "countries", "country geoip geo geoIp countryCodes allowedCountries regions"),
    (Place::Clients, "asns", "asn networks autonomousSystems as"),
    (Place::Clients, "allow", "whitelist allowlist allowList include ips cidr cidrs"),
    (Place::Clients, "deny", "blacklist denylist denyList block exclude"),
    (Place::Proof, "jwt", "token bearer jwtAuth jwt_auth oidc jwtAuthn"),
    (Place::Proof, "apiKey", "key apikey api_key keyAuth key_auth apiKeyAuth"),
    (Place::Proof, "basic", "basicAuth basic_auth basic-auth auth_basic httpBasic password"),
    (Place::Credential, "password", "basic basicAuth basic_auth user htpasswd"),
    (Place::PasswordCredential, "user", "username name login"),
    (Place::Proof, "webhook", "hmac hmacAuth hmac_auth hmac-auth webhookSignature webhook_signature"),
    (
        Place::Proof,
        "external",
        "forwardAuth forward_auth forward-auth extAuth ext_authz extAuthz auth_request opa authServer",
    ),
    (Place::Proof, "introspect", "introspection oauth2Introspection oauth2_introspection tokenIntrospection opaque"),
    (Place::Proof, "login", "openidConnect openid_connect openid-connect oidcAuth session"),
    (Place::Proof, "signature", "httpSignature httpSignatures httpsig httpSig messageSignature rfc9421"),
    (Place::Proof, "any", "or anyOf any_of oneOf requiresAny requires_any some"),
    (Place::Proof, "all", "and allOf all_of requiresAll requires_all every"),
    (Place::JwtProof, "audiences", "audience aud"),
    (Place::JwtProof, "issuers", "issuer iss provider providers requires"),
    (Place::JwtProof, "keep", "forward forwardToken forward_payload hideCredentials hide_credentials"),
    (Place::Root, "errors", "errorPages error_pages errorPage error_page"),
    (Place::Root, "accessLog", "log logs logging logger"),
    (Place::Server, "tls", "ssl https"),
    (Place::Upstream, "connections", "keepalive keepAlive pool connectionPool"),
    (Place::Upstream, "url", "address target server endpoint addr origin proxy_pass proxyPass uri"),
    (Place::Upstream, "urls", "addresses hosts"),
    (Place::Upstream, "targets", "servers endpoints nodes instances backends members"),
    (
        Place::Upstream,
        "balance",
        "lb_policy lbPolicy loadBalancing loadBalancer loadBalance lb strategy algorithm load_balancing",
    ),
    (Place::Upstream, "health", "healthChecks healthCheck healthchecks health_checks"),
    (Place::Upstream, "load", "adaptiveConcurrency adaptive_concurrency adaptiveLimit loadShedding load_shedding"),
    (Place::Passive, "ejection", "baseEjectionTime base_ejection_time ejectionTime"),
    (
        Place::Passive,
        "failures",
        "consecutive5xxErrors consecutive5xx consecutive_5xx consecutiveErrors consecutiveGatewayErrors consecutive_gateway_failure max_fails maxFails",
    ),
    (Place::Passive, "longest", "maxEjectionTime max_ejection_time"),
    (Place::Passive, "mostEjectedPercent", "maxEjectionPercent max_ejection_percent"),
    (
        Place::Breaker,
        "failures",
        "threshold errorThreshold maxFailures max_failures consecutiveErrors failureThreshold",
    ),
    (Place::Breaker, "open", "timeout sleepWindow resetTimeout openFor recoveryTimeout fallbackDuration"),
    (Place::Load, "least", "min minConcurrency min_concurrency minLimit"),
    (Place::Load, "most", "max maxConcurrency max_concurrency maxLimit limit"),
    (Place::Load, "first", "initial initialLimit start"),
    (Place::UpstreamConnections, "idle", "keepaliveTimeout keepalive_timeout idleTimeout idle_timeout"),
    (Place::UpstreamConnections, "maxIdle", "keepalive keepaliveConnections maxIdleConnections max_idle_conns"),
    (Place::UpstreamConnections, "max", "maxConnections max_connections maxconn maxConns max_conns"),
    (Place::UpstreamConnections, "maxWaiting", "maxPendingRequests max_pending_requests maxqueue queue"),
    (Place::Discover, "refresh", "ttl interval period every refreshInterval refresh_interval"),
    (Place::DnsSource, "record", "type recordType record_type rrtype"),
    (Place::Rollout, "candidate", "to canary target next"),
    (Place::Fault, "status", "abort httpStatus http_status abortStatus"),
    (Place::Fault, "mostDelay", "maxDelay max_delay"),
    (Place::Policy, "fault", "faultInjection fault_injection fault-injection"),
    (Place::Policy, "priority", "priorityClass priority_class criticality"),
    (Place::Checks, "path", "uri url endpoint httpPath http_path"),
    (Place::Checks, "kind", "type protocol"),
    (Place::Checks, "every", "interval period intervalSeconds interval_seconds"),
    (Place::Checks, "healthy", "healthyThreshold healthy_threshold rise passes successes"),
    (Place::Checks, "unhealthy", "unhealthyThreshold unhealthy_threshold fall fails failures"),
    (Place::Checks, "statuses", "status expectedStatuses expected_statuses codes"),
    (Place::Checks, "contains", "body expect match bodyContains expectedBody"),
    (
        Place::Upstream,
        "discover",
        "discovery serviceDiscovery service_discovery discoveryType discovery_type serviceName service_name",
    ),
    (Place::Upstream, "retry", "retries retryPolicy retry_policy"),
    (Place::Upstream, "breaker", "circuitBreaker circuitBreakers circuit_breaker circuit_breakers"),
    (Place::Upstream, "timeouts", "timeout"),
    (Place::Upstream, "host", "hostHeader"),
    (
        Place::Route,
        "upstream",
        "backend service proxy target to cluster destination forward proxy_pass proxyPass reverse_proxy reverseProxy origin integration",
    ),
    (Place::Route, "policies", "policy middleware middlewares plugins filters"),
    (Place::Route, "split", "weighted weights upstreams weighted_clusters weightedClusters"),
    (Place::Route, "rollout", "rollOut roll_out progressiveDelivery progressive analysis canaryAnalysis"),
    (
        Place::Route,
        "mirror",
        "mirrors mirroring shadow shadowing requestMirror request_mirror_policies requestMirrorPolicies mirrorPercent",
    ),
    (Place::Route, "respond", "response return reply direct_response directResponse"),
    (Place::Route, "fallback", "fallbacks failover failovers backup onError on_error error_page errorPage"),
    (Place::Route, "timeouts", "timeout"),
    (Place::Route, "bodyBytes", "bodyLimit maxBody maxBodySize bodySize client_max_body_size"),
    (Place::Route, "match", "when if matches rule"),
    (Place::Match, "hosts", "host domain domains hostname hostnames server_name"),
    (Place::Match, "path", "paths uri url location exact"),
    (Place::Match, "prefix", "pathPrefix path_prefix startsWith"),
    (Place::Match, "clientAddress", "ip ips clientIp client_ip remoteAddr remote_addr remoteAddress sourceIp cidr"),
    (Place::Match, "query", "queryParams params queryParameters args"),
    (Place::Api, "prefix", "path basePath base_path"),
    (Place::Redirect, "location", "to url target uri destination"),
    (Place::Redirect, "status", "code statusCode"),
    (Place::Redirect, "keepQuery", "query preserveQuery"),
    (Place::Limits, "bodyBytes", "body maxBodySize bodySize client_max_body_size"),
    (Place::WebSocket, "idle", "timeout idleTimeout"),
    (Place::Server, "connections", "worker_connections workerConnections maxConnections max_connections"),
    (Place::Any, "weight", "percent percentage share"),
    (Place::Any, "window", "per period interval duration unit every"),
    (
        Place::Any,
        "limit",
        "max requests count rps maxConcurrent max_rate maxRate average amount requests_per_unit requestsPerUnit max_tokens",
    ),
    (Place::Any, "certificate", "cert crt certFile chain"),
    (Place::Any, "key", "keyFile privateKey private_key"),
    (Place::Any, "authorities", "ca caFile caCertificates roots trustedCa"),
    (Place::Any, "revoked", "crl crls crlFile ssl_crl revocationList"),
    (Place::Any, "sha256", "fingerprint sha256Fingerprint thumbprint"),
    (Place::Any, "san", "dnsName uri spiffe spiffeId"),
    (Place::Any, "subject", "dn subjectDn cn commonName"),
    (Place::Any, "issuer", "issuerDn issuedBy signedBy"),
    (Place::Any, "serverName", "sni servername server_name hostname"),
    (Place::Any, "names", "sans subjectAltNames subjectAltName subject_alt_names"),
    (Place::Any, "secret", "env variable fromEnv valueFrom name ref"),
    (Place::Any, "origins", "origin allowOrigins allowOrigin allowedOrigins allow_origins"),
    (Place::Any, "methods", "allowMethods allowedMethods allow_methods"),
    (Place::Any, "headers", "allowHeaders allowedHeaders allow_headers"),
    (Place::Any, "expose", "exposeHeaders exposedHeaders expose_headers"),
    (Place::Any, "credentials", "allowCredentials allow_credentials"),
    (Place::Edits, "append", "add"),
    (Place::Edits, "remove", "delete unset drop"),
    (Place::Any, "firstByte", "read response header request"),
    (Place::Any, "total", "timeout overall"),
    (Place::Respond, "status", "code statusCode"),
    (Place::Respond, "body", "text content"),
    (Place::Any, "upstream", "backend service target name cluster"),
];

fn has(words: &str, name: &str) -> bool {
    words.split(' ').any(|word| word.eq_ignore_ascii_case(name))
}

/// Returns whether the words for fields of any object hold in `place`.
fn is_small(place: Place) -> bool {
    matches!(place, Place::Any | Place::Match | Place::RateLimit | Place::Certificate | Place::Secret)
        || matches!(
            place,
            Place::Health | Place::Passive | Place::SuccessRate | Place::Breaker | Place::Load | Place::Fault
        )
        || matches!(place, Place::UpstreamConnections | Place::Discover | Place::DnsSource | Place::ConsulSource)
}

/// Returns the field among `expected` that is meant by `name`: a slip of the pen, or another gateway's word for it.
pub(super) fn meant(name: &str, expected: &[&'static str]) -> Option<&'static str> {
    let place = Place::of(expected);
    let slip = suggest(name, expected.iter().copied());
    let small = || if is_small(place) { named(Place::Any, name, expected) } else { None };
    named(place, name, expected).or(slip).or_else(small)
}

/// Returns the field among `expected` for which `name` is another word where it stands.
pub(super) fn synonym(name: &str, expected: &[&'static str]) -> Option<&'static str> {
    named(Place::of(expected), name, expected).filter(|_| Place::of(expected) != Place::Any)
}

fn named(at: Place, name: &str, expected: &[&'static str]) -> Option<&'static str> {
    let is_it =
        |(row, field, words): &&(Place, &'static str, &str)| *row == at && expected.contains(field) && has(words, name);
    SYNONYMS.iter().find(is_it).map(|(_, field, _)| *field)
}

/// Returns the field among `expected` that `name` is the singular or the plural of.
pub(super) fn other_number(name: &str, expected: &[&'static str]) -> Option<&'static str> {
    expected
        .iter()
        .copied()
        .find(|field| field.strip_suffix('s') == Some(name) || name.strip_suffix('s') == Some(field))
}

/// Returns whether `expected` are the edits of fields, whose names stand one level further in.
pub(super) fn is_edits(expected: &[&str]) -> bool {
    Place::of(expected) == Place::Edits
}

/// Returns advice on `name` where it needs more than the name of another field.
pub(super) fn advice(name: &str, expected: &[&str]) -> Option<&'static str> {
    let place = Place::of(expected);
    let row =
        |at: Place| ADVICE.iter().find(|(row, words, _)| *row == at && has(words, name)).map(|(_, _, advice)| *advice);
    row(place).or_else(|| row(Place::Any))
}

/// Returns what to say of `name` if it is something that there is not.
pub(super) fn missing(name: &str) -> Option<&'static str> {
    MISSING.iter().find(|(words, _)| has(words, name)).map(|(_, advice)| *advice)
}
