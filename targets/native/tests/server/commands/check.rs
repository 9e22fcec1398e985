//! `check`: what it finds, for which platforms, and in which forms.

use super::{ROUTES, SOCKETS, edgeway, report, text};
use crate::support::{Folder, wait_until};

const NATIVE_ONLY: &str = r#"{"upstreams": {"a": {"url": "https://a.test", "host": "preserve", "timeouts": {"connect": "1s"}}},
    "routes": [{"name": "r", "match": {"path": "/"}, "upstream": "a"}]}"#;

#[test]
fn check_is_for_the_platforms_whose_manifests_are_there() {
    let folder = Folder::new();
    folder.write("gateway.json", NATIVE_ONLY);
    let output = edgeway(&folder, &["check"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "ok gateway.json: 1 route, good for the native server\n");

    folder.write("spin.toml", "");
    let output = edgeway(&folder, &["check"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.starts_with("error: on Spin, every upstream is sent its own host\n"), "{said}");
    assert!(said.ends_with("gateway.json: 1 mistake\n"), "{said}");

    // Whatever lies beside it, `--target` says what counts.
    assert!(edgeway(&folder, &["check", "--target", "native"]).status.success());
}

#[test]
fn what_several_platforms_refuse_is_one_mistake() {
    let folder = Folder::new();
    folder.write("gateway.json", NATIVE_ONLY);
    folder.write("spin.toml", "");
    folder.write("wrangler.toml", "");
    let said = text(&edgeway(&folder, &["check"]).stderr);
    let lines: Vec<_> = said.lines().filter(|line| line.starts_with("error")).collect();
    assert_eq!(
        lines,
        [
            "error: on Cloudflare Workers and Spin, every upstream is sent its own host",
            "error: Cloudflare Workers can't tell connecting from waiting for the response",
        ]
    );
    assert!(said.ends_with("gateway.json: 2 mistakes\n") && !said.contains("alone"), "{said}");

    folder.write("gateway.json", &NATIVE_ONLY.replace("https://a.test", "ftp://Spin"));
    let json = text(&edgeway(&folder, &["check", "--json", "--target", "cloudflare,spin"]).stdout);
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    let first = &report["mistakes"][0];
    assert_eq!(first["message"], "`ftp://Spin` is not an `http` or `https` URL");
    assert_eq!(first["targets"], serde_json::json!(["cloudflare", "spin"]));
}

#[test]
fn warnings_refuse_nothing() {
    let folder = Folder::new();
    folder.write("gateway.json", &ROUTES.replace(r#""policies": ["browser"]"#, r#""policies": [{}]"#));
    let output = edgeway(&folder, &["check"]);
    assert!(output.status.success());
    let said = text(&output.stderr);
    assert!(
        said.contains("warning: nothing uses `browser`\n") && said.contains("warning: the policy does nothing\n"),
        "{said}"
    );
    let report: serde_json::Value = serde_json::from_slice(&edgeway(&folder, &["check", "--json"]).stdout).unwrap();
    assert_eq!((report["mistakes"].as_array().unwrap().len(), report["warnings"].as_array().unwrap().len()), (0, 2));
    assert_eq!(report["warnings"][0]["severity"], "warning");
}

#[test]
fn check_reads_the_files_that_serve_will() {
    let folder = Folder::new();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    folder.write("cert.pem", &made.cert.pem());
    folder.write("key.pem", &made.signing_key.serialize_pem());
    folder
        .write("other.pem", &rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap().signing_key.serialize_pem());
    folder.write("text.pem", "no certificate");
    let check = |certificate: &str, key: &str, authorities: &str| {
        folder.write(
            "gateway.json",
            &format!(
                r#"{{"server": {{"tls": {{"certificate": "{certificate}", "key": "{key}"}}}},
                "upstreams": {{"a": {{"url": "https://a.test", "tls": {{"authorities": "{authorities}"}}}}}},
                "routes": [{{"name": "r", "match": {{"path": "/"}}, "upstream": "a"}}]}}"#
            ),
        );
        let report: serde_json::Value = serde_json::from_slice(&edgeway(&folder, &["check", "--json"]).stdout).unwrap();
        let mistakes = report["mistakes"].as_array().unwrap();
        mistakes
            .iter()
            .map(|mistake| {
                let message = mistake["message"].as_str().unwrap().split(':').next().unwrap().to_owned();
                (mistake["path"].as_str().unwrap().to_owned(), message)
            })
            .collect::<Vec<_>>()
    };
    let mistake = |path: &str, message: &str| (path.to_owned(), message.to_owned());
    let authorities = "upstreams.a.tls.authorities";
    assert_eq!(check("cert.pem", "key.pem", "cert.pem"), []);
    assert_eq!(
        check("none.pem", "none.key", "none.ca"),
        [
            mistake("server.tls.certificate", "`none.pem` can't be read"),
            mistake("server.tls.key", "`none.key` can't be read"),
            mistake(authorities, "`none.ca` can't be read"),
        ]
    );
    assert_eq!(
        check("text.pem", "key.pem", "text.pem"),
        [
            mistake("server.tls.certificate", "`text.pem` holds no PEM certificate"),
            mistake(authorities, "`text.pem` holds no PEM certificate"),
        ]
    );
    assert_eq!(check("cert.pem", "text.pem", "cert.pem"), [mistake("server.tls.key", "`text.pem` can't be used")]);
    assert_eq!(check("cert.pem", "other.pem", "cert.pem"), [mistake("server.tls.key", "`other.pem` can't be used")]);
    let client = |certificate: &str, key: &str| {
        folder.write(
            "gateway.json",
            &format!(
                r#"{{"upstreams": {{"a": {{"url": "https://a.test", "tls": {{"certificate": "{certificate}", "key": "{key}"}}}}}},
                "routes": [{{"name": "r", "match": {{"path": "/"}}, "upstream": "a"}}]}}"#
            ),
        );
        let report: serde_json::Value = serde_json::from_slice(&edgeway(&folder, &["check", "--json"]).stdout).unwrap();
        let mistakes = report["mistakes"].as_array().unwrap().iter();
        let told = |mistake: &serde_json::Value, member: &str| mistake[member].as_str().unwrap().to_owned();
        mistakes.map(|mistake| (told(mistake, "path"), told(mistake, "message"))).collect::<Vec<_>>()
    };
    assert_eq!(client("cert.pem", "key.pem"), []);
    let strange = "`other.pem` can't be used: it is not the key of the certificate in `cert.pem`";
    assert_eq!(client("cert.pem", "other.pem"), [mistake("upstreams.a.tls.key", strange)]);
    assert_eq!(
        client("text.pem", "key.pem"),
        [mistake("upstreams.a.tls.certificate", "`text.pem` holds no PEM certificate")]
    );
    let [(certificate, _), (key, _)] = &client("none.pem", "none.key")[..] else { panic!("one mistake for each file") };
    assert_eq!((&**certificate, &**key), ("upstreams.a.tls.certificate", "upstreams.a.tls.key"));
    // Another platform reads none of them.
    folder.write(
        "gateway.json",
        &ROUTES.replacen('{', r#"{"server": {"tls": {"certificate": "none.pem", "key": "none.key"}},"#, 1),
    );
    assert!(edgeway(&folder, &["check", "--target", "spin"]).status.success());
    assert!(!edgeway(&folder, &["check"]).status.success());
}

/// docs/platforms.md: on a platform without WebSockets, what takes them unsaid is noted once; what says so is refused.
#[test]
fn sockets_where_there_are_none_are_noted_once() {
    let folder = Folder::new();
    folder.write("gateway.json", &SOCKETS.replace("WITHIN", ""));
    let output = edgeway(&folder, &["check", "--target", "spin"]);
    assert!(output.status.success());
    let note = "note: on Spin, handshakes of WebSockets are answered with 501\n";
    assert_eq!(text(&output.stderr).matches(note).count(), 1, "{}", text(&output.stderr));
    assert!(!text(&edgeway(&folder, &["check"]).stderr).contains("WebSocket"));
    let json = edgeway(&folder, &["check", "--target", "spin", "--json"]).stdout;
    let report: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(report["notes"].as_array().unwrap().len(), 1);

    folder.write("gateway.json", &SOCKETS.replace("WITHIN", r#", "webSocket": true"#));
    let output = edgeway(&folder, &["check", "--target", "spin"]);
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("error: on Spin, no WebSockets are passed on\n"), "{}", text(&output.stderr));
}

#[test]
fn check_can_leave_files_out() {
    let folder = Folder::new();
    let tls = r#"{"server": {"tls": {"certificate": "none.pem", "key": "none.key"}},"#;
    folder.write("gateway.json", &ROUTES.replacen('{', tls, 1));
    let output = edgeway(&folder, &["check"]);
    assert!(!output.status.success() && text(&output.stderr).contains("--no-files"), "{}", text(&output.stderr));
    assert!(edgeway(&folder, &["check", "--no-files"]).status.success());
}

/// docs.github.com, Workflow commands for GitHub Actions: `::error file={name},line={line},col={col}::{message}`.
#[test]
fn check_annotates_on_github() {
    let folder = Folder::new();
    folder.write("a,b.json", "{\n\"nam\": 1, \"x%\": 2}");
    let output = edgeway(&folder, &["check", "a,b.json", "--format", "github"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(
        lines[0],
        "::error file=a%2Cb.json,line=2,col=1,endLine=2,endColumn=6::unknown field `nam`%0Ahelp: did you mean `name`?"
    );
    assert!(
        lines[1].starts_with("::error file=a%2Cb.json,line=2,col=11,endLine=2,endColumn=15::unknown field `x%25`"),
        "{said}"
    );
    folder.write("gateway.json", &ROUTES.replace(r#""policies": ["browser"]"#, r#""policies": [{}]"#));
    let output = edgeway(&folder, &["check", "--format", "github"]);
    assert!(output.status.success() && text(&output.stdout).starts_with("::warning file=gateway.json,line="));
}

/// SARIF 2.1.0 sections 3.13 (log), 3.27 (result), 3.30 (region).
#[test]
fn check_writes_sarif() {
    let folder = Folder::new();
    folder.write("gate way.json", "{\n\"nam\": 1}");
    let output = edgeway(&folder, &["check", "gate way.json", "--format", "sarif"]);
    assert_eq!(output.status.code(), Some(1));
    let log = report(&output);
    assert_eq!(log["version"], "2.1.0");
    let result = &log["runs"][0]["results"][0];
    assert_eq!((result["level"].as_str(), result["ruleId"].as_str()), (Some("error"), Some("unknown-field")));
    let rule =
        &log["runs"][0]["tool"]["driver"]["rules"][usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
    assert_eq!(rule["id"], "unknown-field");
    assert_eq!(rule["shortDescription"]["text"], "An object has no such field");
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "gate%20way.json");
    assert_eq!(place["region"], serde_json::json!({"startLine": 2, "startColumn": 1, "endLine": 2, "endColumn": 6}));
}

/// RFC 6750 §5.2: a token must not be guessed. It is never shown.
#[test]
fn a_short_admin_token_is_warned_of() {
    let folder = Folder::new();
    let admin = r#"{"server": {"listen": "127.0.0.1:0"}, "admin": {"token": {"secret": "ADMIN_TOKEN"}},"#;
    folder.write("gateway.json", &ROUTES.replacen('{', admin, 1));
    let check = ["check", "--target", "native", "--secrets", "secrets"];
    let words = "the token has fewer than 16 characters";
    let output = edgeway(&folder, &check);
    assert!(output.status.success() && !text(&output.stderr).contains(words), "{}", text(&output.stderr));
    std::fs::create_dir(folder.0.join("secrets")).unwrap();
    folder.write("secrets/ADMIN_TOKEN", "0123456789abcdef");
    assert!(!text(&edgeway(&folder, &check).stderr).contains(words));

    folder.write("secrets/ADMIN_TOKEN", "0123456789abcde");
    let output = edgeway(&folder, &check);
    let said = text(&output.stderr);
    assert!(output.status.success() && said.contains(words) && said.contains("admin.token"), "{said}");
    assert!(said.contains(r#""token": {"secret": "ADMIN_TOKEN"}"#) && !said.contains("0123456789"), "{said}");
    let program = crate::support::Program::run(&["serve", "--secrets", "secrets", "gateway.json"], &folder.0);
    let said = program.messages();
    assert!(said.contains(words) && !said.contains("0123456789"), "{said}");

    // What is warned of at the start is warned of at a reload.
    folder.write("secrets/ADMIN_TOKEN", "0123456789abcdef");
    program.wait_for_message("reloaded gateway.json");
    assert_eq!(program.messages().matches(words).count(), 1, "{}", program.messages());
    folder.write("secrets/ADMIN_TOKEN", "0123456789abc");
    let warning = "gateway.json: admin.token: warning: the token has fewer than 16 characters";
    wait_until("the second warning", || program.messages().matches(warning).count() == 2);
    assert!(!program.messages().contains("0123456789"), "{}", program.messages());
}

/// One file serves several platforms: a refusal by one of them names it, and says what to do for it.
#[test]
fn a_setting_that_one_platform_lacks_is_refused_with_its_name_and_a_way_out() {
    let folder = Folder::new();
    folder.write(
        "gateway.json",
        r#"{"upstreams": {"a": {"url": "http://a.test", "timeouts": {"idle": "5s"}, "protocol": "h2c",
            "connections": {"idle": "5s"}}},
          "routes": [{"name": "r", "match": {"prefix": "/"}, "upstream": "a", "webSocket": {"idle": "5s", "life": "1h"}}]}"#,
    );
    let found = report(&edgeway(&folder, &["check", "--json", "--target", "native,cloudflare,spin"]));
    let mistakes = found["mistakes"].as_array().unwrap();
    let settings =
        ["upstreams.a.timeouts.idle", "upstreams.a.protocol", "upstreams.a.connections", "routes[0].webSocket.idle"];
    for path in settings {
        let here: Vec<_> = mistakes.iter().filter(|mistake| mistake["path"] == path).collect();
        assert!(!here.is_empty(), "{path}: {found}");
        for mistake in here {
            let message = mistake["message"].as_str().unwrap();
            let help = mistake["help"].as_str().unwrap();
            assert!(message.contains("Cloudflare Workers") || message.contains("Spin"), "{message}");
            let name = message.trim_start_matches("on ").split(',').next().unwrap();
            assert!(
                help.ends_with(&format!("; if another platform needs it, give {name} a file without it")),
                "{help}"
            );
        }
    }
}

/// docs/command-line.md: a mistake that is about two places has both (SARIF 2.1.0 section 3.27.22).
#[test]
fn annotations_and_sarif_tell_both_places_of_a_tie() {
    let folder = Folder::new();
    folder.write(
        "gateway.json",
        "{\"routes\": [\n{\"name\": \"a\", \"match\": {\"path\": \"/x\"}, \"respond\": {}},\n{\"name\": \"b\", \"match\": {\"path\": \"/x\"}, \"respond\": {}}]}",
    );
    let said = text(&edgeway(&folder, &["check", "--format", "github"]).stdout);
    let mut places: Vec<_> = said.lines().filter_map(|line| line.split(',').nth(1)).collect();
    places.sort_unstable();
    assert_eq!(places, ["line=2", "line=3"], "{said}");
    let log = report(&edgeway(&folder, &["check", "--format", "sarif"]));
    let result = &log["runs"][0]["results"][0];
    let line = |place: &serde_json::Value| place["physicalLocation"]["region"]["startLine"].as_u64();
    let mut lines = [line(&result["locations"][0]), line(&result["relatedLocations"][0])];
    lines.sort_unstable();
    assert_eq!(lines, [Some(2), Some(3)], "{log}");
}

/// docs/command-line.md, `check --json`: a mistake has the place after its last character, and the rule that it breaks. In an
/// included file both are of that file.
#[test]
fn a_mistake_has_an_end_and_a_rule() {
    let folder = Folder::new();
    folder.write(
        "more.json",
        "{\"routes\": [\n  {\"name\": \"a\", \"match\": {\"path\": \"/x\"}, \"upstream\": \"näme\"},\n  5]}",
    );
    folder.write(
        "gateway.json",
        "{\"include\": [\"more.json\"],\n \"name\": 7, \"name\": 8,\n \"server\": {\n}, \"routes\": 1x}",
    );
    let told = || {
        let found = report(&edgeway(&folder, &["check", "--json"]))["mistakes"].as_array().unwrap().clone();
        let span = |place: &serde_json::Value| {
            ["line", "column", "endLine", "endColumn"].map(|name| place[name].as_u64().unwrap())
        };
        found
            .iter()
            .map(|one| (one["rule"].as_str().unwrap().to_owned(), span(one), one.get("other").map(span)))
            .collect::<Vec<_>>()
    };
    let of = |rule: &str, span: [u64; 4], other: Option<[u64; 4]>| (rule.to_owned(), span, other);
    let found = told();
    assert!(found.contains(&of("duplicate-member", [2, 13, 2, 19], Some([2, 2, 2, 8]))), "{found:?}");
    assert!(found.iter().any(|(rule, span, _)| rule == "syntax" && span[0] == 4), "{found:?}");
    folder.write("gateway.json", "{\"include\": [\"more.json\"],\n \"name\": 7}");
    let lost = of("unknown-name", [2, 54, 2, 60], None);
    let wrong = [of("wrong-type", [2, 10, 2, 11], None), lost.clone(), of("wrong-type", [3, 3, 3, 4], None)];
    assert_eq!(told(), wrong);
    folder.write("gateway.json", "{\"include\": [\"more.json\"]}");
    let whole = std::fs::read_to_string(folder.0.join("more.json")).unwrap();
    folder.write("more.json", &whole.replace(",\n  5]", "]"));
    assert_eq!(told(), [lost]);
}

/// docs/command-line.md, `check`: `--strict` fails for warnings, and for variables that are not set here.
#[test]
fn a_strict_check_fails_for_warnings_and_missing_variables() {
    let folder = Folder::new();
    let warned = ROUTES.replace(r#""policies": ["browser"]"#, r#""policies": [{}]"#);
    let unset = r#"{"upstreams": {"u": {"url": "${EDGEWAY_UNSET_URL}"}},
        "routes": [{"name": "r", "match": {"prefix": "/"}, "upstream": "u"}]}"#;
    for configuration in [&warned, unset] {
        folder.write("gateway.json", configuration);
        assert!(edgeway(&folder, &["check"]).status.success());
        let output = edgeway(&folder, &["check", "--strict"]);
        assert_eq!(output.status.code(), Some(1));
        assert!(!text(&output.stdout).contains("ok") && text(&output.stderr).contains("--strict"));
    }
    let said = text(&edgeway(&folder, &["check", "--format", "github"]).stdout);
    assert!(said.contains("::warning file=gateway.json::the variable `EDGEWAY_UNSET_URL` is not set here"), "{said}");
}

/// docs/configuration.md, Redirects: a redirect that leads back to itself is warned of, one that may lead elsewhere is not.
#[test]
fn check_warns_of_redirects_that_lead_back_to_themselves() {
    let folder = Folder::new();
    let warned = |network: &str, routes: &str| {
        folder.write("gateway.json", &format!(r#"{{{network} "routes": [{routes}]}}"#));
        let found = report(&edgeway(&folder, &["check", "--json"]));
        assert_eq!(found["mistakes"], serde_json::json!([]), "{routes}");
        let warnings = found["warnings"].as_array().unwrap().iter();
        warnings
            .map(|warning| format!("{}: {}", warning["path"].as_str().unwrap(), warning["message"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    let route =
        |matches: &str, redirect: &str| format!(r#"{{"name": "r", "match": {matches}, "redirect": {redirect}}}"#);
    let itself = ["routes[0].redirect: the redirect leads back to its own route, time and again"];
    let secure = r#"{"location": "https://{request.host}{request.path}"}"#;
    let proxies = r#""network": {"trustedProxies": ["10.0.0.0/8"]},"#;
    for (network, matches, redirect) in [
        ("", r#"{"path": "/x"}"#, r#"{"location": "/x"}"#),
        ("", r#"{"path": "/x", "methods": ["POST"]}"#, r#"{"location": "/x"}"#),
        ("", r#"{"prefix": "/x"}"#, r#"{"location": "/x/new"}"#),
        ("", r#"{"prefix": "/x"}"#, r#"{"prefix": "/x/new"}"#),
        ("", r#"{"path": "/x/{id}"}"#, r#"{"location": "/x/{path.id}?a=b"}"#),
        ("", r#"{"path": "/x", "hosts": ["a.test", "www.a.test"]}"#, r#"{"location": "http://www.a.test/x"}"#),
        ("", r#"{"path": "/x", "hosts": ["*.a.test"]}"#, r#"{"location": "http://www.A.test/x"}"#),
        (proxies, r#"{"prefix": "/"}"#, secure),
    ] {
        assert_eq!(warned(network, &route(matches, redirect)), itself, "{matches} {redirect}");
    }
    for (network, matches, redirect) in [
        ("", r#"{"path": "/x"}"#, r#"{"location": "/y"}"#),
        ("", r#"{"path": "/x"}"#, r#"{"location": "https://www.a.test/x"}"#),
        ("", r#"{"path": "/x", "hosts": ["a.test"]}"#, r#"{"location": "https://www.a.test/x"}"#),
        ("", r#"{"path": "/x", "hosts": ["a.test"]}"#, r#"{"location": "http://a.test:9000/x"}"#),
        ("", r#"{"path": "/x", "methods": ["POST"]}"#, r#"{"location": "/x", "status": 303}"#),
        // Another program may serve HTTPS.
        ("", r#"{"prefix": "/"}"#, secure),
        (proxies, r#"{"prefix": "/", "scheme": "http"}"#, secure),
    ] {
        assert_eq!(warned(network, &route(matches, redirect)), Vec::<String>::new(), "{matches} {redirect}");
    }
    let two = [
        r#"{"name": "a", "match": {"path": "/a"}, "redirect": {"location": "/b"}}"#,
        r#"{"name": "b", "match": {"path": "/b"}, "redirect": {"location": "/a"}}"#,
    ];
    let by = |at: usize, other: &str| {
        format!("routes[{at}].redirect: the redirect leads back to itself, by way of `{other}`")
    };
    assert_eq!(warned("", &two.join(", ")), [by(0, "b"), by(1, "a")]);
    // A more specific route takes what the location is.
    let taken = r#"{"name": "t", "match": {"path": "/x/new"}, "respond": {}}"#;
    let both = format!("{}, {taken}", route(r#"{"prefix": "/x"}"#, r#"{"location": "/x/new"}"#));
    assert_eq!(warned("", &both), Vec::<String>::new());
}

/// docs/configuration.md, Listeners and Upstreams: a certificate has its time (RFC 5280 §4.1.2.5), and one for signing others is
/// no server's (webpki).
#[test]
fn check_warns_of_certificates_that_no_client_takes() {
    const DAY: u64 = 24 * 60 * 60;
    let folder = Folder::new();
    let now = std::time::SystemTime::now();
    let days = |days: u64| std::time::Duration::from_secs(days * DAY);
    // With half a day more, so that the test takes no part of the last one.
    let half = std::time::Duration::from_secs(DAY / 2);
    let warned = |from: std::time::SystemTime, until: std::time::SystemTime, is_authority: bool, names: &[&str]| {
        let mut params =
            rcgen::CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
        (params.not_before, params.not_after) = (from.into(), until.into());
        if is_authority {
            params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        }
        let key = rcgen::KeyPair::generate().unwrap();
        folder.write("cert.pem", &params.self_signed(&key).unwrap().pem());
        folder.write("key.pem", &key.serialize_pem());
        folder.write(
            "gateway.json",
            r#"{"server": {"tls": {"certificate": "cert.pem", "key": "key.pem"}},
                "upstreams": {"u": {"url": "https://u.test", "tls": {"authorities": "cert.pem"}}},
                "routes": [{"name": "r", "match": {"path": "/"}, "upstream": "u"}]}"#,
        );
        let found = report(&edgeway(&folder, &["check", "--json"]));
        assert_eq!(found["mistakes"], serde_json::json!([]));
        let left_out = report(&edgeway(&folder, &["check", "--json", "--no-files"]));
        assert_eq!(left_out["warnings"], serde_json::json!([]));
        let warnings = found["warnings"].as_array().unwrap().iter();
        warnings
            .map(|warning| [&warning["path"], &warning["message"]].map(|text| text.as_str().unwrap().to_owned()))
            .collect::<Vec<_>>()
    };
    let (own, authority) = ("server.tls.certificate", "upstreams.u.tls.authorities");
    let (past, future) = (now - days(30), now + days(30));
    assert_eq!(warned(past, future, false, &["u.test"]), Vec::<[String; 2]>::new());
    for (from, until, start, end) in [
        (past, now - days(2), "`cert.pem` expired on 20", ""),
        (now + days(2), future, "`cert.pem` is not valid before 20", ""),
        (past, now + days(13) + half, "`cert.pem` expires on 20", ", in 13 days"),
        (past, now + half, "`cert.pem` expires on 20", ", within a day"),
    ] {
        let found = warned(from, until, false, &["u.test"]);
        let paths: Vec<_> = found.iter().map(|[path, _]| &**path).collect();
        assert_eq!(paths, [own, authority], "{found:?}");
        assert!(found.iter().all(|[_, message]| message.starts_with(start) && message.ends_with(end)), "{found:?}");
    }
    // A self-signed authority that names a host is likely the host's own certificate.
    let found = warned(past, future, true, &["u.test"]);
    let message = "`cert.pem` is for signing others (`CA:TRUE`): if it is the server's own certificate, no connection comes about";
    assert_eq!(found, [[authority.to_owned(), message.to_owned()]]);
    assert_eq!(warned(past, future, true, &[]), Vec::<[String; 2]>::new());
}

/// docs/configuration.md, Certificates of clients: an authority may sign others (RFC 5280 §4.2.1.9), and a list is of an authority (§5.1.2.3).
#[test]
fn check_warns_of_authorities_and_lists_by_which_no_client_is_let_in() {
    let named = |name: &str, is_ca: bool| {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        // Explicit, so that the certificate is of version 3.
        params.is_ca =
            if is_ca { rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained) } else { rcgen::IsCa::ExplicitNoCa };
        params
    };
    let authority = |name: &str| {
        let mut params = named(name, true);
        params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign, rcgen::KeyUsagePurpose::CrlSign];
        rcgen::CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate().unwrap()).unwrap()
    };
    let list = |authority: &rcgen::CertifiedIssuer<'static, rcgen::KeyPair>| {
        let params = rcgen::CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(2025, 1, 1),
            next_update: rcgen::date_time_ymd(2025, 1, 2),
            crl_number: 1.into(),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: rcgen::KeyIdMethod::Sha256,
        };
        params.signed_by(authority).unwrap().pem().unwrap()
    };
    let (one, two) = (authority("one"), authority("two"));
    let leaf = named("leaf", false).signed_by(&rcgen::KeyPair::generate().unwrap(), &one).unwrap().pem();
    let own = named("own", false).self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem();
    let folder = Folder::new();
    let key = rcgen::KeyPair::generate().unwrap();
    folder.write("cert.pem", &named("server", false).self_signed(&key).unwrap().pem());
    folder.write("key.pem", &key.serialize_pem());
    let warned = |authorities: &[&str], lists: &[&str]| {
        folder.write("ca.pem", &authorities.concat());
        folder.write("crl.pem", &lists.concat());
        let revoked = if lists.is_empty() { "" } else { r#", "revoked": "crl.pem""# };
        folder.write(
            "gateway.json",
            &format!(
                r#"{{"server": {{"tls": {{"certificate": "cert.pem", "key": "key.pem", "clients": {{"authorities": "ca.pem"{revoked}}}}}}},
                "routes": [{{"name": "r", "match": {{"path": "/"}}, "respond": {{}}}}]}}"#
            ),
        );
        let found = report(&edgeway(&folder, &["check", "--json"]));
        assert_eq!(found["mistakes"], serde_json::json!([]));
        let warnings = found["warnings"].as_array().unwrap().iter();
        warnings
            .map(|warning| [&warning["path"], &warning["message"]].map(|text| text.as_str().unwrap().to_owned()))
            .collect::<Vec<_>>()
    };
    let at = |member: &str, message: &str| [[format!("server.tls.clients.{member}"), message.to_owned()]];
    let none: [[String; 2]; 0] = [];
    let (first, second) = (list(&one), list(&two));
    assert_eq!(warned(&[&one.pem()], &[]), none);
    assert_eq!(warned(&[&one.pem(), &two.pem()], &[&first, &second]), none);
    let counts =
        "which is no authority (`CA:TRUE`), but counts as one: whoever has its key can sign certificates of any name";
    for (pem, name) in [(&leaf, "leaf"), (&own, "own")] {
        let message = format!("`ca.pem` has the certificate of `CN={name}`, {counts}");
        assert_eq!(warned(&[pem], &[]), at("authorities", &message));
        assert_eq!(warned(&[&one.pem(), pem], &[]), at("authorities", &message));
    }
    let foreign = "`crl.pem` has a list of `CN=two`, who is none of `ca.pem`";
    assert_eq!(warned(&[&one.pem()], &[&second]), at("revoked", foreign));
    assert_eq!(warned(&[&one.pem()], &[&first, &second]), at("revoked", foreign));
    let without = "`crl.pem` has no list of `CN=two`: the clients that it has signed are refused";
    assert_eq!(warned(&[&one.pem(), &two.pem()], &[&first]), at("revoked", without));
}
