//! The test suite of JSON Schema, where there is a copy: `EDGEWAY_VECTORS` names the folder that has it as `json-schema/`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::{Options, Schema};
use crate::document::Value;

/// The meta-schemas of the draft, which some of the tests refer to (json-schema.org).
const METASCHEMAS: &str = include_str!("../../../tests/fixtures/json-schema-2020-12.json");

#[expect(clippy::disallowed_methods, reason = "where the suite is depends on the machine that tests")]
fn folder() -> Option<PathBuf> {
    let vectors = std::env::var("EDGEWAY_VECTORS");
    let vectors = vectors.unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/vectors").to_owned());
    let folder = Path::new(&vectors).join("json-schema");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: there is no json-schema in {vectors}");
    None
}

/// The files of JSON in `folder`, in order, with those in its folders if it `is_deep`.
fn files(folder: &Path, is_deep: bool) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let (folders, mut files): (Vec<_>, Vec<_>) = paths.into_iter().partition(|path| path.is_dir());
    if is_deep {
        files.extend(folders.iter().flat_map(|folder| self::files(folder, true)));
    }
    files
}

fn read(path: &Path) -> Json {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn own(json: &Json) -> Value {
    Value::read(json.to_string().as_bytes()).unwrap()
}

/// The documents that the suite has its references lead to.
fn resources(suite: &Path) -> Vec<(Box<str>, Value)> {
    let remotes = suite.join("remotes");
    let mut all: Vec<(Box<str>, Value)> = Vec::new();
    for path in files(&remotes, true) {
        let name = path.strip_prefix(&remotes).unwrap().to_str().unwrap().replace('\\', "/");
        all.push((format!("http://localhost:1234/{name}").into(), own(&read(&path))));
    }
    let metaschemas: Vec<Json> = serde_json::from_str(METASCHEMAS).unwrap();
    all.extend(metaschemas.iter().map(|schema| (schema["$id"].as_str().unwrap().into(), own(schema))));
    all
}

/// Runs the tests of `folder`. Returns their number, and those that fail.
fn run(suite: &Path, folder: &str, asserts_formats: bool) -> (usize, Vec<String>) {
    let resources = resources(suite);
    let options = Options { resources: &resources, asserts_formats, ..Options::default() };
    let mut failures = Vec::new();
    let mut count = 0;
    for path in files(&suite.join("tests/draft2020-12").join(folder), false) {
        let file = path.file_stem().unwrap().to_str().unwrap();
        for group in read(&path).as_array().unwrap() {
            let name = group["description"].as_str().unwrap();
            let tests = group["tests"].as_array().unwrap();
            count += tests.len();
            let schema = match Schema::compile(&own(&group["schema"]), &options) {
                Ok(schema) => schema,
                Err(mistakes) => {
                    failures.push(format!("{file}: {name}: {}", mistakes.first().unwrap()));
                    continue;
                }
            };
            for test in tests {
                let what = test["description"].as_str().unwrap();
                let data = own(&test["data"]);
                let verdict = schema.is_valid(&data);
                if verdict != Ok(test["valid"] == true) {
                    failures.push(format!("{file}: {name}: {what}: {verdict:?}"));
                }
                let violations = schema.check(&data, 100).map(|violations| violations.is_empty());
                assert_eq!(violations, verdict, "{file}: {name}: {what}");
            }
        }
    }
    println!("{folder}: {count} tests, {} failures", failures.len());
    (count, failures)
}

/// Asserts that what fails is what `known` has the beginnings of, and nothing else.
fn assert_known(failures: &[String], known: &[&str]) {
    let unknown: Vec<_> =
        failures.iter().filter(|failure| !known.iter().any(|known| failure.starts_with(known))).collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
    for known in known {
        assert!(failures.iter().any(|failure| failure.starts_with(known)), "`{known}` fails no more");
    }
}

/// Categories of characters take tables that are larger than all the rest, and meta-schemas of one's own are refused (`docs/adr/0022`).
#[test]
fn the_required_tests_pass() {
    let Some(suite) = folder() else { return };
    let (count, failures) = run(&suite, "", false);
    assert!(count > 1_000, "{count}");
    assert_known(
        &failures,
        &[
            "pattern: pattern with Unicode property escape requires unicode mode: `/pattern`: categories",
            "patternProperties: patternProperties with Unicode property escape: `/patternProperties`: `^\\p{Letter}+$`: categories",
            "vocabulary: schema that uses custom metaschema with with no validation vocabulary: `/$schema`: the dialect",
            "vocabulary: ignore unrecognized optional vocabulary: `/$schema`: the dialect",
        ],
    );
}

/// Besides the above: `dependencies` of earlier drafts is no keyword of this one, and the copy of the suite has no documents of other drafts.
#[test]
fn the_optional_tests_pass() {
    let Some(suite) = folder() else { return };
    let (_, failures) = run(&suite, "optional", false);
    assert_known(
        &failures,
        &[
            "cross-draft: refs to historic drafts are processed as historic drafts: `/$ref`:",
            "dependencies-compatibility: ",
            "ecmascript-regex: patterns always use unicode semantics with pattern: `/pattern`: categories",
            "ecmascript-regex: pattern with non-ASCII digits: `/pattern`: categories",
            "ecmascript-regex: patterns always use unicode semantics with patternProperties: `/patternProperties`: `\\p{Letter}cole`:",
            "ecmascript-regex: patternProperties with non-ASCII digits: `/patternProperties`: `^\\p{digit}+$`: categories",
            "format-assertion: schema that uses custom metaschema with format-assertion: ",
        ],
    );
}

/// Labels of international host names are not decoded, and formats that would take tables of Unicode are annotations.
#[test]
fn the_tests_of_formats_pass() {
    let Some(suite) = folder() else { return };
    let (_, failures) = run(&suite, "optional/format", true);
    assert_known(
        &failures,
        &[
            "hostname: validation of A-label (punycode) host names: ",
            "idn-email: ",
            "idn-hostname: ",
            "iri: ",
            "iri-reference: ",
            "uri-template: ",
        ],
    );
}
