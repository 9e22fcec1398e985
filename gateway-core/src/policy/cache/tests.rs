//! Tests of the policy for stored responses.

use http::{HeaderMap, Method};

use super::*;
use crate::config::CacheKey;

fn call(uri: &str, fields: &[(&'static str, &'static str)]) -> Call {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, HeaderValue::from_static(value));
    }
    let mut call = Call::new(Method::GET, uri.parse().unwrap(), headers);
    call.set_host(HeaderValue::from_static("api.example:8080")).unwrap();
    call
}

fn cache(key: CacheKey) -> Cache {
    Cache::compile(&config::Cache { key, ..config::Cache::default() }, None).unwrap()
}

fn list(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// RFC 9110 §7.1 and §4.2.3: the effective URI, with its host in small letters.
#[test]
fn a_resource_is_known_by_its_uri() {
    assert_eq!(resource(&call("/a/b?x=1&y", &[])), "http://api.example:8080/a/b?x=1&y");
    assert_eq!(resource(&call("/a", &[])), "http://api.example:8080/a");
}

/// docs/configuration.md, `cache`: what does not count is not sent, so that no response depends on it.
#[test]
fn what_does_not_count_goes_no_further() {
    let only = cache(CacheKey { query: Some(list(&["page", "size"])), ..CacheKey::default() });
    let without = cache(CacheKey { ignore_query: list(&["utm_*", "ref"]), ..CacheKey::default() });
    let query = |cache: &Cache, uri: &str| {
        let mut call = call(uri, &[]);
        cache.reduce(&mut call);
        call.query().map(str::to_owned)
    };
    assert_eq!(query(&only, "/?size=2&x=3&p%61ge=1&page=2").as_deref(), Some("p%61ge=1&page=2&size=2"));
    assert_eq!(query(&only, "/?x=3"), None);
    let starred = cache(CacheKey { query: Some(list(&["page", "f_*", "f_b"])), ..CacheKey::default() });
    for text in ["/?f_b=1&page=2&f_a=3&f_b=0&x=4", "/?f_%61=3&x=5&f_b=1&f_b=0&page=2"] {
        let reduced = query(&starred, text).map(|text| text.replace("%61", "a"));
        assert_eq!(reduced.as_deref(), Some("page=2&f_a=3&f_b=1&f_b=0"), "{text}");
    }
    assert_eq!(query(&without, "/?a=1&utm_source=x&%75tm_b=2&ref=&refs=1").as_deref(), Some("a=1&refs=1"));
    assert!(!only.counts_all_of(&call("/?x=3", &[])) && only.counts_all_of(&call("/?page=1", &[])));
    let cookies = |cache: &Cache| {
        let mut call = call("/", &[("cookie", "a=1; lang=de; b=2"), ("cookie", "theme=dark")]);
        cache.reduce(&mut call);
        call.headers.get(COOKIE).map(|value| value.to_str().unwrap().to_owned())
    };
    let some = cache(CacheKey { cookies: list(&["theme", "lang", "none"]), ..CacheKey::default() });
    assert_eq!(cookies(&some).as_deref(), Some("theme=dark; lang=de"));
    let none = Cache::compile(&config::Cache { ignore_cookies: Some(true), ..config::Cache::default() }, None);
    assert_eq!(cookies(&none.unwrap()), None);
}

#[test]
fn values_that_count_make_parts_of_their_own() {
    let plain = cache(CacheKey::default());
    assert_eq!(plain.part("r", None, &call("/", &[("x-a", "1")])), "r");
    assert_ne!(plain.part("r", Some("u"), &call("/", &[])), "r");
    let two = cache(CacheKey { headers: list(&["x-a", "x-b"]), ..CacheKey::default() });
    let fields: [&[(&'static str, &'static str)]; 5] =
        [&[], &[("x-a", "1")], &[("x-b", "1")], &[("x-a", "1"), ("x-a", "2")], &[("x-a", "1"), ("x-b", "2")]];
    let parts = fields.map(|fields| two.part("r", None, &call("/", fields)));
    for (i, part) in parts.iter().enumerate() {
        assert!(part.starts_with("r#") && part.len() == 34 && !parts[..i].contains(part), "{part}");
    }
}

/// An upstream may be told the host as it is written, and answer by that.
#[test]
fn another_spelling_of_the_host_makes_a_part_of_its_own() {
    let cache = Cache::compile(&config::Cache::default(), None).unwrap();
    let part = |host: &'static str| {
        let mut call = call("/", &[]);
        call.set_host(HeaderValue::from_static(host)).unwrap();
        cache.part("r", None, &call)
    };
    for host in ["api.example", "api.example:8080", "[::1]:8080"] {
        assert_eq!(part(host), "r", "{host}");
    }
    let others = ["Api.example", "api.example.", "api.example:80", "api.example:08080"].map(part);
    for (i, part) in others.iter().enumerate() {
        assert!(part.starts_with("r#") && !others[..i].contains(part), "{part}");
    }
}

/// docs/configuration.md, `cache`: with cookies that count by no list, only what a response says itself holds.
#[test]
fn cookies_have_the_gateway_add_no_lifetime() {
    let c = config::Cache { ttl: Some(Span(Duration::from_secs(60))), ..config::Cache::default() };
    let cache = Cache::compile(&c, None).unwrap();
    let asker = |cache: &Cache, fields| cache.asker(&call("/", fields));
    assert_eq!(cache.rules_for(asker(&cache, &[])).forced_ttl, Some(Duration::from_secs(60)));
    assert_eq!(cache.rules_for(asker(&cache, &[("cookie", "a=b")])).forced_ttl, None);
    let c = config::Cache { ignore_cookies: Some(true), ..c };
    assert_eq!(asker(&Cache::compile(&c, None).unwrap(), &[("cookie", "a=b")]), Asker::Anyone);
}

#[test]
fn every_mistake_is_reported() {
    let wrong = config::Cache {
        ttl: Some(Span(Duration::ZERO)),
        max_ttl: Some(Span(Duration::MAX)),
        statuses: config::Entries(vec![
            ("304".to_owned(), Span(Duration::from_secs(1))),
            ("1xx".to_owned(), Span(Duration::from_secs(1))),
            ("404".to_owned(), Span(Duration::from_millis(1))),
        ]),
        max_bytes: Some(config::ByteSize(0)),
        collapse: Some(Span(Duration::from_secs(61))),
        targets: Some(list(&["a b"])),
        ignore_cookies: Some(true),
        key: CacheKey {
            query: Some(list(&["a"])),
            ignore_query: list(&[""]),
            headers: list(&["x", "cookie"]),
            cookies: list(&["a"]),
            claims: list(&[""]),
            caller: None,
        },
        ..config::Cache::default()
    };
    let errors = Cache::compile(&wrong, None).unwrap_err();
    let members: Vec<_> = errors.iter().map(|error| (error.member, error.index)).collect();
    assert_eq!(
        members,
        [
            ("ttl", None),
            ("maxTtl", None),
            ("ttl", None),
            ("statuses", Some(0)),
            ("statuses", Some(1)),
            ("statuses", Some(2)),
            ("maxBytes", None),
            ("collapse", None),
            ("targets", Some(0)),
            ("key.headers", Some(1)),
            ("ignoreCookies", None),
            ("key.ignoreQuery", None),
            ("key.ignoreQuery", Some(0)),
            ("key.claims", Some(0)),
        ]
    );
}
