//! The proofs of identity that a route asks for, from the tree that the configuration has to the flat program that runs.

use std::sync::Arc;

use super::Compiler;
use super::at::At;
use super::edits::Parameters;
use crate::caller::Caller;
use crate::config;
use crate::policy::authenticate::{Authenticate, Check, Next};
use crate::policy::credential::Place;
use crate::policy::proof::Proof;

/// The most levels of `any` and `all`.
const MOST_LEVELS: usize = 4;

/// The most proofs of a route.
const MOST_PROOFS: usize = 16;

/// The proofs of a route: none on purpose, or these.
pub(super) type Asked = Option<Box<Authenticate>>;

/// Where a proof leads.
#[derive(Clone, Copy)]
struct Ways<'p> {
    pass: Next,
    fail: Next,
    /// See [`Check::since`].
    since: u16,
    /// Set if it is within an `any` or an `all`.
    is_inner: bool,
    /// The parameters of the route's path.
    parameters: Parameters<'p>,
}

impl Compiler<'_> {
    /// The proofs that `authenticate` asks for; `None` if they are wrong.
    #[inline(never)]
    pub(super) fn authenticate(
        &mut self,
        at: &At<'_>,
        authenticate: &config::Authenticate,
        parameters: Parameters<'_>,
    ) -> Option<Asked> {
        let proof = match authenticate {
            config::Authenticate::Public(false) => return Some(None),
            config::Authenticate::Public(true) => {
                let help = "say by what: `{\"jwt\": {\"audiences\": [\"…\"]}}`";
                self.error_with(at, "nothing says by what callers are to be known", help);
                return None;
            }
            config::Authenticate::By(proof) => proof,
        };
        if size(proof, 0).is_none_or(|proofs| proofs > MOST_PROOFS) {
            let message =
                format_args!("there are more than {MOST_PROOFS} proofs, or more than {MOST_LEVELS} levels of them");
            self.error_with(at, message, "a caller has to see through them: ask for less");
            return None;
        }
        let mut checks = Vec::new();
        let mut words = String::new();
        let whole = Ways { pass: Next::Admit, fail: Next::Refuse, since: 0, is_inner: false, parameters };
        self.proof(at, proof, whole, (&mut checks, &mut words))?;
        let stripped = self.stripped(at, &checks)?;
        let anonymous = match &proof.anonymous {
            Some(name) => {
                let consumer = self.consumer(&at.member("anonymous"), name)?;
                words.push_str(", else ");
                words.push_str(name);
                Some(Arc::new(Caller { consumer: Some(consumer), ..Caller::default() }))
            }
            None => None,
        };
        let realm = self.config.name.as_deref().unwrap_or("edgeway");
        Some(Some(Box::new(Authenticate {
            takes_queries: checks
                .iter()
                .any(|check| check.proof.places().iter().any(|place| matches!(place, Place::Query(_)))),
            checks: checks.into(),
            anonymous,
            stripped,
            realm: realm.into(),
            scope: Box::default(),
            words: words.into(),
        })))
    }

    /// Adds `proof` to `checks`, and its description to `words`. Its depth is bounded. `None` if any part of it is wrong.
    fn proof(
        &mut self,
        at: &At<'_>,
        proof: &config::Proof,
        ways: Ways<'_>,
        (checks, words): (&mut Vec<Check>, &mut String),
    ) -> Option<()> {
        if proof.anonymous.is_some() && ways.is_inner {
            let help = "it is for the proof as a whole: write it beside the outermost `any` or `all`";
            self.error_with(&at.member("anonymous"), "a part of a proof has no `anonymous`", help);
        }
        let config::Proof {
            jwt,
            introspect,
            external,
            api_key,
            basic,
            certificate,
            webhook,
            login,
            signature,
            any,
            all,
            anonymous: _,
        } = proof;
        let stated = [
            jwt.is_some(),
            introspect.is_some(),
            external.is_some(),
            api_key.is_some(),
            basic.is_some(),
            certificate.is_some(),
            webhook.is_some(),
            login.is_some(),
            signature.is_some(),
            any.is_some(),
            all.is_some(),
        ];
        let compiled = match stated.into_iter().filter(|is_stated| *is_stated).count() {
            0 => {
                let help = "add `jwt`, `introspect`, `external`, `apiKey`, `basic`, `certificate`, `webhook`, `signature` or `login`";
                self.error_with(at, "nothing says by what callers are to be known", help);
                return None;
            }
            1 if let Some(list) = any => return self.proofs(&at.member("any"), list, ways, false, (checks, words)),
            1 if let Some(list) = all => return self.proofs(&at.member("all"), list, ways, true, (checks, words)),
            1 => self.single(at, proof, ways.parameters)?,
            _ => {
                let help = "list them in `any`, if one is enough, or in `all`: `{\"any\": [{\"jwt\": {}}, …]}`";
                self.error_with(at, "several proofs stand side by side", help);
                return None;
            }
        };
        words.push_str(&compiled.describe());
        let Ways { pass, fail, since, is_inner: _, parameters: _ } = ways;
        checks.push(Check { proof: compiled, pass, fail, since });
        Some(())
    }

    /// The one proof that `proof` asks for.
    fn single(&mut self, at: &At<'_>, proof: &config::Proof, parameters: Parameters<'_>) -> Option<Proof> {
        // A token may be bound to a certificate (RFC 8705 §3).
        self.certificates_asked |= proof.jwt.is_some() || proof.introspect.is_some();
        if let Some(jwt) = &proof.jwt {
            return self.jwt(&at.member("jwt"), jwt).map(Proof::Jwt);
        }
        if let Some(introspect) = &proof.introspect {
            return self.introspect(&at.member("introspect"), introspect).map(Proof::Introspect);
        }
        if let Some(external) = &proof.external {
            let external = self.external(&at.member("external"), external, parameters);
            return external.map(Box::new).map(Proof::External);
        }
        if let Some(key) = &proof.api_key {
            return self.api_key(&at.member("apiKey"), key).map(Proof::ApiKey);
        }
        if let Some(basic) = &proof.basic {
            return self.basic(&at.member("basic"), basic).map(Proof::Basic);
        }
        if let Some(signature) = &proof.signature {
            return self.signature(&at.member("signature"), signature).map(Box::new).map(Proof::Signature);
        }
        if let Some(config::CertificateProof {}) = &proof.certificate {
            return self.require_certificates(&at.member("certificate")).then_some(Proof::Certificate);
        }
        if let Some(login) = &proof.login {
            return self.login(&at.member("login"), login).map(Proof::Login);
        }
        let webhook = proof.webhook.as_ref()?;
        self.webhook(&at.member("webhook"), webhook).map(Box::new).map(Proof::Webhook)
    }

    /// Adds the proofs of an `any` or an `all`.
    fn proofs(
        &mut self,
        at: &At<'_>,
        list: &[config::Proof],
        ways: Ways<'_>,
        asks_for_all: bool,
        (checks, words): (&mut Vec<Check>, &mut String),
    ) -> Option<()> {
        if list.is_empty() {
            self.error_with(at, "nothing says by what callers are to be known", "list proofs: `[{\"jwt\": {}}, …]`");
            return None;
        }
        let is_inner = ways.is_inner && list.len() > 1;
        let ways = Ways { is_inner: true, ..ways };
        words.push_str(if is_inner { "(" } else { "" });
        let mut is_right = true;
        for (i, proof) in list.iter().enumerate() {
            let start = index(checks.len());
            let next = Next::Check(start.saturating_add(index(size(proof, 0).unwrap_or_default())));
            let is_last = i + 1 == list.len();
            let own = match (asks_for_all, is_last) {
                (_, true) => ways,
                (true, false) => Ways { pass: next, ..ways },
                (false, false) => Ways { fail: next, since: start, ..ways },
            };
            if i > 0 {
                words.push_str(if asks_for_all { " and " } else { " or " });
            }
            is_right &= self.proof(&at.index(i), proof, own, (checks, words)).is_some();
        }
        words.push_str(if is_inner { ")" } else { "" });
        is_right.then_some(())
    }

    /// The places that are emptied on the way to the upstream: all but those of proofs that keep theirs.
    fn stripped(&mut self, at: &At<'_>, checks: &[Check]) -> Option<Box<[Place]>> {
        let mut stripped: Vec<Place> = Vec::new();
        let places = |keeps: bool| {
            let proofs = checks.iter().map(|check| &check.proof).filter(move |proof| proof.keeps() == keeps);
            proofs.flat_map(Proof::places)
        };
        for place in places(false) {
            if places(true).any(|kept| kept.is_with(place)) {
                let help = "say the same in both, or take different places";
                self.error_with(at, "of two proofs that take a credential from one place, one has `keep`", help);
                return None;
            }
            if !stripped.contains(place) {
                stripped.push(place.clone());
            }
        }
        // It is the gateway's to say there who calls, also of a caller without a session.
        let forwards = checks.iter().any(|check| check.proof.forwards());
        let is_said = |place: &Place| place.is_with(&Place::Bearer);
        if forwards && !stripped.iter().any(is_said) && !places(true).any(is_said) {
            stripped.push(Place::Bearer);
        }
        // What a service says of the caller, the client can't.
        let copied = checks.iter().filter_map(|check| match &check.proof {
            Proof::External(external) => Some(&*external.copy),
            _ => None,
        });
        stripped.extend(copied.flatten().cloned().map(Place::Header));
        Some(stripped.into_boxed_slice())
    }
}

/// The number of proofs in `proof`, which is at this `level`; `None` if it is nested too deeply.
fn size(proof: &config::Proof, level: usize) -> Option<usize> {
    if level > MOST_LEVELS {
        return None;
    }
    match proof.any.as_ref().or(proof.all.as_ref()) {
        Some(list) => list.iter().map(|proof| size(proof, level + 1)).sum(),
        None => Some(1),
    }
}

fn index(number: usize) -> u16 {
    // INVARIANT: there are at most `MOST_PROOFS`.
    u16::try_from(number).unwrap_or(u16::MAX)
}
