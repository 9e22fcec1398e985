//! The stores of counters, and how exactly a limit counts in each.

use crate::config::Accuracy;

/// A store of counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// The memory of the process.
    Memory,
    /// A Redis that gateways share.
    Redis,
    /// One Durable Object for each cell.
    DurableObject,
    /// The SQLite database of a Spin application.
    Sqlite,
    /// A RateLimiter binding of Workers.
    RateLimiter,
}

impl Store {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Redis => "Redis",
            Self::DurableObject => "Durable Object",
            Self::Sqlite => "SQLite",
            Self::RateLimiter => "RateLimiter binding",
        }
    }

    /// The accuracy of a limit that counts here, and is leased or not; none where several count for themselves.
    #[must_use]
    pub const fn accuracy(self, is_leased: bool) -> Option<Accuracy> {
        match self {
            Self::Memory | Self::RateLimiter => None,
            _ if is_leased => Some(Accuracy::Bounded),
            Self::Redis | Self::DurableObject | Self::Sqlite => Some(Accuracy::Exact),
        }
    }

    /// The same in words.
    #[must_use]
    pub const fn bound(self, is_leased: bool) -> &'static str {
        match (self, is_leased) {
            (Self::Memory, false) => "exact in one process, and each gateway counts for itself",
            (Self::Memory, true) => {
                "a window admits what the limit grants in `window + hold`, and each gateway counts for itself"
            }
            (Self::Redis, false) => "exact for all gateways that share it, but for writes that a failover loses",
            (Self::Redis, true) => {
                "a window admits what the limit grants in `window + hold`, but for writes that a failover loses"
            }
            (Self::RateLimiter, _) => "approximate, and each location counts for itself",
            (Self::DurableObject, false) => "exact",
            (Self::Sqlite, false) => "exact for all instances on one database",
            (Self::DurableObject | Self::Sqlite, true) => "a window admits what the limit grants in `window + hold`",
        }
    }

    /// The message for a limit that is to be more accurate than it can be here, and the remedy; none if it is accurate enough.
    #[must_use]
    pub fn refusal(self, wanted: Accuracy, is_leased: bool) -> Option<(String, &'static str)> {
        match (wanted, self.accuracy(is_leased)) {
            (_, None) if matches!(self, Self::RateLimiter) => Some((
                format!("a {} counts approximately, and each location for itself", self.name()),
                "leave `binding` out: a Durable Object is exact",
            )),
            (_, None) => Some((
                format!("in {}, each gateway counts for itself", self.name()),
                "name a store that gateways share: `\"counters\": {\"redis\": \"redis://host:6379\"}`",
            )),
            (Accuracy::Exact, Some(Accuracy::Bounded)) => Some((
                format!("in {} with a lease, the limit is bounded and not exact", self.name()),
                "leave `lease` out, or write `\"accuracy\": \"bounded\"`",
            )),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// docs/configuration.md, Accuracy: the table.
    #[test]
    fn each_store_has_the_accuracy_that_is_documented() {
        use Accuracy::{Bounded, Exact};
        use Store::{DurableObject, Memory, Redis, Sqlite};
        for store in [Redis, DurableObject, Sqlite] {
            assert_eq!((store.accuracy(false), store.accuracy(true)), (Some(Exact), Some(Bounded)));
            assert_eq!(store.refusal(Exact, false), None);
            assert_eq!((store.refusal(Bounded, false), store.refusal(Bounded, true)), (None, None));
            let (message, _) = store.refusal(Exact, true).unwrap();
            assert!(message.contains(store.name()), "{message}");
        }
        for wanted in [Exact, Bounded] {
            let (message, help) = Store::RateLimiter.refusal(wanted, false).unwrap();
            assert!(message.contains("each location for itself") && help.contains("Durable Object"), "{message}");
        }
        for (wanted, is_leased) in [(Exact, false), (Exact, true), (Bounded, false), (Bounded, true)] {
            let (message, help) = Memory.refusal(wanted, is_leased).unwrap();
            assert!(message.contains("each gateway counts for itself") && help.contains("redis"), "{message}");
        }
    }
}
