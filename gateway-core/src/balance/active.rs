//! The places that are left out because the gateway's own checks of them fail: active health checks, as Envoy calls them.
//!
//! Nothing here waits or asks: whoever has a timer asks which places are due, and tells what has become of each check.

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::Turn;
use super::vitals::Vitals;
use crate::http::proxy_status::error_type;
use crate::io::IoErrorKind;
use crate::policy::body_edit::Statuses;

/// The rule by which places are checked.
#[derive(Debug)]
pub struct Active {
    /// What a check is.
    pub check: Check,
    /// The time from one check of a place to the next.
    pub every: Duration,
    /// The longest that one may take.
    pub timeout: Duration,
    /// The successes one after another with which a place comes back.
    pub healthy: u32,
    /// The failures one after another for which a place is left out.
    pub unhealthy: u32,
}

/// What a check is.
#[derive(Debug)]
pub enum Check {
    /// A connection.
    Connection,
    /// A question.
    Question(Box<Question>),
}

/// A question to a place.
#[derive(Debug)]
pub struct Question {
    /// The method.
    pub method: Method,
    /// The target.
    pub target: PathAndQuery,
    /// The fields, without `Host`.
    pub headers: HeaderMap,
    /// `Host`, if it is not the place's own authority.
    pub host: Option<HeaderValue>,
    /// The content.
    pub content: Bytes,
    /// The answer of a place that is well.
    pub expected: Expected,
}

/// The answer of a place that is well.
#[derive(Debug)]
pub enum Expected {
    /// One of these statuses, and this text in its content.
    Http(Statuses, Option<Box<str>>),
    /// `SERVING` (grpc.health.v1).
    Grpc,
}

/// The reason why a check has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// There was no answer.
    Io(IoErrorKind),
    /// The answer has this status.
    Status(StatusCode),
    /// The text is not in the content of the answer.
    Text,
    /// A gRPC server says that the service does not serve.
    NotServing,
    /// The gateway has no credentials for the upstream.
    Credentials,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(IoErrorKind::ConnectTimeout | IoErrorKind::FirstByteTimeout | IoErrorKind::TotalTimeout) => {
                f.write_str("no answer in time")
            }
            Self::Io(kind) => f.write_str(error_type(*kind)),
            Self::Status(status) => write!(f, "status {}", status.as_u16()),
            Self::Text => f.write_str("its answer lacks the text"),
            Self::NotServing => f.write_str("it says that it does not serve"),
            Self::Credentials => f.write_str("there are no credentials for it"),
        }
    }
}

/// What is known of the checks of a place.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// The time of the next one; none before the first.
    next: Option<Duration>,
    /// Set once one has ended.
    is_known: bool,
    /// Set while the place is left out.
    is_out: bool,
    /// The outcomes one after another that speak against what holds.
    row: u32,
    /// The reason why the last one has failed, of those that did.
    trouble: Option<Trouble>,
    /// Those that succeeded.
    pub passed: u64,
    /// Those that failed.
    pub failed: u64,
}

impl Checked {
    /// Takes over what somebody else has found: whether the place is left out.
    pub(crate) const fn take_over(&mut self, is_out: bool) {
        self.is_known = true;
        if self.is_out != is_out {
            self.is_out = is_out;
            self.row = 0;
        }
    }

    /// Returns whether the place is left out as far as the last check has told.
    #[must_use]
    pub(crate) const fn is_out(&self) -> bool {
        self.is_out
    }

    /// Returns whether the last checks speak against what holds, and are not enough.
    pub(crate) const fn is_open(&self) -> bool {
        self.row > 0
    }

    /// The reason why the last one has failed, of those that did.
    #[must_use]
    pub const fn trouble(&self) -> Option<Trouble> {
        self.trouble
    }
}

/// The reads of the places that fail their checks, where those stand in a store: no request waits for one.
#[derive(Debug, Default)]
pub struct CheckReads(AtomicU64);

impl CheckReads {
    /// The time from one read to the next.
    pub const EVERY: Duration = Duration::from_secs(5);

    /// Returns whether they are to be read again at `now`, by whoever is the first to ask.
    pub fn are_due(&self, now: Duration) -> bool {
        let (now, next) = (now.as_millis() as u64, self.0.load(Ordering::Relaxed));
        let then = now.saturating_add(Self::EVERY.as_millis() as u64);
        next <= now && self.0.compare_exchange(next, then, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// The longest time before the first check of a place.
const FIRST: Duration = Duration::from_secs(1);

impl Active {
    /// Begins a check of a place if it is due at `now`; else returns the time until it is. By `chance`, places are not all checked at the same time.
    ///
    /// # Errors
    /// The time until it is due.
    pub fn begin(&self, vitals: &Vitals, now: Duration, chance: u64) -> Result<(), Duration> {
        vitals.checked(|checked| {
            // What another configuration has said may be far off.
            let next = checked.next.map(|next| next.min(now.saturating_add(self.every)));
            let next = next.unwrap_or_else(|| now.saturating_add(part(self.every.min(FIRST), chance)));
            checked.next = Some(next);
            if next > now {
                return Err(next.saturating_sub(now));
            }
            // Up to a tenth sooner.
            let sooner = part(self.every / 10, chance);
            checked.next = Some(now.saturating_add(self.every.saturating_sub(sooner)));
            Ok(())
        })
    }

    /// Takes note at `now` of what has become of a check of a place. Returns what that has become by it.
    pub fn told(&self, vitals: &Vitals, now: Duration, outcome: Result<(), Trouble>) -> Option<Turn> {
        vitals.checked(|checked| {
            match outcome {
                Ok(()) => checked.passed = checked.passed.saturating_add(1),
                Err(trouble) => {
                    checked.failed = checked.failed.saturating_add(1);
                    checked.trouble = Some(trouble);
                }
            }
            let least = match checked.is_out {
                true => self.healthy,
                // Nothing speaks for a place that has never passed one.
                false if !checked.is_known => 1,
                false => self.unhealthy,
            };
            checked.is_known = true;
            checked.row = if outcome.is_ok() == checked.is_out { checked.row.saturating_add(1) } else { 0 };
            let turns = checked.row >= least;
            if turns {
                checked.row = 0;
                checked.is_out = !checked.is_out;
                if !checked.is_out {
                    vitals.arrived(now);
                }
            }
            // If nobody checked it any more, it would come back by itself.
            let until = now.saturating_add(self.every.saturating_mul(3)).saturating_add(self.timeout);
            vitals.leave_out_until(if checked.is_out { until } else { Duration::ZERO });
            turns.then_some(if checked.is_out { Turn::Out } else { Turn::In })
        })
    }
}

/// A part of `time`, in whole milliseconds.
fn part(time: Duration, chance: u64) -> Duration {
    let ms = time.as_millis() as u64;
    Duration::from_millis(chance.checked_rem(ms).unwrap_or(0))
}

impl Question {
    /// The verdict on an answer, of which `content` is the beginning.
    ///
    /// # Errors
    /// The reason why the place is not well.
    pub fn judge(&self, status: StatusCode, content: &[u8]) -> Result<(), Trouble> {
        match &self.expected {
            Expected::Http(statuses, _) if !statuses.has(status) => Err(Trouble::Status(status)),
            Expected::Http(_, Some(text)) if !holds(content, text.as_bytes()) => Err(Trouble::Text),
            Expected::Http(..) => Ok(()),
            Expected::Grpc if status != StatusCode::OK => Err(Trouble::Status(status)),
            Expected::Grpc if content == SERVING => Ok(()),
            Expected::Grpc => Err(Trouble::NotServing),
        }
    }
}

/// Returns whether `text` stands in `content`.
fn holds(content: &[u8], text: &[u8]) -> bool {
    text.is_empty() || content.windows(text.len()).any(|window| window == text)
}

/// The answer of a server that serves, as a message with the prefix of its length: `HealthCheckResponse` with 1 as its first member.
const SERVING: &[u8] = &[0, 0, 0, 0, 2, 8, 1];

/// The question for `service`, as a message with the prefix of its length: `HealthCheckRequest` with a name of at most 127 bytes.
#[must_use]
pub fn grpc_request(service: &str) -> Option<Bytes> {
    let length = u8::try_from(service.len()).ok().filter(|length| *length < 0x80)?;
    let mut message = vec![0, 0, 0, 0, 0];
    if length > 0 {
        message.extend_from_slice(&[0x0a, length]);
        message.extend_from_slice(service.as_bytes());
    }
    if let (Some(place), true) = (message.get_mut(4), length > 0) {
        *place = length.saturating_add(2);
    }
    Some(message.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn rule(healthy: u32, unhealthy: u32) -> Active {
        Active { check: Check::Connection, every: MS(3_000), timeout: MS(1_000), healthy, unhealthy }
    }

    const BAD: Result<(), Trouble> = Err(Trouble::Status(StatusCode::INTERNAL_SERVER_ERROR));

    /// docs/configuration.md, Checks: as many one after another, and the first alone.
    #[test]
    fn a_place_goes_and_comes_by_rows_of_outcomes() {
        let (rule, vitals) = (rule(2, 3), Vitals::default());
        let told = |outcomes: &[Result<(), Trouble>]| {
            let turns = outcomes.iter().map(|outcome| rule.told(&vitals, MS(5_000), *outcome));
            (turns.collect::<Vec<_>>(), vitals.fails_checks(MS(5_000)))
        };
        assert!(!vitals.fails_checks(MS(0)), "nothing is known of it");
        assert_eq!(told(&[Ok(()), BAD, BAD, Ok(()), BAD, BAD]), (vec![None; 6], false));
        assert_eq!(told(&[BAD]), (vec![Some(Turn::Out)], true));
        assert_eq!(told(&[BAD, Ok(()), BAD, Ok(())]), (vec![None; 4], true));
        assert_eq!(told(&[Ok(())]), (vec![Some(Turn::In)], false));
        let (passed, failed) = vitals.checked(|checked| (checked.passed, checked.failed));
        assert_eq!((passed, failed), (5, 7));
        let fresh = Vitals::default();
        assert_eq!(rule.told(&fresh, MS(5_000), BAD), Some(Turn::Out), "the first one decides alone");
    }

    #[test]
    fn what_is_not_checked_any_more_comes_back() {
        let (rule, vitals) = (rule(1, 1), Vitals::default());
        assert_eq!(rule.told(&vitals, MS(5_000), BAD), Some(Turn::Out));
        assert!(vitals.fails_checks(MS(14_999)) && !vitals.fails_checks(MS(15_000)));
        assert_eq!(rule.told(&vitals, MS(20_000), BAD), None);
        assert!(vitals.fails_checks(MS(29_999)));
    }

    #[test]
    fn checks_are_spread_and_come_in_time() {
        let rule = rule(1, 1);
        for chance in [1, 299, 999, u64::MAX] {
            let vitals = Vitals::default();
            let first = rule.begin(&vitals, MS(0), chance).unwrap_err();
            assert!(first < FIRST, "{first:?}");
            assert_eq!(rule.begin(&vitals, first, chance), Ok(()));
            let next = rule.begin(&vitals, first, chance).unwrap_err();
            assert!(next > MS(2_700) && next <= MS(3_000), "{next:?}");
        }
        // A reload has them more often.
        let vitals = Vitals::default();
        let slow = Active { every: Duration::from_secs(3_600), ..self::rule(1, 1) };
        assert_eq!(slow.begin(&vitals, MS(0), 0), Ok(()));
        assert_eq!(rule.begin(&vitals, MS(0), 0), Err(MS(3_000)));
    }

    /// grpc/grpc-proto, health.proto, and PROTOCOL-HTTP2.md: the messages, byte by byte.
    #[test]
    fn a_question_by_grpc_is_a_message() {
        assert_eq!(grpc_request("").unwrap(), [0, 0, 0, 0, 0][..]);
        assert_eq!(grpc_request("a.B").unwrap(), [0, 0, 0, 0, 5, 0x0a, 3, b'a', b'.', b'B'][..]);
        assert_eq!((grpc_request(&"a".repeat(127)).is_some(), grpc_request(&"a".repeat(128))), (true, None));
    }

    #[test]
    fn an_answer_is_judged_by_status_and_text() {
        let question = |expected| Question {
            method: Method::GET,
            target: PathAndQuery::from_static("/"),
            headers: HeaderMap::new(),
            host: None,
            content: Bytes::new(),
            expected,
        };
        let http = question(Expected::Http(Statuses::of(vec![(200, 299)]), Some("up".into())));
        let judged = |status, content: &[u8]| http.judge(StatusCode::from_u16(status).unwrap(), content);
        assert_eq!(judged(204, b"all is up"), Ok(()));
        assert_eq!(judged(200, b"down"), Err(Trouble::Text));
        assert_eq!(judged(200, b""), Err(Trouble::Text));
        assert_eq!(judged(503, b"up"), Err(Trouble::Status(StatusCode::SERVICE_UNAVAILABLE)));
        let grpc = question(Expected::Grpc);
        assert_eq!(grpc.judge(StatusCode::OK, SERVING), Ok(()));
        assert_eq!(grpc.judge(StatusCode::OK, &[0, 0, 0, 0, 2, 8, 2]), Err(Trouble::NotServing));
        assert_eq!(grpc.judge(StatusCode::OK, b""), Err(Trouble::NotServing));
    }
}
