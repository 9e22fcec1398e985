use super::*;

fn read(text: &str) -> Value {
    Value::read(text.as_bytes()).unwrap()
}

fn compile(schema: &str) -> Schema {
    Schema::compile(&read(schema), &Options::default()).unwrap()
}

fn is_valid(schema: &str, value: &str) -> bool {
    compile(schema).is_valid(&read(value)).unwrap()
}

/// Pointers, keywords and messages.
fn violations(schema: &str, value: &str) -> Vec<(String, String, String)> {
    let violations = compile(schema).check(&read(value), 10).unwrap();
    violations.into_iter().map(|violation| (violation.pointer, violation.keyword, violation.message)).collect()
}

fn told(schema: &str, value: &str) -> Vec<String> {
    violations(schema, value)
        .into_iter()
        .map(|(pointer, keyword, message)| format!("{pointer} {message} {keyword}"))
        .collect()
}

fn mistakes(schema: &str) -> Vec<String> {
    let mistakes = Schema::compile(&read(schema), &Options::default()).unwrap_err();
    mistakes.into_iter().map(|mistake| format!("{}: {}", mistake.place, mistake.message)).collect()
}

/// JSON Schema Core §12.3: a violation has the place in the instance and that of the keyword.
#[test]
fn every_violation_is_told_with_its_places() {
    let schema = r##"{
        "type": "object",
        "required": ["id", "name"],
        "properties": {"id": {"type": "integer", "minimum": 1}, "tags": {"items": {"$ref": "#/$defs/tag"}}, "a/b": {"const": 1}},
        "additionalProperties": false,
        "$defs": {"tag": {"type": "string", "maxLength": 3}}
    }"##;
    assert_eq!(
        told(schema, r#"{"id": 0.5, "tags": ["abc", "abcd", 7], "a/b": 2, "x": null}"#),
        [
            " lacks the member `name` /required",
            "/id is a number, where the type is integer /properties/id/type",
            "/id is less than `1` /properties/id/minimum",
            "/tags/1 has 4 characters, where the most is 3 /$defs/tag/maxLength",
            "/tags/2 is a number, where the type is string /$defs/tag/type",
            "/a~1b is another value than `1` /properties/a~1b/const",
            "/x is a member that the schema does not have /additionalProperties",
        ]
    );
    assert_eq!(
        told(r#"{"propertyNames": {"maxLength": 1}}"#, r#"{"ab": "cd"}"#),
        ["/ab has a name that has 2 characters, where the most is 1 /propertyNames/maxLength"]
    );
    let many = compile(r#"{"items": {"type": "null"}}"#).check(&read("[1,2,3,4]"), 2).unwrap();
    assert_eq!(many.len(), 2);
}

#[test]
fn messages_quote_little() {
    let long = "x".repeat(1_000);
    let schema = format!(r#"{{"const": "{long}", "maxLength": 5, "required": ["{long}"]}}"#);
    for value in [format!("\"y{long}\""), "{}".to_owned()] {
        for (_, _, message) in violations(&schema, &value) {
            assert!(message.len() < 200 && !message.contains('y'), "{message}");
        }
    }
    assert_eq!(told(r#"{"enum": ["a", 1]}"#, "2"), [" is none of `\"a\"`, `1` /enum"]);
}

/// JSON Schema Core §10.2.1.3: of the branches that fail, the one that is meant is told.
#[test]
fn the_branch_that_is_meant_is_told() {
    let schema = r#"{"oneOf": [
        {"type": "null"},
        {"properties": {"kind": {"const": "cat"}, "lives": {"type": "integer"}}},
        {"properties": {"kind": {"const": "dog"}, "legs": {"type": "integer"}}}
    ]}"#;
    assert_eq!(
        told(schema, r#"{"kind": "dog", "legs": "4"}"#),
        [
            " is as none of the 3 schemas has it /oneOf",
            "/legs is a string, where the type is integer /oneOf/2/properties/legs/type"
        ]
    );
    assert_eq!(told(schema, "{}"), [" is as more than one of the schemas has it /oneOf"]);
}

/// JSON Schema Validation §6.2: numbers have any precision, and none is rounded here.
#[test]
fn numbers_are_exact() {
    assert!(!is_valid(r#"{"maximum": 9007199254740992}"#, "9007199254740993"));
    assert!(is_valid(r#"{"exclusiveMinimum": 0.1}"#, "0.10000000000000000001"));
    assert!(is_valid(r#"{"multipleOf": 0.01}"#, "19.99"));
    assert!(!is_valid(r#"{"multipleOf": 2}"#, "9007199254740993"));
    assert!(is_valid(r#"{"type": "integer"}"#, "1.50e1"));
    assert!(is_valid(r#"{"const": 1}"#, "1.0"));
}

/// JSON Schema Validation §6.4.3; Core §4.2.2 has `1` and `1.0` equal, and the order of members say nothing.
#[test]
fn equal_elements_are_found() {
    let is_unique = |items: &str| is_valid(r#"{"uniqueItems": true}"#, items);
    assert!(!is_unique("[1, 2, 1.0]"));
    assert!(!is_unique(r#"[{"a": 1, "b": [2]}, {"b": [2.0], "a": 1}]"#));
    assert!(is_unique(r#"[1, true, "1", [1], {"1": 1}, [[1]], [true], null, "null"]"#));
    let many: Vec<_> = (0..20_000).map(|number| format!("{{\"n\": {number}}}")).collect();
    assert!(is_unique(&format!("[{}]", many.join(","))));
    assert!(!is_unique(&format!("[{}, {{\"n\": 77e0}}]", many.join(","))));
}

/// JSON Schema Validation §6.4.4, §6.4.5: without `minContains` one is enough.
#[test]
fn elements_are_counted() {
    let schema = r#"{"contains": {"type": "null"}, "maxContains": 1}"#;
    assert_eq!(told(schema, "[1]"), [" has 0 elements of a kind that it has to have 1 of /contains"]);
    assert_eq!(told(schema, "[null, null]"), [" has 2 elements of a kind that it may have 1 of /maxContains"]);
    let schema = r#"{"contains": {"type": "null"}, "minContains": 2}"#;
    assert_eq!(told(schema, "[null]"), [" has 1 elements of a kind that it has to have 2 of /minContains"]);
    assert!(is_valid(r#"{"contains": false, "minContains": 0}"#, "[1]"));
}

/// JSON Schema Core §8.2: identifiers are resolved as RFC 3986 has it, and nothing is fetched.
#[test]
fn references_lead_to_documents_that_are_given() {
    let resources = [
        (
            "schemas/pet.json".into(),
            read(r##"{"$defs": {"name": {"$anchor": "name", "minLength": 2}}, "$ref": "#name"}"##),
        ),
        (
            "https://example.com/a".into(),
            read(r##"{"$id": "https://example.com/b/", "$defs": {"c": {"$id": "c", "type": "null"}}}"##),
        ),
    ];
    let options = Options { uri: "schemas/api.json", resources: &resources, ..Options::default() };
    let document = read(
        r##"{"properties": {
        "pet": {"$ref": "pet.json"}, "name": {"$ref": "pet.json#/$defs/name"}, "c": {"$ref": "https://example.com/b/c"}, "d": {"$ref": "https://example.com/a#/$defs/c"}
    }}"##,
    );
    let schema = Schema::compile(&document, &options).unwrap();
    let found = schema.check(&read(r#"{"pet": "x", "name": "y", "c": 1, "d": 2}"#), 10).unwrap();
    let places: Vec<_> = found.iter().map(|violation| (&*violation.pointer, &*violation.keyword)).collect();
    assert_eq!(
        places,
        [
            ("/pet", "schemas/pet.json#/$defs/name/minLength"),
            ("/name", "schemas/pet.json#/$defs/name/minLength"),
            ("/c", "https://example.com/a#/$defs/c/type"),
            ("/d", "https://example.com/a#/$defs/c/type"),
        ]
    );
    let missing = Schema::compile(&read(r#"{"$ref": "cat.json"}"#), &options).unwrap_err();
    assert_eq!(missing[0].message, "`cat.json` leads to `schemas/cat.json`, which is not given");
}

/// OpenAPI 3.1 §4.8.24: its schemas stand within another document, and refer to their neighbours.
#[test]
fn a_part_of_a_document_is_a_schema() {
    let document = read(
        r##"{"openapi": "3.1.0", "components": {"schemas": {
            "Pets": {"type": "array", "items": {"$ref": "#/components/schemas/Pet"}}, "Pet": {"required": ["id"], "example": 1}
        }}}"##,
    );
    let schema = Schema::compile(&document, &Options { at: "/components/schemas/Pets", ..Options::default() }).unwrap();
    let found = schema.check(&read("[{}]"), 10).unwrap();
    assert_eq!((&*found[0].pointer, &*found[0].keyword), ("/0", "/components/schemas/Pet/required"));
    assert!(Schema::compile(&document, &Options { at: "/components/nothing", ..Options::default() }).is_err());
}

/// JSON Schema Core §9.4.1: a schema must not be run into an infinite recursion.
#[test]
fn references_in_a_circle_are_refused() {
    let circle = ["this schema leads back to itself for the same value, so that no check of it would end"];
    for schema in [
        r##"{"$ref": "#"}"##,
        r##"{"anyOf": [{"type": "null"}, {"$ref": "#"}]}"##,
        r##"{"$ref": "#/$defs/a", "$defs": {"a": {"not": {"$ref": "#/$defs/b"}}, "b": {"if": true, "then": {"$ref": "#/$defs/a"}}}}"##,
    ] {
        let mistakes = Schema::compile(&read(schema), &Options::default()).unwrap_err();
        assert_eq!(mistakes.iter().map(|mistake| &*mistake.message).collect::<Vec<_>>(), circle, "{schema}");
    }
    assert!(is_valid(r##"{"properties": {"next": {"$ref": "#"}}}"##, r#"{"next": {"next": {}}}"#));
    // Where the end of a dynamic reference is known at the check alone, that has a bound.
    let dynamic = r##"{"$dynamicAnchor": "a", "$dynamicRef": "#a"}"##;
    assert_eq!(compile(dynamic).is_valid(&Value::Null), Err(TooMuch));
}

#[test]
fn a_check_has_bounds_of_work_and_depth() {
    // Each level doubles the work.
    let levels: Vec<_> = (0..40)
        .map(|level| {
            format!(r##""l{level}": {{"allOf": [{{"$ref": "#/$defs/l{0}"}}, {{"$ref": "#/$defs/l{0}"}}]}}"##, level + 1)
        })
        .collect();
    let schema = format!(r##"{{"$ref": "#/$defs/l0", "$defs": {{{}, "l40": {{"type": "null"}}}}}}"##, levels.join(","));
    assert_eq!(compile(&schema).is_valid(&Value::Null), Err(TooMuch));
    assert_eq!(compile(&schema).check(&Value::Null, 10), Err(TooMuch));
    // A document as deep as any that is read passes.
    let nested = ["[".repeat(128), "]".repeat(128)].concat();
    assert!(is_valid(r##"{"items": {"$ref": "#"}}"##, &nested));
    assert!(is_valid(r##"{"unevaluatedItems": {"$ref": "#"}}"##, &nested));
    assert!(is_valid(r##"{"items": {"$ref": "#/$defs/one"}, "$defs": {"one": {"allOf": [{"$ref": "#"}]}}}"##, &nested));
}

/// JSON Schema Core §11: what a failed branch has looked at does not count, and what a schema beside has looked at does not, either.
#[test]
fn what_is_not_evaluated_is_found() {
    let schema = r#"{
        "anyOf": [{"properties": {"a": true}, "required": ["x"]}, {"properties": {"b": true}}, {"properties": {"c": true}}],
        "unevaluatedProperties": false
    }"#;
    assert!(is_valid(schema, r#"{"b": 1, "c": 1}"#));
    assert_eq!(
        told(schema, r#"{"a": 1, "b": 1}"#),
        ["/a is a member that the schema does not have /unevaluatedProperties"]
    );
    let cousins = r#"{"allOf": [{"properties": {"a": true}}, {"unevaluatedProperties": false}]}"#;
    assert!(!is_valid(cousins, r#"{"a": 1}"#));
    // A value that is refused by its own schema has been looked at: one violation is enough.
    let twice = r#"{"properties": {"a": {"type": "null"}}, "unevaluatedProperties": false}"#;
    assert_eq!(told(twice, r#"{"a": 1}"#), ["/a is a number, where the type is null /properties/a/type"]);
}

/// JSON Schema Core §4.3.1, §6.5: keywords that are not known are annotations.
#[test]
fn unknown_keywords_say_nothing() {
    assert!(is_valid(r#"{"nullable": 7, "x-kind": {"type": "nonsense"}, "example": {"$id": 7}}"#, "1"));
}

/// JSON Schema Core, appendix G: keywords of earlier drafts, which are annotations now.
#[test]
fn keywords_of_other_drafts_are_told() {
    let schema =
        compile(r#"{"properties": {"nullable": {"type": "string", "nullable": true}}, "dependencies": {"a": ["b"]}}"#);
    let mut places: Vec<_> = schema.remarks().iter().map(|remark| &*remark.place).collect();
    places.sort_unstable();
    assert_eq!(places, ["/dependencies", "/properties/nullable/nullable"]);
    assert_eq!(schema.is_valid(&read(r#"{"a": 1}"#)), Ok(true));
}

/// JSON Schema Core §8.1.1; OpenAPI 3.1 §4.8.24.5 has a dialect on top of the draft.
#[test]
fn other_dialects_are_refused() {
    assert!(is_valid(r#"{"$schema": "https://spec.openapis.org/oas/3.1/dialect/base", "type": "null"}"#, "null"));
    assert_eq!(
        mistakes(r#"{"$schema": "http://json-schema.org/draft-07/schema#"}"#),
        ["/$schema: the dialect `http://json-schema.org/draft-07/schema#` is not supported"]
    );
}

#[test]
fn all_mistakes_are_told_with_their_places() {
    let mut mistakes = mistakes(
        r##"{
            "properties": {
                "a": {"type": "text"}, "b": 7, "c": {"items": [{}]}, "d": {"minimum": "1", "exclusiveMaximum": true},
                "e": {"pattern": "(?=x)"}, "f": {"$ref": "#/$defs/none"}, "g": {"$ref": "#none"}, "h": {"multipleOf": 0},
                "i": {"minLength": -1}, "j": {"allOf": []}, "k": {"$anchor": "1"}, "l": {"required": "a"}, "m": {"$id": "a#b"}
            }
        }"##,
    );
    mistakes.sort();
    assert_eq!(
        mistakes,
        [
            "/properties/a/type: there is no such type",
            "/properties/b: a schema is an object, `true` or `false`",
            "/properties/c/items: this takes one schema",
            "/properties/d/exclusiveMaximum: this takes a number",
            "/properties/d/minimum: this takes a number",
            "/properties/e/pattern: look-arounds and back-references are not supported",
            "/properties/f/$ref: `#/$defs/none` leads to this document, and there is no such place in it",
            "/properties/g/$ref: `#none` leads to this document, and there is no such place in it",
            "/properties/h/multipleOf: this takes a number above 0 of 18 digits at the most",
            "/properties/i/minLength: this takes a whole number of 0 or more",
            "/properties/j/allOf: this takes a list of one schema or more",
            "/properties/k/$anchor: this is no name for an anchor",
            "/properties/l/required: this takes a list of names",
            "/properties/m/$id: an `$id` is a URI without a fragment",
        ]
    );
    assert_eq!(
        self::mistakes(r#"{"$defs": {"a": {"$anchor": "x"}, "b": {"$anchor": "x"}}}"#),
        ["/$defs/b: `#x` names another schema, too: that at `/$defs/a`"]
    );
}

/// JSON Schema Validation §7.2.1: a format is an annotation unless it is asked for as an assertion.
#[test]
fn formats_are_assertions_where_they_are_asked_for() {
    let schema = read(r#"{"format": "date"}"#);
    let check = |asserts_formats: bool| {
        let schema = Schema::compile(&schema, &Options { asserts_formats, ..Options::default() }).unwrap();
        schema
            .check(&read("\"2026-02-29\""), 10)
            .unwrap()
            .into_iter()
            .map(|violation| violation.message)
            .collect::<Vec<_>>()
    };
    assert_eq!(check(false), Vec::<String>::new());
    assert_eq!(check(true), ["is not in the format `date`"]);
}

fn is_valid_old(schema: &str, value: &str) -> bool {
    let options = Options { is_openapi_30: true, ..Options::default() };
    Schema::compile(&read(schema), &options).unwrap().is_valid(&read(value)).unwrap()
}

/// OpenAPI 3.0.3 §4.7.23, §4.7.24, and JSON Schema Wright 00 §5.3, §5.5.
#[test]
fn keywords_of_openapi_3_0_mean_what_they_meant() {
    let nullable = r#"{"type":"string","nullable":true}"#;
    assert!(is_valid_old(nullable, "null") && is_valid_old(nullable, "\"a\"") && !is_valid_old(nullable, "1"));
    assert!(!is_valid_old(r#"{"type":"string","nullable":false}"#, "null"));
    assert!(!is_valid_old(r#"{"nullable":true,"enum":[1]}"#, "null"));
    let least = r#"{"minimum":1,"exclusiveMinimum":true}"#;
    assert!(!is_valid_old(least, "1") && is_valid_old(least, "2"));
    let most = r#"{"maximum":1,"exclusiveMaximum":false}"#;
    assert!(is_valid_old(most, "1") && !is_valid_old(most, "2"));
    assert!(is_valid_old(r#"{"exclusiveMaximum":true}"#, "5"));
    let beside = r##"{"properties":{"a":{"$ref":"#/b","type":"string"}},"b":{"type":"integer"}}"##;
    assert!(is_valid_old(beside, r#"{"a":1}"#) && !is_valid(beside, r#"{"a":1}"#));
    // Elsewhere they are what the draft has.
    assert!(!is_valid(nullable, "null"));
    assert_eq!(mistakes(least), ["/exclusiveMinimum: this takes a number"]);
}

/// OpenAPI 3.0.3 §4.7.24.2, 3.1.1 §4.8.24 (JSON Schema Validation §9.4).
#[test]
fn what_is_of_one_side_is_required_there_alone() {
    let document = read(
        r##"{"A":{"required":["id","name","key"],"properties":{"id":{"readOnly":true},"key":{"$ref":"#/K"}}},"K":{"writeOnly":true}}"##,
    );
    let options = Options { has_sides: true, ..Options::default() };
    let (schema, roots) = Schema::compile_all(&document, &options, ["/A".to_owned()].into_iter()).unwrap();
    let lacks = |side, value: &str| {
        let violations = schema.check_by((roots[0], side), &read(value), 9).unwrap();
        violations.into_iter().map(|violation| violation.message).collect::<Vec<_>>()
    };
    let (id, name, key) = ("lacks the member `id`", "lacks the member `name`", "lacks the member `key`");
    assert_eq!(lacks(Some(Side::Request), "{}"), [name, key]);
    assert_eq!(lacks(Some(Side::Response), "{}"), [name, id]);
    assert_eq!(lacks(None, "{}"), [name, key, id]);
}
