//! The admin endpoints on a listener of their own (docs/configuration.md, Admin).

use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use super::support::{Wire, config, gated_upstream, gateway_with, load, ok_upstream, start, wait_until};

/// The content of the answer to the only route.
fn routed(gateway: &edgeway::server::Server, path: &str) -> String {
    Wire::connect(gateway.address()).ask(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).unwrap().1
}

/// The head and the content of the answer of `path`.
fn ask(address: SocketAddr, path: &str) -> (String, serde_json::Value) {
    let mut wire = Wire::connect(address);
    wire.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
    let head = wire.head().unwrap();
    let body = wire.body(&head);
    (head, serde_json::from_slice(&body).unwrap())
}

/// A port alone is one of the loopback interface, and nobody is asked for a token there.
#[test]
fn a_port_alone_listens_on_this_machine_only() {
    let upstream = ok_upstream();
    for port in ["0", ":0"] {
        let gateway = gateway_with(upstream.address, "{}", &format!(r#"{{ "admin": "{port}" }}"#));
        let address = gateway.admin_address().unwrap();
        assert!(address.ip().is_loopback());
        assert_ne!(address, gateway.address());
        let (head, content) = ask(address, "/live");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert_eq!(content["status"], "live");
        let (head, content) = ask(address, "/nothing");
        assert!(head.starts_with("HTTP/1.1 404"), "{head}");
        assert_eq!(content["code"], "endpoint_not_found");
    }
}

#[test]
fn without_an_address_there_is_no_listener_and_no_path() {
    let upstream = ok_upstream();
    let gateway = gateway_with(upstream.address, "{}", "{}");
    assert_eq!(gateway.admin_address(), None);
    // The route takes it, as any other path.
    assert_eq!(routed(&gateway, "/.edgeway/live"), "ok");
}

/// A gateway with a listener of its own for the endpoints has them nowhere else.
#[test]
fn the_listener_opens_no_path_on_the_other_one() {
    let upstream = ok_upstream();
    let gateway = gateway_with(upstream.address, "{}", r#"{ "admin": "0" }"#);
    assert_eq!(routed(&gateway, "/live"), "ok");
    assert_eq!(routed(&gateway, "/.edgeway/live"), "ok");
}

/// A probe has to be answered whoever holds connections: 64 are open at once, and one more ends the oldest.
#[test]
fn connections_that_are_held_keep_nobody_out() {
    let upstream = ok_upstream();
    let gateway = gateway_with(upstream.address, "{}", r#"{ "admin": "0" }"#);
    let admin = gateway.admin_address().unwrap();
    let mut held: Vec<Wire> = (0..64).map(|_| Wire::connect(admin)).collect();
    assert!(ask(admin, "/live").0.starts_with("HTTP/1.1 200"));
    let live = "GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_eq!(held.last_mut().unwrap().ask(live).unwrap().0, 200, "the newest are still open");
    assert!(held.first_mut().unwrap().is_closed());
}

/// A load balancer has to see that a gateway goes away while that still answers what it has begun.
#[test]
fn ready_is_503_while_the_server_drains() {
    let (upstream, answering) = gated_upstream();
    let gateway = gateway_with(upstream.address, "{}", r#"{ "admin": "0", "drain": "20s" }"#);
    let admin = gateway.admin_address().unwrap();
    assert!(ask(admin, "/ready").0.starts_with("HTTP/1.1 200"));

    let mut client = Wire::connect(gateway.address());
    client.send("GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_until("a request at the upstream", || upstream.connections.load(Ordering::SeqCst) == 1);
    let draining = std::thread::spawn(move || gateway.shutdown());
    wait_until("a gateway that drains", || ask(admin, "/ready").0.starts_with("HTTP/1.1 503"));
    let (_, content) = ask(admin, "/ready");
    assert_eq!(content["status"], "draining");
    assert!(ask(admin, "/live").0.starts_with("HTTP/1.1 200"));

    answering.store(true, Ordering::SeqCst);
    assert!(client.head().unwrap().starts_with("HTTP/1.1 200"));
    assert_eq!(draining.join().unwrap().cut_off, 0);
    assert!(std::net::TcpStream::connect(admin).is_err(), "the listener ends with the server");
}

/// Calls and connections count over all threads: those in use and those that wait.
#[test]
fn upstreams_are_told_with_their_calls_connections_and_addresses() {
    let upstream = ok_upstream();
    let gateway = gateway_with(upstream.address, "{}", r#"{ "admin": "0" }"#);
    let admin = gateway.admin_address().unwrap();
    let (_, before) = ask(admin, "/upstreams");
    assert_eq!(
        before,
        serde_json::json!({ "upstreams": [
            { "name": "up", "endpoints": [{
                "url": format!("http://{}", upstream.address),
                "calls": { "sent": 0, "failed": 0 },
                "connections": { "open": 0, "idle": 0 },
                "addresses": [{ "address": upstream.address.to_string(), "down": false }]
            }]}
        ]})
    );
    // The threads have an own listening socket each: so many connections reach all of them.
    for _ in 0..20 {
        assert_eq!(routed(&gateway, "/x"), "ok");
    }
    let endpoint = || ask(admin, "/upstreams").1["upstreams"][0]["endpoints"][0].clone();
    assert_eq!(endpoint()["calls"], serde_json::json!({ "sent": 20, "failed": 0 }));
    wait_until("idle connections", || endpoint()["connections"]["idle"] != 0);
    let connections = endpoint()["connections"].clone();
    assert_eq!(connections["open"], connections["idle"]);
}

/// A call without a response is one that failed, and an address that refuses is down.
#[test]
fn upstreams_that_can_not_be_reached_are_told() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gateway = gateway_with(nobody, "{}", r#"{ "admin": "0" }"#);
    let client = || Wire::connect(gateway.address()).ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap().0;
    assert_eq!([client(), client()], [502, 502]);
    let (_, told) = ask(gateway.admin_address().unwrap(), "/upstreams");
    let endpoint = &told["upstreams"][0]["endpoints"][0];
    assert_eq!(endpoint["calls"], serde_json::json!({ "sent": 2, "failed": 2 }));
    assert_eq!(endpoint["addresses"], serde_json::json!([{ "address": nobody.to_string(), "down": true }]));
}

/// A reload changes what is told, and never where: a new address takes a restart.
#[test]
fn a_reload_is_seen_on_the_same_listener() {
    let (one, two) = (ok_upstream(), ok_upstream());
    let gateway = start(&config(one.address, "{}", r#"{ "admin": "0" }"#));
    let admin = gateway.admin_address().unwrap();
    let (plan, settings) = load(&config(two.address, "{}", r#"{ "admin": "127.0.0.1:1" }"#));
    assert_eq!(gateway.reload(plan, settings).unwrap(), ["server.admin"]);
    let (_, told) = ask(admin, "/upstreams");
    assert_eq!(told["upstreams"][0]["endpoints"][0]["url"], format!("http://{}", two.address));
}
