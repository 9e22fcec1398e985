//! Findings as SARIF (OASIS, Static Analysis Results Interchange Format, version 2.1.0).

use gateway_core::config::{Diagnostic, Severity};
use serde_json::{Value, json};

use crate::cli::findings::Findings;

/// A log with one run, and a result for each mistake and warning.
pub(super) fn log(findings: &Findings) -> Value {
    let diagnostics = findings.mistakes.iter().map(|mistake| &mistake.diagnostic).chain(&findings.warnings);
    let results: Vec<Value> = diagnostics.map(|diagnostic| result(diagnostic, &findings.file)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "edgeway",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": [
                    { "id": "mistake", "shortDescription": { "text": "The configuration is refused" } },
                    { "id": "no-effect", "shortDescription": { "text": "A part of the configuration has no effect" } },
                ],
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn result(diagnostic: &Diagnostic, file: &str) -> Value {
    let (rule, level) = match diagnostic.severity {
        Severity::Error => ("mistake", "error"),
        Severity::Warning => ("no-effect", "warning"),
    };
    let text = match &diagnostic.help {
        Some(help) => format!("{} ({help})", diagnostic.message),
        None => diagnostic.message.clone(),
    };
    let place = location(diagnostic.file.as_deref().unwrap_or(file), diagnostic.position, &diagnostic.path);
    let mut result = json!({ "ruleId": rule, "level": level, "message": { "text": text }, "locations": [place] });
    if let (Some(other), Some(result)) = (&diagnostic.other, result.as_object_mut()) {
        let mut place = location(other.file.as_deref().unwrap_or(file), Some(other.position), &other.path);
        if let Some(place) = place.as_object_mut() {
            place.insert("id".to_owned(), json!(1));
            place.insert("message".to_owned(), json!({ "text": "the other place" }));
        }
        result.insert("relatedLocations".to_owned(), json!([place]));
    }
    result
}

/// The location of the member at `path` in `file` (section 3.28).
fn location(file: &str, position: Option<(u32, u32)>, path: &str) -> Value {
    let mut place = json!({ "artifactLocation": { "uri": uri(file) } });
    if let (Some((line, column)), Some(place)) = (position, place.as_object_mut()) {
        place.insert("region".to_owned(), json!({ "startLine": line, "startColumn": column }));
    }
    let mut location = json!({ "physicalLocation": place });
    if let Some(location) = location.as_object_mut().filter(|_| !path.is_empty()) {
        location.insert("logicalLocations".to_owned(), json!([{ "fullyQualifiedName": path }]));
    }
    location
}

/// `file` as a URI reference (RFC 3986 section 4.2).
fn uri(file: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/');
    let mut out = String::new();
    for byte in file.replace('\\', "/").bytes() {
        if is_plain(byte) { out.push(char::from(byte)) } else { out.push_str(&format!("%{byte:02X}")) }
    }
    out
}
