//! What is said of configurations that are well-formed and yet wrong.

use gateway_core::config::Diagnostic;
use gateway_core::plan::{self, Secrets};
use gateway_core::ports::Capabilities;

/// One secret, and no other.
struct Vault(&'static str, &'static str);

impl Secrets for Vault {
    fn secret(&self, name: &str) -> Option<String> {
        (name == self.0).then(|| self.1.to_owned())
    }
}

/// What the native server says of `text`.
fn said(text: &str) -> Vec<Diagnostic> {
    said_on(&Capabilities::NATIVE, text, &Vault("", ""))
}

fn said_on(platform: &Capabilities, text: &str, secrets: &Vault) -> Vec<Diagnostic> {
    plan::load(text, platform, secrets).err().unwrap_or_default()
}

/// Everything that any output shows of `diagnostic`.
fn shown(diagnostic: &Diagnostic, text: &str) -> String {
    let json = serde_json::to_string(diagnostic).unwrap_or_default();
    format!("{diagnostic:?}{json}{}{}", diagnostic.line("f"), diagnostic.render("f", Some(text), false))
}

#[test]
fn a_secret_that_was_pasted_for_its_name_is_not_repeated() {
    let text = r#"{"routes": [{"name": "r", "match": {"path": "/"}, "respond": {}, "policies": [
        {"response": {"headers": {"set": {"x-a": {"secret": "hunter2-Very-Secret"}}}}}]}],
        "counters": {"redis": {"secret": "hunter2-Very-Secret"}}}"#;
    let said = said(text);
    assert_eq!(said.len(), 2, "{said:?}");
    for diagnostic in said {
        assert!(!shown(&diagnostic, text).contains("hunter2"), "{}", shown(&diagnostic, text));
    }
}
