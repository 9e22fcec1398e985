//! The forms of values in URLs, header fields and forms (OpenAPI 3.1.1 §4.8.12.2, RFC 6570).

use super::shape::Shape;
use crate::document::{Member, Object, Value};
use crate::http::{percent, query};

/// The form of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) style: Style,
    /// Set if elements and members stand by themselves.
    pub(super) explode: bool,
}

/// The ways to write lists and objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Simple,
    Form,
    Label,
    Matrix,
    Spaces,
    Pipes,
    Deep,
    Json,
    Text,
}

impl Form {
    /// A value in JSON.
    pub(super) const JSON: Self = Self { style: Style::Json, explode: false };
    /// A text that is not looked into.
    pub(super) const TEXT: Self = Self { style: Style::Text, explode: false };
    /// The usual one of fields.
    pub(super) const FIELD: Self = Self { style: Style::Form, explode: true };
}

/// The reason why a text has no value.
pub(super) type Wrong = &'static str;

const ENCODING: Wrong = "is not in UTF-8";
const REPEATED: Wrong = "is stated more than once";
const PAIRS: Wrong = "is not made of names and values";
const DEPTH: Wrong = "is nested too deeply";

/// The most names within one another.
const DEEPEST: usize = 8;

/// The most fields of a form.
pub(super) const MOST_FIELDS: usize = 2_000;

/// A field of a query or of a form.
#[derive(Debug)]
pub(super) struct Pair<'q> {
    /// As it stands.
    pub(super) raw: &'q str,
    pub(super) name: String,
    value: &'q str,
    /// Set if it is a part of some parameter.
    pub(super) is_known: bool,
}

/// The fields of `text`; none if a name is not in UTF-8.
pub(super) fn pairs(text: &str) -> Option<Vec<Pair<'_>>> {
    let pair = |raw| {
        let (name, value) = query::split(raw);
        Some(Pair { raw, name: percent::decode_form_whole(name)?, value, is_known: false })
    };
    query::parameters(text).map(pair).collect()
}

/// The value of a parameter in a query; none if it is not there.
pub(super) fn of_query(
    (name, form): (&str, Form),
    shape: &Shape,
    pairs: &mut [Pair<'_>],
    is_text: bool,
) -> Result<Option<Value>, Wrong> {
    if form.style == Style::Deep {
        let mut tree = Tree::default();
        for pair in pairs.iter_mut() {
            let Some(keys) = pair.name.strip_prefix(name).and_then(brackets) else { continue };
            pair.is_known = true;
            tree.add(&keys, text(pair.value)?)?;
        }
        return Ok((!tree.is_empty()).then(|| tree.value(Some(shape), is_text)));
    }
    if form.style == Style::Form && form.explode && shape.is_object() {
        let mut object = Object::default();
        for (member, shape) in &shape.members {
            let mut own = pairs.iter_mut().filter(|pair| pair.name == **member);
            let Some(first) = own.next() else { continue };
            first.is_known = true;
            object.insert(member, shape.read(text(first.value)?, is_text));
            if let Some(other) = own.next() {
                other.is_known = true;
                return Err(REPEATED);
            }
        }
        return Ok((!object.members().is_empty()).then_some(Value::Object(object)));
    }
    let mut values = Vec::new();
    for pair in pairs.iter_mut().filter(|pair| pair.name == name) {
        pair.is_known = true;
        values.push(pair.value);
    }
    match &*values {
        [] => Ok(None),
        all if shape.is_array() && form.explode && matches!(form.style, Style::Form) => {
            let items = shape.items.as_deref().unwrap_or(shape);
            let items: Result<_, Wrong> = all.iter().map(|raw| Ok(items.read(text(raw)?, is_text))).collect();
            Ok(Some(Value::Array(items?)))
        }
        [one] => of_text((name, form), shape, one, text, is_text).map(Some),
        _ => Err(REPEATED),
    }
}

fn text(raw: &str) -> Result<String, Wrong> {
    percent::decode_form_whole(raw).ok_or(ENCODING)
}

/// The text of a part of a path.
pub(super) fn path_text(raw: &str) -> Result<String, Wrong> {
    percent::decode_whole(raw).ok_or(ENCODING)
}

/// The text of a header field, which is not encoded.
pub(super) fn plain_text(raw: &str) -> Result<String, Wrong> {
    Ok(raw.trim().to_owned())
}

/// The value that one text is.
pub(super) fn of_text(
    (name, form): (&str, Form),
    shape: &Shape,
    raw: &str,
    decode: fn(&str) -> Result<String, Wrong>,
    is_text: bool,
) -> Result<Value, Wrong> {
    if form.style == Style::Json {
        return Value::read(decode(raw)?.as_bytes()).map_err(|_| "is not valid JSON");
    }
    let (raw, separator, is_paired) = match form.style {
        Style::Label => (
            raw.strip_prefix('.').ok_or("does not begin with `.`")?,
            if form.explode { "." } else { "," },
            form.explode,
        ),
        Style::Matrix => {
            let inner = raw.strip_prefix(';').ok_or("does not begin with `;`")?;
            let prefix = [name, "="].concat();
            if form.explode && (shape.is_array() || shape.is_object()) {
                // `;color=blue;color=black`, and `;R=100;G=200`.
                return matrix(&prefix, shape, inner, decode, is_text);
            }
            let own = inner.strip_prefix(&*prefix).or_else(|| (inner == name).then_some(""));
            (own.ok_or("does not state its name")?, ",", false)
        }
        Style::Spaces => (raw, if raw.contains("%20") { "%20" } else { "+" }, false),
        Style::Pipes => (raw, if raw.contains('|') { "|" } else { "%7C" }, false),
        Style::Simple | Style::Form | Style::Deep | Style::Json | Style::Text => (raw, ",", form.explode),
    };
    if shape.is_array() {
        let items = shape.items.as_deref().unwrap_or(shape);
        if raw.is_empty() {
            return Ok(Value::Array(Vec::new()));
        }
        let items: Result<_, Wrong> = raw.split(separator).map(|raw| Ok(items.read(decode(raw)?, is_text))).collect();
        return Ok(Value::Array(items?));
    }
    if !shape.is_object() {
        return Ok(shape.read(decode(raw)?, is_text));
    }
    let mut parts = raw.split(separator);
    let mut members: Vec<Member> = Vec::new();
    while let Some(part) = parts.next() {
        let (name, value) =
            if is_paired { part.split_once('=').ok_or(PAIRS)? } else { (part, parts.next().ok_or(PAIRS)?) };
        let name = decode(name)?;
        let value = decode(value)?;
        let value = match shape.member(&name) {
            Some(shape) => shape.read(value, is_text),
            None => Value::from(value),
        };
        members.push((name.into(), value));
    }
    Ok(Value::Object(members.into_iter().collect()))
}

fn matrix(
    prefix: &str,
    shape: &Shape,
    inner: &str,
    decode: fn(&str) -> Result<String, Wrong>,
    is_text: bool,
) -> Result<Value, Wrong> {
    if shape.is_array() {
        let items = shape.items.as_deref().unwrap_or(shape);
        let item = |raw: &str| Ok(items.read(decode(raw.strip_prefix(prefix).ok_or(PAIRS)?)?, is_text));
        return inner.split(';').map(item).collect::<Result<_, Wrong>>().map(Value::Array);
    }
    of_text(("", Form { style: Style::Simple, explode: true }), shape, &inner.replace(';', ","), decode, is_text)
}

/// The object that a form is.
pub(super) fn of_form(form: &str, shape: &Shape, encoding: &[(Box<str>, Form)], is_text: bool) -> Result<Value, Wrong> {
    let mut tree = Tree::default();
    let pairs = pairs(form).ok_or(ENCODING)?;
    if pairs.len() > MOST_FIELDS {
        return Err("has too many fields");
    }
    let own = |name: &str| encoding.iter().find(|(own, _)| **own == *name).map_or(Form::FIELD, |(_, form)| *form);
    for pair in pairs {
        let value = text(pair.value)?;
        let known = |name: &str| shape.members.iter().any(|(own, _)| **own == *name);
        let base = pair.name.split('[').next().unwrap_or_default();
        let is_deep = base != pair.name && !known(&pair.name) && known(base);
        let keys = if is_deep { pair.name.strip_prefix(base).and_then(brackets) } else { None };
        match keys {
            Some(keys) => tree.add(&[&[base], &*keys].concat(), value)?,
            None => {
                let form = own(&pair.name);
                let is_list = !form.explode && shape.member(&pair.name).is_some_and(Shape::is_array);
                let separator = match form.style {
                    Style::Spaces => "+",
                    Style::Pipes => "|",
                    _ => ",",
                };
                if is_list && form.style != Style::Json {
                    for raw in pair.value.split(separator) {
                        tree.add(&[&pair.name], text(raw)?)?;
                    }
                } else {
                    tree.add(&[&pair.name], value)?;
                }
            }
        }
    }
    Ok(match tree.value(Some(shape), is_text) {
        object @ Value::Object(_) => object,
        _ => Value::Object(Object::default()),
    })
}

/// Gives the texts in `value`, the fields of a form, the types that `shape` has.
pub(super) fn typed(value: Value, shape: &Shape, is_text: bool) -> Value {
    match value {
        Value::String(text) if shape.is_array() => Value::Array(vec![match &shape.items {
            Some(items) => items.read(text.into(), is_text),
            None => Value::String(text),
        }]),
        // A part in JSON (OpenAPI 3.1.1 §4.8.15.4).
        Value::String(text) if shape.is_object() => Value::read(text.as_bytes()).unwrap_or(Value::String(text)),
        Value::String(text) => shape.read(text.into(), is_text),
        Value::Array(items) => {
            let own = shape.items.as_deref().unwrap_or(shape);
            Value::Array(items.into_iter().map(|item| typed(item, own, is_text)).collect())
        }
        // A file is its content.
        Value::Object(mut file) => file.remove("content").unwrap_or_default(),
        other => other,
    }
}

/// The names in `[a][b]`; none if it is something else.
fn brackets(text: &str) -> Option<Vec<&str>> {
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    Some(inner.split("][").collect())
}

/// Texts by names within one another.
#[derive(Debug, Default)]
struct Tree {
    texts: Vec<String>,
    children: Vec<(String, Self)>,
}

impl Tree {
    const fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.children.is_empty()
    }

    fn add(&mut self, keys: &[&str], text: String) -> Result<(), Wrong> {
        let Some((first, rest)) = keys.split_first() else {
            self.texts.push(text);
            return Ok(());
        };
        if rest.len() >= DEEPEST {
            return Err(DEPTH);
        }
        match self.children.iter_mut().rev().find(|(name, _)| name == first) {
            Some((_, child)) => child.add(rest, text),
            None => {
                let mut child = Self::default();
                child.add(rest, text)?;
                self.children.push(((*first).to_owned(), child));
                Ok(())
            }
        }
    }

    fn value(self, shape: Option<&Shape>, is_text: bool) -> Value {
        let read = |text: String, shape: Option<&Shape>| match shape {
            Some(shape) => shape.read(text, is_text),
            None => Value::from(text),
        };
        let items = |shape: Option<&Shape>| shape.and_then(|shape| shape.items.as_deref()).is_some();
        let item = shape.and_then(|shape| shape.items.as_deref());
        if self.children.is_empty() {
            let mut texts = self.texts;
            if texts.len() == 1 && !shape.is_some_and(Shape::is_array) {
                return read(texts.pop().unwrap_or_default(), shape);
            }
            return Value::Array(texts.into_iter().map(|text| read(text, item)).collect());
        }
        let is_number = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
        let is_list = self.children.iter().all(|(name, _)| is_number(name)) && (items(shape) || shape.is_none());
        if !is_list {
            let value = |(name, tree): (String, Self)| {
                let shape = shape.and_then(|shape| shape.member(&name));
                (name.into(), tree.value(shape, is_text))
            };
            return Value::Object(Object::of_distinct(self.children.into_iter().map(value).collect()));
        }
        let mut list: Vec<Value> = self.texts.into_iter().map(|text| read(text, item)).collect();
        for (name, tree) in self.children {
            // `a[]` is there once for each element.
            if name.is_empty() && tree.children.is_empty() {
                list.extend(tree.texts.into_iter().map(|text| read(text, item)));
            } else {
                list.push(tree.value(item, is_text));
            }
        }
        Value::Array(list)
    }
}
