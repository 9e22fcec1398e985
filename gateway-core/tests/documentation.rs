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

/// The name by which a link leads to the heading `text`, as GitHub makes it.
fn anchor(text: &str) -> String {
    let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// The page begins with its contents: a line for each section, with those within it.
#[test]
fn the_contents_are_those_of_the_page() {
    let mut expected: Vec<String> = Vec::new();
    let mut is_code = false;
    for line in CONFIGURATION.lines() {
        is_code ^= line.trim_start().starts_with("```");
        let link = |text: &str| format!("[{text}](#{})", anchor(text));
        match (line.strip_prefix("## "), line.strip_prefix("### "), expected.last_mut()) {
            (Some(text), ..) if !is_code => expected.push(format!("- {}", link(text))),
            (_, Some(text), Some(last)) if !is_code => {
                last.push_str(if last.contains("): ") { ", " } else { ": " });
                last.push_str(&link(text));
            }
            _ => {}
        }
    }
    let contents: Vec<&str> = CONFIGURATION.lines().skip(2).take_while(|line| !line.is_empty()).collect();
    assert_eq!(contents, expected, "write these lines below the title");
}

/// docs/configuration.md, Compression: the page lists the media types that are compressed where nothing else is said.
#[test]
fn the_media_types_that_are_compressed_are_listed() {
    let text = r#"{"routes": [{"name": "r", "respond": {}, "policies": [{"compress": {}}]}]}"#;
    let plan = plan::load(text, &Capabilities::NATIVE, &AnySecret).unwrap();
    let types = &plan.routes[0].compress.as_ref().unwrap().types;
    let listed: Vec<String> = types.iter().map(|text| format!("`{text}`")).collect();
    assert!(
        CONFIGURATION.contains(&format!("`*` stands for any text. Default: {} |", listed.join(", "))),
        "{listed:?}"
    );
}

/// Editors show the description of a member: each has one, those of choices such as `{"header": …}` too.
#[test]
fn the_schema_describes_each_member() {
    fn walk(schema: &Value, definitions: &Value, at: &str, found: &mut Vec<String>) {
        // What stands beside a reference are rules for the members that are described there.
        let own = schema.get("properties").filter(|_| schema.get("$ref").is_none());
        for (name, member) in own.and_then(Value::as_object).into_iter().flatten() {
            let named = member["$ref"].as_str().and_then(|name| name.strip_prefix("#/$defs/"));
            let is_said = member["description"].is_string()
                || named.is_some_and(|name| definitions[name]["description"].is_string());
            // `description` is in any object, and says itself what it is.
            if !is_said && name != "description" {
                found.push(format!("{at}.{name}"));
            }
            walk(member, definitions, &format!("{at}.{name}"), found);
        }
        for part in ["items", "additionalProperties"].iter().filter_map(|part| schema.get(part)) {
            walk(part, definitions, at, found);
        }
        for choice in ["oneOf", "anyOf"].iter().filter_map(|part| schema[*part].as_array()).flatten() {
            // Those without a type are rules, and no members.
            if choice["type"].is_string() {
                walk(choice, definitions, at, found);
            }
        }
    }
    let schema = json_schema();
    let mut found = Vec::new();
    walk(&schema, &schema["$defs"], "", &mut found);
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        walk(definition, &schema["$defs"], name, &mut found);
    }
    assert_eq!(found, [] as [&str; 0]);
}
