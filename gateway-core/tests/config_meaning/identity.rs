//! Warnings about callers that nobody asks, and credentials that go too far.

use gateway_core::config::Diagnostic;
use gateway_core::plan;
use gateway_core::ports::Capabilities;

use super::{NOW, Vault, said, said_on, words};

const ISSUERS: &str = r#""issuers": {"corp": {"issuer": "https://id.test", "jwks": "https://id.test/jwks"}}"#;

fn warned(text: &str) -> Vec<Diagnostic> {
    assert_eq!(said(text), [], "{text}");
    plan::warnings(text, NOW)
}

/// The warnings about one policy that the only route has.
fn about(policy: &str) -> Vec<Diagnostic> {
    warned(&with_policy(ISSUERS, policy))
}

/// The same, of an issuer that is asked about its tokens.
fn about_asked(policy: &str) -> Vec<Diagnostic> {
    let issuers = r#""issuers": {"corp": {
        "introspection": {"endpoint": "https://id.test/i", "client": "gateway", "secret": {"secret": "KEY"}}}}"#;
    plan::warnings(&with_policy(issuers, policy), NOW)
}

fn with_policy(issuers: &str, policy: &str) -> String {
    format!(
        r#"{{{issuers}, "policies": {{"p": {policy}}},
        "routes": [{{"name": "r", "match": {{"path": "/"}}, "respond": {{}}, "policies": ["p"]}}]}}"#
    )
}

/// docs/configuration.md, Who is calling: a route says that it is public; where none asks, nobody need say so.
#[test]
fn warns_of_a_route_that_asks_nobody_among_routes_that_do() {
    let proof = r#"{"authenticate": {"jwt": {"audiences": ["a"]}}}"#;
    let with = |defaults: &str, api: &str, first: &str, second: &str| {
        warned(&format!(
            r#"{{{ISSUERS}, "upstreams": {{"u": {{"url": "http://u.test"}}}}, "policies": {{"in": {proof}, "out": {{"authenticate": false}}}},
            "defaults": {{"policies": [{defaults}]}},
            "apis": [{{"name": "a", "prefix": "/a", "upstream": "u", "policies": [{api}], "routes": [
              {{"name": "first", "match": {{"path": "/1"}}, "policies": [{first}]}},
              {{"name": "second", "match": {{"path": "/2"}}, "policies": [{second}]}},
              {{"name": "health", "match": {{"path": "/3"}}, "respond": {{}}}}]}}],
            "routes": [{{"name": "u", "match": {{"path": "/u"}}, "respond": {{}}, "policies": ["in", "out"]}}]}}"#
        ))
    };
    let message = "anybody may call `second`: it has no `authenticate`, as other routes have";
    assert_eq!(words(&with("", "", r#""in""#, "")), [("apis[0].routes[1]", message)]);
    for [defaults, api, first, second] in [
        ["", "", r#""in""#, r#""out""#],
        [r#""in""#, "", "", ""],
        ["", r#""in""#, "", r#""out""#],
        ["", r#""out""#, "", r#""in""#],
        ["", "", "", ""],
        ["", "", r#""out""#, ""],
        ["", "", r#""in""#, r#"{"clients": {"allow": ["10.0.0.0/8"]}}"#],
        ["", r#"{"clients": {"allow": ["10.0.0.0/8"]}}"#, r#""in""#, ""],
    ] {
        assert_eq!(with(defaults, api, first, second), [], "{defaults} {api} {first} {second}");
    }
}

/// docs/command-line.md, check: many routes without `authenticate` are one warning, beside which the others are found.
#[test]
fn many_routes_that_ask_nobody_are_one_warning() {
    let with = |number: usize| {
        let open = (0..number).map(|i| format!(r#"{{"name": "r{i}", "match": {{"path": "/{i}"}}, "upstream": "u"}}"#));
        let text = format!(
            r#"{{{ISSUERS}, "upstreams": {{"u": {{"url": "http://u.test"}}}}, "routes": [{},
            {{"name": "in", "match": {{"path": "/in"}}, "upstream": "u", "policies": [{{"authenticate": {{"jwt": {{"audiences": ["a"]}}}}}}]}}]}}"#,
            open.collect::<Vec<_>>().join(",")
        );
        warned(&text)
    };
    assert_eq!(with(4).len(), 4);
    let message =
        "anybody may call `r0`, `r1`, `r2`, `r3` and 11 more: they have no `authenticate`, as other routes have";
    assert_eq!(words(&with(15)), [("routes[0]", message)]);
}

/// RFC 8725 §3.9: an issuer of several services' tokens says in `aud` which is for whom.
#[test]
fn warns_of_tokens_for_whatever_audience() {
    let message = "a token that `corp` has made for any other service is good here, too";
    let found = about(r#"{"authenticate": {"jwt": {}}}"#);
    assert_eq!(words(&found), [("policies.p.authenticate.jwt", message)]);
    let found = about(
        r#"{"authenticate": {"any": [{"jwt": {"audiences": ["a"]}}, {"all": [{"jwt": {"from": [{"header": "x"}]}}]}]}}"#,
    );
    assert_eq!(words(&found), [("policies.p.authenticate.any[1].all[0].jwt", message)]);
    assert_eq!(about(r#"{"authenticate": {"jwt": {"audiences": ["https://api.test"]}}}"#), []);
    let asked = "a token that its issuer has made for any other service is good here, too";
    let found = about_asked(r#"{"authenticate": {"introspect": {}}}"#);
    assert_eq!(words(&found), [("policies.p.authenticate.introspect", asked)]);
    assert_eq!(about_asked(r#"{"authenticate": {"introspect": {"audiences": ["https://api.test"]}}}"#), []);
    let by_secret = r#"{"issuers": {"own": {"keys": [{"algorithm": "HS256", "secret": {"secret": "KEY"}}]}},
        "routes": [{"name": "r", "match": {"path": "/"}, "respond": {}, "policies": [{"authenticate": {"jwt": {}}}]}]}"#;
    assert_eq!(plan::warnings(by_secret, NOW), [], "who shares a secret makes tokens for this gateway alone");
}

/// RFC 9421 §7.2.8: a signature says nothing of content whose digest it does not cover.
#[test]
fn warns_of_signatures_that_leave_content_out() {
    let about = |signature: &str| {
        let text = format!(
            r#"{{"consumers": {{"acme": {{"credentials": [
                {{"signature": {{"keyId": "a", "algorithm": "hmac-sha256", "secret": {{"secret": "KEY"}}}}}}]}}}},
            "policies": {{"p": {{"authenticate": {{"any": [{{"apiKey": {{}}}}, {{"signature": {signature}}}]}}}}}},
            "routes": [{{"name": "r", "match": {{"path": "/"}}, "respond": {{}}, "policies": ["p"]}}]}}"#
        );
        plan::warnings(&text, NOW)
    };
    let message = "content is not signed: whoever is on the way can change it";
    let found = about(r#"{"components": ["@method"]}"#);
    assert_eq!(words(&found), [("policies.p.authenticate.any[1].signature.components", message)]);
    for signature in ["{}", r#"{"components": ["content-digest;sf"]}"#] {
        assert_eq!(about(signature), []);
    }
}

/// RFC 6750 §5.3: bearer tokens are not passed in URLs.
#[test]
fn warns_of_tokens_in_the_query() {
    let found =
        about(r#"{"authenticate": {"jwt": {"audiences": ["a"], "from": [{"header": "x-token"}, {"query": "t"}]}}}"#);
    let message = "`t` is in the URL, which browsers, proxies and logs keep (RFC 6750 §5.3)";
    assert_eq!(words(&found), [("policies.p.authenticate.jwt.from[1].query", message)]);
    let found = about(r#"{"authenticate": {"any": [{"apiKey": {}}, {"apiKey": {"from": [{"query": "t"}]}}]}}"#);
    assert_eq!(words(&found), [("policies.p.authenticate.any[1].apiKey.from[0].query", message)]);
    let found = about_asked(r#"{"authenticate": {"introspect": {"audiences": ["a"], "from": [{"query": "t"}]}}}"#);
    assert_eq!(words(&found), [("policies.p.authenticate.introspect.from[0].query", message)]);
}

/// A configuration with a proof by introspection, through `id`.
fn introspecting(proof: &str) -> String {
    format!(
        r#"{{"issuers": {{"corp": {{"introspection": {{"endpoint": "http://id.test/i", "upstream": "id", "client": "us", "secret": {{"secret": "KEY"}}}}}}}},
        "upstreams": {{"id": {{"url": "http://10.0.0.1"}}}},
        "routes": [{{"name": "r", "match": {{"path": "/"}}, "respond": {{}}, "policies": [{{"authenticate": {{"introspect": {proof}}}}}]}}]}}"#
    )
}

/// RFC 7662 §2.2, §4: an answer says in `aud` for whom a token is; RFC 6750 §5.3: none is passed in a URL. The upstream through which an
/// issuer is asked is used.
#[test]
fn warns_of_tokens_that_are_asked_about_for_whatever_audience_or_in_the_query() {
    let at = "routes[0].policies[0].authenticate.introspect";
    let any = "a token that its issuer has made for any other service is good here, too";
    assert_eq!(words(&plan::warnings(&introspecting("{}"), NOW)), [(at, any)]);
    let found = plan::warnings(&introspecting(r#"{"from": [{"query": "t"}]}"#), NOW);
    let query = "`t` is in the URL, which browsers, proxies and logs keep (RFC 6750 §5.3)";
    assert_eq!(words(&found), [(at, any), (&*format!("{at}.from[0].query"), query)]);
    assert_eq!(
        plan::warnings(&introspecting(r#"{"audiences": ["https://api.test"], "from": [{"header": "x"}]}"#), NOW),
        []
    );
}

/// docs/configuration.md, Who may do it: groups and tiers that nobody can have.
#[test]
fn warns_of_groups_and_tiers_that_nobody_has() {
    let with = |issuer: &str, policy: &str| {
        warned(&format!(
            r#"{{"issuers": {{"corp": {{"issuer": "https://id.test", "jwks": "https://id.test/jwks"{issuer}}}}},
            "consumers": {{"acme": {{"groups": ["partners"], "tier": "gold"}}}}, "upstreams": {{"u": {{"url": "http://u.test"}}}},
            "routes": [{{"name": "r", "match": {{"path": "/"}}, "upstream": "u", "policies": [
              {{"authenticate": {{"jwt": {{"audiences": ["a"]}}}}}}, {policy}]}}]}}"#
        ))
    };
    let rule = r#"{"authorize": {"groups": ["partners", "ops"], "tiers": ["gold", "glod"]}}"#;
    let (group, tier) = ("nobody is in the group `ops`", "nobody has the tier `glod`");
    let (groups, tiers) = ("routes[0].policies[1].authorize.groups[1]", "routes[0].policies[1].authorize.tiers[1]");
    assert_eq!(words(&with("", rule)), [(groups, group), (tiers, tier)]);
    assert_eq!(words(&with(r#", "groups": "roles""#, rule)), [(tiers, tier)], "tokens bring groups");
    let steer = r#"{"steer": [{"when": {"groups": ["ops"]}, "upstream": "u"}]}"#;
    assert_eq!(words(&with("", steer)), [("routes[0].policies[1].steer[0].when.groups[0]", group)]);
}

/// docs/configuration.md, Who is calling: `leeway` is for clocks, and five minutes are more than any is wrong.
#[test]
fn warns_of_a_long_leeway() {
    let with = |leeway: &str| {
        warned(&format!(
            r#"{{"issuers": {{"corp": {{"issuer": "https://id.test", "jwks": "https://id.test/jwks", "leeway": "{leeway}"}}}},
            "routes": [{{"name": "r", "match": {{"path": "/"}}, "respond": {{}},
              "policies": [{{"authenticate": {{"jwt": {{"audiences": ["a"]}}}}}}]}}]}}"#
        ))
    };
    let message = "tokens are good for this long after they have expired";
    assert_eq!(words(&with("301s")), [("issuers.corp.leeway", message)]);
    assert_eq!(with("5m"), []);
}

/// OWASP, Testing Cross Origin Resource Sharing: with credentials, each origin that is let in acts for the user.
#[test]
fn warns_of_origins_by_pattern_that_act_with_credentials() {
    let cors = |origin: &str, credentials: bool| {
        let cors = format!(r#"{{"origins": ["https://app.test", "{origin}"], "credentials": {credentials}}}"#);
        about(&format!(r#"{{"cors": {cors}}}"#))
    };
    let message = "every site at `https://*.example.com` may act with its visitors' credentials";
    assert_eq!(words(&cors("https://*.example.com", true)), [("policies.p.cors.origins[1]", message)]);
    assert_eq!(cors("https://*.example.com", false), []);
    assert_eq!(cors("http://localhost:*", true), [], "any port of a host that is named");
}

/// RFC 1918, 4193, 6598: what is not of an inside network is of everybody's.
#[test]
fn warns_of_a_public_address_that_is_called_in_the_clear() {
    let with = |url: &str| {
        warned(&format!(
            r#"{{"upstreams": {{"u": {{"urls": ["https://u.test", "{url}"]}}}},
            "routes": [{{"name": "r", "match": {{"path": "/"}}, "upstream": "u"}}]}}"#
        ))
    };
    let message = "requests go to a public address in the clear, with all that they carry";
    for public in ["http://203.0.113.7", "http://[2001:db8::1]:8080/base"] {
        assert_eq!(words(&with(public)), [("upstreams.u.urls[1]", message)], "{public}");
    }
    for inside in
        ["https://203.0.113.7", "http://10.0.0.5", "http://[fd00::1]", "http://127.0.0.1:9000", "http://users.test"]
    {
        assert_eq!(with(inside), [], "{inside}");
    }
}

/// docs/configuration.md, Certificates of clients, API keys, Consumers: what is written as other programs do fits nobody.
#[test]
fn warns_of_names_that_nobody_has() {
    let with = |credential: &str| {
        warned(&format!(
            r#"{{"consumers": {{"a": {{"credentials": [{credential}]}}}}, "routes": [{{"name": "r", "match": {{"path": "/"}}, "respond": {{}}}}]}}"#
        ))
    };
    let subject = "no certificate has this subject as RFC 4514 writes it: `CN=device-7,O=Example`, the last part first";
    for text in ["CN = device-7, O = Example", "CN=device-7, O=Example", "/O=Example/CN=device-7"] {
        let found = with(&format!(r#"{{"certificate": {{"subject": "{text}"}}}}"#));
        assert_eq!(words(&found), [("consumers.a.credentials[0].certificate.subject", subject)], "{text}");
    }
    for text in ["CN=device-7,O=Example", r"CN=a,O=Example\\, Inc.", "CN=a = b"] {
        assert_eq!(with(&format!(r#"{{"certificate": {{"subject": "{text}"}}}}"#)), [], "{text}");
    }
    let found = with(r#"{"certificate": {"san": "a.test", "issuer": "O = Example, CN = Clients"}}"#);
    let issuer = "no certificate has this issuer as RFC 4514 writes it: `CN=device-7,O=Example`, the last part first";
    assert_eq!(words(&found), [("consumers.a.credentials[0].certificate.issuer", issuer)]);
    let found = with(r#"{"certificate": {"san": "URI:spiffe://example.com/a"}}"#);
    let message = "`URI:` is before the name where programs print it, and no part of it";
    assert_eq!(words(&found), [("consumers.a.credentials[0].certificate.san", message)]);
    assert_eq!(with(r#"{"certificate": {"san": "spiffe://example.com/a"}}"#), []);
    let key = |expires: &str| {
        with(&format!(r#"{{"apiKey": {{"id": "k", "sha256": "{}", "expires": "{expires}"}}}}"#, "a".repeat(64)))
    };
    assert_eq!(
        words(&key("2020-01-01T00:00:00Z")),
        [("consumers.a.credentials[0].apiKey.expires", "this time is over")]
    );
    assert_eq!(key("2999-01-01T00:00:00Z"), []);
}

/// RFC 5280 §4.1.2.4: a subject is unique among those of one issuer.
#[test]
fn warns_of_names_that_several_authorities_could_sign() {
    let with = |second: &str, credential: &str| {
        warned(&format!(
            r#"{{"server": {{"listen": [
              {{"address": "127.0.0.1:1", "tls": {{"certificate": "c", "key": "k", "clients": {{"authorities": "a.pem"}}}}}},
              {{"address": "127.0.0.1:2", "tls": {{"certificate": "c", "key": "k", "clients": {{"authorities": "{second}"}}}}}}]}},
            "consumers": {{"a": {{"credentials": [{{"certificate": {credential}}}]}}}}, "routes": [{{"name": "r", "match": {{"path": "/"}}, "respond": {{}}}}]}}"#
        ))
    };
    let message = "the name counts whichever authority has signed it, and listeners have several";
    let found = with("b.pem", r#"{"san": "a.test"}"#);
    assert_eq!(words(&found), [("consumers.a.credentials[0].certificate", message)]);
    assert!(
        found.iter().all(|one| one.help.as_deref().is_some_and(|help| help.starts_with("say which: `\"issuer\": "))),
        "{found:?}"
    );
    assert_eq!(with("a.pem", r#"{"san": "a.test"}"#), []);
    assert_eq!(with("b.pem", r#"{"san": "a.test", "issuer": "CN=Clients"}"#), []);
    assert_eq!(with("b.pem", &format!(r#"{{"sha256": "{}"}}"#, "a".repeat(64))), []);
}

/// docs/configuration.md, Where the gateway goes by itself: natively to public addresses alone, unless an upstream is named.
#[test]
fn warns_of_issuers_that_look_like_ones_of_an_inside_network() {
    let with = |issuer: &str, credentials: &str| {
        let text = format!(
            r#"{{"issuers": {{"corp": {{{issuer}}}}}, "upstreams": {{"id": {{"url": "https://id.internal"}}, "u": {{"url": "https://u.test"{credentials}}}}},
            "policies": {{"p": {{"authenticate": {{"jwt": {{"audiences": ["a"]}}}}}}}},
            "routes": [{{"name": "r", "match": {{"path": "/"}}, "upstream": "u", "policies": ["p"]}}]}}"#
        );
        assert_eq!(said_on(&Capabilities::NATIVE, &text, &Vault("S", "hunter2-and-more")), [], "{text}");
        plan::native_warnings(&text)
    };
    let message = |host: &str| {
        format!(
            "`{host}` looks like a name of an inside network, and the gateway goes to public addresses alone by itself"
        )
    };
    for host in [
        "id.internal",
        "id.local",
        "id.auth.svc",
        "id.auth.svc.cluster.local",
        "id.home.arpa",
        "id.lan",
        "ID.corp",
        "id",
    ] {
        let found = with(&format!(r#""issuer": "https://id.example.com", "jwks": "https://{host}/jwks""#), "");
        let message = message(&host.to_ascii_lowercase());
        assert_eq!(words(&found), [("issuers.corp.jwks", &*message)], "{host}");
        assert!(
            found.iter().all(|one| one.help.as_deref().is_some_and(|help| help.contains("`\"upstream\": \"id\"`")))
        );
        assert_eq!(
            with(
                &format!(r#""issuer": "https://id.example.com", "jwks": "https://{host}/jwks", "upstream": "id""#),
                ""
            ),
            [],
            "{host}"
        );
    }
    for host in ["id.example.com", "localhost", "10.0.0.1", "[fd00::1]", "internal.example.com", "id.local.example.com"]
    {
        assert_eq!(
            with(&format!(r#""issuer": "https://id.example.com", "jwks": "https://{host}/jwks""#), ""),
            [],
            "{host}"
        );
    }
    let discovered = with(r#""issuer": "https://id.internal", "discovery": true"#, "");
    assert_eq!(words(&discovered), [("issuers.corp.issuer", &*message("id.internal"))]);
    // An upstream is for the issuer's own origin alone.
    let further = with(
        r#""issuer": "https://id.internal", "discovery": true, "upstream": "id", "origins": ["https://keys.internal"]"#,
        "",
    );
    assert_eq!(words(&further), [("issuers.corp.origins[0]", &*message("keys.internal"))]);
    assert!(further.iter().all(|one| one.help.as_deref().is_some_and(|help| help.contains("in place of `discovery`"))));
    // An issuer is a name; nothing calls it where the keys are elsewhere.
    assert_eq!(with(r#""issuer": "https://id.internal", "jwks": "https://id.example.com/jwks""#, ""), []);
    let asked = r#""endpoint": "https://id.internal/introspect", "client": "gw", "secret": {"secret": "S"}"#;
    let keys = r#""issuer": "https://id.example.com", "jwks": "https://id.example.com/jwks""#;
    let found = with(&format!(r#"{keys}, "introspection": {{{asked}}}"#), "");
    assert_eq!(words(&found), [("issuers.corp.introspection.endpoint", &*message("id.internal"))]);
    assert_eq!(with(&format!(r#"{keys}, "introspection": {{{asked}, "upstream": "id"}}"#), ""), []);
    let grant = |more: &str| {
        format!(
            r#", "credentials": {{"clientCredentials": {{"tokenUrl": "https://id.internal/token", "client": "gw", "secret": {{"secret": "S"}}{more}}}}}"#
        )
    };
    let at = "upstreams.u.credentials.clientCredentials.tokenUrl";
    assert_eq!(words(&with(keys, &grant(""))), [(at, &*message("id.internal"))]);
    assert_eq!(with(keys, &grant(r#", "upstream": "id""#)), []);
}

/// docs/configuration.md, Certificates of clients: somebody has to ask for one.
#[test]
fn warns_of_a_certificate_that_nobody_can_show() {
    let with = |around: &str| {
        warned(&format!(
            r#"{{{around} "routes": [{{"name": "r", "match": {{"path": "/"}}, "respond": {{}}, "policies": [{{"authenticate": {{"certificate": {{}}}}}}]}}]}}"#
        ))
    };
    let message = "nobody can show a certificate: no listener asks for one, and no proxy is believed to tell of one";
    assert_eq!(words(&with("")), [("routes[0].policies[0].authenticate.certificate", message)]);
    assert_eq!(with(r#""network": {"trustedProxies": ["10.0.0.0/8"], "trustedIdentity": ["Client-Cert"]},"#), []);
}

/// RFC 9728 §2, RFC 6901 and CSP3 §2.3.1.
#[test]
fn warns_of_what_says_less_than_it_seems_to() {
    let with = |issuer: &str, policy: &str| {
        warned(&format!(
            r#"{{"issuers": {{"corp": {{"keys": [{{"jwk": {{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}}}], {issuer}}}}}, "policies": {{"p": {policy}}},
            "routes": [{{"name": "r", "match": {{"path": "/", "hosts": ["api.test"]}}, "respond": {{}}, "policies": ["p"]}}]}}"#
        ))
    };
    let resource = r#"{"authenticate": {"jwt": {"audiences": ["a"], "resource": "https://api.test"}}}"#;
    let message = "the metadata of this resource names nobody from whom clients get tokens";
    assert_eq!(words(&with(r#""leeway": "5s""#, resource)), [("policies.p.authenticate.jwt.resource", message)]);
    assert_eq!(with(r#""issuer": "https://id.test""#, resource), []);
    let jwt = r#"{"authenticate": {"jwt": {"audiences": ["a"]}}}"#;
    let message = "this is a claim of the name `realm_access.roles`, with its points";
    assert_eq!(words(&with(r#""groups": "realm_access.roles""#, jwt)), [("issuers.corp.groups", message)]);
    for groups in ["/realm_access/roles", "https://example.com/roles", "roles"] {
        assert_eq!(with(&format!(r#""groups": "{groups}""#), jwt), [], "{groups}");
    }
    let csp = |csp: &str| {
        with(
            r#""leeway": "5s""#,
            &format!(r#"{{"security": {{"csp": "{csp}"}}, "authenticate": {{"jwt": {{"audiences": ["a"]}}}}}}"#),
        )
    };
    let message = "`self` without quotes is the name of a host (CSP3 §2.3.1)";
    assert_eq!(words(&csp("default-src self; img-src https:")), [("policies.p.security.csp", message)]);
    assert_eq!(csp("default-src 'self'"), []);
}

/// docs/configuration.md, Who is calling: `anonymous` is for whoever states no credential.
#[test]
fn warns_of_a_consumer_with_credentials_whom_everybody_counts_as() {
    let with = |name: &str| {
        let digest = "a".repeat(64);
        let text = format!(
            r#"{{"consumers": {{
                "ann": {{"groups": ["staff", "admins"], "credentials": [{{"apiKey": {{"id": "a", "sha256": "{digest}"}}}}]}},
                "guest": {{"groups": ["guests"]}}}},
            "routes": [{{"name": "r", "respond": {{}}, "policies": [{{"authenticate": {{"apiKey": {{}}, "anonymous": "{name}"}}}}]}}]}}"#
        );
        assert_eq!(said(&text), []);
        plan::warnings(&text, NOW)
    };
    let message =
        "whoever states no credential counts as `ann`, which has credentials of its own, and is in `staff`, `admins`";
    assert_eq!(words(&with("ann")), [("routes[0].policies[0].authenticate.anonymous", message)]);
    assert_eq!(with("guest"), []);
}
