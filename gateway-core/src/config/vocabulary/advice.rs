//! What to do about the words of other gateways that stand for something of another form, or for nothing here.

use super::Place;

/// Words that need more than another name: where they stand, the words, and the advice.
pub(super) const ADVICE: &[(Place, &str, &str)] = &[
    (
        Place::Secret,
        "url uri value text plain literal",
        "write the text itself in place of the object, or `{\"secret\": \"NAME\"}` for a secret that holds it",
    ),
    (
        Place::Jwk,
        "k",
        "a shared secret must not stand in the file: `{\"algorithm\": \"HS256\", \"secret\": {\"secret\": \"NAME\"}}` refers to one",
    ),
    (
        Place::Jwk,
        "d p q dp dq qi oth",
        "it belongs to the private half of the key, which only the issuer may have: leave it out",
    ),
    (
        Place::Issuer,
        "discoveryUrl discovery_url metadataUrl metadata_url wellKnown well_known openIdConfiguration",
        "`\"discovery\": true` finds it by `issuer`",
    ),
    (Place::BasicProof, "realm", "the realm is the gateway's `name`, at the top"),
    (
        Place::BasicProof,
        "users htpasswd userFile passwords file credentials",
        "consumers have them: `\"consumers\": {\"ann\": {\"credentials\": [{\"password\": {\"user\": \"ann\", \"hash\": \"$2y$…\"}}]}}`",
    ),
    (
        Place::PasswordCredential,
        "password secret plain value",
        "the file has hashes alone: `edgeway password hash` prints the `hash`",
    ),
    (
        Place::KeyCredential,
        "key value secret plain apiKey token",
        "the file has digests alone: `edgeway key hash` prints the `sha256`, and `edgeway key new` makes a key with it",
    ),
    (
        Place::Issuer,
        "tls ca authorities certificates",
        "an upstream has it: `\"upstream\": \"id\"` here, and `\"upstreams\": {\"id\": {\"url\": \"https://…\", \"tls\": {\"authorities\": \"ca.pem\"}}}`",
    ),
    (Place::Issuer, "audience audiences aud", "a policy has them: `\"authenticate\": {\"jwt\": {\"audiences\": […]}}`"),
    (Place::Root, "host", "`\"defaults\": {\"host\": \"preserve\"}` says what upstreams are sent"),
    (Place::Root, "port address bind", "`\"server\": {\"listen\": \"127.0.0.1:8080\"}` says where to listen"),
    (Place::Server, "port host address bind", "`listen` has both: `\"listen\": \"127.0.0.1:8080\"`"),
    (
        Place::Server,
        "timeout timeouts",
        "deadlines belong in an upstream, an API or a route: `\"timeouts\": {\"total\": \"5s\"}`",
    ),
    (
        Place::Root,
        "trustProxy trust_proxy trustedProxy real_ip realIp",
        "`\"network\": {\"trustedProxies\": [\"10.0.0.0/8\"]}` names the proxies in front",
    ),
    (
        Place::Limits,
        "timeout timeouts",
        "deadlines belong in an upstream, an API or a route: `\"timeouts\": {\"total\": \"5s\"}`",
    ),
    (
        Place::Root,
        "http2 http3 h2 quic alpn",
        "leave it out: clients of HTTP/2 and HTTP/1.1 are served alike, and HTTP/3 is not there",
    ),
    (
        Place::Server,
        "http2 http3 h2 h2c quic alpn",
        "leave it out: clients of HTTP/2 and HTTP/1.1 are served alike, and HTTP/3 is not there",
    ),
    (Place::Certificate, "http2 h2 alpn", "leave it out: HTTP/2 is offered to every client"),
    (
        Place::Certificate,
        "certResolver acme letsencrypt email domains auto",
        "there is no client of ACME: `certificate` and `key` name files, which are loaded anew when they change",
    ),
    (
        Place::Certificate,
        "minVersion min_version protocols ciphers cipherSuites ssl_protocols",
        "leave it out: TLS 1.2 and 1.3 are spoken, with their safe ciphers alone",
    ),
    (
        Place::Server,
        "keepAlive keepalive keepalive_timeout keepAliveTimeout idleTimeout idle_timeout",
        "leave it out: a client's connection is kept for further requests",
    ),
    (Place::Server, "worker_processes workerProcesses", "`edgeway serve --threads N` says how many"),
    (
        Place::Root,
        "servers",
        "`\"server\": {\"listen\": \"127.0.0.1:8080\"}` says where to listen; hosts are matched by `apis` and routes",
    ),
    (
        Place::Root,
        "static_resources staticResources extra_config extraConfig providers",
        "leave it out: `server`, `upstreams` and `routes` stand at the top",
    ),
    (Place::Root, "stages", "leave it out: each stage has a configuration of its own, and `${NAME}` what differs"),
    (Place::Root, "redis", "write `\"counters\": {\"redis\": \"redis://host:6379\"}`"),
    (
        Place::Route,
        "proxy_set_header request_headers_to_add requestHeadersToAdd input_headers",
        "a policy sets fields: `\"policies\": [{\"request\": {\"headers\": {\"set\": …}}}]`; all others go through",
    ),
    (
        Place::Route,
        "add_header response_headers_to_add responseHeadersToAdd responseHeaders",
        "a policy sets fields: `\"policies\": [{\"response\": {\"headers\": {\"set\": …}}}]`",
    ),
    (
        Place::Any,
        "proxy_read_timeout proxy_connect_timeout proxy_send_timeout",
        "write `\"timeouts\": {\"connect\": \"2s\", \"firstByte\": \"10s\", \"idle\": \"1m\"}`",
    ),
    (Place::Route, "try_files index", "there are no files to serve: name an upstream that serves them"),
    (Place::Route, "allow deny", "write `\"match\": {\"clientAddress\": [\"10.0.0.0/8\"]}`"),
    (Place::Route, "hosts", "write `\"match\": {\"hosts\": [\"api.example.com\"]}`"),
    (Place::Route, "protocols schemes", "write `\"match\": {\"scheme\": \"https\"}`; without it, both are taken"),
    (Place::Route, "tags labels comment notes", "write `description`, which nothing reads"),
    (Place::Upstream, "tags labels comment notes", "write `description`, which nothing reads"),
    (
        Place::Route,
        "regex_priority regexPriority",
        "leave it out: the more exact match goes first, wherever it stands in the file",
    ),
    (Place::Route, "entryPoints", "leave it out: every listener serves the same routes"),
    (Place::Route, "endpoint resource uri", "write `\"match\": {\"path\": \"/users\"}`"),
    (Place::Match, "rule", "write its parts as members: `\"path\": \"/users\"`, `\"hosts\": [\"api.example.com\"]`"),
    (Place::Match, "safe_regex safeRegex", "`path` has it: `\"path\": {\"regex\": \"/.*\\\\.js\"}`"),
    (
        Place::Route,
        "prefix_rewrite prefixRewrite regex_rewrite path_rewrite pathRewrite url_pattern",
        "write `\"rewrite\": {\"prefix\": \"/new\"}` or `\"rewrite\": {\"path\": \"/new/{path.id}\"}`",
    ),
    (
        Place::Route,
        "host_rewrite_literal host_rewrite hostRewrite",
        "write `\"rewrite\": {\"host\": \"example.com\"}`, or the upstream's `host`",
    ),
    (
        Place::Route,
        "route action handle handler actions",
        "what is done stands in the route itself: `upstream`, `split`, `redirect`, `respond`, `keyValue` or `aggregate`",
    ),
    (Place::Route, "output_encoding outputEncoding encoding", "leave it out: bodies pass through untouched"),
    (
        Place::Upstream,
        "sticky stickySessions hash_policy hashPolicy hash_by hash_on hashOn",
        "write `\"balance\": {\"hash\": {\"key\": \"{cookie.session}\"}}`",
    ),
    (
        Place::Route,
        "hash_policy hashPolicy sticky",
        "it is the upstream's: `\"balance\": {\"hash\": {\"key\": \"{cookie.session}\"}}`",
    ),
    (
        Place::Policy,
        "limit_req rate-limiting limit-req limit-count",
        "write `\"rateLimit\": {\"limit\": 5, \"window\": \"1s\"}`",
    ),
    (Place::Policy, "inFlightReq limit_conn limit-conn", "write `\"concurrency\": {\"limit\": 5}`"),
    (
        Place::Policy,
        "name config plugin",
        "a policy is one object of what it does: `{\"rateLimit\": {\"limit\": 5, \"window\": \"1s\"}}`",
    ),
    (
        Place::Policy,
        "request-transformer requestTransformer customRequestHeaders proxy_set_header",
        "write `\"request\": {\"headers\": {\"set\": {\"x-name\": \"value\"}}}`",
    ),
    (
        Place::Policy,
        "response-transformer responseTransformer customResponseHeaders add_header",
        "write `\"response\": {\"headers\": {\"set\": {\"x-name\": \"value\"}}}`",
    ),
    (
        Place::Policy,
        "redirectScheme redirectRegex redirect",
        "it belongs in a route: `\"match\": {\"scheme\": \"http\"}, \"redirect\": {\"location\": \"https://{request.host}{request.path}\"}`",
    ),
    (
        Place::Policy,
        "addPrefix replacePath replacePathRegex rewrite stripPrefix strip_path strip_prefix stripPrefixRegex",
        "it belongs in a route: `\"rewrite\": {\"prefix\": \"/new\"}`, or `\"/\"` to strip the prefix that is matched",
    ),
    (Place::RateLimit, "second minute hour day", "write `\"limit\": 5, \"window\": \"1m\"` for five a minute"),
    (Place::RateLimit, "zone shared", "write `key` for whose requests are counted together, `limit` and `window`"),
    (
        Place::RateLimit,
        "limit_by limitBy limit_key source sourceCriterion strategy by per_client",
        "write `\"key\": \"clientAddress\"`, or `{\"header\": \"x-api-key\"}`",
    ),
    (Place::RateLimit, "policy redis_host redis storage store", "`counters` at the top says where counters are kept"),
    (Place::RateLimit, "burstLimit burst_limit capacity client_max_rate", "write `burst`, with `limit` for the rate"),
    (Place::RateLimit, "rateLimit rate_limit", "write `limit`"),
    (Place::Root, "includes extends imports import", "write `\"include\": [\"routes.json\"]`"),
    (
        Place::Root,
        "ssl tls https",
        "write `\"server\": {\"tls\": {\"certificate\": \"cert.pem\", \"key\": \"key.pem\"}}`",
    ),
    (
        Place::Root,
        "redirects redirect",
        "each is a route: `\"routes\": [{\"name\": …, \"match\": …, \"redirect\": {\"location\": …}}]`",
    ),
    (Place::Root, "rewrites rewrite", "each belongs in a route: `\"rewrite\": {\"path\": \"/new/{path.id}\"}`"),
    (
        Place::Root,
        "headers",
        "a policy sets fields: `\"defaults\": {\"policies\": [{\"response\": {\"headers\": {\"set\": …}}}]}`",
    ),
    (Place::Listener, "port host bind", "`address` has both: `\"address\": \"127.0.0.1:8080\"`"),
    (Place::AccessLog, "path file output", "the log goes to standard output, which the shell can redirect"),
    (Place::AccessLog, "enabled level", "`\"format\": \"off\"` turns it off"),
    (Place::PathTest, "suffix endsWith", "write `{\"regex\": \"/.*\\\\.js\"}`"),
    (
        Place::Match,
        "suffix pathRegex path_regex pathSuffix regex",
        "`path` has it: `\"path\": {\"regex\": \"/.*\\\\.js\"}`",
    ),
    (
        Place::Rewrite,
        "from to source destination pattern",
        "`path` is the new path, and the parameters of `match.path` stand in it: `/new/{path.id}`",
    ),
    (Place::Server, "routes apis upstreams policies errors", "it belongs at the top, beside `server`"),
    (Place::Server, "acme letsencrypt autocert", "there is no client of ACME: `tls` names the files of a certificate"),
    (Place::Route, "ties", "it belongs at the top, or in an API"),
    (
        Place::Api,
        "rewrite match redirect respond split keyValue",
        "it belongs in each of the `routes`; `hosts` and `prefix` are what all of them match",
    ),
    (Place::Root, "logLevel log_level loglevel", "there are no levels: `accessLog` says what is told of requests"),
    (
        Place::Root,
        "metrics prometheus",
        "write `\"server\": {\"admin\": \"127.0.0.1:9901\"}`: they are among its endpoints",
    ),
    (
        Place::Upstream,
        "connectTimeout connect_timeout readTimeout read_timeout",
        "write `\"timeouts\": {\"connect\": \"2s\", \"firstByte\": \"10s\"}`",
    ),
    (
        Place::Any,
        "requestsPerMinute requestsPerSecond requests_per_minute requests_per_second rpm",
        "write `\"limit\": 60, \"window\": \"1m\"` for sixty a minute",
    ),
    (Place::PathTest, "exact value equals", "write the path itself: `\"path\": \"/users\"`"),
    (Place::PathTest, "prefix", "write `prefix` in place of `path`: `\"prefix\": \"/users\"`"),
    (Place::Match, "not", "there is no negation: give what is left out a route of its own"),
    (Place::Match, "port", "leave it out: every listener serves the same routes"),
    (
        Place::Redirect,
        "host scheme port path",
        "`location` has all of it: `\"location\": \"https://{request.host}{request.path}\"`",
    ),
    (Place::Respond, "html", "write it as `body`, with `\"headers\": {\"content-type\": \"text/html\"}`"),
    (Place::Route, "host", "match it in `match.hosts`; `rewrite.host` is the one that the upstream is sent"),
    (Place::Route, "preserveHost preserve_host passHostHeader", "`\"host\": \"preserve\"` belongs in the upstream"),
    (Place::Route, "limits", "of the limits a route has `bodyBytes` alone"),
    (Place::Route, "buffering stream streaming", "leave it out: content goes through as it comes"),
    (Place::Server, "workers threads", "`edgeway serve --threads N` says how many"),
    (
        Place::Root,
        "timeouts timeout",
        "deadlines belong in an upstream, an API or a route: `\"timeouts\": {\"total\": \"5s\"}`",
    ),
    (
        Place::Root,
        "version _format_version apiVersion kind metadata spec",
        "leave it out: this is a file of Edgeway alone",
    ),
    (
        Place::Root,
        "http stream tcp listeners entryPoints",
        "`server` says where to listen, `routes` what happens to a request",
    ),
    (Place::Root, "secrets", "secrets come from the platform: write `{\"secret\": \"NAME\"}` where one is needed"),
    (Place::Root, "env variables vars", "the environment's variables are set where the gateway is started"),
    (Place::Upstream, "preserveHost preserve_host passHostHeader", "write `\"host\": \"preserve\"`"),
    (
        Place::Upstream,
        "http2 h2 h2c",
        "over TLS the two sides agree on HTTP/2 by themselves; in the clear write `\"protocol\": \"h2c\"`",
    ),
    (
        Place::UpstreamTarget,
        "backup",
        "write `\"priority\": 1`: such places are called where those without one are not well",
    ),
    (
        Place::Sticky,
        "secure httpOnly httponly http_only",
        "it is `HttpOnly` always, and `Secure` where the client comes over TLS",
    ),
    (Place::UpstreamTarget, "sni serverName server_name", "write `\"tls\": {\"serverName\": \"NAME\"}`"),
    (Place::UpstreamTarget, "enabled", "write `\"disabled\": true` for one that gets no calls"),
    (Place::Upstream, "port", "the URL has the port: `\"url\": \"http://host:port\"`"),
    (
        Place::Upstream,
        "headers",
        "a policy's `request.headers` sets fields: `\"policies\": [{\"request\": {\"headers\": {\"set\": …}}}]`",
    ),
    (Place::Upstream, "path prefix basePath", "the URL has the path: `\"url\": \"http://host:port/path\"`"),
    (Place::Upstream, "protocol scheme", "the URL has the scheme: `\"url\": \"https://host\"`"),
    (
        Place::Route,
        "headers setHeaders requestHeaders",
        "match them in `match.headers`; a policy's `request.headers` edits them",
    ),
    (
        Place::Route,
        "stripPrefix strip_path stripPath strip_prefix",
        "write `\"rewrite\": {\"prefix\": \"/\"}` beside a `match.prefix`",
    ),
    (
        Place::Route,
        "priority order rank",
        "leave it out: the more exact match goes first, wherever it stands in the file",
    ),
    (Place::Route, "path paths", "write `\"match\": {\"path\": \"/users\"}`"),
    (Place::Route, "static file files root", "there are no files to serve: name an upstream that serves them"),
    (Place::Respond, "file files root", "there are no files to serve: `body` is the text itself"),
    (
        Place::Respond,
        "contentType content_type mediaType type",
        "write `\"headers\": {\"content-type\": \"text/html\"}`",
    ),
    (
        Place::Maintenance,
        "enabled enable on active",
        "it is on between `from` and `until`, and while the `flag` that it names is set",
    ),
    (Place::Policy, "requestHeaders request_headers", "write `\"request\": {\"headers\": …}`"),
    (Place::Policy, "responseHeaders response_headers", "write `\"response\": {\"headers\": …}`"),
    (Place::Route, "method methods", "`methods` belongs in `match`: `\"match\": {\"methods\": [\"GET\"]}`"),
    (Place::Route, "enabled disabled", "remove the route, or give it the policy `maintenance`"),
    (Place::Route, "websocket ws upgrade", "write `webSocket`"),
    (
        Place::Policy,
        "headers setHeaders",
        "say whose: `\"request\": {\"headers\": …}` or `\"response\": {\"headers\": …}`",
    ),
    (
        Place::Policy,
        "rate throttle throttling quota quotas limit",
        "write `\"rateLimit\": {\"limit\": 5, \"window\": \"1s\"}`",
    ),
    (Place::Policy, "maxConnections concurrent bulkhead", "write `\"concurrency\": {\"limit\": 5}`"),
    (
        Place::Any,
        "stripPrefix strip_path stripPath strip_prefix",
        "write `\"prefix\": \"/\"`, which replaces the prefix that is matched",
    ),
    (Place::Any, "replacement substitution", "`path` is a template: `/new/{path.id}`"),
    (Place::Any, "rate", "write `\"limit\": 5, \"window\": \"1s\"` for five a second"),
    (Place::Any, "permanent", "write `\"status\": 308` for good, `307` for now"),
    (
        Place::Any,
        "verify insecure skipVerify insecureSkipVerify rejectUnauthorized",
        "certificates are always verified: name the ones to trust in `authorities`; for development, a self-signed one does that \
         is made with `basicConstraints=critical,CA:FALSE`",
    ),
];

/// Things that other gateways have, and this one has not.
pub(super) const MISSING: &[(&str, &str)] = &[
    (
        "auth authentication authorization oauth oauth2 oidc openId jwtAuth jwtAuthn jwks jwksUri security securitySchemes \
         authorizer authorizers",
        "a policy asks for signed tokens: `\"authenticate\": {\"jwt\": {\"issuers\": [\"corp\"]}}`; `issuers`, at the top, has their keys",
    ),
    (
        "apiKey keyAuth apiKeyRequired usagePlans usagePlan api_key key-auth",
        "a policy asks for API keys: `\"authenticate\": {\"apiKey\": {}}`",
    ),
    (
        "mtls mutualTls clientCertificate clientCertificates client_certificate clientAuth client_auth clientCa client_ca",
        "`clients` in a listener's `tls` asks for certificates, and the policy `\"authenticate\": {\"certificate\": {}}` says where",
    ),
    (
        "basicAuth basic hmac basic-auth forwardAuth forward_auth auth_basic auth_request",
        "a policy says how callers are known: `\"authenticate\": {\"basic\": {}}`, or `webhook`, `external` and others in place of `basic`",
    ),
    (
        "cache caching proxyCache cache_ttl proxy_cache proxy-cache",
        "a policy has it: `\"policies\": [{\"cache\": {\"ttl\": \"5m\"}}]`",
    ),
    (
        "retry retries attempts retryPolicy retry_policy proxy_next_upstream",
        "it is an upstream's: `\"upstreams\": {\"NAME\": {\"retry\": {\"attempts\": 2}}}`",
    ),
    (
        "circuitBreaker breaker circuit_breakers circuitBreakers outlierDetection outlier_detection health_check health_checks healthCheck healthChecks health hedging",
        "an upstream has `health` and `breaker`: `\"upstreams\": {\"NAME\": {\"health\": {\"passive\": {\"failures\": 5}}}}`",
    ),
    ("compression compress gzip brotli zstd", "a policy has it: `\"policies\": [{\"compress\": {}}]`"),
    (
        "ipAllow ipDeny ipRestriction allowlist denylist whitelist blacklist allow deny geo \
         ipWhiteList ipAllowList ip-restriction",
        "a route's `match` has them: `\"clientAddress\": [\"10.0.0.0/8\"]`",
    ),
    ("transform transformation bodyTransform template validate validation schema", "bodies pass through untouched"),
    (
        "plugin plugins middleware middlewares filters lua script wasm",
        "there are no plugins: `policies` has what there is",
    ),
    (
        "mirror shadow mirroring requestMirror request_mirror_policies",
        "a route has it: `\"mirror\": [{\"upstream\": \"next\"}]`",
    ),
    ("graphql grpc soap mcp aggregate aggregation composite", "translation between protocols is not there yet"),
    (
        "tracing telemetry otel opentelemetry zipkin jaeger",
        "traces are passed on, and not yet exported; `server.admin` has metrics",
    ),
    ("discovery consul dns kubernetes", "an upstream's name is looked up by DNS, and nowhere else"),
];
