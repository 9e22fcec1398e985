//! Field names as a backend may fold them.
//!
//! CGI and WSGI turn `-` into `_`, and some frameworks `.` too: to them `X_Remote.User` and `X-Remote-User` are one field.
//! A rule that guards a name therefore guards every spelling of it.

/// `byte` in the one spelling that names are compared in: lower case, `-` for `_` and `.`.
pub(crate) const fn fold(byte: u8) -> u8 {
    match byte {
        b'_' | b'.' => b'-',
        _ => byte.to_ascii_lowercase(),
    }
}

/// Returns whether `name` is a spelling of `folded`, which is in the folded one.
pub(crate) fn is_alias(name: &[u8], folded: &[u8]) -> bool {
    name.len() == folded.len() && starts_with_alias(name, folded)
}

/// Returns whether `name` begins with a spelling of `folded`.
pub(crate) fn starts_with_alias(name: &[u8], folded: &[u8]) -> bool {
    name.len() >= folded.len() && name.iter().zip(folded).all(|(byte, expected)| fold(*byte) == *expected)
}

/// Returns whether `name`, in any spelling, fits `pattern`, which is in the folded one; a trailing `*` stands for any
/// ending.
pub(crate) fn fits(name: &[u8], pattern: &[u8]) -> bool {
    match pattern.strip_suffix(b"*") {
        Some(start) => starts_with_alias(name, start),
        None => is_alias(name, pattern),
    }
}

/// Returns whether some backend takes the two names for one.
pub(crate) fn are_aliases(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().map(fold).eq(other.bytes().map(fold))
}

/// Returns whether `name` has a character that backends fold. Two different lower-case names without such a character are
/// never aliases of each other.
pub(crate) fn is_foldable(name: &str) -> bool {
    // Every byte is looked at, without leaving early: the compiler then takes many at once.
    name.bytes().fold(false, |found, byte| found | (byte == b'_') | (byte == b'.'))
}

/// A set of names by their first, third and fourth letters. A name that is not in the set is none of them; one that is may
/// be one of them.
///
/// The second letter does not count, since so many names begin with `x-`. The set tells most fields of a request apart from
/// a group of names, at the cost of a few instructions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filter([u64; 32]);

/// The slot of a name in every [`Filter`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    row: usize,
    bit: u64,
}

impl Slot {
    /// The number of letters that fix a name's slot. All longer names that begin with them are in the same slot.
    pub(crate) const LETTERS: usize = 4;

    pub(crate) const fn of(name: &[u8]) -> Self {
        // The lowest five bits are the same for capital and small letters.
        match name {
            [first, _, third, fourth, ..] => {
                let letters = (fold(*third) & 31) * 5 + (fold(*fourth) & 31);
                Self { row: (fold(*first) & 31) as usize, bit: 1 << (letters & 63) }
            }
            [first, ..] => Self { row: (fold(*first) & 31) as usize, bit: 1 },
            [] => Self { row: 0, bit: 1 },
        }
    }
}

impl Filter {
    pub(crate) const EMPTY: Self = Self([0; 32]);

    /// The set of these names, and of those that begin like them.
    #[expect(clippy::indexing_slicing, reason = "worked out by the compiler")]
    pub(crate) const fn of(names: &[&str]) -> Self {
        let mut filter = Self::EMPTY;
        let mut index = 0;
        while index < names.len() {
            filter.add(names[index].as_bytes());
            index += 1;
        }
        filter
    }

    /// Adds `name` and all longer names that begin with it.
    #[expect(clippy::indexing_slicing, reason = "a row is below 32")]
    pub(crate) const fn add(&mut self, name: &[u8]) {
        let slot = Slot::of(name);
        self.0[slot.row] |= if name.len() < Slot::LETTERS { u64::MAX } else { slot.bit };
    }

    #[expect(clippy::indexing_slicing, reason = "a row is below 32")]
    pub(crate) const fn may_contain(&self, slot: Slot) -> bool {
        self.0[slot.row] & slot.bit != 0
    }

    /// The names of both.
    #[expect(clippy::indexing_slicing, reason = "there are 32 rows")]
    pub(crate) const fn with(mut self, other: &Self) -> Self {
        let mut row = 0;
        while row < 32 {
            self.0[row] |= other.0[row];
            row += 1;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_backend_takes_for_one() {
        for (one, other) in [("x-a", "x_a"), ("x.a", "x_a"), ("x-a-b", "x.a_b"), ("x-a", "x-a")] {
            assert!(are_aliases(one, other) && are_aliases(other, one), "{one} {other}");
        }
        for (one, other) in [("x-a", "x-b"), ("x-a", "x-a-"), ("x-a", "xa"), ("x-a", "x~a")] {
            assert!(!are_aliases(one, other), "{one} {other}");
        }
        assert!(is_foldable("x-a_b") && is_foldable("x.a") && is_foldable("_"));
        assert!(!is_foldable("x-forwarded-for") && !is_foldable(""));
    }

    #[test]
    fn a_pattern_takes_every_spelling_and_with_a_star_every_ending() {
        for (pattern, name) in [("x-a", "x-a"), ("x-a", "X_A"), ("x-*", "x."), ("x-*", "X_Abc")] {
            assert!(fits(name.as_bytes(), pattern.as_bytes()), "{pattern} {name}");
        }
        for (pattern, name) in [("x-a", "x-ab"), ("x-a", "x-"), ("x-*", "x"), ("x-*", "y-a")] {
            assert!(!fits(name.as_bytes(), pattern.as_bytes()), "{pattern} {name}");
        }
    }

    #[test]
    fn a_filter_lets_its_names_through_in_every_spelling() {
        let filter = Filter::of(&["x-real-ip", "te", "forwarded"]);
        for name in ["x-real-ip", "X_REAL_IP", "x.real.ip", "te", "TE", "team", "forwarded", "Forwarded-For"] {
            assert!(filter.may_contain(Slot::of(name.as_bytes())), "{name}");
        }
        for name in ["", "x", "host", "x-tenant", "content-type", "from"] {
            assert!(!filter.may_contain(Slot::of(name.as_bytes())), "{name}");
        }
        assert!(Filter::EMPTY.with(&filter).may_contain(Slot::of(b"te")));
    }
}
