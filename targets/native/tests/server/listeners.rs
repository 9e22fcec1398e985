//! Several listeners, certificates by name, Unix sockets and the PROXY protocol (docs/platforms.md, Native).

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;

use bytes::Bytes;
use edgeway::server::Server;
use http::{Request, Version};
use http_body_util::Empty;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::support::{Folder, PATIENCE, Program, Wire, get, start, wait_until};
use crate::tls::trusting;

/// A configuration that tells each client its address, its scheme and the host that it asked for.
fn telling(server: &str) -> String {
    format!(
        r#"{{
          "server": {{ "accessLog": "off", {server} }},
          "network": {{ "trustedProxies": ["127.0.0.2"] }},
          "routes": [ {{
            "name": "all",
            "match": {{ "prefix": "/" }},
            "respond": {{ "body": "{{client.address}} {{request.scheme}} {{request.host}}" }}
          }} ]
        }}"#
    )
}

fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Certificates in files, each for some names.
struct Authority {
    folder: Folder,
    certificates: Vec<CertificateDer<'static>>,
}

impl Authority {
    fn new(certificates: &[(&str, &[&str])]) -> Self {
        let folder = Folder::new();
        let made = certificates.iter().map(|(file, names)| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let made = rcgen::generate_simple_self_signed(names).unwrap();
            folder.write(&format!("{file}.pem"), &made.cert.pem());
            folder.write(&format!("{file}.key"), &made.signing_key.serialize_pem());
            made.cert.der().clone()
        });
        let certificates = made.collect();
        Self { folder, certificates }
    }

    /// The member that names these files.
    fn files(&self, file: &str) -> String {
        let folder = self.folder.0.display();
        format!(r#"{{ "certificate": "{folder}/{file}.pem", "key": "{folder}/{file}.key" }}"#)
    }

    fn client(&self, protocol: &str) -> Arc<ClientConfig> {
        let mut config = trusting(&self.certificates);
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        Arc::new(config)
    }

    /// The status of the answer to a request for `host` over a connection that was opened for `name`, whose certificate has
    /// to be one for that.
    fn ask(&self, address: SocketAddr, name: &str, host: &str) -> u16 {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let connection = ClientConnection::new(self.client("http/1.1"), name).unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        write!(stream, "GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        String::from_utf8(answer[9..].to_vec()).unwrap().parse().unwrap()
    }
}

fn address(url: &str) -> SocketAddr {
    url.split_once("://").unwrap().1.parse().unwrap()
}

fn addresses(server: &Server) -> Vec<SocketAddr> {
    server.urls().iter().map(|url| address(url)).collect()
}

/// RFC 6066 §3: the certificate is the first that covers the name that the client asks for.
#[test]
fn a_client_gets_the_certificate_of_the_name_that_it_asks_for() {
    let authority = Authority::new(&[("a", &["a.test"]), ("b", &["b.test", "*.b.test"])]);
    let list = format!("[{}, {}]", authority.files("a"), authority.files("b"));
    let server = start(&telling(&format!(r#""listen": "127.0.0.1:0", "tls": {list}"#)));
    for name in ["a.test", "b.test", "x.b.test"] {
        assert_eq!(authority.ask(server.address(), name, name), 200, "{name}");
    }
}

/// RFC 9110 §7.4: a request over a connection whose certificate does not cover its host is misdirected.
#[test]
fn a_host_that_the_certificate_does_not_cover_gets_421() {
    let authority = Authority::new(&[("a", &["a.test", "*.a.test"]), ("b", &["b.test"])]);
    let list = format!("[{}, {}]", authority.files("a"), authority.files("b"));
    let server = start(&telling(&format!(r#""listen": "127.0.0.1:0", "tls": {list}"#)));
    for (name, host, status) in [
        ("a.test", "a.test", 200),
        ("a.test", "A.TEST:8443", 200),
        ("a.test", "x.a.test", 200),
        ("a.test", "b.test", 421),
        ("a.test", "c.test", 421),
        ("a.test", "x.y.a.test", 421),
        ("a.test", "127.0.0.1", 200),
        ("a.test", "[::1]:8443", 200),
        ("b.test", "a.test", 421),
    ] {
        assert_eq!(authority.ask(server.address(), name, host), status, "{name} {host}");
    }
}

/// With one certificate no other site can be meant: balancers that check no certificate send every host here.
#[test]
fn one_certificate_serves_every_host() {
    let authority = Authority::new(&[("a", &["a.test"])]);
    let text = telling(&format!(r#""listen": "127.0.0.1:0", "tls": {}"#, authority.files("a")));
    let server = start(&text.replace(r#""prefix": "/""#, r#""prefix": "/", "hosts": ["a.test", "b.test"]"#));
    assert_eq!(authority.ask(server.address(), "a.test", "a.test"), 200);
    assert_eq!(authority.ask(server.address(), "a.test", "b.test"), 200);
}

/// RFC 9113 §9.1.1: a client shares a connection between the hosts of its certificate; for another it gets 421, and the
/// connection goes on.
#[tokio::test]
async fn over_http2_a_shared_connection_goes_on_after_a_421() {
    let authority = Authority::new(&[("a", &["a.test", "c.test"]), ("b", &["b.test"])]);
    let list = format!("[{}, {}]", authority.files("a"), authority.files("b"));
    let server = start(&telling(&format!(r#""listen": "127.0.0.1:0", "tls": {list}"#)));
    let stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    let name = ServerName::try_from("a.test").unwrap();
    let stream = tokio_rustls::TlsConnector::from(authority.client("h2")).connect(name, stream).await.unwrap();
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    for (host, status) in [("a.test", 200), ("b.test", 421), ("c.test", 200), ("c.test", 200), ("a.test", 200)] {
        let request = Request::get(format!("https://{host}/")).version(Version::HTTP_2);
        let response = sender.send_request(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{host}");
    }
}

/// Each listener has its own address, and its own TLS or none.
#[test]
fn several_listeners_serve_the_same_routes() {
    let authority = Authority::new(&[("a", &["a.test"]), ("b", &["b.test"])]);
    let listen = format!(
        r#""tls": {}, "listen": [
          "127.0.0.1:0",
          {{ "address": "127.0.0.1:0", "tls": false }},
          {{ "address": "127.0.0.1:0", "tls": true }},
          {{ "address": "127.0.0.1:0", "tls": {} }}
        ]"#,
        authority.files("a"),
        authority.files("b")
    );
    let server = start(&telling(&listen));
    let addresses = addresses(&server);
    assert_eq!(authority.ask(addresses[0], "a.test", "a.test"), 200);
    assert_eq!(get(addresses[1]), (200, "127.0.0.1 http a".to_owned()));
    assert_eq!(authority.ask(addresses[2], "a.test", "a.test"), 200);
    assert_eq!(authority.ask(addresses[3], "b.test", "b.test"), 200);
    server.shutdown();
    for address in addresses {
        assert!(TcpStream::connect(address).is_err());
    }
}

/// A reload opens and closes listeners, and switches TLS on and off, without a restart. An address that is taken changes
/// nothing.
#[test]
fn a_reload_opens_and_closes_listeners() {
    let authority = Authority::new(&[("a", &["a.test"])]);
    let (first, second, third) = (port(), port(), port());
    let folder = Folder::new();
    let with = |listen: &str| folder.write("gateway.json", &telling(&format!(r#""listen": {listen}"#)));
    let program = Program::serve(&with(&format!(r#"["127.0.0.1:{first}", "127.0.0.1:{second}"]"#)));
    let at = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
    let mut kept = Wire::connect(at(second));
    let ask = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(kept.ask(ask).unwrap().0, 200);

    let tls = authority.files("a");
    with(&format!(r#"["127.0.0.1:{third}", {{ "address": "127.0.0.1:{first}", "tls": {tls} }}]"#));
    program.wait_for_message("reloaded");
    assert_eq!(get(at(third)).0, 200);
    assert_eq!(authority.ask(at(first), "a.test", "a.test"), 200);
    wait_until("the end of a listener", || TcpStream::connect(at(second)).is_err());
    assert_eq!(kept.ask(ask).unwrap().0, 200, "its connections go on");

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    with(&format!(r#"["127.0.0.1:{first}", "{}"]"#, taken.local_addr().unwrap()));
    program.wait_for_message("can't listen on");
    assert_eq!(authority.ask(at(first), "a.test", "a.test"), 200, "still over TLS");
    assert_eq!(get(at(third)).0, 200);
}

/// The old listener is open until the new configuration is ready: in its way is no other program.
#[test]
fn an_address_that_overlaps_with_an_open_one_needs_a_restart() {
    let port = port();
    let folder = Folder::new();
    let with = |listen: &str| folder.write("gateway.json", &telling(&format!(r#""listen": "{listen}:{port}""#)));
    let program = Program::serve(&with("127.0.0.1"));
    with("0.0.0.0");
    program.wait_for_message("is not used");
    let (wanted, open) = (format!("0.0.0.0:{port}"), format!("127.0.0.1:{port}"));
    let told = format!(
        "can't listen on `{wanted}`: this server does, by `{open}`; write `{open}` as before in `server.listen`, or restart"
    );
    assert!(program.messages().contains(&told), "{}", program.messages());
}

/// The address of the admin endpoints is open until the next start, though a new configuration has another.
#[test]
fn an_address_of_the_admin_endpoints_is_told_from_another_programs() {
    let (port, old, new) = (port(), port(), port());
    let folder = Folder::new();
    let with = |admin: u16, listen: String| {
        let server = format!(r#""admin": "127.0.0.1:{admin}", "listen": [{listen}]"#);
        folder.write("gateway.json", &telling(&server))
    };
    let program = Program::serve(&with(old, format!(r#""127.0.0.1:{port}""#)));
    with(new, format!(r#""127.0.0.1:{port}", "0.0.0.0:{old}""#));
    program.wait_for_message("is not used");
    let told = format!(
        "can't listen on `0.0.0.0:{old}`: this server does, by `127.0.0.1:{old}` in `server.admin`; choose another port in \
         `server.listen`, or restart"
    );
    assert!(program.messages().contains(&told), "{}", program.messages());
}

/// Two listeners of one configuration are in each other's way.
#[test]
fn listeners_that_overlap_are_told_from_another_program() {
    let port = port();
    let (plan, settings) =
        crate::support::load(&telling(&format!(r#""listen": ["127.0.0.1:{port}", "0.0.0.0:{port}"]"#)));
    let refused = Server::start(plan, settings, &edgeway::server::Options::default()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!(
            "can't listen on `0.0.0.0:{port}`: this server does, by `127.0.0.1:{port}` in `server.listen`; choose another port in \
             `server.listen`, or keep one of them"
        )
    );
}

/// What is in the way of a Unix socket is told by its kind, and left where it is.
#[cfg(unix)]
#[test]
fn a_path_that_is_taken_by_something_else_says_what_it_is() {
    let folder = Folder::new();
    let file = folder.write("file", "kept");
    std::os::unix::fs::symlink("nowhere", folder.0.join("link")).unwrap();
    std::fs::create_dir(folder.0.join("folder")).unwrap();
    let _open = std::os::unix::net::UnixListener::bind(folder.0.join("socket")).unwrap();
    for (name, told) in [
        ("file", "a file is there, not a socket; remove that"),
        ("link", "a link is there, not a socket; remove that"),
        ("folder", "a folder is there, not a socket; remove that"),
        ("socket", "another program does; choose another path"),
    ] {
        let address = format!("unix:{}", folder.0.join(name).display());
        let (plan, settings) = crate::support::load(&telling(&format!(r#""listen": "{address}""#)));
        let refused = Server::start(plan, settings, &edgeway::server::Options::default()).unwrap_err();
        let said = refused.to_string();
        assert!(said.starts_with(&format!("can't listen on `{address}`: {told}")), "{said}");
    }
    assert_eq!(std::fs::read_to_string(file).unwrap(), "kept");
}

/// `--listen` counts instead of what the file says.
#[test]
fn the_command_line_overrides_the_addresses() {
    let (written, wanted) = (port(), port());
    let folder = Folder::new();
    let config = folder.write("gateway.json", &telling(&format!(r#""listen": "127.0.0.1:{written}""#)));
    let wanted = format!("127.0.0.1:{wanted}");
    let program = Program::run(&["serve", config.to_str().unwrap(), "--listen", &wanted], &folder.0);
    assert_eq!(program.address, wanted.parse().unwrap());
    assert_eq!(get(program.address).0, 200);
    assert!(TcpStream::connect(("127.0.0.1", written)).is_err());
    folder.write("gateway.json", &telling(&format!(r#""listen": "127.0.0.1:{written}""#)).replace("host}", "host}!"));
    program.wait_for_message("reloaded");
    assert_eq!(get(program.address).1, "127.0.0.1 http a!");
    let wrong = Command::new(env!("CARGO_BIN_EXE_edgeway")).args(["serve", "--listen", "8080"]).output().unwrap();
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("0.0.0.0:8080"));
}

/// A Unix socket: one that was left by another process is replaced, and the file is gone at the end.
#[cfg(unix)]
#[test]
fn a_unix_socket_is_listened_on() {
    use std::os::unix::net::{UnixListener, UnixStream};
    let folder = Folder::new();
    let path = folder.0.join("edgeway.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "left");
    let listen = format!(r#""listen": ["127.0.0.1:0", "unix:{}"]"#, path.display());
    let server = start(&telling(&listen));
    let ask = |stream: &mut UnixStream| {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    for _ in 0..4 {
        let answer = ask(&mut UnixStream::connect(&path).unwrap());
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("http a"), "{answer}");
    }
    // A second server can't take it over.
    let (plan, settings) = crate::support::load(&telling(&format!(r#""listen": "unix:{}""#, path.display())));
    assert!(Server::start(plan, settings, &edgeway::server::Options::default()).is_err());
    server.shutdown();
    assert!(!path.exists());
}

/// A proxy on the same machine is believed over a Unix socket where `unix:` says so (docs/configuration.md, Server).
#[cfg(unix)]
#[test]
fn a_proxy_over_a_unix_socket_states_the_client() {
    let folder = Folder::new();
    for (trusted, told) in [("unix:", "192.0.2.1 https shop.test"), ("127.0.0.2", " http a")] {
        let path = folder.0.join("socket");
        let text = telling(&format!(r#""listen": "unix:{}""#, path.display())).replace("127.0.0.2", trusted);
        let server = start(&text);
        let mut stream = std::os::unix::net::UnixStream::connect(&path).unwrap();
        let claims = "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.test\r\n";
        write!(stream, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{claims}\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(&format!("\r\n\r\n{told}")), "{answer}");
        server.shutdown();
    }
}

/// The header of a trusted balancer states the client; without one, or from anybody else, the connection ends.
#[test]
fn the_proxy_protocol_states_the_client() {
    let text = telling(r#""listen": { "address": "0.0.0.0:0", "proxyProtocol": true }"#);
    let server = start(&text);
    let port = server.address().port();
    let v2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x07\xc6\x33\x64\x01\0\x01\0\x02";
    let local = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
    let from = |source: [u8; 4], header: &[u8]| {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((source, 0)).into()).unwrap();
        socket.connect(&SocketAddr::from(([127, 0, 0, 1], port)).into()).unwrap();
        let mut wire = Wire::new(socket.into());
        wire.send(header);
        wire.send("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n");
        wire.response()
    };
    let balancer = [127, 0, 0, 2];
    let told = |client: &str| Some((200, format!("{client} http a")));
    let v1 = b"PROXY TCP4 203.0.113.7 198.51.100.1 1 2\r\n";
    assert_eq!(from(balancer, v1), told("203.0.113.7"));
    assert_eq!(from(balancer, b"PROXY TCP6 2001:db8::7 ::1 1 2\r\n"), told("2001:db8::7"));
    assert_eq!(from(balancer, v2), told("203.0.113.7"));
    // The balancer itself asks: it is a trusted proxy, and its fields count.
    assert_eq!(from(balancer, local), told("10.0.0.1"));
    assert_eq!(from([127, 0, 0, 3], v1), None, "not a trusted sender");
    for malformed in [&b""[..], b"PROXY TCP4 203.0.113.7\r\n", b"PROXY TCP4 203.0.113.700 1.1.1.1 1 2\r\n"] {
        assert_eq!(from(balancer, malformed), None, "{}", malformed.escape_ascii());
    }
}

/// The header comes before the handshake of TLS.
#[test]
fn the_proxy_protocol_goes_before_tls() {
    let authority = Authority::new(&[("a", &["a.test"])]);
    let files = authority.files("a");
    let text = telling(&format!(r#""listen": {{ "address": "127.0.0.1:0", "proxyProtocol": true, "tls": {files} }}"#));
    let server = start(&text.replace("127.0.0.2", "127.0.0.1"));
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"PROXY TCP4 203.0.113.7 198.51.100.1 1 2\r\n").unwrap();
    let name = ServerName::try_from("a.test").unwrap();
    let mut stream = StreamOwned::new(ClientConnection::new(authority.client("http/1.1"), name).unwrap(), stream);
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    assert!(answer.ends_with("203.0.113.7 https a.test"), "{answer}");
}

/// Connections that never sent a byte don't hold up the drain.
#[test]
fn a_drain_does_not_wait_for_connections_that_sent_nothing() {
    let authority = Authority::new(&[("a", &["a.test"])]);
    let files = authority.files("a");
    let server = start(&telling(&format!(
        r#""drain": "1h", "listen": ["127.0.0.1:0", {{ "address": "127.0.0.1:0", "tls": {files} }}]"#
    )));
    let silent: Vec<_> = addresses(&server).into_iter().map(|address| TcpStream::connect(address).unwrap()).collect();
    // Accepted before, as those that are answered show.
    assert_eq!(get(server.address()).0, 200);
    let ended = std::thread::spawn(move || server.shutdown());
    wait_until("the end of the drain", || ended.is_finished());
    assert_eq!(ended.join().unwrap().cut_off, 0);
    drop(silent);
}
