//! Parts of a representation (RFC 9110 §14): those that are asked for, and those that are stored.

use http::header::{CONTENT_RANGE, RANGE};
use http::{HeaderMap, HeaderValue};

/// The one range that a request asks for (§14.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// From one byte to another, both included, or to the end.
    From(u64, Option<u64>),
    /// So many bytes at the end.
    Last(u64),
}

/// A part of a representation, by the positions of its first byte and its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The first byte.
    pub first: u64,
    /// The last byte.
    pub last: u64,
    /// The length of the whole.
    pub of: u64,
}

/// What a range comes to in a representation, or in the part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// These bytes, which begin so many bytes into what is stored.
    Part(Part, u64),
    /// There are no such bytes (§15.5.17).
    Unsatisfiable,
    /// They are not in the part that is stored.
    Elsewhere,
}

impl Range {
    /// Reads the range of a request. `None` if it asks for none, for several, in another unit, or in a way that is no range: then it can be
    /// answered by the whole (§14.2).
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut lines = headers.get_all(RANGE).iter();
        let line = lines.next()?.as_bytes();
        if lines.next().is_some() {
            return None;
        }
        let (unit, set) = split(line, b'=')?;
        if !unit.trim_ascii().eq_ignore_ascii_case(b"bytes") {
            return None;
        }
        let (first, last) = split(set.trim_ascii(), b'-')?;
        match (first, last) {
            (b"", last) => position(last).map(Self::Last),
            (first, b"") => position(first).map(|first| Self::From(first, None)),
            (first, last) => {
                let (first, last) = (position(first)?, position(last)?);
                (first <= last).then_some(Self::From(first, Some(last)))
            }
        }
    }

    /// The range in a whole representation of `of` bytes.
    #[must_use]
    pub fn in_whole(self, of: u64) -> Found {
        let first = match self {
            Self::From(first, _) => first,
            Self::Last(0) => return Found::Unsatisfiable,
            Self::Last(length) => of.saturating_sub(length),
        };
        let end = of.saturating_sub(1);
        let last = match self {
            Self::From(_, Some(last)) => last.min(end),
            Self::From(_, None) | Self::Last(_) => end,
        };
        if first >= of {
            return Found::Unsatisfiable;
        }
        Found::Part(Part { first, last, of }, first)
    }

    /// The range in a stored part with `length` bytes of content.
    ///
    /// A stored part answers for ranges that lie within it (RFC 9111 §3.3). If its content is shorter than it says, so is the answer, which
    /// says what it holds (RFC 9110 §15.3.7): positions count from the beginning of the part, and a number of last bytes from its end.
    #[must_use]
    pub fn in_part(self, part: Part, length: u64) -> Found {
        let wanted = match self.in_whole(part.of) {
            Found::Part(wanted, _) => wanted,
            other => return other,
        };
        if wanted.first < part.first || wanted.last > part.last {
            return Found::Elsewhere;
        }
        let wide = wanted.last - wanted.first + 1;
        let offset = match self {
            Self::From(..) => wanted.first - part.first,
            Self::Last(_) => length.saturating_sub(wide),
        };
        let wide = wide.min(length.saturating_sub(offset));
        if wide == 0 {
            return Found::Elsewhere;
        }
        Found::Part(Part { last: wanted.first + wide - 1, ..wanted }, offset)
    }
}

impl Part {
    /// Reads `Content-Range` (§14.4) of a part with one range, in bytes, of a whole whose length it tells.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut lines = headers.get_all(CONTENT_RANGE).iter();
        let line = lines.next()?.as_bytes();
        if lines.next().is_some() {
            return None;
        }
        let (unit, range) = split(line, b' ')?;
        let (positions, of) = split(range, b'/')?;
        let (first, last) = split(positions, b'-')?;
        let part = Self { first: position(first)?, last: position(last)?, of: position(of)? };
        let is_valid = unit.eq_ignore_ascii_case(b"bytes") && part.first <= part.last && part.last < part.of;
        is_valid.then_some(part)
    }

    /// Writes it as `Content-Range`.
    #[must_use]
    pub fn written(self) -> Option<HeaderValue> {
        let mut numbers = itoa::Buffer::new();
        let mut text = String::from("bytes ");
        text.push_str(numbers.format(self.first));
        text.push('-');
        text.push_str(numbers.format(self.last));
        text.push('/');
        text.push_str(numbers.format(self.of));
        HeaderValue::try_from(text).ok()
    }
}

fn split(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|byte| *byte == at)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// A position is digits alone; one that is too large to be any is the last that there could be.
fn position(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0_u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0'))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::fields;

    fn range(text: &str) -> Option<Range> {
        Range::of(&fields(&[("range", text)]))
    }

    fn part(first: u64, last: u64, of: u64) -> Part {
        Part { first, last, of }
    }

    /// RFC 9110 §14.1.1, §14.1.2, §14.2.
    #[test]
    fn one_range_in_bytes_is_read() {
        for (text, expected) in [
            ("bytes=0-499", Some(Range::From(0, Some(499)))),
            ("Bytes=500-", Some(Range::From(500, None))),
            ("bytes=-500", Some(Range::Last(500))),
            ("bytes= 0-0", Some(Range::From(0, Some(0)))),
            ("bytes=0-99999999999999999999999", Some(Range::From(0, Some(u64::MAX)))),
            ("bytes=5-4", None),
            ("bytes=0-0,-1", None),
            ("bytes=0-0, 2-3", None),
            ("bytes=-", None),
            ("bytes=a-b", None),
            ("bytes=+1-2", None),
            ("bytes=--1", None),
            ("bytes", None),
            ("seconds=1-2", None),
            ("", None),
        ] {
            assert_eq!(range(text), expected, "{text}");
        }
        assert_eq!(Range::of(&fields(&[("range", "bytes=0-1"), ("range", "bytes=3-4")])), None);
        assert_eq!(Range::of(&fields(&[])), None);
    }

    /// RFC 9110 §14.1.2, with the examples for a representation of 10,000 bytes.
    #[test]
    fn a_range_ends_with_the_representation() {
        for (text, of, expected) in [
            ("bytes=0-499", 10_000, Some((0, 499))),
            ("bytes=500-999", 10_000, Some((500, 999))),
            ("bytes=-500", 10_000, Some((9500, 9999))),
            ("bytes=9500-", 10_000, Some((9500, 9999))),
            ("bytes=9999-20000", 10_000, Some((9999, 9999))),
            ("bytes=-20000", 10_000, Some((0, 9999))),
            ("bytes=10000-", 10_000, None),
            ("bytes=-0", 10_000, None),
            ("bytes=0-", 0, None),
            ("bytes=-1", 0, None),
        ] {
            let expected = match expected {
                Some((first, last)) => Found::Part(part(first, last, of), first),
                None => Found::Unsatisfiable,
            };
            assert_eq!(range(text).unwrap().in_whole(of), expected, "{text}");
        }
    }

    /// RFC 9111 §3.3.
    #[test]
    fn a_part_answers_for_what_lies_within() {
        for (text, expected) in [
            ("bytes=4-9", Some((4, 9, 0))),
            ("bytes=6-7", Some((6, 7, 2))),
            ("bytes=6-", Some((6, 9, 2))),
            ("bytes=6-99", Some((6, 9, 2))),
            ("bytes=-6", Some((4, 9, 0))),
            ("bytes=-1", Some((9, 9, 5))),
            ("bytes=3-5", None),
            ("bytes=-7", None),
            ("bytes=0-", None),
        ] {
            let expected = match expected {
                Some((first, last, offset)) => Found::Part(part(first, last, 10), offset),
                None => Found::Elsewhere,
            };
            assert_eq!(range(text).unwrap().in_part(part(4, 9, 10), 6), expected, "{text}");
        }
        assert_eq!(range("bytes=6-").unwrap().in_part(part(4, 7, 10), 4), Found::Elsewhere);
        assert_eq!(range("bytes=10-").unwrap().in_part(part(4, 9, 10), 6), Found::Unsatisfiable);
    }

    /// RFC 9110 §15.3.7: an answer may hold less than was asked for, and says so. The content here is a byte shorter than its field says.
    #[test]
    fn a_part_that_is_short_answers_for_less() {
        for (text, expected) in [
            ("bytes=-5", Some((5, 9, 0))),
            ("bytes=6-8", Some((6, 8, 2))),
            ("bytes=6-", Some((6, 8, 2))),
            ("bytes=-1", Some((9, 9, 4))),
            ("bytes=9-9", None),
        ] {
            let expected = match expected {
                Some((first, last, offset)) => Found::Part(part(first, last, 10), offset),
                None => Found::Elsewhere,
            };
            assert_eq!(range(text).unwrap().in_part(part(4, 9, 10), 5), expected, "{text}");
        }
    }

    /// RFC 9110 §14.4.
    #[test]
    fn content_range_is_read_and_written() {
        let read = |text: &str| Part::of(&fields(&[("content-range", text)]));
        assert_eq!(read("bytes 4-9/10"), Some(part(4, 9, 10)));
        assert_eq!(part(4, 9, 10).written().unwrap(), "bytes 4-9/10");
        for text in
            ["bytes 4-9/*", "bytes */10", "bytes 9-4/10", "bytes 4-10/10", "bytes 4-9", "x 4-9/10", "4-9/10", "x", ""]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
