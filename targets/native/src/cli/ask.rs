//! Requests of the admin endpoints of a gateway that runs.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::output::sayln;

/// The longest that a request takes.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The most bytes of an answer.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// What opens the endpoints, in messages.
const HOW: &str =
    "they are there by `\"server\": {\"admin\": \"9901\"}` in the configuration, or by a path with a token (`admin`)";

/// The gateway that is asked.
#[derive(Debug, Args)]
pub(super) struct AdminArgs {
    /// Its admin endpoints: `http://localhost:9901`, or `https://gw.example.com/.edgeway`
    #[arg(long, value_name = "URL")]
    pub(super) admin: Uri,
    /// The environment variable with the token that they ask for
    #[arg(long, value_name = "NAME", default_value = "EDGEWAY_ADMIN_TOKEN")]
    pub(super) token_env: String,
}

impl AdminArgs {
    /// Asks for the endpoint at `path`, whose parts are percent-encoded, and returns the content of the answer.
    ///
    /// # Errors
    /// When there is none, or it is an error; that is told.
    pub(super) fn ask(&self, method: Method, path: &str, content: Option<&Value>) -> Result<Value, ExitCode> {
        let token = std::env::var(&self.token_env).ok();
        self.exchange(method, path, content, token.as_deref()).map_err(|message| {
            sayln!("error: {message}");
            ExitCode::FAILURE
        })
    }

    fn exchange(
        &self,
        method: Method,
        path: &str,
        content: Option<&Value>,
        token: Option<&str>,
    ) -> Result<Value, String> {
        // At the address of a proxied service a change would be that service's: what is there is asked first. A check of health is
        // one request.
        if path != "/ready" {
            let (status, told) = self.answer(Method::GET, "/version", None, token)?;
            if !is_gateway(status, &told) {
                return Err(format!("{} has no admin endpoints: {HOW}", self.admin));
            }
        }
        let (status, told) = self.answer(method, path, content, token)?;
        if status.is_success() {
            return Ok(told);
        }
        let of = |member: &str| told.get(member).and_then(Value::as_str).map(str::to_owned);
        let title = of("title").unwrap_or_else(|| format!("the status is {status}"));
        let hint = if status == http::StatusCode::UNAUTHORIZED {
            format!("; set {} to the token of {}", self.token_env, opened_by(path))
        } else if of("code").as_deref() == Some("route_not_found") {
            format!("; `--admin` is to be its admin endpoints: {HOW}")
        } else {
            String::new()
        };
        Err(format!("{title}: {}{hint}", of("detail").unwrap_or_default()))
    }

    /// The status and the content, if that is JSON, of one answer.
    fn answer(
        &self,
        method: Method,
        path: &str,
        content: Option<&Value>,
        token: Option<&str>,
    ) -> Result<(http::StatusCode, Value), String> {
        let target = [self.admin.path().trim_end_matches('/'), path].concat();
        let content = content.map(Value::to_string).unwrap_or_default();
        let mut request = Request::builder().method(method).uri(target);
        let authority = self.admin.authority().ok_or("`--admin` is no URL: write `http://localhost:9901`")?;
        request = request.header(HOST, authority.as_str());
        if !content.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        if let Some(token) = token {
            let mut value = HeaderValue::try_from(["Bearer ", token.trim()].concat())
                .map_err(|_| format!("the value of {} is no token", self.token_env))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let request = request.body(Full::new(Bytes::from(content))).map_err(|error| error.to_string())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let answered = runtime.block_on(async { tokio::time::timeout(TIMEOUT, self.send(request)).await });
        let (status, content) = answered.map_err(|_| "the gateway does not answer".to_owned())??;
        Ok((status, serde_json::from_slice(&content).unwrap_or_default()))
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<(http::StatusCode, Bytes), String> {
        let host = self.admin.host().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let is_tls = match self.admin.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err("`--admin` is no URL of HTTP: write `http://localhost:9901`".to_owned()),
        };
        let port = self.admin.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let unreachable = |error: &dyn std::fmt::Display| format!("{} can't be reached: {error}", self.admin);
        let stream = TcpStream::connect((bare, port)).await.map_err(|error| {
            let is_refused = error.kind() == std::io::ErrorKind::ConnectionRefused;
            let hint = if is_refused { format!("; {HOW}") } else { String::new() };
            unreachable(&error) + &hint
        })?;
        let response = if is_tls {
            let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let config = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .map_err(|error| error.to_string())?
                .with_root_certificates(roots)
                .with_no_client_auth();
            let name = ServerName::try_from(bare.to_owned()).map_err(|error| error.to_string())?;
            let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
            over(stream.map_err(|error| unreachable(&error))?, request).await
        } else {
            over(stream, request).await
        };
        let (head, body) = response.map_err(|error| unreachable(&error))?.into_parts();
        let content = Limited::new(body, MOST_BYTES).collect().await.map_err(|error| unreachable(&error))?;
        Ok((head.status, content.to_bytes()))
    }
}

/// Returns whether this is an answer of a gateway to a request for its version. One token may be for a part of the endpoints alone.
fn is_gateway(status: http::StatusCode, told: &Value) -> bool {
    let has = |member: &str| told.get(member).is_some_and(Value::is_string);
    match status {
        http::StatusCode::UNAUTHORIZED | http::StatusCode::FORBIDDEN => has("code"),
        _ => status.is_success() && has("version") && has("platform"),
    }
}

/// The members of the configuration whose token opens the endpoint at `path`.
fn opened_by(path: &str) -> &'static str {
    if path.starts_with("/registry") { "`admin.registryToken`, or of `admin`" } else { "`admin`" }
}

/// Sends `request` over `stream`.
async fn over(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Full<Bytes>>,
) -> hyper::Result<http::Response<Incoming>> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    sender.send_request(request).await
}

/// `text` as one part of a path (RFC 3986 §3.3).
pub(super) fn part(text: &str) -> String {
    let mut part = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_~".contains(&byte) {
            part.push(char::from(byte));
        } else {
            part.push_str(&format!("%{byte:02X}"));
        }
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    /// docs/configuration.md, The registry: a token of its own.
    #[test]
    fn the_registry_has_a_token_of_its_own() {
        assert_eq!(opened_by("/registry/orders/a"), "`admin.registryToken`, or of `admin`");
        assert_eq!(opened_by("/upstreams"), "`admin`");
    }
}
