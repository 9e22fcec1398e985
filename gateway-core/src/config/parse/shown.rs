//! Places and pieces of a text, as messages show them.

/// Line and column, from 1, the column in characters.
pub(in crate::config) fn position(text: &str, offset: u32) -> (u32, u32) {
    let before = text.get(..offset as usize).unwrap_or(text);
    let line = before.bytes().filter(|&c| c == b'\n').count();
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count());
    (u32::try_from(line + 1).unwrap_or(u32::MAX), u32::try_from(column + 1).unwrap_or(u32::MAX))
}

/// `text` on one line, of at most 60 characters, without control characters.
pub(in crate::config) fn short(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown = String::new();
    let mut space = false;
    for (count, c) in text.chars().enumerate() {
        // Longer runs of space are not worth reading.
        if shown.chars().count() >= LONGEST || count > 10 * LONGEST {
            shown.pop();
            shown.push('…');
            break;
        }
        let blank = matches!(c, ' ' | '\t' | '\n' | '\r');
        if blank && space {
            continue;
        }
        space = blank;
        shown.push(if blank {
            ' '
        } else if is_unprintable(c) {
            '\u{fffd}'
        } else {
            c
        });
    }
    shown
}

/// Returns whether `c` could move the cursor or reorder a line on a terminal.
pub(in crate::config) fn is_unprintable(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
