//! The content of a message as a case writes it.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

/// The content of a message: text, chunks, or a piece repeated.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Value")]
pub enum Content {
    /// Text, sent with `Content-Length`.
    Text(String),
    /// Pieces, sent with `Transfer-Encoding: chunked`, each as one chunk.
    Chunks(Vec<String>),
    /// A piece so many times, sent with `Content-Length`.
    Repeat {
        /// The piece.
        piece: String,
        /// How many times.
        times: usize,
    },
}

impl Content {
    /// The content without its framing.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        match self {
            Self::Text(text) => text.clone().into(),
            Self::Chunks(chunks) => chunks.concat().into(),
            Self::Repeat { piece, times } => piece.repeat(*times).into(),
        }
    }

    /// The pieces in which the content is sent.
    #[must_use]
    pub fn pieces(&self) -> Vec<Bytes> {
        match self {
            Self::Chunks(chunks) => chunks.iter().map(|chunk| chunk.clone().into()).collect(),
            Self::Text(_) | Self::Repeat { .. } => {
                let bytes = self.bytes();
                (0..bytes.len()).step_by(65_536).map(|at| bytes.slice(at..bytes.len().min(at + 65_536))).collect()
            }
        }
    }

    /// Whether it is sent with `Transfer-Encoding: chunked`.
    #[must_use]
    pub const fn is_chunked(&self) -> bool {
        matches!(self, Self::Chunks(_))
    }
}

impl TryFrom<Value> for Content {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Chunks {
            chunks: Vec<String>,
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Repeat {
            repeat: String,
            times: usize,
        }
        match value {
            Value::String(text) => Ok(Self::Text(text)),
            Value::Object(ref members) if members.contains_key("chunks") => {
                serde_json::from_value(value).map(|Chunks { chunks }| Self::Chunks(chunks)).map_err(|e| e.to_string())
            }
            Value::Object(_) => serde_json::from_value(value)
                .map(|Repeat { repeat, times }| Self::Repeat { piece: repeat, times })
                .map_err(|e| e.to_string()),
            _ => Err("a body is text, `{\"chunks\": […]}` or `{\"repeat\": \"…\", \"times\": n}`".to_owned()),
        }
    }
}
