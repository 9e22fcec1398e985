//! What the gateway decides, on every platform.

pub mod body;
pub mod config;
pub mod gateway;
pub mod http;
pub mod plan;
pub mod policy;
pub mod ports;
pub mod route;
pub mod time;
