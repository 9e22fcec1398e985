//! Compiles the sources that tell where upstreams are.

use core::net::SocketAddr;
use core::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue};

use super::Compiler;
use super::at::At;
use crate::balance::discovery::{Discovery, Form, Kind, PortName, Record, Refresh, Service, Source, dns_question};
use crate::capabilities::Feature;
use crate::config::{self, DnsRecord, SecretRef, ServicePort};
use crate::http::path::is_normalised;
use crate::http::percent;
use crate::net::Scheme;
use crate::plan::Upstream;
use crate::policy::key_source::Location;
use crate::store_key::{KeyUse, StoreKey};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// The time after which a source is asked again whose answers state none.
const REFRESH: Duration = Duration::from_secs(10);

/// The bounds of the time that an answer of DNS states.
const TTL: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));

impl Compiler<'_> {
    /// Adds the sources of those `upstreams` of which others tell where they are; `at` is their place.
    pub(super) fn discoveries(&mut self, at: &At<'_>, upstreams: &mut [Upstream]) {
        let config = self.config;
        for upstream in upstreams {
            let Some((name, stated)) = config.upstreams.iter().find(|(name, _)| *name == upstream.name) else {
                continue;
            };
            let Some(discover) = &stated.discover else { continue };
            let at = at.member(name);
            let at = at.member("discover");
            if upstream.service.is_none() {
                upstream.discovery = self.discovery(&at, discover).map(Box::new);
            }
        }
    }

    fn discovery(&mut self, at: &At<'_>, discover: &config::Discover) -> Option<Discovery> {
        let config::Discover { dns, consul, kubernetes, eureka, list, registry, .. } = discover;
        let source = match (dns, consul, kubernetes, eureka, list, registry) {
            (Some(dns), None, None, None, None, None) => self.dns(&at.member("dns"), dns),
            (None, Some(consul), None, None, None, None) => self.consul(&at.member("consul"), consul),
            (None, None, Some(kubernetes), None, None, None) => self.kubernetes(&at.member("kubernetes"), kubernetes),
            (None, None, None, Some(eureka), None, None) => self.eureka(&at.member("eureka"), eureka),
            (None, None, None, None, Some(list), None) => self.list_source(&at.member("list"), list),
            (None, None, None, None, None, Some(name)) => self.registry(&at.member("registry"), name),
            _ => {
                let help = "write one of `dns`, `consul`, `kubernetes`, `eureka`, `list` and `registry`";
                self.error_with(at, "nothing says who tells of the places, or several do", help);
                None
            }
        };
        let stated = discover.refresh.map(|span| self.span(&at.member("refresh"), Some(span), (SECOND, HOUR), REFRESH));
        let refresh = match (stated, dns) {
            (Some(time), _) => Refresh::After(time),
            (None, Some(_)) => Refresh::Stated(TTL.0, TTL.1),
            (None, None) => Refresh::After(REFRESH),
        };
        let scheme = match discover.scheme {
            Some(config::Scheme::Https) => Scheme::Https,
            Some(config::Scheme::Http) | None => Scheme::Http,
        };
        if discover.port == Some(0) {
            self.error_with(&at.member("port"), "no service is at port 0", "write 1 to 65535");
        }
        let base_path = discover.base_path.as_deref().unwrap_or_default();
        let is_path = base_path.is_empty()
            || (base_path.starts_with('/') && is_normalised(base_path) && !base_path.contains(['?', '#']));
        if !is_path {
            let help = "it begins with `/`: `/base`";
            self.error_with(&at.member("basePath"), format_args!("`{base_path}` is no path"), help);
        }
        let form = Form { scheme, port: discover.port, base_path: base_path.trim_end_matches('/').to_owned() };
        let zone = self.own_zone().map(Into::into);
        Some(Discovery { source: source?, refresh, form, zone })
    }

    /// The upstream called `name` that is asked.
    fn registrar(&mut self, at: &At<'_>, name: &str) -> Option<usize> {
        let found = self.chosen_upstream(at, name)?;
        let is_discovered =
            self.config.upstreams.iter().any(|(other, upstream)| other == name && upstream.discover.is_some());
        if is_discovered {
            self.error_with(at, format_args!("where `{name}` is has to be asked as well"), "name one with a `url`");
        }
        Some(found)
    }

    fn place_of_list(&mut self, at: &At<'_>, upstream: Option<usize>, path: String) -> Option<Location> {
        let bare = path.split('?').next().unwrap_or_default();
        if !path.starts_with('/') || path.contains('#') || path.parse::<PathAndQuery>().is_err() || !is_normalised(bare)
        {
            self.error_with(&at.member("path"), format_args!("`{path}` is no path"), "it begins with `/`: `/nodes`");
        }
        Some(Location { upstream: upstream?, path: path.into() })
    }

    fn dns(&mut self, at: &At<'_>, dns: &config::DnsSource) -> Option<Source> {
        let record = dns.record.unwrap_or(if dns.name.starts_with('_') { DnsRecord::Srv } else { DnsRecord::A });
        let record = match record {
            DnsRecord::A => Record::A,
            DnsRecord::Aaaa => Record::Aaaa,
            DnsRecord::Srv => Record::Srv,
        };
        let is_text = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        let is_name = !dns.name.is_empty() && dns.name.bytes().all(is_text);
        let question = dns_question(&dns.name, record).filter(|_| is_name);
        if question.is_none() {
            let help = "write a name: `orders.internal`, or `_http._tcp.orders.internal`";
            self.error_with(&at.member("name"), format_args!("`{}` is no name in DNS", dns.name), help);
        }
        let Some(upstream) = &dns.upstream else {
            if dns.path.is_some() {
                let help = "add `upstream`, which is asked over HTTPS";
                self.error_with(&at.member("path"), "the name servers of the system have no paths", help);
            }
            let server = dns.server.as_deref().and_then(|text| self.name_server(&at.member("server"), text));
            return self
                .require(at, Feature::NameServers)
                .then(|| Source::Names(dns.name.as_str().into(), record, server));
        };
        if dns.server.is_some() {
            let help = "keep one: `server` is asked by itself, and `upstream` over HTTPS";
            self.error_with(&at.member("server"), "there are both `server` and `upstream`", help);
        }
        let upstream = self.registrar(&at.member("upstream"), upstream);
        let place = self.place_of_list(at, upstream, dns.path.clone().unwrap_or_else(|| "/dns-query".to_owned()))?;
        let message = HeaderValue::from_static("application/dns-message");
        let headers = vec![(ACCEPT, message.clone()), (CONTENT_TYPE, message)];
        Some(Source::Service(Box::new(Service { place, headers, kind: Kind::Dns(question?, record) })))
    }

    fn name_server(&mut self, at: &At<'_>, text: &str) -> Option<SocketAddr> {
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        let server = text.parse().ok().or_else(|| Some(SocketAddr::new(bare.parse().ok()?, 53)));
        if server.is_none() {
            let help = "write `127.0.0.1:8600`; without a port, 53 holds";
            self.error_with(at, format_args!("`{text}` is not the address of a name server"), help);
        }
        server
    }

    fn consul(&mut self, at: &At<'_>, consul: &config::ConsulSource) -> Option<Source> {
        let upstream = self.registrar(&at.member("upstream"), &consul.upstream);
        let service = self.segment(&at.member("service"), &consul.service);
        let mut path = format!("/v1/health/service/{service}?passing=1");
        for (name, value) in [("tag", &consul.tag), ("dc", &consul.datacenter)] {
            if let Some(value) = value {
                path.push_str(&["&", name, "="].concat());
                for byte in value.bytes() {
                    match byte {
                        b'-' | b'.' | b'_' | b'~' => path.push(char::from(byte)),
                        byte if byte.is_ascii_alphanumeric() => path.push(char::from(byte)),
                        byte => percent::push_encoded(&mut path, byte),
                    }
                }
            }
        }
        let headers = self.token(at, consul.token.as_ref(), HeaderName::from_static("x-consul-token"), "");
        let place = self.place_of_list(at, upstream, path)?;
        Some(Source::Service(Box::new(Service { place, headers, kind: Kind::Consul })))
    }

    fn kubernetes(&mut self, at: &At<'_>, kubernetes: &config::KubernetesSource) -> Option<Source> {
        let upstream = self.registrar(&at.member("upstream"), &kubernetes.upstream);
        let namespace = kubernetes.namespace.as_deref().unwrap_or("default");
        let namespace = self.segment(&at.member("namespace"), namespace);
        let service = self.segment(&at.member("service"), &kubernetes.service);
        let path = format!(
            "/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3D{service}"
        );
        let port = kubernetes.port.as_ref().map(|port| match port {
            ServicePort::Number(number) => PortName::Number(*number),
            ServicePort::Name(name) => PortName::Named(name.as_str().into()),
        });
        let headers = self.token(at, kubernetes.token.as_ref(), AUTHORIZATION, "Bearer ");
        let place = self.place_of_list(at, upstream, path)?;
        Some(Source::Service(Box::new(Service { place, headers, kind: Kind::Kubernetes(port) })))
    }

    fn eureka(&mut self, at: &At<'_>, eureka: &config::EurekaSource) -> Option<Source> {
        let upstream = self.registrar(&at.member("upstream"), &eureka.upstream);
        let app = self.segment(&at.member("app"), &eureka.app);
        let base = eureka.path.as_deref().unwrap_or("/eureka").trim_end_matches('/');
        let place = self.place_of_list(at, upstream, format!("{base}/apps/{app}"))?;
        Some(Source::Service(Box::new(Service { place, headers: Vec::new(), kind: Kind::Eureka })))
    }

    fn list_source(&mut self, at: &At<'_>, list: &config::ListSource) -> Option<Source> {
        let upstream = self.registrar(&at.member("upstream"), &list.upstream);
        let pointer = list.pointer.as_deref().unwrap_or_default();
        if !pointer.is_empty() && !pointer.starts_with('/') {
            let help = "it begins with `/`: `/data/nodes` (RFC 6901)";
            self.error_with(&at.member("pointer"), format_args!("`{pointer}` is no JSON pointer"), help);
        }
        let headers = self.token(at, list.token.as_ref(), AUTHORIZATION, "Bearer ");
        let place = self.place_of_list(at, upstream, list.path.clone())?;
        Some(Source::Service(Box::new(Service { place, headers, kind: Kind::List(pointer.into()) })))
    }

    fn registry(&mut self, at: &At<'_>, name: &str) -> Option<Source> {
        let name = self.segment(at, name);
        let key = StoreKey::written(KeyUse::Registry, |key| {
            key.push_str(&name);
            true
        })?;
        Some(Source::Registry(key))
    }

    /// The name of a service, which stands in a path as it is.
    fn segment(&mut self, at: &At<'_>, name: &str) -> String {
        let is_text = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if name.is_empty() || name.len() > 200 || name.starts_with('.') || !name.bytes().all(is_text) {
            let help = "use letters, digits, `-`, `.` and `_`";
            self.error_with(at, format_args!("`{name}` is not the name of a service"), help);
        }
        name.to_owned()
    }

    fn token(
        &mut self,
        at: &At<'_>,
        token: Option<&SecretRef>,
        field: HeaderName,
        scheme: &str,
    ) -> Vec<(HeaderName, HeaderValue)> {
        let at = at.member("token");
        let Some(text) = token.and_then(|token| self.secret(&at, token)) else { return Vec::new() };
        let value = self.field(&at, &[scheme, text.trim_end()].concat());
        let secret = |mut value: HeaderValue| {
            value.set_sensitive(true);
            (field, value)
        };
        value.map(secret).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::balance::discovery::{Record, Source};
    use crate::capabilities::Capabilities;
    use crate::plan::testing::NoSecrets;
    use crate::plan::{Plan, load};

    fn with(discover: &str, on: &Capabilities) -> Result<Plan, Vec<String>> {
        let text = format!(
            r#"{{"upstreams": {{"reg": {{"url": "http://reg"}}, "found": {{"discover": {{"registry": "x"}}}}, "u": {{"discover": {{{discover}}}}}}},
                "routes": [{{"name": "r", "match": {{"path": "/"}}, "upstream": "u"}}]}}"#
        );
        load(&text, on, &NoSecrets)
            .map_err(|errors| errors.iter().map(|error| format!("{}: {}", error.path, error.message)).collect())
    }

    #[test]
    fn what_is_no_source_is_refused_with_its_place() {
        let refused = |discover: &str| with(discover, &Capabilities::NATIVE).unwrap_err().join("; ");
        for (discover, told) in [
            ("", "upstreams.u.discover: nothing says who tells of the places, or several do"),
            (
                r#""registry": "a", "eureka": {"upstream": "reg", "app": "A"}"#,
                "upstreams.u.discover: nothing says who tells of the places, or several do",
            ),
            (r#""registry": "a/b""#, "upstreams.u.discover.registry: `a/b` is not the name of a service"),
            (r#""dns": {"name": "a b"}"#, "upstreams.u.discover.dns.name: `a b` is no name in DNS"),
            (
                r#""dns": {"name": "a", "server": "ns.test"}"#,
                "upstreams.u.discover.dns.server: `ns.test` is not the address of a name server",
            ),
            (
                r#""dns": {"name": "a", "path": "/q"}"#,
                "upstreams.u.discover.dns.path: the name servers of the system have no paths",
            ),
            (
                r#""consul": {"upstream": "found", "service": "a"}"#,
                "upstreams.u.discover.consul.upstream: where `found` is has to be asked as well",
            ),
            (
                r#""consul": {"upstream": "regg", "service": "a"}"#,
                "upstreams.u.discover.consul.upstream: no upstream is called `regg`",
            ),
            (r#""list": {"upstream": "reg", "path": "nodes"}"#, "upstreams.u.discover.list.path: `nodes` is no path"),
            (
                r#""list": {"upstream": "reg", "path": "/", "pointer": "a"}"#,
                "upstreams.u.discover.list.pointer: `a` is no JSON pointer",
            ),
            (
                r#""registry": "a", "refresh": "10ms", "port": 0, "basePath": "b""#,
                "upstreams.u.discover.refresh: `10ms` is too little or too much; upstreams.u.discover.port: no service is at port 0; upstreams.u.discover.basePath: `b` is no path",
            ),
        ] {
            assert_eq!(refused(discover), told);
        }
    }

    #[test]
    fn name_servers_are_asked_where_there_are_any() {
        let dns = r#""dns": {"name": "_http._tcp.a", "server": "127.0.0.1"}"#;
        let plan = with(dns, &Capabilities::NATIVE).unwrap();
        let source = plan
            .upstreams
            .iter()
            .find(|upstream| upstream.name == "u")
            .and_then(|upstream| upstream.discovery.as_ref());
        let Source::Names(name, record, server) = &source.unwrap().source else { panic!("name servers") };
        assert_eq!(
            (&**name, *record, server.unwrap().to_string()),
            ("_http._tcp.a", Record::Srv, "127.0.0.1:53".to_owned())
        );
        for platform in [Capabilities::CLOUDFLARE, Capabilities::SPIN] {
            let refused = with(dns, &platform).unwrap_err().join("; ");
            assert!(refused.contains("can't ask name servers for records"), "{refused}");
        }
    }
}
