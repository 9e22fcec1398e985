//! The Redis that holds the counters.

use super::Compiler;
use super::at::At;
use super::authority::Authority;
use crate::capabilities::Feature;
use crate::config;

/// The message and help for a wrong Redis URL. Neither quotes it: it may hold a password.
type Fault = (&'static str, &'static str);

const FORM: &str = "write `redis://host:6379`, or the name of a secret that holds such a URL";

impl Compiler<'_> {
    /// The URL of the Redis that holds the counters, if there is one.
    pub(super) fn redis(&mut self, at: &At<'_>) -> Option<String> {
        let value = self.config.counters.redis.as_ref()?;
        if !self.require(at, Feature::RedisCounters) {
            return None;
        }
        let url = match value {
            config::Value::Template(text) => text.clone(),
            config::Value::Secret(secret) => self.secret(at, secret)?,
        };
        let parsed = match parse(&url) {
            Ok(parsed) => parsed,
            Err((message, help)) => {
                self.error_with(at, message, help);
                return None;
            }
        };
        if parsed.has_credentials && matches!(value, config::Value::Template(_)) {
            self.error_with(
                at,
                "the URL contains credentials",
                "put the whole URL into a secret, and write `{\"secret\": \"REDIS_URL\"}`",
            );
            return None;
        }
        (!parsed.is_tls || self.require(at, Feature::RedisTls)).then_some(url)
    }
}

struct Parsed {
    is_tls: bool,
    has_credentials: bool,
}

/// Checks `redis://user:password@host:port/database`, or `rediss://…`. Every platform's client parses the URL again,
/// and must accept all that passes here.
fn parse(url: &str) -> Result<Parsed, Fault> {
    let (is_tls, rest) = match (url.strip_prefix("redis://"), url.strip_prefix("rediss://")) {
        (Some(rest), _) => (false, rest),
        (None, Some(rest)) => (true, rest),
        (None, None) => return Err(("not a Redis URL", FORM)),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let (has_credentials, address) = authority.rsplit_once('@').map_or((false, authority), |(_, rest)| (true, rest));
    let authority = Authority::parse(address).ok_or(("the URL has an impossible host", FORM))?;
    if authority.host.is_empty() {
        return Err(("the URL has no host", FORM));
    }
    if authority.is_every_address() {
        return Err((
            "the URL's host stands for every address",
            "name the one where the Redis is: `127.0.0.1` on this machine",
        ));
    }
    if authority.port.is_some_and(|port| !matches!(port.parse::<u16>(), Ok(1..))) {
        return Err(("the URL has an impossible port", FORM));
    }
    let database = tail.split(['?', '#']).next().unwrap_or_default().trim_matches('/');
    if !database.is_empty() && database.parse::<u32>().is_err() {
        return Err(("the URL's path is not a database's number", "write `redis://host:6379/0`"));
    }
    Ok(Parsed { is_tls, has_credentials })
}
