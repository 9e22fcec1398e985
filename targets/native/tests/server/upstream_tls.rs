//! The names and certificates of TLS to upstreams (docs/configuration.md, Upstreams).

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use crate::support::{Folder, Program, Wire, field, get, start, status};

/// A certificate with its key.
struct Pair {
    certificate: CertificateDer<'static>,
    pem: String,
    key: rcgen::KeyPair,
}

impl Pair {
    fn new(names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        Self { certificate: made.cert.der().clone(), pem: made.cert.pem(), key: made.signing_key }
    }

    /// Writes it into `folder`, as `name.pem` and `name.key`.
    fn write(&self, folder: &Folder, name: &str) {
        folder.write(&format!("{name}.pem"), &self.pem);
        folder.write(&format!("{name}.key"), &self.key.serialize_pem());
    }
}

/// An upstream with the certificate of `own`. It requires one of `clients`, if there are any, and answers with the name that was
/// asked for and the client's number.
fn tls_upstream(own: &Pair, clients: &[&Pair], protocols: &[&str]) -> SocketAddr {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let known: Vec<_> = clients.iter().map(|pair| pair.certificate.clone()).collect();
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().unwrap();
    let builder = if known.is_empty() {
        builder.with_no_client_auth()
    } else {
        let mut roots = RootCertStore::empty();
        known.iter().for_each(|certificate| roots.add(certificate.clone()).unwrap());
        builder.with_client_cert_verifier(
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap(),
        )
    };
    let key = PrivateKeyDer::try_from(own.key.serialize_der()).unwrap();
    let mut config = builder.with_single_cert(vec![own.certificate.clone()], key).unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let (config, known) = (Arc::new(config), Arc::new(known));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (config, known) = (Arc::clone(&config), Arc::clone(&known));
            std::thread::spawn(move || {
                let connection = ServerConnection::new(config).unwrap();
                serve(&mut StreamOwned::new(connection, stream.unwrap()), &known);
            });
        }
    });
    address
}

fn serve(stream: &mut StreamOwned<ServerConnection, std::net::TcpStream>, known: &[CertificateDer<'static>]) {
    use std::io::{Read, Write};
    let (mut head, mut byte) = (Vec::new(), [0]);
    while matches!(stream.read(&mut byte), Ok(1)) {
        head.extend(byte);
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        head.clear();
        let client = stream.conn.peer_certificates().and_then(<[_]>::first);
        let number = client.and_then(|client| known.iter().position(|known| known == client));
        let text = format!("{} {number:?}", stream.conn.server_name().unwrap_or("-"));
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len());
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
    // What is unread at the close would take the alert with it.
    let _ = stream.sock.shutdown(std::net::Shutdown::Write);
    let _ = std::io::copy(&mut stream.sock, &mut std::io::sink());
}

/// A configuration with an upstream for each of `upstreams`: its URL and its members of `tls`, at `/0`, `/1` and so on.
fn config(upstreams: &[(String, &str)]) -> String {
    let mut list = Vec::new();
    let mut routes = Vec::new();
    for (number, (url, tls)) in upstreams.iter().enumerate() {
        list.push(format!(r#""u{number}": {{ "url": "{url}", "tls": {{ {tls} }} }}"#));
        routes.push(format!(
            r#"{{ "name": "r{number}", "match": {{ "prefix": "/{number}" }}, "upstream": "u{number}" }}"#
        ));
    }
    format!(
        r#"{{ "server": {{ "listen": "127.0.0.1:0", "accessLog": "off" }},
          "upstreams": {{ {} }}, "routes": [ {} ] }}"#,
        list.join(", "),
        routes.join(", ")
    )
}

/// The status and the content of the answer to a request for `path`, or the error type in place of the content.
fn ask(address: SocketAddr, path: &str) -> (u16, String) {
    let mut wire = Wire::connect(address);
    wire.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
    let head = wire.head().unwrap();
    let content = String::from_utf8(wire.body(&head)).unwrap();
    assert!(!head.contains(".pem") && !content.contains(".pem"), "{head}{content}");
    let error = field(&head, "proxy-status").map(|value| value.replace("edgeway; error=", ""));
    (status(&head), error.unwrap_or(content))
}

/// RFC 8446 §4.4.2.4, RFC 9209 §2.3.15: an upstream that requires a certificate is shown the gateway's; one that is shown none, or
/// another, says so by an alert.
#[test]
fn an_upstream_that_requires_a_certificate_is_shown_one() {
    let folder = Folder::new();
    let (own, client, stranger) = (Pair::new(&["localhost"]), Pair::new(&["gateway"]), Pair::new(&["gateway"]));
    own.write(&folder, "own");
    client.write(&folder, "client");
    stranger.write(&folder, "stranger");
    let url = |protocol| format!("https://localhost:{}", tls_upstream(&own, &[&client], &[protocol]).port());
    let trusting = format!(r#""authorities": "{}/own.pem""#, folder.0.display());
    let showing = |name: &str| {
        format!(r#"{trusting}, "certificate": "{0}/{name}.pem", "key": "{0}/{name}.key""#, folder.0.display())
    };
    let refused = (502, "tls_alert_received".to_owned());
    for protocol in ["http/1.1", "h2"] {
        let url = url(protocol);
        let text = config(&[(url.clone(), &showing("client")), (url.clone(), &trusting), (url, &showing("stranger"))]);
        let server = start(&text);
        if protocol == "http/1.1" {
            assert_eq!(ask(server.address(), "/0"), (200, "localhost Some(0)".to_owned()));
        }
        assert_eq!(ask(server.address(), "/1"), refused, "{protocol}");
        assert_eq!(ask(server.address(), "/2"), refused, "{protocol}");
    }
}

/// RFC 6066 §3, RFC 9525 §6: `serverName` is asked for and checked, in place of the URL's host.
#[test]
fn the_server_name_is_asked_for_and_checked() {
    let folder = Folder::new();
    let own = Pair::new(&["users.internal", "*.wild.internal"]);
    own.write(&folder, "own");
    let port = tls_upstream(&own, &[], &["http/1.1"]).port();
    let trusting = format!(r#""authorities": "{}/own.pem""#, folder.0.display());
    let named = |name: &str| format!(r#"{trusting}, "serverName": "{name}""#);
    let server = start(&config(&[
        (format!("https://localhost:{port}"), &trusting),
        (format!("https://localhost:{port}"), &named("Users.Internal.")),
        (format!("https://127.0.0.1:{port}"), &named("a.wild.internal")),
        (format!("https://localhost:{port}"), &named("orders.internal")),
    ]));
    let refused = (502, "tls_certificate_error".to_owned());
    assert_eq!(ask(server.address(), "/0"), refused);
    assert_eq!(ask(server.address(), "/1"), (200, "users.internal None".to_owned()));
    assert_eq!(ask(server.address(), "/2"), (200, "a.wild.internal None".to_owned()));
    assert_eq!(ask(server.address(), "/3"), refused);
}

/// docs/configuration.md, Balancing: a place is asked for a name of its own, in place of that of the upstream, which holds for the others.
#[test]
fn a_place_is_asked_for_a_name_of_its_own() {
    let folder = Folder::new();
    let own = Pair::new(&["users.internal", "a.internal"]);
    own.write(&folder, "own");
    let [one, two] = [0, 1].map(|_| tls_upstream(&own, &[], &["http/1.1"]).port());
    let folder = folder.0.display();
    let server = start(&format!(
        r#"{{ "server": {{ "listen": "127.0.0.1:0", "accessLog": "off" }},
          "upstreams": {{ "u": {{
            "targets": [
              {{ "url": "https://localhost:{one}", "tls": {{ "serverName": "a.internal" }} }},
              {{ "url": "https://localhost:{two}" }}
            ],
            "tls": {{ "authorities": "{folder}/own.pem", "serverName": "users.internal" }} }} }},
          "routes": [ {{ "name": "r", "upstream": "u" }} ] }}"#
    ));
    // Two threads count turns, each for itself: of three requests two are of one of them.
    let mut answers: Vec<String> = (0..3).map(|_| ask(server.address(), "/").1).collect();
    answers.sort();
    answers.dedup();
    assert_eq!(answers, ["a.internal None", "users.internal None"]);
}

/// docs/configuration.md, Upstreams: of `names` the certificate has to cover one, whatever was asked for. What else is wrong with
/// a certificate is wrong all the same.
#[test]
fn the_certificate_covers_one_of_the_names() {
    let folder = Folder::new();
    let own = Pair::new(&["users.internal", "localhost", "10.0.0.7"]);
    own.write(&folder, "own");
    Pair::new(&["users.internal"]).write(&folder, "stranger");
    let url = format!("https://localhost:{}", tls_upstream(&own, &[], &["http/1.1"]).port());
    let naming = |authority: &str, names: &str| {
        format!(r#""authorities": "{}/{authority}.pem", "names": [{names}]"#, folder.0.display())
    };
    let server = start(&config(&[
        (url.clone(), &naming("own", r#""orders.internal", "users.internal""#)),
        (url.clone(), &naming("own", r#""10.0.0.7""#)),
        (url.clone(), &naming("own", r#""orders.internal", "10.0.0.8""#)),
        (url.clone(), &naming("stranger", r#""users.internal""#)),
    ]));
    let refused = (502, "tls_certificate_error".to_owned());
    assert_eq!(ask(server.address(), "/0"), (200, "localhost None".to_owned()));
    assert_eq!(ask(server.address(), "/1"), (200, "localhost None".to_owned()));
    assert_eq!(ask(server.address(), "/2"), refused);
    assert_eq!(ask(server.address(), "/3"), refused);
}

/// A connection was authenticated with one certificate, and checked for one name: it serves no upstream with other settings.
#[test]
fn upstreams_with_other_settings_share_no_connection() {
    let folder = Folder::new();
    let (own, one, two) = (Pair::new(&["localhost"]), Pair::new(&["one"]), Pair::new(&["two"]));
    own.write(&folder, "own");
    one.write(&folder, "one");
    two.write(&folder, "two");
    let url = format!("https://localhost:{}", tls_upstream(&own, &[&one, &two], &["http/1.1"]).port());
    let showing = |name: &str, more: &str| {
        format!(
            r#""authorities": "{0}/own.pem", "certificate": "{0}/{name}.pem", "key": "{0}/{name}.key" {more}"#,
            folder.0.display()
        )
    };
    let server = start(&config(&[
        (url.clone(), &showing("one", "")),
        (url.clone(), &showing("two", "")),
        (url.clone(), &showing("one", r#", "serverName": "other.internal""#)),
        (url.clone(), &showing("one", r#", "names": ["other.internal"]"#)),
    ]));
    for _ in 0..3 {
        assert_eq!(ask(server.address(), "/0"), (200, "localhost Some(0)".to_owned()));
        assert_eq!(ask(server.address(), "/1"), (200, "localhost Some(1)".to_owned()));
        assert_eq!(ask(server.address(), "/2").0, 502);
        assert_eq!(ask(server.address(), "/3").0, 502);
    }
}

/// docs/platforms.md, Native: the gateway's certificates for upstreams are files behind the configuration, relative to it; one
/// without its key leaves the old one in use.
#[test]
fn a_changed_client_certificate_is_taken_up() {
    let folder = Folder::new();
    let (own, old, new) = (Pair::new(&["localhost"]), Pair::new(&["old"]), Pair::new(&["new"]));
    own.write(&folder, "own");
    old.write(&folder, "client");
    let url = format!("https://localhost:{}", tls_upstream(&own, &[&old, &new], &["http/1.1"]).port());
    let tls = r#""authorities": "own.pem", "certificate": "client.pem", "key": "client.key""#;
    let program = Program::serve(&folder.write("gateway.json", &config(&[(url, tls)]).replace("/0", "/")));
    let replace = |name: &str, text: &str| {
        std::fs::rename(folder.write("next", text), folder.0.join(name)).unwrap();
    };
    assert_eq!(get(program.address), (200, "localhost Some(0)".to_owned()));
    replace("client.pem", &new.pem);
    program.wait_for_message("what was served before is served on");
    assert!(program.messages().contains("client.pem"), "{}", program.messages());
    assert_eq!(get(program.address), (200, "localhost Some(0)".to_owned()));
    replace("client.key", &new.key.serialize_pem());
    program.wait_for_message("reloaded");
    assert_eq!(get(program.address), (200, "localhost Some(1)".to_owned()));
}
