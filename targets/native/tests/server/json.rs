//! The data that `routes --json` and `explain --json` print (docs/command-line.md).

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::commands::said;
use crate::support::Folder;

const CONFIG: &str = r#"{"defaults": {"timeouts": {"total": "9s"}}, "upstreams": {"a": {"url": "http://a.test"}, "b": {"url": "http://b.test"}},
    "routes": [
      {"name": "both", "match": {"hosts": ["*.a.test"], "scheme": "https", "path": "/a/{id}", "methods": ["GET", "PUT"],
          "headers": {"x-a": "1", "x-b": {"oneOf": ["1", "2"]}}, "query": {"q": {"prefix": "v"}},
          "cookies": {"c": {"present": false}}, "clientAddress": ["10.0.0.0/8"]},
        "split": [{"upstream": "a", "weight": 1}, {"upstream": "b", "weight": 3, "policies": [
          {"request": {"headers": {"set": {"x-b": "1"}}}, "response": {"headers": {"remove": ["x", "y"]}}}]}], "webSocket": {"idle": "90s", "life": "0s"},
        "policies": [{"rateLimit": {"name": "few", "limit": 9, "window": "1m", "burst": 2}}, {"maintenance": {"flag": "f"}},
          {"request": {"headers": {"set": {"x": "1"}, "remove": ["y"]}, "query": {"set": {"q": "2"}}}}]},
      {"name": "moved", "match": {"prefix": "/old"}, "redirect": {"location": "/new", "status": 308}},
      {"name": "plain", "match": {"prefix": "/"}, "upstream": "a", "webSocket": false, "rewrite": {"prefix": "/v1"},
        "policies": [{"concurrency": {"name": "at-once", "limit": 3}}]}]}"#;

fn printed(arguments: &[&str]) -> Value {
    let folder = Folder::new();
    folder.write("gateway.json", CONFIG);
    let command =
        Command::new(env!("CARGO_BIN_EXE_edgeway")).args(arguments).arg("--json").current_dir(&folder.0).output();
    serde_json::from_slice(&command.unwrap().stdout).unwrap()
}

/// The conditions have the form of `match` in a configuration; figures are numbers.
#[test]
fn routes_are_listed_as_data() {
    let routes = printed(&["routes"]);
    let config: Value = serde_json::from_str(CONFIG).unwrap();
    let both = &routes[0];
    let timeouts = json!({"connectSeconds": 5.0, "firstByteSeconds": 30.0, "totalSeconds": 9.0, "idleSeconds": 300.0});
    assert_eq!(both["name"], "both");
    assert_eq!(both["at"], "routes[0]");
    assert_eq!(both["match"], config["routes"][0]["match"]);
    assert_eq!(
        both["action"],
        json!({"kind": "proxy", "upstreams": [{"name": "a", "weight": 1, "policies": [], "steered": false, "timeouts": timeouts}, {"name": "b", "weight": 3,
            "steered": false, "timeouts": timeouts, "policies": [{"kind": "requestHeaders", "edits": 1}, {"kind": "responseHeaders", "edits": 2}]}], "fallback": [], "mirrors": [], "rollout": null, "rewrite": null,
            "webSocket": {"idleSeconds": 90.0, "lifeSeconds": null}})
    );
    let policies = both["policies"].as_array().unwrap();
    let of = |kind: &str| policies.iter().find(|policy| policy["kind"] == kind).cloned().unwrap_or_default();
    assert_eq!(
        of("rateLimit"),
        json!({"kind": "rateLimit", "name": "few", "limit": 9, "windowSeconds": 60.0, "period": null, "burst": 2,
            "algorithm": "gcra", "timeZone": null, "key": "clientAddress", "cost": 1, "throttleSeconds": null, "tiers": [], "shadow": false,
            "legacyHeaders": false, "fail": "closed", "lease": null, "store": "memory",
            "bound": "exact in one process, and each gateway counts for itself"})
    );
    assert_eq!(of("maintenance"), json!({"kind": "maintenance", "from": null, "until": null, "flag": "f"}));
    assert_eq!(of("requestHeaders"), json!({"kind": "requestHeaders", "edits": 2}));
    assert_eq!(of("requestQuery"), json!({"kind": "requestQuery", "edits": 1}));
    assert_eq!(
        routes[1],
        json!({"name": "moved", "at": "routes[1]", "match": {"prefix": "/old"},
            "action": {"kind": "redirect", "status": 308}, "policies": [], "bodyBytes": 104_857_600})
    );
    assert_eq!(
        routes[2],
        json!({"name": "plain", "at": "routes[2]", "match": {"prefix": "/"},
            "policies": [{"kind": "concurrency", "name": "at-once", "limit": 3, "key": "clientAddress", "fail": "closed"}], "bodyBytes": 104_857_600,
            "action": {"kind": "proxy", "upstreams": [{"name": "a", "weight": 1, "policies": [], "steered": false, "timeouts": timeouts}], "fallback": [], "mirrors": [], "rollout": null, "rewrite": {"prefix": "/v1/"}, "webSocket": null}})
    );
}

/// Reasons and steps are told apart by members, not by words.
#[test]
fn explanations_are_data() {
    let arguments =
        ["explain", "PUT", "https://x.a.test/a/7?q=v", "--client", "10.1.1.1", "-H", "x-a: 1", "-H", "x-b: 2"];
    let taken = printed(&arguments);
    assert_eq!(taken["route"]["name"], "both");
    assert_eq!(taken["route"]["parameters"], json!({"id": "7"}));
    assert_eq!(taken["route"]["match"]["path"], "/a/{id}");
    let others = taken["others"].as_array().unwrap();
    assert_eq!(others[0]["because"][0]["part"], "path");
    assert_eq!(
        (&others[1]["because"][0]["part"], &others[1]["because"][0]["rule"]),
        (&json!("rank"), &json!("scheme"))
    );
    let steps = taken["steps"].as_array().unwrap();
    let limit = steps.iter().find(|step| step["step"] == "rateLimit").unwrap();
    assert_eq!((&limit["name"], &limit["admitted"], &limit["remaining"]), (&json!("few"), &json!(true), &json!(1)));
    assert_eq!(limit["store"], "memory");
    assert!(steps.iter().any(|step| step["step"] == "editHeaders" && step["edits"] == 2), "{taken}");
    assert_eq!(taken["response"]["by"], "upstream");
    assert!(taken["upstream"]["headers"].as_array().unwrap().contains(&json!({"name": "x", "value": "1"})), "{taken}");
    assert_eq!(
        taken["split"][1],
        json!({"upstream": "b", "weight": 3, "percent": 75.0, "shown": true,
        "policies": [{"kind": "requestHeaders", "edits": 1}, {"kind": "responseHeaders", "edits": 2}]})
    );

    let plain = printed(&["explain", "GET", "/old/x"]);
    assert_eq!(plain["split"], json!([]));
    assert_eq!((&plain["response"]["by"], &plain["response"]["status"]), (&json!("gateway"), &json!(308)));
    let header = printed(&["explain", "GET", "https://x.a.test/a/7?q=v", "--client", "10.1.1.1", "-H", "x-a: 1"]);
    let because = &header["others"][0]["because"];
    assert_eq!((&because[0]["part"], &because[0]["name"]), (&json!("header"), &json!("x-b")));
}

/// docs/command-line.md, `routes --json`: the bounds of content, those that are not stated among them.
#[test]
fn routes_tell_the_bounds_of_content() {
    let folder = Folder::new();
    folder.write(
        "gateway.json",
        r#"{"routes": [{"name": "r", "match": {"path": "/"}, "respond": {}, "policies": [{"validate": {"json": {"depth": 3}}}]}]}"#,
    );
    let told: Value = serde_json::from_str(&said(&folder, &["routes", "--json"])).unwrap();
    assert_eq!(
        told[0]["policies"],
        json!([{
            "kind": "validate",
            "contentTypes": ["application/json", "application/*+json"],
            "json": {"depth": 3, "keys": 1000, "items": 10000, "textBytes": 65536},
            "xml": null,
        }])
    );
    let shown = said(&folder, &["routes"]).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(shown.contains("content application/json or application/*+json within bounds of JSON"), "{shown}");
}

/// The names in `text` between `before` and the next quotation mark.
fn names<'t>(text: &'t str, before: &str) -> impl Iterator<Item = &'t str> {
    text.split(before).skip(1).filter_map(|rest| rest.split('"').next())
}

/// The texts of the sources in `folder`, without their tests.
fn sources(folder: &str) -> String {
    let mut all = String::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if let Some(text) = std::fs::read_to_string(path).unwrap().split("#[cfg(test)]").next() {
                all.push_str(text);
            }
        }
    }
    all
}

/// docs/command-line.md: the members of `routes --json` and `explain --json`, and the kinds of policies and steps.
#[test]
fn the_documentation_names_each_member() {
    let page = include_str!("../../../../docs/command-line.md");
    let (routes, explain) = page.split_once("\n`explain --json` prints").unwrap();
    let routes = routes.split_once("\n`routes --json` prints").unwrap().1;
    let is_named = |page: &str, name: &str| {
        [format!("`{name}`"), format!("\"{name}\""), format!("{{\"{name}\"")].iter().any(|name| page.contains(name))
    };

    let listing = include_str!("../../src/cli/listing.rs");
    for name in names(listing, r#""kind": ""#) {
        // Proofs are told of in the configuration's own terms.
        let is_proof = listing.split_once("fn proof(").unwrap().1.contains(&format!(r#""kind": "{name}""#));
        assert!(is_proof || is_named(routes, name), "the kind `{name}` of `routes`");
    }

    let step = include_str!("../../src/cli/explain/step.rs");
    let core = sources("../../gateway-core/src/exec");
    let own = names(step, r#"=> (""#).chain(names(step, r#"step: ""#)).chain(names(&core, r#"policy: ""#));
    let of_constants = ["aggregate", "idempotency", "openapi"].into_iter();
    let of_rules = names(&core, r#"verdict_of(exchange, ""#);
    let mut count = 0;
    for name in own.chain(of_constants).chain(of_rules).filter(|name| !name.contains(' ')) {
        count += 1;
        assert!(is_named(explain, name), "the step `{name}`");
    }
    assert!(count > 25, "{count}: the sources are written otherwise than this test reads them");

    let details = step.split_once("fn details(").unwrap().1.split_once("\n}\n").unwrap().0;
    let members =
        details.split('"').skip(1).step_by(2).filter(|name| name.bytes().all(|byte| byte.is_ascii_alphabetic()));
    let report = printed(&[
        "explain",
        "PUT",
        "https://x.a.test/a/7?q=v",
        "--client",
        "10.1.1.1",
        "-H",
        "x-a: 1",
        "-H",
        "x-b: 2",
    ]);
    let of = |part: &Value| part.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let parts = ["", "route", "upstream", "response"]
        .iter()
        .flat_map(|part| if part.is_empty() { of(&report) } else { of(&report[*part]) });
    let all: Vec<String> = members.map(str::to_owned).chain(parts).chain(of(&report["split"][0])).collect();
    assert!(all.len() > 40, "{all:?}");
    for name in all {
        assert!(is_named(explain, &name), "the member `{name}`");
    }
}
