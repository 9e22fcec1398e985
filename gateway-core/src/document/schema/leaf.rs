//! Assertions about a value that take no other schema (JSON Schema Validation §6, §7).

use core::cmp::Ordering;

use super::format::Format;
use super::node::{Bound, Check, Sized};
use super::unique;
use crate::document::{Number, Value};

/// Returns whether `value` is as `check` has it. Those that apply schemas hold here.
pub(super) fn holds(check: &Check, value: &Value) -> bool {
    match (check, value) {
        (Check::Never, _) => false,
        (Check::Types(types), value) => types.take(value),
        (Check::Values { values, .. }, value) => values.contains(value),
        (Check::Bound(bound), Value::Number(number)) => is_within(bound, number),
        (Check::MultipleOf { divisor, .. }, Value::Number(number)) => number.is_multiple_of(*divisor),
        // A character has one to four bytes: most texts need not be counted.
        (Check::Size { of: Sized::Characters, is_most: true, count }, Value::String(text))
            if text.len() as u64 <= *count =>
        {
            true
        }
        (Check::Size { of: Sized::Characters, is_most: false, count }, Value::String(text))
            if text.len() as u64 / 4 >= *count =>
        {
            true
        }
        (Check::Size { of, is_most, count }, value) => match size(*of, value) {
            Some(size) if *is_most => size <= *count,
            Some(size) => size >= *count,
            None => true,
        },
        (Check::Pattern { regex, .. }, Value::String(text)) => regex.is_match(text),
        (Check::Format(format), Value::String(text)) => format.takes(text),
        (Check::UniqueItems, Value::Array(items)) => !unique::has_equal(items),
        _ => true,
    }
}

/// The size of `value`, if it has one of this kind.
pub(super) fn size(of: Sized, value: &Value) -> Option<u64> {
    let size = match (of, value) {
        // RFC 8259 has strings of characters: those are counted, and not bytes.
        (Sized::Characters, Value::String(text)) => text.chars().count(),
        (Sized::Items, Value::Array(items)) => items.len(),
        (Sized::Members, Value::Object(object)) => object.members().len(),
        _ => return None,
    };
    u64::try_from(size).ok()
}

fn is_within(bound: &Bound, number: &Number) -> bool {
    let quick = bound.whole.and_then(|whole| quick_order(number.as_str(), whole));
    match quick.unwrap_or_else(|| number.cmp(&bound.number)) {
        Ordering::Equal => !bound.is_exclusive,
        Ordering::Less => bound.is_most,
        Ordering::Greater => !bound.is_most,
    }
}

/// The order of a number that is written without an exponent; none if it takes another look.
fn quick_order(text: &str, whole: i64) -> Option<Ordering> {
    let mut number = 0_i64;
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            b'0'..=b'9' => number = number.checked_mul(10)?.checked_add(i64::from(byte.wrapping_sub(b'0')))?,
            // Of a positive number the fraction counts where the whole is equal.
            b'.' => {
                let rest = text.get(place.saturating_add(1)..)?;
                let is_plain = rest.bytes().all(|byte| byte.is_ascii_digit());
                let is_more = rest.bytes().any(|byte| byte != b'0');
                let order = number.cmp(&whole);
                return is_plain.then(|| if is_more { order.then(Ordering::Greater) } else { order });
            }
            _ => return None,
        }
    }
    Some(number.cmp(&whole))
}

/// The steps that `check` takes on `value`, in the units of a check's bound.
pub(super) fn cost(check: &Check, value: &Value) -> usize {
    match (check, value) {
        // A step for each character: an expression has hundreds of states at the most.
        (Check::Pattern { .. }, Value::String(text)) => text.len(),
        (Check::Format(Format::Regex), Value::String(text)) => text.len().saturating_add(4_096),
        (Check::Format(_), Value::String(text)) => text.len() / 4,
        (Check::Size { of: Sized::Characters, .. }, Value::String(text)) => text.len() / 64,
        (Check::Values { values, .. }, _) => values.len() / 8,
        (Check::UniqueItems, Value::Array(items)) => items.iter().fold(0, |sum, item| weight(item).saturating_add(sum)),
        (Check::MultipleOf { .. } | Check::Bound(_), Value::Number(number)) => number.as_str().len() / 16,
        _ => 0,
    }
}

/// The steps of writing `value` and comparing it with others.
fn weight(value: &Value) -> usize {
    let own = |text: &str| (text.len() / 16).saturating_add(2);
    match value {
        Value::Null | Value::Boolean(_) => 2,
        Value::Number(number) => own(number.as_str()),
        Value::String(text) => own(text),
        Value::Array(items) => items.iter().fold(2, |sum, item| weight(item).saturating_add(sum)),
        Value::Object(object) => object
            .members()
            .iter()
            .fold(2, |sum, (name, value)| own(name).saturating_add(weight(value)).saturating_add(sum)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_quick_order_is_the_exact_one(text in "(0|[1-9][0-9]{0,20})([.][0-9]{1,3})?", small in -3_i64..30, large: i64) {
            for whole in [small, large] {
                if let Some(order) = quick_order(&text, whole) {
                    prop_assert_eq!(order, Number::parse(&text).unwrap().cmp(&Number::from(whole)));
                }
            }
        }
    }
}
