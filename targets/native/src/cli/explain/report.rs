//! The findings of `explain`, as data.

use gateway_core::body::Body;
use gateway_core::plan::{Action, Plan, RequestStep};
use gateway_core::policy::credential;
use gateway_core::policy::steer::Steer;
use gateway_core::ports::Deadlines;
use gateway_core::route::{Field, Found, Mismatch, Spec, canonical_host};
use gateway_core::trace::{Event, Part, Sought, Trace};
use http::header::HOST;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use serde::Serializer;
use serde_json::Value;

use super::Question;
use super::reason::{Reason, outranked, reason};
use super::split::{self, Share};
use super::step::{Known, Step, Taker, steered, step};
use crate::cli::target::Target;
use crate::cli::{limits, listing};

/// The gateway's treatment of a request.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    /// The platform whose limits and stores it tells of.
    pub(crate) target: Target,
    pub(crate) method: String,
    pub(crate) url: String,
    /// The index of the route that takes it.
    #[serde(skip)]
    pub(crate) route_index: Option<usize>,
    /// The upstream that a step has chosen.
    #[serde(skip)]
    pub(crate) steered_to: Option<String>,
    /// The route that takes it.
    pub(crate) route: Option<Chosen>,
    /// Every other route, in matching order, with the reasons why it does not take the request.
    pub(crate) others: Vec<Other>,
    /// Each step's verdict, in order.
    pub(crate) steps: Vec<Step>,
    /// What becomes of each request of a batch.
    pub(crate) parts: Vec<Report>,
    /// The upstreams that the route chooses among at random; the rest of the report follows one of them.
    pub(crate) split: Vec<Share>,
    /// The request that would leave.
    pub(crate) upstream: Option<Sent>,
    /// The response; for a proxied request, as if the upstream answered what is stated, or else 200 without fields or content.
    pub(crate) response: Answer,
}

#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Chosen {
    pub(crate) name: String,
    pub(crate) at: String,
    #[serde(skip)]
    pub(crate) path: String,
    #[serde(rename = "match")]
    pub(crate) matched: Value,
    #[serde(serialize_with = "as_object")]
    pub(crate) parameters: Vec<(String, String)>,
    /// The largest content, in bytes.
    pub(crate) body_bytes: u64,
    /// The same in words.
    #[serde(skip)]
    pub(crate) body: String,
}

#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Other {
    pub(crate) name: String,
    pub(crate) at: String,
    #[serde(rename = "match")]
    pub(crate) matched: Value,
    /// The reasons why it does not take the request, or the rule by which it ranks lower.
    pub(crate) because: Vec<Reason>,
}

#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sent {
    pub(crate) name: String,
    pub(crate) to: String,
    pub(crate) method: String,
    pub(crate) target: String,
    #[serde(serialize_with = "as_fields")]
    pub(crate) headers: Vec<(String, String)>,
    /// The deadlines of the call.
    #[serde(serialize_with = "as_seconds")]
    pub(crate) timeouts: Deadlines,
}

#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) by: By,
    /// The status that the upstream is taken to answer.
    #[serde(skip)]
    pub(crate) assumed: StatusCode,
    /// Set if that status has no content, and some is stated.
    #[serde(skip)]
    pub(crate) is_left_out: bool,
    #[serde(serialize_with = "as_fields")]
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<String>,
}

/// The author of a response.
#[derive(Clone, Copy, Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum By {
    Gateway,
    Upstream,
}

/// Serializes pairs of different names as an object.
fn as_object<S: Serializer>(pairs: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
}

/// Serializes fields, of which several may have one name, as a list of objects.
fn as_fields<S: Serializer>(fields: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(fields.iter().map(|(name, value)| serde_json::json!({"name": name, "value": value})))
}

fn as_seconds<S: Serializer>(deadlines: &Deadlines, serializer: S) -> Result<S::Ok, S::Error> {
    serde::Serialize::serialize(&limits::deadlines_json(deadlines), serializer)
}

/// The deadlines of calls of `upstream` for `route`.
fn deadlines(plan: &Plan, route: Option<usize>, upstream: usize) -> Deadlines {
    let Some(Action::Proxy(proxy)) = route.and_then(|route| plan.routes.get(route)).map(|route| &route.action) else {
        return plan.deadlines;
    };
    // They depend on the upstream alone, even where a split names it twice.
    let target = proxy.targets.iter().find(|target| target.upstream == upstream);
    target.map_or(plan.deadlines, |target| target.deadlines)
}

/// The route with this index, and its parameters.
fn taken_by<'r>(plan: &'r Plan, chosen: &'r Option<(usize, Vec<(String, String)>)>) -> Taker<'r> {
    match chosen {
        Some((route, parameters)) => Taker { route: plan.routes.get(*route), parameters },
        None => Taker::default(),
    }
}

/// The conditions of the route with this index that have other upstreams.
fn ways(plan: &Plan, route: usize) -> &[Steer] {
    let mut steps = plan.routes.get(route).into_iter().flat_map(|route| &*route.request);
    let found = steps.find_map(|step| match step {
        RequestStep::Steer(ways) => Some(&**ways),
        _ => None,
    });
    found.unwrap_or_default()
}

/// Builds the report from the events.
pub(crate) fn report<S>(plan: &Plan, question: &Question, trace: &Trace, response: &Response<Body<S>>) -> Report {
    let mut chosen = None;
    let mut steps = Vec::new();
    let mut upstream = None;
    let mut sought = None;
    let mut steered_to = None;
    let mut is_refused = false;
    let mut parts = Vec::new();
    let answered = question.answer.as_ref().map_or(StatusCode::OK, |answer| answer.status);
    let has_answer =
        question.answer.as_ref().is_some_and(|answer| answer.content.is_some() || answer.is_without_content());
    let is_left_out =
        question.answer.as_ref().is_some_and(|answer| answer.content.is_some() && answer.is_without_content());
    let mut known = Known {
        content: question.content.is_some(),
        // Only an upstream has content that nobody has stated.
        answer: true,
        status: answered,
    };
    for event in &trace.events {
        match event {
            Event::Sought(last) => sought = Some(last),
            Event::Matched { route, parameters } => chosen = Some((*route, parameters.clone())),
            Event::Preflight { route, parameters } => {
                chosen = Some((*route, parameters.clone()));
                steps.extend(step(plan, taken_by(plan, &chosen), event, &known));
            }
            Event::Sent { upstream: index, scheme, authority, method, target, headers } => {
                known.answer = has_answer || question.method == Method::HEAD;
                upstream = plan.upstreams.get(*index).map(|u| Sent {
                    name: u.name.clone(),
                    to: format!("{}://{}", scheme.as_str(), text(authority)),
                    method: method.to_string(),
                    target: masked(plan, target),
                    headers: fields(plan, headers),
                    timeouts: deadlines(plan, chosen.as_ref().map(|(route, _)| *route), *index),
                });
            }
            Event::Part(one) => parts.extend(part(plan, question, one)),
            event => {
                is_refused |= matches!(event, Event::Refused { .. });
                if let Event::Steered { met } = event {
                    let ways = chosen.as_ref().map_or(&[][..], |(route, _)| ways(plan, *route));
                    steered_to = met.and_then(|met| ways.get(met)).map(|way| way.name.to_string());
                    steps.push(steered(ways, *met));
                }
                steps.extend(step(plan, taken_by(plan, &chosen), event, &known));
            }
        }
    }
    if upstream.is_none() {
        // Edits of a request that goes nowhere have no effect.
        steps.retain(|step| !matches!(step.step, "steer" | "editHeaders" | "editQuery"));
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
            matched: listing::matched(plan, spec),
            parameters: parameters.clone(),
            body_bytes: route.body_limit,
            body: limits::body_text(route),
        })
    });
    Report {
        route_index: chosen.as_ref().filter(|_| sought.is_some_and(|s| !s.is_preflight)).map(|(index, _)| *index),
        parts,
        split: Vec::new(),
        steered_to,
        target: question.target,
        method: question.method.to_string(),
        url: masked(plan, &question.url.to_string()),
        others: sought.map_or_else(Vec::new, |sought| others(plan, sought, chosen.map(|(index, _)| index))),
        route,
        steps,
        response: Answer {
            status: response.status().as_u16(),
            by: if upstream.is_some() && !is_refused { By::Upstream } else { By::Gateway },
            assumed: answered,
            is_left_out,
            headers: fields(plan, response.headers()),
            body: match response.body() {
                Body::Full(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
                Body::Empty | Body::Stream(_) => None,
            },
        },
        upstream,
    }
}

/// What has become of a request of the batch that `question` asks about.
fn part(plan: &Plan, question: &Question, one: &Part) -> Option<Report> {
    let question = question.part(&one.request)?;
    let (head, content) = one.response.clone().into_parts();
    let body: Body<()> = if content.is_empty() { Body::Empty } else { Body::Full(content) };
    let mut report = report(plan, &question, &one.trace, &Response::from_parts(head, body));
    let route = report.route_index.and_then(|route| plan.routes.get(route));
    report.split = route.map_or_else(Vec::new, |route| split::shares(plan, route));
    for share in &mut report.split {
        share.shown = report.upstream.as_ref().is_some_and(|sent| sent.name == share.upstream);
    }
    Some(report)
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

/// Every route that was not chosen, with the reasons.
fn others(plan: &Plan, sought: &Sought, chosen: Option<usize>) -> Vec<Other> {
    let lookup = sought.lookup();
    let taker = taker(plan, sought);
    let counts = |mismatch: &&Mismatch| {
        let is_shown = match mismatch {
            Mismatch::Field(Field::Header(_) | Field::Cookie(_)) => false,
            Mismatch::Field(Field::Version(versions)) => !versions.reads_headers(),
            _ => true,
        };
        !sought.is_preflight || is_shown
    };
    let other = |spec: &Spec| {
        let mismatches = spec.mismatches(&lookup, plan.table.methods());
        let mut because: Vec<_> = mismatches.iter().filter(counts).map(|m| reason(m, spec, (plan, &lookup))).collect();
        if let (true, Some(taker)) = (because.is_empty(), taker) {
            because.push(outranked(spec, taker, &lookup));
        }
        let route = plan.routes.get(spec.route)?;
        let (name, at) = (route.name.clone(), route.at.to_string());
        Some(Other { name, at, matched: listing::matched(plan, spec), because })
    };
    plan.table.ranked().filter(|spec| Some(spec.route) != chosen).filter_map(other).collect()
}

/// The fields as text; secrets stay out of it.
fn fields(plan: &Plan, headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            let is_hidden = value.is_sensitive() || credential::is_header(&plan.credentials, name);
            let shown = if is_hidden { "(secret)".to_owned() } else { text(value) };
            (name.to_string(), shown)
        })
        .collect()
}

/// `url` without the credentials in its query.
fn masked(plan: &Plan, url: &str) -> String {
    match url.split_once('?') {
        Some((path, query)) => format!("{path}?{}", credential::masked_query(&plan.credentials, query)),
        None => url.to_owned(),
    }
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}
