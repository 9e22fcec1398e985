//! `edgeway versions`, and how the commands tell of versions (docs/configuration.md, Versions of an API).

use std::process::Command;

use crate::commands::said;
use crate::support::{Folder, Program, Wire, wait_until};

const CONFIG: &str = r#"{
    "server": {"listen": "127.0.0.1:0", "admin": "127.0.0.1:0"}, "accessLog": {"format": "json"},
    "apis": [
        {"name": "orders", "prefix": "/orders",
         "versions": {"from": [{"path": "v{version}"}, {"header": "api-version"}],
                      "list": {"1": {"deprecated": "2001-01-01", "sunset": "2099-01-01", "successor": "2"}, "2": {}}},
         "routes": [{"name": "all", "respond": {"body": "{api.version}"}}]},
        {"name": "users", "prefix": "/users", "versions": {"default": "a", "list": {"a": {}}}, "routes": [{"name": "all", "respond": {}}]}]}"#;

/// docs/configuration.md, Who still calls a version.
#[test]
fn the_command_tells_who_still_calls_a_version() {
    let folder = Folder::new();
    folder.write("gateway.json", CONFIG);
    let program = Program::run(&["serve", "gateway.json", "--threads", "2"], &folder.0);
    program.wait_for_message("admin endpoints on http://");
    let messages = program.messages();
    let after = |part: &str| messages.split_once(part).unwrap().1.split_whitespace().next().unwrap().to_owned();
    let (address, admin) = (after(" on http://"), after("admin endpoints on http://"));
    let mut wire = Wire::connect(address.parse().unwrap());
    for (path, field) in [("/orders/v1", "x: y"), ("/orders/v1/7", "x: y"), ("/orders", "api-version: 2")] {
        let asked = format!("GET {path} HTTP/1.1\r\nHost: a.test\r\n{field}\r\n\r\n");
        assert_eq!(wire.ask(&asked).unwrap().0, 200, "{path}");
    }
    wait_until("the requests are counted", || versions(&admin, &[]).contains("  2 requests\norders  2  1 request"));
    assert_eq!(
        versions(&admin, &["--api", "orders"]),
        "orders  1  deprecated 2001-01-01T00:00:00Z  gone 2099-01-01T00:00:00Z  followed by 2  2 requests\n\
         orders  2  1 request\n"
    );
    assert!(versions(&admin, &[]).ends_with("users  a  0 requests\n"));
    let unknown = |name: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_edgeway"));
        let output = command.args(["versions", "--admin", &format!("http://{admin}"), "--api", name]).output().unwrap();
        assert_eq!((output.status.code(), &*output.stdout), (Some(1), &b""[..]));
        String::from_utf8(output.stderr).unwrap()
    };
    assert_eq!(unknown("order"), "error: no API `order` has versions: did you mean `orders`?\n");
    assert_eq!(unknown("nope"), "error: no API `nope` has versions\n");
    let told: serde_json::Value = serde_json::from_str(&versions(&admin, &["--api", "orders", "--json"])).unwrap();
    assert_eq!(told["versions"][0]["requests"], 2);
    assert_eq!(told["versions"].as_array().unwrap().len(), 2);
    assert_eq!(program.logged("/orders/v1/7")["version"], "1");
}

fn versions(admin: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgeway"));
    let output = command.args(["versions", "--admin", &format!("http://{admin}")]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// docs/command-line.md: `routes` and `explain` show the conditions of a route, and what becomes of a request.
#[test]
fn routes_and_explain_show_the_version() {
    let folder = Folder::new();
    folder.write("gateway.json", CONFIG);
    let routes = said(&folder, &["routes"]);
    assert!(routes.contains("/orders/v1/*") && routes.contains("version = `2`"), "{routes}");
    let listed: serde_json::Value = serde_json::from_str(&said(&folder, &["routes", "--json"])).unwrap();
    let listed: Vec<_> = listed.as_array().unwrap().iter().map(|route| &route["match"]["version"]).collect();
    assert_eq!(listed.len(), 5);
    assert!(listed.iter().all(|version| version.is_string()));
    let by_path = said(&folder, &["explain", "GET", "/orders/v2/x"]);
    assert!(by_path.contains("version `2` of `orders`, by the path"), "{by_path}");
    let by_field = said(&folder, &["explain", "GET", "/orders", "-H", "api-version: 1"]);
    assert!(by_field.contains("version `1` of `orders`"), "{by_field}");
    let unknown = said(&folder, &["explain", "GET", "/orders", "-H", "api-version: 3"]);
    assert!(unknown.contains("version_not_found"), "{unknown}");
    assert!(unknown.contains("it is of version `2`, and the request asks for version `3`"), "{unknown}");
    let checked = Command::new(env!("CARGO_BIN_EXE_edgeway")).arg("check").current_dir(&folder.0).output().unwrap();
    assert!(String::from_utf8_lossy(&checked.stdout).contains("2 routes"));
}
