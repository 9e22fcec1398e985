//! Errors about values, without their wording.

use core::fmt;

use serde::de::{self, Expected, Unexpected};

use super::Rule;
use super::tree::{Extent, Node};
use super::variables::Mistake;

/// An error to report, or one that stops the reading of a text.
#[derive(Debug)]
pub(super) struct Error(Box<Report>);

/// An error and its place.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) kind: ErrorKind,
    /// `None` until the value in question is known.
    pub(super) extent: Option<Extent>,
}

/// A kind of error.
#[derive(Debug)]
pub(super) enum ErrorKind {
    /// A value of another type than the one described.
    Type { expected: String },
    /// A value that is no object, where an object with these fields is expected.
    Object { fields: &'static [&'static str] },
    /// A value of the right type, but not the one described.
    Value { expected: String },
    /// A value that is neither text nor an object, where one of these choices is expected.
    Choice { expected: &'static [&'static str] },
    /// A choice that is none of these.
    Variant { expected: &'static [&'static str] },
    /// A field that is none of these.
    Field { expected: &'static [&'static str] },
    /// A required field that is absent.
    Missing { field: &'static str },
    /// A wrong reference to a variable.
    Variable(Mistake),
    /// Anything else.
    Other { message: String },
    /// A consequence of an earlier report.
    Consequence,
}

impl ErrorKind {
    /// The rule that is broken.
    pub(super) const fn rule(&self) -> Rule {
        match self {
            Self::Type { .. } | Self::Object { .. } | Self::Choice { .. } => Rule::WrongType,
            Self::Field { .. } => Rule::UnknownField,
            Self::Missing { .. } => Rule::MissingField,
            Self::Variable(_) => Rule::Variable,
            Self::Value { .. } | Self::Variant { .. } | Self::Other { .. } | Self::Consequence => Rule::WrongValue,
        }
    }
}

impl Report {
    /// Returns whether the error is about something absent.
    pub(super) const fn is_absence(&self) -> bool {
        matches!(self.kind, ErrorKind::Missing { .. })
    }
}

impl Error {
    pub(super) fn new(kind: ErrorKind) -> Self {
        Self(Box::new(Report { kind, extent: None }))
    }

    pub(super) fn wrong_type(expected: &dyn Expected) -> Self {
        Self::new(ErrorKind::Type { expected: expected.to_string() })
    }

    /// Points the error at `node` and marks that as reported, unless the error has a position already.
    pub(super) fn about(self, node: &Node<'_>) -> Self {
        self.over(node, node.extent)
    }

    /// As [`about`](Self::about), but points at `extent`.
    pub(super) fn over(mut self, node: &Node<'_>, extent: Extent) -> Self {
        if self.0.extent.is_none() {
            self.0.extent = Some(extent);
            node.reported.set(true);
        }
        self
    }

    /// As [`about`](Self::about), but `node` does not count as reported.
    pub(super) fn beside(mut self, node: &Node<'_>) -> Self {
        self.0.extent.get_or_insert(node.extent);
        self
    }

    pub(super) const fn is_placed(&self) -> bool {
        self.0.extent.is_some()
    }

    pub(super) const fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    pub(super) fn into_report(self) -> Report {
        *self.0
    }
}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(ErrorKind::Other { message: message.to_string() })
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::wrong_type(expected)
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(ErrorKind::Value { expected: expected.to_string() })
    }

    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Self::new(ErrorKind::Value { expected: expected.to_string() })
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(ErrorKind::Variant { expected })
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(ErrorKind::Field { expected })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(ErrorKind::Missing { field })
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::custom(format_args!("`{field}` is there twice"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.kind)
    }
}

impl core::error::Error for Error {}
