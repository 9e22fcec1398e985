//! Hundreds of mistakes that people make, each of which is told once, with its place and the fix.

use gateway_core::plan::{self, Secrets};
use gateway_core::ports::Capabilities;

const MISTAKES: &str = include_str!("fixtures/mistakes.txt");

struct AnySecrets;

impl Secrets for AnySecrets {
    fn secret(&self, _: &str) -> Option<String> {
        Some("a-secret-of-more-than-sixteen-characters".to_owned())
    }
}

/// What is said of `text`, a line each.
fn said(text: &str) -> Vec<String> {
    let mistakes = plan::load(text, &Capabilities::NATIVE, &AnySecrets).err().unwrap_or_default();
    mistakes.iter().map(|mistake| mistake.line("")).collect()
}

/// The list as it should be. To write it anew after a change of words: `BLESS=1 cargo test -p gateway-core --test
/// config_hundreds`, and read the difference.
#[test]
fn each_mistake_is_told_once_with_its_place_and_the_fix() {
    let (mut around, mut anew, mut number) = ("…", String::new(), 0);
    for line in MISTAKES.lines() {
        if line.starts_with("  ") {
            continue;
        }
        anew.push_str(&format!("{line}\n"));
        if let Some(text) = line.strip_prefix("@ ") {
            around = text;
        }
        let Some(mistake) = line.strip_prefix("- ") else { continue };
        number += 1;
        for said in said(&around.replace('…', mistake)) {
            anew.push_str(&format!("  {said}\n"));
        }
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/mistakes.txt"), &anew).unwrap();
    }
    assert!(number >= 150);
    assert_eq!(anew.lines().collect::<Vec<_>>(), MISTAKES.lines().collect::<Vec<_>>());
}

#[test]
fn one_mistake_gives_one_message_with_a_fix() {
    let mut lines = MISTAKES.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(mistake) = line.strip_prefix("- ") else { continue };
        let mut said = Vec::new();
        while let Some(next) = lines.next_if(|line| line.starts_with("  ")) {
            said.push(next);
        }
        assert_eq!(said.len(), 1, "{mistake}: {said:#?}");
        assert!(said.iter().all(|said| said.ends_with(')')), "{mistake}: no fix in {said:?}");
    }
}
