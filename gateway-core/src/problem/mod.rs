//! Problem details (RFC 9457): the one place where a rejection becomes a response.

pub mod content;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, VARY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Response};
use serde::Serialize;

use self::content::{ErrorContents, PROBLEM};
use crate::body::Body;
use crate::error::{Flaw, RATE_LIMITED, Reject};
use crate::http::request_id::X_REQUEST_ID;

/// Goes before a code to make the problem's type. It is no address, since nobody has to look it up (RFC 9457 §4.2).
pub const TYPE_PREFIX: &str = "urn:edgeway:problem:";

/// Goes before the request's identifier to make the problem's instance (RFC 9457 §3.1.5).
pub const INSTANCE_PREFIX: &str = "urn:edgeway:request:";

/// The type of [`RATE_LIMITED`], from draft-ietf-httpapi-ratelimit-headers-10 ("Quota Exceeded").
const QUOTA_EXCEEDED: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";

/// The members of a problem (RFC 9457 §3.1) and its extensions (§3.2).
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Problem<'a> {
    r#type: &'a str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    instance: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    violated_policies: &'a [Box<str>],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [Flaw],
}

impl Reject {
    /// The response: `application/problem+json`, never stored by a cache; without content for a HEAD request (`head`).
    ///
    /// `request_id` is the value of `X-Request-Id`, so that a report of the problem leads to the log.
    pub fn into_response<S>(self, head: bool, request_id: &HeaderValue) -> Response<Body<S>> {
        if self.has_no_content() {
            return self.without_content();
        }
        let content = self.content(request_id);
        self.with_content(HeaderValue::from_static(PROBLEM), content, head)
    }

    /// The response with the content among `own` that a client with this `accept` likes best, or with a problem.
    pub(crate) fn into_negotiated<S>(
        self,
        own: &ErrorContents,
        accept: &str,
        head: bool,
        request_id: &HeaderValue,
    ) -> Response<Body<S>> {
        let Some(contents) = own.of(self.status).filter(|_| !self.has_no_content()) else {
            return self.into_response(head, request_id);
        };
        let mut response = match content::choose(contents, accept) {
            Some(content) => {
                let text = content.text.fill(&self, request_id, content.target);
                self.with_content(content.content_type.clone(), text.into(), head)
            }
            None => self.into_response(head, request_id),
        };
        response.headers_mut().append(VARY, HeaderValue::from_static("Accept"));
        response
    }

    fn with_content<S>(self, content_type: HeaderValue, content: Bytes, head: bool) -> Response<Body<S>> {
        let mut response = Response::new(Body::Empty);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, content_type);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        // Stated, so that the answer to HEAD has it too (RFC 9110 §9.3.2).
        headers.insert(CONTENT_LENGTH, HeaderValue::from(content.len()));
        for (name, value) in self.headers {
            headers.append(name, value);
        }
        if !head {
            *response.body_mut() = Body::Full(content);
        }
        response
    }

    /// Returns whether its fields say all: a way to go, or the status of a call of gRPC.
    fn has_no_content(&self) -> bool {
        self.status.is_redirection() || self.status.is_success()
    }

    /// The response whose fields say all, which is about this one request.
    #[cold]
    fn without_content<S>(self) -> Response<Body<S>> {
        let mut response = Response::new(Body::Empty);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(0));
        for (name, value) in self.headers {
            headers.append(name, value);
        }
        response
    }

    fn content(&self, request_id: &HeaderValue) -> Bytes {
        let kind =
            if self.code == RATE_LIMITED.code { QUOTA_EXCEEDED.to_owned() } else { [TYPE_PREFIX, self.code].concat() };
        let instance = match request_id.to_str() {
            Ok(id) if !id.is_empty() => [INSTANCE_PREFIX, id].concat(),
            _ => String::new(),
        };
        let problem = Problem {
            r#type: &kind,
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            instance: &instance,
            code: self.code,
            violated_policies: self.violated_policies.as_deref().unwrap_or_default(),
            errors: self.flaws.as_deref().unwrap_or_default(),
        };
        // Strings and numbers always serialise; were it not so, an empty object is still a valid problem.
        serde_json::to_vec(&problem).map_or(Bytes::from_static(b"{}"), Bytes::from)
    }
}

/// The answer to a request that no executor saw: the problem, with the request's identifier.
pub fn answer<S>(reject: Reject, head: bool, id: HeaderValue) -> Response<Body<S>> {
    let mut response = reject.into_response(head, &id);
    response.headers_mut().insert(X_REQUEST_ID, id);
    response
}

#[cfg(test)]
mod tests {
    use http::header::RETRY_AFTER;
    use serde_json::json;

    use super::*;

    fn id() -> HeaderValue {
        HeaderValue::from_static("abc-1")
    }

    fn body(response: Response<Body<()>>) -> serde_json::Value {
        let Body::Full(bytes) = response.into_body() else { panic!("no content") };
        serde_json::from_slice(&bytes).unwrap()
    }

    /// RFC 9457 §3.1: the standard members, and the media type of §6.1.
    #[test]
    fn a_problem_has_the_standard_members() {
        let response = Reject::route_not_found().into_response::<()>(false, &id());
        assert_eq!(response.status(), 404);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        assert_eq!(response.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(
            body(response),
            json!({
                "type": "urn:edgeway:problem:route_not_found",
                "title": "Route not found",
                "status": 404,
                "detail": "no route takes this host and path",
                "instance": "urn:edgeway:request:abc-1",
                "code": "route_not_found",
            })
        );
    }

    /// RFC 9110 §9.3.2: HEAD has the fields of GET and no content.
    #[test]
    fn head_has_the_length_but_no_content() {
        let get = Reject::internal().into_response::<()>(false, &id());
        let head = Reject::internal().into_response::<()>(true, &id());
        assert_eq!(get.headers(), head.headers());
        assert!(head.body().is_empty());
        let Body::Full(content) = get.into_body() else { panic!("no content") };
        assert_eq!(head.headers()[CONTENT_LENGTH], content.len().to_string());
    }

    /// RFC 8259 §7: quotes, backslashes and control characters are escaped.
    #[test]
    fn details_are_escaped() {
        let detail = "\"quoted\" \\ back\nline \u{1} é </script>";
        let response = Reject::bad_path().with_detail(detail).into_response::<()>(false, &id());
        assert_eq!(body(response)["detail"], detail);
    }

    #[test]
    fn extra_fields_are_sent() {
        let reject = Reject::counter_unavailable().with_header(RETRY_AFTER, HeaderValue::from(1));
        assert_eq!(reject.into_response::<()>(false, &id()).headers()[RETRY_AFTER], "1");
    }

    /// draft-ietf-httpapi-ratelimit-headers-10: the type of exceeded quotas has a registered address and its own member.
    #[test]
    fn rate_limits_use_the_registered_type() {
        let mut reject = Reject::rate_limited();
        reject.violated_policies = Some(["burst".into()].into());
        let body = body(reject.into_response::<()>(false, &id()));
        assert_eq!(body["type"], "https://iana.org/assignments/http-problem-types#quota-exceeded");
        assert_eq!(body["violated-policies"], json!(["burst"]));
        assert_eq!(body["code"], "rate_limited");
    }
}
