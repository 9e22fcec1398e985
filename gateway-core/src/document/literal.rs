//! Documents in a configuration.

use core::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{Number, Object, Value};

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(AS_WRITTEN, AnyValue)
    }
}

/// The name by which a reader is asked for numbers as they are written, as bytes. One that does not know it gives the nearest of Rust's kinds.
pub(crate) const AS_WRITTEN: &str = "as written";

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    /// A number, as it is written.
    fn visit_bytes<E: de::Error>(self, text: &[u8]) -> Result<Value, E> {
        let number = core::str::from_utf8(text).ok().and_then(Number::parse);
        number.map(Value::Number).ok_or_else(|| E::custom("this is no number of JSON"))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(Number::from(number)))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(Number::from(number)))
    }

    /// The shortest text that stands for `number`.
    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value, E> {
        let text = serde_json::to_string(&number).map_err(E::custom)?;
        let number = Number::parse(&text).ok_or_else(|| E::custom("this is no number of JSON"))?;
        Ok(Value::Number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::from(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element()? {
            all.push(item);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Object::default();
        while let Some((name, value)) = members.next_entry::<String, Value>()? {
            object.insert(&name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use crate::config;

    /// docs/configuration.md, Edits of content: numbers of the configuration stay as they are written, whichever way it is read.
    #[test]
    fn numbers_are_those_of_the_text() {
        let numbers = r#"{"z":[1.10,-0.0,1E+2,12345678901234567890123,5.0,7],"a":null}"#;
        let read = |before: &str| {
            let text = format!(r#"{{{before}"routes": [{{"name": "r", "respond": {{"json": {numbers}}}}}]}}"#);
            match config::read(&text) {
                Ok(config) => (config, 0),
                Err(reading) => (reading.config.unwrap(), reading.diagnostics.len()),
            }
        };
        // A mistake has it read the thorough way.
        for (before, mistakes) in [("", 0), (r#""nothing": 1, "#, 1)] {
            let (config, found) = read(before);
            let json = config.routes[0].respond.as_ref().unwrap().json.as_ref().unwrap();
            assert_eq!((json.0.to_string().as_str(), found), (numbers, mistakes));
        }
        assert_eq!(serde_json::from_str::<super::Value>("[1,-2,2.5]").unwrap().to_string(), "[1,-2,2.5]");
    }
}
