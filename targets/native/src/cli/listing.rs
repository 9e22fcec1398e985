//! `edgeway routes --json`: the routes as data, with the names of the configuration.

use std::time::Duration;

use gateway_core::config::{RequestChecks, UndeclaredQuery};
use gateway_core::plan::{
    Action, Fallback, Mirror, Next, PathRewrite, Plan, Proxy, RequestStep, ResponseStep, Route, Target,
};
use gateway_core::policy::clients::Where;
use gateway_core::policy::condition::Condition;
use gateway_core::policy::proof::Proof;
use gateway_core::policy::steer::Steer;
use gateway_core::route::{Field, HostPattern, Predicate, Spec, Tail, Test};
use http::{HeaderName, Method};
use serde_json::{Map, Value, json};

use super::limits::deadlines_json;
use super::quota;

/// The routes of `plan`, in the order in which they are tried. A route with several hosts is there once for each.
pub(super) fn routes(plan: &Plan) -> Vec<Value> {
    let listed = |spec: &Spec| {
        let route = plan.routes.get(spec.route)?;
        Some(json!({
            "name": &*route.name,
            "at": route.at.to_string(),
            "match": matched(plan, spec),
            "action": action(plan, &route.action),
            "policies": policies(route, &spec.path.parameters().collect::<Vec<_>>()),
            "bodyBytes": route.body_limit,
        }))
    };
    plan.table.ranked().filter_map(listed).collect()
}

/// The conditions, in the form that `match` has in a configuration.
pub(super) fn matched(plan: &Plan, spec: &Spec) -> Value {
    let mut members = Map::new();
    let mut add = |name: &str, value: Value| members.insert(name.to_owned(), value);
    if let Some(scheme) = spec.scheme {
        add("scheme", scheme.as_str().into());
    }
    if spec.host != HostPattern::Any {
        add("hosts", json!([spec.host.to_string()]));
    }
    let pattern = spec.path.to_string();
    match (spec.path.tail(), pattern.strip_suffix("/*")) {
        (Tail::Regex(expression), _) => add("path", json!({"regex": expression.as_str()})),
        (Tail::Prefix, Some("")) => add("prefix", "/".into()),
        (Tail::Prefix, Some(prefix)) => add("prefix", prefix.into()),
        _ if pattern.is_empty() => add("path", "/".into()),
        _ => add("path", pattern.into()),
    };
    if !spec.methods.is_empty() {
        add("methods", plan.table.methods().iter(spec.methods).map(http::Method::as_str).collect());
    }
    for (name, predicates) in [("headers", &spec.headers), ("query", &spec.query), ("cookies", &spec.cookies)] {
        if !predicates.is_empty() {
            add(name, Value::Object(predicates.iter().map(entry).collect()));
        }
    }
    if let Some(Test::Within(networks)) = spec.client.as_ref().map(Predicate::test) {
        add("clientAddress", networks.iter().map(ToString::to_string).collect());
    }
    if let Some(version) = plan.routes.get(spec.route).and_then(|route| route.version.as_ref()) {
        add("version", json!(&*version.name));
    }
    Value::Object(members)
}

/// A predicate as an entry of `headers`, `query` or `cookies`.
fn entry(predicate: &Predicate) -> (String, Value) {
    let name = match predicate.field() {
        Field::Header(name) => name.to_string(),
        Field::Query(name) | Field::Cookie(name) => name.to_string(),
        Field::ClientAddress | Field::Version(_) => String::new(),
    };
    let test = match predicate.test() {
        Test::Present => json!({"present": true}),
        Test::Absent => json!({"present": false}),
        Test::OneOf(values) => match &**values {
            [value] => json!(&**value),
            values => json!({"oneOf": values.iter().map(|value| &**value).collect::<Vec<_>>()}),
        },
        Test::Prefix(start) => json!({"prefix": &**start}),
        Test::Suffix(end) => json!({"suffix": &**end}),
        Test::Regex(expression) => json!({"regex": expression.as_str()}),
        Test::Within(_) => Value::Null,
    };
    (name, test)
}

fn action(plan: &Plan, action: &Action) -> Value {
    match action {
        Action::Proxy(proxy) => proxied(plan, proxy),
        Action::Redirect(redirect) => json!({"kind": "redirect", "status": redirect.status.as_u16()}),
        Action::Respond(respond) => json!({"kind": "respond", "status": respond.status.as_u16()}),
        Action::Mock(mock) => json!({"kind": "mock", "prefer": mock.has_choice}),
        Action::KeyValue(_) => json!({"kind": "keyValue"}),
        Action::Batch(batch) => json!({
            "kind": "batch",
            "most": batch.most,
            "atOnce": batch.at_once,
            "timeoutSeconds": batch.timeout.as_secs_f64(),
            "maxBytes": batch.most_bytes,
        }),
        Action::Aggregate(calls) => {
            let aggregate = &calls.aggregate;
            let name = |index: usize| aggregate.calls.get(index).map(|asked| &*asked.name);
            let calls = aggregate.calls.iter().zip(&calls.targets).map(|(asked, target)| {
                json!({
                    "name": &*asked.name,
                    "upstream": plan.upstreams.get(target.upstream).map(|upstream| &*upstream.name),
                    "method": asked.sent.method.as_str(),
                    "needs": asked.needs.iter().filter_map(|index| name(*index)).collect::<Vec<_>>(),
                    "required": asked.is_required,
                })
            });
            json!({"kind": "aggregate", "calls": calls.collect::<Vec<_>>()})
        }
        Action::Login(login, endpoint) => json!({"kind": "login", "endpoint": endpoint.name(), "issuer": &*login.name}),
    }
}

fn proxied(plan: &Plan, proxy: &Proxy) -> Value {
    let upstream = |target: &Target| {
        let name = plan.upstreams.get(target.upstream).map(|upstream| &*upstream.name);
        json!({
            "name": name,
            "weight": target.weight,
            "steered": target.is_steered,
            "policies": edits(target),
            "timeouts": deadlines_json(&target.deadlines),
        })
    };
    let fallback = |step: &Fallback| match &step.next {
        Next::Upstream { proxy, methods } => json!({
            "kind": "upstream",
            "upstreams": proxy.targets.iter().map(upstream).collect::<Vec<_>>(),
            "methods": methods.iter().map(Method::as_str).collect::<Vec<_>>(),
        }),
        Next::Stale => json!({"kind": "stale"}),
        Next::Respond(respond) => json!({"kind": "respond", "status": respond.status.as_u16()}),
    };
    let mirror = |mirror: &Mirror| {
        json!({
            "upstream": plan.upstreams.get(mirror.target.upstream).map(|upstream| &*upstream.name),
            "percent": mirror.rules.percent,
            "methods": mirror.rules.methods.as_ref().map(|all| all.iter().map(Method::as_str).collect::<Vec<_>>()),
            "maxBytes": mirror.rules.most_bytes,
            "atOnce": mirror.rules.at_once,
            "timeoutSeconds": mirror.rules.timeout.as_secs_f64(),
        })
    };
    json!({
        "kind": "proxy",
        "rollout": proxy.rollout.as_ref().map(|rollout| json!({
            "candidate": rollout.sides.get(1).and_then(|side| plan.upstreams.get(proxy.targets.get(*side)?.upstream)).map(|upstream| &*upstream.name),
            "steps": rollout.steps,
            "holdSeconds": rollout.hold.as_secs_f64(),
            "leastRequests": rollout.least_requests,
            "errorPoints": rollout.error_points,
            "slowPercent": rollout.slow_percent,
        })),
        "mirrors": proxy.mirrors.iter().map(mirror).collect::<Vec<_>>(),
        "upstreams": proxy.targets.iter().map(upstream).collect::<Vec<_>>(),
        "fallback": proxy.fallback.iter().flat_map(|fallback| &*fallback.steps).map(fallback).collect::<Vec<_>>(),
        "rewrite": match &proxy.path {
            PathRewrite::Keep => Value::Null,
            PathRewrite::Prefix { replacement, .. } => json!({"prefix": format!("{replacement}/")}),
            PathRewrite::Template(template) => json!({"path": template.as_text()}),
        },
        "webSocket": proxy.web_socket.map(|limits| json!({
            "idleSeconds": limits.idle.as_ref().map(Duration::as_secs_f64),
            "lifeSeconds": limits.life.as_ref().map(Duration::as_secs_f64),
        })),
    })
}

fn policies(route: &Route, parameters: &[&str]) -> Vec<Value> {
    let cors = route.cors.iter().map(|_| json!({"kind": "cors"}));
    let request = route.request.iter().filter(|step| acts(step, &route.action));
    let cache = route.cache.iter().filter(|_| matches!(route.action, Action::Proxy(_)));
    let cache = cache.map(|cache| quota::cached(cache));
    let compress = route.compress.iter().map(|compress| {
        let codings = compress.codings.iter().map(|coding| (coding.name(), compress.level(*coding)));
        json!({
            "kind": "compress",
            "codings": codings.map(|(name, level)| json!({"name": name, "level": level})).collect::<Vec<_>>(),
            "minBytes": compress.min_bytes,
            "types": compress.types,
        })
    });
    let etag = route.etag.iter().map(|etag| json!({"kind": "etag", "weak": etag.is_weak, "maxBytes": etag.max_bytes}));
    cors.chain(steps(request, &route.response, parameters)).chain(cache).chain(etag).chain(compress).collect()
}

/// Returns whether `step` acts on what `action` does: edits of a request that goes nowhere have no effect, nor has a choice of upstreams.
pub(super) const fn acts(step: &RequestStep, action: &Action) -> bool {
    let is_for_upstreams = matches!(
        step,
        RequestStep::Steer(_)
            | RequestStep::EditHeaders(_)
            | RequestStep::EditQuery(_)
            | RequestStep::EditBody(_)
            | RequestStep::Method(_)
    );
    !is_for_upstreams || matches!(action, Action::Proxy(_))
}

/// The policies of one upstream of a route.
pub(super) fn edits(target: &Target) -> Vec<Value> {
    steps(target.request.iter(), &target.response, &[]).collect()
}

fn steps<'s>(
    request: impl Iterator<Item = &'s RequestStep>,
    response: &[ResponseStep],
    parameters: &[&str],
) -> impl Iterator<Item = Value> {
    let response = response.iter().map(|step| match step {
        ResponseStep::EditHeaders(edits) => json!({"kind": "responseHeaders", "edits": edits.len()}),
        ResponseStep::MapStatus(map) => json!({"kind": "responseStatus", "edits": map.count()}),
        ResponseStep::EditBody(edit) => {
            json!({"kind": "responseBody", "edits": edit.steps.len() + edit.text.len(), "maxBytes": edit.most_bytes})
        }
    });
    request.map(|step| request_step(step, parameters)).chain(response)
}

/// A way to another upstream, with its condition.
pub(super) fn way(way: &Steer) -> Map<String, Value> {
    let mut members = condition(&way.when);
    members.insert("upstream".to_owned(), json!(way.name));
    members
}

fn request_step(step: &RequestStep, parameters: &[&str]) -> Value {
    match step {
        RequestStep::Maintenance(maintenance) => {
            let [from, until] = maintenance.planned();
            let flag = maintenance.flag.as_ref().map(|flag| &*flag.name);
            json!({"kind": "maintenance", "from": from, "until": until, "flag": flag})
        }
        RequestStep::Authenticate(program) => {
            let anonymous = program.anonymous.as_ref().and_then(|nobody| nobody.consumer.as_ref());
            let anonymous = anonymous.map(|consumer| &consumer.name);
            let proofs: Vec<Value> = program.proofs().map(proof).collect();
            json!({"kind": "authenticate", "by": &*program.words, "proofs": proofs, "anonymous": anonymous})
        }
        RequestStep::Clients(rule) => {
            let list = |networks: &[_]| networks.iter().map(ToString::to_string).collect::<Vec<_>>();
            let allow = rule.allow.as_deref().map(list);
            let mut members = Map::new();
            members.insert("kind".to_owned(), json!("clients"));
            members.insert("rule".to_owned(), json!(rule.rule));
            members.insert("allow".to_owned(), json!(allow));
            members.insert("deny".to_owned(), json!(list(&rule.deny)));
            for (kind, places) in &rule.places {
                let names = |places: &[u32]| places.iter().map(|place| kind.name(*place)).collect::<Vec<_>>();
                let member = match kind {
                    Where::Country => "countries",
                    Where::Asn => "asns",
                };
                let lists = json!({"allow": places.allow.as_deref().map(names), "deny": names(&places.deny)});
                members.insert(member.to_owned(), lists);
            }
            Value::Object(members)
        }
        RequestStep::Authorize(rule) => {
            let mut members = condition(&rule.condition);
            members.insert("kind".to_owned(), json!("authorize"));
            members.insert("rule".to_owned(), json!(rule.rule));
            Value::Object(members)
        }
        RequestStep::RateLimit(limit) => quota::rate_limit(limit, parameters),
        RequestStep::Concurrency(limit) => json!({
            "kind": "concurrency",
            "name": &*limit.name,
            "limit": limit.limit,
            "key": quota::key(&limit.key, parameters),
            "fail": quota::fail(limit.fail),
        }),
        RequestStep::Idempotency(rule) => json!({
            "kind": "idempotency",
            "header": rule.header().as_str(),
            "scope": rule.scope().map(|scope| quota::key(scope, parameters)),
            "keepSeconds": rule.keep.as_secs_f64(),
            "waitSeconds": rule.wait.as_secs_f64(),
            "maxBytes": rule.most_bytes,
            "fail": quota::fail(rule.fail),
        }),
        RequestStep::Steer(ways) => {
            json!({"kind": "steer", "ways": ways.iter().map(way).collect::<Vec<_>>()})
        }
        RequestStep::ContentType(types) => json!({"kind": "contentType", "types": types.from().collect::<Vec<_>>()}),
        RequestStep::Method(map) => {
            let methods = map.iter().map(|(from, to)| json!({"from": from.as_str(), "to": to.as_str()}));
            json!({"kind": "requestMethod", "methods": methods.collect::<Vec<_>>()})
        }
        RequestStep::EditHeaders(edits) => json!({"kind": "requestHeaders", "edits": edits.count()}),
        RequestStep::Validate(step) => json!({
            "kind": "validate",
            "contentTypes": step.types,
            "json": step.json.map(|caps| json!({
                "depth": caps.depth, "keys": caps.keys, "items": caps.items, "textBytes": caps.text,
            })),
            "xml": step.xml.map(|caps| json!({
                "depth": caps.depth, "elements": caps.elements, "attributes": caps.attributes, "textBytes": caps.text,
            })),
        }),
        RequestStep::OpenApi(checks) => json!({
            "kind": "openapi",
            "document": &*checks.document,
            "operations": checks.description.count(),
            "request": match checks.request {
                RequestChecks::Refuse => "refuse",
                RequestChecks::Report => "report",
                RequestChecks::Off => "off",
            },
            "response": if checks.has_responses { "report" } else { "off" },
            "undeclared": {
                "operations": if checks.has_strangers { "allow" } else { "refuse" },
                "query": match checks.query {
                    UndeclaredQuery::Allow => "allow",
                    UndeclaredQuery::Strip => "strip",
                    UndeclaredQuery::Refuse => "refuse",
                },
            },
        }),
        RequestStep::Csrf(_) => json!({"kind": "csrf"}),
        RequestStep::Fault(fault) => json!({
            "kind": "fault",
            "percent": fault.percent,
            "when": fault.when.as_ref().map(|when| when.as_str()),
            "byHeader": fault.is_by_header(),
            "delaySeconds": fault.delays().map(|(least, most)| [least.as_secs_f64(), most.as_secs_f64()]),
            "status": fault.status(),
            "grpcStatus": fault.grpc_status(),
        }),
        RequestStep::EditQuery(edits) => json!({"kind": "requestQuery", "edits": edits.len()}),
        RequestStep::EditBody(edit) => {
            json!({"kind": "requestBody", "edits": edit.steps.len() + edit.text.len(), "maxBytes": edit.most_bytes})
        }
    }
}

fn proof(proof: &Proof) -> Value {
    match proof {
        Proof::Introspect(proof) => {
            json!({"kind": "introspect", "issuer": &*proof.name, "audiences": &proof.audiences})
        }
        Proof::External(proof) => {
            let headers = |names: &[HeaderName]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
            json!({
                "kind": "external",
                "upstream": &*proof.name,
                "path": &*proof.place.path,
                "protocol": if proof.is_opa { "opa" } else { "forwardAuth" },
                "headers": headers(&proof.tell),
                "copy": headers(&proof.copy),
            })
        }
        Proof::ApiKey(key) => json!({"kind": "apiKey", "file": key.takes_listed, "keyValue": key.takes_stored}),
        Proof::Basic(_) => json!({"kind": "basic"}),
        Proof::Webhook(webhook) => json!({"kind": "webhook", "sender": webhook.scheme.name}),
        Proof::Certificate => json!({"kind": "certificate"}),
        Proof::Login(login) => json!({
            "kind": "login",
            "issuer": &*login.name,
            "client": &*login.client,
            "callback": &*login.callback,
            "logout": login.logout.as_deref(),
            "cookie": &*login.cookie,
            "idle": login.idle.as_secs(),
            "life": login.life.map(|life| life.as_secs()),
        }),
        Proof::Signature(signature) => json!({
            "kind": "signature",
            "components": &signature.components,
            "nonce": signature.nonce,
        }),
        Proof::Jwt(jwt) => json!({"kind": "jwt", "issuers": &jwt.names, "audiences": &jwt.audiences}),
    }
}

fn condition(condition: &Condition) -> Map<String, Value> {
    let Condition { consumers, groups, tiers, scopes, claims, when } = condition;
    let when = when.as_ref().map(|when| when.as_str());
    let claims: Vec<_> = claims.iter().map(|claim| &claim.path).collect();
    let members = [
        ("consumers", json!(consumers)),
        ("groups", json!(groups)),
        ("tiers", json!(tiers)),
        ("scopes", json!(scopes)),
        ("claims", json!(claims)),
        ("when", json!(when)),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
