//! Variables in the syntax of other gateways and frameworks, which a template would take for text: a redirect to `$host`.

use super::Compiler;
use super::at::At;
use super::edits::Parameters;
use crate::config::THOROUGH;
use crate::template::Template;

/// The use of a template, which decides what in it can hardly be meant as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A URL, a path, or a key.
    Url,
    /// The value of a field or of a query parameter.
    Value,
}

/// Another program's variable, and the same in this one's syntax, where there is such a thing.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Foreign<'t> {
    found: &'t str,
    write: Option<String>,
}

impl Compiler<'_> {
    /// Parses a template, and reports variables of other programs in it.
    pub(super) fn template_for(
        &mut self,
        at: &At<'_>,
        text: &str,
        parameters: Parameters<'_>,
        place: Place,
    ) -> Option<Template> {
        if self.has_foreign_variables(at, text, place) { None } else { self.template(at, text, parameters) }
    }

    /// Returns whether variables of other programs are in `text`, and reports them. Where mistakes are not told, they are text, as a
    /// template says.
    #[inline(never)]
    pub(super) fn has_foreign_variables(&mut self, at: &At<'_>, text: &str, place: Place) -> bool {
        if !THOROUGH || !text.contains(['$', '%', '*', ':', '<', '{']) {
            return false;
        }
        let foreign = variables(text, place);
        let Some(first) = foreign.first() else { return false };
        let names: Vec<_> = foreign.iter().map(|foreign| format!("`{}`", foreign.found)).collect();
        let meant = if let [_] = *names { "is a variable" } else { "are variables" };
        let written = foreign.iter().filter_map(|foreign| Some((foreign.found, foreign.write.as_deref()?)));
        let mut help: Vec<_> = written.map(|(found, write)| format!("write `{write}` for `{found}`")).collect();
        if help.is_empty() {
            help.push("write `{path.NAME}`, `{query.NAME}`, `{header.NAME}`, `{request.path}` and the like".to_owned());
        }
        self.error_with(
            at,
            format!("{} {meant} in other programs, and not here", names.join(" and ")),
            format!("{}; text that stands for itself is written `{{'{}'}}`", help.join(", "), first.found),
        );
        true
    }
}

/// Every variable of another program in `text`.
fn variables(text: &str, place: Place) -> Vec<Foreign<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    let mut before = None;
    while let Some(c) = rest.chars().next() {
        let mut length = c.len_utf8();
        if let Some(quoted) = rest.strip_prefix("{'") {
            length = quoted.find("'}").map_or(rest.len(), |end| end + 4);
        } else if let Some(foreign) = variable(rest, before, place) {
            length = foreign.found.len();
            if !found.contains(&foreign) {
                found.push(foreign);
            }
        }
        before = rest.get(..length).and_then(|passed| passed.chars().next_back());
        rest = rest.get(length..).unwrap_or_default();
    }
    found
}

/// The variable of another program at the beginning of `text`, which comes after the character `before`.
fn variable(text: &str, before: Option<char>, place: Place) -> Option<Foreign<'_>> {
    let until = |close: &str| text.find(close).and_then(|end| text.get(..end + close.len()));
    let named = |found| Some(Foreign { found, write: translated(found) });
    let mut chars = text.chars();
    match (chars.next()?, chars.next()) {
        // Apache, HAProxy, shells: `${host}`, `$(uri_captures.id)`, `%{Host}i`, `%[src]`.
        ('$' | '%', Some('{')) => named(until("}")?),
        ('$', Some('(')) => named(until(")")?),
        ('%', Some('[')) => named(until("]")?),
        // nginx, APISIX: `$host`. A dollar sign in a word is no variable.
        ('$', Some(next)) if next.is_ascii_alphabetic() || next == '_' => {
            let is_inside = before.is_some_and(|c| c.is_ascii_alphanumeric()) && place == Place::Value;
            named(word(text)).filter(|_| !is_inside)
        }
        ('$', Some('1'..='9')) if place == Place::Url => named(word(text)),
        // Envoy: `%REQ(:path)%`, `%DOWNSTREAM_REMOTE_ADDRESS%`.
        ('%', Some('A'..='Z')) => {
            let name = text.get(1..)?;
            let end = name.find(|c: char| !(c.is_ascii_uppercase() || c == '_'))?;
            let is_hex = name.get(..end)?.bytes().all(|byte| byte.is_ascii_hexdigit());
            match name.get(end..)?.chars().next()? {
                '(' if end > 2 => named(until(")%").or_else(|| until(")"))?),
                '%' if end > 2 && !is_hex => named(text.get(..end + 2)?),
                _ => None,
            }
        }
        // Jinja, Handlebars, Kubernetes' templates: `{{ request.host }}`.
        ('{', Some('{')) => {
            let found = until("}}")?;
            let inner = found.get(2..found.len() - 2)?;
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ' | '|' | '$');
            let is_variable = !inner.is_empty()
                && inner.chars().all(plain)
                && (place == Place::Url || inner.contains(['.', ' ', '|', '$']));
            named(found).filter(|_| is_variable)
        }
        // Express, Netlify, Cloudflare: `/new/:id`, `/new/:splat`, `/new/*`.
        (':' | '*', next) if before == Some('/') && place == Place::Url => {
            let end = text.find(['/', '?', '#']).unwrap_or(text.len());
            let found = text.get(..end)?;
            let is_name = |name: &str| {
                name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                    && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
            };
            let is_parameter = matches!(found, "*" | "**") || (next.is_some() && is_name(found.get(1..)?));
            let write = found.get(1..).filter(|name| is_name(name)).map(|name| format!("{{path.{name}}}"));
            is_parameter.then_some(Foreign { found, write })
        }
        // Flask: `/new/<id>`.
        ('<', Some(_)) if before == Some('/') && place == Place::Url => {
            let found = until(">")?;
            let name = found.get(1..found.len() - 1)?.rsplit(':').next()?;
            Some(Foreign { found, write: Some(format!("{{path.{name}}}")) })
        }
        _ => None,
    }
}

/// A dollar sign and the word after it.
fn word(text: &str) -> &str {
    let end = text.char_indices().skip(1).find(|(_, c)| !(c.is_ascii_alphanumeric() || *c == '_'));
    end.and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// The same variable here, where there is one.
fn translated(found: &str) -> Option<String> {
    let name = found.trim_matches(['$', '%', '{', '}', '(', ')', '[', ']', ' ']).to_ascii_lowercase();
    let known = match name.as_str() {
        "host" | "http_host" | "hostname" | "server_name" | "request.host" | "host_header" => "request.host",
        "uri" | "request_uri" | "document_uri" | "path" | "url" | "request.path" | "request.uri" | "req.path" => {
            "request.path"
        }
        "scheme" | "protocol" | "request.scheme" | "http_x_forwarded_proto" => "request.scheme",
        "server_port" | "port" | "request.port" => "request.port",
        "request_method" | "method" | "request.method" => "request.method",
        "remote_addr"
        | "remote_address"
        | "client_ip"
        | "remote_ip"
        | "realip_remote_addr"
        | "client.ip"
        | "src"
        | "downstream_remote_address"
        | "downstream_remote_address_without_port"
        | "http_x_real_ip" => "client.address",
        "request_id" | "req_id" | "x-request-id" | "request.id" => "request.id",
        _ => return named(&name),
    };
    Some(format!("{{{known}}}"))
}

fn named(name: &str) -> Option<String> {
    let of = |prefix: &str| name.strip_prefix(prefix).filter(|rest| !rest.is_empty());
    if let Some(name) = of("http_") {
        return Some(format!("{{header.{}}}", name.replace('_', "-")));
    }
    if let Some(name) = of("req(").map(|name| name.split(['?', ')']).next().unwrap_or_default()) {
        return Some(match name {
            ":path" => "{request.path}".to_owned(),
            ":authority" => "{request.host}".to_owned(),
            ":method" => "{request.method}".to_owned(),
            _ => format!("{{header.{name}}}"),
        });
    }
    let rest = |prefixes: &[&str]| prefixes.iter().find_map(|prefix| of(prefix)).map(str::to_owned);
    if let Some(name) = rest(&["arg_", "query_params.", "request.query."]) {
        return Some(format!("{{query.{name}}}"));
    }
    if let Some(name) = rest(&["cookie_", "request.cookies."]) {
        return Some(format!("{{cookie.{name}}}"));
    }
    if let Some(name) = rest(&["headers.", "header.", "request.headers.", "request.header."]) {
        return Some(format!("{{header.{name}}}"));
    }
    rest(&["uri_captures.", "path.", "request.params.", "params."]).map(|name| format!("{{path.{name}}}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, place: Place) -> Vec<&str> {
        variables(text, place).iter().map(|foreign| foreign.found).collect()
    }

    #[test]
    fn variables_of_other_programs_are_found_in_urls() {
        let table: &[(&str, &[&str])] = &[
            ("https://$host$request_uri", &["$host", "$request_uri"]),
            ("https://${host}/x", &["${host}"]),
            ("https://x$1", &["$1"]),
            ("/new/$1/$2", &["$1", "$2"]),
            ("https://%{HTTP_HOST}%{REQUEST_URI}", &["%{HTTP_HOST}", "%{REQUEST_URI}"]),
            ("/v1/$(uri_captures.id)", &["$(uri_captures.id)"]),
            ("https://%REQ(:authority)%/x", &["%REQ(:authority)%"]),
            ("https://{{host}}/x", &["{{host}}"]),
            ("/new/:id/x", &[":id"]),
            ("/new/:splat", &[":splat"]),
            ("/new/*", &["*"]),
            ("/new/<int:id>", &["<int:id>"]),
            // Text.
            ("https://example.com:8080/a%20b", &[]),
            ("https://en.wikipedia.org/wiki/Rust_(language)", &[]),
            ("/v1/things:cancel", &[]),
            ("/new/{path.id}", &[]),
            ("/{'$metadata'}/{':id'}", &[]),
            ("/a%DEA%20", &[]),
            ("https://example.com/?price=5$", &[]),
        ];
        for (text, expected) in table {
            assert_eq!(found(text, Place::Url), *expected, "{text}");
        }
    }

    #[test]
    fn variables_of_other_programs_are_found_in_values() {
        let table: &[(&str, &[&str])] = &[
            ("$remote_addr", &["$remote_addr"]),
            ("for=$remote_addr", &["$remote_addr"]),
            ("${http_x}", &["${http_x}"]),
            ("%{client_ip}", &["%{client_ip}"]),
            ("%[src]", &["%[src]"]),
            ("%DOWNSTREAM_REMOTE_ADDRESS%", &["%DOWNSTREAM_REMOTE_ADDRESS%"]),
            ("{{ request.headers.x }}", &["{{ request.headers.x }}"]),
            // Text: the braces of the documentation, amounts, secrets.
            ("{{x}}", &[]),
            ("{{\"group\":\"x\"}}", &[]),
            ("US$5, $5", &[]),
            ("pa$word", &[]),
            ("a/*", &[]),
            ("100%", &[]),
            ("{'$remote_addr'}", &[]),
        ];
        for (text, expected) in table {
            assert_eq!(found(text, Place::Value), *expected, "{text}");
        }
    }

    #[test]
    fn what_has_a_name_here_is_told() {
        for (found, write) in [
            ("$host", Some("{request.host}")),
            ("${request_uri}", Some("{request.path}")),
            ("%{REQUEST_URI}", Some("{request.path}")),
            ("$http_x_tenant", Some("{header.x-tenant}")),
            ("$arg_page", Some("{query.page}")),
            ("$cookie_a", Some("{cookie.a}")),
            ("%REQ(X-A?:path)%", Some("{header.x-a}")),
            ("{{ request.headers.x }}", Some("{header.x}")),
            ("$(uri_captures.id)", Some("{path.id}")),
            ("$1", None),
        ] {
            assert_eq!(translated(found).as_deref(), write, "{found}");
        }
    }
}
