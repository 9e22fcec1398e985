//! Moves a body through this component, chunk by chunk: only where its length or its end has to be watched.

use std::pin::pin;

use futures_util::future::{Either, select};
use gateway_core::ports::IoErrorKind;
use spin_sdk::wasip3::clocks::monotonic_clock::{self, Mark};
use spin_sdk::wasip3::http::types::{ErrorCode, Trailers};
use spin_sdk::wasip3::wit_bindgen::{FutureWriter, StreamReader, StreamResult, StreamWriter};
use spin_sdk::wasip3::{wit_future, wit_stream};

use crate::stream::{CHUNK, Ending, Failure};

/// What is watched, and where a violation is told.
pub(crate) struct Watch {
    pub(crate) limit: Option<u64>,
    pub(crate) deadline: Option<Mark>,
    pub(crate) failure: Failure,
}

type EndingWriter = FutureWriter<Result<Option<Trailers>, ErrorCode>>;

/// Starts moving `first` and then `bytes`, and returns where they come out.
///
/// A violation ends the body with an error, so that the receiver's connection breaks off: never with a clean end.
pub(crate) fn start(
    first: Vec<u8>,
    bytes: StreamReader<u8>,
    ending: Ending,
    watch: Watch,
) -> (StreamReader<u8>, Ending) {
    let (sink, out) = wit_stream::new();
    // The default is what the receiver gets if this component dies half-way.
    let (result, out_ending) = wit_future::new(|| Err(ErrorCode::InternalError(None)));
    spin_sdk::wasip3::spawn(run(first, bytes, ending, sink, result, watch));
    (out, out_ending)
}

async fn run(
    first: Vec<u8>,
    bytes: StreamReader<u8>,
    ending: Ending,
    sink: StreamWriter<u8>,
    result: EndingWriter,
    watch: Watch,
) {
    let moved = {
        let moving = pin!(copy(first, bytes, ending, sink, watch.limit));
        match watch.deadline {
            None => moving.await,
            Some(deadline) => match select(moving, pin!(monotonic_clock::wait_until(deadline))).await {
                Either::Left((moved, _)) => moved,
                Either::Right(_) => Err((Some(IoErrorKind::TotalTimeout), ErrorCode::HttpResponseTimeout)),
            },
        }
    };
    let moved = moved.map_err(|(kind, code)| {
        if let Some(kind) = kind {
            watch.failure.set(kind);
        }
        code
    });
    // A receiver that has gone does not want to know.
    let _ = result.write(moved).await;
}

type Broken = (Option<IoErrorKind>, ErrorCode);

async fn copy(
    first: Vec<u8>,
    mut bytes: StreamReader<u8>,
    ending: Ending,
    mut sink: StreamWriter<u8>,
    limit: Option<u64>,
) -> Result<Option<Trailers>, Broken> {
    let mut moved: u64 = 0;
    let mut chunk = first;
    let mut ended = false;
    loop {
        moved = moved.saturating_add(chunk.len() as u64);
        if limit.is_some_and(|limit| moved > limit) {
            return Err((Some(IoErrorKind::BodyTooLarge), ErrorCode::HttpRequestBodySize(Some(moved))));
        }
        let mut left = sink.write_all(chunk).await;
        if !left.is_empty() {
            return Err((None, ErrorCode::ConnectionTerminated));
        }
        if ended {
            break;
        }
        left.reserve(CHUNK);
        let result;
        (result, chunk) = bytes.read(left).await;
        ended = !matches!(result, StreamResult::Complete(_));
    }
    drop(sink);
    ending.await.map_err(|code| (None, code))
}
