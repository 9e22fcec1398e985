//! Time zones without a table of them: a fixed offset, or a rule in the form of the environment's `TZ` (POSIX.1-2024, §8.3, and
//! RFC 9636 §3.3.1), which holds for every year.

use super::date::{SECONDS_A_DAY, date, day};

/// The longest offset and the longest distance of a change from its day, in hours (RFC 9636 §3.3.1).
const MOST_HOURS: i64 = 167;

/// A time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeZone {
    /// The seconds that the standard time is ahead of UTC.
    standard: i64,
    summer: Option<Box<Summer>>,
}

/// The part of each year in which another offset holds.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Summer {
    /// The seconds that it is ahead of UTC.
    offset: i64,
    begin: Change,
    end: Change,
}

/// A moment of each year, by the time that holds before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Change {
    day: Day,
    /// The seconds from the beginning of the day.
    time: i64,
}

/// A day of each year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Day {
    /// Counted from 1, without the 29th of February.
    WithoutLeap(i64),
    /// Counted from 0.
    Counted(i64),
    /// Of a month, the week from 1 to 5, which is the last one, and the day from Sunday, which is 0.
    OfMonth { month: i64, week: i64, weekday: i64 },
}

impl TimeZone {
    /// UTC.
    pub const UTC: Self = Self { standard: 0, summer: None };

    /// Reads `UTC`, an offset such as `+01:00`, or a rule such as `CET-1CEST,M3.5.0,M10.5.0/3`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "UTC" {
            return Some(Self::UTC);
        }
        if let Some(standard) = fixed(text) {
            return Some(Self { standard, summer: None });
        }
        let mut reader = Reader(text.as_bytes());
        let name = reader.name()?;
        let standard = -reader.offset(24)?;
        if reader.0.is_empty() {
            // To POSIX, `UTC+1` is an hour behind UTC. Whoever writes it means the opposite.
            let is_meant_otherwise = standard != 0 && matches!(name, b"UTC" | b"GMT");
            return (!is_meant_otherwise).then_some(Self { standard, summer: None });
        }
        reader.name()?;
        let offset = if reader.is_at(b",") { standard + 3_600 } else { -reader.offset(24)? };
        let (begin, end) = (reader.change()?, reader.change()?);
        reader.0.is_empty().then(|| Self { standard, summer: Some(Box::new(Summer { offset, begin, end })) })
    }

    /// The seconds that its time is ahead of UTC at `moment`, in seconds since the Unix epoch.
    #[must_use]
    pub fn offset(&self, moment: i64) -> i64 {
        let Some(summer) = &self.summer else { return self.standard };
        let year = date(moment.saturating_add(self.standard).div_euclid(SECONDS_A_DAY)).0;
        // The last change before the moment tells. One of the years beside may come over the end of its year.
        let mut last = (i64::MIN, false);
        for year in year - 1..=year + 1 {
            let begin = summer.begin.moment(year) - self.standard;
            let end = summer.end.moment(year) - summer.offset;
            for change in [(begin, true), (end, false)] {
                if change.0 <= moment && change > last {
                    last = change;
                }
            }
        }
        if last.1 { summer.offset } else { self.standard }
    }

    /// The moment of the `local` time, in seconds; the first of two, and where there is none, as far behind the change.
    #[must_use]
    pub fn moment(&self, local: i64) -> i64 {
        let Some(summer) = &self.summer else { return local - self.standard };
        let is_then = |offset: &i64| self.offset(local - offset) == *offset;
        let first = [self.standard, summer.offset].into_iter().filter(is_then).max();
        local - first.unwrap_or(self.standard.min(summer.offset))
    }
}

impl Change {
    /// The local time of the change in `year`, in seconds since the Unix epoch.
    fn moment(self, year: i64) -> i64 {
        let first = day(year, 1);
        let number = match self.day {
            Day::Counted(number) => first + number,
            Day::WithoutLeap(number) => {
                let is_leap = day(year, 3) - first == 60;
                first + number - 1 + i64::from(is_leap && number >= 60)
            }
            Day::OfMonth { month, week, weekday } => {
                let (first, next) = (day(year, month), day(year, month + 1));
                // The first day of the Unix epoch was a Thursday.
                let on = first + (weekday - (first + 4)).rem_euclid(7) + 7 * (week - 1);
                if on < next { on } else { on - 7 }
            }
        };
        number * SECONDS_A_DAY + self.time
    }
}

/// The seconds in an offset: `+01:00`, east of Greenwich (RFC 3339 §5.6).
fn fixed(text: &str) -> Option<i64> {
    let (sign, [h1, h2, b':', m1, m2]) = text.as_bytes().split_first()? else { return None };
    let number = |tens: &u8, ones: &u8| Some(digit(*tens)? * 10 + digit(*ones)?);
    let (hours, minutes) = (number(h1, h2)?, number(m1, m2)?);
    let seconds = (hours < 24 && minutes < 60).then_some(hours * 3_600 + minutes * 60)?;
    match sign {
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

fn digit(byte: u8) -> Option<i64> {
    byte.is_ascii_digit().then(|| i64::from(byte - b'0'))
}

/// The rest of a rule.
struct Reader<'t>(&'t [u8]);

impl<'t> Reader<'t> {
    fn is_at(&self, text: &[u8]) -> bool {
        self.0.starts_with(text)
    }

    fn take(&mut self, text: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    /// As many bytes as `is_one` of them.
    fn while_is(&mut self, is_one: impl Fn(u8) -> bool) -> &'t [u8] {
        let length = self.0.iter().position(|byte| !is_one(*byte)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at_checked(length).unwrap_or_default();
        self.0 = rest;
        taken
    }

    /// A name: three letters or more, or also digits and signs in angle brackets.
    fn name(&mut self) -> Option<&'t [u8]> {
        let is_quoted = self.take(b"<").is_some();
        let name = if is_quoted {
            let name = self.while_is(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-'));
            self.take(b">")?;
            name
        } else {
            self.while_is(|byte| byte.is_ascii_alphabetic())
        };
        (name.len() >= 3).then_some(name)
    }

    /// A number from `least` to `most`.
    fn number(&mut self, least: i64, most: i64) -> Option<i64> {
        let digits = self.while_is(|byte| byte.is_ascii_digit());
        let is_short = (1..=3).contains(&digits.len());
        let number = digits.iter().take(3).fold(0, |number, byte| number * 10 + i64::from(byte - b'0'));
        (is_short && (least..=most).contains(&number)).then_some(number)
    }

    /// Seconds, as hours with a sign that may be left out, minutes and seconds.
    fn offset(&mut self, hours: i64) -> Option<i64> {
        let sign = if self.take(b"-").is_some() { -1 } else { self.take(b"+").map_or(1, |()| 1) };
        let mut seconds = self.number(0, hours)? * 3_600;
        for unit in [60, 1] {
            if self.take(b":").is_none() {
                break;
            }
            seconds += self.number(0, 59)? * unit;
        }
        Some(sign * seconds)
    }

    fn change(&mut self) -> Option<Change> {
        self.take(b",")?;
        let day = if self.take(b"M").is_some() {
            let month = self.number(1, 12)?;
            self.take(b".")?;
            let week = self.number(1, 5)?;
            self.take(b".")?;
            Day::OfMonth { month, week, weekday: self.number(0, 6)? }
        } else if self.take(b"J").is_some() {
            Day::WithoutLeap(self.number(1, 365)?)
        } else {
            Day::Counted(self.number(0, 365)?)
        };
        let time = if self.take(b"/").is_some() { self.offset(MOST_HOURS)? } else { 7_200 };
        Some(Change { day, time })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::http::testing::Generator;

    /// The last lines of files of the zoneinfo database, and forms that RFC 9636 §3.3.1 and POSIX.1-2024 §8.3 have beside.
    pub(crate) const RULES: [&str; 19] = [
        "CET-1CEST,M3.5.0,M10.5.0/3",
        "GMT0BST,M3.5.0/1,M10.5.0",
        "EST5EDT,M3.2.0,M11.1.0",
        "PST8PDT,M3.2.0,M11.1.0",
        "NST3:30NDT,M3.2.0,M11.1.0",
        "IST-5:30",
        "JST-9",
        "<-03>3",
        "<+0545>-5:45",
        "AEST-10AEDT,M10.1.0,M4.1.0/3",
        "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
        "<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45",
        "CST5CDT,M3.2.0/0,M11.1.0/1",
        "EET-2EEST,M3.5.0/0,M10.5.0/0",
        "IST-2IDT,M3.4.4/26,M10.5.0",
        "IST-1GMT0,M10.5.0,M3.5.0/1",
        "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
        "AAA3BBB2,J60,J300/4",
        "AAA-3BBB,59,299/167",
    ];

    /// The crate jiff has the same rules, by other means.
    #[test]
    fn offsets_are_those_that_others_find() {
        for text in RULES {
            let (zone, other) = (TimeZone::parse(text).unwrap(), jiff::tz::TimeZone::posix(text).unwrap());
            let mut random = Generator::new(7);
            for _ in 0..4_000 {
                // Half of them on full half-hours, where changes are.
                let moment = random.below(4_000_000_000) as i64;
                let moment =
                    if random.below(2) == 0 { moment } else { moment - moment % 1_800 - random.below(2) as i64 };
                let at = jiff::Timestamp::from_second(moment).unwrap();
                assert_eq!(zone.offset(moment), i64::from(other.to_offset(at).seconds()), "{text} at {moment}");
            }
        }
    }

    /// RFC 9636 §3.3.1: summer time all the year.
    #[test]
    fn summer_time_may_never_end() {
        let zone = TimeZone::parse("EST5EDT4,0/0,J365/25").unwrap();
        // From 1984, a leap year, in steps of a bit less than 20 minutes.
        for step in 0..150_000 {
            assert_eq!(zone.offset(441_763_200 + step * 1_187), -14_400);
        }
    }

    /// RFC 3339 §5.6: the offset is what local time is ahead of UTC.
    #[test]
    fn offsets_are_read_as_in_a_time() {
        let offset = |text: &str| TimeZone::parse(text).map(|zone| zone.offset(1_800_000_000));
        assert_eq!(offset("UTC"), Some(0));
        assert_eq!(offset("+01:00"), Some(3_600));
        assert_eq!(offset("-03:30"), Some(-12_600));
        assert_eq!(offset("+14:00"), Some(50_400));
        // POSIX.1-2024 §8.3: west of the prime meridian is positive.
        assert_eq!(offset("EST5"), Some(-18_000));
    }

    #[test]
    fn other_texts_are_no_zone() {
        for text in [
            "",
            "Z",
            "utc",
            "Europe/Berlin",
            "CET",
            "+1:00",
            "+01",
            "+24:00",
            "+01:60",
            "01:00",
            "UTC+1",
            "GMT-5",
            "CET-1CEST",
            "CET-1CEST,M3.5.0",
            "CET-1CEST,M3.5.0,M10.5.0/3 ",
            "CET-1CEST,M13.5.0,M10.5.0",
            "CET-1CEST,M3.0.0,M10.5.0",
            "CET-1CEST,M3.5.7,M10.5.0",
            "CET-1CEST,J0,J300",
            "CET-1CEST,1,366",
            "CET-25",
            "CE-1",
            "<CET-1",
            "CET-1CEST,M3.5.0,M10.5.0/168",
            "CET-1:60",
            "CET-0001",
            "é-1",
        ] {
            assert_eq!(TimeZone::parse(text), None, "{text}");
        }
    }
}
