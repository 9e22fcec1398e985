//! The reason why a call does not meet an expression.

use super::evaluate::{Evaluation, Value};
use super::node::{Binary, Fact, Node, Place};
use crate::config::THOROUGH;

/// The most levels that a missing value is looked for at: each looks at the ones below it again.
const MOST_LEVELS: usize = 8;

/// The most characters of a value that are shown.
const MOST_SHOWN: usize = 60;

/// What is wrong with a part.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It is false.
    False,
    /// It is not there.
    Missing,
    /// Something in it is of another type than it has to be.
    Mistyped,
}

impl<'a> Evaluation<'a> {
    /// The reason why the part at `place` is not true.
    pub(super) fn why_not(&self, place: Place, values: bool) -> String {
        let Err((place, fault)) = self.judge(place) else { return String::new() };
        let words = match fault {
            Fault::False => "` is false",
            Fault::Missing => "` is not there",
            Fault::Mistyped => "` has no value: something in it is of the wrong type",
        };
        let mut text = ["`", self.text(place), words].concat();
        if THOROUGH && values && fault != Fault::Missing {
            let mut sign = ": ";
            for operand in self.operands(place) {
                if let Some(shown) = self.shown(operand) {
                    text.push_str(&format!("{sign}`{}` is {shown}", self.text(operand)));
                    sign = ", ";
                }
            }
        }
        text
    }

    /// The reason why the part at `place` has no value.
    #[cold]
    #[inline(never)]
    pub(super) fn why_no_value(&self, place: Place) -> String {
        let (place, fault) = self.fault(place, MOST_LEVELS);
        let words = if fault == Fault::Missing { "` is not there" } else { "` has no value" };
        ["`", self.text(place), words].concat()
    }

    fn node(&self, place: Place) -> Option<&'a Node> {
        self.expression.nodes.get(usize::from(place))
    }

    fn text(&self, place: Place) -> &'a str {
        let span = self.expression.spans.get(usize::from(place));
        let text = span.and_then(|(start, end)| self.expression.text.get(usize::from(*start)..usize::from(*end)));
        text.unwrap_or_default()
    }

    /// Says that the part at `place` is true, or which part of it is not. Each is looked at as often as in an evaluation, and what is no
    /// value a few times more.
    fn judge(&self, place: Place) -> Result<(), (Place, Fault)> {
        match self.node(place) {
            Some(Node::Binary(Binary::And, left, right)) => self.judge(*left).and_then(|()| self.judge(*right)),
            Some(Node::Binary(Binary::Or, left, right)) => {
                let Err(left) = self.judge(*left) else { return Ok(()) };
                let Err(right) = self.judge(*right) else { return Ok(()) };
                // What is missing is more to the point than what is false.
                let found = [left, right].into_iter().find(|(_, fault)| *fault != Fault::False);
                Err(found.unwrap_or((place, Fault::False)))
            }
            Some(Node::Not(of)) => match self.value(*of) {
                Value::Boolean(false) => Ok(()),
                Value::Boolean(true) => Err((place, Fault::False)),
                _ => Err(self.fault(*of, MOST_LEVELS)),
            },
            _ => match self.value(place) {
                Value::Boolean(true) => Ok(()),
                Value::Boolean(false) => Err((place, Fault::False)),
                _ => Err(self.fault(place, MOST_LEVELS)),
            },
        }
    }

    /// The part for which the one at `place` has no value, or not the right one.
    fn fault(&self, place: Place, levels: usize) -> (Place, Fault) {
        let is_error = |place: &Place| matches!(self.value(*place), Value::Error);
        match self.operands(place).into_iter().find(is_error) {
            Some(operand) if levels > 0 => self.fault(operand, levels - 1),
            _ => match self.node(place) {
                Some(Node::Fact(_) | Node::Member(..) | Node::Item(..)) if is_error(&place) => (place, Fault::Missing),
                _ => (place, Fault::Mistyped),
            },
        }
    }

    /// The parts that the one at `place` is made of.
    fn operands(&self, place: Place) -> Vec<Place> {
        match self.node(place) {
            Some(Node::Binary(_, left, right) | Node::Item(left, right)) => vec![*left, *right],
            Some(
                Node::Not(of)
                | Node::Negative(of)
                | Node::Member(of, _)
                | Node::Size(of)
                | Node::ToText(of)
                | Node::ToWhole(of)
                | Node::Matches(of, _),
            ) => {
                vec![*of]
            }
            Some(Node::Choice(condition, yes, no)) => match self.value(*condition) {
                Value::Boolean(true) => vec![*yes],
                Value::Boolean(false) => vec![*no],
                _ => vec![*condition],
            },
            _ => Vec::new(),
        }
    }

    /// The value of the part at `place`; none of what stands in the text, and of what a client may have sent as a credential.
    fn shown(&self, place: Place) -> Option<String> {
        let node = self.node(place)?;
        if matches!(
            node,
            Node::Text(_) | Node::Number(_) | Node::Decimal(_) | Node::Boolean(_) | Node::Null | Node::List(_)
        ) {
            return None;
        }
        if matches!(node, Node::Fact(Fact::Header(_) | Fact::Query(_))) {
            return None;
        }
        let text = match self.value(place) {
            Value::Null => "null".to_owned(),
            Value::Boolean(truth) => truth.to_string(),
            Value::Number(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Decimal(number) => number.to_string(),
            Value::Text(text) => format!("'{text}'"),
            Value::Json(json) => json.to_string(),
            Value::Groups(caller) => format!("[{}]", caller.groups().collect::<Vec<_>>().join(", ")),
            Value::Error | Value::List(_) | Value::Document(_) | Value::Claims(_) | Value::Scopes(_) => return None,
        };
        let shown: String = text.chars().take(MOST_SHOWN).collect();
        Some(if shown.len() < text.len() { shown + "…" } else { shown })
    }
}
