//! The `Cookie` header field (RFC 6265 §4.2.1 and §5.4).

use http::HeaderMap;
use http::header::COOKIE;

/// The value of the first cookie called `name`, in all `Cookie` lines, without white space around it.
///
/// A name is compared exactly up to the `=`. No user agent sends white space there, for a name is a token; `tenant =x` is
/// therefore no `tenant`, whatever more liberal servers make of it. Pairs without `=` have no name (RFC 6265 §5.2).
#[must_use]
pub fn first<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h [u8]> {
    let pairs = headers.get_all(COOKIE).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    pairs.map(<[u8]>::trim_ascii_start).find_map(|pair| {
        let value = pair.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        Some(value.trim_ascii())
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn tenant(lines: &[&[u8]]) -> Option<Vec<u8>> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_bytes(line).unwrap());
        }
        first(&headers, "tenant").map(<[u8]>::to_vec)
    }

    /// RFC 6265 §4.2.1 and §5.4; RFC 9113 §8.2.3 lets HTTP/2 split the field.
    #[test]
    fn the_first_cookie_of_a_name_is_found() {
        for lines in [
            &[&b"tenant=a"[..]][..],
            &[b"x=1; tenant=a; tenant=b"],
            &[b"x=1;tenant=a"],
            &[b"x=1;\ttenant= a ;y=2"],
            &[b"x=1", b"tenant=a", b"tenant=b"],
            &[b"tenant; tenantx=b; xtenant=b; Tenant=b; =b; tenant=a"],
        ] {
            assert_eq!(tenant(lines).as_deref(), Some(&b"a"[..]), "{lines:?}");
        }
        assert_eq!(tenant(&[b"tenant=a=\"b\""]).as_deref(), Some(&b"a=\"b\""[..]));
        assert_eq!(tenant(&[b"tenant="]).as_deref(), Some(&b""[..]));
        assert_eq!(tenant(&[b"tenant"]), None);
    }

    /// RFC 6265 §4.1.1: a cookie's name is a token, and white space is in none.
    #[test]
    fn white_space_before_the_equals_sign_makes_another_name() {
        assert_eq!(tenant(&[b"tenant =evil"]), None);
        assert_eq!(tenant(&[b"tenant =evil; tenant\t=evil; tenant=good"]).as_deref(), Some(&b"good"[..]));
    }

    /// RFC 9110 §5.5: obs-text is opaque data; it must not hide what else the line holds.
    #[test]
    fn octets_outside_ascii_hide_no_other_cookie() {
        assert_eq!(tenant(&[b"a=\xFF; tenant=good"]).as_deref(), Some(&b"good"[..]));
        assert_eq!(tenant(&[b"tenant=\xFF; tenant=b"]).as_deref(), Some(&b"\xFF"[..]));
    }
}
