//! Access tokens for upstreams. Without a usable one, one request asks for it, and the others meet until it has.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use super::call_out::{self, Question};
use super::exchange::Exchange;
use super::within::within;
use crate::error::Reject;
use crate::http::proxy_status::error_type;
use crate::plan::Plan;
use crate::policy::access_token::{Token, TokenCell, TokenSource, WAIT, read};
use crate::policy::remembered::{Look, Reading, Turn};
use crate::ports::Platform;
use crate::record::Owed;
use crate::state::State;
use crate::trace::Event;

/// The reason for which there is no token.
pub(super) enum Fault {
    Call(call_out::Fault),
    Malformed,
    Slow,
}

/// The present token of `source`.
///
/// # Errors
/// There is none, and the server gives none.
pub(super) async fn current<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    source: &TokenSource,
) -> Result<Token, Reject> {
    let cell = exchange.state.token(source.index).ok_or_else(Reject::internal)?;
    let known = match cell.look(platform.monotonic()) {
        Look::Known(known) => known,
        Look::Stale(known) => {
            exchange.record.owed.push(Owed::RefreshToken(source.index));
            known
        }
        Look::Unread => read_first(exchange, platform, (source, cell), None).await,
    };
    known.ok_or_else(|| {
        if let Some(facts) = &mut exchange.record.facts {
            facts.upstream_auth = cell.trouble();
        }
        Reject::credentials_unavailable()
    })
}

/// A token of `source` other than the one that was `tried`, from a question that began after `than`; `None` if there must not be so
/// many, or the server gives none.
pub(super) async fn newer<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    source: &TokenSource,
    (tried, than): (&Token, Reading),
) -> Option<Token> {
    let cell = exchange.state.token(source.index)?;
    let token = read_first(exchange, platform, (source, cell), Some((tried, than))).await;
    token.filter(|token| !Arc::ptr_eq(token, tried))
}

/// Asks for the token of `source`, for whoever has other things to do meanwhile. It is remembered, and so is that there is none; returns why there is none.
pub(super) async fn fetch<P: Platform>(
    platform: &P,
    known: (&Plan, &State),
    source: &TokenSource,
    cell: &TokenCell,
) -> Option<Fault> {
    ask(platform, known, (source, cell), None).await.1
}

/// Takes note of the reason for which there is no token.
pub(super) fn tell(exchange: &mut Exchange<'_, '_>, fault: &Fault) {
    if let Fault::Call(call_out::Fault::Io(kind)) = fault {
        exchange.record.cause = Some(error_type(*kind));
    }
    exchange.note(|| Event::Policy {
        policy: "credentials",
        verdict: format!("there is no token for the upstream: {fault}"),
    });
}

async fn read_first<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    (source, cell): (&TokenSource, &TokenCell),
    newer: Option<(&Token, Reading)>,
) -> Option<Token> {
    let (token, fault) = ask(platform, (exchange.plan, exchange.state), (source, cell), newer).await;
    if let Some(fault) = fault {
        tell(exchange, &fault);
    }
    token
}

/// The token of `source`, which nobody remembers or which has to be another one; or why there is none.
async fn ask<P: Platform>(
    platform: &P,
    known: (&Plan, &State),
    (source, cell): (&TokenSource, &TokenCell),
    newer: Option<(&Token, Reading)>,
) -> (Option<Token>, Option<Fault>) {
    let begun = platform.monotonic();
    loop {
        let now = platform.monotonic();
        let left = WAIT.saturating_sub(now.saturating_sub(begun));
        let last = cell.last(now);
        // Another request may have asked meanwhile.
        let is_newer = newer.is_some_and(|(tried, _)| last.as_ref().is_some_and(|last| !Arc::ptr_eq(last, tried)));
        if left.is_zero() || is_newer {
            return (last, None);
        }
        match cell.turn(newer.map(|(_, than)| than), now) {
            Turn::Over(token) => return (token, None),
            Turn::Read(reading) => {
                let reader = Reader { platform, source, cell, reading };
                if newer.is_some() && !cell.admits_renewal(platform.now()) {
                    return (None, None);
                }
                return reader.read(known, left).await;
            }
            Turn::Wait(until_lost) => {
                let wait = platform.wait(&source.id, until_lost.min(left));
                // If the question has ended since `turn` looked, its notice may have come before the wait.
                if cell.is_being_read() {
                    wait.await;
                }
            }
        }
    }
}

/// The request that asks. However it ends, those who wait go on.
struct Reader<'r, P: Platform> {
    platform: &'r P,
    source: &'r TokenSource,
    cell: &'r TokenCell,
    reading: Reading,
}

impl<P: Platform> Reader<'_, P> {
    /// Asks the server, within `limit`. Returns the token to use, and why there is no new one.
    async fn read(self, (plan, state): (&Plan, &State), limit: Duration) -> (Option<Token>, Option<Fault>) {
        let Self { platform, source, cell, reading } = self;
        let asked = platform.monotonic();
        let question = Question::form(source.authorization.as_ref(), &source.form);
        let answer = call_out::ask((plan, state, platform), &source.place, question, limit);
        let answer = match within(platform, limit, answer).await {
            Some(Ok(answer)) => read(&answer.content).ok_or(Fault::Malformed),
            Some(Err(fault)) => Err(Fault::Call(fault)),
            None => Err(Fault::Slow),
        };
        let now = platform.monotonic();
        let trouble = answer.as_ref().err().map(|fault| Arc::from(fault.word()));
        platform.asked_for_token(source.index, trouble.as_deref());
        cell.note(trouble);
        match answer {
            Ok(answer) => (cell.learn(answer, (asked, now), platform.next_u64(), reading), None),
            Err(fault) => (cell.fail(now, reading), Some(fault)),
        }
    }
}

impl<P: Platform> Drop for Reader<'_, P> {
    fn drop(&mut self) {
        self.cell.leave(self.reading);
        self.platform.notify(&self.source.id);
    }
}

/// Asks for the token of a source again, for the requests to come.
pub(crate) async fn refresh<P: Platform>(plan: &Plan, state: &State, platform: &P, source: usize) {
    let (Some(source), Some(cell)) = (plan.token_source(source), state.token(source)) else { return };
    let Some(reading) = cell.begin(platform.monotonic()) else { return };
    let reader = Reader { platform, source, cell, reading };
    let _ = reader.read((plan, state), WAIT).await;
}

impl Fault {
    /// The reason in the words of the log.
    fn word(&self) -> String {
        match self {
            Self::Call(call_out::Fault::Status(status)) => status.as_str().to_owned(),
            Self::Call(call_out::Fault::Refused(status, code)) => [status.as_str(), " ", code].concat(),
            Self::Call(call_out::Fault::Io(kind)) => error_type(*kind).to_owned(),
            Self::Malformed => "malformed".to_owned(),
            Self::Slow => "timeout".to_owned(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(fault) => fault.fmt(f),
            Self::Malformed => f.write_str("the answer has none of the type `Bearer`"),
            Self::Slow => f.write_str("it took too long"),
        }
    }
}
