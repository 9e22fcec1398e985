//! The thorough way: a serde deserializer over a syntax tree, which goes on after a mistake.
//!
//! A value that can't be read is reported and marked. The innermost list item or entry around it is then read again without
//! it. Reading ends, for each repetition has one value less to read.

mod choice;
mod items;
mod log;
mod members;
mod reader;

use serde::de::Deserialize;

use self::log::Log;
use self::reader::{Reader, Source};
use super::error::{Error, Report};
use super::tree::Node;
use super::variables::Variable;

/// Reads `root`; parts that can't be read are left out and reported.
pub(super) fn read<'n, T: Deserialize<'n>>(
    root: &'n Node<'n>,
    variables: &dyn Fn(&str) -> Variable,
) -> (Option<T>, Vec<Report>) {
    let log = Log::new(variables);
    let reader = Reader::of(Source::Node(root), &log);
    let value = attempt(reader).ok().flatten().filter(|_| !log.is_full());
    (value, log.into_reports())
}

/// Reads a value. It is read again after each error in it, until it succeeds or nothing is left.
fn attempt<'n, T: Deserialize<'n>>(reader: Reader<'n, '_>) -> Result<Option<T>, Error> {
    while reader.is_readable() {
        match T::deserialize(reader) {
            Ok(value) => return Ok(Some(value)),
            Err(error) => reader.record(error)?,
        }
    }
    Ok(None)
}
