//! The match of a route, from its own members and its API's.

use super::Compiler;
use super::at::At;
use super::network::NETWORK_HELP;
use super::routes::Group;
use super::versions::Way;
use crate::config::{self, Entries, Match, Matches, PathMatch, THOROUGH, Ties, ValueMatch, lazily};
use crate::http::hop_by_hop;
use crate::http::identity::IdentityNames;
use crate::http::path::Reading;
use crate::net::Scheme;
use crate::route::{
    Foreign, HostPattern, MethodError, MethodSet, Methods, PathPattern, PatternError, Predicate, PredicateError, Spec,
};

/// The compiled match of a route.
pub(super) struct Matching {
    /// At least one.
    alternatives: Vec<Alternative>,
    /// The methods of all alternatives; none if one takes every method.
    pub(super) methods: MethodSet,
}

/// One match of a route.
pub(super) struct Alternative {
    scheme: Option<Scheme>,
    hosts: Vec<HostPattern>,
    path: PathPattern,
    /// The number of path segments that `rewrite.prefix` replaces.
    prefix_segments: usize,
    methods: MethodSet,
    headers: Vec<Predicate>,
    query: Vec<Predicate>,
    cookies: Vec<Predicate>,
    client: Option<Predicate>,
    version: Option<Predicate>,
    cut: Option<u8>,
    ties: Ties,
}

impl Matching {
    /// The names of the path parameters, in order. Where alternatives differ in one, it has no name.
    pub(super) fn parameters(&self) -> Vec<&str> {
        let mut patterns = self.alternatives.iter().map(|alternative| &alternative.path);
        let Some(first) = patterns.next() else { return Vec::new() };
        let mut names: Vec<&str> = first.parameters().collect();
        for pattern in patterns {
            let mut others = pattern.parameters();
            for name in &mut names {
                if others.next() != Some(*name) {
                    *name = "";
                }
            }
        }
        names
    }

    /// The number of path segments that `rewrite.prefix` replaces, if it is the same for all alternatives.
    pub(super) fn prefix_segments(&self) -> Option<usize> {
        let mut counts = self.alternatives.iter().map(|alternative| alternative.prefix_segments);
        let first = counts.next()?;
        counts.all(|count| count == first).then_some(first)
    }

    /// Returns one spec for each alternative and host.
    pub(super) fn into_specs(self, route: usize) -> impl Iterator<Item = Spec> {
        self.alternatives.into_iter().flat_map(move |alternative| alternative.into_specs(route))
    }
}

impl Alternative {
    pub(super) fn into_specs(self, route: usize) -> impl Iterator<Item = Spec> {
        let hosts = self.hosts;
        let spec = Spec {
            route,
            scheme: self.scheme,
            host: HostPattern::Any,
            path: self.path,
            methods: self.methods,
            headers: self.headers,
            query: self.query,
            cookies: self.cookies,
            client: self.client,
            version: self.version,
            cut: self.cut,
            ties: self.ties,
        };
        // The last host takes the spec itself: most routes have one host, and copy nothing.
        core::iter::repeat_n(spec, hosts.len()).zip(hosts).map(|(spec, host)| Spec { host, ..spec })
    }
}

/// The matches of a route.
pub(in crate::plan) fn alternatives(matches: &Matches) -> &[Match] {
    match matches {
        Matches::One(one) => core::slice::from_ref(one),
        Matches::Any(all) => all,
    }
}

impl<'c> Compiler<'c> {
    /// Compiles the match of `route`; `None` if it is wrong.
    pub(super) fn matching(&mut self, at: &At<'_>, group: Group<'c>, route: &'c config::Route) -> Option<Matching> {
        let at = at.member("match");
        let key_value = route.key_value.is_some();
        match &route.matches {
            Matches::One(one) if group.version.is_none() => {
                let one = self.alternative(&at, group, one, (key_value, None))?;
                Some(Matching { methods: one.methods, alternatives: vec![one] })
            }
            Matches::One(one) => self.any_of(&at, group, core::slice::from_ref(&**one), (key_value, false)),
            Matches::Any(all) => self.any_of(&at, group, all, (key_value, true)),
        }
    }

    #[inline(never)]
    fn any_of(
        &mut self,
        at: &At<'_>,
        group: Group<'c>,
        all: &'c [Match],
        (key_value, is_list): (bool, bool),
    ) -> Option<Matching> {
        if all.is_empty() {
            self.error_with(at, "no request meets any of none", "add a match, or leave `match` out for every request");
        }
        let ways: Vec<Option<Way>> = match group.version.and_then(|index| self.versions.get(index)) {
            Some(version) => version.ways.iter().cloned().map(Some).collect(),
            None => vec![None],
        };
        let mut compiled = Vec::new();
        for (i, one) in all.iter().enumerate() {
            let at = if is_list { at.index(i) } else { *at };
            for way in &ways {
                compiled.push(self.alternative(&at, group, one, (key_value, way.as_ref())));
            }
        }
        let alternatives = compiled.into_iter().collect::<Option<Vec<_>>>().filter(|all| !all.is_empty())?;
        let takes_every = alternatives.iter().any(|alternative| alternative.methods.is_empty());
        let methods = alternatives.iter().map(|alternative| alternative.methods).collect();
        Some(Matching { methods: if takes_every { MethodSet::EMPTY } else { methods }, alternatives })
    }

    pub(super) fn alternative(
        &mut self,
        at: &At<'_>,
        group: Group<'c>,
        matches: &'c Match,
        (key_value, way): (bool, Option<&Way>),
    ) -> Option<Alternative> {
        let hosts = match way {
            Some(Way::Host(host)) => {
                if !matches.hosts.is_empty() {
                    let help = "leave the hosts out, or put the route outside the API";
                    self.error_with(&at.member("hosts"), "the host says which version is asked for", help);
                }
                Some(vec![host.clone()])
            }
            _ => self.hosts(at, group, matches),
        };
        let segment = if let Some(Way::Path(segment)) = way { Some(segment.as_str()) } else { None };
        let path = self.path(at, group, matches, segment);
        let methods = self.methods(&at.member("methods"), matches, key_value);
        let headers = self.predicates(&at.member("headers"), &matches.headers, Predicate::header);
        let query = self.predicates(&at.member("query"), &matches.query, Predicate::query);
        let cookies = self.predicates(&at.member("cookies"), &matches.cookies, Predicate::cookie);
        for (name, _) in matches.query.iter() {
            self.plain_name(&at.member("query").member(name), name);
        }
        for (name, _) in matches.headers.iter() {
            self.check_is_there(&at.member("headers").member(name), name);
        }
        let client = match &*matches.client_address {
            [] => None,
            networks => {
                let parsed = Predicate::client_address(networks);
                Some(self.list(&at.member("clientAddress"), parsed, NETWORK_HELP)?)
            }
        };
        let (path, prefix_segments) = path?;
        self.check_against_admin(at, &path);
        Some(Alternative {
            scheme: matches.scheme.map(|scheme| match scheme {
                config::Scheme::Http => Scheme::Http,
                config::Scheme::Https => Scheme::Https,
            }),
            hosts: hosts?,
            path,
            prefix_segments,
            methods: methods?,
            headers: headers?,
            query: query?,
            cookies: cookies?,
            client,
            version: if let Some(Way::Field(version)) = way { version.clone() } else { None },
            cut: segment.and_then(|_| u8::try_from(segments_of(group.prefix?)).ok()),
            ties: group.api.and_then(|(_, api)| api.ties).or(self.config.ties).unwrap_or_default(),
        })
    }

    /// Reports a field that no request has by the time its value is asked for.
    pub(super) fn check_is_there(&mut self, at: &At<'_>, name: &str) {
        let is_removed =
            |names: &IdentityNames| names.is_reserved(name) && !names.is_believed(&name.to_ascii_lowercase());
        if self.identity_names.as_ref().is_some_and(is_removed) {
            self.error_with(
                at,
                format_args!("`{name}` is never there: it states who is calling, and is removed from every request"),
                "ask for something that a client may say; `identityHeaders` and the docs list what it may not",
            );
        } else if hop_by_hop::index(name).is_some() && !name.eq_ignore_ascii_case("upgrade") {
            self.error_with(
                at,
                format_args!("`{name}` belongs to one connection, and not every protocol and platform tells it"),
                "ask for a field that goes from end to end (RFC 9110 §7.6.1)",
            );
        }
    }

    fn hosts(&mut self, at: &At<'_>, group: Group<'c>, matches: &Match) -> Option<Vec<HostPattern>> {
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
            let parsed = HostPattern::parse(host);
            if let Some(foreign) = Foreign::in_host(host, parsed.is_ok()) {
                self.error_with(&at, foreign.to_string(), foreign.write);
                continue;
            }
            match parsed {
                Ok(_) if has_port(host) => {
                    self.error_with(
                        &at,
                        format_args!("`{host}` has a port, and ports do not count"),
                        "leave the port out",
                    );
                }
                Ok(pattern) if patterns.contains(&pattern) => {
                    self.error_with(&at, format_args!("the host `{host}` is there twice"), "remove one");
                }
                Ok(pattern) => patterns.push(pattern),
                Err(error) => self.error_with(&at, format_args!("`{host}`: {error}"), lazily(|| error.help())),
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
    fn path(
        &mut self,
        at: &At<'_>,
        group: Group<'c>,
        matches: &Match,
        version: Option<&str>,
    ) -> Option<(PathPattern, usize)> {
        let slash = self.config.network.encoded_slash.unwrap_or_default();
        let api_segments = segments_of(group.prefix?);
        let with_version = version.map(|segment| [group.prefix.unwrap_or_default(), "/", segment].concat());
        let api_prefix = with_version.as_deref().or(group.prefix)?;
        match (&matches.path, &matches.prefix) {
            (Some(_), Some(_)) => {
                self.error_with(&at.member("prefix"), "`path` and `prefix` can't both be matched", "keep one");
                None
            }
            (Some(PathMatch::Test(test)), None) => {
                let at = at.member("path");
                let at = at.member("regex");
                if api_prefix.contains('{') {
                    self.error_with(
                        &at,
                        "a regular expression can't follow the parameters in the API's prefix",
                        "write a template, or put the route outside the API",
                    );
                    return None;
                }
                let ignores_case = self.config.network.path_case == Some(config::PathCase::Insensitive);
                let pattern = PathPattern::regex(api_prefix, &test.regex, slash, ignores_case);
                Some((self.pattern(&at, &test.regex, pattern)?, api_segments))
            }
            (Some(PathMatch::Template(path)), None) => {
                let at = at.member("path");
                let whole = if path == "/" && !api_prefix.is_empty() {
                    api_prefix.to_owned()
                } else {
                    [api_prefix, self.absolute(&at, path)?].concat()
                };
                let parsed = PathPattern::template(&whole, slash);
                // What is wrong with the route's own part is told without the API's prefix, which is put before it again.
                let parsed = parsed.map_err(|error| PathPattern::template(path, slash).err().unwrap_or(error));
                Some((self.pattern(&at, path, parsed)?, api_segments))
            }
            (None, Some(prefix)) => {
                let at = at.member("prefix");
                let whole = [api_prefix, self.absolute(&at, prefix)?].concat();
                let parsed = PathPattern::prefix(&whole, slash);
                let parsed = parsed.map_err(|error| PathPattern::prefix(prefix, slash).err().unwrap_or(error));
                let pattern = self.pattern(&at, prefix, parsed)?;
                let segments = pattern.segments().len() - usize::from(version.is_some());
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
        match Foreign::in_path(path, false) {
            Some(foreign) => {
                let error = PatternError::Foreign(foreign);
                self.error_with(at, &error, lazily(|| error.help()));
            }
            None => {
                let help = lazily(|| match path {
                    url if url.contains("://") => {
                        "write the path alone; `hosts` and `scheme` match the rest".to_owned()
                    }
                    line if line.contains(" /") => "write the path alone; `methods` match the method".to_owned(),
                    _ => format!("write `/{path}`"),
                });
                self.error_with(at, format_args!("`{path}` does not begin with `/`"), help);
            }
        }
        None
    }

    fn pattern(&mut self, at: &At<'_>, text: &str, parsed: Result<PathPattern, PatternError>) -> Option<PathPattern> {
        match parsed {
            Ok(pattern) => self.as_read(at, text, pattern),
            Err(error) => {
                self.error_with(at, format_args!("`{text}`: {error}"), lazily(|| error.help()));
                None
            }
        }
    }

    /// Puts a pattern into the form that routes are found by.
    fn as_read(&mut self, at: &At<'_>, text: &str, pattern: PathPattern) -> Option<PathPattern> {
        let reading = Reading::of(&self.config.network);
        if let Err(error) = reading.check(&pattern.example()) {
            self.error_with(
                at,
                format_args!("`{text}`: no request can have this path: {error}"),
                "leave it out, or take `strict` off `network.paths`",
            );
            return None;
        }
        Some(if reading.has_keys() { pattern.with_keys(|path| reading.key(path)) } else { pattern })
    }

    fn methods(&mut self, at: &At<'_>, matches: &Match, key_value: bool) -> Option<MethodSet> {
        let mut set = MethodSet::EMPTY;
        let mut is_whole = true;
        for (i, name) in matches.methods.iter().enumerate() {
            match self.methods.named(name) {
                Ok(method) if set.contains(method) => {
                    self.error_with(&at.index(i), format_args!("`{name}` is there twice"), "remove one");
                }
                Ok(method) => set = set.union(method),
                Err(error) => {
                    self.error_with(
                        &at.index(i),
                        format_args!("`{name}`: {error}"),
                        method_help(name, &error, &self.methods),
                    );
                    is_whole = false;
                }
            }
        }
        if !key_value {
            return is_whole.then_some(set);
        }
        let stored: MethodSet = ["GET", "HEAD", "PUT", "DELETE"].into_iter().flat_map(MethodSet::named).collect();
        if !stored.contains(set) {
            self.error_with(
                at,
                "a key-value route takes GET, HEAD, PUT and DELETE alone",
                format_args!("remove {}", self.methods.list(set.without(stored))),
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
        self.error_with(at, error, lazily(|| error.help()));
    }
}

/// The number of segments of the prefix of an API.
fn segments_of(prefix: &str) -> usize {
    prefix.bytes().filter(|byte| *byte == b'/').count()
}

/// Returns whether `host` ends with a port.
fn has_port(host: &str) -> bool {
    host.rsplit_once(']').map_or(host, |(_, rest)| rest).contains(':')
}

pub(super) fn method_help(name: &str, error: &MethodError, methods: &Methods) -> String {
    if !THOROUGH {
        return String::new();
    }
    match error {
        MethodError::Unknown if name == "*" || name.eq_ignore_ascii_case("any") || name.eq_ignore_ascii_case("all") => {
            "leave `methods` out for every method".to_owned()
        }
        MethodError::Case(name) => format!("write `{name}`"),
        MethodError::Connect | MethodError::Trace => "remove it".to_owned(),
        MethodError::Unknown => {
            format!("there are {}, and those that `network.methods` adds", methods.list(MethodSet::ALL))
        }
    }
}
