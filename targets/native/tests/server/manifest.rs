//! `edgeway check` beside a platform's manifest: what the file uses has to be declared there.

use std::process::Command;

use serde_json::Value;

use crate::support::Folder;

/// The paths, messages and helps of the mistakes that `check` finds in `folder` for `target`.
fn mistakes(folder: &Folder, target: &str) -> Vec<[String; 3]> {
    let mut edgeway = Command::new(env!("CARGO_BIN_EXE_edgeway"));
    let output = edgeway.args(["check", "--json", "--target", target]).current_dir(&folder.0).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mistakes = report["mistakes"].as_array().unwrap();
    assert_eq!(output.status.success(), mistakes.is_empty(), "{output:?}");
    let member = |mistake: &Value, name: &str| mistake[name].as_str().unwrap_or_default().to_owned();
    mistakes.iter().map(|mistake| ["path", "message", "help"].map(|name| member(mistake, name))).collect()
}

const EVERYTHING: &str = r#"{
    "upstreams": {
        "users": {"url": "http://users.internal:8080/v1", "cloudflare": {"service": "USERS"}, "spin": {"component": "users"}},
        "orders": {"url": "https://orders.example.com"}
    },
    "policies": {"limit": {"rateLimit": {"limit": 5, "window": "1m"}}},
    "routes": [
        {"name": "users", "match": {"prefix": "/users"}, "upstream": "users", "policies": ["limit",
            {"request": {"headers": {"set": {"x-key": {"secret": "API_TOKEN"}}}}}]},
        {"name": "orders", "match": {"prefix": "/orders"}, "upstream": "orders"},
        {"name": "flags", "match": {"path": "/flags/{name}"}, "keyValue": {"key": "{path.name}"}}
    ]
}"#;

const SPIN: &str = r#"
spin_manifest_version = 2
[component.edgeway]
source = "edgeway.wasm"
files = [{ source = "target/spin", destination = "/" }]
"#;

#[test]
fn spin_toml_declares_what_the_file_uses() {
    let folder = Folder::new();
    folder.write("gateway.json", EVERYTHING);
    folder.write("spin.toml", SPIN);
    let found = mistakes(&folder, "spin");
    let said: Vec<_> = found.iter().map(|[path, message, _]| (path.as_str(), message.as_str())).collect();
    assert_eq!(
        said,
        [
            ("upstreams.users.spin", "`spin.toml` does not let the component call `http://users.spin.internal`"),
            ("upstreams.users.spin.component", "`spin.toml` has no component `users`"),
            ("upstreams.orders.url", "`spin.toml` does not let the component call `https://orders.example.com`"),
            ("policies.limit.rateLimit", "`spin.toml` does not give the component a store for counters"),
            (
                "routes[0].policies[1].request.headers.set.x-key.secret",
                "`spin.toml` does not give the component the secret `API_TOKEN`"
            ),
            ("routes[2].keyValue", "`spin.toml` does not give the component a store for values"),
        ]
    );
    // The lines to add are those that mend it.
    let secret = &found[4][2];
    assert_eq!(
        secret,
        "add `api_token = { required = true, secret = true }` under `[variables]`, and `api_token = \"{{ api_token }}\"` \
         under `[component.edgeway.variables]`"
    );
    let mended = format!(
        "{SPIN}key_value_stores = [\"default\"]\nsqlite_databases = [\"default\"]\n\
         allowed_outbound_hosts = [\"http://*.spin.internal\", \"https://*.example.com\"]\n\
         [component.edgeway.variables]\napi_token = \"{{{{ api_token }}}}\"\n\
         [variables]\napi_token = {{ required = true, secret = true }}\n[component.users]\nsource = \"users.wasm\"\n"
    );
    folder.write("spin.toml", &mended);
    assert_eq!(mistakes(&folder, "spin"), Vec::<[String; 3]>::new());
    // A variable that is given on, but not declared.
    folder.write("spin.toml", &mended.replace("[variables]\napi_token = {", "[variables]\nother = {"));
    assert_eq!(
        mistakes(&folder, "spin")[0][2],
        "add `api_token = { required = true, secret = true }` under `[variables]`"
    );
}

#[test]
fn wrangler_s_manifest_declares_what_the_file_uses() {
    let folder = Folder::new();
    folder.write("gateway.json", EVERYTHING);
    folder.write("wrangler.toml", "name = \"edgeway\"\n");
    let found = mistakes(&folder, "cloudflare");
    let said: Vec<_> = found.iter().map(|[path, message, _]| (path.as_str(), message.as_str())).collect();
    assert_eq!(
        said,
        [
            ("upstreams.users.cloudflare.service", "`wrangler.toml` has no service binding `USERS`"),
            ("policies.limit.rateLimit", "`wrangler.toml` has no binding `COUNTERS` for counters"),
            ("routes[2].keyValue", "`wrangler.toml` has no binding `KEY_VALUE` for values"),
        ]
    );
    assert!(found[0][2].contains("`[[services]]` with `binding = \"USERS\"`"), "{found:?}");
    // The same in JSON, with comments and a trailing comma; wrangler takes it before the other.
    folder.write(
        "wrangler.jsonc",
        r#"{
            // the stores
            "durable_objects": {"bindings": [{"name": "COUNTERS", "class_name": "CounterCell"}]},
            "kv_namespaces": [{"binding": "KEY_VALUE"}],
            "services": [{"binding": "USERS", "service": "users"}], /* the secrets */
            "secrets": {"required": ["OTHER"]},
        }"#,
    );
    let found = mistakes(&folder, "cloudflare");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0][1], "`wrangler.jsonc` does not list the secret `API_TOKEN`");
}

#[test]
fn a_manifest_that_can_t_be_read_is_a_mistake() {
    let folder = Folder::new();
    folder.write("gateway.json", EVERYTHING);
    folder.write("spin.toml", "component = ");
    assert!(mistakes(&folder, "spin")[0][1].starts_with("`spin.toml` can't be used: "));
    // Nothing is known of a manifest that is not there.
    folder.write("spin.toml", "[application]\nname = \"other\"\n");
    assert_eq!(mistakes(&folder, "spin"), Vec::<[String; 3]>::new());
}

/// docs/platforms.md: stored responses are in the key-value store.
#[test]
fn a_cache_needs_the_store_for_values() {
    let folder = Folder::new();
    folder.write(
        "gateway.json",
        r#"{"upstreams": {"a": {"url": "https://a.example"}},
            "routes": [{"name": "a", "match": {"path": "/"}, "upstream": "a", "policies": [{"cache": {}}]}]}"#,
    );
    folder.write("wrangler.toml", "name = \"edgeway\"\n");
    let found = mistakes(&folder, "cloudflare");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0][0], "routes[0].policies[0].cache");
    assert_eq!(found[0][1], "`wrangler.toml` has no binding `KEY_VALUE` for values");
}

/// An upstream may be for some platforms alone; the others say so.
#[test]
fn an_upstream_without_a_url_is_for_its_platforms() {
    let folder = Folder::new();
    folder.write(
        "gateway.json",
        r#"{"upstreams": {"users": {"cloudflare": {"service": "USERS"}}},
            "routes": [{"name": "r", "match": {"prefix": "/"}, "upstream": "users"}]}"#,
    );
    assert_eq!(mistakes(&folder, "cloudflare"), Vec::<[String; 3]>::new());
    let [[path, message, help]] = mistakes(&folder, "native").try_into().unwrap();
    assert_eq!(
        (path.as_str(), message.as_str()),
        ("upstreams.users", "on the native server, an upstream is called by its URL")
    );
    assert!(help.contains("`\"url\": "), "{help}");
    assert_eq!(mistakes(&folder, "spin").len(), 1);
}

/// docs/configuration.md, Policies, `binding`: the manifest declares the binding; a limit that has one needs no Durable Object.
#[test]
fn a_rate_limiter_is_declared() {
    let folder = Folder::new();
    folder.write(
        "gateway.json",
        r#"{"routes": [{"name": "a", "respond": {}, "policies": [
            {"rateLimit": {"limit": 100, "window": "60s", "binding": "API_LIMITER"}}]}]}"#,
    );
    folder.write("wrangler.toml", "name = \"edgeway\"\n");
    let found = mistakes(&folder, "cloudflare");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0][0], "routes[0].policies[0].rateLimit.binding");
    assert_eq!(found[0][1], "`wrangler.toml` has no RateLimiter binding `API_LIMITER`");
    let declared = "name = \"edgeway\"\n[[ratelimits]]\nname = \"API_LIMITER\"\nnamespace_id = \"1\"\nsimple = { limit = 100, period = 60 }\n";
    folder.write("wrangler.toml", declared);
    assert_eq!(mistakes(&folder, "cloudflare"), Vec::<[String; 3]>::new());
}
