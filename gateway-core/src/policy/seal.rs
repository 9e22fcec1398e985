//! Sealed text for cookies: encrypted, and bound to its place, so that a client can neither read nor change nor move it.
//!
//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha §2): its nonces of 24 bytes may be drawn by chance, for as many cookies as there are.

use core::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, Tag, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The bytes of a nonce.
pub const NONCE: usize = 24;

const TAG: usize = 16;

/// The fewest bytes of a secret that keys are made of: as many as a key has.
pub const LEAST_SECRET: usize = 32;

/// The most bytes of a cookie's value. With its name and attributes it stays below the 4,096 that RFC 6265bis §5.6 has browsers take.
pub const MOST_CHUNK: usize = 3_800;

/// The most cookies that one text is spread over.
pub const MOST_CHUNKS: usize = 4;

/// The keys: the first seals, and all open.
pub struct Sealer(Box<[XChaCha20Poly1305]>);

/// The place that a sealed text is for. At any other it opens for nobody.
#[derive(Clone, Copy, Debug)]
pub struct Place<'p> {
    /// The name of the cookie.
    pub cookie: &'p str,
    /// The host that sets it.
    pub host: &'p str,
    /// The policy that it belongs to.
    pub policy: &'p str,
}

impl Place<'_> {
    fn associated(&self) -> Vec<u8> {
        // None of the three has a line feed.
        [self.cookie, self.host, self.policy].join("\n").into_bytes()
    }
}

impl Sealer {
    /// Keys of these secrets, the first of which seals.
    #[must_use]
    pub fn new(secrets: &[String]) -> Self {
        Self(secrets.iter().filter_map(|secret| key(secret.as_bytes())).collect())
    }

    /// `content` sealed for `place`. The nonce has to be new each time. `None` without a key.
    #[must_use]
    pub fn seal(&self, place: Place<'_>, content: &[u8], nonce: &[u8; NONCE]) -> Option<String> {
        let mut bytes = [nonce, content].concat();
        let text = bytes.get_mut(NONCE..)?;
        let tag =
            self.0.first()?.encrypt_inout_detached(&XNonce::from(*nonce), &place.associated(), text.into()).ok()?;
        bytes.extend_from_slice(&tag);
        Some(Base64UrlUnpadded::encode_string(&bytes))
    }

    /// The content of `text`, if it was sealed for `place` by one of the keys.
    #[must_use]
    pub fn open(&self, place: Place<'_>, text: &str) -> Option<Vec<u8>> {
        let bytes = Base64UrlUnpadded::decode_vec(text).ok()?;
        let (nonce, rest) = bytes.split_first_chunk::<NONCE>()?;
        let (sealed, tag) = rest.split_last_chunk::<TAG>()?;
        let associated = place.associated();
        self.0.iter().find_map(|key| {
            let mut content = sealed.to_vec();
            let text = content.as_mut_slice().into();
            key.decrypt_inout_detached(&XNonce::from(*nonce), &associated, text, &Tag::from(*tag)).ok()?;
            Some(content)
        })
    }
}

impl fmt::Debug for Sealer {
    /// Shows no key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(…)")
    }
}

/// The key of a secret, which serves for nothing else here.
fn key(secret: &[u8]) -> Option<XChaCha20Poly1305> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    mac.update(b"edgeway sealed cookies 1");
    XChaCha20Poly1305::new_from_slice(&mac.finalize().into_bytes()).ok()
}

/// The values of the cookies for `sealed`, one after another; `None` if it takes too many. The first begins with their number.
#[must_use]
pub fn split(sealed: &str) -> Option<Vec<String>> {
    let count = (sealed.len() + 2).div_ceil(MOST_CHUNK);
    if count > MOST_CHUNKS {
        return None;
    }
    let text = format!("{count}.{sealed}");
    // INVARIANT: it is all ASCII.
    text.as_bytes().chunks(MOST_CHUNK).map(|chunk| String::from_utf8(chunk.to_vec()).ok()).collect()
}

/// The sealed text of which `first` is the first cookie, and `further` gives the others by their index; `None` if one is missing.
#[must_use]
pub fn join<'c>(first: &str, further: impl Fn(usize) -> Option<&'c str>) -> Option<String> {
    let (count, start) = first.split_once('.')?;
    let count: usize = count.parse().ok().filter(|count| (1..=MOST_CHUNKS).contains(count))?;
    let mut text = start.to_owned();
    for index in 1..count {
        text.push_str(further(index)?);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place<'_> = Place { cookie: "__Host-session", host: "app.test", policy: "p" };

    fn sealer(secrets: &[&str]) -> Sealer {
        Sealer::new(&secrets.iter().map(|secret| secret.repeat(8)).collect::<Vec<_>>())
    }

    /// Draft-irtf-cfrg-xchacha §A.3.1, by the key as it stands there.
    #[test]
    fn the_cipher_is_that_of_the_published_vector() {
        let key: Vec<u8> = (0x80..=0x9f).collect();
        let nonce: [u8; NONCE] = core::array::from_fn(|i| 0x40 + i as u8);
        let associated = [0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7];
        let mut text = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.".to_vec();
        let cipher = XChaCha20Poly1305::new_from_slice(&key).unwrap();
        let tag = cipher.encrypt_inout_detached(&XNonce::from(nonce), &associated, text.as_mut_slice().into()).unwrap();
        assert_eq!(text[..8], [0xbd, 0x6d, 0x17, 0x9d, 0x3e, 0x83, 0xd4, 0x3b]);
        assert_eq!(tag[..4], [0xc0, 0x87, 0x59, 0x24]);
    }

    /// docs/configuration.md, Pages behind a login: a session is one host's, of one policy, and nobody can change it.
    #[test]
    fn a_text_opens_where_it_was_sealed_for_and_nowhere_else() {
        let sealer = sealer(&["abcd"]);
        let sealed = sealer.seal(PLACE, b"content", &[1; NONCE]).unwrap();
        assert_eq!(sealer.open(PLACE, &sealed).as_deref(), Some(&b"content"[..]));
        for other in [
            Place { cookie: "__Host-other", ..PLACE },
            Place { host: "evil.test", ..PLACE },
            Place { policy: "q", ..PLACE },
        ] {
            assert_eq!(sealer.open(other, &sealed), None, "{other:?}");
        }
    }

    #[test]
    fn a_text_that_was_tampered_with_does_not_open() {
        let sealer = sealer(&["abcd"]);
        let sealed = sealer.seal(PLACE, b"content", &[1; NONCE]).unwrap();
        let bytes = Base64UrlUnpadded::decode_vec(&sealed).unwrap();
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 1;
            assert_eq!(sealer.open(PLACE, &Base64UrlUnpadded::encode_string(&other)), None, "byte {at}");
            assert_eq!(sealer.open(PLACE, &Base64UrlUnpadded::encode_string(&bytes[..at])), None, "{at} bytes");
        }
        assert_eq!(sealer.open(PLACE, "no base64!"), None);
        assert_eq!(sealer.open(PLACE, ""), None);
    }

    /// docs/configuration.md, Pages behind a login: the first key seals, and all of them open.
    #[test]
    fn an_old_key_opens_what_it_sealed_as_long_as_it_is_listed() {
        let (old, both, new) = (sealer(&["abcd"]), sealer(&["wxyz", "abcd"]), sealer(&["wxyz"]));
        let sealed = old.seal(PLACE, b"content", &[1; NONCE]).unwrap();
        assert!(both.open(PLACE, &sealed).is_some() && new.open(PLACE, &sealed).is_none());
        let anew = both.seal(PLACE, b"content", &[1; NONCE]).unwrap();
        assert!(new.open(PLACE, &anew).is_some() && old.open(PLACE, &anew).is_none());
    }

    /// RFC 6265bis §5.6: a cookie has at most 4,096 bytes.
    #[test]
    fn a_long_text_is_spread_over_cookies_and_is_whole_only_with_all_in_their_order() {
        let sealer = sealer(&["abcd"]);
        let content: Vec<u8> = (0..9_000_u32).map(|i| i as u8).collect();
        let sealed = sealer.seal(PLACE, &content, &[1; NONCE]).unwrap();
        let chunks = split(&sealed).unwrap();
        assert_eq!(chunks.len(), 4);
        assert!(chunks.iter().all(|chunk| chunk.len() <= MOST_CHUNK));
        let whole = |order: [Option<usize>; 4]| {
            let chunk = |index: usize| order[index].map(|index| &*chunks[index]);
            join(chunk(0)?, chunk).and_then(|text| sealer.open(PLACE, &text))
        };
        assert_eq!(whole([Some(0), Some(1), Some(2), Some(3)]), Some(content));
        for order in [
            [Some(0), Some(1), None, Some(3)],
            [Some(0), Some(1), Some(2), None],
            [Some(0), Some(2), Some(1), Some(3)],
            [Some(1), Some(0), Some(2), Some(3)],
        ] {
            assert_eq!(whole(order), None, "{order:?}");
        }
        assert_eq!(
            join(&chunks[0].replacen('4', "3", 1), |i| Some(&*chunks[i])).and_then(|t| sealer.open(PLACE, &t)),
            None
        );
        assert_eq!(split(&"a".repeat(MOST_CHUNK * MOST_CHUNKS - 2)).unwrap().len(), 4);
        assert_eq!(split(&"a".repeat(MOST_CHUNK * MOST_CHUNKS - 1)), None);
        assert_eq!((join("0.a", |_| None), join("5.a", |_| Some("a")), join("a", |_| None)), (None, None, None));
    }
}
