//! Rates as other programs write them: `100/m`, `10r/s`, `5 per minute`.

use super::tree::{Kind, Member, Node};
use super::units::Span;
use super::vocabulary::meant;

/// The names of other programs for a limit per second, where nothing else is said: KrakenD, Traefik, AWS API Gateway.
const PER_SECOND: [&str; 5] = ["max_rate", "maxRate", "average", "rps", "requestsPerSecond"];

/// Returns whether `name` is one of another program for a limit per second.
pub(super) fn is_per_second(name: &str) -> bool {
    PER_SECOND.contains(&name)
}

/// Returns the members that stand for a limit in the object `node`, where that has one as other programs write it, and no window.
pub(super) fn per_second(node: &Node<'_>) -> Option<String> {
    let Kind::Object(members) = &node.kind else { return None };
    let is_other = |member: &Member<'_>| meant(&member.name, &["limit", "window"]) == Some("window");
    if members.iter().any(|member| member.name == "window" || is_other(member)) {
        return None;
    }
    let limit = members.iter().find(|member| is_per_second(&member.name))?;
    match &limit.value.kind {
        Kind::Number(number) => Some(format!("\"limit\": {number}, \"window\": \"1s\"")),
        _ => None,
    }
}

/// Returns the members of a rate limit for `text`: `"limit": 100, "window": "1m"`.
pub(super) fn members(text: &str) -> Option<String> {
    let (number, unit) = text.split_once('/').or_else(|| text.split_once(" per "))?;
    let number = number.trim();
    let (digits, word) = number.split_at_checked(number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len()))?;
    let is_count = matches!(word.trim(), "" | "r" | "req" | "reqs" | "request" | "requests");
    let limit = digits.parse::<u32>().ok().filter(|limit| *limit > 0 && is_count)?;
    let unit = unit.trim();
    let window = match &*unit.to_ascii_lowercase() {
        "s" | "sec" | "second" => "1s",
        "m" | "min" | "minute" => "1m",
        "h" | "hour" => "1h",
        "d" | "day" => "1d",
        _ => unit,
    };
    Span::parse(window)?;
    Some(format!("\"limit\": {limit}, \"window\": \"{window}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_of_other_programs_become_a_limit_and_a_window() {
        for (text, limit, window) in [
            ("100/m", 100, "1m"),
            ("10r/s", 10, "1s"),
            ("5 per minute", 5, "1m"),
            ("100 requests / hour", 100, "1h"),
            ("7/30s", 7, "30s"),
        ] {
            assert_eq!(members(text), Some(format!("\"limit\": {limit}, \"window\": \"{window}\"")), "{text}");
        }
        for text in ["100", "a/m", "0/s", "5/fortnight", "1/2/3", ""] {
            assert_eq!(members(text), None, "{text}");
        }
    }
}
