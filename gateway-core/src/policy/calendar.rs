//! Windows of the calendar: hours, days, weeks and months of a time zone.

use super::date::{SECONDS_A_DAY, date, day};
use super::time_zone::TimeZone;
use crate::config::Period;
use crate::time::Timestamp;

/// The windows of a calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// The length of each.
    pub period: Period,
    /// The time zone in which they begin.
    pub zone: TimeZone,
}

impl Calendar {
    /// The window at `now`: its beginning, and its end, from which the next one begins.
    ///
    /// Weeks begin on Monday (ISO 8601). A day whose midnight a change of the clocks skips begins with what comes after it, and one with two
    /// midnights with the first.
    #[must_use]
    pub fn window(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        let moment = i64::try_from(now.unix_millis() / 1_000).unwrap_or(i64::MAX);
        let local = moment + self.zone.offset(moment);
        let today = local.div_euclid(SECONDS_A_DAY);
        let days =
            |first: i64, next: i64| (self.zone.moment(first * SECONDS_A_DAY), self.zone.moment(next * SECONDS_A_DAY));
        let (begin, end) = match self.period {
            Period::Hour => {
                let begin = moment - local.rem_euclid(3_600);
                (begin, begin + 3_600)
            }
            Period::Day => days(today, today + 1),
            Period::Week => {
                // The first day of the Unix epoch was a Thursday.
                let monday = today - (today + 3).rem_euclid(7);
                days(monday, monday + 7)
            }
            Period::Month => {
                let (year, month) = date(today);
                days(day(year, month), day(year, month + 1))
            }
        };
        let timestamp = |seconds: i64| {
            Timestamp::from_unix_millis(u64::try_from(seconds).unwrap_or_default().saturating_mul(1_000))
        };
        (timestamp(begin), timestamp(end))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::Weekday;
    use jiff::{ToSpan, Zoned};

    use super::super::time_zone::tests::RULES;
    use super::*;
    use crate::http::testing::Generator;

    const PERIODS: [Period; 4] = [Period::Hour, Period::Day, Period::Week, Period::Month];

    fn at(text: &str) -> Timestamp {
        let millis = text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
        Timestamp::from_unix_millis(u64::try_from(millis).unwrap())
    }

    fn window(period: Period, zone: &str, now: &str) -> (Timestamp, Timestamp) {
        Calendar { period, zone: TimeZone::parse(zone).unwrap() }.window(at(now))
    }

    const BERLIN: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

    #[test]
    fn windows_are_those_of_the_calendar() {
        let is = |from, until| (at(from), at(until));
        for (period, zone, now, expected) in [
            (Period::Hour, "UTC", "2026-11-29T17:49:24Z", is("2026-11-29T17:00:00Z", "2026-11-29T18:00:00Z")),
            (Period::Hour, "IST-5:30", "2026-11-29T17:49:24Z", is("2026-11-29T17:30:00Z", "2026-11-29T18:30:00Z")),
            (Period::Day, "UTC", "2026-11-29T00:00:00Z", is("2026-11-29T00:00:00Z", "2026-11-30T00:00:00Z")),
            (Period::Day, BERLIN, "2026-11-29T22:59:59.999Z", is("2026-11-28T23:00:00Z", "2026-11-29T23:00:00Z")),
            // The days on which the clocks change have 23 and 25 hours.
            (Period::Day, BERLIN, "2026-03-29T12:00:00Z", is("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")),
            (Period::Day, BERLIN, "2026-10-25T12:00:00Z", is("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")),
            // 2026-11-29 was a Sunday, and 2026-11-30 a Monday.
            (Period::Week, "UTC", "2026-11-29T23:59:59Z", is("2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z")),
            (Period::Week, "+01:00", "2026-11-29T23:30:00Z", is("2026-11-29T23:00:00Z", "2026-12-06T23:00:00Z")),
            (Period::Month, "UTC", "2028-02-29T12:00:00Z", is("2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z")),
            (Period::Month, "UTC", "2026-12-31T23:59:59Z", is("2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z")),
            (Period::Month, BERLIN, "2026-03-15T00:00:00Z", is("2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z")),
        ] {
            assert_eq!(window(period, zone, now), expected, "{period:?} {zone} {now}");
        }
    }

    /// The crate jiff finds the same days, weeks and months, where clocks change at midnight, too.
    #[test]
    fn windows_are_those_that_others_find() {
        for text in RULES {
            let zone = jiff::tz::TimeZone::posix(text).unwrap();
            let mut random = Generator::new(3);
            for _ in 0..1_000 {
                let moment = random.below(4_000_000_000) as i64;
                let now = jiff::Timestamp::from_second(moment).unwrap().to_zoned(zone.clone());
                let of = |zoned: Zoned| zoned.timestamp().as_second();
                let day = |zoned: &Zoned| zoned.start_of_day().unwrap();
                let today = day(&now);
                let monday = day(&today.checked_sub(today.weekday().since(Weekday::Monday).days()).unwrap());
                let first = day(&today.first_of_month().unwrap());
                let expected = [
                    (of(today.clone()), of(day(&today.tomorrow().unwrap()))),
                    (of(monday.clone()), of(day(&monday.checked_add(7.days()).unwrap()))),
                    (of(first.clone()), of(day(&first.checked_add(1.month()).unwrap()))),
                ];
                for (period, expected) in PERIODS.into_iter().skip(1).zip(expected) {
                    let calendar = Calendar { period, zone: TimeZone::parse(text).unwrap() };
                    let (begin, end) = calendar.window(Timestamp::from_unix_millis(moment as u64 * 1_000));
                    let seconds = |time: Timestamp| (time.unix_millis() / 1_000) as i64;
                    assert_eq!((seconds(begin), seconds(end)), expected, "{period:?} in {text} at {now}");
                }
            }
        }
    }

    /// A window ends after each of its moments, and the next one begins with its end.
    #[test]
    fn windows_follow_one_another() {
        for text in RULES {
            for period in PERIODS {
                let calendar = Calendar { period, zone: TimeZone::parse(text).unwrap() };
                let mut now = at("2026-01-15T12:34:56Z");
                for _ in 0..800 {
                    let (begin, end) = calendar.window(now);
                    assert!(begin <= now && now < end, "{period:?} {text}");
                    assert_eq!(calendar.window(Timestamp::from_unix_millis(end.unix_millis() - 1)).1, end, "{text}");
                    now = end;
                }
            }
        }
    }
}
