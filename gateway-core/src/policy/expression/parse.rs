//! From the text of an expression to its parts, with the types that are known.

use std::fmt::Display;

use http::HeaderName;
use regex_lite::RegexBuilder;

use super::decimal::Decimal;
use super::node::{Binary, FACTS, Fact, NAMES, Names, Node, Place, Span, Type};
use super::token::{Token, Tokens};
use super::{Kind, Mistake, foreign};
use crate::config::{THOROUGH, suggest};

/// The most parts of an expression, which bound the time that it takes.
const MOST_PARTS: usize = 256;

/// The most levels of parentheses and the like.
const MOST_LEVELS: usize = 24;

/// The largest compiled regular expression, in bytes. It bounds the time: at most so many steps for each character.
const MOST_REGEX_BYTES: usize = 8 << 10;

/// A part that has been read: its place, and its type.
type Part = (Place, Type);

/// Reads an expression.
pub(super) struct Parser<'t> {
    tokens: Tokens<'t>,
    token: Token<'t>,
    /// The byte that the token begins with.
    start: usize,
    /// The byte behind the token before it.
    end: usize,
    nodes: Vec<Node>,
    /// The bytes of the text that each of them stands for.
    spans: Vec<Span>,
    levels: usize,
    /// The names of the path parameters, where the route is known.
    parameters: Option<&'t [&'t str]>,
    /// Set if it is about a content, too.
    is_of_content: bool,
}

/// Reads `text` whole.
pub(super) fn parse<'t>(
    text: &'t str,
    parameters: Option<&'t [&'t str]>,
    wanted: Kind,
) -> Result<(Vec<Node>, Vec<Span>), Mistake> {
    let is_of_content = matches!(wanted, Kind::Content);
    let tokens = Tokens { text, at: 0, takes_fractions: is_of_content };
    let mut parser = Parser {
        tokens,
        token: Token::End,
        start: 0,
        end: 0,
        nodes: Vec::new(),
        spans: Vec::new(),
        levels: 0,
        parameters,
        is_of_content,
    };
    parser.advance()?;
    let (_, kind) = parser.expression()?;
    if parser.token != Token::End {
        return Err(parser.unexpected("the end"));
    }
    match (wanted, kind) {
        (Kind::Condition, _) => parser.check(0, kind, Type::Boolean, "the condition")?,
        (Kind::Number, Type::Boolean) => {
            return Err(Mistake::new(
                0,
                "the expression is true or false, and never a number",
                "choose one by it: `request.method == 'POST' ? 5 : 1`",
            ));
        }
        (Kind::Content, _) | (Kind::Scalar, Type::Boolean) | (Kind::Scalar | Kind::Number, Type::Number) => {}
        (Kind::Scalar | Kind::Number, _) => parser.check(0, kind, Type::Text, "the expression")?,
    }
    Ok((parser.nodes, parser.spans))
}

impl<'t> Parser<'t> {
    fn advance(&mut self) -> Result<Token<'t>, Mistake> {
        self.end = self.tokens.at;
        let (start, next) = self.tokens.next()?;
        self.start = start;
        Ok(core::mem::replace(&mut self.token, next))
    }

    /// Takes the sign, if it is next.
    fn takes(&mut self, sign: u8) -> Result<bool, Mistake> {
        let is_next = self.token == Token::Sign(sign);
        if is_next {
            self.advance()?;
        }
        Ok(is_next)
    }

    fn expect(&mut self, sign: u8) -> Result<(), Mistake> {
        if self.takes(sign)? { Ok(()) } else { Err(self.unexpected(format_args!("`{}`", char::from(sign)))) }
    }

    #[cold]
    #[inline(never)]
    fn unexpected(&self, wanted: impl Display) -> Mistake {
        let found = self.tokens.text.get(self.start..self.tokens.at).unwrap_or_default();
        if THOROUGH && found == ">" && self.tokens.text.get(..self.start).is_some_and(|before| before.ends_with('<')) {
            return Mistake::new(self.start - 1, "`<>` is no operator here", "write `!=`");
        }
        if let Some(help) = foreign::help(found) {
            return Mistake::new(self.start, format_args!("expected {wanted}, found `{found}`"), help);
        }
        match self.token {
            Token::End => Mistake::new(self.start, format_args!("expected {wanted}, found the end"), ""),
            _ => Mistake::new(self.start, format_args!("expected {wanted}, found `{found}`"), ""),
        }
    }

    #[inline(never)]
    fn add(&mut self, start: usize, node: Node) -> Result<Place, Mistake> {
        if self.nodes.len() >= MOST_PARTS {
            let help = "make several rules of it: each `authorize` of a route has to hold";
            return Err(Mistake::new(self.start, "the expression is too long", help));
        }
        self.nodes.push(node);
        // The text is no longer than the type reaches.
        let [start, end] = [start, self.end].map(|byte| u16::try_from(byte).unwrap_or(u16::MAX));
        self.spans.push((start, end));
        Ok(Place::try_from(self.nodes.len() - 1).unwrap_or(Place::MAX))
    }

    /// Reports that `what`, which begins at `start`, is not what it has to be.
    #[inline(never)]
    fn check(&self, start: usize, kind: Type, wanted: Type, what: &str) -> Result<(), Mistake> {
        if !THOROUGH || kind.may_be(wanted) {
            return Ok(());
        }
        let message = format_args!("{what} is {}, and has to be {}", kind.words(), wanted.words());
        Err(Mistake::new(start, message, ""))
    }

    /// Reports that what begins at `start` has no members.
    #[inline(never)]
    fn check_open(&self, start: usize, kind: Type) -> Result<(), Mistake> {
        if !THOROUGH || kind == Type::Any {
            return Ok(());
        }
        Err(Mistake::new(start, format_args!("{} has no members", kind.words()), "claims have"))
    }

    /// An expression of any kind: `CONDITION ? YES : NO` binds the least.
    fn expression(&mut self) -> Result<Part, Mistake> {
        let start = self.start;
        let condition = self.operation(1)?;
        if !self.takes(b'?')? {
            return Ok(condition);
        }
        self.check(start, condition.1, Type::Boolean, "what is before `?`")?;
        let yes = self.operation(1)?;
        self.expect(b':')?;
        let no = self.nested(Self::expression)?;
        let kind = if yes.1 == no.1 { yes.1 } else { Type::Any };
        Ok((self.add(start, Node::Choice(condition.0, yes.0, no.0))?, kind))
    }

    /// Reads one level deeper.
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Mistake>) -> Result<T, Mistake> {
        if self.levels >= MOST_LEVELS {
            return Err(Mistake::new(self.start, "the expression is nested too deeply", ""));
        }
        self.levels += 1;
        let part = read(self);
        self.levels -= 1;
        part
    }

    /// The operator that is next, and how strongly it binds.
    fn operator(&self) -> Option<(Binary, u8)> {
        Some(match self.token {
            Token::Sign(b'|') => (Binary::Or, 1),
            Token::Sign(b'&') => (Binary::And, 2),
            Token::Sign(b'=') => (Binary::Equal, 3),
            Token::Sign(b'~') => (Binary::NotEqual, 3),
            Token::Sign(b'<') => (Binary::Less, 3),
            Token::Sign(b'l') => (Binary::LessOrEqual, 3),
            Token::Sign(b'>') => (Binary::Greater, 3),
            Token::Sign(b'g') => (Binary::GreaterOrEqual, 3),
            Token::Name("in") => (Binary::In, 3),
            Token::Sign(b'+') => (Binary::Add, 4),
            Token::Sign(b'-') => (Binary::Subtract, 4),
            Token::Sign(b'*') => (Binary::Multiply, 5),
            Token::Sign(b'/') => (Binary::Divide, 5),
            Token::Sign(b'%') => (Binary::Remainder, 5),
            _ => return None,
        })
    }

    /// Operators that bind at least so strongly, and what is between them.
    fn operation(&mut self, least: u8) -> Result<Part, Mistake> {
        let start = self.start;
        let mut left = self.unary()?;
        while let Some((operator, strength)) = self.operator().filter(|(_, strength)| *strength >= least) {
            self.advance()?;
            let right_start = self.start;
            if operator == Binary::In
                && let Some(names) = self.names()?
            {
                left = self.is_named(start, left, names)?;
                continue;
            }
            let right = self.operation(strength + 1)?;
            let kind = self.typed(operator, (start, left.1), (right_start, right.1))?;
            left = (self.add(start, Node::Binary(operator, left.0, right.0))?, kind);
        }
        Ok(left)
    }

    /// The type of what `operator` makes of operands of these types.
    #[inline(never)]
    fn typed(&self, operator: Binary, left: (usize, Type), right: (usize, Type)) -> Result<Type, Mistake> {
        match operator {
            Binary::Or | Binary::And => {
                for (start, kind) in [left, right] {
                    self.check(start, kind, Type::Boolean, "what is joined by `&&` and `||`")?;
                }
            }
            Binary::Add | Binary::Subtract => {
                let both = if left.1 == Type::Any { right.1 } else { left.1 };
                let is_text = operator == Binary::Add && both == Type::Text;
                let wanted = if is_text || both == Type::Any { both } else { Type::Number };
                for (start, kind) in [left, right] {
                    self.check(start, kind, wanted, "what is added or taken away")?;
                }
                return Ok(both);
            }
            Binary::Multiply | Binary::Divide | Binary::Remainder => {
                for (start, kind) in [left, right] {
                    self.check(start, kind, Type::Number, "what is multiplied or divided")?;
                }
                return Ok(Type::Number);
            }
            Binary::In => {
                let (wanted, what) = match right.1 {
                    Type::Texts | Type::Set => (Type::Text, "what is looked for"),
                    Type::Numbers => (Type::Number, "what is looked for"),
                    kind => {
                        self.check(right.0, kind, Type::List, "what is after `in`")?;
                        return Ok(Type::Boolean);
                    }
                };
                self.check(left.0, left.1, wanted, what)?;
            }
            Binary::Equal | Binary::NotEqual => {
                for (start, kind) in [left, right] {
                    if THOROUGH && kind == Type::Set {
                        return Err(Mistake::new(start, "a collection can't be compared", "ask what is `in` it"));
                    }
                }
                self.check(right.0, right.1, left.1, "what is compared")?;
            }
            _ => {
                self.check(right.0, right.1, left.1, "what is compared")?;
                for (start, kind) in [left, right] {
                    if THOROUGH && !matches!(kind, Type::Number | Type::Text | Type::Any) {
                        let message = format_args!("{} is neither less nor greater", kind.words());
                        return Err(Mistake::new(start, message, "numbers and texts have an order"));
                    }
                }
            }
        }
        Ok(Type::Boolean)
    }

    fn unary(&mut self) -> Result<Part, Mistake> {
        let start = self.start;
        if self.takes(b'!')? {
            let (of, kind) = self.nested(Self::unary)?;
            self.check(start, kind, Type::Boolean, "what is after `!`")?;
            return Ok((self.add(start, Node::Not(of))?, Type::Boolean));
        }
        if self.takes(b'-')? {
            let (of, kind) = self.nested(Self::unary)?;
            self.check(start, kind, Type::Number, "what is after `-`")?;
            return Ok((self.add(start, Node::Negative(of))?, Type::Number));
        }
        self.member()
    }

    /// A value, and what is asked of it: `.name`, `[…]`, `.function(…)`.
    fn member(&mut self) -> Result<Part, Mistake> {
        let start = self.start;
        let mut part = match self.names()? {
            Some(names) => self.named(start, names)?,
            None => self.primary()?,
        };
        loop {
            let inner = self.start;
            if self.takes(b'.')? {
                let name = self.name()?;
                if self.takes(b'(')? {
                    part = self.nested(|parser| parser.function((start, part), (inner + 1, name)))?;
                } else {
                    self.check_open(start, part.1)?;
                    part = (self.add(start, Node::Member(part.0, name.into()))?, Type::Any);
                }
            } else if self.takes(b'[')? {
                let node = match &self.token {
                    Token::Text(name) => {
                        let name = name.as_str().into();
                        self.check_open(start, part.1)?;
                        self.advance()?;
                        Node::Member(part.0, name)
                    }
                    _ => {
                        self.check(start, part.1, Type::List, "what has items")?;
                        Node::Item(part.0, self.nested(Self::expression)?.0)
                    }
                };
                self.expect(b']')?;
                part = (self.add(start, node)?, Type::Any);
            } else {
                return Ok(part);
            }
        }
    }

    fn name(&mut self) -> Result<&'t str, Mistake> {
        match self.token {
            Token::Name(name) => {
                self.advance()?;
                Ok(name)
            }
            _ => Err(self.unexpected("a name")),
        }
    }

    /// A function of `of`; its parenthesis is open.
    fn function(&mut self, (start, of): (usize, Part), (at, name): (usize, &str)) -> Result<Part, Mistake> {
        let function = match name {
            "size" => return self.size(start, of),
            "startsWith" => Binary::StartsWith,
            "endsWith" => Binary::EndsWith,
            "contains" => Binary::Contains,
            "matches" => {
                self.check(start, of.1, Type::Text, "what is matched")?;
                let at = self.start;
                let Token::Text(pattern) = self.advance()? else {
                    return Err(Mistake::new(at, "a regular expression is text in quotes", ""));
                };
                self.expect(b')')?;
                let regex = RegexBuilder::new(&pattern).size_limit(MOST_REGEX_BYTES).build();
                let regex = regex
                    .map_err(|error| Mistake::new(at, format_args!("this is no regular expression: {error}"), ""))?;
                return Ok((self.add(start, Node::Matches(of.0, regex))?, Type::Boolean));
            }
            _ => {
                let known = ["startsWith", "endsWith", "contains", "matches", "size"];
                let message = format_args!("no function is called `{name}`");
                return Err(match foreign::help(name) {
                    Some(help) => Mistake::new(at, message, help),
                    None => Mistake::unknown(at, "function", name, &known),
                });
            }
        };
        if THOROUGH && of.1 == Type::Set && function == Binary::Contains {
            let of = self.tokens.text.get(start..at.saturating_sub(1)).unwrap_or_default().trim();
            let rest = self.tokens.text.get(self.start..).unwrap_or_default();
            let what = rest.find(')').and_then(|end| rest.get(..end)).map_or("'ops'", str::trim);
            let message = format_args!("`{of}` is a collection, and `contains` searches text");
            return Err(Mistake::new(start, message, format_args!("write `{what} in {of}`")));
        }
        self.check(start, of.1, Type::Text, "what is searched")?;
        let (at, part) = (self.start, self.expression()?);
        self.check(at, part.1, Type::Text, "what is looked for")?;
        self.expect(b')')?;
        Ok((self.add(start, Node::Binary(function, of.0, part.0))?, Type::Boolean))
    }

    fn size(&mut self, start: usize, of: Part) -> Result<Part, Mistake> {
        self.expect(b')')?;
        let wanted = if of.1 == Type::Text { Type::Text } else { Type::List };
        self.check(start, of.1, wanted, "what has a size")?;
        Ok((self.add(start, Node::Size(of.0))?, Type::Number))
    }

    fn primary(&mut self) -> Result<Part, Mistake> {
        let start = self.start;
        if matches!(self.token, Token::End | Token::Sign(_)) && !matches!(self.token, Token::Sign(b'(' | b'[')) {
            return Err(self.unexpected("a value"));
        }
        let (node, kind) = match self.advance()? {
            Token::Number(number) => (Node::Number(number), Type::Number),
            Token::Decimal(text) => match Decimal::read(text) {
                Some(number) => (Node::Decimal(number), Type::Number),
                None => return Err(Mistake::new(start, format_args!("`{text}` has too many digits"), "")),
            },
            Token::Text(text) => (Node::Text(text.into()), Type::Text),
            Token::Name("true") => (Node::Boolean(true), Type::Boolean),
            Token::Name("false") => (Node::Boolean(false), Type::Boolean),
            Token::Name("null") => (Node::Null, Type::Null),
            Token::Name("has") if self.takes(b'(')? => {
                let at = self.start;
                let (of, _) = self.nested(Self::member)?;
                self.expect(b')')?;
                let is_member = matches!(self.nodes.get(usize::from(of)), Some(Node::Member(..) | Node::Fact(_)));
                if !is_member {
                    return Err(Mistake::new(
                        at,
                        "only a member can be there or not",
                        "for example `has(claims.tenant)`",
                    ));
                }
                (Node::Has(of), Type::Boolean)
            }
            Token::Name("size") if self.takes(b'(')? => {
                let at = self.start;
                let of = self.nested(Self::expression)?;
                return self.size(at, of);
            }
            Token::Name(name @ ("string" | "int")) if self.takes(b'(')? => {
                let at = self.start;
                let (of, kind) = self.nested(Self::expression)?;
                self.expect(b')')?;
                let is_text = name == "string";
                let is_wrong = matches!(kind, Type::Null | Type::Set | Type::Texts | Type::Numbers | Type::List)
                    || (kind == Type::Boolean && !is_text);
                if THOROUGH && is_wrong {
                    let wanted = if is_text { "text" } else { "a whole number" };
                    return Err(Mistake::new(at, format_args!("{} becomes no {wanted}", kind.words()), ""));
                }
                if is_text { (Node::ToText(of), Type::Text) } else { (Node::ToWhole(of), Type::Number) }
            }
            Token::Name(name) => return self.variable(start, name),
            Token::Sign(b'(') => {
                let part = self.nested(Self::expression)?;
                self.expect(b')')?;
                return Ok(part);
            }
            Token::Sign(b'[') => return self.nested(Self::list),
            Token::Sign(_) | Token::End => return Err(Mistake::new(start, "expected a value", "")),
        };
        Ok((self.add(start, node)?, kind))
    }

    /// A list, whose bracket is open.
    fn list(&mut self) -> Result<Part, Mistake> {
        let start = self.start;
        let mut items = Vec::new();
        let mut all = None;
        while !self.takes(b']')? {
            let (place, kind) = self.expression()?;
            items.push(place);
            all = Some(if all.is_none_or(|all| all == kind) { kind } else { Type::Any });
            if !self.takes(b',')? {
                self.expect(b']')?;
                break;
            }
        }
        let kind = match all {
            Some(Type::Text) => Type::Texts,
            Some(Type::Number) => Type::Numbers,
            _ => Type::List,
        };
        Ok((self.add(start, Node::List(items.into()))?, kind))
    }

    /// The fact that `name`, and the name behind its point, are of.
    fn variable(&mut self, start: usize, name: &str) -> Result<Part, Mistake> {
        let of_group = |group: &str| FACTS.iter().any(|(other, member, ..)| *other == group && !member.is_empty());
        let member = if of_group(name) && self.takes(b'.')? { self.name()? } else { "" };
        let is_known = |fact: &Fact| self.is_of_content || !matches!(fact, Fact::Body);
        match FACTS.iter().find(|(group, name_of, fact, _)| *group == name && *name_of == member && is_known(fact)) {
            Some((_, _, fact, _)) if self.is_of_content && !is_of_edit(fact) => {
                let whole = self.tokens.text.get(start..self.end).unwrap_or_default();
                let help = "write it into the content before, by a `set` with a template: `{claim.tenant}`";
                Err(Mistake::new(start, format_args!("`{whole}` is not known where content is edited"), help))
            }
            Some((_, _, fact, kind)) => Ok((self.add(start, Node::Fact(fact.clone()))?, *kind)),
            None if THOROUGH && member.is_empty() && of_group(name) => {
                let rest = self.tokens.text.get(self.tokens.at..).unwrap_or_default().trim_start();
                let quoted = rest.strip_prefix(['\'', '"']).and_then(|rest| rest.split(['\'', '"']).next());
                let named = quoted.filter(|_| self.token == Token::Sign(b'['));
                let all: Vec<&str> =
                    FACTS.iter().filter(|(group, ..)| *group == name).map(|(_, fact, ..)| *fact).collect();
                let help = match named.filter(|named| all.contains(named)) {
                    Some(named) => format!("write `{name}.{named}`"),
                    None => format!(
                        "name one of its members behind a point: `{name}.{}`",
                        all.join(&format!("`, `{name}."))
                    ),
                };
                Err(Mistake::new(start, format_args!("`{name}` is no value by itself"), help))
            }
            None if of_group(name) => {
                let members = FACTS.iter().map(|(group, fact, ..)| (*group, *fact));
                let members = members.chain(NAMES.iter().map(|(group, names, _)| (*group, *names)));
                let known: Vec<&str> = members.filter(|(group, _)| *group == name).map(|(_, fact)| fact).collect();
                let what = if THOROUGH { format!("member of `{name}`") } else { String::new() };
                Err(Mistake::unknown(start, &what, member, &known))
            }
            None => {
                let known = match self.is_of_content {
                    false => {
                        &["claims", "caller", "request", "client", "params", "now", "has", "size", "string", "int"][..]
                    }
                    true => &["body", "caller", "request", "client", "params", "has", "size", "string", "int"],
                };
                Err(foreign::unknown_variable(self.tokens.text, start, name, known))
            }
        }
    }

    /// The collection that is next, if one is.
    fn names(&mut self) -> Result<Option<Names>, Mistake> {
        let Token::Name(first) = self.token else { return Ok(None) };
        let rest = self.tokens.text.get(self.tokens.at..).unwrap_or_default();
        for (group, name, names) in NAMES {
            let is_it = *group == first
                && (name.is_empty()
                    || rest.strip_prefix('.').is_some_and(|rest| {
                        rest.strip_prefix(name)
                            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
                    }));
            if is_it {
                self.advance()?;
                if !name.is_empty() {
                    self.advance()?;
                    self.advance()?;
                }
                return Ok(Some(*names));
            }
        }
        Ok(None)
    }

    /// One of `names`: `.name` or `['name']`.
    fn named(&mut self, whole: usize, names: Names) -> Result<Part, Mistake> {
        let is_plain = self.takes(b'.')?;
        if !is_plain {
            self.expect(b'[')?;
        }
        let start = self.start;
        let name = if is_plain {
            self.name()?.to_owned()
        } else {
            let Token::Text(name) = self.advance()? else {
                return Err(Mistake::new(
                    start,
                    "the name is text in quotes",
                    "for example `request.headers['x-tenant']`",
                ));
            };
            self.expect(b']')?;
            name
        };
        let fact = self.of_names(start, names, &name)?;
        Ok((self.add(whole, Node::Fact(fact))?, Type::Text))
    }

    fn of_names(&self, start: usize, names: Names, name: &str) -> Result<Fact, Mistake> {
        match names {
            Names::Headers => {
                let wrong = |_| Mistake::new(start, format_args!("`{name}` is no header"), "for example `x-tenant`");
                HeaderName::from_bytes(name.as_bytes()).map(Fact::Header).map_err(wrong)
            }
            Names::Query => Ok(Fact::Query(name.into())),
            Names::Parameters => match self.parameters {
                None => Ok(Fact::Parameter(0)),
                Some(known) => {
                    let found = known.iter().position(|known| *known == name);
                    found.map(Fact::Parameter).ok_or_else(|| Mistake::unknown(start, "path parameter", name, known))
                }
            },
        }
    }

    /// `'name' in NAMES`: whether that is there.
    fn is_named(&mut self, start: usize, left: Part, names: Names) -> Result<Part, Mistake> {
        let Some(Node::Text(name)) = self.nodes.get(usize::from(left.0)) else {
            return Err(Mistake::new(
                start,
                "the name is text in quotes",
                "for example `'x-tenant' in request.headers`",
            ));
        };
        let name = name.clone();
        let fact = self.of_names(start, names, &name)?;
        let place = self.add(start, Node::Fact(fact))?;
        Ok((self.add(start, Node::Has(place))?, Type::Boolean))
    }
}

/// Returns whether a fact is known where content is edited: the content itself, and what a template says as well.
fn is_of_edit(fact: &Fact) -> bool {
    matches!(fact, Fact::Body) || fact.template(Some(&[])).is_some()
}

impl Mistake {
    /// The mistake that there is no `what` called `name`, with the likeliest of those that are `known`.
    #[cold]
    #[inline(never)]
    pub(super) fn unknown(at: usize, what: &str, name: &str, known: &[&str]) -> Self {
        if !THOROUGH {
            return Self::new(at, "", "");
        }
        let help = match suggest(name, known.iter().copied()) {
            Some(likely) => format!("did you mean `{likely}`?"),
            None if known.is_empty() => format!("there is no {what}"),
            None => format!("there are `{}`", known.join("`, `")),
        };
        Self::new(at, format_args!("no {what} is called `{name}`"), help)
    }
}
