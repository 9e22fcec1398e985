//! The parts of a configuration that a platform has to provide, with their places.

use gateway_core::config::JsonPath;
use serde_json::Value;

/// What a configuration uses; the places are those of its text.
#[derive(Default)]
pub(super) struct Uses {
    /// The secrets that it names.
    pub(super) secrets: Vec<(JsonPath, String)>,
    /// The first policy that counts.
    pub(super) counters: Option<JsonPath>,
    /// The RateLimiter bindings that it names.
    pub(super) rate_limiters: Vec<(JsonPath, String)>,
    /// The first use of the key-value store.
    pub(super) key_values: Option<JsonPath>,
    /// The first use of the store of responses, which is the same one by itself.
    pub(super) responses: Option<JsonPath>,
    document: Value,
}

impl Uses {
    /// The uses in the `text` of a configuration.
    ///
    /// # Errors
    /// When it is not JSON, which others report.
    pub(super) fn in_text(text: &str) -> Result<Self, jsonc_parser::errors::ParseError> {
        let document = jsonc_parser::parse_to_serde_value(text, &jsonc_parser::ParseOptions::default())?;
        let mut uses = Self::default();
        uses.visit(&JsonPath::root(), &document);
        uses.document = document;
        Ok(uses)
    }

    /// The depth is that of the JSON, which its parser bounds.
    fn visit(&mut self, at: &JsonPath, value: &Value) {
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.visit(&at.index(index), item);
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    let at = at.member(name);
                    match (name.as_str(), member) {
                        ("secret", Value::String(secret)) => self.secrets.push((at, secret.clone())),
                        // The content of a response, of any shape.
                        ("json", _) => {}
                        ("rateLimit", Value::Object(limit)) if limit.get("binding").is_some_and(Value::is_string) => {
                            if let Some(Value::String(binding)) = limit.get("binding") {
                                self.rate_limiters.push((at.member("binding"), binding.clone()));
                            }
                        }
                        ("rateLimit" | "concurrency" | "idempotency", Value::Object(_)) => {
                            self.counters.get_or_insert_with(|| at.clone());
                            self.visit(&at, member);
                        }
                        ("cache", Value::Object(_)) => {
                            self.responses.get_or_insert_with(|| at.clone());
                            self.visit(&at, member);
                        }
                        // Published keys are kept there, for the instances to come.
                        ("keyValue", Value::Object(_))
                        | ("flag" | "jwks", Value::String(_))
                        | ("discovery", Value::Bool(true)) => {
                            self.key_values.get_or_insert_with(|| at.clone());
                            self.visit(&at, member);
                        }
                        // Cron leaves there which places fail their checks.
                        ("active", Value::Object(_)) => {
                            self.key_values.get_or_insert_with(|| at.clone());
                        }
                        _ => self.visit(&at, member),
                    }
                }
            }
            _ => {}
        }
    }

    /// The place of the address that endpoint `index` of the upstream called `name` has on a platform, whose own member
    /// is called `own`.
    pub(super) fn address(&self, name: &str, own: &str, index: usize) -> JsonPath {
        let at = JsonPath::root().member("upstreams").member(name);
        let upstream = self.document.get("upstreams").and_then(|upstreams| upstreams.get(name));
        let has = |member: &str| upstream.is_some_and(|upstream| upstream.get(member).is_some());
        if has(own) {
            at.member(own)
        } else if has("url") {
            at.member("url")
        } else {
            at.member("urls").index(index)
        }
    }

    /// The text of `member` of the member `own` of each upstream, with its place.
    pub(super) fn own_members(&self, own: &str, member: &str) -> Vec<(JsonPath, String)> {
        let upstreams = self.document.get("upstreams").and_then(Value::as_object);
        let found = upstreams.into_iter().flatten().filter_map(|(name, upstream)| {
            let text = upstream.get(own)?.get(member)?.as_str()?;
            Some((JsonPath::root().member("upstreams").member(name).member(own).member(member), text.to_owned()))
        });
        found.collect()
    }
}
