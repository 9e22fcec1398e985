//! Lines of JSON: each that is not blank is a document. The ends of lines stay as they are.

use super::{Editor, Reason, unread};
use crate::document::Value;

/// A stream of lines.
#[derive(Debug, Default)]
pub(super) struct Records {
    /// The beginning of a line whose end has not come.
    held: Vec<u8>,
}

impl Records {
    pub(super) fn push(&mut self, piece: &[u8], editor: &mut Editor, out: &mut Vec<u8>) -> Result<(), Reason> {
        let mut lines = piece.split(|byte| *byte == b'\n');
        // What is behind the last end of a line; the piece itself if there is none.
        let rest = lines.next_back().unwrap_or_default();
        for line in lines {
            if self.held.is_empty() {
                edit(line, editor, out)?;
            } else {
                editor.hold(&mut self.held, line)?;
                edit(&self.held, editor, out)?;
                self.held.clear();
            }
            out.push(b'\n');
        }
        editor.hold(&mut self.held, rest)
    }

    pub(super) fn finish(&mut self, editor: &mut Editor, out: &mut Vec<u8>) -> Result<(), Reason> {
        edit(&core::mem::take(&mut self.held), editor, out)
    }
}

fn edit(line: &[u8], editor: &mut Editor, out: &mut Vec<u8>) -> Result<(), Reason> {
    if line.len() > editor.most {
        return Err(Reason::TooLong);
    }
    if line.trim_ascii().is_empty() {
        out.extend_from_slice(line);
        editor.count = editor.count.saturating_add(1);
        return Ok(());
    }
    let (text, end) = match line.strip_suffix(b"\r") {
        Some(text) => (text, &b"\r"[..]),
        None => (line, &[][..]),
    };
    let document = Value::read(text).map_err(unread)?;
    out.extend_from_slice(editor.edit(document)?.as_bytes());
    out.extend_from_slice(end);
    Ok(())
}
