//! The right way to write a value that is of the wrong type.

use super::mask::mask;
use super::parse::short;
use super::path::Step;
use super::rates;
use super::tree::{Kind, Located, Member, Node};
use super::units;

/// What a value is expected to be where one object can stand for a list.
pub(super) const OBJECTS: &str = "an object, or a list of objects";

/// Objects for which authors often write only the main member.
pub(super) const MAIN_MEMBERS: [(&str, &str); 10] = [
    ("match", "path"),
    ("redirect", "location"),
    ("respond", "body"),
    ("keyValue", "key"),
    ("rewrite", "path"),
    ("accessLog", "format"),
    ("counters", "redis"),
    ("responses", "redis"),
    ("cacheFile", "path"),
    ("client", "id"),
];

/// Members and the way to write them, where another type was written, or nothing.
const EXAMPLES: &[(&str, &str, &str)] = &[
    ("server", "listen", "\"127.0.0.1:8080\""),
    ("server", "admin", "\"127.0.0.1:9901\""),
    ("server", "keyValueFile", "\"state.redb\""),
    ("server", "cacheMemory", "\"256MiB\""),
    ("server", "cacheFile", "{\"path\": \"cache.redb\", \"size\": \"10GiB\"}"),
    ("cacheFile", "size", "\"10GiB\""),
    ("server", "tls", "{\"certificate\": \"cert.pem\", \"key\": \"key.pem\"}"),
    ("", "admin", "{\"path\": \"/.edgeway\", \"token\": {\"secret\": \"ADMIN_TOKEN\"}}"),
    ("", "accessLog", "{\"format\": \"json\"}"),
    ("admin", "token", "{\"secret\": \"ADMIN_TOKEN\"}"),
    ("admin", "registryToken", "{\"secret\": \"REGISTRY_TOKEN\"}"),
    ("network", "trustedProxies", "[\"10.0.0.0/8\"]"),
    ("", "timeouts", "{\"total\": \"5s\"}"),
    ("", "maintenance", "{\"flag\": \"maintenance\"}"),
    ("", "cors", "{\"origins\": [\"https://example.com\"]}"),
    ("", "csrf", "{}"),
    ("", "fault", "{\"percent\": 1, \"status\": 503}"),
    ("", "validate", "{\"json\": {}}"),
    ("", "security", "{\"frame\": \"deny\", \"referrer\": \"strict-origin-when-cross-origin\"}"),
    ("", "hsts", "{\"maxAge\": \"365d\"}"),
    ("", "compress", "{}"),
    ("", "etag", "{}"),
    ("compress", "levels", "{\"gzip\": 6}"),
    ("compress", "codings", "[\"br\", \"gzip\"]"),
    ("compress", "types", "[\"text/*\", \"application/json\"]"),
    ("", "cache", "{\"ttl\": \"5m\"}"),
    ("cache", "statuses", "{\"404\": \"30s\"}"),
    ("cache", "key", "{\"headers\": [\"accept-language\"]}"),
    ("", "idempotency", "{\"required\": true}"),
    ("", "targets", "[{\"url\": \"http://10.0.0.1:8080\"}, {\"url\": \"http://10.0.0.2:8080\"}]"),
    ("", "balance", "\"leastRequest\""),
    ("", "deadlineHeader", "\"x-request-timeout-ms\""),
    ("balance", "hash", "{\"key\": \"{cookie.session}\"}"),
    ("passive", "successRate", "{}"),
    ("balance", "sticky", "{\"cookie\": \"place\", \"key\": {\"secret\": \"STICKY_KEY\"}}"),
    ("", "rollout", "{\"candidate\": \"next\", \"steps\": [5, 25, 50, 100]}"),
    ("", "mirror", "[{\"upstream\": \"next\", \"percent\": 10}]"),
    ("", "retry", "{\"attempts\": 2}"),
    ("", "fallback", "[{\"upstream\": \"NAME\"}, {\"respond\": {\"status\": 503}}]"),
    ("fallback", "on", "[\"unsent\", \"reset\", \"timeout\", \"open\"]"),
    ("retry", "on", "[\"unsent\", \"reset\", \"timeout\"]"),
    ("retry", "hedge", "{\"after\": \"50ms\"}"),
    ("retry", "grpcStatuses", "[\"unavailable\"]"),
    ("retry", "backoff", "{\"base\": \"25ms\"}"),
    ("", "health", "{\"passive\": {}}"),
    ("health", "active", "{\"path\": \"/healthz\"}"),
    ("", "breaker", "{\"failures\": 5}"),
    ("", "load", "{\"most\": 200}"),
    ("idempotency", "scope", "\"consumer\""),
    ("idempotency", "methods", "[\"POST\", \"PATCH\"]"),
    ("", "rateLimit", "{\"limit\": 5, \"window\": \"1s\"}"),
    ("rateLimit", "lease", "{\"units\": 50}"),
    ("", "concurrency", "{\"limit\": 5}"),
    ("", "authenticate", "{\"jwt\": {\"audiences\": [\"https://api.example.com\"]}}"),
    ("tls", "clients", "{\"authorities\": \"clients-ca.pem\"}"),
    ("", "clients", "{\"allow\": [\"10.0.0.0/8\"]}"),
    ("clients", "countries", "{\"allow\": [\"DE\"]}"),
    ("clients", "asns", "{\"allow\": [64500]}"),
    ("", "steer", "[{\"when\": {\"groups\": [\"beta\"]}, \"upstream\": \"next\"}]"),
    ("steer", "when", "{\"groups\": [\"beta\"]}"),
    ("", "authorize", "{\"groups\": [\"ops\"]}"),
    ("authorize", "claims", "{\"tenant\": \"acme\"}"),
    ("claims", "", "\"acme\""),
    ("credentials", "bearer", "{\"secret\": \"NAME\"}"),
    ("keys", "secret", "{\"secret\": \"NAME\"}"),
    ("", "respond", "{\"status\": 200}"),
    ("", "webSocket", "true"),
    ("", "anonymous", "\"guest\""),
    ("", "resource", "\"https://api.example.com\""),
    ("security", "frame", "\"unset\""),
    ("security", "referrer", "\"unset\""),
    ("webhook", "secrets", "{\"secret\": \"NAME\"}"),
    ("policies", "", "{\"rateLimit\": {\"limit\": 5, \"window\": \"1s\"}}"),
];

/// The real bounds of whole numbers; those of their types say little.
const BOUNDS: &[(&str, &str, &str)] = &[
    ("rateLimit", "limit", "from 1 to 1000000000"),
    ("rateLimit", "burst", "from 1 to 1000000000"),
    ("lease", "units", "from 2 to 100000"),
    ("concurrency", "limit", "from 1 to 10000"),
    ("", "weight", "from 0 to 1000000"),
    ("respond", "status", "from 200 to 599"),
    ("redirect", "status", "such as 301, 302, 303, 307 or 308"),
    ("limits", "headers", "above 0"),
];

/// The names of the member at `located` and of the one around it.
fn names(located: &Located<'_, '_>) -> (String, String) {
    let steps = located.path.steps();
    let mut members = steps.iter().rev().filter_map(|step| match step {
        Step::Member(name) => Some(name.to_string()),
        Step::Index(_) => None,
    });
    (members.next().unwrap_or_default(), members.next().unwrap_or_default())
}

fn row(table: &'static [(&str, &str, &str)], located: &Located<'_, '_>) -> Option<&'static str> {
    let (name, around) = names(located);
    let is_row = |(outer, inner, _): &&(&str, &str, &str)| {
        (*inner == name || inner.is_empty()) && (*outer == around || outer.is_empty())
    };
    table.iter().find(is_row).map(|(_, _, text)| *text)
}

/// The bounds of the whole number at `located`.
pub(super) fn bounds(located: &Located<'_, '_>) -> Option<&'static str> {
    row(BOUNDS, located)
}

/// The way to write a value that was written as the wrong type; `found` is its text.
pub(super) fn right_type(expected: &str, located: &Located<'_, '_>, found: &str) -> Option<String> {
    let expected = if expected == OBJECTS { "an object" } else { expected };
    let special = special(expected, located, found);
    special.or_else(|| from_kind(expected, located, found)).or_else(|| match expected {
        "an object" | "a map" if !is_fixed(located) => Some("write `{\"name\": \"value\"}`".to_owned()),
        "a string" => Some("write text in double quotes".to_owned()),
        "a boolean" => Some("write `true` or `false`".to_owned()),
        "enum" => Some("write one member in it, or leave it out".to_owned()),
        _ if units::example(expected).is_some() => Some(units::HELP.to_owned()),
        _ => match expected.strip_prefix("an object `{") {
            Some(object) => Some(format!("write `{{{object}")),
            None => row(EXAMPLES, located).map(|example| format!("write `{example}`")),
        },
    })
}

/// Returns whether the object at `located` has members of fixed names, which are then listed.
fn is_fixed(located: &Located<'_, '_>) -> bool {
    !matches!(&*names(located).0, "headers" | "query" | "cookies" | "set" | "append" | "rename")
}

/// What authors mean in a few places in particular.
fn special(expected: &str, located: &Located<'_, '_>, found: &str) -> Option<String> {
    let (name, around) = names(located);
    let is_list = matches!(expected, "a list" | "a sequence");
    match (&*name, &located.node.kind) {
        ("accessLog", Kind::Bool(false)) if expected == "an object" => Some("write `{\"format\": \"off\"}`".to_owned()),
        ("accessLog", Kind::String(text))
            if expected == "an object" && !matches!(&**text, "json" | "text" | "off") && !text.contains("${") =>
        {
            Some(
                "write `{\"format\": \"json\"}`: the log goes to standard output, which the shell can redirect"
                    .to_owned(),
            )
        }
        ("cache", Kind::Bool(false)) if expected == "an object" => {
            Some("write `{\"enabled\": false}`, which turns off that of `defaults` or the API, or leave it out".to_owned())
        }
        ("cache", Kind::Bool(true)) if expected == "an object" => {
            Some("write `{}` to store what responses let be stored, or `{\"ttl\": \"5m\"}`".to_owned())
        }
        ("compress", Kind::Bool(false)) if expected == "an object" => {
            Some("write `{\"enabled\": false}`, which turns off that of `defaults` or the API, or leave it out".to_owned())
        }
        ("compress", Kind::Bool(true)) if expected == "an object" => {
            Some("write `{}`, which compresses text for whoever takes that".to_owned())
        }
        ("etag", Kind::Bool(false)) if expected == "an object" => {
            Some("write `{\"enabled\": false}`, which turns off that of `defaults` or the API, or leave it out".to_owned())
        }
        ("etag", Kind::Bool(true)) if expected == "an object" => {
            Some("write `{}`, which gives tags to responses that have none".to_owned())
        }
        ("bypass", Kind::Bool(true)) if around == "cache" => Some(
            "write `\"cache\": {\"enabled\": false}` for no cache; this is a condition: `\"request.headers['x-preview'] == '1'\"`"
                .to_owned(),
        ),
        ("bypass", Kind::Bool(false)) if around == "cache" => Some("leave it out".to_owned()),
        ("rateLimit", Kind::String(text)) if expected == "an object" => {
            rates::members(text).map(|members| format!("write `{{{members}}}`"))
        }
        ("rateLimit", Kind::Number(limit)) if expected == "an object" => {
            Some(format!("write `{{\"limit\": {limit}, \"window\": \"1s\"}}`"))
        }
        ("limit", Kind::String(text)) if is_whole(expected) => {
            rates::members(text).map(|members| format!("write `{members}`"))
        }
        ("origins", Kind::Object(_)) if expected == "a string" => Some(
            "write each origin as text; `https://*.example.com` stands for all hosts below a domain, and there are no \
             regular expressions"
                .to_owned(),
        ),
        ("security", Kind::Bool(true) | Kind::String(_)) if expected == "an object" => Some(
            "write `{}` for `nosniff`, `frame` and `referrer` with their usual values; `\"hsts\": {}` besides is for hosts that are \
             never to be reached without TLS again"
                .to_owned(),
        ),
        ("security", Kind::Bool(false)) => Some("leave it out".to_owned()),
        ("keys", Kind::String(_)) if around == "login" => {
            let item = "{\"secret\": \"SESSION_KEY\"}";
            Some(if is_list { format!("write `[{item}]`") } else { format!("write `{item}`") })
        }
        ("secrets", Kind::String(_)) if is_list => Some("write `[{\"secret\": \"NAME\"}]`".to_owned()),
        ("from", Kind::String(text)) if is_list && matches!(&*around, "jwt" | "introspect" | "apiKey") => {
            Some(format!("write `[{{\"header\": \"{}\"}}]`", short(&mask(text))))
        }
        ("scopes", Kind::String(text)) if is_list && text.trim().contains(' ') => {
            let scopes = mask(text).split_whitespace().collect::<Vec<_>>().join(",");
            Some(format!("write `[{}]`", parts(&scopes)?))
        }
        ("frame" | "referrer", Kind::Bool(_)) if around == "security" => {
            Some("write `\"unset\"` to leave the field alone, or leave this out".to_owned())
        }
        ("keys", Kind::String(_) | Kind::Object(_)) if is_list => Some(key_help(&located.node.kind)),
        ("keys", Kind::String(_)) if expected == "an object" => Some(key_help(&located.node.kind)),
        ("url", Kind::Number(port)) => Some(format!("write `\"http://127.0.0.1:{port}\"`")),
        (_, Kind::Object(_) | Kind::List(_)) if expected == "a string" && is_content_of_error(located) => {
            Some(format!("write it as text, the braces of JSON doubled: `{}`", doubled(located.node)))
        }
        ("routes" | "apis", Kind::Object(members))
            if is_list
                && members
                    .iter()
                    .all(|member| matches!(member.value.kind, Kind::Object(_)) && member.name != "match") =>
        {
            let first = short(&members.first()?.name);
            Some(format!("put each in a list, with its name in it: `[{{\"name\": \"{first}\", …}}]`"))
        }
        ("upstreams", Kind::List(_)) if expected == "an object" => {
            Some("upstreams have names here: `{\"NAME\": {\"url\": \"http://host:port\"}}`".to_owned())
        }
        ("counters" | "responses", Kind::String(text)) if expected == "an object" && !text.contains("://") => {
            Some("leave it out, or write `{\"redis\": \"redis://host:6379\"}`".to_owned())
        }
        (_, Kind::String(text)) if text.contains("${") && (is_whole(expected) || expected == "a boolean") => {
            Some("write the value itself: a variable stands in texts alone".to_owned())
        }
        ("split", Kind::Object(members)) if is_list => Some(format!("write `[{}]`", shares(members)?)),
        ("upstream", Kind::List(_)) => {
            Some("`split` takes several: `\"split\": [{\"upstream\": \"a\", \"weight\": 1}, …]`".to_owned())
        }
        ("upstream", Kind::Object(_)) => Some("define it in `upstreams`, and write its name here".to_owned()),
        ("match", Kind::String(text)) => {
            let words = text
                .split_once(' ')
                .filter(|(method, path)| method.bytes().all(|byte| byte.is_ascii_uppercase()) && path.starts_with('/'));
            match words {
                Some((method, path)) => {
                    let path = short(&mask(path));
                    Some(format!("write `{{\"path\": \"{path}\", \"methods\": [\"{method}\"]}}`"))
                }
                None if text.contains(['(', '`', ' ']) => {
                    Some("write `{\"path\": \"/users\"}`, and other conditions as members beside it".to_owned())
                }
                None => None,
            }
        }
        (name, Kind::Number(text)) if is_whole(expected) && text.contains('.') && is_share(name) => {
            let share: f64 = text.parse().ok()?;
            let percent = if share < 1.0 { share * 100.0 } else { share }.round();
            Some(match percent {
                _ if share <= 0.0 || percent > 10_000.0 => "write a whole number, in percent".to_owned(),
                _ if percent < 1.0 => "write `1`, the least there is: it is in percent".to_owned(),
                _ if (0.1..1.0).contains(&share) => format!("write `{percent}`, or at least `1`: it is in percent"),
                _ => format!("write `{percent}`: it is in percent"),
            })
        }
        ("delay", Kind::Object(_)) if around == "fault" => {
            Some("write `\"delay\": \"500ms\", \"percent\": 10`".to_owned())
        }
        ("weight", Kind::Number(text)) if text.contains('.') => {
            Some("write whole numbers, such as `9` and `1`: they share requests by their sum".to_owned())
        }
        ("mirror", Kind::String(_) | Kind::Object(_)) if is_list => Some("write `[{\"upstream\": \"next\", \"percent\": 10}]`".to_owned()),
        ("split", Kind::String(_)) if expected == "an object" => {
            Some(format!("write `{{\"upstream\": {found}, \"weight\": 1}}`"))
        }
        ("urls", Kind::Object(_)) if expected == "a string" => {
            Some("write the URL alone, in double quotes; `split` shares requests by weight".to_owned())
        }
        ("policies", Kind::List(_)) if expected == "an object" => {
            Some("policies have names here: `{\"NAME\": { … }}`; routes list them".to_owned())
        }
        ("rateLimit", Kind::List(_)) => Some("make each a policy of its own, and list them in `policies`".to_owned()),
        ("remove", Kind::Object(members)) if is_list => Some(format!("write `[{}]`", quoted(members)?)),
        (_, Kind::String(_)) if around == "errors" => Some(format!("write `{{\"text/plain\": {found}}}`")),
        ("methods", Kind::String(text)) if is_list && text.contains(['|', ' ']) => {
            Some(format!("write `[{}]`", parts(&mask(text).replace(['|', ' '], ","))?))
        }
        (_, Kind::String(text)) if is_list && text.contains(',') => Some(format!("write `[{}]`", parts(&mask(text))?)),
        ("url", Kind::List(_)) => Some(format!("write `\"urls\": {found}`")),
        ("path" | "prefix", Kind::List(_)) if around == "match" => {
            Some(format!("write one, or make `match` a list: `[{{\"{name}\": …}}, …]`"))
        }
        ("body", Kind::Object(_) | Kind::List(_)) => Some("write it as `json`".to_owned()),
        ("respond", Kind::Number(status)) => Some(format!("write `{{\"status\": {status}}}`")),
        ("timeouts", Kind::String(_)) => Some(format!("write `{{\"total\": {found}}}`")),
        ("timeouts", Kind::Number(seconds)) => Some(format!("write `{{\"total\": \"{seconds}s\"}}`")),
        ("concurrency", Kind::Number(limit)) => Some(format!("write `{{\"limit\": {limit}}}`")),
        ("listen", Kind::Number(port)) => Some(format!("write `\"127.0.0.1:{port}\"`")),
        ("admin", Kind::String(path)) if expected == "an object" && path.starts_with('/') => {
            Some(format!("write `{{\"path\": {found}, \"token\": {{\"secret\": \"ADMIN_TOKEN\"}}}}`"))
        }
        ("webSocket", Kind::String(text)) => match &**text {
            "no" | "off" | "false" => Some("write `false`".to_owned()),
            _ => Some("write `true`".to_owned()),
        },
        (_, Kind::String(text)) if around == "upstreams" && expected == "an object" => with_scheme(&mask(text)),
        (_, Kind::List(_)) if around == "upstreams" => Some(format!("write `{{\"urls\": {found}}}`")),
        // A test of a header field, a query parameter or a cookie.
        (_, kind) if expected.starts_with("a value, or one of") => Some(match kind {
            Kind::List(_) => format!("write `{{\"oneOf\": {found}}}`"),
            Kind::Null => "write `{\"present\": false}` for a request without it".to_owned(),
            Kind::Bool(true) => "write `{\"present\": true}` for any value, `\"true\"` for this one".to_owned(),
            _ => format!("write `\"{found}\"`"),
        }),
        (_, Kind::Number(_) | Kind::Bool(_))
            if expected.starts_with("text or `{") || expected.starts_with("a path or `{") =>
        {
            Some(format!("write `\"{found}\"`"))
        }
        (_, Kind::List(_)) if expected == "a string" => match &located.node.kind {
            Kind::List(items) => match &**items {
                [Node { kind: Kind::String(text), .. }] => Some(format!("write `\"{}\"`", short(&mask(text)))),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
    .or_else(|| {
        let is_shapeless =
            matches!(located.node.kind, Kind::Bool(_) | Kind::Number(_) | Kind::Object(_) | Kind::List(_));
        let example = row(EXAMPLES, located).filter(|example| {
            let object = example.starts_with('{');
            is_shapeless && if object { expected == "an object" } else { expected != "an object" }
        });
        example.map(|example| format!("write `{example}`"))
    })
    .or_else(|| {
        // Text where an object is expected, for which there is but one sensible form.
        let example = row(EXAMPLES, located)
            .filter(|_| matches!(&*name, "token" | "secret" | "secrets" | "maintenance" | "cors" | "rateLimit"));
        example.filter(|_| expected == "an object").map(|example| format!("write `{example}`"))
    })
}

/// Returns whether the member of this `name` is a share in percent.
fn is_share(name: &str) -> bool {
    matches!(name, "percent" | "steps" | "errorPoints") || name.ends_with("Percent")
}

/// The way to write keys of an issuer.
fn key_help(kind: &Kind<'_>) -> String {
    match kind {
        Kind::Object(_) => "put it in a list: `[{ … }]`".to_owned(),
        _ => "write the text of the key, not its file: `[{\"pem\": \"-----BEGIN PUBLIC KEY-----\\n…\"}]`, or \
              `[{\"pem\": {\"secret\": \"NAME\"}}]` for a secret that holds it; `jwks` takes the URL of a set"
            .to_owned(),
    }
}

/// Returns whether `located` is a content of the author's own for errors.
fn is_content_of_error(located: &Located<'_, '_>) -> bool {
    matches!(&*located.path.steps(), [.., Step::Member(errors), Step::Member(_), Step::Member(_)] if **errors == *"errors")
}

/// The longest text that is written out whole.
const WRITTEN_OUT: usize = 120;

/// The JSON of `node` as a text of a configuration in which `{{` is a brace; an example where it is long.
fn doubled(node: &Node<'_>) -> String {
    let mut text = String::new();
    match write_doubled(node, &mut text) {
        Some(()) => format!("\"{}\"", text.replace('"', "\\\"")),
        None => "\"{{\\\"error\\\": \\\"{error.title}\\\"}}\"".to_owned(),
    }
}

fn write_doubled(node: &Node<'_>, out: &mut String) -> Option<()> {
    let push_text = |text: &str, out: &mut String| {
        let is_plain = text.len() <= WRITTEN_OUT && !text.contains(['"', '\\']) && !text.contains(char::is_control);
        is_plain.then(|| out.extend(["\"", text, "\""]))
    };
    match &node.kind {
        Kind::Null => out.push_str("null"),
        Kind::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Kind::Number(text) => out.push_str(text),
        Kind::String(text) => push_text(text, out)?,
        Kind::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                write_doubled(item, out)?;
            }
            out.push(']');
        }
        Kind::Object(members) => {
            out.push_str("{{");
            for (index, member) in members.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                push_text(&member.name, out)?;
                out.push_str(": ");
                write_doubled(&member.value, out)?;
            }
            out.push_str("}}");
        }
    }
    (out.len() <= WRITTEN_OUT).then_some(())
}

/// `{"users": 90}` as the items of a `split`.
fn shares(members: &[Member<'_>]) -> Option<String> {
    let share = |member: &Member<'_>| match &member.value.kind {
        Kind::Number(weight) => Some(format!("{{\"upstream\": \"{}\", \"weight\": {weight}}}", member.name)),
        _ => None,
    };
    let shares: Option<Vec<String>> = members.iter().take(4).map(share).collect();
    shares.filter(|shares| !shares.is_empty()).map(|shares| shares.join(", "))
}

/// The names of `members` as items of a list.
fn quoted(members: &[Member<'_>]) -> Option<String> {
    let names: Vec<String> = members.iter().take(4).map(|member| format!("\"{}\"", short(&member.name))).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// `GET,POST` as the items of a list.
fn parts(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    let is_plain = parts.len() <= 8 && parts.iter().all(|part| !part.is_empty() && !part.contains(['"', '\\']));
    is_plain.then(|| parts.iter().map(|part| format!("\"{part}\"")).collect::<Vec<_>>().join(", "))
}

fn with_scheme(text: &str) -> Option<String> {
    let scheme = if text.contains("://") { "" } else { "http://" };
    // Without a scheme, a password is not told from an address.
    let is_address = !scheme.is_empty() && text.contains('@');
    (!is_address).then(|| format!("write `{{\"url\": \"{scheme}{text}\"}}`"))
}

fn from_kind(expected: &str, located: &Located<'_, '_>, found: &str) -> Option<String> {
    let list = matches!(expected, "a list" | "a sequence");
    match &located.node.kind {
        // What may be absent takes `null` for that.
        Kind::Null if is_scalar(expected) => Some(match bounds(located) {
            Some(bounds) => format!("it is required: write a number {bounds}"),
            None => format!("it is required: write {}", units::example(expected).unwrap_or("text in double quotes")),
        }),
        Kind::Null => Some("leave it out".to_owned()),
        Kind::Object(_) if list => Some("put it in a list: `[{ … }]`".to_owned()),
        _ if list => Some(format!("write `[{found}]`")),
        Kind::Number(text) if expected == "a string" => Some(format!("write `\"{text}\"`")),
        Kind::Bool(value) if expected == "a string" => Some(format!("write `\"{value}\"`")),
        Kind::Number(text) if is_whole(expected) => {
            let whole = text.split('.').next().unwrap_or_default();
            let whole = whole.parse::<u32>().ok().filter(|whole| *whole > 0 && text.contains('.'));
            Some(whole.map_or("write one within these bounds".to_owned(), |whole| format!("write `{whole}`")))
        }
        Kind::Number(text) => units::either(expected, text)
            .or_else(|| units::with_unit(expected, text).map(|text| format!("write `\"{text}\"`"))),
        Kind::String(text) => match expected {
            "an object" => {
                let name = located.member.map_or("", |member| &*member.name);
                let (_, main) = MAIN_MEMBERS
                    .iter()
                    .find(|(object, _)| *object == name)
                    .or_else(|| text.starts_with("http").then_some(&("", "url")))?;
                Some(format!("write `{{\"{main}\": {found}}}`"))
            }
            "a boolean" => match text.trim() {
                "true" | "yes" | "on" => Some("write `true`, without quotes".to_owned()),
                "false" | "no" | "off" => Some("write `false`, without quotes".to_owned()),
                _ => None,
            },
            _ if is_whole(expected) => {
                let number = text.trim().trim_end_matches('%').trim_start_matches("AS");
                let is_number = number.parse::<u64>().is_ok();
                Some(if is_number { format!("write `{number}`, without quotes") } else { "write a number".to_owned() })
            }
            _ => None,
        },
        // The words of a choice say what object they mean: `an object {"set": …}`.
        Kind::Bool(_) | Kind::List(_) | Kind::Object(_) => None,
    }
}

fn is_scalar(expected: &str) -> bool {
    is_whole(expected) || expected == "a string" || units::example(expected).is_some()
}

/// Returns whether `expected` is a whole number.
pub(super) fn is_whole(expected: &str) -> bool {
    matches!(expected, "u8" | "u16" | "u32" | "u64" | "usize")
}

#[cfg(all(test, feature = "schema"))]
mod tests {
    use super::*;
    use crate::config::json_schema;

    #[test]
    fn the_members_are_there() {
        let schema = json_schema();
        let objects: Vec<_> = schema["$defs"].as_object().unwrap().values().chain([&schema]).collect();
        let choices = objects.iter().filter_map(|o| o["oneOf"].as_array()).flatten();
        let all: Vec<_> = objects.iter().copied().chain(choices).collect();
        let is_there = |name: &str| name.is_empty() || all.iter().any(|o| o["properties"].get(name).is_some());
        for (object, main) in MAIN_MEMBERS {
            assert!(is_there(object) && is_there(main), "{object}.{main}");
        }
        for (object, member, _) in EXAMPLES.iter().chain(BOUNDS) {
            assert!(is_there(object) && is_there(member), "{object}.{member}");
        }
    }
}
