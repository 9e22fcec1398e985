//! Where upstreams are, as others tell (docs/configuration.md, Discovery): name servers of the test's own, and services that answer as Consul does.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use simple_dns::rdata::{A, RData, SRV};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QTYPE, RCODE, ResourceRecord, TYPE};

use crate::support::{Load, Wire, start, upstream, wait_until};

/// A place that counts its calls.
fn place() -> (SocketAddr, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let upstream = upstream(move |wire, _| {
        while let Some(head) = wire.head() {
            wire.body(&head);
            counter.fetch_add(1, Ordering::SeqCst);
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    (upstream.address, calls)
}

/// What a name server says: these services, with nothing but this code, or nothing at all.
#[derive(Clone, Debug)]
enum Zone {
    Services(Vec<(u16, u16)>),
    Code(RCODE),
    Silence,
}

/// A name server (RFC 1035 §4.2.1) that answers as its zone says, and counts the questions.
fn name_server(zone: &Arc<Mutex<Zone>>) -> (SocketAddr, Arc<AtomicUsize>) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = socket.local_addr().unwrap();
    let (zone, asked) = (Arc::clone(zone), Arc::new(AtomicUsize::new(0)));
    let counter = Arc::clone(&asked);
    std::thread::spawn(move || {
        let mut buffer = [0; 1_500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            counter.fetch_add(1, Ordering::SeqCst);
            let zone = zone.lock().unwrap().clone();
            if let Some(reply) = reply(&buffer[..length], &zone) {
                let _ = socket.send_to(&reply, from);
            }
        }
    });
    (address, asked)
}

fn reply(question: &[u8], zone: &Zone) -> Option<Vec<u8>> {
    let question = Packet::parse(question).unwrap();
    let asked = question.questions.first().unwrap();
    let mut reply = Packet::new_reply(question.id());
    reply.set_flags(PacketFlag::RECURSION_AVAILABLE | PacketFlag::RECURSION_DESIRED);
    reply.questions.push(asked.clone());
    match zone {
        Zone::Silence => return None,
        Zone::Code(code) => *reply.rcode_mut() = *code,
        Zone::Services(services) if asked.qtype == QTYPE::TYPE(TYPE::SRV) => {
            for (port, priority) in services {
                let target = Name::new_unchecked("localhost");
                let data = RData::SRV(SRV { priority: *priority, weight: 10, port: *port, target });
                reply.answers.push(ResourceRecord::new(asked.qname.clone(), CLASS::IN, 1, data));
            }
        }
        Zone::Services(_) => {
            let data = RData::A(A { address: u32::from(Ipv4Addr::LOCALHOST) });
            reply.answers.push(ResourceRecord::new(asked.qname.clone(), CLASS::IN, 1, data));
        }
    }
    reply.build_bytes_vec().ok()
}

fn all_to(upstreams: &str) -> String {
    format!(
        r#"{{"server": {{"listen": "127.0.0.1:0"}}, "upstreams": {{{upstreams}}},
            "routes": [{{"name": "all", "match": {{"prefix": "/"}}, "upstream": "found"}}]}}"#
    )
}

/// RFC 2782; RFC 8767: an answer that is empty, says that there is no such name, or does not come replaces nothing. No request fails meanwhile, and a
/// new place gets its share.
#[test]
fn services_are_found_by_name_and_a_good_list_stays() {
    let ((one, to_one), (two, to_two)) = (place(), place());
    let zone = Arc::new(Mutex::new(Zone::Services(vec![(one.port(), 0)])));
    let (server, asked) = name_server(&zone);
    let found = format!(
        r#""found": {{"discover": {{"dns": {{"name": "_http._tcp.orders.test.", "server": "{server}"}}, "refresh": "1s"}}}}"#
    );
    let gateway = start(&all_to(&found));
    let load = Load::start(gateway.address(), 2);
    load.wait_for_answers(50);
    assert!(to_one.load(Ordering::SeqCst) > 0);
    for worse in
        [Zone::Services(Vec::new()), Zone::Code(RCODE::NameError), Zone::Code(RCODE::ServerFailure), Zone::Silence]
    {
        *zone.lock().unwrap() = worse;
        let before = asked.load(Ordering::SeqCst);
        wait_until("a question", || asked.load(Ordering::SeqCst) > before);
        load.wait_for_answers(50);
    }
    *zone.lock().unwrap() = Zone::Services(vec![(one.port(), 0), (two.port(), 0)]);
    wait_until("the new place to be called", || to_two.load(Ordering::SeqCst) > 20);
    assert_eq!(load.stop(), Vec::<String>::new());
    gateway.shutdown();
}

/// RFC 2782: the services of the lowest number are called while they are there.
#[test]
fn the_services_of_the_first_priority_are_called() {
    let ((one, to_one), (two, to_two)) = (place(), place());
    let zone = Arc::new(Mutex::new(Zone::Services(vec![(two.port(), 20), (one.port(), 10)])));
    let (server, _) = name_server(&zone);
    let found =
        format!(r#""found": {{"discover": {{"dns": {{"name": "_http._tcp.orders.test.", "server": "{server}"}}}}}}"#);
    let gateway = start(&all_to(&found));
    for _ in 0..10 {
        assert_eq!(Wire::connect(gateway.address()).ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap().0, 200);
    }
    assert_eq!((to_one.load(Ordering::SeqCst), to_two.load(Ordering::SeqCst)), (10, 0));
    gateway.shutdown();
}

/// RFC 8484 §4.1: the question goes by POST, as a message.
#[test]
fn names_are_asked_for_over_http() {
    let (one, to_one) = place();
    let zone = Arc::new(Mutex::new(Zone::Services(vec![(one.port(), 0)])));
    let fields = Arc::new(Mutex::new(String::new()));
    let seen = Arc::clone(&fields);
    let doh = upstream(move |wire, _| {
        while let Some(head) = wire.head() {
            let question = wire.body(&head);
            *seen.lock().unwrap() = head;
            let reply = reply(&question, &zone.lock().unwrap()).unwrap();
            wire.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/dns-message\r\nContent-Length: {}\r\n\r\n",
                reply.len()
            ));
            wire.send(Bytes::from(reply));
        }
    });
    let found = format!(
        r#""doh": {{"url": "http://{}"}}, "found": {{"discover": {{"dns": {{"name": "_http._tcp.orders.test", "upstream": "doh"}}}}}}"#,
        doh.address
    );
    let gateway = start(&all_to(&found));
    assert_eq!(Wire::connect(gateway.address()).ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap().0, 200);
    assert_eq!(to_one.load(Ordering::SeqCst), 1);
    let head = fields.lock().unwrap().clone();
    assert!(head.starts_with("POST /dns-query HTTP/1.1\n"), "{head}");
    for field in ["content-type: application/dns-message\n", "accept: application/dns-message\n"] {
        assert!(head.contains(field), "{head}");
    }
    gateway.shutdown();
}

/// Consul's blocking queries: a change is known as soon as it is there, however long the list holds, and the token goes along.
#[test]
fn a_change_in_consul_is_known_at_once() {
    let ((one, to_one), (two, to_two)) = (place(), place());
    // The index, and the instances that it stands for.
    let state = Arc::new(Mutex::new((1_u64, vec![one])));
    let told = Arc::clone(&state);
    let consul = upstream(move |wire, _| {
        while let Some(head) = wire.head() {
            assert!(head.starts_with("GET /v1/health/service/orders?passing=1"), "{head}");
            let asked =
                head.split("&index=").nth(1).map(|rest| rest.split('&').next().unwrap().parse::<u64>().unwrap());
            if let Some(asked) = asked {
                wait_until("a change", || told.lock().unwrap().0 != asked);
            }
            let (index, places) = told.lock().unwrap().clone();
            let entry = |place: &SocketAddr| {
                format!(r#"{{"Service": {{"Address": "{}", "Port": {}}}}}"#, place.ip(), place.port())
            };
            let list = format!("[{}]", places.iter().map(entry).collect::<Vec<_>>().join(", "));
            wire.send(format!(
                "HTTP/1.1 200 OK\r\nX-Consul-Index: {index}\r\nContent-Length: {}\r\n\r\n{list}",
                list.len()
            ));
        }
    });
    let found = format!(
        r#""consul": {{"url": "http://{}"}}, "found": {{"discover": {{"consul": {{"upstream": "consul", "service": "orders"}}, "refresh": "1h"}}}}"#,
        consul.address
    );
    let gateway = start(&all_to(&found));
    let ask = || Wire::connect(gateway.address()).ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap().0;
    assert_eq!(ask(), 200);
    assert_eq!(to_one.load(Ordering::SeqCst), 1);
    *state.lock().unwrap() = (2, vec![two]);
    wait_until("the other place", || {
        assert_eq!(ask(), 200);
        to_two.load(Ordering::SeqCst) > 0
    });
    *state.lock().unwrap() = (3, Vec::new());
    // An empty list is not believed; the next one is.
    assert_eq!(ask(), 200);
    let before = to_one.load(Ordering::SeqCst);
    *state.lock().unwrap() = (4, vec![one]);
    wait_until("the first place again", || {
        assert_eq!(ask(), 200);
        to_one.load(Ordering::SeqCst) > before
    });
    gateway.shutdown();
}

/// docs/configuration.md, The registry: a place is there for as long as its program says so, and taken out as that is stopped.
#[test]
fn a_place_is_kept_in_the_registry_and_taken_out() {
    let ((one, to_one), (two, to_two)) = (place(), place());
    let admin = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let gateway = start(&format!(
        r#"{{"server": {{"listen": "127.0.0.1:0", "admin": "127.0.0.1:{admin}"}}, "upstreams": {{"found": {{"discover": {{"registry": "found"}}}}}},
            "routes": [{{"name": "all", "match": {{"prefix": "/"}}, "upstream": "found"}}]}}"#
    ));
    let registry = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_edgeway"));
        command.arg("registry").args(arguments).args(["--admin", &format!("http://127.0.0.1:{admin}")]);
        command
    };
    let url = |address: SocketAddr| format!("http://{address}");
    // Renewed after a second, which is less than the life of 3 s, and more than once.
    let mut kept = registry(&["add", "found", "one", "--url", &url(one), "--ttl", "3s", "--keep"]).spawn().unwrap();
    let is_answered = || {
        let mut wire = Wire::connect(gateway.address());
        wire.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").is_some_and(|answer| answer.0 == 200)
    };
    wait_until("the place to be called", is_answered);
    let listed = || {
        let output = registry(&["list", "found", "--json"]).output().unwrap();
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        told["places"]
            .as_array()
            .unwrap()
            .iter()
            .map(|place| (place["id"].clone(), place["until"].to_string()))
            .collect::<Vec<_>>()
    };
    let first = listed();
    wait_until("the place to be renewed", || {
        listed().first().is_some_and(|(id, until)| *id == "one" && *until > first[0].1)
    });
    assert!(registry(&["add", "found", "two", "--url", &url(two)]).status().unwrap().success());
    assert!(Command::new("kill").args(["-TERM", &kept.id().to_string()]).status().unwrap().success());
    assert!(kept.wait().unwrap().success());
    assert_eq!(listed().iter().map(|(id, _)| id.clone()).collect::<Vec<_>>(), ["two"]);
    let (before_one, before_two) = (to_one.load(Ordering::SeqCst), to_two.load(Ordering::SeqCst));
    assert!((0..5).all(|_| is_answered()));
    assert_eq!((to_one.load(Ordering::SeqCst), to_two.load(Ordering::SeqCst)), (before_one, before_two + 5));
    gateway.shutdown();
}
