//! The length of what messages repeat of a file: a value may have megabytes.

use std::borrow::Cow;

/// The most characters of the author's words in a message.
pub(super) const QUOTED: usize = 80;

/// The most characters between two backticks in advice, which is to be copied.
const ADVISED: usize = 240;

/// The most characters outside of quotation.
const PROSE: usize = 400;

/// `message` with its quotations cut to [`QUOTED`] characters.
pub(super) fn message(message: String) -> String {
    with_quotations(message, QUOTED)
}

/// Advice with its quotations cut.
pub(super) fn advice(advice: String) -> String {
    with_quotations(advice, ADVISED)
}

fn with_quotations(text: String, most: usize) -> String {
    if text.len() <= most {
        return text;
    }
    // A value with backticks in it makes prose of quotations; so that is bounded, too.
    let pieces =
        text.split('`').enumerate().map(|(index, piece)| cut(piece, if index % 2 == 1 { most } else { PROSE }));
    let pieces: Vec<_> = pieces.take(MOST_PIECES).collect();
    pieces.join("`")
}

/// The most pieces between backticks: no message has as many of its own.
const MOST_PIECES: usize = 100;

/// The first `most` characters of `text`, the last of them `…` where there are more.
pub(super) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    let mut ends = text.char_indices().map(|(at, _)| at);
    let (end, more) = (ends.nth(most.saturating_sub(1)), ends.next().is_some());
    match end.and_then(|end| text.get(..end)).filter(|_| more) {
        Some(kept) => Cow::Owned(format!("{kept}…")),
        None => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotations_end_at_a_character_and_what_is_around_them_stays() {
        let long = "é".repeat(1 << 20);
        let said = message(format!("`{long}` is no name; `a` is"));
        assert_eq!(said, format!("`{}…` is no name; `a` is", "é".repeat(QUOTED - 1)));
        assert_eq!(message(format!("`{}`", "x".repeat(QUOTED))), format!("`{}`", "x".repeat(QUOTED)));
        for odd in ["`".repeat(1 << 20), format!("{long}`{long}"), long] {
            assert!(message(format!("`{odd}` is no name")).chars().count() < 1_000);
        }
    }
}
