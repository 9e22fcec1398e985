//! The native server: `gateway_core` on sockets.

pub mod cli;
pub mod clock;
pub mod config_file;
pub mod demo;
pub mod platform;
pub mod server;
pub mod stream;
pub mod supervise;
mod tapped;
mod transport;
mod tunnel;
pub mod upstream;
pub mod watch;
