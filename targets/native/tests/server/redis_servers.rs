//! Redis over TLS, and as a cluster, by real servers (docs/configuration.md, Redis).

use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::support::{Folder, Program, Wire, config, get, ok_upstream, start, wait_until};

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A server with these arguments that answers at `port`; none where the system has no Redis.
fn server(folder: &Folder, arguments: &[&str], port: u16) -> Option<Process> {
    let child = Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .args(arguments)
        .current_dir(&folder.0)
        .stdout(Stdio::null())
        .spawn();
    let Ok(child) = child else {
        eprintln!("skipped: no redis-server on the PATH");
        return None;
    };
    let process = Process(child);
    wait_until("a Redis", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    Some(process)
}

/// The answer to a command.
fn command(port: u16, arguments: &[&str]) -> String {
    let output = Command::new("redis-cli").args(["-p", &port.to_string()]).args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// A limit of 100 an hour whose counters are as `counters` says.
fn limited(upstream: SocketAddr, counters: &str, fail: &str) -> String {
    config(upstream, "{}", "{}")
        .replace(
            r#""upstream": "up" }"#,
            &format!(
                r#""upstream": "up", "policies": [{{ "rateLimit": {{ "limit": 100, "window": "1h", "key": {{"header": "x-key"}}, "fail": "{fail}" }} }}] }}"#
            ),
        )
        .replacen('{', &format!(r#"{{ "counters": {{ {counters} }},"#), 1)
}

/// Asks 400 times from 20 clients, half of them at each of two gateways; returns how many were admitted and refused.
fn count(addresses: &[SocketAddr; 2], key: &str) -> (usize, usize) {
    let (admitted, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for n in 0..20 {
            let (address, admitted, refused) = (addresses[n % 2], &admitted, &refused);
            scope.spawn(move || {
                let mut wire = Wire::connect(address);
                for _ in 0..20 {
                    let (status, text) =
                        wire.ask(&format!("GET / HTTP/1.1\r\nHost: a\r\nX-Key: {key}\r\n\r\n")).unwrap();
                    assert!(matches!(status, 200 | 429), "{status} {text}");
                    let counted = if status == 200 { admitted } else { refused };
                    counted.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    (admitted.into_inner(), refused.into_inner())
}

/// An authority, and a certificate of it for 127.0.0.1, in `folder`.
fn certify(folder: &Folder) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    folder.write("ca.pem", &authority.pem());
    folder.write("redis.pem", &certificate.pem());
    folder.write("redis.key", &key.serialize_pem());
}

const TLS: [&str; 10] = [
    "--tls-cert-file",
    "redis.pem",
    "--tls-key-file",
    "redis.key",
    "--tls-ca-cert-file",
    "ca.pem",
    "--tls-auth-clients",
    "no",
    "--requirepass",
    "hunter2",
];

/// Over TLS two gateways together admit exactly the limit. A Redis whose authority is not known is told nothing, and so is one whose
/// certificate is for another name; standard error says why, without the password.
#[test]
fn counters_over_tls() {
    let folder = Folder::new();
    certify(&folder);
    let port = free_port();
    let arguments = ["--port", "0", "--tls-port", &port.to_string()];
    let Some(_redis) = server(&folder, &[&arguments[..], &TLS].concat(), port) else { return };
    let upstream = ok_upstream();
    let serve = |counters: &str, host: &str, name: &str| {
        let text = limited(upstream.address, &format!(r#""redis": {{ "secret": "REDIS_URL" }} {counters}"#), "closed");
        let path = folder.write(name, &text);
        let url = format!("rediss://:hunter2@{host}:{port}");
        Program::run_with(&["serve", path.to_str().unwrap()], &folder.0, &[("REDIS_URL", &url)])
    };
    let known = r#", "authorities": "ca.pem""#;
    let gateways = [serve(known, "127.0.0.1", "a.json"), serve(known, "127.0.0.1", "b.json")];
    assert_eq!(count(&[gateways[0].address, gateways[1].address], "k"), (100, 300));

    for (counters, host, reason) in [("", "127.0.0.1", "UnknownIssuer"), (known, "localhost", "not valid for name")] {
        let gateway = serve(counters, host, "refused.json");
        assert_eq!(get(gateway.address).0, 503, "{host}");
        gateway.wait_for_message(reason);
        assert!(!gateway.messages().contains("hunter2"), "{}", gateway.messages());
    }
}

/// A file of authorities that is none is refused at the start.
#[test]
fn authorities_that_cannot_be_used_are_refused() {
    let upstream = ok_upstream();
    for (text, reason) in [
        ("", "holds no PEM certificate"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "can't be used"),
    ] {
        let folder = Folder::new();
        folder.write("ca.pem", text);
        let counters = format!(r#""redis": "rediss://127.0.0.1", "authorities": "{}/ca.pem""#, folder.0.display());
        let (plan, settings) = crate::support::load(&limited(upstream.address, &counters, "open"));
        let refused = edgeway::server::Server::start(plan, settings, &edgeway::server::Options::default());
        let refused = refused.err().unwrap().to_string();
        assert!(refused.contains("`counters.authorities`") && refused.contains(reason), "{refused}");
    }
}

/// Three nodes that share the slots.
fn cluster(folder: &Folder) -> Option<Vec<(Process, u16)>> {
    let mut nodes = Vec::new();
    for n in 0..3 {
        let (port, bus) = (free_port(), free_port());
        let (port_text, bus, file) = (port.to_string(), bus.to_string(), format!("nodes-{n}.conf"));
        let arguments = [
            "--port",
            &port_text,
            "--cluster-port",
            &bus,
            "--cluster-enabled",
            "yes",
            "--cluster-config-file",
            &file,
            "--cluster-node-timeout",
            "1000",
            "--cluster-require-full-coverage",
            "no",
        ];
        nodes.push((server(folder, &arguments, port)?, port, bus));
    }
    let slots = [("0", "5460"), ("5461", "10922"), ("10923", "16383")];
    for ((_, port, _), (first, last)) in nodes.iter().zip(slots) {
        assert_eq!(command(*port, &["CLUSTER", "ADDSLOTSRANGE", first, last]).trim(), "OK");
        for (_, other, bus) in &nodes {
            assert_eq!(command(*port, &["CLUSTER", "MEET", "127.0.0.1", &other.to_string(), bus]).trim(), "OK");
        }
    }
    let nodes: Vec<(Process, u16)> = nodes.into_iter().map(|(process, port, _)| (process, port)).collect();
    wait_until("a cluster", || {
        nodes.iter().all(|(_, port)| {
            let info = command(*port, &["CLUSTER", "INFO"]);
            info.contains("cluster_state:ok")
                && info.contains("cluster_size:3")
                && info.contains("cluster_known_nodes:3")
        })
    });
    Some(nodes)
}

/// Two gateways that name different nodes together admit exactly the limit, wherever its cell is. Once a node is gone, `fail` decides for
/// the cells that were there, and the others count on.
#[test]
fn counters_in_a_cluster() {
    let folder = Folder::new();
    let Some(mut nodes) = cluster(&folder) else { return };
    let upstream = ok_upstream();
    let ports = [nodes[0].1, nodes[2].1];
    let gateways = ports.map(|port| {
        let counters = format!(r#""cluster": true, "timeout": "5s", "redis": "redis://127.0.0.1:{port}""#);
        start(&limited(upstream.address, &counters, "closed"))
    });
    let addresses = [gateways[0].address(), gateways[1].address()];
    for key in ["a", "b", "c", "d"] {
        assert_eq!(count(&addresses, key), (100, 300), "{key}");
    }
    // One request for each of many cells, so that each node has some.
    let statuses = |from: usize| {
        let mut wire = Wire::connect(addresses[0]);
        (from..from + 40)
            .map(|n| wire.ask(&format!("GET / HTTP/1.1\r\nHost: a\r\nX-Key: many-{n}\r\n\r\n")).unwrap().0)
            .collect::<Vec<_>>()
    };
    assert_eq!(statuses(0), [200; 40]);
    assert!(nodes.iter().all(|(_, port)| command(*port, &["DBSIZE"]).trim() != "0"));
    drop(nodes.remove(1));
    let after = statuses(100);
    let admitted = after.iter().filter(|status| **status == 200).count();
    assert!(after.iter().all(|status| matches!(status, 200 | 503)), "{after:?}");
    assert!((1..40).contains(&admitted), "those of one node of three are refused: {after:?}");
}

/// docs/configuration.md, Redis: credentials that are wrong or missing, a Redis without room and one that is not there are told apart, in the log and on
/// standard error, where the Redis is named without its credentials.
#[test]
fn failures_are_told_apart() {
    let upstream = ok_upstream();
    let folder = Folder::new();
    let config = limited(upstream.address, r#""redis": { "secret": "REDIS_URL" }"#, "closed");
    folder.write("gateway.json", &config.replace(r#""accessLog": "off""#, r#""accessLog": "json""#));
    let [locked, full, nowhere] = [(); 3].map(|()| free_port());
    let port = |port: u16| ["--port".to_owned(), port.to_string()];
    let start = |with: &[&str], at: u16| {
        let arguments = port(at);
        server(&folder, &[&arguments.each_ref().map(String::as_str), with].concat(), at)
    };
    let Some(_locked) = start(&["--requirepass", "right"], locked) else { return };
    let _full = start(&["--maxmemory", "1", "--maxmemory-policy", "noeviction"], full);
    for (url, failure, said) in [
        (
            format!("redis://:PLANT-wrong@127.0.0.1:{locked}"),
            "refused",
            format!("Redis at 127.0.0.1:{locked} refuses the credentials: "),
        ),
        (
            format!("redis://127.0.0.1:{locked}"),
            "refused",
            format!("Redis at 127.0.0.1:{locked} refuses the credentials: "),
        ),
        (
            format!("redis://127.0.0.1:{full}"),
            "full",
            format!("Redis at 127.0.0.1:{full} has no room (OOM): see its `maxmemory`"),
        ),
        (format!("redis://127.0.0.1:{nowhere}"), "unreachable", format!("Redis at 127.0.0.1:{nowhere}: ")),
    ] {
        let program =
            Program::run_with(&["serve", "gateway.json", "--threads", "1"], &folder.0, &[("REDIS_URL", &url)]);
        program.wait_for_message("serving ");
        let messages = program.messages();
        let address = messages.split_once(" on http://").unwrap().1.split_whitespace().next().unwrap();
        let answered = Wire::connect(address.parse().unwrap()).ask("GET /limited HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        assert_eq!(answered.0, 503, "{url}");
        assert_eq!(program.logged("/limited")["store"]["failure"], failure, "{url}");
        program.wait_for_message(&format!("the store of the counters fails: {said}"));
        assert!(!program.messages().contains("PLANT"), "{}", program.messages());
    }
}

/// docs/configuration.md, Redis: once it takes the credentials again, the gateway uses it by itself.
#[test]
fn credentials_that_were_refused_are_tried_again() {
    let (upstream, folder, port) = (ok_upstream(), Folder::new(), free_port());
    let config = limited(upstream.address, r#""redis": { "secret": "REDIS_URL" }"#, "closed");
    folder.write("gateway.json", &config);
    let Some(_redis) = server(&folder, &["--port", &port.to_string(), "--requirepass", "one"], port) else { return };
    let url = format!("redis://:one@127.0.0.1:{port}");
    let program = Program::run_with(&["serve", "gateway.json", "--threads", "1"], &folder.0, &[("REDIS_URL", &url)]);
    program.wait_for_message("serving ");
    let messages = program.messages();
    let address = messages.split_once(" on http://").unwrap().1.split_whitespace().next().unwrap().parse().unwrap();
    let ask = || Wire::connect(address).ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap().0;
    assert_eq!(ask(), 200);
    command(port, &["-a", "one", "config", "set", "requirepass", "two"]);
    command(port, &["-a", "two", "client", "kill", "type", "normal"]);
    for _ in 0..3 {
        assert_eq!(ask(), 503);
    }
    command(port, &["-a", "two", "config", "set", "requirepass", "one"]);
    wait_until("the Redis is used again", || ask() == 200);
}
