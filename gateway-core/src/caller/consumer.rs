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
    /// The versions of APIs that it gets where it states none, as indexes: of the API, and of the version.
    pub versions: Box<[(u32, u32)]>,
    /// What else is said of it, by name.
    pub metadata: Box<[(Box<str>, Box<str>)]>,
}

impl Consumer {
    /// The index of the version of the API with this index that it gets where it states none.
    #[must_use]
    pub fn version(&self, api: usize) -> Option<usize> {
        let of_api = |(of, _): &&(u32, u32)| usize::try_from(*of) == Ok(api);
        self.versions.iter().find(of_api).and_then(|(_, version)| usize::try_from(*version).ok())
    }

    /// What is said of it under `name`.
    #[must_use]
    pub fn said(&self, name: &str) -> Option<&str> {
        self.metadata.iter().find(|(known, _)| **known == *name).map(|(_, value)| &**value)
    }
}
