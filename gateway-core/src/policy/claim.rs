//! The rule for what is done once and answered many times: who claims a cell first does it, and the others hear how far that is.
//!
//! A claim has an owner, a fingerprint of what it is for, and a lease. It ends when its owner says so. If the lease is over before, nobody knows what
//! has been done: the cell tells that for as long as it would have told of the end.

use core::time::Duration;

use crate::time::Timestamp;

/// A claimed cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The number of its owner.
    pub holder: u64,
    /// A fingerprint of what it is for.
    pub print: u64,
    /// The time until which its owner is believed to be at work.
    pub until: Timestamp,
    /// The time until which the cell is kept.
    pub expires: Timestamp,
    /// Set once its owner has said that it is done.
    pub has_ended: bool,
}

/// A wish for a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The unique number of who asks.
    pub holder: u64,
    /// A fingerprint of what it is for.
    pub print: u64,
    /// The longest that the work takes.
    pub lease: Duration,
    /// The time for which the cell is kept from the beginning of the work, if its end is not told.
    pub keep: Duration,
}

/// The state of a cell, for who asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is given to who asks.
    Given,
    /// Its owner is at work.
    Held,
    /// Its owner is done.
    Ended,
    /// Its owner has not been heard of within the lease.
    Lost,
    /// It is claimed for something else.
    Other,
}

/// Asks for a cell that is in the state `known`, or in none.
#[must_use]
pub fn claim(known: Option<Claim>, now: Timestamp, wish: Wish) -> (Claim, Verdict) {
    match known.filter(|claim| claim.expires > now) {
        Some(claim) => (claim, claim.verdict(now, wish)),
        None => {
            let Wish { holder, print, lease, keep } = wish;
            let (until, expires) = (now.saturating_add(lease), now.saturating_add(keep.max(lease)));
            (Claim { holder, print, until, expires, has_ended: false }, Verdict::Given)
        }
    }
}

/// Ends the claim of `holder`, and keeps its cell for the time `keep` from now on; none gives it back. Of anybody else's nothing changes.
#[must_use]
pub fn conclude(known: Option<Claim>, now: Timestamp, holder: u64, keep: Duration) -> Option<Claim> {
    known.map(|claim| {
        let is_own = claim.holder == holder;
        if is_own { Claim { has_ended: true, expires: now.saturating_add(keep), ..claim } } else { claim }
    })
}

impl Claim {
    /// The state of this cell for a `wish`.
    #[must_use]
    pub fn verdict(&self, now: Timestamp, wish: Wish) -> Verdict {
        match self {
            // Asked twice, as the first answer was lost on the way.
            claim if claim.holder == wish.holder => Verdict::Given,
            claim if claim.print != wish.print => Verdict::Other,
            claim if claim.has_ended => Verdict::Ended,
            claim if claim.until > now => Verdict::Held,
            _ => Verdict::Lost,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WISH: Wish = Wish { holder: 1, print: 7, lease: Duration::from_secs(10), keep: Duration::from_secs(100) };

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_millis(1_800_000_000_000 + seconds * 1_000)
    }

    fn asked(known: Claim, seconds: u64, holder: u64, print: u64) -> Verdict {
        claim(Some(known), at(seconds), Wish { holder, print, ..WISH }).1
    }

    /// docs/configuration.md, Idempotency keys: the first request is made, the others wait for its answer, and one for something else is refused.
    #[test]
    fn one_gets_the_cell_and_the_others_hear_how_far_it_is() {
        let (known, verdict) = claim(None, at(0), WISH);
        assert_eq!(verdict, Verdict::Given);
        assert_eq!(asked(known, 1, 2, 7), Verdict::Held);
        assert_eq!(asked(known, 1, 2, 8), Verdict::Other);
        assert_eq!(asked(known, 1, 1, 7), Verdict::Given, "the same asks again");
        let ended = conclude(Some(known), at(5), 1, Duration::from_secs(50)).unwrap();
        assert_eq!(asked(ended, 54, 2, 7), Verdict::Ended);
        assert_eq!(asked(ended, 54, 2, 8), Verdict::Other);
        assert_eq!(asked(ended, 55, 2, 8), Verdict::Given);
    }

    /// docs/configuration.md, Idempotency keys: after the time that a request takes at most, nobody knows what has become of it.
    #[test]
    fn a_claim_whose_owner_is_gone_is_lost_and_not_given_to_another() {
        let (known, _) = claim(None, at(0), WISH);
        assert_eq!(asked(known, 10, 2, 7), Verdict::Lost);
        assert_eq!(asked(known, 99, 2, 7), Verdict::Lost);
        assert_eq!(asked(known, 100, 2, 7), Verdict::Given);
        let late = conclude(Some(known), at(20), 1, Duration::from_secs(50)).unwrap();
        assert_eq!(asked(late, 21, 2, 7), Verdict::Ended, "it was only slow");
    }

    /// A cell that is given back is free at once; whoever does not have it can't give it back.
    #[test]
    fn only_the_owner_ends_a_claim() {
        let (known, _) = claim(None, at(0), WISH);
        assert_eq!(conclude(Some(known), at(1), 2, Duration::ZERO), Some(known));
        let back = conclude(Some(known), at(1), 1, Duration::ZERO).unwrap();
        assert_eq!(asked(back, 1, 2, 8), Verdict::Given);
        assert_eq!(conclude(None, at(1), 1, Duration::from_secs(1)), None);
    }
}
