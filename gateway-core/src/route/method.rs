//! The request methods that the gateway knows, and sets of them.

use std::fmt;

use http::Method;

/// The methods that every gateway knows, in the order in which `Allow` lists them. The bit of each is its index.
static USUAL: [Method; 8] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
    Method::QUERY,
];

/// The methods that a gateway knows: those of RFC 9110 §9.3 but CONNECT and TRACE, PATCH (RFC 5789), QUERY (RFC 10008), and
/// those that its configuration adds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Methods {
    /// The added ones; their bits follow those of the usual.
    further: Vec<Method>,
}

/// A set of methods that one [`Methods`] knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MethodSet(u32);

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

/// A reason why a method can't be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddError {
    /// No token (RFC 9110 §9.1), or one that the registry of methods reserves: `*` (RFC 9110 §18.2), `PRI` (RFC 9113 §11.6).
    NoMethod,
    /// CONNECT or TRACE, in any case.
    Tunnel,
    /// One of the usual, or its name in another case, which an upstream may take for it.
    Usual,
    /// Added before.
    Twice,
    /// More than [`Methods::MOST`].
    TooMany,
}

impl MethodError {
    #[cold]
    #[inline(never)]
    fn of(name: &str) -> Self {
        match name {
            _ if name.eq_ignore_ascii_case("CONNECT") => Self::Connect,
            _ if name.eq_ignore_ascii_case("TRACE") => Self::Trace,
            _ => USUAL
                .iter()
                .find(|method| method.as_str().eq_ignore_ascii_case(name))
                .map_or(Self::Unknown, |method| Self::Case(method.as_str())),
        }
    }
}

impl Methods {
    /// The most methods that can be added.
    pub const MOST: usize = 24;

    /// Adds the method that is written `name`.
    ///
    /// # Errors
    /// A name that can't be added.
    pub fn add(&mut self, name: &str) -> Result<(), AddError> {
        let method = Method::from_bytes(name.as_bytes()).map_err(|_| AddError::NoMethod)?;
        match MethodError::of(name) {
            _ if matches!(name, "*" | "PRI") => Err(AddError::NoMethod),
            MethodError::Connect | MethodError::Trace => Err(AddError::Tunnel),
            MethodError::Case(_) => Err(AddError::Usual),
            MethodError::Unknown if self.further.contains(&method) => Err(AddError::Twice),
            MethodError::Unknown if self.further.len() >= Self::MOST => Err(AddError::TooMany),
            MethodError::Unknown => {
                self.further.push(method);
                Ok(())
            }
        }
    }

    /// The set of just `method`; none if the gateway does not know it, which is a 501 (RFC 9110 §9.1).
    #[must_use]
    pub fn of(&self, method: &Method) -> Option<MethodSet> {
        MethodSet::of(method).or_else(|| self.further_of(method))
    }

    #[cold]
    fn further_of(&self, method: &Method) -> Option<MethodSet> {
        self.further.iter().position(|known| known == method).map(|at| MethodSet(1 << (USUAL.len() + at)))
    }

    /// The set of the method that is written `name`.
    ///
    /// # Errors
    /// A name that no route can take.
    pub fn named(&self, name: &str) -> Result<MethodSet, MethodError> {
        MethodSet::named(name).or_else(|error| {
            let further = Method::from_bytes(name.as_bytes()).ok().and_then(|method| self.further_of(&method));
            further.ok_or(error)
        })
    }

    /// The methods of `set`, in a fixed order.
    pub fn iter(&self, set: MethodSet) -> impl Iterator<Item = &Method> {
        USUAL
            .iter()
            .chain(&self.further)
            .enumerate()
            .filter(move |(bit, _)| set.0 & 1 << bit != 0)
            .map(|(_, method)| method)
    }

    /// The methods of `set` as the value of `Allow` (RFC 9110 §10.2.1): `GET, HEAD`.
    #[must_use]
    pub fn list(&self, set: MethodSet) -> String {
        let names: Vec<&str> = self.iter(set).map(Method::as_str).collect();
        names.join(", ")
    }
}

impl MethodSet {
    /// No method.
    pub const EMPTY: Self = Self(0);
    /// Every method that the gateway knows.
    pub const ALL: Self = Self(u32::MAX);

    /// The set of just `method`; none if it is not one of the usual.
    fn of(method: &Method) -> Option<Self> {
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

    /// The set of the usual method that is written `name`.
    ///
    /// # Errors
    /// Any other name.
    pub fn named(name: &str) -> Result<Self, MethodError> {
        match USUAL.iter().position(|method| method.as_str() == name) {
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

impl fmt::Display for AddError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoMethod => f.write_str("no method has this name"),
            Self::Tunnel => f.write_str("no route takes it: it asks for a tunnel, or for credentials back"),
            Self::Usual => f.write_str("this is let in by itself, in capitals"),
            Self::Twice => f.write_str("this is there twice"),
            Self::TooMany => write!(f, "more than {} methods", Methods::MOST),
        }
    }
}

impl std::error::Error for AddError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> MethodSet {
        names.iter().map(|name| MethodSet::named(name).unwrap()).collect()
    }

    fn further(names: &[&str]) -> Methods {
        let mut methods = Methods::default();
        names.iter().for_each(|name| methods.add(name).unwrap());
        methods
    }

    #[test]
    fn every_bit_is_the_place_of_its_method() {
        let methods = further(&["PROPFIND", "PURGE"]);
        assert_eq!(methods.iter(MethodSet::ALL).count(), 10);
        for method in methods.iter(MethodSet::ALL) {
            let one = methods.of(method).unwrap();
            assert_eq!(methods.iter(one).collect::<Vec<_>>(), [method]);
            assert_eq!(methods.named(method.as_str()), Ok(one));
        }
        assert_eq!(Methods::default().named("PURGE"), Err(MethodError::Unknown));
        assert_eq!(Methods::default().of(&Method::from_bytes(b"PURGE").unwrap()), None);
    }

    /// RFC 9110 §9.1: a method is a token, told apart by case; §18.2: `*` is reserved. RFC 9113 §11.6: so is `PRI`.
    #[test]
    fn methods_are_added_by_tokens_that_mean_nothing_else() {
        let mut methods = further(&["PURGE"]);
        for name in ["", "A B", "A:B", "*", "PRI"] {
            assert_eq!(methods.add(name), Err(AddError::NoMethod), "{name}");
        }
        for name in ["CONNECT", "trace"] {
            assert_eq!(methods.add(name), Err(AddError::Tunnel), "{name}");
        }
        for name in ["GET", "get", "Query"] {
            assert_eq!(methods.add(name), Err(AddError::Usual), "{name}");
        }
        assert_eq!(methods.add("PURGE"), Err(AddError::Twice));
        for i in 1..Methods::MOST {
            assert_eq!(methods.add(&format!("M-{i}")), Ok(()));
        }
        assert_eq!(methods.add("ONE-MORE"), Err(AddError::TooMany));
        assert_eq!(methods.iter(MethodSet::ALL).count(), 32);
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
        let methods = further(&["PURGE"]);
        let some = set(&["DELETE", "GET"]).union(methods.named("PURGE").unwrap());
        assert_eq!(methods.list(some.accepted().with_options()), "GET, HEAD, DELETE, OPTIONS, PURGE");
        assert_eq!(methods.list(MethodSet::EMPTY), "");
    }
}
