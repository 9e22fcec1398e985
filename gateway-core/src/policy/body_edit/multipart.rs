//! Multipart forms as documents, and documents as multipart forms (RFC 7578, RFC 2046 §5.1).

use core::hash::Hasher;

use base64ct::{Base64, Encoding};
use http::HeaderValue;

use super::form::Rules;
use crate::base64;
use crate::document::{Budget, Member, Object, TooMuch, Value};
use crate::fingerprint::Fingerprint;

/// The most parts of a form.
const MOST_PARTS: usize = 1_000;

/// A reason why a form is no document, or a document no form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Its media type states no boundary (RFC 2046 §5.1.1).
    Boundary,
    /// It is no multipart form.
    Syntax,
    /// It has too many parts, or takes too much room.
    TooMuch,
    /// It is no object of values, files, or lists of these.
    Shape,
}

impl core::fmt::Display for Fault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Boundary => "its media type states no boundary",
            Self::Syntax => "it is no multipart form",
            Self::TooMuch => "the form has too many parts",
            Self::Shape => "the whole is no object of values, files, or lists of these",
        })
    }
}

impl From<TooMuch> for Fault {
    fn from(TooMuch: TooMuch) -> Self {
        Self::TooMuch
    }
}

/// Reads a form whose media type is `kind`: its fields are members, and those of one name a list, as `rules` have it. A value is a string; a file, or what is not in
/// UTF-8, is an object with `filename`, `contentType` and `content`, in Base 64.
///
/// # Errors
/// The first fault.
pub fn read(form: &[u8], kind: &HeaderValue, rules: &Rules, budget: &mut Budget) -> Result<Value, Fault> {
    let kind = kind.to_str().map_err(|_| Fault::Boundary)?;
    let boundary = parameter(kind, "boundary").filter(|text| (1..=70).contains(&text.len())).ok_or(Fault::Boundary)?;
    let delimiter = ["--", &boundary].concat();
    let mut fields = Vec::new();
    // What is before the first delimiter is for people (RFC 2046 §5.1.1).
    let mut rest = if form.starts_with(delimiter.as_bytes()) {
        form.get(delimiter.len()..)
    } else {
        split(form, ["\r\n", &delimiter].concat().as_bytes()).map(|(_, rest)| rest)
    };
    let delimiter = ["\r\n", &delimiter].concat();
    while let Some(part) = rest {
        if part.starts_with(b"--") {
            return Ok(rules.document(fields));
        }
        let blank = part.iter().position(|byte| !matches!(byte, b' ' | b'\t')).unwrap_or(part.len());
        let part = part.get(blank..).and_then(|part| part.strip_prefix(b"\r\n")).ok_or(Fault::Syntax)?;
        let (part, after) = split(part, delimiter.as_bytes()).ok_or(Fault::Syntax)?;
        if fields.len() >= MOST_PARTS {
            return Err(Fault::TooMuch);
        }
        fields.push(field(part, budget)?);
        rest = Some(after);
    }
    Err(Fault::Syntax)
}

fn field(part: &[u8], budget: &mut Budget) -> Result<Member, Fault> {
    let (head, content) = match part.strip_prefix(b"\r\n") {
        Some(content) => (&[][..], content),
        None => split(part, b"\r\n\r\n").ok_or(Fault::Syntax)?,
    };
    let head = core::str::from_utf8(head).map_err(|_| Fault::Syntax)?;
    let of = |name: &str| {
        let mut lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
        lines.find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    };
    let disposition = of("content-disposition").ok_or(Fault::Syntax)?;
    // RFC 7578 §4.2; the URL standard's browsers write quotes and ends of lines so.
    let stated = |name: &str| {
        let text = parameter(disposition, name)?;
        Some(text.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n"))
    };
    let name = stated("name").ok_or(Fault::Syntax)?;
    let filename = stated("filename");
    budget.take_bytes(name.len().saturating_add(content.len()).saturating_add(size_of::<Member>()))?;
    let value = match (&filename, core::str::from_utf8(content)) {
        (None, Ok(text)) => Value::from(text),
        _ => {
            let mut file = Object::default();
            if let Some(filename) = filename {
                file.insert("filename", Value::from(filename));
            }
            if let Some(kind) = of("content-type") {
                file.insert("contentType", Value::from(kind));
            }
            budget.take_bytes(content.len())?;
            file.insert("content", Value::from(Base64::encode_string(content)));
            Value::Object(file)
        }
    };
    Ok((name.into(), value))
}

/// Writes `document` as a form. Returns its media type and the form.
///
/// # Errors
/// It has no form.
pub fn write(document: &Value) -> Result<(String, Vec<u8>), Fault> {
    let Value::Object(object) = document else { return Err(Fault::Shape) };
    let mut parts = Vec::new();
    for (name, value) in object.members() {
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| part(name, item, &mut parts))?,
            value => part(name, value, &mut parts)?,
        }
    }
    // A boundary that is in no part, and the same for the same form.
    let mut fingerprint = Fingerprint::default().with(&parts);
    let boundary = loop {
        let boundary = format!("edgeway-{:016x}", fingerprint.finish());
        if parts.iter().all(|(_, content)| split(content, boundary.as_bytes()).is_none()) {
            break boundary;
        }
        fingerprint = fingerprint.with(&boundary);
    };
    let mut out = Vec::new();
    for (head, content) in parts {
        for piece in ["--", &boundary, "\r\n", &head, "\r\n\r\n"] {
            out.extend_from_slice(piece.as_bytes());
        }
        out.extend_from_slice(&content);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(["--", &boundary, "--\r\n"].concat().as_bytes());
    Ok((["multipart/form-data; boundary=", &boundary].concat(), out))
}

fn part(name: &str, value: &Value, parts: &mut Vec<(String, Vec<u8>)>) -> Result<(), Fault> {
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
    let mut head = format!("Content-Disposition: form-data; name=\"{}\"", quoted(name));
    let content = match value {
        Value::Null => Vec::new(),
        Value::String(text) => text.as_bytes().to_vec(),
        Value::Number(_) | Value::Boolean(_) => value.to_string().into_bytes(),
        Value::Object(file) => {
            let of = |name: &str| file.get(name).and_then(Value::as_str);
            let content = of("content").and_then(base64::decode).ok_or(Fault::Shape)?;
            if let Some(filename) = of("filename") {
                head.extend(["; filename=\"", &quoted(filename), "\""]);
            }
            if let Some(kind) = of("contentType") {
                // No line of its own can come of it.
                HeaderValue::from_str(kind).map_err(|_| Fault::Shape)?;
                head.extend(["\r\nContent-Type: ", kind]);
            }
            content
        }
        Value::Array(_) => return Err(Fault::Shape),
    };
    parts.push((head, content));
    Ok(())
}

/// The value of the parameter called `name` behind the first `;` of `text` (RFC 9110 §5.6.6); none if it is stated more than once, since readers
/// take another one of them.
fn parameter(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(';')?;
    let (value, rest) = next_parameter(rest, name)?;
    rest.is_none_or(|rest| next_parameter(rest, name).is_none()).then_some(value)
}

/// The value of the first parameter called `name` in `rest`, and what follows it.
fn next_parameter<'t>(mut rest: &'t str, name: &str) -> Option<(String, Option<&'t str>)> {
    loop {
        let (own, after) = rest.split_once('=')?;
        let own = own.trim().trim_start_matches(';').trim();
        let (value, after) = match after.strip_prefix('"') {
            None => {
                let end = after.find(';').unwrap_or(after.len());
                let (value, after) = after.split_at_checked(end)?;
                (value.trim().to_owned(), after)
            }
            Some(quoted) => {
                let mut value = String::new();
                let mut characters = quoted.chars();
                loop {
                    match characters.next()? {
                        '"' => break (value, characters.as_str()),
                        // A backslash that escapes neither is one of a path, as some clients send it.
                        '\\' => match characters.next()? {
                            escaped @ ('"' | '\\') => value.push(escaped),
                            other => value.extend(['\\', other]),
                        },
                        other => value.push(other),
                    }
                }
            }
        };
        let after = after.trim_start().strip_prefix(';');
        // RFC 5987: the same in another form.
        if own.trim_end_matches('*').eq_ignore_ascii_case(name) {
            return Some((value, after));
        }
        rest = after?;
    }
}

/// The bytes before `separator` and those behind it.
fn split<'t>(text: &'t [u8], separator: &[u8]) -> Option<(&'t [u8], &'t [u8])> {
    let (first, _) = separator.split_first()?;
    let mut at = 0_usize;
    loop {
        let rest = text.get(at..)?;
        at = at.saturating_add(rest.iter().position(|byte| byte == first)?);
        let (before, behind) = text.split_at_checked(at)?;
        match behind.strip_prefix(separator) {
            Some(after) => return Some((before, after)),
            None => at = at.saturating_add(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 7578 §4.1, §4.2: readers take another one of several, so that none counts.
    #[test]
    fn a_parameter_that_is_stated_twice_is_none() {
        for text in ["x; b=1; b=2", "x; b=1; c=2; B=\"3\"", "x; b=1; b*=utf-8''2", "x; b*=utf-8''2; b=1"] {
            assert_eq!(parameter(text, "b"), None, "{text}");
        }
        assert_eq!(parameter("x; a=1; b=\"2;b=3\"; c=4", "b").as_deref(), Some("2;b=3"));
    }

    fn read_form(form: &str) -> Result<String, Fault> {
        let kind = HeaderValue::from_static("multipart/form-data; charset=utf-8; boundary=\"x y\"");
        read(form.as_bytes(), &kind, &Rules::default(), &mut Budget::new(1 << 20)).map(|value| value.to_string())
    }

    /// RFC 7578 §4, RFC 2046 §5.1.1.
    #[test]
    fn parts_are_members() {
        let form = "preamble\r\n--x y\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n2\r\n--x y  \r\n\
            content-disposition: form-data; name=f; filename=\"a%22\\\"b\\c.txt\"\r\nContent-Type: text/plain\r\n\r\nhello\r\n--x y\r\n\
            Content-Disposition: form-data; name=\"a\"\r\n\r\n\r\n--x y--\r\nepilogue";
        assert_eq!(
            read_form(form).as_deref(),
            Ok(
                r#"{"a":["1\r\n2",""],"f":{"filename":"a\"\"b\\c.txt","contentType":"text/plain","content":"aGVsbG8="}}"#
            )
        );
        assert_eq!(read_form("--x y--").as_deref(), Ok("{}"));
        for wrong in [
            "",
            "--x",
            "--x y\r\n",
            "--x y\r\nContent-Disposition: form-data; name=a\r\n\r\n1",
            "--x y\r\n\r\n1\r\n--x y--",
        ] {
            assert_eq!(read_form(wrong), Err(Fault::Syntax), "{wrong}");
        }
        let kind = HeaderValue::from_static("multipart/form-data");
        assert_eq!(read(b"", &kind, &Rules::default(), &mut Budget::new(1)), Err(Fault::Boundary));
    }

    #[test]
    fn what_is_no_form_is_not_written() {
        for wrong in [
            "[]",
            r#"{"a":[[1]]}"#,
            r#"{"a":{}}"#,
            r#"{"a":{"content":"%"}}"#,
            r#"{"a":{"content":"","contentType":"a\r\nb"}}"#,
        ] {
            assert_eq!(write(&Value::read(wrong.as_bytes()).unwrap()).err(), Some(Fault::Shape), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn to_a_form_and_back_is_the_same(fields in proptest::collection::vec(("[^%]{0,4}", "(.|\r\n){0,6}"), 0..6), file: Vec<u8>) {
            let file = [("filename".into(), Value::from("f")), ("contentType".into(), Value::from("image/png")), ("content".into(), Value::from(Base64::encode_string(&file)))];
            let file = ("file".into(), Value::Object(file.into_iter().collect()));
            let fields = fields.into_iter().map(|(name, value)| (name.into(), Value::from(value)));
            let document = Value::Object(fields.chain([file]).collect());
            let (kind, form) = write(&document).unwrap();
            let kind = HeaderValue::try_from(kind).unwrap();
            prop_assert_eq!(read(&form, &kind, &Rules::default(), &mut Budget::new(1 << 20)).unwrap(), document);
        }
    }
}
