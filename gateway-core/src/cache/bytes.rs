//! An entry as bytes, for stores outside of the process.

use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::entry::Entry;
use super::range::Part;
use super::resource::{Content, Resource, Variant};
use super::vary::Varies;
use crate::time::Timestamp;

/// The form that is written. Another one is not read: a store is emptied by a new version, not misread.
const VERSION: u8 = 2;

const MUST_REVALIDATE: u64 = 1;
const NO_CACHE: u64 = 1 << 1;
const IMMUTABLE: u64 = 1 << 2;
const IS_HEURISTIC: u64 = 1 << 3;

impl Entry {
    /// Writes it for a store outside of the process.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let fields: usize = self.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        let mut out = Writer(Vec::with_capacity(64 + fields));
        out.0.push(VERSION);
        let flag = |is: bool, flag: u64| if is { flag } else { 0 };
        out.number(
            flag(self.must_revalidate, MUST_REVALIDATE)
                | flag(self.no_cache, NO_CACHE)
                | flag(self.immutable, IMMUTABLE)
                | flag(self.is_heuristic, IS_HEURISTIC),
        );
        out.number(u64::from(self.status.as_u16()));
        out.number(self.received.unix_millis());
        out.number(self.modified.unix_millis());
        out.time(self.initial_age);
        out.time(self.lifetime);
        out.option(self.stale_while_revalidate, Writer::time);
        out.option(self.stale_if_error, Writer::time);
        out.option(self.length, Writer::number);
        out.option(self.part, |out, Part { first, last, of }| {
            [first, last, of].into_iter().for_each(|n| out.number(n))
        });
        out.option(self.language.as_deref(), |out, language| out.bytes(language.as_bytes()));
        out.count(self.varies.len());
        for (name, value) in &self.varies {
            out.bytes(name.as_str().as_bytes());
            out.option(value.as_deref(), Writer::bytes);
        }
        out.count(self.tags.len());
        self.tags.iter().for_each(|tag| out.bytes(tag.as_bytes()));
        out.count(self.headers.len());
        for (name, value) in &self.headers {
            out.bytes(name.as_str().as_bytes());
            out.bytes(value.as_bytes());
        }
        out.0
    }

    /// Reads what [`to_bytes`](Self::to_bytes) has written; `None` if it is of another version, or damaged.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        if *version != VERSION {
            return None;
        }
        let mut reader = Reader { rest };
        let flags = reader.number()?;
        let status = StatusCode::from_u16(u16::try_from(reader.number()?).ok()?).ok()?;
        let received = Timestamp::from_unix_millis(reader.number()?);
        let modified = Timestamp::from_unix_millis(reader.number()?);
        let initial_age = reader.time()?;
        let lifetime = reader.time()?;
        let stale_while_revalidate = reader.option(Reader::time)?;
        let stale_if_error = reader.option(Reader::time)?;
        let length = reader.option(Reader::number)?;
        let part = reader.option(|reader| {
            let part = Part { first: reader.number()?, last: reader.number()?, of: reader.number()? };
            (part.first <= part.last && part.last < part.of).then_some(part)
        })?;
        let language = reader.option(Reader::text)?.map(Box::from);
        let varies: Vec<Varies> = reader.list(|reader| {
            let name = HeaderName::from_bytes(reader.bytes()?).ok()?;
            Some((name, reader.option(Reader::bytes)?.map(Box::from)))
        })?;
        let tags: Vec<Box<str>> = reader.list(|reader| reader.text().map(Box::from))?;
        let mut headers = HeaderMap::new();
        reader.list(|reader| {
            let name = HeaderName::from_bytes(reader.bytes()?).ok()?;
            let value = HeaderValue::from_bytes(reader.bytes()?).ok()?;
            headers.try_append(name, value).ok().map(|_| ())
        })?;
        reader.rest.is_empty().then_some(Self {
            status,
            headers,
            received,
            initial_age,
            lifetime,
            stale_while_revalidate,
            stale_if_error,
            must_revalidate: flags & MUST_REVALIDATE != 0,
            no_cache: flags & NO_CACHE != 0,
            immutable: flags & IMMUTABLE != 0,
            is_heuristic: flags & IS_HEURISTIC != 0,
            is_for_once: false,
            varies: varies.into_boxed_slice(),
            language,
            tags: tags.into_boxed_slice(),
            length,
            part,
            modified,
        })
    }
}

impl Resource {
    /// Writes it for a store outside of the process.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer(Vec::with_capacity(usize::try_from(self.weight()).unwrap_or_default()));
        out.0.push(VERSION);
        out.count(self.variants.len());
        for variant in &self.variants {
            out.bytes(variant.part.as_bytes());
            out.number(variant.asked.unix_millis());
            out.number(variant.until.unix_millis());
            out.bytes(&variant.entry.to_bytes());
            match &variant.content {
                Content::Here(bytes) => {
                    out.0.push(0);
                    out.bytes(bytes);
                }
                Content::There { name, length } => {
                    out.0.push(1);
                    out.bytes(name.as_bytes());
                    out.number(*length);
                }
            }
        }
        out.count(self.unshared.len());
        for (part, until) in &self.unshared {
            out.bytes(part.as_bytes());
            out.number(until.unix_millis());
        }
        out.option(self.ended, |out, ended| out.number(ended.unix_millis()));
        out.0
    }

    /// Reads what [`to_bytes`](Self::to_bytes) has written, whose contents it shares; `None` if it is of another version, or damaged.
    #[must_use]
    pub fn from_bytes(bytes: &Bytes) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        if *version != VERSION {
            return None;
        }
        let mut reader = Reader { rest };
        let variants = reader.list(|reader| {
            let part = reader.text()?.into();
            let asked = Timestamp::from_unix_millis(reader.number()?);
            let until = Timestamp::from_unix_millis(reader.number()?);
            let entry = Entry::from_bytes(reader.bytes()?)?;
            let content = match reader.byte()? {
                0 => Content::Here(bytes.slice_ref(reader.bytes()?)),
                1 => Content::There { name: reader.text()?.into(), length: reader.number()? },
                _ => return None,
            };
            Some(Arc::new(Variant { part, asked, until, entry, content }))
        })?;
        let unshared =
            reader.list(|reader| Some((reader.text()?.into(), Timestamp::from_unix_millis(reader.number()?))))?;
        let ended = reader.option(Reader::number)?.map(Timestamp::from_unix_millis);
        reader.rest.is_empty().then_some(Self { variants, unshared, ended })
    }
}

pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    /// Seven bits a byte, the lowest first; the highest bit says that there are more.
    pub(super) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    pub(super) fn count(&mut self, count: usize) {
        self.number(count as u64);
    }

    fn time(&mut self, time: Duration) {
        self.number(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn option<T>(&mut self, option: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.0.push(u8::from(option.is_some()));
        if let Some(value) = option {
            write(self, value);
        }
    }
}

pub(super) struct Reader<'b> {
    pub(super) rest: &'b [u8],
}

impl<'b> Reader<'b> {
    pub(super) fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            // Of the tenth byte, one bit is left.
            if shift == 63 && bits > 1 {
                return None;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn time(&mut self) -> Option<Duration> {
        self.number().map(Duration::from_millis)
    }

    fn bytes(&mut self) -> Option<&'b [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(bytes)
    }

    pub(super) fn text(&mut self) -> Option<&'b str> {
        core::str::from_utf8(self.bytes()?).ok()
    }

    /// `None` inside is an option that is not there.
    pub(super) fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.byte()? {
            0 => Some(None),
            1 => read(self).map(Some),
            _ => None,
        }
    }

    /// Each item takes a byte at least, so that a damaged count reserves nothing.
    pub(super) fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.number()?;
        let mut list = Vec::new();
        for _ in 0..count {
            list.push(read(self)?);
        }
        Some(list)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http::testing::fields;

    fn entry() -> Entry {
        Entry {
            status: StatusCode::PARTIAL_CONTENT,
            headers: fields(&[("a", "1"), ("set-cookie", "x=1"), ("set-cookie", "y=\u{e4}"), ("b", "")]),
            received: Timestamp::from_unix_millis(1_790_000_000_123),
            modified: Timestamp::from_unix_millis(1_780_000_000_000),
            initial_age: Duration::from_millis(1500),
            lifetime: Duration::from_secs(1 << 31),
            stale_while_revalidate: Some(Duration::ZERO),
            stale_if_error: None,
            must_revalidate: true,
            no_cache: false,
            immutable: true,
            is_heuristic: false,
            is_for_once: false,
            varies: Box::new([
                ("accept".parse().unwrap(), Some(b"text/*"[..].into())),
                ("foo".parse().unwrap(), None),
                ("bar".parse().unwrap(), Some(Box::default())),
            ]),
            language: Some("de".into()),
            tags: Box::new(["one".into(), "two".into()]),
            length: Some(127),
            part: Some(Part { first: 4, last: 9, of: 128 }),
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for entry in [entry(), Entry { no_cache: true, is_heuristic: true, ..Entry::of_nothing() }] {
            assert_eq!(Entry::from_bytes(&entry.to_bytes()), Some(entry));
        }
    }

    #[test]
    fn no_beginning_is_an_entry() {
        let bytes = entry().to_bytes();
        for length in 0..bytes.len() {
            assert_eq!(Entry::from_bytes(&bytes[..length]), None, "{length}");
        }
        let longer = [&bytes[..], b"x"].concat();
        assert_eq!(Entry::from_bytes(&longer), None);
        let other = [&[VERSION + 1], &bytes[1..]].concat();
        assert_eq!(Entry::from_bytes(&other), None);
    }

    proptest! {
        /// Whatever comes out of a store, nothing panics, and what is read is written again as it was.
        #[test]
        fn damage_is_no_harm(at in 0..200_usize, byte in any::<u8>()) {
            let mut bytes = entry().to_bytes();
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
            if let Some(read) = Entry::from_bytes(&bytes) {
                prop_assert_eq!(Entry::from_bytes(&read.to_bytes()), Some(read));
            }
        }

        #[test]
        fn anything_may_come(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Entry::from_bytes(&[&[VERSION], &bytes[..]].concat());
        }
    }

    #[test]
    fn a_resource_is_read_as_it_was_written() {
        let variant = |part: &str, content| {
            let (asked, until) = (Timestamp::from_unix_millis(5), Timestamp::from_unix_millis(7));
            Arc::new(Variant { part: part.into(), asked, until, entry: entry(), content })
        };
        let here = Content::Here(Bytes::from_static(b"some content"));
        let there = Content::There { name: "cache:c".into(), length: 1 << 40 };
        let resource = Resource {
            variants: vec![variant("r", here), variant("r#1", there)],
            unshared: vec![("r#2".into(), Timestamp::from_unix_millis(9))],
            ended: Some(Timestamp::from_unix_millis(7)),
        };
        let bytes = Bytes::from(resource.to_bytes());
        let read = Resource::from_bytes(&bytes).unwrap();
        assert_eq!(format!("{read:?}"), format!("{resource:?}"));
        for end in 0..bytes.len() {
            assert!(Resource::from_bytes(&bytes.slice(..end)).is_none(), "{end}");
        }
    }
}
