//! Leases: a cell has a limited number of holders at once. Each keeps its place until it lets go, or until its lease
//! expires.
//!
//! The state is the set of holders, so it is exact. A holder that dies takes up its place only until its lease expires.
//! One that lets go twice, or after its lease expired, takes nobody else's place.

use core::time::Duration;

use crate::time::Timestamp;

/// The longest lease, and so the longest that a dead holder takes up its place.
pub const LONGEST: Duration = Duration::from_secs(86_400);

/// A place that a holder has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The holder: a random number, so that no two are the same.
    pub holder: u64,
    /// The moment from which the place is free, if the holder has not let go before.
    pub expires: Timestamp,
}

/// The answer to a request for a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Set if the asking holder has a place.
    pub acquired: bool,
    /// The number of places taken, at most `limit`.
    pub held: u32,
}

/// Asks for one of `limit` places for `holder`, for the time `lease`. A holder that has a place keeps it, and its lease
/// begins anew.
///
/// A lease that would last longer than [`LONGEST`] counts as expired: its clock went back by more than that. A clock
/// that goes back by less prolongs leases by as much.
#[must_use]
pub fn acquire(
    mut leases: Vec<Lease>,
    now: Timestamp,
    holder: u64,
    limit: u32,
    lease: Duration,
) -> (Vec<Lease>, Verdict) {
    let latest = now.saturating_add(LONGEST);
    leases.retain(|lease| lease.expires > now && lease.expires <= latest);
    let expires = now.saturating_add(lease.min(LONGEST));
    let acquired = if let Some(own) = leases.iter_mut().find(|lease| lease.holder == holder) {
        own.expires = expires;
        true
    } else if count(&leases) < limit {
        leases.push(Lease { holder, expires });
        true
    } else {
        false
    };
    let held = count(&leases).min(limit);
    (leases, Verdict { acquired, held })
}

/// Gives back the place of `holder`, if it has one.
#[must_use]
pub fn release(mut leases: Vec<Lease>, holder: u64) -> Vec<Lease> {
    leases.retain(|lease| lease.holder != holder);
    leases
}

/// Returns the time until all of `leases` have expired.
#[must_use]
pub fn keep_for(leases: &[Lease], now: Timestamp) -> Duration {
    let last = leases.iter().map(|lease| lease.expires).max();
    last.map_or(Duration::ZERO, |last| last.saturating_since(now))
}

fn count(leases: &[Lease]) -> u32 {
    u32::try_from(leases.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::http::testing::Generator;

    const START: u64 = 1_800_000_000_000;
    const MINUTE: Duration = Duration::from_secs(60);

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_unix_millis(START + millis)
    }

    /// A cell of two places, and a clock.
    #[derive(Default)]
    struct Cell {
        leases: Vec<Lease>,
        millis: u64,
    }

    impl Cell {
        fn acquire(&mut self, holder: u64) -> (bool, u32) {
            let leases = core::mem::take(&mut self.leases);
            let (leases, verdict) = acquire(leases, at(self.millis), holder, 2, MINUTE);
            self.leases = leases;
            (verdict.acquired, verdict.held)
        }

        fn release(&mut self, holder: u64) {
            self.leases = release(core::mem::take(&mut self.leases), holder);
        }
    }

    #[test]
    fn no_more_than_the_limit_hold_at_once() {
        let mut cell = Cell::default();
        assert_eq!(cell.acquire(1), (true, 1));
        assert_eq!(cell.acquire(2), (true, 2));
        assert_eq!(cell.acquire(3), (false, 2));
        cell.release(1);
        assert_eq!(cell.acquire(3), (true, 2));
        assert_eq!(cell.acquire(1), (false, 2));
    }

    #[test]
    fn a_lease_expires_by_itself() {
        let mut cell = Cell::default();
        assert_eq!(cell.acquire(1), (true, 1));
        cell.millis = 30_000;
        assert_eq!(cell.acquire(2), (true, 2));
        cell.millis = 59_999;
        assert_eq!(cell.acquire(3), (false, 2));
        cell.millis = 60_000;
        assert_eq!(cell.acquire(3), (true, 2));
        assert_eq!(keep_for(&cell.leases, at(60_000)), MINUTE);
        cell.release(2);
        cell.release(3);
        assert_eq!((cell.leases.len(), keep_for(&cell.leases, at(60_000))), (0, Duration::ZERO));
    }

    #[test]
    fn a_holder_that_asks_again_keeps_its_place_and_renews_its_lease() {
        let mut cell = Cell::default();
        assert_eq!(cell.acquire(1), (true, 1));
        assert_eq!(cell.acquire(2), (true, 2));
        cell.millis = 50_000;
        assert_eq!(cell.acquire(1), (true, 2));
        cell.millis = 60_000;
        assert_eq!(cell.acquire(3), (true, 2));
        assert_eq!(cell.acquire(4), (false, 2));
    }

    #[test]
    fn letting_go_twice_or_too_late_frees_nobody_elses_place() {
        let mut cell = Cell::default();
        assert_eq!(cell.acquire(1), (true, 1));
        cell.millis = 60_000;
        assert_eq!(cell.acquire(2), (true, 1));
        assert_eq!(cell.acquire(3), (true, 2));
        cell.release(1);
        cell.release(1);
        assert_eq!(cell.acquire(4), (false, 2));
    }

    #[test]
    fn a_lowered_limit_takes_no_place_away_and_gives_none() {
        let leases: Vec<_> = (0..5).map(|holder| Lease { holder, expires: at(60_000) }).collect();
        let (leases, verdict) = acquire(leases, at(0), 9, 3, MINUTE);
        assert_eq!((verdict.acquired, verdict.held, leases.len()), (false, 3, 5));
        let (_, verdict) = acquire(leases, at(0), 4, 3, MINUTE);
        assert_eq!((verdict.acquired, verdict.held), (true, 3));
    }

    /// A clock that is corrected from years ahead locks nobody out for years.
    #[test]
    fn a_lease_from_beyond_the_longest_counts_as_expired() {
        let beyond = Lease { holder: 1, expires: at(86_400_001) };
        let (leases, verdict) = acquire(vec![beyond, beyond], at(0), 2, 1, Duration::MAX);
        assert!(verdict.acquired);
        assert_eq!(leases, [Lease { holder: 2, expires: at(86_400_000) }]);
    }

    /// The kernel agrees with the plain definition: a place is taken from its acquisition until its release or expiry.
    #[test]
    fn places_are_exact_for_random_traffic() {
        for seed in 0..200 {
            let mut random = Generator::new(seed);
            let limit = 1 + random.below(6);
            let (mut leases, mut now) = (Vec::new(), 0);
            let mut expected: BTreeMap<u64, u64> = BTreeMap::new();
            for _ in 0..300 {
                now += random.below(20) as u64;
                expected.retain(|_, expires| *expires > now);
                let holder = random.below(10) as u64;
                if random.below(3) == 0 {
                    leases = release(leases, holder);
                    expected.remove(&holder);
                    continue;
                }
                let lease = 1 + random.below(100) as u64;
                let verdict;
                (leases, verdict) =
                    acquire(leases, at(now), holder, u32::try_from(limit).unwrap(), Duration::from_millis(lease));
                let has_place = expected.contains_key(&holder) || expected.len() < limit;
                if has_place {
                    expected.insert(holder, now + lease);
                }
                assert_eq!((verdict.acquired, verdict.held as usize), (has_place, expected.len()), "seed {seed}");
                assert!(leases.len() <= limit, "seed {seed}");
            }
        }
    }
}
