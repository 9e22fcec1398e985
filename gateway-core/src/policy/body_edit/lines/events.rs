//! Streams of events (HTML, Server-sent events, §9.2.5 and §9.2.6): the data of an event is a document.
//!
//! Fields but `data`, and comments, go on as they come, line by line: their order to the data of the event says nothing. The lines of data
//! become one line when their event is over.

use super::{Editor, Reason, unread};
use crate::document::{FaultKind, Value};

/// A stream of events.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// The beginning of a line whose end has not come.
    held: Vec<u8>,
    /// The data of the event so far, with a line feed behind each line of it.
    data: Vec<u8>,
    /// Set if there is some, and be it empty.
    has_data: bool,
    /// Set if the line before has ended with a carriage return, to which a line feed belongs.
    is_behind_return: bool,
    /// Set once the first line has come.
    has_begun: bool,
}

/// What a stream may begin with, and which is no part of its first line.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

impl Events {
    pub(super) fn push(&mut self, piece: &[u8], editor: &mut Editor, out: &mut Vec<u8>) -> Result<(), Reason> {
        let mut rest = piece;
        if core::mem::take(&mut self.is_behind_return) {
            match rest.split_first() {
                Some((b'\n', behind)) => rest = behind,
                Some(_) => {}
                None => self.is_behind_return = true,
            }
        }
        while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let (line, behind) = rest.split_at_checked(at).unwrap_or_default();
            let (end, mut behind) = behind.split_first().map_or((b'\n', behind), |(end, behind)| (*end, behind));
            if end == b'\r' {
                match behind.split_first() {
                    Some((b'\n', further)) => behind = further,
                    Some(_) => {}
                    None => self.is_behind_return = true,
                }
            }
            rest = behind;
            if self.held.is_empty() {
                self.line(line, editor, out)?;
            } else {
                let mut held = core::mem::take(&mut self.held);
                editor.hold(&mut held, line)?;
                self.line(&held, editor, out)?;
                held.clear();
                self.held = held;
            }
        }
        editor.hold(&mut self.held, rest)
    }

    /// Clients leave an event out whose end does not come. Not all need do so: what is there of it is edited.
    pub(super) fn finish(&mut self, editor: &mut Editor, out: &mut Vec<u8>) -> Result<(), Reason> {
        let held = core::mem::take(&mut self.held);
        if !held.is_empty() {
            self.line(&held, editor, out)?;
        }
        self.dispatch(editor, out)
    }

    /// Takes a line without its end.
    fn line(&mut self, line: &[u8], editor: &mut Editor, out: &mut Vec<u8>) -> Result<(), Reason> {
        let is_first = !core::mem::replace(&mut self.has_begun, true);
        if line.len() > editor.most {
            return Err(Reason::TooLong);
        }
        let line = match line.strip_prefix(BYTE_ORDER_MARK) {
            Some(line) if is_first => {
                out.extend_from_slice(BYTE_ORDER_MARK);
                line
            }
            // Clients know no such field, unless it came first now.
            Some(_) => return Ok(()),
            None => line,
        };
        if line.is_empty() {
            self.dispatch(editor, out)?;
            out.push(b'\n');
            return Ok(());
        }
        let data = match line.strip_prefix(b"data") {
            Some([]) => Some(&[][..]),
            Some([b':', b' ', data @ ..] | [b':', data @ ..]) => Some(data),
            _ => None,
        };
        match data {
            Some(data) => {
                self.has_data = true;
                editor.hold(&mut self.data, data)?;
                self.data.push(b'\n');
            }
            None => {
                out.extend_from_slice(line);
                out.push(b'\n');
            }
        }
        Ok(())
    }

    /// Sends the data of an event, if it has some.
    fn dispatch(&mut self, editor: &mut Editor, out: &mut Vec<u8>) -> Result<(), Reason> {
        if !core::mem::take(&mut self.has_data) {
            return Ok(());
        }
        match Value::read(&self.data) {
            Ok(document) => {
                out.extend_from_slice(b"data: ");
                out.extend_from_slice(editor.edit(document)?.as_bytes());
                out.push(b'\n');
            }
            // A reader that takes it all the same would see what a step removes: so it is not passed on.
            Err(fault)
                if self.data.contains(&b'{')
                    || !matches!(fault.kind, FaultKind::Syntax | FaultKind::End | FaultKind::Encoding) =>
            {
                return Err(unread(fault));
            }
            Err(_) => {
                let lines = self.data.strip_suffix(b"\n").unwrap_or(&self.data);
                for line in lines.split(|byte| *byte == b'\n') {
                    out.extend_from_slice(b"data: ");
                    out.extend_from_slice(line);
                    out.push(b'\n');
                }
                editor.count = editor.count.saturating_add(1);
            }
        }
        self.data.clear();
        Ok(())
    }
}
