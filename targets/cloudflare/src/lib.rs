//! The gateway as a Cloudflare Worker.
//!
//! The cost of a request on Workers is its crossings between JavaScript and wasm. So the head of a request goes in
//! once, packed as text ([`wire`]), and a list of commands comes out once: the response, and *effects* that only
//! JavaScript can perform (a fetch, a counter, a key, a timer). The glue performs them and resumes the exchange with
//! the slot of each completed one ([`exchange`]). No promise and no stream ever enters wasm; a [`Handle`] names a body.
//!
//! ```text
//! JS   begin(head) ──► fetch … ──► resume(response head) ──► new Response(…)
//! wasm      └ plan, policies ┘           └ policies ┘
//! ```

#[cfg(feature = "thorough")]
pub mod check;
mod console;
pub mod counter_cell;
pub mod cron;
mod exchange;
pub mod exports;
mod failure;
mod filters;
mod platform;
mod random;
mod responses;
mod secrets;
mod wire;
mod witness;

pub use platform::{Handle, Worker};
