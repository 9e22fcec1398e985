//! The native server: `gateway_core` on sockets.

pub mod cli;
pub mod clock;
pub mod platform;
pub mod server;
pub mod stream;
mod transport;
pub mod upstream;
