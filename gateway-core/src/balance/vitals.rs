//! What is known of one place of an upstream.

use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;

use super::active::Checked;
use super::adaptive::{Place, Sample};
use super::breaker::Circuit;
use super::fleet::Probe;
use super::traffic::Traffic;
use super::window::{Counts, Rates, Window};

/// The reason why a place is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Why {
    /// The failures: in a row, or of all calls in percent.
    pub failures: u32,
    /// The last one.
    pub of: Failure,
}

/// The last of the failures for which a place is left out; with the status of its answer, if it had one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// One of a row.
    Row(Option<StatusCode>),
    /// One of a share of all calls.
    Share(Option<StatusCode>),
    /// A content that broke off.
    Content,
    /// One of more than at other places.
    Rate,
    /// One for which its breaker has opened.
    Breaker,
}

impl Why {
    fn pack(self) -> u64 {
        let number = |status: Option<StatusCode>| status.map_or(0, |status| u64::from(status.as_u16()));
        let of = match self.of {
            Failure::Row(status) => number(status),
            Failure::Share(status) => 1 << 16 | number(status),
            Failure::Content => 2 << 16,
            Failure::Rate => 3 << 16,
            Failure::Breaker => 4 << 16,
        };
        u64::from(self.failures) << 32 | of
    }

    fn unpack(packed: u64) -> Self {
        let status = StatusCode::from_u16((packed & 0xffff) as u16).ok();
        let of = match packed >> 16 & 7 {
            0 => Failure::Row(status),
            1 => Failure::Share(status),
            2 => Failure::Content,
            3 => Failure::Rate,
            _ => Failure::Breaker,
        };
        Self { failures: (packed >> 32) as u32, of }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.of, self.failures) {
            (Failure::Rate, percent) => return write!(f, "{percent} % of the calls failed, more than at the others"),
            (Failure::Breaker, _) => return f.write_str("its breaker has opened"),
            (Failure::Share(_), percent) => write!(f, "{percent} % of the calls failed, the last of them ")?,
            (_, 1) => f.write_str("a failure: ")?,
            (_, failures) => write!(f, "{failures} failures in a row, the last of them ")?,
        }
        match self.of {
            Failure::Row(Some(status)) | Failure::Share(Some(status)) => f.write_str(status.as_str()),
            Failure::Row(None) | Failure::Share(None) => f.write_str("without an answer"),
            Failure::Content | Failure::Rate | Failure::Breaker => f.write_str("a content that broke off"),
        }
    }
}

/// The time over which the mean of latencies forgets.
const MEMORY: Duration = Duration::from_secs(10);

/// How long one call tries a place that returns before another one does, in milliseconds.
const TRIAL: u64 = 1_000;

/// What is known of one place of an upstream, by all threads of this process. Times are those of [`Clock::monotonic`](crate::time::Clock::monotonic).
#[derive(Debug, Default)]
pub struct Vitals {
    /// The calls to it, where it was discovered.
    pub traffic: Traffic,
    /// The requests under way.
    under_way: AtomicU32,
    /// The failures one after another.
    in_row: AtomicU32,
    /// The contents of answers that broke off one after another: their heads were no failures.
    broken_in_row: AtomicU32,
    /// The time until which it is left out, in milliseconds; 0 if it never was.
    out_until: AtomicU64,
    /// The times that it was left out lately.
    ejections: AtomicU32,
    /// The reason why it was left out last; see [`Why`].
    why: AtomicU64,
    /// The times that it was left out since the start.
    ejected: AtomicU64,
    /// Set from when it was left out until a call to it has succeeded.
    has_to_succeed: AtomicBool,
    /// Set while a call tries whether it is well again: `out_until` is when another one may.
    is_tried: AtomicBool,
    /// The mean of its latencies, in microseconds, above the time at which it was worked out, in milliseconds that wrap around.
    latency: AtomicU64,
    window: Mutex<Window>,
    rates: Mutex<Rates>,
    /// The state of its own breaker.
    circuit: Mutex<Circuit>,
    /// The time until which it is left out because its checks fail, in milliseconds: each of them moves it on.
    fails_until: AtomicU64,
    checked: Mutex<Checked>,
    /// Set if the configuration has it get no new calls.
    is_disabled: AtomicBool,
    /// The time since which it warms up, in milliseconds; 0 if it does not, and [`UNSEEN`] until somebody looks.
    warms_since: AtomicU64,
}

/// A place that warms up from the first look at it on.
const UNSEEN: u64 = u64::MAX;

/// The warmth of a place that gets all of its share.
pub(super) const WARM: u64 = 1_000;

/// That of one that has just come: a tenth, as with Envoy.
const COLD: u64 = 100;

impl Vitals {
    /// Returns whether the configuration has it get no new calls.
    #[must_use]
    pub fn is_disabled(&self) -> bool {
        self.is_disabled.load(Ordering::Relaxed)
    }

    /// Has it get no new calls, or get some again, as the configuration says now.
    pub(crate) fn disable(&self, is_disabled: bool) {
        if self.is_disabled.swap(is_disabled, Ordering::Relaxed) && !is_disabled {
            self.arrives();
        }
    }

    /// Has it warm up from the first look at it on.
    pub(super) fn arrives(&self) {
        self.warms_since.store(UNSEEN, Ordering::Relaxed);
    }

    /// Has it warm up from `now` on.
    pub(crate) fn arrived(&self, now: Duration) {
        self.warms_since.store((now.as_millis() as u64).max(1), Ordering::Relaxed);
    }

    /// The part of its share that it gets at `now`, in thousandths, where places warm up over this `window`: a tenth at first, and more with time.
    pub(super) fn warmth(&self, now: Duration, window: Duration) -> u64 {
        let (now, window) = (now.as_millis() as u64, window.as_millis() as u64);
        let mut since = self.warms_since.load(Ordering::Relaxed);
        if since == 0 {
            return WARM;
        }
        if since == UNSEEN {
            since = now.max(1);
            let _ = self.warms_since.compare_exchange(UNSEEN, since, Ordering::Relaxed, Ordering::Relaxed);
        }
        let warmth = now.saturating_sub(since).saturating_mul(WARM).checked_div(window).unwrap_or(WARM);
        if warmth >= WARM {
            let _ = self.warms_since.compare_exchange(since, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
        warmth.clamp(COLD, WARM)
    }

    /// The part of its share that it gets at `now`, in percent, while it warms up over this `window`; none where it gets all of it.
    pub(crate) fn share_percent(&self, now: Duration, window: Duration) -> Option<u64> {
        Some(self.warmth(now, window)).filter(|warmth| *warmth < WARM).map(|warmth| warmth * 100 / WARM)
    }

    /// The requests under way.
    #[must_use]
    pub fn under_way(&self) -> u32 {
        self.under_way.load(Ordering::Relaxed)
    }

    /// The time for which it is still left out at `now`; zero if it is not.
    #[must_use]
    pub fn out_for(&self, now: Duration) -> Duration {
        Duration::from_millis(self.out_until.load(Ordering::Relaxed).saturating_sub(now.as_millis() as u64))
    }

    /// Returns whether a call tries at `now` whether it is well again: until that succeeds, all others find it left out.
    #[must_use]
    pub fn is_tried(&self, now: Duration) -> bool {
        self.is_tried.load(Ordering::Relaxed) && !self.is_in(now.as_millis() as u64)
    }

    /// Returns whether it is called at `now`.
    pub(super) fn is_in(&self, now: u64) -> bool {
        self.out_until.load(Ordering::Relaxed) <= now
    }

    /// Returns whether it is called at `now` by a call that `may_be_lost`, or by one that may not: a place that returns is tried by the first kind, as long as
    /// such calls come.
    pub(super) fn takes(&self, now: u64, may_be_lost: bool) -> bool {
        let until = self.out_until.load(Ordering::Relaxed);
        let is_well = may_be_lost || !self.has_to_succeed.load(Ordering::Relaxed);
        until <= now && (is_well || until.saturating_add(TRIAL) <= now)
    }

    /// Claims it for a call at `now`; none if somebody else was faster. While it has to succeed, one call at a time tries it: where it is as unwell as
    /// before, that one is lost, and not all that come until the first of them has failed.
    pub(super) fn claim(&self, now: u64) -> Option<Option<Trial>> {
        if !self.has_to_succeed.load(Ordering::Relaxed) {
            return Some(None);
        }
        let before = self.out_until.load(Ordering::Relaxed);
        // It is called although it is left out, since all are.
        if before > now {
            return Some(None);
        }
        let until = now.saturating_add(TRIAL);
        self.out_until.compare_exchange(before, until, Ordering::Relaxed, Ordering::Relaxed).ok()?;
        self.is_tried.store(true, Ordering::Relaxed);
        Some(Some(Trial { before, until }))
    }

    /// Ends a trial of which nothing was heard, as where its client has left: another one may begin at once.
    fn give_up(&self, trial: Trial) {
        let Trial { before, until } = trial;
        // One that was left out since may be so until the very same time.
        let is_tried = self.is_tried.load(Ordering::Relaxed);
        if is_tried && self.out_until.compare_exchange(until, before, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.is_tried.store(false, Ordering::Relaxed);
        }
    }

    /// The times that it was left out lately.
    #[must_use]
    pub fn ejections(&self) -> u32 {
        self.ejections.load(Ordering::Relaxed)
    }

    /// The times that it was left out since the start, and the reason for the last one; none if it never was.
    #[must_use]
    pub fn ejected(&self) -> Option<(u64, Why)> {
        let times = self.ejected.load(Ordering::Relaxed);
        (times > 0).then(|| (times, Why::unpack(self.why.load(Ordering::Relaxed))))
    }

    /// Returns whether it is left out at `now` because its checks fail.
    #[must_use]
    pub fn fails_checks(&self, now: Duration) -> bool {
        !self.passes_checks(now.as_millis() as u64)
    }

    /// Returns whether its checks are no reason to leave it out at `now`.
    pub(super) fn passes_checks(&self, now: u64) -> bool {
        self.fails_until.load(Ordering::Relaxed) <= now
    }

    /// Leaves it out until this time because its checks fail, or has it in again.
    pub(crate) fn leave_out_until(&self, time: Duration) {
        self.fails_until.store(time.as_millis() as u64, Ordering::Relaxed);
    }

    /// Does `work` with what is known of its checks.
    pub fn checked<T>(&self, work: impl FnOnce(&mut Checked) -> T) -> T {
        work(&mut self.checked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes a success at `now`: the row of failures ends, and a place that was tried is in again. Returns whether that is what it was.
    pub(super) fn succeeded(&self, now: Duration) -> bool {
        let time = now;
        let now = now.as_millis() as u64;
        let mut is_back = false;
        if self.has_to_succeed.load(Ordering::Relaxed) {
            // Of a call that began before it was left out.
            if !self.is_in(now) && !self.is_tried.load(Ordering::Relaxed) {
                return false;
            }
            self.out_until.fetch_min(now, Ordering::Relaxed);
            self.is_tried.store(false, Ordering::Relaxed);
            is_back = self.has_to_succeed.swap(false, Ordering::Relaxed);
            if is_back {
                self.arrived(time);
            }
        }
        // Most of the time there is none, and a place in memory that all threads write to is dear.
        if self.in_row.load(Ordering::Relaxed) != 0 {
            self.in_row.store(0, Ordering::Relaxed);
        }
        is_back
    }

    /// Notes a failure. Returns those in a row.
    pub(super) fn failed(&self) -> u32 {
        self.in_row.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    /// Notes the end of an answer's content. Returns those that have broken off in a row.
    pub(super) fn content_ended(&self, is_whole: bool) -> u32 {
        if !is_whole {
            return self.broken_in_row.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        }
        if self.broken_in_row.load(Ordering::Relaxed) != 0 {
            self.broken_in_row.store(0, Ordering::Relaxed);
        }
        0
    }

    /// Does `work` with its calls by intervals.
    pub(super) fn rates<T>(&self, work: impl FnOnce(&mut Rates) -> T) -> T {
        work(&mut self.rates.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Does `work` with the state of its own breaker.
    pub(super) fn circuit<T>(&self, work: impl FnOnce(&mut Circuit) -> T) -> T {
        work(&mut self.circuit.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns whether it was left out, and no call to it has succeeded since.
    pub(super) fn has_to_succeed(&self) -> bool {
        self.has_to_succeed.load(Ordering::Relaxed)
    }

    /// Counts a call of the last `length`. Returns the counts.
    pub(super) fn count(&self, now: Duration, length: Duration, failed: bool) -> Counts {
        self.window.lock().unwrap_or_else(PoisonError::into_inner).count(now, length, (failed, false))
    }

    /// Leaves it out at `now` for `base`, times the number of times that it was within `longest`, which is the longest. Of several that do so at the same
    /// time, one does. `in_row` failures are told then: it has not recovered before a success.
    pub(super) fn eject(
        &self,
        now: Duration,
        (base, longest): (Duration, Duration),
        (why, in_row): (Why, u32),
    ) -> bool {
        let (now, base, longest) = (now.as_millis() as u64, base.as_millis() as u64, longest.as_millis() as u64);
        let before = self.out_until.load(Ordering::Relaxed);
        if before > now && !self.is_tried.load(Ordering::Relaxed) {
            return false;
        }
        let is_recent = before != 0 && now.saturating_sub(before) <= longest;
        let times = if is_recent { self.ejections().saturating_add(1) } else { 1 };
        let until = now.saturating_add(base.saturating_mul(times.into()).min(longest));
        if self.out_until.compare_exchange(before, until, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return false;
        }
        self.is_tried.store(false, Ordering::Relaxed);
        self.has_to_succeed.store(true, Ordering::Relaxed);
        self.ejections.store(times, Ordering::Relaxed);
        self.why.store(why.pack(), Ordering::Relaxed);
        self.ejected.fetch_add(1, Ordering::Relaxed);
        self.in_row.store(in_row, Ordering::Relaxed);
        self.window.lock().unwrap_or_else(PoisonError::into_inner).clear();
        true
    }

    /// The mean of its latencies at `now`; zero if none is known.
    #[must_use]
    pub fn latency(&self, now: Duration) -> Duration {
        let (mean, at) = unpack(self.latency.load(Ordering::Relaxed));
        Duration::from_micros(halved(mean, age(at, now)).into())
    }

    /// Notes that a call took so long. A rise counts at once, and a fall bit by bit: a peak is a warning, and nothing is known of those who come first
    /// after it.
    pub(super) fn took(&self, now: Duration, took: Duration) {
        let took = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        let (mean, at) = unpack(self.latency.load(Ordering::Relaxed));
        let mean = if took >= mean { took } else { fade(mean, took, age(at, now)) };
        // Two at the same time may lose one of them, which the next one mends.
        self.latency.store(u64::from(mean) << 32 | u64::from(now.as_millis() as u32), Ordering::Relaxed);
    }
}

fn unpack(latency: u64) -> (u32, u32) {
    ((latency >> 32) as u32, latency as u32)
}

fn age(at: u32, now: Duration) -> u32 {
    (now.as_millis() as u32).wrapping_sub(at)
}

/// The mean `age` milliseconds after it was `mean`, on its way to `towards`. By a fraction where the exponential would be: that is the same number on
/// every machine.
fn fade(mean: u32, towards: u32, age: u32) -> u32 {
    let memory = MEMORY.as_millis() as u64;
    // A new value counts for something even if it comes in the same millisecond.
    let age = u64::from(age).max(memory / 100);
    let (mean, towards) = (u64::from(mean), u64::from(towards));
    u32::try_from((mean * memory + towards * age) / (memory + age)).unwrap_or(u32::MAX)
}

/// The mean `age` milliseconds after it was `mean`, if nothing is heard: half of it each [`MEMORY`], in between in a straight line. So a place that
/// failed once is called again after a while, whatever it counted as.
fn halved(mean: u32, age: u32) -> u32 {
    let memory = MEMORY.as_millis() as u32;
    let (whole, rest) = (age / memory, age % memory);
    let mean = mean.checked_shr(whole).unwrap_or(0);
    mean - u32::try_from(u64::from(mean) * u64::from(rest) / u64::from(memory) / 2).unwrap_or(0)
}

/// A call that tries whether a place is well again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The time until which the place was left out before.
    before: u64,
    /// The time until which others find it left out.
    until: u64,
}

/// A request under way, for as long as this lives.
#[derive(Debug)]
pub struct UnderWay {
    vitals: Arc<Vitals>,
    trial: Option<Trial>,
    /// Set if content of the client goes along: what becomes of the exchange may be the client's doing.
    is_upload: bool,
    probe: Option<Probe>,
    /// Its place where the requests under way to the upstream are limited.
    place: Option<Place>,
}

impl UnderWay {
    /// A request that begins, perhaps as a `trial`.
    #[must_use]
    pub fn begin(vitals: &Arc<Vitals>, trial: Option<Trial>) -> Self {
        vitals.under_way.fetch_add(1, Ordering::Relaxed);
        Self { vitals: Arc::clone(vitals), trial, is_upload: false, probe: None, place: None }
    }

    /// Has it be the `probe` of a breaker.
    pub(crate) fn probe(&mut self, probe: Option<Probe>) {
        self.probe = probe;
    }

    /// Has it have this `place`, until its answer has begun.
    pub(crate) fn place(&mut self, place: Option<Place>) {
        self.place = place;
    }

    /// Notes at `now` that its answer has begun, or that there will be none.
    pub(crate) fn answered(&mut self, now: Duration, sample: Sample) {
        if let Some(place) = self.place.take() {
            place.end(now, sample);
        }
    }

    /// Notes that what has become of it was told.
    pub(crate) fn heard(&mut self) {
        if let Some(probe) = self.probe.take() {
            probe.heard();
        }
    }

    /// Notes that content of the client goes along.
    pub fn uploads(&mut self) {
        self.is_upload = true;
    }

    /// Returns whether content of the client goes along.
    #[must_use]
    pub const fn is_upload(&self) -> bool {
        self.is_upload
    }

    /// Returns whether it is one at the place of which `vitals` are known.
    #[must_use]
    pub fn is_at(&self, vitals: &Arc<Vitals>) -> bool {
        Arc::ptr_eq(&self.vitals, vitals)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.vitals.under_way.fetch_sub(1, Ordering::Relaxed);
        if let Some(trial) = self.trial {
            self.vitals.give_up(trial);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const WHY: Why = Why { failures: 5, of: Failure::Row(None) };

    #[test]
    fn a_reason_is_told_in_words() {
        let all = [
            WHY,
            Why { failures: 1, of: Failure::Row(Some(StatusCode::BAD_GATEWAY)) },
            Why { failures: 60, of: Failure::Share(Some(StatusCode::SERVICE_UNAVAILABLE)) },
            Why { failures: 3, of: Failure::Content },
        ];
        assert!(all.iter().all(|why| Why::unpack(why.pack()) == *why));
        assert_eq!(
            all.map(|why| why.to_string()),
            [
                "5 failures in a row, the last of them without an answer",
                "a failure: 502",
                "60 % of the calls failed, the last of them 503",
                "3 failures in a row, the last of them a content that broke off"
            ]
        );
    }

    #[test]
    fn a_request_is_under_way_until_it_ends() {
        let vitals = Arc::default();
        let (first, second) = (UnderWay::begin(&vitals, None), UnderWay::begin(&vitals, None));
        assert_eq!(vitals.under_way(), 2);
        drop((first, second));
        assert_eq!(vitals.under_way(), 0);
    }

    /// docs/configuration.md, Health: the time grows with each time lately, up to the longest.
    #[test]
    fn each_ejection_is_longer_until_it_has_been_well_for_long() {
        let vitals = Vitals::default();
        let out = |now: u64| {
            let now = Duration::from_secs(now);
            assert!(vitals.eject(now, (30 * SECOND, 70 * SECOND), (WHY, 4)));
            assert!(!vitals.eject(now, (30 * SECOND, 70 * SECOND), (WHY, 4)), "it is out already");
            vitals.out_for(now).as_secs()
        };
        assert_eq!((out(100), out(130), out(190)), (30, 60, 70));
        assert_eq!(out(260 + 71), 30);
    }

    /// docs/configuration.md, Health: one call at a time tries a place that returns, and one that may be lost.
    #[test]
    fn a_place_that_returns_is_tried_by_one_call_at_a_time() {
        let vitals = Vitals::default();
        let at = |ms: u64| Duration::from_millis(ms);
        assert!(vitals.claim(1_000).is_some() && vitals.claim(1_000).is_some(), "it was never left out");
        assert!(vitals.eject(at(1_000), (SECOND, 9 * SECOND), (WHY, 4)));
        vitals.succeeded(at(1_500));
        assert!(
            vitals.claim(1_500).is_some() && !vitals.takes(1_500, true),
            "a success from before does not bring it back"
        );
        assert!(vitals.takes(2_000, true) && !vitals.takes(2_000, false) && vitals.takes(2_000 + TRIAL, false));
        assert!(vitals.claim(2_000).is_some() && !vitals.takes(2_000, true), "one tries");
        assert!(vitals.takes(2_000 + TRIAL, true), "nothing was heard of it");
        assert!(vitals.claim(2_000 + TRIAL).is_some());
        assert!(vitals.eject(at(2_100 + TRIAL), (SECOND, 9 * SECOND), (WHY, 4)), "it failed");
        assert_eq!(vitals.out_for(at(2_100 + TRIAL)), 2 * SECOND);
        let back = 4_100 + TRIAL;
        assert!(vitals.claim(back).is_some());
        vitals.succeeded(at(back + 5));
        assert!(
            vitals.takes(back + 5, false) && vitals.claim(back + 5).is_some() && vitals.claim(back + 5).is_some(),
            "it is well"
        );
    }

    /// A client that leaves takes its trial along: others must not wait for it.
    #[test]
    fn a_trial_of_which_nothing_is_heard_is_given_up() {
        let vitals = Arc::new(Vitals::default());
        let at = |ms: u64| Duration::from_millis(ms);
        assert!(vitals.eject(at(1_000), (SECOND, SECOND), (WHY, 4)));
        let trial = |now| UnderWay::begin(&vitals, vitals.claim(now).expect("nobody else"));
        let first = trial(2_000);
        assert!(!vitals.takes(2_001, true) && vitals.is_tried(at(2_001)));
        drop(first);
        assert!(vitals.takes(2_001, true) && !vitals.is_tried(at(2_001)));
        let second = trial(2_002);
        assert!(vitals.eject(at(2_003), (SECOND, SECOND), (WHY, 4)), "it failed");
        drop(second);
        assert!(!vitals.takes(2_004, true), "it is out");
    }

    #[test]
    fn a_latency_is_halved_each_ten_seconds() {
        assert_eq!(
            [0, 5_000, 10_000, 25_000, 200_000, u32::MAX].map(|age| halved(1_000_000, age)),
            [1_000_000, 750_000, 500_000, 187_500, 0, 0]
        );
    }

    #[test]
    fn a_peak_counts_at_once_and_fades() {
        let (vitals, ms) = (Vitals::default(), Duration::from_millis);
        assert_eq!(vitals.latency(SECOND), Duration::ZERO);
        vitals.took(SECOND, ms(10));
        vitals.took(SECOND, ms(500));
        assert!(vitals.latency(SECOND) > ms(490));
        vitals.took(SECOND, ms(10));
        let soon = vitals.latency(SECOND);
        assert!(soon > ms(400));
        assert!(vitals.latency(20 * SECOND) < soon / 2);
    }
}
