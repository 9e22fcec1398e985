//! Configurations with any number of routes, and requests that they match.

use gateway_core::body::Body;
use http::uri::{PathAndQuery, Uri};
use http::{HeaderName, HeaderValue, Request, header};
use serde_json::{Value, json};

/// The resources of each API in [`many_routes`].
const RESOURCES: [&str; 5] = ["users", "orders", "items", "invoices", "sessions"];

/// What every request carries besides `Host`; the edits remove the last two.
const HEADERS: [(HeaderName, &str); 5] = [
    (header::USER_AGENT, "Mozilla/5.0 (X11; Linux x86_64)"),
    (header::ACCEPT, "application/json"),
    (header::ACCEPT_LANGUAGE, "en"),
    (HeaderName::from_static("x-debug"), "1"),
    (HeaderName::from_static("x-session"), "5f2b7c"),
];

/// The routes of each API in [`many_routes`]: four for each resource.
pub const ROUTES_PER_API: usize = 20;

/// A configuration with `routes` routes as a company would have them: APIs of twenty routes behind upstreams of their own,
/// each with collections and items by method, shared header edits, a host of its own for every tenth. All platforms take it.
#[must_use]
pub fn many_routes(routes: usize) -> Value {
    let apis: Vec<Value> = (0..routes.div_ceil(ROUTES_PER_API)).map(|index| api(index, routes)).collect();
    let upstreams: serde_json::Map<String, Value> = (0..apis.len())
        .map(|index| {
            let url = format!("http://service-{index}.internal:8080/base");
            (format!("service-{index}"), json!({ "url": url, "timeouts": { "firstByte": "10s" } }))
        })
        .collect();
    json!({
        "upstreams": upstreams,
        "policies": { "edits": edits("shared") },
        "defaults": { "timeouts": { "total": "60s" } },
        "apis": apis,
    })
}

fn api(index: usize, routes: usize) -> Value {
    let first = index * ROUTES_PER_API;
    let api_routes: Vec<Value> = (first..routes.min(first + ROUTES_PER_API))
        .map(|number| {
            let resource = resource(number);
            let (verb, method, path) = match number % 4 {
                0 => ("list", "GET", format!("/{resource}")),
                1 => ("create", "POST", format!("/{resource}")),
                2 => ("read", "GET", format!("/{resource}/{{id}}")),
                _ => ("delete", "DELETE", format!("/{resource}/{{id}}")),
            };
            json!({ "name": format!("{verb}-{resource}"), "match": { "path": path, "methods": [method] } })
        })
        .collect();
    let mut api = json!({
        "name": format!("service-{index}"),
        "prefix": format!("/service-{index}/v1"),
        "upstream": format!("service-{index}"),
        "policies": ["edits"],
        "routes": api_routes,
    });
    if let (true, Some(api)) = (index % 10 == 9, api.as_object_mut()) {
        api.insert("hosts".to_owned(), json!([host(index)]));
    }
    api
}

fn resource(route: usize) -> &'static str {
    RESOURCES.get(route / 4 % RESOURCES.len()).copied().unwrap_or("users")
}

fn host(api: usize) -> String {
    if api % 10 == 9 { format!("service-{api}.example.com") } else { "api.example.com".to_owned() }
}

/// A request that one route of [`many_routes`] takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The method.
    pub method: http::Method,
    /// The `Host`.
    pub host: String,
    /// The path.
    pub path: String,
    /// The full name of the route that takes it.
    pub route: String,
}

impl Sample {
    /// The request as a browser application would send it.
    #[must_use]
    pub fn request<S>(&self) -> Request<Body<S>> {
        let mut request = Request::new(Body::Empty);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = PathAndQuery::try_from(format!("{}?page=2", self.path)).map(Uri::from).unwrap_or_default();
        let headers = request.headers_mut();
        headers.extend(HeaderValue::from_str(&self.host).map(|host| (header::HOST, host)));
        headers.extend(HEADERS.map(|(name, value)| (name, HeaderValue::from_static(value))));
        request
    }
}

/// A request for each of `samples` routes spread evenly over `many_routes(routes)`.
#[must_use]
pub fn samples(routes: usize, samples: usize) -> Vec<Sample> {
    let step = (routes / samples.max(1)).max(1);
    // An odd step visits every verb and resource.
    let step = if step.is_multiple_of(2) { step - 1 } else { step };
    (0..samples).map(|n| n * step % routes.max(1)).map(sample).collect()
}

fn sample(number: usize) -> Sample {
    let api = number / ROUTES_PER_API;
    let resource = resource(number);
    let (verb, method, path) = match number % 4 {
        0 => ("list", http::Method::GET, format!("/service-{api}/v1/{resource}")),
        1 => ("create", http::Method::POST, format!("/service-{api}/v1/{resource}")),
        2 => ("read", http::Method::GET, format!("/service-{api}/v1/{resource}/4711")),
        _ => ("delete", http::Method::DELETE, format!("/service-{api}/v1/{resource}/4711")),
    };
    Sample { method, host: host(api), path, route: format!("service-{api}/{verb}-{resource}") }
}

/// The configuration that the comparison serves: `routes` routes with header edits, or for 0 one that takes everything.
#[must_use]
pub fn proxy(routes: usize, listen: &str, upstream: &str) -> Value {
    let all = match routes {
        0 => vec![json!({ "name": "all", "match": { "prefix": "/" }, "upstream": "upstream" })],
        _ => (0..routes)
            .map(|number| {
                let name = format!("route-{number}");
                json!({
                    "match": { "path": format!("/service-{number}/items/{{id}}") },
                    "upstream": "upstream",
                    "policies": [edits(&name)],
                    "name": name,
                })
            })
            .collect(),
    };
    json!({
        "server": { "listen": listen, "accessLog": "off" },
        "upstreams": { "upstream": { "url": format!("http://{upstream}") } },
        "routes": all,
    })
}

/// Has every route of `configuration` ask for a token by `key`, as the configuration has keys, of `issuer` and for `audience`.
pub fn ask_for_tokens(configuration: &mut Value, key: Value, issuer: &str, audience: &str) {
    let Some(members) = configuration.as_object_mut() else { return };
    members.insert("issuers".to_owned(), json!({ "id": { "issuer": issuer, "keys": [key] } }));
    let policy = json!({ "authenticate": { "jwt": { "audiences": [audience] } } });
    members.insert("defaults".to_owned(), json!({ "policies": [policy] }));
}

/// Two headers set and two removed on the request, two set and one removed on the response.
fn edits(route: &str) -> Value {
    json!({
        "request": { "headers": {
            "set": { "X-Route": route, "X-Tenant": "acme" },
            "remove": ["X-Debug", "X-Session"],
        } },
        "response": { "headers": {
            "set": { "X-Served-By": "gateway", "Cache-Control": "no-store" },
            "remove": ["X-Powered-By"],
        } },
    })
}
