//! Comparisons of values (RFC 9535 §2.3.5.2.2), of which either may be nothing.

use super::filter::Comparison;
use crate::document::Value;

/// Returns whether the `comparison` of `one` and `other` holds.
pub(super) fn holds(one: Option<&Value>, comparison: Comparison, other: Option<&Value>) -> bool {
    match comparison {
        Comparison::Equal => one == other,
        Comparison::NotEqual => one != other,
        Comparison::Less => is_less(one, other),
        Comparison::Greater => is_less(other, one),
        Comparison::LessOrEqual => one == other || is_less(one, other),
        Comparison::GreaterOrEqual => one == other || is_less(other, one),
    }
}

/// Numbers and strings alone have an order: that of their values, and that of their characters' numbers.
fn is_less(one: Option<&Value>, other: Option<&Value>) -> bool {
    match (one, other) {
        (Some(Value::Number(one)), Some(Value::Number(other))) => one < other,
        // The order of UTF-8's bytes is that of the characters.
        (Some(Value::String(one)), Some(Value::String(other))) => one < other,
        _ => false,
    }
}
