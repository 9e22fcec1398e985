//! The types that texts are read as: in a URL, a header or a form everything is text, and the schema says what it stands for.

use crate::document::pointer::Pointer;
use crate::document::{Number, Object, Value};

/// The types that a value may have.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    types: u8,
    /// That of its elements, if it may be an array.
    pub(super) items: Option<Box<Shape>>,
    /// Those of its members.
    pub(super) members: Box<[(Box<str>, Shape)]>,
    /// That of further members.
    others: Option<Box<Shape>>,
}

const NULL: u8 = 1;
const BOOLEAN: u8 = 2;
const NUMBER: u8 = 4;
const STRING: u8 = 8;
const ARRAY: u8 = 16;
const OBJECT: u8 = 32;

/// The deepest that shapes go: forms have no more levels.
const DEEPEST: usize = 4;

/// The most schemas that are looked at for one shape.
const MOST: usize = 400;

impl Shape {
    /// That of the values of `schema` in `document`.
    pub(super) fn of(schema: &Value, document: &Value) -> Self {
        let mut shape = Self::default();
        shape.add(schema, document, DEEPEST, &mut 0);
        shape
    }

    /// Returns whether it says that values are arrays, and not texts.
    pub(super) const fn is_array(&self) -> bool {
        self.types & ARRAY != 0 && self.types & STRING == 0
    }

    /// Returns whether it says that values are objects.
    pub(super) const fn is_object(&self) -> bool {
        self.types & OBJECT != 0 && self.types & (STRING | ARRAY) == 0
    }

    /// Returns whether a text may stand for itself and for something else.
    pub(super) fn is_ambiguous(&self) -> bool {
        let own = self.types & STRING != 0 && self.types & (NUMBER | BOOLEAN | NULL) != 0;
        own || self.items.as_ref().is_some_and(|items| items.is_ambiguous())
    }

    /// That of the member called `name`.
    pub(super) fn member(&self, name: &str) -> Option<&Self> {
        self.members.iter().find(|(own, _)| **own == *name).map(|(_, shape)| shape).or(self.others.as_deref())
    }

    /// The value that `text` stands for; the text itself, wherever it may, if it `is_text`.
    pub(super) fn read(&self, text: String, is_text: bool) -> Value {
        let may = |types: u8| self.types & types != 0;
        if is_text && may(STRING) {
            return Value::from(text);
        }
        match &*text {
            "true" if may(BOOLEAN) => Value::Boolean(true),
            "false" if may(BOOLEAN) => Value::Boolean(false),
            "" | "null" if may(NULL) && !may(STRING) => Value::Null,
            _ => match Number::parse(&text).filter(|_| may(NUMBER)) {
                Some(number) => Value::Number(number),
                None => Value::from(text),
            },
        }
    }

    fn add(&mut self, schema: &Value, document: &Value, depth: usize, seen: &mut usize) {
        *seen = seen.saturating_add(1);
        let Value::Object(schema) = schema else { return };
        if *seen > MOST {
            return;
        }
        if let Some(referred) = schema.get("$ref").and_then(Value::as_str).and_then(|to| referred(to, document)) {
            self.add(referred, document, depth, seen);
        }
        match schema.get("type") {
            Some(Value::String(name)) => self.types |= bit(name),
            Some(Value::Array(names)) => {
                names.iter().filter_map(Value::as_str).for_each(|name| self.types |= bit(name));
            }
            // JSON Schema Validation §6.1: nothing is said of types, and values say it.
            _ => {
                let values = schema.get("enum").and_then(|values| match values {
                    Value::Array(values) => Some(&**values),
                    _ => None,
                });
                let constant = schema.get("const").map(core::slice::from_ref);
                for value in values.or(constant).unwrap_or_default() {
                    self.types |= bit(kind(value));
                }
                for (keyword, types) in [("items", ARRAY), ("properties", OBJECT)] {
                    if schema.get(keyword).is_some() {
                        self.types |= types;
                    }
                }
            }
        }
        if schema.get("nullable") == Some(&Value::Boolean(true)) {
            self.types |= NULL;
        }
        for keyword in ["allOf", "anyOf", "oneOf"] {
            if let Some(Value::Array(schemas)) = schema.get(keyword) {
                schemas.iter().for_each(|schema| self.add(schema, document, depth, seen));
            }
        }
        let Some(depth) = depth.checked_sub(1) else { return };
        if let Some(items) = schema.get("items") {
            self.items.get_or_insert_default().add(items, document, depth, seen);
        }
        if let Some(others @ Value::Object(_)) = schema.get("additionalProperties") {
            self.others.get_or_insert_default().add(others, document, depth, seen);
        }
        if let Some(Value::Object(properties)) = schema.get("properties") {
            self.add_members(properties, document, depth, seen);
        }
    }

    fn add_members(&mut self, properties: &Object, document: &Value, depth: usize, seen: &mut usize) {
        let mut members = core::mem::take(&mut self.members).into_vec();
        for (name, schema) in properties.members() {
            match members.iter_mut().find(|(own, _)| own == name) {
                Some((_, shape)) => shape.add(schema, document, depth, seen),
                None => {
                    let mut shape = Self::default();
                    shape.add(schema, document, depth, seen);
                    members.push((name.clone(), shape));
                }
            }
        }
        self.members = members.into();
    }
}

fn bit(name: &str) -> u8 {
    match name {
        "null" => NULL,
        "boolean" => BOOLEAN,
        "number" | "integer" => NUMBER,
        "string" => STRING,
        "array" => ARRAY,
        "object" => OBJECT,
        _ => 0,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Boolean(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// What the reference `to` leads to within `document`.
pub(super) fn referred<'d>(to: &str, document: &'d Value) -> Option<&'d Value> {
    let fragment = to.strip_prefix('#')?;
    let pointer = crate::http::percent::decode_whole(fragment)?;
    Pointer::parse(&pointer)?.find(document)
}
