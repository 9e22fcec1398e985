//! Answers of the gateway's own: redirects and fixed responses.

use http::header::{CONTENT_LENGTH, LOCATION};
use http::{HeaderValue, Method, Response, StatusCode};

use super::exchange::Exchange;
use super::target_uri::after_segments;
use crate::body::Body;
use crate::call::Call;
use crate::error::Reject;
use crate::http::path;
use crate::plan::{Redirect, Respond};
use crate::policy::header_edit;
use crate::template::Target;
use crate::trace::Event;

pub(super) fn redirect<S>(
    exchange: &mut Exchange<'_, '_>,
    action: &Redirect,
    call: &Call,
) -> Result<Response<Body<S>>, Reject> {
    let mut location = String::new();
    let is_complete = action.location.fill(call, Target::Location, &mut location);
    if let Some(segments) = action.rest {
        location.truncate(location.trim_end_matches('/').len());
        location.push_str(after_segments(call.path(), call.replaced(segments)));
        // A host alone is a URL, too (RFC 9110 §4.2.3), but no path alone is one.
        if location.is_empty() {
            location.push('/');
        }
    }
    // A value must not leave its segment (`..`), nor turn a path into another site's address: `//evil.example`.
    let path = path::of_reference(&location);
    if !is_complete || !(path.is_empty() || path::is_normalised(path)) {
        return Err(Reject::bad_path().with_detail("the request makes no location to redirect to"));
    }
    if action.keep_query
        && let Some(query) = call.query()
    {
        let fragment = location.find('#').map(|at| location.split_off(at));
        location.push(if location.contains('?') { '&' } else { '?' });
        location.push_str(query);
        location.push_str(fragment.as_deref().unwrap_or_default());
    }
    exchange.note(|| Event::Answered { by: "redirect" });
    let mut response = empty(action.status);
    let location = HeaderValue::try_from(location).map_err(|_| Reject::bad_path())?;
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

pub(super) fn respond<S>(exchange: &mut Exchange<'_, '_>, action: &Respond, call: &Call) -> Response<Body<S>> {
    let mut content = String::new();
    action.body.fill(call, action.form, &mut content);
    let mut headers = action.headers.clone();
    let filled: Vec<_> = header_edit::fill_for_response(&action.filled, call).collect();
    header_edit::apply_to_response(&action.filled, &mut filled.iter(), &mut headers);
    exchange.note(|| Event::Answered { by: "respond" });
    let mut response = with_content(&call.method, content.into_bytes().into());
    *response.status_mut() = action.status;
    if matches!(action.status.as_u16(), 204 | 304) {
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    response.headers_mut().extend(headers);
    response
}

/// A 200 with `content`; for HEAD, only its length (RFC 9110 §9.3.2).
pub(super) fn with_content<S>(method: &Method, content: bytes::Bytes) -> Response<Body<S>> {
    let mut response = empty(StatusCode::OK);
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(content.len()));
    if *method != Method::HEAD && !content.is_empty() {
        *response.body_mut() = Body::Full(content);
    }
    response
}

/// An empty response of `status`.
pub(super) fn empty<S>(status: StatusCode) -> Response<Body<S>> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = status;
    response
}
