//! The gateway as a Cloudflare Worker.
//!
//! What a request costs on Workers is its crossings between JavaScript and wasm. So the head of a request goes in once,
//! packed as text ([`wire`]), and what to do next comes out once, as a list of commands: the response, and *effects* that only
//! JavaScript can perform (a fetch, a counter, a key, a timer). The glue performs them and resumes the exchange by the slot of
//! each that is done ([`exchange`]). No promise and no stream ever enters wasm; bodies are named by a [`Handle`].
//!
//! ```text
//! JS   begin(head) ──► fetch … ──► resume(response head) ──► new Response(…)
//! wasm      └ plan, policies ┘           └ policies ┘
//! ```

mod console;
pub mod counter_cell;
pub mod cron;
mod exchange;
pub mod exports;
mod failure;
mod platform;
mod random;
mod secrets;
mod wire;
mod witness;

pub use platform::{Handle, Worker};
