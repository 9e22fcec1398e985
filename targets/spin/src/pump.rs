//! Moves a body through this component, chunk by chunk, if its length or its end has to be watched.

use std::cell::Cell;
use std::pin::pin;

use edgeway_codings::Encoder;
use futures_util::future::{Either, select};
use gateway_core::ports::{BreaksOff, Filter, IoErrorKind, Observer};
use spin_sdk::wasip3::clocks::monotonic_clock::{self, Mark};
use spin_sdk::wasip3::http::types::{ErrorCode, Trailers};
use spin_sdk::wasip3::wit_bindgen::{FutureWriter, StreamReader, StreamResult, StreamWriter};
use spin_sdk::wasip3::{wit_future, wit_stream};

use crate::after::Witness;
use crate::cache::Keeping;
use crate::errors;
use crate::stream::{CHUNK, Ending, Failure};
use crate::upload::{Progress, Side};

/// The interval of checks for a gone receiver while the sender is silent, in nanoseconds.
const ASK_EVERY: u64 = 1_000_000_000;

/// The checks on a body, and the receivers of a violation and of the end.
pub(crate) struct Watch {
    pub(crate) limit: Option<u64>,
    /// The stated length.
    pub(crate) length: Option<u64>,
    pub(crate) deadline: Option<Mark>,
    pub(crate) failure: Failure,
    /// The witness to the end of a response's body.
    pub(crate) witness: Option<Witness>,
    /// The progress of a request's content.
    pub(crate) progress: Option<Progress>,
    /// Set if nothing comes behind what was read already.
    pub(crate) is_whole: bool,
}

impl Watch {
    fn wait_for(&self, side: Side) {
        if let Some(progress) = &self.progress {
            progress.wait_for(side);
        }
    }
}

/// Those who look at what passes: the copy for the store, and whoever reads it; then what is made of it.
type Readers = (Option<Keeping>, Option<Box<Observer>>, Making);

/// The edits of what passes, and then the coding that it gets.
type Making = (Option<Box<Filter>>, Option<Box<Encoder>>);

/// The most that is edited at once, in bytes: what comes of it can be many times as much.
const SLICE: usize = 16 * 1024;

type EndingWriter = FutureWriter<Result<Option<Trailers>, ErrorCode>>;

/// Starts moving `first` and then `bytes`, and returns the stream of both.
///
/// A violation ends the body with an error, so that the receiver's connection breaks off. It never ends cleanly.
pub(crate) fn start(
    first: Vec<u8>,
    bytes: StreamReader<u8>,
    ending: Ending,
    watch: Watch,
    readers: Readers,
) -> (StreamReader<u8>, Ending) {
    let (sink, out) = wit_stream::new();
    // The receiver gets this default if the component dies half-way.
    let (result, out_ending) = wit_future::new(|| Err(ErrorCode::InternalError(None)));
    spin_sdk::wasip3::spawn(run(first, bytes, (ending, readers), sink, result, watch));
    (out, out_ending)
}

async fn run(
    first: Vec<u8>,
    bytes: StreamReader<u8>,
    (ending, (mut keeping, observer, making)): (Ending, Readers),
    sink: StreamWriter<u8>,
    result: EndingWriter,
    watch: Watch,
) {
    let moved = Cell::new(0);
    let outcome = {
        let moving = pin!(copy(first, bytes, (ending, observer, making), &mut keeping, sink, &watch, &moved));
        match watch.deadline {
            None => moving.await,
            Some(deadline) => match select(moving, pin!(monotonic_clock::wait_until(deadline))).await {
                Either::Left((outcome, _)) => outcome,
                Either::Right(_) => Err(Broken::Deadline),
            },
        }
    };
    if let Some(keeping) = keeping.filter(|_| outcome.is_ok()) {
        keeping.finish().await;
    }
    if let Some(kind) = outcome.as_ref().err().and_then(Broken::violation) {
        watch.failure.set(kind);
    }
    if let Some(witness) = watch.witness {
        witness.ended(moved.get(), outcome.as_ref().err().map(Broken::of_response));
    }
    // A receiver that is gone needs no result.
    let _ = result.write(outcome.map_err(Broken::into_code)).await;
}

/// The reason why a body broke off.
enum Broken {
    /// Its receiver takes no more of it.
    Receiver,
    /// Its sender failed.
    Sender(ErrorCode),
    /// It is longer than its limit: this many bytes have come.
    TooLong(u64),
    /// It takes longer than its deadline.
    Deadline,
    /// It can't be edited.
    Content,
    /// Its coding has failed.
    Coding,
}

impl Broken {
    /// The violation, if that is the reason.
    const fn violation(&self) -> Option<IoErrorKind> {
        match self {
            Self::TooLong(_) => Some(IoErrorKind::BodyTooLarge),
            Self::Deadline => Some(IoErrorKind::TotalTimeout),
            Self::Content => Some(IoErrorKind::Content),
            Self::Receiver | Self::Sender(_) | Self::Coding => None,
        }
    }

    /// The same for a response's body, which goes from an upstream to a client.
    fn of_response(&self) -> IoErrorKind {
        match self {
            Self::Receiver => IoErrorKind::Client,
            Self::Sender(code) => errors::from_upstream(code).kind,
            Self::TooLong(_) => IoErrorKind::BodyTooLarge,
            Self::Deadline => IoErrorKind::TotalTimeout,
            Self::Content => IoErrorKind::Content,
            Self::Coding => IoErrorKind::Other,
        }
    }

    /// The code for the receiver, if it is still there.
    fn into_code(self) -> ErrorCode {
        match self {
            Self::Receiver => ErrorCode::ConnectionTerminated,
            Self::Sender(code) => code,
            Self::TooLong(length) => ErrorCode::HttpRequestBodySize(Some(length)),
            Self::Deadline => ErrorCode::HttpResponseTimeout,
            Self::Content | Self::Coding => ErrorCode::InternalError(None),
        }
    }
}

/// Moves all of a body, and records in `moved` how many bytes its receiver has taken.
async fn copy(
    first: Vec<u8>,
    mut bytes: StreamReader<u8>,
    (ending, mut observer, (mut filter, mut encoder)): (Ending, Option<Box<Observer>>, Making),
    keeping: &mut Option<Keeping>,
    mut sink: StreamWriter<u8>,
    watch: &Watch,
    moved: &Cell<u64>,
) -> Result<Option<Trailers>, Broken> {
    let mut chunk = first;
    let mut ended = watch.is_whole;
    let mut come = 0_u64;
    let mut pause = pin!(monotonic_clock::wait_for(ASK_EVERY));
    loop {
        come = come.saturating_add(chunk.len() as u64);
        if watch.limit.is_some_and(|limit| come > limit) {
            return Err(Broken::TooLong(come));
        }
        if let Some(observer) = &mut observer {
            observer.read(&chunk);
        }
        if !keeping.as_mut().is_none_or(|keeping| keeping.read(&chunk)) {
            // It is too long to be stored: nobody waits for it any longer.
            *keeping = None;
        }
        // All of it has come. Stored before the client has the end, it is there for what the client asks for next.
        if watch.length == Some(come)
            && let Some(keeping) = keeping.take()
        {
            keeping.finish().await;
        }
        watch.wait_for(Side::Upstream);
        let mut left = match &mut filter {
            None => send(&mut sink, chunk, &mut encoder, moved).await?,
            Some(filter) => {
                let mut edited = Vec::new();
                for slice in chunk.chunks(SLICE) {
                    let filtered = filter.push(slice, &mut edited);
                    edited = send(&mut sink, edited, &mut encoder, moved).await?;
                    filtered.map_err(|BreaksOff| Broken::Content)?;
                }
                chunk.clear();
                chunk
            }
        };
        keeping.iter().for_each(Keeping::goes_on);
        if ended {
            break;
        }
        watch.wait_for(Side::Client);
        left.reserve(CHUNK);
        let mut reading = pin!(bytes.read(left));
        // A receiver of the whole stated length may rightly have closed its end already.
        let asks = watch.witness.is_some()
            && (filter.is_some() || encoder.is_some() || watch.length.is_none_or(|length| moved.get() < length));
        let result;
        (result, chunk) = loop {
            if !asks {
                break reading.await;
            }
            match select(reading.as_mut(), pause.as_mut()).await {
                Either::Left((read, _)) => break read,
                Either::Right(_) => pause.set(monotonic_clock::wait_for(ASK_EVERY)),
            }
            // An empty write checks whether the other side is ready; nothing else shows that it is gone.
            if let (StreamResult::Dropped, _) = sink.write(Vec::new()).await {
                return Err(Broken::Receiver);
            }
        };
        ended = !matches!(result, StreamResult::Complete(_));
    }
    if filter.is_some() || encoder.is_some() {
        // The end of the coding says that the content is whole. Trailers speak of the content as it came.
        if !watch.is_whole {
            ending.await.map_err(Broken::Sender)?;
        }
        if let Some(mut filter) = filter {
            let mut edited = Vec::new();
            filter.finish(&mut edited).map_err(|BreaksOff| Broken::Content)?;
            send(&mut sink, edited, &mut encoder, moved).await?;
        }
        let Some(mut encoder) = encoder else {
            watch.wait_for(Side::Upstream);
            return Ok(None);
        };
        encoder.finish().map_err(|_| Broken::Coding)?;
        write(&mut sink, encoder.take().into(), moved).await?;
        return Ok(None);
    }
    drop(sink);
    watch.wait_for(Side::Client);
    let trailers = ending.await.map_err(Broken::Sender);
    watch.wait_for(Side::Upstream);
    trailers
}

/// Sends `piece`, by `encoder` if there is one, and returns its memory, which is empty.
async fn send(
    sink: &mut StreamWriter<u8>,
    mut piece: Vec<u8>,
    encoder: &mut Option<Box<Encoder>>,
    moved: &Cell<u64>,
) -> Result<Vec<u8>, Broken> {
    let Some(encoder) = encoder else { return write(sink, piece, moved).await };
    // Each piece goes on as it has come. A large one leaves others their turn.
    for slice in piece.chunks(CHUNK) {
        encoder.write(slice);
        encoder.flush();
        write(sink, encoder.take().into(), moved).await?;
    }
    piece.clear();
    Ok(piece)
}

/// Writes all of `piece`, adds to `moved` what of it the receiver has taken, and returns its memory.
async fn write(sink: &mut StreamWriter<u8>, piece: Vec<u8>, moved: &Cell<u64>) -> Result<Vec<u8>, Broken> {
    let length = piece.len();
    let left = sink.write_all(piece).await;
    moved.set(moved.get().saturating_add(length.saturating_sub(left.len()) as u64));
    if left.is_empty() { Ok(left) } else { Err(Broken::Receiver) }
}
