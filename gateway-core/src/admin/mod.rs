//! The admin endpoints: where a gateway tells of itself to whoever runs it.
//!
//! They are reached in two ways. Under a path of the gateway's own a token is asked for; on a listener of its own, which
//! the native server has, nothing is.

mod door;
mod endpoint;

use http::HeaderMap;

pub use self::door::{Door, SHORTEST_TOKEN, Token};
pub(crate) use self::endpoint::Endpoint;
use self::endpoint::Endpoints;
use crate::error::Reject;

/// The admin endpoints of a plan.
#[derive(Debug)]
pub struct Admin {
    endpoints: Endpoints,
    /// The way to them through the gateway's own listener, if there is one.
    pub door: Option<Door>,
}

impl Admin {
    /// The endpoints, to which `door` leads.
    pub(crate) fn new(door: Option<Door>) -> Self {
        Self { endpoints: Endpoints::new(), door }
    }

    /// Lets a request with these `headers` in at `path` behind the door.
    ///
    /// # Errors
    /// 401 for a wrong token as for none, and for that of the registry anywhere else.
    pub(crate) fn admit(&self, door: &Door, path: &str, headers: &HeaderMap) -> Result<(), Reject> {
        door.admit(headers, self.find(path).is_some_and(|(endpoint, _)| endpoint.is_of_registry()))
    }

    /// The endpoint at `path`, and the name in it.
    pub(crate) fn find<'p>(&self, path: &'p str) -> Option<(Endpoint, &'p str)> {
        self.endpoints.find(path)
    }
}

/// The way on which a request for an endpoint has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Through the [`Door`]: it has stated the token.
    Door,
    /// By a listener of the endpoints' own, from this machine.
    Local,
    /// By such a listener, from elsewhere.
    Remote,
}
