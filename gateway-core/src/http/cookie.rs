//! The `Cookie` header field (RFC 6265 §5.4).

use http::HeaderMap;
use http::header::COOKIE;

/// The value of the first cookie called `name`.
#[must_use]
pub fn first<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim_matches([' ', '\t']).split_once('='))
        .find(|(n, _)| *n == name)
        .map(|(_, value)| value)
}
