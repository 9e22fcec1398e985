//! Where clouds hand out credentials to the machines in them: no gateway leads there (OWASP, Server-Side Request Forgery Prevention).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::net::embedded;

/// Addresses of metadata services that are not link-local: Alibaba's, Azure's and Oracle's.
const ADDRESSES: [Ipv4Addr; 3] =
    [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(192, 0, 0, 192)];

/// The same of IPv6: those of Amazon and Google.
const ADDRESSES_V6: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)];

/// Names of such services.
const NAMES: [&str; 6] = [
    "instance-data",
    "instance-data.ec2.internal",
    "metadata",
    "metadata.goog",
    "metadata.google.internal",
    "metadata.tencentyun.com",
];

/// Returns whether `host`, in small letters and without brackets, is an address or a name of such a service.
pub(super) fn hands_out_credentials(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    match host.parse() {
        Ok(IpAddr::V4(address)) => is_metadata(address),
        Ok(IpAddr::V6(address)) => {
            let v4 = embedded(address).or_else(|| address.to_ipv4());
            address.is_unicast_link_local() || ADDRESSES_V6.contains(&address) || v4.is_some_and(is_metadata)
        }
        Err(_) => NAMES.contains(&host),
    }
}

fn is_metadata(address: Ipv4Addr) -> bool {
    address.is_link_local() || ADDRESSES.contains(&address)
}

/// Returns whether `host` ends in a number, so that it is an address (URL Standard, "ends in a number checker"), and is none as it is
/// written: systems read `2852039166`, `0xa9fea9fe`, `169.254.43518` and `0251.0376.0251.0376` as 169.254.169.254.
pub(super) fn is_odd_address(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    let last = name.rsplit('.').next().unwrap_or_default();
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let ends_in_number = is_number(last)
        || last.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("0x")) && last.get(2..).is_some_and(is_hex);
    ends_in_number && host.parse::<IpAddr>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_services_are_known_in_every_form() {
        for host in [
            "169.254.169.254",
            "169.254.169.254.",
            "169.254.170.2",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "::ffff:169.254.169.254",
            "::a9fe:a9fe",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b::192.0.0.192",
            "2002:a9fe:a9fe::1",
            "fe80::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "metadata",
            "metadata.goog",
            "metadata.google.internal.",
            "metadata.tencentyun.com",
            "instance-data",
            "instance-data.ec2.internal",
        ] {
            assert!(hands_out_credentials(host), "{host}");
        }
        for host in ["169.253.1.1", "100.100.100.201", "fd00:ec2::253", "::1", "metadata.example.com", "my-metadata"] {
            assert!(!hands_out_credentials(host), "{host}");
        }
    }

    /// URL Standard, host parsing: the last label decides, and an empty one behind it does not count.
    #[test]
    fn what_ends_in_a_number_is_an_address_as_it_is_written() {
        for host in [
            "2852039166",
            "0xa9fea9fe",
            "0XA9FEA9FE",
            "0x",
            "0251.0376.0251.0376",
            "169.254.43518",
            "169.254.169.254.",
            "a.1",
            "a.0x1",
            "1.2.3.256",
        ] {
            assert!(is_odd_address(host), "{host}");
        }
        for host in ["1.2.3.4", "::1", "a1", "1a", "1.example", "x0x1", "0xg", "a.0x1g", "", "a."] {
            assert!(!is_odd_address(host), "{host}");
        }
    }
}
