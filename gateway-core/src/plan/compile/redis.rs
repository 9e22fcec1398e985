//! The Redis that holds the counters, and the one that holds stored responses.

use super::Compiler;
use super::at::At;
use super::authority::Authority;
use crate::capabilities::Feature;
use crate::config;
use crate::plan::Redis;

/// The message and help for a wrong Redis URL. Neither quotes it: it may hold a password.
type Fault = (&'static str, &'static str);

const FORM: &str = "write `\"redis://host:6379\"`, or `{\"secret\": \"REDIS_URL\"}` for a secret that holds such a URL";

/// The same where the secret is there.
const CONTENT: &str = "have the secret hold such a URL, and nothing else: `redis://user:password@host:6379`";

/// A Redis as it is stated.
struct Stated<'c> {
    feature: Feature,
    url: Option<&'c config::Value>,
    authorities: Option<&'c String>,
    is_cluster: bool,
}

impl Compiler<'_> {
    /// The Redis that holds the counters, if there is one.
    pub(super) fn counters_redis(&mut self, at: &At<'_>) -> Option<Redis> {
        let config::CounterStore { redis, authorities, cluster, .. } = &self.config.counters;
        let (url, authorities) = (redis.as_ref(), authorities.as_ref());
        self.redis(at, &Stated { feature: Feature::RedisCounters, url, authorities, is_cluster: *cluster })
    }

    /// The Redis that holds the stored responses, if there is one.
    pub(super) fn responses_redis(&mut self, at: &At<'_>) -> Option<Redis> {
        let config::ResponseStore { redis, authorities, cluster, .. } = &self.config.responses;
        let (url, authorities) = (redis.as_ref(), authorities.as_ref());
        self.redis(at, &Stated { feature: Feature::RedisResponses, url, authorities, is_cluster: *cluster })
    }

    fn redis(&mut self, place: &At<'_>, stated: &Stated<'_>) -> Option<Redis> {
        let Some(value) = stated.url else {
            let members = [("authorities", stated.authorities.is_some()), ("cluster", stated.is_cluster)];
            for (member, _) in members.into_iter().filter(|(_, is_stated)| *is_stated) {
                let at = place.member(member);
                self.error_with(&at, "there is no Redis that this is for", "add `redis`, or remove it");
            }
            return None;
        };
        let at = &place.member("redis");
        if !self.require(at, stated.feature) {
            return None;
        }
        let url = match value {
            config::Value::Template(text) => text.clone(),
            config::Value::Secret(secret) => self.secret(at, secret)?,
        };
        let parsed = match (parse(&url), value) {
            (Ok(parsed), _) => parsed,
            (Err((message, help)), config::Value::Template(_)) => {
                self.error_with(at, message, help);
                return None;
            }
            (Err((message, _)), config::Value::Secret(secret)) => {
                self.error_with(at, format_args!("the content of the secret `{}`: {message}", secret.secret), CONTENT);
                return None;
            }
        };
        // What is not known here may well be one with TLS.
        let is_known = !matches!(value, config::Value::Secret(secret) if self.secrets.is_made_up(&secret.secret));
        if parsed.has_credentials && matches!(value, config::Value::Template(_)) {
            self.error_with(
                at,
                "the URL contains credentials",
                "put the whole URL into a secret, and write `{\"secret\": \"REDIS_URL\"}`",
            );
            return None;
        }
        if let Some(file) = stated.authorities {
            let at = &place.member("authorities");
            self.require(at, Feature::RedisAuthorities);
            if file.is_empty() {
                self.error_with(at, "this names no file", "write one: `\"redis-ca.pem\"`");
            } else if is_known && !parsed.is_tls {
                self.error_with(at, "the Redis is one without TLS", "begin its URL with `rediss://`, or remove this");
            }
        }
        if stated.is_cluster {
            self.require(&place.member("cluster"), Feature::RedisCluster);
            if parsed.has_database {
                self.error_with(at, "a cluster has no numbered databases", "leave out what follows the host");
            }
        }
        Some(Redis { url, authorities: stated.authorities.cloned(), is_cluster: stated.is_cluster })
    }
}

struct Parsed {
    is_tls: bool,
    has_database: bool,
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
    let has_database = !matches!(database, "" | "0");
    Ok(Parsed { is_tls, has_database, has_credentials })
}
