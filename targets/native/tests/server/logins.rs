//! Logins, where several threads serve one browser (docs/configuration.md, Pages behind a login).

use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::signature::{Ed25519KeyPair, KeyPair};

use super::support::{Folder, Program, Upstream, Wire, field, status, upstream, wait_until};

/// A provider whose tokens are numbered. The first lasts a second, if it is short.
#[derive(Default)]
struct Provider {
    nonce: Mutex<String>,
    given: AtomicUsize,
    is_short: bool,
    /// The status and the content of the token endpoint, in place of tokens.
    refusal: Mutex<Option<(&'static str, &'static str)>>,
}

fn pair() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[1; 32]).unwrap()
}

impl Provider {
    fn serve(self: &Arc<Self>) -> Upstream {
        let provider = Arc::clone(self);
        upstream(move |wire, _| {
            while let Some(head) = wire.head() {
                wire.body(&head);
                let mut status = "200 OK";
                let place = field(&head, "host").unwrap();
                let content = if head.starts_with("GET /.well-known/openid-configuration ") {
                    format!(
                        r#"{{"issuer": "http://{place}", "jwks_uri": "http://{place}/keys",
                        "authorization_endpoint": "http://{place}/authorize", "token_endpoint": "http://{place}/token"}}"#
                    )
                } else if head.starts_with("GET /keys ") {
                    let x = BASE64_URL_SAFE_NO_PAD.encode(pair().public_key().as_ref());
                    format!(r#"{{"keys": [{{"kty": "OKP", "crv": "Ed25519", "x": "{x}", "kid": "k"}}]}}"#)
                } else if let Some((refused, content)) = *provider.refusal.lock().unwrap() {
                    provider.given.fetch_add(1, Ordering::SeqCst);
                    status = refused;
                    content.to_owned()
                } else {
                    provider.tokens(&place)
                };
                wire.send(format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{content}", content.len()));
            }
        })
    }

    fn tokens(&self, place: &str) -> String {
        let number = self.given.fetch_add(1, Ordering::SeqCst) + 1;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let (nonce, end) = (self.nonce.lock().unwrap().clone(), now + 600);
        let header = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg": "EdDSA", "kid": "k"}"#);
        let claims = BASE64_URL_SAFE_NO_PAD.encode(format!(
            r#"{{"iss": "http://{place}", "aud": "gw", "sub": "me", "nonce": "{nonce}", "iat": {now}, "exp": {end}}}"#
        ));
        let signed = format!("{header}.{claims}");
        let signature = BASE64_URL_SAFE_NO_PAD.encode(pair().sign(signed.as_bytes()).as_ref());
        let life = if self.is_short && number == 1 { 1 } else { 300 };
        format!(
            r#"{{"access_token": "at-{number}", "token_type": "Bearer", "expires_in": {life}, "refresh_token": "rt-{number}",
            "id_token": "{signed}.{signature}"}}"#
        )
    }
}

fn config(provider: SocketAddr, up: SocketAddr, login: &str) -> String {
    format!(
        r#"{{
          "server": {{ "listen": "127.0.0.1:0", "accessLog": "off" }},
          "issuers": {{ "corp": {{ "issuer": "http://{provider}", "discovery": true }} }},
          "upstreams": {{ "up": {{ "url": "http://{up}" }} }},
          "policies": {{ "signed-in": {{ "authenticate": {{ "login": {{
            "client": {{ "id": "gw" }}, "keys": [{{ "secret": "SESSION_KEY" }}], {login} }} }} }} }},
          "routes": [{{ "name": "all", "match": {{ "prefix": "/" }}, "upstream": "up", "policies": ["signed-in"] }}]
        }}"#
    )
}

fn serve(folder: &Folder, config: &str) -> Program {
    folder.write("gateway.json", config);
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgeway"));
    command.args(["serve", "gateway.json", "--threads", "3"]).current_dir(&folder.0);
    command.env("SESSION_KEY", "0123456789abcdef0123456789abcdef");
    Program::spawn_unread(command).0
}

fn request(method: &str, path: &str, cookie: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nSec-Fetch-Site: same-origin\r\n\
         Content-Length: 0\r\nCookie: {cookie}\r\n\r\n"
    )
}

/// The head and the body of the answer to a request on a connection of its own.
fn ask(address: SocketAddr, method: &str, path: &str, cookie: &str) -> (String, String) {
    let mut wire = Wire::connect(address);
    wire.send(request(method, path, cookie));
    let head = wire.head().unwrap();
    let body = wire.body(&head);
    (head, String::from_utf8(body).unwrap())
}

/// The cookie whose name begins so that the answer with this `head` sets.
fn cookie(head: &str, name: &str) -> Option<String> {
    let mut set = head.lines().filter_map(|line| line.strip_prefix("set-cookie: "));
    let line = set.find(|line| line.starts_with(name) && !line.contains("Max-Age=0"))?;
    line.split(';').next().map(str::to_owned)
}

/// Logs in; the cookie of the session.
fn log_in(provider: &Provider, address: SocketAddr) -> String {
    let (back, _) = come_back(provider, address, "c");
    cookie(&back, "__Host-session=").expect("a session")
}

/// Begins to log in, and comes back with this code; the answer to that.
fn come_back(provider: &Provider, address: SocketAddr, code: &str) -> (String, String) {
    let (begun, _) = ask(address, "GET", "/", "");
    let location = field(&begun, "location").expect("the place to log in");
    let parameter = |name: &str| {
        let mut parameters = location.split(['?', '&']).filter_map(|one| one.split_once('='));
        parameters.find(|(own, _)| *own == name).unwrap().1.to_owned()
    };
    *provider.nonce.lock().unwrap() = parameter("nonce");
    let callback = format!("/oauth2/callback?code={code}&state={}", parameter("state"));
    ask(address, "GET", &callback, &cookie(&begun, "__Host-login-").unwrap())
}

/// RFC 6749 §6: the parallel requests of a page come with the cookie from before, on every thread. All get the new token.
#[test]
fn new_tokens_are_for_the_requests_on_all_threads() {
    let provider = Arc::new(Provider { is_short: true, ..Provider::default() });
    let (served, folder) = (provider.serve(), Folder::new());
    let up = upstream(|wire, _| {
        while let Some(head) = wire.head() {
            let token = field(&head, "authorization").unwrap_or_default();
            wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{token}", token.len()));
        }
    });
    let program = serve(&folder, &config(served.address, up.address, r#""forward": "access_token", "life": "1h""#));
    let old = log_in(&provider, program.address);
    std::thread::sleep(Duration::from_millis(2_100));
    for _ in 0..20 {
        let (head, body) = ask(program.address, "GET", "/", &old);
        assert_eq!((status(&head), &*body), (200, "Bearer at-2"));
    }
    assert_eq!(provider.given.load(Ordering::SeqCst), 2);
}

/// An answer that began before the logout, and ends after it, on whichever thread, does not set the cookie again.
#[test]
fn an_answer_under_way_brings_back_no_session() {
    let provider = Arc::new(Provider::default());
    let (served, folder) = (provider.serve(), Folder::new());
    let (arrived, is_open) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let (seen, gate) = (Arc::clone(&arrived), Arc::clone(&is_open));
    let up = upstream(move |wire, _| {
        while wire.head().is_some() {
            seen.fetch_add(1, Ordering::SeqCst);
            wait_until("the gate opens", || gate.load(Ordering::SeqCst));
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    let members = r#""idle": "10s", "life": "1h", "logout": "/logout""#;
    let program = serve(&folder, &config(served.address, up.address, members));
    for logs_out in [false, true] {
        let session = log_in(&provider, program.address);
        arrived.store(0, Ordering::SeqCst);
        is_open.store(false, Ordering::SeqCst);
        // A tenth of `idle`, from which on the cookie is written anew.
        std::thread::sleep(Duration::from_millis(2_100));
        let mut wires: Vec<Wire> = (0..9).map(|_| Wire::connect(program.address)).collect();
        for wire in &mut wires {
            wire.send(request("GET", "/slow", &session));
        }
        wait_until("all are under way", || arrived.load(Ordering::SeqCst) == 9);
        if logs_out {
            assert_eq!(status(&ask(program.address, "POST", "/logout", &session).0), 303);
        }
        is_open.store(true, Ordering::SeqCst);
        for wire in &mut wires {
            let head = wire.head().unwrap();
            assert_eq!((status(&head), cookie(&head, "__Host-session=").is_none()), (200, logs_out), "{head}");
        }
    }
}

/// docs/configuration.md, Pages behind a login, Keys that an issuer publishes: the log says why the provider gives no tokens.
#[test]
fn why_a_provider_gives_no_tokens_is_in_the_log() {
    let provider = Arc::new(Provider::default());
    let (served, folder) = (provider.serve(), Folder::new());
    let config = config(served.address, served.address, r#""life": "1h""#);
    folder.write(
        "gateway.json",
        &config.replace(r#", "accessLog": "off" }"#, r#" }, "accessLog": { "format": "json" }"#),
    );
    let key = [("SESSION_KEY", "0123456789abcdef0123456789abcdef")];
    for (refusal, answer, cause) in [
        // RFC 6749 §5.2: the client is not taken, or the code is not.
        (("401 Unauthorized", r#"{"error": "invalid_client"}"#), 400, "client_refused"),
        (("400 Bad Request", r#"{"error": "unauthorized_client"}"#), 400, "client_refused"),
        (("400 Bad Request", r#"{"error": "invalid_grant"}"#), 400, "answer_status"),
        (("500 Internal Server Error", ""), 503, "answer_status"),
        (("200 OK", r#"{"token_type": "Bearer"}"#), 503, "answer_malformed"),
    ] {
        *provider.refusal.lock().unwrap() = Some(refusal);
        let program = Program::run_with(&["serve", "gateway.json", "--threads", "1"], &folder.0, &key);
        let (head, _) = come_back(&provider, program.address, "c");
        let logged = program.logged("/oauth2/callback");
        assert_eq!((status(&head), &logged["cause"]), (answer, &cause.into()), "{refusal:?}: {logged}");
    }
}

/// docs/configuration.md, Pages behind a login: whoever makes up codes has a hundred of them at once. Then nobody asks the provider.
#[test]
fn codes_that_a_client_makes_up_are_bounded() {
    const AT_ONCE: usize = 100;
    let provider = Arc::new(Provider::default());
    *provider.refusal.lock().unwrap() = Some(("400 Bad Request", r#"{"error": "invalid_grant"}"#));
    let (served, folder) = (provider.serve(), Folder::new());
    folder.write("gateway.json", &config(served.address, served.address, r#""life": "1h""#));
    let key = [("SESSION_KEY", "0123456789abcdef0123456789abcdef")];
    let program = Program::run_with(&["serve", "gateway.json", "--threads", "1"], &folder.0, &key);
    let made_up = |number: usize| come_back(&provider, program.address, &format!("made-up-{number}"));
    for number in 0..AT_ONCE {
        assert_eq!(status(&made_up(number).0), 400, "{number}");
    }
    // A new one comes about each second, so that a slow machine tries for longer.
    let refused = (AT_ONCE..10 * AT_ONCE).find_map(|number| {
        let (head, body) = made_up(number);
        (status(&head) == 429).then_some((number, head, body))
    });
    let (asked, head, body) = refused.expect("an end");
    assert_eq!(provider.given.load(Ordering::SeqCst), asked, "the provider was not asked for the last");
    assert!(field(&head, "retry-after").is_some(), "{head}");
    assert!(body.contains("too_many_attempts"), "{body}");
    assert_eq!(cookie(&head, "__Host-session="), None);
}
