//! API keys: their form, the digests by which they are known, and their entries in the configuration and in the key-value store.
//!
//! A key of the gateway's own is `PREFIX_`, 43 digits of 256 random bits and 6 of a checksum: so a copy with a wrong character costs no
//! look-up, and whoever searches code and logs for leaked keys tells them from other text. Every other text can be a key, too, if its
//! digest is known: 256 bits of chance need no slow hash.

use std::sync::Arc;

use bytes::Bytes;
use hmac::{Hmac, Mac};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

use super::content::Content;
use crate::caller::Caller;
use crate::caller::consumer::Consumer;
use crate::caller::refusal::Refusal;
use crate::error::Reject;
use crate::order;
use crate::store_key::{KeyUse, StoreKey, push_hex};
use crate::time::Timestamp;

/// The prefix of keys that are made without another.
pub const DEFAULT_PREFIX: &str = "edgw";

/// The most bytes of a key.
pub const MOST_BYTES: usize = 512;

/// The digits of keys; the checksum has them, too.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The digits of 256 bits.
const SECRET_DIGITS: usize = 43;

/// The digits of 32 bits.
const CHECK_DIGITS: usize = 6;

/// Returns whether `text` can be the prefix of keys: 2 to 16 small letters and digits.
#[must_use]
pub fn is_prefix(text: &str) -> bool {
    (2..=16).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// The key of this prefix and these random bits.
#[must_use]
pub fn compose(prefix: &str, mut random: [u8; 32]) -> String {
    let mut key = String::with_capacity(prefix.len() + 1 + SECRET_DIGITS + CHECK_DIGITS);
    key.push_str(prefix);
    key.push('_');
    for _ in 0..SECRET_DIGITS {
        // A long division by the number of digits, whose rest is the next digit.
        let mut rest = 0;
        for byte in &mut random {
            let part = rest << 8 | u32::from(*byte);
            *byte = u8::try_from(part / 62).unwrap_or_default();
            rest = part % 62;
        }
        key.push(digit(rest));
    }
    let check = checksum(&key);
    key.extend(check);
    key
}

/// Returns whether `text` has the form of a key of the gateway's own, but not its checksum: it is a wrong copy of one.
#[must_use]
pub fn is_damaged(text: &str) -> bool {
    let Some((body, check)) = text.len().checked_sub(CHECK_DIGITS).and_then(|at| text.split_at_checked(at)) else {
        return false;
    };
    let is_own = body.split_once('_').is_some_and(|(prefix, secret)| {
        is_prefix(prefix) && secret.len() == SECRET_DIGITS && secret.bytes().all(|byte| DIGITS.contains(&byte))
    });
    is_own && !check.chars().eq(checksum(body))
}

fn digit(value: u32) -> char {
    usize::try_from(value).ok().and_then(|value| DIGITS.get(value)).map_or('0', |digit| char::from(*digit))
}

/// The CRC-32 of `text` (ISO/IEC 13239, as in zip files and GitHub's tokens), in six digits.
fn checksum(text: &str) -> [char; CHECK_DIGITS] {
    // Bit by bit: a key is short, and the usual tables take more room in a Worker than all else here.
    let mut crc = u32::MAX;
    for byte in text.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ (0xEDB8_8320 & 0_u32.wrapping_sub(crc & 1));
        }
    }
    let mut rest = !crc;
    let mut digits = ['0'; CHECK_DIGITS];
    for place in digits.iter_mut().rev() {
        *place = digit(rest % 62);
        rest /= 62;
    }
    digits
}

/// The way in which keys are made digests of: SHA-256, or HMAC-SHA-256 with a secret that is kept elsewhere than the digests.
#[derive(Clone, Default)]
pub struct Digester(Option<Box<Hmac<Sha256>>>);

impl Digester {
    /// The one with this secret.
    #[must_use]
    pub fn peppered(secret: &[u8]) -> Self {
        Self(Hmac::new_from_slice(secret).ok().map(Box::new))
    }

    /// Returns whether it has a secret.
    #[must_use]
    pub const fn is_peppered(&self) -> bool {
        self.0.is_some()
    }

    /// Refuses to have a key stored whose digest was made in another way, `stated` as `sha256` or `hmac`: nobody would ever be let in by it.
    ///
    /// # Errors
    /// 400, which says how to make it.
    pub fn check(&self, stated: &str) -> Result<(), Reject> {
        let detail = match (stated, self.is_peppered()) {
            ("", _) | ("sha256", false) | ("hmac", true) => return Ok(()),
            ("sha256", true) => {
                "the configuration has `apiKeys.pepper`, so that the digest has to be made with it: give the command `--pepper-env NAME`"
            }
            ("hmac", false) => "the configuration has no `apiKeys.pepper`: leave `--pepper-env` out, or add the pepper",
            _ => "write `\"digest\": \"sha256\"`, or `hmac` of one that is made with the pepper",
        };
        Err(Reject::bad_content().with_detail(detail))
    }

    /// The digest of `key`.
    #[must_use]
    pub fn digest(&self, key: &str) -> KeyDigest {
        KeyDigest(match &self.0 {
            None => Sha256::digest(key).into(),
            Some(pepper) => {
                let mut mac = (**pepper).clone();
                mac.update(key.as_bytes());
                mac.finalize().into_bytes().into()
            }
        })
    }
}

impl core::fmt::Debug for Digester {
    /// Shows nothing of the secret.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(if self.is_peppered() { "Digester(…)" } else { "Digester" })
    }
}

/// The digest of a key.
#[derive(Clone, Copy, Debug)]
pub struct KeyDigest([u8; 32]);

impl KeyDigest {
    /// The digest that is these bytes.
    #[must_use]
    pub const fn of(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads 64 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        text.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(Self(bytes))
    }

    /// Its hexadecimal digits.
    #[must_use]
    pub fn to_hex(self) -> String {
        let mut text = String::with_capacity(64);
        push_hex(&mut text, &self.0);
        text
    }

    /// The key of its entry in the key-value store.
    #[must_use]
    pub fn store_key(self) -> StoreKey {
        StoreKey::of_digest(KeyUse::Credential, &self.to_hex())
    }

    /// Returns whether it is `other`, in a time that says nothing about where they differ.
    #[must_use]
    pub fn is(self, other: Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    /// The first bytes, by which a memory finds it.
    pub(super) fn place(self) -> u64 {
        self.0.first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
    }
}

/// What the configuration says of API keys.
#[derive(Debug, Default)]
pub struct ApiKeys {
    /// The way in which they are made digests of.
    pub digester: Digester,
    /// Those that it lists.
    pub listed: Listed,
    /// Set if some of them are listed without the pepper that there is.
    pub has_plain: bool,
    /// The consumers, in the order of their names.
    pub consumers: Box<[Arc<Consumer>]>,
}

impl ApiKeys {
    /// Who has `key`, which has this `digest`, at `now`; none if it is not listed.
    pub fn find(&self, key: &str, digest: KeyDigest, now: Timestamp) -> Option<Result<Arc<Caller>, Refusal>> {
        let plain = || self.listed.find(Digester::default().digest(key), now);
        self.listed.find(digest, now).or_else(|| if self.has_plain { plain() } else { None })
    }

    /// The consumer called `name`. One whom the configuration does not name has a name and nothing else.
    #[must_use]
    pub fn consumer(&self, name: &str) -> Arc<Consumer> {
        let at = self.consumers.binary_search_by(|consumer| (*consumer.name).cmp(name));
        let known = at.ok().and_then(|at| self.consumers.get(at)).map(Arc::clone);
        known.unwrap_or_else(|| Arc::new(Consumer { name: name.into(), ..Consumer::default() }))
    }
}

/// The keys that the configuration lists, in the order of their digests.
#[derive(Debug, Default)]
pub struct Listed(Box<[(KeyDigest, Listing)]>);

/// A key that the configuration lists.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Who has it.
    pub caller: Arc<Caller>,
    /// The time from which it is void.
    pub expires: Option<Timestamp>,
}

impl Listed {
    /// These keys, of which no two have one digest.
    #[must_use]
    pub fn new(mut keys: Vec<(KeyDigest, Listing)>) -> Self {
        order::sort_by(&mut keys, |(one, _), (other, _)| one.0.cmp(&other.0));
        Self(keys.into())
    }

    /// Returns whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The key of this digest, be it good or not; none if it is not listed.
    #[must_use]
    pub fn listing(&self, digest: KeyDigest) -> Option<&Listing> {
        let at = self.0.partition_point(|(known, _)| known.0 < digest.0);
        self.0.get(at).filter(|(known, _)| known.is(digest)).map(|(_, key)| key)
    }

    /// Who has the key of this digest at `now`; none if it is not listed. The digests of keys are found in order: to whom a key is not
    /// known, its digest says nothing of others.
    pub fn find(&self, digest: KeyDigest, now: Timestamp) -> Option<Result<Arc<Caller>, Refusal>> {
        let key = self.listing(digest)?;
        let is_over = key.expires.is_some_and(|expires| expires <= now);
        Some(if is_over { Err(Refusal::KeyExpired) } else { Ok(Arc::clone(&key.caller)) })
    }
}

/// A key's entry in the key-value store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry(Content);

impl Entry {
    /// Reads an entry; `None` if it is none, or has no consumer or identifier that could be shown.
    #[must_use]
    pub fn read(text: &[u8]) -> Option<Self> {
        Self::new(Content::read(text)?)
    }

    /// The entry with this content, as [`Entry::read`] says.
    #[must_use]
    pub fn new(content: Content) -> Option<Self> {
        let entry = content;
        let is_shown = |name: &str| !name.is_empty() && name.len() <= 128 && !name.contains(char::is_control);
        let are_scopes = entry.scopes.iter().all(|scope| is_shown(scope) && !scope.contains(' '));
        let is_entry = is_shown(&entry.consumer) && is_shown(&entry.id) && are_scopes && entry.before.is_none();
        is_entry.then_some(Self(entry))
    }

    /// Its content.
    #[must_use]
    pub const fn content(&self) -> &Content {
        &self.0
    }

    /// The entry as it is stored.
    #[must_use]
    pub fn write(&self) -> Bytes {
        // INVARIANT: text, numbers and lists are always JSON.
        serde_json::to_vec(&self.0).unwrap_or_default().into()
    }

    /// Refuses a key that is void at `now`.
    ///
    /// # Errors
    /// [`Refusal::KeyExpired`] and [`Refusal::KeyDisabled`].
    pub fn check(&self, now: Timestamp) -> Result<(), Refusal> {
        if self.0.disabled {
            return Err(Refusal::KeyDisabled);
        }
        let is_over = self.0.expires.is_some_and(|expires| expires.saturating_mul(1_000) <= now.unix_millis());
        if is_over { Err(Refusal::KeyExpired) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_millis(1_800_000_000_000);

    /// CRC-32 of `123456789` is CBF43926, as every implementation has it; docs/configuration.md, API keys: its form.
    #[test]
    fn a_key_ends_in_its_checksum() {
        assert_eq!(checksum("123456789").iter().collect::<String>(), base62(0xCBF4_3926));
        let key = compose("edgw", [0xFF; 32]);
        assert_eq!(key.len(), 4 + 1 + 43 + 6);
        assert!(key.strip_prefix("edgw_").unwrap().bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert!(!is_damaged(&key));
        assert!(compose("ab", [0; 32]).starts_with(&format!("ab_{}", "0".repeat(43))));
    }

    fn base62(mut value: u64) -> String {
        let mut digits = Vec::new();
        for _ in 0..6 {
            digits.push(DIGITS[usize::try_from(value % 62).unwrap()]);
            value /= 62;
        }
        digits.reverse();
        String::from_utf8(digits).unwrap()
    }

    #[test]
    fn keys_of_different_bits_differ() {
        let mut keys: Vec<String> = (0..=255)
            .map(|bit| {
                let mut random = [0; 32];
                random[bit / 8] = 1 << (bit % 8);
                compose("edgw", random)
            })
            .collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 256);
    }

    /// docs/configuration.md, API keys: a wrong copy is told by itself, and a key of another form is not one.
    #[test]
    fn a_wrong_copy_of_a_key_is_told_from_a_key_of_another_form() {
        let key = compose("edgw", [7; 32]);
        let (cut, without) = (key.split_at(53).0, key.split_at(1).1);
        for at in 5..key.len() {
            let mut copy = key.clone().into_bytes();
            copy[at] = if copy[at] == b'a' { b'b' } else { b'a' };
            assert!(is_damaged(core::str::from_utf8(&copy).unwrap()), "{at}");
        }
        assert!(is_damaged(&key.replacen("edgw", "edgx", 1)));
        for other in ["", "a", "é", "key", without, cut, &format!("{key}a"), &key.replace('_', "-"), "0123456789abcdef"]
        {
            assert!(!is_damaged(other) || other == without, "{other}");
        }
    }

    /// FIPS 180-4: SHA-256 of `abc`; RFC 4231 §4.3: HMAC-SHA-256.
    #[test]
    fn digests_are_those_of_the_standards() {
        let plain = Digester::default().digest("abc");
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(plain.to_hex(), expected);
        assert!(plain.is(KeyDigest::parse(&expected.to_ascii_uppercase()).unwrap()));
        let peppered = Digester::peppered(b"Jefe");
        assert_eq!(
            peppered.digest("what do ya want for nothing?").to_hex(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert!(!format!("{peppered:?}").contains("Jefe"));
        for text in [
            "",
            expected.split_at(1).1,
            &format!("{expected}0"),
            &expected.replace("ba", "+a"),
            &expected.replace("ba", "ga"),
        ] {
            assert!(KeyDigest::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_listed_key_is_found_by_its_digest_until_it_expires() {
        let digester = Digester::default();
        let listing = |id: &str, expires: Option<u64>| {
            let caller = Arc::new(Caller { credential: Some(id.into()), ..Caller::default() });
            (digester.digest(id), Listing { caller, expires: expires.map(Timestamp::from_unix_millis) })
        };
        let keys = Listed::new(vec![
            listing("a", None),
            listing("b", Some(NOW.unix_millis())),
            listing("c", Some(NOW.unix_millis() + 1)),
        ]);
        let find = |key: &str| {
            let found = keys.find(digester.digest(key), NOW)?;
            Some(found.map(|caller| caller.credential.clone().unwrap().to_string()))
        };
        assert_eq!(find("a"), Some(Ok("a".to_owned())));
        assert_eq!(find("b"), Some(Err(Refusal::KeyExpired)));
        assert_eq!(find("c"), Some(Ok("c".to_owned())));
        assert_eq!((find("d"), find("")), (None, None));
    }

    #[test]
    fn an_entry_is_read_as_it_is_written() {
        let content = Content {
            consumer: "acme".into(),
            id: "k1".into(),
            expires: Some(1_800_000_000),
            scopes: ["read".into()].into(),
            disabled: true,
            ..Content::default()
        };
        let entry = Entry::new(content.clone()).unwrap();
        let text = r#"{"consumer":"acme","id":"k1","expires":1800000000,"scopes":["read"],"disabled":true}"#;
        assert_eq!(*entry.write(), *text.as_bytes());
        assert_eq!(Entry::read(text.as_bytes()), Some(entry.clone()));
        assert_eq!(entry.check(NOW), Err(Refusal::KeyDisabled));
        let least = Entry::read(br#"{"consumer": "acme", "id": "k1"}"#).unwrap();
        assert_eq!((least.check(NOW), &*least.write()), (Ok(()), &br#"{"consumer":"acme","id":"k1"}"#[..]));
        let over = Entry::new(Content { disabled: false, ..content }).unwrap();
        assert_eq!(over.check(NOW), Err(Refusal::KeyExpired));
        assert_eq!(over.check(Timestamp::from_unix_millis(NOW.unix_millis() - 1)), Ok(()));
        for text in [
            "",
            "1",
            "{}",
            r#"{"consumer": "acme"}"#,
            r#"{"consumer": "a", "id": "a\nb"}"#,
            r#"{"consumer": "a", "id": "b", "scopes": ["a b"]}"#,
            r#"{"consumer": "a", "id": "b", "sha256": "0"}"#,
            r#"{"consumer": "a", "id": "b", "before": 1}"#,
            r#"[null, "a", "b"]"#,
        ] {
            assert_eq!(Entry::read(text.as_bytes()), None, "{text}");
        }
    }
}
