//! One of a fixed choice: a plain name, or an object with one member.

use std::borrow::Cow;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer as _, EnumAccess, VariantAccess, Visitor};

use super::parts::Rest;
use super::{Reader, Value};
use crate::config::object::Descriptions;
use crate::config::scan::Unsound;

/// One of a fixed choice.
pub(super) struct Choice<'n, 'l> {
    name: Cow<'n, str>,
    /// The value of the member.
    value: Option<Reader<'n, 'l>>,
}

/// The remainder of the object that a choice is, unless it is a plain name.
type Opened<'n, 'l> = Option<(Rest<'n, 'l>, Descriptions)>;

impl<'n, 'l> Reader<'n, 'l> {
    /// Returns the choice, and the remainder of the object to leave after it.
    #[inline(never)]
    pub(super) fn choice(self) -> Result<(Choice<'n, 'l>, Opened<'n, 'l>), Unsound> {
        match self.value()? {
            Value::String(name) => Ok((Choice { name, value: None }, None)),
            Value::Object => {
                let mut rest = Rest::of(self.text, b'}')?;
                let mut descriptions = Descriptions::Skipped;
                let name = rest.name(&mut descriptions)?.ok_or(Unsound)?;
                Ok((Choice { name, value: Some(self) }, Some((rest, descriptions))))
            }
            _ => Err(Unsound),
        }
    }

    /// Goes past the end of an object with one member.
    #[inline(never)]
    pub(super) fn leave_choice(opened: Opened<'n, 'l>) -> Result<(), Unsound> {
        let Some((mut rest, mut descriptions)) = opened else { return Ok(()) };
        if rest.name(&mut descriptions)?.is_some() { Err(Unsound) } else { Ok(()) }
    }
}

impl<'de, 'l> EnumAccess<'de> for Choice<'de, 'l> {
    type Error = Unsound;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Unsound> {
        seed.deserialize(StrDeserializer::new(&self.name)).map(|variant| (variant, self))
    }
}

impl<'de> VariantAccess<'de> for Choice<'de, '_> {
    type Error = Unsound;

    fn unit_variant(self) -> Result<(), Unsound> {
        if self.value.is_none() { Ok(()) } else { Err(Unsound) }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Unsound> {
        seed.deserialize(self.value.ok_or(Unsound)?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Unsound> {
        Err(Unsound)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Unsound> {
        self.value.ok_or(Unsound)?.deserialize_map(visitor)
    }
}
