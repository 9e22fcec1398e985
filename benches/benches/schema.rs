//! The check of a document of 10 kB by a JSON Schema: the core's own, and the crate `jsonschema` beside it.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use gateway_core::document::Value;
use gateway_core::document::schema::{Options, Schema};
use serde_json::{Value as Json, json};

/// A schema as an interface for orders has it, with references, choices, expressions and bounds.
fn schema() -> Json {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": ["id", "customer", "lines"],
        "properties": {
            "id": {"type": "string", "pattern": "^ord_[0-9a-f]{8}$"},
            "created": {"type": "string", "format": "date-time"},
            "customer": {"$ref": "#/$defs/customer"},
            "lines": {"type": "array", "minItems": 1, "maxItems": 500, "items": {"$ref": "#/$defs/line"}},
            "notes": {"type": ["string", "null"], "maxLength": 2000}
        },
        "additionalProperties": false,
        "$defs": {
            "customer": {
                "type": "object",
                "required": ["name", "address"],
                "properties": {
                    "name": {"type": "string", "minLength": 1, "maxLength": 100},
                    "email": {"type": "string", "maxLength": 254},
                    "address": {"$ref": "#/$defs/address"}
                },
                "additionalProperties": false
            },
            "address": {
                "type": "object",
                "required": ["street", "city", "country"],
                "properties": {
                    "street": {"type": "string"},
                    "city": {"type": "string"},
                    "country": {"enum": ["AT", "CH", "DE", "FR", "GB", "IT", "NL", "US"]}
                }
            },
            "line": {
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
                        },
                        "additionalProperties": false
                    },
                    "tags": {"type": "array", "items": {"type": "string", "maxLength": 20}, "uniqueItems": true},
                    "ship": {"oneOf": [
                        {"type": "object", "required": ["parcel"], "properties": {"parcel": {"type": "string"}}, "additionalProperties": false},
                        {"type": "object", "required": ["pickup"], "properties": {"pickup": {"type": "boolean"}}, "additionalProperties": false}
                    ]}
                },
                "additionalProperties": false
            }
        }
    })
}

/// An order of some 10 kB.
fn document() -> Json {
    let lines: Vec<_> = (0..66)
        .map(|number| {
            json!({
                "sku": format!("article-{number:05}"),
                "quantity": number % 9 + 1,
                "price": {"amount": f64::from(number * 325 + 99) / 100.0, "currency": "EUR"},
                "tags": ["fragile", "new", format!("lot-{number}")],
                "ship": if number % 2 == 0 { json!({"parcel": "express"}) } else { json!({"pickup": true}) }
            })
        })
        .collect();
    json!({
        "id": "ord_0123abcd",
        "created": "2026-11-30T04:30:00Z",
        "customer": {
            "name": "Erika Beispiel",
            "email": "erika@example.com",
            "address": {"street": "Hauptstrasse 1", "city": "Bern", "country": "CH"}
        },
        "lines": lines,
        "notes": null
    })
}

fn schemas(criterion: &mut Criterion) {
    let (schema, document) = (schema(), document());
    let (schema_text, text) = (schema.to_string(), document.to_string());
    println!("a schema of {} bytes, a document of {} bytes", schema_text.len(), text.len());
    let own_schema = Value::read(schema_text.as_bytes()).unwrap_or_default();
    let own = Value::read(text.as_bytes()).unwrap_or_default();
    // The same, with a mistake in each line.
    let wrong = Value::read(text.replace("\"EUR\"", "\"euro\"").as_bytes()).unwrap_or_default();
    let Ok(ours) = Schema::compile(&own_schema, &Options::default()) else { return };
    let Ok(theirs) = jsonschema::draft202012::new(&schema) else { return };
    assert_eq!((ours.is_valid(&own), theirs.is_valid(&document)), (Ok(true), true));

    let mut group = criterion.benchmark_group("schema");
    group.bench_function("compile", |bencher| {
        bencher.iter(|| Schema::compile(black_box(&own_schema), &Options::default()));
    });
    group.bench_function("compile, jsonschema", |bencher| {
        bencher.iter(|| jsonschema::draft202012::new(black_box(&schema)));
    });
    group.bench_function("read", |bencher| bencher.iter(|| Value::read(black_box(text.as_bytes()))));
    group.bench_function("valid", |bencher| bencher.iter(|| ours.is_valid(black_box(&own))));
    group.bench_function("valid, jsonschema", |bencher| bencher.iter(|| theirs.is_valid(black_box(&document))));
    group.bench_function("66 violations told", |bencher| bencher.iter(|| ours.check(black_box(&wrong), 100)));
    group.finish();
}

criterion_group!(benches, schemas);
criterion_main!(benches);
