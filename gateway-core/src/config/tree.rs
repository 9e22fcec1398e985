//! A configuration's text as a syntax tree in which every value knows its position.

use core::cell::Cell;
use std::borrow::Cow;

use super::JsonPath;
use super::path::Step;

/// A part of the text, as byte offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Extent {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Extent {
    /// Returns whether `other` begins in it.
    pub(super) const fn holds(self, other: Self) -> bool {
        self.start <= other.start && other.start < self.end
    }
}

/// A value.
#[derive(Debug)]
pub(super) struct Node<'t> {
    pub(super) extent: Extent,
    /// Set if an error was reported about the value, which the configuration then lacks. Later list items keep their
    /// index in paths.
    pub(super) reported: Cell<bool>,
    pub(super) kind: Kind<'t>,
}

/// A value by its type.
#[derive(Debug)]
pub(super) enum Kind<'t> {
    Null,
    Bool(bool),
    /// As it is written, checked to be a JSON number.
    Number(&'t str),
    String(Cow<'t, str>),
    List(Vec<Node<'t>>),
    Object(Vec<Member<'t>>),
}

/// A member of an object.
#[derive(Debug)]
pub(super) struct Member<'t> {
    pub(super) name: Cow<'t, str>,
    pub(super) name_extent: Extent,
    pub(super) value: Node<'t>,
}

/// A value or the name of a member, with its path.
pub(super) struct Located<'n, 't> {
    pub(super) path: JsonPath,
    /// The member that the value belongs to, unless it is a list item or the root.
    pub(super) member: Option<&'n Member<'t>>,
    pub(super) node: &'n Node<'t>,
}

impl<'t> Node<'t> {
    pub(super) const fn new(extent: Extent, kind: Kind<'t>) -> Self {
        Self { extent, reported: Cell::new(false), kind }
    }

    /// Returns whether an error was reported about the value or a part of it.
    pub(super) fn is_damaged(&self) -> bool {
        self.reported.get()
            || match &self.kind {
                Kind::List(items) => items.iter().any(Node::is_damaged),
                Kind::Object(members) => members.iter().any(|member| member.value.is_damaged()),
                _ => false,
            }
    }

    /// Returns whether it is an object of which all, apart from the member `except`, could be read.
    pub(super) fn is_intact(&self, except: &str) -> bool {
        match &self.kind {
            Kind::Object(members) if !self.reported.get() => {
                members.iter().filter(|member| member.name != except).all(|member| !member.value.is_damaged())
            }
            _ => false,
        }
    }

    /// The value that begins at `offset`, or the member whose name begins there; else the innermost value around it.
    pub(super) fn at(&self, offset: u32) -> Located<'_, 't> {
        let mut located = Located { path: JsonPath::root(), member: None, node: self };
        loop {
            let inner = match &located.node.kind {
                Kind::List(items) => {
                    let next = items.partition_point(|item| item.extent.start <= offset);
                    next.checked_sub(1)
                        .and_then(|index| Some((index, items.get(index)?)))
                        .filter(|(_, item)| offset < item.extent.end.max(item.extent.start + 1))
                        .map(|(index, item)| Located { path: located.path.index(index), member: None, node: item })
                }
                Kind::Object(members) => {
                    let next = members.partition_point(|member| member.name_extent.start <= offset);
                    next.checked_sub(1)
                        .and_then(|index| members.get(index))
                        .filter(|member| offset < member.value.extent.end.max(member.name_extent.end))
                        .map(|member| Located {
                            path: located.path.member(&member.name),
                            member: Some(member),
                            node: &member.value,
                        })
                }
                _ => None,
            };
            match inner {
                Some(inner) => located = inner,
                None => return located,
            }
        }
    }

    /// The object with the member whose name begins at `offset`.
    pub(super) fn object_of(&self, offset: u32) -> Option<&Self> {
        let mut node = self;
        loop {
            node = match &node.kind {
                Kind::List(items) => {
                    items.get(items.partition_point(|item| item.extent.start <= offset).checked_sub(1)?)?
                }
                Kind::Object(members) => {
                    let next = members.partition_point(|member| member.name_extent.start <= offset);
                    let member = members.get(next.checked_sub(1)?)?;
                    if member.name_extent.start == offset {
                        return Some(node);
                    }
                    &member.value
                }
                _ => return None,
            };
        }
    }

    /// The value at `path`, whose indexes skip reported items; if it is absent, the nearest value around it. The path
    /// in the result counts all items.
    pub(super) fn follow(&self, path: &JsonPath) -> Located<'_, 't> {
        let mut written = JsonPath::root();
        let mut node = self;
        let mut inside = None;
        for step in path.steps() {
            let inner = match (step, &node.kind) {
                (Step::Index(index), Kind::List(items)) => {
                    let readable = items.iter().enumerate().filter(|(_, item)| !item.reported.get()).nth(*index);
                    readable.map(|(index, item)| (written.index(index), None, item))
                }
                (Step::Member(name), Kind::Object(members)) => members
                    .iter()
                    .find(|member| member.name == **name)
                    .map(|member| (written.member(name), Some(member), &member.value)),
                _ => None,
            };
            let Some((longer, member, inner)) = inner else {
                // The missing steps still show in the path.
                return Located { path: finish(written, path), member: inside, node };
            };
            written = longer;
            inside = member;
            node = inner;
        }
        Located { path: written, member: inside, node }
    }
}

/// `done`, followed by the steps of `whole` that are missing from it.
fn finish(done: JsonPath, whole: &JsonPath) -> JsonPath {
    let known = done.steps().len();
    whole.steps().into_iter().skip(known).fold(done, |path, step| match step {
        Step::Member(name) => path.member(name),
        Step::Index(index) => path.index(*index),
    })
}
