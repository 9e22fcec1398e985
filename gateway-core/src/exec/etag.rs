//! Entity tags for responses that have none, and 304 for clients that have the response.

use http::StatusCode;

use super::back::failed;
use super::exchange::Exchange;
use crate::body::Body;
use crate::cache::validation;
use crate::error::Reject;
use crate::outcome::Reply;
use crate::policy::etag::{Outcome, Untagged, stated_length};
use crate::ports::Platform;
use crate::trace::Event;

/// Gives the response that `answer` is a tag, if it has none and its content is short enough, and makes it a 304 if its client has it.
///
/// # Errors
/// The content has not come to its end; or `answer` is one.
pub(super) async fn answer<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    mut answer: Result<Reply<P>, Reject>,
) -> Result<Reply<P>, Reject> {
    let etag = exchange.route.and_then(|route| route.etag);
    let asked = exchange.rare.as_mut().and_then(|rare| rare.conditions.take());
    let (Some(etag), Some(asked), Ok(Reply::Http(response))) = (etag, asked, &mut answer) else {
        return answer;
    };
    let is_empty = response.body().is_empty();
    let length = match response.body() {
        Body::Empty => None,
        Body::Full(content) => Some(content.len() as u64),
        Body::Stream(_) => stated_length(response.headers()),
    };
    let wanted = etag.wants(&asked, response.status(), response.headers(), length);
    if wanted.is_ok() {
        let content = match core::mem::take(response.body_mut()) {
            Body::Stream(stream) => {
                let content = platform.collect(stream, etag.max_bytes).await;
                content.map_err(|error| failed(exchange, error.kind))?
            }
            Body::Full(content) => content,
            Body::Empty => return answer,
        };
        etag.tag(&content, response.headers_mut());
        *response.body_mut() = Body::Full(content);
        exchange.record.tagged(Outcome::Made);
    }
    let is_met = asked.are_met(response.status(), response.headers(), platform.now());
    if is_met {
        exchange.record.tagged(Outcome::Matched);
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::Empty;
        validation::describe_no_content(response.headers_mut());
    }
    exchange.note(|| {
        let (made, why) = match wanted {
            Ok(()) => ("a tag is made of the content", ""),
            Err(Untagged::Unknown) if is_empty => (NONE, Untagged::Empty.words()),
            Err(why) => (NONE, why.words()),
        };
        let met = if is_met { "; the client has the response, and is told so by a 304" } else { "" };
        told(&[made, why, met].concat())
    });
    answer
}

/// The event that a response gets no tag.
pub(super) fn untagged(why: Untagged) -> Event {
    told(&[NONE, why.words()].concat())
}

const NONE: &str = "no tag is made: ";

fn told(verdict: &str) -> Event {
    Event::Policy { policy: "etag", verdict: verdict.to_owned() }
}
