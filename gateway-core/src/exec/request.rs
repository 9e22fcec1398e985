//! A request on its way in: from the raw head to its route, and through the route's steps.

use std::borrow::Cow;
use std::sync::Arc;

use http::header::HOST;
use http::request::Parts;
use http::uri::Scheme;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, Version};

use super::body::Texts;
use super::exchange::{Exchange, Filled};
use super::proxy::{ClientSide, Unprepared};
use super::steps::Pending;
use super::{
    aggregate, answer_admin, batch, body, bounds, cache, compress, etag, fallback, finish, idempotency, key_value,
    local, login, openapi, options, proxy, socket, steps, version,
};
use crate::admin::Way;
use crate::body::Body;
use crate::call::Call;
use crate::error::Reject;
use crate::http::loop_guard::{self, Forwarding};
use crate::http::survey::Survey;
use crate::http::{alias, certificate, proxy_status, request_id, websocket};
use crate::outcome::{After, Outcome, Reply};
use crate::plan::{Action, Plan, Proxy, Route};
use crate::policy::cors;
use crate::policy::etag::Etag;
use crate::policy::method_map::is_safe;
use crate::ports::{Peer, Platform};
use crate::problem::content;
use crate::record::{Owed, Record};
use crate::report::Asked;
use crate::route::{Found, Lookup, MethodSet};
use crate::state::State;
use crate::trace::{self, Event, Sought, Trace};

/// Answers `request`: the only way of serving, with or without a trace.
pub(crate) async fn run<P: Platform>(
    plan: &Plan,
    state: &State,
    platform: &P,
    request: Request<Body<P::Stream>>,
    peer: &Peer,
    record: &mut Record,
    trace: Option<&mut Trace>,
) -> Outcome<P> {
    let (Parts { method, uri, version, headers, .. }, body) = request.into_parts();
    // Built here and borrowed from now on: each move would copy it.
    let mut call = Call::new(method, uri, headers);
    // Taken before the gateway adds fields of its own.
    let survey = Survey::of(&call.headers, &plan.identity);
    call.has_credentials = survey.authorization;
    let bounds = bounds::check(&plan.limits, call.uri(), &call.headers, &survey);
    call.id = request_id::ensure(&mut call.headers, platform);
    record.request_id = Some(call.id.clone());
    let is_head = call.method == Method::HEAD;
    // Taken now: the route may edit the field, and the upstream's request takes it along.
    let accept = (!plan.errors.is_empty()).then(|| content::accept(&call.headers));
    let is_connect = survey.web_socket && websocket::is_extended_connect(version, &call.headers);
    let mut exchange = Exchange { after: after(platform), ..Exchange::new(plan, state, record, trace) };
    exchange.take_cors(plan.cors.as_ref(), &call.headers);
    let side = ClientSide { peer, version, survey };
    let mut answer = match bounds {
        Ok(()) => answer(&mut exchange, platform, &mut call, body, side).await,
        Err(reject) => Err(reject),
    };
    // Here, and boxed, so that other requests don't carry room for it.
    if exchange.is_keyed() || exchange.edits_content() || exchange.has_conditions() {
        answer = Box::pin(keep_and_edit(&mut exchange, platform, answer, is_head)).await;
    }
    if is_connect {
        answer = answer.and_then(|reply| socket::answer_connect(&mut exchange, reply));
    }
    let mut reply = match answer {
        Ok(reply) => reply,
        Err(reject) => {
            if !reject.status.is_redirection() {
                exchange.record.refused(&reject, &call.id);
            }
            exchange.note(|| Event::Refused { status: reject.status, code: reject.code });
            Reply::Http(match accept {
                Some(accept) => reject.into_negotiated(&plan.errors, &accept, is_head, &call.id),
                None => reject.into_response(is_head, &call.id),
            })
        }
    };
    let mut after = core::mem::take(&mut exchange.after);
    // They need not wait for the end of the answer. Of one that is relayed they are left with the rest.
    let copies = exchange.record.owed.extract_if(.., |owed| matches!(owed, Owed::Mirror(_)));
    after.extend(copies.filter_map(|owed| After::of(owed, platform)));
    match &mut reply {
        Reply::Http(response) => {
            finish::finish(&mut exchange, platform, response, call.id);
            compress::encode(&mut exchange, platform, response, is_head);
        }
        Reply::Upgrade(response, _) => {
            finish::finish(&mut exchange, platform, response, call.id);
            if is_connect {
                // RFC 8441 §5: what the client is sent instead of the 101.
                exchange.record.status = Some(StatusCode::OK);
            }
        }
    }
    Outcome { reply, after }
}

/// Keeps the `answer` to a request with an idempotency key, edits its content, and leaves it out for a client that has it.
async fn keep_and_edit<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    answer: Result<Reply<P>, Reject>,
    is_head: bool,
) -> Result<Reply<P>, Reject> {
    let answer = idempotency::end(exchange, platform, answer).await;
    let edits = exchange.edits_content();
    let answer = if edits { body::edit_response(exchange, platform, answer, is_head).await } else { answer };
    if exchange.has_conditions() { etag::answer(exchange, platform, answer).await } else { answer }
}

/// The work that the platform asks for once in a while.
fn after<P: Platform>(platform: &P) -> Vec<After> {
    let is_due = P::SWEEP_ONE_IN.is_some_and(|often| platform.next_u64().is_multiple_of(often.get()));
    if is_due { vec![After::Sweep] } else { Vec::new() }
}

async fn answer<'p, P: Platform>(
    exchange: &mut Exchange<'p, '_>,
    platform: &P,
    call: &mut Call,
    mut body: Body<P::Stream>,
    side: ClientSide<'_>,
) -> Result<Reply<P>, Reject> {
    let plan = exchange.plan;
    let ClientSide { peer, version: protocol, survey } = &side;
    if plan.table.methods().of(&call.method).is_none() {
        return Err(Reject::method_not_implemented());
    }
    if survey.method_override {
        override_method(exchange, call)?;
    }
    // RFC 9110 §7.4: a gateway for `http` is not authoritative for `ftp` resources.
    if call.uri().scheme().is_some_and(|scheme| *scheme != Scheme::HTTP && *scheme != Scheme::HTTPS) {
        return Err(Reject::misdirected());
    }
    if survey.identity {
        let is_trusted = plan.proxies.trusts(peer);
        call.has_credentials |= is_trusted;
        if plan.identity.strip(&mut call.headers, is_trusted) {
            exchange.note(|| Event::IdentityStripped);
        }
    }
    if survey.aliases {
        alias::strip(&mut call.headers);
        exchange.note(|| Event::AliasesStripped);
    }
    if plan.identity.believes_certificates() && plan.proxies.trusts(peer) {
        // The proxy's own certificate is not its client's.
        call.certificate = certificate::stated(&call.headers)
            .map_err(|_| Reject::bad_header().with_detail("`Client-Cert` is not the byte sequence of a certificate"))?
            .map(Arc::new);
    } else if let Some(certificate) = peer.certificate() {
        call.certificate = Some(Arc::clone(certificate));
    }
    call.client = plan.proxies.client(&call.headers, peer);
    if let Some(location) = &plan.location {
        call.geography = location.of(&call.headers, &plan.proxies, peer, call.client.address);
    }
    exchange.record.known(&call.client);
    if survey.forwarding {
        plan.proxies.drop_unbelieved(&mut call.headers, peer, &call.client);
    }
    if survey.loop_fields {
        plan.loop_guard.check(&call.headers).map_err(|_| proxy_status::reject_loop(plan.loop_guard.name()))?;
    }
    if let Some(field) = take_host(call.uri(), &call.headers, *protocol)? {
        call.set_host(field).map_err(|_| Reject::bad_host())?;
    }
    // RFC 9112 §3.2.4: the asterisk form is for OPTIONS alone.
    if call.uri().path() == "*" && call.method == Method::OPTIONS {
        return Ok(Reply::Http(options::answer(exchange, MethodSet::ALL)));
    }
    if call.method == Method::OPTIONS && loop_guard::max_forwards(&mut call.headers) == Forwarding::Final {
        return Ok(Reply::Http(options::answer(exchange, MethodSet::ALL)));
    }

    let normal =
        plan.paths.normalise(call.uri().path()).map_err(|error| Reject::bad_path().with_detail(error.to_string()))?;
    if let Cow::Owned(normal) = normal {
        exchange.note(|| Event::Normalised { from: call.uri().path().to_owned(), to: normal.clone() });
        call.set_path(&normal);
    }
    if let Some(admin) = &plan.admin
        && let Some(door) = &admin.door
        && let Some(path) = door.behind(call.path())
    {
        // Scripts of other origins have no access to the admin endpoints.
        exchange.cors = None;
        admin.admit(door, path, &call.headers)?;
        exchange.note(|| Event::Answered { by: "admin" });
        let (method, headers) = (&call.method, &call.headers);
        let asked = Asked { path, method, headers, has_content: false, way: Way::Door };
        // Boxed, so that other requests don't carry room for it.
        return Box::pin(answer_admin(plan, exchange.state, platform, asked, body)).await.map(Reply::Http);
    }
    // Once, but for a caller who gets another version of an API than the one that is found first.
    let (mut is_prepared, mut is_known, mut opens_socket) = (false, false, false);
    let mut untagged = None;
    let (route, unprepared, done) = loop {
        let key = plan.paths.key(call.path());
        let lookup = Lookup { path: &key, ..call.lookup() };
        if let Some(field) = plan.table.overlong(&lookup) {
            return Err(bounds::overlong(field));
        }
        if cors::is_preflight(&call.method, &call.headers)
            && let Some(response) = options::preflight(exchange, &lookup)
        {
            return Ok(Reply::Http(response));
        }
        exchange.note(|| Sought::of(&lookup, false));
        let (index, spec) = match plan.table.find(&lookup) {
            Found::Route { route, spec, params } => {
                exchange
                    .note(|| Event::Matched { route, parameters: trace::parameters(plan, spec, &params, call.path()) });
                call.params = params;
                (route, spec)
            }
            Found::MethodNotAllowed { allow, route } => {
                exchange.take_cors(plan.routes.get(route).and_then(|route| route.cors.as_ref()), &call.headers);
                if call.method == Method::OPTIONS {
                    return Ok(Reply::Http(options::answer(exchange, allow)));
                }
                exchange.note(|| Event::NotMatched);
                return Err(Reject::method_not_allowed(options::allow(&plan.table.methods().list(allow))));
            }
            Found::NotFound => {
                exchange.note(|| Event::NotMatched);
                return Err(version::refuse(plan, &lookup));
            }
        };
        let route = plan.routes.get(index).ok_or_else(Reject::internal)?;
        exchange.route = Some(route);
        exchange.record.matched(index, route);
        // Before the first step that can leave work to do at the end.
        if route.needs.end {
            platform.watch();
        }
        exchange.take_cors(route.cors.as_ref(), &call.headers);
        let mut pending = None;
        let mut taken = Ok(());
        if route.version.is_some() {
            let is_pinned = !is_known
                && version::depends_on_caller(route, call)
                && route.request.iter().any(|step| step.authenticate().is_some());
            taken = version::take(exchange, platform, spec, call);
            if is_pinned {
                pending = Some(Box::new(Pending::Version { gone: core::mem::replace(&mut taken, Ok(())).err() }));
            } else if is_known {
                pending = Some(Box::new(Pending::Known));
            }
        }
        // Taken now: the route may edit the fields.
        if route.etag.is_some() && !exchange.has_conditions() {
            match Etag::ask(&call.method, &call.headers) {
                Ok(conditions) => exchange.rare().conditions = Some(conditions),
                Err(why) => untagged = Some(why),
            }
        }
        if let Some(compress) = &route.compress
            && exchange.rare().coding.is_none()
        {
            exchange.rare().coding = Some(compress.ask(&mut call.headers));
        }
        // Boxed: it is rare, and lives as long as the steps take.
        let mut socket: Result<bool, Box<Reject>> = Ok(false);
        if let Action::Proxy(action) = &route.action
            && survey.web_socket
        {
            socket = match is_prepared {
                false => socket::is_opened_by(call, *protocol, &body, action),
                // The fields of the handshake are gone by now.
                true if opens_socket && action.web_socket.is_none() => {
                    Err(Box::new(Reject::websocket_not_implemented()))
                }
                true => Ok(opens_socket),
            };
        }
        opens_socket = matches!(socket, Ok(true));
        let mut unprepared = match &route.action {
            Action::Proxy(action) if is_prepared => Unprepared::again(action, call),
            Action::Proxy(action) => Unprepared::new(action, &side),
            _ => Unprepared::NONE,
        };
        // Most answers of a cache are found by what the client has sent, and need nothing else.
        if !(route.may_answer_unprepared && survey.is_plain() && is_read(call, &body)) {
            is_prepared |= unprepared.prepare(plan, platform, call);
        }
        // Each request of a batch has the fields that the client has sent, and is looked at by itself.
        if matches!(route.action, Action::Batch(_)) {
            exchange.rare().sent = call.headers.clone();
        }
        let done = match taken.and(socket) {
            Ok(_) => steps::apply(exchange, platform, route, (call, &mut body), survey.length, pending).await,
            Err(reject) => Err(*reject),
        };
        if matches!(done, Ok(false)) {
            is_known = true;
            continue;
        }
        break (route, unprepared, done);
    };
    // Filled even if the request is refused: the refusal gets the same edits.
    if !route.response.is_empty() {
        exchange.filled = Some(Box::new(Filled { fields: finish::fill(&route.response, call), bodies: None }));
    }
    done?;
    if let Some(why) = untagged {
        exchange.note(|| etag::untagged(why));
    }
    if body::maps_status(route) {
        exchange.filled.get_or_insert_default().bodies = Some(Texts::default());
    }
    if route.asks_plain && body::edits(route) {
        // On what changes something, a condition is about what is there (RFC 9110 §13.1.2).
        if is_safe(&call.method) {
            body::ask_for_all(call);
        }
        exchange.filled.get_or_insert_default().bodies = Some(body::fill(route, call));
    }
    if exchange.is_keyed() {
        match Box::pin(idempotency::claim(exchange, platform, route)).await {
            Ok(None) => {}
            Ok(Some(reply)) => return Ok(*reply),
            Err(reject) => return Err(*reject),
        }
    }
    let response = match &route.action {
        Action::Proxy(action) if plan.caches && !opens_socket && (route.cache.is_some() || !is_safe(&call.method)) => {
            let way = (route, action);
            return Box::pin(send_or_cached(exchange, platform, way, (call, body), unprepared)).await;
        }
        Action::Proxy(action) if action.fallback.is_some() && !opens_socket => {
            return Box::pin(fallback::send(exchange, platform, (route, action), (call, &mut body))).await;
        }
        // On the heap: it is rare, and its state would enlarge every other exchange's.
        Action::Proxy(action) if action.rollout.is_some() => {
            let sent = proxy::send(exchange, platform, route, action, (call, &mut body), opens_socket);
            return Box::pin(sent).await;
        }
        Action::Proxy(action) => {
            return proxy::send_to(exchange, platform, (route, action, None), (call, &mut body), opens_socket).await;
        }
        Action::Redirect(action) => local::redirect(exchange, action, call)?,
        Action::Respond(action) => local::respond(exchange, action, call),
        Action::Mock(mock) => openapi::mock(exchange, mock, call)?,
        Action::KeyValue(action) => key_value::serve(exchange, platform, action, call, body).await?,
        Action::Aggregate(action) => {
            Box::pin(aggregate::serve(exchange, platform, action, (call, body), &side)).await?
        }
        Action::Batch(batch) => Box::pin(batch::serve(exchange, platform, batch, (call, body), peer)).await?,
        Action::Login(login, endpoint) => {
            Box::pin(login::serve(exchange, platform, (login, *endpoint), call, body)).await?
        }
    };
    Ok(Reply::Http(response))
}

/// Has a call go by the method that it asks for in a field, if it may, before anything looks at the method; removes such fields.
#[cold]
#[inline(never)]
fn override_method(exchange: &mut Exchange<'_, '_>, call: &mut Call) -> Result<(), Reject> {
    let detail = "the field for another method names one that is not let in, or several";
    let rules = &exchange.plan.method_override;
    let asked = rules.take(&call.method, &mut call.headers);
    exchange.note(|| {
        let verdict = match &asked {
            Ok(Some(method)) => format!("{} becomes {method}", call.method),
            Ok(None) if rules.passes => "the field for another method goes on as it is".to_owned(),
            Ok(None) => format!("{} stays: the field for another method is removed", call.method),
            Err(_) => format!("refused: {detail}"),
        };
        Event::Policy { policy: "methodOverride", verdict }
    });
    if let Some(method) = asked.map_err(|_| Reject::bad_header().with_detail(detail))? {
        exchange.record.overridden(&method);
        call.method = method;
    }
    Ok(())
}

/// Returns whether a request only reads, and brings nothing along.
fn is_read<S>(call: &Call, body: &Body<S>) -> bool {
    matches!(call.method, Method::GET | Method::HEAD) && body.is_empty()
}

/// Answers a request out of the cache or by an upstream, where some routes have a cache.
async fn send_or_cached<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    (route, action): (&Route, &Proxy),
    (call, mut body): (&mut Call, Body<P::Stream>),
    mut unprepared: Unprepared<'_, '_>,
) -> Result<Reply<P>, Reject> {
    // The upstream's request takes the method and the fields along.
    let before = if is_safe(&call.method) { None } else { Some(call.clone()) };
    // An answer out of the cache is given without room for what asks an upstream.
    let reply = match &route.cache {
        None => Box::pin(fallback::send(exchange, platform, (route, action), (call, &mut body))).await?,
        Some(cache) => {
            let asked = (&mut *call, &mut unprepared);
            match cache::look(exchange, platform, (cache, route), asked, !body.is_empty()).await? {
                cache::Look::Answer(reply) => reply,
                cache::Look::Ask(ask) => {
                    unprepared.prepare(exchange.plan, platform, call);
                    Box::pin(cache::ask(exchange, platform, (cache, route, action), ask, (call, body))).await?
                }
            }
        }
    };
    if let (Some(before), Reply::Http(response)) = (before, &reply)
        && !exchange.has_ended_stored
    {
        cache::end_stored(exchange, platform, &before, response).await;
    }
    Ok(reply)
}

/// The request's authority, from `:authority` or an absolute target (RFC 9112 §3.2.2, RFC 9113 §8.3.1), else `Host`. Only a
/// request of HTTP/1.0 may have neither (RFC 9112 §3.2).
fn take_host(uri: &Uri, headers: &HeaderMap, version: Version) -> Result<Option<HeaderValue>, Reject> {
    // Only fields that come several times make the two numbers differ, and they are few.
    if headers.len() != headers.keys_len() && headers.get_all(HOST).iter().nth(1).is_some() {
        return Err(Reject::bad_host());
    }
    let field = headers.get(HOST).cloned();
    match uri.authority() {
        Some(authority) => HeaderValue::from_str(authority.as_str()).map(Some).map_err(|_| Reject::bad_host()),
        None if field.is_none() && version != Version::HTTP_10 => Err(Reject::bad_host()),
        None => Ok(field),
    }
}
