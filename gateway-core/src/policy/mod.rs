//! One policy a file: pure, synchronous, told the time; each returns a verdict.

pub mod cors;
pub mod counter;
pub mod gcra;
pub mod header_edit;
pub mod query_edit;
pub mod rate_limit;
