//! Edits of header fields: rename, remove, set, default, append.

use std::slice;

use http::header;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::call::Call;
use crate::http::edit_fields::EditFields;
use crate::http::hop_by_hop;
use crate::http::names::{Filter, are_aliases};
use crate::template::Template;

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
    /// Adds a field where there is none of this name; without a value, nothing.
    Default(HeaderName, FieldValue),
    /// Adds a field; without a value, nothing.
    Append(HeaderName, FieldValue),
}

impl HeaderEdit {
    /// The name of the field that it makes, if any.
    pub(crate) const fn result(&self) -> Option<&HeaderName> {
        match self {
            Self::Rename(_, to) => Some(to),
            Self::Set(name, _) | Self::Default(name, _) | Self::Append(name, _) => Some(name),
            Self::Remove(_) => None,
        }
    }

    /// The template of its value, if it has one.
    #[must_use]
    pub const fn template(&self) -> Option<&Template> {
        match self {
            Self::Set(_, FieldValue::Template(template))
            | Self::Default(_, FieldValue::Template(template))
            | Self::Append(_, FieldValue::Template(template)) => Some(template),
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
    fn resolve(&self, call: &Call) -> Option<HeaderValue> {
        match self {
            Self::Fixed(value) => Some(value.clone()),
            Self::Template(template) => template.header_value(call),
        }
    }
}

/// Fields of framing and routing.
const FRAMING: [HeaderName; 4] = [header::CONTENT_LENGTH, header::HOST, header::TRAILER, header::EXPECT];

/// Fields that bind the two ends of a WebSocket's handshake (RFC 6455 §4.1).
const HANDSHAKE: [HeaderName; 3] =
    [header::SEC_WEBSOCKET_KEY, header::SEC_WEBSOCKET_VERSION, header::SEC_WEBSOCKET_ACCEPT];

/// Returns whether edits may touch `name`. They may not if the field frames or routes a message, is checked in the
/// handshake of a WebSocket, or ends at this hop (RFC 9110 §7.6.1), where an edit's effect would differ between
/// platforms.
#[must_use]
pub fn is_editable(name: &HeaderName) -> bool {
    !is_hop_by_hop(name) && !FRAMING.contains(name) && !is_handshake(name)
}

/// Returns whether the handshake of a WebSocket is checked by the field of this name.
pub(crate) fn is_handshake(name: &HeaderName) -> bool {
    HANDSHAKE.contains(name)
}

/// Returns whether a field of this name ends at this hop.
pub(crate) fn is_hop_by_hop(name: &HeaderName) -> bool {
    hop_by_hop::index(name.as_str()).is_some()
}

/// Edits of a request.
///
/// An edit removes every other spelling of its name. Some backends fold names as CGI does (RFC 3875 §4.1.18): there, a
/// client's `X_Tenant` beside the gateway's `X-Tenant` would be one field with two values, or with the client's.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestEdits {
    edits: Box<[HeaderEdit]>,
    /// The names that may be in no other spelling afterwards.
    names: Box<Filter>,
    /// Set if an edit makes a field that is another spelling of a name in here.
    mix: bool,
}

impl RequestEdits {
    /// Request edits, applied in this order.
    #[must_use]
    pub fn new(edits: Vec<HeaderEdit>) -> Self {
        let names: Vec<&HeaderName> = edits
            .iter()
            .flat_map(|edit| match edit {
                HeaderEdit::Rename(from, to) => [Some(from), Some(to)],
                HeaderEdit::Remove(name) | HeaderEdit::Set(name, _) | HeaderEdit::Default(name, _) => {
                    [Some(name), None]
                }
                HeaderEdit::Append(..) => [None, None],
            })
            .flatten()
            .collect();
        let mut filter = Filter::EMPTY;
        names.iter().for_each(|name| filter.add(name.as_str().as_bytes()));
        let mix =
            edits.iter().any(|edit| names.iter().any(|name| edit.result().is_some_and(|own| is_alias(own, name))));
        Self { edits: edits.into(), names: Box::new(filter), mix }
    }

    /// Returns whether `name` is another spelling of a name in here.
    fn has_alias(&self, name: &HeaderName) -> bool {
        self.names.may_contain_name(name.as_str().as_bytes())
            && self.edits.iter().any(|edit| match edit {
                HeaderEdit::Rename(from, to) => is_alias(name, from) || is_alias(name, to),
                HeaderEdit::Remove(own) | HeaderEdit::Set(own, _) | HeaderEdit::Default(own, _) => is_alias(name, own),
                HeaderEdit::Append(..) => false,
            })
    }

    /// The edits as a slice.
    pub(crate) fn as_slice(&self) -> &[HeaderEdit] {
        &self.edits
    }

    /// The number of edits.
    #[must_use]
    pub fn count(&self) -> usize {
        self.edits.len()
    }
}

/// Applies `edits` to a request, in order; each sees the changes of those before it.
pub fn apply(edits: &RequestEdits, call: &mut Call) {
    // Hardly any request has such a name: one look at all names spares each edit its own.
    let has_aliases = edits.mix || call.headers.keys().any(|name| edits.has_alias(name));
    for edit in &edits.edits {
        match edit {
            HeaderEdit::Rename(from, to) if has_aliases => rename_every_spelling(&mut call.headers, from, to),
            HeaderEdit::Rename(from, to) => call.headers.rename(from, to),
            HeaderEdit::Remove(name) => {
                EditFields::remove(&mut call.headers, name);
                if has_aliases {
                    remove_aliases(&mut call.headers, name, &[]);
                }
            }
            HeaderEdit::Set(name, value) => {
                let value = value.resolve(call);
                set(&mut call.headers, name, value);
                if has_aliases {
                    remove_aliases(&mut call.headers, name, &[]);
                }
            }
            HeaderEdit::Default(name, value) => {
                if !call.headers.contains_key(name)
                    && let Some(value) = value.resolve(call)
                {
                    call.headers.insert(name.clone(), value);
                }
                if has_aliases {
                    remove_aliases(&mut call.headers, name, &[]);
                }
            }
            HeaderEdit::Append(name, value) => {
                if let Some(value) = value.resolve(call) {
                    call.headers.append(name.clone(), value);
                }
            }
        }
    }
}

/// Returns the values of the templates in `edits`, for [`apply_to_response`], while the request is still there.
pub fn fill_for_response(edits: &[HeaderEdit], call: &Call) -> impl Iterator<Item = Option<HeaderValue>> {
    edits.iter().filter_map(HeaderEdit::template).map(|template| template.header_value(call))
}

/// Applies `edits` to a response; takes the values of [`fill_for_response`] from `filled`.
pub fn apply_to_response<'f>(
    edits: &[HeaderEdit],
    filled: &mut impl Iterator<Item = &'f Option<HeaderValue>>,
    headers: &mut impl EditFields,
) {
    let mut resolve = |value: &FieldValue| match value {
        FieldValue::Fixed(value) => Some(value.clone()),
        FieldValue::Template(_) => filled.next().cloned().flatten(),
    };
    for edit in edits {
        match edit {
            HeaderEdit::Rename(from, to) => headers.rename(from, to),
            HeaderEdit::Remove(name) => headers.remove(name),
            HeaderEdit::Set(name, value) => set(headers, name, resolve(value)),
            HeaderEdit::Default(name, value) => {
                if let Some(value) = resolve(value) {
                    headers.set_default(name, value);
                }
            }
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
        // A caller's own value must not stand in for the missing one.
        None => headers.remove(name),
    }
}

/// Renames a field, and leaves no other spelling of either name. Without a field to rename, an existing field of the
/// new name stays, even if the new name is a spelling of the old one.
fn rename_every_spelling(headers: &mut HeaderMap, from: &HeaderName, to: &HeaderName) {
    let is_there = headers.contains_key(from);
    headers.rename(from, to);
    remove_aliases(headers, from, slice::from_ref(to));
    if is_there {
        remove_aliases(headers, to, &[]);
    }
}

/// Removes the other spellings of `name`, except for `spared` and those that no edit may touch: an edit of
/// `content_length` must not remove the framing.
pub(crate) fn remove_aliases(headers: &mut HeaderMap, name: &HeaderName, spared: &[HeaderName]) {
    let must_go = |other: &&HeaderName| !spared.contains(other) && is_editable(other) && is_alias(other, name);
    let aliases: Vec<HeaderName> = headers.keys().filter(must_go).cloned().collect();
    for alias in aliases {
        headers.remove(alias);
    }
}

/// Returns whether the two names are spellings of one another, and not the same.
fn is_alias(one: &HeaderName, other: &HeaderName) -> bool {
    one != other && are_aliases(one.as_str().as_bytes(), other.as_str().as_bytes())
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    fn edited(edits: Vec<HeaderEdit>, list: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut call = Call::new(Method::GET, "/".parse().unwrap(), headers(list));
        apply(&RequestEdits::new(edits), &mut call);
        call.headers
    }

    fn fixed(value: &'static str) -> FieldValue {
        FieldValue::Fixed(HeaderValue::from_static(value))
    }

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
        apply_to_response(&edits, &mut core::iter::empty(), &mut map);
        assert_eq!(map, headers(&[("b", "1"), ("b", "2"), ("d", "5"), ("d", "6")]));
    }

    /// RFC 3875 §4.1.18: `-` becomes `_`, and servers fold more than that.
    #[test]
    fn what_a_request_edit_names_goes_in_every_spelling() {
        let name = HeaderName::from_static;
        let forged = [("x-a", "1"), ("x_a", "2"), ("x.a", "3"), ("x!a", "5"), ("xa", "6"), ("x_b", "4")];
        assert_eq!(edited(vec![HeaderEdit::Remove(name("x-a"))], &forged), headers(&[("x_b", "4")]));
        let set = HeaderEdit::Set(name("x-a"), fixed("gw"));
        assert_eq!(edited(vec![set], &forged), headers(&[("x-a", "gw"), ("x_b", "4")]));
        let template = Template::parse("{header.x_a}", Some(&[])).unwrap();
        let set = HeaderEdit::Set(name("x-a"), FieldValue::Template(template));
        assert_eq!(edited(vec![set], &forged), headers(&[("x-a", "2"), ("x_b", "4")]));
        let append = HeaderEdit::Append(name("x-a"), fixed("gw"));
        assert_eq!(edited(vec![append], &[("x_a", "2")]), headers(&[("x_a", "2"), ("x-a", "gw")]));
        let remove = vec![HeaderEdit::Remove(name("content_length"))];
        let framed = edited(remove, &[("content_length", "1"), ("content.length", "1"), ("content-length", "2")]);
        assert_eq!(framed, headers(&[("content-length", "2")]));
        // The configuration's own name may be the odd one.
        let set = HeaderEdit::Set(name("x_a"), fixed("gw"));
        assert_eq!(edited(vec![set], &[("x-a", "1")]), headers(&[("x_a", "gw")]));
    }

    #[test]
    fn a_renamed_field_leaves_no_spelling_of_either_name() {
        let name = HeaderName::from_static;
        let rename = |from, to| vec![HeaderEdit::Rename(name(from), name(to))];
        let both = [("x-a", "1"), ("x_a", "2"), ("x-b", "3"), ("x_b", "4")];
        assert_eq!(edited(rename("x-a", "x-b"), &both), headers(&[("x-b", "1")]));
        let no_source = [("x_a", "2"), ("x-b", "3"), ("x_b", "4")];
        assert_eq!(edited(rename("x-a", "x-b"), &no_source), headers(&[("x-b", "3"), ("x_b", "4")]));
        // From one spelling to another.
        assert_eq!(edited(rename("x_a", "x-a"), &[("x_a", "1"), ("x.a", "2")]), headers(&[("x-a", "1")]));
        assert_eq!(edited(rename("x_a", "x-a"), &[("x-a", "1")]), headers(&[("x-a", "1")]));
    }

    #[test]
    fn framing_and_routing_fields_are_out_of_reach() {
        let handshake = ["sec-websocket-key", "sec-websocket-version", "sec-websocket-accept"];
        let framing = ["content-length", "host", "trailer", "expect"];
        for name in hop_by_hop::NAMES.into_iter().chain(framing).chain(handshake) {
            assert!(!is_editable(&HeaderName::from_static(name)), "{name}");
        }
        for name in [
            "sec-websocket-protocol",
            "sec-websocket-extensions",
            "authorization",
            "www-authenticate",
            "via",
            "content-type",
            "content_length",
        ] {
            assert!(is_editable(&HeaderName::from_static(name)), "{name}");
        }
    }
}
