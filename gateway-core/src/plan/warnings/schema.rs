//! Warnings about keywords of schemas that say nothing, and hardly so by intent: JSON Schema has every unknown one ignored.

use crate::config::{ConfigError, JsonPath, suggest};
use crate::document::Value;
use crate::document::schema::{Options, Schema, formats};
use crate::plan::compile::place_in;

/// The keywords of JSON Schema 2020-12, and those of OpenAPI that describe.
const KEYWORDS: [&str; 66] = [
    "$id",
    "$schema",
    "$ref",
    "$anchor",
    "$dynamicRef",
    "$dynamicAnchor",
    "$vocabulary",
    "$comment",
    "$defs",
    "prefixItems",
    "items",
    "contains",
    "additionalProperties",
    "properties",
    "patternProperties",
    "dependentSchemas",
    "propertyNames",
    "if",
    "then",
    "else",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "unevaluatedItems",
    "unevaluatedProperties",
    "type",
    "const",
    "enum",
    "multipleOf",
    "maximum",
    "exclusiveMaximum",
    "minimum",
    "exclusiveMinimum",
    "maxLength",
    "minLength",
    "pattern",
    "maxItems",
    "minItems",
    "uniqueItems",
    "maxContains",
    "minContains",
    "maxProperties",
    "minProperties",
    "required",
    "dependentRequired",
    "title",
    "description",
    "default",
    "deprecated",
    "readOnly",
    "writeOnly",
    "examples",
    "format",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "discriminator",
    "xml",
    "externalDocs",
    "example",
    "definitions",
    "dependencies",
    "additionalItems",
    "nullable",
    "id",
];

/// Formats of OpenAPI, which say how a value is kept, and nothing that is checked.
const OF_OPENAPI: [&str; 7] = ["int32", "int64", "float", "double", "byte", "binary", "password"];

/// Keywords whose value is a schema.
const ONE: [&str; 12] = [
    "items",
    "contains",
    "additionalProperties",
    "propertyNames",
    "if",
    "then",
    "else",
    "not",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentSchema",
    "additionalItems",
];

/// Keywords whose value is a list of schemas.
const LISTS: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];

/// Keywords whose value has a schema for each of several names.
const NAMED: [&str; 5] = ["properties", "patternProperties", "dependentSchemas", "$defs", "definitions"];

/// Warns of what says nothing in the `schema` at `at`.
pub(super) fn warnings(at: &JsonPath, schema: &Value, found: &mut Vec<ConfigError>) {
    if let Ok(compiled) = Schema::compile(schema, &Options::default()) {
        for remark in compiled.remarks() {
            found.push(ConfigError::new(place_in(at, schema, &remark.place), &*remark.message).with_help(remark.help));
        }
    }
    walk(at, schema, found);
}

fn walk(at: &JsonPath, schema: &Value, found: &mut Vec<ConfigError>) {
    let Value::Object(object) = schema else { return };
    for (name, value) in object.members() {
        let name = &**name;
        let place = at.member(name);
        if !KEYWORDS.contains(&name) {
            if let Some(meant) = suggest(name, KEYWORDS) {
                let message = format!("`{name}` is no keyword, and checks nothing");
                found.push(ConfigError::new(place, message).with_help(format!("did you mean `{meant}`?")));
            }
            continue;
        }
        match value {
            Value::String(format)
                if name == "format" && !formats().chain(OF_OPENAPI).any(|known| *known == **format) =>
            {
                let message = format!("no format is called `{format}`: it checks nothing");
                let help = match suggest(format, formats()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => "write a `pattern`, or leave it out".to_owned(),
                };
                found.push(ConfigError::new(place, message).with_help(help));
            }
            Value::Array(items) if LISTS.contains(&name) => {
                for (index, item) in items.iter().enumerate() {
                    walk(&place.index(index), item, found);
                }
            }
            Value::Object(named) if NAMED.contains(&name) => {
                for (name, schema) in named.members() {
                    walk(&place.member(name), schema, found);
                }
            }
            Value::Object(_) if ONE.contains(&name) => walk(&place, value, found),
            _ => {}
        }
    }
}
