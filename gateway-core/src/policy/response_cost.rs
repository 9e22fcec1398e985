//! The units that the content of a response states, read while it passes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};

use super::allowance::Allowance;
use super::counter::CounterOp;
use super::json_field::Scanner;
use super::openapi::Copy;
use super::validate::media_type;
use crate::document::pointer::Pointer;
use crate::time::{Clock, Timestamp};

/// A number that is read while the content passes, and asked for at its end.
#[derive(Clone, Debug)]
pub struct Found(Arc<AtomicU32>);

/// None so far.
const NONE: u32 = u32::MAX;

impl Found {
    fn new() -> Self {
        Self(Arc::new(AtomicU32::new(NONE)))
    }

    /// The number, if there has been one.
    #[must_use]
    pub fn number(&self) -> Option<u32> {
        Some(self.0.load(Ordering::Relaxed)).filter(|number| *number != NONE)
    }
}

/// The units that a request has taken of a limit until the content of its response says how many they are.
#[derive(Debug)]
pub struct Unsettled {
    /// The name of the limit.
    pub name: Box<str>,
    /// The counter cell.
    pub cell: String,
    /// The part of the limit that holds for the request.
    pub allowance: Allowance,
    /// The time at which it was admitted.
    pub at: Timestamp,
    /// The units that it took then.
    pub units: u32,
    /// The most that count.
    pub most: u32,
    /// The number in the content.
    pub found: Found,
}

impl Unsettled {
    /// The units that the content has said by now, as far as they count.
    #[must_use]
    pub fn settled(&self) -> Option<u32> {
        self.found.number().map(|number| number.min(self.most))
    }

    /// The operation by which the request takes what the content has said by now; none if nothing changes.
    #[must_use]
    pub fn settle(self, clock: &impl Clock) -> Option<(String, CounterOp)> {
        let units = self.settled()?;
        let op = self.allowance.settle(self.at, (self.units, units), clock)?;
        Some((self.cell, op))
    }
}

/// Looks at the content of a response, piece by piece: for numbers, of which nothing else is kept, or as a copy. Nothing is changed.
#[derive(Debug, Default)]
pub struct Observer {
    form: Form,
    fields: Vec<(Scanner, Found)>,
    /// Set if all of the content is to be looked at once it is there.
    copy: Option<Copy>,
}

/// The JSON texts in a content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Form {
    /// It is one (RFC 8259).
    #[default]
    One,
    /// Each line is one.
    Lines,
    /// The data of each event is one (HTML, Server-sent events, §9.2.6).
    Events(Line),
}

/// A line of an event stream, as far as it has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Line {
    /// The bytes of it that are those of `data:`.
    same: usize,
    /// Set if it is another field, or a comment.
    differs: bool,
    /// Set if the line before has ended with a carriage return, to which a line feed may belong.
    is_behind_return: bool,
}

/// The beginning of a line with data.
const DATA: &[u8] = b"data:";

impl Observer {
    /// One for the content of a response with this `status` and these `headers`.
    ///
    /// # Errors
    /// The reason why its content states nothing that can be read.
    pub fn of(status: StatusCode, headers: &HeaderMap) -> Result<Self, &'static str> {
        if status == StatusCode::PARTIAL_CONTENT {
            return Err("the content is a part of another");
        }
        // RFC 9110 §8.4: `identity` is not said, or else says nothing.
        let is_plain = |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
        if !headers.get_all(CONTENT_ENCODING).iter().all(is_plain) {
            return Err("the content is encoded");
        }
        let mut types = headers.get_all(CONTENT_TYPE).iter();
        let kind = types.next().filter(|_| types.next().is_none()).and_then(media_type).unwrap_or_default();
        let form = match &*kind {
            "application/x-ndjson" | "application/jsonl" => Form::Lines,
            "text/event-stream" => Form::Events(Line::default()),
            kind if kind == "application/json" || kind.ends_with("+json") => Form::One,
            _ => return Err("the content is no JSON"),
        };
        Ok(Self { form, ..Self::default() })
    }

    /// Has it look for the field at `pointer`.
    pub fn look_for(&mut self, pointer: &Arc<Pointer>) -> Found {
        let found = Found::new();
        self.fields.push((Scanner::new(Arc::clone(pointer)), found.clone()));
        found
    }

    /// Has it copy the content.
    pub fn copy(&mut self, copy: Copy) {
        self.copy = Some(copy);
    }

    /// Looks at the next piece of the content.
    pub fn read(&mut self, piece: &[u8]) {
        if let Some(copy) = &self.copy {
            copy.read(piece);
        }
        let fields = &mut *self.fields;
        match &mut self.form {
            Form::One => look(fields, piece),
            Form::Lines => {
                let mut lines = piece.split(|byte| *byte == b'\n');
                look(fields, lines.next().unwrap_or_default());
                for line in lines {
                    begin(fields);
                    look(fields, line);
                }
            }
            Form::Events(line) => line.read(piece, fields),
        }
        for (scanner, found) in fields {
            if let Some(number) = scanner.found() {
                found.0.store(number.min(NONE - 1), Ordering::Relaxed);
            }
        }
    }
}

impl Line {
    /// Looks at the data of the events in `piece`.
    fn read(&mut self, mut piece: &[u8], fields: &mut [(Scanner, Found)]) {
        while let Some((byte, rest)) = piece.split_first() {
            let is_behind_return = core::mem::take(&mut self.is_behind_return);
            match byte {
                b'\n' if is_behind_return => {}
                b'\n' | b'\r' => {
                    // An empty line ends the event; its lines of data are lines of one text.
                    if self.same == 0 && !self.differs {
                        begin(fields);
                    } else if self.same == DATA.len() {
                        look(fields, b"\n");
                    }
                    *self = Self { is_behind_return: *byte == b'\r', ..Self::default() };
                }
                _ if self.differs || self.same == DATA.len() => {
                    let end = piece.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(piece.len());
                    let (data, rest) = piece.split_at_checked(end).unwrap_or_default();
                    if !self.differs {
                        look(fields, data);
                    }
                    piece = rest;
                    continue;
                }
                byte if DATA.get(self.same) == Some(byte) => self.same += 1,
                // The stream may begin with a byte order mark.
                b'\xef' | b'\xbb' | b'\xbf' if self.same == 0 => {}
                _ => self.differs = true,
            }
            piece = rest;
        }
    }
}

fn look(fields: &mut [(Scanner, Found)], piece: &[u8]) {
    fields.iter_mut().for_each(|(scanner, _)| scanner.read(piece));
}

fn begin(fields: &mut [(Scanner, Found)]) {
    fields.iter_mut().for_each(|(scanner, _)| scanner.begin());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::fields;

    /// The number at `/usage/total` in content of this media type, in pieces of each length.
    fn found(kind: &str, content: &str) -> Option<u32> {
        let pointer = Arc::new(Pointer::parse("/usage/total").unwrap());
        let numbers: Vec<_> = (1..=content.len())
            .map(|length| {
                let mut observer = Observer::of(StatusCode::OK, &fields(&[("content-type", kind)])).unwrap();
                let found = observer.look_for(&pointer);
                content.as_bytes().chunks(length).for_each(|piece| observer.read(piece));
                found.number()
            })
            .collect();
        assert!(numbers.iter().all(|number| *number == numbers[0]), "{numbers:?} in {content}");
        numbers[0]
    }

    /// docs/configuration.md, The cost of a request: JSON alone is read, and only as it is.
    #[test]
    fn other_content_states_nothing() {
        let of = |status, list: &[(&str, &str)]| Observer::of(status, &fields(list)).err();
        let json = ("content-type", "application/json");
        assert_eq!(of(StatusCode::OK, &[json]), None);
        assert_eq!(of(StatusCode::OK, &[("content-type", "Application/Problem+JSON; charset=utf-8")]), None);
        assert_eq!(of(StatusCode::OK, &[json, ("content-encoding", "identity")]), None);
        assert_eq!(of(StatusCode::OK, &[json, ("content-encoding", "gzip")]), Some("the content is encoded"));
        assert_eq!(of(StatusCode::PARTIAL_CONTENT, &[json]), Some("the content is a part of another"));
        for list in [&[][..], &[("content-type", "text/plain")], &[json, json]] {
            assert_eq!(of(StatusCode::OK, list), Some("the content is no JSON"), "{list:?}");
        }
    }

    #[test]
    fn each_line_may_be_a_text() {
        let kind = "application/x-ndjson";
        let last = "{\"usage\": {\"total\": 7}, \"done\": true}";
        assert_eq!(found(kind, &format!("{{\"usage\": {{\"total\": 3}}}}\n{{\"a\": \"\n{last}")), Some(7));
        assert_eq!(found(kind, &format!("{last}\r\n{{\"usage\": null}}\r\n\r\n")), Some(7));
        assert_eq!(found("application/jsonl", last), Some(7));
        assert_eq!(found(kind, "{\"usage\":\n{\"total\": 3}}"), None);
    }

    /// HTML, Server-sent events, §9.2.6: lines, comments, fields, events.
    #[test]
    fn the_data_of_each_event_is_a_text() {
        let kind = "text/event-stream; charset=utf-8";
        let stream = "\u{feff}data: {\"usage\": null}\n\ndata: {\"usage\": {\"total\": 12}}\n\ndata: [DONE]\n\n";
        for end in ["\n", "\r\n", "\r"] {
            assert_eq!(found(kind, &stream.replace('\n', end)), Some(12), "{end:?}");
        }
        assert_eq!(found(kind, "event: x\ndata:{\"usage\":\ndata: {\"total\":\r\ndata:5}}\nid: 1\n\n"), Some(5));
        assert_eq!(found(kind, "data: {\"usage\": {\"total\": 4}}\n\ndata: {\"usage\": {\"total\": 9}}"), Some(9));
        for other in [
            ": {\"usage\": {\"total\": 5}}\n\n",
            "dat: {\"usage\": {\"total\": 5}}\n\n",
            "database: {\"usage\": {\"total\": 5}}\n\n",
            " data: {\"usage\": {\"total\": 5}}\n\n",
            "event: {\"usage\": {\"total\": 5}}\n\n",
            "data: {\"usage\":\n\ndata: {\"total\": 5}}\n\n",
            "data: {\"text\": \"\ndata: {\\\"usage\\\": {\\\"total\\\": 5}}\"}\n\n",
        ] {
            assert_eq!(found(kind, other), None, "{other}");
        }
    }
}
