//! The frames of HTTP/2, for clients that do as no library would.

use std::io::Read as _;

use crate::support::Wire;

/// The start of a connection, before its SETTINGS (RFC 9113 §3.4).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const WINDOW_UPDATE: u8 = 8;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// `:method: GET`, `:scheme: http`, `:path: /`, `:authority: a` (RFC 7541 §6, appendix A).
pub(crate) const GET: &[u8] = b"\x82\x86\x84\x01\x01a";

/// The same with `:method: POST`.
pub(crate) const POST: &[u8] = b"\x83\x86\x84\x01\x01a";

/// A frame (RFC 9113 §4.1).
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), content].concat()
}

/// A frame that has come.
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) stream: u32,
    pub(crate) content: Vec<u8>,
}

/// The next frame; `None` when the other side has closed.
pub(crate) fn next_frame(wire: &mut Wire) -> Option<Frame> {
    let mut head = [0; 9];
    wire.stream.read_exact(&mut head).ok()?;
    let [a, b, c, kind, _, stream @ ..] = head;
    let mut content = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
    wire.stream.read_exact(&mut content).ok()?;
    Some(Frame { kind, stream: u32::from_be_bytes(stream), content })
}
