//! The compression of answers: the last that becomes of them.

use http::Response;
use http::header::CONTENT_LENGTH;

use super::exchange::Exchange;
use crate::body::Body;
use crate::policy::compress::Encoding;
use crate::ports::Platform;
use crate::trace::Event;

/// Compresses `response` if its route does, and the client takes that. To a request by HEAD it gets the same head (RFC 9110 §9.3.2).
pub(super) fn encode<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    response: &mut Response<Body<P::Stream>>,
    is_head: bool,
) {
    let Some(asked) = exchange.rare.as_mut().and_then(|rare| rare.coding.take()) else { return };
    let Some(compress) = exchange.route.and_then(|route| route.compress.as_deref()) else { return };
    let status = response.status();
    let length = match response.body() {
        Body::Full(content) => Some(content.len() as u64),
        Body::Empty | Body::Stream(_) => {
            let stated = response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
            stated.and_then(|length| length.parse().ok())
        }
    };
    let is_empty = response.body().is_empty() && (!is_head || length == Some(0));
    let decided = compress.decide(&asked, status, response.headers_mut(), (is_empty, length));
    exchange.record.encoded(match decided {
        Ok(Encoding { coding, .. }) => coding.name(),
        Err(left) => left.word(),
    });
    exchange.note(|| Event::Policy {
        policy: "compress",
        verdict: match (decided, asked.coding()) {
            (Ok(Encoding { coding, level }), _) => format!("encoded by `{}` at level {level}", coding.name()),
            (Err(left), Some(coding)) => format!("left as it is: {left}; the client takes `{}`", coding.name()),
            (Err(left), None) => format!("left as it is: {left}"),
        },
    });
    if let Ok(encoding) = decided
        && !is_head
    {
        let body = core::mem::take(response.body_mut());
        *response.body_mut() = platform.encode(body, encoding);
    }
}
