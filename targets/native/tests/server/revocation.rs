//! Tokens that are revoked while the program runs (docs/configuration.md, Revoked tokens).

use std::net::SocketAddr;
use std::process::{Command, Output};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::signature::{Ed25519KeyPair, KeyPair};

use super::support::{Folder, Program, Wire};

fn pair() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[1; 32]).unwrap()
}

/// A token that was issued in 2001.
fn token(id: &str, subject: &str) -> String {
    let header = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA"}"#);
    let claims = format!(r#"{{"iss":"corp","jti":"{id}","sub":"{subject}","iat":1000000000,"exp":4000000000}}"#);
    let signed = format!("{header}.{}", BASE64_URL_SAFE_NO_PAD.encode(claims));
    let signature = BASE64_URL_SAFE_NO_PAD.encode(pair().sign(signed.as_bytes()).as_ref());
    format!("{signed}.{signature}")
}

fn config() -> String {
    let x = BASE64_URL_SAFE_NO_PAD.encode(pair().public_key().as_ref());
    format!(
        r#"{{
          "server": {{ "listen": "127.0.0.1:0", "admin": "0", "accessLog": "off", "keyValueFile": "store.redb" }},
          "admin": {{ "token": {{ "secret": "ADMIN_TOKEN" }} }},
          "issuers": {{ "corp": {{ "issuer": "corp", "revocation": "10m",
            "keys": [{{ "jwk": {{ "kty": "OKP", "crv": "Ed25519", "x": "{x}" }} }}] }} }},
          "routes": [{{ "name": "r", "respond": {{}}, "policies": [{{ "authenticate": {{ "jwt": {{}} }} }}] }}]
        }}"#
    )
}

fn serve(folder: &Folder) -> (Program, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgeway"));
    command.args(["serve", "gateway.json", "--threads", "3"]).current_dir(&folder.0);
    let program = Program::spawn_unread(with_token(command)).0;
    program.wait_for_message("admin endpoints on http://");
    let messages = program.messages();
    let (_, rest) = messages.split_once("admin endpoints on ").unwrap();
    let admin = rest.split_whitespace().next().unwrap().to_owned();
    (program, admin)
}

fn with_token(mut command: Command) -> Command {
    command.env("ADMIN_TOKEN", "0123456789abcdef");
    command
}

fn edgeway(arguments: &[&str], with: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgeway"));
    command.args(arguments).env_remove("EDGEWAY_ADMIN_TOKEN").envs(with.iter().copied()).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// The statuses of as many requests as reach every thread.
fn everywhere(address: SocketAddr, token: &str) -> Vec<u16> {
    let request = format!("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n");
    let mut statuses: Vec<u16> = (0..20).map(|_| Wire::connect(address).ask(&request).unwrap().0).collect();
    statuses.dedup();
    statuses
}

/// At once in all threads, though each has remembered the token and would look again in ten minutes; and after a restart.
#[test]
fn a_token_is_revoked_by_the_command_line() {
    let folder = Folder::new();
    folder.write("gateway.json", &config());
    let (program, admin) = serve(&folder);
    let (mine, yours) = (token("a/b", "me"), token("c", "you"));
    assert_eq!((everywhere(program.address, &mine), everywhere(program.address, &yours)), (vec![200], vec![200]));

    let revoke = ["token", "revoke", "--admin", &admin, "--issuer", "corp"];
    let run = |more: &[&str]| {
        let output = edgeway(&[&revoke, more].concat(), &[]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout).to_owned()
    };
    assert_eq!(run(&["--jti", "a/b"]), "revoked: the token `a/b` of `corp`, honoured within 600 s\n");
    assert_eq!((everywhere(program.address, &mine), everywhere(program.address, &yours)), (vec![401], vec![200]));
    let told: serde_json::Value = serde_json::from_str(&run(&["--jti", "a/b", "--undo", "--json"])).unwrap();
    assert_eq!(told, serde_json::json!({ "revoked": false, "within": 600 }));
    assert_eq!(everywhere(program.address, &mine), [200]);

    let said = run(&["--subject", "me", "--before", "2001-09-09T01:46:41Z"]);
    assert_eq!(
        said,
        "revoked: the tokens of the subject `me` of `corp` from before 2001-09-09T01:46:41Z, honoured within 600 s\n"
    );
    assert_eq!((everywhere(program.address, &mine), everywhere(program.address, &yours)), (vec![401], vec![200]));
    drop(program);
    let (program, admin) = serve(&folder);
    assert_eq!((everywhere(program.address, &mine), everywhere(program.address, &yours)), (vec![401], vec![200]));

    let door = format!("http://{}/.edgeway/", program.address);
    let all = ["token", "revoke", "--admin", &door, "--issuer", "corp", "--all"];
    let refused = edgeway(&all, &[]);
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stderr);
    assert!(said.contains("Unauthorized") && said.contains("set EDGEWAY_ADMIN_TOKEN"), "{said}");
    let with_token = edgeway(&[&all[..], &["--token-env", "MINE"]].concat(), &[("MINE", "0123456789abcdef\n")]);
    assert!(with_token.status.success(), "{}", text(&with_token.stderr));
    assert_eq!((everywhere(program.address, &mine), everywhere(program.address, &yours)), (vec![401], vec![401]));
    let other = edgeway(&["token", "revoke", "--admin", &admin, "--issuer", "other", "--all"], &[]);
    assert_eq!(other.status.code(), Some(1));
    assert!(text(&other.stderr).contains("is called `other` and has `revocation`"), "{}", text(&other.stderr));
    let misspelt = edgeway(&["token", "revoke", "--admin", &admin, "--issuer", "crop", "--all"], &[]);
    assert!(text(&misspelt.stderr).contains("these have: `corp`"), "{}", text(&misspelt.stderr));
}

#[test]
fn a_wrong_command_is_told_what_is_missing() {
    let refused = |arguments: &[&str]| {
        let output = edgeway(&[&["token", "revoke", "--issuer", "corp"], arguments].concat(), &[]);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        text(&output.stderr).to_owned()
    };
    assert!(refused(&["--admin", "http://localhost:1"]).contains("--jti <ID>|--subject <SUBJECT>|--all"));
    assert!(refused(&["--all"]).contains("--admin <URL>"));
    assert!(refused(&["--admin", "http://localhost:1", "--subject", "a", "--before", "soon"]).contains("write a time"));
    refused(&["--admin", "http://localhost:1", "--jti", "a", "--all"]);
    // RFC 7519 §4.1.7: the identifier is a claim, and no token has itself as one.
    let whole = ["--admin", "http://localhost:1", "--jti", "eyJhbGciOiJIUzI1NiJ9.e30.c2ln"];
    assert!(refused(&whole).contains("this is a whole token"));
    refused(&["--admin", "http://localhost:1", "--jti", "a", "--before", "2001-09-09T01:46:41Z"]);
    let help = text(&edgeway(&["token", "revoke", "--help"], &[]).stdout).to_owned();
    assert!(help.contains("Example:\n  edgeway token revoke --admin http://localhost:9901"), "{help}");
    let away = edgeway(&["token", "revoke", "--issuer", "corp", "--all", "--admin", "http://127.0.0.1:9"], &[]);
    assert!(away.status.code() == Some(1) && text(&away.stderr).contains("can't be reached"));
}
