//! Signatures of requests.

use gateway_core::http::content_digest::{self, CONTENT_DIGEST};
use gateway_core::http::message_signature::{Fault, Parts, SIGNATURE, SIGNATURE_INPUT, stated};
use gateway_core::http::structured::{dictionary, write_dictionary};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

/// The lines of `data`, in turn: `Signature-Input`, `Signature`, `Content-Digest` and a field. Whatever they say, what is signed has a line
/// for each component and one for the parameters (RFC 9421 §2.5), none of which an attacker can forge by another; and it is read back
/// as it was written, since whoever signs does the same.
pub fn signature(data: &[u8]) {
    let mut headers = HeaderMap::new();
    let names = [SIGNATURE_INPUT, SIGNATURE, CONTENT_DIGEST, HeaderName::from_static("x-field")];
    for (line, name) in data.split(|byte| *byte == b'\n').zip(names.iter().cycle()) {
        let Ok(value) = HeaderValue::from_bytes(line) else { return };
        headers.append(name, value);
        if let Ok(text) = core::str::from_utf8(line) {
            one_form(text);
        }
    }
    if content_digest::fits(&headers, b"content") {
        // RFC 9530 §5: no other algorithm is enough.
        let has =
            |line: &HeaderValue| ["sha-256=:", "sha-512=:"].iter().any(|start| line.to_str().unwrap().contains(start));
        assert!(headers.get_all(CONTENT_DIGEST).iter().any(has), "{headers:?}");
    }
    let Ok(all) = stated(&headers) else { return };
    assert!(all.len() <= 8);
    let (authority, path) = ("a.example".to_owned(), "/p".to_owned());
    let parts = Parts { method: &Method::POST, scheme: "https", authority, path, query: Some("a=%0A&b=1&b=2") };
    for (index, one) in all.iter().enumerate() {
        assert!(all.iter().skip(index + 1).all(|other| other.label != one.label));
        let base = match one.base(&parts, &headers) {
            Ok(base) => base,
            Err(Fault::Malformed | Fault::Unsupported | Fault::Missing) => continue,
        };
        let lines: Vec<&str> = base.split('\n').collect();
        assert_eq!(lines.len(), one.components.len() + 1, "{base}");
        for (line, component) in lines.iter().zip(&one.components) {
            assert!(line.starts_with(&format!("{}: ", component.identifier)), "{line}");
        }
        let parameters = lines.last().and_then(|line| line.strip_prefix("\"@signature-params\": ")).unwrap();
        let mut again = HeaderMap::new();
        again.append(SIGNATURE_INPUT, format!("{}={parameters}", one.label).parse().unwrap());
        again.append(SIGNATURE, format!("{}=:AA==:", one.label).parse().unwrap());
        let again = stated(&again).unwrap().remove(0);
        assert_eq!((&again.components, again.created, &again.key), (&one.components, one.created, &one.key));
        assert!(base.is_ascii());
    }
}

/// What is written is read as the same, and written the same again (RFC 8941 §4.1).
fn one_form(text: &str) {
    let Some(members) = dictionary(text) else { return };
    let mut written = String::new();
    write_dictionary(&members, &mut written);
    let read = dictionary(&written).unwrap_or_else(|| panic!("{text} is written as {written}"));
    let mut again = String::new();
    write_dictionary(&read, &mut again);
    assert_eq!((read, again), (members, written), "{text}");
}
