//! A route, ready to run: its steps in order, its action, its deadlines.

use core::time::Duration;
use std::sync::Arc;

use http::{HeaderMap, Method, StatusCode};

use super::needs::{BodyUse, Needs};
use super::step::{RequestStep, ResponseStep};
use crate::balance::fallback::Condition;
use crate::config::{JsonPath, Priority};
use crate::fingerprint::Fingerprint;
use crate::net::Deadlines;
use crate::policy::aggregate::Aggregate;
use crate::policy::batch::Batch;
use crate::policy::cache::Cache;
use crate::policy::compress::Compress;
use crate::policy::cors::Cors;
use crate::policy::etag::Etag;
use crate::policy::header_edit::HeaderEdit;
use crate::policy::login::{Endpoint, Login, MOST_CONTENT as MOST_LOGIN_CONTENT};
use crate::policy::method_map::MethodMap;
use crate::policy::mirror::Copied;
use crate::policy::openapi::Mock;
use crate::policy::rollout::Rollout;
use crate::policy::version::Version;
use crate::template::Template;

/// A route, ready to run.
#[derive(Debug)]
pub struct Route {
    /// Its name: `api/route`, or `route` outside any API.
    pub name: String,
    /// Its place in the configuration: `apis[0].routes[2]`.
    pub at: JsonPath,
    /// Cross-origin rules, answered before every step.
    pub cors: Option<Cors>,
    /// The request's steps, in order. Routes with the same policies share them.
    pub request: Arc<[RequestStep]>,
    /// The action that answers a request.
    pub action: Action,
    /// The response's steps, in order. Routes with the same policies share them.
    pub response: Arc<[ResponseStep]>,
    /// The cache of its upstreams' responses. Routes with the same policies share it.
    pub cache: Option<Arc<Cache>>,
    /// The entity tags of its responses that have none.
    pub etag: Option<Etag>,
    /// Set if its upstreams are asked for content without a coding, since a step looks into it.
    pub asks_plain: bool,
    /// The compression of its responses. Routes with the same policies share it.
    pub compress: Option<Arc<Compress>>,
    /// How much its requests matter where an upstream has too much to do.
    pub priority: Priority,
    /// The part of stored responses that is its own: a fingerprint of its name, and of what they depend on. Empty without a cache.
    pub stored_as: Box<str>,
    /// Set if its cache finds answers by what the client itself has sent, and no step looks at a request before: then the fields for the
    /// upstream can wait until one is asked.
    pub may_answer_unprepared: bool,
    /// The largest request body, in bytes.
    pub body_limit: u64,
    /// The version of its API that it is of, if that has versions: there is a route of the plan for each that the configuration's has.
    pub version: Option<Arc<Version>>,
    /// The longest that an exchange takes, for limits on concurrency; zero if there are none.
    pub lease: Duration,
    /// The parts of an exchange that its steps and its action need.
    pub needs: Needs,
    /// Set if its exchanges are in the access log.
    pub logged: bool,
}

impl Route {
    /// Folds the needs of a route from these parts; its other parts need nothing.
    pub(super) fn needs(request: &[RequestStep], action: &Action, response: &[ResponseStep], head: bool) -> Needs {
        // Cross-origin fields replace the upstream's own; a cache and compression go by them.
        let cors = Needs { head, ..Needs::NONE };
        let steps = request.iter().map(RequestStep::needs).chain(response.iter().map(ResponseStep::needs));
        steps.fold(cors.and(action.needs()), Needs::and)
    }
}

/// The action that answers a request.
#[derive(Debug)]
pub enum Action {
    /// One of the upstreams.
    Proxy(Proxy),
    /// A redirect.
    Redirect(Redirect),
    /// A fixed response.
    Respond(Respond),
    /// An answer that the description of the API makes up.
    Mock(Arc<Mock>),
    /// A value in the key-value store.
    KeyValue(KeyValueEntry),
    /// An answer that is made of the answers to several calls.
    Aggregate(Box<Calls>),
    /// The answers to several requests in one.
    Batch(Batch),
    /// An endpoint of a login.
    Login(Arc<Login>, Endpoint),
}

impl Action {
    /// The parts of an exchange that it needs.
    fn needs(&self) -> Needs {
        match self {
            Self::Proxy(proxy) => Needs { head: proxy.needs_head, request: proxy.request, ..Needs::NONE },
            Self::Redirect(_) | Self::Respond(_) | Self::Mock(_) => Needs::NONE,
            Self::KeyValue(entry) => Needs { request: BodyUse::Whole { limit: entry.limit }, ..Needs::NONE },
            Self::Aggregate(action) => Needs {
                request: action.aggregate.request.map_or(BodyUse::Untouched, |limit| BodyUse::Whole { limit }),
                ..Needs::NONE
            },
            Self::Batch(batch) => Needs { request: BodyUse::Whole { limit: batch.request_bytes }, ..Needs::NONE },
            Self::Login(..) => Needs { request: BodyUse::Whole { limit: MOST_LOGIN_CONTENT }, ..Needs::NONE },
        }
    }
}

/// A request to an upstream.
#[derive(Debug)]
pub struct Proxy {
    /// The upstreams to choose from; not empty.
    pub targets: Box<[Target]>,
    /// The sum of all weights; above zero.
    pub total_weight: u64,
    /// The path to send.
    pub path: PathRewrite,
    /// The longest that a WebSocket may last; `None` if the route takes none.
    pub web_socket: Option<WebSocketLimits>,
    /// Set if a response's head is edited by what is known of its upstream alone, or by itself.
    pub needs_head: bool,
    /// The use of a request's content: one that is signed is read as a whole first.
    pub request: BodyUse,
    /// What comes next where the upstream fails, if anything does.
    pub fallback: Option<Box<Fallbacks>>,
    /// The roll-out of one of two upstreams, in place of their weights.
    pub rollout: Option<Box<Rollout>>,
    /// The upstreams that are sent copies.
    pub mirrors: Box<[Mirror]>,
}

impl Proxy {
    /// The upstreams that come next where one of the [`targets`](Self::targets) fails.
    pub fn spares(&self) -> impl Iterator<Item = &Target> {
        self.fallback.iter().flat_map(|fallback| &*fallback.steps).flat_map(|step| match &step.next {
            Next::Upstream { proxy, .. } => &*proxy.targets,
            Next::Stale | Next::Respond(_) => &[],
        })
    }

    /// All its upstreams.
    pub(super) fn all_targets(&mut self) -> impl Iterator<Item = &mut Target> {
        let steps = self.fallback.iter_mut().flat_map(|fallback| &mut *fallback.steps);
        let spares = steps.flat_map(|step| match &mut step.next {
            Next::Upstream { proxy, .. } => &mut *proxy.targets,
            Next::Stale | Next::Respond(_) => &mut [],
        });
        let copies = self.mirrors.iter_mut().map(|mirror| &mut mirror.target);
        self.targets.iter_mut().chain(spares).chain(copies)
    }
}

/// What comes next where an upstream fails.
#[derive(Debug)]
pub struct Fallbacks {
    /// The steps, in order; not empty.
    pub steps: Box<[Fallback]>,
    /// The longest content of a request that is kept for another upstream, in bytes; 0 where none is.
    pub most_bytes: u64,
    /// The time for which a stale stored response is used, if a step states it.
    pub stale: Option<Duration>,
}

/// One of the things that come next.
#[derive(Debug)]
pub struct Fallback {
    /// The failures for which it does.
    pub on: Condition,
    /// What it is.
    pub next: Next,
}

/// What comes next where an upstream fails.
#[derive(Debug)]
pub enum Next {
    /// Another upstream.
    Upstream {
        /// The request to it.
        proxy: Box<Proxy>,
        /// The methods whose requests may go there although they may have been carried out.
        methods: Box<[Method]>,
    },
    /// A stale stored response, where there is one that may be used.
    Stale,
    /// A fixed response.
    Respond(Box<Respond>),
}

/// An upstream that is sent copies of a route's requests.
#[derive(Debug)]
pub struct Mirror {
    /// How it is sent them.
    pub target: Target,
    /// What is copied, and what bounds that.
    pub rules: Copied,
}

/// The longest that a WebSocket may last. `None` means without limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebSocketLimits {
    /// Without a byte from either side.
    pub idle: Option<Duration>,
    /// From the handshake on.
    pub life: Option<Duration>,
}

impl WebSocketLimits {
    /// The limits where the configuration states none.
    pub const DEFAULT: Self =
        Self { idle: Some(Duration::from_secs(10 * 60)), life: Some(Duration::from_secs(24 * 60 * 60)) };
}

/// One upstream of a route.
#[derive(Debug)]
pub struct Target {
    /// Its index in [`Plan::upstreams`](super::Plan::upstreams).
    pub upstream: usize,
    /// Its share of the total weight.
    pub weight: u32,
    /// The `Host` to send.
    pub host: Host,
    /// The longest that each phase may take.
    pub deadlines: Deadlines,
    /// The edits of requests to it, after those of the route.
    pub request: Arc<[RequestStep]>,
    /// The edits of its responses, before those of the route.
    pub response: Arc<[ResponseStep]>,
    /// A fingerprint of these edits.
    pub(crate) edits: Fingerprint,
    /// The methods that it is asked with, by those of the route's requests.
    pub method: MethodMap,
    /// Set if nothing but a step leads there: the route does not choose it by itself.
    pub is_steered: bool,
}

/// The `Host` of requests to an upstream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// The upstream's own authority.
    Upstream,
    /// The client's own.
    Preserve,
    /// This one.
    Set(http::HeaderValue),
}

/// The path of requests to an upstream.
#[derive(Clone, Debug, Hash)]
pub enum PathRewrite {
    /// The normalised path of the request.
    Keep,
    /// A replacement for the route's prefix.
    Prefix {
        /// The number of the path's segments that are replaced.
        segments: usize,
        /// The replacement: empty, or begins with a slash and ends without.
        replacement: Box<str>,
        /// Set if nothing follows the base path where nothing follows the prefix, instead of a slash.
        ends_bare: bool,
    },
    /// A path of its own.
    Template(Template),
}

/// A redirect.
#[derive(Debug)]
pub struct Redirect {
    /// Its status.
    pub status: StatusCode,
    /// The new location, or its beginning.
    pub location: Template,
    /// The number of the path's segments after which the rest of it follows the location; `None` if it does not.
    pub rest: Option<usize>,
    /// Set if the request's query is appended.
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
    /// The context in which values enter the content.
    pub form: crate::template::Target,
}

/// An answer that is made of the answers to several calls.
#[derive(Debug)]
pub struct Calls {
    /// The calls, and what comes of them.
    pub aggregate: Aggregate,
    /// The upstream of each call.
    pub targets: Box<[Target]>,
}

/// A value in the key-value store.
#[derive(Debug)]
pub struct KeyValueEntry {
    /// Its key.
    pub key: Template,
    /// Its media type.
    pub content_type: http::HeaderValue,
    /// The longest that a written value is kept.
    pub ttl: Option<Duration>,
    /// The largest value that is taken, in bytes.
    pub limit: u64,
}
