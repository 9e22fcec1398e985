//! The JSON of operators' entries in the key-value store, and of the requests that make them: one form for all, since each costs its room
//! in a Worker.

use serde::{Deserialize, Serialize};

/// The members of such JSON. Every use has its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Content {
    /// Of revoked tokens: the time before which they are void, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<i64>,
    /// Of an API key: the name of the consumer who has it.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub consumer: Box<str>,
    /// Of an API key: its identifier, which may be shown.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub id: Box<str>,
    /// The time from which an API key is void, or from which an entry of revoked tokens need not be kept, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
    /// Of an API key: the scopes that it has.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub scopes: Box<[Box<str>]>,
    /// Of an API key: set if it is not taken for the time being.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub disabled: bool,
    /// Of an API key: the way in which its digest was made, `sha256` or `hmac`, as who stores it says. It is not stored.
    #[serde(skip_serializing)]
    pub digest: Box<str>,
}

impl Content {
    /// Reads it; nothing is as good as `{}`.
    #[must_use]
    pub fn read(text: &[u8]) -> Option<Self> {
        let is_object = text.trim_ascii_start().first().is_none_or(|first| *first == b'{');
        if text.is_empty() { Some(Self::default()) } else { serde_json::from_slice(text).ok().filter(|_| is_object) }
    }

    /// Returns whether it has nothing of an API key but for `expires`.
    #[must_use]
    pub fn is_of_no_key(&self) -> bool {
        self.consumer.is_empty()
            && self.id.is_empty()
            && self.scopes.is_empty()
            && !self.disabled
            && self.digest.is_empty()
    }
}
