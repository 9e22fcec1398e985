//! Names and passwords (docs/configuration.md, Names and passwords).

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Output, Stdio};

use base64::Engine as _;

use super::support::{Folder, Program, Wire};

const CONFIG: &str = r#"{
  "server": { "listen": "127.0.0.1:0", "keyValueFile": "store.redb" },
  "accessLog": { "format": "json" },
  "consumers": { "ann": { "credentials": […] } },
  "policies": { "staff": { "authenticate": { "basic": {} } } },
  "routes": [
    { "name": "staff", "match": { "prefix": "/staff" }, "respond": {}, "policies": ["staff"] },
    { "name": "open", "match": { "path": "/open" }, "respond": {} }
  ]
}"#;

/// A hash that takes as much work as there may be, of a password that nobody has.
const DEAR: &str = r#"{"password": {"user": "dear", "hash": "$argon2id$v=19$m=65536,t=4,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"}}"#;

fn serve(folder: &Folder, credential: &str, threads: &str) -> Program {
    folder.write("gateway.json", &CONFIG.replacen('…', credential, 1));
    Program::run(&["serve", "gateway.json", "--threads", threads], &folder.0)
}

fn edgeway(folder: &Folder, arguments: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgeway"));
    command.args(arguments).current_dir(&folder.0);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(format!("{name}:{password}")))
}

fn request(path: &str, authorization: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: {authorization}\r\n\r\n")
}

/// From `password hash` to the log: the password is in one place alone, and its hash in the file.
#[test]
fn a_hash_that_the_command_line_makes_lets_its_password_in() {
    const PASSWORD: &str = "PLANT-correct horse, bättery: staple";
    let folder = Folder::new();
    let arguments = ["password", "hash", "--user", "ann", "--memory", "64KiB", "--passes", "1", "--json"];
    let made = edgeway(&folder, &arguments, format!("{PASSWORD}\r\n").as_bytes());
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    let hash = made["hash"].as_str().unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
    assert_eq!(made["credential"]["password"], serde_json::json!({"user": "ann", "hash": hash}));

    let program = serve(&folder, &made["credential"].to_string(), "1");
    let ask = |path: &str, password: &str| {
        Wire::connect(program.address).ask(&request(path, &basic("ann", password))).unwrap().0
    };
    assert_eq!((ask("/staff/right", PASSWORD), ask("/staff/wrong", "PLANT-another-password")), (200, 401));
    let (right, wrong) = (program.logged("/staff/right"), program.logged("/staff/wrong"));
    assert_eq!((&right["consumer"], &right["credential"]), (&"ann".into(), &"ann".into()));
    assert_eq!((&wrong["auth"], &wrong["credential"]), (&"password_wrong".into(), &"ann".into()));
    assert_eq!(wrong["consumer"], serde_json::Value::Null);
    let explained = edgeway(
        &folder,
        &["explain", "GET", "http://a/staff", "-H", &format!("Authorization: {}", basic("ann", PASSWORD)), "--json"],
        b"",
    );
    let listed = edgeway(&folder, &["routes", "--json"], b"");
    let shown = [
        right.to_string(),
        wrong.to_string(),
        program.messages(),
        text(&explained.stdout).to_owned(),
        text(&listed.stdout).to_owned(),
    ];
    for shown in shown {
        assert!(!shown.contains("PLANT") && !shown.contains("UExBTlQ") && !shown.contains("$argon2id"), "{shown}");
    }
}

/// docs/command-line.md: what is no password is told, and not repeated; a plain one in the file is no hash, and not shown.
#[test]
fn what_is_no_password_is_not_repeated() {
    let folder = Folder::new();
    let long = "é".repeat(257);
    for input in [&b""[..], b"\n", b"two\nlines", b"a\0b", b"\xff\xfe", long.as_bytes()] {
        let output = edgeway(&folder, &["password", "hash"], input);
        let said = text(&output.stderr);
        assert!(output.status.code() == Some(1) && said.starts_with("error: ") && !said.contains("lines"), "{said}");
        assert!(output.stdout.is_empty());
    }
    let weak = edgeway(&folder, &["password", "hash", "--memory", "1000KiB"], b"a");
    assert!(weak.status.success() && text(&weak.stderr).contains("warning: "));
    let dear = edgeway(&folder, &["password", "hash", "--memory", "64MiB", "--passes", "5"], b"a");
    assert!(dear.status.code() == Some(1) && text(&dear.stderr).contains("256 MiB"));
    let colon = edgeway(&folder, &["password", "hash", "--user", "a:b"], b"a");
    assert_eq!(colon.status.code(), Some(2));

    let plain = r#"{"password": {"user": "ann", "hash": "PLANT-correct-horse"}}"#;
    folder.write("gateway.json", &CONFIG.replacen('…', plain, 1));
    let checked = edgeway(&folder, &["check"], b"");
    let said = [text(&checked.stdout), text(&checked.stderr)].concat();
    assert!(checked.status.code() == Some(1) && said.contains("this is no hash of a password"), "{said}");
    assert!(!said.contains("PLANT"), "{said}");
}

/// docs/configuration.md: other threads than those that serve compare, so that nobody else waits: here there is one that serves.
#[test]
fn others_are_served_while_a_password_is_compared() {
    let folder = Folder::new();
    let program = serve(&folder, DEAR, "1");
    let mut waiting = TcpStream::connect(program.address).unwrap();
    waiting.write_all(request("/staff", &basic("dear", "a")).as_bytes()).unwrap();
    // Its connection is older than this one, and its request was sent before.
    assert_eq!(Wire::connect(program.address).ask(&request("/open", "Basic x")).unwrap().0, 200);
    waiting.set_nonblocking(true).unwrap();
    let answered = waiting.read(&mut [0; 1]);
    assert_eq!(answered.unwrap_err().kind(), ErrorKind::WouldBlock);
}
