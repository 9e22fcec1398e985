//! The last phases of every response, whoever made it.

use http::Response;

use super::Exchange;
use crate::body::Body;
use crate::gateway::Outcome;
use crate::http::request_id::X_REQUEST_ID;
use crate::policy::header_edit;
use crate::trace::Event;

pub(super) fn finish<S>(mut exchange: Exchange<'_, '_>, mut response: Response<Body<S>>) -> Outcome<S> {
    let headers = response.headers_mut();
    if let Some(route) = exchange.route {
        if !route.response.is_empty() {
            header_edit::apply_to_response(&route.response, core::mem::take(&mut exchange.filled), headers);
            exchange.note(|| Event::ResponseEdited { edits: route.response.len() });
        }
        for (limit, verdict) in &exchange.verdicts {
            limit.apply(verdict, headers);
        }
    }
    if let Some(cors) = exchange.cors {
        cors.apply(exchange.origin.as_ref(), headers);
    }
    headers.insert(X_REQUEST_ID, exchange.id);
    Outcome { response, record: exchange.record }
}
