//! Addresses as text, and networks.

use core::fmt::{self, Write as _};
use std::net::IpAddr;

use http::HeaderValue;
use ipnet::{IpNet, Ipv4Net};

use super::value::printable;

/// An address as text, on the stack.
pub(crate) struct AddressText {
    bytes: [u8; 40],
    length: usize,
}

impl AddressText {
    /// Dotted decimal, or the form of RFC 5952 §4: lower case, no leading zeros, the longest run of zeros as `::`.
    pub(crate) fn of(address: IpAddr) -> Self {
        let mut text = Self { bytes: [0; 40], length: 0 };
        match address {
            // Most addresses are of this kind: without the detour over `fmt`.
            IpAddr::V4(v4) => {
                let [a, b, c, d] = v4.octets();
                text.decimal(a);
                for octet in [b, c, d] {
                    text.push(b'.');
                    text.decimal(octet);
                }
            }
            // No address is too long: the longest has 39 characters.
            IpAddr::V6(v6) => {
                let _ = write!(text, "{v6}");
            }
        }
        text
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    pub(crate) fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    pub(crate) fn value(&self) -> HeaderValue {
        // Digits, dots and colons are printable; the fallback is never taken.
        printable(self.as_bytes()).unwrap_or(HeaderValue::from_static("unknown"))
    }

    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.length) {
            *slot = byte;
            self.length += 1;
        }
    }

    fn decimal(&mut self, value: u8) {
        let (hundreds, rest) = (value / 100, value % 100);
        if value >= 100 {
            self.push(b'0' + hundreds);
        }
        if value >= 10 {
            self.push(b'0' + rest / 10);
        }
        self.push(b'0' + rest % 10);
    }
}

impl fmt::Write for AddressText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(|byte| self.push(byte));
        Ok(())
    }
}

/// Reads `10.0.0.0/8`, `fd00::/8`, or one address (RFC 4632); bits after the prefix are an error, since they hint at a
/// mistake. A network of IPv4 in IPv6 (RFC 4291 §2.5.5.2) is the one of IPv4.
#[inline(never)]
pub(crate) fn parse_network(text: &str) -> Result<IpNet, String> {
    let wrong = || format!("`{text}` is neither an IP address nor a network such as `10.0.0.0/8`");
    let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let network = match length {
        None => IpNet::from(address),
        Some(digits) if (1..=3).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) => {
            let full = if address.is_ipv4() { 32 } else { 128 };
            let network = digits.parse().ok().and_then(|length| IpNet::new(address, length).ok());
            network.ok_or_else(|| format!("`{text}` has a prefix longer than {full} bits"))?
        }
        Some(_) => return Err(wrong()),
    };
    let network = unmapped(network);
    if network.addr() != network.network() {
        return Err(format!("`{text}` has bits set after its prefix; write `{}`", network.trunc()));
    }
    Ok(network)
}

fn unmapped(network: IpNet) -> IpNet {
    let IpNet::V6(v6) = network else { return network };
    let length = v6.prefix_len().checked_sub(96);
    v6.addr()
        .to_ipv4_mapped()
        .zip(length)
        .and_then(|(v4, length)| Ipv4Net::new(v4, length).ok())
        .map_or(network, IpNet::V4)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5952 §4.
    #[test]
    fn addresses_are_written_in_canonical_form() {
        for text in [
            "0.0.0.0",
            "1.20.255.9",
            "255.255.255.255",
            "::1",
            "::",
            "2001:db8::1",
            "2001:db8:0:1:1:1:1:1",
            "1::",
            "fe80::1:0:0:1",
            "2001:0:0:1::1",
            "1:2:3:4:5:6:7:8",
            "0:1:2:3:4:5:6:7",
            "1:2:3:4:5:6:7:0",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "2001:db8:a0b:12f0::f",
            "1:0:0:2::3",
        ] {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(AddressText::of(address).as_str(), text);
        }
    }

    #[test]
    fn networks_contain_what_shares_their_prefix() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("10.1.2.3", "10.1.2.3", "10.1.2.4"),
            ("0.0.0.0/0", "255.1.2.3", "::1"),
            ("::/0", "2001:db8::1", "1.2.3.4"),
            ("fd00::/8", "fdff::1", "fe00::1"),
            ("2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::"),
            ("::ffff:10.0.0.0/104", "10.9.9.9", "11.0.0.0"),
            ("::ffff:10.0.0.1", "10.0.0.1", "10.0.0.2"),
        ] {
            let parsed = parse_network(network).unwrap();
            assert!(parsed.contains(&inside.parse::<IpAddr>().unwrap()), "{network} {inside}");
            assert!(!parsed.contains(&outside.parse::<IpAddr>().unwrap()), "{network} {outside}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "a",
            "10.0.0",
            "10.0.0.0/",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/+8",
            "10.0.0.0/8/8",
            "10.0.0.0 /8",
            "[::1]",
        ] {
            assert!(parse_network(text).is_err(), "{text}");
        }
        assert_eq!(
            parse_network("10.1.0.0/8").unwrap_err(),
            "`10.1.0.0/8` has bits set after its prefix; write `10.0.0.0/8`"
        );
    }
}
