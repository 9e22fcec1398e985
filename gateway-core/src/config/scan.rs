//! Reads a text in one pass: the quick way for a configuration without mistakes.

use core::cell::RefCell;
use std::borrow::Cow;

use super::error::{Error, ErrorKind};
use super::parse::Parser;
use super::tree::Kind;

/// A reader of a text. It only detects a mistake; a tree of the text describes it.
#[derive(Debug)]
pub(super) struct Scan<'t>(RefCell<Parser<'t>>);

/// The kind of value that comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    List,
    Object,
    String,
    Null,
    Other,
}

/// The error for a text with any mistake in it; a tree of the text describes it.
#[cold]
#[inline(never)]
pub(super) fn unsound() -> Error {
    Error::new(ErrorKind::Consequence)
}

impl<'t> Scan<'t> {
    pub(super) const fn new(text: &'t str) -> Self {
        Self(RefCell::new(Parser::new(text)))
    }

    pub(super) fn next(&self) -> Next {
        let mut parser = self.0.borrow_mut();
        parser.skip();
        match parser.peek() {
            Some(b'[') => Next::List,
            Some(b'{') => Next::Object,
            Some(b'"') => Next::String,
            Some(b'n') => Next::Null,
            _ => Next::Other,
        }
    }

    /// Reads a value that is neither a list nor an object.
    #[inline(never)]
    pub(super) fn scalar(&self) -> Result<Kind<'t>, Error> {
        let mut parser = self.0.borrow_mut();
        let node = parser.value();
        if parser.is_sound() { Ok(node.kind) } else { Err(unsound()) }
    }

    /// Reads a text in double quotes, which must come next.
    pub(super) fn string(&self) -> Result<Cow<'t, str>, Error> {
        let mut parser = self.0.borrow_mut();
        let text = parser.string();
        if parser.is_sound() { Ok(text) } else { Err(unsound()) }
    }

    /// Enters the list or object that comes next; returns its offset for [`more`](Self::more).
    pub(super) fn enter(&self) -> Result<usize, Error> {
        self.0.borrow_mut().enter().ok_or_else(unsound)
    }

    /// Returns whether one more item or member comes before `close`; goes past `close` if not.
    pub(super) fn more(&self, opened: usize, close: u8, first: bool) -> Result<bool, Error> {
        let mut parser = self.0.borrow_mut();
        let more = parser.more(opened, close, first);
        if !more {
            parser.leave();
        }
        if parser.is_sound() { Ok(more) } else { Err(unsound()) }
    }

    /// Reads the name of a member and its colon.
    pub(super) fn name(&self) -> Result<Cow<'t, str>, Error> {
        let mut parser = self.0.borrow_mut();
        if parser.peek() != Some(b'"') {
            return Err(unsound());
        }
        let name = parser.string();
        parser.skip();
        let colon = parser.peek() == Some(b':');
        if colon {
            parser.bump();
        }
        if colon && parser.is_sound() { Ok(name) } else { Err(unsound()) }
    }

    /// Returns whether the text is at its end.
    pub(super) fn is_at_end(&self) -> bool {
        let mut parser = self.0.borrow_mut();
        parser.skip();
        parser.peek().is_none() && parser.is_sound()
    }
}
