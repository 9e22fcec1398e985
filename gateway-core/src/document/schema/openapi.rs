//! Schemas of OpenAPI 3.0 as those of 2020-12. OpenAPI 3.1 has them from the outset.

use crate::document::{Object, Value};

/// Keywords of OpenAPI 3.0.3 §4.7.24 whose value is a schema.
const ONE: [&str; 3] = ["additionalProperties", "items", "not"];

/// Those whose value is a list of schemas.
const LISTS: [&str; 3] = ["allOf", "anyOf", "oneOf"];

/// Makes the schemas in a document of OpenAPI 3.0 those of 2020-12, each in its place: those in `components`, and those of parameters, headers
/// and contents.
pub fn convert_document(document: &mut Value) {
    let Value::Object(object) = document else { return };
    let schemas = object.get_mut("components").and_then(|components| match components {
        Value::Object(components) => components.remove("schemas"),
        _ => None,
    });
    convert_described(document);
    let Some(mut schemas) = schemas else { return };
    if let Value::Object(named) = &mut schemas {
        named.values_mut().for_each(convert);
    }
    if let Value::Object(object) = document
        && let Some(Value::Object(components)) = object.get_mut("components")
    {
        components.insert("schemas", schemas);
    }
}

/// Converts what is called `schema` in the descriptions of an interface. Examples are data.
fn convert_described(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(convert_described),
        Value::Object(object) => {
            let names: Vec<Box<str>> = object.members().iter().map(|(name, _)| name.clone()).collect();
            for (name, value) in names.iter().zip(object.values_mut()) {
                match &**name {
                    "schema" => convert(value),
                    "example" | "examples" => {}
                    _ => convert_described(value),
                }
            }
        }
        _ => {}
    }
}

/// Makes a schema of OpenAPI 3.0 one of 2020-12.
pub fn convert(schema: &mut Value) {
    let Value::Object(object) = schema else { return };
    // OpenAPI 3.0.3 §4.7.23: what stands beside a reference is ignored.
    if let Some(reference) = object.remove("$ref") {
        object.take();
        object.insert("$ref", reference);
        return;
    }
    convert_bound(object, "minimum", "exclusiveMinimum");
    convert_bound(object, "maximum", "exclusiveMaximum");
    let is_nullable = object.remove("nullable") == Some(Value::Boolean(true));
    // §4.7.24.1: it adds to a type, and says nothing where there is none.
    if let Some(types @ Value::String(_)) = object.get_mut("type").filter(|_| is_nullable) {
        let own = core::mem::take(types);
        *types = Value::Array(vec![own, "null".into()]);
    }
    for keyword in ONE {
        object.get_mut(keyword).into_iter().for_each(convert);
    }
    for keyword in LISTS {
        if let Some(Value::Array(schemas)) = object.get_mut(keyword) {
            schemas.iter_mut().for_each(convert);
        }
    }
    if let Some(Value::Object(properties)) = object.get_mut("properties") {
        properties.values_mut().for_each(convert);
    }
}

/// In drafts before 6 a bound is exclusive where a flag says so; since then it is a keyword of its own.
fn convert_bound(object: &mut Object, bound: &str, exclusive: &str) {
    let Some(Value::Boolean(is_exclusive)) = object.get(exclusive) else { return };
    if *is_exclusive && let Some(number) = object.remove(bound) {
        object.insert(exclusive, number);
    } else {
        object.remove(exclusive);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(text: &str) -> String {
        let mut value = Value::read(text.as_bytes()).unwrap();
        convert(&mut value);
        value.to_string()
    }

    /// OpenAPI 3.0.3 §4.7.24, and JSON Schema Wright 00 §5.3, §5.5.
    #[test]
    fn keywords_mean_what_they_meant() {
        assert_eq!(converted(r#"{"type":"string","nullable":true}"#), r#"{"type":["string","null"]}"#);
        assert_eq!(converted(r#"{"type":"string","nullable":false}"#), r#"{"type":"string"}"#);
        assert_eq!(converted(r#"{"nullable":true,"enum":[1]}"#), r#"{"enum":[1]}"#);
        assert_eq!(converted(r#"{"minimum":1,"exclusiveMinimum":true}"#), r#"{"exclusiveMinimum":1}"#);
        assert_eq!(converted(r#"{"maximum":1,"exclusiveMaximum":false}"#), r#"{"maximum":1}"#);
        assert_eq!(converted(r#"{"exclusiveMaximum":true}"#), "{}");
        assert_eq!(converted(r##"{"nullable":true,"$ref":"#/a"}"##), r##"{"$ref":"#/a"}"##);
        let inner = r#"{"type":"string","nullable":true}"#;
        let nested = |inner: &str| {
            format!(
                r#"{{"items":{inner},"allOf":[{inner}],"properties":{{"nullable":{inner}}},"not":{inner},"additionalProperties":{inner}}}"#
            )
        };
        assert_eq!(converted(&nested(inner)), nested(r#"{"type":["string","null"]}"#));
    }

    /// OpenAPI 3.0.3 §4.7.7, §4.7.14.
    #[test]
    fn the_schemas_of_a_document_stay_in_their_places() {
        let schema = |types: &str| format!(r#"{{"type":{types}}}"#);
        let document = |schema: &str, example: &str| {
            format!(
                r#"{{"paths":{{"/a":{{"get":{{"parameters":[{{"schema":{schema},"example":{example}}}]}}}}}},"components":{{"schemas":{{"A":{schema},"schema":{schema}}}}}}}"#
            )
        };
        let old = r#"{"type":"string","nullable":true}"#;
        let example = r#"{"schema":{"nullable":true}}"#;
        let mut value = Value::read(document(old, example).as_bytes()).unwrap();
        convert_document(&mut value);
        assert_eq!(value, Value::read(document(&schema(r#"["string","null"]"#), example).as_bytes()).unwrap());
    }
}
