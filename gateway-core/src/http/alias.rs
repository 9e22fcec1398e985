//! Fields whose names are other spellings of names that the gateway reads or states.
//!
//! A backend that folds names takes `Transfer_Encoding` for the framing, and `Proxy.Connection` for a field of its connection. The
//! gateway goes by the standard's name alone (RFC 9110 §5.1), so such a field would tell the backend something that nobody has
//! checked. It is removed, and the request goes on: what is left has one meaning for both.

use http::{HeaderMap, HeaderName};

use super::hop_by_hop;
use super::names::{Filter, are_aliases, letters};

/// Makes the list of names, and the look-up in it.
macro_rules! names {
    ($($name:literal)*) => {
        /// The names besides those of [`hop_by_hop::NAMES`]: the framing, the host, the credentials, and what the gateway puts in order or
        /// adds itself.
        const OTHERS: &[&str] = &[$($name),*];

        fn is_other(name: &str) -> bool {
            matches!(name, $($name)|*)
        }
    };
}

names! {
    "content-length"
    "host"
    "expect"
    "trailer"
    "via"
    "cdn-loop"
    "max-forwards"
    "x-request-id"
    "authorization"
    "traceparent"
    "tracestate"
    "sec-websocket-key"
}

/// The names that may be in no other spelling, and all that begin like them.
pub(super) const KNOWN: Filter = Filter::of(&hop_by_hop::NAMES).with(&Filter::of(OTHERS));

/// Returns whether `name`, in small letters, is another spelling of a guarded name.
#[inline]
pub(super) fn is_alias(name: &str) -> bool {
    // Nearly all that begin so are the names themselves, or the one that requests with content have.
    hop_by_hop::index(name).is_none() && !is_other(name) && name != "content-type" && is_spelling(name.as_bytes())
}

#[cold]
#[inline(never)]
fn is_spelling(name: &[u8]) -> bool {
    let first = letters(name).next();
    let is = |known: &&str| known.bytes().next() == first && are_aliases(name, known.as_bytes());
    hop_by_hop::NAMES.iter().chain(OTHERS).any(is)
}

/// Removes every such field.
pub fn strip(headers: &mut HeaderMap) {
    let names: Vec<HeaderName> = headers.keys().filter(|name| is_alias(name.as_str())).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::names::Slot;
    use crate::http::testing::{Generator, fields, lines, spelling};

    /// RFC 3875 §4.1.18, and what servers fold beyond it.
    #[test]
    fn no_other_spelling_of_a_guarded_name_survives() {
        let mut generator = Generator::new(3);
        for name in hop_by_hop::NAMES.into_iter().chain(OTHERS.iter().copied()) {
            for _ in 0..500 {
                let spelling = spelling(name, &mut generator);
                let mut headers = fields(&[("accept", "*/*"), (&spelling, "x")]);
                strip(&mut headers);
                let is_name = spelling.eq_ignore_ascii_case(name);
                assert_eq!(lines(&headers).len(), if is_name { 2 } else { 1 }, "{spelling}");
                assert!(KNOWN.may_contain(Slot::of(spelling.as_bytes())), "{spelling}");
                assert!(KNOWN.may_contain_name(spelling.as_bytes()), "{spelling}");
            }
        }
    }

    /// RFC 9110 §5.1: other names are other fields, with or without underscores.
    #[test]
    fn fields_of_other_names_stay() {
        let list = [
            ("content_type", "1"),
            ("content-length-x", "1"),
            ("x_transfer_encoding", "1"),
            ("hostname", "1"),
            ("x-tenant_id", "1"),
            ("upgrade_insecure_requests", "1"),
            ("teams", "1"),
        ];
        let mut headers = fields(&list);
        strip(&mut headers);
        assert_eq!(headers, fields(&list));
    }
}
