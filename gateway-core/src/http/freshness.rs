//! The time for which a response may be used again (RFC 9111).

use core::time::Duration;

use http::HeaderMap;
use http::header::{AGE, CACHE_CONTROL};

/// The time for which a response with these `headers` stays fresh, by `max-age` of `Cache-Control` (RFC 9111 §5.2.2.1) without the
/// time that it has been stored on its way (§5.1); none at all by `no-store` and `no-cache`. `None` if it does not say.
#[must_use]
pub(crate) fn lifetime(headers: &HeaderMap) -> Option<Duration> {
    let mut lifetime = None;
    for line in headers.get_all(CACHE_CONTROL) {
        for directive in line.to_str().unwrap_or_default().split(',') {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            let name = name.trim();
            if name.eq_ignore_ascii_case("no-store") || name.eq_ignore_ascii_case("no-cache") {
                return Some(Duration::ZERO);
            }
            // RFC 9111 §4.2.1: of two, the first may be taken. §5.2: recipients should take quoted values, too.
            if name.eq_ignore_ascii_case("max-age") && lifetime.is_none() {
                lifetime = seconds(value.trim().trim_matches('"'));
            }
        }
    }
    let age = headers.get(AGE).and_then(|age| seconds(age.to_str().ok()?)).unwrap_or_default();
    lifetime.map(|lifetime| lifetime.saturating_sub(age))
}

/// The time of `text` (RFC 9111 §1.2.2); one that is too large to say is as good as for ever.
fn seconds(text: &str) -> Option<Duration> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(Duration::from_secs(text.parse().unwrap_or(u64::from(u32::MAX))))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn told(lines: &[&str], age: Option<&'static str>) -> Option<u64> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(CACHE_CONTROL, HeaderValue::from_str(line).unwrap());
        }
        if let Some(age) = age {
            headers.insert(AGE, HeaderValue::from_static(age));
        }
        lifetime(&headers).map(|lifetime| lifetime.as_secs())
    }

    /// RFC 9111 §5.1, §5.2.2.
    #[test]
    fn a_lifetime_is_what_is_left_of_max_age() {
        for (lines, age, left) in [
            (&["max-age=600"][..], None, Some(600)),
            (&["public , Max-Age=\"600\", must-revalidate"], None, Some(600)),
            (&["public", "max-age=600"], Some("200"), Some(400)),
            (&["max-age=600, max-age=5"], None, Some(600)),
            (&["max-age=600"], Some("900"), Some(0)),
            (&["max-age=600"], Some("x"), Some(600)),
            (&["max-age=99999999999999999999"], None, Some(u64::from(u32::MAX))),
            (&["max-age=600, no-store"], None, Some(0)),
            (&["no-cache"], None, Some(0)),
            (&["max-age=-1"], None, None),
            (&["s-maxage=5, x-max-age=7"], None, None),
            (&[], Some("5"), None),
        ] {
            assert_eq!(told(lines, age), left, "{lines:?}");
        }
    }
}
