//! The stored responses of one URI.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_CHARSET, ACCEPT_ENCODING, ACCEPT_LANGUAGE, AUTHORIZATION, COOKIE, ORIGIN, USER_AGENT,
};
use http::{HeaderMap, HeaderName};

use super::asked::Asked;
use super::choosing::holds;
use super::entry::Entry;
use super::vary::matches;
use crate::time::Timestamp;

/// The most responses that are stored for one URI; then the oldest goes.
const MOST_VARIANTS: usize = 32;

/// The stored responses of one URI, the latest last.
#[derive(Clone, Debug, Default)]
pub struct Resource {
    /// The responses.
    pub variants: Vec<Arc<Variant>>,
    /// The parts whose responses are not stored, and the time until which that is known. Where flights are those of one process, it knows by itself.
    pub unshared: Vec<(Box<str>, Timestamp)>,
}

/// A stored response.
#[derive(Debug)]
pub struct Variant {
    /// The part of the requests for the URI that it may answer: see [`Cache::part`](crate::policy::cache::Cache::part).
    pub part: Box<str>,
    /// The time at which it was asked for. What was purged since is not it.
    pub asked: Timestamp,
    /// The time until which it is of use.
    pub until: Timestamp,
    /// Its status and fields, and what follows from them.
    pub entry: Entry,
    /// Its content.
    pub content: Content,
}

/// The content of a stored response.
#[derive(Clone, Debug)]
pub enum Content {
    /// At hand.
    Here(Bytes),
    /// In the store, under a name of its own.
    There {
        /// The name.
        name: Box<str>,
        /// The length in bytes.
        length: u64,
    },
}

impl Content {
    /// The length in bytes.
    #[must_use]
    pub const fn length(&self) -> u64 {
        match self {
            Self::Here(bytes) => bytes.len() as u64,
            Self::There { length, .. } => *length,
        }
    }
}

/// The response that answers a request, among the stored ones.
#[derive(Debug)]
pub enum Found<'r> {
    /// None is stored.
    Nothing,
    /// Those that are stored answer other requests.
    Others,
    /// This one.
    This(&'r Arc<Variant>),
}

impl Resource {
    /// The latest response of this `part` that these fields choose (RFC 9111 §4.1) and that has what is asked for.
    #[must_use]
    pub fn find(&self, part: &str, headers: &HeaderMap, asked: &Asked) -> Found<'_> {
        let mut of_part = self.variants.iter().rev().filter(|variant| *variant.part == *part).peekable();
        if of_part.peek().is_none() {
            return Found::Nothing;
        }
        let is_chosen = |variant: &&Arc<Variant>| holds(&variant.entry, asked) && matches(&variant.entry, headers);
        of_part.find(is_chosen).map_or(Found::Others, Found::This)
    }

    /// The same responses with `new` in place of what it replaces: what is chosen by the same values of the same fields.
    #[must_use]
    pub fn with(&self, new: Arc<Variant>) -> Self {
        let is_other = |known: &&Arc<Variant>| {
            let is_same =
                known.part == new.part && known.entry.varies == new.entry.varies && known.entry.part == new.entry.part;
            !is_same && known.until > new.asked
        };
        let mut variants: Vec<Arc<Variant>> = Vec::with_capacity(self.variants.len() + 1);
        variants.extend(self.variants.iter().filter(is_other).cloned());
        if variants.len() >= MOST_VARIANTS {
            variants.remove(0);
        }
        let unshared = self.unshared.iter().filter(|(part, until)| *part != new.part && *until > new.asked);
        let unshared = unshared.cloned().collect();
        variants.push(new);
        Self { variants, unshared }
    }

    /// The same responses, of which those of this `part` are known at `now` not to be stored, `until` then.
    #[must_use]
    pub fn with_unshared(&self, part: &str, now: Timestamp, until: Timestamp) -> Self {
        let is_other = |(known, until): &&(Box<str>, Timestamp)| **known != *part && *until > now;
        let mut unshared: Vec<_> = self.unshared.iter().filter(is_other).cloned().collect();
        if unshared.len() >= MOST_VARIANTS {
            unshared.remove(0);
        }
        unshared.push((part.into(), until));
        Self { variants: self.variants.clone(), unshared }
    }

    /// Returns whether a response was chosen by fields other than those that clients alone write.
    #[must_use]
    pub fn varies_by_others(&self) -> bool {
        let mut names = self.variants.iter().flat_map(|variant| &variant.entry.varies).map(|(name, _)| name);
        names.any(|name| !is_of_client(name))
    }

    /// Returns whether it is known at `now` that the responses of this `part` are not stored.
    #[must_use]
    pub fn is_unshared(&self, part: &str, now: Timestamp) -> bool {
        self.unshared.iter().any(|(known, until)| **known == *part && now < *until)
    }

    /// The time until which any of it is of use.
    #[must_use]
    pub fn until(&self) -> Timestamp {
        let unshared = self.unshared.iter().map(|(_, until)| *until);
        self.variants.iter().map(|variant| variant.until).chain(unshared).max().unwrap_or_default()
    }

    /// The memory that it takes, about, in bytes.
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.variants.iter().map(|variant| variant.weight()).sum()
    }
}

/// Returns whether the field called `name` reaches an upstream as the client has sent it.
fn is_of_client(name: &HeaderName) -> bool {
    const NAMES: [HeaderName; 8] =
        [ACCEPT_ENCODING, ORIGIN, ACCEPT, ACCEPT_LANGUAGE, COOKIE, AUTHORIZATION, USER_AGENT, ACCEPT_CHARSET];
    NAMES.contains(name)
}

impl Variant {
    fn weight(&self) -> u64 {
        let content = match &self.content {
            Content::Here(bytes) => bytes.len(),
            Content::There { name, .. } => name.len(),
        };
        // A field takes a place in two tables beside its text.
        let fields: usize =
            self.entry.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 128).sum();
        let varies: usize = self.entry.varies.iter().map(|(_, value)| 64 + value.as_ref().map_or(0, |v| v.len())).sum();
        let tags: usize = self.entry.tags.iter().map(|tag| tag.len() + 16).sum();
        (size_of::<Self>() + self.part.len() + content + fields + varies + tags + 64) as u64
    }
}
