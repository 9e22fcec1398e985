//! A session: what the browser of somebody who is logged in keeps, sealed.

use core::time::Duration;

use serde_json::{Map, Value};

use super::Login;
use super::answer::Answer;
use crate::caller::claims::{ClaimSet, Members};
use crate::caller::refusal::Refusal;
use crate::config::ForwardedToken;
use crate::json;
use crate::time::Timestamp;

/// The time before the end of an access token from which a new one is asked for; of a short-lived one the last quarter.
const AHEAD: u64 = 60;

/// A session. Its times are in seconds since 1970.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Session {
    /// Its identifier: the nonce of the login.
    pub id: String,
    /// The time of the login.
    pub begun: u64,
    /// The same by the provider's clock: the `iat` of the ID token.
    pub issued: u64,
    /// The time at which it was last written.
    pub seen: u64,
    /// The time at which new tokens are asked for; zero if they have no end.
    pub due: u64,
    /// The end of the access token, if it is known.
    pub ends: u64,
    /// The access token, if upstreams are sent it.
    pub access: Option<String>,
    /// The ID token, if upstreams are sent it, or the provider wants to see it at the logout.
    pub id_token: Option<String>,
    /// The refresh token.
    pub refresh: Option<String>,
    /// The claims.
    pub claims: Map<String, Value>,
    /// Those of [`NAMES`] that the ID token of the login had otherwise than the claims have them; null for none.
    pub first: Map<String, Value>,
}

/// The claims by which a provider's session is ended and a token revoked. A refreshed ID token may have others, or none (OpenID Connect
/// Core 1.0 §12.2): those of the login hold for as long as the session lasts.
const NAMES: [&str; 2] = ["sid", "jti"];

/// The state of a session that is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Set if new tokens are to be asked for.
    pub is_due: bool,
    /// Set if the tokens have ended.
    pub is_late: bool,
    /// Set if it is to be written again, so that it does not count as resting.
    pub is_stale: bool,
}

impl Session {
    /// The session that begins at `now` by this `answer` of the provider.
    #[must_use]
    pub fn begin(login: &Login, id: String, answer: Answer, claims: &ClaimSet, now: Timestamp) -> Self {
        let seconds = now.unix_millis() / 1_000;
        let issued = claims.issued_at.and_then(|time| u64::try_from(time).ok()).unwrap_or(seconds);
        let mut session = Self { id, begun: seconds, issued, ..Self::default() };
        session.renew(login, answer, Some(claims), now);
        // None came before them.
        session.first.clear();
        session
    }

    /// Takes the tokens and the claims of an `answer` that came at `now`.
    pub fn renew(&mut self, login: &Login, answer: Answer, claims: Option<&ClaimSet>, now: Timestamp) {
        let now = now.unix_millis() / 1_000;
        self.seen = now;
        (self.due, self.ends) = match answer.life {
            None => (0, 0),
            Some(life) => (now.saturating_add(life.saturating_sub(AHEAD.min(life / 4))), now.saturating_add(life)),
        };
        self.access = Some(answer.access).filter(|_| login.forward == Some(ForwardedToken::AccessToken));
        // RFC 6749 §6: without a new one, the old one goes on.
        self.refresh = answer.refresh.or(self.refresh.take());
        if let Some(claims) = claims {
            let mut before = core::mem::take(&mut self.claims);
            let kept = login.claims.iter().filter_map(|name| Some((&**name, claims.get(name)?.clone())));
            json::add(&mut self.claims, kept);
            for name in NAMES {
                let first = self.first.remove(name).or_else(|| before.remove(name)).unwrap_or_default();
                if *self.claims.get(name).unwrap_or(&Value::Null) != first {
                    self.first.insert(name.to_owned(), first);
                }
            }
            self.id_token = answer.id_token.filter(|_| login.keeps_id_token);
        }
    }

    /// Its state at `now`.
    ///
    /// # Errors
    /// It is over.
    pub fn standing(&self, login: &Login, now: Timestamp) -> Result<Standing, Refusal> {
        let now = now.unix_millis() / 1_000;
        let (rested, lasted) = (now.saturating_sub(self.seen), now.saturating_sub(self.begun));
        if rested >= login.idle.as_secs() || login.life.is_some_and(|life| lasted >= life.as_secs()) {
            return Err(Refusal::SessionEnded);
        }
        let can_renew = self.refresh.is_some();
        // A session from before `forward` was set lacks the token.
        let lacks = login.forward.is_some() && self.forwarded(login).is_none();
        let has_ended = self.ends > 0 && now >= self.ends;
        // Who is sent the token can do nothing with one that has ended.
        if !can_renew && (lacks || has_ended && login.forward == Some(ForwardedToken::AccessToken)) {
            return Err(Refusal::SessionEnded);
        }
        Ok(Standing {
            is_due: can_renew && (lacks || self.due > 0 && now >= self.due),
            is_late: lacks || has_ended,
            is_stale: Duration::from_secs(rested) >= login.idle / 10,
        })
    }

    /// The claims of whoever is logged in.
    #[must_use]
    pub fn claim_set(&self) -> ClaimSet {
        ClaimSet::new(None, None, i64::try_from(self.issued).ok(), Members::of(self.claims.clone()))
    }

    /// The claim called `name` as the ID token of the login had it.
    #[must_use]
    pub fn of_login(&self, name: &str) -> Option<&Value> {
        self.first.get(name).or_else(|| self.claims.get(name)).filter(|value| !value.is_null())
    }

    /// The same as a refreshed ID token has it, if that is another.
    #[must_use]
    pub fn of_refresh(&self, name: &str) -> Option<&Value> {
        self.first.get(name).and_then(|_| self.claims.get(name)).filter(|value| !value.is_null())
    }

    /// The claims by which its tokens are revoked: those of the login, and those of a refreshed ID token that names itself otherwise.
    pub fn revocable(&self) -> impl Iterator<Item = ClaimSet> {
        let of = |id: Option<&Value>, subject: Option<&Value>| {
            let mut claims = Map::new();
            let both = [("jti", id), ("sub", subject)];
            json::add(&mut claims, both.into_iter().filter_map(|(name, value)| Some((name, value?.clone()))));
            ClaimSet::new(None, None, i64::try_from(self.issued).ok(), Members::of(claims))
        };
        let refreshed = self.of_refresh("jti").map(|id| of(Some(id), None));
        core::iter::once(of(self.of_login("jti"), self.claims.get("sub"))).chain(refreshed)
    }

    /// The token that upstreams are sent.
    #[must_use]
    pub fn forwarded(&self, login: &Login) -> Option<&str> {
        match login.forward? {
            ForwardedToken::AccessToken => self.access.as_deref(),
            ForwardedToken::IdToken => self.id_token.as_deref(),
        }
    }

    /// The text that is sealed.
    #[must_use]
    pub fn write(&self) -> String {
        let mut members = Map::new();
        let texts = [("a", &self.access), ("t", &self.id_token), ("r", &self.refresh)];
        for (name, text) in texts {
            if let Some(text) = text {
                members.insert(name.to_owned(), Value::from(text.as_str()));
            }
        }
        members.insert("i".to_owned(), Value::from(self.id.as_str()));
        let times = [("b", self.begun), ("o", self.issued), ("s", self.seen), ("d", self.due), ("e", self.ends)];
        for (name, time) in times {
            members.insert(name.to_owned(), Value::from(time));
        }
        members.insert("c".to_owned(), Value::Object(self.claims.clone()));
        if !self.first.is_empty() {
            members.insert("f".to_owned(), Value::Object(self.first.clone()));
        }
        Value::Object(members).to_string()
    }

    /// The session that was sealed as `text`.
    #[must_use]
    pub fn read(text: &[u8]) -> Option<Self> {
        let Value::Object(mut members) = serde_json::from_slice(text).ok()? else { return None };
        let mut take = |name: &str| match members.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let (access, id_token, refresh, id) = (take("a"), take("t"), take("r"), take("i")?);
        let time = |name: &str| members.get(name).and_then(Value::as_u64);
        let (begun, issued, seen, due, ends) = (time("b")?, time("o")?, time("s")?, time("d")?, time("e")?);
        let Some(Value::Object(claims)) = members.remove("c") else { return None };
        let first = match members.remove("f") {
            None => Map::new(),
            Some(Value::Object(first)) => first,
            Some(_) => return None,
        };
        Some(Self { id, begun, issued, seen, due, ends, access, id_token, refresh, claims, first })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::capabilities::Capabilities;
    use crate::plan::{RequestStep, Secrets, load};
    use crate::policy::answers::Answers;
    use crate::policy::authenticate::Authenticate;
    use crate::policy::login::ended::{Notice, watches};
    use crate::policy::proof::Proof;

    struct Same;

    impl Secrets for Same {
        fn secret(&self, _: &str) -> Option<String> {
            Some("0123456789abcdef0123456789abcdef".to_owned())
        }
    }

    /// A login with this member.
    fn login(member: &str) -> Arc<Login> {
        let text = format!(
            r#"{{"issuers": {{"corp": {{"issuer": "https://id.test", "discovery": true}}}}, "routes": [{{"name": "r", "respond": {{}},
            "policies": [{{"authenticate": {{"login": {{"client": {{"id": "gw"}}, "keys": [{{"secret": "K"}}]{member}}}}}}}]}}]}}"#
        );
        let plan = load(&text, &Capabilities::NATIVE, &Same).unwrap();
        let mut steps = plan.routes.iter().flat_map(|route| &*route.request);
        let proofs = steps.find_map(RequestStep::authenticate).into_iter().flat_map(Authenticate::proofs);
        proofs.filter_map(Proof::login).next().unwrap().clone()
    }

    /// docs/configuration.md, Pages behind a login: upstreams are sent the token in place of what the browser sent. A session that began
    /// before `forward` was set has none: it is renewed, or refused.
    #[test]
    fn a_session_without_the_token_to_forward_is_renewed_or_over() {
        let now = Timestamp::from_unix_millis(1_000_000);
        let bare = Session { id: "i".to_owned(), begun: 1_000, seen: 1_000, ..Session::default() };
        let with_refresh = Session { refresh: Some("r".to_owned()), ..bare.clone() };
        let renewal = Ok(Standing { is_due: true, is_late: true, is_stale: false });
        let rest = Ok(Standing { is_due: false, is_late: false, is_stale: false });
        for token in ["access_token", "id_token"] {
            let login = login(&format!(r#", "forward": "{token}""#));
            assert_eq!(bare.standing(&login, now), Err(Refusal::SessionEnded));
            assert_eq!(with_refresh.standing(&login, now), renewal);
            let (access, id_token) = (Some("a".to_owned()), Some("t".to_owned()));
            let whole = Session { access, id_token, ..bare.clone() };
            assert_eq!(whole.standing(&login, now), rest);
        }
        assert_eq!(bare.standing(&login(""), now), rest);
    }

    /// OpenID Connect Core 1.0 §12.2: a refreshed ID token need not have `sid`, and its `jti` is another. docs/configuration.md, Pages
    /// behind a login: a session ends by what its login was called, and by what a refreshed token is.
    #[test]
    fn a_session_keeps_the_names_of_its_login() {
        let (login, now) = (login(""), Timestamp::from_unix_millis(1_000_000));
        let claims = |text: &str| ClaimSet::new(None, None, Some(1_000), serde_json::from_str(text).unwrap());
        let answer = || Answer { access: "a".to_owned(), refresh: None, id_token: None, life: None };
        let begin = |text: &str| Session::begin(&login, "i".to_owned(), answer(), &claims(text), now);
        let texts = |session: &Session| {
            let both = |name| {
                [session.of_login(name), session.of_refresh(name)]
                    .map(|value| value.and_then(Value::as_str).map(str::to_owned))
            };
            (both("sid"), both("jti"))
        };
        let is =
            |first: &str, later: &str| [first, later].map(|text| Some(text.to_owned()).filter(|text| !text.is_empty()));
        let mut named = begin(r#"{"sub": "p", "sid": "S1", "jti": "J1"}"#);
        assert_eq!((texts(&named), named.first.len()), ((is("S1", ""), is("J1", "")), 0));
        for (refreshed, sid, jti) in [
            (r#"{"sub": "p"}"#, "", ""),
            (r#"{"sub": "p", "sid": "S2", "jti": "J2"}"#, "S2", "J2"),
            (r#"{"sub": "p", "sid": "S3", "jti": "J3"}"#, "S3", "J3"),
            (r#"{"sub": "p", "sid": "S1", "jti": "J1"}"#, "", ""),
            (r#"{"sub": "p", "sid": null, "jti": null}"#, "", ""),
        ] {
            named.renew(&login, answer(), Some(&claims(refreshed)), now);
            assert_eq!(texts(&named), (is("S1", sid), is("J1", jti)), "{refreshed}");
            named = Session::read(named.write().as_bytes()).unwrap();
            let ids: Vec<_> = named.revocable().map(|claims| claims.value("jti").unwrap().into_owned()).collect();
            assert_eq!(ids, if jti.is_empty() { vec!["J1"] } else { vec!["J1", jti] }, "{refreshed}");
        }
        named.renew(&login, answer(), None, now);
        assert_eq!(texts(&named), (is("S1", ""), is("J1", "")));
        // A login without names is given none by what is refreshed.
        let mut unnamed = begin(r#"{"sub": "p"}"#);
        for later in ["S2", "S3"] {
            let refreshed = format!(r#"{{"sub": "p", "sid": "{later}"}}"#);
            unnamed.renew(&login, answer(), Some(&claims(&refreshed)), now);
            assert_eq!(texts(&unnamed), (is("", later), is("", "")));
        }
    }

    /// OpenID Connect Back-Channel Logout 1.0 §2.7: a process that has never seen the session before its refresh finds what a notice has
    /// noted of it, by either name.
    #[test]
    fn a_refreshed_session_is_looked_up_by_the_name_of_its_login() {
        let (login, now) = (login(""), Timestamp::from_unix_millis(1_000_000));
        let claims = |text: &str| ClaimSet::new(Some(2_000), None, Some(1_000), serde_json::from_str(text).unwrap());
        let answer = || Answer { access: "a".to_owned(), refresh: None, id_token: None, life: None };
        let noted = |id: &str| {
            let text = json!({"sid": id, "aud": "gw", "jti": "n", "events": {"http://schemas.openid.net/event/backchannel-logout": {}}});
            Notice::read(&login, &claims(&text.to_string())).unwrap().key
        };
        let finds = |session: &Session, id: &str| {
            let watches = watches(&Answers::default(), &login, session);
            watches.iter().any(|watch| watch.second(false) == Some(&noted(id)))
        };
        let mut session =
            Session::begin(&login, "i".to_owned(), answer(), &claims(r#"{"sub": "p", "sid": "S1"}"#), now);
        assert_eq!((finds(&session, "S1"), finds(&session, "S2")), (true, false));
        session.renew(&login, answer(), Some(&claims(r#"{"sub": "p"}"#)), now);
        assert_eq!((finds(&session, "S1"), finds(&session, "S2")), (true, false));
        session.renew(&login, answer(), Some(&claims(r#"{"sub": "p", "sid": "S2"}"#)), now);
        assert_eq!((finds(&session, "S1"), finds(&session, "S2")), (true, true));
    }

    /// docs/configuration.md, Pages behind a login: a cookie holds all of a session.
    #[test]
    fn a_session_is_read_as_it_was_written() {
        let Value::Object(claims) = json!({"sub": "a", "groups": ["b"], "n": 1}) else { return };
        let whole = Session {
            id: "i".to_owned(),
            begun: 1,
            issued: 5,
            seen: 2,
            due: 3,
            ends: 4,
            access: Some("a".to_owned()),
            id_token: Some("t".to_owned()),
            refresh: Some("r".to_owned()),
            claims,
            first: Map::from_iter([("sid".to_owned(), Value::from("s")), ("jti".to_owned(), Value::Null)]),
        };
        let none = Map::new();
        let bare =
            Session { access: None, id_token: None, refresh: None, claims: none.clone(), first: none, ..whole.clone() };
        for session in [whole, bare] {
            assert_eq!(Session::read(session.write().as_bytes()), Some(session));
        }
        for wrong in ["", "{}", "[]", r#"{"i": "a", "b": 1, "o": 1, "s": 1, "d": 1, "e": 1}"#, r#"{"i": 1, "c": {}}"#] {
            assert_eq!(Session::read(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
