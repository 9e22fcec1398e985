//! Stands in for the gateway until it is there: sends everything to the first upstream.
use core::time::Duration;

use gateway_core::body::Body;
use gateway_core::gateway::{Outcome, Record};
use gateway_core::plan::Upstream;
use gateway_core::ports::{Deadlines, Fetch as _, Peer, Random as _, Scheme, UpstreamCall};
use http::{HeaderValue, Request, Response, StatusCode};

use crate::platform::{Handle, Worker};

pub(crate) fn load(text: &str) -> Result<Upstream, String> {
    let config: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let url = config
        .get("upstreams")
        .and_then(|all| all.as_object())
        .and_then(|all| all.values().next())
        .and_then(|one| one.get("url"))
        .and_then(|url| url.as_str())
        .ok_or("no upstream")?;
    let authority = url.strip_prefix("http://").ok_or("no http")?;
    Ok(Upstream {
        index: 0,
        name: "first".to_owned(),
        scheme: Scheme::Http,
        host: String::new(),
        port: 0,
        authority: HeaderValue::from_str(authority).map_err(|error| error.to_string())?,
        base_path: String::new(),
        authorities: None,
    })
}

pub(crate) async fn handle(upstream: &Upstream, mut request: Request<Body<Handle>>, peer: Peer) -> Outcome<Handle> {
    for name in ["connection", "keep-alive", "te", "upgrade"] {
        request.headers_mut().remove(name);
    }
    let headers = request.headers_mut();
    let address = peer.address.map_or_else(|| "unknown".to_owned(), |address| address.to_string());
    let id = format!("{:016x}{:016x}", Worker.next_u64(), Worker.next_u64());
    let value = |text: &str| HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""));
    headers.insert("x-forwarded-for", value(&address));
    headers.insert("x-forwarded-proto", value(peer.scheme.as_str()));
    let host = headers.insert("host", upstream.authority.clone());
    if let Some(host) = host {
        headers.insert("x-forwarded-host", host);
    }
    headers.insert("x-request-id", value(&id));
    headers.insert("traceparent", value(&format!("00-{id}-{:016x}-01", Worker.next_u64())));
    headers.append("via", value("1.1 edgeway"));
    headers.append("cdn-loop", value("edgeway"));
    let deadlines = Deadlines { first_byte: Some(Duration::from_secs(30)), ..Deadlines::default() };
    let mut response = match Worker.fetch(UpstreamCall { upstream, request, deadlines }).await {
        Ok(response) => response,
        Err(error) => {
            let mut response = Response::new(Body::Full(format!("{error:?}").into()));
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response
        }
    };
    response.headers_mut().append("via", value("1.1 edgeway"));
    response.headers_mut().insert("x-request-id", value(&id));
    Outcome { response, record: Record::default() }
}
