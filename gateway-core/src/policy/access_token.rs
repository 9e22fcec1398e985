//! The access token that the gateway has for an upstream: asked for by the grant of client credentials (RFC 6749 §4.4), and
//! remembered. It is a secret, and leaves the memory for the upstream alone.

use core::fmt;
use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::HeaderValue;
use http::header::AUTHORIZATION;

use super::gcra;
use super::header_edit::{FieldValue, HeaderEdit, RequestEdits};
use super::key_source::Location;
use super::quota::Quota;
use super::remembered::{Life, Look, Pause, Reading, Remembered, Turn};
use crate::json;
use crate::time::Timestamp;

/// The longest that a request waits for a token, be it by asking or for another request that asks.
pub const WAIT: Duration = Duration::from_secs(5);

/// The age from which a question counts as lost, and another request asks, too.
const LOST_AFTER: Duration = Duration::from_secs(2);

/// The time that a request has for the task of asking after its answer; then another takes it on.
const PATIENCE: Duration = Duration::from_secs(10);

/// The life of a token whose issuer says nothing of it (RFC 6749 §5.1).
const USUAL_LIFE: Duration = Duration::from_secs(300);
const SHORTEST_LIFE: Duration = Duration::from_secs(5);
const LONGEST_LIFE: Duration = Duration::from_secs(86_400);

/// The end of a token's life in which it is not sent any more: it has to last until the upstream has looked at it.
const MARGIN: Duration = Duration::from_secs(10);

const LONGEST_PAUSE: u64 = 30;

/// The longest code of an error, in bytes.
const MOST_CODE: usize = 40;

/// The questions because an upstream does not take the token: three at once, then one in 15 s.
const RENEWALS: Quota = Quota { limit: 1, window: Duration::from_secs(15), burst: 3 };

/// The edit that puts a token into a request.
pub type Token = Arc<RequestEdits>;

/// A source of access tokens.
pub struct TokenSource {
    /// Its index among the sources of the plan.
    pub index: usize,
    /// Its identity: a digest of all that it is.
    pub id: Box<str>,
    /// The token endpoint.
    pub place: Location,
    /// The credentials of the gateway, unless they are in the form.
    pub authorization: Option<HeaderValue>,
    /// The form that is sent.
    pub form: Bytes,
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The form may have the secret.
        f.debug_struct("TokenSource").field("index", &self.index).field("place", &self.place).finish_non_exhaustive()
    }
}

/// The remembered token of a source, shared by all requests.
#[derive(Debug, Default)]
pub struct TokenCell {
    token: Remembered<Token>,
    /// The state of the limit on questions because of an upstream's 401.
    renewals: Mutex<Option<u64>>,
    /// The reason why the last question has failed.
    trouble: Mutex<Option<Arc<str>>>,
}

/// Returns the edit that sets `value` as `Authorization`, in place of any other spelling of that name. No log shows the value.
#[must_use]
pub fn authorize(mut value: HeaderValue) -> RequestEdits {
    value.set_sensitive(true);
    RequestEdits::new(vec![HeaderEdit::Set(AUTHORIZATION, FieldValue::Fixed(value))])
}

/// Reads the answer of a token endpoint (RFC 6749 §5.1): the token and its life. `None` if it is none, or of another type than Bearer,
/// which nobody here could use (§7.1).
#[must_use]
pub fn read(answer: &[u8]) -> Option<(Token, Duration)> {
    let answer = json::object(answer)?;
    let text = |name: &str| json::text(&answer, name).ok()?;
    let (access_token, token_type) = (text("access_token")?, text("token_type")?);
    // The syntax of RFC 6750 §2.1, which has no space.
    if !token_type.eq_ignore_ascii_case("bearer") || !access_token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let value = HeaderValue::from_str(&["Bearer ", access_token].concat()).ok().filter(|_| !access_token.is_empty())?;
    let life = match answer.get("expires_in") {
        None | Some(serde_json::Value::Null) => USUAL_LIFE,
        // Some servers write the number as text.
        Some(serde_json::Value::String(text)) => Duration::from_secs(text.parse().ok()?),
        Some(number) => Duration::from_secs(number.as_u64()?),
    };
    Some((Arc::new(authorize(value)), life.clamp(SHORTEST_LIFE, LONGEST_LIFE)))
}

/// The error that the content of a refusal names (RFC 6749 §5.2); none if it is no such code: nothing else of the content is ever shown.
#[must_use]
pub fn error_code(content: &[u8]) -> Option<Box<str>> {
    let content = json::object(content)?;
    let error = json::text(&content, "error").ok()??;
    let is_code = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (!error.is_empty() && error.len() <= MOST_CODE && error.bytes().all(is_code)).then(|| error.into())
}

impl TokenCell {
    /// The reason why the last question has failed; none once one has not.
    pub fn trouble(&self) -> Option<Arc<str>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes the outcome of a question: the reason of its failure.
    pub fn note(&self, trouble: Option<Arc<str>>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// Looks up the token at `now`, a time of the process's monotonic clock.
    pub fn look(&self, now: Duration) -> Look<Token> {
        self.token.look(now, PATIENCE)
    }

    /// Returns whether whoever needs it at `now` has to wait for the server.
    pub fn is_unread(&self, now: Duration) -> bool {
        self.token.is_unread(now)
    }

    /// The latest question that has begun.
    pub fn latest(&self) -> Reading {
        self.token.latest()
    }

    /// Assigns the part of a request that has no token at `now`: the first asks, and the others wait. With `than`, the token has to be
    /// from a later question.
    pub fn turn(&self, than: Option<Reading>, now: Duration) -> Turn<Token> {
        match than {
            Some(than) => self.token.newer_turn(than, now, LOST_AFTER),
            None => self.token.turn(now, LOST_AFTER),
        }
    }

    /// Begins a question for whose answer nobody waits; `None` if another is under way, or has been since somebody wanted this one.
    pub fn begin(&self, now: Duration) -> Option<Reading> {
        if self.token.is_due(now) { self.token.begin(now, LOST_AFTER) } else { None }
    }

    /// Returns whether a question has begun that has neither ended nor been left.
    pub fn is_being_read(&self) -> bool {
        self.token.is_being_read()
    }

    /// Leaves `reading`. Returns whether it was still under way.
    pub fn leave(&self, reading: Reading) -> bool {
        self.token.leave(reading)
    }

    /// The latest token that is still good at `now`.
    pub fn last(&self, now: Duration) -> Option<Token> {
        self.token.last(now)
    }

    /// Returns whether a question because of an upstream's 401 is admitted at `now`, and counts it: an upstream that takes no token
    /// at all must not have the server asked for each request.
    pub fn admits_renewal(&self, now: Timestamp) -> bool {
        let mut state = self.renewals.lock().unwrap_or_else(PoisonError::into_inner);
        let (next, verdict) = gcra::decide(*state, now, RENEWALS, 1);
        *state = Some(next);
        verdict.admitted
    }

    /// Stores what `reading`, which began at `asked`, was given at `now`. It is due after about 80 % of its `life`: `chance` spreads
    /// the questions of many instances.
    pub fn learn(
        &self,
        (token, life): (Token, Duration),
        (asked, now): (Duration, Duration),
        chance: u64,
        reading: Reading,
    ) -> Option<Token> {
        let age = now.saturating_sub(asked);
        // From 75 % to 85 %.
        let part = 750 + u32::try_from(chance % 101).unwrap_or_default();
        let valid = (life - MARGIN.min(life / 10)).saturating_sub(age);
        let fresh = (life * part / 1_000).saturating_sub(age);
        self.token.learn(token, Life { fresh, usable: valid, valid }, now, Some(reading))
    }

    /// Takes note that `reading` has failed. The next attempt is due after 1 s, 2 s, 4 s and so on, up to 30 s; while there is a token
    /// that is valid, it is made behind an answer.
    pub fn fail(&self, now: Duration, reading: Reading) -> Option<Token> {
        self.token.fail(pause, now, Some(reading))
    }
}

fn pause(failures: u32, valid_for: Option<Duration>) -> Pause {
    let seconds = 1_u64.checked_shl(failures.saturating_sub(1).min(16)).unwrap_or(LONGEST_PAUSE);
    let pause = Duration::from_secs(seconds.min(LONGEST_PAUSE));
    Pause { fresh: pause, usable: valid_for.unwrap_or(pause) }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};

    use super::*;
    use crate::call::Call;
    use crate::policy::header_edit;

    fn sent(token: &Token) -> (String, bool) {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer of-the-client"));
        let mut call = Call::new(Method::GET, "/".parse().unwrap(), headers);
        header_edit::apply(token, &mut call);
        let values: Vec<_> = call.headers.get_all(AUTHORIZATION).iter().collect();
        assert_eq!(values.len(), 1);
        (values[0].to_str().unwrap().to_owned(), values[0].is_sensitive())
    }

    /// RFC 6749 §5.1; RFC 6750 §2.1. The token takes the place of the client's, and is marked as a secret.
    #[test]
    fn an_answer_has_a_token_and_its_life() {
        let life = |expires: &str| {
            let answer = format!(r#"{{"access_token":"a.b-c_d~+/=","token_type":"bearer"{expires},"scope":"x"}}"#);
            let (token, life) = read(answer.as_bytes()).unwrap();
            assert_eq!(sent(&token), ("Bearer a.b-c_d~+/=".to_owned(), true));
            life.as_secs()
        };
        assert_eq!(life(r#","expires_in":3600"#), 3_600);
        assert_eq!(life(r#","expires_in":"3600""#), 3_600);
        assert_eq!((life(""), life(r#","expires_in":null"#)), (300, 300));
        assert_eq!((life(r#","expires_in":0"#), life(r#","expires_in":99999999"#)), (5, 86_400));
    }

    /// RFC 6749 §7.1: a client must not use a token whose type it does not understand.
    #[test]
    fn what_is_no_answer_gives_no_token() {
        for wrong in [
            "",
            "[]",
            r#"{"access_token":"a"}"#,
            r#"{"access_token":"a","token_type":"mac"}"#,
            r#"{"access_token":"","token_type":"Bearer"}"#,
            r#"{"access_token":"a b","token_type":"Bearer"}"#,
            r#"{"access_token":"a\nb","token_type":"Bearer"}"#,
            r#"{"access_token":"a","token_type":"Bearer","expires_in":-1}"#,
            r#"{"error":"invalid_client"}"#,
        ] {
            assert!(read(wrong.as_bytes()).is_none(), "{wrong}");
        }
    }

    /// docs/configuration.md, Credentials for upstreams: asked for again after about 80 % of its life, and not sent in its last 10 s.
    #[test]
    fn a_token_is_renewed_ahead_of_its_end() {
        let at = |seconds: u64| Duration::from_secs(1_000 + seconds);
        let answer = br#"{"access_token":"a","token_type":"Bearer","expires_in":1000}"#;
        let cell = TokenCell::default();
        let Turn::Read(reading) = cell.turn(None, at(0)) else { panic!("nobody asks") };
        cell.learn(read(answer).unwrap(), (at(0), at(1)), 50, reading);
        assert!(matches!(cell.look(at(799)), Look::Known(Some(_))));
        assert!(matches!(cell.look(at(800)), Look::Stale(Some(_))));
        assert!(matches!(cell.look(at(801)), Look::Known(Some(_))), "one request takes it on");
        assert!(cell.last(at(989)).is_some() && cell.last(at(990)).is_none());
        assert!(matches!(cell.look(at(990)), Look::Unread));
        let seconds: Vec<u64> = (1..8).map(|failures| pause(failures, None).usable.as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 30, 30]);
    }

    /// RFC 6749 §5.2. A code is a word, and whatever else a server says of it may be a secret.
    #[test]
    fn of_a_refusal_the_code_alone_is_read() {
        let answer = br#"{"error": "invalid_client", "error_description": "the secret hunter2 is wrong"}"#;
        assert_eq!(error_code(answer).as_deref(), Some("invalid_client"));
        for none in [
            "",
            "{}",
            r#"{"error": ""}"#,
            r#"{"error": {}}"#,
            r#"{"error": "Secret-Of-Somebody"}"#,
            r#"{"error": "two words"}"#,
        ] {
            assert_eq!(error_code(none.as_bytes()), None, "{none}");
        }
        let long = format!(r#"{{"error": "{}"}}"#, "a".repeat(41));
        assert_eq!(error_code(long.as_bytes()), None);
    }

    /// docs/configuration.md, Credentials for upstreams: an upstream that takes no token has the server asked in bounds.
    #[test]
    fn renewals_are_bounded() {
        let cell = TokenCell::default();
        let now = Timestamp::from_unix_millis(1_800_000_000_000);
        assert_eq!((0..100).filter(|_| cell.admits_renewal(now)).count(), 3);
    }
}
