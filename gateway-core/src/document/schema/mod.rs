//! JSON Schema, draft 2020-12: checks of documents.
//!
//! All of the core, applicator, unevaluated and validation vocabularies is there. Formats are annotations unless they are asked for as assertions, and
//! some always are (`format.rs`). Regular expressions are those of ECMA-262 without look-arounds, back-references and categories of characters,
//! within the bounds of `docs/adr/0013`; meta-schemas of one's own are refused. Nothing is ever fetched. See `docs/adr/0022`.
//!
//! **Invariant:** a check ends, whatever the schema and the document are: its work and its depth have bounds.

mod check;
mod compile;
mod cycle;
mod format;
mod index;
mod leaf;
mod node;
mod pattern;
mod seen;
mod unique;
mod uri;
mod words;

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod suite;
#[cfg(test)]
mod tests;

pub use self::format::formats;
use core::fmt::{self, Display};

use self::node::{DynamicAnchor, Node};
use super::{TooMuch, Value};

/// A compiled schema.
#[derive(Clone, Debug)]
pub struct Schema {
    /// The first is the whole.
    nodes: Box<[Node]>,
    anchors: Box<[DynamicAnchor]>,
    remarks: Box<[Mistake]>,
}

/// The circumstances of a schema.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'d> {
    /// The URI of the document, which its references are relative to. It may be the name of a file, or nothing.
    pub uri: &'d str,
    /// The JSON Pointer of the schema in the document, which is the whole if it is empty.
    pub at: &'d str,
    /// Other documents by their URIs, for references.
    pub resources: &'d [(Box<str>, Value)],
    /// Set if strings have to be in the formats that `format` names.
    pub asserts_formats: bool,
    /// Set if the schemas are those of OpenAPI 3.0, which are of an earlier draft (OpenAPI 3.0.3 §4.7.24).
    pub is_openapi_30: bool,
    /// Set if members that are `readOnly` or `writeOnly` are required on one side alone (OpenAPI 3.0.3 §4.7.24.2).
    pub has_sides: bool,
}

/// A schema among several of one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Root(node::Id);

impl Root {
    /// The number `number`, in place of a root that is not known yet.
    #[must_use]
    pub fn numbered(number: usize) -> Self {
        Self(node::Id::try_from(number).unwrap_or(node::Id::MAX))
    }

    /// The one of `roots` that this is the number of.
    #[must_use]
    pub fn among(self, roots: &[Self]) -> Option<Self> {
        roots.get(usize::try_from(self.0).ok()?).copied()
    }
}

/// The way of a document: OpenAPI has members that are of one of them alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// To the service: nothing that is `readOnly` has to be there.
    Request,
    /// From the service: nothing that is `writeOnly` has to be there.
    Response,
}

/// A mistake in a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The JSON Pointer to the keyword, with the URI of the document before it if it is another one.
    pub place: String,
    /// The message.
    pub message: String,
    /// The way to mend it.
    pub help: &'static str,
}

impl Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {} ({})", self.place, self.message, self.help)
    }
}

/// A part of a document that is not as a schema has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The JSON Pointer to the part.
    pub pointer: String,
    /// The JSON Pointer to the keyword in the schema, with the URI of the document before it if it is another one.
    pub keyword: String,
    /// The message, which follows upon the pointer in a sentence.
    pub message: String,
}

impl Schema {
    /// Compiles the schema in `document`.
    ///
    /// # Errors
    /// All mistakes in it, and in the parts of others that it refers to.
    pub fn compile(document: &Value, options: &Options<'_>) -> Result<Self, Vec<Mistake>> {
        let at = options.at.to_owned();
        compile::schemas(document, options, [at].into_iter()).map(|(schema, _)| schema)
    }

    /// Compiles the schemas at these `places` of `document`, JSON Pointers. What they have in common is compiled once.
    ///
    /// # Errors
    /// All mistakes in them, and in the parts of others that they refer to.
    pub fn compile_all(
        document: &Value,
        options: &Options<'_>,
        places: impl Iterator<Item = String>,
    ) -> Result<(Self, Box<[Root]>), Vec<Mistake>> {
        compile::schemas(document, options, places)
    }

    /// Keywords in it that have a meaning elsewhere, and none here: of other drafts, and of OpenAPI 3.0.
    #[must_use]
    pub fn remarks(&self) -> &[Mistake] {
        &self.remarks
    }

    /// Returns whether `value` is as the schema has it.
    ///
    /// # Errors
    /// It takes more work or depth than a check may.
    pub fn is_valid(&self, value: &Value) -> Result<bool, TooMuch> {
        check::Run::new(&self.nodes, &self.anchors, None, None).whole(0, value)
    }

    /// The parts of `value` that are not as the schema has it; `most` of them at the most.
    ///
    /// # Errors
    /// It takes more work or depth than a check may.
    pub fn check(&self, value: &Value, most: usize) -> Result<Vec<Violation>, TooMuch> {
        self.check_by((Root(0), None), value, most)
    }

    /// The same by one of several schemas, for a document on this side.
    ///
    /// # Errors
    /// It takes more work or depth than a check may.
    pub fn check_by(
        &self,
        (Root(root), side): (Root, Option<Side>),
        value: &Value,
        most: usize,
    ) -> Result<Vec<Violation>, TooMuch> {
        if check::Run::new(&self.nodes, &self.anchors, None, side).whole(root, value)? {
            return Ok(Vec::new());
        }
        // Most documents are right: words are made in a second run.
        let mut run = check::Run::new(&self.nodes, &self.anchors, Some(most.max(1)), side);
        run.whole(root, value)?;
        Ok(run.violations())
    }
}
