//! A serde deserializer in one type for two sources: a text, where it stops at the first mistake, and a syntax tree,
//! where it goes on. So the readers of the configuration's types are compiled once.
//!
//! In a tree, a value that can't be read is reported and marked. The innermost list item or entry around it is then read
//! again without it. Reading ends, for each repetition has one value less to read.
//!
//! serde instantiates every generic function for each type of the configuration, and the engine of a Worker compiles
//! those in use at each cold start. So the generic functions here are thin, and the functions behind them are not
//! generic and not inlined.

mod choice;
mod log;
mod members;
mod parts;
mod reader;

use serde::de::Deserialize;

use self::log::Log;
use self::reader::{Reader, Source};
use super::error::{Error, Report};
use super::scan::Scan;
use super::tree::Node;
use super::variables::Variable;

/// The member that any object of the configuration may have besides its own. Nothing reads it.
pub(super) const DESCRIPTION: &str = "description";

/// The name under which a type asks for a value of any form, of which objects are the configuration's own, not the
/// author's: they may be described.
pub(super) const OWN: &str = "own";

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

/// Reads `text`; `None` if there is a mistake in it.
pub(super) fn read_sound<T: for<'n> Deserialize<'n>>(text: &str, variables: &dyn Fn(&str) -> Variable) -> Option<T> {
    let scan = Scan::new(text);
    let log = Log::new(variables);
    let value = T::deserialize(Reader::of(Source::Text(&scan), &log)).ok()?;
    scan.is_at_end().then_some(value)
}

/// Reads a value. In a tree it is read again after each error in it, until it succeeds or nothing is left.
fn attempt<'n, T: Deserialize<'n>>(reader: Reader<'n, '_>) -> Result<Option<T>, Error> {
    while reader.is_readable() {
        match T::deserialize(reader) {
            Ok(value) => return Ok(Some(value)),
            Err(error) => reader.record(error)?,
        }
    }
    Ok(None)
}
