//! `edgeway upstreams` (docs/configuration.md, Health; docs/command-line.md).

use std::net::TcpListener;
use std::process::Command;

use crate::support::{Folder, Program, Wire, ok_upstream, wait_until};

fn told(admin: &str, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgeway"));
    let output = command.args(["upstreams", "--admin", &format!("http://{admin}")]).args(arguments).output().unwrap();
    let text = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.success(), String::from_utf8(text).unwrap())
}

/// docs/configuration.md, Health and Circuit breaker: all threads know of a place that is left out, and the command says why.
#[test]
fn the_command_tells_why_a_place_is_left_out() {
    let (well, refused) = (ok_upstream(), TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let folder = Folder::new();
    folder.write(
        "gateway.json",
        &format!(
            r#"{{"server": {{"listen": "127.0.0.1:0", "admin": "127.0.0.1:0"}},
                "upstreams": {{
                    "pair": {{"urls": ["http://{well}", "http://{refused}"], "balance": "leastRequest", "breaker": {{"failures": 9}},
                             "health": {{"passive": {{"failures": 2}}}}}},
                    "alone": {{"url": "http://{well}"}}}},
                "routes": [{{"name": "all", "match": {{"prefix": "/"}}, "upstream": "pair"}}]}}"#,
            well = well.address
        ),
    );
    let program = Program::run(&["serve", "gateway.json", "--threads", "2"], &folder.0);
    program.wait_for_message("admin endpoints on http://");
    let messages = program.messages();
    let after = |part: &str| messages.split_once(part).unwrap().1.split_whitespace().next().unwrap().to_owned();
    let (address, admin) = (after(" on http://"), after("admin endpoints on http://"));
    // Connections come to both threads, each of which has turns of its own.
    for _ in 0..12 {
        let mut wire = Wire::connect(address.parse().unwrap());
        assert_eq!(wire.ask("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").unwrap().0, 200);
    }
    wait_until("the place is left out", || told(&admin, &[]).1.contains("out for "));
    let (_, text) = told(&admin, &["--upstream", "pair"]);
    assert!(text.starts_with("pair  leastRequest, 2 further attempts, breaker closed\n"), "{text}");
    assert!(text.contains("2 calls, 2 failed"), "{text}");
    assert!(text.ends_with("    left out after 2 failures in a row, the last of them without an answer\n"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&told(&admin, &["--json"]).1).unwrap();
    assert_eq!(json.pointer("/upstreams/0/endpoints/0/health/state").unwrap(), "in");
    assert_eq!(json.pointer("/upstreams/0/endpoints/1/health/state").unwrap(), "out");
    assert_eq!(json.pointer("/upstreams/1/endpoints/0/health"), None);
    assert_eq!(
        told(&admin, &["--upstream", "pairs"]),
        (false, "error: there is no upstream `pairs`: did you mean `pair`?\n".to_owned())
    );
}
