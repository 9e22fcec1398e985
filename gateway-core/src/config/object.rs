//! Kinds of objects, and the members that are apart from the rest.

/// The member that any object of the configuration may have besides its own. Nothing reads it.
pub(super) const DESCRIPTION: &str = "description";

/// The name under which a type asks for a value of any form, of which objects are the configuration's own, not the
/// author's: they may be described.
pub(super) const OWN: &str = "own";

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// One of the configuration's own, with fields that are known: it may be described.
    Fields,
    /// One whose author chooses the names, which the type searches for repetitions.
    Names,
    /// JSON of any form.
    Any,
}

/// The treatment of members called `description`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Descriptions {
    /// As of any other member.
    Read,
    /// Skipped.
    Skipped,
    /// Skipped, and there was one.
    Found,
}

impl Descriptions {
    /// The treatment in an object of this shape.
    pub(super) fn of(shape: Shape) -> Self {
        if shape == Shape::Fields { Self::Skipped } else { Self::Read }
    }

    /// Returns whether the member `name` is to be skipped.
    pub(super) fn are_skipped(self, name: &str) -> bool {
        self != Self::Read && name == DESCRIPTION
    }
}

/// Returns whether the value of the member `name` is taken as it stands: it names something itself, or nothing reads it.
pub(super) fn is_verbatim(descriptions: Descriptions, name: Option<&str>) -> bool {
    descriptions != Descriptions::Read && matches!(name, Some("secret" | "$schema"))
}
