//! The versions of APIs.

use std::sync::Arc;

use http::{HeaderName, HeaderValue};

use super::Compiler;
use super::at::At;
use super::routes::Group;
use crate::config::{self, ApiVersion, VersionDate, VersionSource, lazily};
use crate::http::date;
use crate::order;
use crate::policy::maintenance::parse_time;
use crate::policy::version::Version;
use crate::route::{HostPattern, Place, Predicate, Source, Spelling, Versions, compare_names, is_day, vary};
use crate::time::Timestamp;

/// A version of an API, for the compilation of the routes that it has.
pub(super) struct OneVersion<'c> {
    pub(super) version: Arc<Version>,
    /// The version itself, and those that it is made from, the nearest first: each with its name.
    pub(super) chain: Vec<(&'c str, &'c ApiVersion)>,
    /// The ways to ask for it.
    pub(super) ways: Vec<Way>,
}

/// A way to ask for a version.
#[derive(Clone)]
pub(super) enum Way {
    /// In this segment of the path.
    Path(String),
    /// By this host.
    Host(HostPattern),
    /// By what this looks at, or by stating nothing.
    Field(Option<Predicate>),
}

const TIME_HELP: &str = "write it in UTC as RFC 3339 has it: `2026-12-01T22:00:00Z`, or `2026-12-01`";

impl<'c> Compiler<'c> {
    /// The groups of the routes of an API: one for each of its versions, those of the default first and then the newest first; or one alone,
    /// where it has none. None if they are wrong.
    pub(super) fn version_groups(&mut self, at: &At<'_>, group: Group<'c>) -> Option<Vec<Group<'c>>> {
        let Some((index, api)) = group.api else { return Some(vec![group]) };
        let Some(versions) = &api.versions else { return Some(vec![group]) };
        let at = at.member("versions");
        let before = self.errors.len();
        let compiled = self.versions(&at, (index, api), versions, group.prefix);
        let compiled = compiled.filter(|_| self.errors.len() == before)?;
        let first = self.versions.len();
        let groups = (0..compiled.len()).map(|at| Group { version: Some(first + at), ..group }).collect();
        self.versions.extend(compiled);
        Some(groups)
    }

    #[inline(never)]
    fn versions(
        &mut self,
        at: &At<'_>,
        (api, config): (usize, &'c config::Api),
        versions: &'c config::Versions,
        prefix: Option<&str>,
    ) -> Option<Vec<OneVersion<'c>>> {
        let list_at = at.member("list");
        if versions.list.is_empty() {
            self.error_with(&list_at, "the API has no versions", "name one, or remove `versions`");
        }
        let aliases = versions.aliases.iter().map(|(name, _)| (at.member("aliases"), name));
        for (at, name) in versions.list.iter().map(|(name, _)| (list_at, name)).chain(aliases) {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
            if name.is_empty() || !name.bytes().all(is_plain) || matches!(name, "." | "..") {
                let message = format_args!("`{name}` can't be the name of a version");
                self.error_with(&at.member(name), message, "use letters, digits, `-`, `.`, `_` and `~`");
            }
        }
        let mut all: Vec<(&'c str, &'c ApiVersion)> = versions.list.iter().collect();
        order::sort_by(&mut all, |one, other| compare_names(one.0, other.0));
        let find = |name: &str| all.iter().position(|(known, _)| *known == name);
        let mut aliased = Vec::new();
        for (alias, name) in versions.aliases.iter() {
            let aliases = at.member("aliases");
            let at = aliases.member(alias);
            if find(alias).is_some() {
                let message = format_args!("`{alias}` is a version itself");
                self.error_with(&at, message, "choose another name for the alias");
            }
            let found = find(name);
            self.version_named(&at, name, found.is_some(), versions);
            aliased.extend(found.map(|index| (alias.into(), index)));
        }
        let find_any = |name: &str| {
            find(name)
                .or_else(|| aliased.iter().find(|(known, _): &&(Box<str>, usize)| **known == *name).map(|(_, of)| *of))
        };
        let default = versions.default.as_ref().and_then(|name| {
            let found = find_any(name);
            self.version_named(&at.member("default"), name, found.is_some(), versions);
            found
        });
        if versions.unknown == Some(config::UnknownVersion::Default) && versions.default.is_none() {
            let help = "state `default`, or leave `unknown` out";
            self.error_with(&at.member("unknown"), "there is no default version that requests could get", help);
        }
        let segments = prefix?.bytes().filter(|byte| *byte == b'/').count();
        let (place, sources) = self.sources(&at.member("from"), &versions.from, segments);
        let days = self.days(&list_at, &all, &versions.from);
        if place.is_none() && sources.is_empty() && default.is_none() {
            let help = "list places in `from`, or state `default`";
            self.error_with(at, "no request can state a version", help);
        }
        let names = all.iter().map(|(name, _)| (*name).into()).collect();
        let known = Arc::new(Versions {
            api,
            name: config.name.as_str().into(),
            names,
            aliases: aliased.into(),
            vary: vary(&sources),
            sources: sources.into(),
            days: days.into(),
            default,
            are_pinned: self.pins.iter().any(|pin| pin.api == api),
            unknown_is_default: versions.unknown == Some(config::UnknownVersion::Default),
            place,
        });
        let tell = versions.tell.as_ref().and_then(|name| {
            let parsed = HeaderName::try_from(name.as_str()).ok();
            if parsed.is_none() {
                let message = format_args!("`{name}` is not a header name");
                self.error_with(&at.member("tell"), message, "use letters, digits and `-`");
            }
            parsed
        });
        let mut compiled = Vec::new();
        for (index, (name, version)) in all.iter().enumerate() {
            let at = list_at.member(name);
            let chain = self.chain(&at, (name, version), versions);
            if let Some(successor) = &version.successor {
                self.version_named(&at.member("successor"), successor, known.find(successor).is_some(), versions);
            }
            if let Some(upstream) = &version.upstream {
                self.upstream_called(&at.member("upstream"), upstream);
            }
            let mut lifecycle = self.lifecycle(&at, (index, version), &known, tell.as_ref());
            lifecycle.served = chain.last().and_then(|(name, _)| known.find(name)).unwrap_or(index);
            let ways = self.ways(&at, index, &known);
            compiled.push(OneVersion { version: Arc::new(lifecycle), chain, ways });
        }
        // A preflight, which shows no field, finds the first.
        let rank = |one: &OneVersion<'_>| (Some(one.version.index) != default, core::cmp::Reverse(one.version.index));
        order::sort_by(&mut compiled, |one, other| rank(one).cmp(&rank(other)));
        Some(compiled)
    }

    /// Reports the name of a version that there is not.
    fn version_named(&mut self, at: &At<'_>, name: &str, is_there: bool, versions: &config::Versions) {
        if !is_there {
            self.unknown(at, "version", name, versions.list.iter().map(|(name, _)| name));
        }
    }

    fn sources(&mut self, at: &At<'_>, from: &[VersionSource], segments: usize) -> (Option<Place>, Vec<Source>) {
        let (mut place, mut sources) = (None, Vec::new());
        for (i, source) in from.iter().enumerate() {
            let at = at.index(i);
            match source {
                VersionSource::Path(text) => {
                    let spelling = self.spelling(&at.member("path"), text, text.contains('/'));
                    self.check_place(&at, i);
                    place = spelling.map(|spelling| Place::Path(segments, spelling));
                }
                VersionSource::Host(text) => {
                    let spelling = self.spelling(&at.member("host"), text, text.contains(['/', '*', ':']));
                    self.check_place(&at, i);
                    place = spelling.map(Place::Host);
                }
                VersionSource::Header(name) => {
                    sources.extend(self.version_field(&at.member("header"), name).map(Source::Header))
                }
                VersionSource::Query(name) => sources.push(Source::Query(name.as_str().into())),
                VersionSource::MediaType(text) => {
                    let spelling = self.spelling(&at.member("mediaType"), text, !text.contains('/'));
                    sources.extend(spelling.map(Source::MediaType));
                }
                VersionSource::MediaTypeParameter(name) => {
                    sources.push(Source::MediaTypeParameter(name.as_str().into()));
                }
                VersionSource::Date(VersionDate::Header(name)) => {
                    let at = at.member("date");
                    sources.extend(self.version_field(&at.member("header"), name).map(Source::DateHeader));
                }
                VersionSource::Date(VersionDate::Query(name)) => sources.push(Source::DateQuery(name.as_str().into())),
            }
        }
        (place, sources)
    }

    /// Reports a version in the path or in the host that does not go first: it is a part of the route, which is found before any field is asked.
    fn check_place(&mut self, at: &At<'_>, index: usize) {
        if index > 0 {
            let help = "put it first in the list; a version stands either in the path or in the host";
            self.error_with(at, "a version in the path or in the host goes before all others", help);
        }
    }

    fn spelling(&mut self, at: &At<'_>, text: &str, is_wrong: bool) -> Option<Spelling> {
        let spelling = Spelling::parse(text).filter(|_| !is_wrong);
        if spelling.is_none() {
            let help = "write `{version}` once in it: `v{version}` in `path`, `{version}.api.example.com` in `host`, \
                        `application/vnd.acme.v{version}+json` in `mediaType`";
            self.error_with(at, format_args!("`{text}` does not say where the version stands"), help);
        }
        spelling
    }

    fn version_field(&mut self, at: &At<'_>, name: &str) -> Option<HeaderName> {
        let parsed = HeaderName::try_from(name).ok();
        match &parsed {
            Some(_) => self.check_is_there(at, name),
            None => {
                self.error_with(at, format_args!("`{name}` is not a header name"), "use letters, digits and `-`");
            }
        }
        parsed
    }

    /// The days of the versions, for requests that state a date.
    fn days(
        &mut self,
        at: &At<'_>,
        all: &[(&'c str, &'c ApiVersion)],
        from: &[VersionSource],
    ) -> Vec<(Box<str>, usize)> {
        let mut days: Vec<(Box<str>, usize)> = Vec::new();
        for (index, (name, version)) in all.iter().enumerate() {
            let at = at.member(name);
            let day = version.since.as_deref().or(Some(*name).filter(|name| is_day(name)));
            match day {
                Some(day) if is_day(day) && day_start(day).is_some() => days.push((day.into(), index)),
                Some(day) => {
                    let message = format_args!("`{day}` is no day");
                    self.error_with(&at.member("since"), message, "write it as `2026-05-01`");
                }
                None => {}
            }
        }
        order::sort_by(&mut days, |one, other| one.cmp(other));
        if days.is_empty() && from.iter().any(|source| matches!(source, VersionSource::Date(_))) {
            self.error_with(at, "requests state a date, and no version has one", "give each version `since`");
        }
        days
    }

    /// The version at `at` and those that it is made from.
    fn chain(
        &mut self,
        at: &At<'_>,
        (name, version): (&'c str, &'c ApiVersion),
        versions: &'c config::Versions,
    ) -> Vec<(&'c str, &'c ApiVersion)> {
        let mut chain = vec![(name, version)];
        if version.from.is_none() && (version.request.is_some() || version.response.is_some()) {
            let help = "state `from`, or write the edits as one of its `policies`";
            self.error_with(at, "edits make a version from another, and there is none in `from`", help);
        }
        let mut last = version;
        while let Some(from) = &last.from {
            let next = versions.list.iter().find(|(known, _)| known == from);
            self.version_named(&at.member("from"), from, next.is_some(), versions);
            let Some((known, next)) = next else { break };
            if chain.iter().any(|(other, _)| *other == known) {
                let names: Vec<_> = chain.iter().map(|(name, _)| *name).chain([known]).collect();
                let message = lazily(|| format!("the version is made from itself: `{}`", names.join("` from `")));
                self.error_with(&at.member("from"), message, "leave `from` out of one of them");
                break;
            }
            chain.push((known, next));
            last = next;
        }
        chain
    }

    fn lifecycle(
        &mut self,
        at: &At<'_>,
        (index, version): (usize, &ApiVersion),
        known: &Arc<Versions>,
        tell: Option<&HeaderName>,
    ) -> Version {
        let deprecated = self.moment(&at.member("deprecated"), version.deprecated.as_deref());
        let sunset = self.moment(&at.member("sunset"), version.sunset.as_deref());
        if let (Some(deprecated), Some(sunset)) = (deprecated, sunset)
            && sunset < deprecated
        {
            let help = "put `sunset` after `deprecated` (RFC 9745 §4)";
            self.error_with(&at.member("sunset"), "the version is gone before it is deprecated", help);
        }
        let mut brown_outs = Vec::new();
        for (i, brown_out) in version.brown_outs.iter().enumerate() {
            let at = at.member("brownOuts");
            let at = at.index(i);
            let from = self.moment(&at.member("from"), Some(&brown_out.from));
            let until = self.moment(&at.member("until"), Some(&brown_out.until));
            if let (Some(from), Some(until)) = (from, until) {
                if until <= from {
                    self.error_with(&at.member("until"), "the time ends before it begins", "put `until` after `from`");
                }
                brown_outs.push((from, until));
            }
        }
        let successor = version.successor.as_ref().and_then(|name| known.find(name));
        if successor == Some(index) {
            let help = "name another version";
            self.error_with(&at.member("successor"), "the version is its own successor", help);
        }
        let mut links = Vec::new();
        if let Some(link) = &version.link {
            let is_url = link.parse::<http::Uri>().is_ok_and(|uri| uri.scheme().is_some() || link.starts_with('/'));
            let is_whole = is_url && !link.contains(['<', '>', '"', ' ']);
            if !is_whole {
                let message = format_args!("`{link}` is no URL");
                self.error_with(&at.member("link"), message, "write it as `https://example.com/deprecations`");
            }
            let relations = [("deprecation", deprecated.is_some()), ("sunset", sunset.is_some())];
            for (relation, _) in relations.into_iter().filter(|(_, is_told)| *is_told && is_whole) {
                links.extend(HeaderValue::try_from(format!("<{link}>; rel=\"{relation}\"; type=\"text/html\"")).ok());
            }
        }
        let name = known.at(index).unwrap_or_default();
        let value = HeaderValue::try_from(name).ok();
        Version {
            versions: Arc::clone(known),
            index,
            served: index,
            name: name.into(),
            deprecated: deprecated
                .and_then(|at| Some((at, HeaderValue::try_from(format!("@{}", at.unix_millis() / 1_000)).ok()?))),
            sunset: sunset.and_then(|at| Some((at, HeaderValue::try_from(date::written(at)).ok()?))),
            links: links.into(),
            successor,
            brown_outs: brown_outs.into(),
            tell: tell.cloned().zip(value),
        }
    }

    /// A time, or the beginning of a day.
    fn moment(&mut self, at: &At<'_>, text: Option<&str>) -> Option<Timestamp> {
        let text = text?;
        let time = day_start(text).or_else(|| parse_time(text));
        if time.is_none() {
            self.error_with(at, format_args!("`{text}` is no time"), TIME_HELP);
        }
        time
    }

    /// The ways to ask for the version with this index.
    fn ways(&mut self, at: &At<'_>, index: usize, known: &Arc<Versions>) -> Vec<Way> {
        let mut ways = Vec::new();
        for name in known.spellings(index) {
            match &known.place {
                Some(Place::Path(_, spelling)) => ways.push(Way::Path(spelling.write(name))),
                Some(Place::Host(spelling)) => match HostPattern::parse(&spelling.write(name)) {
                    Ok(host) => ways.push(Way::Host(host)),
                    Err(error) => {
                        let message = format_args!("`{}`: {error}", spelling.write(name));
                        self.error_with(at, message, lazily(|| error.help()));
                    }
                },
                None => {}
            }
        }
        if !known.sources.is_empty() {
            ways.push(Way::Field(Some(Predicate::version(known, index))));
        } else if known.default == Some(index) {
            ways.push(Way::Field(None));
        }
        ways
    }

    /// The upstream of the version of `group`: that of the nearest version that states one, with the index of its API and its name.
    pub(super) fn version_upstream(&self, group: Group<'c>) -> Option<(usize, &'c str, &'c str)> {
        let version = self.versions.get(group.version?)?;
        let (api, _) = group.api?;
        version.chain.iter().find_map(|(name, version)| Some((api, *name, version.upstream.as_deref()?)))
    }

    /// Returns whether `route` is one of the version of `group`, or of one that that is made from.
    pub(super) fn is_of_version(&mut self, at: &At<'_>, group: Group<'c>, route: &'c config::Route) -> bool {
        let Some(version) = group.version.and_then(|index| self.versions.get(index)) else {
            if !route.versions.is_empty() && group.api.is_none_or(|(_, api)| api.versions.is_none()) {
                let help = "say in the API's `versions` which there are";
                self.error_with(&at.member("versions"), "the route is in no API that has versions", help);
            }
            return true;
        };
        let known = Arc::clone(&version.version.versions);
        for (i, range) in route.versions.iter().enumerate() {
            if known.range(range).is_none_or(|range| range.is_empty()) {
                let message = format_args!("`{range}` is no version of the API");
                let help =
                    lazily(|| format!("there are `{}`; write a name, `>=2`, `<3` or `1-3`", known.names.join("`, `")));
                let at = at.member("versions");
                self.error_with(&at.index(i), message, help);
            }
        }
        let Some(version) = group.version.and_then(|index| self.versions.get(index)) else { return false };
        let depth = |route: &config::Route| version.depth(&route.versions);
        let Some(own) = depth(route) else { return false };
        // A route of the version itself takes the place of one that it would have from another.
        let others = group.api.into_iter().flat_map(|(_, api)| &api.routes);
        let nearer = |other: &&config::Route| {
            !core::ptr::eq(*other, route)
                && other.matches == route.matches
                && depth(other).is_some_and(|depth| depth < own)
        };
        own == 0 || !others.into_iter().any(|other| nearer(&other))
    }
}

impl OneVersion<'_> {
    /// The number of steps from the version to the one that has a route with these `versions`.
    fn depth(&self, versions: &[String]) -> Option<usize> {
        let known = &self.version.versions;
        self.chain.iter().position(|(name, _)| {
            let index = known.find(name);
            let is_in =
                |range: &String| known.range(range).zip(index).is_some_and(|(range, index)| range.contains(&index));
            versions.is_empty() || versions.iter().any(is_in)
        })
    }
}

/// The beginning of a day.
fn day_start(text: &str) -> Option<Timestamp> {
    if is_day(text) { parse_time(&[text, "T00:00:00Z"].concat()) } else { None }
}
