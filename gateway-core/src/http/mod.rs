//! What HTTP itself defines: the parts of its syntax that the gateway reads and writes.

pub mod path;
