//! Requests that come back: `Via` (RFC 9110 §7.6.3), `CDN-Loop` (RFC 8586) and `Max-Forwards` (RFC 9110 §7.6.2).

use http::header::{MAX_FORWARDS, VIA};
use http::{HeaderMap, HeaderName, HeaderValue, Version};

use super::edit_fields::EditFields;
use super::proxy_status::{is_tchar, structured_item};

/// `CDN-Loop`.
pub const CDN_LOOP: HeaderName = HeaderName::from_static("cdn-loop");

/// The number of times that a request may have been through gateways of one name before it is refused.
///
/// RFC 8586 §2 lets a node refuse at the first. Gateways in a row that all keep the default name are no loop, though, and a
/// real one is broken just as surely a few rounds later.
pub const MAX_PASSES: usize = 8;

/// Marks requests and responses with the gateway's name, and refuses those that it has marked too often.
#[derive(Clone, Debug)]
pub struct LoopGuard {
    name: Box<str>,
    /// The name as an item of a structured field.
    item: Box<str>,
    cdn_loop: HeaderValue,
    /// For HTTP/1.0, 1.1, 2 and 3.
    via: [HeaderValue; 4],
}

/// The gateway's name is no token (RFC 9110 §5.6.2), so it can be no pseudonym.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidName;

/// The request has been through this gateway [`MAX_PASSES`] times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looped;

/// The instruction of `Max-Forwards` to an intermediary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forwarding {
    /// Forward the request.
    Allowed,
    /// Answer it: the gateway is the final recipient.
    Final,
}

impl LoopGuard {
    /// A guard for the gateway called `name`.
    ///
    /// # Errors
    /// [`InvalidName`] if `name` is no token.
    pub fn new(name: &str) -> Result<Self, InvalidName> {
        if name.is_empty() || name.len() > 255 || !name.bytes().all(is_tchar) {
            return Err(InvalidName);
        }
        Ok(Self {
            name: name.into(),
            item: structured_item(name).ok_or(InvalidName)?.into(),
            cdn_loop: field_value(name.to_owned())?,
            // A version without minor ones means minor version 0 (RFC 9110 §2.5).
            via: [
                field_value(format!("1.0 {name}"))?,
                field_value(format!("1.1 {name}"))?,
                field_value(format!("2.0 {name}"))?,
                field_value(format!("3.0 {name}"))?,
            ],
        })
    }

    /// The gateway's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The gateway's name as an item of a structured field (RFC 9651 §3.3).
    #[must_use]
    pub fn item(&self) -> &str {
        &self.item
    }

    /// Checks how often the request has been here, by `CDN-Loop` and, where something on the way drops that, by `Via`.
    ///
    /// # Errors
    /// [`Looped`] after [`MAX_PASSES`] passes.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), Looped> {
        let by_loop = count(headers.get_all(CDN_LOOP).iter(), |entry| self.is_cdn_info(entry));
        if by_loop >= MAX_PASSES {
            return Err(Looped);
        }
        let by_via = count(headers.get_all(VIA).iter(), |entry| self.is_via_entry(entry));
        if by_via >= MAX_PASSES { Err(Looped) } else { Ok(()) }
    }

    /// Returns whether the request has been through a gateway of this name.
    #[must_use]
    pub fn has_marked(&self, headers: &HeaderMap) -> bool {
        headers.get_all(CDN_LOOP).iter().chain(headers.get_all(VIA)).any(|line| {
            line.as_bytes().split(|b| *b == b',').any(|entry| self.is_cdn_info(entry) || self.is_via_entry(entry))
        })
    }

    /// Marks a request that came in as `version`, before it goes to an upstream.
    pub fn stamp_request(&self, headers: &mut HeaderMap, version: Version) {
        headers.append(CDN_LOOP, self.cdn_loop.clone());
        headers.append(VIA, self.via(version).clone());
    }

    /// Marks a response that came from an upstream as `version`, before it goes to the client.
    pub fn stamp_response(&self, headers: &mut impl EditFields, version: Version) {
        headers.append(&VIA, self.via(version).clone());
    }

    fn via(&self, version: Version) -> &HeaderValue {
        let [http10, http11, http2, http3] = &self.via;
        match version {
            Version::HTTP_09 | Version::HTTP_10 => http10,
            Version::HTTP_2 => http2,
            Version::HTTP_3 => http3,
            _ => http11,
        }
    }

    /// `cdn-id *( OWS ";" OWS parameter )` (RFC 8586 §2). Hosts and pseudonyms differ in more than case, so case is ignored.
    fn is_cdn_info(&self, entry: &[u8]) -> bool {
        let id = entry.split(|b| *b == b';').next().unwrap_or_default();
        id.trim_ascii().eq_ignore_ascii_case(self.name.as_bytes())
    }

    /// `received-protocol RWS received-by [ RWS comment ]` (RFC 9110 §7.6.3).
    fn is_via_entry(&self, entry: &[u8]) -> bool {
        let received_by = entry.split(u8::is_ascii_whitespace).filter(|part| !part.is_empty()).nth(1);
        received_by.is_some_and(|by| by.eq_ignore_ascii_case(self.name.as_bytes()))
    }
}

#[inline(never)]
fn field_value(text: String) -> Result<HeaderValue, InvalidName> {
    HeaderValue::try_from(text).map_err(|_| InvalidName)
}

/// Returns whether [`LoopGuard::check`] reads a field of this name.
pub(crate) fn is_mark(name: &str) -> bool {
    name == "via" || name == "cdn-loop"
}

fn count<'a>(lines: impl Iterator<Item = &'a HeaderValue>, is_own: impl Fn(&[u8]) -> bool) -> usize {
    lines.flat_map(|line| line.as_bytes().split(|b| *b == b',')).filter(|entry| is_own(entry)).count()
}

/// Obeys `Max-Forwards` of a TRACE or OPTIONS request (RFC 9110 §7.6.2): the number in `headers` is one less afterwards.
///
/// With other methods the field means nothing; what is no number is ignored.
pub fn max_forwards(headers: &mut HeaderMap) -> Forwarding {
    let Some(value) = headers.get(MAX_FORWARDS) else { return Forwarding::Allowed };
    let digits = value.as_bytes();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Forwarding::Allowed;
    }
    // Above what fits, the recipient may send the largest number that it supports.
    let left = value.to_str().ok().and_then(|text| text.parse::<u32>().ok()).unwrap_or(u32::MAX);
    match left.checked_sub(1) {
        None => Forwarding::Final,
        Some(left) => {
            headers.insert(MAX_FORWARDS, HeaderValue::from(left));
            Forwarding::Allowed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::{fields, lines};

    fn guard() -> LoopGuard {
        LoopGuard::new("edgeway").unwrap()
    }

    /// RFC 9110 §7.6.3: a pseudonym is a token.
    #[test]
    fn names_are_tokens() {
        for name in ["", "edge way", "edge,way", "edge;way", "größe", "a\"b", &"a".repeat(256)] {
            assert_eq!(LoopGuard::new(name).err(), Some(InvalidName), "{name}");
        }
        assert_eq!(LoopGuard::new("edge-1.eu").unwrap().name(), "edge-1.eu");
    }

    /// RFC 9110 §7.6.3: each recipient appends its own entry, with the version it received; RFC 8586 §2: and its cdn-id.
    #[test]
    fn requests_are_marked_after_what_is_there() {
        let mut headers = fields(&[("via", "1.0 fred"), ("cdn-loop", "cdn.example; v=1")]);
        guard().stamp_request(&mut headers, Version::HTTP_11);
        assert_eq!(headers.get_all(VIA).iter().collect::<Vec<_>>(), ["1.0 fred", "1.1 edgeway"]);
        assert_eq!(headers.get_all(CDN_LOOP).iter().collect::<Vec<_>>(), ["cdn.example; v=1", "edgeway"]);
    }

    /// RFC 9110 §7.6.3: responses too; RFC 8586 §2: `CDN-Loop` is a request field.
    #[test]
    fn responses_are_marked_with_via_alone() {
        for (version, via) in
            [(Version::HTTP_10, "1.0"), (Version::HTTP_11, "1.1"), (Version::HTTP_2, "2.0"), (Version::HTTP_3, "3.0")]
        {
            let mut headers = HeaderMap::new();
            guard().stamp_response(&mut headers, version);
            assert_eq!(lines(&headers), [format!("via: {via} edgeway")]);
        }
    }

    #[test]
    fn a_loop_ends_after_its_eighth_pass() {
        for field in ["cdn-loop", "via"] {
            let mut headers = HeaderMap::new();
            let mut passes = 0;
            while guard().check(&headers).is_ok() {
                passes += 1;
                guard().stamp_request(&mut headers, Version::HTTP_11);
                // Something on the way that drops one of the two marks doesn't keep the loop alive.
                headers.remove(if field == "via" { "cdn-loop" } else { "via" });
            }
            assert_eq!(passes, MAX_PASSES);
        }
    }

    /// RFC 8586 §2: parameters and whitespace belong to an entry; other nodes' entries are not ours.
    #[test]
    fn only_own_entries_count() {
        let own = "edgeway;a=b , EDGEWAY ,\tedgeway ; x, edgeway,edgeway,edgeway,edgeway,edgeway";
        assert_eq!(guard().check(&fields(&[("cdn-loop", own)])), Err(Looped));
        let other = "edgeway2, xedgeway, edge, cdn; by=edgeway, , ;, edgeway.example".repeat(10);
        assert_eq!(guard().check(&fields(&[("cdn-loop", &other)])), Ok(()));
        let via = "1.1 other (edgeway), edgeway, 1.1, 1.1 edgeway.example,".repeat(10);
        assert_eq!(guard().check(&fields(&[("via", &via)])), Ok(()));
        let via = "HTTP/1.1  edgeway (a comment),".repeat(8);
        assert_eq!(guard().check(&fields(&[("via", &via)])), Err(Looped));
    }

    #[test]
    fn a_mark_is_known() {
        for (name, value, marked) in
            [("via", "1.1 other, 1.1 edgeway", true), ("cdn-loop", "edgeway", true), ("via", "1.1 other", false)]
        {
            assert_eq!(guard().has_marked(&fields(&[(name, value)])), marked, "{name}: {value}");
        }
    }

    /// RFC 9110 §7.6.2.
    #[test]
    fn max_forwards_counts_down() {
        for (value, expected, left) in [
            ("0", Forwarding::Final, "0"),
            ("1", Forwarding::Allowed, "0"),
            ("10", Forwarding::Allowed, "9"),
            ("99999999999999999999", Forwarding::Allowed, "4294967294"),
            ("-1", Forwarding::Allowed, "-1"),
            ("x", Forwarding::Allowed, "x"),
            ("", Forwarding::Allowed, ""),
        ] {
            let mut headers = fields(&[("max-forwards", value)]);
            assert_eq!(max_forwards(&mut headers), expected, "{value}");
            assert_eq!(headers[MAX_FORWARDS], left);
        }
        assert_eq!(max_forwards(&mut HeaderMap::new()), Forwarding::Allowed);
    }
}
