//! Exchanges in progress: each is a coroutine that the glue drives from one effect to the next.
//!
//! **Invariant:** an exchange waits for at most one effect at a time, and nothing here is borrowed while a future runs.

use core::cell::{Cell, RefCell};
use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use bytes::Bytes;
use edgeway_wire::Kind;
use gateway_core::body::Body;
use gateway_core::error::Reject;
use gateway_core::http::{problem, request_id};
use gateway_core::ports::{IoError, IoErrorKind};
use gateway_core::time::Timestamp;
use http::{HeaderMap, Response};

use crate::platform::{Handle, Worker};
use crate::wire::{self, Frame, Head};

/// What an effect came to.
#[derive(Debug)]
pub(crate) enum Completion {
    /// A response head; its body stays with the glue.
    Head(Response<Body<Handle>>),
    /// Content.
    Bytes(Bytes),
    /// Done, with nothing to tell; or nothing was there.
    Nothing,
}

/// The answer to one request, being worked out.
pub(crate) type Answer = Pin<Box<dyn Future<Output = Response<Body<Handle>>>>>;

/// The heads that the glue holds as `Headers`.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    /// The client's request.
    pub(crate) request: Head,
    /// The response to each fetch, the first at 0.
    pub(crate) responses: Vec<Head>,
}

struct Exchange {
    id: u32,
    answer: Answer,
    heads: Heads,
}

/// What a running future shares with whoever drives it.
#[derive(Default)]
struct Running {
    frame: Frame,
    heads: Heads,
    completion: Option<Result<Completion, IoError>>,
}

thread_local! {
    static EXCHANGES: RefCell<Vec<Option<Exchange>>> = const { RefCell::new(Vec::new()) };
    static FREE: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
    static RUNNING: RefCell<Running> = RefCell::default();
    static NOW: Cell<u64> = const { Cell::new(0) };
}

/// The time when the glue last called in. Workers' clock stands still between I/O, so this is exact.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_unix_millis(NOW.get())
}

/// Sets [`now`].
pub(crate) fn set_now(millis: f64) {
    NOW.set(millis as u64);
}

/// Begins an exchange and runs it up to its first effect or its response, which is then in the [`frame`](read_frame).
pub(crate) fn begin(answer: Answer, request: Head) -> Kind {
    let id = FREE.with_borrow_mut(Vec::pop).unwrap_or_else(|| {
        EXCHANGES.with_borrow_mut(|exchanges| {
            exchanges.push(None);
            u32::try_from(exchanges.len() - 1).unwrap_or(u32::MAX)
        })
    });
    run(Exchange { id, answer, heads: Heads { request, responses: Vec::new() } }, None)
}

/// Answers what is no request.
pub(crate) fn refuse(reject: Reject) -> Kind {
    let response = problem::answer(reject, false, request_id::of(&HeaderMap::new(), &Worker));
    RUNNING.with_borrow_mut(|running| {
        running.frame.clear(0);
        wire::write_response(&mut running.frame, &Heads::default(), response);
    });
    Kind::Respond
}

/// Runs exchange `id` on from the effect that it waits for.
pub(crate) fn resume(id: u32, completion: impl FnOnce(&mut Heads) -> Result<Completion, IoError>) -> Kind {
    let Some(mut exchange) = take(id) else { return Kind::Broken };
    let completion = completion(&mut exchange.heads);
    run(exchange, Some(completion))
}

/// Forgets exchange `id`: its client has left.
pub(crate) fn cancel(id: u32) {
    if take(id).is_some() {
        release(id);
    }
}

/// How many exchanges are waiting.
pub(crate) fn waiting() -> usize {
    EXCHANGES.with_borrow(|exchanges| exchanges.iter().flatten().count())
}

/// Looks at what the last run left for the glue.
pub(crate) fn read_frame<T>(read: impl FnOnce(&mut Frame) -> T) -> T {
    RUNNING.with_borrow_mut(|running| read(&mut running.frame))
}

/// Hands an effect to the glue and waits until it has been performed.
pub(crate) async fn perform(write: impl FnOnce(&mut Frame, &Heads)) -> Result<Completion, IoError> {
    let free = RUNNING.with_borrow_mut(|running| {
        let free = running.frame.kind().is_none();
        if free {
            write(&mut running.frame, &running.heads);
        }
        free
    });
    if !free {
        return Err(IoError::before_send(IoErrorKind::Other));
    }
    poll_fn(|_| match RUNNING.with_borrow_mut(|running| running.completion.take()) {
        Some(completion) => Poll::Ready(completion),
        None => Poll::Pending,
    })
    .await
}

/// The place of exchange `id`. The bits above it count how often the place was used: an id is not soon used again.
const fn place(id: u32) -> usize {
    (id & (PLACES - 1)) as usize
}

/// More than an instance has memory for.
const PLACES: u32 = 1 << 20;

fn take(id: u32) -> Option<Exchange> {
    EXCHANGES.with_borrow_mut(|exchanges| exchanges.get_mut(place(id))?.take_if(|exchange| exchange.id == id))
}

fn release(id: u32) {
    FREE.with_borrow_mut(|free| free.push(id.wrapping_add(PLACES)));
}

fn run(exchange: Exchange, completion: Option<Result<Completion, IoError>>) -> Kind {
    let Exchange { id, mut answer, heads } = exchange;
    RUNNING.with_borrow_mut(|running| {
        running.frame.clear(id);
        running.heads = heads;
        running.completion = completion;
    });
    let polled = answer.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    RUNNING.with_borrow_mut(|running| {
        let heads = core::mem::take(&mut running.heads);
        match polled {
            Poll::Ready(response) => {
                release(id);
                wire::write_response(&mut running.frame, &heads, response);
            }
            Poll::Pending => EXCHANGES.with_borrow_mut(|exchanges| {
                if let Some(place) = exchanges.get_mut(place(id)) {
                    *place = Some(Exchange { id, answer, heads });
                }
            }),
        }
        running.frame.kind().unwrap_or(Kind::Broken)
    })
}
