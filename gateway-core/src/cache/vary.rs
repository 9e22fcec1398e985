//! Which requests a stored response answers (RFC 9111 §4.1).
//!
//! Values are compared in a normal form: lines are joined, and blanks around commas do not count. The order and the case of preferences do
//! not count either. Credentials are compared byte for byte.

use core::cmp::Ordering;

use http::header::{ACCEPT_CHARSET, ACCEPT_ENCODING, ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_LANGUAGE, COOKIE, VARY};
use http::{HeaderMap, HeaderName};

use super::directives::{list, members};
use super::entry::Entry;
use crate::order;

/// A field that chose a response, and its value in the request in its normal form; `None` if the request had no such field.
pub type Varies = (HeaderName, Option<Box<[u8]>>);

/// The most fields that a response may vary by.
const MOST_FIELDS: usize = 16;

/// The most preferences whose order does not count: comparing them takes the square of their number.
const MOST_PREFERENCES: usize = 32;

/// Returns whether the fields of a request choose `entry`.
#[must_use]
pub fn matches(entry: &Entry, headers: &HeaderMap) -> bool {
    entry.varies.iter().all(|(name, stored)| {
        let is_same = match stored {
            None => !headers.contains_key(name),
            Some(stored) => headers.contains_key(name) && is_normal_form(name, headers, stored),
        };
        is_same || (*name == ACCEPT_LANGUAGE && prefers(headers, entry.language.as_deref()))
    })
}

/// A hash of the values of the fields called `names`: the same for all requests in which these values have the same normal forms. Two values
/// may have one hash: [`matches()`] decides.
#[must_use]
pub fn vary_hash<'n>(names: impl Iterator<Item = &'n HeaderName>, headers: &HeaderMap) -> u64 {
    let mut hash = Hash::default();
    for name in names {
        hash.byte(if headers.contains_key(name) { 1 } else { 0 });
        let lines = headers.get_all(name);
        match form(name) {
            Form::Exact => lines.iter().for_each(|line| hash.value(line.as_bytes().iter().copied())),
            Form::List => list(lines.iter()).for_each(|member| hash.value(member.iter().copied())),
            Form::Preferences if list(lines.iter()).count() > MOST_PREFERENCES => {
                list(lines.iter()).for_each(|member| hash.value(lower_case(member)));
            }
            // Sums do not know an order.
            Form::Preferences => {
                let sum = list(lines.iter()).fold(0_u64, |sum, member| {
                    let mut hash = Hash::default();
                    hash.value(lower_case(member));
                    sum.wrapping_add(hash.0)
                });
                sum.to_be_bytes().into_iter().for_each(|byte| hash.byte(byte));
            }
        }
        hash.byte(b'\n');
    }
    hash.0
}

/// The fields that chose the response with these `headers`, with their values in the `request`. `None` if it varies by something that no
/// cache sees, or by too much.
#[must_use]
pub fn varies(headers: &HeaderMap, request: &HeaderMap) -> Option<Box<[Varies]>> {
    let mut varies: Vec<Varies> = Vec::new();
    for name in list(headers.get_all(VARY).iter()) {
        // `*` is a name that a field could have.
        let name = HeaderName::from_bytes(name).ok().filter(|name| name.as_str() != "*")?;
        if varies.iter().any(|(known, _)| *known == name) {
            continue;
        }
        if varies.len() == MOST_FIELDS {
            return None;
        }
        let value = normal_form(&name, request);
        varies.push((name, value));
    }
    Some(varies.into_boxed_slice())
}

/// The language of a response that varies by the preferred one, where it has one.
#[must_use]
pub fn language(varies: &[Varies], headers: &HeaderMap) -> Option<Box<str>> {
    varies.iter().find(|(name, _)| *name == ACCEPT_LANGUAGE)?;
    let mut languages = list(headers.get_all(CONTENT_LANGUAGE).iter());
    let language = core::str::from_utf8(languages.next()?).ok()?.to_ascii_lowercase();
    languages.next().is_none().then(|| language.into_boxed_str())
}

/// How values are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Exact,
    List,
    Preferences,
}

fn form(name: &HeaderName) -> Form {
    if *name == ACCEPT_LANGUAGE || *name == ACCEPT_ENCODING || *name == ACCEPT_CHARSET {
        Form::Preferences
    } else if *name == AUTHORIZATION || *name == COOKIE {
        Form::Exact
    } else {
        Form::List
    }
}

fn normal_form(name: &HeaderName, headers: &HeaderMap) -> Option<Box<[u8]>> {
    if !headers.contains_key(name) {
        return None;
    }
    let lines = headers.get_all(name);
    let form = form(name);
    if form == Form::Exact {
        let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
        return Some(lines.join(&b'\n').into_boxed_slice());
    }
    let mut members: Vec<&[u8]> = list(lines.iter()).collect();
    if form == Form::List {
        return Some(members.join(&b',').into_boxed_slice());
    }
    if members.len() <= MOST_PREFERENCES {
        order::sort_by(&mut members, |one, other| lower_case(one).cmp(lower_case(other)));
    }
    let mut value =
        members.into_iter().map(|member| lower_case(member).collect()).collect::<Vec<Vec<u8>>>().join(&b',');
    value.shrink_to_fit();
    Some(value.into_boxed_slice())
}

/// Returns whether `stored` is the normal form of a value. Nothing is written to find out.
fn is_normal_form(name: &HeaderName, headers: &HeaderMap, stored: &[u8]) -> bool {
    let lines = headers.get_all(name).iter();
    match form(name) {
        Form::Exact => {
            is_same(lines.map(|line| line.as_bytes()), stored.split(|byte| *byte == b'\n'), |one, other| one == other)
        }
        Form::List => is_same(list(lines), members(stored), |one, other| one == other),
        Form::Preferences => {
            let count = members(stored).count();
            let given = list(headers.get_all(name).iter());
            if given.take(count + 1).count() != count {
                false
            } else if count > MOST_PREFERENCES {
                is_same(list(lines), members(stored), is_same_preference)
            } else {
                list(lines).all(|member| members(stored).any(|known| is_same_preference(member, known)))
            }
        }
    }
}

/// Returns whether the two have the same members in the same order.
fn is_same<'h>(
    mut given: impl Iterator<Item = &'h [u8]>,
    mut stored: impl Iterator<Item = &'h [u8]>,
    is_same: impl Fn(&[u8], &[u8]) -> bool,
) -> bool {
    given.all(|given| stored.next().is_some_and(|stored| is_same(given, stored))) && stored.next().is_none()
}

/// A preference without blanks, in lower case: `q` and languages are the same in either (RFC 9110 §12.4.2, §12.5).
fn lower_case(member: &[u8]) -> impl Iterator<Item = u8> {
    member.iter().filter(|byte| !matches!(byte, b' ' | b'\t')).map(u8::to_ascii_lowercase)
}

fn is_same_preference(member: &[u8], known: &[u8]) -> bool {
    // The normal form is never longer, and where it is as long, there are no blanks.
    match member.len().cmp(&known.len()) {
        Ordering::Less => false,
        Ordering::Equal => member.eq_ignore_ascii_case(known),
        Ordering::Greater => lower_case(member).eq(known.iter().copied()),
    }
}

/// Returns whether a request prefers `language` to all others: then a response in it is what the origin would choose, too.
fn prefers(headers: &HeaderMap, language: Option<&str>) -> bool {
    let Some(language) = language else { return false };
    let (mut weight_of_it, mut best_other) = (0, 0);
    for member in list(headers.get_all(ACCEPT_LANGUAGE).iter()) {
        let mut parts = member.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let range = parts.next().unwrap_or_default();
        let weight = parts.find_map(weight).unwrap_or(1000);
        if range.eq_ignore_ascii_case(language.as_bytes()) {
            weight_of_it = weight.max(weight_of_it);
        } else {
            best_other = weight.max(best_other);
        }
    }
    weight_of_it > best_other
}

/// The weight of a preference in thousandths (RFC 9110 §12.4.2).
fn weight(parameter: &[u8]) -> Option<u16> {
    let (b'q' | b'Q', value) = parameter.split_first()? else { return None };
    let (whole, part) = match value.strip_prefix(b"=")? {
        [whole, b'.', part @ ..] => (*whole, part),
        [whole] => (*whole, &[][..]),
        _ => return None,
    };
    if !matches!(whole, b'0' | b'1') || part.len() > 3 || !part.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let part = (0..3).fold(0, |sum, place| sum * 10 + part.get(place).map_or(0, |digit| u16::from(digit - b'0')));
    Some((u16::from(whole - b'0') * 1000 + part).min(1000))
}

/// FNV-1a, the same on every platform: stores outside of the process are shared.
struct Hash(u64);

impl Default for Hash {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hash {
    fn byte(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }

    /// A value and its end.
    fn value(&mut self, value: impl Iterator<Item = u8>) {
        value.for_each(|byte| self.byte(byte));
        self.byte(b',');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::fields;

    fn entry(headers: &[(&str, &str)], request: &[(&str, &str)]) -> Entry {
        let headers = fields(headers);
        let varies = varies(&headers, &fields(request)).unwrap();
        Entry { language: language(&varies, &headers), varies, ..Entry::of_nothing() }
    }

    fn is_match(vary: &str, stored: &[(&str, &str)], given: &[(&str, &str)]) -> bool {
        let is_match = matches(&entry(&[("vary", vary)], stored), &fields(given));
        // What chooses the same response is found under the same key.
        let names: Vec<HeaderName> = vary.split(',').map(|name| name.trim().parse().unwrap()).collect();
        let key = |headers| vary_hash(names.iter(), &fields(headers));
        assert_eq!(key(stored) == key(given), is_match, "{stored:?} {given:?}");
        is_match
    }

    /// RFC 9111 §4.1.
    #[test]
    fn the_fields_that_are_named_have_to_be_the_same() {
        for (vary, stored, given, expected) in [
            ("foo", &[("foo", "1")][..], &[("foo", "1"), ("other", "2")][..], true),
            ("foo", &[("foo", "1")], &[("foo", "2")], false),
            ("foo", &[], &[("foo", "1")], false),
            ("foo", &[("foo", "1")], &[], false),
            ("foo", &[("foo", "")], &[], false),
            ("foo", &[], &[], true),
            ("Foo, bar", &[("foo", "1"), ("bar", "2")], &[("bar", "2"), ("foo", "1")], true),
            ("foo, bar", &[("foo", "1"), ("bar", "2")], &[("foo", "1"), ("bar", "3")], false),
            ("foo, bar", &[("foo", "1")], &[("foo", "1")], true),
            ("foo, bar", &[("foo", "1")], &[("bar", "1")], false),
            // Lines and blanks (RFC 9110 §5.3, §5.6.1).
            ("foo", &[("foo", "1, 2")], &[("foo", "1"), ("foo", "2")], true),
            ("foo", &[("foo", "1,2")], &[("foo", " 1,\t2 ")], true),
            ("foo", &[("foo", "1, 2")], &[("foo", "2, 1")], false),
            ("foo", &[("foo", "1, 2")], &[("foo", "1, 2, 3")], false),
            ("foo", &[("foo", "12")], &[("foo", "1, 2")], false),
            ("foo", &[("foo", "a")], &[("foo", "A")], false),
            ("foo", &[("foo", "\"a, b\"")], &[("foo", "\"a,b\"")], false),
            ("cookie", &[("cookie", "a=1, b")], &[("cookie", "a=1,b")], false),
            ("cookie", &[("cookie", "a"), ("cookie", "b")], &[("cookie", "a"), ("cookie", "b")], true),
            ("cookie", &[("cookie", "")], &[("cookie", "")], true),
        ] {
            assert_eq!(is_match(vary, stored, given), expected, "{vary} {stored:?} {given:?}");
        }
    }

    /// RFC 9110 §12.5.2 to §12.5.4: weights, not places, say what is preferred.
    #[test]
    fn neither_order_nor_case_of_preferences_counts() {
        for (stored, given, expected) in [
            ("en, de", "de, en", true),
            ("en, de", "eN, De", true),
            ("en, de", " en ,   de", true),
            ("en;q=0.5, de", "de,en; q=0.5", true),
            ("en;q=0.5, de", "de, en;q=0.6", false),
            ("en, de", "en", false),
            ("en", "en, de", false),
            ("en, de", "en, fr", false),
        ] {
            for name in ["accept-language", "accept-encoding", "accept-charset"] {
                assert_eq!(is_match(name, &[(name, stored)], &[(name, given)]), expected, "{stored} {given}");
            }
        }
        let many =
            |order: &mut dyn Iterator<Item = usize>| order.map(|n| format!("A{n}")).collect::<Vec<_>>().join(" ,");
        for (most, expected) in [(MOST_PREFERENCES, true), (MOST_PREFERENCES + 1, false)] {
            let (stored, given) = (many(&mut (0..most)), many(&mut (0..most).rev()));
            let name = "accept-language";
            assert_eq!(is_match(name, &[(name, &stored)], &[(name, &given)]), expected);
            assert!(is_match(name, &[(name, &stored)], &[(name, &stored.to_lowercase())]));
        }
    }

    #[test]
    fn the_language_that_is_preferred_most_chooses() {
        let german = [("vary", "accept-language"), ("content-language", "De")];
        let entry = entry(&german, &[("accept-language", "en, de")]);
        for (given, expected) in [
            ("fr;q=0.5, de;q=1.0", true),
            ("de", true),
            ("DE, fr;q=0.999", true),
            ("de;q=0.5, *;q=0.1", true),
            ("de, fr", false),
            ("de;q=0.5, fr", false),
            ("de;q=0", false),
            ("de;q=x, fr", false),
            ("de-CH", false),
            ("*", false),
            ("", false),
        ] {
            assert_eq!(matches(&entry, &fields(&[("accept-language", given)])), expected, "{given}");
        }
        assert!(!matches(&entry, &fields(&[])));
        let two = [("vary", "accept-language"), ("content-language", "de, en")];
        assert_eq!(super::tests::entry(&two, &[("accept-language", "en, de")]).language, None);
    }

    /// RFC 9110 §12.5.5.
    #[test]
    fn what_varies_by_anything_has_no_such_fields() {
        let many: Vec<String> = (0..=MOST_FIELDS).map(|n| format!("a{n}")).collect();
        for vary in ["*", "*, *", ", *", "foo, *", "*, foo", "foo bar", &many.join(",")] {
            assert_eq!(varies(&fields(&[("vary", vary)]), &fields(&[])), None, "{vary}");
        }
        assert_eq!(varies(&fields(&[("vary", ""), ("vary", "*")]), &fields(&[])), None);
        assert_eq!(varies(&fields(&[("vary", "Foo, foo")]), &fields(&[])).map(|varies| varies.len()), Some(1));
        assert_eq!(varies(&fields(&[]), &fields(&[])), Some(Box::default()));
    }
}
