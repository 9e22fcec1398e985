//! Units of rate limits that an instance has borrowed: it takes several from a cell in one operation, and spends them without asking.
//!
//! The store has granted each unit, so that all instances together never admit more than it grants. A unit may be spent until it has been held for
//! so long, and is lost then: in any time, no more is admitted than the limit grants in that time and one hold before. The instance loses at most
//! one batch in each hold.
//!
//! A cell without recent demand borrows what its request costs, so that a limit that is seldom asked is as exact as without a lease. While one batch
//! after the other is spent in time, each is twice as large, up to half of what the store has left: the other half is for other instances.

use core::hash::Hasher as _;
use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHasher;

use super::quota::Verdict;

/// The parts of the book, so that threads seldom wait for one another.
const PARTS: usize = 64;

/// The most cells of a part: 4,096 in all. Requests of further cells ask the store.
const MOST_CELLS: usize = 64;

/// The terms of borrowing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The most units of a batch.
    pub units: u32,
    /// The time from the asking for a batch to its end.
    pub hold: Duration,
}

/// The part of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Memory has the verdict.
    Known(Verdict),
    /// It asks the store.
    Ask(Asking),
}

/// A question to the store, which is [answered](Loan::answered) later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asking {
    /// The units that the request takes itself.
    pub cost: u32,
    /// The units to ask for, of which it leaves the rest to others.
    pub units: u32,
    /// The time.
    at: Duration,
    /// Set for the only question at a time that may be for a batch.
    leads: bool,
}

impl Asking {
    /// The question for what the request takes itself, once the store has refused the batch.
    #[must_use]
    pub const fn for_itself(self) -> Option<Self> {
        if self.units > self.cost { Some(Self { units: self.cost, ..self }) } else { None }
    }
}

/// The knowledge of one cell. Times are those of the monotonic clock.
#[derive(Clone, Debug, Default)]
pub struct Loan {
    /// The units to spend.
    left: u32,
    /// The time at which the oldest of them were asked for.
    borrowed_at: Duration,
    /// The size of the latest batch.
    batch: u32,
    /// The units that were spent since it was asked for.
    spent: u32,
    /// The store's verdict on it, and the time.
    granted: Option<(Verdict, Duration)>,
    /// The latest refusal, with the cost that was refused and the time.
    refused: Option<(Verdict, u32, Duration)>,
    /// The time at which a question that leads was asked.
    asking: Option<Duration>,
}

/// The age at `now` of what is of that `time`, unless it is this old or older. A clock that has gone back tells nothing.
fn age(now: Duration, time: Duration, limit: Duration) -> Option<Duration> {
    now.checked_sub(time).filter(|age| *age < limit)
}

impl Loan {
    /// Begins with a request of `cost` at `now`, where `most` may come at once.
    pub fn begin(&mut self, lease: Lease, (cost, most): (u32, u32), now: Duration) -> Turn {
        if age(now, self.borrowed_at, lease.hold).is_none() {
            self.left = 0;
        }
        let demand =
            self.granted.and_then(|(verdict, at)| Some((verdict, age(now, at, lease.hold.saturating_mul(2))?)));
        if let Some((verdict, age)) = demand
            && self.left > 0
            && self.left >= cost
        {
            self.left -= cost;
            self.spent = self.spent.saturating_add(cost);
            return Turn::Known(self.told(verdict, age));
        }
        if let Some((verdict, refused, at)) = self.refused
            && cost >= refused
            && let Some(age) = age(now, at, verdict.retry_after.min(lease.hold))
        {
            return Turn::Known(self.told(verdict, age));
        }
        if self.asking.is_some_and(|at| age(now, at, lease.hold).is_some()) {
            return Turn::Ask(Asking { cost, units: cost, at: now, leads: false });
        }
        self.asking = Some(now);
        let batch = demand.map_or(0, |(verdict, age)| {
            let wanted = if age < lease.hold { self.batch.saturating_mul(2) } else { self.spent };
            let batch = wanted.min(lease.units).min(most).min(verdict.remaining / 2);
            // Nothing of it is left over where all requests cost the same.
            batch - batch.checked_rem(cost).unwrap_or(0)
        });
        Turn::Ask(Asking { cost, units: batch.max(cost), at: now, leads: true })
    }

    /// Takes note of the store's verdict on what was asked; none if the store has failed. Returns the verdict on the request.
    pub fn answered(&mut self, lease: Lease, asking: Asking, verdict: Option<Verdict>) -> Option<Verdict> {
        let Asking { cost, units, at, leads } = asking;
        if leads {
            self.asking = None;
        }
        let verdict = verdict?;
        if !verdict.admitted {
            self.refused = Some((verdict, cost, at));
            self.batch = cost;
            return Some(self.told(verdict, Duration::ZERO));
        }
        self.refused = None;
        let more = units.saturating_sub(cost);
        // All of them end with the oldest.
        if self.left == 0 || age(at, self.borrowed_at, lease.hold).is_none() {
            self.left = more;
            self.borrowed_at = at;
        } else {
            self.left = self.left.saturating_add(more);
        }
        if leads {
            self.batch = units;
            self.spent = cost;
            self.granted = Some((verdict, at));
        } else {
            self.spent = self.spent.saturating_add(cost);
            // Answers may come in another order than that of the store.
            if let Some((known, _)) = &mut self.granted {
                known.remaining = known.remaining.min(verdict.remaining);
            }
        }
        Some(self.told(verdict, Duration::ZERO))
    }

    /// The verdict as it is when it has this `age`, with what is left to spend here.
    fn told(&self, verdict: Verdict, age: Duration) -> Verdict {
        Verdict {
            remaining: verdict.remaining.saturating_add(self.left),
            retry_after: verdict.retry_after.saturating_sub(age),
            reset_after: verdict.reset_after.saturating_sub(age),
            ..verdict
        }
    }
}

/// The loans of an instance, by their cells.
#[derive(Debug)]
pub struct Borrowed([Mutex<Vec<Entry>>; PARTS]);

#[derive(Debug)]
struct Entry {
    cell: Box<str>,
    loan: Loan,
    /// The time at which a request last came.
    used: Duration,
    /// The time after which nothing is known any more.
    keep: Duration,
}

impl Default for Borrowed {
    fn default() -> Self {
        Self(core::array::from_fn(|_| Mutex::default()))
    }
}

impl Borrowed {
    /// Begins with a request of `cost` at `now` to `cell`, where `most` may come at once.
    pub fn begin(&self, cell: &str, lease: Lease, (cost, most): (u32, u32), now: Duration) -> Turn {
        let alone = Turn::Ask(Asking { cost, units: cost, at: now, leads: false });
        let Some(mut part) = self.part(cell) else { return alone };
        let place = part.iter().position(|entry| *entry.cell == *cell);
        // A new cell takes the place of one that is not used any more.
        let place = place.or_else(|| part.iter().position(|entry| age(now, entry.used, entry.keep).is_none()));
        let is_full = part.len() >= MOST_CELLS;
        let keep = lease.hold.saturating_mul(2);
        let entry = match place.and_then(|place| part.get_mut(place)) {
            Some(entry) => entry,
            None if is_full => return alone,
            None => {
                part.push(Entry { cell: cell.into(), loan: Loan::default(), used: now, keep });
                let Some(entry) = part.last_mut() else { return alone };
                entry
            }
        };
        if *entry.cell != *cell {
            *entry = Entry { cell: cell.into(), loan: Loan::default(), used: now, keep };
        }
        (entry.used, entry.keep) = (now, keep);
        entry.loan.begin(lease, (cost, most), now)
    }

    /// Takes note of the store's verdict on what was asked about `cell`; none if the store has failed. Returns the verdict on the request.
    pub fn answered(&self, cell: &str, lease: Lease, asking: Asking, verdict: Option<Verdict>) -> Option<Verdict> {
        let Some(mut part) = self.part(cell) else { return verdict };
        match part.iter_mut().find(|entry| *entry.cell == *cell) {
            Some(entry) => entry.loan.answered(lease, asking, verdict),
            None => verdict,
        }
    }

    /// A panic elsewhere leaves the book usable: at worst some units are lost.
    fn part(&self, cell: &str) -> Option<MutexGuard<'_, Vec<Entry>>> {
        let mut hasher = FxHasher::default();
        hasher.write(cell.as_bytes());
        // The high bits of this hash are the better ones.
        let place = usize::try_from(hasher.finish() >> 48).unwrap_or_default() % PARTS;
        self.0.get(place).map(|part| part.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::super::counter::{CounterOp, State, step};
    use super::super::quota::Quota;
    use super::*;
    use crate::http::testing::Generator;
    use crate::time::Timestamp;

    const LEASE: Lease = Lease { units: 50, hold: Duration::from_secs(1) };

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn ask(turn: Turn) -> Asking {
        match turn {
            Turn::Ask(asking) => asking,
            Turn::Known(verdict) => panic!("{verdict:?}"),
        }
    }

    fn known(turn: Turn) -> Verdict {
        match turn {
            Turn::Known(verdict) => verdict,
            Turn::Ask(asking) => panic!("{asking:?}"),
        }
    }

    /// A cell of a store, on a clock of its own.
    struct Cell {
        quota: Quota,
        state: Option<State>,
        granted: u64,
        asked: usize,
    }

    impl Cell {
        fn new(limit: u32, burst: u32, window: u64) -> Self {
            Self { quota: Quota { limit, window: millis(window), burst }, state: None, granted: 0, asked: 0 }
        }

        fn ask(&mut self, cost: u32, now: u64) -> Verdict {
            self.asked += 1;
            let op = CounterOp::Gcra { quota: self.quota, cost };
            let after = step(op, self.state.take(), Timestamp::from_unix_millis(1_800_000_000_000 + now));
            self.state = Some(after.state);
            let verdict = after.verdict.quota().unwrap();
            self.granted += if verdict.admitted { u64::from(cost) } else { 0 };
            verdict
        }

        /// The verdict on a request of `cost` at `now` by the clock of the store, `skew` earlier by that of the gateway.
        fn request(&mut self, loan: &mut Loan, lease: Lease, cost: u32, (now, clock): (u64, u64)) -> Verdict {
            match loan.begin(lease, (cost, self.quota.burst), millis(clock)) {
                Turn::Known(verdict) => verdict,
                Turn::Ask(asking) => {
                    let mut verdict = self.ask(asking.units, now);
                    let mut asking = asking;
                    if let Some(again) = asking.for_itself().filter(|_| !verdict.admitted) {
                        (asking, verdict) = (again, self.ask(cost, now));
                    }
                    loan.answered(lease, asking, Some(verdict)).unwrap()
                }
            }
        }
    }

    /// docs/configuration.md, Rate limits: a batch doubles while the one before is spent in time, so that 200 requests ask some ten times.
    #[test]
    fn steady_demand_asks_seldom() {
        let (mut cell, mut loan) = (Cell::new(1_000_000, 1_000_000, 60_000), Loan::default());
        for now in 0..200 {
            assert!(cell.request(&mut loan, LEASE, 1, (now, now)).admitted);
        }
        assert_eq!(cell.asked, 9, "1, 2, 4, 8, 16, 32 and three of 50");
    }

    /// The same page: a limit that is seldom asked is exact, and its last units are not lost.
    #[test]
    fn seldom_demand_borrows_nothing() {
        let (mut cell, mut loan) = (Cell::new(10, 10, 3_600_000), Loan::default());
        for now in 0..10 {
            let verdict = cell.request(&mut loan, LEASE, 1, (now * 2_000, now * 2_000));
            assert_eq!((verdict.admitted, verdict.remaining, loan.left), (true, 9 - now as u32, 0));
        }
        let (mut cell, mut loan) = (Cell::new(10, 10, 3_600_000), Loan::default());
        let admitted = (0..30).filter(|now| cell.request(&mut loan, LEASE, 1, (*now, *now)).admitted).count();
        assert_eq!(admitted, 10, "all of them, at once");
        assert!(cell.asked <= 12, "{}", cell.asked);
    }

    /// The same page: a refusal is remembered for a hold at most, and never longer than the store says.
    #[test]
    fn a_refusal_is_remembered() {
        let (mut cell, mut loan) = (Cell::new(1, 1, 60_000), Loan::default());
        assert!(cell.request(&mut loan, LEASE, 1, (0, 0)).admitted);
        assert!(!cell.request(&mut loan, LEASE, 1, (1, 1)).admitted);
        let asked = cell.asked;
        let verdict = cell.request(&mut loan, LEASE, 1, (1_000, 1_000));
        assert_eq!((verdict.admitted, verdict.retry_after, cell.asked), (false, millis(59_000), asked));
        assert!(!cell.request(&mut loan, LEASE, 1, (1_001, 1_001)).admitted);
        assert_eq!(cell.asked, asked + 1);
        // A cheaper one may be admitted.
        let (mut cell, mut loan) = (Cell::new(10, 10, 60_000), Loan::default());
        assert!(cell.request(&mut loan, LEASE, 8, (0, 0)).admitted);
        assert!(!cell.request(&mut loan, LEASE, 5, (1, 1)).admitted);
        assert!(cell.request(&mut loan, LEASE, 2, (2, 2)).admitted);
        // The store admits it again before the hold is over.
        let (mut cell, mut loan) = (Cell::new(10, 1, 1_000), Loan::default());
        assert!(cell.request(&mut loan, LEASE, 1, (0, 0)).admitted);
        assert!(!cell.request(&mut loan, LEASE, 1, (1, 1)).admitted);
        assert!(cell.request(&mut loan, LEASE, 1, (100, 100)).admitted);
    }

    /// One question at a time is for a batch, so that no more than one is lost in a hold.
    #[test]
    fn one_question_at_a_time_is_for_a_batch() {
        let (mut cell, mut loan) = (Cell::new(1_000_000, 1_000_000, 60_000), Loan::default());
        for now in 0..7 {
            cell.request(&mut loan, LEASE, 1, (now, now));
        }
        let units = |loan: &mut Loan, now| ask(loan.begin(LEASE, (1, 1_000_000), millis(now))).units;
        assert_eq!((units(&mut loan, 7), units(&mut loan, 7), units(&mut loan, 8)), (8, 1, 1));
        // It is given up once the hold is over, and after a failure.
        assert_eq!((units(&mut loan, 1_007), units(&mut loan, 1_008)), (4, 1));
        let (mut failing, lease) = (Loan::default(), LEASE);
        let asking = ask(failing.begin(lease, (1, 10), millis(0)));
        assert_eq!(failing.answered(lease, asking, None), None);
        assert!(ask(failing.begin(lease, (1, 10), millis(1))).leads);
    }

    /// The bounds that docs/configuration.md states, for several instances with answers that take a while.
    #[test]
    fn instances_admit_no_more_than_the_store_has_granted() {
        for seed in 0..300 {
            let mut random = Generator::new(seed);
            let (limit, burst) = (1 + random.below(200) as u32, 1 + random.below(200) as u32);
            let window = 1_000 + random.below(5_000) as u64;
            let hold = 10 + random.below(window.min(3_000) as usize) as u64;
            let lease = Lease { units: 2 + random.below(60) as u32, hold: millis(hold) };
            let (most_cost, goes_back) = (1 + random.below(3) as u32, seed % 3 == 0);
            let mut cell = Cell::new(limit, burst, window);
            let mut instances: Vec<(Loan, u64)> =
                (0..1 + random.below(4)).map(|_| (Loan::default(), random.next() % 100_000)).collect();
            let mut waiting: Vec<(u64, usize, Asking, Verdict)> = Vec::new();
            let mut admitted: Vec<(u64, u32)> = Vec::new();
            let mut now = 0;
            for _ in 0..2_000 {
                now += if random.below(60) == 0 { random.below(4_000) as u64 } else { random.below(12) as u64 };
                waiting.retain(|(at, instance, asking, verdict)| {
                    if *at <= now {
                        let told = instances[*instance].0.answered(lease, *asking, Some(*verdict));
                        assert_eq!(told.unwrap().admitted, verdict.admitted);
                    }
                    *at > now
                });
                let instance = random.below(instances.len());
                let (loan, skew) = &mut instances[instance];
                if goes_back && random.below(100) == 0 {
                    *skew = skew.saturating_sub(random.next() % 2_000);
                }
                let cost = (1 + random.below(most_cost as usize) as u32).min(burst);
                match loan.begin(lease, (cost, burst), millis(now + *skew)) {
                    Turn::Known(verdict) if verdict.admitted => admitted.push((now, cost)),
                    Turn::Known(_) => {}
                    Turn::Ask(mut asking) => {
                        assert!(asking.units <= lease.units.max(cost) && asking.units <= burst);
                        let mut verdict = cell.ask(asking.units, now);
                        if let Some(again) = asking.for_itself().filter(|_| !verdict.admitted) {
                            (asking, verdict) = (again, cell.ask(cost, now));
                        }
                        if verdict.admitted {
                            admitted.push((now, cost));
                        }
                        waiting.push((now + random.below(40) as u64, instance, asking, verdict));
                    }
                }
            }
            let total: u64 = admitted.iter().map(|(_, cost)| u64::from(*cost)).sum();
            assert!(total <= cell.granted, "{total} of {}", cell.granted);
            let holds = now / hold + 2;
            let lost = u64::from(lease.units) * instances.len() as u64 * holds;
            assert!(goes_back || cell.granted - total <= lost, "{} lost", cell.granted - total);
            let most = u64::from(burst) + u64::from(limit) * (window + hold) / window + 1;
            let mut first = 0;
            let mut sum = 0;
            for (at, cost) in &admitted {
                sum += u64::from(*cost);
                while admitted[first].0 + window <= *at {
                    sum -= u64::from(admitted[first].1);
                    first += 1;
                }
                assert!(goes_back || sum <= most, "seed {seed}: {sum} in a window, {most}");
            }
        }
    }

    /// `RateLimit`, which promises no more than there is: of one instance, never more than an exact count of what was admitted has left.
    #[test]
    fn no_more_is_told_to_be_left_than_there_is() {
        for seed in 0..100 {
            let mut random = Generator::new(seed);
            let (limit, burst) = (10 + random.below(500) as u32, 10 + random.below(2_000) as u32);
            // Nothing flows back meanwhile.
            let year = 366 * 86_400_000;
            let (mut lent, mut exact) = (Cell::new(limit, burst, year), Cell::new(limit, burst, year));
            let mut loan = Loan::default();
            let mut now = 0;
            for _ in 0..1_000 {
                now += if random.below(100) == 0 { 3_000 } else { random.below(30) as u64 };
                let verdict = lent.request(&mut loan, LEASE, 1, (now, now));
                if verdict.admitted {
                    let exact = exact.ask(1, now);
                    assert!(exact.admitted);
                    let (told, left) = (verdict.remaining, exact.remaining);
                    assert!(told <= left, "seed {seed}: {told} of {left}");
                }
            }
        }
    }

    /// Cells that are made up take the place of none that is used, and their requests ask the store.
    #[test]
    fn the_book_is_bounded() {
        let book = Borrowed::default();
        let lead = |cell: &str, now| ask(book.begin(cell, LEASE, (1, 10), millis(now))).leads;
        for number in 0..10_000 {
            lead(&number.to_string(), 0);
        }
        let cells: usize = book.0.iter().map(|part| part.lock().unwrap().len()).sum();
        assert!(cells <= PARTS * MOST_CELLS);
        assert!((20_000..20_100).filter(|number| lead(&number.to_string(), 1_999)).count() < 20);
        assert!((20_000..20_100).all(|number| lead(&number.to_string(), 4_000)));
    }

    #[test]
    fn units_are_those_of_their_cell() {
        let book = Borrowed::default();
        let verdict =
            Verdict { admitted: true, remaining: 100, retry_after: Duration::ZERO, reset_after: Duration::ZERO };
        for _ in 0..2 {
            let asking = ask(book.begin("a", LEASE, (1, 10), millis(0)));
            book.answered("a", LEASE, asking, Some(verdict));
        }
        assert_eq!(known(book.begin("a", LEASE, (1, 10), millis(1))).remaining, 100);
        assert_eq!(ask(book.begin("b", LEASE, (1, 10), millis(1))).units, 1);
        // Elsewhere the time is over.
        assert_eq!(ask(book.begin("a", LEASE, (1, 10), millis(1_000))).units, 2);
    }
}
