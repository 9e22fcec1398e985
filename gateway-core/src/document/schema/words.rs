//! The words for violations. They quote the schema, and of the document names of members alone, cut short.

use super::leaf;
use super::node::{Check, Sized};
use crate::document::Value;

/// The longest text that is quoted, in characters.
const LONGEST: usize = 64;

/// The most values of an `enum` that are listed.
const MOST_VALUES: usize = 8;

/// `text` in backticks, cut short if it is long.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => ["`", text.get(..end).unwrap_or_default(), "…`"].concat(),
        None => ["`", text, "`"].concat(),
    }
}

/// The keyword of `check`, as a schema has it.
pub(super) const fn keyword(check: &Check) -> &'static str {
    match check {
        Check::Never => "",
        Check::Types(_) => "type",
        Check::Values { is_constant: true, .. } => "const",
        Check::Values { .. } => "enum",
        Check::Bound(bound) => match (bound.is_most, bound.is_exclusive) {
            (false, false) => "minimum",
            (true, false) => "maximum",
            (false, true) => "exclusiveMinimum",
            (true, true) => "exclusiveMaximum",
        },
        Check::MultipleOf { .. } => "multipleOf",
        Check::Size { of, is_most, .. } => match (of, is_most) {
            (Sized::Characters, false) => "minLength",
            (Sized::Characters, true) => "maxLength",
            (Sized::Items, false) => "minItems",
            (Sized::Items, true) => "maxItems",
            (Sized::Members, false) => "minProperties",
            (Sized::Members, true) => "maxProperties",
        },
        Check::Pattern { .. } => "pattern",
        Check::Format(_) => "format",
        Check::UniqueItems => "uniqueItems",
        Check::Required(_) | Check::RequiredOn(..) => "required",
        Check::DependentRequired(_) => "dependentRequired",
        Check::Ref(_) => "$ref",
        Check::DynamicRef { .. } => "$dynamicRef",
        Check::AllOf(_) => "allOf",
        Check::AnyOf(_) => "anyOf",
        Check::OneOf(_) => "oneOf",
        Check::Not(_) => "not",
        Check::If { .. } => "if",
        Check::DependentSchemas(_) => "dependentSchemas",
        Check::PropertyNames(_) => "propertyNames",
        Check::Properties(_) => "properties",
        Check::Items { .. } => "items",
        Check::Contains { .. } => "contains",
        Check::UnevaluatedItems(_) => "unevaluatedItems",
        Check::UnevaluatedProperties(_) => "unevaluatedProperties",
    }
}

/// The message for a `value` that `check` does not hold for.
pub(super) fn message(check: &Check, value: &Value) -> String {
    match check {
        Check::Types(types) => {
            let names: Vec<_> = types.names().collect();
            format!("is {}, where the type is {}", value.kind(), names.join(" or "))
        }
        Check::Values { values, is_constant: true } => match &**values {
            [only] => format!("is another value than {}", literal(only)),
            _ => "is another value".to_owned(),
        },
        Check::Values { values, .. } => {
            let listed: Vec<_> = values.iter().take(MOST_VALUES).map(literal).collect();
            let more = if values.len() > MOST_VALUES { " and others" } else { "" };
            format!("is none of {}{more}", listed.join(", "))
        }
        Check::Bound(bound) => {
            let words = match (bound.is_most, bound.is_exclusive) {
                (false, false) => "is less than",
                (true, false) => "is greater than",
                (false, true) => "is not greater than",
                (true, true) => "is not less than",
            };
            format!("{words} {}", quoted(bound.number.as_str()))
        }
        Check::MultipleOf { number, .. } => format!("is no multiple of {}", quoted(number.as_str())),
        Check::Size { of, is_most, count } => {
            let what = match of {
                Sized::Characters => "characters",
                Sized::Items => "elements",
                Sized::Members => "members",
            };
            let size = leaf::size(*of, value).unwrap_or_default();
            let words = if *is_most { "the most is" } else { "the least is" };
            format!("has {size} {what}, where {words} {count}")
        }
        Check::Pattern { text, .. } => format!("is not matched by {}", quoted(text)),
        Check::Format(format) => format!("is not in the format `{}`", format.name()),
        Check::UniqueItems => "has two equal elements".to_owned(),
        _ => "is not as the schema has it".to_owned(),
    }
}

/// A value of the schema, as JSON.
fn literal(value: &Value) -> String {
    quoted(&value.to_string())
}
