//! The caller of a request: who proved to make it, and what is known of them.

pub mod claims;
pub mod refusal;

use std::sync::Arc;

use self::claims::ClaimSet;

/// Who makes a request, as a proof has shown.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The issuer that vouches for the claims, by its name in the configuration.
    pub issuer: Option<Arc<str>>,
    /// The claims of the token.
    pub claims: Option<Arc<ClaimSet>>,
}

impl Caller {
    /// The subject of the token (RFC 7519 §4.1.2).
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.claims.as_ref()?.text("sub")
    }
}
