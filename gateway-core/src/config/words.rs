//! The wording of mistakes, with the way to mend them.

use super::error::{ErrorKind, Report};
use super::fixes::{bounds, is_whole, right_type};
use super::homes::HOMES;
use super::object::DESCRIPTION;
use super::parse::short;
use super::rates;
use super::suggest::suggest;
use super::tree::{Kind, Located, Node};
use super::units;
use super::vocabulary::{advice, is_edits, meant, missing, other_number, synonym};

/// The message and help for a report. `found` is the text in question, unless it must not be shown.
pub(super) fn describe(
    report: &Report,
    root: &Node<'_>,
    located: &Located<'_, '_>,
    found: Option<&str>,
) -> (String, Option<String>) {
    let name = located.member.map_or("", |member| &*member.name);
    match &report.kind {
        ErrorKind::Type { expected } => (
            match (found, &located.node.kind) {
                (Some(found), Kind::Number(_)) if is_whole(expected) => {
                    format!("expected {}, found `{found}`", number(expected, located))
                }
                _ => format!("expected {}, found {}", number(expected, located), kind(located.node)),
            },
            found.and_then(|found| right_type(expected, located, found)),
        ),
        ErrorKind::Object { fields } => (
            format!("expected an object, found {}", kind(located.node)),
            found.and_then(|found| right_type("an object", located, found)).or_else(|| Some(fields_of(fields))),
        ),
        ErrorKind::Value { expected } => (
            match found {
                Some(found) => format!("expected {}, found `{found}`", number(expected, located)),
                None => format!("expected {}", number(expected, located)),
            },
            match (&located.node.kind, found) {
                (Kind::String(text), Some(_)) => right_value(expected, text),
                (_, Some(found)) => right_type(expected, located, found),
                (_, None) => None,
            },
        ),
        ErrorKind::Choice { expected } => (
            format!("expected {}, found {}", one_of(expected), kind(located.node)),
            Some(right_choice(expected, located.node)),
        ),
        ErrorKind::Variant { expected } => {
            let (what, word) = match (&located.node.kind, located.member) {
                (Kind::String(text), _) if located.node.extent == report.extent.unwrap_or(located.node.extent) => {
                    ("value", &**text)
                }
                _ => ("name", name),
            };
            let is_count = expected.contains(&"leastRequest") && word.to_ascii_lowercase().starts_with("leastconn");
            let slip = suggest(word, expected.iter().copied()).filter(|_| !is_count);
            let help = match (other_step(word, expected), slip) {
                (Some(help), _) => help.to_owned(),
                (None, Some(meant)) => format!("did you mean `{meant}`?"),
                (None, None) => other_choice(word, expected),
            };
            (format!("unknown {what} `{}`", short(word)), Some(help))
        }
        ErrorKind::Field { expected } => {
            let is_rate = expected.contains(&"window") && rates::is_per_second(name);
            let object = report.extent.filter(|_| is_rate).and_then(|extent| root.object_of(extent.start));
            let rate = object.and_then(rates::per_second).map(|members| format!("write `{members}`"));
            let rate = rate.or_else(|| priority_of_route(located, expected));
            (format!("unknown field `{}`", short(name)), Some(rate.unwrap_or_else(|| right_field(name, expected))))
        }
        ErrorKind::Missing { field } => {
            (format!("missing field `{field}`"), Some(format!("add `\"{field}\": …` to this object")))
        }
        ErrorKind::Variable(mistake) => {
            let (message, help) = mistake.words();
            (message, Some(help))
        }
        ErrorKind::Other { message } => {
            (message.clone(), message.starts_with("only one").then(|| "keep one".to_owned()))
        }
        ErrorKind::Consequence => (String::new(), None),
    }
}

/// Returns whether another report says all of `report`: a rate in place of a limit has the window in it.
pub(super) fn is_said(report: &Report, root: &Node<'_>) -> bool {
    let ErrorKind::Missing { field: "window" } = report.kind else { return false };
    let Some(extent) = report.extent else { return false };
    let node = root.at(extent.start).node;
    match &node.kind {
        Kind::Object(_) if rates::per_second(node).is_some() => true,
        Kind::Object(members) => members.iter().any(
            |member| matches!(&member.value.kind, Kind::String(text) if member.name == "limit" && rates::members(text).is_some()),
        ),
        _ => false,
    }
}

/// The way to write the priority of a route's requests, which a policy says.
fn priority_of_route(located: &Located<'_, '_>, expected: &[&str]) -> Option<String> {
    let member = located.member.filter(|member| member.name == "priority" && expected.contains(&"keyValue"))?;
    let Kind::String(text) = &member.value.kind else { return None };
    let is_one = matches!(&**text, "critical" | "default" | "sheddable");
    is_one.then(|| format!("write `\"policies\": [{{\"priority\": \"{text}\"}}]`"))
}

fn right_field(name: &str, expected: &[&'static str]) -> String {
    if let Some(advice) = advice(name, expected) {
        return advice.to_owned();
    }
    let meant_here = meant(name, expected);
    if let Some(meant) = meant_here.filter(|meant| suggest(name, [*meant]).is_none()) {
        return format!("write `{meant}`");
    }
    if let Some(meant) = other_number(name, expected) {
        return format!("did you mean `{meant}`?");
    }
    // Letters in another order, as in `form` for `from`, count before a field of another object, too.
    if let Some(meant) = meant_here.filter(|meant| has_letters_of(name, meant)) {
        return format!("did you mean `{meant}`?");
    }
    // Another word for a field here counts before a field of another object that happens to be called so.
    let home = HOMES.iter().find(|(field, _)| *field == name && synonym(name, expected).is_none());
    if let Some((_, home)) = home {
        return format!("`{name}` belongs in {home}");
    }
    if let Some(meant) = meant_here.or_else(|| suggest(name, [DESCRIPTION])) {
        return format!("did you mean `{meant}`?");
    }
    if let Some(missing) = missing(name) {
        return missing.to_owned();
    }
    if is_edits(expected) {
        return format!("write `\"set\": {{\"{}\": …}}`", short(name));
    }
    let elsewhere = suggest(name, HOMES.iter().map(|(field, _)| *field));
    match HOMES.iter().find(|(field, _)| Some(*field) == elsewhere) {
        Some((field, home)) => format!("did you mean `{field}`? it belongs in {home}"),
        None if expected.is_empty() => fields_of(expected),
        None => format!("the fields here are {}", list(expected, "and")),
    }
}

/// Returns whether `one` has the letters of `other`, in whatever order.
fn has_letters_of(one: &str, other: &str) -> bool {
    let count = |text: &str, letter: u8| text.bytes().filter(|byte| *byte == letter).count();
    one.len() == other.len() && one.bytes().all(|letter| count(one, letter) == count(other, letter))
}

/// The fields that an object may have.
fn fields_of(fields: &[&str]) -> String {
    if fields.is_empty() {
        "write `{}`: it has no fields".to_owned()
    } else {
        format!("its fields are {}", list(fields, "and"))
    }
}

/// The correct way to write a wrong value.
fn right_value(expected: &str, text: &str) -> Option<String> {
    if let Some(window) = units::window(expected, text) {
        return Some(window);
    }
    if let Some(either) = units::either(expected, text) {
        return Some(either);
    }
    let tidy = units::tidy(expected, text).map(|tidy| format!("write `\"{tidy}\"`"));
    tidy.or_else(|| units::example(expected).map(|_| units::HELP.to_owned()))
}

/// The expected value, with the real bounds of a number.
fn number(expected: &str, located: &Located<'_, '_>) -> String {
    match bounds(located).filter(|_| is_whole(expected)) {
        Some(bounds) => format!("a whole number {bounds}"),
        None => plain(expected).to_owned(),
    }
}

/// The way to write one of `expected` where something else stands.
fn right_choice(expected: &[&str], node: &Node<'_>) -> String {
    let off = matches!(node.kind, Kind::Bool(false)).then_some("off").filter(|off| expected.contains(off));
    if matches!(node.kind, Kind::List(_)) && expected.contains(&"clientAddress") {
        return "write `{\"all\": […]}` for what several of them have in common".to_owned();
    }
    let client = matches!(node.kind, Kind::Bool(true)).then_some("preserve").filter(|word| expected.contains(word));
    match off.or(client).or_else(|| expected.first().copied()) {
        Some("present") => "write `{\"present\": true}`".to_owned(),
        Some(word) => format!("write it in quotes, as `\"{word}\"`"),
        None => String::new(),
    }
}

/// What to write instead of `word`, which is none of `expected`.
/// The help for the `word` of another language for a step on content.
fn other_step(word: &str, expected: &[&str]) -> Option<&'static str> {
    if !expected.contains(&"flatten") {
        return None;
    }
    Some(match word {
        "remove" | "delete" | "unset" | "omit" | "exclude" | "del" => {
            "write `{\"drop\": [\"$.a\"]}`; the `remove` of JSON Patch stands in `patch`: `{\"patch\": [{\"op\": \"remove\", \"path\": \"/a\"}]}`"
        }
        "add" | "insert" | "put" | "replace" | "update" => {
            "write `{\"set\": {\"/a\": 1}}`; the operations of JSON Patch stand in `patch`: `{\"patch\": [{\"op\": \"add\", \"path\": \"/a\", \"value\": 1}]}`"
        }
        "keep" | "select" | "only" | "include" => "write `{\"pick\": [\"$.a\"]}`",
        "op" | "path" | "value" => {
            "the operations of JSON Patch stand in `patch`: `{\"patch\": [{\"op\": \"remove\", \"path\": \"/a\"}]}`"
        }
        "map" | "foreach" | "forEach" => "write `{\"each\": {\"in\": \"$.items[*]\", \"steps\": […]}}`",
        _ => return None,
    })
}

fn other_choice(word: &str, expected: &[&str]) -> String {
    match word {
        "client" | "true" | "request" | "original" | "pass" | "keep" if expected.contains(&"preserve") => {
            "write `preserve`".to_owned()
        }
        variable if expected.contains(&"preserve") && variable.contains(['$', '{']) => "write `preserve`".to_owned(),
        _ if expected == ["upstream", "preserve", "set"] => format!("write `{{\"set\": \"{}\"}}`", short(word)),
        "ip" | "client" | "address" | "remote_addr" | "remoteAddress" if expected.contains(&"clientAddress") => {
            "write `clientAddress`".to_owned()
        }
        "http2" | "h2" | "grpc" | "HTTP/2" if expected == ["h2c"] => {
            "write `h2c` where the URL begins with `http://`; over `https://` leave it out".to_owned()
        }
        "http" | "https" | "http1" | "HTTP/1.1" | "http/1.1" if expected == ["h2c"] => "leave it out".to_owned(),
        "tokenBucket" | "leakyBucket" | "token_bucket" | "leaky_bucket" if expected.contains(&"gcra") => {
            "write `gcra`, which is a bucket that leaks".to_owned()
        }
        "least_conn" | "leastConn" | "leastconn" | "leastConnections" | "least_connections"
            if expected.contains(&"leastRequest") =>
        {
            "write `leastRequest`".to_owned()
        }
        "consistentHash" | "consistent_hash" | "ringHash" | "ring_hash" | "RING_HASH" | "maglev" | "MAGLEV"
            if expected.contains(&"leastRequest") =>
        {
            "write `{\"hash\": {\"key\": \"{cookie.session}\"}}`".to_owned()
        }
        "format" if expected.contains(&"off") => "write the word alone, such as `\"text\"`".to_owned(),
        "allow" | "pass" | "ignore" if expected.contains(&"open") => "write `open`".to_owned(),
        "deny" | "block" | "refuse" if expected.contains(&"closed") => "write `closed`".to_owned(),
        "exact" | "equals" | "is" | "value" | "eq" | "exact_match" | "exactMatch" if expected.contains(&"oneOf") => {
            "write the value alone, or several as `oneOf`".to_owned()
        }
        "contains" | "includes" if expected.contains(&"regex") => "write `{\"regex\": \".*text.*\"}`".to_owned(),
        name if expected == ["header", "cookie", "query"] => format!("write `{{\"header\": \"{}\"}}`", short(name)),
        header if header.starts_with("header") && expected.contains(&"everyone") => {
            "write `{\"header\": \"x-api-key\"}`".to_owned()
        }
        "in" | "any" | "values" | "anyOf" if expected.contains(&"oneOf") => "write `oneOf`".to_owned(),
        "exists" | "present_match" | "presentMatch" if expected.contains(&"present") => "write `present`".to_owned(),
        "pattern" | "regexp" | "matches" | "safeRegex" | "safe_regex_match" | "safe_regex"
            if expected.contains(&"regex") =>
        {
            "write `regex`".to_owned()
        }
        "endsWith" | "ends" | "suffix_match" | "suffixMatch" if expected.contains(&"suffix") => {
            "write `suffix`".to_owned()
        }
        "startsWith" | "begins" | "prefix_match" | "prefixMatch" if expected.contains(&"prefix") => {
            "write `prefix`".to_owned()
        }
        _ => format!("use {}", one_of(expected)),
    }
}

/// Translates serde's words for types to those of JSON.
fn plain(expected: &str) -> &str {
    match expected {
        "a string" => "text",
        "a boolean" => "`true` or `false`",
        "a sequence" => "a list",
        "a map" => "an object",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number",
        // The words of serde's reader of a choice for an empty object.
        "enum" => "an object with one member",
        other => other,
    }
}

fn kind(node: &Node<'_>) -> &'static str {
    match &node.kind {
        Kind::Null => "`null`",
        Kind::Bool(true) => "`true`",
        Kind::Bool(false) => "`false`",
        Kind::Number(_) => "a number",
        Kind::String(_) => "text",
        Kind::List(_) => "a list",
        Kind::Object(members) if members.is_empty() => "an empty object",
        Kind::Object(_) => "an object",
    }
}

fn one_of(words: &[&str]) -> String {
    match words {
        [one] => format!("`{one}`"),
        _ => format!("one of {}", list(words, "or")),
    }
}

/// Lists the words, except for `$schema`, which is no use as a suggestion.
fn list(words: &[&str], last: &str) -> String {
    let quoted: Vec<String> =
        words.iter().filter(|word| !word.starts_with('$')).map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((end, rest)) if !rest.is_empty() => format!("{} {last} {end}", rest.join(", ")),
        _ => quoted.concat(),
    }
}
