//! Hexadecimal numbers as text, without the detour over `fmt`.

/// Writes the 16 digits of `value` in lower case at the beginning of `out`, if there is room for them.
pub(crate) fn write_hex(value: u64, out: &mut [u8]) {
    if let Some((high, low)) = out.split_first_chunk_mut::<8>()
        && let Some(low) = low.first_chunk_mut::<8>()
    {
        *high = eight_digits((value >> 32) as u32);
        *low = eight_digits(value as u32);
    }
}

/// All eight digits of `value`, worked out side by side in one word.
const fn eight_digits(value: u32) -> [u8; 8] {
    // Each half, byte and four bits in turn moves to its place: one digit's value a byte.
    let mut word = value as u64;
    word = (word | word << 16) & 0x0000_ffff_0000_ffff;
    word = (word | word << 8) & 0x00ff_00ff_00ff_00ff;
    word = (word | word << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    // Adding 6 carries a digit of 10 or more into bit 4. Such digits are letters, and `a` is 39 further than `0` + 10.
    let letters = (word + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101;
    (word + 0x3030_3030_3030_3030 + letters * 39).to_be_bytes()
}

/// The digit for the lowest four bits of `value`.
pub(crate) const fn hex_digit(value: u16) -> u8 {
    let value = (value & 15) as u8;
    if value < 10 { b'0' + value } else { b'a' + value - 10 }
}

/// Reads at most 16 lower-case digits (the only ones that trace context allows), or nothing.
#[expect(clippy::indexing_slicing, reason = "the table has a place for every byte")]
pub(crate) fn read_hex(digits: &[u8]) -> Option<u64> {
    if digits.len() > 16 {
        return None;
    }
    let (mut value, mut seen) = (0, 0);
    for byte in digits {
        let digit = VALUES[usize::from(*byte)];
        seen |= digit;
        value = value << 4 | u64::from(digit & 15);
    }
    (seen < 16).then_some(value)
}

/// The value of each byte as a digit; 16 for what is none.
const VALUES: [u8; 256] = {
    let mut values = [16; 256];
    let mut value = 0;
    while value < 16 {
        #[expect(clippy::indexing_slicing, reason = "worked out by the compiler")]
        {
            values[hex_digit(value) as usize] = value as u8;
        }
        value += 1;
    }
    values
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        for value in [0, 1, 9, 10, 15, 16, 0xdead_beef, 0x0123_4567_89ab_cdef, u64::MAX] {
            let mut text = [0; 16];
            write_hex(value, &mut text);
            assert_eq!(core::str::from_utf8(&text).unwrap(), format!("{value:016x}"));
            assert_eq!(read_hex(&text), Some(value));
        }
    }

    #[test]
    fn nothing_else_is_read() {
        for text in ["A", "g", " 1", "-1", "/", ":", "`", "00000000000000000"] {
            assert_eq!(read_hex(text.as_bytes()), None, "{text}");
        }
    }
}
