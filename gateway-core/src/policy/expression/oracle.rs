//! Random expressions, held against the crate `cel`.

use std::sync::Arc;

use cel::{Context, Program, Value};
use http::{HeaderMap, Method};
use proptest::prelude::*;

use super::*;
use crate::caller::Caller;
use crate::caller::claims::ClaimSet;

const CLAIMS: &str = r#"{"n": 3, "m": -1, "t": "acme", "u": "acme corp", "b": true, "z": null, "f": 3.0, "g": 0.25,
    "l": ["acme", "x"], "k": [1, 3], "o": {"n": 3, "t": "x", "l": ["y"]}}"#;

/// A value, with which nothing is wrong at load.
fn term() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "claims.n",
            "claims.m",
            "claims.t",
            "claims.u",
            "claims.b",
            "claims.z",
            "claims.f",
            "claims.g",
            "claims.l",
            "claims.k",
            "claims.o",
            "claims.o.n",
            "claims.o.t",
            "claims.o.l",
            "claims.missing",
            "claims.o.missing",
            "claims.missing.n",
            "claims.l[0]",
            "claims.l[5]",
            "claims.k[1]",
            "claims['t']",
            "claims.o['n']",
            "3",
            "-1",
            "0",
            "'acme'",
            "'x'",
            "''",
            "true",
            "false",
            "null",
            "['acme', 'y']",
            "[1, 3]",
            "[]",
            "size(claims.t)",
            "size(claims.l)",
            "size('acme')",
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone())
                // The crate joins a list with the names of a map, too, for which CEL has nothing.
                .prop_filter("lists are not joined here", |(a, b)| !is_list(a) || !(is_list(b) || b == "claims.o"))
                .prop_map(|(a, b)| format!("({a} + {b})")),
            (inner.clone(), inner.clone(), prop::sample::select(vec!["-", "*", "/", "%"]))
                .prop_map(|(a, b, operator)| format!("({a} {operator} {b})")),
            // The crate takes two of them for none, also before what has no negative.
            inner.prop_map(|a| if a.starts_with('-') { a } else { format!("-{a}") }),
        ]
    })
}

/// Whether `term` is a list, or begins with one that something is added to: `+` of two lists is CEL's, but not of its part here.
fn is_list(term: &str) -> bool {
    let first = term.trim_start_matches('(');
    let first = first.split(' ').next().unwrap_or_default();
    ["claims.l", "claims.k", "claims.o.l"].contains(&first) || first.starts_with('[')
}

/// A condition.
fn condition() -> impl Strategy<Value = String> {
    let comparison = (term(), prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">=", "in"]), term())
        .prop_map(|(a, operator, b)| format!("{a} {operator} {b}"));
    let function = (term(), prop::sample::select(vec!["startsWith", "endsWith", "contains"]), term())
        .prop_map(|(a, function, b)| format!("{a}.{function}({b})"));
    let has = prop::sample::select(vec![
        "has(claims.t)",
        "has(claims.missing)",
        "has(claims.o.t)",
        "has(claims.o.missing)",
        "claims.b",
        "claims.t.matches('^a.*e$')",
        "claims.u.matches('c')",
        "true",
        "false",
    ])
    .prop_map(str::to_owned);
    prop_oneof![4 => comparison, 1 => function, 2 => has].prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} && {b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} || {b}")),
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
        ]
    })
}

/// Claims, whose whole numbers are ints of CEL.
struct Signed<'v>(&'v serde_json::Value);

impl serde::Serialize for Signed<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(whole) => serializer.serialize_i64(whole),
                None => number.serialize(serializer),
            },
            serde_json::Value::Array(items) => serializer.collect_seq(items.iter().map(Signed)),
            serde_json::Value::Object(members) => {
                serializer.collect_map(members.iter().map(|(name, value)| (name, Signed(value))))
            }
            other => other.serialize(serializer),
        }
    }
}

/// What the crate makes of `text`; none if that is no truth.
fn theirs(text: &str) -> Option<bool> {
    let mut context = Context::default();
    context.add_variable("claims", Signed(&serde_json::from_str(CLAIMS).unwrap())).unwrap();
    match Program::compile(text).ok()?.execute(&context) {
        Ok(Value::Bool(truth)) => Some(truth),
        _ => None,
    }
}

/// What we make of it; none if neither it nor its opposite is met.
fn ours(text: &str, call: &Call) -> Option<bool> {
    let holds = |text: &str| Expression::compile(text, None).unwrap().holds(call, Timestamp::default());
    match (holds(text), holds(&format!("!({text})"))) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        (false, false) => None,
        (true, true) => panic!("{text} holds, and so does its opposite"),
    }
}

fn call() -> Call {
    let claims = ClaimSet::new(None, None, None, serde_json::from_str(CLAIMS).unwrap());
    let mut call = Call::new(Method::GET, "/".parse().unwrap(), HeaderMap::new());
    call.caller = Some(Arc::new(Caller { claims: Some(Arc::new(claims)), ..Caller::default() }));
    call
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// CEL language definition, Evaluation.
    #[test]
    fn an_expression_means_what_it_means_in_cel(text in condition()) {
        if Expression::compile(&text, None).is_ok() {
            let (ours, theirs) = (ours(&text, &call()), theirs(&text));
            prop_assert_eq!(ours, theirs, "{}", text);
        }
    }

    /// No text is too strange.
    #[test]
    fn any_text_is_read_or_refused(text in "[a-z0-9_.'\"()\\[\\]<>=!&|?:+\\\\ -]{0,60}") {
        if let Ok(expression) = Expression::compile(&text, None) {
            let _ = expression.holds(&call(), Timestamp::default());
        }
    }
}
