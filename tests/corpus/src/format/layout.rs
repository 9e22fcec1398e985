//! Lines and indents.

use crate::format::order::Part;
use crate::format::tree::{Node, unquoted};

/// How many characters a line may have. A longer string stays in one.
pub(super) const WIDTH: usize = 120;

/// Appends `root` and the end of its last line.
pub(super) fn write(out: &mut String, root: &Node, part: Part) {
    spread_or_not(out, root, part, Place { indent: 0, column: 0 });
    out.push('\n');
}

/// Where a value begins.
#[derive(Clone, Copy)]
struct Place {
    /// The spaces before its line.
    indent: usize,
    /// How far the line has come.
    column: usize,
}

/// Appends `node`: in what is left of the line if it fits there, each child in a line of its own if not.
fn spread_or_not(out: &mut String, node: &Node, part: Part, at: Place) {
    let line = in_one_line(node);
    // A comma may come behind it.
    if !is_always_spread(node, part) && at.column + line.chars().count() < WIDTH {
        out.push_str(&line);
        return;
    }
    let inner = at.indent + 2;
    match node {
        Node::Scalar(text) => out.push_str(text),
        Node::Array(items) => children(out, at.indent, ['[', ']'], items, |out, item| {
            spread_or_not(out, item, part, Place { indent: inner, column: inner });
        }),
        Node::Object(members) => children(out, at.indent, ['{', '}'], members, |out, (name, value)| {
            out.push_str(name);
            out.push_str(": ");
            let column = inner + name.chars().count() + 2;
            spread_or_not(out, value, part.member(unquoted(name)), Place { indent: inner, column });
        }),
    }
}

/// Cases, steps and refusals are spread even if they would fit: one more is then one more line.
fn is_always_spread(node: &Node, part: Part) -> bool {
    match node {
        Node::Scalar(_) => false,
        Node::Array(items) => matches!(part, Part::Case | Part::Step | Part::Refusal) && !items.is_empty(),
        Node::Object(_) => matches!(part, Part::File | Part::Case),
    }
}

fn children<T>(
    out: &mut String,
    indent: usize,
    [open, close]: [char; 2],
    children: &[T],
    mut child: impl FnMut(&mut String, &T),
) {
    out.push(open);
    for (place, each) in children.iter().enumerate() {
        new_line(out, indent + 2, if place == 0 { "" } else { "," });
        child(out, each);
    }
    new_line(out, indent, "");
    out.push(close);
}

fn new_line(out: &mut String, indent: usize, before: &str) {
    out.push_str(before);
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indent));
}

fn in_one_line(node: &Node) -> String {
    match node {
        Node::Scalar(text) => text.clone(),
        Node::Array(items) => format!("[{}]", items.iter().map(in_one_line).collect::<Vec<_>>().join(", ")),
        Node::Object(members) if members.is_empty() => "{}".to_owned(),
        Node::Object(members) => {
            let members = members.iter().map(|(name, value)| format!("{name}: {}", in_one_line(value)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
    }
}
