//! The objects that fields belong in. The rows follow from the schema, and the test below checks them.

/// The objects that a misplaced field may belong in: at most three a field, not all of them at the top.
#[rustfmt::skip]
pub(super) const HOMES: &[(&str, &str)] = &[
    ("accessKey", "`upstreams.<name>.credentials.sigv4`"),
    ("accessLog", "`server`, a route or the top level"),
    ("accuracy", "`rateLimit`"),
    ("active", "`upstreams.<name>.health`"),
    ("address", "`server.listen`"),
    ("admin", "`server` or the top level"),
    ("after", "`upstreams.<name>.retry.hedge`"),
    ("afterLogout", "`authenticate.login`"),
    ("age", "`upstreams.<name>.connections`"),
    ("algorithms", "`issuers.<name>`"),
    ("aliases", "`versions`"),
    ("all", "`authenticate`"),
    ("allow", "`clients.asns`, `clients.countries` or `clients`"),
    ("anonymous", "`authenticate`"),
    ("any", "`authenticate`"),
    ("apiKey", "`authenticate` or an entry of `consumers.<name>.credentials`"),
    ("apiVersions", "`consumers.<name>`"),
    ("app", "`upstreams.<name>.discover.eureka`"),
    ("append", "`request.headers`, `request.query` or `response.headers`"),
    ("asn", "`network.geo`"),
    ("asns", "`clients`"),
    ("atOnce", "`batch` or an entry of `mirror`"),
    ("attempts", "`upstreams.<name>.retry`"),
    ("attributes", "`validate.xml`"),
    ("audience", "`upstreams.<name>.credentials.clientCredentials`"),
    ("audiences", "`authenticate.introspect` or `authenticate.jwt`"),
    ("authenticate", "a policy: `\"policies\": [{\"authenticate\": …}]`"),
    ("authentication", "`authenticate.login.client`"),
    ("authorize", "a policy: `\"policies\": [{\"authorize\": …}]`"),
    ("backChannelLogout", "`authenticate.login`"),
    ("backoff", "`upstreams.<name>.retry`"),
    ("balance", "`upstreams.<name>`"),
    ("base", "`upstreams.<name>.retry.backoff`"),
    ("basePath", "`upstreams.<name>.discover`"),
    ("basic", "`authenticate` or `upstreams.<name>.credentials`"),
    ("bearer", "`upstreams.<name>.credentials`"),
    ("binding", "`rateLimit`"),
    ("body", "`respond`, `request` or `response`"),
    ("bodyBytes", "`limits` or a route"),
    ("br", "`compress.levels`"),
    ("breaker", "`upstreams.<name>`"),
    ("brownOuts", "`versions.list.<name>`"),
    ("budgetPercent", "`upstreams.<name>.retry`"),
    ("burst", "`rateLimit.tiers.<name>` or `rateLimit`"),
    ("byHeader", "`fault`"),
    ("bypass", "`cache` or `maintenance`"),
    ("cache", "a policy: `\"policies\": [{\"cache\": …}]`"),
    ("cacheFile", "`server`"),
    ("cacheMemory", "`server`"),
    ("cacheTtl", "`authenticate.external` or `issuers.<name>.introspection`"),
    ("callback", "`authenticate.login`"),
    ("caller", "`cache.key`"),
    ("calls", "`aggregate`"),
    ("candidate", "`rollout`"),
    ("client", "`authenticate.login`, `issuers.<name>.introspection` or `upstreams.<name>.credentials.clientCredentials`"),
    ("clientAddress", "`match`"),
    ("clientAuthentication", "`issuers.<name>.introspection` or `upstreams.<name>.credentials.clientCredentials`"),
    ("clientCert", "`upstreams.<name>`"),
    ("clientCredentials", "`upstreams.<name>.credentials`"),
    ("clients", "a policy: `\"policies\": [{\"clients\": …}]`, `server.listen.tls` or `server.tls`"),
    ("cloudflare", "`upstreams.<name>`"),
    ("cluster", "`counters` or `responses`"),
    ("codings", "`compress`"),
    ("collapse", "`cache`"),
    ("component", "`upstreams.<name>.spin`"),
    ("components", "`authenticate.signature` or `upstreams.<name>.credentials.signature`"),
    ("compress", "a policy: `\"policies\": [{\"compress\": …}]`"),
    ("concurrency", "a policy: `\"policies\": [{\"concurrency\": …}]`"),
    ("connect", "`timeouts`"),
    ("connections", "`server` or `upstreams.<name>`"),
    ("consul", "`upstreams.<name>.discover`"),
    ("consumer", "`authenticate.external`, `authenticate.webhook` or `issuers.<name>`"),
    ("consumers", "`authorize`, `steer[].when` or the top level"),
    ("contains", "`upstreams.<name>.health.active`"),
    ("content", "`upstreams.<name>.credentials.sigv4`"),
    ("contentType", "`keyValue` or `request`"),
    ("contentTypes", "`validate`"),
    ("cookie", "`authenticate.login`"),
    ("cookies", "`cache.key`, `match` or `upstreams.<name>.responses`"),
    ("copy", "`authenticate.external`"),
    ("cors", "a policy: `\"policies\": [{\"cors\": …}]`"),
    ("cost", "`rateLimit`"),
    ("countries", "`clients`"),
    ("country", "`network.geo`"),
    ("credentials", "`consumers.<name>`, `cors` or `upstreams.<name>`"),
    ("csp", "`security`"),
    ("csrf", "a policy: `\"policies\": [{\"csrf\": …}]`"),
    ("datacenter", "`upstreams.<name>.discover.consul`"),
    ("deadlineHeader", "`upstreams.<name>`"),
    ("defaultTtl", "`cache`"),
    ("delay", "`fault`"),
    ("deny", "`clients.asns`, `clients.countries` or `clients`"),
    ("deprecated", "`versions.list.<name>`"),
    ("depth", "`validate.json` or `validate.xml`"),
    ("digest", "`upstreams.<name>.credentials.signature`"),
    ("disabled", "an entry of `upstreams.<name>.targets`"),
    ("discover", "`upstreams.<name>`"),
    ("discovery", "`issuers.<name>`"),
    ("dns", "`upstreams.<name>.discover`"),
    ("document", "`openapi`"),
    ("drain", "`server`"),
    ("ejection", "`upstreams.<name>.health.passive`"),
    ("elements", "`validate.xml`"),
    ("emptySegments", "`network`"),
    ("encodedSlash", "`network`"),
    ("encoding", "`consumers.<name>.credentials[].signature`, `upstreams.<name>.credentials.signature` or an entry of `issuers.<name>.keys`"),
    ("endpoint", "`issuers.<name>.introspection`"),
    ("errorPoints", "`rollout`"),
    ("etag", "a policy: `\"policies\": [{\"etag\": …}]`"),
    ("eureka", "`upstreams.<name>.discover`"),
    ("every", "`rollout` or `upstreams.<name>.health.active`"),
    ("expires", "`consumers.<name>.credentials[].apiKey`"),
    ("expose", "`cors`"),
    ("expression", "`rateLimit.cost`"),
    ("external", "`authenticate`"),
    ("failurePercent", "`upstreams.<name>.breaker` or `upstreams.<name>.health.passive`"),
    ("failures", "`upstreams.<name>.breaker` or `upstreams.<name>.health.passive`"),
    ("fault", "a policy: `\"policies\": [{\"fault\": …}]`"),
    ("fields", "`upstreams.<name>.credentials.sigv4`"),
    ("finalSlash", "`network`"),
    ("first", "`upstreams.<name>.load`"),
    ("firstByte", "`timeouts`"),
    ("flag", "`maintenance`"),
    ("form", "`aggregate.calls.<name>.response`, `request.body` or `response.body`"),
    ("format", "`accessLog`"),
    ("formats", "`validate.json`"),
    ("forward", "`authenticate.login`"),
    ("frame", "`security`"),
    ("geo", "`network`"),
    ("grace", "`server`"),
    ("grpcStatus", "`fault`"),
    ("grpcStatuses", "`upstreams.<name>.retry`"),
    ("gzip", "`compress.levels`"),
    ("hash", "`consumers.<name>.credentials[].password`"),
    ("header", "`idempotency`, `rateLimit.cost` or `upstreams.<name>.credentials`"),
    ("headerBytes", "`limits`"),
    ("headerCase", "`server`"),
    ("health", "`upstreams.<name>`"),
    ("healthy", "`upstreams.<name>.health.active`"),
    ("hedge", "`upstreams.<name>.retry`"),
    ("hmac", "`consumers.<name>.credentials[].apiKey`"),
    ("hold", "`rollout` or `rateLimit.lease`"),
    ("hosts", "`match` or an entry of `apis`"),
    ("hsts", "`security`"),
    ("id", "`authenticate.login.client` or `consumers.<name>.credentials[].apiKey`"),
    ("idempotency", "a policy: `\"policies\": [{\"idempotency\": …}]`"),
    ("ignoreCookies", "`cache`"),
    ("ignoreQuery", "`cache.key`"),
    ("in", "`aggregate.calls.<name>.when`"),
    ("insecure", "`authenticate.login`"),
    ("introspect", "`authenticate`"),
    ("introspection", "`issuers.<name>`"),
    ("issuers", "`authenticate.jwt` or the top level"),
    ("items", "`validate.json`"),
    ("jwk", "`consumers.<name>.credentials[].signature` or an entry of `issuers.<name>.keys`"),
    ("jwks", "`issuers.<name>`"),
    ("jwt", "`authenticate`"),
    ("keepIdToken", "`authenticate.login`"),
    ("keepQuery", "`redirect`"),
    ("keyId", "`consumers.<name>.credentials[].signature` or `upstreams.<name>.credentials.signature`"),
    ("keyValueFile", "`server`"),
    ("keys", "`authenticate.login`, `issuers.<name>` or `validate.json`"),
    ("kid", "an entry of `issuers.<name>.keys`"),
    ("kind", "`upstreams.<name>.health.active`"),
    ("kubernetes", "`upstreams.<name>.discover`"),
    ("label", "`authenticate.signature` or `upstreams.<name>.credentials.signature`"),
    ("lease", "`rateLimit`"),
    ("least", "`upstreams.<name>.load`"),
    ("leastTargets", "`upstreams.<name>.health.passive.successRate`"),
    ("leeway", "`issuers.<name>`"),
    ("legacyHeaders", "`rateLimit`"),
    ("levels", "`compress`"),
    ("life", "`authenticate.login`, `upstreams.<name>.credentials.signature` or `webSocket`"),
    ("lifetime", "`issuers.<name>`"),
    ("link", "`versions.list.<name>`"),
    ("list", "`upstreams.<name>.discover` or `versions`"),
    ("listen", "`server`"),
    ("load", "`upstreams.<name>`"),
    ("location", "`redirect` or `upstreams.<name>.responses`"),
    ("login", "`authenticate`"),
    ("logout", "`authenticate.login`"),
    ("longest", "`upstreams.<name>.health.passive` or `upstreams.<name>.retry.backoff`"),
    ("maintenance", "a policy: `\"policies\": [{\"maintenance\": …}]`"),
    ("max", "`rateLimit.cost` or `upstreams.<name>.connections`"),
    ("maxAge", "`authenticate.signature`, `cors` or `security.hsts`"),
    ("maxIdle", "`upstreams.<name>.connections`"),
    ("maxRequests", "`upstreams.<name>.connections`"),
    ("maxTtl", "`cache`"),
    ("maxWaiting", "`upstreams.<name>.connections`"),
    ("member", "`aggregate.partial`"),
    ("metadata", "`consumers.<name>`"),
    ("method", "`request` or `upstreams.<name>.health.active`"),
    ("methodOverride", "`network`"),
    ("minBytes", "`compress`"),
    ("mock", "`openapi`"),
    ("most", "`batch` or `upstreams.<name>.load`"),
    ("mostDelay", "`fault`"),
    ("mostEjectedPercent", "`upstreams.<name>.health.passive`"),
    ("names", "`upstreams.<name>.tls`"),
    ("namespace", "`upstreams.<name>.discover.kubernetes`"),
    ("namespaces", "`aggregate.calls.<name>.response.xml`, `request.body.xml` or `response.body.xml`"),
    ("nonce", "`authenticate.signature` or `upstreams.<name>.credentials.signature`"),
    ("nosniff", "`security`"),
    ("notIn", "`aggregate.calls.<name>.when`"),
    ("on", "an entry of `fallback` or `upstreams.<name>.retry`"),
    ("open", "`upstreams.<name>.breaker`"),
    ("openapi", "`versions.list.<name>`, an entry of `apis` or the top level"),
    ("operations", "`openapi.undeclared`"),
    ("origins", "`cors`, `csrf` or `issuers.<name>`"),
    ("others", "`request.body` or `response.body`"),
    ("parameters", "`authenticate.login`"),
    ("partial", "`aggregate`"),
    ("pass", "`network.methodOverride`"),
    ("passive", "`upstreams.<name>.health`"),
    ("password", "`upstreams.<name>.credentials.basic` or an entry of `consumers.<name>.credentials`"),
    ("pathCase", "`network`"),
    ("paths", "`network`"),
    ("pem", "`consumers.<name>.credentials[].signature` or an entry of `issuers.<name>.keys`"),
    ("pepper", "`apiKeys`"),
    ("per", "`upstreams.<name>.breaker`"),
    ("perTry", "`upstreams.<name>.retry`"),
    ("percent", "an entry of `mirror` or `fault`"),
    ("percentile", "`upstreams.<name>.retry.hedge`"),
    ("permissions", "`security`"),
    ("pointer", "`upstreams.<name>.discover.list`"),
    ("port", "`upstreams.<name>.discover.kubernetes` or `upstreams.<name>.discover`"),
    ("preload", "`security.hsts`"),
    ("priority", "a policy: `\"policies\": [{\"priority\": …}]` or an entry of `upstreams.<name>.targets`"),
    ("privateNetwork", "`cors`"),
    ("probes", "`upstreams.<name>.breaker`"),
    ("protocol", "`authenticate.external` or `upstreams.<name>`"),
    ("proxyProtocol", "`server.listen`"),
    ("rateLimit", "a policy: `\"policies\": [{\"rateLimit\": …}]`"),
    ("record", "`upstreams.<name>.discover.dns`"),
    ("redis", "`counters` or `responses`"),
    ("referrer", "`security`"),
    ("refresh", "`upstreams.<name>.discover`"),
    ("regex", "`match.path`"),
    ("region", "`upstreams.<name>.credentials.sigv4`"),
    ("registry", "`upstreams.<name>.discover`"),
    ("registryToken", "`admin`"),
    ("remove", "`request.headers`, `request.query` or `response.headers`"),
    ("rename", "`request.headers`, `request.query` or `response.headers`"),
    ("replace", "an entry of `request.body.text` or an entry of `response.body.text`"),
    ("replay", "`authenticate.webhook`"),
    ("request", "a policy: `\"policies\": [{\"request\": …}]`, `openapi` or `versions.list.<name>`"),
    ("required", "`idempotency`, `server.listen.tls.clients` or `server.tls.clients`"),
    ("resource", "`authenticate.jwt`"),
    ("respond", "an entry of `fallback` or a route"),
    ("response", "a policy: `\"policies\": [{\"response\": …}]`, `openapi` or `versions.list.<name>`"),
    ("responseHeader", "`rateLimit.cost`"),
    ("responseJson", "`rateLimit.cost`"),
    ("responses", "`upstreams.<name>` or the top level"),
    ("retry", "`upstreams.<name>`"),
    ("retryAfter", "`maintenance`"),
    ("revocation", "`issuers.<name>`"),
    ("revoked", "`server.listen.tls.clients` or `server.tls.clients`"),
    ("root", "`aggregate.calls.<name>.response.xml`, `request.body.xml` or `response.body.xml`"),
    ("san", "`consumers.<name>.credentials[].certificate`"),
    ("schema", "`validate.json`"),
    ("scheme", "`authenticate.webhook`, `match` or `upstreams.<name>.discover`"),
    ("scope", "`idempotency`"),
    ("secretKey", "`upstreams.<name>.credentials.sigv4`"),
    ("secrets", "`authenticate.webhook`"),
    ("security", "a policy: `\"policies\": [{\"security\": …}]`"),
    ("server", "`upstreams.<name>.discover.dns` or the top level"),
    ("serverName", "`upstreams.<name>.targets[].tls` or `upstreams.<name>.tls`"),
    ("serverTiming", "`aggregate`"),
    ("sessionToken", "`upstreams.<name>.credentials.sigv4`"),
    ("set", "`request.headers`, `request.query` or `response.headers`"),
    ("setCookies", "`cache`"),
    ("sha256", "`consumers.<name>.credentials[].apiKey` or `consumers.<name>.credentials[].certificate`"),
    ("shadow", "`rateLimit`"),
    ("signature", "`authenticate`, `upstreams.<name>.credentials` or an entry of `consumers.<name>.credentials`"),
    ("sigv4", "`upstreams.<name>.credentials`"),
    ("since", "`versions.list.<name>`"),
    ("size", "`server.cacheFile`"),
    ("slow", "`upstreams.<name>.breaker`"),
    ("slowPercent", "`rollout` or `upstreams.<name>.breaker`"),
    ("slowStart", "`upstreams.<name>.health`"),
    ("spin", "`upstreams.<name>`"),
    ("stale", "an entry of `fallback`"),
    ("staleIfError", "`cache`"),
    ("staleWhileRevalidate", "`cache`"),
    ("stdevPercent", "`upstreams.<name>.health.passive.successRate`"),
    ("steer", "a policy: `\"policies\": [{\"steer\": …}]`"),
    ("steps", "`rollout`"),
    ("store", "`authenticate.apiKey`"),
    ("subdomains", "`security.hsts`"),
    ("subject", "`accessLog` or `consumers.<name>.credentials[].certificate`"),
    ("successRate", "`upstreams.<name>.health.passive`"),
    ("successor", "`versions.list.<name>`"),
    ("sunset", "`versions.list.<name>`"),
    ("tag", "`authenticate.signature`, `upstreams.<name>.credentials.signature` or `upstreams.<name>.discover.consul`"),
    ("targets", "`cache` or `upstreams.<name>`"),
    ("tell", "`versions`"),
    ("throttle", "`rateLimit`"),
    ("tier", "`consumers.<name>`"),
    ("tiers", "`authorize`, `rateLimit` or `steer[].when`"),
    ("timeZone", "`rateLimit`"),
    ("to", "`request.body` or `response.body`"),
    ("tokenUrl", "`upstreams.<name>.credentials.clientCredentials`"),
    ("tolerance", "`authenticate.webhook`"),
    ("total", "`timeouts`"),
    ("transient", "`idempotency`"),
    ("trustedIdentity", "`network`"),
    ("trustedProxies", "`network`"),
    ("ttl", "`keyValue` or `cache`"),
    ("types", "`compress` or `issuers.<name>`"),
    ("undeclared", "`openapi`"),
    ("unhealthy", "`upstreams.<name>.health.active`"),
    ("units", "`rateLimit.lease`"),
    ("unknown", "`idempotency` or `versions`"),
    ("until", "`maintenance` or an entry of `versions.list.<name>.brownOuts`"),
    ("url", "`upstreams.<name>` or an entry of `upstreams.<name>.targets`"),
    ("urlBytes", "`limits`"),
    ("urls", "`upstreams.<name>`"),
    ("user", "`consumers.<name>.credentials[].password` or `upstreams.<name>.credentials.basic`"),
    ("validate", "a policy: `\"policies\": [{\"validate\": …}]`"),
    ("value", "`aggregate.calls.<name>.when`, `consumers.<name>.credentials[].token` or `upstreams.<name>.credentials.header`"),
    ("valueBytes", "`keyValue`"),
    ("wait", "`idempotency`"),
    ("weak", "`etag`"),
    ("webhook", "`authenticate`"),
    ("weight", "an entry of `split` or an entry of `upstreams.<name>.targets`"),
    ("with", "an entry of `request.body.text` or an entry of `response.body.text`"),
    ("zone", "`network` or an entry of `upstreams.<name>.targets`"),
    ("zstd", "`compress.levels`"),
];

#[cfg(all(test, feature = "schema"))]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::Value;

    use super::*;
    use crate::config::json_schema;

    /// The definitions whose members need no path before them.
    const TOPS: [(&str, &str); 4] =
        [("", "the top level"), ("Api", "an entry of `apis`"), ("Defaults", "`defaults`"), ("Route", "a route")];

    /// The objects of a schema by name, and for each definition the members that lead to it, with the objects they are
    /// in.
    struct Objects {
        all: BTreeMap<String, Value>,
        doors: BTreeMap<String, Vec<(String, String)>>,
    }

    impl Objects {
        fn of(schema: Value) -> Self {
            let definitions = schema.get("$defs").and_then(Value::as_object).into_iter().flatten();
            let mut all: BTreeMap<String, Value> =
                definitions.map(|(name, object)| (name.clone(), object.clone())).collect();
            all.insert(String::new(), schema);
            let mut doors: BTreeMap<_, Vec<_>> = BTreeMap::new();
            for (owner, object) in &all {
                let mut lead = |to: &Value, written: String| {
                    // The way to a proof within a proof has no end.
                    if let Some((_, name)) = to["$ref"].as_str().and_then(|reference| reference.rsplit_once('/'))
                        && name != owner
                    {
                        doors.entry(name.to_owned()).or_default().push((owner.clone(), written));
                    }
                };
                lead(&object["additionalProperties"], ".<name>".to_owned());
                object["anyOf"].as_array().into_iter().flatten().for_each(|object| lead(object, String::new()));
                for (member, value) in object["properties"].as_object().into_iter().flatten() {
                    lead(value, format!(".{member}"));
                    lead(&value["items"], format!(".{member}[]"));
                    value["anyOf"].as_array().into_iter().flatten().for_each(|value| lead(value, format!(".{member}")));
                }
            }
            Self { all, doors }
        }

        /// The paths to objects of `definition`, from below the top, a route or a policy; of two, the shorter.
        fn paths(&self, definition: &str) -> BTreeSet<String> {
            let mut paths = BTreeSet::new();
            for (owner, written) in self.doors.get(definition).into_iter().flatten() {
                if owner == "Policy" || TOPS.iter().any(|(top, _)| top == owner) {
                    paths.insert(written.trim_start_matches('.').to_owned());
                } else {
                    paths.extend(self.paths(owner).into_iter().map(|path| path + written));
                }
            }
            let all = paths.clone();
            paths.retain(|path| !all.iter().any(|other| path.ends_with(&format!(".{other}"))));
            paths
        }

        /// The descriptions of the objects of `definition`, which `field` belongs in; those of a route come first.
        fn homes(&self, definition: &str, field: &str) -> BTreeSet<(bool, String)> {
            if definition == "Policy" {
                return BTreeSet::from([(false, format!("a policy: `\"policies\": [{{\"{field}\": …}}]`"))]);
            }
            if let Some((_, words)) = TOPS.iter().find(|(top, _)| *top == definition) {
                return BTreeSet::from([(true, (*words).to_owned())]);
            }
            let is_of_route = |(owner, _): &(String, String)| owner == "Route";
            let is_elsewhere = !self.doors.get(definition).is_some_and(|doors| doors.iter().any(is_of_route));
            let words = |path: String| match path.strip_suffix("[]") {
                Some(list) => (is_elsewhere, format!("an entry of `{list}`")),
                None => (is_elsewhere, format!("`{path}`")),
            };
            self.paths(definition).into_iter().map(words).collect()
        }

        fn rows(&self) -> Vec<(String, String)> {
            let mut homes: BTreeMap<&str, BTreeSet<(bool, String)>> = BTreeMap::new();
            // A secret is a value without an object of its own, and a JWK is copied, not written.
            // What a call is called by stands in much else in other words: a route has `match.methods`.
            let has_homes = |name: &str| !["SecretRef", "Jwk", "AggregateCall", "UndoCall"].contains(&name);
            for (definition, object) in self.all.iter().filter(|(name, _)| has_homes(name)) {
                let fields = object["properties"].as_object().into_iter().flat_map(serde_json::Map::keys);
                // A route's is the one that is meant.
                for field in fields.filter(|field| (definition.as_str(), field.as_str()) != ("Issuer", "upstream")) {
                    homes.entry(field).or_default().extend(self.homes(definition, field));
                }
            }
            let is_top = |(_, home): &(bool, String)| TOPS.iter().any(|(_, top)| top == home);
            homes.retain(|_, homes| (1..=3).contains(&homes.len()) && !homes.iter().all(is_top));
            homes.into_iter().map(|(field, homes)| (field.to_owned(), joined(&homes))).collect()
        }
    }

    fn joined(homes: &BTreeSet<(bool, String)>) -> String {
        let homes: Vec<&str> = homes.iter().map(|(_, home)| home.as_str()).collect();
        match homes.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
            _ => homes.concat(),
        }
    }

    #[test]
    fn the_homes_are_those_of_the_schema() {
        let rows = Objects::of(json_schema()).rows();
        let written: String = rows.iter().map(|row| format!("    {row:?},\n")).collect();
        let known: Vec<_> = HOMES.iter().map(|(field, home)| ((*field).to_owned(), (*home).to_owned())).collect();
        assert!(known == rows, "the rows of HOMES in {} are stale; write:\n{written}", file!());
    }
}
