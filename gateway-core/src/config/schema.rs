//! The JSON Schema of the configuration, from its types.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use serde_json::Value;

use super::Config;

/// The JSON Schema (draft 2020-12) of `gateway.json`. It accepts what [`read`](super::read) accepts.
#[must_use]
pub fn json_schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.root_schema_for::<Config>();
    let _ = &mut generator;
    RecursiveTransform(bound_numbers).transform(&mut schema);
    schema.to_value()
}

/// A validator does not read `format`: what it says of numbers is said by `maximum`, too.
fn bound_numbers(schema: &mut Schema) {
    if schema.get("format").and_then(Value::as_str) == Some("uint32") {
        schema.insert("maximum".to_owned(), u32::MAX.into());
    }
}
