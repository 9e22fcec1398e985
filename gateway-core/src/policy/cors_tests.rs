//! Cases of the CORS protocol: requests as browsers send them, answers as the Fetch standard reads them.

use core::time::Duration;

use super::*;
use crate::config::Span;
use crate::http::testing::{fields, lines};

const APP: &str = "https://app.example";
const VARY_PREFLIGHT: &str = "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers";

fn config(origins: &[&str]) -> config::Cors {
    config::Cors { origins: origins.iter().map(|text| (*text).to_owned()).collect(), ..config::Cors::default() }
}

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

fn compiled(c: &config::Cors) -> Cors {
    Cors::compile(c, &[Method::GET, Method::PUT]).unwrap()
}

/// The answer to a preflight for `method` with `headers`, as sorted lines.
fn preflight(cors: &Cors, origin: &str, method: &str, headers: &[&str]) -> Vec<String> {
    let mut list = vec![("origin", origin), ("access-control-request-method", method)];
    list.extend(headers.iter().map(|line| ("access-control-request-headers", *line)));
    let response = cors.preflight::<()>(&fields(&list));
    assert_eq!(response.status(), 204);
    assert!(response.body().is_empty());
    lines(response.headers())
}

fn applied(cors: &Cors, origin: Option<&str>, response: &[(&str, &str)]) -> Vec<String> {
    let mut headers = fields(response);
    cors.apply(origin.map(|text| HeaderValue::from_str(text).unwrap()).as_ref(), &mut headers);
    lines(&headers)
}

/// Fetch standard, "CORS preflight request".
#[test]
fn a_preflight_is_options_with_both_fields() {
    let both = fields(&[("origin", APP), ("access-control-request-method", "PUT")]);
    assert!(is_preflight(&Method::OPTIONS, &both));
    assert!(!is_preflight(&Method::GET, &both));
    assert!(!is_preflight(&Method::OPTIONS, &fields(&[("origin", APP)])));
    assert!(!is_preflight(&Method::OPTIONS, &fields(&[("access-control-request-method", "PUT")])));
}

#[test]
fn a_preflight_is_told_what_is_allowed() {
    let mut c = config(&[APP]);
    c.headers = strings(&["X-One", "content-type"]);
    c.credentials = true;
    c.max_age = Some(Span(Duration::from_secs(600)));
    assert_eq!(
        preflight(&compiled(&c), APP, "PUT", &["content-type,x-one"]),
        [
            "access-control-allow-credentials: true",
            "access-control-allow-headers: X-One, content-type",
            "access-control-allow-methods: GET, PUT",
            "access-control-allow-origin: https://app.example",
            "access-control-max-age: 600",
            VARY_PREFLIGHT,
        ]
    );
}

/// Fetch standard, "CORS-preflight fetch": five seconds where nothing is said; fields that allow nothing are left out.
#[test]
fn a_plain_policy_says_little() {
    assert_eq!(
        preflight(&compiled(&config(&[APP])), APP, "GET", &[]),
        [
            "access-control-allow-methods: GET, PUT",
            "access-control-allow-origin: https://app.example",
            "access-control-max-age: 5",
            VARY_PREFLIGHT,
        ]
    );
}

#[test]
fn a_preflight_for_anything_else_is_told_nothing() {
    let mut c = config(&[APP]);
    c.headers = strings(&["x-one"]);
    let cors = compiled(&c);
    for (origin, method, headers) in [
        ("https://evil.example", "GET", &[][..]),
        ("null", "GET", &[]),
        (APP, "DELETE", &[]),
        (APP, "get", &[]),
        (APP, "", &[]),
        (APP, "GET", &["x-one,x-two"]),
        (APP, "GET", &["x-one", "x-two"]),
        (APP, "GET", &["authorization"]),
    ] {
        assert_eq!(preflight(&cors, origin, method, headers), [VARY_PREFLIGHT], "{origin} {method} {headers:?}");
    }
}

#[test]
fn a_doubled_origin_is_none() {
    let cors = compiled(&config(&[APP, "*"]));
    let response = cors.preflight::<()>(&fields(&[
        ("origin", APP),
        ("origin", "https://evil.example"),
        ("access-control-request-method", "GET"),
    ]));
    assert_eq!(lines(response.headers()), [VARY_PREFLIGHT]);
}

/// Fetch standard, "CORS-safelisted method": they need no preflight, so none refuses them.
#[test]
fn safelisted_methods_are_always_allowed() {
    let mut c = config(&[APP]);
    c.methods = strings(&["PUT"]);
    for method in ["GET", "HEAD", "POST", "PUT"] {
        assert_eq!(preflight(&compiled(&c), APP, method, &[]).len(), 4, "{method}");
    }
    for method in ["PATCH", "post", "DELETE"] {
        assert_eq!(preflight(&compiled(&c), APP, method, &[]), [VARY_PREFLIGHT], "{method}");
    }
}

/// Private Network Access §3.2.
#[test]
fn a_private_network_is_opened_where_it_is_asked_for() {
    let mut c = config(&[APP]);
    let answer = |c: &config::Cors, asks: &[(&str, &str)]| {
        let list = [&[("origin", APP), ("access-control-request-method", "GET")], asks].concat();
        let response = compiled(c).preflight::<()>(&fields(&list));
        let opens = response.headers().get(ALLOW_PRIVATE_NETWORK).is_some_and(|value| value == "true");
        (opens, lines(response.headers()).iter().any(|line| line.ends_with("Private-Network")))
    };
    let asks = [("access-control-request-private-network", "true")];
    assert_eq!(answer(&c, &asks), (false, false));
    c.private_network = true;
    assert_eq!(answer(&c, &asks), (true, true));
    assert_eq!(answer(&c, &[]), (false, true));
}

/// Fetch standard, "CORS protocol and credentials": names work where `*` does not.
#[test]
fn credentials_go_with_any_method_and_header() {
    let mut c = config(&[APP]);
    c.credentials = true;
    c.methods = strings(&["*"]);
    c.headers = strings(&["*"]);
    assert_eq!(
        preflight(&compiled(&c), APP, "PATCH", &["x-a, x-b"]),
        [
            "access-control-allow-credentials: true",
            "access-control-allow-headers: x-a, x-b",
            "access-control-allow-methods: PATCH",
            "access-control-allow-origin: https://app.example",
            "access-control-max-age: 5",
            VARY_PREFLIGHT,
        ]
    );
}

/// Fetch standard, "CORS non-wildcard request-header name": `*` covers all but `Authorization`.
#[test]
fn any_header_is_any_but_authorization() {
    let mut c = config(&["*"]);
    c.headers = strings(&["*"]);
    let cors = compiled(&c);
    let answer = preflight(&cors, APP, "PUT", &["x-a, x-b", "x-c"]);
    assert!(answer.contains(&"access-control-allow-headers: x-a, x-b, x-c".to_owned()), "{answer:?}");
    assert_eq!(preflight(&cors, APP, "PUT", &["x-a,authorization"]), [VARY_PREFLIGHT]);
    assert_eq!(preflight(&cors, APP, "PUT", &["not a name"]), [VARY_PREFLIGHT]);

    c.headers = strings(&["*", "Authorization"]);
    let answer = preflight(&compiled(&c), APP, "PUT", &["x-a,authorization"]);
    assert!(answer.contains(&"access-control-allow-headers: x-a, authorization".to_owned()), "{answer:?}");
}

#[test]
fn a_route_of_every_method_allows_the_one_asked_for() {
    let cors = Cors::compile(&config(&[APP]), &[]).unwrap();
    assert!(preflight(&cors, APP, "PURGE", &[]).contains(&"access-control-allow-methods: PURGE".to_owned()));
    assert_eq!(preflight(&cors, APP, "NO METHOD", &[]), [VARY_PREFLIGHT]);
}

#[test]
fn stated_methods_win_over_the_routes() {
    let mut c = config(&[APP]);
    c.methods = strings(&["POST"]);
    let cors = compiled(&c);
    assert!(preflight(&cors, APP, "POST", &[]).contains(&"access-control-allow-methods: POST".to_owned()));
    assert_eq!(preflight(&cors, APP, "PUT", &[]), [VARY_PREFLIGHT]);
}

/// Fetch standard, "CORS check": the origin itself, or `*` where any may read.
#[test]
fn responses_name_the_origin() {
    let mut c = config(&[APP, "https://*.example.com"]);
    c.credentials = true;
    c.expose = strings(&["x-total", "link"]);
    let cors = compiled(&c);
    for origin in [APP, "https://a.example.com"] {
        assert_eq!(
            applied(&cors, Some(origin), &[("content-type", "text/plain")]),
            [
                "access-control-allow-credentials: true".to_owned(),
                format!("access-control-allow-origin: {origin}"),
                "access-control-expose-headers: x-total, link".to_owned(),
                "content-type: text/plain".to_owned(),
                "vary: Origin".to_owned(),
            ]
        );
    }
    assert_eq!(applied(&compiled(&config(&["*"])), Some(APP), &[]), ["access-control-allow-origin: *"]);
}

/// Fetch standard, "CORS protocol and HTTP caches": `Vary: Origin` whether or not this request has an allowed origin.
#[test]
fn responses_vary_on_the_origin_even_without_one() {
    let cors = compiled(&config(&[APP]));
    for origin in [None, Some("https://evil.example")] {
        assert_eq!(applied(&cors, origin, &[]), ["vary: Origin"]);
    }
    assert_eq!(applied(&compiled(&config(&["*"])), None, &[]), [""; 0]);
}

#[test]
fn vary_is_merged() {
    let cors = compiled(&config(&[APP]));
    for there in ["origin", "Accept, ORIGIN", "*", "accept-encoding ,\torigin"] {
        assert_eq!(applied(&cors, None, &[("vary", there)]), [format!("vary: {there}")]);
    }
    assert_eq!(applied(&cors, None, &[("vary", "Accept")]), ["vary: Accept", "vary: Origin"]);
    assert_eq!(applied(&cors, None, &[("vary", "x-origin")]), ["vary: Origin", "vary: x-origin"]);
}

#[test]
fn fields_of_the_upstream_go() {
    let upstream = [
        ("access-control-allow-origin", "*"),
        ("access-control-allow-credentials", "true"),
        ("access-control-expose-headers", "x"),
        ("access-control-allow-private-network", "true"),
    ];
    assert_eq!(applied(&compiled(&config(&[APP])), Some("https://evil.example"), &upstream), ["vary: Origin"]);
    assert_eq!(
        applied(&compiled(&config(&[APP])), Some(APP), &upstream),
        ["access-control-allow-origin: https://app.example", "vary: Origin"]
    );
}

/// Fetch standard, "CORS protocol and credentials".
#[test]
fn credentials_with_a_wildcard_are_refused() {
    let mut c = config(&["*", APP, "null", "https://*"]);
    c.credentials = true;
    c.methods = strings(&["GET", "*"]);
    c.headers = strings(&["*"]);
    c.expose = strings(&["*"]);
    let errors = Cors::compile(&c, &[]).unwrap_err();
    assert_eq!(
        errors.iter().map(|error| (error.member, error.index)).collect::<Vec<_>>(),
        [("origins", 0), ("origins", 2), ("origins", 3), ("expose", 0)].map(|(member, index)| (member, Some(index)))
    );
    c.credentials = false;
    assert!(Cors::compile(&c, &[]).is_ok());
}

#[test]
fn every_mistake_is_reported() {
    let c = config::Cors {
        origins: strings(&["https://a.example/", "b.example"]),
        methods: strings(&["get", "G T"]),
        headers: strings(&["x-ok", "x y"]),
        expose: strings(&[""]),
        credentials: false,
        private_network: false,
        max_age: None,
    };
    let errors = Cors::compile(&c, &[]).unwrap_err();
    assert_eq!(
        errors.iter().map(|error| (error.member, error.index)).collect::<Vec<_>>(),
        [("origins", 0), ("origins", 1), ("methods", 0), ("methods", 1), ("headers", 1), ("expose", 0)]
            .map(|(member, index)| (member, Some(index)))
    );
    assert_eq!(Cors::compile(&config(&[]), &[]).unwrap_err()[0].member, "origins");
}
