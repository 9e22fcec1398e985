//! The commands that serve nothing.

use std::process::{Command, Output};

use crate::support::{Folder, wait_until};

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

const NATIVE_ONLY: &str = r#"{"upstreams": {"a": {"url": "https://a.test", "host": "preserve", "timeouts": {"connect": "1s"}}},
    "routes": [{"name": "r", "match": {"path": "/"}, "upstream": "a"}]}"#;

#[test]
fn check_is_for_the_platforms_whose_manifests_are_there() {
    let folder = Folder::new();
    folder.write("gateway.json", NATIVE_ONLY);
    let output = edgeway(&folder, &["check"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "ok gateway.json: 1 route, good for the native server\n");

    folder.write("spin.toml", "");
    let output = edgeway(&folder, &["check"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.starts_with("error: on Spin, every upstream is sent its own host\n"), "{said}");
    assert!(said.ends_with("gateway.json: 1 mistake\n"), "{said}");

    // Whatever lies beside it, `--target` says what counts.
    assert!(edgeway(&folder, &["check", "--target", "native"]).status.success());
}

#[test]
fn what_several_platforms_refuse_is_one_mistake() {
    let folder = Folder::new();
    folder.write("gateway.json", NATIVE_ONLY);
    folder.write("spin.toml", "");
    folder.write("wrangler.toml", "");
    let said = text(&edgeway(&folder, &["check"]).stderr);
    let lines: Vec<_> = said.lines().filter(|line| line.starts_with("error")).collect();
    assert_eq!(
        lines,
        [
            "error: on Cloudflare Workers and Spin, every upstream is sent its own host",
            "error: Cloudflare Workers can't tell connecting from waiting for the response",
        ]
    );
    assert!(said.ends_with("gateway.json: 2 mistakes\n") && !said.contains("alone"), "{said}");

    folder.write("gateway.json", &NATIVE_ONLY.replace("https://a.test", "ftp://Spin"));
    let json = text(&edgeway(&folder, &["check", "--json", "--target", "cloudflare,spin"]).stdout);
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    let first = &report["mistakes"][0];
    assert_eq!(first["message"], "`ftp://Spin` is not an `http` or `https` URL");
    assert_eq!(first["targets"], serde_json::json!(["cloudflare", "spin"]));
}

#[test]
fn warnings_refuse_nothing() {
    let folder = Folder::new();
    folder.write("gateway.json", &ROUTES.replace(r#""policies": ["browser"]"#, r#""policies": [{}]"#));
    let output = edgeway(&folder, &["check"]);
    assert!(output.status.success());
    let said = text(&output.stderr);
    assert!(
        said.contains("warning: nothing uses `browser`\n") && said.contains("warning: the policy does nothing\n"),
        "{said}"
    );
    let report: serde_json::Value = serde_json::from_slice(&edgeway(&folder, &["check", "--json"]).stdout).unwrap();
    assert_eq!((report["mistakes"].as_array().unwrap().len(), report["warnings"].as_array().unwrap().len()), (0, 2));
    assert_eq!(report["warnings"][0]["severity"], "warning");
}

#[test]
fn check_reads_the_files_that_serve_will() {
    let folder = Folder::new();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    folder.write("cert.pem", &made.cert.pem());
    folder.write("key.pem", &made.signing_key.serialize_pem());
    folder
        .write("other.pem", &rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap().signing_key.serialize_pem());
    folder.write("text.pem", "no certificate");
    let check = |certificate: &str, key: &str, authorities: &str| {
        folder.write(
            "gateway.json",
            &format!(
                r#"{{"server": {{"tls": {{"certificate": "{certificate}", "key": "{key}"}}}},
                "upstreams": {{"a": {{"url": "https://a.test", "tls": {{"authorities": "{authorities}"}}}}}},
                "routes": [{{"name": "r", "match": {{"path": "/"}}, "upstream": "a"}}]}}"#
            ),
        );
        let report: serde_json::Value = serde_json::from_slice(&edgeway(&folder, &["check", "--json"]).stdout).unwrap();
        let mistakes = report["mistakes"].as_array().unwrap();
        mistakes
            .iter()
            .map(|mistake| {
                let message = mistake["message"].as_str().unwrap().split(':').next().unwrap().to_owned();
                (mistake["path"].as_str().unwrap().to_owned(), message)
            })
            .collect::<Vec<_>>()
    };
    let mistake = |path: &str, message: &str| (path.to_owned(), message.to_owned());
    let authorities = "upstreams.a.tls.authorities";
    assert_eq!(check("cert.pem", "key.pem", "cert.pem"), []);
    assert_eq!(
        check("none.pem", "none.key", "none.ca"),
        [
            mistake("server.tls.certificate", "`none.pem` can't be read"),
            mistake("server.tls.key", "`none.key` can't be read"),
            mistake(authorities, "`none.ca` can't be read"),
        ]
    );
    assert_eq!(
        check("text.pem", "key.pem", "text.pem"),
        [
            mistake("server.tls.certificate", "`text.pem` holds no PEM certificate"),
            mistake(authorities, "`text.pem` holds no PEM certificate"),
        ]
    );
    assert_eq!(check("cert.pem", "text.pem", "cert.pem"), [mistake("server.tls.key", "`text.pem` can't be used")]);
    assert_eq!(check("cert.pem", "other.pem", "cert.pem"), [mistake("server.tls.key", "`other.pem` can't be used")]);
    let client = |certificate: &str, key: &str| {
        folder.write(
            "gateway.json",
            &format!(
                r#"{{"upstreams": {{"a": {{"url": "https://a.test", "tls": {{"certificate": "{certificate}", "key": "{key}"}}}}}},
                "routes": [{{"name": "r", "match": {{"path": "/"}}, "upstream": "a"}}]}}"#
            ),
        );
        let report: serde_json::Value = serde_json::from_slice(&edgeway(&folder, &["check", "--json"]).stdout).unwrap();
        let mistakes = report["mistakes"].as_array().unwrap().iter();
        let told = |mistake: &serde_json::Value, member: &str| mistake[member].as_str().unwrap().to_owned();
        mistakes.map(|mistake| (told(mistake, "path"), told(mistake, "message"))).collect::<Vec<_>>()
    };
    assert_eq!(client("cert.pem", "key.pem"), []);
    let strange = "`other.pem` can't be used: it is not the key of the certificate in `cert.pem`";
    assert_eq!(client("cert.pem", "other.pem"), [mistake("upstreams.a.tls.key", strange)]);
    assert_eq!(
        client("text.pem", "key.pem"),
        [mistake("upstreams.a.tls.certificate", "`text.pem` holds no PEM certificate")]
    );
    let [(certificate, _), (key, _)] = &client("none.pem", "none.key")[..] else { panic!("one mistake for each file") };
    assert_eq!((&**certificate, &**key), ("upstreams.a.tls.certificate", "upstreams.a.tls.key"));
    // Another platform reads none of them.
    folder.write(
        "gateway.json",
        &ROUTES.replacen('{', r#"{"server": {"tls": {"certificate": "none.pem", "key": "none.key"}},"#, 1),
    );
    assert!(edgeway(&folder, &["check", "--target", "spin"]).status.success());
    assert!(!edgeway(&folder, &["check"]).status.success());
}

#[test]
fn one_is_not_many() {
    let folder = Folder::new();
    folder.write(
        "gateway.json",
        r#"{"routes": [{"name": "r", "match": {"path": "/"}, "respond": {}, "policies": [
            {"request": {"headers": {"remove": ["x-a"]}}, "response": {"headers": {"remove": ["x-a", "x-b"]}}}]}]}"#,
    );
    assert!(said(&folder, &["routes"]).contains("1 header edit, 2 response edits\n"));
    let said = said(&folder, &["explain", "GET", "/"]);
    assert!(said.contains("edit headers   1 edit\n") && said.contains("edit response  2 edits\n"), "{said}");
}

const SOCKETS: &str = r#"{"upstreams": {"a": {"url": "http://a.test"}}, "routes": [
    {"name": "usual", "match": {"path": "/a"}, "upstream": "a"},
    {"name": "none", "match": {"path": "/b"}, "upstream": "a", "webSocket": false},
    {"name": "own", "match": {"path": "/c"}, "upstream": "a"WITHIN}]}"#;

/// docs/platforms.md: on a platform without WebSockets, what takes them unsaid is noted once; what says so is refused.
#[test]
fn sockets_where_there_are_none_are_noted_once() {
    let folder = Folder::new();
    folder.write("gateway.json", &SOCKETS.replace("WITHIN", ""));
    let output = edgeway(&folder, &["check", "--target", "spin"]);
    assert!(output.status.success());
    let note = "note: on Spin, handshakes of WebSockets are answered with 501\n";
    assert_eq!(text(&output.stderr).matches(note).count(), 1, "{}", text(&output.stderr));
    assert!(!text(&edgeway(&folder, &["check"]).stderr).contains("WebSocket"));
    let json = edgeway(&folder, &["check", "--target", "spin", "--json"]).stdout;
    let report: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(report["notes"].as_array().unwrap().len(), 1);

    folder.write("gateway.json", &SOCKETS.replace("WITHIN", r#", "webSocket": true"#));
    let output = edgeway(&folder, &["check", "--target", "spin"]);
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("error: on Spin, no WebSockets are passed on\n"), "{}", text(&output.stderr));
}

#[test]
fn routes_and_explain_tell_of_sockets() {
    let folder = Folder::new();
    folder.write("gateway.json", &SOCKETS.replace("WITHIN", r#", "webSocket": {"idle": "90s", "life": "0s"}"#));
    let routes = said(&folder, &["routes"]);
    assert_eq!(routes.matches("WebSockets").count(), 2, "{routes}");
    assert!(routes.contains("no WebSockets\n") && routes.contains("WebSockets idle 90s, life any\n"), "{routes}");
    let handshake = [
        "-H",
        "Upgrade: websocket",
        "-H",
        "Connection: Upgrade",
        "-H",
        "Sec-WebSocket-Version: 13",
        "-H",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    let explain = |path| said(&folder, &[&["explain", "GET", path], &handshake[..]].concat());
    assert!(explain("/a").contains("webSocket  the upstream is asked to open one"), "{}", explain("/a"));
    assert!(explain("/b").contains("501 websocket_not_implemented"), "{}", explain("/b"));
}

/// docs/configuration.md, Maintenance: `check` warns of a time that is over, `routes` shows the policy, `explain` its decision.
#[test]
fn the_commands_tell_of_maintenance() {
    let folder = Folder::new();
    folder.write(
        "gateway.json",
        r#"{"policies": {"past": {"maintenance": {"until": "2001-01-01T00:00:00Z", "flag": "users"}},
                         "now": {"maintenance": {"from": "2001-01-01T00:00:00Z", "bypass": ["192.0.2.7"]}}},
            "routes": [{"name": "a", "match": {"path": "/a"}, "respond": {}, "policies": ["past"]},
                       {"name": "b", "match": {"path": "/b"}, "respond": {}, "policies": ["now"]}]}"#,
    );
    let check = text(&edgeway(&folder, &["check"]).stderr);
    assert!(check.contains("warning: this time is over\n") && check.contains("gateway.json:1:"), "{check}");
    let routes = said(&folder, &["routes"]);
    assert!(routes.contains("maintenance until 2001-01-01T00:00:00Z, or by flag users"), "{routes}");
    assert!(routes.contains("maintenance from 2001-01-01T00:00:00Z"), "{routes}");
    let explain = |arguments: &[&str]| said(&folder, &[&["explain"], arguments].concat());
    let open = explain(&["GET", "/a"]);
    assert!(open.contains("the flag `users` is not set"), "{open}");
    let closed = explain(&["GET", "/b"]);
    assert!(closed.contains("it is the planned time") && closed.contains("503 maintenance"), "{closed}");
    let by = explain(&["GET", "/b", "--client", "192.0.2.7"]);
    assert!(by.contains("the client is let by"), "{by}");
}

fn report(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// docs/command-line.md: a failure is told in one shape, whichever command fails and why.
#[test]
fn every_failure_has_one_shape_for_programs() {
    let folder = Folder::new();
    let members = ["file", "targets", "mistakes", "warnings", "notes", "missingSecrets", "missingVariables"];
    let said = |arguments: &[&str], message: &str| {
        let output = edgeway(&folder, &[arguments, &["--json"]].concat());
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), String::new()), "{arguments:?}");
        let report = report(&output);
        let object = report.as_object().unwrap();
        assert!(members.iter().all(|member| object.contains_key(*member)) && object.len() == members.len(), "{report}");
        assert_eq!(report["mistakes"][0]["message"], message);
    };
    let commands = [&["check"][..], &["routes"], &["explain", "GET", "/"]];
    for command in commands {
        said(command, "can't read gateway.json: there is no such file");
        said(&[command, &["."]].concat(), "can't read .: it is a folder, not a file");
    }
    folder.write("gateway.json", r#"{"nam": 1}"#);
    for command in commands {
        said(command, "unknown field `nam`");
    }
    folder.write("gateway.json", ROUTES);
    said(&["explain", "G T", "/"], "`G T` is not a method");
}

#[test]
fn every_command_takes_a_file() {
    let folder = Folder::new();
    folder.write("other.json", ROUTES);
    for arguments in [
        &["check", "other.json"][..],
        &["check", "--config", "other.json"],
        &["routes", "other.json"],
        &["routes", "--config", "other.json"],
        &["explain", "GET", "/all", "other.json"],
        &["explain", "GET", "/all", "--config", "other.json"],
    ] {
        assert!(edgeway(&folder, arguments).status.success(), "{arguments:?}");
    }
}

#[test]
fn the_program_helps() {
    let folder = Folder::new();
    for arguments in
        [&["help"][..], &["help", "check"], &["completions", "bash"], &["completions", "zsh"], &["completions", "fish"]]
    {
        let output = edgeway(&folder, arguments);
        assert!(output.status.success() && text(&output.stdout).contains("edgeway"), "{arguments:?}");
    }
    for (name, meant) in [("run", "serve"), ("start", "serve"), ("validate", "check"), ("list", "routes")] {
        let output = edgeway(&folder, &[name]);
        assert_eq!(output.status.code(), Some(2));
        let said = text(&output.stderr);
        assert!(said.contains(&format!("tip: `edgeway {meant}`")), "{said}");
    }
}

/// A configuration that is no file must not make the program wait for it.
#[cfg(unix)]
#[test]
fn what_is_no_file_is_refused() {
    let folder = Folder::new();
    let pipe = folder.0.join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let large = std::fs::File::create(folder.0.join("large.json")).unwrap();
    large.set_len(33 << 20).unwrap();
    folder.write("binary", "");
    std::fs::write(folder.0.join("binary"), [0xff, 0xfe]).unwrap();
    for (file, reason) in [
        ("pipe", "it is a pipe, not a file"),
        ("/dev/zero", "it is a device, not a file"),
        (".", "it is a folder, not a file"),
        ("large.json", "it is larger than 32 MiB"),
        ("binary", "it is not UTF-8 text"),
    ] {
        for command in ["check", "routes", "serve", "demo"] {
            let output = edgeway(&folder, &[command, file]);
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{command} {file}: {said}");
            assert!(said.contains(reason), "{command} {file}: {said}");
        }
    }
}

/// docs/configuration.md, server: paths count from the folder of the configuration, wherever the program starts.
#[test]
fn paths_count_from_the_file() {
    let folder = Folder::new();
    std::fs::create_dir(folder.0.join("conf")).unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    folder.write("conf/cert.pem", &made.cert.pem());
    folder.write("conf/key.pem", &made.signing_key.serialize_pem());
    folder.write(
        "conf/gateway.json",
        r#"{"server": {"listen": "127.0.0.1:0", "keyValueFile": "store", "tls": {"certificate": "cert.pem", "key": "key.pem"}},
            "upstreams": {"a": {"url": "https://a.test", "tls": {"authorities": "cert.pem"}}},
            "routes": [{"name": "r", "match": {"path": "/"}, "upstream": "a"},
                       {"name": "k", "match": {"path": "/k"}, "keyValue": {"key": "k"}}]}"#,
    );
    let output = edgeway(&folder, &["check", "conf/gateway.json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let program = crate::support::Program::run(&["serve", "conf/gateway.json"], &folder.0);
    assert!(program.messages().contains("serving 2 routes"));
    assert!(folder.0.join("conf/store").exists());
}

#[test]
fn check_can_leave_files_out() {
    let folder = Folder::new();
    let tls = r#"{"server": {"tls": {"certificate": "none.pem", "key": "none.key"}},"#;
    folder.write("gateway.json", &ROUTES.replacen('{', tls, 1));
    let output = edgeway(&folder, &["check"]);
    assert!(!output.status.success() && text(&output.stderr).contains("--no-files"), "{}", text(&output.stderr));
    assert!(edgeway(&folder, &["check", "--no-files"]).status.success());
}

/// docs.github.com, Workflow commands for GitHub Actions: `::error file={name},line={line},col={col}::{message}`.
#[test]
fn check_annotates_on_github() {
    let folder = Folder::new();
    folder.write("a,b.json", "{\n\"nam\": 1, \"x%\": 2}");
    let output = edgeway(&folder, &["check", "a,b.json", "--format", "github"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines[0], "::error file=a%2Cb.json,line=2,col=1::unknown field `nam`%0Ahelp: did you mean `name`?");
    assert!(lines[1].starts_with("::error file=a%2Cb.json,line=2,col=11::unknown field `x%25`"), "{said}");
    folder.write("gateway.json", &ROUTES.replace(r#""policies": ["browser"]"#, r#""policies": [{}]"#));
    let output = edgeway(&folder, &["check", "--format", "github"]);
    assert!(output.status.success() && text(&output.stdout).starts_with("::warning file=gateway.json,line="));
}

/// SARIF 2.1.0 sections 3.13 (log), 3.27 (result), 3.30 (region).
#[test]
fn check_writes_sarif() {
    let folder = Folder::new();
    folder.write("gate way.json", "{\n\"nam\": 1}");
    let output = edgeway(&folder, &["check", "gate way.json", "--format", "sarif"]);
    assert_eq!(output.status.code(), Some(1));
    let log = report(&output);
    assert_eq!(log["version"], "2.1.0");
    let result = &log["runs"][0]["results"][0];
    assert_eq!((result["level"].as_str(), result["ruleId"].as_str()), (Some("error"), Some("mistake")));
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "gate%20way.json");
    assert_eq!(place["region"], serde_json::json!({"startLine": 2, "startColumn": 1}));
}

/// The message names the setting that would choose another port.
#[test]
fn a_port_that_is_taken_names_its_setting() {
    let folder = Folder::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    folder.write("gateway.json", &ROUTES.replacen('{', &format!(r#"{{"server": {{"listen": "{address}"}},"#), 1));
    let said = text(&edgeway(&folder, &["serve"]).stderr);
    assert!(
        said.contains(&format!(
            "`{address}`: another program does; choose another port in `server.listen` or with `--listen`"
        )),
        "{said}"
    );
}

/// docs/command-line.md: lines are made for the terminal's width; a table has a heading.
#[test]
fn the_table_of_routes_has_a_heading_and_fits() {
    let folder = Folder::new();
    folder.write(
        "gateway.json",
        r#"{"upstreams": {"a": {"url": "http://a.test"}}, "routes": [
            {"name": "limited", "match": {"prefix": "/limited", "headers": {"x-tenant": {"oneOf": ["one", "two"]}}},
             "upstream": "a", "rewrite": {"path": "/echo"}, "webSocket": false, "timeouts": {"total": "1m"},
             "policies": [{"rateLimit": {"limit": 5, "window": "10s"}}, {"concurrency": {"limit": 3}},
                          {"request": {"headers": {"remove": ["x-a"]}}}]}]}"#,
    );
    let table = said(&folder, &["routes"]);
    let first = table.lines().next().unwrap();
    let heading: Vec<&str> = first.split_whitespace().collect();
    assert_eq!(heading, ["method", "path", "action", "route"], "{table}");
    for part in ["limit limited 5 per 10s", "at once limited 3", "path becomes /echo", "no WebSockets"] {
        assert!(table.contains(part), "{part}: {table}");
    }
    assert!(table.lines().all(|line| line.chars().count() <= 120), "{table}");
}

const SPLIT: &str = r#"{"upstreams": {"a": {"url": "http://a.test"}, "b": {"url": "http://b.test"}, "off": {"url": "http://c.test"}},
    "routes": [{"name": "both", "match": {"path": "/a", "methods": ["GET"]}, "policies": [{"rateLimit": {"limit": 9, "window": "1m"}}],
        "split": [{"upstream": "a", "weight": 1}, {"upstream": "b", "weight": 3}, {"upstream": "off", "weight": 0}]},
      {"name": "any", "match": {"path": "/a"}, "upstream": "a"},
      {"name": "secure", "match": {"scheme": "https", "prefix": "/"}, "upstream": "a"},
      {"name": "inside", "match": {"prefix": "/", "clientAddress": ["10.0.0.0/8"]}, "upstream": "a"}]}"#;

/// A choice by chance is shown as one, and can be made.
#[test]
fn explain_shows_a_split_and_follows_the_one_that_is_asked_for() {
    let folder = Folder::new();
    folder.write("gateway.json", SPLIT);
    for _ in 0..8 {
        let largest = said(&folder, &["explain", "GET", "/a"]);
        assert!(largest.contains("  a    25 %\n  b    75 %  shown here\n  off  0 %\n"), "{largest}");
        assert!(largest.contains("upstream  b http://b.test\n"), "{largest}");
        let other = said(&folder, &["explain", "GET", "/a", "--upstream", "a"]);
        assert!(other.contains("upstream  a http://a.test\n"), "{other}");
    }
    let output = edgeway(&folder, &["explain", "GET", "/a", "--upstream", "off"]);
    assert!(!output.status.success());
    assert!(
        text(&output.stderr).contains("the route sends nothing to `off`: it chooses among `a`, `b`"),
        "{}",
        text(&output.stderr)
    );
    assert!(!edgeway(&folder, &["explain", "POST", "/a", "--upstream", "a"]).status.success());
}

/// What is done for one upstream of a split alone is shown where the route's own is.
#[test]
fn routes_and_explain_show_the_edits_for_one_upstream_of_a_split() {
    let folder = Folder::new();
    let target = r#"{"upstream": "b", "weight": 3, "policies": [{"request": {"headers": {"set": {"x-b": "1"}}, "query": {"set": {"v": "2"}}},
        "response": {"headers": {"set": {"x-from": "b"}}}}]}"#;
    folder.write("gateway.json", &SPLIT.replace(r#"{"upstream": "b", "weight": 3}"#, target));
    let followed = said(&folder, &["explain", "GET", "/a"]);
    assert!(followed.contains("  b    75 %  shown here  1 header edit, 1 query edit, 1 response edit\n"), "{followed}");
    assert!(followed.contains("edit headers   1 edit, for `b` alone\n"), "{followed}");
    assert!(followed.contains("edit query     nothing is `v=2`, for `b` alone\n"), "{followed}");
    assert!(followed.contains("edit response  1 edit, for `b` alone\n"), "{followed}");
    assert!(!said(&folder, &["explain", "GET", "/a", "--upstream", "a"]).contains("alone"), "the other has none");
    let routes = said(&folder, &["routes"]);
    assert!(routes.contains("b: 1 header edit, b: 1 query edit, b: 1 response edit"), "{routes}");
}

/// What `explain` can't know, it says that it assumes; and it names the rule by which a route ranks lower.
#[test]
fn explain_says_what_it_assumes_and_why_a_route_ranks_lower() {
    let folder = Folder::new();
    folder.write("gateway.json", SPLIT);
    let plain = said(&folder, &["explain", "GET", "/a"]);
    assert!(plain.contains("(assumed: nothing was counted before)\n"), "{plain}");
    assert!(plain.contains("any     it ranks lower: it lists no methods\n"), "{plain}");
    assert!(plain.contains("inside  the client's address is 127.0.0.1\n"), "{plain}");
    assert!(plain.contains("secure  the scheme is `http`\n"), "{plain}");
    let secure = said(&folder, &["explain", "GET", "https://localhost/a"]);
    assert!(secure.contains("both    it ranks lower: it is for any scheme\n"), "{secure}");
    let inside = said(&folder, &["explain", "GET", "/b", "--client", "10.1.2.3"]);
    assert!(inside.contains("route  inside"), "{inside}");
    let routes = said(&folder, &["routes"]);
    assert!(routes.contains("scheme = `https`") && routes.contains("client in `10.0.0.0/8`"), "{routes}");
}

/// RFC 6750 §5.2: a token must not be guessed. It is never shown.
#[test]
fn a_short_admin_token_is_warned_of() {
    let folder = Folder::new();
    let admin = r#"{"server": {"listen": "127.0.0.1:0"}, "admin": {"token": {"secret": "ADMIN_TOKEN"}},"#;
    folder.write("gateway.json", &ROUTES.replacen('{', admin, 1));
    let check = ["check", "--target", "native", "--secrets", "secrets"];
    let words = "the token has fewer than 16 characters";
    let output = edgeway(&folder, &check);
    assert!(output.status.success() && !text(&output.stderr).contains(words), "{}", text(&output.stderr));
    std::fs::create_dir(folder.0.join("secrets")).unwrap();
    folder.write("secrets/ADMIN_TOKEN", "0123456789abcdef");
    assert!(!text(&edgeway(&folder, &check).stderr).contains(words));

    folder.write("secrets/ADMIN_TOKEN", "0123456789abcde");
    let output = edgeway(&folder, &check);
    let said = text(&output.stderr);
    assert!(output.status.success() && said.contains(words) && said.contains("admin.token"), "{said}");
    assert!(said.contains(r#""token": {"secret": "ADMIN_TOKEN"}"#) && !said.contains("0123456789"), "{said}");
    let program = crate::support::Program::run(&["serve", "--secrets", "secrets", "gateway.json"], &folder.0);
    let said = program.messages();
    assert!(said.contains(words) && !said.contains("0123456789"), "{said}");

    // What is warned of at the start is warned of at a reload.
    folder.write("secrets/ADMIN_TOKEN", "0123456789abcdef");
    program.wait_for_message("reloaded gateway.json");
    assert_eq!(program.messages().matches(words).count(), 1, "{}", program.messages());
    folder.write("secrets/ADMIN_TOKEN", "0123456789abc");
    let warning = "gateway.json: admin.token: warning: the token has fewer than 16 characters";
    wait_until("the second warning", || program.messages().matches(warning).count() == 2);
    assert!(!program.messages().contains("0123456789"), "{}", program.messages());
}

/// One file serves several platforms: a refusal by one of them names it, and says what to do for it.
#[test]
fn a_setting_that_one_platform_lacks_is_refused_with_its_name_and_a_way_out() {
    let folder = Folder::new();
    folder.write(
        "gateway.json",
        r#"{"upstreams": {"a": {"url": "http://a.test", "timeouts": {"idle": "5s"}, "protocol": "h2c",
            "connections": {"idle": "5s"}}},
          "routes": [{"name": "r", "match": {"prefix": "/"}, "upstream": "a", "webSocket": {"idle": "5s", "life": "1h"}}]}"#,
    );
    let found = report(&edgeway(&folder, &["check", "--json", "--target", "native,cloudflare,spin"]));
    let mistakes = found["mistakes"].as_array().unwrap();
    let settings =
        ["upstreams.a.timeouts.idle", "upstreams.a.protocol", "upstreams.a.connections", "routes[0].webSocket.idle"];
    for path in settings {
        let here: Vec<_> = mistakes.iter().filter(|mistake| mistake["path"] == path).collect();
        assert!(!here.is_empty(), "{path}: {found}");
        for mistake in here {
            let message = mistake["message"].as_str().unwrap();
            let help = mistake["help"].as_str().unwrap();
            assert!(message.contains("Cloudflare Workers") || message.contains("Spin"), "{message}");
            let name = message.trim_start_matches("on ").split(',').next().unwrap();
            assert!(
                help.ends_with(&format!("; if another platform needs it, give {name} a file without it")),
                "{help}"
            );
        }
    }
}
