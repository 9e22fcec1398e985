//! A description of an API: its load, and the check of a request with 10 kB of content by it.
//!
//! `EDGEWAY_OPENAPI` names the file of another document, of which the load alone is measured.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use gateway_core::document::Value;
use gateway_core::policy::openapi::{Asked, Description};
use http::{HeaderMap, HeaderValue, Method};
use serde_json::{Map, Value as Json, json};

/// That of the native server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The kinds of things that the API has, each with four operations.
const KINDS: usize = 150;

fn schema(number: usize) -> Json {
    json!({
        "type": "object",
        "required": ["id", "name", "lines"],
        "properties": {
            "id": {"type": "string", "pattern": "^[a-z]{3}_[0-9a-f]{8}$", "readOnly": true},
            "name": {"type": "string", "minLength": 1, "maxLength": 100},
            "created": {"type": "string", "format": "date-time"},
            "parent": {"$ref": format!("#/components/schemas/Reference{}", number % 10)},
            "lines": {"type": "array", "maxItems": 500, "items": {"$ref": "#/components/schemas/Line"}}
        },
        "additionalProperties": false
    })
}

/// A document with several hundred operations.
fn document() -> Json {
    let (mut paths, mut schemas) = (Map::new(), Map::new());
    schemas.insert(
        "Line".to_owned(),
        json!({
            "type": "object",
            "required": ["sku", "quantity", "price"],
            "properties": {
                "sku": {"type": "string", "minLength": 3, "maxLength": 40},
                "quantity": {"type": "integer", "minimum": 1, "maximum": 10000},
                "price": {
                    "type": "object",
                    "required": ["amount", "currency"],
                    "properties": {
                        "amount": {"type": "number", "minimum": 0, "multipleOf": 0.01},
                        "currency": {"enum": ["CHF", "EUR", "GBP", "USD"]}
                    }
                },
                "tags": {"type": "array", "items": {"type": "string", "maxLength": 20}}
            }
        }),
    );
    for number in 0..10 {
        schemas
            .insert(format!("Reference{number}"), json!({"type": "object", "properties": {"id": {"type": "string"}}}));
    }
    for number in 0..KINDS {
        schemas.insert(format!("Thing{number}"), schema(number));
        let thing = json!({"$ref": format!("#/components/schemas/Thing{number}")});
        let content = json!({"application/json": {"schema": thing}});
        let answer = json!({"description": "a thing", "content": content});
        paths.insert(
            format!("/things{number}"),
            json!({
                "get": {
                    "parameters": [{"$ref": "#/components/parameters/limit"}],
                    "responses": {"200": {"description": "things", "content": {"application/json": {"schema": {"type": "array", "items": thing}}}}}
                },
                "post": {"requestBody": {"required": true, "content": content}, "responses": {"201": answer}}
            }),
        );
        let id = json!({"name": "id", "in": "path", "required": true, "schema": {"type": "string", "maxLength": 40}});
        paths.insert(
            format!("/things{number}/{{id}}"),
            json!({
                "parameters": [id],
                "get": {"responses": {"200": answer}},
                "put": {"requestBody": {"content": content}, "responses": {"200": answer}}
            }),
        );
    }
    let limit = json!({"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 100}});
    json!({
        "openapi": "3.1.0",
        "info": {"title": "things", "version": "1"},
        "paths": paths,
        "components": {"schemas": schemas, "parameters": {"limit": limit}}
    })
}

/// A thing of some 10 kB.
fn thing() -> String {
    let line = |number: u32| {
        json!({
            "sku": format!("article-{number:05}"),
            "quantity": number % 9 + 1,
            "price": {"amount": f64::from(number * 325 + 99) / 100.0, "currency": "EUR"},
            "tags": ["fragile", "new", format!("lot-{number}")]
        })
    };
    json!({"name": "a thing", "created": "2026-11-30T04:30:00Z", "lines": (0..85).map(line).collect::<Vec<_>>()})
        .to_string()
}

fn descriptions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("openapi");
    if let Ok(path) = std::env::var("EDGEWAY_OPENAPI") {
        let Ok(text) = std::fs::read(path) else { return };
        let document = Value::read(&text).unwrap_or_default();
        match Description::load(&document, true) {
            Ok(description) => println!("{} operations, {} bytes", description.count(), text.len()),
            Err(mistakes) => println!("{} mistakes, the first: {:?}", mistakes.len(), mistakes.first()),
        }
        group.sample_size(10);
        group.bench_function("read", |bencher| bencher.iter(|| Value::read(black_box(&text))));
        group.bench_function("load", |bencher| bencher.iter(|| Description::load(black_box(&document), true)));
        return group.finish();
    }
    let text = document().to_string();
    let document = Value::read(text.as_bytes()).unwrap_or_default();
    let Ok(description) = Description::load(&document, true) else { return };
    let content = thing();
    println!("{} operations, {} bytes; content of {} bytes", description.count(), text.len(), content.len());
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    let check = |content: &str| {
        let asked = Asked { method: &Method::POST, path: "/things77", query: None, headers: &headers };
        let found = description.find(asked.method, asked.path).ok()?;
        let (mut flaws, _) = description.check_parameters(&found, &asked);
        let reader = description.reader(&found, &headers).ok()??;
        flaws.extend(description.check_content(reader, content.as_bytes(), &headers).ok()?);
        Some(flaws.len())
    };
    assert_eq!(check(&content), Some(0));
    group.bench_function("load", |bencher| bencher.iter(|| Description::load(black_box(&document), true)));
    group.bench_function("request with 10 kB", |bencher| bencher.iter(|| check(black_box(&content))));
    group.bench_function("request without content", |bencher| {
        bencher.iter(|| {
            let asked = Asked { method: &Method::GET, path: "/things77", query: Some("limit=20"), headers: &headers };
            let found = description.find(asked.method, asked.path).ok()?;
            Some(description.check_parameters(&found, &asked).0.len())
        });
    });
    group.finish();
}

criterion_group!(benches, descriptions);
criterion_main!(benches);
