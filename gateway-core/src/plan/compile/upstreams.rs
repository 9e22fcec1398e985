//! Compiles upstreams.

use core::net::Ipv6Addr;
use core::time::Duration;
use std::borrow::Cow;

use http::{HeaderName, HeaderValue, Uri};

use super::Compiler;
use super::at::At;
use super::clouds::{hands_out_credentials, is_odd_address};
use super::edits::Edit;
use crate::balance::endpoint::{Own, UNIX};
use crate::capabilities::Feature;
use crate::config::{self, EncodedSlash, JsonPath, Span, THOROUGH, UpstreamProtocol};
use crate::http::grpc::GRPC_TIMEOUT;
use crate::http::path;
use crate::http::request_id::X_REQUEST_ID;
use crate::net::Scheme;
use crate::plan::{Endpoint, Host, Keep, Upstream, UpstreamTls};
use crate::policy::header_edit::{HeaderEdit, RequestEdits, is_editable};

/// The bounds of connections where the configuration says nothing. What stands behind an address may change without the address, as behind a
/// balancer, so that connections grow only so old.
const KEEP: Keep = Keep {
    age: Some(Duration::from_secs(600)),
    idle: Duration::from_secs(60),
    most_idle: 256,
    requests: None,
    most: None,
    most_waiting: 1_000,
};

/// The most of anything that bounds connections.
const MOST: u32 = 1_000_000;

impl Compiler<'_> {
    /// Compiles the upstreams; a wrong one is reported and left out.
    pub(super) fn upstreams(&mut self, at: &At<'_>) -> Vec<Upstream> {
        let config = self.config;
        self.default_host =
            self.host_policy(&At::ROOT.member("defaults").member("host"), config.defaults.host.as_ref());
        self.check_timeouts(&At::ROOT.member("defaults").member("timeouts"), &config.defaults.timeouts);
        let mut upstreams = Vec::new();
        let mut first = 0;
        for (index, (name, upstream)) in config.upstreams.iter().enumerate() {
            let at = at.member(name);
            self.plain_name(&at, name);
            self.printable(&at, name);
            self.check_timeouts(&at.member("timeouts"), &upstream.timeouts);
            let (endpoints, shares) = self.endpoints(&at, upstream, first);
            let cluster = self.cluster(&at, upstream, (&endpoints, &shares));
            let tls = upstream.tls.as_ref().map(|tls| self.upstream_tls(&at.member("tls"), tls, &endpoints));
            let h2c = self.h2c(&at.member("protocol"), upstream, &endpoints);
            if upstream.connections.is_some() {
                self.require(&at.member("connections"), Feature::UpstreamConnections);
            }
            first += endpoints.len();
            let service = upstream.cloudflare.as_ref().filter(|_| self.capabilities.has(Feature::ServiceBindings));
            upstreams.push(Upstream {
                index,
                name: name.to_owned(),
                endpoints: endpoints.into(),
                discovery: None,
                cluster,
                service: service.map(|cloudflare| cloudflare.service.clone()),
                tls: tls.unwrap_or_default(),
                credentials: None,
                deadline_header: upstream
                    .deadline_header
                    .as_ref()
                    .and_then(|name| self.deadline_header(&at.member("deadlineHeader"), name)),
                client_cert: upstream.client_cert == Some(true) && self.require_certificates(&at.member("clientCert")),
                location: upstream.responses.location.unwrap_or(true),
                cookies: upstream.responses.cookies.unwrap_or(false),
                h2c,
                keep: self.keep(&at.member("connections"), upstream.connections.as_ref()),
                internal: None,
            });
        }
        upstreams
    }

    /// The field called `name`, in which an upstream is told how much time is left.
    fn deadline_header(&mut self, at: &At<'_>, name: &str) -> Option<HeaderName> {
        let field = HeaderName::try_from(name).ok();
        match &field {
            None => {
                self.error_with(at, format_args!("`{name}` is not a header name"), "use letters, digits and `-`");
            }
            Some(field) if !is_editable(field) || *field == X_REQUEST_ID || *field == GRPC_TIMEOUT => {
                let help = "write another: `x-request-timeout-ms`; `grpc-timeout` is set for calls of gRPC by itself";
                self.error_with(at, format_args!("`{name}` can't be set"), help);
            }
            Some(_) => {}
        }
        field
    }

    /// The bounds of connections that are stated at `at`.
    fn keep(&mut self, at: &At<'_>, stated: Option<&config::UpstreamConnections>) -> Keep {
        let Some(stated) = stated else { return KEEP };
        let config::UpstreamConnections { age, idle, max_idle, max_requests, max, max_waiting } = stated;
        let age = age.map_or(KEEP.age, |Span(age)| (!age.is_zero()).then_some(age));
        Keep {
            age,
            idle: idle.map_or(KEEP.idle, |Span(idle)| idle),
            most_idle: self.within(&at.member("maxIdle"), *max_idle, (1, MOST), KEEP.most_idle),
            requests: self.bound(&at.member("maxRequests"), *max_requests, MOST),
            most: self.bound(&at.member("max"), *max, MOST),
            most_waiting: self.within(&at.member("maxWaiting"), *max_waiting, (0, MOST), KEEP.most_waiting),
        }
    }

    /// Returns whether HTTP/2 is spoken to `upstream` in the clear.
    fn h2c(&mut self, at: &At<'_>, upstream: &config::Upstream, endpoints: &[Endpoint]) -> bool {
        let Some(UpstreamProtocol::H2c) = upstream.protocol else { return false };
        if endpoints.iter().any(|endpoint| endpoint.scheme == Scheme::Https) {
            self.error_with(
                at,
                "`h2c` is HTTP/2 in the clear, and the URL says `https`",
                "remove it: over TLS the two agree",
            );
        }
        self.require(at, Feature::H2c)
    }

    /// Compiles the endpoints of `upstream`, with indexes from `first` on, and the weights and priorities of its URLs; a wrong one is reported and left
    /// out.
    fn endpoints(
        &mut self,
        at: &At<'_>,
        upstream: &config::Upstream,
        first: usize,
    ) -> (Vec<Endpoint>, Vec<(u32, u32)>) {
        let (url, urls, targets) = (at.member("url"), at.member("urls"), at.member("targets"));
        let mut endpoints: Vec<Endpoint> = Vec::new();
        let mut shares = Vec::new();
        let is_own = (upstream.cloudflare.is_some() && self.capabilities.has(Feature::ServiceBindings))
            || (upstream.spin.is_some() && self.capabilities.has(Feature::ServiceChaining));
        let mut add = |compiler: &mut Self, at: &At<'_>, text: &str, (share, zone, own): Stated| {
            if text.starts_with(UNIX) && !is_own {
                compiler.require(at, Feature::UnixUpstreams);
            }
            let Some(mut endpoint) = compiler.endpoint(at, text, first + endpoints.len()) else { return };
            (endpoint.zone, endpoint.own) = (zone, own);
            if endpoints.iter().any(|other| other.is_same_place(&endpoint)) {
                compiler.error_with(at, format_args!("`{text}` is there twice"), "list each endpoint once");
            }
            endpoints.push(endpoint);
            shares.push(share);
        };
        match (&upstream.url, &*upstream.urls, &*upstream.targets) {
            (Some(text), [], []) => add(self, &url, text, ((1, 0), None, None)),
            (None, list, []) => {
                for (i, text) in list.iter().enumerate() {
                    add(self, &urls.index(i), text, ((1, 0), None, None));
                }
            }
            (None, [], list) => {
                for (i, target) in list.iter().enumerate() {
                    let at = targets.index(i);
                    let zone = target.zone.as_deref().map(Box::from);
                    let stated = (self.share(&at, target), zone, self.own(&at, target));
                    add(self, &at.member("url"), &target.url, stated);
                }
                if !list.is_empty() && list.iter().all(|target| target.disabled == Some(true)) {
                    let help = "remove `disabled` of one; a policy with `maintenance` answers 503";
                    self.error_with(&targets, "all places are disabled, and none is called", help);
                }
            }
            (Some(_), [_, ..], []) => {
                self.error_with(&urls, "the upstream has both `url` and `urls`", "keep one; `urls` lists all of them");
            }
            _ => {
                let help = "keep `targets`, which lists all of them";
                self.error_with(&targets, "the upstream has both `targets` and other URLs", help);
            }
        }
        (self.on_platform(at, upstream, first, endpoints), shares)
    }

    /// Returns the endpoints of `upstream` on this platform: those of its URLs, or the one that the platform has a way of
    /// its own to. That one is the same application, so the base path is its, too.
    fn on_platform(
        &mut self,
        at: &At<'_>,
        upstream: &config::Upstream,
        index: usize,
        mut urls: Vec<Endpoint>,
    ) -> Vec<Endpoint> {
        let config::Upstream { cloudflare, spin, url, urls: list, targets, .. } = upstream;
        let service =
            cloudflare.as_ref().and_then(|own| self.service(&at.member("cloudflare").member("service"), &own.service));
        let component =
            spin.as_ref().and_then(|own| self.component(&at.member("spin").member("component"), &own.component));
        if cloudflare.is_some() && self.capabilities.has(Feature::ServiceBindings) {
            urls.truncate(1);
            if let Some(own) = urls.first_mut().and_then(|only| only.own.as_mut()) {
                own.disabled = false;
            }
            if urls.is_empty() {
                urls.extend(service.and_then(|name| own_endpoint(index, name.to_ascii_lowercase(), String::new())));
            }
            return urls;
        }
        if spin.is_some() && self.capabilities.has(Feature::ServiceChaining) {
            let base_path = urls.into_iter().next().map_or_else(String::new, |first| first.base_path);
            let own = component.and_then(|name| own_endpoint(index, format!("{name}.spin.internal"), base_path));
            return own.into_iter().collect();
        }
        if url.is_none() && list.is_empty() && targets.is_empty() && upstream.discover.is_none() {
            if cloudflare.is_some() {
                self.require(at, Feature::ServiceBindings);
            } else if spin.is_some() {
                self.require(at, Feature::ServiceChaining);
            } else {
                self.error_with(at, "the upstream has no `url`", "add `\"url\": \"http://host:port\"`");
            }
        }
        urls
    }

    /// Compiles what is said of one place alone, beside its URL, its weight and its priority.
    #[inline(never)]
    fn own(&mut self, at: &At<'_>, target: &config::UpstreamTarget) -> Option<Box<Own>> {
        let config::UpstreamTarget { disabled, host, headers, tls, .. } = target;
        if disabled.is_none() && host.is_none() && headers.is_empty() && tls.is_none() {
            return None;
        }
        let host = host.as_ref().and_then(|host| {
            let at = at.member("host");
            self.host_value(&at, host).filter(|_| self.require(&at, Feature::HostOverride))
        });
        let server_name = tls.as_ref().and_then(|tls| {
            let at = at.member("tls");
            if self.require(&at, Feature::UpstreamTls) && target.url.starts_with("http:") {
                self.error_with(&at, "the URL does not say `https`", "write `https://…`, or remove `tls`");
            }
            self.certified(&at.member("serverName"), &tls.server_name)
        });
        let mut edits = Vec::new();
        let at = at.member("headers");
        self.same_but_for_case(&at, headers.iter().map(|(name, _)| name));
        for (name, value) in headers.iter() {
            let at = at.member(name);
            if name.eq_ignore_ascii_case("host") {
                self.error_with(&at, "`host` is no field of `headers`", "write it beside them: `\"host\": \"NAME\"`");
                continue;
            }
            let name = <HeaderEdit as Edit>::name(self, &at, name);
            let value = <HeaderEdit as Edit>::value(self, &at, value, None);
            edits.extend(name.zip(value).map(|(name, value)| HeaderEdit::Set(name, value)));
        }
        Some(Box::new(Own { disabled: *disabled == Some(true), host, headers: RequestEdits::new(edits), server_name }))
    }

    fn service<'n>(&mut self, at: &At<'_>, name: &'n str) -> Option<&'n str> {
        let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_name {
            let help = "write the `binding` of an entry of `services` in `wrangler.toml`: letters, digits and `_`";
            self.error_with(at, format_args!("`{name}` is not the name of a binding"), help);
        }
        is_name.then_some(name)
    }

    fn component<'n>(&mut self, at: &At<'_>, name: &'n str) -> Option<&'n str> {
        let is_name = name.starts_with(|first: char| first.is_ascii_lowercase())
            && !name.ends_with('-')
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if !is_name {
            let help = "write the name of a `[component.…]` in `spin.toml`: small letters, digits and `-`";
            self.error_with(at, format_args!("`{name}` is not the name of a component"), help);
        }
        is_name.then_some(name)
    }

    fn endpoint(&mut self, at: &At<'_>, url: &str, index: usize) -> Option<Endpoint> {
        if let Some(socket) = url.strip_prefix(UNIX) {
            let endpoint = socket_at(index, socket);
            if endpoint.is_none() {
                let help = "write `unix:/run/app.sock`, or `unix:/run/app.sock:/base/path`";
                self.error_with(at, format_args!("`{url}` is not the path of a socket"), help);
            }
            return endpoint;
        }
        match parse(index, url) {
            Ok(endpoint) => Some(endpoint),
            Err(faults) => {
                for (message, help) in faults {
                    self.error_with(at, message, help);
                }
                None
            }
        }
    }

    /// Compiles the `Host` setting that is written at `at`.
    pub(super) fn host_policy(&mut self, at: &At<'_>, policy: Option<&config::HostPolicy>) -> Option<Host> {
        let host = match policy {
            None | Some(config::HostPolicy::Upstream) => return Some(Host::Upstream),
            Some(config::HostPolicy::Preserve) => Host::Preserve,
            Some(config::HostPolicy::Set(name)) => Host::Set(self.host_value(at, name)?),
        };
        self.require(at, Feature::HostOverride).then_some(host)
    }

    #[inline(never)]
    pub(super) fn host_value(&mut self, at: &At<'_>, name: &str) -> Option<HeaderValue> {
        // The names of DNS have less in them than RFC 3986 §3.2.2 lets in: `$host` is another program's variable.
        let is_text = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:[]".contains(&byte);
        let authority = name.parse::<http::uri::Authority>().ok();
        let value = authority.filter(|authority| authority.as_str().bytes().all(is_text));
        let value = value.and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
        if value.is_none() {
            let help = if name.contains(['$', '{', '%']) {
                "`\"host\": \"preserve\"` in the upstream passes the client's on; else write `host` or `host:port`"
            } else {
                "write `host` or `host:port`"
            };
            self.error_with(at, format_args!("`{name}` is not a host"), help);
        }
        value
    }
}

/// The upstream that the gateway itself calls at `endpoint`, for what is written at `at`.
pub(super) fn internal(index: usize, name: String, endpoint: Endpoint, at: JsonPath) -> Upstream {
    Upstream {
        index,
        name,
        endpoints: [endpoint].into(),
        discovery: None,
        cluster: None,
        service: None,
        tls: UpstreamTls::default(),
        credentials: None,
        deadline_header: None,
        client_cert: false,
        location: false,
        cookies: false,
        h2c: false,
        keep: KEEP,
        internal: Some(at),
    }
}

/// The endpoint that only the platform knows as `host`.
fn own_endpoint(index: usize, host: String, base_path: String) -> Option<Endpoint> {
    let (scheme, authority) = (Scheme::Http, HeaderValue::from_str(&host).ok()?);
    Some(Endpoint { index, scheme, port: scheme.default_port(), host, authority, base_path, zone: None, own: None })
}

/// The endpoint that was discovered at `url`.
///
/// # Errors
/// It can't be called: the first of the reasons.
pub(crate) fn endpoint_of(url: &str) -> Result<Endpoint, Box<str>> {
    let first = |faults: Vec<Fault>| faults.into_iter().next().map_or_else(Box::default, |(message, _)| message.into());
    parse(Endpoint::FOUND, url).map_err(first)
}

/// The endpoint that is a Unix socket: its path, and behind a colon the base path. No request has a say in it, and neither has a source of places.
fn socket_at(index: usize, text: &str) -> Option<Endpoint> {
    // Some write it as a URL without a host.
    let text = text.strip_prefix("//").filter(|path| path.starts_with('/')).unwrap_or(text);
    let file = text.split_once(":/").map_or(text, |(file, _)| file);
    let base = text.get(file.len()..)?.trim_start_matches(':');
    let is_wrong = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '$' | '{' | '}');
    if file.is_empty() || file.starts_with("//") || text.contains(is_wrong) {
        return None;
    }
    if !base.is_empty() && !path::is_normalised(base) {
        return None;
    }
    Some(Endpoint {
        index,
        scheme: Scheme::Http,
        host: [UNIX, file].concat(),
        port: 0,
        // As others have it, where nothing else is said.
        authority: HeaderValue::from_static("localhost"),
        base_path: base.trim_end_matches('/').to_owned(),
        zone: None,
        own: None,
    })
}

/// What is said of a place beside its URL: its share, its zone, and the rest.
type Stated = ((u32, u32), Option<Box<str>>, Option<Box<Own>>);

/// The message and help for a wrong URL.
pub(super) type Fault = (String, Cow<'static, str>);

pub(super) fn parse(index: usize, url: &str) -> Result<Endpoint, Vec<Fault>> {
    match url.parse() {
        Ok(_) if url.contains('#') => Err(vec![wrong(url, "has a fragment, which no server is sent")]),
        Ok(uri) => endpoint_at(&uri, index, url),
        Err(_) => Err(vec![wrong(url, "is not a URL")]),
    }
}

#[cold]
#[inline(never)]
fn wrong(url: &str, why: &str) -> Fault {
    if !THOROUGH {
        return Fault::default();
    }
    let help = match url.split_once(':').map_or("", |(scheme, _)| scheme) {
        "ws" | "wss" => "write `http://…` or `https://…`: WebSockets need nothing else",
        "grpc" | "grpcs" | "h2c" => "write `http://…` beside `\"protocol\": \"h2c\"`, or `https://…` alone",
        "http" if url.starts_with("http://unix:/") => {
            let path = url.get("http://".len()..).unwrap_or_default();
            return (format!("`{url}` {why}"), Cow::Owned(format!("write `{path}`")));
        }
        "unix" | "http+unix" => "a Unix socket is the `url` of an upstream: `unix:/run/app.sock`",
        _ => match variable(url) {
            Some(name) => return (format!("`{url}` {why}"), Cow::Owned(format!("write `${{{name}}}`"))),
            None => "write `http://host:port/path` or `https://…`",
        },
    };
    (format!("`{}` {why}", shown(url)), Cow::Borrowed(help))
}

/// The fault of a URL without `http` or `https`, which is often an address alone.
#[cold]
#[inline(never)]
fn without_scheme(url: &str) -> Fault {
    if !THOROUGH {
        return Fault::default();
    }
    let address = url.strip_prefix("//").unwrap_or(url);
    let (message, help) = wrong(url, "is not an `http` or `https` URL");
    if let Some(name) = variable(address) {
        return (message, Cow::Owned(format!("write `${{{name}}}`")));
    }
    if address.starts_with('/') && address.ends_with(".sock") {
        return (message, Cow::Owned(format!("write `unix:{address}`")));
    }
    if let Some(port) = address.strip_prefix(':').filter(|port| port.parse::<u16>().is_ok()) {
        return (message, Cow::Owned(format!("write `http://127.0.0.1:{port}`")));
    }
    let is_address =
        !address.is_empty() && !address.contains("://") && !address.starts_with('/') && !address.contains('@');
    (message, if is_address { Cow::Owned(format!("write `http://{address}`")) } else { help })
}

/// The name of the variable that `text` is in other programs: `$URL`, `$(URL)`, `{{ URL }}`, `env:URL`, `%URL%`.
fn variable(text: &str) -> Option<&str> {
    let between = |open: &str, close: &str| text.strip_prefix(open)?.strip_suffix(close);
    let name = between("$(", ")")
        .or_else(|| between("{{", "}}"))
        .or_else(|| between("%", "%"))
        .or_else(|| text.strip_prefix("env:"))
        .or_else(|| text.strip_prefix('$'))?;
    let name = name.trim();
    let name = name.strip_prefix("env.").unwrap_or(name);
    let is_name = |c: u8| c.is_ascii_uppercase() || c.is_ascii_digit() || c == b'_';
    (!name.is_empty() && name.bytes().all(is_name)).then_some(name)
}

#[cold]
#[inline(never)]
fn not_normal(url: &str, uri: &Uri) -> Fault {
    if !THOROUGH {
        return Fault::default();
    }
    if url.contains('{') {
        let help = "write the variable in the route: `\"rewrite\": {\"path\": \"/new/{path.id}\"}`";
        return (
            format!("`{}` has a variable, and a request does not change the URL", shown(url)),
            Cow::Borrowed(help),
        );
    }
    match (path::normalise(uri.path(), EncodedSlash::Keep), uri.scheme_str(), uri.authority()) {
        (Ok(normal), Some(scheme), Some(authority)) if !authority.as_str().contains('@') => {
            let help = format!("write `{scheme}://{authority}{normal}`");
            (format!("the path of `{}` is not in its normal form", shown(url)), Cow::Owned(help))
        }
        (Err(error), ..) => wrong(url, &format!("has a path that is none: {error}")),
        _ => wrong(url, "has a path that is not in its normal form"),
    }
}

fn endpoint_at(uri: &Uri, index: usize, url: &str) -> Result<Endpoint, Vec<Fault>> {
    let wrong = |why: &str| wrong(url, why);
    let mut faults = Vec::new();
    let scheme = match uri.scheme_str() {
        Some("http") => Some(Scheme::Http),
        Some("https") => Some(Scheme::Https),
        _ => {
            faults.push(without_scheme(url));
            None
        }
    };
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let (has_credentials, address) = authority.rsplit_once('@').map_or((false, authority), |(_, rest)| (true, rest));
    if has_credentials {
        faults.push((
            "the URL contains credentials".to_owned(),
            Cow::Borrowed("write them as the upstream's `credentials`: `{\"basic\": {\"user\": …, \"password\": {\"secret\": \"NAME\"}}}`"),
        ));
    }
    let written = uri.host().unwrap_or_default();
    let literal = written.strip_prefix('[').map(|literal| literal.trim_end_matches(']'));
    let host = literal.unwrap_or(written).to_ascii_lowercase();
    // `unix:` in brackets would be a socket of this machine.
    if literal.is_some_and(|literal| literal.parse::<Ipv6Addr>().is_err()) {
        faults.push((
            format!("`{written}` is no IPv6 address"),
            Cow::Borrowed("brackets are for addresses such as `[2001:db8::1]`: write a name without them"),
        ));
    }
    // Without a scheme, the host may have been taken for anything else.
    if host.is_empty() && scheme.is_some() {
        faults.push(wrong("has no host"));
    }
    if hands_out_credentials(&host) {
        faults.push((
            format!("`{host}` is where clouds hand out credentials"),
            Cow::Borrowed("name the service itself: a gateway must not lead there"),
        ));
    }
    if is_odd_address(&host) {
        faults.push((
            format!("`{host}` ends in a number, and is no address"),
            Cow::Borrowed("write an address as `192.0.2.1`: systems read other forms in ways of their own"),
        ));
    }
    let port = match uri.port_u16() {
        Some(0) => {
            faults.push(wrong("has port 0"));
            None
        }
        Some(port) => Some(port),
        None if address.len() > written.len() => {
            faults.push(wrong("has an impossible port"));
            None
        }
        None => scheme.map(Scheme::default_port),
    };
    if uri.query().is_some() {
        faults.push(wrong("has a query"));
    }
    // The prefix of a normal path has to be normal, too, or the whole is not (RFC 3986 §6.2.2).
    if scheme.is_some() && !path::is_normalised(uri.path()) {
        faults.push(not_normal(url, uri));
    }
    let (Some(scheme), Some(port), true) = (scheme, port, faults.is_empty()) else { return Err(faults) };
    let shown_host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    let shown_authority = if port == scheme.default_port() { shown_host } else { format!("{shown_host}:{port}") };
    Ok(Endpoint {
        index,
        scheme,
        host,
        port,
        authority: HeaderValue::try_from(shown_authority).map_err(|_| vec![wrong("is not a URL")])?,
        base_path: uri.path().trim_end_matches('/').to_owned(),
        zone: None,
        own: None,
    })
}

/// Returns `url` without a possible password.
fn shown(url: &str) -> &str {
    url.rsplit_once('@').map_or(url, |(_, rest)| rest)
}
