//! The adaptive limit of an upstream, natively (docs/configuration.md, Load).

use crate::support::{Wire, ok_upstream, start, status};

/// Clients that send their contents slowly hold no place: those of a stated length are waited for before, and others take none.
#[test]
fn slow_uploads_hold_no_place() {
    let upstream = ok_upstream();
    let gateway = start(&format!(
        r#"{{
          "server": {{ "listen": "127.0.0.1:0", "accessLog": "off" }},
          "upstreams": {{ "up": {{ "url": "http://{}", "load": {{ "least": 1, "most": 2, "first": 2 }} }} }},
          "routes": [ {{ "name": "all", "match": {{ "prefix": "/" }}, "upstream": "up" }} ]
        }}"#,
        upstream.address
    ));
    let lengths = ["Content-Length: 100", "Content-Length: 1000000", "Transfer-Encoding: chunked"];
    let slow: Vec<_> = lengths
        .iter()
        .flat_map(|length| [length; 3])
        .map(|length| {
            let mut wire = Wire::connect(gateway.address());
            wire.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{length}\r\n\r\n1"));
            wire
        })
        .collect();
    for _ in 0..20 {
        let mut wire = Wire::connect(gateway.address());
        wire.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assert_eq!(status(&wire.head().unwrap()), 200);
    }
    drop(slow);
    gateway.shutdown();
}
