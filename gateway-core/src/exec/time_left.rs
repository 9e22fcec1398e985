//! The time that is left for a request, as its upstream is told.

use core::time::Duration;

use http::{HeaderMap, HeaderValue};

use crate::http::grpc;
use crate::net::Deadlines;
use crate::plan::Upstream;
use crate::policy::header_edit::remove_aliases;

/// The deadlines of a request with these fields, of which a caller of gRPC may have given a shorter one.
pub(super) fn of(deadlines: Deadlines, headers: &HeaderMap) -> Deadlines {
    if !headers.contains_key(grpc::GRPC_TIMEOUT) || !grpc::is_call(headers) {
        return deadlines;
    }
    let total = deadlines.total.into_iter().chain(grpc::timeout(headers)).min();
    Deadlines { total, ..deadlines }
}

/// Tells `upstream` that it has `left`, in the field that it asks for, and a server of gRPC in that of gRPC.
pub(super) fn tell(upstream: &Upstream, headers: &mut HeaderMap, left: Option<Duration>) {
    if let Some(name) = &upstream.deadline_header {
        // It is for the gateway to say.
        headers.remove(name);
        remove_aliases(headers, name, &[]);
        if let Some(left) = left {
            let millis = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
            headers.insert(name.clone(), HeaderValue::from(millis));
        }
    }
    if let Some(left) = left
        && grpc::is_call(headers)
    {
        headers.insert(grpc::GRPC_TIMEOUT, grpc::timeout_field(left));
    }
}
