//! Content of requests that is read as a whole.

use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

use crate::body::Body;
use crate::call::Call;
use crate::caller::refusal::{CUT, Refusal};
use crate::error::Reject;
use crate::io::IoErrorKind;
use crate::policy::header_edit::remove_aliases;
use crate::policy::validate::{MOST_CONTENT, Validate};
use crate::ports::Platform;

/// Checks the content of `call` as `step` says; a part of it that is looked at is in `body` as a whole then, of `limit` bytes at most. Of the
/// fields that say what it is, other spellings go: a server that takes one for another would read it otherwise.
///
/// # Errors
/// The content is refused.
pub(super) async fn check<P: Platform>(
    platform: &P,
    step: &Validate,
    call: &mut Call,
    body: &mut Body<P::Stream>,
    limit: u64,
) -> Result<(), Reject> {
    if body.is_empty() {
        return Ok(());
    }
    keep_one_kind(call);
    let Some(caps) = step.check_head(&call.headers)? else { return Ok(()) };
    collect(platform, body, limit.min(MOST_CONTENT)).await?;
    let content = match body {
        Body::Full(content) => &**content,
        Body::Empty | Body::Stream(_) => &[],
    };
    step.check_content(content, caps)
}

/// Removes other spellings of the fields that say what a content is: a server that takes one for another would read it otherwise.
pub(super) fn keep_one_kind(call: &mut Call) {
    for name in [CONTENT_TYPE, CONTENT_ENCODING] {
        remove_aliases(&mut call.headers, &name, &[]);
    }
}

/// Has all of `body` there, of `limit` bytes at most.
///
/// # Errors
/// Those of [`whole`].
pub(super) async fn collect<P: Platform>(platform: &P, body: &mut Body<P::Stream>, limit: u64) -> Result<(), Reject> {
    if !body.is_empty() {
        *body = Body::Full(whole(platform, core::mem::take(body), limit).await?);
    }
    Ok(())
}

/// Has all of `body` there, of `limit` bytes at most, for a signature of it, and returns it.
///
/// # Errors
/// Those of [`whole`]: no other proof can mend them.
pub(super) async fn signed<P: Platform>(
    platform: &P,
    body: &mut Body<P::Stream>,
    limit: u64,
) -> Result<Bytes, Refusal> {
    collect(platform, body, limit).await.map_err(|reject| match reject.status {
        StatusCode::PAYLOAD_TOO_LARGE => Refusal::ContentTooLarge,
        _ => Refusal::ContentCut,
    })?;
    // A part of the same memory: nothing is copied.
    Ok(if let Body::Full(content) = body { content.clone() } else { Bytes::new() })
}

/// Returns all of `body`, of `limit` bytes at most.
///
/// # Errors
/// There is more of it, or its client does not send it to its end.
pub(super) async fn whole<P: Platform>(platform: &P, body: Body<P::Stream>, limit: u64) -> Result<Bytes, Reject> {
    let content = match body {
        Body::Empty => Bytes::new(),
        Body::Full(content) => content,
        Body::Stream(stream) => platform.collect(stream, limit).await.map_err(|error| match error.kind {
            IoErrorKind::BodyTooLarge => Reject::body_too_large(),
            _ => Reject::bad_request_framing().with_detail(CUT),
        })?,
    };
    if content.len() as u64 > limit { Err(Reject::body_too_large()) } else { Ok(content) }
}
