//! Properties of every table and request: tried on small alphabets, against plain searches through all specs.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use proptest::prelude::*;

use super::testing::Request;
use super::*;
use crate::config::{EncodedSlash, Ties, ValueMatch, ValueTest};
use crate::http::forwarded::ClientInfo;
use crate::net::Scheme;

fn path_pattern() -> impl Strategy<Value = PathPattern> {
    let segment = prop::sample::select(vec!["a", "a", "b", "{}", "{}"]);
    let regex = prop::sample::select(vec!["/a/[ab]+", "/a/(?<x>.*)", "/[ac].*", "/a/b?", "/.*/b"]);
    let regex = regex.prop_map(|text| PathPattern::regex("", text, EncodedSlash::Keep, false).unwrap());
    let written = (prop::collection::vec(segment, 0..4), 0..4).prop_map(|(segments, tail)| {
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
    });
    prop_oneof![5 => written, 1 => regex]
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
        value.clone().prop_map(|start| ValueMatch::Test(ValueTest::Prefix(start))),
        value.prop_map(|end| ValueMatch::Test(ValueTest::Suffix(end))),
        prop::sample::select(vec!["1.*", "[12]+", "2?"])
            .prop_map(|text| ValueMatch::Test(ValueTest::Regex(text.to_owned()))),
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
    let scheme = prop::sample::select(vec![None, None, None, Some(Scheme::Http), Some(Scheme::Https)]);
    let networks = prop::sample::select(vec![&[][..], &[], &[], &["10.0.0.0/8"], &["10.1.0.0/16", "192.0.2.1"]]);
    let client = networks.prop_map(|networks| {
        let networks: Vec<_> = networks.iter().map(|text| (*text).to_owned()).collect();
        (!networks.is_empty()).then(|| Predicate::client_address(&networks).unwrap())
    });
    let api = prop_oneof![6 => Just(None), 2 => version().prop_map(Some)];
    (0..6_usize, (scheme, host_pattern()), path_pattern(), methods(), fields, (client, api)).prop_map(
        |(route, (scheme, host), path, methods, (headers, query, cookies), (client, version))| Spec {
            route,
            scheme,
            host,
            path,
            methods,
            headers,
            query,
            cookies,
            client,
            version,
            cut: None,
            ties: ties(route),
        },
    )
}

/// A version of one of two APIs: the first is asked for in the header `x`, the second in the query.
fn version() -> impl Strategy<Value = Predicate> {
    (0..2_usize, 0..3_usize).prop_map(|(api, index)| {
        let versions = super::testing::versions(api, if api == 0 { "header x" } else { "query x" }, &["1", "2", "12"]);
        Predicate::version(&versions, index)
    })
}

/// Those of every other route, as if half of the routes were in an API that says so.
const fn ties(route: usize) -> Ties {
    if route.is_multiple_of(2) { Ties::First } else { Ties::Refuse }
}

/// Specs that share their path and host, so that they often meet.
fn crowd() -> impl Strategy<Value = Vec<Spec>> {
    prop::collection::vec(spec(), 1..14).prop_map(|mut specs| {
        let first = specs[0].clone();
        for (i, spec) in specs.iter_mut().enumerate() {
            spec.route = i;
            spec.ties = ties(i);
            spec.host = first.host.clone();
            if i % 5 != 4 {
                spec.scheme = first.scheme;
            }
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
    (0..3_u8, any::<bool>(), prop::collection::vec(spec, 20..60)).prop_map(|(kind, all_first, all)| {
        let one = |(route, (test, methods, extra)): (usize, (ValueMatch, MethodSet, u8))| {
            let mut spec = super::testing::spec(route, if extra == 11 { "/*" } else { "/a" });
            spec.methods = methods;
            spec.ties = ties(if all_first { 0 } else { route });
            let spec = match kind {
                _ if extra == 10 => spec,
                0 if extra == 9 => Spec { version: Some(of_api(&test)), ..spec },
                0 => spec.header("x", &test),
                1 => spec.query("x", &test),
                _ => spec.cookie("x", &test),
            };
            if extra < 2 { spec.query("y", &super::testing::exact("1")) } else { spec }
        };
        all.into_iter().enumerate().map(one).collect()
    })
}

/// A version of an API that the header `x` states, which is one that `test` names where that names one.
fn of_api(test: &ValueMatch) -> Predicate {
    let names: Vec<String> = (0..30).map(|name| name.to_string()).collect();
    let versions = super::testing::versions(7, "header x", &names.iter().map(String::as_str).collect::<Vec<_>>());
    let index = if let ValueMatch::Exact(name) = test { versions.find(name) } else { None };
    Predicate::version(&versions, index.unwrap_or_default())
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
    let address = prop::sample::select(vec!["", "10.0.0.1", "10.1.0.1", "192.0.2.1", "2001:db8::1"]);
    let client = (address, prop::sample::select(vec![Scheme::Http, Scheme::Https]));
    let client = client.prop_map(|(address, scheme)| super::testing::client(address, scheme));
    let fields = (pairs(), pairs(), pairs());
    (host, path, method, fields, client).prop_map(|(host, path, method, (lines, query, cookies), client)| {
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
        Request { host: host.to_owned(), path, query, method, headers, client }
    })
}

/// The order of `rank::compare` among specs that take one request, written down a second time, and then that of the list
/// where it counts.
fn order(index: usize, spec: &Spec, method: &Method) -> impl Ord + std::fmt::Debug + use<> {
    (rank(spec, method), if spec.ties == Ties::First { index } else { 0 })
}

/// The order without that of the list.
fn rank(spec: &Spec, method: &Method) -> impl Ord + std::fmt::Debug + use<> {
    let host = match &spec.host {
        HostPattern::Exact(_) => 0,
        HostPattern::Subdomains(parent) => 1000 - parent.len(),
        HostPattern::Any => 1001,
    };
    let mut path: Vec<u8> =
        spec.path.segments().iter().map(|s| if matches!(s, Segment::Literal(_)) { 0 } else { 2 }).collect();
    path.push(match spec.path.tail() {
        Tail::Regex(_) => 1,
        Tail::End => 3,
        Tail::CatchAll(_) => 4,
        Tail::Prefix => 5,
    });
    let conditions = spec.headers.len() + spec.cookies.len() + usize::from(spec.client.is_some());
    let (headers, query) = (conditions, spec.query.len());
    let head = method == Method::HEAD && !spec.methods.contains(MethodSet::HEAD);
    (spec.scheme.is_none(), host, path, spec.methods.is_empty(), 100 - headers, 100 - query, head)
}

fn takers<'s>(specs: &'s [Spec], request: &Request, mismatch: &[Mismatch]) -> Vec<(usize, &'s Spec)> {
    specs
        .iter()
        .enumerate()
        .filter(|(_, spec)| spec.mismatches(&request.lookup(), &Methods::default()) == mismatch)
        .collect()
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
    let best = taken.iter().min_by_key(|(i, spec)| order(*i, spec, &request.method));
    match (table.find(&request.lookup()), best) {
        (Found::Route { spec, route, params }, Some((best, expected))) => {
            // One route may name a host twice: then its specs are the same.
            prop_assert_eq!(order(spec, &specs[spec], &request.method), order(*best, expected, &request.method));
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
            let hidden = |m: &Mismatch| match m {
                Mismatch::Field(Field::Header(_) | Field::Cookie(_)) => true,
                Mismatch::Field(Field::Version(versions)) => versions.reads_headers(),
                _ => false,
            };
            let all = specs.iter().enumerate();
            let taken = all.filter(|(_, spec)| spec.mismatches(&request.lookup(), &Methods::default()).iter().all(hidden));
            // Routes that differ by headers alone may tie here.
            let best = taken.map(|(_, spec)| rank(spec, &request.method)).min();
            let found = match table.find_ignoring_headers(&request.lookup()) {
                Found::Route { spec, .. } => Some(rank(&specs[spec], &request.method)),
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
            let best = taken.iter().map(|(_, spec)| rank(spec, &request.method)).min();
            for (i, a) in &taken {
                for (j, b) in &taken {
                    let is_tie = rank(a, &request.method) == rank(b, &request.method);
                    // A higher-ranked route may take what the two share.
                    let is_best = Some(rank(a, &request.method)) == best;
                    if i < j && a.route != b.route && is_tie && is_best && !a.yields_by_order(b) {
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
            // Where only suffixes meet, a witness may not be found.
            let Conflict::Ambiguous { a, b, witness: Some(witness) } = conflict else { continue };
            let (scheme, rest) = witness.url.split_once("://").unwrap();
            let scheme = if scheme == "http" { Scheme::Http } else { Scheme::Https };
            let client = ClientInfo { address: witness.client, scheme, host: None, port: None, prefix: None };
            let (host, rest) = rest.split_once('/').unwrap();
            let (path, query) = rest.split_once('?').map_or((rest, None), |(p, q)| (p, Some(q.to_owned())));
            let mut headers = HeaderMap::new();
            for (name, value) in &witness.headers {
                headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
            }
            let path = format!("/{path}");
            let request = Request { host: host.to_owned(), path, query, method: witness.method, headers, client };
            let taken = takers(&specs, &request, &[]);
            let ranks = |route| {
                let of_route = taken.iter().filter(move |(_, spec)| spec.route == route);
                of_route.map(|(_, spec)| rank(spec, &request.method)).collect::<Vec<_>>()
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
                let best = taken.iter().map(|(i, spec)| order(*i, spec, &request.method)).min();
                for (i, spec) in taken {
                    prop_assert!(spec.route != route || Some(order(i, spec, &request.method)) != best, "{:?}", request);
                }
            }
        }
    }

    #[test]
    fn the_ranked_order_is_the_order_of_matching(specs in table_specs(), request in request()) {
        let (_, table) = peaceful(specs);
        // For HEAD, routes that list it go before the order of the list.
        if let (Found::Route { route, .. }, false) = (table.find(&request.lookup()), request.method == Method::HEAD) {
            let first = table.ranked().find(|spec| spec.mismatches(&request.lookup(), &Methods::default()).is_empty()).unwrap();
            prop_assert_eq!(first.route, route);
        }
    }
}
