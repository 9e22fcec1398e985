//! The rule for what may happen once: the first who asks for a cell gets it, for a time.
//!
//! It guards against requests that are sent again by others (RFC 9421 §7.2.2): a cell is named by what makes a request the only one.

use core::fmt::Write as _;
use core::time::Duration;

use sha2::{Digest, Sha256};

use crate::time::Timestamp;

/// Asks for a cell that was given until `given`, or never. Returns the time until which it is given now, and whether that is to who asks,
/// who keeps it for `keep`. A clock that goes back gives it to nobody. Who has it and asks to keep it for no time gives it back.
#[must_use]
pub fn decide(given: Option<Timestamp>, now: Timestamp, keep: Duration) -> (Timestamp, bool) {
    match given.filter(|until| *until > now && !keep.is_zero()) {
        Some(until) => (until, false),
        None => (now.saturating_add(keep), true),
    }
}

/// The name of the cell of what these `parts` make the only one: `use_of`, and a hash. None of the parts can be found out from it, and of
/// two lists of parts no one is taken for the other.
#[must_use]
pub fn cell(use_of: &str, parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let mut name = String::from(use_of);
    for byte in hash.finalize().iter().take(16) {
        // Writing to a text does not fail.
        let _ = write!(name, "{byte:02x}");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_unix_millis(1_800_000_000_000 + millis)
    }

    /// docs/configuration.md, Webhooks: a delivery is let in once within its time, and that time is not prolonged by those who try again.
    #[test]
    fn the_first_gets_the_cell_until_its_time_is_over() {
        let keep = Duration::from_secs(10);
        assert_eq!(decide(None, at(0), keep), (at(10_000), true));
        for millis in [0, 1, 9_999] {
            assert_eq!(decide(Some(at(10_000)), at(millis), keep), (at(10_000), false));
        }
        assert_eq!(decide(Some(at(10_000)), at(10_000), keep), (at(20_000), true));
    }

    /// docs/configuration.md, Webhooks: a delivery that no upstream has got may come again.
    #[test]
    fn who_has_the_cell_gives_it_back() {
        let (until, _) = decide(Some(at(10_000)), at(5), Duration::ZERO);
        assert_eq!(until, at(5));
        assert!(decide(Some(until), at(5), Duration::from_secs(10)).1);
    }
}
