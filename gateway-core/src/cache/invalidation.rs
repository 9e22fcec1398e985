//! What an unsafe request ends (RFC 9111 §4.4).

use std::borrow::Cow;

use http::header::{CONTENT_LOCATION, LOCATION};
use http::{HeaderMap, Method, StatusCode};

/// The URI of a request, in the parts that tell origins apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// `http` or `https`.
    pub scheme: &'a str,
    /// The host, with its port if that is not the scheme's own.
    pub authority: &'a str,
    /// The path.
    pub path: &'a str,
    /// The query, without its question mark.
    pub query: Option<&'a str>,
}

/// Calls `ends` with the path and the query of each target whose stored responses end by this exchange: the request's own, then those of
/// `Location` and `Content-Location` on the same origin. None, if the method is safe or the response an error.
///
/// Paths of these fields are as they are written, without dot segments; a key takes their normal form.
pub fn invalidated(
    target: Target<'_>,
    method: &Method,
    (status, headers): (StatusCode, &HeaderMap),
    ends: &mut dyn FnMut(&str, Option<&str>),
) {
    if is_safe(method) || !(status.is_success() || status.is_redirection()) {
        return;
    }
    ends(target.path, target.query);
    for name in [&LOCATION, &CONTENT_LOCATION] {
        let reference = headers.get(name).and_then(|value| value.to_str().ok());
        if let Some((path, query)) = reference.and_then(|reference| resolve(target, reference))
            && (&*path, query) != (target.path, target.query)
        {
            ends(&path, query);
        }
    }
}

/// Returns whether the answer to a `POST` is what a `GET` of the same target would bring (RFC 9110 §9.3.3, §8.7): a success whose
/// `Content-Location` is the target.
#[must_use]
pub fn is_representation_of(target: Target<'_>, (status, headers): (StatusCode, &HeaderMap)) -> bool {
    // An empty reference is the target, too, but nobody means it by that; and this field's have no fragment (RFC 9110 §8.7).
    let reference = headers.get(CONTENT_LOCATION).and_then(|value| value.to_str().ok());
    let reference = reference.filter(|reference| !reference.trim().is_empty() && !reference.contains('#'));
    let resolved = reference.and_then(|reference| resolve(target, reference));
    status.is_success() && resolved.is_some_and(|(path, query)| (&*path, query) == (target.path, target.query))
}

/// Returns whether `method` changes nothing (RFC 9110 §9.2.1, and the registry). One that is unknown may change anything.
#[must_use]
pub fn is_safe(method: &Method) -> bool {
    matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PROPFIND" | "REPORT" | "SEARCH" | "QUERY")
}

/// The path and the query of a reference (RFC 3986 §5.2). `None` if it leads to another origin: nobody ends what is not theirs
/// (RFC 9111 §4.4).
fn resolve<'r>(base: Target<'r>, reference: &'r str) -> Option<(Cow<'r, str>, Option<&'r str>)> {
    let reference = reference.trim().split('#').next().unwrap_or_default();
    let without_scheme = match scheme(reference) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(base.scheme) && rest.starts_with("//") => rest,
        Some(_) => return None,
        None => reference,
    };
    let local = match without_scheme.strip_prefix("//") {
        Some(rest) => {
            let (authority, local) = rest.split_at_checked(rest.find(['/', '?']).unwrap_or(rest.len()))?;
            if !is_same_authority(base, authority) {
                return None;
            }
            if !local.starts_with('/') {
                // An authority alone means its root.
                return Some((Cow::Borrowed("/"), local.strip_prefix('?')));
            }
            local
        }
        None => without_scheme,
    };
    let (path, query) = match local.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (local, None),
    };
    if path.is_empty() {
        return Some((Cow::Borrowed(base.path), if query.is_some() { query } else { base.query }));
    }
    if path.starts_with('/') {
        return Some((without_dots(Cow::Borrowed(path)), query));
    }
    let folder = base.path.rfind('/').and_then(|end| base.path.get(..=end)).unwrap_or("/");
    Some((without_dots(Cow::Owned([folder, path].concat())), query))
}

/// The scheme of a reference that has one (RFC 3986 §3.1), and what follows its colon.
fn scheme(reference: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = reference.split_once(':')?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    is_scheme.then_some((scheme, rest))
}

/// Hosts are the same in either case, and a scheme's own port says nothing (RFC 9110 §4.2.3).
fn is_same_authority(base: Target<'_>, authority: &str) -> bool {
    let own_port = if base.scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
    let plain = |authority: &str| authority.strip_suffix(own_port).or(authority.strip_suffix(':')).map(str::len);
    let of = |authority: &'_ str| plain(authority).unwrap_or(authority.len());
    match (base.authority.get(..of(base.authority)), authority.get(..of(authority))) {
        (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
        _ => false,
    }
}

/// RFC 3986 §5.2.4.
fn without_dots(path: Cow<'_, str>) -> Cow<'_, str> {
    if !path.split('/').any(|segment| matches!(segment, "." | "..")) {
        return path;
    }
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_dot = matches!(segment, "." | "..");
        if segment == ".." {
            kept.pop();
        }
        if !is_dot {
            kept.push(segment);
        } else if segments.peek().is_none() {
            kept.push("");
        }
    }
    Cow::Owned(["/", &kept.join("/")].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::fields;

    const TARGET: Target<'_> = Target { scheme: "https", authority: "api.example", path: "/a/b", query: Some("c=d") };

    fn ended(method: &str, status: u16, headers: &[(&str, &str)]) -> Vec<String> {
        let mut all = Vec::new();
        let response = (StatusCode::from_u16(status).unwrap(), &fields(headers));
        invalidated(TARGET, &method.parse().unwrap(), response, &mut |path, query| {
            all.push(query.map_or(path.to_owned(), |query| format!("{path}?{query}")));
        });
        all
    }

    /// RFC 9111 §4.4.
    #[test]
    fn unsafe_requests_that_succeed_end_their_target() {
        for method in ["POST", "PUT", "DELETE", "PATCH", "M-SEARCH", "post"] {
            for (status, ends) in
                [(200, true), (204, true), (303, true), (400, false), (404, false), (500, false), (101, false)]
            {
                assert_eq!(!ended(method, status, &[]).is_empty(), ends, "{method} {status}");
            }
        }
        assert_eq!(ended("PUT", 200, &[]), ["/a/b?c=d"]);
        for method in ["GET", "HEAD", "OPTIONS", "TRACE", "QUERY"] {
            assert_eq!(ended(method, 200, &[("location", "/x")]), [""; 0], "{method}");
        }
    }

    /// RFC 9111 §4.4, RFC 3986 §5.2, §5.4.
    #[test]
    fn the_response_names_others_of_the_same_origin() {
        for (reference, expected) in [
            ("https://api.example/x?y#z", Some("/x?y")),
            ("HTTPS://API.example:443/x", Some("/x")),
            ("https://api.example", Some("/")),
            ("https://api.example?y", Some("/?y")),
            ("//api.example/x", Some("/x")),
            ("/x/y?z", Some("/x/y?z")),
            ("/x/../y/./z/..", Some("/y/")),
            ("/..", Some("/")),
            ("x?y", Some("/a/x?y")),
            ("../x", Some("/x")),
            ("./x:y", Some("/a/x:y")),
            ("?y", Some("/a/b?y")),
            ("", None),
            ("#z", None),
            ("/a/b?c=d", None),
            ("http://api.example/x", None),
            ("https://api.example:444/x", None),
            ("https://other.example/x", None),
            ("https://api.example@other.example/x", None),
            ("//other.example/x", None),
            ("https:/x", None),
            ("mailto:x", None),
        ] {
            for name in ["location", "content-location"] {
                let own = Some("/a/b?c=d".to_owned());
                let expected: Vec<String> = own.into_iter().chain(expected.map(str::to_owned)).collect();
                assert_eq!(ended("POST", 201, &[(name, reference)]), expected, "{reference}");
            }
        }
        assert_eq!(ended("POST", 201, &[("location", "/x"), ("content-location", "/y")]), ["/a/b?c=d", "/x", "/y"]);
    }

    /// RFC 9110 §9.3.3.
    #[test]
    fn an_answer_to_post_may_be_the_target() {
        let is = |status: u16, location: &str| {
            let headers = fields(&[("content-location", location)]);
            is_representation_of(TARGET, (StatusCode::from_u16(status).unwrap(), &headers))
        };
        assert!(is(200, "/a/b?c=d"));
        assert!(is(201, "https://api.example/a/b?c=d"));
        assert!(!is(200, "/a/b"));
        assert!(!is(200, "/a/x?c=d"));
        assert!(!is(404, "/a/b?c=d"));
        for empty in ["", " ", "#", "#x", "/a/b?c=d#x"] {
            assert!(!is(200, empty), "{empty}");
        }
        assert!(!is_representation_of(TARGET, (StatusCode::OK, &fields(&[]))));
    }
}
