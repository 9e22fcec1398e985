//! Hashes of passwords, as they are usually written: Argon2 (RFC 9106) in the PHC string format, and bcrypt in the modular crypt format.
//!
//! To compute one takes milliseconds on purpose, so that a stolen hash says little about its password. The bounds keep a hash from taking
//! more than a gateway has.

use core::fmt;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64ct::{Base64Bcrypt, Base64Unpadded, Encoding};
use subtle::ConstantTimeEq;

use crate::base64;

/// The memory of Argon2 in KiB, and the passes over it, that OWASP recommends.
pub const USUAL: (u32, u32) = (Params::DEFAULT_M_COST, Params::DEFAULT_T_COST);

/// The most bytes of a password.
pub const MOST_BYTES: usize = 512;

/// The most bytes that bcrypt looks at. What is longer would be good with any end, so it is never right.
const MOST_BCRYPT_BYTES: usize = 72;

/// The most memory of Argon2, in KiB. A Worker has 128 MB for all.
const MOST_MEMORY: u32 = 64 * 1_024;

/// The most passes of Argon2 over its memory.
const MOST_PASSES: u32 = 16;

/// The most lanes of Argon2, which are computed one after the other here.
const MOST_LANES: u32 = 16;

/// The work that Argon2 takes at most, in KiB over all passes: some half a second.
const MOST_WORK: u32 = 256 * 1_024;

/// The work that Argon2 takes at least for nobody to be warned, in KiB over all passes: the first of the equal settings that OWASP's
/// Password Storage Cheat Sheet lists, 7 MiB in five passes, does less of it than any other.
const LEAST_WORK: u32 = 35 * 1_024;

/// The costs of bcrypt that are taken: of the highest a hash takes a second.
const COSTS: core::ops::RangeInclusive<u32> = 4..=14;

/// The cost of bcrypt below which somebody is warned, by the same.
const LEAST_COST: u32 = 10;

/// The hash of a password, with all that it takes to compare one.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    text: Box<str>,
    salt: Box<[u8]>,
    output: Box<[u8]>,
    way: Way,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Way {
    Argon2 { algorithm: Algorithm, version: Version, memory: u32, passes: u32, lanes: u32 },
    Bcrypt { cost: u32 },
}

/// A reason for which a text is no hash that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It is of no form that is known here.
    Form,
    /// It takes more work than a gateway has.
    Work,
}

/// A system without the memory that a hash takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMemory;

impl PasswordHash {
    /// Reads a hash.
    ///
    /// # Errors
    /// An [`Unfit`], which repeats nothing of the text.
    pub fn parse(text: &str) -> Result<Self, Unfit> {
        let mut parts = text.strip_prefix('$').ok_or(Unfit::Form)?.split('$');
        let kind = parts.next().unwrap_or_default();
        let (way, salt, output) = match kind {
            "argon2id" | "argon2i" | "argon2d" => argon2_parts(kind, parts)?,
            "2a" | "2b" | "2y" => bcrypt_parts(parts)?,
            _ => return Err(Unfit::Form),
        };
        let (text, salt, output) = (text.into(), salt.into(), output.into());
        Ok(Self { text, salt, output, way })
    }

    /// The Argon2id hash of `password`, over `memory` in KiB, in so many `passes`.
    ///
    /// # Errors
    /// [`Unfit::Work`] where [`parse`](Self::parse) would refuse it, or there is not so much memory.
    pub fn argon2id(password: &[u8], salt: [u8; 16], (memory, passes): (u32, u32)) -> Result<Self, Unfit> {
        let digits = |bytes: &[u8]| Base64Unpadded::encode_string(bytes);
        let start = format!("$argon2id$v=19$m={memory},t={passes},p=1${}$", digits(&salt));
        let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
        let unmade = Self::parse(&[&start, &*digits(&output)].concat())?;
        unmade.way.compute(password, &salt, &mut output).map_err(|NoMemory| Unfit::Work)?;
        Ok(Self { text: [start, digits(&output)].concat().into(), output: output.into(), ..unmade })
    }

    /// Its text.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns whether it is of `password`, in a time that says nothing about where they differ.
    ///
    /// # Errors
    /// [`NoMemory`].
    pub fn is_of(&self, password: &[u8]) -> Result<bool, NoMemory> {
        let mut output = [0; MOST_OUTPUT];
        let output = output.get_mut(..self.output.len()).unwrap_or_default();
        self.way.compute(password, &self.salt, output)?;
        let is_whole = !matches!(self.way, Way::Bcrypt { .. }) || password.len() <= MOST_BCRYPT_BYTES;
        Ok(is_whole && output.ct_eq(&self.output).into())
    }

    /// Returns whether it takes so little work that whoever steals it finds most passwords.
    #[must_use]
    pub const fn is_weak(&self) -> bool {
        match self.way {
            Way::Argon2 { memory, passes, .. } => memory.saturating_mul(passes) < LEAST_WORK,
            Way::Bcrypt { cost } => cost < LEAST_COST,
        }
    }
}

impl fmt::Debug for PasswordHash {
    /// Shows nothing of the hash, by which passwords can be guessed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// The most bytes of what is computed.
const MOST_OUTPUT: usize = 64;

/// The bytes of bcrypt's output that are written: one of its 24 never was.
const BCRYPT_OUTPUT: usize = 23;

impl Way {
    /// Computes the hash of `password` into `output`.
    fn compute(&self, password: &[u8], salt: &[u8], output: &mut [u8]) -> Result<(), NoMemory> {
        match *self {
            Self::Argon2 { algorithm, version, memory, passes, lanes } => {
                // INVARIANT: `parse` has looked at all that could be wrong.
                let params = Params::new(memory, passes, lanes, Some(output.len())).map_err(|_| NoMemory)?;
                let mut blocks: Vec<Block> = Vec::new();
                // In a Worker, an allocation that fails would end all that it does.
                blocks.try_reserve_exact(params.block_count()).map_err(|_| NoMemory)?;
                blocks.resize(params.block_count(), Block::new());
                let argon2 = Argon2::new(algorithm, version, params);
                argon2.hash_password_into_with_memory(password, salt, output, &mut blocks).map_err(|_| NoMemory)
            }
            Self::Bcrypt { cost } => {
                // Its key is text that ends in a zero.
                let mut key = [0; MOST_BCRYPT_BYTES];
                let length = password.len().min(MOST_BCRYPT_BYTES);
                for (own, byte) in key.iter_mut().zip(password) {
                    *own = *byte;
                }
                let key = key.get(..(length + 1).min(MOST_BCRYPT_BYTES)).unwrap_or(&key);
                let computed = bcrypt::bcrypt(cost, salt.try_into().unwrap_or_default(), key);
                for (own, byte) in output.iter_mut().zip(computed) {
                    *own = byte;
                }
                Ok(())
            }
        }
    }
}

type Parts = (Way, Vec<u8>, Vec<u8>);

/// `v=19$m=19456,t=2,p=1$SALT$OUTPUT`; without `v=` it is of the first version, 16. The parameters stand in this order, as the reference
/// implementation writes them.
fn argon2_parts<'t>(kind: &str, mut parts: impl Iterator<Item = &'t str>) -> Result<Parts, Unfit> {
    let algorithm = match kind {
        "argon2id" => Algorithm::Argon2id,
        "argon2i" => Algorithm::Argon2i,
        _ => Algorithm::Argon2d,
    };
    let mut next = || parts.next().ok_or(Unfit::Form);
    let first = next()?;
    let (version, settings) = match first.strip_prefix("v=") {
        Some("19") => (Version::V0x13, next()?),
        Some("16") => (Version::V0x10, next()?),
        Some(_) => return Err(Unfit::Form),
        None => (Version::V0x10, first),
    };
    let mut settings = settings.split(',');
    let mut setting = |name: &str| settings.next()?.strip_prefix(name)?.strip_prefix('=').and_then(number);
    let (memory, passes, lanes) = (setting("m"), setting("t"), setting("p"));
    let (Some(memory), Some(passes), Some(lanes), None) = (memory, passes, lanes, settings.next()) else {
        return Err(Unfit::Form);
    };
    let mut bytes = || Some(next().ok()?).filter(|text| !text.ends_with('=')).and_then(base64::decode);
    let (Some(salt), Some(output)) = (bytes(), bytes()) else { return Err(Unfit::Form) };
    let is_form = parts.next().is_none()
        && (argon2::MIN_SALT_LEN..=MOST_OUTPUT).contains(&salt.len())
        && (16..=MOST_OUTPUT).contains(&output.len())
        && passes > 0
        && lanes > 0
        && lanes.checked_mul(8).is_some_and(|least| memory >= least);
    if !is_form {
        return Err(Unfit::Form);
    }
    let is_bearable = memory <= MOST_MEMORY
        && passes <= MOST_PASSES
        && lanes <= MOST_LANES
        && memory.saturating_mul(passes) <= MOST_WORK;
    if !is_bearable {
        return Err(Unfit::Work);
    }
    Ok((Way::Argon2 { algorithm, version, memory, passes, lanes }, salt, output))
}

/// `10$` and 53 digits: 22 of the salt, 31 of the output.
fn bcrypt_parts<'t>(mut parts: impl Iterator<Item = &'t str>) -> Result<Parts, Unfit> {
    let (Some(cost), Some(digits), None) = (parts.next(), parts.next(), parts.next()) else { return Err(Unfit::Form) };
    let cost = Some(cost).filter(|cost| cost.len() == 2).and_then(number).ok_or(Unfit::Form)?;
    let (salt, output) = digits.split_at_checked(22).ok_or(Unfit::Form)?;
    let decoded = |text: &str| Base64Bcrypt::decode_vec(text).map_err(|_| Unfit::Form);
    let (salt, output) = (decoded(salt)?, decoded(output)?);
    if salt.len() != 16 || output.len() != BCRYPT_OUTPUT || !(4..=31).contains(&cost) {
        return Err(Unfit::Form);
    }
    if !COSTS.contains(&cost) {
        return Err(Unfit::Work);
    }
    Ok((Way::Bcrypt { cost }, salt, output))
}

/// A decimal number without a sign.
fn number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_of(hash: &str, password: &str) -> bool {
        PasswordHash::parse(hash).unwrap().is_of(password.as_bytes()).unwrap()
    }

    /// The tests of the reference implementation (P-H-C/phc-winner-argon2, src/test.c): the password is `password`, the salt `somesalt`.
    #[test]
    fn argon2_is_that_of_the_reference_implementation() {
        for hash in [
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
            "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8",
            "$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY",
        ] {
            assert!(is_of(hash, "password"), "{hash}");
            assert!(!is_of(hash, "passwore") && !is_of(hash, "") && !is_of(hash, "password "), "{hash}");
        }
    }

    /// The tests of jBCrypt (djmdjm/jBCrypt, TestBCrypt.java), and of crypt_blowfish (wrapper.c): all versions but the faulty `2x` are one.
    #[test]
    fn bcrypt_is_that_of_other_implementations() {
        for (hash, password) in [
            ("$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s.", ""),
            ("$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe", "a"),
            ("$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i", "abc"),
            ("$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"),
            ("$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"),
        ] {
            assert!(is_of(hash, password), "{hash}");
            assert!(!is_of(hash, "b"), "{hash}");
        }
    }

    /// bcrypt looks at 72 bytes alone: what is longer would be right with any end.
    #[test]
    fn a_password_longer_than_bcrypt_reads_is_wrong() {
        let hash = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui";
        let password = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        assert_eq!(password.len(), 72);
        assert!(is_of(hash, password));
        assert!(!is_of(hash, &format!("{password}chars after 72 are ignored")));
    }

    /// docs/configuration.md, Names and passwords: the forms, and their bounds.
    #[test]
    fn a_text_of_another_form_is_no_hash() {
        const SALT: &str = "c29tZXNhbHQ";
        const OUTPUT: &str = "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let argon2 = |settings: &str| PasswordHash::parse(&format!("$argon2id$v=19${settings}${SALT}${OUTPUT}")).err();
        for (settings, unfit) in [
            ("m=8,t=1,p=1", None),
            ("m=65536,t=4,p=1", None),
            ("m=65537,t=1,p=1", Some(Unfit::Work)),
            ("m=65536,t=5,p=1", Some(Unfit::Work)),
            ("m=8,t=17,p=1", Some(Unfit::Work)),
            ("m=4294967295,t=4294967295,p=16", Some(Unfit::Work)),
            ("m=7,t=1,p=1", Some(Unfit::Form)),
            ("m=8,t=1,p=2", Some(Unfit::Form)),
            ("m=8,t=0,p=1", Some(Unfit::Form)),
            ("m=8,t=1,p=0", Some(Unfit::Form)),
            ("m=8,t=1,p=4294967295", Some(Unfit::Form)),
            ("t=1,m=8,p=1", Some(Unfit::Form)),
            ("m=+8,t=1,p=1", Some(Unfit::Form)),
            ("m=8,t=1,p=1,keyid=a", Some(Unfit::Form)),
            ("m=8,t=1", Some(Unfit::Form)),
        ] {
            assert_eq!(argon2(settings), unfit, "{settings}");
        }
        for text in [
            "",
            "password",
            "$",
            "$argon2id$",
            "$argon2id$v=18$m=8,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ=$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=8,t=1,p=1$c29t$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$nf65",
            "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4$",
            "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ",
            "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "$2a$5$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "$2a$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe",
            "$2a$05$CCCCCCCCCCCCCCCCCCCCCéE5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW$",
            "$apr1$x$x",
            "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
        ] {
            assert_eq!(PasswordHash::parse(text), Err(Unfit::Form), "{text}");
        }
        let dear = "$2a$15$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
        assert_eq!(PasswordHash::parse(dear), Err(Unfit::Work));
    }

    /// OWASP Password Storage Cheat Sheet: 46 MiB in one pass, 19 in two, 12 in three, 9 in four, 7 in five; bcrypt from 10 on.
    #[test]
    fn a_hash_is_weak_below_what_owasp_recommends() {
        let argon2 = |m: u32, t: u32| {
            let text =
                format!("$argon2id$v=19$m={m},t={t},p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4");
            PasswordHash::parse(&text).unwrap().is_weak()
        };
        for (m, t) in [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)] {
            assert!(!argon2(m, t), "{m} {t}");
        }
        assert!(argon2(19_456, 1) && argon2(8, 1));
        let bcrypt = |cost: &str| {
            let text = format!("$2a${cost}$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW");
            PasswordHash::parse(&text).unwrap().is_weak()
        };
        assert!(bcrypt("05") && bcrypt("09") && !bcrypt("10") && !bcrypt("12"));
    }

    #[test]
    fn a_hash_that_is_made_is_of_its_password_and_shows_nothing() {
        let made = PasswordHash::argon2id("pässword".as_bytes(), [7; 16], (64, 1)).unwrap();
        assert_eq!(PasswordHash::parse(made.as_str()), Ok(made.clone()));
        assert!(is_of(made.as_str(), "pässword") && !is_of(made.as_str(), "password"));
        assert_eq!(format!("{made:?}"), "PasswordHash(…)");
        for work in [(65_537, 1), (65_536, 5), (8, 0), (7, 1)] {
            assert!(PasswordHash::argon2id(b"a", [7; 16], work).is_err(), "{work:?}");
        }
    }
}
