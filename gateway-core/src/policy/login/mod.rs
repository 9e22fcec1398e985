//! A login in a browser at an OpenID provider, and the session that follows it: what is decided, without the asking.

pub mod answer;
pub mod attempt;
pub mod cookies;
pub mod ended;
pub mod renewed;
pub mod session;

use core::fmt;
use core::time::Duration;

use http::header::ACCEPT;
use http::{HeaderName, HeaderValue, Method};

use super::credential::Place as CredentialPlace;
use super::seal::{Place, Sealer};
use crate::call::Call;
use crate::config::ForwardedToken;
use crate::net::Scheme;

/// The way in which a browser asks (Fetch Metadata §2.2).
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// The successful logins within a minute after which none is begun: whatever ends the sessions would end the next one, too.
pub const MOST_LOGINS: u32 = 4;

/// The most bytes of content that an endpoint of a login reads: a token of the provider.
pub const MOST_CONTENT: u64 = 16 * 1024;

/// The claims that each session keeps: by these, sessions are ended and tokens revoked.
pub const KEPT: [&str; 4] = ["iss", "sub", "sid", "jti"];

/// The member of claims in which `claim` is, a name or a JSON Pointer (RFC 6901).
#[must_use]
pub fn top(claim: &str) -> String {
    match claim.strip_prefix('/') {
        Some(pointer) => pointer.split('/').next().unwrap_or_default().replace("~1", "/").replace("~0", "~"),
        None => claim.to_owned(),
    }
}

/// A compiled login.
pub struct Login {
    /// Its identity: cookies of another login open for none. It stays the same over reloads.
    pub id: Box<str>,
    /// The index of the provider in [`Plan::issuers`](crate::plan::Plan::issuers).
    pub issuer: usize,
    /// The name of the provider in the configuration.
    pub name: Box<str>,
    /// The identifier of the client.
    pub client: Box<str>,
    /// The client's credentials for the token endpoint, unless they are in the form.
    pub authorization: Option<HeaderValue>,
    /// The end of each form for the token endpoint: what says which client asks.
    pub form: Box<str>,
    /// The parameters of the authorization request that are the same for all.
    pub request: Box<str>,
    /// The path to which the provider sends browsers back.
    pub callback: Box<str>,
    /// The path that ends a session.
    pub logout: Option<Box<str>>,
    /// The path to which a browser comes afterwards.
    pub after_logout: Option<Box<str>>,
    /// The path at which the provider reports the end of sessions.
    pub back_channel: Option<Box<str>>,
    /// The keys of the cookies.
    pub sealer: Sealer,
    /// The name of the session's cookie.
    pub cookie: Box<str>,
    /// The beginning of the names of the cookies that attempts to log in have.
    pub attempts: Box<str>,
    /// The claims that a session keeps.
    pub claims: Box<[Box<str>]>,
    /// The longest that a session rests.
    pub idle: Duration,
    /// The longest that a session lasts.
    pub life: Option<Duration>,
    /// The token that upstreams are sent.
    pub forward: Option<ForwardedToken>,
    /// Set if sessions keep the ID token for the logout.
    pub keeps_id_token: bool,
    /// Set if cookies go over plain HTTP, too, on loopback alone.
    pub is_insecure: bool,
    /// The cookies, first that of the session: none goes on to an upstream.
    pub places: Box<[CredentialPlace]>,
}

/// The endpoints of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// The browser comes back from the provider.
    Callback,
    /// The session ends.
    Logout,
    /// The provider reports that a session has ended.
    BackChannel,
}

impl Login {
    /// The place of the cookie called `name` for `call`.
    #[must_use]
    pub fn place<'p>(&'p self, name: &'p str, host: &'p str) -> Place<'p> {
        Place { cookie: name, host, policy: &self.id }
    }

    /// Returns whether a browser may log in over the connection of `call`: its cookies must not be readable on the way.
    #[must_use]
    pub fn is_secure(&self, call: &Call) -> bool {
        call.client.scheme == Scheme::Https || is_loopback(&call.outer_host())
    }

    /// The endpoints, with their paths.
    pub fn endpoints(&self) -> impl Iterator<Item = (Endpoint, &str)> {
        let callback = core::iter::once((Endpoint::Callback, &*self.callback));
        let logout = self.logout.iter().map(|path| (Endpoint::Logout, &**path));
        callback.chain(logout).chain(self.back_channel.iter().map(|path| (Endpoint::BackChannel, &**path)))
    }
}

impl Endpoint {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Callback => "callback",
            Self::Logout => "logout",
            Self::BackChannel => "back-channel logout",
        }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The form may have the secret.
        f.debug_struct("Login").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

/// The origin that the browser sees (RFC 6454 §6.2), with the path before the gateway's own that a trusted proxy has taken off.
#[must_use]
pub fn own_base(call: &Call) -> String {
    let (host, port, scheme) = (call.outer_host(), call.outer_port(), call.client.scheme);
    let mut base = [scheme.as_str(), "://", &host].concat();
    if port != scheme.default_port() {
        base.push(':');
        base.push_str(itoa::Buffer::new().format(port));
    }
    base.push_str(call.client.prefix.as_deref().unwrap_or_default());
    base
}

/// Returns whether `host` is this machine, as a canonical host has it.
fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host == "[::1]"
        || host.parse::<core::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

/// Returns whether `call` asks for a page to be shown: a script, an image or a form that posts can do nothing with a login.
#[must_use]
pub fn is_navigation(call: &Call) -> bool {
    let has =
        |name: &HeaderName, is: &dyn Fn(&str) -> bool| call.headers.get(name).map(|value| value.to_str().is_ok_and(is));
    let takes_html = |accept: &str| {
        accept.split(',').any(|one| {
            let (range, parameters) = one.split_once(';').unwrap_or((one, ""));
            is_html(range.trim()) && !parameters.split(';').any(is_zero)
        })
    };
    // Nobody sees what is fetched in advance, and its answer may come when somebody has logged in.
    let is_ahead = |name| has(&HeaderName::from_static(name), &|purpose| purpose.contains("prefetch")) == Some(true);
    call.method == Method::GET
        && has(&ACCEPT, &takes_html) == Some(true)
        && has(&SEC_FETCH_MODE, &|mode| mode == "navigate") != Some(false)
        && !["sec-purpose", "purpose", "x-moz"].into_iter().any(is_ahead)
}

/// Returns whether `parameter` is a weight of zero: "not acceptable" (RFC 9110 §12.4.2).
fn is_zero(parameter: &str) -> bool {
    let (name, value) = parameter.split_once('=').unwrap_or_default();
    name.trim().eq_ignore_ascii_case("q") && value.trim().bytes().all(|byte| byte == b'0' || byte == b'.')
}

fn is_html(media_type: &str) -> bool {
    media_type.eq_ignore_ascii_case("text/html") || media_type.eq_ignore_ascii_case("application/xhtml+xml")
}
