//! Edits of content: steps that are done one after another on a document in JSON, which is there as a whole, or is made of another form.

mod convert;
mod describe;
pub mod form;
mod forms;
mod join;
pub mod lines;
pub mod multipart;
mod sift;
pub mod text;
pub mod xml;

use core::fmt::{self, Display};
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, StatusCode};

pub use self::convert::Scalar;
pub use self::forms::{Form, Unfit, form_of};
pub use self::join::Join;
use crate::call::Call;
use crate::document::merge::merge;
use crate::document::patch::{Patch, Undone};
use crate::document::path::{self, Location, Path};
use crate::document::pointer::Pointer;
use crate::document::{Budget, Member, Object, TooMuch, Value};
use crate::policy::expression::Expression;
use crate::template::{Target, Template};

/// The most content that is edited where nothing else is said, in bytes.
pub const USUAL_BYTES: u64 = 1024 * 1024;

/// The most content that may be edited, in bytes.
pub const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// The edits of a content, and the content that they are for.
#[derive(Clone, Debug)]
pub struct BodyEdit {
    /// The steps, in their order.
    pub steps: Box<[Step]>,
    /// For each of them, the place in the list of the configuration of what it is a part of; empty where nobody is told.
    pub places: Box<[usize]>,
    /// The replacements in text, in their order.
    pub text: Box<[text::Replacement]>,
    /// The templates of their values.
    pub templates: Box<[Template]>,
    /// The most content that is read, in bytes.
    pub most_bytes: u64,
    /// The statuses of the responses that it is for.
    pub statuses: Statuses,
    /// The forms of the content that is edited.
    pub from: Box<[Form]>,
    /// The form that it gets; that which it has, if there is none.
    pub to: Option<Form>,
    /// Set if content of other media types passes as it is.
    pub passes_others: bool,
    /// The rules for XML.
    pub xml: xml::Rules,
    /// The rules for forms.
    pub form: form::Rules,
}

/// A content that has been edited.
#[derive(Debug)]
pub struct Edited {
    /// The content.
    pub content: Vec<u8>,
    /// Its media type, if that is another one.
    pub kind: Option<HeaderValue>,
}

/// A set of statuses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statuses(Box<[(u16, u16)]>);

impl Statuses {
    /// The statuses from the first to the second of any of `ranges`; all of them, if there are none.
    #[must_use]
    pub fn of(ranges: Vec<(u16, u16)>) -> Self {
        Self(ranges.into())
    }

    /// Returns whether `status` is one.
    #[must_use]
    pub fn has(&self, status: StatusCode) -> bool {
        self.0.is_empty() || self.0.iter().any(|(first, last)| (*first..=*last).contains(&status.as_u16()))
    }
}

/// A step.
#[derive(Clone, Debug)]
pub enum Step {
    /// Keep what these select, with what it is in.
    Pick(Box<[Path]>),
    /// Remove what these select.
    Drop(Box<[Path]>),
    /// Give a member another name.
    Rename(Pointer, Box<str>),
    /// Move a value.
    Move(Pointer, Pointer),
    /// Copy what a query selects: one value if it is for one, else a list of all.
    Copy(Path, Pointer),
    /// Set a value.
    Set(Pointer, Literal),
    /// Set a value where there is none.
    Default(Pointer, Literal),
    /// Make a value one of another type.
    Convert(Pointer, Scalar),
    /// Set a value that is worked out.
    Compute(Pointer, Arc<Computed>),
    /// Make the whole a member of a new object.
    Wrap(Box<str>),
    /// Put the members of an object into the one that it is in, under names with this prefix; or the elements of the lists in a list into
    /// that.
    Flatten(Pointer, Box<str>),
    /// Do steps on each value that a query selects.
    Each(Path, Box<[Self]>),
    /// Make a list of what queries select.
    Concat(Box<[Path]>, Pointer),
    /// Put values into others that name them by a key.
    Join(Box<Join>),
    /// Apply a JSON Patch (RFC 6902).
    Patch(Patch),
    /// Apply a merge patch (RFC 7396).
    Merge(Value),
}

/// A value with texts that depend on the request.
#[derive(Clone, Debug, Default)]
pub struct Literal {
    /// The value, without these texts.
    pub value: Value,
    /// The places of the texts in it, and the index of each one's template.
    pub texts: Box<[(Location, usize)]>,
}

/// An expression for a value.
#[derive(Debug)]
pub struct Computed {
    /// The expression.
    pub expression: Expression,
    /// The places in it of facts about the request, and the index of the template of each.
    pub facts: Box<[(u16, usize)]>,
}

/// A reason why a content is not edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It can't be read.
    Unread(Unfit),
    /// It can't be written in the form that is asked for.
    Unwritten(Unfit),
    /// There is no such place in it, or something else is there.
    NoPlace(Box<str>),
    /// The value there is none of this type.
    Unfit(Box<str>, Scalar),
    /// A value can't be worked out, for this reason.
    NoValue(Box<str>),
    /// An operation of a patch can't be done.
    Undone(Undone),
    /// It takes more room or work than it may.
    TooMuch,
}

impl Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unread(fault) | Self::Unwritten(fault) => write!(f, "{fault}"),
            Self::NoPlace(pointer) => write!(f, "there is no place `{pointer}` in it"),
            Self::Unfit(pointer, scalar) => write!(f, "`{pointer}` in it is no {}", scalar.name()),
            Self::NoValue(why) => f.write_str(why),
            Self::Undone(undone) => write!(f, "{undone}"),
            Self::TooMuch => f.write_str("it takes more room or work than an edit may"),
        }
    }
}

impl From<TooMuch> for Trouble {
    fn from(TooMuch: TooMuch) -> Self {
        Self::TooMuch
    }
}

impl BodyEdit {
    /// The texts of its templates for `call`; none for those of which a variable has no value.
    #[must_use]
    pub fn fill(&self, call: &Call) -> Box<[Option<Box<str>>]> {
        let fill = |template: &Template| {
            let mut text = String::new();
            template.fill(call, Target::Text, &mut text).then(|| text.into())
        };
        self.templates.iter().map(fill).collect()
    }

    /// The form of a content with these `headers`; none if it is of no form that is edited.
    ///
    /// # Errors
    /// The reason why it can't be edited, though its media type is one that is.
    pub fn form(&self, headers: &HeaderMap) -> Result<Option<Form>, &'static str> {
        match form_of(headers, &self.from) {
            Ok(None) if !self.passes_others => Err("its media type is none that is edited"),
            form => form,
        }
    }

    /// The room that the edits of one document may take: as much again as is read, and something for what the configuration adds.
    fn room(&self) -> usize {
        usize::try_from(self.most_bytes.saturating_mul(4)).unwrap_or(usize::MAX)
    }

    /// Returns whether content of one of its forms is read as a whole.
    #[must_use]
    pub fn needs_whole(&self) -> bool {
        !self.from.iter().all(|form| form.is_stream())
    }

    /// Edits `content`, which has this `form` and the media type in `headers`, with these texts for its templates.
    ///
    /// # Errors
    /// The reason why it is not edited.
    pub fn edit(
        &self,
        content: &[u8],
        (form, headers): (Form, &HeaderMap),
        texts: &[Option<Box<str>>],
    ) -> Result<Edited, Trouble> {
        if form == Form::Text {
            let content = self.replace(content)?.into_bytes();
            return Ok(Edited { content, kind: None });
        }
        let document = self.read(content, (form, headers), texts)?;
        let to = self.to.unwrap_or(form);
        let (content, kind) = to.write(&document, &self.xml).map_err(Trouble::Unwritten)?;
        // A multipart form has a boundary of its own each time.
        let kind = kind.filter(|_| to != form || to == Form::Multipart);
        Ok(Edited { content, kind })
    }

    /// The document that `content` is, edited as in [`edit`](Self::edit).
    ///
    /// # Errors
    /// The reason why it is not edited.
    pub fn read(
        &self,
        content: &[u8],
        (form, headers): (Form, &HeaderMap),
        texts: &[Option<Box<str>>],
    ) -> Result<Value, Trouble> {
        let mut budget = Budget::new(self.room());
        let mut document =
            form.read(content, headers, (&self.xml, &self.form), &mut budget).map_err(Trouble::Unread)?;
        Editing { texts, budget }.run(&self.steps, &mut document)?;
        Ok(document)
    }

    /// Edits `document` as the steps say.
    ///
    /// # Errors
    /// The reason why it can't be edited.
    pub fn run(&self, document: &mut Value, texts: &[Option<Box<str>>]) -> Result<(), Trouble> {
        Editing { texts, budget: Budget::new(self.room()) }.run(&self.steps, document)
    }

    /// The text of `content` after the replacements.
    fn replace(&self, content: &[u8]) -> Result<String, Trouble> {
        let text = core::str::from_utf8(content).map_err(|_| Trouble::Unread(Unfit::Text))?;
        self.text.iter().try_fold(text.to_owned(), |text, one| Ok(one.apply(&text, self.room())?))
    }

    /// Tells people of it.
    #[must_use]
    pub fn describe(&self) -> String {
        let steps = match self.steps.len().saturating_add(self.text.len()) {
            1 => "1 body edit".to_owned(),
            count => format!("{count} body edits"),
        };
        let names = |forms: &[Form]| forms.iter().map(|form| form.name()).collect::<Vec<_>>().join(", ");
        match self.to {
            None if *self.from == [Form::Json] => steps,
            None => format!("{steps} of {}", names(&self.from)),
            Some(to) => format!("{steps} from {} to {}", names(&self.from), to.name()),
        }
    }
}

struct Editing<'t> {
    texts: &'t [Option<Box<str>>],
    budget: Budget,
}

impl Editing<'_> {
    fn run(&mut self, steps: &[Step], document: &mut Value) -> Result<(), Trouble> {
        steps.iter().try_for_each(|step| self.step(step, document))
    }

    fn step(&mut self, step: &Step, document: &mut Value) -> Result<(), Trouble> {
        match step {
            Step::Pick(paths) => {
                let places = sift::places(paths, document)?;
                sift::keep(document, &places);
            }
            Step::Drop(paths) => {
                let places = sift::places(paths, document)?;
                sift::remove(document, &places);
            }
            Step::Rename(at, name) => {
                if let (Some(Value::Object(parent)), Some(last)) = (at.parent_mut(document), at.tokens().last()) {
                    parent.rename(&last.name, name);
                }
            }
            Step::Move(from, to) => {
                if let Ok(value) = from.remove(document) {
                    set(to, document, value)?;
                }
            }
            Step::Copy(from, to) => {
                let values = from.values(document)?;
                let value = match (from.is_singular(), values.first()) {
                    (true, None) => return Ok(()),
                    (true, Some(one)) => self.budget.copy(one)?,
                    (false, _) => {
                        let copies = values.into_iter().map(|value| self.budget.copy(value));
                        Value::Array(copies.collect::<Result<_, _>>()?)
                    }
                };
                set(to, document, value)?;
            }
            Step::Set(to, literal) => {
                match self.fill(literal)? {
                    Some(value) => set(to, document, value)?,
                    // What the sender has written there is not what was to be.
                    None => drop(to.remove(document)),
                }
            }
            Step::Default(to, literal) => {
                if to.find(document).is_none()
                    && let Some(value) = self.fill(literal)?
                {
                    set(to, document, value)?;
                }
            }
            Step::Convert(at, scalar) => {
                if let Some(value) = at.find_mut(document) {
                    scalar.convert(value).map_err(|_| Trouble::Unfit(at.as_str().into(), *scalar))?;
                }
            }
            Step::Compute(to, computed) => {
                let text = |place| {
                    let (_, index) = computed.facts.iter().find(|(of, _)| *of == place)?;
                    self.texts.get(*index).cloned().flatten()
                };
                let value = computed.expression.content(document, &text, &mut self.budget)?;
                set(to, document, value.map_err(|why| Trouble::NoValue(why.into()))?)?;
            }
            Step::Wrap(name) => {
                let mut object = Object::default();
                object.insert(name, core::mem::take(document));
                *document = Value::Object(object);
            }
            Step::Flatten(at, prefix) => flatten(at, prefix, document),
            Step::Each(path, steps) => {
                // From the last: what a step changes within one leaves the places before it as they are.
                let mut places = sift::sorted(path.locations(document)?);
                while let Some(place) = places.pop() {
                    if let Some(value) = path::at(document, &place) {
                        self.run(steps, value)?;
                    }
                }
            }
            Step::Concat(queries, to) => {
                let mut list = Vec::new();
                for query in queries {
                    for value in query.values(document)? {
                        list.push(self.budget.copy(value)?);
                    }
                }
                set(to, document, Value::Array(list))?;
            }
            Step::Join(join) => join.run(document, &mut self.budget)?,
            Step::Patch(patch) => patch.apply(document, &mut self.budget).map_err(Trouble::Undone)?,
            Step::Merge(patch) => {
                self.budget.take(patch)?;
                merge(document, patch);
            }
        }
        Ok(())
    }

    /// The value of `literal`; none if it is a text without a value. One within it becomes `null`.
    fn fill(&mut self, literal: &Literal) -> Result<Option<Value>, TooMuch> {
        let mut value = self.budget.copy(&literal.value)?;
        for (place, index) in &literal.texts {
            let text = self.texts.get(*index).and_then(Option::as_deref);
            if text.is_none() && place.is_empty() {
                return Ok(None);
            }
            self.budget.take_bytes(text.map_or(0, str::len))?;
            if let Some(at) = path::at(&mut value, place) {
                *at = text.map_or(Value::Null, Value::from);
            }
        }
        Ok(Some(value))
    }
}

fn set(to: &Pointer, document: &mut Value, value: Value) -> Result<(), Trouble> {
    to.set(document, value).map_err(|_| Trouble::NoPlace(to.as_str().into()))
}

fn flatten(at: &Pointer, prefix: &str, document: &mut Value) {
    match at.find_mut(document) {
        Some(Value::Array(items)) => {
            let flat = core::mem::take(items).into_iter().flat_map(|item| match item {
                Value::Array(inner) => inner,
                other => vec![other],
            });
            *items = flat.collect();
        }
        Some(Value::Object(object)) => {
            let members = object.take();
            let Some(last) = at.tokens().last() else {
                *object = Object::of_distinct(members);
                return;
            };
            if let Some(Value::Object(parent)) = at.parent_mut(document) {
                parent.remove(&last.name);
                let named = |(name, value): Member| ([prefix, &name].concat().into(), value);
                parent.insert_all(members.into_iter().map(named).collect());
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
