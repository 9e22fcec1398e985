//! The signatures of which every platform must say the same.

use edgeway_verify_ring::verify;

#[test]
fn the_shared_signatures_are_told_apart() {
    edgeway_signatures::check_shared(verify);
}

/// Attacks and edges that Project Wycheproof has collected.
#[test]
fn the_signatures_of_wycheproof_are_told_apart() {
    edgeway_signatures::wycheproof::check_all(verify);
}
