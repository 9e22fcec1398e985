//! What the gateway decides, on every platform.

pub mod body;
pub mod config;
pub mod error;
pub mod gateway;
pub mod http;
pub mod plan;
pub mod policy;
pub mod ports;
pub mod time;
