use super::*;

fn selected(path: &str, document: &str) -> Vec<String> {
    let document = Value::read(document.as_bytes()).unwrap();
    let path = Path::parse(path).unwrap();
    let values: Vec<_> = path.values(&document).unwrap().into_iter().map(Value::to_string).collect();
    let mut copy = document.clone();
    let located: Vec<_> = path
        .locations(&document)
        .unwrap()
        .iter()
        .map(|location| at(&mut copy, location).unwrap().to_string())
        .collect();
    assert_eq!(values, located);
    values
}

/// RFC 9535 §1.5: the document of its examples.
const STORE: &str = r#"{"store":{"book":[
    {"category":"reference","author":"Nigel Rees","title":"Sayings of the Century","price":8.95},
    {"category":"fiction","author":"Evelyn Waugh","title":"Sword of Honour","price":12.99},
    {"category":"fiction","author":"Herman Melville","title":"Moby Dick","isbn":"0-553-21311-3","price":8.99},
    {"category":"fiction","author":"J. R. R. Tolkien","title":"The Lord of the Rings","isbn":"0-395-19395-8","price":22.99}],
    "bicycle":{"color":"red","price":399}}}"#;

/// RFC 9535 §1.5, table 2.
#[test]
fn the_examples_of_the_standard_hold() {
    let count = |path: &str| selected(path, STORE).len();
    assert_eq!(selected("$.store.book[*].author", STORE).first().map(String::as_str), Some("\"Nigel Rees\""));
    assert_eq!((count("$..author"), count("$.store.*"), count("$.store..price"), count("$..book[2]")), (4, 2, 5, 1));
    assert_eq!(selected("$..book[-1].title", STORE), ["\"The Lord of the Rings\""]);
    assert_eq!(selected("$..book[0,1].price", STORE), ["8.95", "12.99"]);
    assert_eq!(selected("$..book[:2].price", STORE), ["8.95", "12.99"]);
    assert_eq!(selected("$..book[?@.isbn].price", STORE), ["8.99", "22.99"]);
    assert_eq!(selected("$..book[?@.price<10].price", STORE), ["8.95", "8.99"]);
    assert_eq!(count("$..*"), 27);
}

/// RFC 9535 §2.3.1.1: a pair of surrogates in a literal is one character, in whichever plane.
#[test]
fn escaped_characters_of_all_planes_are_read() {
    assert_eq!(selected(r"$['\ud840\udc00']", "{\"\u{20000}\":1,\"\u{10000}\":2}"), ["1"]);
}

/// RFC 9535 §2.3.5.2.2 compares numbers by their values, and these differ by one.
#[test]
fn large_numbers_are_told_apart() {
    assert_eq!(selected("$[?@==9007199254740993]", "[9007199254740992,9007199254740993]"), ["9007199254740993"]);
}

/// RFC 9485 §5.3: a dot takes no end of a line; §3 has no groups of other kinds.
#[test]
fn regular_expressions_are_those_of_i_regexp() {
    let document = r#"["ab","a\nb","a^b","$","a&&b"]"#;
    assert_eq!(selected("$[?match(@, 'a.b')]", document), [r#""a^b""#]);
    assert_eq!(selected("$[?match(@, '[&]')]", "[\"&\"]"), [r#""&""#]);
    // One in the document may be none: then it matches nothing (RFC 9535 §2.4.6).
    assert_eq!(selected("$[?match('b', @)]", r#"["b","(?:b)","["]"#), [r#""b""#]);
    assert_eq!(selected("$[?match(@, $[0])]", document), [r#""ab""#]);
}

#[test]
fn a_query_has_a_bound_of_work() {
    let nested = ["[".repeat(100), "1".to_owned(), "]".repeat(100)].concat();
    let document = Value::read(nested.as_bytes()).unwrap();
    assert_eq!(Path::parse("$..[*]..[*]..[*]..[*]..[*]").unwrap().values(&document).err(), Some(TooMuch));
    assert!(Path::parse(&["$[?", &"(".repeat(100), "@", &")".repeat(100), "]"].concat()).is_err());
}

#[test]
fn mistakes_are_told_with_their_place() {
    let mistake = |text: &str| Path::parse(text).unwrap_err();
    assert_eq!(mistake("a.b"), Mistake { at: 0, message: "a JSONPath begins with `$`" });
    assert_eq!(mistake("$.a b").at, 3);
    assert_eq!(mistake("$[?@.a[*]==1]").message, "this may be several values, which are no value to compare");
    assert_eq!(mistake("$[?count(1)==1]").message, "this function takes a query");
    assert!(!Path::parse("$.a[*]").unwrap().is_singular());
    assert!(Path::parse("$.a['b'][0]").unwrap().is_singular());
}

/// docs/configuration.md, Edits of content: what is no regular expression (RFC 9485 §3) is a mistake, and no query that finds nothing.
#[test]
fn an_expression_that_is_none_is_a_mistake() {
    for text in ["(?:a)b", "a(", "[", "a**", "a+?", "a{2}{3}", "a{2", "a{,3}", "a}", "a]", "\\d", "a|*"] {
        for function in ["match", "search"] {
            let query = format!("$[?{function}(@.a, '{}')]", text.replace('\\', "\\\\"));
            let mistake = Path::parse(&query).err();
            let message = "this is no regular expression that is taken (RFC 9485)";
            assert_eq!(mistake, Some(Mistake { at: function.len() + 9, message }), "{query}");
        }
    }
}

/// The compliance suite, where there is a copy: `EDGEWAY_VECTORS` names the folder that has it as `jsonpath/cts.json`.
#[test]
#[expect(clippy::disallowed_methods, reason = "where the suite is depends on the machine that tests")]
fn the_compliance_suite_passes() {
    let folder = std::env::var("EDGEWAY_VECTORS");
    let folder = folder.unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/vectors").to_owned());
    let Ok(text) = std::fs::read(std::path::Path::new(&folder).join("jsonpath/cts.json")) else {
        println!("skipped: there is no jsonpath/cts.json in {folder}");
        return;
    };
    let suite: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let mut failures = Vec::new();
    let mut count = 0;
    for case in suite["tests"].as_array().unwrap() {
        count += 1;
        let name = case["name"].as_str().unwrap();
        let selector = case["selector"].as_str().unwrap();
        let parsed = Path::parse(selector);
        if case["invalid_selector"] == true {
            if parsed.is_ok() {
                failures.push(format!("{name}: `{selector}` is taken"));
            }
            continue;
        }
        let path = match parsed {
            Ok(path) => path,
            Err(mistake) => {
                failures.push(format!("{name}: `{selector}`: {mistake}"));
                continue;
            }
        };
        let document = Value::read(case["document"].to_string().as_bytes()).unwrap();
        let found = Value::Array(path.values(&document).unwrap().into_iter().cloned().collect());
        let expected: Vec<_> = match case.get("results") {
            Some(results) => results.as_array().unwrap().clone(),
            None => vec![case["result"].clone()],
        };
        if !expected.iter().any(|one| Value::read(one.to_string().as_bytes()).unwrap() == found) {
            failures.push(format!("{name}: `{selector}`: {found}"));
        }
    }
    println!("{count} cases");
    let is_known = |failure: &&String| !failure.contains("\\p{") && !failure.contains("\\P{");
    let unknown: Vec<_> = failures.iter().filter(is_known).collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
    assert!(failures.len() <= 6, "{failures:#?}");
}

/// docs/configuration.md, Edits of content: the work of a query is bounded, whatever each step of it costs.
#[test]
fn a_hostile_document_is_too_much_work() {
    let members: Vec<String> = (0..60_000).map(|index| format!("\"m{index}\":0")).collect();
    let items = vec!["{}"; 20_000].join(",");
    let digits = "7".repeat(200_000);
    for (document, query) in [
        (format!("{{{},\"user\":1,\"items\":[{items}]}}", members.join(",")), "$.items[?@.owner != $.user]"),
        (
            format!("{{\"max\":{digits},\"items\":[{}]}}", vec!["{\"price\":1}"; 1_000].join(",")),
            "$.items[?@.price > $.max]",
        ),
        (format!("{{\"s\":{digits:?},\"items\":[{items}]}}"), "$.items[?match($.s, '7*')]"),
        (format!("{{\"s\":{digits:?},\"items\":[{items}]}}"), "$.items[?length($.s) > 3]"),
        (format!("{}{}{}", "[".repeat(120), vec!["0"; 30_000].join(","), "]".repeat(120)), "$..[?@ == 0]"),
    ] {
        let document = Value::read(document.as_bytes()).unwrap();
        assert_eq!(Path::parse(query).unwrap().locations(&document), Err(TooMuch), "{query}");
    }
}
