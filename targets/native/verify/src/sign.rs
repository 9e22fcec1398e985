//! Signatures by keys of the gateway's own.

use core::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use gateway_core::jose::algorithm::Algorithm;
use gateway_core::jose::key::Thumbprint;
use gateway_core::jose::signing_key::{SigningKey, SigningMaterial};
use gateway_core::ports::KeyUnusable;
use ring::error::KeyRejected;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};

/// The most keys that a thread keeps.
const MOST_KEPT: usize = 16;

/// A key as `ring` has it.
enum Pair {
    Rsa(Box<RsaKeyPair>, &'static dyn RsaEncoding),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

thread_local! {
    /// The keys that were made, the latest first: to make one of RSA takes about as long as to sign by it.
    static KEPT: RefCell<VecDeque<(Thumbprint, Rc<Pair>)>> = const { RefCell::new(VecDeque::new()) };
}

/// Returns the signature of `signed` by `key`. By an RSA key of 2,048 bits it takes some 600 µs, by any other less than 100 µs.
///
/// # Errors
/// [`KeyUnusable`], if `ring` refuses the key: one on a curve without its public half, an RSA key whose numbers don't fit.
pub fn sign(key: &SigningKey, signed: &[u8]) -> Result<Vec<u8>, KeyUnusable> {
    let (id, pkcs8) = match key.material() {
        SigningMaterial::Secret(secret) => {
            return secret.sha256(&[signed]).map(|tag| tag.to_vec()).ok_or(KeyUnusable);
        }
        SigningMaterial::Private(id, pkcs8) => (*id, pkcs8),
    };
    let kept = KEPT.with_borrow(|kept| kept.iter().find(|(known, _)| *known == id).map(|(_, pair)| Rc::clone(pair)));
    let pair = match kept {
        Some(pair) => pair,
        None => {
            let pair = Rc::new(Pair::new(key.algorithm(), pkcs8).ok_or(KeyUnusable)?);
            KEPT.with_borrow_mut(|kept| {
                kept.truncate(MOST_KEPT - 1);
                kept.push_front((id, Rc::clone(&pair)));
            });
            pair
        }
    };
    pair.sign(signed).ok_or(KeyUnusable)
}

impl Pair {
    fn new(algorithm: Algorithm, pkcs8: &[u8]) -> Option<Self> {
        let rsa = |encoding: &'static dyn RsaEncoding| {
            RsaKeyPair::from_pkcs8(pkcs8).map(|pair| Self::Rsa(Box::new(pair), encoding))
        };
        let ecdsa = |curve| EcdsaKeyPair::from_pkcs8(curve, pkcs8, &SystemRandom::new()).map(Self::Ecdsa);
        let made: Result<Self, KeyRejected> = match algorithm {
            Algorithm::Rs256 => rsa(&RSA_PKCS1_SHA256),
            Algorithm::Rs384 => rsa(&RSA_PKCS1_SHA384),
            Algorithm::Rs512 => rsa(&RSA_PKCS1_SHA512),
            Algorithm::Ps256 => rsa(&RSA_PSS_SHA256),
            Algorithm::Ps384 => rsa(&RSA_PSS_SHA384),
            Algorithm::Ps512 => rsa(&RSA_PSS_SHA512),
            Algorithm::Es256 => ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING),
            Algorithm::Es384 => ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING),
            // A key may come without its public half.
            Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map(Self::Ed25519),
            Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => return None,
        };
        made.ok()
    }

    fn sign(&self, signed: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(*encoding, &random, signed, &mut signature).ok()?;
                Some(signature)
            }
            Self::Ecdsa(pair) => pair.sign(&random, signed).ok().map(|signature| signature.as_ref().to_vec()),
            Self::Ed25519(pair) => Some(pair.sign(signed).as_ref().to_vec()),
        }
    }
}
