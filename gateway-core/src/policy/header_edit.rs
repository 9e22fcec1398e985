//! Edits of header fields: rename, remove, set, append.

use http::header;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::http::edit_fields::EditFields;
use crate::template::{Scope, Template};

/// One edit.
#[derive(Clone, Debug, PartialEq)]
pub enum HeaderEdit {
    /// Gives every field of the first name the second one, instead of any that have it already: a caller's own must not
    /// mix with them.
    Rename(HeaderName, HeaderName),
    /// Removes every field of this name.
    Remove(HeaderName),
    /// Makes this the only field of this name; without a value, there is none afterwards.
    Set(HeaderName, FieldValue),
    /// Adds a field; without a value, nothing.
    Append(HeaderName, FieldValue),
}

impl HeaderEdit {
    /// The template of its value, if that is one.
    #[must_use]
    pub const fn template(&self) -> Option<&Template> {
        match self {
            Self::Set(_, FieldValue::Template(template)) | Self::Append(_, FieldValue::Template(template)) => {
                Some(template)
            }
            _ => None,
        }
    }
}

/// The value of a field to set.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldValue {
    /// Known at load.
    Fixed(HeaderValue),
    /// Filled from the request.
    Template(Template),
}

impl FieldValue {
    fn resolve(&self, scope: &Scope<'_>, headers: &HeaderMap) -> Option<HeaderValue> {
        match self {
            Self::Fixed(value) => Some(value.clone()),
            Self::Template(template) => template.header_value(scope, headers),
        }
    }
}

/// Fields whose meaning belongs to the connection, the framing or the routing: no edit may touch them.
const UNTOUCHABLE: [HeaderName; 8] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::HOST,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::EXPECT,
];

/// Whether edits may touch `name`.
#[must_use]
pub fn is_editable(name: &HeaderName) -> bool {
    !UNTOUCHABLE.contains(name) && name != "keep-alive" && name != "proxy-connection"
}

/// Does `edits` to a request, in order; each sees what those before it did.
pub fn apply(edits: &[HeaderEdit], scope: &Scope<'_>, headers: &mut HeaderMap) {
    for edit in edits {
        match edit {
            HeaderEdit::Rename(from, to) => headers.rename(from, to),
            HeaderEdit::Remove(name) => EditFields::remove(headers, name),
            HeaderEdit::Set(name, value) => {
                let value = value.resolve(scope, headers);
                set(headers, name, value);
            }
            HeaderEdit::Append(name, value) => {
                if let Some(value) = value.resolve(scope, headers) {
                    headers.append(name.clone(), value);
                }
            }
        }
    }
}

/// The values of the templates in `edits`, filled while the request is still there, for [`apply_to_response`].
#[must_use]
pub fn fill_for_response(edits: &[HeaderEdit], scope: &Scope<'_>, headers: &HeaderMap) -> Vec<Option<HeaderValue>> {
    edits.iter().filter_map(HeaderEdit::template).map(|template| template.header_value(scope, headers)).collect()
}

/// Does `edits` to a response; `filled` are the values of [`fill_for_response`].
pub fn apply_to_response(edits: &[HeaderEdit], filled: &[Option<HeaderValue>], headers: &mut impl EditFields) {
    let mut filled = filled.iter();
    let mut resolve = |value: &FieldValue| match value {
        FieldValue::Fixed(value) => Some(value.clone()),
        FieldValue::Template(_) => filled.next().cloned().flatten(),
    };
    for edit in edits {
        match edit {
            HeaderEdit::Rename(from, to) => headers.rename(from, to),
            HeaderEdit::Remove(name) => headers.remove(name),
            HeaderEdit::Set(name, value) => set(headers, name, resolve(value)),
            HeaderEdit::Append(name, value) => {
                if let Some(value) = resolve(value) {
                    headers.append(name, value);
                }
            }
        }
    }
}

fn set(headers: &mut impl EditFields, name: &HeaderName, value: Option<HeaderValue>) {
    match value {
        Some(value) => headers.set(name, value),
        // A caller's own value must not stand in for the one that is missing.
        None => headers.remove(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn edits_run_in_order() {
        let mut map = headers(&[("a", "1"), ("a", "2"), ("b", "3"), ("c", "4")]);
        let name = HeaderName::from_static;
        let edits = [
            HeaderEdit::Rename(name("a"), name("b")),
            HeaderEdit::Remove(name("c")),
            HeaderEdit::Set(name("d"), FieldValue::Fixed(HeaderValue::from_static("5"))),
            HeaderEdit::Append(name("d"), FieldValue::Fixed(HeaderValue::from_static("6"))),
        ];
        apply_to_response(&edits, &[], &mut map);
        assert_eq!(map, headers(&[("b", "1"), ("b", "2"), ("d", "5"), ("d", "6")]));
    }

    #[test]
    fn framing_and_routing_fields_are_out_of_reach() {
        for name in ["connection", "content-length", "host", "transfer-encoding", "keep-alive"] {
            assert!(!is_editable(&HeaderName::from_static(name)), "{name}");
        }
        assert!(is_editable(&HeaderName::from_static("authorization")));
    }
}
