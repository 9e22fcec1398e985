//! The members of an object.

use core::slice;
use std::borrow::Cow;

use serde::de::value::StrDeserializer;
use serde::de::{Deserialize, DeserializeSeed, Error as _, MapAccess};

use super::attempt;
use super::log::Log;
use super::reader::{Reader, Source};
use crate::config::MOST_MISTAKES;
use crate::config::error::{Error, ErrorKind};
use crate::config::object::{Descriptions, Shape, is_verbatim};
use crate::config::tree::{Kind, Member, Node};
use crate::config::vocabulary::meant;

/// The members of an object, followed by the fields that are assumed.
pub(super) struct Members<'n, 'l> {
    members: slice::Iter<'n, Member<'n>>,
    object: Reader<'n, 'l>,
    /// The source of the next value.
    current: Source<'n>,
    /// The member whose name was read last.
    member: Option<&'n Member<'n>>,
    assumed: std::vec::IntoIter<&'static str>,
    /// Set if there are assumed fields.
    has_assumed: bool,
    descriptions: Descriptions,
    /// Set if the next value is taken as it stands: it names something itself, or nothing reads it.
    is_verbatim: bool,
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

impl<'n, 'l> Members<'n, 'l> {
    /// The members of `object`.
    #[inline(never)]
    pub(super) fn of(object: Reader<'n, 'l>, shape: Shape) -> Self {
        let (members, assumed) = match object.source {
            Source::Node(node) => (members_of(node).iter(), object.log.missing_from(node)),
            Source::Assumed => ([].iter(), Vec::new()),
        };
        let has_assumed = !assumed.is_empty();
        let descriptions = Descriptions::of(shape);
        let assumed = assumed.into_iter();
        Self {
            members,
            object,
            current: Source::Assumed,
            member: None,
            assumed,
            has_assumed,
            descriptions,
            is_verbatim: false,
        }
    }

    /// The members that are left to read.
    fn remaining(&self) -> impl Iterator<Item = &'n Member<'n>> + use<'n> {
        let descriptions = self.descriptions;
        self.members
            .clone()
            .filter(move |member| !member.value.reported.get() && !descriptions.are_skipped(&member.name))
    }

    /// Checks that nothing is left to read.
    #[inline(never)]
    pub(super) fn finish(mut self) -> Result<(), Error> {
        if let (true, Source::Node(node)) = (self.has_assumed, self.object.source) {
            return Err(Error::new(ErrorKind::Consequence).about(node));
        }
        match self.next_name().and(self.member) {
            Some(member) => Err(too_many(member)),
            None => Ok(()),
        }
    }

    /// Gives the error that ended the reading of the object a position, or marks it as a consequence of an earlier
    /// report.
    #[cold]
    #[inline(never)]
    pub(super) fn fail(self, error: Error) -> Error {
        // What a member lacks that is missing itself is no mistake of its own.
        let Source::Node(node) = self.object.source else { return Error::new(ErrorKind::Consequence) };
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
    fn next_name(&mut self) -> Option<Cow<'n, str>> {
        self.member = self.members.find(|member| is_of_use(member, self.descriptions, self.object.log));
        let name = match self.member {
            Some(member) => {
                self.current = Source::Node(&member.value);
                Some(Cow::Borrowed(&*member.name))
            }
            None => {
                self.current = Source::Assumed;
                self.assumed.next().map(Cow::Borrowed)
            }
        };
        self.is_verbatim = is_verbatim(self.descriptions, name.as_deref());
        name
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

impl<'de> MapAccess<'de> for Members<'de, '_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(name) = self.next_name() else { return Ok(None) };
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
        Some(self.members.len())
    }
}
