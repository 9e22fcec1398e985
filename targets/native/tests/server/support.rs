//! A gateway, an upstream that does as it is told, and a client that sees every byte.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use edgeway::config_file::ConfigFile;
use edgeway::platform::secrets::NativeSecrets;
use edgeway::server::{Options, Server, Settings};

/// Longer than anything takes; a test that waits for it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A gateway that sends everything to `upstream`.
pub(crate) fn gateway(upstream: SocketAddr) -> Server {
    gateway_with(upstream, "{}", "{}")
}

/// The same with these `timeouts` of the upstream and these other members of `server`.
pub(crate) fn gateway_with(upstream: SocketAddr, timeouts: &str, server: &str) -> Server {
    start(&config(upstream, timeouts, server))
}

pub(crate) fn config(upstream: SocketAddr, timeouts: &str, server: &str) -> String {
    let server = server.trim().trim_start_matches('{').trim_end_matches('}');
    let comma = if server.trim().is_empty() { "" } else { "," };
    format!(
        r#"{{
          "server": {{ "listen": "127.0.0.1:0", "accessLog": "off" {comma} {server} }},
          "limits": {{ "bodyBytes": "8GiB" }},
          "upstreams": {{ "up": {{ "url": "http://{upstream}", "timeouts": {timeouts} }} }},
          "routes": [ {{ "name": "all", "match": {{ "prefix": "/" }}, "upstream": "up" }} ]
        }}"#
    )
}

pub(crate) fn start(config: &str) -> Server {
    let (plan, settings) = load(config);
    let options = Options { threads: std::num::NonZero::new(2), ..Options::default() };
    Server::start(plan, settings, &options).unwrap()
}

pub(crate) fn load(config: &str) -> (gateway_core::plan::Plan, Settings) {
    let file = ConfigFile::new(PathBuf::from("gateway.json"), NativeSecrets::new(None));
    let plan = file.compile(gateway_core::config::Composed::alone(config.to_owned())).unwrap();
    let settings = Settings::of(&plan);
    (plan, settings)
}

/// An upstream: each connection to it runs `serve` on a thread of its own.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    pub(crate) connections: Arc<AtomicUsize>,
}

pub(crate) fn upstream(serve: impl Fn(&mut Wire, usize) + Send + Sync + 'static) -> Upstream {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&connections);
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let number = counter.fetch_add(1, Ordering::SeqCst);
            let serve = Arc::clone(&serve);
            std::thread::spawn(move || serve(&mut Wire::new(stream.unwrap()), number));
        }
    });
    Upstream { address, connections }
}

/// Answers every request with 200 and `ok`.
pub(crate) fn ok_upstream() -> Upstream {
    upstream(|wire, _| {
        while let Some(head) = wire.head() {
            wire.body(&head);
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    })
}

/// Answers as [`ok_upstream`] does, but each request only once the gate is open.
pub(crate) fn gated_upstream() -> (Upstream, Arc<AtomicBool>) {
    let gate = Arc::new(AtomicBool::new(false));
    let open = Arc::clone(&gate);
    let upstream = upstream(move |wire, _| {
        while let Some(head) = wire.head() {
            wire.body(&head);
            wait_until("the gate to open", || open.load(Ordering::SeqCst));
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    (upstream, gate)
}

/// One end of a connection.
pub(crate) struct Wire {
    pub(crate) stream: BufReader<TcpStream>,
}

impl Wire {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::new(TcpStream::connect(address).unwrap())
    }

    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    pub(crate) fn send(&mut self, text: impl AsRef<[u8]>) {
        // The other side may have closed, which what is read next shows.
        let _ = self.stream.get_mut().write_all(text.as_ref());
    }

    /// The next head, its lines ending in `\n`; `None` when the other side closed.
    pub(crate) fn head(&mut self) -> Option<String> {
        let mut head = String::new();
        loop {
            let mut line = String::new();
            match self.stream.read_line(&mut line) {
                Ok(0) | Err(_) => return None,
                Ok(_) if line == "\r\n" => return Some(head),
                Ok(_) => head.push_str(&(line.trim_end().to_owned() + "\n")),
            }
        }
    }

    /// The body after `head`.
    pub(crate) fn body(&mut self, head: &str) -> Vec<u8> {
        if let Some(length) = field(head, "content-length") {
            let mut body = vec![0; length.parse().unwrap()];
            self.stream.read_exact(&mut body).unwrap();
            return body;
        }
        let mut body = Vec::new();
        if field(head, "transfer-encoding").is_some() {
            loop {
                let mut line = String::new();
                self.stream.read_line(&mut line).unwrap();
                let size = usize::from_str_radix(line.trim(), 16).unwrap();
                if size == 0 {
                    break;
                }
                let mut chunk = vec![0; size + 2];
                self.stream.read_exact(&mut chunk).unwrap();
                body.extend_from_slice(&chunk[..size]);
            }
            // Trailers, for those who want them, are the next head.
            if field(head, "trailer").is_none() {
                self.head();
            }
        }
        body
    }

    /// The next response: its status and body.
    pub(crate) fn response(&mut self) -> Option<(u16, String)> {
        let head = self.head()?;
        let body = self.body(&head);
        Some((status(&head), String::from_utf8(body).unwrap()))
    }

    /// Sends `request` and returns the status and body of the response.
    pub(crate) fn ask(&mut self, request: &str) -> Option<(u16, String)> {
        self.send(request);
        self.response()
    }

    /// Whether the other side has closed, with nothing more to read.
    pub(crate) fn is_closed(&mut self) -> bool {
        matches!(self.stream.fill_buf(), Ok(bytes) if bytes.is_empty())
            || matches!(self.stream.fill_buf(), Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset)
    }
}

pub(crate) fn status(head: &str) -> u16 {
    head.split(' ').nth(1).unwrap().trim().parse().unwrap()
}

pub(crate) fn field(head: &str, name: &str) -> Option<String> {
    head.lines().skip(1).find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}

/// `GET /` on a new connection.
pub(crate) fn get(address: SocketAddr) -> (u16, String) {
    Wire::connect(address).ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap()
}

/// Waits until `condition` holds.
pub(crate) fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < PATIENCE, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A folder that is removed at the end.
pub(crate) struct Folder(pub PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let path = std::env::temp_dir().join(format!("edgeway-test-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The program itself, as a process.
pub(crate) struct Program {
    child: std::process::Child,
    messages: Arc<Mutex<String>>,
    /// The lines on standard output.
    lines: Arc<Mutex<Vec<String>>>,
    pub(crate) address: SocketAddr,
}

impl Program {
    pub(crate) fn serve(config: &Path) -> Self {
        Self::run(&["serve", config.to_str().unwrap()], config.parent().unwrap())
    }

    pub(crate) fn run(arguments: &[&str], folder: &Path) -> Self {
        Self::run_with(arguments, folder, &[])
    }

    /// The same with these variables in the environment.
    pub(crate) fn run_with(arguments: &[&str], folder: &Path, variables: &[(&str, &str)]) -> Self {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_edgeway"));
        command.args(arguments).current_dir(folder).envs(variables.iter().copied());
        command.stdout(std::process::Stdio::piped());
        let mut program = Self::spawn(command);
        let (stdout, kept) = (program.child.stdout.take().unwrap(), Arc::clone(&program.lines));
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                kept.lock().unwrap().push(line);
            }
        });
        program
    }

    /// The same with a standard output that nobody reads, as long as it is kept.
    pub(crate) fn spawn_unread(mut command: std::process::Command) -> (Self, std::process::ChildStdout) {
        command.stdout(std::process::Stdio::piped());
        let mut program = Self::spawn(command);
        let stdout = program.child.stdout.take().unwrap();
        (program, stdout)
    }

    /// The process of `command`, once it serves.
    pub(crate) fn spawn(mut command: std::process::Command) -> Self {
        let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
        let messages = Arc::new(Mutex::new(String::new()));
        let (stderr, kept) = (child.stderr.take().unwrap(), Arc::clone(&messages));
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                kept.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        let lines = Arc::new(Mutex::new(Vec::new()));
        let address = || {
            let messages = messages.lock().unwrap();
            let (_, rest) = messages.split_once("://")?;
            rest.split_once(char::is_whitespace)?.0.parse().ok()
        };
        wait_until("a start", || address().is_some());
        let address = address().unwrap();
        Self { child, messages, lines, address }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.id().to_string();
        assert!(std::process::Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    pub(crate) fn messages(&self) -> String {
        self.messages.lock().unwrap().clone()
    }

    /// The lines of the access log so far.
    pub(crate) fn log(&self) -> Vec<serde_json::Value> {
        self.lines.lock().unwrap().iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The line of the access log for this path.
    pub(crate) fn logged(&self, path: &str) -> serde_json::Value {
        let found = || {
            let lines = self.lines.lock().unwrap();
            lines
                .iter()
                .map(|line| serde_json::from_str(line).unwrap())
                .find(|line: &serde_json::Value| line["path"] == path)
        };
        wait_until(path, || found().is_some());
        found().unwrap()
    }

    pub(crate) fn wait_for_message(&self, part: &str) {
        wait_until(part, || self.messages().contains(part));
    }

    /// Waits for the end, and returns whether the program succeeded.
    pub(crate) fn ended(&mut self) -> bool {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.success();
            }
            assert!(begun.elapsed() < PATIENCE, "the program did not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The memory that it has in RAM, in KiB.
    pub(crate) fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Clients that ask without pause until they are stopped.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<()>>,
    pub(crate) answered: Arc<AtomicUsize>,
    pub(crate) failed: Arc<Mutex<Vec<String>>>,
}

impl Load {
    /// `clients` of them; each opens a new connection when the last response said `close`, and counts anything but a
    /// 200 as a failure. After a `Connection: close` a refused connection is none: the server has stopped.
    pub(crate) fn start(address: SocketAddr, clients: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let answered = Arc::new(AtomicUsize::new(0));
        let failed = Arc::new(Mutex::new(Vec::new()));
        let threads = (0..clients)
            .map(|_| {
                let (stop, answered, failed) = (Arc::clone(&stop), Arc::clone(&answered), Arc::clone(&failed));
                std::thread::spawn(move || {
                    while !stop.load(Ordering::SeqCst) {
                        let Ok(stream) = TcpStream::connect(address) else { return };
                        let mut wire = Wire::new(stream);
                        let mut first = true;
                        while !stop.load(Ordering::SeqCst) {
                            wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
                            let Some(head) = wire.head() else {
                                // A connection that was never accepted is not served, nor cut off.
                                if !first {
                                    failed.lock().unwrap().push("closed without an answer".to_owned());
                                }
                                break;
                            };
                            first = false;
                            wire.body(&head);
                            answered.fetch_add(1, Ordering::SeqCst);
                            if status(&head) != 200 {
                                failed.lock().unwrap().push(head);
                            } else if field(&head, "connection").as_deref() == Some("close") {
                                break;
                            }
                        }
                    }
                })
            })
            .collect();
        Self { stop, threads, answered, failed }
    }

    pub(crate) fn wait_for_answers(&self, count: usize) {
        let target = self.answered.load(Ordering::SeqCst) + count;
        wait_until("answers under load", || self.answered.load(Ordering::SeqCst) >= target);
    }

    /// Stops the clients and returns the failures.
    pub(crate) fn stop(self) -> Vec<String> {
        self.stop.store(true, Ordering::SeqCst);
        for thread in self.threads {
            thread.join().unwrap();
        }
        self.failed.lock().unwrap().clone()
    }
}
