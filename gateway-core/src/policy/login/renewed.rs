//! Sessions that were renewed lately, for requests that come with the cookie from before: a page sends many at once.

use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::session::Session;

/// The time for which others go on with the old tokens, while one request asks for new ones and its browser stores them.
pub const GRACE: Duration = Duration::from_secs(30);

/// The longest that a request whose tokens have ended waits for the one that asks.
pub const WAIT: Duration = Duration::from_secs(5);

/// The most sessions that are remembered; with another one the oldest goes.
const MOST: usize = 256;

/// Renewed sessions, by what tells the cookies from before. Times are those of the process's monotonic clock.
#[derive(Default)]
pub struct Renewed(Mutex<Vec<(String, Session, Duration)>>);

impl Renewed {
    /// What has followed the session that `cell` is of.
    #[must_use]
    pub fn find(&self, cell: &str, now: Duration) -> Option<Session> {
        let known = self.known();
        let is_it = |(own, _, at): &&(String, Session, Duration)| own == cell && now.saturating_sub(*at) < GRACE;
        known.iter().find(is_it).map(|(_, session, _)| session.clone())
    }

    /// Remembers that `session` follows the one that `cell` is of.
    pub fn keep(&self, cell: String, session: &Session, now: Duration) {
        let mut known = self.known();
        known.retain(|(_, _, at)| now.saturating_sub(*at) < GRACE);
        if known.len() >= MOST {
            known.remove(0);
        }
        known.push((cell, session.clone(), now));
    }

    /// A panic elsewhere leaves the memory usable: at worst a session is missing.
    fn known(&self) -> MutexGuard<'_, Vec<(String, Session, Duration)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl core::fmt::Debug for Renewed {
    /// Shows no session.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Renewed(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// docs/configuration.md, Pages behind a login: for 30 s.
    #[test]
    fn a_renewed_session_is_known_by_the_one_before_for_half_a_minute() {
        let renewed = Renewed::default();
        let at = |seconds: u64| Duration::from_secs(1_000 + seconds);
        let session = Session { id: "new".to_owned(), ..Session::default() };
        renewed.keep("a".to_owned(), &session, at(0));
        assert_eq!(renewed.find("a", at(29)), Some(session.clone()));
        assert_eq!((renewed.find("b", at(29)), renewed.find("a", at(30))), (None, None));
        for number in 0..MOST {
            renewed.keep(number.to_string(), &session, at(1));
        }
        assert_eq!(renewed.find("a", at(1)), None, "the oldest goes");
        assert_eq!(renewed.known().len(), MOST);
    }
}
