//! The places of waiting exchanges.

use core::cell::RefCell;

use super::Exchange;

thread_local! {
    static EXCHANGES: RefCell<Vec<Option<Exchange>>> = const { RefCell::new(Vec::new()) };
    static FREE: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

/// The most exchanges: an instance has memory for fewer.
const PLACES: u32 = 1 << 20;

/// Returns the place of exchange `id`. The bits above it count the uses of the place, so that an id is not soon reused.
const fn place(id: u32) -> usize {
    (id & (PLACES - 1)) as usize
}

/// The id of a new exchange.
pub(super) fn claim() -> u32 {
    FREE.with_borrow_mut(Vec::pop).unwrap_or_else(|| {
        EXCHANGES.with_borrow_mut(|exchanges| {
            exchanges.push(None);
            u32::try_from(exchanges.len() - 1).unwrap_or(u32::MAX)
        })
    })
}

/// Frees the place of exchange `id`.
pub(super) fn release(id: u32) {
    FREE.with_borrow_mut(|free| free.push(id.wrapping_add(PLACES)));
}

/// Takes exchange `id` out, to run it.
pub(super) fn take(id: u32) -> Option<Exchange> {
    EXCHANGES.with_borrow_mut(|exchanges| exchanges.get_mut(place(id))?.take_if(|exchange| exchange.state.id == id))
}

/// Puts a waiting exchange in its place.
pub(super) fn put(exchange: Exchange) {
    EXCHANGES.with_borrow_mut(|exchanges| {
        if let Some(place) = exchanges.get_mut(place(exchange.state.id)) {
            *place = Some(exchange);
        }
    });
}

/// Shows a piece of the answer's body to whoever looks at it in exchange `id`.
pub(crate) fn show(id: u32, piece: &[u8]) {
    EXCHANGES.with_borrow_mut(|exchanges| {
        let waiting = exchanges.get_mut(place(id)).and_then(Option::as_mut).filter(|exchange| exchange.state.id == id);
        if let Some(observer) = waiting.and_then(|exchange| exchange.state.observer.as_mut()) {
            observer.read(piece);
        }
    });
}

/// Forgets exchange `id`: its client has left, or has its answer.
pub(crate) fn cancel(id: u32) {
    if take(id).is_some() {
        release(id);
    }
}

/// The number of exchanges that wait.
pub(crate) fn waiting() -> usize {
    EXCHANGES.with_borrow(|exchanges| exchanges.iter().flatten().count())
}
