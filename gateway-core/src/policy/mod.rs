//! One policy a file: pure, synchronous, told the time; each returns a verdict.

pub mod counter;
pub mod gcra;
