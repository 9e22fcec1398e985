//! API keys that are made, stored and revoked by the command line (docs/configuration.md, API keys).

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Output, Stdio};

use super::support::{Folder, Program, Wire};

const CONFIG: &str = r#"{
  "server": { "listen": "127.0.0.1:0", "admin": "0", "keyValueFile": "store.redb" },
  "accessLog": { "format": "json" },
  "policies": { "keys": { "authenticate": { "apiKey": {} } } },
  "routes": [{ "name": "r", "match": { "prefix": "/" }, "respond": {}, "policies": ["keys"] }]
}"#;

fn serve(folder: &Folder) -> (Program, String) {
    let program = Program::run(&["serve", "gateway.json", "--threads", "3"], &folder.0);
    program.wait_for_message("admin endpoints on http://");
    let messages = program.messages();
    let (_, rest) = messages.split_once("admin endpoints on ").unwrap();
    let admin = rest.split_whitespace().next().unwrap().to_owned();
    (program, admin)
}

fn edgeway(folder: &Folder, arguments: &[&str], input: &str, with: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgeway"));
    command.args(["key"]).args(arguments).current_dir(&folder.0).envs(with.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// What a command prints that succeeds.
fn said(folder: &Folder, arguments: &[&str], input: &str) -> String {
    let output = edgeway(folder, arguments, input, &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout).to_owned()
}

/// The statuses of as many requests as reach every thread.
fn everywhere(address: SocketAddr, key: &str) -> Vec<u16> {
    let request = format!("GET /k HTTP/1.1\r\nHost: a\r\nX-API-Key: {key}\r\n\r\n");
    let mut statuses: Vec<u16> = (0..20).map(|_| Wire::connect(address).ask(&request).unwrap().0).collect();
    statuses.dedup();
    statuses
}

/// From `key new` to `key revoke`, at once in all threads and over a restart; and the key is in one place alone.
#[test]
fn a_key_is_made_and_revoked_by_the_command_line() {
    let folder = Folder::new();
    folder.write("gateway.json", CONFIG);
    let (program, admin) = serve(&folder);
    let made = said(&folder, &["new", "--consumer", "acme", "--expires", "90d", "--admin", &admin, "--json"], "");
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let key = made["key"].as_str().unwrap();
    let (id, digest) = (made["credential"]["apiKey"]["id"].as_str().unwrap(), made["digest"].as_str().unwrap());
    assert_eq!((key.len(), digest.len(), id), (54, 64, &*format!("key-{}", digest.split_at(8).0)));
    assert_eq!(made["credential"]["apiKey"]["sha256"], digest);
    assert!(made["credential"]["apiKey"]["expires"].as_str().unwrap().ends_with('Z'));
    assert_eq!(everywhere(program.address, key), [200]);
    let logged = program.logged("/k");
    assert_eq!((&logged["credential"], &logged["consumer"]), (&id.into(), &"acme".into()));
    assert!(!logged.to_string().contains(key));

    assert_eq!(said(&folder, &["hash"], &format!("{key}\n")), format!("{digest}\n"));
    drop(program);
    let (program, admin) = serve(&folder);
    assert_eq!(everywhere(program.address, key), [200]);
    said(&folder, &["revoke", "--admin", &admin], key);
    let again = edgeway(&folder, &["revoke", "--admin", &admin], key, &[]);
    assert!(again.status.code() == Some(1) && text(&again.stderr).contains("has no API key of this digest"));
    assert_eq!(everywhere(program.address, key), [401]);

    said(&folder, &["new", "--consumer", "acme", "--prefix", "acme", "--out", "acme.key", "--admin", &admin], "");
    let kept = std::fs::read_to_string(folder.0.join("acme.key")).unwrap();
    assert!(kept.starts_with("acme_") && kept.len() == 55);
    assert_eq!(everywhere(program.address, kept.trim()), [200]);
    let digest = said(&folder, &["hash"], &kept);
    assert!(said(&folder, &["revoke", "--admin", &admin, digest.trim()], "").starts_with("revoked: "));
    assert_eq!(everywhere(program.address, kept.trim()), [401]);
}

/// docs/command-line.md: a key stands in no argument, and in no file that others can read or that was there before.
#[test]
fn a_key_is_kept_from_where_others_read_it() {
    let folder = Folder::new();
    let out =
        said(&folder, &["new", "--consumer", "acme", "--out", "a.key", "--scope", "read", "--scope", "write"], "");
    let key = std::fs::read_to_string(folder.0.join("a.key")).unwrap();
    assert!(!out.contains(key.trim()) && out.contains(r#""scopes":["read","write"]"#), "{out}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(folder.0.join("a.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let again = edgeway(&folder, &["new", "--consumer", "acme", "--out", "a.key"], "", &[]);
    assert!(again.status.code() == Some(1) && text(&again.stderr).contains("`a.key` can't be written"));
    assert_eq!(std::fs::read_to_string(folder.0.join("a.key")).unwrap(), key);

    // A key that nobody takes is not left behind as if it were one.
    let away = ["new", "--consumer", "acme", "--out", "b.key", "--admin", "http://127.0.0.1:9"];
    assert_eq!(edgeway(&folder, &away, "", &[]).status.code(), Some(1));
    assert!(!folder.0.join("b.key").exists());

    let argument = edgeway(&folder, &["revoke", "--admin", "http://127.0.0.1:9", key.trim()], "", &[]);
    let said = text(&argument.stderr);
    assert!(argument.status.code() == Some(1) && said.contains("not into an argument") && !said.contains(key.trim()));
    let mut damaged = key.trim().to_owned();
    damaged.replace_range(10..11, if damaged.as_bytes()[10] == b'a' { "b" } else { "a" });
    let damaged = edgeway(&folder, &["hash"], &damaged, &[]);
    assert!(damaged.status.code() == Some(1) && text(&damaged.stderr).contains("a wrong copy"));
    for none in ["", "\n", "two words", "é"] {
        assert_eq!(edgeway(&folder, &["hash"], none, &[]).status.code(), Some(1), "{none}");
    }
}

/// What `key new` prints is an entry of the configuration as it stands.
#[test]
fn a_key_is_good_by_its_entry_in_the_configuration() {
    let folder = Folder::new();
    let made = said(&folder, &["new", "--consumer", "acme", "--expires", "1d", "--scope", "a", "--json"], "");
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let consumers = format!(r#""consumers": {{"acme": {{"credentials": [{}]}}}}, "policies""#, made["credential"]);
    folder.write("gateway.json", &CONFIG.replacen("\"policies\"", &consumers, 1));
    let (program, admin) = serve(&folder);
    assert_eq!(everywhere(program.address, made["key"].as_str().unwrap()), [200]);
    let revoke = |input: &str, digest: &[&str]| {
        let output = edgeway(&folder, &[&["revoke", "--admin", &admin], digest].concat(), input, &[]);
        assert_eq!(output.status.code(), Some(1));
        text(&output.stderr).to_owned()
    };
    let id = made["credential"]["apiKey"]["id"].as_str().unwrap();
    for told in [revoke(made["key"].as_str().unwrap(), &[]), revoke("", &[made["digest"].as_str().unwrap()])] {
        let place = format!("it is the credential `{id}` in `consumers.acme.credentials`; take it out there");
        assert!(told.contains("the key stands in the configuration") && told.contains(&place), "{told}");
    }
    let other = said(&folder, &["new", "--consumer", "acme", "--json"], "");
    let other: serde_json::Value = serde_json::from_str(&other).unwrap();
    assert_eq!(everywhere(program.address, other["key"].as_str().unwrap()), [401]);
}

/// docs/command-line.md: what is printed says what to do with it, in columns that begin at one place.
#[test]
fn what_is_printed_of_a_new_key_says_what_to_do_next() {
    let folder = Folder::new();
    folder.write("gateway.json", CONFIG);
    let (_program, admin) = serve(&folder);
    let words = |said: &str| -> Vec<String> {
        let lines =
            said.lines().inspect(|line| assert!(!line.is_char_boundary(12) || line.as_bytes()[11] == b' ', "{line}"));
        lines.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    let stored = said(&folder, &["new", "--consumer", "acme", "--admin", &admin], "");
    assert_eq!(words(&stored), ["key", "digest", "stored", "next"], "{stored}");
    assert!(stored.contains("give the key to `acme`") && stored.contains("edgeway key revoke --admin"), "{stored}");
    let listed =
        edgeway(&folder, &["new", "--consumer", "acme", "--pepper-env", "P"], "", &[("P", "0123456789abcdef")]);
    let listed = text(&listed.stdout);
    assert_eq!(words(listed), ["key", "digest", "credential", "next", "pepper"], "{listed}");
    assert!(listed.contains("add the credential to `consumers.acme.credentials`"), "{listed}");
    assert!(listed.contains("made with P") && listed.contains("`apiKeys.pepper`"), "{listed}");
}

/// docs/command-line.md: what is wrong is told with the form that is right.
#[test]
fn a_span_or_a_time_in_another_form_is_told_the_right_one() {
    let folder = Folder::new();
    let spans = "write a whole number and its unit: 90d, 12h or 30m";
    for (written, help) in [
        ("90", spans),
        ("three months", spans),
        ("2027-01-01T00:00:00Z", spans),
        ("9000y", "nothing lasts that long"),
        ("584000000000y", "nothing lasts that long"),
    ] {
        let output = edgeway(&folder, &["new", "--consumer", "acme", "--expires", written], "", &[]);
        assert_eq!(output.status.code(), Some(2), "{written}");
        assert!(text(&output.stderr).contains(help), "{written}: {}", text(&output.stderr));
    }
    let revoke = |member: &str, written: &str| {
        let arguments =
            ["token", "revoke", "--admin", "http://127.0.0.1:1", "--issuer", "corp", "--all", member, written];
        let output = Command::new(env!("CARGO_BIN_EXE_edgeway")).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{written}");
        text(&output.stderr).to_owned()
    };
    for member in ["--before", "--until"] {
        let said = revoke(member, "90d");
        assert!(said.contains("write a time of UTC: 2026-12-01T00:00:00Z, and no span such as 90d or 12h"), "{said}");
        let said = revoke(member, "tomorrow");
        assert!(said.contains("write a time of UTC: 2026-12-01T00:00:00Z") && !said.contains("span"), "{said}");
    }
}

/// FIPS 180-4 and RFC 4231 §4.3.
#[test]
fn digests_are_those_of_the_standards() {
    let folder = Folder::new();
    let plain = said(&folder, &["hash"], "abc");
    assert_eq!(plain, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n");
    let peppered = edgeway(&folder, &["hash", "--pepper-env", "PEPPER"], "abc\n", &[("PEPPER", "0123456789abcdef")]);
    assert_eq!(text(&peppered.stdout).len(), 65);
    assert_ne!(text(&peppered.stdout), plain);
    let unset = edgeway(&folder, &["hash", "--pepper-env", "NOT_THERE"], "abc", &[]);
    assert!(unset.status.code() == Some(1) && text(&unset.stderr).contains("NOT_THERE"));
    let help = said(&folder, &["new", "--help"], "");
    assert!(help.contains("Example:\n  edgeway key new --consumer acme"), "{help}");
    assert_eq!(edgeway(&folder, &["new", "--consumer", "acme", "--prefix", "A_"], "", &[]).status.code(), Some(2));
}
