//! The place of an issuer's keys: in the configuration, or where the issuer publishes them.

use http::Uri;

use crate::jose::algorithm::Algorithm;
use crate::jose::set::KeySet;
use crate::net::Scheme;
use crate::store_key::StoreKey;

/// The keys of an issuer.
#[derive(Debug)]
pub enum Keys {
    /// Those that the configuration states.
    Stated(KeySet),
    /// Those that the issuer publishes.
    Published(Box<KeySource>),
}

/// A source of keys.
#[derive(Debug)]
pub struct KeySource {
    /// Its index among the sources of the plan.
    pub index: usize,
    /// Its identity, which is also where the key-value store keeps its keys.
    pub id: StoreKey,
    /// The place that is asked.
    pub place: Location,
    /// The document that says where the set is, if `place` is that document's.
    pub document: Option<Document>,
    /// The algorithms that are taken; empty for those that the keys state.
    pub algorithms: Box<[Algorithm]>,
}

/// A document of OpenID Connect Discovery 1.0 §3.
#[derive(Debug)]
pub struct Document {
    /// The issuer that it has to be of.
    pub issuer: Box<str>,
    /// The origins at which the set may be.
    pub origins: Box<[Origin]>,
}

/// A resource of an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The index of the upstream in [`Plan::upstreams`](crate::plan::Plan::upstreams).
    pub upstream: usize,
    /// Its path, with the query if it has one.
    pub path: Box<str>,
}

/// An origin (RFC 6454 §4), and the upstream that stands for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The scheme.
    pub scheme: Scheme,
    /// The host in small letters; an IPv6 address without brackets.
    pub host: Box<str>,
    /// The port.
    pub port: u16,
    /// The index of the upstream.
    pub upstream: usize,
}

impl Document {
    /// The place of `url`, if that is at one of the origins.
    #[must_use]
    pub fn locate(&self, url: &str) -> Option<Location> {
        let (scheme, host, port, path) = parts(url)?;
        let is_at = |origin: &&Origin| origin.scheme == scheme && origin.port == port && *origin.host == *host;
        let origin = self.origins.iter().find(is_at)?;
        Some(Location { upstream: origin.upstream, path: path.into() })
    }
}

/// The scheme, the host in small letters, the port and the rest of an absolute `url` of HTTP. `None` for every other text, and for a
/// URL with credentials or a fragment.
#[must_use]
pub fn parts(url: &str) -> Option<(Scheme, String, u16, String)> {
    if url.contains('#') || !url.is_ascii() {
        return None;
    }
    let uri: Uri = url.parse().ok()?;
    let scheme = match uri.scheme_str()? {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        _ => return None,
    };
    let authority = uri.authority()?;
    let written = authority.host();
    let has_port = authority.as_str().len() > written.len();
    let port = match authority.port_u16() {
        Some(0) => return None,
        Some(port) => port,
        // Credentials, or a port that is none.
        None if has_port => return None,
        None => scheme.default_port(),
    };
    if authority.as_str().contains('@') || written.is_empty() {
        return None;
    }
    let host = written.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    Some((scheme, host, port, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6454 §4: an origin is scheme, host and port. OpenID Connect Discovery 1.0 §3: `jwks_uri` may be anywhere, so the
    /// configuration says where it may be.
    #[test]
    fn a_set_is_at_one_of_the_origins() {
        let origin = |host: &str, port, upstream| Origin { scheme: Scheme::Https, host: host.into(), port, upstream };
        let document = Document {
            issuer: "https://id.test".into(),
            origins: [origin("id.test", 443, 1), origin("keys.test", 8443, 2), origin("::1", 443, 3)].into(),
        };
        let at = |upstream, path: &str| Some(Location { upstream, path: path.into() });
        for (url, location) in [
            ("https://id.test/keys?v=1", at(1, "/keys?v=1")),
            ("https://ID.test:443/keys", at(1, "/keys")),
            ("https://keys.test:8443", at(2, "/")),
            ("https://keys.test:8443?a", at(2, "/?a")),
            ("https://[::1]/k", at(3, "/k")),
            ("http://id.test/keys", None),
            ("https://keys.test/keys", None),
            ("https://id.test:8443/keys", None),
            ("https://id.test.evil.test/keys", None),
            ("https://id.test@evil.test/keys", None),
            ("https://evil.test@id.test/keys", None),
            ("https://id.test:0/keys", None),
            ("https://id.test:x/keys", None),
            ("https://id.test/keys#f", None),
            ("//id.test/keys", None),
            ("/keys", None),
            ("file:///keys", None),
            ("https://169.254.169.254/", None),
            ("", None),
        ] {
            assert_eq!(document.locate(url), location, "{url}");
        }
    }
}
