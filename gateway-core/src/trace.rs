//! The events that `explain` collects while a request runs through the code that serves it.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};

use crate::cache::status::Told;
use crate::call::Call;
use crate::http::forwarded::ClientInfo;
use crate::net::Scheme;
use crate::plan::{Endpoint, Plan};
use crate::policy::lease;
use crate::policy::quota::Verdict;
use crate::route::{Lookup, Params};

/// The events of one request.
#[derive(Debug, Default)]
pub struct Trace {
    /// The events, in order.
    pub events: Vec<Event>,
}

/// The request by which a route is looked for: without the fields that nobody may look at.
#[derive(Debug)]
pub struct Sought {
    /// The host.
    pub host: String,
    /// The path, in its normal form.
    pub path: String,
    /// The query.
    pub query: Option<String>,
    /// The method; of a preflight, the one that it announces.
    pub method: Method,
    /// The header fields.
    pub headers: HeaderMap,
    /// The client.
    pub client: ClientInfo,
    /// Set for a preflight, which shows neither the header fields nor the cookies of the request to come.
    pub is_preflight: bool,
}

impl Sought {
    pub(crate) fn of(lookup: &Lookup<'_, '_>, is_preflight: bool) -> Event {
        Event::Sought(Box::new(Self {
            host: lookup.host.to_owned(),
            path: lookup.path.to_owned(),
            query: lookup.query.map(str::to_owned),
            method: lookup.method.clone(),
            headers: lookup.headers.clone(),
            client: lookup.client.clone(),
            is_preflight,
        }))
    }

    /// The parts that routes look at.
    #[must_use]
    pub fn lookup(&self) -> Lookup<'_, '_> {
        Lookup {
            host: &self.host,
            path: &self.path,
            query: self.query.as_deref(),
            method: &self.method,
            headers: &self.headers,
            client: &self.client,
        }
    }
}

/// An event.
#[derive(Debug)]
pub enum Event {
    /// The path was put into its normal form.
    Normalised {
        /// The path from the client.
        from: String,
        /// The path for matching and forwarding.
        to: String,
    },
    /// Fields that state an identity were removed.
    IdentityStripped,
    /// Fields in other spellings of names that the gateway goes by were removed.
    AliasesStripped,
    /// A route is looked for.
    Sought(Box<Sought>),
    /// A route was chosen.
    Matched {
        /// Its index in `Plan::routes`.
        route: usize,
        /// The path parameters, by name.
        parameters: Vec<(String, String)>,
    },
    /// No route takes the request.
    NotMatched,
    /// A preflight was answered.
    Preflight {
        /// The index in `Plan::routes` of the route whose rules answered it.
        route: usize,
        /// The path parameters, by name.
        parameters: Vec<(String, String)>,
    },
    /// OPTIONS was answered with the allowed methods.
    Options,
    /// A policy without an event of its own decided.
    Policy {
        /// Its member in the configuration.
        policy: &'static str,
        /// The decision, in words.
        verdict: String,
    },
    /// The cache was looked into, or passed by.
    Cached(Told),
    /// Who calls was compared with conditions for other upstreams.
    Steered {
        /// The index of the first condition that is met; `None` if the route chooses.
        met: Option<usize>,
    },
    /// A rate limit was asked.
    RateLimit {
        /// Its name.
        name: String,
        /// The counter cell.
        cell: String,
        /// The tier whose terms hold, where they are other ones.
        tier: Option<String>,
        /// The units that the request asks for.
        units: u32,
        /// Its verdict; `None` if it could not be asked.
        verdict: Option<Verdict>,
        /// Set if it refuses nothing, whatever its verdict is.
        shadow: bool,
        /// The store that counts.
        store: &'static str,
        /// The accuracy of the count, in words.
        bound: &'static str,
    },
    /// A limit on concurrency was asked.
    Concurrency {
        /// Its name.
        name: String,
        /// The cell.
        cell: String,
        /// Its verdict; `None` if it could not be asked.
        verdict: Option<lease::Verdict>,
    },
    /// Header fields of the request were edited.
    HeadersEdited {
        /// The number of edits.
        edits: usize,
        /// The upstream alone that they are for; `None` if they are the route's.
        upstream: Option<String>,
    },
    /// Query parameters were edited.
    QueryEdited {
        /// The query before.
        from: Option<String>,
        /// The query after.
        to: Option<String>,
        /// The upstream alone that they are for; `None` if they are the route's.
        upstream: Option<String>,
    },
    /// Content was to be edited.
    Body {
        /// Whose content it is.
        of: Direction,
        /// The steps, in words.
        steps: Vec<String>,
        /// What became of it.
        outcome: BodyOutcome,
    },
    /// The request is the handshake of a WebSocket.
    Handshake,
    /// A request left for an upstream.
    Sent {
        /// Its index in `Plan::upstreams`.
        upstream: usize,
        /// The endpoint's scheme.
        scheme: Scheme,
        /// The endpoint's authority.
        authority: HeaderValue,
        /// The method.
        method: Method,
        /// Path and query.
        target: String,
        /// The fields.
        headers: HeaderMap,
    },
    /// The gateway answered by itself.
    Answered {
        /// The kind of answer.
        by: &'static str,
    },
    /// A request of a batch was answered.
    Part(Box<Part>),
    /// The gateway refused.
    Refused {
        /// The status.
        status: StatusCode,
        /// The stable code of the problem.
        code: &'static str,
    },
    /// Header fields of the response were edited.
    ResponseEdited {
        /// The number of edits.
        edits: usize,
        /// The upstream alone that they are for; `None` if they are the route's.
        upstream: Option<String>,
    },
}

impl Event {
    /// `call`, which leaves for `endpoint` of the upstream with this index, with this `target`.
    pub(crate) fn sent(upstream: usize, endpoint: &Endpoint, call: &Call, target: &Uri) -> Self {
        Self::Sent {
            upstream,
            scheme: endpoint.scheme,
            authority: endpoint.authority.clone(),
            method: call.method.clone(),
            target: target.to_string(),
            headers: call.headers.clone(),
        }
    }
}

/// A request of a batch, and what has become of it.
#[derive(Debug)]
pub struct Part {
    /// The request, as if it had come by itself.
    pub request: Request<()>,
    /// Its events.
    pub trace: Trace,
    /// Its answer.
    pub response: Response<Bytes>,
}

/// A direction of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the upstream.
    Request,
    /// To the client.
    Response,
}

/// What became of content that was to be edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyOutcome {
    /// There is none.
    Absent,
    /// It is that of a response with this status, which the edit is not for.
    OtherStatus(StatusCode),
    /// It is of no form that is edited, and passes as it is.
    Passed,
    /// It is edited.
    Edited {
        /// The content before.
        from: String,
        /// The content after.
        to: String,
    },
    /// It is edited while it passes.
    Streamed,
    /// It can't be edited, for this reason.
    Refused(String),
}

/// The path parameters, by name.
pub(crate) fn parameters(plan: &Plan, spec: usize, params: &Params, path: &str) -> Vec<(String, String)> {
    let names = plan.table.spec(spec).into_iter().flat_map(|spec| spec.path.parameters());
    names.map(str::to_owned).zip(params.iter(path).map(str::to_owned)).collect()
}
