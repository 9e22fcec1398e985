//! Values of one type that become values of another, as texts of forms and of XML become numbers.

use crate::document::{Number, Value};

/// A type of values that have no parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar {
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A string.
    String,
}

/// A value is none of the type that it is to have, and no text of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unlike;

impl Scalar {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::String => "string",
        }
    }

    /// Makes `value` one of this type. A number keeps its text, and `null` is of any type.
    ///
    /// # Errors
    /// It is none, and no text of one (RFC 8259 §3, §6). It stays as it is.
    pub fn convert(self, value: &mut Value) -> Result<(), Unlike> {
        *value = match (self, &*value) {
            (_, Value::Null)
            | (Self::Number, Value::Number(_))
            | (Self::Boolean, Value::Boolean(_))
            | (Self::String, Value::String(_)) => return Ok(()),
            (Self::Number, Value::String(text)) => Number::parse(text).map(Value::Number).ok_or(Unlike)?,
            (Self::Boolean, Value::String(text)) => match &**text {
                "true" => Value::Boolean(true),
                "false" => Value::Boolean(false),
                _ => return Err(Unlike),
            },
            (Self::String, Value::Number(_) | Value::Boolean(_)) => Value::from(value.to_string()),
            _ => return Err(Unlike),
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// docs/configuration.md, Edits of content, `convert`; RFC 8259 §6.
    #[test]
    fn a_value_becomes_one_of_another_type_exactly() {
        let made = |scalar: Scalar, value: &str| {
            let mut value = Value::read(value.as_bytes()).unwrap();
            scalar.convert(&mut value).map(|()| value.to_string())
        };
        for (scalar, value, expected) in [
            (Scalar::Number, r#""1.10""#, "1.10"),
            (Scalar::Number, r#""-12345678901234567890.5e-400""#, "-12345678901234567890.5e-400"),
            (Scalar::Number, "1e2", "1e2"),
            (Scalar::Number, "null", "null"),
            (Scalar::Boolean, r#""true""#, "true"),
            (Scalar::Boolean, r#""false""#, "false"),
            (Scalar::Boolean, "true", "true"),
            (Scalar::String, "1.10", r#""1.10""#),
            (Scalar::String, "false", r#""false""#),
            (Scalar::String, r#""a""#, r#""a""#),
        ] {
            assert_eq!(made(scalar, value).as_deref(), Ok(expected), "{scalar:?} of {value}");
        }
        let no_numbers = ["", " 1", "1 ", "+1", "01", "1.", ".5", "0x1", "1,5", "NaN", "true", "1e"];
        for text in no_numbers {
            assert_eq!(made(Scalar::Number, &Value::from(text).to_string()), Err(Unlike), "{text}");
        }
        for text in ["", "TRUE", "1", "yes", " true"] {
            assert_eq!(made(Scalar::Boolean, &Value::from(text).to_string()), Err(Unlike), "{text}");
        }
        for scalar in [Scalar::Number, Scalar::Boolean, Scalar::String] {
            assert_eq!((made(scalar, "[]"), made(scalar, "{}")), (Err(Unlike), Err(Unlike)));
        }
        assert_eq!((made(Scalar::Number, "true"), made(Scalar::Boolean, "1")), (Err(Unlike), Err(Unlike)));
    }
}
