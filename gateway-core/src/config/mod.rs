//! The configuration as its author writes it: serde types, nothing checked beyond their shape.
//!
//! [`plan`](crate::plan) checks the meaning and builds what requests run on.

mod diagnostic;
mod entries;
mod model;
mod one_of;
mod units;

pub use diagnostic::Diagnostic;
pub use entries::Entries;
pub use model::*;
pub use units::{ByteSize, Span};
