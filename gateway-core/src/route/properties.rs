//! Properties of every table and request: tried on small alphabets, against plain searches through all specs.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use proptest::prelude::*;

use super::testing::Request;
use super::*;
use crate::config::{EncodedSlash, ValueMatch, ValueTest};

fn path_pattern() -> impl Strategy<Value = PathPattern> {
    let segment = prop::sample::select(vec!["a", "a", "b", "{}", "{}"]);
    (prop::collection::vec(segment, 0..4), 0..4).prop_map(|(segments, tail)| {
        let name =
            |(i, segment): (usize, &str)| if segment == "{}" { format!("/{{p{i}}}") } else { format!("/{segment}") };
        let text: String = segments.iter().copied().enumerate().map(name).collect();
        match tail {
            0 => PathPattern::prefix(if text.is_empty() { "/" } else { &text }, EncodedSlash::Keep).unwrap(),
            1 => PathPattern::template(&format!("{text}/{{*rest}}"), EncodedSlash::Keep).unwrap(),
            2 => PathPattern::template(&format!("{text}/"), EncodedSlash::Keep).unwrap(),
            _ if text.is_empty() => PathPattern::template("/", EncodedSlash::Keep).unwrap(),
            _ => PathPattern::template(&text, EncodedSlash::Keep).unwrap(),
        }
    })
}

fn host_pattern() -> impl Strategy<Value = HostPattern> {
    prop::sample::select(vec!["*", "*", "*", "a.b", "*.b", "*.a.b", "x.a.b"])
        .prop_map(|text| HostPattern::parse(text).unwrap())
}

fn methods() -> impl Strategy<Value = MethodSet> {
    let some = prop::sample::subsequence(vec!["GET", "HEAD", "POST"], 0..3);
    prop_oneof![
        3 => some.prop_map(|names| names.iter().map(|name| MethodSet::named(name).unwrap()).collect()),
        1 => Just(MethodSet::ALL)
    ]
}

fn value_match() -> impl Strategy<Value = ValueMatch> {
    let value = prop::sample::select(vec!["", "1", "2", "12"]).prop_map(str::to_owned);
    prop_oneof![
        value.clone().prop_map(ValueMatch::Exact),
        prop::collection::vec(value.clone(), 0..3).prop_map(|values| ValueMatch::Test(ValueTest::OneOf(values))),
        value.prop_map(|start| ValueMatch::Test(ValueTest::Prefix(start))),
        any::<bool>().prop_map(|there| ValueMatch::Test(ValueTest::Present(there))),
    ]
}

fn predicates(
    make: fn(&str, &ValueMatch) -> Result<Predicate, PredicateError>,
) -> impl Strategy<Value = Vec<Predicate>> {
    let one = (prop::sample::select(vec!["x", "y"]), value_match()).prop_map(move |(n, m)| make(n, &m).unwrap());
    prop_oneof![4 => Just(Vec::new()), 1 => prop::collection::vec(one, 1..3)]
}

fn spec() -> impl Strategy<Value = Spec> {
    let fields = (predicates(Predicate::header), predicates(Predicate::query), predicates(Predicate::cookie));
    (0..6_usize, host_pattern(), path_pattern(), methods(), fields).prop_map(
        |(route, host, path, methods, (headers, query, cookies))| Spec {
            route,
            host,
            path,
            methods,
            headers,
            query,
            cookies,
        },
    )
}

/// Specs that share their path and host, so that they often meet.
fn crowd() -> impl Strategy<Value = Vec<Spec>> {
    prop::collection::vec(spec(), 1..14).prop_map(|mut specs| {
        let first = specs[0].clone();
        for (i, spec) in specs.iter_mut().enumerate() {
            spec.route = i;
            spec.host = first.host.clone();
            if i % 4 != 3 {
                spec.path = first.path.clone();
            }
        }
        specs
    })
}

/// Many specs on one path, most of them with a value of one field.
fn throng() -> impl Strategy<Value = Vec<Spec>> {
    let value = || (0..30_u8).prop_map(|value| value.to_string());
    let test = prop_oneof![
        6 => value().prop_map(ValueMatch::Exact),
        2 => prop::collection::vec(value(), 0..3).prop_map(|values| ValueMatch::Test(ValueTest::OneOf(values))),
        1 => value().prop_map(|start| ValueMatch::Test(ValueTest::Prefix(start))),
        1 => any::<bool>().prop_map(|there| ValueMatch::Test(ValueTest::Present(there))),
    ];
    let spec = (test, methods(), 0..12_u8);
    (0..3_u8, prop::collection::vec(spec, 20..60)).prop_map(|(kind, all)| {
        let one = |(route, (test, methods, extra)): (usize, (ValueMatch, MethodSet, u8))| {
            let mut spec = super::testing::spec(route, if extra == 11 { "/*" } else { "/a" });
            spec.methods = methods;
            let spec = match kind {
                _ if extra == 10 => spec,
                0 => spec.header("x", &test),
                1 => spec.query("x", &test),
                _ => spec.cookie("x", &test),
            };
            if extra < 2 { spec.query("y", &super::testing::exact("1")) } else { spec }
        };
        all.into_iter().enumerate().map(one).collect()
    })
}

fn throng_request() -> impl Strategy<Value = Request> {
    let value = || prop::option::of(0..40_u8);
    let method = prop::sample::select(vec!["GET", "HEAD", "POST", "PUT"]);
    (method, value(), value(), value(), any::<bool>()).prop_map(|(method, header, cookie, query, y)| {
        let query = query.map(|query| format!("x={query}&")).unwrap_or_default();
        let url = format!("{method} /a?{query}{}", if y { "y=1" } else { "" });
        let (header, cookie) = (header.map(|h| h.to_string()), cookie.map(|c| format!("x={c}")));
        let lines = [("x", header.as_deref()), ("cookie", cookie.as_deref())];
        Request::new(&url, &lines.iter().filter_map(|(n, v)| Some((*n, (*v)?))).collect::<Vec<_>>())
    })
}

fn table_specs() -> impl Strategy<Value = Vec<Spec>> {
    prop_oneof![crowd(), prop::collection::vec(spec(), 0..10)]
}

fn request() -> impl Strategy<Value = Request> {
    let host = prop::sample::select(vec!["", "b", "a.b", "x.a.b", "y.x.a.b", "z.b"]);
    let segment = prop::sample::select(vec!["a", "b", "c"]);
    let path = (prop::collection::vec(segment, 0..5), any::<bool>()).prop_map(|(segments, slash)| {
        let slash = if slash || segments.is_empty() { "/" } else { "" };
        format!("{}{slash}", segments.iter().map(|s| format!("/{s}")).collect::<String>())
    });
    let method = prop::sample::select(vec![Method::GET, Method::HEAD, Method::POST, Method::PUT]);
    let value = prop::sample::select(vec!["", "1", "2", "12", "3"]);
    let pairs = move || prop::collection::vec((prop::sample::select(vec!["x", "y"]), value.clone()), 0..3);
    (host, path, method, pairs(), pairs(), pairs()).prop_map(|(host, path, method, lines, query, cookies)| {
        let join = |pairs: &[(&str, &str)], separator| {
            pairs.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join(separator)
        };
        let mut headers = HeaderMap::new();
        for (name, value) in &lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        if !cookies.is_empty() {
            headers.append("cookie", HeaderValue::from_str(&join(&cookies, "; ")).unwrap());
        }
        let query = (!query.is_empty()).then(|| join(&query, "&"));
        Request { host: host.to_owned(), path, query, method, headers }
    })
}

/// The order of `rank::compare` among specs that take one request, written down a second time.
fn order(spec: &Spec, method: &Method) -> impl Ord + std::fmt::Debug + use<> {
    let host = match &spec.host {
        HostPattern::Exact(_) => 0,
        HostPattern::Subdomains(parent) => 1000 - parent.len(),
        HostPattern::Any => 1001,
    };
    let mut path: Vec<u8> =
        spec.path.segments().iter().map(|s| if matches!(s, Segment::Literal(_)) { 0 } else { 1 }).collect();
    path.push(match spec.path.tail() {
        Tail::End => 2,
        Tail::CatchAll(_) => 3,
        Tail::Prefix => 4,
    });
    let (headers, query) = (spec.headers.len() + spec.cookies.len(), spec.query.len());
    let head = method == Method::HEAD && !spec.methods.iter().any(|m| m == Method::HEAD);
    (host, path, spec.methods.is_empty(), 100 - headers, 100 - query, head)
}

fn takers<'s>(specs: &'s [Spec], request: &Request, mismatch: &[Mismatch]) -> Vec<(usize, &'s Spec)> {
    specs.iter().enumerate().filter(|(_, spec)| spec.mismatches(&request.lookup()) == mismatch).collect()
}

/// A table of those specs that are in no conflict.
fn peaceful(mut specs: Vec<Spec>) -> (Vec<Spec>, Table) {
    loop {
        match Table::build(specs.clone()) {
            Ok(table) => return (specs, table),
            Err(conflicts) => {
                let out: Vec<usize> = conflicts
                    .iter()
                    .map(|conflict| match conflict {
                        Conflict::Ambiguous { b, .. } => *b,
                        Conflict::Unreachable { route, .. } => *route,
                    })
                    .collect();
                specs.retain(|spec| !out.contains(&spec.route));
            }
        }
    }
}

fn agrees_with_a_search(specs: &[Spec], table: &Table, request: &Request) -> Result<(), TestCaseError> {
    let taken = takers(specs, request, &[]);
    let best = taken.iter().min_by_key(|(_, spec)| order(spec, &request.method));
    match (table.find(&request.lookup()), best) {
        (Found::Route { spec, route, params }, Some((_, expected))) => {
            // One route may name a host twice: then its specs are the same.
            prop_assert_eq!(order(&specs[spec], &request.method), order(expected, &request.method));
            prop_assert_eq!(route, expected.route);
            prop_assert_eq!(Some(params), specs[spec].path.matches(&request.path));
        }
        (Found::MethodNotAllowed { allow, .. }, None) => {
            let others = takers(specs, request, &[Mismatch::Method]);
            prop_assert!(!others.is_empty());
            let all: MethodSet = others.iter().map(|(_, spec)| spec.methods.accepted()).collect();
            prop_assert_eq!(allow, all.with_options());
        }
        (Found::NotFound, None) => prop_assert!(takers(specs, request, &[Mismatch::Method]).is_empty()),
        (found, best) => prop_assert!(false, "{:?} {:?}", found, best),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_table_finds_what_a_search_through_all_specs_finds(
        specs in table_specs(),
        requests in prop::collection::vec(request(), 8),
    ) {
        let (specs, table) = peaceful(specs);
        for request in &requests {
            agrees_with_a_search(&specs, &table, request)?;
        }
    }

    #[test]
    fn among_many_on_one_path_the_same_is_found(
        specs in throng(),
        requests in prop::collection::vec(throng_request(), 16),
    ) {
        let (specs, table) = peaceful(specs);
        for request in &requests {
            agrees_with_a_search(&specs, &table, request)?;
        }
    }

    #[test]
    fn a_preflight_finds_the_best_route_apart_from_headers(
        specs in prop_oneof![table_specs(), throng()],
        requests in prop::collection::vec(prop_oneof![request(), throng_request()], 8),
    ) {
        let (specs, table) = peaceful(specs);
        for request in &requests {
            let hidden = |m: &Mismatch| matches!(m, Mismatch::Field(Field::Header(_) | Field::Cookie(_)));
            let taken = specs.iter().filter(|spec| spec.mismatches(&request.lookup()).iter().all(hidden));
            let best = taken.map(|spec| order(spec, &request.method)).min();
            let found = match table.find_ignoring_headers(&request.lookup()) {
                Found::Route { spec, .. } => Some(order(&specs[spec], &request.method)),
                Found::MethodNotAllowed { .. } | Found::NotFound => None,
            };
            prop_assert_eq!(found, best);
        }
    }

    #[test]
    fn two_routes_of_one_rank_that_take_one_request_are_refused(
        specs in table_specs(),
        requests in prop::collection::vec(request(), 8),
    ) {
        let ambiguous: Vec<(usize, usize)> = match Table::build(specs.clone()) {
            Ok(_) => Vec::new(),
            Err(conflicts) => conflicts.iter().filter_map(|conflict| match conflict {
                Conflict::Ambiguous { a, b, .. } => Some((*a, *b)),
                Conflict::Unreachable { .. } => None,
            }).collect(),
        };
        for request in &requests {
            let taken = takers(&specs, request, &[]);
            for (i, a) in &taken {
                for (j, b) in &taken {
                    if i < j && a.route != b.route && order(a, &request.method) == order(b, &request.method) {
                        let pair = (a.route.min(b.route), a.route.max(b.route));
                        prop_assert!(ambiguous.contains(&pair), "{:?} {:?} {:?}", a, b, ambiguous);
                    }
                }
            }
        }
    }

    #[test]
    fn every_witness_is_taken_by_both_routes(specs in table_specs()) {
        let Err(conflicts) = Table::build(specs.clone()) else { return Ok(()) };
        for conflict in conflicts {
            let Conflict::Ambiguous { a, b, witness } = conflict else { continue };
            let rest = witness.url.strip_prefix("http://").unwrap();
            let (host, rest) = rest.split_once('/').unwrap();
            let (path, query) = rest.split_once('?').map_or((rest, None), |(p, q)| (p, Some(q.to_owned())));
            let mut headers = HeaderMap::new();
            for (name, value) in &witness.headers {
                headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
            }
            let path = format!("/{path}");
            let request = Request { host: host.to_owned(), path, query, method: witness.method, headers };
            let taken = takers(&specs, &request, &[]);
            let ranks = |route| {
                let of_route = taken.iter().filter(move |(_, spec)| spec.route == route);
                of_route.map(|(_, spec)| order(spec, &request.method)).collect::<Vec<_>>()
            };
            prop_assert!(ranks(a).iter().any(|rank| ranks(b).contains(rank)), "{:?}", request);
        }
    }

    #[test]
    fn a_route_that_takes_a_request_is_never_called_unreachable(
        specs in table_specs(),
        requests in prop::collection::vec(request(), 16),
    ) {
        let Err(conflicts) = Table::build(specs.clone()) else { return Ok(()) };
        for conflict in conflicts {
            let Conflict::Unreachable { route, by, .. } = conflict else { continue };
            prop_assert!(!by.contains(&route));
            for request in &requests {
                let taken = takers(&specs, request, &[]);
                let best = taken.iter().map(|(_, spec)| order(spec, &request.method)).min();
                for (_, spec) in taken {
                    prop_assert!(spec.route != route || Some(order(spec, &request.method)) != best, "{:?}", request);
                }
            }
        }
    }

    #[test]
    fn the_ranked_order_is_the_order_of_matching(specs in table_specs(), request in request()) {
        let (_, table) = peaceful(specs);
        if let Found::Route { route, .. } = table.find(&request.lookup()) {
            let first = table.ranked().find(|spec| spec.mismatches(&request.lookup()).is_empty()).unwrap();
            prop_assert_eq!(first.route, route);
        }
    }
}
