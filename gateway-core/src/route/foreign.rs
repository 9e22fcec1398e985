//! Path patterns and hosts in the syntax of other gateways and frameworks. Most of it is text that a path may hold, so that a
//! route would wait for requests that never come.

use std::fmt;

use super::foreign_expression::{expression, in_json};
use crate::config::THOROUGH;

/// Something that other programs read as a pattern, and this one would take for text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// The part that is meant as a pattern.
    pub found: String,
    /// The way to write it here.
    pub write: String,
}

/// The way to write a regular expression.
const EXPRESSION: &str =
    "write `{name}` for one segment, `{*name}` at the end for one or more, or `\"path\": {\"regex\": \"…\"}`";

impl Foreign {
    fn new(found: &str, write: impl Into<String>) -> Self {
        Self { found: found.to_owned(), write: write.into() }
    }

    /// Finds it in a path pattern, which may be a prefix.
    #[inline(never)]
    #[must_use]
    pub fn in_path(text: &str, is_prefix: bool) -> Option<Self> {
        if !THOROUGH {
            return None;
        }
        if text.starts_with(['^', '~', '=']) {
            return Some(Self::location(text));
        }
        let Some(rest) = text.strip_prefix('/') else {
            return text.contains('(').then(|| Self::new(text, "write the path alone, such as `/users/{id}`"));
        };
        let mut before = String::new();
        let mut segments = rest.split('/').peekable();
        while let Some(segment) = segments.next() {
            if let Some(write) = in_segment(segment, &before, segments.peek().is_none()) {
                let expression = expression(text, is_prefix);
                return Some(Self::new(segment, write.with(expression.as_deref())));
            }
            before.push('/');
            before.push_str(segment);
        }
        None
    }

    /// A path with nginx's modifiers (`=`, `^~`, `~`, `~*`), or Kong's `~`, or an anchored regular expression.
    fn location(text: &str) -> Self {
        let (modifier, pattern) = match text.split_once(' ') {
            Some((modifier @ ("=" | "^~" | "~" | "~*"), pattern)) => (modifier, pattern.trim()),
            _ => ("~", text.trim_start_matches('~')),
        };
        let from_start = pattern.strip_prefix('^').unwrap_or(pattern);
        let path = from_start.strip_suffix('$');
        let whole = modifier == "=" || path.is_some();
        let path = path.unwrap_or(from_start);
        let is_plain = path.starts_with('/') && Self::in_path(path, false).is_none() && !path.contains(['?', '#', '{']);
        let write = match (is_plain, whole) {
            (true, true) => format!("write `\"path\": \"{path}\"`"),
            (true, false) => format!("write `\"prefix\": \"{path}\"`"),
            (false, _) => {
                let start = if path.starts_with('/') { "" } else { "/.*" };
                let end = if whole || path.ends_with(".*") { "" } else { ".*" };
                let expression = in_json(&format!("{start}{path}{end}"));
                let expression = expression.filter(|_| !path.contains(['{', '$']) && !path.is_empty());
                Write::Expression.with(expression.as_deref())
            }
        };
        Self::new(text, write)
    }

    /// Finds it in a host pattern; `is_host` if it could be a host.
    #[must_use]
    #[inline(never)]
    pub fn in_host(text: &str, is_host: bool) -> Option<Self> {
        if !THOROUGH {
            return None;
        }
        if text == "_" {
            return Some(Self::new(text, "write `*` for every host, or leave the hosts out"));
        }
        if is_host {
            return None;
        }
        if text.starts_with(':') && text.bytes().skip(1).all(|byte| byte.is_ascii_digit()) {
            return Some(Self::new(text, "leave it out: ports do not count"));
        }
        if let Some(parent) = text.strip_prefix('.').filter(|parent| !parent.starts_with('.')) {
            let write = format!("write `*.{parent}` for its subdomains, beside `{parent}` for itself");
            return Some(Self::new(text, write));
        }
        let is_pattern = text.contains(['~', '^', '$', '(', '{', '<', '|', '+', '\\', '*'])
            || text.starts_with([':', '[']) && !text.starts_with("[:") && !text.contains(']') && text.contains('.');
        let write = "write `*.example.com` for all subdomains of `example.com`, a name such as `api.example.com`, or `*` for \
                     every host; nothing finer than whole names";
        is_pattern.then(|| Self::new(text, write))
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is a pattern in other programs, and not here", self.found)
    }
}

/// The way to write another program's pattern.
enum Write {
    /// So.
    As(String),
    /// So, if its values may be any; else as a regular expression.
    Loosely(String, &'static str),
    /// As a regular expression.
    Expression,
}

impl Write {
    /// The advice, where `expression` has the same meaning as the whole path.
    fn with(self, expression: Option<&str>) -> String {
        match (self, expression) {
            (Self::As(write), _) | (Self::Loosely(write, _), None) => format!("write {write}"),
            (Self::Loosely(write, when), Some(expression)) => {
                format!("write `\"path\": {{\"regex\": \"{expression}\"}}`, or {write} {when}")
            }
            (Self::Expression, Some(expression)) => format!("write `\"path\": {{\"regex\": \"{expression}\"}}`"),
            (Self::Expression, None) => EXPRESSION.to_owned(),
        }
    }
}

/// The way to write `segment` here, if other programs read a pattern in it; `before` is the path before it.
fn in_segment(segment: &str, before: &str, is_last: bool) -> Option<Write> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~' | b'%');
    if segment.bytes().all(plain) {
        return None;
    }
    if matches!(segment, "*" | "**") {
        return Some(Write::As(match (is_last, before) {
            (true, "") => "`\"prefix\": \"/\"`".to_owned(),
            (true, _) => format!("`\"prefix\": \"{before}\"`, or `{before}/{{*rest}}` for what is below it alone"),
            (false, _) => "`{name}` for one segment".to_owned(),
        }));
    }
    if let Some(parameter) = parameter(segment) {
        let write = format!("`{before}/{parameter}`");
        let is_constrained = segment.contains('(') || segment.get(1..).is_some_and(|text| text.contains([':', '=']));
        return Some(if segment.ends_with('?') || segment.ends_with("?}") {
            Write::Loosely(write, "where it has to be there")
        } else if is_constrained && !parameter.starts_with("{*") {
            Write::Loosely(write, "for any value")
        } else {
            Write::As(write)
        });
    }
    // What stands in `{'…'}` is meant as it is.
    let (mut rest, mut bare) = (segment, String::new());
    while let Some((text, quoted)) = rest.split_once("{'") {
        bare.push_str(text);
        rest = quoted.split_once("'}").map_or("", |(_, rest)| rest);
    }
    bare.push_str(rest);
    if bare.starts_with('{') && bare.ends_with('}') && !bare.starts_with("{{") {
        // A parameter of ours, or one that the parser refuses by a message of its own.
        return None;
    }
    let escape = |pair: &[u8]| matches!(pair, [b'\\', b'd' | b'D' | b'w' | b'W' | b's' | b'S' | b'.' | b'0'..=b'9']);
    let is_pattern = segment.starts_with(':')
        || bare.contains(['*', '(', ')', '[', ']', '<', '>', '|', '^', '$'])
        || bare.contains(".+")
        || bare.contains("%{")
        || bare.contains("{{")
        || bare.as_bytes().windows(2).any(escape);
    is_pattern.then_some(Write::Expression)
}

/// The parameter that other programs see in `segment`, as it is written here.
fn parameter(segment: &str) -> Option<String> {
    let one = |name: &str| name_only(name).map(|name| format!("{{{name}}}"));
    let many = |name: &str| name_only(name).map(|name| format!("{{*{name}}}"));
    let between = |open: &str, close: &str| segment.strip_prefix(open)?.strip_suffix(close);
    // Express, Gin, APISIX: `:id`, `:id?`, `:id(\\d+)`, `:rest*`.
    if let Some(text) = segment.strip_prefix(':') {
        let (name, rest) = text.split_at_checked(text.find(|c: char| !is_name(c)).unwrap_or(text.len()))?;
        return match rest {
            "" | "?" => one(name),
            "*" | "+" => many(name),
            _ if rest.starts_with('(') => one(name),
            _ => None,
        };
    }
    if let Some(name) = segment.strip_prefix('*') {
        return many(name);
    }
    // Next.js: `[[...slug]]`, `[...slug]`, `[id]`.
    if let Some(name) = between("[[...", "]]").or_else(|| between("[...", "]")) {
        return many(name);
    }
    if let Some(name) = between("[", "]") {
        return one(name);
    }
    // Flask, Django: `<id>`, `<int:id>`, `<path:rest>`.
    if let Some(text) = between("<", ">") {
        return match text.split_once(':') {
            Some(("path", name)) => many(name),
            Some(("int" | "str" | "string" | "uuid" | "slug" | "float", name)) => one(name),
            Some((name, _)) => one(name),
            None => one(text),
        };
    }
    for (open, close) in [("${", "}"), ("%{", "}"), ("#{", "}"), ("{{", "}}")] {
        if let Some(name) = between(open, close) {
            return one(name.trim());
        }
    }
    in_braces(segment)
}

/// Gorilla, Spring, actix, ASP.NET, JAX-RS, AWS, gRPC: `{id:[0-9]+}`, `{id?}`, `{rest*}`, `{proxy+}`, `{**rest}`, `{name=**}`.
fn in_braces(segment: &str) -> Option<String> {
    let text = segment.strip_prefix('{')?;
    if text.starts_with('\'') {
        return None;
    }
    let whole = text.strip_suffix('}').unwrap_or(text);
    let (is_many, rest) = (whole.starts_with(['*', '.']), whole.trim_start_matches(['*', '.']));
    let (name, rest) = rest.split_at_checked(rest.find(|c: char| !is_name(c)).unwrap_or(rest.len()))?;
    let many = match rest {
        "" if whole.starts_with("**") || whole.starts_with("...") => true,
        // Written as here, or no pattern of another program either.
        "" => return None,
        "?" => is_many,
        "*" | "+" | "..." | ":.*" | ":.+" | "=**" | ":path" => true,
        _ if rest.starts_with([':', '=']) => is_many,
        _ => return None,
    };
    name_only(name).map(|name| if many { format!("{{*{name}}}") } else { format!("{{{name}}}") })
}

fn name_only(name: &str) -> Option<&str> {
    (!name.is_empty() && name.chars().all(is_name)).then_some(name)
}

const fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_other_programs_are_found_in_paths() {
        // The path, the part that is meant, and the beginning of the advice.
        let table = [
            ("/users/:id", ":id", "write `/users/{id}`"),
            ("/users/:id?", ":id?", "write `\"path\": {\"regex\": \"/users(?:/(?<id>[^/]+))?\"}`"),
            ("/users/:id(\\d+)", ":id(\\d+)", "write `\"path\": {\"regex\": \"/users/(?<id>\\\\d+)\"}`"),
            ("/files/:rest*", ":rest*", "write `/files/{*rest}`"),
            ("/files/*rest", "*rest", "write `/files/{*rest}`"),
            ("/api/*", "*", "write `\"prefix\": \"/api\"`"),
            ("/api/**", "**", "write `\"prefix\": \"/api\"`"),
            ("/*", "*", "write `\"prefix\": \"/\"`"),
            ("/a/*/b", "*", "write `{name}` for one segment"),
            ("/api*", "api*", "write `\"path\": {\"regex\": \"/api.*\"}`"),
            ("/a/*.js", "*.js", "write `\"path\": {\"regex\": \"/a/[^/]*\\\\.js\"}`"),
            ("/users/[0-9]+", "[0-9]+", "write `\"path\": {\"regex\": \"/users/[0-9]+\"}`"),
            ("/users/[id]", "[id]", "write `/users/{id}`"),
            ("/docs/[...slug]", "[...slug]", "write `/docs/{*slug}`"),
            ("/docs/[[...slug]]", "[[...slug]]", "write `/docs/{*slug}`"),
            ("/users/<id>", "<id>", "write `/users/{id}`"),
            ("/users/<int:id>", "<int:id>", "write `\"path\": {\"regex\": \"/users/(?<id>[0-9]+)\"}`"),
            ("/f/<path:rest>", "<path:rest>", "write `/f/{*rest}`"),
            ("/users/(.*)", "(.*)", "write `\"path\": {\"regex\": \"/users/(.*)\"}`"),
            ("/users/.*", ".*", "write `\"path\": {\"regex\": \"/users/.*\"}`"),
            ("/users/.+", ".+", "write `\"path\": {\"regex\": \"/users/.+\"}`"),
            ("/users/\\d+", "\\d+", "write `\"path\": {\"regex\": \"/users/\\\\d+\"}`"),
            ("/a|b", "a|b", "write `\"path\": {\"regex\": \"/a|b\"}`"),
            ("/new/$1", "$1", EXPRESSION),
            ("/users/${id}", "${id}", "write `/users/{id}`"),
            ("/users/%{id}", "%{id}", "write `/users/{id}`"),
            ("/users/{{id}}", "{{id}}", "write `/users/{id}`"),
            ("/users/{{ id }}/x", "{{ id }}", "write `/users/{id}`"),
            ("/users/{id:[0-9]+}", "{id:[0-9]+}", "write `\"path\": {\"regex\": \"/users/(?<id>[0-9]+)\"}`"),
            ("/users/{id:int}", "{id:int}", "write `\"path\": {\"regex\": \"/users/(?<id>[0-9]+)\"}`"),
            ("/users/{id?}", "{id?}", "write `\"path\": {\"regex\": \"/users(?:/(?<id>[^/]+))?\"}`"),
            ("/{proxy+}", "{proxy+}", "write `/{*proxy}`"),
            ("/f/{rest*}", "{rest*}", "write `/f/{*rest}`"),
            ("/f/{**rest}", "{**rest}", "write `/f/{*rest}`"),
            ("/f/{rest:.*}", "{rest:.*}", "write `/f/{*rest}`"),
            ("/v1/{name=**}", "{name=**}", "write `/v1/{*name}`"),
            ("/x/$", "$", EXPRESSION),
            ("^/x$", "^/x$", "write `\"path\": \"/x\"`"),
            ("^/x", "^/x", "write `\"prefix\": \"/x\""),
            ("~^/users/(.*)$", "~^/users/(.*)$", "write `\"path\": {\"regex\": \"/users/(.*)\"}`"),
            ("~ ^/x", "~ ^/x", "write `\"prefix\": \"/x\""),
            ("~* \\.php$", "~* \\.php$", "write `\"path\": {\"regex\": \"/.*\\\\.php\"}`"),
            ("= /x", "= /x", "write `\"path\": \"/x\""),
            ("^~ /x/", "^~ /x/", "write `\"prefix\": \"/x/\""),
            ("PathPrefix(`/x`)", "PathPrefix(`/x`)", "write the path alone"),
        ];
        for (path, found, write) in table {
            let foreign = Foreign::in_path(path, false).unwrap_or_else(|| panic!("{path}"));
            assert_eq!(foreign.found, found, "{path}");
            assert!(foreign.write.starts_with(write), "{path}: {}", foreign.write);
        }
    }

    #[test]
    fn paths_that_are_text_stay_text() {
        for path in [
            "/",
            "/users/{id}",
            "/files/{*path}",
            "/v1/things:cancel",
            "/@user",
            "/c++",
            "/a,b;c=1",
            "/~user",
            "/a.b/.well-known",
            "/caf%C3%A9",
            "/a!b&c=d",
            "/users/{':id'}",
            "/{'$metadata'}",
            "/Products{'(5)'}",
            "/{'[0-9]+'}/x",
            "/a-{id}",
            "/{a.b}",
            "a",
        ] {
            assert_eq!(Foreign::in_path(path, false), None, "{path}");
        }
    }

    #[test]
    fn patterns_of_other_programs_are_found_in_hosts() {
        for host in [
            "_",
            ":8080",
            "*:8080",
            ".example.com",
            "*.*.example.com",
            "www.example.*",
            "~^(www|api)\\.example\\.com$",
            "{sub}.example.com",
            "{sub:[a-z]+}.example.com",
            "<sub>.example.com",
            ":sub.example.com",
            "[a-z]+.example.com",
            "$host",
        ] {
            assert!(Foreign::in_host(host, false).is_some(), "{host}");
        }
        for host in ["", "a b", "café.fr", "https://a", "[nope]", "a..b"] {
            assert_eq!(Foreign::in_host(host, false), None, "{host}");
        }
        for host in ["example.com", "*.example.com", "[::1]", "my_service"] {
            assert_eq!(Foreign::in_host(host, true), None, "{host}");
        }
    }
}
