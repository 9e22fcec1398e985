//! Names that may lead to public addresses alone (OWASP, Server-Side Request Forgery Prevention).
//!
//! Each address is looked at once it is known and before anything connects to it, after every look-up: so a name that leads elsewhere
//! the next time is of no use, and neither is another spelling of an address.

use std::net::SocketAddr;
use std::sync::Arc;

use gateway_core::ports::is_public;

use crate::health::Health;

/// A guard of the look-ups of one name.
#[derive(Debug)]
pub struct Guard(Arc<Health>);

impl Guard {
    /// The guard that tells `health` where a name leads to no address that may be called.
    pub(crate) const fn new(health: Arc<Health>) -> Self {
        Self(health)
    }

    /// Leaves the public addresses in `found`. Returns whether others were all that there was.
    pub(super) fn admit(&self, found: &mut Vec<SocketAddr>) -> bool {
        let refused = found.iter().find(|address| !is_public(address.ip())).map(SocketAddr::ip);
        found.retain(|address| is_public(address.ip()));
        match refused.filter(|_| found.is_empty()) {
            Some(refused) => {
                let reason = format!(
                    "it leads to {refused}, which is not public; if it is meant to, name an upstream that is called by it: \
                     `\"upstream\": \"…\"`"
                );
                self.0.failed(1, &reason);
                true
            }
            None => {
                self.0.succeeded();
                false
            }
        }
    }
}
