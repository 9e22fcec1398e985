//! What comes out of wasm: one thing to do.

use core::time::Duration;

use bytes::Bytes;
use edgeway_wire::{BodyKind, Kind, Word};
use gateway_core::body::Body;

use crate::platform::Handle;

const WORDS: usize = Word::TABLE.entries.len();

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
            Body::Empty => self.set(Word::Body, BodyKind::Empty as u32),
            Body::Full(content) => {
                self.set(Word::Body, BodyKind::Full as u32);
                self.content = content;
            }
            Body::Stream(handle) => {
                self.set(Word::Body, BodyKind::Stream as u32);
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
