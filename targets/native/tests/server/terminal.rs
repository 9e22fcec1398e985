//! What a terminal is shown, which `script` of util-linux opens.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use crate::support::{Folder, Wire};

const CONFIG: &str = r#"{"server": {"listen": "127.0.0.1:0"},
    "routes": [{"name": "a", "match": {"path": "/a"}, "respond": {"body": "hi"}}]}"#;

/// `edgeway` with `arguments` on a terminal of its own; it prints what the terminal is sent.
fn on_terminal(folder: &Folder, arguments: &str) -> Command {
    let mut command = Command::new("script");
    let program = format!("{} {arguments}", env!("CARGO_BIN_EXE_edgeway"));
    command.args(["-qefc", &program, "/dev/null"]).current_dir(&folder.0).stdin(Stdio::null());
    command.env("TERM", "xterm-256color").env_remove("NO_COLOR");
    command
}

fn printed(command: &mut Command) -> String {
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

/// no-color.org; terminfo(5) has no colours for `dumb`. docs/command-line.md, `check`.
#[test]
fn a_terminal_is_coloured_unless_it_is_dumb_or_colour_is_not_wanted() {
    let folder = Folder::new();
    folder.write("gateway.json", CONFIG);
    folder.write("bad.json", "{\"nam\": 1}");
    folder.write("edit.json", "[{\"wrap\": \"a\"}]");
    let transform = ["transform bad.json --edit edit.json", "transform bad.json --edit edit.json --steps"];
    for arguments in ["routes", "check", "explain GET /a", "check bad.json"].into_iter().chain(transform) {
        let coloured = printed(&mut on_terminal(&folder, arguments));
        assert!(coloured.contains("\x1b["), "{arguments}: {coloured}");
        for (name, value) in [("TERM", "dumb"), ("NO_COLOR", "1")] {
            let plain = printed(on_terminal(&folder, arguments).env(name, value));
            assert!(!plain.is_empty() && !plain.contains('\x1b'), "{arguments}: {plain}");
        }
        // An empty NO_COLOR counts as none.
        assert!(printed(on_terminal(&folder, arguments).env("NO_COLOR", "")).contains("\x1b["));
    }
}

/// docs/configuration.md, Access log: without a `format`, people read it on a terminal.
#[test]
fn the_access_log_on_a_terminal_is_for_people_unless_a_form_is_stated() {
    let stated = CONFIG.replacen('{', r#"{"accessLog": {"format": "json"},"#, 1);
    for (config, part) in [(CONFIG, " 200 GET "), (&stated, r#""status":200"#)] {
        let folder = Folder::new();
        folder.write("gateway.json", config);
        let mut child = on_terminal(&folder, "serve").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let address =
            lines.find_map(|line| line.trim().split_once(" on http://").map(|(_, address)| address.to_owned()));
        let answer = Wire::connect(address.unwrap().parse().unwrap()).ask("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
        let logged = lines.find(|line| line.contains("/a"));
        // Ctrl-C, which the terminal turns into a signal.
        child.stdin.take().unwrap().write_all(b"\x03").unwrap();
        child.wait().unwrap();
        assert_eq!(answer.unwrap().0, 200);
        assert!(logged.as_ref().is_some_and(|line| line.contains(part)), "{logged:?}");
    }
}

/// A terminal breaks lines within words; the program breaks them between words.
#[test]
fn a_long_message_is_broken_between_words_on_a_terminal_alone() {
    let folder = Folder::new();
    folder.write("bad.json", r#"{"defaults": {"timeouts": {"firstByte": 30}}, "routes": []}"#);
    let words = "expected a duration such as `500ms`, `5s`, `1m`, `2h` or `30d`, found a";
    let said = printed(Command::new("script").current_dir(&folder.0).stdin(Stdio::null()).env("NO_COLOR", "1").args([
        "-qefc",
        &format!("stty cols 80 rows 24; {} check bad.json", env!("CARGO_BIN_EXE_edgeway")),
        "/dev/null",
    ]));
    assert!(said.contains(&format!("error: {words}\r\n    number\r\n")), "{said}");
    assert!(said.lines().all(|line| line.trim_end().chars().count() <= 80), "{said}");
    let mut piped = Command::new(env!("CARGO_BIN_EXE_edgeway"));
    let piped = piped.args(["check", "bad.json"]).current_dir(&folder.0).output().unwrap();
    assert!(String::from_utf8(piped.stderr).unwrap().contains(&format!("{words} number\n")));
}

/// Routes with much to say.
const WIDE: &str = r#"{
    "upstreams": {
        "accounts-service-production": {"url": "http://accounts.internal.example.com:8080"},
        "accounts-service-canary": {"url": "http://canary.accounts.internal.example.com:8080"}},
    "policies": {"browser": {"cors": {"origins": ["https://app.example.com"]}}},
    "apis": [{"name": "organisations", "hosts": ["api.production.example.com"], "prefix": "/organisations/v2",
        "upstream": "accounts-service-production", "policies": ["browser"], "routes": [
        {"name": "list-members-of-one", "match": {"methods": ["GET", "POST", "PUT"],
            "path": "/{organisation}/departments/{department}/members/{member}",
            "headers": {"x-api-version": {"oneOf": ["2024-01-01", "2024-06-01", "2025-01-01"]}}}},
        {"name": "all", "match": {"prefix": "/"}}]}],
    "routes": [
        {"name": "canary", "match": {"prefix": "/v1"}, "split": [
            {"upstream": "accounts-service-production", "weight": 90}, {"upstream": "accounts-service-canary", "weight": 10}]},
        {"name": "hello", "match": {"path": "/hello"}, "respond": {"body": "hello"}}]}"#;

/// docs/command-line.md: on a terminal no line is wider than it.
#[test]
fn no_command_prints_a_line_that_is_wider_than_its_terminal() {
    let folder = Folder::new();
    folder.write("gateway.json", WIDE);
    let url = "http://api.production.example.com/organisations/v2/acme/departments/sales/members/ada?expand=department";
    let agent = "user-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0";
    let explain = format!("explain GET '{url}' -H 'x-api-version: 2024-06-01' -H '{agent}'");
    let commands =
        ["routes", "check", "explain GET /nothing", "--help", "check --help", "explain --help", "serve --help"];
    for columns in [60, 80] {
        for arguments in commands.iter().copied().chain([explain.as_str()]) {
            let program = format!("stty cols {columns} rows 24; {} {arguments}", env!("CARGO_BIN_EXE_edgeway"));
            let mut command = Command::new("script");
            command.args(["-qefc", &program, "/dev/null"]).current_dir(&folder.0).stdin(Stdio::null());
            let said = printed(command.env("NO_COLOR", "1"));
            let widest = said.lines().map(|line| line.trim_end().chars().count()).max().unwrap_or_default();
            assert!(said.len() > 20 && widest <= columns, "{arguments}: {widest} columns\n{said}");
        }
    }
}

/// docs/command-line.md, `routes`: one wide route does not take the columns from the others.
#[test]
fn a_route_that_is_too_wide_for_the_terminal_stands_on_lines_of_its_own() {
    let folder = Folder::new();
    folder.write("gateway.json", WIDE);
    let program = format!("stty cols 80 rows 24; {} routes", env!("CARGO_BIN_EXE_edgeway"));
    let mut command = Command::new("script");
    command.args(["-qefc", &program, "/dev/null"]).current_dir(&folder.0).stdin(Stdio::null());
    let said = printed(command.env("NO_COLOR", "1")).replace('\r', "");
    assert!(said.contains("  method  host  path    action       route\n"), "{said}");
    assert!(said.contains("\n  *       *     /hello  respond 200  hello\n"), "{said}");
    assert!(said.contains("\n  GET, POST, PUT  api.production.example.com\n      /organisations/v2/{"), "{said}");
}
