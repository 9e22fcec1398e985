//! Keys of the key-value store, which all uses of a gateway share.

use sha2::{Digest, Sha256};

/// The longest key that every platform's store takes, in bytes.
const MOST_BYTES: usize = 255;

/// A use of the key-value store.
///
/// Each use has a prefix of its own, so that no key of one can name an entry of another, whatever a client sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUse {
    /// The values of `keyValue` routes.
    Route,
    /// The flags that policies ask for.
    Flag,
    /// The keys that issuers publish.
    Keys,
    /// The revoked tokens.
    Revoked,
    /// The API keys.
    Credential,
    /// The sessions that have ended before their time.
    Session,
    /// The stored responses.
    Cache,
    /// The answers to requests with idempotency keys.
    Answer,
    /// The places of the registry.
    Registry,
    /// The places of upstreams that are left out because their checks fail.
    Checks,
}

impl KeyUse {
    /// The beginning of every key of this use. None is the beginning of another.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Route => "kv:",
            Self::Flag => "flag:",
            Self::Keys => "jwks:",
            Self::Revoked => "revoked:",
            Self::Credential => "key:",
            Self::Session => "session:",
            Self::Cache => "cache:",
            Self::Answer => "answer:",
            Self::Registry => "registry:",
            Self::Checks => "checks:",
        }
    }

    /// Returns whether `key` is that of an entry which an operator makes, and which the gateway's own traffic must not crowd out.
    #[must_use]
    pub fn is_operators(key: &str) -> bool {
        [Self::Flag, Self::Revoked, Self::Credential, Self::Session, Self::Registry]
            .into_iter()
            .any(|one| key.starts_with(one.prefix()))
    }

    /// The longest name that a key of this use has room for, in bytes.
    #[must_use]
    pub const fn most_name_bytes(self) -> usize {
        MOST_BYTES.saturating_sub(self.prefix().len())
    }
}

/// A key that belongs to one use and that every platform's store takes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StoreKey(String);

impl StoreKey {
    /// The key of this use for the name that `write` appends; `None` if `write` fails or the key becomes too long.
    pub fn written(of: KeyUse, write: impl FnOnce(&mut String) -> bool) -> Option<Self> {
        let mut key = of.prefix().to_owned();
        (write(&mut key) && key.len() <= MOST_BYTES).then_some(Self(key))
    }

    /// The key of this use for the digest of `parts`, each of which ends in a line feed there, after `name`.
    pub fn digested(of: KeyUse, name: &str, parts: &[&str]) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update(part);
            digest.update("\n");
        }
        let mut key = [of.prefix(), name].concat();
        push_hex(&mut key, digest.finalize().get(..16).unwrap_or_default());
        Self(key)
    }

    /// The key of this use for a digest, in hexadecimal digits.
    pub(crate) fn of_digest(of: KeyUse, hex: &str) -> Self {
        Self([of.prefix(), hex].concat())
    }

    /// The name that the key of this use is for; none if it is of another use.
    #[must_use]
    pub fn name(&self, of: KeyUse) -> Option<&str> {
        self.0.strip_prefix(of.prefix())
    }

    /// The whole key, as the store has it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Appends `bytes` as hexadecimal digits in small letters.
pub(crate) fn push_hex(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            out.push(char::from_digit(u32::from(digit), 16).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route_key(name: &str) -> Option<StoreKey> {
        StoreKey::written(KeyUse::Route, |key| {
            key.push_str(name);
            true
        })
    }

    /// docs/configuration.md, Actions: a route's entries are stored under `kv:`.
    #[test]
    fn a_key_names_its_use() {
        assert_eq!(route_key("flags/dark").unwrap().as_str(), "kv:flags/dark");
        let key = route_key("jwks:https://issuer").unwrap();
        assert_eq!(key.as_str(), "kv:jwks:https://issuer");
        assert_eq!((key.name(KeyUse::Route), key.name(KeyUse::Flag)), (Some("jwks:https://issuer"), None));
    }

    /// docs/configuration.md, Actions: a key has at most 252 bytes, 255 with its prefix.
    #[test]
    fn the_prefix_counts_into_the_longest_key() {
        assert_eq!(KeyUse::Route.most_name_bytes(), 252);
        assert_eq!(route_key(&"a".repeat(252)).unwrap().as_str().len(), 255);
        assert_eq!(route_key(&"a".repeat(253)), None);
    }

    #[test]
    fn a_name_that_could_not_be_written_is_no_key() {
        assert_eq!(StoreKey::written(KeyUse::Route, |_| false), None);
    }
}
