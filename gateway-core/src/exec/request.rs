//! A request on its way in: from the raw head to its route, and through the route's steps.

use std::borrow::Cow;

use http::header::{ACCESS_CONTROL_REQUEST_METHOD, CONTENT_LENGTH, HOST};
use http::request::Parts;
use http::uri::Scheme;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};

use super::proxy::Connection;
use super::{Exchange, bounds, finish, key_value, local, proxy};
use crate::body::Body;
use crate::config::FailMode;
use crate::error::Reject;
use crate::gateway::{Outcome, Record};
use crate::http::loop_guard::{self, Forwarding};
use crate::http::survey::Survey;
use crate::http::{path, proxy_status, request_id};
use crate::plan::{Action, Plan, RequestStep, Route};
use crate::policy::counter::CounterVerdict;
use crate::policy::rate_limit::RateLimit;
use crate::policy::{cors, header_edit, query_edit};
use crate::ports::{Peer, Platform};
use crate::route::{Found, Lookup, MethodSet, Params, canonical_host};
use crate::template::Scope;
use crate::trace::{Event, Trace};

/// Answers `request`: the gateway's one way of serving, with or without a listener.
pub(crate) async fn run<P: Platform>(
    plan: &Plan,
    platform: &P,
    request: Request<Body<P::Stream>>,
    peer: Peer,
    trace: Option<&mut Trace>,
) -> Outcome<P::Stream> {
    let (mut head, body) = request.into_parts();
    // Before the gateway adds a field of its own.
    let survey = Survey::of(&head.headers, &plan.identity);
    let bounds = bounds::check(&plan.limits, &head.uri, &head.headers, &survey);
    let id = request_id::ensure(&mut head.headers, platform);
    let is_head = head.method == Method::HEAD;
    let mut exchange = Exchange {
        plan,
        route: None,
        record: Record { route: None, upstream: None, error: None, request_id: id.clone(), client: None },
        id,
        cors: None,
        origin: None,
        filled: Vec::new(),
        verdicts: Vec::new(),
        trace,
    };
    exchange.take_cors(plan.cors.as_ref(), &head.headers);
    let answer = match bounds {
        Ok(()) => answer(&mut exchange, platform, (head, survey), body, peer).await,
        Err(reject) => Err(reject),
    };
    let response = match answer {
        Ok(response) => response,
        Err(reject) => {
            exchange.record.error = Some(reject.code);
            exchange.note(|| Event::Refused { status: reject.status, code: reject.code });
            reject.into_response(is_head, &exchange.id)
        }
    };
    finish::finish(exchange, response)
}

async fn answer<'p, P: Platform>(
    exchange: &mut Exchange<'p, '_>,
    platform: &P,
    (head, survey): (Parts, Survey),
    body: Body<P::Stream>,
    peer: Peer,
) -> Result<Response<Body<P::Stream>>, Reject> {
    let plan = exchange.plan;
    let Parts { method, uri, version, mut headers, .. } = head;
    if MethodSet::of(&method).is_none() {
        return Err(Reject::method_not_implemented());
    }
    // RFC 9110 §7.4: of an `ftp` resource, the gateway of an `http` one knows nothing.
    if uri.scheme().is_some_and(|scheme| *scheme != Scheme::HTTP && *scheme != Scheme::HTTPS) {
        return Err(Reject::misdirected());
    }
    if survey.identity && plan.identity.strip(&mut headers) {
        exchange.note(|| Event::IdentityStripped);
    }
    if survey.marks {
        plan.loop_guard.check(&headers).map_err(|_| proxy_status::reject_loop(plan.loop_guard.name()))?;
    }
    let host_field = take_host(&uri, &headers, version)?;
    let host = match &host_field {
        Some(field) => field.to_str().ok().and_then(|h| canonical_host(h).ok()).ok_or_else(Reject::bad_host)?,
        None => Cow::Borrowed(""),
    };
    // RFC 9112 §3.2.4: the asterisk form is for OPTIONS alone.
    if uri.path() == "*" && method == Method::OPTIONS {
        return Ok(options(exchange, MethodSet::ALL));
    }
    if method == Method::OPTIONS && loop_guard::max_forwards(&mut headers) == Forwarding::Final {
        return Ok(options(exchange, MethodSet::ALL));
    }

    let path = path::normalise(uri.path(), plan.encoded_slash)
        .map_err(|error| Reject::bad_path().with_detail(error.to_string()))?;
    if let Cow::Owned(normal) = &path {
        exchange.note(|| Event::Normalised { from: uri.path().to_owned(), to: normal.clone() });
    }
    let lookup = Lookup { host: &host, path: &path, query: uri.query(), method: &method, headers: &headers };
    if cors::is_preflight(&method, &headers)
        && let Some(response) = preflight(exchange, &lookup)
    {
        return Ok(response);
    }
    let (place, params) = match plan.table.find(&lookup) {
        Found::Route { route, spec, params } => {
            exchange.note(|| Event::Matched { route, parameters: named(plan, spec, &params) });
            (route, params)
        }
        Found::MethodNotAllowed { allow, route } => {
            exchange.take_cors(plan.routes.get(route).and_then(|route| route.cors.as_ref()), &headers);
            if method == Method::OPTIONS {
                return Ok(options(exchange, allow));
            }
            exchange.note(|| Event::NotMatched);
            return Err(Reject::method_not_allowed(local::allow(allow)));
        }
        Found::NotFound => {
            exchange.note(|| Event::NotMatched);
            return Err(Reject::route_not_found());
        }
    };
    let route = plan.routes.get(place).ok_or_else(Reject::internal)?;
    exchange.route = Some(route);
    exchange.record.route = Some(place);
    exchange.take_cors(route.cors.as_ref(), &headers);

    let client = plan.proxies.client(&headers, &peer);
    exchange.record.client = client.address;
    let id = exchange.id.clone();
    let scope = Scope {
        method: &method,
        host: &host,
        path: &path,
        query: uri.query(),
        client: client.address,
        scheme: client.scheme,
        id: &id,
        params: &params,
    };
    let mut incoming = Incoming { uri: &uri, scope: &scope, headers, host_field: host_field.clone(), body };
    if matches!(route.action, Action::Proxy(_)) {
        proxy::prepare(plan, platform, &mut incoming, &Connection { peer, client, version, survey });
    }
    let edited_query = steps(exchange, platform, route, &mut incoming, survey.length).await;
    // Also for the answer to a request that is refused: its edits are the same.
    if !route.response.is_empty() {
        exchange.filled = header_edit::fill_for_response(&route.response, &scope, &incoming.headers);
    }
    let edited_query = edited_query?;
    match &route.action {
        Action::Proxy(action) => proxy::send(exchange, platform, route, action, incoming, edited_query).await,
        Action::Redirect(action) => local::redirect(exchange, action, &incoming),
        Action::Respond(action) => Ok(local::respond(exchange, action, &incoming)),
        Action::KeyValue(action) => key_value::serve(exchange, platform, action, incoming).await,
    }
}

/// A matched request.
pub(super) struct Incoming<'r, S> {
    pub(super) uri: &'r Uri,
    pub(super) scope: &'r Scope<'r>,
    pub(super) headers: HeaderMap,
    /// The `Host` that the client sent, if it did.
    pub(super) host_field: Option<HeaderValue>,
    pub(super) body: Body<S>,
}

/// A query after edits, where there are any.
pub(super) type EditedQuery = Option<Option<String>>;

/// Checks the body's length, if the request `states_length`, and does the route's request steps, in order.
async fn steps<'p, P: Platform>(
    exchange: &mut Exchange<'p, '_>,
    platform: &P,
    route: &'p Route,
    incoming: &mut Incoming<'_, P::Stream>,
    states_length: bool,
) -> Result<EditedQuery, Reject> {
    if states_length {
        check_body_length(route, &incoming.headers)?;
    }
    let mut edited_query = None;
    for step in &*route.request {
        match step {
            RequestStep::RateLimit(limit) => rate_limit(exchange, platform, limit, incoming).await?,
            RequestStep::EditHeaders(edits) => {
                header_edit::apply(edits, incoming.scope, &mut incoming.headers);
                exchange.note(|| Event::HeadersEdited { edits: edits.count() });
            }
            RequestStep::EditQuery(edits) => {
                let query = query_edit::apply(edits, incoming.scope, &incoming.headers);
                exchange
                    .note(|| Event::QueryEdited { from: incoming.scope.query.map(str::to_owned), to: query.clone() });
                edited_query = Some(query);
            }
        }
    }
    Ok(edited_query)
}

async fn rate_limit<'p, P: Platform>(
    exchange: &mut Exchange<'p, '_>,
    platform: &P,
    limit: &'p RateLimit,
    incoming: &Incoming<'_, P::Stream>,
) -> Result<(), Reject> {
    let cell = limit.cell(incoming.scope.client, &incoming.headers);
    let answer = platform.apply(&cell, limit.op(1)).await;
    let verdict = answer.ok().and_then(CounterVerdict::quota);
    exchange.note(|| Event::RateLimit { name: limit.name.to_string(), cell: cell.clone(), verdict });
    match verdict {
        Some(verdict) if verdict.admitted => {
            exchange.verdicts.push((limit, verdict));
            Ok(())
        }
        Some(verdict) => Err(limit.refuse(&verdict)),
        None if limit.fail == FailMode::Open => Ok(()),
        None => Err(Reject::counter_unavailable()),
    }
}

/// The path parameters by name, for a listener.
fn named(plan: &Plan, spec: usize, params: &Params<'_>) -> Vec<(String, String)> {
    let names = plan.table.spec(spec).into_iter().flat_map(|spec| spec.path.parameters());
    names.map(str::to_owned).zip(params.iter().map(str::to_owned)).collect()
}

/// The answer to a preflight, if the route that the announced request would take has cross-origin rules; where none takes
/// the method, the highest-ranked that takes everything else.
fn preflight<S>(exchange: &mut Exchange<'_, '_>, lookup: &Lookup<'_, '_>) -> Option<Response<Body<S>>> {
    let plan = exchange.plan;
    let announced = lookup.headers.get(ACCESS_CONTROL_REQUEST_METHOD)?;
    let announced = Method::from_bytes(announced.as_bytes()).ok()?;
    let lookup = Lookup { method: &announced, ..*lookup };
    let found = plan.table.find_ignoring_headers(&lookup);
    let (Found::Route { route, .. } | Found::MethodNotAllowed { route, .. }) = found else { return None };
    let cors = plan.routes.get(route)?.cors.as_ref()?;
    exchange.record.route = Some(route);
    let parameters = match &found {
        Found::Route { spec, params, .. } => named(plan, *spec, params),
        _ => Vec::new(),
    };
    exchange.note(|| Event::Preflight { route, parameters });
    // The answer is complete: what other answers get would replace it.
    exchange.cors = None;
    Some(match found {
        Found::MethodNotAllowed { allow, .. } => {
            let mut response = local::options(allow);
            cors::vary_on_preflight(response.headers_mut());
            response
        }
        _ => cors.preflight(lookup.headers),
    })
}

/// The answer to OPTIONS where no route takes it.
fn options<S>(exchange: &mut Exchange<'_, '_>, allow: MethodSet) -> Response<Body<S>> {
    exchange.note(|| Event::Options);
    local::options(allow)
}

/// Refuses a body that is larger than the route takes, before any of it is read.
fn check_body_length(route: &Route, headers: &HeaderMap) -> Result<(), Reject> {
    let length = headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u64>().ok());
    if length.is_some_and(|length| length > route.body_limit) { Err(Reject::body_too_large()) } else { Ok(()) }
}

/// The request's authority, from `:authority` or an absolute target (RFC 9112 §3.2.2, RFC 9113 §8.3.1), else `Host`. Only a
/// request of HTTP/1.0 may have neither (RFC 9112 §3.2).
fn take_host(uri: &Uri, headers: &HeaderMap, version: Version) -> Result<Option<HeaderValue>, Reject> {
    let mut fields = headers.get_all(HOST).iter();
    let (field, second) = (fields.next().cloned(), fields.next());
    if second.is_some() {
        return Err(Reject::bad_host());
    }
    match uri.authority() {
        Some(authority) => HeaderValue::from_str(authority.as_str()).map(Some).map_err(|_| Reject::bad_host()),
        None if field.is_none() && version != Version::HTTP_10 => Err(Reject::bad_host()),
        None => Ok(field),
    }
}

/// An empty response of `status`.
pub(super) fn empty<S>(status: StatusCode) -> Response<Body<S>> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = status;
    response
}
