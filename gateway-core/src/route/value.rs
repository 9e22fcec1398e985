//! The values that predicates test, where they stand in the request: nothing is copied or decoded to a buffer.

use http::header::{COOKIE, GetAll, HeaderMap, HeaderName, HeaderValue};

/// A value as it stands in the request.
pub(super) enum Value<'r> {
    /// As it is.
    Plain(&'r [u8]),
    /// The lines of a header field that has several.
    Lines(GetAll<'r, HeaderValue>),
    /// Form-encoded: `+` and percent-encodings.
    Form(&'r [u8]),
}

impl Value<'_> {
    pub(super) fn equals(&self, expected: &[u8]) -> bool {
        match self {
            Self::Plain(value) => *value == expected,
            Self::Lines(lines) => joined(lines).eq(expected.iter().copied()),
            Self::Form(text) => decoded(text).eq(expected.iter().copied()),
        }
    }

    pub(super) fn hash(&self) -> u64 {
        match self {
            Self::Plain(value) => hash(value.iter().copied()),
            Self::Lines(lines) => hash(joined(lines)),
            Self::Form(text) => hash(decoded(text)),
        }
    }

    pub(super) fn starts_with(&self, start: &[u8]) -> bool {
        match self {
            Self::Plain(value) => value.starts_with(start),
            Self::Lines(lines) => begins(joined(lines), start),
            Self::Form(text) => begins(decoded(text), start),
        }
    }
}

/// The same for the same octets, however they are written (FNV-1a, stirred). Not seeded: what is stored comes from the
/// configuration, so that no client can make collisions.
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

/// The first parameter whose decoded name is `name`.
pub(super) fn query<'r>(query: &'r str, name: &str) -> Option<Value<'r>> {
    query.as_bytes().split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).find_map(|pair| {
        let (key, value) = split_at(pair, b'=').unwrap_or((pair, b""));
        decoded(key).eq(name.bytes()).then_some(Value::Form(value))
    })
}

/// The first cookie called `name`, in all `Cookie` lines. Pairs without `=` are none (RFC 6265 §5.2).
pub(super) fn cookie<'r>(headers: &'r HeaderMap, name: &str) -> Option<Value<'r>> {
    headers.get_all(COOKIE).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';')).find_map(|pair| {
        let (key, value) = split_at(pair, b'=')?;
        (key.trim_ascii() == name.as_bytes()).then(|| Value::Plain(value.trim_ascii()))
    })
}

fn split_at(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|byte| *byte == separator)?;
    Some((bytes.get(..at)?, bytes.get(at + 1..)?))
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

/// A name or value of `application/x-www-form-urlencoded` (URL standard §5.1). A `%` without two digits is itself.
fn decoded(text: &[u8]) -> impl Iterator<Item = u8> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (byte, tail) = rest.split_first()?;
        rest = tail;
        let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (byte, tail) {
            (b'+', _) => Some(b' '),
            (b'%', [high, low, after @ ..]) => match (digit(high), digit(low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    Some(high << 4 | low)
                }
                _ => Some(b'%'),
            },
            _ => Some(*byte),
        }
    })
}
