//! Numbers of JSON as they are written (RFC 8259 §6), of any length.

use core::cmp::Ordering;

/// A number, as its text.
#[derive(Clone, Debug)]
pub struct Number(Box<str>);

impl Number {
    /// Reads a number; none if `text` is none by RFC 8259.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (length(text.as_bytes()) == Some(text.len())).then(|| Self(text.into()))
    }

    /// The number with this text, which has been found to be one.
    pub(super) fn checked(text: &str) -> Self {
        Self(text.into())
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number, if it is a whole one within the range, as which `1.0` and `1e2` count, too.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        if let Ok(number) = self.0.parse() {
            return Some(number);
        }
        let decimal = Decimal::of(&self.0);
        if decimal.sign() == 0 {
            return Some(0);
        }
        let digits = usize::try_from(decimal.magnitude).ok().filter(|digits| *digits <= 19)?;
        let significant = decimal.count();
        if significant > digits {
            return None;
        }
        let zeros = digits.saturating_sub(significant);
        let text: String = decimal.digits().map(char::from).chain(core::iter::repeat_n('0', zeros)).collect();
        let sign = if decimal.is_negative { "-" } else { "" };
        [sign, &text].concat().parse().ok()
    }

    /// Returns whether it has no fractional part, as which `1.0` and `1e2` count, too.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        if !self.0.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
            return true;
        }
        let decimal = Decimal::of(&self.0);
        i64::try_from(decimal.count()).is_ok_and(|digits| digits <= decimal.magnitude)
    }

    /// Returns whether it is a whole multiple of `divisor`, exactly. The time is that of its text, whatever its exponent is.
    #[must_use]
    pub fn is_multiple_of(&self, divisor: Divisor) -> bool {
        let decimal = Decimal::of(&self.0);
        let Some(power) = i64::try_from(decimal.count())
            .ok()
            .map(|digits| decimal.magnitude.saturating_sub(digits).saturating_sub(divisor.exponent))
        else {
            return false;
        };
        if decimal.sign() == 0 {
            return true;
        }
        // The last digit is not 0, so that nothing smaller than it divides by a power of ten.
        let Ok(power) = u64::try_from(power) else { return false };
        let modulus = u128::from(divisor.digits);
        if decimal.count() <= 18 && power == 0 {
            return decimal.whole_digits().is_multiple_of(divisor.digits);
        }
        let fold = |rest: u128, digit: u8| (rest * 10 + u128::from(digit.wrapping_sub(b'0'))) % modulus;
        let rest = decimal.digits().fold(0, fold) * power_of_ten(power, modulus);
        rest.is_multiple_of(modulus)
    }

    /// The nearest number in double precision, which may be infinite.
    #[must_use]
    pub fn as_f64(&self) -> f64 {
        self.0.parse().unwrap_or(f64::NAN)
    }
}

impl From<i64> for Number {
    fn from(number: i64) -> Self {
        Self(number.to_string().into())
    }
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Self(number.to_string().into())
    }
}

impl From<usize> for Number {
    fn from(number: usize) -> Self {
        Self(number.to_string().into())
    }
}

/// Numbers are equal by their value: `1`, `1.0` and `10e-1` are one number.
impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// By their exact values: no digit is rounded away.
impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.0 == other.0 {
            return Ordering::Equal;
        }
        let (one, other) = (Decimal::of(&self.0), Decimal::of(&other.0));
        one.sign().cmp(&other.sign()).then_with(|| {
            let order = one.magnitude.cmp(&other.magnitude).then_with(|| one.digits().cmp(other.digits()));
            if one.is_negative { order.reverse() } else { order }
        })
    }
}

/// Appends a text that is the same for equal numbers, and for no others.
pub(super) fn push_normal(number: &Number, out: &mut String) {
    let decimal = Decimal::of(&number.0);
    if decimal.sign() < 0 {
        out.push('-');
    }
    out.push('.');
    out.extend(decimal.digits().map(char::from));
    if decimal.sign() != 0 {
        out.push('e');
        out.push_str(&decimal.magnitude.to_string());
    }
}

/// A number that others are multiples of: `digits × 10^exponent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Divisor {
    digits: u64,
    exponent: i64,
}

impl Divisor {
    /// The divisor that `number` is; none if it is not greater than 0, or has more than 18 digits.
    #[must_use]
    pub fn of(number: &Number) -> Option<Self> {
        let decimal = Decimal::of(&number.0);
        let count = decimal.count();
        if decimal.sign() <= 0 || count > 18 {
            return None;
        }
        let digits = decimal
            .digits()
            .fold(0_u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit.wrapping_sub(b'0'))));
        Some(Self { digits, exponent: decimal.magnitude.saturating_sub(i64::try_from(count).ok()?) })
    }
}

/// The rest of `10^power` by `modulus`, which is below 2^64.
fn power_of_ten(mut power: u64, modulus: u128) -> u128 {
    let mut product = 1 % modulus;
    let mut square = 10 % modulus;
    while power > 0 {
        if power & 1 == 1 {
            product = product * square % modulus;
        }
        square = square * square % modulus;
        power >>= 1;
    }
    product
}

/// A number as `0.d₁d₂d₃… × 10^magnitude`, where the first digit and the last are not 0; without digits for 0.
struct Decimal<'n> {
    is_negative: bool,
    whole: &'n str,
    fraction: &'n str,
    magnitude: i64,
}

impl<'n> Decimal<'n> {
    fn of(text: &'n str) -> Self {
        let unsigned = text.strip_prefix('-');
        let is_negative = unsigned.is_some();
        let text = unsigned.unwrap_or(text);
        let (mantissa, exponent) = match split_at_byte(text, |byte| matches!(byte, b'e' | b'E')) {
            Some((mantissa, exponent)) => (mantissa, read_exponent(exponent)),
            None => (text, 0),
        };
        let (whole, fraction) = split_at_byte(mantissa, |byte| byte == b'.').unwrap_or((mantissa, ""));
        let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
        if whole.is_empty() {
            let digits = fraction.trim_start_matches('0');
            let zeros = fraction.len().saturating_sub(digits.len());
            let magnitude = if digits.is_empty() { 0 } else { exponent.saturating_sub_unsigned(zeros as u64) };
            return Self { is_negative, whole: "", fraction: digits, magnitude };
        }
        let magnitude = exponent.saturating_add_unsigned(whole.len() as u64);
        // Zeros at the end of a whole number say nothing.
        let whole = if fraction.is_empty() { whole.trim_end_matches('0') } else { whole };
        Self { is_negative, whole, fraction, magnitude }
    }

    /// The number of digits.
    const fn count(&self) -> usize {
        self.whole.len().saturating_add(self.fraction.len())
    }

    /// The digits as a number, of which there are 18 at the most.
    fn whole_digits(&self) -> u64 {
        self.digits().fold(0_u64, |sum, digit| sum.wrapping_mul(10).wrapping_add(u64::from(digit.wrapping_sub(b'0'))))
    }

    fn digits(&self) -> impl Iterator<Item = u8> + use<'n> {
        self.whole.bytes().chain(self.fraction.bytes())
    }

    fn sign(&self) -> i8 {
        match (self.whole.is_empty() && self.fraction.is_empty(), self.is_negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }
}

/// The texts before and behind the first such byte. Numbers are short: a search made for long texts takes longer to begin.
fn split_at_byte(text: &str, is_it: impl Fn(u8) -> bool) -> Option<(&str, &str)> {
    let place = text.bytes().position(is_it)?;
    Some((text.get(..place)?, text.get(place.saturating_add(1)..)?))
}

/// An exponent; the nearest that there is room for. Half of the room is left for the digits.
fn read_exponent(text: &str) -> i64 {
    const MOST: i64 = i64::MAX / 2;
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.trim_start_matches('+')),
    };
    let number = digits.parse().unwrap_or(MOST).min(MOST);
    if is_negative { number.saturating_neg() } else { number }
}

/// The length of the number at the beginning of `text`, if there is one (RFC 8259 §6).
pub(super) fn length(text: &[u8]) -> Option<usize> {
    let digits = |from: usize| {
        let rest = text.get(from..).unwrap_or_default();
        let end = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        from.saturating_add(end)
    };
    let begin = usize::from(text.first() == Some(&b'-'));
    let mut end = match text.get(begin)? {
        b'0' => begin.saturating_add(1),
        b'1'..=b'9' => digits(begin),
        _ => return None,
    };
    if text.get(end) == Some(&b'.') {
        let from = end.saturating_add(1);
        end = Some(digits(from)).filter(|end| *end > from)?;
    }
    if matches!(text.get(end), Some(b'e' | b'E')) {
        let sign = end.saturating_add(1);
        let from = sign.saturating_add(usize::from(matches!(text.get(sign), Some(b'+' | b'-'))));
        end = Some(digits(from)).filter(|end| *end > from)?;
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap()
    }

    /// RFC 8259 §6.
    #[test]
    fn the_grammar_is_that_of_json() {
        for text in ["0", "-0", "1", "-12", "1.0", "0.10", "1e5", "1E+5", "1.5e-3", "123456789012345678901234567890"] {
            assert_eq!(Number::parse(text).unwrap().as_str(), text);
        }
        for text in ["", "-", "01", "+1", ".5", "1.", "1e", "1e+", "0x1", "NaN", "1 ", " 1", "1_0", "--1"] {
            assert!(Number::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn numbers_are_compared_by_their_exact_values() {
        for (one, other) in
            [("1", "1.0"), ("10e-1", "1"), ("0", "-0.0e7"), ("1e2", "100"), ("0.001", "1e-3"), ("-2.50", "-2.5")]
        {
            assert_eq!(number(one), number(other), "{one} {other}");
        }
        let ascending = [
            "-1e99999999999999999999",
            "-1e400",
            "-10",
            "-2",
            "-1.5",
            "-1e-400",
            "0",
            "1e-400",
            "0.1",
            "0.10000000000000000001",
            "1",
            "9007199254740992",
            "9007199254740993",
            "9.3e18",
            "1e400",
            "1e99999999999999999999",
        ];
        for (index, one) in ascending.iter().enumerate() {
            for (place, other) in ascending.iter().enumerate() {
                assert_eq!(number(one).cmp(&number(other)), index.cmp(&place), "{one} {other}");
            }
        }
    }

    #[test]
    fn whole_numbers_are_read_however_they_are_written() {
        assert_eq!(number("9223372036854775807").as_i64(), Some(i64::MAX));
        assert_eq!(number("-9223372036854775808").as_i64(), Some(i64::MIN));
        assert_eq!(number("9223372036854775808").as_i64(), None);
        assert_eq!(number("1.50e1").as_i64(), Some(15));
        assert_eq!(number("1e2").as_i64(), Some(100));
        assert_eq!((number("1.5").as_i64(), number("1e400").as_i64()), (None, None));
        assert_eq!(number("0e999999999999999999999").as_i64(), Some(0));
    }

    fn is_multiple(one: &str, other: &str) -> bool {
        number(one).is_multiple_of(Divisor::of(&number(other)).unwrap())
    }

    /// JSON Schema Validation §6.2.1: the quotient is an integer.
    #[test]
    fn multiples_are_exact() {
        for (one, other) in [
            ("0", "7"),
            ("-0.0e9", "0.1"),
            ("0.3", "0.1"),
            ("1.1", "0.01"),
            ("19.99", "0.01"),
            ("-4.5", "1.5"),
            ("1e308", "0.5"),
            ("12345678901234567890123456789012345678901234567890", "2"),
            ("1e9999999999999999999999", "8"),
            ("0.0075", "0.0001"),
            ("1e-7", "1e-8"),
        ] {
            assert!(is_multiple(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("35", "1.5"),
            ("0.00751", "0.0001"),
            ("1e308", "0.123456789"),
            ("12345678901234567890123456789012345678901234567891", "2"),
            ("1e9999999999999999999999", "7"),
            ("1e-9999999999999999999999", "1"),
            ("9007199254740993", "2"),
        ] {
            assert!(!is_multiple(one, other), "{one} {other}");
        }
        for text in ["0", "-1", "0.0", "1.234567890123456789"] {
            assert_eq!(Divisor::of(&number(text)), None, "{text}");
        }
    }

    #[test]
    fn whole_numbers_have_no_fraction() {
        for text in ["0", "-3", "1.0", "1.50e1", "0e-5", "1e400", "100e-2"] {
            assert!(number(text).is_whole(), "{text}");
        }
        for text in ["0.5", "1e-1", "1.05e1", "1e-99999999999999999999999"] {
            assert!(!number(text).is_whole(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn multiples_are_those_of_whole_numbers(one: i64, other in 1_i64..1_000_000_000, shift in 0_usize..6) {
            let shifted = |number: i64| format!("{number}e-{shift}");
            prop_assert_eq!(is_multiple(&shifted(one), &shifted(other)), one % other == 0);
        }

        #[test]
        fn the_order_is_that_of_whole_numbers(one: i64, other: i64) {
            prop_assert_eq!(Number::from(one).cmp(&Number::from(other)), one.cmp(&other));
        }
    }
}
