//! The metrics of what goes on beside requests (docs/configuration.md, Metrics).

use std::net::{SocketAddr, TcpListener};

use crate::support::{Folder, Program, Wire, get, wait_until};

/// The metrics as text.
fn metrics(admin: SocketAddr) -> String {
    let mut wire = Wire::connect(admin);
    wire.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let head = wire.head().unwrap();
    String::from_utf8(wire.body(&head)).unwrap()
}

fn sample(admin: SocketAddr, series: &str) -> Option<i64> {
    let text = metrics(admin);
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ').map(str::to_owned));
    line.map(|value| value.parse().unwrap())
}

fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A certificate that ends at the beginning of the year 2040, with its key.
fn certificate(folder: &Folder) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
    parameters.not_after = rcgen::date_time_ymd(2040, 1, 1);
    folder.write("a.pem", &parameters.self_signed(&key).unwrap().pem());
    folder.write("a.key", &key.serialize_pem());
}

#[test]
fn failed_connections_reloads_and_certificates_are_told() {
    let folder = Folder::new();
    certificate(&folder);
    let [plain, tls, trusted, admin] = [(); 4].map(|()| port());
    let config = |network: &str, body: &str| {
        let text = format!(
            r#"{{
              "server": {{ "accessLog": "off", "admin": "{admin}", "listen": [
                "127.0.0.1:{plain}",
                {{ "address": "127.0.0.1:{tls}", "tls": {{ "certificate": "a.pem", "key": "a.key" }} }},
                {{ "address": "127.0.0.1:{trusted}", "proxyProtocol": true }}
              ] }},
              "network": {{ "trustedProxies": ["{network}"] }},
              "routes": [ {{ "name": "r", "match": {{ "prefix": "/" }}, "respond": {{ "body": "{body}" }} }} ]
            }}"#
        );
        folder.write("gateway.json", &text)
    };
    let program = Program::serve(&config("127.0.0.1", "one"));
    let at = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
    let admin = at(admin);
    program.wait_for_message("admin endpoints on");
    let counts = |kind: &str| sample(admin, &format!(r#"edgeway_failed_connections_total{{kind="{kind}"}}"#));
    for kind in ["untrusted_proxy", "proxy_header", "tls_handshake", "cleartext", "incomplete_head", "malformed_head"] {
        assert_eq!(counts(kind), Some(0), "{kind}");
    }
    let wait_for = |kind: &str, count: i64| wait_until(kind, || counts(kind) == Some(count));
    let send = |port: u16, bytes: &[u8]| {
        let mut wire = Wire::connect(at(port));
        wire.send(bytes);
        wire
    };

    // A look whether the port is open is no failure, and neither is a request that is answered.
    for port in [plain, tls, trusted] {
        drop(Wire::connect(at(port)));
    }
    assert_eq!(get(at(plain)).0, 200);
    drop(send(plain, b"GET / HT"));
    wait_for("incomplete_head", 1);
    drop(send(plain, b"P"));
    wait_for("incomplete_head", 2);
    assert!(send(plain, b"G@T  /\r\n\r\n").head().unwrap().starts_with("HTTP/1.1 400"));
    wait_for("malformed_head", 1);
    let cut_off = send(trusted, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_for("proxy_header", 1);
    drop(cut_off);
    assert!(send(tls, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").head().unwrap().contains(" 400 "));
    wait_for("cleartext", 1);
    drop(send(tls, b"\x16\x03\x01\x00\x05hello"));
    wait_for("tls_handshake", 1);
    assert_eq!(counts("incomplete_head"), Some(2), "each is counted once");
    assert_eq!(counts("proxy_header"), Some(1), "each is counted once");

    let end = sample(
        admin,
        &format!(
            r#"edgeway_certificate_expiry_timestamp_seconds{{listener="127.0.0.1:{tls}",file="{}"}}"#,
            folder.0.join("a.pem").display()
        ),
    );
    assert_eq!(end, Some(2_208_988_800), "{}", metrics(admin));

    let taken_over = || sample(admin, "edgeway_config_last_reload_success_timestamp_seconds").unwrap();
    let is_successful = || sample(admin, "edgeway_config_last_reload_successful");
    let first = taken_over();
    assert!(first > 1_700_000_000 && is_successful() == Some(1));
    folder.write("gateway.json", "{");
    program.wait_for_message("is not used");
    wait_until("a refused reload", || is_successful() == Some(0));
    assert_eq!(taken_over(), first);
    config("127.0.0.2", "two");
    program.wait_for_message("reloaded");
    wait_until("a reload", || is_successful() == Some(1));
    assert!(taken_over() >= first);
    let _cut_off = send(trusted, b"PROXY UNKNOWN\r\n");
    wait_for("untrusted_proxy", 1);
}
