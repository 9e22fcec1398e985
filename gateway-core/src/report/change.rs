//! Changes by the admin endpoints, and the permission to make them.

use http::header::{HeaderName, ORIGIN, VIA};
use http::{HeaderMap, Method};

use super::{Asked, Way};
use crate::error::Reject;

/// The relation of the requesting page to the requested origin, as its browser states it (Fetch Metadata Request
/// Headers §2.3).
pub(super) const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A change of something that is there or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// None: it is only read.
    None,
    /// It is set.
    Set,
    /// It is removed.
    Remove,
}

impl Change {
    /// The change that is asked for.
    ///
    /// # Errors
    /// 403 for a change by a web page or from another machine.
    pub(super) fn of(asked: &Asked<'_>) -> Result<Self, Reject> {
        let change = match *asked.method {
            Method::PUT => Self::Set,
            Method::DELETE => Self::Remove,
            _ => return Ok(Self::None),
        };
        match asked.way {
            Way::Door => Ok(change),
            Way::Local if comes_from_page(asked.headers) => Err(Reject::cross_site()),
            // Whoever is behind a gateway is not from here, whoever that gateway was led by.
            Way::Local if asked.headers.contains_key(VIA) => Err(Reject::not_from_here()),
            Way::Local => Ok(change),
            Way::Remote => Err(Reject::not_from_here()),
        }
    }
}

/// Returns whether a web page makes the request. Where no token is required, connecting is enough, and a page in the
/// operator's own browser can connect: by a name that resolves to this machine, even as the same origin. A browser
/// states the origin with every PUT and DELETE (Fetch §3.1); no other program does.
fn comes_from_page(headers: &HeaderMap) -> bool {
    headers.contains_key(ORIGIN) || headers.contains_key(SEC_FETCH_SITE)
}
