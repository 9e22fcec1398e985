//! HTTP as the standards define it: one idea a file, nothing of the gateway's own.

pub mod cookie;
pub mod percent;
pub mod query;
