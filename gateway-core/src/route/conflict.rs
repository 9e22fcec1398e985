//! Routes that get in each other's way.

use std::collections::BTreeSet;
use std::fmt;

use super::domain::{Constraints, Domain};
use super::rank::{lists_head, precedence};
use super::reach;
use super::trie::{Candidate, Trie};
use super::{Field, MethodSet, Spec, Witness};

/// Routes, by their [`Spec::route`], that can't be as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// Both rank the same, and both take the witness.
    Ambiguous {
        /// The route that is configured first.
        a: usize,
        /// The other.
        b: usize,
        /// A request that both take, tried on both.
        witness: Witness,
    },
    /// No request ever gets to this route.
    Unreachable {
        /// The route.
        route: usize,
        /// The routes that take all of its requests; none if it contradicts itself.
        by: Vec<usize>,
        /// Why.
        reason: Unreachable,
    },
}

/// Why no request gets to a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreachable {
    /// Its predicates on this field exclude each other.
    Contradiction(Field),
    /// Routes that rank higher take every request that it would.
    Covered,
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contradiction(field) => write!(f, "nothing can meet what it asks of {field}"),
            Self::Covered => f.write_str("routes that rank higher take all of its requests"),
        }
    }
}

/// Up to this many specs of one path and one rank, every conflicting pair is reported; of more, each spec with one before
/// it, for thousands of them could make millions of pairs.
const EVERY_PAIR: usize = 16;

/// Every conflict, in the order of the routes.
pub(super) fn find(specs: &[Spec], trie: &Trie) -> Vec<Conflict> {
    let constraints: Vec<Constraints<'_>> = specs.iter().map(Constraints::of).collect();
    let contradictions: Vec<Option<&Field>> = constraints.iter().map(Constraints::contradiction).collect();
    let mut pairs = Pairs { specs, constraints: &constraints, seen: BTreeSet::new(), found: Vec::new() };
    for (_, node, kind) in trie.places() {
        let candidates = trie.candidates(node, kind);
        // A route's own specs never conflict: at most it names a host twice.
        let sound = |candidate: &&Candidate| contradictions.get(candidate.spec as usize).is_some_and(Option::is_none);
        if candidates.len() < 2 {
            continue;
        }
        let sound: Vec<usize> = candidates.iter().filter(sound).map(|candidate| candidate.spec as usize).collect();
        let rank = |spec: &usize| specs.get(*spec).map(precedence);
        for group in sound.chunk_by(|a, b| rank(a) == rank(b)) {
            let mut group = group.to_vec();
            group.sort_unstable();
            pairs.check(&group);
        }
    }
    let mut found = pairs.found;
    found.sort_by_key(|conflict| match conflict {
        Conflict::Ambiguous { a, b, .. } => (*a, *b),
        Conflict::Unreachable { route, .. } => (*route, 0),
    });
    found.extend(reach::unreachable(specs, trie, &constraints));
    found
}

/// Looks for specs of one path and one rank that take the same request.
struct Pairs<'a, 's> {
    specs: &'a [Spec],
    constraints: &'a [Constraints<'s>],
    /// The pairs of routes that are reported; with several hosts they would meet several times.
    seen: BTreeSet<(usize, usize)>,
    found: Vec<Conflict>,
}

impl<'s> Pairs<'_, 's> {
    /// `group` is sorted. Comparing each with each would take long for thousands of routes on one path; those that ask for
    /// different values of one field need not be compared.
    fn check(&mut self, group: &[usize]) {
        if group.len() <= EVERY_PAIR {
            for (i, b) in group.iter().enumerate() {
                for a in group.iter().take(i) {
                    self.clash(*a, *b);
                }
            }
            return;
        }
        let Some(field) = self.most_telling_field(group) else {
            for (i, b) in group.iter().enumerate() {
                group.iter().take(i).any(|a| self.clash(*a, *b));
            }
            return;
        };
        let (mut texts, mut absent, mut free) = (Vec::new(), Vec::new(), Vec::new());
        for spec in group {
            match self.constraints.get(*spec).and_then(|all| all.on(field)) {
                None => free.push(*spec),
                Some(Domain::Absent | Domain::Nothing) => absent.push(*spec),
                Some(Domain::Prefix(start)) => texts.push((*start, *spec, true)),
                Some(Domain::OneOf(values)) => texts.extend(values.iter().map(|value| (*value, *spec, false))),
            }
        }
        for (i, b) in absent.iter().enumerate() {
            absent.iter().take(i).any(|a| self.clash(*a, *b));
        }
        for one in &free {
            group.iter().take_while(|a| *a < one).any(|a| self.clash(*a, *one));
            // Those after it that are not in `free` themselves.
            for other in group.iter().filter(|b| *b > one && free.binary_search(b).is_err()) {
                self.clash(*one, *other);
            }
        }
        self.sweep(texts);
    }

    /// In sorted order, what a text overlaps with is the equal texts and the prefixes that are still open before it.
    fn sweep(&mut self, mut texts: Vec<(&str, usize, bool)>) {
        texts.sort_unstable();
        let mut open: Vec<(&str, usize, bool)> = Vec::new();
        for (text, spec, is_prefix) in texts {
            while open.last().is_some_and(
                |(start, _, is_prefix)| {
                    if *is_prefix { !text.starts_with(start) } else { text != *start }
                },
            ) {
                open.pop();
            }
            open.iter().any(|(_, other, _)| *other != spec && self.clash(*other, spec) && *other < spec);
            open.push((text, spec, is_prefix));
        }
    }

    /// The field with the most values in the group.
    fn most_telling_field(&self, group: &[usize]) -> Option<&'s Field> {
        let mut counts: Vec<(&Field, usize)> = Vec::new();
        for all in group.iter().filter_map(|spec| self.constraints.get(*spec)) {
            for (field, _) in all.iter() {
                let known = counts.len();
                if let Some((_, count)) = counts.iter_mut().find(|(known, _)| *known == field) {
                    *count += 1;
                } else if known < 16 {
                    // Few fields will do: with more, finding the best costs more than it saves.
                    counts.push((field, 1));
                }
            }
        }
        counts.into_iter().max_by_key(|(_, count)| *count).map(|(field, _)| field)
    }

    /// Whether one request can be taken by both. If so, and if they are of different routes, it is reported.
    fn clash(&mut self, a: usize, b: usize) -> bool {
        let (Some(one), Some(other)) = (self.specs.get(a), self.specs.get(b)) else { return false };
        let (Some(mine), Some(theirs)) = (self.constraints.get(a), self.constraints.get(b)) else { return false };
        if one.route == other.route || !mine.overlap(theirs) {
            return false;
        }
        let mut shared = one.methods.accepted().intersection(other.methods.accepted());
        if lists_head(one) != lists_head(other) {
            shared = shared.without(MethodSet::HEAD);
        }
        let Some(method) = shared.iter().next() else { return false };
        let pair = (one.route.min(other.route), one.route.max(other.route));
        if self.seen.contains(&pair) {
            return true;
        }
        let both = mine.both(theirs);
        let Some(witness) = Witness::verified(one, method, &both, &[one, other]) else { return false };
        self.seen.insert(pair);
        self.found.push(Conflict::Ambiguous { a: pair.0, b: pair.1, witness });
        true
    }
}
