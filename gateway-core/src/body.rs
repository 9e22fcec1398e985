//! A body on its way through the gateway.

use bytes::Bytes;

/// A message body: none, all of it, or the host's handle on one in transit.
///
/// **Invariant:** the core moves a [`Body::Stream`] and never polls it, so a pass-through body is neither copied nor held.
#[derive(Debug, Default)]
pub enum Body<S> {
    /// No content.
    #[default]
    Empty,
    /// All of the content.
    Full(Bytes),
    /// Content that the host streams.
    Stream(S),
}

impl<S> Body<S> {
    /// Returns whether there is certainly no content.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }
}
