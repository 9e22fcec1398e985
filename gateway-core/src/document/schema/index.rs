//! The schemas of documents that have a name: by `$id`, `$anchor` and `$dynamicAnchor` (JSON Schema Core §8.2).

use std::borrow::Cow;

use super::Mistake;
use super::uri;
use crate::document::pointer::{Pointer, push_token};
use crate::document::{Object, Value};
use crate::numbers::Numbered;

/// A schema in a document.
#[derive(Clone, Debug)]
pub(super) struct Spot<'d> {
    /// The number of the document.
    pub(super) document: usize,
    /// The JSON Pointer to it there.
    pub(super) pointer: String,
    pub(super) value: &'d Value,
    /// The base URI around it (RFC 3986 §5.1), before an `$id` of its own.
    pub(super) base: String,
}

/// A dynamic anchor.
#[derive(Debug)]
pub(super) struct Dynamic<'d> {
    pub(super) name: &'d str,
    /// The URI of the schema resource.
    pub(super) resource: String,
    pub(super) spot: Spot<'d>,
}

/// The documents, and what has a name in them.
#[derive(Debug, Default)]
pub(super) struct Index<'d> {
    /// The URIs that they are known by.
    pub(super) documents: Vec<&'d str>,
    /// By URI, for whole resources, and by URI with an anchor.
    spots: Numbered<Spot<'d>>,
    pub(super) dynamic: Vec<Dynamic<'d>>,
}

/// Keywords whose value is a schema.
const ONE: [&str; 12] = [
    "additionalProperties",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
    "additionalItems",
];

/// Keywords whose value is a list of schemas.
const LISTS: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];

/// Keywords whose value has schemas by name. `definitions` is what `$defs` was called in earlier drafts, and references lead there still.
const MAPS: [&str; 5] = ["$defs", "definitions", "dependentSchemas", "patternProperties", "properties"];

/// A reason why a reference leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nowhere {
    /// There is no document of this URI.
    Document,
    /// There is no such place in it.
    Place,
}

impl<'d> Index<'d> {
    /// Adds a document by its URI.
    pub(super) fn add(&mut self, uri: &'d str, value: &'d Value, mistakes: &mut Vec<Mistake>) {
        let document = self.documents.len();
        self.documents.push(uri);
        let (base, _) = uri::split(uri);
        let spot = Spot { document, pointer: String::new(), value, base: base.to_owned() };
        self.name(base, &spot, mistakes);
        self.scan(spot, mistakes);
    }

    /// The place of `pointer` in a document, as mistakes and violations name it.
    pub(super) fn place(&self, document: usize, pointer: &str) -> String {
        match self.documents.get(document).filter(|_| document > 0) {
            Some(uri) => [uri, "#", pointer].concat(),
            None => pointer.to_owned(),
        }
    }

    fn name(&mut self, name: &str, spot: &Spot<'d>, mistakes: &mut Vec<Mistake>) {
        let known = self.spots.add(name, spot.clone()).err().filter(|known| !core::ptr::eq(known.value, spot.value));
        if let Some(known) = known.map(|known| known.pointer.clone()) {
            let message = format!("`{name}` names another schema, too: that at `{known}`");
            let place = self.place(spot.document, &spot.pointer);
            mistakes.push(Mistake { place, message, help: "give each a name of its own" });
        }
    }

    fn scan(&mut self, spot: Spot<'d>, mistakes: &mut Vec<Mistake>) {
        let Value::Object(object) = spot.value else { return };
        let base = inner_base(&spot.base, object);
        if object.get("$id").is_some() {
            self.name(&base, &spot, mistakes);
        }
        for keyword in ["$anchor", "$dynamicAnchor"] {
            let Some(name) = object.get(keyword).and_then(Value::as_str) else { continue };
            self.name(&[&base, "#", name].concat(), &spot, mistakes);
            if keyword == "$dynamicAnchor" {
                self.dynamic.push(Dynamic { name, resource: base.clone(), spot: spot.clone() });
            }
        }
        for (name, value) in object.members() {
            if ONE.contains(&&**name) {
                self.scan(spot.child(&base, &[name], value), mistakes);
                continue;
            }
            match value {
                Value::Array(items) if LISTS.contains(&&**name) => {
                    for (index, value) in items.iter().enumerate() {
                        self.scan(spot.child(&base, &[name, &index.to_string()], value), mistakes);
                    }
                }
                Value::Object(members) if MAPS.contains(&&**name) => {
                    for (member, value) in members.members() {
                        self.scan(spot.child(&base, &[name, member], value), mistakes);
                    }
                }
                _ => {}
            }
        }
    }

    /// The schema that `reference` leads to from a place with this `base` (JSON Schema Core §8.2.3), and the name of the dynamic anchor if it is
    /// by one.
    pub(super) fn find(&self, base: &str, reference: &str) -> Result<(Spot<'d>, Option<&'d str>), Nowhere> {
        let (before, fragment) = uri::split(reference);
        let uri = uri::resolve(base, before);
        let fragment = fragment.unwrap_or_default();
        let whole = self.spots.find(&uri).ok_or(Nowhere::Document)?;
        if fragment.is_empty() {
            return Ok((whole.clone(), None));
        }
        let fragment = uri::decoded(fragment).ok_or(Nowhere::Place)?;
        if fragment.starts_with('/') {
            return whole.follow(&fragment).map(|spot| (spot, None)).ok_or(Nowhere::Place);
        }
        let spot = self.spots.find(&[&uri, "#", &fragment].concat()).ok_or(Nowhere::Place)?;
        let dynamic = self
            .dynamic
            .iter()
            .find(|dynamic| dynamic.name == fragment && core::ptr::eq(dynamic.spot.value, spot.value));
        Ok((spot.clone(), dynamic.map(|dynamic| dynamic.name)))
    }
}

impl<'d> Spot<'d> {
    /// The schema within it behind these tokens; `base` is that within the schema.
    pub(super) fn child(&self, base: &str, tokens: &[&str], value: &'d Value) -> Self {
        let mut pointer = self.pointer.clone();
        for token in tokens {
            push_token(&mut pointer, token);
        }
        Self { document: self.document, pointer, value, base: base.to_owned() }
    }

    /// The schema that `pointer` leads to from here. Each `$id` on the way makes another base.
    pub(super) fn follow(&self, pointer: &str) -> Option<Self> {
        let mut base = Cow::from(&*self.base);
        let mut value = self.value;
        for token in Pointer::parse(pointer)?.tokens() {
            if let Value::Object(object) = value
                && object.get("$id").is_some()
            {
                base = inner_base(&base, object).into();
            }
            value = value.child(token.place(value)?)?;
        }
        let base = base.into_owned();
        Some(Self { document: self.document, pointer: [&*self.pointer, pointer].concat(), value, base })
    }
}

/// The base URI within `object`, of which the one around it is `base` (JSON Schema Core §8.2.1).
pub(super) fn inner_base(base: &str, object: &Object) -> String {
    match object.get("$id").and_then(Value::as_str) {
        Some(id) => uri::resolve(base, uri::split(id).0),
        None => base.to_owned(),
    }
}
