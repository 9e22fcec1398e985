//! One request and its response.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use gateway_core::body::Body;
use gateway_core::config::AccessLog;
use gateway_core::error::Reject;
use gateway_core::gateway::{Outcome, Record};
use gateway_core::http::request_id;
use gateway_core::plan::Plan;
use gateway_core::time::Timestamp;
use http::header::{CONNECTION, COOKIE, HeaderValue};
use http::{HeaderMap, Method, Request, Response, Uri, Version};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;

use super::access_log::Line;
use super::activity::Reading;
use super::connection::Connection;
use super::stall::StreamWatch;
use super::worker::Serving;
use crate::platform::now;
use crate::stream::{Outgoing, Stream, StreamError};

/// Answers `request`.
pub(super) async fn exchange(
    connection: Arc<Connection>,
    serving: Arc<Serving>,
    request: Request<Incoming>,
) -> Result<Response<Reply>, Infallible> {
    let checked = connection.activity.begin(&request);
    let mut exchange = Exchange::new(connection, &serving, &request);
    let outcome = match checked {
        Ok(()) => {
            let plan = serving.gateway.plan();
            let mut request = request.map(|incoming| exchange.body(incoming, plan));
            if request.version() == Version::HTTP_2 {
                join_cookies(request.headers_mut());
            }
            // Pinned where it is made: awaited as it is, its state would be copied once more.
            pin!(serving.gateway.handle(request, exchange.connection.peer)).await
        }
        Err(reject) => refuse(&serving, &request, *reject),
    };
    let serving_ends = exchange.connection.is_last();
    if let Some(entry) = &mut exchange.entry {
        entry.status = outcome.response.status().as_u16();
        entry.record = Some(outcome.record);
        // hyper never asks for a body that is known to be empty.
        entry.complete = matches!(outcome.response.body(), Body::Empty);
    }
    let mut response = outcome.response.map(|body| Reply { body: Outgoing(body), exchange });
    if serving_ends {
        // RFC 9112 §9.6: the client is told to send no more.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

/// HTTP/2 may split `Cookie` into several fields, which HTTP/1.1 does not know (RFC 9113 §8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let lines: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if lines.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&lines.join(&b"; "[..]))
    {
        headers.insert(COOKIE, joined);
    }
}

fn refuse(serving: &Serving, request: &Request<Incoming>, reject: Reject) -> Outcome<Stream> {
    let request_id = request_id::ensure(&mut request.headers().clone(), serving.gateway.platform());
    let record =
        Record { route: None, upstream: None, error: Some(reject.code), request_id: request_id.clone(), client: None };
    let mut response = reject.into_response(request.method() == Method::HEAD, &request_id);
    response.headers_mut().insert(request_id::X_REQUEST_ID, request_id);
    Outcome { response, record }
}

/// What is known of an exchange until it ends; dropped then, however it ends.
#[derive(Debug)]
struct Exchange {
    connection: Arc<Connection>,
    /// Its own, on a connection that several share.
    watch: Option<Arc<StreamWatch>>,
    entry: Option<Box<Entry>>,
}

/// What the access log says of an exchange.
#[derive(Debug)]
struct Entry {
    serving: Arc<Serving>,
    time: Timestamp,
    begun: Instant,
    method: Method,
    uri: Uri,
    status: u16,
    record: Option<Record>,
    bytes: u64,
    complete: bool,
}

/// What nginx logs when the client left before a response was made.
const CLIENT_GONE: u16 = 499;

impl Exchange {
    fn new<B>(connection: Arc<Connection>, serving: &Arc<Serving>, request: &Request<B>) -> Self {
        let entry = (serving.settings.access_log != AccessLog::Off).then(|| {
            Box::new(Entry {
                serving: Arc::clone(serving),
                time: now(),
                begun: Instant::now(),
                method: request.method().clone(),
                uri: request.uri().clone(),
                status: CLIENT_GONE,
                record: None,
                bytes: 0,
                complete: false,
            })
        });
        let watch = if connection.activity.is_multiplexed() { StreamWatch::current() } else { None };
        Self { connection, watch, entry }
    }

    fn body(&self, incoming: Incoming, plan: &Arc<Plan>) -> Body<Stream> {
        if incoming.is_end_stream() {
            Body::Empty
        } else {
            let reading = match &self.watch {
                Some(watch) => Reading::Shared(Arc::clone(watch)),
                None => Reading::Alone(Arc::clone(&self.connection.activity)),
            };
            Body::Stream(Stream::from_client(incoming, reading, Arc::clone(plan)))
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.connection.activity.end();
        let Some(entry) = &self.entry else { return };
        let plan = entry.serving.gateway.plan();
        let record = entry.record.as_ref();
        let route = record.and_then(|record| plan.routes.get(record.route?));
        let upstream = record.and_then(|record| plan.upstreams.get(record.upstream?));
        // Behind a trusted proxy, the client is not who connected.
        let behind =
            record.and_then(|record| record.client).filter(|client| Some(*client) != self.connection.peer.address);
        let behind = behind.map(|client| client.to_canonical().to_string());
        let line = Line {
            time: entry.time,
            method: entry.method.as_str(),
            path: entry.uri.path(),
            status: entry.status,
            route: route.map(|route| route.name.as_str()),
            upstream: upstream.map(|upstream| upstream.name.as_str()),
            bytes: entry.bytes,
            duration: entry.begun.elapsed(),
            request_id: record.and_then(|record| record.request_id.to_str().ok()).unwrap_or_default(),
            client: behind.as_deref().unwrap_or(&self.connection.client),
            error: record.and_then(|record| record.error),
            complete: entry.complete,
        };
        let mut log = self.connection.worker.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.log(entry.serving.settings.access_log, &line);
    }
}

/// The body of a response to a client.
#[derive(Debug)]
pub(super) struct Reply {
    body: Outgoing,
    exchange: Exchange,
}

impl HttpBody for Reply {
    type Data = Bytes;
    type Error = StreamError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, StreamError>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        if let Some(watch) = &this.exchange.watch {
            // What was made of the response is asked for again once the client has taken it.
            watch.set_written(matches!(polled, Poll::Ready(Some(Ok(_)))));
        }
        if let (Poll::Ready(result), Some(entry)) = (&polled, &mut this.exchange.entry) {
            match result {
                Some(Ok(frame)) => {
                    entry.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                    entry.complete = this.body.is_end_stream();
                }
                Some(Err(_)) => {}
                None => entry.complete = true,
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
