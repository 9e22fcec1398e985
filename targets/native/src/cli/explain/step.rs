//! The steps of a request through the gateway.

use gateway_core::cache::status::{Outcome, Told};
use gateway_core::config::Span;
use gateway_core::plan::{Plan, RequestStep, Route};
use gateway_core::policy::accuracy::Store;
use gateway_core::policy::cache::Cache;
use gateway_core::policy::cost::Source;
use gateway_core::policy::credential;
use gateway_core::policy::rate_limit::RateLimit;
use gateway_core::policy::steer::{Steer, describe};
use gateway_core::trace::{BodyOutcome, Direction, Event};
use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::cli::listing;
use crate::cli::quota;
use crate::cli::style::count;

/// A step, with its verdict.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Step {
    /// Its kind.
    pub(crate) step: &'static str,
    /// Its name for people.
    #[serde(skip)]
    pub(crate) title: &'static str,
    /// The members that this kind of step has.
    #[serde(flatten)]
    details: Map<String, Value>,
    /// The verdict in words.
    #[serde(rename = "text")]
    pub(crate) verdict: String,
    /// A content before and after, for people.
    #[serde(skip)]
    pub(crate) change: Option<[String; 2]>,
    /// An assumption that the verdict rests on, for no store is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) assumed: Option<&'static str>,
}

/// What is stated of an exchange beside the request's head.
pub(super) struct Known {
    /// Set if the request's content is.
    pub(super) content: bool,
    /// Set if the content of the answer is, or is known to be none.
    pub(super) answer: bool,
    /// The status of the upstream's answer.
    pub(super) status: StatusCode,
}

/// The route that takes a request, and the names of the parameters of its path.
#[derive(Clone, Copy, Default)]
pub(super) struct Taker<'r> {
    pub(super) route: Option<&'r Route>,
    pub(super) parameters: &'r [(String, String)],
}

impl<'r> Taker<'r> {
    fn limit(self, name: &str) -> Option<&'r RateLimit> {
        let mut steps = self.route?.request.iter();
        steps.find_map(|step| match step {
            RequestStep::RateLimit(limit) if *limit.name == *name => Some(&**limit),
            _ => None,
        })
    }

    fn cache(self) -> Option<&'r Cache> {
        self.route?.cache.as_deref()
    }

    fn names(self) -> Vec<&'r str> {
        self.parameters.iter().map(|(name, _)| name.as_str()).collect()
    }
}

/// The step that `event` is, where this is `known`; `None` if it is told elsewhere.
pub(super) fn step(plan: &Plan, taker: Taker<'_>, event: &Event, known: &Known) -> Option<Step> {
    // No credential is shown.
    let query = |query: &Option<String>| {
        query.as_deref().map(|query| credential::masked_query(&plan.credentials, query).into_owned())
    };
    let masked = match event {
        Event::QueryEdited { from, to, upstream } => {
            Some(Event::QueryEdited { from: query(from), to: query(to), upstream: upstream.clone() })
        }
        _ => None,
    };
    let event = masked.as_ref().unwrap_or(event);
    let (step, verdict) = words(event, taker, known)?;
    let details = match details(event, taker, known) {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    let (step, title) = match step {
        "rate limit" => ("rateLimit", step),
        "edit headers" => ("editHeaders", step),
        "edit query" => ("editQuery", step),
        "edit response" => ("editResponse", step),
        "edit body" => ("editBody", step),
        "edit response body" => ("editResponseBody", step),
        step => (step, step),
    };
    let assumed = assumed(event, known).filter(|assumed| match *assumed {
        NO_CONTENT => !known.content,
        NO_ANSWER => !known.answer,
        _ => true,
    });
    let verdict = match assumed {
        // Not the error of a call that is not made.
        Some(NO_ISSUER) => verdict.split_once(':').map_or(&*verdict, |(words, _)| words).to_owned(),
        _ if refusal(event) == Some("none") => format!("{verdict}: nothing is stated that it asks for"),
        _ => verdict,
    };
    let change = match event {
        Event::Body { outcome: BodyOutcome::Edited { from, to }, .. } if from != to => {
            Some([from, to].map(Clone::clone))
        }
        _ => None,
    };
    Some(Step { step, title, details, verdict, change, assumed })
}

/// The step in which who calls was compared with the conditions of these `ways`: they meet that of the one with the index `met`, if any.
pub(super) fn steered(ways: &[Steer], met: Option<usize>) -> Step {
    let found = met.and_then(|met| ways.get(met));
    let verdict = match found {
        Some(way) => format!("to `{}`, for the caller meets its condition: {}", way.name, way.when.describe()),
        None => format!("the caller meets no condition: {}", describe(ways)),
    };
    let mut details = Map::new();
    details.insert("upstream".to_owned(), json!(found.map(|way| &*way.name)));
    // Those that were looked at: the first that is met ends it.
    let asked = ways.iter().take(met.map_or(ways.len(), |met| met + 1)).map(listing::way);
    details.insert("ways".to_owned(), asked.map(Value::Object).collect());
    Step { step: "steer", title: "steer", details, verdict, change: None, assumed: None }
}

/// The title of a step, and the verdict.
fn words(event: &Event, taker: Taker<'_>, known: &Known) -> Option<(&'static str, String)> {
    Some(match event {
        Event::Normalised { from, to } => ("normalise", format!("`{from}` is `{to}`")),
        Event::IdentityStripped => ("identity", "fields that state who is calling were removed".to_owned()),
        Event::AliasesStripped => (
            "spellings",
            "fields that a server may take for the framing or for others of the gateway were removed".to_owned(),
        ),
        Event::NotMatched => ("match", "no route takes it".to_owned()),
        Event::Preflight { .. } => ("preflight", "answered from the route's cross-origin rules".to_owned()),
        Event::Options => ("options", "answered with the methods that are taken here".to_owned()),
        Event::Policy { policy, verdict } => (*policy, verdict.clone()),
        Event::RateLimit { name, verdict, shadow, .. } => (
            "rate limit",
            match verdict {
                Some(v) if v.admitted => admitted(event, taker),
                Some(_) if *shadow => format!("`{name}` would refuse it, but only counts"),
                Some(_) => format!("`{name}` refuses it"),
                None => format!("`{name}` can't be asked"),
            },
        ),
        Event::Cached(told) => ("cache", cached(told, taker.cache(), known.status)),
        Event::Concurrency { name, cell, verdict } => (
            "concurrency",
            match verdict {
                Some(v) if v.acquired => format!("`{name}` admits it, {} in flight in cell `{cell}`", v.held),
                Some(_) => format!("`{name}` refuses it"),
                None => format!("`{name}` can't be asked"),
            },
        ),
        Event::HeadersEdited { edits, upstream } => ("edit headers", count(*edits, "edit") + &alone(upstream.as_ref())),
        Event::QueryEdited { from, to, upstream } => {
            let shown = |query: &Option<String>| query.as_ref().map_or("nothing".to_owned(), |q| format!("`{q}`"));
            ("edit query", format!("{} is {}{}", shown(from), shown(to), alone(upstream.as_ref())))
        }
        Event::Body { of, steps, outcome } => {
            let step = match of {
                Direction::Request => "edit body",
                Direction::Response => "edit response body",
            };
            let verdict = match outcome {
                BodyOutcome::Absent if steps.len() == 1 => format!("edits the content: {}", steps.concat()),
                BodyOutcome::Absent => {
                    let named = steps.join(", ");
                    format!("edits the content: {}: {}", count(steps.len(), "step"), shortened(&named))
                }
                BodyOutcome::OtherStatus(status) => format!("is not for {}", status.as_u16()),
                BodyOutcome::Passed => "it has none of the forms that are edited, and passes as it is".to_owned(),
                BodyOutcome::Streamed => "each line or event is edited while it passes".to_owned(),
                BodyOutcome::Edited { from, to } if from == to => "the content stays as it is".to_owned(),
                BodyOutcome::Edited { from, to } => format!("`{}` becomes `{}`", shortened(from), shortened(to)),
                BodyOutcome::Refused(reason) => format!("refused: {reason}"),
            };
            (step, verdict)
        }
        Event::Handshake => ("webSocket", "the upstream is asked to open one; here it declines with 200".to_owned()),
        Event::Answered { by } => ("answer", format!("by `{by}`, without an upstream")),
        Event::Refused { status, code } => ("refuse", format!("{} {code}", status.as_u16())),
        Event::ResponseEdited { edits, upstream } => {
            ("edit response", count(*edits, "edit") + &alone(upstream.as_ref()))
        }
        Event::Sought(_) | Event::Matched { .. } | Event::Steered { .. } | Event::Sent { .. } | Event::Part(_) => {
            return None;
        }
    })
}

/// The words for a rate limit that admits the request: what is left of what, and why it is this that counts.
fn admitted(event: &Event, taker: Taker<'_>) -> String {
    let Event::RateLimit { name, cell, tier, units, verdict: Some(verdict), shadow, store, bound } = event else {
        return String::new();
    };
    let limit = taker.limit(name);
    let terms = limit.map(|limit| {
        let own = tier.as_ref().and_then(|tier| limit.tiers.iter().find(|(name, _)| **name == **tier));
        let allowance = own.map_or(&limit.allowance, |(_, allowance)| allowance);
        let zone = limit.time_zone.as_ref().map_or_else(String::new, |zone| format!(" in {zone}"));
        format!("{}{zone} by {}", allowance.describe(), limit.key.describe(&taker.names()))
    });
    let of = terms.map_or_else(String::new, |terms| format!(" of {terms}"));
    let mut said = vec![if *store == Store::RateLimiter.name() {
        format!("`{name}` admits it,{of} ({store}: {bound})")
    } else {
        format!("`{name}` admits it, {} left{of}, in cell `{cell}` ({store}: {bound})", verdict.remaining)
    }];
    said.extend(tier.as_ref().map(|tier| format!("the terms are those of the tier `{tier}`")));
    let by_response = limit.and_then(|limit| match limit.cost.source() {
        Source::Response(name) => Some(name),
        _ => None,
    });
    said.extend((*units != 1 || by_response.is_some()).then(|| format!("it takes {}", count(*units as usize, "unit"))));
    said.extend(by_response.map(|name| format!("the response may state another number in `{name}`")));
    said.extend(shadow.then(|| "it is in the shadow, and refuses nothing".to_owned()));
    said.join("; ")
}

/// The words for what the cache did where nothing is stored, and the upstream says nothing of how long its answer is fresh.
fn cached(told: &Told, cache: Option<&Cache>, status: StatusCode) -> String {
    let unless = match (told.outcome, told.detail) {
        (Outcome::Bypass, _) => {
            let when = cache.and_then(|cache| cache.bypass.as_ref()).map_or("bypass", |when| when.as_str());
            return format!("passed by: `{when}` is true");
        }
        (Outcome::Method, _) => return "passed by: it answers GET and HEAD without content alone".to_owned(),
        (_, Some("no-freshness")) => "unless it says for how long it is fresh (`no-freshness`)".to_owned(),
        (_, Some("cookie")) => {
            "unless it says for how long it is fresh: there are cookies, and neither `ignoreCookies` nor \
                                `key.cookies` (`cookie`)"
                .to_owned()
        }
        (_, Some("authorization")) => "unless it says `public`: the caller has proved who they are, and there is no \
                                       `key.caller` (`authorization`)"
            .to_owned(),
        (_, Some(word)) => format!("for `{word}`"),
        (_, None) => "as it is here".to_owned(),
    };
    let parts = cache.and_then(|cache| cache.key_parts().describe());
    let key = parts.map_or_else(|| "URL".to_owned(), |parts| format!("URL, {parts}"));
    if told.stored {
        let ttl = cache.and_then(|cache| cache.unsaid_ttl(status));
        let time = ttl.map_or_else(String::new, |ttl| format!(" for {}", Span(ttl)));
        format!("nothing is stored for it; the answer would be{time}; key: {key}")
    } else {
        format!("nothing is stored for it; nor would the answer be, {unless}; key: {key}")
    }
}

/// As much of a content as fits in a line.
fn shortened(text: &str) -> String {
    const MOST: usize = 160;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The words for what is done for one upstream of a split alone.
fn alone(upstream: Option<&String>) -> String {
    upstream.map_or_else(String::new, |name| format!(", for `{name}` alone"))
}

/// The figures and names of a step.
fn details(event: &Event, taker: Taker<'_>, known: &Known) -> Value {
    match event {
        Event::Normalised { from, to } => json!({"from": from, "to": to}),
        Event::QueryEdited { from, to, upstream } => json!({"from": from, "to": to, "upstream": upstream}),
        Event::Body { steps, outcome, .. } => {
            let (from, to, refused) = match outcome {
                BodyOutcome::Edited { from, to } => (Some(from), Some(to), None),
                BodyOutcome::Refused(reason) => (None, None, Some(reason)),
                _ => (None, None, None),
            };
            json!({"steps": steps, "from": from, "to": to, "refused": refused})
        }
        Event::RateLimit { name, cell, tier, units, verdict, shadow, store, bound } => json!({
            "name": name,
            "cell": cell,
            "tier": tier,
            "units": units,
            "admitted": verdict.as_ref().map(|verdict| verdict.admitted),
            "remaining": verdict.as_ref().map(|verdict| verdict.remaining),
            "shadow": shadow,
            "store": store,
            "bound": bound,
            "policy": taker.limit(name).map(|limit| quota::rate_limit(limit, &taker.names())),
        }),
        Event::Cached(told) => json!({
            "done": told.word(),
            "stored": told.stored,
            "detail": told.detail,
            "ttlSeconds": taker.cache().filter(|_| told.stored).and_then(|cache| cache.unsaid_ttl(known.status)).map(|ttl| ttl.as_secs_f64()),
            "policy": taker.cache().map(quota::cached),
        }),
        Event::Concurrency { name, cell, verdict } => json!({
            "name": name,
            "cell": cell,
            "admitted": verdict.as_ref().map(|verdict| verdict.acquired),
            "held": verdict.as_ref().map(|verdict| verdict.held),
        }),
        Event::HeadersEdited { edits, upstream } | Event::ResponseEdited { edits, upstream } => {
            json!({"edits": edits, "upstream": upstream})
        }
        Event::Answered { by } => json!({"by": by}),
        Event::Refused { status, code } => json!({"status": status.as_u16(), "code": code}),
        _ => refusal(event).map_or(Value::Null, |word| json!({"auth": word})),
    }
}

/// The word for the reason of a refused proof, as `auth` in the access log has it.
fn refusal(event: &Event) -> Option<&str> {
    match event {
        Event::Policy { policy: "authenticate", verdict } => verdict.strip_prefix("refused: "),
        _ => None,
    }
}

/// The assumption that an issuer can't be asked.
const NO_ISSUER: &str = "no issuer is asked";

/// The assumption that there is no content where none is stated.
const NO_CONTENT: &str = "the request has no content: `--body` would state it";

/// The assumption that an upstream's answer has no content where none is stated.
const NO_ANSWER: &str = "the upstream answers without content: `--response-body` would state it";

/// The assumption that an event rests on.
fn assumed(event: &Event, known: &Known) -> Option<&'static str> {
    match event {
        Event::RateLimit { verdict: Some(_), .. } => Some("nothing was counted before"),
        Event::Cached(told) if !matches!(told.outcome, Outcome::Bypass | Outcome::Method) => {
            Some(if known.status == StatusCode::OK {
                "nothing is stored, and the upstream says 200 without a field"
            } else {
                "nothing is stored, and the upstream says that status without a field"
            })
        }
        Event::Concurrency { verdict: Some(_), .. } => Some("nothing else is in flight"),
        Event::Policy { verdict, .. } if verdict.starts_with("the flag ") => Some("flags are not set"),
        Event::Policy { verdict, .. } if verdict.starts_with("the issuer's keys can't be read") => Some(NO_ISSUER),
        Event::Policy { verdict, .. } if verdict.starts_with("the issuer can't be asked") => Some(NO_ISSUER),
        Event::Policy { verdict, .. } if verdict.starts_with("the service `") => Some("no service is asked"),
        Event::Policy { verdict, .. } if verdict == "the token is not revoked" => Some("no token is revoked"),
        Event::Policy { verdict, .. } if verdict == "the key-value store has no such key" => {
            Some("no store is asked for keys")
        }
        Event::Policy { policy: "validate", verdict } if verdict == "there is no content to look at" => {
            Some(NO_CONTENT)
        }
        Event::Body { of: Direction::Request, outcome: BodyOutcome::Absent, .. } => Some(NO_CONTENT),
        Event::Body { of: Direction::Response, outcome: BodyOutcome::Absent, .. } => Some(NO_ANSWER),
        Event::Policy { policy: "compress" | "etag", verdict } if verdict.contains("there is no content") => {
            Some(NO_ANSWER)
        }
        Event::Policy { policy: "idempotency", verdict } if verdict == "it is the first with this key" => {
            Some("no request with this key came before")
        }
        Event::Policy { policy: "authenticate", verdict }
            if verdict == "refused: digest" || verdict.starts_with("none of the signatures is of this content") =>
        {
            Some(NO_CONTENT)
        }
        Event::Policy { policy: "authenticate", verdict } if verdict == "it has not been sent before" => {
            Some("nothing was sent before")
        }
        Event::Policy { policy: "authenticate", verdict } if verdict == "a certificate is shown" => {
            Some("the listener has verified it, by `authorities` and `revoked`, or a trusted proxy has")
        }
        Event::Policy { policy: "clients", verdict } if verdict.contains(" is not known (`XX`)") => {
            Some("nobody says in which country the client is: `--country` would")
        }
        Event::Policy { policy: "clients", verdict } if verdict.contains("autonomous system is not known") => {
            Some("nobody says in which autonomous system the client is: `--asn` would")
        }
        Event::Answered { by: "keyValue" } => Some("the store has no such entry"),
        Event::Handshake => Some("the upstream declines"),
        _ => None,
    }
}
