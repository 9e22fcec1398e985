//! Changes of the list of revoked tokens by the admin endpoints.

use core::time::Duration;

use bytes::Bytes;
use serde::Serialize;

use super::change::Change;
use super::{Answer, Asked};
use crate::error::Reject;
use crate::http::percent;
use crate::plan::Plan;
use crate::policy::content::Content;
use crate::policy::revocation::{List, Revoked};
use crate::store_key::StoreKey;

/// An entry of a list of revoked tokens, and what becomes of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RevocationChange {
    pub(crate) list: List,
    pub(crate) entry: StoreKey,
    /// Set if the entry is a time before which tokens are void.
    pub(crate) is_time: bool,
    /// The time within which a change is honoured.
    pub(crate) within: Duration,
    /// The difference of clocks that is allowed for in tokens of the issuer.
    pub(crate) leeway: Duration,
    pub(crate) change: Change,
}

/// An entry as it is reported.
#[derive(Debug, Serialize)]
pub(crate) struct Revocation {
    pub(crate) revoked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<i64>,
    /// The seconds within which a change is honoured, beside the store's own delay.
    pub(crate) within: u64,
}

/// Returns the entry that is called `name`, percent-encoded: `ISSUER`, `ISSUER/jti/ID` or `ISSUER/subject/SUBJECT`; and what becomes
/// of it.
///
/// # Errors
/// 404 for an issuer that looks at no list, and for another form; 403 for a change by a web page or from another machine.
pub(super) fn answer<S>(plan: &Plan, name: &str, asked: &Asked<'_>) -> Result<Answer<S>, Reject> {
    let (issuer, entry) = name.split_once('/').map_or((name, None), |(issuer, entry)| (issuer, Some(entry)));
    let wanted = percent::decode(issuer);
    let issuer = plan.issuers.iter().find(|known| *known.name == *wanted);
    let list = issuer.and_then(|issuer| Some((issuer.revocations()?, issuer.revocation?, issuer.leeway)));
    let (list, within, leeway) = list.ok_or_else(|| not_found(plan, &wanted))?;
    let value = |entry: &'_ str| percent::decode(entry).into_owned();
    let (revoked, is_time) = match entry.map(|entry| entry.split_once('/')) {
        None => (list.entry(Revoked::Issued), true),
        Some(Some(("jti", id))) if !id.is_empty() => (list.entry(Revoked::Token(&value(id))), false),
        Some(Some(("subject", subject))) if !subject.is_empty() => {
            (list.entry(Revoked::Subject(&value(subject))), true)
        }
        Some(_) => return Err(Reject::endpoint_not_found()),
    };
    let change = Change::of(asked)?;
    Ok(Answer::Revocation(RevocationChange { list, entry: revoked, is_time, within, leeway, change }))
}

/// The refusal of an issuer that has no list, with those that have.
#[cold]
fn not_found(plan: &Plan, wanted: &str) -> Reject {
    let lists = plan.issuers.iter().filter(|known| known.revocation.is_some());
    let names: Vec<&str> = lists.map(|known| &*known.name).collect();
    let others = match names.as_slice() {
        [] => "none has".to_owned(),
        names => format!("these have: `{}`", names.join("`, `")),
    };
    Reject::issuer_not_found()
        .with_detail(format!("no issuer of the configuration is called `{wanted}` and has `revocation`; {others}"))
}

impl RevocationChange {
    /// The report on the entry.
    pub(crate) const fn report(&self, revoked: bool, before: Option<i64>) -> Revocation {
        Revocation { revoked, before, within: self.within.as_secs() }
    }

    /// Reads the `content` of a request that revokes tokens.
    ///
    /// # Errors
    /// 400 for content that says something else.
    pub(crate) fn read(&self, content: &Bytes) -> Result<Content, Reject> {
        let read = Content::read(content).filter(Content::is_of_no_key).ok_or_else(|| {
            Reject::bad_content().with_detail("write `{\"before\": …, \"expires\": …}`, both in seconds since 1970")
        })?;
        if read.before.is_some() && !self.is_time {
            return Err(Reject::bad_content().with_detail("a single token is revoked whenever it was issued"));
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};

    use super::super::Way;
    use super::*;
    use crate::plan::load;
    use crate::plan::testing::NoSecrets;
    use crate::ports::Capabilities;

    const CONFIG: &str = r#"{
        "server": {"admin": "9901"},
        "issuers": {
            "corp": {"issuer": "https://id.test", "jwks": "https://id.test/keys", "revocation": "60s"},
            "other": {"issuer": "https://other.test", "jwks": "https://other.test/keys"}
        },
        "routes": [{"name": "a", "respond": {}}]
    }"#;

    fn asked(method: &Method, name: &str, way: Way) -> Result<RevocationChange, &'static str> {
        let plan = load(CONFIG, &Capabilities::NATIVE, &NoSecrets).unwrap();
        let headers = HeaderMap::new();
        let asked = Asked { path: "", method, headers: &headers, has_content: false, way };
        match answer::<()>(&plan, name, &asked) {
            Ok(Answer::Revocation(change)) => Ok(change),
            Ok(_) => Err("another answer"),
            Err(reject) => Err(reject.code),
        }
    }

    /// docs/configuration.md, Admin.
    #[test]
    fn an_entry_is_named_by_its_path() {
        let list = List::of("https://id.test");
        for (name, revoked, is_time) in [
            ("corp", Revoked::Issued, true),
            ("corp/jti/a%2Fb%20c", Revoked::Token("a/b c"), false),
            ("corp/subject/auth0%7C1", Revoked::Subject("auth0|1"), true),
            ("corp/subject/a/b", Revoked::Subject("a/b"), true),
        ] {
            let change = asked(&Method::PUT, name, Way::Door).unwrap();
            assert_eq!((change.entry, change.is_time, change.change), (list.entry(revoked), is_time, Change::Set));
        }
        for (name, code) in [
            ("other", "issuer_not_found"),
            ("nobody/jti/a", "issuer_not_found"),
            ("corp/", "endpoint_not_found"),
            ("corp/jti", "endpoint_not_found"),
            ("corp/jti/", "endpoint_not_found"),
            ("corp/sub/a", "endpoint_not_found"),
        ] {
            assert_eq!(asked(&Method::PUT, name, Way::Door).unwrap_err(), code, "{name}");
        }
    }

    #[test]
    fn nobody_revokes_from_another_machine_without_the_token() {
        assert_eq!(asked(&Method::PUT, "corp", Way::Remote).unwrap_err(), "not_from_here");
        assert_eq!(asked(&Method::DELETE, "corp/jti/a", Way::Remote).unwrap_err(), "not_from_here");
        assert_eq!(asked(&Method::GET, "corp/jti/a", Way::Remote).unwrap().change, Change::None);
        assert_eq!(asked(&Method::DELETE, "corp/jti/a", Way::Local).unwrap().change, Change::Remove);
    }

    #[test]
    fn content_is_times_in_seconds() {
        let (all, one) =
            (asked(&Method::PUT, "corp", Way::Door).unwrap(), asked(&Method::PUT, "corp/jti/a", Way::Door));
        let read = |change: &RevocationChange, text: &'static str| {
            change.read(&Bytes::from_static(text.as_bytes())).map_err(|reject| reject.code)
        };
        assert_eq!(read(&all, ""), Ok(Content::default()));
        assert_eq!(
            read(&all, r#"{"before": 5, "expires": 7}"#),
            Ok(Content { before: Some(5), expires: Some(7), ..Content::default() })
        );
        for text in [
            "5",
            "{",
            "[]",
            r#"{"id": "k"}"#,
            r#"{"before": "now"}"#,
            r#"{"before": 1.5}"#,
            r#"{"after": 5}"#,
            r#"{"expires": -1}"#,
        ] {
            assert_eq!(read(&all, text), Err("bad_content"), "{text}");
        }
        assert_eq!(read(&one.unwrap(), r#"{"before": 5}"#), Err("bad_content"));
    }
}
