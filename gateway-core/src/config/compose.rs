//! A configuration and the files that it includes, made into one text.
//!
//! The text is put together of pieces as they are written. Whatever reads it knows nothing of files, and the place of a
//! mistake leads back to the file that the piece is from.

use super::lines::Lines;
use super::parse::Parsed;
use super::read::{explain, sort, without_mark};
use super::render::Sources;
use super::tree::{Extent, Kind, Member, Node};
use super::{ConfigError, Diagnostic, JsonPath, Place, parse};

/// The members that an included file can have, apart from those for people and editors.
const SECTIONS: [&str; 6] = ["upstreams", "consumers", "openapi", "policies", "apis", "routes"];

/// A file that a configuration includes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its name, for messages.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// A configuration with the files that it includes, as one text.
#[derive(Debug)]
pub struct Composed {
    text: String,
    main: String,
    included: Vec<Source>,
    /// The pieces that it is made of, in their order; none if it is the configuration alone.
    pieces: Vec<Piece>,
    /// The mistakes that are seen only in the files by themselves.
    mistakes: Vec<Diagnostic>,
}

/// A part of the text that is from one file.
#[derive(Debug)]
struct Piece {
    /// Its offset in the whole text.
    at: usize,
    length: usize,
    /// The index of the included file; `None` for the configuration itself.
    file: Option<usize>,
    /// Its offset in that file.
    start: usize,
    /// The list that it adds to, and the number of items before it.
    after: Option<(&'static str, usize)>,
}

/// Returns the patterns of files that the configuration `text` includes, with their places; none where its form is wrong.
#[must_use]
pub fn includes(text: &str) -> Vec<(JsonPath, String)> {
    let text = without_mark(text);
    // The usual configuration has none, and is not read twice.
    if !text.contains("include") {
        return Vec::new();
    }
    let root = parse::parse(text).root;
    let Some(Kind::List(patterns)) = includes_in(&root).map(|list| &list.kind) else { return Vec::new() };
    let at = JsonPath::root().member("include");
    let pattern = |(index, node): (usize, &Node<'_>)| match &node.kind {
        Kind::String(pattern) => Some((at.index(index), pattern.clone().into_owned())),
        _ => None,
    };
    patterns.iter().enumerate().filter_map(pattern).collect()
}

impl Composed {
    /// The configuration `text` alone.
    #[must_use]
    pub fn alone(text: String) -> Self {
        Self { text: text.clone(), main: text, included: Vec::new(), pieces: Vec::new(), mistakes: Vec::new() }
    }

    /// The configuration `main`, with the content of the files that it includes.
    #[must_use]
    pub fn new(main: String, included: Vec<Source>) -> Self {
        let mut composer = Composer::default();
        let mistakes = composer.compose(without_mark(&main), &included);
        let Composer { text, pieces, .. } = composer;
        Self { text, main, included, pieces, mistakes }
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns whether the files could not be put together.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.text.is_empty() && !self.mistakes.is_empty()
    }

    /// The files, the configuration itself under the name `name`.
    #[must_use]
    pub fn sources<'s>(&'s self, name: &'s str) -> Sources<'s> {
        Sources { name, text: Some(&self.main), included: &self.included }
    }

    /// Returns the outcome of loading the whole text, with places in the files; `load` is not called where there is no text.
    ///
    /// # Errors
    /// Those of `load`, and the mistakes of the files by themselves.
    pub fn load<T>(&self, load: impl FnOnce(&str) -> Result<T, Vec<Diagnostic>>) -> Result<T, Vec<Diagnostic>> {
        let loaded = if self.is_broken() { Err(Vec::new()) } else { load(&self.text).map_err(|list| self.place(list)) };
        match loaded {
            Ok(loaded) if self.mistakes.is_empty() => Ok(loaded),
            loaded => {
                let mut list = self.mistakes.clone();
                list.extend(loaded.err().unwrap_or_default());
                sort_files(&mut list);
                Err(list)
            }
        }
    }

    /// Returns `diagnostics` about the whole text with their places in the files.
    #[must_use]
    pub fn place(&self, mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
        if self.pieces.is_empty() || diagnostics.is_empty() {
            return diagnostics;
        }
        let whole = Lines::new(&self.text);
        let files: Vec<Lines<'_>> = core::iter::once(&self.main)
            .chain(self.included.iter().map(|source| &source.text))
            .map(|text| Lines::new(without_mark(text)))
            .collect();
        for diagnostic in &mut diagnostics {
            if let (Some(position), Some(end)) = (diagnostic.position, diagnostic.end)
                && let Some(there) = self.located(&whole, &files, (position, end), &mut diagnostic.path)
            {
                (diagnostic.position, diagnostic.end) = (Some(there.position), Some(there.end));
                diagnostic.file = there.file.map(str::to_owned);
            }
            if let Some(Place { path, position, end, file }) = &mut diagnostic.other
                && let Some(there) = self.located(&whole, &files, (*position, *end), path)
            {
                (*position, *end, *file) = (there.position, there.end, there.file.map(str::to_owned));
            }
        }
        sort_files(&mut diagnostics);
        diagnostics
    }

    /// Returns the place in a file of a part of the whole text, and makes `path` one of that file. A part that goes on in
    /// another file ends with the piece in which it begins.
    fn located(
        &self,
        whole: &Lines<'_>,
        files: &[Lines<'_>],
        (position, end): ((u32, u32), (u32, u32)),
        path: &mut String,
    ) -> Option<InFile<'_>> {
        let offset = whole.offset(position)?;
        let end = whole.offset(end)?;
        let piece = self.pieces.get(self.pieces.partition_point(|piece| piece.at <= offset).checked_sub(1)?)?;
        if let Some((list, before)) = piece.after {
            *path = renumbered(path, list, before);
        }
        let lines = files.get(piece.file.map_or(0, |file| file + 1))?;
        let there = |offset: usize| {
            let within = piece.start + offset.saturating_sub(piece.at).min(piece.length);
            Some(lines.position(u32::try_from(within).ok()?))
        };
        let file = piece.file.and_then(|file| self.included.get(file)).map(|source| &*source.name);
        Some(InFile { position: there(offset)?, end: there(end)?, file })
    }
}

/// A part of a file.
struct InFile<'s> {
    position: (u32, u32),
    end: (u32, u32),
    /// The name of the included file; `None` for the configuration itself.
    file: Option<&'s str>,
}

/// Sorts `diagnostics` by file, those of the configuration itself first, and by position.
fn sort_files(diagnostics: &mut [Diagnostic]) {
    diagnostics.sort_by(|a, b| (&a.file, a.position).cmp(&(&b.file, b.position)));
}

/// `path`, if it begins with an item of `list`, with an index less by `before`.
fn renumbered(path: &str, list: &str, before: usize) -> String {
    let item = path.strip_prefix(list).and_then(|rest| rest.strip_prefix('[')).and_then(|rest| rest.split_once(']'));
    let Some((index, rest)) = item else { return path.to_owned() };
    match index.parse::<usize>().ok().and_then(|index| index.checked_sub(before)) {
        Some(index) => format!("{list}[{index}]{rest}"),
        None => path.to_owned(),
    }
}

/// Returns the list of included files in a configuration.
fn includes_in<'n, 't>(root: &'n Node<'t>) -> Option<&'n Node<'t>> {
    member(root, "include").map(|member| &member.value).filter(|value| matches!(value.kind, Kind::List(_)))
}

fn is_list(section: &str) -> bool {
    matches!(section, "apis" | "routes")
}

fn member<'n, 't>(root: &'n Node<'t>, name: &str) -> Option<&'n Member<'t>> {
    match &root.kind {
        Kind::Object(members) => members.iter().find(|member| member.name == name),
        _ => None,
    }
}

/// Returns the number of items or members of `node`, and where the last of them ends, or where the first would begin; `None`
/// if it is not what `section` is.
fn inside(section: &str, node: &Node<'_>) -> Option<(usize, u32)> {
    let is_list = is_list(section);
    let (number, last) = match &node.kind {
        Kind::List(items) if is_list => (items.len(), items.last().map(|item| item.extent.end)),
        Kind::Object(members) if !is_list => (members.len(), members.last().map(|member| member.value.extent.end)),
        _ => return None,
    };
    Some((number, last.unwrap_or(node.extent.start + 1)))
}

/// Returns whether a section of an included file is not what it should be, and can't be added.
fn has_lost(root: &Node<'_>) -> bool {
    let is_lost = |section: &&str| member(root, section).is_some_and(|member| inside(section, &member.value).is_none());
    SECTIONS.iter().any(is_lost)
}

/// Returns the mistakes of an included file that its content can't have where it is added.
fn misplaced(root: &Node<'_>) -> Vec<ConfigError> {
    let Kind::Object(members) = &root.kind else { return Vec::new() };
    let mut errors = Vec::new();
    for Member { name, value, .. } in members {
        let at = JsonPath::root().member(name);
        let is_text = matches!(value.kind, Kind::String(_));
        errors.extend(match &**name {
            "$schema" | "description" if is_text || value.reported.get() => None,
            "$schema" | "description" => Some(ConfigError::new(at, "expected text")),
            "include" => Some(
                ConfigError::new(at, "an included file can't have `include`")
                    .with_help("list them in the `include` of the configuration itself"),
            ),
            name if SECTIONS.contains(&name) => {
                let expected = if is_list(name) { "a list" } else { "an object" };
                let is_right = inside(name, value).is_some() || value.reported.get();
                (!is_right).then(|| ConfigError::new(at, format!("expected {expected}")))
            }
            name => {
                Some(ConfigError::new(at, format!("an included file can't have `{}`", parse::short(name))).with_help(
                    "it has `upstreams`, `consumers`, `openapi`, `policies`, `apis` and `routes`; all else is in the configuration itself",
                ))
            }
        });
    }
    errors
}

/// A change of the configuration's own text: what comes in place of a part of it.
struct Change {
    at: Extent,
    pieces: Vec<Insertion>,
}

/// A part of an included file, or what holds such parts together.
enum Insertion {
    Glue(String),
    Part { file: usize, extent: Extent, after: (&'static str, usize) },
}

/// Puts the text together.
#[derive(Default)]
struct Composer {
    text: String,
    pieces: Vec<Piece>,
    /// The parts of included files that are in it.
    taken: Vec<(usize, Extent)>,
}

impl Composer {
    /// Returns the mistakes of the files by themselves. There is no text after a mistake that hides the rest of a file.
    fn compose(&mut self, main: &str, included: &[Source]) -> Vec<Diagnostic> {
        let root = parse::parse(main);
        let parsed: Vec<Parsed<'_>> = included.iter().map(|source| parse::parse(without_mark(&source.text))).collect();
        let is_whole = root.complete && parsed.iter().all(|parsed| parsed.complete);
        let list = includes_in(&root.root).map(|list| list.extent);
        if is_whole {
            let roots: Vec<_> = parsed.iter().map(|parsed| &parsed.root).collect();
            self.splice(main, &root.root, &roots, included);
        }
        let replaced = |extent: Extent| list.is_some_and(|list| list.holds(extent));
        let mut mistakes = faults(main, &root, |extent| !is_whole || replaced(extent));
        let mut is_lost = false;
        for (file, (source, parsed)) in included.iter().zip(&parsed).enumerate() {
            let taken = |extent| self.taken.iter().any(|(of, part)| *of == file && part.holds(extent));
            // What is in the whole text is found there.
            let mut found = faults(&source.text, parsed, |extent| !taken(extent));
            if parsed.complete {
                found.extend(explain(&source.text, misplaced(&parsed.root)));
                is_lost |= has_lost(&parsed.root);
            }
            sort(&mut found);
            mistakes.extend(found.into_iter().map(|found| Diagnostic { file: Some(source.name.clone()), ..found }));
        }
        if is_lost {
            // What names something in the lost part would seem wrong, too.
            self.text.clear();
        }
        mistakes
    }

    fn splice(&mut self, main: &str, root: &Node<'_>, roots: &[&Node<'_>], included: &[Source]) {
        let Kind::Object(members) = &root.kind else { return };
        let mut changes = Vec::new();
        if let Some(list) = includes_in(root) {
            changes.push(Change { at: list.extent, pieces: vec![Insertion::Glue("[]".to_owned())] });
        }
        let mut is_first = members.is_empty();
        let end = members.last().map_or(root.extent.start + 1, |member| member.value.extent.end);
        for section in SECTIONS {
            let own = member(root, section).map(|member| inside(section, &member.value));
            let Some((number, place)) = own.unwrap_or(Some((0, end))) else { continue };
            let mut pieces = self.additions(section, number, roots);
            if own.is_none() && !pieces.is_empty() {
                let (open, close) = if is_list(section) { ('[', ']') } else { ('{', '}') };
                let comma = if is_first { "" } else { "," };
                pieces.insert(0, Insertion::Glue(format!("{comma}\n  \"{section}\": {open}")));
                pieces.push(Insertion::Glue(format!("\n  {close}")));
                is_first = false;
            }
            changes.push(Change { at: Extent { start: place, end: place }, pieces });
        }
        changes.sort_by_key(|change| change.at.start);
        let mut done = 0;
        for change in changes {
            self.add(main, None, Extent { start: done, end: change.at.start }, None);
            for piece in change.pieces {
                match piece {
                    Insertion::Glue(glue) => self.text.push_str(&glue),
                    Insertion::Part { file, extent, after } => {
                        let text = included.get(file).map_or("", |source| without_mark(&source.text));
                        self.add(text, Some(file), extent, Some(after));
                    }
                }
            }
            done = change.at.end;
        }
        self.add(main, None, Extent { start: done, end: u32::try_from(main.len()).unwrap_or(u32::MAX) }, None);
    }

    /// Returns what the files add to `section`, which has `number` items or members without them.
    fn additions(&mut self, section: &'static str, mut number: usize, roots: &[&Node<'_>]) -> Vec<Insertion> {
        let mut pieces = Vec::new();
        for (file, root) in roots.iter().enumerate() {
            let Some(value) = member(root, section).map(|member| &member.value) else { continue };
            let Some((more @ 1.., end)) = inside(section, value) else { continue };
            if number > 0 {
                pieces.push(Insertion::Glue(",".to_owned()));
            }
            let extent = Extent { start: value.extent.start + 1, end };
            pieces.push(Insertion::Part { file, extent, after: (section, number) });
            self.taken.push((file, extent));
            number += more;
        }
        pieces
    }

    /// Adds the part at `extent` of the text of `file`.
    fn add(&mut self, text: &str, file: Option<usize>, extent: Extent, after: Option<(&'static str, usize)>) {
        let (start, end) = (extent.start as usize, extent.end as usize);
        let part = text.get(start..end).unwrap_or_default();
        self.pieces.push(Piece { at: self.text.len(), length: part.len(), file, start, after });
        self.text.push_str(part);
    }
}

/// Returns the mistakes in the form of `text` that are where `is_sought` says.
fn faults(text: &str, parsed: &Parsed<'_>, is_sought: impl Fn(Extent) -> bool) -> Vec<Diagnostic> {
    let lines = Lines::new(without_mark(text));
    let sought = parsed.faults.iter().filter(|fault| is_sought(fault.extent));
    sought.map(|fault| lines.fault(&parsed.root, fault)).collect()
}
