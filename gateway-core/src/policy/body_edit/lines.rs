//! Edits of a stream while it passes: each line of it, or each event, is a document of its own.
//!
//! A machine without I/O: pieces go in, cut anywhere, and what is edited comes out as soon as a line or an event is complete. It holds one line
//! or event, and nothing of those before.

mod events;
mod records;

use core::fmt::{self, Display};
use std::sync::{Arc, OnceLock};

use self::events::Events;
use self::records::Records;
use super::{BodyEdit, Editing, Form, Trouble, Unfit};
use crate::document::{Budget, Value};

/// The edits of one stream.
#[derive(Debug)]
pub struct Filter {
    editor: Editor,
    split: Split,
    fault: Fault,
    /// The edits of what comes of these.
    then: Option<Box<Self>>,
}

/// The way in which a stream falls into documents.
#[derive(Debug)]
enum Split {
    Records(Records),
    Events(Events),
}

/// The edits of one document after another.
#[derive(Debug)]
struct Editor {
    edit: Arc<BodyEdit>,
    texts: Box<[Option<Box<str>>]>,
    /// The longest document, in bytes.
    most: usize,
    /// The documents so far.
    count: u64,
    /// The text of the last one, for its memory.
    text: String,
}

/// The reason why a stream has broken off, known to all who hold a copy of it once it has.
#[derive(Clone, Debug, Default)]
pub struct Fault(Arc<OnceLock<Broken>>);

/// A reason why a stream breaks off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The number of the line or event, from 1.
    pub number: u64,
    /// What is wrong with it.
    pub reason: Reason,
    /// The form of the stream.
    form: Form,
}

/// What is wrong with a line or an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is longer than what is edited.
    TooLong,
    /// It can't be edited.
    Trouble(Trouble),
}

/// The stream has to break off: its [`Fault`] says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreaksOff;

impl Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: ", if self.form == Form::Events { "event" } else { "line" }, self.number)?;
        match &self.reason {
            Reason::TooLong => f.write_str("it is longer than what is edited"),
            Reason::Trouble(trouble) => write!(f, "{trouble}"),
        }
    }
}

impl Fault {
    /// The reason, once there is one.
    #[must_use]
    pub fn broken(&self) -> Option<&Broken> {
        self.0.get()
    }
}

impl Filter {
    /// The edits of a stream of this `form` by `edit`, with these texts for its templates.
    #[must_use]
    pub fn new(edit: Arc<BodyEdit>, form: Form, texts: Box<[Option<Box<str>>]>) -> Box<Self> {
        let most = usize::try_from(edit.most_bytes).unwrap_or(usize::MAX);
        let split = match form {
            Form::Events => Split::Events(Events::default()),
            _ => Split::Records(Records::default()),
        };
        let editor = Editor { edit, texts, most, count: 0, text: String::new() };
        Box::new(Self { editor, split, fault: Fault::default(), then: None })
    }

    /// Has `other` edit what comes of this.
    #[must_use]
    pub fn then(mut self: Box<Self>, other: Box<Self>) -> Box<Self> {
        self.then = Some(match self.then.take() {
            Some(next) => next.then(other),
            None => other,
        });
        self
    }

    /// A place that has the reason should the stream break off.
    #[must_use]
    pub fn fault(&self) -> Fault {
        self.fault.clone()
    }

    /// Takes the next piece in, and adds to `out` what comes of it.
    ///
    /// # Errors
    /// The stream has to break off. What was added before goes on.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), BreaksOff> {
        self.go_on(|split, editor, out| split.push(piece, editor, out), false, out)
    }

    /// Ends the stream: all of it has gone in.
    ///
    /// # Errors
    /// The stream has to break off, and must not end as if it were whole.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), BreaksOff> {
        self.go_on(Split::finish, true, out)
    }

    fn go_on(
        &mut self,
        edit: impl FnOnce(&mut Split, &mut Editor, &mut Vec<u8>) -> Result<(), Reason>,
        is_end: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), BreaksOff> {
        if self.fault.broken().is_some() {
            return Err(BreaksOff);
        }
        let Self { editor, split, fault, then } = self;
        let form = if matches!(split, Split::Events(_)) { Form::Events } else { Form::Ndjson };
        let told = |edited: Result<(), Reason>, number| {
            edited.map_err(|reason| {
                let _ = fault.0.set(Broken { number, reason, form });
                BreaksOff
            })
        };
        let Some(next) = then else {
            let edited = edit(split, editor, out);
            return told(edited, editor.count.saturating_add(1));
        };
        let mut between = Vec::new();
        let edited = edit(split, editor, &mut between);
        told(edited, editor.count.saturating_add(1))?;
        let gone = next.push(&between, out).and_then(|()| if is_end { next.finish(out) } else { Ok(()) });
        if let (Err(BreaksOff), Some(broken)) = (gone, next.fault.broken()) {
            let _ = fault.0.set(broken.clone());
        }
        gone
    }
}

impl Split {
    fn push(&mut self, piece: &[u8], editor: &mut Editor, out: &mut Vec<u8>) -> Result<(), Reason> {
        match self {
            Self::Records(records) => records.push(piece, editor, out),
            Self::Events(events) => events.push(piece, editor, out),
        }
    }

    fn finish(&mut self, editor: &mut Editor, out: &mut Vec<u8>) -> Result<(), Reason> {
        match self {
            Self::Records(records) => records.finish(editor, out),
            Self::Events(events) => events.finish(editor, out),
        }
    }
}

impl Editor {
    /// The text of `document` after the steps.
    fn edit(&mut self, mut document: Value) -> Result<&str, Reason> {
        let budget = Budget::new(self.edit.room());
        let mut editing = Editing { texts: &self.texts, budget };
        editing.run(&self.edit.steps, &mut document).map_err(Reason::Trouble)?;
        self.text.clear();
        document.write(&mut self.text);
        self.count = self.count.saturating_add(1);
        Ok(&self.text)
    }

    /// Adds `piece` to what is `held`, which may not become longer than a document is.
    fn hold(&self, held: &mut Vec<u8>, piece: &[u8]) -> Result<(), Reason> {
        if held.len().saturating_add(piece.len()) > self.most {
            return Err(Reason::TooLong);
        }
        held.extend_from_slice(piece);
        Ok(())
    }
}

fn unread(fault: crate::document::Fault) -> Reason {
    Reason::Trouble(Trouble::Unread(Unfit::Json(fault)))
}

#[cfg(test)]
mod tests;
