//! Helpers that the tests of several rules share.

use core::cell::RefCell;
use std::collections::VecDeque;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::random::{NoRandom, Random};

/// Numbers to be drawn in this order.
#[derive(Debug)]
pub(crate) struct Sequence(RefCell<VecDeque<u64>>);

impl Sequence {
    pub(crate) fn new(numbers: impl IntoIterator<Item = u64>) -> Self {
        Self(RefCell::new(numbers.into_iter().collect()))
    }
}

impl Random for Sequence {
    fn next_u64(&self) -> u64 {
        self.0.borrow_mut().pop_front().expect("a number was drawn that the test does not foresee")
    }

    fn fill_secret(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
        crate::random::fill_from(bytes, || self.next_u64());
        Ok(())
    }
}

/// A seeded generator (SplitMix64), so that a failure comes back with its seed.
#[derive(Debug)]
pub(crate) struct Generator(u64);

impl Generator {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

/// The characters of names that are neither letters nor digits (RFC 9110 §5.6.2).
pub(crate) const SEPARATORS: &str = "!#$%&'*+-.^_`|~";

/// A name with the letters and digits of `name`, in either case, with any separators between.
pub(crate) fn spelling(name: &str, generator: &mut Generator) -> String {
    let mut spelling = String::new();
    for letter in name.chars().filter(char::is_ascii_alphanumeric) {
        while generator.below(3) == 0 {
            spelling.extend(SEPARATORS.chars().nth(generator.below(SEPARATORS.len())));
        }
        spelling.push(if generator.below(2) == 0 { letter } else { letter.to_ascii_uppercase() });
    }
    spelling
}

/// Fields in this order, repeated names kept.
pub(crate) fn fields(list: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in list {
        headers.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

/// The fields as sorted `name: value` lines.
pub(crate) fn lines(headers: &HeaderMap) -> Vec<String> {
    let mut lines: Vec<_> =
        headers.iter().map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))).collect();
    lines.sort_unstable();
    lines
}
