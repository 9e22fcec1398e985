//! Idempotency keys: of several requests with one key, the first is made, and the others get its answer
//! (draft-ietf-httpapi-idempotency-key-header-07).

use core::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use sha2::{Digest, Sha256};

use super::PolicyError;
use super::counter_key::{CellOf, KeySource};
use super::once;
use crate::body::Body;
use crate::cache::entry::Entry;
use crate::call::Call;
use crate::config::{self, FailMode, UnknownOutcome};
use crate::error::Reject;
use crate::store_key::{KeyUse, StoreKey};
use crate::time::Clock;

/// The field that tells that an answer was given before.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The beginning of the names of the counter cells.
const CELL: &str = "idem:";

/// The form of what is stored. Another one is not read.
const VERSION: u8 = 2;

/// The longest key, in bytes.
const MOST_KEY: usize = 255;

/// The longest content that can be kept. A Durable Object stores 2 MB under a name, and the fields need room beside it.
const MOST_BYTES: u64 = 1 << 20;

const MAX_BYTES: u64 = 256 << 10;
const KEEP: Duration = Duration::from_secs(24 * 60 * 60);
const WAIT: Duration = Duration::from_secs(10);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
const SHORTEST_KEEP: Duration = Duration::from_secs(60);
const LONGEST_KEEP: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// The statuses that say that the request may be made again (RFC 9110 §15.5.9, §15.6.3 to §15.6.5, RFC 8470 §5.2, RFC 6585 §4).
const TRANSIENT: [u16; 6] = [408, 425, 429, 502, 503, 504];

/// What has become of a request with a key, for the log and the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is the first.
    First,
    /// It has got the answer to the first.
    Replayed,
    /// The same, after it has waited for that.
    Waited,
    /// The first has no answer yet.
    Conflict,
    /// The key is one of another request.
    Reused,
    /// Nobody knows what has become of the first.
    Lost,
    /// It is made, though nobody knows whether it is the first: the store can't be asked.
    Unchecked,
    /// The store can't be asked, and it is not made.
    Failed,
    /// There has to be a key, and is none.
    Missing,
    /// The key is malformed.
    Invalid,
}

/// The words for these, in their order.
pub(crate) const OUTCOMES: [&str; 10] =
    ["first", "replayed", "waited", "conflict", "reused", "lost", "unchecked", "failed", "missing", "invalid"];

/// Compiled idempotency keys.
#[derive(Debug)]
pub struct Idempotency {
    header: HeaderName,
    is_required: bool,
    methods: Box<[Method]>,
    scope: Option<KeySource>,
    transient: Box<[u16]>,
    /// The time for which an answer is kept.
    pub keep: Duration,
    /// The longest wait for the answer to the first request.
    pub wait: Duration,
    /// The longest content of requests, and of answers that are kept, in bytes.
    pub most_bytes: u64,
    /// Set if a request is made again of which nobody knows what has become.
    pub repeats: bool,
    /// The decision while the store can't be reached.
    pub fail: FailMode,
}

impl Idempotency {
    /// Checks and compiles `c` for a route whose path has these `parameters`.
    ///
    /// # Errors
    /// Every mistake in it.
    pub fn compile(c: &config::Idempotency, parameters: Option<&[&str]>) -> Result<Self, Vec<PolicyError>> {
        let mut errors = Vec::new();
        let header = c.header.as_deref().unwrap_or("Idempotency-Key");
        let header = HeaderName::from_bytes(header.as_bytes()).map_err(|_| {
            let message = format_args!("`{header}` is no header name");
            errors.push(PolicyError::new("header", message, "use letters, digits and `-`"));
        });
        let mut methods = Vec::new();
        match &c.methods {
            None => methods.extend([Method::POST, Method::PATCH]),
            Some(stated) => {
                if stated.is_empty() {
                    errors.push(PolicyError::new("methods", "there is no method", "name one, or leave it out"));
                }
                for (index, name) in stated.iter().enumerate() {
                    match Method::from_bytes(name.as_bytes()) {
                        Ok(method) if matches!(method.as_str(), "POST" | "PATCH" | "PUT" | "DELETE") => {
                            methods.push(method)
                        }
                        _ => {
                            let message = format_args!("`{name}` is no method that changes something");
                            let help = "name some of `POST`, `PATCH`, `PUT` and `DELETE`";
                            errors.push(PolicyError::entry("methods", index, message, help));
                        }
                    }
                }
            }
        }
        let mut span = |member, stated: Option<config::Span>, [least, most]: [Duration; 2], usual, help| {
            let span = stated.map_or(usual, |span| span.0);
            if !(least..=most).contains(&span) {
                errors.push(PolicyError::new(member, "the time is too short or too long", help));
            }
            span
        };
        let keep =
            span("keep", c.keep, [SHORTEST_KEEP, LONGEST_KEEP], KEEP, "use `1m` to `366d`; without it, `24h` hold");
        let wait =
            span("wait", c.wait, [Duration::ZERO, LONGEST_WAIT], WAIT, "use `0s` to `60s`; without it, `10s` hold");
        let most_bytes = c.max_bytes.map_or(MAX_BYTES, |size| size.0);
        if most_bytes > MOST_BYTES {
            let help = "use up to `1MiB`, which every store takes; without it, `256KiB` hold";
            errors.push(PolicyError::new("maxBytes", "this is more than a store keeps", help));
        }
        for (index, status) in c.transient.iter().flatten().enumerate() {
            if !(400..=599).contains(status) {
                let message = format_args!("`{status}` is no status of an error");
                errors.push(PolicyError::entry("transient", index, message, "name statuses from 400 to 599"));
            }
        }
        let scope = c.scope.as_ref().map(|scope| {
            KeySource::compile(Some(scope), parameters)
                .map_err(|error| errors.push(PolicyError { member: "scope", ..error }))
        });
        match (header, scope.transpose()) {
            (Ok(header), Ok(scope)) if errors.is_empty() => Ok(Self {
                header,
                is_required: c.required == Some(true),
                methods: methods.into(),
                scope,
                transient: c.transient.as_deref().unwrap_or(&TRANSIENT).into(),
                keep,
                wait,
                most_bytes,
                repeats: c.unknown == Some(UnknownOutcome::Repeat),
                fail: c.fail.unwrap_or_default(),
            }),
            _ => Err(errors),
        }
    }

    /// The name of the field that states the key.
    #[must_use]
    pub const fn header(&self) -> &HeaderName {
        &self.header
    }

    /// The requests among which a key is the same, unless the usual ones.
    #[must_use]
    pub const fn scope(&self) -> Option<&KeySource> {
        self.scope.as_ref()
    }

    /// Returns whether it depends on the route's path parameters.
    #[must_use]
    pub fn is_bound_to_path(&self) -> bool {
        self.scope.as_ref().is_some_and(KeySource::is_bound_to_path)
    }

    /// A few words for a list of policies.
    #[must_use]
    pub fn describe(&self) -> String {
        format!("once by {}", self.header)
    }

    /// Returns whether requests by `method` have keys.
    #[must_use]
    pub fn is_for(&self, method: &Method) -> bool {
        self.methods.contains(method)
    }

    /// The key of `call`; none if it is made whatever came before it.
    ///
    /// # Errors
    /// There has to be one and is none, or it can't be one.
    pub fn key<'c>(&self, call: &'c Call) -> Result<Option<&'c [u8]>, Reject> {
        if !self.is_for(&call.method) {
            return Ok(None);
        }
        let mut values = call.headers.get_all(&self.header).iter();
        let Some(value) = values.next() else {
            let name = &self.header;
            let missing = || Reject::idempotency_key_missing().with_detail(format!("state one in `{name}`"));
            return if self.is_required { Err(missing()) } else { Ok(None) };
        };
        match (key_in(value), values.next()) {
            (Some(key), None) => Ok(Some(key)),
            _ => Err(Reject::idempotency_key_invalid()),
        }
    }

    /// The name of what the request with this `key` is claimed by.
    #[must_use]
    pub fn claimed(&self, call: &Call, key: &[u8], clock: &impl Clock) -> Claimed {
        let of =
            |source: &KeySource| source.cell(CellOf { prefix: "", name: "", tier: None }, call, "", clock).into_bytes();
        let all = |name| call.headers.get_all(name).iter().map(HeaderValue::as_bytes).collect::<Vec<_>>().join(&b'\n');
        let is_known = call.caller.as_deref().is_some_and(|caller| !caller.is_anonymous());
        let (kind, whose) = match &self.scope {
            // What a client states keeps no other one away: whoever is known is always told from others.
            Some(scope) if is_known && !scope.asks_caller() => ("both", [of(scope), of(&KeySource::Credential)]),
            Some(scope) => ("scope", [of(scope), Vec::new()]),
            None if is_known => ("caller", [of(&KeySource::Credential), Vec::new()]),
            None if [AUTHORIZATION, COOKIE].iter().any(|name| call.headers.contains_key(name)) => {
                ("fields", [all(AUTHORIZATION), all(COOKIE)])
            }
            None => ("address", [of(&KeySource::Address(32, 64)), Vec::new()]),
        };
        let [one, other] = &whose;
        Claimed(once::cell("", &[kind.as_bytes(), one, other, key]))
    }

    /// Returns whether an answer of this `status` is kept.
    #[must_use]
    pub fn keeps(&self, status: StatusCode) -> bool {
        !self.transient.contains(&status.as_u16())
    }
}

/// The name of what a request with a key is claimed by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed(String);

impl Claimed {
    /// The counter cell.
    #[must_use]
    pub fn cell(&self) -> String {
        [CELL, &self.0].concat()
    }

    /// The key of the answer in the key-value store.
    #[must_use]
    pub fn answer(&self) -> StoreKey {
        StoreKey::of_digest(KeyUse::Answer, &self.0)
    }
}

/// The counter cell beside the answer under `key`, for stores that have both in one place; none if `key` is of another use.
#[must_use]
pub fn cell_of(key: &str) -> Option<String> {
    key.strip_prefix(KeyUse::Answer.prefix()).map(|digest| [CELL, digest].concat())
}

/// The key that `value` states: an Item that is a String (RFC 9651 §3.3.3), or the same characters without quotation marks, as many clients send it.
fn key_in(value: &HeaderValue) -> Option<&[u8]> {
    let text = value.as_bytes();
    let key = match text {
        [b'"', key @ .., b'"'] => key,
        bare => bare,
    };
    let is_key = (1..=MOST_KEY).contains(&key.len())
        && key.iter().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\'))
        && (key.len() != text.len() || key.iter().all(u8::is_ascii_graphic));
    is_key.then_some(key)
}

/// A fingerprint of a request on a `route`: another one with the same key is a mistake of its client.
#[must_use]
pub fn fingerprint(call: &Call, route: &str, content: &[u8]) -> u64 {
    let mut hash = Sha256::new();
    let (host, port) = (call.outer_host(), call.outer_port().to_be_bytes());
    let kind = call.headers.get(CONTENT_TYPE).map_or(&[][..], HeaderValue::as_bytes);
    let query = call.query().unwrap_or_default();
    let target = [route.as_bytes(), host.as_bytes(), &port, call.path().as_bytes(), query.as_bytes()];
    for part in [call.method.as_str().as_bytes()].into_iter().chain(target).chain([kind, content]) {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().first_chunk::<8>().copied().map(u64::from_le_bytes).unwrap_or_default()
}

/// The bytes of the answer to a request with this fingerprint, for a store: its head, and its whole content.
#[must_use]
pub fn pack(print: u64, status: StatusCode, headers: &HeaderMap, content: &[u8]) -> Bytes {
    let head = Entry { status, headers: headers.clone(), ..Entry::default() }.to_bytes();
    let mut packed = Vec::with_capacity(head.len() + content.len() + 13);
    packed.push(VERSION);
    packed.extend(print.to_le_bytes());
    packed.extend(u32::try_from(head.len()).unwrap_or(u32::MAX).to_le_bytes());
    packed.extend(head);
    packed.extend(content);
    packed.into()
}

/// Reads what [`pack`] has written: the answer, given once more. None if it is of another request or version, or damaged.
#[must_use]
pub fn unpack<S>(print: u64, packed: &Bytes) -> Option<Response<Body<S>>> {
    let (version, rest) = packed.split_first()?;
    let (of, rest) = rest.split_first_chunk::<8>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (head, content) = rest.split_at_checked(length)?;
    let entry = Entry::from_bytes(head).filter(|_| *version == VERSION && u64::from_le_bytes(*of) == print)?;
    let mut response =
        Response::new(if content.is_empty() { Body::Empty } else { Body::Full(packed.slice_ref(content)) });
    *response.status_mut() = entry.status;
    *response.headers_mut() = entry.headers;
    if !content.is_empty() {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(content.len()));
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compiled(text: &str) -> Result<Idempotency, Vec<PolicyError>> {
        Idempotency::compile(&serde_json::from_str(text).unwrap(), None)
    }

    fn call(fields: &[(&'static str, &str)]) -> Call {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        let mut call = Call::new(Method::POST, "/orders?a=1".parse().unwrap(), headers);
        call.client.address = Some("203.0.113.7".parse().unwrap());
        call
    }

    /// draft-ietf-httpapi-idempotency-key-header-07 §2: the value is a String of structured fields; without its quotation marks it is the same key.
    #[test]
    fn a_key_is_a_string_with_or_without_quotation_marks() {
        let rule = compiled("{}").unwrap();
        let of = |value: &str| rule.key(&call(&[("idempotency-key", value)])).map(|key| key.map(<[u8]>::to_vec));
        assert_eq!(of("\"8e03978e-40d5\"").unwrap(), Some(b"8e03978e-40d5".to_vec()));
        assert_eq!(of("8e03978e-40d5").unwrap(), Some(b"8e03978e-40d5".to_vec()));
        assert_eq!(of("\"a b\"").unwrap(), Some(b"a b".to_vec()));
        for wrong in ["", "\"\"", "a b", "a\"b", "\"a\\b\"", "\"a\"; x=1", "é", &"a".repeat(256)] {
            assert_eq!(of(wrong).unwrap_err().code, "idempotency_key_invalid", "{wrong}");
        }
        let twice = call(&[("idempotency-key", "a"), ("idempotency-key", "a")]);
        assert_eq!(rule.key(&twice).unwrap_err().code, "idempotency_key_invalid");
    }

    /// docs/configuration.md, Idempotency keys: requests of other methods are made as they come, and a missing key is refused where it is asked for.
    #[test]
    fn a_key_is_asked_for_where_it_is_required() {
        assert_eq!(compiled("{}").unwrap().key(&call(&[])).unwrap(), None);
        let rule = compiled(r#"{"required": true}"#).unwrap();
        assert_eq!(rule.key(&call(&[])).unwrap_err().code, "idempotency_key_missing");
        let mut read = call(&[]);
        read.method = Method::GET;
        assert_eq!(rule.key(&read).unwrap(), None);
    }

    /// docs/configuration.md, Idempotency keys: nobody gets the answer that somebody else was given.
    #[test]
    fn keys_of_others_are_other_keys() {
        let rule = compiled("{}").unwrap();
        let of = |call: &Call| rule.claimed(call, b"k", &crate::policy::counter_key::Still).cell();
        let mut elsewhere = call(&[]);
        elsewhere.client.address = Some("203.0.113.8".parse().unwrap());
        let all = [
            call(&[]),
            elsewhere,
            call(&[("authorization", "Bearer a")]),
            call(&[("authorization", "Bearer b")]),
            call(&[("cookie", "Bearer a")]),
            call(&[("authorization", "Bearer a"), ("cookie", "a=1")]),
        ];
        let cells: Vec<String> = all.iter().map(of).collect();
        for (index, cell) in cells.iter().enumerate() {
            assert!(!cells[..index].contains(cell), "{index}");
            assert_eq!(*cell, of(&all[index]));
        }
        let everyone = compiled(r#"{"scope": "everyone"}"#).unwrap();
        let of = |call: &Call| everyone.claimed(call, b"k", &crate::policy::counter_key::Still).cell();
        assert_eq!(of(&all[0]), of(&all[3]));
    }

    /// draft-ietf-httpapi-idempotency-key-header-07 §2.4: a fingerprint tells another request with the same key.
    #[test]
    fn a_fingerprint_is_of_all_that_makes_a_request() {
        let first = fingerprint(&call(&[("content-type", "application/json")]), "r", b"{}");
        assert_eq!(first, fingerprint(&call(&[("content-type", "application/json"), ("date", "now")]), "r", b"{}"));
        assert_ne!(first, fingerprint(&call(&[("content-type", "application/json")]), "r", b"{ }"));
        assert_ne!(first, fingerprint(&call(&[("content-type", "text/plain")]), "r", b"{}"));
        let mut other = call(&[("content-type", "application/json")]);
        other.set_query(Some("a=2".to_owned()));
        assert_ne!(first, fingerprint(&other, "r", b"{}"));
        other.set_query(Some("a=1".to_owned()));
        assert_eq!(first, fingerprint(&other, "r", b"{}"));
        other.method = Method::PATCH;
        assert_ne!(first, fingerprint(&other, "r", b"{}"));
    }

    #[test]
    fn an_answer_comes_back_as_it_was() {
        let mut headers = HeaderMap::new();
        headers.append("location", "/orders/1".parse().unwrap());
        headers.append("set-cookie", "a=1".parse().unwrap());
        headers.append("set-cookie", "b=2".parse().unwrap());
        let packed = pack(7, StatusCode::CREATED, &headers, b"made");
        let back: Response<Body<()>> = unpack(7, &packed).unwrap();
        assert_eq!(back.status(), 201);
        assert!(matches!(back.body(), Body::Full(content) if content == "made"));
        headers.append("content-length", "4".parse().unwrap());
        headers.append("idempotent-replayed", "true".parse().unwrap());
        assert_eq!(*back.headers(), headers);
        assert!(unpack::<()>(8, &packed).is_none(), "the answer to another request");
        for cut in [0, 1, 4, 5, 9, 13, 20] {
            assert!(unpack::<()>(7, &packed.slice(..cut)).is_none(), "{cut}");
        }
    }

    #[test]
    fn every_mistake_is_reported() {
        let errors = compiled(
            r#"{"header": "a b", "methods": ["GET"], "keep": "1s", "wait": "61s", "maxBytes": "2MiB", "transient": [200],
                "scope": {"header": "a b"}}"#,
        );
        let members: Vec<_> = errors.unwrap_err().iter().map(|error| error.member).collect();
        assert_eq!(members, ["header", "methods", "keep", "wait", "maxBytes", "transient", "scope"]);
    }
}
