//! The replacement of running servers behind a load balancer (docs/platforms.md, Native).

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::support::{Folder, Program, Wire, wait_until};

/// A free port of this machine.
fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn ready(port: u16) -> u16 {
    let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) else { return 0 };
    Wire::new(stream).ask("GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n").map_or(0, |(status, _)| status)
}

/// A server that answers with its name, and its ready check on a port of its own.
struct Site {
    folder: Folder,
    listen: u16,
    admin: u16,
}

impl Site {
    fn new(name: &str, grace: &str) -> Self {
        let site = Self { folder: Folder::new(), listen: port(), admin: port() };
        let text = format!(
            r#"{{
              "server": {{ "listen": "127.0.0.1:{}", "admin": "{}", "grace": "{grace}", "accessLog": "off" }},
              "routes": [ {{ "name": "all", "match": {{ "prefix": "/" }}, "respond": {{ "body": "{name}" }} }} ]
            }}"#,
            site.listen, site.admin
        );
        site.folder.write("gateway.json", &text);
        site
    }

    fn start(&self) -> Program {
        Program::serve(&self.folder.0.join("gateway.json"))
    }
}

struct HaProxy(Child);

impl Drop for HaProxy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An HAProxy in front of `sites`, where the system has one. It tries no request twice.
fn haproxy(sites: &[&Site]) -> Option<(HaProxy, SocketAddr)> {
    let address = SocketAddr::from(([127, 0, 0, 1], port()));
    let servers: String = (0..)
        .zip(sites)
        .map(|(number, site)| format!(" server s{number} 127.0.0.1:{} check port {}\n", site.listen, site.admin))
        .collect();
    let text = format!(
        "defaults\n mode http\n retries 0\n timeout connect 10s\n timeout client 60s\n timeout server 60s\n\
         frontend front\n bind {address}\n default_backend back\n\
         backend back\n http-reuse always\n option httpchk\n http-check send meth GET uri /ready ver HTTP/1.1 hdr Host localhost\n\
         \x20default-server inter 100ms fall 1 rise 1\n{servers}"
    );
    let folder = Folder::new();
    let file = folder.write("haproxy.cfg", &text);
    let child = Command::new("haproxy")
        .args(["-db", "-f", file.to_str().unwrap()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let haproxy = HaProxy(child);
    wait_until("an HAProxy", || TcpStream::connect(address).is_ok());
    Some((haproxy, address))
}

/// Clients that ask without pause; every other request is the first on a new connection.
struct Clients {
    stop: Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<()>>,
    /// The number of answers by their status and content; 0 where there was none.
    answers: Arc<Mutex<BTreeMap<(u16, String), usize>>>,
}

impl Clients {
    fn start(address: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let answers = Arc::new(Mutex::new(BTreeMap::new()));
        let threads = (0..8).map(|_| {
            let (stop, answers) = (Arc::clone(&stop), Arc::clone(&answers));
            std::thread::spawn(move || {
                while !stop.load(Ordering::SeqCst) {
                    let mut wire = TcpStream::connect(address).ok().map(Wire::new);
                    for _ in 0..2 {
                        let answer = wire.as_mut().and_then(|wire| wire.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
                        *answers.lock().unwrap().entry(answer.unwrap_or_default()).or_insert(0) += 1;
                    }
                }
            })
        });
        Self { threads: threads.collect(), stop, answers }
    }

    fn count(&self, content: &str) -> usize {
        self.answers.lock().unwrap().get(&(200, content.to_owned())).copied().unwrap_or_default()
    }

    /// Waits until the server that answers with `content` is sent requests again.
    fn wait_for(&self, content: &str) {
        let before = self.count(content);
        wait_until(content, || self.count(content) >= before + 100);
    }

    fn stop(self) -> BTreeMap<(u16, String), usize> {
        self.stop.store(true, Ordering::SeqCst);
        for thread in self.threads {
            thread.join().unwrap();
        }
        self.answers.lock().unwrap().clone()
    }
}

/// SIGTERM turns the ready check to 503 and leaves the port open for `server.grace`: a balancer that obeys the check has
/// sent its requests elsewhere by the time connections are refused.
#[test]
fn a_rolling_restart_behind_a_balancer_fails_no_request() {
    let (a, b) = (Site::new("a", "1500ms"), Site::new("b", "1500ms"));
    let mut programs = [a.start(), b.start()];
    let Some((_haproxy, address)) = haproxy(&[&a, &b]) else {
        eprintln!("skipped: no haproxy on the PATH");
        return;
    };
    let clients = Clients::start(address);
    for (program, (site, name)) in programs.iter_mut().zip([(&a, "a"), (&b, "b")]) {
        clients.wait_for("a");
        clients.wait_for("b");
        program.signal("TERM");
        assert!(program.ended());
        *program = site.start();
        clients.wait_for(name);
    }
    let answers = clients.stop();
    let failed: Vec<_> = answers.iter().filter(|((status, _), _)| *status != 200).collect();
    assert!(failed.is_empty(), "{failed:?}");
}

/// docs/platforms.md, Native: in the grace requests are answered as ever, on new connections and on old ones.
#[test]
fn in_the_grace_the_port_is_open_and_the_ready_check_says_503() {
    let site = Site::new("a", "1h");
    let mut program = site.start();
    let mut old = Wire::connect(program.address);
    let ask = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(old.ask(ask), Some((200, "a".to_owned())));
    assert_eq!(ready(site.admin), 200);
    program.signal("TERM");
    program.wait_for_message("not ready any more");
    assert_eq!(ready(site.admin), 503);
    old.send(ask);
    let head = old.head().unwrap();
    assert!(head.starts_with("HTTP/1.1 200") && !head.contains("close"), "{head}");
    assert_eq!(Wire::connect(program.address).ask(ask), Some((200, "a".to_owned())));
    program.signal("TERM");
    assert!(!program.ended(), "a second signal ends at once");
}

/// Without a grace, which is the default, connections are refused as soon as the signal came.
#[test]
fn without_a_grace_the_drain_begins_at_once() {
    let folder = Folder::new();
    let text = r#"{
      "server": { "listen": "127.0.0.1:0", "accessLog": "off" },
      "routes": [ { "name": "all", "match": { "prefix": "/" }, "respond": {} } ]
    }"#;
    let mut program = Program::serve(&folder.write("gateway.json", text));
    program.signal("TERM");
    assert!(program.ended());
    assert!(!program.messages().contains("not ready any more"));
}
