//! The check of keys that have verified nothing yet.

use core::cell::RefCell;
use std::collections::VecDeque;

use gateway_core::jose::key::{Material, Thumbprint, VerifyingKey};
use ring::agreement::{Algorithm, ECDH_P256, ECDH_P384, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::rand::SystemRandom;

/// The most points that a thread remembers to be on their curves.
const MOST_REMEMBERED: usize = 64;

thread_local! {
    /// The keys whose points are on their curves: the check costs more than a signature's, and whoever sends bad signatures
    /// shall not cause it each time.
    static USABLE: RefCell<VecDeque<Thumbprint>> = const { RefCell::new(VecDeque::new()) };
}

/// Returns whether ring can use `key`, as far as it tells.
#[cold]
pub(crate) fn is_usable(key: &VerifyingKey) -> bool {
    match key.material() {
        Material::P256(point) => is_known(key) || is_on_curve(&ECDH_P256, &**point, key),
        Material::P384(point) => is_known(key) || is_on_curve(&ECDH_P384, &**point, key),
        // The core checks all that ring asks for.
        Material::Rsa { .. } => true,
        Material::Ed25519(_) | Material::Secret(_) => true,
    }
}

fn is_known(key: &VerifyingKey) -> bool {
    USABLE.with_borrow(|usable| usable.contains(&key.id()))
}

/// Returns whether `point` is on its curve: only then can a secret be agreed on with its owner (NIST SP 800-56A §5.6.2.3).
fn is_on_curve(curve: &'static Algorithm, point: &[u8], key: &VerifyingKey) -> bool {
    let Ok(private) = EphemeralPrivateKey::generate(curve, &SystemRandom::new()) else { return true };
    let is_on_curve = agree_ephemeral(private, &UnparsedPublicKey::new(curve, point), |_| ()).is_ok();
    if is_on_curve {
        USABLE.with_borrow_mut(|usable| {
            usable.truncate(MOST_REMEMBERED - 1);
            usable.push_front(key.id());
        });
    }
    is_on_curve
}
