//! The origins that a cross-origin policy allows, serialised (HTML standard, "serialization of an origin").

use core::fmt::Arguments;
use std::net::Ipv6Addr;

use http::HeaderValue;

use crate::config::{THOROUGH, told};

/// The allowed origins.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins {
    /// Set if every origin is allowed.
    pub(crate) any: bool,
    /// Sorted, for a binary search.
    exact: Vec<Box<[u8]>>,
    patterns: Vec<Pattern>,
}

/// Origins of one scheme.
#[derive(Clone, Debug)]
struct Pattern {
    /// `https://`.
    scheme: Box<[u8]>,
    hosts: Hosts,
    ports: Ports,
}

#[derive(Clone, Debug)]
enum Hosts {
    /// `*`.
    Any,
    /// This one.
    One(Box<[u8]>),
    /// Those below a domain: `.example.com`.
    Ending(Box<[u8]>),
}

#[derive(Clone, Debug)]
enum Ports {
    /// `*`: any, and none.
    Any,
    /// This one, or none.
    One(Option<Box<[u8]>>),
}

/// An entry that is no origin.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OriginError {
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl Origins {
    /// Adds an entry: `*`, `null`, `scheme://host[:port]`, the same with `*.` before the host or `*` for the port, or
    /// `scheme://*`.
    pub(crate) fn add(&mut self, text: &str) -> Result<(), OriginError> {
        match text {
            "*" => self.any = true,
            "null" => self.insert(b"null"),
            _ => {
                let Entry { scheme, host, port } = check(text)?;
                let bytes = |text: &str| -> Box<[u8]> { text.as_bytes().into() };
                let hosts = match host.strip_prefix('*') {
                    Some("") => Hosts::Any,
                    Some(ending) => Hosts::Ending(bytes(ending)),
                    None if port != Some("*") => {
                        self.insert(text.as_bytes());
                        return Ok(());
                    }
                    None => Hosts::One(bytes(host)),
                };
                let ports = match (&hosts, port) {
                    (Hosts::Any, _) | (_, Some("*")) => Ports::Any,
                    (_, port) => Ports::One(port.map(bytes)),
                };
                self.patterns.push(Pattern { scheme: format!("{scheme}://").into_bytes().into(), hosts, ports });
            }
        }
        Ok(())
    }

    /// Returns whether the entry `text` allows origins of every host.
    pub(crate) fn is_any_host(text: &str) -> bool {
        text == "*" || text.split_once("://").is_some_and(|(_, host)| host == "*")
    }

    /// Returns whether scripts of `origin` may read responses.
    pub(crate) fn allow(&self, origin: &HeaderValue) -> bool {
        let origin = origin.as_bytes();
        self.any
            || self.exact.binary_search_by(|known| (**known).cmp(origin)).is_ok()
            || self.patterns.iter().any(|pattern| pattern.contains(origin))
    }

    fn insert(&mut self, origin: &[u8]) {
        if let Err(place) = self.exact.binary_search_by(|known| (**known).cmp(origin)) {
            self.exact.insert(place, origin.into());
        }
    }
}

impl Pattern {
    /// Nothing but a host and a port is let through, so that no path and no user makes another host look like an allowed one.
    fn contains(&self, origin: &[u8]) -> bool {
        let Some((host, port)) = origin.strip_prefix(&*self.scheme).and_then(split) else { return false };
        let host_fits = match &self.hosts {
            Hosts::Any => true,
            Hosts::One(known) => **known == *host,
            // One label or more before the domain.
            Hosts::Ending(ending) => host.strip_suffix(&**ending).is_some_and(|labels| !labels.is_empty()),
        };
        host_fits
            && match &self.ports {
                Ports::Any => true,
                Ports::One(known) => known.as_deref() == port,
            }
    }
}

/// The host and the port of an origin behind its scheme, if they are some.
fn split(authority: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let is_address = |b: &u8| b.is_ascii_digit() || matches!(b, b'a'..=b'f' | b':' | b'.');
    let (host, port) = match authority.strip_prefix(b"[") {
        Some(rest) => {
            let end = rest.iter().position(|b| *b == b']').filter(|end| *end > 0)?;
            rest.get(..end)?.iter().all(is_address).then_some(())?;
            authority.split_at_checked(end + 2)?
        }
        None => {
            let end = authority.iter().position(|b| *b == b':').unwrap_or(authority.len());
            let (host, port) = authority.split_at_checked(end)?;
            host.split(|b| *b == b'.').all(is_label).then_some((host, port))?
        }
    };
    match port {
        [] => Some((host, None)),
        [b':', digits @ ..] => {
            ((1..=5).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)).then_some((host, Some(digits)))
        }
        _ => None,
    }
}

fn is_label(label: &[u8]) -> bool {
    let inner = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    (1..=63).contains(&label.len()) && label.iter().all(inner)
}

/// The parts of an entry.
struct Entry<'t> {
    scheme: &'t str,
    /// Perhaps with `*.` before it, or `*`.
    host: &'t str,
    /// Perhaps `*`.
    port: Option<&'t str>,
}

/// Splits an entry into its parts, if a browser would ever send such an origin.
fn check(text: &str) -> Result<Entry<'_>, OriginError> {
    let error = |message: Arguments<'_>, help: Option<Arguments<'_>>| {
        Err(OriginError { message: told(message), help: help.map(told) })
    };
    if THOROUGH && is_expression(text) {
        let write = format_args!("write `{}` for all hosts below a domain, or list them one by one", subdomains(text));
        return error(format_args!("`{text}` is a regular expression, and an origin is none"), Some(write));
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        let is_host = !text.is_empty() && !text.contains([':', '/']);
        let help = format_args!("write `https://{text}`");
        return error(format_args!("`{text}` is no origin, which has a scheme and a host"), is_host.then_some(help));
    };
    let (authority, path) =
        rest.split_at_checked(rest.find(['/', '?', '#']).unwrap_or(rest.len())).unwrap_or((rest, ""));
    if !path.is_empty() {
        return error(
            format_args!("`{text}` has a path; an origin ends after its host"),
            Some(format_args!("write `{scheme}://{authority}`")),
        );
    }
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        return error(
            format_args!("`{text}` has capital letters, which browsers never send"),
            Some(format_args!("write `{}`", text.to_ascii_lowercase())),
        );
    }
    let scheme_rest = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.');
    if !scheme.starts_with(|c: char| c.is_ascii_lowercase()) || !scheme.bytes().all(scheme_rest) {
        return error(format_args!("`{text}` begins with no scheme"), Some(format_args!("begin with `https://`")));
    }
    let (host, port) = split_port(authority);
    if let Some(port) = port.filter(|port| *port != "*") {
        if !port.parse::<u16>().is_ok_and(|number| number > 0 && number.to_string() == port) {
            return error(format_args!("`{text}` has no valid port"), None);
        }
        if matches!((scheme, port), ("https", "443") | ("http", "80")) {
            return error(
                format_args!("`{text}` names the usual port, which browsers leave out"),
                Some(format_args!("write `{scheme}://{host}`")),
            );
        }
    }
    if host == "*" && port.is_none() {
        return Ok(Entry { scheme, host, port });
    }
    let name = match host.strip_prefix("*.") {
        // `*.com` would allow half the web.
        Some(name) if !name.contains('.') && name != "localhost" => {
            return error(
                format_args!("`{text}` allows far too many hosts"),
                Some(format_args!("name a domain after `*.`")),
            );
        }
        Some(name) => name,
        None => host,
    };
    let bracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let valid = match bracketed {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => name.len() <= 253 && name.as_bytes().split(|b| *b == b'.').all(is_label),
    };
    if !valid {
        let help = if name.contains('*') {
            Some(format_args!(
                "`*` may only be the whole first label or the port: `https://*.example.com`, `http://localhost:*`"
            ))
        } else if !name.is_ascii() {
            Some(format_args!("write the host in its `xn--` form"))
        } else {
            None
        };
        return error(format_args!("`{text}` has no valid host"), help);
    }
    Ok(Entry { scheme, host, port })
}

/// Returns whether `text` is meant as a regular expression.
fn is_expression(text: &str) -> bool {
    let is_between_slashes = text.len() > 1 && text.starts_with('/') && text.ends_with('/');
    text.starts_with(['^', '~'])
        || text.ends_with('$')
        || is_between_slashes
        || text.contains(['\\', '(', '|'])
        || [".*", ".+"].iter().any(|any| text.ends_with(any) || text.contains(&format!("//{any}")))
}

/// The entry for the hosts below the domain that the expression `text` ends with, or an example.
fn subdomains(text: &str) -> String {
    let plain = text.replace('\\', "");
    let plain = plain.trim_end_matches(['/', '$']);
    let (_, domain) = plain.rsplit_once(['*', '+', '?', ')', ']', '/']).unwrap_or(("", plain));
    let scheme = if plain.contains("http://") { "http" } else { "https" };
    let entry = format!("{scheme}://*.{}", domain.trim_start_matches('.'));
    if check(&entry).is_ok() { entry } else { "https://*.example.com".to_owned() }
}

/// Host and port; the colons of an IPv6 address are inside brackets.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(list: &[&str]) -> Origins {
        let mut origins = Origins::default();
        for text in list {
            origins.add(text).unwrap();
        }
        origins
    }

    fn allow(origins: &Origins, origin: &str) -> bool {
        origins.allow(&HeaderValue::from_str(origin).unwrap())
    }

    /// Fetch standard, "CORS check": origins are compared byte for byte.
    #[test]
    fn exact_origins_are_compared_as_they_are() {
        let origins = origins(&[
            "https://b.example",
            "https://a.example:8443",
            "http://[::1]:3000",
            "capacitor://localhost",
            "null",
        ]);
        for origin in
            ["https://b.example", "https://a.example:8443", "http://[::1]:3000", "capacitor://localhost", "null"]
        {
            assert!(allow(&origins, origin), "{origin}");
        }
        for origin in [
            "",
            "http://b.example",
            "https://b.example:443",
            "https://b.example.",
            "https://b.example/",
            "https://B.example",
            "https://a.example",
            "https://xb.example",
            "Null",
        ] {
            assert!(!allow(&origins, origin), "{origin}");
        }
    }

    #[test]
    fn subdomains_are_labels_before_the_domain() {
        let origins = origins(&["https://*.example.com", "http://*.localhost:3000"]);
        for origin in [
            "https://a.example.com",
            "https://a.b.example.com",
            "https://xn--1-a.example.com",
            "http://app.localhost:3000",
        ] {
            assert!(allow(&origins, origin), "{origin}");
        }
        for origin in [
            "https://example.com",
            "https://.example.com",
            "https://evilexample.com",
            "http://a.example.com",
            "https://a.example.com:8443",
            "https://a.example.com.evil.com",
            "https://evil.com/.example.com",
            "https://evil.com#.example.com",
            "https://user@.example.com",
            "https://evil.com:1.example.com",
            "https://a..example.com",
            "https://A.example.com",
            "http://app.localhost",
            "https://*.example.com",
        ] {
            assert!(!allow(&origins, origin), "{origin}");
        }
    }

    /// docs/configuration.md, Policies: `http://localhost:*`, `https://*`.
    #[test]
    fn a_star_stands_for_every_port_or_every_host() {
        let local = origins(&["http://localhost:*", "http://[::1]:*", "http://*.localhost:*"]);
        for origin in
            ["http://localhost", "http://localhost:3000", "http://[::1]:5173", "http://[::1]", "http://a.localhost:1"]
        {
            assert!(allow(&local, origin), "{origin}");
        }
        for origin in [
            "https://localhost:3000",
            "http://localhost:3000/",
            "http://localhost:",
            "http://localhost:a",
            "http://localhost:123456",
            "http://localhost:1@evil.example",
            "http://localhost.evil.example:1",
            "http://localhost:1:2",
            "http://[::1]evil.example",
            "http://[::2]:1",
        ] {
            assert!(!allow(&local, origin), "{origin}");
        }
        let secure = origins(&["https://*"]);
        for origin in ["https://a.example", "https://a.example:8443", "https://[2001:db8::1]:8443", "https://localhost"]
        {
            assert!(allow(&secure, origin), "{origin}");
        }
        for origin in ["http://a.example", "null", "https://", "https://a.example/", "https://a@b", "https://[::1"] {
            assert!(!allow(&secure, origin), "{origin}");
        }
    }

    const STAR: &str =
        "`*` may only be the whole first label or the port: `https://*.example.com`, `http://localhost:*`";

    #[test]
    fn what_no_browser_sends_is_refused_with_help() {
        for (text, help) in [
            ("example.com", Some("write `https://example.com`")),
            ("https://example.com/", Some("write `https://example.com`")),
            ("https://example.com/app?x", Some("write `https://example.com`")),
            ("https://Example.com", Some("write `https://example.com`")),
            ("https://example.com:443", Some("write `https://example.com`")),
            ("http://example.com:80", Some("write `http://example.com`")),
            ("https://*.com", Some("name a domain after `*.`")),
            ("https://api.*.com", Some(STAR)),
            ("https://a*.example.com", Some(STAR)),
            ("https://*:8443", Some(STAR)),
            ("https://münchen.example", Some("write the host in its `xn--` form")),
            ("1http://example.com", Some("begin with `https://`")),
            ("https://", None),
            ("https://user@example.com", None),
            ("https://example.com:0", None),
            ("https://example.com:080", None),
            ("https://example.com:99999", None),
            ("https://[::1", None),
            ("https://a..b", None),
            ("", None),
        ] {
            assert_eq!(Origins::default().add(text).unwrap_err().help.as_deref(), help, "{text}");
        }
    }
}
