//! The listeners of the native server.

use super::Compiler;
use super::at::At;
use super::authority::Authority;
use crate::config::{Certificates, ConfigError, JsonPath, Listen, ListenAt, ListenerTls, ServerTls, lazily};
use crate::http::forwarded;
use crate::plan::{Certificate, ClientAuthorities, DEFAULT_LISTEN, ListenAddress, Listener};

impl Compiler<'_> {
    /// Compiles `server.listen` with the certificates of `server.tls`.
    pub(super) fn listeners(&mut self, at: &At<'_>) -> Vec<Listener> {
        let server = &self.config.server;
        let tls = at.member("tls");
        let shared = match &server.tls {
            None => Tls::default(),
            Some(Certificates::One(one)) => Tls::of(one, tls.to_path()),
            Some(Certificates::Several(list)) => self.several(&tls, list),
        };
        let Some(listen) = &server.listen else {
            let address = ListenAddress::Tcp(DEFAULT_LISTEN.to_owned());
            return vec![shared.listener(address, false)];
        };
        let at = at.member("listen");
        if listen.list().is_empty() {
            self.error_with(
                &at,
                "there is no address to listen on",
                format_args!("leave it out for `{DEFAULT_LISTEN}`"),
            );
        }
        let mut listeners: Vec<Listener> = Vec::new();
        for (index, written) in listen.list().iter().enumerate() {
            let listener = match listen {
                Listen::One(_) => self.listener(&at, written, &shared),
                Listen::Several(_) => self.listener(&at.index(index), written, &shared),
            };
            let Some(listener) = listener else { continue };
            // Port 0 is whichever is free.
            let is_free = matches!(&listener.address, ListenAddress::Tcp(address) if address.ends_with(":0"));
            if !is_free && listeners.iter().any(|other| other.address == listener.address) {
                let message = format_args!("there is a listener on `{}` already", listener.address);
                self.error_with(&at.index(index), message, "give each listener an address of its own");
            }
            listeners.push(listener);
        }
        listeners
    }

    fn listener(&mut self, at: &At<'_>, written: &ListenAt, shared: &Tls) -> Option<Listener> {
        let with = match written {
            ListenAt::Address(address) => {
                let address = self.listen_address(at, address)?;
                let tls = if is_unix(&address) { Tls::default() } else { shared.clone() };
                return Some(tls.listener(address, false));
            }
            ListenAt::With(listener) => listener,
        };
        let tls = at.member("tls");
        let own = match &with.tls {
            None | Some(ListenerTls::Switch(true)) => None,
            Some(ListenerTls::Switch(false)) => Some(Tls::default()),
            Some(ListenerTls::One(one)) => Some(Tls::of(one, tls.to_path())),
            Some(ListenerTls::Several(list)) => Some(self.several(&tls, list)),
        };
        if with.tls == Some(ListenerTls::Switch(true)) && shared.certificates.is_empty() {
            let help = "add `server.tls`, or write the `certificate` and `key` of this listener here";
            self.error_with(&tls, "there is no certificate to serve HTTPS with", help);
        }
        let address = self.listen_address(&at.member("address"), &with.address)?;
        if is_unix(&address) && with.tls.is_some() && own.as_ref().is_none_or(|own| !own.certificates.is_empty()) {
            let help = "leave `tls` out: whoever connects is on this machine";
            self.error_with(&tls, "a Unix socket is served in the clear", help);
        }
        let trusted = &self.config.network.trusted_proxies;
        let proxy_protocol = with.proxy_protocol.unwrap_or_default();
        if proxy_protocol && !is_unix(&address) && trusted.iter().all(|proxy| proxy == forwarded::UNIX) {
            self.error_with(
                &at.member("proxyProtocol"),
                "nobody is trusted to state the addresses of clients",
                "name the balancers in `network.trustedProxies`",
            );
        }
        let inherited = || if is_unix(&address) { Tls::default() } else { shared.clone() };
        Some(own.unwrap_or_else(inherited).listener(address, proxy_protocol))
    }

    fn several(&mut self, at: &At<'_>, list: &[ServerTls]) -> Tls {
        if list.is_empty() {
            let help = "write `{\"certificate\": \"cert.pem\", \"key\": \"key.pem\"}`";
            self.error_with(at, "there is no certificate", help);
        }
        let mut tls = Tls::default();
        for (index, files) in (0..).zip(list) {
            let path = || at.index(index).to_path();
            tls.certificates.push(Certificate::of(files, path()));
            match (&tls.clients, ClientAuthorities::of(files, path())) {
                (Some(_), Some(second)) => {
                    let error = ConfigError::new(second.at, "`clients` is there twice");
                    self.errors.push(error.with_help("it holds for all certificates of a listener: keep one"));
                }
                (None, first) => tls.clients = first,
                (Some(_), None) => {}
            }
        }
        tls
    }

    fn listen_address(&mut self, at: &At<'_>, written: &str) -> Option<ListenAddress> {
        let parsed = listen_address(written);
        if parsed.is_none() {
            let message = format_args!("`{written}` is not an address to listen on");
            self.error_with(at, message, lazily(|| listen_help(written)));
        }
        parsed
    }
}

/// The TLS of a listener.
#[derive(Clone, Default)]
struct Tls {
    certificates: Vec<Certificate>,
    clients: Option<ClientAuthorities>,
}

impl Tls {
    fn of(files: &ServerTls, at: JsonPath) -> Self {
        Self { certificates: vec![Certificate::of(files, at.clone())], clients: ClientAuthorities::of(files, at) }
    }

    fn listener(self, address: ListenAddress, proxy_protocol: bool) -> Listener {
        let Self { certificates, clients } = self;
        Listener { address, certificates, clients, proxy_protocol }
    }
}

fn is_unix(address: &ListenAddress) -> bool {
    matches!(address, ListenAddress::Unix(_))
}

/// The way to write an address to listen on, with the port of `written` if it has one.
pub(crate) fn listen_help(written: &str) -> String {
    let digits = written.rsplit([':', ' ']).find_map(|part| part.parse::<u16>().ok());
    let port = digits.or_else(|| written.split(' ').find_map(|part| part.parse().ok())).unwrap_or(8080);
    let tls = if written.contains("ssl") { "; `tls` beside it names the certificate" } else { "" };
    format!("write `127.0.0.1:{port}`, or `0.0.0.0:{port}` for every network, or `unix:/run/edgeway.sock`{tls}")
}

/// Reads an address to listen on: `host:port`, or `unix:` and a path.
pub(crate) fn listen_address(written: &str) -> Option<ListenAddress> {
    if let Some(path) = written.strip_prefix("unix:") {
        return (!path.is_empty()).then(|| ListenAddress::Unix(path.to_owned()));
    }
    let authority = Authority::parse(written).filter(|authority| !authority.host.is_empty())?;
    authority.port?.parse::<u16>().ok()?;
    Some(ListenAddress::Tcp(written.to_owned()))
}
