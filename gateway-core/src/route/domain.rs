//! The sets of values that predicates let through. They are closed under intersection, so that everything a spec asks of
//! one field is a single set, and two specs can be compared exactly.

use super::{Field, Spec, Test};

/// A set of values of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Domain<'s> {
    /// No value, and not the lack of one either.
    Nothing,
    /// The lack of a value.
    Absent,
    /// One of these values; sorted, at least one.
    OneOf(Vec<&'s str>),
    /// Every value that begins so.
    Prefix(&'s str),
}

impl<'s> Domain<'s> {
    fn of(test: &'s Test) -> Self {
        match test {
            Test::Present => Self::Prefix(""),
            Test::Absent => Self::Absent,
            Test::OneOf(values) => Self::one_of(values.iter().map(|value| &**value)),
            Test::Prefix(start) => Self::Prefix(start),
        }
    }

    fn one_of(values: impl Iterator<Item = &'s str>) -> Self {
        let mut values: Vec<&str> = values.collect();
        values.sort_unstable();
        values.dedup();
        if values.is_empty() { Self::Nothing } else { Self::OneOf(values) }
    }

    pub(super) fn intersection(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Absent, Self::Absent) => Self::Absent,
            (Self::OneOf(some), set) | (set, Self::OneOf(some)) => {
                Self::one_of(some.iter().copied().filter(|value| set.contains(Some(value))))
            }
            (Self::Prefix(a), Self::Prefix(b)) if a.starts_with(b) => Self::Prefix(a),
            (Self::Prefix(a), Self::Prefix(b)) if b.starts_with(a) => Self::Prefix(b),
            _ => Self::Nothing,
        }
    }

    pub(super) fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Absent, Self::Absent) => true,
            (Self::OneOf(a), Self::OneOf(b)) => {
                let (few, many) = if a.len() < b.len() { (a, b) } else { (b, a) };
                few.iter().any(|value| many.binary_search(value).is_ok())
            }
            (Self::OneOf(some), set) | (set, Self::OneOf(some)) => some.iter().any(|value| set.contains(Some(value))),
            (Self::Prefix(a), Self::Prefix(b)) => a.starts_with(b) || b.starts_with(a),
            _ => false,
        }
    }

    pub(super) fn contains(&self, value: Option<&str>) -> bool {
        match (self, value) {
            (Self::Absent, None) => true,
            (Self::OneOf(values), Some(value)) => values.binary_search(&value).is_ok(),
            (Self::Prefix(start), Some(value)) => value.starts_with(start),
            _ => false,
        }
    }

    /// A value in it, if it holds values.
    pub(super) fn sample(&self) -> Option<String> {
        match self {
            Self::Nothing | Self::Absent => None,
            Self::OneOf(values) => values.first().map(|value| (*value).to_owned()),
            // White space at the end of a field is no part of its value.
            Self::Prefix(start) if start.is_empty() || start.ends_with([' ', '\t']) => Some(format!("{start}x")),
            Self::Prefix(start) => Some((*start).to_owned()),
        }
    }
}

/// Everything that a spec asks of header fields, cookies and query parameters: one set for each field.
#[derive(Clone, Debug, Default)]
pub(super) struct Constraints<'s>(Vec<(&'s Field, Domain<'s>)>);

impl<'s> Constraints<'s> {
    pub(super) fn of(spec: &'s Spec) -> Self {
        let mut all = Self::default();
        for predicate in spec.predicates() {
            all.add(&predicate.field, Domain::of(&predicate.test));
        }
        all
    }

    fn add(&mut self, field: &'s Field, domain: Domain<'s>) {
        match self.0.iter_mut().find(|(known, _)| *known == field) {
            Some((_, known)) => *known = known.intersection(&domain),
            None => self.0.push((field, domain)),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'s Field, &Domain<'s>)> {
        self.0.iter().map(|(field, domain)| (*field, domain))
    }

    /// The constraint on `field`, if there is one.
    pub(super) fn on(&self, field: &Field) -> Option<&Domain<'s>> {
        self.0.iter().find(|(known, _)| *known == field).map(|(_, domain)| domain)
    }

    /// The field of which it asks something that cannot be.
    pub(super) fn contradiction(&self) -> Option<&'s Field> {
        self.0.iter().find(|(_, domain)| *domain == Domain::Nothing).map(|(field, _)| *field)
    }

    /// Returns whether one request can meet both, neither of which is a contradiction in itself.
    pub(super) fn overlap(&self, other: &Self) -> bool {
        self.0.iter().all(|(field, domain)| other.on(field).is_none_or(|theirs| domain.overlaps(theirs)))
    }

    /// The constraints on requests that meet both.
    pub(super) fn both(&self, other: &Self) -> Self {
        let mut all = self.clone();
        for (field, domain) in &other.0 {
            all.add(field, domain.clone());
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Domain::{Absent, Nothing, Prefix};

    #[test]
    fn intersections_are_exact() {
        let some = |values: &'static [&str]| Domain::one_of(values.iter().copied());
        let table = [
            (Absent, Absent, Absent),
            (Absent, Prefix(""), Nothing),
            (Absent, some(&[""]), Nothing),
            (Prefix("a"), Prefix("ab"), Prefix("ab")),
            (Prefix("a"), Prefix("b"), Nothing),
            (Prefix(""), Prefix("b"), Prefix("b")),
            (Prefix("a"), some(&["b", "ab", "a"]), some(&["a", "ab"])),
            (Prefix("a"), some(&["b"]), Nothing),
            (some(&["a", "b"]), some(&["c", "b"]), some(&["b"])),
            (some(&["a"]), some(&["b"]), Nothing),
            (some(&[]), Prefix(""), Nothing),
        ];
        for (a, b, both) in table {
            assert_eq!(a.intersection(&b), both, "{a:?} {b:?}");
            assert_eq!(b.intersection(&a), both, "{b:?} {a:?}");
            assert_eq!(a.overlaps(&b), both != Nothing, "{a:?} {b:?}");
            assert_eq!(b.overlaps(&a), both != Nothing, "{b:?} {a:?}");
            assert_eq!(both.sample().is_some(), !matches!(both, Nothing | Absent));
            if let Some(sample) = both.sample() {
                assert!(a.contains(Some(&sample)) && b.contains(Some(&sample)));
            }
        }
    }
}
