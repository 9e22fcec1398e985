//! Durations and sizes, written with their units: `"5s"`, `"1MiB"`.

use core::fmt;
use core::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A duration, written as a whole number and a unit: `ms`, `s`, `m`, `h` or `d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// A size in bytes, written as a whole number and a unit: `B`, `KiB`, `MiB`, `GiB` (of 1,024) or `kB`, `MB`, `GB` (of 1,000).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// The window of a rate limit: a duration, or a unit of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// So long.
    Span(Duration),
    /// From the beginning of one to the beginning of the next.
    Calendar(Period),
}

/// A unit of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// From minute 0.
    Hour,
    /// From midnight.
    Day,
    /// From Monday.
    Week,
    /// From the first.
    Month,
}

const PERIODS: [(&str, Period); 4] =
    [("hour", Period::Hour), ("day", Period::Day), ("week", Period::Week), ("month", Period::Month)];

const SPAN_UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

const SIZE_UNITS: [(&str, u64); 7] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
];

/// The most digits: numbers of this length never overflow, in any unit.
const MOST_DIGITS: usize = 10;

/// A whole number followed by one of `units`, in the smallest of them.
fn parse_with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits).filter(|(number, _)| number.len() <= MOST_DIGITS)?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

impl Span {
    /// Reads `"5s"`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        parse_with_unit(text, &SPAN_UNITS).map(Duration::from_millis).map(Self)
    }
}

impl Window {
    /// Reads `"1m"` or `"day"`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let period = PERIODS.iter().find(|(name, _)| *name == text).map(|(_, period)| Self::Calendar(*period));
        period.or_else(|| Span::parse(text).map(|span| Self::Span(span.0)))
    }
}

impl Period {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        PERIODS.iter().find(|(_, period)| *period == self).map_or("", |(name, _)| *name)
    }
}

impl ByteSize {
    /// Reads `"1MiB"`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        parse_with_unit(text, &SIZE_UNITS).map(Self)
    }
}

/// `number` in the largest of `units` that it is a whole number of; zero in `zero`.
fn with_largest(f: &mut fmt::Formatter<'_>, number: u128, units: &[(&str, u64)], zero: &str) -> fmt::Result {
    let whole = |(_, factor): &&(&str, u64)| number != 0 && number.is_multiple_of(u128::from(*factor));
    match units.iter().filter(whole).max_by_key(|(_, factor)| *factor) {
        Some((unit, factor)) => write!(f, "{}{unit}", number / u128::from((*factor).max(1))),
        None => write!(f, "{number}{zero}"),
    }
}

/// As it may be written, to the millisecond.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        with_largest(f, self.0.as_millis(), &SPAN_UNITS, "s")
    }
}

/// As it may be written.
impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        with_largest(f, u128::from(self.0), &SIZE_UNITS, "B")
    }
}

macro_rules! from_text {
    ($type:ty, $expecting:literal, $pattern:literal, $examples:expr) => {
        impl $type {
            const EXPECTED: &'static str = $expecting;
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct TextVisitor;

                impl Visitor<'_> for TextVisitor {
                    type Value = $type;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expecting)
                    }

                    fn visit_str<E: Error>(self, text: &str) -> Result<$type, E> {
                        <$type>::parse(text)
                            .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
                    }
                }

                deserializer.deserialize_str(TextVisitor)
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let pattern = crate::config::schema::or_variable($pattern);
                schemars::json_schema!({ "type": "string", "pattern": pattern, "description": $expecting, "examples": $examples })
            }
        }
    };
}

/// The way to write a duration or a size.
pub(super) const HELP: &str = "write a whole number and its unit, without a space";

/// An example of a duration or a size, in quotes, if one is `expected`.
pub(super) fn example(expected: &str) -> Option<&'static str> {
    match expected {
        Span::EXPECTED | Window::EXPECTED => Some("`\"5s\"`"),
        ByteSize::EXPECTED => Some("`\"1MiB\"`"),
        _ => None,
    }
}

/// Returns whether a duration is `expected`.
fn is_span(expected: &str) -> bool {
    expected == Span::EXPECTED || expected == Window::EXPECTED
}

/// The likely meaning of a plain number where a duration or a size is `expected`: seconds or bytes.
pub(super) fn with_unit(expected: &str, number: &str) -> Option<String> {
    let number: u64 = number.parse().ok()?;
    if is_span(expected) {
        return Some(format!("{number}s"));
    }
    let binary = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];
    let (unit, factor) = binary.into_iter().find(|(_, factor)| number != 0 && number.is_multiple_of(*factor))?;
    (expected == ByteSize::EXPECTED).then(|| format!("{}{unit}", number / factor))
}

/// The least number without a unit of which it is not clear whether seconds or milliseconds are meant.
const UNCLEAR: u64 = 100;

/// The ways to write a duration that is a `number` alone, where it may be one of milliseconds.
pub(super) fn either(expected: &str, number: &str) -> Option<String> {
    let number: u64 = number.trim().parse().ok()?;
    (expected == Span::EXPECTED && number >= UNCLEAR).then(|| format!("write `\"{number}ms\"` or `\"{number}s\"`"))
}

/// `text` as the duration or size that was probably meant: `5 sec`, `10mb`, `1.5s`, `250`, `1m30s`, `minute`.
pub(super) fn tidy(expected: &str, text: &str) -> Option<String> {
    rewrite(expected, text)
        .or_else(|| if is_span(expected) { sum(text).or_else(|| named(text)) } else { None })
        .filter(|text| Span::parse(text).is_some() || ByteSize::parse(text).is_some())
}

/// The way to write a window that `text` probably means: a unit of the calendar, or a time of its length.
pub(super) fn window(expected: &str, text: &str) -> Option<String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, word) = text.split_at_checked(digits)?;
    let word = word.trim().to_ascii_lowercase();
    let number = if number.is_empty() { None } else { Some(number.parse::<u32>().ok()?) };
    let times = number.unwrap_or(1);
    let (name, length, unit) = match &*word {
        "hour" | "hours" | "hourly" => ("hour", 1, "h"),
        "day" | "days" | "daily" => ("day", 24, "h"),
        "w" | "wk" | "week" | "weeks" | "weekly" => ("week", 7, "d"),
        "mo" | "mon" | "month" | "months" | "monthly" => ("month", 30, "d"),
        "y" | "yr" | "year" | "years" | "yearly" | "annually" if times == 1 => {
            return (expected == Window::EXPECTED)
                .then(|| "write `\"365d\"`: the calendar has no longer window than a `month`".to_owned());
        }
        _ => return None,
    };
    let length = format!("{}{unit}", times.checked_mul(length)?);
    (expected == Window::EXPECTED && (number.is_none() || unit == "d")).then(|| match times {
        1 => format!("write `\"{name}\"` for one of the calendar, or `\"{length}\"` for a time of that length"),
        _ => format!("write `\"{length}\"`"),
    })
}

/// `1m30s`, `1h 30m` and `PT1M30S` (ISO 8601 §5.5.2) as one number and the largest unit that it is a whole number of.
fn sum(text: &str) -> Option<String> {
    let mut rest = text.trim();
    let upper = rest.strip_prefix("PT").map(str::to_ascii_lowercase);
    rest = upper.as_deref().unwrap_or(rest);
    let mut total = 0_u64;
    while !rest.is_empty() {
        let unit = rest.find(|c: char| !c.is_ascii_digit())?;
        let length = rest.get(unit..)?.find(|c: char| !c.is_ascii_alphabetic()).map_or(rest.len(), |end| unit + end);
        let (piece, after) = rest.split_at_checked(length)?;
        total = total.checked_add(parse_with_unit(piece, &SPAN_UNITS)?)?;
        rest = after.trim_start();
    }
    let (unit, factor) =
        SPAN_UNITS.into_iter().rev().find(|(_, factor)| total != 0 && total.is_multiple_of(*factor))?;
    Some(format!("{}{unit}", total / factor))
}

/// The name of a unit, as one of it.
fn named(text: &str) -> Option<String> {
    let unit = match text.trim() {
        "second" | "sec" => "s",
        "minute" | "min" => "m",
        "hour" | "hourly" => "h",
        "day" | "daily" => "d",
        _ => return None,
    };
    Some(format!("1{unit}"))
}

fn rewrite(expected: &str, text: &str) -> Option<String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let unit = unit.trim().to_ascii_lowercase();
    if is_span(expected) {
        let (unit, smaller) = match &*unit {
            "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" => ("ms", None),
            "" | "s" | "sec" | "secs" | "second" | "seconds" => ("s", Some((1_000.0, "ms"))),
            "m" | "min" | "mins" | "minute" | "minutes" => ("m", Some((60.0, "s"))),
            "h" | "hr" | "hrs" | "hour" | "hours" => ("h", Some((60.0, "m"))),
            "d" | "day" | "days" => ("d", Some((24.0, "h"))),
            _ => return None,
        };
        return match (number.parse::<u64>(), smaller) {
            (Ok(_), _) => Some(format!("{number}{unit}")),
            (Err(_), Some((factor, smaller))) => {
                let number = number.parse::<f64>().ok()? * factor;
                (number.fract() == 0.0).then(|| format!("{number}{smaller}"))
            }
            _ => None,
        };
    }
    let unit = match &*unit {
        "" | "b" | "byte" | "bytes" => "B",
        "k" | "kib" | "ki" => "KiB",
        "m" | "mib" | "mi" => "MiB",
        "g" | "gib" | "gi" => "GiB",
        "kb" => "kB",
        "mb" => "MB",
        "gb" => "GB",
        _ => return None,
    };
    if expected != ByteSize::EXPECTED {
        return None;
    }
    if number.parse::<u64>().is_ok() {
        return Some(format!("{number}{unit}"));
    }
    let (smaller, factor) = match unit {
        "GiB" => ("MiB", 1024.0),
        "MiB" => ("KiB", 1024.0),
        "KiB" => ("B", 1024.0),
        "GB" => ("MB", 1000.0),
        "MB" => ("kB", 1000.0),
        "kB" => ("B", 1000.0),
        _ => return None,
    };
    let number = number.parse::<f64>().ok()? * factor;
    (number.fract() == 0.0).then(|| format!("{number}{smaller}"))
}

from_text!(
    Span,
    "a duration such as `500ms`, `5s`, `1m`, `2h` or `30d`",
    "^[0-9]{1,10}(ms|s|m|h|d)$",
    ["500ms", "5s", "1m", "2h"]
);
from_text!(
    Window,
    "a duration such as `1m` or `24h`, or `hour`, `day`, `week` or `month`",
    "^([0-9]{1,10}(ms|s|m|h|d)|hour|day|week|month)$",
    ["1m", "24h", "day", "month"]
);
from_text!(
    ByteSize,
    "a size such as `512B`, `64KiB`, `1MiB` or `2GB`",
    "^[0-9]{1,10}(B|KiB|MiB|GiB|kB|MB|GB)$",
    ["64KiB", "1MiB"]
);
