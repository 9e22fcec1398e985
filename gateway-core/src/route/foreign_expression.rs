//! Path patterns in the syntax of other gateways and frameworks, as regular expressions with the same meaning.

use std::fmt::Write as _;

use super::expression::Expression;
use crate::config::THOROUGH;

/// One segment of any content.
const ONE: &str = "[^/]+";

/// One segment or more.
const MANY: &str = ".+";

/// Returns the expression for `path`, as it stands between quotes in JSON; a prefix takes what is below it as well.
/// `None` where the meaning is not clear.
pub(super) fn expression(path: &str, is_prefix: bool) -> Option<String> {
    if !THOROUGH {
        return None;
    }
    let mut written = String::new();
    let mut rest = Some(path.strip_prefix('/')?);
    while let Some(text) = rest {
        let (segment, after) = match text.get(..end_of_segment(text)) {
            Some(segment) => (segment, text.get(segment.len() + 1..)),
            None => (text, None),
        };
        match optional(segment) {
            Some(name) => write!(written, "(?:/(?<{name}>{ONE}))?").ok()?,
            None => {
                written.push('/');
                in_segment(segment, after.is_none(), &mut written)?;
            }
        }
        rest = after;
    }
    if is_prefix {
        written.push_str("(?:/.*)?");
    }
    in_json(&written)
}

/// Returns `expression` as it stands between quotes in JSON, if it is one.
pub(super) fn in_json(expression: &str) -> Option<String> {
    Expression::parse(expression, false).ok()?;
    Some(expression.replace('\\', "\\\\").replace('"', "\\\""))
}

/// `c` in an expression, as itself.
fn push_escaped(c: char, written: &mut String) {
    if matches!(c, '\\' | '.' | '+' | '*' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '^' | '$') {
        written.push('\\');
    }
    written.push(c);
}

/// The length of the first segment of `text`: a slash within brackets does not end it.
fn end_of_segment(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => depth = depth.saturating_sub(1),
            b'/' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

/// The name of the parameter in `{id?}` and `:id?`, which may be absent along with the slash before it.
fn optional(segment: &str) -> Option<String> {
    let inner = segment.strip_suffix("?}").and_then(|text| text.strip_prefix('{'));
    group_name(inner.or_else(|| segment.strip_suffix('?')?.strip_prefix(':'))?)
}

/// A name as groups can have it.
fn group_name(name: &str) -> Option<String> {
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    is_name.then(|| name.replace('-', "_"))
}

fn in_segment(segment: &str, is_last: bool, written: &mut String) -> Option<()> {
    let is_expression = segment.split('{').next().is_some_and(|bare| bare.contains(['(', '[', '\\', '|', '^']))
        && !segment.starts_with(':')
        || segment.contains(".*")
        || segment.contains(".+");
    let mut rest = segment;
    while let Some(c) = rest.chars().next() {
        let before = rest.len();
        rest = match c {
            '{' if rest.starts_with("{'") => {
                let (text, after) = rest.get(2..)?.split_once("'}")?;
                text.chars().for_each(|c| push_escaped(c, written));
                after
            }
            '{' if !is_expression => {
                let (inner, after) = within(rest, '{', '}')?;
                written.push_str(&group(inner)?);
                after
            }
            '<' => {
                let (inner, after) = rest.get(1..)?.split_once('>')?;
                // Flask and Django put the kind first.
                let inner = inner.split_once(':').map_or(inner.to_owned(), |(kind, name)| format!("{name}:{kind}"));
                written.push_str(&group(&inner)?);
                after
            }
            ':' if before == segment.len() => {
                let text = rest.get(1..)?;
                let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
                let (name, after) = text.split_at_checked(end)?;
                let name = group_name(name)?;
                match after.starts_with('(') {
                    true => {
                        let (inner, after) = within(after, '(', ')')?;
                        write!(written, "(?<{name}>{inner})").ok()?;
                        after
                    }
                    false => {
                        write!(written, "(?<{name}>{ONE})").ok()?;
                        after
                    }
                }
            }
            '*' if !is_expression => {
                let after = rest.trim_start_matches('*');
                let ends = after.is_empty() && is_last;
                written.push_str(if ends || rest.starts_with("**") { ".*" } else { "[^/]*" });
                after
            }
            // What it is in another program is not known: a group of an expression, or a variable.
            '$' => return None,
            _ => {
                if is_expression {
                    written.push(c)
                } else {
                    push_escaped(c, written)
                }
                rest.get(c.len_utf8()..)?
            }
        };
    }
    Some(())
}

/// The text between the bracket that `text` begins with and the one that closes it, and the text after that.
fn within(text: &str, open: char, close: char) -> Option<(&str, &str)> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        if c == open {
            depth += 1;
        } else if c == close {
            depth -= 1;
        }
        if depth == 0 {
            return Some((text.get(open.len_utf8()..at)?, text.get(at + close.len_utf8()..)?));
        }
    }
    None
}

/// The group for the parameter that `inner` is, without its brackets: `id`, `id:[0-9]+`, `id:int`, `*rest`, `name=**`.
fn group(inner: &str) -> Option<String> {
    let name = inner.trim_start_matches(['*', '.']);
    let is_many = name.len() < inner.len();
    let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))).unwrap_or(name.len());
    let (name, rest) = name.split_at_checked(end)?;
    let name = group_name(name)?;
    let content = match rest {
        "" if !is_many => ONE.to_owned(),
        "" | "*" | "+" | "..." => MANY.to_owned(),
        "?" => "[^/]*".to_owned(),
        _ => match (rest.strip_prefix(':'), rest.strip_prefix('=')) {
            (Some(constraint), _) => constrained(constraint),
            // gRPC's transcoding: `*` is a segment.
            (_, Some(template)) => template.replace("**", "\0").replace('*', ONE).replace('\0', MANY),
            _ => return None,
        },
    };
    Some(format!("(?<{name}>{content})"))
}

/// The expression for a constraint: an expression itself, or the name of a kind.
fn constrained(constraint: &str) -> String {
    match constraint {
        "int" | "long" | "number" | "digits" => "[0-9]+".to_owned(),
        "alpha" => "[A-Za-z]+".to_owned(),
        "uuid" | "guid" => "[0-9A-Fa-f-]{36}".to_owned(),
        "path" => MANY.to_owned(),
        kind if kind.bytes().all(|byte| byte.is_ascii_alphabetic()) => ONE.to_owned(),
        expression => {
            let expression = expression.strip_prefix('^').unwrap_or(expression);
            expression.strip_suffix('$').unwrap_or(expression).to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::EncodedSlash;
    use crate::route::PathPattern;

    #[test]
    fn a_pattern_of_another_program_becomes_an_expression_that_takes_the_same() {
        // The pattern, the expression, a path that both take and one that neither takes.
        let table = [
            ("/x/{id:[0-9]+}", "/x/(?<id>[0-9]+)", "/x/12", "/x/a"),
            ("/x/{id:[0-9]{2}}/y", "/x/(?<id>[0-9]{2})/y", "/x/12/y", "/x/1/y"),
            ("/x/{id:^a|b$}", "/x/(?<id>a|b)", "/x/b", "/x/c"),
            ("/x/{id:int}", "/x/(?<id>[0-9]+)", "/x/12", "/x/a"),
            ("/x/<int:id>", "/x/(?<id>[0-9]+)", "/x/12", "/x/a"),
            ("/x/:id(\\d+)", "/x/(?<id>\\\\d+)", "/x/12", "/x/a"),
            ("/x/{id}.json", "/x/(?<id>[^/]+)\\\\.json", "/x/a.json", "/x/ajson"),
            ("/x/v{id}", "/x/v(?<id>[^/]+)", "/x/v2", "/x/2"),
            ("/x/{a}-{b-c}", "/x/(?<a>[^/]+)-(?<b_c>[^/]+)", "/x/1-2", "/x/1"),
            ("/x/{x?}", "/x(?:/(?<x>[^/]+))?", "/x", "/x/1/2"),
            ("/x/:x?/y", "/x(?:/(?<x>[^/]+))?/y", "/x/1/y", "/x/1"),
            ("/x/*.js", "/x/[^/]*\\\\.js", "/x/a.js", "/x/a/b.js"),
            ("/x/**/y", "/x/.*/y", "/x/a/b/y", "/x/a/b"),
            ("/api*", "/api.*", "/apis/x", "/ap"),
            ("/x/(a|b)", "/x/(a|b)", "/x/a", "/x/c"),
            ("/x/[0-9]+", "/x/[0-9]+", "/x/7", "/x/a"),
            ("/x/.*", "/x/.*", "/x/a/b", "/y"),
            ("/v1/{name=users/*}", "/v1/(?<name>users/[^/]+)", "/v1/users/1", "/v1/users"),
            ("/x/{'{'}{id}", "/x/\\\\{(?<id>[^/]+)", "/x/{1", "/x/1"),
        ];
        for (pattern, expected, taken, refused) in table {
            let written = expression(pattern, false);
            assert_eq!(written.as_deref(), Some(expected), "{pattern}");
            let read = written.unwrap().replace("\\\\", "\\");
            let read = PathPattern::regex("", &read, EncodedSlash::Keep, false).unwrap();
            assert!(read.matches(taken).is_some(), "{pattern} {taken}");
            assert!(read.matches(refused).is_none(), "{pattern} {refused}");
        }
        assert_eq!(expression("/x/{id:[0-9]+}", true).as_deref(), Some("/x/(?<id>[0-9]+)(?:/.*)?"));
    }

    #[test]
    fn what_has_no_clear_meaning_becomes_none() {
        for pattern in ["/w/$1", "/x/{id:[}", "/x/{", "/x/{a b}", "/x/(", "x"] {
            assert_eq!(expression(pattern, false), None, "{pattern}");
        }
    }
}
