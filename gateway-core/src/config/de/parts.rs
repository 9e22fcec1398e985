//! The items of a list, and the remainder of a list or an object.

use core::slice;

use serde::de::{Deserialize, DeserializeSeed, SeqAccess};

use super::attempt;
use super::reader::{Reader, Source};
use crate::config::error::Error;
use crate::config::scan::{Scan, unsound};
use crate::config::tree::{Kind, Node};

/// The remainder of a list or an object.
pub(super) enum Parts<'n, 'l, T> {
    Tree(slice::Iter<'n, T>),
    Text(Rest<'n, 'l>),
}

/// The remainder of a list or an object in a text.
pub(super) struct Rest<'n, 'l> {
    pub(super) scan: &'l Scan<'n>,
    opened: usize,
    close: u8,
    first: bool,
    more: bool,
}

impl<'n, 'l> Rest<'n, 'l> {
    pub(super) fn of(scan: &'l Scan<'n>, close: u8) -> Result<Self, Error> {
        Ok(Self { scan, opened: scan.enter()?, close, first: true, more: true })
    }

    /// Goes to the next part; `false` if there is none.
    pub(super) fn advance(&mut self) -> Result<bool, Error> {
        self.more = self.more && self.scan.more(self.opened, self.close, core::mem::take(&mut self.first))?;
        Ok(self.more)
    }
}

/// The items of a list.
pub(super) struct Items<'n, 'l> {
    items: Parts<'n, 'l, Node<'n>>,
    list: Reader<'n, 'l>,
}

impl<'n, 'l> Items<'n, 'l> {
    #[inline(never)]
    pub(super) fn of(list: Reader<'n, 'l>) -> Result<Self, Error> {
        let items = match list.source {
            Source::Node(Node { kind: Kind::List(items), .. }) => Parts::Tree(items.iter()),
            Source::Text(scan) => Parts::Text(Rest::of(scan, b']')?),
            Source::Node(_) | Source::Assumed => Parts::Tree([].iter()),
        };
        Ok(Self { items, list })
    }

    #[inline(never)]
    fn next(&mut self) -> Result<Option<Reader<'n, 'l>>, Error> {
        let source = match &mut self.items {
            Parts::Tree(items) => items.find(|item| !item.reported.get()).map(Source::Node),
            Parts::Text(rest) => rest.advance()?.then_some(Source::Text(rest.scan)),
        };
        Ok(source.map(|source| Reader::of(source, self.list.log)))
    }

    /// Checks that a list in a text was read to its end.
    #[inline(never)]
    pub(super) fn finish(self) -> Result<(), Error> {
        if let Parts::Text(Rest { more: true, .. }) = self.items { Err(unsound()) } else { Ok(()) }
    }
}

impl<'de> SeqAccess<'de> for Items<'de, '_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        match self.next()? {
            Some(item) => seed.deserialize(item).map(Some),
            None => Ok(None),
        }
    }

    /// Goes on to the next item if one can't be read.
    fn next_element<T: Deserialize<'de>>(&mut self) -> Result<Option<T>, Error> {
        while let Some(item) = self.next()? {
            if let Some(value) = attempt(item)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    fn size_hint(&self) -> Option<usize> {
        match &self.items {
            Parts::Tree(items) => Some(items.len()),
            Parts::Text(_) => None,
        }
    }
}
