//! The gateway's name, the proxies that it trusts, and the headers that state an identity.

use super::Compiler;
use super::at::At;
use crate::http::forwarded::TrustedProxies;
use crate::http::identity::IdentityNames;
use crate::http::loop_guard::{InvalidName, LoopGuard};

const DEFAULT_NAME: &str = "edgeway";

/// The way to write a network.
pub(super) const NETWORK_HELP: &str =
    "write an address, or a network as `10.0.0.0/8`; `0.0.0.0/0` and `::/0` are all addresses";

/// The way to write a proxy.
const PROXY_HELP: &str = "write an address, a network as `10.0.0.0/8`, or `unix:` for all Unix sockets; `0.0.0.0/0` and `::/0` are \
                          all addresses";

impl Compiler<'_> {
    pub(super) fn loop_guard(&mut self, at: &At<'_>) -> Option<LoopGuard> {
        let name = self.config.name.as_deref().unwrap_or(DEFAULT_NAME);
        match LoopGuard::new(name) {
            Ok(guard) => Some(guard),
            Err(InvalidName) => {
                self.error_with(
                    &at.member("name"),
                    format_args!("`{name}` can't be a gateway's name"),
                    "use letters, digits, `-`, `.` and `_`",
                );
                None
            }
        }
    }

    pub(super) fn identity(&mut self, at: &At<'_>) -> Option<IdentityNames> {
        let help = "use letters, digits and `-`";
        let names = IdentityNames::new(&self.config.identity_headers);
        let mut names = self.list(&at.member("identityHeaders"), names, help)?;
        let (network, at) = (&self.config.network, At::ROOT.member("network"));
        let at = at.member("trustedIdentity");
        if !network.trusted_identity.is_empty() && network.trusted_proxies.is_empty() {
            self.error_with(&at, "no proxy is trusted", "name those that may send these headers in `trustedProxies`");
        }
        let believed = names.believe(&network.trusted_identity);
        self.list(&at, believed, help)?;
        let credentials = self.config.upstreams.iter().filter_map(|(_, upstream)| upstream.credentials.as_ref());
        names.guard_own(credentials.filter_map(|own| Some(&*own.header.as_ref()?.name)));
        Some(names)
    }

    pub(super) fn proxies(&mut self, at: &At<'_>) -> Option<TrustedProxies> {
        let parsed = TrustedProxies::parse(&self.config.network.trusted_proxies);
        self.list(&at.member("network").member("trustedProxies"), parsed, PROXY_HELP)
    }

    /// Unwraps a parsed list, or reports the entries that can't be parsed.
    pub(super) fn list<T>(&mut self, at: &At<'_>, parsed: Result<T, Vec<(usize, String)>>, help: &str) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(bad) => {
                for (index, message) in bad {
                    self.error_with(&at.index(index), message, help);
                }
                None
            }
        }
    }
}
