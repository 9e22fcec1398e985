//! The straight way: a serde deserializer over a text, which gives up at the first mistake.
//!
//! A start of a Worker takes this way alone ([ADR 4](../../../../docs/adr/0004-all-mistakes-at-once.md)). serde instantiates every
//! generic function for each type of the configuration, and the engine compiles those in use at each start. So the generic
//! functions here are thin, the functions behind them are not generic and not inlined, and the error has no content.

mod choice;
mod parts;

use core::cell::Cell;
use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer, Visitor};
use serde::forward_to_deserialize_any;

use self::parts::{Items, Members};
use super::number::{self, Number};
use super::object::{OWN, Shape};
use super::scan::{Next, Scan, Unsound};
use super::tree::Kind;
use super::variables::{self, Mistake, Variable};
use crate::document::AS_WRITTEN;

/// A text, and what stands for the variables in it.
struct Text<'t, 'v> {
    scan: Scan<'t>,
    variables: &'v dyn Fn(&str) -> Variable,
    /// The name of a variable that is not set.
    unset: Cell<Option<String>>,
}

/// The place where a text could no longer be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The line, from 1.
    pub line: usize,
    /// The variable that is not set, if it is due to that.
    pub unset: Option<String>,
}

/// Reads `text` as far as it has no mistakes.
///
/// # Errors
/// The place of the first mistake; the mistake itself is not told.
pub(super) fn read<T: for<'n> Deserialize<'n>>(text: &str, variables: &dyn Fn(&str) -> Variable) -> Result<T, Unread> {
    let text = Text { scan: Scan::new(text), variables, unset: Cell::new(None) };
    match T::deserialize(Reader::of(&text)) {
        Ok(value) if text.scan.is_at_end() => Ok(value),
        _ => Err(text.unread()),
    }
}

impl Text<'_, '_> {
    #[cold]
    #[inline(never)]
    fn unread(&self) -> Unread {
        Unread { line: self.scan.line(), unset: self.unset.take() }
    }
}

/// Reads one value.
#[derive(Clone, Copy)]
struct Reader<'n, 'l> {
    text: &'l Text<'n, 'l>,
    /// The kind of object that the value is, if it is one and its type does not say.
    shape: Shape,
    /// Set if a text is taken as it stands, without its variables.
    is_verbatim: bool,
}

/// A value, without the contents of a list or object.
enum Value<'n> {
    Null,
    Bool(bool),
    Number(&'n str),
    String(Cow<'n, str>),
    List,
    Object,
}

impl<'n, 'l> Reader<'n, 'l> {
    const fn of(text: &'l Text<'n, 'l>) -> Self {
        Self { text, shape: Shape::Any, is_verbatim: false }
    }

    /// The value, with the values of its variables.
    #[inline(never)]
    fn value(self) -> Result<Value<'n>, Unsound> {
        let scan = &self.text.scan;
        match scan.next() {
            Next::List => Ok(Value::List),
            Next::Object => Ok(Value::Object),
            Next::String => match scan.string()? {
                text if !self.is_verbatim && variables::are_in(&text) => {
                    self.expanded(&text).map(|text| Value::String(Cow::Owned(text)))
                }
                text => Ok(Value::String(text)),
            },
            Next::Null | Next::Other => match scan.scalar()? {
                Kind::Null => Ok(Value::Null),
                Kind::Bool(value) => Ok(Value::Bool(value)),
                Kind::Number(text) => Ok(Value::Number(text)),
                Kind::String(_) | Kind::List(_) | Kind::Object(_) => Err(Unsound),
            },
        }
    }

    #[cold]
    #[inline(never)]
    fn expanded(self, text: &str) -> Result<String, Unsound> {
        match variables::expand(text, self.text.variables) {
            Ok(text) => text.ok_or(Unsound),
            Err(mistake) => {
                if let Mistake::Unset(name) = mistake {
                    self.text.unset.set(Some(name));
                }
                Err(Unsound)
            }
        }
    }

    #[inline(never)]
    fn boolean(self) -> Result<bool, Unsound> {
        if let Value::Bool(value) = self.value()? { Ok(value) } else { Err(Unsound) }
    }

    #[inline(never)]
    fn number(self, whole: bool) -> Result<Number, Unsound> {
        if let Value::Number(text) = self.value()? {
            number::parse(text, whole).map_err(|_| Unsound)
        } else {
            Err(Unsound)
        }
    }

    #[inline(never)]
    fn string(self) -> Result<Cow<'n, str>, Unsound> {
        if let Value::String(text) = self.value()? { Ok(text) } else { Err(Unsound) }
    }

    #[inline(never)]
    fn is_none(self) -> Result<bool, Unsound> {
        let scan = &self.text.scan;
        Ok(scan.next() == Next::Null && matches!(scan.scalar()?, Kind::Null))
    }

    /// Has `visitor` take `value`, which it has begun with.
    fn visit<V: Visitor<'n>>(self, value: Value<'n>, visitor: V) -> Result<V::Value, Unsound> {
        match value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Number(text) => visit_number(number::parse(text, false).map_err(|_| Unsound)?, visitor),
            Value::String(text) => visit_text(text, visitor),
            Value::List => self.list(visitor),
            Value::Object => self.object(self.shape, visitor),
        }
    }

    fn list<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Unsound> {
        let mut items = Items::of(self.text)?;
        let value = visitor.visit_seq(&mut items)?;
        items.finish().map(|()| value)
    }

    /// Reads an object. Not inlined, so that readers of absent parts of a configuration stay apart from readers of
    /// present ones.
    #[inline(never)]
    fn object<V: Visitor<'n>>(self, shape: Shape, visitor: V) -> Result<V::Value, Unsound> {
        let mut members = Members::of(self.text, shape)?;
        let value = visitor.visit_map(&mut members)?;
        members.finish().map(|()| value)
    }
}

fn visit_number<'n, V: Visitor<'n>>(number: Number, visitor: V) -> Result<V::Value, Unsound> {
    match number {
        Number::Unsigned(number) => visitor.visit_u64(number),
        Number::Signed(number) => visitor.visit_i64(number),
        Number::Fraction(number) => visitor.visit_f64(number),
    }
}

fn visit_text<'n, V: Visitor<'n>>(text: Cow<'n, str>, visitor: V) -> Result<V::Value, Unsound> {
    match text {
        Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
        Cow::Owned(text) => visitor.visit_string(text),
    }
}

macro_rules! whole_numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unsound> {
            visit_number(self.number(true)?, visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'de, '_> {
    type Error = Unsound;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unsound> {
        self.visit(self.value()?, visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unsound> {
        visitor.visit_bool(self.boolean()?)
    }

    whole_numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unsound> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unsound> {
        visit_number(self.number(false)?, visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unsound> {
        visit_text(self.string()?, visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unsound> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unsound> {
        if self.is_none()? { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Unsound> {
        if name == AS_WRITTEN {
            return match self.value()? {
                Value::Number(text) => visitor.visit_bytes(text.as_bytes()),
                value => self.visit(value, visitor),
            };
        }
        let shape = if name == OWN { Shape::Fields } else { self.shape };
        visitor.visit_newtype_struct(Self { shape, ..self })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unsound> {
        self.list(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unsound> {
        self.object(Shape::Names, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unsound> {
        self.object(Shape::Fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unsound> {
        let (choice, opened) = self.choice()?;
        let value = visitor.visit_enum(choice)?;
        Self::leave_choice(opened).map(|()| value)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unsound> {
        self.deserialize_str(visitor)
    }

    forward_to_deserialize_any! { char bytes byte_buf unit unit_struct tuple tuple_struct ignored_any }
}
