//! Upstreams that are a listener of the gateway itself.

use std::net::IpAddr;

use http::Uri;
use http::uri::Authority;

use crate::config::{Config, ConfigError, JsonPath, ListenAt};
use crate::plan::DEFAULT_LISTEN;

/// Warns of each upstream at whose URL the native server itself listens.
pub(super) fn warnings(config: &Config, found: &mut Vec<ConfigError>) {
    let listen = config.server.listen.as_ref();
    let listeners: Vec<(&str, u16)> = match listen {
        Some(listen) => listen.list().iter().filter_map(|at| split(address(at))).collect(),
        None => split(DEFAULT_LISTEN).into_iter().collect(),
    };
    for (name, upstream) in config.upstreams.iter() {
        let at = JsonPath::root().member("upstreams").member(name);
        let one = upstream.url.iter().map(|url| (at.member("url"), url));
        let several = upstream.urls.iter().enumerate().map(|(index, url)| (at.member("urls").index(index), url));
        for (at, url) in one.chain(several) {
            let Some((host, port)) = called(url) else { continue };
            if listeners.iter().any(|(listener, listens)| *listens == port && is_at(listener, &host)) {
                let message = "the gateway itself listens there: requests come back to it until 508 ends it";
                let help = match listen {
                    Some(_) => "write the address of the service, or let the gateway listen on another port".to_owned(),
                    None => format!(
                        "write the address of the service, or give `server.listen` another than `{DEFAULT_LISTEN}`"
                    ),
                };
                found.push(ConfigError::new(at, message).with_help(help));
            }
        }
    }
}

/// The address of a listener.
fn address(at: &ListenAt) -> &str {
    match at {
        ListenAt::Address(address) => address,
        ListenAt::With(listener) => &listener.address,
    }
}

/// Host and port of an address; none of a socket, or of a port that is not known.
fn split(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    Some((host, port.parse().ok().filter(|port| *port != 0)?))
}

/// Host and port that are called for `url`.
fn called(url: &str) -> Option<(String, u16)> {
    let url: Uri = url.parse().ok()?;
    let default = match url.scheme_str()? {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let port = url.authority().map(Authority::port_u16)?.unwrap_or(default);
    Some((url.host()?.to_ascii_lowercase(), port))
}

/// Returns whether a connection to `host` gets to a listener on the host `listener`, if the port is right.
///
/// A listener on one loopback address leaves the port free on the others. Linux takes the unspecified address for the loopback.
fn is_at(listener: &str, host: &str) -> bool {
    let is_loopback = |four: bool| {
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        address.is_ok_and(|address| address.is_ipv4() == four && (address.is_loopback() || address.is_unspecified()))
    };
    let is_local = host == "localhost";
    match listener.to_ascii_lowercase().as_str() {
        "0.0.0.0" => is_local || is_loopback(true),
        "[::]" | "localhost" => is_local || is_loopback(true) || is_loopback(false),
        "127.0.0.1" => is_local || host == "127.0.0.1" || host == "0.0.0.0",
        "[::1]" => is_local || is_loopback(false),
        listener => listener == host,
    }
}
