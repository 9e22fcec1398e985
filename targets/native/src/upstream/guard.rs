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
pub struct Guard {
    health: Arc<Health>,
    /// The way to call a name all the same.
    mend: String,
}

impl Guard {
    /// The guard that tells `health` where a name leads to no address that may be called. The name is at this place in the configuration.
    pub(crate) fn new(health: Arc<Health>, place: &str) -> Self {
        let mend = match place.rsplit_once('.') {
            // It is of the issuer's own origin, and these are not.
            Some((issuer, member)) if member.starts_with("origins[") => format!(
                "`{issuer}.upstream` is for the issuer's own origin alone; if it is meant to, read the keys there by `{issuer}.jwks` \
                 and `upstream`, in place of `discovery` and `origins`"
            ),
            parted => {
                let owner = parted.map_or(place, |(owner, _)| owner);
                format!("if it is meant to, name an upstream by which it is called: `{owner}.upstream`")
            }
        };
        Self { health, mend }
    }

    /// Leaves the public addresses in `found`. Returns whether others were all that there was.
    pub(super) fn admit(&self, found: &mut Vec<SocketAddr>) -> bool {
        let refused = found.iter().find(|address| !is_public(address.ip())).map(SocketAddr::ip);
        found.retain(|address| is_public(address.ip()));
        match refused.filter(|_| found.is_empty()) {
            Some(refused) => {
                self.health.failed(1, &format_args!("it leads to {refused}, which is not public; {}", self.mend));
                true
            }
            None => {
                self.health.succeeded();
                false
            }
        }
    }
}
