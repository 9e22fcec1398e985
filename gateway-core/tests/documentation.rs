//! The documentation tells of every member, and its examples are right.

use std::collections::BTreeSet;

use gateway_core::config::{Composed, Source, json_schema};
use gateway_core::error::CATALOGUE;
use gateway_core::plan::{self, Secrets};
use gateway_core::ports::Capabilities;
use serde_json::Value;

const README: &str = include_str!("../../README.md");
const ERRORS: &str = include_str!("../../docs/errors.md");
const CONFIGURATION: &str = include_str!("../../docs/configuration.md");

struct AnySecret;

impl Secrets for AnySecret {
    fn secret(&self, name: &str) -> Option<String> {
        if name == "SIGNING_KEY" {
            return Some(include_str!("../../tests/keys/ed25519-a.private.pem").to_owned());
        }
        if name == "REDIS_URL" {
            return Some("rediss://:password@redis.test".to_owned());
        }
        if name.ends_with("_HASH") {
            return Some("$2y$10$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW".to_owned());
        }
        Some("known/to/this/machine/by+a+name+as+long+as+a+key".to_owned())
    }
}

/// The blocks of JSON in `page`.
fn examples(page: &str) -> impl Iterator<Item = &str> {
    page.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next())
}

/// The places in which an example can stand: it is a whole file, or a member of it, of an upstream, of a route or of a policy.
fn files_around(example: &str) -> Vec<String> {
    if example.starts_with('{') {
        return vec![example.to_owned()];
    }
    let upstream = r#""u": {"url": "http://u.test"}"#;
    let policies = r#""browser": {"cors": {"origins": ["https://a.test"]}}"#;
    let route = r#""name": "r", "match": {"path": "/{tenant}"}, "upstream": "u""#;
    vec![
        format!(r#"{{{example}, "upstreams": {{{upstream}}}, "routes": [{{{route}}}]}}"#),
        format!(r#"{{"upstreams": {{{upstream}, {example}}}, "routes": [{{{route}}}]}}"#),
        format!(r#"{{"policies": {{{policies}}}, "upstreams": {{{upstream}}}, "routes": [{{{route}, {example}}}]}}"#),
        format!(
            r#"{{"policies": {{"p": {{{example}}}}}, "upstreams": {{{upstream}}},
            "routes": [{{{route}, "policies": ["p"]}}]}}"#
        ),
    ]
}

/// README.md; docs/configuration.md: whoever copies an example has a configuration that is served.
#[test]
fn every_example_is_right() {
    let mut count = 0;
    for example in examples(README).chain(examples(CONFIGURATION)) {
        let files = files_around(example).into_iter();
        // The files that an example includes add nothing.
        let load = |text: &str| plan::load(text, &Capabilities::NATIVE, &AnySecret).map(drop);
        let nothing = || Source { name: "included.json".to_owned(), text: "{}".to_owned() };
        let loaded: Vec<_> = files.map(|text| Composed::new(text, vec![nothing()]).load(load)).collect();
        let mistakes = || loaded.iter().flat_map(|one| one.as_ref().err()).flatten();
        let messages: Vec<_> = mistakes().map(|mistake| format!("{}: {}", mistake.path, mistake.message)).collect();
        assert!(loaded.iter().any(Result::is_ok), "{example}\n{messages:#?}");
        count += 1;
    }
    assert!(count >= 8, "{count} examples were found");
}

/// The names of all members in `schema`.
fn members(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Object(properties)) = object.get("properties") {
                found.extend(properties.keys().cloned());
            }
            object.values().for_each(|value| members(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| members(value, found)),
        _ => {}
    }
}

/// README.md: every member is described in docs/configuration.md, as code.
#[test]
fn every_member_is_described() {
    let mut all = BTreeSet::new();
    members(&json_schema(), &mut all);
    let mut code = String::new();
    // Outside and inside take turns; a fence counts as three.
    for part in CONFIGURATION.split('`').skip(1).step_by(2) {
        code.push_str(part);
        code.push('\n');
    }
    examples(CONFIGURATION).for_each(|example| code.push_str(example));
    let words: BTreeSet<&str> =
        code.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '$' | '_' | '#')).collect();
    let missing: Vec<&String> = all.iter().filter(|name| !words.contains(name.as_str())).collect();
    assert!(all.len() > 100 && missing.is_empty(), "docs/configuration.md says nothing of {missing:?}");
}

/// docs/errors.md: every code of the catalogue has a line, and no other has.
#[test]
fn every_error_code_is_described() {
    let wanted: BTreeSet<String> = CATALOGUE
        .iter()
        .map(|entry| format!("| `{}` | {} | {} |", entry.code, entry.status.as_u16(), entry.detail))
        .collect();
    let found: BTreeSet<String> = ERRORS.lines().filter(|line| line.starts_with("| `")).map(str::to_owned).collect();
    assert!(wanted.len() > 30 && found == wanted, "docs/errors.md: {:#?}", found.symmetric_difference(&wanted));
}

/// docs/configuration.md, Routes: the table has every member of a route.
#[test]
fn the_table_of_a_route_has_every_member() {
    let schema = json_schema();
    let table = CONFIGURATION.split("## Routes\n").nth(1).unwrap().split("### ").next().unwrap();
    let members: Vec<_> = schema["$defs"]["Route"]["properties"].as_object().unwrap().keys().collect();
    let rows: Vec<_> = table.lines().filter_map(|line| line.split('|').nth(1)).collect();
    let is_there = |name: &String| rows.iter().any(|row| row.contains(&format!("`{name}`")));
    let missing: Vec<_> = members.into_iter().filter(|name| *name != "description" && !is_there(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// docs/configuration.md, Who is calling: each word by which the log says why somebody is not believed is explained.
#[test]
fn every_word_of_the_log_for_a_refused_caller_is_explained() {
    let source = include_str!("../src/caller/refusal.rs");
    let (_, words) = source.split_once("fn word").unwrap();
    let (words, _) = words.split_once("\n    }\n").unwrap();
    let words: Vec<_> = words.lines().filter_map(|line| line.split_once("=> \"")?.1.split_once('"')).collect();
    assert!(words.len() > 20);
    for (word, _) in words {
        let row = format!("\n| `{word}` | ");
        assert!(CONFIGURATION.contains(&row), "{word}");
    }
}
