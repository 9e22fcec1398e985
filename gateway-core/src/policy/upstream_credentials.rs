//! The credentials of the gateway itself for an upstream.

use std::sync::Arc;

use super::access_token::TokenSource;
use super::header_edit::RequestEdits;
use super::message_signer::MessageSigner;
use super::sigv4::Sigv4;

/// The credentials of the gateway itself for an upstream.
#[derive(Debug)]
pub enum Credentials {
    /// A secret of the configuration, which this edit puts into a request.
    Stated(Arc<RequestEdits>),
    /// A token that is asked for.
    Token(Box<TokenSource>),
    /// A signature of the request, as services of AWS ask for it.
    Signature(Box<Sigv4>),
    /// A signature of the request (RFC 9421).
    Message(Box<MessageSigner>),
}

impl Credentials {
    /// The source of the token, if it is one that is asked for.
    #[must_use]
    pub fn source(&self) -> Option<&TokenSource> {
        match self {
            Self::Stated(_) | Self::Signature(_) | Self::Message(_) => None,
            Self::Token(source) => Some(source),
        }
    }
}
