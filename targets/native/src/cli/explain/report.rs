//! The findings of `explain`, as data.

use gateway_core::body::Body;
use gateway_core::http::path;
use gateway_core::plan::Plan;
use gateway_core::route::{Field, Lookup, Mismatch, Spec, canonical_host};
use gateway_core::trace::{Event, Trace};
use http::header::{ACCESS_CONTROL_REQUEST_METHOD, HOST};
use http::{HeaderMap, HeaderValue, Method, Response};

use super::Question;
use crate::cli::style::count;

/// The gateway's treatment of a request.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    pub(crate) method: String,
    pub(crate) url: String,
    /// The route that takes it.
    pub(crate) route: Option<Chosen>,
    /// Every other route, in matching order, with the reasons why it does not take the request.
    pub(crate) others: Vec<Other>,
    /// Each step's verdict, in order.
    pub(crate) steps: Vec<Step>,
    /// The request that would leave.
    pub(crate) upstream: Option<Sent>,
    /// The response; for a proxied request, as if the upstream answered 200 without fields or content.
    pub(crate) response: Answer,
}

#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Chosen {
    pub(crate) name: String,
    pub(crate) at: String,
    pub(crate) path: String,
    pub(crate) parameters: Vec<(String, String)>,
}

#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Other {
    pub(crate) name: String,
    pub(crate) path: String,
    /// The reasons why it does not take the request; empty if only its rank is lower.
    pub(crate) because: Vec<String>,
}

#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Step {
    pub(crate) step: &'static str,
    pub(crate) verdict: String,
}

#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sent {
    pub(crate) name: String,
    pub(crate) to: String,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
}

#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) by: &'static str,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<String>,
}

/// Builds the report from the events.
pub(crate) fn report<S>(plan: &Plan, question: &Question, trace: &Trace, response: &Response<Body<S>>) -> Report {
    let mut chosen = None;
    let mut steps = Vec::new();
    let mut upstream = None;
    let mut sight = Sight::Whole;
    for event in &trace.events {
        match event {
            Event::Matched { route, parameters } => chosen = Some((*route, parameters.clone())),
            Event::Preflight { route, parameters } => {
                chosen = Some((*route, parameters.clone()));
                sight = Sight::Preflight;
                steps.extend(step(event));
            }
            Event::Sent { upstream: index, scheme, authority, method, target, headers } => {
                upstream = plan.upstreams.get(*index).map(|u| Sent {
                    name: u.name.clone(),
                    to: format!("{}://{}", scheme.as_str(), text(authority)),
                    method: method.to_string(),
                    target: target.clone(),
                    headers: fields(headers),
                });
            }
            event => steps.extend(step(event)),
        }
    }
    let route = chosen.as_ref().and_then(|(index, parameters)| {
        let route = plan.routes.get(*index)?;
        let spec = plan.table.ranked().find(|spec| spec.route == *index)?;
        Some(Chosen {
            name: route.name.clone(),
            at: route.at.to_string(),
            path: spec.path.to_string(),
            parameters: parameters.clone(),
        })
    });
    Report {
        method: question.method.to_string(),
        url: question.url.to_string(),
        others: others(plan, question, chosen.map(|(index, _)| index), sight),
        route,
        steps,
        response: Answer {
            status: response.status().as_u16(),
            by: if upstream.is_some() { "the upstream, as if it said 200" } else { "the gateway" },
            headers: fields(response.headers()),
            body: match response.body() {
                Body::Full(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
                Body::Empty | Body::Stream(_) => None,
            },
        },
        upstream,
    }
}

fn step(event: &Event) -> Option<Step> {
    let (step, verdict) = match event {
        Event::Normalised { from, to } => ("normalise", format!("`{from}` is `{to}`")),
        Event::IdentityStripped => ("identity", "fields that state who is calling were removed".to_owned()),
        Event::NotMatched => ("match", "no route takes it".to_owned()),
        Event::Preflight { .. } => ("preflight", "answered from the route's cross-origin rules".to_owned()),
        Event::Options => ("options", "answered with the methods that are taken here".to_owned()),
        Event::Policy { policy, verdict } => (*policy, verdict.clone()),
        Event::RateLimit { name, cell, verdict } => (
            "rate limit",
            match verdict {
                Some(v) if v.admitted => format!("`{name}` admits it, {} left in cell `{cell}`", v.remaining),
                Some(_) => format!("`{name}` refuses it"),
                None => format!("`{name}` can't be asked"),
            },
        ),
        Event::Concurrency { name, cell, verdict } => (
            "concurrency",
            match verdict {
                Some(v) if v.acquired => format!("`{name}` admits it, {} in flight in cell `{cell}`", v.held),
                Some(_) => format!("`{name}` refuses it"),
                None => format!("`{name}` can't be asked"),
            },
        ),
        Event::HeadersEdited { edits } => ("edit headers", count(*edits, "edit")),
        Event::QueryEdited { from, to } => {
            let shown = |query: &Option<String>| query.as_ref().map_or("nothing".to_owned(), |q| format!("`{q}`"));
            ("edit query", format!("{} is {}", shown(from), shown(to)))
        }
        Event::Handshake => ("webSocket", "the upstream is asked to open one; here it declines with 200".to_owned()),
        Event::Answered { by } => ("answer", format!("by `{by}`, without an upstream")),
        Event::Refused { status, code } => ("refuse", format!("{} {code}", status.as_u16())),
        Event::ResponseEdited { edits } => ("edit response", count(*edits, "edit")),
        Event::Matched { .. } | Event::Sent { .. } => return None,
    };
    Some(Step { step, verdict })
}

/// The properties of a request by which its route was found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// All of them.
    Whole,
    /// Those that a preflight announces: the method, but neither header fields nor cookies.
    Preflight,
}

/// Every route that was not chosen, with the reasons.
fn others(plan: &Plan, question: &Question, chosen: Option<usize>, sight: Sight) -> Vec<Other> {
    let request = question.request();
    let announced = request.headers().get(ACCESS_CONTROL_REQUEST_METHOD).filter(|_| sight == Sight::Preflight);
    let announced = announced.and_then(|method| Method::from_bytes(method.as_bytes()).ok());
    let host = request.headers().get(HOST).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let Ok(host) = canonical_host(host) else { return Vec::new() };
    let Ok(path) = path::normalise(request.uri().path(), plan.encoded_slash) else { return Vec::new() };
    let lookup = Lookup {
        host: &host,
        path: &path,
        query: request.uri().query(),
        method: announced.as_ref().unwrap_or(request.method()),
        headers: request.headers(),
    };
    let is_other = |spec: &&Spec| Some(spec.route) != chosen;
    plan.table
        .ranked()
        .filter(is_other)
        .filter_map(|spec| {
            let counts = |mismatch: &&Mismatch| {
                sight == Sight::Whole || !matches!(mismatch, Mismatch::Field(Field::Header(_) | Field::Cookie(_)))
            };
            let mismatches = spec.mismatches(&lookup);
            let because = mismatches.iter().filter(counts).map(|m| reason(m, spec, &lookup)).collect();
            Some(Other { name: plan.routes.get(spec.route)?.name.clone(), path: spec.path.to_string(), because })
        })
        .collect()
}

fn reason(mismatch: &Mismatch, spec: &Spec, lookup: &Lookup<'_, '_>) -> String {
    match mismatch {
        Mismatch::Host => format!("the host is `{}`, not `{}`", lookup.host, spec.host),
        Mismatch::Path => format!("`{}` is not `{}`", lookup.path, spec.path),
        Mismatch::Method if spec.methods.is_empty() => format!("the gateway takes no {}", lookup.method),
        Mismatch::Method => format!("{} is not among {}", lookup.method, spec.methods),
        Mismatch::Field(field) => format!("{field} is not what it asks for"),
    }
}

/// The fields as text; secrets stay out of it.
fn fields(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            let shown = if value.is_sensitive() { "(secret)".to_owned() } else { text(value) };
            (name.to_string(), shown)
        })
        .collect()
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}
