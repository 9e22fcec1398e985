//! Texts and contents with values out of earlier results.

use core::fmt::Write as _;

use crate::call::Call;
use crate::document::path::{self, Location, Path};
use crate::document::{Budget, TooMuch, Value};
use crate::http::path::is_normalised;
use crate::template::{Target, Template, write_text};

/// A text with variables of the request, and with values out of earlier results.
#[derive(Debug, Default)]
pub struct Text(pub Box<[Piece]>);

/// A piece of a text.
#[derive(Debug)]
pub enum Piece {
    /// Text, and variables of the request.
    Template(Template),
    /// Values out of results.
    Value(Reference),
}

/// Values out of results, or out of that which the call is made for.
#[derive(Debug)]
pub struct Reference {
    /// The query for them.
    pub path: Path,
    /// Set if it is about that which the call is made for.
    pub is_of_item: bool,
}

/// A content in JSON.
#[derive(Debug, Default)]
pub struct Content {
    /// The content, without the parts that are filled in.
    pub value: Value,
    /// The places of these, and what they become, in their order.
    pub parts: Box<[(Location, Part)]>,
}

/// A part of a content that is filled in.
#[derive(Debug)]
pub enum Part {
    /// A text.
    Text(Text),
    /// A value as it is.
    Value(Reference),
}

/// What the texts of a call are filled from.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'s> {
    /// The request.
    pub call: &'s Call,
    /// The results so far, and the content of the request, by their names.
    pub results: &'s Value,
    /// The value that the call is made for, if it is made for several.
    pub item: Option<&'s Value>,
}

/// A reason why something can't be filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfilled {
    /// There is no value.
    Missing,
    /// It takes more room or work than it may.
    TooMuch,
}

impl From<TooMuch> for Unfilled {
    fn from(TooMuch: TooMuch) -> Self {
        Self::TooMuch
    }
}

impl Piece {
    /// Returns whether it is text that ends with a slash.
    fn ends_with_slash(&self) -> bool {
        matches!(self, Self::Template(template) if template.sample().ends_with('/'))
    }
}

impl Reference {
    /// The values that it stands for.
    ///
    /// # Errors
    /// It takes more work than a query may.
    pub fn values<'s>(&self, scope: Scope<'s>) -> Result<Vec<&'s Value>, TooMuch> {
        let from = if self.is_of_item { scope.item } else { Some(scope.results) };
        from.map_or_else(|| Ok(Vec::new()), |from| self.path.values(from))
    }

    /// Writes what it stands for to `out`, several values with commas between them.
    fn write(&self, scope: Scope<'_>, target: Target, out: &mut String) -> Result<(), Unfilled> {
        let values = self.values(scope)?;
        if values.is_empty() {
            return Err(Unfilled::Missing);
        }
        for (index, value) in values.into_iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            match value {
                Value::String(text) => write_text(text, target, out),
                Value::Number(number) => write_text(number.as_str(), target, out),
                Value::Boolean(is) => write!(out, "{is}").is_ok(),
                Value::Null | Value::Array(_) | Value::Object(_) => return Err(Unfilled::Missing),
            };
        }
        Ok(())
    }
}

impl Text {
    /// The filled text, for `target`.
    ///
    /// # Errors
    /// One of its values is missing.
    pub fn fill(&self, scope: Scope<'_>, target: Target) -> Result<String, Unfilled> {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Template(template) => {
                    if !template.fill(scope.call, target, &mut out) {
                        return Err(Unfilled::Missing);
                    }
                }
                Piece::Value(reference) => reference.write(scope, target, &mut out)?,
            }
        }
        Ok(out)
    }

    /// The values out of results in it.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Value(reference) => Some(reference),
            Piece::Template(_) => None,
        })
    }
}

impl Content {
    /// The filled content, which takes its room from `budget`. A part without a value becomes `null`, unless it is the whole.
    ///
    /// # Errors
    /// The whole is missing, or takes more room than there is.
    pub fn fill(&self, scope: Scope<'_>, budget: &mut Budget) -> Result<Value, Unfilled> {
        let mut filled = budget.copy(&self.value)?;
        for (place, part) in &self.parts {
            let value = match part {
                Part::Text(text) => text.fill(scope, Target::Text).map(Value::from),
                Part::Value(reference) => one_or_all(reference, scope, budget),
            };
            let value = match value {
                Ok(value) => value,
                Err(Unfilled::Missing) if !place.is_empty() => Value::Null,
                Err(unfilled) => return Err(unfilled),
            };
            if let Some(at) = path::at(&mut filled, place) {
                *at = value;
            }
        }
        Ok(filled)
    }

    /// Shows each of the values out of results in it.
    pub fn each_reference(&self, mut show: impl FnMut(&Reference)) {
        for (_, part) in &self.parts {
            match part {
                Part::Text(text) => text.references().for_each(&mut show),
                Part::Value(reference) => show(reference),
            }
        }
    }
}

/// A copy of the value that `reference` stands for, or the list of all if it may stand for several.
fn one_or_all(reference: &Reference, scope: Scope<'_>, budget: &mut Budget) -> Result<Value, Unfilled> {
    let values = reference.values(scope)?;
    if reference.path.is_singular() {
        let one = values.first().ok_or(Unfilled::Missing)?;
        return Ok(budget.copy(one)?);
    }
    let copies = values.into_iter().map(|value| budget.copy(value));
    Ok(Value::Array(copies.collect::<Result<_, _>>()?))
}

impl Text {
    /// The filled text, as a path in which no value has left its segment, or made one of nothing or of dots (RFC 3986 §5.2.4).
    ///
    /// # Errors
    /// One of its values is missing, or leaves no path.
    pub fn fill_path(&self, scope: Scope<'_>) -> Result<String, Unfilled> {
        let path = self.fill(scope, Target::Path)?;
        let are_dots = |name: &str| matches!(name.split(';').next(), Some("." | ".."));
        let leaves = path.split('/').any(|segment| segment.split("%2F").any(are_dots));
        // A value of nothing at the end would make it the path of all of them.
        let is_cut = path.ends_with('/') && !self.0.last().is_some_and(Piece::ends_with_slash);
        if leaves || is_cut || path.contains("//") || !is_normalised(&path) { Err(Unfilled::Missing) } else { Ok(path) }
    }
}
