//! A serde deserializer over a text, which gives up at the first mistake, and over its syntax tree, which goes on: both in
//! one type, so that the readers of the configuration's types are compiled once.
//!
//! In a tree, what can't be read is reported and marked dead, and the innermost list item or entry around it is read again without
//! it: every repetition has one living value less, so that reading ends.

use core::cell::RefCell;
use core::marker::PhantomData;
use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::de::value::CowStrDeserializer;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error as _, Expected, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};
use serde::forward_to_deserialize_any;

use super::error::{Error, Mistake, Report};
use super::scan::{Next, Scan, look_again};
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

/// Reads `text` if there is no mistake in it.
pub(super) fn read_sound<T: for<'n> Deserialize<'n>>(text: &str) -> Option<T> {
    let scan = Scan::new(text);
    let log = Log::default();
    let value = T::deserialize(Reader { source: Source::Text(&scan), log: &log }).ok()?;
    scan.is_at_end().then_some(value)
}

/// Reads `node` until nothing in it stands in the way, or it is dead itself.
fn attempt<'n, T: Deserialize<'n>>(node: &'n Node<'n>, log: &Log) -> Option<T> {
    while !node.dead.get() && !log.is_full() {
        match T::deserialize(Reader { source: Source::Node(node), log }) {
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

/// Reads one value.
#[derive(Clone, Copy)]
struct Reader<'n, 'l> {
    source: Source<'n, 'l>,
    log: &'l Log,
}

/// Where a value comes from.
#[derive(Clone, Copy)]
enum Source<'n, 'l> {
    Node(&'n Node<'n>),
    Text(&'l Scan<'n>),
    /// Nowhere: it is the least value of whatever type is asked for, and stands for a required field that is missing, so
    /// that one more that is missing shows in the same run.
    Assumed,
}

/// A value, but for what a list or object has in it.
enum Value<'n> {
    Assumed,
    Null,
    Bool(bool),
    Number(&'n str),
    String(Cow<'n, str>),
    List,
    Object,
}

impl<'n, 'l> Reader<'n, 'l> {
    fn value(self) -> Result<Value<'n>, Error> {
        match self.source {
            Source::Assumed => Ok(Value::Assumed),
            Source::Node(node) => Ok(match &node.kind {
                Kind::Null => Value::Null,
                Kind::Bool(value) => Value::Bool(*value),
                Kind::Number(text) => Value::Number(text),
                Kind::String(text) => Value::String(Cow::Borrowed(text)),
                Kind::List(_) => Value::List,
                Kind::Object(_) => Value::Object,
            }),
            Source::Text(scan) => match scan.next() {
                Next::List => Ok(Value::List),
                Next::Object => Ok(Value::Object),
                Next::Null | Next::Other => match scan.scalar()? {
                    Kind::Null => Ok(Value::Null),
                    Kind::Bool(value) => Ok(Value::Bool(value)),
                    Kind::Number(text) => Ok(Value::Number(text)),
                    Kind::String(text) => Ok(Value::String(text)),
                    Kind::List(_) | Kind::Object(_) => Err(look_again()),
                },
            },
        }
    }

    /// Puts errors that are about no value in particular where this one is.
    fn about<T>(self, result: Result<T, Error>) -> Result<T, Error> {
        match self.source {
            Source::Node(node) => result.map_err(|error| error.about(node)),
            Source::Text(_) | Source::Assumed => result,
        }
    }

    fn wrong<T>(self, mistake: impl FnOnce() -> Mistake) -> Result<T, Error> {
        match self.source {
            Source::Node(node) => Err(Error::new(mistake()).about(node)),
            Source::Text(_) | Source::Assumed => Err(look_again()),
        }
    }

    fn wrong_type<T>(self, expected: &dyn Expected) -> Result<T, Error> {
        self.wrong(|| Mistake::Type { expected: expected.to_string() })
    }

    fn whole_number<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value()? {
            Value::Assumed => visitor.visit_u64(0),
            Value::Number(text) => self.about(visit_number(text, true, visitor)),
            _ => self.wrong_type(&visitor),
        }
    }

    fn fraction<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value()? {
            Value::Assumed => visitor.visit_f64(0.0),
            Value::Number(text) => self.about(visit_number(text, false, visitor)),
            _ => self.wrong_type(&visitor),
        }
    }

    fn text<V: Visitor<'n>>(self, text: Cow<'n, str>, visitor: V) -> Result<V::Value, Error> {
        self.about(match text {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        })
    }

    /// Reads a list.
    fn list<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Error> {
        let items = match self.source {
            Source::Node(Node { kind: Kind::List(items), .. }) => Parts::Tree(items.iter()),
            Source::Text(scan) => Parts::text(scan)?,
            Source::Node(_) | Source::Assumed => Parts::Tree([].iter()),
        };
        let mut items = Items { items, log: self.log };
        let value = self.about(visitor.visit_seq(&mut items))?;
        if let Parts::Text { more: true, .. } = items.items { Err(look_again()) } else { Ok(value) }
    }

    /// Reads an object; `any` if its members may have any name.
    fn object<V: Visitor<'n>>(self, any: bool, visitor: V) -> Result<V::Value, Error> {
        let node = match self.source {
            Source::Node(node) => node,
            Source::Text(scan) => {
                let mut fields = Members::new(Parts::text(scan)?, self.log);
                fields.names = any.then(Vec::new);
                let value = visitor.visit_map(&mut fields)?;
                return if fields.is_done()? { Ok(value) } else { Err(look_again()) };
            }
            Source::Assumed => return visitor.visit_map(Members::new(Parts::Tree([].iter()), self.log)),
        };
        let members: &[Member<'n>] = if let Kind::Object(members) = &node.kind { members } else { &[] };
        let assumed = self.log.missing_from(node);
        let hollow = !assumed.is_empty();
        let mut fields = Members::new(Parts::Tree(members.iter()), self.log);
        fields.assumed = assumed.into_iter();
        match visitor.visit_map(&mut fields) {
            Ok(_) if hollow => Err(Error::new(Mistake::Silent).about(node)),
            Ok(value) => match fields.living().next() {
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

impl<'de, 'l> Deserializer<'de> for Reader<'de, 'l> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value()? {
            Value::Null => self.about(visitor.visit_unit()),
            Value::Bool(value) => self.about(visitor.visit_bool(value)),
            Value::Number(text) => self.about(visit_number(text, false, visitor)),
            Value::String(text) => self.text(text, visitor),
            Value::List => self.list(visitor),
            Value::Object => self.object(true, visitor),
            Value::Assumed => visitor.visit_unit(),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value()? {
            Value::Assumed => visitor.visit_bool(false),
            Value::Bool(value) => self.about(visitor.visit_bool(value)),
            _ => self.wrong_type(&visitor),
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
        match self.value()? {
            Value::Assumed => visitor.visit_str(""),
            Value::String(text) => self.text(text, visitor),
            _ => self.wrong_type(&visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let none = match self.source {
            Source::Assumed => true,
            Source::Node(node) => matches!(node.kind, Kind::Null),
            Source::Text(scan) => scan.next() == Next::Null && matches!(scan.scalar()?, Kind::Null),
        };
        if none { self.about(visitor.visit_none()) } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value()? {
            Value::Assumed | Value::List => self.list(visitor),
            _ => self.wrong_type(&"a list"),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value()? {
            Value::Assumed | Value::Object => self.object(false, visitor),
            _ => self.wrong_type(&"an object"),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.value()? {
            Value::Assumed | Value::Object => self.object(false, visitor),
            _ => self.wrong(|| Mistake::Object { fields }),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let no_choice = || Mistake::Choice { expected: variants };
        match (self.value()?, self.source) {
            (Value::String(name), _) => {
                self.about(visitor.visit_enum(Choice { name, value: None, reader: self, over: None }))
            }
            (Value::Object, Source::Node(node)) => {
                let members: &[Member<'de>] = if let Kind::Object(members) = &node.kind { members } else { &[] };
                let mut living = members.iter().filter(|member| !member.value.dead.get());
                let member = match (living.next(), living.next()) {
                    (Some(_), Some(surplus)) => return Err(too_many(surplus)),
                    (Some(member), None) => member,
                    (None, _) if !members.is_empty() => return self.wrong(|| Mistake::Silent),
                    (None, _) => return self.wrong(no_choice),
                };
                let value = Reader { source: Source::Node(&member.value), log: self.log };
                let name = Cow::Borrowed(&*member.name);
                self.about(visitor.visit_enum(Choice { name, value: Some(value), reader: self, over: Some(member) }))
            }
            (Value::Object, Source::Text(scan)) => {
                let opened = scan.enter()?;
                if !scan.more(opened, b'}', true)? {
                    return Err(look_again());
                }
                let name = scan.name()?;
                let choice = visitor.visit_enum(Choice { name, value: Some(self), reader: self, over: None })?;
                if scan.more(opened, b'}', false)? { Err(look_again()) } else { Ok(choice) }
            }
            _ => self.wrong(no_choice),
        }
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    forward_to_deserialize_any! { char bytes byte_buf unit unit_struct tuple tuple_struct ignored_any }
}

/// What is left of a list or an object.
enum Parts<'n, 'l, T> {
    Tree(core::slice::Iter<'n, T>),
    Text { scan: &'l Scan<'n>, opened: usize, first: bool, more: bool },
}

impl<'n, 'l, T> Parts<'n, 'l, T> {
    fn text(scan: &'l Scan<'n>) -> Result<Self, Error> {
        Ok(Self::Text { scan, opened: scan.enter()?, first: true, more: true })
    }

    /// How many there are at most, where that is known.
    fn hint(&self) -> Option<usize> {
        match self {
            Self::Tree(parts) => Some(parts.len()),
            Self::Text { .. } => None,
        }
    }
}

/// Whether one more comes in a text.
fn advance(scan: &Scan<'_>, opened: usize, close: u8, first: &mut bool, more: &mut bool) -> Result<bool, Error> {
    *more = *more && scan.more(opened, close, core::mem::take(first))?;
    Ok(*more)
}

/// The items of a list.
struct Items<'n, 'l> {
    items: Parts<'n, 'l, Node<'n>>,
    log: &'l Log,
}

impl<'de> SeqAccess<'de> for Items<'de, '_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let source = match &mut self.items {
            Parts::Tree(items) => match items.find(|item| !item.dead.get()) {
                Some(item) => Source::Node(item),
                None => return Ok(None),
            },
            Parts::Text { scan, opened, first, more } => {
                if !advance(scan, *opened, b']', first, more)? {
                    return Ok(None);
                }
                Source::Text(scan)
            }
        };
        seed.deserialize(Reader { source, log: self.log }).map(Some)
    }

    /// Goes on after an item that can't be read.
    fn next_element<T: Deserialize<'de>>(&mut self) -> Result<Option<T>, Error> {
        match &mut self.items {
            Parts::Tree(items) => Ok(items.find_map(|item| attempt(item, self.log))),
            Parts::Text { .. } => self.next_element_seed(PhantomData),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        self.items.hint()
    }
}

/// The members of an object, then the fields that are assumed to be there.
struct Members<'n, 'l> {
    members: Parts<'n, 'l, Member<'n>>,
    /// Where the next value comes from.
    current: Source<'n, 'l>,
    assumed: std::vec::IntoIter<&'static str>,
    /// The names so far, where the type that is read does not look for repetitions itself.
    names: Option<Vec<Cow<'n, str>>>,
    log: &'l Log,
}

impl<'n, 'l> Members<'n, 'l> {
    fn new(members: Parts<'n, 'l, Member<'n>>, log: &'l Log) -> Self {
        Self { members, current: Source::Assumed, assumed: Vec::new().into_iter(), names: None, log }
    }

    /// The living members that are left in a tree.
    fn living(&self) -> impl Iterator<Item = &'n Member<'n>> + use<'n> {
        let members = if let Parts::Tree(members) = &self.members { members.clone() } else { [].iter() };
        members.filter(|member| !member.value.dead.get())
    }

    /// Whether all was read of an object in a text.
    fn is_done(&mut self) -> Result<bool, Error> {
        match &mut self.members {
            Parts::Tree(members) => Ok(members.len() == 0),
            Parts::Text { scan, opened, first, more } => Ok(!advance(scan, *opened, b'}', first, more)?),
        }
    }

    /// Reports every other unknown field along with the one that `error` may be about.
    fn bad_name(&self, error: Error, member: &Member<'n>) -> Error {
        if let Mistake::Field { expected } = *error.mistake() {
            let unknown = self.living().filter(|other| !expected.contains(&&*other.name));
            for other in unknown.take(MOST_REPORTS) {
                self.log.record(Error::new(Mistake::Field { expected }).over(&other.value, other.name_extent));
            }
        }
        error.over(&member.value, member.name_extent)
    }

    /// Whether `name` comes for the first time, as far as that is looked after.
    fn is_new(&mut self, name: &Cow<'n, str>) -> bool {
        const MANY: usize = 256;
        let Some(names) = &mut self.names else { return true };
        // Beyond that the tree is quicker.
        let new = names.len() < MANY && !names.contains(name);
        names.push(name.clone());
        new
    }
}

fn read_name<'n, T: DeserializeSeed<'n>>(name: Cow<'n, str>, seed: T) -> Result<T::Value, Error> {
    seed.deserialize(CowStrDeserializer::new(name))
}

impl<'de> MapAccess<'de> for Members<'de, '_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        match &mut self.members {
            Parts::Tree(members) => {
                if let Some(member) = members.find(|member| !member.value.dead.get()) {
                    self.current = Source::Node(&member.value);
                    let name = read_name(Cow::Borrowed(&member.name), seed);
                    return name.map(Some).map_err(|error| self.bad_name(error, member));
                }
                self.current = Source::Assumed;
                self.assumed.next().map(|field| read_name(Cow::Borrowed(field), seed)).transpose()
            }
            Parts::Text { scan, opened, first, more } => {
                if !advance(scan, *opened, b'}', first, more)? {
                    return Ok(None);
                }
                self.current = Source::Text(scan);
                let name = scan.name()?;
                if self.is_new(&name) { read_name(name, seed).map(Some) } else { Err(look_again()) }
            }
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(Reader { source: self.current, log: self.log })
    }

    /// Goes on after an entry whose value can't be read.
    fn next_entry<K: Deserialize<'de>, V: Deserialize<'de>>(&mut self) -> Result<Option<(K, V)>, Error> {
        while let Some(name) = self.next_key::<K>()? {
            let value = match self.current {
                Source::Node(node) => attempt(node, self.log),
                Source::Text(_) | Source::Assumed => Some(self.next_value()?),
            };
            if let Some(value) = value {
                return Ok(Some((name, value)));
            }
        }
        Ok(None)
    }

    fn size_hint(&self) -> Option<usize> {
        self.members.hint()
    }
}

/// One of a fixed choice: a plain name, or an object with one member.
struct Choice<'n, 'l> {
    name: Cow<'n, str>,
    /// The value of the member.
    value: Option<Reader<'n, 'l>>,
    /// Of the whole.
    reader: Reader<'n, 'l>,
    /// The member, in a tree.
    over: Option<&'n Member<'n>>,
}

impl<'de, 'l> EnumAccess<'de> for Choice<'de, 'l> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let variant = read_name(self.name.clone(), seed).map_err(|error| match self.over {
            Some(member) => error.over(&member.value, member.name_extent),
            None => error,
        });
        Ok((self.reader.about(variant)?, self))
    }
}

impl<'de> VariantAccess<'de> for Choice<'de, '_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        match self.value {
            None => Ok(()),
            Some(_) => self.reader.wrong_type(&&*format!("the plain text `\"{}\"`", self.name)),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        match self.value {
            Some(value) => seed.deserialize(value),
            None => self.reader.wrong_type(&&*format!("an object `{{\"{}\": …}}`", self.name)),
        }
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.reader.wrong_type(&visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Some(value) => value.deserialize_map(visitor),
            None => self.reader.wrong_type(&visitor),
        }
    }
}
