//! Writes the commands of each kind.

use core::ops::Range;
use core::time::Duration;

use bytes::Bytes;
use edgeway_wire::{BodyKind, Edit, Kind, Word};
use gateway_core::body::Body;
use gateway_core::jose::algorithm::Algorithm;
use gateway_core::jose::key::VerifyingKey;
use gateway_core::ports::UpstreamCall;
use http::header::CONTENT_LENGTH;
use http::response::Parts;
use http::{HeaderMap, Response, Version};

use super::edits::{Unseen, write_edits};
use super::head::Head;
use super::outbox::{Command, Outbox};
use crate::exchange::Heads;
use crate::platform::{Handle, Socket};

/// The slot of the fetch whose head a response began as, in the response's extensions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin(pub(super) u32);

/// Writes a fetch: method and URL as the first two lines, then the edits of its base; then the edits of the response's
/// head, if they are known by now.
pub(crate) fn write_fetch(command: &mut Command<'_>, heads: &Heads, call: &mut UpstreamCall<'_, Handle>) {
    let target = call.uri.path_and_query().map_or("/", |target| target.as_str());
    command.line(call.method.as_str().as_bytes());
    command.text(call.endpoint.scheme.as_str().as_bytes());
    command.text(b"://");
    command.text(call.endpoint.authority.as_bytes());
    command.line(target.as_bytes());
    if continues(&heads.request, call.headers) {
        write_head(command, Some((Handle::REQUEST, &heads.request)), call.headers);
    } else {
        write_head(command, None, call.headers);
    }
    if let Some(edits) = &call.known_edits {
        command.set(Word::Finish, command.lines());
        // The runtime does not tell a response's version.
        edits.edit(Version::HTTP_11, &mut Unseen { command, ignore: framed_by_runtime });
    }
    if call.upstream.service.is_some() {
        command.set(Word::Service, call.upstream.index as u32 + 1);
    }
    command.set_millis(Word::FirstByte, call.deadlines.first_byte);
    command.set_millis(Word::Total, call.deadlines.total);
    command.body(core::mem::take(&mut call.body));
}

/// Writes a response to the client, the content of which is to be encoded if it `is_encoded`.
pub(crate) fn write_response(
    outbox: &mut Outbox,
    exchange: u32,
    heads: &Heads,
    response: Response<Body<Handle>>,
    is_encoded: bool,
) {
    let (head, body) = response.into_parts();
    let mut command = write_answer(outbox, exchange, heads, &head);
    // A response of the gateway's own to HEAD states the length that GET would have (RFC 9110 §9.3.2), which the
    // runtime can't know.
    if body.is_empty()
        && head.extensions.get::<Origin>().is_none()
        && let Some(length) = head.headers.get(CONTENT_LENGTH)
    {
        command.text(&[Edit::Set as u8]);
        command.line(CONTENT_LENGTH.as_str().as_bytes());
        command.line(length.as_bytes());
    }
    // To HEAD the runtime states the length that the base has, which need not be that of GET any more.
    if body.is_empty() && !head.headers.contains_key(CONTENT_LENGTH) && head.extensions.get::<Origin>().is_some() {
        command.text(&[Edit::Remove as u8]);
        command.line(CONTENT_LENGTH.as_str().as_bytes());
    }
    command.set(Word::Coding, is_encoded.into());
    command.body(body);
}

fn write_answer<'o>(outbox: &'o mut Outbox, exchange: u32, heads: &Heads, head: &Parts) -> Command<'o> {
    let mut command = outbox.command(exchange, Kind::Respond, 0);
    command.set(Word::Status, head.status.as_u16().into());
    let base = head.extensions.get::<Origin>().and_then(|origin| Some((origin.0, heads.response(origin.0)?)));
    write_head(&mut command, base, &head.headers);
    command
}

/// Writes a 101 (Switching Protocols) to the client.
pub(crate) fn write_upgrade(outbox: &mut Outbox, exchange: u32, heads: &Heads, response: Response<()>, socket: Socket) {
    let (head, ()) = response.into_parts();
    write_answer(outbox, exchange, heads, &head).socket(socket);
}

/// Writes the collection of a body.
pub(crate) fn write_collect(command: &mut Command<'_>, body: Handle) {
    command.body(Body::Stream(body));
}

/// Writes a content to decode, by the name that the runtime has for its coding. No more than `limit` bytes may come of it.
pub(crate) fn write_decode(command: &mut Command<'_>, coding: &str, content: Bytes, limit: u64) {
    command.text(coding.as_bytes());
    command.body(Body::Full(content));
    command.set(Word::LimitLow, limit as u32);
    command.set(Word::LimitHigh, (limit >> 32) as u32);
}

/// Writes a key, to read or remove it.
pub(crate) fn write_key(command: &mut Command<'_>, key: &str) {
    command.text(key.as_bytes());
}

/// Writes a key and its value; a time to live is in whole seconds, rounded up.
pub(crate) fn write_put(command: &mut Command<'_>, key: &str, value: Bytes, ttl: Option<Duration>) {
    command.text(key.as_bytes());
    command.set(Word::Ttl, ttl.map_or(0, whole_seconds));
    command.body(Body::Full(value));
}

fn whole_seconds(time: Duration) -> u32 {
    u32::try_from(time.as_nanos().div_ceil(1_000_000_000)).unwrap_or(u32::MAX)
}

/// Writes a range of a stored content of `length` bytes, to read it.
pub(crate) fn write_content(command: &mut Command<'_>, key: &str, length: u64, range: &Range<u64>) {
    command.line(key.as_bytes());
    for number in [length, range.start, range.end] {
        command.line(number.to_string().as_bytes());
    }
}

/// Writes the copy of a body of at most `most` bytes, to be stored under `key` if it is longer than `small`. The body itself stays where it is.
pub(crate) fn write_keep(
    command: &mut Command<'_>,
    body: &Handle,
    key: &str,
    (small, most): (usize, u64),
    ttl: Duration,
) {
    let most = body.most(most);
    command.line(key.as_bytes());
    command.line(small.to_string().as_bytes());
    command.set(Word::Ttl, whole_seconds(ttl));
    command.set(Word::Body, BodyKind::Stream as u32);
    command.set(Word::BodySlot, body.slot());
    command.set(Word::LimitLow, most as u32);
    command.set(Word::LimitHigh, (most >> 32) as u32);
}

/// Writes an operation on a counter cell.
pub(crate) fn write_count(command: &mut Command<'_>, cell: &str, op: Bytes) {
    command.text(cell.as_bytes());
    command.body(Body::Full(op));
}

/// Writes a question to a RateLimiter binding.
pub(crate) fn write_limit(command: &mut Command<'_>, binding: &str, key: &str) {
    command.line(binding.as_bytes());
    command.line(key.as_bytes());
}

/// Writes a wait.
pub(crate) fn write_sleep(command: &mut Command<'_>, duration: Duration) {
    command.set_millis(Word::Millis, Some(duration));
}

/// Writes a signature to check: the algorithm, the key and the length of the signature, each on a line; then, as the body,
/// the signature and what is signed, which may be any bytes.
pub(crate) fn write_verify(command: &mut Command<'_>, key: &VerifyingKey, signed: &[u8], signature: &[u8]) {
    let mut jwk = String::new();
    key.write_jwk(&mut jwk);
    command.line(key.algorithm().name().as_bytes());
    command.line(jwk.as_bytes());
    command.line(signature.len().to_string().as_bytes());
    command.body(Body::Full([signature, signed].concat().into()));
}

/// Writes a signature to make: the algorithm, the name of the key and its length, each on a line; then, as the body, the key as PKCS#8 and
/// what is signed.
pub(crate) fn write_sign(command: &mut Command<'_>, algorithm: Algorithm, (name, pkcs8): (&str, &[u8]), signed: &[u8]) {
    command.line(algorithm.name().as_bytes());
    command.line(name.as_bytes());
    command.line(pkcs8.len().to_string().as_bytes());
    command.body(Body::Full([pkcs8, signed].concat().into()));
}

/// Writes `headers` as edits of `base`, a slot and the head in it, or else of an empty head.
fn write_head(command: &mut Command<'_>, base: Option<(u32, &Head)>, headers: &HeaderMap) {
    match base {
        Some((slot, head)) => {
            command.set(Word::Base, slot + 1);
            write_edits(command, head, headers, framed_by_runtime);
        }
        None => write_edits(command, &Head::default(), headers, framed_by_runtime),
    }
}

/// Returns whether `headers` are similar to the fields of `head`, so that few edits turn one into the other.
fn continues(head: &Head, headers: &HeaderMap) -> bool {
    let kept = headers.values().filter(|value| head.has(value.as_bytes())).count();
    2 * kept > head.fields.len()
}

/// Returns whether the runtime writes the field itself, whatever it is given.
fn framed_by_runtime(name: &str) -> bool {
    matches!(name, "host" | "content-length" | "transfer-encoding" | "connection")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn head(text: &'static str) -> (Head, HeaderMap) {
        Head::read(Bytes::from_static(text.as_bytes()), 0).unwrap()
    }

    #[test]
    fn a_request_that_has_most_of_the_clients_fields_is_told_as_edits_of_them() {
        let (client, mut headers) = head("accept\n*/*\ncookie\na=1\nx-a\n1\n");
        headers.remove("cookie");
        headers.insert("via", HeaderValue::from_static("1.1 gw"));
        assert!(continues(&client, &headers));
    }

    #[test]
    fn a_request_with_fields_of_its_own_is_told_from_nothing() {
        let (client, theirs) = head("accept\n*/*\ncookie\na=1\nx-a\n1\nauthorization\nb\n");
        let mut headers = HeaderMap::new();
        headers.insert("accept", HeaderValue::from_static("*/*"));
        assert!(!continues(&client, &headers), "an equal value is not the client's");
        headers.insert("authorization", theirs.get("authorization").unwrap().clone());
        assert!(!continues(&client, &headers));
    }
}
