//! The native server over real sockets.

// The future of an exchange is deep, and one test asks the compiler whether it may be sent.
#![recursion_limit = "256"]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what goes wrong in a test ends it"
)]

mod access;
mod access_tokens;
mod addresses;
mod admin;
mod api_keys;
mod bounds;
mod cache;
mod cache_file;
mod canary;
mod checks;
mod client_certificates;
mod commands;
mod concurrency;
mod connections;
mod containers;
mod demo;
mod departure;
mod discovery;
mod early;
mod failover;
mod failures;
mod flags;
mod floods;
mod frames;
mod framing;
mod heads;
mod hostile;
mod http1;
mod idle;
mod include;
mod init;
mod json;
mod lifecycle;
mod listeners;
mod load;
mod log;
mod logins;
mod manifest;
mod memory;
mod metrics;
mod operation;
mod output;
mod passwords;
mod proxy;
mod published_keys;
mod purges;
mod redis;
mod redis_servers;
mod repeat;
mod resets;
mod restricted;
mod revocation;
mod rollout;
mod rotation;
mod services;
mod settings;
mod shared_responses;
mod streams;
mod support;
#[cfg(target_os = "linux")]
mod terminal;
mod tls;
mod trailers;
#[cfg(target_os = "linux")]
mod trouble;
#[cfg(unix)]
mod unix_upstreams;
mod uploads;
mod upstream_tls;
mod upstreams;
mod variables;
mod versions;
mod websocket;
