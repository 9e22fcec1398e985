//! The load and the upstream of a side-by-side comparison, in one thread on one core, so that neither waits for the other.
//!
//! ```text
//! bench-load --proxy 127.0.0.1:8080 --upstream 127.0.0.1:9000 [--connections 32] [--routes 0] [--body 512] [--tokens FILE] [--fresh DATE]
//! ```
//!
//! `--tokens` is a file of tokens, one a line; each request has the next of them after `Authorization: Bearer`. With `--fresh`, answers
//! are of that date, and a cache may keep them for a day.
//!
//! It listens on `--upstream`, then takes commands on standard input, one a line, and answers each with a line of JSON:
//!
//! - `check`: sends one request; answers with both heads as they arrived, at the upstream and at the client.
//! - `run REQUESTS`: sends that many over all connections, each connection's next as soon as the last is answered.
//! - `run REQUESTS RATE`: sends them at a constant rate a second; latency counts from when each was due.
//!
//! Each answer has in `forwarded` how many requests reached the upstream meanwhile.
//!
//! It ends with its standard input.

mod client;
mod engine;
mod report;
mod upstream;

use std::error::Error;
use std::io::BufRead;
use std::net::SocketAddr;

use engine::{Engine, Settings};

/// No run is longer than this, whatever is asked for.
const MOST_REQUESTS: usize = 2_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut engine = Engine::new(&settings(std::env::args().skip(1))?)?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer = match words.as_slice() {
            ["check"] => engine.check(),
            ["run", requests] => engine.run(requests.parse::<usize>()?.min(MOST_REQUESTS), None),
            ["run", requests, rate] => {
                engine.run(requests.parse::<usize>()?.min(MOST_REQUESTS), Some(rate.parse::<f64>()?.max(1.0)))
            }
            _ => Err(format!("no such command: `{line}`").into()),
        };
        // An error is an answer too: the other end decides whether to go on.
        let answer = answer.unwrap_or_else(|error| serde_json::json!({ "error": error.to_string() }));
        println!("{answer}");
    }
    Ok(())
}

fn settings(mut arguments: impl Iterator<Item = String>) -> Result<Settings, Box<dyn Error>> {
    let (mut proxy, mut upstream): (Option<SocketAddr>, Option<SocketAddr>) = (None, None);
    let (mut connections, mut routes, mut body, mut tokens, mut fresh) = (32, 0, 512, Vec::new(), None);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("`{name}` needs a value"))?;
        match name.as_str() {
            "--proxy" => proxy = Some(value.parse()?),
            "--upstream" => upstream = Some(value.parse()?),
            "--connections" => connections = value.parse()?,
            "--routes" => routes = value.parse()?,
            "--body" => body = value.parse()?,
            "--tokens" => tokens = std::fs::read_to_string(value)?.lines().map(str::to_owned).collect(),
            "--fresh" => fresh = Some(value),
            _ => return Err(format!("no such option: `{name}`").into()),
        }
    }
    let (Some(proxy), Some(upstream)) = (proxy, upstream) else {
        return Err("`--proxy` and `--upstream` are needed".into());
    };
    if !proxy.ip().is_loopback() || !upstream.ip().is_loopback() {
        return Err("load is only for this machine: both addresses must be loopback".into());
    }
    Ok(Settings { proxy, upstream, connections: connections.clamp(1, 256), routes, body, tokens, fresh })
}
