//! Answers that a description makes up: its examples, or else what its schemas take.

use core::hash::Hasher;
use std::sync::Arc;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::generate::Generator;
use super::shape::referred;
use super::{Description, Missing, best};
use crate::document::Value;
use crate::document::schema::{Root, Side};
use crate::fingerprint::Fingerprint;
use crate::policy::header_edit::is_editable;

/// The answers of an API that is not there.
#[derive(Debug)]
pub struct Mock {
    /// The description.
    pub description: Arc<Description>,
    /// Its document.
    pub document: Arc<Value>,
    /// The number of segments of paths before those that it describes.
    pub segments: usize,
    /// Set if clients may choose the answer by `Prefer` (RFC 7240).
    pub has_choice: bool,
}

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its header fields.
    pub headers: HeaderMap,
    /// Its content.
    pub content: Vec<u8>,
}

const PREFER: HeaderName = HeaderName::from_static("prefer");
const APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The most values that are made until one is as its schema has it.
const MOST_TRIES: u64 = 8;

impl Mock {
    /// The answer to a request for `path`, which is that below the API's prefix; the same for the same request.
    ///
    /// # Errors
    /// There is no such operation.
    pub fn answer(
        &self,
        method: &Method,
        path: &str,
        query: Option<&str>,
        headers: &HeaderMap,
    ) -> Result<Answer, Missing> {
        let found = self.description.find(method, path)?;
        let template = self.description.paths.template(found.index.0);
        let own = found.operation.method.as_str().to_ascii_lowercase();
        let operation = self.get(&self.document, &["paths", template]).and_then(|item| self.get(item, &[&own]));
        let (code, example) = if self.has_choice { preferred(headers) } else { (None, None) };
        let responses = operation.and_then(|operation| self.get(operation, &["responses"]));
        let mut seed = Fingerprint::default();
        for part in [found.operation.method.as_str(), path, query.unwrap_or_default()] {
            seed.write(part.as_bytes());
            seed.write_u8(0xff);
        }
        let mut answer = Answer { status: StatusCode::OK, headers: HeaderMap::new(), content: Vec::new() };
        let chosen = code.and_then(|code| Some((code, self.response(responses?, code)?)));
        let Some((status, response)) = chosen.or_else(|| self.usual(responses?)) else { return Ok(answer) };
        let mut applied = Vec::new();
        if code == Some(status) {
            applied.push(format!("code={status}"));
        }
        answer.status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
        if let Some(Value::Object(fields)) = self.get(response, &["headers"]) {
            for (name, field) in fields.members() {
                let field = self.resolve(field);
                let value = self.value(field, None, &mut seed, None);
                let text = match &value {
                    Some(Value::String(text)) => text.to_string(),
                    Some(value @ (Value::Number(_) | Value::Boolean(_))) => value.to_string(),
                    _ => continue,
                };
                if let (Ok(name), Ok(value)) = (HeaderName::try_from(&**name), HeaderValue::try_from(text))
                    && is_editable(&name)
                    && ![CONTENT_TYPE, CONTENT_ENCODING].contains(&name)
                {
                    answer.headers.insert(name, value);
                }
            }
        }
        if let Some(Value::Object(content)) = self.get(response, &["content"]) {
            let is_json = |kind: &str| super::Reading::of(&kind.to_ascii_lowercase()) == super::Reading::Json;
            let list = content.members();
            let media = list.iter().find(|(kind, _)| is_json(kind)).or_else(|| list.first());
            if let Some((kind, media)) = media {
                let media = self.resolve(media);
                let described = found.operation.responses.iter().find(|response| response.is_for(status));
                let described = described.and_then(|response| response.media.as_deref());
                let schema = described.and_then(|media| best(media, kind)).and_then(|media| media.schema);
                let value = self.value(media, example.as_deref(), &mut seed, schema);
                if let Some(name) = example.filter(|name| self.get(media, &["examples", name]).is_some()) {
                    applied.push(format!("example={name}"));
                }
                let kind = if kind.contains('*') { "application/json" } else { kind };
                answer.content = match value {
                    Some(Value::String(text)) if !is_json(kind) => String::from(text).into_bytes(),
                    Some(value) => value.to_string().into_bytes(),
                    None => Vec::new(),
                };
                answer.headers.extend(HeaderValue::try_from(kind).map(|kind| (CONTENT_TYPE, kind)));
            }
        }
        if !applied.is_empty() {
            answer.headers.extend(HeaderValue::try_from(applied.join(", ")).map(|value| (APPLIED, value)));
        }
        Ok(answer)
    }

    /// What `value` is, or refers to.
    fn resolve<'d>(&'d self, value: &'d Value) -> &'d Value {
        let mut value = value;
        for _ in 0..16 {
            let Value::Object(object) = value else { return value };
            let reference = object.get("$ref").and_then(Value::as_str);
            let Some(to) = reference.and_then(|to| referred(to, &self.document)) else { return value };
            value = to;
        }
        value
    }

    /// The member of a member, each resolved.
    fn get<'d>(&'d self, value: &'d Value, names: &[&str]) -> Option<&'d Value> {
        names.iter().try_fold(self.resolve(value), |value, name| match value {
            Value::Object(object) => object.get(name).map(|value| self.resolve(value)),
            _ => None,
        })
    }

    /// The response for a status: that of its own, of its class, or of all others.
    fn response<'d>(&'d self, responses: &'d Value, status: u16) -> Option<&'d Value> {
        let class = format!("{}XX", status / 100);
        let names = [status.to_string(), class.to_ascii_lowercase(), class, "default".to_owned()];
        names.iter().find_map(|name| self.get(responses, &[name]))
    }

    /// The first response that tells of success, or else the first.
    fn usual<'d>(&'d self, responses: &'d Value) -> Option<(u16, &'d Value)> {
        let Value::Object(object) = responses else { return None };
        let status = |name: &str| match name.parse::<u16>() {
            Ok(status @ 200..=599) => Some(status),
            _ if name == "default" => Some(200),
            _ => name
                .get(..1)?
                .parse::<u16>()
                .ok()
                .filter(|class| name.len() == 3 && *class > 1)
                .map(|class| class.saturating_mul(100)),
        };
        let mut list = object.members().iter().filter_map(|(name, value)| Some((status(name)?, value)));
        let first = list.clone().next();
        list.find(|(status, _)| (200..300).contains(status))
            .or(first)
            .map(|(status, response)| (status, self.resolve(response)))
    }

    /// The value of a media type or a header field: an example, or else one that its schema takes.
    fn value(
        &self,
        of: &Value,
        example: Option<&str>,
        seed: &mut Fingerprint,
        compiled: Option<Root>,
    ) -> Option<Value> {
        let examples = self.get(of, &["examples"]);
        let named = example.and_then(|name| self.get(examples?, &[name, "value"]));
        let first = || match examples? {
            Value::Object(examples) => examples.members().iter().find_map(|(_, example)| self.get(example, &["value"])),
            _ => None,
        };
        let stated = || match of {
            Value::Object(object) => object.get("example"),
            _ => None,
        };
        if let Some(value) = named.or_else(stated).or_else(first) {
            return Some(value.clone());
        }
        let Value::Object(object) = of else { return None };
        let schema = object.get("schema")?;
        seed.write_u8(1);
        let mut last = None;
        for attempt in 0..MOST_TRIES {
            let mut generator =
                Generator::new(&self.document, seed.finish().wrapping_add(attempt), attempt >= MOST_TRIES / 2);
            let value = generator.value(schema);
            let is_right = compiled.is_none_or(|schema| self.description.takes(schema, &value));
            last = Some(value);
            if is_right {
                break;
            }
        }
        last
    }
}

impl Description {
    /// Returns whether `value` is as the schema of a response has it.
    fn takes(&self, schema: Root, value: &Value) -> bool {
        let violations = self.schema.check_by((schema, Some(Side::Response)), value, 1);
        violations.is_ok_and(|violations| violations.is_empty())
    }
}

/// The status and the name of an example that a client prefers (RFC 7240 §2).
fn preferred(headers: &HeaderMap) -> (Option<u16>, Option<String>) {
    let (mut code, mut example) = (None, None);
    for line in headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok()) {
        for preference in line.split([',', ';']) {
            let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
            let value = value.trim().trim_matches('"');
            match name.trim() {
                "code" => code = code.or_else(|| value.parse().ok().filter(|code| (200..=599).contains(code))),
                "example" => example = example.or_else(|| Some(value.to_owned())),
                _ => {}
            }
        }
    }
    (code, example)
}
