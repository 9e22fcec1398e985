//! Consumers: the callers that the configuration names.

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
    pub metadata: Box<[(Box<str>, Box<str>)]>,
}

impl Consumer {
    /// What is said of it under `name`.
    #[must_use]
    pub fn said(&self, name: &str) -> Option<&str> {
        self.metadata.iter().find(|(known, _)| **known == *name).map(|(_, value)| &**value)
    }
}
