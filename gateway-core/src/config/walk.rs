//! A walk through all texts of a configuration, wherever they stand.

use super::JsonPath;
use super::parse;
use super::read::without_mark;
use super::tree::{Kind, Node};

/// Calls `visit` with the place and the text of every string and of every member's name, in their order.
pub(crate) fn texts(text: &str, visit: &mut impl FnMut(&JsonPath, &str)) {
    walk(&parse::parse(without_mark(text)).root, &JsonPath::root(), visit);
}

fn walk(node: &Node<'_>, path: &JsonPath, visit: &mut impl FnMut(&JsonPath, &str)) {
    match &node.kind {
        Kind::String(text) => visit(path, text),
        Kind::List(items) => items.iter().enumerate().for_each(|(index, item)| walk(item, &path.index(index), visit)),
        Kind::Object(members) => {
            for member in members {
                let path = path.member(&member.name);
                visit(&path, &member.name);
                walk(&member.value, &path, visit);
            }
        }
        Kind::Null | Kind::Bool(_) | Kind::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_visited_with_its_place() {
        let mut seen = Vec::new();
        texts(r#"{"a": "1", "b": [{"c": 2}, "d"]}"#, &mut |path, text| seen.push(format!("{path} {text}")));
        assert_eq!(seen, ["a a", "a 1", "b b", "b[0].c c", "b[1] d"]);
    }
}
