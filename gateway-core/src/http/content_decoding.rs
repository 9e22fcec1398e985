//! The codings that a content comes in (RFC 9110 §8.4).

use core::fmt;

use http::HeaderMap;
use http::header::CONTENT_ENCODING;

/// The most codings of one content. More than one is rare, and each can make much of little.
pub const MOST_CODINGS: usize = 2;

/// A content coding that content can be decoded from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoding {
    /// `gzip` (RFC 1952), of one member or several.
    Gzip,
    /// `deflate`: zlib (RFC 1950), or bare (RFC 1951), as some senders have it (RFC 9110 §8.4.1.2).
    Deflate,
    /// `br` (RFC 7932).
    Brotli,
    /// `zstd` (RFC 8878) with a window of 8 MiB at the most (RFC 9659 §3), of one frame or several.
    Zstd,
}

/// The reason why a content can't be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// It has a coding that is not known here, or too many.
    Unknown,
    /// It is not what its coding says: malformed, cut off, or with something behind its end.
    Malformed,
    /// It is longer than its limit.
    TooLarge,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "the content has a coding that is not known here",
            Self::Malformed => "the content is not what its coding says",
            Self::TooLarge => "the decoded content is larger than its limit",
        })
    }
}

impl core::error::Error for DecodeError {}

/// The codings of a content with these `headers`, in the order in which they are to be decoded: the last that was applied first. None of
/// them is `identity`.
///
/// # Errors
/// [`DecodeError::Unknown`].
pub fn codings(headers: &HeaderMap) -> Result<Vec<Decoding>, DecodeError> {
    let mut found = Vec::new();
    for name in headers.get_all(CONTENT_ENCODING).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b',')) {
        let name = name.trim_ascii();
        if name.is_empty() || name.eq_ignore_ascii_case(b"identity") {
            continue;
        }
        let decoding = [
            (&b"gzip"[..], Decoding::Gzip),
            (b"x-gzip", Decoding::Gzip),
            (b"deflate", Decoding::Deflate),
            (b"br", Decoding::Brotli),
            (b"zstd", Decoding::Zstd),
        ]
        .into_iter()
        .find(|(known, _)| name.eq_ignore_ascii_case(known));
        let Some((_, decoding)) = decoding.filter(|_| found.len() < MOST_CODINGS) else {
            return Err(DecodeError::Unknown);
        };
        found.insert(0, decoding);
    }
    Ok(found)
}

/// Returns whether a content in `deflate` begins as zlib does (RFC 1950 §2.2); else it is bare.
#[must_use]
pub fn is_zlib(content: &[u8]) -> bool {
    let Some([method, flags]) = content.first_chunk() else { return false };
    method & 0x0f == 8 && method >> 4 <= 7 && u16::from_be_bytes([*method, *flags]).is_multiple_of(31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::fields;

    fn found(lines: &[&str]) -> Result<Vec<Decoding>, DecodeError> {
        let list: Vec<_> = lines.iter().map(|line| ("content-encoding", *line)).collect();
        codings(&fields(&list))
    }

    /// RFC 9110 §8.4: they are listed in the order in which they were applied; §8.4.1.3: `x-gzip` is `gzip`.
    #[test]
    fn the_last_coding_is_decoded_first() {
        assert_eq!(found(&[]), Ok(vec![]));
        assert_eq!(found(&["identity"]), Ok(vec![]));
        assert_eq!(found(&["X-GZip"]), Ok(vec![Decoding::Gzip]));
        assert_eq!(found(&["deflate, br"]), Ok(vec![Decoding::Brotli, Decoding::Deflate]));
        assert_eq!(found(&["gzip", "zstd"]), Ok(vec![Decoding::Zstd, Decoding::Gzip]));
    }

    #[test]
    fn what_is_unknown_or_too_much_is_refused() {
        for lines in [&["compress"][..], &["gzip, aes128gcm"], &["gzip, gzip, gzip"], &["gzip;q=1"]] {
            assert_eq!(found(lines), Err(DecodeError::Unknown), "{lines:?}");
        }
    }
}
