//! Conditions as expressions: a part of CEL (the Common Expression Language), checked when they are loaded.
//!
//! An expression becomes a list of parts, each of which is looked at once at the most, and none of which repeats anything: their number
//! bounds the time. See `docs/adr/0017`.

mod decimal;
mod evaluate;
mod foreign;
mod node;
mod parse;
mod reason;
mod token;

use std::borrow::Cow;
use std::fmt::Display;

use http::HeaderName;

use self::evaluate::{About, Evaluation, Value};
use self::node::{Fact, Node, Place, Span};
use crate::call::Call;
use crate::config::told;
use crate::document::{Budget, TooMuch, Value as Document};
use crate::time::Timestamp;

/// The longest text of an expression, in bytes.
const MOST_BYTES: usize = 4 << 10;

/// A compiled expression.
#[derive(Debug)]
pub struct Expression {
    text: Box<str>,
    /// The parts; the last is the whole.
    nodes: Box<[Node]>,
    /// The bytes of the text that each of them stands for.
    spans: Box<[Span]>,
}

/// The kind of value that an expression has to have.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// True or false.
    Condition,
    /// A text, a number, or true or false.
    Scalar,
    /// A number, or a text that may be one.
    Number,
    /// What may stand in a content, which it is about.
    Content,
}

/// A mistake in an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The byte of the text that it begins with.
    pub at: usize,
    /// The message.
    pub message: String,
    /// The way to mend it; may be empty.
    pub help: String,
}

impl Mistake {
    #[cold]
    #[inline(never)]
    fn new(at: usize, message: impl Display, help: impl Display) -> Self {
        Self { at, message: told(message), help: told(help) }
    }
}

impl Expression {
    /// Reads `text`, a condition in which `params` has these `parameters`; any, if they are not known.
    ///
    /// # Errors
    /// The first mistake in it.
    pub fn compile(text: &str, parameters: Option<&[&str]>) -> Result<Self, Mistake> {
        Self::read(text, parameters, Kind::Condition)
    }

    /// Reads `text`, an expression of a text, a number, or true and false.
    ///
    /// # Errors
    /// The first mistake in it.
    pub fn compile_scalar(text: &str, parameters: Option<&[&str]>) -> Result<Self, Mistake> {
        Self::read(text, parameters, Kind::Scalar)
    }

    /// Reads `text`, an expression of a number, or of a text that may be one.
    ///
    /// # Errors
    /// The first mistake in it.
    pub fn compile_number(text: &str, parameters: Option<&[&str]>) -> Result<Self, Mistake> {
        Self::read(text, parameters, Kind::Number)
    }

    /// Reads `text`, an expression of a part of a content, in which `body` is the whole.
    ///
    /// # Errors
    /// The first mistake in it.
    pub fn compile_content(text: &str, parameters: Option<&[&str]>) -> Result<Self, Mistake> {
        Self::read(text, parameters, Kind::Content)
    }

    fn read(text: &str, parameters: Option<&[&str]>, kind: Kind) -> Result<Self, Mistake> {
        if text.len() > MOST_BYTES {
            return Err(Mistake::new(0, "the expression is too long", "use 4 KiB at the most"));
        }
        let (nodes, spans) = parse::parse(text, parameters, kind)?;
        Ok(Self { text: text.into(), nodes: nodes.into(), spans: spans.into() })
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns whether `call` meets it at `now`. What looks at something that is not there does not hold, nor does its opposite.
    #[must_use]
    pub fn holds(&self, call: &Call, now: Timestamp) -> bool {
        self.whole().is_some_and(|whole| Evaluation { expression: self, about: About::Call(call, now) }.holds(whole))
    }

    /// Its value for `call` at `now` as text; none if it has none, or one that is no text, whole number or truth.
    #[must_use]
    pub fn text<'a>(&'a self, call: &'a Call, now: Timestamp) -> Option<Cow<'a, str>> {
        match (Evaluation { expression: self, about: About::Call(call, now) }).value(self.whole()?) {
            Value::Text(text) => Some(text),
            Value::Number(number) => Some(Cow::Owned(number.to_string())),
            Value::Boolean(truth) => Some(Cow::Borrowed(if truth { "true" } else { "false" })),
            _ => None,
        }
    }

    /// Its value for the content `body`, where `texts` are those of its [facts](Self::facts); the room of what is copied is taken from `budget`.
    ///
    /// # Errors
    /// The reason in words why it has none; or there is no room for it.
    pub(crate) fn content(
        &self,
        body: &Document,
        texts: &dyn Fn(u16) -> Option<Box<str>>,
        budget: &mut Budget,
    ) -> Result<Result<Document, String>, TooMuch> {
        let facts: Vec<(Place, Option<Box<str>>)> = self.facts(None).map(|(place, _)| (place, texts(place))).collect();
        let text = |place: Place| facts.iter().find(|(of, _)| *of == place)?.1.as_deref();
        let evaluation = Evaluation { expression: self, about: About::Content(body, &text) };
        let Some(whole) = self.whole() else { return Ok(Err(String::new())) };
        Ok(match evaluation.document(evaluation.value(whole), budget)? {
            Some(value) => Ok(value),
            None => Err(evaluation.why_no_value(whole)),
        })
    }

    /// The facts of the request that it looks at, by their places: each as a template, where it is known by one. `parameters` are those of the path.
    pub(crate) fn facts<'p>(
        &'p self,
        parameters: Option<&'p [&'p str]>,
    ) -> impl Iterator<Item = (u16, Option<String>)> + use<'p> {
        let facts = self.nodes.iter().enumerate().filter_map(|(place, node)| match node {
            Node::Fact(Fact::Body) => None,
            Node::Fact(fact) => Some((Place::try_from(place).ok()?, fact)),
            _ => None,
        });
        facts.map(move |(place, fact)| (place, fact.template(parameters)))
    }

    fn whole(&self) -> Option<Place> {
        self.nodes.len().checked_sub(1).and_then(|last| Place::try_from(last).ok())
    }

    /// The reason in words why `call` does not meet it at `now`: the part that is false, or not there. With the `values` that it looked
    /// at, where they are asked for and told.
    #[cold]
    #[inline(never)]
    pub fn why_not(&self, call: &Call, now: Timestamp, values: bool) -> String {
        let evaluation = Evaluation { expression: self, about: About::Call(call, now) };
        self.whole().map_or_else(String::new, |whole| evaluation.why_not(whole, values))
    }

    /// Returns whether it looks at the client's country, and at its autonomous system.
    #[must_use]
    pub fn asks_geography(&self) -> (bool, bool) {
        let has =
            |wanted: fn(&Fact) -> bool| self.nodes.iter().any(|node| matches!(node, Node::Fact(fact) if wanted(fact)));
        (has(|fact| matches!(fact, Fact::Country)), has(|fact| matches!(fact, Fact::Asn)))
    }

    /// Returns whether it looks at who makes the request.
    #[must_use]
    pub fn asks_caller(&self) -> bool {
        self.nodes.iter().any(|node| {
            use Fact::{Claims, Consumer, Groups, Issuer, Scopes, Tier};
            matches!(node, Node::Fact(Claims | Consumer | Groups | Issuer | Scopes | Tier))
        })
    }

    /// Returns whether it has one value for all requests.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        !self.nodes.iter().any(|node| matches!(node, Node::Fact(_)))
    }

    /// The header fields that it looks at.
    pub fn fields(&self) -> impl Iterator<Item = &HeaderName> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Fact(Fact::Header(name)) => Some(name),
            _ => None,
        })
    }

    /// Returns whether it depends on the route's path parameters.
    #[must_use]
    pub fn has_parameters(&self) -> bool {
        self.nodes.iter().any(|node| matches!(node, Node::Fact(Fact::Parameter(_))))
    }
}

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;
