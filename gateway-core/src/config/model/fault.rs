//! Faults on purpose.

use serde::Deserialize;

use super::GrpcStatus;
use crate::config::Span;

/// A fault that requests get on purpose, so that it is seen how clients bear it: a wait, an error, or both. Never on unless a policy says so.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Fault {
    /// The requests that get it, by chance, in percent of those that meet `when`; 0 to 100, and 0 turns it off. Default: 100.
    pub percent: Option<u32>,
    /// The requests that may get it, as an expression. Default: all.
    pub when: Option<String>,
    /// The wait before the request goes on; `1ms` to `30s`. Default: none.
    pub delay: Option<Span>,
    /// The longest wait, up to `30s`. Beside `delay`, each request waits for a time between the two, by chance; beside `byHeader`, it is the longest that
    /// a request may ask for. Default: no longer than `delay`, and 30 s beside `byHeader`.
    pub most_delay: Option<Span>,
    /// The status of the error that answers in place of the action; 400 to 599. Default: none does.
    pub status: Option<u16>,
    /// The status of gRPC that answers calls of gRPC, in place of `status`. Default: that of HTTP answers them, too.
    pub grpc_status: Option<GrpcStatus>,
    /// Has requests ask for their faults themselves, in `X-Fault-Delay`, `X-Fault-Status` and `X-Fault-Grpc-Status`. Default: false, and these fields mean
    /// nothing.
    pub by_header: bool,
}
