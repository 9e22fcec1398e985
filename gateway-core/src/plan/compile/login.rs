//! Logins: the proof by a session, and the routes of their endpoints.

use core::time::Duration;
use std::sync::Arc;

use base64ct::{Base64, Encoding as _};
use http::{HeaderValue, Method};
use sha2::{Digest, Sha256};

use super::Compiler;
use super::at::At;
use crate::config::{
    self, ClientAuthentication, ConfigError, ForwardedToken, JsonPath, PolicyUse, Span, THOROUGH, Ties, told,
};
use crate::http::path;
use crate::http::proxy_status::is_tchar;
use crate::plan::{Action, RequestStep, Route};
use crate::policy::authenticate::Authenticate;
use crate::policy::credential::Place;
use crate::policy::login::attempt::parameter;
use crate::policy::login::{Endpoint, KEPT, Login, MOST_CONTENT, top};
use crate::policy::proof::Proof;
use crate::policy::seal::{LEAST_SECRET, Sealer};
use crate::route::{HostPattern, MethodSet, PathPattern, Spec};
use crate::store_key::push_hex;

const CALLBACK: &str = "/oauth2/callback";
const SECURE: &str = "__Host-";
const ATTEMPTS: &str = "login-";
const IDLE: Duration = Duration::from_secs(3_600);

/// The parameters of an authorization request that the gateway itself states.
const OWN: [&str; 9] = [
    "response_type",
    "response_mode",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
];

/// A login, and where it holds.
pub(super) struct Known {
    stated: config::LoginProof,
    login: Arc<Login>,
    at: JsonPath,
    hosts: Vec<HostPattern>,
}

impl<'c> Compiler<'c> {
    /// The login that `login` asks for: the same one wherever the same is stated.
    #[inline(never)]
    pub(super) fn login(&mut self, at: &At<'_>, login: &config::LoginProof) -> Option<Arc<Login>> {
        if let Some(known) = self.logins.iter().find(|known| known.stated == *login) {
            return Some(Arc::clone(&known.login));
        }
        let compiled = Arc::new(self.new_login(at, login)?);
        let known = Known { stated: login.clone(), login: Arc::clone(&compiled), at: at.to_path(), hosts: Vec::new() };
        self.logins.push(known);
        Some(compiled)
    }

    fn new_login(&mut self, at: &At<'_>, login: &config::LoginProof) -> Option<Login> {
        let config::LoginProof {
            issuer,
            client,
            keys,
            scopes,
            parameters,
            callback,
            logout,
            after_logout,
            back_channel_logout,
            cookie,
            claims,
            idle,
            life,
            forward,
            keep_id_token,
            insecure,
        } = login;
        let (index, name, provider) = self.provider(at, issuer.as_deref())?;
        let is_insecure = *insecure == Some(true);
        let (authorization, form) = self.login_client(&at.member("client"), client)?;
        let sealer = self.sealer(&at.member("keys"), keys);
        let request = self.login_request(at, client, scopes, parameters)?;
        let path = |compiler: &mut Self, member: &str, path: &Option<String>| {
            path.as_deref().map(|path| compiler.login_path(&at.member(member), path))
        };
        let own = [callback.as_deref().or(Some(CALLBACK)), logout.as_deref(), back_channel_logout.as_deref()];
        if after_logout.is_some() && own.contains(&after_logout.as_deref()) {
            let message = "whoever has logged out would come to an endpoint of the login";
            self.error_with(&at.member("afterLogout"), message, "take a page that anybody may see, for example `/`");
        }
        let callback = match callback {
            Some(_) => path(self, "callback", callback).flatten(),
            None => self.login_path(&at.member("callback"), CALLBACK),
        };
        let logout = path(self, "logout", logout);
        let after_logout = path(self, "afterLogout", after_logout);
        let back_channel = path(self, "backChannelLogout", back_channel_logout);
        let cookie = self.session_cookie(&at.member("cookie"), cookie.as_deref(), is_insecure);
        let idle = idle.map_or(IDLE, |Span(idle)| idle);
        let life = life.map(|Span(life)| life);
        for (member, span) in [("idle", Some(idle)), ("life", life)] {
            if span.is_some_and(|span| span.as_secs() == 0) {
                self.error_with(&at.member(member), "no session lasts so short", "for example `1h`");
            }
        }
        // What makes a caller of claims has to be there each time.
        let mut kept: Vec<Box<str>> = Vec::new();
        let own = KEPT.into_iter().map(str::to_owned);
        let of_issuer = [&provider.consumer, &provider.groups].into_iter().flatten().map(|claim| top(claim));
        for claim in own.chain(of_issuer).chain(claims.iter().cloned()) {
            if !kept.iter().any(|known| **known == *claim) {
                kept.push(claim.into());
            }
        }
        let (callback, cookie, sealer) = (callback?, cookie?, sealer?);
        let attempts = if is_insecure { ATTEMPTS.to_owned() } else { [SECURE, ATTEMPTS].concat() };
        let places = [
            Place::Cookie(cookie.as_str().into()),
            Place::Cookies([&cookie, "."].concat().into()),
            Place::Cookies(attempts.as_str().into()),
        ];
        let mut digest = Sha256::new();
        for part in [provider.issuer.as_deref().unwrap_or_default(), &client.id, &callback] {
            digest.update(part);
            digest.update("\n");
        }
        let mut id = String::new();
        push_hex(&mut id, digest.finalize().get(..8).unwrap_or_default());
        Some(Login {
            id: id.into(),
            issuer: index,
            name: name.into(),
            client: client.id.as_str().into(),
            authorization,
            form: form.into(),
            request: request.into(),
            callback,
            logout: logout.flatten(),
            after_logout: after_logout.flatten(),
            back_channel: back_channel.flatten(),
            sealer,
            cookie: cookie.into(),
            attempts: attempts.into(),
            claims: kept.into(),
            idle,
            life,
            forward: *forward,
            keeps_id_token: *keep_id_token == Some(true) || *forward == Some(ForwardedToken::IdToken),
            is_insecure,
            places: places.into(),
        })
    }

    /// The provider: the index of an issuer, its name and what is stated of it.
    fn provider(&mut self, at: &At<'_>, name: Option<&str>) -> Option<(usize, &'c str, &'c config::Issuer)> {
        let known = &self.config.issuers;
        let found = match name {
            Some(name) => {
                let found = known.iter().position(|(known, _)| known == name);
                if found.is_none() {
                    self.unknown(&at.member("issuer"), "issuer", name, known.iter().map(|(name, _)| name));
                }
                found?
            }
            None if known.iter().len() == 1 => 0,
            None => {
                let help = "name one of `issuers`: `\"issuer\": \"corp\"`";
                self.error_with(at, "nothing says at which provider people log in", help);
                return None;
            }
        };
        let (name, issuer) = known.iter().nth(found)?;
        if issuer.discovery != Some(true) {
            let message = format_args!("the issuer `{name}` has no `discovery`, which says where people log in");
            self.error_with(&at.member("issuer"), message, "give it `\"discovery\": true` in place of its keys");
            return None;
        }
        Some((found, name, issuer))
    }

    /// The credentials of the client, and the end of its forms.
    fn login_client(&mut self, at: &At<'_>, client: &config::LoginClient) -> Option<(Option<HeaderValue>, String)> {
        let config::LoginClient { id, secret, authentication } = client;
        if id.is_empty() {
            self.error_with(at, "nothing says which client of the provider the gateway is", "write its `id`");
            return None;
        }
        let mut form = String::new();
        let Some(reference) = secret else {
            if authentication.is_some() {
                self.error_with(&at.member("authentication"), "there is no `secret` to send", "leave it out");
            }
            parameter(&mut form, "client_id", id);
            return Some((None, form));
        };
        let secret = self.client_secret(&at.member("secret"), reference)?;
        match authentication.unwrap_or_default() {
            ClientAuthentication::Post => {
                parameter(&mut form, "client_id", id);
                parameter(&mut form, "client_secret", &secret);
                Some((None, form))
            }
            ClientAuthentication::Basic => {
                // RFC 6749 §2.3.1: encoded as in a form.
                let mut both = String::new();
                crate::http::percent::encode_query_value(id, &mut both);
                both.push(':');
                crate::http::percent::encode_query_value(&secret, &mut both);
                let value = ["Basic ", &Base64::encode_string(both.as_bytes())].concat();
                let mut value = HeaderValue::try_from(value).ok()?;
                value.set_sensitive(true);
                Some((Some(value), form))
            }
        }
    }

    /// The keys of the cookies.
    fn sealer(&mut self, at: &At<'_>, keys: &[config::SecretRef]) -> Option<Sealer> {
        if keys.is_empty() {
            let help =
                "add `\"keys\": [{\"secret\": \"SESSION_KEY\"}]`, and set it to the output of `openssl rand -hex 32`";
            self.error_with(at, "nothing seals the cookies of sessions", help);
            return None;
        }
        let mut secrets = Vec::new();
        for (index, reference) in keys.iter().enumerate() {
            let at = at.index(index);
            let secret = self.secret(&at, reference)?;
            if secret.len() < LEAST_SECRET && !self.secrets.is_made_up(&reference.secret) {
                let message = format_args!("the secret `{}` has fewer than {LEAST_SECRET} bytes", reference.secret);
                self.error_with(&at, message, "whoever guesses it can be anybody: `openssl rand -hex 32`");
                return None;
            }
            secrets.push(secret);
        }
        Some(Sealer::new(&secrets))
    }

    /// The parameters that all authorization requests have.
    fn login_request(
        &mut self,
        at: &At<'_>,
        client: &config::LoginClient,
        scopes: &[String],
        parameters: &config::Entries<String>,
    ) -> Option<String> {
        self.check_scopes(&at.member("scopes"), scopes);
        if !scopes.is_empty() && !scopes.iter().any(|scope| scope == "openid") {
            let help = "add `openid` (OpenID Connect Core 1.0 §3.1.2.1)";
            self.error_with(&at.member("scopes"), "without the scope `openid` no provider says who logs in", help);
        }
        let scopes = if scopes.is_empty() { "openid".to_owned() } else { scopes.join(" ") };
        let mut request = String::from("response_type=code&code_challenge_method=S256");
        parameter(&mut request, "client_id", &client.id);
        parameter(&mut request, "scope", &scopes);
        for (name, value) in parameters.iter() {
            if OWN.contains(&name) {
                let all = at.member("parameters");
                self.error_with(&all.member(name), format_args!("`{name}` is the gateway's to say"), "leave it out");
            }
            parameter(&mut request, name, value);
        }
        Some(request)
    }

    /// A path of the gateway's own.
    fn login_path(&mut self, at: &At<'_>, path: &str) -> Option<Box<str>> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
        let is_path = path.starts_with('/') && path.bytes().all(is_plain) && path::is_normalised(path);
        if !is_path || path.starts_with("//") {
            let message = format_args!("`{path}` can't be a path of the gateway's own");
            // Of a URL, the path behind the host is meant.
            let own = path.split_once("://").and_then(|(_, rest)| rest.find('/').and_then(|at| rest.get(at..)));
            let is_plain = |own: &&str| own.len() > 1 && own.bytes().all(is_plain) && path::is_normalised(own);
            match own.filter(is_plain) {
                Some(own) => self.error_with(at, message, format_args!("write `{own}`: the host is the route's own")),
                None => {
                    let help = "one or more segments of letters, digits, `-`, `.`, `_` and `~`, such as `/oauth2/callback` or `/logout`";
                    self.error_with(at, message, help);
                }
            }
            return None;
        }
        Some(path.into())
    }

    /// The name of a session's cookie.
    fn session_cookie(&mut self, at: &At<'_>, name: Option<&str>, is_insecure: bool) -> Option<String> {
        let name = match (name, is_insecure) {
            (Some(name), _) => name,
            (None, true) => "session",
            (None, false) => "__Host-session",
        };
        if name.is_empty() || !name.bytes().all(is_tchar) {
            let help = "a cookie's name is a token (RFC 6265 §4.1.1), for example `__Host-session`";
            self.error_with(at, format_args!("no cookie is called `{name}`"), help);
            return None;
        }
        let own = name.strip_prefix(SECURE).unwrap_or(name);
        if own.starts_with(ATTEMPTS) {
            let message =
                format_args!("a name that begins with `{ATTEMPTS}` is that of a cookie of an attempt to log in");
            self.error_with(at, message, "take another, for example `__Host-session`");
            return None;
        }
        if name.starts_with(SECURE) == is_insecure || is_insecure && name.starts_with("__") {
            let (message, help) = if is_insecure {
                ("browsers keep a cookie of such a name over `https` alone", "leave out `__Host-`, or `insecure`")
            } else {
                (
                    "another host of the domain could set this cookie",
                    "begin its name with `__Host-` (RFC 6265bis §4.1.3.2)",
                )
            };
            self.error_with(at, message, help);
            return None;
        }
        Some(name.to_owned())
    }

    /// Notes that a route with these steps asks for proofs at the hosts in `specs`, where the endpoints of those are then.
    pub(super) fn add_hosts(&mut self, steps: &[RequestStep], specs: &[Spec]) {
        for proof in steps.iter().filter_map(RequestStep::authenticate).flat_map(Authenticate::proofs) {
            let hosts = match proof {
                Proof::Login(login) => {
                    let known = self.logins.iter_mut().find(|known| Arc::ptr_eq(&known.login, login));
                    known.map(|known| &mut known.hosts)
                }
                Proof::Jwt(jwt) => {
                    let known = self.resources.iter_mut().find(|known| jwt.metadata.as_deref() == Some(&*known.url));
                    known.map(|known| &mut known.hosts)
                }
                _ => None,
            };
            let Some(hosts) = hosts else { continue };
            for spec in specs {
                if !hosts.contains(&spec.host) {
                    hosts.push(spec.host.clone());
                }
            }
        }
    }

    /// Adds the routes of the endpoints of logins, at each host at which somebody logs in.
    pub(super) fn login_routes(&mut self, routes: &mut Vec<Option<Route>>, specs: &mut Vec<Spec>) {
        let logins = core::mem::take(&mut self.logins);
        if THOROUGH {
            self.check_cookies(&logins);
        }
        let obeyed = if logins.is_empty() { Arc::default() } else { self.own_steps() };
        for known in logins {
            for (endpoint, path) in known.login.endpoints().filter(|_| !known.hosts.is_empty()) {
                let methods = match endpoint {
                    Endpoint::Callback => &[Method::GET][..],
                    Endpoint::Logout => &[Method::GET, Method::POST],
                    Endpoint::BackChannel => &[Method::POST],
                };
                let name = ["login ", &known.login.name, " ", endpoint.name()].concat();
                let action = Action::Login(Arc::clone(&known.login), endpoint);
                // A provider is told apart by its token, and comes with many notices at once.
                let steps = if endpoint == Endpoint::BackChannel { Arc::default() } else { Arc::clone(&obeyed) };
                let at = (name, &known.at);
                self.add_own_route(at, (path, methods, &known.hosts), (action, steps), (routes, specs));
            }
        }
    }

    /// The steps that routes of the gateway's own have from `defaults`: maintenance, clients that are let in, and rate limits, but for
    /// those by a caller or a path parameter, which nobody knows there.
    fn own_steps(&mut self) -> Arc<[RequestStep]> {
        let config = self.config;
        let (root, defaults) = (At::ROOT.member("policies"), At::ROOT.member("defaults"));
        let list = defaults.member("policies");
        let (mut first, mut clients, mut limits) = (Vec::new(), Vec::new(), Vec::new());
        // Limits by callers are left out, and tiers do not count here.
        self.knows_caller = true;
        for (index, one) in config.defaults.policies.iter().enumerate() {
            let item = list.index(index);
            let (at, name, policy) = match one {
                PolicyUse::Named(name) => match self.find_policy(&item, name) {
                    Some(policy) => (root.member(name), &**name, policy),
                    None => continue,
                },
                PolicyUse::Inline(policy) => (item, "default", &**policy),
            };
            if let Some(stated) = &policy.maintenance {
                first.extend(self.maintenance(&at.member("maintenance"), stated).map(RequestStep::Maintenance));
            }
            if let Some(stated) = &policy.clients {
                let rule = self.clients(&at.member("clients"), stated);
                clients.extend(rule.map(Box::new).map(RequestStep::Clients));
            }
            if let Some(stated) = &policy.rate_limit {
                let limit = self.rate_limit(&at.member("rateLimit"), name, stated, None);
                let limit = limit.filter(|limit| !limit.key.asks_caller() && !limit.is_bound_to_path());
                limits.extend(limit.map(Box::new).map(RequestStep::RateLimit));
            }
        }
        first.append(&mut clients);
        first.append(&mut limits);
        first.into()
    }

    /// Reports logins at one host of which each would end the sessions of the other. Left to the check, as conflicts of routes are.
    fn check_cookies(&mut self, logins: &[Known]) {
        let begins = |one: &str, other: &str| {
            one.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        for (index, known) in logins.iter().enumerate() {
            let (name, hosts) = (&*known.login.cookie, &known.hosts);
            let is_taken = |before: &&Known| {
                let theirs = &*before.login.cookie;
                (begins(name, theirs) || begins(theirs, name))
                    && hosts.iter().any(|host| before.hosts.iter().any(|other| host.overlaps(other)))
            };
            if let Some(before) = logins.iter().take(index).find(is_taken) {
                let message = format_args!(
                    "this login and that at `{}` have cookies of one name at one host: each would end the sessions of the other",
                    before.at
                );
                let help = "give one of them another `cookie`, for example `__Host-session-b`, or a host of its own";
                let error = ConfigError::new(known.at.member("cookie"), told(message));
                self.errors.push(error.with_help(help));
            }
        }
    }

    /// Adds a route of the gateway's own: for these methods at this path of these hosts.
    pub(super) fn add_own_route(
        &mut self,
        (mut name, at): (String, &JsonPath),
        (path, methods, hosts): (&str, &[Method], &[HostPattern]),
        (action, request): (Action, Arc<[RequestStep]>),
        (routes, specs): (&mut Vec<Option<Route>>, &mut Vec<Spec>),
    ) {
        let slash = self.config.network.encoded_slash.unwrap_or_default();
        let Ok(pattern) = PathPattern::template(path, slash) else { return };
        self.check_against_admin(&At::ROOT, &pattern);
        let methods: MethodSet = methods.iter().filter_map(|method| self.methods.of(method)).collect();
        while self.own_routes.iter().any(|(known, _)| *known == name) {
            name.push('+');
        }
        self.own_routes.push((name.clone(), at.clone()));
        for host in hosts {
            specs.push(Spec {
                route: routes.len(),
                scheme: None,
                host: host.clone(),
                path: pattern.clone(),
                methods,
                headers: Vec::new(),
                query: Vec::new(),
                cookies: Vec::new(),
                client: None,
                version: None,
                cut: None,
                ties: Ties::default(),
            });
        }
        routes.push(Some(Route {
            name,
            at: at.clone(),
            cors: None,
            needs: Route::needs(&request, &action, &[], false),
            request,
            action,
            response: Arc::new([]),
            body_limit: MOST_CONTENT,
            lease: Duration::ZERO,
            version: None,
            cache: None,
            etag: None,
            asks_plain: false,
            compress: None,
            priority: crate::config::Priority::Default,
            stored_as: Box::default(),
            may_answer_unprepared: false,
            logged: true,
        }));
    }
}
