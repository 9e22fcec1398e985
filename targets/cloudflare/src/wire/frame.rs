//! What comes out of wasm: one thing to do.

use core::time::Duration;

use bytes::Bytes;
use gateway_core::body::Body;

use crate::platform::Handle;

/// What the glue is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Kind {
    /// Send this response to the client: the exchange has ended.
    Respond = 0,
    /// Send this request to an upstream.
    Fetch = 1,
    /// Read a body to its end.
    Collect = 2,
    /// Read a key.
    Get = 3,
    /// Write a key.
    Put = 4,
    /// Remove a key.
    Delete = 5,
    /// Apply an operation to a counter cell.
    Count = 6,
    /// The exchange is not there, or lost its way; answer 500.
    Broken = 7,
}

/// The places of the numbers; the glue knows them by the same names.
#[derive(Clone, Copy, Debug)]
#[repr(usize)]
pub(crate) enum Word {
    Id = 0,
    TextAt = 1,
    TextLen = 2,
    Body = 3,
    BodySlot = 4,
    BodyAt = 5,
    BodyLen = 6,
    LimitLow = 7,
    LimitHigh = 8,
    Status = 9,
    /// One more than the fetch whose response head the edits apply to; 0 for a new head.
    Base = 10,
    FirstByte = 11,
    Total = 12,
    Ttl = 13,
    /// Of a fetch: the line of the text where the edits of the response's head begin; 0 if that head has to come in.
    Finish = 14,
}

const WORDS: usize = 15;

/// One thing to do.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    kind: Option<Kind>,
    words: [u32; WORDS],
    text: Vec<u8>,
    lines: u32,
    content: Bytes,
}

impl Frame {
    /// Empties it for exchange `id`.
    pub(crate) fn clear(&mut self, id: u32) {
        self.kind = None;
        self.words = [0; WORDS];
        self.text.clear();
        self.lines = 0;
        self.content = Bytes::new();
        self.set(Word::Id, id);
    }

    /// What is to be done, if anything yet.
    pub(crate) fn kind(&self) -> Option<Kind> {
        self.kind
    }

    /// Says what is to be done.
    pub(crate) fn be(&mut self, kind: Kind) {
        self.kind = Some(kind);
    }

    /// Sets one number.
    pub(crate) fn set(&mut self, word: Word, number: u32) {
        if let Some(place) = self.words.get_mut(word as usize) {
            *place = number;
        }
    }

    /// Sets a duration in milliseconds, rounded up; 0 stands for none.
    pub(crate) fn set_deadline(&mut self, word: Word, deadline: Option<Duration>) {
        let millis = deadline.map_or(0, |deadline| deadline.as_nanos().div_ceil(1_000_000));
        self.set(word, u32::try_from(millis).unwrap_or(u32::MAX));
    }

    /// Adds to the text.
    pub(crate) fn text(&mut self, text: &[u8]) {
        self.text.extend_from_slice(text);
    }

    /// Adds to the text and ends the line.
    pub(crate) fn line(&mut self, text: &[u8]) {
        self.text.extend_from_slice(text);
        self.text.push(b'\n');
        self.lines += 1;
    }

    /// How many lines the text has so far.
    pub(crate) fn lines(&self) -> u32 {
        self.lines
    }

    /// The text so far.
    #[cfg(test)]
    pub(super) fn text_so_far(&self) -> &[u8] {
        &self.text
    }

    /// Says which body goes with it.
    pub(crate) fn body(&mut self, body: Body<Handle>) {
        match body {
            Body::Empty => self.set(Word::Body, 0),
            Body::Full(content) => {
                self.set(Word::Body, 1);
                self.content = content;
            }
            Body::Stream(handle) => {
                self.set(Word::Body, 2);
                self.set(Word::BodySlot, handle.slot);
                let limit = handle.limit.unwrap_or(u64::MAX);
                self.set(Word::LimitLow, limit as u32);
                self.set(Word::LimitHigh, (limit >> 32) as u32);
            }
        }
    }

    /// The numbers, complete with the addresses of text and content, which stay valid until the next call into wasm.
    pub(crate) fn seal(&mut self) -> *const u32 {
        self.set(Word::TextAt, self.text.as_ptr() as usize as u32);
        self.set(Word::TextLen, self.text.len() as u32);
        self.set(Word::BodyAt, self.content.as_ptr() as usize as u32);
        self.set(Word::BodyLen, self.content.len() as u32);
        self.words.as_ptr()
    }
}
