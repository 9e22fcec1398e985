//! Any text either loads or gets told what is wrong with it, and never brings the gateway down.

use gateway_core::config::{self, ConfigError, JsonPath};
use proptest::prelude::*;
use proptest::sample::Index;

const WHOLE: &str = include_str!("fixtures/whole.json");
const MISTAKES: &str = include_str!("fixtures/fifty-mistakes.json");

/// Reads `text` and shows all that there is to show.
fn try_all(text: &str) -> Result<(), TestCaseError> {
    match config::read(text) {
        Ok(config) => {
            // What is JSON without comments and descriptions reads the same with another reader.
            if let Ok(again) = serde_json::from_str::<config::Config>(text.trim_start_matches('\u{feff}')) {
                prop_assert_eq!(config, again);
            }
        }
        Err(reading) => {
            let path = JsonPath::root().member("routes").index(1).member("name");
            let before = reading.diagnostics.len();
            prop_assert!(before > 0, "refused without a word: {}", text);
            let diagnostics = reading.explain(vec![ConfigError::new(path, "bad name")]);
            prop_assert!(diagnostics.len() >= before);
            prop_assert!(diagnostics.is_sorted_by_key(|diagnostic| diagnostic.position));
            for diagnostic in diagnostics {
                prop_assert!(!diagnostic.message.is_empty());
                prop_assert!(diagnostic.position.is_some());
                prop_assert!(diagnostic.found.as_deref().is_none_or(|found| found.chars().count() <= 60));
                let shown = diagnostic.render("gateway.json", Some(text), false);
                prop_assert!(!shown.replace('\n', "").contains(char::is_control), "{:?}", shown);
                prop_assert!(!diagnostic.line("gateway.json").contains(char::is_control));
            }
        }
    }
    Ok(())
}

/// `text` with the characters from one place to another replaced.
fn splice(text: &str, from: Index, length: usize, with: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let from = from.index(chars.len());
    chars.iter().copied().take(from).chain(with.chars()).chain(chars.iter().copied().skip(from + length)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        try_all(&String::from_utf8_lossy(&bytes))?;
    }

    #[test]
    fn any_tokens(tokens in prop::collection::vec(
        prop::sample::select(vec![
            "{", "}", "[", "]", ",", ":", "\"", "'", "\\", "\\u", "\\ud800", "//", "/*", "*/", "#", "\n", "\t", "\u{0}", "\u{1b}[31m",
            "1", "-", "0", ".", "e", "1e999", "true", "nul", "宽", "\u{feff}", "\u{202e}", "\"routes\"", "\"name\"", "\"match\"", "\"secret\"",
            "\"upstreams\"", "\"policies\"", "\"rateLimit\"", "\"host\"", "\"5s\"", "{\"set\":", "[{\"name\":",
        ]),
        0..60,
    )) {
        try_all(&tokens.concat())?;
        try_all(&format!("{{{}}}", tokens.concat()))?;
    }

    #[test]
    fn a_sound_text_with_a_slip(from in any::<Index>(), length in 0_usize..4, with in "[{}\\[\\]\",:'0-9a-z\\\\\n\u{7f}-]{0,3}") {
        try_all(&splice(WHOLE, from, length, &with))?;
    }

    #[test]
    fn a_text_with_mistakes_with_a_slip(from in any::<Index>(), length in 0_usize..40, with in any::<String>()) {
        try_all(&splice(MISTAKES, from, length, &with))?;
    }

    #[test]
    fn a_text_that_breaks_off(from in any::<Index>()) {
        try_all(&splice(WHOLE, from, usize::MAX / 2, ""))?;
        try_all(&splice(MISTAKES, from, usize::MAX / 2, ""))?;
    }
}
