//! One look at the fields of an upstream's response that tells which of the rules for heads have anything to do.

use http::{HeaderMap, StatusCode};

use super::{framing, hop_by_hop};

/// The rules that have something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ResponseSurvey {
    hop_by_hop: hop_by_hop::Found,
    /// The number of fields that state a length.
    lengths: usize,
    /// Set unless one of them is no number.
    is_number: bool,
    /// Set if there is a `Set-Cookie`.
    pub(crate) cookies: bool,
}

impl ResponseSurvey {
    /// Looks at each field once.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut survey = Self { hop_by_hop: hop_by_hop::Found::default(), lengths: 0, is_number: true, cookies: false };
        for (name, value) in headers {
            let name = name.as_str();
            // Those of the other two have the lengths of some of them.
            if !hop_by_hop::may_be(name) {
                continue;
            }
            match name {
                "content-length" => {
                    survey.lengths += 1;
                    survey.is_number &= framing::length(value.as_bytes()).is_some();
                }
                "set-cookie" => survey.cookies = true,
                name => survey.hop_by_hop.look_at(name),
            }
        }
        survey
    }

    /// The fields that end at this hop.
    pub(crate) const fn hop_by_hop(&self) -> hop_by_hop::Found {
        self.hop_by_hop
    }

    /// Returns whether [`framing::settle`] would leave a head with this status as it is.
    pub(crate) fn is_settled(&self, status: StatusCode) -> bool {
        match self.lengths {
            _ if self.hop_by_hop.has_coding() => false,
            0 => true,
            1 => self.is_number && status != StatusCode::NO_CONTENT,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::{fields, lines};

    fn survey(list: &[(&str, &str)]) -> ResponseSurvey {
        ResponseSurvey::of(&fields(list))
    }

    /// Nothing that a rule would act on is overlooked.
    #[test]
    fn a_head_that_is_settled_is_left_as_it_is() {
        let lengths = [&[][..], &["5"], &["05"], &["5, 5"], &["5", "5"], &["5", "6"], &["x"], &[""], &["+5"]];
        for lengths in lengths {
            for coding in [None, Some("chunked"), Some("gzip")] {
                for status in [StatusCode::OK, StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED] {
                    let mut list: Vec<_> = lengths.iter().map(|length| ("content-length", *length)).collect();
                    list.extend(coding.map(|coding| ("transfer-encoding", coding)));
                    let mut headers = fields(&list);
                    let before = lines(&headers);
                    let is_kept = framing::settle(status, &mut headers).is_ok() && lines(&headers) == before;
                    if survey(&list).is_settled(status) {
                        assert!(is_kept, "{list:?} {status}");
                    }
                }
            }
        }
        assert!(survey(&[("content-length", "5"), ("date", "x")]).is_settled(StatusCode::OK));
        assert!(survey(&[("etag", "x")]).is_settled(StatusCode::NO_CONTENT));
    }

    #[test]
    fn every_name_of_every_rule_is_seen() {
        for name in hop_by_hop::NAMES {
            assert!(!survey(&[(name, "x")]).hop_by_hop().is_empty(), "{name}");
        }
        assert!(survey(&[("set-cookie", "a=b")]).cookies);
        let ordinary = survey(&[("content-type", "a"), ("x-set-cookie", "a"), ("trailer", "a"), ("etag", "a")]);
        assert!(!ordinary.cookies && ordinary.hop_by_hop().is_empty());
    }
}
