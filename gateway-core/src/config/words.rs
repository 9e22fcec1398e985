//! The wording of mistakes, with the way to mend them.

use super::de::DESCRIPTION;
use super::error::{ErrorKind, Report};
use super::homes::HOMES;
use super::parse::short;
use super::suggest::suggest;
use super::tree::{Kind, Located, Node};
use super::units;

/// Objects for which authors often write only the main member.
const MAIN_MEMBERS: [(&str, &str); 4] =
    [("match", "path"), ("redirect", "location"), ("respond", "body"), ("keyValue", "key")];

/// The message and help for a report. `found` is the text in question, unless it must not be shown.
pub(super) fn describe(report: &Report, located: &Located<'_, '_>, found: Option<&str>) -> (String, Option<String>) {
    let name = located.member.map_or("", |member| &*member.name);
    match &report.kind {
        ErrorKind::Type { expected } => (
            match (found, &located.node.kind) {
                (Some(found), Kind::Number(_)) if is_whole(expected) => {
                    format!("expected {}, found `{found}`", plain(expected))
                }
                _ => format!("expected {}, found {}", plain(expected), kind(located.node)),
            },
            found.and_then(|found| right_type(expected, located, found)),
        ),
        ErrorKind::Object { fields } => (
            format!("expected an object, found {}", kind(located.node)),
            found
                .and_then(|found| right_type("an object", located, found))
                .or_else(|| Some(format!("its fields are {}", list(fields, "and")))),
        ),
        ErrorKind::Value { expected } => (
            match found {
                Some(found) => format!("expected {}, found `{found}`", plain(expected)),
                None => format!("expected {}", plain(expected)),
            },
            match &located.node.kind {
                Kind::String(text) if found.is_some() => right_value(expected, text),
                _ => None,
            },
        ),
        ErrorKind::Choice { expected } => {
            (format!("expected {}, found {}", one_of(expected), kind(located.node)), None)
        }
        ErrorKind::Variant { expected } => {
            let (what, word) = match (&located.node.kind, located.member) {
                (Kind::String(text), _) if located.node.extent == report.extent.unwrap_or(located.node.extent) => {
                    ("value", &**text)
                }
                _ => ("name", name),
            };
            let help = match suggest(word, expected.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("use {}", one_of(expected)),
            };
            (format!("unknown {what} `{}`", short(word)), Some(help))
        }
        ErrorKind::Field { expected } => {
            (format!("unknown field `{}`", short(name)), Some(right_field(name, expected)))
        }
        ErrorKind::Missing { field } => {
            (format!("missing field `{field}`"), Some(format!("add `\"{field}\": …` to this object")))
        }
        ErrorKind::Variable(mistake) => {
            let (message, help) = mistake.words();
            (message, Some(help))
        }
        ErrorKind::Other { message } => (message.clone(), None),
        ErrorKind::Consequence => (String::new(), None),
    }
}

fn right_field(name: &str, expected: &[&str]) -> String {
    let home = HOMES.iter().find(|(field, _)| *field == name);
    if let Some((_, home)) = home {
        return format!("`{name}` belongs in {home}");
    }
    if let Some(meant) = suggest(name, expected.iter().copied().chain([DESCRIPTION])) {
        return format!("did you mean `{meant}`?");
    }
    let elsewhere = suggest(name, HOMES.iter().map(|(field, _)| *field));
    match HOMES.iter().find(|(field, _)| Some(*field) == elsewhere) {
        Some((field, home)) => format!("did you mean `{field}`? it belongs in {home}"),
        None => format!("the fields here are {}", list(expected, "and")),
    }
}

/// The way to write a value that was written as the wrong type.
fn right_type(expected: &str, located: &Located<'_, '_>, found: &str) -> Option<String> {
    let list = matches!(expected, "a list" | "a sequence");
    match &located.node.kind {
        Kind::Null => Some("leave it out".to_owned()),
        Kind::Object(_) if list => Some("put it in a list: `[{ … }]`".to_owned()),
        _ if list => Some(format!("write `[{found}]`")),
        Kind::Number(text) if expected == "a string" => Some(format!("write `\"{text}\"`")),
        Kind::Bool(value) if expected == "a string" => Some(format!("write `\"{value}\"`")),
        Kind::Number(text) => units::with_unit(expected, text).map(|text| format!("write `\"{text}\"`")),
        Kind::String(text) => match expected {
            "an object" => {
                let name = located.member.map_or("", |member| &*member.name);
                let (_, main) = MAIN_MEMBERS
                    .iter()
                    .find(|(object, _)| *object == name)
                    .or_else(|| text.starts_with("http").then_some(&("", "url")))?;
                Some(format!("write `{{\"{main}\": {found}}}`"))
            }
            "a boolean" => match text.trim() {
                "true" | "yes" | "on" => Some("write `true`, without quotes".to_owned()),
                "false" | "no" | "off" => Some("write `false`, without quotes".to_owned()),
                _ => None,
            },
            _ if is_whole(expected) => {
                let number = text.trim();
                number.parse::<u64>().is_ok().then(|| format!("write `{number}`, without quotes"))
            }
            _ => None,
        },
        Kind::Bool(_) | Kind::List(_) | Kind::Object(_) => None,
    }
}

/// The correct way to write a wrong value.
fn right_value(expected: &str, text: &str) -> Option<String> {
    units::tidy(expected, text).map(|tidy| format!("write `\"{tidy}\"`"))
}

fn is_whole(expected: &str) -> bool {
    matches!(expected, "u8" | "u16" | "u32" | "u64" | "usize")
}

/// Translates serde's words for types to those of JSON.
fn plain(expected: &str) -> &str {
    match expected {
        "a string" => "text",
        "a boolean" => "`true` or `false`",
        "a sequence" => "a list",
        "a map" => "an object",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u8" | "u64" | "usize" => "a whole number",
        // The words of serde's reader of a choice for an empty object.
        "enum" => "an object with one member",
        other => other,
    }
}

fn kind(node: &Node<'_>) -> &'static str {
    match &node.kind {
        Kind::Null => "`null`",
        Kind::Bool(true) => "`true`",
        Kind::Bool(false) => "`false`",
        Kind::Number(_) => "a number",
        Kind::String(_) => "text",
        Kind::List(_) => "a list",
        Kind::Object(members) if members.is_empty() => "an empty object",
        Kind::Object(_) => "an object",
    }
}

fn one_of(words: &[&str]) -> String {
    match words {
        [one] => format!("`{one}`"),
        _ => format!("one of {}", list(words, "or")),
    }
}

/// Lists the words, except for `$schema`, which is no use as a suggestion.
fn list(words: &[&str], last: &str) -> String {
    let quoted: Vec<String> =
        words.iter().filter(|word| !word.starts_with('$')).map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((end, rest)) if !rest.is_empty() => format!("{} {last} {end}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

#[cfg(all(test, feature = "schema"))]
mod tests {
    use super::*;
    use crate::config::json_schema;

    #[test]
    fn the_main_members_are_there() {
        let schema = json_schema();
        let objects: Vec<_> = schema["$defs"].as_object().unwrap().values().collect();
        for (object, main) in MAIN_MEMBERS {
            assert!(objects.iter().any(|route| route["properties"].get(object).is_some()), "{object}");
            assert!(objects.iter().any(|object| object["properties"].get(main).is_some()), "{main}");
        }
    }
}
