//! Outbound HTTP: who may be called, and how an exchange fails. Connections are pooled, and every failure gets the error
//! code that Spin gives it (its `factor-outbound-http`).

use std::collections::BTreeMap;
use std::error::Error as _;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderMap, HeaderName, Request, Response, Uri};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::time::{Sleep, timeout};
use wasmtime_wasi_http::{DEFAULT_FORBIDDEN_HEADERS, Error, RequestOptions, WasiBody, WasiHttpHooks};

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);

/// Sends a component's requests.
#[derive(Clone)]
pub(crate) struct Outbound {
    allowed: Arc<[Destination]>,
    components: Arc<BTreeMap<String, SocketAddr>>,
    client: Client<Connector, WasiBody>,
}

impl Outbound {
    /// # Errors
    /// When an entry is not of the form `scheme://host:port`.
    pub(crate) fn new(allowed: &[String], components: &BTreeMap<String, SocketAddr>) -> wasmtime::Result<Self> {
        let allowed = allowed.iter().map(|entry| Destination::parse(entry)).collect::<wasmtime::Result<_>>()?;
        let components = Arc::new(components.clone());
        Ok(Self { allowed, components, client: Client::builder(TokioExecutor::new()).build(Connector) })
    }

    /// Whether the component may connect to `url`.
    pub(crate) fn allows(&self, url: &str, default_port: u16) -> bool {
        let Some((scheme, host, port)) = split(url) else { return false };
        let port = port.and_then(|port| port.parse().ok()).unwrap_or(default_port);
        // Spin puts the components of the application in the place of `*.spin.internal`.
        let is_absent = component(host).is_some_and(|name| !self.components.contains_key(name));
        let mut listed = self.allowed.iter().filter(|destination| !(is_absent && destination.is_any_component()));
        listed.any(|destination| destination.matches(scheme, host, port))
    }
}

/// The component that `host` stands for.
fn component(host: &str) -> Option<&str> {
    host.strip_suffix(".spin.internal")
}

/// `uri` at the place of a component.
fn chained(uri: &Uri, address: SocketAddr) -> Option<Uri> {
    let mut parts = uri.clone().into_parts();
    parts.authority = Some(address.to_string().parse().ok()?);
    Uri::from_parts(parts).ok()
}

type Exchange = (Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

/// A field of `headers` that a component may not set.
pub(crate) fn forbidden(headers: &HeaderMap) -> Option<&HeaderName> {
    // The host itself adds `Host`, and the crate refuses any other.
    headers.keys().find(|name| *name != HOST && DEFAULT_FORBIDDEN_HEADERS.contains(name))
}

impl WasiHttpHooks for Outbound {
    /// Lets a component see the fields of a connection, as Spin 4.1 does: what it sets itself is looked at when it is sent.
    fn is_forbidden_header(&mut self, name: &HeaderName) -> bool {
        *name == HOST
    }

    fn send_request(
        &mut self,
        mut request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Exchange, Error>> + Send> {
        let https = request.uri().scheme() == Some(&http::uri::Scheme::HTTPS);
        if !self.allows(&request.uri().to_string(), if https { 443 } else { 80 }) {
            return Box::new(std::future::ready(Err(Error::HttpRequestDenied)));
        }
        if forbidden(request.headers()).is_some() {
            return Box::new(std::future::ready(Err(Error::HttpProtocolError)));
        }
        request.headers_mut().remove(HOST);
        let is_chained = request.uri().host().is_some_and(|host| component(host).is_some());
        if let Some(component) = request.uri().host().and_then(component) {
            let there = self.components.get(component).and_then(|address| chained(request.uri(), *address));
            let Some(uri) = there else { return Box::new(std::future::ready(Err(Error::DestinationNotFound))) };
            *request.uri_mut() = uri;
        }
        if https {
            return Box::new(async move {
                let (response, io) = wasmtime_wasi_http::default_send_request(request, options).await?;
                Ok((response.map(http_body_util::BodyExt::boxed_unsync), Box::new(io) as _))
            });
        }
        let options = options.unwrap_or_default();
        let connect = options.connect_timeout.unwrap_or(DEFAULT_TIMEOUT);
        let first_byte = options.first_byte_timeout.unwrap_or(DEFAULT_TIMEOUT);
        let between_bytes = options.between_bytes_timeout.unwrap_or(DEFAULT_TIMEOUT);
        let client = self.client.clone();
        Box::new(async move {
            let response = CONNECT_TIMEOUT.scope(connect, client.request(request));
            let response = timeout(first_byte, response).await.map_err(|_| Error::ConnectionReadTimeout)?;
            let response = match response {
                // What Spin answers for a component that fails.
                Err(_) if is_chained => {
                    let failed = crate::inbound::status_only(http::StatusCode::INTERNAL_SERVER_ERROR);
                    return Ok((failed, Box::new(std::future::ready(Ok(()))) as _));
                }
                response => response.map_err(request_error)?,
            };
            let body = |body| BetweenBytes { body, timeout: between_bytes, sleep: None }.boxed_unsync();
            Ok((response.map(body), Box::new(std::future::ready(Ok(()))) as _))
        })
    }
}

/// One entry of `allowed_outbound_hosts`; `None` stands for anything.
struct Destination {
    scheme: Option<String>,
    host: Option<String>,
    port: Option<u16>,
}

impl Destination {
    fn parse(entry: &str) -> wasmtime::Result<Self> {
        let malformed = || wasmtime::format_err!("`{entry}` is not of the form `scheme://host:port`");
        let (scheme, host, port) = split(entry).ok_or_else(malformed)?;
        let port = match (port, scheme) {
            (Some("*"), _) => None,
            (Some(port), _) => Some(port.parse().map_err(|_| malformed())?),
            (None, "http") => Some(80),
            (None, "https") => Some(443),
            (None, "redis") => Some(6379),
            (None, _) => return Err(malformed()),
        };
        let unless_any = |text: &str| (text != "*").then(|| text.to_ascii_lowercase());
        Ok(Self { scheme: unless_any(scheme), host: unless_any(host), port })
    }

    /// Whether it stands for all components of the application.
    fn is_any_component(&self) -> bool {
        self.host.as_deref() == Some("*.spin.internal")
    }

    fn matches(&self, scheme: &str, host: &str, port: u16) -> bool {
        let host = host.to_ascii_lowercase();
        self.scheme.as_deref().is_none_or(|allowed| allowed == scheme)
            && self.host.as_deref().is_none_or(|allowed| match allowed.strip_prefix('*') {
                Some(suffix) => host.ends_with(suffix),
                None => host == allowed,
            })
            && self.port.is_none_or(|allowed| allowed == port)
    }
}

/// Scheme, host and port of a URL; without user information, path and query.
fn split(url: &str) -> Option<(&str, &str, Option<&str>)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit('@').next()?;
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => Some((scheme, host, Some(port))),
        _ => Some((scheme, authority, None)),
    }
}

tokio::task_local! {
    // The pooled client takes no options with a request.
    static CONNECT_TIMEOUT: Duration;
}

#[derive(Clone)]
struct Connector;

impl tower_service::Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<TokioIo<TcpStream>, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let limit = CONNECT_TIMEOUT.try_with(|limit| *limit).unwrap_or(DEFAULT_TIMEOUT);
        Box::pin(async move {
            let unresolved = || Error::DnsError { rcode: Some("address not available".to_owned()), info_code: Some(0) };
            let host = uri.host().ok_or(Error::HttpRequestUriInvalid)?.trim_matches(['[', ']']);
            let addresses = tokio::net::lookup_host((host, uri.port_u16().unwrap_or(80)));
            let addresses: Vec<_> = addresses.await.map_err(|_| unresolved())?.collect();
            let stream = timeout(limit, TcpStream::connect(&*addresses)).await.map_err(|_| Error::ConnectionTimeout)?;
            let stream = stream.map_err(|error| match error.kind() {
                io::ErrorKind::AddrNotAvailable => unresolved(),
                _ => Error::ConnectionRefused,
            })?;
            Ok(TokioIo::new(stream))
        })
    }
}

/// Spin tells a failure to connect from all others, and no more.
fn request_error(error: hyper_util::client::legacy::Error) -> Error {
    match error.source().and_then(|cause| cause.downcast_ref::<Error>()) {
        Some(Error::DnsError { rcode, info_code }) => Error::DnsError { rcode: rcode.clone(), info_code: *info_code },
        Some(Error::ConnectionTimeout) => Error::ConnectionTimeout,
        Some(Error::ConnectionRefused) => Error::ConnectionRefused,
        Some(Error::HttpRequestUriInvalid) => Error::HttpRequestUriInvalid,
        _ => Error::HttpProtocolError,
    }
}

/// A response body that fails after too long a pause.
struct BetweenBytes {
    body: hyper::body::Incoming,
    timeout: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Body for BetweenBytes {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.sleep = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Error::Hyper)));
        }
        let limit = self.timeout;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        ready!(sleep.as_mut().poll(cx));
        Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
