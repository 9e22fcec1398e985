//! `edgeway purge`, and what it leaves behind (docs/configuration.md, Purges).

use std::net::SocketAddr;
use std::process::{Command, Output};
use std::time::Duration;

use crate::metrics::wait_for;
use crate::support::{Folder, Program, Upstream, Wire, upstream};

fn edgeway(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_edgeway")).arg("purge").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A gateway whose route `all` for `a.test` stores what its upstream answers, with the addresses of its listener and its admin endpoints.
struct Gateway {
    program: Program,
    address: SocketAddr,
    admin: SocketAddr,
    _upstream: Upstream,
    _folder: Folder,
}

impl Gateway {
    fn start() -> Self {
        let upstream = upstream(|wire, _| {
            while wire.head().is_some() {
                wire.send(
                    "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nCache-Tag: t\r\nContent-Length: 2\r\n\r\nok",
                );
            }
        });
        let folder = Folder::new();
        folder.write(
            "gateway.json",
            &format!(
                r#"{{"server": {{"listen": "127.0.0.1:0", "admin": "127.0.0.1:0"}}, "accessLog": {{"format": "off"}},
                "upstreams": {{"u": {{"url": "http://{}"}}}},
                "routes": [{{"name": "all", "match": {{"hosts": ["a.test"], "prefix": "/"}}, "upstream": "u", "policies": [{{"cache": {{}}}}]}},
                           {{"name": "plain", "match": {{"hosts": ["b.test"], "prefix": "/"}}, "upstream": "u"}}]}}"#,
                upstream.address
            ),
        );
        let program = Program::run(&["serve", "gateway.json", "--threads", "2"], &folder.0);
        program.wait_for_message("admin endpoints on http://");
        let messages = program.messages();
        let after = |part: &str| {
            let rest = messages.split_once(part).unwrap().1;
            rest.split_whitespace().next().unwrap().parse().unwrap()
        };
        let (address, admin) = (after(" on http://"), after("admin endpoints on http://"));
        Self { program, address, admin, _upstream: upstream, _folder: folder }
    }

    fn get(&self, path: &str) {
        let answered = Wire::connect(self.address).ask(&format!("GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n"));
        assert_eq!(answered.unwrap().0, 200);
    }

    /// What `purge` says on standard output and standard error.
    fn purge(&self, arguments: &[&str]) -> (String, String) {
        // A purge is of what was asked for by its millisecond.
        std::thread::sleep(Duration::from_millis(5));
        let output = edgeway(&[&["--admin", &format!("http://{}", self.admin)], arguments].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        std::thread::sleep(Duration::from_millis(5));
        (text(&output.stdout), text(&output.stderr))
    }
}

/// The number of URLs that are ended, each once; the warning of a URL that no route with a cache takes; the line and the metric.
#[test]
fn a_purge_says_what_it_has_come_to() {
    let gateway = Gateway::start();
    for path in ["/1", "/2", "/2?x=1"] {
        gateway.get(path);
    }
    // Routes have no port: that of the URL is the one that clients ask at.
    let (said, _) = gateway.purge(&["--url", "http://a.test/1"]);
    assert_eq!(said, "url     http://a.test/1\n1 stored URL is purged\n");
    let (said, warned) = gateway.purge(&["--prefix", "http://a.test/", "--tag", "t", "--soft"]);
    assert!(said.ends_with("2 stored URLs count as stale from now on\n"), "{said}");
    assert_eq!(warned, "");
    let (said, _) = gateway.purge(&["--all"]);
    assert_eq!(said, "all\n2 stored URLs are purged\n");
    // Of the wrong scheme nothing is stored; the wrong host has no cache.
    let (said, warned) =
        gateway.purge(&["--url", "https://a.test/1", "--url", "http://b.test/1", "--prefix", "http://c.test/"]);
    assert!(said.ends_with("Nothing of it is stored in memory; what is on its way is purged\n"), "{said}");
    for url in ["http://b.test/1", "http://c.test/"] {
        assert!(warned.contains(&format!("warning: no route with a `cache` takes {url}; ")), "{warned}");
    }
    assert!(!warned.contains("https://a.test/1"), "{warned}");
    let (said, _) = gateway.purge(&["--url", "http://b.test/1", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (&json["resources"], &json["unserved"]),
        (&serde_json::json!(0), &serde_json::json!(["http://b.test/1"]))
    );

    for (kind, count) in [("url", 4.0), ("prefix", 2.0), ("tag", 1.0), ("all", 1.0)] {
        wait_for(gateway.admin, &format!(r#"edgeway_cache_purges_total{{kind="{kind}"}}"#), count);
    }
    gateway.program.wait_for_message("stored responses count as stale from now on: prefix `http://a.test/`, tag `t`\n");
    gateway.program.wait_for_message("stored responses are purged: all\n");
}

/// What can't be meant is refused, with the way to mend it.
#[test]
fn a_purge_of_nothing_is_refused() {
    let gateway = Gateway::start();
    let admin = format!("http://{}", gateway.admin);
    let refused = |arguments: &[&str]| {
        let output = edgeway(arguments);
        assert!(!output.status.success(), "{arguments:?}");
        text(&output.stderr)
    };
    assert!(refused(&["--admin", &admin, "--tag", ""]).contains("a value is required for '--tag <TAG>'"));
    assert!(refused(&["--admin", &admin, "--url", "http://a.test/x#part"]).contains("is no URL of this gateway"));
    let own = format!("http://{}", gateway.address);
    let said = refused(&["--admin", &own, "--all"]);
    assert!(said.contains("has no admin endpoints: they are there by"), "{said}");
}

/// The example of the help is one that a shell takes.
#[test]
fn the_examples_can_be_pasted() {
    let help = text(&edgeway(&["--help"]).stdout);
    let examples: Vec<_> = help.lines().filter_map(|line| line.strip_prefix("  edgeway ")).collect();
    assert_eq!(examples.len(), 2, "{help}");
    assert!(examples.iter().all(|line| line.starts_with("purge --admin http://")), "{help}");
}
