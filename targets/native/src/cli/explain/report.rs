//! The findings of `explain`, as data.

use gateway_core::body::Body;
use gateway_core::plan::Plan;
use gateway_core::route::{Field, Found, Lookup, Mismatch, Rule, Spec, canonical_host};
use gateway_core::trace::{Event, Sought, Trace};
use http::header::HOST;
use http::{HeaderMap, HeaderValue, Method, Response};

use super::Question;
use super::split::Share;
use crate::cli::style::count;

/// The gateway's treatment of a request.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    pub(crate) method: String,
    pub(crate) url: String,
    /// The index of the route that takes it.
    #[serde(skip)]
    pub(crate) route_index: Option<usize>,
    /// The route that takes it.
    pub(crate) route: Option<Chosen>,
    /// Every other route, in matching order, with the reasons why it does not take the request.
    pub(crate) others: Vec<Other>,
    /// Each step's verdict, in order.
    pub(crate) steps: Vec<Step>,
    /// The upstreams that the route chooses among at random; the rest of the report follows one of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) split: Vec<Share>,
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
    /// The reasons why it does not take the request, or the rule by which it ranks lower.
    pub(crate) because: Vec<String>,
}

#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Step {
    pub(crate) step: &'static str,
    pub(crate) verdict: String,
    /// An assumption that the verdict rests on, for no store is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) assumed: Option<&'static str>,
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
    let mut sought = None;
    for event in &trace.events {
        match event {
            Event::Sought(last) => sought = Some(last),
            Event::Matched { route, parameters } => chosen = Some((*route, parameters.clone())),
            Event::Preflight { route, parameters } => {
                chosen = Some((*route, parameters.clone()));
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
    // Refused before a route was looked for: the reasons are those of the request as it came.
    let early = if sought.is_none() { unsought(plan, question) } else { None };
    let sought = sought.map(|sought| &**sought).or(early.as_ref());
    let route = chosen.as_ref().and_then(|(index, parameters)| {
        let route = plan.routes.get(*index)?;
        let spec = taker(plan, sought?)?;
        Some(Chosen {
            name: route.name.clone(),
            at: route.at.to_string(),
            path: spec.path.to_string(),
            parameters: parameters.clone(),
        })
    });
    Report {
        route_index: chosen.as_ref().filter(|_| sought.is_some_and(|s| !s.is_preflight)).map(|(index, _)| *index),
        split: Vec::new(),
        method: question.method.to_string(),
        url: question.url.to_string(),
        others: sought.map_or_else(Vec::new, |sought| others(plan, sought, chosen.map(|(index, _)| index))),
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
        Event::Sought(_) | Event::Matched { .. } | Event::Sent { .. } => return None,
    };
    Some(Step { step, verdict, assumed: assumed(event) })
}

/// The request by which a route would be looked for, were it not refused before.
fn unsought(plan: &Plan, question: &Question) -> Option<Sought> {
    let request = question.request();
    let host = request.headers().get(HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let path = plan.paths.normalise(request.uri().path()).ok()?;
    Some(Sought {
        host: canonical_host(host).ok()?.into_owned(),
        path: plan.paths.key(&path).into_owned(),
        query: request.uri().query().map(str::to_owned),
        method: request.method().clone(),
        headers: request.headers().clone(),
        client: plan.proxies.client(request.headers(), &question.peer()),
        is_preflight: false,
    })
}

/// The match that takes the request, or would with another method.
fn taker<'p>(plan: &'p Plan, sought: &Sought) -> Option<&'p Spec> {
    let lookup = sought.lookup();
    let found = if sought.is_preflight { plan.table.find_ignoring_headers(&lookup) } else { plan.table.find(&lookup) };
    match found {
        Found::Route { spec, .. } => plan.table.spec(spec),
        Found::MethodNotAllowed { route, .. } => plan.table.ranked().find(|spec| spec.route == route),
        Found::NotFound => None,
    }
}

/// The assumption that an event rests on.
fn assumed(event: &Event) -> Option<&'static str> {
    match event {
        Event::RateLimit { verdict: Some(_), .. } => Some("nothing was counted before"),
        Event::Concurrency { verdict: Some(_), .. } => Some("nothing else is in flight"),
        Event::Policy { verdict, .. } if verdict.starts_with("the flag ") => Some("flags are not set"),
        Event::Answered { by: "keyValue" } => Some("the store has no such entry"),
        Event::Handshake => Some("the upstream declines"),
        _ => None,
    }
}

/// Every route that was not chosen, with the reasons.
fn others(plan: &Plan, sought: &Sought, chosen: Option<usize>) -> Vec<Other> {
    let lookup = sought.lookup();
    let taker = taker(plan, sought);
    let counts = |mismatch: &&Mismatch| {
        !sought.is_preflight || !matches!(mismatch, Mismatch::Field(Field::Header(_) | Field::Cookie(_)))
    };
    let other = |spec: &Spec| {
        let mismatches = spec.mismatches(&lookup, plan.table.methods());
        let mut because: Vec<_> = mismatches.iter().filter(counts).map(|m| reason(m, spec, (plan, &lookup))).collect();
        if let (true, Some(taker)) = (because.is_empty(), taker) {
            because.push(outranked(spec, taker, &lookup));
        }
        Some(Other { name: plan.routes.get(spec.route)?.name.clone(), path: spec.path.to_string(), because })
    };
    plan.table.ranked().filter(|spec| Some(spec.route) != chosen).filter_map(other).collect()
}

/// The rule by which `taker` goes first, in words.
fn outranked(spec: &Spec, taker: &Spec, lookup: &Lookup<'_, '_>) -> String {
    let rule = match Rule::between(taker, spec, lookup.method == Method::HEAD) {
        Rule::Scheme => "it is for any scheme".to_owned(),
        Rule::Host => format!("its host `{}` is less specific than `{}`", spec.host, taker.host),
        Rule::Path => format!("its path `{}` is less specific than `{}`", spec.path, taker.path),
        Rule::Methods => "it lists no methods".to_owned(),
        Rule::Conditions => "it has fewer conditions on headers, cookies and the client's address".to_owned(),
        Rule::Query => "it has fewer conditions on the query".to_owned(),
        Rule::Head => "it does not list HEAD".to_owned(),
        Rule::Order => "it comes later in the file".to_owned(),
    };
    format!("it ranks lower: {rule}")
}

fn reason(mismatch: &Mismatch, spec: &Spec, (plan, lookup): (&Plan, &Lookup<'_, '_>)) -> String {
    match mismatch {
        Mismatch::Scheme => format!("the scheme is `{}`", lookup.client.scheme.as_str()),
        Mismatch::Host => format!("the host is `{}`, not `{}`", lookup.host, spec.host),
        Mismatch::Path => format!("`{}` is not `{}`", lookup.path, spec.path),
        Mismatch::Method if spec.methods.is_empty() => format!("the gateway takes no {}", lookup.method),
        Mismatch::Method => format!("{} is not among {}", lookup.method, plan.table.methods().list(spec.methods)),
        Mismatch::Field(Field::ClientAddress) => match lookup.client.address {
            Some(address) => format!("the client's address is {address}"),
            None => "the client's address is not known".to_owned(),
        },
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
