//! Changes of the API keys in the key-value store by the admin endpoints.

use super::change::Change;
use super::{Answer, Asked};
use crate::caller::Caller;
use crate::error::Reject;
use crate::plan::Plan;
use crate::policy::api_key::KeyDigest;

/// Returns the digest called `name`, and what becomes of its entry.
///
/// # Errors
/// 404 for what is no digest, for a key that the configuration lists, and where no route takes API keys of the store; 403 for a change by a web page or from another machine.
pub(super) fn answer<S>(plan: &Plan, name: &str, asked: &Asked<'_>) -> Result<Answer<S>, Reject> {
    let digest = KeyDigest::parse(name).ok_or_else(|| {
        Reject::endpoint_not_found().with_detail("a key is named by its digest, in 64 hexadecimal digits")
    })?;
    let change = Change::of(asked)?;
    if change != Change::Set
        && let Some(listing) = plan.api_keys.listed.listing(digest)
    {
        let Caller { consumer, credential, .. } = &*listing.caller;
        let consumer = consumer.as_ref().map_or("", |consumer| &*consumer.name);
        let detail = format!(
            "the key stands in the configuration: it is the credential `{}` in `consumers.{consumer}.credentials`; take it out there, \
             and load the file again",
            credential.as_deref().unwrap_or_default()
        );
        return Err(Reject::key_not_found().with_detail(detail));
    }
    if !plan.takes_stored_keys() {
        return Err(Reject::endpoint_not_found()
            .with_detail("no route of the configuration takes API keys of the key-value store"));
    }
    Ok(Answer::Key(digest, change))
}
