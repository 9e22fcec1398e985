//! Configurations of any size and a platform without I/O, for the benchmarks of the core and the comparison with others.

pub mod configuration;
pub mod platform;

pub use platform::{Still, UPSTREAM_BODY};
