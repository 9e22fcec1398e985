//! The addresses of an upstream's name, used in turn.
//!
//! A name may have several machines. Each request goes to the next address, as it goes to the next endpoint of an
//! upstream that has several. An address that fails to connect is skipped for a while.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gateway_core::ports::{self, IoError, IoErrorKind};
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::guard::Guard;
use super::names::Names;

/// The age from which a list of addresses is no longer used, unless a new look-up fails. Only a name that was not
/// called for that long has such a list.
const USABLE_FOR: Duration = Duration::from_secs(300);

/// The longest that a look-up may take before an older list is used anyway.
const PATIENCE: Duration = Duration::from_secs(1);

/// The addresses of an upstream's name.
#[derive(Debug)]
pub(super) struct Addresses {
    names: Names,
    /// Set if the name may lead to public addresses alone.
    guard: Option<Guard>,
    host: String,
    port: u16,
    /// Set if the host is an address itself.
    literal: bool,
    /// Set if there are several addresses; readable without a lock.
    several: AtomicBool,
    /// Set if the list is to be looked up again, whatever its age.
    is_stale: AtomicBool,
    known: Mutex<Known>,
    /// Held during a look-up.
    gate: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Known {
    list: Vec<Address>,
    /// The index of the address whose turn it is; may be beyond the end.
    turn: usize,
    /// The time of the latest look-up, successful or not.
    tried: Option<Instant>,
    /// Set if it found nothing but addresses that may not be called.
    is_prohibited: bool,
}

#[derive(Clone, Copy, Debug)]
struct Address {
    at: SocketAddr,
    /// The time until which it is skipped.
    down_until: Option<Instant>,
}

impl Addresses {
    /// The addresses of `host`, to be looked up on first use; `guard` keeps it off those that may not be called.
    pub(super) fn new(host: &str, port: u16, names: Names, guard: Option<Guard>) -> Self {
        let literal = host.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, port));
        let list = literal.into_iter().map(Address::new).collect();
        Self {
            names,
            guard,
            host: host.to_owned(),
            port,
            literal: literal.is_some(),
            several: AtomicBool::new(false),
            is_stale: AtomicBool::new(false),
            known: Mutex::new(Known { list, ..Known::default() }),
            gate: tokio::sync::Mutex::default(),
        }
    }

    /// Returns whether there are several.
    pub(super) fn are_several(&self) -> bool {
        self.several.load(Ordering::Relaxed)
    }

    /// Offers `take` the address whose turn it is. If that returns something, the turn passes to the next.
    pub(super) fn take_turn<T>(&self, take: impl FnOnce(SocketAddr) -> Option<T>) -> Option<T> {
        let mut known = self.known();
        let place = known.next(Instant::now())?;
        let taken = take(known.list.get(place)?.at)?;
        known.turn = place + 1;
        Some(taken)
    }

    /// Returns the addresses in the order of a new connection's attempts: from the one whose turn it is, with skipped
    /// ones at the end. The turn passes on. `within` is the caller's deadline, if it has one.
    ///
    /// # Errors
    /// [`IoErrorKind::Dns`] when no address is known, [`IoErrorKind::Prohibited`] when none that is may be called.
    pub(super) async fn in_order(&self, within: Option<Duration>) -> Result<Vec<SocketAddr>, IoError> {
        if self.known().list.is_empty() {
            self.look_up().await;
        } else if !self.is_usable() {
            let patience = within.map_or(PATIENCE, |within| PATIENCE.min(within / 2));
            let _ = tokio::time::timeout(patience, self.look_up()).await;
        }
        let mut known = self.known();
        let now = Instant::now();
        let none = if known.is_prohibited { IoErrorKind::Prohibited } else { IoErrorKind::Dns };
        let first = known.next(now).ok_or(IoError::before_send(none))?;
        known.turn = first + 1;
        let (before, from) = known.list.split_at_checked(first).unwrap_or_default();
        let mut order: Vec<_> = from.iter().chain(before).collect();
        order.sort_by_key(|address| address.is_down(now));
        Ok(order.into_iter().map(|address| address.at).collect())
    }

    /// Records that a connection to `address` failed.
    pub(super) fn set_down(&self, address: SocketAddr) {
        self.set(address, Some(Instant::now() + self.names.down_for));
    }

    /// Records that a connection to `address` succeeded.
    pub(super) fn set_up(&self, address: SocketAddr) {
        self.set(address, None);
    }

    fn set(&self, address: SocketAddr, down_until: Option<Instant>) {
        if let Some(known) = self.known().list.iter_mut().find(|known| known.at == address) {
            known.down_until = down_until;
        }
    }

    /// Looks the name up again, on a task of its own, if that is due.
    pub(super) fn renew(self: &Arc<Self>) {
        let is_recent = self.age().is_some_and(|age| age < self.names.fresh_for);
        let is_fresh = self.literal || is_recent && !self.is_stale.load(Ordering::Relaxed);
        if is_fresh || self.gate.try_lock().is_err() {
            return;
        }
        if let Ok(runtime) = Handle::try_current() {
            let addresses = Arc::clone(self);
            runtime.spawn(async move { addresses.look_up().await });
        }
    }

    /// Has the name looked up again with the next [`renew`](Self::renew), however recent the list is.
    pub(super) fn set_stale(&self) {
        self.is_stale.store(true, Ordering::Relaxed);
    }

    /// The known addresses.
    pub(super) fn list(&self) -> Vec<ports::Address> {
        let now = Instant::now();
        let told = |address: &Address| ports::Address { address: address.at, down: address.is_down(now) };
        self.known().list.iter().map(told).collect()
    }

    fn is_usable(&self) -> bool {
        self.literal || self.age().is_some_and(|age| age < USABLE_FOR)
    }

    fn age(&self) -> Option<Duration> {
        self.known().tried.map(|tried| tried.elapsed())
    }

    /// Looks the name up, once for all simultaneous callers. A failure changes nothing.
    async fn look_up(&self) {
        let asked = Instant::now();
        let _held = self.gate.lock().await;
        if self.known().tried.is_some_and(|tried| tried >= asked) {
            return;
        }
        self.is_stale.store(false, Ordering::Relaxed);
        let found = self.names.resolver.look_up(&self.host, self.port).await;
        let mut known = self.known();
        known.tried = Some(Instant::now());
        let Ok(mut found) = found else { return };
        // INVARIANT: what is in the list may be called, whoever looked it up.
        known.is_prohibited = self.guard.as_ref().is_some_and(|guard| guard.admit(&mut found));
        if !found.is_empty() {
            known.replace(found);
            self.several.store(known.list.len() > 1, Ordering::Relaxed);
        }
    }

    /// A panic elsewhere leaves the list intact.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// The index of the address whose turn it is at `now`: the next that is not skipped; if all are, the next.
    fn next(&self, now: Instant) -> Option<usize> {
        let count = self.list.len();
        let turn = self.turn.checked_rem(count)?;
        let is_up = |place: &usize| self.list.get(*place).is_some_and(|address| !address.is_down(now));
        Some((turn..count).chain(0..turn).find(is_up).unwrap_or(turn))
    }

    /// Replaces the list by `found`. The state of an address that stays is kept.
    fn replace(&mut self, found: Vec<SocketAddr>) {
        let mut list: Vec<Address> = Vec::with_capacity(found.len());
        for at in interleave(found) {
            if list.iter().all(|listed| listed.at != at) {
                let known = self.list.iter().find(|known| known.at == at).copied();
                list.push(known.unwrap_or_else(|| Address::new(at)));
            }
        }
        self.list = list;
    }
}

impl Address {
    const fn new(at: SocketAddr) -> Self {
        Self { at, down_until: None }
    }

    fn is_down(&self, now: Instant) -> bool {
        self.down_until.is_some_and(|until| now < until)
    }
}

/// Alternates between the families, in the resolver's order otherwise (RFC 8305 §4).
fn interleave(list: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let starts_v6 = list.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = list.into_iter().partition(|address| address.is_ipv6() == starts_v6);
    let mut second = second.into_iter();
    let mut mixed = Vec::new();
    for address in first {
        mixed.push(address);
        mixed.extend(second.next());
    }
    mixed.extend(second);
    mixed
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::atomic::AtomicUsize;

    use super::super::names::{LookUp, Resolve};
    use super::*;
    use crate::health::Health;

    /// A resolver with prepared answers.
    #[derive(Debug, Default)]
    struct Table {
        list: Mutex<Option<Vec<SocketAddr>>>,
        asked: AtomicUsize,
        hangs: AtomicBool,
    }

    impl Table {
        fn set(&self, list: Option<&[&str]>) {
            *self.list.lock().unwrap() = list.map(|list| list.iter().copied().map(address).collect());
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::SeqCst)
        }
    }

    impl Resolve for Table {
        fn look_up<'h>(&'h self, _: &'h str, _: u16) -> LookUp<'h> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let list = self.list.lock().unwrap().clone();
            Box::pin(async move {
                tokio::task::yield_now().await;
                if self.hangs.load(Ordering::SeqCst) {
                    std::future::pending::<()>().await;
                }
                list.ok_or(io::ErrorKind::TimedOut.into())
            })
        }
    }

    const A: &str = "10.0.0.1:80";
    const B: &str = "10.0.0.2:80";
    const C: &str = "[2001:db8::1]:80";

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn addresses(list: &[&str]) -> (Arc<Addresses>, Arc<Table>) {
        guarded(list, None)
    }

    fn guarded(list: &[&str], guard: Option<Guard>) -> (Arc<Addresses>, Arc<Table>) {
        let table = Arc::new(Table::default());
        table.set(Some(list));
        let resolver: Arc<dyn Resolve> = Arc::<Table>::clone(&table);
        let names = Names { resolver, ..Names::default() };
        (Arc::new(Addresses::new("u.test", 80, names, guard)), table)
    }

    async fn order(addresses: &Addresses) -> Vec<String> {
        addresses.in_order(None).await.unwrap().iter().map(ToString::to_string).collect()
    }

    /// docs/configuration.md, Upstreams: the addresses of a name are called in turn.
    #[tokio::test(start_paused = true)]
    async fn addresses_take_turns() {
        let (addresses, table) = addresses(&[A, B, C]);
        assert_eq!(order(&addresses).await, [A, C, B]);
        assert_eq!(order(&addresses).await, [C, B, A]);
        assert_eq!(addresses.take_turn(Some), Some(address(B)));
        assert_eq!(addresses.take_turn(Some), Some(address(A)));
        // A turn without a connection is kept: a new connection is for it.
        assert_eq!(addresses.take_turn(|_| None::<()>), None);
        assert_eq!(order(&addresses).await, [C, B, A]);
        assert_eq!(table.asked(), 1);
    }

    /// docs/configuration.md, Upstreams: an address that fails to connect is skipped for 10 s, and tried last before
    /// that.
    #[tokio::test(start_paused = true)]
    async fn an_address_that_is_down_has_no_turn() {
        let (addresses, _) = addresses(&[A, B]);
        assert_eq!(order(&addresses).await, [A, B]);
        addresses.set_down(address(B));
        assert_eq!(order(&addresses).await, [A, B]);
        assert_eq!(addresses.take_turn(Some), Some(address(A)));
        let down = |at, down| ports::Address { address: address(at), down };
        assert_eq!(addresses.list(), [down(A, false), down(B, true)]);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(order(&addresses).await, [B, A]);
        addresses.set_down(address(A));
        addresses.set_up(address(A));
        assert_eq!(order(&addresses).await, [A, B]);
    }

    #[tokio::test(start_paused = true)]
    async fn where_all_are_down_all_are_tried() {
        let (addresses, _) = addresses(&[A, B]);
        assert_eq!(order(&addresses).await, [A, B]);
        addresses.set_down(address(A));
        addresses.set_down(address(B));
        assert_eq!(order(&addresses).await, [B, A]);
        assert_eq!(order(&addresses).await, [A, B]);
    }

    /// docs/configuration.md, Upstreams: a name is looked up again after 30 s; meanwhile the old list serves.
    #[tokio::test(start_paused = true)]
    async fn a_name_is_looked_up_again_beside_the_requests() {
        let (addresses, table) = addresses(&[A]);
        assert_eq!(order(&addresses).await, [A]);
        table.set(Some(&[B, A]));
        tokio::time::advance(Duration::from_secs(29)).await;
        addresses.renew();
        tokio::task::yield_now().await;
        assert_eq!(table.asked(), 1);
        tokio::time::advance(Duration::from_secs(1)).await;
        addresses.renew();
        assert_eq!(order(&addresses).await, [A]);
        for _ in 0..5 {
            addresses.renew();
            tokio::task::yield_now().await;
        }
        assert_eq!(table.asked(), 2);
        assert!(addresses.are_several());
        assert_eq!(order(&addresses).await, [A, B]);
    }

    /// docs/configuration.md, Upstreams: a reload looks every name up again.
    #[tokio::test(start_paused = true)]
    async fn a_stale_list_is_looked_up_again_whatever_its_age() {
        let (addresses, table) = addresses(&[A]);
        assert_eq!(order(&addresses).await, [A]);
        table.set(Some(&[B]));
        tokio::time::advance(Duration::from_millis(1)).await;
        addresses.set_stale();
        for _ in 0..5 {
            addresses.renew();
            tokio::task::yield_now().await;
        }
        assert_eq!(table.asked(), 2);
        assert_eq!(order(&addresses).await, [B]);
    }

    /// docs/configuration.md, Upstreams: a look-up that fails, or finds nothing, leaves the old list.
    #[tokio::test(start_paused = true)]
    async fn a_look_up_that_fails_keeps_what_was_known() {
        let (addresses, table) = addresses(&[A, B]);
        assert_eq!(order(&addresses).await, [A, B]);
        for nothing in [None, Some(&[][..])] {
            table.set(nothing);
            // So old that the look-up comes first.
            tokio::time::advance(USABLE_FOR).await;
            assert_eq!(addresses.in_order(None).await.unwrap().len(), 2);
        }
        assert_eq!(table.asked(), 3);
    }

    /// An unresponsive name server must not use up the time for connecting.
    #[tokio::test(start_paused = true)]
    async fn a_look_up_that_hangs_is_not_waited_for_while_there_is_a_list() {
        let (addresses, table) = addresses(&[A]);
        assert_eq!(order(&addresses).await, [A]);
        tokio::time::advance(USABLE_FOR).await;
        table.hangs.store(true, Ordering::SeqCst);
        let within = Duration::from_millis(400);
        let listed = tokio::time::timeout(within, addresses.in_order(Some(within))).await;
        assert_eq!(listed, Ok(Ok(vec![address(A)])));
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_without_an_address_is_an_error_until_it_has_one() {
        let (addresses, table) = addresses(&[]);
        let error = IoError::before_send(IoErrorKind::Dns);
        assert_eq!(addresses.in_order(None).await, Err(error));
        tokio::time::advance(Duration::from_millis(1)).await;
        table.set(None);
        assert_eq!(addresses.in_order(None).await, Err(error));
        tokio::time::advance(Duration::from_millis(1)).await;
        table.set(Some(&[A]));
        assert_eq!(order(&addresses).await, [A]);
    }

    /// docs/configuration.md, Where the gateway goes by itself: whatever a name leads to, and however often that changes.
    #[tokio::test(start_paused = true)]
    async fn a_guarded_name_leads_to_public_addresses_alone() {
        let health = Arc::new(Health::default());
        let (addresses, table) = guarded(&[A], Some(Guard::new(Arc::clone(&health), "issuers.corp.jwks")));
        let prohibited = Err(IoError::before_send(IoErrorKind::Prohibited));
        assert_eq!(addresses.in_order(None).await, prohibited);
        assert_eq!(health.failures(), 1);
        for (inner, count) in [("169.254.169.254:80", 2), ("[::1]:80", 3), ("[::ffff:10.0.0.1]:80", 4)] {
            table.set(Some(&[inner]));
            tokio::time::advance(Duration::from_millis(1)).await;
            assert_eq!(addresses.in_order(None).await, prohibited, "{inner}");
            assert_eq!(health.failures(), count);
        }

        // Of several, those that are public.
        table.set(Some(&[A, "1.1.1.1:80", "127.0.0.1:80"]));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(order(&addresses).await, ["1.1.1.1:80"]);
        assert!(!health.is_failing());

        // What was looked up before stays; what comes now is never called.
        table.set(Some(&[A]));
        tokio::time::advance(USABLE_FOR).await;
        assert_eq!(order(&addresses).await, ["1.1.1.1:80"]);
        assert!(health.is_failing());
        assert_eq!(addresses.list().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_ask_at_once_wait_for_one_look_up() {
        let (addresses, table) = addresses(&[A]);
        let one = Arc::clone(&addresses);
        let one = tokio::spawn(async move { one.in_order(None).await });
        let two = tokio::spawn(async move { addresses.in_order(None).await });
        assert!(one.await.unwrap().is_ok() && two.await.unwrap().is_ok());
        assert_eq!(table.asked(), 1);
    }

    #[tokio::test]
    async fn an_address_is_never_looked_up() {
        let table: Arc<dyn Resolve> = Arc::new(Table::default());
        for (host, at) in [("10.0.0.1", A), ("2001:db8::1", C)] {
            let names = Names { resolver: Arc::clone(&table), ..Names::default() };
            assert_eq!(order(&Addresses::new(host, 80, names, None)).await, [at]);
        }
    }

    #[test]
    fn alternates_between_address_families() {
        let list = ["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"].map(address).to_vec();
        let expected = ["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"].map(address).to_vec();
        assert_eq!(interleave(list), expected);
    }
}
