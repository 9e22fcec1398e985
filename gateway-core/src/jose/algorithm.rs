//! Signature algorithms by their names (RFC 7518 §3.1, RFC 8037 §3.1).

use core::fmt;

/// A signature algorithm. There is no member for `none`, so no token without a signature can be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256, and MGF1 and a salt of the same.
    Ps256,
    /// RSASSA-PSS with SHA-384, and MGF1 and a salt of the same.
    Ps384,
    /// RSASSA-PSS with SHA-512, and MGF1 and a salt of the same.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// `EdDSA` on Ed25519 (RFC 8037), which is also called `Ed25519` (RFC 9864 §2.2).
    EdDsa,
}

/// The kind of key that an algorithm takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// A shared secret.
    Secret,
    /// An RSA key.
    Rsa,
    /// A point on the curve P-256.
    P256,
    /// A point on the curve P-384.
    P384,
    /// A point on Ed25519.
    Ed25519,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 12] = [
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    /// Its name in `alg`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of this name, and the name as it is known; none for any other text. Names are case-sensitive (RFC 7515 §4.1.1).
    #[must_use]
    pub fn named(name: &str) -> Option<(Self, &'static str)> {
        // RFC 9864 §2.2: the same algorithm under a name that says all of it.
        if name == "Ed25519" {
            return Some((Self::EdDsa, "Ed25519"));
        }
        Self::ALL.into_iter().map(|algorithm| (algorithm, algorithm.name())).find(|(_, known)| *known == name)
    }

    /// The kind of key that it takes.
    #[must_use]
    pub const fn family(self) -> Family {
        match self {
            Self::Hs256 | Self::Hs384 | Self::Hs512 => Family::Secret,
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512 => Family::Rsa,
            Self::Es256 => Family::P256,
            Self::Es384 => Family::P384,
            Self::EdDsa => Family::Ed25519,
        }
    }
}

impl Family {
    /// The algorithm that a key of this kind is for where nothing says which: RS256 for RSA (RFC 7518 §3.1 recommends it), and the
    /// only one of a curve. None for a secret, of whatever length it is.
    #[must_use]
    pub const fn usual(self) -> Option<Algorithm> {
        match self {
            Self::Secret => None,
            Self::Rsa => Some(Algorithm::Rs256),
            Self::P256 => Some(Algorithm::Es256),
            Self::P384 => Some(Algorithm::Es384),
            Self::Ed25519 => Some(Algorithm::EdDsa),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret => "a secret",
            Self::Rsa => "an RSA key",
            Self::P256 => "a key on P-256",
            Self::P384 => "a key on P-384",
            Self::Ed25519 => "an Ed25519 key",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2; `none` (RFC 7518 §3.6) is no algorithm here.
    #[test]
    fn each_algorithm_is_found_by_its_name_alone() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::named(algorithm.name()), Some((algorithm, algorithm.name())));
        }
        assert_eq!(Algorithm::named("Ed25519"), Some((Algorithm::EdDsa, "Ed25519")));
        for wrong in ["none", "None", "NONE", "", "hs256", "HS256 ", "ES512", "ES256K", "RSA-OAEP", "Ed448"] {
            assert_eq!(Algorithm::named(wrong), None, "{wrong}");
        }
    }
}
