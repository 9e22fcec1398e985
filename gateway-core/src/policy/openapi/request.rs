//! Requests as their description has them.

use std::borrow::Cow;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, COOKIE};
use http::{HeaderMap, HeaderValue, Method};

use super::fields::{self, Form, Style, of_query, of_text, path_text, plain_text};
use super::path::Values;
use super::{Description, MOST_FLAWS, Media, Operation, Parameter, Place, Reading, best};
use crate::document::schema::Side;
use crate::document::{Budget, Value};
use crate::error::{Flaw, Reject};
use crate::http::percent;
use crate::policy::body_edit::form::Rules;
use crate::policy::body_edit::multipart;
use crate::policy::validate::{is_in_utf8, media_type};

/// A request, as far as it is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The method.
    pub method: &'a Method,
    /// The path below the API's prefix.
    pub path: &'a str,
    /// The query.
    pub query: Option<&'a str>,
    /// The header fields.
    pub headers: &'a HeaderMap,
}

/// The operation that a request is for.
#[derive(Debug)]
pub struct Found<'d> {
    /// The operation.
    pub operation: &'d Operation,
    /// The numbers of its path and of itself there.
    pub index: (usize, usize),
    values: Values<'d>,
}

/// The reason why there is no operation.
#[derive(Debug, PartialEq, Eq)]
pub enum Missing {
    /// No path is this one.
    Path,
    /// The path has these methods alone.
    Method(String),
}

/// What is wrong with a request.
#[derive(Debug, Default)]
pub struct Faults {
    /// Its parameters.
    pub parameters: Vec<Flaw>,
    /// Its content.
    pub content: Vec<Flaw>,
}

impl Faults {
    /// Returns whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.parameters.is_empty() && self.content.is_empty()
    }

    /// The refusal of the request: 400 if its parameters are wrong, else 422 (RFC 9110 §15.5.1, §15.5.21).
    #[must_use]
    pub fn into_reject(self) -> Reject {
        let reject = if self.parameters.is_empty() { Reject::content_invalid() } else { Reject::parameters_invalid() };
        let flaws = self.parameters.into_iter().chain(self.content).take(MOST_FLAWS).collect();
        Reject { flaws: Some(flaws), ..reject }
    }

    /// The first of them, in words.
    #[must_use]
    pub fn first(&self) -> String {
        self.parameters.iter().chain(&self.content).next().map(Flaw::to_string).unwrap_or_default()
    }
}

impl Description {
    /// The operation for `method` on `path`, which is that below the API's prefix. HEAD is GET, where it is not described itself (RFC 9110 §9.3.2).
    ///
    /// # Errors
    /// There is none.
    pub fn find<'d>(&'d self, method: &Method, path: &'d str) -> Result<Found<'d>, Missing> {
        let mut others: Option<Vec<&str>> = None;
        for (index, values) in self.paths.find(path) {
            let operations = self.operations.get(index).map(|operations| &**operations).unwrap_or_default();
            let of = |method: &Method| operations.iter().enumerate().find(|(_, operation)| operation.method == *method);
            let found = of(method).or_else(|| if *method == Method::HEAD { of(&Method::GET) } else { None });
            if let Some((number, operation)) = found {
                return Ok(Found { operation, index: (index, number), values });
            }
            others.get_or_insert_default().extend(operations.iter().map(|operation| operation.method.as_str()));
        }
        let mut names = others.ok_or(Missing::Path)?;
        if names.contains(&"GET") && !names.contains(&"HEAD") {
            names.push("HEAD");
        }
        Err(Missing::Method(names.join(", ")))
    }

    /// The operation with these numbers.
    #[must_use]
    pub fn at(&self, (path, operation): (usize, usize)) -> Option<&Operation> {
        self.operations.get(path)?.get(operation)
    }

    /// Looks at the parameters of a request. Returns what is wrong with them, and the names in the query that the description has not.
    #[must_use]
    pub fn check_parameters(&self, found: &Found<'_>, asked: &Asked<'_>) -> (Vec<Flaw>, Strange) {
        let mut flaws = Vec::new();
        let Some(mut pairs) = fields::pairs(asked.query.unwrap_or_default()) else {
            let flaw = Flaw { place: Some("query"), ..Flaw::new("has a name that is not in UTF-8".to_owned()) };
            return (vec![flaw], Strange::default());
        };
        for parameter in &found.operation.parameters {
            if flaws.len() >= MOST_FLAWS {
                break;
            }
            let mut read = |is_text: bool| parameter.read(found, asked, &mut pairs, is_text);
            match read(false) {
                Ok(Some(value)) => {
                    let is_empty = parameter.may_be_empty && value == Value::from("");
                    if let Some(schema) = parameter.schema.filter(|_| !is_empty) {
                        let check =
                            |value: &Value| self.schema.check_by((schema, Some(Side::Request)), value, MOST_FLAWS);
                        let mut checked = check(&value);
                        if parameter.shape.is_ambiguous()
                            && !matches!(&checked, Ok(violations) if violations.is_empty())
                            && let Ok(Some(text)) = read(true)
                            && let Ok(violations) = check(&text)
                            && violations.is_empty()
                        {
                            checked = Ok(violations);
                        }
                        match checked {
                            Ok(violations) => flaws.extend(violations.into_iter().map(|violation| {
                                let pointer = (!violation.pointer.is_empty()).then(|| fragment(&violation.pointer));
                                Flaw { pointer, ..parameter.flaw(violation.message) }
                            })),
                            Err(_) => {
                                flaws.push(parameter.flaw("takes more work to check than there is time for".to_owned()))
                            }
                        }
                    }
                }
                Ok(None) if parameter.is_required => flaws.push(parameter.flaw("is missing".to_owned())),
                Ok(None) => {}
                Err(wrong) => flaws.push(parameter.flaw(wrong.to_owned())),
            }
        }
        let mut strange = Strange::default();
        for pair in &pairs {
            if pair.is_known || self.keys.iter().any(|key| **key == pair.name) {
                strange.rest.push(pair.raw.to_owned());
            } else if !strange.names.contains(&pair.name) {
                strange.names.push(pair.name.clone());
            }
        }
        (flaws, strange)
    }

    /// The media type of a request's content, if the content is to be looked into.
    ///
    /// # Errors
    /// 415: the operation takes none of this type, or it can't be looked into (RFC 9110 §15.5.16).
    pub fn reader<'d>(&self, found: &Found<'d>, headers: &HeaderMap) -> Result<Option<Reader<'d>>, Reject> {
        let Some(content) = &found.operation.content else { return Ok(None) };
        let mut values = headers.get_all(CONTENT_TYPE).iter();
        let value = values.next().filter(|_| values.next().is_none());
        let kind = value.and_then(media_type);
        let media = kind.as_deref().and_then(|kind| best(&content.media, kind));
        let (Some(value), Some(media)) = (value, media) else {
            return Err(unsupported(&content.media));
        };
        let reading = media.reading_of(kind.as_deref().unwrap_or_default());
        if reading == Reading::Unread || media.schema.is_none() {
            return Ok(None);
        }
        if headers.contains_key(CONTENT_ENCODING) {
            return Err(Reject::unsupported_content_type().with_detail("compressed content is not taken here"));
        }
        if !is_in_utf8(value) {
            return Err(Reject::unsupported_content_type().with_detail("content is taken in UTF-8 alone here"));
        }
        Ok(Some(Reader { media, reading }))
    }

    /// The flaw of a request without content, where some is required.
    #[must_use]
    pub fn lacks_content(&self, found: &Found<'_>) -> Option<Flaw> {
        let is_required = found.operation.content.as_ref().is_some_and(|content| content.is_required);
        is_required.then(|| Flaw { pointer: Some("#".to_owned()), ..Flaw::new("there has to be content".to_owned()) })
    }

    /// Looks at content. Returns what is wrong with it.
    ///
    /// # Errors
    /// 400: it can't be read (RFC 9110 §15.5.1).
    pub fn check_content(
        &self,
        Reader { media, reading }: Reader<'_>,
        content: &[u8],
        headers: &HeaderMap,
    ) -> Result<Vec<Flaw>, Reject> {
        let refused = |why: &str| Reject::content_refused().with_detail(["the content is not taken: ", why].concat());
        let Some(schema) = media.schema else { return Ok(Vec::new()) };
        let check = |value: &Value| {
            let checked = self.schema.check_by((schema, Some(Side::Request)), value, MOST_FLAWS);
            checked.map_err(|_| refused("it takes more work to check than there is time for"))
        };
        let value = media.read((content, reading), headers, false).map_err(|why| refused(&why))?;
        let mut violations = check(&value)?;
        if !violations.is_empty()
            && matches!(reading, Reading::Form | Reading::Multipart)
            && let Ok(value) = media.read((content, reading), headers, true)
        {
            // Of a field that may be a text and a number, the one counts that is right.
            let others = check(&value)?;
            if others.is_empty() {
                violations = others;
            }
        }
        Ok(violations
            .into_iter()
            .map(|violation| Flaw { pointer: Some(fragment(&violation.pointer)), ..Flaw::new(violation.message) })
            .collect())
    }
}

/// The way to read the content of a request.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'d> {
    media: &'d Media,
    reading: Reading,
}

/// The names in a query that its description has not.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Strange {
    /// The names.
    pub names: Vec<String>,
    /// All other fields, as they stand.
    pub rest: Vec<String>,
}

/// A pointer as a fragment of a URI (RFC 6901 §6).
fn fragment(pointer: &str) -> String {
    let mut fragment = "#".to_owned();
    percent::encode_fragment(pointer, &mut fragment);
    fragment
}

fn unsupported(media: &[Media]) -> Reject {
    let kinds: Vec<&str> = media.iter().map(|media| &*media.kind).collect();
    let reject = Reject::unsupported_content_type();
    match HeaderValue::try_from(kinds.join(", ")) {
        Ok(value) if !value.is_empty() => reject.with_header(http::header::ACCEPT, value),
        _ => reject,
    }
}

impl Media {
    /// The way that content of the type `kind` is read: that of a range's, as the type that the content has.
    pub(super) fn reading_of(&self, kind: &str) -> Reading {
        if self.kind.contains('*') { Reading::of(kind) } else { self.reading }
    }

    /// The value that `content` is.
    pub(super) fn read(
        &self,
        (content, reading): (&[u8], Reading),
        headers: &HeaderMap,
        is_text: bool,
    ) -> Result<Value, Cow<'static, str>> {
        let text = || core::str::from_utf8(content).map_err(|_| Cow::from("it is not in UTF-8"));
        match reading {
            Reading::Json => Value::read(content).map_err(|fault| Cow::from(fault.to_string())),
            Reading::Form => fields::of_form(text()?, &self.shape, &self.encoding, is_text)
                .map_err(|why| Cow::from(["it ", why].concat())),
            Reading::Multipart => {
                let kind = headers.get(CONTENT_TYPE).ok_or("it has no media type")?;
                // What a file takes in Base 64, and as much again.
                let mut budget = Budget::new(content.len().saturating_mul(4).saturating_add(1 << 16));
                let form = multipart::read(content, kind, &Rules::default(), &mut budget)
                    .map_err(|fault| Cow::from(fault.to_string()))?;
                let Value::Object(mut form) = form else { return Ok(form) };
                let members = form.take().into_iter().map(|(name, value)| {
                    let value = match self.shape.member(&name) {
                        Some(shape) => fields::typed(value, shape, is_text),
                        None => value,
                    };
                    (name, value)
                });
                Ok(Value::Object(crate::document::Object::of_distinct(members.collect())))
            }
            Reading::Text => Ok(self.shape.read(text()?.to_owned(), is_text)),
            Reading::Unread => Ok(Value::Null),
        }
    }
}

impl Parameter {
    pub(super) fn flaw(&self, detail: String) -> Flaw {
        Flaw { place: Some(self.place.name()), parameter: Some(self.name.clone()), ..Flaw::new(detail) }
    }

    /// Its value in a request; none if it is not there.
    fn read(
        &self,
        found: &Found<'_>,
        asked: &Asked<'_>,
        pairs: &mut [fields::Pair<'_>],
        is_text: bool,
    ) -> Result<Option<Value>, &'static str> {
        let named = (&*self.name, self.form);
        match self.place {
            Place::Path => match found.values.iter().find(|(name, _)| *name == &*self.name) {
                Some((_, raw)) => of_text(named, &self.shape, raw, path_text, is_text).map(Some),
                None => Ok(None),
            },
            Place::Query => of_query(named, &self.shape, pairs, is_text),
            Place::Header => self.read_header(asked.headers, is_text),
            Place::Cookie => {
                let mut value = None;
                for line in asked.headers.get_all(COOKIE) {
                    let line = line.to_str().map_err(|_| "is not in ASCII")?;
                    let mut pairs = line.split(';').filter_map(|pair| pair.trim().split_once('='));
                    value = value.or_else(|| pairs.find(|(name, _)| *name == &*self.name).map(|(_, value)| value));
                }
                let form = Form { explode: false, ..self.form };
                let named = (&*self.name, form);
                value.map(|raw| of_text(named, &self.shape, raw, path_text, is_text)).transpose()
            }
        }
    }

    /// Its value among header fields; none if it is not there.
    pub(super) fn read_header(&self, headers: &HeaderMap, is_text: bool) -> Result<Option<Value>, &'static str> {
        let mut lines = Vec::new();
        for value in headers.get_all(&*self.name) {
            lines.push(core::str::from_utf8(value.as_bytes()).map_err(|_| "is not in UTF-8")?);
        }
        if lines.is_empty() {
            return Ok(None);
        }
        let text = lines.join(",");
        let form = if self.form.style == Style::Json { self.form } else { Form { style: Style::Simple, ..self.form } };
        of_text((&self.name, form), &self.shape, &text, plain_text, is_text).map(Some)
    }
}
