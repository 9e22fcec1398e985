//! Patterns of hosts.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv6Addr;

/// A pattern of the hosts that a route takes. Ports do not count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// This one, in its canonical form.
    Exact(Box<str>),
    /// The subdomains of this one, however deep, but not itself: `*.example.com` (Gateway API, `Hostname`).
    Subdomains(Box<str>),
    /// Every host, and requests without one.
    #[default]
    Any,
}

/// A reason why text is not a host, or not a pattern of hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostError {
    /// An empty text.
    Empty,
    /// Over 253 characters, or a label over 63 (RFC 1035 §2.3.4).
    TooLong,
    /// Two dots in a row, or one at the beginning.
    EmptyLabel,
    /// `*` elsewhere than as the whole first label.
    Wildcard,
    /// A character beyond ASCII: such names are written in their ASCII form, `xn--…` (RFC 5890 §2.3.2.1).
    NonAscii,
    /// A character that no host name has.
    Character(char),
    /// `[…]` without an IPv6 address in it (RFC 3986 §3.2.2).
    Ipv6,
    /// A port that is not a number up to 65535.
    Port,
    /// A URL or a path, not a host.
    Url,
}

impl HostPattern {
    /// Reads `api.example.com`, `*.example.com`, `[2001:db8::1]`, or `*` for every host. Case, a port and a dot at the end
    /// do not count.
    ///
    /// # Errors
    /// A `text` that no host can match.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        if text == "*" {
            return Ok(Self::Any);
        }
        match text.strip_prefix("*.") {
            Some(parent) if parent.starts_with('[') => Err(HostError::Wildcard),
            Some(parent) => canonical(parent).map(|host| Self::Subdomains(host.into())),
            None => canonical(text).map(|host| Self::Exact(host.into())),
        }
    }

    /// Returns whether the pattern takes `host`, which is in its canonical form.
    #[must_use]
    pub fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(name) => **name == *host,
            Self::Subdomains(parent) => host
                .strip_suffix(&**parent)
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|labels| !labels.is_empty()),
            Self::Any => true,
        }
    }

    /// Returns whether some host is taken by this and by `other`.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.matches(&other.example()) || other.matches(&self.example())
    }

    /// Higher is more specific: exact, then the longer suffix, then any.
    pub(super) fn specificity(&self) -> (u8, usize) {
        match self {
            Self::Exact(_) => (2, 0),
            Self::Subdomains(parent) => (1, parent.len()),
            Self::Any => (0, 0),
        }
    }

    /// One host that it takes.
    pub(super) fn example(&self) -> String {
        match self {
            Self::Exact(name) => name.to_string(),
            Self::Subdomains(parent) => format!("a.{parent}"),
            Self::Any => "example.com".to_owned(),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Subdomains(parent) => write!(f, "*.{parent}"),
            Self::Any => f.write_str("*"),
        }
    }
}

/// The canonical form of the host in `authority` (`Host`, `:authority`): lower case, without port, without the dot at the
/// end, IPv6 addresses as RFC 5952 has them. Names that are canonical already are returned as they are.
///
/// # Errors
/// An `authority` that names no host: a bad request (RFC 9112 §3.2).
pub fn canonical(authority: &str) -> Result<Cow<'_, str>, HostError> {
    if is_canonical(authority.as_bytes()) {
        return Ok(Cow::Borrowed(authority));
    }
    canonicalise(authority)
}

#[inline(never)]
fn canonicalise(authority: &str) -> Result<Cow<'_, str>, HostError> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (address, port) = rest.split_once(']').ok_or(HostError::Ipv6)?;
        match port.strip_prefix(':') {
            Some(port) => check_port(port)?,
            None if port.is_empty() => {}
            None => return Err(HostError::Ipv6),
        }
        let address: Ipv6Addr = address.parse().map_err(|_| HostError::Ipv6)?;
        return Ok(Cow::Owned(format!("[{address}]")));
    }
    let name = match authority.split_once(':') {
        Some((_, rest)) if rest.contains('/') => return Err(HostError::Url),
        Some((name, port)) => {
            check_port(port)?;
            name
        }
        None => authority,
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    check_name(name)?;
    Ok(if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    })
}

/// Returns whether `name` is in its canonical form. Nearly all are, and one pass that looks for nothing else finds out.
pub(crate) fn is_canonical(name: &[u8]) -> bool {
    let mut label = 0;
    for byte in name {
        label = match byte {
            _ if is_in_label(*byte) => label + 1,
            b'.' if (1..=63).contains(&label) => 0,
            _ => return false,
        };
    }
    (1..=63).contains(&label) && name.len() <= 253
}

/// Returns whether a label in its canonical form may have `byte`.
#[expect(clippy::indexing_slicing, reason = "there are 256 bytes")]
const fn is_in_label(byte: u8) -> bool {
    const IN_LABEL: [bool; 256] = {
        let mut table = [false; 256];
        let mut byte = 0_u8;
        while byte < 128 {
            table[byte as usize] = matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
            byte += 1;
        }
        table
    };
    IN_LABEL[byte as usize]
}

/// RFC 3986 §3.2.3: digits, or nothing.
fn check_port(port: &str) -> Result<(), HostError> {
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    if digits && (port.is_empty() || port.parse::<u16>().is_ok()) { Ok(()) } else { Err(HostError::Port) }
}

/// Labels of letters, digits, `-` and the `_` that internal names have.
fn check_name(name: &str) -> Result<(), HostError> {
    if name.is_empty() {
        return Err(HostError::Empty);
    }
    let mut label = 0;
    for byte in name.bytes() {
        label = match byte {
            b'.' if label == 0 => return Err(HostError::EmptyLabel),
            b'.' => 0,
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => label + 1,
            b'*' => return Err(HostError::Wildcard),
            b'/' => return Err(HostError::Url),
            0x80.. => return Err(HostError::NonAscii),
            _ => return Err(HostError::Character(char::from(byte))),
        };
        if label > 63 {
            return Err(HostError::TooLong);
        }
    }
    match label {
        0 => Err(HostError::EmptyLabel),
        _ if name.len() > 253 => Err(HostError::TooLong),
        _ => Ok(()),
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the host is empty"),
            Self::TooLong => f.write_str("the host is too long"),
            Self::EmptyLabel => f.write_str("the host has an empty label"),
            Self::Wildcard => f.write_str("`*` stands for whole labels at the beginning of a host only"),
            Self::NonAscii => f.write_str("the host is not in its ASCII form"),
            Self::Character(c) => write!(f, "the host has a {c:?} in it"),
            Self::Ipv6 => f.write_str("the host is no IPv6 address in brackets"),
            Self::Port => f.write_str("the port is no number up to 65535"),
            Self::Url => f.write_str("the host has a path or a scheme"),
        }
    }
}

impl std::error::Error for HostError {}

impl HostError {
    /// The way to mend it.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Wildcard => "write `*.example.com` for all subdomains of `example.com`",
            Self::NonAscii => "write the name as `xn--…`",
            Self::Ipv6 => "write it as `[2001:db8::1]`",
            _ => "write only the name, such as `api.example.com`",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_have_one_canonical_form() {
        let table = [
            ("api.example.com", "api.example.com"),
            ("API.Example.COM", "api.example.com"),
            ("api.example.com.", "api.example.com"),
            ("api.example.com:8080", "api.example.com"),
            ("api.example.com.:8080", "api.example.com"),
            ("localhost:", "localhost"),
            ("127.0.0.1:80", "127.0.0.1"),
            ("[2001:DB8:0::1]:443", "[2001:db8::1]"),
            ("[::1]", "[::1]"),
            ("my_service", "my_service"),
        ];
        for (raw, host) in table {
            assert_eq!(canonical(raw).as_deref(), Ok(host), "{raw}");
        }
        assert!(matches!(canonical("api.example.com:80"), Ok(Cow::Borrowed(_))));
    }

    #[test]
    fn what_is_no_host_is_refused() {
        let table = [
            ("", HostError::Empty),
            (".", HostError::Empty),
            ("a..b", HostError::EmptyLabel),
            (".a", HostError::EmptyLabel),
            ("a..", HostError::EmptyLabel),
            ("a b", HostError::Character(' ')),
            ("user@a", HostError::Character('@')),
            ("café.fr", HostError::NonAscii),
            ("a:b", HostError::Port),
            ("a:65536", HostError::Port),
            ("a:+80", HostError::Port),
            ("::1", HostError::Port),
            ("[::1", HostError::Ipv6),
            ("[::1]x", HostError::Ipv6),
            ("[nope]", HostError::Ipv6),
            ("https://a", HostError::Url),
            ("a/b", HostError::Url),
        ];
        for (raw, error) in table {
            assert_eq!(canonical(raw), Err(error), "{raw}");
        }
        assert_eq!(canonical(&"a".repeat(64)), Err(HostError::TooLong));
        assert_eq!(canonical(&"a.".repeat(127)), Ok("a.".repeat(127).trim_end_matches('.').into()));
        assert_eq!(canonical(&"a.".repeat(128)), Err(HostError::TooLong));
    }

    #[test]
    fn patterns_take_what_they_name() {
        let table = [
            ("api.example.com", "api.example.com", true),
            ("API.example.com.:80", "api.example.com", true),
            ("api.example.com", "x.api.example.com", false),
            // Gateway API, Hostname: a wildcard matches one or more labels.
            ("*.example.com", "api.example.com", true),
            ("*.example.com", "x.api.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "badexample.com", false),
            ("*", "anything", true),
            ("*", "", true),
        ];
        for (pattern, host, expected) in table {
            assert_eq!(HostPattern::parse(pattern).unwrap().matches(host), expected, "{pattern} {host}");
        }
        for pattern in ["a.*.com", "*a.com", "**.com", "*.*.com", "*.[::1]"] {
            assert_eq!(HostPattern::parse(pattern), Err(HostError::Wildcard), "{pattern}");
        }
        assert_eq!(HostPattern::parse("*."), Err(HostError::Empty));
    }
}
