//! Content codings, and the one that a client likes best (RFC 9110 §8.4.1, §12.5.3).

use http::HeaderMap;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};

/// A content coding that content can be sent in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// `zstd` (RFC 8878, RFC 9659).
    Zstd,
    /// `br` (RFC 7932).
    Brotli,
    /// `gzip` (RFC 1952).
    Gzip,
}

impl Coding {
    /// All of them, in the order in which they are preferred where nothing else is said: the one that takes the least time for its size first.
    pub const ALL: [Self; 3] = [Self::Zstd, Self::Brotli, Self::Gzip];

    /// Its name in the registry of content codings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// Returns whether it has this name, in any case; `x-gzip` is another name of `gzip` (RFC 9110 §8.4.1.3).
    fn is_called(self, name: &[u8]) -> bool {
        name.eq_ignore_ascii_case(self.name().as_bytes())
            || (self == Self::Gzip && name.eq_ignore_ascii_case(b"x-gzip"))
    }
}

/// Returns whether a content with these `headers` has no coding. `identity` is none (RFC 9110 §8.4.1).
#[must_use]
pub fn is_plain(headers: &HeaderMap) -> bool {
    let mut members = headers.get_all(CONTENT_ENCODING).iter().flat_map(|line| line.as_bytes().split(|b| *b == b','));
    members.all(|member| member.trim_ascii().is_empty() || member.trim_ascii().eq_ignore_ascii_case(b"identity"))
}

/// The coding among those `offered` that a request with these `headers` likes best; of equals the first. None if it likes none of them as
/// much as no coding.
///
/// A request without the field would take any (RFC 9110 §12.5.3), but many that send none can decode none: they get none.
#[must_use]
pub fn choose(headers: &HeaderMap, offered: &[Coding]) -> Option<Coding> {
    let weights = || {
        headers
            .get_all(ACCEPT_ENCODING)
            .iter()
            .flat_map(|line| line.as_bytes().split(|b| *b == b','))
            .filter_map(weight)
    };
    let any = || weights().find(|(name, _)| *name == b"*").map(|(_, weight)| weight);
    let of = |is: &dyn Fn(&[u8]) -> bool| weights().filter(|(name, _)| is(name)).map(|(_, weight)| weight).max();
    let mut best: Option<(u16, Coding)> = None;
    for coding in offered {
        let weight = of(&|name| coding.is_called(name)).or_else(any).unwrap_or(0);
        if weight > best.map_or(0, |(best, _)| best) {
            best = Some((weight, *coding));
        }
    }
    // Without a weight of its own it is what a client takes if there is nothing better.
    let plain = of(&|name| name.eq_ignore_ascii_case(b"identity")).unwrap_or(0);
    best.filter(|(weight, _)| *weight >= plain).map(|(_, coding)| coding)
}

/// A member of `Accept-Encoding`: the name, and its weight in thousandths. None if it is malformed.
fn weight(member: &[u8]) -> Option<(&[u8], u16)> {
    let mut parts = member.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let name = parts.next().filter(|name| !name.is_empty())?;
    let mut weight = 1000;
    for parameter in parts {
        let value = parameter.strip_prefix(b"q=").or_else(|| parameter.strip_prefix(b"Q="))?;
        weight = thousandths(value)?;
    }
    Some((name, weight))
}

/// A weight in thousandths (RFC 9110 §12.4.2).
fn thousandths(text: &[u8]) -> Option<u16> {
    let (whole, fraction) = match text {
        [whole] => (*whole, &[][..]),
        [whole, b'.', fraction @ ..] if fraction.len() <= 3 => (*whole, fraction),
        _ => return None,
    };
    let mut number = match whole {
        b'0' => 0,
        b'1' => 1000,
        _ => return None,
    };
    let mut unit = 100;
    for digit in fraction {
        number += u16::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?) * unit;
        unit /= 10;
    }
    (number <= 1000).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::fields;

    fn chosen(lines: &[&str], offered: &[Coding]) -> Option<&'static str> {
        let list: Vec<_> = lines.iter().map(|line| ("accept-encoding", *line)).collect();
        choose(&fields(&list), offered).map(Coding::name)
    }

    /// RFC 9110 §12.5.3.
    #[test]
    fn the_coding_that_the_client_likes_best_is_chosen() {
        for (line, expected) in [
            ("gzip", Some("gzip")),
            ("x-gzip", Some("gzip")),
            ("GZip", Some("gzip")),
            ("compress, gzip", Some("gzip")),
            ("", None),
            ("identity", None),
            ("deflate", None),
            ("*", Some("zstd")),
            ("*;q=0", None),
            ("*;q=0, gzip", Some("gzip")),
            ("*, zstd;q=0", Some("br")),
            ("gzip, deflate, br, zstd", Some("zstd")),
            ("gzip, deflate, br", Some("br")),
            ("gzip;q=1.0, br;q=0.5, *;q=0", Some("gzip")),
            ("br;q=0.5, gzip;q=0.5", Some("br")),
            ("gzip;q=0", None),
            ("gzip;q=0.000", None),
            ("gzip;q=0.001", Some("gzip")),
            ("identity;q=0", None),
            ("identity;q=0, gzip;q=0.1", Some("gzip")),
            ("gzip;q=0.5, identity", None),
            ("gzip;q=0.5, identity;q=0.6", None),
            ("gzip;q=0.5, identity;q=0.5", Some("gzip")),
            ("gzip ; q=0.5", Some("gzip")),
            ("gzip;Q=0.5", Some("gzip")),
            (",, gzip ,", Some("gzip")),
        ] {
            assert_eq!(chosen(&[line], &Coding::ALL), expected, "{line}");
        }
    }

    #[test]
    fn the_lines_of_the_field_are_one_list() {
        assert_eq!(chosen(&["gzip;q=0.1", "br;q=0.2"], &Coding::ALL), Some("br"));
    }

    #[test]
    fn a_client_that_does_not_say_gets_no_coding() {
        assert_eq!(chosen(&[], &Coding::ALL), None);
    }

    #[test]
    fn among_equals_the_order_of_the_gateway_counts() {
        assert_eq!(chosen(&["zstd, br, gzip"], &[Coding::Gzip, Coding::Brotli]), Some("gzip"));
        assert_eq!(chosen(&["zstd"], &[Coding::Gzip]), None);
    }

    /// RFC 9110 §12.4.2: what is no weight is nobody's wish.
    #[test]
    fn malformed_members_count_for_nothing() {
        for line in [
            "gzip;q=2",
            "gzip;q=1.001",
            "gzip;q=0.1234",
            "gzip;q=",
            "gzip;q=-1",
            "gzip;q=.5",
            "gzip;level=9",
            "gzip;",
            "gz\u{ef}p",
        ] {
            assert_eq!(chosen(&[line], &[Coding::Gzip]), None, "{line}");
        }
        assert_eq!(chosen(&["br;q=x, gzip;q=0.1"], &Coding::ALL), Some("gzip"));
    }

    /// RFC 9110 §8.4.
    #[test]
    fn a_content_is_plain_unless_it_has_a_coding() {
        for (lines, expected) in [
            (&[][..], true),
            (&["identity"], true),
            (&["Identity, "], true),
            (&["gzip"], false),
            (&["identity", "br"], false),
        ] {
            let list: Vec<_> = lines.iter().map(|line| ("content-encoding", *line)).collect();
            assert_eq!(is_plain(&fields(&list)), expected, "{lines:?}");
        }
    }
}
