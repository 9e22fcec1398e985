//! Upstreams on Unix sockets (docs/configuration.md, Upstreams).

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Folder, Program, Wire};

/// A service on a socket at `path`, which answers each request with its target and its host; the number of connections to it.
fn service(path: &Path) -> Arc<AtomicUsize> {
    let listener = UnixListener::bind(path).unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&connections);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            counter.fetch_add(1, Ordering::SeqCst);
            std::thread::spawn(move || serve(stream.unwrap()));
        }
    });
    connections
}

fn serve(stream: UnixStream) {
    let mut wire = BufReader::new(stream);
    loop {
        let (mut target, mut host) = (String::new(), String::new());
        loop {
            let mut line = String::new();
            if wire.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            if target.is_empty() {
                target = line.split(' ').nth(1).unwrap().to_owned();
            } else if let Some(name) = line.strip_prefix("host: ") {
                host = name.to_owned();
            }
        }
        let body = format!("{target} at {host}");
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        wire.get_mut().write_all(answer.as_bytes()).unwrap();
    }
}

#[test]
fn an_upstream_may_be_a_unix_socket() {
    let folder = Folder::new();
    let connections = service(&folder.0.join("app.sock"));
    // A relative path counts from the folder of the configuration, which is not the one of this process.
    let config = format!(
        r#"{{
          "server": {{ "listen": "127.0.0.1:0", "accessLog": "off" }},
          "upstreams": {{
            "plain": {{ "url": "unix:app.sock" }},
            "based": {{ "url": "unix:{0}/app.sock:/base/path", "host": {{ "set": "users.test" }} }},
            "gone": {{ "url": "unix://{0}/gone.sock" }}
          }},
          "routes": [
            {{ "name": "plain", "match": {{ "prefix": "/plain" }}, "upstream": "plain" }},
            {{ "name": "based", "match": {{ "prefix": "/based" }}, "upstream": "based" }},
            {{ "name": "gone", "match": {{ "prefix": "/gone" }}, "upstream": "gone" }}
          ]
        }}"#,
        folder.0.display()
    );
    let program = Program::serve(&folder.write("gateway.json", &config));
    let mut wire = Wire::connect(program.address);
    let mut ask = |target: &str| wire.ask(&format!("GET {target} HTTP/1.1\r\nHost: client.test\r\n\r\n")).unwrap();
    for _ in 0..3 {
        assert_eq!(ask("/plain?a=1"), (200, "/plain?a=1 at localhost".to_owned()));
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1, "a connection is kept");
    assert_eq!(ask("/based/1"), (200, "/base/path/based/1 at users.test".to_owned()));
    assert_eq!(ask("/gone").0, 502);
}
