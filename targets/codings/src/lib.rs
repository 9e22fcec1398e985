//! Content codings in place, for hosts that have none of their own: gzip (RFC 1952) and Brotli (RFC 7932) in Rust, and Zstandard
//! (RFC 8878) where C code can be linked.

mod decode;
mod encoder;

pub use decode::decode;
pub use encoder::{Encoder, Failed};
