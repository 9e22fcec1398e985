//! Days and dates of the Gregorian calendar, counted from the Unix epoch.

/// The seconds in a day.
pub(super) const SECONDS_A_DAY: i64 = 86_400;

/// The days in 400 years, after which the calendar repeats itself.
const DAYS_OF_400_YEARS: i64 = 146_097;

/// The days from the 1st of March of the year 0 to the Unix epoch. Years are counted from March: a leap day is then the last of its year.
const EPOCH: i64 = 719_468;

/// The year and the month, from 1, of a `day`.
pub(super) const fn date(day: i64) -> (i64, i64) {
    let from_march = day + EPOCH;
    let cycle = from_march.div_euclid(DAYS_OF_400_YEARS);
    let of_cycle = from_march.rem_euclid(DAYS_OF_400_YEARS);
    let year = (of_cycle - of_cycle / 1_460 + of_cycle / 36_524 - of_cycle / 146_096) / 365;
    let of_year = of_cycle - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let year = cycle * 400 + year;
    if month < 10 { (year, month + 3) } else { (year + 1, month - 9) }
}

/// The first day of the `month` of a `year`; the 13th month is the first of the next.
pub(super) const fn day(year: i64, month: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let month = (month + 9) % 12;
    let cycle = year.div_euclid(400);
    let of_cycle = year.rem_euclid(400);
    let of_year = (153 * month + 2) / 5;
    cycle * DAYS_OF_400_YEARS + of_cycle * 365 + of_cycle / 4 - of_cycle / 100 + of_year - EPOCH
}
