//! Configurations that include files (docs/configuration.md, Several files).

use gateway_core::config::{Composed, Diagnostic, Source, includes};
use gateway_core::plan::{self, Plan, Secrets};
use gateway_core::ports::Capabilities;

struct NoSecrets;

impl Secrets for NoSecrets {
    fn secret(&self, _: &str) -> Option<String> {
        None
    }
}

fn composed(main: &str, included: &[&str]) -> Composed {
    let source = |(index, text): (usize, &&str)| Source { name: format!("{index}.json"), text: (*text).to_owned() };
    Composed::new(main.to_owned(), included.iter().enumerate().map(source).collect())
}

fn load(composed: &Composed) -> Result<Plan, Vec<Diagnostic>> {
    composed.load(|text| plan::load(text, &Capabilities::NATIVE, &NoSecrets))
}

/// What is said, each in a line.
fn said(composed: &Composed) -> Vec<String> {
    load(composed).err().unwrap_or_default().iter().map(|mistake| mistake.line("main.json")).collect()
}

fn route(name: &str) -> String {
    format!(r#"{{"name": "{name}", "match": {{"path": "/{name}"}}, "upstream": "{name}"}}"#)
}

#[test]
fn the_members_of_all_files_come_together_in_their_order() {
    let (a, b, c) = (route("a"), route("b"), route("c"));
    let upstream = |name: &str| format!(r#""{name}": {{"url": "http://{name}.test"}}"#);
    let (ua, ub, uc) = (upstream("a"), upstream("b"), upstream("c"));
    let first = format!(
        "\u{feff}// one\n{{\"$schema\": \"x\", \"upstreams\": {{ // two\n{ub},}}, \"routes\": [{b}, /* last */ ],}}"
    );
    let second =
        format!(r#"{{"description": "d", "routes": [{c}], "policies": {{}}, "upstreams": {{{uc}}}, "apis": []}}"#);
    for main in [
        format!(r#"{{"include": ["*.json"], "upstreams": {{{ua}}}, "routes": [{a}]}}"#),
        format!("{{\"upstreams\": {{{ua}, // a\n}}, \"routes\": [{a},], \"include\": [\"*.json\",],// end\n}}"),
    ] {
        let composed = composed(&main, &[&first, &second]);
        let plan = load(&composed).unwrap();
        let names: Vec<&str> = plan.routes.iter().map(|route| &*route.name).collect();
        assert_eq!(names, ["a", "b", "c"], "{}", composed.text());
        assert_eq!(plan.upstreams.len(), 3);
        // What is printed can be served by itself.
        assert!(plan::load(composed.text(), &Capabilities::SPIN, &NoSecrets).is_ok(), "{}", composed.text());
    }
    let alone = composed(r#"{"include": []}"#, &[&format!(r#"{{"routes": [{a}], "upstreams": {{{ua}}}}}"#)]);
    assert_eq!(load(&alone).unwrap().routes.len(), 1, "sections of their own");
    assert_eq!(
        load(&composed("{}", &[&format!(r#"{{"routes": [{a}], "upstreams": {{{ua}}}}}"#)])).unwrap().routes.len(),
        1
    );
}

/// docs/configuration.md, Several files.
#[test]
fn an_included_file_may_have_consumers() {
    let main = r#"{"include": ["*.json"], "consumers": {"a": {}}, "routes": [{"name": "r", "respond": {}}]}"#;
    let composed = composed(main, &[r#"{"consumers": {"b": {"tier": "gold"}, "c": {"tear": "gold"}}}"#]);
    assert_eq!(said(&composed).len(), 1);
    assert!(said(&composed)[0].starts_with("0.json:"), "{:?}", said(&composed));
    let alone = r#"{"include": ["*.json"], "routes": [{"name": "r", "respond": {}, "policies": [
        {"authenticate": {"apiKey": {}, "anonymous": "b"}}]}]}"#;
    let composed = self::composed(alone, &[r#"{"consumers": {"b": {"tier": "gold"}}}"#]);
    assert_eq!(said(&composed), [""; 0]);
}

#[test]
fn the_patterns_are_read_where_they_are_texts() {
    let found = |text: &str| -> Vec<String> {
        includes(text).into_iter().map(|(at, pattern)| format!("{at} {pattern}")).collect()
    };
    assert_eq!(
        found("/* */{'x': 1, \"include\": [\"a.json\", 5, \"b/\\u002a.json\"]}"),
        ["include[0] a.json", "include[2] b/*.json"]
    );
    assert!(found(r#"{"include": "a.json"}"#).is_empty());
    assert!(found(r#"{"description": "include", "routes": [{"include": ["x"]}]}"#).is_empty());
}

#[test]
fn a_mistake_is_told_in_its_file_with_its_path_and_place() {
    let main =
        "{\"include\": [\"*\"], \"routes\": [\n{\"name\": \"one\", \"match\": {\"path\": \"/1\"}, \"respond\": {}}]}";
    let first = "{\"routes\": [\n  {\"name\": \"two\", \"match\": {\"path\": \"/2\"}, \"respond\": {}},\n  {\"name\": \"three\", \"match\": {\"path\": \"3\"}, \"upstream\": \"x\"}]}";
    let second =
        "{\"apis\": [], \"routes\": [ // é\n  {\"nme\": \"four\", \"match\": {\"path\": \"/4\"}, \"respond\": {}}]}";
    let composed = composed(main, &[first, second]);
    let said = said(&composed);
    assert_eq!(said.len(), 3, "{said:#?}");
    assert!(said[0].starts_with("0.json:3:39: routes[1].match.path: `3` does not begin with `/`"), "{said:#?}");
    assert!(said[1].starts_with("0.json:3:57: routes[1].upstream: "), "{said:#?}");
    assert!(said[2].starts_with("1.json:2:4: routes[0].nme: unknown field `nme`"), "{said:#?}");
    let found = load(&composed).unwrap_err();
    let shown = found[0].render_within(80, &composed.sources("main.json"), false);
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines[1], "  ┌ 0.json:3:39  routes[1].match.path");
    assert!(lines[2].ends_with(r#"  {"name": "three", "match": {"path": "3"}, "upstream": "x"}]}"#), "{shown}");
    assert_eq!(lines[3].chars().position(|c| c == '^'), Some(4 + 38), "{shown}");
    assert_eq!(serde_json::to_value(&found[0]).unwrap()["file"], "0.json");
}

#[test]
fn a_name_that_is_there_twice_is_told_with_both_places() {
    let main = "{\"include\": [\"*\"], \"upstreams\": {\n\"u\": {\"url\": \"http://u\"}}, \"apis\": [\n{\"name\": \"api\", \"prefix\": \"/a\", \"routes\": [{\"name\": \"r\", \"match\": {\"path\": \"/\"}, \"upstream\": \"u\"}]}]}";
    let first = "{\"upstreams\": {\n  \"u\": {\"url\": \"http://v\"}}}";
    assert_eq!(
        said(&composed(main, &[first])),
        ["0.json:2:3: upstreams.u: `u` is there twice (the other is upstreams.u, main.json:2:1) (keep one of them)"]
    );
    let list = |name: &str| {
        format!(r#"{{"routes": [{{"name": "{name}", "match": {{"path": "/{name}"}}, "respond": {{}}}}]}}"#)
    };
    let (first, second) = (list("same"), list("same").replace("/same", "/other"));
    let found = said(&composed(main, &[&first, &second]));
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("1.json:1:22: routes[0].name: another route is called `same`"), "{found:?}");
    assert!(found[0].contains("(the other is routes[0].name, 0.json:1:22)"), "{found:?}");
    let api = r#"{"apis": [{"name": "api", "prefix": "/b", "routes": [{"name": "r", "match": {"path": "/"}, "upstream": "u"}]}]}"#;
    let found = said(&composed(main, &[api]));
    assert!(found[0].starts_with("0.json:1:20: apis[0].name: another API is called `api`"), "{found:?}");
    assert!(found[0].contains("(the other is apis[0].name, main.json:3:10)"), "{found:?}");
}

#[test]
fn a_conflict_of_two_files_shows_both() {
    let main = r#"{"include": ["*"]}"#;
    let one = r#"{"routes": [{"name": "one", "match": {"path": "/x"}, "respond": {}}]}"#;
    let composed = composed(main, &[one, &one.replace("one", "two")]);
    let found = load(&composed).unwrap_err();
    assert_eq!(found.len(), 1);
    let shown = found[0].render_within(80, &composed.sources("main.json"), false);
    assert!(shown.contains("┌ 0.json:1:13  routes[0]\n") && shown.contains("┌ 1.json:1:13  routes[0]\n"), "{shown}");
    assert!(shown.contains("one") && shown.contains("two"), "{shown}");
}

#[test]
fn an_included_file_has_only_what_can_be_added() {
    let main = r#"{"include": ["*"], "routes": [{"name": "r", "match": {"path": "/"}, "respond": {"status": 999}}]}"#;
    let file = r#"{"server": {}, "include": ["x"], "description": 5, "routes": []}"#;
    let found = said(&composed(main, &[file]));
    let starts = [
        "0.json:1:2: server: an included file can't have `server` (",
        "0.json:1:16: include: an included file can't have `include` (",
        "0.json:1:49: description: expected text",
        "main.json:1:91: routes[0].respond.status: ",
    ];
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for start in starts {
        assert!(found.iter().any(|line| line.starts_with(start)), "{start}: {found:#?}");
    }
    // What a lost section has can't be missed elsewhere.
    let main = r#"{"include": ["*"], "routes": [{"name": "r", "match": {"path": "/"}, "upstream": "u"}]}"#;
    assert_eq!(
        said(&composed(main, &[r#"{"upstreams": [{"u": 1}]}"#])),
        ["0.json:1:15: upstreams: expected an object"]
    );
}

#[test]
fn slips_are_told_in_every_file_and_what_breaks_one_off_hides_the_rest() {
    let main = "{\"include\": ['*'], \"routes\": [{\"name\": \"r\" \"match\": {\"path\": \"/\"}, \"respond\": {}}]}";
    let file = "{routes: [{\"name\": \"s\", \"match\": {\"path\": \"/s\"} \"respond\": {}}], \"policies\": {\"p\": {}} \"apis\": []}";
    let found = said(&composed(main, &[file]));
    let starts = [
        "0.json:1:2: routes: name `routes` is not in quotes",
        "0.json:1:48: routes[0]: expected `,`, found",
        "0.json:1:87: expected `,`",
        "main.json:1:14: include[0]: text in single quotes",
        "main.json:1:43: routes[0]: expected `,`, found",
    ];
    for start in starts {
        assert!(found.iter().any(|line| line.starts_with(start)), "{start}: {found:#?}");
    }
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    let found = said(&composed(main, &["{\"routes\": [", "[]", ""]));
    let files: Vec<&str> = found.iter().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(files, ["main.json", "main.json", "0.json", "1.json", "2.json"], "{found:#?}");
}

/// docs/platforms.md: what reads one text says what to do.
#[test]
fn a_text_without_its_files_is_refused() {
    let text = r#"{"include": ["routes.json"], "routes": [{"name": "r", "match": {"path": "/"}, "respond": {}}]}"#;
    let found = plan::load(text, &Capabilities::CLOUDFLARE, &NoSecrets).unwrap_err();
    assert_eq!(
        found[0].line("gateway.json"),
        "gateway.json:1:13: include: Cloudflare Workers reads this text alone, without the files that it includes (make one text of them: `edgeway compose FILE > gateway.json`)"
    );
}
