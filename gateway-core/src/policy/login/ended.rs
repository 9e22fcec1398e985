//! Sessions that have ended before their time, in the key-value store: what a provider's notice says, and what is looked up.

use core::time::Duration;
use std::sync::Arc;

use serde_json::Value;

use super::Login;
use super::session::Session;
use crate::caller::claims::ClaimSet;
use crate::policy::answers::Answers;
use crate::policy::api_key::Digester;
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
    /// The time before which they have begun, in seconds since 1970.
    pub before: i64,
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
        let key = match (claims.text("sid"), claims.text("sub")) {
            (Some(session), _) => key(login, "sid", session),
            (None, Some(subject)) => key(login, "sub", subject),
            (None, None) => return None,
        };
        // Times are whole seconds: a session that began in the present one has ended, too.
        let before = claims.issued_at?.saturating_add(1);
        Some(Self { id: self::key(login, "jti", claims.text("jti")?), key, before })
    }
}

/// The key of the entry for the session with this identifier of the gateway's own.
#[must_use]
pub fn of_session(login: &Login, id: &str) -> StoreKey {
    key(login, "id", id)
}

fn key(login: &Login, kind: &str, value: &str) -> StoreKey {
    StoreKey::digested(KeyUse::Session, "", &[&login.id, kind, value])
}

/// The time for which an entry is kept: whoever is refused does not use the session, which has rested too long then.
#[must_use]
pub fn keep_for(login: &Login) -> Duration {
    login.idle.saturating_add(Duration::from_secs(600))
}

/// What is known of the entries by which `session` may have ended.
#[must_use]
pub fn watches(answers: &Answers, login: &Login, session: &Session) -> Vec<Arc<Watch>> {
    let text = |claim: &str| session.claims.get(claim).and_then(Value::as_str);
    let of_provider = text("sid").map(|id| key(login, "sid", id));
    let of_subject = text("sub").map(|subject| key(login, "sub", subject));
    let pairs = [(Some(of_session(login, &session.id)), of_provider), (None, of_subject)];
    let mut watches = Vec::new();
    for (first, second) in pairs {
        let Some(name) = second.as_ref().or(first.as_ref()) else { continue };
        let digest = Digester::default().digest(&[name.as_str(), &session.id].concat());
        watches.push(answers.find_or(digest, || Watch::new(Kind::Token(WITHIN), first, second)));
    }
    watches
}
