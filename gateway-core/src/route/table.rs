//! The table of all routes.

use super::conflict::{self, Conflict};
use super::rank;
use super::trie::{Candidate, Sight, Trie};
use super::{Field, Found, Lookup, MethodSet, Methods, Mismatch, Predicate, Spec, Test};
use crate::order;

/// The longest value that expressions are asked about, in bytes.
pub const LONGEST_TESTED: usize = 4096;

/// Every route of a configuration.
#[derive(Debug)]
pub struct Table {
    methods: Methods,
    specs: Vec<Spec>,
    trie: Trie,
    /// The fields whose values are tested by expressions.
    expressions: Box<[Field]>,
}

impl Table {
    /// Builds the table for the usual methods.
    ///
    /// # Errors
    /// Every conflict among `specs`: see [`Conflict`].
    pub fn build(specs: Vec<Spec>) -> Result<Self, Vec<Conflict>> {
        Self::with_methods(Methods::default(), specs)
    }

    /// Builds the table for the methods that `methods` knows.
    ///
    /// # Errors
    /// Every conflict among `specs`: see [`Conflict`].
    pub fn with_methods(methods: Methods, specs: Vec<Spec>) -> Result<Self, Vec<Conflict>> {
        let table = Self::unproved(methods, specs);
        let conflicts = conflict::find(&table.specs, &table.trie, &table.methods);
        if conflicts.is_empty() { Ok(table) } else { Err(conflicts) }
    }

    /// Builds the table for the methods that `methods` knows, without looking for conflicts among `specs`: of those that rank the
    /// same, the first wins.
    #[must_use]
    pub fn unproved(methods: Methods, specs: Vec<Spec>) -> Self {
        let trie = Trie::build(&specs);
        let tested = specs.iter().flat_map(Spec::predicates).filter(|one| matches!(one.test(), Test::Regex(_)));
        let mut fields: Vec<&Field> = Vec::new();
        for field in tested.map(Predicate::field) {
            if !fields.contains(&field) {
                fields.push(field);
            }
        }
        let expressions = fields.into_iter().cloned().collect();
        Self { methods, specs, trie, expressions }
    }

    /// The methods that the gateway knows.
    #[must_use]
    pub const fn methods(&self) -> &Methods {
        &self.methods
    }

    /// The route that takes the request: of all that match, the one that ranks highest.
    #[must_use]
    pub fn find(&self, lookup: &Lookup<'_, '_>) -> Found {
        self.find_with(lookup, Sight::All, |spec| spec.predicates().all(|predicate| predicate.holds(lookup)))
    }

    /// As [`find`](Self::find), but with every header and cookie predicate taken as met. A CORS preflight carries neither
    /// the headers nor the cookies of the request that it asks for (Fetch standard, CORS-preflight fetch); `lookup.method`
    /// is then the method in `Access-Control-Request-Method`.
    #[must_use]
    pub fn find_ignoring_headers(&self, lookup: &Lookup<'_, '_>) -> Found {
        self.find_with(lookup, Sight::WithoutHeaders, |spec| {
            let is_shown = |one: &&Predicate| !matches!(one.field(), Field::Version(of) if of.reads_headers());
            let version = spec.version.iter().filter(is_shown);
            spec.query.iter().chain(&spec.client).chain(version).all(|predicate| predicate.holds(lookup))
        })
    }

    /// As [`find`](Self::find), but with each API's version taken as the one that is asked for.
    #[must_use]
    pub fn find_ignoring_version(&self, lookup: &Lookup<'_, '_>) -> Found {
        let holds = |spec: &Spec| spec.conditions().all(|predicate| predicate.holds(lookup));
        self.find_with(lookup, Sight::WithoutVersion, holds)
    }

    /// Returns a field of the request that is longer than [`LONGEST_TESTED`], where an expression may be asked about it. Expressions
    /// take some steps for each character, and nobody else has a turn meanwhile.
    #[must_use]
    pub fn overlong(&self, lookup: &Lookup<'_, '_>) -> Option<&Field> {
        let is_overlong =
            |field: &&Field| field.value(lookup).is_some_and(|value| value.is_longer_than(LONGEST_TESTED));
        self.expressions.iter().find(is_overlong)
    }

    /// The specs in the order in which they are tried.
    pub fn ranked(&self) -> impl Iterator<Item = &Spec> {
        let mut ranked: Vec<&Spec> = self.specs.iter().collect();
        order::sort_by(&mut ranked, |a, b| rank::compare(a, b));
        ranked.into_iter()
    }

    /// The spec with this index in the list that the table was built from.
    #[must_use]
    pub fn spec(&self, spec: usize) -> Option<&Spec> {
        self.specs.get(spec)
    }

    /// Every reason why the spec with this index does not take the request; none if it does, or if there is no such spec.
    #[must_use]
    pub fn mismatches(&self, spec: usize, lookup: &Lookup<'_, '_>) -> Vec<Mismatch> {
        self.specs.get(spec).map(|spec| spec.mismatches(lookup, &self.methods)).unwrap_or_default()
    }

    fn find_with(&self, lookup: &Lookup<'_, '_>, sight: Sight, holds: impl Fn(&Spec) -> bool) -> Found {
        let met = |candidate: &Candidate| {
            // The walk does not look into the expressions of paths.
            let fits = |spec: &&Spec| !candidate.shape.regex || spec.path.takes(lookup.path);
            !candidate.conditional || self.specs.get(candidate.spec as usize).filter(fits).is_some_and(&holds)
        };
        let found = self.methods.of(lookup.method).and_then(|method| {
            self.trie.walk(lookup, sight, &mut |candidate| {
                (candidate.accepted.contains(method) && met(candidate)).then_some(*candidate)
            })
        });
        if let Some(Candidate { spec, route, shape, .. }) = found {
            let of_regex = |spec: &Spec| spec.path.matches(lookup.path);
            let params = if shape.regex { self.specs.get(spec as usize).and_then(of_regex) } else { None };
            let params = params.unwrap_or_else(|| shape.params(lookup.path));
            return Found::Route { spec: spec as usize, route: route as usize, params };
        }
        let mut allow = MethodSet::EMPTY;
        let mut first = None;
        self.trie.walk(lookup, sight, &mut |candidate| {
            if !allow.contains(candidate.accepted) && met(candidate) {
                allow = allow.union(candidate.accepted);
                first.get_or_insert(candidate.route as usize);
            }
            None::<()>
        });
        match first {
            Some(route) => Found::MethodNotAllowed { allow: allow.with_options(), route },
            None => Found::NotFound,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::route::Field;
    use crate::route::testing::{Request, ask, exact, present, show, spec, specs};

    fn table(texts: &[&str]) -> Table {
        Table::build(specs(texts)).unwrap()
    }

    #[test]
    fn the_most_specific_path_goes_first() {
        let table = table(&[
            "/*",
            "/users/*",
            "/users/{id}",
            "/users/{id}/*",
            "/users/admin",
            "/users/{id}/orders/{order}",
            "/{any}/admin/x",
            "/files/{*path}",
        ]);
        // Gateway API, HTTPRouteRule.matches: exact before prefix, longer before shorter.
        let found = [
            ("/", "0"),
            ("/usersx", "0"),
            ("/users", "1"),
            ("/users/", "1"),
            ("/users/admin", "4"),
            ("/users/7", "2 7"),
            ("/users/7/", "3 7"),
            ("/users/7/orders", "3 7"),
            ("/users/7/orders/8", "5 7,8"),
            // `/users/{id}/*` begins with a literal, `/{any}/admin/x` does not.
            ("/users/admin/x", "3 admin"),
            ("/teams/admin/x", "6 teams"),
            ("/files/a/b%2Fc", "7 a/b%2Fc"),
            ("/files/", "0"),
        ];
        for (path, route) in found {
            assert_eq!(ask(&table, path, &[]), route, "{path}");
        }
        let order: Vec<String> = table.ranked().map(|spec| spec.path.to_string()).collect();
        let expected = [
            "/files/{*path}",
            "/users/admin",
            "/users/{id}/orders/{order}",
            "/users/{id}",
            "/users/{id}/*",
            "/users/*",
            "/{any}/admin/x",
            "/*",
        ];
        assert_eq!(order, expected);
    }

    #[test]
    fn the_most_specific_host_goes_before_the_path() {
        let table = table(&["a.b.com/*", "*.b.com/x", "*.com/x/y", "/x/y/z"]);
        let found = [
            ("a.b.com/x", "0"),
            ("c.b.com/x", "1"),
            ("d.a.b.com/x", "1"),
            ("c.b.com/x/y", "2"),
            ("b.com/x", "404"),
            ("b.com/x/y", "2"),
            ("c.b.com/x/y/z", "3"),
            ("/x/y/z", "3"),
            (".com/x/y", "404"),
            ("com/x/y", "404"),
        ];
        for (url, route) in found {
            assert_eq!(ask(&table, url, &[]), route, "{url}");
        }
    }

    #[test]
    fn a_route_whose_predicates_fail_lets_the_next_one_try() {
        let specs = vec![
            spec(0, "a.com/x").header("x-v", &exact("2")),
            spec(1, "a.com/{id}").query("v", &exact("2")),
            spec(2, "a.com/*").cookie("v", &exact("2")),
            spec(3, "*.com/x").header("x-v", &present(true)),
            spec(4, "/*"),
        ];
        let table = Table::build(specs).unwrap();
        assert_eq!(ask(&table, "a.com/x?v=2", &[("x-v", "2"), ("cookie", "v=2")]), "0");
        assert_eq!(ask(&table, "a.com/x?v=2", &[("x-v", "1"), ("cookie", "v=2")]), "1 x");
        assert_eq!(ask(&table, "a.com/x", &[("x-v", "1"), ("cookie", "v=2")]), "2");
        assert_eq!(ask(&table, "a.com/x", &[("x-v", "1")]), "3");
        assert_eq!(ask(&table, "a.com/x", &[]), "4");
    }

    #[test]
    fn methods_then_headers_then_query_decide_on_one_path() {
        let specs = vec![
            spec(0, "/a"),
            spec(1, "/a").query("q", &present(true)),
            spec(2, "/a").header("x-a", &present(true)),
            spec(3, "/a").header("x-a", &present(true)).cookie("c", &present(true)),
            spec(4, "POST /a"),
        ];
        let table = Table::build(specs).unwrap();
        assert_eq!(ask(&table, "/a", &[]), "0");
        assert_eq!(ask(&table, "/a?q", &[]), "1");
        assert_eq!(ask(&table, "/a?q", &[("x-a", "")]), "2");
        assert_eq!(ask(&table, "/a?q", &[("x-a", ""), ("cookie", "c=")]), "3");
        assert_eq!(ask(&table, "POST /a?q", &[("x-a", ""), ("cookie", "c=")]), "4");
    }

    #[test]
    fn get_takes_head_unless_a_route_lists_it() {
        // RFC 9110 §9.3.2.
        let table = table(&["GET /a", "GET /b", "HEAD /b", "POST /c"]);
        assert_eq!(ask(&table, "HEAD /a", &[]), "0");
        assert_eq!(ask(&table, "HEAD /b", &[]), "2");
        assert_eq!(ask(&table, "GET /b", &[]), "1");
        assert_eq!(ask(&table, "HEAD /c", &[]), "405 POST, OPTIONS");
    }

    #[test]
    fn other_methods_are_told_the_ones_allowed() {
        // RFC 9110 §15.5.6: `Allow` lists what the resource supports.
        let specs = vec![
            spec(0, "GET /a"),
            spec(1, "PUT,DELETE /{id}"),
            spec(2, "PATCH *.com/a"),
            spec(3, "POST /a").header("x-a", &present(true)),
        ];
        let table = Table::build(specs).unwrap();
        assert_eq!(ask(&table, "POST /a", &[]), "405 GET, HEAD, PUT, DELETE, OPTIONS");
        assert_eq!(ask(&table, "POST x.com/a", &[]), "405 GET, HEAD, PUT, PATCH, DELETE, OPTIONS");
        assert_eq!(ask(&table, "PUT /a", &[("x-a", "")]), "1 a");
        assert_eq!(ask(&table, "PATCH /a", &[("x-a", "")]), "405 GET, HEAD, POST, PUT, DELETE, OPTIONS");
        assert_eq!(ask(&table, "POST /a/b", &[]), "404");
        assert_eq!(ask(&table, "BREW /a", &[]), "405 GET, HEAD, PUT, DELETE, OPTIONS");
        // The highest-ranked of those that would take it with another method.
        for (request, best) in [("POST /a", 0), ("POST /x", 1), ("POST x.com/a", 2)] {
            let request = Request::new(request, &[]);
            let Found::MethodNotAllowed { route, .. } = table.find(&request.lookup()) else { panic!("found") };
            assert_eq!(route, best);
        }
    }

    #[test]
    fn a_preflight_need_not_show_headers_and_cookies() {
        let specs = vec![
            spec(0, "PUT /a").header("authorization", &present(true)).cookie("c", &exact("1")),
            spec(1, "PUT /a").query("v", &exact("2")).header("x-a", &present(true)),
            spec(2, "/a"),
        ];
        let table = Table::build(specs).unwrap();
        let asked = |url| {
            let request = Request::new(url, &[]);
            let lookup = request.lookup();
            show(&table.find_ignoring_headers(&lookup), lookup.path)
        };
        assert_eq!(asked("PUT /a"), "0");
        assert_eq!(asked("GET /a"), "2");
        assert_eq!(ask(&table, "PUT /a", &[]), "2");
    }

    #[test]
    fn every_mismatch_is_named() {
        let table = Table::build(vec![
            spec(0, "POST a.com/a/{id}").header("X-A", &exact("1")).query("q", &exact("1")).cookie("c", &exact("1")),
        ])
        .unwrap();
        let request = Request::new("GET b.com/b", &[]);
        let expected = [
            Mismatch::Host,
            Mismatch::Path,
            Mismatch::Method,
            Mismatch::Field(Field::Header("x-a".parse().unwrap())),
            Mismatch::Field(Field::Cookie("c".into())),
            Mismatch::Field(Field::Query("q".into())),
        ];
        assert_eq!(table.mismatches(0, &request.lookup()), expected);
        let request = Request::new("POST a.com/a/7?q=1", &[("x-a", "1"), ("cookie", "c=1")]);
        assert_eq!(table.mismatches(0, &request.lookup()), []);
        assert_eq!(table.mismatches(1, &request.lookup()), []);
    }

    #[test]
    fn a_hit_names_its_spec_among_all() {
        let mut specs = specs(&["/a", "/b/{x}"]);
        specs.push(spec(1, "b.com/b/{x}"));
        let table = Table::build(specs).unwrap();
        let request = Request::new("b.com/b/1", &[]);
        let Found::Route { spec, route, params } = table.find(&request.lookup()) else { panic!("not found") };
        assert_eq!((spec, route, params.value(0, "/b/1")), (2, 1, Some("1")));
        assert_eq!(table.spec(spec).map(|spec| spec.path.parameter("x")), Some(Some(0)));
        assert_eq!(params, table.spec(spec).unwrap().path.matches("/b/1").unwrap_or_default());
    }

    #[test]
    fn paths_made_to_go_back_and_forth_end() {
        // Each level has a literal and a parameter; only the last segment tells that nothing matches.
        let mut texts = Vec::new();
        for bits in 0..1_u32 << 8 {
            let segment = |bit: u32| if bits >> bit & 1 == 0 { "/a".to_owned() } else { format!("/{{p{bit}}}") };
            texts.push(format!("{}/end", (0..8).map(segment).collect::<String>()));
        }
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let table = table(&texts);
        let mut steps = 0;
        let path = format!("{}/nope", "/a".repeat(8));
        table.trie.walk(&Request::new(&path, &[]).lookup(), Sight::All, &mut |_| {
            steps += 1;
            None::<()>
        });
        assert_eq!(steps, 0);
        assert_eq!(ask(&table, &path, &[]), "404");
        assert_eq!(ask(&table, &"/a".repeat(4000), &[]), "404");
        assert_eq!(ask(&table, &format!("{}/end", "/a".repeat(8)), &[]), "0");
        assert_eq!(ask(&table, &format!("{}/end", "/b".repeat(8)), &[]), "255 b,b,b,b,b,b,b,b");
    }

    #[test]
    fn an_empty_table_finds_nothing() {
        let request = Request { method: Method::POST, ..Request::new("a.com/", &[]) };
        assert_eq!(Table::build(Vec::new()).unwrap().find(&request.lookup()), Found::NotFound);
    }
}
