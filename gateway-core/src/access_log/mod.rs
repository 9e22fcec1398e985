//! The line that the access log has of an exchange, the same on every platform.

mod text;

use core::fmt;
use core::time::Duration;
use std::borrow::Cow;
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use http::{HeaderValue, Method, Version};
use serde::{Serialize, Serializer};

use crate::caller::refusal::Refusal;
use crate::config::AccessLogFormat;
use crate::error::{CLIENT_CLOSED, CLIENT_CLOSED_STATUS};
use crate::io::IoErrorKind;
use crate::meter::FellBack;
use crate::plan::Plan;
use crate::policy::credential::masked_query;
use crate::policy::etag;
use crate::policy::idempotency::OUTCOMES;
use crate::record::{Ended, Facts, Length, Limited, Record};
use crate::time::Timestamp;

/// Writes the line of the exchange that `record` is of, which `ended` at `now` on the monotonic clock; nothing where nothing
/// is logged.
pub(crate) fn write(plan: &Plan, record: &Record, ended: &Ended, now: Duration, out: &mut Vec<u8>) {
    let Some(facts) = &record.facts else { return };
    let line = Line::of(plan, record, facts, ended, now);
    match plan.access_log.format {
        AccessLogFormat::Json => {
            // Writing to memory never fails, and every key is text.
            let _ = line.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, Printable));
        }
        AccessLogFormat::Text => {
            let text = match plan.access_log.columns {
                None => text::whole(&line),
                Some(columns) => text::within(&line, columns),
            };
            out.extend_from_slice(text.as_bytes());
        }
        AccessLogFormat::Off => return,
    }
    out.push(b'\n');
}

/// The members of a line, in their order.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'r> {
    #[serde(serialize_with = "as_text")]
    time: Moment,
    method: &'r str,
    scheme: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<Cow<'r, str>>,
    path: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<Cow<'r, str>>,
    protocol: &'static str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<&'r str>,
    /// The version of its API.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    received: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    /// Set if `bytes` is the length that the head states: nobody counted.
    #[serde(skip_serializing_if = "is_false")]
    stated: bool,
    #[serde(serialize_with = "as_millis")]
    ms: Duration,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_some_millis")]
    upstream_ms: Option<Duration>,
    /// The times that it was sent, where that is more than one.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Cow<'r, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<Client>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<Cow<'r, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    referer: Option<Cow<'r, str>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    limits: Vec<Limit<'r>>,
    /// The consumer that the caller is, by its name in the configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    consumer: Option<&'r str>,
    /// The issuer that vouches for the caller, by its name in the configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'r str>,
    /// The identifier of the credential by which the consumer is known, or which a password was stated for that is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<&'r str>,
    /// The reason for which the caller was not believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    auth: Option<&'static str>,
    /// The reason for which the gateway has no credentials for the upstream.
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_auth: Option<&'r str>,
    /// The rule that refused the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'r str>,
    /// The reason for which it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flag: Option<&'r str>,
    /// The reason why the request has cost no more than it took at first.
    #[serde(skip_serializing_if = "Option::is_none")]
    unsettled: Option<&'static str>,
    /// What is not as the description of the API has it, and was let through.
    #[serde(skip_serializing_if = "Option::is_none")]
    openapi: Option<&'r str>,
    /// What the cache did.
    #[serde(skip_serializing_if = "Option::is_none")]
    cache: Option<&'static str>,
    /// The coding of the content, or the reason why it was not compressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    compression: Option<&'static str>,
    /// What has become of the idempotency key.
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency: Option<&'static str>,
    /// What has become of the tag of the response.
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<&'static str>,
    /// The method by which the request went on, where a field has asked for another.
    #[serde(skip_serializing_if = "Option::is_none")]
    method_override: Option<&'r str>,
    /// The method that the upstream was asked with, where that is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_method: Option<&'r str>,
    /// What the answer is, if an upstream has failed and something else came next.
    #[serde(skip_serializing_if = "Option::is_none")]
    fallback: Option<&'static str>,
    /// The faults that were made on purpose.
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<&'r str>,
    /// Set if no client waits for it.
    #[serde(skip_serializing_if = "is_false")]
    background: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<Store>,
    #[serde(skip_serializing_if = "is_true")]
    complete: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cut: Option<&'static str>,
}

/// The verdict of a rate limit.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Limit<'r> {
    name: &'r str,
    /// Set if it let the request pass; `None` if its store failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    admitted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining: Option<u32>,
    /// The units that the request takes; left out where that is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    units: Option<u32>,
    /// The time for which the request waited for its turn, if it did.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_some_millis")]
    wait_ms: Option<Duration>,
    /// Set if it refuses nothing.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    shadow: bool,
}

/// A store that has failed.
#[derive(Clone, Copy, Debug, Serialize)]
struct Store {
    name: &'static str,
    failure: &'static str,
}

impl<'r> Line<'r> {
    fn of(plan: &'r Plan, record: &'r Record, facts: &'r Facts, ended: &Ended, now: Duration) -> Self {
        let gone = record.status.is_none();
        let route = record.route.and_then(|route| plan.routes.get(route));
        let rare = facts.rare.as_deref();
        let (bytes, stated) = match ended.sent {
            Length::Counted(bytes) => (Some(bytes), false),
            Length::Stated(bytes) => (bytes, true),
        };
        Self {
            time: Moment(facts.time),
            method: facts.method.as_str(),
            scheme: facts.scheme.as_str(),
            host: host(facts),
            path: facts.uri.path(),
            query: facts
                .uri
                .query()
                .filter(|_| plan.access_log.query)
                .map(|query| masked_query(&plan.credentials, query)),
            protocol: protocol(facts.version),
            status: record.status.map_or(CLIENT_CLOSED_STATUS, |status| status.as_u16()),
            route: route.map(|route| route.name.as_str()),
            version: route.and_then(|route| route.version.as_ref()).map(|version| &*version.name),
            upstream: record
                .upstream
                .and_then(|index| plan.upstreams.get(index))
                .map(|upstream| upstream.name.as_str()),
            error: if gone { Some(CLIENT_CLOSED) } else { record.error },
            cause: record.cause,
            received: ended.received,
            bytes,
            stated,
            ms: now.saturating_sub(facts.begun),
            upstream_ms: facts.upstream_took,
            attempts: Some(facts.further_attempts).filter(|further| *further > 0).map(|further| further + 1),
            id: record.request_id.as_ref().map(text),
            trace: facts.trace.as_ref().and_then(trace_id),
            client: record.client.or(facts.peer).map(|address| Client(address.to_canonical())),
            user_agent: facts.user_agent.as_ref().map(text),
            referer: facts.referer.as_ref().map(|referer| referring(text(referer), plan)),
            limits: facts.limits.iter().map(Limit::of).collect(),
            consumer: facts.caller.as_ref().and_then(|caller| caller.consumer.as_ref()).map(|consumer| &*consumer.name),
            issuer: facts.caller.as_ref().and_then(|caller| caller.issuer.as_deref()),
            subject: facts.caller.as_ref().filter(|_| plan.access_log.subject).and_then(|caller| caller.subject()),
            credential: facts.caller.as_ref().or(facts.named.as_ref()).and_then(|caller| caller.known_by()),
            auth: facts.refusal.map(Refusal::word),
            upstream_auth: facts.upstream_auth.as_deref(),
            rule: facts.rule.as_ref().map(|(name, _)| &**name),
            because: facts.rule.as_ref().map(|(_, reason)| &**reason),
            flag: facts.flag.as_deref(),
            unsettled: facts.unsettled,
            openapi: facts.undescribed.as_deref(),
            cache: facts.cached,
            compression: facts.coding,
            idempotency: rare.and_then(|rare| OUTCOMES.get(rare.keyed? as usize).copied()),
            etag: rare.and_then(|rare| etag::OUTCOMES.get(rare.tagged? as usize).copied()),
            method_override: rare.and_then(|rare| rare.overridden.as_ref()).map(Method::as_str),
            upstream_method: rare.and_then(|rare| rare.mapped.as_ref()).map(Method::as_str),
            fallback: rare.and_then(|rare| rare.fell_back).map(FellBack::word),
            fault: rare.and_then(|rare| rare.fault.as_deref()),
            background: facts.is_background,
            store: facts.store.map(|(name, failure)| Store { name, failure: failure.as_str() }),
            complete: !gone && ended.cut.is_none(),
            cut: ended.cut.map(side),
        }
    }
}

impl<'r> Limit<'r> {
    fn of(Limited { name, verdict, shadow, units, wait }: &'r Limited) -> Self {
        Self {
            name,
            admitted: verdict.map(|verdict| verdict.admitted),
            remaining: verdict.map(|verdict| verdict.remaining),
            units: Some(*units).filter(|units| *units > 0),
            wait_ms: Some(*wait).filter(|wait| !wait.is_zero()),
            shadow: *shadow,
        }
    }
}

/// The side that cut a body off.
const fn side(kind: IoErrorKind) -> &'static str {
    match kind {
        IoErrorKind::Client | IoErrorKind::ClientTimeout => "client",
        IoErrorKind::TotalTimeout | IoErrorKind::FirstByteTimeout => "deadline",
        IoErrorKind::BodyTooLarge => "limit",
        IoErrorKind::Content => "content",
        _ => "upstream",
    }
}

/// The name and version of the protocol that the client speaks (RFC 9110 §2.5).
fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "HTTP/0.9",
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_3 => "HTTP/3",
        _ => "HTTP/1.1",
    }
}

/// The host that the client asked for: that of the target, where it has one, else that of the field (RFC 9112 §3.2.2,
/// RFC 9113 §8.3.1). Credentials before it stay out of the log.
fn host(facts: &Facts) -> Option<Cow<'_, str>> {
    if let Some(stated) = &facts.stated_host {
        return Some(text(stated));
    }
    let authority = facts.uri.authority().map(|authority| Cow::Borrowed(authority.as_str()));
    let host = authority.or_else(|| facts.host.as_ref().map(text))?;
    match host.rsplit_once('@') {
        Some((_, bare)) => Some(Cow::Owned(bare.to_owned())),
        None => Some(host),
    }
}

/// The URL of a page, without credentials; and without query and fragment, which may hold one too, unless the `query` is logged.
fn bare(url: Cow<'_, str>, query: bool) -> Cow<'_, str> {
    let end = if query { None } else { url.find(['?', '#']) };
    let kept = end.and_then(|end| url.get(..end)).unwrap_or(&url);
    let authority = kept.find("://").map_or(0, |at| at + 3);
    let (before, after) = kept.split_at_checked(authority).unwrap_or((kept, ""));
    let host = after.split(['/', '?', '#']).next().unwrap_or_default();
    match host.rsplit_once('@') {
        Some((credentials, _)) => {
            let rest = after.get(credentials.len() + 1..).unwrap_or_default();
            Cow::Owned(format!("{before}{rest}"))
        }
        None if kept.len() == url.len() => url,
        None => Cow::Owned(kept.to_owned()),
    }
}

/// The URL of the page that led here, with no more of its query than is logged of others.
fn referring<'r>(referer: Cow<'r, str>, plan: &Plan) -> Cow<'r, str> {
    let url = bare(referer, plan.access_log.query);
    let Some((page, query)) = url.split_once('?') else { return url };
    match masked_query(&plan.credentials, query) {
        Cow::Borrowed(_) => url,
        Cow::Owned(query) => Cow::Owned(format!("{page}?{query}")),
    }
}

/// JSON whose text holds no control character but as an escape: terminals obey those above ASCII, too, and some readers of
/// lines end one there.
struct Printable;

impl serde_json::ser::Formatter for Printable {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let is_plain = |byte: u8| byte.is_ascii() && byte != 0x7f;
        if fragment.bytes().all(is_plain) {
            return writer.write_all(fragment.as_bytes());
        }
        for character in fragment.chars() {
            if obeyed(character) {
                write!(writer, "\\u{:04x}", u32::from(character))?;
            } else {
                writer.write_all(character.encode_utf8(&mut [0; 4]).as_bytes())?;
            }
        }
        Ok(())
    }
}

/// Returns whether a terminal or a reader of lines may obey `character` instead of showing it: controls, ends of lines and
/// paragraphs, directions (Unicode Standard Annex 9).
const fn obeyed(character: char) -> bool {
    matches!(character, '\u{7f}'..='\u{9f}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The trace's identifier in a `traceparent` (W3C Trace Context §3.2.2).
fn trace_id(parent: &HeaderValue) -> Option<&str> {
    parent.to_str().ok()?.split('-').nth(1)
}

/// A field's value; bytes that are no UTF-8 are replaced.
fn text(value: &HeaderValue) -> Cow<'_, str> {
    String::from_utf8_lossy(value.as_bytes())
}

#[derive(Clone, Copy, Debug)]
struct Moment(Timestamp);

/// As RFC 3339 has it, in UTC.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = Duration::from_millis(self.0.unix_millis());
        let time = UNIX_EPOCH.checked_add(since).unwrap_or(SystemTime::UNIX_EPOCH);
        write!(f, "{}", humantime::format_rfc3339_millis(time))
    }
}

#[derive(Clone, Copy, Debug)]
struct Client(core::net::IpAddr);

impl Serialize for Client {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

fn as_text<S: Serializer>(value: &impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// Milliseconds, to a thousandth.
fn as_millis<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    let micros = u32::try_from(duration.as_micros()).unwrap_or(u32::MAX);
    serializer.serialize_f64(f64::from(micros) / 1000.0)
}

#[expect(clippy::ref_option, reason = "the signature is serde's")]
fn as_some_millis<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => as_millis(duration, serializer),
        None => serializer.serialize_none(),
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
const fn is_false(value: &bool) -> bool {
    !*value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
const fn is_true(value: &bool) -> bool {
    *value
}

#[cfg(test)]
mod tests {
    use http::{Method, StatusCode};
    use serde_json::{Value, json};

    use super::*;
    use crate::caller::Caller;
    use crate::caller::claims::ClaimSet;
    use crate::capabilities::Capabilities;
    use crate::io::StoreFailure;
    use crate::net::Scheme;
    use crate::plan::load;
    use crate::plan::testing::NoSecrets;
    use crate::policy::idempotency;
    use crate::policy::quota::Verdict;

    pub(super) fn plan(log: &str) -> Plan {
        let text = format!(
            r#"{{"accessLog": {log}, "upstreams": {{"users": {{"url": "http://users.test"}}}},
                "routes": [{{"name": "list", "match": {{"prefix": "/"}}, "upstream": "users"}}]}}"#
        );
        load(&text, &Capabilities::NATIVE, &NoSecrets).unwrap()
    }

    /// A limit with this verdict on a request of no units.
    pub(super) fn limited(name: &str, verdict: Option<Verdict>, shadow: bool) -> Limited {
        Limited { name: name.into(), verdict, shadow, units: 0, wait: Duration::ZERO }
    }

    pub(super) fn record() -> Record {
        Record {
            route: Some(0),
            upstream: Some(0),
            status: Some(StatusCode::OK),
            client: Some([192, 0, 2, 1].into()),
            request_id: Some(HeaderValue::from_static("r1")),
            facts: Some(Box::new(Facts {
                time: Timestamp::from_unix_millis(1_709_210_096_789),
                begun: Duration::from_millis(1_000),
                method: Method::GET,
                uri: "/a%22b?token=1".parse().unwrap(),
                version: Version::HTTP_2,
                scheme: Scheme::Https,
                peer: Some([127, 0, 0, 1].into()),
                host: Some(HeaderValue::from_static("api.test:8443")),
                stated_host: None,
                user_agent: Some(HeaderValue::from_bytes(b"curl \"\xe9\"").unwrap()),
                referer: Some(HeaderValue::from_static("https://ref.test/")),
                trace: Some(HeaderValue::from_static("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")),
                sent_at: Duration::ZERO,
                further_attempts: 0,
                upstream_took: Some(Duration::from_micros(2_500)),
                limits: vec![limited("l", None, false)],
                caller: None,
                named: None,
                refusal: None,
                upstream_auth: None,
                rule: None,
                flag: None,
                unsettled: None,
                undescribed: None,
                cached: None,
                coding: None,
                is_background: false,
                store: None,
                rare: None,
            })),
            ..Record::default()
        }
    }

    pub(super) fn line(plan: &Plan, record: &Record, ended: &Ended) -> String {
        let mut out = Vec::new();
        write(plan, record, ended, Duration::from_micros(1_012_345), &mut out);
        String::from_utf8(out).unwrap()
    }

    fn parsed(plan: &Plan, record: &Record, ended: &Ended) -> Value {
        serde_json::from_str(&line(plan, record, ended)).unwrap()
    }

    /// docs/configuration.md, Access log.
    #[test]
    fn a_line_is_one_json_object_with_all_that_is_known() {
        let ended = Ended { received: Some(7), sent: Length::Counted(42), cut: None };
        let expected = json!({
            "time": "2024-02-29T12:34:56.789Z", "method": "GET", "scheme": "https", "host": "api.test:8443",
            "path": "/a%22b", "protocol": "HTTP/2", "status": 200, "route": "list", "upstream": "users", "received": 7,
            "bytes": 42, "ms": 12.345, "upstreamMs": 2.5, "id": "r1", "trace": "4bf92f3577b34da6a3ce929d0e0e4736",
            "client": "192.0.2.1", "userAgent": "curl \"\u{fffd}\"", "referer": "https://ref.test/",
            "limits": [{"name": "l"}],
        });
        let text = line(&plan("{}"), &record(), &ended);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
        assert_eq!(text.matches('\n').count(), 1);
        assert!(text.ends_with('\n'));
    }

    /// docs/configuration.md, Access log: `subject`.
    #[test]
    fn the_subject_is_left_out_where_the_configuration_says_so() {
        let mut record = record();
        let claims = ClaimSet::new(None, None, None, serde_json::from_str(r#"{"sub": "me"}"#).unwrap());
        let caller = Caller { issuer: Some("corp".into()), claims: Some(claims.into()), ..Caller::default() };
        record.facts.as_mut().unwrap().caller = Some(caller.into());
        let told = |config: &str| {
            let line = parsed(&plan(config), &record, &Ended::default());
            (line.get("issuer").is_some(), line.get("subject").cloned())
        };
        assert_eq!(told("{}"), (true, Some(json!("me"))));
        assert_eq!(told(r#"{"subject": false}"#), (true, None));
    }

    /// RFC 9113 §8.3.1, RFC 9112 §3.2.2: HTTP/2 and an absolute target have the host in the authority, which counts then.
    /// RFC 9110 §4.2.4: credentials before it are nobody's to read.
    #[test]
    fn the_host_is_that_of_the_target_and_without_credentials() {
        let host = |uri: &str, field: Option<&'static str>| {
            let mut record = record();
            let facts = record.facts.as_mut().unwrap();
            facts.uri = uri.parse().unwrap();
            facts.host = field.map(HeaderValue::from_static);
            parsed(&plan("{}"), &record, &Ended::default()).get("host").cloned()
        };
        assert_eq!(host("https://h2.test:8443/a", None), Some(json!("h2.test:8443")));
        assert_eq!(host("http://target.test/a", Some("field.test")), Some(json!("target.test")));
        assert_eq!(host("http://user:word@target.test/a", None), Some(json!("target.test")));
        assert_eq!(host("/a", Some("user:word@field.test")), Some(json!("field.test")));
        assert_eq!(host("/a", None), None);
    }

    /// A query may hold a credential: it is written only where the configuration says so.
    #[test]
    fn the_query_is_written_where_it_is_asked_for() {
        let ended = Ended::default();
        assert_eq!(parsed(&plan("{}"), &record(), &ended).get("query"), None);
        assert_eq!(parsed(&plan(r#"{"query": true}"#), &record(), &ended)["query"], "token=1");
    }

    #[test]
    fn a_cut_body_says_which_side_cut_it() {
        let plan = plan("{}");
        for (kind, side) in [
            (IoErrorKind::Client, "client"),
            (IoErrorKind::Closed, "upstream"),
            (IoErrorKind::TotalTimeout, "deadline"),
            (IoErrorKind::BodyTooLarge, "limit"),
        ] {
            let line = parsed(&plan, &record(), &Ended { cut: Some(kind), ..Ended::default() });
            assert_eq!((&line["cut"], &line["complete"]), (&json!(side), &json!(false)), "{kind:?}");
        }
    }

    #[test]
    fn a_client_that_leaves_before_the_answer_is_logged_as_gone() {
        let record = Record { status: None, ..record() };
        let line = parsed(&plan("{}"), &record, &Ended { cut: Some(IoErrorKind::Client), ..Ended::default() });
        assert_eq!(
            (&line["status"], &line["error"], &line["complete"]),
            (&json!(499), &json!("client_closed"), &json!(false))
        );
    }

    #[test]
    fn a_length_that_nobody_counted_says_so() {
        let line = parsed(&plan("{}"), &record(), &Ended { sent: Length::Stated(Some(5)), ..Ended::default() });
        assert_eq!((&line["bytes"], &line["stated"]), (&json!(5), &json!(true)));
        let line = parsed(&plan("{}"), &record(), &Ended { sent: Length::Stated(None), ..Ended::default() });
        assert_eq!((line.get("bytes"), &line["stated"]), (None, &json!(true)));
    }

    #[test]
    fn a_verdict_says_what_is_left() {
        let mut record = record();
        let verdict =
            Verdict { admitted: true, remaining: 3, retry_after: Duration::ZERO, reset_after: Duration::ZERO };
        let waiting = Limited { units: 5, wait: Duration::from_micros(1_500), ..limited("l", Some(verdict), false) };
        record.facts.as_mut().unwrap().limits = vec![waiting, limited("s", Some(verdict), true)];
        let line = parsed(&plan("{}"), &record, &Ended::default());
        assert_eq!(
            line["limits"],
            json!([
                {"name": "l", "admitted": true, "remaining": 3, "units": 5, "waitMs": 1.5},
                {"name": "s", "admitted": true, "remaining": 3, "shadow": true},
            ])
        );
    }

    /// docs/configuration.md, Access log: what the query hides is not told by the page that led here.
    #[test]
    fn the_referer_has_no_credentials_and_a_query_only_where_it_is_asked_for() {
        let referer = |config: &str, url: &'static str| {
            let mut record = record();
            record.facts.as_mut().unwrap().referer = Some(HeaderValue::from_static(url));
            parsed(&plan(config), &record, &Ended::default())["referer"].as_str().unwrap().to_owned()
        };
        let url = "https://u:pw@h.test/reset?token=SECRET#a";
        assert_eq!(referer("{}", url), "https://h.test/reset");
        assert_eq!(referer(r#"{"query": true}"#, url), "https://h.test/reset?token=SECRET#a");
        assert_eq!(referer("{}", "https://h.test/a@b"), "https://h.test/a@b");
        assert_eq!(referer("{}", "//u@h/x"), "//u@h/x", "no URL, and so no credentials");
    }

    /// ECMA-48 §5.3: U+009B alone begins a control sequence.
    #[test]
    fn no_character_that_is_obeyed_is_in_a_line() {
        let mut record = record();
        let agent = "a\u{9b}31m\u{85}\u{2028}\u{202e}é";
        record.facts.as_mut().unwrap().user_agent = Some(HeaderValue::from_bytes(agent.as_bytes()).unwrap());
        let text = line(&plan("{}"), &record, &Ended::default());
        assert!(!text.chars().any(obeyed), "{text:?}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["userAgent"], agent);
    }

    /// docs/configuration.md, Access log: `store`.
    #[test]
    fn a_store_that_failed_is_named() {
        let mut record = record();
        record.store_failed("Redis", StoreFailure::Slow);
        let line = parsed(&plan("{}"), &record, &Ended::default());
        assert_eq!(line["store"], json!({"name": "Redis", "failure": "slow"}));
    }

    /// docs/configuration.md, Access log: `unsettled`, in both forms.
    #[test]
    fn a_content_that_states_no_cost_is_told() {
        let mut record = record();
        record.unsettled("the content is encoded");
        assert_eq!(parsed(&plan("{}"), &record, &Ended::default())["unsettled"], "the content is encoded");
        let text = line(&plan(r#"{"format": "text"}"#), &record, &Ended::default());
        assert!(text.contains("  (unsettled: the content is encoded)"), "{text}");
    }

    /// docs/configuration.md, Access log: `idempotency`, `etag`, `methodOverride` and `upstreamMethod`, in both forms.
    #[test]
    fn what_few_requests_have_is_told() {
        let mut record = record();
        record.keyed(idempotency::Outcome::Waited);
        record.tagged(etag::Outcome::Matched);
        record.overridden(&Method::PUT);
        record.mapped(&Method::PATCH);
        let told = parsed(&plan("{}"), &record, &Ended::default());
        let of = |member: &str| told[member].as_str().unwrap_or_default().to_owned();
        assert_eq!(
            ["idempotency", "etag", "method", "methodOverride", "upstreamMethod"].map(of),
            ["waited", "matched", "GET", "PUT", "PATCH"]
        );
        let text = line(&plan(r#"{"format": "text"}"#), &record, &Ended::default());
        assert!(text.contains("  (as PUT)  (upstream by PATCH)  (idempotency: waited)"), "{text}");
        assert_eq!(OUTCOMES.len(), idempotency::Outcome::Invalid as usize + 1);
    }

    /// docs/configuration.md, Access log: `flag`, in both forms.
    #[test]
    fn a_flag_that_refuses_is_named() {
        let mut record = record();
        record.flagged("users\n");
        let flag = parsed(&plan("{}"), &record, &Ended::default())["flag"].clone();
        assert_eq!(flag, "users\n");
        let text = line(&plan(r#"{"format": "text"}"#), &record, &Ended::default());
        assert!(text.contains("  (flag: users\\n)"), "{text}");
    }

    /// docs/configuration.md, Access log: `rule`, in both forms.
    #[test]
    fn a_rule_that_refuses_is_named() {
        let mut record = record();
        record.ruled_out("policies.ops.authorize", &"`claims.tenant` is not there");
        let parsed = parsed(&plan("{}"), &record, &Ended::default());
        assert_eq!(
            (&parsed["rule"], &parsed["because"]),
            (&"policies.ops.authorize".into(), &"`claims.tenant` is not there".into())
        );
        let text = line(&plan(r#"{"format": "text"}"#), &record, &Ended::default());
        assert!(text.contains("  (rule: policies.ops.authorize: `claims.tenant` is not there)"), "{text}");
    }

    #[test]
    fn a_line_for_people_has_no_control_characters() {
        let mut record = record();
        record.error = Some("upstream_timeout");
        record.cause = Some("connection_timeout");
        let text = line(
            &plan(r#"{"format": "text"}"#),
            &record,
            &Ended { cut: Some(IoErrorKind::Closed), ..Ended::default() },
        );
        assert!(!text.trim_end().contains(char::is_control), "{text:?}");
        assert!(
            text.ends_with("  list -> users  upstream_timeout  connection_timeout  (cut off: upstream)  id r1\n"),
            "{text}"
        );
    }

    #[test]
    fn nothing_is_written_where_the_log_is_off() {
        assert_eq!(line(&plan(r#"{"format": "off"}"#), &record(), &Ended::default()), "");
    }
}
