//! An attempt to log in, as the browser that makes it keeps it until it comes back: sealed, in a cookie of its own.

use core::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Login;
use crate::http::percent;
use crate::time::Timestamp;

/// The longest that a browser has for a login.
pub const LIFE: Duration = Duration::from_secs(600);

/// The most attempts that a browser keeps. With another one the oldest ends.
pub const MOST: usize = 4;

/// The random bytes of an attempt.
pub const RANDOM: usize = 96;

/// The characters of its `state` that its cookie is called by.
const NAME: usize = 8;

/// The longest target that an attempt keeps, so that its cookie is below a thousand bytes: tabs that are opened at once know nothing of
/// one another's, and those of thirty fit into the fields of a request.
const MOST_TARGET: usize = 500;

/// An attempt to log in.
#[derive(Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The time of its beginning, in seconds since 1970.
    pub begun: u64,
    /// The logins of this browser that have just succeeded.
    pub logins: u32,
    /// The parameter that comes back with the browser (RFC 6749 §10.12).
    pub state: String,
    /// The claim of the ID token that is for this attempt alone (OpenID Connect Core 1.0 §3.1.2.1).
    pub nonce: String,
    /// The secret that only whoever began it has (RFC 7636 §4.1).
    pub verifier: String,
    /// The path and the query that were asked for.
    pub target: String,
}

impl Attempt {
    /// An attempt that begins at `now`, for this `target`.
    #[must_use]
    pub fn new(random: &[u8; RANDOM], now: Timestamp, logins: u32, target: &str) -> Self {
        let mut parts = random.chunks(RANDOM / 3).map(Base64UrlUnpadded::encode_string);
        let mut part = || parts.next().unwrap_or_default();
        Self {
            begun: now.unix_millis() / 1_000,
            logins,
            state: part(),
            nonce: part(),
            verifier: part(),
            target: own_target(target).to_owned(),
        }
    }

    /// The end of its cookie's name; `None` for the `state` of no attempt.
    #[must_use]
    pub fn name(state: &str) -> Option<&str> {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        state.get(..NAME).filter(|name| name.bytes().all(is_name))
    }

    /// The text that is sealed.
    #[must_use]
    pub fn write(&self) -> String {
        let Self { begun, logins, state, nonce, verifier, target } = self;
        [&*begun.to_string(), &*logins.to_string(), state, nonce, verifier, target].join("\n")
    }

    /// The attempt that was sealed as `text`.
    #[must_use]
    pub fn read(text: &[u8]) -> Option<Self> {
        let mut lines = core::str::from_utf8(text).ok()?.splitn(6, '\n');
        let mut line = || lines.next();
        let (begun, logins) = (line()?.parse().ok()?, line()?.parse().ok()?);
        let mut text = || line().map(str::to_owned);
        Some(Self { begun, logins, state: text()?, nonce: text()?, verifier: text()?, target: text()? })
    }

    /// Returns whether it is the one that `state` came back for, and not over at `now`.
    #[must_use]
    pub fn is_of(&self, state: &str, now: Timestamp) -> bool {
        let age = (now.unix_millis() / 1_000).saturating_sub(self.begun);
        age < LIFE.as_secs() && bool::from(self.state.as_bytes().ct_eq(state.as_bytes()))
    }

    /// The URL of the authorization request (OpenID Connect Core 1.0 §3.1.2.1, RFC 7636 §4.3).
    #[must_use]
    pub fn url(&self, login: &Login, endpoint: &str, redirect: &str) -> String {
        let challenge = Base64UrlUnpadded::encode_string(&Sha256::digest(self.verifier.as_bytes()));
        let mut url = endpoint.to_owned();
        url.push(if endpoint.contains('?') { '&' } else { '?' });
        url.push_str(&login.request);
        let own = [
            ("redirect_uri", redirect),
            ("state", &*self.state),
            ("nonce", &*self.nonce),
            ("code_challenge", &*challenge),
        ];
        for (name, value) in own {
            parameter(&mut url, name, value);
        }
        url
    }
}

/// Appends a parameter of a form that has begun.
pub fn parameter(form: &mut String, name: &str, value: &str) {
    form.push('&');
    form.push_str(name);
    form.push('=');
    percent::encode_query_value(value, form);
}

/// `target` if it is of the own origin for every reader: a path, which begins with one slash; else `/`.
fn own_target(target: &str) -> &str {
    let leads_away = |rest: &str| rest.starts_with(['/', '\\']);
    let is_own = target.strip_prefix('/').is_some_and(|rest| !leads_away(rest))
        && target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let short = || target.split('?').next().filter(|path| path.len() <= MOST_TARGET);
    match is_own {
        true if target.len() <= MOST_TARGET => target,
        true => short().unwrap_or("/"),
        false => "/",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_millis(1_800_000_000_000);

    fn attempt(target: &str) -> Attempt {
        Attempt::new(&core::array::from_fn(|i| i as u8), NOW, 2, target)
    }

    /// RFC 7636 §4.1: 43 to 128 characters. RFC 6749 §10.10: not to be guessed.
    #[test]
    fn an_attempt_has_three_secrets_of_32_bytes() {
        let Attempt { state, nonce, verifier, .. } = attempt("/");
        assert!([&state, &nonce, &verifier].into_iter().all(|secret| secret.len() == 43));
        assert!(state != nonce && nonce != verifier && state != verifier);
    }

    #[test]
    fn an_attempt_is_read_as_it_was_written() {
        let attempt = attempt("/a?b=c");
        assert!(Attempt::read(attempt.write().as_bytes()) == Some(attempt.clone()));
        assert!(Attempt::read(b"1\n2\n3\n4\n5").is_none() && Attempt::read(b"").is_none());
    }

    /// RFC 6749 §10.12: the state is the one that this browser was given. docs/configuration.md: within ten minutes.
    #[test]
    fn a_state_is_of_its_attempt_for_ten_minutes() {
        let attempt = attempt("/");
        let at = |seconds: u64| NOW.saturating_add(Duration::from_secs(seconds));
        assert!(attempt.is_of(&attempt.state, at(599)));
        assert!(!attempt.is_of(&attempt.state, at(600)));
        assert!(!attempt.is_of(&attempt.nonce, at(0)) && !attempt.is_of("", at(0)));
    }

    /// RFC 9700 §4.11.1: no open redirector.
    #[test]
    fn a_browser_comes_back_to_a_page_of_the_own_origin_alone() {
        for target in ["/", "/a", "/a?b=//evil.test", "/a//b"] {
            assert_eq!(attempt(target).target, target);
        }
        for target in
            ["//evil.test", "/\\evil.test", "https://evil.test", "", "a", "/a\\b", "/a\r\nb", "/\u{9}/evil.test"]
        {
            assert_eq!(attempt(target).target, "/", "{target:?}");
        }
        assert_eq!(attempt(&format!("/a?{}", "b".repeat(497))).target.len(), 500);
        assert_eq!(attempt(&format!("/a?{}", "b".repeat(498))).target, "/a");
        assert_eq!(attempt(&format!("/{}", "b".repeat(500))).target, "/");
    }

    #[test]
    fn a_cookie_is_called_by_the_beginning_of_the_state() {
        assert_eq!(Attempt::name("abcd-f_hij"), Some("abcd-f_h"));
        assert!(["abc", "a=b;c d e f", "ääääääää", ""].into_iter().all(|state| Attempt::name(state).is_none()));
    }
}
