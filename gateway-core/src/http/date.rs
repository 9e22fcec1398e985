//! Dates in fields (RFC 9110 §5.6.7).
//!
//! Names are read in either case, and the day of the week is not compared with the date: what else a date says is clear. Everything
//! besides is as strict as the standard. The crate `httpdate` refuses both.

use crate::time::Timestamp;

/// The longest form: `Wednesday, 09-Nov-94 08:49:37 GMT`.
const LONGEST: usize = 33;

const DAYS: [&str; 7] = ["thursday", "friday", "saturday", "sunday", "monday", "tuesday", "wednesday"];
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Reads a date in any of the three forms; `now` says of which century a year of two digits is.
#[must_use]
pub fn read(text: &[u8], now: Timestamp) -> Option<Timestamp> {
    let text = text.trim_ascii();
    if text.len() > LONGEST {
        return None;
    }
    let mut reader = Reader { rest: text };
    let day_name = reader.letters();
    let is_short = day_name.len() == 3;
    if !DAYS.iter().any(|day| {
        let name = if is_short { day.get(..3) } else { Some(*day) };
        name.is_some_and(|name| day_name.eq_ignore_ascii_case(name.as_bytes()))
    }) {
        return None;
    }
    let (year, month, day, time) = if !is_short {
        // RFC 850: `Sunday, 06-Nov-94 08:49:37 GMT`.
        reader.skip(b", ")?;
        let day = reader.digits(2)?;
        reader.skip(b"-")?;
        let month = reader.month()?;
        reader.skip(b"-")?;
        let year = reader.digits(2)?;
        reader.skip(b" ")?;
        let time = reader.time()?;
        reader.zone()?;
        (century(year, now), month, day, time)
    } else if reader.rest.first() == Some(&b',') {
        // `Sun, 06 Nov 1994 08:49:37 GMT`.
        reader.skip(b", ")?;
        let day = reader.digits(2)?;
        reader.skip(b" ")?;
        let month = reader.month()?;
        reader.skip(b" ")?;
        let year = reader.digits(4)?;
        reader.skip(b" ")?;
        let time = reader.time()?;
        reader.zone()?;
        (year, month, day, time)
    } else {
        // asctime: `Sun Nov  6 08:49:37 1994`.
        reader.skip(b" ")?;
        let month = reader.month()?;
        reader.skip(b" ")?;
        let day = if reader.skip(b" ").is_some() { reader.digits(1)? } else { reader.digits(2)? };
        reader.skip(b" ")?;
        let time = reader.time()?;
        reader.skip(b" ")?;
        (reader.digits(4)?, month, day, time)
    };
    if !reader.rest.is_empty() || day == 0 || day > days_in(year, month) {
        return None;
    }
    // What lies before the epoch is as good as at it.
    let days = days_since_epoch(year, month, day);
    let seconds = days.saturating_mul(86_400).saturating_add(i64::from(time)).max(0).cast_unsigned();
    Some(Timestamp::from_unix_millis(seconds.saturating_mul(1000)))
}

/// `at` in the form that is written, without the part of a second.
#[must_use]
pub fn written(at: Timestamp) -> String {
    let seconds = at.unix_millis() / 1000;
    let (days, time) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let name = |name: Option<&&str>, length: usize| -> String {
        let mut name: String = name.and_then(|name| name.get(..length)).unwrap_or_default().to_owned();
        if let Some(first) = name.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        name
    };
    let weekday = name(DAYS.get((days % 7) as usize), 3);
    let month = name(MONTHS.get(month as usize), 3);
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// The year that ends in these two digits: the last one that is no more than 50 years ahead of `now`.
fn century(digits: u32, now: Timestamp) -> u32 {
    let (this, ..) = civil(now.unix_millis() / 86_400_000);
    let latest = u32::try_from(this).unwrap_or(9949) + 50;
    latest - (latest + 100 - digits) % 100
}

/// Days from the epoch to a date of the Gregorian calendar; `month` counts from 0.
const fn days_since_epoch(year: u32, month: u32, day: u32) -> i64 {
    // Years begin in March: then the leap day is their last.
    let (year, month) = if month < 2 { (year as i64 - 1, month as i64 + 10) } else { (year as i64, month as i64 - 2) };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * month + 2) / 5 + day as i64 - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The year, the month from 0, and the day, so many days after the epoch.
const fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let is_next = month >= 10;
    let year = era * 400 + year + if is_next { 1 } else { 0 };
    (year, if is_next { month - 10 } else { month + 2 }, day)
}

const fn days_in(year: u32, month: u32) -> u32 {
    match month {
        1 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

struct Reader<'t> {
    rest: &'t [u8],
}

impl<'t> Reader<'t> {
    fn letters(&mut self) -> &'t [u8] {
        let length = self.rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let (letters, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, &[]));
        self.rest = rest;
        letters
    }

    fn skip(&mut self, text: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    fn digits(&mut self, count: usize) -> Option<u32> {
        let (digits, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        digits.iter().try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0')))
    }

    /// The month, counted from 0.
    fn month(&mut self) -> Option<u32> {
        let name = self.letters();
        MONTHS.iter().zip(0..).find(|(month, _)| name.eq_ignore_ascii_case(month.as_bytes())).map(|(_, month)| month)
    }

    /// Seconds since midnight. A leap second counts as the one before it.
    fn time(&mut self) -> Option<u32> {
        let hour = self.digits(2)?;
        self.skip(b":")?;
        let minute = self.digits(2)?;
        self.skip(b":")?;
        let second = self.digits(2)?;
        (hour < 24 && minute < 60 && second <= 60).then(|| hour * 3600 + minute * 60 + second.min(59))
    }

    fn zone(&mut self) -> Option<()> {
        self.skip(b" ")?;
        self.letters().eq_ignore_ascii_case(b"GMT").then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Some day of 2026.
    const NOW: Timestamp = Timestamp::from_unix_millis(1_790_000_000_000);

    fn seconds(text: &str) -> Option<u64> {
        read(text.as_bytes(), NOW).map(|at| at.unix_millis() / 1000)
    }

    /// RFC 9110 §5.6.7: its examples, and names in either case.
    #[test]
    fn all_three_forms_are_read() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "SUN, 06 nov 1994 08:49:37 gMT",
            " Mon, 06 Nov 1994 08:49:37 GMT ",
        ] {
            assert_eq!(seconds(text), Some(784_111_777), "{text}");
        }
        for (text, at) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Wed, 31 Dec 1969 23:59:59 GMT", 0),
            ("Tue, 29 Feb 2000 12:00:00 GMT", 951_825_600),
            ("Sat, 31 Dec 2016 23:59:60 GMT", 1_483_228_799),
            ("Tue, 19 Jan 2038 14:14:08 GMT", 2_147_523_248),
            ("Sun, 21 Nov 2286 04:46:39 GMT", 10_000_039_599),
            ("Thu Aug  8 02:01:18 2050", 2_543_536_878),
            // §5.6.7: more than 50 years ahead is past.
            ("Thursday, 18-Aug-50 02:01:18 GMT", 2_544_400_878),
            ("Tuesday, 18-Aug-76 00:00:00 GMT", 3_364_934_400),
            ("Thursday, 18-Aug-77 00:00:00 GMT", 240_710_400),
        ] {
            assert_eq!(seconds(text), Some(at), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "0",
            "foo",
            "Thu, 18 Aug 2050 02:01:18 UTC",
            "Thu, 18 Aug 2050 02:01:18 AEST",
            "Thu, 18 Aug 2050 02:01:18",
            "Thu, 18 Aug 2050 02:01:18 GMT+1",
            "Thu, 18 Aug 50 02:01:18 GMT",
            "Thu 18 Aug 2050 02:01:18 GMT",
            "Thu, 18  Aug  2050 02:01:18 GMT",
            "Thu, 18-Aug-2050 02:01:18 GMT",
            "Thu, 18 Aug 2050 02.01.18 GMT",
            "Thu, 18 Aug 2050 2:01:18 GMT",
            "Thu, 31 Jun 2050 02:01:18 GMT",
            "Thu, 29 Feb 2100 02:01:18 GMT",
            "Thu, 00 Aug 2050 02:01:18 GMT",
            "Thu, 18 Aug 2050 24:01:18 GMT",
            "Thu, 18 Aug 2050 02:60:18 GMT",
            "Xyz, 18 Aug 2050 02:01:18 GMT",
            "Thu, 18 Xyz 2050 02:01:18 GMT",
            "Thu, 18 Aug 2050 02:01:18 GMT, Thu, 18 Aug 2050 02:01:18 GMT",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        assert_eq!(written(Timestamp::from_unix_millis(784_111_777_999)), "Sun, 06 Nov 1994 08:49:37 GMT");
        for day in (0..2_000_000).step_by(37) {
            let at = Timestamp::from_unix_millis(day * 86_400_000 + 3_723_000);
            assert_eq!(read(written(at).as_bytes(), NOW), Some(at), "{}", written(at));
        }
    }
}
