//! The redirects that answer requests, without the reasons.

use std::io;
use std::sync::Arc;

use gateway_core::gateway::{Gateway, Reply};
use gateway_core::plan::Plan;
use gateway_core::trace::{Event, Trace};
use http::header::LOCATION;
use tokio::runtime::{Builder, Runtime};

use super::Question;
use super::platform::DryRun;

/// A gateway that is asked where it redirects to.
pub(crate) struct Redirects {
    gateway: Gateway<DryRun>,
    runtime: Runtime,
}

/// A redirect that answers a request.
pub(crate) struct Hop {
    /// The index of the route.
    pub(crate) route: usize,
    pub(crate) status: u16,
    /// The value of `Location`.
    pub(crate) location: String,
}

impl Redirects {
    /// A gateway of `plan` that calls nothing.
    ///
    /// # Errors
    /// The system has no room for it.
    pub(crate) fn new(plan: Arc<Plan>) -> io::Result<Self> {
        Ok(Self { gateway: Gateway::new(plan, DryRun::default()), runtime: Builder::new_current_thread().build()? })
    }

    /// The redirect that answers `question`; `None` for any other answer.
    pub(crate) fn ask(&self, question: &Question) -> Option<Hop> {
        let mut trace = Trace::default();
        let (request, peer) = (question.request(), question.peer());
        let mut record = self.gateway.begin(&request, &peer);
        let handled = self.gateway.handle_traced(request, &peer, &mut record, &mut trace);
        let response = match self.runtime.block_on(handled).reply {
            Reply::Http(response) => response,
            Reply::Upgrade(_, never) => match never {},
        };
        let route = trace.events.iter().find_map(|event| match event {
            Event::Matched { route, .. } => Some(*route),
            _ => None,
        });
        let location = response.headers().get(LOCATION)?.to_str().ok()?.to_owned();
        Some(Hop { route: route?, status: response.status().as_u16(), location })
    }
}
