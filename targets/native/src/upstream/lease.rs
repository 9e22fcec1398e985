//! The lease of a connection: it belongs to an exchange whose response body is still on its way.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::client::conn::http1::SendRequest;
use tokio::time::Sleep;

use super::deadline::Due;
use super::pool::Pool;
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
pub(crate) enum Held {
    /// One of a pool.
    Pooled(Connection, Arc<Pool>),
    /// One for this exchange alone, which ends with it.
    Own,
    /// One of HTTP/2, which belongs to several exchanges.
    Shared,
}

/// The hold of an exchange on its connection until its response body has ended. Dropping it earlier ends the
/// connection.
#[derive(Debug)]
pub(crate) struct Lease {
    held: Held,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Lease {
    /// Holds a connection until the body has ended, at the latest at `due.total`.
    pub(crate) fn new(held: Held, due: &Due) -> Self {
        if let Held::Pooled(connection, _) = &held {
            connection.watch.set(due.total.and_then(super::deadline::Point::coarse));
        }
        let timer = due.total.and_then(super::deadline::Point::exact);
        Self { held, timer: timer.map(|instant| Box::pin(tokio::time::sleep_until(instant))) }
    }

    /// Puts the connection back into its pool.
    pub(crate) fn give_back(self) {
        if let Held::Pooled(connection, pool) = self.held {
            pool.put(connection);
        }
    }

    /// Returns whether several exchanges share the connection.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self.held, Held::Shared)
    }

    /// Returns whether the total deadline ended the exchange.
    pub(crate) fn overdue(&self) -> bool {
        matches!(&self.held, Held::Pooled(connection, _) if connection.watch.overdue())
    }

    /// Returns whether the total deadline has passed; if not, the task is woken then.
    pub(crate) fn poll_overdue(&mut self, cx: &mut Context<'_>) -> bool {
        match &mut self.timer {
            Some(timer) => Pin::new(timer).poll(cx) == Poll::Ready(()),
            None => false,
        }
    }
}
