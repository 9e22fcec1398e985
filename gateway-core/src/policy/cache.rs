//! The cache of a route: its rules, and the keys of its responses.

mod describe;
#[cfg(test)]
mod tests;

use core::fmt::Arguments;
use core::time::Duration;
use std::sync::Arc;

use http::header::COOKIE;
use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};

pub use self::describe::KeyParts;
use super::PolicyError;
use super::counter_key::KeySource;
use super::expression::Expression;
use crate::cache::rules::{Rules, Statuses};
use crate::call::Call;
use crate::config::{self, Span, told};
use crate::fingerprint::Fingerprint;
use crate::http::names::are_aliases;
use crate::http::{cookie, percent, query};
use crate::order;
use crate::policy::header_edit::{HeaderEdit, remove_aliases};
use crate::template::Template;
use crate::time::Timestamp;

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// The largest content that may be stored.
const MOST_BYTES: u64 = 64 << 20;

/// What the statuses of a policy are.
const STATUSES: &str =
    "use a status from 200 to 599 (not 206, 304, 412, 416 and 417), or a class: `\"404\": \"30s\"`, `\"5xx\": \"1s\"`";

/// The longest that a request may wait for another one's answer.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The wait where nothing else is said.
const WAIT: Duration = Duration::from_secs(5);

/// Those whom the response to a request may be for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Asker {
    /// Everybody.
    #[default]
    Anyone,
    /// Whoever has these cookies, unless the response itself says that it is for others.
    WithCookies,
    /// One caller, whose responses are kept apart.
    Caller,
}

/// The cache of a route.
#[derive(Clone, Debug)]
pub struct Cache {
    /// What is stored, and for how long.
    pub rules: Rules,
    /// The same for requests with cookies: nothing but what responses say themselves.
    careful: Rules,
    /// The same for what is one caller's own.
    own: Rules,
    /// Set if cookies do not count.
    ignores_cookies: bool,
    /// Set if answers to `HEAD` confirm or end what is stored.
    heeds_head: bool,
    /// Set if answers to `POST` are stored for `GET`.
    stores_post: bool,
    key: Key,
    /// A fingerprint of what decides about answers, beside the times that are looked at when they are used.
    fingerprint: Fingerprint,
    /// Requests that go past the cache.
    pub bypass: Option<Arc<Expression>>,
    /// The longest that a request waits for another one's answer; zero if none does.
    pub wait: Duration,
}

/// Fields by which widespread servers and frameworks choose another method, host, scheme or URL than the request's own.
const UNKEYED: [&str; 26] = [
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "x-original-method",
    "x-forwarded-method",
    "x-original-url",
    "x-original-uri",
    "x-rewrite-url",
    "x-override-url",
    "x-request-uri",
    "x-forwarded-uri",
    "x-forwarded-path",
    "x-proxy-url",
    "x-host",
    "x-original-host",
    "x-real-host",
    "x-backend-host",
    "x-http-host-override",
    "x-host-override",
    "x-forwarded-server",
    "x-scheme",
    "x-url-scheme",
    "x-forwarded-scheme",
    "x-forwarded-ssl",
    "x-forwarded-protocol",
    "front-end-https",
];

/// The parts of requests that count.
#[derive(Clone, Debug)]
struct Key {
    /// The only query parameters, or their beginnings; all, if there is no list.
    query: Option<Box<[Pattern]>>,
    /// Query parameters that do not count, or their beginnings.
    ignored: Box<[Pattern]>,
    headers: Box<[HeaderName]>,
    cookies: Box<[Box<str>]>,
    claims: Arc<[KeySource]>,
    by_caller: bool,
}

/// A name, or the beginning of one.
#[derive(Clone, Debug)]
struct Pattern {
    text: Box<str>,
    is_beginning: bool,
}

impl Cache {
    /// Returns whether cookies do not count, and go no further.
    pub(crate) const fn ignores_cookies(&self) -> bool {
        self.ignores_cookies
    }

    /// Checks and compiles `c`, whose requests with `bypass` go past it.
    ///
    /// # Errors
    /// Every mistake in it.
    pub fn compile(c: &config::Cache, bypass: Option<Box<Expression>>) -> Result<Self, Vec<PolicyError>> {
        let mut errors: Vec<PolicyError> = Vec::new();
        let mut error = |member, index, message: Arguments<'_>, help: &str| {
            errors.push(PolicyError { member, index, message: told(message), help: Some(told(help)) });
        };
        let mut span = |member, span: Option<Span>, shortest: Duration| {
            let span = span?.0;
            if span < shortest || span > LONGEST {
                let help = if shortest.is_zero() { "use at most `366d`" } else { "use `1s` to `366d`" };
                error(member, None, format_args!("this is no usable time for a response"), help);
            }
            Some(span)
        };
        let forced_ttl = span("ttl", c.ttl, SHORTEST);
        let default_ttl = span("defaultTtl", c.default_ttl, SHORTEST);
        let max_ttl = span("maxTtl", c.max_ttl, SHORTEST);
        let stale_while_revalidate = span("staleWhileRevalidate", c.stale_while_revalidate, Duration::ZERO);
        let stale_if_error = span("staleIfError", c.stale_if_error, Duration::ZERO);
        if c.ttl.is_some() && (c.default_ttl.is_some() || c.max_ttl.is_some()) {
            let message = format_args!("`ttl` is for every response, so `defaultTtl` and `maxTtl` mean nothing");
            error("ttl", None, message, "keep `ttl`, or the others");
        }
        let mut status_ttls = Vec::with_capacity(c.statuses.iter().len());
        for (index, (name, ttl)) in c.statuses.iter().enumerate() {
            match statuses(name) {
                Some(statuses) => status_ttls.push((statuses, ttl.0)),
                None => {
                    let message = format_args!("`{name}` is no status that is stored");
                    let meant = name.trim_matches(['+', '0', ' ']).to_ascii_lowercase();
                    match statuses(&meant) {
                        Some(_) => error("statuses", Some(index), message, &["did you mean `", &meant, "`?"].concat()),
                        None => error("statuses", Some(index), message, STATUSES),
                    }
                }
            }
            if (ttl.0 < SHORTEST && !ttl.0.is_zero()) || ttl.0 > LONGEST {
                let help = "use `1s` to `366d`, or `0s` to have none stored";
                error("statuses", Some(index), format_args!("`{name}` has no usable time"), help);
            }
        }
        let methods = c.methods.as_deref();
        for (index, name) in methods.into_iter().flatten().enumerate() {
            if is_stored(name) {
                if methods.is_some_and(|list| list.iter().take(index).any(|before| before == name)) {
                    error("methods", Some(index), format_args!("`{name}` is there twice"), "remove one");
                }
            } else if is_stored(&name.to_ascii_uppercase()) {
                let help = "write it in capitals: methods are told apart by case";
                error("methods", Some(index), format_args!("`{name}` has small letters"), help);
            } else {
                let help = "use `GET`, `HEAD` and `POST` (RFC 9110 §9.2.3)";
                error("methods", Some(index), format_args!("no answer to `{name}` can be stored"), help);
            }
        }
        let stores = |method: &str, usual| methods.map_or(usual, |list| list.iter().any(|name| name == method));
        // One that is written wrong may be it.
        if !stores("GET", true) && methods.into_iter().flatten().all(|name| is_stored(name)) {
            let help =
                "add `GET`, or leave out `methods` for `GET` and `HEAD`; `\"enabled\": false` turns the cache off";
            error("methods", None, format_args!("without `GET` there is nothing to answer from"), help);
        }
        // Those of a class come last.
        crate::order::sort_by(&mut status_ttls, |(one, _), (other, _)| is_class(*one).cmp(&is_class(*other)));
        let most_bytes = c.max_bytes.map_or(1 << 20, |bytes| bytes.0);
        if most_bytes == 0 || most_bytes > MOST_BYTES {
            error("maxBytes", None, format_args!("this is no usable size"), "use up to `64MiB`");
        }
        let wait = c.collapse.map_or(WAIT, |wait| wait.0);
        if wait > LONGEST_WAIT {
            error(
                "collapse",
                None,
                format_args!("this is too long to wait"),
                "use up to `60s`, or `0s` to have each request ask",
            );
        }
        let mut names = |member, list: &[String], help: &'static str| {
            let names = list.iter().enumerate().filter_map(|(index, text)| {
                let name = HeaderName::from_bytes(text.as_bytes()).ok();
                if name.is_none() {
                    error(member, Some(index), format_args!("`{text}` is no header name"), help);
                }
                name
            });
            names.collect::<Box<[HeaderName]>>()
        };
        let targeted = c.targets.as_deref().map_or_else(
            || Rules::default().targeted,
            |list| names("targets", list, "write one such as `CDN-Cache-Control`"),
        );
        let headers = names("key.headers", &c.key.headers, "use letters, digits and `-`");
        if let Some(index) = headers.iter().position(|name| *name == COOKIE) {
            let help = "name the cookies that count in `cookies`";
            error("key.headers", Some(index), format_args!("`Cookie` is different for every client"), help);
        }
        if c.ignore_cookies == Some(true) && !c.key.cookies.is_empty() {
            let help = "leave out `ignoreCookies`: the others do not count";
            error("ignoreCookies", None, format_args!("some cookies count"), help);
        }
        if c.key.query.is_some() && !c.key.ignore_query.is_empty() {
            let help = "leave out `ignoreQuery`: no others count";
            error("key.ignoreQuery", None, format_args!("`query` lists all parameters that count"), help);
        }
        let lists: [(&'static str, &[String]); 4] = [
            ("key.query", c.key.query.as_deref().unwrap_or_default()),
            ("key.ignoreQuery", &c.key.ignore_query),
            ("key.cookies", &c.key.cookies),
            ("key.claims", &c.key.claims),
        ];
        for (member, list) in lists {
            for (index, name) in list.iter().enumerate() {
                let is_pattern = member.ends_with("uery");
                if name.is_empty() {
                    error(member, Some(index), format_args!("a name is missing"), "write it as requests have it");
                } else if is_pattern && name.strip_suffix('*').unwrap_or(name).contains('*') {
                    let help = "a `*` at the end stands for any ending; list the names, if there are others";
                    error(member, Some(index), format_args!("`{name}` has a `*` before its end"), help);
                } else if member == "key.cookies" && !name.bytes().all(is_of_cookie) {
                    let help = "write the name alone: it has no blanks, quotes, `=`, `;` and `,` (RFC 6265 §4.1.1)";
                    error(member, Some(index), format_args!("no cookie is called `{name}`"), help);
                }
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }

        // One that the expression takes for another than the upstream does, such as a list, is kept apart all the same.
        let mut headers = headers.into_vec();
        for name in bypass.iter().flat_map(|when| when.fields()) {
            if !headers.contains(name) {
                headers.push(name.clone());
            }
        }
        let by_caller = c.key.caller == Some(true);
        let patterns = |list: &[String]| list.iter().map(|text| Pattern::of(text)).collect::<Box<[Pattern]>>();
        let rules = Rules {
            default_ttl,
            forced_ttl,
            max_ttl,
            stale_while_revalidate,
            stale_if_error,
            status_ttls: status_ttls.into(),
            cookies: c.set_cookies == Some(true),
            targeted,
            most_bytes,
            ..Rules::default()
        };
        let careful = Rules {
            default_ttl: None,
            forced_ttl: None,
            // Those that are never stored stay so.
            status_ttls: rules.status_ttls.iter().filter(|(_, ttl)| ttl.is_zero()).copied().collect(),
            stale_while_revalidate: None,
            stale_if_error: None,
            only_as_stated: true,
            ..rules.clone()
        };
        let own = Rules { per_caller: true, ..rules.clone() };
        Ok(Self {
            rules,
            careful,
            own,
            ignores_cookies: c.ignore_cookies == Some(true) || !c.key.cookies.is_empty(),
            heeds_head: stores("HEAD", true),
            stores_post: stores("POST", false),
            key: Key {
                query: c.key.query.as_deref().map(patterns),
                ignored: patterns(&c.key.ignore_query),
                headers: headers.into(),
                cookies: c.key.cookies.iter().map(|name| name.as_str().into()).collect(),
                claims: c.key.claims.iter().map(|claim| KeySource::Claim(claim.as_str().into())).collect(),
                by_caller,
            },
            fingerprint: fingerprint_of(c),
            bypass: bypass.map(Arc::from),
            wait,
        })
    }

    /// The same, but for the time for which a stale response is served where the upstream fails.
    #[must_use]
    pub fn with_stale_if_error(&self, time: Duration) -> Self {
        let mut other = self.clone();
        for rules in [&mut other.rules, &mut other.own] {
            rules.stale_if_error = Some(time);
        }
        other
    }

    /// Returns whether fields of requests decide about responses, beyond what RFC 9111 has them do.
    #[must_use]
    pub const fn reads_headers(&self) -> bool {
        self.bypass.is_some() || !self.key.headers.is_empty()
    }

    /// Those whom the response to `call` may be for. Who has proved nothing has no responses of their own.
    #[must_use]
    pub fn asker(&self, call: &Call) -> Asker {
        if !self.ignores_cookies && call.headers.contains_key(COOKIE) {
            Asker::WithCookies
        } else if self.key.by_caller && call.caller.as_deref().is_some_and(|caller| !caller.is_anonymous()) {
            Asker::Caller
        } else {
            Asker::Anyone
        }
    }

    /// The rules for the response to a request of `asker`.
    #[must_use]
    pub const fn rules_for(&self, asker: Asker) -> &Rules {
        match asker {
            Asker::Anyone => &self.rules,
            Asker::WithCookies => &self.careful,
            Asker::Caller => &self.own,
        }
    }

    /// A fingerprint of what decides about answers: what was stored by other rules is not found.
    pub(crate) const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Returns whether answers to `HEAD` confirm or end what is stored.
    #[must_use]
    pub const fn heeds_head(&self) -> bool {
        self.heeds_head
    }

    /// Returns whether answers to `POST` are ever stored for `GET`.
    #[must_use]
    pub const fn stores_answers_to_post(&self) -> bool {
        self.stores_post
    }

    /// Returns whether the answer to `call`, a `POST`, may be stored for `GET`: what a key leaves out reaches the upstream with it, whose answer
    /// is then for that alone.
    #[must_use]
    pub fn stores_post(&self, call: &Call) -> bool {
        self.stores_post && self.counts_all_of(call)
    }

    /// Returns whether each caller has responses of their own.
    #[must_use]
    pub const fn is_by_caller(&self) -> bool {
        self.key.by_caller
    }

    /// Returns whether queries are reduced to what counts of them.
    #[must_use]
    pub const fn reduces(&self) -> bool {
        self.key.query.is_some() || !self.key.ignored.is_empty()
    }

    /// Has the fields count that `edits` make of what clients send: the upstream answers by them.
    pub fn count_edits(&mut self, edits: &[HeaderEdit]) {
        let mut headers = core::mem::take(&mut self.key.headers).into_vec();
        for edit in edits {
            let of_client = match edit {
                HeaderEdit::Rename(..) | HeaderEdit::Default(..) => true,
                _ => edit.template().is_some_and(Template::is_of_client),
            };
            headers.extend(edit.result().filter(|name| of_client && !headers.contains(name)).cloned());
        }
        self.key.headers = headers.into();
    }

    /// Returns whether `call` goes past the cache. Other spellings of the fields that decide about it are taken out.
    #[must_use]
    pub fn is_bypassed(&self, call: &mut Call, now: Timestamp) -> bool {
        let Some(when) = &self.bypass else { return false };
        for name in when.fields() {
            remove_aliases(&mut call.headers, name, &[]);
        }
        when.holds(call, now)
    }

    /// Takes out of a request for an upstream the fields by which servers choose another answer, and that do not count.
    pub fn strip_unkeyed(&self, headers: &mut HeaderMap) {
        let must_go = |name: &&HeaderName| {
            !self.key.headers.contains(name)
                && UNKEYED.iter().any(|unkeyed| are_aliases(name.as_str().as_bytes(), unkeyed.as_bytes()))
        };
        let names: Vec<HeaderName> = headers.keys().filter(must_go).cloned().collect();
        for name in names {
            headers.remove(name);
        }
    }

    /// Takes out of `call` what does not count, so that no response depends on it.
    pub fn reduce(&self, call: &mut Call) {
        if let Some(text) = call.query()
            && (self.key.query.is_some() || !self.key.ignored.is_empty())
        {
            let reduced = self.key.reduced(text);
            call.set_query(Some(reduced).filter(|text| !text.is_empty()));
        }
        if self.ignores_cookies && call.headers.contains_key(COOKIE) {
            let mut kept = Vec::new();
            for name in &*self.key.cookies {
                if let Some(value) = cookie::first(&call.headers, name) {
                    let between: &[u8] = if kept.is_empty() { b"" } else { b"; " };
                    for part in [between, name.as_bytes(), b"=", value] {
                        kept.extend_from_slice(part);
                    }
                }
            }
            call.headers.remove(COOKIE);
            if let Some(kept) = HeaderValue::from_bytes(&kept).ok().filter(|kept| !kept.is_empty()) {
                call.headers.insert(COOKIE, kept);
            }
        }
    }

    /// The part of a resource's responses out of which `route` answers `call`: its own, as it is [stored](crate::plan::Route::stored_as), and a hash
    /// of what else counts. `upstream` is the one that a step has chosen.
    #[must_use]
    pub fn part(&self, route: &str, upstream: Option<&str>, call: &Call) -> String {
        let key = &self.key;
        let prefix = call.client.prefix.as_deref();
        // Upstreams may be told the host as it is written.
        let host = call.host_field().filter(|field| !is_canonical(field, call));
        if key.is_plain() && upstream.is_none() && prefix.is_none() && host.is_none() {
            return route.to_owned();
        }
        let mut hash = Sha256::new();
        // Each value with its length before it, so that no two lists make one text.
        let mut add = |value: Option<&[u8]>| {
            hash.update(value.map_or(u64::MAX, |value| value.len() as u64).to_le_bytes());
            hash.update(value.unwrap_or_default());
        };
        add(upstream.map(str::as_bytes));
        add(prefix.map(str::as_bytes));
        add(host.map(HeaderValue::as_bytes));
        for name in &*key.headers {
            for value in call.headers.get_all(name) {
                add(Some(value.as_bytes()));
            }
            add(None);
        }
        for name in &*key.cookies {
            add(cookie::first(&call.headers, name));
        }
        let by = |source: &KeySource| {
            let mut text = String::new();
            source.push_caller(&mut text, call);
            text
        };
        for claim in &*key.claims {
            add(Some(by(claim).as_bytes()));
        }
        if key.by_caller && self.asker(call) == Asker::Caller {
            // A consumer may be an application with many users.
            add(Some(by(&KeySource::Consumer).as_bytes()));
            add(Some(by(&KeySource::Credential).as_bytes()));
        }
        let mut part = String::with_capacity(route.len() + 33);
        part.push_str(route);
        part.push('#');
        for byte in hash.finalize().iter().take(16) {
            part.push(char::from(crate::http::digits::hex_digit(u16::from(*byte >> 4))));
            part.push(char::from(crate::http::digits::hex_digit(u16::from(*byte))));
        }
        part
    }

    /// Returns whether all of `call` counts, so that [`reduce`](Self::reduce) would take nothing out of it.
    fn counts_all_of(&self, call: &Call) -> bool {
        let has_all =
            |text: &str| (self.key.query.is_none() && self.key.ignored.is_empty()) || self.key.reduced(text) == text;
        call.query().is_none_or(has_all) && !(self.ignores_cookies && call.headers.contains_key(COOKIE))
    }

    /// Returns whether it depends on the route's path parameters.
    #[must_use]
    pub fn is_bound_to_path(&self) -> bool {
        self.bypass.as_ref().is_some_and(|when| when.has_parameters())
    }

    /// Returns whether it looks at who calls.
    #[must_use]
    pub fn asks_who_calls(&self) -> bool {
        self.key.by_caller || !self.key.claims.is_empty()
    }
}

impl Key {
    fn is_plain(&self) -> bool {
        self.headers.is_empty() && self.cookies.is_empty() && self.claims.is_empty() && !self.by_caller
    }

    /// The parameters of `text` that count: in the order of the list, where there is one, and those of one beginning by their names.
    fn reduced(&self, text: &str) -> String {
        let mut reduced = String::with_capacity(text.len());
        let mut keep = |parameter: &str| {
            if !reduced.is_empty() {
                reduced.push('&');
            }
            reduced.push_str(parameter);
        };
        match &self.query {
            Some(patterns) => {
                for (index, pattern) in patterns.iter().enumerate() {
                    let is_kept = |parameter: &str| patterns.iter().take(index).any(|before| before.fits(parameter));
                    let counts = |parameter: &&str| pattern.fits(parameter) && !is_kept(parameter);
                    let mut counting: Vec<&str> = query::parameters(text).filter(counts).collect();
                    if pattern.is_beginning {
                        let name = |parameter| percent::form_octets(query::split(parameter).0);
                        order::sort_by(&mut counting, |one, other| name(one).cmp(name(other)));
                    }
                    counting.into_iter().for_each(&mut keep);
                }
            }
            None => {
                let counts = |parameter: &&str| !self.ignored.iter().any(|pattern| pattern.fits(parameter));
                query::parameters(text).filter(counts).for_each(keep);
            }
        }
        reduced
    }
}

impl Pattern {
    fn of(text: &str) -> Self {
        match text.strip_suffix('*') {
            Some(beginning) => Self { text: beginning.into(), is_beginning: true },
            None => Self { text: text.into(), is_beginning: false },
        }
    }

    fn fits(&self, parameter: &str) -> bool {
        if self.is_beginning {
            percent::decode_form(query::split(parameter).0).starts_with(&*self.text)
        } else {
            query::is_named(parameter, &self.text)
        }
    }
}

/// The key of the responses to a reduced call: its effective URI (RFC 9110 §7.1), as the client asked for it.
#[must_use]
pub fn resource(call: &Call) -> String {
    let (host, path, query) = (call.outer_host(), call.path(), call.query());
    let mut port = itoa::Buffer::new();
    let port = port.format(call.outer_port());
    let mut key = String::with_capacity(16 + host.len() + path.len() + query.map_or(0, |query| query.len() + 1));
    for part in [call.client.scheme.as_str(), "://", &host, ":", port, path] {
        key.push_str(part);
    }
    if let Some(query) = query {
        key.push('?');
        key.push_str(query);
    }
    key
}

fn fingerprint_of(c: &config::Cache) -> Fingerprint {
    // Neither what others wait for nor the room that there is makes another answer, nor do the times of stale ones.
    let config::Cache {
        enabled: _,
        collapse: _,
        max_bytes: _,
        stale_while_revalidate: _,
        stale_if_error: _,
        ttl,
        default_ttl,
        max_ttl,
        statuses,
        methods,
        key,
        bypass,
        targets,
        set_cookies,
        ignore_cookies,
    } = c;
    let times = (ttl, default_ttl, max_ttl, statuses);
    Fingerprint::default().with(&times).with(&(methods, key, bypass, targets, set_cookies, ignore_cookies))
}

/// Returns whether `field` is the host of `call` in its one usual spelling: in small letters, with a port that is not the scheme's own.
fn is_canonical(field: &HeaderValue, call: &Call) -> bool {
    let Some(port) = field.as_bytes().strip_prefix(call.outer_host().as_bytes()) else { return false };
    let stated = call.outer_port();
    port.is_empty()
        || (stated != call.client.scheme.default_port()
            && port.strip_prefix(b":") == Some(itoa::Buffer::new().format(stated).as_bytes()))
}

/// The statuses called `name`: `404` or `5xx`.
fn statuses(name: &str) -> Option<Statuses> {
    if let Some(digit) = name.strip_suffix("xx") {
        let is_digit = digit.len() == 1;
        return digit.parse().ok().filter(|digit| is_digit && (2..=5).contains(digit)).map(Statuses::Class);
    }
    let status = name.parse().ok().filter(|status| name.len() == 3 && (200..=599).contains(status))?;
    // Parts of a response, and answers to conditions: none of them can be given to somebody else.
    (!matches!(status, 206 | 304 | 412 | 416 | 417)).then_some(Statuses::One(status))
}

/// Returns whether names of cookies have `byte`. Those that servers use have more in them than RFC 6265 §4.1.1 lets them: `cart[id]`.
const fn is_of_cookie(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'=' | b';' | b',' | b'"')
}

/// Returns whether answers to `method` are ever stored (RFC 9110 §9.2.3).
fn is_stored(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "POST")
}

const fn is_class(statuses: Statuses) -> bool {
    matches!(statuses, Statuses::Class(_))
}
