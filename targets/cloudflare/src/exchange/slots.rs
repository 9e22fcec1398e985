//! The effects of one exchange that are under way.

use core::task::{Context, Poll, Waker};

use gateway_core::ports::IoError;

use super::Completion;

/// A slot for each awaited effect. A slot's number is used once in an exchange, so that a late completion never meets
/// another effect.
#[derive(Debug, Default)]
pub(super) struct Slots {
    last: u32,
    open: Vec<Slot>,
}

#[derive(Debug)]
struct Slot {
    number: u32,
    progress: Progress,
}

/// The progress of an effect.
#[derive(Debug)]
pub(super) enum Progress {
    /// The glue performs it; the waker is for its future.
    Awaited(Option<Waker>),
    /// It is done, and its outcome not yet taken.
    Done(Result<Completion, IoError>),
}

impl Slots {
    /// Opens a slot and returns its number, from 1.
    pub(super) fn open(&mut self) -> u32 {
        self.last += 1;
        self.open.push(Slot { number: self.last, progress: Progress::Awaited(None) });
        self.last
    }

    /// Returns whether the glue still has to complete slot `number`.
    pub(super) fn is_open(&self, number: u32) -> bool {
        self.open.iter().any(|slot| slot.number == number && matches!(slot.progress, Progress::Awaited(_)))
    }

    /// Completes slot `number`, and wakes the waiting future.
    pub(super) fn complete(&mut self, number: u32, completion: Result<Completion, IoError>) {
        let Some(slot) = self.open.iter_mut().find(|slot| slot.number == number) else { return };
        if let Progress::Awaited(Some(waker)) = core::mem::replace(&mut slot.progress, Progress::Done(completion)) {
            waker.wake();
        }
    }

    /// Returns the outcome of slot `number`, and closes it; without one, stores the waker.
    pub(super) fn poll(&mut self, number: u32, context: &Context<'_>) -> Poll<Option<Result<Completion, IoError>>> {
        let Some(index) = self.open.iter().position(|slot| slot.number == number) else { return Poll::Ready(None) };
        match self.open.get_mut(index) {
            Some(Slot { progress: Progress::Awaited(waker), .. }) => {
                match waker {
                    Some(waker) => waker.clone_from(context.waker()),
                    None => *waker = Some(context.waker().clone()),
                }
                Poll::Pending
            }
            _ => Poll::Ready(match self.open.swap_remove(index).progress {
                Progress::Done(completion) => Some(completion),
                Progress::Awaited(_) => None,
            }),
        }
    }

    /// Closes slot `number`, and returns the progress of its effect.
    pub(super) fn close(&mut self, number: u32) -> Option<Progress> {
        let index = self.open.iter().position(|slot| slot.number == number)?;
        Some(self.open.swap_remove(index).progress)
    }

    /// Closes every slot.
    pub(super) fn close_all(&mut self) {
        self.open.clear();
    }

    /// Returns whether the glue performs any of them.
    pub(super) fn are_awaited(&self) -> bool {
        self.open.iter().any(|slot| matches!(slot.progress, Progress::Awaited(_)))
    }
}
