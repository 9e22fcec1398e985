//! The line for people: with all that it has for a file, or within the columns of a terminal.

use core::fmt::Write as _;
use core::time::Duration;

use super::{Client, Line, Store};

/// The columns between two parts of a line.
const GAP: usize = 2;

/// The least that is left to a path beside its reasons, unless it is shorter.
const LEAST_PATH: usize = 16;

/// The columns of an address, which are those of any of IPv4.
const ADDRESS: usize = 15;

/// The least columns of a terminal on which clients are told apart: on narrower ones their addresses would cost the path.
const LEAST_FOR_CLIENT: usize = 100;

/// One aligned line.
pub(super) fn whole(line: &Line<'_>) -> String {
    let bytes = line.bytes.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string());
    let (time, status, method) = (line.time, line.status, line.method);
    let ms = millis(line.ms);
    let mut text = format!(
        "{time} {status:>3} {method:<7} {ms:>9.3} ms {bytes:>10} B  {:<ADDRESS$}  {}",
        client(line),
        target(line)
    );
    let id = line.id.as_ref().map_or_else(String::new, |id| format!("id {}", id.escape_default()));
    for part in [route(line, true), consumer(line), reasons(line), id].iter().filter(|part| !part.is_empty()) {
        text.push_str("  ");
        text.push_str(part);
    }
    text
}

/// A line of at most so many `columns`: the time of day, and the path without its middle where that has no room. The route is
/// left out where the path is not whole beside it; the reasons go before both.
pub(super) fn within(line: &Line<'_>, columns: usize) -> String {
    let time = line.time.to_string();
    let time = time.get("2026-11-28T".len().."2026-11-28T22:08:29".len()).unwrap_or_default();
    let (status, method) = (line.status, line.method);
    let mut text = format!("{time}Z {status:>3} {method:<7} {:>8}  ", took(line.ms));
    if columns >= LEAST_FOR_CLIENT {
        let client = shortened(&client(line), ADDRESS, ADDRESS / 2);
        let _ = write!(text, "{client:<ADDRESS$}  ");
    }
    let room = columns.saturating_sub(text.len());
    let (target, reasons) = (target(line), reasons(line));
    let for_path = target.len().min(LEAST_PATH.max(room / 2)).min(room);
    let reasons = shortened(&reasons, room.saturating_sub(for_path + GAP), 0);
    let left = if reasons.is_empty() { room } else { room.saturating_sub(GAP + reasons.chars().count()) };
    let path = shortened(&target, left, left / 2);
    let left = left.saturating_sub(path.chars().count() + GAP);
    text.push_str(&path);
    let route = [route(line, true), route(line, false)];
    let fitting = route.into_iter().find(|route| route.chars().count() <= left).unwrap_or_default();
    let left = left.saturating_sub(if fitting.is_empty() { 0 } else { fitting.chars().count() + GAP });
    let consumer = Some(consumer(line)).filter(|consumer| consumer.len() <= left).unwrap_or_default();
    for part in [fitting, consumer, reasons].iter().filter(|part| !part.is_empty()) {
        text.push_str("  ");
        text.push_str(part);
    }
    text
}

/// The client's address.
fn client(line: &Line<'_>) -> String {
    line.client.map_or_else(|| "-".to_owned(), |Client(address)| address.to_string())
}

/// The path, and the query where it is logged, in ASCII.
fn target(line: &Line<'_>) -> String {
    let mut target = line.path.escape_default().to_string();
    if let Some(query) = &line.query {
        // Writing to a string can't fail.
        let _ = write!(target, "?{}", query.escape_default());
    }
    target
}

fn route(line: &Line<'_>, with_upstream: bool) -> String {
    let mut text = line.route.unwrap_or_default().to_owned();
    if let Some(upstream) = line.upstream.filter(|_| with_upstream) {
        let _ = write!(text, "{}-> {upstream}", if text.is_empty() { "" } else { " " });
    }
    text
}

/// The consumer who asked, in ASCII.
fn consumer(line: &Line<'_>) -> String {
    line.consumer.map_or_else(String::new, |consumer| format!("by {}", consumer.escape_default()))
}

/// The reasons why the answer is as it is, and is whole or not.
fn reasons(line: &Line<'_>) -> String {
    let mut reasons: Vec<String> = [line.error, line.cause].into_iter().flatten().map(str::to_owned).collect();
    let refused = line.limits.iter().filter(|limit| limit.admitted == Some(false) && !limit.shadow);
    reasons.extend(refused.map(|limit| format!("(limit: {})", limit.name)));
    let shadows = line.limits.iter().filter(|limit| limit.admitted == Some(false) && limit.shadow);
    reasons.extend(shadows.map(|limit| format!("(shadow: {})", limit.name)));
    let waits = line.limits.iter().filter_map(|limit| Some((limit.name, limit.wait_ms?)));
    reasons.extend(waits.map(|(name, wait)| format!("(waited {} for limit: {name})", took(wait).trim())));
    reasons.extend(line.attempts.map(|attempts| format!("({attempts} attempts)")));
    reasons.extend(line.fallback.map(|what| format!("(fallback: {what})")));
    reasons.extend(line.fault.map(|fault| format!("(fault on purpose: {fault})")));
    reasons.extend(line.auth.map(|reason| format!("(auth: {reason})")));
    reasons.extend(line.upstream_auth.map(|reason| format!("(upstream auth: {reason})")));
    reasons.extend(line.rule.map(|rule| {
        let because = line.because.unwrap_or_default();
        format!("(rule: {}: {})", rule.escape_default(), because.escape_debug())
    }));
    reasons.extend(line.unsettled.map(|reason| format!("(unsettled: {reason})")));
    reasons.extend(line.flag.map(|flag| format!("(flag: {})", flag.escape_default())));
    reasons.extend(line.cache.map(|done| format!("(cache: {done})")));
    reasons.extend(line.method_override.map(|method| format!("(as {})", method.escape_default())));
    reasons.extend(line.upstream_method.map(|method| format!("(upstream by {})", method.escape_default())));
    reasons.extend(line.idempotency.filter(|done| *done != "first").map(|done| format!("(idempotency: {done})")));
    reasons.extend(line.background.then(|| "(background)".to_owned()));
    reasons.extend(line.store.map(|Store { name, failure }| format!("({name}: {failure})")));
    match line.cut {
        Some(side) => reasons.push(format!("(cut off: {side})")),
        None if !line.complete => reasons.push("(cut off)".to_owned()),
        None => {}
    }
    reasons.join("  ")
}

fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1000.0
}

/// A duration in eight columns, rounded down.
fn took(took: Duration) -> String {
    let tenths = took.subsec_micros() / 100;
    match took.as_secs() {
        0 => format!("{}.{} ms", tenths / 10, tenths % 10),
        seconds @ 1..1000 => format!("{seconds}.{} s ", tenths / 1000),
        seconds => format!("{seconds} s "),
    }
}

/// `text` in at most `columns`, with its last characters `behind` what is left out.
fn shortened(text: &str, columns: usize, behind: usize) -> String {
    let length = text.chars().count();
    if length <= columns {
        return text.to_owned();
    }
    let Some(kept) = columns.checked_sub(1) else { return String::new() };
    let behind = behind.min(kept);
    let start = text.chars().take(kept - behind);
    start.chain(core::iter::once('…')).chain(text.chars().skip(length - behind)).collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::access_log::tests::{limited, line, plan, record};
    use crate::caller::Caller;
    use crate::caller::consumer::Consumer;
    use crate::plan::Plan;
    use crate::policy::quota::Verdict;
    use crate::record::{Ended, Limited, Record};

    fn on_terminal(columns: usize) -> Plan {
        let mut plan = plan(r#"{"format": "text", "query": true}"#);
        plan.access_log.columns = Some(columns);
        plan
    }

    fn asked(uri: &str) -> Record {
        let mut record = record();
        record.facts.as_mut().unwrap().uri = uri.parse().unwrap();
        record
    }

    fn refused(uri: &str) -> Record {
        let mut record = asked(uri);
        record.error = Some("rate_limited");
        let verdict =
            Verdict { admitted: false, remaining: 0, retry_after: Duration::ZERO, reset_after: Duration::ZERO };
        record.facts.as_mut().unwrap().limits = vec![limited("five-per-ten-seconds", Some(verdict), false)];
        record
    }

    fn shown(columns: usize, record: &Record) -> String {
        line(&on_terminal(columns), record, &Ended::default()).trim_end_matches('\n').to_owned()
    }

    /// docs/configuration.md, Access log: on a terminal a line is as wide as that.
    #[test]
    fn a_line_on_a_terminal_has_the_time_of_day_the_whole_path_and_where_it_went() {
        assert_eq!(shown(80, &asked("/users/1")), "12:34:56Z 200 GET      12.3 ms  /users/1  list -> users");
    }

    /// docs/configuration.md, Access log: who asked, and in a file the request's identifier, which other programs have, too.
    #[test]
    fn a_line_tells_the_client_and_in_a_file_the_identifier() {
        let file = |record: &Record| line(&plan(r#"{"format": "text"}"#), record, &Ended::default());
        let told = "2024-02-29T12:34:56.789Z 200 GET        12.345 ms          0 B  192.0.2.1        /a  list -> users  id r1\n";
        assert_eq!(file(&asked("/a")), told);
        assert_eq!(shown(100, &asked("/a")), "12:34:56Z 200 GET      12.3 ms  192.0.2.1        /a  list -> users");
        assert!(!shown(99, &asked("/a")).contains("192.0.2.1"));

        let client = Some("2001:db8:85a3::8a2e:370:7334".parse().unwrap());
        let other = Record { client, request_id: Some(HeaderValue::from_bytes(b"a\xffb").unwrap()), ..asked("/a") };
        assert!(file(&other).contains(" B  2001:db8:85a3::8a2e:370:7334  /a  "), "{}", file(&other));
        assert!(file(&other).ends_with("  id a\\u{fffd}b\n"), "{}", file(&other));
        assert!(shown(100, &other).contains(" ms  2001:db…70:7334  /a  "), "{}", shown(100, &other));

        let mut none = Record { client: None, request_id: None, ..asked("/a") };
        none.facts.as_mut().unwrap().peer = None;
        assert!(file(&none).ends_with(" B  -                /a  list -> users\n"), "{}", file(&none));
    }

    /// docs/configuration.md, Access log: the consumer, where it has room.
    #[test]
    fn a_line_tells_the_consumer() {
        let mut record = asked("/a");
        let consumer = Consumer { name: "acme\u{e9}".into(), ..Consumer::default() };
        let caller = Caller { consumer: Some(consumer.into()), ..Caller::default() };
        record.facts.as_mut().unwrap().caller = Some(caller.into());
        let file = line(&plan(r#"{"format": "text"}"#), &record, &Ended::default());
        assert!(file.ends_with("  /a  list -> users  by acme\\u{e9}  id r1\n"), "{file}");
        assert!(shown(80, &record).ends_with("  /a  list -> users  by acme\\u{e9}"), "{}", shown(80, &record));
        assert!(shown(60, &record).ends_with("  /a  list -> users"), "{}", shown(60, &record));
    }

    /// docs/configuration.md, Access log: what the cache did, what a limit in the shadow would have refused, and the wait for a turn.
    #[test]
    fn a_line_tells_of_the_cache_the_shadow_and_the_wait() {
        let mut record = refused("/a");
        let facts = record.facts.as_mut().unwrap();
        facts.limits[0].shadow = true;
        let verdict = Verdict { admitted: true, ..facts.limits[0].verdict.unwrap() };
        facts.limits.push(Limited { wait: Duration::from_millis(1_950), ..limited("slow", Some(verdict), false) });
        facts.cached = Some("hit");
        let record = Record { error: None, ..record };
        let text = shown(200, &record);
        assert!(
            text.ends_with("  (shadow: five-per-ten-seconds)  (waited 1.9 s for limit: slow)  (cache: hit)"),
            "{text}"
        );
    }

    /// docs/configuration.md, Access log: `attempts`, in both formats and only where there were several.
    #[test]
    fn a_line_tells_how_often_the_request_was_sent() {
        let (plan, mut record) = (plan(r#"{"format": "text"}"#), record());
        assert!(!line(&plan, &record, &Ended::default()).contains("attempts"));
        record.facts.as_mut().unwrap().further_attempts = 2;
        assert!(line(&plan, &record, &Ended::default()).contains("(3 attempts)"));
    }

    #[test]
    fn a_long_path_on_a_terminal_loses_its_middle_and_then_its_route() {
        let path = "/a/very/long/path/that/does/not/fit/on/a/line/of/eighty/columns?page=2";
        let text = shown(80, &asked(path));
        assert_eq!(text, "12:34:56Z 200 GET      12.3 ms  /a/very/long/path/that/…of/eighty/columns?page=2");
        assert_eq!(text.chars().count(), 80);
        assert!(shown(160, &asked(path)).ends_with("columns?page=2  list -> users"));
    }

    #[test]
    fn a_reason_goes_before_the_route_and_leaves_room_for_the_path() {
        let text = shown(80, &refused("/limited"));
        assert!(text.ends_with("  /limited  rate_limited  (limit: five-per-ten-se…"), "{text}");
        let text = shown(80, &refused(&format!("/{}", "a".repeat(100))));
        assert!(text.contains("a…aaa") && text.ends_with("  rate_limited  (limit:…"), "{text}");
    }

    #[test]
    fn no_line_is_wider_than_its_terminal() {
        let records = [
            asked("/"),
            asked("/%C3%BC/and/a/long/one/that/goes/on/and/on?x=1"),
            refused("/limited"),
            refused(&format!("/{}?{}", "a".repeat(90), "b".repeat(90))),
            Record { cause: Some("connection_timeout"), request_id: Some(HeaderValue::from_static("r")), ..asked("/") },
        ];
        for record in &records {
            for columns in 40..200 {
                let text = shown(columns, record);
                assert!(text.chars().count() <= columns, "{columns}: {text}");
            }
        }
    }

    #[test]
    fn durations_take_eight_columns() {
        let columns = |millis: u64| took(Duration::from_millis(millis)).len();
        assert!([0, 1, 999, 1_000, 99_999, 100_000, 9_999_000].into_iter().all(|millis| columns(millis) <= 8));
        assert_eq!(took(Duration::from_millis(1_500)), "1.5 s ");
        assert_eq!(took(Duration::from_micros(999_999)), "999.9 ms");
    }
}
