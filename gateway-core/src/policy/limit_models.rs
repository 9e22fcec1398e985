//! Each limiter against a plain model of it, over random arrivals and a clock that goes back at times.

use core::time::Duration;

use super::counter::{CounterOp, Limiter, State, step};
use super::fixed_window::Span;
use super::quota::{Quota, Verdict};
use super::sliding_window;
use crate::http::testing::Generator;
use crate::time::Timestamp;

const HOUR: u64 = 3_600_000;

/// A limiter as one would explain it: what has been admitted, and what that says of the next.
trait Model {
    fn new(quota: Quota) -> Self;
    /// Whether a request of this cost is admitted at this time, in milliseconds.
    fn admits(&mut self, now: u64, cost: u32) -> bool;
    fn op(quota: Quota, now: Timestamp, cost: u32) -> CounterOp;
    /// Has a request that was admitted at the time of the latest one take more or less.
    fn settle(&mut self, now: u64, change: i32);
    fn limiter(quota: Quota, at: Timestamp, now: Timestamp) -> Limiter;
}

/// A bucket of tokens, of which `limit` flow back in a window; a token is as many parts as the window has milliseconds. A clock that goes back
/// takes out what had flown in.
struct Bucket {
    quota: Quota,
    parts: i128,
    last: u64,
}

impl Model for Bucket {
    fn new(quota: Quota) -> Self {
        Self { quota, parts: i128::MAX, last: 0 }
    }

    fn admits(&mut self, now: u64, cost: u32) -> bool {
        self.flow(now);
        let window = self.quota.window.as_millis() as i128;
        let cost = i128::from(cost) * window;
        let admitted = cost <= self.parts;
        self.parts -= if admitted { cost } else { 0 };
        admitted
    }

    fn op(quota: Quota, _: Timestamp, cost: u32) -> CounterOp {
        CounterOp::Gcra { quota, cost }
    }

    /// A debt is at most another bucket.
    fn settle(&mut self, now: u64, change: i32) {
        self.flow(now);
        let most = self.parts.min(-self.full());
        self.parts =
            (self.parts - i128::from(change) * self.quota.window.as_millis() as i128).max(most).min(self.full());
    }

    fn limiter(quota: Quota, _: Timestamp, _: Timestamp) -> Limiter {
        Limiter::Gcra(quota)
    }
}

impl Bucket {
    fn full(&self) -> i128 {
        i128::from(self.quota.burst) * self.quota.window.as_millis() as i128
    }

    fn flow(&mut self, now: u64) {
        let passed = i128::from(now) - i128::from(self.last);
        self.parts = self.parts.saturating_add(passed * i128::from(self.quota.limit)).min(self.full());
        self.last = now;
        // A clock further back than an hour, beside any debt, is another's.
        if self.parts < -self.full() - i128::from(HOUR) * i128::from(self.quota.limit) {
            self.parts = self.full();
        }
    }
}

/// All that each window has admitted, by its number; the latest that is known goes on where a clock goes back.
struct Windows {
    quota: Quota,
    admitted: Vec<(u64, u64)>,
    latest: u64,
    /// The time of the latest request.
    asked: u64,
}

impl Windows {
    fn window(&mut self, now: u64) -> (u64, u64) {
        let length = self.quota.window.as_millis() as u64;
        let number = now / length;
        if self.latest > (now + HOUR) / length {
            // Another's: nothing is known any more.
            self.admitted.clear();
            self.latest = number;
        }
        self.latest = self.latest.max(number);
        (self.latest, if self.latest > number { 0 } else { now % length })
    }

    fn taken(&self, number: u64) -> u64 {
        self.admitted.iter().filter(|(of, _)| *of == number).map(|(_, cost)| cost).sum()
    }

    /// What is given back was taken in the window `at`; what is taken, in the present one.
    fn settle(&mut self, at: u64, now: u64, change: i32, most: u64) {
        let (number, _) = self.window(now);
        let window = if change > 0 { number } else { at };
        let taken = self.taken(window).saturating_add_signed(i64::from(change)).min(most);
        self.admitted.retain(|(of, _)| *of != window);
        self.admitted.push((window, taken));
    }
}

struct Fixed(Windows);

impl Model for Fixed {
    fn new(quota: Quota) -> Self {
        Self(Windows { quota, admitted: Vec::new(), latest: 0, asked: 0 })
    }

    fn admits(&mut self, now: u64, cost: u32) -> bool {
        self.0.asked = now;
        let (number, _) = self.0.window(now);
        let admitted = self.0.taken(number) + u64::from(cost) <= u64::from(self.0.quota.limit);
        self.0.admitted.extend(admitted.then_some((number, u64::from(cost))));
        admitted
    }

    fn op(quota: Quota, now: Timestamp, cost: u32) -> CounterOp {
        CounterOp::FixedWindow { span: Span::of(quota.window, now), limit: quota.limit, cost }
    }

    fn settle(&mut self, now: u64, change: i32) {
        let at = self.0.asked / self.0.quota.window.as_millis() as u64;
        self.0.settle(at, now, change, u64::MAX);
    }

    fn limiter(quota: Quota, at: Timestamp, now: Timestamp) -> Limiter {
        Limiter::FixedWindow { span: Span::of(quota.window, now), at: Span::of(quota.window, at).end }
    }
}

struct Sliding(Windows);

impl Model for Sliding {
    fn new(quota: Quota) -> Self {
        Self(Windows { quota, admitted: Vec::new(), latest: 0, asked: 0 })
    }

    fn admits(&mut self, now: u64, cost: u32) -> bool {
        self.0.asked = now;
        let (number, passed) = self.0.window(now);
        let length = self.0.quota.window.as_millis() as u64;
        let before = self.0.taken(number.wrapping_sub(1)) * (length - passed);
        let wanted = (self.0.taken(number) + u64::from(cost)) * length + before;
        let admitted = wanted <= u64::from(self.0.quota.limit) * length;
        self.0.admitted.extend(admitted.then_some((number, u64::from(cost))));
        admitted
    }

    fn op(quota: Quota, _: Timestamp, cost: u32) -> CounterOp {
        CounterOp::SlidingWindow { quota, cost }
    }

    fn settle(&mut self, now: u64, change: i32) {
        let at = self.0.asked / self.0.quota.window.as_millis() as u64;
        self.0.settle(at, now, change, 2 * u64::from(self.0.quota.limit));
    }

    fn limiter(quota: Quota, at: Timestamp, _: Timestamp) -> Limiter {
        Limiter::SlidingWindow { quota, at: sliding_window::number(at, quota) }
    }
}

fn compare<M: Model>() {
    for seed in 0..300 {
        let mut random = Generator::new(seed);
        let limit = [1, 2, 3, 7, 60, 100, 997][random.below(7)];
        let window = [1_000, 1_500, 7_001, 10_000, 60_000, 86_400_000][random.below(6)];
        let burst = [1, 2, 5, limit][random.below(4)];
        let quota = Quota { limit, window: Duration::from_millis(window), burst };
        let mut model = M::new(quota);
        let (mut state, mut now, mut asked): (Option<State>, u64, u64) = (None, 1_800_000_000_000, 0);
        for request in 0..400 {
            let below = |random: &mut Generator, most: u64| random.below(usize::try_from(most).unwrap()) as u64;
            now = match random.below(20) {
                0 => now - below(&mut random, 2 * window.min(HOUR / 4)),
                1 => now + below(&mut random, 3 * window),
                2..8 => now,
                _ => now + below(&mut random, 2 * window / u64::from(limit) + 2),
            };
            let time = Timestamp::from_unix_millis(now);
            if asked > 0 && random.below(5) == 0 {
                let change = i32::try_from(random.below(2 * limit as usize + 1)).unwrap() - limit as i32;
                let limiter = M::limiter(quota, Timestamp::from_unix_millis(asked), time);
                state = Some(step(CounterOp::Settle { limiter, change }, state, time).state);
                model.settle(now, change);
                continue;
            }
            asked = now;
            let cost = if random.below(4) == 0 { random.below(5) as u32 } else { 1 };
            let after = step(M::op(quota, time, cost), state, time);
            let verdict: Verdict = after.verdict.quota().unwrap();
            assert_eq!(verdict.admitted, model.admits(now, cost), "seed {seed}, request {request}, {quota:?}");
            state = Some(after.state);
        }
    }
}

#[test]
fn gcra_is_a_bucket_of_tokens() {
    compare::<Bucket>();
}

#[test]
fn a_fixed_window_counts_what_it_has_admitted() {
    compare::<Fixed>();
}

#[test]
fn a_sliding_window_counts_two_windows() {
    compare::<Sliding>();
}

/// A limit on concurrency is a set of holders, each with the time at which its lease ends. Who asks again keeps the place.
#[test]
fn places_are_a_set_of_holders() {
    for seed in 0..300 {
        let mut random = Generator::new(seed);
        let limit = 1 + random.below(4) as u32;
        let (mut held, mut state, mut now): (Vec<(u64, u64)>, Option<State>, u64) =
            (Vec::new(), None, 1_800_000_000_000);
        for request in 0..400 {
            // Leases are of a minute: a clock that goes back by less has none of them seem to be another's.
            now =
                if random.below(10) == 0 { now - random.below(5_000) as u64 } else { now + random.below(9_000) as u64 };
            let (time, holder) = (Timestamp::from_unix_millis(now), random.below(9) as u64);
            if random.below(3) == 0 {
                state = Some(step(CounterOp::Release { holder }, state, time).state);
                held.retain(|(of, _)| *of != holder);
                continue;
            }
            let lease = Duration::from_secs(60);
            let after = step(CounterOp::Acquire { holder, limit, lease }, state, time);
            held.retain(|(_, ends)| *ends > now);
            let is_held = held.iter().any(|(of, _)| *of == holder);
            let is_given = is_held || held.len() < limit as usize;
            if is_given {
                held.retain(|(of, _)| *of != holder);
                held.push((holder, now + 60_000));
            }
            let verdict = after.verdict.lease().unwrap();
            assert_eq!(
                (verdict.acquired, verdict.held as usize),
                (is_given, held.len()),
                "seed {seed}, request {request}"
            );
            state = Some(after.state);
        }
    }
}
