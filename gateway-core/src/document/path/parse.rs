//! The reading of a query (RFC 9535 §2.1, Appendix A), with the types of its functions (§2.4.3).

use super::filter::{Comparison, Filter, Operand, Pattern, Query, is_singular};
use super::{Mistake, Segment, Selector, pattern};
use crate::document::{Number, Value};

/// The deepest nesting of filters and parentheses.
const DEEPEST: usize = 32;

/// The largest index, which every implementation can tell from its neighbours (RFC 7493 §2.2).
const MOST: i64 = (1 << 53) - 1;

/// Reads a whole query.
pub(super) fn query(text: &str) -> Result<Box<[Segment]>, Mistake> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    if !parser.takes("$") {
        return Err(parser.mistake("a JSONPath begins with `$`"));
    }
    let segments = parser.segments()?;
    if parser.at < text.len() { Err(parser.mistake("this belongs to no JSONPath")) } else { Ok(segments) }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

/// A part of a logical expression before its use is known.
enum Part {
    Logical(Filter),
    Operand(Operand),
    Query(Query),
}

impl<'t> Parser<'t> {
    const fn mistake(&self, message: &'static str) -> Mistake {
        Mistake { at: self.at, message }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes);
    }

    fn takes(&mut self, text: &str) -> bool {
        let is_there = self.rest().starts_with(text);
        if is_there {
            self.skip(text.len());
        }
        is_there
    }

    fn expect(&mut self, text: &str, message: &'static str) -> Result<(), Mistake> {
        if self.takes(text) { Ok(()) } else { Err(self.mistake(message)) }
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.skip(rest.len().saturating_sub(rest.trim_start_matches([' ', '\t', '\n', '\r']).len()));
    }

    fn while_matches(&mut self, matches: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|character| !matches(character)).unwrap_or(rest.len());
        self.skip(end);
        rest.get(..end).unwrap_or_default()
    }

    /// Reads what `read` does one level deeper.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Mistake>) -> Result<T, Mistake> {
        if self.depth >= DEEPEST {
            return Err(self.mistake("the query is nested too deeply"));
        }
        self.depth = self.depth.saturating_add(1);
        let read = read(self);
        self.depth = self.depth.saturating_sub(1);
        read
    }

    fn segments(&mut self) -> Result<Box<[Segment]>, Mistake> {
        let mut segments = Vec::new();
        loop {
            let before = self.at;
            self.space();
            let is_deep = self.takes("..");
            if !is_deep && !self.rest().starts_with(['.', '[']) {
                // White space at the end is none of the query's.
                self.at = before;
                return Ok(segments.into());
            }
            let selectors = if self.rest().starts_with('[') {
                self.selectors()?
            } else {
                if !is_deep {
                    self.skip(1);
                }
                Box::new([self.shorthand()?])
            };
            segments.push(Segment { is_deep, selectors });
        }
    }

    fn shorthand(&mut self) -> Result<Selector, Mistake> {
        if self.takes("*") {
            return Ok(Selector::Wildcard);
        }
        let is_first = |character: char| character.is_ascii_alphabetic() || character == '_' || !character.is_ascii();
        if !self.peek().is_some_and(is_first) {
            return Err(self.mistake("a name is expected here; in brackets and quotes it may be any text: `['a-b']`"));
        }
        let name = self.while_matches(|character| is_first(character) || character.is_ascii_digit());
        Ok(Selector::Name(name.into()))
    }

    fn selectors(&mut self) -> Result<Box<[Selector]>, Mistake> {
        self.skip(1);
        let mut selectors = Vec::new();
        loop {
            self.space();
            selectors.push(self.selector()?);
            self.space();
            if self.takes("]") {
                return Ok(selectors.into());
            }
            self.expect(",", "`,` or `]` is expected here")?;
        }
    }

    fn selector(&mut self) -> Result<Selector, Mistake> {
        match self.peek() {
            Some('\'' | '"') => self.string().map(|name| Selector::Name(name.into())),
            Some('*') => {
                self.skip(1);
                Ok(Selector::Wildcard)
            }
            Some('?') => {
                self.skip(1);
                self.space();
                self.deeper(Self::or).map(|filter| Selector::Filter(Box::new(filter)))
            }
            Some(':' | '-' | '0'..='9') => self.index_or_slice(),
            _ => Err(self.mistake("a name in quotes, an index, a slice, `*` or a filter is expected here")),
        }
    }

    fn index_or_slice(&mut self) -> Result<Selector, Mistake> {
        let start = self.integer()?;
        let before = self.at;
        self.space();
        if !self.takes(":") {
            self.at = before;
            return start.map(Selector::Index).ok_or_else(|| self.mistake("an index is expected here"));
        }
        self.space();
        let end = self.integer()?;
        let before = self.at;
        self.space();
        if !self.takes(":") {
            self.at = before;
            return Ok(Selector::Slice { start, end, step: 1 });
        }
        let before = self.at;
        self.space();
        let step = self.integer()?;
        if step.is_none() {
            self.at = before;
        }
        Ok(Selector::Slice { start, end, step: step.unwrap_or(1) })
    }

    /// A whole number, if one is there (RFC 9535 §2.3.3.1): without zeros in front, and no `-0`.
    fn integer(&mut self) -> Result<Option<i64>, Mistake> {
        let begin = self.at;
        let is_negative = self.takes("-");
        let digits = self.while_matches(|character| character.is_ascii_digit());
        if digits.is_empty() && !is_negative {
            return Ok(None);
        }
        let is_one = digits == "0" && !is_negative || !digits.is_empty() && !digits.starts_with('0');
        let number = digits.parse::<i64>().ok().filter(|number| is_one && *number <= MOST);
        let number = number.ok_or(Mistake {
            at: begin,
            message: "this is no index: it has no zeros in front, and is at most 2^53 - 1",
        })?;
        Ok(Some(if is_negative { number.saturating_neg() } else { number }))
    }

    /// A string in either kind of quotes (RFC 9535 §2.3.1.1).
    fn string(&mut self) -> Result<String, Mistake> {
        let quote = self.peek().unwrap_or('"');
        self.skip(1);
        let mut text = String::new();
        loop {
            text.push_str(self.while_matches(|character| character != quote && character != '\\' && character >= ' '));
            match self.peek() {
                Some(end) if end == quote => {
                    self.skip(1);
                    return Ok(text);
                }
                Some('\\') => {
                    self.skip(1);
                    text.push(self.escaped(quote)?);
                }
                Some(_) => return Err(self.mistake("a control character in quotes has to be escaped")),
                None => return Err(self.mistake("the quotes are not closed")),
            }
        }
    }

    fn escaped(&mut self, quote: char) -> Result<char, Mistake> {
        let wrong = self.mistake("this escape is none of JSONPath's");
        let kind = self.peek().ok_or_else(|| wrong.clone())?;
        self.skip(kind.len_utf8());
        Ok(match kind {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            '/' | '\\' => kind,
            kind if kind == quote => kind,
            'u' => {
                let first = self.unit().ok_or_else(|| wrong.clone())?;
                let code = if (0xd800..0xdc00).contains(&first) && self.takes("\\u") {
                    let second =
                        self.unit().filter(|unit| (0xdc00..0xe000).contains(unit)).ok_or_else(|| wrong.clone())?;
                    0x10000 + ((first & 0x3ff) << 10) + (second & 0x3ff)
                } else {
                    first
                };
                char::from_u32(code).ok_or(wrong)?
            }
            _ => return Err(wrong),
        })
    }

    fn unit(&mut self) -> Option<u32> {
        let digits = self.rest().get(..4)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        self.skip(4);
        u32::from_str_radix(digits, 16).ok()
    }

    fn or(&mut self) -> Result<Filter, Mistake> {
        let mut parts = vec![self.and()?];
        loop {
            let before = self.at;
            self.space();
            if !self.takes("||") {
                self.at = before;
                return Ok(one_of(parts, Filter::Or));
            }
            self.space();
            parts.push(self.and()?);
        }
    }

    fn and(&mut self) -> Result<Filter, Mistake> {
        let mut parts = vec![self.basic()?];
        loop {
            let before = self.at;
            self.space();
            if !self.takes("&&") {
                self.at = before;
                return Ok(one_of(parts, Filter::And));
            }
            self.space();
            parts.push(self.basic()?);
        }
    }

    fn basic(&mut self) -> Result<Filter, Mistake> {
        let is_negated = self.takes("!");
        if is_negated {
            self.space();
        }
        if self.takes("(") {
            self.space();
            let filter = self.deeper(Self::or)?;
            self.space();
            self.expect(")", "`)` is expected here")?;
            return Ok(if is_negated { Filter::Not(Box::new(filter)) } else { filter });
        }
        let begin = self.at;
        let part = self.part()?;
        let behind = self.at;
        self.space();
        if !is_negated && let Some(comparison) = self.comparison() {
            self.space();
            let there = self.at;
            let one = comparable(part, begin)?;
            let other = comparable(self.part()?, there)?;
            return Ok(Filter::Compare(one, comparison, other));
        }
        self.at = behind;
        let filter = match part {
            Part::Logical(filter) => filter,
            Part::Query(query) => Filter::Exists(query),
            Part::Operand(_) => {
                return Err(Mistake { at: begin, message: "a value by itself is no condition: compare it" });
            }
        };
        Ok(if is_negated { Filter::Not(Box::new(filter)) } else { filter })
    }

    fn comparison(&mut self) -> Option<Comparison> {
        let all = [
            ("==", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        all.into_iter().find(|(text, _)| self.takes(text)).map(|(_, comparison)| comparison)
    }

    fn part(&mut self) -> Result<Part, Mistake> {
        let begin = self.at;
        match self.peek() {
            Some(root @ ('$' | '@')) => {
                self.skip(1);
                let segments = self.segments()?;
                Ok(Part::Query(Query { is_of_root: root == '$', segments }))
            }
            Some('\'' | '"') => self.string().map(|text| Part::Operand(Operand::Literal(text.into()))),
            Some('-' | '0'..='9') => {
                let text = self.while_matches(|character| matches!(character, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'));
                let number = Number::parse(text).ok_or(Mistake { at: begin, message: "this is no number" })?;
                Ok(Part::Operand(Operand::Literal(Value::Number(number))))
            }
            _ => {
                let name = self.while_matches(|character| matches!(character, 'a'..='z' | '0'..='9' | '_'));
                let literal = match name {
                    "true" => Value::Boolean(true),
                    "false" => Value::Boolean(false),
                    "null" => Value::Null,
                    "" => return Err(self.mistake("a query, a value or a function is expected here")),
                    name => return self.deeper(|parser| parser.function(name, begin)),
                };
                Ok(Part::Operand(Operand::Literal(literal)))
            }
        }
    }

    /// The arguments of the function called `name`, and what it is (RFC 9535 §2.4).
    fn function(&mut self, name: &str, begin: usize) -> Result<Part, Mistake> {
        let unknown =
            Mistake { at: begin, message: "there are the functions `length`, `count`, `match`, `search` and `value`" };
        if !matches!(name, "length" | "count" | "match" | "search" | "value") {
            return Err(unknown);
        }
        self.expect("(", "`(` is expected here")?;
        self.space();
        let there = self.at;
        let first = self.part()?;
        self.space();
        let part = match (name, first) {
            ("count", Part::Query(query)) => Part::Operand(Operand::Count(query)),
            ("value", Part::Query(query)) => Part::Operand(Operand::Value(query)),
            ("count" | "value", _) => return Err(Mistake { at: there, message: "this function takes a query" }),
            ("length", first) => Part::Operand(Operand::Length(Box::new(comparable(first, there)?))),
            (_, first) => {
                let is_whole = name == "match";
                let text = comparable(first, there)?;
                self.expect(",", "`,` is expected here: the function takes a text and a regular expression")?;
                self.space();
                let there = self.at;
                let pattern = match comparable(self.part()?, there)? {
                    Operand::Literal(Value::String(text)) if text.contains("\\p{") || text.contains("\\P{") => {
                        return Err(Mistake { at: there, message: "categories of characters are not known here" });
                    }
                    Operand::Literal(Value::String(text)) => {
                        let message = "this is no regular expression that is taken (RFC 9485)";
                        let compiled = pattern::compile(&text, is_whole).ok_or(Mistake { at: there, message })?;
                        Pattern::Written(Box::new(compiled))
                    }
                    operand => Pattern::Stated(operand),
                };
                self.space();
                Part::Logical(Filter::Match { text, pattern, is_whole })
            }
        };
        self.expect(")", "`)` is expected here")?;
        Ok(part)
    }
}

fn one_of(mut parts: Vec<Filter>, all: fn(Box<[Filter]>) -> Filter) -> Filter {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => all(parts.into_iter().chain(last).collect()),
    }
}

/// RFC 9535 §2.3.5.1, §2.4.3: values can be compared, and queries for one node at the most.
fn comparable(part: Part, at: usize) -> Result<Operand, Mistake> {
    match part {
        Part::Operand(operand) => Ok(operand),
        Part::Query(query) if is_singular(&query.segments) => Ok(Operand::Singular(query)),
        Part::Query(_) => Err(Mistake { at, message: "this may be several values, which are no value to compare" }),
        Part::Logical(_) => Err(Mistake { at, message: "this is true or false by itself, and no value to compare" }),
    }
}
