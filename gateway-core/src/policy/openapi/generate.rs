//! Values that a schema takes, out of a seed: the same seed makes the same value.

use super::pattern;
use super::shape::referred;
use crate::document::{Number, Object, Value};

/// The deepest that optional parts go.
const DEEP: usize = 4;

/// The deepest that required parts go.
const DEEPEST: usize = 24;

/// The most work that one value takes: a part of it, or a part of a schema, is one; so are 64 characters.
const MOST_WORK: usize = 20_000;

/// A maker of values.
#[derive(Debug)]
pub(super) struct Generator<'d> {
    document: &'d Value,
    state: u64,
    /// Set if nothing is made that need not be there.
    is_least: bool,
    work: usize,
}

impl<'d> Generator<'d> {
    pub(super) const fn new(document: &'d Value, seed: u64, is_least: bool) -> Self {
        Self { document, state: seed, is_least, work: 0 }
    }

    /// The next number (SplitMix64).
    pub(super) const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).unwrap_or(1);
        usize::try_from(self.next() % end).unwrap_or_default()
    }

    /// Returns whether all of the value was made: there may have been more of it than one takes.
    pub(super) const fn is_whole(&self) -> bool {
        self.work <= MOST_WORK
    }

    /// Takes so much work, if there is some left.
    const fn takes(&mut self, work: usize) -> bool {
        self.work = self.work.saturating_add(work);
        self.is_whole()
    }

    /// A value that `schema` takes, as far as that can be told.
    pub(super) fn value(&mut self, schema: &Value) -> Value {
        self.at(schema, 0)
    }

    fn at(&mut self, schema: &Value, depth: usize) -> Value {
        if depth > DEEPEST || !self.takes(1) {
            return Value::Null;
        }
        let mut merged = Object::default();
        self.merge(schema, &mut merged, 0);
        let examples = merged.get("examples").and_then(|examples| examples.child(0));
        if let Some(value) = merged.get("example").or(examples).or_else(|| merged.get("const")) {
            return value.clone();
        }
        if let Some(Value::Array(values)) = merged.get("enum").filter(|values| values.children() > 0) {
            let at = self.below(values.len());
            return values.get(at).cloned().unwrap_or_default();
        }
        if let Some(value) = merged.get("default").filter(|_| !self.is_least) {
            return value.clone();
        }
        let has = |keywords: &[&str]| keywords.iter().any(|keyword| merged.get(keyword).is_some());
        let kind = match merged.get("type") {
            Some(Value::String(kind)) => &**kind,
            Some(Value::Array(kinds)) => {
                let mut kinds = kinds.iter().filter_map(Value::as_str);
                kinds.find(|kind| *kind != "null").unwrap_or("null")
            }
            _ if has(&["properties", "required", "additionalProperties", "minProperties"]) => "object",
            _ if has(&["items", "prefixItems", "minItems"]) => "array",
            _ if has(&["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]) => "number",
            _ => "string",
        };
        match kind {
            "object" => self.object(&merged, depth),
            "array" => self.array(&merged, depth),
            "integer" => self.number(&merged, true),
            "number" => self.number(&merged, false),
            "boolean" => Value::Boolean(self.next() & 1 == 1),
            "null" => Value::Null,
            _ => Value::from(self.text(&merged)),
        }
    }

    /// Puts what `schema` and those that it is made of say into one.
    fn merge(&mut self, schema: &Value, into: &mut Object, hops: usize) {
        let Value::Object(schema) = schema else { return };
        if hops > DEEPEST || !self.takes(schema.members().len().saturating_add(1)) {
            return;
        }
        let document = self.document;
        if let Some(to) = schema.get("$ref").and_then(Value::as_str).and_then(|to| referred(to, document)) {
            self.merge(to, into, hops.saturating_add(1));
        }
        for (name, value) in schema.members() {
            match (&**name, value, into.get_mut(name)) {
                ("$ref" | "allOf" | "anyOf" | "oneOf", ..) => {}
                ("properties", Value::Object(more), Some(Value::Object(known))) => {
                    for (name, value) in more.members() {
                        known.insert(name, value.clone());
                    }
                }
                ("required", Value::Array(more), Some(Value::Array(known))) => known.extend(more.iter().cloned()),
                _ => drop(into.insert(name, value.clone())),
            }
        }
        if let Some(Value::Array(all)) = schema.get("allOf") {
            all.iter().for_each(|one| self.merge(one, into, hops.saturating_add(1)));
        }
        for keyword in ["oneOf", "anyOf"] {
            if let Some(Value::Array(some)) = schema.get(keyword) {
                let at = self.below(some.len());
                if let Some(one) = some.get(at) {
                    self.merge(one, into, hops.saturating_add(1));
                }
            }
        }
    }

    fn object(&mut self, schema: &Object, depth: usize) -> Value {
        let is_required = |name: &str| match schema.get("required") {
            Some(Value::Array(names)) => names.iter().any(|own| own.as_str() == Some(name)),
            _ => false,
        };
        let mut object = Object::default();
        if let Some(Value::Object(properties)) = schema.get("properties") {
            for (name, property) in properties.members() {
                let is_written = self.is_write_only(property);
                let is_left_out = self.is_least || depth >= DEEP || *property == Value::Boolean(false);
                if is_written || (is_left_out && !is_required(name)) {
                    continue;
                }
                let value = self.at(property, depth.saturating_add(1));
                object.insert(name, value);
            }
        }
        let others = schema.get("additionalProperties").cloned().filter(|others| matches!(others, Value::Object(_)));
        let others = others.unwrap_or_default();
        if let Some(Value::Array(names)) = schema.get("required") {
            for name in names.iter().filter_map(Value::as_str) {
                let property = schema.get("properties").and_then(|all| match all {
                    Value::Object(all) => all.get(name),
                    _ => None,
                });
                if object.get(name).is_none() && property.is_none() {
                    let value = self.at(&others, depth.saturating_add(1));
                    object.insert(name, value);
                }
            }
        }
        let least = count(schema, "minProperties").unwrap_or_default();
        let mut number = 0_usize;
        while object.members().len() < least.min(100) && self.is_whole() {
            number = number.saturating_add(1);
            let value = self.at(&others, depth.saturating_add(1));
            object.insert(&format!("member{number}"), value);
        }
        Value::Object(object)
    }

    /// Returns whether a member is no part of responses.
    fn is_write_only(&self, schema: &Value) -> bool {
        let Value::Object(schema) = schema else { return false };
        let referred = schema.get("$ref").and_then(Value::as_str).and_then(|to| referred(to, self.document));
        let is_set = |object: &Object| object.get("writeOnly") == Some(&Value::Boolean(true));
        is_set(schema) || matches!(referred, Some(Value::Object(referred)) if is_set(referred))
    }

    fn array(&mut self, schema: &Object, depth: usize) -> Value {
        let mut items = Vec::new();
        if let Some(Value::Array(first)) = schema.get("prefixItems") {
            for one in first {
                items.push(self.at(one, depth.saturating_add(1)));
            }
        }
        let least = count(schema, "minItems").unwrap_or_default();
        let most = count(schema, "maxItems").unwrap_or(usize::MAX);
        let wanted = if depth >= DEEP || self.is_least { least } else { least.max(1) }.min(most).min(1_000);
        let is_unique = schema.get("uniqueItems") == Some(&Value::Boolean(true));
        let rest = schema.get("items").or_else(|| schema.get("contains")).cloned().unwrap_or_default();
        let mut tries = 0_usize;
        while items.len() < wanted && tries < 2_000 && rest != Value::Boolean(false) && self.is_whole() {
            tries = tries.saturating_add(1);
            let item = self.at(&rest, depth.saturating_add(1));
            if !(is_unique && items.contains(&item)) {
                items.push(item);
            }
        }
        Value::Array(items)
    }

    #[expect(clippy::cast_possible_truncation, reason = "a bound beyond the range is as good as none")]
    #[expect(clippy::cast_precision_loss, reason = "numbers are made small")]
    fn number(&mut self, schema: &Object, is_whole: bool) -> Value {
        let bound = |name: &str| match schema.get(name) {
            Some(Value::Number(number)) => Some(number.as_f64()),
            _ => None,
        };
        let is_set = |name: &str| schema.get(name) == Some(&Value::Boolean(true));
        let step = bound("multipleOf").filter(|step| *step > 0.0).unwrap_or(if is_whole { 1.0 } else { 0.5 });
        let above = bound("exclusiveMinimum").or_else(|| bound("minimum").filter(|_| is_set("exclusiveMinimum")));
        let below = bound("exclusiveMaximum").or_else(|| bound("maximum").filter(|_| is_set("exclusiveMaximum")));
        // The least and the most as numbers of steps.
        let least = match (above, bound("minimum")) {
            (Some(above), _) => (above / step).floor() + 1.0,
            (None, Some(least)) => (least / step).ceil(),
            (None, None) => f64::NEG_INFINITY,
        };
        let most = match (below, bound("maximum")) {
            (Some(below), _) => (below / step).ceil() - 1.0,
            (None, Some(most)) => (most / step).floor(),
            (None, None) => f64::INFINITY,
        };
        let (low, high) = match (least.is_finite(), most.is_finite()) {
            (true, true) => (least, most),
            (true, false) => (least, least + 100.0),
            (false, true) => (most - 100.0, most),
            (false, false) => (1.0, 100.0),
        };
        let range = (high - low).clamp(0.0, 1e6) as u64;
        let steps = low + (self.next() % range.saturating_add(1)) as f64;
        let value = steps * step;
        // By whole numbers: to write others costs a Worker some kilobytes.
        let scaled = (value * 1e6).round() as i64;
        let text = if value.fract() == 0.0 && value.abs() < 9e15 {
            (value as i64).to_string()
        } else {
            let sign = if scaled < 0 { "-" } else { "" };
            let text =
                format!("{sign}{}.{:06}", (scaled / 1_000_000).unsigned_abs(), (scaled % 1_000_000).unsigned_abs());
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        };
        match Number::parse(&text) {
            // Between two bounds there may be no multiple.
            Some(number) if steps <= high => Value::Number(number),
            _ => schema.get("minimum").or_else(|| schema.get("maximum")).cloned().unwrap_or_default(),
        }
    }

    fn text(&mut self, schema: &Object) -> String {
        let least = count(schema, "minLength").unwrap_or_default().min(10_000);
        if !self.takes(least / 64) {
            return String::new();
        }
        let most = count(schema, "maxLength").unwrap_or(usize::MAX);
        if let Some(expression) = schema.get("pattern").and_then(Value::as_str)
            && let Some(text) = pattern::example(expression, self, least)
        {
            return text;
        }
        let number = self.next();
        let day = format!("20{:02}-{:02}-{:02}", number % 30, number / 7 % 12 + 1, number / 11 % 28 + 1);
        let time = format!("{:02}:{:02}:{:02}Z", number / 3 % 24, number / 5 % 60, number / 13 % 60);
        let hex = format!("{number:016x}{:016x}", self.next());
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
        let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
        let mut text = match format {
            "date" => day,
            "date-time" => format!("{day}T{time}"),
            "time" => time,
            "duration" => format!("PT{}M", number % 60 + 1),
            "email" | "idn-email" => format!("user{}@example.com", number % 1_000),
            "hostname" | "idn-hostname" => format!("host{}.example.com", number % 1_000),
            "ipv4" => format!("192.0.2.{}", number % 256),
            "ipv6" => format!("2001:db8::{:x}", number % 65_536),
            "uri" | "uri-reference" | "iri" | "iri-reference" | "url" => {
                format!("https://example.com/{}", number % 1_000)
            }
            "uuid" => {
                format!("{}-{}-4{}-a{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
            }
            "byte" => "ZXhhbXBsZQ==".to_owned(),
            "json-pointer" => format!("/part/{}", number % 100),
            "relative-json-pointer" => format!("{}/part", number % 3),
            "regex" => "^[a-z]+$".to_owned(),
            _ => {
                const WORDS: [&str; 8] = ["amber", "birch", "coral", "delta", "ember", "fjord", "grove", "heath"];
                let at = self.below(WORDS.len());
                WORDS.get(at).copied().unwrap_or("text").to_owned()
            }
        };
        for _ in text.chars().count()..least {
            text.push(char::from(b'a' + u8::try_from(self.below(26)).unwrap_or_default()));
        }
        if text.chars().count() > most {
            text = text.chars().take(most).collect();
        }
        text
    }
}

fn count(schema: &Object, name: &str) -> Option<usize> {
    match schema.get(name) {
        Some(Value::Number(number)) => number.as_i64().and_then(|number| usize::try_from(number).ok()),
        _ => None,
    }
}
