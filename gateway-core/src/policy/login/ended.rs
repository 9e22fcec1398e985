//! Sessions that have ended before their time, in the key-value store: what a provider's notice says, and what is looked up.

use core::time::Duration;
use std::sync::Arc;

use serde_json::Value;

use super::Login;
use super::session::Session;
use crate::caller::claims::ClaimSet;
use crate::policy::answers::Answers;
use crate::policy::api_key::{Digester, KeyDigest};
use crate::policy::revocation::List;
use crate::policy::watch::{Kind, Watch};
use crate::store_key::{KeyUse, StoreKey};

/// The time within which a notice is honoured.
const WITHIN: Duration = Duration::from_secs(60);

/// The event of a logout token (OpenID Connect Back-Channel Logout 1.0 §2.4).
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// What a logout token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its identifier, as a key of its own: a token is taken once.
    pub id: StoreKey,
    /// The entry that is made.
    pub key: StoreKey,
    /// The time before which they have begun by the provider's clock, in seconds since 1970.
    pub before: i64,
    /// The time from which the token is void.
    pub expires: i64,
}

impl Notice {
    /// Reads a logout token whose issuer, signature and times are good; `None` if it is none for this login (§2.6).
    #[must_use]
    pub fn read(login: &Login, claims: &ClaimSet) -> Option<Self> {
        let is_logout = claims.get("events")?.get(EVENT).is_some_and(Value::is_object);
        // With a nonce it would be an ID token.
        if !is_logout || claims.get("nonce").is_some() || !claims.is_for(&login.client) {
            return None;
        }
        // Times are whole seconds: a session that began in the present one has ended, too. Both are of the provider's clock.
        let before = claims.issued_at?.saturating_add(1);
        let (key, before) = match (claims.text("sid"), claims.text("sub")) {
            // §2.7: that session, whenever it began.
            (Some(session), _) => (key(login, "sid", session), i64::MAX),
            (None, Some(subject)) => (key(login, "sub", subject), before),
            (None, None) => return None,
        };
        Some(Self { id: self::key(login, "jti", claims.text("jti")?), key, before, expires: claims.expires? })
    }
}

/// The key of the entry for the session with this identifier of the gateway's own.
#[must_use]
pub fn of_session(login: &Login, id: &str) -> StoreKey {
    key(login, "id", id)
}

/// What is known of the entries by which the tokens of `session` may have been revoked, of those in `list`. With the `changes` of
/// the list that were told, it is another.
#[must_use]
pub fn revoked(answers: &Answers, list: &List, within: Duration, session: &Session, claims: &ClaimSet) -> Arc<Watch> {
    let mut within_and_changes = itoa::Buffer::new();
    let times =
        within_and_changes.format(answers.changes().wrapping_mul(1_000).wrapping_add(within.as_secs())).to_owned();
    let id = claims.value("jti").unwrap_or_default();
    let digest =
        Digester::default().digest(&[list.marker().as_str(), ":", &times, ":", &session.id, ":", &id].concat());
    let new = || list.watch_token(claims, within).unwrap_or_else(|| Watch::new(Kind::Token(within), None, None));
    answers.find_or(digest, new)
}

fn key(login: &Login, kind: &str, value: &str) -> StoreKey {
    StoreKey::digested(KeyUse::Session, "", &[&login.id, kind, value])
}

/// The time for which an entry is kept: whoever is refused does not use the session, which has rested too long then.
#[must_use]
pub fn keep_for(login: &Login) -> Duration {
    login.idle.saturating_add(Duration::from_secs(600))
}

/// What is known of the entries by which `session` alone may have ended: its own, and that of the provider's session that it began with.
#[must_use]
pub fn own(answers: &Answers, login: &Login, session: &Session) -> Arc<Watch> {
    let first = of_session(login, &session.id);
    let text = session.of_login("sid").and_then(Value::as_str);
    let second = text.map(|id| key(login, "sid", id));
    answers.find_or(digest(&first, session), || Watch::new(Kind::Token(WITHIN), Some(first), second))
}

fn digest(name: &StoreKey, session: &Session) -> KeyDigest {
    Digester::default().digest(&[name.as_str(), &session.id].concat())
}

/// What is known of the entries by which `session` may have ended.
#[must_use]
pub fn watches(answers: &Answers, login: &Login, session: &Session) -> Vec<Arc<Watch>> {
    let mut watches = vec![own(answers, login, session)];
    let others = [("sub", session.claims.get("sub")), ("sid", session.of_refresh("sid"))];
    for (kind, value) in others.into_iter().filter_map(|(kind, value)| Some((kind, value?.as_str()?))) {
        let key = key(login, kind, value);
        watches.push(answers.find_or(digest(&key, session), || Watch::new(Kind::Token(WITHIN), None, Some(key))));
    }
    watches
}
