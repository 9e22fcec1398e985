//! The table of all routes.

use super::conflict::{self, Conflict};
use super::rank;
use super::trie::{Candidate, Trie};
use super::{Found, Lookup, MethodSet, Mismatch, Spec};

/// Every route of a configuration, proved free of conflicts.
#[derive(Debug)]
pub struct Table {
    specs: Vec<Spec>,
    trie: Trie,
}

impl Table {
    /// Builds the table.
    ///
    /// # Errors
    /// Every conflict among `specs`: see [`Conflict`].
    pub fn build(specs: Vec<Spec>) -> Result<Self, Vec<Conflict>> {
        let trie = Trie::build(&specs);
        let conflicts = conflict::find(&specs, &trie);
        if conflicts.is_empty() { Ok(Self { specs, trie }) } else { Err(conflicts) }
    }

    /// The route that takes the request: of all that match, the one that ranks highest.
    #[must_use]
    pub fn find<'r>(&self, lookup: &Lookup<'r>) -> Found<'r> {
        self.find_with(lookup, |spec| spec.predicates().all(|predicate| predicate.holds(lookup)))
    }

    /// As [`find`](Self::find), but with every header and cookie predicate taken as met. A CORS preflight carries neither
    /// the headers nor the cookies of the request that it asks for (Fetch standard, CORS-preflight fetch); `lookup.method`
    /// is then the method in `Access-Control-Request-Method`.
    #[must_use]
    pub fn find_ignoring_headers<'r>(&self, lookup: &Lookup<'r>) -> Found<'r> {
        self.find_with(lookup, |spec| spec.query.iter().all(|predicate| predicate.holds(lookup)))
    }

    /// The specs in the order in which they are tried.
    pub fn ranked(&self) -> impl Iterator<Item = &Spec> {
        let mut ranked: Vec<&Spec> = self.specs.iter().collect();
        ranked.sort_by(|a, b| rank::compare(a, b));
        ranked.into_iter()
    }

    /// The spec with this index in the list that the table was built from.
    #[must_use]
    pub fn spec(&self, spec: usize) -> Option<&Spec> {
        self.specs.get(spec)
    }

    /// Every reason why the spec with this index does not take the request; none if it does, or if there is no such spec.
    #[must_use]
    pub fn mismatches(&self, spec: usize, lookup: &Lookup<'_>) -> Vec<Mismatch> {
        self.specs.get(spec).map(|spec| spec.mismatches(lookup)).unwrap_or_default()
    }

    fn find_with<'r>(&self, lookup: &Lookup<'r>, holds: impl Fn(&Spec) -> bool) -> Found<'r> {
        let met = |candidate: &Candidate| {
            !candidate.conditional || self.specs.get(candidate.spec as usize).is_some_and(&holds)
        };
        let found = MethodSet::of(lookup.method).and_then(|method| {
            self.trie.walk(lookup.host, lookup.path, &mut |candidate| {
                (candidate.accepted.contains(method) && met(candidate)).then_some(*candidate)
            })
        });
        if let Some(Candidate { spec, route, shape, .. }) = found {
            return Found::Route { spec: spec as usize, route: route as usize, params: shape.params(lookup.path) };
        }
        let mut allow = MethodSet::EMPTY;
        self.trie.walk(lookup.host, lookup.path, &mut |candidate| {
            if !allow.contains(candidate.accepted) && met(candidate) {
                allow = allow.union(candidate.accepted);
            }
            None::<()>
        });
        if allow.is_empty() { Found::NotFound } else { Found::MethodNotAllowed { allow: allow.with_options() } }
    }
}
