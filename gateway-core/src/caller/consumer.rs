//! Consumers: the callers that the configuration names.

use std::collections::BTreeMap;

/// A caller whom the configuration names, whichever of its credentials it shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Consumer {
    /// The name, which is unique.
    pub name: Box<str>,
    /// The groups that it belongs to.
    pub groups: Box<[Box<str>]>,
    /// The tier of service that it has.
    pub tier: Option<Box<str>>,
    /// What else is said of it, by name.
    pub metadata: BTreeMap<Box<str>, Box<str>>,
}
