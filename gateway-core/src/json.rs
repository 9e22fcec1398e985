//! JSON that others write: objects of which a few members are read.
//!
//! A type of its own for each would be a reader of its own in each, some 2 kB of a Worker's 600 kB.

use serde_json::{Map, Value};

/// The members of the object that `text` is; none if it is no object.
pub(crate) fn object(text: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice(text).ok()? {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

/// Adds `members` to an object.
pub(crate) fn add<'n>(object: &mut Map<String, Value>, members: impl Iterator<Item = (&'n str, Value)>) {
    for (name, value) in members {
        object.insert(name.to_owned(), value);
    }
}

/// A text, if there is one. `Err` if the member is something else.
pub(crate) fn text<'o>(object: &'o Map<String, Value>, name: &str) -> Result<Option<&'o str>, Unfit> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Unfit),
    }
}

/// A member is of another type than it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unfit;
