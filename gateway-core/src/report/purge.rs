//! Purges of stored responses by the admin endpoints.

use serde_json::Value;

use crate::cache::purges::Reach;
use crate::error::Reject;
use crate::json;

/// The form of a purge.
const FORM: &str = "write `{\"urls\": [\"https://…\"], \"prefixes\": [\"https://…\"], \"tags\": [\"…\"], \"all\": true, \"soft\": true}`, with what you mean of these";

/// The stored responses that are to be purged.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Purge {
    pub(crate) urls: Vec<String>,
    pub(crate) prefixes: Vec<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) all: bool,
    pub(crate) soft: bool,
}

impl Purge {
    /// Reads the content of a request.
    ///
    /// # Errors
    /// 400 for content that says something else, or nothing.
    pub(crate) fn read(content: &[u8]) -> Result<Self, Reject> {
        let bad = || Reject::bad_content().with_detail(FORM);
        let mut purge = Self::default();
        for (name, value) in json::object(content).ok_or_else(bad)? {
            let list = || {
                let items = value.as_array().into_iter().flatten().map(|item| item.as_str().map(str::to_owned));
                value.as_array().and_then(|_| items.collect::<Option<Vec<_>>>()).ok_or_else(bad)
            };
            match name.as_str() {
                "urls" => purge.urls = list()?,
                "prefixes" => purge.prefixes = list()?,
                "tags" => purge.tags = list()?,
                "all" => purge.all = truth(&value).ok_or_else(bad)?,
                "soft" => purge.soft = truth(&value).ok_or_else(bad)?,
                _ => return Err(bad()),
            }
        }
        let is_empty = purge.urls.is_empty() && purge.prefixes.is_empty() && purge.tags.is_empty() && !purge.all;
        if is_empty { Err(bad()) } else { Ok(purge) }
    }

    /// The effect that is wanted.
    pub(crate) const fn reach(&self) -> Reach {
        if self.soft { Reach::Soft } else { Reach::Hard }
    }

    /// The refusal of a `url` that is none.
    #[cold]
    pub(crate) fn no_url(url: &str) -> Reject {
        let detail = format!(
            "`{url}` is no URL of this gateway: write all of it, as clients do: `https://api.example.com/products?page=1`"
        );
        Reject::bad_content().with_detail(detail)
    }
}

const fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        _ => None,
    }
}

/// The refusal where no route stores responses.
#[cold]
pub(super) fn no_cache() -> Reject {
    Reject::endpoint_not_found().with_detail("no route of the configuration has `cache`")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// docs/configuration.md, Admin.
    #[test]
    fn content_says_what_is_purged() {
        let read = |text: &str| Purge::read(text.as_bytes()).map_err(|reject| reject.code);
        let all =
            r#"{"urls": ["https://a/x"], "prefixes": ["https://a/"], "tags": ["t", "u"], "all": false, "soft": true}"#;
        let purge = read(all).unwrap();
        assert_eq!((purge.urls.len(), purge.prefixes.len(), purge.tags.len(), purge.reach()), (1, 1, 2, Reach::Soft));
        assert_eq!(read(r#"{"all": true}"#).unwrap().reach(), Reach::Hard);
        for text in [
            "",
            "[]",
            "{}",
            r#"{"all": false}"#,
            r#"{"urls": "x"}"#,
            r#"{"tags": [1]}"#,
            r#"{"soft": true}"#,
            r#"{"tag": ["a"]}"#,
        ] {
            assert_eq!(read(text), Err("bad_content"), "{text}");
        }
    }
}
