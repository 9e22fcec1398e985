//! The frames of HTTP/2 that are progress, and those that are not.
//!
//! A connection makes progress by content, in either direction, and by the heads that it sends: to a client those of responses, to an
//! upstream those of requests. What comes besides has a cost, which progress makes up for. So WINDOW_UPDATE and PING are free for
//! whoever receives a body, and not for whoever sends nothing else.

use std::io::IoSlice;

use super::Framing;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const CONTINUATION: u8 = 9;

/// The flag of padded content (RFC 9113 §6.1), whose first byte is the length of the padding behind it.
const PADDED: u8 = 8;

/// The length of a frame's header (RFC 9113 §4.1).
const HEADER: usize = 9;

/// The length of the preface that begins what a client sends (RFC 9113 §3.4).
const PREFACE: usize = 24;

/// The most that a head costs that has come, beside the headers of its frames: HEADERS, and CONTINUATION for the rest of a long one
/// (RFC 9113 §6.10). Its length has a bound of its own, and so has the number of open streams.
const HEAD: usize = 512;

/// The cost of a reset: a request that is taken back may have gone to an upstream already (CVE-2023-44487).
const RESET: usize = 1024;

/// What a frame with content makes up for, beside its content.
const CONTENT: usize = 1024;

/// The frames of a connection, both those that come and those that go.
#[derive(Debug)]
pub(crate) struct Frames {
    read: Parser,
    written: Parser,
    /// The longest head, beyond which it costs all that comes of it: it may have no end (CVE-2024-27316).
    longest_head: usize,
    /// The length of the head that comes.
    head: usize,
}

impl Frames {
    /// The frames of a connection from a client whose heads are at most as long as `longest_head`.
    pub(crate) fn of_client(longest_head: usize) -> Self {
        Self { read: Parser::behind(PREFACE), written: Parser::behind(0), longest_head, head: 0 }
    }

    /// The frames of a connection to an upstream whose heads are at most as long as `longest_head`.
    pub(crate) fn of_upstream(longest_head: usize) -> Self {
        Self { read: Parser::behind(0), written: Parser::behind(PREFACE), longest_head, head: 0 }
    }

    /// Records in `framing` the frames that begin in the next bytes that have come.
    pub(crate) fn read(&mut self, bytes: &[u8], framing: &Framing) {
        let Self { read, longest_head, head, .. } = self;
        let cost = |head: usize| head.min(HEAD) + head.saturating_sub(*longest_head);
        read.parse(bytes, |frame| match frame {
            Frame { kind: DATA, length, padding: 0 } if length > 0 => framing.make_up(length + CONTENT),
            Frame { kind: DATA, length, padding } if length > padding => {
                framing.read(HEADER + padding);
                framing.make_up(length - padding + CONTENT);
            }
            Frame { kind: HEADERS, length, .. } => {
                *head = length;
                framing.read(HEADER + cost(length));
            }
            Frame { kind: CONTINUATION, length, .. } => {
                let before = *head;
                *head = before.saturating_add(length);
                framing.read(HEADER + cost(*head) - cost(before));
            }
            Frame { kind: RST_STREAM, .. } => framing.read(RESET),
            Frame { length, .. } => framing.read(HEADER + length),
        });
    }

    /// Records in `framing` the frames that begin in the first `count` bytes of `pieces`, which went.
    pub(crate) fn wrote(&mut self, pieces: &[IoSlice<'_>], mut count: usize, framing: &Framing) {
        for piece in pieces {
            let sent = piece.get(..count).unwrap_or(piece);
            count -= sent.len();
            self.written.parse(sent, |frame| match frame {
                Frame { kind: HEADERS, .. } => framing.progress(),
                Frame { kind: DATA, length: 1.., .. } => framing.make_up(frame.length + CONTENT),
                Frame { .. } => {}
            });
        }
    }
}

/// The measures of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Frame {
    kind: u8,
    length: usize,
    /// The bytes of padded content that are padding, its length included.
    padding: usize,
}

/// A parser of frames' headers, fed in pieces.
#[derive(Debug)]
struct Parser {
    /// The bytes before the next header.
    ahead: usize,
    /// The header, and the byte behind it.
    header: [u8; HEADER + 1],
    /// The number of those bytes that are known.
    known: usize,
    /// The number of those bytes that are needed: the last one for padded content only.
    needed: usize,
}

impl Parser {
    /// A parser of frames that begin behind so many bytes.
    fn behind(ahead: usize) -> Self {
        Self { ahead, header: [0; HEADER + 1], known: 0, needed: HEADER }
    }

    /// Takes the next `bytes`, and tells each frame whose measures are known by then.
    fn parse(&mut self, mut bytes: &[u8], mut begins: impl FnMut(Frame)) {
        loop {
            let skipped = self.ahead.min(bytes.len());
            self.ahead -= skipped;
            bytes = bytes.get(skipped..).unwrap_or_default();
            if bytes.is_empty() {
                return;
            }
            let unknown = self.header.get_mut(self.known..self.needed).unwrap_or_default();
            let taken = unknown.len().min(bytes.len());
            let (now, later) = bytes.split_at(taken);
            for (place, byte) in unknown.iter_mut().zip(now) {
                *place = *byte;
            }
            self.known += taken;
            bytes = later;
            if self.known < self.needed {
                continue;
            }
            let [a, b, c, kind, flags, .., padding] = self.header;
            let length = u32::from_be_bytes([0, a, b, c]) as usize;
            let is_padded = kind == DATA && flags & PADDED != 0 && length > 0;
            if is_padded && self.needed == HEADER {
                self.needed += 1;
                continue;
            }
            let padding = if is_padded { 1 + usize::from(padding) } else { 0 };
            self.ahead = length.saturating_sub(self.known - HEADER);
            (self.known, self.needed) = (0, HEADER);
            begins(Frame { kind, length, padding });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Next;
    use super::*;

    fn frame(kind: u8, flags: u8, content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags], &[0, 0, 0, 1], content].concat()
    }

    #[test]
    fn headers_are_found_wherever_the_bytes_are_cut() {
        let padded = [&[9][..], &[2; 300], &[0; 9]].concat();
        let all = [
            &[b'P'; PREFACE],
            &frame(HEADERS, 4, &[1; 20])[..],
            &frame(4, 1, &[]),
            &frame(DATA, PADDED, &padded),
            &frame(DATA, PADDED, &[]),
            &frame(DATA, 0, &[2; 300]),
        ]
        .concat();
        for size in [1, 2, 7, 9, 10, 33, all.len()] {
            let (mut parser, mut found) = (Parser::behind(PREFACE), Vec::new());
            for piece in all.chunks(size) {
                parser.parse(piece, |Frame { kind, length, padding }| found.push((kind, length, padding)));
            }
            let expected = [(HEADERS, 20, 0), (4, 0, 0), (DATA, 310, 10), (DATA, 0, 0), (DATA, 300, 0)];
            assert_eq!(found, expected, "pieces of {size}");
        }
    }

    /// The frames of the attacks in CVE-2019-9511 to 9518, CVE-2023-44487 and CVE-2024-27316.
    #[test]
    fn what_brings_nothing_is_bounded() {
        let ping = frame(6, 0, &[0; 8]);
        let reset = [frame(HEADERS, 5, &[0; 20]), frame(RST_STREAM, 0, &[0; 4])].concat();
        for attack in [
            ping,
            frame(4, 0, &[]),
            frame(2, 0, &[0; 5]),
            frame(8, 0, &[0, 0, 0, 1]),
            frame(DATA, 0, &[]),
            frame(DATA, PADDED, &[255; 256]),
            frame(CONTINUATION, 0, &[]),
            frame(CONTINUATION, 0, &[0; 16 * 1024]),
            frame(CONTINUATION, 0, &[0]),
            frame(0xbe, 0, &[0; 1000]),
            reset,
        ] {
            let (mut frames, framing) = (Frames::of_upstream(64 * 1024), Framing::default());
            let count = (0..).find(|_| {
                frames.read(&attack, &framing);
                framing.next() == Next::Fail
            });
            assert!(count.is_some_and(|count| count < 32 * 1024), "{count:?}");
        }
    }

    #[test]
    fn whoever_receives_a_body_may_say_so() {
        let (mut frames, framing) = (Frames::of_client(64 * 1024), Framing::default());
        frames.read(&[0; PREFACE], &framing);
        let content = frame(DATA, 0, &[0; 10]);
        let window = frame(8, 0, &[0, 0, 0, 10]);
        for _ in 0..100_000 {
            let (head, rest) = content.split_at(4);
            frames.wrote(&[IoSlice::new(head), IoSlice::new(rest)], content.len(), &framing);
            frames.read(&[&window[..], &window, &frame(6, 0, &[0; 8])].concat(), &framing);
            assert_eq!(framing.next(), Next::Read);
        }
    }

    /// RFC 9113 §6.1: padding hides the length of content, which is progress all the same.
    #[test]
    fn padded_content_is_progress() {
        for padding in [0, 9, 255] {
            let (mut frames, framing) = (Frames::of_upstream(64 * 1024), Framing::default());
            let content = [&[padding][..], &[b'x'; 8000], &vec![0; padding.into()]].concat();
            let content = frame(DATA, PADDED, &content);
            for _ in 0..10_000 {
                frames.read(&content, &framing);
                assert_eq!(framing.next(), Next::Read, "{padding}");
            }
        }
    }

    /// RFC 9113 §6.10: a long head comes in several frames, as many heads at once as there may be streams.
    #[test]
    fn long_heads_come_together() {
        let (mut frames, framing) = (Frames::of_upstream(64 * 1024), Framing::default());
        let rest = frame(CONTINUATION, 0, &[0; 16 * 1024]);
        for _ in 0..100 {
            frames.read(&[&frame(HEADERS, 0, &[0; 16 * 1024]), &rest[..], &rest, &rest].concat(), &framing);
        }
        assert_ne!(framing.next(), Next::Fail);
    }
}
