//! The server's own settings from a configuration.

use std::time::Duration;

use gateway_core::config::HeaderCase;
use gateway_core::plan::{Listener, Plan, Redis};

/// The memory for stored responses where nothing else is said.
const CACHE_MEMORY: u64 = 64 << 20;

/// The size of the file behind it where nothing else is said.
const CACHE_FILE: u64 = 1 << 30;

/// The server's own settings from a configuration.
#[derive(Clone, PartialEq)]
pub struct Settings {
    /// The listeners for clients.
    pub listeners: Vec<Listener>,
    /// The address of the admin endpoints, as `host:port`.
    pub admin: Option<String>,
    /// The time from the signal to stop until connections are refused.
    pub grace: Duration,
    /// The longest that open exchanges may go on once connections are refused.
    pub drain: Duration,
    /// The most connections of clients at once, and the most streams of HTTP/2.
    pub connections: Option<usize>,
    /// The file of the key-value store.
    pub key_value_file: Option<String>,
    /// The memory for stored responses, in bytes.
    pub cache_memory: u64,
    /// The file behind that memory, and its size in bytes.
    pub cache_file: Option<(String, u64)>,
    /// The Redis that holds the counters.
    pub counters_redis: Option<Redis>,
    /// The Redis that holds the stored responses.
    pub responses_redis: Option<Redis>,
    /// The longest that it is waited for.
    pub responses_timeout: Duration,
    /// The most header fields of a request.
    pub max_headers: u32,
    /// The largest head of a request, in bytes.
    pub max_head: usize,
    /// Set if names of header fields are written as `Content-Type`.
    pub title_case: bool,
}

impl Settings {
    /// The settings in `plan`.
    pub fn of(plan: &Plan) -> Self {
        let (server, limits) = (&plan.server, &plan.limits);
        // The gateway counts names and values; the wire has separators, too.
        let separators = u64::from(limits.headers) * 4 + 64;
        let head = limits.header_bytes.saturating_add(limits.url_bytes).saturating_add(separators);
        Self {
            listeners: plan.listeners.clone(),
            admin: server.admin.as_deref().map(admin_address),
            grace: server.grace.map_or(Duration::ZERO, |span| span.0),
            drain: server.drain.map_or(Duration::from_secs(30), |span| span.0),
            connections: server.connections.map(|most| usize::try_from(most).unwrap_or(usize::MAX)),
            key_value_file: server.key_value_file.clone(),
            cache_memory: server.cache_memory.map_or(CACHE_MEMORY, |size| size.0),
            cache_file: server
                .cache_file
                .as_ref()
                .map(|file| (file.path.clone(), file.size.map_or(CACHE_FILE, |size| size.0))),
            counters_redis: plan.counters_redis.clone(),
            responses_redis: plan.responses_redis.clone(),
            responses_timeout: plan.responses_timeout,
            max_headers: limits.headers,
            max_head: usize::try_from(head).unwrap_or(usize::MAX),
            title_case: server.header_case == Some(HeaderCase::Title),
        }
    }
}

/// Completes an address: `9901` and `:9901` are ports of the loopback interface, for a listener must not be public by
/// default.
fn admin_address(written: &str) -> String {
    let port = written.strip_prefix(':').unwrap_or(written);
    if port.bytes().all(|byte| byte.is_ascii_digit()) { format!("127.0.0.1:{port}") } else { written.to_owned() }
}

impl Settings {
    /// Returns the settings that differ in `new` and can't change while the server runs.
    pub fn needs_restart(&self, new: &Self) -> Vec<&'static str> {
        [
            ("server.connections", self.connections != new.connections),
            ("server.admin", self.admin != new.admin),
            ("counters.redis", self.counters_redis != new.counters_redis),
            ("responses.redis", self.responses_redis != new.responses_redis),
            ("server.keyValueFile", self.key_value_file != new.key_value_file),
            ("server.cacheMemory", self.cache_memory != new.cache_memory),
            ("server.cacheFile", self.cache_file != new.cache_file),
        ]
        .into_iter()
        .filter_map(|(name, differs)| differs.then_some(name))
        .collect()
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the URL of the Redis, which may hold a password.
        f.debug_struct("Settings").field("listeners", &self.listeners).finish_non_exhaustive()
    }
}
