//! The items of a list and the members of an object.

use std::borrow::Cow;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess};

use super::{Reader, Text};
use crate::config::entries::first_repeated;
use crate::config::object::{Descriptions, Shape, is_verbatim};
use crate::config::scan::{Next, Unsound};

/// The remainder of a list or an object.
pub(super) struct Rest<'n, 'l> {
    text: &'l Text<'n, 'l>,
    opened: usize,
    close: u8,
    first: bool,
    more: bool,
}

impl<'n, 'l> Rest<'n, 'l> {
    pub(super) fn of(text: &'l Text<'n, 'l>, close: u8) -> Result<Self, Unsound> {
        Ok(Self { text, opened: text.scan.enter()?, close, first: true, more: true })
    }

    /// Goes to the next part; `false` if there is none.
    fn advance(&mut self) -> Result<bool, Unsound> {
        self.more = self.more && self.text.scan.more(self.opened, self.close, core::mem::take(&mut self.first))?;
        Ok(self.more)
    }

    /// The name of the next member. Descriptions are passed over.
    pub(super) fn name(&mut self, descriptions: &mut Descriptions) -> Result<Option<Cow<'n, str>>, Unsound> {
        while self.advance()? {
            let name = self.text.scan.name()?;
            if !descriptions.are_skipped(&name) {
                return Ok(Some(name));
            }
            if *descriptions == Descriptions::Found || self.text.scan.next() != Next::String {
                return Err(Unsound);
            }
            *descriptions = Descriptions::Found;
            self.text.scan.string()?;
        }
        Ok(None)
    }
}

/// The items of a list.
pub(super) struct Items<'n, 'l>(Rest<'n, 'l>);

impl<'n, 'l> Items<'n, 'l> {
    #[inline(never)]
    pub(super) fn of(text: &'l Text<'n, 'l>) -> Result<Self, Unsound> {
        if text.scan.next() == Next::List { Rest::of(text, b']').map(Self) } else { Err(Unsound) }
    }

    #[inline(never)]
    fn next(&mut self) -> Result<bool, Unsound> {
        self.0.advance()
    }

    /// Checks that the list was read to its end.
    #[inline(never)]
    pub(super) fn finish(self) -> Result<(), Unsound> {
        if self.0.more { Err(Unsound) } else { Ok(()) }
    }
}

impl<'de> SeqAccess<'de> for Items<'de, '_> {
    type Error = Unsound;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Unsound> {
        if self.next()? { seed.deserialize(Reader::of(self.0.text)).map(Some) } else { Ok(None) }
    }
}

/// The members of an object.
pub(super) struct Members<'n, 'l> {
    rest: Rest<'n, 'l>,
    /// The names read so far, where the type does not look for repetitions itself.
    names: Option<Vec<Cow<'n, str>>>,
    descriptions: Descriptions,
    /// Set if the next value is taken as it stands: it names something itself, or nothing reads it.
    is_verbatim: bool,
}

impl<'n, 'l> Members<'n, 'l> {
    #[inline(never)]
    pub(super) fn of(text: &'l Text<'n, 'l>, shape: Shape) -> Result<Self, Unsound> {
        if text.scan.next() != Next::Object {
            return Err(Unsound);
        }
        let names = (shape == Shape::Any).then(Vec::new);
        Ok(Self { rest: Rest::of(text, b'}')?, names, descriptions: Descriptions::of(shape), is_verbatim: false })
    }

    #[inline(never)]
    fn next_name(&mut self) -> Result<Option<Cow<'n, str>>, Unsound> {
        let name = self.rest.name(&mut self.descriptions)?;
        self.is_verbatim = is_verbatim(self.descriptions, name.as_deref());
        if let (Some(names), Some(name)) = (&mut self.names, &name) {
            names.push(name.clone());
        }
        Ok(name)
    }

    /// Checks that nothing is left to read, and that no name came twice.
    #[inline(never)]
    pub(super) fn finish(mut self) -> Result<(), Unsound> {
        let is_left = self.next_name()?.is_some();
        let names = self.names.unwrap_or_default();
        let repeated = first_repeated(names.iter().map(|name| &**name).collect());
        if is_left || repeated.is_some() { Err(Unsound) } else { Ok(()) }
    }
}

impl<'de> MapAccess<'de> for Members<'de, '_> {
    type Error = Unsound;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Unsound> {
        match self.next_name()? {
            Some(name) => seed.deserialize(StrDeserializer::new(&name)).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Unsound> {
        seed.deserialize(Reader { text: self.rest.text, shape: Shape::Any, is_verbatim: self.is_verbatim })
    }
}
