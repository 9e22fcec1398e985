//! The lease of a connection: it belongs to an exchange whose response body is still on its way.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::client::conn::http1::SendRequest;
use tokio::time::Sleep;

use super::deadline::Due;
use super::pool::Pool;
use super::shared::Place;
use super::watch::Watch;
use crate::stream::Content;

/// An HTTP/1.1 connection to an upstream.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) sender: SendRequest<Content>,
    pub(crate) watch: Arc<Watch>,
}

/// The connection of an exchange.
#[derive(Debug)]
pub(super) enum Hold {
    /// One that serves this exchange only, before it goes back to its pool.
    Alone(Connection, Arc<Pool>),
    /// A place on one that several exchanges share.
    Shared(#[expect(dead_code, reason = "it is taken for as long as it is held")] Place),
    /// One outside of any pool, which ends with the exchange.
    Outside,
}

/// The hold of an exchange on its connection until its response body has ended. Dropping it earlier ends the
/// connection, unless that is shared.
#[derive(Debug)]
pub(crate) struct Lease {
    hold: Hold,
    timer: Option<Pin<Box<Sleep>>>,
    /// The longest wait between two pieces of the body.
    idle: Option<Duration>,
    /// The end of the present wait, on a shared connection.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Lease {
    /// Holds a connection until the body has ended, at the latest at `due.total`.
    pub(super) fn new(hold: Hold, due: &Due) -> Self {
        if let Hold::Alone(connection, _) = &hold {
            connection.watch.set(due.total.and_then(super::deadline::Point::coarse));
            connection.watch.progressed();
        }
        let timer = due.total.and_then(super::deadline::Point::exact);
        let timer = timer.map(|instant| Box::pin(tokio::time::sleep_until(instant)));
        Self { hold, timer, idle: due.idle, waiting: None }
    }

    /// Puts the connection back into its pool.
    pub(crate) fn give_back(self) {
        if let Hold::Alone(connection, pool) = self.hold {
            pool.put(connection);
        }
    }

    /// Returns whether the content ends by itself, and not with the connection.
    pub(crate) fn is_framed(&self) -> bool {
        !matches!(&self.hold, Hold::Alone(connection, _) if connection.watch.is_unframed())
    }

    /// Returns whether the connection is shared, so that the exchange has a stream of its own (RFC 9113 §5).
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self.hold, Hold::Shared(_))
    }

    /// Records whether more of the body is waited for. Returns true after too long a wait, for which the task is woken.
    pub(crate) fn poll_waiting(&mut self, waits: bool, cx: &mut Context<'_>) -> bool {
        if let Hold::Alone(connection, _) = &self.hold {
            if waits {
                connection.watch.waits()
            } else {
                connection.watch.progressed()
            }
            return false;
        }
        if !waits {
            self.waiting = None;
            return false;
        }
        let Some(idle) = self.idle else { return false };
        let idle = idle.min(Duration::from_secs(86_400 * 365));
        let timer = self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(idle)));
        timer.as_mut().poll(cx).is_ready()
    }

    /// Returns whether the total deadline ended the exchange.
    pub(crate) fn overdue(&self) -> bool {
        matches!(&self.hold, Hold::Alone(connection, _) if connection.watch.overdue())
    }

    /// Returns whether the total deadline has passed; if not, the task is woken then.
    pub(crate) fn poll_overdue(&mut self, cx: &mut Context<'_>) -> bool {
        match &mut self.timer {
            Some(timer) => Pin::new(timer).poll(cx) == Poll::Ready(()),
            None => false,
        }
    }
}
