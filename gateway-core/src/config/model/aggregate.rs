//! Answers made of the answers to several calls.

use serde::Deserialize;

use super::{ContentForm, FormFields, JsonStep, Literal, XmlForm};
use crate::config::{ByteSize, Entries, Span};

/// An answer in JSON that is made of the answers to several calls of upstreams.
///
/// Texts are templates, in which `{$.CALL.member}` is a JSONPath (RFC 9535) into the result of an earlier call, and `{$.request.member}` one into
/// the content of the request. A call waits for those that it names.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Aggregate {
    /// The calls, by their names; at most 32. Each result is a member of the answer, in this order.
    pub calls: Entries<AggregateCall>,
    /// Steps on the object of all results: the answer is what comes of it.
    pub json: Vec<JsonStep>,
    /// The answer where calls that are not required have failed.
    pub partial: PartialAnswer,
    /// The longest that all calls together take. Default: `10s`.
    pub timeout: Option<Span>,
    /// The most content that all calls together may answer with. Default: `4MiB`; at most `16MiB`.
    pub max_bytes: Option<ByteSize>,
    /// Tells clients in `Server-Timing` (W3C) how long each call took. Default: false.
    pub server_timing: Option<bool>,
}

/// An answer that lacks something.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PartialAnswer {
    /// Its status, 200 to 299. Default: 200.
    pub status: Option<u16>,
    /// The member that lists the calls that have failed, where the answer is an object; `""` for none. Default: `errors`.
    pub member: Option<String>,
}

/// One of the calls of an answer.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AggregateCall {
    /// The upstream's name.
    pub upstream: String,
    /// The method. Default: `GET`.
    #[serde(default)]
    pub method: Option<String>,
    /// The path, as a template: `/users/{path.id}`, `/items/{@.itemId}`.
    pub path: String,
    /// Query parameters, by their names; values are templates. One without a value is left out.
    #[serde(default)]
    pub query: Entries<String>,
    /// Header fields; values are templates. One without a value is left out.
    #[serde(default)]
    pub headers: Entries<String>,
    /// The header fields of the request that are sent as they are: `authorization`, `accept-language`. Default: none.
    #[serde(default)]
    pub forward: Vec<String>,
    /// The content, in JSON; texts are templates. One that is nothing but a JSONPath is replaced by the value itself: `{$.request}`.
    #[serde(default)]
    pub body: Option<Literal>,
    /// Makes the call under this condition alone. Default: always.
    #[serde(default)]
    pub when: Option<CallCondition>,
    /// A JSONPath into an earlier result: the call is made for each value that it selects, which is `{@}` in the call's templates, and its result is the
    /// list of all their results. Default: one call.
    #[serde(default)]
    pub each: Option<String>,
    /// The most values of `each`; with more the call fails. Default: 100; at most 1000.
    #[serde(default)]
    pub most: Option<u32>,
    /// The most of them that are asked for at the same time. Default: 10.
    #[serde(default)]
    pub at_once: Option<u32>,
    /// Set if there is no answer without the call. Default: true.
    #[serde(default)]
    pub required: Option<bool>,
    /// The result where the call fails, or is not made.
    #[serde(default)]
    pub fallback: Option<Literal>,
    /// The statuses that are answers: `200`, `2xx`. With any other the call has failed. Default: `2xx`.
    #[serde(default)]
    pub statuses: Vec<String>,
    /// The statuses with which the upstream's answer becomes the whole answer, if the call is required: `404`, `4xx`. Default: none.
    #[serde(default)]
    pub pass: Vec<String>,
    /// The longest that the call takes. Default: the rest of the time for all of them.
    #[serde(default)]
    pub timeout: Option<Span>,
    /// The most times that it is tried, where its method is idempotent (RFC 9110 §9.2.2) and it has not come through, or was answered by 502, 503 or 504;
    /// 1 to 5. Default: 1.
    #[serde(default)]
    pub tries: Option<u32>,
    /// The reading of the content that the upstream answers with, and edits of it, which make its result. Default: the content, as JSON.
    #[serde(default)]
    pub response: Option<Box<CallContent>>,
    /// The call that undoes this one, made where this one has succeeded and another one that is required has failed.
    #[serde(default)]
    pub undo: Option<Box<UndoCall>>,
}

/// The content that makes the result of a call.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CallContent {
    /// Steps on the content as JSON, in their order.
    pub json: Vec<JsonStep>,
    /// The forms of content that are read: `json`, `form`, `multipart` and `xml`. Default: `json`.
    pub from: Vec<ContentForm>,
    /// The rules by which XML is read.
    pub xml: XmlForm,
    /// The rules by which forms are read.
    pub form: FormFields,
    /// The most content that is read; with more the call fails. Default: that of all calls together.
    pub max_bytes: Option<ByteSize>,
}

/// A condition for a call.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CallCondition {
    /// The value, as a template: `{$.user.kind}`, `{query.expand}`.
    pub value: String,
    /// The texts of which it is one. Default: any text but the empty one.
    #[serde(default)]
    pub r#in: Vec<String>,
    /// The texts of which it is none.
    #[serde(default)]
    pub not_in: Vec<String>,
}

/// A call that undoes another one. Its templates have the result of that, too.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UndoCall {
    /// The method. Default: `DELETE`.
    #[serde(default)]
    pub method: Option<String>,
    /// The path, as a template: `/orders/{$.order.id}`. The upstream is that of the call.
    pub path: String,
    /// The content, in JSON; texts are templates.
    #[serde(default)]
    pub body: Option<Literal>,
}
