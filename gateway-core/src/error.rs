//! Requests that the gateway refuses or fails to serve: every code there is, and what each becomes.

use std::borrow::Cow;

use http::header::{ALLOW, LOCATION};
use http::{HeaderName, HeaderValue, StatusCode};

/// A request that the gateway answers itself, with a problem (RFC 9457); [`crate::problem`] renders it.
///
/// Made by one of the functions of the catalogue, such as [`Reject::route_not_found`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The status of the response.
    pub status: StatusCode,
    /// The stable code: programs and logs go by it.
    pub code: &'static str,
    /// The meaning of the code, the same for every occurrence (RFC 9457 §3.1.3).
    pub title: &'static str,
    /// This occurrence, and the way to mend it; never anything about the inside (RFC 9457 §3.1.4).
    pub detail: Cow<'static, str>,
    /// Fields of the response beyond the usual ones: `Allow`, `Retry-After`, `Proxy-Status`.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The limits that the request exceeded; none for other codes.
    pub violated_policies: Option<Box<[Box<str>]>>,
    /// The parts of the content that are not as its schema has them; none for other codes.
    pub flaws: Option<Box<[Flaw]>>,
}

/// A part of a request that is not as it has to be, as RFC 9457 §3 tells of such.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Flaw {
    /// What is wrong with it.
    pub detail: String,
    /// The place of a parameter: `path`, `query`, `header` or `cookie`.
    #[serde(rename = "in", skip_serializing_if = "Option::is_none")]
    pub place: Option<&'static str>,
    /// The name of a parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<Box<str>>,
    /// The JSON Pointer to a part of the content, or of the parameter's value, as a fragment of a URI (RFC 6901 §6).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
}

impl Flaw {
    /// One of which nothing else is known.
    #[must_use]
    pub const fn new(detail: String) -> Self {
        Self { detail, place: None, parameter: None, pointer: None }
    }
}

impl core::fmt::Display for Flaw {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        for part in [self.place, self.parameter.as_deref(), self.pointer.as_deref()].into_iter().flatten() {
            write!(f, "{part} ")?;
        }
        f.write_str(&self.detail)
    }
}

impl Reject {
    /// A rejection of this kind with its usual detail.
    #[must_use]
    pub const fn new(entry: &Entry) -> Self {
        Self {
            status: entry.status,
            code: entry.code,
            title: entry.title,
            detail: Cow::Borrowed(entry.detail),
            headers: Vec::new(),
            violated_policies: None,
            flaws: None,
        }
    }

    /// The same with another detail, which must say nothing about the inside.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = detail.into();
        self
    }

    /// The reason for people: what is wrong with the content, where that is listed, or else the detail.
    #[must_use]
    pub fn reason(&self) -> Cow<'_, str> {
        let Some((first, others)) = self.flaws.as_deref().and_then(<[Flaw]>::split_first) else {
            return Cow::Borrowed(&self.detail);
        };
        let more = if others.is_empty() { String::new() } else { format!("; and {} more", others.len()) };
        Cow::Owned(format!("{first}{more}"))
    }

    /// The same with one more response field.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The way to a login: no error, but an answer in place of the one that was asked for (RFC 9110 §15.4.3).
    #[must_use]
    pub fn redirect(location: HeaderValue) -> Self {
        Self {
            status: StatusCode::FOUND,
            code: "login",
            title: "Login",
            detail: Cow::Borrowed(""),
            headers: vec![(LOCATION, location)],
            violated_policies: None,
            flaws: None,
        }
    }

    /// [`METHOD_NOT_ALLOWED`] with the `Allow` field that RFC 9110 §15.5.6 demands.
    #[must_use]
    pub fn method_not_allowed(allow: HeaderValue) -> Self {
        Self::without_allow().with_header(ALLOW, allow)
    }
}

/// A kind of rejection.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// The status of the response.
    pub status: StatusCode,
    /// The stable code.
    pub code: &'static str,
    /// The meaning of the code.
    pub title: &'static str,
    /// The detail, where the place that refuses has nothing more exact to say.
    pub detail: &'static str,
}

macro_rules! catalogue {
    ($($(#[doc = $doc:literal])+ $constant:ident $visibility:vis $function:ident $code:literal $status:ident $title:literal $detail:literal;)+) => {
        $(
            $(#[doc = $doc])+
            pub const $constant: Entry =
                Entry { status: StatusCode::$status, code: $code, title: $title, detail: $detail };
        )+

        /// Every kind of rejection.
        pub const CATALOGUE: &[Entry] = &[$($constant),+];

        impl Reject {
            $(
                $(#[doc = $doc])+
                #[must_use]
                $visibility const fn $function() -> Self {
                    Self::new(&$constant)
                }
            )+
        }
    };
}

catalogue! {
    /// No route takes the request's host and path (RFC 9110 §15.5.5).
    ROUTE_NOT_FOUND pub route_not_found "route_not_found" NOT_FOUND
        "Route not found" "no route takes this host and path";
    /// The API has no version of this name (RFC 9110 §15.5.5).
    VERSION_NOT_FOUND pub version_not_found "version_not_found" NOT_FOUND
        "Version not found" "the API has no such version";
    /// The request states no version, and the API has none for such requests (RFC 9110 §15.5.1).
    VERSION_REQUIRED pub version_required "version_required" BAD_REQUEST
        "Version required" "the request has to state a version of the API";
    /// The version is no longer served (RFC 9110 §15.5.11, RFC 8594).
    VERSION_SUNSET pub version_sunset "version_sunset" GONE
        "Version is gone" "this version of the API is no longer served";
    /// The version is not served for a while, ahead of its end (RFC 9110 §15.5.11).
    VERSION_BROWN_OUT pub version_brown_out "version_brown_out" GONE
        "Version is going" "this version of the API is not served at the moment, and soon will be no longer";
    /// There is no admin endpoint at this path (RFC 9110 §15.5.5).
    ENDPOINT_NOT_FOUND pub endpoint_not_found "endpoint_not_found" NOT_FOUND
        "Endpoint not found" "there is no admin endpoint at this path";
    /// No policy of the configuration asks for this flag (RFC 9110 §15.5.5).
    FLAG_NOT_FOUND pub flag_not_found "flag_not_found" NOT_FOUND
        "Flag not found" "no policy of the configuration asks for this flag";
    /// No issuer of this name looks at a list of revoked tokens (RFC 9110 §15.5.5).
    ISSUER_NOT_FOUND pub issuer_not_found "issuer_not_found" NOT_FOUND
        "Issuer not found" "no issuer of this name in the configuration has `revocation`";
    /// The key-value store has no API key of this digest (RFC 9110 §15.5.5).
    KEY_NOT_FOUND pub key_not_found "key_not_found" NOT_FOUND
        "Key not found" "the key-value store has no API key of this digest";
    /// The content of a request for an admin endpoint is not what that takes (RFC 9110 §15.5.1).
    BAD_CONTENT pub bad_content "bad_content" BAD_REQUEST
        "Bad content" "the content is none that the endpoint takes";
    /// A web page wants to change something where no token is asked for (RFC 9110 §15.5.4).
    CROSS_SITE pub cross_site "cross_site" FORBIDDEN
        "Request of a web page" "web pages can't change anything here";
    /// A page of another origin wants to change something where the policy `csrf` holds (RFC 9110 §15.5.4).
    CROSS_ORIGIN pub cross_origin "cross_origin" FORBIDDEN
        "Request of another origin" "pages of this origin can't change anything here";
    /// A client on another machine wants to change something where no token is asked for (RFC 9110 §15.5.4).
    NOT_FROM_HERE pub not_from_here "not_from_here" FORBIDDEN
        "Request from another machine" "from another machine, changes take the token and the path of `admin`";
    /// The request states no valid credentials (RFC 9110 §15.5.2); whoever makes it adds the challenge.
    UNAUTHORIZED pub unauthorized "unauthorized" UNAUTHORIZED
        "Unauthorized" "the request states no valid credentials";
    /// The token of the request is not accepted (RFC 6750 §3.1); whoever makes it adds the challenge.
    INVALID_TOKEN pub invalid_token "invalid_token" UNAUTHORIZED
        "Invalid token" "the token is not trusted";
    /// The credentials of the request are not accepted (RFC 9110 §15.5.2); whoever makes it adds the challenge.
    INVALID_CREDENTIALS pub invalid_credentials "invalid_credentials" UNAUTHORIZED
        "Invalid credentials" "the credentials are not accepted";
    /// The request states credentials more than once (RFC 6750 §2, §3.1).
    AMBIGUOUS_CREDENTIALS pub ambiguous_credentials "ambiguous_credentials" BAD_REQUEST
        "Ambiguous credentials" "credentials have to be stated once, in one place";
    /// The credentials can't be checked at the moment, through no fault of the client.
    IDENTITY_UNAVAILABLE pub identity_unavailable "identity_unavailable" SERVICE_UNAVAILABLE
        "Identity unavailable" "the credentials can't be checked at the moment";
    /// The client has stated too many credentials lately that were not accepted (RFC 6585 §4).
    TOO_MANY_ATTEMPTS pub too_many_attempts "too_many_attempts" TOO_MANY_REQUESTS
        "Too many attempts" "too many credentials of this client were not accepted; try again after the time in `Retry-After`";
    /// A login did not succeed (RFC 6749 §4.1.2.1, OpenID Connect Core 1.0 §3.1.2.6).
    LOGIN_FAILED pub login_failed "login_failed" BAD_REQUEST
        "Login failed" "the login did not succeed: go back to the page, and log in again";
    /// The credential lacks a scope (RFC 6750 §3.1); whoever makes it adds the challenge.
    INSUFFICIENT_SCOPE pub insufficient_scope "insufficient_scope" FORBIDDEN
        "Insufficient scope" "the credentials do not have every scope that this takes";
    /// Whoever makes the request may not (RFC 9110 §15.5.4).
    FORBIDDEN pub forbidden "forbidden" FORBIDDEN
        "Forbidden" "this is not open to whoever makes the request";
    /// The gateway's own credentials for the upstream can't be had: whoever issues them refuses, or can't be asked.
    CREDENTIALS_UNAVAILABLE pub credentials_unavailable "credentials_unavailable" SERVICE_UNAVAILABLE
        "Credentials unavailable" "the gateway has no credentials for the service behind it at the moment";
    /// The route's key-value store holds nothing under the key.
    VALUE_NOT_FOUND pub value_not_found "value_not_found" NOT_FOUND
        "Value not found" "there is no value under this key";
    /// The request wants a stored response alone, and there is none that it may have (RFC 9111 §5.2.1.7).
    NOT_STORED pub not_stored "not_stored" GATEWAY_TIMEOUT
        "Not stored" "`only-if-cached` was asked for, and no response is stored that would do";
    /// Routes take the path, but none with this method; made by [`Reject::method_not_allowed`], which adds `Allow`.
    METHOD_NOT_ALLOWED without_allow "method_not_allowed" METHOD_NOT_ALLOWED
        "Method not allowed" "no route takes this method here; `Allow` lists those that are taken";
    /// The method is none that the gateway knows (RFC 9110 §15.6.2).
    METHOD_NOT_IMPLEMENTED pub method_not_implemented "method_not_implemented" NOT_IMPLEMENTED
        "Method not implemented" "the gateway does not know this method";
    /// The path or query is malformed, or tries to leave its place.
    BAD_PATH pub bad_path "bad_path" BAD_REQUEST
        "Bad path" "the path or query is malformed";
    /// A header field is malformed (RFC 9110 §5).
    BAD_HEADER pub bad_header "bad_header" BAD_REQUEST
        "Bad header field" "a header field is malformed";
    /// `Host` is missing, repeated or malformed (RFC 9112 §3.2).
    BAD_HOST pub bad_host "bad_host" BAD_REQUEST
        "Bad host" "`Host` has to be one well-formed host";
    /// The target is none that the gateway can answer for (RFC 9110 §15.5.20): its scheme is not HTTP's.
    MISDIRECTED pub misdirected "misdirected" MISDIRECTED_REQUEST
        "Misdirected request" "the gateway answers for `http` and `https` alone";
    /// The request came over a connection whose certificate does not cover its host (RFC 9110 §7.4, RFC 9113 §9.1.1).
    HOST_NOT_COVERED pub host_not_covered "host_not_covered" MISDIRECTED_REQUEST
        "Misdirected request" "the certificate of this connection is not one for this host";
    /// The request came in the clear to a listener of HTTPS.
    TLS_REQUIRED pub tls_required "tls_required" BAD_REQUEST
        "TLS required" "this port speaks HTTPS: the URL begins with `https://`";
    /// The framing is ambiguous or wrong (RFC 9112 §6.3).
    BAD_REQUEST_FRAMING pub bad_request_framing "bad_request_framing" BAD_REQUEST
        "Bad request framing" "`Content-Length` and `Transfer-Encoding` do not frame one body";
    /// The body comes in a transfer coding that the gateway does not know (RFC 9112 §6.1).
    UNKNOWN_TRANSFER_CODING pub unknown_transfer_coding "unknown_transfer_coding" NOT_IMPLEMENTED
        "Unknown transfer coding" "the only transfer coding that is understood is `chunked`";
    /// The handshake of a WebSocket is malformed (RFC 6455 §4.2.1).
    BAD_WEBSOCKET_HANDSHAKE pub bad_websocket_handshake "bad_websocket_handshake" BAD_REQUEST
        "Bad WebSocket handshake" "the handshake of the WebSocket is malformed";
    /// The version of the WebSocket is not 13 (RFC 6455 §4.4); `Sec-WebSocket-Version` says so.
    WEBSOCKET_VERSION pub websocket_version "websocket_version" UPGRADE_REQUIRED
        "WebSocket version not supported" "the only version of WebSocket that there is here is 13";
    /// The route takes no WebSockets, or its platform can't (RFC 9110 §15.6.2).
    WEBSOCKET_NOT_IMPLEMENTED pub websocket_not_implemented "websocket_not_implemented" NOT_IMPLEMENTED
        "WebSocket not implemented" "no WebSockets are taken here";
    /// All header fields together are larger than `limits.headerBytes` (RFC 6585 §5).
    HEADERS_TOO_LARGE pub headers_too_large "headers_too_large" REQUEST_HEADER_FIELDS_TOO_LARGE
        "Header fields too large" "the header fields together are larger than the gateway takes";
    /// There are more header fields than `limits.headers` (RFC 6585 §5).
    TOO_MANY_HEADERS pub too_many_headers "too_many_headers" REQUEST_HEADER_FIELDS_TOO_LARGE
        "Too many header fields" "there are more header fields than the gateway takes";
    /// Path and query are longer than `limits.urlBytes` (RFC 9110 §15.5.15).
    URL_TOO_LONG pub url_too_long "url_too_long" URI_TOO_LONG
        "URL too long" "path and query are longer than the gateway takes";
    /// The platform sends no content of unknown length with this method (RFC 9110 §15.5.12).
    LENGTH_REQUIRED pub length_required "length_required" LENGTH_REQUIRED
        "Length required" "with this method, content has to come with its `Content-Length` here";
    /// The body is larger than `limits.bodyBytes` or the route's `bodyBytes` (RFC 9110 §15.5.14).
    BODY_TOO_LARGE pub body_too_large "body_too_large" PAYLOAD_TOO_LARGE
        "Body too large" "the body is larger than the gateway takes here";
    /// The media type of the content is none that the policy `validate` lets in (RFC 9110 §15.5.16).
    UNSUPPORTED_CONTENT_TYPE pub unsupported_content_type "unsupported_content_type" UNSUPPORTED_MEDIA_TYPE
        "Unsupported content type" "content of this type is not taken here";
    /// The content is malformed, or out of the bounds of the policy `validate` (RFC 9110 §15.5.1).
    CONTENT_REFUSED pub content_refused "content_refused" BAD_REQUEST
        "Content refused" "the content is not taken as it is";
    /// The content of the request is not as its schema has it (RFC 9110 §15.5.21).
    CONTENT_INVALID pub content_invalid "content_invalid" UNPROCESSABLE_ENTITY
        "Content invalid" "the content is not as it has to be here: `errors` lists what is wrong";
    /// The parameters of the request are not as the description of the API has them (RFC 9110 §15.5.1).
    PARAMETERS_INVALID pub parameters_invalid "parameters_invalid" BAD_REQUEST
        "Parameters invalid" "the parameters are not as they have to be here: `errors` lists what is wrong";
    /// The description of the API has no operation at this path (RFC 9110 §15.5.5).
    OPERATION_NOT_FOUND pub operation_not_found "operation_not_found" NOT_FOUND
        "Operation not found" "the API has no operation at this path";
    /// The content of the request can't be edited as the route says (RFC 9110 §15.5.21).
    CONTENT_UNFIT pub content_unfit "content_unfit" UNPROCESSABLE_ENTITY
        "Content unfit" "the content has not the form that is expected here";
    /// The request states no idempotency key where one is required (draft-ietf-httpapi-idempotency-key-header-07 §2.7).
    IDEMPOTENCY_KEY_MISSING pub idempotency_key_missing "idempotency_key_missing" BAD_REQUEST
        "Idempotency key missing" "a request like this needs an idempotency key here";
    /// The idempotency key is none (RFC 9651 §3.3.3).
    IDEMPOTENCY_KEY_INVALID pub idempotency_key_invalid "idempotency_key_invalid" BAD_REQUEST
        "Idempotency key invalid" "the idempotency key has to be one field with 1 to 255 printable ASCII characters, in quotation marks or without spaces";
    /// The first request with the idempotency key has no answer yet (draft-ietf-httpapi-idempotency-key-header-07 §2.7).
    IDEMPOTENCY_KEY_IN_USE pub idempotency_key_in_use "idempotency_key_in_use" CONFLICT
        "Idempotency key in use" "an earlier request with this idempotency key is still under way: ask again";
    /// Another request has had the idempotency key (draft-ietf-httpapi-idempotency-key-header-07 §2.7).
    IDEMPOTENCY_KEY_REUSED pub idempotency_key_reused "idempotency_key_reused" UNPROCESSABLE_ENTITY
        "Idempotency key reused" "another request has had this idempotency key: take a new one for each request, and the same one only to repeat it";
    /// A request with the idempotency key was made, and there is no answer to give again (RFC 9110 §15.5.10).
    IDEMPOTENCY_ANSWER_LOST pub idempotency_answer_lost "idempotency_answer_lost" CONFLICT
        "Idempotency answer lost" "a request with this idempotency key was made before, and its answer is not known any more: find out whether it was carried out before you make it with another key";
    /// No more of the body has come in time (RFC 9110 §15.5.9).
    REQUEST_TIMEOUT pub request_timeout "request_timeout" REQUEST_TIMEOUT
        "Request timeout" "the rest of the body did not come in time";
    /// The request has been through this gateway too often (RFC 8586 §2, RFC 5842 §7.2).
    LOOP_DETECTED pub loop_detected "loop_detected" LOOP_DETECTED
        "Loop detected" "the request has come back to this gateway too often";
    /// The route's policy `maintenance` holds (RFC 9110 §15.6.4).
    MAINTENANCE pub maintenance "maintenance" SERVICE_UNAVAILABLE
        "Maintenance" "there is maintenance; try again after the time in `Retry-After`";
    /// The route's policy `fault` has it fail on purpose, mostly with another status.
    FAULT_INJECTED pub fault_injected "fault_injected" SERVICE_UNAVAILABLE
        "Fault injected" "this error is made on purpose, to see what becomes of it";
    /// The upstream fails, and is not called for a while (RFC 9110 §15.6.4).
    CIRCUIT_OPEN pub circuit_open "circuit_open" SERVICE_UNAVAILABLE
        "Circuit open" "the upstream has failed too often and is not called for a while; try again after the time in `Retry-After`";
    /// The upstream has as much to do as it bears (RFC 9110 §15.6.4).
    OVERLOADED pub overloaded "overloaded" SERVICE_UNAVAILABLE
        "Overloaded" "there is too much to do at the moment; try again after the time in `Retry-After`";
    /// Nothing is known of where the upstream is (RFC 9110 §15.6.4).
    NO_TARGETS pub no_targets "no_targets" SERVICE_UNAVAILABLE
        "No targets" "no place of the upstream is known for now; try again soon";
    /// A rate limit is used up (RFC 6585 §4).
    RATE_LIMITED pub rate_limited "rate_limited" TOO_MANY_REQUESTS
        "Request cannot be satisfied as assigned quota has been exceeded" "try again after the time in `Retry-After`";
    /// As many requests are in flight as a limit on concurrency admits (RFC 6585 §4).
    CONCURRENCY_LIMITED pub concurrency_limited "concurrency_limited" TOO_MANY_REQUESTS
        "Too many requests at once" "wait for answers to earlier requests, then try again";
    /// A limit can't be checked, and its policy says `"fail": "closed"`.
    COUNTER_UNAVAILABLE pub counter_unavailable "counter_unavailable" SERVICE_UNAVAILABLE
        "Counter unavailable" "a limit can't be checked at the moment";
    /// The key-value store can't answer.
    STORE_UNAVAILABLE pub store_unavailable "store_unavailable" SERVICE_UNAVAILABLE
        "Store unavailable" "the key-value store can't answer at the moment";
    /// The upstream can't be reached.
    UPSTREAM_UNREACHABLE pub upstream_unreachable "upstream_unreachable" BAD_GATEWAY
        "Upstream unreachable" "the service behind the gateway can't be reached";
    /// The upstream can't take the request at the moment, or it is not known what failed (RFC 9209 §2.3.4, §2.3.12).
    UPSTREAM_UNAVAILABLE pub upstream_unavailable "upstream_unavailable" SERVICE_UNAVAILABLE
        "Upstream unavailable" "the service behind the gateway can't be reached at the moment";
    /// The upstream's name has no address.
    UPSTREAM_DNS pub upstream_dns "upstream_dns" BAD_GATEWAY
        "Upstream not resolved" "the service behind the gateway can't be found";
    /// The TLS handshake with the upstream failed.
    UPSTREAM_TLS pub upstream_tls "upstream_tls" BAD_GATEWAY
        "Upstream TLS failed" "no secure connection to the service behind the gateway";
    /// The upstream ended its answer early or broke the protocol.
    UPSTREAM_PROTOCOL_ERROR pub upstream_protocol_error "upstream_protocol_error" BAD_GATEWAY
        "Upstream protocol error" "the service behind the gateway gave no valid answer";
    /// The content of the upstream's answer can't be edited as the route says (RFC 9110 §15.6.3).
    UPSTREAM_CONTENT pub upstream_content "upstream_content" BAD_GATEWAY
        "Upstream content unusable" "the service behind the gateway gave an answer whose content can't be used";
    /// The upstream took longer than a deadline of the route.
    UPSTREAM_TIMEOUT pub upstream_timeout "upstream_timeout" GATEWAY_TIMEOUT
        "Upstream timeout" "the service behind the gateway did not answer in time";
    /// A call has failed without which there is no answer (RFC 9110 §15.6.3).
    CALL_FAILED pub call_failed "call_failed" BAD_GATEWAY
        "Call failed" "a call has failed that the answer is made of";
    /// A call was not answered in time without which there is no answer (RFC 9110 §15.6.5).
    CALL_TIMEOUT pub call_timeout "call_timeout" GATEWAY_TIMEOUT
        "Call timeout" "a call was not answered in time that the answer is made of";
    /// The gateway failed.
    INTERNAL pub internal "internal" INTERNAL_SERVER_ERROR
        "Internal error" "the gateway failed to handle the request";
}

/// The code of a request whose client left before the answer; only ever logged.
pub const CLIENT_CLOSED: &str = "client_closed";

/// The status under which [`CLIENT_CLOSED`] is logged: never sent, and outside the registry.
pub const CLIENT_CLOSED_STATUS: u16 = 499;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_machine_readable() {
        let mut codes: Vec<_> = CATALOGUE.iter().map(|entry| entry.code).collect();
        codes.push(CLIENT_CLOSED);
        for code in &codes {
            assert!(code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{code}");
        }
        let count = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), count);
    }

    #[test]
    fn every_rejection_is_an_error_status() {
        for entry in CATALOGUE {
            assert!(entry.status.is_client_error() || entry.status.is_server_error(), "{}", entry.code);
        }
    }

    /// RFC 9110 §15.5.6: a 405 response carries `Allow`.
    #[test]
    fn method_not_allowed_carries_allow() {
        let reject = Reject::method_not_allowed(HeaderValue::from_static("GET, HEAD"));
        assert_eq!(reject.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(reject.headers, [(ALLOW, HeaderValue::from_static("GET, HEAD"))]);
    }
}
