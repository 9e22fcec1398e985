//! An API as a document of OpenAPI has it.

use gateway_core::config::EncodedSlash;
use gateway_core::document::{Object, Value};
use gateway_core::route::PathPattern;

/// An API.
#[derive(Debug)]
pub(super) struct Api {
    pub(super) name: String,
    /// The prefix of its paths, without a slash at its end.
    pub(super) prefix: String,
    pub(super) upstream: String,
    pub(super) operations: Vec<Operation>,
    /// The document, for a configuration.
    pub(super) document: Value,
}

/// An operation.
#[derive(Debug)]
pub(super) struct Operation {
    /// Its name, unique in the API.
    pub(super) name: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) has_content: bool,
}

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

impl Api {
    /// That of `document`, with another name, upstream and prefix than its own if they are given.
    pub(super) fn of(
        document: &Value,
        name: Option<&str>,
        upstream: Option<&str>,
        prefix: Option<&str>,
    ) -> Result<Self, String> {
        let title = find(document, &["info", "title"]).and_then(Value::as_str).unwrap_or("api");
        let name = name.map_or_else(|| slug(title), str::to_owned);
        let server = find(document, &["servers"]).and_then(|servers| servers.child(0));
        let server = server.and_then(|server| Some((server, find(server, &["url"])?.as_str()?)));
        let stated = server.map(|(server, url)| with_defaults(server, url)).unwrap_or_default();
        let is_whole = stated.starts_with("http://") || stated.starts_with("https://");
        let upstream = match upstream {
            Some(upstream) => upstream.to_owned(),
            None if is_whole => stated.clone(),
            None => return Err("the document names no server: state `--upstream URL`".to_owned()),
        };
        let path = if is_whole {
            stated.splitn(4, '/').nth(3).map(|path| format!("/{path}")).unwrap_or_default()
        } else {
            stated
        };
        let prefix = prefix.unwrap_or(&path).trim_end_matches('/').to_owned();
        if !prefix.is_empty() && !prefix.starts_with('/') {
            return Err(format!("`{prefix}` is no prefix of paths: it begins with `/`"));
        }
        let operations = operations(document);
        Ok(Self { name, prefix, upstream, operations, document: escaped(document) })
    }
}

/// The operations of `document`.
pub(super) fn operations(document: &Value) -> Vec<Operation> {
    let mut operations: Vec<Operation> = Vec::new();
    for (path, item) in members(find(document, &["paths"])) {
        let item = resolved(document, item);
        for method in METHODS {
            let Some(operation) = find(item, &[method]) else { continue };
            let stated = find(operation, &["operationId"]).and_then(Value::as_str);
            let mut name = stated.map_or_else(|| slug(&format!("{method} {path}")), slug_of_name);
            while operations.iter().any(|other| other.name == name) {
                name.push('-');
                name.push_str(method);
            }
            operations.push(Operation {
                name,
                method: method.to_ascii_uppercase(),
                path: path.to_owned(),
                has_content: find(operation, &["requestBody"]).is_some(),
            });
        }
    }
    operations
}

impl Operation {
    /// The requests that its route takes.
    pub(super) fn matches(&self) -> Value {
        let methods = Value::Array(vec![Value::from(self.method.as_str())]);
        object([("path", path(&self.path)), ("methods", methods)])
    }

    /// Its route.
    pub(super) fn route(&self, prefix: &str) -> Value {
        let mut route = Object::default();
        route.insert("name", Value::from(self.name.as_str()));
        route.insert("match", self.matches());
        if !prefix.is_empty() {
            // The upstream's URL has a path of its own.
            route.insert("rewrite", object([("prefix", Value::from("/"))]));
        }
        if self.has_content {
            // What is checked is read as a whole, and no larger.
            route.insert("bodyBytes", Value::from("1MiB"));
        }
        Value::Object(route)
    }
}

/// An object of these members.
pub(super) fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(members.into_iter().map(|(name, value)| (name.into(), value)).collect())
}

/// The path of a route: a template, or an expression where a template can't say it.
fn path(template: &str) -> Value {
    let segments = template.split('/').map(|segment| {
        let inner = segment.strip_prefix('{').and_then(|inner| inner.strip_suffix('}'));
        match inner.filter(|inner| !inner.contains(['{', '}'])) {
            Some(name) => format!("{{{}}}", name.replace(|letter: char| !letter.is_ascii_alphanumeric(), "_")),
            None if segment.contains(['$', '(', ')', '*', '<', '>', '[', ']', '^', '='])
                || segment.starts_with(':') =>
            {
                format!("{{'{segment}'}}")
            }
            None => segment.to_owned(),
        }
    });
    let pattern = segments.collect::<Vec<_>>().join("/");
    let is_mixed = template.split('/').any(|segment| {
        segment.contains('{') && !(segment.starts_with('{') && segment.find('}') == Some(segment.len() - 1))
    });
    if !is_mixed && PathPattern::template(&pattern, EncodedSlash::default()).is_ok() {
        return Value::from(pattern);
    }
    let mut regex = String::new();
    let mut rest = template;
    while let Some((text, after)) = rest.split_once('{') {
        regex.push_str(&literal(text));
        regex.push_str("[^/]+");
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    regex.push_str(&literal(rest));
    object([("regex", Value::from(regex))])
}

/// An expression for `text` itself.
fn literal(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        if letter.is_ascii_punctuation()
            && !matches!(letter, '/' | '-' | '_' | ':' | '~' | '%' | ',' | ';' | '@' | '!' | '=' | '\'')
        {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

fn find<'d>(value: &'d Value, names: &[&str]) -> Option<&'d Value> {
    names.iter().try_fold(value, |value, name| match value {
        Value::Object(object) => object.get(name),
        _ => None,
    })
}

fn members(value: Option<&Value>) -> impl Iterator<Item = (&str, &Value)> {
    let list = match value {
        Some(Value::Object(object)) => object.members(),
        _ => &[],
    };
    list.iter().filter(|(name, _)| name.starts_with('/')).map(|(name, value)| (&**name, value))
}

/// What `item` is, or refers to.
fn resolved<'d>(document: &'d Value, item: &'d Value) -> &'d Value {
    let reference = find(item, &["$ref"]).and_then(Value::as_str).and_then(|text| text.strip_prefix('#'));
    let pointer = reference.and_then(gateway_core::document::pointer::Pointer::parse);
    pointer.as_ref().and_then(|pointer| pointer.find(document)).unwrap_or(item)
}

/// The URL of a server, with the defaults of its variables.
fn with_defaults(server: &Value, url: &str) -> String {
    let mut url = url.to_owned();
    if let Some(Value::Object(variables)) = find(server, &["variables"]) {
        for (name, variable) in variables.members() {
            let default = find(variable, &["default"]).and_then(Value::as_str).unwrap_or_default();
            url = url.replace(&format!("{{{name}}}"), default);
        }
    }
    url
}

/// A text as a name: small letters, digits and `-`.
fn slug(text: &str) -> String {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let name = words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-");
    if name.is_empty() { "api".to_owned() } else { name }
}

/// The name of an operation as that of a route.
fn slug_of_name(text: &str) -> String {
    let name = text.replace(|letter: char| letter.is_control() || letter.is_whitespace() || letter == '/', "-");
    if name.is_empty() { "operation".to_owned() } else { name }
}

/// `value` with `${` as a configuration writes it: else it would be a variable.
fn escaped(value: &Value) -> Value {
    let text = |text: &str| text.replace("${", "$${");
    match value {
        Value::String(own) if own.contains("${") => Value::from(text(own)),
        Value::Array(items) => Value::Array(items.iter().map(escaped).collect()),
        Value::Object(object) => {
            let members = object.members().iter();
            Value::Object(members.map(|(name, value)| (name.clone(), escaped(value))).collect())
        }
        other => other.clone(),
    }
}
