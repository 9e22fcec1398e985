//! The native server over real sockets.

mod demo;
mod http1;
mod lifecycle;
mod memory;
mod proxy;
mod support;
mod tls;
