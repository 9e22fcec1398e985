//! How a message crosses between JavaScript and wasm.
//!
//! *In*, a head is text: lines that end with a line feed, which no part of a head can contain. A request is its method,
//! its URL and the address of the socket (if the runtime tells), then name and value of each header field in turn; a response is
//! its fields alone.
//!
//! *Out*, a [`Frame`] tells what to do next: numbers in fixed places, text, and content. A head that goes out is told as
//! edits of the head that JavaScript already holds, one a line, each beginning with the character of an
//! [`Edit`](edgeway_wire::Edit): a field that nobody touched never crosses back, and keeps its very bytes.

mod edits;
mod frame;
mod head;
mod outgoing;

pub(crate) use frame::Frame;
pub(crate) use head::{Head, read_request, read_response};
pub(crate) use outgoing::{
    write_collect, write_count, write_delete, write_fetch, write_get, write_put, write_response,
};
