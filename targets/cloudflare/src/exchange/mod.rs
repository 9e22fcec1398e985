//! Exchanges in progress: each is a coroutine that runs until it needs the glue.
//!
//! Each need is an [effect](effect) with a slot of its own; any number of them can be under way. A run leaves a list of
//! commands, which the glue performs in order. It resumes the exchange with the slot of each completed effect. The list
//! that ends an exchange ends with [`Kind::End`]; after [`Kind::Respond`] the exchange may go on.
//!
//! **Invariant:** nothing here is borrowed while a future runs, and an exchange runs only when it is begun or resumed:
//! the runtime lets no request touch the objects of another. A wake from outside its own run takes effect when the
//! exchange is resumed.

mod alarm;
mod effect;
mod places;
mod slots;
#[cfg(test)]
mod tests;

use core::cell::{Cell, RefCell};
use core::pin::Pin;
use core::ptr;
use core::task::{Context, Poll};

use bytes::Bytes;
use edgeway_wire::Kind;
use gateway_core::body::Body;
use gateway_core::error::Reject;
use gateway_core::gateway::{Ended, Reply};
use gateway_core::http::request_id;
use gateway_core::ports::{IoError, Observer};
use gateway_core::problem;
use gateway_core::time::Timestamp;
use http::{HeaderMap, Response};

use crate::platform::{Handle, Worker};
use crate::wire::{self, Head, Outbox};
use alarm::Alarm;
use effect::begun;
pub(crate) use effect::{abandon, beside, collected, encode, ended, linger, observe, perform, watch};
pub(crate) use places::{cancel, show, waiting};
use slots::Slots;

/// The outcome of an effect.
#[derive(Debug)]
pub(crate) enum Completion {
    /// A response head; its body stays with the glue.
    Head(Response<Body<Handle>>),
    /// Content.
    Bytes(Bytes),
    /// The end of the response's body.
    Ended(Ended),
    /// Done without a result; or absent.
    Nothing,
}

/// The answer to one request, being worked out.
pub(crate) type Answer = Pin<Box<dyn Future<Output = Answered>>>;

/// Work that outlives the answer.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()>>>;

/// An answer, and the work to do once it is on its way.
pub(crate) struct Answered {
    pub(crate) reply: Reply<Worker>,
    pub(crate) after: Option<Work>,
}

/// The heads that the glue holds as `Headers`.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    /// The client's request.
    pub(crate) request: Head,
    responses: Vec<(u32, Head)>,
}

impl Heads {
    /// Keeps the head of the response to the fetch in `slot`.
    pub(crate) fn keep(&mut self, slot: u32, head: Head) {
        self.responses.push((slot, head));
    }

    /// The head of the response to the fetch in `slot`.
    pub(crate) fn response(&self, slot: u32) -> Option<&Head> {
        self.responses.iter().find(|(of, _)| *of == slot).map(|(_, head)| head)
    }
}

struct Exchange {
    task: Task,
    /// Work beside it, until whose end the exchange goes on.
    beside: Vec<Work>,
    state: State,
    alarm: Alarm,
}

/// A future of an exchange.
pub(crate) enum Task {
    Answer(Answer),
    Work(Work),
    Done,
}

/// The state that a running exchange shares with its effects.
struct State {
    id: u32,
    heads: Heads,
    slots: Slots,
    /// Work beside the task that has not been polled yet.
    begun: Vec<Work>,
    /// Whoever looks at the body of the answer.
    observer: Option<Box<Observer>>,
    /// The slot of the body that it looks at.
    observed: u32,
    /// Set if the content of the answer is to be encoded.
    is_encoded: bool,
}

thread_local! {
    /// The running exchange.
    static RUNNING: RefCell<Option<State>> = const { RefCell::new(None) };
    /// The commands of the last run.
    static OUTBOX: RefCell<Outbox> = RefCell::default();
    static NOW: Cell<u64> = const { Cell::new(0) };
}

/// The time of the glue's latest call. Workers' clock stands still between I/O, so this is exact.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_unix_millis(NOW.get())
}

/// Sets [`now`].
pub(crate) fn set_now(millis: f64) {
    NOW.set(millis as u64);
}

/// Begins an exchange. Returns its first commands, or null if it has failed.
pub(crate) fn begin(answer: Answer, request: Head) -> *const u32 {
    let heads = Heads { request, ..Heads::default() };
    let (slots, begun, observer, is_encoded) = (Slots::default(), Vec::new(), None, false);
    let state = State { id: places::claim(), heads, slots, begun, observer, observed: 0, is_encoded };
    run(Exchange { task: Task::Answer(answer), beside: Vec::new(), state, alarm: Alarm::default() })
}

/// Answers a message that is not a request.
pub(crate) fn refuse(reject: Reject) -> *const u32 {
    let response = problem::answer(reject, false, request_id::of(&HeaderMap::new(), &Worker));
    OUTBOX.with_borrow_mut(|outbox| {
        outbox.clear();
        wire::write_response(outbox, 0, &Heads::default(), response, false);
        drop(outbox.command(0, Kind::End, 0));
        outbox.seal()
    })
}

/// Completes the effect in `slot` of exchange `id`, and runs the exchange on. Returns its next commands, or null if it
/// does not exist or has failed.
pub(crate) fn resume(
    id: u32,
    slot: u32,
    completion: impl FnOnce(&mut Heads) -> Result<Completion, IoError>,
) -> *const u32 {
    let Some(mut exchange) = places::take(id) else { return ptr::null() };
    if !exchange.state.slots.is_open(slot) {
        // The effect was aborted while the glue was completing it.
        places::put(exchange);
        return OUTBOX.with_borrow_mut(|outbox| {
            outbox.clear();
            outbox.seal()
        });
    }
    let completion = completion(&mut exchange.state.heads);
    exchange.state.slots.complete(slot, completion);
    run(exchange)
}

/// Ends the answer of exchange `id`, which the glue has given by itself, or which is no longer awaited: `end` drops it
/// and returns the remaining work. Returns the commands of that work, or null if there is none.
pub(crate) fn conclude(id: u32, end: impl FnOnce(Task) -> Option<Work>) -> *const u32 {
    let Some(Exchange { task, beside, mut state, alarm }) = places::take(id) else { return ptr::null() };
    drop(beside);
    let Some(work) = end(task) else {
        places::release(id);
        return ptr::null();
    };
    state.slots.close_all();
    run(Exchange { task: Task::Work(work), beside: Vec::new(), state, alarm })
}

fn run(Exchange { mut task, mut beside, state, alarm }: Exchange) -> *const u32 {
    let id = state.id;
    OUTBOX.with_borrow_mut(Outbox::clear);
    RUNNING.set(Some(state));
    let has_ended = loop {
        alarm.silence();
        let context = &mut Context::from_waker(alarm.waker());
        let polled = match &mut task {
            Task::Answer(answer) => answer.as_mut().poll(context).map(Some),
            Task::Work(work) => work.as_mut().poll(context).map(|()| None),
            Task::Done => Poll::Ready(None),
        };
        if let Poll::Ready(answered) = polled {
            // The answer needs none of its pending effects any more.
            task = Task::Done;
            if let Some(Answered { reply, after }) = answered {
                respond(reply);
                if let Some(work) = after {
                    task = Task::Work(work);
                    continue;
                }
            }
        }
        beside.append(&mut begun());
        beside.retain_mut(|work| work.as_mut().poll(context).is_pending());
        if matches!(task, Task::Done) && beside.is_empty() {
            break true;
        }
        if !alarm.rings() {
            break false;
        }
    };
    if has_ended {
        // Its last effects are aborted while their exchange is still known.
        drop(task);
        RUNNING.take();
        places::release(id);
        return OUTBOX.with_borrow_mut(|outbox| {
            drop(outbox.command(id, Kind::End, 0));
            outbox.seal()
        });
    }
    match RUNNING.take() {
        Some(state) if state.slots.are_awaited() => {
            places::put(Exchange { task, beside, state, alarm });
            OUTBOX.with_borrow_mut(Outbox::seal)
        }
        // It waits for something that no effect will bring.
        _ => {
            places::release(id);
            ptr::null()
        }
    }
}

/// Hands an answer to the glue.
fn respond(reply: Reply<Worker>) {
    RUNNING.with_borrow(|running| {
        if let Some(State { id, heads, is_encoded, .. }) = running {
            OUTBOX.with_borrow_mut(|outbox| match reply {
                Reply::Http(response) => wire::write_response(outbox, *id, heads, response, *is_encoded),
                Reply::Upgrade(response, socket) => wire::write_upgrade(outbox, *id, heads, response, socket),
            });
        }
    });
}
