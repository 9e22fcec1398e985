//! The gateway as a Spin component: `wasi:http/handler` in front of [`gateway_core`].
//!
//! Unwatched bodies stay handles of the host from end to end: the host joins the two connections, and none of their
//! bytes enters this component.
//!
//! INVARIANT: nothing here panics. A panic answers 500 to every request in flight in the instance.

mod after;
mod cache;
mod counters;
mod errors;
mod exchange;
mod expiries;
mod fetch;
mod fields;
mod key_value;
mod platform;
mod pump;
mod secrets;
mod start;
mod stream;
mod upload;

use gateway_core::gateway::Reply;
use spin_sdk::wasip3::exports::http::handler::Guest;
use spin_sdk::wasip3::http::types::{ErrorCode, Request, Response};

use crate::exchange::Refusal;

struct Component;

impl Guest for Component {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let Some(gateway) = start::gateway().await else { return Refusal::unavailable(&request).respond() };
        let (request, peer) = match exchange::receive(request, &gateway.plan().identity).await {
            Ok(received) => received,
            Err(refusal) => return refusal.respond(),
        };
        let method = request.method().clone();
        let mut record = gateway.begin(&request, &peer);
        let outcome = gateway.handle(request, &peer, &mut record).await;
        after::run_all(&gateway, outcome.after);
        match outcome.reply {
            Reply::Http(response) => exchange::respond(&method, response, after::Witness::new(gateway, record)),
            Reply::Upgrade(_, never) => match never {},
        }
    }
}

spin_sdk::wasip3::http::service::export!(Component with_types_in spin_sdk::wasip3);
