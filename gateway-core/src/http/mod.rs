//! HTTP as the standards define it: one rule a file, each a pure edit of header fields or a pure check.

pub(crate) mod address;
pub mod cookie;
pub mod forwarded;
mod forwarded_element;
pub(crate) mod hex;
pub mod hop_by_hop;
pub mod identity;
pub mod loop_guard;
pub(crate) mod names;
pub mod path;
pub mod percent;
pub mod problem;
pub mod proxy_status;
pub mod query;
pub mod request_id;
pub mod trace_context;

#[cfg(test)]
pub(crate) mod testing;
