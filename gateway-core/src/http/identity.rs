//! Fields that state who the caller is: only the gateway may set them, so none that comes in survives.
//!
//! The namespace is stripped from every request on every route, whether it authenticates or not, and in every spelling that
//! a backend might fold into the guarded one: every name with its letters and digits.

use http::{HeaderMap, HeaderName};

use super::certificate::CLIENT_CERT;
use super::names::{Filter, Slot, after, are_aliases, letters};
use super::proxy_status::is_tchar;

/// The built-in namespace; a trailing `*` stands for any ending.
const BUILT_IN: [&str; 16] = [
    "x-consumer-*",
    "x-authenticated-*",
    "x-credential-*",
    "x-claim-*",
    "x-edgeway-*",
    "x-remote-user",
    "remote-user",
    "x-forwarded-user",
    "x-forwarded-email",
    "x-forwarded-groups",
    "x-forwarded-preferred-username",
    "x-auth-request-*",
    // Takes `client-cert-chain` along (RFC 9440 §2).
    "client-cert*",
    "x-client-cert*",
    "x-forwarded-client-cert*",
    "x-ssl-client-*",
];

/// Names that a request can't do without, so that no pattern may take them.
const NEEDED: [&str; 10] = [
    "host",
    "connection",
    "content-length",
    "content-type",
    "transfer-encoding",
    "te",
    "upgrade",
    "authorization",
    "cookie",
    "x-request-id",
];

/// The names of fields that state who the caller is.
#[derive(Clone, Debug)]
pub struct IdentityNames {
    patterns: Vec<Pattern>,
    known: Filter,
    /// Names that trusted proxies may state, in small letters; a trailing `*` stands for any ending.
    believed: Vec<Box<str>>,
    /// Names of fields by which the gateway itself shows upstreams who it is.
    own: Vec<Box<str>>,
    /// Set if `Client-Cert` is among them.
    believes_certificates: bool,
}

#[derive(Clone, Debug)]
struct Pattern {
    /// The letters and digits of the names, or those that they begin with.
    letters: Box<[u8]>,
    /// Set if the names may go on after the letters.
    is_open: bool,
    /// The slot of the names that the pattern takes, if it is long enough to tell.
    slot: Option<Slot>,
}

impl Default for IdentityNames {
    /// The built-in names alone.
    fn default() -> Self {
        Self::of(BUILT_IN.iter().map(|text| Pattern::new(text)).collect())
    }
}

impl IdentityNames {
    /// The built-in names and `extra` ones; a trailing `*` stands for any ending.
    ///
    /// # Errors
    /// The index of each entry that is no field name, or that would take a field which requests need, with a message.
    pub fn new(extra: &[String]) -> Result<Self, Vec<(usize, String)>> {
        let mut patterns: Vec<_> = BUILT_IN.iter().map(|text| Pattern::new(text)).collect();
        let mut errors = Vec::new();
        for (index, text) in extra.iter().enumerate() {
            match Pattern::parse(text) {
                Ok(pattern) => patterns.push(pattern),
                Err(message) => errors.push((index, message)),
            }
        }
        if errors.is_empty() { Ok(Self::of(patterns)) } else { Err(errors) }
    }

    /// Returns whether `name`, in any spelling, is one that only the gateway may set.
    #[must_use]
    pub fn is_reserved(&self, name: &str) -> bool {
        let name = name.as_bytes();
        let slot = Slot::of(name);
        self.may_reserve(slot) && self.patterns.iter().any(|pattern| pattern.is_in(slot) && pattern.takes(name))
    }

    /// Returns whether a name in `slot` may be reserved.
    pub(crate) const fn may_reserve(&self, slot: Slot) -> bool {
        self.known.may_contain(slot)
    }

    /// Lets trusted proxies state these names; a trailing `*` stands for any ending.
    ///
    /// # Errors
    /// The index of each entry that is not reserved, and so is never removed, with a message.
    pub fn believe(&mut self, names: &[String]) -> Result<(), Vec<(usize, String)>> {
        let is_wrong = |name: &str| {
            let name = name.strip_suffix('*').unwrap_or(name);
            !name.bytes().all(is_tchar) || !self.is_reserved(name)
        };
        let wrong = names.iter().enumerate().filter(|(_, name)| is_wrong(name));
        let errors: Vec<_> = wrong
            .map(|(index, name)| {
                (index, format!("`{name}` is not removed from requests, so it needs not be let through"))
            })
            .collect();
        if !errors.is_empty() {
            return Err(errors);
        }
        self.believed = names.iter().map(|name| name.to_ascii_lowercase().into()).collect();
        self.believes_certificates = self.is_believed(CLIENT_CERT.as_str());
        Ok(())
    }

    /// Reserves `name`, which trusted proxies alone may state.
    ///
    /// # Errors
    /// The reason why it can't be reserved.
    pub fn entrust(&mut self, name: &str) -> Result<(), String> {
        let pattern = Pattern::parse(name)?;
        self.known.add(&pattern.letters);
        self.patterns.push(pattern);
        self.believed.push(name.to_ascii_lowercase().into());
        Ok(())
    }

    /// Keeps these names, by which the gateway itself shows upstreams who it is, out of trailers.
    pub fn guard_own<'n>(&mut self, names: impl Iterator<Item = &'n str>) {
        self.own.extend(names.map(Box::from));
    }

    /// Returns whether `name`, in any spelling, may be in no trailer of a request: it comes after what the gateway states.
    #[must_use]
    pub(super) fn is_kept_from_trailers(&self, name: &str) -> bool {
        self.is_reserved(name) || self.own.iter().any(|own| are_aliases(name.as_bytes(), own.as_bytes()))
    }

    /// Returns whether a trusted proxy may state the certificate of its client (RFC 9440).
    #[must_use]
    pub const fn believes_certificates(&self) -> bool {
        self.believes_certificates
    }

    /// Returns whether a trusted proxy may state `name`, which is in small letters. Other spellings it does not write, but may
    /// pass on.
    #[must_use]
    pub fn is_believed(&self, name: &str) -> bool {
        self.believed.iter().any(|known| match known.strip_suffix('*') {
            Some(start) => name
                .strip_prefix(start)
                .is_some_and(|rest| rest.bytes().all(|byte| byte == b'-' || byte.is_ascii_alphanumeric())),
            None => **known == *name,
        })
    }

    /// Removes every such field, but for those that a peer that is `trusted` may state; says whether there was any.
    pub fn strip(&self, headers: &mut HeaderMap, trusted: bool) -> bool {
        let must_go =
            |name: &&HeaderName| self.is_reserved(name.as_str()) && !(trusted && self.is_believed(name.as_str()));
        let names: Vec<HeaderName> = headers.keys().filter(must_go).cloned().collect();
        if names.is_empty() {
            return false;
        }
        for name in names {
            headers.remove(name);
        }
        true
    }

    fn of(patterns: Vec<Pattern>) -> Self {
        let mut known = Filter::EMPTY;
        for pattern in &patterns {
            known.add(&pattern.letters);
        }
        Self { patterns, known, believed: Vec::new(), own: Vec::new(), believes_certificates: false }
    }
}

impl Pattern {
    fn new(text: &str) -> Self {
        let letters: Box<[u8]> = letters(text.as_bytes()).collect();
        let slot = Slot::is_fixed_by(&letters).then(|| Slot::of(&letters));
        Self { letters, is_open: text.ends_with('*'), slot }
    }

    /// Returns whether the pattern takes `name`, in any spelling.
    ///
    /// An ending need not be set off: `XConsumerId` and `X-Consumers-Id` have the letters of `X-Consumer-Id` and of
    /// `X-Consumer-SId`.
    fn takes(&self, name: &[u8]) -> bool {
        if self.is_open { after(name, &self.letters).is_some() } else { are_aliases(name, &self.letters) }
    }

    #[inline(never)]
    fn parse(text: &str) -> Result<Self, String> {
        let name = text.strip_suffix('*').unwrap_or(text);
        if text == "*" {
            return Err("`*` alone would remove every field; write the beginning of the names before it".to_owned());
        }
        if name.contains('*') {
            return Err(format!("`{text}` may have a `*` only at its end"));
        }
        if name.is_empty() || !name.bytes().all(is_tchar) {
            return Err(format!("`{text}` is no header name"));
        }
        let pattern = Self::new(text);
        if pattern.letters.is_empty() {
            return Err(format!("`{text}` has neither a letter nor a digit"));
        }
        match NEEDED.iter().find(|needed| pattern.takes(needed.as_bytes())) {
            Some(needed) => Err(format!("`{text}` would remove `{needed}`, which requests need")),
            None => Ok(pattern),
        }
    }

    /// Returns whether names in `slot` may match.
    fn is_in(&self, slot: Slot) -> bool {
        self.slot.is_none_or(|own| own == slot)
    }
}

/// Returns whether `name`, in any spelling, is of the built-in namespace.
pub(crate) fn is_built_in(name: &str) -> bool {
    BUILT_IN.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(start) => after(name.as_bytes(), start.as_bytes()).is_some(),
        None => are_aliases(name.as_bytes(), pattern.as_bytes()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::{Generator, fields, lines, spelling};

    fn with(extra: &[&str]) -> Result<IdentityNames, Vec<(usize, String)>> {
        IdentityNames::new(&extra.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn the_built_in_namespace_is_reserved_in_every_spelling() {
        let names = IdentityNames::default();
        for name in [
            "x-consumer-id",
            "X-Consumer-Username",
            "x_consumer_id",
            "x.consumer.id",
            "X_Consumer.Groups",
            "x-authenticated-userid",
            "x-credential-identifier",
            "x-claim-sub",
            "x-edgeway-anything",
            "x-remote-user",
            "REMOTE_USER",
            "remote.user",
            "x-forwarded-user",
            "x-forwarded_email",
            "x-forwarded-groups",
            "x-forwarded-preferred-username",
            "x-auth-request-access-token",
            "x-client-cert",
            "x-client-cert-dn",
            "client-cert",
            "client_cert_chain",
            "x-forwarded-client-cert",
            "x-ssl-client-verify",
            "x!consumer!id",
            "Remote+User",
            "x-consumer",
            "xconsumerid",
            "x-consumers-id",
            "x--claim-sub",
            "-remote-user",
        ] {
            assert!(names.is_reserved(name), "{name}");
            assert!(is_built_in(name), "{name}");
        }
    }

    #[test]
    fn other_names_are_not() {
        let names = IdentityNames::default();
        for name in [
            "",
            "x",
            "x-",
            "host",
            "cookie",
            "authorization",
            "content-type",
            "x-consume-id",
            "x-forwarded-for",
            "x-forwarded-users",
            "x-remote-users",
            "remote-addr",
            "client-ce",
            "x-request-id",
            "x-api-key",
        ] {
            assert!(!names.is_reserved(name), "{name}");
            assert!(!is_built_in(name), "{name}");
        }
    }

    #[test]
    fn strip_removes_every_field_and_line_of_them() {
        let mut headers = fields(&[
            ("host", "a"),
            ("x-consumer-id", "admin"),
            ("x-consumer-id", "admin2"),
            ("x_consumer_id", "admin3"),
            ("accept", "*/*"),
            ("x.claim.sub", "root"),
        ]);
        assert!(IdentityNames::default().strip(&mut headers, true));
        assert_eq!(lines(&headers), ["accept: */*", "host: a"]);
        assert!(!IdentityNames::default().strip(&mut headers, false));
    }

    #[test]
    fn extra_names_are_reserved_too() {
        let names = with(&["X-Tenant", "my_org.*", "q*"]).unwrap();
        for name in ["x-tenant", "x_tenant", "x~tenant", "my-org-role", "MY.ORG.ROLE", "my_org_", "q", "qz", "q-x"] {
            assert!(names.is_reserved(name), "{name}");
        }
        for name in ["x-tenants", "my-or", "x-q"] {
            assert!(!names.is_reserved(name), "{name}");
        }
        assert!(names.is_reserved("x-consumer-id"));
    }

    /// docs/configuration.md, What every request gets: `network.trustedIdentity`.
    #[test]
    fn a_trusted_proxy_may_state_what_it_is_believed() {
        let mut names = with(&["x-tenant"]).unwrap();
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        names.believe(&list(&["X-Tenant", "x-claim-*"])).unwrap();
        let sent = [
            ("x-tenant", "a"),
            ("x_tenant", "b"),
            ("x-claim-sub", "c"),
            ("x-claim_sub", "d"),
            ("xclaimsub", "e"),
            ("x-consumer-id", "f"),
        ];
        let left = |trusted| {
            let mut headers = fields(&sent);
            assert!(names.strip(&mut headers, trusted));
            lines(&headers)
        };
        assert_eq!(left(true), ["x-claim-sub: c", "x-tenant: a"]);
        assert!(left(false).is_empty());
        let errors = names.clone().believe(&list(&["x-tenant", "x-other", "a b", "*", ""])).unwrap_err();
        assert_eq!(errors.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [1, 2, 3, 4]);
    }

    #[test]
    fn every_bad_entry_is_reported_with_its_place() {
        let errors = with(&["", "ok", "*", "a*b", "a b", "host", "Content_Length", "c*", "größe", "-*"]).unwrap_err();
        assert_eq!(errors.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(errors[4].1, "`host` would remove `host`, which requests need");
        assert_eq!(errors[7].1, "`größe` is no header name");
        assert_eq!(errors[8].1, "`-*` has neither a letter nor a digit");
    }

    /// docs/configuration.md, What every request gets: the whole list.
    #[test]
    fn the_published_names_are_those_that_are_removed() {
        let page = include_str!("../../../docs/configuration.md");
        let start = page.split_once("Fields that state an identity are removed").unwrap().1;
        let list = start.split_once("and those of `identityHeaders`").unwrap().0;
        let published: Vec<&str> = list.split('`').skip(1).step_by(2).collect();
        assert_eq!(published, BUILT_IN);
    }

    /// RFC 3875 §4.1.18: whatever a server does with separators, it finds no name that only the gateway may set.
    #[test]
    fn no_spelling_of_a_reserved_name_survives() {
        let names = with(&["x-tenant", "my.org.*"]).unwrap();
        let mut generator = Generator::new(2);
        let built_in = BUILT_IN.iter().map(|pattern| pattern.replace('*', "id"));
        for name in built_in.chain(["x-tenant".to_owned(), "my-org-role".to_owned()]) {
            for _ in 0..500 {
                let spelling = spelling(&name, &mut generator);
                let mut headers = fields(&[("host", "a"), (&spelling, "root")]);
                assert!(names.strip(&mut headers, false), "{spelling}");
                assert_eq!(lines(&headers), ["host: a"], "{spelling}");
            }
        }
    }
}
