//! What is warned of: it can be served, and is likely not meant.

use gateway_core::plan;

use super::{NOW, said, words};

/// docs/configuration.md, Maintenance: `check` warns of a time that is over.
#[test]
fn warns_of_maintenance_that_is_over() {
    let over = |until: &str| {
        let policy = format!(r#"{{"maintenance": {{"until": "{until}"}}}}"#);
        let text = format!(
            r#"{{"policies": {{"p": {policy}}}, "routes": [{{"name": "r", "policies": ["p", {policy}], "respond": {{}}}}]}}"#
        );
        assert_eq!(said(&text), []);
        words(&plan::warnings(&text, NOW)).len()
    };
    assert_eq!([over("2026-12-02T02:00:00Z"), over("2026-12-02T02:00:01Z")], [2, 0]);
}

/// docs/configuration.md, What every request gets: what claims to know the client is read from trusted proxies alone.
#[test]
fn warns_of_what_no_client_is_believed() {
    let config = |network: &str| {
        format!(
            r#"{{"network": {network}, "upstreams": {{"a": {{"url": "http://a"}}}}, "routes": [
                {{"name": "m", "match": {{"path": "/m", "headers": {{"x-forwarded-for": "10.1.1.1", "x-a": "1"}}}}, "respond": {{}}}},
                {{"name": "k", "match": {{"path": "/k"}}, "respond": {{}},
                    "policies": [{{"rateLimit": {{"limit": 1, "window": "1s", "key": {{"header": "X-Real-IP"}}}}}}]}},
                {{"name": "e", "match": {{"path": "/e"}}, "upstream": "a", "policies": [{{"request": {{"headers": {{
                    "rename": {{"cf-connecting-ip": "x-b", "x-c": "x-real-ip"}},
                    "set": {{"x-d": "{{header.x-forwarded-for}}", "x-e": "{{header.true-client-ip}} {{header.x-f}}"}}}}}}}}]}}
            ]}}"#
        )
    };
    let removed = |name: &str| format!("`{name}` is removed from every request, since no proxy is trusted");
    let text = config("{}");
    assert_eq!(said(&text), []);
    let warnings = plan::warnings(&text, NOW);
    let expected = [
        ("routes[0].match.headers.x-forwarded-for", removed("x-forwarded-for")),
        ("routes[1].policies[0].rateLimit.key.header", removed("x-real-ip")),
        ("routes[2].policies[0].request.headers.rename.cf-connecting-ip", removed("cf-connecting-ip")),
        ("routes[2].policies[0].request.headers.set.x-e", removed("true-client-ip")),
    ];
    let expected: Vec<_> = expected.iter().map(|(path, message)| (*path, &**message)).collect();
    assert_eq!(words(&warnings), expected);
    assert!(warnings[0].help.as_ref().unwrap().contains("`network.trustedProxies`; then match by `clientAddress`"));
    let text = config(r#"{"trustedProxies": ["10.0.0.0/8"]}"#);
    assert_eq!(
        words(&plan::warnings(&text, NOW)),
        [("routes[0].match.headers.x-forwarded-for", "a client can write the beginning of `x-forwarded-for`")]
    );
}

/// docs/configuration.md, A service of your own: it is asked about each request, by its upstream.
#[test]
fn a_service_that_decides_is_in_use() {
    let text = r#"{"upstreams": {"a": {"url": "http://a"}, "b": {"url": "http://b"}, "c": {"url": "http://c"}, "d": {"url": "http://d"}},
        "consumers": {"x": {}},
        "policies": {
            "named": {"authenticate": {"external": {"upstream": "a", "path": "/"}}},
            "either": {"authenticate": {"any": [{"basic": {}}, {"all": [{"external": {"upstream": "b", "path": "/"}}, {"external": {"upstream": "c", "path": "/"}}]}]}}},
        "routes": [{"name": "r", "match": {"path": "/r"}, "respond": {}, "policies": ["named"]},
            {"name": "s", "match": {"path": "/s"}, "respond": {}, "policies": ["either"]},
            {"name": "t", "match": {"path": "/t"}, "respond": {}, "policies": [{"authenticate": {"external": {"upstream": "d", "path": "/"}}}]}]}"#;
    let unused: Vec<_> = words(&plan::warnings(text, NOW))
        .into_iter()
        .filter(|(path, _)| path.starts_with("upstreams"))
        .map(|(path, word)| format!("{path}: {word}"))
        .collect();
    assert_eq!(unused, [""; 0]);
}

/// docs/configuration.md, Content of requests: content of the types in `contentTypes` is let in, JSON and XML up to 1 MiB.
#[test]
fn warns_of_bounds_that_nothing_is_held_to() {
    let warned = |validate: &str| {
        let text =
            format!(r#"{{"routes": [{{"name": "r", "policies": [{{"validate": {validate}}}], "respond": {{}}}}]}}"#);
        assert_eq!(said(&text), []);
        let warnings = plan::warnings(&text, NOW);
        words(&warnings).into_iter().map(|(path, message)| (path.to_owned(), message.to_owned())).collect::<Vec<_>>()
    };
    let said_of =
        |member: &str, message: &str| (format!("routes[0].policies[0].validate.{member}"), message.to_owned());
    assert_eq!(
        warned(r#"{"contentTypes": ["text/plain"], "json": {}, "xml": {"text": "5MB"}}"#),
        [
            said_of("json", "no content is held to these bounds: none of `contentTypes` is a type of JSON"),
            said_of("xml", "no content is held to these bounds: none of `contentTypes` is a type of XML"),
            said_of("xml.text", "XML is taken up to 1 MiB as a whole, so no text in it is longer"),
        ]
    );
    assert_eq!(
        warned(r#"{"json": {"text": "5MB"}}"#),
        [said_of("json.text", "JSON is taken up to 1 MiB as a whole, so no text in it is longer")]
    );
    assert_eq!(warned(r#"{"contentTypes": ["application/*"], "json": {"text": "1MiB"}, "xml": {}}"#), []);
}

#[test]
fn warns_of_what_has_no_effect() {
    let text = r#"{"upstreams": {"a": {"url": "http://a"}, "b": {"url": "http://b"}, "c": {"url": "http://c"}, "d": {"url": "http://d"}},
        "policies": {"idle": {"request": {}}, "unused": {"rateLimit": {"limit": 1, "window": "1s"}}, "used": {"cors": {"origins": ["*"]}}},
        "defaults": {"policies": ["idle", {}]},
        "apis": [{"name": "x", "upstream": "a", "routes": [{"name": "r", "match": {"path": "/x"}, "policies": ["used"]}]}],
        "routes": [{"name": "r", "match": {"path": "/r"}, "upstream": "b"},
            {"name": "s", "match": {"path": "/s"}, "split": [{"upstream": "c", "weight": 1}]}]}"#;
    assert_eq!(said(text), []);
    let warnings = plan::warnings(text, NOW);
    assert_eq!(
        words(&warnings),
        [
            ("upstreams.d", "nothing is sent to `d`"),
            ("policies.idle", "the policy does nothing"),
            ("policies.unused", "nothing uses `unused`"),
            ("defaults.policies[1]", "the policy does nothing"),
        ]
    );
    assert!(warnings[0].render("f", Some(text), false).starts_with("warning: nothing is sent to `d`\n"));
    assert!(
        serde_json::to_string(&warnings[0]).unwrap().starts_with(r#"{"severity":"warning","rule":"doubtful","path":"#)
    );
    assert_eq!(plan::warnings("{", NOW), []);
    assert_eq!(plan::warnings(include_str!("../../../gateway.json"), NOW), []);
}

/// docs/configuration.md, Access log: `accessLog.format` counts before `server.accessLog`.
#[test]
fn warns_of_a_format_of_the_log_that_does_not_count() {
    let both = r#"{"server": {"accessLog": "off"}, "accessLog": {"format": "json"}}"#;
    let warnings = plan::warnings(both, NOW);
    assert_eq!(words(&warnings), [("server.accessLog", "this has no effect: `accessLog.format` decides")]);
    assert_eq!(plan::warnings(r#"{"server": {"accessLog": "off"}, "accessLog": {"query": true}}"#, NOW), []);
}

/// Warnings about these routes, in an API with this prefix if there is one.
fn warned(prefix: Option<&str>, routes: &str) -> Vec<(String, String, Option<String>)> {
    let text = match prefix {
        Some(prefix) => format!(r#"{{"apis": [{{"name": "a", "prefix": "{prefix}", "routes": [{routes}]}}]}}"#),
        None => format!(r#"{{"routes": [{routes}]}}"#),
    };
    assert_eq!(said(&text), [], "{text}");
    let warnings = plan::warnings(&text, NOW).into_iter();
    warnings.map(|warning| (warning.path, warning.message, warning.other.map(|other| other.path))).collect()
}

/// docs/configuration.md, What it matches: each member of a list is ranked by itself.
#[test]
fn warns_of_a_member_of_a_list_that_no_request_gets_to() {
    let route = |matches: &str| format!(r#"{{"name": "r", "match": {matches}, "respond": {{}}}}"#);
    let dead = |at: &str, by: &str| {
        let message = "no request gets to this match: others take all of them".to_owned();
        vec![(at.to_owned(), message, Some(by.to_owned()))]
    };
    for (matches, at, by) in [
        (r#"[{"path": "/a"}, {"path": "/a"}]"#, 1, 0),
        (r#"[{"path": "/a", "methods": ["GET"]}, {"path": "/a", "methods": ["GET", "POST"]}]"#, 0, 1),
        (r#"[{"path": "/a", "headers": {"x": {"present": true}}}, {"path": "/a", "headers": {"x": "1"}}]"#, 1, 0),
    ] {
        assert_eq!(
            warned(None, &route(matches)),
            dead(&format!("routes[0].match[{at}]"), &format!("routes[0].match[{by}]")),
            "{matches}"
        );
    }
    // A more specific member outranks other routes, so it is of use beside one that takes its requests, too.
    for matches in [
        r#"[{"path": "/a/b"}, {"prefix": "/a"}]"#,
        r#"[{"path": "/a"}, {"path": "/b"}]"#,
        r#"[{"path": "/a", "methods": ["GET"]}, {"path": "/a"}]"#,
        r#"[{"path": "/a", "headers": {"x": "1"}}, {"path": "/a", "headers": {"y": "1"}}]"#,
        r#"{"path": "/a"}"#,
    ] {
        assert_eq!(warned(None, &route(matches)), [], "{matches}");
    }
    // Another route may take all.
    let other = r#"{"name": "o", "match": {"path": "/a", "methods": ["GET", "POST"]}, "respond": {}}"#;
    let both = format!("{other}, {}", route(r#"[{"path": "/a", "methods": ["PUT"]}, {"path": "/b"}]"#));
    assert_eq!(warned(None, &both), []);
}

/// docs/configuration.md, Regular expressions: they are matched behind the API's prefix.
#[test]
fn warns_of_an_alternative_that_asks_for_the_beginning_behind_a_prefix() {
    let route =
        |regex: &str| format!(r#"{{"name": "r", "match": {{"path": {{"regex": "{regex}"}}}}, "respond": {{}}}}"#);
    let warning = "what follows `^` is never matched: the API's prefix goes before it";
    for regex in ["^/a|^/b", "/a|^/b", "(?:^/a|/b)"] {
        assert_eq!(
            warned(Some("/v1"), &route(regex)),
            [("apis[0].routes[0].match.path.regex".to_owned(), warning.to_owned(), None)],
            "{regex}"
        );
        assert_eq!(warned(Some("/"), &route(regex)), [], "{regex}");
    }
    for regex in ["^/a|/b", "/a|/b$", "/[^/]+|/x", r"/\\^a|/b", r"/[\\]^]"] {
        assert_eq!(warned(Some("/v1"), &route(regex)), [], "{regex}");
    }
}

#[test]
fn an_upstream_whose_name_is_misspelt_is_not_called_unused() {
    let text = r#"{"upstreams": {"users": {"url": "http://a.test"}, "other": {"url": "http://b.test"}},
        "routes": [{"name": "r", "match": {"path": "/a"}, "upstream": "user"}]}"#;
    assert_eq!(said(text)[0].help.as_deref(), Some("did you mean `users`?"));
    assert_eq!(words(&plan::warnings(text, NOW)), [("upstreams.other", "nothing is sent to `other`")]);
}

/// docs/configuration.md, A version: what a version names is used, and its proofs hold for its routes.
#[test]
fn what_the_versions_of_an_api_use_is_used() {
    let text = r#"{
        "consumers": {"acme": {"credentials": [{"apiKey": {"id": "a", "sha256": "304e349aba105f39c15498e33d5b590a590f2dc092713a0ea3763907e87206e9"}}]}},
        "policies": {"keys": {"authenticate": {"apiKey": {}}}},
        "upstreams": {"old": {"url": "http://old"}, "new": {"url": "http://new"}},
        "apis": [{"name": "a", "upstream": "new", "routes": [{"name": "r"}],
            "versions": {"from": [{"header": "v"}], "list": {"1": {"upstream": "old", "policies": ["keys"]}, "2": {"policies": ["keys"]}}}}],
        "routes": [{"name": "s", "match": {"path": "/s"}, "upstream": "new", "policies": ["keys"]}]}"#;
    assert_eq!(said(text), []);
    assert_eq!(words(&plan::warnings(text, NOW)), [] as [(&str, &str); 0]);
}

/// docs/configuration.md, Answers of several calls: what a call is to is sent something, whatever is wrong with the call.
#[test]
fn an_upstream_of_an_answer_of_several_calls_is_used() {
    let text = |path: &str| {
        format!(
            r#"{{"upstreams": {{"a": {{"url": "http://a.test"}}, "b": {{"url": "http://b.test"}}}}, "routes": [{{"name": "r", "match": {{"path": "/r"}},
            "aggregate": {{"calls": {{"a": {{"upstream": "a", "path": "{path}"}}}}}}}}]}}"#
        )
    };
    for (path, mistakes) in [("/x", 0), ("x", 1)] {
        let text = text(path);
        assert_eq!(said(&text).len(), mistakes);
        assert_eq!(words(&plan::warnings(&text, NOW)), [("upstreams.b", "nothing is sent to `b`")], "{path}");
    }
}

/// docs/configuration.md, The end of a version.
#[test]
fn warns_of_ends_of_versions_that_nobody_means() {
    let warned = |list: &str, routes: &str| {
        let text = format!(
            r#"{{"apis": [{{"name": "a", "versions": {{"from": [{{"header": "v"}}], "default": "latest", "aliases": {{"latest": "3"}}, "list": {list}}},
                "routes": [{routes}]}}]}}"#
        );
        assert_eq!(said(&text), [], "{text}");
        let warnings = plan::warnings(&text, NOW);
        warnings.iter().map(|one| (one.path.replace("apis[0].", ""), one.message.clone())).collect::<Vec<_>>()
    };
    let all = r#"{"name": "r", "respond": {}}"#;
    let one = |path: &str, message: &str| vec![(path.to_owned(), message.to_owned())];
    for (list, path, message) in [
        (
            r#"{"2": {"sunset": "2026-12-02T02:00:00Z"}, "3": {}}"#,
            "versions.list[\"2\"].sunset",
            "this time is over: requests for the version get 410",
        ),
        (
            r#"{"2": {}, "3": {"sunset": "2027-01-01"}}"#,
            "versions.list[\"3\"].sunset",
            "requests that state no version get 410 from then on",
        ),
        (
            r#"{"2": {"sunset": "2027-01-01", "brownOuts": [{"from": "2027-01-01", "until": "2027-01-02"}]}, "3": {}}"#,
            "versions.list[\"2\"].brownOuts[0].from",
            "the version is gone by then",
        ),
        (
            r#"{"2": {"since": "2027-02-01", "brownOuts": [{"from": "2027-01-01", "until": "2027-02-01"}]}, "3": {}}"#,
            "versions.list[\"2\"].brownOuts[0].until",
            "the version is not there yet",
        ),
        (
            r#"{"2": {"brownOuts": [{"from": "2026-12-01", "until": "2026-12-02"}]}, "3": {}}"#,
            "versions.list[\"2\"].brownOuts[0].until",
            "this time is over",
        ),
        (
            r#"{"2": {}, "3": {"successor": "2"}}"#,
            "versions.list[\"3\"].successor",
            "the successor is an older version, by its name",
        ),
        (
            r#"{"2": {"since": "2026-05-02"}, "3": {"since": "2026-05-01"}}"#,
            "versions.list[\"3\"].since",
            "`3` is newer than `2` by its name, and older by its day",
        ),
    ] {
        assert_eq!(warned(list, all), one(path, message), "{list}");
    }
    let sound = r#"{"2": {"since": "2026-05-01", "deprecated": "2026-06-01", "sunset": "2027-01-01", "successor": "3",
        "brownOuts": [{"from": "2026-12-30", "until": "2027-01-02"}]}, "3": {"since": "2026-05-02"}, "10": {}}"#;
    assert_eq!(warned(sound, all), []);
    // A version that is made from another has the routes of that.
    let chain = r#"{"1": {"from": "2"}, "2": {}, "3": {}}"#;
    let newest = r#"{"name": "r", "versions": [">=3"], "respond": {}}"#;
    assert_eq!(
        warned(chain, newest),
        [
            ("versions.list[\"1\"]".to_owned(), "no route is of version `1`".to_owned()),
            ("versions.list[\"2\"]".to_owned(), "no route is of version `2`".to_owned())
        ]
    );
    assert_eq!(warned(chain, r#"{"name": "r", "versions": ["2-3"], "respond": {}}"#), []);
    let empty = r#"{"name": "q", "match": {"path": "/q"}, "respond": {}}, {"name": "r", "match": {"path": "/r"}, "versions": [], "respond": {}}"#;
    assert_eq!(warned(chain, empty), one("routes[1].versions", "an empty list is one of all versions"));
}
