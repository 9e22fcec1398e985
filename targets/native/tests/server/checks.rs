//! Checks of places by the gateway itself (docs/configuration.md, Checks).

use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use crate::support::{Folder, Program, Wire, ok_upstream, upstream, wait_until};

/// A place whose checks succeed while the flag is set; with the heads of its checks, and the number of its calls.
struct Place {
    address: SocketAddr,
    is_well: Arc<AtomicBool>,
    checks: Arc<Mutex<Vec<String>>>,
    calls: Arc<AtomicUsize>,
}

impl Place {
    fn new() -> Self {
        let (is_well, checks, calls) = (Arc::new(AtomicBool::new(true)), Arc::default(), Arc::default());
        let (well, seen, called): (_, Arc<Mutex<Vec<String>>>, Arc<AtomicUsize>) =
            (Arc::clone(&is_well), Arc::clone(&checks), Arc::clone(&calls));
        let upstream = upstream(move |wire, _| {
            while let Some(head) = wire.head() {
                if !head.starts_with("GET /healthz ") {
                    called.fetch_add(1, Ordering::SeqCst);
                    wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                    continue;
                }
                seen.lock().unwrap().push(head);
                let status = if well.load(Ordering::SeqCst) { "200 OK" } else { "503 Unavailable" };
                wire.send(format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nUP"));
            }
        });
        Self { address: upstream.address, is_well, checks, calls }
    }
}

fn told(admin: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgeway"));
    let output = command.args(["upstreams", "--admin", &format!("http://{admin}")]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Two threads share the checks; a place goes and comes by them, operators are told, and a reload takes them over.
#[test]
fn a_place_is_left_out_while_its_checks_fail() {
    let (first, second) = (Place::new(), Place::new());
    let folder = Folder::new();
    let config = |members: &str| {
        format!(
            r#"{{"server": {{"listen": "127.0.0.1:0", "admin": "127.0.0.1:0"}},
                "upstreams": {{
                    "pair": {{"urls": ["http://{}/base", "http://{}"], "credentials": {{"bearer": {{"secret": "T"}}}},
                              "health": {{"active": {{"path": "/healthz", "every": "200ms", "timeout": "150ms", "unhealthy": 2,
                                          "contains": "UP", "headers": {{"x-check": "1", "host": "pair.internal"}} {members}}}}}}}}},
                "routes": [{{"name": "all", "match": {{"prefix": "/"}}, "upstream": "pair"}}]}}"#,
            first.address, second.address
        )
    };
    folder.write("gateway.json", &config(""));
    let arguments = ["serve", "gateway.json", "--threads", "2"];
    let program = Program::run_with(&arguments, &folder.0, &[("T", "a-token-that-nobody-guesses")]);
    program.wait_for_message("admin endpoints on http://");
    let messages = program.messages();
    let admin = messages.split_once("admin endpoints on http://").unwrap().1.split_whitespace().next().unwrap();
    wait_until("checks", || first.checks.lock().unwrap().len() > 2 && second.checks.lock().unwrap().len() > 2);
    let head = first.checks.lock().unwrap()[0].clone();
    for field in [
        "host: pair.internal",
        "x-check: 1",
        "authorization: Bearer a-token-that-nobody-guesses",
        "user-agent: edgeway",
    ] {
        assert!(head.contains(&format!("{field}\n")), "{head}");
    }
    let ask = || {
        let mut wire = Wire::connect(program.address);
        assert_eq!(wire.ask("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").unwrap().0, 200);
    };
    first.is_well.store(false, Ordering::SeqCst);
    let url = format!("http://{}", first.address);
    let left_out = format!("the upstream `pair`: {url}/base is left out, its checks fail: status 503\n");
    program.wait_for_message(&left_out);
    let before = first.calls.load(Ordering::SeqCst);
    (0..10).for_each(|_| ask());
    assert_eq!(first.calls.load(Ordering::SeqCst), before);
    let text = told(admin);
    assert!(text.contains("left out for its checks: ") && text.contains("the last of these: status 503"), "{text}");
    let mut wire = Wire::connect(admin.parse().unwrap());
    let (_, metrics) = wire.ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let healthy = |of: &str, value: u32| {
        format!("edgeway_upstream_endpoint_healthy{{upstream=\"pair\",endpoint=\"{of}\"}} {value}")
    };
    assert!(metrics.contains(&healthy(&format!("{url}/base"), 0)), "{metrics}");
    assert!(metrics.contains(&healthy(&format!("http://{}", second.address), 1)), "{metrics}");
    assert!(metrics.contains("edgeway_upstream_checks_total{") && metrics.contains("result=\"failed\"} "), "{metrics}");
    // All fail: all are called.
    second.is_well.store(false, Ordering::SeqCst);
    program.wait_for_message(&format!("http://{} is left out, its checks fail", second.address));
    (0..10).for_each(|_| ask());
    assert!(first.calls.load(Ordering::SeqCst) > before);
    second.is_well.store(true, Ordering::SeqCst);
    program.wait_for_message(&format!("http://{} is back, its checks succeed", second.address));
    // A reload keeps what is known, and what follows goes by the new rule.
    folder.write("gateway.json", &config(", \"statuses\": [\"2xx\", \"503\"]"));
    program.wait_for_message(&format!("{url}/base is back, its checks succeed"));
    assert_eq!(program.messages().matches(&left_out).count(), 1);
    let before = first.calls.load(Ordering::SeqCst);
    (0..10).for_each(|_| ask());
    assert!(first.calls.load(Ordering::SeqCst) > before);
}

/// A process that is stopped answers no connection, and one that is gone refuses them.
#[test]
fn a_process_that_is_frozen_fails_its_checks_and_comes_back() {
    let folder = Folder::new();
    let config = r#"{"server": {"listen": "127.0.0.1:0", "accessLog": "off"},
                     "routes": [{"name": "all", "match": {"prefix": "/"}, "respond": {"body": "ok"}}]}"#;
    let frozen = Program::serve(&folder.write("gateway.json", config));
    let refused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gateway = Folder::new();
    let config = format!(
        r#"{{"server": {{"listen": "127.0.0.1:0", "accessLog": "off"}},
            "upstreams": {{
                "up": {{"urls": ["http://{}", "http://{refused}", "http://{}"],
                        "health": {{"active": {{"path": "/", "every": "200ms", "timeout": "150ms"}}}}}},
                "bare": {{"urls": ["http://{refused}", "http://{}"],
                          "health": {{"active": {{"kind": "tcp", "every": "200ms", "timeout": "150ms"}}}}}}}},
            "routes": [{{"name": "all", "match": {{"prefix": "/"}}, "upstream": "up"}}]}}"#,
        frozen.address,
        ok_upstream().address,
        ok_upstream().address
    );
    let program = Program::serve(&gateway.write("gateway.json", &config));
    for name in ["up", "bare"] {
        let told =
            format!("the upstream `{name}`: http://{refused} is left out, its checks fail: connection_refused\n");
        program.wait_for_message(&told);
    }
    frozen.signal("STOP");
    let place = format!("the upstream `up`: http://{}", frozen.address);
    program.wait_for_message(&format!("{place} is left out, its checks fail: no answer in time\n"));
    for _ in 0..6 {
        let mut wire = Wire::connect(program.address);
        assert_eq!(wire.ask("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").unwrap(), (200, "ok".to_owned()));
    }
    frozen.signal("CONT");
    program.wait_for_message(&format!("{place} is back, its checks succeed\n"));
    assert!(!program.messages().contains("`bare`: http://127.0.0.1:1 "), "nothing else is told");
}

/// A gRPC server that says of `up` that it serves, and of nothing else.
async fn grpc_place(serving: u8) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((mut request, mut answer))) = connection.accept().await {
                    tokio::spawn(async move {
                        let (uri, headers) = (request.uri().path().to_owned(), request.headers().clone());
                        let mut content = Vec::new();
                        while let Some(Ok(piece)) = request.body_mut().data().await {
                            content.extend_from_slice(&piece);
                        }
                        let is_asked = uri == "/grpc.health.v1.Health/Check"
                            && headers["content-type"] == "application/grpc"
                            && headers["te"] == "trailers"
                            && content == [0, 0, 0, 0, 4, 0x0a, 2, b'u', b'p'];
                        let head =
                            http::Response::builder().header("content-type", "application/grpc").body(()).unwrap();
                        let mut body = answer.send_response(head, false).unwrap();
                        let status = if is_asked { serving } else { 0 };
                        body.send_data(Bytes::from(vec![0, 0, 0, 0, 2, 8, status]), false).unwrap();
                        let mut trailers = http::HeaderMap::new();
                        trailers.insert("grpc-status", "0".parse().unwrap());
                        body.send_trailers(trailers).unwrap();
                    });
                }
            });
        }
    });
    address
}

/// grpc/grpc-proto, health.proto.
#[tokio::test]
async fn a_grpc_server_is_asked_whether_it_serves() {
    let (serving, not_serving) = (grpc_place(1).await, grpc_place(2).await);
    let config = format!(
        r#"{{"server": {{"listen": "127.0.0.1:0", "accessLog": "off", "admin": "127.0.0.1:0"}},
            "upstreams": {{"up": {{"urls": ["http://{serving}", "http://{not_serving}"], "protocol": "h2c",
                "health": {{"active": {{"kind": "grpc", "service": "up", "every": "200ms", "timeout": "150ms"}}}}}}}},
            "routes": [{{"name": "all", "match": {{"prefix": "/"}}, "upstream": "up"}}]}}"#
    );
    let asked = tokio::task::spawn_blocking(move || {
        let folder = Folder::new();
        let program = Program::serve(&folder.write("gateway.json", &config));
        program.wait_for_message(&format!(
            "http://{not_serving} is left out, its checks fail: it says that it does not serve"
        ));
        let messages = program.messages();
        let admin = messages.split_once("admin endpoints on http://").unwrap().1.split_whitespace().next().unwrap();
        wait_until("a check that succeeds", || told(admin).contains("checks passed, 0 failed\n"));
        program.messages()
    });
    assert!(!asked.await.unwrap().contains(&format!("http://{serving} is left out")));
}
