//! Credentials in a request: where they are, and how they are taken out of it.

use std::borrow::Cow;

use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderName, HeaderValue};

use super::header_edit;
use crate::call::Call;
use crate::caller::refusal::Refusal;
use crate::http::{percent, query};

/// A place of a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// `Authorization`, after the scheme `Bearer` (RFC 6750 §2.1).
    Bearer,
    /// `Authorization`, after the scheme `Basic` (RFC 7617 §2).
    Basic,
    /// The whole value of a header field.
    Header(HeaderName),
    /// A cookie.
    Cookie(Box<str>),
    /// Cookies whose names begin so, which go with a credential: none is one by itself.
    Cookies(Box<str>),
    /// A query parameter.
    Query(Box<str>),
}

/// Returns the only credential of `call` in these `places`; none if there is none.
///
/// # Errors
/// [`Refusal::Ambiguous`] for two of them, be they the same (RFC 6750 §2: one method a request), [`Refusal::Malformed`] for one that is no
/// text.
pub fn find<'c>(places: &[Place], call: &'c Call) -> Result<Option<Cow<'c, str>>, Refusal> {
    let mut found = None;
    for place in places {
        if let Some(credential) = place.find(call)?
            && found.replace(credential).is_some()
        {
            return Err(Refusal::Ambiguous);
        }
    }
    Ok(found)
}

/// Removes the credentials in these `places` from `call`, so that nobody behind the gateway can use them.
pub fn strip(places: &[Place], call: &mut Call) {
    strip_aliases(places, call);
    for place in places {
        match place {
            Place::Bearer | Place::Basic => drop(call.headers.remove(AUTHORIZATION)),
            Place::Header(name) => drop(call.headers.remove(name)),
            Place::Cookie(name) => strip_cookies(|own| *own == *name.as_bytes(), call),
            Place::Cookies(start) => strip_cookies(|own| own.starts_with(start.as_bytes()), call),
            Place::Query(name) => strip_parameter(name, call),
        }
    }
}

/// Removes other spellings of the fields in these `places` from `call`: a server that folds names would take what is in them, and nobody has
/// looked at, for the credential. Those of `Authorization` no request has any more.
pub fn strip_aliases(places: &[Place], call: &mut Call) {
    for place in places {
        if let Place::Header(name) = place {
            header_edit::remove_aliases(&mut call.headers, name, &[]);
        }
    }
}

/// Returns whether anything is stated in one of these `places`, be it a credential or not: an `Authorization` of another scheme counts.
#[must_use]
pub fn is_stated(places: &[Place], call: &Call) -> bool {
    places.iter().any(|place| match place {
        Place::Bearer | Place::Basic => call.headers.contains_key(AUTHORIZATION),
        Place::Header(name) => call.headers.contains_key(name),
        // Two of them are stated, too.
        Place::Cookie(_) | Place::Cookies(_) | Place::Query(_) => !matches!(place.find(call), Ok(None)),
    })
}

/// Returns whether anything is stated in a query parameter among these `places`.
#[must_use]
pub fn is_in_query(places: &[Place], call: &Call) -> bool {
    places.iter().any(|place| matches!(place, Place::Query(_)) && !matches!(place.find(call), Ok(None)))
}

/// `query` with `***` for what is in these `places`.
#[must_use]
pub fn masked_query<'q>(places: &[Place], query: &'q str) -> Cow<'q, str> {
    let is_in =
        |place: &Place, parameter: &str| matches!(place, Place::Query(name) if query::is_named(parameter, name));
    let is_masked = |parameter: &str| places.iter().any(|place| is_in(place, parameter));
    if !query::parameters(query).any(is_masked) {
        return Cow::Borrowed(query);
    }
    let mut shown = String::with_capacity(query.len());
    for (i, parameter) in query.split('&').enumerate() {
        shown.push_str(if i == 0 { "" } else { "&" });
        if is_masked(parameter) {
            shown.push_str(query::split(parameter).0);
            shown.push_str("=***");
        } else {
            shown.push_str(parameter);
        }
    }
    Cow::Owned(shown)
}

/// Returns whether one of these `places` is in the header field called `name`.
#[must_use]
pub fn is_header(places: &[Place], name: &HeaderName) -> bool {
    places.iter().any(|place| match place {
        Place::Bearer | Place::Basic => *name == AUTHORIZATION,
        Place::Header(own) => own == name,
        Place::Cookie(_) | Place::Cookies(_) => *name == COOKIE,
        Place::Query(_) => false,
    })
}

impl Place {
    /// Returns whether what empties this place empties `other`, too.
    #[must_use]
    pub fn is_with(&self, other: &Self) -> bool {
        let is_authorization = |place: &Self| matches!(place, Self::Bearer | Self::Basic);
        self == other || is_authorization(self) && is_authorization(other)
    }

    fn find<'c>(&self, call: &'c Call) -> Result<Option<Cow<'c, str>>, Refusal> {
        match self {
            Self::Bearer | Self::Basic => {
                let scheme = if *self == Self::Basic { "basic" } else { "bearer" };
                let Some(value) = only(call.headers.get_all(AUTHORIZATION).iter())? else { return Ok(None) };
                after_scheme(scheme, text(value.as_bytes())?).map(in_one_line).transpose()
            }
            Self::Header(name) => {
                let Some(value) = only(call.headers.get_all(name).iter())? else { return Ok(None) };
                in_one_line(text(value.as_bytes())?.trim_matches([' ', '\t'])).map(Some)
            }
            Self::Cookie(name) => {
                let lines = call.headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes);
                let values = lines.flat_map(pairs).filter_map(|pair| value_of(pair, name));
                let Some(value) = only(values)? else { return Ok(None) };
                // RFC 6265 §4.1.1: a value may stand in quotes.
                let value = text(value)?;
                let inner = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
                in_one_line(inner.unwrap_or(value)).map(Some)
            }
            Self::Cookies(_) => Ok(None),
            Self::Query(name) => {
                let parameters = query::parameters(call.query().unwrap_or_default());
                let Some(parameter) = only(parameters.filter(|parameter| query::is_named(parameter, name)))? else {
                    return Ok(None);
                };
                Ok(Some(percent::decode_form(query::split(parameter).1)))
            }
        }
    }
}

/// The only item of `items`, if there is any.
fn only<T>(mut items: impl Iterator<Item = T>) -> Result<Option<T>, Refusal> {
    let first = items.next();
    if items.next().is_some() { Err(Refusal::Ambiguous) } else { Ok(first) }
}

/// The credential in the line of a field. RFC 9110 §5.3: whoever was before may have joined two lines by a comma, which no token has
/// (RFC 6750 §2.1).
fn in_one_line(value: &str) -> Result<Cow<'_, str>, Refusal> {
    // Sixteen bytes at a time, as a search that ends at the first is not.
    let has_comma = value.bytes().fold(false, |found, byte| found | (byte == b','));
    if has_comma { Err(Refusal::Ambiguous) } else { Ok(Cow::Borrowed(value)) }
}

fn text(value: &[u8]) -> Result<&str, Refusal> {
    if value.is_ascii() { core::str::from_utf8(value).map_err(|_| Refusal::Malformed) } else { Err(Refusal::Malformed) }
}

/// The credential in an `Authorization` of the scheme `wanted`, in any case (RFC 9110 §11.1); none if it is of another.
fn after_scheme<'v>(wanted: &str, value: &'v str) -> Option<&'v str> {
    let (scheme, rest) = value.split_at_checked(wanted.len())?;
    let is_whole = rest.is_empty() || rest.starts_with(' ');
    (scheme.eq_ignore_ascii_case(wanted) && is_whole).then(|| rest.trim_matches(' '))
}

/// The pairs of a line of `Cookie`, each as it stands.
fn pairs(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b';')
}

/// The value of `pair`, if it is called `name`. White space around the name counts for nothing: a server may read it so.
fn value_of<'p>(pair: &'p [u8], name: &str) -> Option<&'p [u8]> {
    let (own, value) = named(pair)?;
    (own == name.as_bytes()).then_some(value)
}

/// The name and the value of `pair`, if it has a name.
fn named(pair: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = pair.iter().position(|byte| *byte == b'=')?;
    let (own, value) = pair.split_at_checked(at)?;
    Some((own.trim_ascii(), value.get(1..).unwrap_or_default().trim_ascii()))
}

/// Removes the pairs whose name `is_meant`; what no pair is left of is removed whole.
fn strip_cookies(is_meant: impl Fn(&[u8]) -> bool, call: &mut Call) {
    let is_stripped = |pair: &[u8]| named(pair).is_some_and(|(own, _)| is_meant(own));
    let is_in = |line: &HeaderValue| pairs(line.as_bytes()).any(is_stripped);
    if !call.headers.get_all(COOKIE).iter().any(is_in) {
        return;
    }
    let lines: Vec<HeaderValue> = call.headers.get_all(COOKIE).iter().cloned().collect();
    call.headers.remove(COOKIE);
    for line in lines {
        if !is_in(&line) {
            call.headers.append(COOKIE, line);
            continue;
        }
        let kept = pairs(line.as_bytes()).filter(|pair| !is_stripped(pair)).map(<[u8]>::trim_ascii);
        let kept: Vec<&[u8]> = kept.filter(|pair| !pair.is_empty()).collect();
        if let Ok(line) = HeaderValue::from_bytes(&kept.join(&b"; "[..]))
            && !kept.is_empty()
        {
            call.headers.append(COOKIE, line);
        }
    }
}

/// Removes the parameters called `name`.
fn strip_parameter(name: &str, call: &mut Call) {
    let Some(query) = call.query() else { return };
    if query::first(query, name).is_none() {
        return;
    }
    let kept: Vec<&str> = query::parameters(query).filter(|parameter| !query::is_named(parameter, name)).collect();
    let kept = (!kept.is_empty()).then(|| kept.join("&"));
    call.set_query(kept);
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};

    use super::*;

    fn call(target: &str, fields: &[(&'static str, &str)]) -> Call {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        Call::new(Method::GET, target.parse().unwrap(), headers)
    }

    fn places() -> [Place; 4] {
        [
            Place::Bearer,
            Place::Header(HeaderName::from_static("x-token")),
            Place::Cookie("token".into()),
            Place::Query("access_token".into()),
        ]
    }

    fn found(target: &str, fields: &[(&'static str, &str)]) -> Result<Option<String>, Refusal> {
        find(&places(), &call(target, fields)).map(|found| found.map(Cow::into_owned))
    }

    /// RFC 6750 §2.1, §2.3; RFC 9110 §11.1; RFC 6265 §4.1.1.
    #[test]
    fn a_credential_is_found_in_each_place() {
        let is = |credential: &str| Ok(Some(credential.to_owned()));
        for field in ["Bearer a.b", "bearer a.b", "BEARER   a.b"] {
            assert_eq!(found("/", &[("authorization", field)]), is("a.b"));
        }
        assert_eq!(found("/", &[("x-token", "a.b")]), is("a.b"));
        assert_eq!(found("/", &[("cookie", "x=1; token=a.b; y=2")]), is("a.b"));
        assert_eq!(found("/", &[("cookie", "token=\"a.b\"")]), is("a.b"));
        assert_eq!(found("/?x=1&access_token=a%2Eb", &[]), is("a.b"));
        for field in ["Basic a", "Bearerer a", "Bear"] {
            assert_eq!(found("/", &[("authorization", field)]), Ok(None), "{field}");
        }
        for field in ["Bearer", "Bearer "] {
            assert_eq!(found("/", &[("authorization", field)]), is(""), "a scheme without a token is a malformed one");
        }
        assert_eq!(found("/", &[("authorization", "Bearer é")]), Err(Refusal::Malformed));
    }

    /// RFC 6750 §2: a client must not use more than one method; RFC 9110 §11.6.2: `Authorization` is no list.
    #[test]
    fn two_credentials_are_refused_even_if_they_are_the_same() {
        for (target, fields) in [
            ("/", &[("authorization", "Bearer a"), ("authorization", "Bearer a")][..]),
            ("/", &[("authorization", "Basic a"), ("authorization", "Bearer a")]),
            ("/", &[("authorization", "Bearer a, Bearer a")]),
            ("/", &[("x-token", "a,a")]),
            ("/", &[("authorization", "Bearer a"), ("x-token", "a")]),
            ("/", &[("cookie", "token=a; token=a")]),
            ("/", &[("cookie", "token=a"), ("cookie", "token =a")]),
            ("/", &[("cookie", "token=a, token=a")]),
            ("/?access_token=a&access%5Ftoken=a", &[]),
            ("/?access_token=a", &[("cookie", "token=a")]),
        ] {
            assert_eq!(found(target, fields), Err(Refusal::Ambiguous), "{target} {fields:?}");
        }
    }

    #[test]
    fn nothing_of_a_credential_is_left() {
        let mut call = call(
            "/p?a=1&access_token=t&b=2&access%5ftoken",
            &[
                ("authorization", "Bearer t"),
                ("x-token", "t"),
                ("x_token", "t"),
                ("xtoken", "t"),
                ("cookie", "x=1; token=t;y=2"),
                ("cookie", "token=t"),
                ("cookie", " z=3"),
                ("cookie", "token =t"),
            ],
        );
        strip(&places(), &mut call);
        assert_eq!(call.query(), Some("a=1&b=2"));
        assert!(call.headers.keys().all(|name| name == "cookie"), "{:?}", call.headers);
        let cookies: Vec<_> = call.headers.get_all("cookie").iter().collect();
        assert_eq!(cookies, ["x=1; y=2", " z=3"]);
    }

    /// docs/configuration.md, Who is calling: what is in these places is never shown.
    #[test]
    fn what_is_in_a_query_is_masked_by_its_decoded_name() {
        let masked = |query: &str| masked_query(&places(), query).into_owned();
        assert_eq!(masked("a=1&access_token=t&&b"), "a=1&access_token=***&&b");
        assert_eq!(masked("access%5ftoken=t&access_token"), "access%5ftoken=***&access_token=***");
        assert_eq!(masked("accesstoken=t&a=%41"), "accesstoken=t&a=%41");
    }

    #[test]
    fn a_request_without_credentials_stays_as_it_came() {
        let mut call = call("/p?a=%41&&b", &[("cookie", "x=1;y=2")]);
        strip(&places(), &mut call);
        assert!(call.keeps_target());
        assert_eq!(call.headers["cookie"], "x=1;y=2");
    }
}
