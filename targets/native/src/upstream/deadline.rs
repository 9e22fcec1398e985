//! The deadlines of an exchange with an upstream.

use std::time::Duration;

use gateway_core::ports::{Deadlines, IoErrorKind};
use tokio::time::Instant;

use crate::clock::{Tick, Ticker};

/// The length below which a deadline gets a timer of its own; longer ones are left to the worker's [`Ticker`].
const COARSE: Duration = Duration::from_secs(2);

/// The deadlines of one exchange, as points in time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due {
    /// The point by which the response head must have come.
    pub(crate) head: Option<Point>,
    /// The point by which the response body must have ended.
    pub(crate) total: Option<Point>,
    /// The error of the deadline that passes first while the head is awaited.
    pub(crate) head_error: IoErrorKind,
    /// The longest wait for the upstream between two pieces of content.
    pub(crate) idle: Option<Duration>,
}

/// A point in time, kept by a timer or by the ticker.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Point {
    /// Needs a timer.
    Exact(Instant),
    /// Left to the ticker.
    Coarse(Tick),
}

impl Point {
    fn after(duration: Duration, ticker: &Ticker, multiplexed: bool) -> Self {
        if duration < COARSE || multiplexed {
            Self::Exact(Instant::now() + duration.min(Duration::from_secs(86_400 * 365)))
        } else {
            Self::Coarse(ticker.after(duration))
        }
    }

    pub(crate) fn exact(self) -> Option<Instant> {
        match self {
            Self::Exact(instant) => Some(instant),
            Self::Coarse(_) => None,
        }
    }

    pub(crate) fn coarse(self) -> Option<Tick> {
        match self {
            Self::Coarse(tick) => Some(tick),
            Self::Exact(_) => None,
        }
    }
}

impl Due {
    /// The deadlines of an exchange that begins now. On a multiplexed connection each needs its own timer: the connection
    /// can't be ended for one exchange.
    pub(crate) fn new(deadlines: &Deadlines, ticker: &Ticker, multiplexed: bool) -> Self {
        let (head, head_error) = match (deadlines.first_byte, deadlines.total) {
            (Some(first), Some(total)) if total < first => (Some(total), IoErrorKind::TotalTimeout),
            (Some(first), _) => (Some(first), IoErrorKind::FirstByteTimeout),
            (None, total) => (total, IoErrorKind::TotalTimeout),
        };
        let point = |duration| Point::after(duration, ticker, multiplexed);
        Self { head: head.map(point), total: deadlines.total.map(point), head_error, idle: deadlines.idle }
    }
}
