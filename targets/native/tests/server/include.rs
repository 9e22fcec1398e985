//! Configurations in several files (docs/configuration.md, Several files).

use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{Folder, Program, get, wait_until};

/// What `edgeway` says to `arguments`, started in `folder`.
fn edgeway(folder: &Folder, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_edgeway")).args(arguments).current_dir(&folder.0).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn respond(name: &str, body: &str) -> String {
    format!(
        "// the route {name}\n{{\"routes\": [{{\"name\": \"{name}\", \"match\": {{\"path\": \"/{name}\"}}, \"respond\": {{\"body\": \"{body}\"}}}}]}}"
    )
}

const MAIN: &str = r#"{"server": {"listen": "127.0.0.1:0"}, "include": ["routes/*.json"],
    "routes": [{"name": "root", "match": {"path": "/"}, "respond": {"body": "main"}}]}"#;

/// A folder with the configuration in `conf` and routes in `conf/routes`.
fn split() -> Folder {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.0.join("conf/routes")).unwrap();
    folder.write("conf/gateway.json", MAIN);
    folder.write("conf/routes/a.json", &respond("a", "one"));
    folder.write("conf/routes/b.json", &respond("b", "two"));
    folder.write("conf/routes/.c.json", "hidden");
    folder
}

const FILE: &str = "conf/gateway.json";

#[test]
fn every_command_knows_the_routes_of_all_files() {
    let folder = split();
    let output = edgeway(&folder, &["check", FILE]);
    assert!(text(&output.stdout).contains("3 routes, good for"), "{output:?}");
    let output = edgeway(&folder, &["routes", FILE, "--json"]);
    let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(listed.to_string().contains("\"/b\""), "{listed}");
    let output = edgeway(&folder, &["explain", "GET", "/b", FILE]);
    assert!(text(&output.stdout).contains("route  b /b"), "{output:?}");
    // One text of all, for platforms that read one.
    let output = edgeway(&folder, &["compose", FILE]);
    assert!(output.status.success());
    folder.write("whole.json", &text(&output.stdout));
    let output = edgeway(&folder, &["check", "whole.json", "--target", "native,spin,cloudflare"]);
    assert!(text(&output.stdout).contains("3 routes, good for"), "{output:?}");
    let script = text(&edgeway(&folder, &["completions", "bash"]).stdout);
    assert!(script.contains("compose"), "{script}");
}

#[test]
fn a_mistake_points_into_the_included_file_in_every_format() {
    let folder = split();
    folder.write("conf/routes/b.json", &respond("b", "two").replace("\"/b\"", "\"b\""));
    for command in [&["check", FILE][..], &["routes", FILE], &["serve", FILE], &["explain", "GET", "/", FILE]] {
        let output = edgeway(&folder, command);
        assert!(!output.status.success());
        let said = text(&output.stderr);
        assert!(said.contains("┌ conf/routes/b.json:2:45  routes[0].match.path\n"), "{command:?}: {said}");
        assert!(said.contains("│ {\"routes\": [{\"name\": \"b\", \"match\": {\"path\": \"b\"}"), "{said}");
    }
    let report: Value = serde_json::from_slice(&edgeway(&folder, &["check", FILE, "--json"]).stdout).unwrap();
    assert_eq!(report["mistakes"][0]["file"], "conf/routes/b.json");
    assert_eq!((&report["mistakes"][0]["line"], &report["file"]), (&2.into(), &FILE.into()));
    let said = text(&edgeway(&folder, &["check", FILE, "--format", "github"]).stdout);
    assert!(said.starts_with("::error file=conf/routes/b.json,line=2,col=45,endLine=2,endColumn=48::"), "{said}");
    let sarif: Value = serde_json::from_slice(&edgeway(&folder, &["check", FILE, "--format", "sarif"]).stdout).unwrap();
    let place = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "conf/routes/b.json", "{sarif}");
    // A warning does, too.
    folder.write("conf/routes/b.json", "{\n\"policies\": {\"idle\": {}}}");
    let said = text(&edgeway(&folder, &["check", FILE]).stderr);
    assert!(said.contains("conf/routes/b.json:2:22  policies.idle"), "{said}");
}

#[test]
fn nothing_outside_the_folder_is_included() {
    let folder = split();
    folder.write("secret.json", "{}");
    std::os::unix::fs::symlink(folder.0.join("secret.json"), folder.0.join("conf/routes/link.json")).unwrap();
    std::os::unix::fs::symlink(folder.0.join("conf/routes/a.json"), folder.0.join("conf/inside.json")).unwrap();
    let absolute = folder.0.join("secret.json");
    let cases = [
        ("../secret.json", "`../secret.json` leads out of the configuration's folder"),
        ("routes/../../secret.json", "leads out of the configuration's folder"),
        (absolute.to_str().unwrap(), "leads out of the configuration's folder"),
        ("routes/link.json", "conf/routes/link.json is a link that leads out of the configuration's folder"),
        ("routes/l*.json", "conf/routes/link.json is a link that leads out of the configuration's folder"),
        ("routes/none.json", "there is no file `conf/routes/none.json`"),
        ("none/*.json", "there is no folder for `none/*.json`"),
        ("*/a.json", "`*` stands for a part of a file's name"),
        ("routes/${X}.json", "takes no variables"),
        ("routes", "`conf/routes` is a folder, not a file"),
        ("routes", "write `routes/*.json` for the files in it"),
        ("routes/aa.json", "did you mean `routes/a.json`?"),
        ("", "names no file"),
    ];
    for (written, message) in cases {
        folder.write(FILE, &MAIN.replace("routes/*.json", written));
        let output = edgeway(&folder, &["check", FILE]);
        let said = text(&output.stderr);
        assert!(!output.status.success() && said.contains(message), "{written}: {said}");
        assert!(said.contains("conf/gateway.json:1:51  include[0]"), "{written}: {said}");
    }
    folder.write(FILE, &MAIN.replace("routes/*.json", "inside.json"));
    assert!(edgeway(&folder, &["check", FILE]).status.success(), "a link within the folder");
    // The configuration itself and what was there before are left out.
    folder.write(
        "conf/routes/gateway.json",
        &MAIN.replace("routes/*", "*").replace("\"routes\": [", "\"routes\": [],\"apis\": ["),
    );
    std::fs::remove_file(folder.0.join("conf/routes/link.json")).unwrap();
    folder.write("conf/routes/gateway.json", &MAIN.replace("\"routes/*.json\"", "\"*.json\", \"./a.json\""));
    let output = edgeway(&folder, &["check", "conf/routes/gateway.json"]);
    assert!(text(&output.stdout).contains("3 routes, good for"), "{output:?}");
}

#[test]
fn a_pattern_without_files_is_warned_of() {
    let folder = split();
    folder.write(FILE, &MAIN.replace("*.json", "*.jsonc"));
    let output = edgeway(&folder, &["check", FILE]);
    assert!(output.status.success());
    assert!(text(&output.stderr).contains("warning: no file matches `routes/*.jsonc`"), "{output:?}");
}

#[test]
fn a_change_of_any_file_and_a_new_one_are_loaded() {
    let folder = split();
    let gateway = Program::serve(&folder.0.join(FILE));
    let answer = |path: &str| {
        let mut wire = crate::support::Wire::connect(gateway.address);
        wire.ask(&format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).unwrap()
    };
    assert_eq!(get(gateway.address).1, "main");
    assert_eq!(answer("/a").1, "one");
    let next = folder.write("conf/routes/next", &respond("a", "three"));
    std::fs::rename(next, folder.0.join("conf/routes/a.json")).unwrap();
    wait_until("a change", || answer("/a").1 == "three");
    folder.write("conf/routes/d.json", &respond("d", "four"));
    wait_until("a new file", || answer("/d").0 == 200);
    // A wrong one is told with its name, and what was served is served on.
    folder.write("conf/routes/d.json", "{\"routes\": [{}]}");
    gateway.wait_for_message("conf/routes/d.json:1:13");
    assert_eq!(answer("/d").1, "four");
    std::fs::remove_file(folder.0.join("conf/routes/d.json")).unwrap();
    wait_until("the end of a file", || answer("/d").0 == 404);
}
