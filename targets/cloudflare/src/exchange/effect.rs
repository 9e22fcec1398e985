//! An action that only the glue can perform, as a future.

use core::pin::Pin;
use core::task::{Context, Poll};

use edgeway_wire::{Kind, Word};
use gateway_core::gateway::Ended;
use gateway_core::ports::{IoError, IoErrorKind, Observer};

use super::slots::Progress;
use super::{Completion, Heads, OUTBOX, RUNNING, State, Work};
use crate::wire::Command;

/// An effect under way. Dropping it tells the glue to give it up.
#[derive(Debug)]
#[must_use = "an effect that nobody waits for is given up"]
pub(crate) struct Effect {
    exchange: u32,
    /// Its slot; 0 once it waits for nothing.
    slot: u32,
}

/// Hands an effect to the glue: a command of this `kind`, completed by `write`.
pub(crate) fn perform(kind: Kind, write: impl FnOnce(&mut Command<'_>, &Heads)) -> Effect {
    RUNNING.with_borrow_mut(|running| {
        let Some(State { id, heads, slots, .. }) = running else { return Effect { exchange: 0, slot: 0 } };
        let slot = slots.open();
        OUTBOX.with_borrow_mut(|outbox| write(&mut outbox.command(*id, kind, slot), heads));
        Effect { exchange: *id, slot }
    })
}

/// Tells the glue to watch the running exchange.
pub(crate) fn watch() {
    tell(Kind::Watch);
}

/// Tells the glue to let the running exchange go on if its client leaves.
pub(crate) fn linger() {
    tell(Kind::Linger);
}

fn tell(kind: Kind) {
    RUNNING.with_borrow(|running| {
        if let Some(State { id, .. }) = running {
            OUTBOX.with_borrow_mut(|outbox| drop(outbox.command(*id, kind, 0)));
        }
    });
}

/// Has `observer` look at the body in `slot`, if that is the answer's.
pub(crate) fn observe(slot: u32, observer: Box<Observer>) {
    RUNNING.with_borrow_mut(|running| {
        if let Some(State { id, observer: place, observed, .. }) = running {
            *place = Some(observer);
            *observed = slot;
            OUTBOX.with_borrow_mut(|outbox| outbox.command(*id, Kind::Observe, 0).set(Word::BodySlot, slot));
        }
    });
}

/// Shows `content`, all of the body in `slot`, to whoever looks at that: it is the answer no longer.
pub(crate) fn collected(slot: u32, content: &[u8]) {
    RUNNING.with_borrow_mut(|running| {
        if let Some(State { observer: Some(observer), observed, .. }) = running
            && *observed == slot
        {
            observer.read(content);
        }
    });
}

/// Has the content of the answer encoded.
pub(crate) fn encode() {
    RUNNING.with_borrow_mut(|running| {
        if let Some(State { is_encoded, .. }) = running {
            *is_encoded = true;
        }
    });
}

/// Does `work` beside the task of the running exchange, which goes on until both have ended.
pub(crate) fn beside(work: Work) {
    RUNNING.with_borrow_mut(|running| {
        if let Some(State { begun, .. }) = running {
            begun.push(work);
        }
    });
}

/// Takes the work that has begun in this run.
pub(super) fn begun() -> Vec<Work> {
    RUNNING
        .with_borrow_mut(|running| running.as_mut().map(|state| core::mem::take(&mut state.begun)).unwrap_or_default())
}

/// Waits for the end of the response's body.
pub(crate) async fn ended() -> Ended {
    match perform(Kind::Ended, |_, _| {}).await {
        Ok(Completion::Ended(ended)) => ended,
        _ => Ended { cut: Some(IoErrorKind::Other), ..Ended::default() },
    }
}

/// Tells the glue that the body in `slot` is no longer needed.
pub(crate) fn abandon(slot: u32) {
    // While a command is being written, or no exchange runs, there is nothing to tell the glue.
    let running = RUNNING.try_with(|running| Some(running.try_borrow().ok()?.as_ref()?.id));
    if let Ok(Some(id)) = running {
        abort(id, slot);
    }
}

fn abort(exchange: u32, slot: u32) {
    OUTBOX.with(|outbox| {
        if let Ok(mut outbox) = outbox.try_borrow_mut() {
            drop(outbox.command(exchange, Kind::Abort, slot));
        }
    });
}

impl Future for Effect {
    type Output = Result<Completion, IoError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Effect { exchange, slot } = *self;
        let polled = RUNNING.with_borrow_mut(|running| match running {
            Some(State { id, slots, .. }) if *id == exchange => slots.poll(slot, context),
            // It began outside of any exchange, or was moved out of its own.
            _ => Poll::Ready(None),
        });
        polled.map(|completion| {
            self.slot = 0;
            completion.unwrap_or(Err(IoError::before_send(IoErrorKind::Other)))
        })
    }
}

impl Drop for Effect {
    fn drop(&mut self) {
        let Effect { exchange, slot } = *self;
        if slot == 0 {
            return;
        }
        // A thread that ends drops its waiting effects after its thread-local state.
        let closed = RUNNING.try_with(|running| match &mut *running.borrow_mut() {
            Some(State { id, slots, .. }) if *id == exchange => slots.close(slot),
            _ => None,
        });
        // An untaken outcome is dropped once the exchange can be told of its body.
        if let Ok(Some(Progress::Awaited(_))) = closed {
            abort(exchange, slot);
        }
    }
}
