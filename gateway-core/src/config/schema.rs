//! The JSON Schema of the configuration, from its types.
//!
//! schemars makes it. Transforms add what the types do not say: rules for single members, and for members together.

mod rules;
mod together;

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use serde_json::{Value, json};

use super::Config;
use super::object::DESCRIPTION;

pub(super) use rules::or_variable;

/// The JSON Schema (draft 2020-12) of `gateway.json`. What it refuses, a check refuses. A check knows more: what names
/// refer to, which routes conflict, what a platform can.
#[must_use]
pub fn json_schema() -> Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Config>();
    RecursiveTransform(say_what_is_read).transform(&mut schema);
    schema.insert("$id".to_owned(), "urn:edgeway:configuration".into());
    schema.insert("title".to_owned(), "Edgeway configuration".into());
    // Members that Visual Studio Code knows: the file may be JSONC.
    schema.insert("allowComments".to_owned(), true.into());
    schema.insert("allowTrailingCommas".to_owned(), true.into());
    let mut schema = schema.to_value();
    complete("", &mut schema);
    for (name, definition) in schema.get_mut("$defs").and_then(Value::as_object_mut).into_iter().flatten() {
        complete(name, definition);
    }
    schema
}

/// Adds the rules for the members of the definition called `name`.
fn complete(name: &str, definition: &mut Value) {
    rules::add(name, definition);
    together::add(name, definition);
}

fn say_what_is_read(schema: &mut Schema) {
    // Validators need not read `format`.
    for (format, most) in [("uint32", u32::MAX), ("uint16", u32::from(u16::MAX))] {
        if schema.get("format").and_then(Value::as_str) == Some(format)
            && !schema.as_object().is_some_and(|s| s.contains_key("maximum"))
        {
            schema.insert("maximum".to_owned(), most.into());
        }
    }
    // An absent member has no value; its description gives the default.
    if schema.get("default") == Some(&Value::Null) {
        schema.remove("default");
    }
    let default = schema.get("description").and_then(Value::as_str).and_then(stated_default);
    // The default of a number may be another member, and that of a list its owner's.
    let takes_text = !schema.get("type").is_some_and(|kind| match kind {
        Value::Array(kinds) => !kinds.iter().any(|kind| kind == "string"),
        kind => kind != "string",
    });
    if let Some(default) = default.filter(|default| takes_text || !default.is_string()) {
        schema.insert("default".to_owned(), default);
    }
    let is_closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    if let (true, Some(properties)) = (is_closed, schema.get_mut("properties").and_then(Value::as_object_mut)) {
        properties.entry(DESCRIPTION).or_insert_with(|| json!({ "type": "string" }));
    }
    // Editors show the description of a member, and not that of the choice that it stands for.
    for choice in schema.get_mut("oneOf").and_then(Value::as_array_mut).into_iter().flatten() {
        let words = choice.get("description").cloned();
        if let (Some(words), Some(members)) = (words, choice.get_mut("properties").and_then(Value::as_object_mut)) {
            let mut own = members.iter_mut().filter(|(name, _)| *name != DESCRIPTION);
            if let (Some((_, Value::Object(member))), None) = (own.next(), own.next()) {
                member.entry("description").or_insert(words);
            }
        }
    }
    // One of several words may come from the environment like any text.
    if let Some(choices) = schema.get_mut("oneOf").and_then(Value::as_array_mut)
        && choices.iter().any(|choice| choice.get("const").is_some())
    {
        choices.push(rules::variable());
    }
}

/// The default that a description states as a value: "Default: `5s`", "Default: 100", "Default: true".
fn stated_default(description: &str) -> Option<Value> {
    let (_, stated) = description.split_once("Default: ")?;
    let literal =
        |word| serde_json::from_str(word).ok().filter(|value: &Value| value.is_number() || value.is_boolean());
    let Some(text) = stated.strip_prefix('`') else { return literal(stated.split(['.', ';', ',', ' ']).next()?) };
    let (text, rest) = text.split_once('`')?;
    rest.starts_with(['.', ';', ',']).then(|| literal(text).unwrap_or_else(|| text.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_for_a_member_that_there_is() {
        let schema = json_schema();
        for (definition, member) in rules::members() {
            let object = if definition.is_empty() { &schema } else { &schema["$defs"][definition] };
            let is_there =
                if member.is_empty() { object.is_object() } else { object["properties"].get(member).is_some() };
            assert!(is_there, "{definition}.{member}");
        }
    }

    /// The command line prints the schema in this form.
    #[test]
    fn the_committed_schema_is_current() {
        let committed: Value = serde_json::from_str(include_str!("../../../gateway.schema.json")).unwrap();
        assert!(
            committed == json_schema(),
            "gateway.schema.json is stale; refresh it with `cargo run -- schema > gateway.schema.json`"
        );
    }
}
