//! The treatment of each byte of a path.

use super::PathError;

/// The treatment that a byte needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Nothing.
    Plain,
    Slash,
    /// A look at its neighbours, for a dot segment begins with it.
    Dot,
    Percent,
    /// Percent-encoding.
    Encode,
    Forbidden(PathError),
}

static CLASSES: [Class; 256] = {
    let mut classes = [Class::Plain; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        {
            classes[byte] = match byte as u8 {
                b'/' => Class::Slash,
                b'.' => Class::Dot,
                b'%' => Class::Percent,
                b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}' => Class::Encode,
                b' ' | b'?' | b'#' => Class::Forbidden(PathError::Delimiter),
                b'\\' => Class::Forbidden(PathError::Backslash),
                0..0x20 | 0x7F => Class::Forbidden(PathError::ControlCharacter),
                0x80.. => Class::Forbidden(PathError::NonAscii),
                _ => Class::Plain,
            };
        }
        byte += 1;
    }
    classes
};

pub(super) fn class(byte: u8) -> Class {
    #[expect(clippy::indexing_slicing, reason = "every byte has its place")]
    CLASSES[byte as usize]
}
