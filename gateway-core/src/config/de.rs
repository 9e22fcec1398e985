//! A serde deserializer over a syntax tree that goes on after a mistake.
//!
//! What can't be read is reported and marked dead, and the innermost list item or entry around it is read again without
//! it: every repetition has one living value less, so that reading ends.

use core::cell::RefCell;
use std::collections::BTreeMap;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::error::{Error, Mistake, Report};
use super::suggest::suggest;
use super::tree::{Kind, Member, Node};

/// After this many mistakes reading stops.
pub(super) const MOST_REPORTS: usize = 1_000;

/// Reads `root`; what can't be read is left out and reported.
pub(super) fn read<'n, T: Deserialize<'n>>(root: &'n Node<'n>) -> (Option<T>, Vec<Report>) {
    let log = Log::default();
    let value = attempt(root, &log).filter(|_| !log.is_full());
    (value, log.reports.into_inner())
}

/// Reads `node` until nothing in it stands in the way, or it is dead itself.
fn attempt<'n, T: Deserialize<'n>>(node: &'n Node<'n>, log: &Log) -> Option<T> {
    while !node.dead.get() && !log.is_full() {
        match T::deserialize(Reader { node: Some(node), log }) {
            Ok(value) => return Some(value),
            Err(error) => log.record(error.about(node)),
        }
    }
    None
}

/// What was found out so far.
#[derive(Default)]
struct Log {
    reports: RefCell<Vec<Report>>,
    /// The missing fields that were reported, by the beginning of the object that they are missing from.
    missing: RefCell<BTreeMap<u32, Vec<&'static str>>>,
}

impl Log {
    fn record(&self, error: Error) {
        let report = error.into_report();
        if !matches!(report.mistake, Mistake::Silent) {
            self.reports.borrow_mut().push(report);
        }
    }

    fn is_full(&self) -> bool {
        self.reports.borrow().len() >= MOST_REPORTS
    }

    fn missing_from(&self, node: &Node<'_>) -> Vec<&'static str> {
        self.missing.borrow().get(&node.extent.start).cloned().unwrap_or_default()
    }

    /// Whether that was not known.
    fn is_news(&self, node: &Node<'_>, field: &'static str) -> bool {
        let mut missing = self.missing.borrow_mut();
        let fields = missing.entry(node.extent.start).or_default();
        let news = !fields.contains(&field);
        if news {
            fields.push(field);
        }
        news
    }
}

/// Reads one value. Without a node it reads the least value of whatever type is asked for: it stands for a required field
/// that is missing, so that one more that is missing shows in the same run.
#[derive(Clone, Copy)]
struct Reader<'n, 'l> {
    node: Option<&'n Node<'n>>,
    log: &'l Log,
}

impl<'n> Reader<'n, '_> {
    /// Puts errors that are about no value in particular where this one is.
    fn about<T>(self, result: Result<T, Error>) -> Result<T, Error> {
        match self.node {
            Some(node) => result.map_err(|error| error.about(node)),
            None => result,
        }
    }

    fn wrong<T>(self, expected: &dyn serde::de::Expected) -> Result<T, Error> {
        self.about(Err(Error::wrong_type(expected)))
    }

    fn whole_number<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node.map(|node| &node.kind) {
            None => visitor.visit_u64(0),
            Some(Kind::Number(text)) => self.about(visit_number(text, true, visitor)),
            Some(_) => self.wrong(&visitor),
        }
    }

    fn fraction<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node.map(|node| &node.kind) {
            None => visitor.visit_f64(0.0),
            Some(Kind::Number(text)) => self.about(visit_number(text, false, visitor)),
            Some(_) => self.wrong(&visitor),
        }
    }

    fn list<V: Visitor<'n>>(self, items: &'n [Node<'n>], visitor: V) -> Result<V::Value, Error> {
        self.about(visitor.visit_seq(Items { items: items.iter(), log: self.log }))
    }

    fn object<V: Visitor<'n>>(
        self,
        node: &'n Node<'n>,
        members: &'n [Member<'n>],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let assumed = self.log.missing_from(node);
        let hollow = !assumed.is_empty();
        let mut fields =
            Members { members: members.iter(), current: None, assumed: assumed.into_iter(), log: self.log };
        let result = visitor.visit_map(&mut fields);
        match result {
            Ok(_) if hollow => Err(Error::new(Mistake::Silent).about(node)),
            Ok(value) => match fields.members.find(|member| !member.value.dead.get()) {
                Some(surplus) => Err(too_many(surplus)),
                None => Ok(value),
            },
            Err(error) if error.is_placed() => Err(error),
            Err(error) => match *error.mistake() {
                Mistake::Missing { field } if self.log.is_news(node, field) => {
                    // Where its value or its name was wrong, that was reported.
                    let known = members.iter().any(|member| {
                        let meant = member.name == field || suggest(&member.name, [field]).is_some();
                        member.value.dead.get() && meant
                    });
                    Err(if known { Error::new(Mistake::Silent).beside(node) } else { error.beside(node) })
                }
                _ if hollow || members.iter().any(|member| member.value.dead.get()) => {
                    Err(Error::new(Mistake::Silent).about(node))
                }
                _ => Err(error.about(node)),
            },
        }
    }
}

/// A number as the nearest of Rust's kinds; as a whole one also if it is written `5.0` or `5e0`.
fn visit_number<'n, V: Visitor<'n>>(text: &str, whole: bool, visitor: V) -> Result<V::Value, Error> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if let Ok(number) = text.parse::<u64>() {
        return visitor.visit_u64(number);
    }
    if let Ok(number) = text.parse::<i64>() {
        return visitor.visit_i64(number);
    }
    let number: f64 = text.parse().map_err(Error::custom)?;
    if whole && number.fract() == 0.0 && number.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and within the range that f64 has exactly")]
        return visitor.visit_i64(number as i64);
    }
    visitor.visit_f64(number)
}

fn too_many(member: &Member<'_>) -> Error {
    Error::custom("only one member may be here").over(&member.value, member.name_extent)
}

macro_rules! whole_numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.whole_number(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'de, '_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let Some(node) = self.node else { return visitor.visit_unit() };
        match &node.kind {
            Kind::Null => self.about(visitor.visit_unit()),
            Kind::Bool(value) => self.about(visitor.visit_bool(*value)),
            Kind::Number(text) => self.about(visit_number(text, false, visitor)),
            Kind::String(text) => self.about(visitor.visit_borrowed_str(text)),
            Kind::List(items) => self.list(items, visitor),
            Kind::Object(members) => self.object(node, members, visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node.map(|node| &node.kind) {
            None => visitor.visit_bool(false),
            Some(Kind::Bool(value)) => self.about(visitor.visit_bool(*value)),
            Some(_) => self.wrong(&visitor),
        }
    }

    whole_numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.fraction(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.fraction(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node.map(|node| &node.kind) {
            None => visitor.visit_str(""),
            Some(Kind::String(text)) => self.about(visitor.visit_borrowed_str(text)),
            Some(_) => self.wrong(&visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node.map(|node| &node.kind) {
            None | Some(Kind::Null) => self.about(visitor.visit_none()),
            Some(_) => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node.map(|node| &node.kind) {
            None => self.list(&[], visitor),
            Some(Kind::List(items)) => self.list(items, visitor),
            Some(_) => self.wrong(&"a list"),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let Some(node) = self.node else {
            return visitor.visit_map(Members {
                members: [].iter(),
                current: None,
                assumed: Vec::new().into_iter(),
                log: self.log,
            });
        };
        match &node.kind {
            Kind::Object(members) => self.object(node, members, visitor),
            _ => self.wrong(&"an object"),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.node.map(|node| &node.kind) {
            None | Some(Kind::Object(_)) => self.deserialize_map(visitor),
            Some(_) => self.about(Err(Error::new(Mistake::Object { fields }))),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let Some(node) = self.node else { return Err(Error::new(Mistake::Silent)) };
        let choice = match &node.kind {
            Kind::String(name) => Choice { name, node, member: None, log: self.log },
            Kind::Object(members) => {
                let mut living = members.iter().filter(|member| !member.value.dead.get());
                match (living.next(), living.next()) {
                    (Some(_), Some(surplus)) => return Err(too_many(surplus)),
                    (Some(member), None) => Choice { name: &member.name, node, member: Some(member), log: self.log },
                    (None, _) if !members.is_empty() => return Err(Error::new(Mistake::Silent).about(node)),
                    (None, _) => return Err(Error::new(Mistake::Choice { expected: variants }).about(node)),
                }
            }
            _ => return Err(Error::new(Mistake::Choice { expected: variants }).about(node)),
        };
        self.about(visitor.visit_enum(choice))
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { char bytes byte_buf unit unit_struct tuple tuple_struct }
}

/// The items of a list.
struct Items<'n, 'l> {
    items: core::slice::Iter<'n, Node<'n>>,
    log: &'l Log,
}

impl<'de> SeqAccess<'de> for Items<'de, '_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some(item) = self.items.find(|item| !item.dead.get()) else { return Ok(None) };
        seed.deserialize(Reader { node: Some(item), log: self.log }).map(Some)
    }

    fn next_element<T: Deserialize<'de>>(&mut self) -> Result<Option<T>, Error> {
        Ok(self.items.find_map(|item| attempt(item, self.log)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// The members of an object, then the fields that are assumed to be there.
struct Members<'n, 'l> {
    members: core::slice::Iter<'n, Member<'n>>,
    /// The one whose value comes next; `None` for an assumed one.
    current: Option<&'n Member<'n>>,
    assumed: std::vec::IntoIter<&'static str>,
    log: &'l Log,
}

impl<'n> Members<'n, '_> {
    /// Reports every other unknown field along with the one that `error` may be about.
    fn bad_name(&self, error: Error, member: &Member<'n>) -> Error {
        if let Mistake::Field { expected } = *error.mistake() {
            let unknown = |other: &&Member<'n>| !other.value.dead.get() && !expected.contains(&&*other.name);
            for other in self.members.clone().filter(unknown).take(MOST_REPORTS) {
                self.log.record(Error::new(Mistake::Field { expected }).over(&other.value, other.name_extent));
            }
        }
        error.over(&member.value, member.name_extent)
    }
}

fn read_name<'n, T: DeserializeSeed<'n>>(name: &'n str, seed: T) -> Result<T::Value, Error> {
    seed.deserialize(serde::de::value::BorrowedStrDeserializer::new(name))
}

impl<'de> MapAccess<'de> for Members<'de, '_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        self.current = self.members.find(|member| !member.value.dead.get());
        if let Some(member) = self.current {
            return read_name(&member.name, seed).map(Some).map_err(|error| self.bad_name(error, member));
        }
        self.assumed.next().map(|field| read_name(field, seed)).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(Reader { node: self.current.map(|member| &member.value), log: self.log })
    }

    fn next_entry<K: Deserialize<'de>, V: Deserialize<'de>>(&mut self) -> Result<Option<(K, V)>, Error> {
        for member in self.members.by_ref().filter(|member| !member.value.dead.get()) {
            let name = read_name(&member.name, core::marker::PhantomData)
                .map_err(|error: Error| error.over(&member.value, member.name_extent))?;
            if let Some(value) = attempt(&member.value, self.log) {
                return Ok(Some((name, value)));
            }
        }
        Ok(None)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.members.len())
    }
}

/// One of a fixed choice: a plain name, or an object with one member.
struct Choice<'n, 'l> {
    name: &'n str,
    node: &'n Node<'n>,
    member: Option<&'n Member<'n>>,
    log: &'l Log,
}

impl<'de> EnumAccess<'de> for Choice<'de, '_> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let variant = read_name(self.name, seed).map_err(|error| match self.member {
            Some(member) => error.over(&member.value, member.name_extent),
            None => error.about(self.node),
        })?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Choice<'de, '_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        match self.member {
            None => Ok(()),
            Some(_) => Err(Error::wrong_type(&&*format!("the plain text `\"{}\"`", self.name)).about(self.node)),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        match self.member {
            Some(member) => seed.deserialize(Reader { node: Some(&member.value), log: self.log }),
            None => Err(Error::wrong_type(&&*format!("an object `{{\"{}\": …}}`", self.name)).about(self.node)),
        }
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        Err(Error::wrong_type(&visitor).about(self.node))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        match self.member {
            Some(member) => Reader { node: Some(&member.value), log: self.log }.deserialize_map(visitor),
            None => Err(Error::wrong_type(&visitor).about(self.node)),
        }
    }
}
