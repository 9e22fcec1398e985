//! Findings as SARIF (OASIS, Static Analysis Results Interchange Format, version 2.1.0).

use gateway_core::config::{Diagnostic, Rule, Severity};
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
                "rules": Rule::ALL.map(rule),
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn result(diagnostic: &Diagnostic, file: &str) -> Value {
    let level = level(diagnostic.severity);
    let text = match &diagnostic.help {
        Some(help) => format!("{} ({help})", diagnostic.message),
        None => diagnostic.message.clone(),
    };
    let span = diagnostic.position.zip(diagnostic.end);
    let place = location(diagnostic.file.as_deref().unwrap_or(file), span, &diagnostic.path);
    let mut result = json!({
        "ruleId": diagnostic.rule.id(),
        "ruleIndex": Rule::ALL.iter().position(|rule| *rule == diagnostic.rule),
        "level": level,
        "message": { "text": text },
        "locations": [place],
    });
    if let (Some(other), Some(result)) = (&diagnostic.other, result.as_object_mut()) {
        let mut place = location(other.file.as_deref().unwrap_or(file), Some((other.position, other.end)), &other.path);
        if let Some(place) = place.as_object_mut() {
            place.insert("id".to_owned(), json!(1));
            place.insert("message".to_owned(), json!({ "text": "the other place" }));
        }
        result.insert("relatedLocations".to_owned(), json!([place]));
    }
    result
}

/// The descriptor of `rule` (section 3.49).
fn rule(rule: Rule) -> Value {
    let severity = if rule == Rule::Doubtful { Severity::Warning } else { Severity::Error };
    json!({
        "id": rule.id(),
        "shortDescription": { "text": rule.description() },
        "defaultConfiguration": { "level": level(severity) },
    })
}

/// The level of results (section 3.27.10).
const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// The location of the member at `path` in `file` (section 3.28).
fn location(file: &str, span: Option<((u32, u32), (u32, u32))>, path: &str) -> Value {
    let mut place = json!({ "artifactLocation": { "uri": uri(file) } });
    if let (Some(((line, column), (end_line, end_column))), Some(place)) = (span, place.as_object_mut()) {
        let region = json!({ "startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column });
        place.insert("region".to_owned(), region);
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
