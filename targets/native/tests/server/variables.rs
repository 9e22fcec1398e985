//! Values from the environment on the command line (docs/configuration.md, Variables).

use std::process::{Command, Output};

use crate::support::Folder;

/// What `edgeway` says to `arguments`, started in `folder`.
fn edgeway(folder: &Folder, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_edgeway")).args(arguments).current_dir(&folder.0).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

const CONFIG: &str = r#"{
  // Where the users are differs.
  "upstreams": { "users": { "url": "${VARIABLES_TEST_URL}", "host": { "set": "${VARIABLES_TEST_HOST:-users.test}" } } },
  "routes": [{ "name": "users", "match": { "path": "/users" }, "upstream": "users" }],
}"#;

#[test]
fn a_check_does_without_the_environment_and_says_what_it_lacks() {
    let folder = Folder::new();
    folder.write("gateway.json", CONFIG);
    let output = edgeway(&folder, &["check"]);
    assert!(output.status.success(), "{output:?}");
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(err.contains("the variable `VARIABLES_TEST_URL` is not set here"), "{err}");
    assert!(err.contains("--env VARIABLES_TEST_URL=") && !err.contains("VARIABLES_TEST_HOST"), "{err}");
    assert!(out.contains("as far as its variables are known"), "{out}");
    let report: serde_json::Value = serde_json::from_slice(&edgeway(&folder, &["check", "--json"]).stdout).unwrap();
    assert_eq!(report["missingVariables"], serde_json::json!(["VARIABLES_TEST_URL"]));
    assert_eq!(report["mistakes"], serde_json::json!([]));

    // All else is checked all the same.
    folder.write("gateway.json", &CONFIG.replace("\"/users\"", "\"users\""));
    let output = edgeway(&folder, &["check"]);
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("`users` does not begin with `/`"));
}

#[test]
fn a_variable_given_to_a_command_is_checked_and_used() {
    let folder = Folder::new();
    folder.write("gateway.json", CONFIG);
    let with = |command: &[&str], url: &str| {
        let variable = format!("VARIABLES_TEST_URL={url}");
        edgeway(&folder, &[command, &["--env", &variable]].concat())
    };
    let output = with(&["check"], "ftp://a=b.test");
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("`ftp://a=b.test`"), "{output:?}");
    let output = with(&["check"], "http://a.test:7101");
    assert!(output.status.success() && text(&output.stdout).contains("1 route, good for"), "{output:?}");
    assert!(with(&["routes"], "http://a.test").status.success());
    let output = with(&["explain", "GET", "/users"], "http://a.test:7101");
    assert!(text(&output.stdout).contains("a.test:7101"), "{output:?}");
    let output = edgeway(&folder, &["routes"]);
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("the variable `VARIABLES_TEST_URL` is not set"), "{output:?}");
}

#[test]
fn a_server_takes_variables_from_its_environment_and_refuses_to_start_without() {
    let folder = Folder::new();
    folder.write("gateway.json", CONFIG);
    let output = edgeway(&folder, &["serve"]);
    assert!(!output.status.success());
    let said = text(&output.stderr);
    assert!(said.contains("error: the variable `VARIABLES_TEST_URL` is not set"), "{said}");
    assert!(said.contains("gateway.json:3:36") && said.contains("`${VARIABLES_TEST_URL:-…}`"), "{said}");
}

/// docs/configuration.md: the name by which editors know that there may be comments.
#[test]
fn gateway_jsonc_is_taken_where_there_is_no_gateway_json() {
    let folder = Folder::new();
    folder.write("gateway.jsonc", CONFIG);
    let said = text(&edgeway(&folder, &["check"]).stdout);
    assert!(said.starts_with("ok gateway.jsonc:"), "{said}");
    folder.write("gateway.json", CONFIG);
    assert!(text(&edgeway(&folder, &["check"]).stdout).starts_with("ok gateway.json:"));
}
