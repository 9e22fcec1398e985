//! What a client is told of an upstream that can't be talked to (RFC 9209 §2.3).

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use rcgen::CertificateParams;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};

use crate::support::{Folder, Program, Wire, field, start, status, upstream};

/// The status and the error type for an upstream at `url`, of which `authorities` are trusted.
#[track_caller]
fn failure(url: &str, authorities: &str) -> (u16, String) {
    let server = start(&format!(
        r#"{{
          "server": {{ "listen": "127.0.0.1:0", "accessLog": "off" }},
          "upstreams": {{ "up": {{ "url": "{url}" {authorities} }} }},
          "routes": [ {{ "name": "all", "match": {{ "prefix": "/" }}, "upstream": "up" }} ]
        }}"#
    ));
    let mut wire = Wire::connect(server.address());
    wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let head = wire.head().unwrap();
    let error = field(&head, "proxy-status").unwrap();
    (status(&head), error.strip_prefix("edgeway; error=").unwrap().to_owned())
}

/// An upstream with a certificate that `change` has made something of, trusted by itself; returns its address and the member
/// of a configuration that trusts it.
fn tls_upstream(folder: &Folder, alpn: &[&[u8]], change: impl FnOnce(&mut CertificateParams)) -> (SocketAddr, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    change(&mut params);
    let certificate = params.self_signed(&key).unwrap();
    let path = folder.write("authority.pem", &certificate.pem());
    let chain = vec![CertificateDer::from(certificate.der().to_vec())];
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut tls = rustls::Stream::new(&mut connection, &mut stream);
            let mut request = [0; 1024];
            if tls.read(&mut request).is_ok() {
                let _ = tls.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            }
        }
    });
    (address, format!(r#", "tls": {{ "authorities": "{}" }}"#, path.display()))
}

/// RFC 9209 §2.3.7 and §2.3.6.
#[test]
fn connections_that_do_not_come_about() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(failure(&format!("http://{nobody}"), ""), (502, "connection_refused".to_owned()));
    // No connection can go to a group: every system refuses it as unreachable.
    assert_eq!(failure("http://224.0.0.1:9", ""), (502, "destination_ip_unroutable".to_owned()));
}

/// RFC 9209 §2.3.28 and §2.3.8: the connection came about, and the upstream does not speak the HTTP/2 that the configuration says
/// (RFC 9113 §3.3), or says nothing.
#[test]
fn upstreams_that_do_not_speak_http2() {
    let h2c = r#", "protocol": "h2c""#;
    for (answer, error) in [
        ("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", "http_protocol_error"),
        ("", "connection_terminated"),
    ] {
        let upstream = upstream(move |wire, _| {
            let _ = wire.stream.read(&mut [0; 24]);
            wire.send(answer);
            let _ = wire.stream.get_ref().shutdown(std::net::Shutdown::Write);
            let _ = wire.stream.read_to_end(&mut Vec::new());
        });
        assert_eq!(failure(&format!("http://{}", upstream.address), h2c), (502, error.to_owned()), "{answer:?}");
    }
}

/// RFC 9209 §2.3.14: unknown to any authority, made for another name, out of date.
#[test]
fn certificates_that_are_not_trusted() {
    let folder = Folder::new();
    let certificate_error = (502, "tls_certificate_error".to_owned());
    let (address, trusting) = tls_upstream(&folder, &[], |_| ());
    assert_eq!(failure(&format!("https://localhost:{}", address.port()), ""), certificate_error);
    assert_eq!(failure(&format!("https://127.0.0.1:{}", address.port()), &trusting), certificate_error);
    let (address, trusting) = tls_upstream(&folder, &[], |params| {
        params.not_before = rcgen::date_time_ymd(2019, 1, 1);
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    });
    assert_eq!(failure(&format!("https://localhost:{}", address.port()), &trusting), certificate_error);
}

/// RFC 9209 §2.3.13 and §2.3.15: an upstream that does not speak TLS, and one that refuses the handshake.
#[test]
fn handshakes_that_fail() {
    let upstream = upstream(|wire, _| {
        let _ = wire.stream.read(&mut [0; 16]);
        wire.send("HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let url = format!("https://localhost:{}", upstream.address.port());
    assert_eq!(failure(&url, ""), (502, "tls_protocol_error".to_owned()));

    let folder = Folder::new();
    let (address, trusting) = tls_upstream(&folder, &[b"other"], |_| ());
    let url = format!("https://localhost:{}", address.port());
    assert_eq!(failure(&url, &trusting), (502, "tls_alert_received".to_owned()));
}

/// The client is told the kind of a failure, the operator its reason: once, until a handshake succeeds again.
#[test]
fn the_operator_is_told_why_a_handshake_fails() {
    let folder = Folder::new();
    let strange = tls_upstream(&Folder::new(), &[], |_| ()).0;
    let plain = upstream(|wire, _| {
        let _ = wire.stream.read(&mut [0; 16]);
        wire.send("HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let silent = upstream(|wire, _| {
        let _ = wire.stream.read(&mut [0; 4096]);
    });
    let of_others = Folder::new();
    let (expired, trusting_expired) = tls_upstream(&of_others, &[], |params| {
        params.not_before = rcgen::date_time_ymd(2019, 1, 1);
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    });
    let (authority, trusting_authority) = tls_upstream(&folder, &[], |params| {
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    });
    let upstreams = [
        ("strange", strange, "", "no trusted authority has signed its certificate; name the file"),
        ("plain", plain.address, "", "the upstream does not speak TLS; is its URL `http://`?"),
        ("silent", silent.address, "", "does it speak TLS?"),
        ("expired", expired, &*trusting_expired, "certificate expired"),
        ("authority", authority, &*trusting_authority, "make it with `basicConstraints=critical,CA:FALSE`"),
    ];
    let list = upstreams
        .map(|(name, address, tls, _)| {
            format!(r#""{name}": {{ "url": "https://localhost:{}" {tls} }}"#, address.port())
        })
        .join(", ");
    let routes = upstreams
        .map(|(name, ..)| format!(r#"{{ "name": "{name}", "match": {{ "path": "/{name}" }}, "upstream": "{name}" }}"#))
        .join(", ");
    let text =
        format!(r#"{{ "server": {{ "listen": "127.0.0.1:0" }}, "upstreams": {{ {list} }}, "routes": [ {routes} ] }}"#);
    let program = Program::serve(&folder.write("gateway.json", &text));
    let mut wire = Wire::connect(program.address);
    for (name, address, _, reason) in upstreams {
        for _ in 0..2 {
            assert_eq!(wire.ask(&format!("GET /{name} HTTP/1.1\r\nHost: a\r\n\r\n")).unwrap().0, 502);
        }
        let place = format!("TLS to the upstream `{name}` at localhost:{} fails: ", address.port());
        program.wait_for_message(&place);
        let messages = program.messages();
        let line = messages.lines().find(|line| line.contains(&place)).unwrap();
        assert!(line.contains(reason), "{line}");
        assert_eq!(messages.matches(&place).count(), 1, "{messages}");
    }
}
