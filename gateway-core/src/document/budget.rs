//! The room that the edits of a document may take.

use super::Value;

/// The room that is left, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Budget(usize);

/// There is no more room, or no more time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMuch;

impl Budget {
    /// A budget of so many bytes.
    #[must_use]
    pub const fn new(bytes: usize) -> Self {
        Self(bytes)
    }

    /// Takes the room of a text of this length.
    ///
    /// # Errors
    /// There is not enough.
    pub fn take_bytes(&mut self, bytes: usize) -> Result<(), TooMuch> {
        self.0 = self.0.checked_sub(bytes).ok_or(TooMuch)?;
        Ok(())
    }

    /// Takes the room of `value`.
    ///
    /// # Errors
    /// There is not enough.
    pub fn take(&mut self, value: &Value) -> Result<(), TooMuch> {
        self.take_bytes(size_of::<Value>())?;
        match value {
            Value::Null | Value::Boolean(_) => Ok(()),
            Value::Number(number) => self.take_bytes(number.as_str().len()),
            Value::String(text) => self.take_bytes(text.len()),
            Value::Array(items) => items.iter().try_for_each(|item| self.take(item)),
            Value::Object(object) => object.members().iter().try_for_each(|(name, value)| {
                self.take_bytes(name.len().saturating_add(size_of::<Box<str>>()))?;
                self.take(value)
            }),
        }
    }

    /// Returns a copy of `value`, whose room it takes.
    ///
    /// # Errors
    /// There is not enough; nothing is copied then.
    pub fn copy(&mut self, value: &Value) -> Result<Value, TooMuch> {
        self.take(value)?;
        Ok(value.clone())
    }
}
