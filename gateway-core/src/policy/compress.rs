//! The compression of responses: which, by which coding, and what becomes of their heads.

use core::fmt;

use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE,
    RANGE, VARY,
};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::PolicyError;
use super::validate::{fits, is_media_type, media_type, no_media_type};
use crate::capabilities::{Capabilities, Feature};
use crate::config::{self, ContentCoding};
use crate::http::content_change::{self, Change};
use crate::http::content_coding::{self, Coding};

/// The shortest content that is compressed, in bytes: below that little is gained, and it goes in one packet anyhow.
const MIN_BYTES: u64 = 1024;

/// The media types that are compressed where nothing else is said: what the large proxies and networks compress.
const TYPES: [&str; 18] = [
    "text/*",
    "application/json",
    "application/*+json",
    "application/x-ndjson",
    "application/jsonl",
    "application/xml",
    "application/*+xml",
    "application/javascript",
    "application/x-javascript",
    "application/yaml",
    "application/wasm",
    "application/vnd.ms-fontobject",
    "font/ttf",
    "font/otf",
    "image/svg+xml",
    "image/bmp",
    "image/x-icon",
    "image/vnd.microsoft.icon",
];

/// A content coding, and how much time it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoding {
    /// The coding.
    pub coding: Coding,
    /// The level: for `gzip` from 1 to 9, for `br` from 0 to 11, for `zstd` from 1 to 19.
    pub level: u8,
}

/// The compression of a route's responses.
#[derive(Clone, Debug)]
pub struct Compress {
    /// The codings, the preferred one first; at least one.
    pub codings: Box<[Coding]>,
    /// The level of each coding, in the order of [`Coding::ALL`].
    levels: [u8; 3],
    /// The shortest content that is compressed, in bytes.
    pub min_bytes: u64,
    /// Media types in small letters; `*` stands for any text.
    pub types: Box<[Box<str>]>,
    /// Set if the platform holds compressed content back until there is enough of it.
    holds_back: bool,
}

/// What a request says of the coding of its response, taken before anything edits it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The coding that the client likes best.
    coding: Option<Coding>,
    /// Set if the client wants the content as it is (RFC 9111 §5.2.1.6).
    is_as_it_is: bool,
    /// The entity tags of the responses that the client has.
    tags: Vec<HeaderValue>,
}

/// The reason why a response is left as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// It has no content.
    Empty,
    /// Its content is a part of another (RFC 9110 §14).
    Part,
    /// It says that its content is not to be transformed (RFC 9110 §7.7), or the request does.
    NoTransform,
    /// Its content has a coding.
    Encoded,
    /// Its media type is none of those that are compressed.
    Type,
    /// It is a stream of events, which this platform would hold back.
    Events,
    /// Its content is too short.
    Short,
    /// The client does not take any of the codings, or likes none better than no coding.
    NotAccepted,
}

impl Left {
    /// The reason in a word, for the log.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Part => "part",
            Self::NoTransform => "no-transform",
            Self::Encoded => "encoded",
            Self::Type => "type",
            Self::Events => "events",
            Self::Short => "short",
            Self::NotAccepted => "not-accepted",
        }
    }
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "there is no content",
            Self::Part => "the content is a part of another",
            Self::NoTransform => "`no-transform` forbids it",
            Self::Encoded => "the content is encoded already",
            Self::Type => "its media type is none of those that are compressed",
            Self::Events => "it is a stream of events, which would be held back here",
            Self::Short => "the content is too short",
            Self::NotAccepted => "the client takes none of the codings",
        })
    }
}

impl Compress {
    /// Checks and compiles `c` for a platform with these `capabilities`; `Ok(Err)` is the feature that it lacks for all of the codings.
    ///
    /// # Errors
    /// Every error in it.
    pub fn compile(
        c: &config::Compress,
        capabilities: &Capabilities,
    ) -> Result<Result<Self, Feature>, Vec<PolicyError>> {
        let mut errors = Vec::new();
        let stated = match c.codings.as_deref() {
            None => Coding::ALL.to_vec(),
            Some(codings) => codings.iter().map(|coding| Coding::from(*coding)).collect(),
        };
        if stated.is_empty() {
            let help = "name one, or turn it off: `\"compress\": {\"enabled\": false}`";
            errors.push(PolicyError::new("codings", "there is no coding", help));
        }
        for (index, coding) in stated.iter().enumerate() {
            if stated.iter().take(index).any(|other| other == coding) {
                errors.push(PolicyError::entry(
                    "codings",
                    index,
                    format_args!("`{}` stands twice", coding.name()),
                    "name it once",
                ));
            }
        }
        let level = |member: &'static str,
                     stated: Option<u32>,
                     most: u32,
                     least: u32,
                     usual: u8,
                     errors: &mut Vec<PolicyError>| {
            let level =
                stated.filter(|level| (least..=most).contains(level)).and_then(|level| u8::try_from(level).ok());
            if level.is_none() && stated.is_some() {
                let help = format_args!("leave it out for {usual}");
                errors.push(PolicyError::new(member, format_args!("the level is from {least} to {most}"), help));
            }
            level.unwrap_or(usual)
        };
        let levels = [
            level("levels.zstd", c.levels.zstd, 19, 1, 3, &mut errors),
            level("levels.br", c.levels.br, 11, 0, 4, &mut errors),
            level("levels.gzip", c.levels.gzip, 9, 1, 6, &mut errors),
        ];
        if let Some(types) = &c.types {
            if types.is_empty() {
                let help = "name one, or leave it out for the usual ones";
                errors.push(PolicyError::new("types", "there is no media type", help));
            }
            for (index, text) in types.iter().enumerate().filter(|(_, text)| !is_media_type(text)) {
                errors.push(no_media_type("types", index, text));
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let types = match &c.types {
            Some(types) => types.iter().map(|text| text.as_str().into()).collect(),
            None => TYPES.iter().map(|text| (*text).into()).collect(),
        };
        let codings: Box<[Coding]> = stated.iter().copied().filter(|coding| can(capabilities, *coding)).collect();
        if let Some(feature) = stated.first().copied().and_then(feature).filter(|_| codings.is_empty()) {
            return Ok(Err(feature));
        }
        let min_bytes = c.min_bytes.map_or(MIN_BYTES, |size| size.0);
        Ok(Ok(Self { codings, levels, min_bytes, types, holds_back: !capabilities.has(Feature::FlushedCodings) }))
    }

    /// Tells people of it.
    #[must_use]
    pub fn describe(&self) -> String {
        let names: Vec<&str> = self.codings.iter().map(|coding| coding.name()).collect();
        ["compressed by ", &names.join(" or ")].concat()
    }

    /// The level of `coding`.
    #[must_use]
    pub fn level(&self, coding: Coding) -> u8 {
        let [zstd, br, gzip] = self.levels;
        match coding {
            Coding::Zstd => zstd,
            Coding::Brotli => br,
            Coding::Gzip => gzip,
        }
    }

    /// Takes what a request with these `headers` says of the coding of its response.
    ///
    /// Whoever has a part of a compressed response can't go on with the same bytes. Where the tag is weak, no range is sent for that
    /// (RFC 9110 §13.1.5); where the condition is a date, the range is left out, which a server may do at any time (§14.2).
    #[must_use]
    pub fn ask(&self, headers: &mut HeaderMap) -> Asked {
        let coding = content_coding::choose(headers, &self.codings);
        if coding.is_some()
            && headers.get(IF_RANGE).is_some_and(|condition| !condition.as_bytes().trim_ascii_end().ends_with(b"\""))
        {
            headers.remove(RANGE);
            headers.remove(IF_RANGE);
        }
        let tags = headers.get_all(IF_NONE_MATCH).iter().cloned().collect();
        Asked { coding, is_as_it_is: has_no_transform(headers), tags }
    }

    /// Decides about a response with this `status` and these `headers`, and mends them: also of one that is left as it is, where it depends on
    /// what the client takes. Its content has this `length`, if it is known.
    ///
    /// # Errors
    /// The reason why it is left as it is.
    pub fn decide(
        &self,
        asked: &Asked,
        status: StatusCode,
        headers: &mut HeaderMap,
        (is_empty, length): (bool, Option<u64>),
    ) -> Result<Encoding, Left> {
        if status == StatusCode::NOT_MODIFIED {
            Self::confirm(asked, headers);
            return Err(Left::Empty);
        }
        self.may_encode(asked, status, headers, (is_empty, length))?;
        vary(headers);
        let coding = asked.coding.ok_or(Left::NotAccepted)?;
        content_change::mend(headers, Change::Coding, None);
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
        Ok(Encoding { coding, level: self.level(coding) })
    }

    /// Returns whether the content is one that is compressed for whoever takes it.
    fn may_encode(
        &self,
        asked: &Asked,
        status: StatusCode,
        headers: &HeaderMap,
        (is_empty, length): (bool, Option<u64>),
    ) -> Result<(), Left> {
        if is_empty || matches!(status.as_u16(), 100..=199 | 204 | 205) {
            return Err(Left::Empty);
        }
        if status == StatusCode::PARTIAL_CONTENT || headers.contains_key(CONTENT_RANGE) {
            return Err(Left::Part);
        }
        if asked.is_as_it_is || has_no_transform(headers) {
            return Err(Left::NoTransform);
        }
        if !content_coding::is_plain(headers) {
            return Err(Left::Encoded);
        }
        let mut values = headers.get_all(CONTENT_TYPE).iter();
        let kind = values.next().filter(|_| values.next().is_none()).and_then(media_type).ok_or(Left::Type)?;
        if !self.types.iter().any(|known| fits(known, &kind)) {
            return Err(Left::Type);
        }
        if self.holds_back && kind == "text/event-stream" {
            return Err(Left::Events);
        }
        if length.is_some_and(|length| length < self.min_bytes) {
            return Err(Left::Short);
        }
        Ok(())
    }

    /// Mends the head of a 304: it speaks of the response that the client has (RFC 9110 §15.4.5), the tag of which is weak if that was compressed
    /// here. With the strong one the client would not find it (RFC 9111 §4.3.4).
    fn confirm(asked: &Asked, headers: &mut HeaderMap) {
        if asked.is_as_it_is || has_no_transform(headers) {
            return;
        }
        vary(headers);
        let weak = headers.get(ETAG).and_then(content_change::weak);
        let has = |tag: &[u8]| {
            let mut members = asked.tags.iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
            members.any(|member| member.trim_ascii() == tag)
        };
        if weak.is_some_and(|weak| has(weak.as_bytes()))
            && headers.get(ETAG).is_some_and(|strong| !has(strong.as_bytes().trim_ascii()))
        {
            content_change::weaken(headers);
        }
    }
}

impl Asked {
    /// The coding that the client likes best.
    #[must_use]
    pub const fn coding(&self) -> Option<Coding> {
        self.coding
    }
}

impl From<ContentCoding> for Coding {
    fn from(coding: ContentCoding) -> Self {
        match coding {
            ContentCoding::Zstd => Self::Zstd,
            ContentCoding::Br => Self::Brotli,
            ContentCoding::Gzip => Self::Gzip,
        }
    }
}

/// The feature of a platform that can do `coding`; none if each can.
const fn feature(coding: Coding) -> Option<Feature> {
    match coding {
        Coding::Zstd => Some(Feature::Zstd),
        Coding::Brotli => Some(Feature::Brotli),
        Coding::Gzip => None,
    }
}

fn can(capabilities: &Capabilities, coding: Coding) -> bool {
    feature(coding).is_none_or(|feature| capabilities.has(feature))
}

/// RFC 9111 §5.2.1.6, §5.2.2.6.
fn has_no_transform(headers: &HeaderMap) -> bool {
    let mut members =
        headers.get_all(CACHE_CONTROL).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    members.any(|member| member.trim_ascii().eq_ignore_ascii_case(b"no-transform"))
}

/// Adds `Accept-Encoding` to `Vary`, unless it or `*` is there (RFC 9110 §12.5.5).
fn vary(headers: &mut HeaderMap) {
    let mut names = headers.get_all(VARY).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    let is_there = names.any(|name| {
        let name = name.trim_ascii();
        name == b"*" || name.eq_ignore_ascii_case(ACCEPT_ENCODING.as_str().as_bytes())
    });
    if !is_there {
        headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::{fields, lines};

    fn policy(text: &str) -> Compress {
        let c: config::Compress = serde_json::from_str(text).unwrap();
        Compress::compile(&c, &Capabilities::NATIVE).unwrap().unwrap()
    }

    fn asked(policy: &Compress, list: &[(&str, &str)]) -> Asked {
        policy.ask(&mut fields(list))
    }

    /// What becomes of a 200 of 2,000 bytes with these fields.
    fn decided(policy: &Compress, request: &[(&str, &str)], response: &[(&str, &str)]) -> Result<&'static str, Left> {
        let decided =
            policy.decide(&asked(policy, request), StatusCode::OK, &mut fields(response), (false, Some(2_000)));
        decided.map(|encoding| encoding.coding.name())
    }

    const GZIP: (&str, &str) = ("accept-encoding", "gzip");
    const JSON: (&str, &str) = ("content-type", "application/json");

    #[test]
    fn a_response_is_compressed_as_the_client_likes_best() {
        let policy = policy("{}");
        assert_eq!(decided(&policy, &[("accept-encoding", "gzip, br, zstd")], &[JSON]), Ok("zstd"));
        assert_eq!(decided(&policy, &[GZIP], &[JSON]), Ok("gzip"));
        assert_eq!(decided(&policy, &[], &[JSON]), Err(Left::NotAccepted));
    }

    /// docs/configuration.md, Compression: what is left as it is.
    #[test]
    fn what_may_not_or_need_not_be_compressed_is_left() {
        let policy = policy("{}");
        for (request, response, left) in [
            (&[GZIP][..], &[("content-type", "image/png")][..], Left::Type),
            (&[GZIP], &[], Left::Type),
            (&[GZIP], &[JSON, JSON], Left::Type),
            (&[GZIP], &[JSON, ("content-encoding", "br")], Left::Encoded),
            (&[GZIP], &[JSON, ("cache-control", "public, No-Transform")], Left::NoTransform),
            (&[GZIP, ("cache-control", "no-transform")], &[JSON], Left::NoTransform),
            (&[GZIP], &[JSON, ("content-range", "bytes 0-1/2")], Left::Part),
        ] {
            assert_eq!(decided(&policy, request, response), Err(left), "{request:?} {response:?}");
        }
        let of = |status: u16, is_empty, length| {
            let status = StatusCode::from_u16(status).unwrap();
            policy.decide(&asked(&policy, &[GZIP]), status, &mut fields(&[JSON]), (is_empty, length)).map(|_| ())
        };
        assert_eq!(of(200, true, None), Err(Left::Empty));
        assert_eq!(of(204, false, None), Err(Left::Empty));
        assert_eq!(of(304, false, None), Err(Left::Empty));
        assert_eq!(of(206, false, None), Err(Left::Part));
        assert_eq!(of(200, false, Some(1023)), Err(Left::Short));
        assert_eq!(of(200, false, Some(1024)), Ok(()));
        assert_eq!(of(200, false, None), Ok(()));
        assert_eq!(of(404, false, None), Ok(()));
    }

    /// RFC 9110 §12.5.5: also what is not compressed depends on the field.
    #[test]
    fn whatever_depends_on_what_the_client_takes_says_so() {
        let policy = policy("{}");
        let after = |request: &[(&str, &str)], response: &[(&str, &str)]| {
            let mut headers = fields(response);
            let _ = policy.decide(&asked(&policy, request), StatusCode::OK, &mut headers, (false, None));
            lines(&headers).into_iter().filter(|line| line.starts_with("vary")).collect::<Vec<_>>()
        };
        assert_eq!(after(&[GZIP], &[JSON]), ["vary: Accept-Encoding"]);
        assert_eq!(after(&[], &[JSON]), ["vary: Accept-Encoding"]);
        assert_eq!(after(&[], &[JSON, ("vary", "Origin, accept-encoding")]), ["vary: Origin, accept-encoding"]);
        assert_eq!(after(&[], &[JSON, ("vary", "*")]), ["vary: *"]);
        assert_eq!(after(&[GZIP], &[("content-type", "image/png")]), [""; 0]);
    }

    #[test]
    fn the_head_of_a_compressed_response_speaks_of_that() {
        let policy = policy("{}");
        let mut headers = fields(&[
            JSON,
            ("content-length", "2000"),
            ("etag", "\"a\""),
            ("content-encoding", "identity"),
            ("accept-ranges", "bytes"),
            ("content-digest", "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"),
        ]);
        policy.decide(&asked(&policy, &[GZIP]), StatusCode::OK, &mut headers, (false, Some(2_000))).unwrap();
        let mut all = lines(&headers);
        all.sort_unstable();
        assert_eq!(
            all,
            ["content-encoding: gzip", "content-type: application/json", "etag: W/\"a\"", "vary: Accept-Encoding"]
        );
    }

    /// RFC 9110 §15.4.5, RFC 9111 §4.3.4.
    #[test]
    fn a_304_has_the_tag_that_the_client_has() {
        let policy = policy("{}");
        let after = |tags: &str| {
            let mut headers = fields(&[("etag", "\"a\"")]);
            let asked = asked(&policy, &[GZIP, ("if-none-match", tags)]);
            assert_eq!(policy.decide(&asked, StatusCode::NOT_MODIFIED, &mut headers, (true, None)), Err(Left::Empty));
            assert_eq!(headers[VARY], "Accept-Encoding");
            headers[ETAG].clone()
        };
        assert_eq!(after("W/\"a\""), "W/\"a\"");
        assert_eq!(after("\"b\", W/\"a\""), "W/\"a\"");
        assert_eq!(after("\"a\""), "\"a\"");
        assert_eq!(after("\"a\", W/\"a\""), "\"a\"");
        assert_eq!(after("*"), "\"a\"");
    }

    /// RFC 9110 §13.1.5, §14.2.
    #[test]
    fn no_part_is_joined_to_compressed_content() {
        let policy = policy("{}");
        let after = |accept: &str, condition: &str| {
            let mut headers = fields(&[("accept-encoding", accept), ("range", "bytes=5-"), ("if-range", condition)]);
            let _ = policy.ask(&mut headers);
            headers.contains_key(RANGE)
        };
        assert!(!after("gzip", "Sat, 29 Oct 1994 19:43:31 GMT"));
        assert!(after("identity", "Sat, 29 Oct 1994 19:43:31 GMT"));
        assert!(after("gzip", "\"a\""));
    }

    /// docs/platforms.md, Compression.
    #[test]
    fn a_stream_of_events_is_left_where_it_would_be_held_back() {
        let c = config::Compress::default();
        let events = ("content-type", "text/event-stream");
        let native = Compress::compile(&c, &Capabilities::NATIVE).unwrap().unwrap();
        assert_eq!(decided(&native, &[GZIP], &[events]), Ok("gzip"));
        let worker = Compress::compile(&c, &Capabilities::CLOUDFLARE).unwrap().unwrap();
        assert_eq!(decided(&worker, &[GZIP], &[events]), Err(Left::Events));
    }

    /// docs/platforms.md, Compression.
    #[test]
    fn a_platform_leaves_out_what_it_can_not_do() {
        let c = |text: &str| serde_json::from_str::<config::Compress>(text).unwrap();
        let worker = |text: &str| Compress::compile(&c(text), &Capabilities::CLOUDFLARE).unwrap();
        assert_eq!(*worker("{}").unwrap().codings, [Coding::Gzip]);
        assert_eq!(worker(r#"{"codings": ["br", "zstd"]}"#).unwrap_err(), Feature::Brotli);
        assert_eq!(*policy(r#"{"codings": ["br", "zstd"]}"#).codings, [Coding::Brotli, Coding::Zstd]);
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        let places = |text: &str| {
            let c: config::Compress = serde_json::from_str(text).unwrap();
            let errors = Compress::compile(&c, &Capabilities::NATIVE).unwrap_err();
            errors.into_iter().map(|error| (error.member, error.index)).collect::<Vec<_>>()
        };
        assert_eq!(places(r#"{"codings": []}"#), [("codings", None)]);
        assert_eq!(places(r#"{"codings": ["gzip", "br", "gzip"]}"#), [("codings", Some(2))]);
        assert_eq!(places(r#"{"types": []}"#), [("types", None)]);
        assert_eq!(places(r#"{"types": ["text/html", "Text/HTML", "*/*"]}"#), [("types", Some(1)), ("types", Some(2))]);
        assert_eq!(
            places(r#"{"levels": {"gzip": 0, "br": 12, "zstd": 20}}"#),
            [("levels.zstd", None), ("levels.br", None), ("levels.gzip", None)]
        );
    }
}
