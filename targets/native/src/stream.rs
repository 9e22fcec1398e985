//! A body in transit, from a client or from an upstream.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use gateway_core::body::Body;
use gateway_core::http::trailers;
use gateway_core::plan::Plan;
use gateway_core::ports::{Encoding, Filter, IoErrorKind, Observer};
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Instant;

use crate::encoded::Encoded;
use crate::filtered::Filtered;
use crate::platform::Keeping;
use crate::server::activity::Reading;
use crate::upstream::Lease;

/// A body in transit; dropping it before its end ends the exchange that it belongs to.
#[derive(Debug)]
pub struct Stream {
    /// `None` once it has ended.
    incoming: Option<Incoming>,
    side: Side,
    /// The number of bytes that may still be read.
    left: u64,
    /// Those who see what is read. One place for all of them: a stream is moved often.
    readers: Option<Box<Readers>>,
}

/// Those who see what is read.
#[derive(Debug, Default)]
struct Readers {
    /// The copy that is stored once the body has ended whole.
    keeping: Option<Keeping>,
    observer: Option<Box<Observer>>,
    /// The edits that are made of it on the way.
    filtered: Option<Box<Filtered>>,
    /// The coding that it gets on the way.
    encoded: Option<Box<Encoded>>,
}

impl Readers {
    fn read(&mut self, data: &Bytes) {
        if let Some(observer) = &mut self.observer {
            observer.read(data);
        }
        if self.keeping.as_mut().is_some_and(|keeping| !keeping.read(data)) {
            self.keeping = None;
        }
    }
}

/// The source of a body, and the duties that come with it.
#[derive(Debug)]
enum Side {
    Client(Reading, Arc<Plan>),
    Upstream(Option<Lease>),
}

/// The reason why a body broke off.
#[derive(Debug)]
pub struct StreamError {
    /// The kind of failure.
    pub kind: IoErrorKind,
    source: Option<hyper::Error>,
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            IoErrorKind::BodyTooLarge => f.write_str("the body is larger than its limit"),
            IoErrorKind::TotalTimeout => f.write_str("the body took too long"),
            IoErrorKind::Content => f.write_str("the body can't be edited"),
            IoErrorKind::ClientTimeout => f.write_str("the body did not go on"),
            _ => f.write_str("the body was cut off"),
        }
    }
}

impl StreamError {
    /// One of this kind, without another behind it.
    pub(crate) const fn of(kind: IoErrorKind) -> Self {
        Self { kind, source: None }
    }
}

impl Error for StreamError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|error| error as _)
    }
}

impl Stream {
    /// The body of a client's request; `plan` names the trailers that don't pass.
    pub fn from_client(incoming: Incoming, reading: Reading, plan: Arc<Plan>) -> Self {
        Self::new(incoming, Side::Client(reading, plan))
    }

    /// The body of an upstream's response; its connection is returned at the end.
    pub(crate) fn from_upstream(incoming: Incoming, lease: Lease) -> Self {
        Self::new(incoming, Side::Upstream(Some(lease)))
    }

    const fn new(incoming: Incoming, side: Side) -> Self {
        Self { incoming: Some(incoming), side, left: u64::MAX, readers: None }
    }

    /// A content that is in memory, to be [encoded](Self::encoded).
    #[must_use]
    pub fn of_content(content: Bytes) -> Self {
        let encoded = Some(Box::new(Encoded::of(content)));
        let readers = Some(Box::new(Readers { encoded, ..Readers::default() }));
        Self { incoming: None, side: Side::Upstream(None), left: u64::MAX, readers }
    }

    /// Fails after `limit` bytes.
    #[must_use]
    pub fn limited(mut self, limit: u64) -> Self {
        self.left = self.left.min(limit);
        self
    }

    /// Returns whether its end is another than that of its connection (RFC 9112 §6.3).
    #[must_use]
    pub(crate) fn is_framed(&self) -> bool {
        match &self.side {
            Side::Upstream(Some(lease)) => lease.is_framed(),
            Side::Upstream(None) | Side::Client(..) => true,
        }
    }

    /// Shows `observer` what is read.
    #[must_use]
    pub fn observed(mut self, observer: Box<Observer>) -> Self {
        self.readers.get_or_insert_default().observer = Some(observer);
        self
    }

    /// Edits what is read. Trailers are left out.
    #[must_use]
    pub fn filtered(mut self, filter: Box<Filter>) -> Self {
        let readers = self.readers.get_or_insert_default();
        match &mut readers.filtered {
            Some(filtered) => filtered.then(filter),
            none => *none = Some(Box::new(Filtered::by(filter))),
        }
        self
    }

    /// Encodes what is read. Trailers are left out.
    #[must_use]
    pub fn encoded(mut self, encoding: Encoding) -> Self {
        self.readers.get_or_insert_default().encoded.get_or_insert_default().by(encoding);
        self
    }

    /// Copies what is read for the cache.
    #[must_use]
    pub fn kept(mut self, keeping: Keeping) -> Self {
        self.readers.get_or_insert_default().keeping = Some(keeping);
        self
    }

    /// Reads to the end, but at most `limit` bytes.
    ///
    /// # Errors
    /// [`IoErrorKind::BodyTooLarge`] above `limit`; as [`StreamError`] otherwise.
    pub async fn collect(self, limit: u64) -> Result<Bytes, StreamError> {
        let too_large = || StreamError { kind: IoErrorKind::BodyTooLarge, source: None };
        let mut body = self.limited(limit);
        if body.size_hint().lower() > body.left {
            return Err(too_large());
        }
        let mut first = Bytes::new();
        let mut rest = BytesMut::new();
        while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            let Ok(data) = frame?.into_data() else { continue };
            if first.is_empty() {
                first = data;
            } else {
                if rest.is_empty() {
                    rest.extend_from_slice(&first);
                }
                rest.extend_from_slice(&data);
            }
        }
        Ok(if rest.is_empty() { first } else { rest.freeze() })
    }

    fn fail(&mut self, error: hyper::Error) -> StreamError {
        let kind = match &mut self.side {
            Side::Client(reading, _) => {
                reading.break_off();
                IoErrorKind::Client
            }
            Side::Upstream(lease) => match lease.take() {
                Some(lease) if lease.overdue() => IoErrorKind::TotalTimeout,
                _ => IoErrorKind::Closed,
            },
        };
        StreamError { kind, source: Some(error) }
    }

    /// Returns whether a body that seems to have ended was cut off. hyper takes a stream that was reset with NO_ERROR for one
    /// that has ended, but only END_STREAM says that all of it has come (RFC 9113 §8.1).
    fn is_cut(&self) -> bool {
        let is_shared = match &self.side {
            Side::Client(reading, _) => matches!(reading, Reading::Shared(_)),
            Side::Upstream(lease) => lease.as_ref().is_some_and(Lease::is_shared),
        };
        is_shared && !self.has_ended()
    }

    /// Returns whether all of it has come.
    fn has_ended(&self) -> bool {
        self.incoming.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn cut(&mut self) -> StreamError {
        let kind = match &self.side {
            Side::Client(..) => IoErrorKind::Client,
            Side::Upstream(_) => IoErrorKind::Closed,
        };
        // What its side owes at the end of a body is not owed for this one.
        self.side = Side::Upstream(None);
        StreamError { kind, source: None }
    }

    /// Removes the trailers that go no further; false if none are left.
    fn may_pass(&self, trailers: &mut HeaderMap) -> bool {
        match &self.side {
            Side::Client(_, plan) => trailers::strip_request(trailers, &plan.identity),
            Side::Upstream(_) => trailers::strip_response(trailers),
        }
        !trailers.is_empty()
    }

    /// Leaves the rest of a request's body to its connection.
    fn leave(&mut self) {
        if let Side::Client(reading, _) = &self.side
            && let Some(incoming) = self.incoming.take()
            && !incoming.is_end_stream()
        {
            reading.leave(incoming);
        }
    }

    fn finish(&mut self) {
        if let Some(keeping) = self.readers.as_mut().and_then(|readers| readers.keeping.take()) {
            keeping.finish();
        }
        match &mut self.side {
            Side::Client(reading, _) => reading.end(),
            Side::Upstream(lease) => {
                if let Some(lease) = lease.take() {
                    lease.give_back();
                }
            }
        }
    }
}

impl HttpBody for Stream {
    type Data = Bytes;
    type Error = StreamError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, StreamError>>> {
        let this = self.get_mut();
        let encoded = this.readers.as_mut().and_then(|readers| readers.encoded.take());
        let Some(mut encoded) = encoded else { return this.poll_filtered(cx) };
        let polled = encoded.poll(cx, |cx| this.poll_filtered(cx));
        this.readers.get_or_insert_default().encoded = Some(encoded);
        polled
    }

    fn is_end_stream(&self) -> bool {
        match (self.encoding(), self.filtering()) {
            (Some(encoded), _) => encoded.has_ended(),
            (None, Some(filtered)) => filtered.has_ended(),
            (None, None) => self.has_ended(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self.encoding().map(drop).or(self.filtering().map(drop)) {
            None => self.incoming.as_ref().map_or_else(|| SizeHint::with_exact(0), Incoming::size_hint),
            Some(_) => SizeHint::default(),
        }
    }
}

impl Stream {
    /// The coding that it gets on the way, if it does.
    fn encoding(&self) -> Option<&Encoded> {
        self.readers.as_ref()?.encoded.as_deref()
    }

    /// The edits that are made of it on the way, if there are some.
    fn filtering(&self) -> Option<&Filtered> {
        self.readers.as_ref()?.filtered.as_deref()
    }

    fn poll_filtered(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, StreamError>>> {
        let filtered = self.readers.as_mut().and_then(|readers| readers.filtered.take());
        let Some(mut filtered) = filtered else { return self.poll_plain(cx) };
        let polled = filtered.poll(cx, |cx| self.poll_plain(cx));
        self.readers.get_or_insert_default().filtered = Some(filtered);
        if let Poll::Ready(Some(Err(StreamError { kind: IoErrorKind::Content, .. }))) = polled {
            // The sender has no say in it any more, and its connection is used for nothing else.
            self.leave();
            self.incoming = None;
            self.side = Side::Upstream(None);
        }
        polled
    }

    fn poll_plain(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, StreamError>>> {
        let this = self;
        if let Side::Upstream(Some(lease)) = &mut this.side
            && lease.poll_overdue(cx)
        {
            this.side = Side::Upstream(None);
            return Poll::Ready(Some(Err(StreamError { kind: IoErrorKind::TotalTimeout, source: None })));
        }
        let Some(incoming) = &mut this.incoming else { return Poll::Ready(None) };
        if let Some(Readers { keeping: Some(keeping), .. }) = this.readers.as_deref() {
            keeping.goes_on();
        }
        let polled = Pin::new(incoming).poll_frame(cx);
        if let Side::Client(reading, _) = &this.side
            && reading.set_waiting(polled.is_pending(), cx)
        {
            reading.break_off();
            this.incoming = None;
            return Poll::Ready(Some(Err(StreamError { kind: IoErrorKind::ClientTimeout, source: None })));
        }
        if let Side::Upstream(Some(lease)) = &mut this.side
            && lease.poll_waiting(polled.is_pending(), cx)
        {
            this.side = Side::Upstream(None);
            return Poll::Ready(Some(Err(StreamError { kind: IoErrorKind::TotalTimeout, source: None })));
        }
        match ready!(polled) {
            Some(Ok(mut frame)) => {
                if let Some(data) = frame.data_ref() {
                    if let Some(readers) = &mut this.readers {
                        readers.read(data);
                    }
                    match &this.side {
                        Side::Client(reading, _) => reading.read(data.len()),
                        Side::Upstream(_) => {}
                    }
                    let Some(left) = this.left.checked_sub(data.len() as u64) else {
                        this.leave();
                        this.side = Side::Upstream(None);
                        return Poll::Ready(Some(Err(StreamError { kind: IoErrorKind::BodyTooLarge, source: None })));
                    };
                    this.left = left;
                }
                if let Some(trailers) = frame.trailers_mut() {
                    // They are the end of a message, whether they pass or not (RFC 9112 §7.1.2, RFC 9113 §8.1).
                    let pass = this.may_pass(trailers);
                    this.incoming = None;
                    this.finish();
                    return Poll::Ready(pass.then_some(Ok(frame)));
                }
                if this.has_ended() {
                    this.finish();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Err(error)) => {
                this.incoming = None;
                Poll::Ready(Some(Err(this.fail(error))))
            }
            None if this.is_cut() => Poll::Ready(Some(Err(this.cut()))),
            None => {
                this.incoming = None;
                this.finish();
                Poll::Ready(None)
            }
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.leave();
    }
}

/// The body of a request that hyper sends. It is small, because most requests have none, and hyper moves a request a
/// dozen times.
#[derive(Debug)]
pub struct Content(pub Option<Box<Upload>>);

/// The body of a request that has one.
#[derive(Debug)]
pub struct Upload {
    body: Outgoing,
    handing: Arc<Handing>,
}

/// The handing on of a body to the upstream. It takes more by asking for it.
#[derive(Debug)]
pub(crate) struct Handing {
    begun: Instant,
    /// The time at which all of it was handed on.
    ended: OnceLock<Instant>,
    /// The time since which the upstream has not asked for more, in milliseconds since the begin and one more; 0 is never.
    offered: AtomicU64,
    /// The body, if nothing of it was handed on, and it may go elsewhere.
    left: Mutex<Option<Body<Stream>>>,
}

impl Handing {
    fn new() -> Self {
        Self { begun: Instant::now(), ended: OnceLock::new(), offered: AtomicU64::new(0), left: Mutex::default() }
    }

    /// Takes the body that was [left](Content::leave).
    pub(crate) fn take_left(&self) -> Option<Body<Stream>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The time at which all of it was handed on, once it was.
    pub(crate) fn ended(&self) -> Option<Instant> {
        self.ended.get().copied()
    }

    /// The time since which the upstream has not asked for more; none if it is the client that is waited for.
    pub(crate) fn offered(&self) -> Option<Instant> {
        let millis = self.offered.load(Ordering::Relaxed).checked_sub(1)?;
        Some(self.begun + Duration::from_millis(millis))
    }

    /// Records that the upstream is to ask for more.
    pub(crate) fn offer(&self) {
        let millis = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.offered.store(millis.saturating_add(1), Ordering::Relaxed);
    }

    /// Records that the client is waited for.
    fn wait(&self) {
        self.offered.store(0, Ordering::Relaxed);
    }

    fn end(&self) {
        self.wait();
        let _ = self.ended.set(Instant::now());
    }
}

impl Content {
    /// The body of a request.
    pub fn new(body: Body<Stream>) -> Self {
        Self(if body.is_empty() {
            None
        } else {
            Some(Box::new(Upload { body: Outgoing(body), handing: Arc::new(Handing::new()) }))
        })
    }

    /// Leaves a body that comes from a client, of which nothing was handed on, to who sends the request.
    pub(crate) fn leave(mut self) {
        if let Some(upload) = &mut self.0 {
            let body = std::mem::replace(&mut upload.body.0, Body::Empty);
            *upload.handing.left.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        }
    }

    /// The handing on of a body that comes from a client.
    pub(crate) fn handing(&self) -> Option<&Arc<Handing>> {
        self.0.as_ref().filter(|upload| matches!(upload.body.0, Body::Stream(_))).map(|upload| &upload.handing)
    }
}

impl Drop for Upload {
    /// A body that is given up has ended too.
    fn drop(&mut self) {
        self.handing.end();
    }
}

impl HttpBody for Content {
    type Data = Bytes;
    type Error = StreamError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, StreamError>>> {
        match &mut self.get_mut().0 {
            Some(upload) => {
                let polled = Pin::new(&mut upload.body).poll_frame(cx);
                if matches!(polled, Poll::Ready(None)) || polled.is_ready() && upload.body.is_end_stream() {
                    upload.handing.end();
                } else if polled.is_ready() {
                    upload.handing.offer();
                } else {
                    upload.handing.wait();
                }
                polled
            }
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(|upload| upload.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or_else(|| SizeHint::with_exact(0), |upload| upload.body.size_hint())
    }
}

/// The body of a message that hyper sends.
#[derive(Debug)]
pub struct Outgoing(pub Body<Stream>);

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = StreamError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, StreamError>>> {
        match &mut self.get_mut().0 {
            Body::Empty => Poll::Ready(None),
            full @ Body::Full(_) => match std::mem::take(full) {
                Body::Full(bytes) if !bytes.is_empty() => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                _ => Poll::Ready(None),
            },
            Body::Stream(stream) => Pin::new(stream).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Body::Empty => true,
            Body::Full(bytes) => bytes.is_empty(),
            Body::Stream(stream) => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Body::Empty => SizeHint::with_exact(0),
            Body::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Body::Stream(stream) => stream.size_hint(),
        }
    }
}
