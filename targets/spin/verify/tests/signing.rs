//! Signatures by keys of the gateway's own.

use edgeway_verify_rust::{sign, verify};

/// RFC 9421 appendix B.2, and §3.3 for each algorithm but RSA's: checked by ring. Those that ring makes are checked here.
#[test]
fn signatures_are_those_of_the_standard() {
    edgeway_signatures::signing::check(sign, edgeway_verify_ring::verify, false);
    edgeway_signatures::signing::check(edgeway_verify_ring::sign, verify, true);
}
