//! Lists without two equal elements (JSON Schema Validation §6.4.3).

use crate::document::{Value, number};
use crate::order::sort_by;

/// The longest list of which all pairs are compared.
const FEW: usize = 8;

/// Returns whether two of `items` are equal. The time is that of sorting them.
pub(super) fn has_equal(items: &[Value]) -> bool {
    let is_plain = |value: &Value| !matches!(value, Value::Array(_) | Value::Object(_));
    if items.len() <= FEW && items.iter().all(is_plain) {
        let mut rest = items;
        while let Some((item, others)) = rest.split_first() {
            if others.contains(item) {
                return true;
            }
            rest = others;
        }
        return false;
    }
    let mut texts: Vec<String> = items
        .iter()
        .map(|item| {
            let mut text = String::new();
            write(item, &mut text);
            text
        })
        .collect();
    sort_by(&mut texts, |one, other| one.cmp(other));
    texts.windows(2).any(|pair| pair.first() == pair.last())
}

/// Appends a text that is the same for equal values, and for no others.
fn write(value: &Value, out: &mut String) {
    match value {
        Value::Number(number) => number::push_normal(number, out),
        Value::Array(items) => {
            out.push('[');
            for item in items {
                write(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Value::Object(object) => {
            let mut members: Vec<String> = object
                .members()
                .iter()
                .map(|(name, value)| {
                    let mut text = Value::from(&**name).to_string();
                    text.push(':');
                    write(value, &mut text);
                    text
                })
                .collect();
            sort_by(&mut members, |one, other| one.cmp(other));
            out.push('{');
            out.push_str(&members.join(","));
            out.push('}');
        }
        other => other.write(out),
    }
}
