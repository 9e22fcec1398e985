//! Mistakes that an editor underlines: what the schema refuses, a check refuses; what it can't say is listed.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use gateway_core::config::json_schema;
use gateway_core::plan::{self, Secrets};
use gateway_core::ports::Capabilities;
use serde_json::{Value, json};

const WHOLE: &str = include_str!("fixtures/whole.json");

/// The least number of the shapes below that the schema sees.
const LEAST_SEEN: usize = 258;

struct AnySecret;

impl Secrets for AnySecret {
    fn secret(&self, _: &str) -> Option<String> {
        Some("redis://known-by-a-name-as-long-as-a-key".to_owned())
    }
}

fn is_refused(document: &Value) -> bool {
    plan::load(&document.to_string(), &Capabilities::NATIVE, &AnySecret).is_err()
}

/// A place, and what stands there instead; nothing if the member is taken away.
type Shape = (&'static str, Option<Value>);

/// Wrong shapes of each kind, one for about each member.
fn shapes() -> Vec<Shape> {
    let mut shapes: Vec<Shape> = Vec::new();
    let mut wrong = |place, values: Vec<Value>| shapes.extend(values.into_iter().map(|value| (place, Some(value))));
    // Wrong types.
    wrong("/name", vec![json!(5), json!([]), json!({}), json!(true)]);
    wrong("/limits", vec![json!([]), json!("5"), json!(null)]);
    wrong("/limits/headers", vec![json!("5"), json!(1.5), json!(-1), json!(0), json!(4_294_967_296_u64)]);
    wrong("/upstreams", vec![json!([]), json!("users")]);
    wrong("/upstreams/users", vec![json!("http://a"), json!([]), json!({}), json!(null)]);
    wrong("/routes", vec![json!({}), json!("a"), json!(null)]);
    wrong("/routes/split", vec![json!("a"), json!([]), json!({})]);
    wrong("/defaults/policies", vec![json!("browser"), json!([5]), json!([[]])]);
    wrong("/routes/split/accessLog", vec![json!("off"), json!(0)]);
    // Unknown members.
    for place in [
        "/nam",
        "/limits/header",
        "/upstreams/users/uri",
        "/routes/split/path",
        "/routes/split/backend",
        "/routes/split/auth",
    ] {
        wrong(place, vec![json!("x")]);
    }
    for place in
        ["/policies/browser/cors/origin", "/policies/browser/retries", "/routes/split/match/method", "/apis/0/route"]
    {
        wrong(place, vec![json!([])]);
    }
    // Words, one of several.
    wrong("/accessLog/format", vec![json!("JSON"), json!("txt"), json!({"json": 1})]);
    wrong("/network/encodedSlash", vec![json!("strip"), json!(true)]);
    wrong("/upstreams/users/host", vec![json!("client"), json!({"set": 5}), json!({"sett": "x"}), json!({})]);
    wrong("/policies/browser/rateLimit/algorithm", vec![json!("tokenBucket"), json!("GCRA")]);
    wrong(
        "/policies/browser/rateLimit/key",
        vec![json!("ip"), json!({"header": 5}), json!({"jar": "x"}), json!("address"), json!({"route": true})],
    );
    wrong("/policies/browser/rateLimit/fail", vec![json!("shut")]);
    wrong("/policies/browser/maintenance/fail", vec![json!("closd")]);
    wrong(
        "/routes/split/match/methods",
        vec![json!(["get"]), json!(["*"]), json!(["ANY"]), json!("GET"), json!(["GET", "GET"])],
    );
    wrong("/routes/moved/redirect/status", vec![json!(200), json!(304), json!("301"), json!(300)]);
    // Patterns.
    for place in ["/server/drain", "/counters/timeout", "/defaults/timeouts/connect", "/routes/split/timeouts/total"] {
        wrong(place, vec![json!(5), json!("5 s"), json!("5sec"), json!("five"), json!("1.5s")]);
    }
    wrong("/limits/bodyBytes", vec![json!(1024), json!("1mb"), json!("1 MB"), json!("-1B")]);
    wrong("/routes/split/bodyBytes", vec![json!("10M"), json!("")]);
    wrong("/name", vec![json!("edge 1"), json!("")]);
    wrong("/routes/split/name", vec![json!(""), json!(5)]);
    wrong("/apis/0/name", vec![json!("")]);
    wrong(
        "/upstreams/users/url",
        vec![
            json!("localhost:7101"),
            json!("ftp://a"),
            json!("http://"),
            json!("http://a?x=1"),
            json!("http://u:p@a"),
            json!("users"),
            json!(""),
        ],
    );
    wrong(
        "/upstreams/orders.v2/urls",
        vec![json!([]), json!(["a"]), json!(["http://a", "http://a"]), json!("http://a")],
    );
    wrong(
        "/routes/split/match/path",
        vec![json!("a"), json!("a/{id}"), json!("/a?b"), json!("/a#b"), json!("/a//{id}"), json!("")],
    );
    wrong("/routes/plain/match/prefix", vec![json!("p"), json!("/p?"), json!("//")]);
    wrong("/apis/0/prefix", vec![json!("shop"), json!("/a//b")]);
    wrong(
        "/routes/split/match/hosts",
        vec![
            json!("a.test"),
            json!([""]),
            json!(["a b"]),
            json!(["a.test", "a.test"]),
            json!(["*.*.a"]),
            json!(["a.*"]),
        ],
    );
    wrong("/network/trustedProxies", vec![json!("10.0.0.0/8"), json!(["proxy"]), json!(["10.0.0.0/8/8"]), json!([""])]);
    wrong("/policies/browser/maintenance/bypass", vec![json!(["office"])]);
    wrong("/policies/browser/maintenance/from", vec![json!("tomorrow"), json!("2026-12-01"), json!(5)]);
    wrong(
        "/policies/browser/cors/origins",
        vec![json!(["app.example.com"]), json!("*"), json!(["https://a.test/path"])],
    );
    wrong("/identityHeaders", vec![json!(["x tenant"]), json!([""]), json!("x-a")]);
    wrong("/admin/path", vec![json!("admin"), json!("/a/"), json!("/")]);
    wrong("/admin/token/secret", vec![json!("hunter2"), json!("admin-token"), json!(5), json!("${TOKEN}")]);
    wrong("/server/admin", vec![json!("localhost"), json!(9901)]);
    wrong(
        "/counters/redis",
        vec![json!("localhost:6379"), json!("http://a"), json!({"secret": "A", "b": 1}), json!({})],
    );
    wrong("/routes/moved/redirect/location", vec![json!("new"), json!("{request.path}"), json!("ftp://a")]);
    wrong("/routes/split/rewrite/path", vec![json!("b"), json!("/b?x=1")]);
    wrong("/routes/flag/keyValue/contentType", vec![json!("json")]);
    wrong("/routes/flag/keyValue/key", vec![json!("")]);
    wrong(
        "/routes/split/match/headers",
        vec![json!({"a b": "1"}), json!({"": "1"}), json!({"x": {"present": true, "prefix": "a"}}), json!({"x": {}})],
    );
    wrong("/routes/split/match/cookies", vec![json!({"a b": "1"})]);
    // Ranges.
    wrong("/routes/text/respond/status", vec![json!(100), json!(600), json!(0), json!("200")]);
    wrong("/routes/split/split/0/weight", vec![json!(1_000_001), json!(-1), json!(0.5)]);
    wrong("/policies/browser/rateLimit/limit", vec![json!(0), json!(1_000_000_001), json!("5"), json!(null)]);
    wrong("/policies/browser/rateLimit/burst", vec![json!(0)]);
    wrong("/policies/browser/concurrency/limit", vec![json!(0), json!(10_001)]);
    wrong("/apis/0/routes", vec![json!([])]);
    // Members that don't go together.
    wrong("/routes/split/upstream", vec![json!("users")]);
    wrong("/routes/text/redirect", vec![json!({"location": "/"})]);
    wrong("/routes/text/rewrite", vec![json!({"path": "/b"})]);
    wrong("/routes/text/webSocket", vec![json!(true)]);
    wrong("/routes/text/respond/json", vec![json!({})]);
    wrong("/routes/split/match/prefix", vec![json!("/b")]);
    wrong("/routes/split/rewrite/prefix", vec![json!("/b")]);
    wrong("/upstreams/users/urls", vec![json!(["http://b"])]);
    wrong(
        "/policies/browser/rateLimit",
        vec![
            json!({"limit": 1, "window": "1s", "algorithm": "slidingWindow", "burst": 1}),
            json!({"limit": 1, "window": "1s", "algorithm": "fixedWindow", "burst": 1}),
            json!({"limit": 1, "window": "day", "burst": 1}),
            json!({"limit": 1, "window": "day", "algorithm": "gcra"}),
            json!({"limit": 1, "window": "1d", "timeZone": "UTC"}),
            json!({"limit": 1, "window": "day", "timeZone": "Europe/Berlin"}),
            json!({"limit": 1, "window": "fortnight"}),
            json!({"limit": 1, "window": "1s", "cost": {}}),
            json!({"limit": 1, "window": "1s", "cost": {"header": "a", "query": "b"}}),
            json!({"limit": 1, "window": "1s", "cost": {"header": "a b"}}),
            json!({"limit": 1, "window": "1s", "cost": {"header": "a", "max": 0}}),
            json!({"limit": 1, "window": "1s", "cost": "1"}),
            json!({"limit": 1, "window": "1s", "algorithm": "fixedWindow", "throttle": "1s"}),
            json!({"limit": 1, "window": "10s", "binding": "1"}),
            json!({"limit": 1, "window": "10s", "binding": "A", "cost": 2}),
            json!({"limit": 1, "window": "10s", "binding": "A", "tiers": {"gold": {"limit": 1, "window": "10s"}}}),
            json!({"limit": 1, "window": "1s", "accuracy": "approximate"}),
            json!({"limit": 1, "window": "1s", "lease": {}}),
            json!({"limit": 1, "window": "1s", "lease": {"units": 1}}),
            json!({"limit": 1, "window": "1s", "lease": {"units": 5}, "throttle": "1s"}),
            json!({"limit": 1, "window": "1s", "lease": {"units": 5}, "cost": {"responseHeader": "a"}}),
            json!({"limit": 1, "window": "1s", "lease": {"units": 5}, "cost": {"responseJson": "/a"}}),
            json!({"limit": 1, "window": "1s", "cost": {"responseJson": "/a", "responseHeader": "a"}}),
            json!({"limit": 1, "window": "1s", "cost": {"responseJson": "usage.total_tokens"}}),
            json!({"limit": 1, "window": "1s", "cost": {"responseJson": "/a~b"}}),
            json!({"limit": 1, "window": "1s", "tiers": {"": {"limit": 1, "window": "1s"}}}),
            json!({"limit": 1, "window": "1s", "tiers": {"gold": {"limit": 0, "window": "1s"}}}),
            json!({"limit": 1, "window": "1s", "tiers": {"gold": {"window": "1s"}}}),
            json!({"limit": 1, "window": "1s", "key": {"address": {"ipv4": 33}}}),
            json!({"limit": 1, "window": "1s", "key": {"address": {"ipv6": 0}}}),
            json!({"limit": 1, "window": "1s", "key": {"all": "route"}}),
        ],
    );
    wrong("/policies/browser/maintenance", vec![json!({}), json!({"from": "2026-12-01T22:00:00Z", "fail": "open"})]);
    // Notations of other programs, and what belongs elsewhere.
    wrong(
        "/routes/split/match/path",
        ["/a/:id", "/a/*", "/a/{id:[0-9]+}", "/a/<id>", "/a/(x|y)", "/a/{id}.json", "/a/x*"].map(Value::from).to_vec(),
    );
    wrong("/routes/plain/match/prefix", vec![json!("/p/*"), json!("/:tenant")]);
    wrong(
        "/routes/split/match/hosts",
        ["a.test:8080", "http://a.test", "a.test/b", ":8080", ".a.test", "~^a", "$host", "_", "a..b"]
            .map(|host| json!([host]))
            .to_vec(),
    );
    wrong("/routes/split/match/methods", ["connect", "TRACE", "Post"].map(|method| json!([method])).to_vec());
    wrong("/network/methods", ["get", "*", "PRI", "CONNECT", "a b"].map(|method| json!([method])).to_vec());
    for place in ["/server/listen", "/server/listen/0"] {
        wrong(place, ["127.0.0.1", ":8080", "8080", "http://0.0.0.0:8080", "unix:", ""].map(Value::from).to_vec());
    }
    wrong("/admin", vec![json!({}), json!({"path": "/.edgeway"})]);
    wrong(
        "/errors",
        vec![json!({"404": {"file": "x"}}), json!({"404": {"html": "x"}}), json!({"404": {"Text/HTML": "x"}})],
    );
    for name in ["host", "Connection", "transfer-encoding", "Sec-WebSocket-Key", "a b"] {
        wrong("/policies/browser/request/headers/set", vec![json!({name: "a"})]);
        wrong("/policies/browser/response/headers/append", vec![json!({name: "a"})]);
        wrong("/policies/browser/response/headers/remove", vec![json!([name])]);
    }
    // What takes knowledge of more than one place, or of a number in a text.
    wrong("/routes/split/split/0/upstream", vec![json!("user")]);
    wrong("/routes/split/policies", vec![json!(["browsr"])]);
    wrong("/routes/plain/name", vec![json!("split")]);
    wrong("/routes/plain/match", vec![json!({"path": "/old"})]);
    wrong("/policies/browser/rateLimit/window", vec![json!("10ms"), json!("999d")]);
    wrong("/counters/timeout", vec![json!("1h")]);
    wrong("/routes/flag/keyValue/ttl", vec![json!("1s")]);
    wrong("/routes/text/respond/status", vec![json!(204)]);
    wrong("/routes/text/respond/body", vec![json!("{path.id}"), json!("{nothing}")]);
    wrong("/routes/split/match/path", vec![json!("/a/{id"), json!("/a/x{id}"), json!("/a/./b")]);
    wrong("/policies/browser/request/headers/set", vec![json!({"host": "a"}), json!({"x": "a\nb"})]);
    wrong("/policies/browser/maintenance/until", vec![json!("2026-11-01T00:00:00Z")]);
    wrong("/network/trustedProxies", vec![json!(["10.0.0.0/64"])]);
    for missing in [
        "/routes/split/name",
        "/routes/split/split",
        "/routes/split/split/0/weight",
        "/apis/0/name",
        "/apis/0/routes",
        "/upstreams/orders.v2/urls",
        "/policies/browser/rateLimit/window",
        "/policies/browser/concurrency/limit",
        "/routes/moved/redirect/location",
        "/server/tls/0/key",
    ] {
        shapes.push((missing, None));
    }
    shapes
}

/// The places of the shapes that JSON Schema can't refuse: it knows neither other places nor numbers in texts.
const UNSEEN: &[&str] = &[
    "/routes/split/split/0/upstream",
    "/routes/split/match/methods",
    "/routes/split/policies",
    "/routes/plain/name",
    "/routes/plain/match",
    "/policies/browser/rateLimit/window",
    "/counters/timeout",
    "/routes/flag/keyValue/ttl",
    "/routes/text/respond/status",
    "/routes/text/respond/body",
    "/routes/split/match/path",
    "/policies/browser/request/headers/set",
    "/policies/browser/maintenance/until",
    "/network/trustedProxies",
    "/routes/split/match/hosts",
];

/// The place as a JSON pointer: a route is named.
fn pointer(document: &Value, place: &str) -> String {
    let Some(rest) = place.strip_prefix("/routes/") else { return place.to_owned() };
    let (name, _) = rest.split_once('/').unwrap_or((rest, ""));
    let index = document["routes"].as_array().unwrap().iter().position(|route| route["name"] == name).unwrap();
    place.replacen(name, &index.to_string(), 1)
}

/// `document` with one of the shapes.
fn misshape(mut document: Value, place: &str, value: Option<&Value>) -> Value {
    let place = pointer(&document, place);
    let (parent, member) = place.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Object(members), Some(value)) => drop(members.insert(member.to_owned(), value.clone())),
        (Value::Object(members), None) => drop(members.remove(member).unwrap()),
        (Value::Array(items), Some(value)) => items[member.parse::<usize>().unwrap()] = value.clone(),
        (parent, _) => unreachable!("{parent}"),
    }
    document
}

#[test]
fn an_editor_underlines_what_a_check_refuses() {
    let validator = jsonschema::draft202012::new(&json_schema()).unwrap();
    let whole: Value = serde_json::from_str(WHOLE).unwrap();
    let found = plan::load(WHOLE, &Capabilities::NATIVE, &AnySecret).err();
    assert_eq!(found, None);
    assert!(
        validator.is_valid(&whole),
        "{:?}",
        validator.iter_errors(&whole).map(|e| e.to_string()).collect::<Vec<_>>()
    );
    let shapes = shapes();
    let mut seen = 0;
    let mut wrong = Vec::new();
    for (place, value) in &shapes {
        let document = misshape(whole.clone(), place, value.as_ref());
        let is_seen = !validator.is_valid(&document);
        seen += usize::from(is_seen);
        if !is_refused(&document) {
            wrong.push(format!("a check passes {place} {value:?}"));
        } else if !is_seen && !UNSEEN.contains(place) {
            wrong.push(format!("the schema passes {place} {value:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("the schema refuses {seen} of {} wrong shapes", shapes.len());
    assert!(shapes.len() >= 147 && seen >= LEAST_SEEN, "{seen} of {}", shapes.len());
}

/// docs/configuration.md, Several files: an included file has any of these members, and its reader may leave all to such files.
#[test]
fn a_configuration_in_several_files_gets_no_false_alarm() {
    let validator = jsonschema::draft202012::new(&json_schema()).unwrap();
    let whole: Value = serde_json::from_str(WHOLE).unwrap();
    for member in ["upstreams", "policies", "apis", "routes"] {
        assert!(validator.is_valid(&json!({"$schema": "gateway.schema.json", member: whole[member]})), "{member}");
    }
    for file in ["routes.json", "routes/*.json", "./a/../b.json", "routes/..a.json"] {
        let is_inside = !file.contains("/../");
        assert_eq!(validator.is_valid(&json!({"include": [file]})), is_inside, "{file}");
    }
    for file in ["../x.json", "/x.json", "routes/*/x.json", "${FILE}.json", "..", "."] {
        assert!(!validator.is_valid(&json!({"include": [file]})), "{file}");
    }
    for nothing in [json!({}), json!({"include": []}), json!({"name": "edge", "upstreams": null})] {
        assert!(!validator.is_valid(&nothing), "{nothing}");
    }
}

/// What a check takes, the schema takes: unusual ways to write what the rules above look at.
#[test]
fn an_editor_underlines_nothing_that_a_check_takes() {
    let validator = jsonschema::draft202012::new(&json_schema()).unwrap();
    let whole: Value = serde_json::from_str(WHOLE).unwrap();
    for (place, value) in [
        ("/routes/split/match/path", json!("/Patient/{'$everything'}/{id}")),
        ("/routes/split/match/path", json!("/Products{'(5)'}/{id}/")),
        ("/routes/split/match/path", json!("/a:b/{id}/@x,~z=1/ä")),
        (
            "/routes/split/match/hosts",
            json!(["A.Test.", "[2001:db8::1]", "10.0.0.1", "_a.internal", "*.b-c.test", "xn--a"]),
        ),
        ("/routes/split/match/methods", json!(["GET", "QUERY"])),
        ("/network/methods", json!(["PROPFIND", "purge", "M-SEARCH"])),
        ("/server/listen", json!("[::1]:8080")),
        ("/server/listen", json!(["localhost:0", "unix:relative.sock", "a_b:1"])),
        ("/errors", json!({"404": {"application/problem+json": "{{}}"}, "default": {"text/plain": "x"}})),
        ("/policies/browser/request/headers/set", json!({"X_A": "1", "hosts": "1", "x-te": "1"})),
    ] {
        let document = misshape(whole.clone(), place, Some(&value));
        let found = plan::load(&document.to_string(), &Capabilities::NATIVE, &AnySecret).err();
        assert_eq!(found, None, "{place} {value}");
        assert!(validator.is_valid(&document), "{place} {value}");
    }
}

/// Texts from the environment pass: an editor does not know them (docs/configuration.md, Variables).
#[test]
fn a_variable_may_stand_for_any_text() {
    let validator = jsonschema::draft202012::new(&json_schema()).unwrap();
    let whole: Value = serde_json::from_str(WHOLE).unwrap();
    for place in [
        "/name",
        "/server/drain",
        "/limits/bodyBytes",
        "/upstreams/users/url",
        "/upstreams/orders.v2/urls/0",
        "/network/trustedProxies/0",
        "/accessLog/format",
        "/network/encodedSlash",
        "/routes/split/match/path",
        "/routes/split/match/methods/0",
        "/routes/moved/redirect/location",
        "/policies/browser/rateLimit/fail",
        "/policies/browser/rateLimit/key",
        "/counters/redis",
        "/upstreams/users/host",
    ] {
        let mut document = whole.clone();
        *document.pointer_mut(&pointer(&whole, place)).unwrap() = json!("${USERS_1:-x}");
        assert!(validator.is_valid(&document), "{place}");
        *document.pointer_mut(&pointer(&whole, place)).unwrap() = json!("${users}");
        assert!(!validator.is_valid(&document) || place.ends_with("redirect/location"), "{place}");
    }
}

/// Every default that the schema states is one that the schema takes.
#[test]
fn stated_defaults_are_valid() {
    let schema = json_schema();
    let (mut count, mut wrong) = (0, Vec::new());
    let definitions = schema["$defs"].as_object().unwrap().values().chain([&schema]);
    for property in definitions.flat_map(|definition| definition["properties"].as_object().into_iter().flatten()) {
        let (name, property) = property;
        let Some(default) = property.get("default").filter(|default| !default.is_object()) else { continue };
        let mut alone = property.clone();
        alone["$defs"] = schema["$defs"].clone();
        let validator = jsonschema::draft202012::new(&alone).unwrap();
        if !validator.is_valid(default) {
            wrong.push(format!("{name}: {default}"));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(count > 30, "{count}");
}
