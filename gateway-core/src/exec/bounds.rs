//! The limits on a request's head, checked before anything else reads it.

use http::{HeaderMap, Uri};

use crate::error::Reject;
use crate::plan::Limits;

/// Refuses a request whose URL or header section is larger than `limits`.
pub(super) fn check(limits: &Limits, uri: &Uri, headers: &HeaderMap) -> Result<(), Reject> {
    let url_bytes = uri.path().len() + uri.query().map_or(0, |q| q.len() + 1);
    if url_bytes as u64 > limits.url_bytes {
        return Err(Reject::url_too_long());
    }
    if headers.len() > limits.headers as usize {
        return Err(Reject::too_many_headers());
    }
    let header_bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if header_bytes as u64 > limits.header_bytes {
        return Err(Reject::headers_too_large());
    }
    Ok(())
}
