//! Maintenance.

use super::exchange::Exchange;
use super::flag;
use crate::call::Call;
use crate::error::Reject;
use crate::outcome::After;
use crate::policy::flag::Look;
use crate::policy::maintenance::Maintenance;
use crate::ports::Platform;
use crate::trace::Event;

/// Refuses the request while there is maintenance, unless its client is let by.
pub(super) async fn check<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    step: &Maintenance,
    call: &Call,
) -> Result<(), Reject> {
    let policy = "maintenance";
    if step.lets_by(call.client_address()) {
        exchange.note(|| Event::Policy { policy, verdict: "the client is let by".to_owned() });
        return Ok(());
    }
    if let Err(refused) = step.check_window(platform.now()) {
        exchange.note(|| Event::Policy { policy, verdict: "it is the planned time".to_owned() });
        return Err(refused);
    }
    let Some(asked) = &step.flag else {
        exchange.note(|| Event::Policy { policy, verdict: "it is not the planned time".to_owned() });
        return Ok(());
    };
    let set = match exchange.state.flag(asked.index).map(|cell| cell.look(platform.monotonic())) {
        Some(Look::Known(set)) => set,
        Some(Look::Stale(set)) => {
            exchange.after.push(After::RefreshFlag { flag: asked.index });
            set
        }
        // Boxed, so that not every request has room for it.
        Some(Look::Unread) => Box::pin(flag::read_first(exchange, platform, asked.index)).await,
        None => None,
    };
    exchange.note(|| {
        let is = match set {
            Some(true) => "is set",
            Some(false) => "is not set",
            None => "can't be read",
        };
        Event::Policy { policy, verdict: format!("the flag `{}` {is}", asked.name) }
    });
    step.check_flag(set).inspect_err(|_| exchange.record.flagged(&asked.name))
}
