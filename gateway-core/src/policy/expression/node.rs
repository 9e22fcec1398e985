//! The parts of a compiled expression, and their types.

use http::HeaderName;
use regex_lite::Regex;

use super::decimal::Decimal;

/// The place of a part in the list of all.
pub(super) type Place = u16;

/// The bytes of the text that a part stands for: the first, and the one behind the last.
pub(super) type Span = (u16, u16);

/// A part of an expression. Parts refer to others, which come before them.
#[derive(Debug)]
pub(super) enum Node {
    Null,
    Boolean(bool),
    Number(i64),
    /// A number with a fraction.
    Decimal(Decimal),
    Text(Box<str>),
    List(Box<[Place]>),
    Fact(Fact),
    Not(Place),
    Negative(Place),
    Binary(Binary, Place, Place),
    /// The second if the first holds, else the third.
    Choice(Place, Place, Place),
    /// The member of this name.
    Member(Place, Box<str>),
    /// The item or member that the second says.
    Item(Place, Place),
    /// Returns whether a member, or a fact, is there.
    Has(Place),
    Size(Place),
    /// The value as text.
    ToText(Place),
    /// The value as a whole number.
    ToWhole(Place),
    Matches(Place, Regex),
}

/// A fact about a request.
#[derive(Clone, Debug)]
pub(super) enum Fact {
    Method,
    Host,
    Path,
    Scheme,
    Header(HeaderName),
    Query(Box<str>),
    Parameter(usize),
    Address,
    Country,
    Asn,
    Consumer,
    Tier,
    Issuer,
    Groups,
    Scopes,
    Claims,
    Now,
    /// The content that is edited.
    Body,
}

/// An operator or function of two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binary {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    StartsWith,
    EndsWith,
    Contains,
}

/// A type, as far as it is known before there is a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Null,
    Boolean,
    Number,
    Text,
    Texts,
    Numbers,
    List,
    /// Groups or scopes, which are asked for one alone.
    Set,
    /// A claim: any type.
    Any,
}

/// A collection of texts by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    Headers,
    Query,
    Parameters,
}

impl Fact {
    /// The template for the same, if there is one.
    pub(super) fn template(&self, parameters: Option<&[&str]>) -> Option<String> {
        Some(match self {
            Self::Method => "{request.method}".to_owned(),
            Self::Host => "{request.host}".to_owned(),
            Self::Path => "{request.path}".to_owned(),
            Self::Scheme => "{request.scheme}".to_owned(),
            Self::Header(name) => ["{header.", name.as_str(), "}"].concat(),
            Self::Query(name) => ["{query.", name, "}"].concat(),
            Self::Parameter(index) => ["{path.", parameters?.get(*index)?, "}"].concat(),
            Self::Address => "{client.address}".to_owned(),
            Self::Consumer => "{consumer.name}".to_owned(),
            Self::Tier => "{consumer.tier}".to_owned(),
            Self::Country
            | Self::Asn
            | Self::Issuer
            | Self::Groups
            | Self::Scopes
            | Self::Claims
            | Self::Now
            | Self::Body => return None,
        })
    }
}

impl Type {
    /// Returns whether a value of this type may be one of `other`.
    pub(super) fn may_be(self, other: Self) -> bool {
        let is_list = |one: Self| matches!(one, Self::Texts | Self::Numbers | Self::List);
        self == other || self == Self::Any || other == Self::Any || (is_list(self) && is_list(other))
    }

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Null => "`null`",
            Self::Boolean => "true or false",
            Self::Number => "a number",
            Self::Text => "text",
            Self::Texts | Self::Numbers | Self::List => "a list",
            Self::Set => "a collection",
            Self::Any => "a claim",
        }
    }
}

/// The facts by their names, in the groups that they stand in.
pub(super) static FACTS: &[(&str, &str, Fact, Type)] = &[
    ("request", "method", Fact::Method, Type::Text),
    ("request", "host", Fact::Host, Type::Text),
    ("request", "path", Fact::Path, Type::Text),
    ("request", "scheme", Fact::Scheme, Type::Text),
    ("client", "address", Fact::Address, Type::Text),
    ("client", "country", Fact::Country, Type::Text),
    ("client", "asn", Fact::Asn, Type::Number),
    ("caller", "consumer", Fact::Consumer, Type::Text),
    ("caller", "tier", Fact::Tier, Type::Text),
    ("caller", "issuer", Fact::Issuer, Type::Text),
    ("caller", "groups", Fact::Groups, Type::Set),
    ("caller", "scopes", Fact::Scopes, Type::Set),
    ("claims", "", Fact::Claims, Type::Any),
    ("now", "", Fact::Now, Type::Number),
    ("body", "", Fact::Body, Type::Any),
];

/// The collections by their names.
pub(super) const NAMES: &[(&str, &str, Names)] =
    &[("request", "headers", Names::Headers), ("request", "query", Names::Query), ("params", "", Names::Parameters)];
