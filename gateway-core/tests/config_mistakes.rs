//! What is said of configurations with mistakes.

use gateway_core::config::{self, ConfigError, Diagnostic, JsonPath, Sources};
use gateway_core::plan::{self, Secrets};
use gateway_core::ports::Capabilities;

/// The diagnostics of the form of `text`; none if it has no mistake.
fn mistakes(text: &str) -> Vec<Diagnostic> {
    config::read(text).err().map(|reading| reading.diagnostics).unwrap_or_default()
}

#[test]
fn fifty_mistakes_give_fifty_messages() {
    let text = include_str!("fixtures/fifty-mistakes.json");
    let expected: Vec<&str> = include_str!("fixtures/fifty-mistakes.txt").lines().collect();
    let said: Vec<String> = mistakes(text).iter().map(|d| d.line("fifty-mistakes.json")).collect();
    assert_eq!(expected.len(), 50);
    assert_eq!(said, expected);
}

#[test]
fn the_bundled_configuration_has_none() {
    assert_eq!(mistakes(include_str!("../../gateway.json")), []);
    assert_eq!(mistakes("{}"), []);
    assert_eq!(mistakes("\u{feff}{}\r\n"), [], "RFC 8259 section 8.1: a byte order mark may be ignored");
}

struct NoSecrets;

impl Secrets for NoSecrets {
    fn secret(&self, _: &str) -> Option<String> {
        None
    }
}

#[test]
fn the_bundled_configuration_runs_everywhere() {
    for platform in [Capabilities::NATIVE, Capabilities::CLOUDFLARE, Capabilities::SPIN] {
        let said = plan::load(include_str!("../../gateway.json"), &platform, &NoSecrets).err();
        assert_eq!(said, None, "{}", platform.name);
    }
}

/// Text, and what is said of it: line, column, path, message, help.
type Case = (&'static str, &'static [(u32, u32, &'static str, &'static str, &'static str)]);

#[test]
fn says_what_is_wrong_with_the_form_of_the_text() {
    let cases: &[Case] = &[
        (
            "",
            &[(
                1,
                1,
                "",
                "the file is empty",
                "a configuration is one object, such as `{\"routes\": [{\"name\": \"hello\", \"match\": {\"path\": \"/\"}, \"respond\": {\"body\": \"hello\"}}]}`",
            )],
        ),
        (
            "upstreams:\n",
            &[(1, 1, "", "expected `{`, found `upstreams`", "a configuration is one JSON object: `{ … }`")],
        ),
        ("[]", &[(1, 1, "", "expected `{`, found `[`", "a configuration is one JSON object: `{ … }`")]),
        (r#"{"name": "a",,}"#, &[(1, 14, "", "unexpected `,`", "remove it")]),
        ("{\"identityHeaders\": [\"a\",,\n]}", &[(1, 26, "identityHeaders", "unexpected `,`", "remove it")]),
        (r#"{,"name": "a"}"#, &[(1, 2, "", "unexpected `,`", "remove it")]),
        // The columns stay right behind comments.
        ("/* 宽\n */ {// a\n /* b */ \"nam\": 1,}", &[(3, 10, "nam", "unknown field `nam`", "did you mean `name`?")]),
        ("{/* a\nb }", &[(1, 2, "", "the comment is not closed", "close it with `*/`")]),
        ("# yaml?\n{}", &[(1, 1, "", "a comment with `#`", "begin it with `//`")]),
        (
            "{'name': 'a'}",
            &[
                (1, 2, "name", "text in single quotes", "write `\"name\"`"),
                (1, 10, "name", "text in single quotes", "write `\"a\"`"),
            ],
        ),
        ("{name: \"a\"}", &[(1, 2, "name", "name `name` is not in quotes", "write `\"name\"`")]),
        ("{\"name\" \"a\"}", &[(1, 9, "name", "expected `:`, found `\"a\"`", "a member is written `\"name\": value`")]),
        ("{\"name\" = \"a\"}", &[(1, 9, "name", "expected `:`, found `=`", "write `:` between a name and its value")]),
        ("{\"name\": }", &[(1, 10, "", "expected a value, found `}`", "")]),
        (
            "{\"name\": \"a\"\n \"routes\": []}",
            &[(1, 13, "", "expected `,`, found `\"routes\"`", "put `,` between one member and the next")],
        ),
        (
            "{\"name\": \"a\nb\"}",
            &[(1, 10, "name", "text is not closed", "close it with `\"`; a line break in text is written `\\n`")],
        ),
        ("{\"name\": \"a\tb\"}", &[(1, 12, "name", "control character U+0009 in text", "write `\\t`")]),
        (r#"{"name": "C:\data"}"#, &[(1, 13, "name", "unknown escape `\\d`", "a backslash itself is written `\\\\`")]),
        (
            r#"{"name": "\ud800!"}"#,
            &[(
                1,
                11,
                "name",
                "escape of no character",
                "four hexadecimal digits name a character; one beyond U+FFFF is written as a pair",
            )],
        ),
        (
            r#"{"limits": {"headers": +5}}"#,
            &[(
                1,
                24,
                "limits.headers",
                "not a number: `+5`",
                "a number is written like `5`, `-1` or `0.5`; text like `\"+5\"`",
            )],
        ),
        (r#"{"limits": {"headers": 1_000}}"#, &[(1, 24, "limits.headers", "not a number: `1_000`", "write `1000`")]),
        (
            r#"{"limits": {"headers": 1e999}}"#,
            &[(1, 24, "limits.headers", "a number out of range: `1e999`", "write a smaller one")],
        ),
        (r#"{"name": None}"#, &[(1, 10, "name", "expected a value, found `None`", "leave the member out")]),
        ("{\"server\": {", &[(1, 13, "server", "the file ends inside an object", "`{` at 1:12 is not closed")]),
        ("{\"routes\": [}", &[(1, 13, "routes", "expected `,` or `]`, found `}`", "`[` at 1:12 is not closed")]),
        (
            "{} {}",
            &[(
                1,
                4,
                "",
                "expected the end of the file, found `{`",
                "the configuration ended with the `}` before this",
            )],
        ),
        ("{\"name\": \"a\",\n\"name\": \"b\"}", &[(2, 1, "name", "`name` is there twice", "keep one of them")]),
        (
            r#"{"routes": [{"name": "a", "respond": {"json": {"a": 1, "a": 2}}}]}"#,
            &[(1, 56, "routes[0].respond.json.a", "`a` is there twice", "keep one of them")],
        ),
    ];
    check(cases);
}

#[test]
fn says_what_is_wrong_with_values() {
    let cases: &[Case] = &[
        // Both columns count characters, not bytes.
        ("{\"name\": \"…宽\", \"nam\": 1}", &[(1, 16, "nam", "unknown field `nam`", "did you mean `name`?")]),
        (
            // What many objects have says little about where it belongs.
            r#"{"routes": [{"name": "a", "zzzzzz": []}]}"#,
            &[(
                1,
                27,
                "routes[0].zzzzzz",
                "unknown field `zzzzzz`",
                "the fields here are `name`, `match`, `upstream`, `split`, `rollout`, `mirror`, `redirect`, `respond`, `keyValue`, `aggregate`, `batch`, `rewrite`, `fallback`, `policies`, `timeouts`, `bodyBytes`, `webSocket`, `versions` and `accessLog`",
            )],
        ),
        (
            r#"{"limits": {"description": 5, "descripton": "a"}}"#,
            &[
                (1, 28, "limits.description", "expected text, found a number", "write `\"5\"`"),
                (1, 31, "limits.descripton", "unknown field `descripton`", "did you mean `description`?"),
            ],
        ),
        (r#"{"routes": [{"nam": "a"}]}"#, &[(1, 14, "routes[0].nam", "unknown field `nam`", "did you mean `name`?")]),
        (
            r#"{"routes": [{"name": 1, "match": {"path": 2}}, {"match": {}}]}"#,
            &[
                (1, 22, "routes[0].name", "expected text, found a number", "write `\"1\"`"),
                (
                    1,
                    43,
                    "routes[0].match.path",
                    "expected a path or `{\"regex\": \"…\"}`, found a number",
                    "write `\"2\"`",
                ),
                (1, 48, "routes[1]", "missing field `name`", "add `\"name\": …` to this object"),
            ],
        ),
        (
            r#"{"limits": [1]}"#,
            &[(
                1,
                12,
                "limits",
                "expected an object, found a list",
                "its fields are `headers`, `headerBytes`, `urlBytes` and `bodyBytes`",
            )],
        ),
        (
            r#"{"limits": {"headers": 1.5, "bodyBytes": 0}}"#,
            &[
                (1, 24, "limits.headers", "expected a whole number above 0, found `1.5`", "write `1`"),
                (
                    1,
                    42,
                    "limits.bodyBytes",
                    "expected a size such as `512B`, `64KiB`, `1MiB` or `2GB`, found a number",
                    "write a whole number and its unit, without a space",
                ),
            ],
        ),
        (
            r#"{"upstreams": {"a": {"url": "u", "host": {"set": "x", "preserve": 1}}}}"#,
            &[(1, 55, "upstreams.a.host.preserve", "only one member may be here", "keep one")],
        ),
        (
            r#"{"upstreams": {"a": {"url": "u", "host": "set"}}}"#,
            &[(1, 42, "upstreams.a.host", "expected an object `{\"set\": …}`, found text", "write `{\"set\": …}`")],
        ),
        (
            r#"{"upstreams": {"a": {"url": "u", "host": {}}}}"#,
            &[(
                1,
                42,
                "upstreams.a.host",
                "expected one of `upstream`, `preserve` or `set`, found an empty object",
                "write it in quotes, as `\"upstream\"`",
            )],
        ),
        (
            r#"{"routes": [{"name": "a", "match": {"query": {"q": {}}}}]}"#,
            &[(
                1,
                52,
                "routes[0].match.query.q",
                "expected an object with one member, found an empty object",
                "write one member in it, or leave it out",
            )],
        ),
        (
            r#"{"defaults": {"policies": [["a"]]}}"#,
            &[(1, 28, "defaults.policies[0]", "expected a policy's name or a policy, found a list", "")],
        ),
        (
            r#"{"defaults": {"policies": [{"rateLimit": {"limit": "5"}}]}}"#,
            &[
                (
                    1,
                    42,
                    "defaults.policies[0].rateLimit",
                    "missing field `window`",
                    "add `\"window\": …` to this object",
                ),
                (
                    1,
                    52,
                    "defaults.policies[0].rateLimit.limit",
                    "expected a whole number from 1 to 1000000000, found text",
                    "write `5`, without quotes",
                ),
            ],
        ),
        (
            r#"{"defaults": {"timeouts": {"connect": "99999999999s", "total": "1.5m", "firstByte": null}}}"#,
            &[
                (
                    1,
                    39,
                    "defaults.timeouts.connect",
                    "expected a duration such as `500ms`, `5s`, `1m`, `2h` or `30d`, found `\"99999999999s\"`",
                    "write a whole number and its unit, without a space",
                ),
                (
                    1,
                    64,
                    "defaults.timeouts.total",
                    "expected a duration such as `500ms`, `5s`, `1m`, `2h` or `30d`, found `\"1.5m\"`",
                    "write `\"90s\"`",
                ),
            ],
        ),
        (
            r#"{"a\u001b[31m": 1}"#,
            &[(
                1,
                2,
                "[\"a\\u{1b}[31m\"]",
                "unknown field `a\u{fffd}[31m`",
                "the fields here are `include`, `name`, `server`, `accessLog`, `admin`, `counters`, `responses`, `network`, `limits`, `identityHeaders`, `errors`, `upstreams`, \
             `issuers`, `consumers`, `apiKeys`, `openapi`, `policies`, `defaults`, `ties`, `apis` and `routes`",
            )],
        ),
    ];
    check(cases);
}

fn check(cases: &[Case]) {
    for (text, expected) in cases {
        let said = mistakes(text);
        let said: Vec<_> = said
            .iter()
            .map(|d| {
                let (line, column) = d.position.unwrap_or_default();
                (line, column, &*d.path, &*d.message, d.help.as_deref().unwrap_or_default())
            })
            .collect();
        assert_eq!(said, *expected, "{text}");
    }
}

#[test]
fn deep_nesting_is_refused_without_recursing() {
    let said = mistakes(&format!("{{\"routes\": {}", "[".repeat(1_000_000)));
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].message, "nested deeper than 64 levels");
    assert_eq!(said[0].position, Some((1, 12 + 63)));
}

#[test]
fn gives_up_after_a_thousand_mistakes() {
    let members: Vec<String> = (0..5_000).map(|i| format!("\"x{i}\": 1")).collect();
    let said = mistakes(&format!("{{\"defaults\": {{\"policies\": [{{{}}}]}}}}", members.join(",")));
    assert!((1_000..1_010).contains(&said.len()), "{}", said.len());
}

#[test]
fn never_shows_what_is_under_a_secret() {
    let text =
        r#"{"counters": {"redis": {"secret": ["hunter2"]}}, "server": {"drain": 5}, "nam": {"secret": "hunter2"}}"#;
    let said = mistakes(text);
    assert_eq!(said.len(), 3);
    for diagnostic in said {
        let shown = format!("{diagnostic:?}{}{}", diagnostic.line("f"), diagnostic.render("f", Some(text), false));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    for value in [
        "hunter2",
        "'hunter2'",
        "0hunter2",
        "\"hunter2",
        "\"\\hunter2\"",
        "[hunter2]",
        "\n\n\"hunter2\\q\"",
        "{\"hunter2\": 1}",
    ] {
        let text = format!("{{\"counters\": {{\"redis\": {{\"secret\": {value}}}}}}}");
        let said = mistakes(&text);
        assert!(!said.is_empty(), "{text}");
        for diagnostic in said {
            let shown = format!("{diagnostic:?}{}{}", diagnostic.line("f"), diagnostic.render("f", Some(&text), false));
            assert!(!shown.contains("unter2"), "{text}: {shown}");
        }
    }
    let text = r#"{"counters": {"redis": {"secret": "hunter2"}}}"#;
    let path = JsonPath::root().member("counters").member("redis").member("secret");
    for diagnostic in config::explain(text, vec![ConfigError::new(path, "not a name")]) {
        assert_eq!((diagnostic.position, &diagnostic.found), (Some((1, 35)), &None));
        assert!(!diagnostic.render("f", Some(text), false).contains("hunter2"));
    }
}

#[test]
fn mistakes_in_meaning_get_their_places_in_order() {
    let text = "{\"upstreams\": {\"a.b\": {\"url\": \"ftp://x\"}},\n \"routes\": [{\"name\": \"r\"}]}";
    let root = JsonPath::root();
    let errors = vec![
        ConfigError::new(root.member("routes").index(0).member("match").member("path"), "no path"),
        ConfigError::new(root.member("upstreams").member("a.b").member("url"), "no scheme").with_help("write http"),
    ];
    let said: Vec<_> =
        config::explain(text, errors).into_iter().map(|d| (d.path, d.position, d.found, d.help)).collect();
    assert_eq!(
        said,
        [
            ("upstreams[\"a.b\"].url".into(), Some((1, 31)), Some("\"ftp://x\"".into()), Some("write http".into())),
            // What is missing is at the object that it is missing from.
            ("routes[0].match.path".into(), Some((2, 13)), Some("{\"name\": \"r\"}".into()), None),
        ]
    );
}

#[test]
fn consequences_of_what_was_left_out_are_not_mistakes() {
    let text = r#"{"upstreams": {"users": "http://x"},
        "routes": [5, {"name": "a", "upstream": "users"}, {"name": "b", "upstream": "gone"}, {"name": "c", "x": 1}]}"#;
    let reading = config::read(text).unwrap_err();
    let config = reading.config.clone().unwrap();
    assert!(config.upstreams.is_empty());
    assert_eq!(config.routes.iter().map(|route| &*route.name).collect::<Vec<_>>(), ["a", "b", "c"]);
    let upstream = |index: usize| JsonPath::root().member("routes").index(index).member("upstream");
    let said = reading.explain(vec![
        ConfigError::new(upstream(0), "unknown upstream `users`"),
        ConfigError::new(upstream(1), "unknown upstream `gone`"),
        ConfigError::new(JsonPath::root().member("routes").index(2), "no action"),
    ]);
    let said: Vec<_> = said.iter().map(|d| (&*d.path, &*d.message)).collect();
    assert_eq!(
        said,
        [
            ("upstreams.users", "expected an object, found text"),
            ("routes[0]", "expected an object, found a number"),
            ("routes[2].upstream", "unknown upstream `gone`"),
            ("routes[3].x", "unknown field `x`"),
        ]
    );
}

#[test]
fn renders_for_people() {
    let text = "{\n    \"methds\": [\"GET\"]\n}\n";
    let said = mistakes(&text.replace("methds", "nme"));
    let shown = said[0].render("gateway.json", Some(&text.replace("methds", "nme")), false);
    assert_eq!(
        shown,
        "error: unknown field `nme`\n  ┌ gateway.json:2:5  nme\n  │     \"nme\": [\"GET\"]\n  │     ^^^^^\n  = help: did you mean \
         `name`?\n"
    );
    assert_eq!(said[0].line("gateway.json"), "gateway.json:2:5: nme: unknown field `nme` (did you mean `name`?)");
    let coloured = said[0].render("gateway.json", None, true);
    assert!(coloured.starts_with("\x1b[1;31merror\x1b[0m"), "{coloured}");
}

#[test]
fn marks_stay_under_wide_characters_tabs_and_in_long_lines() {
    let text = "{\t\"name\": \"宽宽\", \"宽\": 1}";
    let shown = mistakes(text)[0].render("f", Some(text), false);
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines[2], "  │ {    \"name\": \"宽宽\", \"宽\": 1}");
    assert_eq!(lines[3], format!("  │ {}^^^^", " ".repeat(21)));

    let text = format!("{{\"name\": \"{}\", \"b\": 1, \"name2\": \"{}\"}}", "x".repeat(500), "y".repeat(500));
    let shown = mistakes(&text)[0].render("f", Some(&text), false);
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines[2].chars().count() < 160, "{}", lines[2]);
    let mark = lines[3].chars().position(|c| c == '^').unwrap();
    assert_eq!(lines[2].chars().skip(mark).take(3).collect::<String>(), "\"b\"");
    assert_eq!(lines[3].chars().skip(mark).collect::<String>(), "^^^");
}

/// A line that a terminal wraps has its caret under something else.
#[test]
fn a_source_line_fits_on_the_terminal_with_its_caret() {
    let text = format!(
        "{{\"description\": \"{}\", \"宽宽\": 1, \"nam\": {{\"a\": \"{}\"}}}}",
        "x".repeat(300),
        "y".repeat(300)
    );
    for columns in [40, 80, 120] {
        for mistake in mistakes(&text) {
            let shown = mistake.render_within(columns, &Sources { name: "f", text: Some(&text), included: &[] }, false);
            let lines: Vec<&str> = shown.lines().filter(|line| line.starts_with("  │ ")).collect();
            let [source, caret] = lines[..] else { panic!("{shown}") };
            let width = |line: &str| line.chars().map(|c| if c == '宽' { 2 } else { 1 }).sum::<usize>();
            assert!(width(source) <= columns && width(caret) <= columns, "{columns}:\n{shown}");
            let before = width(caret) - caret.matches('^').count();
            let name = if mistake.path == "nam" { "\"nam\"" } else { "\"宽宽\"" };
            assert_eq!(source.split(name).next().map(width), Some(before), "{shown}");
        }
    }
}

#[test]
fn no_message_repeats_a_long_value() {
    let long = "x{".repeat(1 << 16);
    let text = format!(
        r#"{{"upstreams": {{"{long}": {{"url": "{long}"}}}}, "policies": {{"p": {{"cors": {{"origins": ["{long}"]}}}}}},
          "errors": {{"{long}": {{"text/plain": "x"}}}}, "routes": [
          {{"name": "r", "match": {{"path": "/{long}", "hosts": ["{long}"], "methods": ["{long}"], "headers": {{"{long}": "a"}}}}, "upstream": "{long}y"}},
          {{"name": "s", "match": {{"path": "/s"}}, "redirect": {{"location": "{long}"}}, "policies": ["{long}", "p"]}}]}}"#
    );
    let found = plan::load(&text, &Capabilities::NATIVE, &NoSecrets).unwrap_err();
    assert!(found.len() >= 8, "{}", found.len());
    for Diagnostic { path, message, help, .. } in found {
        let all = [path, message, help.unwrap_or_default()].concat();
        assert!(all.chars().count() < 1_500, "{}", all.chars().take(300).collect::<String>());
    }
}
