//! The commands that serve nothing.

use std::process::{Command, Output};

use crate::support::Folder;

/// What `edgeway` says to `arguments`, started in `folder`.
fn edgeway(folder: &Folder, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_edgeway")).args(arguments).current_dir(&folder.0).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What it prints.
fn said(folder: &Folder, arguments: &[&str]) -> String {
    text(&edgeway(folder, arguments).stdout)
}

const ROUTES: &str = r#"{"policies": {"browser": {"cors": {"origins": ["*"]}}}, "routes": [
    {"name": "put", "match": {"path": "/x/{id}", "methods": ["PUT"]}, "respond": {}, "policies": ["browser"]},
    {"name": "all", "match": {"path": "/all"}, "respond": {}},
    {"name": "header", "match": {"path": "/all", "headers": {"x-a": "1"}}, "respond": {}}]}"#;

#[test]
fn explain_says_why_a_method_is_not_taken() {
    let folder = Folder::new();
    folder.write("gateway.json", ROUTES);
    for method in ["FOO", "TRACE"] {
        let said = said(&folder, &["explain", method, "/all"]);
        assert!(said.contains(&format!("all     the gateway takes no {method}\n")), "{said}");
        assert!(said.contains(&format!("`/all` is not `/x/{{id}}`; {method} is not among PUT\n")), "{said}");
    }
}

#[test]
fn explain_names_the_route_that_answers_a_preflight() {
    let folder = Folder::new();
    folder.write("gateway.json", ROUTES);
    let preflight = |path| {
        said(
            &folder,
            &[
                "explain",
                "OPTIONS",
                path,
                "-H",
                "Origin: https://a.example",
                "-H",
                "Access-Control-Request-Method: PUT",
            ],
        )
    };
    let said = preflight("/x/5");
    assert!(said.contains("route  put /x/{id} at routes[0]\n       id = 5\n"), "{said}");
    assert!(said.contains("  preflight  answered from the route's cross-origin rules\n"), "{said}");
    // The method that counts is the one that it announces.
    assert!(said.contains("  all     `/x/5` is not `/all`\n"), "{said}");
    // A preflight has none of the fields that the request will have.
    assert!(said.contains("  header  `/x/5` is not `/all`\n"), "{said}");
}

#[test]
fn explain_says_what_answers_a_plain_options() {
    let folder = Folder::new();
    folder.write("gateway.json", ROUTES);
    let said = said(&folder, &["explain", "OPTIONS", "/x/5"]);
    assert!(said.contains("  options  answered with the methods that are taken here\n"), "{said}");
    assert!(said.contains("response  204 by the gateway\n"), "{said}");
}
