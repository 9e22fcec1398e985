//! The wrong credentials that clients have stated lately.
//!
//! To check a credential costs the gateway, or somebody whom it asks, more than it costs the client to make one up. So the wrong ones
//! of each client are bounded. A try counts from its beginning on, and one that was good is given back: many at once are bounded, too.

use core::hash::Hasher;
use core::time::Duration;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;
use rustc_hash::{FxBuildHasher, FxHasher};

use super::gcra;
use super::quota::Quota;
use crate::time::Timestamp;

/// The credentials of one client about which somebody is asked, and that are wrong: a hundred at once, then one in a second.
pub const ASKED: Quota = Quota { limit: 60, window: Duration::from_secs(60), burst: 100 };

/// The most clients of one generation; there are two.
const MOST_CLIENTS: usize = 2_048;

/// The tries of clients, by their addresses. When there are too many clients, those go that have not tried anything lately.
#[derive(Debug, Default)]
pub struct Tries(Mutex<Generations>);

#[derive(Debug, Default)]
struct Generations {
    young: Cells,
    old: Cells,
}

type Cells = HashMap<u64, u64, FxBuildHasher>;

impl Tries {
    /// Returns whether another try of the client at this `address` is within `quota` at `now`, and counts it.
    pub fn begin(&self, address: Option<IpAddr>, now: Timestamp, quota: Quota) -> bool {
        let client = client(address);
        let mut cells = self.cells();
        let state = cells.take(client);
        let (next, verdict) = gcra::decide(state, now, quota, 1);
        cells.put(client, next);
        verdict.admitted
    }

    /// Takes back a try that has begun, since it says nothing against the client.
    pub fn give_back(&self, address: Option<IpAddr>, quota: Quota) {
        let client = client(address);
        let mut cells = self.cells();
        if let Some(state) = cells.take(client) {
            cells.put(client, gcra::give_back(state, quota));
        }
    }

    /// A panic elsewhere leaves the cells usable: at worst a try is missing.
    fn cells(&self) -> MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn take(&mut self, client: u64) -> Option<u64> {
        self.young.remove(&client).or_else(|| self.old.remove(&client))
    }

    fn put(&mut self, client: u64, state: u64) {
        if self.young.len() >= MOST_CLIENTS {
            self.old = core::mem::take(&mut self.young);
        }
        self.young.insert(client, state);
    }
}

/// The client at this `address`: of IPv6, whoever has one address has the 64 bits behind it (RFC 4291 §2.5.4). All whose address is not
/// known count as one.
fn client(address: Option<IpAddr>) -> u64 {
    let mut hasher = FxHasher::default();
    match address.map(|address| address.to_canonical()) {
        None => {}
        Some(IpAddr::V4(address)) => hasher.write(&address.octets()),
        Some(IpAddr::V6(address)) => hasher.write_u64((u128::from(address) >> 64) as u64),
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_millis(1_800_000_000_000);
    const QUOTA: Quota = Quota { limit: 10, window: Duration::from_secs(60), burst: 3 };

    fn admitted(tries: &Tries, address: &str, number: usize) -> usize {
        (0..number).filter(|_| tries.begin(address.parse().ok(), NOW, QUOTA)).count()
    }

    /// docs/configuration.md, API keys, and Tokens that their issuer is asked about: each client has tries of its own, and only wrong ones count.
    #[test]
    fn only_wrong_tries_count_and_each_clients_for_itself() {
        let tries = Tries::default();
        for _ in 0..100 {
            assert_eq!(admitted(&tries, "192.0.2.1", 1), 1);
            tries.give_back("192.0.2.1".parse().ok(), QUOTA);
        }
        assert_eq!(admitted(&tries, "192.0.2.1", 10), 3);
        assert_eq!(admitted(&tries, "::ffff:192.0.2.1", 10), 0);
        assert_eq!(admitted(&tries, "192.0.2.2", 10), 3);
        assert!(tries.begin("192.0.2.1".parse().ok(), NOW.saturating_add(Duration::from_secs(6)), QUOTA));
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let tries = Tries::default();
        assert_eq!(admitted(&tries, "2001:db8::1", 10), 3);
        assert_eq!(admitted(&tries, "2001:db8::ffff:1", 10), 0);
        assert_eq!(admitted(&tries, "2001:db8:0:1::1", 10), 3);
        assert_eq!(admitted(&tries, "unknown", 10), 3);
    }

    #[test]
    fn the_memory_is_bounded() {
        let tries = Tries::default();
        for number in 0..10_000_u32 {
            tries.begin(Some(IpAddr::V4(number.into())), NOW, QUOTA);
        }
        let cells = tries.cells();
        assert!(cells.young.len() + cells.old.len() <= 2 * MOST_CLIENTS);
    }
}
