//! Changes of flags by the admin endpoints.

use http::header::CONTENT_LENGTH;

use super::change::Change;
use super::{Answer, Asked};
use crate::error::Reject;
use crate::http::percent;
use crate::plan::Plan;
use crate::store_key::KeyUse;

/// Returns the flag called `name`, percent-encoded, and the change that is asked for.
///
/// # Errors
/// 404 for a name that the configuration does not have, 403 for a change by a web page or from another machine, 413 for content.
pub(super) fn answer<S>(plan: &Plan, name: &str, asked: &Asked<'_>) -> Result<Answer<S>, Reject> {
    let name = percent::decode(name);
    let index = plan.flags.iter().position(|key| key.name(KeyUse::Flag) == Some(&*name));
    let index = index.ok_or_else(Reject::flag_not_found)?;
    let change = Change::of(asked)?;
    if change == Change::None {
        return Ok(Answer::Flag(index, change));
    }
    if has_content(asked) {
        return Err(flag_content());
    }
    Ok(Answer::Flag(index, change))
}

/// The refusal of content: a flag is set or not, so the content would be ignored.
pub(crate) fn flag_content() -> Reject {
    Reject::body_too_large().with_detail("a flag is set and removed without content")
}

fn has_content(asked: &Asked<'_>) -> bool {
    asked.headers.get(CONTENT_LENGTH).map_or(asked.has_content, |length| length.as_bytes() != b"0")
}

#[cfg(test)]
mod tests {
    use http::header::ORIGIN;
    use http::{HeaderName, HeaderValue, Method};

    use super::super::Way;
    use super::super::change::SEC_FETCH_SITE;
    use super::*;
    use crate::plan::load;
    use crate::plan::testing::NoSecrets;
    use crate::ports::Capabilities;

    const CONFIG: &str = r#"{
        "server": {"admin": "9901"},
        "routes": [
            {"name": "a", "match": {"path": "/a"}, "respond": {}, "policies": [{"maintenance": {"flag": "a"}}]},
            {"name": "b", "match": {"path": "/b"}, "respond": {}, "policies": [{"maintenance": {"flag": "b/c d"}}]}
        ]
    }"#;

    /// The index and the change, or the code of the refusal.
    fn asked(
        method: Method,
        name: &str,
        way: Way,
        fields: &[(HeaderName, &'static str)],
    ) -> Result<(usize, Change), &'static str> {
        let plan = load(CONFIG, &Capabilities::NATIVE, &NoSecrets).unwrap();
        let headers = fields.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        let asked = Asked { path: "", method: &method, headers: &headers, has_content: false, way };
        match answer::<()>(&plan, name, &asked) {
            Ok(Answer::Flag(index, change)) => Ok((index, change)),
            Ok(_) => Err("no flag"),
            Err(reject) => Err(reject.code),
        }
    }

    #[test]
    fn the_name_is_found_in_the_configuration() {
        assert_eq!(asked(Method::GET, "a", Way::Local, &[]), Ok((0, Change::None)));
        assert_eq!(asked(Method::PUT, "b/c%20d", Way::Local, &[]), Ok((1, Change::Set)));
        assert_eq!(asked(Method::DELETE, "b%2Fc%20d", Way::Local, &[]), Ok((1, Change::Remove)));
        assert_eq!(asked(Method::PUT, "b", Way::Door, &[]), Err("flag_not_found"));
        assert_eq!(asked(Method::PUT, "flag:a", Way::Door, &[]), Err("flag_not_found"));
    }

    /// docs/configuration.md, Admin: without a token, changes come from this machine alone, and from no web page.
    #[test]
    fn who_may_change_a_flag_depends_on_the_way() {
        for page in [(ORIGIN, "http://gw.test"), (SEC_FETCH_SITE, "same-origin")] {
            let page = [page];
            assert_eq!(asked(Method::PUT, "a", Way::Local, &page), Err("cross_site"));
            assert_eq!(asked(Method::DELETE, "a", Way::Local, &page), Err("cross_site"));
            assert_eq!(asked(Method::GET, "a", Way::Local, &page), Ok((0, Change::None)));
            // Only a page that was given the token has it.
            assert_eq!(asked(Method::PUT, "a", Way::Door, &page), Ok((0, Change::Set)));
        }
        assert_eq!(asked(Method::PUT, "a", Way::Remote, &[]), Err("not_from_here"));
        assert_eq!(asked(Method::GET, "a", Way::Remote, &[]), Ok((0, Change::None)));
    }

    #[test]
    fn content_is_refused_by_its_stated_length() {
        assert_eq!(asked(Method::PUT, "a", Way::Door, &[(CONTENT_LENGTH, "0")]), Ok((0, Change::Set)));
        assert_eq!(asked(Method::PUT, "a", Way::Door, &[(CONTENT_LENGTH, "3")]), Err("body_too_large"));
    }
}
