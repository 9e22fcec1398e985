//! The admin endpoints that need the key-value store.

use bytes::Bytes;
use http::Response;

use super::within::{timely, within};
use crate::body::Body;
use crate::error::Reject;
use crate::plan::Plan;
use crate::policy::flag::{self, is_set};
use crate::ports::{Platform, StoreFailure};
use crate::report::{self, Answer, Asked, Flag, FlagChange, flag_content};
use crate::state::State;
use crate::store_key::{KeyUse, StoreKey};

/// The stored value of a flag that is set here.
const SET: Bytes = Bytes::from_static(b"on");

/// Answers a request for an admin endpoint.
pub(crate) async fn answer<P: Platform>(
    plan: &Plan,
    state: &State,
    platform: &P,
    asked: Asked<'_>,
    body: Body<P::Stream>,
) -> Result<Response<Body<P::Stream>>, Reject> {
    match report::answer(plan, state, platform, &asked)? {
        Answer::Response(response) => Ok(response),
        Answer::Flags => {
            let mut flags = Vec::with_capacity(plan.flags.len());
            for key in &plan.flags {
                flags.push(read(platform, key).await?);
            }
            Ok(report::flags(flags, asked.is_head()))
        }
        Answer::Flag(index, change) => {
            let key = plan.flags.get(index).ok_or_else(Reject::flag_not_found)?;
            if change == FlagChange::None {
                return Ok(report::flag(&read(platform, key).await?, asked.is_head()));
            }
            refuse_content(platform, body).await?;
            let set = change == FlagChange::Set;
            if set {
                in_time(platform, platform.put(key.as_str(), SET, None)).await?;
            } else {
                in_time(platform, platform.delete(key.as_str())).await?;
            }
            // The change is visible here at once; other processes read the flag again when it grows old.
            let now = platform.monotonic();
            platform.each_state(state, |part| part.flag_changed(key, set, now));
            platform.notify(key.as_str());
            Ok(report::flag(&told(key, set), false))
        }
    }
}

async fn read<'p, P: Platform>(platform: &P, key: &'p StoreKey) -> Result<Flag<'p>, Reject> {
    let value = in_time(platform, platform.get(key.as_str())).await?;
    Ok(told(key, value.is_some_and(|value| is_set(&value))))
}

fn told(key: &StoreKey, set: bool) -> Flag<'_> {
    Flag { name: key.name(KeyUse::Flag).unwrap_or_default(), set }
}

/// Refuses content of unstated length. On some platforms an absent body is an empty stream.
async fn refuse_content<P: Platform>(platform: &P, body: Body<P::Stream>) -> Result<(), Reject> {
    let is_empty = match body {
        Body::Empty => true,
        Body::Full(content) => content.is_empty(),
        Body::Stream(stream) => platform.collect(stream, 0).await.is_ok(),
    };
    if is_empty { Ok(()) } else { Err(flag_content()) }
}

/// Returns the result of the store's `call`; a slow store counts as failed.
async fn in_time<T>(
    platform: &impl Platform,
    call: impl Future<Output = Result<T, StoreFailure>>,
) -> Result<T, Reject> {
    timely(within(platform, flag::STORE_TIMEOUT, call).await).map_err(|_| Reject::store_unavailable())
}
