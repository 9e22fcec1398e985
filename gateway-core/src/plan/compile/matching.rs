//! The match of a route, from its own members and its API's.

use super::at::At;
use super::{Compiler, Group};
use crate::config::{self, Entries, ValueMatch};
use crate::route::{HostPattern, MethodError, MethodSet, PathPattern, Predicate, PredicateError, Spec};

/// The compiled match of a route.
pub(super) struct Matching {
    pub(super) hosts: Vec<HostPattern>,
    pub(super) path: PathPattern,
    /// The number of path segments that `rewrite.prefix` replaces.
    pub(super) prefix_segments: usize,
    pub(super) methods: MethodSet,
    headers: Vec<Predicate>,
    query: Vec<Predicate>,
    cookies: Vec<Predicate>,
}

impl Matching {
    /// Returns one spec for each host.
    pub(super) fn into_specs(self, route: usize) -> impl Iterator<Item = Spec> {
        let hosts = self.hosts;
        let spec = Spec {
            route,
            host: HostPattern::Any,
            path: self.path,
            methods: self.methods,
            headers: self.headers,
            query: self.query,
            cookies: self.cookies,
        };
        // The last host takes the spec itself: most routes have one host, and copy nothing.
        core::iter::repeat_n(spec, hosts.len()).zip(hosts).map(|(spec, host)| Spec { host, ..spec })
    }
}

impl<'c> Compiler<'c> {
    /// Compiles the match of `route`; `None` if it is wrong.
    pub(super) fn matching(&mut self, at: &At<'_>, group: Group<'c>, route: &'c config::Route) -> Option<Matching> {
        let at = at.member("match");
        let matches = &route.matches;
        let hosts = self.hosts(&at, group, matches);
        let path = self.path(&at, group, matches);
        let methods = self.methods(&at.member("methods"), route);
        let headers = self.predicates(&at.member("headers"), &matches.headers, Predicate::header);
        let query = self.predicates(&at.member("query"), &matches.query, Predicate::query);
        let cookies = self.predicates(&at.member("cookies"), &matches.cookies, Predicate::cookie);
        let (path, prefix_segments) = path?;
        Some(Matching {
            hosts: hosts?,
            path,
            prefix_segments,
            methods: methods?,
            headers: headers?,
            query: query?,
            cookies: cookies?,
        })
    }

    fn hosts(&mut self, at: &At<'_>, group: Group<'c>, matches: &config::Match) -> Option<Vec<HostPattern>> {
        let apis = At::ROOT.member("apis");
        let api;
        let (at, hosts) = match group.api {
            Some((index, config)) if matches.hosts.is_empty() => {
                api = apis.index(index);
                (api.member("hosts"), &config.hosts)
            }
            _ => (at.member("hosts"), &matches.hosts),
        };
        if hosts.is_empty() {
            return Some(vec![HostPattern::Any]);
        }
        let mut patterns = Vec::with_capacity(hosts.len());
        for (i, host) in hosts.iter().enumerate() {
            let at = at.index(i);
            match HostPattern::parse(host) {
                Ok(_) if has_port(host) => {
                    self.error_with(&at, format!("`{host}` has a port, and ports do not count"), "leave the port out");
                }
                Ok(pattern) if patterns.contains(&pattern) => {
                    self.error_with(&at, format!("the host `{host}` is there twice"), "remove one");
                }
                Ok(pattern) => patterns.push(pattern),
                Err(error) => self.error_with(&at, format!("`{host}`: {error}"), error.help()),
            }
        }
        (patterns.len() == hosts.len()).then_some(patterns)
    }

    /// The prefix of the routes in `api`, without a slash at its end; `None` if it is wrong.
    pub(super) fn api_prefix(&mut self, at: &At<'_>, api: &'c config::Api) -> Option<&'c str> {
        let Some(prefix) = api.prefix.as_deref() else { return Some("") };
        let slash = self.config.network.encoded_slash.unwrap_or_default();
        self.pattern(at, prefix, PathPattern::prefix(prefix, slash))?;
        Some(prefix.trim_end_matches('/'))
    }

    /// The path pattern, and the number of its segments that are a prefix to rewrite.
    fn path(&mut self, at: &At<'_>, group: Group<'c>, matches: &config::Match) -> Option<(PathPattern, usize)> {
        let slash = self.config.network.encoded_slash.unwrap_or_default();
        let api_prefix = group.prefix?;
        let api_segments = api_prefix.bytes().filter(|byte| *byte == b'/').count();
        match (&matches.path, &matches.prefix) {
            (Some(_), Some(_)) => {
                self.error_with(&at.member("prefix"), "`path` and `prefix` can't both be matched", "keep one");
                None
            }
            (Some(path), None) => {
                let at = at.member("path");
                let whole = if path == "/" && !api_prefix.is_empty() {
                    api_prefix.to_owned()
                } else {
                    [api_prefix, self.absolute(&at, path)?].concat()
                };
                Some((self.pattern(&at, path, PathPattern::template(&whole, slash))?, api_segments))
            }
            (None, Some(prefix)) => {
                let at = at.member("prefix");
                let whole = [api_prefix, self.absolute(&at, prefix)?].concat();
                let pattern = self.pattern(&at, prefix, PathPattern::prefix(&whole, slash))?;
                let segments = pattern.segments().len();
                Some((pattern, segments))
            }
            (None, None) => {
                let whole = if api_prefix.is_empty() { "/" } else { api_prefix };
                Some((self.pattern(at, whole, PathPattern::prefix(whole, slash))?, api_segments))
            }
        }
    }

    /// Returns `path` if it begins with a slash. Otherwise it would run into the API's prefix.
    fn absolute<'p>(&mut self, at: &At<'_>, path: &'p str) -> Option<&'p str> {
        if path.starts_with('/') {
            return Some(path);
        }
        self.error_with(at, format!("`{path}` does not begin with `/`"), format!("write `/{path}`"));
        None
    }

    fn pattern(
        &mut self,
        at: &At<'_>,
        text: &str,
        parsed: Result<PathPattern, crate::route::PatternError>,
    ) -> Option<PathPattern> {
        match parsed {
            Ok(pattern) => Some(pattern),
            Err(error) => {
                self.error_with(at, format!("`{text}`: {error}"), error.help());
                None
            }
        }
    }

    fn methods(&mut self, at: &At<'_>, route: &config::Route) -> Option<MethodSet> {
        let mut set = MethodSet::EMPTY;
        let mut is_whole = true;
        for (i, name) in route.matches.methods.iter().enumerate() {
            match MethodSet::named(name) {
                Ok(method) if set.contains(method) => {
                    self.error_with(&at.index(i), format!("`{name}` is there twice"), "remove one");
                }
                Ok(method) => set = set.union(method),
                Err(error) => {
                    self.error_with(&at.index(i), format!("`{name}`: {error}"), method_help(&error));
                    is_whole = false;
                }
            }
        }
        if route.key_value.is_none() {
            return is_whole.then_some(set);
        }
        let stored: MethodSet = ["GET", "HEAD", "PUT", "DELETE"].into_iter().flat_map(MethodSet::named).collect();
        if !stored.contains(set) {
            self.error_with(
                at,
                "a key-value route takes GET, HEAD, PUT and DELETE alone",
                format!("remove {}", set.without(stored)),
            );
            return None;
        }
        if set.is_empty() { MethodSet::named("GET").ok() } else { is_whole.then_some(set) }
    }

    fn predicates(
        &mut self,
        at: &At<'_>,
        entries: &Entries<ValueMatch>,
        parse: fn(&str, &ValueMatch) -> Result<Predicate, PredicateError>,
    ) -> Option<Vec<Predicate>> {
        if entries.is_empty() {
            return Some(Vec::new());
        }
        self.some_predicates(at, entries, parse)
    }

    #[inline(never)]
    fn some_predicates(
        &mut self,
        at: &At<'_>,
        entries: &Entries<ValueMatch>,
        parse: fn(&str, &ValueMatch) -> Result<Predicate, PredicateError>,
    ) -> Option<Vec<Predicate>> {
        let mut predicates = Vec::with_capacity(entries.iter().len());
        for (name, test) in entries.iter() {
            match parse(name, test) {
                Ok(predicate) => predicates.push(predicate),
                Err(error) => self.unmatchable(&at.member(name), &error),
            }
        }
        (predicates.len() == entries.iter().len()).then_some(predicates)
    }

    fn unmatchable(&mut self, at: &At<'_>, error: &PredicateError) {
        self.error_with(at, error.to_string(), error.help());
    }
}

/// Returns whether `host` ends with a port.
fn has_port(host: &str) -> bool {
    host.rsplit_once(']').map_or(host, |(_, rest)| rest).contains(':')
}

fn method_help(error: &MethodError) -> String {
    match error {
        MethodError::Case(name) => format!("write `{name}`"),
        MethodError::Connect | MethodError::Trace => "remove it".to_owned(),
        MethodError::Unknown => format!("there are {}", MethodSet::ALL),
    }
}
