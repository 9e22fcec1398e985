//! Many routes on one path, told apart by the value of one field: a tenant's header, a version's cookie. They are found by
//! that value, so that a request does not have to be tried on each of them.

use hashbrown::HashTable;

use super::trie::{Candidate, Sight};
use super::value::hash;
use super::{Field, Lookup, Spec, Test};

/// Fewer candidates than this are quicker tried one by one.
pub(super) const CROWDED: usize = 4;

/// The candidates of one pattern, by the value that they ask of one field.
#[derive(Debug)]
pub(super) struct Crowd {
    field: Field,
    groups: HashTable<Group>,
    /// The indexes of those that don't ask for certain values of it, in order.
    others: Vec<u32>,
}

#[derive(Debug)]
struct Group {
    value: Box<str>,
    /// The indexes of those that ask for it, in order.
    indexes: Vec<u32>,
}

impl Crowd {
    /// The crowd of these candidates, if they are many and a field tells most of them apart.
    pub(super) fn of(candidates: &[Candidate], specs: &[Spec]) -> Option<Self> {
        if candidates.len() < CROWDED {
            return None;
        }
        Self::of_many(candidates, specs)
    }

    #[inline(never)]
    fn of_many(candidates: &[Candidate], specs: &[Spec]) -> Option<Self> {
        let specs = || candidates.iter().filter_map(|candidate| specs.get(candidate.spec as usize));
        let field = commonest_field(specs())?;
        let mut crowd = Self { field: field.clone(), groups: HashTable::new(), others: Vec::new() };
        for (index, spec) in (0..).zip(specs()) {
            match values_of(spec, field) {
                Some(values) => values.iter().for_each(|value| crowd.add(value, index)),
                None => crowd.others.push(index),
            }
        }
        (crowd.others.len() * 2 <= candidates.len()).then_some(crowd)
    }

    fn add(&mut self, value: &str, index: u32) {
        let key = hash(value.bytes());
        match self.groups.find_mut(key, |group| *group.value == *value) {
            Some(group) if group.indexes.last() == Some(&index) => {}
            Some(group) => group.indexes.push(index),
            None => {
                let group = Group { value: value.into(), indexes: vec![index] };
                self.groups.insert_unique(key, group, |group| hash(group.value.bytes()));
            }
        }
    }

    /// The indexes of all candidates that may take the request, in order.
    pub(super) fn indexes(&self, lookup: &Lookup<'_, '_>) -> impl Iterator<Item = u32> {
        let group = self
            .field
            .value(lookup)
            .and_then(|value| self.groups.find(value.hash(), |group| value.equals(group.value.as_bytes())));
        let mut keyed = group.map_or(&[][..], |group| &group.indexes).iter().copied().peekable();
        let mut others = self.others.iter().copied().peekable();
        std::iter::from_fn(move || match (keyed.peek(), others.peek()) {
            (Some(one), Some(other)) if one < other => keyed.next(),
            (Some(_), None) => keyed.next(),
            _ => others.next(),
        })
    }

    /// Returns whether the crowd is told apart by something that is looked at.
    pub(super) fn is_seen(&self, sight: Sight) -> bool {
        match sight {
            Sight::All => true,
            // A CORS preflight does not show all.
            Sight::WithoutHeaders => match &self.field {
                Field::Query(_) => true,
                Field::Version(versions) => !versions.reads_headers(),
                _ => false,
            },
            Sight::WithoutVersion => !matches!(self.field, Field::Version(_)),
        }
    }
}

/// The values that `spec` asks of `field`.
fn values_of<'s>(spec: &'s Spec, field: &Field) -> Option<&'s [Box<str>]> {
    spec.predicates().find_map(|predicate| match &predicate.test {
        Test::OneOf(values) if predicate.field == *field => Some(&**values),
        _ => None,
    })
}

/// The field of which most specs ask certain values. Only the first few fields are counted.
fn commonest_field<'s>(specs: impl Iterator<Item = &'s Spec>) -> Option<&'s Field> {
    let mut counts: Vec<(&Field, usize)> = Vec::new();
    for predicate in specs.flat_map(Spec::predicates).filter(|predicate| matches!(predicate.test, Test::OneOf(_))) {
        let known = counts.len();
        if let Some((_, count)) = counts.iter_mut().find(|(field, _)| **field == predicate.field) {
            *count += 1;
        } else if known < 16 {
            counts.push((&predicate.field, 1));
        }
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(field, _)| field)
}
