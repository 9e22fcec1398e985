use super::*;

fn read(text: &str) -> Value {
    Value::read(text.as_bytes()).unwrap()
}

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

fn pointer(text: &str) -> Pointer {
    Pointer::parse(text).unwrap()
}

fn literal(text: &str) -> Literal {
    Literal { value: read(text), texts: Box::default() }
}

fn edited(steps: Vec<Step>, content: &str) -> Result<String, Trouble> {
    let edit = BodyEdit {
        passes_others: false,
        steps: steps.into(),
        text: Box::default(),
        places: Box::default(),
        templates: Box::default(),
        most_bytes: USUAL_BYTES,
        statuses: Statuses::default(),
        from: [Form::Json].into(),
        to: None,
        xml: xml::Rules::default(),
        form: form::Rules::default(),
    };
    let edited = edit.edit(content.as_bytes(), (Form::Json, &HeaderMap::new()), &[])?;
    assert_eq!(edited.kind, None);
    Ok(String::from_utf8(edited.content).unwrap())
}

fn after(steps: Vec<Step>, content: &str) -> String {
    edited(steps, content).unwrap()
}

/// docs/configuration.md, Edits of content.
#[test]
fn parts_are_picked_with_what_they_are_in() {
    let picked =
        |paths: &[&str], content: &str| after(vec![Step::Pick(paths.iter().map(|text| path(text)).collect())], content);
    let content = r#"{"id":1,"user":{"name":"n","mail":"m"},"items":[{"sku":"a","cost":1},{"sku":"b"}]}"#;
    assert_eq!(picked(&["$.id", "$.user.name"], content), r#"{"id":1,"user":{"name":"n"}}"#);
    assert_eq!(picked(&["$.items[*].sku"], content), r#"{"items":[{"sku":"a"},{"sku":"b"}]}"#);
    assert_eq!(picked(&["$.items[1]"], content), r#"{"items":[{"sku":"b"}]}"#);
    assert_eq!(picked(&["$.items", "$.items[0].sku"], content), r#"{"items":[{"sku":"a","cost":1},{"sku":"b"}]}"#);
    assert_eq!(picked(&["$.none"], content), "{}");
    assert_eq!(
        (picked(&["$.a"], "[1,2]"), picked(&["$.a"], "7"), picked(&["$"], "7")),
        ("[]".into(), "null".into(), "7".into())
    );
}

#[test]
fn parts_are_removed() {
    let without =
        |paths: &[&str], content: &str| after(vec![Step::Drop(paths.iter().map(|text| path(text)).collect())], content);
    assert_eq!(
        without(&["$..password"], r#"{"password":1,"a":[{"password":{"password":2},"b":3}]}"#),
        r#"{"a":[{"b":3}]}"#
    );
    assert_eq!(without(&["$[?@ > 1]", "$[0]"], "[1,2,0,3]"), "[0]");
    assert_eq!(without(&["$.a", "$.a.b"], r#"{"a":{"b":1},"c":1.10}"#), r#"{"c":1.10}"#);
    assert_eq!(without(&["$"], "[1]"), "null");
}

#[test]
fn members_get_other_names_and_places() {
    let content = r#"{"a":1,"b":{"c":2,"d":3},"e":4}"#;
    assert_eq!(after(vec![Step::Rename(pointer("/b/c"), "x".into())], content), r#"{"a":1,"b":{"x":2,"d":3},"e":4}"#);
    assert_eq!(after(vec![Step::Rename(pointer("/a"), "e".into())], content), r#"{"e":1,"b":{"c":2,"d":3}}"#);
    assert_eq!(after(vec![Step::Rename(pointer("/none"), "x".into())], content), content);
    assert_eq!(
        after(vec![Step::Move(pointer("/b/c"), pointer("/x/y"))], content),
        r#"{"a":1,"b":{"d":3},"e":4,"x":{"y":2}}"#
    );
    assert_eq!(after(vec![Step::Move(pointer("/none"), pointer("/x"))], content), content);
    assert_eq!(after(vec![Step::Move(pointer(""), pointer("/data"))], "[1]"), r#"{"data":[1]}"#);
    assert_eq!(edited(vec![Step::Move(pointer("/a"), pointer("/e/x"))], content), Err(Trouble::NoPlace("/e/x".into())));
}

#[test]
fn values_are_copied_from_anywhere() {
    let copy = |from: &str, to: &str, content: &str| after(vec![Step::Copy(path(from), pointer(to))], content);
    let content = r#"{"items":[{"id":9007199254740993},{"id":2}]}"#;
    assert_eq!(
        copy("$.items[*].id", "/ids", content),
        r#"{"items":[{"id":9007199254740993},{"id":2}],"ids":[9007199254740993,2]}"#
    );
    assert_eq!(
        copy("$.items[0].id", "/first", content),
        r#"{"items":[{"id":9007199254740993},{"id":2}],"first":9007199254740993}"#
    );
    assert_eq!(copy("$.none", "/x", content), content);
    assert_eq!(copy("$.none[*]", "/x", "{}"), r#"{"x":[]}"#);
}

#[test]
fn values_are_set_or_only_where_there_is_none() {
    let set = || Step::Set(pointer("/a/b"), literal("[1.50]"));
    assert_eq!(after(vec![set()], "{}"), r#"{"a":{"b":[1.50]}}"#);
    assert_eq!(after(vec![set()], r#"{"a":{"b":2,"c":3}}"#), r#"{"a":{"b":[1.50],"c":3}}"#);
    let default = || Step::Default(pointer("/a"), literal("1"));
    assert_eq!(
        (after(vec![default()], "{}"), after(vec![default()], r#"{"a":null}"#)),
        (r#"{"a":1}"#.into(), r#"{"a":null}"#.into())
    );
    assert_eq!(edited(vec![set()], "[]"), Err(Trouble::NoPlace("/a/b".into())));
}

#[test]
fn documents_are_wrapped_and_flattened() {
    assert_eq!(after(vec![Step::Wrap("data".into())], "[1]"), r#"{"data":[1]}"#);
    let flatten =
        |at: &str, prefix: &str, content: &str| after(vec![Step::Flatten(pointer(at), prefix.into())], content);
    assert_eq!(
        flatten("/user", "user_", r#"{"user":{"id":1,"name":"n"},"x":2}"#),
        r#"{"x":2,"user_id":1,"user_name":"n"}"#
    );
    assert_eq!(flatten("/user", "", r#"{"user":{"user":1}}"#), r#"{"user":1}"#);
    assert_eq!(flatten("/rows", "", r#"{"rows":[[1,2],3,[[4]]]}"#), r#"{"rows":[1,2,3,[4]]}"#);
    assert_eq!((flatten("/none", "", "{}"), flatten("", "", r#"{"a":1}"#)), ("{}".into(), r#"{"a":1}"#.into()));
}

#[test]
fn steps_are_done_on_each_of_many() {
    let inner = || vec![Step::Drop([path("$.secret")].into()), Step::Set(pointer("/seen"), literal("true"))].into();
    let content = r#"{"items":[{"secret":1},{"id":2}]}"#;
    assert_eq!(
        after(vec![Step::Each(path("$.items[*]"), inner())], content),
        r#"{"items":[{"seen":true},{"id":2,"seen":true}]}"#
    );
    // One within another is changed before that.
    let renamed = vec![Step::Each(path("$..[?@.a]"), vec![Step::Rename(pointer("/a"), "b".into())].into())];
    assert_eq!(after(renamed, r#"[{"a":[{"a":1}]}]"#), r#"[{"b":[{"b":1}]}]"#);
}

#[test]
fn growth_has_a_bound() {
    let double = || Step::Copy(path("$"), pointer("/-"));
    let steps = (0..64).map(|_| double()).collect();
    assert_eq!(edited(steps, "[\"0123456789\"]"), Err(Trouble::TooMuch));
    let patch = (0..64).map(|_| r#"{"op":"copy","from":"","path":"/-"}"#).collect::<Vec<_>>().join(",");
    let patch = Patch::compile(&read(&format!("[{patch}]"))).unwrap();
    assert!(matches!(edited(vec![Step::Patch(patch)], "[1]"), Err(Trouble::Undone(_))));
}

/// RFC 6902 §5, RFC 7396 §1.
#[test]
fn patches_are_applied() {
    let patch =
        Patch::compile(&read(r#"[{"op":"test","path":"/a","value":1},{"op":"replace","path":"/a","value":2}]"#))
            .unwrap();
    assert_eq!(after(vec![Step::Patch(patch.clone())], r#"{"a":1.0}"#), r#"{"a":2}"#);
    assert!(matches!(edited(vec![Step::Patch(patch)], r#"{"a":3}"#), Err(Trouble::Undone(_))));
    assert_eq!(
        after(vec![Step::Merge(read(r#"{"b":null,"c":{"d":1}}"#))], r#"{"a":1,"b":2}"#),
        r#"{"a":1,"c":{"d":1}}"#
    );
}

/// RFC 8259 §11, RFC 6839 §3.1: the media types of JSON.
#[test]
fn json_alone_is_edited() {
    let of = |list: &[(&str, &str)]| form_of(&crate::http::testing::fields(list), &[Form::Json]);
    let json = ("content-type", "application/json");
    assert_eq!(of(&[json]), Ok(Some(Form::Json)));
    assert_eq!(of(&[("content-type", "Application/Problem+JSON; charset=utf-8")]), Ok(Some(Form::Json)));
    for kind in ["text/plain", "application/jsonp", "application/json-seq", "application/x-ndjson"] {
        assert_eq!(of(&[("content-type", kind)]), Ok(None), "{kind}");
    }
    assert_eq!(of(&[]), Ok(None));
    assert_eq!(of(&[json, ("content-encoding", "gzip")]), Ok(Some(Form::Json)), "that is decoded first");
    let lines = form_of(
        &crate::http::testing::fields(&[("content-type", "application/jsonl"), ("content-encoding", "br")]),
        &[Form::Ndjson],
    );
    assert_eq!(lines, Err("it is compressed, and a stream"));
    assert_eq!(of(&[json, ("content-encoding", "identity")]), Ok(Some(Form::Json)));
    assert_eq!(of(&[json, json]), Err("its media type is stated twice"));
    assert_eq!(of(&[("content-type", "application/json; charset=latin1")]), Err("it is not in UTF-8"));
}

#[test]
fn statuses_are_ranges() {
    let statuses = Statuses::of(vec![(200, 299), (404, 404)]);
    let has = |status: u16| statuses.has(StatusCode::from_u16(status).unwrap());
    assert_eq!([has(200), has(299), has(300), has(404), has(500)], [true, true, false, true, false]);
    assert!(Statuses::default().has(StatusCode::IM_A_TEAPOT));
}
