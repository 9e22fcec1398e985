//! The decisions of the gateway, the same on every platform.
//!
//! - [`config`] is the configuration as its author writes it; [`plan`] compiles it, once, into what requests run on.
//! - [`gateway`] runs a plan on a platform; [`ports`] are the traits that a platform implements.
//! - [`route`] finds the route of a request; [`policy`] holds one kernel a file: pure, synchronous, told the time;
//!   [`http`] is HTTP as the standards define it.
//! - [`cache`] is what a shared cache does with requests and responses, as pure as the policies.
//! - [`admin`] is what the gateway tells of itself; [`metrics`] is what it counts for that.
//! - [`document`] is JSON that is looked into and changed.
//! - [`caller`] is who makes a request; [`jose`] has the keys and tokens that prove it.
//! - [`store_key`] keeps the uses of the key-value store apart.
//! - `exec` is the only asynchronous code: it walks the plan and calls the ports.
//! - [`error`] lists every error that a client can see; [`trace`] is what `explain` is told.

mod access_log;
pub mod admin;
mod adopted;
pub mod balance;
mod base64;
pub mod body;
pub mod cache;
pub mod call;
pub mod caller;
mod capabilities;
pub mod config;
pub mod document;
pub mod error;
mod exec;
mod fingerprint;
pub mod gateway;
pub mod http;
mod io;
pub mod jose;
mod json;
mod known_edits;
mod meter;
pub mod metrics;
mod net;
mod numbers;
mod order;
mod outcome;
pub mod plan;
pub mod policy;
pub mod ports;
pub mod problem;
mod random;
mod record;
mod report;
pub mod response_store;
pub mod route;
pub mod state;
pub mod store_key;
pub mod template;
pub mod time;
pub mod together;
pub mod trace;
