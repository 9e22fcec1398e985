//! The commands that come out of wasm.

use core::time::Duration;

use bytes::Bytes;
use edgeway_wire::{BodyKind, Kind, Word};
use gateway_core::body::Body;

use crate::platform::{Handle, Socket};

const WORDS: usize = Word::TABLE.entries.len();

/// The commands that one call into wasm leaves for the glue, valid until the next call.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// The count of commands in the first number of the first record, then a record for each.
    records: Vec<[u32; WORDS]>,
    text: Vec<u8>,
    contents: Vec<Bytes>,
}

impl Outbox {
    /// Empties the list.
    pub(crate) fn clear(&mut self) {
        self.records.clear();
        self.records.push([0; WORDS]);
        self.text.clear();
        self.contents.clear();
    }

    /// Adds a command of `exchange`; `slot` is its effect, or 0.
    pub(crate) fn command(&mut self, exchange: u32, kind: Kind, slot: u32) -> Command<'_> {
        let from = self.text.len();
        let mut command = Command { outbox: self, record: [0; WORDS], from, lines: 0 };
        command.set(Word::Kind, kind as u32);
        command.set(Word::Exchange, exchange);
        command.set(Word::Slot, slot);
        command
    }

    /// Returns the address of the list, after writing the addresses of texts into it.
    pub(crate) fn seal(&mut self) -> *const u32 {
        let text = self.text.as_ptr() as usize as u32;
        if let Some(([count, ..], commands)) = self.records.split_first_mut() {
            *count = commands.len() as u32;
            for command in commands {
                if let Some(at) = command.get_mut(Word::TextAt as usize) {
                    *at += text;
                }
            }
        }
        self.records.as_ptr().cast()
    }

    /// The kind and the slot of each command.
    #[cfg(test)]
    pub(crate) fn commands(&self) -> Vec<(Kind, u32)> {
        let commands = 0..self.records.len() - 1;
        commands.map(|at| (Kind::from_number(self.word(at, Word::Kind)).unwrap(), self.word(at, Word::Slot))).collect()
    }

    /// The text of all commands.
    #[cfg(test)]
    pub(crate) fn text(&self) -> &str {
        core::str::from_utf8(&self.text).unwrap()
    }

    /// The full body at `index` among those of all commands.
    #[cfg(test)]
    pub(crate) fn content(&self, index: usize) -> &[u8] {
        &self.contents[index]
    }

    /// A number of the command at `index`.
    #[cfg(test)]
    pub(crate) fn word(&self, index: usize, word: Word) -> u32 {
        self.records[index + 1][word as usize]
    }
}

/// A command being written; it joins the list when it is dropped.
#[derive(Debug)]
pub(crate) struct Command<'o> {
    outbox: &'o mut Outbox,
    record: [u32; WORDS],
    /// The start of its text.
    from: usize,
    lines: u32,
}

impl Command<'_> {
    /// Sets one number.
    pub(crate) fn set(&mut self, word: Word, number: u32) {
        if let Some(place) = self.record.get_mut(word as usize) {
            *place = number;
        }
    }

    /// Sets a duration in milliseconds, rounded up; 0 stands for none.
    pub(crate) fn set_millis(&mut self, word: Word, duration: Option<Duration>) {
        let millis = duration.map_or(0, |duration| duration.as_nanos().div_ceil(1_000_000));
        self.set(word, u32::try_from(millis).unwrap_or(u32::MAX));
    }

    /// Adds to the text.
    pub(crate) fn text(&mut self, text: &[u8]) {
        self.outbox.text.extend_from_slice(text);
    }

    /// Adds to the text and ends the line.
    pub(crate) fn line(&mut self, text: &[u8]) {
        self.outbox.text.extend_from_slice(text);
        self.outbox.text.push(b'\n');
        self.lines += 1;
    }

    /// The count of lines that the text has so far.
    pub(crate) fn lines(&self) -> u32 {
        self.lines
    }

    /// Sets the body to send with it.
    pub(crate) fn body(&mut self, body: Body<Handle>) {
        match body {
            Body::Empty => self.set(Word::Body, BodyKind::Empty as u32),
            Body::Full(content) => {
                self.set(Word::Body, BodyKind::Full as u32);
                self.set(Word::BodyAt, content.as_ptr() as usize as u32);
                self.set(Word::BodyLen, content.len() as u32);
                self.outbox.contents.push(content);
            }
            Body::Stream(handle) => {
                let (slot, limit, filter) = handle.into_parts();
                self.set(Word::Filter, filter);
                self.set(Word::Body, BodyKind::Stream as u32);
                self.set(Word::BodySlot, slot);
                let limit = limit.unwrap_or(u64::MAX);
                self.set(Word::LimitLow, limit as u32);
                self.set(Word::LimitHigh, (limit >> 32) as u32);
            }
        }
    }
}

impl Command<'_> {
    /// Sets the socket to pass on with it.
    pub(crate) fn socket(&mut self, socket: Socket) {
        self.set(Word::Body, BodyKind::Socket as u32);
        self.set(Word::BodySlot, socket.into_slot());
    }
}

impl Drop for Command<'_> {
    fn drop(&mut self) {
        self.set(Word::TextAt, self.from as u32);
        self.set(Word::TextLen, (self.outbox.text.len() - self.from) as u32);
        self.outbox.records.push(self.record);
    }
}
