//! The stored responses of one URI.

use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_CHARSET, ACCEPT_ENCODING, ACCEPT_LANGUAGE, AUTHORIZATION, COOKIE, ORIGIN, USER_AGENT,
};
use http::{HeaderMap, HeaderName};

use super::asked::Asked;
use super::choosing::holds;
use super::entry::Entry;
use super::vary::{matches, vary_hash};
use crate::numbers::Numbered;
use crate::time::Timestamp;

/// The most responses that are stored of one part, of which the oldest goes then.
const MOST_OF_PART: usize = 32;

/// The most responses that are stored for one URI. Then the oldest of the part with most of them goes: no caller pushes out the others'.
const MOST_VARIANTS: usize = 256;

/// The most parts of which it is known that they are not stored.
const MOST_UNSHARED: usize = 32;

/// The time for which it is known that what was stored is gone: an exchange that was under way then is over by its end, nearly always.
const ENDED_FOR: Duration = Duration::from_secs(600);

/// The stored responses of one URI, the one that was asked for last at the end.
#[derive(Clone, Debug, Default)]
pub struct Resource {
    /// The responses.
    pub variants: Vec<Arc<Variant>>,
    /// The parts whose responses are not stored, and the time until which that is known. Where flights are those of one process, it knows by itself.
    pub unshared: Vec<(Box<str>, Timestamp)>,
    /// The time at which all that was stored ended. What was asked for before is not stored any more: it may show what was there before a change.
    pub ended: Option<Timestamp>,
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

    /// Nothing, as all that was stored has ended at `now`.
    #[must_use]
    pub const fn ended(now: Timestamp) -> Self {
        Self { variants: Vec::new(), unshared: Vec::new(), ended: Some(now) }
    }

    /// The same responses with `new` in place of what it replaces: what is chosen by the same values of the same fields, and was asked for
    /// before. They stay as they are if something younger is there, or if what was asked for at that time has ended: a content that comes
    /// slowly is older than those that came meanwhile (RFC 9111 §4: the most recent one is used).
    #[must_use]
    pub fn with(&self, new: Arc<Variant>) -> Self {
        let is_same = |known: &Variant| {
            known.part == new.part && known.entry.varies == new.entry.varies && known.entry.part == new.entry.part
        };
        let is_late = self.ended.is_some_and(|ended| new.asked <= ended);
        if is_late || self.variants.iter().any(|known| is_same(known) && known.asked > new.asked) {
            return self.clone();
        }
        let is_other = |known: &&Arc<Variant>| !is_same(known) && known.until > new.asked;
        let mut variants: Vec<Arc<Variant>> = Vec::with_capacity(self.variants.len() + 1);
        variants.extend(self.variants.iter().filter(is_other).cloned());
        let of_part = |known: &&Arc<Variant>| known.part == new.part;
        if variants.iter().filter(of_part).count() >= MOST_OF_PART
            && let Some(oldest) = variants.iter().position(|known| of_part(&known))
        {
            variants.remove(oldest);
        }
        let unshared = self.unshared.iter().filter(|(part, until)| *part != new.part && *until > new.asked);
        let unshared = unshared.cloned().collect();
        let older = variants.iter().take_while(|known| known.asked <= new.asked).count();
        variants.insert(older, new);
        let mut with = Self { variants, unshared, ended: self.ended };
        while with.variants.len() > MOST_VARIANTS && with.shorten(|_| 1) {}
        with
    }

    /// As many of the responses as `most` bytes have room for. Of the part that takes most of it the oldest goes first; one response stays,
    /// whatever it takes.
    #[must_use]
    pub fn within(mut self, most: u64) -> Self {
        while self.weight() > most && self.shorten(Variant::weight) {}
        self
    }

    /// Returns whether `variant` is one of the responses.
    #[must_use]
    pub fn has(&self, variant: &Arc<Variant>) -> bool {
        self.variants.iter().any(|known| Arc::ptr_eq(known, variant))
    }

    /// Removes the oldest response of the parts that take most; false if there is but one response.
    fn shorten(&mut self, taken: impl Fn(&Variant) -> u64) -> bool {
        if self.variants.len() <= 1 {
            return false;
        }
        let mut parts = Numbered::<u64>::default();
        for variant in &self.variants {
            if let Some(of_part) = parts.of(&variant.part) {
                *of_part = of_part.saturating_add(taken(variant));
            }
        }
        // Those that take about as much are alike: else the latest, were it the longest by a little, would never stay.
        let most = parts.iter().map(|(_, taken)| *taken).max().unwrap_or_default();
        let takes_most = |variant: &Arc<Variant>| parts.find(&variant.part).is_some_and(|taken| *taken > most / 2);
        let oldest = self.variants.iter().position(takes_most);
        oldest.map(|oldest| self.variants.remove(oldest)).is_some()
    }

    /// The same responses, of which those of this `part` are known at `now` not to be stored, `until` then.
    #[must_use]
    pub fn with_unshared(&self, part: &str, now: Timestamp, until: Timestamp) -> Self {
        let is_other = |(known, until): &&(Box<str>, Timestamp)| **known != *part && *until > now;
        let mut unshared: Vec<_> = self.unshared.iter().filter(is_other).cloned().collect();
        if unshared.len() >= MOST_UNSHARED {
            unshared.remove(0);
        }
        unshared.push((part.into(), until));
        Self { variants: self.variants.clone(), unshared, ended: self.ended }
    }

    /// The time at which the latest response of this `part` was asked for.
    #[must_use]
    pub fn latest(&self, part: &str) -> Option<Timestamp> {
        self.variants.iter().filter(|variant| *variant.part == *part).map(|variant| variant.asked).max()
    }

    /// A hash of the values in a request with these `headers` by which the latest response of this `part` was chosen; none if it was chosen by no
    /// fields.
    #[must_use]
    pub fn chosen_by(&self, part: &str, headers: &HeaderMap) -> Option<u64> {
        let latest = self.variants.iter().rev().find(|variant| *variant.part == *part)?;
        let names = latest.entry.varies.iter().map(|(name, _)| name);
        (!latest.entry.varies.is_empty()).then(|| vary_hash(names, headers))
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
        let ended = self.ended.map(|ended| ended.saturating_add(ENDED_FOR));
        self.variants.iter().map(|variant| variant.until).chain(unshared).chain(ended).max().unwrap_or_default()
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
    /// The same response, whose fields hold nothing but themselves: see [`Entry::packed`].
    #[must_use]
    pub fn packed(&self) -> Self {
        let (part, content) = (self.part.clone(), self.content.clone());
        Self { part, asked: self.asked, until: self.until, entry: self.entry.packed(), content }
    }

    fn weight(&self) -> u64 {
        let content = match &self.content {
            Content::Here(bytes) => bytes.len(),
            Content::There { name, .. } => name.len(),
        };
        // A field takes a place in two tables beside its text; they have places that are not used.
        let headers = &self.entry.headers;
        let texts: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
        let fields = headers.capacity().max(headers.len()) * 112 + texts;
        let varies: usize = self.entry.varies.iter().map(|(_, value)| 64 + value.as_ref().map_or(0, |v| v.len())).sum();
        let tags: usize = self.entry.tags.iter().map(|tag| tag.len() + 16).sum();
        (size_of::<Self>() + self.part.len() + content + fields + varies + tags + 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::fields;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_unix_millis(millis)
    }

    fn variant(part: &str, language: Option<&str>, asked: u64) -> Arc<Variant> {
        let varies = language.map(|language| (ACCEPT_LANGUAGE, Some(language.as_bytes().into())));
        let entry = Entry { varies: varies.into_iter().collect(), ..Entry::of_nothing() };
        let content = Content::Here(Bytes::from(asked.to_string()));
        Arc::new(Variant { part: part.into(), asked: at(asked), until: at(1_000_000), entry, content })
    }

    fn found(resource: &Resource, part: &str, language: &str) -> Option<u64> {
        match resource.find(part, &fields(&[("accept-language", language)]), &Asked::default()) {
            Found::This(variant) => Some(variant.asked.unix_millis()),
            Found::Nothing | Found::Others => None,
        }
    }

    /// RFC 9111 §4: of several responses, the most recent one is used, in whatever order they have come.
    #[test]
    fn an_older_answer_never_replaces_a_younger_one() {
        let younger = Resource::default().with(variant("", None, 20));
        assert_eq!(found(&younger.with(variant("", None, 10)), "", "en"), Some(20));
        assert_eq!(found(&younger.with(variant("", None, 20)), "", "en"), Some(20));
        assert_eq!(found(&younger.with(variant("", None, 30)), "", "en"), Some(30));
        // One that is chosen by other fields stands beside it, and is still the older one.
        let both = younger.with(variant("", Some("en"), 10));
        assert_eq!((both.variants.len(), found(&both, "", "en")), (2, Some(20)));
        assert_eq!(found(&younger.with(variant("", Some("en"), 21)), "", "en"), Some(21));
    }

    /// No caller pushes out what is stored for others, and of one the oldest goes.
    #[test]
    fn the_number_of_responses_is_bounded_for_each_part() {
        let language = |number: u64| format!("l{number}");
        let mut resource = Resource::default().with(variant("ann", Some("en"), 1));
        for number in 0..100 {
            resource = resource.with(variant("eve", Some(&language(number)), 100 + number));
        }
        assert_eq!(found(&resource, "ann", "en"), Some(1));
        assert_eq!(found(&resource, "eve", &language(67)), None);
        assert_eq!(found(&resource, "eve", &language(68)), Some(168));
        for number in 0..1_000 {
            resource = resource.with(variant(&number.to_string(), Some("en"), 1_000 + number));
            assert!(resource.variants.len() <= MOST_VARIANTS);
        }
        // Those with many have lost most of them, and the latest one is there.
        assert_eq!(found(&resource, "999", "en"), Some(1_999));
        assert!(found(&resource, "eve", &language(99)).is_none() && found(&resource, "0", "en").is_none());
    }

    /// What takes too much room loses its oldest responses, and not all of them.
    #[test]
    fn a_resource_is_shortened_to_its_room() {
        let mut resource = Resource::default().with(variant("ann", Some("en"), 1));
        for number in 0..20 {
            let large = Content::Here(vec![0; 10_000].into());
            let one = Arc::into_inner(variant("eve", Some(&number.to_string()), 10 + number)).unwrap();
            resource = resource.with(Arc::new(Variant { content: large, ..one })).within(100_000);
            assert!(resource.weight() <= 100_000);
        }
        assert_eq!(found(&resource, "ann", "en"), Some(1));
        assert_eq!(found(&resource, "eve", "19"), Some(29));
        assert!((7..=10).contains(&resource.variants.len()), "{}", resource.variants.len());
        assert_eq!(resource.within(1).variants.len(), 1);
    }

    /// RFC 9111 §4.4: what was asked for before a change is not stored after it.
    #[test]
    fn what_was_asked_for_before_the_end_is_not_stored() {
        let ended = Resource::ended(at(20));
        for (asked, is_stored) in [(19, false), (20, false), (21, true)] {
            let with = ended.with(variant("", None, asked));
            assert_eq!(with.variants.len(), usize::from(is_stored), "{asked}");
            assert_eq!(with.with(variant("", Some("en"), 20)).variants.len(), usize::from(is_stored));
        }
        let known = ended.with_unshared("", at(21), at(22));
        assert_eq!(known.with(variant("", None, 20)).variants.len(), 0);
        assert_eq!(Resource::from_bytes(&known.to_bytes().into()).map(|read| read.ended), Some(Some(at(20))));
        assert_eq!(ended.until(), at(20 + 600_000));
    }
}
