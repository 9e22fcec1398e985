//! Checks of content, each with its schema.

use super::Compiler;
use super::at::At;
use crate::config::{self, ConfigError, JsonPath};
use crate::document::Value;
use crate::document::pointer::Pointer;
use crate::document::schema::{Mistake, Options, Schema};
use crate::policy::validate::Validate;

impl Compiler<'_> {
    /// Compiles a check of content, with its schema.
    #[inline(never)]
    pub(super) fn validate(&mut self, at: &At<'_>, validate: &config::Validate) -> Option<Validate> {
        let mut compiled = self.compiled(at, Validate::compile(validate))?;
        let Some(json) = &validate.json else { return Some(compiled) };
        let (at, before) = (at.member("json"), self.errors.len());
        match &json.schema {
            Some(schema) => {
                let options = Options { asserts_formats: json.formats != Some(false), ..Options::default() };
                match Schema::compile(&schema.0, &options) {
                    Ok(schema) => compiled.schema = Some(Box::new(schema)),
                    Err(mistakes) => {
                        let at = at.member("schema").to_path();
                        for Mistake { place, message, help } in mistakes {
                            let place = place_in(&at, &schema.0, &place);
                            self.errors.push(ConfigError::new(place, message).with_help(help));
                        }
                    }
                }
            }
            None if json.formats.is_some() => {
                let help = "add `schema`, or remove this";
                self.error_with(&at.member("formats"), "there is no schema that names formats", help);
            }
            None => {}
        }
        (self.errors.len() == before).then_some(compiled)
    }
}

/// The place that the JSON Pointer `pointer` leads to in `document`, which is at `at`.
#[cold]
pub(in crate::plan) fn place_in(at: &JsonPath, document: &Value, pointer: &str) -> JsonPath {
    let pointer = Pointer::parse(pointer);
    let tokens = pointer.as_ref().map(Pointer::tokens).unwrap_or_default();
    let mut value = Some(document);
    tokens.iter().fold(at.clone(), |path, token| {
        let (path, child) = match (value, token.index.and_then(|index| usize::try_from(index).ok())) {
            (Some(Value::Array(items)), Some(index)) => (path.index(index), items.get(index)),
            (Some(Value::Object(object)), _) => (path.member(&token.name), object.get(&token.name)),
            _ => (path.member(&token.name), None),
        };
        value = child;
        path
    })
}
