//! Sets of request methods.

use std::fmt;

use http::Method;

/// The methods that the gateway knows, in the order in which `Allow` lists them. The bit of each is its index.
static METHODS: [Method; 8] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
    Method::QUERY,
];

/// A set of the methods that the gateway knows: those of RFC 9110 §9.3 but CONNECT and TRACE, PATCH (RFC 5789) and QUERY.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MethodSet(u8);

/// A reason why a name is not that of a method that a route can take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MethodError {
    /// Known under this name in capitals: methods are case-sensitive (RFC 9110 §9.1).
    Case(&'static str),
    /// CONNECT asks for a tunnel, which only a forward proxy makes (RFC 9110 §9.3.6).
    Connect,
    /// TRACE sends requests back, with whatever credentials they carry (RFC 9110 §9.3.8).
    Trace,
    /// No method that the gateway knows.
    Unknown,
}

impl MethodError {
    #[cold]
    #[inline(never)]
    fn of(name: &str) -> Self {
        match name {
            _ if name.eq_ignore_ascii_case("CONNECT") => Self::Connect,
            _ if name.eq_ignore_ascii_case("TRACE") => Self::Trace,
            _ => METHODS
                .iter()
                .find(|method| method.as_str().eq_ignore_ascii_case(name))
                .map_or(Self::Unknown, |method| Self::Case(method.as_str())),
        }
    }
}

impl MethodSet {
    /// No method.
    pub const EMPTY: Self = Self(0);
    /// Every method that the gateway knows.
    pub const ALL: Self = Self(u8::MAX);

    /// The set of just `method`; none if the gateway does not know it, which is a 501 (RFC 9110 §9.1).
    #[must_use]
    pub fn of(method: &Method) -> Option<Self> {
        Some(Self(match *method {
            Method::GET => 1,
            Method::HEAD => 1 << 1,
            Method::POST => 1 << 2,
            Method::PUT => 1 << 3,
            Method::PATCH => 1 << 4,
            Method::DELETE => 1 << 5,
            Method::OPTIONS => 1 << 6,
            Method::QUERY => 1 << 7,
            _ => return None,
        }))
    }

    /// The set of the method that is written `name`.
    ///
    /// # Errors
    /// A name that no route can take.
    pub fn named(name: &str) -> Result<Self, MethodError> {
        match METHODS.iter().position(|method| method.as_str() == name) {
            Some(bit) => Ok(Self(1 << bit)),
            None => Err(MethodError::of(name)),
        }
    }

    /// Returns whether the set is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns whether every method of `other` is in the set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The methods in either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The methods in both.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The methods that are not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The methods, in a fixed order.
    pub fn iter(self) -> impl Iterator<Item = &'static Method> {
        METHODS.iter().enumerate().filter(move |(bit, _)| self.0 & 1 << bit != 0).map(|(_, method)| method)
    }

    /// HEAD.
    pub(super) const HEAD: Self = Self(1 << 1);

    /// The methods that a route with this list takes: an empty list is every method, and GET takes HEAD along (RFC 9110
    /// §9.3.2).
    pub(super) const fn accepted(self) -> Self {
        match self.0 {
            0 => Self::ALL,
            set if set & 1 != 0 => Self(set | Self::HEAD.0),
            set => Self(set),
        }
    }

    /// With OPTIONS, which the gateway answers itself where no route takes it.
    pub(super) const fn with_options(self) -> Self {
        Self(self.0 | 1 << 6)
    }
}

impl FromIterator<Self> for MethodSet {
    fn from_iter<I: IntoIterator<Item = Self>>(sets: I) -> Self {
        sets.into_iter().fold(Self::EMPTY, Self::union)
    }
}

/// As the value of `Allow` (RFC 9110 §10.2.1): `GET, HEAD`.
impl fmt::Display for MethodSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, method) in self.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { ", " })?;
            f.write_str(method.as_str())?;
        }
        Ok(())
    }
}

impl fmt::Display for MethodError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Case(name) => write!(f, "methods are case-sensitive: `{name}`"),
            Self::Connect => f.write_str("`CONNECT` asks for a tunnel, which a gateway does not make"),
            Self::Trace => f.write_str("`TRACE` would send credentials back to the client, so no route takes it"),
            Self::Unknown => f.write_str("no method that the gateway knows"),
        }
    }
}

impl std::error::Error for MethodError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> MethodSet {
        names.iter().map(|name| MethodSet::named(name).unwrap()).collect()
    }

    #[test]
    fn every_bit_is_the_place_of_its_method() {
        assert_eq!(MethodSet::ALL.iter().count(), 8);
        for method in MethodSet::ALL.iter() {
            let one = MethodSet::of(method).unwrap();
            assert_eq!(one.iter().collect::<Vec<_>>(), [method]);
        }
    }

    #[test]
    fn names_are_case_sensitive_and_tunnels_refused() {
        assert_eq!(MethodSet::named("get"), Err(MethodError::Case("GET")));
        assert_eq!(MethodSet::named("CONNECT"), Err(MethodError::Connect));
        assert_eq!(MethodSet::named("trace"), Err(MethodError::Trace));
        assert_eq!(MethodSet::named("BREW"), Err(MethodError::Unknown));
        assert_eq!(MethodSet::named(""), Err(MethodError::Unknown));
        assert_eq!(MethodSet::of(&Method::CONNECT), None);
        assert_eq!(MethodSet::of(&Method::TRACE), None);
    }

    #[test]
    fn get_takes_head_along_and_nothing_listed_is_everything() {
        assert_eq!(set(&["GET"]).accepted(), set(&["GET", "HEAD"]));
        assert_eq!(set(&["HEAD"]).accepted(), set(&["HEAD"]));
        assert_eq!(set(&["POST"]).accepted(), set(&["POST"]));
        assert_eq!(MethodSet::EMPTY.accepted(), MethodSet::ALL);
    }

    #[test]
    fn allow_lists_the_names() {
        assert_eq!(set(&["DELETE", "GET"]).accepted().with_options().to_string(), "GET, HEAD, DELETE, OPTIONS");
        assert_eq!(MethodSet::EMPTY.to_string(), "");
    }
}
