//! The native server: `gateway_core` on sockets.

#![deny(clippy::print_stdout, clippy::print_stderr, reason = "they panic where a stream is closed: see `cli::output`")]

pub mod cli;
pub mod clock;
pub mod config_file;
pub mod demo;
mod encoded;
mod filtered;
mod framing;
pub mod health;
pub mod include;
pub mod platform;
pub mod server;
mod signing_keys;
pub mod stream;
pub mod supervise;
mod tapped;
pub mod text_file;
mod transport;
mod tunnel;
pub mod upstream;
pub mod warning;
pub mod watch;
