//! The borders between the frames of a WebSocket (RFC 6455 §5.2).
//!
//! A tunnel passes frames on as they are. To say goodbye it has to know where one ends: between two frames, even those of
//! one message, a Close frame can be put in (§5.4, §5.5).

use core::mem;

/// The status of an endpoint that goes away (RFC 6455 §7.4.1).
pub const GOING_AWAY: u16 = 1001;

/// The opcode of a Close frame (RFC 6455 §5.2).
const CLOSE: u8 = 0x8;

/// The longest head of a frame: two bytes, a length of eight, a mask of four.
const LONGEST_HEAD: usize = 14;

/// The place in the frames that one side sends.
#[derive(Clone, Debug, Default)]
pub struct Frames {
    /// The head of the current frame, as far as it has come.
    head: [u8; LONGEST_HEAD],
    /// Bytes of the head that have come.
    seen: usize,
    /// Bytes of the current frame that are still to come, once its head is whole.
    left: u64,
    /// Set if a Close frame has ended.
    closed: bool,
}

impl Frames {
    /// Goes on past `bytes`.
    pub fn pass(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let count = self.pass_frame(bytes);
            bytes = bytes.get(count..).unwrap_or_default();
        }
    }

    /// Goes on past those of `bytes` that belong to the current frame, and returns how many they are.
    pub fn pass_frame(&mut self, bytes: &[u8]) -> usize {
        let mut count = 0;
        while !self.has_head() {
            let Some(byte) = bytes.get(count) else { return count };
            if let Some(place) = self.head.get_mut(self.seen) {
                *place = *byte;
            }
            self.seen += 1;
            count += 1;
            if self.has_head() {
                self.left = self.payload();
            }
        }
        let there = bytes.len() - count;
        let taken = usize::try_from(self.left).unwrap_or(usize::MAX).min(there);
        self.left -= taken as u64;
        if self.left == 0 {
            let [first, ..] = mem::take(self).head;
            self.closed = first & 0xf == CLOSE;
        }
        count + taken
    }

    /// Returns whether the last frame has ended, and no other has begun.
    #[must_use]
    pub const fn is_between(&self) -> bool {
        self.seen == 0
    }

    /// Returns whether the last frame that ended was a Close frame, after which nothing may come (RFC 6455 §5.5.1).
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    /// The second byte of the head: the mask's bit and the length, or its form.
    const fn second(&self) -> u8 {
        let [_, second, ..] = self.head;
        second
    }

    const fn has_head(&self) -> bool {
        if self.seen < 2 {
            return false;
        }
        let length = match self.second() & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mask = if self.second() & 0x80 == 0 { 0 } else { 4 };
        self.seen >= 2 + length + mask
    }

    /// The length of the payload; the head is whole.
    fn payload(&self) -> u64 {
        let [_, _, a, b, c, d, e, f, g, h, ..] = self.head;
        match self.second() & 0x7f {
            126 => u64::from(u16::from_be_bytes([a, b])),
            127 => u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            short => u64::from(short),
        }
    }
}

/// A Close frame with the status `code`; what goes to a server has a `mask` (RFC 6455 §5.1, §5.3).
#[must_use]
pub fn close(code: u16, mask: Option<[u8; 4]>) -> Vec<u8> {
    let [high, low] = code.to_be_bytes();
    match mask {
        None => vec![0x80 | CLOSE, 2, high, low],
        Some([a, b, c, d]) => vec![0x80 | CLOSE, 0x82, a, b, c, d, high ^ a, low ^ b],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 6455 §5.7, the examples.
    const HELLO: &[u8] = &[0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    const MASKED_HELLO: &[u8] = &[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    const FRAGMENTS: [&[u8]; 2] = [&[0x01, 0x03, 0x48, 0x65, 0x6c], &[0x80, 0x02, 0x6c, 0x6f]];

    fn long(form: u8, length: usize) -> Vec<u8> {
        let mut frame = vec![0x82, form];
        match form & 0x7f {
            126 => frame.extend(u16::try_from(length).unwrap().to_be_bytes()),
            _ => frame.extend((length as u64).to_be_bytes()),
        }
        if form & 0x80 != 0 {
            frame.extend([1, 2, 3, 4]);
        }
        frame.resize(frame.len() + length, 0x88);
        frame
    }

    fn examples() -> Vec<Vec<u8>> {
        let mut frames: Vec<Vec<u8>> =
            [HELLO, MASKED_HELLO, FRAGMENTS[0], FRAGMENTS[1], &[0x89, 0]].map(Vec::from).into();
        frames.extend([
            long(126, 256),
            long(126 | 0x80, 300),
            long(127, 65_536),
            long(127 | 0x80, 70_000),
            long(126, 0),
        ]);
        frames.extend([close(GOING_AWAY, None), close(GOING_AWAY, Some([9, 8, 7, 6])), vec![0x88, 0]]);
        frames
    }

    #[test]
    fn every_frame_ends_where_it_ends() {
        for frame in examples() {
            let mut frames = Frames::default();
            assert!(frames.is_between());
            for byte in &frame[..frame.len() - 1] {
                frames.pass(&[*byte]);
                assert!(!frames.is_between());
            }
            // The first byte of the next frame is not taken along.
            assert_eq!(frames.pass_frame(&[frame[frame.len() - 1], 0x81]), 1);
            assert!(frames.is_between());
            assert_eq!(frames.is_closed(), frame[0] == 0x88);
        }
    }

    /// RFC 6455 §5.2: a length of which no machine has that much is one that has not ended.
    #[test]
    fn a_frame_of_the_longest_length_does_not_end() {
        let mut frames = Frames::default();
        frames.pass(&[0x82, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        frames.pass(&[0; 1_000]);
        assert!(!frames.is_between());
    }

    /// RFC 6455 §5.5.1: the status is the first two bytes of the payload; §5.3: byte `i` of it is masked by byte `i` mod 4.
    #[test]
    fn a_close_frame_says_its_status() {
        assert_eq!(close(1001, None), [0x88, 2, 0x03, 0xe9]);
        assert_eq!(close(1001, Some([0x11, 0x22, 0x33, 0x44])), [0x88, 0x82, 0x11, 0x22, 0x33, 0x44, 0x12, 0xcb]);
    }

    proptest! {
        /// However the bytes are cut, a border is where the frames have one.
        #[test]
        fn borders_do_not_depend_on_the_pieces(picks in prop::collection::vec(0..13usize, 1..8), piece in 1..900usize) {
            let examples = examples();
            let mut stream = Vec::new();
            let mut borders = vec![0];
            for pick in picks {
                stream.extend_from_slice(&examples[pick]);
                borders.push(stream.len());
            }
            let mut frames = Frames::default();
            let mut place = 0;
            for part in stream.chunks(piece) {
                frames.pass(part);
                place += part.len();
                prop_assert_eq!(frames.is_between(), borders.contains(&place));
            }
        }
    }
}
