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
pub(crate) use literal::AS_WRITTEN;
pub use number::{Divisor, Number};
pub use read::{DEEPEST, Fault, FaultKind};

use crate::order::sort_by;

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

    /// Inserts each of `members`, no two of which have one name, as [`insert`](Self::insert) does.
    pub fn insert_all(&mut self, members: Vec<Member>) {
        if members.len() <= FEW {
            members.into_iter().for_each(|(name, value)| drop(self.insert(&name, value)));
            return;
        }
        let mut places: Vec<(Box<str>, usize)> =
            self.0.iter().enumerate().map(|(place, (name, _))| (name.clone(), place)).collect();
        sort_by(&mut places, |(one, _), (other, _)| one.cmp(other));
        for (name, value) in members {
            let found = places.binary_search_by(|(known, _)| known.cmp(&name));
            let place = found.ok().and_then(|at| places.get(at)).map(|(_, place)| *place);
            match place.and_then(|place| self.0.get_mut(place)) {
                Some((_, present)) => *present = value,
                None => self.0.push((name, value)),
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
        if self.0.len() != other.0.len() {
            return false;
        }
        if self.0.len() <= FEW {
            return self.0.iter().all(|(name, value)| other.get(name) == Some(value));
        }
        let (one, other) = (by_name(&self.0), by_name(&other.0));
        one.iter().zip(&other).all(|(one, other)| one == other)
    }
}

/// So few members that each is found without an order.
const FEW: usize = 16;

/// The members in the order of their names.
fn by_name(members: &[Member]) -> Vec<&Member> {
    let mut sorted: Vec<&Member> = members.iter().collect();
    sort_by(&mut sorted, |(one, _), (other, _)| one.cmp(other));
    sorted
}

impl FromIterator<Member> for Object {
    /// Of members of one name the last counts.
    fn from_iter<I: IntoIterator<Item = Member>>(members: I) -> Self {
        let all: Vec<Member> = members.into_iter().collect();
        let mut object = Self::default();
        if all.len() <= FEW {
            all.into_iter().for_each(|(name, value)| drop(object.insert(&name, value)));
            return object;
        }
        // The first of each name keeps its place, and gets the value of the last.
        let mut order: Vec<usize> = (0..all.len()).collect();
        let name_at = |at: &usize| all.get(*at).map(|(name, _)| name);
        sort_by(&mut order, |one, other| name_at(one).cmp(&name_at(other)));
        let mut value_of: Vec<Option<usize>> = vec![None; all.len()];
        for group in order.chunk_by(|one, other| name_at(one) == name_at(other)) {
            if let (Some(first), Some(last)) = (group.first(), group.last())
                && let Some(place) = value_of.get_mut(*first)
            {
                *place = Some(*last);
            }
        }
        let (names, mut values): (Vec<_>, Vec<_>) = all.into_iter().map(|(name, value)| (name, Some(value))).unzip();
        for (name, from) in names.into_iter().zip(value_of) {
            if let Some(value) = from.and_then(|from| values.get_mut(from)).and_then(Option::take) {
                object.0.push((name, value));
            }
        }
        object
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(names: impl Iterator<Item = usize>) -> Object {
        names.map(|index| (format!("m{index}").into(), Value::from(index.to_string()))).collect()
    }

    /// RFC 6902 §4.6: the order of members does not count.
    #[test]
    fn objects_of_any_size_are_equal_in_any_order() {
        for size in [0, 1, FEW, FEW + 1, 1_000] {
            assert_eq!(object(0..size), object((0..size).rev()), "{size}");
            assert_ne!(object(0..size), object(1..=size + 1), "{size}");
            assert_ne!(object(0..=size), object(1..=size + 1), "{size}");
        }
    }

    #[test]
    fn members_come_in_together_as_one_by_one() {
        for size in [0, 3, FEW, FEW + 1, 200] {
            let members = object(size / 2..size + 5).take();
            let (mut together, mut alone) = (object((0..size).rev()), object((0..size).rev()));
            together.insert_all(members.clone());
            members.into_iter().for_each(|(name, value)| drop(alone.insert(&name, value)));
            assert_eq!(together.members(), alone.members(), "{size}");
        }
    }

    /// Of members of one name the last counts, in the place of the first.
    #[test]
    fn the_last_of_a_name_counts() {
        for size in [2, FEW, 50] {
            let twice =
                (0..size).chain(0..1).map(|index| (format!("m{index}").into(), Value::Number(Number::from(index))));
            let last = ("m0".into(), Value::Null);
            let made: Object = twice.chain([last]).collect();
            assert_eq!((made.members().len(), made.members().first()), (size, Some(&("m0".into(), Value::Null))));
        }
    }
}
