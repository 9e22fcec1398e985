//! From a document of OpenAPI to a description.

use http::Method;

use super::fields::{Form, Style};
use super::path::Paths;
use super::shape::{Shape, referred};
use super::{Content, Description, Media, Operation, Parameter, Place, Reading, Response};
use crate::document::pointer::push_token;
use crate::document::schema::{Mistake, Options, Root, Schema};
use crate::document::{Object, Value};
use crate::http::percent;

/// The methods of operations (OpenAPI 3.1.1 §4.8.9).
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// Header fields that parameters say nothing of (OpenAPI 3.1.1 §4.8.12.1).
const OTHER_FIELDS: [&str; 3] = ["accept", "content-type", "authorization"];

/// The most references that lead from one to the next.
const MOST_HOPS: usize = 16;

impl Description {
    /// Makes a description of `document`.
    ///
    /// # Errors
    /// All mistakes in it, each with its JSON Pointer.
    pub fn load(document: &Value, asserts_formats: bool) -> Result<Self, Vec<Mistake>> {
        let stated = |name: &str| match document {
            Value::Object(object) => object.get(name).and_then(Value::as_str).unwrap_or_default(),
            _ => "",
        };
        let version = stated("openapi");
        if !["3.0.", "3.1.", "3.2."].iter().any(|known| version.starts_with(known)) {
            let (place, message, help) = if stated("swagger").is_empty() {
                let message = if version.is_empty() {
                    "this is no document of OpenAPI: `openapi` states its version".to_owned()
                } else {
                    format!("version `{version}` of OpenAPI is not supported")
                };
                ("/openapi", message, "write it in OpenAPI 3.0 or 3.1: `\"openapi\": \"3.1.0\"`")
            } else {
                let message = "this is a document of OpenAPI 2 (Swagger)".to_owned();
                ("/swagger", message, "convert it to OpenAPI 3 first, such as with `swagger2openapi`")
            };
            return Err(vec![Mistake { place: place.to_owned(), message, help }]);
        }
        // In 3.0 schemas are of an earlier draft.
        let options = Options {
            asserts_formats,
            has_sides: true,
            is_openapi_30: version.starts_with("3.0."),
            ..Options::default()
        };
        Loader { document, mistakes: Vec::new(), places: Vec::new() }.load(&options)
    }
}

/// A value of the document, with the JSON Pointer to it.
#[derive(Clone)]
struct Spot<'d> {
    pointer: String,
    value: &'d Value,
}

impl<'d> Spot<'d> {
    fn object(&self) -> Option<&'d Object> {
        match self.value {
            Value::Object(object) => Some(object),
            _ => None,
        }
    }

    fn get(&self, name: &str) -> Option<Self> {
        Some(self.child(name, self.object()?.get(name)?))
    }

    fn child(&self, name: &str, value: &'d Value) -> Self {
        let mut pointer = self.pointer.clone();
        push_token(&mut pointer, name);
        Self { pointer, value }
    }

    fn text(&self, name: &str) -> Option<&'d str> {
        self.object()?.get(name)?.as_str()
    }

    fn is_set(&self, name: &str) -> bool {
        self.flag(name) == Some(true)
    }

    fn flag(&self, name: &str) -> Option<bool> {
        match self.object()?.get(name)? {
            Value::Boolean(flag) => Some(*flag),
            _ => None,
        }
    }

    /// The members, or the elements, each with its place.
    fn children(&self) -> Vec<(&'d str, Self)> {
        match self.value {
            Value::Object(object) => {
                object.members().iter().map(|(name, value)| (&**name, self.child(name, value))).collect()
            }
            Value::Array(items) => {
                items.iter().enumerate().map(|(index, value)| ("", self.child(&index.to_string(), value))).collect()
            }
            _ => Vec::new(),
        }
    }
}

struct Loader<'d> {
    document: &'d Value,
    mistakes: Vec<Mistake>,
    /// The places of schemas, each the number of one that is compiled at the end.
    places: Vec<String>,
}

/// The number of a schema, before all are compiled: their roots have other ones.
type Parts<'d> = Vec<(Spot<'d>, Vec<(Method, Spot<'d>)>)>;

impl<'d> Loader<'d> {
    fn load(mut self, options: &Options<'_>) -> Result<Description, Vec<Mistake>> {
        let whole = Spot { pointer: String::new(), value: self.document };
        let mut paths = Paths::new();
        let mut parts: Parts<'d> = Vec::new();
        let mut same: Vec<Option<usize>> = Vec::new();
        for (template, item) in whole.get("paths").iter().flat_map(Spot::children) {
            if template.starts_with("x-") {
                continue;
            }
            let Some(item) = self.resolve(item) else { continue };
            match paths.add(template) {
                Ok(other) => same.push(other),
                Err(message) => {
                    self.mistake(&item.pointer, format!("`{template}`: {message}"), "such as `/pets/{id}`");
                    continue;
                }
            }
            let method =
                |name: &&str| Some((Method::from_bytes(name.to_ascii_uppercase().as_bytes()).ok()?, item.get(name)?));
            let methods: Vec<(Method, Spot<'d>)> = METHODS.iter().filter_map(method).collect();
            // Two templates of the same paths are one template with two names (OpenAPI 3.1.1 §4.8.8.1), which many documents have.
            let other = same.last().copied().flatten().and_then(|other| parts.get(other));
            let twice = other
                .and_then(|(_, others)| methods.iter().find(|(own, _)| others.iter().any(|(method, _)| method == own)));
            if let (Some((method, _)), Some(other)) = (twice, same.last().copied().flatten()) {
                let message = format!("`{method}` on this path is described at `{}`, too", paths.template(other));
                self.mistake(&item.pointer, message, "describe each operation once");
            }
            parts.push((item, methods));
        }
        if parts.is_empty() && self.mistakes.is_empty() {
            self.mistake("/paths", "there are no operations".to_owned(), "describe each path in `paths`");
        }
        let mut operations = Vec::new();
        for (index, (item, methods)) in parts.iter().enumerate() {
            let template = paths.template(index);
            let common = item.get("parameters");
            let list = methods.iter().map(|(method, operation)| {
                let name = operation
                    .text("operationId")
                    .map_or_else(|| [method.as_str(), " ", template].concat(), str::to_owned);
                Operation {
                    method: method.clone(),
                    name: name.into(),
                    parameters: self.parameters(common.as_ref(), operation),
                    content: self.content(operation),
                    responses: self.responses(operation),
                }
            });
            operations.push(list.collect::<Box<[_]>>());
        }
        let keys = self.keys(&whole);
        if !self.mistakes.is_empty() {
            return Err(self.mistakes);
        }
        let (schema, roots) = Schema::compile_all(self.document, options, self.places.into_iter())?;
        let mut description = Description { paths, operations: operations.into(), schema, keys };
        description.settle(&roots);
        Ok(description)
    }

    #[cold]
    fn mistake(&mut self, place: &str, message: String, help: &'static str) {
        self.mistakes.push(Mistake { place: place.to_owned(), message, help });
    }

    /// What `spot` is, or refers to; none if that is not there, which is a mistake.
    fn resolve(&mut self, spot: Spot<'d>) -> Option<Spot<'d>> {
        let mut spot = spot;
        for _ in 0..MOST_HOPS {
            let Some(reference) = spot.text("$ref") else { return Some(spot) };
            let place = [&spot.pointer, "/$ref"].concat();
            if !reference.starts_with('#') {
                let message = format!("`{reference}` leads out of the document");
                self.mistake(&place, message, "bundle the documents into one: nothing is fetched");
                return None;
            }
            let Some(value) = referred(reference, self.document) else {
                let message = format!("`{reference}` leads to no place in the document");
                self.mistake(&place, message, "write a JSON Pointer, such as `#/components/parameters/limit`");
                return None;
            };
            let pointer = reference.strip_prefix('#').and_then(percent::decode_whole).unwrap_or_default();
            spot = Spot { pointer, value };
        }
        self.mistake(&spot.pointer, "this reference leads back to itself".to_owned(), "describe it in one place");
        None
    }

    /// The schema at `spot`, whose number stands for it until all are compiled; and the types in it, if it is for a text.
    fn schema(&mut self, spot: Option<Spot<'d>>, is_text: bool) -> (Option<Root>, Shape) {
        let Some(spot) = spot else { return (None, Shape::default()) };
        let number = self.places.len();
        self.places.push(spot.pointer);
        let shape = if is_text { Shape::of(spot.value, self.document) } else { Shape::default() };
        (Some(Root::numbered(number)), shape)
    }

    fn parameters(&mut self, common: Option<&Spot<'d>>, operation: &Spot<'d>) -> Box<[Parameter]> {
        let mut parameters: Vec<Parameter> = Vec::new();
        let own = operation.get("parameters");
        // Those of the operation go before those of the path (OpenAPI 3.1.1 §4.8.10).
        for (_, spot) in own.iter().chain(common).flat_map(Spot::children) {
            let Some(spot) = self.resolve(spot) else { continue };
            let place = match spot.text("in") {
                Some("path") => Place::Path,
                Some("query") => Place::Query,
                Some("header") => Place::Header,
                Some("cookie") => Place::Cookie,
                _ => {
                    let message = "a parameter is in `path`, `query`, `header` or `cookie`".to_owned();
                    self.mistake(&spot.pointer, message, "write one of them as `in`");
                    continue;
                }
            };
            let Some(name) = spot.text("name") else {
                self.mistake(&spot.pointer, "the parameter has no name".to_owned(), "write `name`");
                continue;
            };
            let name = if place == Place::Header { name.to_ascii_lowercase() } else { name.to_owned() };
            if place == Place::Header && OTHER_FIELDS.contains(&&*name) {
                continue;
            }
            if parameters.iter().any(|known| known.place == place && *known.name == *name) {
                continue;
            }
            parameters.extend(self.parameter(&spot, place, &name));
        }
        parameters.into()
    }

    fn parameter(&mut self, spot: &Spot<'d>, place: Place, name: &str) -> Option<Parameter> {
        let content = spot.get("content").and_then(|content| content.children().into_iter().next());
        let (form, schema) = match content {
            Some((kind, media)) => {
                let is_json = Reading::of(&kind.to_ascii_lowercase()) == Reading::Json;
                let schema = self.resolve(media)?.get("schema").filter(|_| is_json);
                (if is_json { Form::JSON } else { Form::TEXT }, schema)
            }
            None => (self.form(spot, place)?, spot.get("schema")),
        };
        let (schema, shape) = self.schema(schema, form != Form::JSON);
        Some(Parameter {
            place,
            name: name.into(),
            is_required: spot.is_set("required") || place == Place::Path,
            may_be_empty: spot.is_set("allowEmptyValue"),
            form,
            shape,
            schema,
        })
    }

    /// The form of a parameter, or of a field of a form.
    fn form(&mut self, spot: &Spot<'d>, place: Place) -> Option<Form> {
        let style = match (spot.text("style"), place) {
            (None, Place::Query | Place::Cookie) | (Some("form"), _) => Style::Form,
            (None, Place::Path | Place::Header) | (Some("simple"), _) => Style::Simple,
            (Some("label"), _) => Style::Label,
            (Some("matrix"), _) => Style::Matrix,
            (Some("spaceDelimited"), _) => Style::Spaces,
            (Some("pipeDelimited"), _) => Style::Pipes,
            (Some("deepObject"), _) => Style::Deep,
            (Some(other), _) => {
                let message = format!("there is no style `{other}`");
                let help = "`form`, `simple`, `label`, `matrix`, `spaceDelimited`, `pipeDelimited` or `deepObject`";
                self.mistake(&[&spot.pointer, "/style"].concat(), message, help);
                return None;
            }
        };
        let explode = spot.flag("explode").unwrap_or(matches!(style, Style::Form | Style::Deep));
        Some(Form { style, explode })
    }

    fn content(&mut self, operation: &Spot<'d>) -> Option<Content> {
        let body = self.resolve(operation.get("requestBody")?)?;
        let media = body.get("content").map(|content| self.media(&content)).unwrap_or_default();
        Some(Content { is_required: body.is_set("required"), media })
    }

    fn media(&mut self, content: &Spot<'d>) -> Box<[Media]> {
        let mut list = Vec::new();
        for (kind, media) in content.children() {
            let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            let Some(media) = self.resolve(media) else { continue };
            let reading = Reading::of(&kind);
            let is_read = reading != Reading::Unread || kind.contains('*');
            let (schema, shape) = self.schema(media.get("schema").filter(|_| is_read), reading != Reading::Json);
            let fields = media.get("encoding").filter(|_| reading == Reading::Form);
            let mut encoding = Vec::new();
            for (name, field) in fields.iter().flat_map(Spot::children) {
                if field.object().is_some_and(|field| field.get("style").is_some() || field.get("explode").is_some()) {
                    encoding.extend(self.form(&field, Place::Query).map(|form| (name.into(), form)));
                }
            }
            list.push(Media { kind: kind.into(), reading, shape, schema, encoding: encoding.into() });
        }
        list.into()
    }

    fn responses(&mut self, operation: &Spot<'d>) -> Box<[Response]> {
        let mut responses = Vec::new();
        for (status, response) in operation.get("responses").iter().flat_map(Spot::children) {
            if status.starts_with("x-") {
                continue;
            }
            let statuses = match (status, status.parse::<u16>(), status.as_bytes()) {
                ("default", ..) => None,
                (_, Ok(status @ 100..=599), _) => Some((status, status)),
                (_, _, [class @ b'1'..=b'5', b'X' | b'x', b'X' | b'x']) => {
                    let first = u16::from(class.saturating_sub(b'0')).saturating_mul(100);
                    Some((first, first.saturating_add(99)))
                }
                _ => {
                    let message = format!("`{status}` is no status");
                    self.mistake(&response.pointer, message, "write `200`, `2XX` or `default`");
                    continue;
                }
            };
            let Some(response) = self.resolve(response) else { continue };
            let mut headers = Vec::new();
            for (name, header) in response.get("headers").iter().flat_map(Spot::children) {
                let name = name.to_ascii_lowercase();
                let Some(header) = self.resolve(header).filter(|_| name != "content-type") else { continue };
                headers.extend(self.parameter(&header, Place::Header, &name));
            }
            let media = response.get("content").map(|content| self.media(&content));
            responses.push(Response { statuses, headers: headers.into(), media });
        }
        // Exact ones go before classes, and those before the rest (OpenAPI 3.1.1 §4.8.16.1).
        crate::order::sort_by(&mut responses, |one, other| one.rank().cmp(&other.rank()));
        responses.into()
    }

    /// The names of API keys in the query, which are no parameters of operations.
    fn keys(&mut self, whole: &Spot<'d>) -> Box<[Box<str>]> {
        let schemes = whole.get("components").and_then(|components| components.get("securitySchemes"));
        let mut keys = Vec::new();
        for (_, scheme) in schemes.iter().flat_map(Spot::children) {
            let Some(scheme) = self.resolve(scheme) else { continue };
            if scheme.text("in") == Some("query") {
                keys.extend(scheme.text("name").map(Box::from));
            }
        }
        keys.into()
    }
}

impl Response {
    /// The number of statuses that it is for.
    fn rank(&self) -> u16 {
        self.statuses.map_or(u16::MAX, |(first, last)| last.saturating_sub(first))
    }
}

impl Description {
    /// Puts the compiled schemas in the places of their numbers.
    fn settle(&mut self, roots: &[Root]) {
        let settle = |schema: &mut Option<Root>| *schema = schema.and_then(|number| number.among(roots));
        for operation in self.operations.iter_mut().flat_map(|operations| &mut **operations) {
            let Operation { parameters, content, responses, .. } = operation;
            parameters.iter_mut().for_each(|parameter| settle(&mut parameter.schema));
            let media = content.iter_mut().flat_map(|content| &mut *content.media);
            media.for_each(|media| settle(&mut media.schema));
            for Response { headers, media, .. } in responses {
                headers.iter_mut().for_each(|header| settle(&mut header.schema));
                media.iter_mut().flatten().for_each(|media| settle(&mut media.schema));
            }
        }
    }
}
