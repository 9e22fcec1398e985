//! Requests of the gateway's own, for what it needs to know.

use core::fmt;
use core::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, Version};

use crate::body::Body;
use crate::http::proxy_status::error_type;
use crate::io::{IoError, IoErrorKind};
use crate::net::Deadlines;
use crate::plan::Plan;
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
#[derive(Clone, Copy)]
pub(super) enum Question<'q> {
    /// GET.
    Get,
    /// POST of a form, perhaps with credentials.
    Form { authorization: Option<&'q HeaderValue>, form: &'q Bytes },
}

/// Gets the JSON that answers `question` at `location` within `limit`.
pub(super) async fn json<P: Platform>(
    (plan, state, platform): (&Plan, &State, &P),
    location: &Location,
    question: Question<'_>,
    limit: Duration,
) -> Result<(HeaderMap, Bytes), Fault> {
    let other = || Fault::Io(IoErrorKind::Other);
    let upstream = plan.upstreams.get(location.upstream).ok_or_else(other)?;
    let endpoint = state.next_endpoint(upstream).ok_or_else(other)?;
    let target: PathAndQuery = location.path.parse().map_err(|_| other())?;
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(HOST, endpoint.authority.clone());
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static("edgeway"));
    let (mut method, body) = match question {
        Question::Get => (Method::GET, Body::Empty),
        Question::Form { authorization, form } => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
            if let Some(value) = authorization {
                headers.insert(AUTHORIZATION, value.clone());
            }
            (Method::POST, Body::Full(form.clone()))
        }
    };
    // So that a gateway that is its own issuer notices.
    plan.loop_guard.stamp_request(&mut headers, Version::HTTP_11);
    let mut call = UpstreamCall {
        upstream,
        endpoint,
        method: &mut method,
        uri: Uri::from(target),
        headers: &mut headers,
        body,
        deadlines: Deadlines { connect: Some(limit), first_byte: Some(limit), total: Some(limit), idle: None },
        known_edits: None,
    };
    state.sent(endpoint);
    let answered = async {
        let (head, body) = platform.fetch(&mut call).await?.into_parts();
        let is_form = matches!(question, Question::Form { .. });
        if head.status != StatusCode::OK && !(is_form && head.status.is_client_error()) {
            return Ok(Err(Fault::Status(head.status)));
        }
        let content = match body {
            Body::Empty => Bytes::new(),
            Body::Full(content) => content,
            Body::Stream(stream) => platform.collect(stream, MOST_BYTES).await?,
        };
        if content.len() as u64 > MOST_BYTES {
            return Err(IoError::new(IoErrorKind::BodyTooLarge));
        }
        if head.status != StatusCode::OK {
            let code = access_token::error_code(&content);
            return Ok(Err(code.map_or(Fault::Status(head.status), |code| Fault::Refused(head.status, code))));
        }
        Ok(Ok((head.headers, content)))
    };
    let answer: Result<_, Fault> = answered.await.unwrap_or_else(|error: IoError| Err(Fault::Io(error.kind)));
    if answer.is_err() {
        state.failed(endpoint);
    }
    answer
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
