//! The order of a case file's members. It is the one of the structs in `model.rs`, which tell their members to serde.

use serde::Deserialize;
use serde::de::value::Error;
use serde::de::{Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;

use crate::model::{Case, Expectation, ExpectedCall, File, Refusal, Reply, Request, Step};

/// What a value is in a case file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The whole file.
    File,
    /// A case, or all of them.
    Case,
    /// A step, or all of them.
    Step,
    /// A message about a refused configuration, or all of them.
    Refusal,
    /// What the client sends.
    Request,
    /// What the upstream does.
    Reply,
    /// What has to come of it.
    Expectation,
    /// What has to reach the upstream.
    Call,
    /// What the author orders: a configuration, header fields, a body.
    Free,
}

impl Part {
    /// Its members in their order.
    pub(super) fn members(self) -> &'static [&'static str] {
        match self {
            Self::File => members::<File>(),
            Self::Case => members::<Case>(),
            Self::Step => members::<Step>(),
            Self::Refusal => members::<Refusal>(),
            Self::Request => members::<Request>(),
            Self::Reply => members::<Reply>(),
            Self::Expectation => members::<Expectation>(),
            Self::Call => members::<ExpectedCall>(),
            Self::Free => &[],
        }
    }

    /// What its member `name` is.
    pub(super) fn member(self, name: &str) -> Self {
        match (self, name) {
            (Self::File, "cases") => Self::Case,
            (Self::Case, "steps") => Self::Step,
            (Self::Case, "refused") => Self::Refusal,
            (Self::Step, "request") => Self::Request,
            (Self::Step, "upstream" | "then") => Self::Reply,
            (Self::Step, "expect") => Self::Expectation,
            (Self::Expectation, "upstream") => Self::Call,
            _ => Self::Free,
        }
    }
}

/// The members of the struct `T`, as serde names them.
fn members<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    let mut found: &'static [&'static str] = &[];
    // It is asked for the struct, notes the names and has nothing to give.
    let _ = T::deserialize(Noting(&mut found));
    found
}

struct Noting<'n>(&'n mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Noting<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("no struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        *self.0 = fields;
        Err(Error::custom("noted"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_the_one_of_the_model() {
        assert_eq!(Part::File.members(), ["topic", "config", "secrets", "tokens", "signatures", "services", "cases"]);
        assert_eq!(Part::Refusal.members(), ["path", "message", "help"]);
        assert!(Part::Case.members().contains(&"onlyOn"), "names are those of case files");
        for part in [Part::Step, Part::Request, Part::Reply, Part::Expectation, Part::Call] {
            assert!(!part.members().is_empty(), "{part:?}");
        }
    }
}
