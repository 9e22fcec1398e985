//! Reads the text of a configuration to a [`Config`], and gives every mistake its position.

use super::error::Report;
use super::lines::Lines;
use super::mask::{is_secret, looks_like_a_name, mask};
use super::parse::{self, Fault, is_unprintable, short};
use super::tree::{Extent, Kind, Located, Node};
use super::{
    Config, ConfigError, Diagnostic, JsonPath, MOST_MISTAKES, Place, Rule, Severity, Step, Unread, Variable, bounded,
    de, straight, words,
};

/// Reads the text of a `gateway.json` where no variable is set.
///
/// # Errors
/// As [`read_with`].
pub fn read(text: &str) -> Result<Config, Box<Reading<'_>>> {
    read_with(text, &|_| Variable::Unset)
}

/// Reads the text of a `gateway.json`, with the values of its variables.
///
/// # Errors
/// Every mistake in its form at once, with the parts that could be read; see [`Reading`]. None at all if only parts with
/// unknown variables were left out.
pub fn read_with<'t>(text: &'t str, variables: &dyn Fn(&str) -> Variable) -> Result<Config, Box<Reading<'t>>> {
    let text = without_mark(text);
    straight::read(text, variables).or_else(|_| read_thoroughly(text, variables))
}

/// Reads the text of a `gateway.json` by the straight way alone.
///
/// # Errors
/// The place of the first mistake in its form.
pub fn read_straight(text: &str, variables: &dyn Fn(&str) -> Variable) -> Result<Config, Unread> {
    straight::read(without_mark(text), variables)
}

#[cold]
#[inline(never)]
fn read_thoroughly<'t>(text: &'t str, variables: &dyn Fn(&str) -> Variable) -> Result<Config, Box<Reading<'t>>> {
    let parsed = parse::parse(text);
    // In a text that breaks off, the nesting is a guess.
    let (config, reports) =
        if parsed.complete { de::read::<Config>(&parsed.root, variables) } else { (None, Vec::new()) };
    match config {
        Some(config) if parsed.faults.is_empty() && !parsed.root.is_damaged() => Ok(config),
        config => {
            let lines = Lines::new(text);
            let faults = parsed.faults.iter().map(|fault| lines.fault(&parsed.root, fault));
            let reports = reports.iter().filter(|report| !words::is_said(report, &parsed.root));
            let reports = reports.map(|report| lines.report(&parsed.root, report));
            let mut diagnostics: Vec<Diagnostic> = faults.chain(reports).collect();
            sort(&mut diagnostics);
            Err(Box::new(Reading { config, diagnostics, root: parsed.root, lines }))
        }
    }
}

/// Gives the compiler's `errors` their positions in `text`, and sorts them by position. [`read`] made the configuration
/// from the same `text`.
#[must_use]
#[cold]
#[inline(never)]
pub fn explain(text: &str, errors: Vec<ConfigError>) -> Vec<Diagnostic> {
    let text = without_mark(text);
    let root = parse::parse(text).root;
    Reading { config: None, diagnostics: Vec::new(), root, lines: Lines::new(text) }.explain(errors)
}

/// A configuration with mistakes in its form, as far as it could be read.
#[derive(Debug)]
pub struct Reading<'t> {
    /// The configuration without the parts that could not be read; `None` if nothing is left.
    pub config: Option<Config>,
    /// The mistakes, by position; none if it has no other parts left out than those with unknown variables.
    pub diagnostics: Vec<Diagnostic>,
    root: Node<'t>,
    lines: Lines<'t>,
}

impl Reading<'_> {
    /// Returns whether all of the object at `path` could be read.
    #[must_use]
    pub fn is_intact(&self, path: &JsonPath) -> bool {
        self.root.follow(path).node.is_intact("")
    }

    /// Returns, for each item of the list at `path` that is in [`config`](Self::config), whether it is an object of which
    /// all, apart from the member `except`, could be read.
    #[must_use]
    pub fn intact_items(&self, path: &JsonPath, except: &str) -> Vec<bool> {
        match &self.root.follow(path).node.kind {
            Kind::List(items) => items.iter().filter(|i| !i.reported.get()).map(|i| i.is_intact(except)).collect(),
            _ => Vec::new(),
        }
    }

    /// Returns whether all of the top-level member `section` could be read.
    #[must_use]
    pub fn is_section_intact(&self, section: &str) -> bool {
        self.root.follow(&JsonPath::root().member(section)).member.is_none_or(|member| !member.value.is_damaged())
    }

    /// Returns whether a part of the value at `path`, or of what is around it if it is absent, could not be read.
    #[must_use]
    pub fn is_damaged(&self, path: &JsonPath) -> bool {
        self.root.follow(path).node.is_damaged()
    }

    /// All mistakes by position: those of the form, and the compiler's `errors` about [`config`](Self::config). Errors
    /// that may only be due to parts left out are dropped.
    #[must_use]
    pub fn explain(self, errors: Vec<ConfigError>) -> Vec<Diagnostic> {
        let upstreams = Lost::in_section(&self.root, "upstreams");
        let policies = Lost::in_section(&self.root, "policies");
        let mut diagnostics = self.diagnostics;
        for error in errors.into_iter().take(MOST_MISTAKES) {
            let located = self.root.follow(&error.path);
            let is_consequence = located.node.is_damaged()
                || match (&located.node.kind, &*located.path.steps()) {
                    (Kind::String(name), [.., Step::Index(_), Step::Member(member)]) if **member == *"upstream" => {
                        upstreams.has(name)
                    }
                    (Kind::String(name), [.., Step::Member(list), Step::Index(_)]) if **list == *"policies" => {
                        policies.has(name)
                    }
                    _ => false,
                };
            if !is_consequence {
                diagnostics.push(self.lines.error(&self.root, located, error));
            }
        }
        sort(&mut diagnostics);
        diagnostics
    }
}

/// The names in a section that could not be read: references to them can't be checked.
enum Lost<'n> {
    All,
    Names(Vec<&'n str>),
}

impl<'n> Lost<'n> {
    fn in_section(root: &'n Node<'_>, section: &str) -> Self {
        let members = |node: &'n Node<'_>| match &node.kind {
            Kind::Object(members) => members.iter(),
            _ => [].iter(),
        };
        let Some(section) = members(root).find(|member| member.name == section) else {
            return Self::Names(Vec::new());
        };
        if section.value.reported.get() {
            return Self::All;
        }
        Self::Names(members(&section.value).filter(|m| m.value.reported.get()).map(|m| &*m.name).collect())
    }

    fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Names(names) => names.contains(&name),
        }
    }
}

pub(super) fn sort(diagnostics: &mut [Diagnostic]) {
    diagnostics.sort_by_key(|diagnostic| diagnostic.position);
}

/// RFC 8259 section 8.1: a byte order mark may be ignored.
pub(super) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

impl Lines<'_> {
    /// The text at `extent`, shortened; `None` if it is missing or may be a secret.
    fn shown(&self, located: &Located<'_, '_>, extent: Extent) -> Option<String> {
        // The name of a member is no secret, only its value.
        let end = (extent.end as usize).min(self.text.len());
        let text = self.text.get(extent.start as usize..end).filter(|text| !text.is_empty())?;
        let is_value = is_secret(&located.path) && extent.start >= located.node.extent.start;
        if is_value && !looks_like_a_name(text.trim_matches('"')) {
            return None;
        }
        // Enough for the part that is shown, without going through a whole list of routes.
        let enough = text.char_indices().nth(700).map_or(text.len(), |(at, _)| at);
        Some(short(&mask(text.get(..enough).unwrap_or_default())))
    }

    pub(super) fn fault(&self, root: &Node<'_>, fault: &Fault) -> Diagnostic {
        let located = root.at(fault.extent.start);
        let is_value = fault.extent.start >= located.node.extent.start;
        let (message, help) = if is_secret(&located.path) && is_value {
            // The message up to the author's words.
            let words = fault.message.split('`').next().unwrap_or_default();
            (words.trim_end_matches([' ', ':']).trim_end_matches(", found").to_owned(), None)
        } else {
            (fault.message.clone(), fault.help.clone())
        };
        let found = self.shown(&located, fault.extent);
        let (position, end) = self.span(fault.extent);
        Diagnostic {
            severity: Severity::Error,
            rule: if fault.other.is_some() { Rule::DuplicateMember } else { Rule::Syntax },
            path: located.path.to_string(),
            position: Some(position),
            end: Some(end),
            found,
            message: printable(bounded::message(message)),
            help: help.map(bounded::advice).map(printable),
            other: fault.other.map(|offset| {
                let located = root.at(offset);
                let extent = located.member.map_or(located.node.extent, |member| member.name_extent);
                self.place(&located, extent)
            }),
            file: None,
        }
    }

    fn place(&self, located: &Located<'_, '_>, extent: Extent) -> Place {
        let (position, end) = self.span(extent);
        Place { path: located.path.to_string(), position, end, file: None }
    }

    /// The positions of the first character of `extent`, and after its last.
    fn span(&self, extent: Extent) -> ((u32, u32), (u32, u32)) {
        // A value that is cut off ends after the text.
        let end = (extent.end as usize).min(self.text.len());
        (self.position(extent.start), self.position(u32::try_from(end).unwrap_or(extent.end)))
    }

    fn report(&self, root: &Node<'_>, report: &Report) -> Diagnostic {
        let extent = report.extent.unwrap_or(root.extent);
        let located = root.at(extent.start);
        let found = if report.is_absence() { None } else { self.shown(&located, extent) };
        let (message, help) = words::describe(report, root, &located, found.as_deref());
        let (position, end) = self.span(extent);
        Diagnostic {
            severity: Severity::Error,
            rule: report.kind.rule(),
            path: located.path.to_string(),
            position: Some(position),
            end: Some(end),
            found,
            message: printable(bounded::message(message)),
            help: help.map(bounded::advice).map(printable),
            other: None,
            file: None,
        }
    }

    fn error(&self, root: &Node<'_>, located: Located<'_, '_>, error: ConfigError) -> Diagnostic {
        let other = error.other.map(|path| {
            let located = root.follow(&path);
            self.place(&located, located.node.extent)
        });
        let extent = about(&located, &error.message);
        let (position, end) = self.span(extent);
        Diagnostic {
            severity: Severity::Error,
            rule: error.rule,
            position: Some(position),
            end: Some(end),
            found: self.shown(&located, extent),
            path: located.path.to_string(),
            message: printable(bounded::message(error.message)),
            help: error.help.map(bounded::advice).map(printable),
            other,
            file: None,
        }
    }
}

/// The part of the text that `message` is about: the name of the member if it quotes that, else the value.
fn about(located: &Located<'_, '_>, message: &str) -> Extent {
    let value = located.node.extent;
    let Some(member) = located.member else { return value };
    let quotes_name =
        message.split('`').skip(1).step_by(2).any(|quoted| quoted == bounded::cut(&member.name, bounded::QUOTED));
    let is_value = matches!(&located.node.kind, Kind::String(text) if *text == member.name);
    if quotes_name && !is_value { member.name_extent } else { value }
}

/// `text` without characters that could move the cursor: it quotes the author's words.
fn printable(text: String) -> String {
    if text.contains(is_unprintable) { text.replace(is_unprintable, "\u{fffd}") } else { text }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;

    const WHOLE: &str = include_str!("../../tests/fixtures/whole.json");

    /// Asserts that the straight and the thorough way read the same from `text`, and returns it.
    fn read_both_ways(text: &str) -> Option<Config> {
        let variables = |name: &str| match name {
            "A" => Variable::Set("5s".to_owned()),
            "LATER" => Variable::Unknown,
            _ => Variable::Unset,
        };
        let straight = straight::read(text, &variables).ok();
        let thorough = read_thoroughly(text, &variables).ok();
        assert_eq!(straight, thorough, "{text}");
        straight
    }

    #[test]
    fn comments_and_trailing_commas_change_nothing() {
        let plain = read_both_ways(r#"{"name": "a", "identityHeaders": ["x", "y"], "limits": {"headers": 5}}"#);
        assert!(plain.is_some());
        for text in [
            r#"{"name": "a", "identityHeaders": ["x", "y",], "limits": {"headers": 5,},}"#,
            "// a\n{\"name\": \"a\", // \"}\n\"identityHeaders\": [\"x\", \"y\"//]\r], \"limits\": {\"headers\": 5}}// end",
            r#"/*/**/{/**/"name"/* a */:/* " */"a"/* , */,"identityHeaders":[/**/"x","y"/* * / */,/**/],"limits":{"headers":5/**/}}/**/"#,
        ] {
            assert_eq!(read_both_ways(text), plain, "{text}");
        }
    }

    #[test]
    fn what_is_no_comment_nor_a_trailing_comma_is_refused() {
        for text in [
            "{,}",
            r#"{"identityHeaders": [,]}"#,
            r#"{"identityHeaders": ["a",,]}"#,
            r#"{"name": "a",,}"#,
            "{/*/}",
            "{} /* ",
            "{} /",
            "# a\n{}",
        ] {
            assert_eq!(read_both_ways(text), None, "{text}");
        }
    }

    #[test]
    fn an_object_may_be_described_and_nothing_reads_it() {
        let plain = read_both_ways(
            r#"{"upstreams": {"a": {"url": "u", "host": {"set": "x"}}}, "defaults": {"policies": [{"cors": {}}]}, "routes": [
              {"name": "r", "match": {"query": {"q": {"present": true}}}, "webSocket": {"idle": "5s"}, "respond": {"json": {"description": 1}}}]}"#,
        );
        let described = read_both_ways(
            r#"{"description": "d", "upstreams": {"a": {"description": "d", "url": "u", "host": {"description": "d", "set": "x"}}},
              "defaults": {"description": "", "policies": [{"description": "d", "cors": {"description": "d"}}]}, "routes": [
              {"name": "r", "match": {"query": {"q": {"present": true, "description": "d"}}}, "webSocket": {"description": "d", "idle": "5s"},
               "respond": {"json": {"description": 1}}, "description": "d"}]}"#,
        );
        assert!(plain.is_some());
        assert_eq!(described, plain);
        for text in [
            r#"{"description": 5}"#,
            r#"{"description": null}"#,
            r#"{"description": "a", "description": "a"}"#,
            r#"{"upstreams": {"a": {"host": {"set": "x", "description": 5}}}}"#,
            r#"{"upstreams": {"a": {"host": {"description": "d"}}}}"#,
            r#"{"upstreams": {"a": {"host": {"description": "d", "set": "x", "description": "d"}}}}"#,
            r#"{"defaults": {"policies": [{"description": ["d"]}]}}"#,
        ] {
            assert_eq!(read_both_ways(text), None, "{text}");
        }
        let upstream = read_both_ways(r#"{"upstreams": {"description": {"url": "u"}}}"#).unwrap_or_default();
        assert!(upstream.upstreams.find("description").is_some(), "names are the author's");
    }

    /// The names in JSON of any form are searched for repetitions by the reader, not by their type.
    #[test]
    fn json_of_hundreds_of_members_is_read_at_once_and_its_names_are_unique() {
        let text = |last: usize| {
            let members: Vec<String> =
                (0..400).map(|i| if i == 399 { last } else { i }).map(|i| format!(r#""m{i}": {i}"#)).collect();
            format!(r#"{{"routes": [{{"name": "r", "respond": {{"json": {{"a": {{{}}}}}}}}}]}}"#, members.join(","))
        };
        assert!(read_both_ways(&text(399)).is_some());
        assert_eq!(read_both_ways(&text(0)), None);
        assert_eq!(read_both_ways(&text(398)), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn both_ways_read_the_same_after_a_slip(
            from in any::<Index>(),
            length in 0_usize..3,
            with in prop::sample::select(vec![
                "", ",", ",,", "/**/", "//\n", "// \"\n", "/* , */", "/*", "\"description\": \"d\",", "#\n", "\"", "}", "{", "0", "\\", "${A}", "${B}", "${LATER}", "$${A}",
            ]),
        ) {
            let chars: Vec<char> = WHOLE.chars().collect();
            let from = from.index(chars.len());
            let before = chars.iter().take(from);
            let text: String = before.copied().chain(with.chars()).chain(chars.iter().skip(from + length).copied()).collect();
            read_both_ways(&text);
        }
    }
}
