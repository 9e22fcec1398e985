//! The paths of a description. `matchit` finds the one that is asked for (docs/adr/0009): here a path alone decides.

use matchit::Router;

use crate::http::percent;
use crate::order;

/// The paths of a description.
#[derive(Debug)]
pub(super) struct Paths {
    /// Paths whose segments are fixed in the same places, by what they have in common.
    router: Router<usize>,
    shapes: Vec<Vec<usize>>,
    paths: Vec<Path>,
}

/// A path with parameters.
#[derive(Debug)]
struct Path {
    /// As it is written.
    template: Box<str>,
    segments: Box<[Box<[Piece]>]>,
}

/// A part of a segment.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Text(Box<str>),
    Parameter(Box<str>),
}

/// The values of a path's parameters, as they came.
pub(super) type Values<'p> = Vec<(&'p str, &'p str)>;

/// The most segments with parameters that the router takes.
const MOST_PARAMETERS: usize = 25;

impl Paths {
    pub(super) fn new() -> Self {
        Self { router: Router::new(), shapes: Vec::new(), paths: Vec::new() }
    }

    /// Adds a path, which has the next number. Returns the number of the last one that takes the same paths.
    ///
    /// # Errors
    /// The reason why it is none.
    pub(super) fn add(&mut self, template: &str) -> Result<Option<usize>, String> {
        let segments = template.split('/').skip(1).map(pieces).collect::<Option<Box<[_]>>>();
        let Some(segments) = segments.filter(|_| template.starts_with('/')) else {
            return Err("a path begins with `/`, and a parameter in it is written `{name}`".to_owned());
        };
        let has_parameter = |segment: &[Piece]| !matches!(segment, [Piece::Text(_)] | []);
        if segments.iter().filter(|segment| has_parameter(segment)).count() > MOST_PARAMETERS {
            return Err(format!("a path has at most {MOST_PARAMETERS} segments with parameters"));
        }
        let mut shape = String::new();
        for (number, segment) in segments.iter().enumerate() {
            shape.push('/');
            match &**segment {
                // In the router a brace is written twice.
                [Piece::Text(text)] => shape.push_str(&text.replace('{', "{{").replace('}', "}}")),
                [] => {}
                // The names of a router's parameters differ.
                _ => shape.push_str(&format!("{{p{number}}}")),
            }
        }
        let path = Path { template: template.into(), segments };
        let own = self.paths.len();
        let mut same = None;
        if self.router.insert(shape, self.shapes.len()).is_ok() {
            self.shapes.push(vec![own]);
        } else {
            let has_shape = |list: &Vec<usize>| {
                list.first().and_then(|first| self.paths.get(*first)).is_some_and(|first| first.has_shape_of(&path))
            };
            let Some(known) = self.shapes.iter().position(has_shape) else {
                return Err("no router can tell it from the others".to_owned());
            };
            let mut list = self.shapes.get_mut(known).map(core::mem::take).unwrap_or_default();
            let is_same = |index: &&usize| self.paths.get(**index).is_some_and(|other| path.is_as(other));
            same = list.iter().rfind(is_same).copied();
            list.push(own);
            let weight = |index: &usize| if *index == own { path.weight() } else { self.weight(*index) };
            order::sort_by(&mut list, |one, other| weight(other).cmp(&weight(one)));
            if let Some(place) = self.shapes.get_mut(known) {
                *place = list;
            }
        }
        self.paths.push(path);
        Ok(same)
    }

    fn weight(&self, index: usize) -> usize {
        self.paths.get(index).map_or(0, Path::weight)
    }

    /// The numbers of the paths that `path` may be one of, the best first, and the values of their parameters.
    pub(super) fn find<'p>(&'p self, path: &'p str) -> impl Iterator<Item = (usize, Values<'p>)> {
        let path = if path.is_empty() { "/" } else { path };
        let shape = self.router.at(path).ok().map(|found| *found.value);
        let candidates = shape.and_then(|shape| self.shapes.get(shape)).map(|list| &**list).unwrap_or_default();
        candidates.iter().filter_map(move |index| Some((*index, self.paths.get(*index)?.values(path)?)))
    }

    /// The path with this number, as it is written.
    pub(super) fn template(&self, index: usize) -> &str {
        self.paths.get(index).map_or("", |path| &path.template)
    }
}

impl Path {
    /// The number of characters that are not of parameters.
    fn weight(&self) -> usize {
        let texts = self.segments.iter().flat_map(|segment| &**segment);
        texts.map(|piece| if let Piece::Text(text) = piece { text.len() } else { 0 }).sum()
    }

    /// Returns whether the segments of both are fixed in the same places, and are the same there.
    fn has_shape_of(&self, other: &Self) -> bool {
        let fixed = |segment: &[Piece]| !segment.iter().any(|piece| matches!(piece, Piece::Parameter(_)));
        self.segments.len() == other.segments.len()
            && self
                .segments
                .iter()
                .zip(&other.segments)
                .all(|(one, other)| if fixed(one) || fixed(other) { one == other } else { true })
    }

    /// Returns whether both take the same paths.
    fn is_as(&self, other: &Self) -> bool {
        let same = |pair: (&Piece, &Piece)| match pair {
            (Piece::Text(one), Piece::Text(other)) => one == other,
            (Piece::Parameter(_), Piece::Parameter(_)) => true,
            _ => false,
        };
        self.segments.len() == other.segments.len()
            && self
                .segments
                .iter()
                .zip(&other.segments)
                .all(|(one, other)| one.len() == other.len() && one.iter().zip(other).all(same))
    }

    fn values<'p>(&'p self, path: &'p str) -> Option<Values<'p>> {
        let mut values = Vec::new();
        let mut segments = path.split('/').skip(1);
        for pieces in &self.segments {
            let segment = segments.next()?;
            take(pieces, segment, &mut values)?;
        }
        segments.next().is_none().then_some(values)
    }
}

/// Takes `segment` apart as `pieces` say. A parameter takes as little as it can, and at least one character: as with patterns of `*`, the first
/// place where a text stands is the one to go on from.
fn take<'p>(pieces: &'p [Piece], segment: &'p str, values: &mut Values<'p>) -> Option<()> {
    if let [Piece::Text(text)] = pieces {
        return (**text == *segment || percent::decode(segment) == **text).then_some(());
    }
    let (pieces, mut left) = match pieces {
        [before @ .., Piece::Text(text)] => (before, segment.strip_suffix(&**text)?),
        pieces => (pieces, segment),
    };
    let mut open: Option<&str> = None;
    for piece in pieces {
        match (piece, open) {
            (Piece::Text(text), None) => left = left.strip_prefix(&**text)?,
            (Piece::Text(text), Some(name)) => {
                let first = left.chars().next()?.len_utf8();
                let at = left.get(first..)?.find(&**text)?.saturating_add(first);
                let (value, rest) = left.split_at_checked(at)?;
                values.push((name, value));
                left = rest.get(text.len()..)?;
                open = None;
            }
            (Piece::Parameter(name), _) => open = Some(name),
        }
    }
    match open {
        Some(name) => {
            values.push((name, left));
            (!left.is_empty()).then_some(())
        }
        None => left.is_empty().then_some(()),
    }
}

/// The parts of a segment; none if its braces are not closed, or if two parameters have nothing between them.
fn pieces(segment: &str) -> Option<Box<[Piece]>> {
    let mut pieces = Vec::new();
    let mut rest = segment;
    while let Some((text, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        if !text.is_empty() {
            pieces.push(Piece::Text(text.into()));
        } else if matches!(pieces.last(), Some(Piece::Parameter(_))) {
            return None;
        }
        if name.is_empty() || name.contains('{') || text.contains('}') {
            return None;
        }
        pieces.push(Piece::Parameter(name.into()));
        rest = after;
    }
    if rest.contains('}') {
        return None;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.into()));
    }
    Some(pieces.into())
}
