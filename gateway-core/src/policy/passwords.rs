//! The passwords that were right lately, with the clients that have shown them, and the comparisons that are under way.
//!
//! To compare a password takes the gateway milliseconds, and each is a guess. So a client has one comparison under way at a time, and a bounded number of
//! wrong ones. That others have shown a password helps nobody who guesses: from a client that has not, each password counts, and beyond
//! the bound none is looked at, be it right.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::api_key::KeyDigest;
use super::quota::Quota;
use super::tries::Tries;
use crate::time::Timestamp;

/// The wrong passwords of one client that are looked at: ten at once, then one in ten seconds.
const GUESSES: Quota = Quota { limit: 6, window: core::time::Duration::from_secs(60), burst: 10 };

/// The most passwords of one generation; there are two.
const MOST_PASSWORDS: usize = 512;

/// The most clients of a password. When there are more, the one that has come first has to show it anew.
const MOST_CLIENTS: usize = 8;

/// What is known of passwords. When there are too many, those go that were not stated lately.
#[derive(Debug, Default)]
pub struct Passwords {
    memory: Mutex<Memory>,
    tries: Tries,
}

#[derive(Debug, Default)]
struct Memory {
    young: Generation,
    old: Generation,
    /// The clients that have a comparison under way. Each is held by a [`Comparison`].
    busy: HashMap<Client, (), FxBuildHasher>,
}

type Generation = HashMap<u64, Right, FxBuildHasher>;

/// A password that is right.
#[derive(Debug)]
struct Right {
    digest: KeyDigest,
    clients: Vec<Client>,
}

/// Whoever has one network: an IPv4 address, or the 56 bits of IPv6 that the smallest of sites has (RFC 6177 §2). All whose address is
/// not known count as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Client(Option<IpAddr>);

impl Client {
    /// The one at this `address`.
    #[must_use]
    pub fn of(address: Option<IpAddr>) -> Self {
        Self(address.map(|address| match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) >> 72 << 72)),
            address @ IpAddr::V4(_) => address,
        }))
    }

    /// The place where its requests wait for one another.
    #[must_use]
    pub fn meeting(self) -> String {
        format!("password:{:?}", self.0)
    }
}

/// What comes of a password that a client has stated.
#[derive(Debug)]
pub enum Turn {
    /// It is right.
    Right,
    /// Another one of the client is being compared.
    Wait,
    /// The client has stated too many wrong ones.
    TooMany,
    /// It is to be compared.
    Compare(Comparison),
}

impl Passwords {
    /// Returns whether `client` has shown the password of this digest, and it was right.
    pub fn is_shown(&self, digest: KeyDigest, client: Client) -> bool {
        self.memory().find(digest).is_some_and(|right| right.clients.contains(&client))
    }

    /// Returns whether a password of `client` is being compared.
    pub fn is_busy(&self, client: Client) -> bool {
        self.memory().busy.contains_key(&client)
    }

    /// Begins with a password of this digest that `client` has stated at `now`.
    pub fn begin(self: &Arc<Self>, digest: KeyDigest, client: Client, now: Timestamp) -> Turn {
        let mut memory = self.memory();
        if memory.find(digest).is_some_and(|right| right.clients.contains(&client)) {
            return Turn::Right;
        }
        if memory.busy.contains_key(&client) {
            return Turn::Wait;
        }
        // Before anything tells whether it is right.
        if !self.tries.begin(client.0, now, GUESSES) {
            return Turn::TooMany;
        }
        if let Some(right) = memory.find(digest) {
            right.show(client);
            self.tries.give_back(client.0, GUESSES);
            return Turn::Right;
        }
        memory.busy.insert(client, ());
        Turn::Compare(Comparison { passwords: Arc::clone(self), digest, client, is_wrong: false })
    }

    /// A panic elsewhere leaves the memory usable: at worst a password is missing.
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn find(&mut self, digest: KeyDigest) -> Option<&mut Right> {
        let place = digest.place();
        if !self.young.contains_key(&place) {
            let right = self.old.remove(&place)?;
            self.put(right);
        }
        self.young.get_mut(&place).filter(|right| right.digest.is(digest))
    }

    fn put(&mut self, right: Right) {
        if self.young.len() >= MOST_PASSWORDS {
            self.old = core::mem::take(&mut self.young);
        }
        self.young.insert(right.digest.place(), right);
    }
}

impl Right {
    fn show(&mut self, client: Client) {
        if !self.clients.contains(&client) {
            if self.clients.len() >= MOST_CLIENTS {
                self.clients.remove(0);
            }
            self.clients.push(client);
        }
    }
}

/// The comparison of a password, which ends with it. It counts as a guess if it says that the password is wrong.
#[derive(Debug)]
pub struct Comparison {
    passwords: Arc<Passwords>,
    digest: KeyDigest,
    client: Client,
    is_wrong: bool,
}

impl Comparison {
    /// Ends with its outcome, whoever waits for it by now.
    pub fn settle(mut self, is_right: bool) {
        if is_right {
            let mut memory = self.passwords.memory();
            match memory.find(self.digest) {
                Some(right) => right.show(self.client),
                None => memory.put(Right { digest: self.digest, clients: Vec::from([self.client]) }),
            }
        }
        self.is_wrong = !is_right;
    }
}

impl Drop for Comparison {
    fn drop(&mut self) {
        if !self.is_wrong {
            self.passwords.tries.give_back(self.client.0, GUESSES);
        }
        self.passwords.memory().busy.remove(&self.client);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_millis(1_800_000_000_000);

    fn client(address: &str) -> Client {
        Client::of(Some(address.parse().unwrap()))
    }

    fn digest(number: u32) -> KeyDigest {
        let mut bytes = [7; 32];
        bytes[..4].copy_from_slice(&number.to_le_bytes());
        KeyDigest::of(bytes)
    }

    /// States the password with this number, which is right or not. Returns a word for what comes of it.
    fn state(passwords: &Arc<Passwords>, number: u32, client: Client, is_right: bool) -> &'static str {
        match passwords.begin(digest(number), client, NOW) {
            Turn::Right => "known",
            Turn::Wait => "wait",
            Turn::TooMany => "too many",
            Turn::Compare(comparison) => {
                comparison.settle(is_right);
                if is_right { "right" } else { "wrong" }
            }
        }
    }

    /// docs/configuration.md, Names and passwords: Guesses.
    #[test]
    fn beyond_the_bound_no_password_is_looked_at_be_it_right() {
        let passwords = Arc::new(Passwords::default());
        let (owner, stranger) = (client("192.0.2.1"), client("198.51.100.7"));
        assert_eq!(state(&passwords, 0, owner, true), "right");
        for number in 1..=10 {
            assert_eq!(state(&passwords, number, stranger, false), "wrong");
        }
        assert_eq!(state(&passwords, 11, stranger, false), "too many");
        assert_eq!(state(&passwords, 0, stranger, true), "too many");
        assert!(passwords.is_shown(digest(0), owner) && !passwords.is_shown(digest(0), stranger));
        assert_eq!(state(&passwords, 0, owner, true), "known");
    }

    /// The same: who has shown it before is not held up, and right ones do not count.
    #[test]
    fn right_passwords_do_not_count() {
        let passwords = Arc::new(Passwords::default());
        let office = client("192.0.2.1");
        for number in 0..100 {
            assert_eq!(state(&passwords, number, office, true), "right");
        }
        for number in 100..110 {
            assert_eq!(state(&passwords, number, office, false), "wrong");
        }
        assert_eq!(state(&passwords, 50, office, true), "known");
        assert_eq!(state(&passwords, 50, client("192.0.2.2"), true), "known");
        for number in 0..30 {
            assert_eq!(state(&passwords, 50, client(&format!("192.0.2.{}", number + 10)), true), "known");
        }
        assert!(!passwords.is_shown(digest(50), office), "the clients of a password are bounded");
        let memory = passwords.memory();
        assert!(memory.young.values().chain(memory.old.values()).all(|right| right.clients.len() <= MOST_CLIENTS));
    }

    /// The same: one comparison of a client at a time, also of whoever has many addresses.
    #[test]
    fn a_client_has_one_comparison_under_way() {
        let passwords = Arc::new(Passwords::default());
        let (one, neighbour, other) =
            (client("2001:db8:0:100::1"), client("2001:db8:0:1ff::2"), client("2001:db8:0:200::1"));
        let Turn::Compare(comparison) = passwords.begin(digest(1), one, NOW) else { panic!() };
        assert_eq!(state(&passwords, 2, neighbour, true), "wait");
        assert_eq!(state(&passwords, 3, other, true), "right");
        comparison.settle(true);
        assert!(!passwords.is_busy(one));
        assert_eq!(state(&passwords, 1, neighbour, true), "known");
    }

    /// A comparison that never came about is nobody's fault.
    #[test]
    fn a_comparison_without_an_outcome_does_not_count() {
        let passwords = Arc::new(Passwords::default());
        let one = client("192.0.2.1");
        for number in 0..100 {
            let Turn::Compare(comparison) = passwords.begin(digest(number), one, NOW) else { panic!() };
            drop(comparison);
        }
        assert_eq!(state(&passwords, 1, one, true), "right");
    }

    #[test]
    fn the_memory_is_bounded_and_what_is_stated_stays() {
        let passwords = Arc::new(Passwords::default());
        let one = client("192.0.2.1");
        for number in 0..5_000 {
            state(&passwords, number, one, true);
            assert!(passwords.is_shown(digest(0), one));
        }
        let memory = passwords.memory();
        assert!(memory.young.len() + memory.old.len() <= 2 * MOST_PASSWORDS);
        assert!(memory.busy.is_empty());
    }
}
