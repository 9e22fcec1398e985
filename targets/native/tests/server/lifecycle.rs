//! Reload and shutdown.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::{
    Folder, Load, Program, Wire, config, field, gateway_with, get, load, ok_upstream, start, upstream, wait_until,
};

fn answering(text: &str) -> String {
    format!(
        r#"{{
          "server": {{ "listen": "127.0.0.1:0", "accessLog": "off" }},
          "routes": [ {{ "name": "all", "match": {{ "prefix": "/" }}, "respond": {{ "body": "{text}" }} }} ]
        }}"#
    )
}

/// No request fails while SIGHUP reloads the configuration over and over.
#[test]
fn reload_under_load() {
    let upstream = ok_upstream();
    let folder = Folder::new();
    let program = Program::serve(&folder.write("gateway.json", &config(upstream.address, "{}", "{}")));
    let load = Load::start(program.address, 8);
    for n in 0..10 {
        load.wait_for_answers(100);
        // Another upstream by another name for the same address, then back.
        let text = config(upstream.address, if n % 2 == 0 { r#"{ "connect": "3s" }"# } else { "{}" }, "{}");
        folder.write("gateway.json", &text);
        program.signal("HUP");
        wait_until("a reload", || program.messages().matches("reloaded").count() > n);
    }
    load.wait_for_answers(100);
    assert_eq!(load.stop(), [""; 0]);
    // The pool of an unchanged upstream is kept: there were never more connections than clients.
    assert!(upstream.connections.load(Ordering::SeqCst) <= 16);
}

#[test]
fn a_wrong_file_leaves_the_old_one_serving() {
    let folder = Folder::new();
    let program = Program::serve(&folder.write("gateway.json", &answering("one")));
    assert_eq!(get(program.address), (200, "one".to_owned()));
    folder.write("gateway.json", &answering("two").replace("respond", "respnd").replace("prefix", "prefx"));
    program.signal("HUP");
    program.wait_for_message("is not used");
    let messages = program.messages();
    assert!(messages.contains("respnd") && messages.contains("prefx"), "not all mistakes: {messages}");
    assert_eq!(get(program.address), (200, "one".to_owned()));
    folder.write("gateway.json", &answering("three"));
    program.wait_for_message("reloaded");
    assert_eq!(get(program.address), (200, "three".to_owned()));
}

/// docs/configuration.md, Access log: messages begin with the same time as the lines of the log (RFC 3339).
#[test]
fn messages_begin_with_the_time() {
    let is_timed = |line: &str| {
        let pattern = "0000-00-00T00:00:00.000Z ";
        line.len() > pattern.len()
            && line
                .bytes()
                .zip(pattern.bytes())
                .all(|(byte, at)| if at == b'0' { byte.is_ascii_digit() } else { byte == at })
    };
    let assert_timed = |messages: &str, number: usize| {
        // A mistake is shown before the line that says how many there are. What goes on is indented, and set off by an empty line.
        let is_message = |line: &&str| !line.is_empty() && !line.starts_with(' ') && !line.starts_with("error: ");
        let lines: Vec<&str> = messages.lines().filter(is_message).collect();
        assert!(lines.len() >= number && lines.iter().all(|line| is_timed(line)), "{messages}");
    };
    let folder = Folder::new();
    let path = folder.write("gateway.json", &answering("one"));
    let mut program = Program::serve(&path);
    folder.write("gateway.json", &answering("two").replace("respond", "respnd").replace("prefix", "prefx"));
    program.signal("HUP");
    program.wait_for_message("is not used");
    folder.write("gateway.json", &answering("three"));
    program.wait_for_message("reloaded");
    program.signal("TERM");
    assert!(program.ended());
    assert_timed(&program.messages(), 4);

    folder.write("gateway.json", "{");
    let failed = std::process::Command::new(env!("CARGO_BIN_EXE_edgeway")).arg("serve").arg(&path).output().unwrap();
    assert!(!failed.status.success());
    assert_timed(&String::from_utf8(failed.stderr).unwrap(), 1);
}

#[test]
fn a_file_that_is_gone_is_missed() {
    let folder = Folder::new();
    let path = folder.write("gateway.json", &answering("one"));
    let program = Program::serve(&path);
    std::fs::remove_file(&path).unwrap();
    program.wait_for_message("is gone; what was read from it is served on");
    assert_eq!(get(program.address), (200, "one".to_owned()));
    folder.write("gateway.json", &answering("two"));
    program.wait_for_message("reloaded");
    assert_eq!(get(program.address), (200, "two".to_owned()));
}

/// A file that is replaced as editors do, and one behind a link that is replaced as a mounted ConfigMap's is.
#[cfg(unix)]
#[test]
fn a_changed_file_is_taken_up() {
    let folder = Folder::new();
    let program = Program::serve(&folder.write("gateway.json", &answering("one")));
    std::fs::rename(folder.write("gateway.json~", &answering("two")), folder.0.join("gateway.json")).unwrap();
    program.wait_for_message("reloaded");
    assert_eq!(get(program.address), (200, "two".to_owned()));

    let folder = Folder::new();
    for (name, text) in [("v1", "one"), ("v2", "two")] {
        std::fs::create_dir(folder.0.join(name)).unwrap();
        folder.write(&format!("{name}/gateway.json"), &answering(text));
    }
    let link = |version: &str| {
        std::os::unix::fs::symlink(version, folder.0.join("next")).unwrap();
        std::fs::rename(folder.0.join("next"), folder.0.join("data")).unwrap();
    };
    link("v1");
    std::os::unix::fs::symlink("data/gateway.json", folder.0.join("gateway.json")).unwrap();
    let program = Program::serve(&folder.0.join("gateway.json"));
    assert_eq!(get(program.address), (200, "one".to_owned()));
    link("v2");
    program.wait_for_message("reloaded");
    assert_eq!(get(program.address), (200, "two".to_owned()));
}

#[test]
fn a_wrong_file_stops_the_start() {
    let folder = Folder::new();
    let path = folder.write("gateway.json", r#"{ "routs": [] }"#);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_edgeway"))
        .args(["serve", path.to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("did you mean `routes`"));
}

/// SIGTERM under load: what is open is finished, and no connection is cut off.
#[test]
fn drain_under_load() {
    let upstream = ok_upstream();
    let folder = Folder::new();
    let mut program = Program::serve(&folder.write("gateway.json", &config(upstream.address, "{}", "{}")));
    let load = Load::start(program.address, 8);
    load.wait_for_answers(200);
    program.signal("TERM");
    assert!(program.ended());
    assert_eq!(load.stop(), [""; 0]);
    assert!(!program.messages().contains("cut off"));
}

#[test]
fn an_open_exchange_is_finished_and_new_connections_are_refused() {
    let go_on = Arc::new(AtomicBool::new(false));
    let waited_for = Arc::clone(&go_on);
    let upstream = upstream(move |wire, _| {
        wire.head();
        wait_until("the drain", || waited_for.load(Ordering::SeqCst));
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    let gateway = start(&config(upstream.address, "{}", "{}"));
    let address = gateway.address();
    let mut wire = Wire::connect(address);
    wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_until("a request at the upstream", || upstream.connections.load(Ordering::SeqCst) == 1);
    let draining = std::thread::spawn(move || gateway.shutdown());
    wait_until("the end of the listening", || std::net::TcpStream::connect(address).is_err());
    go_on.store(true, Ordering::SeqCst);
    let head = wire.head().unwrap();
    assert_eq!((wire.body(&head), field(&head, "connection").as_deref()), (b"ok".to_vec(), Some("close")));
    assert_eq!(draining.join().unwrap().cut_off, 0);
}

#[test]
fn an_exchange_that_goes_on_is_cut_off() {
    let upstream = upstream(|wire, _| {
        wire.head();
        wire.is_closed();
    });
    let gateway = gateway_with(upstream.address, "{}", r#"{ "drain": "300ms" }"#);
    let mut wire = Wire::connect(gateway.address());
    wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_until("a request at the upstream", || upstream.connections.load(Ordering::SeqCst) == 1);
    assert_eq!(gateway.shutdown().cut_off, 1);
    assert!(wire.is_closed());
}

#[test]
fn a_second_signal_ends_at_once() {
    let upstream = upstream(|wire, _| {
        wire.head();
        wire.is_closed();
    });
    let folder = Folder::new();
    let mut program = Program::serve(&folder.write("gateway.json", &config(upstream.address, "{}", "{}")));
    let mut wire = Wire::connect(program.address);
    wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_until("a request at the upstream", || upstream.connections.load(Ordering::SeqCst) == 1);
    program.signal("INT");
    program.wait_for_message("a second signal ends at once");
    program.signal("INT");
    assert!(!program.ended());
}

/// The key-value file keeps what was put beyond the process.
#[test]
fn values_outlive_the_program() {
    let folder = Folder::new();
    let text = r#"{
      "server": { "listen": "127.0.0.1:0", "accessLog": "off", "keyValueFile": "values" },
      "routes": [ { "name": "kv", "match": { "path": "/{name}", "methods": ["GET", "PUT"] }, "keyValue": { "key": "{path.name}" } } ]
    }"#;
    let path = folder.write("gateway.json", text);
    let mut program = Program::serve(&path);
    let put = "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\none";
    let head = {
        let mut wire = Wire::connect(program.address);
        wire.send(put);
        wire.head().unwrap()
    };
    assert!(head.contains(" 204 "), "{head}");
    program.signal("TERM");
    assert!(program.ended());
    let program = Program::serve(&path);
    let answer = Wire::connect(program.address).ask("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(answer, Some((200, "one".to_owned())));
}

/// A client that takes its time is served, however long nobody was there before it.
#[test]
fn the_first_connection_after_a_quiet_time() {
    let (plan, settings) = load(&answering("one"));
    let options = edgeway::server::Options { threads: std::num::NonZero::new(1), ..Default::default() };
    let gateway = edgeway::server::Server::start(plan, settings, &options).unwrap();
    assert_eq!(get(gateway.address()), (200, "one".to_owned()));
    std::thread::sleep(std::time::Duration::from_millis(edgeway::server::activity::HEAD_TIMEOUT + 1_000));
    let mut wire = Wire::connect(gateway.address());
    // Time for some sweeps.
    std::thread::sleep(edgeway::clock::TICK * 5);
    assert_eq!(wire.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), Some((200, "one".to_owned())));
}
