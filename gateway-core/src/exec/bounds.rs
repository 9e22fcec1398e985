//! The limits on a request's head, checked before anything else reads it.

use http::{HeaderMap, Uri};

use crate::error::Reject;
use crate::http::survey::Survey;
use crate::plan::Limits;
use crate::route::{Field, LONGEST_TESTED};

/// Refuses a request whose URL or header section is larger than `limits`. `survey` is of `headers`.
pub(super) fn check(limits: &Limits, uri: &Uri, headers: &HeaderMap, survey: &Survey) -> Result<(), Reject> {
    let url_bytes = uri.path().len() + uri.query().map_or(0, |q| q.len() + 1);
    if url_bytes as u64 > limits.url_bytes {
        return Err(Reject::url_too_long());
    }
    if headers.len() > limits.headers as usize {
        return Err(Reject::too_many_headers());
    }
    if survey.bytes as u64 > limits.header_bytes {
        return Err(Reject::headers_too_large());
    }
    Ok(())
}

/// Refuses a request for the value of `field`, which is too long for the expressions of routes.
#[cold]
pub(super) fn overlong(field: &Field) -> Reject {
    let reject = if let Field::Query(_) = field { Reject::url_too_long() } else { Reject::headers_too_large() };
    reject.with_detail(format!(
        "the {field} is longer than the {LONGEST_TESTED} bytes that a regular expression is asked about"
    ))
}
