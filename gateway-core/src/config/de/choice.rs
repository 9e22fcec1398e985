//! One of a fixed choice: a plain name, or an object with one member.

use std::borrow::Cow;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer as _, EnumAccess, VariantAccess, Visitor};

use super::members::{members_of, members_of_use, too_many};
use super::reader::{Reader, Source, Value};
use crate::config::error::{Error, ErrorKind};
use crate::config::object::Descriptions;
use crate::config::tree::Member;

/// One of a fixed choice.
pub(super) struct Choice<'n, 'l> {
    name: Cow<'n, str>,
    /// The value of the member.
    value: Option<Reader<'n, 'l>>,
    /// The reader of the whole choice.
    reader: Reader<'n, 'l>,
    /// The member.
    over: Option<&'n Member<'n>>,
}

impl<'n, 'l> Reader<'n, 'l> {
    /// Returns the choice.
    #[inline(never)]
    pub(super) fn choice(self, variants: &'static [&'static str]) -> Result<Choice<'n, 'l>, Error> {
        let no_choice = ErrorKind::Choice { expected: variants };
        match (self.value()?, self.source) {
            (Value::String(name), _) => Ok(Choice { name, value: None, reader: self, over: None }),
            (Value::Object, Source::Node(node)) => {
                let members = members_of(node);
                let mut readable = members_of_use(node, Descriptions::Skipped, self.log);
                let member = match (readable.next(), readable.next()) {
                    (Some(_), Some(surplus)) => return Err(too_many(surplus)),
                    (Some(member), None) => member,
                    (None, _) if members.iter().any(|member| member.value.reported.get()) => {
                        return Err(self.wrong(ErrorKind::Consequence));
                    }
                    (None, _) => return Err(self.wrong(no_choice)),
                };
                let value = Reader::of(Source::Node(&member.value), self.log);
                let name = Cow::Borrowed(&*member.name);
                Ok(Choice { name, value: Some(value), reader: self, over: Some(member) })
            }
            _ => Err(self.wrong(no_choice)),
        }
    }
}

impl Choice<'_, '_> {
    #[cold]
    #[inline(never)]
    fn bad_name(&self, error: Error) -> Error {
        self.reader.placed(match self.over {
            Some(member) => error.over(&member.value, member.name_extent),
            None => error,
        })
    }
}

impl<'de, 'l> EnumAccess<'de> for Choice<'de, 'l> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        match seed.deserialize(StrDeserializer::new(&self.name)) {
            Ok(variant) => Ok((variant, self)),
            Err(error) => Err(self.bad_name(error)),
        }
    }
}

impl<'de> VariantAccess<'de> for Choice<'de, '_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        match self.value {
            None => Ok(()),
            Some(_) => Err(self.reader.wrong_type(&&*format!("the plain text `\"{}\"`", self.name))),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        match self.value {
            Some(value) => seed.deserialize(value),
            None => Err(self.reader.wrong_type(&&*format!("an object `{{\"{}\": …}}`", self.name))),
        }
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        Err(self.reader.wrong_type(&visitor))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Some(value) => value.deserialize_map(visitor),
            None => Err(self.reader.wrong_type(&visitor)),
        }
    }
}
