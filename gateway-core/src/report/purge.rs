//! Purges of stored responses by the admin endpoints.

use core::fmt;

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
        if [&purge.urls, &purge.prefixes, &purge.tags].into_iter().flatten().any(String::is_empty) {
            return Err(Reject::bad_content().with_detail("what is to be purged has an empty name"));
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
            "`{url}` is no URL of this gateway: write all of it, as clients ask for it: `https://api.example.com/products?page=1`"
        );
        Reject::bad_content().with_detail(detail)
    }
}

/// The most names that are told.
const MOST_TOLD: usize = 4;

/// What is purged, in words: of a few names, without what a terminal would obey.
impl fmt::Display for Purge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.soft {
            "stored responses count as stale from now on:"
        } else {
            "stored responses are purged:"
        })?;
        if self.all {
            return f.write_str(" all");
        }
        let of =
            |kind: &'static str, names: &[String]| names.iter().map(|name| (kind, name.clone())).collect::<Vec<_>>();
        let names = [of("url", &self.urls), of("prefix", &self.prefixes), of("tag", &self.tags)].concat();
        for (index, (kind, name)) in names.iter().take(MOST_TOLD).enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma} {kind} `{}`", name.escape_debug())?;
        }
        match names.len().saturating_sub(MOST_TOLD) {
            0 => Ok(()),
            more => write!(f, ", and {more} more"),
        }
    }
}

/// What a purge has come to.
#[derive(Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Ended {
    /// The URLs of which it has ended responses; none where that is not known.
    pub(crate) resources: Option<u64>,
    /// Those of its URLs that no route with a cache takes.
    pub(crate) unserved: Vec<String>,
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
            r#"{"tags": [""]}"#,
            r#"{"urls": ["http://a/", ""]}"#,
        ] {
            assert_eq!(read(text), Err("bad_content"), "{text}");
        }
    }
    /// docs/configuration.md, Purges: a line tells what was purged.
    #[test]
    fn a_purge_is_told_in_words() {
        let told = |text: &str| Purge::read(text.as_bytes()).unwrap().to_string();
        assert_eq!(told(r#"{"all": true, "tags": ["a"]}"#), "stored responses are purged: all");
        assert_eq!(
            told(r#"{"urls": ["http://a/"], "tags": ["\u001b[2J", "c", "d", "e"], "soft": true}"#),
            "stored responses count as stale from now on: url `http://a/`, tag `\\u{1b}[2J`, tag `c`, tag `d`, and 1 more"
        );
    }
}
