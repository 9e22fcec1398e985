//! The entries of `allowed_outbound_hosts` in a `spin.toml`.

/// Returns whether one of `entries` allows a connection to `scheme://host:port`. An entry with a variable may allow anything.
pub(super) fn allow(entries: &[String], scheme: &str, host: &str, port: u16) -> bool {
    entries.iter().any(|entry| allows(entry, scheme, host, port).unwrap_or(true))
}

/// Returns whether `entry` allows it; `None` where that can't be known.
fn allows(entry: &str, scheme: &str, host: &str, port: u16) -> Option<bool> {
    if entry.contains("{{") {
        return None;
    }
    let Some((its_scheme, rest)) = entry.split_once("://") else { return Some(false) };
    let authority = rest.trim_end_matches('/');
    let (its_host, its_port) = match authority.rsplit_once(':') {
        Some((its_host, its_port)) if !its_port.ends_with(']') => (its_host, Some(its_port)),
        _ => (authority, None),
    };
    let is_scheme = its_scheme == "*" || its_scheme.eq_ignore_ascii_case(scheme);
    // The default port is that of the entry's scheme.
    let is_port = match its_port {
        Some("*") => true,
        Some(range) => match range.split_once("..") {
            Some((from, to)) => {
                from.parse().is_ok_and(|from: u16| from <= port) && to.parse().is_ok_and(|to: u16| port < to)
            }
            None => range.parse() == Ok(port),
        },
        None => default_port(its_scheme) == Some(port),
    };
    Some(is_scheme && is_port && is_host(its_host.trim_matches(['[', ']']), host)?)
}

fn is_host(pattern: &str, host: &str) -> Option<bool> {
    let host = host.to_ascii_lowercase();
    let pattern = pattern.to_ascii_lowercase();
    match pattern.strip_prefix('*') {
        Some("") => Some(true),
        Some(suffix) => Some(host.ends_with(suffix)),
        // A network, `10.0.0.0/8`: whether an address is in it is Spin's to say.
        None if pattern.contains('/') && host.parse::<std::net::IpAddr>().is_ok() => None,
        None => Some(pattern == host),
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        "redis" => Some(6379),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spin's documentation, "Granting network permissions".
    #[test]
    fn an_entry_allows_what_it_covers() {
        let allowed = |entry: &str, scheme: &str, host: &str, port: u16| allow(&[entry.to_owned()], scheme, host, port);
        for (entry, is_allowed) in [
            ("http://users.internal:8080", true),
            ("http://USERS.internal:8080", true),
            ("http://*:8080", true),
            ("*://*:*", true),
            ("http://*.internal:8000..9000", true),
            ("http://{{ host }}:8080", true),
            ("http://users.internal", false),
            ("https://users.internal:8080", false),
            ("http://*.internal:8000..8080", false),
            ("http://other.internal:8080", false),
            ("users.internal:8080", false),
        ] {
            assert_eq!(allowed(entry, "http", "users.internal", 8080), is_allowed, "{entry}");
        }
        assert!(allowed("https://example.com", "https", "example.com", 443));
        assert!(allowed("http://[::1]:80", "http", "::1", 80));
        assert!(allowed("http://10.0.0.0/8:80", "http", "10.1.2.3", 80), "Spin says which addresses these are");
        assert!(!allowed("http://*.spin.internal", "http", "users.internal", 80));
        assert!(allowed("http://*.spin.internal", "http", "users.spin.internal", 80));
    }
}
