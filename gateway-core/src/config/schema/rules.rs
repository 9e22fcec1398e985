//! The rules for single members, beyond their types.

use serde_json::{Map, Value, json};

/// A reference to a variable, in any part of a text.
const VARIABLE: &str = r"\$\{[A-Z][A-Z0-9_]*(:-|\})";

/// A rule for the value of a member, or for each of its items.
enum Rule {
    /// Texts of this pattern, of which these are examples, or with a variable.
    Text(&'static str, &'static [&'static str]),
    /// Texts of this pattern without variables.
    Verbatim(&'static str, &'static [&'static str]),
    /// Any text, for example these.
    Free(&'static [&'static str]),
    /// A whole number from the first to the second.
    Whole(u32, u32),
    /// One of these numbers.
    Numbers(&'static [u16]),
    /// A list of at least one.
    Some,
    /// A list without repetitions.
    Unique,
    /// An object, the names in which have this pattern.
    Names(&'static str),
}

use Rule::{Free, Names, Numbers, Some as AtLeastOne, Text, Unique, Verbatim, Whole};

const NAME: Rule = Text(".", &["users"]);
const TOKEN: &str = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$";
const FIELD: Rule = Text(TOKEN, &["x-tenant"]);
const HOST: Rule =
    Text(r"^(\*|(\*\.)?[!-~]*[0-9A-Za-z_-][!-~]*|\[[0-9A-Fa-f:.]+\])$", &["api.example.com", "*.example.com"]);
const PATH: Rule = Text(r"^(/|(/[^/?#]+)+/?)$", &["/users/{id}", "/files/{*path}"]);
const PREFIX: Rule = Text(r"^(/|(/[^/?#]+)+/?)$", &["/api"]);
const NETWORK: Rule = Text(r"^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$", &["10.0.0.0/8", "2001:db8::/32"]);
const URL: Rule = Text(
    r"^[Hh][Tt][Tt][Pp][Ss]?://[^/?#@\s]+(/[^?#\s]*)?(#.*)?$",
    &["http://127.0.0.1:7101", "https://users.example.com/v1"],
);
const TIME: Rule = Text(
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|\+00:00)?$",
    &["2026-12-01T22:00:00Z"],
);
const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"];
/// A name or an address that a certificate covers.
const CERTIFIED: Rule = Text(r"^[0-9A-Za-z_.:-]+$", &["users.internal"]);
const FILE: Rule = Free(&["/run/secrets/cert.pem"]);

/// The rules by definition and member; the configuration itself has no name.
#[rustfmt::skip]
const RULES: &[(&str, &str, Rule)] = &[
    ("", "name", Text(TOKEN, &["edge-1"])),
    ("", "include", Verbatim("^[^/]", &["routes/*.json"])),
    ("", "include", Unique),
    ("", "identityHeaders", Text(r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+\*?$", &["x-tenant-*"])),
    ("", "errors", Names("^([45][0-9]{2}|[45]xx|default)$")),
    ("Server", "connections", Whole(1, 1_000_000)),
    ("Server", "keyValueFile", Free(&["values.db"])),
    ("Server", "admin", Text(r"^([0-9]{1,5}|(.*):[0-9]{1,5})$", &["9901", "10.0.0.5:9901"])),
    ("ServerTls", "certificate", FILE),
    ("ServerTls", "key", FILE),
    ("UpstreamTls", "authorities", Free(&["/etc/ssl/internal.pem"])),
    ("UpstreamTls", "serverName", CERTIFIED),
    ("UpstreamTls", "names", CERTIFIED),
    ("UpstreamTls", "names", AtLeastOne),
    ("UpstreamTls", "names", Unique),
    ("UpstreamTls", "certificate", Free(&["client.pem"])),
    ("UpstreamTls", "key", Free(&["client.key"])),
    ("Admin", "path", Text("^(/[A-Za-z0-9._~-]+)+$", &["/.edgeway"])),
    ("CounterStore", "redis", Text("^rediss?://[^/?#]+", &["redis://127.0.0.1:6379"])),
    ("Network", "trustedProxies", NETWORK),
    ("Network", "methods", Text(TOKEN, &["PROPFIND", "PURGE"])),
    ("Network", "methods", Unique),
    ("Limits", "headers", Whole(1, u32::MAX)),
    ("Upstream", "url", URL),
    ("Upstream", "urls", URL),
    ("Upstream", "urls", Unique),
    ("Api", "name", NAME),
    ("Api", "hosts", HOST),
    ("Api", "prefix", PREFIX),
    ("Api", "routes", AtLeastOne),
    ("Route", "name", NAME),
    ("Match", "path", PATH),
    ("Match", "prefix", PREFIX),
    ("Match", "hosts", HOST),
    ("Match", "hosts", Unique),
    ("Match", "methods", Text(TOKEN, METHODS)),
    ("Match", "methods", Unique),
    ("Match", "headers", Names(TOKEN)),
    ("Match", "cookies", Names(TOKEN)),
    ("Target", "weight", Whole(0, 1_000_000)),
    ("Redirect", "location", Text(r"^(/|https?://|\{request\.scheme\})", &["/new/{path.id}", "https://{request.host}{request.path}"])),
    ("Redirect", "status", Numbers(&[301, 302, 303, 307, 308])),
    ("Respond", "status", Whole(200, 599)),
    ("Respond", "headers", Names(TOKEN)),
    ("KeyValueEntry", "key", Text(".", &["flags/{path.name}"])),
    ("KeyValueEntry", "contentType", Text("/", &["application/json"])),
    ("Rewrite", "path", Text("^/[^?#]*$", &["/internal/{path.id}"])),
    ("Rewrite", "prefix", Text("^(/[^?#{]*)?$", &["/v1"])),
    ("Rewrite", "host", Text(r"^[^@/?#\s]+$", &["users.internal"])),
    ("Cors", "origins", Text(r"^(\*|[A-Za-z][A-Za-z0-9+.-]*://[^/?#\s]+)$", &["https://app.example.com", "https://*.example.com"])),
    ("Cors", "methods", Text("^(\\*|[!#$%&'*+.^_`|~0-9A-Za-z-]+)$", METHODS)),
    ("Cors", "headers", FIELD),
    ("Cors", "expose", FIELD),
    ("Maintenance", "from", TIME),
    ("Maintenance", "until", TIME),
    ("Maintenance", "flag", Text(".", &["maintenance"])),
    ("Maintenance", "bypass", NETWORK),
    ("RateLimit", "limit", Whole(1, 1_000_000_000)),
    ("RateLimit", "burst", Whole(1, 1_000_000_000)),
    ("Concurrency", "limit", Whole(1, 10_000)),
    ("SecretRef", "secret", Verbatim("^[A-Z][A-Z0-9_]*$", &["USERS_TOKEN"])),
];

/// `pattern`, or a text with a variable.
pub(in crate::config) fn or_variable(pattern: &str) -> String {
    format!("(?:{pattern})|{VARIABLE}")
}

/// The schema of a text whose value a variable gives.
pub(super) fn variable() -> Value {
    json!({ "type": "string", "pattern": VARIABLE, "description": "A value from the environment: `${NAME}`." })
}

/// Adds the rules of the definition called `name` to its `schema`.
pub(super) fn add(name: &str, schema: &mut Value) {
    for (_, member, rule) in RULES.iter().filter(|(definition, ..)| *definition == name) {
        if let Some(value) = schema.pointer_mut(&format!("/properties/{member}")) {
            spell_out(value);
            apply(value, rule);
        }
    }
}

/// The definitions and members that have rules.
#[cfg(test)]
pub(super) fn members() -> impl Iterator<Item = (&'static str, &'static str)> {
    RULES.iter().map(|(definition, member, _)| (*definition, *member))
}

fn apply(value: &mut Value, rule: &Rule) {
    match rule {
        AtLeastOne => set(value, "minItems", json!(1)),
        Unique => set(value, "uniqueItems", json!(true)),
        Names(pattern) => set(value, "propertyNames", json!({ "pattern": pattern })),
        Whole(least, most) => {
            set(value, "minimum", json!(least));
            set(value, "maximum", json!(most));
        }
        Numbers(numbers) => {
            let null = is_nullable(value).then_some(Value::Null);
            let numbers = numbers.iter().map(|number| json!(number)).chain(null);
            set(value, "enum", numbers.collect());
        }
        Verbatim(pattern, examples) => texts(value, |text| {
            text.insert("pattern".to_owned(), json!(pattern));
            text.insert("examples".to_owned(), json!(examples));
        }),
        Free(examples) => texts(value, |text| {
            text.insert("examples".to_owned(), json!(examples));
        }),
        Text(pattern, examples) => texts(value, |text| {
            text.insert("pattern".to_owned(), or_variable(pattern).into());
            text.insert("examples".to_owned(), json!(examples));
        }),
    }
}

/// The types that are a text or an object, and the definition of that object.
const TEXT_OR: [(&str, &str); 2] = [("Value", "SecretRef"), ("PathMatch", "PathTest")];

/// Writes out what a member of one of these types may be, so that its text can have a rule of its own.
fn spell_out(value: &mut Value) {
    let Some(choices) = value.get_mut("anyOf").and_then(Value::as_array_mut) else { return };
    let reference = |name: &str| json!({ "$ref": format!("#/$defs/{name}") });
    for (whole, object) in TEXT_OR {
        let whole = reference(whole);
        if choices.contains(&whole) {
            choices.retain(|choice| *choice != whole);
            choices.extend([json!({ "type": "string" }), reference(object)]);
        }
    }
}

fn set(value: &mut Value, keyword: &str, to: Value) {
    if let Value::Object(members) = value {
        members.insert(keyword.to_owned(), to);
    }
}

fn is_nullable(value: &Value) -> bool {
    value["type"].as_array().is_some_and(|types| types.contains(&json!("null")))
}

/// Calls `change` with the schema of a member's text: its own, that of its items, or one of those to choose from.
fn texts(value: &mut Value, change: impl FnOnce(&mut Map<String, Value>)) {
    let is_text = |value: &Value| match &value["type"] {
        Value::String(kind) => kind == "string",
        Value::Array(kinds) => kinds.contains(&json!("string")),
        _ => false,
    };
    let inner = if is_text(value) {
        Some(value)
    } else if value.get("items").is_some() {
        value.get_mut("items").filter(|items| is_text(items))
    } else {
        value.get_mut("anyOf").and_then(Value::as_array_mut).and_then(|choices| choices.iter_mut().find(|c| is_text(c)))
    };
    if let Some(text) = inner.and_then(Value::as_object_mut) {
        change(text);
    }
}
