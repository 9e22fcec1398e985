//! Hexadecimal digits, without the detour over `fmt`.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Writes `value` into `out` in lower case, the last digit last, as many digits as there is room.
pub(crate) fn write_hex(mut value: u64, out: &mut [u8]) {
    for slot in out.iter_mut().rev() {
        *slot = digit(value & 15);
        value >>= 4;
    }
}

/// The digit for the lowest four bits of `value`.
#[expect(clippy::indexing_slicing, reason = "the index is masked to the table's length")]
pub(crate) const fn digit(value: u64) -> u8 {
    DIGITS[(value & 15) as usize]
}

/// Reads at most 16 lower-case digits (the only ones that trace context allows), or nothing.
pub(crate) fn read_hex(digits: &[u8]) -> Option<u64> {
    if digits.len() > 16 {
        return None;
    }
    let mut value = 0;
    for byte in digits {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        value = value << 4 | u64::from(digit);
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        for value in [0, 1, 0xdead_beef, u64::MAX] {
            let mut text = [0; 16];
            write_hex(value, &mut text);
            assert_eq!(core::str::from_utf8(&text).unwrap(), format!("{value:016x}"));
            assert_eq!(read_hex(&text), Some(value));
        }
    }

    #[test]
    fn nothing_else_is_read() {
        for text in ["A", "g", " 1", "-1", "00000000000000000"] {
            assert_eq!(read_hex(text.as_bytes()), None, "{text}");
        }
    }
}
