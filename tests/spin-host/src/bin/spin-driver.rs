//! Serves many configurations at once, for the runner of the shared cases.
//!
//! Reads commands on standard input and answers on standard output, one JSON object a line:
//!
//! ```text
//! {"id":1,"start":{"config":"<gateway.json>","bindings":{"NAME":"secret"}}}  → {"id":1,"port":12345}
//! {"id":2,"stop":{"port":12345}}                                             → {"id":2}
//! ```
//!
//! What the component writes goes to standard error. The end of standard input ends the process. The component is the only argument.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use edgeway_spin_host::{Host, Mount, Running, ServeOptions};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};

#[tokio::main]
async fn main() -> Result<(), Box<dyn core::error::Error>> {
    let component = std::env::args().nth(1).ok_or("usage: spin-driver COMPONENT")?;
    let host = Host::new(&std::fs::read(component)?)?;
    let mut serving: BTreeMap<u64, (Running, TempDir)> = BTreeMap::new();
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let command: Value = serde_json::from_str(&line)?;
        let mut answer = match (command.get("start"), command.get("stop")) {
            (Some(start), _) => match serve(&host, start).await {
                Ok((running, folder)) => {
                    let port = running.address().port();
                    serving.insert(port.into(), (running, folder));
                    json!({ "port": port })
                }
                Err(error) => json!({ "error": error.to_string() }),
            },
            (None, Some(stop)) => {
                serving.remove(&stop.get("port").and_then(Value::as_u64).unwrap_or_default());
                json!({})
            }
            (None, None) => json!({ "error": "unknown command" }),
        };
        if let (Some(members), Some(id)) = (answer.as_object_mut(), command.get("id")) {
            members.insert("id".to_owned(), id.clone());
        }
        println!("{answer}");
    }
    Ok(())
}

async fn serve(host: &Host, start: &Value) -> Result<(Running, TempDir), Box<dyn core::error::Error>> {
    let folder = tempfile::tempdir()?;
    let source = folder.path().join("gateway.json");
    let text = start.get("config").and_then(Value::as_str).unwrap_or_default();
    std::fs::write(&source, text)?;
    let variables = start.get("bindings").and_then(Value::as_object).into_iter().flatten();
    let options = ServeOptions {
        // It must not get between the answers.
        log_to_stderr: true,
        files: vec![Mount { source, destination: "/gateway.json".to_owned() }],
        variables: variables
            .filter_map(|(name, value)| Some((name.to_ascii_lowercase(), value.as_str()?.to_owned())))
            .collect(),
        allowed_outbound_hosts: vec!["http://*:*".to_owned(), "https://*:*".to_owned()],
        components: components(text),
        ..ServeOptions::default()
    };
    Ok((host.serve(options).await?, folder))
}

/// The component of each upstream that the configuration `text` has one for: the place of the upstream's URL.
fn components(text: &str) -> BTreeMap<String, SocketAddr> {
    let document: Value = serde_json::from_str(text).unwrap_or_default();
    let upstreams = document.get("upstreams").and_then(Value::as_object);
    let places = upstreams.into_iter().flatten().filter_map(|(_, upstream)| {
        let url = upstream.get("url")?.as_str()?.strip_prefix("http://")?;
        let component = upstream.get("spin")?.get("component")?.as_str()?;
        Some((component.to_owned(), url.split('/').next()?.parse().ok()?))
    });
    places.collect()
}
