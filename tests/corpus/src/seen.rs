//! What was seen of an exchange.

use bytes::Bytes;

/// A response as the client saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Header fields, in order.
    pub headers: Vec<(String, String)>,
    /// The content.
    pub body: Bytes,
    /// Whether its framing said that it is not complete.
    pub cut: bool,
}

/// A request as an upstream saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// The upstream, by the authority in the case's configuration.
    pub to: String,
    /// The method.
    pub method: String,
    /// Path and query, byte for byte.
    pub path: String,
    /// Header fields, in order.
    pub headers: Vec<(String, String)>,
    /// The content.
    pub body: Bytes,
    /// Whether its framing said that it is not complete.
    pub cut: bool,
    /// The host that it really came to, if that is another than the case has.
    pub host: Option<String>,
}

/// The values of the fields called `name`, in order, without the spaces around them.
pub(crate) fn lines<'h>(headers: &'h [(String, String)], name: &str) -> Vec<&'h str> {
    headers
        .iter()
        .filter(|(n, _)| n.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim_matches([' ', '\t']))
        .collect()
}
