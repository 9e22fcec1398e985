//! `GET /metrics` (docs/configuration.md, Admin).

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;

use super::support::{Wire, gated_upstream, load, ok_upstream, start, upstream, wait_until};

fn config(upstream: SocketAddr, routes: &str) -> String {
    format!(
        r#"{{
          "server": {{ "listen": "127.0.0.1:0", "accessLog": "off", "admin": "0" }},
          "upstreams": {{ "up": {{ "url": "http://{upstream}" }} }},
          "routes": [ {routes} ]
        }}"#
    )
}

const PLAIN: &str = r#"{ "name": "plain", "match": { "path": "/plain" }, "upstream": "up" }"#;
const LIMITED: &str = r#"{ "name": "limited", "match": { "path": "/limited" }, "upstream": "up",
    "policies": [{ "rateLimit": { "limit": 2, "window": "1h" } }] }"#;

/// Sends a request on a connection of its own, so that every thread gets some.
fn ask(address: SocketAddr, path: &str, fields: &str) -> (u16, String, String) {
    let mut wire = Wire::connect(address);
    wire.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{fields}Connection: close\r\n\r\n"));
    let head = wire.head().unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = wire.body(&head);
    (status, head, String::from_utf8(body).unwrap())
}

/// The value of the sample with this name and these labels.
pub(crate) fn sample(admin: SocketAddr, series: &str) -> Option<f64> {
    let (_, _, text) = ask(admin, "/metrics", "");
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ').map(str::to_owned));
    line.map(|value| value.parse().unwrap())
}

pub(crate) fn wait_for(admin: SocketAddr, series: &str, value: f64) {
    wait_until(&format!("{series} {value}"), || sample(admin, series) == Some(value));
}

/// OpenTelemetry semantic conventions, HTTP metrics: durations in seconds, by what was called and how it ended.
#[test]
fn requests_are_counted_by_route_and_status_over_all_threads() {
    let upstream = ok_upstream();
    let gateway = start(&config(upstream.address, &format!("{PLAIN}, {LIMITED}")));
    let admin = gateway.admin_address().unwrap();
    for _ in 0..12 {
        assert_eq!(ask(gateway.address(), "/plain", "").0, 200);
    }
    for status in [200, 200, 429] {
        assert_eq!(ask(gateway.address(), "/limited", "").0, status);
    }
    assert_eq!(ask(gateway.address(), "/nothing", "").0, 404);

    wait_for(admin, r#"http_server_request_duration_seconds_count{route="plain",status_class="2xx"}"#, 12.0);
    wait_for(admin, r#"http_server_request_duration_seconds_bucket{le="+Inf",route="plain",status_class="2xx"}"#, 12.0);
    wait_for(admin, r#"http_server_request_duration_seconds_count{route="limited",status_class="4xx"}"#, 1.0);
    wait_for(admin, r#"http_server_request_duration_seconds_count{route="",status_class="4xx"}"#, 1.0);
    wait_for(admin, r#"http_client_request_duration_seconds_count{upstream="up",status_class="2xx"}"#, 14.0);
    wait_for(admin, r#"edgeway_rate_limit_verdicts_total{route="limited",limit="limited",verdict="admitted"}"#, 2.0);
    wait_for(admin, r#"edgeway_rate_limit_verdicts_total{route="limited",limit="limited",verdict="refused"}"#, 1.0);
    wait_for(admin, r#"edgeway_store_errors_total{store="counters"}"#, 0.0);
    wait_for(admin, "http_server_active_requests", 0.0);
    let endpoint = upstream.address;
    assert!(
        sample(admin, &format!(r#"http_client_open_connections{{upstream="up",endpoint="{endpoint}",state="idle"}}"#))
            .is_some()
    );
}

/// docs/configuration.md, Metrics: a verdict is `failed` where the counter could not be asked, which is an error of its store, too.
#[test]
fn a_limit_whose_counter_can_not_be_asked_is_counted_as_failed() {
    // Nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let upstream = ok_upstream();
    let open = LIMITED.replace(r#""window": "1h""#, r#""window": "1h", "fail": "open""#);
    let closed =
        LIMITED.replace("limited", "closed").replace(r#""window": "1h""#, r#""window": "1h", "fail": "closed""#);
    let text = config(upstream.address, &format!("{open}, {closed}"));
    let redis = format!(r#"{{ "counters": {{ "redis": "redis://127.0.0.1:{port}" }},"#);
    let gateway = start(&text.replacen('{', &redis, 1));
    let admin = gateway.admin_address().unwrap();
    for (path, status) in [("/limited", 200), ("/limited", 200), ("/limited", 200), ("/closed", 503)] {
        assert_eq!(ask(gateway.address(), path, "").0, status, "{path}");
    }
    wait_for(admin, r#"edgeway_rate_limit_verdicts_total{route="limited",limit="limited",verdict="failed"}"#, 3.0);
    wait_for(admin, r#"edgeway_rate_limit_verdicts_total{route="closed",limit="closed",verdict="failed"}"#, 1.0);
    wait_for(admin, r#"edgeway_store_errors_total{store="counters"}"#, 4.0);
}

/// ARCHITECTURE.md, State: a reload loses no state that the new plan still names, wherever it now stands.
#[test]
fn counts_survive_a_reload_by_the_name_of_the_route() {
    let (upstream, answering) = gated_upstream();
    let gateway = start(&config(upstream.address, &format!("{PLAIN}, {LIMITED}")));
    let admin = gateway.admin_address().unwrap();
    let mut client = Wire::connect(gateway.address());
    client.send("GET /plain HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_for(admin, "http_server_active_requests", 1.0);

    let (plan, settings) = load(&config(upstream.address, &format!("{LIMITED}, {PLAIN}")));
    gateway.reload(plan, settings).unwrap();
    assert_eq!(sample(admin, "http_server_active_requests"), Some(1.0));
    answering.store(true, Ordering::SeqCst);
    assert!(client.head().unwrap().starts_with("HTTP/1.1 200"));
    wait_for(admin, "http_server_active_requests", 0.0);
    let series = r#"http_server_request_duration_seconds_count{route="plain",status_class="2xx"}"#;
    wait_for(admin, series, 1.0);
    assert_eq!(ask(gateway.address(), "/plain", "").0, 200);
    wait_for(admin, series, 2.0);
}

/// An upstream that does not answer is counted, too.
#[test]
fn a_call_without_a_response_has_no_status() {
    let upstream = upstream(|wire, _| drop(wire.head()));
    let gateway = start(&config(upstream.address, PLAIN));
    let admin = gateway.admin_address().unwrap();
    assert_eq!(ask(gateway.address(), "/plain", "").0, 502);
    wait_for(admin, r#"http_client_request_duration_seconds_count{upstream="up",status_class="none"}"#, 1.0);
    wait_for(admin, r#"http_server_request_duration_seconds_count{route="plain",status_class="5xx"}"#, 1.0);
}

/// OpenMetrics 1.0 for those who ask for it, as Prometheus does; its older format for everybody else.
#[test]
fn the_format_is_what_the_scraper_takes() {
    let upstream = ok_upstream();
    let gateway = start(&config(upstream.address, PLAIN));
    let admin = gateway.admin_address().unwrap();
    let (_, head, text) =
        ask(admin, "/metrics", "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n");
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"), "{head}");
    assert!(text.ends_with("# EOF\n"));
    assert!(text.contains("# TYPE edgeway_store_errors counter\n"));
    let (_, head, text) = ask(admin, "/metrics", "");
    assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
    assert!(text.contains("# TYPE edgeway_store_errors_total counter\n"));
}

/// Prometheus' own linter has nothing to say, where it is installed: Debian's package `prometheus` has it.
#[test]
fn promtool_finds_nothing_to_complain_about() {
    let Some(promtool) = promtool() else {
        eprintln!("skipped: there is no promtool");
        return;
    };
    let upstream = ok_upstream();
    let gateway = start(&config(upstream.address, &format!("{PLAIN}, {LIMITED}")));
    let admin = gateway.admin_address().unwrap();
    for path in ["/plain", "/limited", "/limited", "/limited", "/nothing"] {
        ask(gateway.address(), path, "");
    }
    wait_for(admin, r#"edgeway_rate_limit_verdicts_total{route="limited",limit="limited",verdict="refused"}"#, 1.0);
    let (_, _, text) = ask(admin, "/metrics", "");
    let mut child = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}\n{text}");
}

/// The program on the path, or where `./test setup` puts it.
fn promtool() -> Option<PathBuf> {
    let on_path =
        std::env::var_os("PATH").into_iter().flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let tools = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/tools");
    on_path.chain([tools]).map(|folder| folder.join("promtool")).find(|program| program.is_file())
}
