//! Responses as their description has them: looked at while they pass, and never changed.

use std::sync::{Arc, Mutex};

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};

use super::{Description, MOST_FLAWS, Reading, best};
use crate::document::schema::{Side, Violation};
use crate::policy::validate::media_type;

/// A copy of content that passes, up to a number of bytes.
#[derive(Clone, Debug)]
pub struct Copy(Arc<Mutex<Copied>>);

#[derive(Debug)]
struct Copied {
    content: Vec<u8>,
    most: usize,
    /// Set if there was more.
    is_cut: bool,
}

/// A reason why content is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unchecked {
    /// It is larger than what is kept of it.
    TooLarge,
    /// It is compressed, or a part of another.
    Encoded,
    /// It takes too much work.
    TooMuch,
}

/// A response that is expected to be as a description has it.
#[derive(Debug)]
pub struct Expected {
    /// The description.
    pub description: Arc<Description>,
    /// The numbers of the operation.
    pub operation: (usize, usize),
    /// What came, once its head has.
    pub came: Option<Came>,
}

/// The head of a response, and its content as it comes.
#[derive(Debug)]
pub struct Came {
    /// Its status.
    pub status: StatusCode,
    /// Its header fields.
    pub headers: HeaderMap,
    /// Its content; none for a response that has none.
    pub content: Option<Copy>,
}

impl Copy {
    /// An empty one, of `most` bytes at the most.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self(Arc::new(Mutex::new(Copied { content: Vec::new(), most, is_cut: false })))
    }

    /// Adds the next piece of the content.
    pub fn read(&self, piece: &[u8]) {
        let Ok(mut copied) = self.0.lock() else { return };
        if copied.is_cut || copied.content.len().saturating_add(piece.len()) > copied.most {
            copied.is_cut = true;
            copied.content = Vec::new();
        } else {
            copied.content.extend_from_slice(piece);
        }
    }

    /// All of the content; none if there was more.
    #[must_use]
    pub fn take(&self) -> Option<Vec<u8>> {
        let mut copied = self.0.lock().ok()?;
        (!copied.is_cut).then(|| core::mem::take(&mut copied.content))
    }
}

impl Expected {
    /// What is wrong with the response, in words; none if it is as it has to be, or has not come.
    ///
    /// # Errors
    /// It can't be looked at.
    pub fn check(&self) -> Option<Result<Vec<String>, Unchecked>> {
        Some(self.description.check_response(self.operation, self.came.as_ref()?))
    }
}

impl Description {
    fn check_response(&self, operation: (usize, usize), came: &Came) -> Result<Vec<String>, Unchecked> {
        let Some(operation) = self.at(operation) else { return Ok(Vec::new()) };
        let status = came.status.as_u16();
        let Some(response) = operation.responses.iter().find(|response| response.is_for(status)) else {
            return Ok(vec![format!("the status {status} is not described")]);
        };
        let mut faults = Vec::new();
        for header in &response.headers {
            match header.read_header(&came.headers, false) {
                Ok(Some(value)) => {
                    let Some(schema) = header.schema else { continue };
                    let violations = self
                        .schema
                        .check_by((schema, Some(Side::Response)), &value, MOST_FLAWS)
                        .map_err(|_| Unchecked::TooMuch)?;
                    faults.extend(
                        violations.iter().map(|violation| format!("the field `{}` {}", header.name, violation.message)),
                    );
                }
                Ok(None) if header.is_required => faults.push(format!("the field `{}` is missing", header.name)),
                Ok(None) => {}
                Err(wrong) => faults.push(format!("the field `{}` {wrong}", header.name)),
            }
        }
        let (Some(media), Some(copy)) = (&response.media, &came.content) else { return Ok(faults) };
        if media.is_empty() {
            return Ok(faults);
        }
        let kind = came.headers.get(CONTENT_TYPE).and_then(media_type).unwrap_or_default();
        let Some(media) = best(media, &kind) else {
            faults.push(format!("the media type `{kind}` is not described"));
            return Ok(faults);
        };
        let Some(schema) = media.schema.filter(|_| media.reading_of(&kind) == Reading::Json) else { return Ok(faults) };
        let is_plain = |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
        if came.status == StatusCode::PARTIAL_CONTENT || !came.headers.get_all(CONTENT_ENCODING).iter().all(is_plain) {
            return Err(Unchecked::Encoded);
        }
        let content = copy.take().ok_or(Unchecked::TooLarge)?;
        match media.read((&content, Reading::Json), &came.headers, false) {
            Ok(value) => {
                let violations = self
                    .schema
                    .check_by((schema, Some(Side::Response)), &value, MOST_FLAWS)
                    .map_err(|_| Unchecked::TooMuch)?;
                let words =
                    |Violation { pointer, message, .. }: Violation| format!("the content at `{pointer}` {message}");
                faults.extend(violations.into_iter().map(words));
            }
            Err(why) => faults.push(format!("the content can't be read: {why}")),
        }
        Ok(faults)
    }
}
