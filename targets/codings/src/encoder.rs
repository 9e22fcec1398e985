//! A content on its way into a coding.

use core::fmt;
use std::io::Write as _;
use std::mem;

use brotli::CompressorWriter;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use gateway_core::http::content_coding::Coding;
use gateway_core::ports::Encoding;

/// The window of Brotli, as a power of two: 256 KiB. One for each response in transit stands in memory.
const BROTLI_WINDOW: u32 = 18;

/// The most that Brotli hands out at once, in bytes.
const BROTLI_OUTPUT: usize = 16 * 1024;

/// The window of Zstandard, as a power of two: 512 KiB. Clients need take no more than 8 MiB (RFC 9659 §3).
#[cfg(feature = "zstd")]
const ZSTD_WINDOW: u32 = 19;

/// A content on its way into a coding: pieces go in, and what comes of them is taken out.
pub struct Encoder {
    coder: Coder,
    /// Set if something has gone in that need not have come out.
    is_held: bool,
}

enum Coder {
    Gzip(Box<GzEncoder<Vec<u8>>>),
    Brotli(Box<CompressorWriter<Vec<u8>>>),
    #[cfg(feature = "zstd")]
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    /// All has gone in: what is left of it.
    Ended(Vec<u8>),
    /// There was no memory for it.
    #[cfg(feature = "zstd")]
    Failed(Vec<u8>),
}

/// The coding has failed: there is no memory left for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed;

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder").field("is_held", &self.is_held).finish_non_exhaustive()
    }
}

impl Encoder {
    /// One for a content that is to have this `encoding`. Where the coding is not there, which the capabilities of the platform tell
    /// beforehand, it is gzip.
    #[must_use]
    pub fn new(encoding: Encoding) -> Self {
        let level = u32::from(encoding.level);
        let coder = match encoding.coding {
            Coding::Brotli => {
                Coder::Brotli(Box::new(CompressorWriter::new(Vec::new(), BROTLI_OUTPUT, level, BROTLI_WINDOW)))
            }
            #[cfg(feature = "zstd")]
            Coding::Zstd => match zstd_encoder(encoding.level) {
                Ok(encoder) => Coder::Zstd(encoder),
                Err(_) => Coder::Failed(Vec::new()),
            },
            #[cfg(not(feature = "zstd"))]
            Coding::Zstd => Coder::Gzip(Box::new(GzEncoder::new(Vec::new(), Compression::new(level)))),
            Coding::Gzip => Coder::Gzip(Box::new(GzEncoder::new(Vec::new(), Compression::new(level)))),
        };
        Self { coder, is_held: false }
    }

    /// Takes the next piece in.
    pub fn write(&mut self, piece: &[u8]) {
        self.is_held |= !piece.is_empty();
        // Writing to memory never fails.
        let _ = match &mut self.coder {
            Coder::Gzip(writer) => writer.write_all(piece),
            Coder::Brotli(writer) => writer.write_all(piece),
            #[cfg(feature = "zstd")]
            Coder::Zstd(writer) => writer.write_all(piece),
            Coder::Ended(_) => Ok(()),
            #[cfg(feature = "zstd")]
            Coder::Failed(_) => Ok(()),
        };
    }

    /// Returns whether something is held back: [`flush`](Self::flush) has it come out.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        self.is_held
    }

    /// Has all come out that has gone in, so that whoever decodes it gets all of it.
    pub fn flush(&mut self) {
        if !mem::take(&mut self.is_held) {
            return;
        }
        let _ = match &mut self.coder {
            Coder::Gzip(writer) => writer.flush(),
            Coder::Brotli(writer) => writer.flush(),
            #[cfg(feature = "zstd")]
            Coder::Zstd(writer) => writer.flush(),
            Coder::Ended(_) => Ok(()),
            #[cfg(feature = "zstd")]
            Coder::Failed(_) => Ok(()),
        };
    }

    /// Ends the content: all of it has gone in. Without this, what comes out is recognisably cut off.
    ///
    /// # Errors
    /// If the coding has failed, so that what has come out is not whole.
    pub fn finish(&mut self) -> Result<(), Failed> {
        self.is_held = false;
        let rest = match mem::replace(&mut self.coder, Coder::Ended(Vec::new())) {
            Coder::Gzip(writer) => writer.finish().map_err(|_| Failed)?,
            Coder::Brotli(writer) => writer.into_inner(),
            #[cfg(feature = "zstd")]
            Coder::Zstd(writer) => writer.finish().map_err(|_| Failed)?,
            Coder::Ended(rest) => rest,
            #[cfg(feature = "zstd")]
            Coder::Failed(_) => return Err(Failed),
        };
        self.coder = Coder::Ended(rest);
        Ok(())
    }

    /// The number of bytes that have come out.
    #[must_use]
    pub fn ready(&self) -> usize {
        match &self.coder {
            Coder::Gzip(writer) => writer.get_ref().len(),
            Coder::Brotli(writer) => writer.get_ref().len(),
            #[cfg(feature = "zstd")]
            Coder::Zstd(writer) => writer.get_ref().len(),
            Coder::Ended(rest) => rest.len(),
            #[cfg(feature = "zstd")]
            Coder::Failed(rest) => rest.len(),
        }
    }

    /// Takes what has come out.
    pub fn take(&mut self) -> Bytes {
        mem::take(match &mut self.coder {
            Coder::Gzip(writer) => writer.get_mut(),
            Coder::Brotli(writer) => writer.get_mut(),
            #[cfg(feature = "zstd")]
            Coder::Zstd(writer) => writer.get_mut(),
            Coder::Ended(rest) => rest,
            #[cfg(feature = "zstd")]
            Coder::Failed(rest) => rest,
        })
        .into()
    }
}

#[cfg(feature = "zstd")]
fn zstd_encoder(level: u8) -> std::io::Result<zstd::stream::write::Encoder<'static, Vec<u8>>> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), i32::from(level))?;
    encoder.window_log(ZSTD_WINDOW)?;
    Ok(encoder)
}
