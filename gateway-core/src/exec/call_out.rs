//! Requests of the gateway's own, for what it needs to know.

use core::fmt;
use core::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, Version};

use super::{attempts, discover};
use crate::body::Body;
use crate::http::proxy_status::error_type;
use crate::io::{IoError, IoErrorKind};
use crate::net::Deadlines;
use crate::plan::{Endpoint, Plan};
use crate::policy::access_token;
use crate::policy::key_source::Location;
use crate::ports::{Platform, UpstreamCall};
use crate::state::State;

/// The most bytes of an answer.
const MOST_BYTES: u64 = 64 * 1024;

/// A reason for which there is no answer to go by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The exchange failed.
    Io(IoErrorKind),
    /// The answer has another status than 200. A redirect is not followed: where things are is the configuration's to say.
    Status(StatusCode),
    /// The same, and the answer to a form names an error (RFC 6749 §5.2).
    Refused(StatusCode, Box<str>),
}

/// A question.
pub(super) struct Question {
    method: Method,
    headers: HeaderMap,
    content: Bytes,
    kind: Kind,
    most_bytes: u64,
}

/// What an answer to a question may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A 200.
    Plain,
    /// The same, or an error in JSON.
    Form,
    /// Any.
    Own,
}

/// An answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) content: Bytes,
}

impl Question {
    /// GET.
    pub(super) fn get() -> Self {
        Self {
            method: Method::GET,
            headers: HeaderMap::with_capacity(8),
            content: Bytes::new(),
            kind: Kind::Plain,
            most_bytes: MOST_BYTES,
        }
    }

    /// POST of a form, perhaps with credentials.
    pub(super) fn form(authorization: Option<&HeaderValue>, form: &Bytes) -> Self {
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        if let Some(value) = authorization {
            headers.insert(AUTHORIZATION, value.clone());
        }
        Self { method: Method::POST, headers, content: form.clone(), kind: Kind::Form, most_bytes: MOST_BYTES }
    }

    /// A question of a kind of its own, whose answer may have any status. Only a 200 comes with its content.
    pub(super) const fn own(method: Method, headers: HeaderMap, content: Bytes) -> Self {
        Self { method, headers, content, kind: Kind::Own, most_bytes: MOST_BYTES }
    }

    /// The same, whose answer has up to `most_bytes`.
    pub(super) fn up_to(self, most_bytes: u64) -> Self {
        Self { most_bytes, ..self }
    }

    /// Adds the fields that every question has.
    #[inline(never)]
    fn complete(&mut self, plan: &Plan, endpoint: &Endpoint) {
        self.headers.insert(HOST, endpoint.usual_host().clone());
        endpoint.add_own(&mut self.headers);
        for (name, value) in [(ACCEPT, "application/json"), (USER_AGENT, "edgeway")] {
            if !self.headers.contains_key(&name) {
                self.headers.insert(name, HeaderValue::from_static(value));
            }
        }
        // So that a gateway that is its own issuer notices.
        plan.loop_guard.stamp_request(&mut self.headers, Version::HTTP_11);
    }
}

/// Gets the answer to `question` at `location` within `limit`.
pub(super) async fn ask<P: Platform>(
    on: (&Plan, &State, &P),
    location: &Location,
    question: Question,
    limit: Duration,
) -> Result<Answer, Fault> {
    if let Some(upstream) = on.0.upstreams.get(location.upstream)
        && upstream.discovery.is_some()
        && !Box::pin(discover::ready_for_own(on, upstream)).await
    {
        return Err(Fault::Io(IoErrorKind::Dns));
    }
    ask_known(on, location, question, limit).await
}

/// The same, of an upstream whose place is known.
pub(super) async fn ask_known<P: Platform>(
    (plan, state, platform): (&Plan, &State, &P),
    location: &Location,
    mut question: Question,
    limit: Duration,
) -> Result<Answer, Fault> {
    let other = || Fault::Io(IoErrorKind::Other);
    let upstream = plan.upstreams.get(location.upstream).ok_or_else(other)?;
    let endpoint = attempts::own(state, platform, upstream).ok_or_else(other)?;
    let target: PathAndQuery = location.path.parse().map_err(|_| other())?;
    question.complete(plan, &endpoint);
    let body = if question.content.is_empty() { Body::Empty } else { Body::Full(question.content) };
    let mut call = UpstreamCall {
        upstream,
        endpoint: &endpoint,
        method: &mut question.method,
        uri: Uri::from(target),
        headers: &mut question.headers,
        body,
        deadlines: Deadlines { connect: Some(limit), first_byte: Some(limit), total: Some(limit), idle: None },
        repeat: attempts::repeat(state, upstream),
        known_edits: None,
    };
    state.sent(&endpoint);
    let begun = attempts::begin(state, platform, (upstream, endpoint.clone()));
    let (kind, most_bytes) = (question.kind, question.most_bytes);
    let answered = async {
        let (head, body) = platform.fetch(&mut call).await?.into_parts();
        let mut answer = Answer { status: head.status, headers: head.headers, content: Bytes::new() };
        if answer.status != StatusCode::OK {
            match kind {
                Kind::Own => return Ok(Ok(answer)),
                Kind::Form if answer.status.is_client_error() => {}
                Kind::Form | Kind::Plain => return Ok(Err(Fault::Status(answer.status))),
            }
        }
        answer.content = match body {
            Body::Empty => Bytes::new(),
            Body::Full(content) => content,
            Body::Stream(stream) => platform.collect(stream, most_bytes).await?,
        };
        if answer.content.len() as u64 > most_bytes {
            return Err(IoError::new(IoErrorKind::BodyTooLarge));
        }
        if answer.status != StatusCode::OK {
            let code = access_token::error_code(&answer.content);
            return Ok(Err(code.map_or(Fault::Status(answer.status), |code| Fault::Refused(answer.status, code))));
        }
        Ok(Ok(answer))
    };
    let answer: Result<_, Fault> = answered.await.unwrap_or_else(|error: IoError| Err(Fault::Io(error.kind)));
    // An answer of any status is one.
    let outcome = match &answer {
        Ok(answer) => Ok(answer.status),
        Err(Fault::Status(status) | Fault::Refused(status, _)) => Ok(*status),
        Err(Fault::Io(kind)) => Err(IoError::new(*kind)),
    };
    begun.end(outcome);
    answer
}

impl Fault {
    /// The reason in the words of the log.
    pub(super) fn cause(&self) -> &'static str {
        match self {
            Self::Io(kind) => error_type(*kind),
            Self::Status(status) | Self::Refused(status, _) if *status == StatusCode::UNAUTHORIZED => "client_refused",
            Self::Refused(_, code) if **code == *"invalid_client" || **code == *"unauthorized_client" => {
                "client_refused"
            }
            Self::Status(_) | Self::Refused(..) => "answer_status",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(kind) => f.write_str(error_type(*kind)),
            Self::Status(status) => write!(f, "its status is {}", status.as_u16()),
            Self::Refused(status, code) => write!(f, "its status is {}, and its error `{code}`", status.as_u16()),
        }
    }
}
