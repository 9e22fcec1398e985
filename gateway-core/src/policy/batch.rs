//! Several requests in one: the list that a client sends, and the list of their answers.

use core::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_TYPE,
    COOKIE, EXPECT, FORWARDED, HOST, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, ORIGIN,
    RANGE, REFERER, SET_COOKIE, TRAILER, TRANSFER_ENCODING,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri};

use super::header_edit::is_editable;
use crate::body::Body;
use crate::document::{Number, Object, Value};
use crate::error::Flaw;
use crate::http::forwarded::{
    X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PORT, X_FORWARDED_PREFIX, X_FORWARDED_PROTO,
};
use crate::http::identity::IdentityNames;
use crate::http::percent;

/// The methods that requests of a batch may have.
const METHODS: [Method; 6] = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// The member of a document that is the list, for clients that send no list at the top.
const REQUESTS: &str = "requests";

/// Fields of the batch itself, which its requests do not take over: they are about its own content, or name it.
const OF_BATCH: [HeaderName; 22] = [
    ACCEPT,
    ACCEPT_ENCODING,
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_LENGTH,
    CONTENT_LOCATION,
    CONTENT_TYPE,
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("signature"),
    HeaderName::from_static("signature-input"),
    EXPECT,
    IF_MATCH,
    IF_MODIFIED_SINCE,
    IF_NONE_MATCH,
    IF_RANGE,
    IF_UNMODIFIED_SINCE,
    RANGE,
    TRAILER,
    TRANSFER_ENCODING,
];

/// Fields that a browser states for pages, which can't do so themselves.
const OF_BROWSER: [HeaderName; 3] = [COOKIE, ORIGIN, REFERER];

/// The most mistakes that are told.
const MOST_FLAWS: usize = 50;

/// Fields that no request of a batch states: they are of its connection.
const OF_CONNECTION: [HeaderName; 6] =
    [FORWARDED, X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PORT, X_FORWARDED_PREFIX, X_FORWARDED_PROTO];

/// A compiled batch.
#[derive(Clone, Copy, Debug)]
pub struct Batch {
    /// The most requests of a list.
    pub most: u32,
    /// The most of them under way at the same time.
    pub at_once: u32,
    /// The time after which those that have no answer get none.
    pub timeout: Duration,
    /// The longest that the contents of their answers are together, in bytes.
    pub most_bytes: u64,
    /// The longest content of the batch, in bytes.
    pub request_bytes: u64,
}

/// A request of a batch.
#[derive(Debug)]
pub struct Part {
    method: Method,
    target: Uri,
    headers: HeaderMap,
    content: Option<Bytes>,
}

/// An answer to a request of a batch.
#[derive(Debug)]
pub struct Answered {
    /// Its status.
    pub status: StatusCode,
    /// Its fields.
    pub headers: HeaderMap,
    /// Its content.
    pub content: Bytes,
}

/// The requests of `document`, at most `most`.
///
/// # Errors
/// All that is wrong with them, in their order.
pub fn parts(document: Value, most: u32, identity: &IdentityNames) -> Result<Vec<Part>, Vec<Flaw>> {
    let (list, place) = match document {
        Value::Array(list) => (list, "#"),
        Value::Object(mut object) => match object.remove(REQUESTS) {
            Some(Value::Array(list)) if object.members().is_empty() => (list, "#/requests"),
            _ => return Err(vec![flaw("#", "an object has to be `{\"requests\": […]}`".to_owned())]),
        },
        other => return Err(vec![flaw("#", format!("expected a list of requests, found {}", other.kind()))]),
    };
    if list.is_empty() || list.len() > usize::try_from(most).unwrap_or(usize::MAX) {
        return Err(vec![flaw(place, format!("expected 1 to {most} requests, found {}", list.len()))]);
    }
    let mut flaws = Vec::new();
    let mut parts = Vec::with_capacity(list.len());
    for (index, value) in list.into_iter().enumerate() {
        if flaws.len() >= MOST_FLAWS {
            break;
        }
        let before = flaws.len();
        let at = format!("{place}/{index}");
        let part = part(value, &at, identity, &mut flaws);
        parts.extend(part.filter(|_| flaws.len() == before));
    }
    if flaws.is_empty() { Ok(parts) } else { Err(flaws) }
}

fn flaw(at: &str, detail: String) -> Flaw {
    Flaw { pointer: Some(at.to_owned()), ..Flaw::new(detail) }
}

fn part(value: Value, at: &str, identity: &IdentityNames, flaws: &mut Vec<Flaw>) -> Option<Part> {
    let Value::Object(mut object) = value else {
        flaws.push(flaw(at, format!("expected an object, found {}", value.kind())));
        return None;
    };
    let mut wrong = |member: &str, detail: String| {
        if flaws.len() < MOST_FLAWS {
            flaws.push(flaw(&[at, member].concat(), detail));
        }
    };
    let method = match object.remove("method") {
        None => Some(Method::GET),
        Some(Value::String(name)) => METHODS.iter().find(|method| method.as_str() == &*name).cloned(),
        Some(_) => None,
    };
    if method.is_none() {
        wrong("/method", "expected `GET`, `HEAD`, `POST`, `PUT`, `PATCH` or `DELETE`".to_owned());
    }
    let target = match object.remove("path") {
        Some(Value::String(path)) if path.starts_with('/') && !path.contains('#') => Uri::try_from(&*path).ok(),
        _ => None,
    };
    if target.is_none() {
        wrong("/path", "expected a path that begins with `/`, and may have a query".to_owned());
    }
    let mut headers = HeaderMap::new();
    match object.remove("headers") {
        None => {}
        Some(Value::Object(fields)) => {
            for (name, value) in fields.members() {
                let field = HeaderName::from_bytes(name.as_bytes()).ok().filter(|name| may_be_stated(name, identity));
                let value =
                    value.as_str().and_then(|value| HeaderValue::from_str(value.trim_matches([' ', '\t'])).ok());
                match (field, value) {
                    (Some(field), Some(value)) if headers.len() < usize::from(u8::MAX) => {
                        headers.append(field, value);
                    }
                    (None, _) => wrong(
                        &member("/headers", name),
                        format!("`{}` is no field that a request can state here", shown(name)),
                    ),
                    _ => wrong(
                        &member("/headers", name),
                        format!("`{}` has no text as its value that a field can have", shown(name)),
                    ),
                }
            }
        }
        Some(other) => wrong("/headers", format!("expected an object, found {}", other.kind())),
    }
    let content = object.remove("body").map(|body| content(body, &mut headers));
    for (name, _) in object.members() {
        wrong(
            &member("", name),
            format!("`{}` is no member of a request: they are `method`, `path`, `headers` and `body`", shown(name)),
        );
    }
    Some(Part { method: method?, target: target?, headers, content })
}

/// The content of a `body`: JSON, or a text of the media type that is stated.
fn content(body: Value, headers: &mut HeaderMap) -> Bytes {
    let is_json = headers.get(CONTENT_TYPE).is_none_or(|stated| is_json(stated.as_bytes()));
    match body {
        Value::String(text) if !is_json => text.into_string().into(),
        json => {
            headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
            let mut text = String::new();
            json.write(&mut text);
            text.into()
        }
    }
}

/// Returns whether a request can state the field called `name`: none that a proxy in front or a browser vouches for, in any spelling. Those of the
/// batch itself have been looked at.
fn may_be_stated(name: &HeaderName, identity: &IdentityNames) -> bool {
    let is_of_browser = OF_BROWSER.contains(name) || name.as_str().starts_with("sec-");
    let is_of_gateway = *name == HOST || *name == ACCEPT_ENCODING || OF_CONNECTION.contains(name);
    is_editable(name) && !is_of_browser && !is_of_gateway && !identity.is_reserved(name.as_str())
}

/// The pointer to the member called `name` of the object at a pointer, both in a fragment of a URI (RFC 6901 §6); to the object, if the name is too long to
/// be told.
fn member(of: &str, name: &str) -> String {
    let mut pointer = of.to_owned();
    if shown(name) == name {
        pointer.push('/');
        percent::encode_fragment(&name.replace('~', "~0").replace('/', "~1"), &mut pointer);
    }
    pointer
}

/// At most 64 characters of what a client has sent.
fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}

/// Returns whether content of this media type is JSON (RFC 6839 §3.1).
fn is_json(stated: &[u8]) -> bool {
    let essence = stated.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    essence.eq_ignore_ascii_case(b"application/json")
        || essence.len() > 5
            && essence.split_at_checked(essence.len() - 5).is_some_and(|(_, end)| end.eq_ignore_ascii_case(b"+json"))
}

impl Part {
    /// The request, with the fields of the batch's `outer` one that it does not state itself.
    #[must_use]
    pub fn request<S>(self, outer: &HeaderMap) -> Request<Body<S>> {
        let Self { method, target, headers, content } = self;
        let mut all = HeaderMap::with_capacity(outer.len() + headers.len());
        for (name, value) in outer {
            let is_of_batch = OF_BATCH.contains(name) || name.as_str() == "idempotency-key";
            if !is_of_batch && !headers.contains_key(name) && (*name == HOST || is_editable(name)) {
                all.append(name, value.clone());
            }
        }
        all.extend(headers);
        let content = content.filter(|content| !content.is_empty());
        if let Some(content) = &content {
            all.insert(CONTENT_LENGTH, HeaderValue::from(content.len()));
        }
        let mut request = Request::new(content.map_or(Body::Empty, Body::Full));
        *request.method_mut() = method;
        *request.uri_mut() = target;
        *request.headers_mut() = all;
        request
    }
}

impl Answered {
    /// It as a member of the list of answers. JSON stays JSON, other text is a string, and what is no text is in Base64.
    #[must_use]
    pub fn into_value(self) -> Value {
        let Self { status, headers, content } = self;
        let is_json = headers.get(CONTENT_TYPE).is_some_and(|stated| is_json(stated.as_bytes()));
        let mut members = vec![
            ("status".into(), Number::parse(status.as_str()).map_or(Value::Null, Value::Number)),
            ("headers".into(), fields(&headers)),
        ];
        let json = if is_json { Value::read(&content).ok() } else { None };
        match (json, core::str::from_utf8(&content)) {
            (Some(json), _) => members.push(("body".into(), json)),
            (None, Ok("")) => {}
            (None, Ok(text)) => members.push(("body".into(), text.into())),
            (None, Err(_)) => {
                members.push(("body".into(), crate::base64::encode(&content).into()));
                members.push(("encoding".into(), "base64".into()));
            }
        }
        Value::Object(Object::of_distinct(members))
    }
}

/// The fields as an object. Several lines are one list (RFC 9110 §5.3), but for cookies.
fn fields(headers: &HeaderMap) -> Value {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let members = headers.keys().filter(|name| **name != CONTENT_LENGTH).map(|name| {
        let mut lines = headers.get_all(name).iter().map(text);
        let value = if *name == SET_COOKIE {
            Value::Array(lines.map(Value::from).collect())
        } else {
            let first = lines.next().unwrap_or_default();
            Value::from(lines.fold(first, |all, line| [all, line].join(", ")))
        };
        (name.as_str().into(), value)
    });
    Value::Object(Object::of_distinct(members.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// docs/configuration.md, Batches: JSON stays as it is written, other text is a string, and the rest is in Base64.
    #[test]
    fn contents_are_told_as_what_they_are() {
        let told = |kind: &'static str, content: &'static [u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            let answered = Answered { status: StatusCode::OK, headers, content: Bytes::from_static(content) };
            let mut text = String::new();
            answered.into_value().write(&mut text);
            text.split_once("},").map_or_else(String::new, |(_, rest)| rest.to_owned())
        };
        assert_eq!(told("application/problem+json; charset=utf-8", b"{\"n\":1.50}"), r#""body":{"n":1.50}}"#);
        assert_eq!(told("application/json", b"{\"n\":"), r#""body":"{\"n\":"}"#);
        assert_eq!(told("text/plain", b"1"), r#""body":"1"}"#);
        assert_eq!(told("image/png", b"\xff\xfe\xfd"), r#""body":"//79","encoding":"base64"}"#);
        assert_eq!(told("text/plain", b""), "");
    }

    /// docs/configuration.md, Batches: what is about the content of the batch, or names it, is no field of its requests.
    #[test]
    fn requests_have_the_fields_of_the_batch_that_are_about_all_of_it() {
        let mut outer = HeaderMap::new();
        for (name, value) in [
            ("host", "gw.test"),
            ("authorization", "Bearer a"),
            ("content-type", "application/json"),
            ("content-length", "100"),
            ("if-none-match", "*"),
            ("accept-encoding", "gzip"),
            ("idempotency-key", "a"),
            ("connection", "close"),
            ("x-both", "outer"),
        ] {
            outer.append(name, value.parse().unwrap());
        }
        let list = Value::read(br#"[{"path": "/a?b=1", "headers": {"x-both": "own"}}]"#).unwrap();
        let request = parts(list, 1, &IdentityNames::default()).unwrap().remove(0).request::<()>(&outer);
        let fields: Vec<_> =
            request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        assert_eq!(fields, [("host", "gw.test"), ("authorization", "Bearer a"), ("x-both", "own")]);
        assert_eq!((request.method().as_str(), request.uri().to_string()), ("GET", "/a?b=1".to_owned()));
    }
}
