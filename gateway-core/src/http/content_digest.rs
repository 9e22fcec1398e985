//! Digests of content (RFC 9530 §2).

use base64ct::{Base64, Encoding as _};
use http::{HeaderMap, HeaderName};
use sha2::{Digest as _, Sha256, Sha512};

use super::message_signature::combined;
use super::structured::{Bare, Item, Member, dictionary};

/// `Content-Digest`.
pub const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");

/// An algorithm of digests that counts (§5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    /// `sha-256`.
    Sha256,
    /// `sha-512`.
    Sha512,
}

impl Digest {
    /// The value of `Content-Digest` for `content`.
    #[must_use]
    pub fn field(self, content: &[u8]) -> String {
        let (name, digest) = match self {
            Self::Sha256 => ("sha-256=:", Base64::encode_string(&Sha256::digest(content))),
            Self::Sha512 => ("sha-512=:", Base64::encode_string(&Sha512::digest(content))),
        };
        [name, &digest, ":"].concat()
    }
}

/// Returns whether `headers` state at least one digest of an algorithm that counts (§5: `sha-256`, `sha-512`), and all of those are
/// `content`'s. Others are not looked at.
#[must_use]
pub fn fits(headers: &HeaderMap, content: &[u8]) -> bool {
    let Some(members) = combined(headers, &CONTENT_DIGEST).and_then(|text| dictionary(&text)) else { return false };
    let mut is_known = false;
    for (algorithm, member) in members {
        let Member::Item(Item { bare: Bare::Bytes(stated), .. }) = member else { return false };
        let is_it = match &*algorithm {
            "sha-256" => *stated == *Sha256::digest(content),
            "sha-512" => *stated == *Sha512::digest(content),
            _ => continue,
        };
        if !is_it {
            return false;
        }
        is_known = true;
    }
    is_known
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_fit(lines: &[&str], content: &str) -> bool {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(CONTENT_DIGEST, line.parse().unwrap());
        }
        fits(&headers, content.as_bytes())
    }

    /// RFC 9530 appendix D; RFC 9421 appendix B.2.
    const SHA256: &str = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
    const SHA512: &str =
        "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:";
    const CONTENT: &str = r#"{"hello": "world"}"#;

    #[test]
    fn the_digests_of_the_standards_are_those_of_their_content() {
        // RFC 9530 appendix B.1 has a line feed at the end.
        let with_feed = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
        assert!(is_fit(&[with_feed], "{\"hello\": \"world\"}\n"));
        assert!(is_fit(&[SHA256], CONTENT) && is_fit(&[SHA512], CONTENT));
        assert!(is_fit(&[SHA256, SHA512], CONTENT) && is_fit(&[&format!("{SHA512}, {SHA256}")], CONTENT));
        assert!(!is_fit(&[SHA256], "{\"hello\": \"world\"} ") && !is_fit(&[SHA256], ""));
    }

    #[test]
    fn a_digest_that_is_written_is_that_of_the_standard() {
        assert_eq!(Digest::Sha256.field(CONTENT.as_bytes()), SHA256);
        assert_eq!(Digest::Sha512.field(CONTENT.as_bytes()), SHA512);
    }

    /// RFC 9530 §5: the others are deprecated, or unknown; none of them is enough.
    #[test]
    fn a_digest_that_counts_is_needed_and_none_may_be_wrong() {
        for lines in [
            &[][..],
            &["md5=:Sd/dVLAcvNLSq16eXua5uQ==:"],
            &["sha-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE="],
            &["sha-256=:X48E:"],
            &["SHA-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"],
            &["sha-256=(:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:)"],
            &[SHA256, SHA256],
            &[SHA256, "sha-512=:AAAA:"],
        ] {
            assert!(!is_fit(lines, CONTENT), "{lines:?}");
        }
        assert!(is_fit(&["md5=:Sd/dVLAcvNLSq16eXua5uQ==:", SHA256], CONTENT));
    }
}
