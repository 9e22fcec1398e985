//! The reading of a template's segments.

use super::{PatternError, Segment, Tail};
use crate::config::EncodedSlash;
use crate::http::path::{is_plain_segment, normalise};

/// Reads the segments of a template, one after the other.
pub(super) struct Parser {
    pub(super) slash: EncodedSlash,
    pub(super) tail: Tail,
    pub(super) segments: Vec<Segment>,
}

impl Parser {
    pub(super) fn push(&mut self, text: &str, last: bool) -> Result<(), PatternError> {
        if text.is_empty() {
            if !last || self.tail == Tail::Prefix {
                return Err(PatternError::EmptySegment);
            }
            self.segments.push(Segment::Literal("".into()));
            return Ok(());
        }
        if is_plain_segment(text) {
            self.segments.push(Segment::Literal(text.into()));
            return Ok(());
        }
        self.push_other(text, last)
    }

    /// A segment that is no text that stands for itself.
    #[inline(never)]
    fn push_other(&mut self, text: &str, last: bool) -> Result<(), PatternError> {
        if text.contains("{'") {
            let literal = self.literal(&unquoted(text)?)?;
            self.segments.push(Segment::Literal(literal));
            return Ok(());
        }
        if !text.contains(['{', '}']) {
            let literal = self.literal(text)?;
            self.segments.push(Segment::Literal(literal));
            return Ok(());
        }
        let inner = text.strip_prefix('{').and_then(|t| t.strip_suffix('}'));
        let Some(inner) = inner.filter(|t| !t.contains(['{', '}'])) else {
            return Err(if balanced(text) {
                PatternError::PartialSegment(text.to_owned(), None)
            } else {
                PatternError::Braces(text.to_owned())
            });
        };
        if let Some(name) = inner.strip_prefix('*') {
            let name = self.name(name)?;
            if !last || self.tail != Tail::End {
                return Err(PatternError::CatchAllPlace(text.to_owned()));
            }
            self.tail = Tail::CatchAll(name);
        } else {
            let name = self.name(inner)?;
            self.segments.push(Segment::Parameter(name));
        }
        Ok(())
    }

    /// A name that templates can refer to.
    fn name(&self, name: &str) -> Result<Box<str>, PatternError> {
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')) {
            return Err(PatternError::Name(name.to_owned()));
        }
        if self.segments.iter().any(|segment| matches!(segment, Segment::Parameter(other) if **other == *name)) {
            return Err(PatternError::DuplicateName(name.to_owned()));
        }
        Ok(name.into())
    }

    /// The normal form of a literal segment. Characters beyond ASCII stand for their UTF-8 octets (RFC 3987 §3.1).
    #[inline(never)]
    fn literal(&self, text: &str) -> Result<Box<str>, PatternError> {
        let mut path = String::with_capacity(text.len() + 1);
        path.push('/');
        let mut utf8 = [0; 4];
        for c in text.chars() {
            if c.is_ascii() {
                path.push(c);
            } else {
                path.extend(c.encode_utf8(&mut utf8).bytes().map(|byte| format!("%{byte:02X}")));
            }
        }
        let lower = if text.contains('%') { text.to_ascii_lowercase() } else { String::new() };
        if matches!(text, "." | "..") || matches!(&*lower.replace("%2e", "."), "." | "..") {
            return Err(PatternError::DotSegment);
        }
        if self.slash != EncodedSlash::Keep && lower.contains("%2f") {
            return Err(PatternError::EncodedSlash(self.slash));
        }
        let normal = normalise(&path, self.slash).map_err(PatternError::Path)?;
        normal.strip_prefix('/').map(Into::into).ok_or(PatternError::NotAbsolute)
    }
}

/// The text of a segment with parts in `{'…'}`, which stand for themselves.
#[inline(never)]
fn unquoted(segment: &str) -> Result<String, PatternError> {
    let (mut out, mut rest) = (String::with_capacity(segment.len()), segment);
    while let Some((plain, quoted)) = rest.split_once("{'") {
        let Some((text, after)) = quoted.split_once("'}") else { return Err(PatternError::Braces(segment.to_owned())) };
        if plain.contains(['{', '}']) {
            return Err(PatternError::PartialSegment(segment.to_owned(), None));
        }
        out.push_str(plain);
        // As itself, a percent sign begins no encoding.
        out.push_str(&text.replace('%', "%25"));
        rest = after;
    }
    if rest.contains(['{', '}']) {
        return Err(PatternError::PartialSegment(segment.to_owned(), None));
    }
    out.push_str(rest);
    Ok(out)
}

/// Returns whether braces open and close in `text`, unnested.
fn balanced(text: &str) -> bool {
    let mut open = false;
    for c in text.chars() {
        match c {
            '{' if open => return false,
            '}' if !open => return false,
            '{' | '}' => open = !open,
            _ => {}
        }
    }
    !open
}
