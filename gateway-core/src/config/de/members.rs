//! The members of an object.

use std::borrow::Cow;

use serde::de::value::StrDeserializer;
use serde::de::{Deserialize, DeserializeSeed, Error as _, MapAccess};

use super::log::Log;
use super::parts::{Parts, Rest};
use super::reader::{Reader, Source};
use super::{DESCRIPTION, attempt};
use crate::config::MOST_MISTAKES;
use crate::config::error::{Error, ErrorKind};
use crate::config::scan::{Next, unsound};
use crate::config::tree::{Kind, Member, Node};
use crate::config::vocabulary::meant;

/// The members of an object, followed by the fields that are assumed.
pub(super) struct Members<'n, 'l> {
    members: Parts<'n, 'l, Member<'n>>,
    object: Reader<'n, 'l>,
    /// The source of the next value.
    current: Source<'n, 'l>,
    /// The member whose name was read last, in a tree.
    member: Option<&'n Member<'n>>,
    assumed: std::vec::IntoIter<&'static str>,
    /// Set if there are assumed fields.
    has_assumed: bool,
    /// The names read so far, where the type does not look for repetitions itself.
    names: Option<Vec<Cow<'n, str>>>,
    descriptions: Descriptions,
    /// Set if the next value is taken as it stands: it names something itself, or nothing reads it.
    is_verbatim: bool,
}

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// One of the configuration's own, with fields that are known: it may be described.
    Fields,
    /// One whose author chooses the names, which the type searches for repetitions.
    Names,
    /// JSON of any form.
    Any,
}

/// The treatment of members called `description`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Descriptions {
    /// As of any other member.
    Read,
    /// Skipped.
    Skipped,
    /// Skipped, and there was one.
    Found,
}

impl Descriptions {
    /// Returns whether the member `name` is to be skipped.
    pub(super) fn are_skipped(self, name: &str) -> bool {
        self != Self::Read && name == DESCRIPTION
    }
}

/// Returns whether `member` is for its reader to use; `false` for a description, which is reported unless it is text.
fn is_of_use(member: &Member<'_>, descriptions: Descriptions, log: &Log<'_>) -> bool {
    if member.value.reported.get() {
        return false;
    }
    let skipped = descriptions.are_skipped(&member.name);
    if skipped && !matches!(member.value.kind, Kind::String(_)) {
        log.record(Error::wrong_type(&"a string").about(&member.value));
    }
    !skipped
}

/// The members of `node` for their reader to use.
pub(super) fn members_of_use<'n>(
    node: &'n Node<'n>,
    descriptions: Descriptions,
    log: &Log<'_>,
) -> impl Iterator<Item = &'n Member<'n>> {
    members_of(node).iter().filter(move |member| is_of_use(member, descriptions, log))
}

/// The name of the next member in a text.
pub(super) fn name_in<'n>(
    rest: &mut Rest<'n, '_>,
    descriptions: &mut Descriptions,
) -> Result<Option<Cow<'n, str>>, Error> {
    while rest.advance()? {
        let name = rest.scan.name()?;
        if !descriptions.are_skipped(&name) {
            return Ok(Some(name));
        }
        if *descriptions == Descriptions::Found || rest.scan.next() != Next::String {
            return Err(unsound());
        }
        *descriptions = Descriptions::Found;
        rest.scan.string()?;
    }
    Ok(None)
}

impl<'n, 'l> Members<'n, 'l> {
    /// The members of `object`.
    #[inline(never)]
    pub(super) fn of(object: Reader<'n, 'l>, shape: Shape) -> Result<Self, Error> {
        let mut assumed = Vec::new();
        let members = match object.source {
            Source::Text(scan) => Parts::Text(Rest::of(scan, b'}')?),
            Source::Node(node) => {
                assumed = object.log.missing_from(node);
                Parts::Tree(members_of(node).iter())
            }
            Source::Assumed => Parts::Tree([].iter()),
        };
        let has_assumed = !assumed.is_empty();
        // A tree has already been searched for repetitions.
        let names = (shape == Shape::Any && matches!(members, Parts::Text(_))).then(Vec::new);
        let descriptions = if shape == Shape::Fields { Descriptions::Skipped } else { Descriptions::Read };
        let assumed = assumed.into_iter();
        Ok(Self {
            members,
            object,
            current: Source::Assumed,
            member: None,
            assumed,
            has_assumed,
            names,
            descriptions,
            is_verbatim: false,
        })
    }

    /// The members of a tree that are left to read.
    fn remaining(&self) -> impl Iterator<Item = &'n Member<'n>> + use<'n> {
        let members = if let Parts::Tree(members) = &self.members { members.clone() } else { [].iter() };
        let descriptions = self.descriptions;
        members.filter(move |member| !member.value.reported.get() && !descriptions.are_skipped(&member.name))
    }

    /// Checks that nothing is left to read.
    #[inline(never)]
    pub(super) fn finish(mut self) -> Result<(), Error> {
        if let (true, Source::Node(node)) = (self.has_assumed, self.object.source) {
            return Err(Error::new(ErrorKind::Consequence).about(node));
        }
        if self.next_name()?.is_some() {
            return Err(self.member.map_or_else(unsound, too_many));
        }
        Ok(())
    }

    /// Gives the error that ended the reading of the object a position, or marks it as a consequence of an earlier
    /// report.
    #[cold]
    #[inline(never)]
    pub(super) fn fail(self, error: Error) -> Error {
        let Source::Node(node) = self.object.source else { return error };
        if error.is_placed() {
            return error;
        }
        let is_reported = |member: &Member<'_>| member.value.reported.get();
        match *error.kind() {
            ErrorKind::Missing { field } if self.object.log.is_news(node, field) => {
                // A wrong value or another name was already reported. A name that means nothing here may have meant anything.
                let is_meant =
                    |member: &Member<'_>| {
                        *member.name == *field
                            || self.object.log.unknown_at(member.name_extent).is_some_and(|expected| {
                                meant(&member.name, expected).is_none_or(|meant| meant == field)
                            })
                    };
                let known = members_of(node).iter().any(|member| is_reported(member) && is_meant(member));
                if known { Error::new(ErrorKind::Consequence).beside(node) } else { error.beside(node) }
            }
            _ if self.has_assumed || members_of(node).iter().any(is_reported) => {
                Error::new(ErrorKind::Consequence).about(node)
            }
            _ => error.about(node),
        }
    }

    /// The name of the next member.
    #[inline(never)]
    fn next_name(&mut self) -> Result<Option<Cow<'n, str>>, Error> {
        let name = self.any_next_name()?;
        let is_own = self.descriptions != Descriptions::Read;
        self.is_verbatim = is_own && matches!(name.as_deref(), Some("secret" | "$schema"));
        Ok(name)
    }

    fn any_next_name(&mut self) -> Result<Option<Cow<'n, str>>, Error> {
        match &mut self.members {
            Parts::Tree(members) => {
                self.member = members.find(|member| is_of_use(member, self.descriptions, self.object.log));
                let Some(member) = self.member else {
                    self.current = Source::Assumed;
                    return Ok(self.assumed.next().map(Cow::Borrowed));
                };
                self.current = Source::Node(&member.value);
                Ok(Some(Cow::Borrowed(&member.name)))
            }
            Parts::Text(rest) => {
                let Some(name) = name_in(rest, &mut self.descriptions)? else { return Ok(None) };
                self.current = Source::Text(rest.scan);
                if let Some(names) = &mut self.names {
                    remember(names, name.clone())?;
                }
                Ok(Some(name))
            }
        }
    }

    /// Gives the error about the latest name a position, and reports every other unknown field along with it.
    #[cold]
    #[inline(never)]
    fn bad_name(&self, error: Error) -> Error {
        let Some(member) = self.member else { return error };
        if let ErrorKind::Field { expected } = *error.kind() {
            let unknown = self.remaining().filter(|other| !expected.contains(&&*other.name));
            for other in unknown.take(MOST_MISTAKES) {
                let error = Error::new(ErrorKind::Field { expected });
                self.object.log.record(error.over(&other.value, other.name_extent));
            }
        }
        error.over(&member.value, member.name_extent)
    }
}

pub(super) fn members_of<'n>(node: &'n Node<'n>) -> &'n [Member<'n>] {
    if let Kind::Object(members) = &node.kind { members } else { &[] }
}

pub(super) fn too_many(member: &Member<'_>) -> Error {
    Error::custom("only one member may be here").over(&member.value, member.name_extent)
}

/// Adds `name` to `names`. Fails if it is there already, or if there are so many that the tree is quicker.
fn remember<'n>(names: &mut Vec<Cow<'n, str>>, name: Cow<'n, str>) -> Result<(), Error> {
    const MANY: usize = 256;
    if names.len() >= MANY || names.contains(&name) {
        return Err(unsound());
    }
    names.push(name);
    Ok(())
}

impl<'de> MapAccess<'de> for Members<'de, '_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(name) = self.next_name()? else { return Ok(None) };
        match seed.deserialize(StrDeserializer::new(&name)) {
            Ok(key) => Ok(Some(key)),
            Err(error) => Err(self.bad_name(error)),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(Reader::member(self.current, self.object.log, self.is_verbatim))
    }

    /// Goes on to the next entry if the value of one can't be read.
    fn next_entry<K: Deserialize<'de>, V: Deserialize<'de>>(&mut self) -> Result<Option<(K, V)>, Error> {
        while let Some(name) = self.next_key::<K>()? {
            if let Some(value) = attempt(Reader::member(self.current, self.object.log, self.is_verbatim))? {
                return Ok(Some((name, value)));
            }
        }
        Ok(None)
    }

    fn size_hint(&self) -> Option<usize> {
        match &self.members {
            Parts::Tree(members) => Some(members.len()),
            Parts::Text(_) => None,
        }
    }
}
