//! The claims of a token (RFC 7519 §4).

use core::fmt;
use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The most levels of nesting that are taken; the claims themselves are the first.
const MOST_LEVELS: usize = 16;

/// The most values that are taken, at all levels together.
const MOST_VALUES: usize = 1_024;

/// The claims of a token whose signature has been verified.
#[derive(Clone, PartialEq)]
pub struct ClaimSet {
    /// The time from which the token is void, in seconds since 1970 (`exp`).
    pub expires: Option<i64>,
    /// The time before which it is void (`nbf`).
    pub not_before: Option<i64>,
    /// The time at which it was issued (`iat`).
    pub issued_at: Option<i64>,
    /// The other claims.
    members: Members,
}

/// Claims as they come in: without two of one name at any level, of bounded depth and number.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Members(pub(crate) Map<String, Value>);

/// A text is no answer about a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoAnswer;

impl Members {
    /// Claims that were taken once.
    pub(crate) const fn of(members: Map<String, Value>) -> Self {
        Self(members)
    }
}

/// The members of the object that `text` is: each once, in bounds as those of claims; none if it is none.
pub(crate) fn read_object(text: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(text).ok().map(|Members(members)| members)
}

impl ClaimSet {
    /// The claims with these times.
    pub(crate) const fn new(
        expires: Option<i64>,
        not_before: Option<i64>,
        issued_at: Option<i64>,
        members: Members,
    ) -> Self {
        Self { expires, not_before, issued_at, members }
    }

    /// The claims in an issuer's answer about a token (RFC 7662 §2.2); none if the token is not active. `Err` if it is no such answer.
    pub(crate) fn of_answer(answer: &[u8]) -> Result<Option<Self>, NoAnswer> {
        let mut members = read_object(answer).ok_or(NoAnswer)?;
        match members.remove("active") {
            Some(Value::Bool(true)) => {}
            Some(Value::Bool(false)) => return Ok(None),
            _ => return Err(NoAnswer),
        }
        Self::of_members(members).map(Some)
    }

    /// The claims that are these `members`, the times among them. `Err` if a time is none.
    pub(crate) fn of_members(mut members: Map<String, Value>) -> Result<Self, NoAnswer> {
        let mut time = |name: &str| match members.remove(name) {
            None | Some(Value::Null) => Ok(None),
            // RFC 7662 §2.2 has whole seconds; a fraction is cut off. A cast that does not fit ends at the nearest number.
            #[expect(clippy::cast_possible_truncation)]
            Some(Value::Number(time)) => Ok(time.as_i64().or_else(|| time.as_f64().map(|time| time.floor() as i64))),
            Some(_) => Err(NoAnswer),
        };
        let (expires, not_before, issued_at) = (time("exp")?, time("nbf")?, time("iat")?);
        Ok(Self::new(expires, not_before, issued_at, Members(members)))
    }

    /// The claim called `name`, but for `exp`, `nbf` and `iat`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.members.0.get(name)
    }

    /// The claim of this name, or the value at this JSON Pointer, which begins with `/` (RFC 6901 §4).
    #[must_use]
    pub fn at(&self, path: &str) -> Option<&Value> {
        let Some(rest) = path.strip_prefix('/') else { return self.get(path) };
        let (first, further) = rest.find('/').and_then(|end| rest.split_at_checked(end)).unwrap_or((rest, ""));
        if first.contains('~') {
            return self.get(&first.replace("~1", "/").replace("~0", "~"))?.pointer(further);
        }
        self.get(first)?.pointer(further)
    }

    /// What [`ClaimSet::at`] finds, and `exp`, `nbf` and `iat`, as text: text as it is, lists and objects as JSON. Neither `null` nor what
    /// is not there has one.
    #[must_use]
    pub fn value(&self, path: &str) -> Option<Cow<'_, str>> {
        let time = match path {
            "exp" => self.expires,
            "nbf" => self.not_before,
            "iat" => self.issued_at,
            _ => None,
        };
        match (time, self.at(path)) {
            (Some(time), _) => Some(Cow::Owned(time.to_string())),
            (None, None | Some(Value::Null)) => None,
            (None, Some(Value::String(text))) => Some(Cow::Borrowed(text)),
            (None, Some(other)) => Some(Cow::Owned(other.to_string())),
        }
    }

    /// The claim called `name`, if it is text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// Returns whether `audience` is the token's, or one of them (RFC 7519 §4.1.3).
    #[must_use]
    pub fn is_for(&self, audience: &str) -> bool {
        match self.get("aud") {
            Some(Value::String(only)) => only == audience,
            Some(Value::Array(several)) => several.iter().any(|one| one.as_str() == Some(audience)),
            _ => false,
        }
    }
}

impl fmt::Debug for ClaimSet {
    /// Shows no claim: they are about persons.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClaimSet(…)")
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members = deserializer.deserialize_map(StrictMap)?;
        let mut values = 0;
        if members.values().all(|value| is_bounded(value, 1, &mut values)) {
            Ok(Self(members))
        } else {
            Err(D::Error::custom("too many claims, or nested too deeply"))
        }
    }
}

/// Returns whether `value`, at this level, is within the bounds. `values` counts.
fn is_bounded(value: &Value, level: usize, values: &mut usize) -> bool {
    *values += 1;
    if *values > MOST_VALUES || level > MOST_LEVELS {
        return false;
    }
    match value {
        Value::Array(list) => list.iter().all(|value| is_bounded(value, level + 1, values)),
        Value::Object(members) => members.values().all(|value| is_bounded(value, level + 1, values)),
        _ => true,
    }
}

/// Reads an object that has no two members of one name. RFC 7519 §4 leaves it open which of two claims counts: a backend
/// may read another one than the gateway, so there must not be two.
struct StrictMap;

impl<'de> Visitor<'de> for StrictMap {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let Strict(value) = map.next_value()?;
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a claim is there twice"));
            }
        }
        Ok(members)
    }
}

/// A value in which no object has two members of one name.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictValue)
    }
}

struct StrictValue;

impl<'de> Visitor<'de> for StrictValue {
    type Value = Strict;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Strict, E> {
        Ok(Strict(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Strict, E> {
        Ok(Strict(Number::from_f64(value).map_or(Value::Null, Value::Number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Strict, E> {
        Ok(Strict(Value::String(value.to_owned())))
    }

    fn visit_string<E>(self, value: String) -> Result<Strict, E> {
        Ok(Strict(Value::String(value)))
    }

    fn visit_unit<E>(self) -> Result<Strict, E> {
        Ok(Strict(Value::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Strict, A::Error> {
        let mut values = Vec::new();
        while let Some(Strict(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(Strict(Value::Array(values)))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Strict, A::Error> {
        StrictMap.visit_map(map).map(|members| Strict(Value::Object(members)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<ClaimSet> {
        let members = serde_json::from_str(text).ok()?;
        Some(ClaimSet::new(None, None, None, members))
    }

    /// RFC 7519 §4: names are unique; RFC 8725 has nothing for two, so they are refused at every level.
    #[test]
    fn no_claim_is_there_twice() {
        assert!(read(r#"{"a": 1, "b": {"a": 1, "c": [{"d": null}]}}"#).is_some());
        for twice in [r#"{"a": 1, "a": 1}"#, r#"{"b": {"a": 1, "a": 2}}"#, r#"{"b": [{"a": 1, "\u0061": 2}]}"#] {
            assert!(read(twice).is_none(), "{twice}");
        }
    }

    /// RFC 7662 §2.2: `active` says whether the token is; the times are numbers. Where the answer is none, nothing is known.
    #[test]
    fn an_answer_about_a_token_has_its_claims_if_it_is_active() {
        let read = |text: &str| ClaimSet::of_answer(text.as_bytes());
        let claims = read(r#"{"active": true, "exp": 1419356238, "nbf": 3.7, "iat": null, "scope": "a b"}"#);
        let claims = claims.unwrap().unwrap();
        assert_eq!((claims.expires, claims.not_before, claims.issued_at), (Some(1_419_356_238), Some(3), None));
        assert_eq!((claims.text("scope"), claims.get("active"), claims.get("exp")), (Some("a b"), None, None));
        assert_eq!(read(r#"{"active": false, "exp": "never"}"#), Ok(None));
        for wrong in [
            "",
            "[true]",
            "{}",
            r#"{"active": "true"}"#,
            r#"{"active": 1}"#,
            r#"{"active": null}"#,
            r#"{"active": true, "active": false}"#,
            r#"{"active": true, "exp": "1419356238"}"#,
        ] {
            assert_eq!(read(wrong), Err(NoAnswer), "{wrong}");
        }
    }

    #[test]
    fn depth_and_number_are_bounded() {
        let nested = |levels: usize| format!(r#"{{"a": {}1{}}}"#, "[".repeat(levels - 1), "]".repeat(levels - 1));
        assert!(read(&nested(MOST_LEVELS)).is_some());
        assert!(read(&nested(MOST_LEVELS + 1)).is_none() && read(&nested(5_000)).is_none());
        let many = |values: usize| format!(r#"{{"a": [{}1]}}"#, "1,".repeat(values - 2));
        assert!(read(&many(MOST_VALUES)).is_some());
        assert!(read(&many(MOST_VALUES + 1)).is_none());
    }

    /// RFC 7519 §4.1.3: one audience, or a list of them; compared as they are.
    #[test]
    fn an_audience_is_one_of_those_stated() {
        for (claims, is_for) in [
            (r#"{"aud": "a"}"#, true),
            (r#"{"aud": ["b", "a"]}"#, true),
            (r#"{"aud": ["b", 1]}"#, false),
            (r#"{"aud": "A"}"#, false),
            (r#"{"aud": "a b"}"#, false),
            (r#"{"aud": {"a": 1}}"#, false),
            (r#"{"aud": []}"#, false),
            ("{}", false),
        ] {
            assert_eq!(read(claims).unwrap().is_for("a"), is_for, "{claims}");
        }
    }
}
