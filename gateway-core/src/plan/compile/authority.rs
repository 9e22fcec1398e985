//! An address to listen on or to connect to: `host:port`.

use std::net::{Ipv4Addr, Ipv6Addr};

/// `host`, `host:port`, `[address]` or `[address]:port`; the host may be empty, and the port anything.
pub(super) struct Authority<'t> {
    pub(super) host: &'t str,
    pub(super) port: Option<&'t str>,
}

impl<'t> Authority<'t> {
    /// Parses an authority; `None` if the host is neither a name nor an address.
    pub(super) fn parse(text: &'t str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix('[') {
            let (host, rest) = rest.split_once(']')?;
            host.parse::<Ipv6Addr>().ok()?;
            let port = if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) };
            return Some(Self { host, port });
        }
        let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
        let is_name = host.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'_'));
        // A host that ends in a number is an address or invalid (URL Standard, host parsing).
        let is_numeric = host.ends_with(|c: char| c.is_ascii_digit()) && host.bytes().all(|c| !c.is_ascii_alphabetic());
        (is_name && (!is_numeric || host.parse::<Ipv4Addr>().is_ok())).then_some(Self { host, port })
    }

    /// Returns whether the host is `0.0.0.0` or `[::]`.
    pub(super) fn is_every_address(&self) -> bool {
        self.host.parse() == Ok(Ipv4Addr::UNSPECIFIED) || self.host.parse() == Ok(Ipv6Addr::UNSPECIFIED)
    }
}
