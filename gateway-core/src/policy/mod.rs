//! One policy a file: pure, synchronous, told the time; each returns a verdict.

pub mod cors;
mod cors_origin;
pub mod counter;
pub mod gcra;
mod gcra_store;
pub mod header_edit;
pub mod query_edit;
pub mod quota;
pub mod rate_limit;
pub mod sliding_window;
mod sliding_window_store;

/// A mistake in a policy: its member, the place in it (0 if it is no list), the message, and how to mend it.
pub type Mistake = (&'static str, usize, String, Option<String>);
