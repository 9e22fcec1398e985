//! Clients by their addresses: who is let in, before anybody has to prove anything.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

/// A compiled rule for addresses.
#[derive(Debug)]
pub struct Clients {
    /// Its name for logs, never for clients.
    pub rule: Box<str>,
    /// The networks of those alone who are let in; `None` for any.
    pub allow: Option<Box<[IpNet]>>,
    /// The networks of those who are not let in, whatever else holds.
    pub deny: Box<[IpNet]>,
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
}

impl Clients {
    /// The reason for which the client at this address is not let in; none if it is.
    #[must_use]
    pub fn shut(&self, client: Option<IpAddr>) -> Option<Shut> {
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
        let list = |networks: &[IpNet]| networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
        match &self.allow {
            Some(allow) if self.deny.is_empty() => format!("only clients in {}", list(allow)),
            Some(allow) => format!("only clients in {}, none in {}", list(allow), list(&self.deny)),
            None => format!("no clients in {}", list(&self.deny)),
        }
    }
}

impl fmt::Display for Shut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("the client's address is not known"),
            Self::Denied(network) => write!(f, "the client is in `{network}`, which is denied"),
            Self::NotAllowed => f.write_str("the client is in no network that is allowed"),
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
        let clients = Clients { rule: "r".into(), allow: allow.map(networks), deny: networks(deny) };
        clients.shut(address.parse().ok())
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
}
