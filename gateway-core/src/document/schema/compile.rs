//! From a document to a compiled schema.

use super::format::Format;
use super::index::{Index, Nowhere, Spot, inner_base};
use super::node::{Bound, Check, Dependent, DynamicAnchor, Id, Names, Node, Properties, Sized, Types, order_of_names};
use super::{Mistake, Options, Root, Schema, Side, cycle, pattern, uri};
use crate::document::{Divisor, Object, Value};
use crate::numbers::Numbers;
use crate::order::sort_by;

/// The dialects that are taken for 2020-12: its own, and that of OpenAPI 3.1, whose further keywords assert nothing.
const DIALECTS: [&str; 2] =
    ["https://json-schema.org/draft/2020-12/schema", "https://spec.openapis.org/oas/3.1/dialect/base"];

/// Keywords of other drafts and of OpenAPI 3.0 that assert nothing here, with what they have become.
const FOREIGN: [(&str, &str); 5] = [
    ("$recursiveAnchor", "in 2020-12 it is `$dynamicAnchor`"),
    ("$recursiveRef", "in 2020-12 it is `$dynamicRef`"),
    ("additionalItems", "in 2020-12 it is `items`, beside `prefixItems`"),
    ("dependencies", "in 2020-12 it is `dependentRequired` or `dependentSchemas`"),
    ("nullable", "in 2020-12 `null` is one of the types: `\"type\": [\"string\", \"null\"]`"),
];

/// Compiles the schemas at these places of `document`.
pub(super) fn schemas(
    document: &Value,
    options: &Options<'_>,
    places: impl Iterator<Item = String>,
) -> Result<(Schema, Box<[Root]>), Vec<Mistake>> {
    let mut compiler = Compiler {
        formats: options.asserts_formats,
        has_sides: options.has_sides,
        is_old: options.is_openapi_30,
        ..Compiler::default()
    };
    compiler.index.add(options.uri, document, &mut compiler.mistakes);
    for (uri, document) in options.resources {
        compiler.index.add(uri, document, &mut compiler.mistakes);
    }
    let (base, _) = uri::split(options.uri);
    let whole = Spot { document: 0, pointer: String::new(), value: document, base: base.to_owned() };
    let mut roots = Vec::new();
    for place in places {
        match whole.follow(&place) {
            Some(root) => roots.push(Root(compiler.node(root))),
            None => {
                let message = "there is no such place in the document".to_owned();
                compiler.mistakes.push(Mistake { place, message, help: "write a JSON Pointer (RFC 6901)" });
            }
        }
    }
    compiler.run();
    if compiler.mistakes.is_empty()
        && let Some(place) = cycle::find(&compiler.nodes)
    {
        let message =
            "this schema leads back to itself for the same value, so that no check of it would end".to_owned();
        compiler.mistakes.push(Mistake {
            place: place.to_owned(),
            message,
            help: "have the reference in a schema for a member or an element, such as in `properties` or `items`",
        });
    }
    if compiler.mistakes.is_empty() {
        let Compiler { nodes, anchors, remarks, .. } = compiler;
        let schema = Schema { nodes: nodes.into(), anchors: anchors.into(), remarks: remarks.into() };
        return Ok((schema, roots.into()));
    }
    Err(compiler.mistakes)
}

#[derive(Default)]
struct Compiler<'d> {
    index: Index<'d>,
    nodes: Vec<Node>,
    /// Nodes by place, which is the address of the value there.
    places: Numbers,
    pending: Vec<(usize, Spot<'d>)>,
    resources: Numbers,
    /// Names of dynamic anchors that references ask for.
    dynamic: Numbers,
    anchors: Vec<DynamicAnchor>,
    mistakes: Vec<Mistake>,
    remarks: Vec<Mistake>,
    formats: bool,
    has_sides: bool,
    /// Set if schemas are those of OpenAPI 3.0.
    is_old: bool,
}

/// A schema that is an object.
struct Here<'d> {
    spot: Spot<'d>,
    /// The base URI within it.
    base: String,
    object: &'d Object,
}

impl<'d> Here<'d> {
    fn get(&self, keyword: &str) -> Option<&'d Value> {
        self.object.get(keyword)
    }
}

impl<'d> Compiler<'d> {
    /// The number of the node for `spot`, which is compiled later if it is new.
    fn node(&mut self, spot: Spot<'d>) -> Id {
        // Two places are two values: their addresses are shorter than their pointers.
        let key = format!("{:x}", core::ptr::from_ref(spot.value).addr());
        let (id, is_new) = self.places.find_or_add(&key);
        if is_new {
            self.nodes.push(Node::default());
            self.pending.push((id, spot));
        }
        Id::try_from(id).unwrap_or(Id::MAX)
    }

    /// Compiles what is pending, until nothing asks for more.
    fn run(&mut self) {
        loop {
            while let Some((id, spot)) = self.pending.pop() {
                let node = self.compile(spot);
                if let Some(place) = self.nodes.get_mut(id) {
                    *place = node;
                }
            }
            // Anchors count that are in resources which are used: no others are ever in the dynamic scope.
            let wanted = self.index.dynamic.iter().filter_map(|dynamic| {
                let name = number(self.dynamic.find(dynamic.name)?);
                let resource = number(self.resources.find(&dynamic.resource)?);
                let is_known = self.anchors.iter().any(|known| (known.name, known.resource) == (name, resource));
                (!is_known).then(|| (name, resource, dynamic.spot.clone()))
            });
            let wanted: Vec<_> = wanted.collect();
            if wanted.is_empty() {
                return;
            }
            for (name, resource, spot) in wanted {
                let node = self.node(spot);
                self.anchors.push(DynamicAnchor { name, resource, node });
            }
        }
    }

    fn compile(&mut self, spot: Spot<'d>) -> Node {
        let place = self.index.place(spot.document, &spot.pointer).into();
        match spot.value {
            Value::Boolean(true) => Node { place, ..Node::default() },
            Value::Boolean(false) => Node { place, checks: Box::new([Check::Never]), ..Node::default() },
            Value::Object(object) => {
                let base = inner_base(&spot.base, object);
                let resource = number(self.resources.find_or_add(&base).0);
                let here = Here { spot, base, object };
                let checks = self.keywords(&here);
                let is_tracking =
                    matches!(checks.last(), Some(Check::UnevaluatedItems(_) | Check::UnevaluatedProperties(_)));
                Node { place, resource, is_tracking, checks: checks.into() }
            }
            _ => {
                self.mistakes.push(Mistake {
                    place: String::from(place),
                    message: "a schema is an object, `true` or `false`".to_owned(),
                    help: "an object with keywords such as `type` and `properties`",
                });
                Node::default()
            }
        }
    }

    fn keywords(&mut self, here: &Here<'d>) -> Vec<Check> {
        let mut checks = Vec::new();
        // OpenAPI 3.0.3 §4.7.23: what stands beside a reference is ignored.
        if self.is_old && here.get("$ref").is_some() {
            self.references(here, &mut checks);
            return checks;
        }
        self.identity(here);
        self.values(here, &mut checks);
        self.numbers(here, &mut checks);
        self.sizes(here, &mut checks);
        self.strings(here, &mut checks);
        self.members(here, &mut checks);
        self.references(here, &mut checks);
        self.elements(here, &mut checks);
        self.combinations(here, &mut checks);
        checks.extend(self.one(here, "unevaluatedItems").map(Check::UnevaluatedItems));
        checks.extend(self.one(here, "unevaluatedProperties").map(Check::UnevaluatedProperties));
        checks
    }

    fn mistake(&mut self, here: &Here<'d>, keyword: &str, message: &str, help: &'static str) {
        let place = self.keyword_place(here, keyword);
        self.mistakes.push(Mistake { place, message: message.to_owned(), help });
    }

    fn keyword_place(&self, here: &Here<'d>, keyword: &str) -> String {
        let spot = here.spot.child("", &[keyword], here.spot.value);
        self.index.place(spot.document, &spot.pointer)
    }

    /// JSON Schema Core §8.1.1, §8.2.
    fn identity(&mut self, here: &Here<'d>) {
        if let Some(dialect) = here.get("$schema") {
            let dialect = dialect.as_str().unwrap_or_default();
            if !DIALECTS.contains(&dialect.trim_end_matches('#')) {
                let message = format!("the dialect `{dialect}` is not supported");
                self.mistake(
                    here,
                    "$schema",
                    &message,
                    "write it in JSON Schema 2020-12: `https://json-schema.org/draft/2020-12/schema`",
                );
            }
        }
        if let Some(id) = here.get("$id") {
            let is_right = id.as_str().is_some_and(|id| uri::split(id).1.is_none_or(str::is_empty));
            if !is_right {
                self.mistake(here, "$id", "an `$id` is a URI without a fragment", "name a part by `$anchor`");
            }
        }
        for (keyword, help) in FOREIGN {
            let is_foreign = !(self.is_old && keyword == "nullable");
            if is_foreign && here.get(keyword).is_some() {
                let (place, message) = (self.keyword_place(here, keyword), "this keyword says nothing here".to_owned());
                self.remarks.push(Mistake { place, message, help });
            }
        }
        for keyword in ["$anchor", "$dynamicAnchor"] {
            let Some(anchor) = here.get(keyword) else { continue };
            let is_right = |name: &str| {
                name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
                    && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
            };
            if !anchor.as_str().is_some_and(is_right) {
                let help = "a letter or `_` first, then letters, digits, `-`, `_` and `.`";
                self.mistake(here, keyword, "this is no name for an anchor", help);
            }
        }
    }

    /// JSON Schema Validation §6.1.
    fn values(&mut self, here: &Here<'d>, checks: &mut Vec<Check>) {
        if let Some(types) = here.get("type") {
            let mut set = Types::default();
            let is_right = match types {
                Value::String(name) => set.add(name).is_some(),
                Value::Array(names) if !names.is_empty() => {
                    names.iter().all(|name| name.as_str().is_some_and(|name| set.add(name).is_some()))
                }
                _ => false,
            };
            // OpenAPI 3.0.3 §4.7.24.1: it adds to a type, and says nothing where there is none.
            if self.is_old && here.get("nullable") == Some(&Value::Boolean(true)) {
                let _ = set.add("null");
            }
            if is_right {
                checks.push(Check::Types(set));
            } else {
                let help = "`null`, `boolean`, `object`, `array`, `number`, `string` or `integer`, or a list of these";
                self.mistake(here, "type", "there is no such type", help);
            }
        }
        if let Some(value) = here.get("const") {
            checks.push(Check::Values { values: Box::new([value.clone()]), is_constant: true });
        }
        match here.get("enum") {
            None => {}
            Some(Value::Array(values)) => {
                checks.push(Check::Values { values: values.iter().cloned().collect(), is_constant: false });
            }
            Some(_) => self.mistake(here, "enum", "an `enum` is a list of values", "write `[…]`"),
        }
    }

    /// JSON Schema Validation §6.2.
    fn numbers(&mut self, here: &Here<'d>, checks: &mut Vec<Check>) {
        for (keyword, is_most, is_exclusive) in [
            ("minimum", false, false),
            ("maximum", true, false),
            ("exclusiveMinimum", false, true),
            ("exclusiveMaximum", true, true),
        ] {
            // In drafts before 6 a bound is exclusive where a flag says so; since then it is a keyword of its own.
            if self.is_old && is_exclusive && matches!(here.get(keyword), Some(Value::Boolean(_))) {
                continue;
            }
            let flag = if is_most { "exclusiveMaximum" } else { "exclusiveMinimum" };
            let is_exclusive = is_exclusive || (self.is_old && here.get(flag) == Some(&Value::Boolean(true)));
            match here.get(keyword) {
                None => {}
                Some(Value::Number(number)) => checks.push(Check::Bound(Bound {
                    whole: number.as_i64(),
                    number: number.clone(),
                    is_most,
                    is_exclusive,
                })),
                Some(Value::Boolean(_)) if is_exclusive => {
                    let help = "in 2020-12 it is the number itself, in place of `minimum` or `maximum`";
                    self.mistake(here, keyword, "this takes a number", help);
                }
                Some(_) => self.mistake(here, keyword, "this takes a number", "write it without quotes"),
            }
        }
        let Some(value) = here.get("multipleOf") else { return };
        let divisor = match value {
            Value::Number(number) => Divisor::of(number).map(|divisor| (divisor, number.clone())),
            _ => None,
        };
        match divisor {
            Some((divisor, number)) => checks.push(Check::MultipleOf { divisor, number }),
            None => self.mistake(
                here,
                "multipleOf",
                "this takes a number above 0 of 18 digits at the most",
                "such as `1` or `0.01`",
            ),
        }
    }

    /// JSON Schema Validation §6.3, §7.
    fn strings(&mut self, here: &Here<'d>, checks: &mut Vec<Check>) {
        match here.get("pattern") {
            None => {}
            Some(Value::String(text)) => match pattern::compile(text) {
                Ok(regex) => checks.push(Check::Pattern { regex: Box::new(regex), text: text.clone() }),
                Err(refusal) => self.mistake(here, "pattern", refusal.message(), refusal.help()),
            },
            Some(_) => self.mistake(here, "pattern", "this takes a regular expression", "write it in quotes"),
        }
        if let Some(format) = here.get("format") {
            match format.as_str() {
                Some(name) if self.formats => checks.extend(Format::named(name).map(Check::Format)),
                Some(_) => {}
                None => self.mistake(here, "format", "this takes the name of a format", "such as `date-time`"),
            }
        }
    }

    /// JSON Schema Validation §6.3 to §6.5.
    fn sizes(&mut self, here: &Here<'d>, checks: &mut Vec<Check>) {
        for (keyword, of, is_most) in [
            ("minLength", Sized::Characters, false),
            ("maxLength", Sized::Characters, true),
            ("minItems", Sized::Items, false),
            ("maxItems", Sized::Items, true),
            ("minProperties", Sized::Members, false),
            ("maxProperties", Sized::Members, true),
        ] {
            if let Some(count) = self.count(here, keyword) {
                checks.push(Check::Size { of, is_most, count });
            }
        }
        match here.get("uniqueItems") {
            None | Some(Value::Boolean(false)) => {}
            Some(Value::Boolean(true)) => checks.push(Check::UniqueItems),
            Some(_) => self.mistake(here, "uniqueItems", "this takes `true` or `false`", "write it without quotes"),
        }
    }

    fn count(&mut self, here: &Here<'d>, keyword: &str) -> Option<u64> {
        let value = here.get(keyword)?;
        let count = match value {
            Value::Number(number) => number.as_i64().and_then(|count| u64::try_from(count).ok()),
            _ => None,
        };
        if count.is_none() {
            self.mistake(here, keyword, "this takes a whole number of 0 or more", "write it without quotes");
        }
        count
    }

    /// JSON Schema Validation §6.5, and Core §10.3.2.
    fn members(&mut self, here: &Here<'d>, checks: &mut Vec<Check>) {
        if let Some(required) = here.get("required") {
            match names(required) {
                Some(names) => self.required(here, names, checks),
                None => self.mistake(here, "required", "this takes a list of names", "such as `[\"id\"]`"),
            }
        }
        if let Some(dependent) = here.get("dependentRequired") {
            let read = |object: &Object| {
                object.members().iter().map(|(name, value)| Some((name.clone(), names(value)?))).collect()
            };
            let dependent: Option<Dependent> = match dependent {
                Value::Object(object) => read(object),
                _ => None,
            };
            match dependent {
                Some(dependent) => checks.push(Check::DependentRequired(dependent)),
                None => self.mistake(
                    here,
                    "dependentRequired",
                    "this takes lists of names by name",
                    "such as `{\"card\": [\"address\"]}`",
                ),
            }
        }
        let named = self.map(here, "properties");
        let patterns = self.map(here, "patternProperties");
        let others = self.one(here, "additionalProperties");
        if named.is_some() || patterns.is_some() || others.is_some() {
            let mut named = named.unwrap_or_default();
            sort_by(&mut named, |one, other| order_of_names(&one.0, &other.0));
            let mut expressions = Vec::new();
            for (text, node) in patterns.unwrap_or_default() {
                match pattern::compile(&text) {
                    Ok(regex) => expressions.push((regex, node)),
                    Err(refusal) => self.mistake(
                        here,
                        "patternProperties",
                        &format!("`{text}`: {}", refusal.message()),
                        refusal.help(),
                    ),
                }
            }
            let (named, patterns) = (named.into(), expressions.into());
            checks.push(Check::Properties(Box::new(Properties { named, patterns, others })));
        }
        checks.extend(self.one(here, "propertyNames").map(Check::PropertyNames));
    }

    /// OpenAPI 3.0.3 §4.7.24.2: what is `readOnly` is required of responses alone, and what is `writeOnly` of requests.
    fn required(&mut self, here: &Here<'d>, names: Names, checks: &mut Vec<Check>) {
        let (mut both, mut requests, mut responses) = (Vec::new(), Vec::new(), Vec::new());
        for name in names {
            let list = match self.side_of(here, &name) {
                Some(Side::Request) => &mut requests,
                Some(Side::Response) => &mut responses,
                None => &mut both,
            };
            list.push(name);
        }
        if !both.is_empty() || (requests.is_empty() && responses.is_empty()) {
            checks.push(Check::Required(both.into()));
        }
        for (side, names) in [(Side::Request, requests), (Side::Response, responses)] {
            if !names.is_empty() {
                checks.push(Check::RequiredOn(side, names.into()));
            }
        }
    }

    /// The one side that the member called `name` belongs to, by its own schema or by that which this refers to.
    fn side_of(&self, here: &Here<'d>, name: &str) -> Option<Side> {
        let Some(Value::Object(properties)) = here.get("properties").filter(|_| self.has_sides) else { return None };
        let own = properties.get(name)?;
        let reference = if let Value::Object(own) = own { own.get("$ref").and_then(Value::as_str) } else { None };
        let referred = reference.and_then(|to| self.index.find(&here.base, to).ok()).map(|(spot, _)| spot.value);
        [Some(own), referred].into_iter().flatten().find_map(|schema| {
            let Value::Object(schema) = schema else { return None };
            let has = |keyword| schema.get(keyword) == Some(&Value::Boolean(true));
            match (has("readOnly"), has("writeOnly")) {
                (true, _) => Some(Side::Response),
                (false, true) => Some(Side::Request),
                (false, false) => None,
            }
        })
    }

    /// JSON Schema Core §8.2.3.
    fn references(&mut self, here: &Here<'d>, checks: &mut Vec<Check>) {
        if let Some((spot, _)) = self.reference(here, "$ref") {
            let node = self.node(spot);
            checks.push(Check::Ref(node));
        }
        if let Some((spot, dynamic)) = self.reference(here, "$dynamicRef") {
            let otherwise = self.node(spot);
            checks.push(match dynamic {
                Some(name) => Check::DynamicRef { name: number(self.dynamic.find_or_add(name).0), otherwise },
                None => Check::Ref(otherwise),
            });
        }
    }

    fn reference(&mut self, here: &Here<'d>, keyword: &str) -> Option<(Spot<'d>, Option<&'d str>)> {
        let Some(reference) = here.get(keyword)?.as_str() else {
            self.mistake(here, keyword, "a reference is a URI", "such as `#/$defs/pet`");
            return None;
        };
        let nowhere = match self.index.find(&here.base, reference) {
            Ok(found) => return Some(found),
            Err(nowhere) => nowhere,
        };
        let (message, help) = match nowhere {
            Nowhere::Document => ("which is not given", "nothing is fetched: give the document along with this one"),
            Nowhere::Place => {
                ("and there is no such place in it", "`#/…` is a JSON Pointer, and `#name` the name of an `$anchor`")
            }
        };
        let document = uri::resolve(&here.base, uri::split(reference).0);
        let document = if document.is_empty() { "this document".to_owned() } else { format!("`{document}`") };
        let message = format!("`{reference}` leads to {document}, {message}");
        self.mistake(here, keyword, &message, help);
        None
    }

    /// JSON Schema Core §10.3.1, and Validation §6.4.
    fn elements(&mut self, here: &Here<'d>, checks: &mut Vec<Check>) {
        let first = self.list(here, "prefixItems");
        let rest = match here.get("items") {
            Some(Value::Array(_)) => {
                self.mistake(here, "items", "this takes one schema", "in 2020-12 a list of them is `prefixItems`");
                None
            }
            _ => self.one(here, "items"),
        };
        if first.is_some() || rest.is_some() {
            checks.push(Check::Items { first: first.unwrap_or_default(), rest });
        }
        let least = self.count(here, "minContains");
        let most = self.count(here, "maxContains");
        if let Some(node) = self.one(here, "contains") {
            checks.push(Check::Contains { node, least, most });
        }
    }

    /// JSON Schema Core §10.2.
    fn combinations(&mut self, here: &Here<'d>, checks: &mut Vec<Check>) {
        checks.extend(self.list(here, "allOf").map(Check::AllOf));
        checks.extend(self.list(here, "anyOf").map(Check::AnyOf));
        checks.extend(self.list(here, "oneOf").map(Check::OneOf));
        checks.extend(self.one(here, "not").map(Check::Not));
        let (then, otherwise) = (self.one(here, "then"), self.one(here, "else"));
        if let Some(condition) = self.one(here, "if") {
            checks.push(Check::If { condition, then, otherwise });
        }
        checks.extend(self.map(here, "dependentSchemas").map(|named| Check::DependentSchemas(named.into())));
    }

    /// The schema that is the value of `keyword`.
    fn one(&mut self, here: &Here<'d>, keyword: &str) -> Option<Id> {
        let value = here.get(keyword)?;
        Some(self.node(here.spot.child(&here.base, &[keyword], value)))
    }

    /// The schemas that are listed as the value of `keyword`.
    fn list(&mut self, here: &Here<'d>, keyword: &str) -> Option<Box<[Id]>> {
        let items = match here.get(keyword)? {
            Value::Array(items) if !items.is_empty() => items,
            _ => {
                self.mistake(here, keyword, "this takes a list of one schema or more", "write `[{…}]`");
                return None;
            }
        };
        let spots = items.iter().enumerate();
        Some(
            spots
                .map(|(index, value)| self.node(here.spot.child(&here.base, &[keyword, &index.to_string()], value)))
                .collect(),
        )
    }

    /// The schemas that are the value of `keyword` by name.
    fn map(&mut self, here: &Here<'d>, keyword: &str) -> Option<Vec<(Box<str>, Id)>> {
        let Value::Object(members) = here.get(keyword)? else {
            self.mistake(here, keyword, "this takes schemas by name", "write `{\"name\": {…}}`");
            return None;
        };
        let named = members.members().iter();
        Some(
            named
                .map(|(name, value)| (name.clone(), self.node(here.spot.child(&here.base, &[keyword, name], value))))
                .collect(),
        )
    }
}

fn number(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The names that `value` lists.
fn names(value: &Value) -> Option<Names> {
    match value {
        Value::Array(items) => items.iter().map(|item| item.as_str().map(Box::from)).collect(),
        _ => None,
    }
}
