//! The client's address, and what the upstream is told of it: `X-Forwarded-*` and `Forwarded` (RFC 7239).
//!
//! Only what a trusted proxy says is believed. From anybody else all of these fields are dropped before anything looks at them,
//! in every spelling that a backend might fold into them, and made anew. `X-Forwarded-For`, `-Host` and `-Proto` are always sent, because those are
//! what upstreams read. `Forwarded` is never begun, only continued where a trusted proxy has begun it: an upstream that reads
//! both then never finds them to contradict.

use std::net::IpAddr;

use http::header::FORWARDED;
use http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;

use super::address::{AddressText, parse_network};
use super::forwarded_element::{Element, parse_elements, parse_node};
use super::names::{Filter, Slot, after, are_aliases};
use super::peer::Peer;
use super::proxy_status::is_tchar;
use super::reverse;
use crate::net::Scheme;

/// `X-Forwarded-For`.
pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// `X-Forwarded-Host`.
pub const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
/// `X-Forwarded-Proto`.
pub const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// `X-Forwarded-Prefix`.
pub(crate) const X_FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");
/// `X-Forwarded-Port`.
pub const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

/// The entry of a list of proxies that stands for all connections over Unix sockets.
pub(crate) const UNIX: &str = "unix:";

/// The networks whose `Forwarded` and `X-Forwarded-*` are believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    /// Set if whoever connects over a Unix socket is one.
    unix: bool,
}

/// The client as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientInfo {
    /// The address; `None` if the platform does not tell it, a trusted proxy hides it, or trusted fields contradict.
    pub address: Option<IpAddr>,
    /// The scheme of the client's own connection.
    pub scheme: Scheme,
    /// The host that the client asked for, if a trusted proxy states it; else `Host` says it.
    pub host: Option<HeaderValue>,
    /// The port that the client asked for, if a trusted proxy states it apart from the host.
    pub port: Option<u16>,
    /// The beginning of the path that the client asked for and a trusted proxy has cut off, without a slash at its end.
    pub prefix: Option<Box<str>>,
}

impl TrustedProxies {
    /// Returns whether nobody is trusted.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.networks.is_empty() && !self.unix
    }

    /// Reads addresses (`10.0.0.1`) and networks (`10.0.0.0/8`, `fd00::/8`); v4-mapped IPv6 counts as IPv4; and
    /// `unix:`, all connections over Unix sockets.
    ///
    /// # Errors
    /// The index of each entry that is neither, with a message.
    pub fn parse(entries: &[String]) -> Result<Self, Vec<(usize, String)>> {
        let mut networks = Vec::with_capacity(entries.len());
        let mut errors = Vec::new();
        let mut unix = false;
        for (index, text) in entries.iter().enumerate() {
            if text == UNIX {
                unix = true;
                continue;
            }
            match parse_network(text) {
                Ok(network) => networks.push(network),
                Err(message) => errors.push((index, message)),
            }
        }
        if errors.is_empty() { Ok(Self { networks, unix }) } else { Err(errors) }
    }

    /// Returns whether `address` is a trusted proxy's.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        !self.networks.is_empty() && {
            let address = address.to_canonical();
            self.networks.iter().any(|network| network.contains(&address))
        }
    }

    /// Returns whether `peer` is a trusted proxy.
    #[must_use]
    pub fn trusts(&self, peer: &Peer) -> bool {
        match peer.address() {
            Some(address) => self.contains(address),
            None => self.unix && peer.is_over_unix_socket(),
        }
    }

    /// The client at the other end: the peer itself, or what the trusted proxies between say.
    ///
    /// The chain is read from its end: the first address that is no trusted proxy's is the client's. A proxy that hides the
    /// address (`unknown`, `_hidden`; RFC 7239 §6) or writes none ends the search without one. Where `Forwarded` and
    /// `X-Forwarded-For` give different clients, one of them was forged past a proxy that speaks only the other, and
    /// neither is believed.
    #[must_use]
    pub fn client(&self, headers: &HeaderMap, peer: &Peer) -> ClientInfo {
        let own = ClientInfo {
            address: peer.address().map(|a| a.to_canonical()),
            scheme: peer.scheme(),
            host: None,
            port: None,
            prefix: None,
        };
        if !self.trusts(peer) {
            return own;
        }
        let forwarded = headers.contains_key(FORWARDED).then(|| self.by_forwarded(headers, &own));
        let x_forwarded = headers.contains_key(X_FORWARDED_FOR).then(|| self.by_x_forwarded_for(headers, &own));
        match (forwarded, x_forwarded) {
            (Some(forwarded), Some(x_forwarded)) if forwarded.address == x_forwarded.address => forwarded,
            (Some(_), Some(_)) => ClientInfo { address: None, ..own },
            (Some(client), None) | (None, Some(client)) => client,
            (None, None) => Self::with_x_forwarded_host_and_proto(headers, own),
        }
    }

    /// Removes what claims to know the client and is not believed, before anything can read it: all of it from an untrusted
    /// peer; from a trusted one, other spellings, and addresses that contradict the chain. `client` is what
    /// [`TrustedProxies::client`] made of the same `headers`.
    pub fn drop_unbelieved(&self, headers: &mut HeaderMap, peer: &Peer, client: &ClientInfo) {
        let trusted = self.trusts(peer);
        let must_go = |name: &HeaderName, value: &HeaderValue| match claim(name.as_str()) {
            None => false,
            Some(Claim::Other) => !trusted,
            Some(Claim::Alias) => true,
            Some(Claim::Address) => {
                !trusted || client.address.is_none() || parse_node(value.as_bytes()) != client.address
            }
            // Nobody knows, or they contradict: none of them is believed.
            Some(Claim::Chain) => !trusted || client.address.is_none(),
        };
        let names: Vec<HeaderName> =
            headers.iter().filter(|(name, value)| must_go(name, value)).map(|(name, _)| name.clone()).collect();
        for name in names {
            headers.remove(name);
        }
    }

    /// Tells the upstream of the client, in `headers` without what [`TrustedProxies::drop_unbelieved`] drops; `client` is
    /// what [`TrustedProxies::client`] made of them, and `original_host` the host that the client sent.
    pub fn announce(
        &self,
        headers: &mut HeaderMap,
        peer: &Peer,
        client: &ClientInfo,
        original_host: Option<&HeaderValue>,
    ) {
        if self.trusts(peer) {
            continue_chain(headers, peer, client, original_host);
        } else if let Some(address) = peer.text() {
            headers.insert(X_FORWARDED_FOR, address.clone());
        }
        match client.host.as_ref().or(original_host) {
            Some(host) => headers.insert(X_FORWARDED_HOST, host.clone()),
            None => headers.remove(X_FORWARDED_HOST),
        };
        headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(client.scheme.as_str()));
    }

    fn by_forwarded(&self, headers: &HeaderMap, own: &ClientInfo) -> ClientInfo {
        let unknown = ClientInfo { address: None, ..own.clone() };
        let Some(elements) = parse_elements(headers.get_all(FORWARDED).iter().map(HeaderValue::as_bytes)) else {
            return unknown;
        };
        let mut client = own.clone();
        for element in elements.iter().rev() {
            client = element_client(element, own);
            match client.address {
                Some(address) if self.contains(address) => {}
                _ => break,
            }
        }
        client
    }

    fn by_x_forwarded_for(&self, headers: &HeaderMap, own: &ClientInfo) -> ClientInfo {
        let mut client = own.clone();
        let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
        for text in lines.flat_map(|line| line.as_bytes().rsplit(|b| *b == b',')).map(<[u8]>::trim_ascii) {
            if text.is_empty() {
                continue;
            }
            client.address = parse_node(text);
            match client.address {
                Some(address) if self.contains(address) => {}
                _ => break,
            }
        }
        Self::with_x_forwarded_host_and_proto(headers, client)
    }

    /// Scheme and host by `X-Forwarded-Proto` and `-Host`: of several, the last, which the nearest proxy wrote.
    fn with_x_forwarded_host_and_proto(headers: &HeaderMap, mut client: ClientInfo) -> ClientInfo {
        if let Some(scheme) = last_member(headers, &X_FORWARDED_PROTO).and_then(|text| scheme(&text)) {
            client.scheme = scheme;
        }
        client.host = last_member(headers, &X_FORWARDED_HOST).and_then(|text| host(&text));
        client.prefix = last_member(headers, &X_FORWARDED_PREFIX)
            .and_then(|text| str::from_utf8(&text).ok().and_then(reverse::prefix).map(Box::from));
        client.port = last_member(headers, &X_FORWARDED_PORT).and_then(|text| str::from_utf8(&text).ok()?.parse().ok());
        client
    }
}

fn element_client(element: &Element, own: &ClientInfo) -> ClientInfo {
    ClientInfo {
        address: element.r#for.as_deref().and_then(parse_node),
        scheme: element.proto.as_deref().and_then(scheme).unwrap_or(own.scheme),
        host: element.host.as_deref().and_then(host),
        port: None,
        prefix: None,
    }
}

fn last_member(headers: &HeaderMap, name: &HeaderName) -> Option<Vec<u8>> {
    let line = headers.get_all(name).iter().next_back()?;
    line.as_bytes().rsplit(|b| *b == b',').map(<[u8]>::trim_ascii).find(|text| !text.is_empty()).map(<[u8]>::to_vec)
}

fn scheme(text: &[u8]) -> Option<Scheme> {
    if text.eq_ignore_ascii_case(b"https") {
        Some(Scheme::Https)
    } else if text.eq_ignore_ascii_case(b"http") {
        Some(Scheme::Http)
    } else {
        None
    }
}

/// A host with or without port, as far as its characters go (RFC 3986 §3.2.2).
fn host(text: &[u8]) -> Option<HeaderValue> {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    if text.is_empty() || text.len() > 262 || !text.iter().all(plain) {
        return None;
    }
    HeaderValue::from_bytes(text).ok()
}

/// The fields in which proxies tell of clients; first those of one address, last the beginning of a family.
///
/// `X-Original-URL` and `X-Rewrite-URL` make some frameworks route by them, past what the gateway matched.
pub(crate) const CLAIMS: [&str; 23] = [
    "x-real-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "fastly-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "client-ip",
    "cf-connecting-ipv6",
    "fly-client-ip",
    "x-appengine-user-ip",
    "x-azure-clientip",
    "x-envoy-external-address",
    "x-nf-client-connection-ip",
    "x-originating-ip",
    "x-true-client-ip",
    "forwarded",
    "forwarded-for",
    "x-original-url",
    "x-rewrite-url",
    "x-original-host",
    "x-original-forwarded-for",
    "x-vercel-forwarded-for",
    FAMILY,
];

/// The beginning of the names of all `X-Forwarded-*`, and a name itself.
const FAMILY: &str = "x-forwarded";

/// The number of [`CLAIMS`] that hold one address.
const ADDRESSES: usize = 15;

/// The members of the family that are read, or that many upstreams read: from them, other spellings are kept apart.
const MEMBERS: [&str; 5] =
    ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port", "x-forwarded-prefix"];

/// Returns whether a field of this name tells of clients.
pub(crate) fn is_claim(name: &str) -> bool {
    claim(name).is_some()
}

/// A claim of a field about the client.
#[derive(Clone, Copy)]
enum Claim {
    /// The client's address, in a field of one address.
    Address,
    /// The addresses of the client and of proxies between.
    Chain,
    /// Anything else about the client's connection or request.
    Other,
    /// Something, in a spelling that no proxy writes.
    Alias,
}

/// The claim that the field called `name` makes, if it is one in which proxies tell of clients.
fn claim(name: &str) -> Option<Claim> {
    const KNOWN: Filter = Filter::of(&CLAIMS);
    let bytes = name.as_bytes();
    if !KNOWN.may_contain(Slot::of(bytes)) {
        return None;
    }
    let is = |known: &&str| are_aliases(bytes, known.as_bytes());
    if let Some(rest) = after(bytes, FAMILY.as_bytes()) {
        return Some(match MEMBERS.iter().find(|known| is(known)) {
            Some(&"x-forwarded-for") if name == X_FORWARDED_FOR => Claim::Chain,
            Some(known) if name == *known => Claim::Other,
            None if name.starts_with(FAMILY) && rest.iter().all(|b| *b == b'-' || b.is_ascii_alphanumeric()) => {
                Claim::Other
            }
            _ => Claim::Alias,
        });
    }
    let index = CLAIMS.iter().position(is)?;
    Some(match index {
        _ if CLAIMS.get(index).is_none_or(|known| *known != name) => Claim::Alias,
        index if index < ADDRESSES => Claim::Address,
        _ if name == FORWARDED => Claim::Chain,
        _ => Claim::Other,
    })
}

/// Appends a trusted peer to the chain that it sent; `host` is what it asked for.
fn continue_chain(headers: &mut HeaderMap, peer: &Peer, client: &ClientInfo, host: Option<&HeaderValue>) {
    let peer_text = peer.address().map(|address| AddressText::of(address.to_canonical()));
    let Some(client_address) = client.address else {
        // Nobody knows, or the claims contradict: none of them goes on.
        headers.remove(FORWARDED);
        let text = peer_text.as_ref().map(|text| [b"unknown, ", text.as_bytes()].concat());
        set(headers, X_FORWARDED_FOR, text.as_deref().unwrap_or(b"unknown"));
        return;
    };
    let Some((peer_address, peer_text)) = peer.address().zip(peer_text) else {
        // A Unix socket has no address to append.
        if !headers.contains_key(X_FORWARDED_FOR) {
            set(headers, X_FORWARDED_FOR, AddressText::of(client_address).as_bytes());
        }
        return;
    };
    if headers.contains_key(FORWARDED) {
        let mut chain = joined(headers, &FORWARDED);
        push_element(&mut chain, peer_address.to_canonical(), host, peer.scheme());
        set(headers, FORWARDED, &chain);
    }
    let mut chain = joined(headers, &X_FORWARDED_FOR);
    if chain.is_empty() && client_address != peer_address.to_canonical() {
        chain.extend_from_slice(AddressText::of(client_address).as_bytes());
    }
    if !chain.is_empty() {
        chain.extend_from_slice(b", ");
    }
    chain.extend_from_slice(peer_text.as_bytes());
    set(headers, X_FORWARDED_FOR, &chain);
}

/// Appends what this hop saw of the one before it, in all the parameters that it knows (RFC 7239 §5).
fn push_element(chain: &mut Vec<u8>, address: IpAddr, host: Option<&HeaderValue>, scheme: Scheme) {
    chain.extend_from_slice(b", for=");
    chain.extend_from_slice(node_text(address).as_bytes());
    // Hosts have been checked: there is nothing in one that a quoted string would have to escape.
    if let Some(host) = host.map(HeaderValue::as_bytes).filter(|host| !host.is_empty()) {
        let quote: &[u8] = if host.iter().all(|b| is_tchar(*b)) { b"" } else { b"\"" };
        chain.extend_from_slice(&[b";host=", quote, host, quote].concat());
    }
    chain.extend_from_slice(b";proto=");
    chain.extend_from_slice(scheme.as_str().as_bytes());
}

/// A node as RFC 7239 §6 writes it: IPv6 in brackets and quotes.
fn node_text(address: IpAddr) -> String {
    let text = AddressText::of(address);
    let text = text.as_str();
    if address.is_ipv6() { format!("\"[{text}]\"") } else { text.to_owned() }
}

/// All lines of a field as one (RFC 9110 §5.3).
fn joined(headers: &HeaderMap, name: &HeaderName) -> Vec<u8> {
    let lines: Vec<_> = headers.get_all(name).iter().map(HeaderValue::as_bytes).filter(|l| !l.is_empty()).collect();
    lines.join(&b", "[..])
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &[u8]) {
    match HeaderValue::from_bytes(value) {
        Ok(value) => headers.insert(name, value),
        Err(_) => headers.remove(name),
    };
}

#[cfg(test)]
#[path = "forwarded_tests.rs"]
mod tests;
