//! Credentials in header fields.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use gateway_core::call::Call;
use gateway_core::policy::basic::Stated;
use gateway_core::policy::credential::{Place, find, strip};
use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

/// A call with the lines of `data` in `name`; none if one is no field's value.
fn call(name: &HeaderName, data: &[u8]) -> Option<Call> {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        headers.append(name, HeaderValue::from_bytes(line).ok()?);
    }
    Some(Call::new(Method::GET, Uri::from_static("/"), headers))
}

/// A credential in `Authorization` is the only one, in the only line, after `Bearer` (RFC 6750 §2.1, RFC 9110 §11.1), and without white
/// space at its ends. After `Basic` it is Base 64 of a name and a password, of which neither has a control character, nor the name a colon (RFC 7617 §2).
/// Taken out, nothing of the field is left.
pub fn authorization(data: &[u8]) {
    let Some(mut call) = call(&AUTHORIZATION, data) else { return };
    if let Ok(Some(credential)) = find(&[Place::Bearer], &call) {
        let line = core::str::from_utf8(data).unwrap();
        let (scheme, rest) = line.split_at(6);
        assert!(scheme.eq_ignore_ascii_case("bearer"), "{line}");
        assert!(rest.is_empty() || rest.starts_with(' '), "{line}");
        assert_eq!(rest.trim_matches(' '), credential);
        assert!(!credential.contains(','), "{line}");
    }
    if let Ok(Some(credentials)) = find(&[Place::Basic], &call)
        && let Some(stated) = Stated::read(&credentials)
    {
        let whole = [stated.name().as_bytes(), b":", stated.password()].concat();
        assert_eq!(BASE64_STANDARD_NO_PAD.encode(&whole), credentials.trim_end_matches('='));
        assert!(!stated.name().contains(':') && !String::from_utf8(whole).unwrap().contains(char::is_control));
    }
    strip(&[Place::Bearer], &mut call);
    assert!(!call.headers.contains_key(AUTHORIZATION));
}

/// A credential in a cookie is in the only pair of its name. Taken out, no pair of that name is left by any reading, and every other
/// pair is, in its order (RFC 6265 §5.4).
pub fn cookie(data: &[u8]) {
    let place = [Place::Cookie("token".into())];
    let Some(mut call) = call(&COOKIE, data) else { return };
    let pairs = |call: &Call| -> Vec<Vec<u8>> {
        let lines = call.headers.get_all(COOKIE).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
        lines.map(|pair| pair.trim_ascii().to_vec()).filter(|pair| !pair.is_empty()).collect()
    };
    let is_its = |pair: &[u8]| {
        let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
        name.trim_ascii() == b"token" && pair.contains(&b'=')
    };
    let before = pairs(&call);
    let own = before.iter().filter(|pair| is_its(pair)).count();
    match find(&place, &call) {
        Ok(Some(_)) => assert_eq!(own, 1),
        Ok(None) => assert_eq!(own, 0),
        Err(_) => assert!(own > 0),
    }
    strip(&place, &mut call);
    let kept: Vec<_> = before.into_iter().filter(|pair| !is_its(pair)).collect();
    assert_eq!(pairs(&call), kept);
    assert!(matches!(find(&place, &call), Ok(None)));
}
