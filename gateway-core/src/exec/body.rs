//! Edits of content, which is read as a whole for them.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, RANGE};
use http::{HeaderMap, Response, StatusCode};

use super::back::failed;
use super::content;
use super::exchange::Exchange;
use super::room::Held;
use crate::body::Body;
use crate::call::Call;
use crate::config::THOROUGH;
use crate::error::Reject;
use crate::http::content_change::{Change, mend};
use crate::http::content_decoding::{DecodeError, codings};
use crate::io::IoErrorKind;
use crate::outcome::Reply;
use crate::plan::{Action, BodyUse, ResponseStep, Route};
use crate::policy::body_edit::lines::{BreaksOff, Broken, Filter, Reason};
use crate::policy::body_edit::{BodyEdit, Trouble};
use crate::policy::etag::stated_length;
use crate::policy::header_edit::remove_aliases;
use crate::ports::Platform;
use crate::record::Owed;
use crate::trace::{BodyOutcome, Direction, Event};

/// Edits the content of `call`, if it is of a form that is edited; it is in `body` as a whole then.
///
/// # Errors
/// The content is refused.
pub(super) async fn edit_request<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    (route, edit): (&Route, &Arc<BodyEdit>),
    (call, body): (&mut Call, &mut Body<P::Stream>),
) -> Result<(), Reject> {
    if body.is_empty() {
        exchange.note(|| told(Direction::Request, edit, BodyOutcome::Absent));
        return Ok(());
    }
    content::keep_one_kind(call);
    let form = match edit.form(&call.headers) {
        Ok(Some(form)) => form,
        Ok(None) => {
            exchange.note(|| told(Direction::Request, edit, BodyOutcome::Passed));
            return Ok(());
        }
        Err(reason) => {
            exchange.record.ruled_out(POLICY, &reason);
            exchange.note(|| told(Direction::Request, edit, BodyOutcome::Refused(reason.to_owned())));
            return Err(Reject::unsupported_content_type().with_detail(["the content is not taken: ", reason].concat()));
        }
    };
    if form.is_stream() {
        let filter = Filter::new(Arc::clone(edit), form, edit.fill(call));
        filter_request(exchange, platform, (route, edit, filter), body).await?;
        mend(&mut call.headers, Change::Data, None);
        return Ok(());
    }
    let limit = route.body_limit.min(edit.most_bytes);
    content::collect(platform, body, limit).await?;
    let Body::Full(before) = body else { return Ok(()) };
    // As where a request states none: its client may have sent an empty body in chunks.
    if before.is_empty() {
        exchange.note(|| told(Direction::Request, edit, BodyOutcome::Absent));
        return Ok(());
    }
    *before = decoded(platform, before, &call.headers, limit).await.map_err(|error| {
        exchange.record.ruled_out(POLICY, &error);
        match error {
            DecodeError::TooLarge => Reject::body_too_large(),
            DecodeError::Malformed => Reject::content_refused().with_detail("the content is not what its coding says"),
            DecodeError::Unknown => {
                Reject::unsupported_content_type().with_detail("the content has a coding that is not known here")
            }
        }
    })?;
    let edited = edit.edit(before, (form, &call.headers), &edit.fill(call)).map_err(|trouble| {
        exchange.record.ruled_out(POLICY, &trouble);
        exchange.note(|| told(Direction::Request, edit, BodyOutcome::Refused(trouble.to_string())));
        reject_for(&trouble).with_detail(format!("the content is not taken: {trouble}"))
    })?;
    exchange.note(|| self::edited(Direction::Request, edit, before, &edited.content));
    *body = Body::Full(edited.content.into());
    // The adapter frames the content.
    mend(&mut call.headers, Change::Data, None);
    call.headers.remove(CONTENT_ENCODING);
    if let Some(kind) = edited.kind {
        call.headers.insert(CONTENT_TYPE, kind);
    }
    Ok(())
}

/// Edits a request's content while it passes, or where it is there as a whole, or has to be, at once.
async fn filter_request<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    (route, edit, mut filter): (&Route, &BodyEdit, Box<Filter>),
    body: &mut Body<P::Stream>,
) -> Result<(), Reject> {
    let is_passed_on = matches!(&route.action, Action::Proxy(proxy) if proxy.request == BodyUse::Untouched);
    // A trace shows what becomes of it.
    if is_passed_on
        && exchange.trace.is_none()
        && let Body::Stream(_) = body
    {
        exchange.record.owed.push(Owed::Filtered(filter.fault()));
        if let Body::Stream(stream) = core::mem::take(body) {
            *body = Body::Stream(platform.filter(stream, filter));
        }
        return Ok(());
    }
    content::collect(platform, body, route.body_limit).await?;
    let Body::Full(before) = body else { return Ok(()) };
    match filter_whole(&mut filter, before) {
        Ok(after) => {
            exchange.note(|| edited(Direction::Request, edit, before, &after));
            *body = Body::Full(after.into());
            Ok(())
        }
        Err(broken) => {
            exchange.record.ruled_out(POLICY, &broken);
            exchange.note(|| told(Direction::Request, edit, BodyOutcome::Refused(broken.to_string())));
            Err(rejected(&broken))
        }
    }
}

/// What `content`, which these `headers` speak of, is without its codings.
async fn decoded<P: Platform>(
    platform: &P,
    content: &Bytes,
    headers: &HeaderMap,
    limit: u64,
) -> Result<Bytes, DecodeError> {
    let codings = codings(headers)?;
    if codings.is_empty() {
        return Ok(content.clone());
    }
    platform.decode(content.clone(), &codings, limit).await
}

fn edited(of: Direction, edit: &BodyEdit, from: &[u8], to: &[u8]) -> Event {
    told(of, edit, BodyOutcome::Edited { from: lossy(from), to: lossy(to) })
}

/// The event that `edit` has this outcome.
fn told(of: Direction, edit: &BodyEdit, outcome: BodyOutcome) -> Event {
    Event::Body { of, steps: if THOROUGH { edit.steps_in_words() } else { Vec::new() }, outcome }
}

/// Edits all of a stream, which is there.
fn filter_whole(filter: &mut Filter, content: &[u8]) -> Result<Vec<u8>, Broken> {
    let mut out = Vec::new();
    let ended = filter.push(content, &mut out).and_then(|()| filter.finish(&mut out));
    match (ended, filter.fault().broken()) {
        (Err(BreaksOff), Some(broken)) => Err(broken.clone()),
        _ => Ok(out),
    }
}

/// Refuses a request whose content is a stream that has broken off.
fn rejected(broken: &Broken) -> Reject {
    let reject = match &broken.reason {
        Reason::TooLong => Reject::body_too_large(),
        Reason::Trouble(trouble) => reject_for(trouble),
    };
    reject.with_detail(format!("the content is not taken: {broken}"))
}

fn reject_for(trouble: &Trouble) -> Reject {
    if matches!(trouble, Trouble::Unread(_)) { Reject::content_refused() } else { Reject::content_unfit() }
}

/// Tells why the stream that is a request's content has broken off, in place of `reject`.
#[cold]
#[inline(never)]
pub(super) fn broken(exchange: &mut Exchange<'_, '_>, reject: Reject) -> Reject {
    match exchange.record.broken().cloned() {
        Some(broken) => {
            exchange.record.ruled_out(POLICY, &broken);
            Reject { headers: reject.headers, ..rejected(&broken) }
        }
        None => reject,
    }
}

/// Returns whether `route` gives responses other statuses.
pub(super) fn maps_status(route: &Route) -> bool {
    route.response.iter().any(|step| matches!(step, ResponseStep::MapStatus(_)))
}

/// Returns whether `route` edits the content of responses.
pub(super) fn edits(route: &Route) -> bool {
    route.response.iter().any(|step| step.body().is_some())
}

/// The policy that the log names.
const POLICY: &str = "body";

/// Takes from `call` what asks for a part of the content, or for none if it is the same: either is about a content that is edited afterwards.
pub(super) fn ask_for_all(call: &mut Call) {
    for name in [RANGE, IF_RANGE, IF_NONE_MATCH, IF_MODIFIED_SINCE] {
        remove_aliases(&mut call.headers, &name, &[]);
        call.headers.remove(name);
    }
}

/// The edits of content among the response steps of `route`, with the texts of their templates.
pub(super) type Texts = Box<[Box<[Option<Box<str>>]>]>;

/// Fills the templates of the edits of content of responses on `route`, while the request is still there.
pub(super) fn fill(route: &Route, call: &Call) -> Texts {
    route.response.iter().filter_map(|step| step.body()).map(|edit| edit.fill(call)).collect()
}

/// Edits the content of the response that `answer` is, as its route says.
///
/// # Errors
/// The content can't be edited, or has not come to its end; or `answer` is one.
pub(super) async fn edit_response<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    mut answer: Result<Reply<P>, Reject>,
    is_head: bool,
) -> Result<Reply<P>, Reject> {
    let filled = exchange.filled.as_mut().and_then(|filled| filled.bodies.take());
    if let (Ok(Reply::Http(response)), Some(route), Some(filled)) = (&mut answer, exchange.route, filled) {
        let edits = route.response.iter().filter_map(|step| step.body()).zip(&filled);
        for (edit, texts) in edits {
            if edit.statuses.has(response.status()) {
                edit_one(exchange, platform, (edit, texts), response, is_head).await?;
            } else {
                let outcome = BodyOutcome::OtherStatus(response.status());
                exchange.note(|| told(Direction::Response, edit, outcome));
            }
        }
        for step in route.response.iter() {
            if let ResponseStep::MapStatus(map) = step {
                let from = response.status();
                let to = map.status(from).unwrap_or(from);
                *response.status_mut() = to;
                exchange.note(|| Event::Policy {
                    policy: "status",
                    verdict: if to == from { format!("{from} stays as it is") } else { format!("{from} is {to}") },
                });
            }
        }
    }
    answer
}

/// Reasons why a content is not edited.
const TOO_LARGE: &str = "it is larger than what is edited";
const NO_ROOM: &str = "the batch has no room for it";

async fn edit_one<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    (edit, texts): (&Arc<BodyEdit>, &[Option<Box<str>>]),
    response: &mut Response<Body<P::Stream>>,
    is_head: bool,
) -> Result<(), Reject> {
    let form = if response.status() == StatusCode::PARTIAL_CONTENT {
        Err("it is a part of another")
    } else {
        edit.form(response.headers())
    };
    let form = match form {
        Ok(Some(form)) => form,
        Ok(None) => {
            exchange.note(|| told(Direction::Response, edit, BodyOutcome::Passed));
            return Ok(());
        }
        // There is nothing to edit.
        Err(_) if !is_head && response.body().is_empty() => {
            exchange.note(|| told(Direction::Response, edit, BodyOutcome::Absent));
            return Ok(());
        }
        Err(reason) => return Err(refused(exchange, edit, &reason)),
    };
    if is_head || response.body().is_empty() {
        exchange.note(|| told(Direction::Response, edit, BodyOutcome::Absent));
        // RFC 9110 §9.3.2: what would be told of the content is not known.
        mend(response.headers_mut(), Change::Data, None);
        response.headers_mut().remove(CONTENT_ENCODING);
        if edit.to.is_some_and(|to| to != form) {
            response.headers_mut().remove(CONTENT_TYPE);
        }
        return Ok(());
    }
    if form.is_stream() {
        let filter = Filter::new(Arc::clone(edit), form, texts.into());
        return filter_response(exchange, platform, (edit, filter), response);
    }
    // That of a request of a batch is within the room of that, while it is edited as well.
    let stated = stated_length(response.headers()).filter(|length| *length <= edit.most_bytes);
    let Some(mut held) = Held::of(exchange.record, stated) else {
        return Err(refused(exchange, edit, &NO_ROOM));
    };
    let before = match core::mem::take(response.body_mut()) {
        Body::Stream(stream) => match platform.collect(stream, held.most(edit.most_bytes)).await {
            Ok(content) => content,
            Err(error) if error.kind == IoErrorKind::BodyTooLarge => {
                let why = if held.most(edit.most_bytes) < edit.most_bytes { NO_ROOM } else { TOO_LARGE };
                return Err(refused(exchange, edit, &why));
            }
            Err(error) => return Err(failed(exchange, error.kind)),
        },
        Body::Full(content) => content,
        Body::Empty => return Ok(()),
    };
    if before.is_empty() {
        exchange.note(|| told(Direction::Response, edit, BodyOutcome::Absent));
        return Ok(());
    }
    if !held.grow(before.len() as u64) {
        return Err(refused(exchange, edit, &NO_ROOM));
    }
    let before = match decoded(platform, &before, response.headers(), edit.most_bytes).await {
        Ok(content) => content,
        Err(error) => return Err(refused(exchange, edit, &error)),
    };
    let edited = match edit.edit(&before, (form, response.headers()), texts) {
        Ok(edited) => edited,
        Err(trouble) => return Err(refused(exchange, edit, &trouble)),
    };
    exchange.note(|| self::edited(Direction::Response, edit, &before, &edited.content));
    mend(response.headers_mut(), Change::Data, Some(edited.content.len() as u64));
    response.headers_mut().remove(CONTENT_ENCODING);
    if let Some(kind) = edited.kind {
        response.headers_mut().insert(CONTENT_TYPE, kind);
    }
    *response.body_mut() = Body::Full(edited.content.into());
    Ok(())
}

/// Edits a response's content while it passes, or where it is there as a whole, at once.
fn filter_response<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    (edit, mut filter): (&BodyEdit, Box<Filter>),
    response: &mut Response<Body<P::Stream>>,
) -> Result<(), Reject> {
    let (body, length) = match core::mem::take(response.body_mut()) {
        Body::Empty => (Body::Empty, None),
        Body::Stream(stream) => {
            exchange.record.owed.push(Owed::Filtered(filter.fault()));
            exchange.note(|| told(Direction::Response, edit, BodyOutcome::Streamed));
            (Body::Stream(platform.filter(stream, filter)), None)
        }
        Body::Full(before) => match filter_whole(&mut filter, &before) {
            Ok(after) => {
                exchange.note(|| edited(Direction::Response, edit, &before, &after));
                let length = after.len() as u64;
                (Body::Full(after.into()), Some(length))
            }
            Err(broken) => return Err(refused(exchange, edit, &broken)),
        },
    };
    mend(response.headers_mut(), Change::Data, length);
    *response.body_mut() = body;
    Ok(())
}

fn lossy(content: &[u8]) -> String {
    String::from_utf8_lossy(content).into_owned()
}

/// Refuses a response whose content can't be edited. The log tells why, and never the client.
fn refused(exchange: &mut Exchange<'_, '_>, edit: &BodyEdit, reason: &dyn core::fmt::Display) -> Reject {
    exchange.record.ruled_out(POLICY, reason);
    exchange.note(|| told(Direction::Response, edit, BodyOutcome::Refused(reason.to_string())));
    Reject::upstream_content()
}
