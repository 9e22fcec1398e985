//! The path and query of an upstream request.

use std::borrow::Cow;

use http::Uri;
use http::uri::PathAndQuery;

use crate::call::Call;
use crate::error::Reject;
use crate::http::path;
use crate::plan::{Endpoint, PathRewrite, Proxy};
use crate::policy::version::split_at_segment;

/// The request target at `endpoint`, in origin form.
pub(super) fn target_uri(action: &Proxy, endpoint: &Endpoint, call: &Call) -> Result<Uri, Reject> {
    let path = rewritten_path(&action.path, call)?;
    let is_as_it_came = call.keeps_target() && endpoint.base_path.is_empty() && *path == *call.uri().path();
    let target = if is_as_it_came {
        call.uri().path_and_query().cloned().ok_or_else(Reject::internal)?
    } else {
        let query = call.query();
        let mut text =
            String::with_capacity(endpoint.base_path.len() + path.len() + query.map_or(0, |query| query.len() + 1));
        text.push_str(&endpoint.base_path);
        text.push_str(&path);
        if text.is_empty() {
            text.push('/');
        }
        if let Some(query) = query {
            text.push('?');
            text.push_str(query);
        }
        PathAndQuery::try_from(text).map_err(|_| Reject::bad_path())?
    };
    Ok(Uri::from(target))
}

fn rewritten_path<'c>(rewrite: &PathRewrite, call: &'c Call) -> Result<Cow<'c, str>, Reject> {
    let path = call.path();
    match rewrite {
        PathRewrite::Keep => Ok(match call.cut() {
            None => Cow::Borrowed(path),
            Some(cut) => {
                let (before, _, after) = split_at_segment(path, cut.into());
                let rest = [before, after].concat();
                Cow::Owned(if rest.is_empty() { "/".to_owned() } else { rest })
            }
        }),
        PathRewrite::Prefix { segments, replacement, ends_bare } => {
            let rest = after_segments(path, call.replaced(*segments));
            let joined = format!("{replacement}{rest}");
            Ok(Cow::Owned(match joined.as_str() {
                // Without a prefix, the path's only slash is all that follows.
                "/" if *ends_bare && *segments == 0 => String::new(),
                "" if !*ends_bare => "/".to_owned(),
                _ => joined,
            }))
        }
        PathRewrite::Template(template) => {
            let mut text = String::new();
            if !template.fill_segments(call, &mut text) {
                return Err(Reject::bad_path());
            }
            // Adjacent values could form a dot segment that neither holds: `{path.a}{path.b}`.
            if path::is_normalised(&text) { Ok(Cow::Owned(text)) } else { Err(Reject::bad_path()) }
        }
    }
}

/// The part of `path` after its first `count` segments: empty, or begins with a slash.
pub(super) fn after_segments(path: &str, count: usize) -> &str {
    let mut rest = path;
    for _ in 0..count {
        rest = match rest.get(1..).and_then(|r| r.find('/').map(|at| (r, at))) {
            Some((r, at)) => r.get(at..).unwrap_or_default(),
            None => "",
        };
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::after_segments;

    #[test]
    fn drops_whole_segments() {
        assert_eq!(after_segments("/api/users/7", 1), "/users/7");
        assert_eq!(after_segments("/api/users/7", 0), "/api/users/7");
        assert_eq!(after_segments("/api", 1), "");
        assert_eq!(after_segments("/api/", 1), "/");
    }
}
