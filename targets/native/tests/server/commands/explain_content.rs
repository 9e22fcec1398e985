//! `explain`: what becomes of content, of the requests of a batch, and of methods, keys and tags.

use serde_json::json;

use super::{edgeway, report, said};
use crate::support::Folder;

const EDITS: &str = r#"{"upstreams": {"u": {"url": "http://u.test"}},
    "apis": [{"name": "shop", "prefix": "/shop", "upstream": "u",
      "versions": {"from": [{"header": "x-v"}], "default": "2", "list": {"2": {}, "1": {"from": "2",
        "request": {"body": {"json": [{"rename": {"/nr": "id"}}]}},
        "response": {"body": {"statuses": ["2xx"], "json": [{"rename": {"/id": "nr"}}]}}}}},
      "routes": [{"name": "orders", "match": {"prefix": "/orders"}, "policies": [{"compress": {"minBytes": "1B"}, "response": {
        "status": {"404": 410},
        "body": {"to": "json", "from": ["json", "xml"], "json": [{"drop": ["$..secret"]}, {"set": {"/a": 1}}]}}}]}]}]}"#;

/// The steps that `explain` tells of, as data: of this kind alone.
fn steps(folder: &Folder, kind: &str, arguments: &[&str]) -> Vec<serde_json::Value> {
    let told = report(&edgeway(folder, &[&["explain"], arguments, &["--json"]].concat()));
    told["steps"].as_array().unwrap().iter().filter(|step| step["step"] == kind).cloned().collect()
}

/// docs/command-line.md: where there is no content to show, the steps of an edit are named, and what is taken to be so is said.
#[test]
fn edits_of_content_are_named_where_none_is_stated() {
    let folder = Folder::new();
    folder.write("gateway.json", EDITS);
    let older = ["POST", "/shop/orders", "-H", "x-v: 1"];
    let request = steps(&folder, "editBody", &older);
    assert_eq!(
        request,
        [
            json!({"step": "editBody", "text": "edits the content: rename `/nr` to `id`", "steps": ["rename `/nr` to `id`"],
            "from": null, "to": null, "refused": null, "assumed": "the request has no content: `--body` would state it"})
        ]
    );
    let response = steps(&folder, "editResponseBody", &older);
    let assumed = "the upstream answers without content: `--response-body` would state it";
    assert_eq!(response.len(), 2);
    assert_eq!(response[0]["steps"], json!(["drop `$..secret`", "set `/a`", "json, xml to json"]));
    assert_eq!(response[0]["text"], "edits the content: 3 steps: drop `$..secret`, set `/a`, json, xml to json");
    assert_eq!((&response[0]["assumed"], &response[1]["assumed"]), (&json!(assumed), &json!(assumed)));
    assert_eq!(steps(&folder, "compress", &older)[0]["assumed"], assumed);
    // It is no edit of a response's fields.
    assert_eq!(steps(&folder, "editResponse", &older).len(), 0);
    assert_eq!(steps(&folder, "version", &older)[0]["text"], "version `1` of `shop`, made from `2`");
    assert_eq!(steps(&folder, "version", &["POST", "/shop/orders"])[0]["text"], "version `2` of `shop`");
    // RFC 9110 §9.3.2: that has no content, whatever is stated.
    assert_eq!(steps(&folder, "editResponseBody", &["HEAD", "/shop/orders"])[0].get("assumed"), None);
}

/// docs/command-line.md, `--response-body`, `--response-type`, `--response-status`.
#[test]
fn edits_of_a_response_are_shown_before_and_after() {
    let folder = Folder::new();
    folder.write("gateway.json", EDITS);
    folder.write("answer.xml", "<id>7</id>");
    let older = ["GET", "/shop/orders", "-H", "x-v: 1", "-H", "accept-encoding: gzip"];
    let answered = |more: &[&'static str]| [&older[..], more].concat();
    let shown = steps(&folder, "editResponseBody", &answered(&["--response-body", r#"{"id": 1.10, "secret": 2}"#]));
    let pairs: Vec<_> =
        shown.iter().map(|step| (step["from"].as_str().unwrap(), step["to"].as_str().unwrap())).collect();
    assert_eq!(
        pairs,
        [(r#"{"id": 1.10, "secret": 2}"#, r#"{"id":1.10,"a":1}"#), (r#"{"id":1.10,"a":1}"#, r#"{"nr":1.10,"a":1}"#)]
    );
    assert!(shown.iter().all(|step| step.get("assumed").is_none()), "{shown:?}");
    let told = report(&edgeway(
        &folder,
        &[&["explain"], &answered(&["--response-body", "@answer.xml", "--json"])[..]].concat(),
    ));
    assert_eq!(
        (&told["response"]["body"], &told["response"]["by"]),
        (&json!(r#"{"nr":"7","a":1}"#), &json!("upstream"))
    );
    let compress = steps(&folder, "compress", &answered(&["--response-body", "{}"]));
    assert_eq!(compress[0]["text"], "encoded by `gzip` at level 6");

    let lost = said(&folder, &[&["explain"], &answered(&["--response-status", "404"])[..]].concat());
    assert!(lost.contains("  status              404 Not Found is 410 Gone\n"), "{lost}");
    assert!(lost.contains("  edit response body  is not for 404\n"), "{lost}");
    assert!(lost.contains("response  410 by the upstream, as if it said 404\n"), "{lost}");
    let kept = steps(&folder, "status", &answered(&["--response-status", "503"]));
    assert_eq!(kept[0]["text"], "503 Service Unavailable stays as it is");

    // What is refused comes of the gateway.
    let arguments = answered(&["--response-body", "a,b", "--response-type", "text/csv", "--json"]);
    let refused = report(&edgeway(&folder, &[&["explain"], &arguments[..]].concat()));
    assert_eq!((&refused["response"]["status"], &refused["response"]["by"]), (&json!(502), &json!("gateway")));
    let step = refused["steps"].as_array().unwrap().iter().find(|step| step["step"] == "editResponseBody").unwrap();
    assert_eq!(step["refused"], "its media type is none that is edited");
    let wrong = edgeway(&folder, &[&["explain"], &answered(&["--response-status", "99"])[..]].concat());
    assert_eq!(wrong.status.code(), Some(2));
}

/// docs/command-line.md: a service that is asked for leave gives it, whatever the upstream is said to answer.
#[test]
fn a_service_gives_leave_whatever_the_upstream_answers() {
    let folder = Folder::new();
    folder.write(
        "gateway.json",
        r#"{"upstreams": {"u": {"url": "http://u.test"}}, "routes": [{"name": "r", "match": {"prefix": "/"}, "upstream": "u", "policies": [
            {"authenticate": {"external": {"upstream": "u", "path": "/leave"}}}]}]}"#,
    );
    let arguments = ["explain", "GET", "/", "--response-status", "403", "--response-body", "no", "--json"];
    let told = report(&edgeway(&folder, &arguments));
    assert_eq!((&told["response"]["status"], &told["response"]["by"]), (&json!(403), &json!("upstream")), "{told}");
}

const BATCH: &str = r#"{"network": {"methodOverride": {"methods": ["PUT"]}}, "upstreams": {"u": {"url": "http://u.test"}},
    "routes": [{"name": "batch", "match": {"path": "/batch"}, "batch": {"most": 4}},
      {"name": "here", "match": {"path": "/here/{id}"}, "respond": {"body": "hello"}},
      {"name": "orders", "match": {"path": "/orders"}, "upstream": "u", "policies": [
        {"idempotency": {}, "etag": {"maxBytes": "8B"}, "request": {"method": {"PUT": "POST"}}}]}]}"#;

/// docs/command-line.md, `explain`: each request of a batch is explained as if it had come by itself.
#[test]
fn the_requests_of_a_batch_are_explained() {
    let folder = Folder::new();
    folder.write("gateway.json", BATCH);
    let list =
        r#"[{"path": "/here/7"}, {"method": "PUT", "path": "/orders?a=1", "body": {"a": 1}}, {"path": "/nowhere"}]"#;
    let asked = ["explain", "POST", "http://gw.test/batch", "-H", "content-type: application/json", "--body", list];
    let told = report(&edgeway(&folder, &[&asked[..], &["--json"]].concat()));
    let parts = told["parts"].as_array().unwrap();
    let of = |index: usize, member: &str| parts[index].pointer(member).cloned().unwrap_or_default();
    assert_eq!(parts.len(), 3, "{told}");
    assert_eq!((of(0, "/route/name"), of(0, "/response/status")), (json!("here"), json!(200)));
    assert_eq!((of(0, "/response/body"), of(0, "/route/parameters")), (json!("hello"), json!({"id": "7"})));
    assert_eq!((of(1, "/url"), of(1, "/method")), (json!("http://gw.test/orders?a=1"), json!("PUT")));
    assert_eq!((of(1, "/upstream/method"), of(1, "/response/by")), (json!("POST"), json!("upstream")));
    let steps: Vec<_> = parts[1]["steps"].as_array().unwrap().iter().map(|step| step["step"].clone()).collect();
    assert_eq!(steps, ["idempotency", "etag", "method"].map(|step| json!(step)));
    assert_eq!((of(2, "/route"), of(2, "/response/status")), (json!(null), json!(404)));
    assert_eq!((&told["route"]["name"], &told["upstream"]), (&json!("batch"), &json!(null)));
    let text = said(&folder, &asked);
    assert!(
        text.contains("\nrequests\n  0  GET http://gw.test/here/7\n     route  here /here/{id} at routes[1]\n"),
        "{text}"
    );
    assert!(text.contains("  1  PUT http://gw.test/orders?a=1\n     route  orders /orders at routes[2]\n"), "{text}");
    assert!(text.contains("       method       PUT becomes POST\n     upstream  u http://u.test\n"), "{text}");
    assert!(text.contains("     response  404 by the gateway\n"), "{text}");
    // What a batch takes is known, whatever its match says.
    let routes = said(&folder, &["routes"]);
    assert!(routes.contains("POST    /batch") && routes.contains("*       /orders"), "{routes}");
    // A list with mistakes has no requests.
    let wrong = edgeway(&folder, &[&asked[..6], &[r#"[{"path": "here"}]"#, "--json"]].concat());
    assert_eq!(report(&wrong)["parts"], json!([]));
}

/// docs/command-line.md: the steps of methods, idempotency keys and entity tags, with the reasons.
#[test]
fn explain_tells_of_methods_keys_and_tags() {
    let folder = Folder::new();
    folder.write("gateway.json", BATCH);
    let one = |kind: &str, arguments: &[&str]| -> Vec<String> {
        let all = steps(&folder, kind, arguments);
        all.iter().map(|step| step["text"].as_str().unwrap().to_owned()).collect()
    };
    let none = |why: &str| vec![format!("no tag is made: {why}")];
    assert_eq!(one("etag", &["GET", "/orders"]), none("there is no content"));
    let assumed = &steps(&folder, "etag", &["GET", "/orders"])[0]["assumed"];
    assert_eq!(assumed, "the upstream answers without content: `--response-body` would state it");
    assert_eq!(one("etag", &["POST", "/orders"]), none("only answers to GET and HEAD have one"));
    assert_eq!(one("etag", &["HEAD", "/orders"]), none("the content of an answer to HEAD is not known"));
    assert_eq!(
        one("etag", &["GET", "/orders", "-H", "range: bytes=0-1"]),
        none("the request asks for a part (`Range`)")
    );
    assert_eq!(one("etag", &["GET", "/orders", "--response-status", "404"]), none("only a 200 gets one"));
    let long = ["GET", "/orders", "--response-body", "123456789"];
    assert_eq!(one("etag", &long), none("the content is longer than `maxBytes`"));
    let short = ["GET", "/orders", "--response-body", "1234"];
    assert_eq!(one("etag", &short), ["a tag is made of the content"]);
    let met = [&short[..], &["-H", "if-none-match: *"]].concat();
    assert_eq!(
        one("etag", &met),
        ["a tag is made of the content; the client has the response, and is told so by a 304"]
    );

    let key = ["POST", "/orders", "-H", "idempotency-key: a1"];
    assert_eq!(one("idempotency", &key), ["it is the first with this key", "its answer is kept for 1d"]);
    assert_eq!(steps(&folder, "idempotency", &key)[0]["assumed"], "no request with this key came before");
    let again = "its answer is not kept, since it says that the request may be made again";
    let refused = [&key[..], &["--response-status", "503"]].concat();
    assert_eq!(one("idempotency", &refused), ["it is the first with this key", again]);
    assert_eq!(one("idempotency", &["POST", "/orders"]), ["there is no key"]);
    assert_eq!(one("idempotency", &["GET", "/orders"]), ["requests by this method have no keys here"]);
    let malformed = ["POST", "/orders", "-H", "idempotency-key: a\tb"];
    assert_eq!(one("idempotency", &malformed), ["refused: idempotency_key_invalid"]);

    assert_eq!(one("method", &["PUT", "/orders"]), ["PUT becomes POST"]);
    assert_eq!(one("method", &["GET", "/orders"]), ["GET stays as it is"]);
    let put = "x-http-method-override: PUT";
    assert_eq!(one("methodOverride", &["POST", "/orders", "-H", put]), ["POST becomes PUT"]);
    assert_eq!(
        one("methodOverride", &["GET", "/orders", "-H", put]),
        ["GET stays: the field for another method is removed"]
    );
    let other = "x-http-method-override: DELETE";
    assert_eq!(
        one("methodOverride", &["POST", "/orders", "-H", other]),
        ["refused: the field for another method names one that is not let in, or several"]
    );
}

/// docs/command-line.md, `--response-body`: lines stay lines, before and after beside each other; what has no content has none.
#[test]
fn contents_before_and_after_stand_beside_each_other() {
    let folder = Folder::new();
    folder.write("gateway.json", EDITS);
    let asked = ["explain", "GET", "/shop/orders", "--response-body", "{\"id\": 1,\n \"secret\": 2}"];
    let told = said(&folder, &asked);
    let lines = [
        "  edit response body  before  {\"id\": 1,",
        "                               \"secret\": 2}",
        "                      after   {\"id\":1,\"a\":1}",
    ];
    assert!(told.contains(&(lines.join("\n") + "\n")), "{told}");
    let text = steps(&folder, "editResponseBody", &asked[1..])[0]["text"].clone();
    assert_eq!(text, "`{\"id\": 1,\n \"secret\": 2}` becomes `{\"id\":1,\"a\":1}`");
    // RFC 9110 §15.3.5, §15.4.5.
    for status in ["204", "304"] {
        let told = said(&folder, &[&asked[..], &["--response-status", status]].concat());
        let line = format!("as if it said {status}: that has no content, whatever is stated\n");
        assert!(told.contains(&line) && !told.contains("secret\": 2"), "{told}");
        assert!(!told.contains("(assumed: the upstream answers without content"), "{told}");
    }
    let plain = said(&folder, &["explain", "GET", "/shop/orders", "--response-status", "204"]);
    assert!(plain.contains("as if it said 204\n"), "{plain}");
}
