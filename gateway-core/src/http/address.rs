//! Addresses and networks: written without the detour over `fmt`, and compared as numbers.

use std::net::{IpAddr, Ipv6Addr};

use http::HeaderValue;

use super::digits::hex_digit;
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
            IpAddr::V4(v4) => {
                let [a, b, c, d] = v4.octets();
                text.decimal(a);
                for octet in [b, c, d] {
                    text.push(b'.');
                    text.decimal(octet);
                }
            }
            IpAddr::V6(v6) => text.v6(v6),
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

    fn v6(&mut self, address: Ipv6Addr) {
        let groups = address.segments();
        let (start, length) = longest_zeros(&groups);
        for (place, group) in groups.iter().enumerate() {
            if length > 1 && place == start {
                self.push(b':');
                self.push(b':');
            }
            if length > 1 && (start..start + length).contains(&place) {
                continue;
            }
            if place > 0 && (length <= 1 || place != start + length) {
                self.push(b':');
            }
            let shifts = [12, 8, 4, 0];
            let skipped = (group.leading_zeros() / 4).min(3) as usize;
            for shift in shifts.iter().skip(skipped) {
                self.push(hex_digit(group >> shift));
            }
        }
    }
}

/// Where the first of the longest runs of zero groups is, and its length.
fn longest_zeros(groups: &[u16; 8]) -> (usize, usize) {
    let (mut best, mut run) = ((0, 0), (0, 0));
    for (place, group) in groups.iter().enumerate() {
        run = if *group == 0 { (run.0, run.1 + 1) } else { (place + 1, 0) };
        if run.1 > best.1 {
            best = run;
        }
    }
    best
}

/// A network (RFC 4632): the addresses that share its first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Network {
    V4 { bits: u32, mask: u32 },
    V6 { bits: u128, mask: u128 },
}

impl Network {
    /// Reads `10.0.0.0/8`, `fd00::/8`, or one address; bits after the prefix are an error, since they hint at a mistake.
    #[inline(never)]
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let wrong = || format!("`{text}` is neither an IP address nor a network such as `10.0.0.0/8`");
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let full: u8 = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            None => full,
            Some(digits) if !digits.is_empty() && digits.len() <= 3 && digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits
                    .parse()
                    .ok()
                    .filter(|length| *length <= full)
                    .ok_or_else(|| format!("`{text}` has a prefix longer than {full} bits"))?
            }
            Some(_) => return Err(wrong()),
        };
        let network = match address {
            IpAddr::V4(v4) => Self::v4(v4.into(), length),
            IpAddr::V6(v6) => match (v6.to_ipv4_mapped(), length.checked_sub(96)) {
                (Some(v4), Some(length)) => Self::v4(v4.into(), length),
                _ => Self::V6 { bits: v6.into(), mask: u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0) },
            },
        };
        if !network.is_exact() {
            return Err(format!("`{text}` has bits set after its prefix; write `{}/{length}`", network.first()));
        }
        Ok(network)
    }

    /// Whether `address`, in canonical form, is in it.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        match (self, address) {
            (Self::V4 { bits, mask }, IpAddr::V4(v4)) => u32::from(v4) & mask == *bits,
            (Self::V6 { bits, mask }, IpAddr::V6(v6)) => u128::from(v6) & mask == *bits,
            _ => false,
        }
    }

    const fn v4(bits: u32, length: u8) -> Self {
        let mask = match u32::MAX.checked_shl(32 - length as u32) {
            Some(mask) => mask,
            None => 0,
        };
        Self::V4 { bits, mask }
    }

    fn is_exact(&self) -> bool {
        match self {
            Self::V4 { bits, mask } => bits & mask == *bits,
            Self::V6 { bits, mask } => bits & mask == *bits,
        }
    }

    fn first(&self) -> IpAddr {
        match self {
            Self::V4 { bits, mask } => IpAddr::V4((bits & mask).into()),
            Self::V6 { bits, mask } => IpAddr::V6((bits & mask).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5952 §4, as the standard library writes it too.
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
            assert_eq!(AddressText::of(address).as_str(), address.to_string());
        }
    }

    /// Every pattern of zero and non-zero groups.
    #[test]
    fn every_run_of_zeros_is_shortened_as_the_standard_library_does() {
        for pattern in 0..256_u16 {
            let groups: [u16; 8] =
                core::array::from_fn(|place| if pattern >> place & 1 == 1 { 0xa0 + place as u16 } else { 0 });
            let address = Ipv6Addr::from(groups);
            // The deprecated v4-compatible addresses (RFC 4291 §2.5.5.1) are not written as dotted decimals here.
            if address.segments()[..6] == [0; 6] {
                continue;
            }
            assert_eq!(AddressText::of(address.into()).as_str(), address.to_string());
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
            let parsed = Network::parse(network).unwrap();
            assert!(parsed.contains(inside.parse().unwrap()), "{network} {inside}");
            assert!(!parsed.contains(outside.parse().unwrap()), "{network} {outside}");
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
            assert!(Network::parse(text).is_err(), "{text}");
        }
        assert_eq!(
            Network::parse("10.1.0.0/8").unwrap_err(),
            "`10.1.0.0/8` has bits set after its prefix; write `10.0.0.0/8`"
        );
    }
}
