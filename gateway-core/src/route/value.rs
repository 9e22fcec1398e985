//! The values that predicates test, where they stand in the request: nothing is copied or decoded to a buffer.

use std::borrow::Cow;

use http::header::{GetAll, HeaderMap, HeaderName, HeaderValue};

use crate::http::percent::form_octets;
use crate::http::{cookie, query};

/// A value as it stands in the request.
pub(super) enum Value<'r> {
    /// As it is.
    Plain(&'r [u8]),
    /// The lines of a header field that has several.
    Lines(GetAll<'r, HeaderValue>),
    /// Form-encoded: `+` and percent-encodings.
    Form(&'r str),
}

impl Value<'_> {
    pub(super) fn equals(&self, expected: &[u8]) -> bool {
        match self {
            Self::Plain(value) => *value == expected,
            Self::Lines(lines) => joined(lines).eq(expected.iter().copied()),
            Self::Form(text) => form_octets(text).eq(expected.iter().copied()),
        }
    }

    pub(super) fn hash(&self) -> u64 {
        match self {
            Self::Plain(value) => hash(value.iter().copied()),
            Self::Lines(lines) => hash(joined(lines)),
            Self::Form(text) => hash(form_octets(text)),
        }
    }

    pub(super) fn starts_with(&self, start: &[u8]) -> bool {
        match self {
            Self::Plain(value) => value.starts_with(start),
            Self::Lines(lines) => begins(joined(lines), start),
            Self::Form(text) => begins(form_octets(text), start),
        }
    }

    /// Returns whether it is longer, as it stands in the request, than `most` bytes.
    pub(super) fn is_longer_than(&self, most: usize) -> bool {
        let length = match self {
            Self::Plain(value) => value.len(),
            Self::Lines(lines) => lines.iter().map(HeaderValue::len).sum(),
            Self::Form(text) => text.len(),
        };
        length > most
    }

    /// The value as text; `None` if it is no UTF-8.
    pub(super) fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Plain(value) => core::str::from_utf8(value).ok().map(Cow::Borrowed),
            Self::Lines(lines) => String::from_utf8(joined(lines).collect()).ok().map(Cow::Owned),
            Self::Form(text) => String::from_utf8(form_octets(text).collect()).ok().map(Cow::Owned),
        }
    }

    pub(super) fn ends_with(&self, end: &[u8]) -> bool {
        match self {
            Self::Plain(value) => value.ends_with(end),
            Self::Lines(lines) => joined(lines).collect::<Vec<_>>().ends_with(end),
            Self::Form(text) => form_octets(text).collect::<Vec<_>>().ends_with(end),
        }
    }
}

/// A hash that is the same for the same octets, however they are written (FNV-1a, stirred). It is not seeded: the values
/// that are stored come from the configuration, so that no client can make collisions.
pub(super) fn hash(octets: impl Iterator<Item = u8>) -> u64 {
    let hash = octets
        .fold(0xCBF2_9CE4_8422_2325_u64, |hash, octet| (hash ^ u64::from(octet)).wrapping_mul(0x0000_0100_0000_01B3));
    (hash ^ hash >> 32).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// The field called `name`, all its lines.
pub(super) fn header<'r>(headers: &'r HeaderMap, name: &HeaderName) -> Option<Value<'r>> {
    let lines = headers.get_all(name);
    let mut iter = lines.iter();
    let first = iter.next()?;
    Some(if iter.next().is_none() { Value::Plain(first.as_bytes().trim_ascii()) } else { Value::Lines(lines) })
}

/// The first query parameter called `name`.
pub(super) fn query<'r>(query: &'r str, name: &str) -> Option<Value<'r>> {
    query::first(query, name).map(Value::Form)
}

/// The first cookie called `name`.
pub(super) fn cookie<'r>(headers: &'r HeaderMap, name: &str) -> Option<Value<'r>> {
    cookie::first(headers, name).map(Value::Plain)
}

fn begins(mut value: impl Iterator<Item = u8>, start: &[u8]) -> bool {
    start.iter().all(|byte| value.next() == Some(*byte))
}

/// The lines of a field as one value (RFC 9110 §5.3).
fn joined(lines: &GetAll<'_, HeaderValue>) -> impl Iterator<Item = u8> {
    lines.iter().enumerate().flat_map(|(i, line)| {
        let separator: &[u8] = if i == 0 { b"" } else { b", " };
        separator.iter().chain(line.as_bytes().trim_ascii()).copied()
    })
}
