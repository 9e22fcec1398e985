//! Processes in several places, of which one is gone or frozen (docs/configuration.md, Health and Retries).

use std::io::Read as _;
use std::time::Duration;

use crate::support::{Folder, Load, Program, Wire, ok_upstream, start, upstream};

/// A process that answers everything.
fn place(folder: &Folder) -> Program {
    let config = r#"{
      "server": { "listen": "127.0.0.1:0", "accessLog": "off" },
      "routes": [ { "name": "all", "match": { "prefix": "/" }, "respond": { "body": "ok" } } ]
    }"#;
    Program::serve(&folder.write("gateway.json", config))
}

/// Gives one of three processes this signal while clients ask: after the first second none of them gets an error, and none when the place is tried again.
fn nobody_notices(signal: &str) {
    let folder = Folder::new();
    let places = [place(&folder), place(&folder), place(&folder)];
    let urls = places.each_ref().map(|place| format!("http://{}", place.address));
    let gateway = start(&format!(
        r#"{{
          "server": {{ "listen": "127.0.0.1:0", "accessLog": "off" }},
          "upstreams": {{
            "up": {{
              "urls": {urls:?},
              "retry": {{ "perTry": "300ms" }},
              "health": {{ "passive": {{ "ejection": "1s", "longest": "1s" }} }}
            }}
          }},
          "routes": [ {{ "name": "all", "match": {{ "prefix": "/" }}, "upstream": "up" }} ]
        }}"#
    ));
    let load = Load::start(gateway.address(), 6);
    load.wait_for_answers(300);
    assert_eq!(*load.failed.lock().unwrap(), [""; 0]);
    places[0].signal(signal);
    std::thread::sleep(Duration::from_secs(1));
    load.failed.lock().unwrap().clear();
    // It is left out for a second, and tried again, and left out.
    std::thread::sleep(Duration::from_secs(2));
    load.wait_for_answers(300);
    assert_eq!(load.stop(), [""; 0]);
}

#[test]
fn a_process_that_was_killed_is_missed_by_no_get() {
    nobody_notices("KILL");
}

#[test]
fn a_process_that_is_frozen_is_missed_by_no_get() {
    nobody_notices("STOP");
}

/// docs/configuration.md, Health: contents that break off. Heads alone tell nothing against such a place.
#[test]
fn a_place_whose_contents_break_off_is_left_out() {
    let breaking = upstream(|wire, _| {
        if wire.head().is_some() {
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
        }
    });
    let urls = [breaking.address, ok_upstream().address].map(|address| format!("http://{address}"));
    let gateway = start(&format!(
        r#"{{
          "server": {{ "listen": "127.0.0.1:0", "accessLog": "off" }},
          "upstreams": {{ "up": {{ "urls": {urls:?} }} }},
          "routes": [ {{ "name": "all", "match": {{ "prefix": "/" }}, "upstream": "up" }} ]
        }}"#
    ));
    let is_whole = |_: &usize| {
        let mut wire = Wire::connect(gateway.address());
        wire.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        wire.head().unwrap();
        let mut content = Vec::new();
        wire.stream.read_to_end(&mut content).is_ok() && content == b"ok"
    };
    // Each second one breaks off until five have; some more may be on their way by then.
    let broken = (0..40).filter(|number| !is_whole(number)).count();
    assert!((1..=8).contains(&broken), "{broken}");
}
