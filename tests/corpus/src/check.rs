//! Compares what was seen with what a case expects.

use bytes::Bytes;
use serde_json::Value;

use crate::matchers::{BodyMatch, HeaderMatch};
use crate::model::{Expectation, ExpectedCall, ExpectedCalls};
use crate::seen::{Call, Response, lines};

/// Where what was seen is not as expected, one line each; empty if all is well.
#[must_use]
pub fn differences(expected: &Expectation, response: &Response, calls: &[Call]) -> Vec<String> {
    let call = calls.last();
    let scope = Scope { response, call };
    let is_counted = expected.calls.is_some();
    let mut found = Vec::new();
    if expected.status != response.status {
        found.push(format!("response status: expected {}, got {}", expected.status, response.status));
    }
    scope.headers("response", expected.headers.iter(), &response.headers, &mut found);
    match &expected.body {
        Some(body) => check_body("response", body, &response.body, response.cut, &mut found),
        None if response.cut => found.push("response body: cut off".to_owned()),
        None => {}
    }
    if let Some(count) = expected.calls
        && count != calls.len()
    {
        found.push(format!("upstream: expected {count} calls, got {}: {}", calls.len(), summary(calls)));
    }
    match (&expected.upstream, calls) {
        (ExpectedCalls::One(expected), [.., call]) if is_counted => scope.call(expected, call, &mut found),
        (ExpectedCalls::Any, _) | (ExpectedCalls::None, []) => {}
        (ExpectedCalls::One(expected), [call]) => scope.call(expected, call, &mut found),
        (ExpectedCalls::None, calls) => found.push(format!("upstream: expected no call, got {}", summary(calls))),
        (ExpectedCalls::One(_), calls) => found.push(format!("upstream: expected one call, got {}", summary(calls))),
    }
    if !found.is_empty() && expected.status != response.status && !response.body.is_empty() {
        found.push(format!("    response body was {}", shown(&response.body)));
    }
    found
}

/// Returns whether `call` is as `expected`.
pub(crate) fn is_as_expected(expected: &ExpectedCall, call: &Call) -> bool {
    let mut found = Vec::new();
    Scope { response: &Response::default(), call: Some(call) }.call(expected, call, &mut found);
    found.is_empty()
}

fn summary(calls: &[Call]) -> String {
    if calls.is_empty() {
        return "none".to_owned();
    }
    calls.iter().map(|call| format!("{} {} to {}", call.method, call.path, call.to)).collect::<Vec<_>>().join("; ")
}

struct Scope<'a> {
    response: &'a Response,
    call: Option<&'a Call>,
}

impl Scope<'_> {
    fn call(&self, expected: &ExpectedCall, call: &Call, found: &mut Vec<String>) {
        if let Some(to) = &expected.to
            && *to != call.to
        {
            found.push(format!("upstream: expected a call to {to}, got one to {}", call.to));
        }
        if let Some(method) = &expected.method
            && *method != call.method
        {
            found.push(format!("upstream method: expected {method}, got {}", call.method));
        }
        if let Some(path) = &expected.path
            && !path.accepts(&call.path)
        {
            found.push(format!("upstream path: expected {}, got {:?}", path.describe(), call.path));
        }
        self.headers("upstream", expected.headers.iter(), &call.headers, found);
        if let Some(body) = &expected.body {
            check_body("upstream", body, &call.body, call.cut, found);
        }
        if let Some(signed) = &expected.signed
            && let Err(fault) = signed.check(&call.headers, call.host.as_deref())
        {
            found.push(format!("upstream signature: {fault}"));
        }
    }

    fn headers<'e>(
        &self,
        side: &str,
        expected: impl Iterator<Item = (&'e str, &'e HeaderMatch)>,
        seen: &[(String, String)],
        found: &mut Vec<String>,
    ) {
        for (name, expected) in expected {
            let got = lines(seen, name);
            if !self.header_is_right(name, expected, &got) {
                let shown = if got.is_empty() {
                    "nothing".to_owned()
                } else {
                    got.iter().map(|line| format!("{line:?}")).collect::<Vec<_>>().join(", ")
                };
                found.push(format!("{side} header {name}: expected {}, got {shown}", expected.describe()));
            }
        }
    }

    fn header_is_right(&self, name: &str, expected: &HeaderMatch, got: &[&str]) -> bool {
        match expected {
            HeaderMatch::Absent => got.is_empty(),
            // RFC 6265 §3: Set-Cookie lines are never folded into one.
            HeaderMatch::Lines(lines) if name.eq_ignore_ascii_case("set-cookie") => lines.iter().eq(got),
            HeaderMatch::Lines(lines) => !got.is_empty() && members(&lines.join(",")).eq(members(&got.join(","))),
            HeaderMatch::Regex(regex) => !got.is_empty() && regex.is_match(&got.join(", ")),
            HeaderMatch::Members(expected) => {
                let mut expected: Vec<String> = expected.iter().map(|m| m.to_ascii_lowercase()).collect();
                let mut got: Vec<String> = members(&got.join(",")).map(str::to_ascii_lowercase).collect();
                expected.sort_unstable();
                got.sort_unstable();
                got.dedup();
                expected == got
            }
            HeaderMatch::SameAs(other) => {
                let (side, name) = other.split_once('.').unwrap_or_default();
                let other = match (side, self.call) {
                    ("response", _) => lines(&self.response.headers, name),
                    (_, Some(call)) => lines(&call.headers, name),
                    (_, None) => Vec::new(),
                };
                !got.is_empty() && got == other
            }
        }
    }
}

/// The pieces between commas: enough to treat one line and several alike (RFC 9110 §5.3), and quoted commas do no harm
/// since both sides are cut in the same way.
fn members(line: &str) -> impl Iterator<Item = &str> {
    line.split(',').map(|member| member.trim_matches([' ', '\t']))
}

fn check_body(side: &str, expected: &BodyMatch, body: &Bytes, cut: bool, found: &mut Vec<String>) {
    if matches!(expected, BodyMatch::Cut) != cut {
        let (expected, got) = if cut { ("a complete one", "cut off") } else { ("cut off", "complete") };
        found.push(format!("{side} body: expected {expected}, it was {got}"));
        return;
    }
    let text = String::from_utf8_lossy(body);
    let problem = match expected {
        BodyMatch::Cut => None,
        BodyMatch::Exact(expected) => (*expected != text).then(|| format!("expected {expected:?}")),
        BodyMatch::Regex(regex) => (!regex.is_match(&text)).then(|| format!("expected a match of /{regex}/")),
        BodyMatch::Lacks(texts) if body.is_empty() => Some(format!("expected something without {texts:?}")),
        BodyMatch::Lacks(texts) => texts.iter().find(|t| text.contains(*t)).map(|t| format!("expected no {t:?} in it")),
        BodyMatch::Length(length) => {
            (*length != body.len()).then(|| format!("expected {length} bytes, got {} bytes", body.len()))
        }
        BodyMatch::Json(expected) => match serde_json::from_slice::<Value>(body) {
            Ok(got) => {
                let mut wrong = Vec::new();
                compare_json("", expected, Some(&got), &mut wrong);
                (!wrong.is_empty()).then(|| wrong.join("; "))
            }
            Err(error) => Some(format!("expected JSON ({error})")),
        },
        BodyMatch::Encoded(coding, expected) => match edgeway_codings::decode(body.clone(), &[*coding], 1 << 30) {
            Ok(decoded) if decoded == *expected => None,
            Ok(decoded) => {
                Some(format!("decoded, expected {}, got {}", shown(&expected.clone().into()), shown(&decoded)))
            }
            Err(error) => Some(format!("expected {coding:?}: {error}")),
        },
    };
    if let Some(problem) = problem {
        found.push(format!("{side} body: {problem}; it was {}", shown(body)));
    }
}

fn compare_json(at: &str, expected: &Value, got: Option<&Value>, wrong: &mut Vec<String>) {
    match (expected, got) {
        (Value::Null, None | Some(Value::Null)) => {}
        (Value::Object(members), Some(Value::Object(seen))) => {
            for (name, value) in members {
                compare_json(&format!("{at}.{name}"), value, seen.get(name), wrong);
            }
        }
        (expected, got) if Some(expected) == got => {}
        (expected, Some(got)) => wrong.push(format!("{at}: expected {expected}, got {got}")),
        (expected, None) => wrong.push(format!("{at}: expected {expected}, it is absent")),
    }
}

/// At most 300 characters of a body.
fn shown(body: &Bytes) -> String {
    let text = String::from_utf8_lossy(body);
    let mut short: String = text.chars().take(300).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expectation(text: &str) -> Expectation {
        serde_json::from_str(text).unwrap()
    }

    fn response(headers: &[(&str, &str)], body: &'static str) -> Response {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Response { status: 200, headers, body: Bytes::from_static(body.as_bytes()), cut: false }
    }

    #[test]
    fn a_list_in_one_line_is_the_same_as_in_two() {
        let expected = expectation(r#"{"status": 200, "headers": {"vary": ["Origin", "Accept"]}}"#);
        assert_eq!(differences(&expected, &response(&[("Vary", "Origin, Accept")], ""), &[]), [""; 0]);
        let cookies = expectation(r#"{"status": 200, "headers": {"set-cookie": ["a=1", "b=2"]}}"#);
        assert_eq!(differences(&cookies, &response(&[("set-cookie", "a=1, b=2")], ""), &[]).len(), 1);
        assert_eq!(differences(&cookies, &response(&[("set-cookie", "a=1"), ("set-cookie", "b=2")], ""), &[]), [""; 0]);
    }

    #[test]
    fn every_kind_of_difference_is_found() {
        let expected = expectation(
            r#"{"status": 201, "headers": {"x-a": null, "x-b": {"matches": "^1$"}, "allow": {"members": ["GET", "HEAD"]}},
                "body": {"json": {"code": "a", "gone": null}}, "upstream": null}"#,
        );
        let seen = response(&[("x-a", "1"), ("x-b", "2"), ("allow", "head, get")], r#"{"code": "b", "gone": 1}"#);
        let call = Call { to: "a.test".to_owned(), method: "GET".to_owned(), path: "/".to_owned(), ..Call::default() };
        let found = differences(&expected, &seen, &[call]);
        for part in ["response status", "header x-a", "header x-b", ".code", ".gone", "upstream: expected no call"] {
            assert!(found.iter().any(|line| line.contains(part)), "{part}: {found:#?}");
        }
        assert!(!found.iter().any(|line| line.contains("allow")), "{found:#?}");
    }

    #[test]
    fn a_cut_body_is_only_right_where_it_is_expected() {
        let cut = Response { cut: true, ..response(&[], "") };
        assert_eq!(differences(&expectation(r#"{"status": 200}"#), &cut, &[]).len(), 1);
        assert_eq!(differences(&expectation(r#"{"status": 200, "body": {"cut": true}}"#), &cut, &[]), [""; 0]);
    }
}
