//! Routes that get in each other's way.

use std::collections::BTreeSet;
use std::fmt;

use super::domain::{Constraints, Domain};
use super::rank::{lists_head, precedence};
use super::reach::{self, Check, Position};
use super::trie::{Candidate, Kind, Trie};
use super::{Field, MethodSet, Methods, Spec, Witness};

/// Routes, by their [`Spec::route`], that can't be as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// Both rank the same, and both take the witness.
    Ambiguous {
        /// The route that is configured first.
        a: usize,
        /// The other.
        b: usize,
        /// A request that both take, tried on both. None is known where it is not sure that there is one.
        witness: Option<Witness>,
    },
    /// No request ever gets to this route.
    Unreachable {
        /// The route.
        route: usize,
        /// The routes that take all of its requests; none if it contradicts itself.
        by: Vec<usize>,
        /// The reason.
        reason: Unreachable,
    },
}

/// A reason why no request gets to a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreachable {
    /// The route's predicates on this field exclude each other.
    Contradiction(Field),
    /// Routes that rank higher take every request that it would.
    Covered,
}

impl Conflict {
    /// The route to report it at: of two, the one that is configured last.
    #[must_use]
    pub const fn route(&self) -> usize {
        match self {
            Self::Ambiguous { b, .. } => *b,
            Self::Unreachable { route, .. } => *route,
        }
    }

    /// The other route of two that rank the same.
    #[must_use]
    pub const fn other(&self) -> Option<usize> {
        match self {
            Self::Ambiguous { a, .. } => Some(*a),
            Self::Unreachable { .. } => None,
        }
    }

    /// The message; `name` gives the name of a route.
    pub fn message(&self, name: impl Fn(usize) -> String) -> String {
        match self {
            Self::Ambiguous { a, b, witness: Some(witness) } => {
                format!("`{}` and `{}` rank the same, and both match `{witness}`", name(*a), name(*b))
            }
            Self::Ambiguous { a, b, witness: None } => {
                format!("`{}` and `{}` rank the same, and may both match one request", name(*a), name(*b))
            }
            Self::Unreachable { route, by, reason } => {
                let mut message = format!("no request gets to `{}`: {reason}", name(*route));
                for (i, other) in by.iter().enumerate() {
                    message.push_str(if i == 0 { ": " } else { ", " });
                    message.push_str(&format!("`{}`", name(*other)));
                }
                message
            }
        }
    }

    /// The way to mend it.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Ambiguous { .. } => {
                "give one of them another path, host or method, or one more predicate; or let the first in the file win: \
                 `\"ties\": \"first\"`"
            }
            Self::Unreachable { reason: Unreachable::Contradiction(_), .. } => "leave out one of its predicates on it",
            Self::Unreachable { reason: Unreachable::Covered, .. } => "remove it, or narrow the others",
        }
    }
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
pub(super) fn find(specs: &[Spec], trie: &Trie, methods: &Methods) -> Vec<Conflict> {
    let constraints: Vec<Constraints<'_>> = specs.iter().map(Constraints::of).collect();
    let contradictions: Vec<Option<&Field>> = constraints.iter().map(Constraints::contradiction).collect();
    let check = Check::new(specs, trie, &constraints, methods);
    let mut pairs =
        Pairs { specs, constraints: &constraints, known: methods, seen: BTreeSet::new(), found: Vec::new(), check };
    for (id, node, kind) in trie.patterns() {
        let candidates = trie.candidates(node, kind);
        // A route's own specs never conflict: at most it names a host twice.
        let sound = |candidate: &&Candidate| contradictions.get(candidate.spec as usize).is_some_and(Option::is_none);
        if candidates.len() < 2 {
            continue;
        }
        let rank = |candidate: &Candidate| specs.get(candidate.spec as usize).map(precedence);
        let mut higher = 0;
        for equal in candidates.chunk_by(|a, b| rank(a) == rank(b)) {
            let Some(before) = candidates.get(..higher) else { break };
            let position = Position { id, node, kind, before, equal };
            let mut group: Vec<usize> = equal.iter().filter(sound).map(|candidate| candidate.spec as usize).collect();
            group.sort_unstable();
            group.dedup();
            pairs.check(&group, &position);
            higher += equal.len();
        }
    }
    let mut found = pairs.found;
    found.sort_by_key(|conflict| match conflict {
        Conflict::Ambiguous { a, b, .. } => (*a, *b),
        Conflict::Unreachable { route, .. } => (*route, 0),
    });
    found.extend(reach::unreachable(specs, trie, &constraints, methods));
    found
}

/// Looks for specs of one path and one rank that take the same request.
struct Pairs<'a, 's> {
    specs: &'a [Spec],
    constraints: &'a [Constraints<'s>],
    known: &'a Methods,
    /// The pairs of routes that are reported; with several hosts they would meet several times.
    seen: BTreeSet<(usize, usize)>,
    found: Vec<Conflict>,
    check: Check<'a, 's>,
}

impl<'s> Pairs<'_, 's> {
    /// `group` is sorted. Comparing each with each would take long for thousands of routes on one path; those that ask for
    /// different values of one field need not be compared.
    fn check(&mut self, group: &[usize], position: &Position<'_>) {
        if group.len() <= EVERY_PAIR {
            for (i, b) in group.iter().enumerate() {
                for a in group.iter().take(i) {
                    self.clash(*a, *b, position);
                }
            }
            return;
        }
        self.check_crowd(group, position);
    }

    #[inline(never)]
    fn check_crowd(&mut self, group: &[usize], position: &Position<'_>) {
        let Some(field) = self.most_telling_field(group) else {
            for (i, b) in group.iter().enumerate() {
                group.iter().take(i).any(|a| self.clash(*a, *b, position));
            }
            return;
        };
        let (mut texts, mut absent, mut free) = (Vec::new(), Vec::new(), Vec::new());
        for spec in group {
            match self.constraints.get(*spec).and_then(|all| all.on(field)) {
                None => free.push(*spec),
                Some(Domain::Absent | Domain::Nothing) => absent.push(*spec),
                Some(Domain::Prefix(start, _)) => texts.push((*start, *spec, true)),
                Some(Domain::Within(_)) => free.push(*spec),
                Some(Domain::OneOf(values)) => texts.extend(values.iter().map(|value| (*value, *spec, false))),
            }
        }
        for (i, b) in absent.iter().enumerate() {
            absent.iter().take(i).any(|a| self.clash(*a, *b, position));
        }
        for one in &free {
            group.iter().take_while(|a| *a < one).any(|a| self.clash(*a, *one, position));
            // Those after it that are not in `free` themselves.
            for other in group.iter().filter(|b| *b > one && free.binary_search(b).is_err()) {
                self.clash(*one, *other, position);
            }
        }
        self.sweep(texts, position);
    }

    /// In sorted order, what a text overlaps with is the equal texts and the prefixes that are still open before it.
    fn sweep(&mut self, mut texts: Vec<(&str, usize, bool)>, position: &Position<'_>) {
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
            open.iter().any(|(_, other, _)| *other != spec && self.clash(*other, spec, position) && *other < spec);
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

    /// Reports the two if they are of different routes and one request can be taken by both; `true` if it did.
    fn clash(&mut self, a: usize, b: usize, position: &Position<'_>) -> bool {
        let (Some(one), Some(other)) = (self.specs.get(a), self.specs.get(b)) else { return false };
        let (Some(mine), Some(theirs)) = (self.constraints.get(a), self.constraints.get(b)) else { return false };
        if one.route == other.route
            || one.yields_by_order(other)
            || !mine.overlap(theirs)
            || !one.path.may_meet(&other.path)
        {
            return false;
        }
        let mut shared = one.methods.accepted().intersection(other.methods.accepted());
        if lists_head(one) != lists_head(other) {
            shared = shared.without(MethodSet::HEAD);
        }
        !shared.is_empty() && self.report((one, mine), (other, theirs), shared, position)
    }

    /// Reports the two if there is a request that both take, and no higher-ranked route; `true` if it did.
    #[cold]
    #[inline(never)]
    fn report(
        &mut self,
        (one, mine): (&Spec, &Constraints<'s>),
        (other, theirs): (&Spec, &Constraints<'s>),
        methods: MethodSet,
        position: &Position<'_>,
    ) -> bool {
        let pair = (one.route.min(other.route), one.route.max(other.route));
        if self.seen.contains(&pair) {
            return true;
        }
        let both = mine.both(theirs);
        let list_head = lists_head(one) || lists_head(other);
        let paths = [&one.path, &other.path];
        let Err(left) = self.check.settles(position, (methods, list_head), &both, paths) else { return false };
        let takers = (&[one, other][..], self.known);
        let (method, values) = left.as_ref().map_or((None, &[][..]), |left| (Some(&left.method), &left.values));
        let first = self.known.iter(methods).next();
        // A request that is left to the two shows more than any; where none is known, any will do.
        let witness = method.and_then(|method| Witness::verified(one, method, &both, values, takers));
        let witness = witness.or_else(|| Witness::verified(one, first?, &both, &[], takers));
        if witness.is_none() && !both.is_vague() && position.kind != Kind::Regex {
            return false;
        }
        self.seen.insert(pair);
        self.found.push(Conflict::Ambiguous { a: pair.0, b: pair.1, witness });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ValueMatch;
    use crate::route::Table;
    use crate::route::testing::{exact, one_of, prefix, present, spec, specs};

    fn conflicts(specs: Vec<Spec>) -> Vec<Conflict> {
        Table::build(specs).err().unwrap_or_default()
    }

    /// The witness of the one ambiguity of routes 0 and 1.
    fn witness(specs: Vec<Spec>) -> Option<String> {
        match &conflicts(specs)[..] {
            [] => None,
            [Conflict::Ambiguous { a: 0, b: 1, witness }] => {
                Some(witness.as_ref().map_or("?".to_owned(), Witness::to_string))
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_path_by_any_parameter_name_is_one_path() {
        let table = [
            (["/a", "/a"], Some("GET http://example.com/a")),
            (["/a/{x}", "/a/{y}"], Some("GET http://example.com/a/x")),
            (["/a/{*x}", "/a/{*y}"], Some("GET http://example.com/a/x")),
            (["/a/*", "/a/*"], Some("GET http://example.com/a")),
            (["/*", "/*"], Some("GET http://example.com/")),
            (["/%7Ea", "/~a"], Some("GET http://example.com/~a")),
            (["A.com/a", "a.com:80/a"], Some("GET http://a.com/a")),
            (["*.a.com/a", "*.a.com/a"], Some("GET http://a.a.com/a")),
            (["GET,POST /a", "PUT,POST /a"], Some("POST http://example.com/a")),
            (["GET,HEAD /a", "GET /a"], Some("GET http://example.com/a")),
            // Different places in the order, or nothing in common.
            (["/a", "/a/"], None),
            (["/a/{x}", "/a/b"], None),
            (["/a", "/a/*"], None),
            (["/{x}/b", "/a/{y}"], None),
            (["a.com/a", "*.com/a"], None),
            (["*.a.com/a", "*.b.com/a"], None),
            (["GET /a", "POST /a"], None),
            (["GET /a", "/a"], None),
            (["GET /a", "HEAD /a"], None),
        ];
        for (texts, expected) in table {
            assert_eq!(witness(specs(&texts)).as_deref(), expected, "{texts:?}");
        }
    }

    #[test]
    fn values_are_compared_exactly() {
        let table: &[(ValueMatch, ValueMatch, Option<&str>)] = &[
            (exact("1"), exact("1"), Some("1")),
            (exact("1"), exact("2"), None),
            (exact("1"), one_of(&["1", "2"]), Some("1")),
            (one_of(&["3", "2"]), one_of(&["1", "2"]), Some("2")),
            (one_of(&["3", "4"]), one_of(&["1", "2"]), None),
            (prefix("ab"), prefix("abc"), Some("abc")),
            (prefix("ab"), prefix("ac"), None),
            (prefix("ab"), exact("abc"), Some("abc")),
            (prefix("ab"), exact("a"), None),
            (present(true), exact("1"), Some("1")),
            (present(true), prefix("1 "), Some("1 x")),
            (present(false), exact(""), None),
            (present(false), present(true), None),
        ];
        for (a, b, value) in table {
            let pair = |make: fn(Spec, &ValueMatch) -> Spec| vec![make(spec(0, "/a"), a), make(spec(1, "/a"), b)];
            let found = witness(pair(|spec, test| spec.header("x-a", test)));
            assert_eq!(found, value.map(|value| format!("GET http://example.com/a, x-a: {value}")), "{a:?} {b:?}");
            let found = witness(pair(|spec, test| spec.cookie("c", test)));
            assert_eq!(found, value.map(|value| format!("GET http://example.com/a, cookie: c={value}")), "{a:?} {b:?}");
            let found = witness(pair(|spec, test| spec.query("q", test)));
            let value = value.map(|value| format!("GET http://example.com/a?q={}", value.replace(' ', "%20")));
            assert_eq!(found, value, "{a:?} {b:?}");
        }
        let absent = |route| spec(route, "/a").header("x-a", &present(false));
        assert_eq!(witness(vec![absent(0), absent(1)]).as_deref(), Some("GET http://example.com/a"));
    }

    #[test]
    fn tests_of_different_fields_can_meet() {
        let specs = vec![
            spec(0, "GET /{x}").header("x-a", &exact("1")).query("q", &exact("a&b")),
            spec(1, "/{y}").cookie("c", &prefix("v")).query("q", &present(true)),
        ];
        // One lists methods.
        assert_eq!(witness(specs), None);
        let specs = vec![
            spec(0, "GET /{x}").header("x-a", &exact("1")).query("q", &exact("a&b")),
            spec(1, "GET /{y}").cookie("c", &prefix("v")).query("q", &present(true)),
        ];
        let expected = "GET http://example.com/x?q=a%26b, x-a: 1, cookie: c=v";
        assert_eq!(witness(specs).as_deref(), Some(expected));
    }

    #[test]
    fn a_route_is_no_conflict_to_itself() {
        let twice = vec![spec(0, "a.com/a"), spec(0, "A.COM/a"), spec(0, "/a")];
        assert_eq!(conflicts(twice), []);
        // Two routes that meet on two hosts are reported once.
        let both = vec![spec(0, "a.com/a"), spec(0, "b.com/a"), spec(1, "a.com/a"), spec(1, "b.com/a")];
        assert_eq!(witness(both).as_deref(), Some("GET http://a.com/a"));
    }

    #[test]
    fn every_pair_of_a_few_is_reported() {
        let found = conflicts(specs(&["/a", "/a", "/a"]));
        let pairs: Vec<_> =
            found.iter().map(|c| if let Conflict::Ambiguous { a, b, .. } = c { (*a, *b) } else { (9, 9) }).collect();
        assert_eq!(pairs, [(0, 1), (0, 2), (1, 2)]);
    }

    #[test]
    fn among_thousands_on_one_path_the_conflicting_are_found() {
        let tenant = |route: usize, test: &ValueMatch| spec(route, "/a").header("x-tenant", test);
        let mut specs: Vec<Spec> = (0..2000).map(|i| tenant(i, &exact(&format!("t{i}")))).collect();
        assert_eq!(conflicts(specs.clone()), []);
        specs.push(tenant(2000, &exact("t77")));
        specs.push(tenant(2001, &prefix("t199")));
        specs.push(tenant(2002, &present(false)));
        specs.push(tenant(2003, &present(false)));
        specs.push(spec(2004, "/a").header("x-other", &exact("1")));
        let found = conflicts(specs);
        let with = |route: usize| {
            let other = |conflict: &Conflict| match conflict {
                Conflict::Ambiguous { a, b, .. } if *b == route => Some(*a),
                Conflict::Ambiguous { .. } | Conflict::Unreachable { .. } => None,
            };
            found.iter().filter_map(other).collect::<Vec<_>>()
        };
        assert_eq!(with(2000), [77]);
        // `t199` and `t1990` to `t1999`: one of them is enough.
        assert!(!with(2001).is_empty() && with(2001).iter().all(|a| *a == 199 || (1990..2000).contains(a)));
        assert!(with(2002).is_empty());
        assert_eq!(with(2003), [2002]);
        assert!(!with(2004).is_empty());
    }

    #[test]
    fn messages_name_the_routes() {
        let name = |route: usize| ["one", "two", "three"][route].to_owned();
        let ambiguous = conflicts(specs(&["/a/{x}", "/a/{y}"]));
        let expected = "`one` and `two` rank the same, and both match `GET http://example.com/a/x`";
        assert_eq!(ambiguous.iter().map(|c| (c.route(), c.message(name))).collect::<Vec<_>>(), [(1, expected.into())]);
        let covered = conflicts(specs(&["/*", "/", "/{x}/*"]));
        let expected = "no request gets to `one`: routes that rank higher take all of its requests: `two`, `three`";
        assert_eq!(covered.iter().map(|c| (c.route(), c.message(name))).collect::<Vec<_>>(), [(0, expected.into())]);
        let contradiction = conflicts(vec![spec(0, "/a").query("q", &one_of(&[]))]);
        let expected = "no request gets to `one`: nothing can meet what it asks of query parameter `q`";
        assert_eq!(contradiction.iter().map(|c| c.message(name)).collect::<Vec<_>>(), [expected]);
    }

    #[test]
    fn a_contradiction_is_named() {
        let header = spec(0, "/a").header("X-A", &exact("1")).header("x-a", &exact("2"));
        let expected = Conflict::Unreachable {
            route: 0,
            by: vec![],
            reason: Unreachable::Contradiction(Field::Header("x-a".parse().unwrap())),
        };
        assert_eq!(conflicts(vec![header]), [expected]);
        for (a, b) in [
            (one_of(&[]), present(true)),
            (present(false), exact("")),
            (prefix("a"), prefix("b")),
            (prefix("a"), one_of(&["b", "c"])),
        ] {
            let query = spec(0, "/a").query("q", &a).query("q", &b);
            let reason = Unreachable::Contradiction(Field::Query("q".into()));
            assert_eq!(conflicts(vec![query]), [Conflict::Unreachable { route: 0, by: vec![], reason }], "{a:?} {b:?}");
        }
    }

    #[test]
    fn a_higher_ranked_route_that_takes_all_that_two_share_settles_it() {
        let with = |route, fields: &[(&str, &str)]| {
            fields.iter().fold(spec(route, "/*"), |spec, (name, value)| spec.header(name, &exact(value)))
        };
        let two = || vec![with(0, &[("version", "one")]), with(1, &[("color", "blue")])];
        assert!(witness(two()).is_some());
        let third = |spec| two().into_iter().chain([spec]).collect::<Vec<_>>();
        assert_eq!(conflicts(third(with(2, &[("version", "one"), ("color", "blue")]))), []);
        // More specific in path, but not all of what they share; or for one method alone.
        assert!(witness(third(spec(2, "/a/*").header("version", &exact("one")))).is_some());
        let get = spec(2, "GET /*").header("version", &exact("one")).header("color", &exact("blue"));
        assert_eq!(witness(third(get)).as_deref(), Some("POST http://example.com/, version: one, color: blue"));
        // The witness is one that the third leaves to the two.
        let third = third(with(2, &[("version", "one"), ("color", "blue")]).header("x-a", &present(true)));
        assert_eq!(witness(third).as_deref(), Some("GET http://example.com/, version: one, color: blue"));
    }

    #[test]
    fn the_first_of_two_wins_where_both_say_so() {
        let first = |mut spec: Spec| {
            spec.ties = crate::config::Ties::First;
            spec
        };
        let (a, b) = (spec(0, "/a").header("x", &exact("1")), spec(1, "/a").header("y", &exact("1")));
        assert!(witness(vec![first(a.clone()), b.clone()]).is_some());
        assert_eq!(conflicts(vec![first(a), first(b)]), []);
        // An equal route after it gets nothing.
        let twice = vec![first(spec(0, "/a")), first(spec(1, "/a"))];
        let expected = Conflict::Unreachable { route: 1, by: vec![0], reason: Unreachable::Covered };
        assert_eq!(conflicts(twice), [expected]);
        // A route that lists HEAD goes first for HEAD alone.
        let table = Table::build(vec![first(spec(0, "GET /a")), first(spec(1, "GET,HEAD /a"))]).unwrap();
        assert_eq!(crate::route::testing::ask(&table, "GET /a", &[]), "0");
        assert_eq!(crate::route::testing::ask(&table, "HEAD /a", &[]), "1");
    }
}
