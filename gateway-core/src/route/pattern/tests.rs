//! Cases of patterns: the paths that they take, and the texts that are none.

use super::*;
use crate::config::EncodedSlash::{Decode, Keep, Reject};
use crate::http::path::PathError;

fn template(text: &str) -> PathPattern {
    PathPattern::template(text, Keep).unwrap()
}

fn prefix(text: &str) -> PathPattern {
    PathPattern::prefix(text, Keep).unwrap()
}

#[test]
fn templates_match_whole_paths() {
    let table: &[(&str, &str, Option<&[&str]>)] = &[
        ("/", "/", Some(&[])),
        ("/", "/a", None),
        ("/a", "/a", Some(&[])),
        ("/a", "/a/", None),
        ("/a/", "/a/", Some(&[])),
        ("/a/", "/a", None),
        ("/users/{id}", "/users/7", Some(&["7"])),
        ("/users/{id}", "/users/", None),
        ("/users/{id}", "/users/7/", None),
        ("/users/{id}", "/users/a%2Fb", Some(&["a%2Fb"])),
        ("/users/{id}/orders/{order}", "/users/7/orders/8", Some(&["7", "8"])),
        ("/users/{id}/", "/users/7/", Some(&["7"])),
        ("/files/{*path}", "/files/a", Some(&["a"])),
        ("/files/{*path}", "/files/a/b/", Some(&["a/b/"])),
        ("/files/{*path}", "/files/", None),
        ("/files/{*path}", "/files", None),
        ("/{*path}", "/", None),
        ("/{*path}", "/a", Some(&["a"])),
        ("/{a}/{b}/{c}/{d}/{e}/{*f}", "/1/2/3/4/5/6/7", Some(&["1", "2", "3", "4", "5", "6/7"])),
    ];
    for (pattern, path, values) in table {
        let found = template(pattern).matches(path);
        let found: Option<Vec<&str>> = found.as_ref().map(|params| params.iter(path).collect());
        assert_eq!(found.as_deref(), *values, "{pattern} {path}");
    }
}

#[test]
fn prefixes_match_by_segment() {
    // Gateway API, PathMatchPathPrefix: the pattern, the path, the rest after it.
    let table = [
        ("/v2", "/v2", Some(None)),
        ("/v2", "/v2/", Some(Some(""))),
        ("/v2", "/v2/x/y", Some(Some("x/y"))),
        ("/v2", "/v2x", None),
        ("/v2/", "/v2", Some(None)),
        ("/v2", "/v", None),
        ("/", "/", Some(Some(""))),
        ("/", "/a/b", Some(Some("a/b"))),
        ("/t/{tenant}", "/t/acme/x", Some(Some("x"))),
        ("/t/{tenant}", "/t/", None),
    ];
    for (pattern, path, rest) in table {
        assert_eq!(prefix(pattern).matches(path).map(|params| params.rest(path)), rest, "{pattern} {path}");
    }
}

#[test]
fn literals_are_normalised_like_requests() {
    assert_eq!(template("/%7Euser"), template("/~user"));
    assert_eq!(template("/caf%c3%a9"), template("/café"));
    assert!(template("/a%2fb").matches("/a%2Fb").is_some());
    assert!(template("/{'a|b'}").matches("/a%7Cb").is_some());
    // In quotes, text stands for itself.
    assert!(template("/{':id'}").matches("/:id").is_some());
    assert!(template("/p{'(5)'}-{'$x'}").matches("/p(5)-$x").is_some());
    assert!(template("/{'50%'}").matches("/50%25").is_some());
    assert!(template("/{'{id}'}").matches("/%7Bid%7D").is_some());
    assert!(template("/%7Bid%7D").matches("/%7Bid%7D").is_some());
}

#[test]
fn parameters_have_indices_by_name() {
    let pattern = template("/a/{x}/b/{y-1}/{*z_2}");
    assert_eq!(pattern.parameters().collect::<Vec<_>>(), ["x", "y-1", "z_2"]);
    assert_eq!(pattern.parameter("z_2"), Some(2));
    assert_eq!(pattern.parameter("nope"), None);
    assert_eq!(pattern.to_string(), "/a/{x}/b/{y-1}/{*z_2}");
    assert_eq!(prefix("/a/").to_string(), "/a/*");
    assert_eq!(prefix("/").to_string(), "/*");
}

#[test]
fn patterns_that_nothing_matches_are_refused() {
    let text = str::to_owned;
    let table = [
        ("", PatternError::NotAbsolute),
        ("a", PatternError::NotAbsolute),
        ("/a//b", PatternError::EmptySegment),
        ("//", PatternError::EmptySegment),
        ("/a/./b", PatternError::DotSegment),
        ("/a/%2E%2e", PatternError::DotSegment),
        ("/a?b=1", PatternError::Delimiter('?')),
        ("/a#b", PatternError::Delimiter('#')),
        ("/a-{id}", PatternError::PartialSegment(text("a-{id}"), Some(text("/a-(?<id>[^/]+)")))),
        ("/{a}{b}", PatternError::PartialSegment(text("{a}{b}"), Some(text("/(?<a>[^/]+)(?<b>[^/]+)")))),
        ("/{a", PatternError::Braces(text("{a"))),
        ("/a}", PatternError::Braces(text("a}"))),
        ("/{'a", PatternError::Braces(text("{'a"))),
        ("/{'a'}{b}", PatternError::PartialSegment(text("{'a'}{b}"), Some(text("/a(?<b>[^/]+)")))),
        ("/{b}{'a'}", PatternError::PartialSegment(text("{b}{'a'}"), Some(text("/(?<b>[^/]+)a")))),
        ("/{}", PatternError::Name(text(""))),
        ("/{*}", PatternError::Name(text(""))),
        ("/{a.b}", PatternError::Name(text("a.b"))),
        ("/{a}/{a}", PatternError::DuplicateName(text("a"))),
        ("/{a}/{*a}", PatternError::DuplicateName(text("a"))),
        ("/{*a}/b", PatternError::CatchAllPlace(text("{*a}"))),
        ("/{*a}/", PatternError::CatchAllPlace(text("{*a}"))),
        ("/50%", PatternError::Path(PathError::InvalidEncoding)),
        ("/a b", PatternError::Path(PathError::Delimiter)),
        ("/a\\b", PatternError::Path(PathError::Backslash)),
        ("/..%2Fa", PatternError::Path(PathError::HiddenDotSegment)),
    ];
    for (pattern, error) in table {
        assert_eq!(PathPattern::template(pattern, Keep), Err(error), "{pattern}");
    }
    for slash in [Decode, Reject] {
        assert_eq!(PathPattern::template("/a%2fb", slash), Err(PatternError::EncodedSlash(slash)));
    }
    assert_eq!(PathPattern::template(&"/a".repeat(65), Keep), Err(PatternError::TooLong));
    assert_eq!(PathPattern::prefix("/a//", Keep), Err(PatternError::EmptySegment));
    assert_eq!(PathPattern::prefix("//", Keep), Err(PatternError::EmptySegment));
    assert_eq!(PathPattern::prefix("/{*a}", Keep), Err(PatternError::CatchAllPlace(text("{*a}"))));
}
