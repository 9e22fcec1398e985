//! The discovery of an upstream's places: the sources that tell of them, and their answers.
//!
//! Pure: what is asked is a question for whoever does I/O, and what comes back are bytes.

mod consul;
mod dns;
mod eureka;
mod kubernetes;
mod list;
pub mod registry;

use core::fmt;
use core::net::{Ipv6Addr, SocketAddr};
use core::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;

pub use self::dns::{Record, Records, of_service};
use crate::balance::endpoint::UNIX;
use crate::net::Scheme;
use crate::policy::key_source::Location;
use crate::store_key::StoreKey;

/// The most places that an upstream has. Of a longer list, the first ones count.
pub const MOST_PLACES: usize = 1_000;

/// The most bytes of an answer.
pub const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// The time for which places are used that were found, if their source can't be asked any more: one to three days, as RFC 8767 §4 has it of names.
pub const USABLE_FOR: Duration = Duration::from_secs(86_400);

/// The time within which a source answers.
pub const TIMEOUT: Duration = Duration::from_secs(5);

/// The time for which a source is asked to wait for a change.
pub const WAIT: Duration = Duration::from_secs(30);

/// The discovery of an upstream's places.
#[derive(Debug)]
pub struct Discovery {
    /// The source that tells of them.
    pub source: Source,
    /// The time after which it is asked again.
    pub refresh: Refresh,
    /// The form in which they are called.
    pub form: Form,
    /// The zone of the gateway, if it is known.
    pub zone: Option<Box<str>>,
}

/// The time after which a source is asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// This time.
    After(Duration),
    /// The time that its answer states, within these bounds.
    Stated(Duration, Duration),
}

/// The form in which places are called of which a source says less than a URL.
#[derive(Debug)]
pub struct Form {
    /// The scheme.
    pub scheme: Scheme,
    /// The port of those of which no other is known.
    pub port: Option<u16>,
    /// The prefix of every path: empty, or begins with a slash and ends without.
    pub base_path: String,
}

/// A source that tells of places.
#[derive(Debug)]
pub enum Source {
    /// A service that is asked over HTTP.
    Service(Box<Service>),
    /// The name servers of the platform, or one of them.
    Names(Box<str>, Record, Option<SocketAddr>),
    /// The registry in the key-value store, by its key.
    Registry(StoreKey),
}

/// A service that is asked over HTTP.
#[derive(Debug)]
pub struct Service {
    /// Its place.
    pub place: Location,
    /// The fields that it is sent, apart from those that every question has.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The kind of its answers.
    pub kind: Kind,
}

/// The kind of a service.
#[derive(Debug)]
pub enum Kind {
    /// The health endpoint of Consul.
    Consul,
    /// The EndpointSlices of Kubernetes, with the port that is called.
    Kubernetes(Option<PortName>),
    /// An application of Eureka.
    Eureka,
    /// A list in JSON, at this pointer (RFC 6901).
    List(Box<str>),
    /// DNS over HTTPS (RFC 8484).
    Dns(Box<[u8]>, Record),
}

/// The port of a service of Kubernetes.
#[derive(Debug, PartialEq, Eq)]
pub enum PortName {
    /// By its name.
    Named(Box<str>),
    /// By its number.
    Number(u16),
}

/// A place, as a source tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Where it is.
    pub at: Where,
    /// Its share.
    pub weight: u32,
    /// Its priority: lower ones come first.
    pub priority: u32,
    /// Its zone, if that is told.
    pub zone: Option<Box<str>>,
}

/// Where a place is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Where {
    /// At this URL.
    Url(String),
    /// At this host, and perhaps this port.
    Host(String, Option<u16>),
}

/// The answer of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The places that are ready.
    pub places: Vec<Seen>,
    /// The time for which they hold, where it says so.
    pub life: Option<Duration>,
    /// The number of the state that it shows, where it numbers them.
    pub index: Option<u64>,
}

/// The reason why an answer tells of no places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untold {
    /// It is not of the form that such a source answers in.
    Malformed,
    /// It says that there is none.
    Empty,
    /// It says that the name does not exist, or that it can't tell: a response code of DNS (RFC 1035 §4.1.1).
    Code(u16),
}

impl fmt::Display for Untold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("its answer is not of the form of such a source"),
            Self::Empty => f.write_str("it tells of no place"),
            Self::Code(code) => write!(f, "its response code is {code}"),
        }
    }
}

impl Seen {
    /// One of which nothing else is said.
    #[must_use]
    pub const fn plain(at: Where) -> Self {
        Self { at, weight: 1, priority: 0, zone: None }
    }

    /// The reason why it can't be called, if what is told of it is neither a URL nor a host: nothing in a host may make it another part of a URL, or
    /// a socket of this machine.
    #[must_use]
    pub fn fault(&self) -> Option<&'static str> {
        let is_text = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        match &self.at {
            Where::Url(url) if url.len() > 2_000 => Some("its URL is too long"),
            Where::Host(host, _) if host.starts_with(UNIX) => {
                Some("a Unix socket is named by the `url` of an upstream alone, and not by a source of places")
            }
            Where::Host(host, _) if host.contains(':') && host.parse::<Ipv6Addr>().is_err() => {
                Some("a host with `:` in it is no IPv6 address: a port has a member of its own")
            }
            Where::Host(host, _) if host.is_empty() || host.len() > 255 => Some("its host is empty, or too long"),
            Where::Host(host, _) if !host.contains(':') && !host.bytes().all(is_text) => {
                Some("a host has characters that no host has")
            }
            _ => None,
        }
    }

    /// The same at another host.
    #[must_use]
    pub fn at(self, host: &str) -> Self {
        let port = if let Where::Host(_, port) = self.at { port } else { None };
        Self { at: Where::Host(host.to_owned(), port), ..self }
    }

    /// Its URL in `form`.
    #[must_use]
    pub fn url(&self, form: &Form) -> String {
        match &self.at {
            Where::Url(url) => url.clone(),
            Where::Host(host, port) => {
                let host = host.trim_end_matches('.');
                let shown = if host.contains(':') { ["[", host, "]"].concat() } else { host.to_owned() };
                match port.or(form.port) {
                    Some(port) => format!("{}://{shown}:{port}{}", form.scheme.as_str(), form.base_path),
                    None => [form.scheme.as_str(), "://", &shown, &form.base_path].concat(),
                }
            }
        }
    }
}

impl Service {
    /// The method, the fields and the content by which it is asked.
    #[must_use]
    pub fn question(&self) -> (Method, HeaderMap, Bytes) {
        let mut headers = HeaderMap::with_capacity(8);
        for (name, value) in &self.headers {
            headers.insert(name.clone(), value.clone());
        }
        match &self.kind {
            Kind::Dns(question, _) => (Method::POST, headers, Bytes::copy_from_slice(question)),
            _ => (Method::GET, headers, Bytes::new()),
        }
    }

    /// Its path, where it is to wait for another state than that with this `index`; none if it can't wait.
    #[must_use]
    pub fn waiting_path(&self, index: u64) -> Option<String> {
        matches!(self.kind, Kind::Consul).then(|| consul::waiting(&self.place.path, index))
    }

    /// Reads an answer of its with these `headers`.
    ///
    /// # Errors
    /// It tells of no places.
    pub fn read(&self, headers: &HeaderMap, content: &[u8]) -> Result<Told, Untold> {
        let json = || serde_json::from_slice::<Value>(content).map_err(|_| Untold::Malformed);
        let told = match &self.kind {
            Kind::Consul => consul::read(headers, &json()?)?,
            Kind::Kubernetes(port) => Told::of(kubernetes::read(&json()?, port.as_ref())?),
            Kind::Eureka => Told::of(eureka::read(&json()?)?),
            Kind::List(pointer) => Told::of(list::read(&json()?, pointer)?),
            Kind::Dns(_, record) => dns::read(content, *record)?,
        };
        told.some()
    }

    /// The name of its kind in the configuration.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self.kind {
            Kind::Consul => "consul",
            Kind::Kubernetes(_) => "kubernetes",
            Kind::Eureka => "eureka",
            Kind::List(_) => "list",
            Kind::Dns(..) => "dns",
        }
    }
}

impl Source {
    /// The name of its kind in the configuration.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Service(service) => service.name(),
            Self::Names(..) => "dns",
            Self::Registry(_) => "registry",
        }
    }
}

impl Told {
    fn of(places: Vec<Seen>) -> Self {
        Self { places, ..Self::default() }
    }

    /// The same, if there are any places.
    ///
    /// # Errors
    /// There are none.
    pub fn some(mut self) -> Result<Self, Untold> {
        self.places.truncate(MOST_PLACES);
        if self.places.is_empty() { Err(Untold::Empty) } else { Ok(self) }
    }
}

impl Refresh {
    /// The time after which a source is asked again whose answer holds for so long; `chance` spreads the questions of many instances over a tenth of it
    /// to either side.
    #[must_use]
    pub fn after(self, life: Option<Duration>, chance: u64) -> Duration {
        let time = match (self, life) {
            (Self::After(time), _) => time,
            (Self::Stated(least, most), Some(life)) => life.clamp(least, most),
            (Self::Stated(_, most), None) => most,
        };
        time * (900 + u32::try_from(chance % 201).unwrap_or_default()) / 1_000
    }
}

/// The question of DNS over HTTPS for the records of this kind of `name`; none if that is no name.
#[must_use]
pub fn dns_question(name: &str, record: Record) -> Option<Box<[u8]>> {
    dns::question(name, record)
}

/// A whole number among the members of an object, within these bounds, or the usual one.
fn number(value: Option<&Value>, (least, most): (u32, u32), usual: u32) -> u32 {
    let stated = value.and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok());
    stated.map_or(usual, |number| number.clamp(least, most))
}

fn port(value: Option<&Value>) -> Option<u16> {
    let number = match value? {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    };
    u16::try_from(number?).ok().filter(|port| *port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_a_url() {
        let form = |port| Form { scheme: Scheme::Http, port, base_path: "/v1".to_owned() };
        let url = |host: &str, port, usual| Seen::plain(Where::Host(host.to_owned(), port)).url(&form(usual));
        assert_eq!(url("a.test.", Some(81), Some(82)), "http://a.test:81/v1");
        assert_eq!(url("::1", None, Some(82)), "http://[::1]:82/v1");
        assert_eq!(url("a", None, None), "http://a/v1");
    }

    /// docs/configuration.md, Discovery: a source tells of hosts, and never of a socket of this machine.
    #[test]
    fn a_host_is_a_name_or_an_address() {
        let is_wrong = |host: &str| Seen::plain(Where::Host(host.to_owned(), Some(80))).fault().is_some();
        for host in ["unix:x.sock", "unix:80", "169.254.169.254:80", "a:80", "fe80::1%eth0", "a/b", "a@b", "", "[::1]"]
        {
            assert!(is_wrong(host), "{host}");
        }
        for host in ["a.test.", "10.0.0.1", "::1", "2001:DB8::1"] {
            assert!(!is_wrong(host), "{host}");
        }
    }

    /// docs/configuration.md, Discovery: the time that the answer states, within bounds, and a tenth of chance.
    #[test]
    fn a_source_is_asked_again_in_time() {
        let s = Duration::from_secs;
        let stated = Refresh::Stated(s(5), s(60));
        let after = |refresh: Refresh, life, chance| refresh.after(life, chance).as_millis();
        assert_eq!([0, 100, 200].map(|chance| after(Refresh::After(s(10)), None, chance)), [9_000, 10_000, 11_000]);
        assert_eq!(
            [Some(1), Some(20), Some(1 << 30), None].map(|life| after(stated, life.map(s), 100)),
            [5_000, 20_000, 60_000, 60_000]
        );
    }
}
