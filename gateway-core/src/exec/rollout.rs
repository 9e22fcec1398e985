//! Roll-outs: the choice of a side, what becomes of its requests, and the looks into the store.

use core::time::Duration;
use std::sync::Arc;

use super::exchange::Exchange;
use super::proxy;
use super::within::within;
use crate::balance::choose::hash;
use crate::balance::trial::{Known, Trial};
use crate::body::Body;
use crate::call::Call;
use crate::error::Reject;
use crate::io::IoErrorKind;
use crate::outcome::{After, Reply};
use crate::plan::{Action, Plan, Proxy, Route, Target};
use crate::policy::counter::CounterOp;
use crate::policy::rollout::{Figures, Judgement, Part, Reason, Rollout};
use crate::ports::Platform;
use crate::state::State;
use crate::template::Target as Form;
use crate::trace::Event;

/// The number of points by which callers are shared out.
const POINTS: u64 = 10_000;

/// A request of a roll-out under way.
struct Side<'p> {
    rollout: &'p Rollout,
    trial: Arc<Trial>,
    side: usize,
    begun: Duration,
    /// Set if content of the client goes along: the time is its as well.
    is_upload: bool,
}

/// Sends a request to the side of a roll-out that it is for, and counts what becomes of it.
pub(super) async fn send<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    (rollout, route, action): (&Rollout, &Route, &Proxy),
    (call, content): (&mut Call, &mut Body<P::Stream>),
    opens_socket: bool,
) -> Result<Reply<P>, Reject> {
    let is_upload = matches!(content, Body::Stream(_));
    let chosen = choose(exchange, platform, (rollout, action), call).await;
    let Some((target, trial, side)) = chosen else {
        return proxy::send_to(exchange, platform, (route, action, None), (call, content), opens_socket).await;
    };
    let side = Side { rollout, trial, side, begun: platform.monotonic(), is_upload };
    let reply = proxy::send_to(exchange, platform, (route, action, Some(target)), (call, content), opens_socket).await;
    side.end(exchange, platform, &reply);
    reply
}

/// Chooses the side of `call`.
async fn choose<'p, P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    (rollout, action): (&'p Rollout, &'p Proxy),
    call: &Call,
) -> Option<(&'p Target, Arc<Trial>, usize)> {
    if exchange.trace.is_some() {
        // A trace follows the one that is asked for.
        exchange.note(|| Event::Policy { policy: "rollout", verdict: rollout.describe() });
        return None;
    }
    let trial = Arc::clone(exchange.state.trial(rollout)?);
    // Once for each instance, so that a candidate that was rolled back gets nothing because an instance is new.
    if !trial.is_known() && trial.is_due(platform.monotonic(), rollout.every) {
        let looked = look(exchange.plan, platform, rollout, &trial);
        if within(platform, exchange.plan.counter_timeout, Box::pin(looked)).await.is_none() {
            trial.store_failed();
        } else if trial.is_known() {
            trial.look_soon();
        }
    }
    let mut text = String::new();
    let point = match &rollout.key {
        // Who has no value is one of many.
        Some(key) if key.fill(call, Form::Text, &mut text) && !text.is_empty() => {
            text.push_str(&rollout.name);
            let hash = hash(text.as_bytes());
            (hash ^ (hash >> 32)) % POINTS
        }
        _ => platform.next_u64() % POINTS,
    };
    let percent = trial.percent();
    // More for the candidate takes callers from the baseline, and none back.
    let side = usize::from(point < u64::from(percent) * (POINTS / 100));
    let target = action.targets.get(*rollout.sides.get(side)?)?;
    Some((target, trial, side))
}

impl Side<'_> {
    /// Counts what has become of the request, and looks into the store after the answer if it is time.
    fn end<P: Platform>(self, exchange: &mut Exchange<'_, '_>, platform: &P, reply: &Result<Reply<P>, Reject>) {
        let Self { rollout, trial, side, begun, is_upload } = self;
        let now = platform.monotonic();
        let is_clients = is_upload || exchange.record.is_clients_time;
        let is_error = match reply {
            Ok(Reply::Http(response)) => rollout.statuses.has(response.status()),
            Ok(Reply::Upgrade(..)) => false,
            // The client's doing is no failure of the upstream's, nor is a time that it has taken or shortened itself.
            Err(reject) if !reject.status.is_server_error() => return,
            Err(_) if is_clients && exchange.rare().failed == Some(IoErrorKind::TotalTimeout) => return,
            Err(_) => true,
        };
        let one = Figures::of(is_error, now.saturating_sub(begun));
        let figures = trial.known().figures;
        // One whose time is the client's counts as long as the others have taken.
        let one = match figures.get(side).filter(|_| is_clients && !is_error) {
            Some(known) => match known.mean() {
                Some(log) => Figures { log, ..one },
                None => return,
            },
            None => one,
        };
        trial.count(side, one);
        exchange.record.side = Some((Arc::clone(&trial), side));
        if let Some(route) = exchange.record.route
            && trial.is_due(now, rollout.every)
        {
            exchange.after.push(After::Rollout { route });
        }
    }
}

/// The roll-out of the route with this index.
fn rollout_of(plan: &Plan, route: usize) -> Option<&Rollout> {
    match &plan.routes.get(route)?.action {
        Action::Proxy(proxy) => proxy.rollout.as_deref(),
        _ => None,
    }
}

/// Looks into the store for the roll-out of the route with this index.
pub(crate) async fn refresh<P: Platform>(plan: &Plan, state: &State, platform: &P, route: usize) {
    if let Some(rollout) = rollout_of(plan, route)
        && let Some(trial) = state.trial(rollout)
    {
        look(plan, platform, rollout, trial).await;
    }
}

/// Changes the roll-out of the route with this index, as an operator says: it begins anew, or the candidate gets nothing any more. Returns
/// whether the store has taken it.
pub(crate) async fn change<P: Platform>(
    plan: &Plan,
    state: &State,
    platform: &P,
    (route, begins_anew): (usize, bool),
) -> bool {
    let Some(rollout) = rollout_of(plan, route) else { return false };
    let Some(trial) = state.trial(rollout) else { return false };
    look(plan, platform, rollout, trial).await;
    let Known { generation, stopped, .. } = trial.known();
    let store = Store { plan, platform, rollout, generation };
    let is_done = if begins_anew {
        store.count(Part::Generation, 1).await.is_some()
    } else {
        stopped.is_some() || store.stop(Reason::Operator, trial.known().figures).await.is_some()
    };
    look(plan, platform, rollout, trial).await;
    is_done
}

/// The cells of a generation of a roll-out.
struct Store<'s, P> {
    plan: &'s Plan,
    platform: &'s P,
    rollout: &'s Rollout,
    generation: u32,
}

impl<P: Platform> Store<'_, P> {
    async fn apply(&self, part: Part, op: CounterOp) -> Option<u32> {
        let cell = self.rollout.cell(self.generation, part);
        let asked = self.platform.apply(&cell, op);
        let answer = within(self.platform, self.plan.counter_timeout, asked).await;
        answer.and_then(Result::ok).and_then(Rollout::count)
    }

    /// Adds to a count, and returns it.
    async fn count(&self, part: Part, units: u32) -> Option<u32> {
        self.apply(part, self.rollout.add(part, units, self.platform.now())).await
    }

    /// Sets a count that is not set, and returns it.
    async fn set(&self, part: Part, number: u32) -> Option<u32> {
        self.apply(part, Rollout::set(number)).await?;
        self.count(part, 0).await
    }

    /// Rolls the candidate back, and keeps the figures that were the reason.
    async fn stop(&self, reason: Reason, figures: [Figures; 2]) -> Option<Reason> {
        for (side, of) in figures.into_iter().enumerate() {
            for (which, part) in of.parts().into_iter().enumerate() {
                self.apply(Part::Kept(side, which), Rollout::set(part)).await?;
            }
        }
        Reason::numbered(self.set(Part::Stopped, reason.number()).await?)
    }

    /// Adds to several counts in one round trip, and returns them.
    async fn counts<const N: usize>(&self, parts: [(Part, u32); N]) -> [Option<u32>; N] {
        let now = self.platform.now();
        let named =
            parts.map(|(part, units)| (self.rollout.cell(self.generation, part), self.rollout.add(part, units, now)));
        let asked: Vec<(&str, CounterOp)> = named.iter().map(|(cell, op)| (cell.as_str(), *op)).collect();
        let answers = within(self.platform, self.plan.counter_timeout, self.platform.apply_all(&asked)).await;
        let mut counts = [None; N];
        for (count, answer) in counts.iter_mut().zip(answers.into_iter().flatten()) {
            *count = answer.ok().and_then(Rollout::count);
        }
        counts
    }
}

/// Adds what was counted to what the store has, judges that, and takes note of it.
async fn look<P: Platform>(plan: &Plan, platform: &P, rollout: &Rollout, trial: &Trial) {
    let before = trial.is_known().then(|| trial.known());
    match looked(plan, platform, rollout, trial).await {
        Some(known) => {
            if let Some(before) = before {
                tell(platform, rollout, &before, &known);
            }
            trial.learn(rollout, known);
        }
        None => trial.store_failed(),
    }
}

/// Tells operators what has changed.
fn tell(platform: &impl Platform, rollout: &Rollout, before: &Known, known: &Known) {
    let name = &rollout.name;
    if let (None, Some(reason)) = (before.stopped, known.stopped) {
        let [baseline, candidate] = known.figures;
        let why = match reason {
            Reason::Errors => format!(
                "{} of its {} requests have failed, and {} of {} of the baseline",
                candidate.errors, candidate.requests, baseline.errors, baseline.requests
            ),
            Reason::Latency => {
                format!("it takes {:.1} ms, and the baseline {:.1} ms", candidate.mean_ms(), baseline.mean_ms())
            }
            Reason::Operator => "an operator says so".to_owned(),
        };
        platform.hears_of_upstream(&format_args!("the roll-out of `{name}`: the candidate is rolled back: {why}"));
    } else if known.stopped.is_none() && (known.generation, known.step) != (before.generation, before.step) {
        let percent = rollout.percent(known.step);
        platform.hears_of_upstream(&format_args!("the roll-out of `{name}`: the candidate gets {percent} %"));
    }
}

async fn looked<P: Platform>(plan: &Plan, platform: &P, rollout: &Rollout, trial: &Trial) -> Option<Known> {
    let mut known = trial.known();
    known.is_store_failed = false;
    let mut store = Store { plan, platform, rollout, generation: known.generation };
    // Each turn is a step further, or a generation.
    for _ in 0..rollout.steps.len() + 2 {
        let step = known.step;
        let (next, own) = (Part::Begun(step + 1), Part::Begun(step));
        let asked = [(Part::Generation, 0), (Part::Stopped, 0), (own, 0), (next, 0)];
        let [generation, stopped, begun, later] = store.counts(asked).await;
        let (generation, stopped, begun, later) = (generation?, stopped?, begun?, later?);
        if generation != known.generation {
            known = Known { generation, ..Known::default() };
            store.generation = generation;
            // They are of what is over.
            let _ = [trial.take(0), trial.take(1)];
            continue;
        }
        if let Some(reason) = Reason::numbered(stopped) {
            if known.stopped.is_none() {
                let mut kept = [[0; 3]; 2];
                for (side, parts) in kept.iter_mut().enumerate() {
                    for (which, part) in parts.iter_mut().enumerate() {
                        *part = store.count(Part::Kept(side, which), 0).await?;
                    }
                }
                known.figures = kept.map(Figures::from_parts);
            }
            known.begun = begun;
            (known.stopped, known.because) = (Some(reason), reason.word());
            let _ = [trial.take(0), trial.take(1)];
            if later == 0 {
                return Some(known);
            }
        }
        if later > 0 {
            known = Known {
                step: step + 1,
                figures: if known.stopped.is_some() { known.figures } else { Default::default() },
                ..known
            };
            continue;
        }
        let now = u32::try_from(platform.now().unix_millis() / 1_000).ok()?;
        known.begun = if begun > 0 { begun } else { store.set(own, now).await? };
        known.figures = add(&store, trial, (step, known.figures)).await?;
        let elapsed = Duration::from_secs(now.saturating_sub(known.begun).into());
        match rollout.judge(step, known.figures, elapsed) {
            Judgement::Wait(why) => {
                known.because = why;
                return Some(known);
            }
            Judgement::Advance => {
                known.begun = store.set(next, now).await?;
                let because = if rollout.is_done(step + 1) { "done" } else { "the step is not over" };
                known = Known { step: step + 1, figures: Default::default(), because, ..known };
                return Some(known);
            }
            Judgement::RollBack(reason) => {
                let reason = store.stop(reason, known.figures).await?;
                (known.stopped, known.because) = (Some(reason), reason.word());
                return Some(known);
            }
        }
    }
    Some(known)
}

/// Adds what was counted to the counts of `step`, of which `before` was known, and returns them. What the store has not taken is counted again.
async fn add<P: Platform>(
    store: &Store<'_, P>,
    trial: &Trial,
    (step, before): (usize, [Figures; 2]),
) -> Option<[Figures; 2]> {
    let taken = [0, 1].map(|side| {
        let taken = trial.take(side);
        if before.get(side).is_some_and(|before| before.is_full()) { Figures::default() } else { taken }
    });
    let [b, c] = taken.map(Figures::parts);
    let asked = [
        (Part::Tally(step, 0, 0), b[0]),
        (Part::Tally(step, 0, 1), b[1]),
        (Part::Tally(step, 0, 2), b[2]),
        (Part::Tally(step, 1, 0), c[0]),
        (Part::Tally(step, 1, 1), c[1]),
        (Part::Tally(step, 1, 2), c[2]),
    ];
    let counts = store.counts(asked).await;
    if counts.iter().all(Option::is_none) {
        taken.into_iter().enumerate().for_each(|(side, of)| trial.count(side, of));
        return None;
    }
    let [Some(b0), Some(b1), Some(b2), Some(c0), Some(c1), Some(c2)] = counts else { return None };
    Some([[b0, b1, b2], [c0, c1, c2]].map(Figures::from_parts))
}
