//! An upstream whose name stands for several machines (docs/configuration.md, Upstreams).

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use edgeway::server::{Options, Server};
use edgeway::upstream::{LookUp, Names, Resolve};
use tokio::net::TcpListener as AsyncListener;

use super::support::{Folder, Wire, load, wait_until};
use super::tls::{acceptor, certificate};

/// A name server of our own.
#[derive(Debug, Default)]
struct Table {
    hosts: Mutex<HashMap<String, Vec<SocketAddr>>>,
    asked: AtomicUsize,
}

impl Table {
    fn set(&self, host: &str, addresses: &[SocketAddr]) {
        self.hosts.lock().unwrap().insert(host.to_owned(), addresses.to_vec());
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Resolve for Table {
    fn look_up<'h>(&'h self, host: &'h str, _: u16) -> LookUp<'h> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let found = self.hosts.lock().unwrap().get(host).cloned();
        Box::pin(async move { found.ok_or(std::io::ErrorKind::TimedOut.into()) })
    }
}

/// A machine that answers with its own address, can be switched off, and on again.
struct Machine {
    address: SocketAddr,
    answered: Arc<AtomicUsize>,
    running: Option<(Arc<AtomicBool>, std::thread::JoinHandle<()>)>,
}

impl Machine {
    fn start(address: SocketAddr) -> Self {
        let mut machine = Self { address, answered: Arc::default(), running: None };
        machine.on();
        machine
    }

    fn on(&mut self) {
        let listener = TcpListener::bind(self.address).unwrap();
        self.address = listener.local_addr().unwrap();
        let (address, answered) = (self.address, Arc::clone(&self.answered));
        let off = Arc::new(AtomicBool::new(false));
        let is_off = Arc::clone(&off);
        let thread = std::thread::spawn(move || {
            let mut connections = Vec::new();
            for stream in listener.incoming() {
                if is_off.load(Ordering::SeqCst) {
                    break;
                }
                let stream = stream.unwrap();
                connections.push(stream.try_clone().unwrap());
                let answered = Arc::clone(&answered);
                std::thread::spawn(move || serve(&mut Wire::new(stream), address, &answered));
            }
            for connection in connections {
                let _ = connection.shutdown(std::net::Shutdown::Both);
            }
        });
        self.running = Some((off, thread));
    }

    fn off(&mut self) {
        let (off, thread) = self.running.take().unwrap();
        off.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        thread.join().unwrap();
    }

    fn answered(&self) -> usize {
        self.answered.load(Ordering::SeqCst)
    }
}

fn serve(wire: &mut Wire, address: SocketAddr, answered: &AtomicUsize) {
    while wire.head().is_some() {
        answered.fetch_add(1, Ordering::SeqCst);
        let name = address.ip().to_string();
        wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}", name.len()));
    }
}

/// Two machines at one port of two addresses.
fn machines() -> (Machine, Machine) {
    let one = Machine::start("127.0.0.1:0".parse().unwrap());
    let two = Machine::start(SocketAddr::new("127.0.0.2".parse().unwrap(), one.address.port()));
    (one, two)
}

/// A gateway in front of the name `up.test`, which stands for `addresses`.
fn gateway(addresses: &[SocketAddr], names: Names, timeouts: &str) -> (Server, Arc<Table>) {
    let table = Arc::new(Table::default());
    table.set("up.test", addresses);
    let port = addresses[0].port();
    let (plan, settings) = load(&format!(
        r#"{{
          "server": {{ "listen": "127.0.0.1:0", "accessLog": "off" }},
          "upstreams": {{ "up": {{ "url": "http://up.test:{port}", "timeouts": {timeouts} }} }},
          "routes": [ {{ "name": "all", "match": {{ "prefix": "/" }}, "upstream": "up" }} ]
        }}"#
    ));
    let resolver: Arc<dyn Resolve> = Arc::<Table>::clone(&table);
    let names = Names { resolver, ..names };
    let options = Options { threads: std::num::NonZero::new(1), names, ..Options::default() };
    (Server::start(plan, settings, &options).unwrap(), table)
}

/// The addresses that answered so many requests of one client.
fn answers(wire: &mut Wire, count: usize) -> Vec<String> {
    (0..count)
        .map(|_| {
            let (status, body) = wire.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
            assert_eq!(status, 200, "{body}");
            body
        })
        .collect()
}

/// Each request goes to the next address, whether a connection to it stands already or not.
#[test]
fn requests_go_to_all_addresses_of_a_name_in_turn() {
    let (one, two) = machines();
    let (gateway, table) = gateway(&[one.address, two.address], Names::default(), "{}");
    let mut client = Wire::connect(gateway.address());
    let answered = answers(&mut client, 6);
    assert_eq!(answered, ["127.0.0.1", "127.0.0.2", "127.0.0.1", "127.0.0.2", "127.0.0.1", "127.0.0.2"]);
    assert_eq!((one.answered(), two.answered(), table.asked()), (3, 3, 1));
}

/// An address that refuses costs no client an error, and has its turn again once its time is over.
#[test]
fn an_address_that_refuses_is_left_out_until_it_is_back() {
    let (one, mut two) = machines();
    let names = Names { down_for: Duration::from_millis(300), ..Names::default() };
    let (gateway, _) = gateway(&[one.address, two.address], names, "{}");
    let mut client = Wire::connect(gateway.address());
    assert_eq!(answers(&mut client, 2), ["127.0.0.1", "127.0.0.2"]);

    two.off();
    assert!(answers(&mut client, 20).iter().all(|address| address == "127.0.0.1"));

    two.on();
    let seen = two.answered();
    wait_until("an answer of the machine that is back", || {
        answers(&mut Wire::connect(gateway.address()), 2);
        two.answered() > seen
    });
    let answered = answers(&mut client, 4);
    assert_eq!(answered.iter().filter(|address| *address == "127.0.0.2").count(), 2, "{answered:?}");
}

/// An address that does not answer at all is overtaken within the time for connecting (RFC 8305 §5), and left out then.
#[test]
fn an_address_that_does_not_answer_costs_no_client_an_error() {
    let one = Machine::start("127.0.0.1:0".parse().unwrap());
    let (silent, _kept) = silent(one.address.port());
    let (gateway, _) = gateway(&[silent, one.address], Names::default(), r#"{ "connect": "400ms" }"#);
    let mut client = Wire::connect(gateway.address());
    assert!(answers(&mut client, 5).iter().all(|address| address == "127.0.0.1"));
}

/// A listener whose queue is full: connections to it neither stand nor are refused.
fn silent(port: u16) -> (SocketAddr, (socket2::Socket, Vec<socket2::Socket>)) {
    use socket2::{Domain, Socket, Type};
    let address = SocketAddr::new("127.0.0.3".parse().unwrap(), port);
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&address.into()).unwrap();
    listener.listen(0).unwrap();
    let waiting = (0..4)
        .map(|_| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            let _ = socket.connect(&address.into());
            socket
        })
        .collect();
    (address, (listener, waiting))
}

/// A name that stands for another machine now is followed, though the old one still serves.
#[test]
fn a_name_that_changes_is_followed() {
    let (one, two) = machines();
    let names = Names { fresh_for: Duration::from_millis(200), ..Names::default() };
    let (gateway, table) = gateway(&[one.address], names, "{}");
    let mut client = Wire::connect(gateway.address());
    assert_eq!(answers(&mut client, 2), ["127.0.0.1", "127.0.0.1"]);
    table.set("up.test", &[two.address]);
    wait_until("an answer of the new address", || answers(&mut Wire::connect(gateway.address()), 1) == ["127.0.0.2"]);
    assert_eq!(answers(&mut client, 2), ["127.0.0.2", "127.0.0.2"]);
}

/// Over HTTP/2 there is one connection to each address, which all exchanges share.
#[tokio::test]
async fn http2_has_a_connection_to_each_address() {
    let folder = Folder::new();
    certificate(&folder);
    let connections = Arc::new(AtomicUsize::new(0));
    let first = AsyncListener::bind("127.0.0.1:0").await.unwrap();
    let port = first.local_addr().unwrap().port();
    let second = AsyncListener::bind(("127.0.0.2", port)).await.unwrap();
    let addresses = [first.local_addr().unwrap(), second.local_addr().unwrap()];
    for listener in [first, second] {
        let (acceptor, connections) = (acceptor(&folder), Arc::clone(&connections));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let name = listener.local_addr().unwrap().ip().to_string();
                connections.fetch_add(1, Ordering::SeqCst);
                let mut connection = h2::server::handshake(acceptor.accept(stream).await.unwrap()).await.unwrap();
                tokio::spawn(async move {
                    while let Some(Ok((_, mut answer))) = connection.accept().await {
                        let mut body = answer.send_response(http::Response::new(()), false).unwrap();
                        body.send_data(name.clone().into(), true).unwrap();
                    }
                });
            }
        });
    }
    let table = Arc::new(Table::default());
    table.set("localhost", &addresses);
    let (plan, settings) = load(&format!(
        r#"{{
          "server": {{ "listen": "127.0.0.1:0", "accessLog": "off" }},
          "upstreams": {{ "up": {{ "url": "https://localhost:{port}",
              "tls": {{ "authorities": "{}/cert.pem" }} }} }},
          "routes": [ {{ "name": "all", "match": {{ "prefix": "/" }}, "upstream": "up" }} ]
        }}"#,
        folder.0.display()
    ));
    let names = Names { resolver: table, ..Names::default() };
    let options = Options { threads: std::num::NonZero::new(1), names, ..Options::default() };
    let gateway = Server::start(plan, settings, &options).unwrap();
    let address = gateway.address();
    let asking = tokio::task::spawn_blocking(move || answers(&mut Wire::connect(address), 5));
    assert_eq!(asking.await.unwrap(), ["127.0.0.1", "127.0.0.2", "127.0.0.1", "127.0.0.2", "127.0.0.1"]);
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

/// While looking the name up fails, the addresses that are known serve.
#[test]
fn a_look_up_that_fails_leaves_the_addresses_as_they_are() {
    let (one, two) = machines();
    let names = Names { fresh_for: Duration::from_millis(50), ..Names::default() };
    let (gateway, table) = gateway(&[one.address, two.address], names, "{}");
    let mut client = Wire::connect(gateway.address());
    assert_eq!(answers(&mut client, 2), ["127.0.0.1", "127.0.0.2"]);
    table.hosts.lock().unwrap().clear();
    let asked = table.asked();
    wait_until("look-ups that fail", || table.asked() > asked + 2);
    assert_eq!(answers(&mut client, 4), ["127.0.0.1", "127.0.0.2", "127.0.0.1", "127.0.0.2"]);
}
