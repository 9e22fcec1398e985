//! Tests of header fields, query parameters and cookies.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use http::HeaderName;
use http::header::{COOKIE, HOST};
use ipnet::IpNet;

use crate::config::{ValueMatch, ValueTest};
use crate::http::address::parse_network;

use super::expression::{Expression, ExpressionError};
use super::foreign::Foreign;
use super::lookup::Lookup;
use super::value::{self, Value};
use super::version::Versions;

/// A condition on one header field, query parameter or cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Predicate {
    pub(super) field: Field,
    pub(super) test: Test,
}

/// A part of a request that a predicate reads, by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// A header field. Several lines count as one value, joined by `, ` (RFC 9110 §5.3).
    Header(HeaderName),
    /// A query parameter, name and value decoded as a form has them (`+` is a space). Of a repeated one, the first counts
    /// (Gateway API, `HTTPQueryParamMatch`).
    Query(Box<str>),
    /// A cookie (RFC 6265 §5.4), by its exact name. Of a repeated one, the first counts.
    Cookie(Box<str>),
    /// The client's address.
    ClientAddress,
    /// The version of an API.
    Version(Arc<Versions>),
}

/// A test of one value. Values are compared octet by octet, case included.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Test {
    /// Any value.
    Present,
    /// No value.
    Absent,
    /// One of these values.
    OneOf(Box<[Box<str>]>),
    /// Begins with this text.
    Prefix(Box<str>),
    /// Ends with this text.
    Suffix(Box<str>),
    /// Is wholly matched by this expression.
    Regex(Expression),
    /// An address in one of these networks.
    Within(Box<[IpNet]>),
}

/// A reason why no request could meet a predicate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PredicateError {
    /// The name is none that a header field, parameter or cookie can have.
    Name(String),
    /// `cookie` as a header: cookies have tests of their own.
    CookieHeader,
    /// `host` as a header: hosts have patterns of their own.
    HostHeader,
    /// No request can have this value there, whatever the client sends.
    Value(String),
    /// No regular expression.
    Expression(ExpressionError),
    /// Another program's syntax, which would stand for itself.
    Foreign(Foreign),
}

impl Predicate {
    /// A test of the header field called `name`, in any case.
    ///
    /// # Errors
    /// If no request could ever meet it.
    pub fn header(name: &str, matches: &ValueMatch) -> Result<Self, PredicateError> {
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| PredicateError::Name(name.to_owned()))?;
        if header == COOKIE {
            return Err(PredicateError::CookieHeader);
        }
        if header == HOST {
            return Err(PredicateError::HostHeader);
        }
        // RFC 9110 §5.5: no control characters but tabs, and no white space around the value.
        let possible = |value: &str| {
            !value.starts_with([' ', '\t']) && !value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t')
        };
        Self::new(Field::Header(header), matches, possible)
    }

    /// A test of the query parameter called `name`, both decoded.
    ///
    /// # Errors
    /// If no request could ever meet it.
    pub fn query(name: &str, matches: &ValueMatch) -> Result<Self, PredicateError> {
        Self::new(Field::Query(name.into()), matches, |_| true)
    }

    /// A test of the cookie called `name`.
    ///
    /// # Errors
    /// If no request could ever meet it.
    pub fn cookie(name: &str, matches: &ValueMatch) -> Result<Self, PredicateError> {
        // RFC 6265 §4.1.1: the name is a token. Values are read more liberally, up to the next `;`.
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            return Err(PredicateError::Name(name.to_owned()));
        }
        let possible = |value: &str| {
            !value.starts_with([' ', '\t'])
                && !value.bytes().any(|byte| (byte.is_ascii_control() && byte != b'\t') || byte == b';')
        };
        Self::new(Field::Cookie(name.into()), matches, possible)
    }

    /// A test of the client's address: in one of these networks (CIDR).
    ///
    /// # Errors
    /// The index of each entry that is none, with a message.
    pub fn client_address(networks: &[String]) -> Result<Self, Vec<(usize, String)>> {
        let parsed: Vec<_> = networks.iter().map(|text| parse_network(text)).collect();
        let wrong = |(index, network): (usize, &Result<IpNet, String>)| Some((index, network.as_ref().err()?.clone()));
        let errors: Vec<_> = parsed.iter().enumerate().filter_map(wrong).collect();
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self { field: Field::ClientAddress, test: Test::Within(parsed.into_iter().flatten().collect()) })
    }

    /// A test of the version: the one with this index.
    #[must_use]
    pub fn version(versions: &Arc<Versions>, index: usize) -> Self {
        let name = versions.at(index).into_iter().map(Into::into).collect();
        Self { field: Field::Version(Arc::clone(versions)), test: Test::OneOf(name) }
    }

    fn new(field: Field, matches: &ValueMatch, possible: fn(&str) -> bool) -> Result<Self, PredicateError> {
        let trimmed = !matches!(field, Field::Query(_));
        let whole = |value: &String| {
            if possible(value) && !(trimmed && value.ends_with([' ', '\t'])) {
                Ok(value.as_str().into())
            } else {
                Err(PredicateError::Value(value.clone()))
            }
        };
        let test = match matches {
            ValueMatch::Exact(value) => match Foreign::in_value(value) {
                Some(foreign) => return Err(PredicateError::Foreign(foreign)),
                None => Test::OneOf([whole(value)?].into()),
            },
            ValueMatch::Test(ValueTest::OneOf(values)) => {
                Test::OneOf(values.iter().map(whole).collect::<Result<_, _>>()?)
            }
            ValueMatch::Test(ValueTest::Prefix(start)) if possible(start) => Test::Prefix(start.as_str().into()),
            ValueMatch::Test(ValueTest::Suffix(end)) if end.is_empty() => Test::Present,
            ValueMatch::Test(ValueTest::Suffix(end)) if possible(end.trim_start_matches([' ', '\t'])) => {
                Test::Suffix(whole_end(end, trimmed)?)
            }
            ValueMatch::Test(ValueTest::Prefix(text) | ValueTest::Suffix(text)) => {
                return Err(PredicateError::Value(text.clone()));
            }
            ValueMatch::Test(ValueTest::Regex(text)) => {
                Test::Regex(Expression::parse(text, false).map_err(PredicateError::Expression)?)
            }
            ValueMatch::Test(ValueTest::Present(true)) => Test::Present,
            ValueMatch::Test(ValueTest::Present(false)) => Test::Absent,
        };
        Ok(Self { field, test })
    }

    /// The field that the predicate reads.
    #[must_use]
    pub const fn field(&self) -> &Field {
        &self.field
    }

    /// The test of its value.
    #[must_use]
    pub const fn test(&self) -> &Test {
        &self.test
    }

    /// Returns whether the request meets the predicate.
    #[must_use]
    pub fn holds(&self, lookup: &Lookup<'_, '_>) -> bool {
        if let Test::Within(networks) = &self.test {
            let address = lookup.client.address;
            return address.is_some_and(|address| networks.iter().any(|network| network.contains(&address)));
        }
        match (&self.test, self.field.value(lookup)) {
            (Test::Absent, found) => found.is_none(),
            (_, None) => false,
            (Test::Present, Some(_)) => true,
            (Test::OneOf(values), Some(found)) => values.iter().any(|value| found.equals(value.as_bytes())),
            (Test::Prefix(start), Some(found)) => found.starts_with(start.as_bytes()),
            (Test::Suffix(end), Some(found)) => found.ends_with(end.as_bytes()),
            (Test::Regex(expression), Some(found)) => found.text().is_some_and(|text| expression.takes(&text)),
            (Test::Within(_), Some(_)) => false,
        }
    }
}

impl Test {
    /// Returns whether a value that is this text passes.
    pub(super) fn accepts(&self, value: &str) -> bool {
        match self {
            Self::Present => true,
            Self::Absent | Self::Within(_) => false,
            Self::OneOf(values) => values.iter().any(|one| **one == *value),
            Self::Prefix(start) => value.starts_with(&**start),
            Self::Suffix(end) => value.ends_with(&**end),
            Self::Regex(expression) => expression.takes(value),
        }
    }
}

/// The text that a value may end with.
fn whole_end(end: &str, trimmed: bool) -> Result<Box<str>, PredicateError> {
    if trimmed && end.ends_with([' ', '\t']) { Err(PredicateError::Value(end.to_owned())) } else { Ok(end.into()) }
}

impl Field {
    /// The value of the field in the request as text, decoded.
    #[must_use]
    pub fn text(&self, lookup: &Lookup<'_, '_>) -> Option<String> {
        let shown = |value: Value<'_>| value.text().map_or_else(|| "\u{fffd}".to_owned(), Cow::into_owned);
        self.value(lookup).map(shown)
    }

    /// The value of the field in the request.
    pub(super) fn value<'r>(&'r self, lookup: &Lookup<'r, 'r>) -> Option<Value<'r>> {
        match self {
            Self::Header(name) => value::header(lookup.headers, name),
            Self::Query(name) => lookup.query.and_then(|query| value::query(query, name)),
            Self::Cookie(name) => value::cookie(lookup.headers, name),
            // An address is no text: its test looks at it itself.
            Self::ClientAddress => None,
            Self::Version(versions) => versions.value(lookup),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "header `{name}`"),
            Self::Query(name) => write!(f, "query parameter `{name}`"),
            Self::Cookie(name) => write!(f, "cookie `{name}`"),
            Self::ClientAddress => f.write_str("the client's address"),
            Self::Version(_) => f.write_str("version"),
        }
    }
}

impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.test {
            Test::Present => write!(f, "{} present", self.field),
            Test::Absent => write!(f, "{} absent", self.field),
            Test::OneOf(values) => write!(f, "{} = `{}`", self.field, values.join("` or `")),
            Test::Prefix(prefix) => write!(f, "{} = `{prefix}…`", self.field),
            Test::Suffix(suffix) => write!(f, "{} = `…{suffix}`", self.field),
            Test::Regex(expression) => write!(f, "{} ~ `{expression}`", self.field),
            Test::Within(networks) => {
                f.write_str("client in `")?;
                for (i, network) in networks.iter().enumerate() {
                    write!(f, "{}{network}", if i == 0 { "" } else { "` or `" })?;
                }
                f.write_str("`")
            }
        }
    }
}

impl fmt::Display for PredicateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "`{name}` has a character that no such name has"),
            Self::CookieHeader => f.write_str("the header `cookie` holds all cookies at once"),
            Self::HostHeader => f.write_str("the header `host` is matched as the host"),
            Self::Value(value) => write!(f, "no request can have the value `{}`", value.escape_debug()),
            Self::Expression(error) => error.fmt(f),
            Self::Foreign(foreign) => foreign.fmt(f),
        }
    }
}

impl std::error::Error for PredicateError {}

impl PredicateError {
    /// The way to mend it.
    #[must_use]
    pub fn help(&self) -> &str {
        match self {
            Self::Name(_) => "use letters, digits and `-`",
            Self::CookieHeader => "match single ones with `cookies`",
            Self::HostHeader => "use `hosts`",
            Self::Value(_) => "leave out white space around it and control characters",
            Self::Expression(error) => error.help(),
            Self::Foreign(foreign) => &foreign.write,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, Method};

    use super::*;

    fn exact(value: &str) -> ValueMatch {
        ValueMatch::Exact(value.to_owned())
    }

    fn prefix(value: &str) -> ValueMatch {
        ValueMatch::Test(ValueTest::Prefix(value.to_owned()))
    }

    fn present(there: bool) -> ValueMatch {
        ValueMatch::Test(ValueTest::Present(there))
    }

    fn one_of(values: &[&str]) -> ValueMatch {
        ValueMatch::Test(ValueTest::OneOf(values.iter().map(|v| (*v).to_owned()).collect()))
    }

    fn holds(predicate: Result<Predicate, PredicateError>, query: Option<&str>, lines: &[(&str, &str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        let client = crate::route::testing::client("10.1.2.3", crate::net::Scheme::Http);
        let lookup = Lookup { host: "", path: "/", query, method: &Method::GET, headers: &headers, client: &client };
        predicate.unwrap().holds(&lookup)
    }

    #[test]
    fn headers_are_compared_as_one_value() {
        let table: &[(&str, ValueMatch, &[&str], bool)] = &[
            ("X-Tenant", exact("acme"), &["acme"], true),
            ("x-tenant", exact("acme"), &["Acme"], false),
            ("x-tenant", exact("acme"), &[], false),
            ("x-tenant", exact(""), &[""], true),
            // RFC 9110 §5.3: several lines are one value, joined; none of them alone decides.
            ("x-a", exact("1"), &["1", "2"], false),
            ("x-a", exact("1, 2"), &["1", "2"], true),
            ("x-a", prefix("1, 2"), &["1", "22"], true),
            ("x-a", prefix("b"), &["bc"], true),
            ("x-a", prefix("bcd"), &["bc"], false),
            ("x-a", one_of(&["1", "2"]), &["2"], true),
            ("x-a", one_of(&[]), &["2"], false),
            ("x-a", present(true), &[""], true),
            ("x-a", present(true), &[], false),
            ("x-a", present(false), &[], true),
            ("x-a", present(false), &[""], false),
        ];
        for (name, test, lines, expected) in table {
            let lines: Vec<_> = lines.iter().map(|line| (*name, *line)).collect();
            assert_eq!(holds(Predicate::header(name, test), None, &lines), *expected, "{name} {test:?} {lines:?}");
        }
    }

    #[test]
    fn of_a_repeated_query_parameter_the_first_counts() {
        let table = [
            (exact("1"), Some("v=1"), true),
            (exact("1"), Some("v=1&v=2"), true),
            (exact("2"), Some("v=1&v=2"), false),
            (exact("1"), Some("V=1"), false),
            (exact("a b"), Some("v=a+b"), true),
            (exact("a b"), Some("v=a%20b"), true),
            (exact("a+b"), Some("v=a%2bb"), true),
            (exact("é"), Some("v=%c3%A9"), true),
            (exact("%zz"), Some("v=%zz"), true),
            (exact(""), Some("v"), true),
            (exact(""), Some("v="), true),
            (exact("a=b"), Some("v=a=b"), true),
            (exact("1"), Some("&&x=2&%76=1"), true),
            (prefix("a "), Some("v=a%20"), true),
            (prefix("ab"), Some("v=a"), false),
            (present(true), Some("v"), true),
            (present(true), Some("vv=1"), false),
            (present(false), Some("vv=1"), true),
            (present(false), None, true),
        ];
        for (test, query, expected) in table {
            assert_eq!(holds(Predicate::query("v", &test), query, &[]), expected, "{test:?} {query:?}");
        }
    }

    #[test]
    fn cookies_are_read_from_every_line() {
        let table: &[(ValueMatch, &[&str], bool)] = &[
            (exact("1"), &["s=1"], true),
            (exact("1"), &["a=b; s=1;c=d"], true),
            (exact("1"), &["s=2; s=1"], false),
            (exact("1"), &["S=1"], false),
            // RFC 9113 §8.2.3: HTTP/2 may split the field.
            (exact("1"), &["a=b", "s=1"], true),
            (exact("\"1\""), &["s=\"1\""], true),
            (exact("a=b"), &["s=a=b"], true),
            (exact("1"), &["s= 1"], true),
            // RFC 6265 §4.1.1: a name is a token, without white space.
            (exact("1"), &["s =1"], false),
            (exact("1"), &["s =2; s=1"], true),
            (present(false), &["s =1"], true),
            (prefix("v"), &["s=value"], true),
            (present(true), &["s="], true),
            (present(true), &["s"], false),
            (present(false), &["xs=1"], true),
        ];
        for (test, lines, expected) in table {
            let lines: Vec<_> = lines.iter().map(|line| ("cookie", *line)).collect();
            assert_eq!(holds(Predicate::cookie("s", test), None, &lines), *expected, "{test:?} {lines:?}");
        }
    }

    #[test]
    fn tests_that_nothing_meets_are_refused() {
        let text = str::to_owned;
        assert_eq!(Predicate::header("x y", &exact("")), Err(PredicateError::Name(text("x y"))));
        assert_eq!(Predicate::header("Cookie", &exact("")), Err(PredicateError::CookieHeader));
        assert_eq!(Predicate::header("Host", &exact("")), Err(PredicateError::HostHeader));
        for value in [" a", "a ", "a\n", "\0"] {
            assert_eq!(Predicate::header("x", &exact(value)), Err(PredicateError::Value(text(value))));
            assert_eq!(Predicate::cookie("x", &exact(value)), Err(PredicateError::Value(text(value))));
            assert!(Predicate::query("x", &exact(value)).is_ok());
        }
        assert!(Predicate::header("x", &prefix("a ")).is_ok());
        assert_eq!(Predicate::header("x", &prefix(" a")), Err(PredicateError::Value(text(" a"))));
        assert_eq!(Predicate::cookie("x", &exact("a;b")), Err(PredicateError::Value(text("a;b"))));
        assert_eq!(Predicate::cookie("x=", &exact("a")), Err(PredicateError::Name(text("x="))));
    }
}
