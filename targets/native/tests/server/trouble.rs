//! Disks that are full, and readers that don't read (docs/platforms.md, Native).

use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Folder, Program, Wire, wait_until};

fn answering(server: &str) -> String {
    format!(
        r#"{{
          "server": {{ "listen": "127.0.0.1:0", "admin": "127.0.0.1:0"{server} }},
          "routes": [
            {{ "name": "all", "match": {{ "prefix": "/" }}, "respond": {{}} }},
            {{ "name": "kv", "match": {{ "path": "/kv/{{name}}", "methods": ["GET", "PUT"] }}, "keyValue": {{ "key": "{{path.name}}" }} }}
          ]
        }}"#
    )
}

fn status(program: &Program, request: &str) -> u16 {
    let mut wire = Wire::connect(program.address);
    wire.send(request);
    wire.head().map_or(0, |head| crate::support::status(&head))
}

fn get(program: &Program) -> u16 {
    status(program, "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
}

/// Lifts the limit on the size of files, as if there were room on the disk again.
fn lift_limit(program: &Program) {
    let id = program.id().to_string();
    assert!(Command::new("prlimit").args(["--pid", &id, "--fsize=unlimited"]).status().unwrap().success());
}

/// The program with files of at most `bytes`, as on a disk that is full then.
fn limited(bytes: u64, config: &std::path::Path) -> Command {
    let mut command = Command::new("sh");
    let script = format!("trap '' XFSZ; exec prlimit --fsize={bytes}:unlimited -- \"$@\"");
    command.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_edgeway"), "serve", config.to_str().unwrap()]);
    command
}

/// The sample of the metrics with this name.
fn sample(program: &Program, name: &str) -> f64 {
    let messages = program.messages();
    let (_, rest) = messages.split_once("admin endpoints on http://").unwrap();
    let admin = rest.split_whitespace().next().unwrap().parse().unwrap();
    let text = Wire::connect(admin).ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap().1;
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()).unwrap()
}

/// A log that nobody reads holds up neither a request nor the end: that comes in `server.drain`.
#[test]
fn a_log_that_nobody_reads_does_not_hold_up_the_end() {
    let folder = Folder::new();
    let config = folder.write("gateway.json", &answering(r#", "drain": "1s""#));
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgeway"));
    command.args(["serve", config.to_str().unwrap()]);
    let (mut program, pipe) = Program::spawn_unread(command);
    let mut wire = Wire::connect(program.address);
    // The pipe takes 64 KiB, some 300 lines.
    for _ in 0..2_000 {
        assert_eq!(wire.ask("GET /a HTTP/1.1\r\nHost: a\r\n\r\n").unwrap().0, 200);
    }
    drop(wire);
    program.signal("TERM");
    assert!(program.ended());
    assert!(program.messages().contains("log lines were lost"), "{}", program.messages());
    drop(pipe);
}

/// Lines that a full disk does not take are counted in the metrics and said once on standard error, and so is the end of it.
#[test]
fn lines_that_are_lost_are_counted_and_said() {
    let folder = Folder::new();
    let config = folder.write("gateway.json", &answering(""));
    let log = std::fs::File::create(folder.0.join("log")).unwrap();
    let mut command = limited(1000, &config);
    command.stdout(log);
    let mut program = Program::spawn(command);
    let mut asked = 0;
    while !program.messages().contains("the access log fails: File too large") {
        assert_eq!(get(&program), 200);
        asked += 1;
        std::thread::sleep(Duration::from_millis(20));
    }
    let lost = sample(&program, "edgeway_access_log_lost_lines_total");
    assert!(lost >= 1.0 && lost <= f64::from(asked), "{lost}");
    assert_eq!(program.messages().matches("the access log fails").count(), 1);
    lift_limit(&program);
    assert_eq!(get(&program), 200);
    program.wait_for_message("the access log works again");
    program.signal("TERM");
    assert!(program.ended());
    let text = std::fs::read_to_string(folder.0.join("log")).unwrap();
    assert!(text.contains(r#"{"omitted":"#), "{text}");
    assert!(text.lines().last().unwrap().ends_with('}'), "{text}");
}

/// A disk that was full once is written to again, without a restart, and the operator is told of both. Meanwhile what was
/// written before is read.
#[test]
fn a_store_whose_disk_was_full_works_again() {
    let folder = Folder::new();
    let config = folder.write("gateway.json", &answering(r#", "accessLog": "off", "keyValueFile": "values""#));
    let put = |program: &Program, name: &str, bytes: usize| {
        let content = "x".repeat(bytes);
        status(program, &format!("PUT /kv/{name} HTTP/1.1\r\nHost: a\r\nContent-Length: {bytes}\r\n\r\n{content}"))
    };
    let read = |program: &Program| status(program, "GET /kv/first HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut command = limited(4_000_000, &config);
    command.current_dir(&folder.0);
    let mut program = Program::spawn(command);
    assert_eq!(put(&program, "first", 10), 204);
    let mut number = 0;
    while put(&program, &format!("n{number}"), 400_000) == 204 {
        number += 1;
        assert!(number < 100, "the disk never fills");
    }
    program.wait_for_message("the key-value store fails");
    assert_eq!(put(&program, "other", 400_000), 503);
    assert_eq!(read(&program), 200);
    lift_limit(&program);
    wait_until("a write", || put(&program, "last", 400_000) == 204);
    program.wait_for_message("the key-value store works again");
    assert_eq!(read(&program), 200);
    program.signal("TERM");
    assert!(program.ended());
}

/// A Redis that goes away and comes back is told of as well.
#[test]
fn a_redis_that_goes_away_is_told_of() {
    let Some((redis, port)) = crate::redis::redis() else {
        eprintln!("skipped: no redis-server on the PATH");
        return;
    };
    let folder = Folder::new();
    let text = answering(r#", "accessLog": "off""#)
        .replace(
            r#""respond": {} }"#,
            r#""respond": {}, "policies": [{ "rateLimit": { "limit": 100000, "window": "1h", "fail": "open" } }] }"#,
        )
        .replacen('{', &format!(r#"{{ "counters": {{ "redis": "redis://127.0.0.1:{port}" }},"#), 1);
    let program = Program::serve(&folder.write("gateway.json", &text));
    assert_eq!(get(&program), 200);
    drop(redis);
    let begun = Instant::now();
    while !program.messages().contains("the store of the counters fails") {
        assert!(begun.elapsed() < crate::support::PATIENCE, "{}", program.messages());
        get(&program);
    }
    let mut again = Command::new("redis-server");
    again.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
    let mut again = again.stdout(Stdio::null()).process_group(0).spawn().unwrap();
    let begun = Instant::now();
    while !program.messages().contains("the store of the counters works again") {
        assert!(begun.elapsed() < crate::support::PATIENCE, "{}", program.messages());
        get(&program);
    }
    again.kill().unwrap();
    again.wait().unwrap();
}
