//! HTTP as the standards define it: one rule a file, each a pure edit of header fields or a pure check.

pub(crate) mod address;
pub mod alias;
pub mod certificate;
pub mod connection_auth;
pub mod content_change;
pub mod content_coding;
pub mod content_decoding;
pub mod content_digest;
pub mod cookie;
pub mod date;
pub(crate) mod digits;
pub mod edit_fields;
pub mod forwarded;
mod forwarded_element;
pub mod framing;
pub(crate) mod freshness;
pub mod geography;
pub mod grpc;
pub mod hop_by_hop;
pub mod identity;
pub mod loop_guard;
pub mod message_signature;
pub mod method_override;
pub(crate) mod names;
pub mod path;
pub(crate) mod peer;
pub mod percent;
pub mod proxy_status;
pub mod query;
pub mod request_id;
pub(crate) mod response_survey;
pub(crate) mod reverse;
pub mod structured;
pub mod survey;
pub mod trace_context;
pub mod trailers;
pub(crate) mod value;
pub mod websocket;
pub mod websocket_frames;
pub mod weight;

#[cfg(test)]
pub(crate) mod testing;
