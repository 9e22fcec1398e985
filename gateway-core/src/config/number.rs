//! Numbers.

/// A number as the nearest of Rust's kinds.
pub(super) enum Number {
    Unsigned(u64),
    Signed(i64),
    Fraction(f64),
}

/// A JSON number as the nearest of Rust's kinds. With `whole`, `5.0` and `5e0` are whole numbers, too.
pub(super) fn parse(text: &str, whole: bool) -> Result<Number, core::num::ParseFloatError> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if let Ok(number) = text.parse() {
        return Ok(Number::Unsigned(number));
    }
    if let Ok(number) = text.parse() {
        return Ok(Number::Signed(number));
    }
    let number: f64 = text.parse()?;
    if whole && number.fract() == 0.0 && number.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and within the range that f64 has exactly")]
        return Ok(Number::Signed(number as i64));
    }
    Ok(Number::Fraction(number))
}
