//! Certificates of clients at a listener (docs/configuration.md, Certificates of clients).

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};

use edgeway::server::Server;
use rustls::client::Resumption;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, StreamOwned};

use crate::support::{Folder, Program, start, upstream, wait_until};
use crate::tls::{certificate, trusting};

/// An authority, which issues certificates for clients.
struct Authority {
    issuer: rcgen::CertifiedIssuer<'static, rcgen::KeyPair>,
}

/// A client's certificate, and its key.
struct Shown {
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

impl Authority {
    fn new() -> Self {
        Self::named("clients")
    }

    fn named(name: &str) -> Self {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign, rcgen::KeyUsagePurpose::CrlSign];
        let key = rcgen::KeyPair::generate().unwrap();
        Self { issuer: rcgen::CertifiedIssuer::self_signed(params, key).unwrap() }
    }

    /// A certificate of the service called `name`, with this serial number.
    fn issue(&self, name: &str, serial: u64) -> Shown {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let uri = format!("spiffe://example.com/{name}");
        params.subject_alt_names = vec![rcgen::SanType::URI(uri.try_into().unwrap())];
        params.serial_number = Some(serial.into());
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Shown { certificate: certificate.der().clone(), key: key.serialize_der() }
    }

    /// The list of its certificates that are revoked.
    fn revoke(&self, serials: &[u64]) -> String {
        let day = |day| rcgen::date_time_ymd(2025, 1, day);
        let revoked = serials.iter().map(|serial| rcgen::RevokedCertParams {
            serial_number: (*serial).into(),
            revocation_time: day(1),
            reason_code: None,
            invalidity_date: None,
        });
        let params = rcgen::CertificateRevocationListParams {
            this_update: day(1),
            next_update: day(2),
            crl_number: 1.into(),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: rcgen::KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

/// A configuration that says who calls, with these further members of `clients`.
fn config(folder: &Folder, clients: &str) -> String {
    format!(
        r#"{{
          "server": {{ "listen": "127.0.0.1:0", "accessLog": "off", "tls": {{
            "certificate": "{0}/cert.pem", "key": "{0}/key.pem", "clients": {{ "authorities": "{0}/ca.pem"{clients} }} }} }},
          "consumers": {{ "billing": {{ "credentials": [{{ "certificate": {{ "san": "spiffe://example.com/billing" }} }}] }} }},
          "routes": [
            {{ "name": "who", "match": {{ "path": "/who" }}, "policies": [{{ "authenticate": {{ "certificate": {{}} }} }}],
               "respond": {{ "body": "{{consumer.name}} {{certificate.subject}} {{certificate.serial}} {{certificate.san}}" }} }},
            {{ "name": "open", "match": {{ "path": "/open" }}, "respond": {{ "body": "open {{certificate.subject}}" }} }}
          ]
        }}"#,
        folder.0.display()
    )
}

/// A client that shows `shown`, if any.
fn client(server: &CertificateDer<'static>, shown: Option<&Shown>) -> Arc<ClientConfig> {
    let mut config = trusting([server]);
    if let Some(Shown { certificate, key }) = shown {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(server.clone()).unwrap();
        config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(
                vec![certificate.clone()],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.clone())),
            )
            .unwrap();
    }
    config.resumption = Resumption::in_memory_sessions(8);
    Arc::new(config)
}

/// Asks for `path` over a connection of its own. Returns the answer's status and content, and the kind of the handshake.
fn ask(address: SocketAddr, client: &Arc<ClientConfig>, path: &str) -> Result<(u16, String, HandshakeKind), String> {
    let told = |error: std::io::Error| error.to_string();
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::clone(client), name).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(address).map_err(told)?);
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(told)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(told)?;
    let status = answer.get(9..12).and_then(|status| status.parse().ok()).ok_or("no answer")?;
    let content = answer.split_once("\r\n\r\n").map(|(_, content)| content.to_owned()).unwrap_or_default();
    Ok((status, content, stream.conn.handshake_kind().ok_or("no handshake")?))
}

fn said(address: SocketAddr, client: &Arc<ClientConfig>, path: &str) -> Result<(u16, String), String> {
    ask(address, client, path).map(|(status, content, _)| (status, content))
}

fn serve(clients: &str, authority: &Authority) -> (Folder, CertificateDer<'static>, Server) {
    let folder = Folder::new();
    let own = certificate(&folder);
    folder.write("ca.pem", &authority.issuer.pem());
    let server = start(&config(&folder, clients));
    (folder, own, server)
}

const BILLING: &str = r#"billing CN=billing 07 ["spiffe://example.com/billing"]"#;

/// RFC 8446 §4.4.2: a client may show none. One of another authority's ends the connection.
#[test]
fn a_client_is_known_by_its_certificate() {
    let authority = Authority::new();
    let (_folder, own, server) = serve("", &authority);
    let known = client(&own, Some(&authority.issue("billing", 7)));
    assert_eq!(said(server.address(), &known, "/who"), Ok((200, BILLING.to_owned())));
    let other = client(&own, Some(&authority.issue("stock", 8)));
    let answer = said(server.address(), &other, "/who");
    assert_eq!(answer, Ok((200, r#" CN=stock 08 ["spiffe://example.com/stock"]"#.to_owned())));
    let none = client(&own, None);
    let (status, problem) = said(server.address(), &none, "/who").unwrap();
    assert_eq!(status, 403);
    assert!(problem.contains("\"forbidden\"") && problem.contains("this takes a client certificate"), "{problem}");
    assert_eq!(said(server.address(), &none, "/open"), Ok((200, "open ".to_owned())));
    let stranger = client(&own, Some(&Authority::new().issue("billing", 7)));
    assert!(said(server.address(), &stranger, "/open").is_err());
}

#[test]
fn a_listener_may_require_a_certificate() {
    let authority = Authority::new();
    let (_folder, own, server) = serve(r#", "required": true"#, &authority);
    let known = client(&own, Some(&authority.issue("billing", 7)));
    assert_eq!(said(server.address(), &known, "/open"), Ok((200, "open CN=billing".to_owned())));
    assert!(said(server.address(), &client(&own, None), "/open").is_err());
}

/// RFC 8446 §2.2, RFC 5246 §7.3: a resumed session has the certificate that it began with, and no other session has.
#[test]
fn a_session_that_is_resumed_keeps_its_certificate() {
    let authority = Authority::new();
    let (_folder, own, server) = serve("", &authority);
    let (billing, stock) = (authority.issue("billing", 7), authority.issue("stock", 8));
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let of_version = |shown: Option<&Shown>| {
            let mut config = (*client(&own, shown)).clone();
            let mut roots = rustls::RootCertStore::empty();
            roots.add(own.clone()).unwrap();
            let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_protocol_versions(&[version])
                .unwrap()
                .with_root_certificates(roots);
            let resolver = Arc::clone(&config.client_auth_cert_resolver);
            config = builder.with_client_cert_resolver(resolver);
            config.resumption = Resumption::in_memory_sessions(8);
            Arc::new(config)
        };
        let clients = [of_version(Some(&billing)), of_version(Some(&stock)), of_version(None)];
        for round in 0..3 {
            for (client, expected) in clients.iter().zip(["open CN=billing", "open CN=stock", "open "]) {
                let (status, content, kind) = ask(server.address(), client, "/open").unwrap();
                assert_eq!((status, &*content), (200, expected));
                assert_eq!(kind == HandshakeKind::Resumed, round > 0, "{version:?} {kind:?}");
            }
        }
    }
}

/// docs/platforms.md, Native: the files are looked at for changes. No session outlives the authority of its certificate.
#[test]
fn authorities_and_lists_of_revoked_certificates_are_read_again() {
    let (first, second) = (Authority::new(), Authority::new());
    let folder = Folder::new();
    let own = certificate(&folder);
    folder.write("ca.pem", &first.issuer.pem());
    folder.write("crl.pem", &first.revoke(&[99]));
    let revoked = format!(r#", "revoked": "{}/crl.pem""#, folder.0.display());
    let program = Program::serve(&folder.write("gateway.json", &config(&folder, &revoked)));
    let clients = [first.issue("billing", 7), first.issue("stock", 8), second.issue("new", 9)];
    let clients = clients.map(|shown| client(&own, Some(&shown)));
    let taken = || clients.each_ref().map(|client| said(program.address, client, "/open").is_ok());
    assert_eq!(taken(), [true, true, false]);
    folder.write("crl.pem", &first.revoke(&[7, 99]));
    wait_until("the certificate is revoked", || taken() == [false, true, false]);
    folder.write("crl.pem", &second.revoke(&[]));
    folder.write("ca.pem", &second.issuer.pem());
    wait_until("the authority is replaced", || taken() == [false, false, true]);
}

/// docs/configuration.md, Certificates of clients: an alert tells a client little (RFC 8446 §6.2), and standard error the operator.
#[test]
fn why_a_certificate_is_refused_is_told_to_the_operator() {
    for (shown, said) in [
        ("revoked", "a client's certificate is refused, that of `CN=billing`: it has been revoked"),
        ("foreign", "a client's certificate is refused, that of `CN=billing`: none of `authorities` has signed it"),
    ] {
        let (authority, other) = (Authority::new(), Authority::named("other"));
        let folder = Folder::new();
        let own = certificate(&folder);
        folder.write("ca.pem", &authority.issuer.pem());
        folder.write("crl.pem", &authority.revoke(&[7]));
        let revoked = format!(r#", "revoked": "{}/crl.pem""#, folder.0.display());
        let program = Program::serve(&folder.write("gateway.json", &config(&folder, &revoked)));
        let by = if shown == "foreign" { &other } else { &authority };
        let known = client(&own, Some(&authority.issue("stock", 8)));
        assert_eq!(said_of(program.address, &known), Ok(200));
        let refused = by.issue("billing", 7);
        assert!(said_of(program.address, &client(&own, Some(&refused))).is_err());
        program.wait_for_message(said);
        let messages = program.messages();
        assert!(!messages.contains("stock") && !messages.contains("spiffe"), "{messages}");
    }
}

fn said_of(address: SocketAddr, client: &Arc<ClientConfig>) -> Result<u16, String> {
    said(address, client, "/open").map(|(status, _)| status)
}

/// RFC 9440 §2.2, §4: what a client writes is nothing, and the upstream is told of the connection's certificate.
#[test]
fn an_upstream_is_told_of_the_connection_s_certificate() {
    let authority = Authority::new();
    let folder = Folder::new();
    let own = certificate(&folder);
    folder.write("ca.pem", &authority.issuer.pem());
    let heads = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&heads);
    let upstream = upstream(move |wire, _| {
        while let Some(head) = wire.head() {
            seen.lock().unwrap().push(crate::support::field(&head, "client-cert"));
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    let server = start(&format!(
        r#"{{
          "server": {{ "listen": "127.0.0.1:0", "accessLog": "off", "tls": {{
            "certificate": "{0}/cert.pem", "key": "{0}/key.pem", "clients": {{ "authorities": "{0}/ca.pem" }} }} }},
          "upstreams": {{ "up": {{ "url": "http://{1}", "clientCert": true }} }},
          "routes": [{{ "name": "all", "match": {{ "prefix": "/" }}, "upstream": "up" }}]
        }}"#,
        folder.0.display(),
        upstream.address
    ));
    let billing = authority.issue("billing", 7);
    let forged = "/ HTTP/1.1\r\nClient-Cert: :AAAA:\r\nX-Rest: ";
    for client in [client(&own, Some(&billing)), client(&own, None)] {
        assert_eq!(said(server.address(), &client, forged).unwrap().0, 200);
    }
    let heads = heads.lock().unwrap();
    let field = heads[0].as_deref().unwrap();
    let der = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, field.trim_matches(':')).unwrap();
    assert_eq!((CertificateDer::from(der), heads[1].as_deref()), (billing.certificate, None));
}
