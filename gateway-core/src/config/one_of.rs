//! Members that may be a plain value or an object. Written by hand, because `#[serde(untagged)]` would lose the
//! position and the reason of an error inside the object.

use core::fmt;
use core::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor};

use super::model::{
    Authenticate, ClaimValue, ClaimValues, Condition, Cost, Match, Matches, PathMatch, PathTest, Policy, PolicyUse,
    Proof, SecretRef, StatedCost, Value, ValueMatch, ValueTest, WebSocket, WebSocketLimits, When,
};
use super::number;
use super::object::OWN;

/// A type that is written as a string or as an object of type `Object`.
trait StringOr: Sized {
    type Object;
    const EXPECTING: &'static str;
    fn from_string(text: String) -> Self;
    fn from_object(object: Self::Object) -> Self;
}

struct StringOrObject<T>(PhantomData<T>);

impl<'de, T: StringOr> Visitor<'de> for StringOrObject<T>
where
    T::Object: Deserialize<'de>,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTING)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        Ok(T::from_string(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<T, E> {
        Ok(T::from_string(text))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::Object::deserialize(MapAccessDeserializer::new(map)).map(T::from_object)
    }
}

macro_rules! string_or {
    ($type:ty, $object:ty, $expecting:literal, $string:expr, $from_object:expr) => {
        impl StringOr for $type {
            type Object = $object;
            const EXPECTING: &'static str = $expecting;
            fn from_string(text: String) -> Self {
                $string(text)
            }
            fn from_object(object: $object) -> Self {
                $from_object(object)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_newtype_struct(OWN, StringOrObject::<Self>(PhantomData))
            }
        }
    };
}

string_or!(PolicyUse, Policy, "a policy's name or a policy", PolicyUse::Named, |policy| {
    PolicyUse::Inline(Box::new(policy))
});
string_or!(Value, SecretRef, "text or `{\"secret\": \"NAME\"}`", Value::Template, Value::Secret);
string_or!(
    ValueMatch,
    ValueTest,
    "a value, or one of `present`, `oneOf`, `prefix`, `suffix`, `regex`",
    ValueMatch::Exact,
    ValueMatch::Test
);

string_or!(When, Condition, "a condition, or an expression", When::Expression, |condition| {
    When::Condition(Box::new(condition))
});
string_or!(PathMatch, PathTest, "a path or `{\"regex\": \"…\"}`", PathMatch::Template, PathMatch::Test);

struct OneOrMany;

impl<'de> Visitor<'de> for OneOrMany {
    type Value = Matches;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(super::fixes::OBJECTS)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Matches, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Matches, A::Error> {
        Match::deserialize(MapAccessDeserializer::new(map)).map(|one| Matches::One(Box::new(one)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Matches, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Matches::Any)
    }
}

impl<'de> Deserialize<'de> for Matches {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(OWN, OneOrMany)
    }
}

impl Default for Matches {
    fn default() -> Self {
        Self::One(Box::default())
    }
}

struct BooleanOrLimits;

impl<'de> Visitor<'de> for BooleanOrLimits {
    type Value = WebSocket;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`true`, `false`, or an object with `idle` and `life`")
    }

    fn visit_bool<E: Error>(self, taken: bool) -> Result<WebSocket, E> {
        Ok(WebSocket::Taken(taken))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<WebSocket, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<WebSocket, A::Error> {
        WebSocketLimits::deserialize(MapAccessDeserializer::new(map)).map(WebSocket::Within)
    }
}

impl<'de> Deserialize<'de> for WebSocket {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(OWN, BooleanOrLimits)
    }
}

struct NumberOrStated;

impl<'de> Visitor<'de> for NumberOrStated {
    type Value = Cost;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number, or an object such as `{\"header\": \"x-cost\"}`")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Cost, E> {
        u32::try_from(value).map(Cost::Fixed).map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Cost, E> {
        u32::try_from(value).map(Cost::Fixed).map_err(|_| E::invalid_value(Unexpected::Signed(value), &self))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Cost, E> {
        // `2.0` is a whole number, as in JSON Schema.
        match number::whole(value) {
            Some(whole) => self.visit_i64(whole),
            None => Err(E::invalid_type(Unexpected::Float(value), &self)),
        }
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cost, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Cost, A::Error> {
        StatedCost::deserialize(MapAccessDeserializer::new(map)).map(|stated| Cost::Stated(Box::new(stated)))
    }
}

impl<'de> Deserialize<'de> for Cost {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(OWN, NumberOrStated)
    }
}

struct FalseOrProof;

impl<'de> Visitor<'de> for FalseOrProof {
    type Value = Authenticate;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a proof such as `{\"jwt\": {…}}`, or `false` for none")
    }

    fn visit_bool<E: Error>(self, asked: bool) -> Result<Authenticate, E> {
        Ok(Authenticate::Public(asked))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Authenticate, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Authenticate, A::Error> {
        Proof::deserialize(MapAccessDeserializer::new(map)).map(|proof| Authenticate::By(Box::new(proof)))
    }
}

impl<'de> Deserialize<'de> for Authenticate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(OWN, FalseOrProof)
    }
}

/// A value of a claim.
struct Scalar;

/// The values of a claim, in words.
const SCALAR: &str = "text, a whole number, `true` or `false`";

impl<'de> Visitor<'de> for Scalar {
    type Value = ClaimValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SCALAR)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<ClaimValue, E> {
        Ok(ClaimValue::Boolean(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<ClaimValue, E> {
        let is_exact = value.unsigned_abs() <= number::EXACT;
        is_exact.then_some(ClaimValue::Whole(value)).ok_or_else(|| E::invalid_value(Unexpected::Signed(value), &self))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<ClaimValue, E> {
        self.visit_i64(i64::try_from(value).unwrap_or(i64::MAX))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<ClaimValue, E> {
        // `2.0` is a whole number, as in JSON Schema.
        match number::whole(value) {
            Some(whole) => Ok(ClaimValue::Whole(whole)),
            None => Err(E::invalid_type(Unexpected::Float(value), &self)),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ClaimValue, E> {
        Ok(ClaimValue::Text(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for ClaimValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Scalar)
    }
}

struct OneOrManyScalars;

impl<'de> Visitor<'de> for OneOrManyScalars {
    type Value = ClaimValues;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCALAR}, or a list of them")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<ClaimValues, E> {
        Scalar.visit_bool(value).map(ClaimValues::One)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<ClaimValues, E> {
        Scalar.visit_i64(value).map(ClaimValues::One)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<ClaimValues, E> {
        Scalar.visit_u64(value).map(ClaimValues::One)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<ClaimValues, E> {
        Scalar.visit_f64(value).map(ClaimValues::One)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ClaimValues, E> {
        Scalar.visit_str(text).map(ClaimValues::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<ClaimValues, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(ClaimValues::Any)
    }
}

impl<'de> Deserialize<'de> for ClaimValues {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrManyScalars)
    }
}
