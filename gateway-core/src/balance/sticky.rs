//! Clients that stay at a place: a cookie of the gateway's own names it, by an id that tells nothing of it (RFC 6265).

use http::HeaderValue;

use crate::call::Call;
use crate::http::cookie;
use crate::jose::hmac::HmacKey;
use crate::policy::credential::{Place, strip};

/// The cookie by which a client stays at a place.
#[derive(Debug)]
pub struct Sticky {
    name: Box<str>,
    /// Where it is taken off.
    places: [Place; 1],
    key: HmacKey,
    /// What stands behind its value.
    attributes: Box<str>,
    /// Set if it is `Secure` whatever the scheme, as its name has it (RFC 6265bis §4.1.3).
    is_always_secure: bool,
}

impl Sticky {
    /// The cookie called `name`, with these `attributes` behind its value, and ids of places by `key`.
    #[must_use]
    pub fn new(name: &str, key: HmacKey, attributes: String) -> Self {
        let places = [Place::Cookie(name.into())];
        let is_always_secure = name.starts_with("__");
        Self { name: name.into(), places, key, attributes: attributes.into(), is_always_secure }
    }

    /// The id of the place with this `url`: the same in every instance with the same key, and by it alone nobody learns the URL.
    pub(super) fn id(&self, url: &str) -> u64 {
        let digest = self.key.sha256(&[b"edgeway sticky\n", url.as_bytes()]);
        digest.and_then(|digest| digest.first_chunk().copied()).map_or(0, u64::from_be_bytes)
    }

    /// The id in the cookie of `call`, if it has one.
    pub(crate) fn stated(&self, call: &Call) -> Option<u64> {
        let value = cookie::first(&call.headers, &self.name)?;
        let is_id = value.len() == 16 && value.iter().all(u8::is_ascii_hexdigit);
        core::str::from_utf8(value).ok().filter(|_| is_id).and_then(|text| u64::from_str_radix(text, 16).ok())
    }

    /// Takes the cookie off `call`: it is none of the upstream's.
    pub(crate) fn take_off(&self, call: &mut Call) {
        strip(&self.places, call);
    }

    /// The cookie that names the place with this `id`, for a client that came over TLS if it `is_secure`.
    pub(crate) fn set(&self, id: u64, is_secure: bool) -> Option<HeaderValue> {
        let mut text = format!("{}={id:016x}{}", self.name, self.attributes);
        if is_secure || self.is_always_secure {
            text.push_str("; Secure");
        }
        HeaderValue::try_from(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::jose::algorithm::Algorithm;

    fn sticky(name: &str, key: u8) -> Sticky {
        let key = HmacKey::new(Algorithm::Hs256, &[key; 32]).unwrap();
        Sticky::new(name, key, "; Path=/".to_owned())
    }

    #[test]
    fn an_id_is_of_the_place_and_the_key() {
        let ids = [("http://a", 1), ("http://a", 2), ("http://b", 1)].map(|(url, key)| sticky("at", key).id(url));
        assert!(ids[0] != ids[1] && ids[0] != ids[2]);
        assert_eq!(sticky("other", 1).id("http://a"), ids[0]);
    }

    #[test]
    fn what_is_set_is_found_and_taken_off() {
        let sticky = sticky("at", 1);
        let set = sticky.set(0xabc, true).unwrap();
        assert_eq!(set, "at=0000000000000abc; Path=/; Secure");
        let mut call = Call::new(Method::GET, "/".parse().unwrap(), http::HeaderMap::new());
        for (line, id, left) in [
            ("at=0000000000000abc", Some(0xabc), None),
            ("a=b; at=0000000000000abc; c=d", Some(0xabc), Some("a=b; c=d")),
            ("at=+000000000000abc", None, None),
            ("at=abc; a=b", None, Some("a=b")),
            ("bat=0000000000000abc", None, Some("bat=0000000000000abc")),
        ] {
            call.headers.insert(http::header::COOKIE, HeaderValue::from_static(line));
            assert_eq!(sticky.stated(&call), id, "{line}");
            sticky.take_off(&mut call);
            assert_eq!(call.headers.get(http::header::COOKIE).map(|left| left.to_str().unwrap()), left, "{line}");
        }
    }

    /// RFC 6265bis §4.1.3: browsers keep a cookie of such a name only so.
    #[test]
    fn a_name_with_a_prefix_has_it_secure_in_any_case() {
        assert_eq!(sticky("__Host-at", 1).set(1, false).unwrap(), "__Host-at=0000000000000001; Path=/; Secure");
        assert_eq!(sticky("at", 1).set(1, false).unwrap(), "at=0000000000000001; Path=/");
    }
}
