//! The reading of paths that a configuration asks for.

use std::borrow::Cow;

use super::PathError;
use super::normal::{is_normal, normalise_other};
use crate::config::{EmptySegments, EncodedSlash, FinalSlash, Network, PathCase, Paths};
use crate::http::percent::hex_digit;

/// The reading of paths: from the raw path to the form that upstreams are sent and the one that routes are found by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    slash: EncodedSlash,
    empty: EmptySegments,
    is_strict: bool,
    case: PathCase,
    final_slash: FinalSlash,
}

impl Reading {
    /// The reading that a configuration asks for.
    #[must_use]
    pub fn of(network: &Network) -> Self {
        Self {
            slash: network.encoded_slash.unwrap_or_default(),
            empty: network.empty_segments.unwrap_or_default(),
            is_strict: network.paths == Some(Paths::Strict),
            case: network.path_case.unwrap_or_default(),
            final_slash: network.final_slash.unwrap_or_default(),
        }
    }

    /// The meaning of an encoded slash.
    #[must_use]
    pub const fn slash(&self) -> EncodedSlash {
        self.slash
    }

    /// The normal form of `raw`, as [`normalise`](super::normalise) has it.
    ///
    /// # Errors
    /// The first reason why `raw` has none, or why it is not let in.
    pub fn normalise<'p>(&self, raw: &'p str) -> Result<Cow<'p, str>, PathError> {
        if is_normal(raw.as_bytes()) && !self.is_strict {
            return Ok(Cow::Borrowed(raw));
        }
        let normal = normalise_other(raw, self.slash, self.empty)?;
        self.check(&normal).map(|()| normal)
    }

    /// Checks that a path in its normal form is let in.
    ///
    /// # Errors
    /// The reason why it is not.
    pub fn check(&self, normal: &str) -> Result<(), PathError> {
        if self.is_strict { check_strictly(normal) } else { Ok(()) }
    }

    /// The form of a normal path that routes are found by. Its places are those of the path itself.
    #[must_use]
    pub fn key<'p>(&self, normal: &'p str) -> Cow<'p, str> {
        let cut = match self.final_slash {
            FinalSlash::Distinct => normal,
            FinalSlash::Same => normal.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(normal),
        };
        if self.case == PathCase::Insensitive && cut.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Cow::Owned(cut.to_ascii_lowercase());
        }
        Cow::Borrowed(cut)
    }

    /// Returns whether routes are found by another form than the normal one.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        self.case == PathCase::Insensitive || self.final_slash == FinalSlash::Same
    }
}

#[inline(never)]
fn check_strictly(normal: &str) -> Result<(), PathError> {
    let mut octets = Vec::with_capacity(normal.len());
    let mut rest = normal.as_bytes();
    while let [byte, tail @ ..] = rest {
        rest = tail;
        let octet = match (byte, tail) {
            (b'%', [high, low, tail @ ..]) => {
                rest = tail;
                hex_digit(*high).unwrap_or(0) << 4 | hex_digit(*low).unwrap_or(0)
            }
            _ => *byte,
        };
        match octet {
            b';' => return Err(PathError::PathParameter),
            b'/' if *byte == b'%' => return Err(PathError::EncodedSlash),
            b'%' if matches!(
                rest,
                [b'0'..=b'9' | b'A'..=b'F' | b'a'..=b'f', b'0'..=b'9' | b'A'..=b'F' | b'a'..=b'f', ..]
            ) =>
            {
                return Err(PathError::DoubleEncoding);
            }
            _ => octets.push(octet),
        }
    }
    core::str::from_utf8(&octets).map(drop).map_err(|_| PathError::NotUtf8)
}
