//! Faults on purpose: waits and errors that requests get by chance, under a condition, or since they ask for them.

use core::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::expression::Expression;
use super::header_edit::remove_aliases;
use crate::call::Call;
use crate::error::Reject;
use crate::http::grpc;
use crate::time::Timestamp;

/// The field in which a request asks for a wait, in whole milliseconds.
pub const DELAY: HeaderName = HeaderName::from_static("x-fault-delay");

/// The field in which a request asks for an error, by its status.
pub const STATUS: HeaderName = HeaderName::from_static("x-fault-status");

/// The field in which a call of gRPC asks for an error, by the number of its status.
pub const GRPC_STATUS: HeaderName = HeaderName::from_static("x-fault-grpc-status");

/// The longest wait.
pub const LONGEST: Duration = Duration::from_secs(30);

/// The last status of gRPC.
const LAST_GRPC: u8 = 16;

/// The words about a status of gRPC that is made on purpose.
const MESSAGE: &str = "this error is made on purpose";

/// A compiled policy of faults.
#[derive(Debug)]
pub struct Fault {
    /// The requests that get it, in percent of those that meet the condition.
    pub percent: u32,
    /// The condition; none for all.
    pub when: Option<Box<Expression>>,
    /// The faults.
    pub what: What,
}

/// The faults of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Those of the configuration.
    Stated {
        /// The shortest and the longest wait; none for none.
        delay: Option<(Duration, Duration)>,
        /// The error that answers; none if none does.
        abort: Abort,
    },
    /// Those that the request asks for, with a wait of this length at the most.
    Asked(Duration),
}

/// An error that answers in place of an action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Abort {
    /// Its status.
    pub status: Option<StatusCode>,
    /// The number of the status that calls of gRPC get in place of that.
    pub grpc: Option<u8>,
}

/// The faults of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// The wait before it goes on.
    pub delay: Duration,
    /// The error that answers it then.
    pub abort: Abort,
}

impl Fault {
    /// The faults of `call` at `now`, for which `draw` gives numbers by chance; none if it gets none. The fields by which it asks are taken out of it.
    ///
    /// # Errors
    /// When it asks for what there is not.
    pub fn made(&self, call: &mut Call, now: Timestamp, mut draw: impl FnMut() -> u64) -> Result<Option<Made>, Reject> {
        let asked = match &self.what {
            What::Asked(longest) => Some(take(&mut call.headers, *longest)?),
            What::Stated { .. } => None,
        };
        if let Some(when) = &self.when {
            for name in when.fields() {
                remove_aliases(&mut call.headers, name, &[]);
            }
            if !when.holds(call, now) {
                return Ok(None);
            }
        }
        if self.percent < 100 && draw() % 100 >= u64::from(self.percent) {
            return Ok(None);
        }
        let made = match (asked, &self.what) {
            (Some(made), _) => made,
            (None, What::Stated { delay, abort }) => {
                Made { delay: delay.map_or(Duration::ZERO, |bounds| between(bounds, draw)), abort: *abort }
            }
            (None, What::Asked(_)) => Made::default(),
        };
        Ok(Some(made).filter(|made| *made != Made::default()))
    }

    /// Returns whether it depends on the route's path parameters.
    #[must_use]
    pub fn is_bound_to_path(&self) -> bool {
        self.when.as_ref().is_some_and(|when| when.has_parameters())
    }

    /// Returns whether requests ask for their faults.
    #[must_use]
    pub const fn is_by_header(&self) -> bool {
        matches!(self.what, What::Asked(_))
    }

    /// The shortest and the longest wait that the configuration states.
    #[must_use]
    pub const fn delays(&self) -> Option<(Duration, Duration)> {
        match self.what {
            What::Stated { delay, .. } => delay,
            What::Asked(longest) => Some((Duration::ZERO, longest)),
        }
    }

    /// The status that the configuration states.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self.what {
            What::Stated { abort, .. } => abort.status.map(|status| status.as_u16()),
            What::Asked(_) => None,
        }
    }

    /// The number of the status of gRPC that the configuration states.
    #[must_use]
    pub const fn grpc_status(&self) -> Option<u8> {
        match self.what {
            What::Stated { abort, .. } => abort.grpc,
            What::Asked(_) => None,
        }
    }

    /// A few words for a list of policies.
    #[must_use]
    pub fn describe(&self) -> String {
        let share = if self.percent < 100 { format!(" {} %", self.percent) } else { String::new() };
        let what = match &self.what {
            What::Asked(_) => " by header".to_owned(),
            What::Stated { delay, abort } => {
                let delay = delay.map(|(least, most)| match least == most {
                    true => format!(" delay {least:?}"),
                    false => format!(" delay {least:?} to {most:?}"),
                });
                let status = abort.status.map(|status| format!(" status {}", status.as_u16()));
                let grpc = abort.grpc.map(|status| format!(" gRPC status {status}"));
                delay.into_iter().chain(status).chain(grpc).collect()
            }
        };
        let when = self.when.as_ref().map_or_else(String::new, |when| format!(" when {}", when.as_str()));
        format!("fault{share}{what}{when}")
    }
}

impl Abort {
    /// The error for a request, which may be a call of gRPC (`is_grpc`); none if the request goes on.
    #[must_use]
    pub fn reject(self, is_grpc: bool) -> Option<Reject> {
        if let Some(status) = self.grpc.filter(|_| is_grpc) {
            let headers = grpc::trailers_only(status, MESSAGE);
            return Some(Reject { status: StatusCode::OK, headers, ..Reject::fault_injected() });
        }
        self.status.map(|status| Reject { status, ..Reject::fault_injected() })
    }
}

/// A time between `bounds`, by chance.
fn between((least, most): (Duration, Duration), mut draw: impl FnMut() -> u64) -> Duration {
    let room = u64::try_from(most.saturating_sub(least).as_millis()).unwrap_or(u64::MAX);
    if room == 0 { least } else { least.saturating_add(Duration::from_millis(draw() % room.saturating_add(1))) }
}

/// Takes the fields by which a request asks out of `headers`, and returns what it asks for.
fn take(headers: &mut HeaderMap, longest: Duration) -> Result<Made, Reject> {
    let mut one = |name: &HeaderName| -> Result<Option<u64>, Reject> {
        let mut lines = headers.get_all(name).iter();
        let text = match (lines.next(), lines.next()) {
            (None, _) => return Ok(None),
            (Some(line), None) => line.clone(),
            (Some(_), Some(_)) => return Err(refuse()),
        };
        headers.remove(name);
        remove_aliases(headers, name, &[]);
        number(&text).map(Some).ok_or_else(refuse)
    };
    let delay = one(&DELAY)?.map_or(Duration::ZERO, |millis| Duration::from_millis(millis).min(longest));
    let status = one(&STATUS)?.map(|number| {
        let status = u16::try_from(number).ok().filter(|number| (400..=599).contains(number));
        status.and_then(|number| StatusCode::from_u16(number).ok()).ok_or_else(refuse)
    });
    let grpc = one(&GRPC_STATUS)?
        .map(|number| u8::try_from(number).ok().filter(|number| (1..=LAST_GRPC).contains(number)).ok_or_else(refuse));
    Ok(Made { delay, abort: Abort { status: status.transpose()?, grpc: grpc.transpose()? } })
}

/// The number that `text` is, in at most ten digits.
fn number(text: &HeaderValue) -> Option<u64> {
    let digits = text.to_str().ok()?;
    let is_number = (1..=10).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}

#[cold]
fn refuse() -> Reject {
    Reject::bad_header().with_detail(
        "a fault is asked for once, by a number: milliseconds, a status from 400 to 599, or one of gRPC from 1 to 16",
    )
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::http::testing::fields;

    const NOW: Timestamp = Timestamp::from_unix_millis(0);

    fn call(headers: &[(&str, &str)]) -> Call {
        Call::new(Method::GET, "/".parse().unwrap(), fields(headers))
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn stated(percent: u32) -> Fault {
        let abort = Abort { status: Some(StatusCode::BAD_GATEWAY), grpc: None };
        Fault { percent, when: None, what: What::Stated { delay: Some((ms(10), ms(20))), abort } }
    }

    #[test]
    fn chance_decides_who_gets_one_and_how_long_it_is() {
        let of = |percent, numbers: [u64; 2]| {
            let mut numbers = numbers.into_iter();
            stated(percent).made(&mut call(&[]), NOW, || numbers.next().unwrap()).unwrap().map(|made| made.delay)
        };
        assert_eq!([of(5, [104, 0]), of(5, [105, 0]), of(0, [0, 0])], [Some(ms(10)), None, None]);
        assert_eq!([of(5, [0, 10]), of(5, [0, 11])], [Some(ms(20)), Some(ms(10))]);
        assert_eq!(of(100, [4, 0]), Some(ms(14)), "no number is drawn for what is sure");
    }

    #[test]
    fn only_who_may_ask_gets_what_it_asks_for_and_the_fields_are_gone() {
        let asks = [
            ("x-fault-delay", "50000"),
            ("x-fault-status", "503"),
            ("x-fault-grpc-status", "14"),
            ("x_fault_delay", "1"),
        ];
        let by_header = Fault { percent: 100, when: None, what: What::Asked(ms(100)) };
        let mut asked = call(&asks);
        let made = by_header.made(&mut asked, NOW, || 0).unwrap().unwrap();
        let abort = Abort { status: Some(StatusCode::SERVICE_UNAVAILABLE), grpc: Some(14) };
        assert_eq!(made, Made { delay: ms(100), abort });
        assert!(asked.headers.is_empty(), "{:?}", asked.headers);
        assert_eq!(by_header.made(&mut call(&[]), NOW, || 0), Ok(None));
        let mut stays = call(&asks);
        assert!(stated(0).made(&mut stays, NOW, || 0).unwrap().is_none());
        assert_eq!(stays.headers.len(), asks.len());
    }

    #[test]
    fn what_there_is_not_is_refused() {
        let by_header = Fault { percent: 100, when: None, what: What::Asked(LONGEST) };
        for asks in [
            &[("x-fault-delay", "1s")][..],
            &[("x-fault-delay", "")],
            &[("x-fault-delay", "1"), ("x-fault-delay", "2")],
            &[("x-fault-delay", "12345678901")],
            &[("x-fault-status", "200")],
            &[("x-fault-status", "600")],
            &[("x-fault-grpc-status", "0")],
            &[("x-fault-grpc-status", "17")],
        ] {
            let made = by_header.made(&mut call(asks), NOW, || 0);
            assert_eq!(made.map_err(|reject| reject.code), Err("bad_header"), "{asks:?}");
        }
    }

    /// PROTOCOL-HTTP2.md, Responses: an answer without messages is its head alone.
    #[test]
    fn calls_of_grpc_get_their_own_status() {
        let abort = Abort { status: Some(StatusCode::BAD_GATEWAY), grpc: Some(14) };
        let reject = abort.reject(true).unwrap();
        assert_eq!((reject.status, reject.code), (StatusCode::OK, "fault_injected"));
        assert!(reject.headers.contains(&(HeaderName::from_static("grpc-status"), HeaderValue::from_static("14"))));
        assert_eq!(abort.reject(false).unwrap().status, StatusCode::BAD_GATEWAY);
        assert_eq!(Abort { status: None, grpc: Some(14) }.reject(false), None);
    }
}
