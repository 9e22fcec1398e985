//! The further attempts of a call that failed.

use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

use http::header::{HeaderName, RETRY_AFTER};
use http::{HeaderMap, Method, StatusCode};

use super::hedge::Hedge;
use crate::http::grpc;
use crate::io::{IoError, IoErrorKind};
use crate::policy::body_edit::Statuses;

/// The field by which a client says that sending its request twice does no harm (draft-ietf-httpapi-idempotency-key-header).
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The rule for further attempts.
#[derive(Debug)]
pub struct Retry {
    /// The further attempts, at most.
    pub attempts: u32,
    /// Set if a call of which nothing was sent is sent again.
    pub unsent: bool,
    /// Set if a call is whose connection ended before a whole head came.
    pub reset: bool,
    /// Set if a call is to which no head came in time.
    pub timeout: bool,
    /// The statuses of an answer after which a call is; none if it never is.
    pub statuses: Option<Statuses>,
    /// The statuses of calls of gRPC after which one is, each as the bit of its number.
    pub grpc_statuses: u32,
    /// The methods whose requests may be sent again although they may have been carried out.
    pub methods: Box<[Method]>,
    /// The longest that an attempt waits for the head of its answer, within the deadlines.
    pub per_try: Option<Duration>,
    /// The first of the longest waits.
    pub base: Duration,
    /// The longest of them.
    pub longest: Duration,
    /// The most further attempts, in percent of all calls.
    pub budget_percent: u32,
    /// The longest content of a request that is kept, in bytes; 0 where none is.
    pub most_bytes: u64,
    /// The second attempts beside first ones that take their time, if there are any.
    pub hedge: Option<Hedge>,
}

/// The state of an attempt, as far as another one depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// An answer with this status.
    Answered(StatusCode),
    /// None.
    Failed(IoError),
}

impl Attempt {
    /// Returns whether nobody was there to see it, so that another one elsewhere is no further load: it is not one of a budget.
    #[must_use]
    pub const fn was_refused(self) -> bool {
        matches!(self, Self::Failed(IoError { kind: IoErrorKind::Connect | IoErrorKind::ConnectionLimit, retry: true }))
    }
}

impl Retry {
    /// Returns whether a request may be sent again although it may have been carried out: by its method (RFC 9110 §9.2.2), or since its key says so, if
    /// the upstream `heeds_keys`.
    #[must_use]
    pub fn may_repeat(&self, method: &Method, headers: &HeaderMap, heeds_keys: bool) -> bool {
        self.methods.contains(method) || (heeds_keys && headers.contains_key(IDEMPOTENCY_KEY))
    }

    /// The reason for another attempt after this one; none if it counts. One that may have been carried out is followed by another only if the request
    /// `may_repeat`.
    #[must_use]
    pub fn reason(&self, attempt: Attempt, may_repeat: bool) -> Option<&'static str> {
        match attempt {
            Attempt::Failed(IoError { retry: true, .. }) => self.unsent.then_some("nothing was sent"),
            _ if !may_repeat => None,
            Attempt::Answered(status) => {
                let is_one = self.statuses.as_ref().is_some_and(|statuses| statuses.has(status));
                is_one.then_some("by the status of the answer")
            }
            Attempt::Failed(error) => match error.kind {
                IoErrorKind::FirstByteTimeout | IoErrorKind::ConnectTimeout | IoErrorKind::DnsTimeout => {
                    self.timeout.then_some("no answer came in time")
                }
                // What it has was said by the client, or is past all attempts.
                kind if kind.is_of_client() || kind == IoErrorKind::TotalTimeout => None,
                // A whole answer, which another attempt would only repeat.
                IoErrorKind::HeadTooLarge => None,
                _ => self.reset.then_some("the connection failed"),
            },
        }
    }

    /// The reason for another attempt after an answer with these fields, by the status of a call of gRPC in its head.
    #[must_use]
    pub fn grpc_reason(&self, headers: &HeaderMap, may_repeat: bool) -> Option<&'static str> {
        // Most calls ask for none.
        if self.grpc_statuses == 0 || !may_repeat || !grpc::is_call(headers) {
            return None;
        }
        let bit = 1_u32.checked_shl(grpc::status(headers)?.into())?;
        (self.grpc_statuses & bit != 0).then_some("by the gRPC status of the answer")
    }

    /// The wait before the attempt after `attempts` others, at the same place: by `chance` between nothing and a time that doubles with each ("full jitter").
    #[must_use]
    pub fn wait(&self, attempts: u32, chance: u64) -> Duration {
        let most = self.base.saturating_mul(1 << attempts.min(16)).min(self.longest).as_micros() as u64;
        Duration::from_micros(chance % most.saturating_add(1))
    }
}

/// The wait that an answer asks for (RFC 9110 §10.2.3), if it does so in seconds.
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let is_number = !seconds.is_empty() && seconds.bytes().all(|byte| byte.is_ascii_digit());
    // A number that is too large for us is a long time.
    is_number.then(|| Duration::from_secs(seconds.parse().unwrap_or(u64::from(u32::MAX))))
}

/// The further attempts that an upstream may still have, in hundredths. Each call adds some, and each further attempt takes one: where all calls
/// fail, an upstream gets so many percent more, and no storm of them.
#[derive(Debug)]
pub struct Budget(AtomicU32);

/// The further attempts that are there from the start, and that may be saved, beyond those of the last calls.
const RESERVE: u32 = 10 * 100;

impl Default for Budget {
    fn default() -> Self {
        Self(AtomicU32::new(RESERVE))
    }
}

impl Budget {
    /// Adds what a call is worth.
    pub fn add(&self, percent: u32) {
        let now = self.0.load(Ordering::Relaxed);
        // Where nothing fails, nothing is written.
        if now < RESERVE {
            self.0.fetch_add(percent.min(RESERVE), Ordering::Relaxed);
        }
    }

    /// Takes a further attempt; returns whether there was one.
    pub fn take(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| now.checked_sub(100)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::balance::testing::retry;

    /// RFC 9110 §9.2.2: a request that is not idempotent is not repeated, unless it is known that nothing was done.
    #[test]
    fn what_may_have_been_carried_out_is_not_sent_again() {
        let retry = retry();
        let reset = Attempt::Failed(IoError::new(IoErrorKind::Closed));
        let unsent = Attempt::Failed(IoError::before_send(IoErrorKind::Connect));
        let reasons = |may_repeat| {
            [reset, unsent, Attempt::Answered(StatusCode::SERVICE_UNAVAILABLE), Attempt::Answered(StatusCode::OK)]
                .map(|attempt| retry.reason(attempt, may_repeat).is_some())
        };
        assert_eq!(reasons(false), [false, true, false, false]);
        assert_eq!(reasons(true), [true, true, true, false]);
        let mut headers = HeaderMap::new();
        assert!(!retry.may_repeat(&Method::POST, &headers, true) && retry.may_repeat(&Method::PUT, &headers, false));
        headers.insert("idempotency-key", HeaderValue::from_static("\"a\""));
        assert!(retry.may_repeat(&Method::POST, &headers, true) && !retry.may_repeat(&Method::POST, &headers, false));
    }

    /// docs/configuration.md, Retries: gRPC; what stands in the head alone, of calls that may be repeated.
    #[test]
    fn statuses_of_grpc_count_where_they_are_in_the_head() {
        let reason = |fields: &[(&'static str, &'static str)], may_repeat| {
            let fields = fields
                .iter()
                .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value)));
            retry().grpc_reason(&fields.collect(), may_repeat).is_some()
        };
        let kind = ("content-type", "application/grpc+proto");
        assert!(reason(&[kind, ("grpc-status", "14")], true) && !reason(&[kind, ("grpc-status", "14")], false));
        assert!(!reason(&[kind, ("grpc-status", "13")], true) && !reason(&[kind], true));
        assert!(!reason(&[kind, ("grpc-status", "46")], true) && !reason(&[("grpc-status", "14")], true));
    }

    /// docs/configuration.md, Retries: a refused connection is no load, and a request that has arrived, or a handshake, is.
    #[test]
    fn what_nobody_has_seen_is_no_load() {
        let refused = |error| Attempt::Failed(error).was_refused();
        assert!(refused(IoError::before_send(IoErrorKind::Connect)));
        assert!(refused(IoError::before_send(IoErrorKind::ConnectionLimit)));
        assert!(
            !refused(IoError::before_send(IoErrorKind::ConnectTimeout))
                && !refused(IoError::before_send(IoErrorKind::Tls))
        );
        assert!(
            !refused(IoError::new(IoErrorKind::Closed)) && !Attempt::Answered(StatusCode::BAD_GATEWAY).was_refused()
        );
    }

    #[test]
    fn what_is_of_the_client_or_of_the_whole_exchange_is_no_reason() {
        for kind in
            [IoErrorKind::Client, IoErrorKind::BodyTooLarge, IoErrorKind::TotalTimeout, IoErrorKind::HeadTooLarge]
        {
            assert_eq!(retry().reason(Attempt::Failed(IoError::new(kind)), true), None, "{kind:?}");
        }
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let retry = retry();
        let most = [0, 1, 2, 9, 40].map(|attempts| {
            (0..100_000_u64).step_by(97).map(|chance| retry.wait(attempts, chance)).max().unwrap().as_millis()
        });
        assert!(most[0] <= 25 && most[1] <= 50 && most[2] <= 100, "{most:?}");
        assert!(retry.wait(9, u64::MAX) <= retry.longest && retry.wait(40, 12_345_678) <= retry.longest);
    }

    #[test]
    fn an_answer_may_ask_for_a_wait() {
        let of = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(text));
            retry_after(&headers).map(|wait| wait.as_secs())
        };
        assert_eq!([of("3"), of("-1"), of("soon"), of("")], [Some(3), None, None, None]);
        assert!(of("99999999999999999999").is_some_and(|wait| wait > 1_000_000));
    }

    /// docs/configuration.md, Retries: where all calls fail, an upstream sees a fifth more than it is offered, beside the reserve.
    #[test]
    fn a_budget_bounds_a_storm() {
        let budget = Budget::default();
        let mut retries = 0;
        for _ in 0..10_000 {
            budget.add(20);
            while budget.take() {
                retries += 1;
            }
        }
        assert!((2_000..=2_010).contains(&retries), "{retries}");
    }
}
