//! A candidate that gets more of the requests, or none any more, among real processes (docs/configuration.md, A canary that looks after itself).

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Folder, Program, Wire, wait_until};

/// A process that answers everything with this status, and with its name.
fn place(folder: &Folder, name: &str, status: u16) -> Program {
    let config = format!(
        r#"{{
          "server": {{ "listen": "127.0.0.1:0", "accessLog": "off" }},
          "routes": [ {{ "name": "all", "match": {{ "prefix": "/" }}, "respond": {{ "status": {status}, "body": "{name}" }} }} ]
        }}"#
    );
    Program::serve(&folder.write(&format!("{name}.json"), &config))
}

/// A gateway in front of both, and the port of its admin endpoints.
fn gateway(folder: &Folder, now: &Program, next: &Program) -> (Program, u16) {
    let admin = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = format!(
        r#"{{
          "server": {{ "listen": "127.0.0.1:0", "admin": "{admin}", "accessLog": "off" }},
          "upstreams": {{ "now": {{ "url": "http://{}" }}, "next": {{ "url": "http://{}" }} }},
          "routes": [
            {{
              "name": "all",
              "match": {{ "prefix": "/" }},
              "split": [{{ "upstream": "now", "weight": 1 }}, {{ "upstream": "next", "weight": 1 }}],
              "rollout": {{ "candidate": "next", "steps": [20, 100], "hold": "1s", "every": "1s", "leastRequests": 50 }}
            }}
          ]
        }}"#,
        now.address, next.address
    );
    (Program::serve(&folder.write("gateway.json", &config)), admin)
}

fn told(admin: u16, arguments: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgeway"));
    let output = command
        .args(["rollouts", "--json", "--admin", &format!("http://127.0.0.1:{admin}")])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    told["rollouts"][0].clone()
}

/// Asks until the roll-out is in `state`, and returns what is told of it then.
fn ask_until(gateway: &Program, admin: u16, state: &str) -> Value {
    let begun = Instant::now();
    loop {
        let mut wire = Wire::connect(gateway.address);
        for _ in 0..100 {
            assert!(wire.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").is_some());
        }
        let told = told(admin, &[]);
        if told["state"] == state {
            return told;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{told}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The answers to so many requests.
fn answers(gateway: &Program, number: usize) -> Vec<String> {
    let mut wire = Wire::connect(gateway.address);
    (0..number).map(|_| wire.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap().1).collect()
}

#[test]
fn a_candidate_that_does_well_gets_all_requests() {
    let folder = Folder::new();
    let (now, next) = (place(&folder, "now", 200), place(&folder, "next", 200));
    let (gateway, admin) = gateway(&folder, &now, &next);
    let told = ask_until(&gateway, admin, "done");
    assert_eq!((&told["percent"], &told["step"]), (&100.into(), &2.into()), "{told}");
    assert!(answers(&gateway, 50).iter().all(|answer| answer == "next"));
}

#[test]
fn a_candidate_that_fails_is_rolled_back_until_an_operator_says_otherwise() {
    let folder = Folder::new();
    let (now, next) = (place(&folder, "now", 200), place(&folder, "next", 500));
    let (gateway, admin) = gateway(&folder, &now, &next);
    let back = ask_until(&gateway, admin, "rolledBack");
    assert_eq!((&back["percent"], &back["because"]), (&0.into(), &"errors".into()), "{back}");
    assert_eq!(back["candidate"]["requests"], back["candidate"]["errors"], "{back}");
    assert!(answers(&gateway, 100).iter().all(|answer| answer == "now"));
    let anew = told(admin, &["--anew", "all"]);
    assert_eq!((&anew["state"], &anew["percent"]), (&"running".into(), &20.into()), "{anew}");
    assert!(answers(&gateway, 100).iter().any(|answer| answer == "next"));
    let back = told(admin, &["--back", "all"]);
    assert_eq!((&back["state"], &back["because"]), (&"rolledBack".into(), &"operator".into()), "{back}");
    assert!(answers(&gateway, 100).iter().all(|answer| answer == "now"));
}

/// What can't be asked is told with what would help, and a change reaches no proxied service.
#[test]
fn what_is_no_roll_out_and_no_gateway_is_told() {
    let folder = Folder::new();
    let (now, next) = (place(&folder, "now", 200), place(&folder, "next", 200));
    let (gateway, admin) = gateway(&folder, &now, &next);
    let fails = |admin: String, arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_edgeway"));
        let output = command.arg("rollouts").args(["--admin", &admin]).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let url = |port: u16| format!("http://127.0.0.1:{port}");
    for change in ["--back", "--anew"] {
        assert_eq!(fails(url(admin), &[change, "nope"]), "error: no roll-out `nope`; there are: all\n");
    }
    let config = r#"{
      "server": { "listen": "127.0.0.1:0" },
      "routes": [ { "name": "all", "match": { "prefix": "/" }, "respond": { "body": "[]" } } ]
    }"#;
    let service = Program::serve(&folder.write("service.json", config));
    for arguments in [&["--back", "all"][..], &["--anew", "all"], &[]] {
        let said = fails(format!("http://{}", service.address), arguments);
        assert!(
            said.contains("has no admin endpoints: they are there by `\"server\": {\"admin\": \"9901\"}`"),
            "{said}"
        );
    }
    wait_until("three lines", || service.log().len() >= 3);
    let asked = service.log();
    assert!(asked.len() == 3 && asked.iter().all(|line| line["method"] == "GET"), "{asked:?}");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    assert!(fails(url(closed), &[]).contains("{\"admin\": \"9901\"}"));
    drop(gateway);
}
