//! The value of an expression for one call.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value as Json;

use super::Expression;
use super::decimal::Decimal;
use super::node::{Binary, Fact, Node, Place};
use crate::call::Call;
use crate::caller::Caller;
use crate::caller::claims::ClaimSet;
use crate::document::{Budget, Number, TooMuch, Value as Document};
use crate::http::{percent, query};
use crate::time::Timestamp;

/// A value. What is not there, or of a type that nothing can be done with, is an error, as in CEL: it goes on until `&&`, `||` or a
/// choice can do without.
pub(super) enum Value<'a> {
    Error,
    Null,
    Boolean(bool),
    Number(i64),
    Float(f64),
    Decimal(Decimal),
    Text(Cow<'a, str>),
    List(&'a [Place]),
    /// A list or an object.
    Json(&'a Json),
    /// A part of a content: a list, an object, or a number that is no `Number`.
    Document(&'a Document),
    Claims(&'a ClaimSet),
    Groups(&'a Caller),
    Scopes(&'a Caller),
}

/// An expression, and what it is about.
pub(super) struct Evaluation<'a> {
    pub(super) expression: &'a Expression,
    pub(super) about: About<'a>,
}

/// What an expression is about.
#[derive(Clone, Copy)]
pub(super) enum About<'a> {
    /// A request, at a time.
    Call(&'a Call, Timestamp),
    /// A content, and the texts of the facts of the request that it came with.
    Content(&'a Document, &'a dyn Fn(Place) -> Option<&'a str>),
}

/// The longest text that is made or matched, in bytes: it bounds the time.
const MOST_TEXT: usize = 64 << 10;

impl<'a> Evaluation<'a> {
    /// Returns whether the part at `place` is true.
    pub(super) fn holds(&self, place: Place) -> bool {
        matches!(self.value(place), Value::Boolean(true))
    }

    /// The value of the part at `place`. It goes as deep as the expression, whose parts are bounded in number.
    pub(super) fn value(&self, place: Place) -> Value<'a> {
        let Some(node) = self.expression.nodes.get(usize::from(place)) else { return Value::Error };
        match node {
            Node::Null => Value::Null,
            Node::Boolean(truth) => Value::Boolean(*truth),
            Node::Number(number) => Value::Number(*number),
            Node::Decimal(number) => Value::Decimal(*number),
            Node::Text(text) => Value::Text(Cow::Borrowed(text)),
            Node::List(items) => Value::List(items),
            Node::Fact(fact) => self.fact(place, fact),
            Node::Not(of) => boolean(self.truth(*of).map(|truth| !truth)),
            Node::Negative(of) => match self.value(*of) {
                Value::Number(number) => number.checked_neg().map_or(Value::Error, Value::Number),
                Value::Float(number) => Value::Float(-number),
                other => decimal(&other).and_then(Decimal::negative).map_or(Value::Error, Value::Decimal),
            },
            Node::Binary(operator, left, right) => self.binary(*operator, *left, *right),
            Node::Choice(condition, yes, no) => match self.truth(*condition) {
                Some(true) => self.value(*yes),
                Some(false) => self.value(*no),
                None => Value::Error,
            },
            Node::Member(of, name) => member(&self.value(*of), name).unwrap_or(Value::Error),
            Node::Item(of, which) => match (self.value(*of), self.value(*which)) {
                (of, Value::Text(name)) => member(&of, &name).unwrap_or(Value::Error),
                (Value::Json(Json::Array(items)), Value::Number(which)) => {
                    usize::try_from(which).ok().and_then(|which| items.get(which)).map_or(Value::Error, of_json)
                }
                (Value::Document(Document::Array(items)), Value::Number(which)) => {
                    usize::try_from(which).ok().and_then(|which| items.get(which)).map_or(Value::Error, of_document)
                }
                (Value::List(items), Value::Number(which)) => {
                    let item = usize::try_from(which).ok().and_then(|which| items.get(which));
                    item.map_or(Value::Error, |item| self.value(*item))
                }
                _ => Value::Error,
            },
            Node::Has(of) => self.has(*of),
            Node::Size(of) => match self.value(*of) {
                Value::Text(text) => count(text.chars().count()),
                Value::List(items) => count(items.len()),
                Value::Json(Json::Array(items)) => count(items.len()),
                Value::Json(Json::Object(members)) => count(members.len()),
                Value::Document(Document::Array(items)) => count(items.len()),
                Value::Document(Document::Object(object)) => count(object.members().len()),
                _ => Value::Error,
            },
            Node::ToText(of) => match self.value(*of) {
                text @ Value::Text(_) => text,
                Value::Boolean(truth) => Value::Text(Cow::Borrowed(if truth { "true" } else { "false" })),
                Value::Number(number) => Value::Text(Cow::Owned(number.to_string())),
                Value::Float(number) => Value::Text(Cow::Owned(number.to_string())),
                Value::Decimal(number) => Value::Text(Cow::Owned(number.to_string())),
                Value::Document(Document::Number(number)) => Value::Text(Cow::Borrowed(number.as_str())),
                _ => Value::Error,
            },
            Node::ToWhole(of) => match self.value(*of) {
                number @ Value::Number(_) => number,
                Value::Text(text) => text.parse().map_or(Value::Error, Value::Number),
                other => decimal(&other).and_then(Decimal::whole).map_or(Value::Error, Value::Number),
            },
            Node::Matches(of, regex) => match self.value(*of) {
                Value::Text(text) if text.len() <= MOST_TEXT => Value::Boolean(regex.is_match(&text)),
                _ => Value::Error,
            },
        }
    }

    fn truth(&self, place: Place) -> Option<bool> {
        match self.value(place) {
            Value::Boolean(truth) => Some(truth),
            _ => None,
        }
    }

    /// Returns whether what is at `place` is there. What it would be a member of has to be.
    fn has(&self, place: Place) -> Value<'a> {
        match self.expression.nodes.get(usize::from(place)) {
            Some(Node::Member(of, name)) => match self.value(*of) {
                of @ (Value::Json(Json::Object(_)) | Value::Document(Document::Object(_)) | Value::Claims(_)) => {
                    Value::Boolean(member(&of, name).is_some())
                }
                _ => Value::Error,
            },
            Some(Node::Fact(Fact::Header(name))) if let About::Call(call, _) = self.about => {
                Value::Boolean(call.headers.contains_key(name))
            }
            Some(Node::Fact(Fact::Query(name))) if let About::Call(call, _) = self.about => {
                let query = call.query().unwrap_or_default();
                Value::Boolean(query::spellings(query, name) > 0)
            }
            Some(_) => Value::Boolean(!matches!(self.value(place), Value::Error)),
            None => Value::Error,
        }
    }

    fn fact(&self, place: Place, fact: &Fact) -> Value<'a> {
        let (call, now) = match self.about {
            About::Call(call, now) => (call, now),
            About::Content(body, texts) => {
                let text = || texts(place).map_or(Value::Error, |text| Value::Text(Cow::Borrowed(text)));
                return if let Fact::Body = fact { of_document(body) } else { text() };
            }
        };
        let caller = call.caller.as_deref();
        let found = match fact {
            Fact::Method => Some(Cow::Borrowed(call.method.as_str())),
            Fact::Host => Some(call.outer_host()),
            Fact::Path => Some(Cow::Borrowed(call.path())),
            Fact::Scheme => Some(Cow::Borrowed(call.client.scheme.as_str())),
            Fact::Header(name) => {
                // Of several, nobody knows which one counts behind the gateway.
                let mut values = call.headers.get_all(name).iter();
                let only = values.next().filter(|_| values.next().is_none());
                only.and_then(|value| core::str::from_utf8(value.as_bytes()).ok()).map(Cow::Borrowed)
            }
            Fact::Query(name) => {
                let query = call.query().unwrap_or_default();
                let only = query::first(query, name).filter(|_| query::spellings(query, name) == 1);
                only.map(percent::decode_form)
            }
            Fact::Parameter(index) => call.parameter(*index).map(percent::decode),
            Fact::Address => call.client_address().map(|address| Cow::Owned(address.to_canonical().to_string())),
            Fact::Country => call.geography.country.map(|country| Cow::Owned(country.to_string())),
            Fact::Asn => {
                let asn = call.geography.asn;
                return asn.map_or(Value::Error, |number| Value::Number(i64::from(number.get())));
            }
            Fact::Consumer => {
                caller.and_then(|caller| caller.consumer.as_ref()).map(|consumer| Cow::Borrowed(&*consumer.name))
            }
            Fact::Tier => caller.and_then(Caller::tier).map(Cow::Borrowed),
            Fact::Issuer => caller.and_then(|caller| caller.issuer.as_deref()).map(Cow::Borrowed),
            Fact::Groups => return caller.map_or(Value::Error, Value::Groups),
            Fact::Scopes => return caller.map_or(Value::Error, Value::Scopes),
            Fact::Claims => {
                return caller.and_then(|caller| caller.claims.as_deref()).map_or(Value::Error, Value::Claims);
            }
            Fact::Body => return Value::Error,
            Fact::Now => return i64::try_from(now.unix_millis() / 1000).map_or(Value::Error, Value::Number),
        };
        found.map_or(Value::Error, Value::Text)
    }

    fn binary(&self, operator: Binary, left: Place, right: Place) -> Value<'a> {
        if let Binary::And | Binary::Or = operator {
            // CEL language definition, Logical operators: either side alone may settle it, whatever the other one is.
            let settles = operator == Binary::Or;
            let left = self.truth(left);
            if left == Some(settles) {
                return Value::Boolean(settles);
            }
            let right = self.truth(right);
            return match (left, right) {
                (_, Some(right)) if right == settles => Value::Boolean(settles),
                (Some(_), Some(_)) => Value::Boolean(!settles),
                _ => Value::Error,
            };
        }
        let (left, right) = (self.value(left), self.value(right));
        match operator {
            Binary::Equal => boolean(self.equal(&left, &right)),
            Binary::NotEqual => boolean(self.equal(&left, &right).map(|equal| !equal)),
            Binary::In => boolean(self.is_in(&left, &right)),
            Binary::Add => match (left, right) {
                (Value::Number(left), Value::Number(right)) => {
                    left.checked_add(right).map_or(Value::Error, Value::Number)
                }
                (Value::Float(left), Value::Float(right)) => Value::Float(left + right),
                (Value::Text(left), Value::Text(right)) if left.len() + right.len() <= MOST_TEXT => {
                    Value::Text(Cow::Owned([&*left, &*right].concat()))
                }
                (left, right) => exactly(&left, &right, Decimal::plus),
            },
            Binary::Subtract => match (left, right) {
                (Value::Number(left), Value::Number(right)) => {
                    left.checked_sub(right).map_or(Value::Error, Value::Number)
                }
                (Value::Float(left), Value::Float(right)) => Value::Float(left - right),
                (left, right) => exactly(&left, &right, |left, right| left.plus(right.negative()?)),
            },
            Binary::Multiply => match (left, right) {
                (Value::Number(left), Value::Number(right)) => {
                    left.checked_mul(right).map_or(Value::Error, Value::Number)
                }
                (Value::Float(left), Value::Float(right)) => Value::Float(left * right),
                (left, right) => exactly(&left, &right, Decimal::times),
            },
            Binary::Divide => match (left, right) {
                (Value::Number(left), Value::Number(right)) => {
                    left.checked_div(right).map_or(Value::Error, Value::Number)
                }
                (Value::Float(left), Value::Float(right)) => Value::Float(left / right),
                (left, right) => exactly(&left, &right, Decimal::by),
            },
            Binary::Remainder => match (left, right) {
                (Value::Number(left), Value::Number(right)) => {
                    left.checked_rem(right).map_or(Value::Error, Value::Number)
                }
                _ => Value::Error,
            },
            Binary::StartsWith | Binary::EndsWith | Binary::Contains => match (left, right) {
                (Value::Text(text), Value::Text(part)) => {
                    let (text, part) = (&*text, &*part);
                    Value::Boolean(match operator {
                        Binary::StartsWith => text.starts_with(part),
                        Binary::EndsWith => text.ends_with(part),
                        _ => text.contains(part),
                    })
                }
                _ => Value::Error,
            },
            _ => boolean(order(&left, &right).map(|order| match operator {
                Binary::Less => order.is_lt(),
                Binary::LessOrEqual => order.is_le(),
                Binary::Greater => order.is_gt(),
                _ => order.is_ge(),
            })),
        }
    }

    /// Returns whether two values are equal; none if one of them is an error. Values of different types are not equal.
    fn equal(&self, left: &Value<'a>, right: &Value<'a>) -> Option<bool> {
        Some(match (left, right) {
            (Value::Error | Value::Groups(_) | Value::Scopes(_), _)
            | (_, Value::Error | Value::Groups(_) | Value::Scopes(_)) => {
                return None;
            }
            (Value::Null, Value::Null) => true,
            (Value::Json(left), Value::Json(right)) => left == right,
            (Value::Document(left), Value::Document(right)) => left == right,
            (Value::Document(Document::Array(items)), Value::List(list))
            | (Value::List(list), Value::Document(Document::Array(items))) => {
                items.len() == list.len() && self.all_equal(items.iter().map(of_document), list)?
            }
            (Value::List(left), Value::List(right)) => {
                left.len() == right.len() && self.all_equal(left.iter().map(|item| self.value(*item)), right)?
            }
            (Value::Json(Json::Array(items)), Value::List(list))
            | (Value::List(list), Value::Json(Json::Array(items))) => {
                items.len() == list.len() && self.all_equal(items.iter().map(of_json), list)?
            }
            _ => order(left, right) == Some(Ordering::Equal),
        })
    }

    fn all_equal(&self, values: impl Iterator<Item = Value<'a>>, list: &'a [Place]) -> Option<bool> {
        let mut are = true;
        for (value, item) in values.zip(list) {
            are &= self.equal(&value, &self.value(*item))?;
        }
        Some(are)
    }

    fn is_in(&self, value: &Value<'a>, of: &Value<'a>) -> Option<bool> {
        match (value, of) {
            // The parts of a list would be looked at anew for each item.
            (Value::Error | Value::List(_), _) => None,
            (_, Value::List(items)) => {
                let mut is_in = false;
                for item in *items {
                    is_in |= self.equal(value, &self.value(*item))?;
                }
                Some(is_in)
            }
            (_, Value::Json(Json::Array(items))) => {
                Some(items.iter().any(|item| self.equal(value, &of_json(item)) == Some(true)))
            }
            (_, Value::Document(Document::Array(items))) => {
                Some(items.iter().any(|item| self.equal(value, &of_document(item)) == Some(true)))
            }
            (
                Value::Text(name),
                Value::Json(Json::Object(_)) | Value::Document(Document::Object(_)) | Value::Claims(_),
            ) => Some(member(of, name).is_some()),
            // The names of members are text.
            (
                Value::Number(_) | Value::Float(_) | Value::Decimal(_) | Value::Boolean(_),
                Value::Json(Json::Object(_)) | Value::Document(Document::Object(_)) | Value::Claims(_),
            ) => Some(false),
            (Value::Text(name), Value::Groups(caller)) => Some(caller.groups().any(|group| *group == **name)),
            (Value::Text(name), Value::Scopes(caller)) => Some(caller.has_scope(name)),
            _ => None,
        }
    }
}

/// The member of this name; none if there is no such.
fn member<'a>(of: &Value<'a>, name: &str) -> Option<Value<'a>> {
    match of {
        Value::Json(Json::Object(members)) => members.get(name).map(of_json),
        Value::Document(Document::Object(object)) => object.get(name).map(of_document),
        Value::Claims(claims) => {
            let time = match name {
                "exp" => claims.expires,
                "nbf" => claims.not_before,
                "iat" => claims.issued_at,
                _ => return claims.get(name).map(of_json),
            };
            time.map(Value::Number)
        }
        _ => None,
    }
}

fn of_json<'a>(value: &'a Json) -> Value<'a> {
    match value {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Boolean(*truth),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::Number(whole),
            None => number.as_f64().map_or(Value::Error, Value::Float),
        },
        Json::String(text) => Value::Text(Cow::Borrowed(text)),
        Json::Array(_) | Json::Object(_) => Value::Json(value),
    }
}

fn of_document<'a>(value: &'a Document) -> Value<'a> {
    match value {
        Document::Null => Value::Null,
        Document::Boolean(truth) => Value::Boolean(*truth),
        // One that is written in another way stays as it is written.
        Document::Number(number) => match number.as_str().parse::<i64>().ok().filter(|_| number.as_str() != "-0") {
            Some(whole) => Value::Number(whole),
            None => Value::Document(value),
        },
        Document::String(text) => Value::Text(Cow::Borrowed(text)),
        Document::Array(_) | Document::Object(_) => Value::Document(value),
    }
}

/// The value as a number with a fraction, if it is a number, and one of those that are taken exactly.
fn decimal(value: &Value<'_>) -> Option<Decimal> {
    match value {
        Value::Number(number) => Some(Decimal::from(*number)),
        Value::Decimal(number) => Some(*number),
        Value::Document(Document::Number(number)) => Decimal::read(number.as_str()),
        _ => None,
    }
}

fn exactly<'a>(
    left: &Value<'_>,
    right: &Value<'_>,
    make: impl FnOnce(Decimal, Decimal) -> Option<Decimal>,
) -> Value<'a> {
    let made = decimal(left).zip(decimal(right)).and_then(|(left, right)| make(left, right));
    made.map_or(Value::Error, Value::Decimal)
}

/// A number of a content as it is written.
fn number(value: &Value<'_>) -> Option<Number> {
    match value {
        Value::Number(number) => Some(Number::from(*number)),
        Value::Decimal(number) => number.number(),
        Value::Document(Document::Number(number)) => Some(number.clone()),
        _ => None,
    }
}

impl<'a> Evaluation<'a> {
    /// What `value` is in a content; none if it is nothing that stands in one.
    pub(super) fn document(&self, value: Value<'a>, budget: &mut Budget) -> Result<Option<Document>, TooMuch> {
        Ok(Some(match value {
            Value::Null => Document::Null,
            Value::Boolean(truth) => Document::Boolean(truth),
            Value::Text(text) => {
                budget.take_bytes(text.len())?;
                Document::from(&*text)
            }
            Value::Document(part) => budget.copy(part)?,
            Value::List(items) => {
                let mut list = Vec::new();
                for item in items {
                    let Some(item) = self.document(self.value(*item), budget)? else { return Ok(None) };
                    list.push(item);
                }
                Document::Array(list)
            }
            other => match number(&other) {
                Some(number) => Document::Number(number),
                None => return Ok(None),
            },
        }))
    }
}

fn boolean<'a>(truth: Option<bool>) -> Value<'a> {
    truth.map_or(Value::Error, Value::Boolean)
}

fn count<'a>(number: usize) -> Value<'a> {
    i64::try_from(number).map_or(Value::Error, Value::Number)
}

/// The order of two values of one type; none if there is none.
fn order(left: &Value<'_>, right: &Value<'_>) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => Some(left.cmp(right)),
        (Value::Number(left), Value::Float(right)) => whole_and_fraction(*left, *right),
        (Value::Float(left), Value::Number(right)) => whole_and_fraction(*right, *left).map(Ordering::reverse),
        (Value::Float(left), Value::Float(right)) => left.partial_cmp(right),
        (Value::Text(left), Value::Text(right)) => Some(left.as_bytes().cmp(right.as_bytes())),
        (Value::Boolean(left), Value::Boolean(right)) => Some(left.cmp(right)),
        (Value::Decimal(_) | Value::Document(_), _) | (_, Value::Decimal(_) | Value::Document(_)) => {
            Some(number(left)?.cmp(&number(right)?))
        }
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a fraction is not exact either")]
fn whole_and_fraction(whole: i64, fraction: f64) -> Option<Ordering> {
    (whole as f64).partial_cmp(&fraction)
}
