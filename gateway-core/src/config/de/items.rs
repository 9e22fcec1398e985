//! The items of a list.

use core::slice;

use serde::de::{Deserialize, DeserializeSeed, SeqAccess};

use super::attempt;
use super::reader::{Reader, Source};
use crate::config::error::Error;
use crate::config::tree::{Kind, Node};

/// The items of a list.
pub(super) struct Items<'n, 'l> {
    items: slice::Iter<'n, Node<'n>>,
    list: Reader<'n, 'l>,
}

impl<'n, 'l> Items<'n, 'l> {
    #[inline(never)]
    pub(super) fn of(list: Reader<'n, 'l>) -> Self {
        let items = match list.source {
            Source::Node(Node { kind: Kind::List(items), .. }) => items.iter(),
            Source::Node(_) | Source::Assumed => [].iter(),
        };
        Self { items, list }
    }

    #[inline(never)]
    fn next(&mut self) -> Option<Reader<'n, 'l>> {
        let item = self.items.find(|item| !item.reported.get())?;
        Some(Reader::of(Source::Node(item), self.list.log))
    }
}

impl<'de> SeqAccess<'de> for Items<'de, '_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        match self.next() {
            Some(item) => seed.deserialize(item).map(Some),
            None => Ok(None),
        }
    }

    /// Goes on to the next item if one can't be read.
    fn next_element<T: Deserialize<'de>>(&mut self) -> Result<Option<T>, Error> {
        while let Some(item) = self.next() {
            if let Some(value) = attempt(item)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}
