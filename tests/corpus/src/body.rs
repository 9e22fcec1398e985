//! Texts and bodies as a case writes them.

use bytes::Bytes;
use edgeway_codings::Encoder;
use gateway_core::http::content_coding::Coding;
use gateway_core::ports::Encoding;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A text, written as it is, as `{"repeat": "a", "times": n}`, or as `{"join": […]}` of such texts.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        spell_out(Value::deserialize(deserializer)?).map(Self).map_err(serde::de::Error::custom)
    }
}

/// The text that `value` spells.
pub(crate) fn spell_out(value: Value) -> Result<String, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Repeat {
        repeat: String,
        times: usize,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Join {
        join: Vec<Text>,
    }
    match value {
        Value::String(text) => Ok(text),
        Value::Object(ref members) if members.contains_key("join") => serde_json::from_value(value)
            .map(|Join { join }| join.into_iter().map(|Text(part)| part).collect())
            .map_err(|error| error.to_string()),
        Value::Object(_) => serde_json::from_value(value)
            .map(|Repeat { repeat, times }| repeat.repeat(times))
            .map_err(|error| error.to_string()),
        other => Err(format!("`{other}` is no text")),
    }
}

/// Reads a text in any of its spellings.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Text::deserialize(deserializer).map(|Text(text)| text)
}

/// Reads header fields, whose values may be texts in any of their spellings.
pub(crate) fn fields<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, String)>, D::Error> {
    let fields = Vec::<(String, Text)>::deserialize(deserializer)?;
    Ok(fields.into_iter().map(|(name, Text(value))| (name, value)).collect())
}

/// The codings that a content may be sent in.
const CODINGS: [(&str, Coding); 3] = [("gzip", Coding::Gzip), ("br", Coding::Brotli), ("zstd", Coding::Zstd)];

/// The content of a message.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Value")]
pub enum Content {
    /// Sent with `Content-Length`.
    Text(String),
    /// Sent with `Content-Length`: a text in a content coding.
    Encoded(Bytes),
    /// Sent with `Transfer-Encoding: chunked`, each piece as one chunk.
    Chunks(Vec<String>),
}

impl Content {
    /// The content without its framing.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        match self {
            Self::Text(text) => text.clone().into(),
            Self::Encoded(bytes) => bytes.clone(),
            Self::Chunks(chunks) => chunks.concat().into(),
        }
    }

    /// The pieces in which the content is sent.
    #[must_use]
    pub fn pieces(&self) -> Vec<Bytes> {
        const PIECE: usize = 65_536;
        match self {
            Self::Chunks(chunks) => chunks.iter().map(|chunk| chunk.clone().into()).collect(),
            Self::Text(_) | Self::Encoded(_) => {
                let bytes = self.bytes();
                (0..bytes.len()).step_by(PIECE).map(|at| bytes.slice(at..bytes.len().min(at + PIECE))).collect()
            }
        }
    }

    /// Puts in the places of upstreams that its text names: `%HOST(a.test)%`, `%PORT(a.test)%`. `place` says where one really is.
    pub fn place(&mut self, place: impl Fn(&str) -> (String, u16)) {
        let Self::Text(text) = self else { return };
        for kind in ["HOST", "PORT"] {
            let open = format!("%{kind}(");
            while let Some((before, (authority, after))) =
                text.split_once(&open).and_then(|(before, rest)| Some((before, rest.split_once(")%")?)))
            {
                let (host, port) = place(authority);
                *text = format!("{before}{}{after}", if kind == "HOST" { host } else { port.to_string() });
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
            chunks: Vec<Text>,
        }
        match value {
            Value::Object(ref members) if members.contains_key("chunks") => serde_json::from_value(value)
                .map(|Chunks { chunks }| Self::Chunks(chunks.into_iter().map(|Text(chunk)| chunk).collect()))
                .map_err(|error| error.to_string()),
            Value::Object(ref members) if CODINGS.iter().any(|(name, _)| members.contains_key(*name)) => {
                let coded = CODINGS.iter().find_map(|(name, coding)| Some((*coding, members.get(*name)?.clone())));
                let (coding, text) = coded.unwrap_or((Coding::Gzip, Value::Null));
                let text = spell_out(text)?;
                let mut encoder = Encoder::new(Encoding { coding, level: 1 });
                encoder.write(text.as_bytes());
                encoder.finish().map_err(|_| "no memory".to_owned())?;
                Ok(Self::Encoded(encoder.take()))
            }
            other => spell_out(other).map(Self::Text),
        }
    }
}
