//! A description of an API (OpenAPI 3.0 and 3.1): which operations there are, and whether requests and responses are as it has them.
//!
//! **Invariant:** a description that exists is whole: no request finds out that a reference of it leads nowhere. Nothing is fetched for it.

mod fields;
mod generate;
mod load;
mod mock;
mod path;
mod pattern;
mod request;
mod response;
mod shape;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use http::Method;

use self::fields::Form;
use self::path::Paths;
use self::shape::Shape;
use crate::config::{RequestChecks, UndeclaredQuery};
use crate::document::schema::{Root, Schema};

pub use self::mock::{Answer, Mock};
pub use self::request::{Asked, Faults, Found, Missing, Reader, Strange};
pub use self::response::{Came, Copy, Expected, Unchecked};

/// A description, and what becomes of what is not as it has it.
#[derive(Debug)]
pub struct Checks {
    /// The description of requests.
    pub description: Arc<Description>,
    /// That of what upstreams answer: another one for a version of an API that is made from another.
    pub answers: Arc<Description>,
    /// The name of the document of requests.
    pub document: Box<str>,
    /// The number of segments of paths before those that it describes.
    pub segments: usize,
    /// What becomes of requests.
    pub request: RequestChecks,
    /// Set if responses are looked at.
    pub has_responses: bool,
    /// Set if operations pass that it has not.
    pub has_strangers: bool,
    /// What becomes of parameters in the query that it has not.
    pub query: UndeclaredQuery,
}

impl Checks {
    /// A few words for a list of policies.
    #[must_use]
    pub fn describe(&self) -> String {
        let what = match (self.request, self.has_responses) {
            (RequestChecks::Refuse, false) => "requests",
            (RequestChecks::Refuse, true) => "requests, and reports responses",
            (RequestChecks::Report, false) => "reports requests",
            (RequestChecks::Report, true) => "reports requests and responses",
            (RequestChecks::Off, _) => "reports responses",
        };
        format!("openapi {} ({} operations): {what}", self.document, self.description.count())
    }
}

/// The most flaws that are told of one request or response.
const MOST_FLAWS: usize = 32;

/// A description of an API.
#[derive(Debug)]
pub struct Description {
    paths: Paths,
    /// The operations of each path.
    operations: Box<[Box<[Operation]>]>,
    schema: Schema,
    /// Set if some of its security schemes are API keys in the query: their names.
    keys: Box<[Box<str>]>,
}

/// An operation: a method on a path.
#[derive(Debug)]
pub struct Operation {
    /// The method.
    pub method: Method,
    /// Its name, or else its method and path.
    pub name: Box<str>,
    parameters: Box<[Parameter]>,
    /// The content of its requests, if they may have any.
    content: Option<Content>,
    responses: Box<[Response]>,
}

/// Where a parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Path,
    Query,
    Header,
    Cookie,
}

impl Place {
    const fn name(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
            Self::Cookie => "cookie",
        }
    }
}

/// A parameter.
#[derive(Debug)]
struct Parameter {
    place: Place,
    /// Its name; that of a header in small letters.
    name: Box<str>,
    is_required: bool,
    /// Set if it may be there without a value.
    may_be_empty: bool,
    form: Form,
    shape: Shape,
    schema: Option<Root>,
}

/// The content of requests.
#[derive(Debug)]
struct Content {
    is_required: bool,
    media: Box<[Media]>,
}

/// A media type, and how content in it has to be.
#[derive(Debug)]
struct Media {
    /// In small letters and without parameters; a range ends with `*`.
    kind: Box<str>,
    reading: Reading,
    shape: Shape,
    schema: Option<Root>,
    /// The forms of fields, where they are not the usual ones.
    encoding: Box<[(Box<str>, Form)]>,
}

/// The way that content of a media type is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    Json,
    Form,
    Multipart,
    Text,
    /// It is not looked into.
    Unread,
}

/// A response by its status.
#[derive(Debug)]
struct Response {
    /// The lowest and the highest; none for all that no other is for.
    statuses: Option<(u16, u16)>,
    headers: Box<[Parameter]>,
    /// None if there is nothing said of content.
    media: Option<Box<[Media]>>,
}

impl Reading {
    /// That of a media type.
    fn of(kind: &str) -> Self {
        match kind {
            "application/x-www-form-urlencoded" => Self::Form,
            "multipart/form-data" => Self::Multipart,
            "text/plain" => Self::Text,
            kind if kind == "application/json" || kind.ends_with("+json") => Self::Json,
            _ => Self::Unread,
        }
    }
}

impl Response {
    fn is_for(&self, status: u16) -> bool {
        self.statuses.is_none_or(|(first, last)| (first..=last).contains(&status))
    }
}

/// The best of `media` for content of the type `kind`: the type itself, then a range of some of its types, then that of all.
fn best<'m>(media: &'m [Media], kind: &str) -> Option<&'m Media> {
    let by = |fits: &dyn Fn(&str) -> bool| media.iter().find(|media| fits(&media.kind));
    by(&|own| own == kind)
        .or_else(|| by(&|own| own != "*/*" && own.contains('*') && super::validate::fits(own, kind)))
        .or_else(|| by(&|own| own == "*/*"))
}

impl Description {
    /// The number of its operations.
    #[must_use]
    pub fn count(&self) -> usize {
        self.operations.iter().map(|operations| operations.len()).sum()
    }
}
