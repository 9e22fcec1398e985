//! JSON documents that are looked into and changed (RFC 8259).
//!
//! Numbers keep the text that they came with, so that none is rounded, and members keep their order. See `docs/adr/0021`.
//!
//! **Invariant:** a document that exists can be written, and what is written is JSON in UTF-8: no member is there twice, and none of it is
//! deeper than [`DEEPEST`] at its reading.

mod budget;
mod literal;
pub mod merge;
mod number;
pub mod patch;
pub mod path;
pub mod pointer;
mod read;
pub mod schema;
mod write;

pub use budget::{Budget, TooMuch};
pub use number::{Divisor, Number};
pub use read::{DEEPEST, Fault, FaultKind};

/// A JSON value.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// `null`.
    #[default]
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A number.
    Number(Number),
    /// A string.
    String(Box<str>),
    /// An array.
    Array(Vec<Self>),
    /// An object.
    Object(Object),
}

/// The members of an object, in their order.
#[derive(Clone, Debug, Default)]
pub struct Object(Vec<Member>);

/// A member of an object: its name and its value.
pub type Member = (Box<str>, Value);

impl Value {
    /// The array or object of its own that it has at `index`: an element, or the value of a member.
    #[must_use]
    pub fn child(&self, index: usize) -> Option<&Self> {
        match self {
            Self::Array(items) => items.get(index),
            Self::Object(object) => object.0.get(index).map(|(_, value)| value),
            _ => None,
        }
    }

    /// As [`child`](Self::child), to change it.
    pub fn child_mut(&mut self, index: usize) -> Option<&mut Self> {
        match self {
            Self::Array(items) => items.get_mut(index),
            Self::Object(object) => object.0.get_mut(index).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The number of its elements or members.
    #[must_use]
    pub const fn children(&self) -> usize {
        match self {
            Self::Array(items) => items.len(),
            Self::Object(object) => object.0.len(),
            _ => 0,
        }
    }

    /// Removes the element or member at `index`, if it is there.
    pub fn remove_child(&mut self, index: usize) -> Option<Self> {
        match self {
            Self::Array(items) if index < items.len() => Some(items.remove(index)),
            Self::Object(object) if index < object.0.len() => Some(object.0.remove(index).1),
            _ => None,
        }
    }

    /// The text of a string.
    #[must_use]
    pub const fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The kind of value, in words.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}

impl Object {
    /// An object of `members`, no two of which have one name.
    #[must_use]
    pub const fn of_distinct(members: Vec<Member>) -> Self {
        Self(members)
    }

    /// The members, in their order.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.0
    }

    /// The values of the members, to change them.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    /// The place of the member called `name`.
    #[must_use]
    pub fn place(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|(member, _)| &**member == name)
    }

    /// The value of the member called `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(member, _)| &**member == name).map(|(_, value)| value)
    }

    /// As [`get`](Self::get), to change it.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.0.iter_mut().find(|(member, _)| &**member == name).map(|(_, value)| value)
    }

    /// Gives the member called `name` this value, in its place if it is there, else behind all others. Returns its former value.
    pub fn insert(&mut self, name: &str, value: Value) -> Option<Value> {
        match self.get_mut(name) {
            Some(present) => Some(core::mem::replace(present, value)),
            None => {
                self.0.push((name.into(), value));
                None
            }
        }
    }

    /// Removes the member called `name`.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.place(name).map(|place| self.0.remove(place).1)
    }

    /// Calls the member `from` `to`, in its place; one that was called so goes. Nothing happens if there is no `from`.
    pub fn rename(&mut self, from: &str, to: &str) {
        if from == to || self.place(from).is_none() {
            return;
        }
        self.remove(to);
        if let Some((name, _)) = self.0.iter_mut().find(|(member, _)| &**member == from) {
            *name = to.into();
        }
    }

    /// Keeps the members whose values `stays` says so of.
    pub fn retain(&mut self, mut stays: impl FnMut(&mut Value) -> bool) {
        self.0.retain_mut(|(_, value)| stays(value));
    }

    /// Takes all members out.
    pub fn take(&mut self) -> Vec<Member> {
        core::mem::take(&mut self.0)
    }
}

/// Objects are equal whatever the order of their members is (RFC 6902 §4.6, RFC 9535 §2.3.5.2.2).
impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().all(|(name, value)| other.get(name) == Some(value))
    }
}

impl FromIterator<Member> for Object {
    /// Of members of one name the last counts.
    fn from_iter<I: IntoIterator<Item = Member>>(members: I) -> Self {
        let mut object = Self::default();
        for (name, value) in members {
            object.insert(&name, value);
        }
        object
    }
}
