//! Writes what the glue is to do.

use core::time::Duration;

use bytes::Bytes;
use edgeway_wire::{Kind, Word};
use gateway_core::body::Body;
use gateway_core::ports::UpstreamCall;
use http::{Response, Version};

use super::edits::{Unseen, write_edits};
use super::frame::Frame;
use super::head::Head;
use crate::exchange::Heads;
use crate::platform::Handle;

/// In a response's extensions: the fetch whose head it began as, counted from 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin(pub(super) u32);

/// Writes a fetch: method and URL as the first two lines, then the edits of the client's head; then, where they are known
/// by now, those of the response's.
pub(crate) fn write_fetch(frame: &mut Frame, heads: &Heads, call: UpstreamCall<'_, Handle>) {
    let (head, body) = call.request.into_parts();
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    frame.be(Kind::Fetch);
    frame.line(head.method.as_str().as_bytes());
    frame.text(call.endpoint.scheme.as_str().as_bytes());
    frame.text(b"://");
    frame.text(call.endpoint.authority.as_bytes());
    frame.line(target.as_bytes());
    write_edits(frame, &heads.request, &head.headers, framed_by_runtime);
    if let Some(edits) = call.known_edits {
        frame.set(Word::Finish, frame.lines());
        // The runtime does not tell a response's version.
        edits.edit(Version::HTTP_11, &mut Unseen { frame, ignore: framed_by_runtime });
    }
    frame.set_deadline(Word::FirstByte, call.deadlines.first_byte);
    frame.set_deadline(Word::Total, call.deadlines.total);
    frame.body(body);
}

/// Writes the response that ends an exchange.
pub(crate) fn write_response(frame: &mut Frame, heads: &Heads, response: Response<Body<Handle>>) {
    let (head, body) = response.into_parts();
    let origin = head.extensions.get::<Origin>().map_or(0, |origin| origin.0);
    let before = (origin as usize).checked_sub(1).and_then(|fetch| heads.responses.get(fetch));
    frame.be(Kind::Respond);
    frame.set(Word::Status, head.status.as_u16().into());
    frame.set(Word::Base, if before.is_some() { origin } else { 0 });
    write_edits(frame, before.unwrap_or(&Head::default()), &head.headers, framed_by_runtime);
    frame.body(body);
}

/// Writes the collection of a body.
pub(crate) fn write_collect(frame: &mut Frame, body: Handle) {
    frame.be(Kind::Collect);
    frame.body(Body::Stream(body));
}

/// Writes the reading of a key.
pub(crate) fn write_get(frame: &mut Frame, key: &str) {
    frame.be(Kind::Get);
    frame.text(key.as_bytes());
}

/// Writes the writing of a key; a time to live is in whole seconds, rounded up.
pub(crate) fn write_put(frame: &mut Frame, key: &str, value: Bytes, ttl: Option<Duration>) {
    let seconds = ttl.map_or(0, |ttl| ttl.as_nanos().div_ceil(1_000_000_000));
    frame.be(Kind::Put);
    frame.text(key.as_bytes());
    frame.set(Word::Ttl, u32::try_from(seconds).unwrap_or(u32::MAX));
    frame.body(Body::Full(value));
}

/// Writes the removal of a key.
pub(crate) fn write_delete(frame: &mut Frame, key: &str) {
    frame.be(Kind::Delete);
    frame.text(key.as_bytes());
}

/// Writes an operation on a counter cell.
pub(crate) fn write_count(frame: &mut Frame, cell: &str, op: [u8; 32]) {
    frame.be(Kind::Count);
    frame.text(cell.as_bytes());
    frame.body(Body::Full(Bytes::copy_from_slice(&op)));
}

/// Fields that the runtime writes itself, whatever it is given.
fn framed_by_runtime(name: &str) -> bool {
    matches!(name, "host" | "content-length" | "transfer-encoding" | "connection")
}
