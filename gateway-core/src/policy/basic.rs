//! Names and passwords (RFC 7617): how a request states them, and who has which.

use core::fmt;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::api_key::KeyDigest;
use super::credential::{self, Place};
use super::password::{self, PasswordHash};
use crate::base64;
use crate::call::Call;
use crate::caller::Caller;
use crate::caller::refusal::Refusal;
use crate::order;

/// The most bytes of a name.
pub const MOST_NAME_BYTES: usize = 255;

/// A proof by a name and a password.
#[derive(Debug)]
pub struct BasicProof {
    /// Set if both go on to the upstream.
    pub keep: bool,
    /// The place where they are.
    pub places: [Place; 1],
}

impl BasicProof {
    /// The name and the password in `call`.
    ///
    /// # Errors
    /// [`Refusal::Absent`], [`Refusal::Ambiguous`] or [`Refusal::PasswordMalformed`].
    pub fn stated(&self, call: &Call) -> Result<Stated, Refusal> {
        let text = credential::find(&self.places, call)?.ok_or(Refusal::Absent)?;
        Stated::read(&text).ok_or(Refusal::PasswordMalformed)
    }
}

/// A name and a password as a request states them.
pub struct Stated {
    text: String,
    /// The length of the name, which a colon follows.
    name: usize,
}

impl Stated {
    /// Reads Base 64 of UTF-8, the charset that the challenge asks for: a name, a colon, which no name has, and a password. Neither has
    /// control characters (RFC 7617 §2).
    #[must_use]
    pub fn read(credentials: &str) -> Option<Self> {
        let text = String::from_utf8(base64::decode(credentials)?).ok()?;
        let name = text.find(':')?;
        let password = text.len() - name - 1;
        let is_bounded = name <= MOST_NAME_BYTES && password <= password::MOST_BYTES;
        (is_bounded && !text.contains(char::is_control)).then_some(Self { text, name })
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text.get(..self.name).unwrap_or_default()
    }

    /// The password.
    #[must_use]
    pub fn password(&self) -> &[u8] {
        self.text.as_bytes().get(self.name + 1..).unwrap_or_default()
    }

    /// The digest by which it is remembered whether this password is the one of `hash`, whose salt is in it: another hash is another digest.
    /// Where nobody has the name, there is none.
    #[must_use]
    pub fn digest(&self, hash: Option<&PasswordHash>) -> KeyDigest {
        let mut digest = Sha256::new();
        digest.update(hash.map_or(self.name(), PasswordHash::as_str));
        // Neither has it in its text, and no name begins as a hash that belongs to somebody goes on.
        digest.update([0, u8::from(hash.is_some())]);
        digest.update(self.password());
        KeyDigest::of(digest.finalize().into())
    }
}

impl fmt::Debug for Stated {
    /// Shows nothing of the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stated(…)")
    }
}

/// Somebody who has a name and a password.
#[derive(Clone, Debug)]
pub struct User {
    /// The hash of the password.
    pub hash: Arc<PasswordHash>,
    /// Whom the two show.
    pub caller: Arc<Caller>,
}

/// Those who have a name and a password, in the order of their names.
#[derive(Debug, Default)]
pub struct Users(Box<[(Box<str>, User)]>);

impl Users {
    /// These users, of whom no two have one name.
    #[must_use]
    pub fn new(mut users: Vec<(Box<str>, User)>) -> Self {
        order::sort_by(&mut users, |(one, _), (other, _)| one.cmp(other));
        Self(users.into())
    }

    /// Whoever has this `name`, byte for byte.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&User> {
        let at = self.0.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
        self.0.get(at).map(|(_, user)| user)
    }

    /// The hash that passwords of nobody called `name` are compared with, so that the time does not tell who is known: it is always the same
    /// for one name, and those of many names are spread as those of users are. Which it is, nobody foretells who knows no hash.
    #[must_use]
    pub fn decoy(&self, name: &str) -> Option<&Arc<PasswordHash>> {
        let (_, first) = self.0.first()?;
        let digest: [u8; 32] = Sha256::new().chain_update(first.hash.as_str()).chain_update(name).finalize().into();
        let number = KeyDigest::of(digest).place() % u64::try_from(self.0.len()).unwrap_or(1);
        usize::try_from(number).ok().and_then(|at| self.0.get(at)).map(|(_, user)| &user.hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(credentials: &str) -> Option<(String, Vec<u8>)> {
        Stated::read(credentials).map(|stated| (stated.name().to_owned(), stated.password().to_vec()))
    }

    /// RFC 7617 §2: the example of Aladdin; the first colon ends the name; §2.1: `test` and `123£` in UTF-8.
    #[test]
    fn names_and_passwords_are_read_as_they_are_written() {
        for (credentials, name, password) in [
            ("QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame"),
            ("QWxhZGRpbjpvcGVuIHNlc2FtZQ", "Aladdin", "open sesame"),
            ("dGVzdDoxMjPCow==", "test", "123£"),
            ("YTpiOmM=", "a", "b:c"),
            ("YTo=", "a", ""),
            ("OmI=", "", "b"),
        ] {
            assert_eq!(read(credentials), Some((name.to_owned(), password.as_bytes().to_vec())), "{credentials}");
        }
    }

    /// RFC 7617 §2: a colon is needed, and no control character is taken; §2.1: UTF-8 is what the challenge asks for.
    #[test]
    fn what_is_no_name_and_password_is_refused() {
        let encoded = |text: &[u8]| {
            use base64ct::Encoding as _;
            base64ct::Base64::encode_string(text)
        };
        for text in [&b"abc"[..], b"", b"a\0:b", b"a:b\n", b"a:b\x7f", b"a:\xa3", b"\xff:b", "a:\u{85}".as_bytes()] {
            assert_eq!(read(&encoded(text)), None, "{text:?}");
        }
        for credentials in ["YTpi=", "YTpi YTpi", "*", "YTpiY"] {
            assert_eq!(read(credentials), None, "{credentials}");
        }
        let long = |name: usize, password: usize| {
            read(&encoded(format!("{}:{}", "a".repeat(name), "b".repeat(password)).as_bytes())).is_some()
        };
        assert!(long(255, 512) && !long(256, 1) && !long(1, 513));
    }

    /// docs/configuration.md, Names and passwords: where hashes take different times, names of nobody do, too.
    #[test]
    fn names_of_nobody_are_spread_over_the_hashes() {
        let users = ["a", "b", "c"].map(|name| {
            let text = format!("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ${}", "A".repeat(42) + "E");
            let text = text.replace("$m=8", &format!("$m={}", 8 + usize::from(name.as_bytes()[0])));
            let hash = Arc::new(PasswordHash::parse(&text).unwrap());
            (name.into(), User { hash, caller: Arc::default() })
        });
        let users = Users::new(users.into());
        let mut seen: Vec<_> = (0..50).map(|number| users.decoy(&format!("n{number}")).unwrap().as_str()).collect();
        assert_eq!(users.decoy("n0").unwrap().as_str(), seen[0]);
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 3);
        assert!(Users::default().decoy("n").is_none());
    }

    /// docs/configuration.md, Names and passwords: whoever gets another hash has to prove it anew.
    #[test]
    fn a_password_is_remembered_with_its_hash() {
        let hash =
            |output: &str| PasswordHash::parse(&["$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$", output].concat()).unwrap();
        let one = hash("nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4");
        let other = hash("bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc");
        let [a, b] = ["YTpi", "Yjpi"].map(|text| Stated::read(text).unwrap());
        assert!(a.digest(Some(&one)).is(b.digest(Some(&one))));
        assert!(!a.digest(Some(&one)).is(a.digest(Some(&other))));
        assert!(!a.digest(None).is(a.digest(Some(&one))) && !a.digest(None).is(b.digest(None)));
        assert!(!format!("{a:?}").contains('b'));
    }
}
