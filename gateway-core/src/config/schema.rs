//! The JSON Schema of the configuration, from its types.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use serde_json::{Value, json};

use super::Config;
use super::de::DESCRIPTION;

/// The JSON Schema (draft 2020-12) of `gateway.json`. It accepts exactly what [`read`](super::read) accepts, with one
/// exception: repeated names in an object, which a schema can't forbid.
#[must_use]
pub fn json_schema() -> Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Config>();
    RecursiveTransform(say_what_is_read).transform(&mut schema);
    schema.insert("title".to_owned(), "Edgeway configuration".into());
    // Members that Visual Studio Code knows: the file may be JSONC.
    schema.insert("allowComments".to_owned(), true.into());
    schema.insert("allowTrailingCommas".to_owned(), true.into());
    schema.to_value()
}

fn say_what_is_read(schema: &mut Schema) {
    // Validators need not read `format`.
    if schema.get("format").and_then(Value::as_str) == Some("uint32") {
        schema.insert("maximum".to_owned(), u32::MAX.into());
    }
    // An absent member has no value; its description gives the default.
    if schema.get("default") == Some(&Value::Null) {
        schema.remove("default");
    }
    let is_closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    if let (true, Some(properties)) = (is_closed, schema.get_mut("properties").and_then(Value::as_object_mut)) {
        properties.entry(DESCRIPTION).or_insert_with(|| json!({ "type": "string" }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
