//! The demo's operations.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, LOCATION};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use serde_json::{Map, Value, json};

use super::data;

/// The largest body that is read, in bytes.
const MAX_BODY: usize = 1 << 20;

/// The longest wait of `/slow`.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// Answers a request to the demo.
pub(super) async fn answer(request: Request<Incoming>) -> Result<Response<Answer>, Infallible> {
    let (head, body) = request.into_parts();
    let mut segments = head.uri.path().trim_matches('/').split('/');
    let place = (segments.next().unwrap_or_default(), segments.next(), segments.next());
    let reading = matches!(head.method, Method::GET | Method::HEAD);
    Ok(match place {
        ("users", None, _) if reading => json_response(StatusCode::OK, &data::users()),
        ("users", None, _) if head.method == Method::POST => create(body).await,
        ("users", Some(id), None) if reading => found(data::user(id)),
        ("orders", None, _) if reading => {
            json_response(StatusCode::OK, &data::orders(parameter(&head.uri, "user").as_deref()))
        }
        ("orders", Some(id), None) if reading => found(data::order(id)),
        ("echo", ..) => match read(body).await {
            Ok(body) => json_response(StatusCode::OK, &echo(&head.method, &head.uri, &head.headers, &body)),
            Err(status) => problem(status),
        },
        ("slow", None, _) if reading => {
            let millis = number(&head.uri, "ms").unwrap_or(1_000);
            tokio::time::sleep(Duration::from_millis(millis).min(MAX_WAIT)).await;
            json_response(StatusCode::OK, &json!({ "waited": millis }))
        }
        ("stream", None, _) if reading => stream(number(&head.uri, "bytes").unwrap_or(1 << 20)),
        ("upload", None, _) => upload(body).await,
        ("users" | "orders" | "slow" | "stream", ..) if !reading => problem(StatusCode::METHOD_NOT_ALLOWED),
        _ => problem(StatusCode::NOT_FOUND),
    })
}

async fn create(body: Incoming) -> Response<Answer> {
    let body = match read(body).await {
        Ok(body) => body,
        Err(status) => return problem(status),
    };
    let Ok(Value::Object(mut user)) = serde_json::from_slice(&body) else {
        return problem(StatusCode::BAD_REQUEST);
    };
    user.insert("id".to_owned(), json!(6));
    let mut response = json_response(StatusCode::CREATED, &Value::Object(user));
    response.headers_mut().insert(LOCATION, HeaderValue::from_static("/users/6"));
    response
}

/// Counts the bytes of a body, without keeping them.
async fn upload(mut body: Incoming) -> Response<Answer> {
    let mut bytes = 0_u64;
    while let Some(frame) = next(&mut body).await {
        let Ok(frame) = frame else { return problem(StatusCode::BAD_REQUEST) };
        bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
    }
    json_response(StatusCode::OK, &json!({ "bytes": bytes }))
}

/// Returns the request as the upstream received it.
fn echo(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Value {
    let mut fields = Map::new();
    for name in headers.keys() {
        let values: Vec<_> = headers.get_all(name).iter().map(|value| text(value.as_bytes())).collect();
        fields.insert(name.as_str().to_owned(), json!(values.join(", ")));
    }
    json!({ "method": method.as_str(), "path": uri.path(), "query": uri.query(), "headers": fields, "body": text(body) })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn stream(bytes: u64) -> Response<Answer> {
    let mut response = Response::new(Answer::Stream { left: bytes });
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes));
    response
}

fn found(value: Option<Value>) -> Response<Answer> {
    value.map_or_else(|| problem(StatusCode::NOT_FOUND), |value| json_response(StatusCode::OK, &value))
}

fn problem(status: StatusCode) -> Response<Answer> {
    json_response(status, &json!({ "error": status.canonical_reason() }))
}

fn json_response(status: StatusCode, value: &Value) -> Response<Answer> {
    let mut response = Response::new(Answer::Full(Some(Bytes::from(format!("{value}\n")))));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn number(uri: &Uri, name: &str) -> Option<u64> {
    parameter(uri, name)?.parse().ok()
}

fn parameter(uri: &Uri, name: &str) -> Option<String> {
    let pairs = uri.query()?.split('&');
    pairs.filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}

async fn next(body: &mut Incoming) -> Option<Result<Frame<Bytes>, hyper::Error>> {
    std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await
}

async fn read(mut body: Incoming) -> Result<Vec<u8>, StatusCode> {
    let mut bytes = Vec::new();
    while let Some(frame) = next(&mut body).await {
        let frame = frame.map_err(|_| StatusCode::BAD_REQUEST)?;
        if let Some(data) = frame.data_ref() {
            if bytes.len() + data.len() > MAX_BODY {
                return Err(StatusCode::PAYLOAD_TOO_LARGE);
            }
            bytes.extend_from_slice(data);
        }
    }
    Ok(bytes)
}

/// A body of the demo.
#[derive(Debug)]
pub(super) enum Answer {
    Full(Option<Bytes>),
    Stream { left: u64 },
}

static CHUNK: [u8; 16 * 1024] = [b'.'; 16 * 1024];

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let chunk = match self.get_mut() {
            Self::Full(bytes) => bytes.take(),
            Self::Stream { left: 0 } => None,
            Self::Stream { left } => {
                let length = usize::try_from(*left).map_or(CHUNK.len(), |left| left.min(CHUNK.len()));
                *left -= length as u64;
                CHUNK.get(..length).map(Bytes::from_static)
            }
        };
        Poll::Ready(chunk.map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Full(None) | Self::Stream { left: 0 })
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Full(bytes) => bytes.as_ref().map_or(0, |bytes| bytes.len() as u64),
            Self::Stream { left } => *left,
        })
    }
}
