//! The version of an API that a request asks for.

use core::cmp::Ordering;
use core::hash::{Hash, Hasher};
use std::borrow::Cow;

use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::lookup::Lookup;
use super::value::{self, Value};
use crate::http::weight::thousandths;

/// The versions of an API, and the places where requests state one.
#[derive(Debug)]
pub struct Versions {
    /// The index of the API.
    pub api: usize,
    /// The name of the API.
    pub name: Box<str>,
    /// The names, from the oldest version to the newest.
    pub names: Box<[Box<str>]>,
    /// The other names of some, with the index of each.
    pub aliases: Box<[(Box<str>, usize)]>,
    /// The places beside the path and the host, in the order in which they count.
    pub sources: Box<[Source]>,
    /// The days from which on versions are the newest, the earliest first.
    pub days: Box<[(Box<str>, usize)]>,
    /// The index of the version of requests that state none.
    pub default: Option<usize>,
    /// Set if some consumers get another one.
    pub are_pinned: bool,
    /// Set if it is that of requests, too, that state one that there is not.
    pub unknown_is_default: bool,
    /// The place of the version in the path or in the host.
    pub place: Option<Place>,
    /// The fields of requests that state it, as `Vary` lists them; none if none do.
    pub vary: Option<HeaderValue>,
}

/// A place beside the path and the host where requests state a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A header field.
    Header(HeaderName),
    /// A query parameter.
    Query(Box<str>),
    /// A media type of `Accept`, or else of `Content-Type`.
    MediaType(Spelling),
    /// A parameter of one.
    MediaTypeParameter(Box<str>),
    /// A header field that has a date.
    DateHeader(HeaderName),
    /// A query parameter that has a date.
    DateQuery(Box<str>),
}

/// The place of a version in the path or in the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The segment of the path behind so many others.
    Path(usize, Spelling),
    /// The host.
    Host(Spelling),
}

/// A text with a version in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spelling {
    /// What stands before it.
    pub before: Box<str>,
    /// What stands behind it.
    pub after: Box<str>,
}

/// What a request states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stated<'r> {
    /// A version, by its index; or none, where there is a default.
    Version(usize),
    /// One that there is not.
    Unknown(Cow<'r, str>),
    /// None, and there is no default.
    Nothing,
}

/// They are those of one API of a configuration.
impl PartialEq for Versions {
    fn eq(&self, other: &Self) -> bool {
        self.api == other.api
    }
}

impl Eq for Versions {}

impl Hash for Versions {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.api.hash(state);
    }
}

impl Spelling {
    /// The spelling that `text` writes, which has `{version}` once.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (before, after) = text.split_once("{version}")?;
        let is_plain = !before.contains(['{', '}']) && !after.contains(['{', '}']);
        is_plain.then(|| Self { before: before.into(), after: after.into() })
    }

    /// The text for `version`.
    #[must_use]
    pub fn write(&self, version: &str) -> String {
        [&self.before, version, &self.after].concat()
    }

    /// The version in `text`, whose other letters may be in either case.
    #[must_use]
    pub fn read<'t>(&self, text: &'t str) -> Option<&'t str> {
        let rest = text.get(self.before.len()..).filter(|_| starts(text, &self.before))?;
        let end = rest.len().checked_sub(self.after.len())?;
        let (version, after) = rest.split_at_checked(end)?;
        (after.eq_ignore_ascii_case(&self.after) && !version.is_empty()).then_some(version)
    }
}

fn starts(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|own| own.eq_ignore_ascii_case(start))
}

impl Source {
    /// Returns whether it has a date.
    pub(crate) const fn is_date(&self) -> bool {
        matches!(self, Self::DateHeader(_) | Self::DateQuery(_))
    }

    /// The field of a request that it is.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Header(name) | Self::DateHeader(name) => Some(name.as_str()),
            Self::MediaType(_) | Self::MediaTypeParameter(_) => Some(ACCEPT.as_str()),
            Self::Query(_) | Self::DateQuery(_) => None,
        }
    }
}

/// The value of `Vary` for answers that depend on `sources` (RFC 9110 §12.5.5).
#[must_use]
pub fn vary(sources: &[Source]) -> Option<HeaderValue> {
    let mut fields: Vec<&str> = Vec::new();
    for field in sources.iter().filter_map(Source::field) {
        if !fields.contains(&field) {
            fields.push(field);
        }
    }
    HeaderValue::try_from(fields.join(", ")).ok().filter(|_| !fields.is_empty())
}

impl Versions {
    /// The index of the version called `name`.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<usize> {
        let own = self.names.iter().position(|known| **known == *name);
        own.or_else(|| self.aliases.iter().find(|(known, _)| **known == *name).map(|(_, index)| *index))
    }

    /// The name of the version with this index.
    #[must_use]
    pub fn at(&self, index: usize) -> Option<&str> {
        self.names.get(index).map(|name| &**name)
    }

    /// The names of the version with this index: its own, and its aliases.
    pub fn spellings(&self, index: usize) -> impl Iterator<Item = &str> {
        let aliases = self.aliases.iter().filter(move |(_, of)| *of == index).map(|(alias, _)| &**alias);
        self.at(index).into_iter().chain(aliases)
    }

    /// The version that a request asks for, the path and the host aside.
    #[must_use]
    pub fn stated<'r>(&self, lookup: &Lookup<'r, 'r>) -> Stated<'r> {
        let Some((place, text)) = self.stated_at(lookup) else {
            return self.default.map_or(Stated::Nothing, Stated::Version);
        };
        let is_date = self.sources.get(place).is_some_and(Source::is_date);
        match self.chosen(&text, is_date).or(self.default.filter(|_| self.unknown_is_default)) {
            Some(index) => Stated::Version(index),
            None => Stated::Unknown(text),
        }
    }

    /// The index of the first source at which a request states a version, and the text of it.
    pub(crate) fn stated_at<'r>(&self, lookup: &Lookup<'r, 'r>) -> Option<(usize, Cow<'r, str>)> {
        self.sources.iter().enumerate().find_map(|(index, source)| Some((index, self.text(source, lookup)?)))
    }

    /// Returns whether `text` states the version with this index at `source`.
    pub(crate) fn names_version(&self, text: &str, index: usize, source: &Source) -> bool {
        self.chosen(text, source.is_date()) == Some(index)
    }

    /// The text that states the version with this index at `source`: its name, or its first day where days do.
    pub(crate) fn text_for(&self, index: usize, source: &Source) -> String {
        let day = self.days.iter().find(|(_, of)| *of == index).filter(|_| source.is_date());
        day.map(|(day, _)| &**day).or_else(|| self.at(index)).unwrap_or_default().to_owned()
    }

    /// The name of that version, as the value of a field.
    pub(super) fn value<'v>(&'v self, lookup: &Lookup<'_, '_>) -> Option<Value<'v>> {
        match self.stated(&Lookup { ..*lookup }) {
            Stated::Version(index) => self.at(index).map(|name| Value::Plain(name.as_bytes())),
            Stated::Unknown(_) | Stated::Nothing => None,
        }
    }

    /// The text in which a request states a version at `source`.
    fn text<'r>(&self, source: &Source, lookup: &Lookup<'r, 'r>) -> Option<Cow<'r, str>> {
        let found = match source {
            Source::Header(name) | Source::DateHeader(name) => whole(value::header(lookup.headers, name)),
            Source::Query(name) | Source::DateQuery(name) => {
                whole(lookup.query.and_then(|query| value::query(query, name)))
            }
            Source::MediaType(spelling) => self.of_media(lookup.headers, |kind, _| spelling.read(kind)),
            Source::MediaTypeParameter(name) => {
                self.of_media(lookup.headers, |_, parameters: &'r str| media_parameter(parameters, name))
            }
        };
        found.filter(|text| !text.is_empty())
    }

    fn chosen(&self, text: &str, is_date: bool) -> Option<usize> {
        let by_name = self.find(text);
        if !is_date || by_name.is_some() {
            return by_name;
        }
        let days = self.days.iter().filter(|_| is_day(text));
        days.take_while(|(since, _)| **since <= *text).last().map(|(_, index)| *index)
    }

    /// The version that `read` finds in the media types that a client accepts (RFC 9110 §12.5.1), those that it likes best first and those that
    /// there are before others; else in that of the content.
    fn of_media<'r>(
        &self,
        headers: &'r HeaderMap,
        read: impl Fn(&'r str, &'r str) -> Option<&'r str>,
    ) -> Option<Cow<'r, str>> {
        let mut best: Option<((bool, u16), &str)> = None;
        for name in [ACCEPT, CONTENT_TYPE] {
            let lines = headers.get_all(&name).iter().filter_map(|line| line.to_str().ok());
            for element in lines.flat_map(|line| line.split(',')) {
                let (kind, parameters) = element.split_once(';').unwrap_or((element, ""));
                let Some(version) = read(kind.trim(), parameters) else { continue };
                let weight = media_parameter(parameters, "q").map_or(Some(1000), thousandths).unwrap_or_default();
                let rank = (self.find(version).is_some(), weight);
                if weight > 0 && best.is_none_or(|(known, _)| rank > known) {
                    best = Some((rank, version));
                }
            }
            if best.is_some() {
                break;
            }
        }
        best.map(|(_, version)| Cow::Borrowed(version))
    }

    /// Returns whether a preflight does not show which version is asked for (Fetch standard, CORS-preflight fetch).
    #[must_use]
    pub const fn reads_headers(&self) -> bool {
        self.vary.is_some()
    }

    /// A header field or a query parameter by which a request states `version`: which of the two, its name and its value.
    pub(super) fn example(&self, version: &str) -> Option<(bool, String, String)> {
        let day = || {
            let index = self.find(version)?;
            self.days.iter().find(|(_, of)| *of == index).map(|(day, _)| day.to_string())
        };
        let day = || day().unwrap_or_else(|| version.to_owned());
        Some(match self.sources.first()? {
            Source::Header(name) => (true, name.to_string(), version.to_owned()),
            Source::DateHeader(name) => (true, name.to_string(), day()),
            Source::Query(name) => (false, name.to_string(), version.to_owned()),
            Source::DateQuery(name) => (false, name.to_string(), day()),
            Source::MediaType(spelling) => (true, "accept".to_owned(), spelling.write(version)),
            Source::MediaTypeParameter(name) => (true, "accept".to_owned(), format!("*/*;{name}={version}")),
        })
    }

    /// The versions that `range` is about: a name, `>=2`, `>2`, `<=2`, `<2`, or `1-3`.
    #[must_use]
    pub fn range(&self, range: &str) -> Option<core::ops::Range<usize>> {
        if let Some(index) = self.find(range) {
            return Some(index..index + 1);
        }
        let all = self.names.len();
        let from = |text: &str| self.find(text.trim());
        for (sign, ends) in [(">=", (0, true)), ("<=", (1, false)), (">", (1, true)), ("<", (0, false))] {
            if let Some(text) = range.strip_prefix(sign) {
                let (further, is_start) = ends;
                let at = from(text)? + further;
                return Some(if is_start { at..all } else { 0..at });
            }
        }
        let mut dashes = range.match_indices('-');
        dashes.find_map(|(at, _)| {
            let (first, last) = (from(range.get(..at)?)?, from(range.get(at + 1..)?)?);
            Some(first..last + 1)
        })
    }
}

/// The order of names of versions: runs of digits count as numbers, so that `v10` is newer than `v9`.
#[must_use]
pub fn compare_names(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one, other);
    while !one.is_empty() && !other.is_empty() {
        let ((a, rest), (b, others)) = (run(one), run(other));
        let is_number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
        let order = if is_number(a) && is_number(b) {
            let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
            a.len().cmp(&b.len()).then(a.cmp(b))
        } else {
            a.cmp(b)
        };
        if order != Ordering::Equal {
            return order;
        }
        (one, other) = (rest, others);
    }
    one.len().cmp(&other.len())
}

/// The digits that `text` begins with, or what comes before its first digit; and the rest.
fn run(text: &str) -> (&str, &str) {
    let is_number = text.starts_with(|c: char| c.is_ascii_digit());
    let end = text.find(|c: char| c.is_ascii_digit() != is_number).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// Returns whether `text` is written as a day is: `2026-05-01`. Two that are compare as their texts do.
#[must_use]
pub fn is_day(text: &str) -> bool {
    let is_written = text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
    let number = |range: core::ops::Range<usize>| text.get(range).and_then(|digits| digits.parse::<u32>().ok());
    let (Some(year), Some(month), Some(day)) = (number(0..4), number(5..7), number(8..10)) else { return false };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    is_written && (1..=days).contains(&day)
}

/// A value as text; what is none is a text that nothing is called by.
fn whole(value: Option<Value<'_>>) -> Option<Cow<'_, str>> {
    let value = value?;
    Some(match value {
        Value::Plain(bytes) => core::str::from_utf8(bytes).map_or(Cow::Borrowed("\u{fffd}"), Cow::Borrowed),
        other => Cow::Owned(other.text().map_or_else(|| "\u{fffd}".to_owned(), Cow::into_owned)),
    })
}

/// The parameter called `name` of a media type.
pub(crate) fn media_parameter<'p>(parameters: &'p str, name: &str) -> Option<&'p str> {
    let mut all = parameters.split(';').filter_map(|one| one.split_once('='));
    let (_, value) = all.find(|(own, _)| own.trim().eq_ignore_ascii_case(name))?;
    Some(value.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::testing::Request;

    fn versions(sources: Vec<Source>) -> Versions {
        Versions {
            api: 0,
            name: "a".into(),
            names: ["1", "2", "10"].map(Into::into).into(),
            aliases: [("latest".into(), 2)].into(),
            days: [("2024-05-01".into(), 0), ("2025-05-01".into(), 2)].into(),
            default: None,
            are_pinned: false,
            unknown_is_default: false,
            place: None,
            vary: vary(&sources),
            sources: sources.into(),
        }
    }

    fn stated(versions: &Versions, url: &str, lines: &[(&str, &str)]) -> String {
        let request = Request::new(url, lines);
        match versions.stated(&request.lookup()) {
            Stated::Version(index) => versions.at(index).unwrap().to_owned(),
            Stated::Unknown(text) => format!("unknown {text}"),
            Stated::Nothing => "nothing".to_owned(),
        }
    }

    /// docs/configuration.md, Versions of an API.
    #[test]
    fn the_first_place_that_states_a_version_counts() {
        let both = versions(vec![Source::Header(HeaderName::from_static("v")), Source::Query("v".into())]);
        assert_eq!(stated(&both, "/", &[]), "nothing");
        assert_eq!(stated(&both, "/?v=2", &[]), "2");
        assert_eq!(stated(&both, "/?v=2", &[("v", "latest")]), "10");
        assert_eq!(stated(&both, "/?v=2", &[("v", " 1 ")]), "1");
        assert_eq!(stated(&both, "/?v=2", &[("v", "")]), "2");
        assert_eq!(stated(&both, "/?v=2", &[("v", "3")]), "unknown 3");
        // RFC 9110 §5.3: two lines are a list, and no version is called by one.
        assert_eq!(stated(&both, "/", &[("v", "1"), ("v", "2")]), "unknown 1, 2");
        assert_eq!(stated(&both, "/?v=%31%30", &[]), "10");
        let lenient = Versions { default: Some(1), unknown_is_default: true, ..both };
        assert_eq!(stated(&lenient, "/?v=3", &[]), "2");
        assert_eq!(stated(&lenient, "/", &[]), "2");
        assert_eq!(stated(&lenient, "/", &[("v", "1")]), "1");
    }

    /// RFC 9110 §12.5.1: weights, and no preference without one; §8.3.1: media types and names of parameters in either case.
    #[test]
    fn media_types_state_a_version() {
        let spelling = Spelling::parse("application/vnd.a.v{version}+json").unwrap();
        let media = versions(vec![Source::MediaType(spelling), Source::MediaTypeParameter("version".into())]);
        for (accept, version) in [
            ("application/vnd.a.v2+json", "2"),
            ("Application/VND.A.v2+JSON; q=0.5", "2"),
            ("application/vnd.a.v1+json;q=0.2, application/vnd.a.v2+json;q=0.3", "2"),
            ("application/vnd.a.v7+json, application/vnd.a.v1+json;q=0.1", "1"),
            ("application/vnd.a.v7+json", "unknown 7"),
            ("application/vnd.a.v+json", "nothing"),
            ("application/vnd.a.v1+json;q=0", "nothing"),
            ("application/vnd.a.v1+xml, */*", "nothing"),
            ("application/json; VERSION=2", "2"),
            ("application/json;version=\"10\"", "10"),
            ("*/*;q=0.1", "nothing"),
        ] {
            assert_eq!(stated(&media, "/", &[("accept", accept)]), version, "{accept}");
        }
        let content = ("content-type", "application/vnd.a.v1+json; charset=utf-8");
        assert_eq!(stated(&media, "/", &[content]), "1");
        assert_eq!(stated(&media, "/", &[content, ("accept", "application/vnd.a.v2+json")]), "2");
    }

    /// docs/configuration.md, Versions of an API: a day stands for the newest version that there was by then.
    #[test]
    fn a_day_stands_for_the_newest_version_of_its_time() {
        let dates = versions(vec![Source::DateQuery("d".into())]);
        for (date, version) in [
            ("2024-04-30", "unknown 2024-04-30"),
            ("2024-05-01", "1"),
            ("2025-04-30", "1"),
            ("2025-05-01", "10"),
            ("2999-12-31", "10"),
            ("latest", "10"),
            ("2", "2"),
            ("today", "unknown today"),
            ("2025-5-1", "unknown 2025-5-1"),
        ] {
            assert_eq!(stated(&dates, &format!("/?d={date}"), &[]), version, "{date}");
        }
    }

    #[test]
    fn ranges_are_those_of_the_order_of_names() {
        let known = versions(Vec::new());
        for (range, expected) in [
            ("2", Some(1..2)),
            ("latest", Some(2..3)),
            (">=2", Some(1..3)),
            ("> 2", Some(2..3)),
            ("<=2", Some(0..2)),
            ("<2", Some(0..1)),
            ("<1", Some(0..0)),
            ("1-10", Some(0..3)),
            ("2-latest", Some(1..3)),
            ("3", None),
            (">=3", None),
            ("1-3", None),
            ("", None),
        ] {
            assert_eq!(known.range(range), expected, "{range}");
        }
    }

    #[test]
    fn names_are_ordered_as_people_count() {
        let mut names = ["v10", "2024-10-01", "v2", "v9.10", "2024-9-01", "v9.9", "beta", "v9"];
        names.sort_by(|one, other| compare_names(one, other));
        assert_eq!(names, ["2024-9-01", "2024-10-01", "beta", "v2", "v9", "v9.9", "v9.10", "v10"]);
    }
}
