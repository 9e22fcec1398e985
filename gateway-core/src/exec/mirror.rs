//! Copies of requests for other upstreams, sent behind the requests themselves.

use bytes::Bytes;
use http::header::CONTENT_LENGTH;

use super::exchange::Exchange;
use super::within::within;
use super::{content, proxy};
use crate::balance::copies::Copy;
use crate::body::Body;
use crate::call::Call;
use crate::error::Reject;
use crate::meter::Meter;
use crate::outcome::Reply;
use crate::plan::{Action, Mirror, Plan};
use crate::policy::mirror::{MIRRORED, YES};
use crate::ports::Platform;
use crate::record::{Mirrored, Owed, Record};
use crate::state::State;
use crate::trace::Event;

/// The most bytes of an answer that are read. More of it is left: its connection is not used again.
const MOST_ANSWER: u64 = 64 * 1024;

/// Keeps copies of a request that is about to be sent, with its content, for those of `mirrors` that it is for.
///
/// Content that is on its way is read first, where it is short: it goes on as a whole then, as content that may be sent again does.
///
/// # Errors
/// The client does not send its content to its end.
pub(super) async fn copy<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    mirrors: &[Mirror],
    (call, body): (&Call, &mut Body<P::Stream>),
) -> Result<(), Reject> {
    let Some(route) = exchange.record.route else { return Ok(()) };
    for (index, mirror) in mirrors.iter().enumerate() {
        let rules = &mirror.rules;
        let name = exchange.plan.upstreams.get(mirror.target.upstream).map_or("", |upstream| &upstream.name);
        let skipped = if !rules.takes(&call.method) {
            Some("its method is not copied")
        } else if rules.percent < 100 && !rules.is_drawn(platform.next_u64()) {
            Some("it is not among those that are copied")
        } else {
            None
        };
        if let Some(why) = skipped {
            exchange.note(|| verdict(format!("no copy for `{name}`: {why}")));
            continue;
        }
        let Some(fleet) = exchange.state.mirror(mirror.target.upstream) else { continue };
        let Some(content) = content_of(platform, call, body, rules.most_bytes).await? else {
            fleet.copies.left_out();
            exchange.note(|| verdict(format!("no copy for `{name}`: its content is too long, or of unknown length")));
            continue;
        };
        let Some(place) = Copy::begin(fleet, rules.at_once) else { continue };
        exchange.note(|| verdict(format!("a copy for `{name}`")));
        let call = call.clone();
        exchange.record.owed.push(Owed::Mirror(Box::new(Mirrored { route, mirror: index, call, content, place })));
    }
    Ok(())
}

fn verdict(verdict: String) -> Event {
    Event::Policy { policy: "mirror", verdict }
}

/// All of `body`, if it has `most` bytes at most.
async fn content_of<P: Platform>(
    platform: &P,
    call: &Call,
    body: &mut Body<P::Stream>,
    most: u64,
) -> Result<Option<Bytes>, Reject> {
    if let Body::Stream(_) = body {
        let length = call.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if length.is_none_or(|length| length > most) {
            return Ok(None);
        }
        content::collect(platform, body, most).await?;
    }
    Ok(match body {
        Body::Empty => Some(Bytes::new()),
        Body::Full(content) => Some(content.clone()).filter(|content| content.len() as u64 <= most),
        Body::Stream(_) => None,
    })
}

/// Sends a copy, and reads the answer, which nobody sees.
pub(crate) async fn send<P: Platform>(plan: &Plan, state: &State, platform: &P, copy: Mirrored) {
    let Mirrored { route: index, mirror, mut call, content, place } = copy;
    let Some(route) = plan.routes.get(index) else { return };
    let Action::Proxy(action) = &route.action else { return };
    let Some(mirror) = action.mirrors.get(mirror) else { return };
    let meter = state.metrics().map(|_| Meter::begin(platform.monotonic()));
    let mut record = Record { route: Some(index), is_background: true, meter, ..Record::default() };
    call.headers.insert(MIRRORED, YES);
    let mut body = if content.is_empty() { Body::Empty } else { Body::Full(content) };
    let mut exchange = Exchange { mirror: Some(&mirror.target), ..Exchange::new(plan, state, &mut record, None) };
    let sent = async {
        let sent = proxy::send(&mut exchange, platform, route, action, (&mut call, &mut body), false).await;
        let Ok(Reply::Http(response)) = sent else { return false };
        if let Body::Stream(stream) = response.into_body() {
            // However much of it is there.
            let _ = platform.collect(stream, MOST_ANSWER).await;
        }
        true
    };
    let is_answered = within(platform, mirror.rules.timeout, Box::pin(sent)).await == Some(true);
    if let (Some(metrics), Some(meter)) = (state.metrics(), &record.meter) {
        metrics.asked(&record, meter);
    }
    place.end(is_answered);
}
