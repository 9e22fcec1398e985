//! A compiled schema: a flat list of nodes, which refer to each other by number.

use regex_lite::Regex;

use super::Side;
use super::format::Format;
use crate::document::{Divisor, Number, Value};

/// The number of a node.
pub(super) type Id = u32;

/// A schema within the whole.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    /// The place of it: a JSON Pointer into the document, with the URI of that before it if it is another one.
    pub(super) place: Box<str>,
    /// The number of the schema resource that it is in (JSON Schema Core §4.3.5), for the dynamic scope.
    pub(super) resource: u32,
    /// Set if it has `unevaluatedItems` or `unevaluatedProperties`.
    pub(super) is_tracking: bool,
    /// The keywords, in the order in which they are looked at: those that say most with the least work first, and `unevaluated…` last.
    pub(super) checks: Box<[Check]>,
}

/// A dynamic anchor: the number of its name, the resource that it is in, and the node.
#[derive(Clone, Copy, Debug)]
pub(super) struct DynamicAnchor {
    pub(super) name: u32,
    pub(super) resource: u32,
    pub(super) node: Id,
}

/// A keyword, or several that belong together.
#[derive(Clone, Debug)]
pub(super) enum Check {
    /// The schema `false`.
    Never,
    Types(Types),
    /// `enum`, or `const`.
    Values {
        values: Box<[Value]>,
        is_constant: bool,
    },
    Bound(Bound),
    MultipleOf {
        divisor: Divisor,
        number: Number,
    },
    Size {
        of: Sized,
        is_most: bool,
        count: u64,
    },
    Pattern {
        regex: Box<Regex>,
        text: Box<str>,
    },
    Format(Format),
    UniqueItems,
    Required(Names),
    /// `required`, on one side alone.
    RequiredOn(Side, Names),
    DependentRequired(Dependent),
    Ref(Id),
    DynamicRef {
        name: u32,
        otherwise: Id,
    },
    AllOf(Box<[Id]>),
    AnyOf(Box<[Id]>),
    OneOf(Box<[Id]>),
    Not(Id),
    If {
        condition: Id,
        then: Option<Id>,
        otherwise: Option<Id>,
    },
    DependentSchemas(Named),
    PropertyNames(Id),
    Properties(Box<Properties>),
    Items {
        first: Box<[Id]>,
        rest: Option<Id>,
    },
    Contains {
        node: Id,
        /// One, if it is not said.
        least: Option<u64>,
        most: Option<u64>,
    },
    UnevaluatedItems(Id),
    UnevaluatedProperties(Id),
}

/// Names of members.
pub(super) type Names = Box<[Box<str>]>;

/// Names of members that others ask for, by name.
pub(super) type Dependent = Box<[(Box<str>, Names)]>;

/// Schemas by name.
pub(super) type Named = Box<[(Box<str>, Id)]>;

/// `properties`, `patternProperties` and `additionalProperties`.
#[derive(Clone, Debug)]
pub(super) struct Properties {
    /// Sorted by [`order_of_names`].
    pub(super) named: Named,
    pub(super) patterns: Box<[(Regex, Id)]>,
    pub(super) others: Option<Id>,
}

/// What has a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sized {
    Characters,
    Items,
    Members,
}

/// The most or the least that a number may be.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    pub(super) number: Number,
    /// The same, if it is whole and within the range: most are.
    pub(super) whole: Option<i64>,
    pub(super) is_most: bool,
    pub(super) is_exclusive: bool,
}

/// A set of types (JSON Schema Validation §6.1.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Types(u8);

/// The types in the order of their bits.
const TYPES: [&str; 7] = ["null", "boolean", "object", "array", "number", "string", "integer"];

impl Types {
    /// Adds the type called `name`; none if there is no such type.
    pub(super) fn add(&mut self, name: &str) -> Option<()> {
        let place = TYPES.into_iter().position(|own| own == name)?;
        self.0 |= 1 << place;
        Some(())
    }

    pub(super) fn take(self, value: &Value) -> bool {
        let place = match value {
            Value::Null => 0,
            Value::Boolean(_) => 1,
            Value::Object(_) => 2,
            Value::Array(_) => 3,
            Value::Number(number) => {
                return self.0 & 0b1_0000 != 0 || (self.0 & 0b100_0000 != 0 && number.is_whole());
            }
            Value::String(_) => 5,
        };
        self.0 & (1 << place) != 0
    }

    /// The names of the types.
    pub(super) fn names(self) -> impl Iterator<Item = &'static str> {
        TYPES.into_iter().enumerate().filter(move |(place, _)| self.0 & (1 << place) != 0).map(|(_, name)| name)
    }
}

impl Properties {
    /// The schema of the member called `name`.
    pub(super) fn find(&self, name: &str) -> Option<Id> {
        let (mut low, mut high) = (0, self.named.len());
        while low < high {
            let middle = low.midpoint(high);
            let (own, id) = self.named.get(middle)?;
            match order_of_names(own, name) {
                core::cmp::Ordering::Equal => return Some(*id),
                core::cmp::Ordering::Less => low = middle.saturating_add(1),
                core::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }
}

/// An order in which few names have to be looked at byte by byte.
pub(super) fn order_of_names(one: &str, other: &str) -> core::cmp::Ordering {
    one.len().cmp(&other.len()).then_with(|| one.as_bytes().cmp(other.as_bytes()))
}

impl Check {
    /// Returns whether it is one of those about the value alone that schemas have most.
    pub(super) const fn is_assertion(&self) -> bool {
        matches!(
            self,
            Self::Types(_) | Self::Values { .. } | Self::Bound(_) | Self::MultipleOf { .. } | Self::Size { .. }
        )
    }

    /// The nodes that are applied to the same value, so that a way of them back to the first would never end.
    pub(super) fn in_place(&self) -> Vec<Id> {
        match self {
            Self::Ref(node) | Self::Not(node) => vec![*node],
            Self::AllOf(nodes) | Self::AnyOf(nodes) | Self::OneOf(nodes) => nodes.to_vec(),
            Self::If { condition, then, otherwise } => {
                [Some(*condition), *then, *otherwise].into_iter().flatten().collect()
            }
            Self::DependentSchemas(named) => named.iter().map(|(_, node)| *node).collect(),
            _ => Vec::new(),
        }
    }
}
