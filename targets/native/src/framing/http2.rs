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

/// The flag of padded content (RFC 9113 §6.1): how much of it is padding is not looked at.
const PADDED: u8 = 8;

/// The length of a frame's header (RFC 9113 §4.1).
const HEADER: usize = 9;

/// The length of the preface that begins what a client sends (RFC 9113 §3.4).
const PREFACE: usize = 24;

/// The most that a head costs that has come. Its length has bounds of its own, and so has the number of open streams.
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
}

impl Frames {
    /// The frames of a connection from a client.
    pub(crate) fn of_client() -> Self {
        Self { read: Parser::behind(PREFACE), written: Parser::behind(0) }
    }

    /// The frames of a connection to an upstream.
    pub(crate) fn of_upstream() -> Self {
        Self { read: Parser::behind(0), written: Parser::behind(PREFACE) }
    }

    /// Records in `framing` the frames that begin in the next bytes that have come.
    pub(crate) fn read(&mut self, bytes: &[u8], framing: &Framing) {
        self.read.parse(bytes, |frame| match frame {
            Frame { kind: DATA, length: 1.., flags } if flags & PADDED == 0 => framing.make_up(frame.length + CONTENT),
            Frame { kind: HEADERS, length, .. } => framing.read(HEADER + length.min(HEAD)),
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

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Frame {
    kind: u8,
    flags: u8,
    length: usize,
}

/// A parser of frames' headers, fed in pieces.
#[derive(Debug)]
struct Parser {
    /// The bytes before the next header.
    ahead: usize,
    header: [u8; HEADER],
    /// The number of bytes of the header that are known.
    known: usize,
}

impl Parser {
    /// A parser of frames that begin behind so many bytes.
    fn behind(ahead: usize) -> Self {
        Self { ahead, header: [0; HEADER], known: 0 }
    }

    /// Takes the next `bytes`, and tells each frame whose header is known by then.
    fn parse(&mut self, mut bytes: &[u8], mut begins: impl FnMut(Frame)) {
        loop {
            let skipped = self.ahead.min(bytes.len());
            self.ahead -= skipped;
            bytes = bytes.get(skipped..).unwrap_or_default();
            if bytes.is_empty() {
                return;
            }
            let unknown = self.header.get_mut(self.known..).unwrap_or_default();
            let taken = unknown.len().min(bytes.len());
            let (now, later) = bytes.split_at(taken);
            for (place, byte) in unknown.iter_mut().zip(now) {
                *place = *byte;
            }
            self.known += taken;
            bytes = later;
            if self.known == HEADER {
                let [a, b, c, kind, flags, ..] = self.header;
                let length = u32::from_be_bytes([0, a, b, c]) as usize;
                (self.ahead, self.known) = (length, 0);
                begins(Frame { kind, flags, length });
            }
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
        let all = [&[b'P'; PREFACE], &frame(HEADERS, 4, &[1; 20])[..], &frame(4, 1, &[]), &frame(DATA, 0, &[2; 300])]
            .concat();
        for size in [1, 2, 7, 9, 10, 33, all.len()] {
            let (mut parser, mut found) = (Parser::behind(PREFACE), Vec::new());
            for piece in all.chunks(size) {
                parser.parse(piece, |Frame { kind, flags, length }| found.push((kind, flags, length)));
            }
            assert_eq!(found, [(HEADERS, 4, 20), (4, 1, 0), (DATA, 0, 300)], "pieces of {size}");
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
            frame(9, 0, &[]),
            frame(0xbe, 0, &[0; 1000]),
            reset,
        ] {
            let (mut frames, framing) = (Frames::of_upstream(), Framing::default());
            let count = (0..).find(|_| {
                frames.read(&attack, &framing);
                framing.next() == Next::Fail
            });
            assert!(count.is_some_and(|count| count < 32 * 1024), "{count:?}");
        }
    }

    #[test]
    fn whoever_receives_a_body_may_say_so() {
        let (mut frames, framing) = (Frames::of_client(), Framing::default());
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
}
