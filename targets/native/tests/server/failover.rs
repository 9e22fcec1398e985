//! Processes in several places, of which one is gone or frozen (docs/configuration.md, Health and Retries).

use std::time::Duration;

use crate::support::{Folder, Load, Program, start};

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
