//! What a case says of a text, a header field or a body.

use gateway_core::http::content_decoding::Decoding;
use regex::Regex;
use serde::Deserialize;
use serde_json::Value;

use crate::body::spell_out;

/// What a text has to be.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Value")]
pub enum TextMatch {
    /// This text.
    Exact(String),
    /// A text in which this expression finds a match.
    Regex(Regex),
}

impl TextMatch {
    /// Whether `text` is right.
    #[must_use]
    pub fn accepts(&self, text: &str) -> bool {
        match self {
            Self::Exact(expected) => expected == text,
            Self::Regex(regex) => regex.is_match(text),
        }
    }

    /// What is expected, for people.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Exact(expected) => format!("{expected:?}"),
            Self::Regex(regex) => format!("a match of /{regex}/"),
        }
    }
}

/// What a header field has to be. Several lines of a list-valued field are the same as one line with commas (RFC 9110
/// §5.3), except for `Set-Cookie`.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Value")]
pub enum HeaderMatch {
    /// Not there.
    Absent,
    /// These lines.
    Lines(Vec<String>),
    /// A value in which this expression finds a match.
    Regex(Regex),
    /// A list of these members, in any order, case ignored.
    Members(Vec<String>),
    /// The value of another field: `response.x-request-id` or `upstream.x-request-id`.
    SameAs(String),
}

impl HeaderMatch {
    /// What is expected, for people.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Absent => "absent".to_owned(),
            Self::Lines(lines) => lines.iter().map(|line| format!("{line:?}")).collect::<Vec<_>>().join(", "),
            Self::Regex(regex) => format!("a match of /{regex}/"),
            Self::Members(members) => format!("in any order: {}", members.join(", ")),
            Self::SameAs(other) => format!("the same as {other}"),
        }
    }
}

/// What a body has to be.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Value")]
pub enum BodyMatch {
    /// This text.
    Exact(String),
    /// A text in which this expression finds a match.
    Regex(Regex),
    /// JSON that has at least these members with these values, at every depth; `null` means absent.
    Json(Value),
    /// Something, without any of these texts.
    Lacks(Vec<String>),
    /// So many bytes.
    Length(usize),
    /// This text, in this coding.
    Encoded(Decoding, String),
    /// Cut off: what frames it says that it is not complete (RFC 9112 §8).
    Cut,
}

fn only_member(value: Value) -> Result<(String, Value), String> {
    match value {
        Value::Object(members) if members.len() == 1 => Ok(members.into_iter().next().expect("one member")),
        other => Err(format!("expected text or an object with one member, not {other}")),
    }
}

fn regex(value: &Value) -> Result<Regex, String> {
    Regex::new(value.as_str().ok_or("`matches` is text")?).map_err(|e| e.to_string())
}

fn texts(value: &Value) -> Result<Vec<String>, String> {
    value
        .as_array()
        .and_then(|items| items.iter().map(|item| item.as_str().map(str::to_owned)).collect())
        .ok_or_else(|| format!("expected a list of texts, not {value}"))
}

impl TryFrom<Value> for TextMatch {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        if let Value::String(text) = value {
            return Ok(Self::Exact(text));
        }
        match only_member(value)? {
            (name, value) if name == "matches" => Ok(Self::Regex(regex(&value)?)),
            (name, _) => Err(format!("unknown test `{name}`")),
        }
    }
}

impl TryFrom<Value> for HeaderMatch {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        match value {
            Value::Null => return Ok(Self::Absent),
            Value::String(line) => return Ok(Self::Lines(vec![line])),
            Value::Array(_) => return Ok(Self::Lines(texts(&value)?)),
            _ => {}
        }
        let (name, value) = only_member(value)?;
        match name.as_str() {
            "matches" => Ok(Self::Regex(regex(&value)?)),
            "members" => Ok(Self::Members(texts(&value)?)),
            "sameAs" => match value.as_str() {
                Some(other) if other.starts_with("response.") || other.starts_with("upstream.") => {
                    Ok(Self::SameAs(other.to_owned()))
                }
                _ => Err("`sameAs` is `response.<name>` or `upstream.<name>`".to_owned()),
            },
            _ => Err(format!("unknown test `{name}`")),
        }
    }
}

impl TryFrom<Value> for BodyMatch {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        if let Value::String(text) = value {
            return Ok(Self::Exact(text));
        }
        let (name, value) = only_member(value)?;
        match name.as_str() {
            "matches" => Ok(Self::Regex(regex(&value)?)),
            "json" => Ok(Self::Json(value)),
            "lacks" => Ok(Self::Lacks(texts(&value)?)),
            "length" => {
                value.as_u64().map(|n| Self::Length(n as usize)).ok_or_else(|| "`length` is a number".to_owned())
            }
            "gzip" => Ok(Self::Encoded(Decoding::Gzip, spell_out(value)?)),
            "br" => Ok(Self::Encoded(Decoding::Brotli, spell_out(value)?)),
            "zstd" => Ok(Self::Encoded(Decoding::Zstd, spell_out(value)?)),
            "cut" if value == Value::Bool(true) => Ok(Self::Cut),
            _ => Err(format!("unknown test `{name}`")),
        }
    }
}
