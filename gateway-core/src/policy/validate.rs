//! The check of a request's content: its media type, and the bounds of JSON and XML.

use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};

use super::PolicyError;
use super::json_caps::{self, Fault, JsonCaps};
use super::xml_caps::{self, XmlCaps};
use crate::config;
use crate::document::Value;
use crate::document::schema::{Schema, Violation};
use crate::error::{Flaw, Reject};
use crate::http::percent;

/// The largest content that is looked at.
pub const MOST_CONTENT: u64 = 1024 * 1024;

/// The media types of JSON (RFC 8259 §11, RFC 6839 §3.1), where bounds for it are stated, and no types.
const JSON: [&str; 2] = ["application/json", "application/*+json"];

/// The bounds of JSON where nothing else is said.
const CAPS: JsonCaps = JsonCaps { depth: 20, keys: 1_000, items: 10_000, text: 64 * 1024 };

/// The media types of XML (RFC 7303 §9, §4.2), in the same way.
const XML: [&str; 3] = ["application/xml", "text/xml", "*+xml"];

/// The bounds of XML where nothing else is said.
const XML_CAPS: XmlCaps = XmlCaps { depth: 50, elements: 10_000, attributes: 100, text: 64 * 1024 };

/// The bounds of content.
#[derive(Clone, Copy, Debug)]
pub enum Caps<'v> {
    /// Those of JSON.
    Json(&'v JsonCaps),
    /// Those of XML.
    Xml(&'v XmlCaps),
}

/// The deepest nesting that may be let in.
const DEEPEST: u32 = 1_000;

/// The content that requests may have.
#[derive(Clone, Debug)]
pub struct Validate {
    /// Media types in small letters; `*` stands for any text.
    pub types: Box<[Box<str>]>,
    /// The bounds of JSON, if it is looked at.
    pub json: Option<JsonCaps>,
    /// The bounds of XML, if it is looked at.
    pub xml: Option<XmlCaps>,
    /// The schema of JSON, if there is one.
    pub schema: Option<Box<Schema>>,
}

impl Validate {
    /// Checks and compiles `c`.
    ///
    /// # Errors
    /// Every error in it.
    pub fn compile(c: &config::Validate) -> Result<Self, Vec<PolicyError>> {
        let mut errors = Vec::new();
        for (index, text) in c.content_types.iter().enumerate() {
            if !is_media_type(text) {
                errors.push(no_media_type("contentTypes", index, text));
            }
        }
        let json = c.json.as_ref().map(|json| JsonCaps {
            depth: json.depth.map_or(CAPS.depth, |depth| depth as usize),
            keys: json.keys.unwrap_or(CAPS.keys),
            items: json.items.unwrap_or(CAPS.items),
            text: json.text.map_or(CAPS.text, |text| text.0),
        });
        if json.is_some_and(|json| json.depth == 0 || json.depth > DEEPEST as usize) {
            errors.push(PolicyError::new("json.depth", "the depth is from 1 to 1000", "write `\"depth\": 20`"));
        }
        let xml = c.xml.as_ref().map(|xml| XmlCaps {
            depth: xml.depth.map_or(XML_CAPS.depth, |depth| depth as usize),
            elements: xml.elements.unwrap_or(XML_CAPS.elements),
            attributes: xml.attributes.unwrap_or(XML_CAPS.attributes),
            text: xml.text.map_or(XML_CAPS.text, |text| text.0),
        });
        if xml.is_some_and(|xml| xml.depth == 0 || xml.depth > DEEPEST as usize) {
            errors.push(PolicyError::new("xml.depth", "the depth is from 1 to 1000", "write `\"depth\": 50`"));
        }
        if json.is_none() && xml.is_none() && c.content_types.is_empty() {
            errors.push(PolicyError::new("", "nothing is asked of the content", "add `contentTypes`, `json` or `xml`"));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let types: Box<[Box<str>]> = match &*c.content_types {
            [] => {
                let json = JSON.iter().filter(|_| json.is_some());
                json.chain(XML.iter().filter(|_| xml.is_some())).map(|text| (*text).into()).collect()
            }
            types => types.iter().map(|text| text.as_str().into()).collect(),
        };
        Ok(Self { types, json, xml, schema: None })
    }

    /// Tells people of it: the media types, and what is looked into.
    #[must_use]
    pub fn describe(&self) -> String {
        let bounds = match (self.json.is_some(), self.xml.is_some()) {
            _ if self.schema.is_some() => " by a schema",
            (true, true) => " within bounds of JSON and XML",
            (true, false) => " within bounds of JSON",
            (false, true) => " within bounds of XML",
            (false, false) => "",
        };
        ["content ", &self.types.join(" or "), bounds].concat()
    }

    /// Checks the fields of a request with content. Returns the bounds of the content, if they have to be looked at.
    ///
    /// # Errors
    /// 415, if its media type is none of these, or its content can't be looked at (RFC 9110 §15.5.16).
    pub fn check_head(&self, headers: &HeaderMap) -> Result<Option<Caps<'_>>, Reject> {
        let mut values = headers.get_all(CONTENT_TYPE).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(self.unsupported());
        };
        let kind = media_type(value).ok_or_else(|| self.unsupported())?;
        if !self.types.iter().any(|known| fits(known, &kind)) {
            return Err(self.unsupported());
        }
        let is_any = |types: &[&str]| types.iter().any(|known| fits(known, &kind));
        let json = self.json.as_ref().filter(|_| is_any(&JSON)).map(Caps::Json);
        let caps = json.or_else(|| self.xml.as_ref().filter(|_| is_any(&XML)).map(Caps::Xml));
        if caps.is_some() && headers.contains_key(CONTENT_ENCODING) {
            // RFC 9110 §15.5.16.
            let reject = Reject::unsupported_content_type().with_detail("compressed content is not taken here");
            return Err(reject.with_header(ACCEPT_ENCODING, HeaderValue::from_static("identity")));
        }
        // RFC 7303 §3.2: it counts before the document's own declaration. RFC 8259 §11 knows none for JSON, but there are readers that go by it.
        match caps {
            Some(Caps::Json(_)) if !is_in_utf8(value) => {
                Err(Reject::unsupported_content_type().with_detail("JSON is taken in UTF-8 alone"))
            }
            Some(Caps::Xml(_)) if !is_in_utf8(value) => {
                Err(Reject::unsupported_content_type().with_detail("XML is taken in UTF-8 alone"))
            }
            caps => Ok(caps),
        }
    }

    /// The refusal of a media type, with those that are taken, as far as they are ranges (RFC 9110 §12.5.1, §15.5.16).
    fn unsupported(&self) -> Reject {
        let is_range =
            |text: &&str| text.split_once('*').is_none_or(|(start, end)| start.ends_with('/') && end.is_empty());
        let ranges: Vec<&str> = self.types.iter().map(|text| &**text).filter(is_range).collect();
        let reject = Reject::unsupported_content_type();
        match HeaderValue::try_from(ranges.join(", ")) {
            Ok(value) if !value.is_empty() => reject.with_header(ACCEPT, value),
            _ => reject,
        }
    }

    /// Checks content within its `caps`.
    ///
    /// # Errors
    /// 400, as [`Validate::check_json`] says; 422, if it is not as its schema has it.
    pub fn check_content(&self, content: &[u8], caps: Caps<'_>) -> Result<(), Reject> {
        match caps {
            Caps::Json(caps) => {
                Self::check_json(content, caps)?;
                match &self.schema {
                    Some(schema) if !content.is_empty() => check_by(schema, content),
                    _ => Ok(()),
                }
            }
            Caps::Xml(_) if content.is_empty() => Ok(()),
            Caps::Xml(caps) => xml_caps::check(content, caps).map_err(|fault| {
                Reject::content_refused().with_detail(match fault {
                    xml_caps::Fault::Syntax => "the content is not well-formed XML",
                    xml_caps::Fault::Encoding => "the content is not in UTF-8",
                    xml_caps::Fault::Doctype => "the content declares a document type",
                    xml_caps::Fault::Entity => "the content refers to an entity",
                    xml_caps::Fault::Depth => "the content is nested too deeply",
                    xml_caps::Fault::Elements => "the content has too many elements",
                    xml_caps::Fault::Attributes => "an element in the content has too many attributes",
                    xml_caps::Fault::Text => "a text in the content is too long",
                })
            }),
        }
    }

    /// Checks content in JSON. None at all is let through, as it is where a request states none: its client may have sent an empty body in
    /// chunks.
    ///
    /// # Errors
    /// 400, if it is none or out of bounds.
    pub fn check_json(content: &[u8], caps: &JsonCaps) -> Result<(), Reject> {
        if content.is_empty() {
            return Ok(());
        }
        json_caps::check(content, caps).map_err(|fault| {
            Reject::content_refused().with_detail(match fault {
                Fault::Syntax => "the content is not valid JSON",
                Fault::Depth => "the content is nested too deeply",
                Fault::Keys => "an object in the content has too many members",
                Fault::Items => "an array in the content has too many items",
                Fault::Text => "a string in the content is too long",
            })
        })
    }
}

/// Returns whether `text` is a media type in small letters, without parameters; `*` in its second part stands for any text.
pub(super) fn is_media_type(text: &str) -> bool {
    let (kind, sub) = text.split_once('/').unwrap_or_default();
    let is_part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase() && !b"/;,\"".contains(&b))
    };
    is_part(kind) && is_part(sub) && !kind.contains('*') && sub.matches('*').count() <= 1
}

/// The error about the entry at `index` of `member`, which is no media type.
pub(super) fn no_media_type(member: &'static str, index: usize, text: &str) -> PolicyError {
    let help = "write it in small letters and without parameters: `application/json`, `image/*`, `application/*+json`";
    PolicyError::entry(member, index, format_args!("`{text}` is no media type"), help)
}

/// The most flaws that a client is told of.
const MOST_FLAWS: usize = 32;

/// Checks content in JSON by its `schema`. Two members of one name are refused: what is checked has to be what others read.
#[inline(never)]
fn check_by(schema: &Schema, content: &[u8]) -> Result<(), Reject> {
    let refused = |detail: String| Reject::content_refused().with_detail(detail);
    let document = Value::read(content).map_err(|fault| refused(format!("the content is not taken: {fault}")))?;
    let violations = schema
        .check(&document, MOST_FLAWS)
        .map_err(|_| refused("the content takes more work to check than there is time for".to_owned()))?;
    if violations.is_empty() {
        return Ok(());
    }
    let flaw = |violation: Violation| {
        let mut pointer = "#".to_owned();
        // RFC 6901 §6: what a fragment has not is encoded.
        percent::encode_fragment(&violation.pointer, &mut pointer);
        Flaw { pointer: Some(pointer), ..Flaw::new(violation.message) }
    };
    let flaws = violations.into_iter().map(flaw).collect();
    Err(Reject { flaws: Some(flaws), ..Reject::content_invalid() })
}

/// The media type in small letters, without its parameters (RFC 9110 §8.3.1).
pub(super) fn media_type(value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?;
    Some(text.split(';').next()?.trim().to_ascii_lowercase())
}

/// Returns whether no parameter of a media type states another encoding than UTF-8, or ASCII, which is a part of it.
pub(super) fn is_in_utf8(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else { return false };
    text.split(';').skip(1).all(|parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or_default();
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().trim_matches('"'));
        match name.strip_prefix("charset") {
            // Encoding §4.2: `utf8` is another label of it.
            Some("") => ["utf-8", "utf8", "us-ascii"].iter().any(|known| value.eq_ignore_ascii_case(known)),
            // RFC 2231 §3, §4: its value in another form, or in parts.
            Some(form) => !form.trim_start().starts_with('*'),
            None => true,
        }
    })
}

/// Returns whether bounds of JSON, or else of XML, ever hold where content of these `types` is let in.
#[must_use]
pub fn has_bounded(types: &[String], is_json: bool) -> bool {
    let bounded = if is_json { &JSON[..] } else { &XML[..] };
    types.is_empty() || types.iter().any(|text| bounded.iter().any(|known| meet(known, text)))
}

/// Returns whether a media type fits both.
fn meet(one: &str, other: &str) -> bool {
    match (one.split_once('*'), other.split_once('*')) {
        (None, _) => fits(other, one),
        (_, None) => fits(one, other),
        (Some((start, end)), Some((begin, stop))) => {
            (start.starts_with(begin) || begin.starts_with(start)) && (end.ends_with(stop) || stop.ends_with(end))
        }
    }
}

/// Returns whether the media type `kind` is one of those that `known` stands for.
pub(super) fn fits(known: &str, kind: &str) -> bool {
    match known.split_once('*') {
        None => known == kind,
        Some((start, end)) => {
            kind.strip_prefix(start).and_then(|rest| rest.strip_suffix(end)).is_some_and(|rest| !rest.is_empty())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(types: &[&str], json: bool) -> Validate {
        let content_types = types.iter().map(|text| (*text).to_owned()).collect();
        Validate::compile(&config::Validate { content_types, json: json.then(Default::default), xml: None }).unwrap()
    }

    fn said(policy: &Validate, fields: &[(&'static str, &'static str)]) -> Result<bool, u16> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_static(value));
        }
        policy.check_head(&headers).map(|caps| caps.is_some()).map_err(|reject| reject.status.as_u16())
    }

    /// RFC 9110 §8.3.1, §15.5.16; RFC 6839 §3.1.
    #[test]
    fn media_types_are_compared_without_case_and_parameters() {
        let any = policy(&["application/json", "image/*"], true);
        assert_eq!(said(&any, &[("content-type", "Application/JSON; charset=utf-8")]), Ok(true));
        assert_eq!(said(&any, &[("content-type", "image/png")]), Ok(false));
        for wrong in ["text/plain", "image/", "application/json5", "application/x+json", "", "image"] {
            assert_eq!(said(&any, &[("content-type", wrong)]), Err(415), "{wrong}");
        }
        assert_eq!(said(&any, &[]), Err(415));
        assert_eq!(said(&any, &[("content-type", "image/png"), ("content-type", "image/png")]), Err(415));
    }

    /// RFC 8259 §11, RFC 7303 §9: the types that bounds are for.
    #[test]
    fn bounds_hold_for_types_that_are_let_in() {
        let has = |text: &str| {
            let types = [text.to_owned()];
            [has_bounded(&types, true), has_bounded(&types, false)]
        };
        assert_eq!(has("application/json"), [true, false]);
        assert_eq!(has("application/problem+json"), [true, false]);
        assert_eq!(has("application/*"), [true, true]);
        assert_eq!(has("application/*+json"), [true, false]);
        assert_eq!(has("image/*"), [false, true]);
        assert_eq!(has("image/svg+xml"), [false, true]);
        assert_eq!(has("text/x*"), [false, true]);
        assert_eq!(has("text/plain"), [false, false]);
        assert_eq!([has_bounded(&[], true), has_bounded(&[], false)], [true, true]);
    }

    /// docs/configuration.md, Content of requests: requests without content pass, however they are framed. White space is content.
    #[test]
    fn no_content_is_let_through() {
        let status = |content: &[u8]| Validate::check_json(content, &CAPS).map_err(|reject| reject.status.as_u16());
        assert_eq!((status(b""), status(b" "), status(b"{}")), (Ok(()), Err(400), Ok(())));
    }

    /// docs/configuration.md, Content of requests: bounds of JSON let in JSON alone, and none that is compressed.
    #[test]
    fn bounds_of_json_let_in_json_alone() {
        let json = policy(&[], true);
        assert_eq!(said(&json, &[("content-type", "application/problem+json")]), Ok(true));
        assert_eq!(said(&json, &[("content-type", "text/plain")]), Err(415));
        assert_eq!(said(&json, &[("content-type", "application/json"), ("content-encoding", "gzip")]), Err(415));
    }

    /// RFC 8259 §8.1, §11: JSON is in UTF-8. Whoever goes by a `charset` sees other members, nested otherwise.
    #[test]
    fn json_is_let_in_in_utf8_alone() {
        let json = policy(&[], true);
        for kind in [
            "application/json",
            "application/json;charset=UTF-8",
            "application/problem+json; charset=\"utf8\"",
            "application/json; charsets=x; a=b",
        ] {
            assert_eq!(said(&json, &[("content-type", kind)]), Ok(true), "{kind}");
        }
        for kind in [
            "application/json; charset=utf-7",
            "application/json; charset=\"UTF-16\"",
            "application/json; charset=cp037",
            "application/json; charset=",
            "application/json; charset*=utf-7''",
            "application/json; CharSet*0=utf-; charset*1=7",
            "application/json; charset=utf-8; charset=utf-7",
        ] {
            assert_eq!(said(&json, &[("content-type", kind)]), Err(415), "{kind}");
        }
        // Where nothing is looked at, nothing is said of it.
        assert_eq!(
            said(&policy(&["application/json"], false), &[("content-type", "application/json;charset=x")]),
            Ok(false)
        );
    }

    /// RFC 7303 §3, §9: whoever reads another encoding sees other markup.
    #[test]
    fn xml_is_let_in_in_utf8_alone() {
        let c = config::Validate { xml: Some(config::XmlCaps::default()), ..config::Validate::default() };
        let xml = Validate::compile(&c).unwrap();
        for kind in [
            "application/xml",
            "text/xml; charset=\"UTF-8\"",
            "application/soap+xml;a=b;charset=us-ascii",
            "image/svg+xml",
            "model/x3d+xml",
        ] {
            assert_eq!(said(&xml, &[("content-type", kind)]), Ok(true), "{kind}");
        }
        for kind in [
            "text/xml; charset=utf-7",
            "text/xml;Charset = utf-16",
            "text/xml;charset=utf-8;charset=x",
            "text/xml; charset*=utf-7''",
            "application/json",
        ] {
            assert_eq!(said(&xml, &[("content-type", kind)]), Err(415), "{kind}");
        }
    }
}
