//! Cache directives (RFC 9111 §5.2), read from both kinds of fields.
//!
//! `Cache-Control` is read leniently, and what is not understood in it counts against reuse. Targeted fields are read strictly: one that is
//! malformed counts as absent (RFC 9213 §2.1).

use core::time::Duration;

use http::header::{CACHE_CONTROL, PRAGMA};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::http::structured::{self, Bare, Item, Member};

/// The longest time that a directive can state (RFC 9111 §1.2.2).
const LONGEST: u64 = 1 << 31;

/// What a request asks of caches (§5.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestDirectives {
    /// Nothing stored without validation (§5.2.1.4).
    pub no_cache: bool,
    /// Nothing of this exchange is stored (§5.2.1.5).
    pub no_store: bool,
    /// Only a stored response, or 504 (§5.2.1.7).
    pub only_if_cached: bool,
    /// The greatest age (§5.2.1.1).
    pub max_age: Option<Duration>,
    /// The time for which it has to stay fresh (§5.2.1.3).
    pub min_fresh: Option<Duration>,
    /// The time for which it may have been stale (§5.2.1.2); `Some(None)` is any.
    pub max_stale: Option<Option<Duration>>,
    /// The time for which it may have been stale in place of an error (RFC 5861 §4).
    pub stale_if_error: Option<Duration>,
}

impl RequestDirectives {
    /// Reads them. `Pragma: no-cache` counts where there is no `Cache-Control` (RFC 9111 §5.4).
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let mut directives = Self::default();
        let mut lines = headers.get_all(CACHE_CONTROL).iter().peekable();
        if lines.peek().is_none() {
            directives.no_cache = headers.get_all(PRAGMA).iter().any(|line| {
                line.as_bytes()
                    .split(|byte| *byte == b',')
                    .any(|word| word.trim_ascii().eq_ignore_ascii_case(b"no-cache"))
            });
            return directives;
        }
        for line in lines {
            each(line.as_bytes(), |directive| directives.take(&directive));
        }
        directives
    }

    fn take(&mut self, directive: &Directive<'_>) {
        match &*Lower::of(directive.name) {
            b"no-cache" => self.no_cache = true,
            b"no-store" => self.no_store = true,
            b"only-if-cached" => self.only_if_cached = true,
            b"max-age" => first(&mut self.max_age, directive.seconds_or_zero()),
            // A time that can't be read asks for nothing.
            b"min-fresh" => self.min_fresh = self.min_fresh.or(directive.seconds()),
            b"stale-if-error" => self.stale_if_error = self.stale_if_error.or(directive.seconds()),
            b"max-stale" if self.max_stale.is_none() => {
                self.max_stale = match directive.value {
                    Value::None => Some(None),
                    _ => directive.seconds().map(Some),
                };
            }
            _ => {}
        }
    }
}

/// A directive that can be about some fields alone (§5.2.2.4, §5.2.2.7).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Qualified {
    /// It is not there.
    #[default]
    No,
    /// It is about these fields.
    Fields(Vec<HeaderName>),
    /// It is about the response.
    Yes,
}

impl Qualified {
    /// Takes one more. Together they are about all that each is about.
    fn add(&mut self, names: Option<&[u8]>) {
        let Some(names) = names else {
            *self = Self::Yes;
            return;
        };
        let names = names.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|name| !name.is_empty());
        for name in names {
            match (HeaderName::from_bytes(name), &mut *self) {
                (Ok(name), Self::Fields(known)) => known.push(name),
                (Ok(name), Self::No) => *self = Self::Fields(vec![name]),
                // What names no field is about everything.
                _ => *self = Self::Yes,
            }
        }
        if *self == Self::No {
            *self = Self::Yes;
        }
    }

    /// The fields that it is about, and not the others.
    #[must_use]
    pub fn fields(&self) -> &[HeaderName] {
        match self {
            Self::Fields(names) => names,
            Self::No | Self::Yes => &[],
        }
    }
}

/// What a response says of caches (§5.2.2, RFC 5861, RFC 8246).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseDirectives {
    /// Nothing is stored (§5.2.2.5).
    pub no_store: bool,
    /// Nothing is used without validation (§5.2.2.4).
    pub no_cache: Qualified,
    /// It is for one caller (§5.2.2.7).
    pub private: Qualified,
    /// It is for everyone (§5.2.2.9).
    pub public: bool,
    /// It is not used stale (§5.2.2.2).
    pub must_revalidate: bool,
    /// It is not used stale by caches that are shared (§5.2.2.8).
    pub proxy_revalidate: bool,
    /// It is stored only by caches that understand its status, and then whatever `no-store` says (§5.2.2.3).
    pub must_understand: bool,
    /// It does not change while it is fresh (RFC 8246 §2).
    pub immutable: bool,
    /// Its lifetime (§5.2.2.1). One that can't be read is none (§4.2.1).
    pub max_age: Option<Duration>,
    /// Its lifetime in caches that are shared (§5.2.2.10).
    pub s_maxage: Option<Duration>,
    /// The time for which it is used stale while it is revalidated (RFC 5861 §3).
    pub stale_while_revalidate: Option<Duration>,
    /// The time for which it is used stale in place of an error (RFC 5861 §4).
    pub stale_if_error: Option<Duration>,
    /// Set if they come from a targeted field: then `Expires` does not count (RFC 9213 §2.2).
    pub is_targeted: bool,
}

impl ResponseDirectives {
    /// Reads them from the first of the `targeted` fields that there is and is well formed, or else from `Cache-Control`.
    #[must_use]
    pub fn of(headers: &HeaderMap, targeted: &[HeaderName]) -> Self {
        if let Some(directives) = targeted.iter().find_map(|name| Self::of_targeted(headers, name)) {
            return directives;
        }
        let mut directives = Self::default();
        for line in headers.get_all(CACHE_CONTROL) {
            each(line.as_bytes(), |directive| directives.take(&directive));
        }
        directives
    }

    fn take(&mut self, directive: &Directive<'_>) {
        match &*Lower::of(directive.name) {
            b"no-store" => self.no_store = true,
            b"no-cache" => self.no_cache.add(directive.quoted()),
            b"private" => self.private.add(directive.quoted()),
            b"public" => self.public = true,
            b"must-revalidate" => self.must_revalidate = true,
            b"proxy-revalidate" => self.proxy_revalidate = true,
            b"must-understand" => self.must_understand = true,
            b"immutable" => self.immutable = true,
            b"max-age" => first(&mut self.max_age, directive.seconds_or_zero()),
            b"s-maxage" => first(&mut self.s_maxage, directive.seconds_or_zero()),
            b"stale-while-revalidate" => first(&mut self.stale_while_revalidate, directive.seconds_or_zero()),
            b"stale-if-error" => first(&mut self.stale_if_error, directive.seconds_or_zero()),
            _ => {}
        }
    }

    /// Reads the field called `name`. `None` if it is absent, empty or no dictionary, or a directive has a value of another type.
    fn of_targeted(headers: &HeaderMap, name: &HeaderName) -> Option<Self> {
        let mut text = String::new();
        for line in headers.get_all(name) {
            if !text.is_empty() {
                text.push_str(", ");
            }
            text.push_str(line.to_str().ok()?);
        }
        // Names of directives are the same in either case (RFC 9111 §5.2), while keys are in lower case: `Max-Age` is meant well.
        text.make_ascii_lowercase();
        let members = structured::dictionary_of_last(&text).filter(|members| !members.is_empty())?;
        let mut directives = Self { is_targeted: true, ..Self::default() };
        for (key, member) in &members {
            directives.take_member(key, member)?;
        }
        Some(directives)
    }

    fn take_member(&mut self, key: &str, member: &Member) -> Option<()> {
        let bare = match member {
            Member::Item(Item { bare, .. }) => Some(bare),
            Member::List(..) => None,
        };
        let flag = || match bare? {
            Bare::Boolean(is) => Some(*is),
            _ => None,
        };
        let seconds = || match bare? {
            Bare::Integer(seconds) => {
                Some(Some(Duration::from_secs(u64::try_from(*seconds).unwrap_or(0).min(LONGEST))))
            }
            _ => None,
        };
        let qualified = || match bare? {
            Bare::Boolean(true) => Some(Qualified::Yes),
            Bare::Boolean(false) => Some(Qualified::No),
            Bare::Text(names) => {
                let mut qualified = Qualified::No;
                qualified.add(Some(names.as_bytes()));
                Some(qualified)
            }
            _ => None,
        };
        match key {
            "no-store" => self.no_store = flag()?,
            "no-cache" => self.no_cache = qualified()?,
            "private" => self.private = qualified()?,
            "public" => self.public = flag()?,
            "must-revalidate" => self.must_revalidate = flag()?,
            "proxy-revalidate" => self.proxy_revalidate = flag()?,
            "must-understand" => self.must_understand = flag()?,
            "immutable" => self.immutable = flag()?,
            "max-age" => self.max_age = seconds()?,
            "s-maxage" => self.s_maxage = seconds()?,
            "stale-while-revalidate" => self.stale_while_revalidate = seconds()?,
            "stale-if-error" => self.stale_if_error = seconds()?,
            _ => {}
        }
        Some(())
    }
}

/// Of a directive that comes twice, the first counts (§4.2.1).
fn first(known: &mut Option<Duration>, next: Duration) {
    if known.is_none() {
        *known = Some(next);
    }
}

/// Reads a time (§1.2.2): digits alone. What is too large to say is the longest.
#[must_use]
pub fn seconds(digits: &[u8]) -> Option<Duration> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let seconds =
        digits.iter().fold(0_u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
    Some(Duration::from_secs(seconds.min(LONGEST)))
}

/// One directive as it is written.
struct Directive<'t> {
    name: &'t [u8],
    value: Value<'t>,
}

#[derive(Clone, Copy)]
enum Value<'t> {
    None,
    Plain(&'t [u8]),
    /// What stands between the quotes. No value of a directive has anything in it to escape.
    Quoted(&'t [u8]),
}

/// The longest name of a directive that is known.
const LONGEST_NAME: usize = 22;

impl<'t> Directive<'t> {
    /// The value as a time, which may be quoted (§5.2).
    fn seconds(&self) -> Option<Duration> {
        match self.value {
            Value::None => None,
            Value::Plain(digits) | Value::Quoted(digits) => seconds(digits),
        }
    }

    /// The value as a time; what is none counts as stale (§4.2.1).
    fn seconds_or_zero(&self) -> Duration {
        self.seconds().unwrap_or_default()
    }

    /// What stands between quotes. Field names that are not quoted don't limit a directive: so more is ruled out, not less.
    fn quoted(&self) -> Option<&'t [u8]> {
        match self.value {
            Value::Quoted(names) => Some(names),
            Value::None | Value::Plain(_) => None,
        }
    }
}

/// A name in lower case; nothing if it is longer than all that are known.
struct Lower([u8; LONGEST_NAME], usize);

impl Lower {
    fn of(name: &[u8]) -> Self {
        let mut lower = Self([0; LONGEST_NAME], 0);
        if let Some(space) = lower.0.get_mut(..name.len()) {
            space.copy_from_slice(name);
            space.make_ascii_lowercase();
            lower.1 = name.len();
        }
        lower
    }
}

impl core::ops::Deref for Lower {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.get(..self.1).unwrap_or_default()
    }
}

/// Calls `take` with each directive of a line (§5.2). Blanks before `=` are part of the name, and those behind it of the value: neither is
/// one that is known.
fn each<'t>(line: &'t [u8], mut take: impl FnMut(Directive<'t>)) {
    let mut rest = line;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| matches!(byte, b'=' | b',')).unwrap_or(rest.len());
        let (name, behind) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        let name = name.trim_ascii_start();
        let Some(value) = behind.strip_prefix(b"=") else {
            take(Directive { name: name.trim_ascii_end(), value: Value::None });
            rest = behind.get(1..).unwrap_or_default();
            continue;
        };
        if let Some(text) = value.strip_prefix(b"\"")
            && let Some(length) = quoted_length(text)
        {
            let (text, behind) = text.split_at_checked(length).unwrap_or((text, &[]));
            take(Directive { name, value: Value::Quoted(text) });
            rest = after_comma(behind);
        } else {
            // A quote that is never closed hides nothing behind it.
            let end = value.iter().position(|byte| *byte == b',').unwrap_or(value.len());
            let (value, behind) = value.split_at_checked(end).unwrap_or((value, &[]));
            take(Directive { name, value: Value::Plain(value.trim_ascii_end()) });
            rest = behind.get(1..).unwrap_or_default();
        }
    }
}

/// The length of what comes before the quote that closes a text (RFC 9110 §5.6.4).
fn quoted_length(text: &[u8]) -> Option<usize> {
    let mut is_escaped = false;
    text.iter().position(|byte| {
        let closes = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        closes
    })
}

fn after_comma(rest: &[u8]) -> &[u8] {
    rest.iter().position(|byte| *byte == b',').and_then(|at| rest.get(at + 1..)).unwrap_or_default()
}

/// The members of all lines of a list, without blanks around them; commas in quotes separate nothing (RFC 9110 §5.6.1).
pub(super) fn list<'h>(lines: impl Iterator<Item = &'h HeaderValue>) -> impl Iterator<Item = &'h [u8]> {
    lines.flat_map(|line| members(line.as_bytes()))
}

/// The members of one line.
pub(super) fn members(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    let has_quotes = line.contains(&b'"');
    core::iter::from_fn(move || {
        let line = rest?;
        let end = if has_quotes { end_of_member(line) } else { line.iter().position(|byte| *byte == b',') };
        let (member, behind) = match end {
            Some(end) => (line.get(..end).unwrap_or_default(), line.get(end + 1..)),
            None => (line, None),
        };
        rest = behind;
        Some(member.trim_ascii())
    })
    .filter(|member| !member.is_empty())
}

/// The place of the first comma that is not in quotes.
fn end_of_member(line: &[u8]) -> Option<usize> {
    let mut is_quoted = false;
    let mut is_escaped = false;
    line.iter().position(|byte| {
        if *byte == b'"' && !is_escaped {
            is_quoted = !is_quoted;
        }
        is_escaped = is_quoted && *byte == b'\\' && !is_escaped;
        *byte == b',' && !is_quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::rules::{CDN_CACHE_CONTROL, EDGEWAY_CACHE_CONTROL};
    use crate::http::testing::fields;

    fn secs(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    fn response(lines: &[&str]) -> ResponseDirectives {
        let lines: Vec<(&str, &str)> = lines.iter().map(|line| ("cache-control", *line)).collect();
        ResponseDirectives::of(&fields(&lines), &[])
    }

    fn request(lines: &[&str]) -> RequestDirectives {
        let lines: Vec<(&str, &str)> = lines.iter().map(|line| ("cache-control", *line)).collect();
        RequestDirectives::of(&fields(&lines))
    }

    fn targeted(headers: &[(&str, &str)]) -> ResponseDirectives {
        ResponseDirectives::of(&fields(headers), &[EDGEWAY_CACHE_CONTROL, CDN_CACHE_CONTROL])
    }

    fn names(names: &[&str]) -> Qualified {
        Qualified::Fields(names.iter().map(|name| name.parse().unwrap()).collect())
    }

    /// RFC 9111 §5.2, §5.2.2; RFC 5861; RFC 8246.
    #[test]
    fn all_directives_of_responses_are_read() {
        let all = response(&[
            "no-store, NO-CACHE,Private , public,must-revalidate",
            "proxy-revalidate, must-understand, immutable, max-age=1, s-maxage=2",
            "stale-while-revalidate=3, stale-if-error=4",
        ]);
        assert_eq!(
            all,
            ResponseDirectives {
                no_store: true,
                no_cache: Qualified::Yes,
                private: Qualified::Yes,
                public: true,
                must_revalidate: true,
                proxy_revalidate: true,
                must_understand: true,
                immutable: true,
                max_age: secs(1),
                s_maxage: secs(2),
                stale_while_revalidate: secs(3),
                stale_if_error: secs(4),
                is_targeted: false,
            }
        );
        assert_eq!(response(&["", ",, ,", "foobar, x=y, no-storex, nostore=1"]), ResponseDirectives::default());
    }

    /// RFC 9111 §1.2.2, §4.2.1, §5.2.
    #[test]
    fn a_time_is_digits() {
        for (line, expected) in [
            ("max-age=3600", secs(3600)),
            ("MaX-aGe=3600", secs(3600)),
            ("foobar, max-age=3600", secs(3600)),
            ("max-age=\"3600\"", secs(3600)),
            ("max-age=003600", secs(3600)),
            ("max-age=2147483647", secs(2_147_483_647)),
            ("max-age=2147483649", secs(2_147_483_648)),
            ("max-age=99999999999999999999999", secs(2_147_483_648)),
            ("max-age=-3600", secs(0)),
            ("max-age='3600'", secs(0)),
            ("max-age=3600.0", secs(0)),
            ("max-age=3600a", secs(0)),
            ("max-age=", secs(0)),
            ("max-age", secs(0)),
            ("max-age= 3600", secs(0)),
            ("max-age =3600", None),
            // Of two, the first counts.
            ("max-age=3600, max-age=1", secs(3600)),
            ("max-age=x, max-age=1", secs(0)),
            // What is quoted is a value.
            ("extension=\"max-age=3600\", max-age=1", secs(1)),
            ("max-age=1, extension=\"max-age=3600\"", secs(1)),
            ("a=\"\\\", max-age=5, \", max-age=1", secs(1)),
            ("a=\"b\"c, max-age=1", secs(1)),
            // A quote that is never closed hides nothing.
            ("a=\"b, max-age=1", secs(1)),
        ] {
            assert_eq!(response(&[line]).max_age, expected, "{line}");
        }
        assert_eq!(response(&["max-age=1800", "max-age=1"]).max_age, secs(1800));
        assert!(response(&["a=\"b, no-store"]).no_store);
    }

    /// RFC 9111 §5.2.2.4, §5.2.2.7: field names are quoted; other forms are about the whole response.
    #[test]
    fn field_names_limit_a_directive() {
        for (line, expected) in [
            ("no-cache=\"Set-Cookie\"", names(&["set-cookie"])),
            ("no-cache=\"a, b\"", names(&["a", "b"])),
            ("no-cache=\"a\", no-cache=\"b\"", names(&["a", "b"])),
            ("no-cache=\"a\", no-cache", Qualified::Yes),
            ("no-cache, no-cache=\"a\"", Qualified::Yes),
            ("no-cache=a", Qualified::Yes),
            ("no-cache=\"\"", Qualified::Yes),
            ("no-cache=\"a b\"", Qualified::Yes),
            ("no-cache=\"a", Qualified::Yes),
            ("max-age=1", Qualified::No),
        ] {
            assert_eq!(response(&[line]).no_cache, expected, "{line}");
            assert_eq!(response(&[&line.replace("no-cache", "private")]).private, expected, "{line}");
        }
    }

    /// RFC 9213 §2.1, §2.2.
    #[test]
    fn a_targeted_field_takes_the_place_of_cache_control() {
        let cdn = "cdn-cache-control";
        for (text, expected) in [
            ("max-age=5", secs(5)),
            ("foobar, max-age=5", secs(5)),
            ("max-age=5;x=y", secs(5)),
            ("max-age=99999999999", secs(2_147_483_648)),
            ("max-age=-5", secs(0)),
            ("max-age=5, max-age=6", secs(6)),
            ("MaX-aGe=5", secs(5)),
            ("public", None),
        ] {
            let directives = targeted(&[(cdn, text), ("cache-control", "no-store, max-age=1")]);
            assert_eq!(
                (directives.max_age, directives.is_targeted, directives.no_store),
                (expected, true, false),
                "{text}"
            );
        }
        for text in [
            "max-age=\"5\"",
            "max-age=5.0",
            "max-age=a",
            "max-age",
            "max-age=5, &&&&&",
            "max-age =5",
            "max-age= 5",
            "max-age=5,",
            "max-age=(5)",
            "no-store=1",
            "",
        ] {
            let directives = targeted(&[(cdn, text), ("cache-control", "max-age=1")]);
            assert_eq!((directives.max_age, directives.is_targeted), (secs(1), false), "{text}");
        }
        let qualified = targeted(&[(cdn, "private=\"a, b\", no-cache, must-revalidate=?0")]);
        assert_eq!((qualified.private, qualified.no_cache), (names(&["a", "b"]), Qualified::Yes));
        assert!(!qualified.must_revalidate);
        // The first of the list that is well formed; several lines are one dictionary.
        let own = ("edgeway-cache-control", "max-age=7");
        assert_eq!(targeted(&[(cdn, "max-age=5"), own]).max_age, secs(7));
        assert_eq!(targeted(&[(cdn, "max-age=5"), ("edgeway-cache-control", "max-age=")]).max_age, secs(5));
        assert!(targeted(&[(cdn, "max-age=5"), (cdn, "no-store")]).no_store);
    }

    /// RFC 9111 §5.2.1, §5.4; RFC 5861 §4.
    #[test]
    fn all_directives_of_requests_are_read() {
        assert_eq!(
            request(&[
                "nothing-to-see-here, no-cache, NO-STORE",
                "only-if-cached, max-age=1, min-fresh=2, max-stale=3, stale-if-error=4"
            ]),
            RequestDirectives {
                no_cache: true,
                no_store: true,
                only_if_cached: true,
                max_age: secs(1),
                min_fresh: secs(2),
                max_stale: Some(secs(3)),
                stale_if_error: secs(4),
            }
        );
        assert_eq!(request(&["max-stale"]).max_stale, Some(None));
        assert_eq!(request(&["max-stale=x, min-fresh=x, stale-if-error=x"]), RequestDirectives::default());
        assert_eq!(request(&["max-age=x"]).max_age, secs(0));
        for (headers, expected) in [
            (&[("pragma", "No-Cache")][..], true),
            (&[("pragma", "foo, no-cache")], true),
            (&[("pragma", "foo")], false),
            (&[("pragma", "no-cache"), ("cache-control", "max-age=5")], false),
        ] {
            assert_eq!(RequestDirectives::of(&fields(headers)).no_cache, expected, "{headers:?}");
        }
    }

    /// RFC 9110 §5.6.1.
    #[test]
    fn a_list_is_its_members() {
        let headers = fields(&[("a", " b,, c "), ("a", ""), ("a", "\"d, \\\" e\",f")]);
        let members: Vec<&[u8]> = list(headers.get_all("a").iter()).collect();
        assert_eq!(members, [&b"b"[..], b"c", b"\"d, \\\" e\"", b"f"]);
    }
}
