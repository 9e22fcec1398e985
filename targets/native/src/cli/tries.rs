//! Requests that show what a configuration does.

use std::fmt::Write;
use std::net::Ipv4Addr;

use gateway_core::http::forwarded::ClientInfo;
use gateway_core::plan::{Action, Plan, RequestStep, Route};
use gateway_core::ports::Scheme;
use gateway_core::route::{Found, HostPattern, Lookup, PathPattern, Segment, Spec, Tail};
use http::{HeaderMap, Method};

/// The most requests that are shown.
const SHOWN: usize = 5;

/// The most that one line repeats a request, to show a limit.
const REPEATED: u32 = 20;

/// A request for one route.
#[derive(Debug)]
struct Try {
    method: Method,
    /// The host, unless any will do.
    host: Option<String>,
    path: String,
    /// The number of requests, if a limit is to be seen.
    times: Option<u32>,
}

/// Requests that show what a configuration does, one of each kind.
#[derive(Debug)]
pub(super) struct Tries(Vec<Try>);

/// A kind of route; one of each is enough to show.
#[derive(PartialEq, Eq)]
enum Kind {
    Limited,
    Proxy { changes: bool },
    Redirect,
    Respond,
    KeyValue,
}

impl Tries {
    /// Requests for the routes of `plan`, in the order in which they are configured.
    pub(super) fn of(plan: &Plan) -> Self {
        let mut specs: Vec<&Spec> = plan.table.ranked().collect();
        specs.sort_by_key(|spec| spec.route);
        let (mut kinds, mut tries) = (Vec::new(), Vec::new());
        for spec in specs {
            // A login is not tried from a command line.
            let is_shown = |route: &&Route| !matches!(route.action, Action::Login(..));
            let Some(route) = plan.routes.get(spec.route).filter(is_shown) else { continue };
            let Some(found) = Try::of(plan, spec, route) else { continue };
            let kind = Kind::of(route, &found);
            if tries.len() < SHOWN && !kinds.contains(&kind) {
                kinds.push(kind);
                tries.push(found);
            }
        }
        Self(tries)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The command lines, for the gateway at `url`.
    pub(super) fn lines(&self, url: &str) -> impl Iterator<Item = String> {
        self.0.iter().map(move |one| one.line(url))
    }
}

impl Kind {
    fn of(route: &Route, found: &Try) -> Self {
        match &route.action {
            _ if found.times.is_some() => Self::Limited,
            Action::Proxy(_) | Action::Aggregate(_) => Self::Proxy { changes: found.method != Method::GET },
            Action::Redirect(_) => Self::Redirect,
            Action::Respond(_) | Action::Mock(_) => Self::Respond,
            Action::KeyValue(_) | Action::Batch(_) | Action::Login(..) => Self::KeyValue,
        }
    }
}

impl Try {
    /// A request that `route` takes by `spec`; `None` if none is found easily.
    fn of(plan: &Plan, spec: &Spec, route: &Route) -> Option<Self> {
        let host = match &spec.host {
            HostPattern::Any => None,
            HostPattern::Exact(host) => Some(host.to_string()),
            HostPattern::Subdomains(parent) => Some(format!("a.{parent}")),
        };
        let mut methods = plan.table.methods().iter(spec.methods);
        // GET comes first.
        let method = methods.next().cloned().unwrap_or(Method::GET);
        let path = sample(&spec.path);
        let limit = route.request.iter().find_map(|step| match step {
            RequestStep::RateLimit(limit) => Some(limit.allowance.quota.burst),
            _ => None,
        });
        let times = limit.filter(|burst| *burst < REPEATED).map(|burst| burst + 1);
        let found = Self { method, host, path, times };
        found.gets_to(plan, spec.route).then_some(found)
    }

    /// Returns whether `route` takes it: one that ranks higher may, or the route may ask for more.
    fn gets_to(&self, plan: &Plan, route: usize) -> bool {
        let headers = HeaderMap::new();
        let host = self.host.as_deref().unwrap_or("localhost");
        let client = ClientInfo {
            address: Some(Ipv4Addr::LOCALHOST.into()),
            scheme: Scheme::Http,
            host: None,
            port: None,
            prefix: None,
        };
        let (path, method) = (&*self.path, &self.method);
        let lookup = Lookup { host, path, query: None, method, headers: &headers, client: &client };
        matches!(plan.table.find(&lookup), Found::Route { route: found, .. } if found == route)
    }

    fn line(&self, url: &str) -> String {
        let mut fields = String::new();
        if let Some(host) = &self.host {
            // Writing to a string can't fail.
            let _ = write!(fields, "-H 'Host: {host}' ");
        }
        if self.method != Method::GET {
            let _ = write!(fields, "-X {} ", self.method);
        }
        if matches!(self.method, Method::POST | Method::PUT | Method::PATCH) {
            fields.push_str("-d 'some text' ");
        }
        let target = format!("{url}{}", self.path);
        let target =
            if self.path.bytes().all(is_plain) { target } else { format!("'{}'", target.replace('\'', "%27")) };
        match self.times {
            // curl repeats a URL for each number, and sends no server its fragment (RFC 3986 §3.5).
            Some(times) => {
                format!("curl -si {fields}'{}#[1-{times}]' | grep -o 'HTTP/.*'", target.trim_matches('\''))
            }
            None => format!("curl -i {fields}{target}"),
        }
    }
}

/// Returns whether a shell takes `byte` as it is.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'%' | b',' | b':' | b'@')
}

/// A path that `pattern` takes.
pub(super) fn sample(pattern: &PathPattern) -> String {
    let mut path = String::new();
    for segment in pattern.segments() {
        path.push('/');
        path.push_str(match segment {
            Segment::Literal(text) => text,
            Segment::Parameter(name) if name.ends_with("id") || name.ends_with("Id") => "1",
            Segment::Parameter(name) => name,
        });
    }
    if let Tail::CatchAll(name) = pattern.tail() {
        path.push('/');
        path.push_str(name);
    }
    if path.is_empty() { "/".to_owned() } else { path }
}
