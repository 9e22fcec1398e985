//! Warnings about what the configuration shows to everybody.

use std::net::IpAddr;

use http::uri::Authority;

use crate::config::{Config, ConfigError, JsonPath};

/// Warns of admin endpoints that whoever reaches the machine may read: their listener asks for no token.
pub(super) fn warnings(config: &Config, found: &mut Vec<ConfigError>) {
    let Some(written) = &config.server.admin else { return };
    let Ok(authority) = written.parse::<Authority>() else { return };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    // A name may stand for any address.
    let Ok(address) = host.parse::<IpAddr>() else { return };
    let message = if address.is_unspecified() {
        format!("`{written}` opens the admin endpoints to every network of the machine, without a token")
    } else if is_public(address) {
        format!("`{written}` opens the admin endpoints to the Internet, without a token")
    } else {
        return;
    };
    let help =
        "write the port alone for this machine, or an address of an inside network; `admin` opens them with a token";
    found.push(ConfigError::new(JsonPath::root().member("server").member("admin"), message).with_help(help));
}

/// Returns whether anybody may reach `address`: it is neither of this machine nor of an inside network (RFC 1918, 4193, 6598).
pub(super) fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            let is_shared = first == 100 && (64..128).contains(&second);
            !(address.is_loopback() || address.is_private() || address.is_link_local() || is_shared)
        }
        IpAddr::V6(address) => !(address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()),
    }
}
