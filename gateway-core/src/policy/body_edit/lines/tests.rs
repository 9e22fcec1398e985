use super::*;
use crate::document::path::Path;
use crate::document::pointer::Pointer;
use crate::policy::body_edit::{Literal, Statuses, Step, form, xml};

fn edit(steps: Vec<Step>, most_bytes: u64) -> Arc<BodyEdit> {
    Arc::new(BodyEdit {
        passes_others: false,
        steps: steps.into(),
        text: Box::default(),
        places: Box::default(),
        templates: Box::default(),
        most_bytes,
        statuses: Statuses::default(),
        from: [Form::Ndjson, Form::Events].into(),
        to: None,
        xml: xml::Rules::default(),
        form: form::Rules::default(),
    })
}

fn drop_secret() -> Vec<Step> {
    vec![Step::Drop([Path::parse("$.secret").unwrap()].into())]
}

fn filter(form: Form, most_bytes: u64) -> Box<Filter> {
    Filter::new(edit(drop_secret(), most_bytes), form, Box::default())
}

/// What comes of `pieces`, and the reason if it breaks off.
fn run<'p>(mut filter: impl AsMut<Filter>, pieces: impl IntoIterator<Item = &'p [u8]>) -> (String, Option<String>) {
    let filter = filter.as_mut();
    let mut out = Vec::new();
    let pushed = pieces.into_iter().try_for_each(|piece| filter.push(piece, &mut out));
    let ended = pushed.and_then(|()| filter.finish(&mut out));
    let broken = filter.fault().broken().map(Broken::to_string);
    assert_eq!(ended.is_err(), broken.is_some());
    (String::from_utf8(out).unwrap(), broken)
}

fn lines(text: &str) -> (String, Option<String>) {
    run(filter(Form::Ndjson, 64), [text.as_bytes()])
}

fn events(text: &str) -> (String, Option<String>) {
    run(filter(Form::Events, 64), [text.as_bytes()])
}

/// docs/configuration.md, Streams.
#[test]
fn each_line_is_a_document() {
    let (out, broken) = lines("{\"a\": 1, \"secret\": 2}\n{\"secret\":[]}\r\n\n \n7\n{\"b\":1.10}");
    assert_eq!((&*out, broken), ("{\"a\":1}\n{}\r\n\n \n7\n{\"b\":1.10}", None));
    assert_eq!(lines(""), (String::new(), None));
}

/// docs/configuration.md, Streams: it never ends as if it were whole.
#[test]
fn a_line_that_is_no_json_breaks_the_stream_off() {
    let (out, broken) = lines("{\"a\":1}\n\n{\"a\":\n2}\n");
    assert_eq!((&*out, broken.as_deref()), ("{\"a\":1}\n\n", Some("line 3: its JSON is cut off (at byte 5)")));
    let (out, broken) = lines("{\"a\":1}\n{\"secret\":");
    assert_eq!((&*out, broken.as_deref()), ("{\"a\":1}\n", Some("line 2: its JSON is cut off (at byte 10)")));
    let (_, broken) = lines("{\"a\":1,\"a\":2}\n");
    assert_eq!(broken.as_deref(), Some("line 1: an object has two members of one name (at byte 0)"));
    let mut filter = filter(Form::Ndjson, 64);
    assert_eq!(filter.push(b"{\n", &mut Vec::new()), Err(BreaksOff));
    assert_eq!(filter.push(b"{}\n", &mut Vec::new()), Err(BreaksOff), "it goes on after that");
    assert_eq!(filter.finish(&mut Vec::new()), Err(BreaksOff));
}

/// docs/configuration.md, Streams: `maxBytes`.
#[test]
fn no_more_is_held_than_a_line_may_have() {
    let line = format!("\"{}\"", "x".repeat(62));
    assert_eq!(lines(&format!("{line}\n{line}")), (format!("{line}\n{line}"), None));
    let long = format!("\"{}\"", "x".repeat(63));
    let too_long = |number| Some(format!("line {number}: it is longer than what is edited"));
    assert_eq!(lines(&format!("1\n{long}\n")), ("1\n".to_owned(), too_long(2)));
    let pieces = long.as_bytes().chunks(7);
    assert_eq!(run(filter(Form::Ndjson, 64), pieces), (String::new(), too_long(1)));
    let data = "data:12345678\n".repeat(9);
    assert!(events(&data).1.is_some(), "an event of many lines");
    assert!(events(&format!(": {}\n", "x".repeat(64))).1.is_some(), "a comment");
}

/// HTML, Server-sent events, §9.2.5, §9.2.6.
#[test]
fn the_data_of_each_event_is_a_document() {
    for (from, to) in [
        ("data: {\"secret\":1,\"a\":2}\n\n", "data: {\"a\":2}\n\n"),
        ("data:{\ndata:\"secret\":1,\ndata:  \"a\":2}\n\n", "data: {\"a\":2}\n\n"),
        ("id: 1\nevent: x\ndata: {}\nretry: 5\n\n", "id: 1\nevent: x\nretry: 5\ndata: {}\n\n"),
        ("data: {\"secret\":1}\r\n\r\ndata: {\"a\":1}\r\rdata: 1\n\n", "data: {}\n\ndata: {\"a\":1}\n\ndata: 1\n\n"),
        ("\u{feff}data: {\"secret\":1}\n\n", "\u{feff}data: {}\n\n"),
        ("data: 1\n\u{feff}id: 1\n\n", "data: 1\n\n"),
        (": ping\n\n: {\"secret\":1}\n", ": ping\n\n: {\"secret\":1}\n"),
        ("datax: {\"secret\":1}\n Data: 1\n\n", "datax: {\"secret\":1}\n Data: 1\n\n"),
        ("data: [DONE]\n\n", "data: [DONE]\n\n"),
        ("data\n\ndata:\ndata:\n\n", "data: \n\ndata: \ndata: \n\n"),
        ("data: one\ndata: two\n\n", "data: one\ndata: two\n\n"),
        ("data: {\"secret\":1}\n", "data: {}\n"),
        ("data: {\"secret\":1}", "data: {}\n"),
    ] {
        assert_eq!(events(from), (to.to_owned(), None), "{from:?}");
    }
}

/// docs/configuration.md, Streams: what a step removes may be in it.
#[test]
fn an_event_with_what_may_be_an_object_is_edited_or_breaks_the_stream_off() {
    for data in ["{\"secret\":1,}", "{'secret':1}", "[{\"secret\":1}", "{\"secret\":1,\"secret\":2}", "\"\\ud800\""] {
        let (out, broken) = events(&format!("data: 1\n\ndata: {data}\n\n"));
        assert_eq!(out, "data: 1\n\n", "{data}");
        assert!(broken.unwrap().starts_with("event 2: "), "{data}");
    }
}

/// docs/configuration.md, Streams: without delay.
#[test]
fn what_is_complete_comes_out_at_once() {
    let mut lines = filter(Form::Ndjson, 64);
    let pushed = |filter: &mut Filter, piece: &str| {
        let mut out = Vec::new();
        filter.push(piece.as_bytes(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    assert_eq!(pushed(&mut lines, "{\"a\":1}"), "");
    assert_eq!(pushed(&mut lines, "\n{"), "{\"a\":1}\n");
    assert_eq!(pushed(&mut lines, "}\n"), "{}\n");
    let mut events = filter(Form::Events, 64);
    assert_eq!(pushed(&mut events, ": ping\n"), ": ping\n");
    assert_eq!(pushed(&mut events, "id: 1\ndata: {}\n"), "id: 1\n");
    assert_eq!(pushed(&mut events, "\r"), "data: {}\n\n");
    assert_eq!(pushed(&mut events, "\n"), "", "the rest of that line's end");
    assert_eq!(pushed(&mut events, "data: 1\n\n"), "data: 1\n\n");
}

#[test]
fn the_edits_of_two_are_done_one_after_another() {
    let set =
        Step::Set(Pointer::parse("/n").unwrap(), Literal { value: Value::read(b"1").unwrap(), texts: Box::default() });
    let other = || Filter::new(edit(vec![Step::Wrap("data".into())], 64), Form::Ndjson, Box::default());
    let first = || Filter::new(edit(vec![set_clone(&set)], 64), Form::Ndjson, Box::default());
    let (out, broken) = run(first().then(other()), [&b"{}\n{\"a\""[..], b":1}"]);
    assert_eq!(
        (&*out, broken),
        (
            "{\"data\":{\"n\":1}}\n{\"data\":{\"n\":1,\"a\":1}}"
                .replace("{\"n\":1,\"a\":1}", "{\"a\":1,\"n\":1}")
                .as_str(),
            None
        )
    );
    let small = Filter::new(edit(drop_secret(), 4), Form::Ndjson, Box::default());
    let (_, broken) = run(first().then(small), [&b"{}\n"[..]]);
    assert!(broken.is_some());
}

fn set_clone(step: &Step) -> Step {
    match step {
        Step::Set(to, literal) => Step::Set(to.clone(), literal.clone()),
        _ => unreachable!(),
    }
}

/// Numbers without a seed of the machine's: the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }
}

const TOKENS: [&str; 22] = [
    "{\"secret\":1,\"a\":\"\u{e9}\"}",
    "[1,{\"b\":2}]",
    "7",
    "\n",
    "\r\n",
    "\n\n",
    "\r",
    "\r\n\r\n",
    "data: ",
    "data:",
    "data",
    ": ping",
    "id: 7",
    "event:x",
    "[DONE]",
    " ",
    "\u{feff}",
    "{\"a\":",
    "\"x\"}",
    "{}",
    "retry: 1",
    "text",
];

/// Where the pieces are cut changes nothing: not one byte, and no verdict.
#[test]
fn any_cut_gives_the_same() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..3000 {
        let count = random.below(14);
        let text: String = (0..count).map(|_| TOKENS[random.below(TOKENS.len())]).collect();
        for form in [Form::Ndjson, Form::Events] {
            let whole = run(filter(form, 48), [text.as_bytes()]);
            let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
            assert_eq!(run(filter(form, 48), bytes), whole, "{round} {form:?} {text:?}");
            let mut pieces = Vec::new();
            let mut rest = text.as_bytes();
            while !rest.is_empty() {
                let (piece, behind) = rest.split_at(1 + random.below(rest.len()));
                pieces.push(piece);
                rest = behind;
            }
            assert_eq!(run(filter(form, 48), pieces), whole, "{round} {form:?} {text:?}");
        }
    }
}

/// The events that a client makes of a stream: type, id and data of each (HTML, Server-sent events, §9.2.6).
fn dispatched(stream: &str) -> Vec<(String, String, String)> {
    let stream = stream.strip_prefix('\u{feff}').unwrap_or(stream);
    let stream = stream.replace("\r\n", "\n").replace('\r', "\n");
    let (mut kind, mut id, mut data, mut all) = (String::new(), String::new(), String::new(), Vec::new());
    let Some((whole, _)) = stream.rsplit_once('\n') else { return all };
    for line in whole.split('\n') {
        if line.is_empty() {
            if !data.is_empty() {
                all.push((kind.clone(), id.clone(), data.strip_suffix('\n').unwrap().to_owned()));
            }
            data.clear();
            kind.clear();
            continue;
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "data" => data.extend([value, "\n"]),
            "event" => value.clone_into(&mut kind),
            "id" => value.clone_into(&mut id),
            _ => {}
        }
    }
    all
}

/// HTML, Server-sent events, §9.2.6: a client sees the same events, with their data edited.
#[test]
fn clients_see_the_same_events() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut seen = 0;
    for _ in 0..20_000 {
        let count = random.below(20);
        let text: String = (0..count).map(|_| TOKENS[random.below(TOKENS.len())]).collect();
        let (out, broken) = run(filter(Form::Events, 1000), [text.as_bytes()]);
        if broken.is_some() {
            continue;
        }
        let edited = |data: &str| match Value::read(data.as_bytes()) {
            Ok(Value::Object(mut object)) => {
                object.remove("secret");
                Value::Object(object).to_string()
            }
            Ok(other) => other.to_string(),
            Err(_) => data.to_owned(),
        };
        let expected: Vec<_> =
            dispatched(&text).into_iter().map(|(kind, id, data)| (kind, id, edited(&data))).collect();
        seen += expected.len();
        assert_eq!(dispatched(&out), expected, "{text:?} became {out:?}");
    }
    assert!(seen > 1000, "{seen}");
}
