//! Edits of content, each with all that can be checked before there is one.

use http::StatusCode;
use std::sync::Arc;

use super::Compiler;
use super::at::At;
use super::edits::Parameters;
use crate::config::{
    self, ByteSize, ContentForm, Entries, FormFields, JsonStep, OtherContent, ScalarType, THOROUGH, TextStep, XmlForm,
    lazily,
};
use crate::document::Value;
use crate::document::patch::Patch;
use crate::document::path::{Location, Path};
use crate::document::pointer::Pointer;
use crate::policy::body_edit::text::{Mistake, Replacement};
use crate::policy::body_edit::{
    BodyEdit, Computed, Form, Join, Literal, MOST_BYTES, Scalar, Statuses, Step, USUAL_BYTES, form as form_rules, xml,
};
use crate::policy::expression::Expression;
use crate::policy::status_map::StatusMap;
use crate::template::Template;

/// What the edits of one content have in common.
struct Body<'p> {
    parameters: Parameters<'p>,
    templates: Vec<Template>,
}

const COMPUTED_HELP: &str = "`body.price * body.count` is one; the documentation has the rest under Expressions";

impl Compiler<'_> {
    /// The edits of the content of requests that `edits` are.
    #[inline(never)]
    pub(super) fn request_body(
        &mut self,
        at: &At<'_>,
        edits: &config::BodyEdits,
        parameters: Parameters<'_>,
    ) -> Option<BodyEdit> {
        let config::BodyEdits { json, text, from, to, xml, form, max_bytes, others } = edits;
        self.do_something(at, (json, text), *to);
        self.body(at, (json, text), (from, *to, (xml, form)), (*max_bytes, Statuses::default(), *others), parameters)
    }

    /// The edits of the content of responses that `edits` are.
    #[inline(never)]
    pub(super) fn response_body(
        &mut self,
        at: &At<'_>,
        edits: &config::ResponseBodyEdits,
        parameters: Parameters<'_>,
    ) -> Option<BodyEdit> {
        let mut ranges = Vec::new();
        for (index, text) in edits.statuses.iter().enumerate() {
            match statuses(text) {
                Some(range) => ranges.push(range),
                None => self.error_with(
                    &at.member("statuses").index(index),
                    format_args!("`{text}` is no status of a response with content"),
                    "write `200`, or `2xx` for all from 200 to 299",
                ),
            }
        }
        let config::ResponseBodyEdits { json, text, from, to, xml, form, max_bytes, others, statuses: _ } = edits;
        self.do_something(at, (json, text), *to);
        self.body(at, (json, text), (from, *to, (xml, form)), (*max_bytes, Statuses::of(ranges), *others), parameters)
    }

    fn do_something(&mut self, at: &At<'_>, (json, text): (&[JsonStep], &[TextStep]), to: Option<ContentForm>) {
        if json.is_empty() && text.is_empty() && to.is_none() {
            let help = "add steps to `json` or `text`, or a form `to`, or remove this";
            self.error_with(at, "there is nothing to do", help);
        }
    }

    pub(super) fn body(
        &mut self,
        at: &At<'_>,
        (json, text): (&[JsonStep], &[TextStep]),
        (from, to, (xml, fields)): (&[ContentForm], Option<ContentForm>, (&XmlForm, &FormFields)),
        (max_bytes, statuses, others): (Option<ByteSize>, Statuses, OtherContent),
        parameters: Parameters<'_>,
    ) -> Option<BodyEdit> {
        let before = self.errors.len();
        let most_bytes = max_bytes.map_or(USUAL_BYTES, |size| size.0);
        if most_bytes == 0 || most_bytes > MOST_BYTES {
            self.error_with(&at.member("maxBytes"), "so much can't be edited", "write a size from `1B` to `16MiB`");
        }
        if to.is_some_and(|to| form(to).is_stream()) {
            self.error_with(&at.member("to"), "nothing becomes a stream", "remove this: a stream keeps its form");
        } else if to == Some(ContentForm::Text) {
            self.error_with(&at.member("to"), "nothing becomes text", "remove this, or write another form");
        } else if to.is_some() && !from.is_empty() && from.iter().all(|from| form(*from).is_stream()) {
            self.error_with(
                &at.member("to"),
                "a stream gets no other form",
                "remove this: lines and events are edited one by one, and stay what they are",
            );
        }
        for (index, name) in xml.lists.iter().enumerate() {
            let at = at.member("xml");
            let at = at.member("lists");
            for name in name.splitn(2, '/') {
                self.element(&at.index(index), name);
            }
        }
        if let Some(root) = &xml.root {
            self.element(&at.member("xml").member("root"), root);
        }
        let mut body = Body { parameters, templates: Vec::new() };
        let list = at.member("json");
        let (mut steps, mut places) = (Vec::new(), Vec::new());
        for (index, step) in json.iter().enumerate() {
            self.step(&list.index(index), step, &mut body, &mut steps);
            if THOROUGH {
                places.resize(steps.len(), index);
            }
        }
        let text = self.replacements(&at.member("text"), text, from);
        let from = match from {
            [] if text.is_empty() => [Form::Json].into(),
            [] if json.is_empty() && to.is_none() => [Form::Text].into(),
            [] => [Form::Json, Form::Text].into(),
            from => from.iter().copied().map(form).collect(),
        };
        let xml = xml::Rules {
            lists: xml.lists.iter().map(|name| name.as_str().into()).collect(),
            without_namespaces: xml.namespaces == Some(false),
            root: xml.root.as_deref().map(Box::from),
        };
        let templates = body.templates.into();
        let body = BodyEdit {
            passes_others: others == OtherContent::Pass,
            steps: steps.into(),
            places: places.into(),
            text,
            templates,
            most_bytes,
            statuses,
            from,
            to: to.map(form),
            xml,
            form: form_rules::Rules { lists: fields.lists.iter().map(|name| name.as_str().into()).collect() },
        };
        (self.errors.len() == before).then_some(body)
    }

    /// Reports a name that no element can have.
    fn element(&mut self, at: &At<'_>, name: &str) {
        if !xml::is_name(name) {
            self.error_with(
                at,
                format_args!("`{name}` is no name of an element"),
                "write it as in the document: `item`, `soap:Body`",
            );
        }
    }

    fn replacements(&mut self, at: &At<'_>, steps: &[TextStep], from: &[ContentForm]) -> Box<[Replacement]> {
        if !steps.is_empty() && !from.is_empty() && !from.contains(&ContentForm::Text) {
            self.error_with(at, "no text is edited", "add `text` to `from`, or remove this");
        }
        let mut compiled = Vec::new();
        for (index, step) in steps.iter().enumerate() {
            match Replacement::compile(&step.replace, &step.with) {
                Ok(replacement) => compiled.push(replacement),
                Err(mistake) => {
                    let (member, help) = match mistake {
                        Mistake::Expression(_) => {
                            ("replace", "write it as for `regex` elsewhere, and shorter than 4 KiB compiled")
                        }
                        _ => ("with", "write `$1` or `$<name>` for a group of the expression, and `$$` for a `$`"),
                    };
                    self.error_with(&at.index(index).member(member), mistake, help);
                }
            }
        }
        compiled.into()
    }

    fn steps(&mut self, at: &At<'_>, steps: &[JsonStep], body: &mut Body<'_>) -> Box<[Step]> {
        let mut compiled = Vec::new();
        for (index, step) in steps.iter().enumerate() {
            self.step(&at.index(index), step, body, &mut compiled);
        }
        compiled.into()
    }

    fn step(&mut self, at: &At<'_>, step: &JsonStep, body: &mut Body<'_>, out: &mut Vec<Step>) {
        match step {
            JsonStep::Pick(paths) => {
                let paths = self.json_paths(&at.member("pick"), paths);
                out.push(Step::Pick(paths));
            }
            JsonStep::Drop(paths) => {
                let paths = self.json_paths(&at.member("drop"), paths);
                out.push(Step::Drop(paths));
            }
            JsonStep::Rename(names) => {
                let at = at.member("rename");
                for (from, name) in names.iter() {
                    if let Some(rest) = name.strip_prefix('/') {
                        self.error_with(
                            &at.member(from),
                            format_args!("`{name}` is a pointer, and not a name"),
                            format_args!("write `{rest}`; `move` has pointers on both sides"),
                        );
                    }
                    if let Some(from) = self.part(&at.member(from), from) {
                        out.push(Step::Rename(from, name.as_str().into()));
                    }
                }
            }
            JsonStep::Move(places) => {
                let at = at.member("move");
                for (from, to) in places.iter() {
                    let at = at.member(from);
                    if let (Some(from), Some(to)) = (self.pointer(&at, from), self.pointer(&at, to)) {
                        out.push(Step::Move(from, to));
                    }
                }
            }
            JsonStep::Copy(places) => {
                let at = at.member("copy");
                for (from, to) in places.iter() {
                    let at = at.member(from);
                    if let (Some(from), Some(to)) = (self.json_path(&at, from), self.pointer(&at, to)) {
                        out.push(Step::Copy(from, to));
                    }
                }
            }
            JsonStep::Set(values) => self.values(&at.member("set"), values, body, out, Step::Set),
            JsonStep::Default(values) => self.values(&at.member("default"), values, body, out, Step::Default),
            JsonStep::Convert(types) => {
                let at = at.member("convert");
                for (to, scalar) in types.iter() {
                    out.extend(self.pointer(&at.member(to), to).map(|to| Step::Convert(to, scalar_of(*scalar))));
                }
            }
            JsonStep::Compute(values) => {
                let at = at.member("compute");
                for (to, text) in values.iter() {
                    let at = at.member(to);
                    let to = self.pointer(&at, to);
                    let computed = self.computed(&at, text, body);
                    if let (Some(to), Some(computed)) = (to, computed) {
                        out.push(Step::Compute(to, Arc::new(computed)));
                    }
                }
            }
            JsonStep::Wrap(name) => out.push(Step::Wrap(name.as_str().into())),
            JsonStep::Flatten(prefixes) => {
                let at = at.member("flatten");
                for (from, prefix) in prefixes.iter() {
                    if let Some(from) = self.pointer(&at.member(from), from) {
                        out.push(Step::Flatten(from, prefix.as_str().into()));
                    }
                }
            }
            JsonStep::Each(each) => {
                let at = at.member("each");
                let path = self.json_path(&at.member("in"), &each.r#in);
                if each.steps.is_empty() {
                    self.error_with(&at.member("steps"), "there is nothing to do", "add steps, or remove this");
                }
                let steps = self.steps(&at.member("steps"), &each.steps, body);
                out.extend(path.map(|path| Step::Each(path, steps)));
            }
            JsonStep::Concat(lists) => {
                let at = at.member("concat");
                for (to, queries) in lists.iter() {
                    let at = at.member(to);
                    let queries = self.json_paths(&at, queries);
                    out.extend(self.pointer(&at, to).map(|to| Step::Concat(queries, to)));
                }
            }
            JsonStep::Join(join) => {
                let at = at.member("join");
                let place = self.json_path(&at.member("in"), &join.r#in);
                let key = self.pointer(&at.member("key"), &join.key);
                let from = self.json_path(&at.member("from"), &join.from);
                let by = self.pointer(&at.member("by"), join.by.as_deref().unwrap_or("/id"));
                let to = self.part(&at.member("to"), &join.to);
                if let (Some(place), Some(key), Some(from), Some(by), Some(to)) = (place, key, from, by, to) {
                    let is_many = join.many.unwrap_or(false);
                    out.push(Step::Join(Box::new(Join { place, key, from, by, to, is_many })));
                }
            }
            JsonStep::Patch(operations) => {
                let operations = operations.iter().map(|operation| operation.0.clone()).collect();
                match Patch::compile(&Value::Array(operations)) {
                    Ok(patch) => out.push(Step::Patch(patch)),
                    Err(mistake) => {
                        let at = at.member("patch");
                        let at = mistake.index.map_or(at, |index| at.index(index));
                        let help =
                            "write it as RFC 6902 has it: `{\"op\": \"replace\", \"path\": \"/a\", \"value\": 1}`";
                        self.error_with(&at, mistake.message, help);
                    }
                }
            }
            JsonStep::Merge(patch) => out.push(Step::Merge(patch.0.clone())),
        }
    }

    fn values(
        &mut self,
        at: &At<'_>,
        values: &Entries<config::Literal>,
        body: &mut Body<'_>,
        out: &mut Vec<Step>,
        step: fn(Pointer, Literal) -> Step,
    ) {
        for (to, value) in values.iter() {
            let at = at.member(to);
            let to = self.pointer(&at, to);
            let mut literal = Literal { value: value.0.clone(), texts: Box::default() };
            let mut texts = Vec::new();
            self.texts(&at, &mut literal.value, (&mut Vec::new(), &mut texts), body);
            literal.texts = texts.into();
            out.extend(to.map(|to| step(to, literal)));
        }
    }

    /// The value that the expression `text` is for.
    fn computed(&mut self, at: &At<'_>, text: &str, body: &mut Body<'_>) -> Option<Computed> {
        let compiled = Expression::compile_content(text, body.parameters);
        let expression = self.read_expression(at, text, compiled, COMPUTED_HELP)?;
        let mut facts = Vec::new();
        for (place, fact) in expression.facts(body.parameters) {
            let Some(fact) = fact else { continue };
            let template = self.template(at, &fact, body.parameters)?;
            facts.push((place, body.templates.len()));
            body.templates.push(template);
        }
        Some(Computed { expression, facts: facts.into() })
    }

    /// Finds the texts in `value` that are templates, whose `place` in the whole that is; the others become what they say.
    fn texts(
        &mut self,
        at: &At<'_>,
        value: &mut Value,
        (place, found): (&mut Location, &mut Vec<(Location, usize)>),
        body: &mut Body<'_>,
    ) {
        if let Value::String(text) = value {
            match self.template(at, text, body.parameters) {
                Some(template) if template.has_variables() => {
                    found.push((place.clone(), body.templates.len()));
                    body.templates.push(template);
                }
                Some(template) => *text = template.as_text().unwrap_or_default().into(),
                None => {}
            }
            return;
        }
        for index in 0..value.children() {
            let name = match &*value {
                Value::Object(object) => object.members().get(index).map(|(name, _)| name.clone()),
                _ => None,
            };
            let at = name.as_deref().map_or_else(|| at.index(index), |name| at.member(name));
            place.push(index);
            if let Some(child) = value.child_mut(index) {
                self.texts(&at, child, (place, found), body);
            }
            place.pop();
        }
    }

    fn json_paths(&mut self, at: &At<'_>, texts: &[String]) -> Box<[Path]> {
        if texts.is_empty() {
            self.error_with(at, "the list is empty", "add a JSONPath: `$.id`");
        }
        let mut paths = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            paths.extend(self.json_path(&at.index(index), text));
        }
        paths.into()
    }

    fn json_path(&mut self, at: &At<'_>, text: &str) -> Option<Path> {
        match Path::parse(text) {
            Ok(path) => Some(path),
            Err(mistake) => {
                let help = lazily(|| match Pointer::parse(text).filter(|pointer| !pointer.tokens().is_empty()) {
                    Some(pointer) => format!("write `{}`", path_of(&pointer)),
                    None => "write it as RFC 9535 has it: `$.items[*].id`".to_owned(),
                });
                self.error_with(at, format_args!("`{text}` is no JSONPath: {mistake}"), help);
                None
            }
        }
    }

    fn pointer(&mut self, at: &At<'_>, text: &str) -> Option<Pointer> {
        let pointer = Pointer::parse(text);
        if pointer.is_none() {
            let help = lazily(|| {
                Pointer::likely(text)
                    .map_or_else(|| "write `\"\"` for the whole".to_owned(), |likely| format!("write `{likely}`"))
            });
            self.error_with(at, format_args!("`{text}` is no JSON Pointer (RFC 6901)"), help);
        }
        pointer
    }

    /// A pointer to a part, and not to the whole.
    fn part(&mut self, at: &At<'_>, text: &str) -> Option<Pointer> {
        let pointer = self.pointer(at, text)?;
        if pointer.tokens().is_empty() {
            self.error_with(at, "the whole has no name", "write the pointer to a member: `/name`");
            return None;
        }
        Some(pointer)
    }
}

pub(super) const fn form(form: ContentForm) -> Form {
    match form {
        ContentForm::Json => Form::Json,
        ContentForm::Form => Form::UrlEncoded,
        ContentForm::Multipart => Form::Multipart,
        ContentForm::Xml => Form::Xml,
        ContentForm::Text => Form::Text,
        ContentForm::Ndjson => Form::Ndjson,
        ContentForm::Events => Form::Events,
    }
}

const fn scalar_of(scalar: ScalarType) -> Scalar {
    match scalar {
        ScalarType::Number => Scalar::Number,
        ScalarType::Boolean => Scalar::Boolean,
        ScalarType::String => Scalar::String,
    }
}

/// The JSONPath that leads where `pointer` does.
fn path_of(pointer: &Pointer) -> String {
    let tokens = pointer.tokens().iter().map(|token| match token.index {
        Some(index) => format!("[{index}]"),
        None => format!("[{}]", Value::from(&*token.name)),
    });
    ["$".to_owned()].into_iter().chain(tokens).collect()
}

impl Compiler<'_> {
    /// The statuses that responses get by `map`.
    pub(super) fn status_map(&mut self, at: &At<'_>, map: &Entries<u16>) -> Option<StatusMap> {
        let mut entries = Vec::new();
        for (from, to) in map.iter() {
            let at = at.member(from);
            let Some(range) = statuses(from) else {
                self.error_with(
                    &at,
                    format_args!("`{from}` is no status of a response with content"),
                    "write `404`, or `4xx` for all from 400 to 499",
                );
                continue;
            };
            // What these say is said of other fields and of other content.
            match StatusCode::from_u16(*to).ok().filter(|_| (200..600).contains(to) && !matches!(to, 204..=206 | 304)) {
                Some(to) => entries.push((range, to)),
                None => self.error_with(
                    &at,
                    format_args!("{to} is no status that a response can get"),
                    "write one from 200 to 599 with content, so not 204, 205, 206 or 304",
                ),
            }
        }
        (!entries.is_empty()).then(|| StatusMap::of(entries))
    }
}

/// The first and the last of the statuses that `text` names, if responses by them have content (RFC 9110 §15).
fn statuses(text: &str) -> Option<(u16, u16)> {
    let range = match text.strip_suffix("xx") {
        Some(class) => {
            let first = class.parse::<u16>().ok().filter(|_| class.len() == 1)?.checked_mul(100)?;
            (first, first.checked_add(99)?)
        }
        None => {
            let status = text.parse().ok().filter(|_| text.len() == 3)?;
            (status, status)
        }
    };
    ((200..600).contains(&range.0) && !matches!(range, (204 | 205 | 304, last) if last == range.0)).then_some(range)
}
