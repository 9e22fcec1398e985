use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::*;
use crate::document::Value;

fn described(paths: &str) -> Description {
    let text = format!(r#"{{"openapi":"3.1.0","paths":{paths}}}"#);
    Description::load(&Value::read(text.as_bytes()).unwrap(), true).unwrap()
}

fn mistakes(text: &str) -> Vec<String> {
    let mistakes = Description::load(&Value::read(text.as_bytes()).unwrap(), true).unwrap_err();
    mistakes.into_iter().map(|mistake| format!("{} {}", mistake.place, mistake.message)).collect()
}

/// A description with one parameter of GET on `path`.
fn one(path: &str, parameter: &str) -> Description {
    described(&format!(r#"{{"{path}":{{"get":{{"parameters":[{parameter}],"responses":{{}}}}}}}}"#))
}

fn faults(description: &Description, path: &str, query: &str, headers: &HeaderMap) -> Vec<String> {
    let asked = Asked { method: &Method::GET, path, query: Some(query), headers };
    let found = description.find(asked.method, path).unwrap();
    description.check_parameters(&found, &asked).0.into_iter().map(|flaw| flaw.to_string()).collect()
}

/// The value that a parameter is taken for, as the one constant that is taken.
fn is_read_as(place: &str, style: &str, schema: &str, written: &str, value: &str) -> bool {
    let schema = schema.replacen('{', &format!(r#"{{"const":{value},"#), 1);
    let parameter = format!(r#"{{"name":"p","in":"{place}","required":true,{style}"schema":{schema}}}"#);
    let mut headers = HeaderMap::new();
    match place {
        "path" => faults(&one("/a/{p}", &parameter), &format!("/a/{written}"), "", &headers).is_empty(),
        "query" => faults(&one("/a", &parameter), "/a", written, &headers).is_empty(),
        _ => {
            let name = if place == "cookie" { "cookie" } else { "p" };
            headers.insert(name, HeaderValue::try_from(written).unwrap());
            faults(&one("/a", &parameter), "/a", "", &headers).is_empty()
        }
    }
}

const LIST: &str = r#"{"type":"array","items":{"type":["integer","string"]}}"#;
const COLOURS: &str = r#"{"type":"object","properties":{"R":{"type":"integer"},"G":{"type":"integer"}}}"#;

/// OpenAPI 3.1.1 §4.8.12.6: the table of styles.
#[test]
fn every_style_is_read() {
    let (list, colours) = (r#"["blue",5]"#, r#"{"R":100,"G":200}"#);
    for (place, style, written) in [
        ("path", "", "blue,5"),
        ("path", r#""explode":true,"#, "blue,5"),
        ("path", r#""style":"label","#, ".blue,5"),
        ("path", r#""style":"label","explode":true,"#, ".blue.5"),
        ("path", r#""style":"matrix","#, ";p=blue,5"),
        ("path", r#""style":"matrix","explode":true,"#, ";p=blue;p=5"),
        ("query", "", "p=blue&p=5"),
        ("query", r#""explode":false,"#, "p=blue,5"),
        ("query", r#""style":"spaceDelimited","#, "p=blue%205"),
        ("query", r#""style":"spaceDelimited","#, "p=blue+5"),
        ("query", r#""style":"pipeDelimited","#, "p=blue|5"),
        ("query", r#""style":"pipeDelimited","#, "p=blue%7C5"),
        ("query", r#""style":"deepObject","#, "p[]=blue&p[]=5"),
        ("query", r#""style":"deepObject","#, "p[0]=blue&p[1]=5"),
        ("header", "", "blue, 5"),
        ("cookie", r#""explode":false,"#, "a=b; p=blue,5"),
    ] {
        assert!(is_read_as(place, style, LIST, written, list), "{place} {style} {written}");
        assert!(!is_read_as(place, style, LIST, &written.replace('5', "6"), list), "{place} {style} {written}");
    }
    for (place, style, written) in [
        ("path", "", "R,100,G,200"),
        ("path", r#""explode":true,"#, "R=100,G=200"),
        ("path", r#""style":"label","#, ".R,100,G,200"),
        ("path", r#""style":"label","explode":true,"#, ".R=100.G=200"),
        ("path", r#""style":"matrix","#, ";p=R,100,G,200"),
        ("path", r#""style":"matrix","explode":true,"#, ";R=100;G=200"),
        ("query", "", "R=100&G=200"),
        ("query", r#""explode":false,"#, "p=R,100,G,200"),
        ("query", r#""style":"deepObject","#, "p%5BR%5D=100&p[G]=200"),
        ("header", "", "R, 100, G, 200"),
        ("header", r#""explode":true,"#, "R=100, G=200"),
    ] {
        assert!(is_read_as(place, style, COLOURS, written, colours), "{place} {style} {written}");
    }
}

/// OpenAPI 3.1.1 §4.8.12: a text is what its schema has it be.
#[test]
fn texts_get_the_types_of_their_schemas() {
    for (schema, written, value) in [
        (r#"{"type":"integer"}"#, "5", "5"),
        (r#"{"type":"number"}"#, "1e2", "100"),
        (r#"{"type":"string"}"#, "5", "\"5\""),
        (r#"{"type":"boolean"}"#, "true", "true"),
        (r#"{"type":["integer","null"]}"#, "", "null"),
        (r#"{"enum":[5]}"#, "5", "5"),
        (r#"{"anyOf":[{"type":"integer"},{"type":"boolean"}]}"#, "true", "true"),
        (r#"{"type":["string","integer"]}"#, "5", "5"),
        (r#"{"type":["string","integer"]}"#, "5", "\"5\""),
        (r#"{"type":"string"}"#, "a%2Cb+c", "\"a,b c\""),
    ] {
        assert!(is_read_as("query", "", schema, &format!("p={written}"), value), "{schema} {written}");
    }
    assert!(!is_read_as("query", "", r#"{"type":"string"}"#, "p=5", "5"));
    assert!(is_read_as("path", "", r#"{"type":"string"}"#, "a+b%2F", "\"a+b/\""));
}

/// OpenAPI 3.1.1 §4.8.8.1: concrete paths go before templates; operations of templates with other names are all there.
#[test]
fn operations_are_found_by_path_and_method() {
    let description = described(
        r#"{"/a/{x}":{"get":{},"put":{}},"/a/b":{"get":{}},"/a/{y}":{"delete":{}},"/a/{x}:stop":{"post":{}},"/a/{x}.{y}/c":{"get":{}},"/":{"get":{}}}"#,
    );
    let name = |method: Method, path: &str| match description.find(&method, path) {
        Ok(found) => found.operation.name.to_string(),
        Err(missing) => format!("{missing:?}"),
    };
    assert_eq!(name(Method::GET, "/a/b"), "GET /a/b");
    assert_eq!(name(Method::GET, "/a/c"), "GET /a/{x}");
    assert_eq!(name(Method::HEAD, "/a/c"), "GET /a/{x}");
    assert_eq!(name(Method::DELETE, "/a/c"), "DELETE /a/{y}");
    assert_eq!(name(Method::POST, "/a/c:stop"), "POST /a/{x}:stop");
    assert_eq!(name(Method::GET, "/a/c:stop"), "GET /a/{x}");
    assert_eq!(name(Method::PATCH, "/a/c"), r#"Method("GET, PUT, DELETE, HEAD")"#);
    assert_eq!(name(Method::GET, "/a/b.c.d/c"), "GET /a/{x}.{y}/c");
    assert_eq!(name(Method::GET, "/a/.d/c"), "Path");
    assert_eq!(name(Method::GET, "/a/"), "Path");
    assert_eq!(name(Method::GET, ""), "GET /");
    assert_eq!(name(Method::GET, "/b"), "Path");
}

/// docs/configuration.md, Descriptions of APIs: mistakes are told when the configuration is loaded.
#[test]
fn mistakes_have_their_places() {
    assert_eq!(mistakes("{}"), ["/openapi this is no document of OpenAPI: `openapi` states its version"]);
    assert_eq!(mistakes(r#"{"openapi":"4.0.0"}"#), ["/openapi version `4.0.0` of OpenAPI is not supported"]);
    assert_eq!(mistakes(r#"{"openapi":"3.1.0"}"#), ["/paths there are no operations"]);
    let of = |paths: &str| mistakes(&format!(r#"{{"openapi":"3.1.0","paths":{paths}}}"#));
    assert_eq!(
        of(r#"{"/a":{"get":{"parameters":[{"name":"a","in":"body"}]}}}"#),
        ["/paths/~1a/get/parameters/0 a parameter is in `path`, `query`, `header` or `cookie`"]
    );
    assert_eq!(
        of(r#"{"/a":{"get":{"parameters":[{"name":"a","in":"query","schema":{"type":"text"}}]}}}"#),
        ["/paths/~1a/get/parameters/0/schema/type there is no such type"]
    );
    assert_eq!(
        of(r#"{"/a/{x}":{"get":{}},"/a/{y}":{"get":{}}}"#),
        ["/paths/~1a~1{y} `GET` on this path is described at `/a/{x}`, too"]
    );
    assert_eq!(of(r#"{"/a":{"get":{"responses":{"20":{}}}}}"#), ["/paths/~1a/get/responses/20 `20` is no status"]);
    assert_eq!(of(r##"{"/a":{"$ref":"#/paths/~1b"},"/b":{"$ref":"#/paths/~1a"}}"##).len(), 2);
    assert!(of(r#"{"/a{x":{"get":{}}}"#)[0].contains("a parameter in it is written `{name}`"));
}

fn response(
    status: u16,
    fields: &[(&'static str, &'static str)],
    content: Option<&[u8]>,
) -> Option<Result<Vec<String>, Unchecked>> {
    let description = described(
        r#"{"/a":{"get":{"responses":{
            "200":{"headers":{"X-Age":{"required":true,"schema":{"type":"integer"}}},"content":{"application/json":{"schema":{"type":"object","required":["id","key"],"properties":{"id":{"readOnly":true},"key":{"writeOnly":true}}}}}},
            "4XX":{"content":{}}}}}}"#,
    );
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, HeaderValue::from_static(value));
    }
    let copy = content.map(|content| {
        let copy = Copy::new(20);
        content.chunks(3).for_each(|piece| copy.read(piece));
        copy
    });
    let came = Came { status: StatusCode::from_u16(status).unwrap(), headers, content: copy };
    Expected { description: Arc::new(description), operation: (0, 0), came: Some(came) }.check()
}

/// OpenAPI 3.1.1 §4.8.16, §4.8.17; docs/configuration.md, Descriptions of APIs.
#[test]
fn responses_are_as_described() {
    let faults = |status, fields: &[_], content| response(status, fields, content).unwrap().unwrap();
    let json = ("content-type", "application/json");
    let fine = [json, ("x-age", "1")];
    assert_eq!(faults(200, &fine, Some(b"{\"id\":1}")), Vec::<String>::new());
    assert_eq!(faults(200, &fine, Some(b"{}")), ["the content at `` lacks the member `id`"]);
    assert_eq!(faults(200, &fine, Some(b"{")).len(), 1);
    assert_eq!(faults(200, &fine, None), Vec::<String>::new());
    assert_eq!(faults(200, &[json], Some(b"{\"id\":1}")), ["the field `x-age` is missing"]);
    assert_eq!(faults(200, &[json, ("x-age", "x")], None).len(), 1);
    assert_eq!(
        faults(200, &[("x-age", "1"), ("content-type", "text/html")], Some(b"")),
        ["the media type `text/html` is not described"]
    );
    assert_eq!(faults(500, &fine, None), ["the status 500 is not described"]);
    assert_eq!(faults(404, &[], Some(b"any")), Vec::<String>::new());
    assert_eq!(response(200, &fine, Some(&[b' '; 21])), Some(Err(Unchecked::TooLarge)));
    let encoded = [json, ("x-age", "1"), ("content-encoding", "gzip")];
    assert_eq!(response(200, &encoded, Some(b"{}")), Some(Err(Unchecked::Encoded)));
}

fn made(schema: &str, seed: u64) -> Value {
    let schema = Value::read(schema.as_bytes()).unwrap();
    super::generate::Generator::new(&schema, seed, false).value(&schema)
}

/// docs/configuration.md, Mocks: what is made is bounded, whatever a schema asks for.
#[test]
fn a_schema_that_asks_for_too_much_gets_less() {
    let nested = r#"{"type": "array", "minItems": 1000, "items": {"type": "array", "minItems": 1000,
        "items": {"type": "string", "minLength": 10000}}}"#;
    let mut doubled = r#"{"type": "string"}"#.to_owned();
    for _ in 0..22 {
        doubled = format!(r##"{{"allOf": [{doubled}, {{"$ref": "#"}}]}}"##);
    }
    for schema in [nested, &doubled] {
        let schema = Value::read(schema.as_bytes()).unwrap();
        let mut generator = super::generate::Generator::new(&schema, 1, false);
        let length = generator.value(&schema).to_string().len();
        assert!(length < 4 << 20, "{length} bytes");
    }
}

/// JSON Schema Validation §6, §7: what is made is as the schema has it.
#[test]
fn what_is_made_is_as_its_schema_has_it() {
    for schema in [
        r#"{"type":"integer","minimum":3,"maximum":5}"#,
        r#"{"type":"integer","exclusiveMinimum":3,"exclusiveMaximum":5}"#,
        r#"{"type":"integer","minimum":10,"multipleOf":7}"#,
        r#"{"type":"number","minimum":0.1,"maximum":0.4,"multipleOf":0.1}"#,
        r#"{"type":"number","maximum":-3}"#,
        r#"{"type":"string","minLength":20,"maxLength":22}"#,
        r#"{"type":"string","maxLength":2}"#,
        r#"{"type":"string","pattern":"^[A-Z]{2}-\\d+(\\.[a-z]{2,3})?$"}"#,
        r#"{"type":"string","pattern":"^(red|green|[^a-z]x)$"}"#,
        r#"{"type":"string","pattern":"^\\w+$","minLength":30}"#,
        r#"{"enum":[1,"a",null]}"#,
        r#"{"const":{"a":1}}"#,
        r#"{"type":["null","integer"]}"#,
        r#"{"type":"array","minItems":4,"maxItems":4,"uniqueItems":true,"items":{"type":"integer","minimum":1,"maximum":4}}"#,
        r#"{"type":"array","prefixItems":[{"type":"string"},{"type":"integer"}],"items":false}"#,
        r#"{"type":"object","required":["a","b"],"properties":{"a":{"type":"boolean"}},"additionalProperties":{"type":"integer"}}"#,
        r#"{"type":"object","minProperties":3,"additionalProperties":{"type":"integer"}}"#,
        r#"{"allOf":[{"type":"object","required":["a"]},{"properties":{"a":{"type":"integer"}}}],"unevaluatedProperties":false}"#,
        r#"{"oneOf":[{"type":"integer"},{"type":"boolean"}]}"#,
        r##"{"$ref":"#/$defs/node","$defs":{"node":{"type":"object","required":["v"],"properties":{"v":{"type":"integer"},"next":{"$ref":"#/$defs/node"}}}}}"##,
    ]
    .into_iter()
    .map(str::to_owned)
    .chain(
        ["date", "date-time", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uri", "uuid", "json-pointer", "regex"]
            .map(|format| format!(r#"{{"type":"string","format":"{format}"}}"#)),
    ) {
        let options = crate::document::schema::Options { asserts_formats: true, ..Default::default() };
        let compiled = Schema::compile(&Value::read(schema.as_bytes()).unwrap(), &options).unwrap();
        for seed in 0..64 {
            let value = made(&schema, seed);
            assert_eq!(compiled.check(&value, 3), Ok(Vec::new()), "{schema} {value}");
            assert_eq!(value, made(&schema, seed));
        }
    }
    assert_ne!(made(r#"{"type":"string","format":"uuid"}"#, 1), made(r#"{"type":"string","format":"uuid"}"#, 2));
}

/// The official suite of JSON Schema, where there is a copy (`EDGEWAY_VECTORS`): for most schemas that anything is valid by, something is made.
#[test]
#[expect(clippy::disallowed_methods, reason = "where the suite is depends on the machine that tests")]
fn most_schemas_of_the_suite_are_met() {
    let vectors = std::env::var("EDGEWAY_VECTORS");
    let vectors = vectors.unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/vectors").to_owned());
    let folder = format!("{vectors}/json-schema/tests/draft2020-12");
    let Ok(files) = std::fs::read_dir(&folder) else { return println!("skipped: there is no {folder}") };
    let (mut met, mut unmet) = (0, Vec::new());
    for file in files.map(|file| file.unwrap().path()).filter(|path| path.is_file()) {
        let Ok(Value::Array(groups)) = Value::read(&std::fs::read(file).unwrap()) else { continue };
        for group in groups {
            let Value::Object(group) = group else { continue };
            let (Some(schema), Some(Value::Array(tests))) = (group.get("schema"), group.get("tests")) else { continue };
            let is_valid =
                |test: &Value| matches!(test, Value::Object(test) if test.get("valid") == Some(&Value::Boolean(true)));
            let Ok(compiled) = Schema::compile(schema, &crate::document::schema::Options::default()) else { continue };
            if !tests.iter().any(is_valid) {
                continue;
            }
            let is_right = |seed| {
                let value = super::generate::Generator::new(schema, seed, seed >= 4).value(schema);
                compiled.is_valid(&value) == Ok(true)
            };
            if (0..8).any(is_right) { met += 1 } else { unmet.push(schema.to_string()) }
        }
    }
    assert!(met > 290 && met > 8 * unmet.len(), "{met} are met, and not {} of these: {unmet:#?}", unmet.len());
}
