//! Edits of header fields that need no look at them.

use http::header::Entry;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::hop_by_hop;

/// Header fields to edit: at hand, as a [`HeaderMap`], or somewhere else, where a list of edits is sent to.
pub trait EditFields {
    /// Makes `value` the only field called `name`.
    fn set(&mut self, name: &HeaderName, value: HeaderValue);
    /// Adds a field where there is none called `name`. Whoever can't see them is never asked to: a step that has such an edit needs the
    /// head ([`ResponseStep`](crate::plan::ResponseStep)).
    fn set_default(&mut self, name: &HeaderName, value: HeaderValue);
    /// Adds a field.
    fn append(&mut self, name: &HeaderName, value: HeaderValue);
    /// Removes every field called `name`.
    fn remove(&mut self, name: &HeaderName);
    /// Gives every field called `from` the name `to`, instead of any that have it already: a caller's own must not mix with
    /// them. Without a field called `from`, nothing changes.
    fn rename(&mut self, from: &HeaderName, to: &HeaderName);

    /// Removes every field that always ends at this hop; those that `Connection` lists are for whoever can see it.
    fn remove_hop_by_hop(&mut self) {
        for name in &hop_by_hop::FIELDS {
            self.remove(name);
        }
    }
}

impl EditFields for HeaderMap {
    fn set(&mut self, name: &HeaderName, value: HeaderValue) {
        self.insert(name, value);
    }

    fn set_default(&mut self, name: &HeaderName, value: HeaderValue) {
        self.entry(name).or_insert(value);
    }

    fn append(&mut self, name: &HeaderName, value: HeaderValue) {
        Self::append(self, name, value);
    }

    fn remove(&mut self, name: &HeaderName) {
        Self::remove(self, name);
    }

    fn rename(&mut self, from: &HeaderName, to: &HeaderName) {
        if let Entry::Occupied(entry) = self.entry(from) {
            let (_, values) = entry.remove_entry_mult();
            let values: Vec<_> = values.collect();
            Self::remove(self, to);
            for value in values {
                Self::append(self, to, value);
            }
        }
    }
}
