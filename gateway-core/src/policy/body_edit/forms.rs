//! The forms of content that can be edited, by their media types.

use core::fmt::{self, Display};

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};

use super::{form, multipart, xml};
use crate::document::{self, Budget, Value};
use crate::http::proxy_status::is_tchar;
use crate::policy::validate::{is_in_utf8, media_type};
use crate::policy::xml_caps::{self, XmlCaps};

/// A form of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// JSON (RFC 8259).
    Json,
    /// `application/x-www-form-urlencoded`.
    UrlEncoded,
    /// `multipart/form-data` (RFC 7578).
    Multipart,
    /// XML 1.0.
    Xml,
    /// Any text.
    Text,
    /// Lines of JSON.
    Ndjson,
    /// A stream of events (HTML, Server-sent events).
    Events,
}

/// A reason why a content is not of its form, or a document can't have that form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It is no JSON.
    Json(document::Fault),
    /// Of a form.
    UrlEncoded(form::Fault),
    /// Of a multipart form.
    Multipart(multipart::Fault),
    /// Of XML.
    Xml(xml::Fault),
    /// It is no text.
    Text,
    /// It is XML that is not read.
    Refused(xml_caps::Fault),
}

impl Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(fault) => write!(f, "{fault}"),
            Self::UrlEncoded(fault) => write!(f, "{fault}"),
            Self::Multipart(fault) => write!(f, "{fault}"),
            Self::Xml(fault) => write!(f, "{fault}"),
            Self::Text => f.write_str("it is not in UTF-8"),
            Self::Refused(fault) => f.write_str(match fault {
                xml_caps::Fault::Syntax => "it is no well-formed XML",
                xml_caps::Fault::Encoding => "its XML is not in UTF-8",
                xml_caps::Fault::Doctype => "its XML declares a document type",
                xml_caps::Fault::Entity => "its XML refers to an entity",
                xml_caps::Fault::Depth => "its XML is nested too deeply",
                xml_caps::Fault::Elements => "its XML has too many elements",
                xml_caps::Fault::Attributes => "an element of its XML has too many attributes",
                xml_caps::Fault::Text => "a text in its XML is too long",
            }),
        }
    }
}

/// The bounds of XML that is edited, besides that of its bytes.
const CAPS: XmlCaps = XmlCaps { depth: document::DEEPEST, elements: 1_000_000, attributes: 256, text: u64::MAX };

/// The form of a content with these `headers`, if it is one of `forms`.
///
/// # Errors
/// The reason why it can't be edited, though its media type is that of one of these.
pub fn form_of(headers: &HeaderMap, forms: &[Form]) -> Result<Option<Form>, &'static str> {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let Some(stated) = types.next() else { return Ok(None) };
    // What readers take in different ways may be of any form.
    if types.next().is_some() {
        return Err("its media type is stated twice");
    }
    let is_token = |part: &str| !part.is_empty() && part.bytes().all(is_tchar);
    let is_media_type = |kind: &str| kind.split_once('/').is_some_and(|(one, other)| is_token(one) && is_token(other));
    let kind = media_type(stated).filter(|kind| is_media_type(kind)).ok_or("its media type is none")?;
    let Some(form) = Form::of(&kind).filter(|form| forms.contains(form)) else { return Ok(None) };
    // RFC 9110 §8.4: `identity` is not said, or else says nothing.
    let is_plain = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if form.is_stream() && !headers.get_all(CONTENT_ENCODING).iter().all(is_plain) {
        return Err("it is compressed, and a stream");
    }
    // RFC 8259 §8.1, and of the others whatever their `charset` says.
    if !is_in_utf8(stated) {
        return Err("it is not in UTF-8");
    }
    Ok(Some(form))
}

impl Form {
    /// The form whose media type `kind` is, in small letters and without parameters (RFC 8259 §11, RFC 6839 §3.1, RFC 7303 §9).
    fn of(kind: &str) -> Option<Self> {
        let is_of = |suffix: &str| kind.starts_with("application/") && kind.ends_with(suffix);
        match kind {
            "application/json" => Some(Self::Json),
            "application/x-www-form-urlencoded" => Some(Self::UrlEncoded),
            "multipart/form-data" => Some(Self::Multipart),
            "application/xml" | "text/xml" => Some(Self::Xml),
            "application/x-ndjson" | "application/jsonl" => Some(Self::Ndjson),
            "text/event-stream" => Some(Self::Events),
            // They are changes of documents, and none themselves (RFC 6902 §6, RFC 7396 §4).
            "application/json-patch+json" | "application/merge-patch+json" => None,
            "application/javascript" => Some(Self::Text),
            _ if kind.starts_with("text/") => Some(Self::Text),
            _ if is_of("+json") => Some(Self::Json),
            _ if is_of("+xml") => Some(Self::Xml),
            _ => None,
        }
    }

    /// Its name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::UrlEncoded => "form",
            Self::Multipart => "multipart",
            Self::Xml => "xml",
            Self::Text => "text",
            Self::Ndjson => "ndjson",
            Self::Events => "events",
        }
    }

    /// Returns whether it is edited while it passes, one [part](super::lines) after another, and never read as a whole.
    #[must_use]
    pub const fn is_stream(self) -> bool {
        matches!(self, Self::Ndjson | Self::Events)
    }

    /// Reads `content`, whose media type is in `headers`.
    pub(super) fn read(
        self,
        content: &[u8],
        headers: &HeaderMap,
        (xml, form): (&xml::Rules, &form::Rules),
        budget: &mut Budget,
    ) -> Result<Value, Unfit> {
        match self {
            // INVARIANT: text and a stream are no documents.
            Self::Json | Self::Text | Self::Ndjson | Self::Events => Value::read(content).map_err(Unfit::Json),
            Self::UrlEncoded => {
                let text = core::str::from_utf8(content).map_err(|_| Unfit::UrlEncoded(form::Fault::Encoding))?;
                form::read(text, form, budget).map_err(Unfit::UrlEncoded)
            }
            Self::Multipart => {
                let kind = headers.get(CONTENT_TYPE).ok_or(Unfit::Multipart(multipart::Fault::Boundary))?;
                multipart::read(content, kind, form, budget).map_err(Unfit::Multipart)
            }
            Self::Xml => {
                xml_caps::check(content, &CAPS).map_err(Unfit::Refused)?;
                let text = core::str::from_utf8(content).map_err(|_| Unfit::Xml(xml::Fault::Syntax))?;
                let text = text.strip_prefix('\u{feff}').unwrap_or(text);
                xml::read(text, xml, budget).map_err(Unfit::Xml)
            }
        }
    }

    /// Writes `document` in this form. Returns the content and its media type.
    pub(super) fn write(self, document: &Value, rules: &xml::Rules) -> Result<(Vec<u8>, Option<HeaderValue>), Unfit> {
        let kind = |text: &'static str| Some(HeaderValue::from_static(text));
        Ok(match self {
            Self::Json | Self::Text | Self::Ndjson | Self::Events => {
                let mut text = String::new();
                document.write(&mut text);
                (text.into_bytes(), kind("application/json"))
            }
            Self::UrlEncoded => {
                let text = form::write(document).map_err(Unfit::UrlEncoded)?;
                (text.into_bytes(), kind("application/x-www-form-urlencoded"))
            }
            Self::Multipart => {
                let (kind, content) = multipart::write(document).map_err(Unfit::Multipart)?;
                (content, HeaderValue::try_from(kind).ok())
            }
            Self::Xml => {
                let text = xml::write(document, rules).map_err(Unfit::Xml)?;
                (text.into_bytes(), kind("application/xml"))
            }
        })
    }
}
