//! A body in transit: the host's stream and its trailers, and the checks to make on the way.

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use edgeway_codings::Encoder;
use futures_util::future::{Either, select};
use gateway_core::ports::{BreaksOff, Encoding, Filter, IoError, IoErrorKind, Observer};
use http::header::{CONTENT_LENGTH, TRAILER};
use http::{HeaderMap, HeaderValue};
use spin_sdk::wasip3::clocks::monotonic_clock::{self, Mark};
use spin_sdk::wasip3::http::types::{ErrorCode, Request, Response, Trailers};
use spin_sdk::wasip3::wit_bindgen::{FutureReader, StreamReader, StreamResult};
use spin_sdk::wasip3::{wit_future, wit_stream};

use crate::after::Witness;
use crate::cache::Keeping;
use crate::pump;
use crate::upload::Progress;

/// The size of a read where a body passes through this component.
pub(crate) const CHUNK: usize = 64 * 1024;

/// How long a body may take to show that it is empty, in nanoseconds.
const AT_ONCE: u64 = 10_000_000;

/// The trailers of a body, or the reason why it broke off; known once its stream has ended.
pub(crate) type Ending = FutureReader<Result<Option<Trailers>, ErrorCode>>;

/// A body in transit.
#[derive(Debug)]
pub(crate) struct Stream {
    /// The bytes that were already read.
    first: Vec<u8>,
    bytes: StreamReader<u8>,
    ending: Ending,
    /// Its Content-Length; the host enforces it on the sender.
    length: Option<u64>,
    /// The names of possible trailers: the host sends no others.
    trailer: Option<HeaderValue>,
    limit: Option<u64>,
    deadline: Option<Mark>,
    failed: IoErrorKind,
    failure: Failure,
    /// The copy of it that is stored.
    keeping: Option<Keeping>,
    /// Whoever looks at it.
    observer: Option<Box<Observer>>,
    /// The edits that are made of it on the way.
    filter: Option<Box<Filter>>,
    /// The coding that it gets on the way.
    encoder: Option<Box<Encoder>>,
    /// Set if what was read is all of it.
    is_whole: bool,
}

/// The reason why a body broke off inside this component, if it did.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failure(Rc<Cell<Option<IoErrorKind>>>);

impl Failure {
    pub(crate) fn set(&self, kind: IoErrorKind) {
        self.0.set(Some(kind));
    }

    pub(crate) fn kind(&self) -> Option<IoErrorKind> {
        self.0.get()
    }
}

impl Stream {
    /// The body of a client's request.
    pub(crate) fn of_request(request: Request, headers: &HeaderMap) -> Self {
        let (bytes, ending) = Request::consume_body(request, success());
        Self::new(bytes, ending, headers, IoErrorKind::Client)
    }

    /// The body of an upstream's response, which has to end before `deadline`.
    pub(crate) fn of_response(response: Response, headers: &HeaderMap, deadline: Option<Mark>) -> Self {
        let (bytes, ending) = Response::consume_body(response, success());
        Self { deadline, ..Self::new(bytes, ending, headers, IoErrorKind::Closed) }
    }

    fn new(bytes: StreamReader<u8>, ending: Ending, headers: &HeaderMap, failed: IoErrorKind) -> Self {
        let (first, length, trailer) = (Vec::new(), content_length(headers), headers.get(TRAILER).cloned());
        let failure = Failure::default();
        let (limit, deadline, keeping, observer, filter, encoder) = (None, None, None, None, None, None);
        let is_whole = false;
        Self {
            first,
            bytes,
            ending,
            length,
            trailer,
            limit,
            deadline,
            failed,
            failure,
            keeping,
            observer,
            filter,
            encoder,
            is_whole,
        }
    }

    /// A content that is in memory.
    pub(crate) fn of_content(content: Bytes) -> Self {
        let (_, bytes) = wit_stream::new();
        let stream = Self::new(bytes, no_trailers(), &HeaderMap::new(), IoErrorKind::Other);
        // A task that reads what it has written itself would wait for itself.
        Self { first: content.into(), is_whole: true, ..stream }
    }

    /// Returns this body unless it is empty, for which it reads its beginning.
    pub(crate) async fn unless_empty(mut self) -> Option<Self> {
        let mut ended = false;
        while self.first.is_empty() && !ended {
            let (result, first) = self.bytes.read(Vec::with_capacity(CHUNK)).await;
            self.first = first;
            ended = !matches!(result, StreamResult::Complete(_));
        }
        (!ended || !self.first.is_empty()).then_some(self)
    }

    /// Returns this body unless it is over at once.
    ///
    /// An empty body of HTTP/1.1 is over before the component runs. Content that is late is content.
    pub(crate) async fn unless_over_at_once(mut self) -> Option<Self> {
        let (result, first) = {
            let mut reading = pin!(self.bytes.read(Vec::with_capacity(CHUNK)));
            match select(reading.as_mut(), pin!(monotonic_clock::wait_for(AT_ONCE))).await {
                Either::Left((read, _)) => read,
                // What was read until then comes along.
                Either::Right(_) => reading.cancel(),
            }
        };
        self.first = first;
        let is_over = matches!(result, StreamResult::Dropped) && self.first.is_empty();
        (!is_over).then_some(self)
    }

    /// Its Trailer field.
    pub(crate) fn trailer(&self) -> Option<&HeaderValue> {
        self.trailer.as_ref()
    }

    /// Makes this body fail beyond `limit` bytes.
    pub(crate) fn limited(mut self, limit: u64) -> Self {
        self.limit = Some(self.limit.map_or(limit, |other| other.min(limit)));
        self
    }

    /// Has `observer` look at this body.
    pub(crate) fn observed(mut self, observer: Box<Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Edits this body. Its trailers are left out.
    pub(crate) fn filtered(mut self, filter: Box<Filter>) -> Self {
        self.filter = Some(match self.filter.take() {
            Some(first) => first.then(filter),
            None => filter,
        });
        self.trailer = None;
        self
    }

    /// Encodes this body. Its trailers are left out.
    pub(crate) fn encoded(mut self, encoding: Encoding) -> Self {
        self.encoder = Some(Box::new(Encoder::new(encoding)));
        self.trailer = None;
        self
    }

    /// Has this body copied for the store.
    pub(crate) fn kept(mut self, keeping: Keeping) -> Self {
        self.keeping = Some(keeping);
        self
    }

    /// The place where a failure of this body is recorded.
    pub(crate) fn failure(&self) -> Failure {
        self.failure.clone()
    }

    /// Returns whether something in it has to be checked on its way, so that it passes through this component.
    pub(crate) fn is_watched(&self) -> bool {
        self.open_limit().is_some()
            || self.deadline.is_some()
            || self.keeping.is_some()
            || self.observer.is_some()
            || self.filter.is_some()
            || self.encoder.is_some()
            || !self.first.is_empty()
    }

    /// Returns the limit, unless the stated length is within it.
    fn open_limit(&self) -> Option<u64> {
        self.limit.filter(|limit| self.length.is_none_or(|length| length > *limit))
    }

    /// Converts the body for the host: its own handles, unless the body has to be checked on the way, or there is a
    /// `witness` to its end.
    pub(crate) fn into_parts(self, witness: Option<Witness>) -> (StreamReader<u8>, Ending) {
        if witness.is_none() && !self.is_watched() {
            return (self.bytes, self.ending);
        }
        self.pumped(witness, None)
    }

    /// Converts the content of a request for the host, and records its `progress`.
    pub(crate) fn into_content(self, progress: Progress) -> (StreamReader<u8>, Ending) {
        self.pumped(None, Some(progress))
    }

    fn pumped(self, witness: Option<Witness>, progress: Option<Progress>) -> (StreamReader<u8>, Ending) {
        let (limit, length) = (self.open_limit(), self.length);
        let (deadline, failure, is_whole) = (self.deadline, self.failure, self.is_whole);
        let watch = pump::Watch { limit, length, deadline, failure, witness, progress, is_whole };
        pump::start(
            self.first,
            self.bytes,
            self.ending,
            watch,
            (self.keeping, self.observer, (self.filter, self.encoder)),
        )
    }

    /// Reads it to its end, but at most `limit` bytes, and until its deadline. Those who look at it see all of it.
    pub(crate) async fn collect(self, limit: u64) -> Result<Bytes, IoError> {
        let deadline = self.deadline;
        let reading = pin!(self.read_to_end(limit));
        match deadline {
            None => reading.await,
            Some(deadline) => match select(reading, pin!(monotonic_clock::wait_until(deadline))).await {
                Either::Left((content, _)) => content,
                Either::Right(_) => Err(IoError::new(IoErrorKind::TotalTimeout)),
            },
        }
    }

    async fn read_to_end(mut self, limit: u64) -> Result<Bytes, IoError> {
        let limit = self.limit.map_or(limit, |other| other.min(limit));
        let too_large = IoError::new(IoErrorKind::BodyTooLarge);
        if self.length.is_some_and(|length| length > limit) {
            return Err(too_large);
        }
        let mut collected = BytesMut::from(self.first.as_slice());
        loop {
            let (result, chunk) = self.bytes.read(Vec::with_capacity(CHUNK)).await;
            if (collected.len() as u64).saturating_add(chunk.len() as u64) > limit {
                return Err(too_large);
            }
            collected.extend_from_slice(&chunk);
            if !matches!(result, StreamResult::Complete(_)) {
                break;
            }
        }
        if self.ending.await.is_err() {
            return Err(IoError::new(self.failed));
        }
        if let Some(mut observer) = self.observer {
            observer.read(&collected);
        }
        if let Some(mut keeping) = self.keeping
            && keeping.read(&collected)
        {
            keeping.finish().await;
        }
        if let Some(mut filter) = self.filter {
            let mut edited = Vec::new();
            let filtered = filter.push(&collected, &mut edited).and_then(|()| filter.finish(&mut edited));
            return filtered.map(|()| edited.into()).map_err(|BreaksOff| IoError::new(IoErrorKind::Content));
        }
        Ok(collected.freeze())
    }
}

/// The Content-Length in `headers`, if it is a number.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Converts a complete body for the host; the `witness`, if any, learns of its end.
pub(crate) fn of_bytes(content: Bytes, witness: Option<Witness>) -> (StreamReader<u8>, Ending) {
    let (mut sink, bytes) = wit_stream::new();
    spin_sdk::wasip3::spawn(async move {
        let length = content.len();
        // The other end is gone, and did not want the rest.
        let left = sink.write_all(content.into()).await.len();
        if let Some(witness) = witness {
            witness.ended(length.saturating_sub(left) as u64, (left > 0).then_some(IoErrorKind::Client));
        }
    });
    (bytes, no_trailers())
}

/// The ending of a body without trailers.
pub(crate) fn no_trailers() -> Ending {
    wit_future::new(|| Ok(None)).1
}

fn success() -> FutureReader<Result<(), ErrorCode>> {
    wit_future::new(|| Ok(())).1
}
