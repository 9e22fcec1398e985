//! Entity tags for responses that have none, and 304 for clients that have the response (RFC 9110 §8.8.3, §13).

use base64ct::{Base64UrlUnpadded, Encoding};
use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, ETAG, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE, RANGE,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use sha2::{Digest, Sha256};

use super::PolicyError;
use crate::cache::validation;
use crate::config;
use crate::time::Timestamp;

const MAX_BYTES: u64 = 1 << 20;
const MOST_BYTES: u64 = 16 << 20;

/// Bytes of the hash that a tag has: as many as make two contents with one tag a thing of chance alone that nobody lives to see.
const HASH_BYTES: usize = 16;

/// Entity tags for responses that have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Etag {
    /// Set if the tags are weak.
    pub is_weak: bool,
    /// The longest content that gets one, in bytes.
    pub max_bytes: u64,
}

/// What a request says of the response that its client has, taken before anything edits it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conditions {
    /// `If-None-Match` and `If-Modified-Since`.
    fields: HeaderMap,
    is_head: bool,
}

/// What has become of a response with a tag, for the log and the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A tag was made for it.
    Made,
    /// The client has it, and is told so.
    Matched,
}

/// The words for these, in their order.
pub(crate) const OUTCOMES: [&str; 2] = ["made", "matched"];

/// The reason why a response gets no tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untagged {
    /// The method of the request.
    Method,
    /// It asks for a part.
    Range,
    /// It has conditions that the upstream looks at.
    Conditions,
    /// The response has one already.
    Tagged,
    /// Its status.
    Status,
    /// Nobody sees the content.
    Head,
    /// Nobody may keep it.
    NotStored,
    /// Nobody knows how long its content is.
    Unknown,
    /// There is no content.
    Empty,
    /// Its content is longer than what gets one.
    TooLong,
}

impl Untagged {
    /// The reason in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Method => "only answers to GET and HEAD have one",
            Self::Range => "the request asks for a part (`Range`)",
            Self::Conditions => "the request has `If-Match` or `If-Unmodified-Since`, which the upstream looks at",
            Self::Tagged => "the response has one",
            Self::Status => "only a 200 gets one",
            Self::Head => "the content of an answer to HEAD is not known",
            Self::NotStored => "the response says `no-store`",
            Self::Unknown => "the length of the content is not stated",
            Self::Empty => "there is no content",
            Self::TooLong => "the content is longer than `maxBytes`",
        }
    }
}

impl Etag {
    /// Checks and compiles `c`.
    ///
    /// # Errors
    /// Every error in it.
    pub fn compile(c: &config::Etag) -> Result<Self, Vec<PolicyError>> {
        let max_bytes = c.max_bytes.map_or(MAX_BYTES, |size| size.0);
        if !(1..=MOST_BYTES).contains(&max_bytes) {
            return Err(vec![PolicyError::new(
                "maxBytes",
                "content of this length is not read as a whole",
                "use `1B` to `16MiB`",
            )]);
        }
        Ok(Self { is_weak: c.weak == Some(true), max_bytes })
    }

    /// Tells people of it.
    #[must_use]
    pub fn describe(&self) -> String {
        if self.is_weak { "weak entity tags" } else { "entity tags" }.to_owned()
    }

    /// Takes what a request by `method` with these `headers` says of the response that its client has.
    ///
    /// # Errors
    /// The reason why its answer is left alone: that of a request for a part, and of one whose other conditions are for the upstream to look at first
    /// (RFC 9110 §13.2.2).
    pub fn ask(method: &Method, headers: &HeaderMap) -> Result<Conditions, Untagged> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return Err(Untagged::Method);
        }
        if headers.contains_key(RANGE) {
            return Err(Untagged::Range);
        }
        if [IF_MATCH, IF_UNMODIFIED_SINCE].iter().any(|name| headers.contains_key(name)) {
            return Err(Untagged::Conditions);
        }
        let mut fields = HeaderMap::new();
        for name in [IF_NONE_MATCH, IF_MODIFIED_SINCE] {
            for value in headers.get_all(&name) {
                fields.append(name.clone(), value.clone());
            }
        }
        Ok(Conditions { fields, is_head: *method == Method::HEAD })
    }

    /// Returns whether a response with this `status`, these `headers` and content of this `length` gets a tag: not where the length is unknown, since
    /// such content may come for hours.
    ///
    /// # Errors
    /// The reason why it gets none.
    pub fn wants(
        &self,
        asked: &Conditions,
        status: StatusCode,
        headers: &HeaderMap,
        length: Option<u64>,
    ) -> Result<(), Untagged> {
        match length {
            _ if headers.contains_key(ETAG) => Err(Untagged::Tagged),
            _ if status != StatusCode::OK => Err(Untagged::Status),
            _ if asked.is_head => Err(Untagged::Head),
            _ if is_not_stored(headers) => Err(Untagged::NotStored),
            None => Err(Untagged::Unknown),
            Some(length) if length > self.max_bytes => Err(Untagged::TooLong),
            Some(_) => Ok(()),
        }
    }

    /// Gives a response the tag of its `content`.
    pub fn tag(&self, content: &[u8], headers: &mut HeaderMap) {
        let hash = Sha256::digest(content);
        let text = Base64UrlUnpadded::encode_string(hash.get(..HASH_BYTES).unwrap_or_default());
        let before = if self.is_weak { "W/\"" } else { "\"" };
        if let Ok(tag) = HeaderValue::try_from([before, &text, "\""].concat()) {
            headers.insert(ETAG, tag);
        }
    }
}

impl Conditions {
    /// Returns whether the client has the response with this `status` and these `headers`, so that it is answered 304.
    #[must_use]
    pub fn are_met(&self, status: StatusCode, headers: &HeaderMap, now: Timestamp) -> bool {
        // The content of a HEAD's answer is not known, and so its tag is not, unless it is stated.
        status == StatusCode::OK && validation::is_not_modified(&self.fields, headers, now)
    }
}

/// The length of content that a response states, if it is one number.
#[must_use]
pub fn stated_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// RFC 9111 §5.2.2.5: no client keeps it, and none ever asks by its tag.
fn is_not_stored(headers: &HeaderMap) -> bool {
    let mut members =
        headers.get_all(CACHE_CONTROL).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    members.any(|member| member.trim_ascii().eq_ignore_ascii_case(b"no-store"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::fields;

    const STRONG: Etag = Etag { is_weak: false, max_bytes: 10 };

    fn tag(etag: Etag, content: &[u8]) -> String {
        let mut headers = HeaderMap::new();
        etag.tag(content, &mut headers);
        headers[ETAG].to_str().unwrap().to_owned()
    }

    /// RFC 9110 §8.8.3: the tag is one, in quotes, and differs where the bytes do. SHA-256 of `abc` is FIPS 180-4's own example.
    #[test]
    fn a_tag_is_a_hash_of_the_content() {
        assert_eq!(tag(STRONG, b"abc"), "\"ungWv48Bz-pBQUDeXa4iIw\"");
        assert_eq!(tag(Etag { is_weak: true, ..STRONG }, b"abc"), "W/\"ungWv48Bz-pBQUDeXa4iIw\"");
        assert_ne!(tag(STRONG, b"abd"), tag(STRONG, b"abc"));
    }

    #[test]
    fn responses_with_a_tag_or_beyond_the_bound_get_none() {
        let asked = Etag::ask(&Method::GET, &HeaderMap::new()).unwrap();
        let wants = |status, list: &[(&str, &str)], length| STRONG.wants(&asked, status, &fields(list), length);
        assert_eq!(wants(StatusCode::OK, &[], Some(10)), Ok(()));
        assert_eq!(wants(StatusCode::OK, &[], Some(11)), Err(Untagged::TooLong));
        assert_eq!(wants(StatusCode::OK, &[], None), Err(Untagged::Unknown));
        assert_eq!(wants(StatusCode::CREATED, &[], Some(1)), Err(Untagged::Status));
        assert_eq!(wants(StatusCode::OK, &[("etag", "\"a\"")], Some(1)), Err(Untagged::Tagged));
        assert_eq!(wants(StatusCode::OK, &[("cache-control", "private, No-Store")], Some(1)), Err(Untagged::NotStored));
        let head = Etag::ask(&Method::HEAD, &HeaderMap::new()).unwrap();
        assert_eq!(STRONG.wants(&head, StatusCode::OK, &HeaderMap::new(), Some(1)), Err(Untagged::Head));
    }

    /// RFC 9110 §13.2.2, §14.2.
    #[test]
    fn parts_and_other_conditions_are_left_to_the_upstream() {
        for (name, why) in [
            ("range", Untagged::Range),
            ("if-match", Untagged::Conditions),
            ("if-unmodified-since", Untagged::Conditions),
        ] {
            assert_eq!(Etag::ask(&Method::GET, &fields(&[(name, "x"), ("if-none-match", "*")])), Err(why), "{name}");
        }
        assert_eq!(Etag::ask(&Method::POST, &HeaderMap::new()), Err(Untagged::Method));
    }

    /// RFC 9110 §13.1.2, §13.1.3, §13.2.2: by the weak comparison, and before `If-Modified-Since`.
    #[test]
    fn a_client_that_has_the_response_is_told_so() {
        let now = Timestamp::from_unix_millis(1_700_000_000_000);
        let met = |request: &[(&str, &str)], response: &[(&str, &str)]| {
            let asked = Etag::ask(&Method::GET, &fields(request)).unwrap();
            asked.are_met(StatusCode::OK, &fields(response), now)
        };
        let (early, late) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:38 GMT");
        assert!(met(&[("if-none-match", "\"x\", W/\"a\"")], &[("etag", "\"a\"")]));
        assert!(met(&[("if-none-match", "\"a\"")], &[("etag", "W/\"a\"")]));
        assert!(met(&[("if-none-match", "*")], &[]));
        assert!(!met(&[("if-none-match", "\"b\"")], &[("etag", "\"a\"")]));
        assert!(!met(&[("if-none-match", "\"b\""), ("if-modified-since", late)], &[("last-modified", early)]));
        assert!(met(&[("if-modified-since", early)], &[("last-modified", early)]));
        assert!(met(&[("if-modified-since", late)], &[("last-modified", early)]));
        assert!(!met(&[("if-modified-since", early)], &[("last-modified", late)]));
        assert!(!met(&[("if-modified-since", early)], &[]));
        assert!(!met(&[("if-modified-since", "yesterday")], &[("last-modified", early)]));
        assert!(!met(&[], &[("etag", "\"a\""), ("last-modified", early)]));
    }
}
