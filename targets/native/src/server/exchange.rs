//! One request and its response.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use gateway_core::body::Body;
use gateway_core::gateway::{After, Ended, Length, Record, Reply as Answer};
use gateway_core::ports::IoErrorKind;
use http::header::{CONNECTION, COOKIE, EXPECT, HeaderValue};
use http::{HeaderMap, Request, Response, Version};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::runtime::Handle;

use super::activity::Reading;
use super::connection::Connection;
use super::socket::{self, WayOut};
use super::stall::StreamWatch;
use super::worker::Serving;
use crate::stream::{Outgoing, Stream, StreamError};

/// Answers `request`.
///
/// # Errors
/// When it is refused for want of room, by the reset of its stream.
pub(super) async fn exchange(
    connection: Arc<Connection>,
    serving: Arc<Serving>,
    mut request: Request<Incoming>,
) -> Result<Response<Reply>, h2::Error> {
    if connection.activity.is_multiplexed() && StreamWatch::current().is_some_and(|watch| watch.is_refused()) {
        return Err(h2::Reason::REFUSED_STREAM.into());
    }
    let checked = connection.begin(&request);
    // On the heap: it goes along with the response, which hyper moves several times.
    let mut exchange = Box::new(Exchange::new(connection, serving, &request));
    let answer = match checked {
        Ok(()) => {
            let way_out = WayOut::of(&mut request, &exchange.connection.worker.ticker);
            let awaits_continue = !request.body().is_end_stream() && awaits_continue(&request);
            let mut request = request.map(|incoming| exchange.body(incoming, awaits_continue));
            let gateway = &exchange.serving.gateway;
            if request.version() == Version::HTTP_2 {
                join_cookies(request.headers_mut());
            }
            // Pinned in place: a plain await would copy its state once more.
            let outcome = pin!(gateway.handle(request, &exchange.connection.peer, &mut exchange.record)).await;
            if !outcome.after.is_empty() {
                run_all(&exchange.serving, outcome.after);
            }
            match outcome.reply {
                Answer::Http(response) => response,
                Answer::Upgrade(head, upstream) => return Ok(socket::open(exchange, head, upstream, way_out)),
            }
        }
        Err(reject) => {
            let asked = !awaits_continue(&request);
            let (head, body) = request.into_parts();
            exchange.connection.activity.leave(body, asked);
            let gateway = &exchange.serving.gateway;
            gateway.refuse(&head.method, &head.headers, *reject, &mut exchange.record)
        }
    };
    let serving_ends = exchange.connection.is_last() || exchange.connection.activity.closes();
    // hyper never polls a body that is known to be empty.
    exchange.ending = if matches!(answer.body(), Body::Empty) { Ending::Whole } else { Ending::Left };
    let mut response = answer.map(|body| Reply { body: Outgoing(body), exchange: Some(exchange) });
    if serving_ends {
        // RFC 9112 §9.6: tells the client to send no more requests.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

/// Returns whether the client sends the content of `request` once it is asked for it: no other expectation is defined, and HTTP/1.0
/// has none (RFC 9110 §10.1.1).
fn awaits_continue<B>(request: &Request<B>) -> bool {
    let expectation = request.headers().get(EXPECT);
    expectation.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
        && request.version() > Version::HTTP_10
}

/// Starts the gateway's deferred work.
fn run_all(serving: &Arc<Serving>, work: Vec<After>) {
    for work in work {
        // There is no runtime once it shuts down; remaining work is lost, as in a crash.
        let Ok(runtime) = Handle::try_current() else { return };
        let serving = Arc::clone(serving);
        runtime.spawn(async move { serving.gateway.run_after(work).await });
    }
}

/// Joins the fields of `Cookie`: HTTP/2 may split it, HTTP/1.1 must not (RFC 9113 §8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let lines: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if lines.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&lines.join(&b"; "[..]))
    {
        headers.insert(COOKIE, joined);
    }
}

/// An open exchange; dropped at its end, whatever the reason.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) connection: Arc<Connection>,
    pub(super) serving: Arc<Serving>,
    /// The watch of its own stream, on a shared connection.
    watch: Option<Arc<StreamWatch>>,
    pub(super) record: Record,
    /// Set if the request has a body.
    has_body: bool,
    /// The bytes from the client through a tunnel.
    pub(super) received: Option<u64>,
    /// The bytes sent of the response's body, or through a tunnel.
    pub(super) sent: u64,
    pub(super) ending: Ending,
    /// The failure of the response's body that its head goes before.
    failed: Option<StreamError>,
}

/// The end of a response's body or of a tunnel, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ending {
    /// All of it was sent.
    Whole,
    /// The client left before the end, unless another end is recorded.
    Left,
    /// It was cut off on our side.
    Cut(IoErrorKind),
}

impl Exchange {
    fn new<B>(connection: Arc<Connection>, serving: Arc<Serving>, request: &Request<B>) -> Self {
        let watch = if connection.activity.is_multiplexed() { StreamWatch::current() } else { None };
        let record = serving.gateway.begin(request, &connection.peer);
        let (has_body, received, sent, ending, failed) = (false, None, 0, Ending::Left, None);
        Self { connection, serving, watch, record, has_body, received, sent, ending, failed }
    }

    fn body(&mut self, incoming: Incoming, awaits_continue: bool) -> Body<Stream> {
        if incoming.is_end_stream() {
            Body::Empty
        } else {
            self.has_body = true;
            let reading = self.reading();
            reading.begin(awaits_continue);
            Body::Stream(Stream::from_client(incoming, reading, Arc::clone(self.serving.gateway.plan())))
        }
    }

    fn reading(&self) -> Reading {
        match &self.watch {
            Some(watch) => Reading::Shared(Arc::clone(watch)),
            None => Reading::Alone(Arc::clone(&self.connection.activity)),
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.connection.activity.end();
        let cut = match self.ending {
            Ending::Whole => None,
            Ending::Left => Some(IoErrorKind::Client),
            Ending::Cut(kind) => Some(kind),
        };
        let received = self.received.or_else(|| self.has_body.then(|| self.reading().received()));
        let ended = Ended { received, sent: Length::Counted(self.sent), cut };
        let left = self.serving.gateway.ended(core::mem::take(&mut self.record), &ended);
        if !left.is_empty() {
            run_all(&self.serving, left);
        }
    }
}

/// The body of a response to a client.
#[derive(Debug)]
pub(super) struct Reply {
    body: Outgoing,
    /// `None` if a tunnel holds the exchange.
    exchange: Option<Box<Exchange>>,
}

impl Reply {
    /// An empty body.
    pub(super) fn without_body() -> Self {
        Self { body: Outgoing(Body::Empty), exchange: None }
    }
}

impl HttpBody for Reply {
    type Data = Bytes;
    type Error = StreamError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, StreamError>>> {
        let this = self.get_mut();
        if let Some(exchange) = &mut this.exchange
            && let Some(error) = exchange.failed.take()
        {
            return Poll::Ready(Some(Err(error)));
        }
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        let Some(exchange) = &mut this.exchange else { return polled };
        if let Some(watch) = &exchange.watch {
            // More of the response is polled once the client has taken this part.
            watch.set_written(matches!(polled, Poll::Ready(Some(Ok(_)))));
        }
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                exchange.sent += frame.data_ref().map_or(0, |data| data.len() as u64);
                if this.body.is_end_stream() {
                    exchange.ending = Ending::Whole;
                }
            }
            Poll::Ready(Some(Err(error))) => exchange.ending = Ending::Cut(error.kind),
            Poll::Ready(None) => exchange.ending = Ending::Whole,
            Poll::Pending => {}
        }
        // With a body that fails at once hyper would drop the head, which is the client's to know: it is sent while this waits.
        if exchange.sent == 0
            && let Poll::Ready(Some(Err(error))) = polled
        {
            exchange.failed = Some(error);
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if exchange.watch.is_none() {
            return polled;
        }
        let activity = &exchange.connection.activity;
        polled.map_ok(|frame| frame.map_data(|piece| activity.unsent(piece)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
