//! The end of an exchange, in each of its ways, and the remaining work.

use core::cell::{Cell, RefCell};

use gateway_core::body::Body;
use gateway_core::gateway::{After, Ended, Gateway, Length, Record, Reply};
use gateway_core::ports::{IoErrorKind, Peer};
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Request, StatusCode};

use crate::exchange::{self, Work};
use crate::platform::{Handle, Worker};

/// A response that the glue has relayed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Relayed {
    pub(crate) status: StatusCode,
    pub(crate) sent: Length,
}

thread_local! {
    /// The relayed response of an exchange that is being dropped; `None` if its client has left.
    static RELAYED: Cell<Option<Relayed>> = const { Cell::new(None) };
    /// The witness of a relayed response whose end is awaited.
    static WATCHED: Cell<Option<Witness>> = const { Cell::new(None) };
    /// The remaining work of dropped exchanges. Nothing runs for a client that has left, so it is done after the next
    /// answer.
    static LEFT: RefCell<Vec<After>> = const { RefCell::new(Vec::new()) };
}

/// The record of an exchange under way. The gateway gets it when the response is known, at the end of the response's
/// body if the route needs that, or else when the exchange is dropped.
#[derive(Debug)]
pub(crate) struct Witness {
    gateway: &'static Gateway<Worker>,
    pub(crate) record: Record,
    has_told: bool,
}

impl Witness {
    /// Begins the record of the exchange that `request` from `peer` opens.
    pub(crate) fn new(gateway: &'static Gateway<Worker>, request: &Request<Body<Handle>>, peer: &Peer) -> Self {
        Self { gateway, record: gateway.begin(request, peer), has_told: false }
    }

    /// Reports the answer to the gateway, or first waits for its end. Returns the remaining work: `left`, and that of
    /// earlier exchanges.
    ///
    /// A body whose end no step needs is not watched, which would double the cost of its passage: its length is the
    /// stated one.
    pub(crate) fn answered(mut self, reply: &Reply<Worker>, mut left: Vec<After>) -> Option<Work> {
        if matches!(reply, Reply::Http(response) if !response.body().is_empty()) && self.is_watched() {
            left.append(&mut LEFT.take());
            return Some(Box::pin(do_all(self.gateway, left, Some(self))));
        }
        let sent = match reply {
            Reply::Http(response) => match response.body() {
                Body::Empty => Length::Counted(0),
                Body::Full(content) => Length::Counted(content.len() as u64),
                Body::Stream(_) => Length::Stated(response.headers().get(CONTENT_LENGTH).and_then(number)),
            },
            Reply::Upgrade(..) => Length::Stated(None),
        };
        left.append(&mut self.end(&Ended { received: None, sent, cut: None }));
        left.append(&mut LEFT.take());
        work(self.gateway, left)
    }

    fn is_watched(&self) -> bool {
        self.gateway.needs_end(&self.record)
    }

    fn end(&mut self, ended: &Ended) -> Vec<After> {
        self.has_told = true;
        self.gateway.ended(core::mem::take(&mut self.record), ended)
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        if self.has_told {
            return;
        }
        let ended = match RELAYED.take() {
            Some(Relayed { status, sent }) => {
                self.record.relayed(status, self.gateway.platform());
                if matches!(sent, Length::Stated(_)) && self.is_watched() {
                    let record = core::mem::take(&mut self.record);
                    return WATCHED.set(Some(Self { gateway: self.gateway, record, has_told: false }));
                }
                Ended { received: None, sent, cut: None }
            }
            None => {
                let sent = self.record.status.map_or_else(Length::default, |_| Length::Stated(None));
                Ended { cut: Some(IoErrorKind::Client), sent, ..Ended::default() }
            }
        };
        let mut left = self.end(&ended);
        LEFT.with_borrow_mut(|all| all.append(&mut left));
    }
}

/// Lets `drop` drop an exchange whose response the glue has `relayed`, and returns the remaining work.
pub(crate) fn relayed(gateway: &'static Gateway<Worker>, relayed: Relayed, drop: impl FnOnce()) -> Option<Work> {
    RELAYED.set(Some(relayed));
    drop();
    RELAYED.set(None);
    match WATCHED.take() {
        Some(witness) => Some(Box::pin(do_all(gateway, LEFT.take(), Some(witness)))),
        None => work(gateway, LEFT.take()),
    }
}

/// Lets `drop` drop an exchange whose client has left, and returns the remaining work.
pub(crate) fn left(gateway: &'static Gateway<Worker>, drop: impl FnOnce()) -> Option<Work> {
    drop();
    work(gateway, LEFT.take())
}

/// Returns a future that does `left`, if there is any.
fn work(gateway: &'static Gateway<Worker>, left: Vec<After>) -> Option<Work> {
    if left.is_empty() {
        return None;
    }
    Some(Box::pin(do_all(gateway, left, None)))
}

/// Does `left`; then, if there is a `witness`, waits for the end of the response's body and does the remaining work. If
/// dropped before, the client has left.
async fn do_all(gateway: &'static Gateway<Worker>, mut left: Vec<After>, mut witness: Option<Witness>) {
    loop {
        for work in left {
            // Other work does not wait for an upstream from which nobody waits for anything.
            if matches!(work, After::Mirror(_)) {
                exchange::beside(Box::pin(gateway.run_after(work)));
            } else {
                gateway.run_after(work).await;
            }
        }
        let Some(mut ending) = witness.take() else { return };
        left = ending.end(&exchange::ended().await);
    }
}

fn number(value: &HeaderValue) -> Option<u64> {
    value.to_str().ok()?.parse().ok()
}
