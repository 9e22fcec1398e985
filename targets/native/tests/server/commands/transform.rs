//! `transform`: a document after edits of content.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use super::{edgeway, report, said, text};
use crate::support::Folder;

const ORDER: &str = r#"{"nr": 7, "price": 10.10, "secret": "x", "items": [{"sku": "a"}]}"#;

const CONFIG: &str = r#"{"upstreams": {"u": {"url": "http://u.test"}},
    "policies": {"tidy": {"response": {"body": {"json": [{"drop": ["$..secret"]}]}}}},
    "apis": [{"name": "shop", "prefix": "/shop", "upstream": "u", "policies": ["tidy"],
      "versions": {"from": [{"header": "x-v"}], "default": "2", "list": {"2": {}, "1": {"from": "2",
        "request": {"body": {"json": [{"rename": {"/nr": "id"}}]}},
        "response": {"body": {"statuses": ["2xx"], "json": [{"rename": {"/nr": "number"}}]}, "status": {"404": 410}}}}},
      "routes": [
        {"name": "orders", "match": {"path": "/orders/{id}"}, "policies": [
          {"response": {"body": {"json": [{"set": {"/self": "{path.id}{query.a}{header.x-a}{api.version}"}}]}}}]},
        {"name": "both", "match": {"path": "/both"}, "policies": [{"request": {"body": {"json": [{"wrap": "a"}]}}}]}]}]}"#;

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("gateway.json", CONFIG);
    folder.write("order.json", ORDER);
    folder
}

/// What it makes of `document`, which comes on standard input, by `edit`; and what it says.
fn piped(edit: &str, document: &[u8], more: &[&str]) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgeway"));
    command.args(["transform", "-", "--edit", edit]).args(more);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // One that fails before it reads leaves the pipe.
    let _ = child.stdin.take().unwrap().write_all(document);
    let Output { stdout, stderr, .. } = child.wait_with_output().unwrap();
    (text(&stdout), text(&stderr))
}

/// docs/command-line.md, `transform`: byte for byte what would be sent, for each of the forms in docs/configuration.md.
#[test]
fn every_form_is_edited() {
    let multipart = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x--\r\n";
    for (edit, document, expected) in [
        (r#"[{"rename": {"/a": "b"}}]"#, r#"{"a": 1.10}"#, r#"{"b":1.10}"#),
        (
            r#"// steps alone
            [{"rename": {"/a": "b"}},]"#,
            r#"{"a": 1.10}"#,
            r#"{"b":1.10}"#,
        ),
        (r#"{"from": ["form"], "json": [{"set": {"/c": 2}}]}"#, "a=1&a=x+y", "a=1&a=x%20y&c=2"),
        (r#"{"from": ["multipart"], "to": "json"}"#, multipart, r#"{"a":"1"}"#),
        (r#"{"from": ["xml"], "to": "json"}"#, "<a><b>1</b></a>", r#"{"a":{"b":"1"}}"#),
        (r#"{"text": [{"replace": "l+", "with": "L"}]}"#, "hello", "heLo"),
        (r#"{"from": ["ndjson"], "json": [{"drop": ["$.a"]}]}"#, "{\"a\":1}\n\n{\"b\":2}", "{}\n\n{\"b\":2}"),
        (
            r#"{"from": ["events"], "json": [{"drop": ["$.a"]}]}"#,
            "id: 1\ndata: {\"a\":1}\n\ndata: [DONE]\n\n",
            "id: 1\ndata: {}\n\ndata: [DONE]\n\n",
        ),
    ] {
        assert_eq!(piped(edit, document.as_bytes(), &[]), (expected.to_owned(), String::new()), "{edit}");
    }
    let (made, _) = piped(r#"{"to": "multipart"}"#, br#"{"a": "1"}"#, &[]);
    assert!(made.starts_with("--") && made.contains("form-data; name=\"a\"\r\n\r\n1\r\n"), "{made}");
}

/// docs/command-line.md, `transform`: the media type by `--type`, by the name, or by the edit.
#[test]
fn a_document_has_the_media_type_that_is_said() {
    let folder = folder();
    folder.write("order.xml", "<a>1</a>");
    let edit = r#"{"from": ["json", "xml"], "to": "json"}"#;
    assert_eq!(said(&folder, &["transform", "order.xml", "--edit", edit]), r#"{"a":"1"}"#);
    let (made, _) = piped(edit, b"<a>1</a>", &["--type", "application/soap+xml"]);
    assert_eq!(made, r#"{"a":"1"}"#);
    let (made, why) = piped(r#"{"to": "xml"}"#, b"a,b", &["--type", "text/csv"]);
    assert_eq!(made, "");
    assert!(why.contains("its media type is none that is edited: the document is `text/csv`"), "{why}");
    let (passed, _) = piped(r#"{"others": "pass", "json": [{"wrap": "a"}]}"#, b"a,b", &["--type", "text/csv"]);
    assert_eq!(passed, "a,b");
}

/// docs/command-line.md, `transform`: the edits of a route, those of its API and of its version.
#[test]
fn a_route_has_all_of_its_edits() {
    let folder = folder();
    let transform = |more: &[&str]| {
        let output = edgeway(&folder, &[&["transform", "order.json", "--route"], more].concat());
        (text(&output.stdout), text(&output.stderr), output.status.code())
    };
    let (made, note, code) = transform(&["orders"]);
    assert_eq!((&*made, code), (r#"{"nr":7,"price":10.10,"items":[{"sku":"a"}]}"#, Some(0)));
    assert_eq!(transform(&["orders", "--config", "gateway.json"]).0, made);
    assert_eq!(transform(&["orders", "none.json"]).2, Some(1));
    assert!(
        note.contains(
            "note: 1 text has no value here, for want of `{header.x-a}`, `{path.id}`, `{query.a}`: `--url` and `-H`"
        ),
        "{note}"
    );
    let (made, note, _) = transform(&["shop/orders", "--url", "/shop/orders/5?a=b", "-H", "x-a: c"]);
    assert_eq!((&*made, &*note), (r#"{"nr":7,"price":10.10,"items":[{"sku":"a"}],"self":"5bc2"}"#, ""));
    let older = ["orders", "--api-version", "1", "--url", "/shop/orders/5?a=b", "-H", "x-a: c"];
    let (made, ..) = transform(&[&older[..], &["--response"]].concat());
    assert_eq!(made, r#"{"number":7,"price":10.10,"items":[{"sku":"a"}],"self":"5bc1"}"#);
    let (made, ..) = transform(&[&older[..], &["--request"]].concat());
    assert_eq!(made, r#"{"id":7,"price":10.10,"secret":"x","items":[{"sku":"a"}]}"#);
    let told: Value =
        serde_json::from_str(&transform(&[&older[..], &["--status", "404", "--json"]].concat()).0).unwrap();
    assert_eq!((&told["status"], told["edits"].as_array().unwrap().len()), (&json!(410), 2));
    for (arguments, why) in [
        (&["order"][..], "there is no route `order` (did you mean `orders`?)"),
        (&["both"], "the route edits content of requests and of responses: say `--request` or `--response`"),
        (&["orders", "--request"], "`shop/orders` edits no content of requests, but that of responses"),
        (&["orders", "--api-version", "3"], "`shop/orders` has no version `3`: there are `2`, `1`"),
        (&["orders", "--url", "/shop/other/5"], "`shop/orders` takes no such path"),
    ] {
        let (made, said, code) = transform(arguments);
        assert_eq!((&*made, code), ("", Some(1)), "{arguments:?}");
        assert!(said.contains(why), "{said}");
    }
}

/// docs/command-line.md, `transform`: `--steps` and `--json`.
#[test]
fn each_step_is_shown_before_and_after() {
    let folder = folder();
    let edit = r#"{"to": "xml", "xml": {"root": "order"}, "json": [
        {"rename": {"/nr": "id"}}, {"drop": ["$.secret", "$.items"]}, {"drop": ["$.none"]}]}"#;
    let shown = said(&folder, &["transform", "order.json", "--edit", edit, "--steps"]);
    assert!(shown.starts_with("edit  json to xml\n  1  rename `/nr` to `id`\n"), "{shown}");
    for part in [
        "\n    -   \"nr\": 7,\n    +   \"id\": 7,\n        \"price\": 10.10,\n",
        "  2  drop `$.secret`, `$.items`\n",
        "    -   \"secret\": \"x\",\n",
        "  3  drop `$.none`\n    nothing changes\n",
        "written  application/xml\n    <?xml version=\"1.0\" encoding=\"UTF-8\"?><order><id>7</id><price>10.10</price></order>\n",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    let told: Value =
        serde_json::from_str(&said(&folder, &["transform", "order.json", "--edit", edit, "--json"])).unwrap();
    assert_eq!(told["type"], "application/xml");
    let edit = &told["edits"][0];
    assert_eq!((&edit["from"], &edit["to"]), (&json!("json"), &json!("xml")));
    let steps = edit["steps"].as_array().unwrap();
    assert_eq!(steps[0]["step"], "rename `/nr` to `id`");
    assert_eq!(steps[0]["after"], steps[1]["before"]);
    assert_eq!(steps.iter().map(|step| step["changes"] == true).collect::<Vec<_>>(), [true, true, false]);
    let (shown, _) = piped(r#"{"text": [{"replace": "o", "with": "0"}]}"#, b"a\no\n", &["--show-steps"]);
    assert_eq!(shown, "edit  text\n  1  replace `o`\n      a\n    - o\n    + 0\n");
}

/// docs/command-line.md, `transform`: an error names the step, or the place in the document or in the edit.
#[test]
fn an_error_names_the_step_and_the_place() {
    for (edit, document, expected) in [
        (
            r#"[{"wrap": "a"}, {"each": {"in": "$.a.b[*]", "steps": [{"set": {"/c": 1}}]}}]"#,
            r#"{"b": [1]}"#,
            "step 2 of 2 (`json[1]`), each `$.a.b[*]`: set `/c`: there is no place `/c` in it\n",
        ),
        (
            r#"[{"wrap": "a"}]"#,
            "{\"a\": 1,\n \"b\": tru}",
            "can't be read: it is no JSON (at byte 18), line 2, column 10\n",
        ),
        (r#"{"to": "xml"}"#, r#"{"a b": 1}"#, "the result can't be written: "),
        (
            r#"{"from": ["ndjson"], "json": [{"wrap": "a"}, {"patch": [{"op": "remove", "path": "/a/b"}]}]}"#,
            "{\"b\":1}\n{}\n",
            "step 2 of 2 (`json[1]`), patch: line 2: `/a/b` is not there\n",
        ),
        (r#"{"maxBytes": "1B", "to": "xml"}"#, "{}", "the document is larger than what is edited: see `maxBytes`"),
        ("[{\"wrap\": \"a\"},\n {\"sett\": {}}]", "{}", "┌ --edit:2:3  [1].sett\n"),
        (r#"{"json": [{"drop": ["a"]}]}"#, "{}", "┌ --edit:1:21  json[0].drop[0]\n"),
        (r#"{"json": [}"#, "{}", "┌ --edit:1:11"),
        (r#"{"from": ["multipart"], "to": "json"}"#, "a", "`--type 'multipart/form-data; boundary=x'`"),
    ] {
        let (made, why) = piped(edit, document.as_bytes(), &[]);
        assert_eq!(made, "", "{edit}");
        assert!(why.contains(expected), "{expected} in {why}");
    }
    // The same shape as of every command that fails.
    let folder = folder();
    folder.write("edit.json", r#"{"json": [{"drop": ["a"]}]}"#);
    let output = edgeway(&folder, &["transform", "order.json", "--edit", "edit.json", "--json"]);
    let told = report(&output);
    assert_eq!((&told["file"], &told["mistakes"][0]["path"]), (&json!("edit.json"), &json!("json[0].drop[0]")));
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(edgeway(&folder, &["transform", "order.json"]).status.code(), Some(2));
}

/// docs/command-line.md, `transform`: an error names the step, and its place in the list; and what is meant by words of other languages.
#[test]
fn a_step_has_its_place_in_the_list() {
    let edit = r#"[{"set": {"/a": 1, "/b": 2}}, {"rename": {"/c": "d"}}, {"patch": [{"op": "test", "path": "/a", "value": 2}]}]"#;
    let (made, why) = piped(edit, b"{}", &[]);
    assert_eq!(made, "");
    assert!(why.contains("step 4 of 4 (`json[2]`), patch: "), "{why}");
    let (told, _) = piped(r#"[{"set": {"/a": 1, "/b": 2}}, {"drop": ["$.c"]}]"#, b"{}", &["--json"]);
    let told: Value = serde_json::from_str(&told).unwrap();
    let places: Vec<_> = told["edits"][0]["steps"].as_array().unwrap().iter().map(|step| step["at"].clone()).collect();
    assert_eq!(places, ["json[0]", "json[0]", "json[1]"].map(|at| json!(at)));
    let statuses = r#"{"statuses": ["2xx"], "json": [{"drop": ["$.a"]}]}"#;
    let (_, why) = piped(statuses, b"{}", &[]);
    assert!(why.contains("help: responses alone have a status: `--response` says that it is an edit of one"), "{why}");
    assert_eq!(piped(statuses, b"{\"a\":1}", &["--response"]).0, "{}");
    for (edit, help) in [
        (r#"[{"remove": ["$.a"]}]"#, r#"write `{"drop": ["$.a"]}`; the `remove` of JSON Patch stands in `patch`"#),
        (r#"[{"add": {"/a": 1}}]"#, r#"write `{"set": {"/a": 1}}`; the operations of JSON Patch stand in `patch`"#),
        (r#"[{"keep": ["$.a"]}]"#, r#"write `{"pick": ["$.a"]}`"#),
        (r#"[{"each": {"path": "$.a[*]", "steps": [{"drop": ["$.b"]}]}}]"#, "write `in`"),
    ] {
        let (_, why) = piped(edit, b"{}", &[]);
        assert!(why.contains(help), "{edit}: {why}");
    }
    let (_, why) = piped(r#"[{"op": "remove", "path": "/a"}]"#, b"{}", &[]);
    assert!(why.contains("help: the operations of JSON Patch stand in `patch`: "), "{why}");
}
