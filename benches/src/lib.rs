//! Configurations of any size and a platform without I/O, for the benchmarks of the core and the comparison with others.

pub mod configuration;
pub mod platform;

use std::net::{IpAddr, Ipv4Addr};

use gateway_core::plan::{self, Plan, Secrets};
use gateway_core::ports::{Peer, Platform, Scheme};

pub use platform::{Still, UPSTREAM_BODY};

/// The client of every benchmark.
pub static PEER: Peer = Peer::new(Some(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7))), Scheme::Http);

struct NoSecrets;

impl Secrets for NoSecrets {
    fn secret(&self, _: &str) -> Option<String> {
        None
    }
}

/// The plan of a configuration that this crate made.
///
/// # Panics
/// With every mistake of the configuration, if it has any.
#[must_use]
#[expect(clippy::panic, reason = "a benchmark of a wrong configuration must not run")]
pub fn load(text: &str) -> Plan {
    match plan::load(text, &Still::CAPABILITIES, &NoSecrets) {
        Ok(plan) => plan,
        Err(diagnostics) => panic!("{diagnostics:#?}"),
    }
}
