//! Clients by where they are: who is let in, before anybody has to prove anything.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::http::geography::{Country, Geography};

/// A compiled rule for clients.
#[derive(Debug)]
pub struct Clients {
    /// Its name for logs, never for clients.
    pub rule: Box<str>,
    /// The networks of those alone who are let in; `None` for any.
    pub allow: Option<Box<[IpNet]>>,
    /// The networks of those who are not let in, whatever else holds.
    pub deny: Box<[IpNet]>,
    /// The countries and autonomous systems, each kind once.
    pub places: Box<[(Where, Places)]>,
}

/// A kind of place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    /// A country.
    Country,
    /// An autonomous system.
    Asn,
}

/// Places by their numbers; 0 is one that is not known.
#[derive(Debug, Default)]
pub struct Places {
    /// Those alone from where clients are let in; `None` for any.
    pub allow: Option<Box<[u32]>>,
    /// Those from where clients are not let in.
    pub deny: Box<[u32]>,
}

/// The reason for which a client is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shut {
    /// Its address is not known.
    Unknown,
    /// It is in a network that is denied.
    Denied(IpNet),
    /// It is in none of the networks that are allowed.
    NotAllowed,
    /// It is in this place, which is denied.
    DeniedThere(Where, u32),
    /// It is in this place, which is none of those that are allowed.
    NotAllowedThere(Where, u32),
}

impl Clients {
    /// The reason for which the client at this address and in this place is not let in; none if it is.
    #[must_use]
    pub fn shut(&self, client: Option<IpAddr>, geography: Geography) -> Option<Shut> {
        if (self.allow.is_some() || !self.deny.is_empty())
            && let Some(shut) = self.shut_network(client)
        {
            return Some(shut);
        }
        self.places.iter().find_map(|(kind, places)| {
            let place = match kind {
                Where::Country => Country::number(geography.country),
                Where::Asn => geography.asn.map_or(0, |asn| asn.get()),
            };
            if places.deny.contains(&place) {
                return Some(Shut::DeniedThere(*kind, place));
            }
            let is_allowed = places.allow.as_ref().is_none_or(|allow| allow.contains(&place));
            (!is_allowed).then_some(Shut::NotAllowedThere(*kind, place))
        })
    }

    fn shut_network(&self, client: Option<IpAddr>) -> Option<Shut> {
        // IPv4 in IPv6 is IPv4 (RFC 4291 §2.5.5.2).
        let Some(address) = client.map(|address| address.to_canonical()) else { return Some(Shut::Unknown) };
        if let Some(network) = self.deny.iter().find(|network| network.contains(&address)) {
            return Some(Shut::Denied(*network));
        }
        let is_allowed = self.allow.as_ref().is_none_or(|allow| allow.iter().any(|network| network.contains(&address)));
        (!is_allowed).then_some(Shut::NotAllowed)
    }

    /// A few words for a list of policies.
    #[must_use]
    pub fn describe(&self) -> String {
        let networks = |networks: &[IpNet]| join(networks.iter().map(ToString::to_string));
        let mut parts = vec![(self.allow.as_deref().map(networks), networks(&self.deny))];
        for (kind, places) in &self.places {
            let names = |places: &[u32]| join(places.iter().map(|place| kind.name(*place)));
            parts.push((places.allow.as_deref().map(names), names(&places.deny)));
        }
        let words = parts.into_iter().filter_map(|(allow, deny)| match allow {
            Some(allow) if deny.is_empty() => Some(format!("only clients in {allow}")),
            Some(allow) => Some(format!("only clients in {allow}, none in {deny}")),
            None => Some(format!("no clients in {deny}")).filter(|_| !deny.is_empty()),
        });
        words.collect::<Vec<_>>().join(", ")
    }
}

fn join(names: impl Iterator<Item = String>) -> String {
    names.collect::<Vec<_>>().join(" or ")
}

impl Where {
    /// The name of the place with this number.
    #[must_use]
    pub fn name(self, number: u32) -> String {
        match self {
            Self::Country => Country::numbered(number).map_or_else(|| "XX".to_owned(), |country| country.to_string()),
            Self::Asn => format!("AS{number}"),
        }
    }
}

impl fmt::Display for Shut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, place, end) = match self {
            Self::Unknown => return f.write_str("the client's address is not known"),
            Self::Denied(network) => return write!(f, "the client is in `{network}`, which is denied"),
            Self::NotAllowed => return f.write_str("the client is in no network that is allowed"),
            Self::DeniedThere(kind, place) => (*kind, *place, "which is denied"),
            Self::NotAllowedThere(kind, place) => (*kind, *place, "which is not allowed"),
        };
        match (kind, place) {
            (Where::Country, 0) => write!(f, "the client's country is not known (`XX`), {end}"),
            (Where::Asn, 0) => write!(f, "the client's autonomous system is not known, {end}"),
            _ => write!(f, "the client is in `{}`, {end}", kind.name(place)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::address::parse_network;

    fn networks(list: &[&str]) -> Box<[IpNet]> {
        list.iter().map(|network| parse_network(network).unwrap()).collect()
    }

    fn shut(allow: Option<&[&str]>, deny: &[&str], address: &str) -> Option<Shut> {
        let clients = Clients { rule: "r".into(), allow: allow.map(networks), deny: networks(deny), places: [].into() };
        clients.shut(address.parse().ok(), Geography::UNKNOWN)
    }

    /// docs/configuration.md, Which clients: what is denied is denied, and beside `allow` there is nothing.
    #[test]
    fn what_is_denied_goes_before_what_is_allowed() {
        let allow: Option<&[&str]> = Some(&["10.0.0.0/8", "2001:db8::/32"]);
        let deny = ["10.9.0.0/16", "2001:db8:bad::/48"];
        for (address, is_let_in) in [
            ("10.1.2.3", true),
            ("10.9.2.3", false),
            ("11.1.2.3", false),
            ("2001:db8::1", true),
            ("2001:db8:bad::1", false),
            ("2001:db9::1", false),
        ] {
            assert_eq!(shut(allow, &deny, address).is_none(), is_let_in, "{address}");
        }
        assert_eq!(shut(None, &deny, "192.0.2.1"), None);
        assert_eq!(shut(None, &deny, "10.9.0.1"), Some(Shut::Denied(deny[0].parse().unwrap())));
    }

    /// RFC 4291 §2.5.5.2: an address of IPv4 in IPv6 is that of IPv4, and so is a network of them.
    #[test]
    fn mapped_addresses_are_those_of_ipv4() {
        assert_eq!(shut(Some(&["10.0.0.0/8"]), &[], "::ffff:10.1.2.3"), None);
        assert!(shut(None, &["::ffff:10.0.0.0/104"], "10.1.2.3").is_some());
        assert!(shut(None, &["10.0.0.0/8"], "::ffff:10.1.2.3").is_some());
        assert!(shut(Some(&["::/0"]), &[], "10.1.2.3").is_some(), "all of IPv6 is not IPv4");
    }

    #[test]
    fn who_has_no_address_is_not_let_in() {
        assert_eq!(shut(Some(&["0.0.0.0/0", "::/0"]), &[], "?"), Some(Shut::Unknown));
        assert_eq!(shut(None, &["10.0.0.0/8"], "?"), Some(Shut::Unknown));
    }

    fn there(kind: Where, allow: Option<&[u32]>, deny: &[u32], geography: Geography) -> Option<Shut> {
        let places = Places { allow: allow.map(Box::from), deny: deny.into() };
        let places = [(kind, places)].into();
        Clients { rule: "r".into(), allow: None, deny: [].into(), places }.shut(None, geography)
    }

    /// docs/configuration.md, Which clients: who is nowhere known is let in by `deny` and not by `allow`, unless `XX` is listed.
    #[test]
    fn whose_place_is_not_known_is_let_in_where_nothing_is_asked_for() {
        let code = |text: &str| Country::number(Country::read(text.as_bytes()));
        let lists: [&[u32]; 2] = [&[code("DE"), code("FR")], &[code("DE"), code("XX")]];
        for (country, allowed, allowed_with_unknown) in
            [("DE", true, true), ("FR", true, false), ("RU", false, false), ("XX", false, true), ("", false, true)]
        {
            let geography = Geography::read(country.as_bytes(), b"");
            for (list, is_in) in lists.into_iter().zip([allowed, allowed_with_unknown]) {
                assert_eq!(there(Where::Country, Some(list), &[], geography).is_none(), is_in, "{country}");
                assert_eq!(there(Where::Country, None, list, geography).is_none(), !is_in, "{country}");
            }
        }
        let geography = |asn: &str| Geography::read(b"", asn.as_bytes());
        assert_eq!(there(Where::Asn, Some(&[64_500]), &[], geography("64500")), None);
        assert_eq!(there(Where::Asn, Some(&[64_500]), &[], geography("")), Some(Shut::NotAllowedThere(Where::Asn, 0)));
        assert_eq!(there(Where::Asn, None, &[64_500], geography("")), None);
        assert!(there(Where::Asn, None, &[64_500], geography("AS64500")).is_some());
    }

    #[test]
    fn a_rule_is_described_by_its_lists() {
        let places = Places { allow: Some([Country::number(Country::read(b"DE")), 0].into()), deny: [].into() };
        let asns = Places { allow: None, deny: [64_500].into() };
        let places = [(Where::Country, places), (Where::Asn, asns)].into();
        let clients = Clients { rule: "r".into(), allow: None, deny: networks(&["10.0.0.0/8"]), places };
        let words = "no clients in 10.0.0.0/8, only clients in DE or XX, no clients in AS64500";
        assert_eq!(clients.describe(), words);
    }
}
