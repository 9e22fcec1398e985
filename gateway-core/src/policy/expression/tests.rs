use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::*;
use crate::caller::Caller;
use crate::caller::claims::ClaimSet;
use crate::caller::consumer::Consumer;

/// The claims of the calls of these tests.
const CLAIMS: &str = r#"{
    "sub": "ann", "tenant": "acme", "level": 3, "ratio": 0.5, "big": 4e9, "admin": true, "nothing": null,
    "roles": ["ops", "dev"], "levels": [1, 2, 3], "org": {"id": 7, "tags": ["a"], "name": "x"}, "scope": "read write",
    "https://example.com/plan": "b2b", "text": "Grüße"
}"#;

/// A call with headers and claims, at 1,000,000 s.
fn call() -> Call {
    let members = serde_json::from_str(CLAIMS).unwrap();
    let consumer = Consumer {
        name: "acme".into(),
        groups: ["partners".into()].into(),
        tier: Some("gold".into()),
        ..Consumer::default()
    };
    let caller = Caller {
        consumer: Some(Arc::new(consumer)),
        claims: Some(Arc::new(ClaimSet::new(Some(1_000_060), None, Some(999_900), members))),
        issuer: Some("corp".into()),
        ..Caller::default()
    };
    let mut headers = HeaderMap::new();
    for (name, value) in [("x-one", "1"), ("x-two", "a"), ("x-two", "b")] {
        headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let mut call = Call::new(Method::POST, "/t/acme?q=a%20b&twice=1&twice=2&empty".parse().unwrap(), headers);
    call.set_host(HeaderValue::from_static("api.example.com")).unwrap();
    call.client.address = Some("::ffff:192.0.2.1".parse().unwrap());
    call.caller = Some(Arc::new(caller));
    call
}

fn holds_for(text: &str, call: &Call) -> bool {
    let compiled = Expression::compile(text, Some(&["tenant"]));
    compiled
        .unwrap_or_else(|mistake| panic!("{text}: {mistake:?}"))
        .holds(call, Timestamp::from_unix_millis(1_000_000_999))
}

fn holds(text: &str) -> bool {
    holds_for(text, &call())
}

/// Checks that each holds, and that its opposite does not.
fn all_hold(texts: &[&str]) {
    for text in texts {
        assert!(holds(text), "{text}");
        assert!(!holds(&format!("!({text})")), "!({text})");
    }
}

/// Checks that neither the expression nor its opposite holds.
fn all_fail(texts: &[&str]) {
    for text in texts {
        assert!(!holds(text) && !holds(&format!("!({text})")), "{text}");
    }
}

/// docs/configuration.md, Expressions: the variables.
#[test]
fn a_request_and_its_caller_are_known() {
    all_hold(&[
        "request.method == 'POST'",
        "request.path == '/t/acme'",
        "request.host == 'api.example.com'",
        "request.scheme == 'http'",
        "request.headers['x-one'] == '1'",
        "request.headers['X-One'] == '1'",
        "request.query.q == 'a b'",
        "request.query['empty'] == ''",
        "'x-one' in request.headers && !('x-three' in request.headers)",
        "has(request.query.q) && !has(request.query.p)",
        "client.address == '192.0.2.1'",
        "caller.consumer == 'acme' && caller.tier == 'gold' && caller.issuer == 'corp'",
        "'partners' in caller.groups && !('ops' in caller.groups)",
        "'write' in caller.scopes && !('writ' in caller.scopes)",
        "has(caller.tier)",
        "claims.sub == 'ann' && claims['https://example.com/plan'] == 'b2b'",
        "claims.exp > now && claims.iat <= now",
        "now == 1000000",
    ]);
}

/// CEL language definition, Operators: precedence, from the strongest to the weakest.
#[test]
fn operators_bind_as_they_do_in_cel() {
    all_hold(&[
        "true || false && false",
        "!(true || true) || true",
        "!false && true",
        "1 + 2 == 3 && 2 - 3 - 4 == -5",
        "1 + 1 < 3 == true",
        "false ? false : true ? true : false",
        "true ? true : false ? false : false",
        "'a' + 'b' == 'ab'",
        "- 3 + 4 == 1",
        "1 + 2 * 3 == 7 && 2 * 3 % 4 == 2 && 7 / 2 * 2 == 6 && -7 / 2 == -3 && -7 % 2 == -1",
        "string(1 + 2) == '3' && int('12') * 2 == 24 && string(true) == 'true'",
        "--3 == 3",
        "1 in [1] && 'a' in ['a', 'b'] && !(3 in [1, 2])",
    ]);
}

/// CEL language definition, Equality and Ordering: numbers are compared by value, anything else of two types is not equal.
#[test]
fn values_are_compared_by_type_and_value() {
    all_hold(&[
        "claims.level == 3 && claims.level >= 3 && claims.level < 4",
        "claims.level != '3'",
        "claims.ratio < 1 && claims.big > 3 && claims.big == 4000000000",
        "claims.admin == true && claims.admin",
        "claims.nothing == null && claims.tenant != null",
        "claims.roles == ['ops', 'dev'] && claims.roles != ['dev', 'ops']",
        "claims.roles[0] == 'ops' && claims['roles'][1] == 'dev'",
        "'ops' in claims.roles && !('op' in claims.roles)",
        "3 in claims.levels && !('3' in claims.levels)",
        "'id' in claims.org && claims.org.id == 7 && claims.org['tags'][0] == 'a'",
        "'tenant' in claims && !('no' in claims)",
        "'B' < 'a' && 'a' < 'aa'",
        "claims.org == claims.org",
    ]);
}

/// CEL language definition, Functions: sizes are in code points.
#[test]
fn functions_look_into_texts_and_lists() {
    all_hold(&[
        "request.path.startsWith('/t/') && request.path.endsWith('acme') && request.path.contains('/ac')",
        "claims.tenant.startsWith('ac')",
        "request.path.matches('^/t/[a-z]+$') && request.path.matches('acm') && !request.path.matches('^acm')",
        r"claims.tenant.matches(r'^\w{4}$')",
        "size('Grüße') == 5 && claims.text.size() == 5 && size(claims.roles) == 2 && size([1, 2, 3]) == 3",
        "size(claims.org) == 3",
        "request.headers['x-one'].matches('^[0-9]$') && request.query.q.startsWith('a')",
    ]);
}

/// docs/adr/0017: each part is looked at once. A list whose parts would be looked at for each item of a claim has no value.
#[test]
fn a_list_is_looked_for_in_nothing() {
    all_fail(&[
        "[claims.tenant] in claims.roles",
        "[1] in [[1]]",
        "(claims.level > 0 ? [claims.tenant] : ['x']) in claims.roles",
    ]);
}

/// CEL language definition, Evaluation: what is missing is an error, which goes on unless `&&`, `||` or `?:` can do without it. What is an
/// error in the end is not met, and neither is its opposite.
#[test]
fn what_is_missing_lets_nobody_in() {
    all_fail(&[
        "claims.missing == 'x'",
        "claims.missing != 'x'",
        "claims.org.missing == 1",
        "claims.missing.deeper == 1",
        "has(claims.missing.deeper)",
        "claims.tenant.deeper == 1",
        "claims.roles[2] == 'x'",
        "claims.roles[-1] == 'x'",
        "claims.level < 'x'",
        "claims.roles < claims.roles",
        "claims.tenant + 1 == 2",
        "claims.tenant",
        "claims.missing || false",
        "claims.missing && true",
        "claims.nbf < now",
        "request.headers['x-three'] == ''",
        "9223372036854775807 + claims.level > 0",
        "9223372036854775807 * claims.level > 0",
        "claims.level / 0 == 1",
        "claims.level % 0 == 1",
        "int(claims.tenant) == 1",
        "string(claims.roles) == ''",
        "claims.tenant.size() in claims.level",
    ]);
    all_hold(&[
        "claims.missing == 'x' || claims.tenant == 'acme'",
        "claims.tenant == 'acme' || claims.missing == 'x'",
        "!(claims.missing == 'x' && false)",
        "has(claims.tenant) && !has(claims.missing) && !has(claims.org.missing)",
        "!has(claims.missing) || claims.missing == 'x'",
        "has(claims.missing) ? claims.missing == 'x' : claims.tenant == 'acme'",
    ]);
}

/// docs/configuration.md, Expressions: of two fields of one name nobody knows which one counts behind the gateway.
#[test]
fn a_field_that_is_there_twice_is_none() {
    all_fail(&["request.headers['x-two'] == 'a'", "request.headers['x-two'] != 'a'", "request.query.twice == '1'"]);
    all_hold(&["'x-two' in request.headers", "has(request.query.twice)"]);
}

#[test]
fn nothing_is_known_of_nobody() {
    let call = Call::new(Method::GET, "/".parse().unwrap(), HeaderMap::new());
    for text in
        ["claims.a == 1", "'a' in caller.groups", "'a' in caller.scopes", "caller.tier != 'gold'", "has(claims.a)"]
    {
        assert!(!holds_for(text, &call) && !holds_for(&format!("!({text})"), &call), "{text}");
    }
    assert!(holds_for("!has(caller.tier) && request.method == 'GET'", &call));
}

/// CEL language definition, Lexical: escapes, raw texts.
#[test]
fn texts_have_quotes_and_escapes() {
    all_hold(&[
        r#"'a\'b' == "a'b" && "a\"b" == 'a"b'"#,
        r"'\\n' == r'\n' && size('\n\t\r') == 3",
        "'{}' == \"{}\" && 'ü' == \"ü\"",
    ]);
}

/// docs/configuration.md, Expressions: each mistake is found when the configuration is loaded, with its place.
#[test]
fn mistakes_are_found_at_their_places() {
    for (text, at, message) in [
        ("", 0, "expected a value, found the end"),
        ("clams.a == 1", 0, "no variable is called `clams`"),
        ("true && clams.a", 8, "no variable is called `clams`"),
        ("request.mehtod == 'GET'", 0, "no member of `request` is called `mehtod`"),
        ("request == 'a'", 0, "`request` is no value by itself"),
        ("params.tenat == 'a'", 7, "no path parameter is called `tenat`"),
        ("claims.a.startWith('a')", 9, "no function is called `startWith`"),
        ("request.method == 1", 18, "what is compared is a number, and has to be text"),
        ("1 == request.method", 5, "what is compared is text, and has to be a number"),
        ("request.method && true", 0, "what is joined by `&&` and `||` is text, and has to be true or false"),
        ("!request.method", 0, "what is after `!` is text, and has to be true or false"),
        ("request.method", 0, "the condition is text, and has to be true or false"),
        ("now + 1", 0, "the condition is a number, and has to be true or false"),
        ("1 < true", 4, "what is compared is true or false, and has to be a number"),
        ("true < true", 0, "true or false is neither less nor greater"),
        ("1 + 'a' == 2", 4, "what is added or taken away is text, and has to be a number"),
        ("'a' - 'b' == 'c'", 0, "what is added or taken away is text, and has to be a number"),
        ("request.method in 'GET'", 18, "what is after `in` is text, and has to be a list"),
        ("1 in ['a']", 0, "what is looked for is a number, and has to be text"),
        ("1 in caller.groups", 0, "what is looked for is a number, and has to be text"),
        ("caller.groups == ['a']", 0, "a collection can't be compared"),
        ("now.startsWith('a')", 0, "what is searched is a number, and has to be text"),
        ("claims.a.startsWith(1)", 20, "what is looked for is a number, and has to be text"),
        ("request.path.matches('[')", 21, "this is no regular expression"),
        ("request.path.matches(claims.a)", 21, "a regular expression is text in quotes"),
        ("size(now) == 1", 5, "what has a size is a number, and has to be a list"),
        ("request.method.x == 1", 0, "text has no members"),
        ("has(true)", 4, "only a member can be there or not"),
        ("has(1 + 1)", 6, "expected `)`, found `+`"),
        ("claims.a = 1", 9, "`=` is no operator here"),
        ("claims.a & true", 9, "`&` is no operator here"),
        ("claims.a == 1.5", 12, "`1` is no whole number"),
        ("claims.a == 5s", 12, "`5s` is no whole number"),
        ("claims.a == 9223372036854775808", 12, "is no whole number"),
        ("claims.a == 'x", 12, "the text has no end"),
        (r"claims.a == '\x'", 13, "this escape is not known"),
        ("claims.a == 1 claims.b", 14, "expected the end, found `claims`"),
        ("(claims.a == 1", 14, "expected `)`, found the end"),
        ("request.headers['a b'] == ''", 16, "`a b` is no header"),
        ("request.headers[1] == ''", 16, "the name is text in quotes"),
        ("claims.a in request.headers", 0, "the name is text in quotes"),
        ("claims.a ? 1 : 2", 0, "the condition is a number, and has to be true or false"),
        ("now ? true : false", 0, "what is before `?` is a number, and has to be true or false"),
        ("claims.a == 1 # b", 14, "`#` is no operator here"),
    ] {
        let Err(mistake) = Expression::compile(text, Some(&["tenant"])) else { panic!("{text} is taken") };
        assert!(mistake.message.contains(message), "{text}: {mistake:?}");
        assert_eq!(mistake.at, at, "{text}: {mistake:?}");
    }
}

/// Each of what people write who know another language is answered with what is written here.
#[test]
fn words_of_other_languages_are_answered_with_those_of_this_one() {
    for (text, at, message, help) in [
        ("claims.a == 1 and claims.b == 2", 14, "expected the end, found `and`", "write `&&`"),
        ("claims.a == 1 OR claims.b == 2", 14, "expected the end, found `OR`", "write `||`"),
        ("not claims.a", 0, "no variable is called `not`", "write `!` before it"),
        ("'a' not in claims.a", 4, "expected the end, found `not`", "`!('a' in claims.roles)`"),
        ("claims.a is 'x'", 9, "expected the end, found `is`", "write `==`"),
        ("claims.a == acme", 12, "no variable is called `acme`", "text stands in quotes: `'acme'`"),
        ("claims.a in [acme, other]", 13, "no variable is called `acme`", "text stands in quotes: `'acme'`"),
        ("claims.roles.exists(r, r == 'a')", 13, "no function is called `exists`", "`'admin' in claims.roles`"),
        ("claims.roles.all(r, r != 'a')", 13, "no function is called `all`", "there are no loops"),
        ("claims.roles.map(r, r)[0] == 'a'", 13, "no function is called `map`", "there are no loops"),
        ("caller['tier'] == 'gold'", 0, "`caller` is no value by itself", "write `caller.tier`"),
        ("caller == 'acme'", 0, "`caller` is no value by itself", "`caller.consumer`, `caller.tier`"),
        ("request.headers.x-tenant == 'a'", 18, "`-` takes numbers away", "write `request.headers['x-tenant']`"),
        ("'a' == claims.my-own-plan", 17, "`-` takes numbers away", "write `claims['my-own-plan']`"),
        ("now < claims.iat + 1m", 19, "`1m` is no whole number", "write `60`: times are in seconds"),
        ("now < claims.iat + 2d", 19, "`2d` is no whole number", "write `172800`"),
        ("lower(claims.a) == 'x'", 0, "no function is called `lower`", "`claims.plan.matches('(?i)^free$')`"),
        ("claims.a.lowerAscii() == 'x'", 9, "no function is called `lowerAscii`", "no function changes a text"),
        ("startsWith(claims.a, 'x')", 0, "no function is called `startsWith`", "the text comes first"),
        ("len(claims.a) > 1", 0, "no function is called `len`", "write `size(claims.roles)`"),
        ("claims.a = 'x'", 9, "`=` is no operator here", "write `==` to compare"),
        ("claims.a <> 'x'", 9, "`<>` is no operator here", "write `!=`"),
        ("claims.a === 'x'", 9, "`===` is no operator here", "write `==`"),
        ("claims.a !== 'x'", 9, "`!==` is no operator here", "write `!=`"),
        ("claims.a =~ 'x'", 9, "`=` is no operator here", "the text comes first"),
        ("claims.roles contains 'a'", 13, "expected the end, found `contains`", "write `'admin' in claims.roles`"),
        ("claims.a == True", 12, "no variable is called `True`", "write `true`"),
        ("jwt.tenant == 'a'", 0, "no variable is called `jwt`", "write `claims.tenant`"),
        ("headers['x-a'] == 'a'", 0, "no variable is called `headers`", "write `request.headers['x-tenant']`"),
    ] {
        let Err(mistake) = Expression::compile(text, None) else { panic!("{text} is taken") };
        assert!(mistake.message.contains(message) && mistake.help.contains(help), "{text}: {mistake:?}");
        assert_eq!(mistake.at, at, "{text}: {mistake:?}");
    }
}

/// What a help suggests is an expression.
#[test]
fn what_is_suggested_is_taken() {
    for text in [
        "!(claims.plan == 'free')",
        "!('a' in claims.roles)",
        "claims.email.matches('@example[.]com$')",
        "claims.plan.matches('(?i)^free$')",
        "caller.tier == 'gold'",
        "request.headers['x-tenant'] == params.tenant && client.country == 'DE' && client.asn == 1 && size(claims.roles) == 1",
    ] {
        assert!(Expression::compile(text, None).is_ok(), "{text}");
    }
    all_hold(&["'FrEe'.matches('(?i)^free$') && !'freely'.matches('(?i)^free$')"]);
}

#[test]
fn a_name_that_is_misspelt_is_answered_with_the_likeliest() {
    for (text, help) in [
        ("clams.a == 1", "did you mean `claims`?"),
        ("request.header['a'] == ''", "did you mean `headers`?"),
        ("claims.a.startWith('a')", "did you mean `startsWith`?"),
        ("params.tenat == 'a'", "did you mean `tenant`?"),
        ("zzz", "there are `claims`, `caller`, `request`, `client`, `params`, `now`, `has`, `size`, `string`, `int`"),
    ] {
        assert_eq!(Expression::compile(text, Some(&["tenant"])).map(drop).unwrap_err().help, help, "{text}");
    }
}

/// An expression of any form is read or refused: in time, and without much of the stack.
#[test]
fn what_is_too_deep_or_too_long_is_refused() {
    let nested = |open: &str, close: &str| {
        format!("{}true{}", open.repeat(3_000 / open.len()), close.repeat(3_000 / open.len()))
    };
    for text in [
        nested("(", ")"),
        nested("[", "]"),
        nested("!", ""),
        nested("-", ""),
        nested("true ? true : ", ""),
        nested("true ? ", ""),
        nested("'a'.startsWith(", ")"),
        nested("claims[", "]"),
        nested("has(", ")"),
        nested("size(", ")"),
        format!("true{}", " || true".repeat(400)),
        " ".repeat(5_000),
    ] {
        assert!(Expression::compile(&text, None).is_err(), "{}", text.get(..40).unwrap_or_default());
    }
    let long = format!("true{}", " || true".repeat(100));
    assert!(Expression::compile(&long, None).is_ok());
}

#[test]
fn path_parameters_are_known_to_be_in_it() {
    assert!(Expression::compile("params.x == claims.x", None).unwrap().has_parameters());
    assert!(!Expression::compile("claims.params == 1", None).unwrap().has_parameters());
}

/// docs/configuration.md, Access log: `because` says which part is not met; `explain` shows the values, too.
#[test]
fn why_an_expression_does_not_hold_is_told_with_the_part_that_does_not() {
    let mistyped = "has no value: something in it is of the wrong type";
    for (text, told, values) in [
        ("claims.admin && claims.tenant == 'x'", "`claims.tenant == 'x'` is false", ": `claims.tenant` is 'acme'"),
        ("claims.plan != 'free'", "`claims.plan` is not there", ""),
        ("claims.admin && !(claims.plan == 'free')", "`claims.plan` is not there", ""),
        ("claims.text < 3", &format!("`claims.text < 3` {mistyped}"), ": `claims.text` is 'Grüße'"),
        ("claims.tenant", &format!("`claims.tenant` {mistyped}"), ""),
        (
            "'b' in claims.roles || (claims.level == 4)",
            "`'b' in claims.roles || (claims.level == 4)` is false",
            ": `'b' in claims.roles` is false, `claims.level == 4` is false",
        ),
        ("claims.tenant == 'x' || claims.plan == 'x'", "`claims.plan` is not there", ""),
        ("!claims.admin", "`!claims.admin` is false", ": `claims.admin` is true"),
        ("claims.admin ? claims.gone == 1 : true", "`claims.gone` is not there", ""),
        ("request.headers['x-a'] == 'b'", "`request.headers['x-a']` is not there", ""),
        ("request.headers['x-one'] == 'b'", "`request.headers['x-one'] == 'b'` is false", ""),
        ("claims.roles[3] == 'a'", "`claims.roles[3]` is not there", ""),
    ] {
        let expression = Expression::compile(text, None).unwrap();
        let why_not = |values| expression.why_not(&call(), Timestamp::from_unix_millis(1_000_000_999), values);
        assert!(!holds(text), "{text}");
        assert_eq!(why_not(false), told, "{text}");
        assert_eq!(why_not(true), format!("{told}{values}"), "{text}");
    }
}

/// What looks for a reason goes no deeper than it has to, however long the expression is.
#[test]
fn a_reason_is_found_in_the_longest_expression() {
    let why_not = |text: &str| {
        Expression::compile(text, None).unwrap().why_not(&call(), Timestamp::from_unix_millis(1_000_000_999), true)
    };
    let long = format!("claims.admin{} && claims.gone == 1", " && claims.admin".repeat(80));
    assert_eq!(why_not(&long), "`claims.gone` is not there");
    let sum = format!("claims.gone{} == 1", " + 1".repeat(80));
    assert!(why_not(&sum).contains("has no value"), "{}", why_not(&sum));
}
