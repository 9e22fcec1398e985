//! A route, ready to run: its steps in order, its action, its deadlines.

use core::time::Duration;
use std::sync::Arc;

use http::{HeaderMap, StatusCode};

use super::needs::{BodyUse, Needs};
use super::step::{RequestStep, ResponseStep};
use crate::config::JsonPath;
use crate::net::Deadlines;
use crate::policy::cors::Cors;
use crate::policy::header_edit::HeaderEdit;
use crate::template::Template;

/// A route, ready to run.
#[derive(Debug)]
pub struct Route {
    /// Its name: `api/route`, or `route` outside any API.
    pub name: String,
    /// Where it stands in the configuration: `apis[0].routes[2]`.
    pub at: JsonPath,
    /// Cross-origin rules, answered before every step.
    pub cors: Option<Cors>,
    /// What is done to the request, in this order. Routes with the same policies share it.
    pub request: Arc<[RequestStep]>,
    /// What answers it.
    pub action: Action,
    /// What is done to the response, in this order. Routes with the same policies share it.
    pub response: Arc<[ResponseStep]>,
    /// The largest request body, in bytes.
    pub body_limit: u64,
    /// The time that an exchange takes at the longest, of use to limits on concurrency; zero where there are none.
    pub lease: Duration,
    /// The parts of an exchange that its steps and its action have to see.
    pub needs: Needs,
    /// Whether its exchanges are in the access log.
    pub logged: bool,
}

impl Route {
    /// The needs of a route with these parts, which everything else in it is nothing to.
    pub(super) fn needs(request: &[RequestStep], action: &Action, response: &[ResponseStep], cors: bool) -> Needs {
        // Cross-origin fields take the place of the upstream's own.
        let cors = Needs { head: cors, ..Needs::NONE };
        let steps = request.iter().map(RequestStep::needs).chain(response.iter().map(ResponseStep::needs));
        steps.fold(cors.and(action.needs()), Needs::and)
    }
}

/// What answers a request.
#[derive(Debug)]
pub enum Action {
    /// One of the upstreams.
    Proxy(Proxy),
    /// A redirect.
    Redirect(Redirect),
    /// A fixed response.
    Respond(Respond),
    /// A value in the key-value store.
    KeyValue(KeyValueEntry),
}

impl Action {
    /// The parts of an exchange that it has to see.
    fn needs(&self) -> Needs {
        match self {
            Self::Proxy(_) | Self::Redirect(_) | Self::Respond(_) => Needs::NONE,
            Self::KeyValue(entry) => Needs { request: BodyUse::Whole { limit: entry.limit }, ..Needs::NONE },
        }
    }
}

/// How a request is sent to an upstream.
#[derive(Debug)]
pub struct Proxy {
    /// The upstreams to choose from; not empty.
    pub targets: Box<[Target]>,
    /// The sum of all weights; above zero.
    pub total_weight: u64,
    /// The path to send.
    pub path: PathRewrite,
    /// How long a WebSocket may stand; `None` where the route takes none.
    pub web_socket: Option<WebSocketLimits>,
}

/// How long a WebSocket may stand. `None` means without limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebSocketLimits {
    /// Without a byte from either side.
    pub idle: Option<Duration>,
    /// From the handshake on.
    pub life: Option<Duration>,
}

impl WebSocketLimits {
    /// What holds where the configuration says nothing.
    pub const DEFAULT: Self =
        Self { idle: Some(Duration::from_secs(10 * 60)), life: Some(Duration::from_secs(24 * 60 * 60)) };
}

/// One upstream of a route.
#[derive(Debug)]
pub struct Target {
    /// Its place in [`Plan::upstreams`](super::Plan::upstreams).
    pub upstream: usize,
    /// Its share of the total weight.
    pub weight: u32,
    /// The `Host` to send.
    pub host: Host,
    /// How long each phase may take.
    pub deadlines: Deadlines,
}

/// The `Host` that an upstream is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// Its own authority.
    Upstream,
    /// What the client sent.
    Preserve,
    /// This one.
    Set(http::HeaderValue),
}

/// The path that an upstream is sent.
#[derive(Debug)]
pub enum PathRewrite {
    /// The normalised path as it came.
    Keep,
    /// Instead of the route's prefix, which spans this many segments.
    Prefix {
        /// How many segments of the path are replaced.
        segments: usize,
        /// By what: empty, or begins with a slash and ends without.
        replacement: Box<str>,
    },
    /// A path of its own.
    Template(Template),
}

/// A redirect.
#[derive(Debug)]
pub struct Redirect {
    /// Its status.
    pub status: StatusCode,
    /// Where to.
    pub location: Template,
    /// Whether the request's query is appended.
    pub keep_query: bool,
}

/// A fixed response.
#[derive(Debug)]
pub struct Respond {
    /// Its status.
    pub status: StatusCode,
    /// Fields known at load.
    pub headers: HeaderMap,
    /// Fields filled from the request.
    pub filled: Box<[HeaderEdit]>,
    /// The content.
    pub body: Template,
    /// How values enter the content.
    pub form: crate::template::Target,
}

/// A value in the key-value store.
#[derive(Debug)]
pub struct KeyValueEntry {
    /// Its key.
    pub key: Template,
    /// Its media type.
    pub content_type: http::HeaderValue,
    /// How long a written value is kept.
    pub ttl: Option<Duration>,
    /// The largest value that is taken, in bytes.
    pub limit: u64,
}
