//! JSON object signing: keys, the sets that they come in, and tokens (RFC 7515, RFC 7517, RFC 7518, RFC 7519).
//!
//! `jwt-compact` is the only way to the claims of a token. The signature itself is checked by a [port](crate::ports::Verify),
//! because the fastest way to do so is another on each platform.

pub mod algorithm;
pub mod hmac;
pub mod jwk;
pub mod key;
pub mod numbers;
pub mod pem;
pub mod private;
pub mod published;
pub mod set;
pub mod signing_key;
pub mod token;
