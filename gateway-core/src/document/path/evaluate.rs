//! The evaluation of a query on a document (RFC 9535 §2.3, §2.5), within a bound of work.

use std::borrow::Cow;
use std::sync::Arc;

use super::filter::{Filter, Operand, Pattern, Query};
use super::{Location, Segment, Selector, compare, pattern};
use crate::document::{Number, TooMuch, Value};

/// The most nodes that one query looks at.
const MOST_NODES: u32 = 1 << 20;

/// The members, characters or digits that are as much work as a node.
const PARTS_OF_NODE: usize = 16;

/// The longest regular expression of a document that is looked at, in bytes.
const MOST_PATTERN_BYTES: usize = 256;

/// A node: a value, and the way to it.
#[derive(Clone, Debug)]
pub(super) struct Node<'d> {
    pub(super) value: &'d Value,
    way: Option<Arc<Step>>,
}

/// The last step of a way. Ways to neighbours share those before it.
#[derive(Debug)]
struct Step {
    index: usize,
    before: Option<Arc<Step>>,
}

impl<'d> Node<'d> {
    const fn root(value: &'d Value) -> Self {
        Self { value, way: None }
    }

    fn child(&self, index: usize) -> Option<Self> {
        let value = self.value.child(index)?;
        Some(Self { value, way: Some(Arc::new(Step { index, before: self.way.clone() })) })
    }

    pub(super) fn location(&self) -> Location {
        let mut location = Vec::new();
        let mut step = self.way.as_deref();
        while let Some(Step { index, before }) = step {
            location.push(*index);
            step = before.as_deref();
        }
        location.reverse();
        location
    }
}

pub(super) struct Evaluation<'d> {
    root: &'d Value,
    left: u32,
}

impl<'d> Evaluation<'d> {
    pub(super) const fn new(root: &'d Value) -> Self {
        Self { root, left: MOST_NODES }
    }

    /// The nodes that `segments` select in the document.
    pub(super) fn query(&mut self, segments: &[Segment]) -> Result<Vec<Node<'d>>, TooMuch> {
        self.from(Node::root(self.root), segments)
    }

    fn from(&mut self, node: Node<'d>, segments: &[Segment]) -> Result<Vec<Node<'d>>, TooMuch> {
        let mut nodes = vec![node];
        for segment in segments {
            let mut selected = Vec::new();
            for node in &nodes {
                if segment.is_deep {
                    self.descend(node, segment, &mut selected)?;
                } else {
                    self.select(node, segment, &mut selected)?;
                }
            }
            nodes = selected;
        }
        Ok(nodes)
    }

    fn look(&mut self) -> Result<(), TooMuch> {
        self.work(0)
    }

    /// Takes the work of a look at a node, and at so many members, characters or digits of it. A few of these are as much work as another node.
    fn work(&mut self, parts: usize) -> Result<(), TooMuch> {
        let work = u32::try_from(parts / PARTS_OF_NODE).unwrap_or(u32::MAX).saturating_add(1);
        self.left = self.left.checked_sub(work).ok_or(TooMuch)?;
        Ok(())
    }

    /// Takes the work of a comparison of `value` with another one.
    fn work_of(&mut self, value: Option<&Value>) -> Result<(), TooMuch> {
        match value {
            Some(Value::String(text)) => self.work(text.len()),
            Some(Value::Number(number)) => self.work(number.as_str().len()),
            Some(Value::Array(items)) => items.iter().try_for_each(|item| self.work_of(Some(item))),
            Some(Value::Object(object)) => object.members().iter().try_for_each(|(name, value)| {
                self.work(name.len())?;
                self.work_of(Some(value))
            }),
            Some(Value::Null | Value::Boolean(_)) | None => self.work(0),
        }
    }

    /// RFC 9535 §2.5.2.2: a node comes before its descendants, and an element before those behind it. The depth is that of the document.
    fn descend(&mut self, node: &Node<'d>, segment: &Segment, selected: &mut Vec<Node<'d>>) -> Result<(), TooMuch> {
        self.look()?;
        self.select(node, segment, selected)?;
        for child in (0..node.value.children()).filter_map(|index| node.child(index)) {
            self.descend(&child, segment, selected)?;
        }
        Ok(())
    }

    fn select(&mut self, node: &Node<'d>, segment: &Segment, selected: &mut Vec<Node<'d>>) -> Result<(), TooMuch> {
        for selector in &segment.selectors {
            match (selector, node.value) {
                (Selector::Name(name), Value::Object(object)) => {
                    self.work(object.members().len())?;
                    selected.extend(object.place(name).and_then(|place| node.child(place)));
                }
                (Selector::Index(index), Value::Array(items)) => {
                    self.look()?;
                    selected.extend(place(*index, items.len()).and_then(|place| node.child(place)));
                }
                (Selector::Slice { start, end, step }, Value::Array(items)) => {
                    for place in slice(*start, *end, *step, items.len()) {
                        self.look()?;
                        selected.extend(node.child(place));
                    }
                }
                (Selector::Wildcard, value) => {
                    for index in 0..value.children() {
                        self.look()?;
                        selected.extend(node.child(index));
                    }
                }
                (Selector::Filter(filter), value) => {
                    for child in (0..value.children()).filter_map(|index| node.child(index)) {
                        self.look()?;
                        if self.holds(filter, child.value)? {
                            selected.push(child);
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn holds(&mut self, filter: &Filter, at: &'d Value) -> Result<bool, TooMuch> {
        Ok(match filter {
            Filter::Or(parts) => {
                for part in parts {
                    if self.holds(part, at)? {
                        return Ok(true);
                    }
                }
                false
            }
            Filter::And(parts) => {
                for part in parts {
                    if !self.holds(part, at)? {
                        return Ok(false);
                    }
                }
                true
            }
            Filter::Not(part) => !self.holds(part, at)?,
            Filter::Exists(query) => !self.nodes(query, at)?.is_empty(),
            Filter::Compare(one, comparison, other) => {
                let one = self.value(one, at)?;
                let other = self.value(other, at)?;
                self.work_of(one.as_deref())?;
                self.work_of(other.as_deref())?;
                compare::holds(one.as_deref(), *comparison, other.as_deref())
            }
            Filter::Match { text, pattern, is_whole } => {
                let text = self.value(text, at)?;
                let Some(text) = text.as_deref().and_then(Value::as_str) else { return Ok(false) };
                // An expression takes some steps for each character.
                self.work(text.len().saturating_mul(PARTS_OF_NODE))?;
                match pattern {
                    Pattern::Written(regex) => regex.is_match(text),
                    Pattern::Stated(stated) => {
                        let stated = self.value(stated, at)?;
                        let stated = stated.as_deref().and_then(Value::as_str);
                        let stated = stated.filter(|text| text.len() <= MOST_PATTERN_BYTES);
                        // To compile one is as much work as to look at many nodes.
                        self.left = self.left.checked_sub(256).ok_or(TooMuch)?;
                        stated
                            .and_then(|text| pattern::compile(text, *is_whole))
                            .is_some_and(|regex| regex.is_match(text))
                    }
                }
            }
        })
    }

    fn nodes(&mut self, query: &Query, at: &'d Value) -> Result<Vec<Node<'d>>, TooMuch> {
        self.look()?;
        let from = if query.is_of_root { self.root } else { at };
        self.from(Node::root(from), &query.segments)
    }

    /// The value of `operand`, which may be nothing.
    fn value<'o>(&mut self, operand: &'o Operand, at: &'d Value) -> Result<Option<Cow<'o, Value>>, TooMuch>
    where
        'd: 'o,
    {
        Ok(match operand {
            Operand::Literal(value) => Some(Cow::Borrowed(value)),
            Operand::Singular(query) => self.nodes(query, at)?.first().map(|node| Cow::Borrowed(node.value)),
            Operand::Value(query) => match &*self.nodes(query, at)? {
                [only] => Some(Cow::Borrowed(only.value)),
                _ => None,
            },
            Operand::Count(query) => Some(number(self.nodes(query, at)?.len())),
            Operand::Length(operand) => {
                let value = self.value(operand, at)?;
                match value.as_deref() {
                    // RFC 9535 §2.4.4: characters are counted, and not bytes.
                    Some(Value::String(text)) => {
                        self.work(text.len())?;
                        Some(number(text.chars().count()))
                    }
                    Some(value @ (Value::Array(_) | Value::Object(_))) => Some(number(value.children())),
                    _ => None,
                }
            }
        })
    }
}

fn number<'o>(number: usize) -> Cow<'o, Value> {
    Cow::Owned(Value::Number(Number::from(number)))
}

/// The place that `index` is in an array of this `length`; a negative one counts from the end.
fn place(index: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    let place = if index < 0 { length.checked_add(index)? } else { index };
    usize::try_from(place).ok().filter(|_| place < length)
}

/// The places of a slice (RFC 9535 §2.3.4.2.2).
fn slice(start: Option<i64>, end: Option<i64>, step: i64, length: usize) -> impl Iterator<Item = usize> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let normal = |index: i64| if index >= 0 { index } else { length.saturating_add(index) };
    let (mut at, end) = if step >= 0 {
        (normal(start.unwrap_or(0)).clamp(0, length), normal(end.unwrap_or(length)).clamp(0, length))
    } else {
        let last = length.saturating_sub(1);
        // Without an end it goes on to the first element, so that it is before that.
        let end = end.map_or(-1, |end| normal(end).clamp(-1, last));
        (normal(start.unwrap_or(last)).clamp(-1, last), end)
    };
    core::iter::from_fn(move || {
        let is_there = if step > 0 { at < end } else { step < 0 && at > end };
        let place = usize::try_from(at).ok().filter(|_| is_there)?;
        at = at.saturating_add(step);
        Some(place)
    })
}
