//! The join of two lists by a key.

use super::{Trouble, set, sift};
use crate::document::path::{self, Path};
use crate::document::pointer::Pointer;
use crate::document::{Budget, Value};
use crate::order::sort_by;

/// The join of two lists by a key: values are put into those that name them.
#[derive(Clone, Debug)]
pub struct Join {
    /// The values that others are put into.
    pub place: Path,
    /// The key in each of them.
    pub key: Pointer,
    /// The values that are put there.
    pub from: Path,
    /// The key in each of these.
    pub by: Pointer,
    /// The place in the former.
    pub to: Pointer,
    /// Set if a list of all that have the key is put there, and not the first of them.
    pub is_many: bool,
}

impl Join {
    /// Joins the lists in `document`. Where no value has the key, nothing is put, or an empty list.
    ///
    /// # Errors
    /// It takes more room than there is in `budget`, or there is no such place.
    pub(super) fn run(&self, document: &mut Value, budget: &mut Budget) -> Result<(), Trouble> {
        // By their keys, so that each is found without a look at all the others; those of one key stay in their order.
        let mut known = Vec::new();
        for value in self.from.values(document)? {
            if let Some(key) = self.by.find(value).and_then(text) {
                budget.take_bytes(key.len())?;
                budget.take(value)?;
                known.push((key, value.clone()));
            }
        }
        sort_by(&mut known, |(one, _), (other, _)| one.cmp(other));
        let mut places = sift::sorted(self.place.locations(document)?);
        while let Some(place) = places.pop() {
            let Some(value) = path::at(document, &place) else { continue };
            let Some(key) = self.key.find(value).and_then(text) else { continue };
            let first = known.partition_point(|(one, _)| *one < key);
            let mut found = known.iter().skip(first).take_while(|(one, _)| *one == key).map(|(_, value)| value);
            if self.is_many {
                let copies = found.map(|value| budget.copy(value)).collect::<Result<_, _>>()?;
                set(&self.to, value, Value::Array(copies))?;
            } else if let Some(one) = found.next() {
                set(&self.to, value, budget.copy(one)?)?;
            }
        }
        Ok(())
    }
}

/// The text by which a key is compared; none for what is no key. A number is one as it is written.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(_) | Value::Number(_) | Value::Boolean(_) => {
            let mut text = String::new();
            value.write(&mut text);
            Some(text)
        }
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
