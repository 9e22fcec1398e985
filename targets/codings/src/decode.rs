//! Contents out of their codings, as a whole and within a limit.

use std::io::{BufRead, ErrorKind, Read};

use brotli::enc::StandardAlloc;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use bytes::Bytes;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use gateway_core::http::content_decoding::{DecodeError, Decoding, is_zlib};

/// The size of a step, in bytes.
const STEP: usize = 16 * 1024;

/// The largest window of Zstandard that is taken, as a power of two: 8 MiB (RFC 9659 §3).
#[cfg(feature = "zstd")]
const ZSTD_WINDOW: u32 = 23;

/// Decodes `content`, which has these codings, the last that was applied first. No more than `limit` bytes come of any of them.
///
/// Beside what comes of it, a coding takes its window, of 16 MiB at the most.
///
/// # Errors
/// A [`DecodeError`].
pub fn decode(content: Bytes, codings: &[Decoding], limit: u64) -> Result<Bytes, DecodeError> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut content = content;
    for coding in codings {
        content = match coding {
            Decoding::Gzip => gzip(&content, limit)?,
            Decoding::Deflate if is_zlib(&content) => {
                read_to_end(ZlibDecoder::new(&*content), limit, ZlibDecoder::into_inner)?
            }
            Decoding::Deflate => read_to_end(DeflateDecoder::new(&*content), limit, DeflateDecoder::into_inner)?,
            Decoding::Brotli => brotli(&content, limit)?,
            Decoding::Zstd => zstd(&content, limit)?,
        }
        .into();
    }
    Ok(content)
}

/// Members follow one another (RFC 1952 §2.2); nothing else does.
fn gzip(content: &[u8], limit: usize) -> Result<Vec<u8>, DecodeError> {
    if content.is_empty() {
        return Err(DecodeError::Malformed);
    }
    read_to_end(MultiGzDecoder::new(content), limit, MultiGzDecoder::into_inner)
}

/// Reads all that `reader` yields, behind which nothing may be left of its `source`.
fn read_to_end<R: Read, S: BufRead>(
    mut reader: R,
    limit: usize,
    source: impl FnOnce(R) -> S,
) -> Result<Vec<u8>, DecodeError> {
    let mut decoded = Vec::new();
    let mut step = [0; STEP];
    loop {
        match reader.read(&mut step) {
            Ok(0) => break,
            Ok(count) => add(&mut decoded, step.get(..count).unwrap_or_default(), limit)?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return Err(DecodeError::Malformed),
        }
    }
    let is_over = source(reader).fill_buf().is_ok_and(<[u8]>::is_empty);
    if is_over { Ok(decoded) } else { Err(DecodeError::Malformed) }
}

/// Adds `piece` to what is `decoded`, for which no more memory is taken than `limit`.
fn add(decoded: &mut Vec<u8>, piece: &[u8], limit: usize) -> Result<(), DecodeError> {
    let length = decoded.len().saturating_add(piece.len());
    if length > limit {
        return Err(DecodeError::TooLarge);
    }
    if length > decoded.capacity() {
        let capacity = decoded.capacity().saturating_mul(2).clamp(length, limit);
        decoded.reserve_exact(capacity - decoded.len());
    }
    decoded.extend_from_slice(piece);
    Ok(())
}

fn brotli(content: &[u8], limit: usize) -> Result<Vec<u8>, DecodeError> {
    let mut state =
        BrotliState::new_strict(StandardAlloc::default(), StandardAlloc::default(), StandardAlloc::default());
    let (mut available_in, mut offset_in, mut total) = (content.len(), 0, 0);
    let mut decoded = Vec::new();
    let mut step = [0; STEP];
    loop {
        let (mut available_out, mut offset_out) = (step.len(), 0);
        let result = BrotliDecompressStream(
            &mut available_in,
            &mut offset_in,
            content,
            &mut available_out,
            &mut offset_out,
            &mut step,
            &mut total,
            &mut state,
        );
        add(&mut decoded, step.get(..offset_out).unwrap_or_default(), limit)?;
        match result {
            BrotliResult::ResultSuccess if available_in == 0 => return Ok(decoded),
            BrotliResult::NeedsMoreOutput => {}
            BrotliResult::ResultSuccess | BrotliResult::NeedsMoreInput | BrotliResult::ResultFailure => {
                return Err(DecodeError::Malformed);
            }
        }
    }
}

#[cfg(feature = "zstd")]
fn zstd(content: &[u8], limit: usize) -> Result<Vec<u8>, DecodeError> {
    if content.is_empty() {
        return Err(DecodeError::Malformed);
    }
    let mut decoder = zstd::stream::read::Decoder::with_buffer(content).map_err(|_| DecodeError::Malformed)?;
    decoder.window_log_max(ZSTD_WINDOW).map_err(|_| DecodeError::Malformed)?;
    read_to_end(decoder, limit, zstd::stream::read::Decoder::finish)
}

#[cfg(not(feature = "zstd"))]
fn zstd(_: &[u8], _: usize) -> Result<Vec<u8>, DecodeError> {
    Err(DecodeError::Unknown)
}
