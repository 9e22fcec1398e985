//! What has become of a head, told as edits of what it was.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::frame::Frame;

/// Writes the edits that make the fields of `before` (packed, after `skip` lines) into `after`, but for those that
/// `ignore` names.
pub(super) fn write_edits(frame: &mut Frame, before: &[u8], skip: usize, after: &HeaderMap, ignore: fn(&str) -> bool) {
    let mut lines = before.split(|byte| *byte == b'\n').skip(skip);
    let mut fields = Vec::with_capacity(32);
    while let (Some(name), Some(value)) = (lines.next(), lines.next()) {
        fields.push((name, value));
    }
    // `Headers` is iterated in the order of names, so this finds it sorted.
    fields.sort();

    let mut kept = 0;
    for group in fields.chunk_by(|left, right| left.0 == right.0) {
        let Some((name, _)) = group.first() else { continue };
        let Ok(name_text) = core::str::from_utf8(name) else { continue };
        if !after.contains_key(name_text) {
            if !ignore(name_text) {
                edit(frame, b"-", name_text);
            }
            continue;
        }
        kept += 1;
        let same = group.iter().map(|(_, value)| *value).eq(after.get_all(name_text).iter().map(HeaderValue::as_bytes));
        if !same && !ignore(name_text) {
            write_values(frame, name_text, after.get_all(name_text).iter());
        }
    }
    if kept == after.keys_len() {
        return;
    }
    for name in after.keys().map(HeaderName::as_str) {
        let known = fields.binary_search_by(|(field, _)| (*field).cmp(name.as_bytes())).is_ok();
        if !known && !ignore(name) {
            write_values(frame, name, after.get_all(name).iter());
        }
    }
}

fn write_values<'v>(frame: &mut Frame, name: &str, values: impl Iterator<Item = &'v HeaderValue>) {
    for (index, value) in values.enumerate() {
        edit(frame, if index == 0 { b"=" } else { b"+" }, name);
        frame.line(value.as_bytes());
    }
}

fn edit(frame: &mut Frame, what: &[u8], name: &str) {
    frame.text(what);
    frame.line(name.as_bytes());
}
