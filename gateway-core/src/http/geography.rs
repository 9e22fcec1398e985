//! Where a client is: its country, and the autonomous system (RFC 1930) that its address belongs to.

use core::num::{NonZeroU16, NonZeroU32};
use std::fmt;
use std::net::IpAddr;

use http::{HeaderMap, HeaderName};

use super::forwarded::TrustedProxies;
use super::peer::Peer;

/// A country, by its code of ISO 3166-1: two letters, or what is written in their place, such as `T1` for Tor.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Country(NonZeroU16);

/// Where a client is, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Geography {
    /// The country.
    pub country: Option<Country>,
    /// The number of the autonomous system. There is none with the number 0 (RFC 7607).
    pub asn: Option<NonZeroU32>,
}

/// The way to know where clients are.
#[derive(Clone, Debug, Default)]
pub struct Location {
    /// The field in which trusted proxies state the country.
    pub country: Option<HeaderName>,
    /// The field in which trusted proxies state the autonomous system.
    pub asn: Option<HeaderName>,
}

impl Country {
    /// The code for a country that is not known.
    pub const UNKNOWN: [u8; 2] = *b"XX";

    /// Reads a code in letters of any case. `XX` is none, as is what is no code.
    #[must_use]
    pub fn read(text: &[u8]) -> Option<Self> {
        let code: [u8; 2] = text.to_ascii_uppercase().try_into().ok()?;
        let is_code = code.iter().all(u8::is_ascii_alphanumeric) && code != Self::UNKNOWN;
        NonZeroU16::new(u16::from_be_bytes(code)).filter(|_| is_code).map(Self)
    }

    /// The number of a country, and 0 for one that is not known: what lists are made of.
    #[must_use]
    pub const fn number(country: Option<Self>) -> u32 {
        match country {
            Some(Self(code)) => code.get() as u32,
            None => 0,
        }
    }

    /// The country with this number; none for 0.
    #[must_use]
    pub fn numbered(number: u32) -> Option<Self> {
        u16::try_from(number).ok().and_then(NonZeroU16::new).map(Self)
    }

    /// The code.
    #[must_use]
    pub const fn code(self) -> [u8; 2] {
        self.0.get().to_be_bytes()
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.code().iter().try_for_each(|letter| write!(f, "{}", char::from(*letter)))
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Geography {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self { country: None, asn: None };

    /// Reads what is stated of a client: a country's code, and a number with or without `AS` before it.
    #[must_use]
    pub fn read(country: &[u8], asn: &[u8]) -> Self {
        Self { country: Country::read(country), asn: read_asn(asn) }
    }
}

fn read_asn(text: &[u8]) -> Option<NonZeroU32> {
    let number = match text {
        [b'A' | b'a', b'S' | b's', number @ ..] => number,
        number => number,
    };
    // The standard library takes a sign as well.
    let is_number = number.first().is_some_and(u8::is_ascii_digit);
    core::str::from_utf8(number).ok().filter(|_| is_number)?.parse().ok()
}

impl Location {
    /// Where the client is whose request came from `peer` with these `headers`, without those that nobody trusted states, and whose
    /// address is this.
    ///
    /// What the platform knows is of the peer, and so of a client that is the peer. Of others, trusted proxies alone can tell.
    #[must_use]
    pub fn of(&self, headers: &HeaderMap, proxies: &TrustedProxies, peer: &Peer, client: Option<IpAddr>) -> Geography {
        let is_peer = client.is_some() && client == peer.address().map(|address| address.to_canonical());
        let own = if is_peer { peer.geography() } else { Geography::UNKNOWN };
        if !proxies.trusts(peer) {
            return own;
        }
        let country = stated(headers, self.country.as_ref());
        let asn = stated(headers, self.asn.as_ref());
        Geography { country: country.map_or(own.country, Country::read), asn: asn.map_or(own.asn, read_asn) }
    }
}

/// The value of a field; of several, nobody knows which one counts, and the value is empty.
fn stated<'h>(headers: &'h HeaderMap, name: Option<&HeaderName>) -> Option<&'h [u8]> {
    let mut values = headers.get_all(name?).iter();
    let first = values.next()?;
    Some(if values.next().is_none() { first.as_bytes().trim_ascii() } else { b"" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::fields;
    use crate::net::Scheme;

    fn country(code: &str) -> Option<Country> {
        Country::read(code.as_bytes())
    }

    /// ISO 3166-1 has two letters; Cloudflare's documentation has `XX` for an unknown country and `T1` for Tor.
    #[test]
    fn a_country_is_two_letters_and_xx_is_none() {
        for code in ["DE", "de", "T1", "XK"] {
            assert_eq!(country(code).map(|country| country.to_string()), Some(code.to_uppercase()), "{code}");
        }
        for text in ["", "D", "DEU", "XX", "xx", "D ", "ä", "--"] {
            assert_eq!(country(text), None, "{text}");
        }
    }

    /// RFC 6793: numbers have 32 bits. RFC 7607: 0 is none.
    #[test]
    fn a_system_is_a_number_of_32_bits() {
        for (text, number) in [("64500", 64_500), ("AS64500", 64_500), ("as1", 1), ("4294967295", u32::MAX)] {
            assert_eq!(read_asn(text.as_bytes()).map(NonZeroU32::get), Some(number), "{text}");
        }
        for text in ["", "0", "AS", "4294967296", "+1", "-1", "1.5", "1 ", "ASAS1"] {
            assert_eq!(read_asn(text.as_bytes()), None, "{text}");
        }
    }

    /// docs/configuration.md, Which clients: the field of a trusted proxy, else what the platform knows of a client that is the peer.
    #[test]
    fn trusted_proxies_tell_where_others_are() {
        let location = Location {
            country: Some(HeaderName::from_static("x-country")),
            asn: Some(HeaderName::from_static("x-asn")),
        };
        let proxies = TrustedProxies::parse(&["10.0.0.1".to_owned()]).unwrap();
        let here = Geography::read(b"DE", b"64500");
        let of = |peer: &str, client: Option<&str>, headers: &[(&str, &str)]| {
            let peer = Peer::new(Some(peer.parse().unwrap()), Scheme::Https).located(here);
            location.of(&fields(headers), &proxies, &peer, client.map(|client| client.parse().unwrap()))
        };
        let stated = [("x-country", "FR"), ("x-asn", "64501")];
        let there = Geography::read(b"FR", b"64501");
        assert_eq!(of("192.0.2.1", Some("192.0.2.1"), &stated), here, "anybody can send fields");
        assert_eq!(of("::ffff:192.0.2.1", Some("192.0.2.1"), &[]), here);
        assert_eq!(of("10.0.0.1", Some("192.0.2.1"), &stated), there);
        assert_eq!(of("10.0.0.1", Some("192.0.2.1"), &[]), Geography::UNKNOWN, "the proxy is not the client");
        assert_eq!(of("10.0.0.1", None, &[]), Geography::UNKNOWN);
        assert_eq!(of("10.0.0.1", Some("10.0.0.1"), &[]), here);
        let twice = [("x-country", "FR"), ("x-country", "DE"), ("x-asn", " 1 ")];
        assert_eq!(of("10.0.0.1", Some("10.0.0.1"), &twice), Geography::read(b"", b"1"));
        assert_eq!(of("10.0.0.1", Some("10.0.0.1"), &[("x-country", "XX")]).country, None, "it says that nobody knows");
    }
}
