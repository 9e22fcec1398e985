//! The proofs of identity that a route asks for: a flat program of checks, which any and all of several proofs compile to.

use std::sync::Arc;

use http::header::WWW_AUTHENTICATE;
use http::{HeaderValue, StatusCode};

use super::credential::Place;
use super::login::{self, Login};
use super::proof::Proof;
use super::signature::ACCEPT_SIGNATURE;
use crate::call::Call;
use crate::caller::Caller;
use crate::caller::refusal::{Failure, Refusal};
use crate::error::Reject;

/// The compiled proofs of a route.
#[derive(Debug)]
pub struct Authenticate {
    /// The checks; the first begins. Each leads to a later one, or to an end.
    pub checks: Box<[Check]>,
    /// The caller that whoever states no credential at all counts as; none if they are refused.
    pub anonymous: Option<Arc<Caller>>,
    /// The places that are emptied on the way to the upstream, whichever proof is given.
    pub stripped: Box<[Place]>,
    /// Set if any proof may be in the query.
    pub takes_queries: bool,
    /// The realm of the challenges.
    pub realm: Box<str>,
    /// The scopes that a token needs here, as challenges name them (RFC 6750 §3); empty if it needs none.
    pub scope: Box<str>,
    /// A few words for a list of policies.
    pub words: Box<str>,
}

/// A proof, and what follows from it.
#[derive(Debug)]
pub struct Check {
    /// The proof.
    pub proof: Proof,
    /// Where it leads if it is given.
    pub pass: Next,
    /// Where it leads if it is not.
    pub fail: Next,
    /// The first check of the alternative that fails with it: what was proved from there on counts no more.
    pub since: u16,
}

/// The next part of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The check with this index.
    Check(u16),
    /// The caller is known.
    Admit,
    /// The caller is not believed.
    Refuse,
}

/// A program under way.
#[derive(Debug, Default)]
pub struct Progress {
    at: u16,
    /// What counts so far: each check that was passed, and whom it has shown.
    passed: Vec<(u16, Arc<Caller>)>,
    /// The gravest failure, the first of its kind, and its check.
    failed: Option<(u16, Refusal)>,
}

/// The checks that were passed on the way to an end, by their indexes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown(u32);

/// The end of a program.
#[derive(Debug)]
pub enum End {
    /// The caller is this one, as these checks have shown.
    Known(Arc<Caller>, Shown),
    /// Nobody is believed, for this reason of this check.
    Refused(u16, Refusal),
}

impl Progress {
    /// The check whose turn it is.
    #[must_use]
    pub fn check<'a>(&self, program: &'a Authenticate) -> Option<&'a Check> {
        program.checks.get(usize::from(self.at))
    }

    /// Takes the outcome of `check`, whose turn it was. Returns the end, if it is one.
    pub fn take(&mut self, check: &Check, outcome: Result<Arc<Caller>, Refusal>) -> Option<End> {
        let outcome = outcome.and_then(|caller| {
            let is_other = self.passed.iter().any(|(_, known)| known.is_other_consumer_than(&caller));
            if is_other { Err(Refusal::OtherConsumer) } else { Ok(caller) }
        });
        let next = match outcome {
            // The usual end: there is nobody to join with.
            Ok(caller) if check.pass == Next::Admit && self.passed.is_empty() => {
                return Some(End::Known(caller, Shown::default().with(self.at)));
            }
            Ok(caller) => {
                self.passed.push((self.at, caller));
                check.pass
            }
            Err(refusal) => {
                if self.failed.is_none_or(|(_, known)| known.failure() < refusal.failure()) {
                    self.failed = Some((self.at, refusal));
                }
                self.passed.retain(|(index, _)| *index < check.since);
                if refusal.failure() == Failure::Final { Next::Refuse } else { check.fail }
            }
        };
        match next {
            Next::Check(at) => {
                self.at = at;
                None
            }
            Next::Admit => {
                let shown = self.passed.iter().fold(Shown::default(), |shown, (index, _)| shown.with(*index));
                Some(End::Known(self.joined(), shown))
            }
            Next::Refuse => Some(self.refused()),
        }
    }

    /// The same, of which no check is left: only its end.
    #[must_use]
    pub fn closed(self) -> Self {
        Self { at: u16::MAX, ..self }
    }

    /// The end without a caller.
    #[must_use]
    pub fn refused(&self) -> End {
        let (check, refusal) = self.failed.unwrap_or((self.at, Refusal::Absent));
        End::Refused(check, refusal)
    }

    /// The caller whom all that was passed shows together.
    fn joined(&mut self) -> Arc<Caller> {
        let mut callers = core::mem::take(&mut self.passed).into_iter().map(|(_, caller)| caller);
        let first = callers.next().unwrap_or_default();
        callers.fold(first, |known, caller| Arc::new(known.with(&caller)))
    }
}

impl Shown {
    /// These, and the check with this index.
    const fn with(self, index: u16) -> Self {
        // INVARIANT: there are at most 16 checks.
        Self(self.0 | 1_u32.wrapping_shl(index as u32))
    }

    /// Returns whether the check with this index was passed.
    #[must_use]
    pub const fn has(self, index: usize) -> bool {
        self.0.wrapping_shr(index as u32) & 1 == 1
    }
}

impl Authenticate {
    /// The places that hold what no proof among those that were `shown` has looked at, of proofs that let theirs go on.
    pub fn unproved(&self, shown: Shown) -> impl Iterator<Item = &Place> {
        let kept = move |is_shown: bool| {
            let proofs = self.proofs().enumerate().filter(move |(index, _)| shown.has(*index) == is_shown);
            proofs.filter(|(_, proof)| proof.keeps_token()).flat_map(|(_, proof)| proof.places())
        };
        kept(false).filter(move |place| !kept(true).any(|other| other.is_with(place)))
    }

    /// The proofs, in the order in which they are tried.
    pub fn proofs(&self) -> impl Iterator<Item = &Proof> {
        self.checks.iter().map(|check| &check.proof)
    }

    /// The login to which the browser that has made `call` is sent after this refusal: it asks for a page, and states no other credential.
    #[must_use]
    pub fn login(&self, refusal: Refusal, call: &Call) -> Option<&Arc<Login>> {
        let is_login = |proof: &Proof| proof.login().is_some();
        let login = self.proofs().find_map(Proof::login)?;
        let is_asked_for = matches!(refusal, Refusal::Absent | Refusal::SessionUnknown | Refusal::SessionEnded);
        let is_alone = || !self.proofs().any(|proof| !is_login(proof) && proof.is_stated(call));
        (is_asked_for && login::is_navigation(call) && is_alone()).then_some(login)
    }

    /// The caller that `call` counts as, if it states nothing where a credential would be. A wrong credential is none of nothing.
    #[must_use]
    pub fn nobody(&self, call: &Call) -> Option<&Arc<Caller>> {
        self.anonymous.as_ref().filter(|_| !self.proofs().any(|proof| proof.is_stated(call)))
    }

    /// Returns whether no other credential helps a caller who fails the check with this index. Without a challenge there is no 401
    /// (RFC 9110 §15.5.2), and there is none for a certificate, which belongs to the connection.
    fn is_refused_for_good(&self, check: u16, has_challenge: bool) -> bool {
        let failed = self.checks.get(usize::from(check)).map(|check| &check.proof);
        let has_alternative = self.checks.iter().any(|check| matches!(check.fail, Next::Check(_)));
        !has_challenge || matches!(failed, Some(Proof::Certificate)) && !has_alternative
    }

    /// The answer to a request that is refused for `refusal` of the check with this index, with a challenge of each scheme (RFC 9110
    /// §11.6.1); 403 where none could help. What a service has said of it, if one was asked, is in `denied`.
    #[must_use]
    pub fn refuse(&self, check: u16, refusal: Refusal, denied: Option<Box<Reject>>) -> Reject {
        let denied = denied.filter(|_| refusal == Refusal::Denied);
        let mut reject = denied.map_or_else(|| refusal.reject(), |denied| *denied);
        let is_settled = refusal == Refusal::Denied && reject.status != StatusCode::UNAUTHORIZED;
        if refusal.failure() == Failure::Unavailable || refusal.is_of_content() || is_settled {
            return reject;
        }
        let mut challenges: Vec<(&str, String)> = Vec::new();
        for (index, proof) in self.proofs().enumerate() {
            let is_its_own = index == usize::from(check);
            let Some((scheme, about)) = proof.challenge(is_its_own.then_some(refusal)) else { continue };
            match challenges.iter_mut().find(|(known, _)| *known == scheme) {
                Some(known) if is_its_own => known.1 = about,
                Some(_) => {}
                None => challenges.push((scheme, about)),
            }
        }
        let is_own = reject.status == StatusCode::UNAUTHORIZED && refusal != Refusal::Denied;
        if is_own && self.is_refused_for_good(check, !challenges.is_empty()) {
            return Reject::forbidden().with_detail(match refusal {
                Refusal::Certificate => "this takes a client certificate".into(),
                Refusal::CertificateExpired => "the client certificate has expired".into(),
                _ => reject.detail,
            });
        }
        // RFC 9421 §5.1: what has to be signed.
        for proof in self.proofs() {
            if let Proof::Signature(signature) = proof {
                reject = reject.with_header(ACCEPT_SIGNATURE, signature.accepted.clone());
            }
        }
        for (scheme, about) in challenges {
            // An error of the token says what is wrong with it.
            let scope = if scheme == "Bearer" && !about.contains("error=") { &*self.scope } else { "" };
            // The realm is a token (RFC 9110 §5.6.2): see `loop_guard`.
            if let Ok(challenge) = HeaderValue::try_from(format!(r#"{scheme} realm="{}"{scope}{about}"#, self.realm)) {
                reject = reject.with_header(WWW_AUTHENTICATE, challenge);
            }
        }
        reject
    }
}

#[cfg(test)]
mod tests {
    use super::super::proof::JwtProof;
    use super::*;
    use crate::caller::consumer::Consumer;

    fn check(pass: Next, fail: Next, since: u16) -> Check {
        let jwt = JwtProof {
            issuers: Box::default(),
            audiences: Box::default(),
            places: Box::default(),
            keep: false,
            metadata: None,
            names: Box::default(),
        };
        Check { proof: Proof::Jwt(jwt), pass, fail, since }
    }

    fn program(checks: Vec<Check>) -> Authenticate {
        Authenticate {
            checks: checks.into(),
            anonymous: None,
            stripped: Box::default(),
            takes_queries: false,
            realm: "r".into(),
            scope: Box::default(),
            words: Box::default(),
        }
    }

    fn someone(consumer: &str, group: &str) -> Result<Arc<Caller>, Refusal> {
        let consumer = Consumer { name: consumer.into(), ..Consumer::default() };
        let consumer = Some(Arc::new(consumer)).filter(|consumer| !consumer.name.is_empty());
        Ok(Arc::new(Caller { consumer, groups: Box::new([group.into()]), ..Caller::default() }))
    }

    /// The groups of the caller, or the word for the reason.
    fn run(program: &Authenticate, outcomes: &[&Result<Arc<Caller>, Refusal>]) -> String {
        let mut progress = Progress::default();
        let mut outcomes = outcomes.iter();
        loop {
            let check = progress.check(program).unwrap();
            let outcome = (*outcomes.next().unwrap()).clone();
            match progress.take(check, outcome) {
                Some(End::Known(caller, _)) => break caller.groups().collect::<Vec<_>>().join(" "),
                Some(End::Refused(check, refusal)) => break format!("{} of {check}", refusal.word()),
                None => {}
            }
        }
    }

    const ABSENT: Result<Arc<Caller>, Refusal> = Err(Refusal::Absent);
    const WRONG: Result<Arc<Caller>, Refusal> = Err(Refusal::Signature);
    const AWAY: Result<Arc<Caller>, Refusal> = Err(Refusal::KeysUnavailable);

    /// docs/configuration.md, Several proofs: any of them, in their order; the gravest failure is answered.
    #[test]
    fn one_of_several_is_enough() {
        let any = program(vec![check(Next::Admit, Next::Check(1), 0), check(Next::Admit, Next::Refuse, 0)]);
        let good = someone("", "g");
        assert_eq!(run(&any, &[&good]), "g");
        for failure in [ABSENT, WRONG, AWAY] {
            assert_eq!(run(&any, &[&failure, &good]), "g");
        }
        assert_eq!(run(&any, &[&ABSENT, &ABSENT]), "none of 0");
        assert_eq!(run(&any, &[&ABSENT, &WRONG]), "signature of 1");
        assert_eq!(run(&any, &[&WRONG, &ABSENT]), "signature of 0");
        assert_eq!(run(&any, &[&Err(Refusal::Expired), &WRONG]), "expired of 0");
        assert_eq!(run(&any, &[&WRONG, &AWAY]), "keys_unavailable of 1");
        assert_eq!(run(&any, &[&AWAY, &WRONG]), "keys_unavailable of 0");
        assert_eq!(run(&any, &[&Err(Refusal::Ambiguous)]), "ambiguous of 0");
    }

    /// docs/configuration.md, Several proofs: all of them, of one consumer.
    #[test]
    fn all_of_several_are_of_one_consumer() {
        let all = program(vec![check(Next::Check(1), Next::Refuse, 0), check(Next::Admit, Next::Refuse, 0)]);
        assert_eq!(run(&all, &[&someone("a", "one"), &someone("a", "two")]), "one two");
        assert_eq!(run(&all, &[&someone("", "one"), &someone("a", "two")]), "one two");
        assert_eq!(run(&all, &[&someone("a", "one"), &someone("b", "two")]), "other_consumer of 1");
        assert_eq!(run(&all, &[&ABSENT]), "none of 0");
        assert_eq!(run(&all, &[&someone("a", "one"), &WRONG]), "signature of 1");
    }

    /// `{"all": [A, {"any": [{"all": [B, C]}, D]}]}`: what B has shown counts no more once C fails, and what A has shown does.
    #[test]
    fn an_alternative_that_fails_leaves_nothing_behind() {
        let nested = program(vec![
            check(Next::Check(1), Next::Refuse, 0),
            check(Next::Check(2), Next::Check(3), 1),
            check(Next::Admit, Next::Check(3), 1),
            check(Next::Admit, Next::Refuse, 0),
        ]);
        let [a, b, c, d] = [someone("x", "a"), someone("x", "b"), someone("x", "c"), someone("x", "d")];
        assert_eq!(run(&nested, &[&a, &b, &c]), "a b c");
        assert_eq!(run(&nested, &[&a, &b, &WRONG, &d]), "a d");
        assert_eq!(run(&nested, &[&a, &someone("y", "b"), &d]), "a d");
        assert_eq!(run(&nested, &[&a, &ABSENT, &ABSENT]), "none of 1");
    }
}
