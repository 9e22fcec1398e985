//! The last phases of every response, from an upstream or from the gateway itself.

use http::{HeaderMap, HeaderValue, Response};

use super::exchange::Exchange;
use crate::call::Call;
use crate::http::request_id::X_REQUEST_ID;
use crate::known_edits::respond;
use crate::plan::ResponseStep;
use crate::policy::header_edit;
use crate::trace::Event;

/// Fills the templates of the response steps, in order, while the request is still there.
pub(super) fn fill(steps: &[ResponseStep], call: &Call) -> Vec<Option<HeaderValue>> {
    let mut filled = Vec::new();
    for step in steps {
        match step {
            ResponseStep::EditHeaders(edits) => filled.extend(header_edit::fill_for_response(edits, call)),
        }
    }
    filled
}

pub(super) fn finish<B>(exchange: &mut Exchange<'_, '_>, response: &mut Response<B>, id: HeaderValue) {
    exchange.record.status = Some(response.status());
    finish_fields(exchange, response.headers_mut());
    response.headers_mut().insert(X_REQUEST_ID, id);
}

fn finish_fields(exchange: &mut Exchange<'_, '_>, headers: &mut HeaderMap) {
    if let Some(route) = exchange.route {
        if !route.response.is_empty() {
            respond(&route.response, &exchange.filled, headers);
            exchange.note(|| Event::ResponseEdited { edits: edits(&route.response), upstream: None });
        }
        for (limit, verdict) in &exchange.verdicts {
            limit.apply(verdict, headers);
        }
    }
    if let Some(cors) = exchange.cors {
        cors.apply(exchange.origin.as_ref(), headers);
    }
}

/// The number of edits in `steps`.
pub(super) fn edits(steps: &[ResponseStep]) -> usize {
    steps
        .iter()
        .map(|step| match step {
            ResponseStep::EditHeaders(edits) => edits.len(),
        })
        .sum()
}
