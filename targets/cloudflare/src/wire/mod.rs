//! The form of messages between JavaScript and wasm.
//!
//! *In*, a head is text: lines that end with a line feed, which no part of a head can contain. A request is its method,
//! its URL and the address of the socket (if the runtime tells it), then the name and value of each header field in
//! turn; a response is its fields alone.
//!
//! *Out*, an [`Outbox`] is a list of commands: numbers in fixed places, text, and content. An outgoing head is written
//! as edits of a head that JavaScript holds (the client's, or that of an earlier response) or of an empty one. The
//! edits are lines, each beginning with the character of an [`Edit`](edgeway_wire::Edit). An untouched field never
//! crosses back, and keeps its very bytes.

mod edits;
mod head;
mod outbox;
mod outgoing;

pub(crate) use head::{Head, asks, read_request, read_response};
pub(crate) use outbox::{Command, Outbox};
pub(crate) use outgoing::{
    write_collect, write_content, write_count, write_decode, write_fetch, write_keep, write_key, write_limit,
    write_put, write_response, write_sign, write_sleep, write_upgrade, write_verify,
};
