//! One case of the shared corpus under one seed.

use core::net::{IpAddr, Ipv4Addr};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use edgeway_corpus::{
    Case, Edge, Kept, Mistake, Planted, Request, Response, Script, Version, compare_refusals, differences,
    fetched_differences,
};
use gateway_core::balance::Cluster;
use gateway_core::body::Body;
use gateway_core::config::Variable;
use gateway_core::gateway::{After, Ended, Gateway, Length, Outcome, Reply};
use gateway_core::http::certificate::{Certificate, EdgeCertificate};
use gateway_core::http::geography::Geography;
use gateway_core::plan::{self, Action, BodyUse, Plan, Route, Secrets};
use gateway_core::ports::{Peer, Scheme};
use http::{HeaderMap, header};

use crate::executor::{run, side_by_side};
use crate::platform::{CAPABILITIES, Platform};
use crate::stream::{End, Stream};
use crate::upstream::{receive_body, texts};
use crate::world::World;

/// A case's secrets and variables.
#[derive(Debug)]
pub struct Vault<'c>(pub &'c BTreeMap<String, String>);

impl Secrets for Vault<'_> {
    fn secret(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    fn variable(&self, name: &str) -> Variable {
        self.0.get(name).cloned().map_or(Variable::Unset, Variable::Set)
    }
}

/// Loads the configuration of `case`.
///
/// # Errors
/// What is wrong: it is refused though it should not be, or with other messages than it should.
pub fn load(config: &str, case: &Case) -> Result<Option<Arc<Plan>>, String> {
    let refused = case.refused.as_slice();
    match plan::load(config, &CAPABILITIES, &Vault(&case.secrets)) {
        Ok(mut plan) if refused.is_empty() => {
            // What is hidden there is looked for.
            plan.access_log.query = true;
            Ok(Some(Arc::new(plan)))
        }
        Ok(_) => Err("the configuration was accepted".to_owned()),
        Err(found) => {
            let mistakes: Vec<Mistake> = found.iter().map(Mistake::from).collect();
            compare_refusals(&mistakes, refused)?;
            let ill_styled = found.iter().find(|found| {
                found.message.starts_with(char::is_uppercase)
                    || found.message.ends_with('.')
                    || found.message.is_empty()
            });
            match ill_styled {
                Some(found) => Err(format!("the style of a message is wrong: {}", found.message)),
                None => Ok(None),
            }
        }
    }
}

/// Plays the steps of `case` on `plan` under `seed`.
///
/// # Errors
/// What went wrong, in lines.
pub fn play(plan: &Arc<Plan>, case: &Case, seed: u64) -> Result<(), String> {
    let world = Rc::new(World::new(seed));
    let is_edited = |route: &Route| matches!(route.needs.response, BodyUse::Whole { .. });
    let is_batch = |route: &Route| matches!(route.action, Action::Batch(_));
    let is_kept = plan.caches || plan.keeps_answers;
    world.collects_responses.set(is_kept || plan.routes.iter().any(|route| is_edited(route) || is_batch(route)));
    let gateway = Gateway::new(Arc::clone(plan), Platform(Rc::clone(&world)));
    let begun = now(&world);
    let planted = Planted::of(case, begun);
    // Content that is signed or checked on its way to an upstream is read as a whole.
    let needs_whole = |route: &Route| {
        matches!(route.action, Action::Proxy(_) | Action::Batch(_))
            && matches!(route.needs.request, BodyUse::Whole { .. })
    };
    // As is content that is copied.
    let copies = |route: &Route| matches!(&route.action, Action::Proxy(proxy) if !proxy.mirrors.is_empty());
    // As is content that may have to be sent again.
    let keeps = |cluster: &Cluster| cluster.retry.as_ref().is_some_and(|retry| retry.most_bytes > 0);
    let collects = plan.routes.iter().any(|route| needs_whole(route) || copies(route))
        || plan.upstreams.iter().any(|upstream| upstream.cluster.as_deref().is_some_and(keeps));
    let mut kept = Kept::default();
    for (number, step) in case.steps.iter().enumerate() {
        if let Some(after) = step.after {
            world.advance(after);
        }
        let (script, services) = (Script::of(step), kept.services(case, step, begun));
        let replies = script.clone();
        let place = |authority: &str| {
            let (host, port) = authority.split_once(':').unwrap_or((authority, "80"));
            (host.to_owned(), port.parse().unwrap_or_default())
        };
        world.set_script(move |call| {
            services.reply(call).map_or_else(|| replies.reply(call), |reply| reply.placed(place))
        });
        world.is_unwritable.set(step.unwritable);
        for time in 0..step.times {
            script.restart();
            let sent = Request::placed(kept.request(case, step, begun), place);
            let (request, peer) = client_request(&world, &sent);
            world.collected.set(0);
            let is_head = request.method() == http::Method::HEAD;
            let receive = receive(&gateway, request, peer);
            let response = run(&world, [Box::pin(receive) as _]).map_err(|hang| hang.to_string())?.remove(0);
            let response = if is_head { Response { body: bytes::Bytes::new(), ..response } } else { response };
            let mut calls = world.take_calls();
            let fetched = step.services.take_fetched(&mut calls);
            let mut wrong = differences(&step.expect, &response, &calls);
            wrong.extend(fetched_differences(&step.expect, &fetched));
            wrong.extend(violations(&response));
            wrong.extend(planted.in_response(&response));
            wrong.extend(kept.take(case, step, &sent, &response).err());
            wrong.extend(planted.in_log(&world.take_log().join("\n"), response.status == 401));
            if world.collected.get() > 0 && !calls.is_empty() && !collects {
                wrong.push("the request's body was collected although its route leaves it untouched".to_owned());
            }
            if !wrong.is_empty() {
                let again = if step.times > 1 { format!(", time {}", time + 1) } else { String::new() };
                let request = &step.request;
                return Err(format!(
                    "step {}{again}: {} {}\n  {}",
                    number + 1,
                    request.method,
                    request.url,
                    wrong.join("\n  ")
                ));
            }
        }
    }
    Ok(())
}

/// The seconds since 1970.
fn now(world: &World) -> i64 {
    i64::try_from(world.now().unix_millis() / 1_000).expect("a time within reach")
}

/// Sends `request` through `gateway`, reads the answer to its end, and does the work that is left.
pub async fn receive(gateway: &Gateway<Platform>, request: http::Request<Body<Stream>>, peer: Peer) -> Response {
    let mut record = gateway.begin(&request, &peer);
    let Outcome { reply, after } = gateway.handle(request, &peer, &mut record).await;
    let (head, body) = match reply {
        Reply::Http(response) => response.into_parts(),
        Reply::Upgrade(response, ()) => response.map(|()| Body::Empty).into_parts(),
    };
    // RFC 9110 §2.5: the version is that of the adapter's own connection, and not for the core to say.
    assert_eq!(head.version, http::Version::default(), "the answer has a version of its own");
    assert_eq!(record.status, Some(head.status), "the record knows another status");
    keep_promise(&gateway.platform().0, &head.headers);
    let world = &gateway.platform().0;
    let received = async {
        let (body, cut) = receive_body(body).await;
        let ended = Ended { received: None, sent: Length::Counted(body.len() as u64), cut };
        run_all(gateway, gateway.ended(record, &ended)).await;
        (body, cut)
    };
    // The work after the answer goes on while the body is on its way.
    let ((body, cut), ()) = side_by_side(&world.chance, received, run_all(gateway, after)).await;
    Response { status: head.status.as_u16(), headers: texts(&head.headers), body, cut: cut.is_some() }
}

async fn run_all(gateway: &Gateway<Platform>, work: Vec<After>) {
    for work in work {
        gateway.run_after(work).await;
    }
}

/// Checks that a response has the fields that were told before it was there, if any were.
///
/// # Panics
/// If it has others: an adapter that goes by what it was told would answer differently.
fn keep_promise(world: &World, fields: &HeaderMap) {
    let mut promised = world.promised.borrow_mut();
    let id = fields.get("x-request-id");
    let mut own = promised.iter().enumerate().filter(|(_, promise)| promise.get("x-request-id") == id).peekable();
    if own.peek().is_some() {
        let kept = own.find(|(_, promise)| *promise == fields).map(|(place, _)| place);
        let place = kept.unwrap_or_else(|| panic!("the response has {fields:#?}, but promised was {promised:#?}"));
        promised.remove(place);
    }
}

/// What holds for every response, whatever the case.
#[must_use]
pub fn violations(response: &Response) -> Vec<String> {
    let count = |name: &str| response.headers.iter().filter(|(n, _)| n == name).count();
    let mut wrong = Vec::new();
    if count("x-request-id") != 1 {
        wrong.push(format!("the response has {} x-request-id lines", count("x-request-id")));
    }
    // RFC 9110 §7.6.1.
    for name in ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"] {
        // RFC 9110 §7.8, §15.5.22: these name another protocol.
        let switches = matches!(response.status, 101 | 426) && matches!(name, "connection" | "upgrade");
        if count(name) > 0 && !switches {
            wrong.push(format!("the response has the hop-by-hop field {name}"));
        }
    }
    wrong
}

/// The request as an adapter hands it to the gateway.
///
/// # Panics
/// If it can't be expressed; such a case has to be skipped here.
#[must_use]
pub fn client_request(world: &Rc<World>, request: &Request) -> (http::Request<Body<Stream>>, Peer) {
    let (scheme, authority, target) = request.parts();
    let version = match request.version {
        Version::Http10 => http::Version::HTTP_10,
        Version::Http11 => http::Version::HTTP_11,
    };
    let mut built = http::Request::builder().version(version).method(request.method.as_str()).uri(target);
    if !request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) && !authority.is_empty() {
        built = built.header(header::HOST, authority);
    }
    for (name, value) in &request.headers {
        built = built.header(name, value);
    }
    let body = match &request.body {
        None => Body::Empty,
        Some(content) => {
            built = if content.is_chunked() {
                built.header(header::TRANSFER_ENCODING, "chunked")
            } else if request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
                built
            } else {
                built.header(header::CONTENT_LENGTH, content.bytes().len())
            };
            Body::Stream(Stream::from_client(world, content, End::Complete))
        }
    };
    let geography = request.cf.as_ref().map_or(Geography::UNKNOWN, |edge| {
        let asn = edge.asn.map(|asn| asn.to_string()).unwrap_or_default();
        Geography::read(edge.country.as_deref().unwrap_or_default().as_bytes(), asn.as_bytes())
    });
    let scheme = if scheme == "https" { Scheme::Https } else { Scheme::Http };
    let address = Some(request.from.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    let certificate = request.cf.as_ref().and_then(shown);
    let peer = Peer::new(address, scheme).located(geography).with_certificate(certificate.map(Arc::new));
    (built.body(body).expect("a request that `http` can express"), peer)
}

/// The certificate of which the edge tells.
fn shown(edge: &Edge) -> Option<Certificate> {
    let said = |name| edge.of_certificate(name).as_bytes();
    let expires = edge.expires().map(|seconds| seconds.to_string()).unwrap_or_default();
    EdgeCertificate {
        presented: said("certPresented"),
        verified: said("certVerified"),
        revoked: said("certRevoked"),
        sha256: said("certFingerprintSHA256"),
        subject: said("certSubjectDNRFC2253"),
        issuer: said("certIssuerDNRFC2253"),
        serial: said("certSerial"),
        expires: expires.as_bytes(),
        field: said("certRFC9440"),
    }
    .read()
}
