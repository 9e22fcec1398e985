//! Where the gateway goes by itself (docs/configuration.md): names that lead into its own network, by the system's own resolver.
//!
//! Such a name is one that `/etc/hosts` gives to 127.0.0.1 besides `localhost`, such as the machine's own on many. Where it has none, these
//! tests are left out.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use super::support::{Folder, Program, Upstream, Wire, upstream};

/// The name; none where this machine has no such one.
fn name_inside() -> Option<String> {
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    let lines = hosts.lines().map(|line| line.split('#').next().unwrap_or_default().split_whitespace());
    let local = lines.filter_map(|mut words| words.next().filter(|address| *address == "127.0.0.1").map(|_| words));
    let name = local.flatten().find(|name| !name.starts_with("localhost") && !name.ends_with("localhost"));
    if name.is_none() {
        println!("left out: /etc/hosts gives no name but localhost to 127.0.0.1");
    }
    name.map(str::to_ascii_lowercase)
}

/// A server within the network, and the number of connections to it.
fn inside() -> (Upstream, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let served = upstream(move |wire, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        while wire.head().is_some() {
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"keys\":[]}");
        }
    });
    (served, count)
}

/// A gateway with these members of the configuration, whose upstream has these.
fn gateway(folder: &Folder, members: &str, of_upstream: &str, further: &str) -> Program {
    let text = format!(
        r#"{{
          "server": {{ "listen": "127.0.0.1:0", "accessLog": "off" }},
          {members}
          "upstreams": {{ "up": {{ "url": "http://127.0.0.1:9" {of_upstream} }} {further} }},
          "routes": [{{ "name": "all", "match": {{ "prefix": "/" }}, "upstream": "up" }}]
        }}"#
    );
    let file = folder.write("gateway.json", &text);
    Program::run_with(&["serve", file.to_str().unwrap()], file.parent().unwrap(), &[("SECRET", "a-secret-of-ours")])
}

/// The gateway's answer to a token that its issuer has to be asked about.
fn ask(program: &Program) -> (u16, String) {
    let header = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg": "EdDSA", "kid": "k"}"#);
    let claims = BASE64_URL_SAFE_NO_PAD.encode(r#"{"iss": "https://id.test", "exp": 4000000000}"#);
    let token = format!("{header}.{claims}.AAAA");
    let mut wire = Wire::connect(program.address);
    wire.ask(&format!("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n")).unwrap()
}

/// What has the gateway call `url` by itself, through the upstream `through` if there is one: the members of the configuration, those of
/// the upstream, and the code of the answer.
fn reasons(url: &str, through: &str) -> [(String, String, &'static str); 4] {
    let issuer = |issuer: &str, proof: &str| {
        format!(
            r#""issuers": {{ "corp": {{ {issuer} }} }}, "defaults": {{ "policies": [{{ "authenticate": {{ {proof} }} }}] }},"#
        )
    };
    let secret = format!(r#""client": "us", "secret": {{ "secret": "SECRET" }} {through}"#);
    let jwt = r#""jwt": {}"#;
    [
        (
            issuer(&format!(r#""issuer": "https://id.test", "jwks": "{url}" {through}"#), jwt),
            String::new(),
            "identity_unavailable",
        ),
        (
            issuer(&format!(r#""issuer": "{url}", "discovery": true {through}"#), jwt),
            String::new(),
            "identity_unavailable",
        ),
        (
            issuer(&format!(r#""introspection": {{ "endpoint": "{url}", {secret} }}"#), r#""introspect": {}"#),
            String::new(),
            "identity_unavailable",
        ),
        (
            String::new(),
            format!(r#", "credentials": {{ "clientCredentials": {{ "tokenUrl": "{url}", {secret} }} }}"#),
            "credentials_unavailable",
        ),
    ]
}

/// OWASP, Server-Side Request Forgery Prevention: nobody who has a say in a name sends the gateway into its own network. The operator is
/// told why, and a client is not.
#[test]
fn names_that_lead_inside_are_not_called() {
    let Some(name) = name_inside() else { return };
    let (served, count) = inside();
    let places = [
        ("issuers.corp.jwks", "issuers.corp.upstream"),
        ("issuers.corp.issuer", "issuers.corp.upstream"),
        ("issuers.corp.introspection.endpoint", "issuers.corp.introspection.upstream"),
        ("upstreams.up.credentials.clientCredentials.tokenUrl", "upstreams.up.credentials.clientCredentials.upstream"),
    ];
    let reasons = reasons(&format!("https://{name}:{}/p", served.address.port()), "");
    for ((members, of_upstream, code), (place, mend)) in reasons.into_iter().zip(places) {
        let folder = Folder::new();
        let program = gateway(&folder, &members, &of_upstream, "");
        let (status, body) = ask(&program);
        assert_eq!(status, 503, "{members}: {body}");
        assert!(body.contains(code) && !body.contains("127"), "{body}");
        program.wait_for_message(&format!(
            "the look-up of `{name}` for `{place}` fails: it leads to 127.0.0.1, which is not public; if it is meant to, name an \
             upstream by which it is called: `{mend}`"
        ));
    }
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

/// docs/configuration.md, Where the gateway goes by itself: an upstream, an address and `localhost` are the operator's own words.
#[test]
fn what_the_operator_names_is_called_wherever_it_is() {
    let Some(name) = name_inside() else { return };
    let (served, count) = inside();
    let port = served.address.port();
    let further = format!(r#", "id": {{ "url": "http://{name}:{port}" }}"#);
    let mut before = 0;
    for (url, through, further) in [
        (format!("http://{name}:{port}/p"), r#", "upstream": "id""#, &*further),
        (format!("http://127.0.0.1:{port}/p"), "", ""),
        (format!("http://localhost:{port}/p"), "", ""),
    ] {
        for (members, of_upstream, code) in reasons(&url, through) {
            let folder = Folder::new();
            let program = gateway(&folder, &members, &of_upstream, further);
            let (status, body) = ask(&program);
            // It is asked, and answers nonsense.
            assert!(status == 503 && body.contains(code), "{members}: {status} {body}");
            let now = count.load(Ordering::SeqCst);
            assert!(now > before, "{members} {url}");
            before = now;
        }
    }
}

/// docs/configuration.md, Where the gateway goes by itself: keys at another origin inside are reached by `jwks` and `upstream`.
#[test]
fn keys_at_a_second_origin_inside_are_reached_as_the_message_says() {
    let Some(name) = name_inside() else { return };
    let keys = upstream(|wire, _| {
        while wire.head().is_some() {
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"keys\":[]}");
        }
    });
    let port = keys.address.port();
    let document = format!(r#"{{"issuer": "https://id.test", "jwks_uri": "https://{name}:{port}/keys"}}"#);
    let issuer = upstream(move |wire, _| {
        while wire.head().is_some() {
            wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{document}", document.len()));
        }
    });
    let policies = r#""defaults": { "policies": [{ "authenticate": { "jwt": {} } }] },"#;
    let further =
        format!(r#", "id": {{ "url": "http://{}" }}, "keys": {{ "url": "http://{name}:{port}" }}"#, issuer.address);
    for (source, message) in [
        (
            format!(r#""discovery": true, "origins": ["https://{name}:{port}"], "upstream": "id""#),
            format!(
                "the look-up of `{name}` for `issuers.corp.origins[0]` fails: it leads to 127.0.0.1, which is not public; \
                 `issuers.corp.upstream` is for the issuer's own origin alone; if it is meant to, read the keys there by \
                 `issuers.corp.jwks` and `upstream`, in place of `discovery` and `origins`"
            ),
        ),
        (
            format!(r#""jwks": "http://{name}:{port}/keys", "upstream": "keys""#),
            // It is read, and has no key.
            "reading the keys of the issuer `corp` fails: none of its keys verifies tokens of this issuer".to_owned(),
        ),
    ] {
        let folder = Folder::new();
        let members = format!(r#""issuers": {{ "corp": {{ "issuer": "https://id.test", {source} }} }}, {policies}"#);
        let program = gateway(&folder, &members, "", &further);
        assert_eq!(ask(&program).0, 503);
        program.wait_for_message(&message);
    }
}
