//! What is wrong with a value, kept apart from its wording.

use core::fmt;

use serde::de::{self, Expected, Unexpected};

use super::tree::{Extent, Node};

/// Why a value could not be read.
#[derive(Debug)]
pub(super) struct Error(Box<Report>);

/// A mistake and its place.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) mistake: Mistake,
    /// `None` until the value that it is about is known.
    pub(super) extent: Option<Extent>,
}

/// What is wrong.
#[derive(Debug)]
pub(super) enum Mistake {
    /// Not of the type that the words describe.
    Type { expected: String },
    /// Not an object with these fields.
    Object { fields: &'static [&'static str] },
    /// Of the right type, but not what the words describe.
    Value { expected: String },
    /// Not even the form of a choice between these.
    Choice { expected: &'static [&'static str] },
    /// None of these, in a place that has a fixed choice.
    Variant { expected: &'static [&'static str] },
    /// Not one of these fields.
    Field { expected: &'static [&'static str] },
    /// A field that has to be there is not.
    Missing { field: &'static str },
    /// Anything else.
    Other { message: String },
    /// A consequence of what was reported before.
    Silent,
}

impl Report {
    /// Whether it is about something that is not there.
    pub(super) const fn is_absence(&self) -> bool {
        matches!(self.mistake, Mistake::Missing { .. })
    }
}

impl Error {
    pub(super) fn new(mistake: Mistake) -> Self {
        Self(Box::new(Report { mistake, extent: None }))
    }

    pub(super) fn wrong_type(expected: &dyn Expected) -> Self {
        Self::new(Mistake::Type { expected: expected.to_string() })
    }

    /// The error as one about `node`, which dies of it, unless it is known to be about another.
    pub(super) fn about(self, node: &Node<'_>) -> Self {
        self.over(node, node.extent)
    }

    /// The same, pointing at `extent`.
    pub(super) fn over(mut self, node: &Node<'_>, extent: Extent) -> Self {
        if self.0.extent.is_none() {
            self.0.extent = Some(extent);
            node.dead.set(true);
        }
        self
    }

    /// The same, pointing at `node`, which goes on living.
    pub(super) fn beside(mut self, node: &Node<'_>) -> Self {
        self.0.extent.get_or_insert(node.extent);
        self
    }

    pub(super) const fn is_placed(&self) -> bool {
        self.0.extent.is_some()
    }

    pub(super) const fn mistake(&self) -> &Mistake {
        &self.0.mistake
    }

    pub(super) fn into_report(self) -> Report {
        *self.0
    }
}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Mistake::Other { message: message.to_string() })
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::wrong_type(expected)
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Mistake::Value { expected: expected.to_string() })
    }

    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Self::new(Mistake::Value { expected: expected.to_string() })
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Mistake::Variant { expected })
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Mistake::Field { expected })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Mistake::Missing { field })
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::custom(format_args!("`{field}` is there twice"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.mistake)
    }
}

impl core::error::Error for Error {}
