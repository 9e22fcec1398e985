//! Numbers with a fraction, exactly: so many digits, and so many of them behind the point.

use core::fmt;

use crate::document::Number;

/// The most digits behind the point.
const MOST_SCALE: u32 = 30;

/// The digits behind the point to which a quotient is rounded that does not end before.
const QUOTIENT_SCALE: u32 = 15;

/// `digits × 10^-scale`. The last digit behind the point is not 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    digits: i128,
    scale: u32,
}

impl Decimal {
    fn of(digits: i128, scale: u32) -> Option<Self> {
        let (mut digits, mut scale) = (digits, scale);
        while scale > 0 && digits % 10 == 0 {
            digits /= 10;
            scale -= 1;
        }
        (scale <= MOST_SCALE).then_some(Self { digits, scale })
    }

    /// Reads a number of JSON; none if it has more digits than there is room for.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let fraction = fraction.trim_end_matches('0');
        let digits: i128 = [whole, fraction].concat().parse().ok()?;
        let scale = i64::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
        match u32::try_from(scale) {
            Ok(scale) => Self::of(digits, scale),
            Err(_) if digits == 0 => Self::of(0, 0),
            Err(_) => Self::of(digits.checked_mul(power(u32::try_from(scale.checked_neg()?).ok()?)?)?, 0),
        }
    }

    /// The digits of both, with as many behind the point.
    fn aligned(self, other: Self) -> Option<(i128, i128, u32)> {
        let scale = self.scale.max(other.scale);
        let digits = |one: Self| one.digits.checked_mul(power(scale - one.scale)?);
        Some((digits(self)?, digits(other)?, scale))
    }

    pub(super) fn plus(self, other: Self) -> Option<Self> {
        let (one, other, scale) = self.aligned(other)?;
        Self::of(one.checked_add(other)?, scale)
    }

    pub(super) fn negative(self) -> Option<Self> {
        Some(Self { digits: self.digits.checked_neg()?, ..self })
    }

    pub(super) fn times(self, other: Self) -> Option<Self> {
        Self::of(self.digits.checked_mul(other.digits)?, self.scale.checked_add(other.scale)?)
    }

    /// The quotient, rounded to the nearest number with so many digits behind the point; of two that are as near, to the one farther from 0. None by 0.
    pub(super) fn by(self, other: Self) -> Option<Self> {
        let (one, other, _) = self.aligned(other)?;
        let one = one.checked_mul(power(QUOTIENT_SCALE)?)?;
        let quotient = one.checked_div(other)?;
        let rest = one.checked_rem(other)?;
        let is_up = rest.unsigned_abs() >= other.unsigned_abs().div_ceil(2);
        let step = if (one < 0) == (other < 0) { 1 } else { -1 };
        Self::of(if is_up { quotient.checked_add(step)? } else { quotient }, QUOTIENT_SCALE)
    }

    /// The whole part, without what is behind the point.
    pub(super) fn whole(self) -> Option<i64> {
        i64::try_from(self.digits.checked_div(power(self.scale)?)?).ok()
    }

    /// The number as one of JSON.
    pub(super) fn number(self) -> Option<Number> {
        Number::parse(&self.to_string())
    }
}

impl From<i64> for Decimal {
    fn from(number: i64) -> Self {
        Self { digits: number.into(), scale: 0 }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.digits < 0 { "-" } else { "" };
        let scale = self.scale as usize;
        let digits = format!("{:0>1$}", self.digits.unsigned_abs(), scale + 1);
        let (whole, fraction) = digits.split_at_checked(digits.len() - scale).unwrap_or((&digits, ""));
        let point = if fraction.is_empty() { "" } else { "." };
        write!(f, "{sign}{whole}{point}{fraction}")
    }
}

fn power(exponent: u32) -> Option<i128> {
    10_i128.checked_pow(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Decimal {
        Decimal::read(text).unwrap()
    }

    #[test]
    fn numbers_are_read_and_written_exactly() {
        for (text, written) in [
            ("19.99", "19.99"),
            ("-0.50", "-0.5"),
            ("1.0", "1"),
            ("1e3", "1000"),
            ("25e-1", "2.5"),
            ("-0", "0"),
            ("0e400", "0"),
            ("18446744073709551616", "18446744073709551616"),
            ("0.000000000000000000000000000001", "0.000000000000000000000000000001"),
        ] {
            assert_eq!(read(text).to_string(), written);
        }
        for text in ["1e400", "1e-31", "0.0000000000000000000000000000001", "1000000000000000000000000000000000000000"]
        {
            assert_eq!(Decimal::read(text), None, "{text}");
        }
    }

    #[test]
    fn sums_and_products_are_exact() {
        assert_eq!(read("0.1").plus(read("0.2")), Some(read("0.3")));
        assert_eq!(read("19.99").times(read("3")), Some(read("59.97")));
        assert_eq!(read("1.5").plus(read("-0.5")).unwrap().to_string(), "1");
        let large = read("100000000000000000000");
        assert_eq!(large.times(large), None);
    }

    #[test]
    fn quotients_are_rounded_half_away_from_zero() {
        let by = |one, other| read(one).by(read(other)).map(|quotient| quotient.to_string());
        assert_eq!(by("10.5", "3").as_deref(), Some("3.5"));
        assert_eq!(by("1.0", "3").as_deref(), Some("0.333333333333333"));
        assert_eq!(by("-2", "3").as_deref(), Some("-0.666666666666667"));
        assert_eq!(by("0.000000000000001", "2").as_deref(), Some("0.000000000000001"));
        assert_eq!(by("1", "0"), None);
    }
}
