//! The failures of an upstream for which something else comes next.

use http::StatusCode;

use crate::io::IoErrorKind;
use crate::policy::body_edit::Statuses;

/// What has become of a request that was to go to an upstream, as far as something else may come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nothing was sent.
    Unsent,
    /// No whole head came.
    Reset,
    /// No head came in time.
    Timeout,
    /// The breaker was open.
    Open,
    /// An answer came, with this status.
    Answered(StatusCode),
}

impl Failure {
    /// What a failed exchange is; none if the upstream has no part in it.
    #[must_use]
    pub const fn of(kind: IoErrorKind, unsent: bool) -> Option<Self> {
        match kind {
            // What it has was said by the client.
            kind if kind.is_of_client() => None,
            _ if unsent => Some(Self::Unsent),
            IoErrorKind::FirstByteTimeout
            | IoErrorKind::TotalTimeout
            | IoErrorKind::ConnectTimeout
            | IoErrorKind::DnsTimeout => Some(Self::Timeout),
            _ => Some(Self::Reset),
        }
    }

    /// Returns whether the request has come to nobody.
    #[must_use]
    pub const fn is_unsent(self) -> bool {
        matches!(self, Self::Unsent | Self::Open)
    }

    /// The same in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Unsent => "nothing was sent",
            Self::Reset => "the connection failed",
            Self::Timeout => "no answer came in time",
            Self::Open => "the breaker is open",
            Self::Answered(_) => "by the status of the answer",
        }
    }
}

/// The failures for which something comes next.
#[derive(Debug)]
pub struct Condition {
    /// Set if it does where nothing was sent.
    pub unsent: bool,
    /// Set if it does where no whole head came.
    pub reset: bool,
    /// Set if it does where no head came in time.
    pub timeout: bool,
    /// Set if it does where the breaker is open.
    pub open: bool,
    /// The statuses of an answer for which it does; none if it never does.
    pub statuses: Option<Statuses>,
}

impl Condition {
    /// Returns whether `failure` is one of these.
    #[must_use]
    pub fn is_met(&self, failure: Failure) -> bool {
        match failure {
            Failure::Unsent => self.unsent,
            Failure::Reset => self.reset,
            Failure::Timeout => self.timeout,
            Failure::Open => self.open,
            Failure::Answered(status) => self.statuses.as_ref().is_some_and(|statuses| statuses.has(status)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// docs/configuration.md, Where an upstream fails: the failures by their names, and nothing that is the client's doing.
    #[test]
    fn failures_are_told_apart_and_those_of_clients_are_none() {
        for (kind, unsent, failure) in [
            (IoErrorKind::Connect, true, Some(Failure::Unsent)),
            (IoErrorKind::ConnectTimeout, true, Some(Failure::Unsent)),
            (IoErrorKind::ConnectTimeout, false, Some(Failure::Timeout)),
            (IoErrorKind::TotalTimeout, false, Some(Failure::Timeout)),
            (IoErrorKind::Closed, false, Some(Failure::Reset)),
            (IoErrorKind::HeadTooLarge, false, Some(Failure::Reset)),
            (IoErrorKind::Client, true, None),
            (IoErrorKind::BodyTooLarge, false, None),
        ] {
            assert_eq!(Failure::of(kind, unsent), failure, "{kind:?}");
        }
    }

    #[test]
    fn a_condition_has_the_failures_that_it_names() {
        let condition = Condition {
            unsent: false,
            reset: true,
            timeout: false,
            open: true,
            statuses: Some(Statuses::of(vec![(500, 599)])),
        };
        for (failure, is_met) in [
            (Failure::Unsent, false),
            (Failure::Reset, true),
            (Failure::Timeout, false),
            (Failure::Open, true),
            (Failure::Answered(StatusCode::BAD_GATEWAY), true),
            (Failure::Answered(StatusCode::NOT_FOUND), false),
        ] {
            assert_eq!(condition.is_met(failure), is_met, "{failure:?}");
        }
        assert!(!Condition { statuses: None, ..condition }.is_met(Failure::Answered(StatusCode::BAD_GATEWAY)));
    }
}
