//! Requests to upstreams.

use std::convert::Infallible;
use std::future::ready;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use gateway_core::body::Body;
use gateway_core::http::{framing, trailers};
use gateway_core::plan::Endpoint;
use gateway_core::ports::{
    Deadlines, DecodeError, Decoding, Encoding, Fetch, Filter, Handshake, IoError, IoErrorKind, Observer, Scheme,
    UpstreamCall,
};
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Method, Response, StatusCode};
use spin_sdk::wasip3::clocks::monotonic_clock::{self, Mark};
use spin_sdk::wasip3::http::client;
use spin_sdk::wasip3::http::types as wasi;

use crate::exchange::announce_trailers;
use crate::platform::Spin;
use crate::stream::{Failure, Stream, content_length, no_trailers, of_bytes};
use crate::upload::Progress;
use crate::{errors, fields};

/// No deadline: without one the host has its own.
const NEVER: Duration = Duration::from_secs(365 * 86_400);

impl Fetch for Spin {
    type Stream = Stream;
    type Socket = Infallible;

    async fn fetch(&self, call: &mut UpstreamCall<'_, Stream>) -> Result<Response<Body<Stream>>, IoError> {
        let deadline = call.deadlines.total.map(deadline_after);
        let method = call.method.clone();
        let (upstream, endpoint) = (call.upstream, call.endpoint);
        let first_byte = call.deadlines.first_byte.map(nanoseconds);
        let (request, failure, progress) = outgoing(call)?;
        let sent = {
            let sending = pin!(async {
                match progress {
                    None => Ok(client::send(request).await),
                    Some(progress) => progress.within(first_byte, client::send(request)).await,
                }
            });
            match deadline {
                None => sending.await,
                Some(deadline) => match select(sending, pin!(monotonic_clock::wait_until(deadline))).await {
                    Either::Left((sent, _)) => sent,
                    Either::Right(_) => return Err(IoError::new(IoErrorKind::TotalTimeout)),
                },
            }
        };
        match sent? {
            Ok(response) => incoming(response, &method, deadline),
            Err(code) => {
                if let wasi::ErrorCode::HttpRequestDenied = code {
                    let (name, authority) = (&upstream.name, authority(endpoint));
                    eprintln!("edgeway: upstream `{name}`: `allowed_outbound_hosts` does not list {authority}");
                }
                Err(failure.kind().map_or_else(|| errors::from_upstream(&code), IoError::new))
            }
        }
    }

    /// INVARIANT: no plan for this platform has WebSockets.
    async fn open_socket(&self, _: &mut UpstreamCall<'_, Stream>) -> Result<Handshake<Stream, Infallible>, IoError> {
        Err(IoError::before_send(IoErrorKind::Other))
    }

    fn limit(&self, stream: Stream, limit: u64) -> Stream {
        stream.limited(limit)
    }

    fn observe(&self, stream: Stream, observer: Box<Observer>) -> Stream {
        stream.observed(observer)
    }

    fn filter(&self, stream: Stream, filter: Box<Filter>) -> Stream {
        stream.filtered(filter)
    }

    fn encode(&self, body: Body<Stream>, encoding: Encoding) -> Body<Stream> {
        match body {
            Body::Empty => Body::Empty,
            Body::Full(content) => Body::Stream(Stream::of_content(content).encoded(encoding)),
            Body::Stream(stream) => Body::Stream(stream.encoded(encoding)),
        }
    }

    async fn collect(&self, stream: Stream, limit: u64) -> Result<Bytes, IoError> {
        stream.collect(limit).await
    }

    fn decode(
        &self,
        content: Bytes,
        codings: &[Decoding],
        limit: u64,
    ) -> impl Future<Output = Result<Bytes, DecodeError>> {
        ready(edgeway_codings::decode(content, codings, limit))
    }
}

/// Returns the request, the place where a failure of its content is recorded, and the progress of content from a client.
fn outgoing(call: &mut UpstreamCall<'_, Stream>) -> Result<(wasi::Request, Failure, Option<Progress>), IoError> {
    let unsendable = IoError::new(IoErrorKind::Other);
    let (mut parts, body) = call.take_request(|body| body).into_parts();
    let (mut failure, mut progress) = (Failure::default(), None);
    let (bytes, ending) = match body {
        Body::Empty => {
            // Without a Content-Length the host frames an empty body in chunks, except for methods that usually have
            // none.
            if !matches!(parts.method, Method::GET | Method::HEAD) {
                parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(0));
            }
            (None, no_trailers())
        }
        Body::Full(content) => {
            parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(content.len()));
            let (bytes, ending) = of_bytes(content, None);
            (Some(bytes), ending)
        }
        // The host would send none of the content, and the component can't state the coding.
        Body::Stream(_)
            if matches!(parts.method, Method::GET | Method::HEAD) && !parts.headers.contains_key(CONTENT_LENGTH) =>
        {
            return Err(IoError::before_send(IoErrorKind::LengthRequired));
        }
        Body::Stream(stream) => {
            failure = stream.failure();
            announce_trailers(&mut parts.headers, &stream);
            let (bytes, ending) = stream.into_content(progress.insert(Progress::new()).clone());
            (Some(bytes), ending)
        }
    };
    let headers = fields::write(&parts.headers).map_err(|_| unsendable)?;
    let (request, _) = wasi::Request::new(headers, bytes, ending, Some(options(call.deadlines, progress.is_some())));
    let path = parts.uri.path_and_query().map(|path| path.as_str().to_owned());
    request
        .set_method(&wasi_method(&parts.method))
        .and_then(|()| request.set_scheme(Some(&wasi_scheme(call.endpoint.scheme))))
        .and_then(|()| request.set_authority(Some(&authority(call.endpoint))))
        .and_then(|()| request.set_path_with_query(path.as_deref()))
        .map_err(|()| unsendable)?;
    Ok((request, failure, progress))
}

fn incoming(
    response: wasi::Response,
    method: &Method,
    deadline: Option<Mark>,
) -> Result<Response<Body<Stream>>, IoError> {
    let malformed = IoError::new(IoErrorKind::Protocol);
    let status = StatusCode::from_u16(response.get_status_code()).map_err(|_| malformed)?;
    let mut headers = fields::read(&response.get_headers()).ok_or(malformed)?;
    // The host sends only announced trailers.
    trailers::announce_response(&mut headers);
    // Some hosts leave a length beside a coding: neither this component nor the client may go by it.
    framing::settle(status, &mut headers).map_err(|_| malformed)?;
    let body = if is_bodiless(method, status) || content_length(&headers) == Some(0) {
        Body::Empty
    } else {
        Body::Stream(Stream::of_response(response, &headers, deadline))
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// Returns whether a response has no content, whatever its header fields state (RFC 9112 §6.3).
pub(crate) fn is_bodiless(method: &Method, status: StatusCode) -> bool {
    method == Method::HEAD || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// INVARIANT: an unsupported deadline is no reason to fail; the total one is enforced here.
///
/// The host's deadline for the first byte runs from the beginning: with content from a client it `has_progress` instead.
fn options(deadlines: Deadlines, has_progress: bool) -> wasi::RequestOptions {
    let options = wasi::RequestOptions::new();
    let first_byte = deadlines.first_byte.filter(|_| !has_progress).unwrap_or(NEVER);
    let _ = options.set_connect_timeout(deadlines.connect.map(nanoseconds));
    let _ = options.set_first_byte_timeout(Some(nanoseconds(first_byte)));
    options
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn deadline_after(duration: Duration) -> Mark {
    monotonic_clock::now().saturating_add(nanoseconds(duration))
}

fn authority(endpoint: &Endpoint) -> String {
    let Endpoint { host, port, .. } = endpoint;
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

const fn wasi_scheme(scheme: Scheme) -> wasi::Scheme {
    match scheme {
        Scheme::Http => wasi::Scheme::Http,
        Scheme::Https => wasi::Scheme::Https,
    }
}

fn wasi_method(method: &Method) -> wasi::Method {
    match method.as_str() {
        "GET" => wasi::Method::Get,
        "HEAD" => wasi::Method::Head,
        "POST" => wasi::Method::Post,
        "PUT" => wasi::Method::Put,
        "DELETE" => wasi::Method::Delete,
        "CONNECT" => wasi::Method::Connect,
        "OPTIONS" => wasi::Method::Options,
        "TRACE" => wasi::Method::Trace,
        "PATCH" => wasi::Method::Patch,
        other => wasi::Method::Other(other.to_owned()),
    }
}
