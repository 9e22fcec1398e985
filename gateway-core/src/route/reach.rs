//! Routes that no request gets to, because routes that rank higher take every request that they would.
//!
//! Only patterns on the same way through the trie can cover one another: where a pattern has a parameter, no number of
//! literals covers every value. Along that way the paths of a pattern fall into a few regions (it ends here; it ends with a
//! slash; it goes on), and in each region the same specs apply to every path. What is left is to see whether their methods
//! and predicates cover those of the spec: the values of a field fall into finitely many classes, the texts that the specs
//! name and the rest, so one value of each class is tried. Where that takes too long the route counts as reachable: the
//! check never refuses a route that could get a request.

use std::collections::BTreeSet;

use http::Method;

use super::conflict::{Conflict, Unreachable};
use super::domain::{Constraints, Domain};
use super::rank::{lists_head, precedence};
use super::trie::{Candidate, Kind, Node, Trie};
use super::{Field, MethodSet, Methods, PathPattern, Spec};

/// The number of comparisons of two specs, in all.
const BUDGET: usize = 100_000;

/// The routes of which no spec can get a request.
pub(super) fn unreachable(
    specs: &[Spec],
    trie: &Trie,
    constraints: &[Constraints<'_>],
    methods: &Methods,
) -> Vec<Conflict> {
    let mut check = Check::new(specs, trie, constraints, methods);
    let mut fates: Vec<Option<Fate>> = specs.iter().map(|_| None).collect();
    // A spec may stand in the trie twice: for HEAD, and for its other methods.
    let mut is_open = vec![false; specs.len()];
    for (all, fate) in constraints.iter().zip(&mut fates) {
        *fate = all.contradiction().map(|field| Fate::Contradiction(field.clone()));
    }
    for (id, node, kind) in trie.patterns() {
        let candidates = trie.candidates(node, kind);
        let rank = |candidate: &Candidate| specs.get(candidate.spec as usize).map(precedence);
        let mut higher = 0;
        for equal in candidates.chunk_by(|a, b| rank(a) == rank(b)) {
            let Some(before) = candidates.get(..higher) else { break };
            let position = Position { id, node, kind, before, equal };
            for (at, candidate) in equal.iter().enumerate() {
                let index = candidate.spec as usize;
                let (Some(fate), Some(is_open)) = (fates.get_mut(index), is_open.get_mut(index)) else { continue };
                if *is_open || matches!(fate, Some(Fate::Contradiction(_))) {
                    continue;
                }
                match (check.covers(&position, candidate, at), &mut *fate) {
                    (None, fate) => {
                        *is_open = true;
                        *fate = None;
                    }
                    (Some(by), Some(Fate::Covered(all))) => all.extend(by),
                    (Some(by), fate) => *fate = Some(Fate::Covered(by)),
                }
            }
            higher += equal.len();
        }
    }
    if fates.iter().all(Option::is_none) { Vec::new() } else { by_route(specs, fates) }
}

/// A reason why a spec gets no request.
enum Fate {
    Contradiction(Field),
    Covered(BTreeSet<usize>),
}

/// A route is unreachable if each of its specs is.
#[cold]
#[inline(never)]
fn by_route(specs: &[Spec], fates: Vec<Option<Fate>>) -> Vec<Conflict> {
    let reachable: BTreeSet<usize> =
        specs.iter().zip(&fates).filter(|(_, fate)| fate.is_none()).map(|(spec, _)| spec.route).collect();
    let mut routes: std::collections::BTreeMap<usize, (BTreeSet<usize>, Unreachable)> = Default::default();
    for (spec, fate) in specs.iter().zip(fates) {
        let Some(fate) = fate.filter(|_| !reachable.contains(&spec.route)) else { continue };
        match fate {
            Fate::Contradiction(field) => {
                let reason = Unreachable::Contradiction(field);
                routes.entry(spec.route).or_insert_with(|| (BTreeSet::new(), reason));
            }
            Fate::Covered(by) => {
                let entry = routes.entry(spec.route).or_insert_with(|| (BTreeSet::new(), Unreachable::Covered));
                entry.0.extend(by);
            }
        }
    }
    let conflict = |(route, (by, reason)): (usize, (BTreeSet<usize>, Unreachable))| Conflict::Unreachable {
        route,
        by: by.into_iter().collect(),
        reason,
    };
    routes.into_iter().map(conflict).collect()
}

/// Finds out whether routes together take all of some requests.
pub(super) struct Check<'a, 's> {
    specs: &'a [Spec],
    trie: &'a Trie,
    constraints: &'a [Constraints<'s>],
    methods: &'a Methods,
    budget: usize,
    /// The request that was found to be left last.
    left: Option<Left>,
}

/// A request that no rival takes.
pub(super) struct Left {
    pub(super) method: Method,
    /// A value of each field that tells rivals apart, or its lack.
    pub(super) values: Vec<(Field, Option<String>)>,
}

/// The position of a candidate: its pattern in the trie, and its rank among the candidates of that pattern.
#[derive(Clone, Copy)]
pub(super) struct Position<'a> {
    pub(super) id: u32,
    pub(super) node: &'a Node,
    pub(super) kind: Kind,
    /// The candidates with the same pattern that go first.
    pub(super) before: &'a [Candidate],
    /// The candidates with the same pattern and rank, this one included.
    pub(super) equal: &'a [Candidate],
}

/// Requests under test.
struct Subject<'c, 's> {
    /// The route that takes them, which is no rival to itself.
    route: Option<usize>,
    methods: MethodSet,
    constraints: &'c Constraints<'s>,
    /// The expressions that their paths match, if any: only a rival with one of these is sure to take them.
    regex: &'c [&'c PathPattern],
    /// The routes that are found to take them.
    by: BTreeSet<usize>,
}

/// A spec that goes first, with the methods for which it does.
struct Rival<'a, 's> {
    route: usize,
    methods: MethodSet,
    constraints: &'a Constraints<'s>,
}

impl<'a, 's> Check<'a, 's> {
    pub(super) const fn new(
        specs: &'a [Spec],
        trie: &'a Trie,
        constraints: &'a [Constraints<'s>],
        methods: &'a Methods,
    ) -> Self {
        Self { specs, trie, constraints, methods, budget: BUDGET, left: None }
    }

    /// The routes that together take all requests of the candidate, which is the one at `at` of its rank.
    fn covers(&mut self, position: &Position<'_>, candidate: &Candidate, at: usize) -> Option<BTreeSet<usize>> {
        let spec = self.specs.get(candidate.spec as usize)?;
        let path = &spec.path;
        let mut subject = Subject {
            regex: if position.kind == Kind::Regex { core::slice::from_ref(&path) } else { &[] },
            route: Some(spec.route),
            methods: candidate.accepted,
            constraints: self.constraints.get(candidate.spec as usize)?,
            by: BTreeSet::new(),
        };
        let mut rivals = Vec::new();
        for earlier in position.equal.iter().take(at) {
            let Some(other) = self.specs.get(earlier.spec as usize) else { continue };
            if spec.yields_by_order(other) {
                self.add(&mut rivals, &subject, earlier, MethodSet::ALL);
            } else if lists_head(other) && !lists_head(spec) {
                self.add(&mut rivals, &subject, earlier, MethodSet::HEAD);
            }
        }
        self.are_taken(position, &mut subject, rivals).then_some(subject.by)
    }

    /// Finds out whether higher-ranked routes take all requests that two specs at this position share: those by `methods`
    /// that meet `constraints`. `list_head` if both specs list HEAD, or only one and HEAD is not among the methods. An error
    /// is a request that is left, if one is known.
    pub(super) fn settles(
        &mut self,
        position: &Position<'_>,
        (methods, list_head): (MethodSet, bool),
        constraints: &Constraints<'s>,
        paths: [&PathPattern; 2],
    ) -> Result<(), Option<Left>> {
        let regex = if position.kind == Kind::Regex { &paths[..] } else { &[] };
        let mut subject = Subject { route: None, methods, constraints, regex, by: BTreeSet::new() };
        let mut rivals = Vec::new();
        if !list_head {
            for explicit in position.equal {
                if self.specs.get(explicit.spec as usize).is_some_and(lists_head) {
                    self.add(&mut rivals, &subject, explicit, MethodSet::HEAD);
                }
            }
        }
        self.left = None;
        if self.are_taken(position, &mut subject, rivals) { Ok(()) } else { Err(self.left.take()) }
    }

    /// Returns whether `rivals`, those of higher rank and those of more specific patterns take all of the requests.
    fn are_taken(
        &mut self,
        position: &Position<'_>,
        subject: &mut Subject<'_, 's>,
        mut rivals: Vec<Rival<'a, 's>>,
    ) -> bool {
        for earlier in position.before {
            self.add(&mut rivals, subject, earlier, MethodSet::ALL);
        }
        match position.kind {
            Kind::End | Kind::Regex => self.all_taken(subject, &rivals),
            Kind::CatchAll => self.all_taken_deeper(subject, &mut rivals, position.node),
            Kind::Prefix => self.all_taken_from(subject, &mut rivals, position.id, position.node),
        }
    }

    /// Returns whether `rivals` and the patterns below `node` take every path that goes on there, a trailing slash aside.
    #[inline(never)]
    fn all_taken_deeper(
        &mut self,
        subject: &mut Subject<'_, 's>,
        rivals: &mut Vec<Rival<'a, 's>>,
        node: &Node,
    ) -> bool {
        let Some((id, child)) = self.trie.parameter(node).and_then(|id| Some((id, self.trie.node(id)?))) else {
            return self.all_taken(subject, rivals);
        };
        let before = rivals.len();
        self.extend(rivals, subject, child, Kind::Prefix);
        let taken = self.all_taken_from(subject, rivals, id, child);
        rivals.truncate(before);
        taken
    }

    /// Returns whether `rivals` and the patterns at and below `node`, its prefixes aside, take every path that gets there.
    #[inline(never)]
    fn all_taken_from(
        &mut self,
        subject: &mut Subject<'_, 's>,
        rivals: &mut Vec<Rival<'a, 's>>,
        id: u32,
        node: &Node,
    ) -> bool {
        let slash = self.trie.literal(id, "").and_then(|id| self.trie.node(id));
        // Every path has at least one segment: none ends at a root.
        let end = if node.is_root { None } else { Some(node) };
        for (applies, at) in [(!node.is_root, end), (true, slash)] {
            let before = rivals.len();
            if let Some(at) = at {
                self.extend(rivals, subject, at, Kind::End);
            }
            let taken = !applies || self.all_taken(subject, rivals);
            rivals.truncate(before);
            if !taken {
                return false;
            }
        }
        let before = rivals.len();
        // The subject's own catch-all is no rival to it: it stands at a node above.
        self.extend(rivals, subject, node, Kind::CatchAll);
        let taken = self.all_taken_deeper(subject, rivals, node);
        rivals.truncate(before);
        taken
    }

    fn extend(&mut self, rivals: &mut Vec<Rival<'a, 's>>, subject: &Subject<'_, 's>, node: &Node, kind: Kind) {
        for candidate in self.trie.candidates(node, kind) {
            self.add(rivals, subject, candidate, MethodSet::ALL);
        }
    }

    fn add(
        &mut self,
        rivals: &mut Vec<Rival<'a, 's>>,
        subject: &Subject<'_, 's>,
        candidate: &Candidate,
        methods: MethodSet,
    ) {
        // Fewer rivals are less cover: out of budget, nothing is called unreachable.
        let Some(left) = self.budget.checked_sub(1) else { return };
        self.budget = left;
        let index = candidate.spec as usize;
        let (Some(spec), Some(constraints)) = (self.specs.get(index), self.constraints.get(index)) else { return };
        let methods = methods.intersection(candidate.accepted).intersection(subject.methods);
        // A contradiction takes nothing, and a route does not shadow itself.
        if Some(spec.route) == subject.route
            || methods.is_empty()
            || constraints.contradiction().is_some()
            || !constraints.overlap(subject.constraints)
            || !is_plain_cover(constraints, subject.constraints)
            || !subject.regex.is_empty() && !subject.regex.contains(&&spec.path)
        {
            return;
        }
        rivals.push(Rival { route: spec.route, methods, constraints });
    }

    /// Returns whether `rivals` together take every request of the subject, as far as methods and predicates go.
    fn all_taken(&mut self, subject: &mut Subject<'_, 's>, rivals: &[Rival<'a, 's>]) -> bool {
        let any_method: MethodSet = rivals.iter().map(|rival| rival.methods).collect();
        match self.methods.iter(subject.methods.without(any_method)).next() {
            Some(method) => {
                self.left = Some(Left { method: method.clone(), values: Vec::new() });
                false
            }
            None => self.all_methods_taken(subject, rivals),
        }
    }

    #[inline(never)]
    fn all_methods_taken(&mut self, subject: &mut Subject<'_, 's>, rivals: &[Rival<'a, 's>]) -> bool {
        let known = self.methods;
        known.iter(subject.methods).filter_map(|method| known.of(method)).all(|method| {
            let rivals: Vec<_> = rivals.iter().filter(|rival| rival.methods.contains(method)).collect();
            self.all_values_taken(subject, &rivals, method)
        })
    }

    #[inline(never)]
    fn all_values_taken(
        &mut self,
        subject: &mut Subject<'_, 's>,
        rivals: &[&Rival<'a, 's>],
        method: MethodSet,
    ) -> bool {
        let Some(left) = self.budget.checked_sub(rivals.len()) else { return false };
        self.budget = left;
        let mut fields: Vec<&'s Field> = Vec::new();
        for (field, domain) in rivals.iter().flat_map(|rival| rival.constraints.iter()) {
            if !counts(domain, subject.constraints.on(field)) {
                continue;
            }
            // More fields than this have too many combinations of values.
            if fields.len() > 12 {
                return false;
            }
            if !fields.contains(&field) {
                fields.push(field);
            }
        }
        let mut classes = Vec::with_capacity(fields.len());
        for field in &fields {
            let Some(values) = classes_of(field, subject.constraints, rivals) else { return false };
            classes.push(values);
        }
        // An odometer over one value of each class.
        let mut wheel = vec![0_usize; fields.len()];
        loop {
            let value = |field: &Field| {
                let at = fields.iter().position(|known| *known == field)?;
                classes.get(at)?.get(*wheel.get(at)?)?.as_deref()
            };
            let mut tried = 0;
            let taker = rivals.iter().find(|rival| {
                tried += 1;
                rival.constraints.iter().all(|(field, domain)| {
                    !counts(domain, subject.constraints.on(field)) || domain.contains(value(field))
                })
            });
            let Some(taker) = taker else {
                if let Some(method) = self.methods.iter(method).next() {
                    let values = fields.iter().map(|field| ((*field).clone(), value(field).map(str::to_owned)));
                    self.left = Some(Left { method: method.clone(), values: values.collect() });
                }
                return false;
            };
            subject.by.insert(taker.route);
            match self.budget.checked_sub(tried) {
                Some(left) => self.budget = left,
                None => return false,
            }
            let turned = wheel.iter_mut().zip(&classes).find_map(|(at, values)| {
                *at = (*at + 1) % values.len().max(1);
                (*at != 0).then_some(())
            });
            if turned.is_none() {
                return true;
            }
        }
    }
}

/// Returns whether single values have to be tried on a rival's `domain`. Where they don't tell, the rival holds all of the
/// subject's, by [`is_plain_cover`].
fn counts(domain: &Domain<'_>, subject: Option<&Domain<'_>>) -> bool {
    domain.is_told_by_values() || matches!(subject, Some(Domain::OneOf(_)))
}

/// Returns whether a rival's cover of the subject shows in single values, or is complete.
fn is_plain_cover(rival: &Constraints<'_>, subject: &Constraints<'_>) -> bool {
    rival.iter().all(|(field, domain)| {
        let subject = subject.on(field);
        counts(domain, subject) || domain.surely_holds(subject)
    })
}

/// One value of each class that the subject lets through; the values of a class are alike to all of `rivals`. The class
/// that is named by none comes first, for it is covered least. None if a class has no value that is easily found.
fn classes_of(field: &Field, subject: &Constraints<'_>, rivals: &[&Rival<'_, '_>]) -> Option<Vec<Option<String>>> {
    let domain = subject.on(field);
    let (mut classes, base) = match domain {
        Some(Domain::Nothing | Domain::Within(_)) => return None,
        Some(Domain::Absent) => return Some(vec![None]),
        Some(Domain::OneOf(values)) => return Some(values.iter().map(|v| Some((*v).to_owned())).collect()),
        Some(Domain::Prefix(base, _)) => (Vec::new(), *base),
        None => (vec![None], ""),
    };
    let (mut values, mut prefixes) = (BTreeSet::new(), BTreeSet::from([base]));
    for rival in rivals {
        match rival.constraints.on(field) {
            Some(Domain::OneOf(named)) => values.extend(named.iter().copied().filter(|value| value.starts_with(base))),
            Some(Domain::Prefix(start, _)) if start.starts_with(base) => drop(prefixes.insert(start)),
            _ => {}
        }
    }
    for start in &prefixes {
        let next = ('a'..='z').chain('0'..='9').map(|c| format!("{start}{c}"));
        let mut unnamed = next.filter(|text| !values.contains(text.as_str()) && !prefixes.contains(text.as_str()));
        classes.push(Some(unnamed.next()?));
    }
    classes.extend(values.into_iter().map(|value| Some(value.to_owned())));
    Some(classes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::Table;
    use crate::route::testing::{exact, one_of, prefix, present, spec, specs};

    /// The unreachable routes, and what covers each.
    fn covered(specs: Vec<Spec>) -> Vec<(usize, Vec<usize>)> {
        let conflicts = Table::build(specs).err().unwrap_or_default();
        let one = |conflict| match conflict {
            Conflict::Unreachable { route, by, reason: Unreachable::Covered } => (route, by),
            other => panic!("{other:?}"),
        };
        conflicts.into_iter().map(one).collect()
    }

    #[test]
    fn paths_are_covered_by_patterns_on_their_way_only() {
        let table: &[(&[&str], Option<&[usize]>)] = &[
            (&["/a/{*x}", "/a/{y}/*"], Some(&[1])),
            (&["/a/{*x}", "/a/{y}", "/a/{y}/", "/a/{y}/{*z}"], Some(&[1, 2, 3])),
            (&["/a/{*x}", "/a/{y}", "/a/{y}/{*z}"], None),
            (&["/a/*", "/a", "/a/", "/a/{*x}"], Some(&[1, 2, 3])),
            (&["/a/*", "/a", "/a/{*x}"], None),
            (&["/*", "/", "/{*x}"], Some(&[1, 2])),
            (&["/*", "/", "/{x}/*"], Some(&[1, 2])),
            (&["/*", "/{*x}"], None),
            (&["/*", "/a/*", "/b/*"], None),
            (&["/{x}", "/a", "/b"], None),
            // A more specific host covers only itself.
            (&["*.com/a", "a.com/a"], None),
            (&["/a", "*.com/a"], None),
        ];
        for (texts, expected) in table {
            let expected: Vec<_> = expected.iter().map(|by| (0, by.to_vec())).collect();
            assert_eq!(covered(specs(texts)), expected, "{texts:?}");
        }
    }

    #[test]
    fn methods_are_covered_together() {
        let every = "GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS,QUERY /a";
        assert_eq!(covered(specs(&["/a", every])), [(0, vec![1])]);
        assert_eq!(covered(specs(&["/a", "GET,POST,PUT /a", "PATCH,DELETE,OPTIONS,QUERY /a"])), [(0, vec![1, 2])]);
        assert_eq!(covered(specs(&["/a", "GET,POST,PUT /a", "PATCH,DELETE,OPTIONS /a"])), []);
        assert_eq!(covered(specs(&["GET /a/{*x}", "GET,POST /a/{y}/*"])), [(0, vec![1])]);
        assert_eq!(covered(specs(&["GET,PUT /a/{*x}", "GET,POST /a/{y}/*"])), []);
    }

    #[test]
    fn values_are_covered_together() {
        let plain = || spec(0, "/a");
        let with = |route, test| spec(route, "/a").header("x-a", &test);
        let both = vec![plain(), with(1, present(true)), with(2, present(false))];
        assert_eq!(covered(both), [(0, vec![1, 2])]);
        assert_eq!(covered(vec![plain(), with(1, present(true))]), []);
        assert_eq!(covered(vec![plain(), with(1, prefix("")), with(2, present(false))]), [(0, vec![1, 2])]);
        assert_eq!(covered(vec![plain(), with(1, exact("1")), with(2, present(false))]), []);
        // More predicates go first: two on `x-a` cover one of its values.
        let narrow = spec(0, "/a").header("x-a", &exact("1"));
        let twice = |route| spec(route, "/a").header("x-a", &one_of(&["1", "2"]));
        let never = twice(1).header("x-b", &present(false));
        let always = twice(2).header("x-b", &present(true));
        assert_eq!(covered(vec![narrow.clone(), never.clone(), always]), [(0, vec![1, 2])]);
        assert_eq!(covered(vec![narrow, never]), []);
        let starts = spec(0, "/a").query("q", &prefix("ab"));
        let wider = spec(1, "/a").query("q", &prefix("a")).query("q", &present(true));
        assert_eq!(covered(vec![starts, wider]), [(0, vec![1])]);
    }

    #[test]
    fn a_route_with_one_open_host_is_reachable() {
        let specs = |open: &str| vec![spec(0, "a.com/a/{*x}"), spec(0, open), spec(1, "a.com/a/{y}/*")];
        assert_eq!(covered(specs("b.com/a/{*x}")), []);
        assert_eq!(covered(specs("a.com/a/{*z}")), [(0, vec![1])]);
    }
}
