//! Reasons for which a caller is not believed: what the client is told, and what the log.

use http::HeaderValue;
use http::header::RETRY_AFTER;

use crate::error::Reject;

/// A reason for which a caller is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No credential is stated.
    Absent,
    /// Credentials are stated more than once.
    Ambiguous,
    /// The token is no JWT that can be read.
    Malformed,
    /// The token is larger than is taken.
    TooLarge,
    /// The token's header has `crit` or `b64` (RFC 7515 §4.1.11, RFC 7797 §6).
    Critical,
    /// The token's algorithm is unknown, or not taken here.
    Algorithm,
    /// The token's `typ` is not taken here (RFC 8725 §3.11).
    Type,
    /// No issuer here has the token's `iss`.
    Issuer,
    /// No key fits the token's `kid` and algorithm.
    UnknownKey,
    /// The signature is none of the key's.
    Signature,
    /// The token is bound to a key of the client's (`cnf`, RFC 7800), which nobody has proved to hold.
    Bound,
    /// The token has no `exp`.
    Endless,
    /// The token has expired.
    Expired,
    /// The token is not valid yet.
    NotYet,
    /// The token is for another audience.
    Audience,
    /// The token lasts longer than is taken.
    Lifetime,
    /// The token has been revoked.
    Revoked,
    /// The platform can't use the key.
    KeyUnusable,
    /// The issuer's keys are not known, and it can't be asked.
    KeysUnavailable,
    /// Two credentials that are asked for together belong to two consumers.
    OtherConsumer,
    /// The list of revoked tokens can't be read.
    RevocationsUnavailable,
    /// The API key is a wrong copy, or no text.
    KeyMalformed,
    /// Nobody has the API key.
    KeyUnknown,
    /// The API key has expired.
    KeyExpired,
    /// The API key is not taken for the time being.
    KeyDisabled,
    /// The API keys in the key-value store can't be read.
    KeyUnavailable,
    /// The name and the password can't be read (RFC 7617).
    PasswordMalformed,
    /// Nobody has the name, or somebody another password.
    PasswordWrong,
    /// Nothing tells whether the password is right.
    PasswordUnavailable,
    /// The signature of the request, or what is stated with it, can't be read.
    SignatureMalformed,
    /// The signature of the request is none of a key that is known here.
    SignatureWrong,
    /// The signature of the request was made too long ago.
    SignatureExpired,
    /// The signature of the request is of a time to come.
    SignatureEarly,
    /// The same request has been let in before.
    Replayed,
    /// Nothing tells whether it has.
    ReplaysUnavailable,
    /// No key that is known here has the name that the signature states, and its algorithm.
    SignatureKey,
    /// The signature does not cover all that is asked for.
    SignatureUncovered,
    /// The signature has no number that is used once.
    SignatureNonce,
    /// The signature covers what the request has not.
    SignatureUnfit,
    /// The signature covers what can't be checked here.
    SignatureUnsupported,
    /// The content has not the digest that is signed.
    Digest,
    /// The content that is signed is larger than is taken.
    ContentTooLarge,
    /// The content that is signed does not come to its end.
    ContentCut,
    /// The client has shown no certificate.
    Certificate,
    /// The client's certificate is void by now.
    CertificateExpired,
    /// The issuer says that the token is not active (RFC 7662 §2.2).
    Inactive,
    /// The issuer can't be asked about the token.
    IntrospectionUnavailable,
    /// The service that is asked does not let the request in, and has said how to answer it.
    Denied,
    /// The service can't be asked, or gives no answer to go by.
    DecisionUnavailable,
    /// The client has stated too many wrong credentials lately.
    TooMany,
    /// Too many signatures of this request were none for another to be checked.
    TooManyChecks,
    /// The cookie of a session is none that was sealed here.
    SessionUnknown,
    /// The session is over.
    SessionEnded,
    /// Nobody logs in over a connection that others can read.
    LoginInsecure,
    /// This browser has begun no such login, or too long ago.
    LoginUnknown,
    /// The provider answers a login that another one was asked for (RFC 9207 §2.4).
    LoginIssuer,
    /// The person, or the provider, does not want it.
    LoginDenied,
    /// The provider gives no tokens for the code.
    LoginCode,
    /// The ID token is none for this login.
    LoginToken,
    /// What the session has to keep is more than cookies hold.
    LoginTooLarge,
    /// Logins succeed, and no session lasts.
    LoginAgain,
}

/// A kind of failure of a proof. Of several, the greatest is answered: a caller who may have a good credential is never told that it
/// is bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// No credential is stated.
    Absent,
    /// One is, and is not believed.
    Invalid,
    /// One is, and could not be checked.
    Unavailable,
    /// The request itself is wrong: no other proof can mend it.
    Final,
}

/// The texts that a client is told of a token. What fails before its signature is verified has one text, so that who can't sign learns
/// nothing (RFC 8725 §3, RFC 6750 §3.1).
const MALFORMED: &str = "the token is malformed";
const NOT_TRUSTED: &str = "the token is not trusted";

/// What a client is told of content that ends before its end.
pub const CUT: &str = "the body ended before its end";

impl Refusal {
    /// The kind of failure that it is.
    #[must_use]
    pub const fn failure(self) -> Failure {
        match self {
            Self::Absent | Self::Certificate => Failure::Absent,
            Self::KeyUnusable
            | Self::KeysUnavailable
            | Self::RevocationsUnavailable
            | Self::KeyUnavailable
            | Self::PasswordUnavailable
            | Self::ReplaysUnavailable
            | Self::IntrospectionUnavailable
            | Self::DecisionUnavailable
            | Self::TooMany => Failure::Unavailable,
            Self::Ambiguous | Self::ContentTooLarge | Self::ContentCut => Failure::Final,
            _ => Failure::Invalid,
        }
    }

    /// The word for the log.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Absent => "none",
            Self::Ambiguous => "ambiguous",
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::Critical => "critical",
            Self::Algorithm => "algorithm",
            Self::Type => "type",
            Self::Issuer => "issuer",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "signature",
            Self::Bound => "bound",
            Self::Endless => "endless",
            Self::Expired => "expired",
            Self::NotYet => "not_yet",
            Self::Audience => "audience",
            Self::Lifetime => "lifetime",
            Self::Revoked => "revoked",
            Self::KeyUnusable => "key_unusable",
            Self::KeysUnavailable => "keys_unavailable",
            Self::OtherConsumer => "other_consumer",
            Self::RevocationsUnavailable => "revocations_unavailable",
            Self::KeyMalformed => "key_malformed",
            Self::KeyUnknown => "key_unknown",
            Self::KeyExpired => "key_expired",
            Self::KeyDisabled => "key_disabled",
            Self::KeyUnavailable => "key_unavailable",
            Self::PasswordMalformed => "password_malformed",
            Self::PasswordWrong => "password_wrong",
            Self::PasswordUnavailable => "password_unavailable",
            Self::SignatureMalformed => "signature_malformed",
            Self::SignatureWrong => "signature_wrong",
            Self::SignatureExpired => "signature_expired",
            Self::SignatureEarly => "signature_early",
            Self::Replayed => "replayed",
            Self::ReplaysUnavailable => "replays_unavailable",
            Self::SignatureKey => "signature_key",
            Self::SignatureUncovered => "signature_uncovered",
            Self::SignatureNonce => "signature_nonce",
            Self::SignatureUnfit => "signature_unfit",
            Self::SignatureUnsupported => "signature_unsupported",
            Self::Digest => "digest",
            Self::ContentTooLarge => "content_too_large",
            Self::ContentCut => "content_cut",
            Self::Certificate => "certificate",
            Self::CertificateExpired => "certificate_expired",
            Self::Inactive => "inactive",
            Self::IntrospectionUnavailable => "introspection_unavailable",
            Self::Denied => "denied",
            Self::DecisionUnavailable => "decision_unavailable",
            Self::TooMany => "too_many",
            Self::TooManyChecks => "too_many_checks",
            Self::SessionUnknown => "session_unknown",
            Self::SessionEnded => "session_ended",
            Self::LoginInsecure => "login_insecure",
            Self::LoginUnknown => "login_unknown",
            Self::LoginIssuer => "login_issuer",
            Self::LoginDenied => "login_denied",
            Self::LoginCode => "login_code",
            Self::LoginToken => "login_token",
            Self::LoginTooLarge => "login_too_large",
            Self::LoginAgain => "login_again",
        }
    }

    /// The description of an `invalid_token` (RFC 6750 §3); none if the token is not what fails.
    #[must_use]
    pub const fn description(self) -> Option<&'static str> {
        match self {
            Self::Absent
            | Self::Ambiguous
            | Self::KeyUnusable
            | Self::KeysUnavailable
            | Self::RevocationsUnavailable
            | Self::KeyMalformed
            | Self::KeyUnknown
            | Self::KeyExpired
            | Self::KeyDisabled
            | Self::PasswordMalformed
            | Self::PasswordWrong
            | Self::PasswordUnavailable
            | Self::KeyUnavailable
            | Self::IntrospectionUnavailable
            | Self::Denied
            | Self::DecisionUnavailable
            | Self::TooMany
            | Self::OtherConsumer
            | Self::SignatureMalformed
            | Self::SignatureWrong
            | Self::SignatureExpired
            | Self::SignatureEarly
            | Self::Replayed
            | Self::ReplaysUnavailable
            | Self::SignatureKey
            | Self::SignatureUncovered
            | Self::SignatureNonce
            | Self::SignatureUnfit
            | Self::SignatureUnsupported
            | Self::Digest
            | Self::ContentTooLarge
            | Self::ContentCut
            | Self::Certificate
            | Self::CertificateExpired
            | Self::SessionUnknown
            | Self::SessionEnded
            | Self::LoginInsecure
            | Self::LoginUnknown
            | Self::LoginIssuer
            | Self::LoginDenied
            | Self::LoginCode
            | Self::LoginToken
            | Self::LoginTooLarge
            | Self::LoginAgain => None,
            Self::Malformed | Self::TooLarge => Some(MALFORMED),
            Self::Critical
            | Self::Algorithm
            | Self::Type
            | Self::Issuer
            | Self::UnknownKey
            | Self::Signature
            | Self::Bound
            | Self::Endless
            | Self::TooManyChecks => Some(NOT_TRUSTED),
            Self::Expired => Some("the token has expired"),
            Self::NotYet => Some("the token is not valid yet"),
            Self::Audience => Some("the token is for another audience"),
            Self::Lifetime => Some("the token lasts too long"),
            Self::Revoked => Some("the token has been revoked"),
            Self::Inactive => Some("the token is not active"),
        }
    }

    /// What a client is told of the signature of its request.
    const fn about_signature(self) -> Option<&'static str> {
        match self {
            Self::SignatureMalformed => Some("the signature is malformed"),
            // Of whose keys are known, a forger learns nothing.
            Self::SignatureWrong | Self::SignatureKey => Some("the signature is not trusted"),
            Self::SignatureUncovered => Some("the signature does not cover all that is asked for"),
            Self::SignatureNonce => Some("the signature has no nonce, which is asked for"),
            Self::SignatureUnfit => Some("the signature covers what the request has not"),
            Self::SignatureUnsupported => Some("the signature covers what can't be checked here"),
            Self::Digest => Some("the content has another digest"),
            Self::SignatureExpired => Some("the signature has expired"),
            Self::SignatureEarly => Some("the signature is not valid yet"),
            Self::Replayed => Some("the request has been sent before"),
            _ => None,
        }
    }

    /// Returns whether the content of the request is what fails: no other credential would help.
    #[must_use]
    pub const fn is_of_content(self) -> bool {
        matches!(self, Self::ContentTooLarge | Self::ContentCut)
    }

    /// The answer, but for its challenge.
    #[must_use]
    pub fn reject(self) -> Reject {
        match (self, self.description()) {
            (_, Some(description)) => Reject::invalid_token().with_detail(description),
            (Self::Ambiguous, _) => Reject::ambiguous_credentials(),
            (Self::KeyUnusable, _) => Reject::identity_unavailable(),
            (Self::ContentTooLarge, _) => Reject::body_too_large(),
            (Self::ContentCut, _) => Reject::bad_request_framing().with_detail(CUT),
            (Self::Denied, _) => Reject::forbidden(),
            (Self::TooMany, _) => Reject::too_many_attempts().with_header(RETRY_AFTER, HeaderValue::from_static("10")),
            (other, _) if other.failure() == Failure::Unavailable => {
                Reject::identity_unavailable().with_header(RETRY_AFTER, HeaderValue::from_static("5"))
            }
            (Self::OtherConsumer, _) => {
                Reject::invalid_credentials().with_detail("the credentials are not those of one caller")
            }
            (Self::SessionUnknown | Self::SessionEnded, _) => {
                Reject::invalid_credentials().with_detail("the session is over: log in again")
            }
            (Self::LoginUnknown, _) => Reject::login_failed().with_detail(
                "this browser has begun no such login, or more than ten minutes ago: go back to the page, and log in again",
            ),
            (Self::LoginDenied, _) => Reject::login_failed().with_detail("the login was cancelled, or is not allowed"),
            (Self::LoginAgain, _) => Reject::login_failed()
                .with_detail("the login succeeds, but the session does not last: wait a minute, then try again"),
            (Self::LoginIssuer | Self::LoginCode | Self::LoginToken | Self::LoginTooLarge, _) => Reject::login_failed(),
            (Self::LoginInsecure, _) => Reject::unauthorized().with_detail("a login takes a page of `https`"),
            (Self::Absent | Self::Certificate, _) => Reject::unauthorized(),
            _ => {
                let reject = Reject::invalid_credentials();
                match self.about_signature() {
                    Some(detail) => reject.with_detail(detail),
                    None => reject,
                }
            }
        }
    }
}
