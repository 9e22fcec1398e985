//! The units of a rate limit that a request takes.

use std::sync::Arc;

use http::{HeaderMap, HeaderName};

use super::PolicyError;
use super::allowance::LARGEST_LIMIT;
use super::expression::{Expression, Mistake};
use crate::call::Call;
use crate::config::{self, StatedCost, lazily};
use crate::document::pointer::Pointer;
use crate::http::names::are_aliases;
use crate::http::{percent, query};
use crate::time::Clock;

/// The units that a request takes.
#[derive(Debug)]
pub struct Cost {
    /// The units where nothing else is stated.
    usual: u32,
    /// The most that count, beside what may come at once.
    max: u32,
    /// The units where a client states them so that an upstream may read others.
    unclear: u32,
    /// The place that states the units.
    source: Source,
}

/// A place that states the units of a request.
#[derive(Debug)]
pub enum Source {
    /// None.
    Fixed,
    /// This field of the request.
    Header(HeaderName),
    /// The query parameter of this name.
    Query(Box<str>),
    /// The value of this.
    Expression(Box<Expression>),
    /// This field of the upstream's response.
    Response(HeaderName),
    /// This field in the content of the upstream's response.
    Content(Arc<Pointer>),
}

impl Cost {
    /// Checks and compiles `c` for a route whose path has these `parameters`; any, if it is not known.
    ///
    /// # Errors
    /// The mistake in it.
    pub fn compile(c: Option<&config::Cost>, parameters: Option<&[&str]>) -> Result<Self, PolicyError> {
        let StatedCost { header, query, expression, response_header, response_json, default, max } = match c {
            None => return Ok(Self::fixed(1)),
            Some(config::Cost::Fixed(0)) => {
                return Err(PolicyError::new("cost", "what costs nothing is not limited", "use 1 or more"));
            }
            Some(config::Cost::Fixed(usual)) => return Ok(Self::fixed(*usual)),
            Some(config::Cost::Stated(stated)) => &**stated,
        };
        let field = |name: &str| {
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
                PolicyError::new("cost", format_args!("`{name}` is no header name"), "use letters, digits and `-`")
            })
        };
        let source = match (header, query, expression, response_header, response_json) {
            (Some(name), None, None, None, None) => Source::Header(field(name)?),
            (None, Some(name), None, None, None) if !name.is_empty() => Source::Query(name.as_str().into()),
            (None, None, Some(text), None, None) => match Expression::compile_number(text, parameters) {
                Ok(expression) => Source::Expression(Box::new(expression)),
                Err(Mistake { at, message, help }) => {
                    let before = text.get(..at).unwrap_or(text).chars().count();
                    let message = format_args!("at character {}: {message}", before + 1);
                    return Err(PolicyError::new("cost.expression", message, help));
                }
            },
            (None, None, None, Some(name), None) => Source::Response(field(name)?),
            (None, None, None, None, Some(text)) => {
                match Pointer::parse(text).filter(|pointer| !pointer.tokens().is_empty()) {
                    Some(pointer) => Source::Content(Arc::new(pointer)),
                    None => {
                        let message = format_args!("`{text}` is no JSON Pointer to a field");
                        let likely = |text| Pointer::likely(text).unwrap_or_else(|| "/usage/total_tokens".to_owned());
                        let help = lazily(|| format!("write `{}`", likely(text)));
                        return Err(PolicyError::new("cost.responseJson", message, help));
                    }
                }
            }
            _ => {
                let help = "give it one of `header`, `query`, `expression`, `responseHeader` and `responseJson`";
                return Err(PolicyError::new("cost", "a cost is stated in one place", help));
            }
        };
        let usual = default.unwrap_or(1);
        let (max, unclear) = (max.unwrap_or(LARGEST_LIMIT), max.unwrap_or(usual));
        if max == 0 || max > LARGEST_LIMIT {
            return Err(PolicyError::new("cost.max", "this is no usable number of units", "use 1 to 1000000000"));
        }
        if usual > max {
            let message = "the units where nothing is stated are more than ever count";
            let help = format_args!("make it no more than `{max}`, which `max` says, or make that larger");
            return Err(PolicyError::new("cost.default", message, help));
        }
        if usual == 0 && matches!(source, Source::Header(_) | Source::Query(_)) {
            let help = "make `default` 1 or more: whoever states nothing would have no limit";
            return Err(PolicyError::new("cost.default", "a client that states no cost takes no units", help));
        }
        Ok(Self { usual, max, unclear, source })
    }

    const fn fixed(usual: u32) -> Self {
        Self { usual, max: LARGEST_LIMIT, unclear: usual, source: Source::Fixed }
    }

    /// The place that states the units.
    #[must_use]
    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// The units where nothing is stated.
    #[must_use]
    pub const fn usual(&self) -> u32 {
        self.usual
    }

    /// The most that count; none where what may come at once is the only bound.
    #[must_use]
    pub fn max(&self) -> Option<u32> {
        Some(self.max).filter(|max| *max < LARGEST_LIMIT)
    }

    /// A few words for a list of policies; none where a request takes one unit.
    #[must_use]
    pub fn describe(&self) -> Option<String> {
        let place = match &self.source {
            Source::Fixed => return Some(format!("cost {}", self.usual)).filter(|_| self.usual != 1),
            Source::Header(name) => format!("header {name}"),
            Source::Query(name) => format!("query {name}"),
            Source::Expression(expression) => expression.as_str().to_owned(),
            Source::Response(name) => format!("response header {name}"),
            Source::Content(pointer) => format!("response content {}", pointer.as_str()),
        };
        let max = self.max().map_or_else(String::new, |max| format!(", at most {max}"));
        Some(format!("cost by {place}, else {}{max}", self.usual))
    }

    /// Returns whether the upstream's response states the units.
    #[must_use]
    pub const fn is_in_response(&self) -> bool {
        matches!(self.source, Source::Response(_) | Source::Content(_))
    }

    /// Returns whether the content of the upstream's response states the units.
    #[must_use]
    pub const fn is_in_content(&self) -> bool {
        matches!(self.source, Source::Content(_))
    }

    /// The most that count where `most` may come at once.
    #[must_use]
    pub fn most(&self, most: u32) -> u32 {
        self.max.min(most)
    }

    /// The units that `call` takes when it is admitted, of which `most` may come at once.
    ///
    /// What a client states in a field or a parameter is at least 1: it is no way around the limit. Nor is one that is there twice, in another
    /// spelling, or no number: which of them the upstream goes by is not known.
    #[must_use]
    pub fn of_request(&self, call: &Call, clock: &impl Clock, most: u32) -> u32 {
        let stated = match &self.source {
            // Of a fixed one, it was checked at load.
            Source::Fixed => return self.usual,
            Source::Response(_) | Source::Content(_) => None,
            Source::Header(name) => {
                let spellings = call.headers.iter().filter(|(other, _)| is_spelling(other, name)).count();
                self.by_client(spellings, || number_in(&call.headers, name))
            }
            Source::Query(name) => call.query().and_then(|query| {
                self.by_client(query::spellings(query, name), || {
                    number(&percent::decode_form(query::first(query, name)?))
                })
            }),
            Source::Expression(expression) => expression.text(call, clock.now()).and_then(|value| number(&value)),
        };
        stated.unwrap_or(self.usual).min(self.max).min(most)
    }

    /// The units that a client states in so many `spellings`; none if it states nothing.
    fn by_client(&self, spellings: usize, number: impl FnOnce() -> Option<u32>) -> Option<u32> {
        match spellings {
            0 => None,
            1 => Some(number().map_or(self.unclear, |units| units.max(1))),
            _ => Some(self.unclear),
        }
    }

    /// The units that the request of a response with these `headers` takes in all, of which `most` may come at once; none if nothing states them.
    #[must_use]
    pub fn of_response(&self, headers: &HeaderMap, most: u32) -> Option<u32> {
        let Source::Response(name) = &self.source else { return None };
        number_in(headers, name).map(|units| units.min(self.max).min(most))
    }
}

/// Returns whether some backend takes a field called `other` for the one called `name`.
fn is_spelling(other: &HeaderName, name: &HeaderName) -> bool {
    other == name || are_aliases(other.as_str().as_bytes(), name.as_str().as_bytes())
}

/// The whole number in the field called `name`; none if it comes several times.
fn number_in(headers: &HeaderMap, name: &HeaderName) -> Option<u32> {
    let mut values = headers.get_all(name).iter();
    let only = values.next().filter(|_| values.next().is_none())?;
    number(only.to_str().ok()?.trim())
}

/// A whole number; the largest for one that is larger.
fn number(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::super::counter_key::Still;
    use super::*;
    use crate::http::testing::fields;

    fn cost(json: &str) -> Result<Cost, &'static str> {
        Cost::compile(Some(&serde_json::from_str(json).unwrap()), Some(&["id"])).map_err(|mistake| mistake.member)
    }

    /// docs/configuration.md, Policies: what states the cost, and what counts where nothing or nonsense does.
    #[test]
    fn costs_are_those_that_are_stated() {
        let of = |json: &str, uri: &str, list: &[(&str, &str)]| {
            let call = Call::new(Method::POST, uri.parse().unwrap(), fields(list));
            cost(json).unwrap().of_request(&call, &Still, 100)
        };
        assert_eq!(of("5", "/", &[]), 5);
        let header = r#"{"header": "x-cost", "default": 3, "max": 50}"#;
        for (value, units) in
            [("7", 7), (" 7 ", 7), ("0", 1), ("51", 50), ("99999999999", 50), ("-1", 50), ("1.5", 50), ("", 50)]
        {
            assert_eq!(of(header, "/", &[("x-cost", value)]), units, "{value}");
        }
        assert_eq!(of(header, "/", &[]), 3);
        assert_eq!(of(header, "/", &[("x-cost", "7"), ("x-cost", "8")]), 50);
        assert_eq!(of(header, "/", &[("x-cost", "7"), ("x_cost", "8")]), 50);
        assert_eq!(of(header, "/", &[("x_cost", "8")]), 50);
        assert_eq!(of(r#"{"header": "x-cost", "default": 3}"#, "/", &[("x-cost", "7"), ("x-cost", "8")]), 3);
        let query = r#"{"query": "n", "default": 3, "max": 50}"#;
        for (stated, units) in [
            ("", 3),
            ("m=1", 3),
            ("n=%37", 7),
            ("%6e=7&m=1", 7),
            ("n=0", 1),
            ("n=51", 50),
            ("n=7&n=7", 50),
            ("n=1&%6E=9", 50),
            ("n=1&n[]=9", 50),
            ("n[]=9", 50),
            ("n=1;n=9", 50),
            ("N=9", 50),
            ("n", 50),
            ("n=", 50),
            ("n=+9", 50),
            ("n=9%20", 50),
            ("n=1e3", 50),
            ("n=-9", 50),
            ("n=0x9", 50),
        ] {
            assert_eq!(of(query, &format!("/?{stated}"), &[]), units, "{stated}");
        }
        assert_eq!(of(r#"{"query": "n", "default": 9}"#, "/?n=7&n=8", &[]), 9);
        assert_eq!(of(r#"{"query": "n"}"#, "/?n=200", &[]), 100, "no more than may come at once");
        let expression = r#"{"expression": "request.method == 'GET' ? 0 : size(request.path)"}"#;
        assert_eq!(of(expression, "/abc", &[]), 4);
        assert_eq!(of(r#"{"expression": "size(request.path) - 1"}"#, "/", &[]), 0, "the configuration may say so");
        assert_eq!(of(r#"{"responseHeader": "x-cost", "default": 0}"#, "/", &[("x-cost", "9")]), 0);
    }

    #[test]
    fn a_response_may_state_the_cost() {
        let cost = cost(r#"{"responseHeader": "x-cost", "max": 50}"#).unwrap();
        for (value, units) in [("7", Some(7)), ("0", Some(0)), ("51", Some(50)), ("a", None)] {
            assert_eq!(cost.of_response(&fields(&[("x-cost", value)]), 100), units, "{value}");
        }
        assert_eq!(cost.of_response(&fields(&[("x-cost", "40")]), 30), Some(30));
        assert_eq!(cost.of_response(&fields(&[]), 100), None);
    }

    #[test]
    fn mistakes_are_found() {
        for (json, member) in [
            ("0", "cost"),
            ("{}", "cost"),
            (r#"{"header": "a", "query": "b"}"#, "cost"),
            (r#"{"header": "a b"}"#, "cost"),
            (r#"{"query": ""}"#, "cost"),
            (r#"{"header": "a", "max": 0}"#, "cost.max"),
            (r#"{"header": "a", "max": 5, "default": 6}"#, "cost.default"),
            (r#"{"header": "a", "default": 0}"#, "cost.default"),
            (r#"{"expression": "params.name"}"#, "cost.expression"),
            (r#"{"expression": "request.method == 'POST'"}"#, "cost.expression"),
            (r#"{"responseJson": "/a", "responseHeader": "b"}"#, "cost"),
            (r#"{"responseJson": "usage.total"}"#, "cost.responseJson"),
            (r#"{"responseJson": ""}"#, "cost.responseJson"),
        ] {
            assert_eq!(cost(json).err(), Some(member), "{json}");
        }
    }
}
