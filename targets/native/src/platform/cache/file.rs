//! The file of stored responses: its tables, and what is done to them at once.
//!
//! A change is one transaction, and waits for the disk: after a crash there are all of its responses or none. That costs no request anything, as
//! a thread of its own writes, and many responses are one change.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use gateway_core::cache::purges::{PurgeBook, Purges};
use gateway_core::cache::resource::{Content, Resource, Variant};
use gateway_core::response_store::SMALL;
use gateway_core::time::Timestamp;
use redb::{
    Database, Error, ReadableDatabase, ReadableTable, ReadableTableMetadata, Table, TableDefinition, TableHandle,
    WriteTransaction,
};

use crate::platform::database::Reopened;

/// What the file says of itself.
const NOTES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("edgeway: stored responses");

/// The place in line, the time until which it is of use, the bytes and the heads of each resource.
const HEADS: TableDefinition<'_, &str, (u64, u64, u64, &[u8])> = TableDefinition::new("heads");

/// The resources in line: the first go first.
const LINE: TableDefinition<'_, u64, &str> = TableDefinition::new("line");

/// The resources by the time until which they are of use.
const ENDS: TableDefinition<'_, (u64, &str), ()> = TableDefinition::new("ends");

/// The pieces of contents that are not small: by the number of the content, and their own.
const CONTENTS: TableDefinition<'_, (u64, u32), &[u8]> = TableDefinition::new("contents");

/// The notes.
const FORM: &str = "form";
const BYTES: &str = "bytes";
const PURGES: &str = "purges";

/// The form of the tables. Of another one nothing is read.
const PRESENT_FORM: &[u8] = b"1";

/// The memory for pages of the file, in bytes.
const MEMORY: usize = 16 << 20;

/// A page of the database, in bytes.
const PAGE: u64 = 4 << 10;

/// A piece of content: with what the database notes beside it, 64 KiB.
const PIECE: usize = (64 << 10) - 64;

/// The bytes that are counted for a resource beside its heads and contents.
const OVERHEAD: u64 = 256;

/// The expired resources that a change removes, if it needs no more room.
const SWEEP: usize = 64;

/// A change of what is stored of a resource.
#[derive(Clone, Debug, Default)]
pub(super) struct Change {
    /// Set if what was there before is gone.
    pub(super) is_removed: bool,
    /// The responses that are added, in this order.
    pub(super) added: Vec<Arc<Variant>>,
    /// Set if it was asked for.
    pub(super) is_used: bool,
}

impl Change {
    /// What is stored of the resource with this change, if that was `known` before.
    pub(super) fn apply(&self, known: Option<Resource>) -> Resource {
        let known = if self.is_removed { None } else { known };
        let added = self.added.iter().cloned();
        added.fold(known.unwrap_or_default(), |resource, variant| resource.with(variant))
    }
}

/// The file of stored responses.
#[derive(Debug)]
pub(super) struct File {
    database: Reopened,
    /// The most bytes that are stored.
    size: u64,
    /// The number of the next content: none is given twice while the process lives.
    next: AtomicU64,
}

impl File {
    /// Opens the file at `path`, or makes it, and adds its purges to `book`. Of a form that is not known, all is removed.
    ///
    /// # Errors
    /// When it can't be used: nothing is changed then.
    pub(super) fn open(path: &str, size: u64, book: &PurgeBook, now: Timestamp) -> Result<Self, Error> {
        let database = Reopened::open(path, Some(MEMORY))?;
        database.write(prepare)?;
        let (purges, last) = database.read(|database| {
            let read = database.begin_read()?;
            let purges = read.open_table(NOTES)?.get(PURGES)?.map(|value| Purges::from_bytes(value.value()));
            let last = read.open_table(CONTENTS)?.last()?.map_or(0, |(key, _)| key.value().0);
            Ok((purges, last))
        })?;
        let file = Self { database, size, next: AtomicU64::new(last.saturating_add(1)) };
        match purges {
            Some(Some(purges)) => book.merge(&purges),
            // Nobody knows what they purge.
            Some(None) => file.change(true, &[], now)?,
            None => {}
        }
        // What is too much for a smaller size goes at once.
        file.change(false, &[], now)?;
        Ok(file)
    }

    /// The stored responses to requests for `resource`, if they are of use at `now`.
    pub(super) fn find(&self, resource: &str, now: Timestamp) -> Result<Option<Resource>, Error> {
        self.database.read(|database| {
            let heads = database.begin_read()?.open_table(HEADS)?;
            let Some(found) = heads.get(resource)? else { return Ok(None) };
            let (_, until, _, bytes) = found.value();
            Ok(if until <= now.unix_millis() { None } else { Resource::from_bytes(&Bytes::copy_from_slice(bytes)) })
        })
    }

    /// The content of this `name` and length, or the bytes of it in `range`; none if it is gone.
    pub(super) fn content(&self, name: &str, length: u64, range: Option<Range<u64>>) -> Result<Option<Bytes>, Error> {
        let Some(number) = number(name) else { return Ok(None) };
        let range = range.unwrap_or(0..length);
        self.database.read(|database| {
            let contents = database.begin_read()?.open_table(CONTENTS)?;
            read(&contents, number, length, range.clone())
        })
    }

    /// Makes all `changes`, or none; `all` that was there before is removed first if that is said.
    pub(super) fn change(&self, all: bool, changes: &[(&str, &Change)], now: Timestamp) -> Result<(), Error> {
        self.database.write(|database| {
            let write = database.begin_write()?;
            if all {
                for table in [HEADS.name(), LINE.name(), ENDS.name(), CONTENTS.name()] {
                    remove_table(&write, table)?;
                }
            }
            {
                let mut tables = Tables::open(&write, self, all, now)?;
                tables.make_room(0, SWEEP)?;
                for (resource, change) in changes {
                    tables.change(resource, change)?;
                }
                tables.note_bytes()?;
            }
            Ok(write.commit()?)
        })
    }

    /// Writes the purges of `book` down.
    pub(super) fn keep_purges(&self, book: &PurgeBook) -> Result<(), Error> {
        self.database.write(|database| {
            let write = database.begin_write()?;
            // Read once nobody else writes: so the last to write has all of them.
            write.open_table(NOTES)?.insert(PURGES, &*book.all().to_bytes())?;
            Ok(write.commit()?)
        })
    }

    /// The bytes that are stored.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> Result<u64, Error> {
        self.database.read(|database| bytes(&database.begin_read()?.open_table(NOTES)?))
    }
}

/// Makes the tables. A file with others is another program's, and stays as it is.
fn prepare(database: &Database) -> Result<(), Error> {
    let write = database.begin_write()?;
    let names: Vec<String> = write.list_tables()?.map(|table| table.name().to_owned()).collect();
    let is_ours = names.is_empty() || names.iter().any(|name| name == NOTES.name());
    if !is_ours {
        return Err(Error::Corrupted("it holds something else than stored responses".to_owned()));
    }
    let is_known = write.open_table(NOTES)?.get(FORM)?.is_some_and(|form| form.value() == PRESENT_FORM);
    if !is_known {
        for name in names {
            remove_table(&write, &name)?;
        }
        write.open_table(NOTES)?.insert(FORM, PRESENT_FORM)?;
    }
    write.open_table(HEADS)?;
    write.open_table(LINE)?;
    write.open_table(ENDS)?;
    write.open_table(CONTENTS)?;
    Ok(write.commit()?)
}

fn remove_table(write: &WriteTransaction, name: &str) -> Result<(), Error> {
    let Some(table) = write.list_tables()?.find(|table| table.name() == name) else { return Ok(()) };
    write.delete_table(table)?;
    Ok(())
}

fn bytes(notes: &impl ReadableTable<&'static str, &'static [u8]>) -> Result<u64, Error> {
    let value = notes.get(BYTES)?.and_then(|value| value.value().try_into().ok().map(u64::from_be_bytes));
    Ok(value.unwrap_or_default())
}

fn number(name: &str) -> Option<u64> {
    name.parse().ok()
}

/// The bytes of a content in `range`; none if the content is not whole.
fn read(
    contents: &impl ReadableTable<(u64, u32), &'static [u8]>,
    number: u64,
    length: u64,
    range: Range<u64>,
) -> Result<Option<Bytes>, Error> {
    let piece = PIECE as u64;
    let (Some(bytes), true) = (range.end.checked_sub(range.start), range.end <= length) else { return Ok(None) };
    let place = |at: u64| u32::try_from(at / piece).unwrap_or(u32::MAX);
    let (first, last) = (place(range.start), place(range.end.saturating_sub(1)));
    let mut out = Vec::with_capacity(usize::try_from(bytes).unwrap_or_default());
    for stored in contents.range((number, first)..=(number, last))? {
        let (key, value) = stored?;
        let begin = u64::from(key.value().1).saturating_mul(piece);
        let within = |at: u64| usize::try_from(at.saturating_sub(begin)).unwrap_or(usize::MAX);
        let value = value.value();
        let part = within(range.start)..within(range.end).min(value.len());
        out.extend_from_slice(value.get(part).unwrap_or_default());
    }
    Ok((out.len() as u64 == bytes).then(|| out.into()))
}

/// The bytes that are counted for a content of this length: whole pages, of which a piece has a power of two.
fn room(length: u64) -> u64 {
    let piece = PIECE as u64;
    let rest = length % piece;
    let last = if rest == 0 { 0 } else { (rest + 64).max(PAGE).next_power_of_two() };
    (length / piece).saturating_mul(piece + 64).saturating_add(last)
}

/// The number of a content that stands by itself.
fn number_of(content: &Content) -> Option<u64> {
    match content {
        Content::Here(_) => None,
        Content::There { name, .. } => number(name),
    }
}

/// The tables within a change.
struct Tables<'t> {
    file: &'t File,
    now: u64,
    notes: Table<'t, &'static str, &'static [u8]>,
    heads: Table<'t, &'static str, (u64, u64, u64, &'static [u8])>,
    line: Table<'t, u64, &'static str>,
    ends: Table<'t, (u64, &'static str), ()>,
    contents: Table<'t, (u64, u32), &'static [u8]>,
    /// The bytes that are stored.
    bytes: u64,
    /// The last place in line.
    last: u64,
}

impl<'t> Tables<'t> {
    fn open(write: &'t WriteTransaction, file: &'t File, is_new: bool, now: Timestamp) -> Result<Self, Error> {
        let notes = write.open_table(NOTES)?;
        let line = write.open_table(LINE)?;
        let last = line.last()?.map_or(0, |(place, _)| place.value());
        let bytes = if is_new { 0 } else { bytes(&notes)? };
        Ok(Self {
            file,
            now: now.unix_millis(),
            notes,
            heads: write.open_table(HEADS)?,
            line,
            ends: write.open_table(ENDS)?,
            contents: write.open_table(CONTENTS)?,
            bytes,
            last,
        })
    }

    fn note_bytes(&mut self) -> Result<(), Error> {
        // Whatever has gone wrong with the count is over once nothing is left.
        let bytes = if self.heads.is_empty()? { 0 } else { self.bytes };
        self.notes.insert(BYTES, &bytes.to_be_bytes()[..])?;
        Ok(())
    }

    /// Takes `resource` out of all tables but that of contents, and returns what it was.
    fn take(&mut self, resource: &str) -> Result<Option<Resource>, Error> {
        let Some(taken) = self.heads.remove(resource)?.map(|head| {
            let (place, until, bytes, heads) = head.value();
            (place, until, bytes, Resource::from_bytes(&Bytes::copy_from_slice(heads)))
        }) else {
            return Ok(None);
        };
        let (place, until, bytes, known) = taken;
        self.line.remove(place)?;
        self.ends.remove((until, resource))?;
        self.bytes = self.bytes.saturating_sub(bytes);
        Ok(Some(known.unwrap_or_default()))
    }

    fn remove_content(&mut self, number: u64) -> Result<(), Error> {
        self.contents.retain_in((number, 0)..=(number, u32::MAX), |_, _| false)?;
        Ok(())
    }

    fn remove(&mut self, resource: &str) -> Result<(), Error> {
        let known = self.take(resource)?;
        for variant in known.into_iter().flat_map(|known| known.variants) {
            if let Some(number) = number_of(&variant.content) {
                self.remove_content(number)?;
            }
        }
        Ok(())
    }

    /// Removes what is of no use any more, a few of it or as much as `need` bytes take; then the first in line. Returns whether there is room then.
    fn make_room(&mut self, need: u64, at_least: usize) -> Result<bool, Error> {
        let mut removed = 0;
        loop {
            let has_room = self.bytes.saturating_add(need) <= self.file.size;
            if has_room && removed >= at_least {
                return Ok(true);
            }
            let over = self.ends.first()?.map(|(key, _)| (key.value().0, key.value().1.to_owned()));
            let over = over.filter(|(until, _)| *until <= self.now).map(|(_, resource)| resource);
            let next = match over {
                Some(resource) => Some(resource),
                None if has_room => return Ok(true),
                None => self.line.first()?.map(|(_, resource)| resource.value().to_owned()),
            };
            let Some(resource) = next else { return Ok(false) };
            self.remove(&resource)?;
            removed += 1;
        }
    }

    fn change(&mut self, resource: &str, change: &Change) -> Result<(), Error> {
        if !change.is_removed && change.added.is_empty() {
            return self.move_back(resource);
        }
        let known = self.take(resource)?;
        let there: Vec<(u64, u64)> = known
            .iter()
            .flat_map(|known| &known.variants)
            .filter_map(|variant| Some((number_of(&variant.content)?, variant.content.length())))
            .collect();
        let mut kept = Resource::default();
        // The contents that are written, once there is room.
        let mut written: Vec<(u64, Bytes)> = Vec::new();
        for variant in change.apply(known).variants {
            let content = match &variant.content {
                Content::Here(bytes) if bytes.len() > SMALL => {
                    let number = match self.same(&there, bytes)? {
                        Some(number) => number,
                        None => {
                            let number = self.file.next.fetch_add(1, Ordering::Relaxed);
                            written.push((number, bytes.clone()));
                            number
                        }
                    };
                    Content::There { name: number.to_string().into(), length: bytes.len() as u64 }
                }
                Content::Here(bytes) => Content::Here(bytes.clone()),
                Content::There { name, length } => {
                    if !number(name).is_some_and(|number| there.contains(&(number, *length))) {
                        // It has gone meanwhile.
                        continue;
                    }
                    variant.content.clone()
                }
            };
            let (part, entry) = (variant.part.clone(), variant.entry.clone());
            let stored = Variant { part, asked: variant.asked, until: variant.until, entry, content };
            kept.variants.push(Arc::new(stored));
        }
        let heads = kept.to_bytes();
        let contents = kept.variants.iter().filter(|variant| number_of(&variant.content).is_some());
        let contents: u64 = contents.map(|variant| room(variant.content.length())).sum();
        let need = (heads.len() + 3 * resource.len()) as u64 + OVERHEAD + contents;
        let is_stored = !kept.variants.is_empty() && need <= self.file.size && self.make_room(need, 0)?;
        for (number, _) in there {
            let is_kept = is_stored && kept.variants.iter().any(|variant| number_of(&variant.content) == Some(number));
            if !is_kept {
                self.remove_content(number)?;
            }
        }
        if !is_stored {
            return Ok(());
        }
        for (number, bytes) in written {
            for (at, piece) in (0_u32..).zip(bytes.chunks(PIECE)) {
                self.contents.insert((number, at), piece)?;
            }
        }
        let until = kept.until().unix_millis();
        self.last = self.last.saturating_add(1);
        self.heads.insert(resource, (self.last, until, need, &*heads))?;
        self.line.insert(self.last, resource)?;
        self.ends.insert((until, resource), ())?;
        self.bytes = self.bytes.saturating_add(need);
        Ok(())
    }

    /// Puts `resource` at the end of the line.
    fn move_back(&mut self, resource: &str) -> Result<(), Error> {
        let known = self.heads.get(resource)?.map(|head| {
            let (place, until, bytes, heads) = head.value();
            (place, until, bytes, heads.to_vec())
        });
        let Some((place, until, bytes, heads)) = known else { return Ok(()) };
        self.last = self.last.saturating_add(1);
        self.line.remove(place)?;
        self.line.insert(self.last, resource)?;
        self.heads.insert(resource, (self.last, until, bytes, &*heads))?;
        Ok(())
    }

    /// The one among these contents that is the same as `bytes`: what was confirmed is not written again.
    fn same(&self, there: &[(u64, u64)], bytes: &Bytes) -> Result<Option<u64>, Error> {
        let length = bytes.len() as u64;
        for (number, _) in there.iter().filter(|(_, of)| *of == length) {
            if read(&self.contents, *number, length, 0..length)?.as_ref() == Some(bytes) {
                return Ok(Some(*number));
            }
        }
        Ok(None)
    }
}
