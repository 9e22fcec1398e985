//! What `explain` is told while a request runs through the very code that serves it.

use http::{HeaderMap, HeaderValue, Method, StatusCode};

use crate::net::Scheme;
use crate::policy::lease;
use crate::policy::quota::Verdict;

/// Everything that happened to one request.
#[derive(Debug, Default)]
pub struct Trace {
    /// In order.
    pub events: Vec<Event>,
}

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    /// The path was put into its normal form.
    Normalised {
        /// As the client sent it.
        from: String,
        /// As it is matched and forwarded.
        to: String,
    },
    /// Fields that state an identity were removed.
    IdentityStripped,
    /// A route was chosen.
    Matched {
        /// Its place in `Plan::routes`.
        route: usize,
        /// The path parameters, by name.
        parameters: Vec<(String, String)>,
    },
    /// No route takes the request.
    NotMatched,
    /// A preflight was answered.
    Preflight {
        /// The place in `Plan::routes` of the route whose rules answered it.
        route: usize,
        /// The path parameters, by name.
        parameters: Vec<(String, String)>,
    },
    /// OPTIONS was answered with the methods that are taken here.
    Options,
    /// A policy decided, and needs no event of its own.
    Policy {
        /// Its member in the configuration.
        policy: &'static str,
        /// The decision, in words.
        verdict: String,
    },
    /// A rate limit was asked.
    RateLimit {
        /// Its name.
        name: String,
        /// The counter cell.
        cell: String,
        /// What it said; `None` if it could not be asked.
        verdict: Option<Verdict>,
    },
    /// A limit on concurrency was asked.
    Concurrency {
        /// Its name.
        name: String,
        /// The cell.
        cell: String,
        /// What it said; `None` if it could not be asked.
        verdict: Option<lease::Verdict>,
    },
    /// Header fields of the request were edited.
    HeadersEdited {
        /// How many edits there are.
        edits: usize,
    },
    /// Query parameters were edited.
    QueryEdited {
        /// The query before.
        from: Option<String>,
        /// The query after.
        to: Option<String>,
    },
    /// The request is the handshake of a WebSocket.
    Handshake,
    /// A request left for an upstream.
    Sent {
        /// Its place in `Plan::upstreams`.
        upstream: usize,
        /// How the endpoint is called.
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
    /// The gateway answered itself.
    Answered {
        /// How.
        by: &'static str,
    },
    /// The gateway refused.
    Refused {
        /// The status.
        status: StatusCode,
        /// The stable code of the problem.
        code: &'static str,
    },
    /// Header fields of the response were edited.
    ResponseEdited {
        /// How many edits there are.
        edits: usize,
    },
}
