//! Proofs of identity: a kind each. Each has places that it looks at, a challenge to those who have to give it, and a few words.

use std::sync::Arc;

use super::basic::BasicProof;
use super::credential::{self, Place};
use super::external::External;
use super::header_edit;
use super::login::Login;
use super::signature::Signature;
use super::webhook::Webhook;
use crate::call::Call;
use crate::caller::claims::ClaimSet;
use crate::caller::refusal::Refusal;

/// A compiled proof of identity. All that differs between the kinds is in the matches of this file, but for the proving itself
/// (`exec::authenticate`) and the compiling (`plan::compile::proof`).
#[derive(Debug)]
pub enum Proof {
    /// A token that an issuer has signed.
    Jwt(JwtProof),
    /// A token that its issuer is asked about.
    Introspect(IntrospectProof),
    /// The word of a service.
    External(Box<External>),
    /// An API key.
    ApiKey(ApiKeyProof),
    /// A name and a password.
    Basic(BasicProof),
    /// The signature of a webhook.
    Webhook(Box<Webhook>),
    /// The certificate of the client.
    Certificate,
    /// A session that follows a login.
    Login(Arc<Login>),
    /// The signature of the request.
    Signature(Box<Signature>),
}

/// A proof by an API key.
#[derive(Debug)]
pub struct ApiKeyProof {
    /// The places where a key may be; not empty.
    pub places: Box<[Place]>,
    /// Set if the key goes on to the upstream.
    pub keep: bool,
    /// Set if the keys that the configuration lists are taken.
    pub takes_listed: bool,
    /// Set if the keys of the key-value store are taken.
    pub takes_stored: bool,
}

/// A proof by a token (RFC 7519).
#[derive(Debug)]
pub struct JwtProof {
    /// The indexes of the issuers in [`Plan::issuers`](crate::plan::Plan::issuers); not empty.
    pub issuers: Box<[usize]>,
    /// The audiences of which a token must name one; empty if it need name none.
    pub audiences: Box<[Box<str>]>,
    /// The places where a token may be; not empty.
    pub places: Box<[Place]>,
    /// Set if the token goes on to the upstream.
    pub keep: bool,
    /// The URL of the metadata on what it protects (RFC 9728 §3.1).
    pub metadata: Option<Box<str>>,
    /// The issuers' names in the configuration, in the same order.
    pub names: Box<[Box<str>]>,
}

/// A proof by a token that its issuer is asked about (RFC 7662).
#[derive(Debug)]
pub struct IntrospectProof {
    /// The index of the issuer in [`Plan::issuers`](crate::plan::Plan::issuers).
    pub issuer: usize,
    /// The audiences of which the answer must name one; empty if it need name none.
    pub audiences: Box<[Box<str>]>,
    /// The places where a token may be; not empty.
    pub places: Box<[Place]>,
    /// Set if the token goes on to the upstream.
    pub keep: bool,
    /// The issuer's name in the configuration.
    pub name: Box<str>,
}

impl IntrospectProof {
    /// Refuses claims for other audiences alone (RFC 7662 §2.2).
    ///
    /// # Errors
    /// [`Refusal::Audience`].
    pub fn check_audience(&self, claims: &ClaimSet) -> Result<(), Refusal> {
        check_audience(&self.audiences, claims)
    }
}

fn check_audience(audiences: &[Box<str>], claims: &ClaimSet) -> Result<(), Refusal> {
    let is_taken = audiences.is_empty() || audiences.iter().any(|audience| claims.is_for(audience));
    if is_taken { Ok(()) } else { Err(Refusal::Audience) }
}

/// `words`, and the `audiences`.
fn for_audiences(mut words: String, audiences: &[Box<str>]) -> String {
    if !audiences.is_empty() {
        words.push_str(" for ");
        words.push_str(&audiences.join(" or "));
    }
    words
}

impl JwtProof {
    /// Refuses claims for other audiences alone (RFC 7519 §4.1.3).
    ///
    /// # Errors
    /// [`Refusal::Audience`].
    pub fn check_audience(&self, claims: &ClaimSet) -> Result<(), Refusal> {
        check_audience(&self.audiences, claims)
    }

    /// What its challenge says of `refusal`, and where clients learn more.
    fn challenge(&self, refusal: Option<Refusal>) -> String {
        let mut about = about_token(refusal);
        // RFC 9728 §5.1.
        if let Some(url) = &self.metadata {
            about.push_str(&[", resource_metadata=\"", url, "\""].concat());
        }
        about
    }
}

/// What a challenge says of a token that is refused. Who states nothing is told of no error (RFC 6750 §3.1).
fn about_token(refusal: Option<Refusal>) -> String {
    match refusal.map(|refusal| (refusal, refusal.description())) {
        Some((Refusal::Ambiguous, _)) => r#", error="invalid_request""#.to_owned(),
        Some((_, Some(description))) => format!(r#", error="invalid_token", error_description="{description}""#),
        _ => String::new(),
    }
}

impl Proof {
    /// Returns whether it takes API keys of the key-value store.
    #[must_use]
    pub const fn takes_stored_keys(&self) -> bool {
        matches!(self, Self::ApiKey(ApiKeyProof { takes_stored: true, .. }))
    }

    /// The login whose sessions it takes.
    #[must_use]
    pub const fn login(&self) -> Option<&Arc<Login>> {
        match self {
            Self::Login(login) => Some(login),
            _ => None,
        }
    }

    /// Returns whether it depends on the route's path parameters.
    #[must_use]
    pub fn is_bound_to_path(&self) -> bool {
        matches!(self, Self::External(external) if external.is_opa)
    }

    /// The places of the request that its credential may be in.
    #[must_use]
    pub fn places(&self) -> &[Place] {
        match self {
            Self::Jwt(jwt) => &jwt.places,
            Self::Introspect(introspect) => &introspect.places,
            Self::External(_) => &[],
            Self::ApiKey(key) => &key.places,
            Self::Basic(basic) => &basic.places,
            Self::Webhook(webhook) => &webhook.places,
            Self::Certificate => &[],
            Self::Login(login) => &login.places,
            Self::Signature(signature) => &signature.places,
        }
    }

    /// The most bytes of the request's content that it reads, if it does.
    #[must_use]
    pub const fn content_limit(&self) -> Option<u64> {
        match self {
            Self::Jwt(_)
            | Self::Introspect(_)
            | Self::External(_)
            | Self::ApiKey(_)
            | Self::Basic(_)
            | Self::Certificate
            | Self::Login(_) => None,
            Self::Webhook(webhook) => Some(webhook.limit),
            Self::Signature(signature) => Some(signature.limit),
        }
    }

    /// Removes other spellings of the fields that it reads from `call`, where they go on to the upstream.
    pub fn strip_aliases(&self, call: &mut Call) {
        credential::strip_aliases(self.places(), call);
        if let Self::Webhook(webhook) = self {
            for name in webhook.scheme.signed_fields() {
                header_edit::remove_aliases(&mut call.headers, name, &[]);
            }
        }
    }

    /// Returns whether its credential goes on to the upstream.
    #[must_use]
    pub const fn keeps(&self) -> bool {
        match self {
            Self::Jwt(jwt) => jwt.keep,
            Self::Introspect(introspect) => introspect.keep,
            // It takes none.
            Self::External(_) => true,
            Self::ApiKey(key) => key.keep,
            Self::Basic(basic) => basic.keep,
            // It is of this one request, and a server may look at it again.
            Self::Webhook(_) | Self::Signature(_) => true,
            Self::Certificate => false,
            Self::Login(_) => false,
        }
    }

    /// Returns whether it is by a credential that goes on to the upstream, and is good for other requests as well.
    #[must_use]
    pub const fn keeps_token(&self) -> bool {
        matches!(
            self,
            Self::Jwt(JwtProof { keep: true, .. })
                | Self::Introspect(IntrospectProof { keep: true, .. })
                | Self::ApiKey(ApiKeyProof { keep: true, .. })
                | Self::Basic(BasicProof { keep: true, .. })
        )
    }

    /// Returns whether upstreams are sent a token of the gateway's own where it was given.
    #[must_use]
    pub fn forwards(&self) -> bool {
        self.login().is_some_and(|login| login.forward.is_some())
    }

    /// Returns whether `call` states anything where its credential would be, be it one or not.
    #[must_use]
    pub fn is_stated(&self, call: &Call) -> bool {
        match self {
            Self::Certificate => call.certificate.is_some(),
            _ => credential::is_stated(self.places(), call),
        }
    }

    /// The scheme of its challenge (RFC 9110 §11.6.1), and what the challenge says of `refusal` if it is this proof's; none if no
    /// challenge asks for it.
    #[must_use]
    pub fn challenge(&self, refusal: Option<Refusal>) -> Option<(&'static str, String)> {
        Some(match self {
            Self::Jwt(jwt) => ("Bearer", jwt.challenge(refusal)),
            Self::Introspect(_) => ("Bearer", about_token(refusal)),
            // Of no standard, but RFC 9110 §15.5.2 wants one.
            Self::ApiKey(_) => ("ApiKey", String::new()),
            // RFC 7617 §2.1.
            Self::Basic(_) => ("Basic", r#", charset="UTF-8""#.to_owned()),
            Self::Webhook(_) => ("Webhook", String::new()),
            Self::Login(_) => ("Login", String::new()),
            Self::Signature(_) => ("Signature", String::new()),
            // It belongs to the connection, and a challenge to the request.
            Self::Certificate => return None,
            // What it answers has them.
            Self::External(_) => return None,
        })
    }

    /// The scheme of its challenge.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        self.challenge(None).map_or("", |(scheme, _)| scheme)
    }

    /// A few words for a list of policies.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Jwt(jwt) => for_audiences(format!("token of {}", jwt.names.join(" or ")), &jwt.audiences),
            Self::External(external) => format!("word of {}", external.name),
            Self::Introspect(introspect) => {
                for_audiences(format!("token that {} is asked about", introspect.name), &introspect.audiences)
            }
            Self::ApiKey(key) if key.takes_listed && key.takes_stored => "API key".to_owned(),
            Self::ApiKey(key) if key.takes_listed => "API key of the file".to_owned(),
            Self::ApiKey(_) => "API key of the store".to_owned(),
            Self::Basic(_) => "name and password".to_owned(),
            Self::Webhook(webhook) => format!("webhook of {}", webhook.scheme.name),
            Self::Certificate => "client certificate".to_owned(),
            Self::Login(login) => ["login at ", &login.name].concat(),
            Self::Signature(signature) if signature.nonce => "signature with a nonce".to_owned(),
            Self::Signature(_) => "signature".to_owned(),
        }
    }
}
