//! The signatures of Project Wycheproof for our algorithms and parameters.

use gateway_core::jose::algorithm::Algorithm;
use gateway_core::jose::key::{Stated, VerifyingKey};
use gateway_core::ports::KeyUnusable;
use wycheproof::{HashFunction, TestResult, ecdsa, eddsa, rsa_pkcs1_verify, rsa_pss_verify};

/// The fewest signatures that the sets below have together, so that none is left out unseen.
const LEAST: usize = 3_000;

/// Checks what `verify` says of each signature.
///
/// # Panics
/// If it takes what it must not take, or refuses what it must take.
pub fn check_all(verify: impl Fn(&VerifyingKey, &[u8], &[u8]) -> Result<bool, KeyUnusable>) {
    let mut checked = 0;
    let mut check = |key: &VerifyingKey, message: &[u8], signature: &[u8], result: TestResult, about: &str| {
        let verdict = verify(key, message, signature);
        match result {
            TestResult::Valid => assert_eq!(verdict, Ok(true), "{about}"),
            TestResult::Invalid => assert_eq!(verdict, Ok(false), "{about}"),
            // Neither is wrong.
            TestResult::Acceptable => {}
        }
        checked += 1;
    };

    for (algorithm, name) in [
        (Algorithm::Es256, ecdsa::TestName::EcdsaSecp256r1Sha256P1363),
        (Algorithm::Es384, ecdsa::TestName::EcdsaSecp384r1Sha384P1363),
    ] {
        let set = ecdsa::TestSet::load(name).expect("the set");
        for group in set.test_groups {
            let half = if algorithm == Algorithm::Es256 { 32 } else { 48 };
            let [x, y] = [&group.key.affine_x, &group.key.affine_y].map(|number| fixed(number, half));
            let stated = if half == 32 { Stated::P256(&x, &y) } else { Stated::P384(&x, &y) };
            let key = VerifyingKey::new(algorithm, &stated, None).expect("a key");
            for test in group.tests {
                check(&key, &test.msg, &test.sig, test.result, &format!("{name:?} {}", test.tc_id));
            }
        }
    }

    for group in eddsa::TestSet::load(eddsa::TestName::Ed25519).expect("the set").test_groups {
        let key = VerifyingKey::new(Algorithm::EdDsa, &Stated::Ed25519(&group.key.pk), None).expect("a key");
        for test in group.tests {
            check(&key, &test.msg, &test.sig, test.result, &format!("Ed25519 {}", test.tc_id));
        }
    }

    use rsa_pkcs1_verify::TestName as Pkcs1;
    for name in [
        Pkcs1::Rsa2048Sha256,
        Pkcs1::Rsa2048Sha384,
        Pkcs1::Rsa2048Sha512,
        Pkcs1::Rsa3072Sha256,
        Pkcs1::Rsa3072Sha384,
        Pkcs1::Rsa3072Sha512,
        Pkcs1::Rsa4096Sha256,
        Pkcs1::Rsa4096Sha384,
        Pkcs1::Rsa4096Sha512,
        Pkcs1::Rsa8192Sha256,
        Pkcs1::Rsa8192Sha384,
        Pkcs1::Rsa8192Sha512,
    ] {
        for group in rsa_pkcs1_verify::TestSet::load(name).expect("the set").test_groups {
            let algorithm = by_hash(group.hash, [Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512]);
            let stated = Stated::Rsa(&group.key.n, &group.key.e);
            let key = VerifyingKey::new(algorithm, &stated, None).expect("a key");
            for test in group.tests {
                check(&key, &test.msg, &test.sig, test.result, &format!("{name:?} {}", test.tc_id));
            }
        }
    }

    use rsa_pss_verify::TestName as Pss;
    for name in [
        Pss::RsaPss2048Sha256Mgf1SaltLen32,
        Pss::RsaPss2048Sha384Mgf1SaltLen48,
        Pss::RsaPss3072Sha256Mgf1SaltLen32,
        Pss::RsaPss4096Sha256Mgf1SaltLen32,
        Pss::RsaPss4096Sha384Mgf1SaltLen48,
        Pss::RsaPss4096Sha512Mgf1SaltLen64,
    ] {
        for group in rsa_pss_verify::TestSet::load(name).expect("the set").test_groups {
            let algorithm = by_hash(group.hash, [Algorithm::Ps256, Algorithm::Ps384, Algorithm::Ps512]);
            let stated = Stated::Rsa(&group.key.n, &group.key.e);
            let key = VerifyingKey::new(algorithm, &stated, None).expect("a key");
            for test in group.tests {
                check(&key, &test.msg, &test.sig, test.result, &format!("{name:?} {}", test.tc_id));
            }
        }
    }
    assert!(checked >= LEAST, "{checked} signatures");
}

/// The algorithm with this hash, of those with SHA-256, SHA-384 and SHA-512.
fn by_hash(hash: HashFunction, [sha256, sha384, sha512]: [Algorithm; 3]) -> Algorithm {
    match hash {
        HashFunction::Sha2_256 => sha256,
        HashFunction::Sha2_384 => sha384,
        HashFunction::Sha2_512 => sha512,
        other => panic!("{other:?} is none of ours"),
    }
}

/// A number of `length` bytes: leading zeros may be missing, or one too many be there.
fn fixed(number: &[u8], length: usize) -> Vec<u8> {
    let from = number.len().saturating_sub(length);
    let mut bytes = vec![0; length.saturating_sub(number.len())];
    bytes.extend_from_slice(&number[from..]);
    bytes
}
