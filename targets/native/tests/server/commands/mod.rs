//! The commands that serve nothing.

mod check;
mod explain;
mod explain_content;
mod transform;

use std::process::{Command, Output};

use crate::support::Folder;

const ROUTES: &str = r#"{"policies": {"browser": {"cors": {"origins": ["*"]}}}, "routes": [
    {"name": "put", "match": {"path": "/x/{id}", "methods": ["PUT"]}, "respond": {}, "policies": ["browser"]},
    {"name": "all", "match": {"path": "/all"}, "respond": {}},
    {"name": "header", "match": {"path": "/all", "headers": {"x-a": "1"}}, "respond": {}}]}"#;

const SOCKETS: &str = r#"{"upstreams": {"a": {"url": "http://a.test"}}, "routes": [
    {"name": "usual", "match": {"path": "/a"}, "upstream": "a"},
    {"name": "none", "match": {"path": "/b"}, "upstream": "a", "webSocket": false},
    {"name": "own", "match": {"path": "/c"}, "upstream": "a"WITHIN}]}"#;

/// What `edgeway` says to `arguments`, started in `folder`.
fn edgeway(folder: &Folder, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_edgeway")).args(arguments).current_dir(&folder.0).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What it prints.
pub(super) fn said(folder: &Folder, arguments: &[&str]) -> String {
    text(&edgeway(folder, arguments).stdout)
}

fn report(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn one_is_not_many() {
    let folder = Folder::new();
    folder.write(
        "gateway.json",
        r#"{"upstreams": {"u": {"url": "http://u.test"}}, "routes": [{"name": "r", "match": {"path": "/"}, "upstream": "u", "policies": [
            {"request": {"headers": {"remove": ["x-a"]}}, "response": {"headers": {"remove": ["x-a", "x-b"]}}}]}]}"#,
    );
    assert!(said(&folder, &["routes"]).contains("1 header edit, 2 response edits\n"));
    let said = said(&folder, &["explain", "GET", "/"]);
    assert!(said.contains("edit headers   1 edit\n") && said.contains("edit response  2 edits\n"), "{said}");
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

/// `--config` and `--runtime` are hidden from the help, and so from completions.
#[test]
fn completions_offer_what_the_help_shows_alone() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = text(&edgeway(&folder, &["completions", shell]).stdout);
        for shown in ["threads", "target", "no-files", "version", "compose"] {
            assert!(script.contains(shown), "{shell}: {shown}");
        }
        for hidden in ["runtime", "work-stealing", "--config", "l config"] {
            assert!(!script.contains(hidden), "{shell}: {hidden}");
        }
    }
}

#[test]
fn options_of_other_programs_are_answered_with_the_right_form() {
    let folder = Folder::new();
    for (arguments, tip) in [
        (&["-c", "x.json"][..], "the file stands by itself: `edgeway serve FILE`"),
        (&["serve", "-c", "x.json"], "the file stands by itself: `edgeway serve FILE`"),
        (&["serve", "--port", "80"], "`edgeway serve FILE --listen 127.0.0.1:8080` says where to listen"),
        (&["serve", "--port=80"], "`edgeway serve FILE --listen 127.0.0.1:8080` says where to listen"),
        (&["serve", "--env", "A=b"], "variables are those of its environment: `NAME=value edgeway serve FILE`"),
        (&["serve", "--cert", "a.pem"], "`server.tls` in the configuration names the certificate and the key"),
        (&["explain", "-X", "GET", "/"], "the method comes first: `edgeway explain GET /users`"),
        (&["explain", "GET"], "write the method and the URL: `edgeway explain GET http://localhost:8080/users`"),
        (&["check", "a.json", "b.json"], "one configuration at a time; `include` in it names further files"),
        (&["a.json"], "`edgeway serve FILE` serves a configuration, `edgeway check FILE` finds its mistakes"),
    ] {
        let output = edgeway(&folder, arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(&format!("tip: {tip}\n")), "{arguments:?}: {said}");
        assert_eq!(said.matches("tip:").count(), 1, "{arguments:?}: {said}");
    }
    let said = text(&edgeway(&folder, &["serve", "--listen", "9000"]).stderr);
    assert!(said.contains("write `127.0.0.1:9000`, or `0.0.0.0:9000` for every network"), "{said}");
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
            "`{address}`: another program does; choose another port with `--listen 127.0.0.1:PORT`, or in `server.listen`"
        )),
        "{said}"
    );
}
