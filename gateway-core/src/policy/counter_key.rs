//! Names of counter cells: the choice of requests that are counted together.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};

use super::PolicyError;
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
            CounterKey::Header(header) => HeaderName::from_bytes(header.as_bytes()).map(Self::Header).map_err(|_| {
                PolicyError::new("key", format!("`{header}` is no header name"), "use letters, digits and `-`")
            }),
        }
    }

    /// The name of the cell that counts this request: `prefix`, `name`, a colon, and the key.
    ///
    /// A header's value enters as a hash, the first 128 bits of its SHA-256: it may be a credential, which must not
    /// show in a store's names, and it may be long. Collisions can't be chosen, so nobody can use up another's quota.
    /// Clients without an address share a cell, and so do requests without the header.
    #[must_use]
    pub fn cell(&self, prefix: &str, name: &str, client: Option<IpAddr>, headers: &HeaderMap) -> String {
        let mut cell = String::with_capacity(prefix.len() + name.len() + 33);
        cell.push_str(prefix);
        cell.push_str(name);
        cell.push(':');
        match self {
            Self::Everyone => cell.push('*'),
            Self::ClientAddress => push_address(&mut cell, client),
            Self::Header(name) => push_header(&mut cell, headers, name),
        }
        cell
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
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else {
        cell.push_str("none");
        return;
    };
    let mut hash = Sha256::new();
    hash.update(first.as_bytes());
    for value in values {
        // Several lines are one list (RFC 9110 §5.3).
        hash.update(b",");
        hash.update(value.as_bytes());
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
            assert_eq!(key.cell("rl:", "api", Some(address.parse().unwrap()), &HeaderMap::new()), cell);
        }
        assert_eq!(key.cell("rl:", "api", None, &HeaderMap::new()), "rl:api:unknown");
    }

    /// FIPS 180-4: SHA-256 of `abc` begins with ba7816bf…
    #[test]
    fn header_values_make_cells_without_showing() {
        let key = KeySource::compile(Some(&CounterKey::Header("X-Api-Key".to_owned()))).unwrap();
        let cell = |list: &[(&str, &str)]| key.cell("rl:", "api", None, &fields(list));
        assert_eq!(cell(&[("x-api-key", "abc")]), "rl:api:ba7816bf8f01cfea414140de5dae2223");
        assert_eq!(cell(&[("x-api-key", "a"), ("x-api-key", "b")]), cell(&[("x-api-key", "a,b")]));
        assert_eq!(cell(&[("x-api-key", &"x".repeat(100_000))]).len(), "rl:api:".len() + 32);
        assert_eq!(cell(&[("other", "abc")]), "rl:api:none");
    }

    #[test]
    fn everyone_shares_one_cell() {
        let key = KeySource::Everyone;
        assert_eq!(key.cell("rl:", "api", Some("203.0.113.7".parse().unwrap()), &HeaderMap::new()), "rl:api:*");
    }
}
