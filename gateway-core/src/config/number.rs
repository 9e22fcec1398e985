//! Numbers.

/// A number as the nearest of Rust's kinds.
pub(super) enum Number {
    Unsigned(u64),
    Signed(i64),
    Fraction(f64),
}

/// The number up to which `f64` has every whole one.
pub(super) const EXACT: u64 = 1 << 53;

/// A JSON number as the nearest of Rust's kinds. With `whole`, `5.0` and `5e0` are whole numbers, too.
///
/// A fraction is read as one in a token is: what is the same text is the same number. Rust's own reader has tables of 10 kB besides.
pub(super) fn parse(text: &str, whole: bool) -> Result<Number, serde_json::Error> {
    if let Ok(number) = text.parse() {
        return Ok(Number::Unsigned(number));
    }
    if let Ok(number) = text.parse() {
        return Ok(Number::Signed(number));
    }
    let number: f64 = serde_json::from_str(text)?;
    let exact = if whole { self::whole(number) } else { None };
    Ok(exact.map_or(Number::Fraction(number), Number::Signed))
}

/// The whole number that `number` is, if it is one within the range that `f64` has exactly.
pub(super) fn whole(number: f64) -> Option<i64> {
    #[expect(clippy::cast_precision_loss, reason = "it is a power of two")]
    let most = EXACT as f64;
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and within the range")]
    (number.fract() == 0.0 && number.abs() <= most).then_some(number as i64)
}
