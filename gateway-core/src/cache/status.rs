//! Telling what a cache did: `Cache-Status` (RFC 9211).

use core::time::Duration;

use http::HeaderName;

use crate::http::proxy_status::structured_item;

/// `Cache-Status`.
pub const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// The words for what a cache does.
pub const WORDS: [&str; 5] = ["hit", "stale", "revalidated", "miss", "bypass"];

/// What a cache did with a request (§2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Why the request went on, or that it did not.
    pub outcome: Outcome,
    /// The status of the upstream's answer (§2.3), where the client got another one.
    pub forward_status: Option<u16>,
    /// The time for which the response stays fresh (§2.4), or has been stale.
    pub ttl: Option<Remaining>,
    /// Set if the upstream's answer was stored (§2.5).
    pub stored: bool,
    /// Set if the request was answered with others (§2.6).
    pub collapsed: bool,
    /// Why it was not stored, or what else there is to say (§2.8).
    pub detail: Option<&'static str>,
}

impl Told {
    /// The word for it in the access log and in metrics: one of [`WORDS`].
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match (self.outcome, self.ttl, self.forward_status) {
            (Outcome::Hit, Some(Remaining::Stale(_)), _) => "stale",
            (Outcome::Hit, _, _) => "hit",
            (Outcome::Bypass | Outcome::Method, _, _) => "bypass",
            (_, _, Some(304)) => "revalidated",
            (_, Some(Remaining::Stale(_)), _) => "stale",
            _ => "miss",
        }
    }
}

/// Whether a request went to the upstream, and why (§2.1, §2.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered from the store.
    Hit,
    /// The cache does not serve such requests.
    #[default]
    Bypass,
    /// The method asks for it.
    Method,
    /// Nothing was stored for the URI.
    UriMiss,
    /// What was stored answers other requests.
    VaryMiss,
    /// Nothing was stored, and which of the two is not known.
    Miss,
    /// The request's directives asked for it.
    Request,
    /// What was stored is stale.
    Stale,
    /// A part was stored.
    Partial,
}

/// The time for which a response is fresh, or has been stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remaining {
    /// It is fresh for this time.
    Fresh(Duration),
    /// It has been stale for this time.
    Stale(Duration),
}

/// Appends the member for the cache called `name`, a token or a quoted string (RFC 9651 §3.3), to `out`, behind a comma if there is something.
pub fn write(name: &str, told: &Told, out: &mut String) {
    if !out.is_empty() {
        out.push_str(", ");
    }
    out.push_str(name);
    out.push_str(match told.outcome {
        Outcome::Hit => "; hit",
        Outcome::Bypass => "; fwd=bypass",
        Outcome::Method => "; fwd=method",
        Outcome::UriMiss => "; fwd=uri-miss",
        Outcome::VaryMiss => "; fwd=vary-miss",
        Outcome::Miss => "; fwd=miss",
        Outcome::Request => "; fwd=request",
        Outcome::Stale => "; fwd=stale",
        Outcome::Partial => "; fwd=partial",
    });
    let mut numbers = itoa::Buffer::new();
    // §2.3, §2.5, §2.6: these three are about requests that went on.
    let went_on = told.outcome != Outcome::Hit;
    if let Some(status) = told.forward_status.filter(|_| went_on) {
        out.push_str("; fwd-status=");
        out.push_str(numbers.format(status));
    }
    if let Some(ttl) = told.ttl {
        let seconds = match ttl {
            Remaining::Fresh(time) => seconds(time),
            Remaining::Stale(time) => -seconds(time),
        };
        out.push_str("; ttl=");
        out.push_str(numbers.format(seconds));
    }
    if told.stored && went_on {
        out.push_str("; stored");
    }
    if told.collapsed && went_on {
        out.push_str("; collapsed");
    }
    if let Some(detail) = told.detail.and_then(structured_item) {
        out.push_str("; detail=");
        out.push_str(&detail);
    }
}

/// Whole seconds, as far as an integer of a structured field reaches (RFC 9651 §3.3.1).
fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX).min(999_999_999_999_999)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str, told: &Told) -> String {
        let mut out = String::new();
        write(name, told, &mut out);
        out
    }

    fn told(outcome: Outcome) -> Told {
        Told { outcome, ..Told::default() }
    }

    /// RFC 9211 §2, with the forms of the examples in §4.
    #[test]
    fn what_was_done_is_told() {
        let secs = Duration::from_secs;
        for (expected, told) in [
            ("edgeway; hit; ttl=376", Told { ttl: Some(Remaining::Fresh(secs(376))), ..told(Outcome::Hit) }),
            ("edgeway; hit; ttl=-412", Told { ttl: Some(Remaining::Stale(secs(412))), ..told(Outcome::Hit) }),
            ("edgeway; fwd=uri-miss; stored", Told { stored: true, ..told(Outcome::UriMiss) }),
            ("edgeway; fwd=vary-miss", told(Outcome::VaryMiss)),
            ("edgeway; fwd=uri-miss; collapsed", Told { collapsed: true, ..told(Outcome::UriMiss) }),
            ("edgeway; fwd=stale; fwd-status=304", Told { forward_status: Some(304), ..told(Outcome::Stale) }),
            ("edgeway; fwd=bypass", Told::default()),
            ("edgeway; fwd=method", told(Outcome::Method)),
            ("edgeway; fwd=request", told(Outcome::Request)),
            ("edgeway; fwd=partial", told(Outcome::Partial)),
            ("edgeway; fwd=miss; detail=no-store", Told { detail: Some("no-store"), ..told(Outcome::Miss) }),
            // What is about requests that went on is not told of others.
            ("edgeway; hit", Told { forward_status: Some(200), stored: true, collapsed: true, ..told(Outcome::Hit) }),
        ] {
            assert_eq!(written("edgeway", &told), expected);
        }
    }

    /// RFC 9211 §2: each cache appends a member; RFC 9651 §3.3.3, §3.3.4.
    #[test]
    fn members_follow_each_other_and_are_well_formed() {
        let mut out = "origin; hit".to_owned();
        write("\"my edge\"", &told(Outcome::Bypass), &mut out);
        assert_eq!(out, "origin; hit, \"my edge\"; fwd=bypass");
        let for_ever = Told { ttl: Some(Remaining::Fresh(Duration::MAX)), ..told(Outcome::Hit) };
        assert_eq!(written("edgeway", &for_ever), "edgeway; hit; ttl=999999999999999");
        let detail = Told { detail: Some("so \"it\" is"), ..told(Outcome::Hit) };
        assert_eq!(written("edgeway", &detail), r#"edgeway; hit; detail="so \"it\" is""#);
    }
}
