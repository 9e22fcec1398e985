//! A service that decides who may call: what it is told, and what its answer means.

use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::api_key::KeyDigest;
use super::credential::{Place, masked_query};
use super::key_source::Location;
use crate::call::Call;
use crate::caller::Caller;
use crate::caller::claims::{ClaimSet, read_object};
use crate::caller::consumer::Consumer;
use crate::error::Reject;
use crate::http::forwarded::{X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO};
use crate::http::{percent, query};

const X_FORWARDED_METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
const X_FORWARDED_URI: HeaderName = HeaderName::from_static("x-forwarded-uri");

/// The fields of a refusal that its client gets: what it takes to sign in.
const GIVEN_BACK: [HeaderName; 3] = [WWW_AUTHENTICATE, LOCATION, SET_COOKIE];

/// The most bytes of the fields that are taken from an answer.
const MOST_FIELDS: usize = 16 * 1024;

/// A proof by the word of a service.
#[derive(Debug)]
pub struct External {
    /// The place that is asked.
    pub place: Location,
    /// Its upstream's name in the configuration.
    pub name: Arc<str>,
    /// Set if it is asked as Open Policy Agent is.
    pub is_opa: bool,
    /// The header fields of the request that it is told.
    pub tell: Box<[HeaderName]>,
    /// The header fields of its answer that the upstream gets.
    pub copy: Box<[HeaderName]>,
    /// The header field of its answer that names a consumer.
    pub consumer: Option<HeaderName>,
    /// The longest that it is waited for.
    pub deadline: Duration,
    /// The time for which its leave is remembered; zero for none.
    pub remember: Duration,
    /// The names of the path's parameters.
    pub parameters: Box<[Box<str>]>,
}

/// What a service is told of a request.
#[derive(Debug)]
pub struct Question {
    /// The method.
    pub method: Method,
    /// The header fields beside the usual ones.
    pub headers: HeaderMap,
    /// The content.
    pub content: Bytes,
}

/// The answer of a service.
#[derive(Debug)]
pub enum Decision {
    /// The request is let in, and this is its caller.
    Admit(Caller),
    /// It is not, and this is the answer.
    Deny(Box<Reject>),
}

/// The reason why an answer decides nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undecided {
    /// Its status means nothing.
    Status(StatusCode),
    /// It does not say what it should, or not clearly.
    Malformed,
    /// There is too much of it to go on.
    TooLarge,
}

impl External {
    /// What the service is told of `call`. What is in the places of `credentials` in the query, it is not.
    ///
    /// # Errors
    /// 400, if JSON has no text for a part of it (RFC 8259 §8.1): with another in its place, two requests would be one to OPA.
    pub fn question(&self, call: &Call, credentials: &[Place]) -> Result<Question, Reject> {
        if self.is_opa { self.input(call, credentials) } else { Ok(self.forwarded(call, credentials)) }
    }

    fn forwarded(&self, call: &Call, credentials: &[Place]) -> Question {
        let mut headers = HeaderMap::with_capacity(16);
        for name in &self.tell {
            for value in call.headers.get_all(name) {
                headers.append(name, value.clone());
            }
        }
        let mut target = call.path().to_owned();
        if let Some(query) = call.query() {
            target.push('?');
            for byte in masked_query(credentials, query).bytes() {
                // Browsers send other characters of queries as they are, and a field that has some would be lost on the way.
                if byte.is_ascii_graphic() {
                    target.push(char::from(byte));
                } else {
                    percent::push_encoded(&mut target, byte);
                }
            }
        }
        let host = call.client.host.as_ref().or(call.host_field()).cloned();
        let address = call.client_address().map(|address| address.to_string());
        let mut state = |name: HeaderName, value: Option<HeaderValue>| {
            // In place of whatever the client states in it.
            headers.remove(&name);
            if let Some(value) = value {
                headers.append(name, value);
            }
        };
        state(X_FORWARDED_METHOD, HeaderValue::from_str(call.method.as_str()).ok());
        state(X_FORWARDED_PROTO, HeaderValue::from_str(call.client.scheme.as_str()).ok());
        state(X_FORWARDED_HOST, host);
        state(X_FORWARDED_URI, HeaderValue::from_str(&target).ok());
        state(X_FORWARDED_FOR, address.and_then(|address| HeaderValue::from_str(&address).ok()));
        Question { method: Method::GET, headers, content: Bytes::new() }
    }

    fn input(&self, call: &Call, credentials: &[Place]) -> Result<Question, Reject> {
        let no_text = || Reject::bad_path().with_detail("the path or query is not in UTF-8");
        let mut told = Map::new();
        for name in &self.tell {
            let lines: Vec<&[u8]> = call.headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
            if !lines.is_empty() {
                // RFC 9110 §5.3; RFC 9113 §8.2.3.
                let between = if *name == COOKIE { &b"; "[..] } else { b", " };
                let text = String::from_utf8(lines.join(between)).map_err(|_| Reject::bad_header())?;
                put(&mut told, name.as_str(), text.into());
            }
        }
        let mut segments = Vec::new();
        for segment in call.path().split('/').skip(1) {
            segments.push(Value::String(percent::decode_whole(segment).ok_or_else(no_text)?));
        }
        let query = masked_query(credentials, call.query().unwrap_or_default());
        let mut stated = Map::new();
        for parameter in query::parameters(&query) {
            let (name, value) = query::split(parameter);
            let name = percent::decode_form_whole(name).ok_or_else(no_text)?;
            let value = Value::String(percent::decode_form_whole(value).ok_or_else(no_text)?);
            match stated.get_mut(&name) {
                Some(Value::Array(list)) => list.push(value),
                _ => put(&mut stated, &name, Value::Array(vec![value])),
            }
        }
        let mut named = Map::new();
        for (index, name) in self.parameters.iter().enumerate() {
            if let Some(value) = call.parameter(index) {
                put(&mut named, name, percent::decode_whole(value).ok_or_else(no_text)?.into());
            }
        }
        let (mut client, mut input, mut whole) = (Map::new(), Map::new(), Map::new());
        put(&mut client, "address", call.client_address().map_or(Value::Null, |address| address.to_string().into()));
        put(&mut input, "method", call.method.as_str().into());
        put(&mut input, "scheme", call.client.scheme.as_str().into());
        put(&mut input, "host", call.outer_host().into());
        put(&mut input, "path", Value::Array(segments));
        put(&mut input, "query", Value::Object(stated));
        put(&mut input, "headers", Value::Object(told));
        put(&mut input, "params", Value::Object(named));
        put(&mut input, "client", Value::Object(client));
        put(&mut whole, "input", Value::Object(input));
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(Question { method: Method::POST, headers, content: Value::Object(whole).to_string().into() })
    }

    /// The digest of `question`, of who answers it how, and of the time for which that is remembered: two of the same are answered the same.
    #[must_use]
    pub fn digest(&self, question: &Question) -> KeyDigest {
        let mut digest = Sha256::new();
        let mut add = |part: &[u8]| {
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        };
        add(self.name.as_bytes());
        add(self.place.path.as_bytes());
        add(&self.remember.as_nanos().to_le_bytes());
        add(self.consumer.as_ref().map_or(&[][..], |name| name.as_str().as_bytes()));
        self.copy.iter().for_each(|name| add(name.as_str().as_bytes()));
        add(question.method.as_str().as_bytes());
        for (name, value) in &question.headers {
            add(name.as_str().as_bytes());
            add(value.as_bytes());
        }
        add(&question.content);
        KeyDigest::of(digest.finalize().into())
    }

    /// The meaning of an answer with this `status`. `consumers` are those that there are.
    ///
    /// # Errors
    /// The answer has none.
    pub fn read(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        content: &[u8],
        consumers: &[Arc<Consumer>],
    ) -> Result<Decision, Undecided> {
        if self.is_opa {
            let is_answer = status == StatusCode::OK;
            return if is_answer { self.result(content, consumers) } else { Err(Undecided::Status(status)) };
        }
        if status.is_success() {
            let consumer = match &self.consumer {
                Some(name) => one(headers, name).ok_or(Undecided::Malformed)?,
                None => None,
            };
            return self.admit(consumer, None, headers, consumers);
        }
        let is_refusal = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        // RFC 9110 §15.4: those that lead elsewhere.
        let leads_on = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) && headers.contains_key(LOCATION);
        if !is_refusal && !leads_on {
            return Err(Undecided::Status(status));
        }
        let mut reject = if status == StatusCode::FORBIDDEN { Reject::forbidden() } else { Reject::unauthorized() };
        reject.status = status;
        reject.headers = taken(&GIVEN_BACK, headers).ok_or(Undecided::TooLarge)?;
        Ok(Decision::Deny(Box::new(reject)))
    }

    /// The meaning of the `content` of OPA's answer. Without `result`, nothing is decided in the request's favour.
    fn result(&self, content: &[u8], consumers: &[Arc<Consumer>]) -> Result<Decision, Undecided> {
        let Some(admitted) = self.admitted(content).ok_or(Undecided::Malformed)? else {
            return Ok(Decision::Deny(Box::new(Reject::forbidden())));
        };
        self.admit(admitted.consumer.as_deref(), admitted.claims, &admitted.headers, consumers)
    }

    /// What OPA says of a request that it lets in; `None` within if it does not, and without if it says neither.
    fn admitted(&self, content: &[u8]) -> Option<Option<Admitted>> {
        let mut result = match read_object(content)?.remove("result") {
            None | Some(Value::Bool(false)) => return Some(None),
            Some(Value::Bool(true)) => Map::new(),
            Some(Value::Object(result)) if result.get("allow")?.as_bool()? => result,
            Some(Value::Object(_)) => return Some(None),
            Some(_) => return None,
        };
        let mut headers = HeaderMap::new();
        for (name, value) in result.get("headers").and_then(Value::as_object).into_iter().flatten() {
            // Those that are not named stay behind.
            if let Some(name) = self.copy.iter().find(|known| known.as_str().eq_ignore_ascii_case(name)) {
                headers.append(name, HeaderValue::from_str(value.as_str()?).ok()?);
            }
        }
        let claims = match result.remove("claims") {
            None | Some(Value::Null) => None,
            Some(Value::Object(claims)) => Some(ClaimSet::of_members(claims).ok()?),
            Some(_) => return None,
        };
        let consumer = result.get("consumer").and_then(Value::as_str).map(str::to_owned);
        Some(Some(Admitted { consumer, claims, headers }))
    }

    #[inline(never)]
    fn admit(
        &self,
        consumer: Option<&str>,
        claims: Option<ClaimSet>,
        headers: &HeaderMap,
        consumers: &[Arc<Consumer>],
    ) -> Result<Decision, Undecided> {
        let fields = taken(&self.copy, headers).ok_or(Undecided::TooLarge)?.into();
        let consumer = consumer.and_then(|name| consumers.iter().find(|known| *known.name == *name)).cloned();
        let (issuer, claims) = (Some(Arc::clone(&self.name)), claims.map(Arc::new));
        Ok(Decision::Admit(Caller { consumer, issuer, claims, fields, ..Caller::default() }))
    }
}

/// What OPA says of a request that it lets in.
struct Admitted {
    consumer: Option<String>,
    claims: Option<ClaimSet>,
    headers: HeaderMap,
}

/// The text of the field called `name`, if there is one; `None` for several, of which nobody says which one holds. Whoever was between may have
/// joined them by a comma (RFC 9110 §5.3).
fn one<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<Option<&'h str>> {
    let mut lines = headers.get_all(name).iter();
    let Some(line) = lines.next() else { return Some(None) };
    let text = line.to_str().ok().filter(|text| !text.contains(','))?;
    lines.next().is_none().then_some(Some(text))
}

/// Those of the `headers` that have one of these `names`, unless there is too much of them.
fn taken(names: &[HeaderName], headers: &HeaderMap) -> Option<Vec<(HeaderName, HeaderValue)>> {
    let (mut fields, mut size) = (Vec::new(), 0);
    for name in names {
        for value in headers.get_all(name) {
            size += name.as_str().len() + value.len();
            fields.push((name.clone(), value.clone()));
        }
    }
    (size <= MOST_FIELDS).then_some(fields)
}

fn put(members: &mut Map<String, Value>, name: &str, value: Value) {
    members.insert(name.to_owned(), value);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(is_opa: bool) -> External {
        External {
            place: Location { upstream: 0, path: "/verify".into() },
            name: "sso".into(),
            is_opa,
            tell: Box::new([HeaderName::from_static("x-tenant")]),
            copy: Box::new([HeaderName::from_static("x-auth-user")]),
            consumer: None,
            deadline: Duration::from_secs(1),
            remember: Duration::ZERO,
            parameters: Box::default(),
        }
    }

    fn call(target: &str, headers: &[(&'static str, &'static str)]) -> Call {
        let fields =
            headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        Call::new(Method::GET, target.parse().unwrap(), fields.collect())
    }

    /// docs/configuration.md, A service of your own: remembered for requests that tell the service the very same.
    #[test]
    fn requests_are_the_same_if_the_service_can_not_tell_them_apart() {
        for is_opa in [false, true] {
            let digest = |call: &Call| service(is_opa).digest(&service(is_opa).question(call, &[]).unwrap()).to_hex();
            let known = digest(&call("/a?b", &[("x-tenant", "acme")]));
            assert_eq!(known, digest(&call("/a?b", &[("x-tenant", "acme"), ("x-other", "1")])));
            let known_headers = call("/", &[("x-tenant", "acme")]).headers;
            for other in [
                call("/a?c", &[("x-tenant", "acme")]),
                call("/b?b", &[("x-tenant", "acme")]),
                call("/a?b", &[("x-tenant", "beta")]),
                call("/a?b", &[]),
                Call::new(Method::POST, "/a?b".parse().unwrap(), known_headers.clone()),
            ] {
                assert_ne!(known, digest(&other), "{other:?}");
            }
        }
        let question = service(false).question(&call("/a", &[]), &[]).unwrap();
        for other in [
            External { name: "other".into(), ..service(false) },
            External { place: Location { upstream: 0, path: "/other".into() }, ..service(false) },
            External { copy: Box::default(), ..service(false) },
            External { consumer: Some(HeaderName::from_static("x-consumer")), ..service(false) },
            External { remember: Duration::from_secs(1), ..service(false) },
        ] {
            assert_ne!(service(false).digest(&question).to_hex(), other.digest(&question).to_hex(), "{other:?}");
        }
    }

    /// RFC 3986 §2.1: what no URI has is told encoded, and never left out.
    #[test]
    fn a_query_of_other_characters_is_told() {
        let told = service(false).question(&call("/a?b=\u{e9}", &[]), &[]).unwrap();
        assert_eq!(told.headers[X_FORWARDED_URI], "/a?b=%C3%A9");
    }

    /// RFC 8259 §8.1: JSON is in UTF-8. Two requests are never one to OPA, which go to two places of the upstream.
    #[test]
    fn what_json_has_no_text_for_is_not_told() {
        let status =
            |call: &Call| service(true).question(call, &[]).map(|_| 200).unwrap_or_else(|it| it.status.as_u16());
        for target in ["/a/%FF", "/a/%FE/b", "/a?%FF", "/a?b=%C3", "/a?b=%C3+"] {
            assert_eq!(status(&call(target, &[])), 400, "{target}");
        }
        for target in ["/a/%C3%BF", "/a/%EF%BF%BD?b=%C3%BF+%"] {
            assert_eq!(status(&call(target, &[])), 200, "{target}");
        }
        let mut odd = call("/", &[]);
        odd.headers.insert("x-tenant", HeaderValue::from_bytes(b"\xff").unwrap());
        assert_eq!(status(&odd), 400);
        odd.headers.remove("x-tenant");
        odd.headers.insert("x-other", HeaderValue::from_bytes(b"\xff").unwrap());
        assert_eq!(status(&odd), 200);
        assert!(service(false).question(&call("/a/%FF", &[]), &[]).is_ok());
    }

    /// RFC 9113 §8.2.3: lines of `Cookie` are joined by a semicolon; RFC 9110 §5.3: others by a comma.
    #[test]
    fn lines_of_a_field_are_one_text() {
        let tell = ["cookie", "x-tenant"].map(HeaderName::from_static);
        let opa = External { tell: tell.into(), ..service(true) };
        let call = call("/", &[("cookie", "a=1"), ("cookie", "b=2"), ("x-tenant", "c"), ("x-tenant", "d")]);
        let told: Value = serde_json::from_slice(&opa.question(&call, &[]).unwrap().content).unwrap();
        assert_eq!(told["input"]["headers"], serde_json::json!({"cookie": "a=1; b=2", "x-tenant": "c, d"}));
    }

    /// docs/configuration.md, A service of your own: an answer is taken whole, or not at all.
    #[test]
    fn an_answer_that_names_two_consumers_or_says_too_much_is_none() {
        let named = External { consumer: Some(HeaderName::from_static("x-consumer")), ..service(false) };
        let is_read = |headers: &HeaderMap| named.read(StatusCode::OK, headers, &[], &[]).is_ok();
        let mut headers = HeaderMap::new();
        headers.append("x-consumer", HeaderValue::from_static("a"));
        assert!(is_read(&headers));
        headers.append("x-consumer", HeaderValue::from_static("b"));
        assert!(!is_read(&headers));
        headers.insert("x-consumer", HeaderValue::from_static("a, b"));
        assert!(!is_read(&headers));
        assert!(is_read(&HeaderMap::new()));
        let long = |length: usize| HeaderValue::from_str(&"a".repeat(length)).unwrap();
        let most = MOST_FIELDS - "x-auth-user".len();
        for (length, is_taken) in [(most, true), (most + 1, false)] {
            let headers = HeaderMap::from_iter([(HeaderName::from_static("x-auth-user"), long(length))]);
            assert_eq!(is_read(&headers), is_taken);
            let answer = serde_json::json!({"result": {"allow": true, "headers": {"x-auth-user": "a".repeat(length)}}});
            let read = service(true).read(StatusCode::OK, &HeaderMap::new(), answer.to_string().as_bytes(), &[]);
            assert_eq!(read.err(), (!is_taken).then_some(Undecided::TooLarge));
        }
    }

    /// docs/configuration.md, A service of your own: credentials in the query are not told.
    #[test]
    fn credentials_in_the_query_are_masked() {
        let places = [Place::Query("token".into())];
        let call = call("/a?token=PLANT&b=1", &[]);
        let told = service(false).question(&call, &places).unwrap();
        assert_eq!(told.headers[X_FORWARDED_URI], "/a?token=***&b=1");
        let told = service(true).question(&call, &places).unwrap();
        assert!(!String::from_utf8_lossy(&told.content).contains("PLANT"), "{told:?}");
    }
}
