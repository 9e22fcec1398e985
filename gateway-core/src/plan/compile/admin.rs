//! The admin endpoints: the path and token of their door, and the address of their listener.

use super::Compiler;
use super::at::At;
use super::authority::Authority;
use crate::admin::{Admin, Door, Token};
use crate::capabilities::Feature;
use crate::config;
use crate::http::path;
use crate::plan::{ListenAddress, Listener};
use crate::route::{PathPattern, Segment};

const DEFAULT_PATH: &str = "/.edgeway";

impl<'c> Compiler<'c> {
    /// Compiles the admin endpoints, if the configuration opens any way to them.
    pub(super) fn admin(&mut self, at: &At<'_>) -> Option<Admin> {
        let has_listener = self.config.server.admin.is_some() && self.capabilities.has(Feature::AdminListener);
        let door = self.config.admin.as_ref().and_then(|admin| self.door(&at.member("admin"), admin));
        (has_listener || door.is_some()).then(|| Admin::new(door))
    }

    fn door(&mut self, at: &At<'_>, admin: &'c config::Admin) -> Option<Door> {
        let path = admin.path.as_deref().unwrap_or(DEFAULT_PATH);
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
        let is_path = path.starts_with('/') && !path.ends_with('/') && path.bytes().all(is_plain);
        let is_path = is_path && path::is_normalised(path);
        if is_path {
            self.admin_path = Some(path);
        } else {
            self.error_with(
                &at.member("path"),
                format_args!("`{path}` can't be the path of the admin endpoints"),
                "write `/.edgeway`: one or more segments of letters, digits, `-`, `.`, `_` and `~`",
            );
        }
        let Some(secret) = &admin.token else {
            // A part that could not be read was already reported.
            if self.reading.is_none_or(|reading| reading.is_intact(&at.to_path())) {
                self.error_with(
                    at,
                    "the admin endpoints have no token, and anybody could read them",
                    "add `\"token\": {\"secret\": \"ADMIN_TOKEN\"}`, and set that secret",
                );
            }
            return None;
        };
        let token = self.token_of(&at.member("token"), secret);
        let of_registry = admin.registry_token.as_ref();
        let of_registry = of_registry.map(|secret| self.token_of(&at.member("registryToken"), secret));
        token.filter(|_| is_path).map(|token| Door::new(path, token, of_registry.flatten()))
    }

    fn token_of(&mut self, at: &At<'_>, secret: &config::SecretRef) -> Option<Token> {
        let text = self.secret(at, secret)?;
        let token = Token::parse(&text);
        if token.is_none() {
            self.error_with(
                at,
                format_args!("the secret `{}` is no bearer token", secret.secret),
                "use letters, digits, `-`, `.`, `_`, `~`, `+` and `/`, such as the output of `openssl rand -hex 32`",
            );
        }
        token
    }

    /// Reports a route that the admin endpoints shadow completely.
    #[inline(never)]
    pub(super) fn check_against_admin(&mut self, at: &At<'_>, pattern: &PathPattern) {
        let Some(path) = self.admin_path else { return };
        let mut segments = pattern.segments().iter();
        let is_behind = path.split('/').skip(1).all(|expected| {
            segments.next().is_some_and(|segment| matches!(segment, Segment::Literal(text) if **text == *expected))
        });
        if is_behind {
            self.error_with(
                at,
                format_args!("the admin endpoints answer every request under `{path}`"),
                "give the route another path, or them another `admin.path`",
            );
        }
    }

    /// Checks the address of the endpoints' own listener.
    pub(super) fn check_admin_listen(&mut self, at: &At<'_>, listeners: &[Listener]) {
        let Some(listen) = &self.config.server.admin else { return };
        let port = match Authority::parse(listen) {
            _ if listen.bytes().all(|byte| byte.is_ascii_digit()) => Some(&**listen),
            Some(authority) => authority.port,
            None => None,
        };
        if port.is_none_or(|port| port.parse::<u16>().is_err()) {
            self.error_with(
                at,
                format_args!("`{listen}` is not an address to listen on"),
                "write `9901` for this machine alone, or an address and a port: `10.0.0.5:9901`",
            );
            return;
        }
        let is_served = listeners.iter().any(|listener| match &listener.address {
            ListenAddress::Tcp(address) => Authority::parse(address).and_then(|served| served.port) == port,
            ListenAddress::Unix(_) => false,
        });
        // Port 0 is whichever is free.
        if port.is_some_and(|port| port != "0") && is_served && self.config.server.listen.is_some() {
            self.error_with(
                at,
                format_args!("`server.listen` has port {} already", port.unwrap_or_default()),
                "give the admin endpoints a port of their own",
            );
        }
    }
}
