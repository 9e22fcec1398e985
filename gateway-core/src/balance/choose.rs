//! The choice of a place for a call.

use core::hash::Hasher as _;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::Arc;

use super::vitals::{Trial, Vitals, WARM};
use super::{Balance, Cluster, HashKey, Level, Member};
use crate::call::Call;
use crate::fingerprint::Fingerprint;
use crate::random::Random;
use crate::template::Target;

/// A level takes this much more than its share of healthy places, in percent, before calls go on to the next one: as Envoy's overprovisioning
/// factor.
const OVERPROVISIONED_PERCENT: u64 = 140;

/// The means of a choice.
#[derive(Debug)]
pub struct Chooser<'c> {
    /// The rules.
    pub cluster: &'c Cluster,
    /// The places by priority.
    pub levels: &'c [Level],
    /// What is known of the places, in their order.
    pub vitals: &'c [Arc<Vitals>],
    /// The turn.
    pub turn: &'c AtomicUsize,
    /// The time.
    pub now: Duration,
}

/// A place that was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Its index among the endpoints of the upstream.
    pub endpoint: usize,
    /// Set if the call tries whether the place is well again.
    pub trial: Option<Trial>,
}

impl Chooser<'_> {
    /// Chooses a place for `call`, or for a call of the gateway's own: the index of an endpoint. One that was `tried` is chosen only where all others are
    /// left out; one that is left out, only where all are; and one whose checks fail, only where those of all do.
    #[must_use]
    pub fn choose(&self, call: Option<&Call>, tried: &[usize], random: &impl Random) -> Option<Choice> {
        let now = self.now.as_millis() as u64;
        loop {
            let endpoint = self.chosen(call, tried, random, now)?;
            // Of several that would try a place, one does: the others find it left out.
            if !self.cluster.leaves_out() {
                return Some(Choice { endpoint, trial: None });
            }
            if let Some(trial) = self.vitals.get(endpoint)?.claim(now) {
                return Some(Choice { endpoint, trial });
            }
        }
    }

    fn chosen(&self, call: Option<&Call>, tried: &[usize], random: &impl Random, now: u64) -> Option<usize> {
        let may_be_lost = !self.cluster.leaves_out() || call.is_none_or(|call| call.method.is_idempotent());
        // A configuration that leaves no place out knows nothing of what one before it has left out.
        let is_any = !self.cluster.leaves_out();
        // Where the checks of all places fail, it is as likely that the checks are wrong, and nothing is lost by calling one.
        let is_checked = self.cluster.active.is_some() && self.vitals.iter().any(|vitals| vitals.passes_checks(now));
        let passes = |member: &Member| {
            !is_checked || self.vitals.get(member.endpoint).is_some_and(|vitals| vitals.passes_checks(now))
        };
        let is_in = |member: &Member| {
            passes(member) && (is_any || self.vitals.get(member.endpoint).is_some_and(|vitals| vitals.is_in(now)))
        };
        let is_fresh = |member: &Member| {
            let vitals = self.vitals.get(member.endpoint);
            let takes = is_any || vitals.is_some_and(|vitals| vitals.takes(now, may_be_lost));
            takes && passes(member) && !tried.contains(&member.endpoint)
        };
        self.among(call, random, &is_fresh)
            .or_else(|| self.among(call, random, &is_in))
            .or_else(|| self.among(call, random, &passes))
    }

    fn among(&self, call: Option<&Call>, random: &impl Random, usable: &dyn Fn(&Member) -> bool) -> Option<usize> {
        if let (Balance::Sticky(sticky), Some(call)) = (&self.cluster.balance, call)
            && let Some(id) = sticky.stated(call)
            && let Some(member) = self.levels.iter().flat_map(|level| &level.members).find(|member| member.id == id)
            && usable(member)
        {
            return Some(member.endpoint);
        }
        let level = match self.levels {
            [only] => only,
            levels => spill(levels, random, usable)?,
        };
        let member = match &self.cluster.balance {
            Balance::RoundRobin => self.in_turn(level, random, usable),
            Balance::Random => self.by_chance(level, random, usable),
            Balance::LeastRequest => self.least(level, usable),
            Balance::PeakEwma => self.soonest(level, random, usable),
            Balance::Hash(key) => match call.and_then(|call| value_of(key, call)) {
                Some(value) => self.by_value(level, key, value, usable),
                None => self.by_chance(level, random, usable),
            },
            Balance::Sticky(_) => self.in_turn(level, random, usable),
        };
        member.map(|member| member.endpoint)
    }

    /// The share of `member`: its weight, and less of it while it warms up.
    fn weight(&self, member: &Member) -> u64 {
        u64::from(member.weight) * self.warmth(member).unwrap_or(1)
    }

    /// How warm `member` is, in thousandths; none where all are.
    fn warmth(&self, member: &Member) -> Option<u64> {
        let window = self.cluster.slow_start?;
        Some(self.vitals.get(member.endpoint).map_or(WARM, |vitals| vitals.warmth(self.now, window)))
    }

    /// Returns whether `member` takes its turn: while it warms up, not each of them.
    fn takes(&self, member: &Member, random: &impl Random) -> bool {
        self.warmth(member).is_none_or(|warmth| warmth >= WARM || random.next_u64() % WARM < warmth)
    }

    fn by_chance<'l>(
        &self,
        level: &'l Level,
        random: &impl Random,
        usable: &dyn Fn(&Member) -> bool,
    ) -> Option<&'l Member> {
        let weight: u64 = level.members.iter().filter(|member| usable(member)).map(|member| self.weight(member)).sum();
        let mut point = random.next_u64().checked_rem(weight)?;
        level.members.iter().filter(|member| usable(member)).find(|member| {
            let weight = self.weight(member);
            let is_here = point < weight;
            point = point.saturating_sub(weight);
            is_here
        })
    }

    fn next_turn(&self) -> usize {
        self.turn.fetch_add(1, Ordering::Relaxed)
    }

    fn in_turn<'l>(
        &self,
        level: &'l Level,
        random: &impl Random,
        usable: &dyn Fn(&Member) -> bool,
    ) -> Option<&'l Member> {
        let turn = level.turns.get(self.next_turn().checked_rem(level.turns.len())?)?;
        let member =
            level.members.get(usize::from(*turn)).filter(|member| usable(member) && self.takes(member, random));
        // The turns of a place that is left out are shared among all others: its neighbour alone would get twice as much.
        member.or_else(|| self.by_chance(level, random, usable))
    }

    /// The one with the fewest requests under way for its weight; of several, the one whose turn it is.
    fn least<'l>(&self, level: &'l Level, usable: &dyn Fn(&Member) -> bool) -> Option<&'l Member> {
        let (after, before) = level.members.split_at_checked(self.next_turn().checked_rem(level.members.len())?)?;
        let mut best: Option<(&Member, u64)> = None;
        for member in before.iter().chain(after).filter(|member| usable(member)) {
            let load = self.load(member);
            if best.is_none_or(|(other, least)| load * self.weight(other) < least * self.weight(member)) {
                best = Some((member, load));
            }
        }
        best.map(|(member, _)| member)
    }

    /// The requests under way at a place, with the one that is to go there.
    fn load(&self, member: &Member) -> u64 {
        self.vitals.get(member.endpoint).map_or(1, |vitals| u64::from(vitals.under_way()) + 1)
    }

    /// Of two by chance, the one that is expected to answer sooner ("power of two choices").
    fn soonest<'l>(
        &self,
        level: &'l Level,
        random: &impl Random,
        usable: &dyn Fn(&Member) -> bool,
    ) -> Option<&'l Member> {
        let first = self.by_chance(level, random, usable)?;
        let is_other = |member: &Member| member.endpoint != first.endpoint && usable(member);
        let Some(second) = self.by_chance(level, random, &is_other) else { return Some(first) };
        let cost = |member: &Member| {
            let latency = self.vitals.get(member.endpoint).map_or(Duration::ZERO, |vitals| vitals.latency(self.now));
            (latency.as_micros() as u64).max(1).saturating_mul(self.load(member))
        };
        Some(if cost(second) < cost(first) { second } else { first })
    }

    /// The one that is first in the line of places that `value` has: by rendezvous hashing, so that a place that goes takes its own values along and no
    /// others.
    fn by_value<'l>(
        &self,
        level: &'l Level,
        key: &HashKey,
        value: u64,
        usable: &dyn Fn(&Member) -> bool,
    ) -> Option<&'l Member> {
        let first = |usable: &dyn Fn(&Member) -> bool| {
            let mut best: Option<(&'l Member, f64)> = None;
            for member in level.members.iter().filter(|member| usable(member)) {
                let score = score(value, member);
                if best.is_none_or(|(_, most)| score > most) {
                    best = Some((member, score));
                }
            }
            best.map(|(member, _)| member)
        };
        let Some(percent) = key.most_percent else { return first(usable) };
        // Consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam 2016).
        let usable_ones = || level.members.iter().filter(|member| usable(member));
        let load: u64 = usable_ones().map(|member| self.load(member) - 1).sum::<u64>() + 1;
        let weight: u64 = usable_ones().map(|member| u64::from(member.weight)).sum();
        let has_room = |member: &Member| {
            let most = (load * u64::from(member.weight) * u64::from(percent)).div_ceil(weight.max(1) * 100);
            usable(member) && self.load(member) <= most
        };
        first(&has_room).or_else(|| first(usable))
    }
}

/// The level that a call goes to: the first ones, as far as their places are well.
fn spill<'l>(levels: &'l [Level], random: &impl Random, usable: &dyn Fn(&Member) -> bool) -> Option<&'l Level> {
    let weight = |level: &Level, usable: &dyn Fn(&Member) -> bool| -> u64 {
        level.members.iter().filter(|member| usable(member)).map(|member| u64::from(member.weight)).sum()
    };
    let mut rest = 1_000_000_u64;
    let mut chance = None;
    let mut some = None;
    for level in levels {
        let (healthy, all) = (weight(level, usable), weight(level, &|_| true).max(1));
        if healthy == 0 {
            continue;
        }
        some.get_or_insert(level);
        let share = (healthy * OVERPROVISIONED_PERCENT * 10_000 / all).min(rest);
        if share == rest {
            return Some(level);
        }
        let point = *chance.get_or_insert_with(|| random.next_u64() % 1_000_000);
        // The share begins where those before it end.
        if point < 1_000_000 - rest + share {
            return Some(level);
        }
        rest -= share;
    }
    // What no level is well enough for goes to the first that is at all.
    some
}

/// A hash of the value by which `call` is sent; none if it has none.
fn value_of(key: &HashKey, call: &Call) -> Option<u64> {
    let mut text = String::new();
    if !key.key.fill(call, Target::Text, &mut text) || text.is_empty() {
        return None;
    }
    Some(hash(text.as_bytes()))
}

/// The hash of a value, or of a place's name: the same in every instance.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let mut fingerprint = Fingerprint::default();
    fingerprint.write(bytes);
    fingerprint.finish()
}

/// The place of `member` in the line that `value` has: by weighted rendezvous hashing (Thaler, Ravishankar 1998; Schindelhauer, Schomaker 2005).
fn score(value: u64, member: &Member) -> f64 {
    let mixed = mix(value ^ mix(member.id));
    // Above zero and below one.
    let unit = ((mixed >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    -f64::from(member.weight) / unit.ln()
}

/// Spreads the bits of a number (the finaliser of SplitMix64).
const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use core::cell::Cell;

    use super::super::passive::took;
    use super::super::testing::{cluster, passive};
    use super::super::vitals::{Failure, UnderWay, Why};
    use super::super::{HashKey, Outcome};
    use super::*;
    use crate::random::NoRandom;
    use crate::template::Template;

    /// A sequence of its own.
    struct Chance(Cell<u64>);

    impl Random for Chance {
        fn next_u64(&self) -> u64 {
            self.0.set(self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
            mix(self.0.get())
        }

        fn fill_secret(&self, _: &mut [u8]) -> Result<(), NoRandom> {
            Err(NoRandom)
        }
    }

    struct Fixture {
        cluster: Cluster,
        vitals: Vec<Arc<Vitals>>,
        turn: AtomicUsize,
        chance: Chance,
    }

    const NOW: Duration = Duration::from_secs(1_000);
    const TIMES: usize = 20_000;
    const WHY: Why = Why { failures: 1, of: Failure::Row(None) };

    impl Fixture {
        fn new(balance: Balance, levels: &[&[u32]]) -> Self {
            let count = levels.iter().map(|weights| weights.len()).sum();
            let vitals = (0..count).map(|_| Arc::default()).collect();
            Self { cluster: cluster(balance, levels), vitals, turn: AtomicUsize::new(0), chance: Chance(Cell::new(7)) }
        }

        fn choose(&self, tried: &[usize]) -> usize {
            let chooser = Chooser {
                cluster: &self.cluster,
                levels: &self.cluster.levels,
                vitals: &self.vitals,
                turn: &self.turn,
                now: NOW,
            };
            chooser.choose(None, tried, &self.chance).unwrap().endpoint
        }

        fn leave_out(&self, indexes: &[usize]) {
            let time = Duration::from_secs(30);
            indexes.iter().for_each(|index| assert!(self.vitals[*index].eject(NOW, (time, time), (WHY, 0))));
        }

        /// The share of each place in percent.
        fn shares(&self) -> Vec<usize> {
            let mut counts = vec![0; self.vitals.len()];
            (0..TIMES).for_each(|_| counts[self.choose(&[])] += 1);
            counts.iter().map(|count| (count * 100 + TIMES / 2) / TIMES).collect()
        }
    }

    fn near(shares: &[usize], expected: &[usize]) -> bool {
        shares.len() == expected.len() && shares.iter().zip(expected).all(|(a, b)| a.abs_diff(*b) <= 2)
    }

    /// docs/configuration.md, Balancing: by weight, and the share of one that is left out goes to all others.
    #[test]
    fn weights_are_kept_whoever_is_left_out() {
        for balance in [Balance::RoundRobin, Balance::Random] {
            let fixture = Fixture::new(balance, &[&[2, 1, 1]]);
            assert!(near(&fixture.shares(), &[50, 25, 25]));
            fixture.leave_out(&[1]);
            assert!(near(&fixture.shares(), &[67, 0, 33]), "{:?}", fixture.shares());
        }
    }

    /// docs/configuration.md, Slow start: a tenth at first, and more from there on.
    #[test]
    fn a_place_that_has_come_back_gets_its_share_bit_by_bit() {
        for balance in [Balance::RoundRobin, Balance::Random] {
            let mut fixture = Fixture::new(balance, &[&[1, 1]]);
            fixture.cluster.slow_start = Some(Duration::from_secs(100));
            assert!(near(&fixture.shares(), &[50, 50]));
            for (seconds, share) in [(0, 9), (5, 9), (25, 20), (50, 33), (100, 50), (200, 50)] {
                fixture.vitals[1].arrived(NOW - Duration::from_secs(seconds));
                let shares = fixture.shares();
                // In turn, half of the turns that one does not take come back to it by chance.
                assert!(shares[1].abs_diff(share) <= 6, "{seconds}: {shares:?}");
            }
        }
        let mut fixture = Fixture::new(Balance::LeastRequest, &[&[1, 1]]);
        fixture.cluster.slow_start = Some(Duration::from_secs(100));
        fixture.vitals[1].arrived(NOW - Duration::from_secs(50));
        let busy = UnderWay::begin(&fixture.vitals[0], None);
        assert!((0..10).filter(|_| fixture.choose(&[]) == 1).count() > 0);
        drop(busy);
        assert!((0..10).all(|_| fixture.choose(&[]) == 0));
    }

    /// docs/configuration.md, Retries: never the same place while there is another, never one that is left out while there is one that is not, and
    /// always one.
    #[test]
    fn what_was_tried_comes_last_but_for_what_is_left_out() {
        for balance in [Balance::RoundRobin, Balance::Random, Balance::LeastRequest, Balance::PeakEwma] {
            let fixture = Fixture::new(balance, &[&[1, 1, 1]]);
            assert!((0..100).all(|_| fixture.choose(&[0, 2]) == 1));
            fixture.leave_out(&[1]);
            assert!((0..100).all(|_| fixture.choose(&[0]) == 2));
            assert!((0..100).all(|_| fixture.choose(&[0, 2]) != 1));
            fixture.leave_out(&[0, 2]);
            assert!(fixture.choose(&[]) < 3, "all are left out: all are called");
        }
    }

    /// docs/configuration.md, Health: one call tries a place that returns, until it has succeeded.
    #[test]
    fn a_place_that_returns_gets_one_call() {
        let mut fixture = Fixture::new(Balance::RoundRobin, &[&[1, 1]]);
        let time = Duration::from_secs(30);
        assert!(fixture.vitals[0].eject(NOW - time, (time, time), (WHY, 0)));
        let count = |fixture: &Fixture| (0..100).filter(|_| fixture.choose(&[]) == 0).count();
        fixture.cluster.passive = None;
        assert_eq!(count(&fixture), 50, "nothing is told of it any more");
        fixture.cluster.passive = Some(passive());
        assert_eq!(count(&fixture), 1);
        fixture.vitals[0].succeeded(NOW);
        assert_eq!(count(&fixture), 50);
        assert!(
            fixture.vitals[0].eject(NOW, (time, time), (WHY, 0))
                && fixture.vitals[1].eject(NOW, (time, time), (WHY, 0))
        );
        assert_eq!(count(&fixture), 50, "all are left out: all are called");
    }

    #[test]
    fn the_fewest_requests_for_the_weight_come_first() {
        let fixture = Fixture::new(Balance::LeastRequest, &[&[1, 3, 1]]);
        let mut under_way: Vec<_> = Vec::new();
        let mut counts = [0; 3];
        for _ in 0..50 {
            let chosen = fixture.choose(&[]);
            counts[chosen] += 1;
            under_way.push(UnderWay::begin(&fixture.vitals[chosen], None));
        }
        assert_eq!(counts, [10, 30, 10]);
    }

    #[test]
    fn the_slow_and_the_failing_are_called_less() {
        for outcome in [
            Outcome { status: Some(http::StatusCode::OK), took: Duration::from_millis(500) },
            Outcome { status: None, took: Duration::ZERO },
        ] {
            let fixture = Fixture::new(Balance::PeakEwma, &[&[1, 1, 1]]);
            let usual = Outcome { status: Some(http::StatusCode::OK), took: Duration::from_millis(5) };
            [usual, outcome, usual].into_iter().zip(&fixture.vitals).for_each(|(one, vitals)| took(vitals, NOW, one));
            assert_eq!(fixture.shares()[1], 0, "{outcome:?}");
        }
    }

    fn by_value(weights: &[u32], most_percent: Option<u32>) -> Fixture {
        let key = HashKey { key: Template::literal(""), most_percent };
        Fixture::new(Balance::Hash(Box::new(key)), &[weights])
    }

    fn placed(fixture: &Fixture, value: u64) -> usize {
        let chooser = Chooser {
            cluster: &fixture.cluster,
            levels: &fixture.cluster.levels,
            vitals: &fixture.vitals,
            turn: &fixture.turn,
            now: NOW,
        };
        let Balance::Hash(key) = &fixture.cluster.balance else { unreachable!() };
        let is_in = |member: &Member| fixture.vitals[member.endpoint].is_in(NOW.as_millis() as u64);
        chooser.by_value(&fixture.cluster.levels[0], key, hash(&value.to_le_bytes()), &is_in).unwrap().endpoint
    }

    /// docs/configuration.md, Balancing: the same value goes to the same place, and a place that is left out moves its own values alone.
    #[test]
    fn a_value_keeps_its_place_while_that_is_there() {
        let fixture = by_value(&[1, 1, 2], None);
        let before: Vec<usize> = (0..4_000).map(|value| placed(&fixture, value)).collect();
        let count = |index: usize| before.iter().filter(|place| **place == index).count();
        assert!(count(0).abs_diff(1_000) < 120 && count(1).abs_diff(1_000) < 120 && count(2).abs_diff(2_000) < 160);
        fixture.leave_out(&[1]);
        for (value, before) in before.iter().enumerate() {
            let after = placed(&fixture, value as u64);
            assert!(after != 1 && (after == *before || *before == 1));
        }
    }

    #[test]
    fn a_bound_sends_on_what_a_place_has_no_room_for() {
        let fixture = by_value(&[1, 1, 1, 1], Some(125));
        let mut under_way = Vec::new();
        for _ in 0..400 {
            // All have the same value.
            let chosen = placed(&fixture, 1);
            under_way.push(UnderWay::begin(&fixture.vitals[chosen], None));
        }
        assert!(fixture.vitals.iter().all(|vitals| vitals.under_way() <= 126), "{:?}", fixture.vitals);
    }

    /// docs/configuration.md, Balancing: the next level is called as far as the one before it is not well.
    #[test]
    fn calls_spill_over_to_the_next_level() {
        let fixture = Fixture::new(Balance::RoundRobin, &[&[1, 1, 1, 1], &[1]]);
        assert!(near(&fixture.shares(), &[25, 25, 25, 25, 0]));
        fixture.leave_out(&[0]);
        assert!(near(&fixture.shares(), &[0, 33, 33, 33, 0]), "105 % are enough");
        fixture.leave_out(&[1]);
        assert!(near(&fixture.shares(), &[0, 0, 35, 35, 30]), "{:?}", fixture.shares());
        fixture.leave_out(&[2, 3]);
        assert!(near(&fixture.shares(), &[0, 0, 0, 0, 100]));
    }
}
