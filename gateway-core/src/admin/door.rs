//! The way to the admin endpoints through the gateway's own listener: a path and a bearer token (RFC 6750).

use core::fmt;

use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::error::Reject;

/// A path, and the tokens that are asked for there.
#[derive(Debug)]
pub struct Door {
    path: Box<str>,
    token: Token,
    /// The one that opens the registry alone, if there is one.
    registry_token: Option<Token>,
}

impl Door {
    /// A door at `path`, which is in its normal form and has no slash at its end.
    pub(crate) fn new(path: &str, token: Token, registry_token: Option<Token>) -> Self {
        Self { path: path.into(), token, registry_token }
    }

    /// The path.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns whether a token has fewer than [`SHORTEST_TOKEN`] characters, so that it can be guessed.
    #[must_use]
    pub fn has_short_token(&self) -> bool {
        self.token.is_short || self.registry_token.as_ref().is_some_and(|token| token.is_short)
    }

    /// The rest of `path` behind the door; none if it leads elsewhere. Both are in their normal form.
    pub(crate) fn behind<'p>(&self, path: &'p str) -> Option<&'p str> {
        path.strip_prefix(&*self.path).filter(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Lets a request with these `headers` in, to the registry or to any of the endpoints.
    ///
    /// # Errors
    /// 401 with a challenge that says no more than the scheme, for a wrong token as for none (RFC 6750 §3).
    pub(super) fn admit(&self, headers: &HeaderMap, is_registry: bool) -> Result<(), Reject> {
        let of_registry = self.registry_token.as_ref().filter(|_| is_registry);
        let is_right = stated(headers)
            .is_some_and(|stated| self.token.is(stated) || of_registry.is_some_and(|token| token.is(stated)));
        let challenge = HeaderValue::from_static("Bearer");
        if is_right { Ok(()) } else { Err(Reject::unauthorized().with_header(WWW_AUTHENTICATE, challenge)) }
    }
}

/// The token that a request states, if it has one `Authorization` field of that scheme, whose name's case does not count
/// (RFC 9110 §11.1).
fn stated(headers: &HeaderMap) -> Option<&[u8]> {
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let (Some(field), None) = (fields.next(), fields.next()) else { return None };
    let (scheme, rest) = field.as_bytes().split_at_checked(6)?;
    (scheme.eq_ignore_ascii_case(b"bearer") && rest.starts_with(b" ")).then(|| rest.trim_ascii())
}

/// The fewest characters of a token that nobody guesses: 16 hexadecimal digits are 64 random bits (RFC 6750 §5.2 asks for tokens
/// that can't be guessed).
pub const SHORTEST_TOKEN: usize = 16;

/// A secret token, as its digest: comparing digests takes the same time for every token, however long.
pub struct Token {
    digest: [u8; 32],
    is_short: bool,
}

impl Token {
    /// The token that is written `text`; none if a client could not send it. More is taken than RFC 6750 §2.1 has tokens be.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_sendable = |byte: u8| byte.is_ascii_graphic();
        (!text.is_empty() && text.bytes().all(is_sendable))
            .then(|| Self { digest: Sha256::digest(text).into(), is_short: text.len() < SHORTEST_TOKEN })
    }

    fn is(&self, stated: &[u8]) -> bool {
        let digest: [u8; 32] = Sha256::digest(stated).into();
        self.digest.ct_eq(&digest).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door() -> Door {
        Door::new("/.edgeway", Token::parse("s3cret+/=").unwrap(), Token::parse("beat"))
    }

    fn admits(fields: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(AUTHORIZATION, HeaderValue::from_str(field).unwrap());
        }
        door().admit(&headers, false).is_ok()
    }

    #[test]
    fn the_path_counts_by_segment() {
        assert_eq!(door().behind("/.edgeway/live"), Some("/live"));
        assert_eq!(door().behind("/.edgeway"), Some(""));
        assert_eq!(door().behind("/.edgewayx"), None);
        assert_eq!(door().behind("/x/.edgeway/live"), None);
    }

    /// RFC 6750 §2.1, RFC 9110 §11.1: the scheme in any case, then spaces, then the token.
    #[test]
    fn the_right_token_alone_is_let_in() {
        assert!(admits(&["Bearer s3cret+/="]));
        assert!(admits(&["bEARER  s3cret+/="]));
        let wrong = [
            "Bearer s3cret+/",
            "Bearer s3cret+/==",
            "Bearer S3cret+/=",
            "Bearer",
            "Bearers3cret+/=",
            "Basic s3cret+/=",
        ];
        for field in wrong {
            assert!(!admits(&[field]), "{field}");
        }
        assert!(!admits(&[]));
        assert!(!admits(&["Bearer s3cret+/=", "Bearer s3cret+/="]));
    }

    /// docs/configuration.md, The registry: its token opens nothing else.
    #[test]
    fn the_registry_has_a_token_of_its_own() {
        let of = |token: &str| HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::try_from(token).unwrap())]);
        for (token, admitted) in
            [("Bearer beat", [true, false]), ("Bearer s3cret+/=", [true, true]), ("Bearer x", [false, false])]
        {
            let headers = of(token);
            assert_eq!(
                [true, false].map(|is_registry| door().admit(&headers, is_registry).is_ok()),
                admitted,
                "{token}"
            );
        }
    }

    /// RFC 6750 §3.1: without credentials the challenge has no error code; a wrong token is told no more.
    #[test]
    fn the_challenge_says_nothing_but_the_scheme() {
        let reject = door().admit(&HeaderMap::new(), true).unwrap_err();
        assert_eq!(reject.headers, [(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))]);
    }

    /// RFC 9110 §5.5: a field has visible characters, and a space ends a token.
    #[test]
    fn a_token_that_no_client_could_send_is_none() {
        for text in ["", "two words", "é", "a\n"] {
            assert!(Token::parse(text).is_none(), "{text}");
        }
    }
}
