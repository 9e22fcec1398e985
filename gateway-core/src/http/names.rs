//! Field names as a backend may fold them.
//!
//! CGI turns `-` into `_` (RFC 3875 §4.1.18), and servers fold more than that: any other character that a name may have, or
//! they leave all of them out. To them `X_Remote.User`, `X!Remote!User` and `XRemoteUser` are `X-Remote-User`. A rule that
//! guards a name therefore guards every name with the same letters and digits in the same order.

/// The letters, in lower case, and the digits; 0 for every other byte.
#[expect(clippy::indexing_slicing, reason = "there are 256 bytes, and this runs when it is compiled")]
const FOLDED: [u8; 256] = {
    let mut folded = [0; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        if byte.is_ascii_alphanumeric() {
            folded[byte as usize] = byte.to_ascii_lowercase();
        }
        byte += 1;
    }
    folded
};

/// `byte` in lower case if it is a letter or a digit, else 0.
#[expect(clippy::indexing_slicing, reason = "there are 256 bytes")]
pub(crate) const fn fold(byte: u8) -> u8 {
    FOLDED[byte as usize]
}

/// The letters and digits of `name`, in lower case.
pub(crate) fn letters(name: &[u8]) -> impl Iterator<Item = u8> {
    name.iter().map(|byte| fold(*byte)).filter(|letter| *letter != 0)
}

/// Returns the rest of `name` after the letters and digits of `known`, if it begins with them.
pub(crate) fn after<'n>(name: &'n [u8], known: &[u8]) -> Option<&'n [u8]> {
    let mut rest = name;
    for expected in letters(known) {
        loop {
            let (first, others) = rest.split_first()?;
            rest = others;
            match fold(*first) {
                0 => {}
                letter if letter == expected => break,
                _ => return None,
            }
        }
    }
    Some(rest)
}

/// Returns whether some backend takes the two names for one.
pub(crate) fn are_aliases(one: &[u8], other: &[u8]) -> bool {
    after(one, other).is_some_and(|rest| letters(rest).next().is_none())
}

/// Returns whether `name` fits `pattern` in any spelling. A trailing `*` stands for any ending, and a trailing `-*` for any
/// that is set off.
pub(crate) fn fits(name: &[u8], pattern: &[u8]) -> bool {
    match pattern.strip_suffix(b"*") {
        Some(start) if start.ends_with(b"-") => {
            after(name, start).and_then(<[u8]>::first).is_some_and(|next| fold(*next) == 0)
        }
        Some(start) => after(name, start).is_some(),
        None => are_aliases(name, pattern),
    }
}

/// A set of names by their first four letters or digits. A name that is in no spelling one of them is hardly ever in the set,
/// and one that is always is.
///
/// The set tells most fields of a request apart from a group of names, at the cost of a few instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Filter([u64; 32]);

/// The slot of a name in every [`Filter`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    row: usize,
    bit: u64,
}

impl Slot {
    /// The number of letters and digits that fix a name's slot. All longer names that begin with them are in the same slot.
    pub(crate) const LETTERS: usize = 4;

    #[inline]
    pub(crate) const fn of(name: &[u8]) -> Self {
        // Nearly all names begin with four letters, or have a separator after the first.
        if let [one, two, three, four, ..] = *name {
            let four = [fold(one), fold(two), fold(three), fold(four)];
            if let Some(slot) = Self::of_letters(four) {
                return slot;
            }
            if let ([one, 0, two, three], [_, _, _, _, last, ..]) = (four, name)
                && let Some(slot) = Self::of_letters([one, two, three, fold(*last)])
            {
                return slot;
            }
        }
        Self::of_any(name)
    }

    /// The slot of a name whose letters begin with these; none if one of them is no letter.
    const fn of_letters([one, two, three, four]: [u8; Self::LETTERS]) -> Option<Self> {
        if one == 0 || two == 0 || three == 0 || four == 0 {
            return None;
        }
        // The factors are chosen so that the usual names of requests share no slot with those that state an identity.
        let place = (two & 31) as u32 + (three & 31) as u32 * 4 + (four & 31) as u32 * 6;
        Some(Self { row: (one & 31) as usize, bit: 1 << (place & 63) })
    }

    #[expect(clippy::indexing_slicing, reason = "an index is below the length")]
    const fn of_any(name: &[u8]) -> Self {
        let mut letters = [0; Self::LETTERS];
        let mut count = 0;
        let mut index = 0;
        while index < name.len() && count < Self::LETTERS {
            let letter = fold(name[index]);
            index += 1;
            if letter != 0 {
                letters[count] = letter;
                count += 1;
            }
        }
        match Self::of_letters(letters) {
            Some(slot) => slot,
            // The first letter tells the row, of however few there are.
            None => Self { row: (letters[0] & 31) as usize, bit: 1 },
        }
    }

    /// Returns whether `name` has the letters that fix a slot.
    #[expect(clippy::indexing_slicing, reason = "an index is below the length")]
    pub(crate) const fn is_fixed_by(name: &[u8]) -> bool {
        let mut count = 0;
        let mut index = 0;
        while index < name.len() {
            count += (fold(name[index]) != 0) as usize;
            index += 1;
        }
        count >= Self::LETTERS
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
        self.0[slot.row] |= if Slot::is_fixed_by(name) { slot.bit } else { u64::MAX };
    }

    #[expect(clippy::indexing_slicing, reason = "a row is below 32")]
    pub(crate) const fn may_contain(&self, slot: Slot) -> bool {
        self.0[slot.row] & slot.bit != 0
    }

    /// Returns whether `name` may be one of these. Most names begin with a letter that none of these begins with, which spares them their slot.
    #[inline]
    #[expect(clippy::indexing_slicing, reason = "a row is below 32")]
    pub(crate) fn may_contain_name(&self, name: &[u8]) -> bool {
        let row = name.first().map_or(0, |first| fold(*first) & 31);
        (row == 0 || self.0[row as usize] != 0) && self.may_contain(Slot::of(name))
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
    use crate::http::testing::{Generator, SEPARATORS, spelling};

    /// RFC 3875 §4.1.18, and what servers fold beyond it.
    #[test]
    fn names_that_a_backend_takes_for_one() {
        for separator in SEPARATORS.bytes() {
            let name = [b"X".as_slice(), &[separator], b"a2"].concat();
            for other in ["x-a2", "X_A2", "xa2", "x-a-2", "-x-a2-"] {
                assert!(are_aliases(&name, other.as_bytes()) && are_aliases(other.as_bytes(), &name), "{other}");
            }
        }
        for (one, other) in [("x-a", "x-b"), ("x-a", "x-a-b"), ("x-a", "x-"), ("a-x", "x-a"), ("x-1", "x-2")] {
            assert!(!are_aliases(one.as_bytes(), other.as_bytes()), "{one} {other}");
            assert!(!are_aliases(other.as_bytes(), one.as_bytes()), "{other} {one}");
        }
    }

    #[test]
    fn a_pattern_takes_every_spelling_and_with_a_star_every_ending() {
        for (pattern, name) in [("x-a", "x-a"), ("x-a", "X!A"), ("x-*", "x."), ("x-*", "X_Abc"), ("xa*", "x-ab")] {
            assert!(fits(name.as_bytes(), pattern.as_bytes()), "{pattern} {name}");
        }
        for (pattern, name) in [("x-a", "x-ab"), ("x-a", "x-"), ("x-*", "x"), ("x-*", "y-a"), ("sec-*", "section")] {
            assert!(!fits(name.as_bytes(), pattern.as_bytes()), "{pattern} {name}");
        }
    }

    #[test]
    fn a_filter_lets_its_names_through_in_every_spelling() {
        let filter = Filter::of(&["x-real-ip", "te", "forwarded"]);
        for name in ["x-real-ip", "X~REAL~IP", "xrealip", "t.e", "TE", "team", "forwarded", "For-warded-For"] {
            assert!(filter.may_contain(Slot::of(name.as_bytes())), "{name}");
        }
        for name in ["", "x", "-", "host", "x-tenant", "content-type", "from"] {
            assert!(!filter.may_contain(Slot::of(name.as_bytes())), "{name}");
        }
        assert!(Filter::EMPTY.with(&filter).may_contain(Slot::of(b"te")));
    }

    /// However a name is spelled, the rules that guard it see it.
    #[test]
    fn no_spelling_of_a_name_gets_past_its_filter() {
        let mut generator = Generator::new(1);
        for name in ["x-consumer-id", "remote-user", "te", "client-cert", "x-forwarded-for", "q-2"] {
            for _ in 0..2000 {
                let spelling = spelling(name, &mut generator);
                assert!(are_aliases(spelling.as_bytes(), name.as_bytes()), "{spelling}");
                assert!(Filter::of(&[name]).may_contain(Slot::of(spelling.as_bytes())), "{spelling}");
            }
        }
    }
}
