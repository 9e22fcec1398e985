//! Reads one value.

use std::borrow::Cow;

use serde::de::{Deserializer, Error as _, Expected, Visitor};
use serde::forward_to_deserialize_any;

use super::items::Items;
use super::log::Log;
use super::members::Members;
use crate::config::error::{Error, ErrorKind};
use crate::config::number::{self, Number};
use crate::config::object::{OWN, Shape};
use crate::config::tree::{Kind, Node};
use crate::config::variables;
use crate::document::AS_WRITTEN;

/// Reads one value.
#[derive(Clone, Copy)]
pub(super) struct Reader<'n, 'l> {
    pub(super) source: Source<'n>,
    pub(super) log: &'l Log<'l>,
    /// The kind of object that the value is, if it is one and its type does not say.
    shape: Shape,
    /// Set if a text is taken as it stands, without its variables.
    is_verbatim: bool,
}

/// The source of a value.
#[derive(Clone, Copy)]
pub(super) enum Source<'n> {
    Node(&'n Node<'n>),
    /// A placeholder for a missing required field: the smallest value of its type. With it, further missing fields are
    /// reported in the same run.
    Assumed,
}

/// A value, without the contents of a list or object.
pub(super) enum Value<'n> {
    Assumed,
    Null,
    Bool(bool),
    Number(&'n str),
    String(Cow<'n, str>),
    List,
    Object,
}

impl<'n, 'l> Reader<'n, 'l> {
    pub(super) const fn of(source: Source<'n>, log: &'l Log<'l>) -> Self {
        Self { source, log, shape: Shape::Any, is_verbatim: false }
    }

    /// The reader of a member's value, which is taken as it stands if `is_verbatim`.
    pub(super) const fn member(source: Source<'n>, log: &'l Log<'l>, is_verbatim: bool) -> Self {
        Self { source, log, shape: Shape::Any, is_verbatim }
    }

    /// The value, with the values of its variables.
    pub(super) fn value(self) -> Result<Value<'n>, Error> {
        match self.written() {
            Value::String(text) if !self.is_verbatim && variables::are_in(&text) => {
                self.expanded(&text).map(|text| Value::String(Cow::Owned(text)))
            }
            value => Ok(value),
        }
    }

    #[cold]
    #[inline(never)]
    fn expanded(self, text: &str) -> Result<String, Error> {
        match variables::expand(text, self.log.variables) {
            Ok(Some(text)) => Ok(text),
            Ok(None) => Err(self.wrong(ErrorKind::Consequence)),
            Err(mistake) => Err(self.wrong(ErrorKind::Variable(mistake))),
        }
    }

    #[inline(never)]
    fn written(self) -> Value<'n> {
        match self.source {
            Source::Assumed => Value::Assumed,
            Source::Node(node) => match &node.kind {
                Kind::Null => Value::Null,
                Kind::Bool(value) => Value::Bool(*value),
                Kind::Number(text) => Value::Number(text),
                Kind::String(text) => Value::String(Cow::Borrowed(text)),
                Kind::List(_) => Value::List,
                Kind::Object(_) => Value::Object,
            },
        }
    }

    /// Returns whether the value is still to be read: it has not been reported, and the log is not full.
    #[inline(never)]
    pub(super) fn is_readable(self) -> bool {
        match self.source {
            Source::Node(node) => !node.reported.get() && !self.log.is_full(),
            Source::Assumed => true,
        }
    }

    /// Records an error; returns it if reading can't go on.
    #[cold]
    #[inline(never)]
    pub(super) fn record(self, error: Error) -> Result<(), Error> {
        match self.source {
            Source::Node(node) => {
                self.log.record(error.about(node));
                Ok(())
            }
            Source::Assumed => Err(error),
        }
    }

    /// Points an error without a position at this value.
    pub(super) fn about<T>(self, result: Result<T, Error>) -> Result<T, Error> {
        result.map_err(|error| self.placed(error))
    }

    #[cold]
    #[inline(never)]
    pub(super) fn placed(self, error: Error) -> Error {
        match self.source {
            Source::Node(node) => error.about(node),
            Source::Assumed => error,
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn wrong(self, kind: ErrorKind) -> Error {
        match self.source {
            Source::Node(node) => Error::new(kind).about(node),
            Source::Assumed => Error::new(ErrorKind::Consequence),
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn wrong_type(self, expected: &dyn Expected) -> Error {
        self.wrong(ErrorKind::Type { expected: expected.to_string() })
    }

    #[inline(never)]
    fn boolean(self, expected: &dyn Expected) -> Result<bool, Error> {
        match self.value()? {
            Value::Assumed => Ok(false),
            Value::Bool(value) => Ok(value),
            _ => Err(self.wrong_type(expected)),
        }
    }

    #[inline(never)]
    fn number(self, whole: bool, expected: &dyn Expected) -> Result<Number, Error> {
        match self.value()? {
            Value::Assumed if whole => Ok(Number::Unsigned(0)),
            Value::Assumed => Ok(Number::Fraction(0.0)),
            Value::Number(text) => self.about(number::parse(text, whole).map_err(Error::custom)),
            _ => Err(self.wrong_type(expected)),
        }
    }

    /// Has `visitor` take `value`, which is that of the node.
    fn visit<V: Visitor<'n>>(self, value: Value<'n>, visitor: V) -> Result<V::Value, Error> {
        match value {
            Value::Null => self.about(visitor.visit_unit()),
            Value::Bool(value) => self.about(visitor.visit_bool(value)),
            Value::Number(text) => {
                self.visit_number(self.about(number::parse(text, false).map_err(Error::custom))?, visitor)
            }
            Value::String(text) => self.visit_text(text, visitor),
            Value::List => self.list(visitor),
            Value::Object => self.object(self.shape, visitor),
            Value::Assumed => visitor.visit_unit(),
        }
    }

    fn visit_number<V: Visitor<'n>>(self, number: Number, visitor: V) -> Result<V::Value, Error> {
        self.about(match number {
            Number::Unsigned(number) => visitor.visit_u64(number),
            Number::Signed(number) => visitor.visit_i64(number),
            Number::Fraction(number) => visitor.visit_f64(number),
        })
    }

    #[inline(never)]
    fn text(self, expected: &dyn Expected) -> Result<Cow<'n, str>, Error> {
        match self.value()? {
            Value::Assumed => Ok(Cow::Borrowed("")),
            Value::String(text) => Ok(text),
            _ => Err(self.wrong_type(expected)),
        }
    }

    fn visit_text<V: Visitor<'n>>(self, text: Cow<'n, str>, visitor: V) -> Result<V::Value, Error> {
        self.about(match text {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        })
    }

    #[inline(never)]
    fn is_none(self) -> bool {
        match self.source {
            Source::Assumed => true,
            Source::Node(node) => matches!(node.kind, Kind::Null),
        }
    }

    #[inline(never)]
    fn expect_list(self) -> Result<(), Error> {
        match self.value()? {
            Value::Assumed | Value::List => Ok(()),
            _ => Err(self.wrong_type(&"a list")),
        }
    }

    /// Checks that the value is an object; `fields` are its members, if these are fixed.
    #[inline(never)]
    fn expect_object(self, fields: Option<&'static [&'static str]>) -> Result<(), Error> {
        match (self.value()?, fields) {
            (Value::Assumed | Value::Object, _) => Ok(()),
            (_, Some(fields)) => Err(self.wrong(ErrorKind::Object { fields })),
            (_, None) => Err(self.wrong_type(&"an object")),
        }
    }

    fn list<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Error> {
        self.about(visitor.visit_seq(Items::of(self)))
    }

    /// Reads an object. Not inlined, so that readers of absent parts of a configuration stay apart from readers of
    /// present ones.
    #[inline(never)]
    fn object<V: Visitor<'n>>(self, shape: Shape, visitor: V) -> Result<V::Value, Error> {
        let mut members = Members::of(self, shape);
        match visitor.visit_map(&mut members) {
            Ok(value) => members.finish().map(|()| value),
            Err(error) => Err(members.fail(error)),
        }
    }
}

macro_rules! whole_numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let number = self.number(true, &visitor)?;
            self.visit_number(number, visitor)
        }
    )*};
}

impl<'de, 'l> Deserializer<'de> for Reader<'de, 'l> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit(self.value()?, visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let value = self.boolean(&visitor)?;
        self.about(visitor.visit_bool(value))
    }

    whole_numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let number = self.number(false, &visitor)?;
        self.visit_number(number, visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = self.text(&visitor)?;
        self.visit_text(text, visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.is_none() { self.about(visitor.visit_none()) } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        if name == AS_WRITTEN {
            return match self.value()? {
                Value::Number(text) => self.about(visitor.visit_bytes(text.as_bytes())),
                value => self.visit(value, visitor),
            };
        }
        let shape = if name == OWN { Shape::Fields } else { self.shape };
        visitor.visit_newtype_struct(Self { shape, ..self })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.expect_list()?;
        self.list(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.expect_object(None)?;
        self.object(Shape::Names, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.expect_object(Some(fields))?;
        self.object(Shape::Fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let choice = self.choice(variants)?;
        self.about(visitor.visit_enum(choice))
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    forward_to_deserialize_any! { char bytes byte_buf unit unit_struct tuple tuple_struct ignored_any }
}
