//! Requests and responses as the description of their API has them.

use std::sync::Arc;

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::content::{collect, keep_one_kind};
use super::exchange::Exchange;
use super::local::with_content;
use super::target_uri::after_segments;
use crate::body::Body;
use crate::call::Call;
use crate::config::{RequestChecks, UndeclaredQuery};
use crate::error::{Flaw, Reject};
use crate::meter::Described;
use crate::policy::openapi::{Asked, Came, Checks, Copy, Expected, Faults, Missing, Mock};
use crate::policy::response_cost::Observer;
use crate::policy::validate::MOST_CONTENT;
use crate::ports::Platform;
use crate::record::Owed;
use crate::trace::Event;

/// The policy that the log names.
const POLICY: &str = "openapi";

/// What is known of a request that has been looked at.
struct Looked {
    operation: Option<(usize, usize)>,
    /// Set if its content was not looked at: it is larger than what would be read, or its length is not known.
    is_unchecked: bool,
}

/// Looks at a request.
///
/// # Errors
/// It is not as its description has it, and such are refused.
pub(super) async fn check<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    checks: &Checks,
    (call, body): (&mut Call, &mut Body<P::Stream>),
    limit: u64,
) -> Result<(), Reject> {
    let looked = match checks.request {
        RequestChecks::Off => Ok(Looked { operation: None, is_unchecked: false }),
        _ => look(exchange, platform, checks, (&mut *call, body), limit).await,
    };
    let is_counted = checks.request != RequestChecks::Off;
    let outcome = match &looked {
        Ok(looked) if looked.is_unchecked => Described::RequestUnchecked,
        Ok(_) => Described::RequestValid,
        Err(_) => Described::RequestInvalid,
    };
    if is_counted {
        exchange.record.described(outcome);
        exchange.note(|| {
            let name = |(path, operation)| {
                checks.description.at((path, operation)).map(|operation| operation.name.to_string())
            };
            let verdict = match &looked {
                Ok(Looked { operation: None, .. }) => "the document has no such operation".to_owned(),
                Ok(Looked { operation: Some(index), .. }) => {
                    format!("it is as `{}` has it", name(*index).unwrap_or_default())
                }
                Err((_, reject)) => format!("refused: {}: {}", reject.code, reject.reason()),
            };
            Event::Policy { policy: POLICY, verdict }
        });
    }
    let operation = match looked {
        Ok(looked) => looked.operation,
        Err((operation, reject)) => {
            let why = reject.reason().into_owned();
            if checks.request == RequestChecks::Refuse {
                exchange.record.ruled_out(POLICY, &why);
                return Err(reject);
            }
            exchange.record.not_as_described(&["request: ", &why].concat());
            operation
        }
    };
    let is_one = Arc::ptr_eq(&checks.description, &checks.answers);
    if checks.has_responses
        && let Some(operation) = operation.filter(|_| is_one).or_else(|| answering(checks, call))
    {
        let expected = Expected { description: Arc::clone(&checks.answers), operation, came: None };
        exchange.record.owed.push(Owed::Expected(Box::new(expected)));
    }
    Ok(())
}

/// The operation that tells what the upstream answers, if there is one.
fn answering(checks: &Checks, call: &Call) -> Option<(usize, usize)> {
    Some(checks.answers.find(&call.method, after_segments(call.path(), checks.segments)).ok()?.index)
}

type Refused = (Option<(usize, usize)>, Reject);

async fn look<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    checks: &Checks,
    (call, body): (&mut Call, &mut Body<P::Stream>),
    limit: u64,
) -> Result<Looked, Refused> {
    let description = &*checks.description;
    let path = after_segments(call.path(), checks.segments).to_owned();
    let found = match description.find(&call.method, &path) {
        Ok(found) => found,
        Err(_) if checks.has_strangers => return Ok(Looked { operation: None, is_unchecked: false }),
        Err(missing) => return Err((None, refusal(missing))),
    };
    let index = Some(found.index);
    if !body.is_empty() {
        keep_one_kind(call);
    }
    let asked = Asked { method: &call.method, path: &path, query: call.query(), headers: &call.headers };
    let (parameters, strange) = description.check_parameters(&found, &asked);
    let mut faults = Faults { parameters, content: Vec::new() };
    if checks.query == UndeclaredQuery::Refuse {
        let flaw = |name: &String| Flaw {
            place: Some("query"),
            parameter: Some(name.as_str().into()),
            ..Flaw::new("is no parameter of this operation".to_owned())
        };
        faults.parameters.extend(strange.names.iter().map(flaw));
    }
    let mut is_unchecked = false;
    let is_report = checks.request == RequestChecks::Report;
    if body.is_empty() {
        faults.content.extend(description.lacks_content(&found));
    } else if let Some(reader) = description.reader(&found, &call.headers).map_err(|reject| (index, reject))? {
        let most = limit.min(MOST_CONTENT);
        // Content that is read and turns out to be larger could not be passed on any more.
        if is_report && !fits(body, &call.headers, most) {
            is_unchecked = true;
        } else {
            collect(platform, body, most).await.map_err(|reject| (index, reject))?;
            match &*body {
                Body::Full(content) if !content.is_empty() => {
                    let flaws = description.check_content(reader, content, &call.headers);
                    faults.content.extend(flaws.map_err(|reject| (index, reject))?);
                }
                _ => faults.content.extend(description.lacks_content(&found)),
            }
        }
    }
    if !faults.is_empty() {
        return Err((index, faults.into_reject()));
    }
    if checks.query == UndeclaredQuery::Strip && !is_report && !strange.names.is_empty() {
        let rest = strange.rest.join("&");
        let query = Some(rest).filter(|rest| !rest.is_empty());
        exchange.note(|| Event::QueryEdited {
            from: call.query().map(str::to_owned),
            to: query.clone(),
            upstream: None,
        });
        call.set_query(query);
    }
    Ok(Looked { operation: index, is_unchecked })
}

/// The refusal of a request for no operation (RFC 9110 §15.5.5, §15.5.6).
fn refusal(missing: Missing) -> Reject {
    match missing {
        Missing::Path => Reject::operation_not_found(),
        Missing::Method(allow) => {
            let allow = HeaderValue::try_from(allow).unwrap_or_else(|_| HeaderValue::from_static(""));
            let detail = "the API has no operation with this method here; `Allow` lists those that there are";
            Reject::method_not_allowed(allow).with_detail(detail)
        }
    }
}

/// Answers a request by its description.
///
/// # Errors
/// It has no such operation.
#[inline(never)]
pub(super) fn mock<S>(exchange: &mut Exchange<'_, '_>, mock: &Mock, call: &Call) -> Result<Response<Body<S>>, Reject> {
    let path = after_segments(call.path(), mock.segments);
    let answer = mock.answer(&call.method, path, call.query(), &call.headers).map_err(refusal)?;
    exchange.note(|| Event::Answered { by: "mock" });
    let mut response = with_content(&call.method, answer.content.into());
    *response.status_mut() = answer.status;
    if matches!(answer.status.as_u16(), 100..200 | 204 | 304) {
        response.headers_mut().remove(CONTENT_LENGTH);
        *response.body_mut() = Body::Empty;
    }
    response.headers_mut().extend(answer.headers);
    Ok(response)
}

/// Returns whether all of `body` is known to be no more than `most`.
fn fits<S>(body: &Body<S>, headers: &HeaderMap, most: u64) -> bool {
    match body {
        Body::Empty => true,
        Body::Full(content) => content.len() as u64 <= most,
        Body::Stream(_) => {
            let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
            length.is_some_and(|length| length <= most)
        }
    }
}

/// Takes note of the head of a response that is expected to be as a description has it. Returns who looks at its content.
#[cold]
#[inline(never)]
pub(super) fn came<S>(
    exchange: &mut Exchange<'_, '_>,
    response: &Response<Body<S>>,
    is_head: bool,
    observer: &mut Option<Box<Observer>>,
) {
    for owed in &mut exchange.record.owed {
        let Owed::Expected(expected) = owed else { continue };
        let has_content = !is_head && !matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let content = has_content.then(|| Copy::new(usize::try_from(MOST_CONTENT).unwrap_or(usize::MAX)));
        if let Some(copy) = &content
            && !response.body().is_empty()
        {
            observer.get_or_insert_with(Box::default).copy(copy.clone());
        }
        let came = Came { status: response.status(), headers: response.headers().clone(), content };
        expected.came = Some(came);
    }
}
