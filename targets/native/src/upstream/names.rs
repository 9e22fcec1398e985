//! The look-up of upstreams' names.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// The age from which a list of addresses is looked up again, while the old one is in use.
const FRESH_FOR: Duration = Duration::from_secs(30);

/// The time for which an address that failed to connect is skipped.
const DOWN_FOR: Duration = Duration::from_secs(10);

/// A look-up under way.
pub type LookUp<'h> = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'h>>;

/// A way to look up names.
pub trait Resolve: fmt::Debug + Send + Sync {
    /// Looks up the addresses of `host`, each with `port`, the best first.
    fn look_up<'h>(&'h self, host: &'h str, port: u16) -> LookUp<'h>;
}

/// The system's own resolver: files, name servers and its other sources.
#[derive(Clone, Copy, Debug)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn look_up<'h>(&'h self, host: &'h str, port: u16) -> LookUp<'h> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
    }
}

/// The resolver of names, and the lifetime of its results.
#[derive(Clone, Debug)]
pub struct Names {
    /// The resolver.
    pub resolver: Arc<dyn Resolve>,
    /// The age from which a list of addresses is looked up again, while the old one is in use.
    pub fresh_for: Duration,
    /// The time for which an address that failed to connect is skipped.
    pub down_for: Duration,
}

impl Default for Names {
    fn default() -> Self {
        Self { resolver: Arc::new(SystemResolver), fresh_for: FRESH_FOR, down_for: DOWN_FOR }
    }
}
