//! JSON with everything that a layout must not lose: the order of members, members that come twice, the spelling of
//! numbers and strings.

use core::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::format::order::Part;

/// A value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// A string, a number, `true`, `false` or `null`, as it is spelt.
    Scalar(String),
    /// A list.
    Array(Vec<Node>),
    /// Members with their names, as they are spelt.
    Object(Vec<(String, Node)>),
}

impl Node {
    /// Reads `text`.
    pub(super) fn read(text: &str) -> serde_json::Result<Self> {
        match text.trim_start().as_bytes().first() {
            Some(b'{') => {
                let members = serde_json::from_str::<Members>(text)?.0;
                let members = members
                    .into_iter()
                    .map(|(name, value)| Ok((serde_json::to_string(&name)?, Self::read(value.get())?)));
                members.collect::<serde_json::Result<_>>().map(Self::Object)
            }
            Some(b'[') => {
                let items = serde_json::from_str::<Vec<&RawValue>>(text)?;
                items.into_iter().map(|item| Self::read(item.get())).collect::<serde_json::Result<_>>().map(Self::Array)
            }
            _ => serde_json::from_str::<&RawValue>(text).map(|scalar| Self::Scalar(scalar.get().to_owned())),
        }
    }

    /// The same with its members in the order of `part`; those that it does not know come last, as they came.
    pub(super) fn arranged(self, part: Part) -> Self {
        match self {
            Self::Scalar(_) => self,
            Self::Array(items) => Self::Array(items.into_iter().map(|item| item.arranged(part)).collect()),
            Self::Object(mut members) => {
                let order = part.members();
                let place = |name: &str| order.iter().position(|known| *known == name).unwrap_or(order.len());
                members.sort_by_key(|(name, _)| place(unquoted(name)));
                let arrange = |(name, value): (String, Self)| {
                    let value = value.arranged(part.member(unquoted(&name)));
                    (name, value)
                };
                Self::Object(members.into_iter().map(arrange).collect())
            }
        }
    }
}

/// A name without its quotes. Names of the model need no escapes.
pub(super) fn unquoted(name: &str) -> &str {
    name.trim_matches('"')
}

/// The members of an object, those that come twice as well.
struct Members<'t>(Vec<(String, &'t RawValue)>);

impl<'t> Deserialize<'t> for Members<'t> {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'t> Visitor<'t> for Reader {
            type Value = Members<'t>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<Members<'t>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}
