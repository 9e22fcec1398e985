//! The cookies of logins and sessions, as they are set and found (RFC 6265bis).

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use super::Login;
use super::attempt::{self, Attempt};
use super::session::Session;
use crate::call::Call;
use crate::http::cookie;
use crate::order;
use crate::policy::seal::{self, MOST_CHUNKS, NONCE};
use crate::time::Timestamp;

/// The end of the name of the cookie that counts successful logins.
const COUNT: &str = "count";

/// The time that it counts for, in seconds.
const COUNTED: u64 = 60;

impl Login {
    /// A cookie. It goes to this host alone, over TLS, with no request that another site makes but a link (RFC 6265bis §4.1.3.2, §8.8).
    fn set(&self, name: &str, value: &str, max_age: Option<u64>) -> Option<HeaderValue> {
        let mut text = [name, "=", value, "; Path=/; HttpOnly; SameSite=Lax"].concat();
        if !self.is_insecure {
            text.push_str("; Secure");
        }
        if let Some(seconds) = max_age {
            text.push_str("; Max-Age=");
            text.push_str(itoa::Buffer::new().format(seconds));
        }
        let mut value = HeaderValue::try_from(text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// The session in the cookies of `call`; `None` if there is no cookie, and the inner one if it is none of this login's.
    #[must_use]
    pub fn session(&self, call: &Call) -> Option<Option<Session>> {
        let first = text(&call.headers, &self.cookie)?;
        let further = |index: usize| text(&call.headers, &self.chunk(index));
        Some(seal::join(first, further).and_then(|sealed| {
            let content = self.sealer.open(self.place(&self.cookie, &call.outer_host()), &sealed)?;
            Session::read(&content)
        }))
    }

    /// Returns whether `call` has a cookie of a session, be it one or not.
    #[must_use]
    pub fn is_stated(&self, headers: &HeaderMap) -> bool {
        cookie::first(headers, &self.cookie).is_some()
    }

    /// Appends to `set` the cookies that keep `session`; `None` if they would be too large.
    pub fn keep_session(
        &self,
        session: &Session,
        call: &Call,
        nonce: &[u8; NONCE],
        set: &mut Vec<HeaderValue>,
    ) -> Option<()> {
        let sealed =
            self.sealer.seal(self.place(&self.cookie, &call.outer_host()), session.write().as_bytes(), nonce)?;
        let chunks = seal::split(&sealed)?;
        let count = chunks.len();
        for (index, chunk) in chunks.iter().enumerate() {
            set.push(self.set(&self.chunk(index), chunk, None)?);
        }
        self.end_chunks(count, call, set);
        Some(())
    }

    /// Appends to `set` the end of the session in the cookies of `call`.
    pub fn end_session(&self, call: &Call, set: &mut Vec<HeaderValue>) {
        set.extend(self.set(&self.cookie, "", Some(0)));
        self.end_chunks(1, call, set);
    }

    /// The end of the cookies that `call` has from this chunk on.
    fn end_chunks(&self, from: usize, call: &Call, set: &mut Vec<HeaderValue>) {
        for index in from..MOST_CHUNKS {
            let name = self.chunk(index);
            if cookie::first(&call.headers, &name).is_some() {
                set.extend(self.set(&name, "", Some(0)));
            }
        }
    }

    /// The name of this chunk of a session's cookie.
    fn chunk(&self, index: usize) -> String {
        match index {
            0 => self.cookie.to_string(),
            _ => [&self.cookie, ".", itoa::Buffer::new().format(index)].concat(),
        }
    }

    /// The attempt with this `state` in the cookies of `call`, and the name of its cookie.
    #[must_use]
    pub fn attempt(&self, call: &Call, state: &str, now: Timestamp) -> Option<(Attempt, String)> {
        let name = [&self.attempts, Attempt::name(state)?].concat();
        let attempt = self.open_attempt(call, &name)?;
        attempt.is_of(state, now).then_some((attempt, name))
    }

    fn open_attempt(&self, call: &Call, name: &str) -> Option<Attempt> {
        let sealed = text(&call.headers, name)?;
        Attempt::read(&self.sealer.open(self.place(name, &call.outer_host()), sealed)?)
    }

    /// Appends to `set` the cookie that keeps `attempt`, and the end of the oldest of those in `call` that would be too many.
    pub fn keep_attempt(
        &self,
        attempt: &Attempt,
        call: &Call,
        nonce: &[u8; NONCE],
        set: &mut Vec<HeaderValue>,
    ) -> Option<()> {
        let name = [&self.attempts, Attempt::name(&attempt.state)?].concat();
        let sealed = self.sealer.seal(self.place(&name, &call.outer_host()), attempt.write().as_bytes(), nonce)?;
        let count = [&self.attempts, COUNT].concat();
        let names = names(&call.headers).filter(|known| known.starts_with(&*self.attempts) && **known != count);
        // What does not open is the oldest.
        let mut known: Vec<(u64, &str)> =
            names.map(|name| (self.open_attempt(call, name).map_or(0, |attempt| attempt.begun), name)).collect();
        order::sort_by(&mut known, Ord::cmp);
        let surplus = (known.len() + 1).saturating_sub(attempt::MOST);
        for (_, name) in known.iter().take(surplus) {
            self.end_cookie(name, set);
        }
        set.push(self.set(&name, &sealed, Some(attempt::LIFE.as_secs()))?);
        Some(())
    }

    /// Appends to `set` the end of the cookie called `name`.
    pub fn end_cookie(&self, name: &str, set: &mut Vec<HeaderValue>) {
        set.extend(self.set(name, "", Some(0)));
    }

    /// The logins of the browser that has sent `call` that succeeded within the last minute.
    #[must_use]
    pub fn counted(&self, call: &Call) -> u32 {
        text(&call.headers, &[&self.attempts, COUNT].concat()).and_then(|count| count.parse().ok()).unwrap_or_default()
    }

    /// Appends to `set` the cookie that counts so many logins; the end of it for none.
    pub fn count(&self, logins: u32, set: &mut Vec<HeaderValue>) {
        let name = [&self.attempts, COUNT].concat();
        match logins {
            0 => self.end_cookie(&name, set),
            _ => set.extend(self.set(&name, &logins.to_string(), Some(COUNTED))),
        }
    }
}

/// The value of the first cookie called `name`, if it is text.
fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    core::str::from_utf8(cookie::first(headers, name)?).ok()
}

/// The names of all cookies.
fn names(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let pairs = headers.get_all(COOKIE).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    pairs.filter_map(|pair| core::str::from_utf8(pair).ok()?.split_once('=').map(|(name, _)| name.trim()))
}
