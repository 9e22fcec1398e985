//! A cache in words, and its parts for those who list them.

use core::time::Duration;

use super::{Cache, Pattern, WAIT};
use crate::cache::rules::Rules;
use crate::config::Span;
use crate::policy::counter_key::KeySource;

/// The parts of requests that tell stored responses apart, beside the method and the URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyParts {
    /// The only query parameters that count; all, if there is no list.
    pub query: Option<Vec<String>>,
    /// Query parameters that do not count.
    pub ignored: Vec<String>,
    /// Header fields, those included that `bypass` looks at and edits write.
    pub headers: Vec<String>,
    /// Cookies.
    pub cookies: Vec<String>,
    /// Claims of the caller.
    pub claims: Vec<String>,
    /// Set if each caller has responses of their own.
    pub caller: bool,
    /// Set if other cookies do not count.
    pub ignores_cookies: bool,
}

impl Cache {
    /// The parts of its key.
    #[must_use]
    pub fn key_parts(&self) -> KeyParts {
        let key = &self.key;
        let texts = |list: &[Box<str>]| list.iter().map(|text| text.to_string()).collect();
        KeyParts {
            query: key.query.as_deref().map(|list| list.iter().map(Pattern::written).collect()),
            ignored: key.ignored.iter().map(Pattern::written).collect(),
            headers: key.headers.iter().map(ToString::to_string).collect(),
            cookies: texts(&key.cookies),
            claims: key.claims.iter().filter_map(claim).map(str::to_owned).collect(),
            caller: key.by_caller,
            ignores_cookies: self.ignores_cookies,
        }
    }

    /// The methods whose answers may be stored.
    #[must_use]
    pub fn methods(&self) -> Vec<&'static str> {
        let others = [("HEAD", self.heeds_head), ("POST", self.stores_post)];
        ["GET"].into_iter().chain(others.iter().filter(|(_, is_heeded)| *is_heeded).map(|(name, _)| *name)).collect()
    }

    /// The time for which a response with `status` that says nothing of its own is fresh; none if it is not stored.
    #[must_use]
    pub fn unsaid_ttl(&self, status: http::StatusCode) -> Option<Duration> {
        let Rules { forced_ttl, default_ttl, max_ttl, .. } = self.rules;
        let ttl = self.rules.status_ttl(status).or(forced_ttl).or(default_ttl)?;
        Some(max_ttl.map_or(ttl, |max| max.min(ttl)))
    }

    /// A few words for a list of policies.
    #[must_use]
    pub fn describe(&self) -> String {
        let rules = &self.rules;
        let mut text = match (rules.forced_ttl, rules.default_ttl) {
            (Some(ttl), _) => format!("cache for {}", Span(ttl)),
            (None, Some(ttl)) => format!("cache as stated, or for {}", Span(ttl)),
            (None, None) => "cache as stated".to_owned(),
        };
        let mut more = Vec::new();
        more.extend(rules.max_ttl.map(|ttl| format!("at most {}", Span(ttl))));
        more.extend(rules.status_ttls.iter().map(|(statuses, ttl)| match ttl.is_zero() {
            true => format!("{statuses} never"),
            false => format!("{statuses} for {}", Span(*ttl)),
        }));
        more.extend(rules.stale_while_revalidate.map(|time| format!("stale {} while asked again", Span(time))));
        more.extend(rules.stale_if_error.map(|time| format!("stale {} on errors", Span(time))));
        more.extend(self.key_parts().describe().map(|parts| format!("key: URL, {parts}")));
        if self.stores_post || !self.heeds_head {
            more.push(format!("of {}", self.methods().join(", ")));
        }
        more.extend(self.bypass.as_ref().map(|when| format!("not if {}", when.as_str())));
        more.extend((self.wait != WAIT).then(|| match self.wait.is_zero() {
            true => "nobody waits for another's answer".to_owned(),
            false => format!("waits {} for another's answer", Span(self.wait)),
        }));
        more.extend(rules.cookies.then(|| "with the cookies it sets".to_owned()));
        if !more.is_empty() {
            text.push_str(&format!(" ({})", more.join("; ")));
        }
        text
    }
}

impl KeyParts {
    /// A few words; none if the URL is all.
    #[must_use]
    pub fn describe(&self) -> Option<String> {
        let list = |what: &str, names: &[String]| (!names.is_empty()).then(|| format!("{what} {}", names.join(", ")));
        let query = match self.query.as_deref() {
            None => list("query without", &self.ignored),
            Some([]) => Some("no query".to_owned()),
            Some(names) => list("query", names),
        };
        let parts = [
            query,
            list("header", &self.headers),
            list("cookie", &self.cookies),
            (self.ignores_cookies && self.cookies.is_empty()).then(|| "no cookies".to_owned()),
            list("claim", &self.claims),
            self.caller.then(|| "caller".to_owned()),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

impl Pattern {
    fn written(&self) -> String {
        format!("{}{}", self.text, if self.is_beginning { "*" } else { "" })
    }
}

fn claim(key: &KeySource) -> Option<&str> {
    if let KeySource::Claim(name) = key { Some(name) } else { None }
}

#[cfg(test)]
mod tests {
    use crate::config;
    use crate::policy::cache::Cache;
    use crate::policy::expression::Expression;

    /// docs/command-line.md, routes: what a cache keeps, for how long, and what tells responses apart.
    #[test]
    fn a_cache_is_told_in_words() {
        let words = |json: &str| {
            let config: config::Cache = serde_json::from_str(json).unwrap();
            let bypass = config.bypass.as_deref().map(|text| Box::new(Expression::compile(text, None).unwrap()));
            Cache::compile(&config, bypass).unwrap().describe()
        };
        assert_eq!(words("{}"), "cache as stated");
        assert_eq!(words(r#"{"ttl": "5m"}"#), "cache for 5m");
        assert_eq!(
            words(
                r#"{"defaultTtl": "1m", "maxTtl": "1h", "statuses": {"404": "10s", "5xx": "0s"}, "staleIfError": "1d",
                "staleWhileRevalidate": "30s", "collapse": "0s", "bypass": "request.headers['x-p'] == '1'",
                "key": {"ignoreQuery": ["utm_*", "ref"], "headers": ["x-a"], "cookies": ["c"], "caller": true}}"#
            ),
            "cache as stated, or for 1m (at most 1h; 404 for 10s; 5xx never; stale 30s while asked again; stale 1d on errors; key: \
             URL, query without utm_*, ref, header x-a, x-p, cookie c, caller; not if request.headers['x-p'] == '1'; nobody waits for another's answer)"
        );
        assert_eq!(
            words(r#"{"key": {"query": ["a"]}, "ignoreCookies": true}"#),
            "cache as stated (key: URL, query a, no cookies)"
        );
    }
}
