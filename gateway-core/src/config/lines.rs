//! Places in a text as lines and columns.
//!
//! A configuration may be one line of many megabytes with a thousand mistakes in it, so no place is counted from the beginning.

/// The text, with the offsets of its lines.
#[derive(Debug)]
pub(super) struct Lines<'t> {
    pub(super) text: &'t str,
    starts: Vec<usize>,
    /// The number of characters before each block of [`BLOCK`] bytes.
    characters: Vec<usize>,
}

/// The bytes from one counted place to the next.
const BLOCK: usize = 4 << 10;

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, c)| *c == b'\n').map(|(at, _)| at + 1);
        let mut before = 0;
        let counted = text.as_bytes().chunks(BLOCK).map(|block| {
            before += beginnings(block);
            before
        });
        let characters = core::iter::once(0).chain(counted).collect();
        Self { text, starts: core::iter::once(0).chain(breaks).collect(), characters }
    }

    /// Line and column, from 1, of the character at `offset`; the column in characters.
    pub(super) fn position(&self, offset: u32) -> (u32, u32) {
        let offset = offset as usize;
        let line = self.starts.partition_point(|&start| start <= offset);
        let start = line.checked_sub(1).and_then(|line| self.starts.get(line)).copied().unwrap_or(0);
        let column = self.characters_before(offset).saturating_sub(self.characters_before(start));
        (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column + 1).unwrap_or(u32::MAX))
    }

    /// The offset of the place at this line and column.
    pub(super) fn offset(&self, (line, column): (u32, u32)) -> Option<usize> {
        let start = *self.starts.get((line as usize).checked_sub(1)?)?;
        let wanted = self.characters_before(start) + (column as usize).checked_sub(1)?;
        let block = self.characters.partition_point(|before| *before <= wanted).checked_sub(1)?;
        let more = wanted - self.characters.get(block)?;
        let rest = self.text.as_bytes().get(block * BLOCK..)?;
        let within = rest.iter().enumerate().filter(|(_, byte)| begins_character(**byte)).map(|(at, _)| at).nth(more);
        Some(block * BLOCK + within.unwrap_or(rest.len()))
    }

    fn characters_before(&self, offset: usize) -> usize {
        let offset = offset.min(self.text.len());
        let block = offset / BLOCK;
        let rest = self.text.as_bytes().get(block * BLOCK..offset).unwrap_or_default();
        self.characters.get(block).copied().unwrap_or(0) + beginnings(rest)
    }
}

/// The number of characters that begin in `bytes`.
fn beginnings(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| begins_character(**byte)).count()
}

/// RFC 3629 section 3: every byte of a character but the first is of the form 10xxxxxx.
const fn begins_character(byte: u8) -> bool {
    byte & 0xc0 != 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_that_counting_from_the_beginning_finds() {
        let long = "é€a𝄞".repeat(BLOCK);
        for text in ["", "a", "\n", "a\nb", "é\r\n€x\n", &long, &format!("{long}\n{long}\n"), &"x".repeat(BLOCK)] {
            let lines = Lines::new(text);
            let (mut line, mut column) = (1, 1);
            let ends = text.char_indices().map(|(at, c)| (at, Some(c))).chain([(text.len(), None)]);
            for (at, c) in ends {
                assert_eq!(lines.position(u32::try_from(at).unwrap()), (line, column));
                if at % 7 == 0 {
                    assert_eq!(lines.offset((line, column)), Some(at));
                }
                (line, column) = if c == Some('\n') { (line + 1, 1) } else { (line, column + 1) };
            }
            assert_eq!(lines.offset((line + 1, 1)), None);
        }
    }
}
