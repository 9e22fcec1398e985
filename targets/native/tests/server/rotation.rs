//! Changes of the files behind a configuration, and signals at the start (docs/platforms.md, Native).

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::support::{Folder, Program, Wire, get, ok_upstream, wait_until};
use crate::tls::trusting;

fn answering(text: &str, server: &str) -> String {
    format!(
        r#"{{
          "server": {{ "listen": "127.0.0.1:0", "accessLog": "off"{server} }},
          "routes": [ {{ "name": "all", "match": {{ "prefix": "/" }}, "respond": {{ "body": "{text}" }} }} ]
        }}"#
    )
}

/// A certificate for `localhost` with its key, as texts.
fn pair() -> (CertificateDer<'static>, String, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    (made.cert.der().clone(), made.cert.pem(), made.signing_key.serialize_pem())
}

fn replace(folder: &Folder, name: &str, text: &str) {
    std::fs::rename(folder.write("next", text), folder.0.join(name)).unwrap();
}

/// A secret's volume of Kubernetes: the files are links through `..data`, which is replaced.
fn swap(folder: &Folder, version: &str, files: &[(&str, &str)]) {
    std::fs::create_dir(folder.0.join(version)).unwrap();
    for (name, text) in files {
        folder.write(&format!("{version}/{name}"), text);
        let link = folder.0.join(name);
        if !link.is_symlink() {
            std::os::unix::fs::symlink(format!("..data/{name}"), link).unwrap();
        }
    }
    std::os::unix::fs::symlink(version, folder.0.join("..data_tmp")).unwrap();
    std::fs::rename(folder.0.join("..data_tmp"), folder.0.join("..data")).unwrap();
}

/// Does a handshake and a request, and returns the certificate that was presented.
fn shake(address: SocketAddr, config: &Arc<ClientConfig>) -> Result<CertificateDer<'static>, String> {
    let name = ServerName::try_from("localhost").unwrap();
    let client = ClientConnection::new(Arc::clone(config), name).unwrap();
    let stream = TcpStream::connect(address).map_err(|error| error.to_string())?;
    let mut stream = StreamOwned::new(client, stream);
    let ask = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    std::io::Write::write_all(&mut stream, ask).map_err(|error| error.to_string())?;
    let mut answer = [0; 15];
    std::io::Read::read_exact(&mut stream, &mut answer).map_err(|error| error.to_string())?;
    let presented = stream.conn.peer_certificates().and_then(<[_]>::first).cloned();
    if answer == *b"HTTP/1.1 200 OK" {
        presented.ok_or_else(|| "no certificate".to_owned())
    } else {
        Err(format!("{answer:?}"))
    }
}

/// A client that trusts each of `certificates`, and resumes no session.
fn client(certificates: &[CertificateDer<'static>]) -> Arc<ClientConfig> {
    let mut config = trusting(certificates);
    config.resumption = rustls::client::Resumption::disabled();
    Arc::new(config)
}

/// Certificate and key replaced while clients connect without pause, by renames and by the swap of a secret's volume: each
/// pair comes into service, and no handshake fails.
#[cfg(unix)]
#[test]
fn a_rotation_of_certificates_fails_no_handshake() {
    let pairs: Vec<_> = (0..5).map(|_| pair()).collect();
    let client = client(&pairs.iter().map(|pair| pair.0.clone()).collect::<Vec<_>>());
    let folder = Folder::new();
    let files = |number: usize| [("tls.crt", pairs[number].1.as_str()), ("tls.key", pairs[number].2.as_str())];
    swap(&folder, "..0", &files(0));
    let tls = format!(r#", "tls": {{ "certificate": "{0}/tls.crt", "key": "{0}/tls.key" }}"#, folder.0.display());
    let program = Program::serve(&folder.write("gateway.json", &answering("one", &tls)));
    let address = program.address;
    let (stop, shaken) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (seen, failed) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(Ordering::SeqCst) {
                    match shake(address, &client) {
                        Ok(certificate) => {
                            let mut seen = seen.lock().unwrap();
                            if seen.last() != Some(&certificate) {
                                seen.push(certificate);
                            }
                        }
                        Err(error) => failed.lock().unwrap().push(error),
                    }
                    shaken.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for (number, (certificate, ..)) in pairs.iter().enumerate().skip(1) {
            if number < 3 {
                swap(&folder, &format!("..{number}"), &files(number));
            } else {
                for (name, text) in files(number) {
                    replace(&folder, name, text);
                }
            }
            let begun = std::time::Instant::now();
            while !seen.lock().unwrap().contains(certificate) && begun.elapsed() < crate::support::PATIENCE {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        stop.store(true, Ordering::SeqCst);
    });
    assert_eq!(*failed.lock().unwrap(), [""; 0]);
    for (certificate, ..) in &pairs {
        assert!(seen.lock().unwrap().contains(certificate), "{}", program.messages());
    }
    assert!(shaken.into_inner() >= 20);
}

/// A certificate without its key leaves the pair before in service, and the program says so; the key completes it.
#[test]
fn a_broken_pair_leaves_the_old_one_serving() {
    let (old, new) = (pair(), pair());
    let client = client(&[old.0.clone(), new.0.clone()]);
    let folder = Folder::new();
    folder.write("tls.crt", &old.1);
    folder.write("tls.key", &old.2);
    let tls = format!(r#", "tls": {{ "certificate": "{0}/tls.crt", "key": "{0}/tls.key" }}"#, folder.0.display());
    let program = Program::serve(&folder.write("gateway.json", &answering("one", &tls)));
    replace(&folder, "tls.crt", &new.1);
    program.wait_for_message("what was served before is served on");
    assert!(program.messages().contains("tls.crt"), "{}", program.messages());
    assert_eq!(shake(program.address, &client), Ok(old.0));
    replace(&folder, "tls.key", &new.2);
    program.wait_for_message("reloaded");
    assert_eq!(shake(program.address, &client), Ok(new.0));
}

/// docs/platforms.md, Native: the authorities of upstreams are files behind the configuration.
#[test]
fn changed_authorities_are_taken_up() {
    let (right, wrong) = (pair(), pair());
    let (folder, origin) = (Folder::new(), ok_upstream());
    folder.write("tls.crt", &right.1);
    folder.write("tls.key", &right.2);
    let tls = format!(r#"{{ "tls": {{ "certificate": "{0}/tls.crt", "key": "{0}/tls.key" }} }}"#, folder.0.display());
    let second = crate::support::gateway_with(origin.address, "{}", &tls);
    let authorities = folder.write("authorities.pem", &wrong.1);
    let text = format!(
        r#"{{
          "server": {{ "listen": "127.0.0.1:0", "accessLog": "off" }},
          "upstreams": {{ "up": {{ "url": "https://localhost:{}", "tls": {{ "authorities": "{}" }} }} }},
          "routes": [ {{ "name": "all", "match": {{ "prefix": "/" }}, "upstream": "up" }} ]
        }}"#,
        second.address().port(),
        authorities.display()
    );
    let program = Program::serve(&folder.write("gateway.json", &text));
    assert_eq!(get(program.address).0, 502);
    replace(&folder, "authorities.pem", &right.1);
    program.wait_for_message("reloaded");
    assert_eq!(get(program.address).0, 200);
}

/// docs/platforms.md, Native: the files of secrets are files behind the configuration.
#[test]
fn a_changed_secret_is_taken_up() {
    let folder = Folder::new();
    swap(&folder, "..0", &[("ADMIN_TOKEN_IN_A_FILE", "one\n")]);
    let text = answering("one", "").replacen(
        '{',
        r#"{ "admin": { "path": "/admin", "token": { "secret": "ADMIN_TOKEN_IN_A_FILE" } },"#,
        1,
    );
    let config = folder.write("gateway.json", &text);
    let secrets = folder.0.to_str().unwrap();
    let program = Program::run(&["serve", config.to_str().unwrap(), "--secrets", secrets], &folder.0);
    let status = |token: &str| {
        let ask = format!("GET /admin/live HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n");
        Wire::connect(program.address).ask(&ask).unwrap().0
    };
    assert_eq!((status("one"), status("two")), (200, 401));
    swap(&folder, "..1", &[("ADMIN_TOKEN_IN_A_FILE", "two\n")]);
    program.wait_for_message("reloaded");
    assert_eq!((status("one"), status("two")), (401, 200));
}

/// The program on a fixed port, at the moment when that accepts.
fn just_started(config: &std::path::Path, port: u16) -> std::process::Child {
    let child = Command::new(env!("CARGO_BIN_EXE_edgeway"))
        .args(["serve", config.to_str().unwrap()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = std::time::Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(begun.elapsed() < crate::support::PATIENCE, "no start");
    }
    child
}

fn on_a_port(text: &str) -> (u16, String) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    (port, answering(text, "").replace("127.0.0.1:0", &format!("127.0.0.1:{port}")))
}

/// Whoever waits for the port may send SIGHUP at once: it is never the signal that ends a process without a handler.
#[test]
fn a_hang_up_as_soon_as_the_port_accepts_ends_nothing() {
    for _ in 0..10 {
        let folder = Folder::new();
        let (port, text) = on_a_port("one");
        let mut child = just_started(&folder.write("gateway.json", &text), port);
        let id = child.id().to_string();
        assert!(Command::new("kill").args(["-s", "HUP", &id]).status().unwrap().success());
        let answer = get(SocketAddr::from(([127, 0, 0, 1], port)));
        let ended = child.try_wait().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!((ended, answer), (None, (200, "one".to_owned())));
    }
}

/// The state of the file is that of its reading: what replaces it at any time after is noticed.
#[test]
fn a_file_that_is_replaced_at_the_start_is_taken_up() {
    let starts: Vec<_> = (0..6)
        .map(|_| {
            let folder = Folder::new();
            let (port, text) = on_a_port("one");
            let child = just_started(&folder.write("gateway.json", &text), port);
            replace(&folder, "gateway.json", &text.replace("one", "two"));
            (folder, port, child)
        })
        .collect();
    for (_folder, port, mut child) in starts {
        wait_until("the new file", || get(SocketAddr::from(([127, 0, 0, 1], port))).1 == "two");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

/// A pipe as the configuration would hold up its reader for ever.
#[cfg(unix)]
#[test]
fn a_pipe_is_no_configuration() {
    let folder = Folder::new();
    let path = folder.0.join("gateway.json");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let output = Command::new(env!("CARGO_BIN_EXE_edgeway")).args(["serve", path.to_str().unwrap()]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("not a file"));

    let folder = Folder::new();
    let program = Program::serve(&folder.write("gateway.json", &answering("one", "")));
    assert!(Command::new("mkfifo").arg(folder.0.join("next")).status().unwrap().success());
    std::fs::rename(folder.0.join("next"), folder.0.join("gateway.json")).unwrap();
    program.wait_for_message("not a file");
    assert_eq!(get(program.address), (200, "one".to_owned()));
}
