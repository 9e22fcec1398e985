//! Answers made of the answers to several calls: which call waits for which, and what comes of them.
//!
//! Calls have ranks: each comes behind those that it needs, and else in the order of the configuration. The answer depends on what the calls are
//! answered, and never on the order in which that arrives: the first required call by rank that fails decides.

mod progress;
mod text;

use core::fmt::{self, Display};
use core::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode};

pub use self::progress::{Answer, Failure, Job, Progress};
pub use self::text::{Content, Part, Piece, Reference, Scope, Text, Unfilled};
use crate::document::path::Path;
use crate::document::{Budget, Value};
use crate::http::percent;
use crate::io::IoErrorKind;
use crate::policy::body_edit::{BodyEdit, Statuses};
use crate::template::Target as Form;

/// The name by which texts know the content of the request.
pub const REQUEST: &str = "request";

/// The field that names the calls that have failed where there is an answer without them.
pub const PARTIAL: HeaderName = HeaderName::from_static("edgeway-partial");

/// An answer that is made of the answers to several calls.
#[derive(Debug)]
pub struct Aggregate {
    /// The calls, in the order of the configuration.
    pub calls: Box<[Asked]>,
    /// The index of each, by rank.
    pub ranks: Box<[usize]>,
    /// The steps on the object of results; none if that is the answer.
    pub edit: Option<BodyEdit>,
    /// The status where a call has failed that is not required.
    pub partial_status: StatusCode,
    /// The member that lists what has failed.
    pub partial_member: Option<Box<str>>,
    /// The longest that all calls take.
    pub timeout: Duration,
    /// The most content that they may answer with, in bytes.
    pub most_bytes: u64,
    /// The most content of a request that is read, in bytes; none if no call needs it.
    pub request: Option<u64>,
    /// Set if clients are told how long each call took.
    pub tells_timing: bool,
}

/// A call.
#[derive(Debug)]
pub struct Asked {
    /// Its name.
    pub name: Box<str>,
    /// What is sent.
    pub sent: Sent,
    /// The header fields of the request that are sent as they are.
    pub forward: Box<[HeaderName]>,
    /// The condition under which it is made.
    pub when: Option<Condition>,
    /// The values for each of which it is made.
    pub each: Option<Each>,
    /// The indices of the calls whose results it needs.
    pub needs: Box<[usize]>,
    /// Set if there is no answer without it.
    pub is_required: bool,
    /// The result where it fails, or is not made.
    pub fallback: Option<Value>,
    /// The statuses that are answers.
    pub statuses: Statuses,
    /// The statuses with which the upstream's answer becomes the whole answer.
    pub pass: Option<Statuses>,
    /// The longest that it takes.
    pub timeout: Option<Duration>,
    /// The most times that it is tried.
    pub tries: u32,
    /// The reading of the content that it is answered with, and the edits of it.
    pub edit: BodyEdit,
    /// The call that undoes it.
    pub undo: Option<Sent>,
}

/// What is sent to an upstream.
#[derive(Debug)]
pub struct Sent {
    /// The method.
    pub method: Method,
    /// The path.
    pub path: Text,
    /// The parameters of the query.
    pub query: Box<[(Box<str>, Text)]>,
    /// The header fields.
    pub headers: Box<[(HeaderName, Text)]>,
    /// The content.
    pub content: Option<Content>,
}

/// A condition for a call.
#[derive(Debug)]
pub struct Condition {
    /// The value.
    pub value: Text,
    /// The texts of which it is one; any but the empty one, if there are none.
    pub is_in: Box<[Box<str>]>,
    /// The texts of which it is none.
    pub not_in: Box<[Box<str>]>,
}

/// The values for each of which a call is made.
#[derive(Debug)]
pub struct Each {
    /// The query for them.
    pub path: Path,
    /// The most of them.
    pub most: usize,
    /// The most that are asked for at the same time.
    pub at_once: usize,
}

/// A request to an upstream, filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// The path and the query.
    pub target: String,
    /// The header fields.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The content, in JSON; none if there is none.
    pub content: Option<Bytes>,
}

/// A reason why a call has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The time for it was over.
    Timeout,
    /// The exchange with the upstream has failed.
    Io(IoErrorKind),
    /// The upstream has answered with this status.
    Status(StatusCode),
    /// The same, and its answer is to become the whole answer.
    Passed(Box<Passed>),
    /// The content of the answer can't be used.
    Content(Box<str>),
    /// A value that it needs is not there.
    Missing,
    /// The call with this index has failed, whose result it needs.
    Needs(usize),
    /// It would be made for more values than it may.
    TooMany,
    /// It takes more room or work than it may.
    TooMuch,
    /// The gateway has no credentials for the upstream.
    Credentials,
}

/// An upstream's answer that becomes the whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Its status.
    pub status: StatusCode,
    /// Its media type.
    pub kind: Option<HeaderValue>,
    /// Its content.
    pub content: Bytes,
}

impl Fault {
    /// Returns whether it is that there was no time.
    #[must_use]
    pub const fn is_timeout(&self) -> bool {
        matches!(
            self,
            Self::Timeout
                | Self::Io(
                    IoErrorKind::DnsTimeout
                        | IoErrorKind::ConnectTimeout
                        | IoErrorKind::FirstByteTimeout
                        | IoErrorKind::TotalTimeout
                )
        )
    }

    /// Returns whether the same call may come through when it is tried again.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Io(kind) => !kind.is_of_client(),
            Self::Status(status) => matches!(status.as_u16(), 502..=504),
            _ => false,
        }
    }

    /// The stable code of it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        if self.is_timeout() { "call_timeout" } else { "call_failed" }
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("it was not answered in time"),
            Self::Io(_) if self.is_timeout() => f.write_str("it was not answered in time"),
            Self::Io(_) => f.write_str("the exchange with the service behind the gateway has failed"),
            Self::Status(status) => write!(f, "it was answered by {}", status.as_u16()),
            Self::Passed(passed) => write!(f, "it was answered by {}", passed.status.as_u16()),
            Self::Content(_) => f.write_str("the content of its answer can't be used"),
            Self::Missing => f.write_str("a value that it needs is not there"),
            Self::Needs(_) => f.write_str("another call has failed, whose result it needs"),
            Self::TooMany => f.write_str("it would be made for more values than it may"),
            Self::TooMuch => f.write_str("it takes more room or work than it may"),
            Self::Credentials => f.write_str("the gateway has no credentials for the service behind it"),
        }
    }
}

impl Condition {
    /// Returns whether the condition is met. A value that is missing is the empty text.
    fn is_met(&self, scope: Scope<'_>) -> Result<bool, Fault> {
        let value = match self.value.fill(scope, Form::Text) {
            Ok(value) => value,
            Err(Unfilled::Missing) => String::new(),
            Err(Unfilled::TooMuch) => return Err(Fault::TooMuch),
        };
        let is_one = |texts: &[Box<str>]| texts.iter().any(|text| **text == *value);
        let is_in = match &*self.is_in {
            // Where nothing else is said, there has to be one.
            [] => !self.not_in.is_empty() || !value.is_empty(),
            texts => is_one(texts),
        };
        Ok(is_in && !is_one(&self.not_in))
    }
}

impl Sent {
    /// The request, filled from `scope`.
    ///
    /// # Errors
    /// A value that it can't do without is missing, or it takes more room than it may.
    pub fn fill(&self, scope: Scope<'_>, budget: &mut Budget) -> Result<Filled, Unfilled> {
        let mut target = self.path.fill_path(scope)?;
        let mut mark = '?';
        for (name, text) in &self.query {
            let value = match text.fill(scope, Form::Query) {
                Ok(value) => value,
                Err(Unfilled::Missing) => continue,
                Err(unfilled) => return Err(unfilled),
            };
            target.push(mark);
            mark = '&';
            percent::encode_query_value(name, &mut target);
            target.push('=');
            target.push_str(&value);
        }
        let mut headers = Vec::with_capacity(self.headers.len());
        for (name, text) in &self.headers {
            match text.fill(scope, Form::Text) {
                // A value that no field can have is none.
                Ok(value) => headers.extend(HeaderValue::try_from(value).ok().map(|value| (name.clone(), value))),
                Err(Unfilled::Missing) => {}
                Err(unfilled) => return Err(unfilled),
            }
        }
        let content = match &self.content {
            Some(content) => {
                let mut text = String::new();
                content.fill(scope, budget)?.write(&mut text);
                Some(Bytes::from(text))
            }
            None => None,
        };
        Ok(Filled { target, headers, content })
    }

    /// Shows each of the values out of results in it.
    pub fn each_reference(&self, mut show: impl FnMut(&Reference)) {
        let texts = self.query.iter().map(|(_, text)| text).chain(self.headers.iter().map(|(_, text)| text));
        for text in texts.chain([&self.path]) {
            text.references().for_each(&mut show);
        }
        if let Some(content) = &self.content {
            content.each_reference(show);
        }
    }
}

#[cfg(test)]
mod tests;
