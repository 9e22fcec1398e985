//! The loop that plays both ends.

use std::error::Error;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};
use serde_json::{Value, json};

use crate::client::{Client, Progress};
use crate::report::Report;
use crate::upstream::Upstream;

/// Without any answer for this long, a run is over.
const STALLED: Duration = Duration::from_secs(60);

const LISTENER: Token = Token(usize::MAX >> 1);

/// What to load, and how.
pub(crate) struct Settings {
    pub(crate) proxy: SocketAddr,
    pub(crate) upstream: SocketAddr,
    pub(crate) connections: usize,
    /// How many routes to rotate over; 0 for a single path.
    pub(crate) routes: usize,
    /// The length of the upstream's responses in bytes.
    pub(crate) body: usize,
    /// The tokens to rotate over; empty if requests have none.
    pub(crate) tokens: Vec<String>,
    /// The date of responses that may be kept; `None` for an old one, and nothing said of keeping.
    pub(crate) fresh: Option<String>,
}

/// Both ends of a proxy: clients with their tokens from 0, upstream connections with the tokens after them.
pub(crate) struct Engine {
    poll: Poll,
    events: Events,
    listener: TcpListener,
    clients: Vec<Client>,
    upstreams: Vec<Option<Upstream>>,
    requests: Vec<Box<[u8]>>,
    response: Box<[u8]>,
    /// Which of `requests` is next.
    next: usize,
    /// How many requests have reached the upstream.
    forwarded: usize,
}

impl Engine {
    pub(crate) fn new(settings: &Settings) -> Result<Self, Box<dyn Error>> {
        let poll = Poll::new()?;
        let mut listener = TcpListener::bind(settings.upstream)?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            poll,
            events: Events::with_capacity(1024),
            listener,
            clients: (0..settings.connections).map(|token| Client::new(settings.proxy, Token(token))).collect(),
            upstreams: Vec::new(),
            requests: requests(settings.routes, &settings.tokens),
            response: response(settings.body, settings.fresh.as_deref()),
            next: 0,
            forwarded: 0,
        })
    }

    /// Sends one request and tells what arrived at each end.
    pub(crate) fn check(&mut self) -> Result<Value, Box<dyn Error>> {
        let before = self.forwarded;
        self.run(1, None)?;
        let request = self.upstreams.iter().flatten().map(Upstream::last).find(|head| !head.is_empty());
        let response = self.clients.iter().map(Client::last).find(|head| !head.is_empty());
        let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
        Ok(json!({ "request": text(request), "response": text(response), "forwarded": self.forwarded - before }))
    }

    /// Sends `count` requests, at `rate` a second or as fast as they are answered.
    pub(crate) fn run(&mut self, count: usize, rate: Option<f64>) -> Result<Value, Box<dyn Error>> {
        let mut report = Report::new(count);
        let before = self.forwarded;
        let interval = rate.map(|rate| Duration::from_secs_f64(rate.recip()));
        let mut idle: Vec<usize> = (0..self.clients.len()).collect();
        let (mut sent, mut last_answer) = (0, Instant::now());
        while report.done() < count {
            let now = Instant::now();
            while sent < count {
                let due = match interval {
                    Some(interval) => report.started() + interval.mul_f64(sent as f64),
                    None => now,
                };
                if due > now {
                    break;
                }
                let Some(client) = idle.pop() else { break };
                self.send(client, due)?;
                sent += 1;
            }
            // At a constant rate it spins: to be woken would take longer than what it measures.
            self.poll.poll(&mut self.events, Some(interval.map_or(Duration::from_secs(1), |_| Duration::ZERO)))?;
            if self.handle_events(&mut report, &mut idle)? {
                last_answer = Instant::now();
            } else if last_answer.elapsed() > STALLED {
                return Err(format!("no answer for {STALLED:?} after {} of {count} requests", report.done()).into());
            }
        }
        Ok(report.finish(self.forwarded - before))
    }

    fn send(&mut self, client: usize, due: Instant) -> Result<(), Box<dyn Error>> {
        self.next = (self.next + 1) % self.requests.len();
        let (Some(client), Some(request)) = (self.clients.get_mut(client), self.requests.get(self.next)) else {
            return Err("no such client".into());
        };
        client.send(request, due, self.poll.registry())
    }

    /// Handles what has arrived; tells whether any request was answered.
    fn handle_events(&mut self, report: &mut Report, idle: &mut Vec<usize>) -> Result<bool, Box<dyn Error>> {
        let mut answered = false;
        let clients = self.clients.len();
        for event in &self.events {
            let Token(token) = event.token();
            if event.token() == LISTENER {
                accept(&self.listener, &mut self.upstreams, clients, &self.poll)?;
            } else if let Some(client) = self.clients.get_mut(token) {
                match client.read()? {
                    Progress::Waiting => {}
                    Progress::Answered { due } => {
                        report.add(due.elapsed());
                        idle.push(token);
                        answered = true;
                    }
                }
            } else if let Some(slot) = self.upstreams.get_mut(token - clients)
                && let Some(upstream) = slot
                && !upstream.serve(&self.response, &mut self.forwarded)?
            {
                *slot = None;
            }
        }
        Ok(answered)
    }
}

fn accept(
    listener: &TcpListener,
    upstreams: &mut Vec<Option<Upstream>>,
    first_token: usize,
    poll: &Poll,
) -> Result<(), Box<dyn Error>> {
    loop {
        match listener.accept() {
            Ok((mut stream, _)) => {
                let slot = upstreams.iter().position(Option::is_none).unwrap_or_else(|| {
                    upstreams.push(None);
                    upstreams.len() - 1
                });
                poll.registry().register(&mut stream, Token(first_token + slot), Interest::READABLE)?;
                stream.set_nodelay(true)?;
                if let Some(slot) = upstreams.get_mut(slot) {
                    *slot = Some(Upstream::new(stream));
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// The requests to rotate over: what a browser application sends, and two headers that the edits remove.
fn requests(routes: usize, tokens: &[String]) -> Vec<Box<[u8]>> {
    let paths = match routes {
        0 => vec!["/items/4711?page=2".to_owned()],
        // A stride that is no divisor visits all routes in no order that a cache would like.
        _ => (0..routes).map(|n| format!("/service-{}/items/4711?page=2", n * 77 % routes)).collect(),
    };
    let credentials = match tokens {
        [] => vec![String::new()],
        _ => tokens.iter().map(|token| format!("Authorization: Bearer {token}\r\n")).collect(),
    };
    // One of the two lists is of one.
    paths
        .iter()
        .flat_map(|path| credentials.iter().map(move |credential| (path, credential)))
        .map(|(path, credential)| {
            format!(
                "GET {path} HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n\
                 Accept: application/json\r\nAccept-Language: en\r\nX-Debug: 1\r\nX-Session: 5f2b7c\r\n{credential}\r\n"
            )
            .into_bytes()
            .into()
        })
        .collect()
}

fn response(body: usize, fresh: Option<&str>) -> Box<[u8]> {
    let date = fresh.unwrap_or("Sun, 06 Nov 1994 08:49:37 GMT");
    let lifetime = fresh.map_or("", |_| "Cache-Control: max-age=86400\r\n");
    let mut response = format!(
        "HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Type: application/json\r\n\
         Content-Length: {body}\r\nETag: \"33a64df5\"\r\n{lifetime}X-Powered-By: bench\r\n\r\n"
    )
    .into_bytes();
    response.resize(response.len() + body, b'x');
    response.into()
}
