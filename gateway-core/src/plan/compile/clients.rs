//! The rules for clients that a route has.

use ipnet::IpNet;

use super::Compiler;
use super::at::At;
use super::network::NETWORK_HELP;
use crate::config;
use crate::http::address::parse_network;
use crate::policy::clients::{Clients, Where};

impl Compiler<'_> {
    /// The rule that `clients` is; `None` if it is wrong.
    #[inline(never)]
    pub(super) fn clients(&mut self, at: &At<'_>, clients: &config::Clients) -> Option<Clients> {
        let before = self.errors.len();
        let config::Clients { name, allow, deny, countries, asns } = clients;
        if allow.is_none() && deny.is_none() && countries.is_none() && asns.is_none() {
            self.error_with(at, "this lets everybody in", "list networks in `allow` or in `deny`");
        }
        let rule = self.rule_name(at, name.as_deref());
        let allow = allow.as_ref().map(|list| self.networks(&at.member("allow"), list));
        let deny = deny.as_ref().map(|list| self.networks(&at.member("deny"), list)).unwrap_or_default();
        let mut places = Vec::new();
        if let Some(countries) = countries {
            let at = at.member("countries");
            self.asks_geography(&at, true, false);
            places.push((Where::Country, self.countries(&at, countries)));
        }
        if let Some(asns) = asns {
            let at = at.member("asns");
            self.asks_geography(&at, false, true);
            places.push((Where::Asn, self.asns(&at, asns)));
        }
        (self.errors.len() == before).then(|| Clients { rule, allow, deny, places: places.into() })
    }

    fn networks(&mut self, at: &At<'_>, list: &[String]) -> Box<[IpNet]> {
        let mut networks = Vec::new();
        if list.is_empty() {
            self.error_with(at, "the list is empty", NETWORK_HELP);
        }
        for (i, text) in list.iter().enumerate() {
            match parse_network(text) {
                Ok(network) => networks.push(network),
                Err(message) => self.error_with(&at.index(i), message, NETWORK_HELP),
            }
        }
        networks.into()
    }

    /// The name of a rule in the log: its own, or its place.
    pub(super) fn rule_name(&mut self, at: &At<'_>, name: Option<&str>) -> Box<str> {
        match name {
            Some(name) => {
                self.printable(&at.member("name"), name);
                name.into()
            }
            None => at.to_path().to_string().into(),
        }
    }
}
