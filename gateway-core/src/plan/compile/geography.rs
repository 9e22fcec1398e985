//! Where clients are: the fields that say so, and the lists of countries and autonomous systems.

use http::HeaderName;

use super::Compiler;
use super::at::At;
use crate::capabilities::Feature;
use crate::config::{self, THOROUGH, lazily};
use crate::http::geography::{Country, Location};
use crate::http::identity::IdentityNames;
use crate::policy::clients::Places;

/// The codes of ISO 3166-1, one after another and in their order.
const COUNTRIES: &str = "ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZCACCCDCFCGCHCICKCLCMCNCOCRCUCVCWCXCYCZ\
                         DEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGSGTGUGWGYHKHMHNHRHTHUIDIEILIMINIOIQIRISIT\
                         JEJMJOJPKEKGKHKIKMKNKPKRKWKYKZLALBLCLILKLRLSLTLULVLYMAMCMDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZNANCNENFNG\
                         NINLNONPNRNUNZOMPAPEPFPGPHPKPLPMPNPRPSPTPWPYQARERORSRURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSVSXSYSZTCTDTFTGTH\
                         TJTKTLTMTNTOTRTTTVTWTZUAUGUMUSUYUZVAVCVEVGVIVNVUWFWSYEYTZAZMZW";

/// What stands for a country besides: Kosovo, which the standard leaves to its users, Tor, and what is not known.
const BESIDES: [&str; 3] = ["XK", "T1", "XX"];

/// The way to write a country.
const COUNTRY_HELP: &str =
    "write the two letters of ISO 3166-1, such as `DE`; `XX` is a country that is not known, and `T1` is Tor";

impl Compiler<'_> {
    /// Reads `network.geo` at `at`, and has its fields removed from requests of others than trusted proxies.
    #[inline(never)]
    pub(super) fn geography(&mut self, at: &At<'_>, identity: &mut Option<IdentityNames>) {
        let network = &self.config.network;
        let config::Geo { country, asn } = &network.geo;
        let mut location = Location::default();
        for (member, name, field) in [("country", country, &mut location.country), ("asn", asn, &mut location.asn)] {
            let Some(name) = name else { continue };
            let at = at.member(member);
            if network.trusted_proxies.is_empty() {
                self.error_with(&at, "no proxy is trusted", "name those that send this header in `trustedProxies`");
            }
            let parsed = HeaderName::try_from(name.as_str()).ok().filter(|_| !name.contains('*'));
            let entrusted = match (&parsed, identity.as_mut()) {
                (None, _) => Err(format!("`{name}` is no header name")),
                (Some(_), Some(names)) => names.entrust(name),
                (Some(_), None) => Ok(()),
            };
            if let Err(message) = entrusted {
                self.error_with(&at, message, "for example `cf-ipcountry`");
            }
            *field = parsed;
        }
        self.location.0 = location;
    }

    /// Takes note that something at `at` asks for the client's country, its autonomous system, or both. Returns whether they can be
    /// known; reports it if not.
    #[inline(never)]
    pub(super) fn asks_geography(&mut self, at: &At<'_>, country: bool, asn: bool) -> bool {
        self.location.1 |= country | asn;
        let Location { country: countries, asn: asns } = &self.location.0;
        let is_stated = (countries.is_some() || !country) && (asns.is_some() || !asn);
        is_stated || self.require(at, Feature::Geography)
    }

    /// The lists of countries at `at`.
    #[inline(never)]
    pub(super) fn countries(&mut self, at: &At<'_>, countries: &config::Countries) -> Places {
        let config::Countries { allow, deny } = countries;
        let [allow, deny] = [("allow", allow), ("deny", deny)].map(|(member, list)| {
            let at = at.member(member);
            let codes = list.as_ref()?.iter().enumerate();
            Some(codes.map(|(i, code)| self.country(&at.index(i), code)).collect())
        });
        self.place_lists(at, allow, deny)
    }

    /// The lists of autonomous systems at `at`.
    #[inline(never)]
    pub(super) fn asns(&mut self, at: &At<'_>, asns: &config::Asns) -> Places {
        for (member, list) in [("allow", &asns.allow), ("deny", &asns.deny)] {
            if let Some(i) = list.iter().flatten().position(|number| *number == 0) {
                let help = "write the number that the registry gave it, such as `64500`";
                self.error_with(&at.member(member).index(i), "there is no autonomous system 0", help);
            }
        }
        let boxed = |list: &Option<Vec<u32>>| list.as_deref().map(Box::from);
        self.place_lists(at, boxed(&asns.allow), boxed(&asns.deny))
    }

    /// The number of the country with this `code`.
    fn country(&mut self, at: &At<'_>, code: &str) -> u32 {
        let is_code = code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        if !is_code || THOROUGH && !is_country(code) {
            let help = lazily(|| match &*code.to_ascii_uppercase() {
                "UK" => "the code of the United Kingdom is `GB`".to_owned(),
                upper if is_country(upper) => format!("write `{upper}`"),
                _ => COUNTRY_HELP.to_owned(),
            });
            self.error_with(at, format_args!("`{code}` is no country's code"), help);
        }
        Country::number(Country::read(code.as_bytes()))
    }

    fn place_lists(&mut self, at: &At<'_>, allow: Option<Box<[u32]>>, deny: Option<Box<[u32]>>) -> Places {
        if allow.is_none() && deny.is_none() {
            self.error_with(at, "this lets everybody in", "list some in `allow` or in `deny`");
        }
        for (member, list) in [("allow", &allow), ("deny", &deny)] {
            if list.as_ref().is_some_and(|list| list.is_empty()) {
                self.error_with(&at.member(member), "the list is empty", "leave it out, or list some");
            }
        }
        Places { allow, deny: deny.unwrap_or_default() }
    }
}

fn is_country(code: &str) -> bool {
    BESIDES.contains(&code) || COUNTRIES.as_bytes().chunks(2).any(|known| known == code.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ISO 3166-1 has 249 codes (2026).
    #[test]
    fn every_country_is_there_once_and_in_order() {
        let codes: Vec<_> = COUNTRIES.as_bytes().chunks(2).collect();
        assert_eq!(codes.len(), 249);
        assert!(codes.is_sorted_by(|one, next| one < next));
        for code in ["AD", "DE", "ZW", "XK", "T1", "XX"] {
            assert!(is_country(code), "{code}");
        }
        for code in ["EU", "UK", "de", "", "D", "DEFR", "ED"] {
            assert!(!is_country(code), "{code}");
        }
    }
}
