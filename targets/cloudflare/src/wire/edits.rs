//! Changes of a head, written as edits of its earlier form.

use edgeway_wire::Edit;
use gateway_core::http::edit_fields::EditFields;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::head::{Field, Head};
use super::outbox::Command;

/// Writes the edits that turn the fields of `before` into `after`, except for those that `ignore` names.
///
/// An untouched value still points into the packed head from which it was read. This tells it from an equal value
/// without a look-up of its name.
pub(super) fn write_edits(command: &mut Command<'_>, before: &Head, after: &HeaderMap, ignore: fn(&str) -> bool) {
    let mut kept = vec![false; before.fields.len()];
    let mut values = after.iter().peekable();
    let mut group: Vec<&HeaderValue> = Vec::new();
    while let Some((name, value)) = values.next() {
        group.clear();
        group.push(value);
        while let Some((_, value)) = values.next_if(|(next, _)| *next == name) {
            group.push(value);
        }
        if keep(&mut kept, before, name, &group) || ignore(name.as_str()) {
            continue;
        }
        for (index, value) in group.iter().enumerate() {
            edit(command, if index == 0 { Edit::Set } else { Edit::Append }, name.as_str().as_bytes());
            command.line(value.as_bytes());
        }
    }

    let mut removed: &[u8] = b"";
    for (field, _) in before.fields.iter().zip(&kept).filter(|(_, kept)| !**kept) {
        let name = before.name(field);
        let Ok(text) = core::str::from_utf8(name) else { continue };
        // Lines of one name stand together, and one edit removes them all.
        if name != removed && !after.contains_key(text) && !ignore(text) {
            edit(command, Edit::Remove, name);
            removed = name;
        }
    }
}

/// Returns whether `values` are exactly those of `before` under `name`, and marks them if so.
fn keep(kept: &mut [bool], before: &Head, name: &HeaderName, values: &[&HeaderValue]) -> bool {
    let Some(first) = values.first().and_then(|value| before.position(value.as_bytes())) else { return false };
    let Some(fields) = before.fields.get(first..first + values.len()) else { return false };
    let named = |field: &Field| before.name(field) == name.as_str().as_bytes();
    let same = fields.iter().zip(values).all(|(field, value)| named(field) && before.holds(field, value.as_bytes()));
    let alone =
        |place: Option<usize>| place.and_then(|place| before.fields.get(place)).is_none_or(|field| !named(field));
    let all = same && alone(first.checked_sub(1)) && alone(Some(first + values.len()));
    if all && let Some(marks) = kept.get_mut(first..first + values.len()) {
        marks.fill(true);
    }
    all
}

/// A head that only the glue sees: its changes are written as edits, except for fields that `ignore` names.
pub(super) struct Unseen<'c, 'o> {
    pub(super) command: &'c mut Command<'o>,
    pub(super) ignore: fn(&str) -> bool,
}

impl Unseen<'_, '_> {
    fn tell(&mut self, what: Edit, name: &HeaderName, argument: Option<&[u8]>) {
        if (self.ignore)(name.as_str()) {
            return;
        }
        edit(self.command, what, name.as_str().as_bytes());
        if let Some(argument) = argument {
            self.command.line(argument);
        }
    }
}

impl EditFields for Unseen<'_, '_> {
    fn set(&mut self, name: &HeaderName, value: HeaderValue) {
        self.tell(Edit::Set, name, Some(value.as_bytes()));
    }

    fn append(&mut self, name: &HeaderName, value: HeaderValue) {
        self.tell(Edit::Append, name, Some(value.as_bytes()));
    }

    /// INVARIANT: such an edit has the head come in, where it is seen.
    fn set_default(&mut self, _: &HeaderName, _: HeaderValue) {}

    fn remove(&mut self, name: &HeaderName) {
        self.tell(Edit::Remove, name, None);
    }

    /// The glue knows these names: listing them each time would cost more than removing them.
    fn remove_hop_by_hop(&mut self) {
        edit(self.command, Edit::RemoveHopByHop, b"");
    }

    fn rename(&mut self, from: &HeaderName, to: &HeaderName) {
        self.tell(Edit::Rename, from, Some(to.as_str().as_bytes()));
    }
}

fn edit(command: &mut Command<'_>, what: Edit, name: &[u8]) {
    command.text(&[what as u8]);
    command.line(name);
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use edgeway_wire::Kind;

    use super::*;
    use crate::wire::Outbox;

    fn head(text: &'static str) -> (Head, HeaderMap) {
        Head::read(Bytes::from_static(text.as_bytes()), 0).unwrap()
    }

    fn told(write: impl FnOnce(&mut Command<'_>)) -> String {
        let mut outbox = Outbox::default();
        outbox.clear();
        write(&mut outbox.command(0, Kind::Respond, 0));
        outbox.text().to_owned()
    }

    fn edits(before: &Head, after: &HeaderMap) -> String {
        told(|command| write_edits(command, before, after, |name| name == "host"))
    }

    #[test]
    fn what_is_done_to_an_unseen_head_is_told_in_order() {
        let name = HeaderName::from_static;
        let text = told(|command| {
            let mut head = Unseen { command, ignore: |name| name == "connection" };
            head.remove(&name("connection"));
            head.remove(&name("x-a"));
            head.set(&name("x-b"), HeaderValue::from_static("1"));
            head.append(&name("via"), HeaderValue::from_static("1.1 gw"));
            head.rename(&name("x-c"), &name("x-d"));
            head.remove_hop_by_hop();
            assert_eq!(command.lines(), 8);
        });
        assert_eq!(text, "-x-a\n=x-b\n1\n+via\n1.1 gw\n>x-c\nx-d\n~\n");
    }

    #[test]
    fn what_nobody_touched_is_not_told() {
        let (before, after) = head("accept\n*/*\nset-cookie\na=1\nset-cookie\nb=2\nx-empty\n\n");
        assert_eq!(edits(&before, &after), "");
    }

    #[test]
    fn removed_changed_and_added_fields_are_told() {
        let (before, mut after) = head("accept\n*/*\ncookie\na=1\nx-a\n1\n");
        after.remove("cookie");
        after.insert("x-a", HeaderValue::from_static("2"));
        after.insert("via", HeaderValue::from_static("1.1 gw"));
        after.append("via", HeaderValue::from_static("1.1 gw2"));
        assert_eq!(edits(&before, &after), "=x-a\n2\n=via\n1.1 gw\n+via\n1.1 gw2\n-cookie\n");
    }

    #[test]
    fn one_of_several_lines_removed_or_added_is_told() {
        let (before, mut after) = head("set-cookie\na=1\nset-cookie\nb=2\n");
        let second = after.get_all("set-cookie").iter().nth(1).cloned().unwrap();
        after.insert("set-cookie", second);
        assert_eq!(edits(&before, &after), "=set-cookie\nb=2\n");

        let (before, mut after) = head("set-cookie\na=1\nset-cookie\nb=2\n");
        after.append("set-cookie", HeaderValue::from_static("c=3"));
        assert_eq!(edits(&before, &after), "=set-cookie\na=1\n+set-cookie\nb=2\n+set-cookie\nc=3\n");

        let (before, mut after) = head("set-cookie\na=1\nset-cookie\nb=2\n");
        after.remove("set-cookie");
        assert_eq!(edits(&before, &after), "-set-cookie\n");
    }

    #[test]
    fn a_value_under_another_name_is_told() {
        let (before, mut after) = head("x-old\nv\nx-same\nw\n");
        let value = after.remove("x-old").unwrap();
        after.insert("x-new", value);
        assert_eq!(edits(&before, &after), "=x-new\nv\n-x-old\n");
    }

    #[test]
    fn an_equal_value_written_anew_is_no_harm() {
        let (before, mut after) = head("x-a\n1\n");
        after.insert("x-a", HeaderValue::from_static("1"));
        assert_eq!(edits(&before, &after), "=x-a\n1\n");
    }

    #[test]
    fn ignored_names_are_never_told() {
        let (before, mut after) = head("host\na\nx\n1\n");
        after.insert("host", HeaderValue::from_static("b"));
        assert_eq!(edits(&before, &after), "");
        after.remove("host");
        assert_eq!(edits(&before, &after), "");
    }

    #[test]
    fn empty_values_stay_apart() {
        let (before, mut after) = head("x-a\n\nx-b\n\n");
        after.remove("x-a");
        assert_eq!(edits(&before, &after), "-x-a\n");
    }
}
