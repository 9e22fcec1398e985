//! White space and comments.

use super::Parser;

impl Parser<'_> {
    /// Skips white space and comments.
    pub(in crate::config) fn skip(&mut self) {
        loop {
            let mut rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
            loop {
                rest = match rest {
                    [b'\n', tail @ ..] => past_indentation(tail),
                    [b' ' | b'\t' | b'\r', tail @ ..] => tail,
                    _ => break,
                };
            }
            self.at = self.text.len() - rest.len();
            if !matches!(rest, [b'/' | b'#', ..]) || !self.skip_comment() {
                return;
            }
        }
    }

    /// Skips a comment; `false` if there is none, or the rest of the text is lost in it.
    #[cold]
    #[inline(never)]
    fn skip_comment(&mut self) -> bool {
        let start = self.at;
        let rest = self.rest();
        let Some(length) = comment_length(rest) else {
            if rest.starts_with("/*") {
                self.at = self.text.len();
                self.stop(start..start + 2, "the comment is not closed", "close it with `*/`");
            }
            return false;
        };
        self.at += length;
        if rest.starts_with('#') {
            self.fault(start..self.at, "a comment with `#`", "begin it with `//`");
        }
        !self.stopped
    }
}

/// The rest of a line after its leading spaces, one of which may be left. Half of a text for people is such spaces.
fn past_indentation(line: &[u8]) -> &[u8] {
    const EIGHT: &[u8; 8] = b"        ";
    let mut rest = line;
    while let Some((EIGHT, tail)) = rest.split_first_chunk() {
        rest = tail;
    }
    while let [b' ', b' ', tail @ ..] = rest {
        rest = tail;
    }
    rest
}

/// The length of the comment that `text` begins with: `//` and `#`, which is a slip, to the end of the line, and `/*` to
/// `*/`. `None` if it begins with none, or with one that is not closed.
pub(in crate::config) fn comment_length(text: &str) -> Option<usize> {
    if text.starts_with("//") || text.starts_with('#') {
        Some(text.find(['\n', '\r']).unwrap_or(text.len()))
    } else {
        text.strip_prefix("/*")?.find("*/").map(|end| end + 4)
    }
}
