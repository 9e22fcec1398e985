//! JSON Patch (RFC 6902).

use core::fmt::{self, Display};

use super::pointer::{Missing, Pointer};
use super::{Budget, TooMuch, Value};

/// A checked list of operations.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch(Box<[Operation]>);

/// An operation (RFC 6902 §4).
#[derive(Clone, Debug, PartialEq)]
enum Operation {
    Add(Pointer, Value),
    Remove(Pointer),
    Replace(Pointer, Value),
    Move { from: Pointer, to: Pointer },
    Copy { from: Pointer, to: Pointer },
    Test(Pointer, Value),
}

/// A mistake in a list of operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The operation that it is in, if it is in one.
    pub index: Option<usize>,
    /// The message.
    pub message: String,
}

/// An operation that could not be done (RFC 6902 §5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undone {
    /// The pointer of the operation.
    pub pointer: Box<str>,
    /// The reason.
    pub reason: Reason,
}

/// A reason why an operation could not be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The place is not there.
    Missing,
    /// It is a `test`, and the value is another one.
    Differs,
    /// There is no room for what it adds.
    TooMuch,
}

impl Display for Undone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.reason {
            Reason::Missing => "is not there",
            Reason::Differs => "has another value than the patch tests for",
            Reason::TooMuch => "gets more than there is room for",
        };
        write!(f, "`{}` {what}", self.pointer)
    }
}

impl Patch {
    /// Checks the operations that `document` has.
    ///
    /// # Errors
    /// The first mistake in it.
    pub fn compile(document: &Value) -> Result<Self, Mistake> {
        let Value::Array(operations) = document else {
            return Err(Mistake { index: None, message: "a patch is a list of operations (RFC 6902)".to_owned() });
        };
        let compiled = operations.iter().enumerate().map(|(index, operation)| {
            Operation::compile(operation).map_err(|message| Mistake { index: Some(index), message })
        });
        compiled.collect::<Result<_, _>>().map(Self)
    }

    /// The number of operations.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there is no operation.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Changes `document` by one operation after another, within a `budget` of room. After an error it is of no use: a patch is done whole or not at all.
    ///
    /// # Errors
    /// The first operation that could not be done.
    pub fn apply(&self, document: &mut Value, budget: &mut Budget) -> Result<(), Undone> {
        self.0.iter().try_for_each(|operation| operation.apply(document, budget))
    }
}

impl Operation {
    fn compile(operation: &Value) -> Result<Self, String> {
        let Value::Object(object) = operation else { return Err("an operation is an object".to_owned()) };
        let pointer = |name: &str| {
            let text = object.get(name).and_then(Value::as_str);
            let text = text.ok_or_else(|| format!("`{name}` of an operation is a JSON Pointer"))?;
            Pointer::parse(text).ok_or_else(|| format!("`{text}` is no JSON Pointer (RFC 6901)"))
        };
        let value = || object.get("value").cloned().ok_or_else(|| "the operation has no `value`".to_owned());
        let path = pointer("path");
        match object.get("op").and_then(Value::as_str) {
            Some("add") => Ok(Self::Add(path?, value()?)),
            Some("remove") => Ok(Self::Remove(path?)),
            Some("replace") => Ok(Self::Replace(path?, value()?)),
            Some("move") => {
                let (from, to) = (pointer("from")?, path?);
                // RFC 6902 §4.4.
                if to.is_within(&from) && to != from {
                    return Err(format!("`{}` can't be moved into itself", from.as_str()));
                }
                Ok(Self::Move { from, to })
            }
            Some("copy") => Ok(Self::Copy { from: pointer("from")?, to: path? }),
            Some("test") => Ok(Self::Test(path?, value()?)),
            _ => Err("`op` is `add`, `remove`, `replace`, `move`, `copy` or `test`".to_owned()),
        }
    }

    fn apply(&self, document: &mut Value, budget: &mut Budget) -> Result<(), Undone> {
        let (at, done) = match self {
            Self::Add(at, value) => (at, copy(value, budget).and_then(|value| add(at, document, value))),
            Self::Remove(at) => (at, at.remove(document).map(drop).map_err(missing)),
            Self::Replace(at, value) => {
                let present = at.find_mut(document).ok_or(Reason::Missing);
                (at, present.and_then(|present| copy(value, budget).map(|value| *present = value)))
            }
            Self::Move { from, to } => match from.remove(document) {
                Ok(value) => (to, add(to, document, value)),
                Err(missed) => (from, Err(missing(missed))),
            },
            Self::Copy { from, to } => match from.find(document) {
                Some(value) => (to, copy(value, budget).and_then(|value| add(to, document, value))),
                None => (from, Err(Reason::Missing)),
            },
            Self::Test(at, value) => (
                at,
                match at.find(document) {
                    Some(present) if present == value => Ok(()),
                    Some(_) => Err(Reason::Differs),
                    None => Err(Reason::Missing),
                },
            ),
        };
        done.map_err(|reason| Undone { pointer: at.as_str().into(), reason })
    }
}

fn add(at: &Pointer, document: &mut Value, value: Value) -> Result<(), Reason> {
    at.add(document, value).map_err(missing)
}

fn copy(value: &Value, budget: &mut Budget) -> Result<Value, Reason> {
    budget.copy(value).map_err(|TooMuch| Reason::TooMuch)
}

const fn missing(Missing: Missing) -> Reason {
    Reason::Missing
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Value {
        Value::read(text.as_bytes()).unwrap()
    }

    fn patched(document: &str, patch: &str) -> Result<String, String> {
        let patch = Patch::compile(&read(patch)).map_err(|mistake| mistake.message)?;
        let mut document = read(document);
        patch.apply(&mut document, &mut Budget::new(1 << 20)).map_err(|undone| undone.to_string())?;
        Ok(document.to_string())
    }

    /// RFC 6902, Appendix A: its examples.
    #[test]
    fn the_examples_of_the_standard_hold() {
        for (document, patch, result) in [
            (r#"{"foo":"bar"}"#, r#"[{"op":"add","path":"/baz","value":"qux"}]"#, r#"{"foo":"bar","baz":"qux"}"#),
            (
                r#"{"foo":["bar","baz"]}"#,
                r#"[{"op":"add","path":"/foo/1","value":"qux"}]"#,
                r#"{"foo":["bar","qux","baz"]}"#,
            ),
            (r#"{"baz":"qux","foo":"bar"}"#, r#"[{"op":"remove","path":"/baz"}]"#, r#"{"foo":"bar"}"#),
            (r#"{"foo":["bar","qux","baz"]}"#, r#"[{"op":"remove","path":"/foo/1"}]"#, r#"{"foo":["bar","baz"]}"#),
            (
                r#"{"baz":"qux","foo":"bar"}"#,
                r#"[{"op":"replace","path":"/baz","value":"boo"}]"#,
                r#"{"baz":"boo","foo":"bar"}"#,
            ),
            (
                r#"{"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}}"#,
                r#"[{"op":"move","from":"/foo/waldo","path":"/qux/thud"}]"#,
                r#"{"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}"#,
            ),
            (
                r#"{"foo":["all","grass","cows","eat"]}"#,
                r#"[{"op":"move","from":"/foo/1","path":"/foo/3"}]"#,
                r#"{"foo":["all","cows","eat","grass"]}"#,
            ),
            (
                r#"{"baz":"qux","foo":["a",2,"c"]}"#,
                r#"[{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2}]"#,
                r#"{"baz":"qux","foo":["a",2,"c"]}"#,
            ),
            (
                r#"{"foo":"bar"}"#,
                r#"[{"op":"add","path":"/child","value":{"grandchild":{}}}]"#,
                r#"{"foo":"bar","child":{"grandchild":{}}}"#,
            ),
            (
                r#"{"foo":"bar"}"#,
                r#"[{"op":"add","path":"/baz","value":"qux","xyz":123}]"#,
                r#"{"foo":"bar","baz":"qux"}"#,
            ),
            (r#"{"/":9,"~1":10}"#, r#"[{"op":"test","path":"/~01","value":10}]"#, r#"{"/":9,"~1":10}"#),
            (
                r#"{"foo":["bar"]}"#,
                r#"[{"op":"add","path":"/foo/-","value":["abc","def"]}]"#,
                r#"{"foo":["bar",["abc","def"]]}"#,
            ),
        ] {
            assert_eq!(patched(document, patch).as_deref(), Ok(result), "{patch}");
        }
        assert_eq!(
            patched(r#"{"baz":"qux"}"#, r#"[{"op":"test","path":"/baz","value":"bar"}]"#),
            Err("`/baz` has another value than the patch tests for".to_owned())
        );
        assert_eq!(
            patched(r#"{"foo":"bar"}"#, r#"[{"op":"add","path":"/baz/bat","value":"qux"}]"#),
            Err("`/baz/bat` is not there".to_owned())
        );
        assert!(patched(r#"{"/":9,"~1":10}"#, r#"[{"op":"test","path":"/~01","value":"10"}]"#).is_err());
    }

    #[test]
    fn mistakes_are_told_with_their_operation() {
        let mistake = |patch: &str| Patch::compile(&read(patch)).unwrap_err();
        assert_eq!(mistake("{}").index, None);
        assert_eq!(
            mistake(r#"[{"op":"test","path":"","value":1},{"op":"move","from":"/a","path":"/a/b"}]"#).index,
            Some(1)
        );
        for wrong in [
            r#"[{"op":"add","path":"/a"}]"#,
            r#"[{"op":"Add","path":"","value":1}]"#,
            r#"[{"op":"remove","path":"a"}]"#,
            "[1]",
        ] {
            assert_eq!(mistake(wrong).index, Some(0), "{wrong}");
        }
    }
}
