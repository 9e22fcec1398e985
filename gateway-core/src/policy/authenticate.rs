//! The proof of identity that a route asks for, and the challenge to those who fail it.

use http::HeaderValue;
use http::header::WWW_AUTHENTICATE;

use super::credential::Place;
use crate::caller::claims::ClaimSet;
use crate::caller::refusal::Refusal;
use crate::error::Reject;

/// A compiled proof of identity.
#[derive(Debug)]
pub struct Authenticate {
    /// The indexes of the issuers in [`Plan::issuers`](crate::plan::Plan::issuers); not empty.
    pub issuers: Box<[usize]>,
    /// The audiences of which a token must name one; empty if it need name none.
    pub audiences: Box<[Box<str>]>,
    /// The places where a token may be; not empty.
    pub places: Box<[Place]>,
    /// Set if the token goes on to the upstream.
    pub keep: bool,
    /// The challenge's beginning: `Bearer realm="…"`.
    pub challenge: Box<str>,
    /// The issuers' names in the configuration, in the same order.
    pub names: Box<[Box<str>]>,
}

impl Authenticate {
    /// Refuses claims for other audiences alone (RFC 7519 §4.1.3).
    ///
    /// # Errors
    /// [`Refusal::Audience`].
    pub fn check_audience(&self, claims: &ClaimSet) -> Result<(), Refusal> {
        let is_taken = self.audiences.is_empty() || self.audiences.iter().any(|audience| claims.is_for(audience));
        if is_taken { Ok(()) } else { Err(Refusal::Audience) }
    }

    /// The answer to a request that is refused for `refusal`, with its challenge (RFC 6750 §3).
    #[must_use]
    pub fn refuse(&self, refusal: Refusal) -> Reject {
        let reject = refusal.reject();
        let challenge = match (refusal, refusal.description()) {
            (_, Some(description)) => {
                format!(r#"{}, error="invalid_token", error_description="{description}""#, self.challenge)
            }
            (Refusal::Ambiguous, _) => format!(r#"{}, error="invalid_request""#, self.challenge),
            // RFC 6750 §3.1: who states nothing is told of no error.
            (Refusal::Absent, _) => self.challenge.as_ref().to_owned(),
            _ => return reject,
        };
        match HeaderValue::from_str(&challenge) {
            Ok(challenge) => reject.with_header(WWW_AUTHENTICATE, challenge),
            Err(_) => reject,
        }
    }

    /// A few words for a list of policies.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut words = format!("token of {}", self.names.join(" or "));
        if !self.audiences.is_empty() {
            words.push_str(" for ");
            words.push_str(&self.audiences.join(" or "));
        }
        words
    }
}
