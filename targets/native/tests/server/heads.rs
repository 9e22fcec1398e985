//! Heads that are large.

use crate::support::{Folder, Upstream, Wire, config, field, gateway, start, status, upstream};

/// Answers with `count` fields of `size` bytes each beside the usual ones.
fn upstream_with_fields(count: usize, size: usize) -> Upstream {
    upstream(move |wire, _| {
        while wire.head().is_some() {
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n");
            for n in 0..count {
                wire.send(format!("X-{n}: {}\r\n", "x".repeat(size)));
            }
            wire.send("\r\nok");
        }
    })
}

/// RFC 9209 §2.3.19: what is too large is told from what is no HTTP.
#[test]
fn a_response_with_too_many_fields() {
    for (count, expected) in [(250, 200), (300, 502)] {
        let upstream = upstream_with_fields(count, 1);
        let gateway = gateway(upstream.address);
        let mut wire = Wire::connect(gateway.address());
        wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let head = wire.head().unwrap();
        assert_eq!(status(&head), expected, "{count}");
        let error = (expected == 502).then(|| "edgeway; error=http_response_header_section_size".to_owned());
        assert_eq!(field(&head, "proxy-status"), error);
    }
}

/// What passes over HTTP/1.1 passes over HTTP/2 too.
#[test]
fn a_large_response_from_an_upstream_over_http2() {
    let (folder, origin) = (Folder::new(), upstream_with_fields(150, 500));
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = folder.write("cert.pem", &made.cert.pem());
    let key = folder.write("key.pem", &made.signing_key.serialize_pem());
    let files = format!(r#"{{ "tls": {{ "certificate": "{}", "key": "{}" }} }}"#, certificate.display(), key.display());
    let second = start(&config(origin.address, "{}", &files));
    let first = start(&format!(
        r#"{{
          "server": {{ "listen": "127.0.0.1:0", "accessLog": "off" }},
          "upstreams": {{ "up": {{ "url": "https://localhost:{}", "tls": {{ "authorities": "{}" }} }} }},
          "routes": [ {{ "name": "all", "match": {{ "prefix": "/" }}, "upstream": "up" }} ]
        }}"#,
        second.address().port(),
        certificate.display(),
    ));
    let mut wire = Wire::connect(first.address());
    wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let head = wire.head().unwrap();
    assert_eq!((status(&head), field(&head, "x-149").map(|value| value.len())), (200, Some(500)));
}
