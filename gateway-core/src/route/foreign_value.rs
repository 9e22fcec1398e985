//! Values of fields in the syntax of other gateways, which take them for regular expressions.

use super::Foreign;
use crate::config::THOROUGH;

/// The characters with a meaning in a regular expression.
const META: [char; 14] = ['\\', '.', '+', '*', '?', '(', ')', '|', '[', ']', '{', '}', '^', '$'];

impl Foreign {
    /// Finds a regular expression in a value that is meant to be equal.
    #[inline(never)]
    #[must_use]
    pub fn in_value(text: &str) -> Option<Self> {
        if !THOROUGH || !is_expression(text) {
            return None;
        }
        // nginx's and Kong's `~`, and `~*` that ignores case.
        let (bare, ignores_case) = match text.strip_prefix('~') {
            Some(rest) => (rest.strip_prefix('*').unwrap_or(rest).trim_start(), rest.starts_with('*')),
            None => (text, false),
        };
        let from_start = bare.strip_prefix('^');
        let to_end = from_start.unwrap_or(bare).strip_suffix('$').filter(|rest| !rest.ends_with('\\'));
        let inner = to_end.or(from_start).unwrap_or(bare);
        let anchored = (from_start.is_some(), to_end.is_some());
        let write = match anchored {
            (true, true) if !inner.contains(META) && !ignores_case => quoted(inner),
            (true, false) if !inner.contains(META) && !ignores_case => format!("{{\"prefix\": {}}}", quoted(inner)),
            (false, true) if !inner.contains(META) && !ignores_case => format!("{{\"suffix\": {}}}", quoted(inner)),
            _ => {
                let before = if anchored == (false, true) { ".*" } else { "" };
                let after = if anchored == (true, false) { ".*" } else { "" };
                let case = if ignores_case { "(?i)" } else { "" };
                format!("{{\"regex\": {}}}", quoted(&format!("{case}{before}{inner}{after}")))
            }
        };
        let write =
            format!("write `{write}`; text that stands for itself is written `{{\"oneOf\": [{}]}}`", quoted(text));
        Some(Self { found: text.to_owned(), write })
    }
}

/// Returns whether hardly any value looks like `text`, and regular expressions do.
fn is_expression(text: &str) -> bool {
    let contains = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    let begins = text.len() > 1 && (text.starts_with('^') || text.starts_with("~^") || text.starts_with("~*"));
    let ends = text.strip_suffix('$').is_some_and(|rest| rest.contains(META));
    let alternatives = text.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')'));
    begins
        || ends
        || contains(&[".*", ".+", "(?", "\\d", "\\w", "\\."])
        || contains(&["[0-9", "[a-z", "[A-Z", "[^"]) && text.contains(']')
        || alternatives.is_some_and(|(inner, _)| inner.contains('|') && !inner.contains(' '))
}

/// `text` as JSON.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regular_expressions_of_other_programs_are_found_in_values() {
        for (value, write) in [
            ("^v[0-9]$", r#"{"regex": "v[0-9]"}"#),
            ("^v[0-9]", r#"{"regex": "v[0-9].*"}"#),
            ("v[0-9]$", r#"{"regex": ".*v[0-9]"}"#),
            ("^beta$", r#""beta""#),
            ("^beta", r#"{"prefix": "beta"}"#),
            ("~*^(a|b)$", r#"{"regex": "(?i)(a|b)"}"#),
            ("~* curl", r#"{"regex": "(?i)curl"}"#),
            (".*Mobile.*", r#"{"regex": ".*Mobile.*"}"#),
            ("(one|two)", r#"{"regex": "(one|two)"}"#),
            ("v\\d", r#"{"regex": "v\\d"}"#),
            ("a\\.b$", r#"{"regex": ".*a\\.b"}"#),
        ] {
            let foreign = Foreign::in_value(value).unwrap_or_else(|| panic!("{value}"));
            assert!(foreign.write.starts_with(&format!("write `{write}`;")), "{value}: {}", foreign.write);
        }
    }

    #[test]
    fn values_that_are_text_stay_text() {
        for value in [
            "*/*",
            "text/*",
            "v1.2",
            "a+b",
            "100$",
            "~1.2",
            "^",
            "[::1]:80",
            "\"etag\"",
            "W/\"a\"",
            "{}",
            "a|b",
            "Mozilla/5.0 (X11; Linux x86_64) (KHTML, like Gecko)",
            "curl/8.5.0",
            "application/ld+json; profile=\"a\"",
            "c++",
            "?1",
        ] {
            assert_eq!(Foreign::in_value(value), None, "{value}");
        }
    }
}
