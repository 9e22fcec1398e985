//! Keys that an issuer publishes, from a real server (docs/configuration.md, Keys that an issuer publishes).

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::signature::{Ed25519KeyPair, KeyPair};

use super::support::{Folder, Program, Upstream, Wire, field, ok_upstream, start, status, upstream};

/// What the issuer does.
#[derive(Default)]
struct Issuer {
    /// The numbers of the keys in its set. Tokens are signed by the last.
    keys: Mutex<Vec<u8>>,
    asked: AtomicUsize,
    is_down: AtomicBool,
}

fn pair(number: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[number; 32]).unwrap()
}

impl Issuer {
    fn serve(self: &Arc<Self>) -> Upstream {
        let issuer = Arc::clone(self);
        upstream(move |wire, _| {
            while let Some(head) = wire.head() {
                issuer.asked.fetch_add(1, Ordering::SeqCst);
                if issuer.is_down.load(Ordering::SeqCst) {
                    return;
                }
                let place = field(&head, "host").unwrap();
                let content = if head.starts_with("GET /.well-known/openid-configuration ") {
                    format!(r#"{{"issuer": "http://{place}", "jwks_uri": "http://{place}/keys"}}"#)
                } else {
                    assert!(head.starts_with("GET /keys "), "{head}");
                    issuer.set()
                };
                wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{content}", content.len()));
            }
        })
    }

    fn set(&self) -> String {
        let key = |number: &u8| {
            let x = BASE64_URL_SAFE_NO_PAD.encode(pair(*number).public_key().as_ref());
            format!(r#"{{"kty": "OKP", "crv": "Ed25519", "x": "{x}", "kid": "k{number}"}}"#)
        };
        let keys: Vec<String> = self.keys.lock().unwrap().iter().map(key).collect();
        format!(r#"{{"keys": [{}]}}"#, keys.join(","))
    }

    /// A good token of this moment.
    fn token(&self, issuer: &str) -> String {
        let newest = *self.keys.lock().unwrap().last().unwrap();
        token(newest, issuer)
    }
}

fn token(number: u8, issuer: &str) -> String {
    let header = BASE64_URL_SAFE_NO_PAD.encode(format!(r#"{{"alg": "EdDSA", "kid": "k{number}"}}"#));
    let claims = BASE64_URL_SAFE_NO_PAD.encode(format!(r#"{{"iss": "{issuer}", "aud": "api", "exp": 4000000000}}"#));
    let signed = format!("{header}.{claims}");
    let signature = BASE64_URL_SAFE_NO_PAD.encode(pair(number).sign(signed.as_bytes()).as_ref());
    format!("{signed}.{signature}")
}

fn config(source: &str, up: SocketAddr) -> String {
    format!(
        r#"{{
          "server": {{ "listen": "127.0.0.1:0", "accessLog": "off", "admin": "0", "keyValueFile": "keys.redb" }},
          "issuers": {{ "corp": {{ {source} }} }},
          "upstreams": {{ "up": {{ "url": "http://{up}" }} }},
          "policies": {{ "signed-in": {{ "authenticate": {{ "jwt": {{ "audiences": ["api"] }} }} }} }},
          "routes": [{{ "name": "all", "match": {{ "prefix": "/" }}, "upstream": "up", "policies": ["signed-in"] }}]
        }}"#
    )
}

/// Makes a request with `token` on `wire`; the head of the answer.
fn ask(wire: &mut Wire, token: &str) -> String {
    wire.send(format!("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n"));
    let head = wire.head().unwrap();
    wire.body(&head);
    head
}

/// While clients keep asking, with tokens of the newest key, the key changes, and then the issuer is gone: all tokens are taken.
#[test]
fn a_rotation_under_load_and_the_issuers_end_refuse_no_good_token() {
    let issuer = Arc::new(Issuer { keys: Mutex::new(vec![1]), ..Issuer::default() });
    let (served, up) = (issuer.serve(), ok_upstream());
    let iss = format!("http://{}", served.address);
    let source = format!(r#""issuer": "{iss}", "discovery": true"#);
    let gateway = start(&config(&source, up.address).replace(r#", "keyValueFile": "keys.redb""#, ""));
    let address = gateway.address();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut wire = Wire::connect(address);
                    let mut count = 0;
                    while !is_over.load(Ordering::SeqCst) {
                        let head = ask(&mut wire, &issuer.token(&iss));
                        assert_eq!(status(&head), 200, "{head}");
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        for number in [2, 3] {
            std::thread::sleep(Duration::from_millis(200));
            issuer.keys.lock().unwrap().push(number);
        }
        std::thread::sleep(Duration::from_millis(200));
        issuer.is_down.store(true, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(200));
        is_over.store(true, Ordering::SeqCst);
        let counts: Vec<usize> = clients.into_iter().map(|client| client.join().unwrap()).collect();
        assert!(counts.iter().all(|count| *count > 20), "{counts:?}");
    });
    // Two threads, three sets, two requests for each.
    let asked = issuer.asked.load(Ordering::SeqCst);
    assert!(asked <= 12, "the issuer was asked {asked} times");

    // A key that nobody could have seen is not the client's fault, and a forged one is.
    let mut wire = Wire::connect(address);
    let head = ask(&mut wire, &token(4, &iss));
    assert_eq!((status(&head), field(&head, "retry-after").as_deref()), (503, Some("5")));
    assert_eq!(field(&head, "www-authenticate"), None);
    let forged = token(1, &iss).replace('.', ".e30") + "A";
    assert_eq!(status(&ask(&mut wire, &forged)), 401);
}

/// A process that begins finds the keys in the key-value store, even if the issuer is gone.
#[test]
fn a_process_that_begins_needs_no_issuer() {
    let issuer = Arc::new(Issuer { keys: Mutex::new(vec![1]), ..Issuer::default() });
    let (served, up) = (issuer.serve(), ok_upstream());
    let folder = Folder::new();
    let source = format!(r#""issuer": "https://id.test", "jwks": "http://{}/keys""#, served.address);
    let file = folder.write("gateway.json", &config(&source, up.address));
    let good = issuer.token("https://id.test");
    let program = Program::serve(&file);
    assert_eq!(status(&ask(&mut Wire::connect(program.address), &good)), 200);
    // It writes them behind the answer; so it is stopped as an operator stops it, and not killed.
    std::thread::sleep(Duration::from_millis(300));
    drop(program);

    issuer.is_down.store(true, Ordering::SeqCst);
    let program = Program::serve(&file);
    for _ in 0..8 {
        assert_eq!(status(&ask(&mut Wire::connect(program.address), &good)), 200);
    }
    assert_eq!(issuer.asked.load(Ordering::SeqCst), 1);
}

/// OpenID Connect Discovery 1.0 §4.3, and a redirect: neither leads to keys. A client is not told 401 for that.
#[test]
fn an_issuer_without_keys_is_no_clients_fault() {
    let up = ok_upstream();
    let wrong = upstream(|wire, _| {
        while wire.head().is_some() {
            wire.send("HTTP/1.1 302 Found\r\nLocation: /keys\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let source = format!(r#""issuer": "http://{}", "discovery": true"#, wrong.address);
    let gateway = start(&config(&source, up.address).replace(r#", "keyValueFile": "keys.redb""#, ""));
    let begun = Instant::now();
    let head = ask(&mut Wire::connect(gateway.address()), &token(1, &format!("http://{}", wrong.address)));
    assert_eq!((status(&head), field(&head, "retry-after").as_deref()), (503, Some("5")));
    assert!(begun.elapsed() < super::support::PATIENCE);

    // What the gateway calls for itself is told as such.
    let mut admin = Wire::connect(gateway.admin_address().unwrap());
    admin.send("GET /upstreams HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let head = admin.head().unwrap();
    let told: serde_json::Value = serde_json::from_slice(&admin.body(&head)).unwrap();
    let internal = &told["upstreams"][1];
    assert_eq!((&internal["internal"], &told["upstreams"][0]["internal"]), (&true.into(), &serde_json::Value::Null));
    assert_eq!(internal["name"], format!("issuer corp: {}", wrong.address));
}
