//! A URL's query as `name=value` pairs (WHATWG URL, `application/x-www-form-urlencoded`).

use std::borrow::Cow;

use super::percent;

/// The pairs of `query`, raw; a pair without `=` has an empty value.
pub fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// The raw value of the first parameter called `name`.
#[must_use]
pub fn first_raw<'q>(query: Option<&'q str>, name: &str) -> Option<&'q str> {
    pairs(query?).find(|(raw, _)| is_named(raw, name)).map(|(_, value)| value)
}

/// Whether the raw name `raw` means `name`.
#[must_use]
pub fn is_named(raw: &str, name: &str) -> bool {
    raw == name || (raw.contains(['%', '+']) && decode(raw) == name)
}

/// The text that a raw name or value means: `+` is a space.
#[must_use]
pub fn decode(raw: &str) -> Cow<'_, str> {
    if raw.contains('+') {
        Cow::Owned(percent::decode(&raw.replace('+', " ")).into_owned())
    } else {
        percent::decode(raw)
    }
}
