//! The sets of values that predicates let through. They are closed under intersection, so that everything a spec asks of
//! one field is a single set, and two specs can be compared. That is exact, but for suffixes and regular
//! expressions: sets of those that can't be told apart count as overlapping.

use std::net::IpAddr;

use ipnet::IpNet;

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
    /// Every value that begins so and passes these tests, each of which is there once.
    Prefix(&'s str, Vec<&'s Test>),
    /// Every address in these networks; at least one, none within another.
    Within(Vec<IpNet>),
}

impl<'s> Domain<'s> {
    fn of(test: &'s Test) -> Self {
        match test {
            Test::Present => Self::Prefix("", Vec::new()),
            Test::Absent => Self::Absent,
            Test::OneOf(values) => Self::one_of(values.iter().map(|value| &**value)),
            Test::Prefix(start) => Self::Prefix(start, Vec::new()),
            Test::Suffix(_) => Self::Prefix("", vec![test]),
            Test::Regex(expression) => Self::Prefix(expression.start(), vec![test]),
            Test::Within(networks) => Self::within(networks.to_vec()),
        }
    }

    fn one_of(values: impl Iterator<Item = &'s str>) -> Self {
        let mut values: Vec<&str> = values.collect();
        values.sort_unstable();
        values.dedup();
        if values.is_empty() { Self::Nothing } else { Self::OneOf(values) }
    }

    fn within(networks: Vec<IpNet>) -> Self {
        let networks = IpNet::aggregate(&networks);
        if networks.is_empty() { Self::Nothing } else { Self::Within(networks) }
    }

    pub(super) fn intersection(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Absent, Self::Absent) => Self::Absent,
            (Self::Within(a), Self::Within(b)) => {
                // Of two networks, one holds the other or they have nothing in common.
                let both = a.iter().flat_map(|a| b.iter().filter_map(|b| narrower(a, b)));
                Self::within(both.collect())
            }
            (Self::OneOf(some), set) | (set, Self::OneOf(some)) => {
                Self::one_of(some.iter().copied().filter(|value| set.contains(Some(value))))
            }
            (Self::Prefix(a, tests), Self::Prefix(b, others)) => {
                let start = match (a.starts_with(b), b.starts_with(a)) {
                    (true, _) => *a,
                    (_, true) => *b,
                    _ => return Self::Nothing,
                };
                if are_disjoint(tests, others) {
                    return Self::Nothing;
                }
                let mut all = tests.clone();
                all.extend(others.iter().filter(|test| !tests.contains(test)));
                Self::Prefix(start, all)
            }
            _ => Self::Nothing,
        }
    }

    pub(super) fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Absent, Self::Absent) => true,
            (Self::Within(a), Self::Within(b)) => a.iter().any(|a| b.iter().any(|b| narrower(a, b).is_some())),
            (Self::OneOf(a), Self::OneOf(b)) => {
                let (few, many) = if a.len() < b.len() { (a, b) } else { (b, a) };
                few.iter().any(|value| many.binary_search(value).is_ok())
            }
            (Self::OneOf(some), set) | (set, Self::OneOf(some)) => some.iter().any(|value| set.contains(Some(value))),
            (Self::Prefix(a, tests), Self::Prefix(b, others)) => {
                (a.starts_with(b) || b.starts_with(a)) && !are_disjoint(tests, others)
            }
            _ => false,
        }
    }

    pub(super) fn contains(&self, value: Option<&str>) -> bool {
        match (self, value) {
            (Self::Absent, None) => true,
            (Self::OneOf(values), Some(value)) => values.binary_search(&value).is_ok(),
            (Self::Prefix(start, tests), Some(value)) => {
                value.starts_with(start) && tests.iter().all(|test| test.accepts(value))
            }
            _ => false,
        }
    }

    /// Returns whether it is sure to hold everything that `other` does, where single values do not tell: for networks, and
    /// for tests beyond the beginning of a text.
    pub(super) fn surely_holds(&self, other: Option<&Self>) -> bool {
        match (self, other) {
            (Self::Within(all), Some(Self::Within(some))) => {
                some.iter().all(|one| all.iter().any(|network| network.contains(one)))
            }
            (Self::Within(_), _) => false,
            (Self::Prefix(a, tests), Some(Self::Prefix(b, others))) => {
                b.starts_with(a) && tests.iter().all(|test| others.contains(test))
            }
            _ => false,
        }
    }

    /// Returns whether one value of a class tells of the others in it.
    pub(super) fn is_told_by_values(&self) -> bool {
        match self {
            Self::Within(_) => false,
            Self::Prefix(_, tests) => tests.is_empty(),
            Self::Nothing | Self::Absent | Self::OneOf(_) => true,
        }
    }

    /// A value in it, if it holds values and one is easily found.
    pub(super) fn sample(&self) -> Option<String> {
        match self {
            Self::Nothing | Self::Absent | Self::Within(_) => None,
            Self::OneOf(values) => values.first().map(|value| (*value).to_owned()),
            Self::Prefix(start, tests) => {
                let ends =
                    tests.iter().filter_map(|test| if let Test::Suffix(end) = test { Some(&**end) } else { None });
                let longest = ends.max_by_key(|end| end.len()).unwrap_or_default();
                // White space at the end of a field is no part of its value.
                let bare = start.is_empty() || start.ends_with([' ', '\t']);
                let middle = ["", "x", "0", "1", "a"].into_iter().skip(usize::from(bare && longest.is_empty()));
                let mut samples = middle.map(|middle| format!("{start}{middle}{longest}"));
                samples.find(|sample| tests.iter().all(|test| test.accepts(sample)))
            }
        }
    }

    /// An address in it, if it holds addresses.
    pub(super) fn address(&self) -> Option<IpAddr> {
        if let Self::Within(networks) = self { networks.first().map(IpNet::addr) } else { None }
    }
}

/// The network that is within the other.
fn narrower(a: &IpNet, b: &IpNet) -> Option<IpNet> {
    if a.contains(b) { Some(*b) } else { b.contains(a).then_some(*a) }
}

/// Returns whether no text passes both of two tests.
fn are_disjoint(tests: &[&Test], others: &[&Test]) -> bool {
    tests.iter().any(|a| {
        others.iter().any(|b| match (a, b) {
            (Test::Suffix(a), Test::Suffix(b)) => !a.ends_with(&**b) && !b.ends_with(&**a),
            _ => false,
        })
    })
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

    /// Returns whether the overlap of it with others is not sure.
    pub(super) fn is_vague(&self) -> bool {
        self.0.iter().any(|(_, domain)| matches!(domain, Domain::Prefix(_, tests) if !tests.is_empty()))
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
    use Domain::{Absent, Nothing};

    #[test]
    fn intersections_are_exact() {
        let start = |start: &'static str| Domain::Prefix(start, Vec::new());
        let some = |values: &'static [&str]| Domain::one_of(values.iter().copied());
        let table = [
            (Absent, Absent, Absent),
            (Absent, start(""), Nothing),
            (Absent, some(&[""]), Nothing),
            (start("a"), start("ab"), start("ab")),
            (start("a"), start("b"), Nothing),
            (start(""), start("b"), start("b")),
            (start("a"), some(&["b", "ab", "a"]), some(&["a", "ab"])),
            (start("a"), some(&["b"]), Nothing),
            (some(&["a", "b"]), some(&["c", "b"]), some(&["b"])),
            (some(&["a"]), some(&["b"]), Nothing),
            (some(&[]), start(""), Nothing),
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

    #[test]
    fn networks_hold_one_another_or_have_nothing_in_common() {
        let within = |networks: &[&str]| Domain::within(networks.iter().map(|text| text.parse().unwrap()).collect());
        let table = [
            (within(&["10.0.0.0/8"]), within(&["10.1.0.0/16", "192.0.2.0/24"]), within(&["10.1.0.0/16"])),
            (within(&["10.0.0.0/8"]), within(&["11.0.0.0/8"]), Nothing),
            (within(&["10.0.0.0/9", "10.128.0.0/9"]), within(&["10.0.0.0/8"]), within(&["10.0.0.0/8"])),
            (within(&["2001:db8::/32"]), within(&["10.0.0.0/8"]), Nothing),
        ];
        for (a, b, both) in table {
            assert_eq!(a.intersection(&b), both, "{a:?} {b:?}");
            assert_eq!(a.overlaps(&b), both != Nothing, "{a:?} {b:?}");
            assert_eq!(both.address().is_some(), both != Nothing);
        }
    }

    #[test]
    fn suffixes_meet_unless_neither_ends_with_the_other() {
        let tests = ["json", ".json", "xml"].map(|end| Test::Suffix(end.into()));
        let [json, dot_json, xml] = [0, 1, 2].map(|i| Domain::of(&tests[i]));
        assert!(json.overlaps(&dot_json) && !json.overlaps(&xml));
        let both = json.intersection(&dot_json);
        assert_eq!(both.sample().as_deref(), Some(".json"));
        assert!(json.surely_holds(Some(&both)) && !both.surely_holds(Some(&json)));
        assert_eq!(json.intersection(&Domain::one_of(["a.json", "a"].into_iter())), Domain::OneOf(vec!["a.json"]));
    }
}
