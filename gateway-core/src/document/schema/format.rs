//! Formats of strings (JSON Schema Validation §7.3).

use core::net::{Ipv4Addr, Ipv6Addr};

use super::pattern;
use crate::document::pointer::Pointer;

/// A format that is checked where formats are assertions. `idn-email`, `idn-hostname`, `iri`, `iri-reference` and `uri-template` are none of them:
/// they need tables of Unicode or a grammar of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Date,
    DateTime,
    Duration,
    Email,
    Hostname,
    Ipv4,
    Ipv6,
    JsonPointer,
    Regex,
    RelativeJsonPointer,
    Time,
    Uri,
    UriReference,
    Uuid,
}

const NAMES: [(&str, Format); 14] = [
    ("date", Format::Date),
    ("date-time", Format::DateTime),
    ("duration", Format::Duration),
    ("email", Format::Email),
    ("hostname", Format::Hostname),
    ("ipv4", Format::Ipv4),
    ("ipv6", Format::Ipv6),
    ("json-pointer", Format::JsonPointer),
    ("regex", Format::Regex),
    ("relative-json-pointer", Format::RelativeJsonPointer),
    ("time", Format::Time),
    ("uri", Format::Uri),
    ("uri-reference", Format::UriReference),
    ("uuid", Format::Uuid),
];

/// The names of the formats that are checked.
pub fn formats() -> impl Iterator<Item = &'static str> + Clone {
    NAMES.into_iter().map(|(name, _)| name)
}

impl Format {
    /// The format called `name`, if it is checked.
    pub(super) fn named(name: &str) -> Option<Self> {
        NAMES.into_iter().find(|(own, _)| *own == name).map(|(_, format)| format)
    }

    pub(super) fn name(self) -> &'static str {
        NAMES.into_iter().find(|(_, format)| *format == self).map_or("", |(name, _)| name)
    }

    /// Returns whether `text` is in it.
    pub(super) fn takes(self, text: &str) -> bool {
        match self {
            Self::Date => is_date(text),
            Self::DateTime => is_date_time(text),
            Self::Duration => is_duration(text),
            Self::Email => is_email(text),
            Self::Hostname => is_hostname(text),
            Self::Ipv4 => text.parse::<Ipv4Addr>().is_ok(),
            Self::Ipv6 => text.parse::<Ipv6Addr>().is_ok(),
            Self::JsonPointer => Pointer::parse(text).is_some(),
            Self::Regex => pattern::is_expression(text),
            Self::RelativeJsonPointer => is_relative_pointer(text),
            Self::Time => is_time(text),
            Self::Uri => is_uri(text, true),
            Self::UriReference => is_uri(text, false),
            Self::Uuid => is_uuid(text),
        }
    }
}

/// The number in two digits, if it is no greater than `most`.
fn two(text: Option<&str>, most: u32) -> Option<u32> {
    text.filter(|text| is_digits(text)).and_then(|text| text.parse().ok()).filter(|number| *number <= most)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// RFC 3339 §5.6, `full-date`, and §5.7.
fn is_date(text: &str) -> bool {
    let parts = || {
        let (year, rest) = text.split_once('-').filter(|(year, _)| year.len() == 4 && is_digits(year))?;
        let (month, day) = rest.split_once('-').filter(|(month, day)| month.len() == 2 && day.len() == 2)?;
        Some((year.parse::<u32>().ok()?, two(Some(month), 12)?, two(Some(day), 31)?))
    };
    let Some((year, month, day)) = parts() else { return false };
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let last = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    month >= 1 && (1..=last).contains(&day)
}

/// RFC 3339 §5.6, `full-time`; a leap second is at the end of a day in UTC (§5.7).
fn is_time(text: &str) -> bool {
    let minutes = |text: &str| {
        let hours = two(text.get(..2), 23)?;
        let minutes = two(text.get(3..5), 59)?;
        (text.get(2..3) == Some(":")).then_some(hours.saturating_mul(60).saturating_add(minutes))
    };
    let read = || {
        let clock = minutes(text)?;
        let seconds = two(text.get(6..8), 60).filter(|_| text.get(5..6) == Some(":"))?;
        let mut zone = text.get(8..)?;
        if let Some(fraction) = zone.strip_prefix('.') {
            let end = fraction.bytes().position(|byte| !byte.is_ascii_digit()).filter(|end| *end > 0)?;
            zone = fraction.get(end..)?;
        }
        const DAY: u32 = 24 * 60;
        let in_utc = match zone.as_bytes() {
            [b'Z' | b'z'] => clock,
            [sign @ (b'+' | b'-'), _, _, _, _, _] => {
                let offset = minutes(zone.get(1..)?)?;
                let offset = if *sign == b'+' { DAY.saturating_sub(offset) } else { offset };
                clock.saturating_add(offset) % DAY
            }
            _ => return None,
        };
        Some(seconds < 60 || in_utc == DAY.saturating_sub(1))
    };
    read().unwrap_or(false)
}

/// RFC 3339 §5.6, `date-time`.
fn is_date_time(text: &str) -> bool {
    text.split_once(['T', 't']).is_some_and(|(date, time)| is_date(date) && is_time(time))
}

/// RFC 3339, appendix A.
fn is_duration(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('P') else { return false };
    if let Some(weeks) = rest.strip_suffix('W') {
        return is_digits(weeks);
    }
    let (date, time) = match rest.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (rest, None),
    };
    match time {
        Some(time) => (date.is_empty() || are_parts(date, "YMD")) && are_parts(time, "HMS"),
        None => are_parts(date, "YMD"),
    }
}

/// Returns whether `text` is one or more of numbers with `units`, which follow each other without a gap.
fn are_parts(mut text: &str, units: &str) -> bool {
    let mut last: Option<usize> = None;
    while !text.is_empty() {
        let end = text.bytes().position(|byte| !byte.is_ascii_digit()).filter(|end| *end > 0);
        let Some((_, tail)) = end.and_then(|end| text.split_at_checked(end)) else { return false };
        let mut characters = tail.chars();
        let place = characters.next().and_then(|unit| units.find(unit));
        let is_next = match (last, place) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(last), Some(place)) => place == last.saturating_add(1),
        };
        if !is_next {
            return false;
        }
        last = place;
        text = characters.as_str();
    }
    last.is_some()
}

/// RFC 5321 §4.1.2, `Mailbox`.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let is_atom = |atom: &str| {
        let is_text = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
        !atom.is_empty() && atom.bytes().all(is_text)
    };
    let is_local = match local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => is_quoted(quoted),
        None => local.split('.').all(is_atom),
    };
    let is_domain = match domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(literal) => match literal.strip_prefix("IPv6:") {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => literal.parse::<Ipv4Addr>().is_ok(),
        },
        None => is_hostname(domain),
    };
    // RFC 5321 §4.5.3.1.1.
    local.len() <= 64 && is_local && is_domain
}

/// RFC 5321 §4.1.2, `QcontentSMTP`.
fn is_quoted(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let is_taken = match byte {
            b'\\' => bytes.next().is_some_and(|escaped| matches!(escaped, b' '..=b'~')),
            b'"' => false,
            byte => matches!(byte, b' '..=b'~'),
        };
        if !is_taken {
            return false;
        }
    }
    true
}

/// RFC 1123 §2.1. Labels of international names (`xn--…`) are looked at no further.
fn is_hostname(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
            // RFC 5891 §4.2.3.1: two hyphens there are for `xn--` alone.
            && (label.get(2..4) != Some("--") || label.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("xn")))
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

/// The Relative JSON Pointer draft (draft-bhutton-relative-json-pointer-00 §3).
fn is_relative_pointer(text: &str) -> bool {
    let number = |text: &str| {
        let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
        let is_one = end > 0 && (end == 1 || !text.starts_with('0'));
        is_one.then_some(end)
    };
    let Some(mut rest) = number(text).and_then(|end| text.get(end..)) else { return false };
    if let Some(change) = rest.strip_prefix(['+', '-']) {
        let Some(tail) = number(change).and_then(|end| change.get(end..)) else { return false };
        rest = tail;
    }
    rest == "#" || Pointer::parse(rest).is_some()
}

/// RFC 3986 §3, or §4.1 for references.
fn is_uri(text: &str, has_scheme: bool) -> bool {
    let (rest, fragment) = super::uri::split(text);
    let parts = super::uri::Parts::of(rest);
    let is_path = |text: &str| is_encoded(text, b":@/");
    let is_query = |text: Option<&str>| text.is_none_or(|text| is_encoded(text, b":@/?"));
    // RFC 3986 §4.2: a colon in the first segment would make it a scheme.
    let is_first = parts.scheme.is_some()
        || parts.authority.is_some()
        || !parts.path.split('/').next().unwrap_or_default().contains(':');
    (parts.scheme.is_some() || !has_scheme)
        && is_first
        && parts.authority.is_none_or(is_authority)
        && is_path(parts.path)
        && is_query(parts.query)
        && is_query(fragment)
}

/// RFC 3986 §3.2.
fn is_authority(text: &str) -> bool {
    let (user, rest) = match text.rsplit_once('@') {
        Some((user, rest)) => (user, rest),
        None => ("", text),
    };
    let (host, port) = if rest.starts_with('[') {
        rest.split_at_checked(rest.find(']').map_or(rest.len(), |end| end.saturating_add(1))).unwrap_or((rest, ""))
    } else {
        rest.split_at_checked(rest.find(':').unwrap_or(rest.len())).unwrap_or((rest, ""))
    };
    let is_host = match host.strip_prefix('[') {
        Some(literal) => literal.strip_suffix(']').is_some_and(|address| {
            address.parse::<Ipv6Addr>().is_ok() || address.strip_prefix('v').is_some_and(is_future_address)
        }),
        None => is_encoded(host, b""),
    };
    let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.is_empty() || is_digits(port));
    is_encoded(user, b":") && is_host && is_port
}

/// RFC 3986 §3.2.2, `IPvFuture`, without its `v`.
fn is_future_address(text: &str) -> bool {
    text.split_once('.').is_some_and(|(version, address)| {
        !version.is_empty()
            && version.bytes().all(|byte| byte.is_ascii_hexdigit())
            && !address.is_empty()
            && !address.contains('%')
            && is_encoded(address, b":")
    })
}

/// Returns whether `text` is of unreserved characters, sub-delimiters, those `besides`, and percent-encodings (RFC 3986 §2).
fn is_encoded(text: &str, besides: &[u8]) -> bool {
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first == b'%' {
            let [high, low, after @ ..] = tail else { return false };
            if !high.is_ascii_hexdigit() || !low.is_ascii_hexdigit() {
                return false;
            }
            rest = after;
        } else if !(first.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(first) || besides.contains(first)) {
            return false;
        }
    }
    true
}

/// RFC 9562 §4.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}
