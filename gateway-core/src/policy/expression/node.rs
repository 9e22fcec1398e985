//! The parts of a compiled expression, and their types.

use http::HeaderName;
use regex_lite::Regex;

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
];

/// The collections by their names.
pub(super) const NAMES: &[(&str, &str, Names)] =
    &[("request", "headers", Names::Headers), ("request", "query", Names::Query), ("params", "", Names::Parameters)];
