//! Reads a text in one pass: the quick way for a configuration without mistakes.

use core::cell::RefCell;
use core::fmt;
use std::borrow::Cow;

use serde::de;

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

/// The error for a text with any mistake in it. It has no content, so that the readers of types have nothing to make or to drop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unsound;

impl fmt::Display for Unsound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is a mistake")
    }
}

impl core::error::Error for Unsound {}

impl de::Error for Unsound {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
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
    pub(super) fn scalar(&self) -> Result<Kind<'t>, Unsound> {
        let mut parser = self.0.borrow_mut();
        let kind = parser.scalar();
        if parser.is_sound() { Ok(kind) } else { Err(Unsound) }
    }

    /// Reads a text in double quotes, which must come next.
    pub(super) fn string(&self) -> Result<Cow<'t, str>, Unsound> {
        let mut parser = self.0.borrow_mut();
        let text = parser.string();
        if parser.is_sound() { Ok(text) } else { Err(Unsound) }
    }

    /// Enters the list or object that comes next; returns its offset for [`more`](Self::more).
    pub(super) fn enter(&self) -> Result<usize, Unsound> {
        self.0.borrow_mut().enter().ok_or(Unsound)
    }

    /// Returns whether one more item or member comes before `close`; goes past `close` if not.
    pub(super) fn more(&self, opened: usize, close: u8, first: bool) -> Result<bool, Unsound> {
        let mut parser = self.0.borrow_mut();
        let more = parser.more(opened, close, first);
        if !more {
            parser.leave();
        }
        if parser.is_sound() { Ok(more) } else { Err(Unsound) }
    }

    /// Reads the name of a member and its colon.
    pub(super) fn name(&self) -> Result<Cow<'t, str>, Unsound> {
        let mut parser = self.0.borrow_mut();
        if parser.peek() != Some(b'"') {
            return Err(Unsound);
        }
        let name = parser.string();
        parser.skip();
        let colon = parser.peek() == Some(b':');
        if colon {
            parser.bump();
        }
        if colon && parser.is_sound() { Ok(name) } else { Err(Unsound) }
    }

    /// Returns whether the text is at its end.
    pub(super) fn is_at_end(&self) -> bool {
        let mut parser = self.0.borrow_mut();
        parser.skip();
        parser.peek().is_none() && parser.is_sound()
    }

    /// The line that is being read, from 1.
    #[cold]
    pub(super) fn line(&self) -> usize {
        self.0.borrow().line()
    }
}
