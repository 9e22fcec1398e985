//! Names of counter cells: the choice of requests that are counted together.

use std::borrow::Cow;
use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};

use super::PolicyError;
use crate::caller::Caller;
use crate::config::CounterKey;
use crate::http::address::AddressText;
use crate::http::digits::write_hex;

const LONGEST_NAME: usize = 128;

/// The requests that are counted together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// Those of one client address; IPv6 by its first 64 bits.
    ClientAddress,
    /// Those with one value of this field.
    Header(HeaderName),
    /// Those of one consumer.
    Consumer,
    /// Those of one credential.
    Credential,
    /// Those with one value of this claim.
    Claim(Box<str>),
    /// All.
    Everyone,
}

impl KeySource {
    /// Checks and compiles `key`.
    ///
    /// # Errors
    /// The mistake in it.
    pub fn compile(key: Option<&CounterKey>) -> Result<Self, PolicyError> {
        match key.unwrap_or(&CounterKey::ClientAddress) {
            CounterKey::ClientAddress => Ok(Self::ClientAddress),
            CounterKey::Everyone => Ok(Self::Everyone),
            CounterKey::Consumer => Ok(Self::Consumer),
            CounterKey::Credential => Ok(Self::Credential),
            CounterKey::Claim(claim) if claim.is_empty() => {
                Err(PolicyError::new("key", "a claim needs a name", "for example `{\"claim\": \"tenant\"}`"))
            }
            CounterKey::Claim(claim) => Ok(Self::Claim(claim.as_str().into())),
            CounterKey::Header(header) => HeaderName::from_bytes(header.as_bytes()).map(Self::Header).map_err(|_| {
                PolicyError::new("key", format!("`{header}` is no header name"), "use letters, digits and `-`")
            }),
        }
    }

    /// The name of the cell that counts this request: `prefix`, `name`, a colon, and the key.
    ///
    /// A header's value enters as a hash, the first 128 bits of its SHA-256: it may be a credential, which must not
    /// show in a store's names, and it may be long. Collisions can't be chosen, so nobody can use up another's quota.
    /// Clients without an address share a cell, and so do requests without the header. What a caller is known by enters as a hash,
    /// too, which the issuer is part of: who is `1` to one is somebody else to another (RFC 7519 §4.1.2).
    #[must_use]
    pub fn cell(
        &self,
        prefix: &str,
        name: &str,
        client: Option<IpAddr>,
        (headers, caller): (&HeaderMap, Option<&Caller>),
    ) -> String {
        let mut cell = String::with_capacity(prefix.len() + name.len() + 33);
        cell.push_str(prefix);
        cell.push_str(name);
        cell.push(':');
        match self {
            Self::Everyone => cell.push('*'),
            Self::ClientAddress => push_address(&mut cell, client),
            Self::Header(name) => push_header(&mut cell, headers, name),
            Self::Consumer | Self::Credential | Self::Claim(_) => match caller.and_then(|caller| self.known_by(caller))
            {
                Some(parts) => push_hash(&mut cell, parts.iter().map(|part| part.as_bytes()), b"\0"),
                None => {
                    cell.push_str("anon:");
                    push_address(&mut cell, client);
                }
            },
        }
        cell
    }

    /// What `caller` is counted by: the kind, the issuer and the value. None if nobody has proved anything: whoever states nothing shares no
    /// quota with others who do the same.
    fn known_by<'c>(&self, caller: &'c Caller) -> Option<[Cow<'c, str>; 3]> {
        if caller.is_anonymous() {
            return None;
        }
        let of = |kind: &'static str, issuer: &'c str, value| [Cow::Borrowed(kind), Cow::Borrowed(issuer), value];
        let issuer = caller.issuer.as_deref().unwrap_or_default();
        let own = match self {
            Self::Consumer => caller.consumer.as_ref().map(|known| of("consumer", "", Cow::Borrowed(&*known.name))),
            Self::Claim(path) => {
                caller.claims.as_ref().and_then(|claims| claims.value(path)).map(|value| of("claim", issuer, value))
            }
            _ => None,
        };
        let credential = caller.credential.as_deref().or_else(|| caller.subject());
        // The identifiers of keys are of their consumer alone.
        let (kind, whose) = match (&caller.claims, &caller.consumer) {
            (None, Some(consumer)) => ("key", &*consumer.name),
            _ => ("credential", issuer),
        };
        own.or_else(|| credential.map(|value| of(kind, whose, Cow::Borrowed(value))))
    }
}

/// Returns the mistake in the name of a limit, if any: names are sent in fields and problems, and are part of cells'
/// names.
pub(super) fn check_name(name: &str) -> Option<PolicyError> {
    let sound = !name.is_empty() && name.len() <= LONGEST_NAME && name.bytes().all(is_name_byte);
    (!sound).then(|| {
        PolicyError::new(
            "name",
            format_args!("`{name}` can't be the name of a limit"),
            "use 1 to 128 printable ASCII characters without quotes and backslashes",
        )
    })
}

/// Returns whether a structured field's string holds `byte` without an escape, as printable ASCII (RFC 9651 §3.3.3).
const fn is_name_byte(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

fn push_address(cell: &mut String, client: Option<IpAddr>) {
    match client.map(|address| address.to_canonical()) {
        None => cell.push_str("unknown"),
        Some(address @ IpAddr::V4(_)) => cell.push_str(AddressText::of(address).as_str()),
        Some(IpAddr::V6(address)) => {
            push_hex(cell, (u128::from(address) >> 64) as u64);
            cell.push_str("/64");
        }
    }
}

fn push_header(cell: &mut String, headers: &HeaderMap, name: &HeaderName) {
    let mut values = headers.get_all(name).iter().map(HeaderValue::as_bytes).peekable();
    if values.peek().is_none() {
        cell.push_str("none");
        return;
    }
    // Several lines are one list (RFC 9110 §5.3).
    push_hash(cell, values, b",");
}

/// Writes the first 128 bits of the SHA-256 of `parts`, with `between` them.
fn push_hash<'p>(cell: &mut String, parts: impl Iterator<Item = &'p [u8]>, between: &[u8]) {
    let mut hash = Sha256::new();
    for (i, part) in parts.enumerate() {
        if i > 0 {
            hash.update(between);
        }
        hash.update(part);
    }
    for word in hash.finalize().chunks_exact(8).take(2) {
        push_hex(cell, word.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)));
    }
}

fn push_hex(cell: &mut String, value: u64) {
    let mut text = [0; 16];
    write_hex(value, &mut text);
    cell.push_str(core::str::from_utf8(&text).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller::claims::ClaimSet;
    use crate::caller::consumer::Consumer;
    use crate::http::testing::fields;

    #[test]
    fn addresses_make_cells() {
        let key = KeySource::ClientAddress;
        for (address, cell) in [
            ("203.0.113.7", "rl:api:203.0.113.7"),
            ("::ffff:203.0.113.7", "rl:api:203.0.113.7"),
            ("2001:db8:1:2:3:4:5:6", "rl:api:20010db800010002/64"),
            ("2001:db8:1:2:ffff::", "rl:api:20010db800010002/64"),
        ] {
            assert_eq!(key.cell("rl:", "api", Some(address.parse().unwrap()), (&HeaderMap::new(), None)), cell);
        }
        assert_eq!(key.cell("rl:", "api", None, (&HeaderMap::new(), None)), "rl:api:unknown");
    }

    /// FIPS 180-4: SHA-256 of `abc` begins with ba7816bf…
    #[test]
    fn header_values_make_cells_without_showing() {
        let key = KeySource::compile(Some(&CounterKey::Header("X-Api-Key".to_owned()))).unwrap();
        let cell = |list: &[(&str, &str)]| key.cell("rl:", "api", None, (&fields(list), None));
        assert_eq!(cell(&[("x-api-key", "abc")]), "rl:api:ba7816bf8f01cfea414140de5dae2223");
        assert_eq!(cell(&[("x-api-key", "a"), ("x-api-key", "b")]), cell(&[("x-api-key", "a,b")]));
        assert_eq!(cell(&[("x-api-key", &"x".repeat(100_000))]).len(), "rl:api:".len() + 32);
        assert_eq!(cell(&[("other", "abc")]), "rl:api:none");
    }

    #[test]
    fn everyone_shares_one_cell() {
        let key = KeySource::Everyone;
        assert_eq!(key.cell("rl:", "api", Some("203.0.113.7".parse().unwrap()), (&HeaderMap::new(), None)), "rl:api:*");
    }

    /// docs/configuration.md, Policies: by consumer, credential or claim; each falls back to what else tells a caller from others.
    #[test]
    fn callers_are_counted_by_what_they_have_proved() {
        let caller = |issuer: &str, sub: &str, consumer: Option<&str>| {
            let claims = serde_json::from_str(&format!(r#"{{"sub": "{sub}", "tenant": 7}}"#)).unwrap();
            let known = consumer.map(|name| Consumer { name: name.into(), ..Consumer::default() });
            Caller {
                consumer: known.map(Into::into),
                issuer: Some(issuer.into()),
                claims: Some(ClaimSet::new(None, None, None, claims).into()),
                credential: Some(sub.into()),
                ..Caller::default()
            }
        };
        let cell = |key: &KeySource, caller: Option<&Caller>| {
            key.cell("rl:", "api", Some("203.0.113.7".parse().unwrap()), (&HeaderMap::new(), caller))
        };
        let [consumer, credential] = [KeySource::Consumer, KeySource::Credential];
        let [tenant, other] = ["tenant", "other"].map(|claim| KeySource::Claim(claim.into()));
        let (a, b, c) = (caller("i", "a", Some("x")), caller("i", "b", Some("x")), caller("j", "a", None));
        assert_eq!(cell(&consumer, Some(&a)), cell(&consumer, Some(&b)));
        assert_ne!(cell(&credential, Some(&a)), cell(&credential, Some(&b)));
        assert_ne!(cell(&credential, Some(&a)), cell(&credential, Some(&c)), "`sub` is of its issuer");
        assert_eq!(cell(&tenant, Some(&a)), cell(&tenant, Some(&b)));
        assert_ne!(cell(&tenant, Some(&a)), cell(&tenant, Some(&c)), "a claim is of its issuer");
        for without in [&consumer, &other] {
            assert_eq!(cell(without, Some(&c)), cell(&credential, Some(&c)));
        }
        let of_key = |consumer: &str| Caller { claims: None, issuer: None, ..caller("", "1", Some(consumer)) };
        assert_ne!(
            cell(&credential, Some(&of_key("x"))),
            cell(&credential, Some(&of_key("y"))),
            "a key's name is its consumer's"
        );
        let known = Some(Consumer { name: "guest".into(), ..Consumer::default() }.into());
        let nobody = Caller { consumer: known, ..Caller::default() };
        for key in [&consumer, &credential, &tenant] {
            assert_eq!(cell(key, Some(&nobody)), "rl:api:anon:203.0.113.7");
            assert_eq!(cell(key, None), "rl:api:anon:203.0.113.7");
            let cell = cell(key, Some(&a));
            assert_eq!(cell.len(), "rl:api:".len() + 32, "{cell}");
        }
    }
}
