//! What the tests share: the compiled component, and servers on free ports.

#![allow(dead_code, reason = "each test file uses its own part")]

pub(crate) mod program;
pub(crate) mod store;

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use edgeway_spin_host::{Host, Mount, Running, ServeOptions, component};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The gateway's component, compiled once for all tests of a file.
pub(crate) fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| Host::new(&component::gateway().unwrap()).unwrap())
}

/// A gateway that serves a configuration.
pub(crate) struct Gateway {
    running: Running,
    _directory: TempDir,
}

impl Gateway {
    pub(crate) async fn start(configuration: &str) -> Self {
        Self::start_with(configuration, ServeOptions::default()).await
    }

    pub(crate) async fn start_with(configuration: &str, mut options: ServeOptions) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let source = write(directory.path(), configuration);
        options.files.push(Mount { source, destination: "/gateway.json".to_owned() });
        options.allowed_outbound_hosts.push("http://127.0.0.1:*".to_owned());
        options.allowed_outbound_hosts.push("redis://127.0.0.1:*".to_owned());
        Self { running: host().serve(options).await.unwrap(), _directory: directory }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.running.address()
    }

    /// Ends all instances of the moment, in the middle of whatever they do.
    pub(crate) fn kill_instances(&self) {
        self.running.kill_instances();
    }

    /// How many instances have begun.
    pub(crate) fn instances(&self) -> usize {
        self.running.instances()
    }

    /// How often the key-value store was read.
    pub(crate) fn key_value_reads(&self) -> usize {
        self.running.key_value_reads()
    }

    /// The keys of the values in the key-value store.
    pub(crate) fn key_value_keys(&self) -> Vec<String> {
        self.running.key_value_keys()
    }

    /// The database of the counters.
    pub(crate) fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.running.database("default").unwrap()).unwrap()
    }

    /// Sends `request` as it is and returns all that comes back until the connection ends.
    pub(crate) async fn exchange(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // A reset is an end as well; what came before it is what the client has seen.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    }

    /// The answer to a GET.
    pub(crate) async fn get(&self, path: &str) -> String {
        self.exchange(&format!("GET {path} HTTP/1.1\r\nhost: gateway.test\r\nconnection: close\r\n\r\n")).await
    }
}

pub(crate) fn write(directory: &Path, configuration: &str) -> std::path::PathBuf {
    let path = directory.join("gateway.json");
    std::fs::write(&path, configuration).unwrap();
    path
}

/// An upstream that answers one request on each connection with the same bytes, then closes, and tells what it received
/// of each head.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    heads: tokio::sync::mpsc::UnboundedReceiver<String>,
}

impl Upstream {
    pub(crate) async fn answering(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, heads) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let sender = sender.clone();
                tokio::spawn(async move {
                    let head = read_head(&mut stream).await;
                    let _ = sender.send(head);
                    stream.write_all(answer.as_bytes()).await.unwrap();
                    let _ = stream.shutdown().await;
                });
            }
        });
        Self { address, heads }
    }

    /// The next request's head, in lower case.
    pub(crate) async fn head(&mut self) -> String {
        self.heads.recv().await.unwrap().to_ascii_lowercase()
    }

    /// A configuration that sends every request here.
    pub(crate) fn configuration(&self) -> String {
        proxy_to(self.address)
    }
}

/// A configuration that sends every request to `address`.
pub(crate) fn proxy_to(address: SocketAddr) -> String {
    format!(
        r#"{{"limits": {{"bodyBytes": "4GiB"}}, "upstreams": {{"u": {{"url": "http://{address}"}}}},
            "routes": [{{"name": "all", "match": {{"prefix": "/"}}, "upstream": "u"}}]}}"#
    )
}

/// Reads up to and with the empty line.
pub(crate) async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).await.unwrap() == 0 {
            break;
        }
        head.extend_from_slice(&byte);
    }
    String::from_utf8(head).unwrap()
}

/// A Redis on a free port; ends when dropped.
pub(crate) struct Redis {
    pub(crate) address: SocketAddr,
    server: Child,
    _directory: TempDir,
}

impl Redis {
    /// `None` where no `redis-server` is installed.
    pub(crate) async fn start() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let server = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"])
            .arg(address.port().to_string())
            .current_dir(directory.path())
            .stdout(Stdio::null())
            .spawn();
        let server = match server {
            Ok(server) => server,
            Err(error) => {
                eprintln!("skipped: redis-server: {error}");
                return None;
            }
        };
        let redis = Self { address, server, _directory: directory };
        while TcpStream::connect(address).await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        Some(redis)
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }
}

/// The status in an answer's first line.
pub(crate) fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).unwrap_or_default().parse().unwrap_or_default()
}
