//! Cases of normal forms, and what holds for every path.

use std::borrow::Cow;

use proptest::prelude::*;

use super::*;
use crate::config::EncodedSlash::{self, Decode, Keep, Reject};

#[test]
fn the_path_of_a_reference() {
    for (reference, path) in [
        ("/a/b?c#d", "/a/b"),
        ("/a#b?c", "/a"),
        ("https://h/a/b?c", "/a/b"),
        ("https://h", ""),
        ("https://h?a/b", ""),
        ("https://h#/a", ""),
        ("https://h:1/", "/"),
        ("/a?u=https://h/b", "/a"),
        ("//h/a", "//h/a"),
    ] {
        assert_eq!(of_reference(reference), path, "{reference}");
    }
}

#[test]
fn a_normal_form_is_told() {
    for path in ["/", "/a", "/a/", "/a%2Fb", "/.well-known/...", "/%20"] {
        assert!(is_normalised(path), "{path}");
    }
    for path in ["", "a", "/a/..", "/./a", "/a//b", "/%2e%2e", "/%7E", "/..;x", "/..%2Fa", "/a\\b", "/%0A", "/{a}"] {
        assert!(!is_normalised(path), "{path}");
    }
}

#[test]
fn normal_paths_are_borrowed() {
    let paths = [
        "/",
        "/a",
        "/a/",
        "/a/b-c_d~e/1",
        "/.well-known/x",
        "/...",
        "/a..b/..c/.d.",
        "/a%20b",
        "/caf%C3%A9",
        "/a;v=1",
        "/a:b@c!$&'()*+,=",
        "/%25",
        "/%252F..%252F",
        "/a%2Fb",
    ];
    for path in paths {
        assert!(matches!(normalise(path, Keep), Ok(Cow::Borrowed(p)) if p == path), "{path}");
    }
}

#[test]
fn every_spelling_has_one_normal_form() {
    // Raw path, and its normal form by RFC 3986 §6.2.2.1 (case), §6.2.2.2 (encoding), §6.2.2.3 (segments).
    let table = [
        ("/%7euser", "/~user"),
        ("/%7Euser", "/~user"),
        ("/%41%2d%5F%2e5", "/A-_.5"),
        ("/caf%c3%a9", "/caf%C3%A9"),
        ("/a{b}|\"<>^`", "/a%7Bb%7D%7C%22%3C%3E%5E%60"),
        ("/a/./b", "/a/b"),
        ("/a/../b", "/b"),
        ("/a/b/..", "/a/"),
        ("/a/b/.", "/a/b/"),
        ("/a/b/../", "/a/"),
        // §5.4.2: abnormal examples clamp at the root.
        ("/../x", "/x"),
        ("/../../x", "/x"),
        ("/a/../../../x", "/x"),
        ("/..", "/"),
        ("/.", "/"),
        // Encoded and mixed dots.
        ("/a/%2e%2e/b", "/b"),
        ("/a/.%2E/b", "/b"),
        ("/a/%2e./b", "/b"),
        ("/a/%2e/b", "/a/b"),
        ("/a/%2e%2e", "/"),
        // Empty segments.
        ("//", "/"),
        ("/v1//admin", "/v1/admin"),
        ("//v1///admin//", "/v1/admin/"),
        ("/a//../b", "/b"),
        ("//../b", "/b"),
        // §5.4.2: three dots are a name.
        ("/a/.../b", "/a/.../b"),
    ];
    for (raw, normal) in table {
        for slash in [Keep, Decode, Reject] {
            assert_eq!(normalise(raw, slash).as_deref(), Ok(normal), "{raw}");
        }
    }
}

#[test]
fn an_encoded_slash_is_kept_decoded_or_refused() {
    use PathError::{EncodedSlash, HiddenDotSegment};
    let table = [
        ("/a%2fb", Ok("/a%2Fb"), Ok("/a/b"), Err(EncodedSlash)),
        ("/a%2F", Ok("/a%2F"), Ok("/a/"), Err(EncodedSlash)),
        ("/%2Fa", Ok("/%2Fa"), Ok("/a"), Err(EncodedSlash)),
        ("/a/..%2Fb", Err(HiddenDotSegment), Ok("/b"), Err(EncodedSlash)),
        ("/a/%2e%2e%2fb", Err(HiddenDotSegment), Ok("/b"), Err(EncodedSlash)),
        ("/a/x%2F..%2F..%2Fb", Err(HiddenDotSegment), Ok("/b"), Err(EncodedSlash)),
        ("/a/b%2F.", Err(HiddenDotSegment), Ok("/a/b/"), Err(EncodedSlash)),
        ("/a/b%2F..c", Ok("/a/b%2F..c"), Ok("/a/b/..c"), Err(EncodedSlash)),
        // Decoded once, never twice.
        ("/a/%252e%252e%252fb", Ok("/a/%252e%252e%252fb"), Ok("/a/%252e%252e%252fb"), Ok("/a/%252e%252e%252fb")),
    ];
    for (raw, keep, decode, reject) in table {
        assert_eq!(normalise(raw, Keep).as_deref().map_err(|e| *e), keep, "{raw} keep");
        assert_eq!(normalise(raw, Decode).as_deref().map_err(|e| *e), decode, "{raw} decode");
        assert_eq!(normalise(raw, Reject).as_deref().map_err(|e| *e), reject, "{raw} reject");
    }
}

#[test]
fn paths_without_a_safe_reading_are_refused() {
    let table = [
        ("", PathError::NotAbsolute),
        ("a", PathError::NotAbsolute),
        ("*", PathError::NotAbsolute),
        ("http://a/", PathError::NotAbsolute),
        ("/%", PathError::InvalidEncoding),
        ("/%4", PathError::InvalidEncoding),
        ("/%zz", PathError::InvalidEncoding),
        ("/%+1", PathError::InvalidEncoding),
        ("/%00", PathError::ControlCharacter),
        ("/a%0d%0a", PathError::ControlCharacter),
        ("/%7f", PathError::ControlCharacter),
        ("/a\tb", PathError::ControlCharacter),
        ("/a\0", PathError::ControlCharacter),
        ("/a b", PathError::Delimiter),
        ("/a?b", PathError::Delimiter),
        ("/a#b", PathError::Delimiter),
        ("/a\\..\\b", PathError::Backslash),
        ("/a%5c..%5Cb", PathError::Backslash),
        ("/café", PathError::NonAscii),
        ("/..;/admin", PathError::HiddenDotSegment),
        ("/a/.;x=1/admin", PathError::HiddenDotSegment),
        ("/a/%2e%2e;", PathError::HiddenDotSegment),
    ];
    for (raw, error) in table {
        for slash in [Keep, Decode, Reject] {
            assert_eq!(normalise(raw, slash), Err(error), "{raw:?}");
        }
    }
}

fn reading(network: &str) -> Reading {
    Reading::of(&serde_json::from_str(network).unwrap())
}

#[test]
fn a_strict_reading_refuses_what_another_decoder_could_read_differently() {
    use PathError::{DoubleEncoding, EncodedSlash, NotUtf8, PathParameter};
    let strict = reading(r#"{"paths": "strict"}"#);
    for (raw, error) in [
        ("/admin;x", PathParameter),
        ("/x/..%3B/admin", PathParameter),
        ("/x/..%3b/admin", PathParameter),
        ("/%252e%252e/admin", DoubleEncoding),
        ("/a%25%32%66", DoubleEncoding),
        ("/%C0%AE%C0%AE/admin", NotUtf8),
        ("/%C0%AF", NotUtf8),
        ("/%FF", NotUtf8),
        ("/%ED%A0%80", NotUtf8),
        ("/a%2Fb", EncodedSlash),
    ] {
        assert_eq!(strict.normalise(raw), Err(error), "{raw}");
        assert!(reading("{}").normalise(raw).is_ok(), "{raw}");
    }
    for raw in ["/", "/a%20b", "/caf%C3%A9", "/100%25", "/100%25x", "/a:b@c!$&'()*+,=", "/%2e/a"] {
        assert_eq!(strict.normalise(raw), normalise(raw, Keep), "{raw}");
    }
    assert_eq!(reading(r#"{"paths": "strict", "encodedSlash": "decode"}"#).normalise("/a%2Fb").as_deref(), Ok("/a/b"));
}

#[test]
fn empty_segments_stay_where_they_are_kept() {
    let kept = reading(r#"{"emptySegments": "keep"}"#);
    for (raw, normal) in [
        ("//", "//"),
        ("/a//b", "/a//b"),
        ("/proxy/http://x/", "/proxy/http://x/"),
        ("/a//", "/a//"),
        // RFC 3986 §5.2.4: the dot segment takes the empty one with it.
        ("/a//../b", "/a/b"),
        ("//../b", "/b"),
        ("/a/./b", "/a/b"),
        ("/a//.", "/a//"),
    ] {
        assert_eq!(kept.normalise(raw).as_deref(), Ok(normal), "{raw}");
        assert_eq!(kept.normalise(normal).as_deref(), Ok(normal), "{raw}");
    }
}

#[test]
fn routes_are_found_by_a_key_with_the_same_places() {
    let both = reading(r#"{"pathCase": "insensitive", "finalSlash": "same"}"#);
    for (path, key) in [("/", "/"), ("/A/b/", "/a/b"), ("/a", "/a"), ("/caf%C3%A9", "/caf%c3%a9"), ("/a//", "/a/")] {
        assert_eq!(both.key(path), key, "{path}");
        assert_eq!(reading("{}").key(path), path);
    }
}

fn raw_path() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("/"),
        Just("."),
        Just(".."),
        Just("%2e"),
        Just("%2E"),
        Just("%2f"),
        Just("%2F"),
        Just("a"),
        Just("%61"),
        Just("%c3%A9"),
        Just("%25"),
        Just("2F"),
        Just(";"),
        Just("|"),
        Just("%7c"),
        Just("%20"),
        Just("+"),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| format!("/{}", pieces.concat()))
}

fn policy() -> impl Strategy<Value = EncodedSlash> {
    prop_oneof![Just(Keep), Just(Decode), Just(Reject)]
}

/// The octets that each segment stands for, with `/` as data marked by a NUL, dot segments resolved: what the path
/// means, worked out apart from the code above.
fn meaning(path: &str, slash: EncodedSlash) -> Vec<Vec<u8>> {
    let bytes = path.as_bytes();
    let (mut segments, mut i) = (vec![Vec::new()], 1);
    while i < bytes.len() {
        let (byte, encoded) = if bytes[i] == b'%' {
            i += 2;
            (u8::from_str_radix(path.get(i - 1..=i).unwrap(), 16).unwrap(), true)
        } else {
            (bytes[i], false)
        };
        i += 1;
        match byte {
            b'/' if encoded && slash != Decode => segments.last_mut().unwrap().push(0),
            b'/' => segments.push(Vec::new()),
            _ => segments.last_mut().unwrap().push(byte),
        }
    }
    let last = segments.len() - 1;
    let mut out: Vec<Vec<u8>> = Vec::new();
    for (i, segment) in segments.into_iter().enumerate() {
        match segment.as_slice() {
            b"" | b"." => {}
            b".." => drop(out.pop()),
            _ => {
                out.push(segment);
                continue;
            }
        }
        if i == last {
            out.push(Vec::new());
        }
    }
    out
}

proptest! {
    #[test]
    fn a_normal_form_is_its_own(raw in raw_path(), slash in policy()) {
        if let Ok(normal) = normalise(&raw, slash) {
            let again = normalise(&normal, slash);
            prop_assert!(matches!(again, Ok(Cow::Borrowed(p)) if p == normal), "{:?}", again);
        }
    }

    #[test]
    fn a_normal_form_means_the_same(raw in raw_path(), slash in policy()) {
        if let Ok(normal) = normalise(&raw, slash) {
            prop_assert_eq!(meaning(&raw, slash), meaning(&normal, slash));
        }
    }

    #[test]
    fn no_dot_segment_is_left_even_if_decoded_again(raw in raw_path(), slash in policy()) {
        if let Ok(normal) = normalise(&raw, slash) {
            let decoded = normal.replace("%2F", "/").replace("%2E", ".");
            prop_assert!(decoded.split('/').all(|s| s != "." && s != ".."), "{}", decoded);
            prop_assert!(!normal.contains("//"), "{}", normal);
        }
    }

    #[test]
    fn no_input_breaks_it(raw in any::<String>(), slash in policy()) {
        let _ = normalise(&raw, slash);
        let _ = normalise(&format!("/{raw}"), slash);
    }
}
